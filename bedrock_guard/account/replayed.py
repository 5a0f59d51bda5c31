"""What a replay is made of: recorded calls of an account, a file or a store, and the documents they are judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bedrock_guard.account.card import management_account
from bedrock_guard.account.investigation import read_calls
from bedrock_guard.account.opaque_models import with_opaque_models
from bedrock_guard.account.s3 import is_address
from bedrock_guard.account.session import open_account
from bedrock_guard.account.trail_places import Wanted, store_at
from bedrock_guard.account.tuple_files import is_table, read_table
from bedrock_guard.boundary.builder import build
from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.replay import Documents, Reach
from bedrock_guard.evidence.tables import provenance_of, with_provenance

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Recorded:
    """Recorded calls.

    Args:
        table: the calls, or tuples of them, for some documents; a store tells addresses apart where these test them.
        today: the day for which exceptions count.
        management: the organisation's management account; None when it is not known.

    """

    table: Callable[[Reach | Documents], pd.DataFrame]
    today: date
    management: str | None = None


def recorded(account: str, calls: str, days: int) -> Recorded:
    """The recorded calls of a place, else of an account's event history.

    Args:
        account: demo, or a profile's name; its credentials read a bucket.
        calls: a Parquet file of the commands `calls` or `tuples`, the folder of a store, files of a trail, or a trail
            in S3 (`s3://bucket/prefix`); "" asks the account.
        days: how far back the account or the bucket is asked; files here are read whole.

    Raises:
        GuardError: there is nothing at the place.

    """
    if not calls:
        opened = open_account(account)
        frame = with_opaque_models(opened, read_calls(opened, days).reading.frame, shipped())
        return Recorded(lambda _: frame, opened.now.date(), management_account(opened))
    if is_table(calls):
        return Recorded(lambda _: read_table(calls), datetime.now(UTC).date())
    bucket = open_account(account) if is_address(calls) else None
    now = bucket.now if bucket else datetime.now(UTC)
    since = now - timedelta(days=days) if bucket else None  # a day more was fetched, for late deliveries
    store, taken = store_at(calls, Wanted(since), lambda: bucket or open_account(account))

    def counted(reach: Reach | Documents) -> pd.DataFrame:
        found = store.tuples(since, by=("source_ip",) if _addressed(reach) else ())
        proof = provenance_of(found)
        return with_provenance(found, proof.lowered("floor", taken.lost) if taken.lost else proof)

    return Recorded(counted, now.date())


def _addressed(reach: Reach | Documents) -> bool:
    return isinstance(reach, Documents) and reach.tests_addresses


def reach_of(path: Path, seen: Recorded, profile: str | None = None) -> Reach | Documents:
    """The documents of a spec file, or a permissions boundary written by hand (`.json`), as of the calls' day.

    Raises:
        GuardError: the file cannot be used; says why.

    """
    noon = datetime.combine(seen.today, time(12), UTC)
    if path.suffix.lower() != ".json":
        built = build(BoundarySpec.load(path), shipped(), profile=profile, on=seen.today)
        return Reach(built, seen.management, noon)
    try:
        text = path.read_bytes()
    except OSError as error:
        raise GuardError(
            f"Cannot read {path.name}.", why=error.strerror or "", remedy="Check the path."
        ) from error
    return Documents(boundary=text, at=noon)
