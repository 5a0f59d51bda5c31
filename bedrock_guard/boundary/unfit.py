"""What is wrong with one value, in plain words instead of pydantic's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bedrock_guard.boundary import names

_WORDS: Final = {
    "int": "{} is no whole number",
    "decimal": "{} is no number",
    "float": "{} is no number",
    "finite_number": "{} is no number",
    "bool": "{} is neither true nor false",
    "list": "{} is no list",
    "tuple": "{} is no list",
    "set": "{} is no list",
    "frozen_set": "{} is no list",
    "dict": "{} is no table of keys",
    "model": "{} is no table of keys",
    "greater_than_equal": "{} is below {ge}",
    "less_than_equal": "{} is above {le}",
    "greater_than": "{} is not above {gt}",
    "less_than": "{} is not below {lt}",
    "literal_error": "{} is not {expected}",
    "string_type": "{} is no text: write it in quotes",
    "date": "{} is no date",
    "string_too_short": "is empty",
    "too_short": "is empty",
    "string_too_long": "is longer than {max_length} characters",
    "too_long": "is longer than {max_length}",
    "string_pattern_mismatch": "{} does not match {pattern}",
    "missing": "is missing",
    "value_error": "{} {error}",
}
"""pydantic's kind of error, or how its name begins -> the words; {} stands for the value."""


def unfit(fault: Mapping[str, Any]) -> str:
    """One of pydantic's complaints in words.

    Example:
        >>> unfit({"type": "int_parsing", "input": "many"})
        "'many' is no whole number"

    """
    kind = str(fault["type"])
    found = _WORDS.get(kind) or next(
        (words for name, words in _WORDS.items() if kind.startswith(f"{name}_")), ""
    )
    if not found:
        return str(fault.get("msg") or "does not fit")
    return found.format(_shown(fault.get("input")), **fault.get("ctx", {}))


def _shown(value: Any) -> str:
    plain = isinstance(value, (str, int, float, type(None)))
    return names.clipped(repr(value)) if plain else "what is there"
