"""A boundary's impact day by day: the bill's governed dollars of each day by outcome."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

import pandas as pd

from bedrock_guard.evidence.impact import GOVERNED, GROUP, Impact

_FRACTION: Final = Decimal("0.0000000001")
Group = tuple[str | None, ...]


@dataclass(frozen=True, eq=False)
class DailyBill:
    """The governed dollars of a classified bill by day and `impact.GROUP`, ready to be spread again and again."""

    costs: tuple[tuple[datetime, Group, Decimal], ...]

    @classmethod
    def of(cls, bill: pd.DataFrame) -> DailyBill:
        """Sum a classified bill in one currency."""
        governed = bill[bill["bucket"].isin(GOVERNED)]
        sums: dict[tuple[datetime, Group], Decimal] = {}
        for day, group, cost in zip(governed["day"], _groups(governed), governed["cost"], strict=True):
            sums[day, group] = sums.get((day, group), Decimal(0)) + cost
        return cls(
            tuple(
                (day, group, cost) for (day, group), cost in sorted(sums.items(), key=lambda one: one[0][0])
            )
        )

    def spread(self, found: Impact) -> pd.DataFrame:
        """One row a day (UTC): day, and a Decimal column for each outcome; together what `found` says, to a millionth.

        A group's dollars of a day are split as its dollars of the whole window are.
        """
        parts = _parts(found)
        days: dict[datetime, dict[str, Decimal]] = {}
        for day, group, cost in self.costs:
            held = days.setdefault(day, dict.fromkeys(found.outcomes, Decimal(0)))
            for outcome, part in _split(cost, parts[group]).items():
                held[outcome] += part
        return pd.DataFrame(
            [{"day": day, **held} for day, held in days.items()], columns=["day", *found.outcomes]
        )


def _groups(frame: pd.DataFrame) -> list[Group]:
    keys = frame[list(GROUP)].astype("object")
    return list(keys.where(keys.notna(), None).itertuples(index=False, name=None))


def _parts(found: Impact) -> dict[Group, dict[str, Decimal]]:
    parts: dict[Group, dict[str, Decimal]] = {}
    lines = found.lines
    for group, outcome, cost in zip(_groups(lines), lines["outcome"], lines["cost_usd"], strict=True):
        parts.setdefault(group, {})[outcome] = cost
    return parts


def _split(cost: Decimal, parts: dict[str, Decimal]) -> dict[str, Decimal]:
    """A cost in the proportion of the parts, to the last fraction; where they cancel out, all of it the first's."""
    whole = sum(parts.values(), Decimal(0))
    first, *others = parts
    found = {
        name: (cost * parts[name] / whole).quantize(_FRACTION) if whole else Decimal(0) for name in others
    }
    return {first: cost - sum(found.values(), Decimal(0)), **found}
