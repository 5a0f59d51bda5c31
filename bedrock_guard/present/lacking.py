"""What the list of approved models lacks for the calls it refuses, with what to change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from bedrock_guard.evidence.lacking import lacking
from bedrock_guard.present.table import Shown

if TYPE_CHECKING:
    from bedrock_guard.account.situation import Situation
    from bedrock_guard.evidence.what_if import WhatIf


def refused_models(found: WhatIf, situation: Situation) -> Shown:
    """What the list of models refuses: whether the model, its route or the Region is missing, and what to do."""
    rows = [
        {
            "model": situation.name_of(str(row["model"])),
            "lacks": ", ".join(row["lacks"]) or ("the way" if _known(row) else "no entry can name it"),
            "change": change(row),
            "calls": row["calls"],
            "callers": row["callers"],
        }
        for row in lacking(found).to_dict("records")
    ]
    frame = pd.DataFrame(rows, columns=["model", "lacks", "change", "calls", "callers"])
    caption = (
        "What the list of approved models refuses, by what it lacks: the model, the route, or the Region of the call."
        if rows
        else "The list of approved models refuses no call of the window."
    )
    headers = {"lacks": "not approved", "change": "to let it pass"}
    return Shown(frame, caption, headers, under={"model": "lacks"})


def change(row: Mapping[Any, Any]) -> str:
    """What to change before these calls pass the list of models."""
    lacks, way = row["lacks"], f"route {row['route']}"
    if not lacks and _known(row):
        return f"Approved so; but the catalogue offers no {way} from {row['region']}, so the list cannot name it."
    if not lacks:
        return "Nothing in this list: the catalogue knows no such model. An entry with unlisted = true can name it."
    steps = {"model": f"tick the model with {way}", "route": f"add {way}"}
    said = [steps[one] for one in lacks if one in steps]
    if "Region" in lacks:
        said.append(
            f"add {row['region']} to the model's regions in the spec's file: routes are offered only from the "
            "profile's Regions"
        )
    text = ", and ".join(said)
    return f"{text[:1].upper()}{text[1:]}."


def _known(row: Mapping[Any, Any]) -> bool:
    return not pd.isna(row["route"])
