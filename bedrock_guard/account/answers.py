"""An answer must be AWS's: every reader asks here for the member that AWS always sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bedrock_guard.errors import GuardError


class NotAwsAnswer(GuardError):  # noqa: N818 - says what the answer is
    """A success without the member that AWS always sends: a proxy's page, a cut connection."""


def demanded(response: Mapping[str, Any], key: str) -> Any:
    """The member of an answer that AWS always sends.

    botocore turns a proxy's page with status 200 into an empty success; every reader asks for its member here.

    Raises:
        NotAwsAnswer: it is missing.

    Example:
        >>> demanded({"Users": []}, "Users")
        []
    """
    value = response.get(key)
    if value is None:
        raise NotAwsAnswer(
            f"The answer was not AWS's: {key} is missing from it.",
            why="Something between here and AWS (a proxy, a sign-in page) answered instead, or the answer was cut.",
            remedy="Check the network and ask again. Nothing was taken from this answer.",
        )
    return value
