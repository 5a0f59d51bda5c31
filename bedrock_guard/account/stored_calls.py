"""Calls of a trail store as the reports need them: few rows, however many calls the store holds."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bedrock_guard.account.trail_lookup import gaps as history_gaps
from bedrock_guard.account.trail_store import TrailStore
from bedrock_guard.account.trail_view import ONLY_DELIVERED
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.key_use import INVOCATIONS
from bedrock_guard.evidence.tables import Provenance, with_provenance
from bedrock_guard.evidence.usage import TRAIL

if TYPE_CHECKING:
    import pandas as pd

    from bedrock_guard.account.trail_view import TrailView

WITH_KEYS: Final = (
    "calls signed without a key are left out, but for refused ones and those that change something"
)

_OF_CHANGES: Final = ("parameters", "outcome", "request_id", "resources", "user_agent", "on_behalf_of")
"""Long columns that are looked at for changes only; a hundred thousand invocations need no more of them."""


def counted_calls(folder: str | Path, start: datetime, end: datetime) -> pd.DataFrame:
    """Distinct calls of a window with their counts (`evidence.tuples.TUPLES`).

    Raises:
        GuardError: the folder holds no store.

    """
    return opened(folder).tuples(start, end)


def key_calls(folder: str | Path, start: datetime, end: datetime) -> pd.DataFrame:
    """The trail table of a window for keys: calls with keys, refused calls, and all that are no invocation.

    Of invocations the columns that nothing about keys looks at (request id, parameters, raw user agent) are left NA.

    Raises:
        GuardError: the folder holds no store.

    """
    view = opened(folder)
    name = view.relation(start, end)
    invoked = ", ".join(f"'{operation}'" for operation in sorted(INVOCATIONS))
    kept = ", ".join(
        f"CASE WHEN operation IN ({invoked}) THEN NULL ELSE {name} END AS {name}" for name in _OF_CHANGES
    )
    proof = view.provenance(start, end).lowered("floor", WITH_KEYS)
    found = view.connection.sql(
        f"SELECT * REPLACE ({kept}) FROM {name} WHERE key_kind <> 'none' OR denied_by IS NOT NULL "  # noqa: S608 - names of our own
        f"OR operation NOT IN ({invoked}) ORDER BY event_time, event_id"
    ).to_arrow_table()
    view.connection.close()  # its memory is free before the columns are copied
    frame = found.combine_chunks().to_pandas().astype(dict(TRAIL.columns))
    return with_provenance(frame, proof)


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
