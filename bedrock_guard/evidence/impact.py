"""What a boundary would do to the bill: dollars that would be refused, kept, stranded, are unknown, or lie outside.

Refused spend is not a saving: people may move to another model. A dollar follows the calls that caused it, where
calls of its account, model and lane were seen; a dollar without such calls follows one probe call, and says so.
Every group's parts add up to the group's cost exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cached_property
from operator import attrgetter
from typing import Final, Literal

import pandas as pd

from bedrock_guard.evidence.tables import total

Outcome = Literal["kept", "refused", "stranded", "unknown", "outside"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("kept", "refused", "stranded", "unknown")
"""What a boundary does to a dollar of an account it holds in."""
OUTSIDE: Final = "outside"
"""The outcome of dollars of accounts that the spec does not name: no document reaches them, so nothing was decided."""
ALL: Final[tuple[Outcome, ...]] = (*OUTCOMES, OUTSIDE)
GOVERNED: Final = ("model", "commitment", "customization")
"""Buckets of the bill that a boundary decides on."""

GROUP: Final = ("bucket", "account_id", "region", "model", "route", "tier")
LANE: Final = {"in_region": "regional", "geo": "regional", "global": "global"}
INVOCATIONS: Final = ("InvokeModel", "InvokeModelWithResponseStream", "Converse", "ConverseStream")
_GROUP_OF: Final = attrgetter(*GROUP)
_MEAN: Final = Context(prec=20)
_CENT_FRACTION: Final = Decimal("0.0000000001")


@dataclass(frozen=True, slots=True)
class Probe:
    """One billed line in the terms of a call: what `probe` is asked where no call was seen."""

    bucket: str
    account_id: str | None
    region: str | None
    model: str | None
    route: str | None
    tier: str | None


LaneKey = tuple[str, str, str, str, str]
Weights = Mapping[LaneKey, Mapping[str, Decimal]]
"""(account, region, model, lane, tier) -> verdict -> tokens or calls."""
ProbeVerdict = Literal["allowed", "refused", "depends", "unknown"]


@dataclass(frozen=True, eq=False)
class Billed:
    """A classified bill, ready to be spread again and again: its governed lines and what no boundary decides on."""

    lines: tuple[tuple[Probe, Decimal], ...]
    outside: pd.DataFrame

    @classmethod
    def of(cls, bill: pd.DataFrame) -> Billed:
        """Group a classified bill in one currency."""
        return cls(tuple(_grouped(bill[bill["bucket"].isin(GOVERNED)])), _outside(bill))


@dataclass(frozen=True, eq=False)
class Impact:
    """The bill's governed dollars by outcome.

    `lines` has one row per group and outcome: bucket, account_id, region, model, route, tier, outcome, basis (calls,
    probe, or account where that alone tells) and cost_usd (Decimal). `outside` has the buckets that no boundary
    decides on.
    """

    lines: pd.DataFrame
    outside: pd.DataFrame

    def spend(self, outcome: Outcome) -> Decimal:
        """Dollars of one outcome."""
        return self._spent[outcome]

    @cached_property
    def _spent(self) -> Mapping[str, Decimal]:
        parts = self._sums("outcome")
        return {outcome: parts.get(outcome, {}).get(outcome, Decimal(0)) for outcome in ALL}

    @cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The columns of the tables: OUTCOMES, and OUTSIDE where the bill has accounts that the spec does not name."""
        return ALL if OUTSIDE in set(self.lines["outcome"]) else OUTCOMES

    @cached_property
    def outsiders(self) -> tuple[str, ...]:
        """The accounts of the dollars outside."""
        return tuple(sorted(set(self.lines.loc[self.lines["outcome"] == OUTSIDE, "account_id"])))

    @cached_property
    def governed(self) -> Decimal:
        """Dollars of all outcomes."""
        return total(self.lines["cost_usd"])

    def by_model(self) -> pd.DataFrame:
        """One row a model: a column per outcome and their sum `cost_usd`, dearest first."""
        return self._by("model")

    def by_account(self) -> pd.DataFrame:
        """One row an account, as `by_model`."""
        return self._by("account_id")

    def follows_calls(self, outcome: Outcome) -> Decimal:
        """Dollars of one outcome that follow calls that were seen; the rest follows one typical call."""
        kept = (self.lines["outcome"] == outcome) & (self.lines["basis"] == "calls")
        return total(self.lines.loc[kept, "cost_usd"])

    def of_accounts(self, accounts: Collection[str], outcome: Outcome) -> Decimal:
        """Dollars of one outcome on the bill of some accounts."""
        lines = self.lines
        own = (lines["outcome"] == outcome) & lines["account_id"].isin(list(accounts))
        return total(lines.loc[own, "cost_usd"])

    def by_route(self) -> pd.DataFrame:
        """One row a price lane (regional, global, geo), as `by_model`; capacity and features have none."""
        return self._by("route")

    def _by(self, column: str) -> pd.DataFrame:
        rows = [
            {
                column: name,
                **{o: parts.get(o, Decimal(0)) for o in self.outcomes},
                "cost_usd": total(parts.values()),
            }
            for name, parts in self._sums(column).items()
        ]
        rows.sort(key=lambda row: (-row["cost_usd"], row[column]))
        return pd.DataFrame(rows, columns=[column, *self.outcomes, "cost_usd"])

    def _sums(self, column: str) -> dict[str, dict[str, Decimal]]:
        """Value of a column -> outcome -> dollars."""
        parts: dict[str, dict[str, list[Decimal]]] = {}
        lines = self.lines
        for name, outcome, cost in zip(lines[column], lines["outcome"], lines["cost_usd"], strict=True):
            named = "not named" if pd.isna(name) else str(name)
            parts.setdefault(named, {}).setdefault(outcome, []).append(cost)
        return {
            name: {outcome: total(costs) for outcome, costs in held.items()} for name, held in parts.items()
        }


def per_30_days(amount: Decimal, days: int) -> Decimal:
    """An amount of `days` days at its daily mean over 30: a scale, no forecast.

    Example:
        >>> per_30_days(Decimal(28), 28)
        Decimal('30')
    """
    return _MEAN.divide(amount * 30, days)


def impact(
    weights: Weights,
    bill: pd.DataFrame | Billed,
    probe: Callable[[Probe], ProbeVerdict],
    accounts: Collection[str] | None = None,
) -> Impact:
    """Spread the governed dollars of a classified bill over their outcomes.

    Args:
        weights: how much the calls of each verdict weigh (`Judged.weights`).
        bill: a classified bill in one currency; grouped once (`Billed.of`) where it is spread often.
        probe: the verdict of a typical call for a billed line of which no call was seen.
        accounts: where the documents hold; dollars of others are outside. None: in all.

    """
    billed = bill if isinstance(bill, Billed) else Billed.of(bill)
    rows = [
        (*_GROUP_OF(line), outcome, basis, part)
        for line, cost in billed.lines
        for outcome, basis, part in _placed(line, cost, weights, probe, accounts)
    ]
    lines = pd.DataFrame(rows, columns=[*GROUP, "outcome", "basis", "cost_usd"])
    return Impact(lines, billed.outside)


def _outside(bill: pd.DataFrame) -> pd.DataFrame:
    others = bill[~bill["bucket"].isin(GOVERNED)]
    rows = [{"bucket": name, "cost_usd": total(part["cost"])} for name, part in others.groupby("bucket")]
    return pd.DataFrame(rows, columns=["bucket", "cost_usd"])


def _grouped(bill: pd.DataFrame) -> Iterable[tuple[Probe, Decimal]]:
    keys = bill[list(GROUP)].astype("object")
    keys = keys.where(keys.notna(), None)
    sums: dict[Probe, list[Decimal]] = {}
    for key, cost in zip(keys.itertuples(index=False, name=None), bill["cost"], strict=True):
        sums.setdefault(Probe(*key), []).append(cost)
    return [(line, total(costs)) for line, costs in sums.items()]


def _placed(
    line: Probe,
    cost: Decimal,
    weights: Weights,
    probe: Callable[[Probe], ProbeVerdict],
    accounts: Collection[str] | None,
) -> list[tuple[Outcome, str, Decimal]]:
    if accounts is None or line.account_id is None or line.account_id in accounts:
        return _spread(line, cost, weights, probe)
    return [(OUTSIDE, "account", cost)]


def _spread(
    line: Probe,
    cost: Decimal,
    weights: Weights,
    probe: Callable[[Probe], ProbeVerdict],
) -> list[tuple[Outcome, str, Decimal]]:
    seen = weights.get(lane_of(line))
    if line.bucket == "model" and line.tier != "batch" and seen:
        return _shares(cost, seen)
    verdict = probe(line)
    if verdict == "refused":
        return [("stranded" if line.bucket == "commitment" else "refused", "probe", cost)]
    return [("kept" if verdict == "allowed" else "unknown", "probe", cost)]


def lane_of(line: Probe) -> LaneKey:
    """Whose calls a billed line follows."""
    return str(line.account_id), str(line.region), str(line.model), str(line.route), str(line.tier)


def _shares(cost: Decimal, seen: Mapping[str, Decimal]) -> list[tuple[Outcome, str, Decimal]]:
    whole = sum(seen.values(), Decimal(0))
    refused = (cost * seen.get("refused", Decimal(0)) / whole).quantize(_CENT_FRACTION)
    open_ = (cost * seen.get("depends", Decimal(0)) / whole).quantize(_CENT_FRACTION)
    parts: list[tuple[Outcome, Decimal]] = [
        ("refused", refused),
        ("unknown", open_),
        ("kept", cost - refused - open_),
    ]
    return [(outcome, "calls", part) for outcome, part in parts if part]
