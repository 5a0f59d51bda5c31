"""Steps on service control policies. They have no versions, so ours never change: a new text has a new name.

The new one is attached beside the old one (a second Deny only narrows), and only then the old one is detached.
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from bedrock_guard.account.organization import read_organization
from bedrock_guard.change.errors import MovedError
from bedrock_guard.change.look import SCP
from bedrock_guard.change.step import Facts, Right, Shell, Step, Writer, cli, moved
from bedrock_guard.change.texts import PolicyText, digest
from bedrock_guard.iam.quotas import MAX_SCPS_PER_TARGET

if TYPE_CHECKING:
    from bedrock_guard.change.look import Look


class ScpStep(Step):
    """A step on one SCP, known by its name."""

    name: str

    def _id(self, look: Look) -> str:
        found = look.scp(self.name)
        if found is None:
            raise moved(f"SCP {self.name}", "gone", "there")
        return found[0]

    def _shell_id(self) -> Shell:
        query = f"Policies[?Name=='{self.name}'].Id"
        return Shell(f'$(aws organizations list-policies --filter {SCP} --query "{query}" --output text)')

    def _rights(self, *actions: str) -> Iterator[Right]:
        for action in (*actions, "ListPolicies", "DescribePolicy", "ListPoliciesForTarget"):
            yield Right(f"organizations:{action}")


class CreateScp(ScpStep):
    """A new SCP, attached nowhere."""

    do: Literal["create_scp"] = "create_scp"
    text: PolicyText
    description: str

    def words(self) -> str:
        """See `Step`."""
        return f"create SCP {self.name} (no effect until it is attached)"

    def command(self) -> str:
        """See `Step`."""
        return cli(
            "organizations", "create-policy", type=SCP, name=self.name, description=self.description,
            content=self.text,
        )  # fmt: skip

    def goal(self, look: Look) -> Facts | None:
        """It is there with our text."""
        found = look.scp(self.name)
        if found is None:
            return None
        if digest(found[1]) != digest(self.text):
            raise moved(f"SCP {self.name}", "there with another text", "absent")
        return {"policy_id": found[0]}

    def send(self, writer: Writer, look: Look) -> None:
        """See `Step`."""
        del look
        writer.client("organizations").create_policy(
            Name=self.name, Description=self.description, Content=self.text, Type=SCP
        )

    def rights(self) -> Iterator[Right]:
        """See `Step`."""
        return self._rights("CreatePolicy")


class DeleteScp(ScpStep):
    """The way back of `CreateScp`: only ours, and only while it is attached nowhere."""

    do: Literal["delete_scp"] = "delete_scp"
    text: PolicyText

    def words(self) -> str:
        """See `Step`."""
        return f"delete SCP {self.name}, which is attached nowhere"

    def command(self) -> str:
        """See `Step`."""
        return cli("organizations", "delete-policy", policy_id=self._shell_id())

    def goal(self, look: Look) -> Facts | None:
        """It is gone."""
        return {} if look.scp(self.name) is None else None

    def guard(self, look: Look) -> None:
        """See `Step`."""
        found = look.scp(self.name)
        if found is None or digest(found[1]) != digest(self.text):
            raise moved(f"SCP {self.name}", "not our text", "ours")
        call = look.organizations.list_targets_for_policy
        targets = [
            str(row["TargetId"]) for row in look.pages(call, "Targets", "NextToken", PolicyId=found[0])
        ]
        if targets:
            raise moved(f"SCP {self.name}", f"attached to {', '.join(targets)}", "attached nowhere")

    def send(self, writer: Writer, look: Look) -> None:
        """See `Step`."""
        writer.client("organizations").delete_policy(PolicyId=self._id(look))

    def rights(self) -> Iterator[Right]:
        """See `Step`."""
        yield Right("organizations:ListTargetsForPolicy")
        yield from self._rights("DeletePolicy")


class AttachScp(ScpStep):
    """An SCP on a unit or account, or (`on` False) taken off. `beside` names all that must be there besides.

    Whoever attaches one must be able to see which accounts it will bind. `spares` is the operator's own account where
    the plan found that the SCP does not bind it: should it have come under the target since, nothing is attached.
    """

    do: Literal["attach_scp"] = "attach_scp"
    target: str
    on: bool
    beside: tuple[str, ...] | None = None
    spares: str = ""

    def words(self) -> str:
        """See `Step`."""
        return (
            f"{'attach' if self.on else 'detach'} SCP {self.name} {'to' if self.on else 'from'} {self.target}"
        )

    def command(self) -> str:
        """See `Step`."""
        verb = "attach" if self.on else "detach"
        return cli("organizations", f"{verb}-policy", policy_id=self._shell_id(), target_id=self.target)

    def goal(self, look: Look) -> Facts | None:
        """The target lists it, or no longer."""
        held = look.scps_on(self.target)
        if held is None:
            raise moved(self.target, "gone", "there")
        return {"policy_id": held.get(self.name)} if (self.name in held) is self.on else None

    def guard(self, look: Look) -> None:
        """See `Step`. The last SCP of a target is never taken off."""
        held = look.scps_on(self.target)
        if held is None:
            raise moved(self.target, "gone", "there")
        others = set(held) - {self.name}
        if self.beside is not None and others != set(self.beside):
            raise moved(f"SCPs of {self.target}", ", ".join(sorted(others)), ", ".join(sorted(self.beside)))
        if self.on and len(held) >= MAX_SCPS_PER_TARGET:
            raise MovedError(
                f"{self.target} has {len(held)} SCPs; {MAX_SCPS_PER_TARGET} are the most.",
                remedy="Detach one that it does not need, then resume; or roll back.",
            )
        if not self.on and not others:
            raise MovedError(
                f"{self.name} is the last SCP of {self.target}; without one nothing is allowed there.",
                remedy="Attach another one there (FullAWSAccess, say), then resume or roll back again.",
            )
        if self.spares:
            covered = read_organization(look.session).covered(self.target)
            if covered is None or self.spares in covered:
                now = "unknown" if covered is None else f"with account {self.spares}"
                raise moved(f"accounts under {self.target}", now, f"without account {self.spares}")

    def send(self, writer: Writer, look: Look) -> None:
        """See `Step`."""
        client = writer.client("organizations")
        call = client.attach_policy if self.on else client.detach_policy
        call(PolicyId=self._id(look), TargetId=self.target)

    def rights(self) -> Iterator[Right]:
        """See `Step`."""
        wide = ("AttachPolicy", "ListAccounts", "DescribeOrganization")
        return self._rights(*(wide if self.on else ("DetachPolicy",)))
