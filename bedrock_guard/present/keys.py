"""An investigation of keys for people's eyes, as tables; what is about one key comes from `key_page` and `runbook`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.evidence.caller_names import short
from bedrock_guard.evidence.key_use import use_by
from bedrock_guard.present.key_answers import answer, questions, reach, told
from bedrock_guard.present.key_first import first, theft
from bedrock_guard.present.key_page import chart, models, places, summary, timeline
from bedrock_guard.present.key_words import (
    FLOOR,
    SPENT,
    WHOLE,
    held,
    key_row,
    model,
    some_ids,
    tokens,
    use_table,
    who,
)
from bedrock_guard.present.runbook import Runbook, runbook
from bedrock_guard.present.table import Shown

if TYPE_CHECKING:
    from bedrock_guard.account.investigation import Investigation
    from bedrock_guard.evidence.finding import Finding
    from bedrock_guard.evidence.phantoms import Phantom

__all__ = [
    "FLOOR",
    "Runbook",
    "answer",
    "chart",
    "dearest",
    "findings",
    "first",
    "holders",
    "inventory",
    "mantle",
    "model",
    "models",
    "phantoms",
    "places",
    "questions",
    "runbook",
    "sessions",
    "summary",
    "theft",
    "timeline",
    "tokens",
    "told",
    "used",
    "who",
]

_STATES: Final = ("active", "unreadable", "inactive", "expired")
"""Keys that work stand first, then those that may."""


def inventory(case: Investigation) -> Shown:
    """Every long-term key: its state, its end, who made it, when it was last used, and how far each is known."""
    rows = [key_row(row, case.account.now) for _, row in _working_first(case).iterrows()]
    columns = ["user", "key", "status", "expires", "created", "created_by", "last_used"]
    listing = case.keys.listing
    whole = (
        "every user and page was read"
        if listing.completeness == "complete"
        else f"there may be more: {listing.why}"
    )
    caption = f"Long-term keys of Bedrock and Claude Platform in account {case.account.account_id}; {whole}."
    under = {"user": "key", "created": "created_by"}
    return Shown(pd.DataFrame(rows, columns=columns), caption, under=under)


def holders(case: Investigation) -> Shown:
    """The users who hold keys, and what else they hold: policies, boundary, other credentials."""
    rows = [_holder_row(row, case) for _, row in _working_first(case).drop_duplicates("user").iterrows()]
    frame = pd.DataFrame(rows, columns=["user", "policies", "boundary", "other_credentials"])
    return Shown(
        frame, "What else their users hold. A boundary on whoever makes a key does not bind the key's user."
    )


def _working_first(case: Investigation) -> pd.DataFrame:
    return case.keys.table.sort_values("status", key=lambda names: names.map(_STATES.index), kind="stable")


def _holder_row(row: pd.Series[Any], case: Investigation) -> dict[str, Any]:
    facts = case.keys.users.get(str(row["user"]))
    granted = row["policies"]
    policies = (
        None if granted is None else [str(name).removeprefix("arn:aws:iam::aws:policy/") for name in granted]
    )
    return {
        "user": row["user"],
        "policies": policies,
        "boundary": "none" if facts and facts.boundary_read and not facts.boundary else row["boundary"],
        "other_credentials": held(row["other_credentials"]),
    }


def phantoms(case: Investigation) -> Shown:
    """Users that a console made for a key: what of all that must be empty is, what is not and why, what is unread."""
    rows = [
        {
            "user": phantom.user,
            "verdict": phantom.verdict.replace("_", " "),
            "not_empty": _checks(phantom, empty=False),
            "empty": _checks(phantom, empty=True),
            "could_not_be_read": _checks(phantom, empty=None),
        }
        for phantom in case.keys.phantoms
    ]
    if not rows:
        return Shown(pd.DataFrame(), "No user here is named as the consoles name users made for a key.")
    caption = "Users made for a key (phantoms). Only with everything read and empty is one called an orphan."
    return Shown(pd.DataFrame(rows), caption, longest=2_000)


def _checks(phantom: Phantom, *, empty: bool | None) -> str:
    told = [": ".join(filter(None, (one.what, one.found))) for one in phantom.checks if one.empty is empty]
    return "; ".join(told) or "nothing"


def sessions(case: Investigation) -> Shown:
    """Short-term keys by person or session."""
    used = case.summed[case.summed["key_kind"] == "short_term"]
    by = ["session", "principal"]
    counted = used.groupby(by, dropna=False, observed=True)["access_key_id"].nunique()
    signed = {_known(*caller): int(keys) for caller, keys in zip(counted.index, counted, strict=True)}
    frame = use_by(used, by, case.prices)
    callers = zip(frame["session"], frame["principal"], strict=True)
    frame = frame.assign(signing_keys=[signed[_known(*caller)] for caller in callers])
    shown = use_table(frame, [*by, "signing_keys"])
    caption = f"Short-term keys by who used them. Making one leaves no event, only its use shows; {FLOOR}."
    under = {"session": "principal", "calls": "of_them", "models": "regions"}
    return Shown(shown, caption, SPENT, limit=20, under=under)


def _known(*names: Any) -> tuple[str | None, ...]:
    """Names to look up by: NA is equal to nothing, None to itself."""
    return tuple(None if pd.isna(name) else str(name) for name in names)


def dearest(use: pd.DataFrame) -> pd.DataFrame:
    """Rows of KEY_USE, the dearest first; those without a price last, by their calls."""
    costs = [cost or 0 for cost in use["usd_at_least"]]
    order = sorted(range(len(costs)), key=lambda place: -costs[place])
    return use.iloc[order].reset_index(drop=True)


def used(case: Investigation) -> Shown:
    """What was done with keys, by user or role and kind of key."""
    if case.use.empty:
        return Shown(pd.DataFrame({"principal": []}), "No call with a key was seen in these days.")
    use = dearest(case.use)
    named = use.assign(kind=[str(kind).replace("_", " ") for kind in use["key_kind"]])
    table = use_table(named, ["principal", "kind"])
    return Shown(table, f"What was done with keys, an owner's and a thief's calls together; {FLOOR}.", SPENT)


def mantle(case: Investigation) -> Shown:
    """The mantle endpoint: what records tell of its control plane, and what the bill tells of its use."""
    frame = case.mantle.assign(
        who=["not in the bill" if pd.isna(name) else who(name) for name in case.mantle["who"]],
        key_kind=[
            "not in the bill" if pd.isna(kind) else str(kind).replace("_", " ")
            for kind in case.mantle["key_kind"]
        ],
        model=["not in the record" if pd.isna(name) else model(name) for name in case.mantle["model"]],
    )
    caption = (
        "The mantle endpoint, the second one of Bedrock, which speaks OpenAI's API: its inference is in no Event "
        "history. The bill says how much; who is said by data events alone, where a trail records them."
    )
    under = {"source": "account_id", "model": "key_kind"}
    return Shown(frame, caption, {"cost_usd": "cost"}, under=under)


def findings(case: Investigation) -> Shown:
    """What deserves a look, gravest first and of them what is about a suspect, with the records that show it."""
    about = {one.about for one in case.suspects}
    order = ("high", "medium", "low")
    found = sorted(case.findings, key=lambda f: (order.index(f.severity), short(f.subject) not in about))
    return _findings(tuple(found), f"What deserves a look, gravest first. {reach(case)}")


def _findings(found: tuple[Finding, ...], caption: str) -> Shown:
    rows = [
        {
            "severity": one.severity,
            "finding": one.title,
            "first_seen": one.first_seen,
            "last_seen": one.last_seen,
            "events": one.evidence_count,
            "event_ids": some_ids(one.evidence, one.evidence_count),
            "how_whole": WHOLE[one.completeness],
        }
        for one in found
    ]
    columns = ["severity", "finding", "first_seen", "last_seen", "events", "event_ids", "how_whole"]
    under = {"first_seen": "last_seen", "how_whole": "event_ids"}
    headers = {"how_whole": "all of it read?"}
    return Shown(pd.DataFrame(rows, columns=columns), caption, headers, under=under)
