"""The cube: a history of calls as distinct calls by day, which can be judged under a boundary in milliseconds.

Made once from a calls table or from tuples that a store or an engine has counted. A change of the documents asks again
only what it touches; the answers are spread back over calls, days, callers, models and tokens.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bedrock_guard.boundary.calls import Call
from bedrock_guard.boundary.catalogue import Catalogue
from bedrock_guard.evidence.cube_asked import ADDRESS, Asked, Caller, Callers
from bedrock_guard.evidence.cube_cells import Codes, combined, dense
from bedrock_guard.evidence.cube_judging import Judging, Reaching
from bedrock_guard.evidence.impact import INVOCATIONS, LANE, LaneKey
from bedrock_guard.evidence.invocations import tiers
from bedrock_guard.evidence.judged import Judged
from bedrock_guard.evidence.recorded_calls import call_of
from bedrock_guard.evidence.tables import CALLS, Provenance, provenance_of, require
from bedrock_guard.evidence.tuples import KEY, TUPLES

_ASKED: Final = ("account_id", "region", "key_kind", "service", "operation", "parameters")
_HOME: Final = "us-east-1"
_DAY: Final = 86_400_000_000  # microseconds
_MOST_SPREAD: Final = 8
"""Cells to a row up to which a grid of all cells costs less than sorting the rows."""


@dataclass(frozen=True, eq=False)
class Cube:
    """Distinct calls, ready to be judged again and again.

    Args:
        rows: one row a distinct call: KEY (and source_ip, where the cube holds it), already_denied, calls, tokens (NA
            where a call lacks a count), untold (calls without a count), first_seen, last_seen (UTC).
        daily: one row a distinct call and day, in that order: tuple (its place in `rows`), day (days since 1970, UTC),
            calls.
        catalogue: the models.
        provenance: of the calls table.
        source: what to make a finer cube from, once a policy tests the caller's address; None where there is none.

    """

    rows: pd.DataFrame
    daily: pd.DataFrame
    catalogue: Catalogue
    provenance: Provenance
    source: pd.DataFrame | None = None

    @classmethod
    def of(cls, frame: pd.DataFrame, catalogue: Catalogue, by: Sequence[str] = ()) -> Cube:
        """The cube of a calls table, or of a TUPLES relation, distinct in the further columns `by`.

        Raises:
            MissingColumns: the frame is neither.

        """
        counted = "calls" in frame.columns and "day" in frame.columns
        tuples = require(frame, TUPLES) if counted else _counted(frame)
        finer = not counted and "source_ip" in frame.columns and not by
        addressed = [name for name in ("source_ip",) if counted and name in frame.columns]
        rows, daily = _folded(tuples, list(dict.fromkeys((*KEY, *addressed, *by))))
        made = cls(rows, daily, catalogue, provenance_of(frame), frame if finer else None)
        made.ready()
        return made

    def ready(self) -> None:
        """Do now what the first judgement would have to wait for, the looking for garbage among all this included."""
        self._judging.ready()
        _ = self.days, self.daily_counts, self.lanes
        gc.collect()

    def judge(self, reach: Reaching) -> Judged:
        """Every call under some documents; what no document reaches is allowed by them.

        Args:
            reach: `replay.Reach` for what a spec was built into, `replay.Documents` for any policies.

        """
        held = self._judging.held(reach)
        if self.source is not None and any(ADDRESS in side.evaluator.program.columns for side in held[0]):
            return self._finer.judge(reach)
        return Judged(self, self._judging.judge(reach, held), self._judging.answers.known)

    @property
    def requests(self) -> tuple[Call, ...]:
        """The distinct calls as AWS is asked them; who made them is left out except where IAM is asked."""
        return self._judging.asked.calls

    @cached_property
    def _finer(self) -> Cube:
        return Cube.of(cast("pd.DataFrame", self.source), self.catalogue, by=("source_ip",))

    @cached_property
    def _judging(self) -> Judging:
        shape, first = self._shapes
        rows = self.rows.iloc[first]
        iam = _is_iam(rows)
        told = {name: _plain(rows[name]) for name in (*_ASKED, "principal")}
        told["principal"] = [name if own else None for name, own in zip(told["principal"], iam, strict=True)]
        calls = [call_of(dict(zip(told, values, strict=True))) for values in zip(*told.values(), strict=True)]
        return Judging(Asked(calls, self.catalogue), shape, self._callers)

    @cached_property
    def _shapes(self) -> tuple[Codes, Codes]:
        principal = np.where(_is_iam(self.rows), codes_of(self.rows["principal"]) + 1, 0)
        parts = [*(codes_of(self.rows[name]) + 1 for name in _ASKED), principal]
        return dense(combined(parts, len(self.rows)))

    @cached_property
    def _callers(self) -> Callers:
        region = self.rows["region"].fillna(_HOME)
        partition = region.str.split("-").str[:2].str.join("-").where(region.str.match("us-gov|cn"), _HOME)
        named = [codes_of(self.rows[name]) + 1 for name in ("account_id", "principal")]
        codes, first = dense(combined([*named, codes_of(partition)], len(self.rows)))
        told = self.rows.iloc[first]
        listed = zip(*(_plain(told[name]) for name in ("account_id", "principal", "region")), strict=True)
        callers = [
            Caller(account or "", principal or "", where or _HOME) for account, principal, where in listed
        ]
        addresses = _plain(self.rows["source_ip"]) if "source_ip" in self.rows.columns else None
        return Callers(codes, callers, addresses)

    def codes(self, name: str) -> Codes:
        """A column of `rows` as codes, -1 where it is not known; `words` says what they mean."""
        return self._coded(name)[0]

    def words(self, name: str) -> list[str]:
        """The values that a column's codes mean."""
        return self._coded(name)[1]

    def _coded(self, name: str) -> tuple[Codes, list[str]]:
        if name not in self._known:
            codes, words = pd.factorize(self.rows[name])
            self._known[name] = codes.astype(np.int64, copy=False), [str(word) for word in words]
        return self._known[name]

    @cached_property
    def _known(self) -> dict[str, tuple[Codes, list[str]]]:
        return {}

    def groups(self, names: tuple[str, ...]) -> tuple[Codes, Codes]:
        """The group of each row by some columns, and the first row of each group."""
        if names not in self._grouped:
            self._grouped[names] = dense(combined([self.codes(n) + 1 for n in names], len(self.rows)))
        return self._grouped[names]

    @cached_property
    def _grouped(self) -> dict[tuple[str, ...], tuple[Codes, Codes]]:
        return {}

    @cached_property
    def last_seen(self) -> NDArray[np.int64]:
        """Microseconds since 1970 of each row's last call."""
        return _micros(self.rows["last_seen"])

    @cached_property
    def lanes(self) -> tuple[Codes, Codes, list[LaneKey], NDArray[np.bool_]]:
        """Invocations that a bill can follow: their rows, the lane of each, the lanes, whether tokens weigh there."""
        rows = self.rows
        seen = rows["operation"].isin(INVOCATIONS) & ~rows["already_denied"] & rows["model"].notna()
        seen &= rows["account_id"].notna() & rows["region"].notna()
        place = np.flatnonzero(seen.to_numpy(dtype=bool))
        lane = rows["route"].map(LANE).fillna("unknown").iloc[place]
        tier = tiers(rows.iloc[place])
        named = [self.codes(name)[place] + 1 for name in ("account_id", "region", "model")]
        codes, first = dense(combined([*named, codes_of(lane), codes_of(tier)], len(place)))
        told = rows.iloc[place[first]][["account_id", "region", "model"]].astype("object")
        keys = [
            (*map(str, key), *map(str, way))
            for key, *way in zip(
                told.itertuples(index=False, name=None), lane.iloc[first], tier.iloc[first], strict=True
            )
        ]
        untold = np.bincount(codes, weights=self.counts["untold"][place], minlength=len(first))
        tokens = np.bincount(codes, weights=self.counts["told_tokens"][place], minlength=len(first))
        return place, codes, cast("list[LaneKey]", keys), (untold == 0) & (tokens > 0)

    @cached_property
    def days(self) -> tuple[Codes, pd.DatetimeIndex]:
        """The day of each row of `daily` as a code, and the days in order (midnight UTC)."""
        codes, days = pd.factorize(self.daily["day"].to_numpy(np.int64), sort=True)
        return codes.astype(np.int64, copy=False), pd.to_datetime(days * _DAY, unit="us", utc=True).as_unit(
            "us"
        )

    @cached_property
    def counts(self) -> Mapping[str, NDArray[np.int64]]:
        """Numbers of each row as arrays: calls, failed, worked, tokens (those told), untold; denied as 0 or 1."""
        names = ("calls", "failed", "told_tokens", "untold", "already_denied")
        found = {name: self.rows[name].to_numpy(dtype=np.int64) for name in names}
        return found | {"worked": found["calls"] - found["failed"]}

    @cached_property
    def daily_counts(self) -> tuple[Codes, NDArray[np.float64]]:
        """How many rows of `daily` each row has; their calls as floats, which sum exactly below 2 ** 53."""
        rows = np.bincount(self.daily["tuple"].to_numpy(np.int64), minlength=len(self.rows))
        return rows, self.daily["calls"].to_numpy(np.float64)


def _counted(frame: pd.DataFrame) -> pd.DataFrame:
    """A calls table as tuples of one call each."""
    require(frame, CALLS)
    told = frame["input_tokens"].notna() & frame["output_tokens"].notna()
    worked = frame["error_code"].isna()
    return frame.assign(
        already_denied=frame["denied_by"].notna(),
        day=frame["event_time"],
        calls=1,
        untold=worked & ~told,
        failed=~worked & frame["denied_by"].isna(),
        first_seen=frame["event_time"],
        last_seen=frame["event_time"],
    )


def _folded(tuples: pd.DataFrame, key: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    denied = tuples["already_denied"].fillna(False).to_numpy(dtype=np.int64)
    place, first = dense(combined([*(codes_of(tuples[name]) + 1 for name in key), denied], len(tuples)))
    size = len(first)
    rows = tuples.iloc[first][list(key)].reset_index(drop=True)
    tokens = tuples["input_tokens"].fillna(0) + tuples["output_tokens"].fillna(0)
    numbers = (tokens, tuples["untold"], tuples["calls"], tuples["failed"].fillna(0))
    told, untold, calls, failed = (_summed(place, each, size) for each in numbers)
    rows = rows.assign(
        already_denied=denied[first].astype(bool),
        calls=calls,
        tokens=pd.Series(told, dtype="Int64").mask(pd.Series(untold > 0)),
        told_tokens=told,
        untold=untold,
        failed=failed,
        first_seen=_instants(pd.Series(_micros(tuples["first_seen"])).groupby(place).min()),
        last_seen=_instants(pd.Series(_micros(tuples["last_seen"])).groupby(place).max()),
    )
    return rows, _by_day(place, _micros(tuples["day"]) // _DAY, tuples["calls"])


def _by_day(place: Codes, day: Codes, calls: pd.Series[Any]) -> pd.DataFrame:
    of_day, days = pd.factorize(day, sort=True)
    keys, codes = _ordered(place * len(days) + of_day)
    rows, of_day = np.divmod(keys, max(len(days), 1))
    return pd.DataFrame({"tuple": rows, "day": days[of_day], "calls": _summed(codes, calls, len(keys))})


def _ordered(keys: Codes) -> tuple[Codes, Codes]:
    """The distinct keys in order, and the place of each key among them."""
    size = int(keys.max(initial=-1)) + 1
    if size > _MOST_SPREAD * len(keys):
        found, codes = np.unique(keys, return_inverse=True)
        return found, codes.astype(np.int64, copy=False)
    met = np.zeros(size, dtype=bool)
    met[keys] = True
    return np.flatnonzero(met), (np.cumsum(met) - 1)[keys]


def _summed(place: Codes, values: pd.Series[Any], size: int) -> Codes:
    """Whole numbers summed by place; below 2 ** 53 a sum of floats is exact."""
    return np.bincount(place, weights=values.to_numpy(dtype=np.float64), minlength=size).astype(np.int64)


def _micros(moments: pd.Series[Any]) -> Codes:
    found: Codes = moments.dt.as_unit("us").astype("int64").to_numpy(dtype=np.int64)
    return found


def _instants(micros: pd.Series[Any]) -> pd.Series[Any]:
    return pd.to_datetime(micros, unit="us", utc=True).dt.as_unit("us").reset_index(drop=True)


def codes_of(values: pd.Series[Any]) -> Codes:
    """A code for each value; -1 where it is not known."""
    return np.asarray(pd.factorize(values)[0], dtype=np.int64)


def _plain(values: pd.Series[Any]) -> list[Any]:
    found = values.astype("object")
    return found.where(found.notna(), None).tolist()


def _is_iam(rows: pd.DataFrame) -> NDArray[np.bool_]:
    return rows["service"].fillna("").str.startswith("iam").to_numpy(dtype=bool)
