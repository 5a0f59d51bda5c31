"""What both reports share: pieces of the page, times in the reader's zone, and findings about the spec itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta, tzinfo
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Final, TypeVar

import pandas as pd

from bedrock_guard.boundary.controls import title_of
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.evidence.tables import Completeness, Provenance, dollars, total
from bedrock_guard.evidence.words import many, visible
from bedrock_guard.present.table import NO_MATH, Shown, plain, unbroken
from bedrock_guard.present.terminal import COMMAND
from bedrock_guard.reports.figures import GRAVITY, Figure, Finding
from bedrock_guard.reports.remedies import remedies_for

if TYPE_CHECKING:
    from bedrock_guard.account.facts import Facts
    from bedrock_guard.account.resources import Resources

Seen = TypeVar("Seen")
_NAMED: Final = 3
_DAY: Final = re.compile(r"\b\d{4}-\d\d-\d\d\b")


@dataclass(frozen=True, slots=True)
class Html:
    """A piece of the page, escaped where it was made."""

    text: str

    def _repr_html_(self) -> str:
        return f'<div class="{NO_MATH}">{self.text}</div>'

    def __repr__(self) -> str:
        return "Html"


def figure(
    label: str, value: Decimal | int | str | None, unit: str, source: str, proof: Provenance, why: str = ""
) -> Figure:
    """A figure of a table with this provenance; `why` is the reason where there is no value, and only there."""
    text = f"{value:f}" if isinstance(value, Decimal) else None if value is None else str(value)
    completeness: Completeness = "unknown" if text is None else proof.completeness
    reason = (why if text is None else "") or proof.why or "no source tells"
    return Figure(
        label=label,
        value=text,
        unit=unit,
        source=source,
        completeness=completeness,
        why=reason if completeness != "complete" else "",
    )


def gravest_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings by severity; within one they keep their order. Two of one id are one."""
    by_id = {finding.id: finding for finding in findings}
    return tuple(sorted(by_id.values(), key=lambda finding: GRAVITY[finding.severity]))


def verdict(findings: Sequence[Finding], gaps: Sequence[str], lead: Sequence[str] = ()) -> Html:
    """The first thing on the page: how many things to look at, how grave, what it comes to, and what is missing."""
    counts = {name: sum(f.severity == name for f in findings) for name in GRAVITY}
    said = [f"{counts[name]} {name}" for name in GRAVITY if counts[name]]
    level = next((name for name in GRAVITY if counts[name]), "fine")
    first = (
        f"{many(len(findings), 'finding')}: {', '.join(said)}."
        if findings
        else "Nothing in this window needs a look."
    )
    told = [("Incomplete:", gap) for gap in gaps] + [("Do:", remedy) for remedy in remedies_for(gaps)]
    missing = "".join(f'<p class="gap"><b>{name}</b> {prose(plain(text))}</p>' for name, text in told)
    more = "".join(
        f"<br><span>{unbroken(visible(line)) if COMMAND in line else prose(visible(line))}</span>"
        for line in lead
    )
    return Html(f'<p class="verdict {level}" role="status"><b>{escape(first)}</b>{more}</p>{missing}')


def prose(text: str) -> str:
    """A sentence as HTML in which a day stays on one line.

    Example:
        >>> prose("on 2026-11-09 <so>")
        'on <span class="day">2026-11-09</span> &lt;so&gt;'

    """
    return _DAY.sub(r'<span class="day">\g<0></span>', escape(text))


def findings_list(findings: Sequence[Finding]) -> Html:
    """Findings as a list, gravest first; the rest folds away, and prints."""
    if not findings:
        return Html("<p>Nothing in this window needs a look.</p>")
    items = [
        f'<li class="finding {f.severity}"><b>{f.severity}</b> <span>{prose(plain(f.text))}'
        f"{' <i>new</i>' if f.new else ''}{_how_whole(f)}</span></li>"
        for f in findings
    ]
    return Html(f'<ul class="findings">{"".join(items)}</ul>')


def _how_whole(finding: Finding) -> str:
    return "" if finding.completeness != "unknown" else " <i>(not certain)</i>"


def sources_list(
    proofs: Mapping[str, Provenance], extra: Sequence[str] = (), facts: Facts | None = None
) -> Html:
    """Where each table came from, first what is not whole, and what else is to be said.

    Args:
        proofs: table -> its provenance; tables of one source, window and completeness stand in one row.
        extra: sentences.
        facts: what `doctor` found out about the account; only what changes a reading is told.

    """
    alike: dict[tuple[str, str, str], dict[str, Provenance]] = {}
    for name, proof in sorted(proofs.items(), key=lambda item: list(_WHOLE).index(item[1].completeness)):
        whole = _WHOLE[proof.completeness] + (f": {proof.why}" if proof.why else "")
        alike.setdefault((proof.source, _days(proof), whole), {})[name] = proof
    rows = [
        (", ".join(held), source, days, _requests(held.values()), whole)
        for (source, days, whole), held in alike.items()
    ]
    frame = pd.DataFrame(rows, columns=["table", "source", "days", "requests", "how_whole"])
    words = "Where each table came from; days are UTC, both ends included."
    notes = "".join(f'<p class="note">{escape(visible(note))}</p>' for note in [*extra, *_known(facts)])
    headers = {"how_whole": "all of it read?"}
    return Html(f"{Shown(frame, words, headers).html()}{notes}")


_WHOLE: Final[Mapping[Completeness, str]] = {
    "unknown": "unknown",
    "floor": "at least this much",
    "complete": "complete",
}


def _days(proof: Provenance) -> str:
    if not proof.window_start or not proof.window_end:
        return ""
    return f"{proof.window_start:%Y-%m-%d} to {proof.window_end - timedelta(microseconds=1):%Y-%m-%d}"


def _requests(proofs: Iterable[Provenance]) -> str:
    asked = sum(proof.requests for proof in proofs)
    paid = total(proof.request_cost_usd for proof in proofs)
    return f"{asked:,}{f', {dollars(paid)}' if paid else ''}" if asked else ""


def _known(facts: Facts | None) -> list[str]:
    """What `doctor` found out about the account, as far as numbers are read by it."""
    if facts is None:
        return []
    looked = f"bedrock-guard doctor looked at this account on {facts.found_at:%Y-%m-%d}"
    read_by = [f"{fact.question} {fact.answer}." for fact in facts.facts if fact.data]
    if not read_by:
        return [
            f"{looked}: nothing it found changes how a number is read here. Run again, it shows all of it."
        ]
    return [
        f"{looked}, and numbers are read by what it found: {' '.join(read_by)} Run again, it shows all of it."
    ]


def unread(found: Resources) -> list[str]:
    """What of the lists of Bedrock, and of invocation logging, should have been read and was not; a line a Region."""
    told = []
    for region in dict.fromkeys(one.region for one in found.missed):
        missed = [one for one in found.missed if one.region == region]
        asked = sum(one.region == region for one in found.asked)
        named = [f"{one.kind.replace('_', ' ')} ({one.why})" for one in missed[:_NAMED]]
        more = f" and {len(missed) - _NAMED} more" if len(missed) > _NAMED else ""
        told.append(
            f"What exists in {region}: {len(missed)} of {asked} lists could not be read to the end: "
            f"{', '.join(named)}{more}"
        )
    return told + [f"Logging in {one.region}: {one.why}" for one in found.logging if one.enabled is None]


def in_zone(shown: Seen, zone: tzinfo) -> Seen:
    """The table with its times in a zone."""
    return replace(shown, zone=zone) if isinstance(shown, Shown) else shown


def ended_exceptions(spec: BoundarySpec, today: date, days: int) -> list[Finding]:
    """Exceptions of the spec that ended, or end within so many days.

    Example:
        >>> from bedrock_guard.account.situation import example_spec
        >>> [f.severity for f in ended_exceptions(example_spec(), date(2027, 4, 1), 14)]
        ['medium']

    """
    found = []
    for entry in spec.exceptions:
        what = entry.control or (entry.model.id if entry.model else "a model")
        said = title_of(what)
        subject = f"{entry.profile}:{what}:{entry.owner}"
        if entry.expired(today):
            text = (
                f"The exception of {entry.owner} for {said} ended on {entry.until}: take it out, or renew it."
            )
            found.append(Finding(id=f"exception_ended:{subject}", severity="medium", text=text))
        elif entry.until - today <= timedelta(days=days):
            text = f"The exception of {entry.owner} for {said} ends on {entry.until}."
            found.append(Finding(id=f"exception_ending:{subject}", severity="low", text=text))
    return found
