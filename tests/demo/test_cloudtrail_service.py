"""CloudTrail of the demo account, read only through boto3."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedrock_guard.account.session import Account
from bedrock_guard.demo.company import Company, make_company
from bedrock_guard.demo.faults import Fault
from bedrock_guard.demo.opening import Size, open_backend

CALLS = 1_500
REGIONS = ("us-east-1", "us-east-2", "us-west-2", "eu-west-1")


@pytest.fixture(scope="module")
def company() -> Company:
    return make_company(calls=CALLS)


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account.on_demo(open_backend(tmp_path / "state.sqlite", Size(calls=CALLS)))


def lookup(account: Account, client: Any, **asked: Any) -> list[dict[str, Any]]:
    """Every page, half a demo second apart."""
    events: list[dict[str, Any]] = []
    while True:
        account.clock.sleep(0.5)
        answer = client.lookup_events(**asked)
        events += answer["Events"]
        if "NextToken" not in answer:
            return events
        asked["NextToken"] = answer["NextToken"]


def by(name: str, value: str) -> dict[str, Any]:
    return {"LookupAttributes": [{"AttributeKey": name, "AttributeValue": value}]}


def code_of(call: Any, **asked: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**asked)
    return str(caught.value.response["Error"]["Code"])


def test_a_whole_walk_finds_every_management_event_of_the_account(account, company):
    events = [event for region in REGIONS for event in lookup(account, account.client("cloudtrail", region))]
    expected = [
        record
        for record in company.events
        if record["recipientAccountId"] == "111122223333" and record["eventCategory"] == "Management"
    ]
    assert Counter(event["EventId"] for event in events) == Counter(record["eventID"] for record in expected)
    originals = {record["eventID"]: record for record in expected}
    assert all(json.loads(event["CloudTrailEvent"]) == originals[event["EventId"]] for event in events)


def test_member_accounts_have_their_own_history(account, company):
    who = "arn:aws:iam::000000000011:role/security-audit"
    member = Account.on_demo(account.demo_backend, principal=who)
    events = [event for region in REGIONS for event in lookup(account, member.client("cloudtrail", region))]
    records = [json.loads(event["CloudTrailEvent"]) for event in events]
    assert {record["recipientAccountId"] for record in records} == {"000000000011"}
    calls = [r for r in records if "modelId" in (r["requestParameters"] or {}) and "errorCode" not in r]
    made = [r for r in calls if r["eventName"] != "CreateModelInvocationJob"]
    assert len(made) == company.truth["calls"]["by_account"]["000000000011"]


def test_newest_come_first_and_the_row_has_the_shape_of_aws(account):
    events = lookup(account, account.client("cloudtrail", "us-west-2"))
    times = [event["EventTime"] for event in events]
    assert times == sorted(times, reverse=True)
    row = events[0]
    assert row["EventTime"].tzinfo is not None
    assert row["ReadOnly"] == "true"
    assert isinstance(row["CloudTrailEvent"], str)
    assert {"EventId", "EventName", "EventSource", "Username", "Resources"} <= set(row)


def test_mantle_inference_is_never_there_but_its_control_plane_is(account):
    client = account.client("cloudtrail", "us-west-2")
    events = lookup(account, client, **by("EventSource", "bedrock-mantle.amazonaws.com"))
    assert {event["EventName"] for event in events} == {"ListModels"}


def test_each_attribute_finds_what_it_says(account, company):
    client = account.client("cloudtrail")
    phantom = company.truth["phantom_user"]
    everything = lookup(account, client)
    some = next(event for event in everything if "AccessKeyId" in event)
    for name, field in (
        ("EventId", "EventId"), ("EventName", "EventName"), ("EventSource", "EventSource"),
        ("Username", "Username"), ("AccessKeyId", "AccessKeyId"), ("ReadOnly", "ReadOnly"),
    ):  # fmt: skip
        found = lookup(account, client, **by(name, some[field]))
        assert [e["EventId"] for e in found] == [
            e["EventId"] for e in everything if e.get(field) == some[field]
        ], name
    made = lookup(account, client, **by("ResourceName", phantom))
    assert [event["EventName"] for event in made] == [
        "CreateServiceSpecificCredential", "AttachUserPolicy", "CreateUser",
    ]  # fmt: skip
    users = lookup(account, client, **by("ResourceType", "AWS::IAM::User"))
    assert {event["EventId"] for event in made} < {event["EventId"] for event in users}


def test_the_username_of_a_role_is_its_session(account):
    found = lookup(
        account, account.client("cloudtrail", "us-west-2"), **by("Username", "theo.marsh@example.com")
    )
    assert found
    assert all(
        "assumed-role" in json.loads(event["CloudTrailEvent"])["userIdentity"]["arn"] for event in found
    )


def test_iam_is_in_us_east_1_only(account):
    source = by("EventSource", "iam.amazonaws.com")
    assert lookup(account, account.client("cloudtrail", "us-east-1"), **source)
    assert not lookup(account, account.client("cloudtrail", "us-west-2"), **source)


def test_times_are_both_inclusive(account):
    client = account.client("cloudtrail")
    middle = lookup(account, client)[40]["EventTime"]
    only = lookup(account, client, StartTime=middle, EndTime=middle)
    assert only
    assert {event["EventTime"] for event in only} == {middle}


def test_history_ends_after_ninety_days(account):
    client = account.client("cloudtrail")
    before = lookup(account, client)
    account.clock.sleep(30 * 86_400)
    after = lookup(account, client)
    oldest = account.clock.now() - timedelta(days=90)
    assert 0 < len(after) < len(before)
    assert min(event["EventTime"] for event in after) >= oldest
    far = datetime(2020, 1, 1, tzinfo=UTC)
    assert len(lookup(account, client, StartTime=far)) == len(after)


def test_two_requests_a_second_and_no_more(account):
    client = account.client("cloudtrail", attempts=1)
    client.lookup_events(MaxResults=1)
    client.lookup_events(MaxResults=1)
    assert code_of(client.lookup_events, MaxResults=1) == "ThrottlingException"
    account.client("cloudtrail", "us-west-2", attempts=1).lookup_events(MaxResults=1)
    account.clock.sleep(0.5)
    client.lookup_events(MaxResults=1)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"LookupAttributes": by("EventName", "a")["LookupAttributes"] * 2}, "InvalidLookupAttributesException"),
        (by("ReadOnly", "yes"), "InvalidLookupAttributesException"),
        ({"StartTime": datetime(2026, 11, 2, tzinfo=UTC), "EndTime": datetime(2026, 11, 1, tzinfo=UTC)},
         "InvalidTimeRangeException"),
        ({"NextToken": "made-up"}, "InvalidNextTokenException"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(account, asked, code):
    assert code_of(account.client("cloudtrail").lookup_events, **asked) == code


def test_a_token_belongs_to_its_question(account):
    client = account.client("cloudtrail")
    token = client.lookup_events(MaxResults=2)["NextToken"]
    account.clock.sleep(5)
    assert client.lookup_events(NextToken=token, MaxResults=3)["Events"]
    assert (
        code_of(client.lookup_events, NextToken=token, **by("EventName", "Converse"))
        == "InvalidNextTokenException"
    )


def test_short_and_empty_pages_lose_nothing(account):
    client = account.client("cloudtrail")
    whole = [event["EventId"] for event in lookup(account, client)]
    account.demo_backend.faults.set(
        Fault("cloudtrail:LookupEvents", "empty_page", at={1, 3}),
        Fault("cloudtrail:LookupEvents", "short_page", at={2, 4}),
    )
    assert [event["EventId"] for event in lookup(account, client)] == whole


def test_the_trail(account):
    home, away = account.client("cloudtrail"), account.client("cloudtrail", "eu-west-1")
    trail = home.describe_trails()["trailList"][0]
    assert trail["IsOrganizationTrail"] is True
    assert away.describe_trails()["trailList"] == [trail]
    assert away.describe_trails(includeShadowTrails=False)["trailList"] == []
    assert home.get_trail_status(Name=trail["Name"])["IsLogging"] is True
    assert away.get_trail_status(Name=trail["TrailARN"])["IsLogging"] is True
    assert code_of(away.get_trail_status, Name=trail["Name"]) == "TrailNotFoundException"
    selectors = home.get_event_selectors(TrailName=trail["Name"])["AdvancedEventSelectors"]
    fields = [{f["Field"]: f["Equals"] for f in s["FieldSelectors"]} for s in selectors]
    assert {"eventCategory": ["Management"]} in fields
