"""Whose dollars would be kept and whose refused: what the bill is explained by, by the outcome of the caller's calls.

A caller has the dollars that `attribution` names it for, and no others: its own tokens at what the bill paid for them,
and the batch jobs and commitments it has alone. What no call explains has no caller, and stands apart; together the
rows give the impact's totals exactly. Floats only weigh a caller's calls; its part is cut to a millionth of a dollar,
and what rounding leaves over is in the row without a caller.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from bedrock_guard.evidence.cube_cells import combined, dense
from bedrock_guard.evidence.impact import Impact, Outcome
from bedrock_guard.evidence.tables import total

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bedrock_guard.evidence.attribution import Attribution
    from bedrock_guard.evidence.judged import Judged

WHO: Final = ("account_id", "principal", "client")
_SHARED: Final[tuple[Outcome, ...]] = ("kept", "refused", "unknown")
"""Outcomes in the order of a replay's: allowed, refused, depends."""
_PLACES: Final = Decimal("0.000001")
_PLACE: Final = ("account_id", "region", "model", "route", "tier")


def by_caller(judged: Judged, found: Impact, counted: Attribution) -> pd.DataFrame:
    """Dollars per account, caller and program by outcome.

    Args:
        judged: the calls with their outcomes.
        found: the impact of the same decision.
        counted: the same bill by caller, each with its program.

    Returns:
        WHO (text), and a Decimal column for each outcome; dearest refused first. The last row has no caller: dollars
        that no call explains, and most of those outside. A caller's dollars in a lane never exceed what the impact has
        there for the outcome.

    """
    spent: dict[tuple[Any, ...], dict[str, Decimal]] = defaultdict(
        lambda: dict.fromkeys(found.outcomes, Decimal(0))
    )
    for source in (_called(judged, found, counted), _owned(found, counted)):
        for who, outcome, cost in source:
            spent[who][outcome] += cost
    rows: list[dict[str, Any]] = [
        {**dict(zip(WHO, who, strict=True)), **parts} for who, parts in spent.items()
    ]
    rows.sort(key=lambda row: (-row["refused"], -row["kept"], *(str(row[name]) for name in WHO)))
    left = {name: found.spend(name) - total(row[name] for row in rows) for name in found.outcomes}
    frame = pd.DataFrame([*rows, {**dict.fromkeys(WHO), **left}], columns=[*WHO, *found.outcomes])
    return frame.astype(dict.fromkeys(WHO, "string"))


Row = tuple[tuple[Any, ...], str, Decimal]


def _called(judged: Judged, found: Impact, counted: Attribution) -> Iterator[Row]:
    """What calls explain: a caller's dollars of a lane go by the tokens of its calls of each outcome."""
    cube = judged.cube
    place, lane, keys, _ = cube.lanes
    groups, first = dense(
        combined([lane, *(cube.codes(name)[place] + 1 for name in ("principal", "client"))], len(place))
    )
    who = cube.rows.iloc[place[first]][list(WHO)].astype("object")
    names = [tuple(row) for row in who.where(who.notna(), None).itertuples(index=False, name=None)]
    known = counted.explained
    owned = [known.get((*keys[lane[at]], *name[1:])) for at, name in zip(first, names, strict=True)]
    tokens, calls = cube.counts["told_tokens"][place], cube.counts["worked"][place]
    told = np.bincount(groups, weights=tokens, minlength=len(first)) > 0
    weight = np.where(told[groups], tokens, calls).astype(np.float64)
    cells = groups * len(_SHARED) + judged.outcome[place]
    table = np.bincount(cells, weights=weight, minlength=len(first) * len(_SHARED)).reshape(-1, len(_SHARED))
    table = (
        table
        / np.maximum(table.sum(axis=1, keepdims=True), 1)
        * np.array([cost or 0.0 for cost in owned])[:, None]
    )
    shared = _within(table, lane[first], _billed(found, keys))
    for name, cost_known, row in zip(names, owned, shared, strict=True):
        if cost_known is None:
            continue
        for outcome, cost in zip(_SHARED, row, strict=True):
            yield name, outcome, Decimal(repr(float(cost))).quantize(_PLACES)


def _within(
    table: NDArray[np.float64], lanes: NDArray[np.int64], most: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The same, scaled down where a lane's callers have more of an outcome than the impact: kinds weigh unlike."""
    sums = np.zeros_like(most)
    np.add.at(sums, lanes, table)
    scale = np.divide(most, sums, out=np.ones_like(most), where=sums > most)
    return table * scale[lanes]


def _billed(found: Impact, keys: Sequence[tuple[str, ...]]) -> NDArray[np.float64]:
    """What follows calls in each lane, by outcome."""
    lines = found.lines[found.lines["basis"] == "calls"]
    costs: dict[tuple[str, ...], float] = defaultdict(float)
    for *key, cost in lines[[*_PLACE, "outcome", "cost_usd"]].itertuples(index=False, name=None):
        costs[tuple(map(str, key))] += float(cost)
    return np.array([[costs[*key, name] for name in _SHARED] for key in keys]).reshape(-1, len(_SHARED))


def _owned(found: Impact, counted: Attribution) -> Iterator[Row]:
    """Batch jobs and commitments that a caller has alone, by the outcome of their line."""
    names = ["account_id", "region", "model", "tier", "outcome", "cost_usd"]
    for *key, outcome, cost in found.lines[names].itertuples(index=False, name=None):
        owner = counted.owned.get(tuple(key))
        if owner:
            yield (key[0], *owner), str(outcome), cost
