"""Delivered CloudTrail files at the speed of inflating them: simdjson parses, and only what makes a row is looked at.

Rows are made by the same code as those of the careful reader (`evidence.record_columns`). A file of any other form, and
one that simdjson does not accept, is for the careful reader, which either reads it or names the reason why not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeVar

from simdjson import Array, Object, Parser

from bedrock_guard.account.trail_memory import Form, Memory, is_short
from bedrock_guard.evidence.held_records import MEMBERS, Kind, Records
from bedrock_guard.evidence.left_out import LeftOut
from bedrock_guard.evidence.record_columns import Columns, read_columns
from bedrock_guard.evidence.records import sort_record
from bedrock_guard.evidence.repeated import Repeated

_Read = TypeVar("_Read")
_HOLDERS: Final = (Object, Array)
_KIND_OF: Final = itemgetter(b"eventSource", b"eventName")
"""simdjson looks for names as bytes; given as text, each is encoded anew for each record."""


class _NotDeliveredError(ValueError):
    """The file is no plain delivery: the careful reader reads it."""


class _Parsed(Records):
    """Records that simdjson holds.

    Args:
        records: the records.
        kinds: the kind of each.
        forms: the form of each. Asking simdjson for a member that is missing is slow.
        memory: what earlier records said.
        at_hand: columns that were read already; where a form lacks the member, anything.
    """

    def __init__(
        self,
        records: Sequence[Any],
        kinds: Sequence[Kind],
        forms: Sequence[Form],
        memory: Memory,
        at_hand: Mapping[str, Sequence[Any]],
    ) -> None:
        super().__init__(records, kinds)
        self._forms, self._memory, self._at_hand = forms, memory, at_hand
        names = [form.names for form in set(forms)]
        self._ever = frozenset[str]().union(*names)
        self._always = self._ever.intersection(*names)

    def column(self, name: str) -> list[Any]:
        if name not in self._ever:
            return [None] * len(self.records)
        key = name.encode()
        values = self._at_hand.get(name)
        if name in self._always:
            return list(values or map(itemgetter(key), self.records))
        has = [name in form.names for form in self._forms]
        if values:
            return [value if there else None for value, there in zip(values, has, strict=True)]
        return [record[key] if there else None for record, there in zip(self.records, has, strict=True)]

    def each(self, function: Callable[[Any], _Read], name: str) -> list[_Read]:
        return [function(_plain(value)) for value in self.column(name)]

    def read(self, function: Callable[[Any], _Read], name: str) -> Repeated[_Read]:
        if name not in self._ever:
            return Repeated.constant(function(None), len(self))
        values = self.column(name)
        return self._read(function, _texts(values), [(value,) for value in values])

    def read_by_kind(self, function: Callable[[Any, Kind], _Read], name: str) -> Repeated[_Read]:
        values = self.column(name)
        texts = list(zip(self.kinds, _texts(values), strict=True))
        return self._read(function, texts, list(zip(values, self.kinds, strict=True)))

    def _read(
        self, function: Callable[..., _Read], texts: Sequence[Any], values: Sequence[tuple[Any, ...]]
    ) -> Repeated[_Read]:
        """Each distinct text read once, in this file and in those before."""
        by_text = dict(zip(texts, values, strict=True))
        places = dict(zip(by_text, range(len(by_text)), strict=True))
        known = self._memory.of(function)
        found = [
            known[text] if text in known else _read_anew(known, text, function, *value)
            for text, value in by_text.items()
        ]
        return Repeated(list(map(places.__getitem__, texts)), found)

    def whole(self, place: int) -> dict[str, Any]:
        found: dict[str, Any] = self.records[place].as_dict()
        return found

    def only(self, places: Sequence[int]) -> _Parsed:
        less = super().only(places)
        forms = [self._forms[place] for place in places]
        return _Parsed(less.records, less.kinds, forms, self._memory, {})


def _texts(values: Sequence[Any]) -> list[Any]:
    """What tells values apart: of an object its text, of any other its type as well, since 1 equals 1.0 and True."""
    return [value.mini if isinstance(value, _HOLDERS) else (type(value), value) for value in values]


def _read_anew(
    known: dict[Any, Any], text: Any, function: Callable[..., _Read], value: Any, *kind: Kind
) -> _Read:
    found = function(_plain(value), *kind)
    if is_short(text):
        known[text] = found
    return found


def _plain(value: Any) -> Any:
    """A value as Python has it."""
    if isinstance(value, Object):
        return value.as_dict()
    return value.as_list() if isinstance(value, Array) else value


class FastReader:
    """Reads one delivered file after another; not for several threads at once."""

    def __init__(self) -> None:
        self._memory = Memory()
        self._parser = Parser()

    def read(self, data: bytes) -> tuple[int, Columns] | None:
        """How many records an inflated file holds, and their columns; None when it is for the careful reader."""
        try:
            return self._read(data)
        except (ValueError, RuntimeError, RecursionError):
            self._parser = Parser()  # the old one cannot be used while the error holds its records
            return None

    def _read(self, data: bytes) -> tuple[int, Columns]:
        self._memory.tidy()
        records = _delivered(self._parser.parse(data))
        found = _sort(records, self._memory)
        made = read_columns(_parsed(found, self._memory))
        return len(records), Columns(made.columns, made.left_out + found.left_out)


def _delivered(document: Any) -> list[Any]:
    """The records of `{"Records": [...]}`."""
    if not isinstance(document, Object) or list(document) != ["Records"]:
        raise _NotDeliveredError
    records = document["Records"]
    if not isinstance(records, Array):
        raise _NotDeliveredError
    return list(records)


class _Sorted(NamedTuple):
    """The records that may be rows with the kind of each, and the number of the others by reason."""

    kept: list[Any]
    kinds: list[Kind]
    left_out: Counter[str]


def _sort(records: Sequence[Any], memory: Memory) -> _Sorted:
    verdicts = _verdicts(records, memory)
    left_out: Counter[str] = Counter()
    counts = Counter(verdicts)
    for verdict, count in counts.items():
        if isinstance(verdict, str):
            left_out[verdict] += count
    if counts[None]:
        odd = compress(records, [verdict is None for verdict in verdicts])
        left_out.update(_foreign(record).value for record in odd)
    is_kept = [type(verdict) is tuple for verdict in verdicts]
    return _Sorted(list(compress(records, is_kept)), list(compress(verdicts, is_kept)), left_out)


def _verdicts(records: Sequence[Any], memory: Memory) -> list[Any]:
    """Of each record its kind when such records are kept, else the reason why not; None where it has no kind."""
    look_up = memory.verdicts.__getitem__
    try:
        return list(map(look_up, map(_KIND_OF, records)))
    except (KeyError, TypeError):
        return [look_up(_kind_in(record)) for record in records]


def _kind_in(record: Any) -> Any:
    try:
        return _KIND_OF(record)
    except (KeyError, TypeError):
        return None, None


def _foreign(record: Any) -> LeftOut:
    found = sort_record(_plain(record))
    if not isinstance(found, LeftOut):
        raise _NotDeliveredError
    return found


def _parsed(found: _Sorted, memory: Memory) -> _Parsed:
    """The records kept, with what is read of all of them: record by record, as they lie in memory."""
    looked = [memory.look(record, kind) for record, kind in zip(found.kept, found.kinds, strict=True)]
    forms = [form for form, _ in looked]
    if any(form.twice for form in set(forms)):  # simdjson takes the first of two, everyone else the last
        raise _NotDeliveredError
    columns = zip(*(values for _, values in looked), strict=False)  # after MEMBERS each form has its own
    return _Parsed(found.kept, found.kinds, forms, memory, dict(zip(MEMBERS, columns, strict=False)))
