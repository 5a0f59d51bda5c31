"""What the list of approved models lacks for the calls it refuses: the model, its route, or the Region of the call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd

from bedrock_guard.boundary.catalogue import Catalogue
from bedrock_guard.boundary.spec import ModelChoice, Profile
from bedrock_guard.evidence.what_if import WhatIf

COLUMNS: Final = ("model", "route", "region", "lacks", "calls", "callers", "who", "last_call")
_GROUP: Final = ["model", "route", "region", "lacks"]


def lacking(found: WhatIf) -> pd.DataFrame:
    """Calls that worked and that the list of models would refuse, by what it lacks; most calls first.

    Columns: model (its id, or what the call named where that is no model of the catalogue), route as a spec names it
    (NA: none), region, lacks (of "model", "route" and "Region" those that must be added before the calls pass; empty
    where no tick can let it pass), calls, callers, who (their sorted principals), last_call (UTC).

    Args:
        found: the consequences of a profile.
    """
    hit = found.judged.hits("control", "model", "model_raw", "region", "principal")
    hit = hit[(hit["verdict"] == "refused") & (hit["control"] == "approved_models")]
    catalogue, profile = found.judged.cube.catalogue, found.built.profile
    told = [_told(row, catalogue, profile) for row in hit.to_dict("records")]
    columns = ["model", "route", "region", "lacks", "principal", "calls", "last_call"]
    frame = pd.DataFrame(told, columns=columns)
    if frame.empty:
        return pd.DataFrame(columns=[*COLUMNS])
    parts = frame.groupby(_GROUP, dropna=False, sort=False)
    sums = parts.agg(
        calls=("calls", "sum"),
        callers=("principal", "nunique"),
        who=("principal", lambda each: tuple(sorted(each.dropna().unique()))),
        last_call=("last_call", "max"),
    ).reset_index()
    return sums.sort_values(["calls", "model"], ascending=[False, True], ignore_index=True)[[*COLUMNS]]


def _told(row: dict[object, object], catalogue: Catalogue, profile: Profile) -> dict[str, object]:
    named = "" if pd.isna(row["model_raw"]) else str(row["model_raw"])  # type: ignore[call-overload]
    region = None if pd.isna(row["region"]) else str(row["region"])  # type: ignore[call-overload]
    known = catalogue.resolve(named) if named else None
    kept = {name: row[name] for name in ("principal", "calls", "last_call")}
    if known is None:
        return {"model": named or "unknown", "route": None, "region": region, "lacks": (), **kept}
    route = known.profile_id.split(".", 1)[0] if known.profile_id else "in-region"
    lacks = lacks_of(known.model_id, route, region, profile)
    return {"model": known.model_id, "route": route, "region": region, "lacks": lacks, **kept}


def lacks_of(model: str, route: str, region: str | None, profile: Profile) -> tuple[str, ...]:
    """What must be added to a profile's list before a model may be called so; empty where nothing of it is missing.

    Example:
        >>> nova = ModelChoice(id="amazon.nova-lite-v1:0", routes=("us",))
        >>> profile = Profile(accounts=("111122223333",), regions=("us-east-1",), models=(nova,))
        >>> lacks_of("amazon.nova-lite-v1:0", "eu", "eu-west-1", profile)
        ('route', 'Region')

    """
    choices = [choice for choice in profile.models if _names(choice, model)]
    if not choices:
        return ("model",) if region in profile.regions else ("model", "Region")
    each = [_missing(choice, route, region, profile.regions) for choice in choices]
    return min(each, key=len)


def _missing(choice: ModelChoice, route: str, region: str | None, regions: Sequence[str]) -> tuple[str, ...]:
    routed = route in choice.routes or ("geo" in choice.routes and route not in {"in-region", "global"})
    here = region in (choice.regions or regions)
    return (*(() if routed else ("route",)), *(() if here else ("Region",)))


def _names(choice: ModelChoice, model: str) -> bool:
    return model.startswith(choice.id.removesuffix("*")) if choice.family else choice.id == model
