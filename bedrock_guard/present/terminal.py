"""Text that fits a terminal: lines broken between words, a table where it fits, else its rows one by one.

Widths are columns of a terminal: a wide character takes two, a mark on the one before it none.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Final
from unicodedata import combining, east_asian_width

FILE: Final = 160
"""Columns where the output is no terminal: nearly every table of numbers stands whole, and two runs are alike."""
_LEAST: Final = 40
_BETWEEN: Final = "  "
COMMAND: Final = " --"
"""What a line with a command in it holds."""


def terminal_width() -> int:
    """Columns of the terminal, or what COLUMNS says; 160 into a file or a pipe, at least 40."""
    return max(shutil.get_terminal_size((FILE, 24)).columns, _LEAST)


def columns_of(text: str) -> int:
    """How many columns a text takes.

    Example:
        >>> columns_of("abc"), columns_of("東京")
        (3, 4)
    """
    return (
        len(text)
        if text.isascii()
        else sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)
    )


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width` columns, broken between words, a longer word where it must be.

    Example:
        >>> wrapped("a role of arn:aws:iam", 8)
        ['a role', 'of', 'arn:aws:', 'iam']
    """
    lines = [""]
    for word in text.split():
        first, *rest = _pieces(word, width)
        joined = f"{lines[-1]} {first}" if lines[-1] else first
        if columns_of(joined) <= width and (not rest or not lines[-1]):
            lines[-1] = joined
        else:
            lines.append(first)
        lines += rest
    return lines


def paragraph(text: str, width: int | None, hang: int = 0) -> str:
    """One line of text as lines that keep its indent, `hang` more from the second on; a command stays one line."""
    if width is None or COMMAND in text or columns_of(text) <= width:
        return text
    indent = text[: len(text) - len(text.lstrip())]
    later = f"{indent}{' ' * hang}"
    lines = wrapped(text, max(width - len(later), 1))
    return "\n".join(f"{later if number else indent}{line}" for number, line in enumerate(lines))


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int], width: int | None = None
) -> str:
    """Columns beside each other, those of `right` at the right; row by row where they are wider than `width`."""
    room = [max(map(columns_of, texts)) for texts in zip(heads, *rows, strict=True)]
    if width is not None and sum(room) + len(_BETWEEN) * (len(room) - 1) > width:
        return "\n\n".join(_beneath(heads, row, width) for row in rows)
    return "\n".join(_beside(row, room, right) for row in (heads, *rows))


def _beside(row: Iterable[str], room: Iterable[int], right: Collection[int]) -> str:
    cells = []
    for place, (text, columns) in enumerate(zip(row, room, strict=True)):
        blank = " " * (columns - columns_of(text))
        cells.append(blank + text if place in right else text + blank)
    return _BETWEEN.join(cells).rstrip()


def _beneath(heads: Sequence[str], row: Sequence[str], width: int) -> str:
    """The row's cells under each other, each after its head; one that is empty is left out."""
    left = min(max(map(columns_of, heads)), width // 3)
    room = width - left - len(_BETWEEN)
    lines = []
    for head, text in zip(heads, row, strict=True):
        if text:
            pairs = zip_longest(wrapped(head, left), wrapped(text, room), fillvalue="")
            lines += [_beside(pair, (left, room), ()) for pair in pairs]
    return "\n".join(lines)


def _pieces(word: str, width: int) -> Iterator[str]:
    piece, taken = "", 0
    for character in word:
        columns = columns_of(character)
        if piece and taken + columns > width:
            yield piece
            piece, taken = "", 0
        piece, taken = piece + character, taken + columns
    yield piece
