"""Trail files into one Parquet part: the work of a worker process. Imports no pandas, so that it starts quickly."""

from __future__ import annotations

import gc
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from bedrock_guard.account.trail_files import Entry, Limits
from bedrock_guard.account.trail_reader import Reader, ReadFile, TrailReader
from bedrock_guard.evidence.repeated import Column, Repeated
from bedrock_guard.store import Store

SOURCE: Final = "source"
"""The column that names the file a row came from."""

DISTINCT: Final = ("event_id", "request_id")
"""Columns in which hardly a value repeats."""

_BATCH_ROWS: Final = 16_384


@dataclass(frozen=True, slots=True)
class Job:
    """Files of one delivery day that become one part of a table.

    Args:
        folder: the store's folder.
        table: the table's name.
        schema: the part's columns; `source` among them.
        day: the delivery day.
        files: the files by the key under which the store knows them.
        limits: bounds of a file.
    """

    folder: Path
    table: str
    schema: pa.Schema
    day: str
    files: Sequence[tuple[str, Entry]]
    limits: Limits


def make_part(job: Job, fast: Reader | None) -> dict[str, Any]:
    """Read the files, keep the part, and return what was noted of each file.

    Args:
        job: the files.
        fast: the fast reader; one for many jobs remembers what it read in those before.
    """
    reader = TrailReader(job.limits, fast)
    notes: dict[str, Any] = {}
    pile = Pile(job.schema)
    with _no_collector():
        for key, entry in job.files:
            found = reader.read(entry.path)
            notes[key] = note(entry.name, found)
            if found.columns and notes[key]["rows"]:
                pile.add(found.columns.columns, entry.name)
        table = pile.table()
    Store(job.folder, job.table).add(job.day, table, notes, distinct=DISTINCT)
    return notes


def note(name: str, found: ReadFile) -> dict[str, Any]:
    """What is kept of a file: its name, records, rows and left out records, or why it was set aside."""
    if found.columns is None:
        return {"name": name, "refused": found.refused, "records": 0, "rows": 0, "left_out": {}}
    rows = len(found.columns.columns["event_id"])
    return {"name": name, "records": found.records, "rows": rows, "left_out": dict(found.columns.left_out)}


class Pile:
    """Columns of one file below those of another. Small arrays are dear to make, so many files make one batch."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._batches: list[pa.RecordBatch] = []
        self._pieces: list[Mapping[str, Column]] = []
        self._rows = 0

    def add(self, columns: Mapping[str, Column], source: str) -> None:
        """Take the columns of a file, and its name."""
        rows = len(columns["event_id"])
        self._pieces.append({**columns, SOURCE: Repeated.constant(source, rows)})
        self._rows += rows
        if self._rows >= _BATCH_ROWS:
            self._flush()

    def _flush(self) -> None:
        places = _Places()
        arrays = [
            _array([piece[field.name] for piece in self._pieces], field.type, places)
            for field in self._schema
        ]
        self._batches.append(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._pieces, self._rows = [], 0

    def table(self) -> pa.Table:
        """Everything taken so far."""
        if self._pieces:
            self._flush()
        return pa.Table.from_batches(self._batches, self._schema)


class _Places:
    """Where in the values of all pieces together each row's value stands; columns read from one member share it."""

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[int, int], ...], pa.Array] = {}

    def of(self, pieces: Sequence[Repeated[Any]]) -> pa.Array:
        """The places as Arrow."""
        key = tuple((id(piece.codes), len(piece.values)) for piece in pieces)
        if key not in self._known:
            codes, before = array("i"), 0
            for piece in pieces:
                codes.extend(_moved(piece, before))
                before += len(piece.values)
            self._known[key] = pa.Array.from_buffers(pa.int32(), len(codes), [None, pa.py_buffer(codes)])
        return self._known[key]


def _moved(piece: Repeated[Any], by: int) -> array[int]:
    """The codes of a piece whose values stand after `by` others."""
    if len(piece.values) == 1:
        return array("i", [by]) * len(piece)
    return array("i", [code + by for code in piece.codes]) if by else piece.codes


def _array(pieces: Sequence[Column], kind: pa.DataType, places: _Places) -> pa.Array:
    """One column as Arrow; where values repeat, only the distinct ones pass through Python."""
    repeated = [piece for piece in pieces if isinstance(piece, Repeated)]
    if len(repeated) < len(pieces):
        return pa.array(list(chain.from_iterable(pieces)), kind)
    values = pa.array(list(chain.from_iterable(piece.values for piece in repeated)), kind)
    return values.take(places.of(repeated))


def added(notes: Mapping[str, Mapping[str, Any]]) -> tuple[int, int, Counter[str]]:
    """Records, rows and left out records of all files together."""
    left_out: Counter[str] = Counter()
    for one in notes.values():
        left_out.update(one["left_out"])
    records = sum(one["records"] for one in notes.values())
    return records, sum(one["rows"] for one in notes.values()), left_out


@contextmanager
def _no_collector() -> Iterator[None]:
    """Python looks for reference cycles ever again while many values are made; rows make none."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
