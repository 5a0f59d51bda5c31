"""Places in S3: the address a person writes, every key below it, and what reading costs."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from bedrock_guard.account.answers import demanded
from bedrock_guard.account.cost_explorer import FAILURES, told
from bedrock_guard.errors import GuardError

_ADDRESS: Final = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.*))?")
_LIST_USD: Final = Decimal("0.000005")
_GET_USD: Final = Decimal("0.0000004")
"""Standard storage in us-east-1; other Regions differ a little: https://aws.amazon.com/s3/pricing/"""


class PlaceError(GuardError):
    """A place in S3 that is none, or that may not be listed."""


def is_address(text: str) -> bool:
    """Whether a text names a place in S3 rather than a folder.

    Example:
        >>> is_address("s3://exports/cur/"), is_address("exports/cur")
        (True, False)
    """
    return text.startswith("s3://")


def s3_place(address: str) -> tuple[str, str]:
    """Bucket and prefix of `s3://bucket/prefix`.

    Raises:
        PlaceError: this is no address.
    """
    named = _ADDRESS.fullmatch(address)
    if not named:
        raise PlaceError(f"{address!r} is no place in S3.", remedy="Write s3://bucket/prefix.")
    return named["bucket"], named["prefix"] or ""


def list_keys(client: Any, bucket: str, prefix: str) -> tuple[dict[str, int], int]:
    """Every key below a prefix with its size, and how many requests it took.

    Raises:
        PlaceError: it may not be listed.
    """
    sizes: dict[str, int] = {}
    lists = 0
    try:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            demanded(page, "KeyCount")
            lists += 1
            sizes |= {str(item["Key"]): int(item["Size"]) for item in page.get("Contents") or ()}
    except FAILURES as error:
        raise PlaceError(f"s3://{bucket}/{prefix} cannot be listed.", why=told(error)) from error
    return sizes, lists


def s3_price(lists: int, gets: int) -> Decimal:
    """What so many requests cost, US dollars."""
    return lists * _LIST_USD + gets * _GET_USD
