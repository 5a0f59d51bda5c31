"""Cost Explorer of the demo account, read only through boto3."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedrock_guard.account.session import Account
from bedrock_guard.demo.company import Company, make_company

CALLS = 1_500
ALL = {"Start": "2026-08-22", "End": "2026-11-21"}
AUTUMN = {"Start": "2026-09-01", "End": "2026-11-21"}
OCTOBER = {"Start": "2026-10-01", "End": "2026-11-01"}
BEDROCK = {"Dimensions": {"Key": "SERVICE", "Values": ["Amazon Bedrock", "Amazon Bedrock Service"]}}
COMPUTE = {"Dimensions": {"Key": "SERVICE", "Values": ["Amazon Elastic Compute Cloud - Compute"]}}
CENT = Decimal("0.000001")


@pytest.fixture(scope="module")
def company() -> Company:
    return make_company(calls=CALLS)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Account:
    return Account.demo(state=tmp_path_factory.mktemp("ce") / "state.sqlite", calls=CALLS)


@pytest.fixture(scope="module")
def ce(account: Account) -> Any:
    return account.client("ce")


def dimension(*keys: str) -> list[dict[str, str]]:
    return [{"Type": "DIMENSION", "Key": key} for key in keys]


def attribute(*keys: str) -> list[dict[str, str]]:
    return [{"Type": "PRODUCT_ATTRIBUTE", "Key": key} for key in keys]


def pages(call: Any, **asked: Any) -> Iterator[dict[str, Any]]:
    while True:
        answer = call(**asked)
        yield answer
        if "NextPageToken" not in answer:
            return
        asked["NextPageToken"] = answer["NextPageToken"]


def usage(ce: Any, **asked: Any) -> list[dict[str, Any]]:
    asked = {"TimePeriod": ALL, "Granularity": "MONTHLY", "Metrics": ["UnblendedCost"], **asked}
    return [result for answer in pages(ce.get_cost_and_usage, **asked) for result in answer["ResultsByTime"]]


def total(results: list[dict[str, Any]], metric: str = "UnblendedCost") -> Decimal:
    return sum((Decimal(result["Total"][metric]["Amount"]) for result in results), Decimal(0))


def groups(results: list[dict[str, Any]], metric: str = "UnblendedCost") -> dict[tuple[str, ...], Decimal]:
    sums: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for result in results:
        for group in result["Groups"]:
            sums[tuple(group["Keys"])] += Decimal(group["Metrics"][metric]["Amount"])
    return dict(sums)


def code_of(call: Any, **asked: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**asked)
    return str(caught.value.response["Error"]["Code"])


def refused(ce: Any, **asked: Any) -> str:
    return code_of(
        ce.get_cost_and_usage,
        **{"TimePeriod": ALL, "Granularity": "MONTHLY", "Metrics": ["UnblendedCost"], **asked},
    )


def test_the_total_is_the_bill_to_the_last_digit(ce, company):
    assert total(usage(ce)) == sum(line["cost"] for line in company.bill)


@pytest.mark.parametrize(
    "keys",
    [("SERVICE",), ("SERVICE", "USAGE_TYPE"), ("RECORD_TYPE", "LINKED_ACCOUNT"), ("INSTANCE_TYPE", "REGION")],
)
def test_groups_add_up_to_the_total(ce, keys):
    results = usage(ce, GroupBy=dimension(*keys))
    assert all(result["Total"] == {} for result in results)
    assert sum(groups(results).values()) == total(usage(ce))


def test_daily_groups_come_in_pages_that_lose_nothing(ce, company):
    asked = {
        "TimePeriod": ALL, "Granularity": "DAILY", "Metrics": ["UnblendedCost"],
        "GroupBy": dimension("SERVICE", "USAGE_TYPE"),
    }  # fmt: skip
    answers = list(pages(ce.get_cost_and_usage, **asked))
    assert len(answers) > 1
    results = [result for answer in answers for result in answer["ResultsByTime"]]
    by_day: dict[str, Decimal] = defaultdict(Decimal)
    for result in results:
        for group in result["Groups"]:
            by_day[result["TimePeriod"]["Start"]] += Decimal(group["Metrics"]["UnblendedCost"]["Amount"])
    expected: dict[str, Decimal] = defaultdict(Decimal)
    for line in company.bill:
        expected[line["day"]] += line["cost"]
    assert by_day == expected
    token = answers[0]["NextPageToken"]
    assert code_of(ce.get_cost_and_usage, **{**asked, "Granularity": "MONTHLY"}, NextPageToken=token) == (
        "RequestChangedException"
    )
    assert code_of(ce.get_cost_and_usage, **asked, NextPageToken="made-up") == "InvalidNextTokenException"


def test_the_end_is_exclusive(ce, company):
    one = usage(ce, TimePeriod={"Start": "2026-10-02", "End": "2026-10-03"}, Granularity="DAILY")
    assert [result["TimePeriod"]["Start"] for result in one] == ["2026-10-02"]
    assert total(one) == sum(line["cost"] for line in company.bill if line["day"] == "2026-10-02")


def test_months_are_cut_at_their_first_day_and_only_the_current_one_is_estimated(ce):
    results = usage(ce)
    assert [(r["TimePeriod"]["Start"], r["TimePeriod"]["End"], r["Estimated"]) for r in results] == [
        ("2026-08-22", "2026-09-01", False),
        ("2026-09-01", "2026-10-01", False),
        ("2026-10-01", "2026-11-01", False),
        ("2026-11-01", "2026-11-21", True),
    ]


def test_the_model_attribute_gives_the_dollars_of_the_truth(ce, company):
    names = {
        "Claude Opus 4.8": "anthropic.claude-opus-4-8",
        "Nova Pro": "amazon.nova-pro-v1:0",
        "openai.gpt-oss-120b-1:0": "openai.gpt-oss-120b-1:0",
    }
    usage_only = {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Usage"]}}
    found = groups(usage(ce, TimePeriod=AUTUMN, GroupBy=attribute("model"), Filter=usage_only))
    assert all(key[0].startswith("model$") for key in found)
    before = [line for line in company.bill if line["day"] < "2026-09-01" and line["record_type"] == "Usage"]
    for label, model in names.items():
        early = sum(
            line["cost"] for line in before if label.split("-120")[0].replace(" ", "") in _squeezed(line)
        )
        whole = company.truth["dollars"]["by_model"][model]
        assert abs(found[f"model${label}",] + early - whole) < CENT, label


def _squeezed(line: dict[str, Any]) -> str:
    text = (line["service"] + line["usage_type"]).replace("claude-opus-4-8", "ClaudeOpus4.8").replace(" ", "")
    return text.replace("openai.gpt-oss-120b", "openai.gpt-oss")


def test_attribute_groups_hold_bedrock_only_and_leave_a_nameless_group(ce, company):
    found = groups(usage(ce, TimePeriod=OCTOBER, GroupBy=[*attribute("model"), *dimension("SERVICE")]))
    assert not any("Elastic" in service for _, service in found)
    assert found["model$", "Claude 3 Haiku (Amazon Bedrock Edition)"] > 0
    bedrock = sum(
        line["cost"]
        for line in company.bill
        if "Bedrock" in line["service"] and line["day"].startswith("2026-10")
    )
    assert sum(found.values()) == bedrock


def test_a_wrong_attribute_key_is_no_error_and_no_model(ce):
    found = groups(usage(ce, TimePeriod=OCTOBER, GroupBy=attribute("Model")))
    assert list(found) == [("Model$",)]


def test_attribute_filters(ce):
    opus = {"ProductAttributes": {"Key": "model", "Values": ["Claude Opus 4.8"]}}
    grouped = groups(usage(ce, TimePeriod=OCTOBER, GroupBy=attribute("model")))
    assert total(usage(ce, TimePeriod=OCTOBER, Filter=opus)) == grouped["model$Claude Opus 4.8",]
    absent = {"ProductAttributes": {"Key": "model", "MatchOptions": ["ABSENT"]}}
    assert total(usage(ce, TimePeriod=OCTOBER, Filter=absent)) == grouped["model$",]
    others = total(usage(ce, TimePeriod=OCTOBER, Filter={"Not": opus}))
    assert others == sum(grouped.values()) - grouped["model$Claude Opus 4.8",]
    nothing = {"ProductAttributes": {"Key": "model", "Values": ["claude opus 4.8"]}}
    assert total(usage(ce, TimePeriod=OCTOBER, Filter=nothing)) == 0


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"GroupBy": attribute("model")}, "DataUnavailableException"),
        ({"Filter": {"ProductAttributes": {"Key": "model", "Values": ["x"]}}}, "DataUnavailableException"),
        ({"TimePeriod": OCTOBER, "GroupBy": attribute("model"), "Filter": COMPUTE}, "ValidationException"),
        ({"TimePeriod": OCTOBER, "GroupBy": attribute("model"), "Filter": {"Not": BEDROCK}}, "ValidationException"),
        ({"GroupBy": dimension("SERVICE", "REGION", "OPERATION")}, "ValidationException"),
        ({"GroupBy": dimension("CHARGE_TYPE")}, "ValidationException"),
        ({"GroupBy": dimension("BILLING_ENTITY")}, "ValidationException"),
        ({"Metrics": ["Cost"]}, "ValidationException"),
        ({"Granularity": "HOURLY"}, "ValidationException"),
        ({"Granularity": "WEEKLY"}, "ValidationException"),
        ({"TimePeriod": {"Start": "2026-10-01", "End": "2026-10-01"}}, "ValidationException"),
        ({"TimePeriod": {"Start": "2025-09-30", "End": "2026-10-01"}}, "ValidationException"),
        ({"TimePeriod": {"Start": "2026-10-01", "End": "2026-12-02"}}, "ValidationException"),
        ({"TimePeriod": {"Start": "2026-02-30", "End": "2026-03-02"}}, "ValidationException"),
        ({"Filter": {**BEDROCK, "Not": COMPUTE}}, "ValidationException"),
        ({"Filter": {"And": [BEDROCK]}}, "ValidationException"),
        ({"Filter": {}}, "ValidationException"),
        ({"Filter": {"Dimensions": {"Key": "CHARGE_TYPE", "Values": ["Tax"]}}}, "ValidationException"),
        ({"Filter": {"Dimensions": {"Key": "SERVICE", "Values": ["Bed"], "MatchOptions": ["STARTS_WITH"]}}},
         "ValidationException"),
    ],
)  # fmt: skip
def test_what_cost_explorer_refuses(ce, asked, code):
    assert refused(ce, **asked) == code


def test_and_or_not_are_sets(ce):
    service = groups(usage(ce, GroupBy=dimension("SERVICE")))
    both = service["Amazon Bedrock",] + service["Amazon Bedrock Service",]
    assert total(usage(ce, Filter=BEDROCK)) == both
    assert total(usage(ce, Filter={"Not": BEDROCK})) == sum(service.values()) - both
    assert (
        total(usage(ce, Filter={"Or": [BEDROCK, COMPUTE]}))
        == both + service[COMPUTE["Dimensions"]["Values"][0],]
    )
    assert total(usage(ce, Filter={"And": [BEDROCK, COMPUTE]})) == 0


def test_an_empty_answer_looks_like_no_spend(ce):
    wrong = {"Dimensions": {"Key": "SERVICE", "Values": ["AmazonBedrock"]}}
    results = usage(ce, Filter=wrong, GroupBy=dimension("USAGE_TYPE"))
    assert [result["Groups"] for result in results] == [[], [], [], []]
    assert total(usage(ce, Filter=wrong)) == 0


def test_quantities_of_mixed_units_say_so(ce):
    mixed = usage(ce, Metrics=["UsageQuantity"])[0]["Total"]["UsageQuantity"]
    assert mixed["Unit"] == "N/A"
    guard = {"Dimensions": {"Key": "USAGE_TYPE", "Values": ["EU-Guardrail-ContentPolicyUnitsConsumed"]}}
    assert (
        usage(ce, Metrics=["UsageQuantity"], Filter=guard)[0]["Total"]["UsageQuantity"]["Unit"] == "TextUnits"
    )


def test_amortized_spreads_the_reservation(ce):
    ri = {"Dimensions": {"Key": "PURCHASE_TYPE", "Values": ["Standard Reserved Instances"]}}
    month = {"TimePeriod": OCTOBER, "Filter": ri, "GroupBy": dimension("RECORD_TYPE")}
    cash = groups(usage(ce, **month))
    spread = groups(usage(ce, **month, Metrics=["AmortizedCost"]), "AmortizedCost")
    transfer = cash.get(("Usage",), Decimal(0))
    assert cash["DiscountedUsage",] == 0 == spread["RIFee",]
    assert cash["RIFee",] == spread["DiscountedUsage",] > 0
    assert transfer == 0


def test_lines_without_an_instance_type_are_named(ce):
    found = groups(usage(ce, Filter=COMPUTE, GroupBy=dimension("INSTANCE_TYPE")))
    assert {"g6.12xlarge", "NoInstanceType"} <= {key for (key,) in found}


def test_a_member_sees_its_own_lines(account, company):
    member = Account.on_demo(
        account.demo_backend, principal="arn:aws:iam::000000000011:role/security-audit"
    ).client("ce")
    own = sum(line["cost"] for line in company.bill if line["account_id"] == "000000000011")
    assert total(usage(member)) == own


def test_caller_tags(ce):
    found = groups(usage(ce, TimePeriod=OCTOBER, GroupBy=[{"Type": "TAG", "Key": "iamPrincipal/team"}]))
    assert found["iamPrincipal/team$contracts",] > 0
    assert "iamPrincipal/team$" in {key for (key,) in found}
    one = {"Tags": {"Key": "iamPrincipal/team", "Values": ["contracts"]}}
    assert total(usage(ce, TimePeriod=OCTOBER, Filter=one)) == found["iamPrincipal/team$contracts",]
    early = {"Start": "2026-09-01", "End": "2026-10-01"}
    assert total(usage(ce, TimePeriod=early, Filter=one)) == 0


def test_account_names_come_with_account_groups(ce):
    asked = {"TimePeriod": OCTOBER, "Granularity": "MONTHLY", "Metrics": ["UnblendedCost"]}
    answer = ce.get_cost_and_usage(**asked, GroupBy=dimension("LINKED_ACCOUNT"))
    names = {row["Value"]: row["Attributes"]["description"] for row in answer["DimensionValueAttributes"]}
    assert names["000000000011"] == "tidewater-research"


def test_services_are_discovered_by_a_search(ce):
    answer = ce.get_dimension_values(TimePeriod=ALL, Dimension="SERVICE", SearchString="bedrock")
    values = [row["Value"] for row in answer["DimensionValues"]]
    assert values == sorted(values)
    assert {"Amazon Bedrock", "Amazon Bedrock Service", "Amazon Bedrock AgentCore"} < set(values)
    assert "Claude Opus 4.8 (Amazon Bedrock Edition)" in values
    assert not any("EC2" in value for value in values)
    assert answer["ReturnSize"] == answer["TotalSize"] == len(values)


def test_dimension_values_page_only_when_sorted(ce):
    asked = {"TimePeriod": ALL, "Dimension": "USAGE_TYPE", "MaxResults": 7}
    whole = ce.get_dimension_values(**asked)
    assert "NextPageToken" not in whole
    order = [{"Key": "UnblendedCost", "SortOrder": "DESCENDING"}]
    found = [
        row["Value"]
        for answer in pages(ce.get_dimension_values, **asked, SortBy=order)
        for row in answer["DimensionValues"]
    ]
    assert sorted(found) == [row["Value"] for row in whole["DimensionValues"]]


def test_attribute_keys_and_values(ce):
    keys = ce.get_dimension_values(TimePeriod=AUTUMN, Dimension="PRODUCT_ATTRIBUTE")["DimensionValues"]
    assert [row["Value"] for row in keys] == ["feature", "inferenceType", "model", "provider"]
    models = ce.get_dimension_values(TimePeriod=AUTUMN, Dimension="PRODUCT_ATTRIBUTE", DimensionKey="model")
    values = {row["Value"] for row in models["DimensionValues"]}
    assert {"", "Claude Opus 4.8", "Nova Lite"} <= values
    opus = {"ProductAttributes": {"Key": "model", "Values": ["Claude Opus 4.8"]}}
    asked = {"TimePeriod": AUTUMN, "Dimension": "USAGE_TYPE"}
    assert code_of(ce.get_dimension_values, **asked, Filter=opus) == "ValidationException"
    both = {"And": [opus, BEDROCK]}
    assert ce.get_dimension_values(**asked, Filter=both)["DimensionValues"]
    assert code_of(ce.get_dimension_values, **asked, DimensionKey="model") == "ValidationException"
    asked = {"TimePeriod": ALL, "Dimension": "PRODUCT_ATTRIBUTE"}
    assert code_of(ce.get_dimension_values, **asked) == "DataUnavailableException"


def test_tags(ce):
    assert ce.get_tags(TimePeriod=ALL)["Tags"] == ["iamPrincipal/team"]
    values = ce.get_tags(TimePeriod=OCTOBER, TagKey="iamPrincipal/team")["Tags"]
    assert values[0] == ""
    assert "contracts" in values
    listed = ce.list_cost_allocation_tags(Status="Active")["CostAllocationTags"]
    assert [row["TagKey"] for row in listed] == ["iamPrincipal/team"]


def test_a_forecast_is_near_the_last_weeks(ce):
    asked = {
        "TimePeriod": {"Start": "2026-11-20", "End": "2026-12-01"}, "Metric": "UNBLENDED_COST",
        "Granularity": "DAILY", "Filter": BEDROCK,
    }  # fmt: skip
    answer = ce.get_cost_forecast(**asked)
    rows = answer["ForecastResultsByTime"]
    assert len(rows) == 11
    month = total(usage(ce, TimePeriod={"Start": "2026-10-21", "End": "2026-11-18"}, Filter=BEDROCK)) / 28
    assert abs(Decimal(rows[0]["MeanValue"]) - month) < month / 5
    for row in rows:
        low, mean, high = (
            Decimal(row[name])
            for name in ("PredictionIntervalLowerBound", "MeanValue", "PredictionIntervalUpperBound")
        )
        assert low < mean < high
    past = {**asked, "TimePeriod": {"Start": "2026-11-01", "End": "2026-12-01"}}
    assert code_of(ce.get_cost_forecast, **past) == "ValidationException"
    by_model = {**asked, "Filter": {"ProductAttributes": {"Key": "model", "Values": ["x"]}}}
    assert code_of(ce.get_cost_forecast, **by_model) == "ValidationException"
