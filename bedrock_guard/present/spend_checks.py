"""The doubts of a `Spending` as tables: unusual days, forecast, unmapped lines, prices, native models, EC2."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.account.spending import Spending
from bedrock_guard.evidence.changes import AnomalyRule
from bedrock_guard.evidence.native import compare_native
from bedrock_guard.evidence.prices import departures, unpriced
from bedrock_guard.evidence.spend_views import (
    ec2_by_type,
    forecast_days,
    forecast_runs,
    forecast_total,
    unusual_days,
)
from bedrock_guard.evidence.tables import dollars, provenance_of
from bedrock_guard.present import charts
from bedrock_guard.present.note import Note
from bedrock_guard.present.spend import percent, table_or_note
from bedrock_guard.present.table import Shown

if TYPE_CHECKING:
    import plotly.graph_objects as go


_SAME: Final = Decimal("0.0005")


def unusual(found: Spending) -> Shown | Note:
    """Days on which a model cost unusually much, with the rule in words."""
    rule = AnomalyRule()
    before = None if found.before.gaps else found.lines_before
    table = unusual_days(before, found.lines, rule)
    names = ["no model" if pd.isna(name) else found.name_of(str(name)) for name in table["model"]]
    frame = pd.DataFrame({"day": table["day"], "model": names, "cost": table["cost"], "why": table["why"]})
    words = f"Unusual days: {len(frame)}. {rule}"
    if found.now.gaps:
        words = f"Unusual days, as far as the bill was read. {rule} {' '.join(found.now.gaps)}"
    elif before is None:
        words += " Judged by this window alone, since the one before could not be read whole."
    return _shown(frame, words, found)


def forecast_chart(found: Spending) -> go.Figure | Note:
    """Cost Explorer's forecast with its own interval."""
    said = provenance_of(found.forecast)
    if found.forecast.empty:
        return Note((f"The forecast is unknown: {said.why or 'Cost Explorer gave none'}.",))
    drawn = charts.interval(
        found.forecast, title=f"Cost Explorer's forecast, {forecast_days(found.forecast)}, USD a day"
    )
    return charts.in_currency(drawn, found.currency)


def forecast(found: Spending) -> Shown | Note:
    """The forecast's days; equal days in a row are one row."""
    table = forecast_runs(found.forecast)
    frame = pd.DataFrame(
        {
            "from": table["first_day"],
            "to": table["last_day"],
            "days": table["days"].astype("int64"),
            "mean_cost": table["mean"],
            "low_cost": table["low"],
            "high_cost": table["high"],
        }
    )
    headers = {"mean_cost": "mean a day", "low_cost": "low", "high_cost": "high"}
    if frame.empty:
        return _shown(frame, "No forecast.", found, headers)
    ahead, days = forecast_total(found.forecast), int(frame["days"].sum())
    words = (
        f"Cost Explorer expects {dollars(ahead, found.currency)} from {forecast_days(found.forecast)}, {days} days, "
        f"{_against(found, ahead, days)}. "
        f"For each day it gives {table['level'].iloc[0]} % to a cost between low and high, for the sum no range."
    )
    return _shown(frame, words, found, headers)


def _against(found: Spending, ahead: Decimal | None, days: int) -> str:
    """A forecast beside this window's bill at its daily mean, credits, discounts and tax in both."""
    bill = found.now.proof.control_total
    if not bill or ahead is None:
        return "which cannot be compared with this window's bill"
    gap = ahead * found.window.days / (bill * days) - 1
    if abs(gap) < _SAME:
        return "the same a day as this window's bill"
    return f"{percent(abs(gap))} {'more' if gap > 0 else 'less'} a day than this window's bill"


def unmapped(found: Spending) -> Shown | Note:
    """Lines that no model could be read from, with their dollars and the reason."""
    frame = found.now.proof.unmapped.drop(columns="alias_line")
    words = (
        "Lines that nobody could read; they are counted, and never guessed."
        if len(frame)
        else "Every line is mapped."
    )
    if found.now.gaps:
        words = f"Lines that nobody could read, as far as the bill was read. {' '.join(found.now.gaps)}"
    return _shown(frame, words, found, {"usage_type": "usage type"})


def alias_lines(found: Spending) -> Note:
    """What to paste under [names] of an alias file so that unmapped lines find their model."""
    lines = [str(line) for line in found.now.proof.unmapped["alias_line"] if line]
    if not lines:
        return Note(("No alias is needed.",))
    return Note(
        ("[names]  # in aliases.toml; the right side is a model id or words that are known", *lines), "copy"
    )


def prices(found: Spending) -> Shown | Note:
    """Lines whose implied unit price differs from the list price by over 1 %."""
    table = departures(found.lines, found.price_book)
    frame = _lines(found, table)
    frame["paid"] = [_price(value) for value in table["paid"]]
    frame["listed"] = [_price(value) for value in table["listed"]]
    frame["off"] = [percent(value) for value in table["off"]]
    frame["listed_by"] = table["source"]
    said = provenance_of(found.prices)
    words = f"Kinds of line paid (cost by quantity) over 1 % off the list price: {len(frame)}."
    words += "" if said.complete else f" The price list is not complete: {said.why}."
    return _shown(frame, words, found, {"paid": "paid per million", "listed": "listed per million"})


def without_price(found: Spending) -> Shown | Note:
    """Lines that no list holds a price for: what was paid is all that is known."""
    table = unpriced(found.lines, found.price_book)
    frame = _lines(found, table)
    frame["paid"] = [_price(value) for value in table["paid"]]
    words = f"Kinds of line without a list price, so that what was paid could not be checked: {len(frame)}."
    return _shown(frame, words, found, {"paid": "paid per million or piece"})


def _lines(found: Spending, table: pd.DataFrame) -> pd.DataFrame:
    models = [found.name_of(str(name)) for name in table["model"]]
    return pd.DataFrame({"model": models}).assign(
        **{name: list(table[name]) for name in ("region", "token_kind", "route", "tier")}
    )


def _price(value: Decimal | None) -> str:
    return "unknown" if value is None else f"${value.normalize():f}"


def native(found: Spending) -> Shown | Note:
    """Model by model: read out of the usage types, and as Cost Explorer names it."""
    said = provenance_of(found.native)
    if found.native.empty:
        return _shown(
            pd.DataFrame({"model": []}),
            f"Unknown by Cost Explorer's own way: {said.why or 'no rows'}.",
            found,
        )
    table = compare_native(found.lines, found.native, catalogue=found.catalogue)
    names = ["no model" if name is None else found.name_of(str(name)) for name in table["model"]]
    frame = pd.DataFrame(
        {
            "model": names,
            "parsed_cost": table["parsed"],
            "native_cost": table["native"],
            "difference_cost": table["difference"],
            "native_names": table["native_names"],
        }
    )
    words = (
        f"Two ways to the same dollars, from {found.native['day'].min():%Y-%m-%d} on. Cost Explorer gives some models "
        "no name; the sums must agree."
    )
    words += (
        ""
        if said.complete and not found.now.gaps
        else f" Not complete: {said.why} {' '.join(found.now.gaps)}"
    )
    headers = {
        "parsed_cost": "read from usage types",
        "native_cost": "as Cost Explorer says",
        "difference_cost": "difference",
        "native_names": "its names there",
    }
    parts = {"parsed_cost": ("native_cost", "difference_cost")}
    return _shown(frame, words, found, headers, total=True, parts=parts)


def ec2(found: Spending) -> Shown | Note:
    """EC2 by type and purchase option; its own control total."""
    table = ec2_by_type(found.ec2)
    frame = pd.DataFrame(
        {
            "instance_type": [
                "no instance type" if name is None else name for name in table["instance_type"]
            ],
            "purchase_option": ["none" if name is None else name for name in table["purchase_option"]],
            "hours": [_hours(value) for value in table["hours"]],
            "cost": table["cost"],
        }
    )
    proof = found.ec2_proof
    words = (
        f"EC2 compute, amortised. Control total {dollars(proof.control_total, found.currency)}, "
        f"difference {dollars(proof.difference, found.currency)}."
    )
    return _shown(frame, " ".join((words, *proof.withheld)), found, total=True)


def _hours(value: Decimal | None) -> str:
    return "unknown" if value is None else f"{value:,.0f}"


def _shown(
    frame: pd.DataFrame, caption: str, found: Spending, headers: dict[str, str] | None = None, **more: Any
) -> Shown | Note:
    return table_or_note(Shown(frame, caption, headers or {}, currency=found.currency, **more))
