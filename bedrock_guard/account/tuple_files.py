"""Counted calls as a file: what an engine counted once is replayed as often as one likes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bedrock_guard.account.trail import about_bytes, provenance_in, read_parquet, whole_file
from bedrock_guard.evidence.tables import provenance_of, require, with_provenance
from bedrock_guard.evidence.tuples import BY, TUPLES

if TYPE_CHECKING:
    import pandas as pd


def is_table(place: str | Path) -> bool:
    """Whether a place is a Parquet file here.

    Example:
        >>> is_table("s3://trail/AWSLogs"), is_table("AWSLogs")
        (False, False)
    """
    path = Path(place)
    return path.suffix.lower() == ".parquet" and path.is_file()


def write_tuples(frame: pd.DataFrame, path: Path | str) -> Path:
    """Write tuples (`evidence.tuples.TUPLES`) and their provenance to one Parquet file, whole or not at all.

    Raises:
        MissingColumns: the frame holds no tuples.
        OSError: the folder cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    require(frame, TUPLES)
    bare = frame.copy(deep=False)
    bare.attrs = {}
    table = pa.Table.from_pandas(bare, preserve_index=False)
    summary = {"tuples": len(frame), "calls": int(frame["calls"].sum())}
    about = about_bytes(summary, None, provenance_of(frame))
    with whole_file(Path(path)) as temporary:
        pq.write_table(table.replace_schema_metadata(about), temporary, compression="zstd")
    return Path(path)


def read_table(path: Path | str) -> pd.DataFrame:
    """The trail table of a file of the command `calls`, or the tuples of one of the command `tuples`.

    Raises:
        MissingColumns: the file holds another table.
        OSError: it cannot be read.
    """
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    if not {"calls", "first_seen"} <= set(schema.names):
        return read_parquet(path).frame
    frame = pq.read_table(path).to_pandas()
    if "failed" not in frame.columns:  # files of before they were told apart
        frame["failed"] = 0
    require(frame, TUPLES)
    by = [name for name in BY if name in frame.columns]
    frame = frame.astype({**TUPLES.columns, **dict.fromkeys(by, "string")})
    proof = provenance_in(schema.metadata or {})
    return with_provenance(frame, proof) if proof else frame
