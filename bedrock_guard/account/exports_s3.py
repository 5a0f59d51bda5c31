"""A cost export where AWS delivers it: an S3 prefix -> the same reading as a folder.

    <prefix>/<export>/data/BILLING_PERIOD=YYYY-MM/[<timestamp>-<execution>/]<file>

Files are fetched with the account's own credentials into a temporary folder, read by DuckDB, and deleted.
https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.account.cost_explorer import FAILURES, told
from bedrock_guard.account.exports import SUFFIXES, ExportError, ExportReading, latest, read_export
from bedrock_guard.account.session import demanded
from bedrock_guard.evidence.tables import Provenance, provenance_of, with_provenance

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account

_ADDRESS: Final = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.*))?")
_PERIOD: Final = re.compile(r"(?:^|/)billing_period=(?P<month>\d{4}-\d{2})(?:/|$)", re.IGNORECASE)
_LIST_USD: Final = Decimal("0.000005")
_GET_USD: Final = Decimal("0.0000004")
"""Standard storage in us-east-1; other Regions differ a little: https://aws.amazon.com/s3/pricing/"""


@dataclass(frozen=True, slots=True)
class _Delivered:
    """The files of an export as S3 lists them: key -> bytes; how many lists it took."""

    sizes: Mapping[str, int]
    lists: int


def is_address(text: str) -> bool:
    """Whether a text names a place in S3 rather than a folder.

    Example:
        >>> is_address("s3://exports/cur/"), is_address("exports/cur")
        (True, False)
    """
    return text.startswith("s3://")


def read_export_from(account: Account, address: str, *, months: Collection[str] = ()) -> ExportReading:
    """The Bedrock lines of an export in S3. A file that cannot be fetched makes the bill incomplete, and says so.

    Args:
        account: whose credentials read the bucket (`s3:ListBucket`, `s3:GetObject`).
        address: `s3://bucket/prefix`, at the export or at one billing period.
        months: only these billing periods ("2026-10"); by default all that are there.

    Raises:
        ExportError: this is no address, nothing is there, it may not be listed, or it does not fit the disk.
    """
    named = _ADDRESS.fullmatch(address)
    if not named:
        raise ExportError(f"{address!r} is no place in S3.", remedy="Write s3://bucket/prefix.")
    client: Any = account.client("s3")
    found = _listed(client, named["bucket"], named["prefix"] or "", set(months))
    keys = latest(list(found.sizes))
    if not keys:
        raise ExportError(
            f"There is no cost export at {address}.",
            why="No file there ends in .parquet, .csv or .csv.gz"
            + (f" for {', '.join(months)}." * bool(months)),
            remedy="Name the prefix that the data export writes to.",
        )
    with TemporaryDirectory(prefix="bedrock-guard-export-") as folder:
        _must_fit(sum(found.sizes[key] for key in keys), folder)
        lost = _fetched(client, named["bucket"], keys, Path(folder))
        if len(lost) == len(keys):
            raise ExportError(f"No file of {address} could be fetched.", why=next(iter(lost.values())))
        reading = read_export(folder, now=account.now)
    return _stated(reading, found.lists, len(keys), lost)


def _listed(client: Any, bucket: str, prefix: str, months: Collection[str]) -> _Delivered:
    sizes: dict[str, int] = {}
    lists = 0
    try:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            demanded(page, "KeyCount")
            lists += 1
            sizes |= {str(item["Key"]): int(item["Size"]) for item in page.get("Contents") or ()}
    except FAILURES as error:
        raise ExportError(f"s3://{bucket}/{prefix} cannot be listed.", why=told(error)) from error
    kept = {
        key: size for key, size in sizes.items() if key.lower().endswith(SUFFIXES) and _wanted(key, months)
    }
    return _Delivered(kept, lists)


def _wanted(key: str, months: Collection[str]) -> bool:
    period = _PERIOD.search(key)
    return not months or (period is not None and period["month"] in months)


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
        price = lists * _LIST_USD + gets * _GET_USD
        counted = replace(said, requests=lists + gets, request_cost_usd=price)
        if not lost:
            return counted
        key, why = next(iter(lost.items()))
        return counted.lowered(
            "floor", f"{len(lost)} of {gets} files could not be fetched, such as {key}: {why}"
        )

    frame = with_provenance(reading.frame, of(provenance_of(reading.frame)))
    control = replace(reading.control, provenance=of(reading.control.provenance))
    return replace(reading, frame=frame, control=control)
