"""What was proved of a choice, as tables: the scorecard, what changes, mistakes, sizes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pandas as pd

from bedrock_guard.boundary.builder import Size
from bedrock_guard.boundary.linted import Noted
from bedrock_guard.boundary.scorecard import ARRANGEMENTS, HEADINGS, BypassRow, Scorecard
from bedrock_guard.evidence.words import many
from bedrock_guard.iam.compare import Comparison, Difference
from bedrock_guard.present.table import Shown, plain

_STATES: Final = ("closed", "partly", "not by IAM", "open")
_ORDER: Final = {"open": 0, "not built": 1, "partly": 2, "not by IAM": 3, "closed": 4}


def summary(card: Scorecard) -> Shown:
    """How many ways round are closed, and how much work goes on, under each arrangement; this spec's own first."""
    rows = []
    for key in sorted(ARRANGEMENTS, key=lambda name: name != "together"):
        done, every = card.going_on(key)
        counts = (
            dict.fromkeys(_STATES, "")
            if key in card.not_built
            else {s: str(card.count(s, key)) for s in _STATES}
        )
        work = f"not built: {card.not_built[key]}" if key in card.not_built else f"{done} of {every}"
        rows.append({"arrangement": HEADINGS[key], **counts, "normal work goes on": work})
    caption = (
        f"{len(card.bypasses)} known ways round a boundary, and {len(card.work)} pieces of normal work, were tried. "
        f"Partly: only part of it can be closed. Not by IAM: no policy reaches it. {card.wider}"
    )
    return Shown(pd.DataFrame(rows), caption)


def bypasses(card: Scorecard) -> tuple[Shown, Shown]:
    """The known ways round: those that are not closed, with why; and the closed ones, with what closes them."""
    apart = f"in {card.management}"
    rows = [
        {
            "way round": f"{row.bypass.number}. {row.bypass.title}",
            "now": row.states["together"],
            "without SCPs": row.states["boundary"],
            apart: row.unbound,
            "why": _why(row),
            "decided by": _deciding(row.deciding),
        }
        for row in sorted(card.bypasses, key=lambda row: (_worst(row), row.bypass.number))
    ]
    frame = pd.DataFrame(rows, columns=["way round", "now", "without SCPs", apart, "why", "decided by"])
    closed = (frame["now"] == "closed") & frame[apart].isin(["closed", None])
    left, held = frame[~closed], frame.loc[closed, ["way round", "without SCPs", "decided by"]]
    if frame[apart].isna().all():
        left = left.drop(columns=apart)
    opened = (
        f"{len(left)} ways round that are not wholly closed." if len(left) else "No known way round is open."
    )
    too = (
        ""
        if frame[apart].isna().all()
        else " In the management account another document does what an SCP does."
    )
    done = f"{len(held)} ways round that are closed, and what closes them.{too}"
    return (
        Shown(left, opened, limit=100, under={"now": "without SCPs", "why": "decided by"}),
        Shown(held, done, limit=100),
    )


def management(card: Scorecard) -> str:
    """What the scorecard makes of an account that no SCP binds, in a sentence; empty where the profile has none."""
    if not card.management:
        return ""
    who = f"Account {card.management} is the management account of its organization: no SCP binds it."
    if all(row.unbound is None for row in card.bypasses):
        return f"{who} No SCP is counted on here."
    less = many(sum(row.unbound != row.states["together"] for row in card.bypasses), "way")
    return f"{who} Less closed there than in the other accounts: {less} round."


def _worst(row: BypassRow) -> int:
    return min(_ORDER[state] for state in (row.states["together"], row.unbound) if state is not None)


def _why(row: BypassRow) -> str:
    """Why it is not closed; where it is but for the management account, that no SCP holds it there."""
    free = row.unbound not in {None, row.states["together"]}
    return f"{row.why} No SCP holds it in the management account.".strip() if free else row.why


def _deciding(found: tuple[str, ...]) -> str:
    """Which statement refuses which operations: each statement once."""
    by: dict[str, list[str]] = {}
    for one in found:
        operation, _, what = one.partition(": ")
        by.setdefault(what, []).append(operation)
    return "; ".join(f"{', '.join(operations)}: {what}" for what, operations in by.items())


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
    frame = pd.DataFrame(rows, columns=["work", "together", "decided by"])
    return Shown(frame, caption, {"together": "now"}, limit=100)


def changes(comparison: Comparison, against: str) -> Shown:
    """Kinds of request that are decided differently, each with one that really flips; what opens comes first."""
    rows = [
        {
            "change": _word(one),
            "actions": _actions(one.actions),
            "resource": f"on {one.resource}",
            "when": [f"{key}: {values}" for key, values in one.conditions.items()] or "always",
            "a request that flips": _witness(one),
        }
        for one in sorted(comparison.differences, key=_first)
    ]
    columns = ["change", "actions", "resource", "when", "a request that flips"]
    frame = pd.DataFrame(rows, columns=columns)
    return Shown(frame, changes_words(comparison, against), limit=100, under={"actions": "resource"})


def _first(one: Difference) -> tuple[bool, bool]:
    """What opens before what closes, and Bedrock before other services."""
    return not one.opens, not one.actions[0].startswith("bedrock")


def changes_words(comparison: Comparison, against: str) -> str:
    """How much is decided differently, in one line."""
    opened = sum(one.opens for one in comparison.differences)
    closed = sum(one.closes for one in comparison.differences)
    words = (
        f"Compared with {against}: {closed} kinds of request that pass today would be refused, and "
        f"{opened} that are refused today would pass."
    )
    if not comparison.differences:
        found = "is" if comparison.equal else "was found that is"
        words = f"Compared with {against}: no request {found} decided differently."
    if comparison.incomplete:
        keys = ", ".join(comparison.keys) or "their conditions"
        words += f" The list may not be whole: what depends on {keys} could not be worked out to the end."
    return words


def _actions(names: tuple[str, ...], most: int = 4) -> str:
    """The first actions of each service, and how many more; a class may hold a hundred of one."""
    services: dict[str, list[str]] = {}
    for name in names:
        service, _, action = name.partition(":")
        services.setdefault(service, []).append(action)
    return "; ".join(
        f"{service}: {', '.join(actions[:most])}"
        + (f" and {len(actions) - most:,} more" if actions[most:] else "")
        for service, actions in services.items()
    )


def _word(one: Difference) -> str:
    if one.opens:
        return "would pass"
    return "would be refused" if one.closes else f"{one.before.verdict} becomes {one.after.verdict}"


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
    columns = ["severity", "rule", "document", "statement", "what", "meant because", "what to do"]
    under = {"severity": "rule", "document": "statement", "meant because": "what to do"}
    return Shown(pd.DataFrame(rows, columns=columns), caption, limit=100, under=under)


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
