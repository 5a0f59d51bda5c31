"""What refused EC2 hours would cost on the nearest allowed type: by purchase option, at list prices, never a saving.

A purchase option decides what a refusal changes. On-demand hours end where the old type ends, so both types are
compared at list price. Reserved and Savings Plan hours stay paid whether used or not, so the new type comes on top
unless the commitment covers it. Spot has no list price. Equal vCPU and memory say nothing about speed.
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any, Final, Literal, get_args

import pandas as pd

from bedrock_guard.evidence.ec2 import EC2_PRICES, nearest_allowed
from bedrock_guard.evidence.tables import money, require, total

Ec2Outcome = Literal["priced", "committed", "spot", "no type fits", "no price", "no hours"]
"""priced: on-demand hours with both list prices; committed: paid for anyway; spot: no list price exists; no type fits:
no allowed type has the vCPU, memory and GPUs; no price: the list lacks one of both; no hours: the line counts none."""

OUTCOMES: Final[tuple[Ec2Outcome, ...]] = get_args(Ec2Outcome)
_DIGITS: Final = Context(prec=28)
_COMMITTED: Final = ("reserved", "savings")


@dataclass(frozen=True, slots=True)
class Ec2Line:
    """One refused type and purchase option with its nearest allowed type; amounts in US dollars.

    Args:
        instance_type: what ran.
        purchase_option: as billed.
        outcome: whether there are numbers, and if not why not.
        hours: as billed; None where the line counts none.
        cost_usd: amortised, as billed.
        effective_usd: what an hour cost; None without hours.
        nearest: the allowed type; None when none fits or the type is not known.
        list_usd: the hours at the old type's on-demand list price; None without one.
        nearest_usd: the hours at the nearest type's; for commitments what comes on top.
        migration: True when the processor architecture changes; None if unknown.
        why: the reason, for a person.
    """

    instance_type: str
    purchase_option: str | None
    outcome: Ec2Outcome
    hours: Decimal | None
    cost_usd: Decimal
    effective_usd: Decimal | None = None
    nearest: str | None = None
    list_usd: Decimal | None = None
    nearest_usd: Decimal | None = None
    migration: bool | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Ec2Redirect:
    """Refused EC2 hours with their nearest allowed types; every refused dollar is on exactly one line."""

    lines: tuple[Ec2Line, ...]

    def cost(self, outcome: Ec2Outcome | None = None) -> Decimal:
        """Refused dollars of one outcome, or all."""
        return total(line.cost_usd for line in self.lines if outcome in (None, line.outcome))

    @property
    def at_list(self) -> tuple[Decimal, Decimal] | None:
        """On-demand hours at list: the types that ran, and the nearest allowed; None when none is priced."""
        both = [(a.list_usd, a.nearest_usd) for a in self.lines if a.outcome == "priced"]
        known = [(a, b) for a, b in both if a is not None and b is not None]
        return (total(a for a, _ in known), total(b for _, b in known)) if known else None

    @property
    def change_at_list(self) -> Decimal | None:
        """The nearest types less the types that ran, both at list, on-demand hours only."""
        both = self.at_list
        return both[1] - both[0] if both else None

    @property
    def on_top(self) -> Decimal | None:
        """What nearest types would add to commitments that stay paid; None when that is not known for any."""
        known = [line.nearest_usd for line in self.lines if line.outcome == "committed"]
        return None if None in known or not known else total(known)

    def table(self) -> pd.DataFrame:
        """The lines as a table, dearest first; amounts are Decimal or None."""
        names = list(Ec2Line.__dataclass_fields__)
        rows = [tuple(getattr(line, name) for name in names) for line in self.lines]
        return pd.DataFrame(rows, columns=names, dtype="object")


def redirect_ec2(
    ec2: pd.DataFrame, allowed: Sequence[str], types: pd.DataFrame, prices: pd.DataFrame
) -> Ec2Redirect:
    """Price the refused hours of an EC2 bill on the nearest allowed types.

    Args:
        ec2: what `WhatIf.ec2` holds: instance_type, purchase_option, outcome, hours, cost_usd.
        allowed: types and patterns of the spec.
        types: INSTANCE_TYPES of the Region in which prices are compared.
        prices: EC2_PRICES of the same Region: the refused types and their nearest.

    Raises:
        MissingColumns: `types` or `prices` is another table.
    """
    require(prices, EC2_PRICES)
    listed = {str(row["instance_type"]): money(row["usd_per_hour"]) for row in prices.to_dict("records")}
    refused = ec2[(ec2["outcome"] == "refused") & ec2["instance_type"].notna()]
    lines = [_line(row, allowed, types, listed) for row in refused.to_dict("records")]
    return Ec2Redirect(tuple(sorted(lines, key=lambda line: -abs(line.cost_usd))))


def wanted_types(ec2: pd.DataFrame, allowed: Sequence[str], types: pd.DataFrame) -> tuple[str, ...]:
    """The types whose list prices `redirect_ec2` needs: the refused ones and their nearest."""
    refused = ec2.loc[(ec2["outcome"] == "refused") & ec2["instance_type"].notna(), "instance_type"].unique()
    names = [str(name) for name in refused]
    found = [nearest_allowed(name, allowed, types).nearest for name in names]
    return tuple(dict.fromkeys([*names, *filter(None, found)]))


def _line(
    row: Mapping[Any, Any], allowed: Sequence[str], types: pd.DataFrame, listed: Mapping[str, Decimal | None]
) -> Ec2Line:
    name, option = (
        str(row["instance_type"]),
        None if pd.isna(row["purchase_option"]) else str(row["purchase_option"]),
    )
    hours, cost = money(row["hours"]), row["cost_usd"]
    near = nearest_allowed(name, allowed, types)
    each = _DIGITS.divide(cost, hours) if hours else None
    old, new = _times(hours, listed.get(name)), _times(hours, listed.get(near.nearest or ""))
    outcome, why = _outcome(option, hours, near.nearest, old, new)
    moved = " Another processor architecture: a migration, not a swap." if near.migration else ""
    return Ec2Line(
        name,
        option,
        outcome,
        hours,
        cost,
        each,
        near.nearest,
        old,
        new,
        near.migration,
        f"{why}{moved}".strip(),
    )


def _times(hours: Decimal | None, each: Decimal | None) -> Decimal | None:
    return None if hours is None or each is None else hours * each


def _outcome(
    option: str | None, hours: Decimal | None, nearest: str | None, old: Decimal | None, new: Decimal | None
) -> tuple[Ec2Outcome, str]:
    said = (option or "").lower()
    fits = "" if nearest else " No allowed type has its vCPU, memory and GPUs, or the type is not known."
    if any(word in said for word in _COMMITTED):
        return (
            "committed",
            f"Paid until its term ends, used or not; a new type comes on top unless covered.{fits}",
        )
    if "spot" in said:
        return "spot", f"Spot prices are in no price list.{fits}"
    if nearest is None:
        return "no type fits", fits.strip()
    if not hours:
        return "no hours", "The line counts no hours."
    if old is None or new is None:
        return "no price", "The price list lacks one of the two types here."
    return "priced", ""
