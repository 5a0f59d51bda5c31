"""What changed against the previous window, and why: volume, price and mix, which add up exactly; unusual days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from statistics import median
from typing import Any, Final

import pandas as pd

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.reconcile import USAGE_BUCKETS
from bedrock_guard.evidence.tables import CLASSIFIED_BILL, dollars, money, require, total

_DIGITS: Final = Context(prec=60)
_STEP: Final = Decimal("1E-10")
_CELL: Final = (
    "bucket",
    "model",
    "token_kind",
    "route",
    "tier",
    "context",
    "region",
    "service",
    "usage_type",
    "unit",
)


@dataclass(frozen=True, slots=True)
class Change:
    """One part of the difference between two windows; `volume + price + mix + unsplit == current - previous`, exactly.

    Args:
        name: what it is of; "" for the whole.
        previous: what it cost in the window before.
        current: what it costs now.
        volume: as if everything had grown like the whole (tokens with tokens, hours with hours), at the prices before.
        price: the prices now instead of before, on what is used now.
        mix: the rest: more of one model, kind, route or Region and less of another; what is new or gone.
        unsplit: lines without a quantity (tax on usage, unknown meters), which no split can explain.
    """

    name: str
    previous: Decimal
    current: Decimal
    volume: Decimal
    price: Decimal
    mix: Decimal
    unsplit: Decimal

    @property
    def change(self) -> Decimal:
        """Current - previous."""
        return self.current - self.previous


@dataclass(frozen=True, slots=True)
class _Cell:
    cost: Decimal
    quantity: Decimal | None


@dataclass(frozen=True, slots=True)
class _Volume:
    previous: Decimal
    current: Decimal


def explain_change(
    previous: pd.DataFrame, current: pd.DataFrame, *, by: str | None = None
) -> tuple[Change, ...]:
    """The whole change first, then one entry per value of `by`, largest change first. Usage only.

    A price is compared within one usage type of one Region, so a move from one route or tier to another is mix, not
    price. Windows should be of equal length. Lines without a readable amount add nothing: `reconcile` withholds a bill
    that has any.

    Args:
        previous: classified bill of the window before.
        current: classified bill of this window.
        by: a column (model, account_id, route, ...); None for the whole only.

    Raises:
        MissingColumns: one of the frames is no classified bill.
        GuardError: the lines are in several currencies.

    Example:
        >>> empty = CLASSIFIED_BILL.empty()
        >>> explain_change(empty, empty)[0].change
        Decimal('0')
    """
    _one_currency(previous, current)
    keys = (*_CELL, *((by,) if by and by not in _CELL else ()))
    before, after = (
        _cells(require(previous, CLASSIFIED_BILL), keys),
        _cells(require(current, CLASSIFIED_BILL), keys),
    )
    volumes = _volumes(before, after)
    parts: dict[str, list[Change]] = {}
    for key in dict.fromkeys((*before, *after)):
        name = "" if by is None else _text(key[keys.index(by)])
        parts.setdefault(name, []).append(
            _change(name, before.get(key), after.get(key), volumes[_meter(key)])
        )
    named = [_sum(name, found) for name, found in parts.items()]
    whole = _sum("", [part for found in parts.values() for part in found])
    return (whole, *sorted(named, key=lambda part: -abs(part.change))) if by else (whole,)


def _one_currency(*frames: pd.DataFrame) -> None:
    found = sorted({str(name) for frame in frames for name in frame["currency"].dropna().unique()})
    if len(found) > 1:
        raise GuardError(
            f"The bill is in {len(found)} currencies ({', '.join(found)}).",
            why="Amounts in different currencies are never added.",
            remedy="Pass the lines of one currency.",
        )


def _text(value: object) -> str:
    return "(none)" if value is None else str(value)


def _cells(frame: pd.DataFrame, keys: Sequence[str]) -> dict[tuple[Any, ...], _Cell]:
    """Cost and quantity per cell; the quantity in tokens where the unit is tokens; None when a line has none."""
    usage = frame[frame["bucket"].isin(USAGE_BUCKETS)]
    piles: dict[tuple[Any, ...], tuple[list[Decimal], list[Decimal | None]]] = {}
    columns = [usage[name].astype("object").where(usage[name].notna(), None) for name in keys]
    rows = zip(*columns, usage["unit_tokens"].astype("object"), usage["quantity"], usage["cost"], strict=True)
    for *key, tokens, quantity, cost in rows:
        key[keys.index("unit")] = "tokens" if not pd.isna(tokens) else key[keys.index("unit")]
        costs, quantities = piles.setdefault(tuple(key), ([], []))
        costs.append(money(cost) or Decimal(0))
        read = money(quantity)
        quantities.append(read * int(tokens) if read is not None and not pd.isna(tokens) else read)
    return {
        key: _Cell(total(costs), None if None in quantities else total(quantities))
        for key, (costs, quantities) in piles.items()
    }


def _meter(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """What can be added up as one volume: all tokens; else one usage type and unit."""
    unit = key[_CELL.index("unit")]
    return ("tokens",) if unit == "tokens" else (key[_CELL.index("usage_type")], unit)


def _volumes(*windows: Mapping[tuple[Any, ...], _Cell]) -> dict[tuple[Any, ...], _Volume]:
    before, after = (_by_meter(window) for window in windows)
    return {
        meter: _Volume(total(before.get(meter, ())), total(after.get(meter, ())))
        for meter in {**before, **after}
    }


def _by_meter(window: Mapping[tuple[Any, ...], _Cell]) -> dict[tuple[Any, ...], list[Decimal]]:
    sums: dict[tuple[Any, ...], list[Decimal]] = {}
    for key, cell in window.items():
        sums.setdefault(_meter(key), []).append(cell.quantity or Decimal(0))
    return sums


def _change(name: str, before: _Cell | None, after: _Cell | None, volume: _Volume) -> Change:
    old, new = before.cost if before else Decimal(0), after.cost if after else Decimal(0)
    if (before and before.quantity is None) or (after and after.quantity is None):
        return Change(name, old, new, Decimal(0), Decimal(0), Decimal(0), new - old)
    if not volume.previous:
        return Change(name, old, new, new - old, Decimal(0), Decimal(0), Decimal(0))
    grown = _round(_DIGITS.divide(old * (volume.current - volume.previous), volume.previous))
    dearer = _dearer(before, after)
    return Change(name, old, new, grown, dearer, new - old - grown - dearer, Decimal(0))


def _dearer(before: _Cell | None, after: _Cell | None) -> Decimal:
    if not (before and after and before.quantity and after.quantity):
        return Decimal(0)
    return _round(after.cost - _DIGITS.divide(before.cost * after.quantity, before.quantity))


def _round(value: Decimal) -> Decimal:
    return value.quantize(_STEP, context=_DIGITS)


def _sum(name: str, parts: Sequence[Change]) -> Change:
    fields = ("previous", "current", "volume", "price", "mix", "unsplit")
    return Change(name, *(total(getattr(part, field) for part in parts) for field in fields))


@dataclass(frozen=True, slots=True)
class AnomalyRule:
    """When a day is unusual. All must hold against the days before it, and against the same weekday before.

    Args:
        lookback: how many days before are looked at.
        least: how many of them must be covered, or nothing is said of the day.
        spreads: how many median absolute deviations (times 1.4826) above the median.
        times: how many times the median.
        dollars: how much above the median at least.
    """

    lookback: int = 28
    least: int = 7
    spreads: Decimal = Decimal(4)
    times: Decimal = Decimal("1.5")
    dollars: Decimal = Decimal(10)

    def __str__(self) -> str:
        return (
            f"A day is unusual when it costs more than the median of the {self.lookback} days before it by "
            f"{self.spreads} typical deviations and by {dollars(self.dollars)}, and over {self.times} times as much as "
            "that median and as that weekday usually costs."
        )


_NORMAL: Final = Decimal("1.4826")
"""Median absolute deviation to standard deviation, for normal data."""


def anomalies(
    classified: pd.DataFrame, *, by: str = "model", rule: AnomalyRule | None = None
) -> pd.DataFrame:
    """Days on which one model (or another column's value) cost unusually much, each with its reason.

    A day without a line costs nothing, as does a line without a readable amount (`reconcile` counts those); days
    before the first line of the bill are not covered. Columns: day, the `by`
    column, cost, usual (the median), limit, why; amounts are Decimal, newest first.

    Raises:
        MissingColumns: the frame is no classified bill.
        GuardError: the lines are in several currencies.
    """
    asked = rule or AnomalyRule()
    usage = require(classified, CLASSIFIED_BILL)
    _one_currency(usage)
    usage = usage[usage["bucket"].isin(USAGE_BUCKETS)]
    if usage.empty:
        return pd.DataFrame(columns=["day", by, "cost", "usual", "limit", "why"])
    days = pd.date_range(usage["day"].min(), usage["day"].max(), freq="D")
    rows = [
        {"day": day, by: name, **found}
        for name, group in usage.groupby(by, dropna=False)
        for day, found in _unusual(_daily(group, days), days, asked)
    ]
    frame = pd.DataFrame(rows, columns=["day", by, "cost", "usual", "limit", "why"])
    return frame.sort_values(["day", "cost"], ascending=False, ignore_index=True)


def _daily(group: pd.DataFrame, days: pd.DatetimeIndex) -> list[Decimal]:
    piles: dict[Any, list[Decimal]] = {}
    for day, cost in zip(group["day"], group["cost"], strict=True):
        piles.setdefault(day, []).append(money(cost) or Decimal(0))
    return [total(piles.get(day, ())) for day in days]


def _unusual(
    costs: Sequence[Decimal], days: pd.DatetimeIndex, rule: AnomalyRule
) -> Iterator[tuple[Any, dict[str, object]]]:
    for place in range(rule.least, len(costs)):
        before = costs[max(0, place - rule.lookback) : place]
        usual = median(before)
        spread = median(abs(cost - usual) for cost in before) * _NORMAL
        weekday = before[-7::-7]
        usual = max(usual, median(weekday)) if len(weekday) > 1 else usual
        limit = max(usual + rule.spreads * spread, usual * rule.times, usual + rule.dollars)
        if costs[place] > limit:
            why = (
                f"{dollars(costs[place])}; {dollars(usual)} is usual by the {len(before)} days before, "
                f"and above {dollars(limit)} counts as unusual."
            )
            yield days[place], {"cost": costs[place], "usual": usual, "limit": limit, "why": why}
