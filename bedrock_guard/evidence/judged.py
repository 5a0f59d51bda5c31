"""What a replay found: every call's outcome, spread over days, models, callers and controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bedrock_guard.boundary.verdict import unsure
from bedrock_guard.evidence.cube_cells import Codes, combined, dense
from bedrock_guard.evidence.cube_judging import ALLOWED, DEPENDS, OUTCOMES, REFUSED, Answer, Found
from bedrock_guard.evidence.impact import LaneKey, Weights
from bedrock_guard.evidence.tables import column

if TYPE_CHECKING:
    from bedrock_guard.evidence.cube import Cube

CLASSES: Final = (*OUTCOMES, "already_denied")
_DENIED: Final = len(OUTCOMES)


@dataclass(frozen=True, eq=False)
class Judged:
    """The calls of a cube with their outcomes under some documents.

    Every count is of calls and falls into one of four classes: allowed, refused, depends (it hangs on what is not
    known), already_denied (AWS refused the call when it was made). They add up to the calls.
    """

    cube: Cube
    found: Found
    answers: Sequence[Answer]

    @cached_property
    def outcome(self) -> NDArray[np.uint8]:
        """The outcome of each row of the cube, as a place in `OUTCOMES`."""
        return self.found.outcome[self.found.layout.pair]

    @cached_property
    def classes(self) -> NDArray[np.uint8]:
        """The class of each row of the cube, as a place in `CLASSES`."""
        denied = self.cube.counts["already_denied"]
        return np.where(denied > 0, np.uint8(_DENIED), self.outcome)

    @cached_property
    def totals(self) -> Mapping[str, int]:
        """Calls, and how many of them are in each class."""
        found = np.bincount(self.classes, weights=self.cube.counts["calls"], minlength=len(CLASSES))
        parts = dict(zip(CLASSES, map(int, found), strict=True))
        return {"calls": sum(parts.values()), **parts}

    @cached_property
    def by_day(self) -> pd.DataFrame:
        """One row a day (UTC) on which there were calls: day and a column of calls for each class."""
        codes, days = self.cube.days
        rows, calls = self.cube.daily_counts
        table = _table(codes, np.repeat(self.classes, rows), calls, len(days))
        return pd.DataFrame({"day": days, **dict(zip(CLASSES, table.T, strict=True))})

    @cached_property
    def by_model(self) -> pd.DataFrame:
        """One row a model (NA: calls without one): a column of calls for each class, most refused first.

        `tokens_refused` are those told by refused calls, `untold_refused` the refused calls that tell none.
        """
        return self.by("model")

    @cached_property
    def by_caller(self) -> pd.DataFrame:
        """One row an account, principal and program, as `by_model`."""
        return self.by("account_id", "principal", "client")

    @cached_property
    def by_control(self) -> pd.DataFrame:
        """Calls that worked and would be refused, or may be, by the control that decides: see `hits`."""
        return self.hits("control")

    def by(self, *names: str) -> pd.DataFrame:
        """Calls in each class by columns of the cube, most refused first; see `by_model`."""
        codes, first = self.cube.groups(names)
        counts = self.cube.counts
        table = _table(codes, self.classes, counts["calls"], len(first))
        refused = self.classes == REFUSED
        extra = {
            f"{name}_refused": np.bincount(
                codes[refused], weights=counts[of][refused], minlength=len(first)
            ).astype(np.int64)
            for name, of in (("tokens", "told_tokens"), ("untold", "untold"))
        }
        frame = self.cube.rows.iloc[first][list(names)].reset_index(drop=True)
        frame = frame.assign(**dict(zip(CLASSES, table.T, strict=True)), **extra)
        return frame.sort_values(
            ["refused", "depends", *names],
            ascending=[False, False, *([True] * len(names))],
            ignore_index=True,
        )

    def hits(self, *names: str) -> pd.DataFrame:
        """Calls that worked and would be refused, or may be: one row a verdict and group, most calls first.

        Args:
            names: columns of the cube, or "control".

        Returns:
            verdict (refused, depends), the columns asked for, calls, callers (how many principals), models, controls
            and hangs_on (sorted texts in tuples), last_call (UTC).

        """
        hit = np.flatnonzero((self.classes == REFUSED) | (self.classes == DEPENDS))
        rows = self.cube.rows.iloc[hit]
        control = column([self._control(code) for code in self._deciding[hit]], "string")
        own = {"verdict": self.classes[hit].astype(np.int64), "control": pd.factorize(control)[0] + 1}
        parts: list[Codes] = [own["verdict"]]
        parts += [own[n] if n == "control" else self.cube.codes(n)[hit] + 1 for n in names]
        codes, first = dense(combined(parts, len(hit)))
        size = len(first)
        frame = pd.DataFrame({"verdict": [OUTCOMES[c] for c in self.classes[hit][first]]}, dtype="string")
        told = {n: control.iloc[first] if n == "control" else rows[n].iloc[first] for n in names}
        last = np.zeros(size, dtype=np.int64)
        np.maximum.at(last, codes, self.cube.last_seen[hit])
        frame = frame.assign(
            **{name: values.reset_index(drop=True) for name, values in told.items()},
            calls=np.bincount(codes, weights=self.cube.counts["calls"][hit], minlength=size).astype(np.int64),
            callers=_sizes(codes, self.cube.codes("principal")[hit], size),
            models=_names(codes, self.cube.codes("model")[hit], self.cube.words("model"), size),
            controls=_names(codes, *_coded(control), size),
            hangs_on=_names(
                codes, *_coded(column([self._hangs_on(p) for p in self._pairs[hit]], "string")), size
            ),
            last_call=pd.to_datetime(last, unit="us", utc=True),
        )
        return _sorted(frame, ("verdict", "calls"), names)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The cube's rows with `verdict`, `control` and `sid` of what decides, and what a depends hangs on."""
        told = [self.answers[code] if code >= 0 else None for code in self._deciding]
        return self.cube.rows.assign(
            verdict=column([OUTCOMES[code] for code in self.outcome], "string"),
            control=column([one.control if one else None for one in told], "string"),
            sid=column([one.sid if one else None for one in told], "string"),
            hangs_on=column([self._hangs_on(pair) for pair in self._pairs], "string"),
        )

    @property
    def _pairs(self) -> Codes:
        return self.found.layout.pair

    @cached_property
    def _deciding(self) -> Codes:
        return self.found.deciding[self._pairs]

    def _control(self, code: int) -> str | None:
        return self.answers[code].control if code >= 0 else None

    @cached_property
    def _hanging(self) -> Mapping[int, str]:
        """What each pair that depends hangs on."""
        layout = self.found.layout
        place = {int(pair): n for n, pair in enumerate(layout.judged)}
        found = {}
        for pair in np.flatnonzero(self.found.outcome == DEPENDS):
            start = int(layout.starts[place[int(pair)]])
            rows = range(start, start + int(layout.counts[place[int(pair)]]))
            found[int(pair)] = ", ".join(sorted({word for row in rows for word in self._words(row)}))
        return found

    def _words(self, row: int) -> Sequence[str]:
        answer = self.answers[self.found.answers[row]]
        if answer.outcome == ALLOWED:
            return ()
        layout = self.found.layout
        return tuple(answer.keys) or unsure(layout.asked.entry(int(layout.row_entry[row])))

    def _hangs_on(self, pair: int) -> str | None:
        return self._hanging.get(int(pair)) or None

    @cached_property
    def weights(self) -> Weights:
        """What dollars follow: for each account, Region, model, lane and tier, the weight of each verdict.

        Tokens where every call of the group tells them, else calls. Calls that were denied already, or failed, weigh
        nothing: they cost nothing.
        """
        rows, codes, keys, by_tokens = self.cube.lanes
        counts = self.cube.counts
        weight = np.where(by_tokens[codes], counts["told_tokens"][rows], counts["worked"][rows])
        table = _table(codes, self.outcome[rows], weight, len(keys))
        return {
            key: {name: Decimal(int(n)) for name, n in zip(OUTCOMES, row, strict=False) if n}
            for key, row in zip(keys, table, strict=True)
        }

    @cached_property
    def refused_by(self) -> Mapping[LaneKey, Mapping[str | None, Decimal]]:
        """As `weights`, what the refused calls weigh by the control that refuses them."""
        rows, codes, keys, by_tokens = self.cube.lanes
        refused = np.flatnonzero(self.outcome[rows] == REFUSED)
        at, lane = rows[refused], codes[refused]
        weight = np.where(
            by_tokens[lane], self.cube.counts["told_tokens"][at], self.cube.counts["worked"][at]
        )
        found: dict[LaneKey, dict[str | None, Decimal]] = {}
        for place, code, n in zip(lane, self._deciding[at], weight, strict=True):
            own, control = found.setdefault(keys[place], {}), self._control(code)
            own[control] = own.get(control, Decimal(0)) + int(n)
        return found


def _table(rows: Codes, columns: NDArray[np.uint8], weights: NDArray[Any], size: int) -> NDArray[np.int64]:
    """The sum of weights by row and class."""
    width = len(CLASSES)
    cells = rows * width
    cells += columns
    sums = np.bincount(cells, weights=weights, minlength=size * width)
    return sums.astype(np.int64).reshape(size, width)


def _coded(values: pd.Series[Any]) -> tuple[Codes, list[str]]:
    codes, words = pd.factorize(values)
    return codes.astype(np.int64), [str(word) for word in words]


def _distinct(codes: Codes, values: Codes) -> tuple[Codes, Codes]:
    """The distinct pairs of a group and a known value."""
    known = values >= 0
    width = int(values.max(initial=0)) + 1
    pairs = np.unique(codes[known] * width + values[known])
    return pairs // width, pairs % width


def _sizes(codes: Codes, values: Codes, size: int) -> Codes:
    return np.bincount(_distinct(codes, values)[0], minlength=size)


def _names(codes: Codes, values: Codes, words: Sequence[str], size: int) -> pd.Series[Any]:
    """The distinct known words of each group, sorted."""
    found: list[list[str]] = [[] for _ in range(size)]
    for group, value in zip(*_distinct(codes, values), strict=True):
        found[group].append(words[value])
    return pd.Series([tuple(sorted(each)) for each in found], dtype="object")


def _sorted(frame: pd.DataFrame, falling: Sequence[str], rising: Sequence[str]) -> pd.DataFrame:
    order = [False] * len(falling) + [True] * len(rising)
    return frame.sort_values([*falling, *rising], ascending=order, ignore_index=True)
