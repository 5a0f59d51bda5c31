"""EC2 spend held to its control total, and the nearest allowed type for each type that is not allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any, Final

import pandas as pd

from bedrock_guard.evidence.reconcile import ControlTotal, off
from bedrock_guard.evidence.tables import EC2_BILL, Table, money, provenance_of, require, total

INSTANCE_TYPES: Final = Table(
    "instance types",
    {
        "instance_type": "string",
        "region": "string",
        "vcpus": "Int64",
        "memory_mib": "Int64",
        "architectures": "object",
        "gpus": "Int64",
    },
)
"""One instance type of one Region; `architectures` is a tuple ("x86_64", "arm64")."""

EC2_PRICES: Final = Table(
    "EC2 prices",
    {
        "instance_type": "string",
        "region": "string",
        "usd_per_hour": "object",
        "source": "string",
        "as_of": "datetime64[us, UTC]",
    },
)
"""On-demand list prices, Linux, shared tenancy; USD per hour."""


@dataclass(frozen=True, slots=True)
class Ec2Proof:
    """Whether EC2 lines add up, in Decimal; `withheld` says what stands against it."""

    total: Decimal | None
    control_total: Decimal | None
    difference: Decimal | None
    withheld: tuple[str, ...]


def reconcile_ec2(frame: pd.DataFrame, control: ControlTotal, tolerance: Decimal = Decimal(0)) -> Ec2Proof:
    """Hold EC2 lines to their own control total; currencies are never added, a difference up to `tolerance` may stand.

    Raises:
        MissingColumns: the frame is no EC2 bill.
    """
    require(frame, EC2_BILL)
    costs = [money(value) for value in frame["cost"]]
    currencies = set(frame["currency"].dropna())
    why = [f"The lines are in {len(currencies)} currencies."] if len(currencies) > 1 else []
    if None in costs:
        why.append(f"{costs.count(None)} lines have no amount that can be read.")
    whole = None if len(currencies) > 1 else total(cost for cost in costs if cost is not None)
    difference = (
        (whole - control.amount or Decimal(0)) if whole is not None and control.amount is not None else None
    )
    if difference is None and len(currencies) < 2:
        why.append(f"The control total is unknown: {control.provenance.why or 'it was not asked'}.")
    elif difference and abs(difference) > tolerance:
        why.append(off(difference))
    if "provenance" in frame.attrs and not provenance_of(frame).complete:
        why.append(f"The lines are not complete: {provenance_of(frame).why}.")
    return Ec2Proof(whole, control.amount, difference, tuple(why))


def is_allowed(instance_type: str, allowed: Sequence[str]) -> bool:
    """Whether a list of types and patterns (`m7i.*`) allows an instance type.

    Example:
        >>> is_allowed("m7i.large", ["t3.micro", "m7i.*"]), is_allowed("m7i.metal-24xl", ["m7i.large"])
        (True, False)
    """
    return any(fnmatchcase(instance_type, pattern) for pattern in allowed)


@dataclass(frozen=True, slots=True)
class Nearest:
    """The allowed type closest to one that is not allowed.

    Args:
        instance_type: the type used.
        nearest: the smallest allowed type with at least its vCPU, memory and GPUs; None when there is none.
        migration: True when the processor architecture changes: then it is a migration, not a swap; None if unknown.
    """

    instance_type: str
    nearest: str | None
    migration: bool | None


def nearest_allowed(instance_type: str, allowed: Sequence[str], types: pd.DataFrame) -> Nearest:
    """The smallest allowed type that holds what `instance_type` holds; the same architecture before another.

    Equal vCPU and memory say nothing about speed: an assumption to print beside every number made with it.

    Args:
        instance_type: the type used.
        allowed: types and patterns.
        types: INSTANCE_TYPES of the Region.

    Raises:
        MissingColumns: `types` is another table.
    """
    require(types, INSTANCE_TYPES)
    known = {str(row["instance_type"]): row for row in types.to_dict("records")}
    mine = known.get(instance_type)
    if mine is None:
        return Nearest(instance_type, None, None)
    fits = [row for name, row in known.items() if is_allowed(name, allowed) and _holds(row, mine)]
    if not fits:
        return Nearest(instance_type, None, None)
    best = min(
        fits,
        key=lambda row: (
            _moves(row, mine),
            row["gpus"],
            row["vcpus"],
            row["memory_mib"],
            row["instance_type"],
        ),
    )
    return Nearest(instance_type, str(best["instance_type"]), _moves(best, mine))


def _holds(row: Mapping[Any, Any], mine: Mapping[Any, Any]) -> bool:
    pairs = [(row[name], mine[name]) for name in ("vcpus", "memory_mib", "gpus")]
    if any(pd.isna(value) for pair in pairs for value in pair):
        return False
    return all(int(str(have)) >= int(str(need)) for have, need in pairs)


def _moves(row: Mapping[Any, Any], mine: Mapping[Any, Any]) -> bool:
    have, need = row["architectures"], mine["architectures"]
    return not (isinstance(have, tuple) and isinstance(need, tuple) and set(have) & set(need))
