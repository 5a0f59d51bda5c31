"""The same trail read in other ways, for a store or an engine to be held against: file by file here, and by DuckDB."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bedrock_guard.account.trail import Collector, Files, Reading, about_bytes, whole_file
from bedrock_guard.account.trail_files import Limits, walk
from bedrock_guard.account.trail_reader import ReadFile, TrailReader
from bedrock_guard.account.trail_relation import IDENTITY, JSON, TEXT
from bedrock_guard.boundary.catalogue import Catalogue
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.records import read_items
from bedrock_guard.evidence.tables import Provenance, provenance_of, with_provenance
from bedrock_guard.evidence.tuples import connect
from bedrock_guard.evidence.usage import Batch, take

_LARGEST: Final = 64 * 1024 * 1024
_JSON_TEXT: Final = "CASE WHEN json_valid(r.{0} ->> '$') THEN nullif(r.{0} ->> '$', 'null') END"
"""An object's own text, or JSON that an export holds as a text."""

_WORDS: Final = ("bedrock", "aws-external-anthropic", "ec2.amazonaws.com")
"""A record without any of them is none of the definition's; cheap to see before anything is shaped."""

_SHAPE: Final = {**dict.fromkeys(TEXT, "VARCHAR"), **dict.fromkeys(JSON, "JSON"), "userIdentity": IDENTITY}


def normalise(items: Iterable[Any], seen: set[str], into: Batch | None = None) -> Batch:
    """Read records, leaving out event ids that are in `seen`; `seen` grows by the ids of the rows made.

    A record without an event id gets one made from its content ("sha256:..."), so that evidence can name it.

    Example:
        >>> batch = normalise([{"eventSource": "kms.amazonaws.com", "eventName": "Decrypt"}, 7], set())
        >>> batch.records, dict(batch.left_out)
        (2, {'other_service': 1, 'not_an_object': 1})
    """
    return take(*read_items(items), seen, into or Batch())


def read_folder(
    path: Path | str,
    *,
    catalogue: Catalogue | None = None,
    kept: Mapping[str, str] | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    limits: Limits | None = None,
) -> Reading:
    """Read every CloudTrail file below a folder (or one file).

    Read are `.json` and `.json.gz` as delivered (`{"Records": [...]}`), pages and dumps of LookupEvents, bare lists,
    single records and one record a line. Digest and Insight files count as left out, one record each or as many as
    they hold. A record met again by its event id is a duplicate. A file that cannot be read whole is set aside by name
    with the reason, and the rest is read.

    Args:
        path: the folder, such as a copy of the trail's bucket.
        catalogue: models known; by default the shipped catalogue.
        kept: what opaque profile ARNs stand for.
        start: first instant to keep (UTC).
        end: first instant no longer kept (UTC).
        limits: bounds of a file.

    Raises:
        GuardError: there is nothing at `path`.

    """
    collector = Collector(start, end)
    set_aside: dict[str, str] = {}
    read = 0
    reader = TrailReader(limits or Limits())
    for entry in walk(Path(path)):
        file = ReadFile(refused=entry.refused) if entry.refused else reader.read(entry.path)
        if file.columns is None:
            set_aside[entry.name] = file.refused
        else:
            collector.take(file.records, file.columns)
            read += 1
    found = collector.reading(Files(read, set_aside), catalogue=catalogue, kept=kept)
    with_provenance(found.frame, _of_files(found, start, end))
    return found


def _of_files(found: Reading, start: datetime | None, end: datetime | None) -> Provenance:
    """What files can prove: that much happened, never that nothing else did."""
    times = found.frame["event_time"]
    first = start or (times.min().to_pydatetime() if len(times) else None)
    last = end or (times.max().to_pydatetime() if len(times) else None)
    aside = len(found.files.set_aside)
    why = ["files show what was delivered to this folder, not what was never recorded"]
    why += [f"{aside} file(s) could not be read"] if aside else []
    return Provenance(
        source=f"CloudTrail files ({found.files.read} read)",
        window_start=first,
        window_end=last,
        completeness="floor",
        why="; ".join(why),
    )


def write_parquet(reading: Reading, path: Path | str) -> Path:
    """Write the table, its counts and its provenance to one Parquet file, in place of what was there.

    The file appears whole or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    bare = reading.frame.copy(deep=False)
    bare.attrs = {}
    table = pa.Table.from_pandas(bare, preserve_index=False)
    about = about_bytes(reading.summary, reading.files, provenance_of(reading.frame))
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **about})
    with whole_file(Path(path)) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    return Path(path)


def duckdb_view(folder: Path) -> str:
    """DuckDB's statement for `cloudtrail_logs` over the delivered files below a folder.

    `Records` is split by path and only what is asked is shaped: a list of structs would cost six times as much.

    Raises:
        GuardError: there are no files.
    """
    files = sorted(str(path) for path in Path(folder).rglob("*.json.gz") if _is_trail(path))
    if not files:
        raise GuardError(
            "There are no delivered CloudTrail files.", remedy="Give the folder that holds AWSLogs/."
        )
    listed = ", ".join(_quoted(name) for name in files)
    texts = ", ".join(f"r.{name} AS {name.lower()}" for name in (*TEXT, "userIdentity"))
    texts += "".join(f", {_JSON_TEXT.format(name)} AS {name.lower()}" for name in JSON)
    return (
        f"CREATE OR REPLACE VIEW cloudtrail_logs AS SELECT {texts} FROM ("
        f"SELECT json_transform(r, {_quoted(json.dumps(_SHAPE))}) AS r FROM ("
        "SELECT unnest(json -> '$.Records[*]') AS r FROM read_json_objects("
        f"[{listed}], format = 'unstructured', maximum_object_size = {_LARGEST}, compression = 'gzip')) "
        f"WHERE {' OR '.join(f'contains(CAST(r AS VARCHAR), {_quoted(word)})' for word in _WORDS)})"
    )


def _is_trail(path: Path) -> bool:
    """Digest and Insight files lie beside the trail's and end alike."""
    return path.is_file() and not any(part.startswith("CloudTrail-") for part in path.parts)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class DuckDB:
    """The files of a folder, counted in this process: for trying the definition, and as the measure of the others."""

    folder: Path
    dialect: str = "duckdb"
    name: str = "DuckDB"

    def run(self, sql: str) -> pd.DataFrame:
        """The rows of a query over `cloudtrail_logs`."""
        connection = connect()
        connection.execute(duckdb_view(self.folder))
        found: pd.DataFrame = connection.sql(sql).to_arrow_table().to_pandas(integer_object_nulls=True)
        return found
