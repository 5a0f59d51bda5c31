"""Which models exist, by which route each can be called, and where a profile sends the call.

The shipped catalogue is a dated snapshot of AWS's model cards
(https://docs.aws.amazon.com/bedrock/latest/userguide/model-cards.html); an account's own catalogue, read through
ListFoundationModels and ListInferenceProfiles, takes its place where one is at hand. Every function of this package
takes the catalogue as an argument.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import cache, cached_property
from importlib import resources
from typing import Any, Literal

from bedrock_guard.errors import GuardError

Route = Literal["in_region", "geo", "global"]

SCOPES = ("us", "eu", "apac", "au", "jp", "ca", "in", "us-gov")
"""Geographies of the cross-region profiles that AWS defines, as their ids begin; `global` is beside them."""

GLOBAL_DESTINATION = ("",)
"""The one "destination" of a global profile: the ARN without a region.

https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html
"""

_ARN = re.compile(r"arn:aws[a-z-]*:bedrock(?:-mantle)?:[a-z0-9-]*:[0-9]*:(?P<kind>[a-z-]+)/(?P<id>.+)")
_CONTEXT_SUFFIX = re.compile(r"(?<=\d):(?:\d+k|mm)$")


class CatalogueError(GuardError):
    """A catalogue file that cannot be read."""


@dataclass(frozen=True, slots=True)
class InferenceProfile:
    """A cross-region profile that AWS defines.

    `destinations` maps each source region to the regions the call may be sent to; a global profile maps each of its
    source regions to `GLOBAL_DESTINATION`.
    """

    profile_id: str
    scope: str
    destinations: Mapping[str, tuple[str, ...]]

    @property
    def route(self) -> Route:
        """`geo` or `global`."""
        return "global" if self.scope == "global" else "geo"


@dataclass(frozen=True, slots=True)
class Model:
    """One foundation model. `evidence` says how far its regions and routes are documented."""

    model_id: str
    provider: str
    name: str
    input_modalities: tuple[str, ...]
    output_modalities: tuple[str, ...]
    in_region: tuple[str, ...]
    profiles: tuple[InferenceProfile, ...]
    lifecycle: str
    mantle_id: str | None
    aliases: tuple[str, ...]
    evidence: str = "assumed"

    @property
    def modalities(self) -> frozenset[str]:
        """Every modality the model takes or gives: TEXT, IMAGE, VIDEO, SPEECH, EMBEDDING."""
        return frozenset(self.input_modalities) | frozenset(self.output_modalities)

    def profile(self, scope: str) -> InferenceProfile | None:
        """The profile of one scope (`us`, `eu`, `global`, ...), or None."""
        return next((p for p in self.profiles if p.scope == scope), None)


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a `modelId` of a call means.

    `listed` is False when the model is known but this profile of it is not: then its destinations are unknown.
    """

    model_id: str
    route: Route
    profile_id: str | None = None
    listed: bool = True


@dataclass(frozen=True)
class Catalogue:
    """Models and their routes as of a date.

    Example:
        >>> found = shipped().resolve("us.anthropic.claude-haiku-4-5-20251001-v1:0")
        >>> (found.model_id, found.route)
        ('anthropic.claude-haiku-4-5-20251001-v1:0', 'geo')
    """

    as_of: date
    source: str
    models: tuple[Model, ...]

    @cached_property
    def _by_id(self) -> dict[str, Model]:
        return {model.model_id: model for model in self.models}

    @cached_property
    def _by_mantle(self) -> dict[str, Model]:
        return {model.mantle_id: model for model in self.models if model.mantle_id}

    @cached_property
    def _profiles(self) -> dict[str, tuple[Model, InferenceProfile]]:
        return {profile.profile_id: (model, profile) for model in self.models for profile in model.profiles}

    @cached_property
    def _by_alias(self) -> dict[str, Model]:
        return {plain(text): model for model in self.models for text in (*model.aliases, model.name)}

    def get(self, model_id: str) -> Model | None:
        """The model with exactly this id, or None."""
        return self._by_id.get(model_id)

    def name_of(self, model_id: str) -> str:
        """The name of a model, or its id where no name is known or two models share it."""
        found = self.get(model_id)
        return found.name if found and self._names[found.name] == 1 else model_id

    @cached_property
    def _names(self) -> Counter[str]:
        return Counter(model.name for model in self.models)

    def profile(self, profile_id: str) -> InferenceProfile | None:
        """The system-defined profile with exactly this id, or None."""
        found = self._profiles.get(profile_id)
        return found[1] if found else None

    def by_name(self, display: str) -> Model | None:
        """The model a bill means by a display name, in either word order, with or without blanks and dashes."""
        return self._by_alias.get(plain(display))

    def resolve(self, raw: str) -> Resolved | None:
        """Read any form of a `modelId`: base id, profile id, their ARNs, mantle id.

        Returns None for what is not a model of this catalogue: an application profile, a prompt router, a
        provisioned, custom or imported model, or an id that is not listed.
        """
        found = _ARN.fullmatch(raw)
        if found and found["kind"] not in ("foundation-model", "inference-profile"):
            return None
        name = found["id"] if found else raw
        if name in self._profiles:
            model, profile = self._profiles[name]
            return Resolved(model.model_id, profile.route, name)
        direct = (
            self._by_id.get(name)
            or self._by_id.get(_CONTEXT_SUFFIX.sub("", name))
            or self._by_mantle.get(name)
        )
        if direct:
            return Resolved(direct.model_id, "in_region")
        return self._unlisted_profile(name)

    def _unlisted_profile(self, name: str) -> Resolved | None:
        scope, base = scope_of(name)
        model = self._by_id.get(base)
        if scope is None or model is None:
            return None
        return Resolved(model.model_id, "global" if scope == "global" else "geo", name, listed=False)

    def near(self, raw: str, limit: int = 3) -> tuple[str, ...]:
        """Ids that look like `raw`, best first; for error messages."""
        pool = [*self._by_id, *self._profiles]
        return tuple(get_close_matches(raw[:200], pool, n=limit, cutoff=0.6))


def scope_of(name: str) -> tuple[str | None, str]:
    """The geography, or `global`, with which a profile's id begins, and the model's id behind it; None without one.

    Example:
        >>> scope_of("us-gov.anthropic.claude-x"), scope_of("us.claude")
        (('us-gov', 'anthropic.claude-x'), (None, 'us.claude'))
    """
    scope, _, base = name.partition(".")
    return (scope, base) if scope in (*SCOPES, "global") and "." in base else (None, name)


def plain(text: str) -> str:
    """A display name reduced to what all its spellings share: lower case, letters, digits and dots."""
    return re.sub(r"[^a-z0-9.+]", "", text.removesuffix("(Amazon Bedrock Edition)").lower())


def from_json(text: str | bytes) -> Catalogue:
    """Read the catalogue file's own form.

    Raises:
        CatalogueError: the text is not such a file.
    """
    try:
        data = json.loads(text)
        tables = {name: _table(rows) for name, rows in data["destinations"].items()}
        models = tuple(_model(entry, tables) for entry in data["models"])
        return Catalogue(date.fromisoformat(data["as_of"]), data["source"], models)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise CatalogueError(
            "This is not a model catalogue.", why=f"{type(error).__name__}: {error}"
        ) from error


def _table(rows: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {source: tuple(destinations) for source, destinations in rows.items()}


def _model(entry: Mapping[str, Any], tables: Mapping[str, Mapping[str, tuple[str, ...]]]) -> Model:
    profiles = tuple(
        InferenceProfile(f"{scope}.{entry['model_id']}", scope, tables[table])
        for scope, table in entry["profiles"].items()
    )
    return Model(
        model_id=entry["model_id"],
        provider=entry["provider"],
        name=entry["name"],
        input_modalities=tuple(entry["input"]),
        output_modalities=tuple(entry["output"]),
        in_region=tuple(entry["in_region"]),
        profiles=profiles,
        lifecycle=entry["lifecycle"],
        mantle_id=entry["mantle_id"],
        aliases=tuple(entry["aliases"]),
        evidence=entry["evidence"],
    )


@cache
def shipped() -> Catalogue:
    """The snapshot that comes with the package; `as_of` and `source` say what it is worth."""
    return from_json(resources.files(__package__).joinpath("data", "catalogue.json").read_bytes())
