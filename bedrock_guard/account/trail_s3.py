"""CloudTrail files in S3 into a trail store, an organization's trail as well as an account's own.

    <prefix>/AWSLogs/[o-<organization>/]<account>/CloudTrail/<region>/YYYY/MM/DD/<name>.json.gz

The day in a key is the day of delivery, so one day more is read on either side.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.account.iam_pages import UnreadableError, ask
from bedrock_guard.account.session import demanded
from bedrock_guard.account.trail_files import Entry, Limits
from bedrock_guard.account.trail_store import PART_BYTES, Refreshed, TrailStore, source_key
from bedrock_guard.errors import GuardError

if TYPE_CHECKING:
    from bedrock_guard.account.keys import Caller

MARGIN: Final = timedelta(days=1)
_LIST_USD: Final = Decimal("0.000005")
_GET_USD: Final = Decimal("0.0000004")
"""Standard storage in us-east-1; other Regions differ a little: https://aws.amazon.com/s3/pricing/"""

_ADDRESS: Final = re.compile(
    r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.*))?", re.DOTALL
)
_DEEPEST: Final = 6
_TRAIL: Final = "CloudTrail/"
_SIBLING: Final = re.compile(r"CloudTrail-[A-Za-z]+/")
_WAY: Final = re.compile(r"AWSLogs/|o-[a-z0-9]+/|\d{12}/")


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a bucket is read.

    Args:
        bucket: the bucket's name.
        prefix: where `AWSLogs/` is, or a key prefix below it; "" for the bucket's root.
        start: first instant wanted (UTC, aware).
        end: first instant no longer wanted.
        accounts: only these accounts; None for all.
        regions: only these Regions; None for all. IAM's events are in us-east-1.
    """

    bucket: str
    prefix: str
    start: datetime
    end: datetime
    accounts: Collection[str] | None = None
    regions: Collection[str] | None = None

    def days(self) -> list[str]:
        """The delivery days to read, as they stand in keys."""
        first, last = (self.start - MARGIN).date(), (self.end + MARGIN).date()
        return [f"{first + timedelta(days=n):%Y/%m/%d}" for n in range((last - first).days + 1)]


@dataclass(slots=True)
class _Bucket:
    """Listing and reading one bucket, with the count of what was asked."""

    client: Any
    scope: Scope
    limits: Limits
    lists: int = 0
    answered: int = 0
    gets: int = 0
    set_aside: dict[str, str] = field(default_factory=dict)

    def folders(self, prefix: str, depth: int = 0) -> Iterator[str]:
        """Every `.../CloudTrail/<region>/` below a prefix that is in scope."""
        for child in self._children(prefix):
            name = child.removeprefix(prefix)
            if _SIBLING.fullmatch(name):
                self.set_aside[child] = "digest and insight files are no records"
            elif name == _TRAIL:
                yield from (
                    place for place in self._children(child) if self._wanted(place, child, self.scope.regions)
                )
            elif depth < _DEEPEST and self._leads_on(name, depth):
                yield from self.folders(child, depth + 1)

    def _leads_on(self, name: str, depth: int) -> bool:
        """Whether a folder can hold trails in scope: part of the layout, or the first below the prefix."""
        if name[:1].isdigit() and self.scope.accounts is not None:
            return name.rstrip("/") in self.scope.accounts
        return depth == 0 or _WAY.fullmatch(name) is not None

    @staticmethod
    def _wanted(child: str, parent: str, only: Collection[str] | None) -> bool:
        return only is None or child.removeprefix(parent).rstrip("/") in only

    def _children(self, prefix: str) -> list[str]:
        pages = self._pages(Prefix=prefix, Delimiter="/")
        return [str(item["Prefix"]) for page in pages for item in page.get("CommonPrefixes") or ()]

    def entries(self, prefix: str) -> Iterator[Entry]:
        """The files below a prefix; larger ones than allowed, and those that are none, are set aside."""
        for page in self._pages(Prefix=prefix):
            for item in page.get("Contents") or ():
                key, size = str(item["Key"]), int(item.get("Size", 0))
                changed = item.get("LastModified")
                stamp = int(changed.timestamp() * 10**9) if isinstance(changed, datetime) else 0
                if not key.lower().endswith((".json", ".json.gz")):
                    self.set_aside[key] = "its name does not end in .json or .json.gz"
                elif {"", ".", ".."} & set(key.split("/")) or "\0" in key:
                    self.set_aside[key] = "its name would lead out of the folder"
                elif size > self.limits.size:
                    self.set_aside[key] = "too large"
                else:
                    yield Entry(key, Path(key), "", size, stamp)

    def _pages(self, **request: Any) -> Iterator[Mapping[str, Any]]:
        tokens: set[str] = set()
        while True:
            self.lists += 1
            try:
                page = ask(self.client, "list_objects_v2", Bucket=self.scope.bucket, **request)
                demanded(page, "KeyCount")
            except GuardError as error:
                self.set_aside[str(request["Prefix"])] = f"cannot be listed: {error.what}"
                return
            self.answered += 1
            yield page
            token = page.get("NextContinuationToken")
            if not page.get("IsTruncated") or not token:
                return
            if token in tokens:
                self.set_aside[str(request["Prefix"])] = "S3 repeated a page token"
                return
            tokens.add(token)
            request["ContinuationToken"] = token

    def fetch(self, entry: Entry, folder: Path) -> str:
        """Copy one file into a folder, under its key; the reason where that failed, empty where it did not."""
        target = folder / entry.name
        try:
            answer = ask(self.client, "get_object", Bucket=self.scope.bucket, Key=entry.name)
            data = demanded(answer, "Body").read(self.limits.size + 1)
            if len(data) > self.limits.size:
                return "too large"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            os.utime(target, ns=(entry.changed, entry.changed))
        except UnreadableError as error:
            return error.what
        except OSError as error:
            return f"cannot be kept: {error.strerror}"
        return ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a refresh from a bucket did, and what it asked of S3."""

    refreshed: Refreshed
    requests: int
    request_cost_usd: Decimal


def refresh_from_s3(
    store: TrailStore, account: Caller, scope: Scope, *, workers: int = 0, limits: Limits | None = None
) -> Fetched:
    """Read the files of a trail's bucket that the store does not know yet; a file is fetched once, and not kept.

    Args:
        store: what keeps the rows.
        account: whose credentials read the bucket.
        scope: what of it is read.
        workers: worker processes of the reading.
        limits: bounds of a file.

    Raises:
        GuardError: the window is none, or nothing of the bucket could be listed.
    """
    if scope.start.tzinfo is None or scope.end.tzinfo is None or scope.start >= scope.end:
        raise GuardError(
            "This is no window of time.", remedy="Give a start before the end, both with a time zone."
        )
    bucket = _Bucket(account.client("s3"), scope, limits or Limits())
    known = store.parts.sources()
    listed = (entry for place in _places(bucket) for entry in bucket.entries(place))
    new = (entry for entry in listed if source_key(entry) not in known)
    files = parts = 0
    aside: dict[str, str] = {}
    with ThreadPoolExecutor(max_workers=8) as pool:
        for batch in _batches(new):
            with TemporaryDirectory() as scratch:
                folder = Path(scratch)
                bucket.gets += len(batch)
                failed = pool.map(lambda entry, into=folder: bucket.fetch(entry, into), batch)
                problems = {e.name: why for e, why in zip(batch, failed, strict=True) if why}
                read = store.refresh(folder, workers=workers, limits=limits)
            files, parts = files + read.files, parts + read.parts
            aside |= {**problems, **read.set_aside}
    if not bucket.answered:
        raise GuardError(
            f"s3://{scope.bucket}/{scope.prefix} could not be listed.", why=_first(bucket.set_aside)
        )
    cost = bucket.lists * _LIST_USD + bucket.gets * _GET_USD
    aside = dict(sorted({**bucket.set_aside, **aside}.items()))
    return Fetched(Refreshed(files, parts, aside), bucket.lists + bucket.gets, cost)


def place_of(address: str) -> tuple[str, str]:
    """Bucket and prefix of an address.

    Raises:
        GuardError: it is none of S3.

    Example:
        >>> place_of("s3://my-trail/logs/AWSLogs")
        ('my-trail', 'logs/AWSLogs')
    """
    found = _ADDRESS.fullmatch(address)
    if not found:
        raise GuardError(f"{address} is no address in S3.", remedy="Give s3://BUCKET or s3://BUCKET/PREFIX.")
    return found["bucket"], found["prefix"] or ""


def _first(found: Mapping[str, str]) -> str:
    return next(iter(found.values()), "")


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    """Files in batches of about the bytes of one part."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        if batch and size + entry.size > PART_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += entry.size
    if batch:
        yield batch


def _places(bucket: _Bucket) -> Iterator[str]:
    """The prefixes of the days in scope; a prefix inside a trail is read as it is."""
    prefix = bucket.scope.prefix
    if f"/{_TRAIL}" in f"/{prefix}":
        yield prefix
        return
    root = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
    for folder in bucket.folders(root):
        for day in bucket.scope.days():
            yield f"{folder}{day}/"
