"""The one plan that calls and bill are made from: how much of each workload happened on each day.

Calls (`calls.py`) and bill lines (`bill.py`) are written by separate code and share nothing but this plan, so
that they agree because both are true and not because one was copied from the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from bedrock_guard.demo.company.clock import NOW, dice, history_days, open_seconds
from bedrock_guard.demo.company.prices import KINDS, Kind
from bedrock_guard.demo.company.workloads import WORKLOADS, Workload

FULL_RATE = 20_000 / 90
"""Calls a day at which a call has the token counts of its workload; more calls make smaller calls."""

_BATCH_WEEKDAYS = (0, 3)
_WEEKEND = {"office": 0.06, "always": 0.55, "night": 0.8}


@dataclass(frozen=True, slots=True)
class Volume:
    """What one workload did on one UTC day.

    Args:
        workload: the workload.
        day: the UTC day.
        window: the seconds of the day in which it happened, end exclusive.
        calls: number of calls, or of jobs for a batch workload.
        tokens: tokens in all, by kind in the order of `prices.KINDS`.
    """

    workload: Workload
    day: date
    window: tuple[int, int]
    calls: int
    tokens: tuple[int, int, int, int, int]

    def of(self, kind: Kind) -> int:
        """Tokens of one kind."""
        return self.tokens[KINDS.index(kind)]


@dataclass(frozen=True, slots=True)
class Plan:
    """The company's volumes, in order of day.

    Example:
        >>> plan = make_plan(seed=7, days=90, accounts=3, calls=1_000)
        >>> sum(volume.calls for volume in plan.recorded())
        1000
    """

    seed: int
    days: int
    accounts: tuple[str, ...]
    volumes: tuple[Volume, ...] = field(repr=False)

    def recorded(self) -> Iterator[Volume]:
        """The volumes whose model calls are management events, hence in Event history."""
        return (v for v in self.volumes if v.workload.endpoint in ("runtime", "provisioned"))

    def account(self, index: int) -> str:
        """The account a caller of home `index` lives in; the last one where the company is smaller."""
        return self.accounts[min(index, len(self.accounts) - 1)]


def account_ids(count: int) -> tuple[str, ...]:
    """The management account and `count - 1` members.

    Example:
        >>> account_ids(3)
        ('111122223333', '000000000011', '000000000012')
    """
    return ("111122223333", *(f"{number:012d}" for number in range(11, 10 + count)))


def make_plan(seed: int, days: int, accounts: int, calls: int) -> Plan:
    """The plan for a history of `days` days with exactly `calls` recorded model calls."""
    cells = [(w, day, _intensity(w, day, days)) for day in history_days(days) for w in WORKLOADS]
    counts = _counts(cells, calls)
    scale = min(1.0, FULL_RATE * days / max(calls, 1))
    rng = dice(seed, "plan")
    volumes = [
        _volume(workload, day, days, count, scale, rng.uniform(0.92, 1.08))
        for (workload, day, _), count in zip(cells, counts, strict=True)
        if count
    ]
    return Plan(seed, days, account_ids(accounts), tuple(volumes))


def _intensity(workload: Workload, day: date, days: int) -> float:
    """How much of the workload belongs to the day; 0 for a day it does not happen on."""
    start, end = _window(workload, day, days)
    if end <= start:
        return 0.0
    if workload.endpoint == "batch":
        return float(day.weekday() in _BATCH_WEEKDAYS and start < 21_600 < end)
    part = (end - start) / 86_400
    weekend = _WEEKEND[workload.rhythm] if day.weekday() >= 5 and workload.active is None else 1.0
    age = max(0.0, min(1.0, 1 - (NOW.date() - day).days / 90))
    span = 1.0 if workload.active is None or workload.active[1] == 0 else _burst(workload)
    return float(workload.share * part * weekend * workload.growth**age * span)


def _burst(workload: Workload) -> float:
    """A short-lived workload does all its calls in its few days."""
    first, last = workload.active or (90, 0)
    return 90 / (first - last)


def _window(workload: Workload, day: date, days: int) -> tuple[int, int]:
    """The seconds of `day` inside the history and inside the workload's own life."""
    start, end = open_seconds(day, days)
    if workload.active is None:
        return start, end
    begin = datetime.combine(day, time(), UTC)
    age = (NOW - begin).total_seconds()
    first, last = workload.active
    return max(start, int(age - first * 86_400)), min(end, int(age - last * 86_400))


def _counts(cells: Sequence[tuple[Workload, date, float]], calls: int) -> list[int]:
    """Whole calls per cell: recorded ones add up to `calls`, others follow at the same rate."""
    recorded = [w.endpoint in ("runtime", "provisioned") for w, _, _ in cells]
    total = sum(amount for (_, _, amount), seen in zip(cells, recorded, strict=True) if seen)
    rate = calls / total if total else 0.0
    counts: list[int] = []
    carry = {True: 0.0, False: 0.0}
    for (workload, _, amount), seen in zip(cells, recorded, strict=True):
        if workload.endpoint == "batch" or not amount:
            counts.append(int(amount))
            continue
        exact = amount * rate + carry[seen]
        counts.append(int(exact))
        carry[seen] = exact - counts[-1]
    short = calls - sum(count for count, seen in zip(counts, recorded, strict=True) if seen)
    if short and total:
        largest = max((i for i, seen in enumerate(recorded) if seen), key=lambda i: counts[i])
        counts[largest] += short
    return counts


def _volume(workload: Workload, day: date, days: int, count: int, scale: float, noise: float) -> Volume:
    factor = 1000 * count * noise * (1.0 if workload.endpoint == "batch" else scale)
    tokens = tuple(int(per_call * factor) for per_call in workload.tokens)
    input_, output, read, short, long = tokens
    return Volume(workload, day, _window(workload, day, days), count, (input_, output, read, short, long))
