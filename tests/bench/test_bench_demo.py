"""How long the demo account takes: printed, not asserted.

Asked: a read at most 2 ms (median), a client made once; opening the default company at most 1.5 s. Each read is
timed beside its floor in the same rounds: botocore alone, handed the bytes of the same answer. Moto in process is
the peer where it answers the call at all; it takes every session of the process, so it is timed after the demo.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from bedrock_guard.account.session import Account
from bedrock_guard.demo.hook import _Raw, open_session
from bedrock_guard.demo.opening import DEFAULT, open_backend

Call = Callable[[], Any]
OCTOBER = {"Start": "2026-10-01", "End": "2026-11-01"}
READS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "who am I": ("sts", "get_caller_identity", {}),
    "one user": ("iam", "get_user", {"UserName": "legacy-etl"}),
    "all users": ("iam", "list_users", {}),
    "all roles": ("iam", "list_roles", {}),
    "one policy version": ("iam", "get_policy_version", {
        "PolicyArn": "arn:aws:iam::111122223333:policy/ModelUsers", "VersionId": "v2"}),
    "every user, role and policy": ("iam", "get_account_authorization_details", {}),
    "all keys": ("iam", "list_service_specific_credentials", {"AllUsers": True}),
    "50 events": ("cloudtrail", "lookup_events", {}),
    "all models": ("bedrock", "list_foundation_models", {}),
    "60 profiles": ("bedrock", "list_inference_profiles", {"maxResults": 1000}),
    "spend by service, a month": ("ce", "get_cost_and_usage", {
        "TimePeriod": OCTOBER, "Granularity": "MONTHLY", "Metrics": ["UnblendedCost"],
        "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}]}),
    "2,000 groups of spend": ("ce", "get_cost_and_usage", {
        "TimePeriod": OCTOBER, "Granularity": "DAILY", "Metrics": ["UnblendedCost"],
        "GroupBy": [{"Type": "DIMENSION", "Key": "USAGE_TYPE"}]}),
    "the tree of policies": ("organizations", "list_policies", {"Filter": "SERVICE_CONTROL_POLICY"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def demo() -> Iterator[Account]:
    account = Account.demo()
    account.account_id  # noqa: B018 - makes the client before anything is timed
    yield account
    assert account.demo_backend is not None
    account.demo_backend.state.close()


def test_open_the_default_company(benchmark: Any) -> None:
    def opened() -> None:
        open_backend(None, DEFAULT).state.close()

    benchmark.pedantic(opened, rounds=3)


@pytest.mark.parametrize("section", ["events", "bill"])
def test_load_a_section_of_the_default_company(benchmark: Any, section: str) -> None:
    def loaded() -> None:
        backend = open_backend(None, DEFAULT)
        backend.state.ensure(section)
        backend.state.close()

    benchmark.pedantic(loaded, rounds=3)


def test_make_a_client(benchmark: Any, demo: Account) -> None:
    assert demo.demo_backend is not None
    benchmark.pedantic(lambda: Account.on_demo(demo.demo_backend).client("iam"), rounds=5)


def test_write_a_tag(benchmark: Any, demo: Account) -> None:
    iam = demo.client("iam")
    benchmark(lambda: iam.tag_user(UserName="legacy-etl", Tags=[{"Key": "bench", "Value": "x"}]))


def floor_of(demo: Account, service: str, operation: str, asked: dict[str, Any]) -> Call:
    """The same call on a session that hands botocore the recorded bytes of the demo's answer."""
    backend = demo.demo_backend
    assert backend is not None
    with backend.state.transaction(write=True):
        from bedrock_guard.demo import callers

        caller = callers.register(backend.state, backend.state.meta("caller") or "", session="floor")
    client = open_session(backend, caller, "us-east-1").client(service)
    kept: list[Any] = []
    answer = backend.answer

    def recorded(*parts: Any) -> Any:
        kept.append(answer(*parts))
        return kept[-1]

    backend.answer = recorded  # type: ignore[method-assign]
    getattr(client, operation)(**asked)
    backend.answer = answer  # type: ignore[method-assign]
    wire = kept[-1]

    def canned(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, wire.status, wire.headers, _Raw(wire.body))

    client.meta.events.unregister("before-send.*", unique_id="bedrock-guard-demo")
    client.meta.events.register_first("before-send.*", canned)
    return lambda: getattr(client, operation)(**asked)


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], dict[str, Call]]]:
    """Starts moto in process and gives the calls it answers."""
    moto = pytest.importorskip("moto", reason="moto is not installed: no peer beside the demo's reads")
    import boto3

    mock = moto.mock_aws()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")

    def started() -> dict[str, Call]:
        mock.start()
        iam = boto3.client("iam", region_name="us-east-1")
        for name in ("legacy-etl", "a", "b", "c", "d"):
            iam.create_user(UserName=name)
        sts = boto3.client("sts", region_name="us-east-1")
        return {
            "who am I": sts.get_caller_identity,
            "one user": lambda: iam.get_user(UserName="legacy-etl"),
            "all users": iam.list_users,
        }

    yield started
    mock.stop()


def rounds(calls: dict[str, Call], seconds: float = 0.6) -> dict[str, list[tuple[float, float]]]:
    """Milliseconds by the clock and of CPU of each call, taken in turns, so that a slow moment is everybody's."""
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    end = time.perf_counter() + seconds * len(calls)
    while time.perf_counter() < end or min(map(len, took.values())) < 5:
        for name, call in calls.items():
            begun, cpu = time.perf_counter(), time.thread_time()
            call()
            spent = time.thread_time() - cpu
            took[name].append(((time.perf_counter() - begun) * 1_000, spent * 1_000))
    return took


def medians(took: list[tuple[float, float]]) -> tuple[float, float]:
    """Of the clock and of CPU."""
    clock, cpu = zip(*took, strict=True)
    return statistics.median(clock), statistics.median(cpu)


def paced(account: Account, call: Call) -> Call:
    """As the call, with the demo clock moved on first: LookupEvents has its two requests a second."""

    def run() -> Any:
        account.clock.advance(1)
        return call()

    return run


def test_reads_beside_their_floor(demo: Account, benchmark: Any) -> None:
    benchmark.pedantic(lambda: None, rounds=1)  # so that --benchmark-only runs this one
    print(f"\n{'read (medians, ms)':30} {'demo':>8} {'CPU':>8} {'botocore alone, CPU':>20} {'ours, CPU':>10}")
    for name, (service, operation, asked) in READS.items():
        call = getattr(demo.client(service), operation)
        ours = paced(demo, lambda call=call, asked=asked: call(**asked))
        took = rounds({"demo": ours, "floor": floor_of(demo, service, operation, asked)})
        (clock, cpu), (_, floor) = medians(took["demo"]), medians(took["floor"])
        print(f"{name:30} {clock:8.2f} {cpu:8.2f} {floor:20.2f} {cpu - floor:10.2f}")


def test_reads_beside_moto(demo: Account, benchmark: Any, peers: Callable[[], dict[str, Call]]) -> None:
    benchmark.pedantic(lambda: None, rounds=1)
    ours = {}
    for name in ("who am I", "one user", "all users"):
        service, operation, asked = READS[name]
        call = getattr(demo.client(service), operation)
        ours[name] = lambda call=call, asked=asked: call(**asked)
    mine, theirs = rounds(ours), rounds(peers())
    print(f"\n{'read (medians, ms of CPU)':30} {'demo':>8} {'moto':>8}")
    for name, took in mine.items():
        print(f"{name:30} {medians(took)[1]:8.2f} {medians(theirs[name])[1]:8.2f}")
