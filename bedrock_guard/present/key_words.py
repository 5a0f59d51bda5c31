"""Words and rows that pages about keys share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import pandas as pd

from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.evidence.what_if import short_name
from bedrock_guard.present.table import plain

FLOOR: Final = (
    "cache tokens, batch jobs, the mantle endpoint and calls whose record tells no tokens are in no sum"
)
WHOLE: Final = {"complete": "complete", "floor": "at least this", "unknown": "unknown"}
SPENT: Final = {"cost_usd": "USD at least", "principal": "role or user"}


def date_of(moment: Any) -> str:
    """A day (UTC) as `2026-11-02`, or `unknown`."""
    return "unknown" if pd.isna(moment) else f"{moment:%Y-%m-%d}"


def some_ids(ids: tuple[str, ...], count: int) -> str:
    """The first event id and how many more there are; without one, where the fact is from."""
    if not ids:
        return "from the list of keys"
    more = f" and {count - 1} more" if count > 1 else ""
    return f"{ids[0]}{more}"


def use_table(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Rows of use as people read them: the counts of Regions and models as text, money in a money column."""
    named = frame.assign(
        cost_usd=frame["usd_at_least"],
        regions=[counted(found) for found in frame["regions"]],
        models=[
            counted({model(name): number for name, number in found.items()}) for found in frame["models"]
        ],
    )
    if "principal" in by:
        named = named.assign(principal=[who(name) for name in frame["principal"]])
    named = named.assign(
        seen=[_span(*pair) for pair in zip(frame["first_seen"], frame["last_seen"], strict=True)],
        of_them=[f"{a} refused, {b} failed" for a, b in zip(frame["refused"], frame["failed"], strict=True)],
        tokens=[tokens(row) for row in frame.to_dict("records")],
    )
    last = [] if "model" in by else ["models"]
    return named[[*by, "seen", "calls", "of_them", "tokens", "cost_usd", *last, "regions"]]


def _span(first: Any, last: Any) -> str:
    return date_of(first) if date_of(first) == date_of(last) else f"{date_of(first)} to {date_of(last)}"


def tokens(row: Mapping[Any, Any]) -> str:
    """Tokens in and out of a row of KEY_USE, and how many calls told none."""
    missing = row["calls_without_tokens"]
    uncounted = f"; {missing:,} uncounted" if missing else ""
    return f"{plain(row['input_tokens'])} in, {plain(row['output_tokens'])} out{uncounted}"


def counted(found: Mapping[str, int]) -> str:
    """Names with their counts in brackets, `none` where there are none."""
    return ", ".join(f"{name} ({number:,})" for name, number in found.items()) or "none"


def model(name: Any) -> str:
    """A model's name, or its id where no name is known or two models share it."""
    return "" if pd.isna(name) else shipped().name_of(str(name))


def who(name: Any) -> str:
    """A principal without what every principal has; empty when it is not known."""
    return "" if pd.isna(name) else short_name(str(name))


def key_row(row: pd.Series[Any], now: datetime | None) -> dict[str, Any]:
    """A key of the keys table as people read it: its state, its end, who made it, when it was last used."""
    endless = pd.notna(row["never_expires"]) and bool(row["never_expires"])
    reset = pd.notna(row["resets"]) and row["resets"] > 0
    since = f"; new secret {date_of(row['secret_since'])}" if reset else ""
    aged = now is not None and pd.notna(row["secret_since"])
    age = f" ({(now - row['secret_since']).days} days old)" if aged else ""
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


def _creator(text: str) -> str:
    arn, _, session = text.partition(" as ")
    return f"{session} ({who(arn)})" if session else who(arn)


def held(found: Any) -> str:
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
