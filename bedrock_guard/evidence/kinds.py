"""The kinds of value that may be kept out of a record, and the filter that applies a shape of such kinds.

A shape is a mapping of names to kinds, to further shapes, or to a list of one shape. Whatever a shape does not name is
dropped, and a named value that is not of its kind is dropped as well: an identifier with blanks in it is no identifier.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from bedrock_guard.evidence.hygiene import has_secret
from bedrock_guard.evidence.moments import read_time

_ID: Final = re.compile(r"[A-Za-z0-9_./:+=,@*$-]+")
_LONGEST_ID: Final = 512
_LONGEST_PLAIN: Final = 128
_WORD: Final = re.compile(r"[A-Za-z0-9_.+-]{1,64}")
_MOST_ITEMS: Final = 100


def identifier(value: Any) -> str | None:
    """An AWS id, name or ARN: no blanks, no query string, nothing with the form of a secret."""
    return _identifier(value) if isinstance(value, str) and len(value) <= _LONGEST_ID else None


@lru_cache(maxsize=16_384)
def _identifier(value: str) -> str | None:
    if not _ID.fullmatch(value):
        return None
    if len(value) > _LONGEST_PLAIN and not value.startswith(("arn:", "s3://")):
        return None
    return None if has_secret(value) else value


def word(value: Any) -> str | None:
    """One of an API's own words, such as an enum value."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) and not has_secret(value) else None


def tier(value: Any) -> Any:
    """A service tier: a word, or the object around it that Converse takes.

    Example:
        >>> tier("flex"), tier({"type": "flex", "x": 1}), tier(["flex"])
        ('flex', {'type': 'flex'}, None)
    """
    return keep(value, {"type": word}) if isinstance(value, dict) else word(value)


def flag(value: Any) -> bool | None:
    """True or False, also where a record holds them as text."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def number(value: Any) -> int | None:
    """A whole number that fits 64 bits, also as text or as 12.0; None for anything else.

    Example:
        >>> number("12"), number(1.0), number(True), number("1e999"), number(1.5)
        (12, 1, None, None, None)
    """
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value, re.ASCII):
        value = int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    is_count = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    return int(value) if is_count else None


def fraction(value: Any) -> float | None:
    """A number from 0 to 1, such as a filter's threshold.

    Example:
        >>> fraction(0.7), fraction(1), fraction(7), fraction("0.7")
        (0.7, 1.0, None, None)
    """
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    return float(value) if known else None


def moment(value: Any) -> str | None:
    """A time as ISO 8601 in UTC, out of any form AWS writes it in; milliseconds of the epoch among them."""
    if isinstance(value, int) and not isinstance(value, bool) and 10**11 < value < 10**14:
        return read_time_of_epoch(value)
    found = read_time(value)
    return found.isoformat() if found else None


def read_time_of_epoch(milliseconds: int) -> str:
    """ISO 8601 in UTC of milliseconds since 1970."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)).isoformat()


def size(value: Any) -> int | None:
    """How many items a list has, of which nothing else is kept (words, topics, prompts)."""
    return len(value) if isinstance(value, list) else None


Kind = Callable[[Any], Any]
Shape = Mapping[str, Any]


def keep(value: Any, shape: Any) -> Any:
    """What `shape` allows of `value`; None when nothing of it is allowed.

    Example:
        >>> keep({"modelId": "a.b", "body": "secret"}, {"modelId": identifier})
        {'modelId': 'a.b'}
    """
    if callable(shape):
        return shape(value)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return None
        return [kept for item in value[:_MOST_ITEMS] if (kept := keep(item, shape[0])) not in (None, {})]
    if not isinstance(value, dict):
        return None
    kept = {name: keep(found, shape[name]) for name, found in value.items() if name in shape}
    return {name: found for name, found in kept.items() if found is not None}
