"""Steps on managed policies: create, prune, stage, flip, and the ways back.

An update is never one call: the text is staged as a version that has no effect, read back, and only then made the
default, which acts at once on everybody the policy is attached to.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from bedrock_guard.change.errors import MovedError
from bedrock_guard.change.look import PolicyState, number
from bedrock_guard.change.step import Facts, Right, Shell, Step, Writer, cli, moved
from bedrock_guard.change.texts import PolicyText, digest
from bedrock_guard.iam.quotas import MAX_MANAGED_POLICY_VERSIONS

if TYPE_CHECKING:
    from bedrock_guard.change.look import Look

_READS = ("GetPolicy", "GetPolicyVersion", "ListPolicyVersions")


class PolicyStep(Step):
    """A step on one managed policy."""

    arn: str

    @property
    def name(self) -> str:
        """The policy's name."""
        return self.arn.rpartition("/")[2]

    @property
    def path(self) -> str:
        """The policy's path, `/` for none."""
        _, _, resource = self.arn.partition(":policy")
        return f"{resource.rpartition('/')[0]}/"

    @property
    def subject(self) -> tuple[str, ...]:
        """See `Step`. That a policy is there, or is not, is one subject; what its versions are is another."""
        return ("policy", self.arn) if isinstance(self, CreatePolicy | DeletePolicy) else (self.key,)

    def _rights(self, *actions: str) -> Iterator[Right]:
        for action in (*actions, *_READS):
            yield Right(f"iam:{action}", self.arn)

    def _new_version(self, text: str) -> str:
        """The line that makes a version which is not the default."""
        return cli(
            "iam", "create-policy-version", policy_arn=self.arn, policy_document=text, set_as_default=False
        )

    def _send_version(self, writer: Writer, text: str) -> None:
        """The same as a request."""
        writer.client("iam").create_policy_version(
            PolicyArn=self.arn, PolicyDocument=text, SetAsDefault=False
        )


def _there(look: Look, step: PolicyStep, policy_id: str | None = None) -> PolicyState:
    found = look.policy(step.arn)
    if found is None:
        raise moved(f"policy {step.name}", "gone", "there")
    if policy_id is not None and found.policy_id != policy_id:
        raise moved(f"policy {step.name}", f"another one ({found.policy_id})", policy_id)
    return found


def _newest(arn: str) -> Shell:
    query = "sort_by(Versions,&CreateDate)[-1].VersionId"
    return Shell(f"$(aws iam list-policy-versions --policy-arn {arn} --query '{query}' --output text)")


class CreatePolicy(PolicyStep):
    """A new managed policy."""

    do: Literal["create_policy"] = "create_policy"
    text: PolicyText
    description: str = "Made by bedrock-guard"

    def words(self) -> str:
        """See `Step`."""
        return f"create policy {self.name} (no effect until it is attached)"

    def command(self) -> str:
        """See `Step`."""
        return cli(
            "iam", "create-policy", policy_name=self.name, path=self.path, policy_document=self.text,
            description=self.description,
        )  # fmt: skip

    def goal(self, look: Look) -> Facts | None:
        """It is there with our text."""
        found = look.policy(self.arn)
        if found is None:
            return None
        if found.digest() != digest(self.text):
            raise moved(f"policy {self.name}", "there with another text", "absent")
        return {"policy_id": found.policy_id}

    def send(self, writer: Writer, look: Look) -> None:
        """See `Step`."""
        del look
        writer.client("iam").create_policy(
            PolicyName=self.name, Path=self.path, PolicyDocument=self.text, Description=self.description
        )

    def rights(self) -> Iterator[Right]:
        """See `Step`."""
        return self._rights("CreatePolicy")


class DeletePolicy(PolicyStep):
    """A policy that was ours goes: only while nobody uses it and its one version is our text."""

    do: Literal["delete_policy"] = "delete_policy"
    text: PolicyText

    def words(self) -> str:
        """See `Step`."""
        return f"delete policy {self.name}, which nobody uses"

    def command(self) -> str:
        """See `Step`."""
        return cli("iam", "delete-policy", policy_arn=self.arn)

    def goal(self, look: Look) -> Facts | None:
        """It is gone."""
        return {} if look.head(self.arn) is None else None

    def guard(self, look: Look) -> None:
        """See `Step`."""
        found = _there(look, self)
        if found.digest() != digest(self.text):
            raise moved(f"policy {self.name}", "there with another text", "ours")
        if len(found.texts) > 1:
            raise moved(f"policy {self.name}", f"in {len(found.texts)} versions", "one version")
        uses = look.uses(self.arn)
        users = sorted(uses.boundary | uses.permissions)
        if users:
            raise moved(f"policy {self.name}", f"used by {', '.join(users)}", "not used")

    def send(self, writer: Writer, look: Look) -> None:
        """See `Step`."""
        del look
        writer.client("iam").delete_policy(PolicyArn=self.arn)

    def rights(self) -> Iterator[Right]:
        """See `Step`."""
        return self._rights("DeletePolicy", "ListEntitiesForPolicy")


class Prune(PolicyStep):
    """The oldest version that is not the default goes, to make room for the fifth. Its text stays in the plan."""

    do: Literal["prune"] = "prune"
    policy_id: str
    default: str
    version: str
    text: PolicyText

    def words(self) -> str:
        """See `Step`."""
        return (
            f"delete version {self.version} of {self.name}: five are the most, and it is not the default "
            "(its text is kept in the plan)"
        )

    def command(self) -> str:
        """See `Step`."""
        return cli("iam", "delete-policy-version", policy_arn=self.arn, version_id=self.version)

    def goal(self, look: Look) -> Facts | None:
        """The version is gone."""
        found = _there(look, self, self.policy_id)
        return None if self.version in found.texts else {}

    def guard(self, look: Look) -> None:
        """See `Step`."""
        found = _there(look, self, self.policy_id)
        if found.default != self.default:
            raise moved(f"default version of {self.name}", found.default, self.default)

    def send(self, writer: Writer, look: Look) -> None:
        """See `Step`."""
        del look
        writer.client("iam").delete_policy_version(PolicyArn=self.arn, VersionId=self.version)

    def rights(self) -> Iterator[Right]:
        """See `Step`."""
        return self._rights("DeletePolicyVersion")


class Stage(PolicyStep):
    """The new text as a version that is not the default: no effect yet."""

    do: Literal["stage"] = "stage"
    policy_id: str
    default: str
    above: int
    text: PolicyText

    def words(self) -> str:
        """See `Step`."""
        return f"stage the new text of {self.name} as a version that has no effect yet"

    def command(self) -> str:
        """See `Step`."""
        return self._new_version(self.text)

    def goal(self, look: Look) -> Facts | None:
        """Exactly one version above the plan's highest has our text."""
        found = _there(look, self, self.policy_id)
        ours = found.having(digest(self.text), self.above)
        return {"version": ours[0]} if len(ours) == 1 else None

    def guard(self, look: Look) -> None:
        """See `Step`."""
        found = _there(look, self, self.policy_id)
        if found.default != self.default:
            raise moved(f"default version of {self.name}", found.default, self.default)
        ours = found.having(digest(self.text), self.above)
        foreign = sorted(v for v in found.texts if number(v) > self.above and v not in ours)
        if foreign:
            raise moved(f"policy {self.name}", f"with a version {', '.join(foreign)}", "without it")

    def send(self, writer: Writer, look: Look) -> None:
        """Create the version; or, where a late answer left twins, delete the younger."""
        found = _there(look, self, self.policy_id)
        ours = found.having(digest(self.text), self.above)
        twin = next((v for v in reversed(ours[1:]) if v != found.default), None)
        if twin:
            writer.client("iam").delete_policy_version(PolicyArn=self.arn, VersionId=twin)
        else:
            self._send_version(writer, self.text)

    def rights(self) -> Iterator[Right]:
        """See `Step`."""
        return self._rights("CreatePolicyVersion", "DeletePolicyVersion")


class Unstage(PolicyStep):
    """The way back of `Stage`: our version goes unless it is the default."""

    do: Literal["unstage"] = "unstage"
    above: int
    text: PolicyText

    def words(self) -> str:
        """See `Step`."""
        return f"delete the staged version of {self.name}"

    def command(self) -> str:
        """See `Step`."""
        newest = _newest(self.arn)
        return cli("iam", "delete-policy-version", policy_arn=self.arn, version_id=newest)

    def _ours(self, look: Look) -> list[str]:
        found = look.policy(self.arn)
        return found.having(digest(self.text), self.above) if found else []

    def goal(self, look: Look) -> Facts | None:
        """No version above the plan's highest has our text."""
        return None if self._ours(look) else {}

    def guard(self, look: Look) -> None:
        """See `Step`."""
        found = _there(look, self)
        if found.default in self._ours(look):
            raise moved(f"default version of {self.name}", f"{found.default}, our text", "the former one")

    def send(self, writer: Writer, look: Look) -> None:
        """See `Step`."""
        writer.client("iam").delete_policy_version(PolicyArn=self.arn, VersionId=self._ours(look)[-1])

    def rights(self) -> Iterator[Right]:
        """See `Step`."""
        return self._rights("DeletePolicyVersion")


class Restore(PolicyStep):
    """The way back of `Prune`: the text is there again, under a new number, since IAM never uses one twice."""

    do: Literal["restore"] = "restore"
    version: str
    text: PolicyText
    times: int = 1
    """How many versions had this text before."""

    def words(self) -> str:
        """See `Step`."""
        return f"put the text of the pruned version {self.version} of {self.name} back, under a new number"

    def command(self) -> str:
        """See `Step`."""
        return self._new_version(self.text)

    def goal(self, look: Look) -> Facts | None:
        """As many versions have the text as before."""
        found = look.policy(self.arn)
        held = found.having(digest(self.text)) if found else []
        if len(held) < self.times:
            return None
        return {"version": held[-1], "note": f"The text of {self.version} of {self.name} is {held[-1]} now."}

    def guard(self, look: Look) -> None:
        """See `Step`."""
        if len(_there(look, self).texts) >= MAX_MANAGED_POLICY_VERSIONS:
            raise MovedError(
                f"{self.name} has five versions; the text of {self.version} is in the plan only."
            )

    def send(self, writer: Writer, look: Look) -> None:
        """See `Step`."""
        del look
        self._send_version(writer, self.text)

    def rights(self) -> Iterator[Right]:
        """See `Step`."""
        return self._rights("CreatePolicyVersion")


class Flip(PolicyStep):
    """Another version becomes the default: everybody the policy is attached to changes at once, all or none."""

    do: Literal["flip"] = "flip"
    policy_id: str
    from_version: str | None
    from_digest: str
    to_version: str | None
    to_digest: str
    users: tuple[str, ...] | None = None
    """Who may use the policy when it flips; anybody else stops it. None, on the way back: whoever does."""

    def words(self) -> str:
        """See `Step`."""
        to = self.to_version or "the staged version"
        if self.users is None:
            return f"make {to} the default of {self.name} again: everybody who uses it changes at once"
        return f"make {to} the default of {self.name}: {len(self.users)} who use it change at once"

    def command(self) -> str:
        """See `Step`."""
        newest = _newest(self.arn)
        return cli(
            "iam",
            "set-default-policy-version",
            policy_arn=self.arn,
            version_id=self.to_version or newest,
        )

    def goal(self, look: Look) -> Facts | None:
        """The default is the version wanted."""
        found = _there(look, self, self.policy_id)
        if self.to_version is not None:
            return {"default": found.default} if found.default == self.to_version else None
        return {"default": found.default} if found.digest() == self.to_digest else None

    def guard(self, look: Look) -> None:
        """See `Step`. IAM has no If-Match: the last look at the default comes as late as it can."""
        found = _there(look, self, self.policy_id)
        if found.digest() != self.from_digest or self.from_version not in (None, found.default):
            raise moved(f"default version of {self.name}", found.default, self.from_version or "ours")
        if not self._chosen(found):
            raise moved(f"policy {self.name}", "without the version to flip to", "with it")
        if self.users is not None:
            uses = look.uses(self.arn)
            extra = sorted((uses.boundary | uses.permissions) - set(self.users))
            if extra:
                raise moved(f"users of {self.name}", f"also {', '.join(extra)}", f"{len(self.users)}")
        head = look.head(self.arn)
        if head is None or head[1] != found.default:
            raise moved(f"default version of {self.name}", head and head[1], found.default)

    def _chosen(self, found: PolicyState) -> str | None:
        if self.to_version is not None:
            return self.to_version if self.to_version in found.texts else None
        return next(iter(reversed(found.having(self.to_digest))), None)

    def send(self, writer: Writer, look: Look) -> None:
        """See `Step`."""
        chosen = self.to_version or self._chosen(_there(look, self, self.policy_id))
        writer.client("iam").set_default_policy_version(PolicyArn=self.arn, VersionId=chosen)

    def rights(self) -> Iterator[Right]:
        """See `Step`."""
        return self._rights("SetDefaultPolicyVersion", "ListEntitiesForPolicy")
