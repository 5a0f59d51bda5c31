"""A `Spending` as charts, tables and lines of text; figures come from evidence, here they are named and laid out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.account.spending import Spending, plan_spending
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.changes import explain_change
from bedrock_guard.evidence.spend_tables import as_csv, as_markdown, cache_share, spend_by
from bedrock_guard.evidence.spend_views import (
    OTHERS,
    by_day,
    by_tag,
    change_steps,
    day_by_day,
    named_usage,
)
from bedrock_guard.evidence.tables import Provenance, dollars, provenance_of
from bedrock_guard.present import charts, evidence
from bedrock_guard.present.note import Note
from bedrock_guard.present.table import Shown, plain, source_note

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from bedrock_guard.account.session import Account

BUCKETS: Final = {
    "model": "on demand",
    "commitment": "commitment",
    "customization": "customization",
    "non_model": "features without a model",
    "unmapped": "no known model",
}
ROUTES: Final = {"regional": "regional price", "global": "global price", "geo": "geographic price"}
_COLUMNS: Final = 4
_LEAST: Final = Decimal("0.0005")
NOTHING: Final = "Nothing was spent here."


def plan(account: Account, days: int) -> Note:
    """What reading will cost, before anything is asked."""
    found = plan_spending(account, days)
    rest = "Every service name beyond the first is one request more; a model sold through Marketplace is one."
    return Note((f"Reading asks {found}.", rest, "List prices are free. Asked again, nothing is asked."))


def headline(found: Spending) -> Note:
    """Usage of the window with what proves it, or why it is withheld; then what asking cost."""
    proof, window = found.now.proof, found.window
    days = f"{window.start} to {window.end - timedelta(days=1)} (UTC)"
    said = f"{found.who}, {days}, before credits, refunds, discounts and tax."
    first = f"{dollars(proof.headline, found.currency)} of Bedrock usage"
    lines = [first, said[0].upper() + said[1:]]
    if proof.withheld:
        lines = ["The headline is withheld.", *proof.withheld, lines[1]]
    total_, gap = (dollars(v, found.currency) for v in (proof.control_total, proof.difference))
    lines.append(
        f"Control total {total_}, difference {gap}; {percent(proof.coverage)} of model dollars have a model."
    )
    if proof.estimated is not False:
        lines.append("Cost Explorer calls part of it estimated: it can still change.")
    return Note((*lines, *_other_currencies(found), requests(found)), "headline")


def _other_currencies(found: Spending) -> list[str]:
    sums = found.now.proof.by_currency
    others = [dollars(amount, name) for name, amount in sums.items() if name != found.currency]
    words = f"The tables hold lines in {found.currency} only; {', '.join(others)} stand apart."
    return [words] if others and len(sums) > 1 else []


def requests(found: Spending) -> str:
    """What asking cost, after it was done."""
    if not found.requests:
        return "Nothing was asked for this: every answer was there already."
    paid = sum(n for (service, _), n in found.asked.items() if service == "ce")
    free = found.requests - paid
    return f"Asked {paid} requests of Cost Explorer, {dollars(found.cost_usd)}, and {free} that are free."


def proof(found: Spending) -> Shown:
    """Control total, every bucket, sum, difference."""
    return evidence.proof(found.now.proof)


def main_table(found: Spending) -> pd.DataFrame:
    """Spend by model and kind of charge, dearest first: model, model_id, charge, cost, share, lines; for export."""
    sums = spend_by(found.lines, "model", "bucket")
    ids = [None if pd.isna(name) else str(name) for name in sums["model"]]
    return pd.DataFrame(
        {
            "model": ["no model" if name is None else found.name_of(name) for name in ids],
            "model_id": ["" if name is None else name for name in ids],
            "charge": [BUCKETS.get(str(name), str(name)) for name in sums["bucket"]],
            "cost": sums["cost"],
            "share": sums["share"],
            "lines": sums["lines"],
        }
    )


def models(found: Spending) -> Shown | Note:
    """The main table."""
    caption = _caption(
        "Spend by model and kind of charge. No model: guardrails, agents, storage and more.", found
    )
    table = main_table(found).drop(columns="lines")
    table["share"] = _percents(table["share"])
    return table_or_note(_shown(table, caption, found, total=True))


def time_chart(found: Spending) -> go.Figure | Note:
    """Spend a day, one colour a model."""
    table = _named_days(found)
    if table.empty:
        return _nothing(found)
    return charts.in_currency(
        charts.daily(table, by="model", title="Spend by model and day, USD"), found.currency
    )


def time_table(found: Spending) -> Shown | Note:
    """The same numbers, one row a day, the last first: what a long window leaves out is its beginning."""
    wide = day_by_day(_named_days(found).rename(columns={"model": "what"})).iloc[::-1]
    headers = {f"{name}_cost": str(name) for name in wide.columns}
    frame = wide.rename(columns={name: f"{name}_cost" for name in wide.columns if name != "day"})
    caption = _caption("The same, day by day, the last first.", found)
    adds = {"all_cost": list(frame.columns[2:])}
    return table_or_note(_shown(frame, caption, found, headers=headers, total=True, limit=62, parts=adds))


def _named_days(found: Spending) -> pd.DataFrame:
    table = by_day(found.lines, top=_COLUMNS).rename(columns={"what": "model"})
    return table.assign(model=[_what(found, str(name)) for name in table["model"]])


def _what(found: Spending, name: str) -> str:
    if name == OTHERS:
        return "all others"
    bucket = name.strip("()")
    return BUCKETS.get(bucket, bucket) if name.startswith("(") else found.name_of(name)


def kinds_chart(found: Spending) -> go.Figure | Note:
    """Spend by token kind."""
    return _bars(_kinds(found), "token_kind", "Spend by token kind", found)


def kinds(found: Spending) -> Shown | Note:
    """Spend by token kind."""
    return table_or_note(_kinds(found))


def _kinds(found: Spending) -> Shown:
    return _by(
        found,
        "token_kind",
        "no token kind",
        "Spend by token kind. No token kind: commitments, guardrails, agents and other features.",
    )


def cache(found: Spending) -> Shown | Note:
    """Per model, how much of the input came from the cache."""
    table = cache_share(found.lines)
    frame = pd.DataFrame({"model": [found.name_of(str(name)) for name in table["model"]]})
    for name in ("input", "cache_read", "cache_write"):
        frame[name] = pd.Series([Decimal(round(tokens)) for tokens in table[name]], dtype="object")
    frame["share_read"] = _percents(table["share"])
    if any(table["unmetered"]):
        frame["lines_without_tokens"] = [int(count) for count in table["unmetered"]]
    headers = {"input": "input tokens", "share_read": "read from the cache"}
    caption = _caption("Input tokens and the prompt cache.", found)
    return table_or_note(_shown(frame, caption, found, headers=headers))


def routes_chart(found: Spending) -> go.Figure | Note:
    """Spend by price lane."""
    return _bars(_routes(found), "route", "Spend by price lane", found)


def routes(found: Spending) -> Shown | Note:
    """Spend by price lane; a bill cannot tell a call in the Region from one through a geographic profile."""
    return table_or_note(_routes(found))


def _routes(found: Spending) -> Shown:
    words = (
        "By price lane: calls in one Region and through a geographic profile are billed at the regional price, calls "
        "through a global profile at the global one. Commitments and features have none."
    )
    return _by(found, "route", "no price lane", words)


def accounts_chart(found: Spending) -> go.Figure | Note:
    """Spend by account."""
    return _bars(_accounts(found), "account_id", "Spend by account", found)


def accounts(found: Spending) -> Shown | Note:
    """Spend by account."""
    return table_or_note(_accounts(found))


def _accounts(found: Spending) -> Shown:
    return _by(found, "account_id", "not said", "Spend by account.")


def tags_chart(found: Spending) -> go.Figure | Note:
    """Spend by caller tag, when one is active."""
    shown = _tags(found)
    if shown.frame.empty:
        return Note((f"Spend by caller tag is unknown: {provenance_of(found.tagged).why}.",))
    return _bars(shown, "caller_tag", f"By tag {shown.frame['tag'].iloc[0]}, every charge type", found)


def tags(found: Spending) -> Shown | Note:
    """Spend by caller tag: credits and tax are in it, so that its sum is the control total."""
    return table_or_note(_tags(found))


def _tags(found: Spending) -> Shown:
    sums = by_tag(found.tagged, found.currency)
    values = ["without this tag" if name is None else str(name) for name in sums["tag_value"]]
    frame = pd.DataFrame({"tag": sums["tag_key"], "caller_tag": values, "cost": sums["cost"]})
    words = (
        "By the tag of the calling role or user. Credits, discounts and tax are in it, so that it adds up to the bill: "
        f"{dollars(found.now.proof.control_total, found.currency)}."
    )
    return _shown(frame, _incomplete(words, provenance_of(found.tagged)), found, total=True)


def _by(found: Spending, column: str, none: str, words: str) -> Shown:
    sums = spend_by(found.lines, column)
    labels = [none if pd.isna(name) else ROUTES.get(str(name), str(name)) for name in sums[column]]
    labels = [name.replace("_", " ") for name in labels]
    frame = pd.DataFrame({column: labels, "cost": sums["cost"], "share": _percents(sums["share"])})
    headers = {"route": "price lane"}
    return _shown(frame, _caption(words, found), found, headers=headers, total=True)


def _bars(shown: Shown, by: str, title: str, found: Spending) -> go.Figure | Note:
    if shown.frame.empty:
        return _nothing(found)
    table = shown.in_cents.rename(columns={"cost": "cost_usd"})
    return charts.in_currency(charts.bars(table, by=by, title=f"{title}, USD"), found.currency)


def change_chart(found: Spending) -> go.Figure | Note:
    """What changed against the window before: volume, price and mix; withheld when one of the two is not whole."""
    gaps = _gaps(found)
    if gaps:
        return Note(("What changed is withheld.", *gaps))
    whole = explain_change(found.lines_before, found.lines)[0]
    title = f"Change against the {found.window.days} days before, usage, USD"
    return charts.in_currency(charts.steps(change_steps(whole), title=title), found.currency)


def change(found: Spending) -> Shown | Note:
    """The same by model; every row adds up, and the last row is the chart."""
    if _gaps(found):
        return Note(("Without both windows whole there is no change to show.",))
    parts = explain_change(named_usage(found.lines_before), named_usage(found.lines), by="what")[1:]
    rows = [
        (_what(found, p.name), p.previous, p.current, p.change, p.volume, p.price, p.mix, p.unsplit)
        for p in parts
    ]
    columns = [
        "model",
        "before_cost",
        "now_cost",
        "change_cost",
        "volume_cost",
        "price_cost",
        "mix_cost",
        "not_split_cost",
    ]
    frame = pd.DataFrame(rows, columns=columns)
    unsplit = any(frame["not_split_cost"])
    frame = frame if unsplit else frame.drop(columns="not_split_cost")
    headers = {name: name.removesuffix("_cost").replace("_", " ") for name in frame.columns}
    sum_of = "Volume + price + mix + not split" if unsplit else "Volume + price + mix"
    words = (
        f"{sum_of} = change. Volume: as if all had grown alike. Price: other unit prices for the same line. "
        "Mix: more of one and less of another, new or gone."
    )
    words += " Not split: lines without a quantity." if unsplit else ""
    split = [name for name in columns[4:] if name in frame.columns]
    adds = {"now_cost": ["before_cost", "change_cost"], "change_cost": split}
    return table_or_note(_shown(frame, words, found, headers=headers, total=True, parts=adds))


def _gaps(found: Spending) -> list[str]:
    return [
        *(f"This window: {why}" for why in found.now.gaps),
        *(f"The window before: {why}" for why in found.before.gaps),
    ]


def _shown(
    frame: pd.DataFrame,
    caption: str,
    found: Spending,
    *,
    headers: dict[str, str] | None = None,
    total: bool = False,
    limit: int = 50,
    parts: Mapping[str, Sequence[str]] | None = None,
) -> Shown:
    return Shown(frame, caption, headers or {}, total, limit, currency=found.currency, parts=parts or {})


def _caption(words: str, found: Spending) -> str:
    """The words, and that the sums are not proven when the bill is not."""
    if found.now.gaps:
        return f"{words} Not proven: {' '.join(found.now.gaps)}"
    return words


def table_or_note(shown: Shown) -> Shown | Note:
    """The table; its caption alone when it has no row."""
    return Note((shown.caption,)) if shown.frame.empty else shown


def _incomplete(words: str, said: Provenance) -> str:
    return words if said.complete else f"{words} Not complete: {said.why}."


def _nothing(found: Spending) -> Note:
    return Note(("Unknown: nothing could be read.", *found.now.gaps) if found.now.gaps else (NOTHING,))


def percent(value: Decimal | None) -> str:
    """A share for a person.

    Example:
        >>> percent(Decimal("0.99812")), percent(None)
        ('99.8 %', 'unknown')

    """
    if value is None:
        return "unknown"
    return "under 0.1 %" if 0 < value < _LEAST else f"{value * 100:.1f} %"


def _percents(values: Sequence[Any] | pd.Series[Any]) -> list[str]:
    return [percent(value) for value in values]


def save(found: Spending, folder: str) -> Note:
    """Write the main table as CSV and Markdown into a folder; without one, show the Markdown to copy.

    Raises:
        GuardError: the folder cannot be written.

    """
    table = main_table(found)
    if not folder:
        return Note(tuple(as_markdown(table).splitlines()), "copy")
    texts = {"spend_by_model.csv": as_csv(table), "spend_by_model.md": as_markdown(table)}
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (Path(folder) / name).write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise GuardError(
            f"Nothing could be written to {folder}.", why=str(error.strerror), remedy="Name another folder."
        ) from error
    return Note((f"Written to {plain(folder)}: {', '.join(texts)}.",))


def sources(found: Spending) -> Note:
    """Where each table came from and how whole it is, and what asking cost."""
    return Note(
        (*(f"{name}. {source_note(said)}" for name, said in found.provenances().items()), requests(found))
    )
