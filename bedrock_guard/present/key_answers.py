"""The twenty-two questions with their answers, and the details behind one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import pandas as pd

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.denials import LAYER_WORDS
from bedrock_guard.evidence.tables import provenance_of
from bedrock_guard.present.key_words import SPENT, WHOLE, counted, held, some_ids, use_table, who
from bedrock_guard.present.note import Note
from bedrock_guard.present.table import Shown

if TYPE_CHECKING:
    from bedrock_guard.account.investigation import Investigation
    from bedrock_guard.evidence.answer import Answer

_HEADERS: Final = {
    **SPENT,
    "client": "program",
    "credential_id": "key",
    "access_key_id": "signing key",
    "creator": "created by",
    "creator_completeness": "is that known?",
    "creator_event": "event id",
    "last_used_source": "as far as seen",
    "days_with_rows": "days with records",
}
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "key_kind": {"long_term": "long term", "short_term": "short term"},
    "denied_by": LAYER_WORDS,
}


def reach(case: Investigation) -> str:
    """How far the records reach, as a sentence."""
    why = provenance_of(case.calls).why
    return f"{why[:1].upper()}{why[1:]}." if why else ""


def questions(case: Investigation) -> Shown:
    """The twenty-two questions; what cannot be known is said with its reason."""
    rows = [
        {
            "no": one.number,
            "question": one.question,
            "answer": _answer(one),
            "how_whole": WHOLE[one.completeness],
            "shown_by": some_ids(one.evidence, len(one.evidence)) if one.evidence else one.source,
        }
        for one in case.answers
    ]
    frame = pd.DataFrame(rows, columns=["no", "question", "answer", "how_whole", "shown_by"])
    caption = f"Twenty-two questions. {reach(case)}"
    headers = {"no": "#", "how_whole": "all of it read?"}
    return Shown(frame, caption, headers, longest=2_000)


def told(case: Investigation) -> Note:
    """The same for a terminal, whose lines are short."""
    lines = []
    for one in case.answers:
        shown_by = some_ids(one.evidence, len(one.evidence)) if one.evidence else one.source
        lines += [
            f"{one.number:2}. {one.question}",
            f"    {_answer(one)}",
            f"    {WHOLE[one.completeness]}; {shown_by}",
        ]
    return Note(tuple(lines), "copy")


def answer(case: Investigation, number: int) -> Shown:
    """The details behind one of the twenty-two answers, each row with what it was read from.

    Raises:
        GuardError: there is no question of this number.
    """
    found = next((one for one in case.answers if one.number == number), None)
    if found is None:
        raise GuardError(f"There is no question {number}.", remedy=f"Take one from 1 to {len(case.answers)}.")
    table = found.details
    if table is None:
        events = case.calls[case.calls["event_id"].isin(list(found.evidence))]
        table = events[["event_time", "operation", "principal", "session", "region", "source_ip", "event_id"]]
    return Shown(_readable(table), f"{number}. {found.question} {_answer(found)}", _HEADERS, limit=200)


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    """Principals by their names, and counts by name as text; what was used as everywhere on these pages."""
    shown = table.reset_index(drop=True)
    for name, words in _WORDS.items():
        if name in shown:
            shown = shown.assign(**{name: [words.get(value, value) for value in shown[name]]})
    if "usd_at_least" in shown:
        names = [str(name) for name in shown.columns]
        return use_table(shown, [name for name in names[: names.index("first_seen")] if name != "account_id"])
    if "principal" in shown:
        shown = shown.assign(principal=[who(name) for name in shown["principal"]])
    if "other_credentials" in shown:
        shown = shown.assign(other_credentials=[held(value) for value in shown["other_credentials"]])
    maps = [name for name in shown.columns if any(isinstance(value, Mapping) for value in shown[name])]
    return shown.assign(**{name: [counted(value) for value in shown[name]] for name in maps})


def _answer(one: Answer) -> str:
    if one.completeness != "unknown":
        return one.answer
    return f"unknown: {one.why or 'no source could tell'} ({one.answer.rstrip('.')})"
