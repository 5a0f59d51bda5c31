"""What a replay is made of: recorded calls of an account, a file or a store, and the documents they are judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from bedrock_guard.boundary.builder import build
from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.replay import Documents, Reach

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


def recorded(account: str, calls: Path | None, days: int) -> Recorded:
    """The calls of a file or store of the command `calls`, else of an account's event history.

    Args:
        account: demo, or a profile's name.
        calls: a Parquet file or a store's folder; None asks the account.
        days: how far back the account is asked.

    """
    from bedrock_guard.account.investigation import read_calls
    from bedrock_guard.account.situation import management_account, open_account
    from bedrock_guard.account.trail import read_parquet
    from bedrock_guard.account.trail_store import TrailStore

    if calls is None:
        opened = open_account(account)
        frame = read_calls(opened, days).reading.frame
        return Recorded(lambda _: frame, opened.now.date(), management_account(opened))
    today = datetime.now(UTC).date()
    if calls.is_dir():
        store = TrailStore(calls)
        return Recorded(lambda reach: store.tuples(by=("source_ip",) if _addressed(reach) else ()), today)
    return Recorded(lambda _: read_parquet(calls).frame, today)


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
