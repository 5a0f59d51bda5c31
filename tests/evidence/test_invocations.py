"""The tier of a call, in the words of the bill, in every form in which a record tells it."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from bedrock_guard.evidence.invocations import tier_of, tiers
from bedrock_guard.evidence.records import read_items

OWN = "arn:aws:bedrock:us-east-1:111122223333"


@pytest.mark.parametrize(
    ("parameters", "tier"),
    [
        ({}, "standard"),
        ({"serviceTier": {"type": "flex"}}, "flex"),
        ({"serviceTier": "priority"}, "priority"),
        ({"serviceTier": {"type": "default"}}, "standard"),
        ({"service_tier": "flex"}, "flex"),
        ({"performanceConfigLatency": "optimized"}, "latency_optimized"),
        ({"performanceConfig": {"latency": "optimized"}}, "latency_optimized"),
        ({"performanceConfig": {"latency": "standard"}}, "standard"),
        ({"serviceTier": ["flex"]}, "standard"),
        ({"modelId": f"{OWN}:provisioned-model/abc", "serviceTier": {"type": "flex"}}, "provisioned"),
        ({"modelId": f"{OWN}:custom-model-deployment/abc"}, "custom"),
        ({"modelId": f"{OWN}:imported-model/abc"}, "custom"),
        ({"modelId": f"{OWN}:application-inference-profile/abc"}, "standard"),
    ],
)
def test_a_tier_is_read_wherever_a_record_tells_it(parameters: dict[str, Any], tier: str) -> None:
    record = {
        "eventSource": "bedrock.amazonaws.com",
        "eventName": "Converse",
        "eventTime": "2026-10-01T00:00:00Z",
        "requestParameters": {"modelId": "amazon.nova-lite-v1:0"} | parameters,
    }
    columns = read_items([record])[1].columns
    assert tier_of(columns["parameters"][0], columns["model_raw"][0]) == tier


def test_many_calls_have_the_tiers_that_each_has() -> None:
    flex = json.dumps({"serviceTier": {"type": "flex"}})
    calls = pd.DataFrame(
        {"parameters": [flex, None, flex], "model_raw": [None, "m", f"{OWN}:provisioned-model/a"]}
    )
    assert tiers(calls).tolist() == ["flex", "standard", "provisioned"]
    assert tiers(calls.astype("category")).tolist() == ["flex", "standard", "provisioned"]
    assert tiers(calls.iloc[:0]).tolist() == []
