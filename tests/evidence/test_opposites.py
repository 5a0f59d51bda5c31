"""Each of the twenty-two questions asked of two trails of which the opposite is true: the answer has to turn."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from trail_records import ACCOUNT, MODEL, NOW, day, event, frame, invoke, user

from bedrock_guard.evidence.answer import Case
from bedrock_guard.evidence.finding import Evidence
from bedrock_guard.evidence.findings import find
from bedrock_guard.evidence.key_facts import Credential, UserFacts
from bedrock_guard.evidence.keys import keys_table
from bedrock_guard.evidence.questions import QUESTIONS
from bedrock_guard.evidence.tables import Provenance

MARK = {"additionalEventData": {"callWithBearerToken": True, "inputTokens": 10, "outputTokens": 5}}
BY_KEY = {**MARK, "userIdentity": user("ben")}
SIGNED = {
    **MARK,
    "userIdentity": {
        "type": "AssumedRole",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/ana@example.com",
        "accessKeyId": "ASIAEXAMPLE0000001",
        "sessionContext": {"sessionIssuer": {"arn": f"arn:aws:iam::{ACCOUNT}:role/dev"}},
    },
}
REFUSED = "User: x is not authorized to perform: {} on resource: {} with an explicit deny in a {}"
EMPTY: dict[str, Any] = {
    **dict.fromkeys(("attached_policies", "inline_policies", "groups", "group_policies", "access_keys"), ()),
    "login_profile": False,
    **dict.fromkeys(("mfa_devices", "ssh_keys", "certificates"), 0),
}
SATURDAY = datetime(2026, 10, 17, 12, tzinfo=UTC)
MONDAY = datetime(2026, 10, 19, 5, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Truth:
    """What is so: records, keys and their users."""

    records: list[dict[str, Any]] = field(default_factory=list)
    keys: list[Credential] | None = None
    users: dict[str, UserFacts] = field(default_factory=dict)
    zone: tzinfo = UTC
    unseen: tuple[str, ...] = ()


def key(name: str = "ben", number: str = "ACCAEXAMPLE1", **more: Any) -> Credential:
    base = {"service": "bedrock.amazonaws.com", "status": "active", "created": day(1)}
    return Credential(name, number, **{**base, **more})


def told(truth: Truth, number: int) -> str:
    calls = frame(truth.records)
    proof = Provenance("IAM", completeness="complete")
    keys = (
        None
        if truth.keys is None
        else keys_table(truth.keys, truth.users, calls, {}, account_id=ACCOUNT, provenance=proof)
    )
    evidence = Evidence(calls, NOW, keys)
    question, ask = QUESTIONS[number - 1]
    return ask(Case(evidence, truth.zone, None, truth.unseen), find(evidence), number, question).answer


def change(name: str, **asked: Any) -> dict[str, Any]:
    given = {"userName": "ben", "serviceSpecificCredentialId": "ACCAEXAMPLE1", **asked}
    return event(f"{name}ServiceSpecificCredential", day(3), "iam", requestParameters=given)


def refused_key(layer: str) -> dict[str, Any]:
    message = REFUSED.format("iam:CreateServiceSpecificCredential", "user ben", layer)
    return event(
        "CreateServiceSpecificCredential",
        day(2),
        "iam",
        errorCode="AccessDenied",
        errorMessage=message,
        requestParameters=None,
    )


def made(who: str) -> dict[str, Any]:
    answer = {"serviceSpecificCredential": {"serviceSpecificCredentialId": "ACCAEXAMPLE1", "userName": "ben"}}
    asked = {"userName": "ben", "serviceName": "bedrock.amazonaws.com", "credentialAgeDays": 30}
    return event(
        "CreateServiceSpecificCredential",
        day(1),
        "iam",
        who,
        requestParameters=asked,
        responseElements=answer,
        sourceIPAddress="192.0.2.44",
    )


def denied(layer: str) -> dict[str, Any]:
    return invoke(
        day(4), errorCode="AccessDenied", errorMessage=REFUSED.format("bedrock:InvokeModel", "*", layer)
    )


def guardrail(strength: str, at: float, name: str = "UpdateGuardrail") -> dict[str, Any]:
    filters = [{"type": "HATE", "inputStrength": strength, "outputStrength": strength}]
    asked = {"guardrailIdentifier": "gr1", "contentPolicyConfig": {"filtersConfig": filters}}
    return event(name, day(at), requestParameters=asked)


def owner(**held: Any) -> dict[str, UserFacts]:
    return {"ben": UserFacts("ben", **{**EMPTY, **held})}


LOGGED = {"textDataDeliveryEnabled": True, "s3Config": {"bucketName": "logs"}}
PUT = event("PutModelInvocationLoggingConfiguration", day(1), requestParameters={"loggingConfig": LOGGED})
DELETED = event("DeleteModelInvocationLoggingConfiguration", day(2))
DAILY = [invoke(NOW - timedelta(days=90 - n)) for n in range(90)]
STEADY = [invoke(day(n / 4)) for n in range(200)]
ENTITLED = "PutFoundationModelEntitlement"
BOUGHT = "CreateProvisionedModelThroughput"

OPPOSITES: list[tuple[int, Truth, str, Truth, str]] = [
    (1, Truth(keys=[key()]), "1 keys, of ben.", Truth(keys=[]), "0 keys, of none."),
    (1, Truth(keys=[key()]), "1 keys", Truth(keys=[key(service="codecommit.amazonaws.com")]), "0 keys"),
    (1, Truth(keys=[]), "0 keys", Truth(), "Not known: keys were not read."),
    (
        2,
        Truth(keys=[key()]), "1 active. Never expiring: ACCAEXAMPLE1 of ben.",
        Truth(keys=[key(expires=day(90))]), "1 active. Never expiring: none.",
    ),
    (2, Truth(keys=[key(status="inactive")]), "1 inactive", Truth(keys=[key(status="expired")]), "1 expired"),
    (
        3,
        Truth([made("ana")], [key()]), "by ana on",
        Truth([made("eve")], [key()]), "by eve on",
    ),
    (3, Truth([made("ana")], [key()]), "from 192.0.2.44", Truth([], [key()]), "Known for 0 of 1 keys"),
    (
        4,
        Truth([refused_key("permissions boundary")]), "ana tried to create a key and was refused by a permissions",
        Truth([made("ana")]), "Nobody in the records.",
    ),
    (
        5,
        Truth([change("Update", status="Active")]), "Update to Active of ACCAEXAMPLE1",
        Truth([change("Update", status="Inactive")]), "Update to Inactive of ACCAEXAMPLE1",
    ),
    (5, Truth([change("Reset")]), "Reset of", Truth([made("ana")]), "None in the records"),
    (
        6,
        Truth(keys=[key()], users=owner(attached_policies=("arn:aws:iam::aws:policy/AdministratorAccess",))),
        "ben has AdministratorAccess",
        Truth(keys=[key()], users=owner(attached_policies=None)), "ben has unread policies",
    ),
    (
        6,
        Truth(keys=[key()], users=owner(boundary="arn:aws:iam::111122223333:policy/b")), "0 of 1 keys",
        Truth(keys=[key()], users=owner()), "1 of 1 keys belong to users without a known boundary",
    ),
    (
        7,
        Truth(keys=[key()], users=owner(login_profile=True)), "ben (a console password)",
        Truth(keys=[key()], users=owner()), "Held now besides a key: none.",
    ),
    (
        7,
        Truth([event("CreateAccessKey", day(2), "iam", requestParameters={"userName": "ben"})], [key()]),
        "ana added an access key to ben",
        Truth([event("CreateAccessKey", day(2), "iam", requestParameters={"userName": "zoe"})], [key()]),
        "None in the records.",
    ),
    (
        8,
        Truth([invoke(day(9), **BY_KEY)], [key()]), "Use is known of 1 of 1 keys",
        Truth([invoke(day(9), "ben")], [key()]), "Use is known of 0 of 1 keys",
    ),
    (
        9,
        Truth([invoke(day(9), **SIGNED)]), "1 signing key of 1 person or session were seen: ana@example.com (1)",
        Truth([invoke(day(9), **BY_KEY)]), "0 signing keys",
    ),
    (
        10,
        Truth([invoke(day(9), **BY_KEY)]), "1 call with keys, by model: Claude Haiku 4.5 (1); 0 carry no token counts",
        Truth([invoke(day(9))]), "0 calls with keys",
    ),
    (
        10,
        Truth([invoke(day(9), **BY_KEY)]), "; 0 carry",
        Truth([invoke(day(9), **BY_KEY, requestID="x") | {"additionalEventData": {"callWithBearerToken": "true"}}]),
        "; 1 carry no token counts",
    ),
    (
        11,
        Truth([denied("permissions boundary")]), "1 by a permissions boundary",
        Truth([denied("service control policy")]), "1 by a service control policy",
    ),
    (11, Truth([denied("session policy")]), "1 by a session policy", Truth([invoke(day(1))]), "Refused calls: none"),
    (12, Truth([PUT, DELETED]), "switched off or moved", Truth([PUT]), "Not in the records."),
    (
        12,
        Truth([PUT, DELETED]), "switched off or moved model invocation logging",
        Truth([PUT, DELETED | {"errorCode": "AccessDenied", "eventID": "d"}]), "tried to switch logging off",
    ),
    (13, Truth(DAILY), "Every day has rows", Truth(DAILY[1:]), "1 day without any row"),
    (
        14,
        Truth([invoke(day(1), awsRegion=r) for r in ("us-east-1", "eu-west-1")]), "ana 2 (eu-west-1, us-east-1)",
        Truth([invoke(day(1), additionalEventData={"inferenceRegion": r}) for r in ("us-west-2", "eu-west-1")]),
        "ana 1 (us-east-1)",
    ),
    (
        15,
        Truth([*STEADY, invoke(day(55), sourceIPAddress="203.0.113.9")]), "called from a new network",
        Truth([*STEADY, invoke(day(55), sourceIPAddress="192.0.2.200")]), "1 network: 192.0.2.0/24 (201). Distance",
    ),
    (
        16,
        Truth([*STEADY, invoke(day(55), userAgent="Python/3.11 aiohttp/3.9.5")]), "called with a new program",
        Truth(STEADY), "Programs: boto3. A user agent",
    ),
    (
        17,
        Truth([event(ENTITLED, day(1), requestParameters={"modelId": MODEL})]), "ana opened access to",
        Truth([event(ENTITLED, day(1), errorCode="AccessDenied")]), "Not in the records.",
    ),
    (
        18,
        Truth([event(BOUGHT, day(1), requestParameters={"commitmentDuration": "SixMonths"})]), "for six months",
        Truth([event(BOUGHT, day(1), errorCode="AccessDenied")]), "None in the records.",
    ),
    (
        19,
        Truth([guardrail("HIGH", 1, "CreateGuardrail"), guardrail("LOW", 2)]), "made the guardrail gr1 weaker",
        Truth([guardrail("LOW", 1, "CreateGuardrail"), guardrail("HIGH", 2)]), "Not in the records.",
    ),
    (
        20,
        Truth([event("CreateAgent", day(1))]), "1 call about agents, knowledge bases, prompts and flows: CreateAgent",
        Truth([invoke(day(1))]), "0 calls about agents",
    ),
    (21, Truth([invoke(SATURDAY, **BY_KEY)]), "1 of 1 model call", Truth([invoke(SATURDAY)]), "0 of 0 model calls"),
    (
        21,
        Truth([invoke(MONDAY, **BY_KEY)]), "1 of 1 model call",
        Truth([invoke(MONDAY, **BY_KEY)], zone=ZoneInfo("Europe/Berlin")), "0 of 1 model call",
    ),
    (22, Truth(unseen=("Region x was not asked",)), "Region x", Truth(unseen=("No data events",)), "No data"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "this", "words", "other", "others"), OPPOSITES, ids=[f"{n}-{w[:24]}" for n, _, w, _, _ in OPPOSITES]
)  # fmt: skip
def test_an_answer_turns_with_the_truth(
    number: int, this: Truth, words: str, other: Truth, others: str
) -> None:
    one, two = told(this, number), told(other, number)
    assert words in one
    assert words not in two
    assert others in two
    assert others not in one


def test_every_question_has_its_opposites() -> None:
    assert {number for number, *_ in OPPOSITES} == set(range(1, len(QUESTIONS) + 1))
