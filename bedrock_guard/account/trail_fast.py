"""Delivered CloudTrail files at the speed of inflating them: simdjson parses, and only what makes a row is looked at.

Rows are made by the same code as those of the careful reader (`evidence.record_columns`). A file of any other form, and
one that simdjson does not accept, is for the careful reader, which either reads it or names the reason why not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeVar

import simdjson

from bedrock_guard.evidence.left_out import LeftOut
from bedrock_guard.evidence.record_columns import Columns, Kind, Records, read_columns, shape_of
from bedrock_guard.evidence.records import sort_record
from bedrock_guard.evidence.repeated import Repeated

_Read = TypeVar("_Read")
_MOST_REMEMBERED: Final = 20_000
_LONGEST_REMEMBERED: Final = 2_048
_HOLDERS: Final = (simdjson.Object, simdjson.Array)


class _NotDeliveredError(ValueError):
    """The file is no plain delivery: the careful reader reads it."""


class _Memory:
    """What earlier records said: callers and requests repeat, and equal texts are read once."""

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
    """Records that simdjson holds, with the names of each one's members."""

    def __init__(
        self, records: Sequence[Any], kinds: Sequence[Kind], names: Sequence[frozenset[str]], memory: _Memory
    ) -> None:
        super().__init__(records, kinds)
        self._names, self._memory = names, memory
        distinct = set(names)
        self._always = frozenset.intersection(*distinct) if distinct else frozenset[str]()
        self._ever = frozenset[str]().union(*distinct)

    def column(self, name: str) -> list[Any]:
        if name in self._always:
            return list(map(itemgetter(name), self.records))
        if name not in self._ever:
            return [None] * len(self.records)
        return [
            record[name] if name in names else None
            for record, names in zip(self.records, self._names, strict=True)
        ]

    def each(self, function: Callable[[Any], _Read], name: str) -> list[_Read]:
        return [function(_plain(value)) for value in self.column(name)]

    def read(self, function: Callable[[Any], _Read], name: str) -> Repeated[_Read]:
        def alike(value: Any, _kind: None) -> _Read:
            return function(value)

        return self._read(alike, name, [None] * len(self), function)

    def read_by_kind(self, function: Callable[[Any, Kind], _Read], name: str) -> Repeated[_Read]:
        return self._read(function, name, self.kinds, function)

    def _read(
        self, function: Callable[[Any, Any], _Read], name: str, kinds: Sequence[Any], key: Any
    ) -> Repeated[_Read]:
        """Each distinct text of an object read once a kind, in this file and in those before."""
        if name not in self._ever and kinds is not self.kinds:
            return Repeated.constant(function(None, None), len(self))
        places: dict[Any, dict[Any, int]] = {kind: {} for kind in set(kinds)}
        known = {kind: self._memory.of((key, kind)) for kind in places}
        codes: list[int] = []
        found: list[_Read] = []
        for value, kind in zip(self.column(name), kinds, strict=True):
            if isinstance(value, _HOLDERS):
                text = value.mini
                place = places[kind].get(text)
                if place is None:
                    place = places[kind][text] = len(found)
                    found.append(_remembered(known[kind], text, function, value, kind))
            else:
                place = len(found)
                found.append(function(value, kind))
            codes.append(place)
        return Repeated(codes, found)

    def whole(self, place: int) -> dict[str, Any]:
        found: dict[str, Any] = self.records[place].as_dict()
        return found

    def only(self, places: Sequence[int]) -> _Parsed:
        less = super().only(places)
        names = [self._names[place] for place in places]
        return _Parsed(less.records, less.kinds, names, self._memory)


def _remembered(
    known: dict[Any, Any], text: Any, function: Callable[[Any, Any], _Read], value: Any, kind: Any
) -> _Read:
    if text in known:
        earlier: _Read = known[text]
        return earlier
    found = function(_plain(value), kind)
    if len(text) <= _LONGEST_REMEMBERED:
        known[text] = found
    return found


def _plain(value: Any) -> Any:
    """A value as Python has it."""
    if isinstance(value, simdjson.Object):
        return value.as_dict()
    return value.as_list() if isinstance(value, simdjson.Array) else value


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
        found = _sort(_delivered(self._parser.parse(data)))
        names = [self._memory.names(record) for record in found.kept]
        made = read_columns(_Parsed(found.kept, found.kinds, names, self._memory))
        return found.records, Columns(made.columns, made.left_out + found.left_out)


def _delivered(document: Any) -> Iterable[Any]:
    """The records of `{"Records": [...]}`."""
    if not isinstance(document, simdjson.Object) or list(document.keys()) != ["Records"]:
        raise _NotDeliveredError
    records = document["Records"]
    if not isinstance(records, simdjson.Array):
        raise _NotDeliveredError
    found: Iterable[Any] = records
    return found


class _Sorted(NamedTuple):
    """How many records there are, those that may be rows with the kind of each, and the others by reason."""

    records: int
    kept: list[Any]
    kinds: list[Kind]
    left_out: Counter[str]


def _sort(records: Iterable[Any]) -> _Sorted:
    kept: list[Any] = []
    kinds: list[Kind] = []
    odd: Counter[str] = Counter()
    skipped: dict[Kind, int] = {}
    known: dict[Kind, Kind] = {}
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
            kinds.append(known[kind])
        elif not (type(kind[0]) is type(kind[1]) is str):
            odd[_foreign(record).value] += 1
        elif isinstance(shape_of(*kind), LeftOut):
            skipped[kind] = 1
        else:
            known[kind] = kind
            kept.append(record)
            kinds.append(kind)
    for kind, count in skipped.items():
        odd[str(shape_of(*kind))] += count
    return _Sorted(total, kept, kinds, odd)


def _foreign(record: Any) -> LeftOut:
    found = sort_record(_plain(record))
    if not isinstance(found, LeftOut):
        raise _NotDeliveredError
    return found
