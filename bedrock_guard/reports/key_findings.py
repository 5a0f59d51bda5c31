"""What of a key usage report a person has to look at: an investigation's findings, and exceptions that end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from bedrock_guard.evidence.caller_names import short
from bedrock_guard.evidence.finding import Finding as Found
from bedrock_guard.evidence.rules_watch import VALUE
from bedrock_guard.evidence.suspects import signs_of_theft
from bedrock_guard.reports.figures import Finding
from bedrock_guard.reports.parts import ended_exceptions, gravest_first

if TYPE_CHECKING:
    from bedrock_guard.account.investigation import Investigation
    from bedrock_guard.boundary.spec import BoundarySpec
    from bedrock_guard.reports.settings import KeySettings


def key_findings(case: Investigation, spec: BoundarySpec, settings: KeySettings) -> tuple[Finding, ...]:
    """Everything that deserves a look, gravest first."""
    today = case.account.now.date()
    shown = [as_finding(one, today) for one in case.findings]
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
    what = found.facts.get(VALUE)
    if what is None and found.evidence_count == 1:
        what = found.evidence[0]
    return ":".join([found.rule, found.subject, *([str(what)] if what is not None else [])])
