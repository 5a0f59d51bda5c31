"""Steps on users and roles: the boundary, the deny policies beside it, and the probes of the canary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from bedrock_guard.change.errors import HaltedError
from bedrock_guard.change.look import Kind, PrincipalState
from bedrock_guard.change.probes import Probe, wrong
from bedrock_guard.change.step import Facts, Right, Step, Writer, cli, moved

if TYPE_CHECKING:
    from bedrock_guard.change.look import Look

_BOUNDARY: Final = "iam:PermissionsBoundary"


class PrincipalStep(Step):
    """A step on one user or role; its unique id tells it from one of the same name made later."""

    kind: Kind
    name: str
    arn: str
    unique_id: str

    @property
    def who(self) -> str:
        """`user/NAME` or `role/NAME`."""
        return f"{self.kind}/{self.name}"

    def _here(self, look: Look) -> PrincipalState:
        found = look.principal(self.kind, self.name)
        if found is None:
            raise moved(self.who, "deleted", "there")
        if found.unique_id != self.unique_id:
            raise moved(self.who, "another one of the same name", self.unique_id)
        return found

    def _api(self, verb: str, what: str) -> str:
        return f"{verb}{self.kind.capitalize()}{what}"

    def _name(self) -> dict[str, str]:
        return {f"{self.kind.capitalize()}Name": self.name}


class PutBoundary(PrincipalStep):
    """Another permissions boundary, or none. `text_digest` is what the new one must say at that moment."""

    do: Literal["put_boundary"] = "put_boundary"
    former: tuple[str | None, ...]
    to: str | None
    text_digest: str | None = None

    @property
    def subject(self) -> tuple[str, ...]:
        """See `Step`."""
        return ("boundary", self.arn)

    def words(self) -> str:
        """See `Step`."""
        if self.to is None:
            return f"take the boundary of {self.who} away again"
        held = next((arn for arn in self.former if arn), None)
        instead = f" instead of {held.rpartition('/')[2]}" if held and held != self.to else ""
        return f"give {self.who} the boundary {self.to.rpartition('/')[2]}{instead}"

    def command(self) -> str:
        """See `Step`."""
        name = {f"{self.kind}_name": self.name}
        if self.to is None:
            return cli("iam", f"delete-{self.kind}-permissions-boundary", **name)
        return cli("iam", f"put-{self.kind}-permissions-boundary", **name, permissions_boundary=self.to)

    def goal(self, look: Look) -> Facts | None:
        """The account shows the boundary."""
        return {"boundary": self.to} if self._here(look).boundary == self.to else None

    def guard(self, look: Look) -> None:
        """See `Step`."""
        if self.to is not None and self.text_digest is not None:
            policy = look.policy(self.to)
            if policy is None or policy.digest() != self.text_digest:
                raise moved(f"policy {self.to.rpartition('/')[2]}", "not what the plan made", "ours")
        if self.to is not None and self.text_digest is None and look.head(self.to) is None:
            raise moved(f"policy {self.to.rpartition('/')[2]}", "gone", "there")
        now = self._here(look).boundary
        if now not in self.former:
            raise moved(f"boundary of {self.who}", now or "none", self.former[0] or "none")

    def send(self, writer: Writer, look: Look) -> None:
        """See `Step`."""
        del look
        iam = writer.client("iam")
        if self.to is None:
            getattr(iam, f"delete_{self.kind}_permissions_boundary")(**self._name())
        else:
            getattr(iam, f"put_{self.kind}_permissions_boundary")(**self._name(), PermissionsBoundary=self.to)

    def rights(self) -> Iterator[Right]:
        """See `Step`. Delete is taken to carry the key with the boundary in place."""
        if self.to is None:
            for held in self.former:
                if held:
                    yield Right(self._right("Delete"), self.arn, ((_BOUNDARY, held),))
        else:
            yield Right(self._right("Put"), self.arn, ((_BOUNDARY, self.to),))
        yield Right(f"iam:Get{self.kind.capitalize()}", self.arn)

    def _right(self, verb: str) -> str:
        return f"iam:{self._api(verb, 'PermissionsBoundary')}"


class Attach(PrincipalStep):
    """A deny policy attached to a user or role, or (`on` False) taken off."""

    do: Literal["attach"] = "attach"
    policy: str
    on: bool
    text_digest: str | None = None

    @property
    def subject(self) -> tuple[str, ...]:
        """See `Step`."""
        return ("attached", self.arn, self.policy)

    @property
    def policy_name(self) -> str:
        """The policy's name."""
        return self.policy.rpartition("/")[2]

    def words(self) -> str:
        """See `Step`."""
        return (
            f"{'attach' if self.on else 'detach'} {self.policy_name} {'to' if self.on else 'from'} {self.who}"
        )

    def command(self) -> str:
        """See `Step`."""
        verb = "attach" if self.on else "detach"
        return cli(
            "iam", f"{verb}-{self.kind}-policy", **{f"{self.kind}_name": self.name}, policy_arn=self.policy
        )

    def goal(self, look: Look) -> Facts | None:
        """The account lists it, or no longer."""
        self._here(look)
        return {} if (self.policy in look.attached(self.kind, self.name)) is self.on else None

    def guard(self, look: Look) -> None:
        """See `Step`."""
        self._here(look)
        if self.on and self.text_digest is not None:
            policy = look.policy(self.policy)
            if policy is None or policy.digest() != self.text_digest:
                raise moved(f"policy {self.policy_name}", "not what the plan made", "ours")

    def send(self, writer: Writer, look: Look) -> None:
        """See `Step`."""
        del look
        call = getattr(writer.client("iam"), f"{'attach' if self.on else 'detach'}_{self.kind}_policy")
        call(**self._name(), PolicyArn=self.policy)

    def rights(self) -> Iterator[Right]:
        """See `Step`."""
        verb = "Attach" if self.on else "Detach"
        yield Right(f"iam:{self._api(verb, 'Policy')}", self.arn, (("iam:PolicyARN", self.policy),))
        yield Right(f"iam:ListAttached{self.kind.capitalize()}Policies", self.arn)
        yield Right(f"iam:Get{self.kind.capitalize()}", self.arn)


class Soak(PrincipalStep):
    """The canary, as it is now, asked by SimulatePrincipalPolicy what must stay and what must be refused."""

    writes: ClassVar[bool] = False
    do: Literal["soak"] = "soak"
    probes: tuple[Probe, ...]

    def words(self) -> str:
        """See `Step`."""
        return f"ask {len(self.probes)} probes of the canary {self.who}: what must stay, and what must be refused"

    def goal(self, look: Look) -> Facts | None:
        """Every probe is answered as it must be."""
        self._here(look)
        return {"probes": len(self.probes)} if not wrong(look, self.arn, self.probes) else None

    def guard(self, look: Look) -> None:
        """Say which probes are wrong."""
        found = wrong(look, self.arn, self.probes)
        if found:
            raise HaltedError(
                f"The canary {self.who} does not behave as it must: {'; '.join(found[:3])}.",
                why="The documents, or another policy of the canary, decide otherwise than planned.",
                remedy="Roll back, and change the spec.",
            )

    def rights(self) -> Iterator[Right]:
        """See `Step`."""
        yield Right("iam:SimulatePrincipalPolicy", self.arn)
        yield Right(f"iam:Get{self.kind.capitalize()}", self.arn)
