"""The session: who asks, what was asked and its price, where requests may go."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bedrock_guard.account.answers import NotAwsAnswer, demanded
from bedrock_guard.account.requests import RequestCounter
from bedrock_guard.account.session import Account, EndpointRefusedError, SessionError, open_account
from bedrock_guard.demo.errors import DemoStateError
from bedrock_guard.demo.faults import Fault


@pytest.fixture(scope="module")
def demo() -> Iterator[Account]:
    account = Account.demo(days=3, calls=20)
    yield account
    assert account.demo_backend is not None
    account.demo_backend.state.close()


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """A machine with credentials in the environment and nothing else."""
    import os

    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


def test_the_demo_says_who_and_when(demo: Account) -> None:
    assert demo.mode == "demo"
    assert demo.account_id == "111122223333"
    assert demo.caller_arn.startswith("arn:aws:sts::111122223333:assumed-role/")
    assert (demo.partition, demo.region) == ("aws", "us-east-1")
    assert demo.now.isoformat() == "2026-11-20T12:00:00+00:00"


def test_a_client_is_made_once(demo: Account) -> None:
    assert demo.client("iam") is demo.client("iam")
    assert demo.client("iam") is not demo.client("iam", attempts=1)
    assert demo.client("ec2", "eu-west-1") is not demo.client("ec2")
    assert demo.client("ec2", "eu-west-1").meta.region_name == "eu-west-1"


def test_threads_get_one_client(demo: Account) -> None:
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(demo.client("sts", "eu-west-3"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(client) for client in found}) == 1


def test_retries_are_set_and_not_left_to_botocores_default(demo: Account) -> None:
    assert demo.client("iam").meta.config.retries == {"mode": "standard", "total_max_attempts": 8}
    assert demo.client("iam", attempts=1).meta.config.retries == {"mode": "standard", "total_max_attempts": 1}


def test_every_attempt_is_counted(demo: Account) -> None:
    before = demo.requests.total("iam", "ListRoles")
    assert demo.demo_backend is not None
    demo.demo_backend.faults.set(Fault("iam:ListRoles", "throttle", at=(1, 2)))
    demo.client("iam").list_roles()
    demo.demo_backend.faults.set()
    assert demo.requests.total("iam", "ListRoles") == before + 3


def test_only_cost_explorer_costs() -> None:
    counter = RequestCounter()
    for service, operation, times in (
        ("ce", "GetCostAndUsage", 3),
        ("ce", "GetTags", 1),
        ("iam", "ListUsers", 500),
    ):
        for _ in range(times):
            counter.add(service, operation)
    assert counter.cost_usd == Decimal("0.04")
    assert [(line.service, line.operation, line.count) for line in counter.lines()] == [
        ("ce", "GetCostAndUsage", 3),
        ("ce", "GetTags", 1),
        ("iam", "ListUsers", 500),
    ]
    assert (counter.total(), counter.total("ce"), counter.total("ce", "GetTags")) == (504, 4, 1)


def test_cost_explorer_is_counted_by_boto3s_name(demo: Account) -> None:
    client = demo.client("ce")
    client.get_dimension_values(TimePeriod={"Start": "2026-11-18", "End": "2026-11-19"}, Dimension="SERVICE")
    assert demo.requests.total("ce", "GetDimensionValues") == 1
    assert demo.requests.cost_usd == Decimal("0.01")


def test_counting_from_many_threads_loses_nothing() -> None:
    counter = RequestCounter()
    threads = [
        threading.Thread(target=lambda: [counter.add("iam", "X") for _ in range(500)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.total() == 4000


def test_a_missing_member_is_not_an_empty_answer(demo: Account) -> None:
    assert demanded({"Users": []}, "Users") == []
    assert demanded({"IsTruncated": False}, "IsTruncated") is False
    for answer in ({}, {"ResponseMetadata": {"HTTPStatusCode": 200}}, {"Users": None}):
        with pytest.raises(NotAwsAnswer, match="Users is missing"):
            demanded(answer, "Users")
    assert demo.demo_backend is not None
    demo.demo_backend.faults.set(Fault("organizations:ListAccounts", "html200"))
    with pytest.raises(NotAwsAnswer, match="not AWS's: Accounts"):
        demanded(demo.client("organizations").list_accounts(), "Accounts")
    demo.demo_backend.faults.set()


def test_the_state_is_shared_and_its_size_kept(tmp_path: Path) -> None:
    path = tmp_path / "a b" / "account.sqlite"
    path.parent.mkdir()
    first = Account.demo(path, days=3, calls=20, seed=11)
    first.client("iam").create_user(UserName="shared")
    second = Account.demo(str(path))
    assert second.client("iam").get_user(UserName="shared")["User"]["UserName"] == "shared"
    with pytest.raises(DemoStateError, match="seed=11, not 7"):
        Account.demo(path, seed=7)
    for account in (first, second):
        assert account.demo_backend is not None
        account.demo_backend.state.close()


def test_nobody_of_that_name(demo: Account, tmp_path: Path) -> None:
    assert demo.demo_backend is not None
    for who in ("arn:aws:iam::111122223333:user/nobody", "nobody", "arn:aws:iam::111122223333:group/x"):
        with pytest.raises(DemoStateError, match="is nobody in the demo account"):
            Account.on_demo(demo.demo_backend, principal=who)


def test_a_state_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(DemoStateError, match="cannot be opened"):
        Account.demo(tmp_path / "missing" / "account.sqlite")


def test_the_readers_hang_on_the_account(demo: Account) -> None:
    assert not demo.calls(days=2).reading.frame.empty
    assert len(demo.keys().table) > 0
    assert len(demo.principals().table) > 0
    assert demo.bill().frame is not None
    assert demo.resources() is not None


def test_a_real_account_needs_a_region(no_aws: pytest.MonkeyPatch) -> None:
    with pytest.raises(SessionError, match="No Region is set"):
        Account.connect()


def test_a_profile_that_is_missing_is_told_before_the_first_call(no_aws: pytest.MonkeyPatch) -> None:
    no_aws.setenv("AWS_PROFILE", "missing")
    with pytest.raises(SessionError, match="missing"):
        Account.connect(region="us-east-1")


def test_commands_tell_of_a_profile_that_is_missing_in_their_own_words(no_aws: pytest.MonkeyPatch) -> None:
    with pytest.raises(SessionError, match=r"There is no AWS profile 'nope'.*Do: Give demo, default \(boto3"):
        open_account("nope")
    no_aws.setenv("AWS_PROFILE", "missing")
    with pytest.raises(SessionError, match="There is no AWS profile 'nope'"):
        open_account("nope")
    with pytest.raises(SessionError, match="the demo account needs none"):
        open_account("default")


def test_a_stray_endpoint_is_refused_before_anything_is_sent(no_aws: pytest.MonkeyPatch) -> None:
    no_aws.setenv("AWS_ENDPOINT_URL", "http://192.0.2.1:4566")
    account = Account.connect(region="us-east-1")
    with pytest.raises(
        EndpointRefusedError,
        match=r"192\.0\.2\.1 is not an AWS host; nothing was sent\. Why: AWS_ENDPOINT_URL is set",
    ):
        account.client("iam")
    assert account.requests.total() == 0


@pytest.mark.parametrize(
    "host",
    [
        "https://amazonaws.com.example.com",
        "https://notamazonaws.com",
        "http://localhost:4566",
        "https://evil.example",
    ],
)
def test_hosts_that_only_look_like_awss(no_aws: pytest.MonkeyPatch, host: str) -> None:
    no_aws.setenv("AWS_ENDPOINT_URL_IAM", host)
    with pytest.raises(EndpointRefusedError):
        Account.connect(region="us-east-1").client("iam")


@pytest.mark.parametrize("service", ["iam", "sts", "bedrock", "ce", "cloudtrail", "organizations", "ec2"])
def test_awss_own_hosts_are_accepted(no_aws: pytest.MonkeyPatch, service: str) -> None:
    assert Account.connect(region="us-east-1").client(service).meta.region_name


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "eusc-de-east-1"])
def test_awss_hosts_of_other_partitions_are_accepted(no_aws: pytest.MonkeyPatch, region: str) -> None:
    assert Account.connect(region=region).client("sts").meta.region_name == region


def test_an_endpoint_that_was_asked_for_is_used(no_aws: pytest.MonkeyPatch) -> None:
    no_aws.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    account = Account.connect(region="us-east-1", endpoints=["127.0.0.1"])
    assert account.client("iam").meta.endpoint_url == "http://127.0.0.1:9"


def test_a_stray_bearer_token_does_not_speak_instead_of_the_caller(no_aws: pytest.MonkeyPatch) -> None:
    no_aws.setenv("AWS_BEARER_TOKEN_BEDROCK", "stray")
    client = Account.connect(region="us-east-1").client("bedrock")
    signed: list[str] = []

    def stop(request: Any, **_: Any) -> None:
        signed.append(str(request.headers["Authorization"]))
        raise RuntimeError("stopped before the network")

    client.meta.events.register_last("before-send.*", stop)
    with pytest.raises(RuntimeError):
        client.list_foundation_models()
    assert "AWS4-HMAC-SHA256" in signed[0]
    assert "stray" not in signed[0]
