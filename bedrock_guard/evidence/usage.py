"""CloudTrail records to the calls table, alike for every source they come from.

A record becomes one row or is counted under one reason why not, so that records = rows + left out, always. Rows are
made of calls to services of the Bedrock family, IAM and STS, of changes to trails and to organization policies, of EC2
launches and volumes, and of the few calls of other services that the findings need (`parameters.request_shape`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.evidence.left_out import LeftOut
from bedrock_guard.evidence.model_ids import resolve_models
from bedrock_guard.evidence.record_columns import Columns
from bedrock_guard.evidence.tables import CALLS, Provenance, Table

if TYPE_CHECKING:
    import pandas as pd

    from bedrock_guard.boundary.catalogue import Catalogue

TRAIL: Final = Table(
    "trail",
    {
        **CALLS.columns,
        "shared_event_id": "string",
        "request_id": "string",
        "identity_type": "string",
        "invoked_by": "string",
        "on_behalf_of": "string",
        "vpc_endpoint": "string",
        "resources": "string",
        "category": "string",
        "read_only": "boolean",
        "from_console": "boolean",
        "mfa": "boolean",
        "denied_explicitly": "boolean",
        "encrypted": "boolean",
        "outcome": "string",
    },
)
"""CALLS and what the findings need besides.

`shared_event_id` is what the records of one action in several accounts have in common.
`outcome` is JSON text of the allow-listed facts of the response, `resources` of the ARNs that the record names.
`encrypted` answers for EC2 launches and new volumes: true, false, or NA where the record does not state it.
`denied_explicitly` is false for a missing allow. `denied_by` is NA for a call that was not refused and "unknown" for
one refused without saying by whom.
"""


@dataclass(slots=True)
class Batch:
    """Rows made so far and the count of every record that is none."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    records: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def take(records: int, made: Columns, seen: set[str], batch: Batch) -> Batch:
    """Enter the columns of so many records into a batch, leaving out event ids that are in `seen`."""
    batch.records += records
    batch.left_out.update(made.left_out)
    for values in zip(*made.columns.values(), strict=True):
        row = dict(zip(made.columns, values, strict=True))
        if row["event_id"] in seen:
            batch.left_out[LeftOut.DUPLICATE.value] += 1
        else:
            seen.add(row["event_id"])
            batch.rows.append(row)
    return batch


def actions(frame: pd.DataFrame) -> pd.DataFrame:
    """The trail table with each action once.

    An action that concerns two accounts is an event in each, with an id of its own and a shared one. It counts where
    the caller is of the account, else in the first account.
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/shared-event-ID.html
    """
    shared = frame["shared_event_id"]
    twins = frame[shared.notna() & shared.duplicated(keep=False)]
    if twins.empty:
        return frame
    accounts, principals = twins["account_id"].fillna("~"), twins["principal"].fillna("")
    away = [f":{a}:" not in p for a, p in zip(accounts, principals, strict=True)]
    ordered = twins.assign(away=away, place=accounts).sort_values(["away", "place"])
    home = ordered.drop_duplicates("shared_event_id").set_index("shared_event_id")["place"]
    elsewhere = accounts != twins["shared_event_id"].map(home)
    return frame.drop(twins.index[elsewhere]).reset_index(drop=True)


def to_frame(
    rows: Iterable[Mapping[str, Any]],
    *,
    catalogue: Catalogue | None = None,
    kept: Mapping[str, str] | None = None,
    provenance: Provenance | None = None,
) -> pd.DataFrame:
    """The trail table of rows, with their models resolved by `catalogue` (by default the shipped one) and `kept`."""
    return resolve_models(TRAIL.frame(rows, provenance), catalogue or shipped(), kept)
