"""Steps on the guardrail: its draft, a version of it, and what the account enforces in a Region.

A version never changes; enforcement names one. https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-enforcements.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from bedrock_guard.change.errors import HaltedError
from bedrock_guard.change.guardrails import (
    GuardrailState,
    Request,
    guardrail_digest,
    read_enforced,
    read_guardrail,
)
from bedrock_guard.change.step import Facts, Right, Shell, Step, Writer, cli, moved
from bedrock_guard.change.texts import canonical, digest

if TYPE_CHECKING:
    from bedrock_guard.change.look import Look

_AT_WORK = ("CREATING", "UPDATING", "VERSIONING")
_READS = ("ListGuardrails", "GetGuardrail")


class GuardrailStep(Step):
    """A step on one guardrail of a Region, known by its name."""

    region: str
    name: str

    def _there(self, look: Look) -> GuardrailState:
        found = read_guardrail(look, self.region, self.name)
        if found is None:
            raise moved(f"guardrail {self.name}", "gone", "there")
        return found

    def _client(self, writer: Writer) -> Any:
        return writer.session.client("bedrock", self.region, attempts=1)

    def _shell_id(self) -> Shell:
        return Shell(
            f"$(aws bedrock list-guardrails --region {self.region} --output text "
            f"--query \"guardrails[?name=='{self.name}'].id\")"
        )

    def _rights(self, *actions: str) -> Iterator[Right]:
        for action in (*actions, *_READS):
            yield Right(f"bedrock:{action}", keys=(("aws:RequestedRegion", self.region),))


class PutGuardrail(GuardrailStep):
    """The guardrail's draft says what the spec says. `former` is the request of the draft before; None: new."""

    do: Literal["put_guardrail"] = "put_guardrail"
    request: Request
    former: Request | None = None

    def words(self) -> str:
        """See `Step`."""
        if self.former is None:
            return f"create guardrail {self.name} in {self.region} (no effect until calls name it or it is enforced)"
        return f"update the draft of guardrail {self.name} in {self.region}; its versions stay as they are"

    def command(self) -> str:
        """See `Step`."""
        text = canonical(self.request)
        if self.former is None:
            return cli("bedrock", "create-guardrail", region=self.region, cli_input_json=text)
        return cli(
            "bedrock", "update-guardrail", region=self.region, guardrail_identifier=self._shell_id(),
            cli_input_json=text,
        )  # fmt: skip

    def goal(self, look: Look) -> Facts | None:
        """The draft does what the request says, and is ready."""
        found = read_guardrail(look, self.region, self.name)
        if found is None or guardrail_digest(found.request) != guardrail_digest(self.request):
            return None
        if found.status == "FAILED":
            raise HaltedError(
                f"Bedrock could not make guardrail {self.name}.", remedy="Look at its status reasons."
            )
        return {"guardrail_id": found.guardrail_id} if found.status == "READY" else None

    def under_way(self, look: Look) -> bool:
        """See `Step`."""
        found = read_guardrail(look, self.region, self.name)
        return (
            found is not None
            and found.status in _AT_WORK
            and guardrail_digest(found.request) == guardrail_digest(self.request)
        )

    def guard(self, look: Look) -> None:
        """See `Step`."""
        found = read_guardrail(look, self.region, self.name)
        if self.former is None:
            if found is not None:
                raise moved(f"guardrail {self.name}", "there", "absent")
        elif found is None:
            raise moved(f"guardrail {self.name}", "gone", "there")
        elif guardrail_digest(found.request) != guardrail_digest(self.former):
            raise moved(f"draft of guardrail {self.name}", "another text", "the one it saw")

    def send(self, writer: Writer, look: Look) -> None:
        """See `Step`."""
        client = self._client(writer)
        if self.former is None:
            client.create_guardrail(**self.request)
        else:
            client.update_guardrail(guardrailIdentifier=self._there(look).guardrail_id, **self.request)

    def rights(self) -> Iterator[Right]:
        """See `Step`."""
        return self._rights("CreateGuardrail" if self.former is None else "UpdateGuardrail")


class CreateGuardrailVersion(GuardrailStep):
    """A version of the draft, known by its description."""

    do: Literal["create_guardrail_version"] = "create_guardrail_version"
    description: str
    draft_digest: str

    def words(self) -> str:
        """See `Step`."""
        return f"make a version of guardrail {self.name}"

    def command(self) -> str:
        """See `Step`."""
        return cli(
            "bedrock", "create-guardrail-version", region=self.region, guardrail_identifier=self._shell_id(),
            description=self.description,
        )  # fmt: skip

    def goal(self, look: Look) -> Facts | None:
        """A version has our description."""
        found = self._there(look)
        ours = versions_named(found, self.description)
        return {"version": ours[0]} if ours and found.status == "READY" else None

    def under_way(self, look: Look) -> bool:
        """See `Step`."""
        found = self._there(look)
        return found.status in _AT_WORK and bool(versions_named(found, self.description))

    def guard(self, look: Look) -> None:
        """See `Step`."""
        if guardrail_digest(self._there(look).request) != self.draft_digest:
            raise moved(f"draft of guardrail {self.name}", "another text", "ours")

    def send(self, writer: Writer, look: Look) -> None:
        """See `Step`."""
        self._client(writer).create_guardrail_version(
            guardrailIdentifier=self._there(look).guardrail_id, description=self.description
        )

    def rights(self) -> Iterator[Right]:
        """See `Step`."""
        return self._rights("CreateGuardrailVersion")


class DeleteGuardrail(GuardrailStep):
    """The way back: the version with our description goes, or (no description) the whole guardrail that we made."""

    do: Literal["delete_guardrail"] = "delete_guardrail"
    description: str | None = None
    draft_digest: str

    def words(self) -> str:
        """See `Step`."""
        return f"delete {'our version of ' if self.description else ''}guardrail {self.name}"

    def command(self) -> str:
        """See `Step`."""
        version = (
            Shell(
                f"$(aws bedrock list-guardrails --region {self.region} --guardrail-identifier {self._shell_id()} "
                f"--query \"guardrails[?description=='{self.description}'].version\" --output text)"
            )
            if self.description
            else None
        )
        return cli(
            "bedrock", "delete-guardrail", region=self.region, guardrail_identifier=self._shell_id(),
            guardrail_version=version,
        )  # fmt: skip

    def goal(self, look: Look) -> Facts | None:
        """It is gone."""
        found = read_guardrail(look, self.region, self.name)
        if found is None:
            return {}
        if self.description is None:
            return None
        return None if versions_named(found, self.description) else {}

    def guard(self, look: Look) -> None:
        """See `Step`."""
        found = self._there(look)
        if self.description is None:
            if guardrail_digest(found.request) != self.draft_digest:
                raise moved(f"draft of guardrail {self.name}", "another text", "ours")
            if found.versions:
                raise moved(f"guardrail {self.name}", f"with versions {', '.join(found.versions)}", "without")
        enforced = read_enforced(look, self.region)
        if enforced is not None and enforced.config["guardrailIdentifier"] in (found.arn, found.guardrail_id):
            held = str(enforced.config.get("guardrailVersion"))
            if self.description is None or held in versions_named(found, self.description):
                raise moved(f"guardrail {self.name}", "enforced", "not enforced")

    def send(self, writer: Writer, look: Look) -> None:
        """See `Step`."""
        found = self._there(look)
        which = {"guardrailVersion": versions_named(found, self.description)[-1]} if self.description else {}
        self._client(writer).delete_guardrail(guardrailIdentifier=found.guardrail_id, **which)

    def rights(self) -> Iterator[Right]:
        """See `Step`."""
        return self._rights("DeleteGuardrail", "ListEnforcedGuardrailsConfiguration")


class Enforce(GuardrailStep):
    """The account enforces our version of the guardrail in a Region. `former` is what it enforced before."""

    do: Literal["enforce"] = "enforce"
    description: str
    config: Request
    """What PutEnforcedGuardrailConfiguration takes, without the guardrail and its version."""
    former: Request | None = None

    def words(self) -> str:
        """See `Step`."""
        return f"enforce our version of guardrail {self.name} on every call of {self.region}"

    def command(self) -> str:
        """See `Step`."""
        return f"# enforce: put-enforced-guardrail-configuration in {self.region} with the version made above"

    def _wanted(self, look: Look) -> Request | None:
        found = self._there(look)
        ours = versions_named(found, self.description)
        if not ours:
            return None
        return {"guardrailIdentifier": found.arn, "guardrailVersion": ours[0], **self.config}

    def goal(self, look: Look) -> Facts | None:
        """The Region lists our version."""
        now = read_enforced(look, self.region)
        if now is None or digest(now.config) != digest(self._wanted(look)):
            return None
        return {"config_id": now.config_id}

    def guard(self, look: Look) -> None:
        """See `Step`."""
        now = read_enforced(look, self.region)
        if digest(now.config if now else None) != digest(self.former):
            raise moved(f"enforced guardrail of {self.region}", "another", "what it saw")
        if self._wanted(look) is None:
            raise moved(f"guardrail {self.name}", "without our version", "with it")

    def send(self, writer: Writer, look: Look) -> None:
        """See `Step`."""
        now = read_enforced(look, self.region)
        which = {"configId": now.config_id} if now else {}
        self._client(writer).put_enforced_guardrail_configuration(
            guardrailInferenceConfig=self._wanted(look), **which
        )

    def rights(self) -> Iterator[Right]:
        """See `Step`."""
        return self._rights("PutEnforcedGuardrailConfiguration", "ListEnforcedGuardrailsConfiguration")


class Unenforce(GuardrailStep):
    """The way back of `Enforce`: what was enforced before, or nothing."""

    do: Literal["unenforce"] = "unenforce"
    description: str
    former: Request | None = None

    def words(self) -> str:
        """See `Step`."""
        return (
            f"enforce in {self.region} what was enforced before"
            if self.former
            else f"end the enforcement of a guardrail in {self.region}"
        )

    def command(self) -> str:
        """See `Step`."""
        config = Shell(
            f"$(aws bedrock list-enforced-guardrails-configuration --region {self.region} "
            "--query 'guardrailsConfig[0].configId' --output text)"
        )
        if self.former is None:
            return cli(
                "bedrock", "delete-enforced-guardrail-configuration", region=self.region, config_id=config
            )
        return cli(
            "bedrock", "put-enforced-guardrail-configuration", region=self.region, config_id=config,
            guardrail_inference_config=canonical(self.former),
        )  # fmt: skip

    def goal(self, look: Look) -> Facts | None:
        """The Region lists what it listed before."""
        now = read_enforced(look, self.region)
        return {} if digest(now.config if now else None) == digest(self.former) else None

    def guard(self, look: Look) -> None:
        """See `Step`."""
        now = read_enforced(look, self.region)
        found = read_guardrail(look, self.region, self.name)
        ours = versions_named(found, self.description) if found else []
        if (
            now is None
            or found is None
            or now.config["guardrailIdentifier"] not in (found.arn, found.guardrail_id)
            or now.config.get("guardrailVersion") not in ours
        ):
            raise moved(f"enforced guardrail of {self.region}", "another", "ours")

    def send(self, writer: Writer, look: Look) -> None:
        """See `Step`."""
        now = read_enforced(look, self.region)
        which = {"configId": now.config_id} if now else {}
        client = self._client(writer)
        if self.former is None:
            client.delete_enforced_guardrail_configuration(**which)
        else:
            client.put_enforced_guardrail_configuration(guardrailInferenceConfig=self.former, **which)

    def rights(self) -> Iterator[Right]:
        """See `Step`."""
        action = (
            "PutEnforcedGuardrailConfiguration" if self.former else "DeleteEnforcedGuardrailConfiguration"
        )
        return self._rights(action, "ListEnforcedGuardrailsConfiguration")


def versions_named(found: GuardrailState, description: str | None) -> list[str]:
    """The versions with a description, lowest first."""
    return sorted((v for v, text in found.versions.items() if text == description), key=int)
