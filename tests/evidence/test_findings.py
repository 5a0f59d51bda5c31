"""Each rule with a case that is one and a case that is none, on records read by the product's own reader."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from trail_records import ACCOUNT, MODEL, NOW, day, event, frame, invoke, user

from bedrock_guard.account.investigation import thresholds_of
from bedrock_guard.account.situation import example_spec
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.answer import Case
from bedrock_guard.evidence.finding import Evidence, Finding, Thresholds
from bedrock_guard.evidence.findings import find
from bedrock_guard.evidence.findings_page import page
from bedrock_guard.evidence.key_facts import AccessKey, Credential, UserFacts
from bedrock_guard.evidence.keys import LastUse, keys_table
from bedrock_guard.evidence.phantoms import phantom_users
from bedrock_guard.evidence.questions import QUESTIONS, answers
from bedrock_guard.evidence.rules_changes import RULES as CHANGE_RULES
from bedrock_guard.evidence.rules_keys import RULES as KEY_RULES
from bedrock_guard.evidence.rules_logging import RULES as LOGGING_RULES
from bedrock_guard.evidence.rules_use import RULES as USE_RULES
from bedrock_guard.evidence.rules_use import network_of
from bedrock_guard.evidence.rules_watch import break_glass_used, denied_burst, key_expiring
from bedrock_guard.evidence.suspects import others_from, signs_of_theft
from bedrock_guard.evidence.tables import MissingColumns, Provenance

PHANTOM = "BedrockAPIKey-ab12"


def found(records: list[dict[str, Any]], rule: str, limits: Thresholds | None = None) -> list[Finding]:
    return [finding for finding in find(Evidence(frame(records), NOW), limits) if finding.rule == rule]


def key(name: str = "CreateServiceSpecificCredential", **members: Any) -> dict[str, Any]:
    base = {"userName": "ben", "serviceName": "bedrock.amazonaws.com"}
    return event(name, day(1), "iam", **{"requestParameters": base, **members})


REFUSED = {
    "requestParameters": None,
    "errorCode": "AccessDenied",
    "errorMessage": f"User: arn:aws:iam::{ACCOUNT}:user/ana is not authorized to perform: "
    "iam:CreateServiceSpecificCredential on resource: user ben with an explicit deny in a permissions boundary",
}
ON_PHANTOM = {"requestParameters": {"userName": PHANTOM}}
LIMITED = {"userName": PHANTOM, "policyArn": "arn:aws:iam::aws:policy/AmazonBedrockLimitedAccess"}
WIDE = {"userName": PHANTOM, "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
LOGGED = {"textDataDeliveryEnabled": True, "s3Config": {"bucketName": "logs-of-models"}}
BARE = {"textDataDeliveryEnabled": True}
MUTED = {"textDataDeliveryEnabled": False, "s3Config": {"bucketName": "logs-of-models"}}


def put_logging(config: dict[str, Any], number: float) -> dict[str, Any]:
    return event(
        "PutModelInvocationLoggingConfiguration", day(number), requestParameters={"loggingConfig": config}
    )


def selectors(**members: Any) -> dict[str, Any]:
    asked = {"trailName": "main", "eventSelectors": [{"includeManagementEvents": True, **members}]}
    return event("PutEventSelectors", day(2), "cloudtrail", requestParameters=asked)


def advanced(*fields: dict[str, Any]) -> dict[str, Any]:
    asked = {"trailName": "main", "advancedEventSelectors": [{"fieldSelectors": list(fields)}]}
    return event("PutEventSelectors", day(2), "cloudtrail", requestParameters=asked)


MANAGEMENT = {"field": "eventCategory", "equals": ["Management"]}


def guardrail(strength: str, number: float, name: str = "UpdateGuardrail") -> dict[str, Any]:
    asked = {
        "guardrailIdentifier": "abcd1234efgh",
        "contentPolicyConfig": {
            "filtersConfig": [{"type": "HATE", "inputStrength": strength, "outputStrength": strength}]
        },
    }
    return event(name, day(number), requestParameters=asked)


HIDDEN = {"guardrailIdentifier": "abcd1234efgh", "name": "HIDDEN_DUE_TO_SECURITY_REASONS"}
STEADY = [invoke(day(n / 4)) for n in range(200)]
KEY_MARK = {"additionalEventData": {"callWithBearerToken": True}}
AGENT = {"userAgent": "Python/3.11 aiohttp/3.9.5"}
AWAY = {"sourceIPAddress": "203.0.113.9"}
FLEET = {"sourceIPAddress": "lambda.amazonaws.com"}


def looks(*names_regions: tuple[str, str], number: float = 20) -> list[dict[str, Any]]:
    return [event(name, day(number, i), awsRegion=region) for i, (name, region) in enumerate(names_regions)]


LOOKS = looks(
    ("ListFoundationModels", "us-east-1"),
    ("ListInferenceProfiles", "us-east-1"),
    ("ListFoundationModels", "us-west-2"),
)
BURST = [invoke(day(20, n / 60)) for n in range(240)]
ALWAYS = [invoke(day(n, m / 60)) for n in range(5) for m in range(240)]
WRONG = {"errorCode": "ValidationException", "errorMessage": "max_tokens: range"}
PROVISIONED = {"modelId": MODEL, "modelUnits": 1, "commitmentDuration": "SixMonths"}
LIFECYCLE = {"requestParameters": {"bucketName": "logs-of-models"}}


def trail(name: str, at: float, **asked: Any) -> dict[str, Any]:
    return event(name, day(at), "cloudtrail", requestParameters={"name": "main", **asked})


def recorded(at: float, kind: str) -> dict[str, Any]:
    every = {"field": "eventCategory", "equals": ["Management"]}
    data = [{"field": "eventCategory", "equals": ["Data"]}, {"field": "resources.type", "equals": [kind]}]
    chosen = [{"fieldSelectors": [every]}, {"fieldSelectors": data}]
    return event(
        "PutEventSelectors",
        day(at),
        "cloudtrail",
        requestParameters={"trailName": "main", "advancedEventSelectors": chosen},
    )


def grounded(threshold: float, at: float, name: str = "UpdateGuardrail") -> dict[str, Any]:
    filters = {"filtersConfig": [{"type": "GROUNDING", "threshold": threshold}]}
    asked = {"guardrailIdentifier": "gr1", "contextualGroundingPolicyConfig": filters}
    return event(name, day(at), requestParameters=asked)


def bounded(policy: str, at: float, account: str = ACCOUNT) -> dict[str, Any]:
    asked = {"userName": "ben", "permissionsBoundary": f"arn:aws:iam::{account}:policy/{policy}"}
    return event("PutUserPermissionsBoundary", day(at), "iam", requestParameters=asked)


FIRST = "CreateGuardrail"

CASES: list[tuple[str, list[dict[str, Any]], list[dict[str, Any]]]] = [
    (
        "key_created",
        [key()],
        [key(requestParameters={"userName": "b", "serviceName": "codecommit.amazonaws.com"})],
    ),
    ("key_creation_refused", [key(**REFUSED)], [key(errorCode="LimitExceeded", requestParameters=None)]),
    (
        "key_changed",
        [key("ResetServiceSpecificCredential", requestParameters={"serviceSpecificCredentialId": "ACCA1"})],
        [key("DeleteServiceSpecificCredential", requestParameters={"serviceSpecificCredentialId": "ACCA1"})],
    ),
    (
        "key_changed",
        [
            key(
                "UpdateServiceSpecificCredential",
                requestParameters={"serviceSpecificCredentialId": "A1", "status": "Active"},
            )
        ],
        [
            key(
                "UpdateServiceSpecificCredential",
                requestParameters={"serviceSpecificCredentialId": "A1", "status": "Inactive"},
            )
        ],
    ),
    (
        "phantom_credentials",
        [event("CreateAccessKey", day(1), "iam", **ON_PHANTOM)],
        [event("CreateAccessKey", day(1), "iam", requestParameters={"userName": "ben"})],
    ),
    (
        "phantom_credentials",
        [event("AttachUserPolicy", day(1), "iam", requestParameters=WIDE)],
        [event("AttachUserPolicy", day(1), "iam", requestParameters=LIMITED)],
    ),
    (
        "phantom_elsewhere",
        [event("GetCallerIdentity", day(1), "sts", who=PHANTOM)],
        [
            invoke(day(1), who=PHANTOM),
            event("ListFoundationModels", day(1), who=PHANTOM),
            event("GetCallerIdentity", day(1), "sts"),
        ],
    ),
    ("new_client", [*STEADY, invoke(day(55), **AGENT)], STEADY),
    ("new_client", [*STEADY[:40], invoke(day(9), **AGENT)], [*STEADY[:8], invoke(day(2.5), **AGENT)]),
    (
        "new_network",
        [*STEADY, invoke(day(55), **AWAY)],
        [*STEADY, invoke(day(55), sourceIPAddress="192.0.2.200")],
    ),
    ("new_network", [*STEADY, invoke(day(55), **AWAY)], [*STEADY, invoke(day(55), **FLEET)]),
    (
        "region_spread",
        [invoke(day(3, 9 * n), awsRegion=r) for n, r in enumerate(("us-east-1", "us-west-2", "eu-west-1"))],
        [invoke(day(3, 20 * n), awsRegion=r) for n, r in enumerate(("us-east-1", "us-west-2", "eu-west-1"))],
    ),
    (
        "region_spread",
        [invoke(day(3, n), awsRegion=r) for n, r in enumerate(("us-east-1", "us-west-2", "eu-west-1"))],
        [
            invoke(day(3, n), additionalEventData={"inferenceRegion": r})
            for n, r in enumerate(("us-east-1", "us-west-2", "eu-west-1", "eu-north-1"))
        ],
    ),
    ("burst", [*STEADY, *BURST], ALWAYS),
    ("burst", BURST, ALWAYS),
    (
        "phantom_credentials",
        [event("UploadSSHPublicKey", day(1), "iam", **ON_PHANTOM)],
        [key(requestParameters={"userName": PHANTOM, "serviceName": "bedrock.amazonaws.com"})],
    ),
    (
        "phantom_credentials",
        [key(requestParameters={"userName": PHANTOM, "serviceName": "codecommit.amazonaws.com"})],
        [key(requestParameters={"userName": "ben", "serviceName": "codecommit.amazonaws.com"})],
    ),
    (
        "invocation_logging_weakened",
        [put_logging(LOGGED, 1), put_logging({**LOGGED, "s3Config": {"bucketName": "elsewhere"}}, 2)],
        [put_logging(LOGGED, 1), put_logging({**LOGGED, "s3Config": {"bucketName": "logs-of-models"}}, 2)],
    ),
    (
        "trail_weakened",
        [
            event(
                "StopEventDataStoreIngestion",
                day(1),
                "cloudtrail",
                requestParameters={"eventDataStore": "lake"},
            )
        ],
        [
            event(
                "StartEventDataStoreIngestion",
                day(1),
                "cloudtrail",
                requestParameters={"eventDataStore": "lake"},
            )
        ],
    ),
    (
        "trail_weakened",
        [trail("CreateTrail", 1, s3BucketName="ours"), trail("UpdateTrail", 2, s3BucketName="theirs")],
        [trail("CreateTrail", 1, s3BucketName="ours"), trail("UpdateTrail", 2, s3BucketName="ours")],
    ),
    (
        "trail_weakened",
        [recorded(1, "AWS::BedrockMantle::Project"), recorded(2, "AWS::S3::Object")],
        [recorded(1, "AWS::S3::Object"), recorded(2, "AWS::BedrockMantle::Project")],
    ),
    (
        "log_store_weakened",
        [event("DeleteFlowLogs", day(1), "ec2")],
        [event("DeleteFlowLogs", day(1), "ec2", errorCode="Client.UnauthorizedOperation")],
    ),
    (
        "guardrail_weakened",
        [grounded(0.8, 1, FIRST), grounded(0.3, 2)],
        [grounded(0.3, 1, FIRST), grounded(0.8, 2)],
    ),
    ("enumeration_then_invocation", [*LOOKS, invoke(day(20, 9))], [LOOKS[0], invoke(day(20, 9))]),
    ("enumeration_then_invocation", [*LOOKS, invoke(day(20, 9))], [*LOOKS, invoke(day(20, 120))]),
    ("enumeration_then_invocation", [*LOOKS, invoke(day(20, 9))], [*LOOKS, invoke(day(20, 9), who="ben")]),
    (
        "access_probe",
        [invoke(day(4, n), **WRONG) for n in range(3)],
        [invoke(day(4 + n), **WRONG) for n in range(3)] + STEADY,
    ),
    (
        "invocation_logging_weakened",
        [event("DeleteModelInvocationLoggingConfiguration", day(3))],
        [event("DeleteModelInvocationLoggingConfiguration", day(3), errorCode="AccessDenied")],
    ),
    (
        "invocation_logging_weakened",
        [put_logging(LOGGED, 1), put_logging(BARE, 2)],
        [put_logging(LOGGED, 1), put_logging(LOGGED, 2)],
    ),
    ("invocation_logging_weakened", [put_logging(MUTED, 1)], [put_logging(BARE, 1), put_logging(LOGGED, 2)]),
    (
        "trail_weakened",
        [event("StopLogging", day(1), "cloudtrail", requestParameters={"name": "main"})],
        [event("StartLogging", day(1), "cloudtrail", requestParameters={"name": "main"})],
    ),
    ("trail_weakened", [selectors(readWriteType="WriteOnly")], [selectors(readWriteType="All")]),
    (
        "trail_weakened",
        [selectors(includeManagementEvents=False)],
        [selectors(includeManagementEvents=True)],
    ),
    (
        "trail_weakened",
        [selectors(excludeManagementEventSources=["iam.amazonaws.com"])],
        [selectors(excludeManagementEventSources=["kms.amazonaws.com"])],
    ),
    ("trail_weakened", [advanced({"field": "eventCategory", "equals": ["Data"]})], [advanced(MANAGEMENT)]),
    (
        "trail_weakened",
        [advanced(MANAGEMENT, {"field": "readOnly", "equals": ["false"]})],
        [advanced(MANAGEMENT, {"field": "eventSource", "notEquals": ["kms.amazonaws.com"]})],
    ),
    (
        "trail_weakened",
        [
            event(
                "UpdateTrail",
                day(1),
                "cloudtrail",
                requestParameters={"name": "t", "isMultiRegionTrail": False},
            )
        ],
        [
            event(
                "UpdateTrail",
                day(1),
                "cloudtrail",
                requestParameters={"name": "t", "isMultiRegionTrail": True},
            )
        ],
    ),
    (
        "log_store_weakened",
        [put_logging(LOGGED, 1), event("PutBucketLifecycle", day(2), "s3", **LIFECYCLE)],
        [event("PutBucketLifecycle", day(2), "s3", **LIFECYCLE)],
    ),
    (
        "guardrail_weakened",
        [guardrail("HIGH", 1, FIRST), guardrail("LOW", 2)],
        [guardrail("LOW", 1, FIRST), guardrail("HIGH", 2)],
    ),
    (
        "guardrail_weakened",
        [event("DeleteGuardrail", day(1), requestParameters=HIDDEN)],
        [event("ListGuardrails", day(1))],
    ),
    (
        "model_access_opened",
        [event("PutFoundationModelEntitlement", day(1), requestParameters={"modelId": MODEL})],
        [event("ListFoundationModelAgreementOffers", day(1), requestParameters={"modelId": MODEL})],
    ),
    (
        "costly_commitment",
        [event("CreateProvisionedModelThroughput", day(1), requestParameters=PROVISIONED)],
        [event("CreateProvisionedModelThroughput", day(1), errorCode="AccessDenied")],
    ),
    (
        "trail_weakened",
        [trail("CreateTrail", 1, s3BucketName="ours"), trail("UpdateTrail", 2, s3BucketName="theirs")],
        [
            trail("CreateTrail", 1, s3BucketName="ours"),
            {**trail("UpdateTrail", 2, s3BucketName="theirs"), "recipientAccountId": "000000000012"},
        ],
    ),
    (
        "trail_weakened",
        [advanced(MANAGEMENT, {"field": "eventSource", "equals": ["s3.amazonaws.com"]})],
        [
            advanced(
                MANAGEMENT,
                {
                    "field": "eventSource",
                    "startsWith": ["bedrock", "iam."],
                    "notEquals": ["kms.amazonaws.com"],
                },
            )
        ],
    ),
    (
        "trail_weakened",
        [advanced(MANAGEMENT, {"field": "eventName", "notStartsWith": ["Invoke"]})],
        [advanced(MANAGEMENT, {"field": "eventName", "notEquals": ["Decrypt"]})],
    ),
    (
        "costly_commitment",
        [event("CreateEvaluationJob", day(1), requestParameters={"jobName": "x"})],
        [event("StopEvaluationJob", day(1), requestParameters={"jobIdentifier": "x"})],
    ),
    (
        "boundary_loosened",
        [bounded("ours", 1), bounded("theirs", 2)],
        [bounded("ours", 1), bounded("ours", 2)],
    ),
    (
        "boundary_loosened",
        [bounded("AdministratorAccess", 1, "aws")],
        [{**bounded("theirs", 2), "recipientAccountId": "000000000012"}, bounded("ours", 1)],
    ),
    (
        "boundary_loosened",
        [event("DeleteRolePermissionsBoundary", day(1), "iam", requestParameters={"roleName": "dev"})],
        [event("PutRolePermissionsBoundary", day(1), "iam", requestParameters={"roleName": "dev"})],
    ),
]


@pytest.mark.parametrize(("rule", "yes", "no"), CASES, ids=[f"{n}-{case[0]}" for n, case in enumerate(CASES)])
def test_a_rule_speaks_when_it_should_and_only_then(
    rule: str, yes: list[dict[str, Any]], no: list[dict[str, Any]]
) -> None:
    (first, *_) = found(yes, rule)
    assert first.title.endswith(".")
    assert first.evidence
    assert set(first.evidence) <= {item["eventID"] for item in yes}
    assert first.first_seen is not None
    assert first.last_seen is not None
    assert first.first_seen <= first.last_seen
    assert first.account_id == ACCOUNT
    assert first.why
    assert found(no, rule) == []


def test_a_stronger_guardrail_is_no_finding() -> None:
    assert found([guardrail("LOW", 1), guardrail("HIGH", 2)], "guardrail_weakened")[1:] == []
    weaker = found([guardrail("HIGH", 1), guardrail("LOW", 2)], "guardrail_weakened")
    assert [(f.severity, f.completeness) for f in weaker] == [("high", "floor"), ("low", "unknown")]
    assert weaker[0].facts["weaker"] == ["HATE (input)", "HATE (output)"]


def test_hidden_guardrail_values_are_unknown_and_not_grave() -> None:
    (finding,) = found([event("UpdateGuardrail", day(1), requestParameters=HIDDEN)], "guardrail_weakened")
    assert (finding.severity, finding.completeness) == ("low", "unknown")


def test_a_key_for_a_hundred_years_is_as_grave_as_an_endless_one() -> None:
    asked = {"userName": "ben", "serviceName": "bedrock.amazonaws.com"}
    for days, severity in (
        (36_600, "high"),
        ("36600", "high"),
        (3_651, "high"),
        (3_650, "medium"),
        (30, "medium"),
    ):
        (made,) = found([key(requestParameters={**asked, "credentialAgeDays": days})], "key_created")
        assert made.severity == severity
        assert ("in practice for ever" in made.title) == (severity == "high")


def test_an_endless_key_is_graver_than_one_with_an_end() -> None:
    (endless,) = found([key()], "key_created")
    days = {"userName": "ben", "serviceName": "bedrock.amazonaws.com", "credentialAgeDays": 30}
    (ends,) = found([key(requestParameters=days)], "key_created")
    assert (endless.severity, ends.severity) == ("high", "medium")
    assert "never expires" in endless.title


def test_a_key_whose_end_stands_in_the_answer_is_not_endless() -> None:
    made = {
        "userName": "ben",
        "serviceName": "bedrock.amazonaws.com",
        "expirationDate": "Dec 1, 2026, 10:00:00 AM",
    }
    answer = {"serviceSpecificCredential": made}
    (ends,) = found([key(responseElements=answer)], "key_created")
    assert ends.severity == "medium"
    assert "a key until 2026-12-01" in ends.title


def test_another_refused_call_of_iam_is_no_refused_key() -> None:
    refused = event("CreateAccessKey", day(1), "iam", **REFUSED)
    (told,) = found([refused, key(**REFUSED)], "key_creation_refused")
    assert "tried to create a key" in told.title


def test_a_caller_that_only_looks_hides_no_other() -> None:
    idle = [event(name, day(19, n), who="ada") for n, name in enumerate(["ListFoundationModels"] * 5)]
    calls = [*idle, *LOOKS, invoke(day(20, 9))]
    (told,) = found(calls, "enumeration_then_invocation")
    assert told.subject.endswith("user/ana")


def test_something_new_is_grave_with_a_key() -> None:
    steady = [invoke(day(n / 4), **KEY_MARK) for n in range(100)]
    (finding,) = found([*steady, invoke(day(55), **KEY_MARK, **AGENT)], "new_client")
    assert finding.severity == "high"
    (finding,) = found([*STEADY, invoke(day(55), **AGENT)], "new_client")
    assert finding.severity == "low"


def test_a_service_calling_on_behalf_is_no_new_client() -> None:
    by_service = user("ana", invokedBy="lambda.amazonaws.com")
    assert found([*STEADY, invoke(day(55), userIdentity=by_service, **AGENT)], "new_client") == []


def test_refused_additions_to_a_phantom_are_read_from_the_message() -> None:
    message = (
        f"User: arn:aws:iam::{ACCOUNT}:user/ana is not authorized to perform: iam:CreateAccessKey on resource: "
        f"user {PHANTOM} because no identity-based policy allows the iam:CreateAccessKey action"
    )
    refused = event(
        "CreateAccessKey",
        day(1),
        "iam",
        requestParameters=None,
        errorCode="AccessDenied",
        errorMessage=message,
    )
    (finding,) = found([refused], "phantom_credentials")
    assert (finding.subject, finding.severity) == (PHANTOM, "medium")


def test_thresholds_come_from_a_file_and_nothing_else_passes() -> None:
    limits = Thresholds.of({"spread_regions": 2})
    pair = [invoke(day(3, n), awsRegion=r) for n, r in enumerate(("us-east-1", "us-west-2"))]
    assert found(pair, "region_spread") == []
    assert len(found(pair, "region_spread", limits)) == 1
    for wrong in (
        {"burst": 3},
        {"burst_calls": 0},
        {"burst_calls": True},
        {"burst_calls": "9"},
        {"burst_calls": 1.5},
    ):
        with pytest.raises(GuardError):
            Thresholds.of(wrong)


def credential(name: str, number: str, **more: Any) -> Credential:
    base: dict[str, Any] = {
        "service": "bedrock.amazonaws.com",
        "status": "active",
        "created": NOW - timedelta(days=10),
    }
    return Credential(name, number, **{**base, **more})


def key_rules(*credentials: Credential, calls: pd.DataFrame | None = None) -> dict[str, list[Finding]]:
    records = frame([]) if calls is None else calls
    table = keys_table(
        credentials,
        {},
        records,
        {},
        account_id=ACCOUNT,
        provenance=Provenance("IAM", completeness="complete"),
    )
    rules: dict[str, list[Finding]] = {}
    for finding in find(Evidence(records, NOW, table)):
        rules.setdefault(finding.rule, []).append(finding)
    return rules


def test_a_key_that_never_expires() -> None:
    later = NOW + timedelta(days=5)
    assert key_rules(credential("ben", "1"))["key_never_expires"][0].subject == "ben"
    assert "key_never_expires" not in key_rules(credential("ben", "1", expires=later))
    assert "key_never_expires" not in key_rules(credential("ben", "1", status="inactive"))
    (late,) = key_rules(credential("ben", "1", expires=NOW + timedelta(days=36_600)))["key_never_expires"]
    assert f"ends on {NOW + timedelta(days=36_600):%Y-%m-%d} only" in late.title
    assert "key_never_expires" not in key_rules(credential("ben", "1", expires=NOW + timedelta(days=3_650)))
    unread = credential("ben", "1", status="unreadable")
    assert set(key_rules(unread)) == {"keys_unreadable"}


def test_an_old_secret_and_a_reset_that_makes_it_young() -> None:
    old = credential("ben", "ACCA1", created=NOW - timedelta(days=400), expires=NOW + timedelta(days=5))
    assert key_rules(old)["key_over_age"][0].facts["age_days"] == 400
    young = credential("ada", "0", created=NOW - timedelta(days=1), expires=NOW + timedelta(days=5))
    unread = credential("eve", "9", created=None, expires=NOW + timedelta(days=5))
    (told,) = key_rules(young, unread, old)["key_over_age"]
    assert told.facts["age_days"] == 400, "whatever stands before it"
    edge = credential("ben", "2", created=NOW - timedelta(days=90), expires=NOW + timedelta(days=5))
    assert "key_over_age" not in key_rules(edge)
    reset = event(
        "ResetServiceSpecificCredential",
        NOW - timedelta(days=3),
        "iam",
        requestParameters={"serviceSpecificCredentialId": "ACCA1"},
    )
    assert "key_over_age" not in key_rules(old, calls=frame([reset]))


EMPTY = UserFacts(
    PHANTOM,
    arn=f"arn:aws:iam::{ACCOUNT}:user/{PHANTOM}",
    attached_policies=(),
    inline_policies=(),
    groups=(),
    access_keys=(),
    login_profile=False,
    mfa_devices=0,
    ssh_keys=0,
    certificates=0,
)


def verdict(facts: UserFacts, credentials: list[Credential] | None, calls: pd.DataFrame | None) -> str:
    (phantom,) = phantom_users([facts], credentials, calls)
    return phantom.verdict


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "orphan"),
        ({"access_keys": (AccessKey("AKIAEXAMPLE1", active=False),)}, "in_use"),
        ({"access_keys": None}, "cannot_say"),
        ({"login_profile": True}, "in_use"),
        ({"login_profile": None}, "cannot_say"),
        ({"groups": ("a",)}, "in_use"),
        ({"groups": None}, "cannot_say"),
        ({"mfa_devices": 1}, "in_use"),
        ({"ssh_keys": None}, "cannot_say"),
        ({"certificates": 2}, "in_use"),
        ({"arn": None}, "cannot_say"),
    ],
)
def test_the_word_orphan_needs_everything_empty_and_readable(change: dict[str, Any], expected: str) -> None:
    import dataclasses

    assert verdict(dataclasses.replace(EMPTY, **change), [], frame([])) == expected


def test_credentials_and_activity_count_for_an_orphan_too() -> None:
    quiet = frame([])
    assert verdict(EMPTY, None, quiet) == "cannot_say"
    assert verdict(EMPTY, [credential(PHANTOM, "1", status="expired")], quiet) == "in_use"
    assert verdict(EMPTY, [credential(PHANTOM, "1", service="codecommit.amazonaws.com")], quiet) == "in_use"
    assert verdict(EMPTY, [credential("ben", "1")], quiet) == "orphan"
    assert verdict(EMPTY, [], None) == "cannot_say"
    assert verdict(EMPTY, [], frame([invoke(day(1), who=PHANTOM)])) == "in_use"
    assert verdict(EMPTY, [], frame([event("AttachUserPolicy", day(1), "iam", **ON_PHANTOM)])) == "orphan"
    phantoms = phantom_users([EMPTY, UserFacts("ben")], [], quiet)
    assert [phantom.user for phantom in phantoms] == [PHANTOM]
    (finding,) = find(Evidence(quiet, NOW, phantoms=phantoms))
    assert finding.rule == "phantom_orphans"


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (LastUse(None, "access advisor has no use of Bedrock", ()), "orphan"),
        (LastUse(None, "access advisor has no use of Bedrock", (("s3", day(59)),)), "in_use"),
        (LastUse(None, "access advisor", (("bedrock", NOW - timedelta(days=300)),)), "orphan"),
        (LastUse(None, "access advisor not read (refused)"), "cannot_say"),
        (None, "cannot_say"),
    ],
)
def test_access_advisor_tells_of_services_that_the_records_leave_out(
    use: LastUse | None, expected: str
) -> None:
    used = {} if use is None else {PHANTOM: use}
    (phantom,) = phantom_users([EMPTY], [], frame([]), used)
    assert phantom.verdict == expected


NO_LOGGING = "DeleteModelInvocationLoggingConfiguration"
LOGGING_REFUSED = {
    "errorCode": "AccessDenied",
    "errorMessage": f"User: arn:aws:iam::{ACCOUNT}:user/ana is not authorized to perform: bedrock:{NO_LOGGING} "
    "because no identity-based policy allows the action",
}


def test_a_refused_attempt_to_switch_logging_off_is_told() -> None:
    plain_try = event(NO_LOGGING, day(3), **LOGGING_REFUSED)
    (one,) = found([plain_try], "logging_off_refused")
    assert (one.severity, one.evidence) == ("medium", (plain_try["eventID"],))
    (grave,) = found([event(NO_LOGGING, day(3), **LOGGING_REFUSED, **KEY_MARK)], "logging_off_refused")
    assert grave.severity == "high"
    assert not found([event(NO_LOGGING, day(3))], "logging_off_refused")
    put = event("PutModelInvocationLoggingConfiguration", day(3), **LOGGING_REFUSED)
    assert not found([put], "logging_off_refused")


def test_how_long_logging_was_off_is_told() -> None:
    (one,) = found([event(NO_LOGGING, day(3)), put_logging(LOGGED, 5)], "invocation_logging_weakened")
    assert one.facts["set_again"] == day(5)
    (other,) = found([put_logging(LOGGED, 2), event(NO_LOGGING, day(3))], "invocation_logging_weakened")
    assert other.facts["set_again"] is None
    assert "not set again in the records" in other.title


def test_findings_need_a_trail() -> None:
    records = frame([key(), event("StopLogging", day(1), "cloudtrail", requestParameters={"name": "main"})])
    assert [one.severity for one in find(Evidence(records, NOW))] == ["high", "high"]
    with pytest.raises(MissingColumns):
        find(Evidence(pd.DataFrame({"x": [1]}), NOW))


def test_every_question_is_answered_with_nothing_and_with_something() -> None:
    zone = ZoneInfo("Europe/Berlin")
    for records in ([], [*STEADY, *BURST, key(), key(**REFUSED), *LOOKS, put_logging(LOGGED, 1)]):
        calls = frame(records)
        table = keys_table(
            [credential("ben", "1")], {}, calls, {}, account_id=ACCOUNT, provenance=Provenance("IAM")
        )
        for keys in (None, table):
            given = answers(Case(Evidence(calls, NOW, keys), zone))
            assert (
                [answer.number for answer in given]
                == list(range(1, len(QUESTIONS) + 1))
                == list(range(1, 23))
            )
            assert all(answer.answer for answer in given)
            known = {item["eventID"] for item in records}
            assert all(set(answer.evidence) <= known for answer in given)
            states = {answer.number: answer.completeness for answer in given}
            assert states[1] == ("unknown" if keys is None else "complete")
            assert states[13] == "unknown"
            assert states[22] == "floor"


@pytest.mark.parametrize(
    "address", ["AWS Internal", "x" * 5000, "", None, "300.1.1.1", "::ffff:1.2.3.4%eth0"]
)
def test_addresses_that_are_none(address: Any) -> None:
    assert network_of(address) is None or "/" in str(network_of(address))


def test_thresholds_stand_in_the_spec_file(tmp_path: Path) -> None:
    spec = example_spec().model_copy(update={"findings": {"key_age_days": 30}})
    path = tmp_path / "guard.toml"
    path.write_text(spec.dumps(), encoding="utf-8")
    assert "[findings]" in path.read_text(encoding="utf-8")
    assert thresholds_of(path) == Thresholds(key_age_days=30)
    assert thresholds_of("") == Thresholds()
    path.write_text(spec.dumps().replace("key_age_days", "key_rage_days"), encoding="utf-8")
    with pytest.raises(GuardError, match="key_rage_days"):
        thresholds_of(path)
    path.write_text(spec.dumps().replace("= 30", "= 0"), encoding="utf-8")
    with pytest.raises(GuardError):
        thresholds_of(path)


def added(target: str | None, by: str, number: float, **members: Any) -> dict[str, Any]:
    return event(
        "CreateAccessKey",
        day(number),
        "iam",
        by,
        requestParameters={"userName": target} if target else None,
        responseElements={"accessKey": {"userName": target or by, "accessKeyId": "AKIAEXAMPLE00000001"}},
        **members,
    )


def test_a_user_made_for_a_key_that_makes_an_access_key_for_itself_names_nobody() -> None:
    (one,) = found([added(None, "BedrockAPIKey-ab12", 1)], "phantom_credentials")
    assert (one.subject, one.severity) == ("BedrockAPIKey-ab12", "high")
    bare = added(None, "BedrockAPIKey-ab12", 1, errorCode="AccessDenied")
    assert found([bare | {"responseElements": None}], "phantom_credentials") == [], "whose it was is not said"


def test_additions_to_an_ordinary_user_with_a_key_are_told_too() -> None:
    calls = frame([added("ben", "mallory", 1), added("cy", "mallory", 2)])
    keys = keys_table(
        [credential("ben", "1")], {}, calls, {}, account_id="111122223333", provenance=Provenance("IAM")
    )
    evidence = Evidence(calls, day(30), keys)
    assert not [one for one in find(evidence) if one.rule == "phantom_credentials"]
    answer = answers(Case(evidence, UTC))[6]
    assert "mallory added an access key to ben" in answer.answer
    assert "cy" not in answer.answer
    assert answer.evidence == (str(calls["event_id"].iloc[0]),)


def test_three_signs_together_look_like_theft() -> None:
    signs = [("new_network", "ana"), ("new_client", "ana"), ("new_network", "ben"), ("key_created", "ben")]
    assert signs_of_theft(signs) == {}
    assert list(signs_of_theft([*signs, ("burst", "ana"), ("burst", "ana")])) == ["ana"]


def test_the_page_of_findings_is_in_step_and_every_rule_has_both_examples() -> None:
    shipped_page = Path(__file__).parents[2] / "docs" / "findings.md"
    made = page()
    rerun = "run python -m bedrock_guard.evidence.findings_page docs/findings.md"
    assert shipped_page.read_text(encoding="utf-8") == made, rerun
    rows = [line.split(" | ") for line in made.splitlines() if line.startswith("| `")]
    assert all(cell.strip(" |") for row in rows for cell in row), "a rule or threshold without words"
    named = {row[0].strip("| `") for row in rows}
    assert {item.name for item in fields(Thresholds)} < named
    rules = [
        *KEY_RULES,
        *USE_RULES,
        *LOGGING_RULES,
        *CHANGE_RULES,
        break_glass_used,
        denied_burst,
        key_expiring,
    ]
    assert {rule.__name__ for rule in rules} == named - {item.name for item in fields(Thresholds)}


def test_where_nobody_else_came_from_is_no_fault() -> None:
    nothing = pd.DataFrame(
        columns=["event_time", "principal", "session", "operation", "source_ip", "invoked_by"]
    )
    assert others_from(["203.0.113.0/24"], "BedrockAPIKey-h7qz", nothing) == ()
