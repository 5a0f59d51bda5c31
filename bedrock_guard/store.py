"""Tables kept on disk as immutable Parquet parts by day: many readers and writers at once, no lock, nothing half-read.

A part is written under a temporary name and appears whole by a rename. Its name is the digest of its sources, and which
sources it holds stands in its own footer, so no list of parts can fall out of step, and the same work done twice makes
the same part once. A killed writer leaves a temporary file that no reader looks at. Merging the parts of a day writes a
new part that names those it replaces; these stay for a while for whoever is reading them.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from bedrock_guard.errors import GuardError

if TYPE_CHECKING:
    import pyarrow as pa

UNDATED: Final = "undated"
"""The day of what has no day."""

_ABOUT: Final = b"bedrock_guard.part"
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}|undated")
_STALE_SECONDS: Final = 24 * 3600
_READERS_SECONDS: Final = 3600
_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a table.

    Args:
        path: where it is.
        day: its day (YYYY-MM-DD) or "undated".
        sources: what it was made of, each with what its maker noted of it (JSON).
        replaces: the names of the parts of the same day that it was merged from.
        columns: the names of its columns.
    """

    path: Path
    day: str
    sources: Mapping[str, Any] = field(default_factory=dict)
    replaces: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


class Store:
    """A named table in a folder.

    Args:
        folder: where tables are kept; made when the first part is added.
        name: the table's name, a folder below.

    Example:
        >>> import tempfile, pyarrow as pa
        >>> store = Store(Path(tempfile.mkdtemp()), "calls")
        >>> _ = store.add("2026-10-01", pa.table({"event_id": ["a", "b"]}), {"a.json.gz": {"records": 2}})
        >>> store.sources(), [part.day for part in store.parts()]
        ({'a.json.gz': {'records': 2}}, ['2026-10-01'])
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.root = Path(folder) / name

    def add(
        self, day: str, table: pa.Table, sources: Mapping[str, Any], *, distinct: Sequence[str] = ()
    ) -> Path:
        """Keep a table as one part; the same sources again change nothing.

        Args:
            day: YYYY-MM-DD, or UNDATED.
            table: the rows.
            sources: what they were made of, each with what is noted of it (JSON).
            distinct: columns whose values do not repeat; looking for repetitions in them would cost time only.

        Raises:
            GuardError: the day is none, or there are no sources.
            OSError: the folder cannot be written.
        """
        return self._write(day, table.schema, [table], sources, (), distinct)

    def _write(
        self,
        day: str,
        schema: pa.Schema,
        tables: Iterable[pa.Table],
        sources: Mapping[str, Any],
        replaces: Sequence[str],
        distinct: Sequence[str] = (),
    ) -> Path:
        import pyarrow.parquet as pq

        if not _DAY.fullmatch(day) or not sources:
            raise GuardError("A part needs a day and its sources.", remedy="Give YYYY-MM-DD, or UNDATED.")
        folder = self.root / f"day={day}"
        target = folder / f"{_digest(sources, replaces)}.parquet"
        if target.exists():
            return target
        folder.mkdir(parents=True, exist_ok=True)
        about = json.dumps({"sources": dict(sources), "replaces": list(replaces)}, separators=(",", ":"))
        temporary = folder / f".{target.name}.{uuid4().hex}.tmp"
        try:
            marked = schema.with_metadata({_ABOUT: about.encode()})
            with temporary.open("wb") as file:
                repeating = [name for name in schema.names if name not in distinct]
                with pq.ParquetWriter(file, marked, compression="zstd", use_dictionary=repeating) as writer:
                    for table in tables:
                        writer.write_table(table.replace_schema_metadata(marked.metadata))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        _sync(folder)
        return target

    def parts(self) -> tuple[Part, ...]:
        """Every part that counts, in the order of days: those merged into another no longer do."""
        found = self._all()
        gone = {(part.day, name) for part in found for name in part.replaces}
        return tuple(part for part in found if (part.day, part.path.name) not in gone)

    def _all(self) -> list[Part]:
        for _ in range(_TRIES):
            try:
                return [_part(str(path)) for path in sorted(self.root.glob("day=*/[!.]*.parquet"))]
            except FileNotFoundError:  # swept between the listing and the look into it
                continue
        raise GuardError("The parts of the store keep vanishing.", remedy="See what else deletes them.")

    def sources(self) -> dict[str, Any]:
        """Every source that is in the store, with what was noted of it."""
        return {name: about for part in self.parts() for name, about in part.sources.items()}

    def merge(self, day: str) -> Path | None:
        """Merge the parts of a day into one; None where there is nothing to merge. Rows keep their order.

        A column that only some parts have is NA for the others.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        parts = [part for part in self.parts() if part.day == day]
        if len(parts) < 2:
            return None
        sources = {name: about for part in parts for name, about in part.sources.items()}
        schema = pa.unify_schemas([pq.read_schema(part.path).remove_metadata() for part in parts])
        tables = (_with_columns(pq.ParquetFile(part.path).read(), schema) for part in parts)
        return self._write(day, schema, tables, sources, [part.path.name for part in parts])

    def sweep(self, now: float | None = None) -> int:
        """Delete what no reader and no writer needs any more: how many files went.

        Args:
            now: seconds since 1970, by default the clock's.
        """
        moment = time.time() if now is None else now
        old = [path for path in self.root.glob("day=*/.*.tmp") if _age(path, moment) > _STALE_SECONDS]
        for part in self._all():
            if part.replaces and _age(part.path, moment) > _READERS_SECONDS:
                old += [part.path.with_name(name) for name in part.replaces]
        there = [path for path in old if path.exists()]
        for path in there:
            path.unlink(missing_ok=True)
        return len(there)


def _with_columns(table: pa.Table, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    for column in schema:
        if column.name not in table.column_names:
            table = table.append_column(column, pa.nulls(len(table), column.type))
    return table.select(schema.names)


def _digest(sources: Iterable[str], replaces: Iterable[str]) -> str:
    text = "\0".join([*sorted(sources), "", *sorted(replaces)])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _age(path: Path, now: float) -> float:
    try:
        return now - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _sync(folder: Path) -> None:
    """The rename is on disk as well; where a folder cannot be opened (Windows) the rename has to do."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@lru_cache(maxsize=100_000)
def _part(path: str) -> Part:
    """A part by its footer, which never changes."""
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    about = json.loads((schema.metadata or {}).get(_ABOUT, b"{}"))
    where = Path(path)
    day = where.parent.name.removeprefix("day=")
    replaces = tuple(about.get("replaces", ()))
    return Part(where, day, about.get("sources", {}), replaces, tuple(schema.names))
