"""Denied calls of the demo company: every layer that can refuse, with and without a message."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, Final

from bedrock_guard.demo.company import people, prices
from bedrock_guard.demo.company.clock import ago
from bedrock_guard.demo.company.people import CALLERS, OFFICE, Caller
from bedrock_guard.demo.company.plan import Plan
from bedrock_guard.demo.company.records import BEDROCK, IAM, Record, denied, event

DATA_BOUNDARY: Final = "DataTeamBoundary"


def _session_arn(caller: Caller, account: str) -> str:
    if caller.form == "user":
        return caller.arn(account)
    return f"arn:aws:sts::{account}:assumed-role/{caller.name}/{caller.sessions[0]}"


def _sentence(caller: Caller, account: str, action: str, resource: str, reason: str) -> str:
    who = _session_arn(caller, account)
    return f"User: {who} is not authorized to perform: {action} on resource: {resource} {reason}"


def _model(region: str, model: str) -> str:
    return f"arn:aws:bedrock:{region}::foundation-model/{model}"


def refusals(plan: Plan, rng: Random) -> Iterator[Record]:
    """Refused calls, several of each kind."""
    for days in (77, 55, 31, 18, 4):
        yield from _at_boundary(plan, rng, days)
        yield from _at_identity(plan, rng, days)
    for days in (29, 15):
        yield from _at_scp(plan, rng, days)
    yield from _without_a_layer(plan, rng)
    yield from _keys(plan, rng)


def _refused(
    rng: Random, key: str, plan: Plan, days: float, name: str, message: str | None, **members: Any
) -> Record:
    caller = CALLERS[key]
    region = members.pop("region", "us-east-1")
    source = members.pop("source", BEDROCK)
    at = ago(days, rng.uniform(1, 8))
    return event(
        rng, caller, plan.account(caller.home), at, source, name, region, **denied(message), **members
    )


def _at_boundary(plan: Plan, rng: Random, days: int) -> Iterator[Record]:
    caller = CALLERS["etl"]
    account = plan.account(caller.home)
    boundary = f"arn:aws:iam::{account}:policy/{DATA_BOUNDARY}"
    implicit = _sentence(
        caller, account, "bedrock:InvokeModel", _model("us-east-1", prices.NOVA_PRO),
        "because no permissions boundary allows the bedrock:InvokeModel action",
    )  # fmt: skip
    yield _refused(
        rng, "etl", plan, days, "Converse", implicit, requestParameters={"modelId": prices.NOVA_PRO}
    )
    explicit = _sentence(
        caller, account, "bedrock:InvokeModel", _model("us-east-1", prices.LLAMA),
        f"with an explicit deny in a permissions boundary: {boundary}",
    )  # fmt: skip
    yield _refused(
        rng, "etl", plan, days, "InvokeModel", explicit, requestParameters={"modelId": prices.LLAMA}
    )


def _at_identity(plan: Plan, rng: Random, days: int) -> Iterator[Record]:
    caller = CALLERS["invoices"]
    account = plan.account(caller.home)
    profile = f"arn:aws:bedrock:us-east-1:{account}:inference-profile/us.{prices.OPUS}"
    message = _sentence(
        caller, account, "bedrock:InvokeModel", profile,
        "because no identity-based policy allows the bedrock:InvokeModel action",
    )  # fmt: skip
    parameters = {"modelId": f"us.{prices.OPUS}"}
    yield _refused(rng, "invoices", plan, days, "Converse", message, requestParameters=parameters)


def _at_scp(plan: Plan, rng: Random, days: int) -> Iterator[Record]:
    caller = CALLERS["research"]
    account = plan.account(caller.home)
    message = _sentence(
        caller, account, "bedrock:CreateModelImportJob", f"arn:aws:bedrock:us-east-1:{account}:imported-model/*",
        "with an explicit deny in a service control policy: "
        f"arn:aws:organizations::{plan.accounts[0]}:policy/o-demo000001/service_control_policy/p-demoguard1",
    )  # fmt: skip
    yield _refused(rng, "research", plan, days, "CreateModelImportJob", message)


def _without_a_layer(plan: Plan, rng: Random) -> Iterator[Record]:
    """No message, model access, a legacy model: the layer cannot be known from the record."""
    support = CALLERS["support"].key
    for days in (61, 22, 9):
        yield _refused(rng, support, plan, days, "GetKnowledgeBase", None, region="eu-west-1")
    no_access = "You don't have access to the model with the specified model ID."
    parameters = {"modelId": prices.OLD_HAIKU}
    yield _refused(
        rng, "research", plan, 50, "InvokeModel", no_access, region="us-west-2", requestParameters=parameters
    )
    legacy = _refused(
        rng, "search", plan, 13, "Converse",
        "Access denied. This Model is marked by provider as Legacy and you have not been actively using the model "
        "in the last 30 days. Please upgrade to an active model on Amazon Bedrock",
        region="us-west-2", requestParameters={"modelId": f"us.{prices.SONNET_37}"},
    )  # fmt: skip
    yield {**legacy, "errorCode": "ResourceNotFoundException"}


def _keys(plan: Plan, rng: Random) -> Iterator[Record]:
    """A key that may not be made (no parameters in the record) and a bearer token that may not be used."""
    caller = CALLERS["theo"]
    account = plan.account(caller.home)
    message = _sentence(
        caller, account, "iam:CreateServiceSpecificCredential", "user bedrock-experiment",
        "because no identity-based policy allows the iam:CreateServiceSpecificCredential action",
    )  # fmt: skip
    yield _refused(
        rng, "theo", plan, 38, "CreateServiceSpecificCredential", message, source=IAM, readOnly=False,
        userAgent=people.AWS_CLI,
    )  # fmt: skip
    plain = CALLERS["invoices"]
    bearer = _sentence(
        plain, plan.account(plain.home), "bedrock:CallWithBearerToken", "*",
        "because no identity-based policy allows the bedrock:CallWithBearerToken action",
    )  # fmt: skip
    yield _refused(
        rng, "invoices", plan, 36, "Converse", bearer, userAgent=people.HTTPX,
        requestParameters={"modelId": f"us.{prices.HAIKU}"}, additionalEventData={"callWithBearerToken": True},
    )  # fmt: skip
    formula = _refused(
        rng, "spreadsheet", plan, 16, "Converse", "The provided model identifier is invalid.",
        requestParameters={"modelId": "=cmd|' /C calc'!A0"}, sourceIPAddress=OFFICE[0],
    )  # fmt: skip
    yield {**formula, "errorCode": "ValidationException"}
