"""Where a key stands in a TOML text, so that an error can name its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Any

_HEADER = re.compile(r"\s*(?P<open>\[\[?)(?P<path>[^\[\]]+)\]\]?\s*(?:#.*)?$")
_KEY = re.compile(
    r"\s*(?P<key>(?:\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:\"[^\"]*\"|[A-Za-z0-9_-]+))*)\s*="
)

Path = tuple[str | int, ...]


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    r"""The 1-based line of a key, of the first thing inside it, or of the nearest table above it.

    Example:
        >>> line_of('[profile.a]\nregions = []\n', ("profile", "a", "regions"))
        2
    """
    lines = _lines(text)
    wanted = tuple(path)
    while wanted:
        if wanted in lines:
            return lines[wanted]
        inside = [number for name, number in lines.items() if name[: len(wanted)] == wanted]
        if inside:
            return min(inside)
        wanted = wanted[:-1]
    return None


def _lines(text: str) -> dict[Path, int]:
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    number = 0
    rows = text.splitlines()
    while number < len(rows):
        row = rows[number]
        header, key = _HEADER.match(row), _KEY.match(row)
        if header and not key:
            table = _enter(header["path"], header["open"] == "[[", counts)
            found.setdefault(table, number + 1)
        elif key:
            name = (*table, *_split(key["key"]))
            found.setdefault(name, number + 1)
            end = _end_of_value(rows, number, key.end())
            found.update(_items(rows, number, end, name))
            number = end
        number += 1
    return found


def _split(path: str) -> Path:
    parts = re.findall(r"\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+", path)
    return tuple(part.strip("\"'") for part in parts)


def _enter(path: str, array: bool, counts: dict[Path, int]) -> Path:  # noqa: FBT001 - two callers, one page
    names: Path = ()
    parts = _split(path)
    for index, part in enumerate(parts):
        names = (*names, part)
        last = index == len(parts) - 1
        if array and last:
            counts[names] = counts.get(names, -1) + 1
        if names in counts:
            names = (*names, counts[names])
    return names


def _end_of_value(rows: list[str], start: int, column: int) -> int:
    """The row on which the value that begins at (start, column) is complete; the same row if it never is."""
    value = rows[start][column:]
    for end in range(start, min(len(rows), start + 20_000)):
        if end > start:
            value = f"{value}\n{rows[end]}"
        if end > start and not rows[end].rstrip().endswith(("]", "}", '"""', "'''")):
            continue
        if _parses(value):
            return end
    return start


def _parses(value: str) -> bool:
    try:
        tomllib.loads(f"v = {value}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return False
    return True


def _items(rows: list[str], start: int, end: int, name: Path) -> dict[Path, int]:
    """Lines of the items of an array that is written one item to a line."""
    found: dict[Path, int] = {}
    index = 0
    for number in range(start + 1, end):
        if rows[number].strip().startswith(('"', "'")):
            found[(*name, index)] = number + 1
            index += 1
    return found


def value_at(data: Any, path: Sequence[str | int]) -> Any:
    """The value at a path of parsed TOML, or None where there is none."""
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data
