"""Spend by caller as tables and a chart: what AWS's export says, and what the tokens of seen calls say."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pandas as pd

from bedrock_guard.evidence.tables import dollars, provenance_of, total
from bedrock_guard.evidence.what_if import short_name
from bedrock_guard.present import charts
from bedrock_guard.present.evidence import EXPLAINED, NOBODY, unread_words
from bedrock_guard.present.note import Note
from bedrock_guard.present.spend import percent, table_or_note
from bedrock_guard.present.spend_lines import by_caller
from bedrock_guard.present.table import Shown, source_note

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from bedrock_guard.account.caller_spend import CallerSpend
    from bedrock_guard.account.spending import Spending


def chart(who: CallerSpend, found: Spending) -> go.Figure | Note:
    """Usage by caller, the unattributed rest among the bars."""
    frame = _counted(who)
    if frame.empty:
        return _unknown(who)
    table = frame.rename(columns={"cost": "cost_usd"})
    return charts.in_currency(
        charts.bars(table, by="caller", title="Usage by caller, at least, USD"), found.currency
    )


def counted(who: CallerSpend, found: Spending) -> Shown | Note:
    """Usage by caller; it adds up to all usage, attributed or not."""
    frame = _counted(who)
    if who.counted is None or frame.empty:
        return _unknown(who)
    words = (
        f"{dollars(who.counted.attributed, found.currency)} of {dollars(who.counted.whole, found.currency)} has a "
        "caller: a caller spent at least what stands beside it, and the rest is not spread by guess."
    )
    if who.counted.excess:
        over = ", ".join(f"{n:,} {kind.replace('_', ' ')}" for kind, n in who.counted.excess.items())
        words += f" Calls took more than was billed by {over}; that moves no dollar."
    headers = {"cost": "cost (a caller's: at least)"}
    return table_or_note(Shown(frame, words, headers, total=True, currency=found.currency, more=EXPLAINED))


def coverage(who: CallerSpend, found: Spending) -> Shown | Note:
    """By model: how much has a caller, and why the rest has none."""
    if who.counted is None:
        return source(who)
    table = who.counted.by_model()
    frame = pd.DataFrame(
        {
            "model": ["no model" if name is None else found.name_of(str(name)) for name in table["model"]],
            "all_cost": table["cost"],
            "attributed_cost": table["attributed"],
            "unattributed_cost": table["unattributed"],
            "share_attributed": [percent(share) for share in table["share"]],
            "why_not": ["; ".join(words) if words else "" for words in table["why"]],
        }
    )
    headers = {
        "all_cost": "usage",
        "attributed_cost": "has a caller",
        "unattributed_cost": "has none",
        "share_attributed": "how much has one",
        "why_not": "why the rest has none",
    }
    caption = "How far callers are known, by model."
    parts = {"all_cost": ("attributed_cost", "unattributed_cost")}
    return table_or_note(Shown(frame, caption, headers, total=True, currency=found.currency, parts=parts))


def source(who: CallerSpend) -> Note:
    """Where the token counts came from, and what they cannot know."""
    return Note((source_note(who.tokens),))


def exported(who: CallerSpend, found: Spending) -> Shown | Note:
    """Usage by caller as the cost export names it; lines without a caller are a row of their own."""
    if who.exported is None:
        return Note(
            ("No cost export was read. One that includes the IAM principal names the caller of every line.",)
        )
    lines = who.exported[who.exported["currency"] == found.currency]
    sums_up, says, gap = (
        dollars(value, found.currency) for value in (who.exported_total, who.control, who.difference)
    )
    words = (
        f"Usage by caller in the export. Its lines of these days add up to {sums_up}, credits and tax included; Cost "
        f"Explorer says {says}, difference {gap}."
    )
    said = provenance_of(who.exported)
    words += "" if said.complete else f" Not complete: {said.why}."
    table = by_caller(lines).frame
    return table_or_note(Shown(table, words, total=True, currency=found.currency))


def _counted(who: CallerSpend) -> pd.DataFrame:
    if who.counted is None:
        return pd.DataFrame(columns=["caller", "cost", "tokens", "counted_by"])
    lines = who.counted.lines
    elsewhere = total(lines.loc[lines["account_id"].isin(who.unread) & lines["principal"].isna(), "cost"])
    table = who.counted.by_caller()
    frame = pd.DataFrame(
        {
            "caller": [NOBODY if arn is None else short_name(str(arn)) for arn in table["principal"]],
            "cost": [
                cost - elsewhere if arn is None else cost
                for arn, cost in zip(table["principal"], table["cost"], strict=True)
            ],
            "tokens": ["" if count is None else f"{Decimal(count):,}" for count in table["tokens"]],
            "counted_by": ["" if name is None else str(name) for name in table["source"]],
        }
    )
    if not elsewhere:
        return frame
    row = {"caller": unread_words(who.unread), "cost": elsewhere, "tokens": "", "counted_by": ""}
    return pd.concat([frame, pd.DataFrame([row], dtype="object")], ignore_index=True)


def _unknown(who: CallerSpend) -> Note:
    return Note((f"Spend by caller is unknown: {who.tokens.why or 'no source of tokens was read'}.",))
