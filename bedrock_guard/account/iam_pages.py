"""IAM's lists, all pages of them, and what it means when one cannot be read.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html : a page that is not the last has IsTruncated and
Marker, and may hold fewer items than asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from bedrock_guard.account.answers import demanded
from bedrock_guard.errors import GuardError

Found = TypeVar("Found")

MISSING: Final = frozenset({"NoSuchEntity", "NoSuchEntityException"})
MOST_ITEMS: Final = 1000
NO_NAME: Final = "NameResolutionError"
"""What stands behind botocore's EndpointConnectionError where the endpoint's name has no address."""


class RepeatedMarkerError(GuardError):
    """A list gave a marker twice, so its end cannot be reached."""


class UnreadableError(GuardError):
    """An operation could not be asked; `what` is its name with AWS's error code."""


def pages(client: Any, operation: str, key: str, **request: Any) -> Iterator[Any]:
    """Every item of a list, page after page.

    Args:
        client: a boto3 client.
        operation: its method, such as "list_users".
        key: the member of the answer that holds the items.
        **request: the parameters.

    Raises:
        UnreadableError: AWS refused or could not be asked.
        RepeatedMarkerError: AWS gave the same marker again.
    """
    for answer in answers(client, operation, **request):
        yield from demanded(answer, key)


def answers(client: Any, operation: str, **request: Any) -> Iterator[Any]:
    """Every page of a list; MaxItems is sent, without which some lists do not page at all.

    Raises:
        UnreadableError: AWS refused or could not be asked.
        RepeatedMarkerError: AWS gave the same marker again.
    """
    asked = {"MaxItems": MOST_ITEMS, **request}
    markers: set[str] = set()
    while True:
        answer = ask(client, operation, **asked)
        yield answer
        marker = answer.get("Marker")
        if not answer.get("IsTruncated") or not marker:
            return
        if marker in markers:
            raise RepeatedMarkerError(f"{operation}: AWS repeated a page marker")
        markers.add(marker)
        asked["Marker"] = marker


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
