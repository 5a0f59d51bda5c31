"""The company's policies, decided by the kit's own evaluator, explain its history."""

from __future__ import annotations

from typing import Any

import pytest

from bedrock_guard.account.session import Account
from bedrock_guard.boundary.calls import Authorisation, Call, authorisations
from bedrock_guard.demo import callers, enforce
from bedrock_guard.demo.company import Company, make_company

CALLS = 1_500


@pytest.fixture(scope="module")
def company() -> Company:
    return make_company(calls=CALLS)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Account:
    return Account.demo(state=tmp_path_factory.mktemp("policies") / "state.sqlite", calls=CALLS)


def principal_of(record: dict[str, Any]) -> str:
    who = record["userIdentity"]
    return str(who.get("sessionContext", {}).get("sessionIssuer", {}).get("arn") or who["arn"])


def resource_of(record: dict[str, Any]) -> str:
    raw = record["requestParameters"]["modelId"]
    if raw.startswith("arn:"):
        return str(raw)
    base = raw.split(".", 1)[1] if raw.split(".", 1)[0] in ("us", "eu", "global") else raw
    return f"arn:aws:bedrock:{record['awsRegion']}::foundation-model/{base}"


def verdict(account: Account, record: dict[str, Any]) -> str:
    state = account.demo_backend.state
    principal = principal_of(record)
    with state.transaction(write=True):
        caller = callers.register(state, principal, session="test")
    found = enforce.evaluator_for(state, caller).decide(
        "bedrock:InvokeModel", resource_of(record), {}, principal=principal
    )
    return found.verdict if found.verdict == "allowed" else f"{found.verdict} {found.layer}"


def distinct(records: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    names = ("Converse", "InvokeModel")
    return {
        (principal_of(r), resource_of(r)): r
        for r in records
        if r["eventSource"] == "bedrock.amazonaws.com" and r["eventName"].startswith(names)
    }


def test_whoever_called_a_model_may(account, company):
    done = distinct([r for r in company.events if "errorCode" not in r])
    assert len(done) > 15
    assert {key: verdict(account, r) for key, r in done.items()} == dict.fromkeys(done, "allowed")


def asked_of_aws(record: dict[str, Any]) -> list[Authorisation]:
    bearer = (record.get("additionalEventData") or {}).get("callWithBearerToken")
    call = Call(
        record["eventSource"], record["eventName"], record["requestParameters"] or {}, record["awsRegion"],
        record["recipientAccountId"], principal_of(record), "long_term" if bearer else "none",
    )  # fmt: skip
    return [entry for entry in authorisations(call) if entry.certain and entry.resource_known]


def test_every_call_of_the_history_was_the_callers_to_make(account, company):
    """Not the model alone: each destination of a profile, the bearer token, the role that is passed."""
    done = {
        (principal_of(r), r["eventName"], r["awsRegion"], str(r["requestParameters"])): r
        for r in company.events
        if "errorCode" not in r and r["userIdentity"]["type"] not in ("Root", "AWSService")
    }
    assert len(done) > 60
    state = account.demo_backend.state
    refused = []
    for record in done.values():
        with state.transaction(write=True):
            caller = callers.register(state, principal_of(record), session="test")
        judge = enforce.evaluator_for(state, caller)
        refused += [
            (caller.name, entry.action, entry.resource)
            for entry in asked_of_aws(record)
            if not judge.decide(
                entry.action, entry.resource, entry.context, principal=caller.principal
            ).allowed
        ]
    assert refused == []


def test_whoever_was_refused_a_model_may_not(account, company):
    clause = "is not authorized to perform: bedrock:InvokeModel"
    refused = distinct([r for r in company.events if clause in r.get("errorMessage", "")])
    found = {
        (key[0].rpartition("/")[2], key[1].rpartition("/")[2]): verdict(account, r)
        for key, r in refused.items()
    }
    assert found == {
        ("legacy-etl", "amazon.nova-pro-v1:0"): "implicitDeny boundary",
        ("legacy-etl", "meta.llama3-3-70b-instruct-v1:0"): "explicitDeny boundary",
        ("invoice-extractor", "anthropic.claude-opus-4-8"): "implicitDeny identity",
    }


def test_the_analyst_may_read_everything_the_kit_reads(tmp_path):
    account = Account.demo(state=tmp_path / "state.sqlite", calls=200, enforce=True)
    span = {"TimePeriod": {"Start": "2026-10-01", "End": "2026-11-01"}}
    account.client("ce").get_cost_and_usage(**span, Granularity="MONTHLY", Metrics=["UnblendedCost"])
    account.client("ce").get_dimension_values(**span, Dimension="SERVICE")
    account.client("cloudtrail").lookup_events()
    account.client("bedrock").list_inference_profiles()
    account.client("bedrock", "us-west-2").list_provisioned_model_throughputs()
    assert account.client("bedrock-agent").list_prompts()["promptSummaries"][0]["name"] == "shipping-answer"
    assert account.client("bedrock-agent").list_agents()["agentSummaries"]
    assert account.client("bedrock-agent").list_knowledge_bases()["knowledgeBaseSummaries"]
    assert account.client("bedrock-agent").list_flows()["flowSummaries"]
    account.client("iam").list_service_specific_credentials(AllUsers=True)
