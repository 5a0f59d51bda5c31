"""The governance choice, as one TOML file that a person can review in a pull request.

A spec says for each team (`[profile.NAME]`) which models are approved by which route from which regions, which EC2
types may start, and which controls are on. `builder.build` turns it into IAM documents; nothing here knows statements.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

import tomlkit
from pydantic import ConfigDict, Field, StrictInt, StrictStr, ValidationError, field_validator

from bedrock_guard.boundary import names, starting_points
from bedrock_guard.boundary.catalogue import Catalogue, shipped
from bedrock_guard.boundary.checks import check
from bedrock_guard.boundary.profile import (
    MAX_MODELS,
    Controls,
    Frozen,
    Modality,
    ModelChoice,
    Names,
    Placement,
    Profile,
    SpecException,
)
from bedrock_guard.boundary.prompt_rules import PromptRules
from bedrock_guard.boundary.spec_text import SpecError, first, parse, read_text

__all__ = [
    "MAX_MODELS",
    "BoundarySpec",
    "Controls",
    "Modality",
    "ModelChoice",
    "Names",
    "Placement",
    "Profile",
    "SpecError",
    "SpecException",
    "source_regions",
]

_Spec = TypeVar("_Spec", bound="BoundarySpec")


class BoundarySpec(Frozen):
    """The whole file.

    Example:
        >>> spec = BoundarySpec.loads(BoundarySpec.strict("111122223333", "us-east-1").dumps())
        >>> spec.profile["default"].approve_nothing
        True
    """

    version: Annotated[StrictInt, Field(ge=1, le=1)] = 1
    profile: Mapping[StrictStr, Profile]
    exceptions: tuple[SpecException, ...] = Field(default=(), alias="exception")
    guardrail: PromptRules | None = None
    """What prompts may say."""
    findings: Mapping[StrictStr, Annotated[StrictInt, Field(ge=1)]] = Field(default_factory=dict)
    """When a finding about keys speaks, such as `key_age_days = 30`; what is not named keeps its default."""
    notes: tuple[str, ...] = Field(default=(), exclude=True)
    """What reading the file changed, in sentences: an id given as a profile or an ARN and what it became."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    @field_validator("profile")
    @classmethod
    def _some_profile(cls, value: Mapping[str, Profile]) -> Mapping[str, Profile]:
        if not value:
            raise ValueError("there is no [profile.NAME]")
        bad = [name for name in value if not names.is_policy_name(name) or len(name) > 32]
        if bad:
            raise ValueError(f"{bad[0]!r} is no profile name: letters, digits and -_.@ only, at most 32")
        return value

    @classmethod
    def load(cls, path: str | Path, catalogue: Catalogue | None = None) -> Self:
        """Read a file; see `loads`.

        Raises:
            SpecError: no such file, not UTF-8, not TOML, or not a valid spec; names key and line.
        """
        return cls.loads(read_text(path), catalogue)

    @classmethod
    def loads(cls, text: str, catalogue: Catalogue | None = None) -> Self:
        """Read the TOML text and check it against a catalogue (the shipped one when none is given).

        Raises:
            SpecError: as `load`.
        """
        return _read(cls, text).checked(catalogue or shipped(), text)

    def checked(self, catalogue: Catalogue, text: str = "") -> Self:
        """The spec with its model ids normalised; `notes` say what that changed.

        Args:
            catalogue: the models there are.
            text: the file, so that a fault names its line.

        Raises:
            SpecError: the first fault found.
        """
        found = check(self.profile, self.exceptions, catalogue, text)
        notes = (*self.notes, *found.notes)
        return self.model_copy(
            update={"profile": found.profiles, "exceptions": found.exceptions, "notes": notes}
        )

    def dumps(self) -> str:
        """The TOML text of this spec; `loads` of it gives an equal spec."""
        data = json.loads(self.model_dump_json(by_alias=True, exclude_defaults=True))
        data.setdefault("version", self.version)
        for entry, source in zip(data.get("exception", ()), self.exceptions, strict=True):
            entry["until"] = source.until
        return tomlkit.dumps(_tables(data))

    def only(self, name: str | None = None) -> tuple[str, Profile]:
        """The named profile, or the single one there is.

        Raises:
            SpecError: no such profile, or several and none named.
        """
        if name is None and len(self.profile) == 1:
            return next(iter(self.profile.items()))
        if name is None or name not in self.profile:
            known = ", ".join(sorted(self.profile))
            raise SpecError(
                f"No profile {name!r}." if name else "Which profile?", remedy=f"Name one of: {known}."
            )
        return name, self.profile[name]

    def with_controls(self, profile: str | None = None, **changes: Any) -> Self:
        """The same spec with some controls of one profile set otherwise."""
        name, chosen = self.only(profile)
        controls = Controls.model_validate({**chosen.controls.model_dump(), **changes})
        changed = chosen.model_copy(update={"controls": controls})
        return self.model_copy(update={"profile": {**self.profile, name: changed}})

    @classmethod
    def strict(cls, account: str, *regions: str, partition: str = "aws", **settings: Any) -> Self:
        """Everything forbidden, no model approved: the closed end of the scale.

        Raises:
            SpecError: the account, a region or a setting is not valid.
        """
        closed = starting_points.strict(account, regions, partition=partition, **settings)
        return cls._of({"profile": {"default": closed}})

    @classmethod
    def from_draft(cls, account: str = "111122223333", *regions: str) -> Self:
        """What the first draft policies wished for, corrected: Haiku 4.5 by a geography, small instances.

        Regions are by default us-east-1, and the geography is theirs.

        Raises:
            SpecError: the account or a region is not valid, or Haiku is not offered there by a geography's profile.
        """
        draft = starting_points.from_draft(account, regions or ("us-east-1",), shipped())
        return cls._of({"profile": {"draft": draft}})

    @classmethod
    def _of(cls, data: Mapping[str, Any]) -> Self:
        return cls.loads(cls.model_validate(data).dumps())

    @classmethod
    def from_usage(
        cls, used_routes: Iterable[Any], account: str, catalogue: Catalogue | None = None, **settings: Any
    ) -> Self:
        """The spec that refuses nothing of what was used: see `starting_points.from_usage`."""
        used, notes = starting_points.from_usage(used_routes, account, catalogue or shipped(), **settings)
        return cls(profile={"used": used}, notes=notes)

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The JSON Schema of the file, for editors."""
        return cls.model_json_schema(by_alias=True)


def source_regions(text: str) -> tuple[str, ...]:
    """The regions from which a spec's models may be called, before it is checked by a catalogue of these regions.

    Raises:
        SpecError: not TOML, or not a spec.
    """
    spec = _read(BoundarySpec, text)
    models = [(profile, choice) for profile in spec.profile.values() for choice in profile.models]
    models += [
        (spec.profile[e.profile], e.model) for e in spec.exceptions if e.model and e.profile in spec.profile
    ]
    named = {region for profile, choice in models for region in choice.regions or profile.regions}
    found = {*named, *(region for profile in spec.profile.values() for region in profile.regions)}
    return tuple(sorted(region for region in found if names.is_region(region)))


def _read(kind: type[_Spec], text: str) -> _Spec:
    data = parse(text)
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise first(error, text, data, Controls.model_fields) from None


def _tables(data: Mapping[str, Any]) -> tomlkit.TOMLDocument:
    document = tomlkit.document()
    for key, value in data.items():
        document.add(key, tomlkit.item(value))
    return document
