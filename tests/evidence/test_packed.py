"""Calls with their texts as categories say what plain calls say."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from bedrock_guard.evidence.finding import Evidence, Thresholds
from bedrock_guard.evidence.findings import find
from bedrock_guard.evidence.key_use import key_use, short_term_sessions, summed
from bedrock_guard.evidence.packed import REPEATED, packed, unpacked
from bedrock_guard.evidence.questions import Case, answers
from bedrock_guard.evidence.rules_use import _different, _longest, _within, network_of, networks_of
from bedrock_guard.evidence.tables import PRICES, Provenance
from bedrock_guard.evidence.usage import TRAIL

NOW = datetime(2026, 10, 1, tzinfo=UTC)
LIMITS = Thresholds(baseline_calls=3, baseline_days=2, burst_calls=5, probe_calls=2)


def calls(seed: int, rows: int = 600) -> pd.DataFrame:
    dice = random.Random(seed)
    some = {
        "account_id": ["111122223333"],
        "region": ["us-east-1", "us-west-2", "eu-west-1", None],
        "principal": ["arn:aws:iam::111122223333:user/ana", "arn:aws:iam::111122223333:role/r", None],
        "session": ["s1", None],
        "access_key_id": ["AKIA1", "ASIA2", None],
        "key_kind": ["none", "long_term", "short_term", "unknown"],
        "client": ["boto3", "aiohttp", None],
        "source_ip": ["203.0.113.7", "203.0.113.9", "198.51.100.1", "ec2.amazonaws.com", None],
        "service": ["bedrock.amazonaws.com", "iam.amazonaws.com", "bedrock-mantle.amazonaws.com", None],
        "operation": [
            *("InvokeModel", "Converse", "ListFoundationModels", "GetInferenceProfile"),
            *("CreateServiceSpecificCredential", "DeleteGuardrail", None),
        ],
        "model": ["m1", "m1", "m2", None],
        "route": ["global", "in_region", None],
        "error_code": [None, None, "AccessDenied", "ValidationException"],
        "denied_by": [None, None, "scp"],
        "invoked_by": [None, None, "lambda.amazonaws.com"],
        "input_tokens": [None, 7, 11],
        "output_tokens": [None, 5],
    }
    listed = [
        {name: dice.choice(values) for name, values in some.items()}
        | {"event_id": f"e{number}", "event_time": NOW - timedelta(minutes=dice.randrange(20_000))}
        for number in range(rows)
    ]
    proof = Provenance("test", NOW - timedelta(days=30), NOW)
    return TRAIL.frame(sorted(listed, key=lambda row: str(row["event_time"])), proof)


@pytest.mark.parametrize("seed", range(6))
def test_rules_and_questions_do_not_see_the_packing(seed: int) -> None:
    plain = calls(seed)
    cases = [Case(Evidence(one, NOW), UTC) for one in (plain, packed(plain))]
    found = [find(case.evidence, LIMITS) for case in cases]
    assert found[0]
    assert found[0] == found[1]
    told = [answers(case, findings) for case, findings in zip(cases, found, strict=True)]
    for one, other in zip(*told, strict=True):
        assert (one.answer, one.evidence, one.why) == (other.answer, other.evidence, other.why)
        assert (one.table is None) == (other.table is None)
        if one.table is not None and other.table is not None:
            assert one.table.astype(str).values.tolist() == other.table.astype(str).values.tolist()


@pytest.mark.parametrize("seed", range(6))
def test_alike_calls_summed_first_make_the_same_summary(seed: int) -> None:
    plain = calls(seed)
    prices = PRICES.frame(
        {
            "model": "m1",
            "region": region,
            "route": route,
            "token_kind": kind,
            "tier": "standard",
            "usd_per_unit": Decimal(3),
            "unit_tokens": 1000,
        }
        for region in ("us-east-1", "us-west-2")
        for route in ("global", "in_region")
        for kind in ("input", "output")
    )
    alike = summed(packed(plain))
    assert int(alike["calls"].sum()) == len(plain)
    for summary in (key_use, short_term_sessions):
        by_row, by_sum = summary(plain, prices), summary(alike, prices)
        pd.testing.assert_frame_equal(by_row, by_sum)
    assert key_use(alike, prices)["usd_at_least"].notna().any()
    keyed = plain[plain["key_kind"] == "long_term"]
    for row in key_use(alike).to_dict("records"):
        if row["key_kind"] == "long_term":
            same = (
                keyed["principal"].isna()
                if pd.isna(row["principal"])
                else keyed["principal"] == row["principal"]
            )
            own = keyed[same.fillna(value=False)]
            assert row["calls"] == len(own)
            assert row["refused"] == own["denied_by"].notna().sum()
            assert row["failed"] == (own["error_code"].notna() & own["denied_by"].isna()).sum()
            assert row["networks"] == {str(k): int(v) for k, v in own["source_ip"].value_counts().items()}
            assert (row["first_seen"], row["last_seen"]) == (own["event_time"].min(), own["event_time"].max())


def test_packing_loses_nothing_and_sorts_its_categories() -> None:
    plain = calls(1)
    tight = packed(plain)
    assert all(tight[name].cat.categories.is_monotonic_increasing for name in REPEATED)
    assert tight.attrs == plain.attrs
    pd.testing.assert_frame_equal(unpacked(tight), plain)
    pd.testing.assert_frame_equal(packed(tight), tight)


@pytest.mark.parametrize("seed", range(20))
def test_stretches_are_counted_as_by_hand(seed: int) -> None:
    dice = random.Random(seed)
    size = dice.randrange(1, 40)
    values = pd.Series([dice.choice("abcd") for _ in range(size)])
    ends = np.maximum.accumulate([dice.randrange(place + 1, size + 1) for place in range(size)])
    different = _different(values, ends)
    assert different.tolist() == [len(set(values[i:end])) for i, end in enumerate(ends)]
    inside = {row for i, end in enumerate(ends) if different[i] >= 3 for row in range(i, end)}
    assert set(np.flatnonzero(_within(different >= 3, ends))) == inside
    assert _longest(ends) == max(range(size), key=lambda i: ends[i] - i)


def test_networks_of_many_addresses_are_those_of_each() -> None:
    addresses = calls(2)["source_ip"]
    for held in (addresses, addresses.astype("category")):
        found = networks_of(held).astype("object")
        assert found.where(found.notna(), None).tolist() == [network_of(one) for one in addresses]
