"""CloudTrail to the trail table: files in a folder, and the table's own file.

LookupEvents is next door (`trail_lookup`) and ends in the same Reading; S3 (`trail_s3`) ends in a store.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from bedrock_guard.evidence.left_out import LeftOut
from bedrock_guard.evidence.model_ids import resolve_models
from bedrock_guard.evidence.record_columns import Columns
from bedrock_guard.evidence.records import read_items
from bedrock_guard.evidence.tables import Provenance, with_provenance
from bedrock_guard.evidence.usage import TRAIL, Batch, actions, take

if TYPE_CHECKING:
    import pandas as pd

    from bedrock_guard.boundary.catalogue import Catalogue

_ROWS_PER_PIECE: Final = 100_000
_PARQUET_KEY: Final = b"bedrock_guard"


@dataclass(frozen=True, slots=True)
class Files:
    """What became of the files: how many were read, and those set aside by name with the reason."""

    read: int = 0
    set_aside: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """The trail table (`evidence.usage.TRAIL`) and the account of every record: records = rows + left out.

    Args:
        frame: the rows in the order they were met; `attrs["provenance"]` says how complete they are.
        records: how many records were met in what could be read.
        left_out: why records are no rows, with their number.
        files: what became of the files.
    """

    frame: pd.DataFrame
    records: int
    left_out: Mapping[str, int]
    files: Files = field(default_factory=Files)

    @property
    def summary(self) -> dict[str, Any]:
        """`{"records": n, "rows": n, "left_out": {reason: n}}`, which add up."""
        return {"records": self.records, "rows": len(self.frame), "left_out": dict(self.left_out)}


class Collector:
    """Gathers records into a Reading, in pieces, so that only rows stay in memory.

    Args:
        start: first instant to keep (UTC, aware); None keeps everything before.
        end: first instant no longer kept.
    """

    def __init__(self, start: datetime | None = None, end: datetime | None = None) -> None:
        self._start, self._end = start, end
        self._seen: set[str] = set()
        self._batch = Batch()
        self._pieces: list[pd.DataFrame] = []

    def add(self, items: Iterable[Any]) -> None:
        """Take records as JSON values."""
        self.take(*read_items(items))

    def take(self, records: int, columns: Columns) -> None:
        """Take what a reader made of so many records."""
        take(records, columns, self._seen, self._batch)
        if len(self._batch.rows) >= _ROWS_PER_PIECE:
            self._flush()

    def _flush(self) -> None:
        kept = [row for row in self._batch.rows if self._within(row["event_time"])]
        if len(kept) < len(self._batch.rows):
            self._batch.left_out[LeftOut.OUTSIDE_WINDOW.value] += len(self._batch.rows) - len(kept)
        self._pieces.append(TRAIL.frame(kept))
        self._batch.rows = []

    def _within(self, moment: datetime) -> bool:
        return not (self._start and moment < self._start) and not (self._end and moment >= self._end)

    def reading(
        self,
        files: Files | None = None,
        *,
        catalogue: Catalogue | None = None,
        kept: Mapping[str, str] | None = None,
    ) -> Reading:
        """Everything taken so far, models resolved by `catalogue` (by default the shipped one) and `kept`."""
        import pandas as pd

        from bedrock_guard.boundary.catalogue import shipped

        if self._batch.rows or not self._pieces:
            self._flush()
        frame = self._pieces[0] if len(self._pieces) == 1 else pd.concat(self._pieces, ignore_index=True)
        acted = actions(frame)
        left_out = self._batch.left_out + Counter({LeftOut.TWIN.value: len(frame) - len(acted)})
        acted = resolve_models(acted, catalogue or shipped(), kept)
        return Reading(acted, self._batch.records, dict(sorted(left_out.items())), files or Files())


def about_bytes(
    summary: Mapping[str, Any], files: Files | None, provenance: Provenance
) -> dict[bytes, bytes]:
    """What a table's file says of itself, for `read_parquet`."""
    about = {**summary, "provenance": asdict(provenance)}
    if files:
        about["files"] = {"read": files.read, "set_aside": dict(files.set_aside)}
    return {_PARQUET_KEY: json.dumps(about, default=str).encode()}


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A file to write that takes the target's place when it is whole, and leaves nothing when it is not.

    A device or pipe is written as it is: a rename would put a file in its place.
    """
    if target.exists() and not target.is_file():
        yield target
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid4().hex}.tmp")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def read_parquet(path: Path | str) -> Reading:
    """Read back what `write_parquet` wrote.

    Raises:
        MissingColumns: the file holds another table.
    """
    import pyarrow.parquet as pq

    from bedrock_guard.evidence.tables import require

    table = pq.read_table(path)
    about = json.loads((table.schema.metadata or {}).get(_PARQUET_KEY, b"{}"))
    frame = table.to_pandas()
    if "shared_event_id" not in frame and "event_id" in frame:  # files of before it was kept
        frame["shared_event_id"] = None
    require(frame, TRAIL)
    frame = frame.astype(dict(TRAIL.columns))
    if proof := provenance_in(table.schema.metadata or {}):
        with_provenance(frame, proof)
    files = about.get("files", {})
    return Reading(
        frame,
        int(about.get("records", len(frame))),
        about.get("left_out", {}),
        Files(files.get("read", 0), files.get("set_aside", {})),
    )


def provenance_in(metadata: Mapping[bytes, bytes]) -> Provenance | None:
    """What a table's file says of its completeness; None where it says nothing."""
    about = json.loads(metadata.get(_PARQUET_KEY, b"{}"))
    return _provenance(about["provenance"]) if "provenance" in about else None


def _provenance(stored: Mapping[str, Any]) -> Provenance:
    from decimal import Decimal

    def moment(name: str) -> datetime | None:
        return datetime.fromisoformat(stored[name]) if stored.get(name) else None

    return Provenance(
        source=stored["source"],
        window_start=moment("window_start"),
        window_end=moment("window_end"),
        asked_at=moment("asked_at"),
        requests=stored["requests"],
        request_cost_usd=Decimal(stored["request_cost_usd"]),
        completeness=stored["completeness"],
        why=stored["why"],
    )
