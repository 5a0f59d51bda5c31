"""Operands of condition operators: numbers, instants, networks, bytes; and how a context value reads as text.

Each reader returns None for a text that is not of its kind.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from bedrock_guard.errors import GuardError

Single = str | bool | int | float | Decimal | datetime | bytes
ContextValue = (
    Single | Sequence[str] | Sequence[bool] | Sequence[int] | Sequence[float] | Sequence[datetime] | None
)
Network = IPv4Network | IPv6Network

_NUMBER = re.compile(
    r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?", re.ASCII
)
_ISO = re.compile(
    r"(?P<year>[0-9]{4})(?:-?(?P<month>[0-9]{2})(?:-?(?P<day>[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):?(?P<minute>[0-9]{2})(?::?(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?)?)?"
)
_EPOCH = re.compile(r"[+-]?[0-9]{1,17}(?:\.[0-9]{1,9})?")
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_YEAR = 4


class RequestError(GuardError):
    """A request that cannot be decided: a context value of an impossible type."""


def text(value: Single) -> str:
    """A context value as IAM writes it: booleans in lower case, whole floats without ".0", instants in ISO 8601.

    Raises:
        RequestError: for a datetime without a time zone or a type that no context value has.

    Example:
        >>> text(True), text(2.0), text(datetime(2026, 11, 20, 12, tzinfo=UTC))
        ('true', '2', '2026-11-20T12:00:00Z')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return _instant_text(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise RequestError(
        f"A context value is of type {type(value).__name__}.",
        remedy="Give text, a boolean, a number, a zone-aware datetime, bytes, or a list of these.",
    )


def _instant_text(value: datetime) -> str:
    if value.tzinfo is None:
        raise RequestError("A context value is a datetime without a time zone.", remedy="Give it tzinfo=UTC.")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


@lru_cache(maxsize=4096)
def number(written: str) -> Decimal | None:
    """An integer or decimal number, exactly.

    Example:
        >>> number("0.10") == number("1e-1"), number("ten")
        (True, None)
    """
    return Decimal(written) if _NUMBER.fullmatch(written) else None


@lru_cache(maxsize=4096)
def instant(written: str) -> Decimal | None:
    """A W3C ISO 8601 date or epoch seconds, as epoch seconds; a date without zone is UTC.

    Four digits are a year, longer runs of digits epoch seconds.

    Example:
        >>> instant("2028-01-01T00:00:00Z") == instant("1830297600")
        True
    """
    if _EPOCH.fullmatch(written) and len(written) != _LONGEST_YEAR:
        return Decimal(written)
    found = _ISO.fullmatch(written)
    if found is None:
        return None
    part = found.groupdict()
    try:
        moment = datetime(
            int(part["year"]),
            int(part["month"] or 1),
            int(part["day"] or 1),
            int(part["hour"] or 0),
            int(part["minute"] or 0),
            int(part["second"] or 0),
            tzinfo=_zone(part["zone"]),
        )
    except ValueError:
        return None
    since = moment - _UNIX
    return Decimal(since.days * 86_400 + since.seconds) + Decimal(f"0.{part['fraction'] or 0}")


def _zone(written: str | None) -> timezone:
    if written is None or written in "Zz":
        return UTC
    digits = written[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return timezone(-offset if written[0] == "-" else offset)


@lru_cache(maxsize=4096)
def network(written: str) -> Network | None:
    """An IPv4 or IPv6 range in CIDR form; a bare address is the range of that one host.

    Bits set to the right of the prefix are ignored.

    Example:
        >>> str(network("203.0.113.7/24")), str(network("2001:db8::1"))
        ('203.0.113.0/24', '2001:db8::1/128')
    """
    base, slash, prefix = written.partition("/")
    if slash and not (prefix.isascii() and prefix.isdigit()):
        return None
    if "%" in base:
        return None
    try:
        return ip_network(written, strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def address(written: str) -> IPv4Address | IPv6Address | None:
    """One IPv4 or IPv6 address, without a zone; an IPv4-mapped one is the IPv4 address that it maps."""
    if "%" in written:
        return None
    try:
        found = ip_address(written)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def binary(written: str) -> bytes | None:
    """The bytes of a base-64 text."""
    try:
        return base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        return None
