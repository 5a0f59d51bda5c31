"""A look at an account as text to paste: what is seen, what is not, what differs, what was learnt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from bedrock_guard.account.requests import asked_words
from bedrock_guard.present.table import plain
from bedrock_guard.present.terminal import paragraph

if TYPE_CHECKING:
    from bedrock_guard.account.doctor import Checkup

_LINE: Final = 2_000


def text(found: Checkup, width: int | None = None) -> str:
    """The whole look, a section a paragraph, to fit `width` columns. Holds no account number, ARN or name."""
    sections = (
        (_head(found), ()),
        (_gaps_title(found), _gaps(found)),
        (_shapes_title(found), (f"{action}: {change}" for action, change in found.shapes)),
        ("Points that no document settles, in this account (kept for the other commands):", _facts(found)),
        ("Reads:", (f"{one.action}: {one.state}" for one in sorted(found.seen, key=lambda one: one.action))),
    )
    return "\n\n".join(
        "\n".join(paragraph(line, width, 2) for line in (*title.splitlines(), *_listed(lines)))
        for title, lines in sections
    )


def _listed(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {plain(line, limit=_LINE)}" for line in lines)


def _head(found: Checkup) -> str:
    seen = sum(one.state == "seen" for one in found.seen)
    asked = sum(line.count for line in found.requests)
    paid = sum(line.count for line in found.requests if line.service == "ce")
    where = f"{found.mode} account, caller: {found.caller}, {found.partition}, {found.region}"
    return (
        f"bedrock-guard {found.version}, {where}, {found.at:%Y-%m-%d}\n"
        f"{seen} of {len(found.seen)} reads work; {asked_words(asked, paid, found.cost_usd)}"
    )


def _gaps_title(found: Checkup) -> str:
    return "Not seen, and the permission it needs:" if found.gaps else "This caller sees everything."


def _gaps(found: Checkup) -> Iterator[str]:
    for one in found.gaps:
        needs = f"needs {one.action}" if one.state == "refused" else f"{one.action} did not work"
        yield f"{one.tells}: {needs} ({one.why})"


def _shapes_title(found: Checkup) -> str:
    if found.shapes:
        return "Answers that are not what the readers expect; please report them:"
    return "Every answer has the shape that the readers expect."


def _facts(found: Checkup) -> Iterator[str]:
    for fact in found.facts.facts:
        if fact.answer is None:
            yield f"{fact.question} Unknown: {fact.why}."
        else:
            yield f"{fact.question} {fact.answer} [{fact.seen} looked at]"
