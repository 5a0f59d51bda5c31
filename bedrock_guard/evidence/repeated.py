"""Columns told by their distinct values: a trail repeats itself, so few values stand in many rows."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

_V = TypeVar("_V")
_W = TypeVar("_W")


class Repeated(Generic[_V]):
    """A column by its distinct values.

    Args:
        codes: for each row, the place in `values` of what stands there.
        values: what occurs; not necessarily each of it once.

    Example:
        >>> column = Repeated([0, 1, 0], ["a", "b"])
        >>> list(column.map(str.upper))
        ['A', 'B', 'A']
    """

    __slots__ = ("codes", "values")

    def __init__(self, codes: Iterable[int], values: Sequence[_V]) -> None:
        self.codes: array[int] = codes if isinstance(codes, array) else array("i", codes)
        self.values = values

    @classmethod
    def constant(cls, value: _V, rows: int) -> Repeated[_V]:
        """The same value in every row."""
        return cls(array("i", bytes(4 * rows)), [value])

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[_V]:
        return map(self.values.__getitem__, self.codes)

    def __getitem__(self, row: int) -> _V:
        return self.values[self.codes[row]]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Repeated | list) and list(self) == list(other)

    def __hash__(self) -> int:
        raise TypeError("a column cannot be hashed")

    def __repr__(self) -> str:
        return f"Repeated({list(self)!r})"

    def map(self, function: Callable[[_V], _W]) -> Repeated[_W]:
        """The same rows with something read from each value."""
        return Repeated(self.codes, [function(value) for value in self.values])

    def fields(self, names: Sequence[str]) -> dict[str, Repeated[Any]]:
        """A column of each field of the tuples that stand here, by the fields' names.

        Example:
            >>> Repeated([0, 0], [("dev", "ana")]).fields(("role", "session"))
            {'role': Repeated(['dev', 'dev']), 'session': Repeated(['ana', 'ana'])}
        """
        return {
            name: Repeated(self.codes, values)
            for name, values in zip(names, fields_of(self.values, len(names)), strict=True)
        }


def distinct(values: Sequence[_V]) -> Repeated[_V]:
    """A column of hashable values, each distinct one once, in the order in which they were met.

    Example:
        >>> distinct(["a", "b", "a"]).values
        ['a', 'b']
    """
    once = list(dict.fromkeys(values))
    if len(once) == 1:
        return Repeated.constant(once[0], len(values))
    places = dict(zip(once, range(len(once)), strict=True))
    return Repeated(list(map(places.__getitem__, values)), once)


Column = list[Any] | Repeated[Any]
"""One column of a table."""


def fields_of(rows: Iterable[Any], width: int) -> list[list[Any]]:
    """The columns of tuples that are `width` wide; as many empty ones where there are no rows."""
    return list(map(list, zip(*rows, strict=True))) or [[] for _ in range(width)]
