"""The context of a request as facts: keys in lower case, because key names are case-insensitive.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bedrock_guard.iam.conditions import Facts

_MOST_SHAPES = 4_096


def facts_reader(keys: frozenset[str]) -> Callable[[Mapping[str, Any]], Facts]:
    """A function that takes from a context the given lower-case keys alone.

    It remembers, for each tuple of key names met, which of them are wanted; never a value.
    """
    shapes: dict[tuple[str, ...], tuple[tuple[str, str], ...] | None] = {}

    def read(context: Mapping[str, Any]) -> Facts:
        names = tuple(context)
        try:
            wanted = shapes[names]
        except KeyError:
            if len(shapes) >= _MOST_SHAPES:
                shapes.clear()
            wanted = shapes[names] = _wanted(names, keys)
        if wanted is None:
            return lowered(context)
        if len(wanted) == 1:
            ((lower, name),) = wanted
            return {lower: context[name]}
        facts: Facts = {}
        for lower, name in wanted:
            facts[lower] = context[name]
        return facts

    return read


def _wanted(names: tuple[str, ...], keys: frozenset[str]) -> tuple[tuple[str, str], ...] | None:
    """Pairs of (lower-case key, key as the context spells it); None if two spellings of one key meet."""
    wanted = tuple((name.lower(), name) for name in names if name.lower() in keys)
    return wanted if len(dict(wanted)) == len(wanted) else None


def lowered(context: Mapping[str, Any]) -> Facts:
    """A request's context with its keys in lower case; the values of keys that then meet are joined.

    Key names are case-insensitive (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html).
    """
    facts = {key.lower(): value for key, value in context.items()}
    if len(facts) != len(context):
        return _joined(context)
    return facts


def _joined(context: Mapping[str, Any]) -> Facts:
    facts: Facts = {}
    for key, value in context.items():
        lower = key.lower()
        if lower not in facts:
            facts[lower] = value
            continue
        before, after = _many(facts[lower]), _many(value)
        joined = list(dict.fromkeys([*before, *after]))
        facts[lower] = joined[0] if len(joined) == 1 else joined
    return facts


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
