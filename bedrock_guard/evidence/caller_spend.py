"""Whose dollars would be kept and whose refused: an impact's dollars shared out over the callers that were seen.

The share of a caller in a billed group is its share of the group's weight, as `impact` weighs: tokens where every call
has them, else calls. It is an estimate by share, not a bill: input and output tokens count alike. What no call was
seen for has no caller, and stands apart; together the rows give the impact's totals exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from bedrock_guard.evidence.impact import OUTCOMES, Impact, Outcome
from bedrock_guard.evidence.tables import total

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bedrock_guard.evidence.judged import Judged

WHO: Final = ("account_id", "principal", "client")
_SHARED: Final[tuple[Outcome, ...]] = ("kept", "refused", "unknown")
"""Outcomes in the order of a replay's: allowed, refused, depends."""
_PLACES: Final = Decimal("0.000001")


def by_caller(judged: Judged, found: Impact, by: Sequence[str] = WHO) -> pd.DataFrame:
    """Dollars per caller and program, or by other columns of the calls.

    Args:
        judged: the calls with their outcomes.
        found: the impact of the same decision.
        by: columns of the cube to share out over.

    Returns:
        The columns of `by` (text), and a Decimal column for each outcome; dearest refused first. The last row has
        no caller: dollars of which no call was seen.

    """
    cube = judged.cube
    place, lane, keys, by_tokens = cube.lanes
    weight = np.where(by_tokens[lane], cube.counts["told_tokens"][place], cube.counts["calls"][place])
    whole = np.bincount(lane, weights=weight, minlength=len(keys))
    rate = np.divide(_billed(found, keys), whole, out=np.zeros(len(keys)), where=whole > 0)
    groups, first = cube.groups(tuple(by))
    cells = groups[place] * len(_SHARED) + judged.outcome[place]
    spent = np.bincount(cells, weights=weight * rate[lane], minlength=len(first) * len(_SHARED))
    named = cube.rows.iloc[first][list(by)].astype("object").itertuples(index=False, name=None)
    rows = list(
        _rows(named, np.unique(groups[place]), spent.reshape(-1, len(_SHARED)).astype(np.float64), by)
    )
    rows.sort(key=lambda row: (-row["refused"], -row["kept"], *(str(row[name]) for name in by)))
    frame = pd.DataFrame([*rows, _rest(rows, found, by)], columns=[*by, *OUTCOMES])
    return frame.astype(dict.fromkeys(by, "string"))


def _billed(found: Impact, keys: Sequence[tuple[str, ...]]) -> NDArray[np.float64]:
    """What was billed in each lane whose dollars follow calls."""
    lines = found.lines
    costs: dict[tuple[str, ...], float] = {}
    named = zip(*(lines[name] for name in ("account_id", "region", "model", "route")), strict=True)
    for key, basis, cost in zip(named, lines["basis"], lines["cost_usd"], strict=True):
        if basis == "calls":
            text = tuple(map(str, key))
            costs[text] = costs.get(text, 0.0) + float(cost)
    return np.array([costs.get(key, 0.0) for key in keys], dtype=np.float64)


def _rows(
    named: Iterator[tuple[Any, ...]], seen: NDArray[np.int64], spent: NDArray[np.float64], by: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """A row for each group of which an invocation was seen."""
    told = list(named)
    for group in seen:
        dollars: dict[str, Any] = {
            name: Decimal(repr(float(value))).quantize(_PLACES)
            for name, value in zip(_SHARED, spent[group], strict=True)
        }
        yield {**dict(zip(by, told[group], strict=True)), **dollars, "stranded": Decimal(0)}


def _rest(rows: list[dict[str, Any]], found: Impact, by: Sequence[str]) -> dict[str, Any]:
    """What remains of each outcome: billed, and no call of it seen."""
    left: dict[str, Any] = {name: found.spend(name) - total(row[name] for row in rows) for name in OUTCOMES}
    return {**dict.fromkeys(by), **left}
