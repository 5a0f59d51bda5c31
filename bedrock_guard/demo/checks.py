r"""What a service checks of its input and a client does not.

botocore's client looks at required members and types only: enum, pattern, length of text and upper bounds are
the service's half. Patterns that Python's ``re`` cannot read (``\p{L}``) are skipped, not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

_NUMBERS = {"integer", "long", "float", "double"}


_ENUM = "Member must satisfy enum value set"
_PLACE = re.compile(r" at '(\w+)[\w.]*' failed to satisfy constraint")


def input_problems(shape: Shape | None, value: Any, *, enums: bool = True) -> list[str]:
    """Sentences in AWS's wording for what is wrong with an input; empty when all is well."""
    found = [] if shape is None else list(_walk(shape, value, ""))
    return found if enums else [problem for problem in found if f": {_ENUM}: [" not in problem]


def member_at_fault(problem: str) -> str:
    """The top-level member, with a small first letter, that a problem is about."""
    found = _PLACE.search(problem)
    return found.group(1) if found else ""


def _walk(shape: Shape, value: Any, where: str) -> Iterator[str]:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        yield from _walk_structure(shape, value, where)
    elif isinstance(shape, ListShape) and isinstance(value, list):
        yield from _length(shape, len(value), "", where)
        for number, item in enumerate(value, 1):
            yield from _walk(shape.member, item, f"{where}.{number}.member")
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        yield from _length(shape, len(value), "", where)
        for key, item in value.items():
            yield from _walk(shape.value, item, f"{where}.{key}")
    elif shape.type_name == "string" and isinstance(value, str):
        yield from _text(shape, value, where)
    elif shape.type_name in _NUMBERS and isinstance(value, (int, float)):
        yield from _range(shape, value, where)


def _walk_structure(shape: StructureShape, value: dict[str, Any], where: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            place = _place(where, name)
            yield f"Value null at '{place}' failed to satisfy constraint: Member must not be null"
    for name, item in value.items():
        if item is not None and name in shape.members:
            yield from _walk(shape.members[name], item, _place(where, name))


def _place(where: str, name: str) -> str:
    lower = name[0].lower() + name[1:]
    return f"{where}.{lower}" if where else lower


def _text(shape: Shape, value: str, where: str) -> Iterator[str]:
    shown = f"Value '{value[:200]}' at '{where}' failed to satisfy constraint"
    if shape.enum and value not in shape.enum:
        yield f"{shown}: {_ENUM}: [{', '.join(shape.enum)}]"
    yield from _length(shape, len(value), f" '{value[:200]}'", where)
    pattern = shape.metadata.get("pattern")
    compiled = _compiled(pattern) if pattern else None
    if compiled is not None and not compiled.fullmatch(value):
        yield f"{shown}: Member must satisfy regular expression pattern: {pattern}"


def _length(shape: Shape, length: int, shown: str, where: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    start = f"Value{shown} at '{where}' failed to satisfy constraint: Member must have length"
    if low is not None and length < low:
        yield f"{start} greater than or equal to {low}"
    if high is not None and length > high:
        yield f"{start} less than or equal to {high}"


def _range(shape: Shape, value: float, where: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    start = f"Value '{value}' at '{where}' failed to satisfy constraint: Member must have value"
    if low is not None and value < low:
        yield f"{start} greater than or equal to {low}"
    if high is not None and value > high:
        yield f"{start} less than or equal to {high}"


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern, re.ASCII)
    except re.error:
        return None
