"""What was proved of a choice, as tables: the scorecard, what changes, mistakes, sizes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pandas as pd

from bedrock_guard.boundary.builder import Size
from bedrock_guard.boundary.linted import Noted
from bedrock_guard.boundary.scorecard import ARRANGEMENTS, Scorecard
from bedrock_guard.iam.compare import Comparison, Difference
from bedrock_guard.present.table import Shown, plain

_HEADINGS: Final = {"boundary": "boundary alone", "scp": "SCPs alone", "together": "together"}
_STATES: Final = ("closed", "partly", "not by IAM", "open")
_ORDER: Final = {"open": 0, "not built": 1, "partly": 2, "not by IAM": 3, "closed": 4}


def summary(card: Scorecard) -> Shown:
    """How many ways round are closed, and how much work goes on, under each arrangement."""
    rows = []
    for key in ARRANGEMENTS:
        done, every = card.going_on(key)
        counts = (
            dict.fromkeys(_STATES, "")
            if key in card.not_built
            else {s: str(card.count(s, key)) for s in _STATES}
        )
        work = f"not built: {card.not_built[key]}" if key in card.not_built else f"{done} of {every}"
        rows.append({"arrangement": _HEADINGS[key], **counts, "normal work goes on": work})
    return Shown(pd.DataFrame(rows), "Known ways round the boundary, and normal work.")


def bypasses(card: Scorecard) -> Shown:
    """Every known way round, the open ones first."""
    rows = [
        {
            "way round": f"{row.bypass.number}. {row.bypass.title}",
            "together": row.states["together"],
            "boundary alone": row.states["boundary"],
            "decided by": row.deciding,
            "why": row.why,
        }
        for row in sorted(card.bypasses, key=lambda row: (_ORDER[row.states["together"]], row.bypass.number))
    ]
    columns = ["way round", "together", "boundary alone", "decided by", "why"]
    return Shown(pd.DataFrame(rows, columns=columns), "Ways round the boundary, open ones first.", limit=100)


def work(card: Scorecard) -> Shown:
    """Work that must go on and does not; a sentence where all does."""
    rows = [
        {"work": row.work.title, "together": row.outcomes["together"], "decided by": row.deciding}
        for row in card.work
        if row.outcomes["together"] != "allowed"
    ]
    caption = (
        "Normal work that would be refused." if rows else f"All {len(card.work)} pieces of normal work go on."
    )
    return Shown(pd.DataFrame(rows, columns=["work", "together", "decided by"]), caption, limit=100)


def changes(comparison: Comparison, against: str) -> Shown:
    """Classes of requests that are decided differently, each with one request that really flips."""
    rows = [
        {
            "what happens": _word(one),
            "actions": one.actions,
            "resource": str(one.resource),
            "when": [f"{key}: {values}" for key, values in one.conditions.items()] or "always",
            "a request that flips": _witness(one),
        }
        for one in comparison.differences
    ]
    columns = ["what happens", "actions", "resource", "when", "a request that flips"]
    return Shown(pd.DataFrame(rows, columns=columns), changes_words(comparison, against), limit=100)


def changes_words(comparison: Comparison, against: str) -> str:
    """How much is decided differently, in one line."""
    opened = sum(one.opens for one in comparison.differences)
    closed = sum(one.closes for one in comparison.differences)
    words = (
        f"Against {against}: {closed} classes of requests are refused that were allowed, "
        f"{opened} allowed that were refused."
    )
    if not comparison.differences:
        found = "is" if comparison.equal else "was found that is"
        words = f"Against {against}: no request {found} decided differently."
    if comparison.incomplete:
        words += f" There may be more: too much hangs on {', '.join(comparison.keys) or 'the conditions'}."
    return words


def _word(one: Difference) -> str:
    if one.opens:
        return "becomes allowed"
    return "becomes refused" if one.closes else f"{one.before.verdict} becomes {one.after.verdict}"


def _witness(one: Difference) -> str:
    context = "".join(f", {key}={plain(value)}" for key, value in one.witness.context.items())
    return f"{one.witness.action} on {one.witness.resource}{context}"


def mistakes(found: Iterable[Noted]) -> Shown:
    """Lint findings, those that nobody explained first, and why the others are meant."""
    every = sorted(found, key=lambda noted: bool(noted.accepted))
    rows = [
        {
            "severity": noted.finding.severity,
            "document": noted.document,
            "statement": noted.finding.sid or "",
            "what": noted.finding.message,
            "meant because": noted.accepted,
            "what to do": "" if noted.accepted else noted.finding.remedy,
            "rule": noted.finding.rule.id,
        }
        for noted in every
    ]
    unexplained = sum(not noted.accepted for noted in every)
    caption = f"What lint says of the documents: {len(rows)} findings, {unexplained} of them unexplained."
    columns = ["severity", "document", "statement", "what", "meant because", "what to do", "rule"]
    return Shown(pd.DataFrame(rows, columns=columns), caption, limit=100)


def sizes(found: Iterable[Size]) -> Shown:
    """Sizes against quotas."""
    rows = [
        {
            "document": size.document,
            "characters": size.characters,
            "quota": size.quota,
            "free": size.quota - size.characters,
        }
        for size in found
    ]
    columns = ["document", "characters", "quota", "free"]
    return Shown(pd.DataFrame(rows, columns=columns), "Policy documents, in the characters that AWS counts.")
