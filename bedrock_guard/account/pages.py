"""One answer, or a list of all its pages, and what it means when it cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

from bedrock_guard.account.answers import demanded
from bedrock_guard.errors import GuardError

Found = TypeVar("Found")

MISSING: Final = frozenset({"NoSuchEntity", "NoSuchEntityException"})
MOST_ITEMS: Final = 1000
MOST_PAGES: Final = 1000
NO_NAME: Final = "NameResolutionError"
"""What stands behind botocore's EndpointConnectionError where the endpoint's name has no address."""


class UnreadableError(GuardError):
    """An operation could not be asked; `what` is its name with AWS's error code."""


class RepeatedMarkerError(UnreadableError):
    """A list gave a page marker twice, or ever new ones, so its end cannot be reached."""


def pages(client: Any, operation: str, key: str, **request: Any) -> Iterator[Any]:
    """Every item of one of IAM's lists, page after page; see `answers`.

    Args:
        client: a boto3 client.
        operation: its method, such as "list_users".
        key: the member of the answer that holds the items.
        **request: the parameters.

    Raises:
        UnreadableError: AWS refused or could not be asked.
        RepeatedMarkerError: the list does not end.
        NotAwsAnswer: an answer lacks its items.
    """
    for answer in answers(client, operation, **request):
        yield from demanded(answer, key)


def answers(client: Any, operation: str, **request: Any) -> Iterator[Any]:
    """Every page of one of IAM's lists; MaxItems is sent, without which some lists do not page at all.

    A page that is not the last has IsTruncated and Marker, and may hold fewer items than asked for:
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html

    Raises:
        UnreadableError: AWS refused or could not be asked.
        RepeatedMarkerError: the list does not end.
    """
    asked = {"MaxItems": MOST_ITEMS, **request}
    return _walk(client, operation, "Marker", lambda one: one.get("IsTruncated") and one.get("Marker"), asked)


def items(client: Any, operation: str, key: str, token: str, **request: Any) -> Iterator[Any]:
    """Every item of a list of another service, page after page.

    Args:
        client: a boto3 client.
        operation: its method, such as "list_guardrails".
        key: the member of the answer that holds the items.
        token: the member of question and answer that leads on, such as "nextToken".
        **request: the parameters.

    Raises:
        UnreadableError: AWS refused or could not be asked.
        RepeatedMarkerError: the list does not end.
        NotAwsAnswer: an answer lacks its items.
    """
    for answer in _walk(client, operation, token, lambda one: one.get(token), request):
        yield from demanded(answer, key)


def _walk(
    client: Any, operation: str, name: str, following: Callable[[Any], Any], request: Mapping[str, Any]
) -> Iterator[Any]:
    seen: set[str] = set()
    asked = dict(request)
    while len(seen) < MOST_PAGES:
        answer = ask(client, operation, **asked)
        yield answer
        marker = following(answer)
        if not marker:
            return
        if marker in seen:
            raise RepeatedMarkerError(f"{operation}: AWS repeated a page marker")
        seen.add(marker)
        asked[name] = marker
    raise RepeatedMarkerError(f"{operation}: AWS's pages do not end")


def ask(client: Any, operation: str, **request: Any) -> Any:
    """One answer.

    Raises:
        UnreadableError: AWS refused or could not be asked.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return getattr(client, operation)(**request)
    except ClientError as error:
        raise UnreadableError(f"{operation}: {code_of(error)}") from error
    except (BotoCoreError, GuardError) as error:
        raise UnreadableError(f"{operation}: {_kind_of(error)}") from error


def _kind_of(error: Exception) -> str:
    """The name of an error; of an endpoint that has no address here, what botocore keeps inside."""
    inner = getattr(error, "kwargs", {}).get("error")
    return NO_NAME if type(inner).__name__ == NO_NAME else type(error).__name__


def code_of(error: Any) -> str:
    """AWS's code of a ClientError."""
    return str(error.response.get("Error", {}).get("Code", "unknown error"))


def unless_missing(read: Callable[[], Found], missing: Found) -> Found:
    """What `read` gives, or `missing` where AWS says that there is no such thing.

    Raises:
        UnreadableError: AWS refused or could not be asked.
    """
    try:
        return read()
    except UnreadableError as error:
        if error.what.rpartition(": ")[2] in MISSING:
            return missing
        raise
