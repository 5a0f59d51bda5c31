"""Findings that only an investigation of keys asks for: bursts of refusals, break glass used, keys that end soon."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import pandas as pd

from bedrock_guard.evidence.caller_names import short
from bedrock_guard.evidence.finding import Finding, Severity, of_events
from bedrock_guard.evidence.key_use import counts
from bedrock_guard.evidence.rules_use import networks_of
from bedrock_guard.evidence.suspects import Suspect
from bedrock_guard.evidence.words import listed

VALUE: Final = "value"
"""The fact that tells two findings of one rule and subject apart."""


def denied_burst(calls: pd.DataFrame, most: int, stretch: timedelta) -> Iterator[Finding]:
    """A caller was refused so often within a stretch: a wrong boundary, or somebody trying doors.

    True: five refusals of one caller within an hour. False: four, or five on five days.

    Args:
        calls: the trail table.
        most: refusals within the stretch from which on this speaks.
        stretch: its length.

    """
    denied = calls[calls["denied_by"].notna() & calls["principal"].notna()].sort_values("event_time")
    denied.attrs = calls.attrs
    for principal, rows in denied.groupby("principal", observed=True):
        times = list(rows["event_time"])
        first = next(
            (n for n in range(len(times) - most + 1) if times[n + most - 1] - times[n] <= stretch), None
        )
        if first is None:
            continue
        inside = rows[(rows["event_time"] >= times[first]) & (rows["event_time"] <= times[first] + stretch)]
        inside.attrs = calls.attrs
        layers = ", ".join(sorted(set(inside["denied_by"].astype(str))))
        minutes = int(stretch.total_seconds() // 60)
        how = f"{len(inside)} times within {minutes} minutes on {times[first]:%Y-%m-%d}"
        title = f"{short(principal)} was refused {how} ({layers})."
        severity: Severity = "high" if (inside["key_kind"] != "none").any() else "medium"
        yield of_events("denied_burst", severity, title, str(principal), inside)


def break_glass_used(
    calls: pd.DataFrame,
    glass: Collection[str],
    stolen: Mapping[str, str],
    *,
    example: bool = False,
) -> Iterator[Finding]:
    """A principal that the boundary never binds did something: by its purpose that is rare, and somebody's to explain.

    True: a call of a role that the spec names as `break_glass`. False: the role exists and nobody took it.

    Args:
        calls: the trail table.
        glass: the ARNs of a spec's `break_glass`.
        stolen: network -> whose key looks stolen there (`networks_of_theft`); from such a network a use is grave.
        example: whether only the example spec names them.

    """
    used = calls[calls["principal"].isin(list(glass))].sort_values("event_time")
    boundary = "the boundary of the example spec" if example else "the boundary"
    for principal, rows in used.groupby("principal", observed=True):
        rows.attrs = calls.attrs
        did = listed(f"{operation} ({count})" for operation, count in counts(rows["operation"]).items())
        people = listed(counts(rows["session"])) if rows["session"].notna().any() else "nobody named"
        where = listed(counts(rows["source_ip"]))
        there = dict.fromkeys(stolen[one] for one in networks_of(rows["source_ip"]).dropna() if one in stolen)
        thief = f"; the calls that make {listed(there)} look stolen came from there too" if there else ""
        title = f"{short(principal)}, which {boundary} never binds, was used by {people} from {where}: {did}{thief}."
        severity: Severity = "high" if there else "medium"
        yield of_events("break_glass_used", severity, title, str(principal), rows)


def networks_of_theft(findings: Sequence[Finding], suspected: Sequence[Suspect]) -> dict[str, str]:
    """Networks that were new for a caller that shows the signs of a stolen key -> the caller."""
    names = {one.about for one in suspected}
    new = [one for one in findings if one.rule == "new_network" and short(one.subject) in names]
    return {str(one.facts.get(VALUE)): short(one.subject) for one in new}


def key_expiring(keys: pd.DataFrame, now: datetime, days: int) -> Iterator[Finding]:
    """A key in use ends soon: what uses it stops then.

    True: an active key that ends in a week. False: an inactive one, or one that ends next year.
    """
    for row in keys[keys["status"] == "active"].to_dict("records"):
        ends = row["expires"]
        if pd.isna(ends) or not timedelta() <= ends - now <= timedelta(days=days):
            continue
        yield Finding(
            rule="key_expiring",
            severity="medium",
            title=f"The key of {row['user']} ends on {ends:%Y-%m-%d}: whatever uses it stops then.",
            subject=str(row["user"]),
            facts={VALUE: str(row["credential_id"])},
        )
