"""An answer to a question about keys, what it is asked of, and how one is made with its completeness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.evidence.finding import MOST_IDS, Evidence, Finding
from bedrock_guard.evidence.key_use import counts, key_use, short_term_sessions, summed
from bedrock_guard.evidence.tables import Completeness, provenance_of
from bedrock_guard.evidence.words import listed

if TYPE_CHECKING:
    import pandas as pd

MOST_TOLD: Final = 5
LISTS: Final = "IAM's lists"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to one question.

    Args:
        number: its place in the list.
        question: the question.
        answer: one sentence or two.
        completeness: complete, floor or unknown.
        why: the reason for anything but complete.
        evidence: event ids, at most `MOST_IDS`.
        source: what it was read from, where no event shows it.
        table: the details, where there are several.
        made_late: makes the details instead, where that takes long.
    """

    number: int
    question: str
    answer: str
    completeness: Completeness
    why: str = ""
    evidence: tuple[str, ...] = ()
    source: str = "CloudTrail's records"
    table: pd.DataFrame | None = None
    made_late: Callable[[], pd.DataFrame] | None = None

    @property
    def details(self) -> pd.DataFrame | None:
        """What the answer is a summary of."""
        return self.table if self.made_late is None else self.made_late()


@dataclass(frozen=True)
class Case:
    """What the questions are asked of.

    Args:
        evidence: calls, keys and phantoms.
        zone: the analyst's time zone, for off-hours.
        prices: a price table; None gives no dollars.
        unseen: what is known to be unseen, one sentence each (regions not asked, selectors, accounts).
    """

    evidence: Evidence
    zone: tzinfo
    prices: pd.DataFrame | None = None
    unseen: tuple[str, ...] = ()

    @cached_property
    def summed(self) -> pd.DataFrame:
        """The calls, those alike as one row (`key_use.summed`)."""
        return summed(self.evidence.calls)

    @cached_property
    def use(self) -> pd.DataFrame:
        """Use of keys by principal and kind of key (KEY_USE)."""
        return key_use(self.summed, self.prices)

    @cached_property
    def sessions(self) -> pd.DataFrame:
        """Short-term keys by the key that signed them (KEY_SESSIONS)."""
        return short_term_sessions(self.summed, self.prices)


Read = Callable[["pd.DataFrame"], tuple[str, "pd.DataFrame", int]]
Ask = Callable[[Case, Sequence[Finding], int, str], Answer]


def of_calls(case: Case, number: int, question: str, text: str, events: pd.DataFrame, **more: Any) -> Answer:
    """An answer from calls, as complete as their records; `events` are its proof."""
    proof = provenance_of(case.evidence.calls)
    ids = tuple(events["event_id"].astype(str).iloc[:MOST_IDS])
    return Answer(number, question, text, proof.completeness, proof.why, ids, **more)


def of_keys(case: Case, number: int, question: str, read: Read) -> Answer:
    """An answer from the keys table; `read` gives the text, the details and for how many keys nothing is known."""
    keys = case.evidence.keys
    if keys is None:
        said = "Not known: keys were not read."
        return Answer(number, question, said, "unknown", "keys were not read", (), LISTS)
    text, table, open_keys = read(keys)
    proof = provenance_of(keys)
    if open_keys:
        proof = proof.lowered("floor", f"not known for {open_keys} of {len(keys)} keys")
    return Answer(number, question, text, proof.completeness, proof.why, (), LISTS, table)


def from_rules(*rules: str, none: str) -> Ask:
    """An answer made of what some rules found."""

    def ask(case: Case, findings: Sequence[Finding], number: int, question: str) -> Answer:
        own = [finding for finding in findings if finding.rule in rules]
        proof = provenance_of(case.evidence.calls)
        ids = [event for finding in own for event in finding.evidence]
        text = " ".join(finding.title for finding in own[:5]) or none
        more = f" And {len(own) - 5} more." if len(own) > 5 else ""
        return Answer(number, question, text + more, proof.completeness, proof.why, tuple(ids[:MOST_IDS]))

    return ask


def counted_rows(rows: pd.Series[Any], name: Callable[[str], str] = str) -> str:
    """The most frequent values of a column with how often each occurs, and how many further values there are."""
    found = counts(rows)
    told = [f"{name(value)} ({number:,})" for value, number in list(found.items())[:MOST_TOLD]]
    return listed([*told, *([f"{len(found) - MOST_TOLD} more"] if len(found) > MOST_TOLD else [])])
