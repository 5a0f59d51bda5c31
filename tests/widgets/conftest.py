from __future__ import annotations

import pytest

from bedrock_guard.account.session import Account
from bedrock_guard.account.situation import Situation, example_spec
from bedrock_guard.widgets.choices import Choices


@pytest.fixture(scope="session")
def account() -> Account:
    return Account.demo()


@pytest.fixture(scope="session")
def situation(account: Account) -> Situation:
    return account.situation(days=14)


@pytest.fixture
def choices(situation: Situation) -> Choices:
    return Choices(situation, example_spec())
