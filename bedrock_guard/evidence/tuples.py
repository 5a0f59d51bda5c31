"""Distinct calls by day: what replay is made from, however many calls there were and wherever they were counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.tables import Table, provenance_of, require, with_provenance

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

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
        "first_seen": "datetime64[us, UTC]",
        "last_seen": "datetime64[us, UTC]",
    },
)
"""One row per distinct call, day (midnight UTC) and whether it was refused already.

`input_tokens` and `output_tokens` are the sums of the counts that records state, NA where none does; `untold` is the
number of calls that lack one of the two.
"""

_MEASURES: Final = """
    CAST(count(*) AS BIGINT) AS calls,
    CAST(sum(input_tokens) AS BIGINT) AS input_tokens,
    CAST(sum(output_tokens) AS BIGINT) AS output_tokens,
    CAST(count(*) FILTER (WHERE input_tokens IS NULL OR output_tokens IS NULL) AS BIGINT) AS untold,
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
    names = ", ".join((*KEY, *by))
    keys = f"{names}, denied_by IS NOT NULL AS already_denied, date_trunc('day', event_time) AS day"
    return f"SELECT {keys}, {_MEASURES} FROM {relation} GROUP BY ALL ORDER BY ALL"  # noqa: S608 - names checked


def tuples_of(calls: pd.DataFrame, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """The tuples (TUPLES, and the columns of `by`) of a calls table.

    Raises:
        MissingColumns: the frame is no calls table.
        GuardError: `by` names a column that is not in BY.
    """
    from bedrock_guard.evidence.tables import CALLS

    require(calls, CALLS)
    connection = connect()
    bare = calls.copy(deep=False)
    bare.attrs = {}
    connection.register("calls", bare)
    frame = framed(connection.sql(tuples_sql("calls", by)), by)
    return with_provenance(frame, provenance_of(calls))


def framed(relation: duckdb.DuckDBPyRelation, by: Sequence[str] = ()) -> pd.DataFrame:
    """A relation of tuples as a frame in the dtypes of TUPLES."""
    frame: pd.DataFrame = relation.to_arrow_table().to_pandas()
    return frame.astype({**TUPLES.columns, **dict.fromkeys(by, "string")})


def connect() -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own, in memory, that counts days in UTC."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection
