"""The start page: what stands out in the account, and which notebook answers what."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.evidence.spend import on_mantle
from bedrock_guard.evidence.tables import dollars, total
from bedrock_guard.evidence.what_if import short_name
from bedrock_guard.present import evidence
from bedrock_guard.present.table import Shown

if TYPE_CHECKING:
    from decimal import Decimal

    from bedrock_guard.account.situation import Situation
    from bedrock_guard.boundary.spec import BoundarySpec

_MOST: Final = 10
_TOGETHER: Final = "What a user or role spent is its owner's and a thief's together, at the bill's prices."


def money(situation: Situation) -> Shown:
    """The dearest models, each with who spends most of it, and what belongs to no model."""
    found = situation.what_if(situation.spec())
    rest = situation.counted.whole - found.impact.governed
    other = [("no model", rest, "guardrails, agents, lines that name no model")] if rest else []
    shown = evidence.users(found, situation, other)
    return replace(shown, caption=f"Spend of the window, USD. {shown.caption}")


def callers(situation: Situation) -> Shown:
    """The callers that spend most, each with its programs and models; then accounts not read, and what has no caller.

    A program of which no call tells its dollars is named all the same: it called the endpoint whose inference Event
    history does not hold, or made no call to a model.
    """
    lines = situation.counted.lines
    rows = [_caller(situation, str(name), part) for name, part in lines.groupby("principal")]
    rows.sort(key=lambda row: -row["cost_usd"])
    if len(rows) > _MOST:
        cost = total(row["cost_usd"] for row in rows[_MOST:])
        rows[_MOST:] = [_row(f"{len(rows) - _MOST} more callers", cost)]
    nobody, away = lines["principal"].isna(), lines["account_id"].isin(situation.unread)
    left = [
        _row(f"{evidence.NOBODY}: {why}", total(part["cost"]))
        for why, part in lines[nobody & ~away].groupby("why")
    ]
    if elsewhere := total(lines.loc[nobody & away, "cost"]):
        left.append(_row(evidence.unread_words(situation.unread), elsewhere))
    left.sort(key=lambda row: -row["cost_usd"])
    headers = {"cost_usd": "USD (a caller's: at least)", "clients": "programs"}
    frame = pd.DataFrame([*rows, *left], columns=["caller", "cost_usd", "clients", "models"])
    words = f"Callers that spend most in the window. {_mantle(situation)}".strip()
    return Shown(frame, words, headers, total=True, more=f"{_TOGETHER} {evidence.EXPLAINED}")


def _mantle(situation: Situation) -> str:
    """What the bill says of the mantle endpoint, whose inference no Event history holds, and who was seen on it."""
    cost = total(situation.bill.loc[on_mantle(situation.bill), "cost"])
    if not cost:
        return ""
    calls = situation.calls
    seen = calls[calls["service"].astype("string").str.startswith("bedrock-mantle.").fillna(value=False)]
    pairs = seen[["principal", "client"]].dropna().drop_duplicates().itertuples(index=False)
    who = ", ".join(sorted(f"{short_name(str(one))} with {client}" for one, client in pairs)) or "nobody"
    return (
        f"Of the bill, {dollars(cost)} went through the mantle endpoint, whose inference is in no Event history; "
        f"seen calling that endpoint: {who}."
    )


def _row(words: str, cost: Decimal) -> dict[str, Any]:
    return {"caller": words, "cost_usd": cost, "clients": "", "models": ""}


def _caller(situation: Situation, principal: str, part: pd.DataFrame) -> dict[str, Any]:
    return {
        **_row(short_name(principal), total(part["cost"])),
        "clients": _programs(situation, principal, {str(client) for client in part["client"].dropna()}),
        "models": tuple(sorted({situation.name_of(str(model)) for model in part["model"].dropna()})),
    }


def _programs(situation: Situation, principal: str, paid: AbstractSet[str]) -> tuple[str, ...]:
    calls = situation.calls
    seen = set(calls.loc[calls["principal"] == principal, "client"].dropna().astype(str))
    return (*sorted(paid), *(f"{name} (cost unknown)" for name in sorted(seen - paid)))


def boundary(situation: Situation, spec: BoundarySpec | None = None) -> Shown:
    """What the boundary of a spec, by default the shipped example, would do to the window's dollars."""
    chosen = spec or situation.spec()
    found = situation.what_if(chosen, next(iter(chosen.profile)))
    rows = [{"what": words, "cost_usd": cost} for words, cost in evidence.cards(found, situation).items()]
    refused = f"{found.count('refused'):,} calls that worked would be refused"
    models = ", ".join(situation.name_of(model.id) for model in found.built.profile.models) or "no model"
    told = " ".join(evidence.elsewhere(found, situation))
    caption = f"With {models} approved: {refused}. Refused spend is not a saving. {told}".strip()
    return Shown(pd.DataFrame(rows, columns=["what", "cost_usd"]), caption, {"cost_usd": "USD"})
