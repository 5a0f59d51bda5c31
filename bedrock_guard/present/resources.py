"""What exists in Bedrock, as tables: a row for each Region that was asked, and one for each thing that stands there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.evidence.words import many
from bedrock_guard.present.table import Shown

if TYPE_CHECKING:
    from bedrock_guard.account.resources import Asked, Logging, Resources

_ENDED: Final = frozenset({"Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired", "Deleted"})
_TERMS: Final = {"OneMonth": "one month", "SixMonths": "six months"}
_STANDING: Final = ["name", "kind", "region", "status", "of", "changed", "ends", "term"]
_UNDER: Final = {"name": "kind", "region": "status", "ends": "term"}
_HEADERS: Final = {"of": "model or guardrail", "changed": "last changed"}


def regions(found: Resources) -> Shown:
    """A row a Region: what is there, invocation logging, how many lists were read to their end, and which were not."""
    logged = {one.region: one for one in found.logging}
    rows = [
        _region(region, [one for one in found.asked if one.region == region], logged.get(region))
        for region in dict.fromkeys(one.region for one in found.asked)
    ]
    frame = pd.DataFrame(rows, columns=["region", "there_is", "invocation_log", "lists_read", "unknown"])
    words = "What exists in Bedrock, Region by Region; a list that could not be read is unknown, not empty."
    return Shown(frame, words, longest=1_000)


def standing(found: Resources, limit: int = 50, *, name_of: Callable[[str], str] = str) -> Shown:
    """Everything that is there by kind, commitments first; jobs only while they run. No prompt is read.

    `name_of` names a model's id.
    """
    table = found.table
    jobs = table["kind"].str.endswith("_job")
    here = table[~(jobs & table["status"].isin(_ENDED))]
    rows = [_thing(row, name_of) for row in here.to_dict("records")]
    rows.sort(key=lambda row: (row["term"] == "", row["kind"], row["region"], str(row["name"])))
    ended = len(table) - len(here)
    words = "What stands there now, commitments first" + (
        f"; {many(ended, 'job')} that ended left out." if ended else "."
    )
    said = words if rows else f"Nothing was found. {words}"
    return Shown(pd.DataFrame(rows, columns=_STANDING), said, _HEADERS, limit=limit, under=_UNDER)


def _region(region: str, asked: list[Asked], logging: Logging | None) -> tuple[str, ...]:
    there = [many(one.found, _kind(one.kind)) for one in asked if one.found]
    missed = [
        f"{_kind(one.kind)}s{' (at least)' if one.found else ''}: {one.why}" for one in asked if one.why
    ]
    if logging is not None and logging.enabled is None:
        missed.append(f"invocation log: {logging.why}")
    whole = sum(one.completeness == "complete" for one in asked)
    nothing = "nothing" if whole == len(asked) else "nothing that could be read"
    return (
        region,
        ", ".join(there) or nothing,
        _log(logging),
        f"{whole} of {len(asked)}",
        "; ".join(missed) or "none",
    )


def _log(state: Logging | None) -> str:
    if state is None or state.enabled is None:
        return "unknown"
    return (
        f"on: {', '.join(state.kinds) or 'nothing'} to {', '.join(state.places)}" if state.enabled else "off"
    )


def _thing(row: dict[Any, Any], name_of: Callable[[str], str]) -> dict[str, Any]:
    bought = row["kind"] == "provisioned_throughput"
    named = _text(row["model"]).rpartition("/")[2]
    return {
        "kind": _kind(row["kind"]),
        "name": _text(row["name"]) or _text(row["arn"]).rpartition("/")[2],
        "region": row["region"],
        "status": _text(row["status"]),
        "of": name_of(named) if named else _text(row["guardrail"]),
        "changed": row["created"] if pd.isna(row["updated"]) else row["updated"],
        "ends": _ends(row) if bought else "" if pd.isna(row["ends"]) else row["ends"],
        "term": _term(row) if bought else "",
    }


def _ends(row: dict[Any, Any]) -> Any:
    """When a commitment ends; one with a term whose end AWS does not tell has an unknown end, not none."""
    if pd.isna(row["ends"]):
        return None if _text(row["commitment"]) else "no end"
    return row["ends"]


def _term(row: dict[Any, Any]) -> str:
    term = _TERMS.get(_text(row["commitment"]), _text(row["commitment"])) or "no term"
    return term if pd.isna(row["units"]) else f"{term}, {many(int(row['units']), 'unit')}"


def _text(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)


def _kind(kind: str) -> str:
    return kind.replace("_", " ")
