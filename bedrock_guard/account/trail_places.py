"""Where a person says the records of a trail are: a folder or file here, or an address in S3."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Final
from weakref import finalize

from bedrock_guard.account.s3 import is_address, s3_place
from bedrock_guard.account.trail_store import TrailStore
from bedrock_guard.errors import GuardError

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account

BUCKET_DAYS: Final = 30
"""How many days of a bucket are read when nobody says which; a bucket may hold years."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a trail is wanted.

    Args:
        start: first instant (UTC, aware); None for the beginning.
        end: first instant no longer wanted; None for all up to now.
        accounts: of a bucket only these accounts; none for all.
        regions: of a bucket only these Regions; none for all.
    """

    start: datetime | None = None
    end: datetime | None = None
    accounts: Collection[str] = ()
    regions: Collection[str] = ()

    @classmethod
    def of_days(cls, since: date | None, until: date | None, only: Collection[str] = ()) -> Wanted:
        """From the first instant of a day to the last of another, UTC; `only` names accounts and Regions.

        Example:
            >>> Wanted.of_days(None, date(2026, 10, 31), ["111122223333", "us-east-1"]).end.isoformat()
            '2026-11-01T00:00:00+00:00'
        """
        start = datetime(since.year, since.month, since.day, tzinfo=UTC) if since else None
        end = datetime(until.year, until.month, until.day, tzinfo=UTC) + timedelta(days=1) if until else None
        accounts = [name for name in only if name.isdigit()]
        return cls(start, end, accounts, [name for name in only if not name.isdigit()])


@dataclass(frozen=True, slots=True)
class Taken:
    """What was read into a store now: how many files, and what was set aside with the reason.

    Args:
        files: files read anew.
        set_aside: what was not read, by name.
        problems: of that, what is in no file of the store and may have held records.
        line: what asking cost; "" for files here.
    """

    files: int
    set_aside: Mapping[str, str]
    problems: Mapping[str, str] = field(default_factory=dict)
    line: str = ""

    @property
    def lost(self) -> str:
        """What is missing in the store for these problems, in words; "" where nothing is."""
        if not self.problems:
            return ""
        name, why = next(iter(self.problems.items()))
        return f"{len(self.problems):,} file(s) or folder(s) of the bucket could not be read, such as {name}: {why}"


def take_in(
    place: str, store: TrailStore, wanted: Wanted, account: Callable[[], Account], *, workers: int = 0
) -> Taken:
    """Read what a store does not know yet of a place.

    Args:
        place: a folder or file, or `s3://bucket/prefix`.
        store: where it is kept.
        wanted: which days of a bucket, by default the last BUCKET_DAYS; a folder is read whole.
        account: opens the account whose credentials read a bucket.
        workers: worker processes; 0 reads in this one.

    Raises:
        GuardError: there is nothing at the place, or it is none.
    """
    if not is_address(place):
        done = store.refresh(place, workers=workers)
        return Taken(done.files, done.set_aside)
    from bedrock_guard.account.trail_s3 import Scope, refresh_from_s3

    bucket, prefix = s3_place(place)
    opened = account()
    end = wanted.end or opened.now
    start = wanted.start or end - timedelta(days=BUCKET_DAYS)
    scope = Scope(bucket, prefix, start, end, wanted.accounts or None, wanted.regions or None)
    found = refresh_from_s3(store, opened, scope, workers=workers)
    line = f"{found.requests:,} requests to S3, about ${found.request_cost_usd:.4f}"
    return Taken(found.refreshed.files, found.refreshed.set_aside, found.problems, line)


def store_at(place: str, wanted: Wanted, account: Callable[[], Account]) -> tuple[TrailStore, Taken]:
    """The store that a folder is, or a passing one of the trail at a place, which goes when nobody holds it any more.

    With it what was read now: nothing, where the folder is a store.

    Raises:
        GuardError: there is nothing at the place, or it is none.
    """
    there = TrailStore(place)
    if not is_address(place) and Path(place).is_dir() and there.parts.parts():
        return there, Taken(0, {})
    folder = mkdtemp(prefix="bedrock-guard-store-")
    store = TrailStore(folder)
    finalize(store, shutil.rmtree, folder, ignore_errors=True)
    taken = take_in(place, store, wanted, account)
    if not store.parts.parts():
        raise GuardError(
            f"There are no files of a trail at {place}.",
            why=taken.lost or "Nothing there could be read as CloudTrail records.",
            remedy="Give the folder or prefix that holds AWSLogs/, and for a bucket days that it covers.",
        )
    return store, taken
