"""How a bill tells what no document does: tokens a unit by prices, a charge type by its sign, rounding by its sum."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import pandas as pd

from bedrock_guard.evidence.bill_class import Bucket
from bedrock_guard.evidence.learnt import CANDIDATES
from bedrock_guard.evidence.prices import PriceBook, paid_and_listed
from bedrock_guard.evidence.tables import CLASSIFIED_BILL, require, total
from bedrock_guard.evidence.usage_lines import letters

_DISCOUNT: Final = Decimal("0.5")
"""How far a negotiated price may be from the list price and still tell thousands from millions."""


def units_of(classified: pd.DataFrame, listed: PriceBook) -> dict[tuple[str, int], int | None]:
    """Tokens that each unit of a bill counts, by what was paid for it against the list price.

    Args:
        classified: a classified bill.
        listed: list prices.

    Returns:
        (unit in letters, tokens a unit as it was classified) -> 1, 1,000 or 1,000,000; None where prices do not tell,
        or tell different things of lines with the same unit.

    Raises:
        MissingColumns: the frame is no classified bill.

    """
    lines = require(classified, CLASSIFIED_BILL)
    lines = lines[(lines["bucket"] == "model") & lines["unit_tokens"].notna() & lines["unit"].notna()]
    found: dict[tuple[str, int], set[int | None]] = {}
    for key, part in lines.groupby(["unit", "unit_tokens"]):
        unit, assumed = letters(str(key[0])), int(str(key[1]))
        told = found.setdefault((unit, assumed), set())
        told.update(_nearest(assumed * paid / price) for paid, price in paid_and_listed(part, listed))
    return {key: told.pop() if len(told) == 1 else None for key, told in found.items()}


def charge_of(amounts: Iterable[Decimal | None]) -> Bucket | None:
    """The bucket of a charge type that no document names: what only ever takes money off is a discount.

    Example:
        >>> charge_of([Decimal(-2), Decimal("-0.5")]), charge_of([Decimal(-2), Decimal(1)])
        ('discount', None)

    """
    known = list(amounts)
    return "discount" if known and all(amount is not None and amount < 0 for amount in known) else None


def rounding_of(lines: Iterable[Decimal | None], control: Decimal | None) -> Decimal | None:
    """How far the lines are from their control total; None where either is not known."""
    amounts = list(lines)
    known = [amount for amount in amounts if amount is not None]
    return None if control is None or len(known) < len(amounts) else abs(total(known) - control)


def _nearest(tokens: Decimal) -> int | None:
    return next((c for c in CANDIDATES if abs(tokens / c - 1) <= _DISCOUNT), None)
