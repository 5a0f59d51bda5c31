"""Budgets, Access Analyzer, the lists that the kit's readers ask for, and errors that a service has of its own."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedrock_guard.account.keys import read_keys
from bedrock_guard.account.principals import read_principals
from bedrock_guard.account.resources import read_resources
from bedrock_guard.account.session import Account
from bedrock_guard.evidence.tables import provenance_of

MANAGEMENT = "111122223333"


@pytest.fixture(scope="module")
def company() -> Account:
    return Account.demo(calls=500)


def refused(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_budgets_show_what_cost_explorer_shows(company: Account) -> None:
    budgets = company.client("budgets", "us-east-1").describe_budgets(AccountId=MANAGEMENT)["Budgets"]
    by_name = {budget["BudgetName"]: budget for budget in budgets}
    assert set(by_name) == {"bedrock-monthly", "all-monthly"}
    ce = company.client("ce", "us-east-1")
    asked: dict[str, Any] = {
        "TimePeriod": {"Start": "2026-11-01", "End": "2026-11-21"},
        "Granularity": "MONTHLY",
        "Metrics": ["UnblendedCost"],
    }
    only = {"Dimensions": {"Key": "SERVICE", "Values": ["Amazon Bedrock"]}}
    for name, filtered in (("all-monthly", {}), ("bedrock-monthly", {"Filter": only})):
        total = ce.get_cost_and_usage(**asked, **filtered)["ResultsByTime"][0]["Total"]
        theirs = Decimal(total["UnblendedCost"]["Amount"])
        ours = Decimal(by_name[name]["CalculatedSpend"]["ActualSpend"]["Amount"])
        assert abs(ours - theirs) < Decimal("0.01")
        assert theirs


def test_one_budget_by_name_and_none_of_another_account(company: Account) -> None:
    client = company.client("budgets", "us-east-1")
    found = client.describe_budget(AccountId=MANAGEMENT, BudgetName="bedrock-monthly")["Budget"]
    assert found["BudgetLimit"] == {"Amount": "4000.0", "Unit": "USD"}
    assert found["CostFilters"] == {"Service": ["Amazon Bedrock"]}
    assert refused(client.describe_budget, AccountId=MANAGEMENT, BudgetName="no")[0] == "NotFoundException"
    assert refused(client.describe_budgets, AccountId="000000000011")[0] == "AccessDeniedException"
    assert (
        refused(client.describe_budgets, AccountId=MANAGEMENT, NextToken="x")[0]
        == "InvalidNextTokenException"
    )
    assert (
        refused(client.describe_budgets, AccountId=MANAGEMENT, MaxResults=5000)[0]
        == "InvalidParameterException"
    )


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("validate_policy", {"policyDocument": "{}", "policyType": "IDENTITY_POLICY"}),
        (
            "check_no_new_access",
            {"newPolicyDocument": "{}", "existingPolicyDocument": "{}", "policyType": "IDENTITY_POLICY"},
        ),
        ("list_analyzers", {}),
    ],
)
def test_access_analyzer_says_that_it_is_not_there(company: Account, operation: str, parameters: Any) -> None:
    client = company.client("accessanalyzer", "us-east-1")
    code, message = refused(getattr(client, operation), **parameters)
    assert code == "AccessDeniedException"
    assert "not available in the demo account" in message


def test_nothing_the_kits_readers_ask_for_is_unknown(company: Account) -> None:
    resources = read_resources(company, ["us-east-1", "us-west-2", "eu-west-1"])
    assert [one for one in resources.asked if one.completeness != "complete"] == []
    assert all(one.enabled is not None for one in resources.logging)
    keys = read_keys(company)
    keys = getattr(keys, "table", keys)
    assert provenance_of(keys).completeness == "complete"
    assert keys["other_credentials"].notna().all()
    principals = read_principals(company)
    assert provenance_of(getattr(principals, "table", principals)).completeness == "complete"


def test_readers_of_an_analyst_with_least_privilege_know_as_much() -> None:
    account = Account.demo(calls=0, enforce=True)
    resources = read_resources(account, ["us-east-1"])
    assert [one.why for one in resources.asked if one.completeness != "complete"] == []
    keys = read_keys(account)
    assert provenance_of(getattr(keys, "table", keys)).completeness == "complete"


def test_models_say_how_they_can_be_called_and_what_they_hear(company: Account) -> None:
    models = company.client("bedrock", "us-east-1").list_foundation_models()["modelSummaries"]
    ways = {tuple(model["inferenceTypesSupported"]) for model in models}
    assert ("INFERENCE_PROFILE",) in ways
    assert ("ON_DEMAND",) in ways
    assert all(model["inferenceTypesSupported"] for model in models)
    assert {"VIDEO", "SPEECH"} <= {one for model in models for one in model["inputModalities"]}
    on_demand = company.client("bedrock", "us-east-1").list_foundation_models(byInferenceType="ON_DEMAND")
    assert 0 < len(on_demand["modelSummaries"]) < len(models)


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code"),
    [
        ("cloudtrail", "lookup_events", {"MaxResults": 51}, "InvalidMaxResultsException"),
        (
            "cloudtrail",
            "lookup_events",
            {"LookupAttributes": [{"AttributeKey": "Nonsense", "AttributeValue": "x"}]},
            "InvalidLookupAttributesException",
        ),
        ("cloudtrail", "lookup_events", {"EventCategory": "none"}, "InvalidEventCategoryException"),
        ("cloudtrail", "lookup_events", {"NextToken": "none"}, "InvalidNextTokenException"),
        ("organizations", "list_accounts", {"MaxResults": 21}, "InvalidInputException"),
        (
            "pricing",
            "get_products",
            {"ServiceCode": "AmazonEC2", "MaxResults": 101},
            "InvalidParameterException",
        ),
        ("bedrock", "list_guardrails", {"maxResults": 1001}, "ValidationException"),
        ("iam", "list_users", {"MaxItems": 1001}, "ValidationError"),
        ("iam", "get_user", {"UserName": "a<b"}, "ValidationError"),
        ("sts", "assume_role", {"RoleArn": "x" * 20, "RoleSessionName": "a b"}, "ValidationError"),
    ],
)
def test_bad_input_has_the_services_own_error(
    company: Account, service: str, operation: str, parameters: Any, code: str
) -> None:
    company.clock.sleep(2)
    client = company.client(service, "us-east-1")
    assert refused(getattr(client, operation), **parameters)[0] == code
