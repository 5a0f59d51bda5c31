"""CloudTrail files in S3 to the trail table, an organization's trail as well as an account's own.

    <prefix>/AWSLogs/[o-<organization>/]<account>/CloudTrail/<region>/YYYY/MM/DD/<name>.json.gz

The day in a key is the day of delivery, so one day more is read on either side, and rows outside the window are left
out.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.account.iam_pages import UnreadableError, ask
from bedrock_guard.account.session import demanded
from bedrock_guard.account.trail import Collector, Files, Reading
from bedrock_guard.account.trail_files import Limits
from bedrock_guard.account.trail_reader import ReadFile, TrailReader
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.tables import Provenance, with_provenance

if TYPE_CHECKING:
    from bedrock_guard.account.keys import Caller
    from bedrock_guard.boundary.catalogue import Catalogue

MARGIN: Final = timedelta(days=1)
_LIST_USD: Final = Decimal("0.000005")
_GET_USD: Final = Decimal("0.0000004")
"""Standard storage in us-east-1; other Regions differ a little: https://aws.amazon.com/s3/pricing/"""

_AT_ONCE: Final = 64
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

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys of files below a prefix; larger ones than allowed are set aside."""
        for page in self._pages(Prefix=prefix):
            for item in page.get("Contents") or ():
                key = str(item["Key"])
                if not key.lower().endswith((".json", ".json.gz")):
                    self.set_aside[key] = "its name does not end in .json or .json.gz"
                elif int(item.get("Size", 0)) > self.limits.size:
                    self.set_aside[key] = "too large"
                else:
                    yield key

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
            yield page
            token = page.get("NextContinuationToken")
            if not page.get("IsTruncated") or not token:
                return
            if token in tokens:
                self.set_aside[str(request["Prefix"])] = "S3 repeated a page token"
                return
            tokens.add(token)
            request["ContinuationToken"] = token

    def fetch(self, key: str) -> tuple[str, bytes | str]:
        """The bytes of one file, or the reason why there are none."""
        try:
            answer = ask(self.client, "get_object", Bucket=self.scope.bucket, Key=key)
            data = demanded(answer, "Body").read(self.limits.size + 1)
            if len(data) > self.limits.size:
                return key, "too large"
            return key, bytes(data)
        except UnreadableError as error:
            return key, error.what


def read_s3(
    account: Caller,
    scope: Scope,
    *,
    catalogue: Catalogue | None = None,
    kept: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> Reading:
    """Read a trail's files from its bucket.

    Args:
        account: whose credentials read the bucket.
        scope: what of it is read.
        catalogue: models known; by default the shipped catalogue.
        kept: what opaque profile ARNs stand for.
        limits: bounds of a file.

    Raises:
        GuardError: the window is none.
    """
    if scope.start.tzinfo is None or scope.end.tzinfo is None or scope.start >= scope.end:
        raise GuardError(
            "This is no window of time.", remedy="Give a start before the end, both with a time zone."
        )
    bucket = _Bucket(account.client("s3"), scope, limits or Limits())
    collector, reader = Collector(scope.start, scope.end), TrailReader(bucket.limits)
    keys = iter(_keys(bucket))
    read = 0
    with ThreadPoolExecutor(max_workers=8) as pool:
        while batch := list(islice(keys, _AT_ONCE)):
            bucket.gets += len(batch)
            for key, found in pool.map(bucket.fetch, batch):
                file = ReadFile(refused=found) if isinstance(found, str) else reader.read_bytes(found)
                if file.columns is None:
                    bucket.set_aside[key] = file.refused
                else:
                    collector.take(file.records, file.columns)
                    read += 1
    reading = collector.reading(Files(read, bucket.set_aside), catalogue=catalogue, kept=kept)
    with_provenance(reading.frame, _proof(bucket, read, account.now))
    return reading


def _keys(bucket: _Bucket) -> Iterator[str]:
    prefix = bucket.scope.prefix
    if f"/{_TRAIL}" in f"/{prefix}":
        yield from bucket.keys(prefix)
        return
    root = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
    for folder in bucket.folders(root):
        for day in bucket.scope.days():
            yield from bucket.keys(f"{folder}{day}/")


def _proof(bucket: _Bucket, read: int, now: datetime) -> Provenance:
    problems = [
        f"{name}: {why}"
        for name, why in bucket.set_aside.items()
        if not _SIBLING.search(name) and "end in" not in why
    ]
    why = ["files show what was delivered to this bucket, not what was never recorded"]
    why += [f"{len(problems)} could not be read, such as {problems[0]}"] if problems else []
    return Provenance(
        source=f"CloudTrail files of s3://{bucket.scope.bucket}",
        window_start=bucket.scope.start,
        window_end=bucket.scope.end,
        asked_at=now,
        requests=bucket.lists + bucket.gets,
        request_cost_usd=bucket.lists * _LIST_USD + bucket.gets * _GET_USD,
        completeness="floor" if read or not problems else "unknown",
        why="; ".join(why),
    )
