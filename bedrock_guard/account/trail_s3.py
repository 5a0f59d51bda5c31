"""CloudTrail files in S3 into a trail store, an organization's trail as well as an account's own.

    <prefix>/AWSLogs/[o-<organization>/]<account>/CloudTrail/<region>/YYYY/MM/DD/<name>.json.gz

The day in a key is the day of delivery, so one day more is read on either side.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.account.answers import demanded
from bedrock_guard.account.pages import UnreadableError, ask
from bedrock_guard.account.s3 import s3_price
from bedrock_guard.account.trail_files import Entry, Limits
from bedrock_guard.account.trail_store import Refreshed, TrailStore, source_key
from bedrock_guard.errors import GuardError

if TYPE_CHECKING:
    from bedrock_guard.account.keys import Caller

MARGIN: Final = timedelta(days=1)
_AT_ONCE: Final = 8
_ROUND_BYTES: Final = 256 * 1024 * 1024
_ROUND_FILES: Final = 4096
_SUFFIXES: Final = (".json", ".json.gz")
_DEEPEST: Final = 6
_TRAIL: Final = "CloudTrail/"
_SIBLING: Final = re.compile(r"CloudTrail-(?:Digest|Insight|Aggregated)/")
_NO_RECORDS: Final = "digest and insight files are no records"
_NO_FILE: Final = "its name does not end in .json or .json.gz"
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
    known: Collection[str] = ()
    answered: bool = False
    lists: count[int] = field(default_factory=count)
    gets: count[int] = field(default_factory=count)
    set_aside: dict[str, str] = field(default_factory=dict)

    def folders(self, prefix: str, depth: int = 0) -> Iterator[str]:
        """Every `.../CloudTrail/<region>/` below a prefix that is in scope."""
        for child in self._children(prefix):
            name = child.removeprefix(prefix)
            if _SIBLING.fullmatch(name):
                self.set_aside[child] = _NO_RECORDS
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

    def files(self, prefix: str) -> list[Entry]:
        """The files below a prefix, still without a path; larger ones than allowed are set aside."""
        found = []
        for page in self._pages(Prefix=prefix):
            for item in page.get("Contents") or ():
                key, size = str(item["Key"]), int(item.get("Size", 0))
                if not key.lower().endswith(_SUFFIXES):
                    self.set_aside[key] = _NO_FILE
                elif size > self.limits.size:
                    self.set_aside[key] = "too large"
                else:
                    found.append(Entry(key, Path(), "", size, _changed(item)))
        return found

    def _pages(self, **request: Any) -> Iterator[Mapping[str, Any]]:
        tokens: set[str] = set()
        while True:
            next(self.lists)
            try:
                page = ask(self.client, "list_objects_v2", Bucket=self.scope.bucket, **request)
                demanded(page, "KeyCount")
            except GuardError as error:
                self.set_aside[str(request["Prefix"])] = f"cannot be listed: {error.what}"
                return
            self.answered = True
            yield page
            token = page.get("NextContinuationToken")
            if not page.get("IsTruncated") or not token:
                return
            if token in tokens:
                self.set_aside[str(request["Prefix"])] = "S3 repeated a page token"
                return
            tokens.add(token)
            request["ContinuationToken"] = token

    def fetch(self, entry: Entry, path: Path) -> Entry:
        """Write a file to a path, unless it is known. Its key is never a path here: keys may hold anything."""
        if source_key(entry) in self.known:
            return entry
        next(self.gets)
        try:
            answer = ask(self.client, "get_object", Bucket=self.scope.bucket, Key=entry.name)
            data = demanded(answer, "Body").read(self.limits.size + 1)
        except UnreadableError as error:
            return replace(entry, refused=error.what)
        path.write_bytes(data)
        return replace(entry, path=path)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a refresh from a bucket did, and what it asked of S3.

    Args:
        refreshed: files read anew, and all that was set aside, by key or prefix, with the reason.
        requests: how many.
        request_cost_usd: what they cost, about.
    """

    refreshed: Refreshed
    requests: int
    request_cost_usd: Decimal

    @property
    def problems(self) -> dict[str, str]:
        """What of that which was set aside may have held records."""
        aside = self.refreshed.set_aside
        return {name: why for name, why in aside.items() if why not in {_NO_RECORDS, _NO_FILE}}


def refresh_from_s3(
    store: TrailStore, account: Caller, scope: Scope, *, workers: int = 0, limits: Limits | None = None
) -> Fetched:
    """Read the files of a trail's bucket that the store does not know yet; only these are fetched, and none is kept.

    Args:
        store: what keeps the rows.
        account: whose credentials read the bucket (`s3:ListBucket`, `s3:GetObject`).
        scope: what of it is read.
        workers: worker processes of the reading; 0 reads in this process.
        limits: bounds of a file.

    Raises:
        GuardError: the window is none, or nothing of the bucket could be listed.
        OSError: the store cannot be written.
    """
    if scope.start.tzinfo is None or scope.end.tzinfo is None or scope.start >= scope.end:
        raise GuardError(
            "This is no window of time.", remedy="Give a start before the end, both with a time zone."
        )
    bucket = _Bucket(account.client("s3"), scope, limits or Limits(), store.known())
    files = parts = 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for batch in _rounds(_listed(bucket, pool)):
            with TemporaryDirectory(prefix="bedrock-guard-trail-") as folder:
                paths = [Path(folder) / f"{number:06}" for number in range(len(batch))]
                fetched = list(pool.map(bucket.fetch, batch, paths))
                done = store.take(fetched, workers=workers, limits=bucket.limits)
            files, parts = files + done.files, parts + done.parts
            bucket.set_aside |= done.set_aside
    if not bucket.answered:
        why = next(iter(bucket.set_aside.values()), "")
        raise GuardError(f"s3://{scope.bucket}/{scope.prefix} could not be listed.", why=why)
    lists, gets = next(bucket.lists), next(bucket.gets)
    refreshed = Refreshed(files, parts, dict(sorted(bucket.set_aside.items())))
    return Fetched(refreshed, lists + gets, s3_price(lists, gets))


def _listed(bucket: _Bucket, pool: ThreadPoolExecutor) -> Iterator[Entry]:
    """The files in scope, day by day: what was delivered on a day is kept together."""
    prefix = bucket.scope.prefix
    if f"/{_TRAIL}" in f"/{prefix}":
        places = [prefix]
    else:
        folders = list(bucket.folders(f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""))
        places = [f"{folder}{day}/" for day in bucket.scope.days() for folder in folders]
    return chain.from_iterable(pool.map(bucket.files, places))


def _rounds(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Files in rounds of which each fits the disk."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        batch.append(entry)
        size += entry.size
        if size >= _ROUND_BYTES or len(batch) >= _ROUND_FILES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _changed(item: Mapping[str, Any]) -> int:
    """When an object was written, in nanoseconds since 1970; 0 where S3 does not say."""
    moment = item.get("LastModified")
    return int(moment.timestamp() * 10**9) if isinstance(moment, datetime) else 0
