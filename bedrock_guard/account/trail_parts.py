"""Trail files into one Parquet part: the work of a worker process. Imports no pandas, so that it starts quickly."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from bedrock_guard.account.trail_files import Entry, Limits
from bedrock_guard.account.trail_reader import ReadFile, TrailReader
from bedrock_guard.store import Store

SOURCE: Final = "source"
"""The column that names the file a row came from."""


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


def make_part(job: Job) -> dict[str, Any]:
    """Read the files, keep the part, and return what was noted of each file."""
    reader = TrailReader(job.limits)
    notes: dict[str, Any] = {}
    batches: list[pa.RecordBatch] = []
    with _no_collector():
        for key, entry in job.files:
            found = reader.read(entry.path)
            notes[key] = note(entry.name, found)
            if found.columns and notes[key]["rows"]:
                batches.append(batch_of(found.columns.columns, entry.name, job.schema))
    table = pa.Table.from_batches(batches, job.schema)
    Store(job.folder, job.table).add(job.day, table, notes)
    return notes


def note(name: str, found: ReadFile) -> dict[str, Any]:
    """What is kept of a file: its name, records, rows and left out records, or why it was set aside."""
    if found.columns is None:
        return {"name": name, "refused": found.refused, "records": 0, "rows": 0, "left_out": {}}
    rows = len(found.columns.columns["event_id"])
    return {"name": name, "records": found.records, "rows": rows, "left_out": dict(found.columns.left_out)}


def batch_of(columns: Mapping[str, Sequence[Any]], source: str, schema: pa.Schema) -> pa.RecordBatch:
    """The columns of one file as Arrow, with the file's name."""
    named = {**columns, SOURCE: pa.repeat(source, len(columns["event_id"]))}
    arrays = [
        named[field.name] if field.name == SOURCE else pa.array(named[field.name], field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


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
