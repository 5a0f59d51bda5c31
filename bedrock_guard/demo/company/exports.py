"""The company's bill as AWS Data Exports write it: CUR 2.0 and FOCUS 1.2, one file a month.

Column dictionaries: https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html and
https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-focus-1-2-aws.html. Files lie where a data export
puts them, `<name>/data/BILLING_PERIOD=YYYY-MM/`; the same company gives the same bytes with one pyarrow.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Literal

from bedrock_guard.demo.company.cur import CUR, cur_row
from bedrock_guard.demo.company.export_lines import ExportLine, export_lines
from bedrock_guard.demo.company.focus import FOCUS, focus_row
from bedrock_guard.demo.company.make import Company
from bedrock_guard.demo.company.trail import Written, write_trail

Form = Literal["parquet", "csv.gz"]
Columns = dict[str, str]
Row = dict[str, Any]

CUR_NAME: Final = "tidewater-cur2"
FOCUS_NAME: Final = "tidewater-focus"


@dataclass(frozen=True, slots=True)
class Files:
    """What `write_files` wrote, by kind; None is not asked for."""

    folder: Path
    trail: Written | None
    cur: Written | None
    focus: Written | None

    def __str__(self) -> str:
        kinds = (
            ("CloudTrail files", self.trail),
            ("CUR 2.0 export", self.cur),
            ("FOCUS 1.2 export", self.focus),
        )
        return "\n".join(
            f"{name}: {one.files} files, {one.records} records, {one.size:,} bytes"
            for name, one in kinds
            if one
        )


def write_files(
    company: Company,
    folder: Path | str,
    *,
    events: int | None = None,
    trail: bool = True,
    cur: bool = True,
    focus: bool = True,
) -> Files:
    """The company's history as files: `cloudtrail/`, `cur/` and `focus/` below `folder`.

    With `events` the same history is cut into so many model calls; the bill stays as it is.

    Example:
        >>> import tempfile
        >>> from bedrock_guard.demo.company.make import make_company
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written = write_files(make_company(days=2, calls=50), folder, focus=False)
        >>> written.cur.files, written.focus
        (1, None)
    """
    root = Path(folder)
    return Files(
        root,
        write_trail(company, root / "cloudtrail", events) if trail else None,
        write_cur(company, root / "cur") if cur else None,
        write_focus(company, root / "focus") if focus else None,
    )


def write_cur(company: Company, folder: Path | str, form: Form = "parquet") -> Written:
    """A CUR 2.0 export with daily lines, resources and callers, Parquet or CSV.

    Callers (`line_item_iam_principal`) and resources are there from `export_lines.CALLER_FROM` on. Sums over any
    of the columns of the bill agree with Cost Explorer exactly; Parquet holds amounts as floating point, as AWS's
    does, so there they agree to ten decimals.
    """
    return _write(company, Path(folder), CUR_NAME, form, CUR, cur_row)


def write_focus(company: Company, folder: Path | str, form: Form = "parquet") -> Written:
    """A FOCUS 1.2 export with AWS columns. It names no caller, and Marketplace lines have no service name."""
    return _write(company, Path(folder), FOCUS_NAME, form, FOCUS, focus_row)


def _write(
    company: Company,
    root: Path,
    name: str,
    form: Form,
    columns: Columns,
    row: Callable[[ExportLine, str], Row],
) -> Written:
    files = records = size = 0
    for month, lines in groupby(export_lines(company), key=lambda one: one.line["day"][:7]):
        rows = [row(line, company.plan.accounts[0]) for line in lines]
        suffix = "snappy.parquet" if form == "parquet" else form
        path = root / name / "data" / f"BILLING_PERIOD={month}" / f"{name}-00001.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_parquet(rows, columns) if form == "parquet" else _csv(rows, columns))
        files, records, size = files + 1, records + len(rows), size + path.stat().st_size
    return Written(files, records, size)


def _csv(rows: Sequence[Row], columns: Columns) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_text(row[name]) for name in columns] for row in rows)
    # mtime 0: the same bill gives the same bytes.
    return gzip.compress(text.getvalue().encode(), compresslevel=6, mtime=0)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return json.dumps(value, separators=(",", ":"))
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _parquet(rows: Sequence[Row], columns: Columns) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        "text": pa.string(),
        "number": pa.float64(),
        "time": pa.timestamp("ms"),
        "map": pa.map_(pa.string(), pa.string()),
    }
    schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
    content = {name: list(_cells(rows, name, kind)) for name, kind in columns.items()}
    target = io.BytesIO()
    pq.write_table(pa.Table.from_pydict(content, schema=schema), target, compression="snappy")
    return target.getvalue()


def _cells(rows: Sequence[Row], name: str, kind: str) -> Iterator[Any]:
    for row in rows:
        value = row[name]
        if value is None:
            yield None
        elif kind == "number":
            yield float(value)
        elif kind == "map":
            yield list(value.items())
        else:
            # A time without zone, in UTC: what AWS's files hold.
            yield value.replace(tzinfo=None) if kind == "time" else value
