"""The bill of the demo account adds up; every fault is shown, and nothing is silently zero."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import boto3
import pandas as pd
import pytest
from botocore.stub import Stubber

from bedrock_guard.account.cost_explorer import AnswerCache, CostError, CostExplorer, Window, amounts
from bedrock_guard.account.costs import history_from, plan_requests, read_bill, with_days
from bedrock_guard.account.instances import read_ec2_bill, read_instance_types
from bedrock_guard.account.native_costs import Horizon, read_by_tag, read_forecast, read_native
from bedrock_guard.account.session import Account
from bedrock_guard.demo.clock import DemoClock
from bedrock_guard.demo.faults import Fault
from bedrock_guard.evidence.ec2 import reconcile_ec2
from bedrock_guard.evidence.native import compare_native
from bedrock_guard.evidence.spend import classify_bill, reconcile
from bedrock_guard.evidence.tables import BILL, EC2_BILL, provenance_of, require, total


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    return Account.demo(tmp_path_factory.mktemp("demo") / "state.sqlite", days=60, calls=2_000)


@pytest.fixture
def faulty(account):
    yield account.demo_backend.faults.set
    account.demo_backend.faults.set()


def fresh() -> AnswerCache:
    return AnswerCache()


WEEK = Window(date(2026, 11, 2), date(2026, 11, 16))


def proof(reading):
    return reconcile(classify_bill(reading.frame), reading.control)


# the window and the plan


def test_the_window_ends_the_day_before_yesterday_and_its_end_is_excluded():
    window = Window.last(datetime(2026, 3, 1, 0, 30, tzinfo=UTC), 28)
    assert window.interval == {"Start": "2026-01-31", "End": "2026-02-28"}
    assert window.days == 28
    assert window.previous() == Window(date(2026, 1, 3), date(2026, 1, 31))


@pytest.mark.parametrize(("month", "days"), [(2, 28), (11, 30), (12, 31)])
def test_months(month, days):
    assert Window.month(2026, month).days == days


def test_an_empty_window_is_refused():
    with pytest.raises(CostError):
        Window(date(2026, 11, 2), date(2026, 11, 2))


def test_the_plan_says_the_price_before_and_asks_nothing(account):
    before = account.requests.total("ce")
    plan = plan_requests(WEEK, ["Amazon Bedrock", "Amazon Bedrock Service"])
    assert (plan.requests, plan.cost_usd) == (6, Decimal("0.06"))
    assert "$0.06" in str(plan)
    assert plan_requests(Window.month(2026, 8)).requests == 4
    assert account.requests.total("ce") == before


def test_the_plan_is_what_reading_takes(account):
    reading = read_bill(account, WEEK, cache=fresh())
    native = read_native(account, reading, cache=fresh())
    assert (
        reading.requests + native.attrs["provenance"].requests
        == plan_requests(WEEK, reading.services).requests
    )
    assert reading.cost_usd == reading.requests * Decimal("0.01")


# what is read


@pytest.mark.parametrize("by_account", [True, False])
@pytest.mark.parametrize(
    "window", [None, WEEK, Window(date(2026, 10, 31), date(2026, 11, 2))], ids=["28", "14", "month"]
)
def test_the_demo_bill_adds_up_to_the_last_digit(account, by_account, window):
    reading = read_bill(account, window, by_account=by_account, cache=fresh())
    found = proof(reading)
    assert found.difference == 0
    assert found.withheld == ()
    assert require(reading.frame, BILL)["account_id"].notna().any() == by_account
    assert {"credit", "discount"} <= {
        name for name, count in found.lines.items() if count
    } or window is not None


def test_lines_carry_their_day_account_region_unit_and_what_is_estimated(account):
    frame = read_bill(account, WEEK, cache=fresh()).frame
    usage = frame[frame["record_type"] == "Usage"]
    assert usage["day"].min() == pd.Timestamp("2026-11-02", tz="UTC")
    assert usage["day"].max() == pd.Timestamp("2026-11-15", tz="UTC")
    assert usage["account_id"].notna().all()
    assert usage["region"].notna().mean() > 0.9
    assert set(usage["unit"].dropna()) >= {"1K tokens", "Units"}
    assert usage["estimated"].all()
    assert all(isinstance(cost, Decimal) for cost in usage["cost"])


def test_a_monthly_bill_has_fewer_lines_and_the_same_sum(account):
    window = Window(date(2026, 10, 5), date(2026, 11, 10))
    monthly = read_bill(account, window, granularity="MONTHLY", cache=fresh())
    daily = read_bill(account, window, cache=fresh())
    assert proof(monthly).difference == 0
    assert monthly.control.amount == daily.control.amount
    assert len(monthly.frame) < len(daily.frame) / 10
    assert monthly.frame["day"].dt.strftime("%Y-%m-%d").unique().tolist() == ["2026-10-05", "2026-11-01"]


def test_chosen_usage_of_a_bill_by_month_is_told_by_day_and_stays_by_month_where_that_fails(account, faulty):
    months = read_bill(
        account, Window(date(2026, 10, 5), date(2026, 11, 10)), granularity="MONTHLY", cache=fresh()
    )
    usage = months.frame[months.frame["record_type"] == "Usage"]
    chosen = usage.groupby("usage_type")["cost"].agg(total).idxmax()
    found = with_days(account, months, {chosen})
    days = found[found["usage_type"] == chosen]
    assert days["day"].nunique() > 20
    assert total(days["cost"]) == total(months.frame.loc[months.frame["usage_type"] == chosen, "cost"])
    assert total(found["cost"]) == total(months.frame["cost"])
    rest = months.frame[months.frame["usage_type"] != chosen]
    assert len(found) == len(days) + len(rest)
    faulty(Fault("ce:GetCostAndUsage", "access_denied"))
    other = usage.groupby("usage_type")["cost"].agg(total).idxmin()
    assert with_days(account, months, {other}) is months.frame


def test_the_oldest_day_that_is_kept_by_day_can_be_asked_and_no_older_one(account):
    first = history_from(account.now)
    kept = read_bill(account, Window(first, first + timedelta(days=2)), cache=fresh())
    assert kept.frame.attrs["provenance"].complete
    older = read_bill(account, Window(first - timedelta(days=1), first + timedelta(days=1)), cache=fresh())
    assert older.frame.attrs["provenance"].completeness == "unknown"


def test_a_control_total_of_services_that_may_not_be_all_is_a_floor(account, monkeypatch):
    whole, asked = read_bill(account, WEEK, cache=fresh()), CostExplorer.values

    def some(self, *args, **options):
        found = asked(self, *args, **options)
        return replace(found, provenance=found.provenance.lowered("floor", "a page was lost"))

    monkeypatch.setattr(CostExplorer, "values", some)
    control = read_bill(account, WEEK, cache=fresh()).control
    assert (control.amount, control.provenance.completeness) == (whole.control.amount, "floor")
    assert "a page was lost" in control.provenance.why


def test_asking_again_asks_nothing_and_says_so(account):
    cache = fresh()
    first, before = read_bill(account, WEEK, cache=cache), account.requests.total("ce")
    again = read_bill(account, WEEK, cache=cache)
    assert account.requests.total("ce") == before
    assert (again.requests, again.cost_usd) == (0, 0)
    pd.testing.assert_frame_equal(first.frame, again.frame)


def test_answers_live_in_files_across_sessions_without_tokens_and_only_while_fresh(account, tmp_path):
    first = read_bill(account, WEEK, cache=AnswerCache(tmp_path / "ce"))
    before = account.requests.total("ce")
    again = read_bill(account, WEEK, cache=AnswerCache(tmp_path / "ce"))
    assert account.requests.total("ce") == before
    assert proof(again).difference == 0
    assert len(again.frame) == len(first.frame)
    files = list((tmp_path / "ce").iterdir())
    assert all(file.suffix == ".json" and file.stat().st_mode & 0o077 == 0 for file in files)
    assert not any("NextPageToken" in file.read_text() for file in files)
    for file in files:
        file.write_text(file.read_text().replace('"asked_at": "2026', '"asked_at": "2025'))
    read_bill(account, WEEK, cache=AnswerCache(tmp_path / "ce"))
    assert account.requests.total("ce") > before


def test_a_broken_file_is_no_answer(account, tmp_path):
    read_bill(account, WEEK, cache=AnswerCache(tmp_path))
    for file in tmp_path.iterdir():
        file.write_text("{")
    assert proof(read_bill(account, WEEK, cache=AnswerCache(tmp_path))).difference == 0


def test_the_native_way_and_the_parsed_way_agree_in_sum(account):
    reading = read_bill(account, WEEK, cache=fresh())
    native = read_native(account, reading, cache=fresh())
    compared = compare_native(classify_bill(reading.frame), native)
    assert total(compared["difference"]) == 0
    by_model = compared.set_index("model")
    assert by_model.loc["anthropic.claude-opus-4-8", "difference"] == 0
    assert by_model.loc["anthropic.claude-opus-4-8", "native_names"] == "Claude Opus 4.8"
    assert by_model.loc["openai.gpt-oss-120b-1:0", "difference"] == 0


def test_before_september_2026_the_native_way_is_unknown_and_not_asked(account):
    reading = read_bill(account, Window.month(2026, 11), cache=fresh())
    object.__setattr__(reading, "window", Window.month(2026, 8))
    before = account.requests.total("ce")
    native = read_native(account, reading, cache=fresh())
    assert (len(native), account.requests.total("ce")) == (0, before)
    assert native.attrs["provenance"].completeness == "unknown"


def test_spend_by_tag_keeps_the_untagged_and_adds_up(account):
    reading = read_bill(account, WEEK, cache=fresh())
    tagged = read_by_tag(account, reading, cache=fresh())
    assert total(tagged["cost"]) == reading.control.amount
    assert tagged["tag_value"].isna().any()
    assert tagged["tag_value"].notna().any()


def test_the_forecast_carries_cost_explorers_own_interval(account):
    services = read_bill(account, WEEK, cache=fresh()).services
    frame = read_forecast(account, services, Horizon(7, 90), cache=fresh())
    assert len(frame) == 7
    assert (frame["low"] <= frame["mean"]).all()
    assert (frame["mean"] <= frame["high"]).all()
    assert frame["level"].eq(90).all()
    assert frame["day"].min() == pd.Timestamp("2026-11-21", tz="UTC")


def test_ec2_spend_has_its_own_control_total_and_keeps_what_has_no_type(account):
    reading = read_ec2_bill(account, WEEK, cache=fresh())
    frame = require(reading.frame, EC2_BILL)
    assert reconcile_ec2(frame, reading.control).difference == 0
    assert frame["instance_type"].isna().any()
    assert {"On Demand Instances", "Spot Instances"} <= set(frame["purchase_option"].dropna())
    named = frame.dropna(subset=["instance_type"])
    assert all(isinstance(hours, Decimal) and hours > 0 for hours in named["hours"])


def test_ec2_spend_by_account_adds_up_to_the_same_control_total(account):
    everyone = ["111122223333", "000000000011", "000000000012"]
    reading = read_ec2_bill(account, WEEK, accounts=everyone, cache=fresh())
    assert reconcile_ec2(reading.frame, reading.control).difference == 0
    assert reading.frame["account_id"].notna().all()


def test_instance_types_are_described(account):
    frame = read_instance_types(account, ["t3.micro", "g6.xlarge"]).set_index("instance_type")
    assert (frame.loc["t3.micro", "vcpus"], frame.loc["t3.micro", "memory_mib"]) == (2, 1024)
    assert frame.loc["g6.xlarge", "gpus"] == 1


# faults


def test_throttling_is_waited_out(account, faulty):
    faulty(Fault("ce:GetCostAndUsage", "throttle", at=(1, 2)))
    assert proof(read_bill(account, WEEK, cache=fresh())).difference == 0


@pytest.mark.parametrize("kind", ["access_denied", "expired_token", "html200", "truncated", "http500"])
@pytest.mark.parametrize("call", [1, 2, 3, 5], ids=["control", "charge types", "first usage", "later usage"])
def test_one_failing_question_is_shown_and_nothing_becomes_zero(account, faulty, kind, call):
    at = tuple(range(call, 40)) if kind in ("http500", "truncated", "expired_token") else (call,)
    faulty(Fault("ce:GetCostAndUsage", kind, at=at))
    reading = read_bill(account, WEEK, cache=fresh())
    found = proof(reading)
    assert found.headline is None
    assert found.withheld
    assert not (reading.frame.attrs["provenance"].complete and reading.control.provenance.complete)
    if call == 1:
        assert reading.control.amount is None


@pytest.mark.parametrize("kind", ["access_denied", "expired_token", "html200"])
def test_when_not_even_the_service_names_can_be_read_nothing_is_claimed(account, faulty, kind):
    faulty(Fault("ce:GetDimensionValues", kind))
    reading = read_bill(account, WEEK, cache=fresh())
    assert (reading.services, reading.control.amount, len(reading.frame)) == ((), None, 0)
    assert reading.frame.attrs["provenance"].completeness == "unknown"
    assert proof(reading).headline is None


def test_an_incomplete_answer_is_not_kept(account, faulty):
    cache = fresh()
    faulty(Fault("ce:GetCostAndUsage", "access_denied", at=(1,)))
    assert read_bill(account, WEEK, cache=cache).control.amount is None
    assert proof(read_bill(account, WEEK, cache=cache)).difference == 0


def test_a_failing_ec2_question_is_shown(account, faulty):
    faulty(Fault("ce:GetCostAndUsage", "access_denied", at=(2,)))
    reading = read_ec2_bill(account, WEEK, cache=fresh())
    assert reading.control.amount is None
    assert reconcile_ec2(reading.frame, reading.control).withheld


def test_failing_instance_types_are_shown(account, faulty):
    faulty(Fault("ec2:DescribeInstanceTypes", "access_denied"))
    assert read_instance_types(account).attrs["provenance"].completeness == "unknown"


# answers that the demo does not give: stubbed beneath a real client


@pytest.fixture
def stubbed():
    session = boto3.Session(
        aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1"
    )
    mine = Account(session, "real", "us-east-1", DemoClock())
    with Stubber(mine.client("sts")) as sts, Stubber(mine.client("ce", "us-east-1")) as ce:
        who = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/x", "UserId": "AIDAEXAMPLE"}
        sts.add_response("get_caller_identity", who, {})
        yield mine, ce


def day(start: str, groups: list[tuple[list[str], str]], unit: str = "USD") -> dict:
    return {
        "TimePeriod": {"Start": start, "End": "2026-11-16"},
        "Total": {},
        "Groups": [
            {"Keys": keys, "Metrics": {"UnblendedCost": {"Amount": text, "Unit": unit}}}
            for keys, text in groups
        ],
        "Estimated": True,
    }


def test_every_page_is_asked_with_the_same_parameters_and_the_next_token(stubbed):
    account, ce = stubbed
    asked = {"TimePeriod": WEEK.interval, "Granularity": "DAILY", "Metrics": ["UnblendedCost"]}
    ce.add_response(
        "get_cost_and_usage",
        {"ResultsByTime": [day("2026-11-02", [(["a"], "1")])], "NextPageToken": "t1"},
        asked,
    )
    ce.add_response(
        "get_cost_and_usage",
        {"ResultsByTime": [day("2026-11-02", [(["b"], "2.5")])]},
        {**asked, "NextPageToken": "t1"},
    )
    answer = CostExplorer(account, fresh()).usage(WEEK, Metrics=["UnblendedCost"])
    assert [(found.keys, found.cost) for found in amounts(answer.rows)] == [
        (("a",), Decimal(1)),
        (("b",), Decimal("2.5")),
    ]
    assert answer.complete
    ce.assert_no_pending_responses()


def test_a_page_token_that_repeats_ends_the_walk_and_is_said(stubbed):
    account, ce = stubbed
    for _ in range(2):
        ce.add_response(
            "get_cost_and_usage", {"ResultsByTime": [day("2026-11-02", [])], "NextPageToken": "same"}
        )
    answer = CostExplorer(account, fresh()).usage(WEEK, Metrics=["UnblendedCost"])
    assert answer.provenance.completeness == "floor"
    assert "same page token twice" in answer.provenance.why


def test_a_second_page_that_is_lost_leaves_a_floor(stubbed):
    account, ce = stubbed
    page = {"ResultsByTime": [day("2026-11-02", [(["a"], "1")])], "NextPageToken": "t1"}
    ce.add_response("get_cost_and_usage", page)
    ce.add_client_error("get_cost_and_usage", "ExpiredTokenException", "The security token is expired")
    answer = CostExplorer(account, fresh()).usage(WEEK, Metrics=["UnblendedCost"])
    assert (answer.provenance.completeness, len(answer.rows)) == ("floor", 1)
    assert "ExpiredTokenException" in answer.provenance.why


def test_data_that_is_unavailable_is_unknown(stubbed):
    account, ce = stubbed
    ce.add_client_error("get_cost_and_usage", "DataUnavailableException", "not enabled")
    answer = CostExplorer(account, fresh()).usage(WEEK, Metrics=["UnblendedCost"])
    assert answer.provenance.completeness == "unknown"
    assert "DataUnavailableException" in answer.provenance.why


def test_an_empty_success_is_not_an_answer(stubbed):
    account, ce = stubbed
    ce.add_response("get_cost_and_usage", {})
    assert (
        CostExplorer(account, fresh()).usage(WEEK, Metrics=["UnblendedCost"]).provenance.completeness
        == "unknown"
    )


def test_numbers_that_are_none_and_units_that_are_mixed_stay_unknown():
    rows = [
        {
            "TimePeriod": {"Start": "2026-11-02"},
            "Groups": [
                {
                    "Keys": ["x"],
                    "Metrics": {
                        "UnblendedCost": {"Amount": "NaN", "Unit": "USD"},
                        "UsageQuantity": {"Amount": "7", "Unit": "N/A"},
                    },
                }
            ],
        }
    ]
    found = next(amounts(rows))
    assert (found.cost, found.quantity, found.unit, found.estimated) == (None, None, None, None)


def test_a_control_total_in_two_currencies_is_none(stubbed):
    account, ce = stubbed
    ce.add_response(
        "get_dimension_values",
        {"DimensionValues": [{"Value": "Amazon Bedrock"}], "ReturnSize": 1, "TotalSize": 1},
    )
    both = [
        {"TimePeriod": WEEK.interval, "Total": {"UnblendedCost": {"Amount": "1", "Unit": unit}}, "Groups": []}
        for unit in ("USD", "EUR")
    ]
    ce.add_response("get_cost_and_usage", {"ResultsByTime": both})
    ce.add_response("get_cost_and_usage", {"ResultsByTime": [day("2026-11-02", [])]})
    lines = day("2026-11-02", [(["000000000011", "USE1-NovaLite-input-tokens"], "1")])
    more = day("2026-11-03", [(["000000000011", "USE1-NovaLite-input-tokens"], "1")], "EUR")
    ce.add_response("get_cost_and_usage", {"ResultsByTime": [lines, more]})
    reading = read_bill(account, WEEK, cache=fresh())
    found = proof(reading)
    assert (reading.control.amount, found.total, found.headline) == (None, None, None)
    assert found.by_currency == {"USD": Decimal(1), "EUR": Decimal(1)}


def test_no_service_at_all_is_no_spend_when_aws_said_so(stubbed):
    account, ce = stubbed
    ce.add_response("get_dimension_values", {"DimensionValues": [], "ReturnSize": 0, "TotalSize": 0})
    reading = read_bill(account, WEEK, cache=fresh())
    assert (reading.control.amount, proof(reading).headline) == (0, 0)


def test_days_that_cost_explorer_no_longer_holds_are_unknown_and_not_asked(account):
    before = account.requests.total("ce")
    reading = read_bill(account, Window(date(2024, 9, 1), date(2025, 10, 1)))
    assert (reading.control.amount, len(reading.frame)) == (None, 0)
    assert "13 months" in provenance_of(reading.frame).why
    assert account.requests.total("ce") == before
    assert history_from(datetime(2026, 1, 31, tzinfo=UTC)) == date(2024, 12, 1)
