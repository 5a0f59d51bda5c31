"""The rules for prompts as edited, and what they make: request, statements, enforcement, files. No widget here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tomlkit
import traitlets as t
from pydantic import ValidationError

from bedrock_guard.account.situation import example_spec
from bedrock_guard.boundary import names
from bedrock_guard.boundary.builder import build
from bedrock_guard.boundary.guardrail import create_request, enforcement_request
from bedrock_guard.boundary.prompt_rules import PromptRules
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.errors import GuardError
from bedrock_guard.widgets.prompt_editors import sentence


class PromptChoices(t.HasTraits):
    """The prompt rules as edited, and what they make. No widget here, and no prompt.

    Args:
        spec: the spec to start from, the path of its TOML file, or nothing for the shipped example.
        profile: the profile that enforces the guardrail; may be left out where the spec has one.

    Attributes:
        table: the `[guardrail]` table of the spec as plain data, whether valid or not.
        guardrail: ARN of the guardrail in AWS, without a version; empty before there is one.
        version: the version to enforce or to try.
        rules: the rules of `table`; None while something is wrong with it.
        problems: what is wrong -> the error. Keys are `spec`, `rules`, a field, or `denied_topics.N`.

    """

    table = t.Dict()
    guardrail = t.Unicode()
    version = t.Unicode("1")
    rules = t.Instance(PromptRules, allow_none=True)
    problems = t.Dict()

    def __init__(self, spec: BoundarySpec | str | Path | None = None, profile: str | None = None) -> None:
        super().__init__()
        self.start: BoundarySpec | None = None
        self.profile_name = ""
        self._unread: dict[str, GuardError] = {}
        try:
            self.start = _spec(spec)
            self.profile_name, chosen = self.start.only(profile or None)
        except GuardError as error:
            self._unread = {"spec": error}
        else:
            required = chosen.controls.guardrail_required
            self.guardrail = required if isinstance(required, str) else ""
        self.table = _plain((self.start and self.start.guardrail) or PromptRules())
        self.observe(self._follow, names="table")
        self._follow()

    def change(self, **fields: Any) -> None:
        """Set fields of the table, as plain data."""
        self.table = {**self.table, **fields}

    def strength(self, name: str) -> str:
        """The strength of one harm filter."""
        return str(self.table.get("filters", {}).get(name, self.table.get("explicit_language", "NONE")))

    def set_strength(self, name: str, strength: str) -> None:
        """Set one harm filter; the table names only those that differ from `explicit_language`."""
        filters = {**self.table.get("filters", {}), name: strength}
        common = self.table.get("explicit_language", "NONE")
        self.change(filters={key: value for key, value in filters.items() if value != common})

    def set_all_strengths(self, strength: str) -> None:
        """Set all five harm filters."""
        self.change(explicit_language=strength, filters={})

    @property
    def valid(self) -> PromptRules:
        """The rules.

        Raises:
            GuardError: something is wrong with them; the first of `problems`.

        """
        if self.problems:
            raise next(iter(self.problems.values()))
        assert self.rules is not None
        return self.rules

    def request(self) -> dict[str, Any]:
        """The parameters of CreateGuardrail.

        Raises:
            GuardError: the rules are not valid.

        """
        return create_request(self.valid)

    def toml(self) -> str:
        """The `[guardrail]` part of the spec.

        Raises:
            GuardError: the rules are not valid.

        """
        return tomlkit.dumps({"guardrail": _plain(self.valid)})

    @property
    def arn(self) -> str:
        """The guardrail's ARN, or while there is none a stand-in that no guardrail has."""
        if self.guardrail.strip():
            return self.guardrail.strip()
        if self.start is None or not self.profile_name:
            return "arn:aws:bedrock:us-east-1:111122223333:guardrail/placeholder"
        _, profile = self.start.only(self.profile_name)
        return f"arn:{profile.partition}:bedrock:{profile.regions[0]}:{profile.accounts[0]}:guardrail/placeholder"

    @property
    def named(self) -> bool:
        """Whether a real guardrail is named."""
        return bool(self.guardrail.strip())

    def statements(self) -> dict[str, list[dict[str, Any]]]:
        """Document -> the statements in it that make the guardrail a must, as the builder writes them.

        Raises:
            GuardError: the ARN is none, or the documents cannot be built.

        """
        if self.start is None or not self.profile_name:
            raise self._unread["spec"]
        self._check_arn()
        wanted = self.start.with_controls(self.profile_name, guardrail_required=self.arn)
        built = build(BoundarySpec.loads(wanted.dumps()), profile=self.profile_name)
        found: dict[str, list[dict[str, Any]]] = {}
        for packed in built.packed:
            for statement in packed.document["Statement"]:
                if "guardrail_required" in built.controls_of(packed.name, statement.get("Sid", "")):
                    found.setdefault(packed.name, []).append(statement)
        return found

    def enforced(self) -> dict[str, Any]:
        """The parameters of PutEnforcedGuardrailConfiguration.

        Raises:
            GuardError: the ARN is none, or the version no number.

        """
        self._check_arn()
        return enforcement_request(self.arn, self.version.strip())

    def files(self) -> dict[str, str]:
        """What to take away: name -> text. Enforcement only once a real guardrail is named.

        Raises:
            GuardError: the rules, the ARN or the version are not valid.

        """
        found = {"create-guardrail.json": _json(self.request()), "guardrail.toml": self.toml()}
        if self.named:
            found["enforcement-statements.json"] = _json(self.statements())
            found["enforced-configuration.json"] = _json(self.enforced())
        return found

    def _check_arn(self) -> None:
        if names.guardrail(self.arn) is None:
            raise GuardError(
                "This is no guardrail ARN.",
                remedy="Give it without a version, such as arn:aws:bedrock:us-east-1:111122223333:guardrail/abc123.",
            )

    def _follow(self, _change: object = None) -> None:
        problems = dict(self._unread)
        rules = None
        try:
            rules = PromptRules.model_validate(self.table)
            create_request(rules)
        except ValidationError as error:
            problems |= _problems(error)
        except GuardError as error:
            problems["rules"] = error
        with self.hold_trait_notifications():
            self.rules, self.problems = rules, problems


def _spec(spec: BoundarySpec | str | Path | None) -> BoundarySpec:
    if isinstance(spec, BoundarySpec):
        return spec
    return BoundarySpec.load(spec) if spec else example_spec()


def _plain(rules: PromptRules) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(rules.model_dump_json(exclude_defaults=True))
    return {"name": rules.name, **data}


def _problems(error: ValidationError) -> dict[str, GuardError]:
    found: dict[str, GuardError] = {}
    for detail in error.errors(include_url=False):
        steps = detail["loc"]
        topic = steps[0] == "denied_topics" and len(steps) > 1
        found.setdefault(f"{steps[0]}.{steps[1]}" if topic else str(steps[0]), sentence(detail))
    return found


def _json(value: Any) -> str:
    return f"{json.dumps(value, indent=2)}\n"
