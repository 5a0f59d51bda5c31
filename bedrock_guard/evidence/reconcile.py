"""Whether a bill adds up: every line in exactly one bucket, the sum equal to the control total in Decimal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pandas as pd

from bedrock_guard.evidence.bill_class import BUCKETS, BillClass, Bucket
from bedrock_guard.evidence.learnt import ROUNDING_USD
from bedrock_guard.evidence.tables import (
    CLASSIFIED_BILL,
    Provenance,
    dollars,
    money,
    provenance_of,
    require,
    total,
)

USAGE_BUCKETS: Final[tuple[Bucket, ...]] = ("model", "commitment", "customization", "non_model", "unmapped")
"""What was used, before discounts, credits, refunds and tax."""


@dataclass(frozen=True, slots=True)
class ControlTotal:
    """What one ungrouped question said the whole scope cost.

    Args:
        amount: None when it could not be asked, or came in more than one currency.
        currency: as billed.
        provenance: window, completeness and why.
    """

    amount: Decimal | None
    currency: str | None
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The proof that a bill adds up, or what it lacks.

    Args:
        currency: the one currency of the bill; None when there is none, or more than one.
        control_total: what the bill must add up to; None when unknown.
        buckets: bucket -> sum; empty when currencies are mixed.
        lines: bucket -> number of lines.
        difference: sum of the buckets minus the control total; None when either is unknown.
        misplaced: dollars (absolute) on lines that stand in a bucket which their own columns do not give them.
        coverage: share of model dollars (absolute, mapped and unmapped) that have a model id; None without any.
        coverage_floor: below it the headline is withheld.
        tolerance: a difference up to this does not withhold the headline.
        estimated: True when Cost Explorer calls part of it estimated; None when it was not said.
        by_currency: currency -> sum, for a bill in several currencies; they are never added.
        unmapped: service, usage_type, cost, lines, reason, alias_line; largest first.
        withheld: why the headline is withheld; empty when it is not.
    """

    currency: str | None
    control_total: Decimal | None
    buckets: Mapping[Bucket, Decimal]
    lines: Mapping[Bucket, int]
    difference: Decimal | None
    misplaced: Decimal
    coverage: Decimal | None
    coverage_floor: Decimal
    tolerance: Decimal
    estimated: bool | None
    by_currency: Mapping[str, Decimal]
    unmapped: pd.DataFrame = field(repr=False, compare=False)
    withheld: tuple[str, ...] = ()

    @property
    def total(self) -> Decimal | None:
        """The sum of all buckets; None when currencies are mixed."""
        return total(self.buckets.values()) if self.buckets else None

    @property
    def usage(self) -> Decimal | None:
        """What was used, before discounts, credits, refunds and tax; shown or not, it is the sum of the lines."""
        return total(self.buckets[name] for name in USAGE_BUCKETS) if self.buckets else None

    @property
    def headline(self) -> Decimal | None:
        """`usage`, when it is proven; None when it is withheld."""
        return None if self.withheld else self.usage

    def table(self) -> pd.DataFrame:
        """The proof as a table: control total, every bucket, sum, difference; amounts are Decimal or None."""
        rows: list[tuple[str, int | None, Decimal | None]] = [("control total", None, self.control_total)]
        rows += [(name, self.lines.get(name, 0), self.buckets.get(name)) for name in BUCKETS]
        rows += [
            ("sum of the buckets", sum(self.lines.values()), self.total),
            ("difference", None, self.difference),
        ]
        frame = pd.DataFrame(rows, columns=["what", "lines", "amount"]).astype({"lines": "Int64"})
        return frame.astype({"amount": "object"})


def reconcile_with(
    frame: pd.DataFrame,
    classes: Sequence[BillClass],
    places: np.ndarray[Any, Any],
    control: Decimal | ControlTotal | None,
    limits: tuple[Decimal, Decimal],
) -> Reconciliation:
    """`spend.reconcile`, with the classes that the lines' own columns give (row i: classes[places[i]]).

    `limits` are the coverage floor and the difference that may stand.

    Raises:
        MissingColumns: the frame is no classified bill.
    """
    require(frame, CLASSIFIED_BILL)
    asked = _control(control)
    costs, unknown = known_amounts(frame["cost"])
    piles = piles_of((frame["currency"], frame["bucket"]), costs)
    currencies = _by(0, piles)
    one = next(iter(currencies)) if len(currencies) == 1 else None
    mixed = len(currencies) > 1
    sums = {} if mixed else {name: Decimal(0) for name in BUCKETS} | _known(_by(1, piles))
    lines: dict[Bucket, int] = {
        name: sum(len(pile) for names, pile in piles.items() if names[1] == name) for name in BUCKETS
    }
    wanted = asked.amount if not mixed and (asked.currency in (None, one) or not len(frame)) else None
    difference = None if wanted is None else total(sums.values()) - wanted or Decimal(0)
    moved = _misplaced(frame["bucket"], classes, places, costs)
    coverage = _coverage(piles)
    result = Reconciliation(
        currency=one or (asked.currency if not mixed else None),
        control_total=wanted,
        buckets=sums,
        lines=lines,
        difference=difference,
        misplaced=moved,
        coverage=coverage,
        coverage_floor=limits[0],
        tolerance=limits[1],
        estimated=_estimated(frame["estimated"]),
        by_currency={"unknown" if name is None else str(name): amount for name, amount in currencies.items()},
        unmapped=_unmapped(frame, classes, places, costs),
    )
    return replace(result, withheld=tuple(_reasons(result, frame, asked, unknown=unknown)))


def _control(control: Decimal | ControlTotal | None) -> ControlTotal:
    if isinstance(control, ControlTotal):
        return control
    if control is None:
        return ControlTotal(
            None, None, Provenance("control total", completeness="unknown", why="it was not asked")
        )
    return ControlTotal(money(control), None, Provenance("control total"))


def known_amounts(column: pd.Series[Any]) -> tuple[list[Decimal], int]:
    """The amounts of a column, unknown ones as 0, and how many are unknown; text is read, floats are refused."""
    values = column.tolist()
    if set(map(type, values)) <= {Decimal} and all(map(Decimal.is_finite, values)):
        return values, 0
    read = [money(value) for value in values]
    return [Decimal(0) if value is None else value for value in read], sum(value is None for value in read)


def piles_of(
    keys: Sequence[pd.Series[Any]], costs: Sequence[Decimal]
) -> dict[tuple[Any, ...], list[Decimal]]:
    """The amounts per combination of keys, in the order they are met; an unknown key is None."""
    code = np.zeros(len(costs), dtype=np.int64)
    columns: list[tuple[Any, list[Any]]] = []
    for key in keys:
        codes, levels = pd.factorize(key, use_na_sentinel=False)
        columns.append((codes, [None if pd.isna(name) else name for name in levels]))
        code = pd.factorize(code * max(len(levels), 1) + codes)[0].astype(np.int64)
    order = np.argsort(code, kind="stable")
    firsts = np.flatnonzero(np.diff(code[order], prepend=-1))
    amounts = np.empty(len(costs), dtype=object)
    amounts[:] = costs
    found = {}
    for rows in np.split(order, firsts[1:]) if len(order) else []:
        found[tuple(levels[codes[rows[0]]] for codes, levels in columns)] = amounts[rows].tolist()
    return found


def _by(place: int, piles: Mapping[tuple[Any, ...], list[Decimal]]) -> dict[Any, Decimal]:
    sums: dict[Any, Decimal] = {}
    for names, amounts in piles.items():
        sums[names[place]] = total((sums.get(names[place], Decimal(0)), total(amounts)))
    return sums


def _known(sums: Mapping[Any, Decimal]) -> dict[Bucket, Decimal]:
    return {name: sums[name] for name in BUCKETS if name in sums}


def _misplaced(
    bucket: pd.Series[Any],
    classes: Sequence[BillClass],
    places: np.ndarray[Any, Any],
    costs: Sequence[Decimal],
) -> Decimal:
    if not len(places):
        return Decimal(0)
    codes, levels = pd.factorize(bucket, use_na_sentinel=False)
    place_of = {name: place for place, name in enumerate(levels) if not pd.isna(name)}
    own = np.array([place_of.get(found.bucket, -1) for found in classes])
    return total(abs(costs[row]) for row in np.flatnonzero(codes != own[places]).tolist())


def _coverage(piles: Mapping[tuple[Any, ...], list[Decimal]]) -> Decimal | None:
    mapped = total(_absolute(pile) for names, pile in piles.items() if names[1] == "model")
    lost = total(_absolute(pile) for names, pile in piles.items() if names[1] == "unmapped")
    return mapped / (mapped + lost) if mapped + lost else None


def _absolute(amounts: Sequence[Decimal]) -> Decimal:
    """The sum of absolute amounts; few are negative, so the sum is turned rather than every amount."""
    return total((total(amounts), -2 * total(amount for amount in amounts if amount < 0)))


def _estimated(column: pd.Series[Any]) -> bool | None:
    if column.fillna(value=False).any():
        return True
    return None if column.isna().any() else False


def _unmapped(
    frame: pd.DataFrame, classes: Sequence[BillClass], places: np.ndarray[Any, Any], costs: Sequence[Decimal]
) -> pd.DataFrame:
    """One row per distinct unmapped line, with its dollars, largest first."""
    lost: dict[int, list[int]] = {}
    for row in np.flatnonzero(
        (frame["bucket"] == "unmapped").fillna(value=False).to_numpy(dtype=bool)
    ).tolist():
        lost.setdefault(int(places[row]), []).append(row)
    rows = [
        {
            "service": frame["service"].iloc[found[0]],
            "usage_type": frame["usage_type"].iloc[found[0]],
            "cost": total(costs[row] for row in found),
            "lines": len(found),
            "reason": classes[place].reason,
            "alias_line": classes[place].alias_line,
        }
        for place, found in lost.items()
    ]
    rows.sort(key=lambda row: abs(row["cost"]), reverse=True)
    return pd.DataFrame(rows, columns=["service", "usage_type", "cost", "lines", "reason", "alias_line"])


def _against_control(result: Reconciliation, asked: ControlTotal) -> str | None:
    """What keeps the lines from the control total; None where they add up to it."""
    if len(result.by_currency) > 1:
        return f"The bill is in {len(result.by_currency)} currencies ({', '.join(result.by_currency)})."
    if asked.currency and result.by_currency and asked.currency not in result.by_currency:
        return f"The control total is in {asked.currency}, the bill is not."
    if result.control_total is None:
        return f"The control total is unknown: {asked.provenance.why.rstrip('.') or 'it was not asked'}."
    if not result.difference or abs(result.difference) <= result.tolerance:
        return None
    if abs(result.difference) >= ROUNDING_USD:
        return off(result.difference, result.currency or "USD")
    return (
        f"The lines are {result.difference:+f} off the control total, which can be Cost Explorer's rounding: "
        "bedrock-guard doctor finds out."
    )


def off(difference: Decimal, currency: str = "USD") -> str:
    """How far lines are from their control total.

    Example:
        >>> off(Decimal(-2))
        'The lines add up to $2.00 less than the control total.'
    """
    way = "more" if difference > 0 else "less"
    return f"The lines add up to {dollars(abs(difference), currency)} {way} than the control total."


def _reasons(result: Reconciliation, frame: pd.DataFrame, asked: ControlTotal, *, unknown: int) -> list[str]:
    apart = _against_control(result, asked)
    found = [] if apart is None else [apart]
    if unknown:
        found.append(f"{unknown} lines have no amount that can be read.")
    homeless = len(frame) - sum(result.lines.values())
    if homeless:
        found.append(f"{homeless} lines are in no bucket.")
    if result.misplaced:
        found.append(f"{dollars(result.misplaced)} stand in another bucket than their lines say.")
    stated = [provenance_of(frame)] if "provenance" in frame.attrs else []
    found += [
        f"{part.source} is not complete: {part.why or part.completeness}."
        for part in (*stated, asked.provenance)
        if not part.complete and (part is not asked.provenance or result.control_total is not None)
    ]
    if result.coverage is not None and result.coverage < result.coverage_floor:
        found.append(
            f"{result.coverage:.2%} of model dollars are mapped to a model, under the floor of "
            f"{result.coverage_floor:.0%}."
        )
    return list(dict.fromkeys(found))
