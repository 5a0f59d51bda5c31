"""Specs to begin with: everything closed, the first draft's wishes, or what was used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bedrock_guard.boundary.catalogue import Catalogue
from bedrock_guard.boundary.profile import Controls, ModelChoice, Profile

_HAIKU: Final = "anthropic.claude-haiku-4-5-20251001-v1:0"


@dataclass(frozen=True, slots=True)
class UsedRoute:
    """One way a model was called: any form of its `modelId`, and the region the call was sent to."""

    model: str
    region: str


def strict(account: str, regions: Sequence[str], *, partition: str, **settings: Any) -> dict[str, Any]:
    """A closed profile, as in the file: every control on, no model, no instance; `settings` are keys of it."""
    controls = {"instance_types": True, "privileged_functions": True, **settings.pop("controls", {})}
    models = settings.get("model", settings.get("models"))
    return {
        "partition": partition,
        "accounts": [account],
        "regions": list(regions or ("us-east-1",)),
        "approve_nothing": not models,
        "controls": controls,
        **settings,
    }


def from_draft(account: str, regions: Sequence[str], catalogue: Catalogue) -> dict[str, Any]:
    """The first draft's wishes as a profile, as in the file.

    One Haiku, through the profiles of the Regions' own geographies (it wished for the US); small instances; no keys,
    capacity, training, batch, agents or storage.
    """
    haiku = catalogue.get(_HAIKU)
    near = [
        one.scope
        for one in (haiku.profiles if haiku else ())
        if one.route == "geo" and not one.destinations.keys().isdisjoint(regions)
    ]
    return {
        "accounts": [account],
        "regions": list(regions),
        "model": [{"id": _HAIKU, "routes": near or ["us"]}],
        "controls": {"instance_types": ["t3.micro", "t3.small", "t3.medium"]},
    }


def from_usage(
    used: Iterable[Any], account: str, catalogue: Catalogue, **settings: Any
) -> tuple[Profile, tuple[str, ...]]:
    """A profile of exactly the routes that were used (objects with `model` and `region`, or pairs of the two).

    A call that names no model of the catalogue approves nothing; a note names it. Controls are those of
    `Controls()` unless `settings` says otherwise.
    """
    routes: dict[str, set[str]] = {}
    regions: dict[str, set[str]] = {}
    unknown: list[str] = []
    for model, region in map(_pair, used):
        found = catalogue.resolve(model)
        if found is None:
            unknown.append(model)
            continue
        scope = found.profile_id.split(".", 1)[0] if found.profile_id else "in-region"
        routes.setdefault(found.model_id, set()).add(scope)
        regions.setdefault(found.model_id, set()).add(region)
    everywhere = tuple(sorted(set().union(*regions.values()))) if regions else ("us-east-1",)
    models = tuple(
        ModelChoice(id=name, routes=tuple(sorted(routes[name])), regions=tuple(sorted(regions[name])))
        for name in sorted(routes)
    )
    profile = Profile(
        accounts=(account,),
        regions=everywhere,
        models=models,
        approve_nothing=not models,
        controls=settings.pop("controls", Controls()),
        **settings,
    )
    notes = tuple(
        f"{name} was used but is not in the catalogue: it stays refused." for name in sorted(set(unknown))
    )
    return profile, notes


def _pair(used: Any) -> tuple[str, str]:
    if isinstance(used, tuple):
        return str(used[0]), str(used[1])
    return str(used.model), str(used.region)
