"""The tuples of a calls table, counted by the SQL that counts them in a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bedrock_guard.evidence.tuples import connect, framed, tuples_sql

if TYPE_CHECKING:
    import pandas as pd


def tuples_of(calls: pd.DataFrame) -> pd.DataFrame:
    """TUPLES of a frame."""
    connection = connect()
    bare = calls.copy(deep=False)
    bare.attrs = {}
    connection.register("calls", bare)
    return framed(connection.sql(tuples_sql("calls")))
