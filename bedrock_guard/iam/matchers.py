"""Does a context value meet one of an operator's policy values, leaving negation and missing keys aside?"""

from __future__ import annotations

import operator as compare
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from bedrock_guard.iam import globs, values
from bedrock_guard.iam.arns import OnText, any_glob, one_of
from bedrock_guard.iam.operators import OPERATORS
from bedrock_guard.iam.variables import Template

_BASES: Mapping[str, str] = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnEquals": "ArnLike",
    "ArnNotEquals": "ArnLike",
    "ArnNotLike": "ArnLike",
}
_ORDER: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    "Equals": compare.eq,
    "LessThan": compare.lt,
    "LessThanEquals": compare.le,
    "GreaterThan": compare.gt,
    "GreaterThanEquals": compare.ge,
}


class Match:
    """Whether a text meets one of the policy values, given the facts that variables draw on.

    `fixed` is the predicate over the text alone, None if variables take part.
    """

    __slots__ = ("_operator", "_templates", "fixed")

    def __init__(self, operator: str, templates: list[Template], predicate: OnText | None) -> None:
        self.fixed = predicate
        self._operator = operator
        self._templates = templates

    def __call__(self, value: str, facts: Mapping[str, Any]) -> bool:
        """Whether a text meets one of the policy values."""
        if self.fixed is not None:
            return self.fixed(value)
        patterns = (template.expand(facts) for template in self._templates)
        return any(_remembered(self._operator, pattern)(value) for pattern in patterns if pattern is not None)


def fixed(predicate: OnText) -> Match:
    """A match that needs no facts."""
    return Match("", [], predicate)


def dynamic(operator: str, templates: list[Template]) -> Match:
    """A match whose policy values hold variables."""
    return Match(operator, templates, None)


def any_of(operator: str, patterns: list[str]) -> OnText:
    """The predicate "meets one of the patterns" (escaped, variables replaced)."""
    base = _BASES.get(operator, operator)
    if base == "StringEquals":
        return frozenset(globs.unescape(pattern) for pattern in patterns).__contains__
    if base == "StringEqualsIgnoreCase":
        return _ignoring_case(frozenset(globs.unescape(pattern).lower() for pattern in patterns))
    if base == "StringLike":
        return any_glob(patterns)
    return one_of([_single(base, pattern) for pattern in patterns])


@lru_cache(maxsize=4096)
def _remembered(operator: str, pattern: str) -> OnText:
    """`any_of` for one pattern, remembered: a variable takes few values."""
    return any_of(operator, [pattern])


def _ignoring_case(lowered: frozenset[str]) -> OnText:
    return lambda value: value.lower() in lowered


def _single(base: str, pattern: str) -> OnText:
    family = OPERATORS[base][0]
    if family == "arn":
        return _arn(pattern)
    plain = globs.unescape(pattern)
    if family == "numeric":
        return _ordered(base.removeprefix("Numeric"), values.number, plain)
    if family == "date":
        return _ordered(base.removeprefix("Date"), values.instant, plain)
    if family == "ip":
        return _within(plain)
    if family == "binary":
        return _bytes(plain)
    return _boolean(plain)


def _arn(pattern: str) -> OnText:
    matches = globs.compile_arn(pattern)
    return lambda value: value.startswith("arn:") and matches(value)


def _ordered(name: str, read: Callable[[str], Decimal | None], pattern: str) -> OnText:
    bound = read(pattern)
    holds = _ORDER[name]

    def predicate(value: str) -> bool:
        found = read(value)
        return found is not None and bound is not None and holds(found, bound)

    return predicate


def _within(pattern: str) -> OnText:
    network = values.network(pattern)
    if network is None:
        return lambda _: False
    version, first, last = network.version, int(network.network_address), int(network.broadcast_address)

    def predicate(value: str) -> bool:
        found = values.address(value)
        return found is not None and found.version == version and first <= int(found) <= last

    return predicate


def _bytes(pattern: str) -> OnText:
    wanted = values.binary(pattern)

    def predicate(value: str) -> bool:
        return wanted is not None and wanted in (values.binary(value), value.encode("utf-8", "surrogatepass"))

    return predicate


def _boolean(pattern: str) -> OnText:
    wanted = pattern.lower()
    if wanted not in ("true", "false"):
        return lambda _: False
    return lambda value: value.lower() == wanted
