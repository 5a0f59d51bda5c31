"""Every fault, met by plain boto3 reads and writes: what the product has to live with."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from bedrock_guard.account.session import Account
from bedrock_guard.demo.clock import DemoClock
from bedrock_guard.demo.faults import Fault, SimulatedCrash

OpenAccount = Callable[..., Account]
ALLOW = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)


def set_faults(account: Account, *faults: Fault) -> None:
    assert account.demo_backend is not None
    account.demo_backend.faults.set(*faults)


def code(call: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def versions(account: Account, arn: str) -> list[str]:
    return [v["VersionId"] for v in account.client("iam").list_policy_versions(PolicyArn=arn)["Versions"]]


@pytest.fixture
def arn(account: Account) -> str:
    return str(account.client("iam").create_policy(PolicyName="p", PolicyDocument=ALLOW)["Policy"]["Arn"])


@pytest.mark.parametrize("kind", ["throttle", "http500", "http503", "reset_before", "lost_after"])
def test_a_passing_fault_is_ridden_out_on_the_demo_clock(account: Account, kind: Any) -> None:
    set_faults(account, Fault("iam:ListUsers", kind, at=(1, 2)))
    before = account.clock.now()
    answer = account.client("iam").list_users()
    assert len(answer["Users"]) == 100
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2
    assert account.clock.now() >= before
    assert account.requests.total("iam", "ListUsers") == 3


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("throttle", "Throttling"), ("http500", "InternalFailure"), ("http503", "ServiceUnavailable")],
)
def test_a_lasting_fault_ends_after_eight_attempts(account: Account, kind: Any, expected: str) -> None:
    set_faults(account, Fault("iam:ListUsers", kind))
    assert code(account.client("iam").list_users) == expected
    assert account.requests.total("iam", "ListUsers") == 8


@pytest.mark.parametrize(
    ("kind", "iam_code", "json_code"),
    [
        ("expired_token", "ExpiredToken", "ExpiredTokenException"),
        ("access_denied", "AccessDenied", "AccessDeniedException"),
        ("concurrent_modification", "ConcurrentModification", "ConcurrentModificationException"),
    ],
)
def test_refusals_are_not_repeated(account: Account, kind: Any, iam_code: str, json_code: str) -> None:
    set_faults(account, Fault("*", kind))
    assert code(account.client("iam").list_users) == iam_code
    assert code(account.client("organizations").list_accounts) == json_code
    assert account.requests.total() == 2


def test_a_reset_throughout_reaches_the_caller(account: Account) -> None:
    set_faults(account, Fault("iam:*", "reset_before"))
    with pytest.raises(ConnectionClosedError):
        account.client("iam", attempts=1).list_users()


def test_an_answer_slower_than_the_time_out_is_lost_and_time_has_passed(account: Account) -> None:
    set_faults(account, Fault("iam:ListUsers", "slow", seconds=61))
    before = account.clock.now()
    with pytest.raises(ReadTimeoutError):
        account.client("iam", attempts=1).list_users()
    assert account.clock.now() - before == timedelta(seconds=61)
    set_faults(account, Fault("iam:ListUsers", "slow", seconds=59))
    assert account.client("iam", attempts=1).list_users()["Users"]


def test_a_lost_answer_makes_botocore_write_twice(account: Account, arn: str) -> None:
    """Why writes have to be sent once and reconciled by reading."""
    set_faults(account, Fault("iam:CreatePolicyVersion", "lost_after", at=(1,)))
    made = account.client("iam").create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW)
    assert made["PolicyVersion"]["VersionId"] == "v3"
    assert versions(account, arn) == ["v3", "v2", "v1"]


def test_a_write_sent_once_is_done_although_the_answer_is_lost(account: Account, arn: str) -> None:
    set_faults(account, Fault("iam:CreatePolicyVersion", "lost_after", at=(1,)))
    with pytest.raises(ConnectionClosedError):
        account.client("iam", attempts=1).create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW)
    assert versions(account, arn) == ["v2", "v1"]


def test_a_reset_before_the_work_leaves_nothing(account: Account, arn: str) -> None:
    set_faults(account, Fault("iam:CreatePolicyVersion", "reset_before", at=(1,)))
    with pytest.raises(ConnectionClosedError):
        account.client("iam", attempts=1).create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW)
    assert versions(account, arn) == ["v1"]


@pytest.mark.parametrize("kind", ["html200", "truncated"])
def test_a_page_that_is_not_awss_is_an_empty_success_for_json_services(account: Account, kind: Any) -> None:
    """What every reader has to guard against by demanding its key."""
    set_faults(account, Fault("organizations:ListAccounts", kind))
    answer = account.client("organizations").list_accounts()
    assert "Accounts" not in answer
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert list(
        account.client("organizations").get_paginator("list_accounts").paginate().search("Accounts[]")
    ) in ([], [None])


def test_half_an_xml_answer_is_a_parser_error(account: Account) -> None:
    set_faults(account, Fault("iam:ListUsers", "truncated"))
    with pytest.raises(ResponseParserError):
        account.client("iam").list_users()


def test_a_well_formed_page_breaks_botocores_xml_parser(account: Account) -> None:
    set_faults(account, Fault("iam:ListUsers", "html200"))
    with pytest.raises(KeyError):
        account.client("iam").list_users()


def test_nothing_is_done_behind_a_proxys_page(account: Account, arn: str) -> None:
    set_faults(account, Fault("iam:CreatePolicyVersion", "html200", at=(1,)))
    with pytest.raises(KeyError):
        account.client("iam").create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW)
    assert versions(account, arn) == ["v1"]


def test_stale_reads_show_the_past_and_writes_the_present(account: Account, arn: str) -> None:
    iam = account.client("iam")
    account.clock.sleep(100)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW, SetAsDefault=True)
    iam.create_user(UserName="late")
    iam.delete_user(UserName="dev-000")
    set_faults(account, Fault("iam:*", "stale", seconds=8))
    assert versions(account, arn) == ["v1"]
    assert code(iam.get_user, UserName="late") == "NoSuchEntity"
    assert iam.get_user(UserName="dev-000")["User"]["UserName"] == "dev-000"
    names = [
        user["UserName"] for part in iam.get_paginator("list_users").paginate() for user in part["Users"]
    ]
    assert "dev-000" in names
    assert "late" not in names
    assert code(iam.create_user, UserName="late") == "EntityAlreadyExists"
    account.clock.sleep(9)
    assert versions(account, arn) == ["v2", "v1"]
    assert iam.get_user(UserName="late")["User"]["UserName"] == "late"
    assert code(iam.get_user, UserName="dev-000") == "NoSuchEntity"


def test_several_changes_within_the_lag_show_the_state_before_the_first(account: Account, arn: str) -> None:
    iam = account.client("iam")
    account.clock.sleep(100)
    for _ in range(3):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW)
        account.clock.sleep(2)
    set_faults(account, Fault("iam:ListPolicyVersions", "stale", seconds=5))
    assert versions(account, arn) == ["v2", "v1"]


def test_another_administrator_acts_first(account: Account, arn: str) -> None:
    def change(backend: Any) -> None:
        other = Account.on_demo(backend, principal="arn:aws:iam::111122223333:user/admin")
        other.client("iam").create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW, SetAsDefault=True)

    set_faults(account, Fault("iam:SetDefaultPolicyVersion", "other_admin", at=(1,), act=change))
    account.client("iam").set_default_policy_version(PolicyArn=arn, VersionId="v1")
    assert versions(account, arn) == ["v2", "v1"]
    assert account.client("iam").get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v1"


def test_short_and_empty_pages_end_with_the_same_rows(account: Account) -> None:
    def names() -> list[str]:
        pages = account.client("iam").get_paginator("list_users").paginate()
        return [user["UserName"] for part in pages for user in part["Users"]]

    plain = names()
    set_faults(account, Fault("iam:ListUsers", "short_page"))
    assert names() == plain
    set_faults(account, Fault("iam:ListUsers", "empty_page", at=(1, 3)))
    assert names() == plain
    assert account.requests.total("iam", "ListUsers") == 3 + 8 + 5


@pytest.mark.parametrize(("kind", "left"), [("crash_before", ["v1"]), ("crash_after", ["v2", "v1"])])
def test_a_crash_is_not_swallowed(account: Account, arn: str, kind: Any, left: list[str]) -> None:
    set_faults(account, Fault("iam:CreatePolicyVersion", kind))
    with pytest.raises(SimulatedCrash):
        account.client("iam").create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW)
    assert versions(account, arn) == left


def test_a_fault_counts_its_own_calls(account: Account) -> None:
    set_faults(account, Fault("iam:Get*", "access_denied", at=(2,)), Fault("iam:*", "access_denied", at=(4,)))
    iam = account.client("iam")
    outcomes = []
    for _ in range(2):
        for call in (lambda: iam.get_user(UserName="dev-001"), iam.list_users):
            try:
                call()
                outcomes.append("ok")
            except ClientError:
                outcomes.append("denied")
    assert outcomes == ["ok", "ok", "denied", "denied"]


def test_a_fault_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a fault"):
        Fault("*", "explode")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="needs act"):
        Fault("*", "other_admin")


def test_waiting_costs_no_time_and_is_on_the_clock(open_account: OpenAccount) -> None:
    clock = DemoClock()
    account = open_account(clock=clock, faults=[Fault("iam:ListUsers", "throttle", at=tuple(range(1, 8)))])
    account.client("iam").list_users()
    assert clock.now() > clock.start
    assert account.now == clock.start
