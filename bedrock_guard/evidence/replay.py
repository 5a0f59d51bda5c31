"""Calls replayed under a boundary: which would have been refused, by which control, and which hang on an unknown.

A cube is made once from the calls: every distinct call with its counts, and every distinct authorisation that AWS
makes for it. A change of the boundary then only decides the distinct authorisations again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.evidence.recorded_calls import call_of
from bedrock_guard.evidence.tables import CALLS, Provenance, column, provenance_of, require

if TYPE_CHECKING:
    from bedrock_guard.boundary.calls import Call
    from bedrock_guard.boundary.catalogue import Catalogue
    from bedrock_guard.boundary.verdict import Judge

WHO: Final = ("account_id", "principal", "client")
KEY: Final = (*WHO, "region", "key_kind", "service", "operation", "model_raw", "model", "route", "parameters")
_ASKED: Final = ("account_id", "principal", "region", "key_kind", "service", "operation", "parameters")


@dataclass(frozen=True, slots=True)
class Cube:
    """Distinct calls, ready to be decided again and again.

    Args:
        rows: one row a distinct call: KEY, already_denied, calls, tokens (NA where a call lacks a count), untold
            (calls without a count), first_seen, last_seen.
        requests: the distinct calls as AWS is asked them; who made them with which client does not matter there.
        places: for each row the place of its call in `requests`.
        provenance: of the calls table.

    """

    rows: pd.DataFrame
    requests: tuple[Call, ...]
    places: tuple[int, ...]
    catalogue: Catalogue
    provenance: Provenance


def cube(calls: pd.DataFrame, catalogue: Catalogue) -> Cube:
    """Make the cube of a calls table.

    Raises:
        MissingColumns: the frame is no calls table.

    """
    require(calls, CALLS)
    rows = _distinct(calls)
    asked = rows[list(_ASKED)].astype("object")
    known: dict[tuple[str | None, ...], int] = {}
    places = tuple(
        known.setdefault(key, len(known))
        for key in asked.where(asked.notna(), None).itertuples(index=False, name=None)
    )
    requests = tuple(call_of(dict(zip(_ASKED, key, strict=True))) for key in known)
    return Cube(rows, requests, places, catalogue, provenance_of(calls))


def decide(made: Cube, judge: Judge) -> pd.DataFrame:
    """Decide every distinct call under a boundary.

    Returns:
        The cube's rows with `verdict` (allowed, refused, depends), `control` and `sid` of what decides, and
        `hangs_on` (what is not known, as text) where it depends.

    """
    found = [judge.call(request, made.catalogue) for request in made.requests]
    keys = [", ".join(sorted(one.keys)) or None for one in found]
    return made.rows.assign(
        verdict=_texts([found[place].outcome for place in made.places]),
        control=_texts([found[place].control for place in made.places]),
        sid=_texts([found[place].sid for place in made.places]),
        hangs_on=_texts([keys[place] for place in made.places]),
    )


def _texts(values: Sequence[str | None]) -> pd.Series[Any]:
    return column(values, "string")


def _distinct(calls: pd.DataFrame) -> pd.DataFrame:
    denied = calls["denied_by"].notna()
    told = calls["input_tokens"].notna() & calls["output_tokens"].notna()
    work = calls[list(KEY)].assign(
        already_denied=denied.astype("bool"),
        calls=1,
        tokens=(calls["input_tokens"].fillna(0) + calls["output_tokens"].fillna(0)).astype("int64"),
        untold=(~told).astype("int64"),
        event_time=calls["event_time"],
    )
    grouped = work.groupby([*KEY, "already_denied"], dropna=False, sort=True, observed=True)
    found = grouped.agg(
        calls=("calls", "sum"),
        tokens=("tokens", "sum"),
        untold=("untold", "sum"),
        first_seen=("event_time", "min"),
        last_seen=("event_time", "max"),
    ).reset_index()
    return found.assign(tokens=found["tokens"].astype("Int64").mask(found["untold"] > 0))


def names(values: Iterable[Any]) -> tuple[str, ...]:
    """Distinct known values as sorted text."""
    return tuple(sorted({str(v) for v in values if not pd.isna(v)}))
