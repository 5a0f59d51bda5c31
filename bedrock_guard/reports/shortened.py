"""HTML of our own, shortened between the rows of its tables and the items of its lists, never inside one."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bedrock_guard.evidence.words import many

_ROWS: Final = re.compile(
    r"(?P<head><(?P<kind>table)>.*?<tbody>|<(?P<list>ol|ul)>)(?P<rows>.*?)(?P<end></(?:table|ol|ul)>)",
    re.DOTALL,
)
_FIRST: Final = re.compile(r"(?=<tr>|<li>)")
SUMS: Final = "<tr><th align=left"
"""How the row begins that adds up the others."""
_HEADS: Final = re.compile(r"<th\b")
_CALLED: Final = {"table": "row", "ol": "step", "ul": "finding"}
_SHARE: Final[Mapping[str, int]] = {"ol": 2}
"""A step with its commands is as long as several rows, and steps that end before what stops a key help nobody."""


def in_file(text: str) -> int:
    """Bytes that a text takes inside a JSON file of UTF-8.

    Example:
        >>> in_file('é"')
        4

    """
    return len(json.dumps(text, ensure_ascii=False).encode()) - 2


@dataclass(frozen=True, slots=True)
class Rows:
    """A table or a list by its rows.

    Args:
        kind: table, ol (steps in their order) or ul (findings).
        head: what stands before the first row.
        rows: the rows, those that matter most first.
        end: what stands after the last, among it the row that adds up the others.

    """

    kind: str
    head: str
    rows: tuple[str, ...]
    end: str

    def first(self, count: int) -> str:
        """The first so many rows; how many more there are is said."""
        left = len(self.rows) - count
        shown = self.head + "".join(self.rows[:count])
        if not left:
            return shown + self.end
        told = f"… {many(left, f'more {_CALLED[self.kind]}')} {'stand' if left > 1 else 'stands'} in report.html."
        if self.kind == "table":
            return f"{shown}<tr><td colspan={len(_HEADS.findall(self.head)) or 1}>{told}{self.end}"
        return f"{shown}{self.end}<p>{told}"

    def count(self, cap: int) -> int:
        """How many of the first rows so many bytes hold."""
        most = cap * _SHARE.get(self.kind, 1)
        if in_file(self.first(len(self.rows))) <= most:
            return len(self.rows)
        fits = bisect_right(range(len(self.rows)), most, key=lambda count: in_file(self.first(count)))
        return max(fits - 1, 0)


def fitted(held: Sequence[Rows], room: int) -> list[str]:
    """The tables and lists, the longest of them shortened to one length, so that all together take so many bytes.

    Findings are shortened only where none of the others has a row left.

    Args:
        held: in the order of the page.
        room: bytes in a file; less than the heads and sums of tables take cannot be kept to.

    """

    def counts(cap: int, findings: int) -> list[int]:
        return [one.count(findings if one.kind == "ul" else cap) for one in held]

    def size(shown: Sequence[int]) -> int:
        return sum(in_file(one.first(count)) for one, count in zip(held, shown, strict=True))

    def most(size_of: Callable[[int], int]) -> int:
        """The greatest cap that fits; -1 where none does."""
        return bisect_right(range(room + 1), room, key=size_of) - 1

    cap = most(lambda cap: size(counts(cap, room)))
    found = counts(cap, room) if cap >= 0 else counts(0, max(most(lambda few: size(counts(0, few))), 0))
    for at, one in enumerate(held):  # what is left over is less than a row of most of them
        while found[at] < len(one.rows) and size([*found[:at], found[at] + 1, *found[at + 1 :]]) <= room:
            found[at] += 1
    return [one.first(count) for one, count in zip(held, found, strict=True)]


def parts(html: str) -> Iterator[str | Rows]:
    """HTML, without the looks of tables, cut where its tables and lists begin and end; what nests stays one text.

    Example:
        >>> [type(part).__name__ for part in parts("<p>a<table><tbody><tr><td>1</table>b")]
        ['str', 'Rows', 'str']

    """
    at = 0
    for found in _ROWS.finditer(html):
        kind = found["kind"] or found["list"]
        if f"</{kind}>" != found["end"] or f"<{kind}" in found["rows"]:
            continue
        before, *rows = _FIRST.split(found["rows"])
        if before:
            continue
        sums = rows.pop() if rows and rows[-1].startswith(SUMS) else ""
        yield html[at : found.start()]
        yield Rows(kind, found["head"], tuple(rows), sums + found["end"])
        at = found.end()
    yield html[at:]
