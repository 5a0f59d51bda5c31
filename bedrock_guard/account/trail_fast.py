"""Delivered CloudTrail files at the speed of inflating them: simdjson parses, and only what makes a row is looked at.

Rows are made by the same code as those of the careful reader (`evidence.record_columns`). A file of any other form, and
one that simdjson does not accept, is for the careful reader, which either reads it or names the reason why not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

import simdjson

from bedrock_guard.evidence.left_out import LeftOut
from bedrock_guard.evidence.record_columns import Columns, Kind, Records, read_columns, shape_of
from bedrock_guard.evidence.records import sort_record

_Read = TypeVar("_Read")
_MOST_REMEMBERED: Final = 20_000
_LONGEST_REMEMBERED: Final = 2_048


class _NotDeliveredError(ValueError):
    """The file is no plain delivery: the careful reader reads it."""


class _Memory:
    """What earlier records said: callers, requests and answers repeat, and equal texts are read once."""

    def __init__(self) -> None:
        self._read: dict[Any, dict[Any, Any]] = {}
        self._names: dict[tuple[str, ...], frozenset[str]] = {}

    def of(self, key: Any) -> dict[Any, Any]:
        """What was read under a key, by the text it was read from."""
        known = self._read.setdefault(key, {})
        if len(known) > _MOST_REMEMBERED:
            known.clear()
        return known

    def names(self, record: Any) -> frozenset[str]:
        """The names of a record's members: asking simdjson for one that is missing is slow."""
        names = tuple(record.keys())
        known = self._names.get(names)
        if known is None:
            known = frozenset(names)
            if len(known) != len(names):
                raise _NotDeliveredError
            if len(self._names) > _MOST_REMEMBERED:
                self._names.clear()
            self._names[names] = known
        return known


class _Parsed(Records):
    """Records that simdjson holds."""

    def __init__(self, records: Sequence[Any], names: Sequence[frozenset[str]], memory: _Memory) -> None:
        super().__init__(records)
        self._names, self._memory = names, memory
        kinds = set(names)
        self._always = frozenset.intersection(*kinds) if kinds else frozenset[str]()
        self._ever = frozenset[str]().union(*kinds)

    def column(self, name: str) -> list[Any]:
        if name in self._always:
            return [record.get(name) for record in self.records]
        if name not in self._ever:
            return [None] * len(self.records)
        return [
            record.get(name) if name in names else None
            for record, names in zip(self.records, self._names, strict=True)
        ]

    def read(self, function: Callable[[Any], _Read], name: str) -> list[_Read]:
        known = self._memory.of(function)
        return [_remembered(function, value, (), known) for value in self.column(name)]

    def read_by_kind(
        self, function: Callable[[Any, Kind], _Read], name: str, kinds: Sequence[Kind]
    ) -> list[_Read]:
        known = {kind: self._memory.of((function, kind)) for kind in set(kinds)}
        return [
            _remembered(function, value, (kind,), known[kind])
            for value, kind in zip(self.column(name), kinds, strict=True)
        ]

    def whole(self, place: int) -> dict[str, Any]:
        found: dict[str, Any] = self.records[place].as_dict()
        return found

    def only(self, places: Sequence[int]) -> _Parsed:
        records, names = ([rows[place] for place in places] for rows in (self.records, self._names))
        return _Parsed(records, names, self._memory)


def _remembered(
    function: Callable[..., _Read], value: Any, more: tuple[Any, ...], known: dict[Any, Any]
) -> _Read:
    if value is None or not isinstance(value, (simdjson.Object, simdjson.Array)):
        return function(value, *more)
    text = value.mini
    found: _Read | None = known.get(text)
    if found is None:
        found = function(value.as_dict() if isinstance(value, simdjson.Object) else value.as_list(), *more)
        if len(text) <= _LONGEST_REMEMBERED:
            known[text] = found
    return found


class FastReader:
    """Reads one delivered file after another; not for several threads at once."""

    def __init__(self) -> None:
        self._memory = _Memory()
        self._parser = simdjson.Parser()

    def read(self, data: bytes) -> tuple[int, Columns] | None:
        """How many records an inflated file holds, and their columns; None when it is for the careful reader."""
        try:
            return self._read(data)
        except (ValueError, RuntimeError, RecursionError):
            self._parser = simdjson.Parser()  # the old one cannot be used while the error holds its records
            return None

    def _read(self, data: bytes) -> tuple[int, Columns]:
        records, kept, left_out = _sort(_delivered(self._parser.parse(data)))
        names = [self._memory.names(record) for record in kept]
        made = read_columns(_Parsed(kept, names, self._memory))
        return records, Columns(made.columns, made.left_out + left_out)


def _delivered(document: Any) -> Iterable[Any]:
    """The records of `{"Records": [...]}`."""
    if not isinstance(document, simdjson.Object) or list(document.keys()) != ["Records"]:
        raise _NotDeliveredError
    records = document["Records"]
    if not isinstance(records, simdjson.Array):
        raise _NotDeliveredError
    found: Iterable[Any] = records
    return found


def _sort(records: Iterable[Any]) -> tuple[int, list[Any], Counter[str]]:
    """How many records there are, those that may be rows, and the others by reason."""
    kept: list[Any] = []
    odd: Counter[str] = Counter()
    skipped: dict[Kind, int] = {}
    known: set[Kind] = set()
    total = 0
    for record in records:
        total += 1
        try:
            kind = record["eventSource"], record["eventName"]
        except (KeyError, TypeError):
            odd[_foreign(record).value] += 1
            continue
        if kind in skipped:
            skipped[kind] += 1
        elif kind in known:
            kept.append(record)
        elif not (type(kind[0]) is type(kind[1]) is str):
            odd[_foreign(record).value] += 1
        elif isinstance(shape_of(*kind), LeftOut):
            skipped[kind] = 1
        else:
            known.add(kind)
            kept.append(record)
    for kind, count in skipped.items():
        odd[str(shape_of(*kind))] += count
    return total, kept, odd


def _foreign(record: Any) -> LeftOut:
    found = sort_record(record.as_dict() if isinstance(record, simdjson.Object) else record)
    if not isinstance(found, LeftOut):
        raise _NotDeliveredError
    return found
