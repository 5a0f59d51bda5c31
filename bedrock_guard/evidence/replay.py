"""Calls replayed under a boundary: which would have been refused, by which control, and which hang on an unknown.

A cube is made once from the calls: every distinct call with its counts, and every distinct authorisation that AWS
makes for it. A change of the boundary then only decides the distinct authorisations again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.boundary.verdict import Judge
from bedrock_guard.evidence.recorded_calls import call_of
from bedrock_guard.evidence.tables import CALLS, Provenance, column, provenance_of, require

if TYPE_CHECKING:
    from bedrock_guard.boundary.builder import Built
    from bedrock_guard.boundary.calls import Call
    from bedrock_guard.boundary.catalogue import Catalogue
    from bedrock_guard.boundary.verdict import CallVerdict

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


@dataclass(frozen=True)
class Reach:
    """Where the documents of a build hold: in the profile's accounts, and no SCP in the management account.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html

    Args:
        built: the documents.
        management: the management account; None when it is not known, and then SCPs are taken to hold everywhere.
        at: the moment for which dated exceptions count (UTC).

    """

    built: Built
    management: str | None = None
    at: datetime | None = None

    @cached_property
    def _member(self) -> Judge:
        return Judge(self.built)

    @cached_property
    def _managing(self) -> Judge:
        return Judge(self.built, ("boundary", "deny"))

    def holds_in(self, account: str | None) -> bool:
        """Whether the profile names the account."""
        return account in self.built.profile.accounts

    def judge(self, call: Call, catalogue: Catalogue, *, bounded: bool | None = None) -> CallVerdict | None:
        """The verdict of a call; None where no document holds."""
        if not self.holds_in(call.account):
            return None
        judge = self._managing if call.account == self.management else self._member
        return judge.call(replace(call, time=self.at), catalogue, bounded=bounded)


def decide(made: Cube, reach: Reach) -> pd.DataFrame:
    """Decide every distinct call under a boundary; what no document reaches is allowed by it.

    Returns:
        The cube's rows with `verdict` (allowed, refused, depends), `control` and `sid` of what decides, and
        `hangs_on` (what is not known, as text) where it depends.

    """
    found = [reach.judge(request, made.catalogue) for request in made.requests]
    keys = [", ".join(sorted(one.keys)) or None if one else None for one in found]
    at_place = [found[place] for place in made.places]
    return made.rows.assign(
        verdict=_texts([one.outcome if one else "allowed" for one in at_place]),
        control=_texts([one.control if one else None for one in at_place]),
        sid=_texts([one.sid if one else None for one in at_place]),
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
