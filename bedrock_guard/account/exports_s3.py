"""A cost export where AWS delivers it: an S3 prefix -> the same reading as a folder.

    <prefix>/<export>/data/BILLING_PERIOD=YYYY-MM/[<timestamp>-<execution>/]<file>

Files are fetched with the account's own credentials into a temporary folder, read by DuckDB, and deleted.
https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bedrock_guard.account.cost_explorer import FAILURES, told
from bedrock_guard.account.exports import SUFFIXES, ExportError, ExportReading, in_months, latest, read_export
from bedrock_guard.account.s3 import is_address, list_keys, s3_place, s3_price
from bedrock_guard.evidence.tables import Provenance, provenance_of, with_provenance

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account


def read_export_from(account: Account, address: str, *, months: Collection[str] = ()) -> ExportReading:
    """The Bedrock lines of an export in S3. A file that cannot be fetched makes the bill incomplete, and says so.

    Args:
        account: whose credentials read the bucket (`s3:ListBucket`, `s3:GetObject`).
        address: `s3://bucket/prefix`, at the export or at one billing period.
        months: only these billing periods ("2026-10"); by default all that are there.

    Raises:
        ExportError: this is no address, nothing is there, it may not be listed, or it does not fit the disk.
    """
    bucket, prefix = s3_place(address)
    client: Any = account.client("s3")
    sizes, lists = list_keys(client, bucket, prefix)
    keys = latest(key for key in sizes if key.lower().endswith(SUFFIXES) and in_months(key, months))
    if not keys:
        raise ExportError(
            f"There is no cost export at {address}.",
            why="No file there ends in .parquet, .csv or .csv.gz"
            + (f" for {', '.join(months)}." * bool(months)),
            remedy="Name the prefix that the data export writes to.",
        )
    with TemporaryDirectory(prefix="bedrock-guard-export-") as folder:
        _must_fit(sum(sizes[key] for key in keys), folder)
        lost = _fetched(client, bucket, keys, Path(folder))
        if len(lost) == len(keys):
            raise ExportError(f"No file of {address} could be fetched.", why=next(iter(lost.values())))
        reading = read_export(folder, now=account.now)
    return _stated(reading, lists, len(keys), lost)


def read_export_at(account: Account, place: str, *, months: Collection[str] = ()) -> ExportReading:
    """The export of a place: `s3://bucket/prefix`, or a folder or file here.

    Args:
        account: whose credentials read a bucket; a folder needs none.
        place: where.
        months: only these billing periods, by the names of their folders.

    Raises:
        GuardError: there is no export, or it cannot be read.
    """
    if is_address(place):
        return read_export_from(account, place, months=months)
    return read_export(place, now=account.now, months=months)


def _must_fit(size: int, folder: str) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise ExportError(
            f"The export has {size / 1e9:,.1f} GB; {free / 1e9:,.1f} GB are free here.",
            remedy="Name single billing periods.",
        )


def _fetched(client: Any, bucket: str, keys: Sequence[str], folder: Path) -> dict[str, str]:
    """Fetch every key into the folder, named by its place in the list; key -> reason for those that failed."""

    def fetch(numbered: tuple[int, str]) -> Iterator[tuple[str, str]]:
        number, key = numbered
        path = folder / f"{number:06d}{next(end for end in SUFFIXES if key.lower().endswith(end))}"
        try:
            client.download_file(bucket, key, str(path))
        except FAILURES as error:
            path.unlink(missing_ok=True)
            yield key, told(error)

    with ThreadPoolExecutor(max_workers=4) as pool:
        return {
            key: why for found in pool.map(lambda n: list(fetch(n)), enumerate(keys)) for key, why in found
        }


def _stated(reading: ExportReading, lists: int, gets: int, lost: Mapping[str, str]) -> ExportReading:
    def of(said: Provenance) -> Provenance:
        counted = replace(said, requests=lists + gets, request_cost_usd=s3_price(lists, gets))
        if not lost:
            return counted
        key, why = next(iter(lost.items()))
        return counted.lowered(
            "floor", f"{len(lost)} of {gets} files could not be fetched, such as {key}: {why}"
        )

    frame = with_provenance(reading.frame, of(provenance_of(reading.frame)))
    control = replace(reading.control, provenance=of(reading.control.provenance))
    return replace(reading, frame=frame, control=control)
