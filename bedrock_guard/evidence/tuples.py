"""Distinct calls by day: what replay is made from, however many calls there were and wherever they were counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.held_records import Records, shape_of
from bedrock_guard.evidence.left_out import LeftOut
from bedrock_guard.evidence.moments import read_time
from bedrock_guard.evidence.record_columns import read_columns
from bedrock_guard.evidence.tables import Table, column
from bedrock_guard.evidence.usage import to_frame

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from bedrock_guard.boundary.catalogue import Catalogue

KEY: Final = (
    "account_id",
    "principal",
    "client",
    "region",
    "key_kind",
    "service",
    "operation",
    "model_raw",
    "model",
    "route",
    "parameters",
)
"""What tells one call from another for a boundary, and who made it with what."""

BY: Final = ("source_ip", "vpc_endpoint", "session", "user_agent", "denied_by")
"""Columns that may be added to the key, where a policy or a question needs them."""

TUPLES: Final = Table(
    "tuples",
    {
        **dict.fromkeys(KEY, "string"),
        "already_denied": "boolean",
        "day": "datetime64[us, UTC]",
        "calls": "Int64",
        "input_tokens": "Int64",
        "output_tokens": "Int64",
        "untold": "Int64",
        "failed": "Int64",
        "first_seen": "datetime64[us, UTC]",
        "last_seen": "datetime64[us, UTC]",
    },
)
"""One row per distinct call, day (midnight UTC) and whether it was refused already.

`input_tokens` and `output_tokens` are the sums of the counts that records state, NA where none does; `untold` is the
number of calls that worked and lack one of the two, `failed` of those that failed without being refused.
"""

_PARAMETERS: Final = (
    "CASE WHEN parameters LIKE '%\"roleSessionName\"%' "
    "THEN nullif(CAST(json_merge_patch(parameters, '{\"roleSessionName\": null}') AS VARCHAR), '{}') "
    "ELSE parameters END AS parameters"
)
"""Every session has another name, and no decision asks for it: with it, each AssumeRole would be a tuple of its own."""

_MEASURES: Final = """
    CAST(count(*) AS BIGINT) AS calls,
    CAST(sum(input_tokens) AS BIGINT) AS input_tokens,
    CAST(sum(output_tokens) AS BIGINT) AS output_tokens,
    CAST(count(*) FILTER (
        WHERE error_code IS NULL AND (input_tokens IS NULL OR output_tokens IS NULL)) AS BIGINT) AS untold,
    CAST(count(*) FILTER (WHERE error_code IS NOT NULL AND denied_by IS NULL) AS BIGINT) AS failed,
    min(event_time) AS first_seen,
    max(event_time) AS last_seen
"""


def tuples_sql(relation: str, by: Sequence[str] = ()) -> str:
    """DuckDB's SQL for the tuples of a relation with the columns of the calls table.

    Raises:
        GuardError: `by` names a column that is not in BY.
    """
    wrong = sorted(set(by) - set(BY))
    if wrong:
        raise GuardError(f"Calls are not told apart by {', '.join(wrong)}.", remedy=f"Use {', '.join(BY)}.")
    names = ", ".join(_PARAMETERS if name == "parameters" else name for name in (*KEY, *by))
    keys = f"{names}, denied_by IS NOT NULL AS already_denied, date_trunc('day', event_time) AS day"
    return f"SELECT {keys}, {_MEASURES} FROM {relation} GROUP BY ALL ORDER BY ALL"  # noqa: S608 - names checked


def framed(relation: duckdb.DuckDBPyRelation, by: Sequence[str] = ()) -> pd.DataFrame:
    """A relation of tuples as a frame in the dtypes of TUPLES."""
    frame: pd.DataFrame = relation.to_arrow_table().to_pandas()
    return frame.astype({**TUPLES.columns, **dict.fromkeys(by, "string")})


def connect() -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own, in memory, that counts days in UTC."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")  # in a kernel it would stand in the report's cell
    return connection


def from_raw(
    raw: pd.DataFrame,
    *,
    by: Sequence[str] = (),
    catalogue: Catalogue | None = None,
    kept: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Raw tuples of an engine (`evidence.aggregate`) as TUPLES: read as records are read, and put together again.

    Args:
        raw: the columns of `aggregate.RAW`, `by` and `aggregate.MEASURES`, None or NA where a record has none.
        by: what was added to the key.
        catalogue: models known; by default the shipped catalogue.
        kept: what opaque profile ARNs stand for.
    """
    plain = raw.astype("object").where(raw.notna(), None)
    rows = [row for row in plain.to_dict("records") if _makes_rows(row)]
    kinds = [(row["source"], row["operation"]) for row in rows]
    made = read_columns(Records([_record(row) for row in rows], kinds)).columns
    read = [dict(zip(made, values, strict=True)) for values in zip(*made.values(), strict=True)]
    frame = to_frame(read, catalogue=catalogue, kept=kept)[[*KEY, "error_code", "denied_by", "event_time"]]
    measured = {name: column([row[name] for row in rows], dtype) for name, dtype in _MEASURED.items()}
    named = {name: column([row[name] for row in rows], "string") for name in by}
    connection = connect()
    connection.register("raw", frame.assign(**measured, **named))
    return framed(connection.sql(_SUMMED.format(names=", ".join((*KEY, *by)))), by)


_MEASURED: Final = {
    **dict.fromkeys(("calls", "input_tokens", "output_tokens", "untold"), "Int64"),
    **dict.fromkeys(("first_seen", "last_seen"), "datetime64[us, UTC]"),
}
_SUMMED: Final = """
    SELECT {names}, denied_by IS NOT NULL AS already_denied, date_trunc('day', event_time) AS day,
        CAST(sum(calls) AS BIGINT) AS calls,
        CAST(sum(input_tokens) AS BIGINT) AS input_tokens,
        CAST(sum(output_tokens) AS BIGINT) AS output_tokens,
        CAST(sum(CASE WHEN error_code IS NULL THEN untold ELSE 0 END) AS BIGINT) AS untold,
        CAST(sum(CASE WHEN error_code IS NOT NULL AND denied_by IS NULL THEN calls ELSE 0 END) AS BIGINT) AS failed,
        min(first_seen) AS first_seen,
        max(last_seen) AS last_seen
    FROM raw GROUP BY ALL ORDER BY ALL
"""


def _makes_rows(row: Mapping[Any, Any]) -> bool:
    source, operation = row["source"], row["operation"]
    known = isinstance(source, str) and isinstance(operation, str) and read_time(row["day"])
    return bool(known) and not isinstance(shape_of(source, operation), LeftOut)


def _record(row: Mapping[Any, Any]) -> dict[str, Any]:
    """The record that a raw tuple stands for, as far as tuples need it."""
    return {
        "eventID": "-",
        "eventTime": row["day"],
        "recipientAccountId": row["recipient"],
        "awsRegion": row["region"],
        "eventSource": row["source"],
        "eventName": row["operation"],
        "userIdentity": {
            "type": row["identity_type"],
            "arn": row["identity_arn"],
            "accountId": row["identity_account"],
            "principalId": row["identity_principal"],
            "userName": row["identity_user"],
            "invokedBy": row["identity_service"],
            "onBehalfOf": {"userId": row["identity_behalf"]},
            "accessKeyId": row["key_prefix"],
        },
        "userAgent": row["agent"],
        "requestParameters": row["request"],
        "additionalEventData": {
            "callWithBearerToken": row["marker"],
            "bearerTokenType": row["marker_type"],
        },
        "errorCode": row["error_code"],
        "errorMessage": row["error_message"],
    }
