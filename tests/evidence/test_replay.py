"""Replay against an oracle: every distinct call judged alone must give what the cube gives."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pandas as pd
import pytest

from bedrock_guard.account.situation import example_spec
from bedrock_guard.boundary.builder import Built, build
from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.boundary.verdict import Judge
from bedrock_guard.evidence.impact import Probe
from bedrock_guard.evidence.probes import Prober
from bedrock_guard.evidence.recorded_calls import call_of
from bedrock_guard.evidence.replay import KEY, Reach, cube, decide
from bedrock_guard.evidence.tables import CALLS, MissingColumns

HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def built() -> Built:
    return build(example_spec(), on=NOON.date())


def call(
    model: str, *, account: str = "000000000011", region: str = "us-east-1", **more: object
) -> dict[str, object]:
    base = {
        "event_id": "e",
        "event_time": NOON,
        "account_id": account,
        "region": region,
        "principal": f"arn:aws:iam::{account}:role/app",
        "client": "boto3",
        "key_kind": "none",
        "service": "bedrock.amazonaws.com",
        "operation": "Converse",
        "model_raw": model,
        "parameters": json.dumps({"modelId": model}),
        "input_tokens": 5,
        "output_tokens": 7,
    }
    return base | more


def verdicts(rows: list[dict[str, object]], reach: Reach) -> list[str]:
    made = cube(CALLS.frame(rows), shipped())
    return [str(v) for v in decide(made, reach)["verdict"]]


def test_the_approved_way_goes_and_every_other_is_refused(built: Built) -> None:
    reach = Reach(built, at=NOON)
    assert verdicts([call(f"us.{HAIKU}")], reach) == ["allowed"]
    for way in (HAIKU, f"global.{HAIKU}", f"eu.{HAIKU}", "anthropic.claude-opus-4-8"):
        assert verdicts([call(way)], reach) == ["refused"], way
    assert verdicts([call(f"us.{HAIKU}", region="us-east-2")], reach) == ["refused"]


def test_an_account_that_the_profile_does_not_name_is_out_of_reach(built: Built) -> None:
    assert verdicts([call("anthropic.claude-opus-4-8", account="123456789012")], Reach(built, at=NOON)) == [
        "allowed"
    ]


def test_a_key_of_unknown_kind_is_never_counted_as_allowed(built: Built) -> None:
    reach = Reach(built, at=NOON)
    assert verdicts([call(f"us.{HAIKU}", key_kind="long_term")], reach) == ["refused"]
    assert verdicts([call(f"us.{HAIKU}", key_kind=None)], reach) == ["depends"]


def test_counts_are_kept_and_denied_calls_told_apart(built: Built) -> None:
    rows = [
        call(f"us.{HAIKU}", event_id="1"),
        call(f"us.{HAIKU}", event_id="2"),
        call(f"us.{HAIKU}", event_id="3", denied_by="scp", error_code="AccessDenied"),
        call("amazon.nova-lite-v1:0", event_id="4", input_tokens=None),
    ]
    made = cube(CALLS.frame(rows), shipped())
    assert int(made.rows["calls"].sum()) == 4
    assert int(made.rows.loc[made.rows["already_denied"], "calls"].sum()) == 1
    lite = made.rows[made.rows["model_raw"] == "amazon.nova-lite-v1:0"].iloc[0]
    assert pd.isna(lite["tokens"])
    assert lite["untold"] == 1
    assert set(made.rows.loc[made.rows["model_raw"] == f"us.{HAIKU}", "tokens"]) == {24, 12}


def test_the_cube_decides_as_one_call_after_another(built: Built) -> None:
    models = [m.model_id for m in shipped().models[:12]] + [
        p.profile_id for m in shipped().models for p in m.profiles
    ][:25]
    rows = [
        call(model, event_id=f"{n}-{region}-{kind}", region=region, key_kind=kind)
        for n, model in enumerate(models)
        for region in ("us-east-1", "eu-central-1")
        for kind in ("none", "short_term")
    ]
    frame = CALLS.frame(rows)
    decided = decide(cube(frame, shipped()), Reach(built))
    judge = Judge(built)
    for row in decided[[*KEY, "verdict", "control"]].to_dict("records"):
        text = {k: None if pd.isna(v) else str(v) for k, v in row.items()}
        alone = judge.call(call_of(text), shipped())
        assert (alone.outcome, alone.control) == (text["verdict"], text["control"])


def test_the_management_account_is_not_bound_by_scps() -> None:
    scp_only = example_spec().model_copy(
        update={
            "profile": {
                "analysts": example_spec()
                .profile["analysts"]
                .model_copy(update={"documents": ("scp",), "scp_holds": "everything"})
            }
        }
    )
    built = build(scp_only, on=NOON.date())
    opus = call("anthropic.claude-opus-4-8", account="111122223333")
    assert verdicts([opus], Reach(built, at=NOON)) == ["refused"]
    assert verdicts([opus], Reach(built, management="111122223333", at=NOON)) == ["allowed"]


def test_a_frame_that_is_no_calls_table_is_refused() -> None:
    with pytest.raises(MissingColumns):
        cube(pd.DataFrame({"model": []}), shipped())


@pytest.mark.parametrize(
    ("bucket", "model", "route", "region", "tier", "verdict"),
    [
        ("model", HAIKU, "regional", "us-east-1", "standard", "allowed"),
        ("model", HAIKU, "regional", "eu-central-1", "standard", "refused"),
        ("model", HAIKU, "global", "us-east-1", "standard", "refused"),
        ("model", HAIKU, "regional", "us-east-1", "batch", "refused"),
        ("model", "anthropic.claude-opus-4-8", "regional", "us-east-1", "standard", "refused"),
        ("commitment", HAIKU, None, "us-east-1", "provisioned", "refused"),
        ("commitment", HAIKU, "geo", "us-east-1", "reserved", "refused"),
        ("model", HAIKU, "regional", "us-east-1", "flex", "allowed"),
        ("model", HAIKU, "regional", "us-east-1", "priority", "refused"),
        ("customization", None, None, "us-east-1", None, "refused"),
        ("model", "nobody.knows-this", "regional", "us-east-1", "standard", "unknown"),
    ],
)
def test_a_billed_line_is_probed_by_the_calls_it_can_have_come_from(
    built: Built,
    bucket: str,
    model: str | None,
    route: str | None,
    region: str,
    tier: str | None,
    verdict: str,
) -> None:
    prober = Prober(Reach(built, at=NOON), shipped())
    assert prober.verdict(Probe(bucket, "000000000012", region, model, route, tier)) == verdict


def test_reserved_capacity_is_stranded_by_the_tiers_and_kept_where_the_tier_is(built: Built) -> None:
    line = Probe("commitment", "000000000012", "us-east-1", HAIKU, "geo", "reserved")
    assert Prober(Reach(built, at=NOON), shipped()).control(line) == "service_tiers"
    kept = example_spec().with_controls(service_tiers=("default", "reserved"))
    assert Prober(Reach(build(kept, on=NOON.date()), at=NOON), shipped()).verdict(line) == "allowed"
