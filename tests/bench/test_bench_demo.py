"""How long the demo account takes: printed, not asserted. A read was asked to be at most 2 ms, opening 1.5 s."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bedrock_guard.account.session import Account
from bedrock_guard.demo.opening import DEFAULT, open_backend


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


def test_load_the_events_of_the_default_company(benchmark: Any) -> None:
    def loaded() -> None:
        backend = open_backend(None, DEFAULT)
        backend.state.ensure("events")
        backend.state.close()

    benchmark.pedantic(loaded, rounds=3)


def test_make_a_client(benchmark: Any, demo: Account) -> None:
    assert demo.demo_backend is not None
    benchmark.pedantic(lambda: Account.on_demo(demo.demo_backend).client("iam"), rounds=5)


def test_read_who_i_am(benchmark: Any, demo: Account) -> None:
    benchmark(demo.client("sts").get_caller_identity)


def test_read_one_user(benchmark: Any, demo: Account) -> None:
    iam = demo.client("iam")
    name = iam.list_users(MaxItems=1)["Users"][0]["UserName"]
    benchmark(lambda: iam.get_user(UserName=name))


def test_read_all_users(benchmark: Any, demo: Account) -> None:
    benchmark(demo.client("iam").list_users)


def test_write_a_tag(benchmark: Any, demo: Account) -> None:
    iam = demo.client("iam")
    name = iam.list_users(MaxItems=1)["Users"][0]["UserName"]
    benchmark(lambda: iam.tag_user(UserName=name, Tags=[{"Key": "bench", "Value": "x"}]))
