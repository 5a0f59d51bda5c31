"""Commitments on refused models: what they cost in the window, and what they still cost until their term ends.

Provisioned throughput with a term cannot be deleted before it ends and bills until it is deleted; reserved-tier
capacity bills until it is removed with the account team.
https://docs.aws.amazon.com/bedrock/latest/userguide/prov-throughput.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Context, Decimal
from typing import Any, Final

import pandas as pd

from bedrock_guard.evidence.tables import provenance_of, total

COLUMNS: Final = ("model", "region", "tier", "cost_usd", "units", "until", "until_usd", "why")
_DAY: Final = 86_400
_DIGITS: Final = Context(prec=28)
_NOT_LISTED: Final = "no provisioned throughput of this model is listed there now"
_RESERVED: Final = "the reserved tier bills until it is removed with the account team; its end is in no list"
_NO_END: Final = "unknown: bought for a term whose end Bedrock does not tell"
_NO_UNITS: Final = "unknown: how many units there are was not told"
_NO_TERM: Final = "without a term: bills until it is deleted, which can be done at once"


def stranded(lines: pd.DataFrame, commitments: pd.DataFrame, days: int, now: datetime) -> pd.DataFrame:
    """Stranded spend with the day it ends and what it costs until then, dearest first.

    Columns: model, region, tier, cost_usd (in the window), units, until (the last end, UTC; NaT unknown), until_usd
    (from `now` to each unit's own end at the window's daily mean; None unknown), why.

    Args:
        lines: `Impact.lines`.
        commitments: the rows of kind provisioned_throughput of `account.resources`, with its provenance.
        days: length of the window.
        now: from when on it is counted.
    """
    kept = lines[lines["outcome"] == "stranded"]
    rows = []
    for key, part in kept.groupby(["model", "region", "tier"], dropna=False):
        names: tuple[Any, ...] = key
        model, region, tier = (None if pd.isna(name) else str(name) for name in names)
        cost = total(part["cost_usd"])
        listed = _of(commitments, model, region) if tier == "provisioned" else []
        rows.append(
            {"model": model, "region": region, "tier": tier, "cost_usd": cost} | _end(listed, cost, days, now)
        )
        if not listed:
            rows[-1]["why"] = _RESERVED if tier == "reserved" else _unlisted(commitments)
    rows.sort(key=lambda row: -abs(row["cost_usd"]))
    frame = pd.DataFrame(rows, columns=[*COLUMNS], dtype="object")
    return frame.assign(until=pd.to_datetime(frame["until"], utc=True))


def _of(commitments: pd.DataFrame, model: str | None, region: str | None) -> list[Mapping[Any, Any]]:
    found = commitments[
        (commitments["region"] == region)
        & (commitments["model"].str.split("/").str[-1] == model)
        & ~commitments["status"].isin(["Failed"])
    ]
    return [*found.to_dict("records")]


def _end(listed: Sequence[Mapping[Any, Any]], cost: Decimal, days: int, now: datetime) -> dict[str, Any]:
    units = [int(row["units"]) for row in listed if not pd.isna(row["units"])]
    ends: list[datetime] = [row["ends"] for row in listed if not pd.isna(row["ends"])]
    unknown: dict[str, Any] = {"units": None, "until": None, "until_usd": None, "why": ""}
    if not listed:
        return unknown
    if len(units) < len(listed) or not all(units):
        return unknown | {"why": _NO_UNITS}
    unknown["units"] = sum(units)
    if any(pd.isna(row["ends"]) and not pd.isna(row["commitment"]) for row in listed):
        return unknown | {"why": _NO_END}
    if len(ends) < len(listed):
        return unknown | {"why": _NO_TERM}
    each = _DIGITS.divide(cost, days * sum(units))
    left = [max(0, int((end - now).total_seconds())) for end in ends]
    rest = total(each * count * seconds / _DAY for count, seconds in zip(units, left, strict=True))
    return unknown | {"until": max(ends), "until_usd": rest}


def _unlisted(commitments: pd.DataFrame) -> str:
    said = provenance_of(commitments)
    return _NOT_LISTED if said.complete else f"unknown: {said.why or 'the lists were not read'}"
