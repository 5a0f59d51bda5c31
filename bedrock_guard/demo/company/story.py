"""What happened at the demo company besides model calls: keys, jobs, launches, refusals, a leak.

Each chapter is a list of CloudTrail records at fixed distances from `NOW`; a shorter history has those that
fall into it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from bedrock_guard.demo.company import people, prices
from bedrock_guard.demo.company.calls import GUARDRAIL_ID
from bedrock_guard.demo.company.charges import COMMITMENT_AT
from bedrock_guard.demo.company.clock import NOW, ago, dice, history_start, stamp
from bedrock_guard.demo.company.launches import launches
from bedrock_guard.demo.company.people import CALLERS, Caller
from bedrock_guard.demo.company.plan import Plan
from bedrock_guard.demo.company.records import BEDROCK, IAM, MANTLE, Record, denied, event, iam_date
from bedrock_guard.demo.company.refusals import refusals
from bedrock_guard.demo.company.workloads import APPLICATION_PROFILE, PROVISIONED_MODEL

PHANTOM_BORN: Final = ago(63, 3)
LEAK_FOUND_BY_INTRUDER: Final = ago(11, 2)
KEY_OF_CONTRACTOR_STOPPED: Final = ago(33, 5)
LOGGING_OFF: Final = ago(8, 20)
LOGGING_ON: Final = ago(6, 3)
BREAK_GLASS_AT: Final = ago(6, 4)
TRAINING_AT: Final = ago(45, 2)
PROFILE_AT: Final = ago(80, 4)

PHANTOM_CREDENTIAL: Final = "DEMOC0PHANTOMH7QZ001"
REPORTING_CREDENTIAL: Final = "DEMOC0REPORTING00001"
CONTRACTOR_CREDENTIAL: Final = "DEMOC0CONTRACTOR0001"
EXPIRED_CREDENTIAL: Final = "DEMOC0EXPIREDPILOT01"
CODECOMMIT_CREDENTIAL: Final = "DEMOC0CODECOMMIT0001"
CONTRACTOR: Final = "contractor-vega"
PILOT: Final = "bedrock-pilot"
LIMITED_ACCESS: Final = "arn:aws:iam::aws:policy/AmazonBedrockLimitedAccess"


def story_records(plan: Plan) -> list[Record]:
    """Every record that is not a model call of the plan, sorted by time, none outside the history."""
    rng = dice(plan.seed, "story")
    chapters = (_keys, _leak, _commitments, _jobs, _administration, _reading, _mantle)
    found = [record for chapter in chapters for record in chapter(plan, rng)]
    found += refusals(plan, rng)
    found += launches(plan, rng)
    first, last = stamp(history_start(plan.days)), stamp(NOW)
    return sorted(
        (record for record in found if first <= record["eventTime"] < last),
        key=lambda record: (record["eventTime"], record["eventID"]),
    )


def _who(key: str, plan: Plan) -> tuple[Caller, str]:
    caller = CALLERS[key]
    return caller, plan.account(caller.home)


def _credential(name: str, user: str, account: str, at: datetime) -> Record:
    return {
        "serviceSpecificCredential": {
            "createDate": iam_date(at),
            "serviceName": BEDROCK,
            "serviceCredentialAlias": f"{user}-at-{account}",
            "serviceSpecificCredentialId": name,
            "userName": user,
            "status": "Active",
        }
    }


def _keys(plan: Plan, rng: Random) -> Iterator[Record]:
    """The console makes a phantom user with a key; later a contractor's key is reset, then switched off."""
    admin, account = _who("data-lead", plan)
    user, at = people.PHANTOM, PHANTOM_BORN
    arn = f"arn:aws:iam::{account}:user/{user}"
    created = {"path": "/", "userName": user, "userId": people.user_id(account, user), "arn": arn}
    console = {"sessionCredentialFromConsole": "true"}
    yield event(
        rng,
        admin,
        account,
        at,
        IAM,
        "CreateUser",
        requestParameters={"userName": user},
        responseElements={"user": {**created, "createDate": iam_date(at)}},
        **console,
    )
    at += timedelta(seconds=1)
    yield event(
        rng,
        admin,
        account,
        at,
        IAM,
        "AttachUserPolicy",
        requestParameters={"userName": user, "policyArn": LIMITED_ACCESS},
        **console,
    )
    at += timedelta(seconds=1)
    yield event(
        rng,
        admin,
        account,
        at,
        IAM,
        "CreateServiceSpecificCredential",
        requestParameters={"userName": user, "serviceName": BEDROCK, "credentialAgeDays": 365},
        responseElements=_credential(PHANTOM_CREDENTIAL, user, account, at),
        **console,
    )
    operator, home = _who("product-admin", plan)
    at = ago(52, 6)
    yield event(
        rng,
        operator,
        home,
        at,
        IAM,
        "ResetServiceSpecificCredential",
        requestParameters={"serviceSpecificCredentialId": CONTRACTOR_CREDENTIAL},
        responseElements=_credential(CONTRACTOR_CREDENTIAL, CONTRACTOR, home, ago(150)),
    )
    yield event(
        rng,
        operator,
        home,
        KEY_OF_CONTRACTOR_STOPPED,
        IAM,
        "UpdateServiceSpecificCredential",
        requestParameters={
            "userName": CONTRACTOR,
            "status": "Inactive",
            "serviceSpecificCredentialId": CONTRACTOR_CREDENTIAL,
        },
    )
    for days in (70, 35, 1):
        yield event(rng, admin, account, ago(days, 2), IAM, "ListServiceSpecificCredentials",
                    requestParameters={"allUsers": True, "serviceName": BEDROCK})  # fmt: skip


def _leak(plan: Plan, rng: Random) -> Iterator[Record]:
    """Whoever found the phantom user's key looks around first, then probes, then calls."""
    thief, account = _who("intruder", plan)
    at = LEAK_FOUND_BY_INTRUDER

    def seen(name: str, region: str, minutes: float, **members: Any) -> Record:
        members.setdefault("userAgent", thief.agents[0])
        return event(rng, thief, account, at + timedelta(minutes=minutes), BEDROCK, name, region, **members)

    for number, region in enumerate(("us-east-1", "us-east-2", "us-west-2", "eu-west-1")):
        yield seen("ListFoundationModels", region, number * 2)
        yield seen("ListInferenceProfiles", region, number * 2 + 1)
    yield seen("GetFoundationModelAvailability", "us-east-1", 9, requestParameters={"modelId": prices.OPUS})
    yield seen("GetModelInvocationLoggingConfiguration", "us-east-1", 10)
    refusal = (
        f"User: arn:aws:iam::{account}:user/{people.PHANTOM} is not authorized to perform: "
        "bedrock:DeleteModelInvocationLoggingConfiguration because no identity-based policy allows the "
        "bedrock:DeleteModelInvocationLoggingConfiguration action"
    )
    yield seen("DeleteModelInvocationLoggingConfiguration", "us-east-1", 11, **denied(refusal))
    for minutes, region in ((14, "us-east-1"), (15, "us-east-2"), (16, "us-west-2")):
        yield seen(
            "InvokeModel",
            region,
            minutes,
            requestParameters={"modelId": f"us.{prices.OPUS}"},
            errorCode="ValidationException",
            errorMessage="max_tokens: range: 1..128,000",
        )
    yield seen(
        "InvokeModel",
        "eu-west-1",
        18,
        userAgent=people.HOSTILE_AGENT,
        requestParameters={"modelId": prices.OLD_HAIKU},
        errorCode="AccessDenied",
        errorMessage="You don't have access to the model with the specified model ID.",
    )


def _commitments(plan: Plan, rng: Random) -> Iterator[Record]:
    """A purchased model unit, an application profile, a guardrail."""
    operator, account = _who("product-admin", plan)
    base = f"arn:aws:bedrock:us-west-2:{account}"
    yield event(
        rng,
        operator,
        account,
        COMMITMENT_AT,
        BEDROCK,
        "CreateProvisionedModelThroughput",
        "us-west-2",
        requestParameters={
            "provisionedModelName": "policy-qa-unit",
            "modelId": prices.SONNET_37,
            "modelUnits": 1,
            "commitmentDuration": "SixMonths",
        },
        responseElements={"provisionedModelArn": f"{base}:provisioned-model/{PROVISIONED_MODEL}"},
    )
    terraform, account = _who("deployer", plan)
    source = f"arn:aws:bedrock:us-east-1:{account}:inference-profile/us.{prices.HAIKU}"
    profile = f"arn:aws:bedrock:us-east-1:{account}:application-inference-profile/{APPLICATION_PROFILE}"
    yield event(
        rng,
        terraform,
        account,
        PROFILE_AT,
        BEDROCK,
        "CreateInferenceProfile",
        requestParameters={"inferenceProfileName": "invoices", "modelSource": {"copyFrom": source}},
        responseElements={"inferenceProfileArn": profile, "status": "ACTIVE"},
    )
    operator, account = _who("product-admin", plan)
    yield event(rng, operator, account, ago(58, 7), BEDROCK, "UpdateGuardrail", "eu-west-1",
                requestParameters={"guardrailIdentifier": GUARDRAIL_ID,
                                   "name": "HIDDEN_DUE_TO_SECURITY_REASONS"},
                responseElements={"guardrailId": GUARDRAIL_ID, "version": "DRAFT"})  # fmt: skip


def _jobs(plan: Plan, rng: Random) -> Iterator[Record]:
    """Batch jobs of the plan, and one training job."""
    for volume in plan.volumes:
        if volume.workload.endpoint != "batch":
            continue
        caller, account = _who(volume.workload.caller, plan)
        at = datetime.combine(volume.day, datetime.min.time(), NOW.tzinfo) + timedelta(hours=6, minutes=4)
        role = f"arn:aws:iam::{account}:role/{caller.name}"
        yield event(
            rng,
            caller,
            account,
            at,
            BEDROCK,
            "CreateModelInvocationJob",
            volume.workload.region,
            requestParameters={
                "jobName": f"{volume.workload.key}-{volume.day}",
                "roleArn": role,
                "modelId": volume.workload.model_raw,
            },
        )
    caller, account = _who("research", plan)
    yield event(rng, caller, account, TRAINING_AT, BEDROCK, "CreateModelCustomizationJob", "us-west-2",
                requestParameters={"jobName": "tide-labels-1", "customModelName": "tide-labels",
                                   "baseModelIdentifier": prices.LLAMA, "customizationType": "FINE_TUNING",
                                   "roleArn": f"arn:aws:iam::{account}:role/data-pipeline"})  # fmt: skip


def _administration(plan: Plan, rng: Random) -> Iterator[Record]:
    """Invocation logging goes off during the leak and comes back; break-glass is used to put it back."""
    operator, account = _who("product-admin", plan)
    yield event(
        rng,
        operator,
        account,
        LOGGING_OFF,
        BEDROCK,
        "DeleteModelInvocationLoggingConfiguration",
        readOnly=False,
    )
    hero, account = _who("break-glass", plan)
    yield event(rng, hero, account, BREAK_GLASS_AT, "sts.amazonaws.com", "GetCallerIdentity")
    yield event(
        rng,
        hero,
        account,
        LOGGING_ON,
        BEDROCK,
        "PutModelInvocationLoggingConfiguration",
        requestParameters={"loggingConfig": {"textDataDeliveryEnabled": True}},
    )
    admin, payer = _who("admin", plan)
    yield event(rng, admin, payer, ago(40, 3), IAM, "GetAccountAuthorizationDetails")
    yield event(
        rng,
        admin,
        payer,
        ago(75, 1),
        "signin.amazonaws.com",
        "ConsoleLogin",
        userIdentity={
            "type": "Root",
            "principalId": payer,
            "arn": f"arn:aws:iam::{payer}:root",
            "accountId": payer,
        },
        responseElements={"ConsoleLogin": "Success"},
        eventType="AwsConsoleSignIn",
        readOnly=False,
    )
    target = plan.account(0)
    yield event(rng, admin, target, ago(20, 7), "sts.amazonaws.com", "AssumeRole", readOnly=True,
                userIdentity={"type": "AWSService", "invokedBy": "ec2.amazonaws.com"},
                sourceIPAddress="ec2.amazonaws.com", userAgent="ec2.amazonaws.com",
                requestParameters={"roleArn": f"arn:aws:iam::{target}:role/search-api",
                                   "roleSessionName": "i-0de00000000000011"}, tlsDetails=None)  # fmt: skip


def _reading(plan: Plan, rng: Random) -> Iterator[Record]:
    """People and tools look at things, now and then."""
    looks = (
        ("research", "ListFoundationModels", "us-east-1"),
        ("research", "ListCustomModels", "us-west-2"),
        ("product-admin", "ListGuardrails", "eu-west-1"),
        ("deployer", "GetInferenceProfile", "us-east-1"),
        ("admin", "ListInferenceProfiles", "us-east-1"),
    )
    for days in range(3, 90, 4):
        key, name, region = rng.choice(looks)
        caller, account = _who(key, plan)
        yield event(rng, caller, account, ago(days, rng.uniform(0, 6)), BEDROCK, name, region)


def _mantle(plan: Plan, rng: Random) -> Iterator[Record]:
    """Of the mantle endpoint only its control plane is in Event history."""
    caller, account = _who("mantle", plan)
    for days in (84, 47, 12):
        yield event(rng, caller, account, ago(days, 1), MANTLE, "ListModels", "us-west-2",
                    requestParameters={"callWithBearerToken": True, "bearerTokenType": "SHORT_TERM"})  # fmt: skip
