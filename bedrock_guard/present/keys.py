"""An investigation of keys for people's eyes, as tables; what is about one key comes from `key_page` and `runbook`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.evidence.key_use import use_by
from bedrock_guard.evidence.tables import provenance_of
from bedrock_guard.evidence.what_if import short_name
from bedrock_guard.present.key_page import chart, models, places, summary, timeline
from bedrock_guard.present.key_words import (
    FLOOR,
    SPENT,
    WHOLE,
    date_of,
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
    from bedrock_guard.evidence.answer import Answer
    from bedrock_guard.evidence.findings import Finding

__all__ = [
    "FLOOR",
    "Runbook",
    "chart",
    "findings",
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
    "timeline",
    "tokens",
    "who",
]

_EMPTY: Final = {True: "empty", False: "not empty", None: "could not be read"}


def inventory(case: Investigation) -> Shown:
    """Every long-term key: its state, its end, who made it, when it was last used, and how far each is known."""
    rows = [_inventory_row(row, case.account.now) for _, row in case.keys.table.iterrows()]
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


def _inventory_row(row: pd.Series[Any], now: datetime) -> dict[str, Any]:
    endless = pd.notna(row["never_expires"]) and bool(row["never_expires"])
    reset = pd.notna(row["resets"]) and row["resets"] > 0
    since = f"; new secret {date_of(row['secret_since'])}" if reset else ""
    age = f" ({(now - row['secret_since']).days} days old)" if pd.notna(row["secret_since"]) else ""
    seen = f"{date_of(row['last_used'])}: " if pd.notna(row["last_used"]) else ""
    return {
        "user": row["user"],
        "key": row["credential_id"],
        "status": row["status"],
        "expires": "never" if endless else date_of(row["expires"]),
        "created": f"{date_of(row['created'])}{since}{age}",
        "created_by": row["creator_completeness"]
        if pd.isna(row["creator"])
        else _creator(str(row["creator"])),
        "last_used": f"{seen}{row['last_used_source']}",
    }


def holders(case: Investigation) -> Shown:
    """The users who hold keys, and what else they hold: policies, boundary, other credentials."""
    rows = [_holder_row(row, case) for _, row in case.keys.table.drop_duplicates("user").iterrows()]
    frame = pd.DataFrame(rows, columns=["user", "policies", "boundary", "other_credentials"])
    return Shown(
        frame, "What else their users hold. A boundary on whoever makes a key does not bind the key's user."
    )


def _holder_row(row: pd.Series[Any], case: Investigation) -> dict[str, Any]:
    facts = case.keys.users.get(str(row["user"]))
    held = row["policies"]
    policies = None if held is None else [str(name).removeprefix("arn:aws:iam::aws:policy/") for name in held]
    return {
        "user": row["user"],
        "policies": policies,
        "boundary": "none" if facts and facts.boundary_read and not facts.boundary else row["boundary"],
        "other_credentials": _held(row["other_credentials"]),
    }


def _creator(text: str) -> str:
    arn, _, session = text.partition(" as ")
    return f"{session} ({_role(arn)})" if session else _role(arn)


def _role(arn: str) -> str:
    """A principal's short name; a role of Identity Center without the number that Identity Center adds."""
    return _OF_IDENTITY_CENTER.sub(r"\1 of Identity Center", short_name(arn))


_OF_IDENTITY_CENTER: Final = re.compile(r"role AWSReservedSSO_(.+)_[0-9a-f]{16}$")


def _held(found: Any) -> str:
    """A user's other credentials in words; what could not be read is said."""
    if not isinstance(found, Mapping):
        return "unknown"
    words = []
    for name, value in found.items():
        count = value if isinstance(value, (bool, int)) or value is None else len(value)
        if count is None:
            words.append(f"{name.replace('_', ' ')} could not be read")
        elif count:
            words.append(name.replace("_", " ") + ("" if count is True else f": {count}"))
    return ", ".join(words) or "none"


def phantoms(case: Investigation) -> Shown:
    """Users that a console made for a key, with all that must be empty and readable before one is an orphan."""
    rows = [
        {
            "user": phantom.user,
            "verdict": phantom.verdict.replace("_", " "),
            "must_be_empty": check.what,
            "state": _EMPTY[check.empty],
            "found": check.found,
        }
        for phantom in case.keys.phantoms
        for check in phantom.checks
    ]
    frame = pd.DataFrame(rows, columns=["user", "verdict", "must_be_empty", "state", "found"])
    caption = "Users made for a key. Only with everything read and empty is one called an orphan."
    return Shown(
        frame, caption if rows else "No user here is named as the consoles name users made for a key."
    )


def sessions(case: Investigation) -> Shown:
    """Short-term keys by person or session."""
    used = case.summed[case.summed["key_kind"] == "short_term"]
    by = ["principal", "session"]
    signed = used.groupby(by, dropna=False, observed=True)["access_key_id"].nunique()
    frame = use_by(used, by, case.prices)
    frame = frame.assign(
        signing_keys=[int(signed[who]) for who in zip(frame["principal"], frame["session"], strict=True)]
    )
    shown = use_table(frame, [*by, "signing_keys"])
    caption = f"Short-term keys by who used them. Making one leaves no event, only its use shows; {FLOOR}."
    under = {"principal": "session", "calls": "of_them", "models": "regions"}
    return Shown(shown, caption, SPENT, limit=20, under=under)


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
        "The mantle endpoint: its inference is in no Event history. The bill says how much, nothing says who."
    )
    under = {"source": "account_id", "model": "key_kind"}
    return Shown(frame, caption, {"cost_usd": "cost"}, under=under)


def findings(case: Investigation) -> Shown:
    """What deserves a look, gravest first, with the records that show it."""
    return _findings(case.findings, f"What deserves a look, gravest first. {_reach(case)}")


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
    return Shown(pd.DataFrame(rows, columns=columns), caption, under=under)


def _reach(case: Investigation) -> str:
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
            "event_ids": some_ids(one.evidence, len(one.evidence)) if one.evidence else "none",
        }
        for one in case.answers
    ]
    frame = pd.DataFrame(rows, columns=["no", "question", "answer", "how_whole", "event_ids"])
    return Shown(frame, f"Twenty-two questions. {_reach(case)}", under={"how_whole": "event_ids"})


def _answer(one: Answer) -> str:
    if one.completeness != "unknown":
        return one.answer
    return f"unknown: {one.why or 'no source could tell'} ({one.answer.rstrip('.')})"
