"""What a page of spend shows, as tables: days, tags, the steps of a change, unusual days, EC2 by type, a forecast.

Money stays Decimal and unknown stays unknown; a page only lays these out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

import pandas as pd

from bedrock_guard.evidence.changes import AnomalyRule, Change, anomalies
from bedrock_guard.evidence.native import FORECAST, TAGGED
from bedrock_guard.evidence.spend_tables import spend_by
from bedrock_guard.evidence.tables import CLASSIFIED_BILL, EC2_BILL, money, require, total

OTHERS: Final = "(others)"
"""What is too small for a colour of its own, together."""


def main_currency(frame: pd.DataFrame) -> str | None:
    """The currency that most lines are in; None when no line says one. Lines of others must be shown apart."""
    counts = frame["currency"].dropna().value_counts()
    return str(counts.index[0]) if len(counts) else None


def addable(frame: pd.DataFrame, currency: str | None = None) -> pd.DataFrame:
    """The lines whose amounts can be added up: those in one currency, by default that of most, that have an amount.

    `reconcile` tells of the others and withholds the headline.
    """
    wanted = currency or main_currency(frame)
    other = frame["currency"].notna() & (frame["currency"] != wanted)
    return frame[~other & frame["cost"].notna()]


def named_usage(frame: pd.DataFrame) -> pd.DataFrame:
    """The bill with a column `what`: the model id, or the bucket in brackets where there is none.

    Raises:
        MissingColumns: the frame is no classified bill.
    """
    buckets = "(" + require(frame, CLASSIFIED_BILL)["bucket"].astype("string") + ")"
    return frame.assign(what=frame["model"].astype("string").fillna(buckets))


def by_day(frame: pd.DataFrame, *, top: int = 5) -> pd.DataFrame:
    """Usage per day and `what` (see `named_usage`): day, what, cost_usd; all but the `top` dearest are OTHERS.

    Days without a line have no row. The column is called cost_usd for the charts; it is in the frame's currency.

    Raises:
        MissingColumns: the frame is no classified bill.
    """
    lines = named_usage(frame)
    kept = list(spend_by(lines, "what")["what"][:top])
    found = spend_by(lines.assign(what=lines["what"].where(lines["what"].isin(kept), OTHERS)), "day", "what")
    table = found[["day", "what", "cost"]].rename(columns={"cost": "cost_usd"})
    return table.sort_values(["day", "what"], ignore_index=True)


def day_by_day(table: pd.DataFrame) -> pd.DataFrame:
    """`by_day` with one row a day: day, their sum in `all`, and one column a `what`, dearest first.

    A day on which something cost nothing holds Decimal 0 there.
    """
    days: dict[Any, dict[Any, Decimal]] = {}
    whole: dict[Any, Decimal] = {}
    for day, name, cost in _rows(table, "day", "what", "cost_usd"):
        row = days.setdefault(day, {})
        row[name] = total((row.get(name, Decimal(0)), cost))
        whole[name] = total((whole.get(name, Decimal(0)), cost))
    order = sorted(whole, key=lambda name: (name == OTHERS, -whole[name]))
    rows = [
        {"day": day, "all": total(row.values()), **{name: row.get(name, Decimal(0)) for name in order}}
        for day, row in sorted(days.items())
    ]
    return pd.DataFrame(rows, columns=["day", "all", *order])


def by_tag(tagged: pd.DataFrame, currency: str | None = None) -> pd.DataFrame:
    """Sums per value of a caller tag, largest first; `tag_value` NA is spend without the tag and is kept.

    Columns: tag_key, tag_value, cost (Decimal). Every charge type is in it, so its sum is the control total.

    Args:
        tagged: TAGGED.
        currency: lines of this currency only; by default of all, which must then be one.

    Raises:
        MissingColumns: the frame is another table.
    """
    lines = require(tagged, TAGGED)
    lines = lines if currency is None else lines[lines["currency"] == currency]
    known = [(key, value, money(cost)) for key, value, cost in _rows(lines, "tag_key", "tag_value", "cost")]
    piles: dict[tuple[Any, Any], list[Decimal]] = {}
    for key, value, cost in known:
        piles.setdefault((key, None if pd.isna(value) else value), []).append(cost or Decimal(0))
    rows = [(key, value, total(pile)) for (key, value), pile in piles.items()]
    rows.sort(key=lambda row: -abs(row[2]))
    return pd.DataFrame(rows, columns=["tag_key", "tag_value", "cost"], dtype="object")


def _rows(frame: pd.DataFrame, *columns: str) -> Iterable[tuple[Any, ...]]:
    return zip(*(frame[name].astype("object") for name in columns), strict=True)


def change_steps(change: Change) -> pd.DataFrame:
    """The parts of a change as the steps of a waterfall: step, cost_usd, measure (relative, and total for the last).

    The steps add up to the last row, exactly. What could not be split is a step only when there is any.
    """
    rows = [
        ("volume", change.volume, "relative"),
        ("price", change.price, "relative"),
        ("mix", change.mix, "relative"),
        *([("not split", change.unsplit, "relative")] if change.unsplit else []),
        ("change", change.change, "total"),
    ]
    return pd.DataFrame(rows, columns=["step", "cost_usd", "measure"])


def unusual_days(
    before: pd.DataFrame | None, current: pd.DataFrame, rule: AnomalyRule | None = None
) -> pd.DataFrame:
    """Unusual days of the current window, judged by the window before too; see `anomalies`.

    Args:
        before: classified bill of the days before; None when it is not whole.
        current: classified bill of the window.
        rule: by default `AnomalyRule()`.

    Raises:
        MissingColumns: one of the frames is no classified bill.
        GuardError: the lines are in several currencies.
    """
    if current.empty:
        return anomalies(current, rule=rule)
    lines = current if before is None or before.empty else pd.concat([before, current], ignore_index=True)
    found = anomalies(lines, rule=rule)
    inside: pd.DataFrame = found[found["day"] >= current["day"].min()]
    return inside.reset_index(drop=True)


def ec2_by_type(frame: pd.DataFrame) -> pd.DataFrame:
    """EC2 spend per instance type and purchase option, dearest first: hours (None where a line has none) and cost.

    `instance_type` None is EC2 spend that has no type (transfer, load balancers). Lines without a readable amount add
    nothing: `ec2.reconcile_ec2` says how many there are.

    Raises:
        MissingColumns: the frame is no EC2 bill.
    """
    keys = ["instance_type", "purchase_option", "currency"]
    rows: list[tuple[Any, ...]] = []
    for names, part in require(frame, EC2_BILL).groupby(keys, dropna=False):
        key: tuple[Any, ...] = names
        parts = (None if pd.isna(name) else name for name in key)
        rows.append(
            (*parts, _whole(part["hours"]), total(money(cost) or Decimal(0) for cost in part["cost"]))
        )
    rows.sort(key=lambda row: -abs(row[4]))
    return pd.DataFrame(rows, columns=[*keys, "hours", "cost"], dtype="object")


def _whole(values: pd.Series[Any]) -> Decimal | None:
    known = [money(value) for value in values]
    return None if None in known else total(known)


def forecast_runs(frame: pd.DataFrame) -> pd.DataFrame:
    """A forecast with equal days in a row as one row: first_day, last_day, days, mean, low, high (per day), level.

    Raises:
        MissingColumns: the frame is no forecast.
    """
    rows: list[dict[str, Any]] = []
    for day, *said in _rows(require(frame, FORECAST), "day", "mean", "low", "high", "level"):
        if rows and [rows[-1][name] for name in ("mean", "low", "high", "level")] == said:
            rows[-1] |= {"last_day": day, "days": rows[-1]["days"] + 1}
        else:
            mean, low, high, level = said
            rows.append(
                {
                    "first_day": day,
                    "last_day": day,
                    "days": 1,
                    "mean": mean,
                    "low": low,
                    "high": high,
                    "level": level,
                }
            )
    return pd.DataFrame(
        rows, columns=["first_day", "last_day", "days", "mean", "low", "high", "level"], dtype="object"
    )


def forecast_days(frame: pd.DataFrame) -> str:
    """Which days a forecast is for, both ends included; empty for one without days.

    Raises:
        MissingColumns: the frame is no forecast.
    """
    days = require(frame, FORECAST)["day"]
    return "" if days.empty else f"{days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}"


def forecast_total(frame: pd.DataFrame) -> Decimal | None:
    """The sum of the daily means; None without days or with an unknown one. The interval of a sum is not the sum of
    the daily intervals, so none is given.

    Raises:
        MissingColumns: the frame is no forecast.
    """
    means: Sequence[Decimal | None] = [money(value) for value in require(frame, FORECAST)["mean"]]
    return total(means) if means and None not in means else None
