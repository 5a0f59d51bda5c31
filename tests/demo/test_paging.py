"""Page tokens: opaque, bound to their question, refused when changed, in each service's own words."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from bedrock_guard.account.session import Account
from bedrock_guard.demo.tokens import ChangedRequestError, ForeignTokenError, Tokens


def error(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def test_a_token_with_other_parameters_is_refused(account: Account) -> None:
    iam = account.client("iam")
    marker = iam.list_users(MaxItems=10)["Marker"]
    assert iam.list_users(MaxItems=20, Marker=marker)["Users"][0]["UserName"] == "dev-009"
    assert error(iam.list_users, PathPrefix="/other/", Marker=marker) == "ValidationError"
    assert error(iam.list_roles, Marker=marker) == "ValidationError"


def test_a_token_of_another_account_or_region_is_refused(account: Account) -> None:
    marker = account.client("iam").list_users(MaxItems=10)["Marker"]
    member = Account.on_demo(account.demo_backend, principal="arn:aws:iam::000000000011:role/worker")
    assert error(member.client("iam").list_users, Marker=marker) == "ValidationError"
    token = account.client("bedrock").list_inference_profiles(maxResults=1)["nextToken"]
    west = account.client("bedrock", "us-west-2")
    assert error(west.list_inference_profiles, nextToken=token) == "ValidationException"


@pytest.mark.parametrize("change", ["100", "", "x", "!!!!", "Zm9v"])
def test_a_made_up_token_is_refused(account: Account, change: str) -> None:
    assert error(account.client("iam").list_users, Marker=change or "=") == "ValidationError"


def test_one_changed_character_is_refused(account: Account) -> None:
    iam = account.client("iam")
    marker = iam.list_users(MaxItems=10)["Marker"]
    for place in (0, 10, len(marker) // 2):
        other = "A" if marker[place] != "A" else "B"
        assert error(iam.list_users, Marker=marker[:place] + other + marker[place + 1 :]) == "ValidationError"


def test_a_token_tells_nothing_readable_at_its_start(account: Account) -> None:
    marker = account.client("iam").list_users(MaxItems=10)["Marker"]
    assert not marker.isdecimal()
    assert len(base64.urlsafe_b64decode(marker)) > 16


def test_the_same_page_never_has_the_same_token_twice(account: Account) -> None:
    iam = account.client("iam")
    assert len({iam.list_users(MaxItems=10)["Marker"] for _ in range(20)}) == 20


def test_organizations_words_it_in_its_own_way(account: Account) -> None:
    client = account.client("organizations")
    with pytest.raises(client.exceptions.InvalidInputException) as caught:
        client.list_accounts(NextToken="made-up")
    assert caught.value.response["Reason"] == "INVALID_NEXT_TOKEN"


def test_a_token_is_good_in_another_session_of_the_same_state(account: Account) -> None:
    marker = account.client("iam").list_users(MaxItems=10)["Marker"]
    assert account.demo_backend is not None
    other = Account.on_demo(account.demo_backend, principal="arn:aws:iam::111122223333:user/admin")
    assert other.client("iam").list_users(MaxItems=10, Marker=marker)["Users"]


@given(
    st.integers(0, 10**9),
    st.text(max_size=20),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)
def test_a_token_comes_back_as_it_was(offset: int, operation: str, parameters: dict[str, str]) -> None:
    tokens = Tokens(b"key")
    token = tokens.make(operation, parameters, offset)
    assert tokens.open(token, operation, parameters) == offset
    with pytest.raises(ChangedRequestError):
        tokens.open(token, operation + "x", parameters)
    with pytest.raises(ForeignTokenError):
        Tokens(b"another key").open(token, operation, parameters)


@given(st.text())
def test_no_text_opens_by_accident(text: str) -> None:
    with pytest.raises(ForeignTokenError):
        Tokens(b"key").open(text, "ListUsers", {})
