"""What of a key usage report a person has to look at: the rules' findings, and those that hang on a threshold here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pandas as pd

from bedrock_guard.evidence.caller_names import short
from bedrock_guard.evidence.finding import Finding as Found
from bedrock_guard.evidence.finding import Severity, of_events
from bedrock_guard.evidence.key_use import counts
from bedrock_guard.evidence.suspects import signs_of_theft
from bedrock_guard.evidence.words import listed
from bedrock_guard.reports.figures import Finding
from bedrock_guard.reports.parts import ended_exceptions, gravest_first

if TYPE_CHECKING:
    from bedrock_guard.account.investigation import Investigation
    from bedrock_guard.boundary.spec import BoundarySpec
    from bedrock_guard.reports.settings import KeySettings

_BY_VALUE: Final = "value"


def key_findings(case: Investigation, spec: BoundarySpec, settings: KeySettings) -> tuple[Finding, ...]:
    """Everything that deserves a look, gravest first."""
    today = case.account.now.date()
    found = [
        *case.findings,
        *denied_bursts(case.calls, settings.denied_calls, timedelta(minutes=settings.denied_minutes)),
        *break_glass_used(case.calls, spec),
        *expiring(case.keys.table, case.account.now, settings.expiring_days),
    ]
    shown = [as_finding(one, today) for one in found]
    first = suspected(shown)
    shown.sort(key=lambda one: one.about not in first)
    return gravest_first([*shown, *ended_exceptions(spec, today, settings.exception_days)])


def suspected(findings: Sequence[Finding]) -> dict[str, list[str]]:
    """Whom several findings together are about, with their signs."""
    return signs_of_theft((found.id.partition(":")[0], found.about) for found in findings if found.about)


def as_finding(found: Found, today: date) -> Finding:
    """A rule's finding as a report shows it, with its days (UTC); its id is the same whenever the same is seen."""
    return Finding(
        id=_identity(found),
        severity=found.severity,
        text=_dated(found, today),
        about=short(found.subject),
        evidence=found.evidence[:5],
        completeness=found.completeness,
    )


def _dated(found: Found, today: date) -> str:
    """The title and the days of its events; what has none is as it was found on the day of the report."""
    seen = (found.first_seen, found.last_seen) if found.evidence else ()
    days = [f"{day:%Y-%m-%d}" for day in seen if day is not None] or [f"as of {today:%Y-%m-%d}"]
    when = " to ".join(dict.fromkeys(days))
    return found.title if days[0] in found.title else f"{found.title.removesuffix('.')} ({when})."


def _identity(found: Found) -> str:
    what = found.facts.get(_BY_VALUE)
    if what is None and found.evidence_count == 1:
        what = found.evidence[0]
    return ":".join([found.rule, found.subject, *([str(what)] if what is not None else [])])


def denied_bursts(calls: pd.DataFrame, most: int, stretch: timedelta) -> Iterator[Found]:
    """A caller was refused so often within a stretch: a wrong boundary, or somebody trying doors.

    Args:
        calls: the trail table.
        most: refusals within the stretch from which on this speaks.
        stretch: its length.

    """
    denied = calls[calls["denied_by"].notna() & calls["principal"].notna()].sort_values("event_time")
    denied.attrs = calls.attrs
    for principal, rows in denied.groupby("principal"):
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


def break_glass_used(calls: pd.DataFrame, spec: BoundarySpec) -> Iterator[Found]:
    """A principal that the boundary never binds did something: by its purpose that is rare, and somebody's to explain.

    Args:
        calls: the trail table.
        spec: its profiles' `break_glass`.

    """
    glass = {arn for profile in spec.profile.values() for arn in profile.break_glass}
    used = calls[calls["principal"].isin(list(glass))].sort_values("event_time")
    for principal, rows in used.groupby("principal"):
        rows.attrs = calls.attrs
        did = listed(f"{operation} ({count})" for operation, count in counts(rows["operation"]).items())
        people = listed(counts(rows["session"])) if rows["session"].notna().any() else "nobody named"
        where = listed(counts(rows["source_ip"]))
        title = (
            f"{short(principal)}, which the boundary never binds, was used by {people} from {where}: {did}."
        )
        yield of_events("break_glass_used", "medium", title, str(principal), rows)


def expiring(keys: pd.DataFrame, now: datetime, days: int) -> Iterator[Found]:
    """Keys in use that end soon: what stops then."""
    for row in keys[keys["status"] == "active"].to_dict("records"):
        ends = row["expires"]
        if pd.isna(ends) or not timedelta() <= ends - now <= timedelta(days=days):
            continue
        yield Found(
            rule="key_expiring",
            severity="medium",
            title=f"The key of {row['user']} ends on {ends:%Y-%m-%d}: whatever uses it stops then.",
            subject=str(row["user"]),
            facts={_BY_VALUE: str(row["credential_id"])},
        )
