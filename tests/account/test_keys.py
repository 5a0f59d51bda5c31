"""Keys, users and principals of an account: every page, what cannot be read, and the demo company's story."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import boto3
import pandas as pd
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from other_readers import normalise

from bedrock_guard.account.keys import last_accessed, list_credentials, read_keys, read_user
from bedrock_guard.account.principals import read_principals
from bedrock_guard.account.resources import kept_profiles, read_resources
from bedrock_guard.account.session import Account
from bedrock_guard.account.trail_lookup import look_up
from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.demo.clock import DemoClock
from bedrock_guard.evidence.finding import Evidence, Thresholds
from bedrock_guard.evidence.findings import find
from bedrock_guard.evidence.key_facts import AccessKey, Credential, UserFacts, status_of
from bedrock_guard.evidence.key_use import key_use, short_term_sessions
from bedrock_guard.evidence.keys import LastUse, creator_of, last_use, refine_key_kinds
from bedrock_guard.evidence.tables import PRICES, Provenance, provenance_of
from bedrock_guard.evidence.usage import to_frame

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ACCOUNT = "111122223333"
BEDROCK = "bedrock.amazonaws.com"


@pytest.fixture
def iam() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client(
        "iam",
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with Stubber(client) as stub:
        yield client, stub


def row(user: str, number: int, **more: Any) -> dict[str, Any]:
    return {
        "UserName": user,
        "Status": "Active",
        "CreateDate": NOW - timedelta(days=10),
        "ServiceSpecificCredentialId": f"ACCAEXAMPLE{number:09}",
        "ServiceName": BEDROCK,
        **more,
    }


def page(rows: list[dict[str, Any]], marker: str = "") -> dict[str, Any]:
    return {"ServiceSpecificCredentials": rows, "IsTruncated": bool(marker)} | (
        {"Marker": marker} if marker else {}
    )


LIST = "list_service_specific_credentials"


def test_every_page_of_all_users_is_read(iam: tuple[Any, Stubber]) -> None:
    client, stub = iam
    stub.add_response(LIST, page([row("a", 1)], "m1"), {"AllUsers": True, "MaxItems": 1000})
    stub.add_response(LIST, page([], "m2"), {"AllUsers": True, "MaxItems": 1000, "Marker": "m1"})
    stub.add_response(LIST, page([row("b", 2)]), {"AllUsers": True, "MaxItems": 1000, "Marker": "m2"})
    found = list_credentials(client, NOW)
    assert ([c.user for c in found.credentials], found.completeness) == (["a", "b"], "complete")
    stub.assert_no_pending_responses()


def test_a_repeated_marker_is_a_floor(iam: tuple[Any, Stubber]) -> None:
    client, stub = iam
    for _ in range(2):
        stub.add_response(LIST, page([row("a", 1)], "m"))
    found = list_credentials(client, NOW)
    assert (len(found.credentials), found.completeness, found.whole) == (2, "floor", None)


def test_where_all_users_is_refused_each_user_is_asked_and_unreadable_is_a_state(
    iam: tuple[Any, Stubber],
) -> None:
    client, stub = iam
    stub.add_client_error(LIST, "AccessDenied")
    stub.add_response(LIST, page([row("a", 1)]), {"UserName": "a", "MaxItems": 1000})
    stub.add_client_error(LIST, "AccessDenied")
    found = list_credentials(client, NOW, ("a", "b"))
    assert {c.user: c.status for c in found.credentials} == {"a": "active", "b": "unreadable"}
    assert found.completeness == "floor"
    assert found.whole is None
    assert "AccessDenied" in found.why


def test_nothing_readable_is_unknown_and_not_none(iam: tuple[Any, Stubber]) -> None:
    client, stub = iam
    stub.add_client_error(LIST, "AccessDenied")
    found = list_credentials(client, NOW)
    assert (found.credentials, found.completeness) == ((), "unknown")


def test_an_empty_answer_that_is_not_aws_is_not_none_either(iam: tuple[Any, Stubber]) -> None:
    client, stub = iam
    stub.add_response(LIST, {})
    assert list_credentials(client, NOW).completeness == "unknown"


@pytest.mark.parametrize(
    ("stated", "ends_in", "status"),
    [
        ("Active", None, "active"),
        ("Active", 1, "active"),
        ("Active", -1, "expired"),
        ("Active", 0, "expired"),
        ("Inactive", None, "inactive"),
        ("Inactive", -1, "expired"),
        ("Expired", None, "expired"),
        ("Expired", 5, "expired"),
        ("Strange", None, "unreadable"),
        (None, None, "unreadable"),
    ],
)
def test_the_state_is_what_iam_says_and_what_the_date_says(
    stated: Any, ends_in: int | None, status: str
) -> None:
    ends = None if ends_in is None else NOW + timedelta(days=ends_in)
    assert status_of(stated, ends, NOW) == status


USER = {
    "UserName": "a",
    "Arn": f"arn:aws:iam::{ACCOUNT}:user/a",
    "Path": "/",
    "UserId": "AIDAEXAMPLE00001",
    "CreateDate": NOW,
}
ACCESS_KEY = {"AccessKeyId": "AKIAEXAMPLE000001", "Status": "Inactive"}
ATTACHED = {"PolicyArn": "arn:aws:iam::aws:policy/P", "PolicyName": "P"}
READS: dict[str, dict[str, Any]] = {
    "get_user": {"User": USER},
    "list_attached_user_policies": {"AttachedPolicies": [ATTACHED], "IsTruncated": False},
    "list_user_policies": {"PolicyNames": ["own"], "IsTruncated": False},
    "list_groups_for_user": {"Groups": [], "IsTruncated": False},
    "list_access_keys": {"AccessKeyMetadata": [ACCESS_KEY], "IsTruncated": False},
    "get_login_profile": {"LoginProfile": {"UserName": "a", "CreateDate": NOW}},
    "list_mfa_devices": {"MFADevices": [], "IsTruncated": False},
    "list_ssh_public_keys": {"SSHPublicKeys": [], "IsTruncated": False},
    "list_signing_certificates": {"Certificates": [], "IsTruncated": False},
}


@pytest.mark.parametrize("refused", [None, *READS])
def test_a_part_that_cannot_be_read_is_none_and_named(iam: tuple[Any, Stubber], refused: str | None) -> None:
    client, stub = iam
    for operation, answer in READS.items():
        if operation == refused:
            stub.add_client_error(operation, "AccessDenied")
        else:
            stub.add_response(operation, answer)
    facts = read_user(client, "a")
    assert facts.unreadable == ((f"{refused}: AccessDenied",) if refused else ())
    parts = {
        "get_user": facts.arn,
        "list_attached_user_policies": facts.attached_policies,
        "list_user_policies": facts.inline_policies,
        "list_groups_for_user": facts.groups,
        "list_access_keys": facts.access_keys,
        "get_login_profile": facts.login_profile,
        "list_mfa_devices": facts.mfa_devices,
        "list_ssh_public_keys": facts.ssh_keys,
        "list_signing_certificates": facts.certificates,
    }
    assert {name for name, value in parts.items() if value is None} == ({refused} if refused else set())


@pytest.mark.parametrize("refused", [None, "list_attached_group_policies", "list_group_policies"])
def test_policies_of_groups_count_and_unread_ones_make_the_rest_unknown(
    iam: tuple[Any, Stubber], refused: str | None
) -> None:
    client, stub = iam
    group = {
        "GroupName": "g",
        "Path": "/",
        "GroupId": "AGPAEXAMPLE00001",
        "Arn": f"{USER['Arn']}",
        "CreateDate": NOW,
    }
    of_group = {
        "list_attached_group_policies": {"AttachedPolicies": [ATTACHED], "IsTruncated": False},
        "list_group_policies": {"PolicyNames": ["own"], "IsTruncated": False},
    }
    answers: dict[str, dict[str, Any]] = {}
    for operation, answer in READS.items():
        answers[operation] = answer
        if operation == "list_groups_for_user":
            answers[operation] = {"Groups": [group], "IsTruncated": False}
            answers |= of_group
    for operation, answer in answers.items():
        if operation == refused:
            stub.add_client_error(operation, "AccessDenied")
        elif not (refused == "list_attached_group_policies" and operation == "list_group_policies"):
            stub.add_response(operation, answer)
    facts = read_user(client, "a")
    told = [
        ATTACHED["PolicyArn"],
        "inline:own",
        "group:g",
        f"group:g:{ATTACHED['PolicyArn']}",
        "group:g:inline:own",
    ]
    assert facts.policies() == (None if refused else told)
    assert facts.unreadable == ((f"{refused}: AccessDenied",) if refused else ())


def test_no_password_is_told_from_an_unreadable_one(iam: tuple[Any, Stubber]) -> None:
    client, stub = iam
    for operation, answer in READS.items():
        if operation == "get_login_profile":
            stub.add_client_error(operation, "NoSuchEntity")
        else:
            stub.add_response(operation, answer)
    facts = read_user(client, "a")
    assert (facts.login_profile, facts.unreadable) == (False, ())
    assert facts.access_keys == (AccessKey("AKIAEXAMPLE000001", active=False),)


class Stubbed:
    """One stubbed client and a clock that costs no time."""

    def __init__(self, client: Any) -> None:
        self.clock = DemoClock()
        self.now = self.clock.start
        self.account_id = ACCOUNT
        self._client = client

    def client(self, service: str, region: str | None = None) -> Any:
        return self._client


def details(status: str, services: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    times = {"JobCreationDate": NOW, "JobCompletionDate": NOW}
    return {"JobStatus": status, **times, "ServicesLastAccessed": services, **more}


def service(name: str, at: datetime | None) -> dict[str, Any]:
    return {"ServiceName": name, "ServiceNamespace": name} | ({"LastAuthenticated": at} if at else {})


JOB = {"JobId": "0" * 36}
FACTS = UserFacts("a", arn=f"arn:aws:iam::{ACCOUNT}:user/a")


def test_access_advisor_waits_for_its_job_and_reads_every_page(iam: tuple[Any, Stubber]) -> None:
    client, stub = iam
    stub.add_response("generate_service_last_accessed_details", JOB)
    stub.add_response("get_service_last_accessed_details", details("IN_PROGRESS", []))
    first = details(
        "COMPLETED",
        [service("bedrock", NOW - timedelta(days=3)), service("s3", NOW)],
        IsTruncated=True,
        Marker="m",
    )
    stub.add_response("get_service_last_accessed_details", first)
    last = details("COMPLETED", [service("bedrock-mantle", NOW - timedelta(days=1))])
    stub.add_response("get_service_last_accessed_details", last, {**JOB, "Marker": "m"})
    account = Stubbed(client)
    assert last_accessed(account, FACTS) == LastUse(NOW - timedelta(days=1), "access advisor")
    assert account.clock.now() > account.clock.start


@pytest.mark.parametrize(
    "answers",
    [["refused"], [details("FAILED", [])], [details("IN_PROGRESS", [])] * 61],
)
def test_an_advisor_that_does_not_answer_is_named(iam: tuple[Any, Stubber], answers: list[Any]) -> None:
    client, stub = iam
    stub.add_response("generate_service_last_accessed_details", JOB)
    for answer in answers:
        if answer == "refused":
            stub.add_client_error("get_service_last_accessed_details", "AccessDenied")
        else:
            stub.add_response("get_service_last_accessed_details", answer)
    found = last_accessed(Stubbed(client), FACTS)
    assert found.at is None
    assert "not read" in found.source


# Pure parts --------------------------------------------------------------------------------------------------------


def calls_of(records: list[dict[str, Any]], start: datetime = NOW - timedelta(days=90)) -> pd.DataFrame:
    proof = Provenance("test records", window_start=start, window_end=NOW, completeness="floor", why="a test")
    base = {
        "eventTime": "2026-10-20T08:00:00Z",
        "eventSource": BEDROCK,
        "eventName": "Converse",
        "recipientAccountId": ACCOUNT,
    }
    numbered = [{"eventID": f"k{n}", **base, **item} for n, item in enumerate(records)]
    return to_frame(normalise(numbered, set()).rows, provenance=proof)


def by(user: str, **more: Any) -> dict[str, Any]:
    identity = {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/{user}", **more}
    return {"userIdentity": identity, "additionalEventData": {"callWithBearerToken": "true"}}


KEY = Credential("ben", "ACCA1", BEDROCK, "active", created=NOW - timedelta(days=5))
CREATED = {
    "eventSource": "iam.amazonaws.com",
    "eventName": "CreateServiceSpecificCredential",
    "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/admin"},
    "requestParameters": {"userName": "ben", "serviceName": BEDROCK},
    "responseElements": {
        "serviceSpecificCredential": {"serviceSpecificCredentialId": "ACCA1", "userName": "ben"}
    },
}


def test_the_creator_is_known_or_why_not() -> None:
    known = creator_of(KEY, calls_of([CREATED]))
    assert (known.who, known.completeness, known.event_id) == (
        f"arn:aws:iam::{ACCOUNT}:user/admin",
        "known",
        "k0",
    )
    assert "no records" in creator_of(KEY, None).completeness
    old = Credential("ben", "ACCA1", BEDROCK, "active", created=NOW - timedelta(days=200))
    assert "older than the records" in creator_of(old, calls_of([])).completeness
    assert "not among the records read" in creator_of(KEY, calls_of([])).completeness
    refused = {**CREATED, "errorCode": "AccessDenied"}
    assert creator_of(KEY, calls_of([refused])).who is None


def test_last_use_names_its_source_and_shared_keys() -> None:
    calls = calls_of([by("path/ben")])
    seen = datetime(2026, 10, 20, 8, tzinfo=UTC)
    assert last_use("ben", calls, None) == LastUse(seen, "CloudTrail")
    assert "shared by 2 keys" in last_use("ben", calls, None, keys_of_user=2).source
    later = LastUse(NOW, "access advisor")
    assert last_use("ben", calls, later).at == NOW
    assert "access advisor" in last_use("ben", calls, later).source
    assert last_use("en", calls, None).at is None
    assert last_use("ben", calls, None, account_id="000000000011").at is None
    assert "no source" in last_use("ben", None, None).source
    assert "since" in last_use("cy", calls, None).source
    denied = calls_of([{**by("ben"), "errorCode": "AccessDenied"}])
    assert last_use("ben", denied, None).at == seen


WITH_AKIA = (by("ben", accessKeyId="AKIAEXAMPLE000001"), by("cy", accessKeyId="AKIAEXAMPLE000002"))


def test_unknown_key_kinds_are_settled_by_what_iam_lists() -> None:
    calls = calls_of([*WITH_AKIA])
    assert list(calls["key_kind"]) == ["unknown", "unknown"]
    own = UserFacts("ben", access_keys=(AccessKey("AKIAEXAMPLE000001", active=True),))
    assert list(refine_key_kinds(calls, [KEY], {"ben": own})["key_kind"]) == ["short_term", "unknown"]
    assert list(refine_key_kinds(calls, None, {})["key_kind"]) == ["unknown", "unknown"]
    assert list(refine_key_kinds(calls, [KEY], {})["key_kind"]) == ["unknown", "unknown"], "IAM is not read"
    calls = calls_of([*WITH_AKIA, {**CREATED, "eventName": "ListUsers"}])
    assert list(refine_key_kinds(calls, [KEY], {})["key_kind"][:2]) == ["unknown", "short_term"]


@pytest.mark.parametrize("named", [True, False])
def test_a_key_that_was_deleted_since_may_have_made_the_call(named: bool) -> None:
    deleted = {
        "eventSource": "iam.amazonaws.com",
        "eventName": "DeleteServiceSpecificCredential",
        "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/admin"},
        "requestParameters": {
            "serviceSpecificCredentialId": "ACCA1",
            **({"userName": "ben"} if named else {}),
        },
    }
    calls = calls_of([by("ben", accessKeyId="AKIAEXAMPLE000001"), deleted])
    assert refine_key_kinds(calls, [], {})["key_kind"].iloc[0] == "unknown"


def test_spend_is_a_floor_with_everything_uncounted_beside_it() -> None:
    model = "anthropic.claude-haiku-4-5-20251001-v1:0"
    tokens = {"callWithBearerToken": True, "inputTokens": 2_000_000, "outputTokens": 1_000_000}
    base = {
        "awsRegion": "us-east-1",
        "requestParameters": {"modelId": model},
        "userIdentity": by("ben")["userIdentity"],
    }
    calls = calls_of(
        [
            {**base, "additionalEventData": tokens},
            {**base, "additionalEventData": {"callWithBearerToken": True}},
            {**base, "additionalEventData": tokens, "requestParameters": {"modelId": "acme.new-v1:0"}},
            {**base, "additionalEventData": tokens, "errorCode": "ThrottlingException"},
        ]
    )
    line = {
        "model": model,
        "region": "us-east-1",
        "route": "regional",
        "tier": "standard",
        "unit_tokens": 1_000_000,
    }
    prices = PRICES.frame(
        [
            {**line, "token_kind": "input", "usd_per_unit": Decimal("1.10")},
            {**line, "token_kind": "output", "usd_per_unit": Decimal("5.50")},
            {**line, "token_kind": "output", "usd_per_unit": Decimal(1), "tier": "batch"},
        ]
    )
    (use,) = key_use(calls, prices).to_dict("records")
    assert (use["calls_without_tokens"], use["calls_without_price"]) == (1, 1)
    assert (use["calls"], use["failed"], use["usd_at_least"]) == (4, 1, Decimal("7.70"))
    assert key_use(calls).iloc[0]["usd_at_least"] is None


def test_the_floor_of_dollars_goes_by_the_tier_asked_for_and_by_the_lowest_of_several_prices() -> None:
    model = "amazon.nova-lite-v1:0"
    unit = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abc"
    base = {
        "eventName": "Converse",
        "awsRegion": "us-east-1",
        "additionalEventData": {"callWithBearerToken": True, "inputTokens": 1_000_000, "outputTokens": 0},
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ana"},
    }
    asked = [{"modelId": model}, {"modelId": model, "serviceTier": {"type": "flex"}}, {"modelId": unit}]
    calls = calls_of([{**base, "eventID": str(n), "requestParameters": one} for n, one in enumerate(asked)])
    calls.loc[calls["model_raw"] == unit, ["model", "route"]] = [model, "in_region"]
    line = {"model": model, "region": "us-east-1", "route": "regional", "unit_tokens": 1_000_000}
    prices = PRICES.frame(
        [
            {**line, "token_kind": kind, "tier": tier, "usd_per_unit": Decimal(usd), "usage_type": usage_type}
            for kind in ("input", "output")
            for tier, usd, usage_type in (("standard", 6, "a"), ("standard", 7, "b"), ("flex", 3, "c"))
        ]
    )
    (use,) = key_use(calls, prices).to_dict("records")
    assert (use["usd_at_least"], use["calls_without_price"]) == (Decimal(9), 1)


# The demo company --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo() -> Account:
    return Account.demo(calls=2000)


@pytest.fixture(scope="module")
def history(demo: Account) -> pd.DataFrame:
    regions = ["us-east-1", "us-east-2", "us-west-2", "eu-west-1"]
    return look_up(demo, regions, demo.now - timedelta(days=90), demo.now).reading.frame


def test_the_demo_story_is_told(demo: Account, history: pd.DataFrame) -> None:
    keys = read_keys(demo, history)
    states = dict(zip(keys.table["user"], keys.table["status"], strict=True))
    assert states == {
        "BedrockAPIKey-h7qz": "active",
        "reporting-batch": "active",
        "contractor-vega": "inactive",
        "bedrock-pilot": "expired",
    }
    endless = keys.table[keys.table["never_expires"].fillna(value=False)]
    assert list(endless["user"]) == ["reporting-batch"]
    phantom = keys.table.set_index("user").loc["BedrockAPIKey-h7qz"]
    assert "mira.okafor" in phantom["creator"]
    assert [p.verdict for p in keys.phantoms] == ["in_use"]
    assert keys.calls is not None
    found = find(Evidence(keys.calls, demo.now, keys.table, keys.phantoms), Thresholds(baseline_calls=5))
    about_leak = {finding.rule for finding in found if "BedrockAPIKey-h7qz" in finding.subject}
    assert about_leak >= {
        "key_created",
        "new_client",
        "new_network",
        "region_spread",
        "enumeration_then_invocation",
    }
    assert set(keys.users) == set(states), "only who holds a key, or was made for one, is asked about"
    assert {"invocation_logging_weakened", "key_never_expires", "key_creation_refused"} <= {
        f.rule for f in found
    }
    assert len(short_term_sessions(keys.calls))
    assert set(history[history["service"].str.startswith("bedrock-mantle")]["key_kind"]) == {"short_term"}


@pytest.mark.parametrize("advisor", [True, False])
def test_the_access_advisor_is_asked_once_a_user_or_not_at_all(demo: Account, advisor: bool) -> None:
    before = demo.requests.total("iam", "GenerateServiceLastAccessedDetails")
    keys = read_keys(demo, advisor=advisor)
    asked = demo.requests.total("iam", "GenerateServiceLastAccessedDetails") - before
    assert asked == (len(keys.users) if advisor else 0)
    assert keys.table["last_used_source"].str.startswith("unknown").all() != advisor


def test_the_demo_principals(demo: Account, history: pd.DataFrame) -> None:
    found = read_principals(demo, history)
    assert provenance_of(found.table).completeness == "complete"
    table = found.table.set_index("arn")
    assert set(table["kind"]) == {"user", "role"}
    bound = table[table["boundary_arn"].notna()]
    assert all(found.policies[arn].boundary is not None for arn in bound.index)
    assert table["last_activity"].notna().any()
    leaked = table.loc[f"arn:aws:iam::{ACCOUNT}:user/BedrockAPIKey-h7qz"]
    assert "AmazonBedrockLimitedAccess" in str(leaked["attached_policies"])


def test_the_demo_resources(demo: Account) -> None:
    found = read_resources(demo, ["us-west-2", "us-west-2"])
    (unit,) = found.table[found.table["kind"] == "provisioned_throughput"].to_dict("records")
    assert (unit["commitment"], unit["units"]) == ("SixMonths", 1)
    assert unit["ends"] > demo.now
    kept = kept_profiles(found, shipped())
    assert kept[unit["arn"]].endswith("foundation-model/anthropic.claude-3-7-sonnet-20250219-v1:0")
    assert {asked.region for asked in found.asked} == {"us-west-2"}
    assert all(asked.why for asked in found.asked if asked.completeness != "complete")
    assert [state.region for state in found.logging] == ["us-west-2"]
