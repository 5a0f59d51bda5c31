"""What one account's own answers settle about its bill, where documents do not: units, charge types, rounding.

`account.doctor` finds it, `account.facts` keeps it, and whoever classifies or reconciles that account's bill takes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from bedrock_guard.evidence.bill_class import Bucket

CANDIDATES: Final = (1, 1_000, 1_000_000)
"""What one unit can count: tokens, thousands or millions of them."""
ROUNDING_USD: Final = Decimal("0.01")
"""Below this, lines that do not add up to their control total do so for Cost Explorer's rounding."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What readings of one account's bill go by, beyond what every account has in common.

    Args:
        unit_tokens: (unit in letters, tokens a unit as the usage type says) -> tokens a unit.
        charge_types: charge type in letters -> bucket, for types that no document names.
        tolerance_usd: a difference up to this is Cost Explorer's rounding.
        found_at: when, UTC.

    """

    unit_tokens: Mapping[tuple[str, int], int] = field(default_factory=dict)
    charge_types: Mapping[str, Bucket] = field(default_factory=dict)
    tolerance_usd: Decimal = Decimal(0)
    found_at: datetime | None = None

    @property
    def words(self) -> str:
        """What a provenance says of it; empty when it says nothing beyond what is known of every account."""
        parts = [
            *(["units"] if self.unit_tokens else []),
            *(["charge types"] if self.charge_types else []),
            *(["rounding"] if self.tolerance_usd else []),
        ]
        when = f" on {self.found_at:%Y-%m-%d}" if self.found_at else ""
        return f"{', '.join(parts)} as doctor found them{when}" if parts else ""


NOTHING: Final = Learnt()
