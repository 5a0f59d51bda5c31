"""Calls of a trail store as the reports need them: few rows, however many calls the store holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bedrock_guard.account.s3 import is_address
from bedrock_guard.account.trail_lookup import gaps as history_gaps
from bedrock_guard.account.trail_places import Wanted, store_at
from bedrock_guard.account.trail_store import TrailStore
from bedrock_guard.account.trail_view import ONLY_DELIVERED
from bedrock_guard.account.tuple_files import is_table, read_table
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.invocations import INVOCATIONS
from bedrock_guard.evidence.packed import REPEATED, packed
from bedrock_guard.evidence.tables import Provenance, provenance_of, require, with_provenance
from bedrock_guard.evidence.tuples import TUPLES
from bedrock_guard.evidence.usage import TRAIL

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from bedrock_guard.account.session import Account
    from bedrock_guard.account.trail_view import TrailView

WITH_KEYS: Final = (
    "calls signed without a key are left out, but for refused ones and those that change something"
)

_OF_CHANGES: Final = ("parameters", "outcome", "resources")
"""Long columns that are looked at for changes only; a hundred thousand invocations need no more of them."""

_UNREAD: Final = ("request_id", "user_agent", "on_behalf_of")
"""Long columns that nothing about keys looks at."""


def counted_calls(folder: str | Path, start: datetime, end: datetime) -> pd.DataFrame:
    """Distinct calls of a window with their counts (`evidence.tuples.TUPLES`).

    Args:
        folder: a store, or a Parquet file of the command `tuples`.
        start: first instant wanted; of a file, its day.
        end: first instant no longer wanted.

    Raises:
        GuardError: the folder holds no store.

    """
    if not is_table(folder):
        return opened(folder).tuples(start, end)
    table = read_table(folder)
    require(table, TUPLES)
    proof = provenance_of(table)
    inside = table[(table["day"] >= start) & (table["day"] < end)].reset_index(drop=True)
    first, last = max(proof.window_start or start, start), min(proof.window_end or end, end)
    return with_provenance(inside, replace(proof, window_start=first, window_end=last))


def calls_at(place: str | Path, start: datetime, end: datetime, account: Account) -> pd.DataFrame:
    """The same of any place that holds calls (`evidence.tuples.TUPLES`).

    Args:
        place: a store, a file of the command `tuples`, files of a trail, or `s3://bucket/prefix`.
        start: first instant wanted.
        end: first instant no longer wanted.
        account: whose credentials read a bucket.

    Raises:
        GuardError: there is nothing at the place.

    """
    named = _named(place)
    if is_table(named):
        return counted_calls(named, start, end)
    held, taken = store_at(named, Wanted(start, end), lambda: account)
    found = counted_calls(held.folder, start, end)
    return with_provenance(found, provenance_of(found).lowered("floor", taken.lost)) if taken.lost else found


def key_calls_at(
    place: str | Path, start: datetime, end: datetime, account: Account
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """`key_calls` of a store, files of a trail, or `s3://bucket/prefix`.

    Raises:
        GuardError: there is nothing at the place.

    """
    held, taken = store_at(_named(place), Wanted(start), lambda: account)
    frame, regions = key_calls(held.folder, start, end, account.account_id)
    if taken.lost:
        frame = with_provenance(frame, provenance_of(frame).lowered("floor", taken.lost))
    return frame, regions


def _named(place: str | Path) -> str:
    """A place as it is meant: the home directory's sign stands for it."""
    return str(place) if is_address(str(place)) else str(Path(place).expanduser())


def key_calls(
    folder: str | Path, start: datetime, end: datetime, account_id: str
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """An account's trail table of a window for keys, and the Regions that any account was read in.

    The table holds calls with keys, refused calls, and all that are no invocation; repeated texts are categories
    (`evidence.packed`). Long columns that nothing about keys looks at are left NA: request id, raw user agent, and of
    invocations the parameters.

    Raises:
        GuardError: the folder holds no store.

    """
    view = opened(folder)
    proof = view.provenance(start, end).lowered("floor", WITH_KEYS)
    invoked = ", ".join(f"'{operation}'" for operation in sorted(INVOCATIONS))
    kept = ", ".join(
        [f"CASE WHEN operation IN ({invoked}) THEN NULL ELSE {name} END AS {name}" for name in _OF_CHANGES]
        + [f"CAST(NULL AS VARCHAR) AS {name}" for name in _UNREAD]
    )
    looked_at = (
        f"FROM {view.relation(start, end, every_account=True)} "
        f"WHERE (key_kind <> 'none' OR denied_by IS NOT NULL OR operation NOT IN ({invoked}))"
    )
    view.connection.execute("SET threads = 1")  # each thread holds a row group of every column
    own = view.connection.sql(
        f"SELECT * REPLACE ({kept}) {looked_at} AND account_id = ?",
        params=[account_id],
    )
    frame = _in_time(own.to_arrow_table())
    regions = view.connection.sql(f"SELECT DISTINCT region {looked_at} AND region IS NOT NULL")
    named = tuple(sorted(str(region) for (region,) in regions.fetchall()))
    view.connection.close()
    return with_provenance(frame, proof), named


def _in_time(found: pa.Table) -> pd.DataFrame:
    """Packed calls in the order of time: packed first, since ordering texts copies them."""
    from pyarrow import compute

    order = compute.sort_indices(found, [("event_time", "ascending"), ("event_id", "ascending")])
    frame: pd.DataFrame = found.to_pandas(categories=list(REPEATED)).take(order.to_numpy())
    others = {name: dtype for name, dtype in TRAIL.columns.items() if name not in REPEATED}
    return packed(frame.reset_index(drop=True).astype(others))


def gaps(proof: Provenance) -> tuple[str, ...]:
    """Reasons in the provenance of calls, of whatever source, that are no limit of the source itself."""
    return tuple(why for why in history_gaps(proof) if why not in {ONLY_DELIVERED, WITH_KEYS})


def opened(folder: str | Path) -> TrailView:
    """What a store holds now.

    Raises:
        GuardError: the folder holds no store.

    """
    store = TrailStore(folder)
    if not Path(folder).is_dir() or not store.parts.parts():
        raise GuardError(
            f"{folder} holds no store of calls.",
            remedy="Make one: bedrock-guard calls AWSLogs/ --store FOLDER.",
        )
    return store.view()
