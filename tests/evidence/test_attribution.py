"""Dollars by caller: exact sums, no dollar guessed, and every reason why one has no caller."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.evidence.attribution import attribute
from bedrock_guard.evidence.spend import classify_bill
from bedrock_guard.evidence.tables import BILL, CALLS, Provenance, total
from bedrock_guard.evidence.token_counts import TOKENS, joined, of_calls, of_logs, without_session

HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
SERVICE = "Claude Haiku 4.5 (Amazon Bedrock Edition)"
APP = "arn:aws:iam::000000000011:role/App"
ETL = "arn:aws:iam::000000000011:role/Etl"
DAY = "2026-10-02"


def line(kind: str, cost: str, quantity: str | None, **more: Any) -> dict[str, Any]:
    base = {
        "day": DAY,
        "account_id": "000000000011",
        "region": "us-east-1",
        "service": SERVICE,
        "usage_type": f"USE1-MP:USE1_{kind}-Units",
        "record_type": "Usage",
        "quantity": None if quantity is None else Decimal(quantity),
        "cost": Decimal(cost),
        "currency": "USD",
    }
    return base | more


def bill(*lines: dict[str, Any]) -> pd.DataFrame:
    return classify_bill(BILL.frame(lines))


def call(principal: str | None = APP, **more: Any) -> dict[str, Any]:
    base = {
        "request_id": f"r{id(more)}",
        "event_time": f"{DAY}T10:00:00Z",
        "account_id": "000000000011",
        "region": "us-east-1",
        "principal": principal,
        "model": HAIKU,
        "route": "geo",
        "source": "log",
    }
    return base | more


def tokens(*calls: dict[str, Any]) -> pd.DataFrame:
    return TOKENS.frame(calls, Provenance("test"))


def by_caller(found: Any) -> dict[str | None, Decimal]:
    return dict(zip(found.by_caller()["principal"], found.by_caller()["cost"], strict=True))


def test_dollars_follow_tokens_of_their_kind_and_the_rest_stays():
    found = attribute(
        bill(line("InputTokenCount", "10", "10"), line("CacheReadInputTokenCount", "1", "10")),
        tokens(
            call(APP, input_tokens=4_000_000, cache_read_tokens=10_000_000),
            call(ETL, input_tokens=1_000_000),
        ),
    )
    assert by_caller(found) == {APP: Decimal(5), ETL: Decimal(1), None: Decimal(5)}
    assert (found.whole, found.attributed) == (Decimal(11), Decimal(6))
    assert found.by_model()["why"].tolist() == [("no call was seen that took these tokens",)]


def test_callers_stand_dearest_first_and_what_nobody_is_known_for_last():
    found = attribute(
        bill(line("InputTokenCount", "10", "10")),
        tokens(call(APP, input_tokens=1_000_000), call(ETL, input_tokens=3_000_000)),
    )
    table = found.by_caller()
    assert list(table["principal"]) == [ETL, APP, None]
    assert list(table["cost"]) == [Decimal(3), Decimal(1), Decimal(6)]


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"event_time": "2026-10-03T00:00:00Z"},
        {"event_time": "2026-10-01T23:59:59Z"},
        {"region": "us-west-2"},
        {"account_id": "000000000012"},
        {"model": "anthropic.claude-opus-5"},
        {"route": "global"},
        {"route": None},
        {"principal": None},
    ],
)
def test_no_dollar_goes_to_tokens_of_another_place_day_model_or_lane(elsewhere):
    found = attribute(
        bill(line("InputTokenCount", "10", "10")), tokens(call(**{"input_tokens": 10_000_000} | elsewhere))
    )
    assert by_caller(found) == {None: Decimal(10)}


def test_a_callers_dollars_are_those_of_the_tier_it_asked_for():
    found = attribute(
        bill(line("InputTokenCount", "10", "10"), line("InputTokenCount_Flex", "5", "10")),
        tokens(
            call(APP, input_tokens=10_000_000, tier="flex"),
            call(ETL, input_tokens=10_000_000),
            call("arn:aws:iam::000000000011:role/Unit", input_tokens=10_000_000, tier="provisioned"),
        ),
    )
    assert by_caller(found) == {APP: Decimal(5), ETL: Decimal(10)}
    assert found.excess == {}


def test_a_line_without_a_region_moves_no_dollar_from_one_region_to_another():
    west = line(
        "InputTokenCount", "4", "10", region="us-west-2", usage_type="USW2-MP:USW2_InputTokenCount-Units"
    )
    nowhere = line("x", "3", "1", region=None, service="Amazon Bedrock", usage_type="quanta-consumed")
    lines = (line("InputTokenCount", "10", "10"), west, nowhere)
    found = attribute(bill(*lines), tokens(call(APP, input_tokens=10_000_000, region="us-west-2")))
    assert by_caller(found) == {APP: Decimal(4), None: Decimal(13)}


def test_more_tokens_than_were_billed_share_the_bill_and_are_said():
    found = attribute(
        bill(line("OutputTokenCount", "9", "3")),
        tokens(call(APP, output_tokens=4_000_000), call(ETL, output_tokens=2_000_000)),
    )
    assert by_caller(found) == {APP: Decimal(6), ETL: Decimal(3)}
    assert found.excess == {"output_tokens": 3_000_000}


def test_cache_writes_of_both_lifetimes_share_one_counter():
    found = attribute(
        bill(line("CacheWriteInputTokenCount", "4", "3"), line("CacheWrite1hInputTokenCount", "2", "1")),
        tokens(call(cache_write_tokens=2_000_000)),
    )
    assert by_caller(found) == {APP: Decimal(3), None: Decimal(3)}


def test_what_no_call_counts_is_unattributed_with_its_reason():
    found = attribute(
        bill(
            line("InputTokenCount_Batch", "1", "1"),
            line("InputImageCount", "2", "1"),
            line("ProvisionedThroughput_1MonthCommit_ModelUnits_Usage", "3", "1"),
            line(
                "x", "4", "1", service="Amazon Bedrock", usage_type="USE1-Guardrail-TopicPolicyUnitsConsumed"
            ),
            line("Quantum", "5", "1"),
            line("InputTokenCount", "6", None),
            line("InputTokenCount", "7", "1", record_type="Credit"),
        ),
        tokens(call(input_tokens=5_000_000)),
    )
    assert by_caller(found) == {None: Decimal(21)}
    assert set(found.lines["why"]) == {
        "batch jobs: no call counts their tokens",
        "image: no source counts it by caller",
        "provisioned throughput: paid by the hour, and several callers share it or none was seen",
        "guardrails, agents and other features: no source counts them by caller",
        "the line names no model",
        "the bill counts no tokens here",
    }


def test_a_negative_line_is_not_turned_into_a_callers_gain():
    found = attribute(bill(line("InputTokenCount", "-3", "-3")), tokens(call(input_tokens=5)))
    assert by_caller(found) == {None: Decimal(-3)}


def test_a_bill_of_months_is_matched_without_days_and_one_without_accounts_without_them():
    monthly = bill(line("InputTokenCount", "10", "10", day="2026-10-01", account_id=None))
    found = attribute(monthly, tokens(call(input_tokens=5_000_000)), by_day=False)
    assert by_caller(found) == {APP: Decimal(5), None: Decimal(5)}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-500, 10**9), st.integers(0, 10**7)), min_size=1, max_size=6),
    st.lists(st.integers(0, 10**9), max_size=7),
)
def test_callers_and_rest_add_up_to_the_bill_to_the_last_digit(lines, counts):
    frame = bill(*(line("InputTokenCount", f"{cost}e-7", f"{q}e-3") for cost, q in lines))
    callers = [call(f"{APP}{n}", input_tokens=count) for n, count in enumerate(counts)]
    found = attribute(frame, tokens(*callers))
    assert total(found.lines["cost"]) == total(frame["cost"])
    assert total(found.by_model()["cost"]) == total(found.by_caller()["cost"]) == total(frame["cost"])
    assert all(0 <= abs(part) <= abs(found.whole) for part in found.lines["cost"])


RECORD = {
    "schemaType": "ModelInvocationLog",
    "schemaVersion": "1.0",
    "timestamp": "2026-10-02T09:14:07Z",
    "accountId": "111122223333",
    "identity": {"arn": "arn:aws:sts::111122223333:assumed-role/ChatApp/session-1"},
    "region": "us-east-1",
    "requestId": "0d6cdf9c-0000-4000-a000-000000000001",
    "operation": "Converse",
    "modelId": "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "input": {
        "inputBodyJson": {"messages": [{"content": [{"text": "the secret plan"}]}]},
        "inputTokenCount": 35,
        "cacheReadInputTokenCount": 1200,
        "cacheWriteInputTokenCount": 0,
    },
    "output": {"outputBodyJson": {"text": "the secret answer"}, "outputTokenCount": 446},
    "requestMetadata": {"note": "the secret note"},
}


def test_a_log_record_keeps_counters_and_no_word_of_a_body():
    frame, foreign = of_logs([RECORD, {"eventName": "x"}, 7, None], shipped())
    assert foreign == 3
    row = frame.iloc[0]
    assert [
        row[name] for name in ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    ] == [
        35,
        446,
        1200,
        0,
    ]
    assert (row["model"], row["route"], row["principal"], row["session"]) == (
        HAIKU,
        "geo",
        "arn:aws:iam::111122223333:role/ChatApp",
        "session-1",
    )
    assert row["event_time"] == datetime(2026, 10, 2, 9, 14, 7, tzinfo=UTC)
    assert "secret" not in frame.to_csv()


@pytest.mark.parametrize("value", [None, "x", -1, 1.5, True, [], {}, "9" * 40])
def test_a_counter_that_is_none_is_unknown(value):
    record = RECORD | {"input": {"inputTokenCount": value}, "output": value}
    frame, _ = of_logs([record], shipped())
    assert frame["input_tokens"].isna().all()
    assert frame["output_tokens"].isna().all()


def test_an_application_profile_is_known_by_what_it_was_made_from():
    arn = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc123def456"
    frame, _ = of_logs([RECORD | {"modelId": arn}], shipped(), {arn: f"global.{HAIKU}"})
    assert (frame.iloc[0]["model"], frame.iloc[0]["route"]) == (HAIKU, "global")


def test_the_tier_of_a_logged_call_is_taken_from_its_record():
    logs = tokens(call(request_id="r1", tier=None), call(request_id="r2", tier=None))
    record = {"request_id": "r1", "operation": "Converse", "parameters": '{"serviceTier":{"type":"flex"}}'}
    calls = CALLS.frame([call(**record)], Provenance("test")).assign(request_id="r1")
    assert joined(logs, of_calls(calls))["tier"].fillna("").tolist() == ["flex", ""]


def test_a_call_in_both_sources_counts_once_and_takes_the_principal_with_its_path():
    logs, _ = of_logs([RECORD], shipped(), provenance=Provenance("logs"))
    full = "arn:aws:iam::111122223333:role/team/ChatApp"
    row = {
        "event_time": "2026-10-02T09:14:07Z",
        "account_id": "111122223333",
        "region": "us-east-1",
        "principal": full,
        "operation": "Converse",
        "model": HAIKU,
        "route": "geo",
        "input_tokens": 35,
        "output_tokens": 446,
    }
    ids = [RECORD["requestId"], "other", None, "denied"]
    calls = CALLS.frame([row, row, row, row | {"error_code": "AccessDenied"}]).assign(
        request_id=pd.array(ids, dtype="string")
    )
    calls.attrs["provenance"] = Provenance("trail")
    whole = joined(logs, of_calls(calls))
    assert whole["source"].tolist() == ["log", "CloudTrail", "CloudTrail"]
    assert whole["principal"].tolist() == [full] * 3
    assert whole.loc[whole["source"] == "CloudTrail", "cache_read_tokens"].isna().all()


@pytest.mark.parametrize(
    ("arn", "principal"),
    [
        ("arn:aws:sts::000000000011:federated-user/bob", "arn:aws:sts::000000000011:federated-user/bob"),
        ("arn:aws:iam::000000000011:user/bob", "arn:aws:iam::000000000011:user/bob"),
        ("not an arn", "not an arn"),
        (None, None),
    ],
)
def test_a_principal_without_its_session(arn, principal):
    assert without_session(arn)[0] == principal
