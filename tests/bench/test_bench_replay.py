"""What one edit of a boundary costs over a long history: printed beside call-by-call judging in the same run.

A cube of 1,000,000 Bedrock calls (10,000 distinct), one of 10,000,000 (852,000 rows a day apart), and one of 500,000
distinct tuples because the policy tests the caller's address. Nothing is asserted about time; the last edit of the
first cube is checked against the slow way on a sample of its calls. An edit is timed whole, as it costs the one who
makes it, and in its parts: documents are built of the spec, calls judged by them, outcomes summed by class and by day.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bedrock_guard.account.situation import example_spec
from bedrock_guard.boundary.builder import build
from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.boundary.spec import BoundarySpec, ModelChoice
from bedrock_guard.evidence.cube import Cube
from bedrock_guard.evidence.recorded_calls import call_of
from bedrock_guard.evidence.replay import Documents, Reach
from bedrock_guard.evidence.tables import CALLS
from bedrock_guard.evidence.tuples import KEY

EDITS = 41
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAYS = 90
REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1")
ACCOUNTS = tuple(f"0000000000{n}" for n in range(11, 23))
OPERATIONS = ("Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream")


def tuples(number: int) -> pd.DataFrame:
    """Distinct calls: the columns of a calls table that tell them apart."""
    dice = np.random.default_rng(7)
    models = [m.model_id for m in shipped().models]
    raw = np.array([*models, *(p.profile_id for m in shipped().models for p in m.profiles)])
    seen: dict[tuple[int, ...], None] = {}
    while len(seen) < number:
        width = 2 * number
        drawn = (dice.integers(0, n, width) for n in (len(raw), 12, 60, 4, 4, 3))
        seen.update(dict.fromkeys(zip(*(each.tolist() for each in drawn), strict=True)))
    rows = []
    for model, account, caller, region, operation, kind in list(seen)[:number]:
        resolved = shipped().resolve(str(raw[model]))
        rows.append(
            {
                "account_id": ACCOUNTS[account],
                "principal": f"arn:aws:iam::{ACCOUNTS[account]}:role/app-{caller}",
                "client": ("boto3", "aws-cli", "claude-code")[caller % 3],
                "region": REGIONS[region],
                "key_kind": ("none", "long_term", None)[kind if caller % 10 == 0 else 0],
                "service": "bedrock.amazonaws.com",
                "operation": OPERATIONS[operation],
                "model_raw": str(raw[model]),
                "model": resolved.model_id if resolved else None,
                "route": resolved.route if resolved else None,
                "parameters": f'{{"modelId":"{raw[model]}"}}',
            }
        )
    return pd.DataFrame(rows).astype("string")


def history(distinct: pd.DataFrame, calls: int, addresses: int = 0) -> pd.DataFrame:
    """A calls table of so many calls over 90 days."""
    dice = np.random.default_rng(11)
    place = np.concatenate([np.arange(len(distinct)), dice.integers(0, len(distinct), calls - len(distinct))])
    frame = distinct.iloc[place].reset_index(drop=True)
    seconds = dice.integers(0, DAYS * 86_400, calls)
    told = pd.Series(dice.integers(1, 9_000, calls), dtype="Int64").mask(pd.Series(dice.random(calls) < 0.2))
    ips = dice.integers(0, max(addresses, 1), calls)
    return frame.assign(
        event_time=pd.Timestamp("2026-08-01", tz="UTC") + pd.to_timedelta(seconds, unit="s"),
        input_tokens=told,
        output_tokens=told // 10,
        denied_by=pd.Series(np.where(dice.random(calls) < 0.01, "scp", None), dtype="string"),
        source_ip=pd.Series([f"8.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in ips.tolist()], dtype="string"),
        **{
            name: pd.Series([None] * calls, dtype=dtype)
            for name, dtype in CALLS.columns.items()
            if name not in (*KEY, "event_time", "input_tokens", "output_tokens", "denied_by", "source_ip")
        },
    )


def edits() -> list[BoundarySpec]:
    """Other approved models each time, beside the example's."""
    spec = example_spec()
    name, profile = spec.only(None)
    profile = profile.model_copy(update={"accounts": ACCOUNTS, "regions": ("us-east-1", "us-west-2")})
    extra = [m for m in shipped().models if m.model_id not in {c.id for c in profile.models}]
    found = []
    dice = random.Random(5)
    for _ in range(EDITS):
        taken = dice.sample(extra, dice.randrange(1, 8))
        more = tuple(ModelChoice(id=m.model_id, routes=("in-region",)) for m in taken)
        changed = profile.model_copy(update={"models": (*profile.models, *more)})
        found.append(spec.model_copy(update={"profile": {name: changed}}))
    return found


@dataclass(frozen=True)
class Took:
    """Milliseconds by the wall's clock and by the processor's, which a busy machine lengthens less."""

    wall: float
    cpu: float


def timed(work: Callable[[], Any]) -> tuple[Took, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return Took((time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3), found


def line(name: str, took: Sequence[Took]) -> str:
    words = []
    for clock in ("wall", "cpu"):
        first, *later = (getattr(one, clock) for one in took)
        p95 = statistics.quantiles(later, n=20)[-1]
        words.append(
            f"{clock}: first {first:.1f} ms, then median {statistics.median(later):.1f} ms, p95 {p95:.1f} ms"
        )
    return f"{name:<40} {'; '.join(words)}"


@dataclass(frozen=True)
class Edit:
    """What each part of an edit took."""

    documents: Took
    judging: Took
    summing: Took

    @property
    def judged(self) -> Took:
        """Judging and summing."""
        return Took(self.judging.wall + self.summing.wall, self.judging.cpu + self.summing.cpu)

    @property
    def whole(self) -> Took:
        """All of it."""
        return Took(self.documents.wall + self.judged.wall, self.documents.cpu + self.judged.cpu)


def edited(made: Cube, reaching: Sequence[Callable[[], Any]]) -> tuple[list[Edit], Any]:
    """Every edit, and what the last one gave; the others are let go, as a workbench lets them go."""
    took, judged = [], None
    for make in reaching:
        documents, reach = timed(make)
        judging, judged = timed(lambda reach=reach: made.judge(reach))
        summing, _ = timed(lambda judged=judged: (judged.totals, judged.by_day))
        took.append(Edit(documents, judging, summing))
    return took, judged


def parts(took: Sequence[Edit]) -> str:
    """A line for the whole edit and for each part."""
    named = {
        "edit: documents, judge, totals, daily": [one.whole for one in took],
        "  documents of the spec": [one.documents for one in took],
        "  judge, totals and daily series": [one.judged for one in took],
        "    judge": [one.judging for one in took],
        "    totals and daily series": [one.summing for one in took],
    }
    return "\n".join(line(name, each) for name, each in named.items())


def building(spec: BoundarySpec) -> Callable[[], Reach]:
    return lambda: Reach(build(spec, shipped(), on=NOON.date()), at=NOON)


@pytest.fixture(scope="module")
def million() -> pd.DataFrame:
    return history(tuples(10_000), 1_000_000)


def test_a_million_calls(million: pd.DataFrame, benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    making, made = timed(lambda: Cube.of(million, shipped()))
    specs = edits()
    took, found = edited(made, [building(spec) for spec in specs])
    benchmark.pedantic(lambda: made.judge(building(specs[0])()).by_day, rounds=1)
    sample = found.frame.iloc[:: len(made.rows) // 1_000]
    reach = building(specs[-1])()
    keys = [
        {k: None if pd.isna(v) else str(v) for k, v in row.items()}
        for row in sample[list(KEY)].to_dict("records")
    ]
    slow, alone = timed(lambda: [reach.judge(call_of(row), shipped()) for row in keys])
    assert [one.outcome for one in alone if one] == sample["verdict"].tolist()
    per_call = slow.cpu / len(alone)
    whole, _ = timed(lambda: (found.by_model, found.by_caller, found.by_control))
    with capsys.disabled():
        print(
            f"\ncube of {len(million):,} calls ({len(made.rows):,} distinct, {len(made.daily):,} by day): "
            f"{making.wall / 1e3:.2f} s, {making.cpu / 1e3:.2f} s CPU"
        )
        print(parts(took))
        print(f"by model, caller and control besides: {whole.wall:.1f} ms, {whole.cpu:.1f} ms CPU")
        edit = statistics.median(one.judged.cpu for one in took[1:])
        print(
            f"call by call: {per_call * 1e3:.0f} us a distinct call, so "
            f"{per_call * len(made.rows) / edit:,.0f} x as long over the distinct calls, "
            f"{per_call * len(million) / edit:,.0f} x over all"
        )
        print(found.totals)


def test_ten_million_calls(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    distinct = tuples(10_000)
    dice = np.random.default_rng(3)
    whole = distinct.loc[np.repeat(np.arange(len(distinct)), DAYS)].reset_index(drop=True)
    day = np.tile(np.arange(DAYS), len(distinct))
    moment = pd.Timestamp("2026-08-01", tz="UTC") + pd.to_timedelta(day, unit="D")
    calls = pd.Series(dice.poisson(10_000_000 / len(whole), len(whole)), dtype="Int64")
    frame = whole.assign(
        already_denied=pd.Series(False, index=whole.index, dtype="boolean"),
        day=moment,
        calls=calls,
        input_tokens=calls * 900,
        output_tokens=calls * 90,
        untold=calls * 0,
        failed=calls * 0,
        first_seen=moment,
        last_seen=moment,
    )
    frame = frame[frame["calls"] > 0].reset_index(drop=True)
    making, made = timed(lambda: Cube.of(frame, shipped()))
    reaching = [building(spec) for spec in edits()]
    took, found = edited(made, reaching)
    benchmark.pedantic(lambda: made.judge(reaching[0]()).by_day, rounds=1)
    with capsys.disabled():
        print(
            f"\ncube of {found.totals['calls']:,} calls, counted before ({len(made.daily):,} by day): "
            f"{making.wall / 1e3:.2f} s, {making.cpu / 1e3:.2f} s CPU"
        )
        print(parts(took))


def test_half_a_million_tuples(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    calls = history(tuples(10_000), 600_000, addresses=65_536)
    made = Cube.of(calls, shipped(), by=("source_ip",))

    def policy(number: int) -> Documents:
        deny = {
            "Effect": "Deny",
            "Action": "bedrock:*",
            "Resource": "*",
            "Condition": {"NotIpAddress": {"aws:SourceIp": [f"8.0.{number}.0/18", "8.1.0.0/16"]}},
        }
        models = {
            "Effect": "Deny",
            "Action": ["bedrock:InvokeModel*"],
            "NotResource": [
                "arn:aws:bedrock:*::foundation-model/anthropic.claude-haiku*",
                "arn:aws:bedrock:*:*:inference-profile/us.*",
            ],
        }
        allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        return Documents(boundary={"Version": "2012-10-17", "Statement": [allow, deny, models]})

    took, _ = edited(made, [lambda n=n: policy(n) for n in range(EDITS)])
    benchmark.pedantic(lambda: made.judge(policy(0)).by_day, rounds=1)
    with capsys.disabled():
        print(f"\n{len(made.rows):,} tuples, addresses among them")
        print(parts(took))
