"""The parts of a trail store as they were at one moment, asked by DuckDB; each event counts once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from bedrock_guard.account.trail_parts import SOURCE
from bedrock_guard.evidence.model_ids import MAKERS, ModelIds, learned
from bedrock_guard.evidence.tables import Provenance, with_provenance
from bedrock_guard.evidence.tuples import connect, framed, tuples_sql
from bedrock_guard.evidence.usage import TRAIL
from bedrock_guard.store import Part

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from bedrock_guard.boundary.catalogue import Catalogue

_ARROW: Final = {
    "string": pa.string(),
    "Int64": pa.int64(),
    "boolean": pa.bool_(),
    "datetime64[us, UTC]": pa.timestamp("us", "UTC"),
}
_OPEN: Final = ("model", "route")
SCHEMA: Final = pa.schema(
    [(name, _ARROW[dtype]) for name, dtype in TRAIL.columns.items() if name not in _OPEN]
    + [(SOURCE, pa.string())]
)
"""A part's columns: those of TRAIL whose values never change, and the file that a row came from."""

ONLY_DELIVERED: Final = "files show what was delivered to this folder, not what was never recorded"
_ONCE: Final = """
    CREATE VIEW once AS
    SELECT * FROM parts WHERE event_id NOT IN (SELECT event_id FROM twins)
    UNION ALL
    (SELECT * FROM parts WHERE event_id IN (SELECT event_id FROM twins)
     QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY source, event_time) = 1)
"""
_COUNTED_ELSEWHERE: Final = """
    CREATE TABLE counted_elsewhere AS SELECT event_id FROM (
        SELECT event_id, account_id, first_value(account_id) OVER (
            PARTITION BY shared_event_id
            ORDER BY CASE WHEN principal LIKE '%:' || account_id || ':%' THEN 0 ELSE 1 END, account_id
        ) AS home
        FROM once WHERE shared_event_id IN (SELECT shared_event_id FROM shared)
    ) WHERE account_id IS DISTINCT FROM home
"""
"""Other accounts' records of an action: it counts where the caller is of the account, else in the first.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/shared-event-ID.html
"""


class TrailView:
    """What a store holds, without what is refreshed later.

    Args:
        parts: the parts, from `Store.parts`.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = tuple(parts)

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB with the views `once`, every event once, and `acted`, every action once.

        Their columns are those of TRAIL but `model` and `route`, and `source`. An action that concerns two accounts is
        an event in each of them.
        """
        connection = connect()
        paths = [str(part.path) for part in self._parts]
        if paths:
            alike = len({part.columns for part in self._parts}) == 1  # which is quicker
            _whole(connection.read_parquet(paths, union_by_name=not alike)).create_view("parts")
        else:
            connection.register("parts", SCHEMA.empty_table())
        twins = _note_repeated(connection, "twins", "event_id")
        connection.execute(_ONCE if twins else "CREATE VIEW once AS FROM parts")  # which reads the parts once
        shared = _note_repeated(connection, "shared", "shared_event_id")
        connection.execute(
            _COUNTED_ELSEWHERE if shared else "CREATE TABLE counted_elsewhere (event_id VARCHAR)"
        )
        apart = "WHERE event_id NOT IN (FROM counted_elsewhere)" if shared else ""
        connection.execute(f"CREATE VIEW acted AS FROM once {apart}")
        return connection

    def count(self, start: datetime | None = None, end: datetime | None = None) -> int:
        """How many events there are in a window, those of one action as one."""
        if start or end:
            found = self.connection.execute(
                f"SELECT count(*) FROM acted WHERE {_within(start, end)}"  # noqa: S608 - times only
            ).fetchone()
            return int(found[0]) if found else 0
        row = self.connection.execute(
            "SELECT (SELECT count(*) FROM parts) - (SELECT coalesce(sum(copies - 1), 0) FROM twins)"
            " - (SELECT count(*) FROM counted_elsewhere)"
        ).fetchone()
        return int(row[0]) if row else 0

    def twins(self) -> int:
        """How many events are another account's record of an action that is counted already."""
        row = self.connection.execute("SELECT count(*) FROM counted_elsewhere").fetchone()
        return int(row[0]) if row else 0

    def unnamed(self, start: datetime | None = None, end: datetime | None = None) -> int:
        """How many calls of a window name a model that neither the catalogue nor a record here knows."""
        name = self.relation(start, end)
        found = self.connection.execute(
            f"SELECT count(*) FROM {name} WHERE model IS NULL AND model_raw IS NOT NULL"  # noqa: S608 - our view
        ).fetchone()
        return int(found[0]) if found else 0

    def relation(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        catalogue: Catalogue | None = None,
        kept: Mapping[str, str] | None = None,
        every_account: bool = False,
    ) -> str:
        """The name of a view with the columns of TRAIL, of the events of a window.

        An action that is an event in several accounts is one row, or with `every_account` one in each.
        """
        connection = self.connection
        connection.register("models", self._models(catalogue, kept))
        columns = ", ".join(TRAIL.columns)
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW calls AS SELECT {columns} "  # noqa: S608 - TRAIL's names, times
            f"FROM {'once' if every_account else 'acted'} LEFT JOIN models USING (model_raw) "
            f"WHERE {_within(start, end)}"
        )
        return "calls"

    def _in_order(self, name: str) -> duckdb.DuckDBPyRelation:
        """The rows of a view of ours, in the order of time; ties by event id."""
        return self.connection.sql(f"SELECT * FROM {name}").order("event_time, event_id")  # noqa: S608 - our view

    def _models(self, catalogue: Catalogue | None, kept: Mapping[str, str] | None) -> pd.DataFrame:
        """What each distinct `model_raw` stands for, by the catalogue, what is kept and what the records tell."""
        import pandas as pd

        from bedrock_guard.boundary.catalogue import shipped

        listed = ", ".join(f"'{maker}'" for maker in sorted(MAKERS))  # a list of words goes down to the files
        makers = self.connection.sql(
            f"SELECT operation, outcome, parameters FROM parts WHERE operation IN ({listed})"  # noqa: S608 - our words
        ).to_arrow_table()
        ids = ModelIds(catalogue or shipped(), {**learned(makers.to_pandas()), **(kept or {})})
        raw = self.connection.execute(
            "SELECT DISTINCT model_raw FROM parts WHERE model_raw IS NOT NULL ORDER BY 1"
        ).fetchall()
        rows = [(name, *ids.resolve(name)) for (name,) in raw]
        return pd.DataFrame(rows, columns=["model_raw", "model", "route"], dtype="string")

    def calls(
        self, start: datetime | None = None, end: datetime | None = None, **models: Any
    ) -> pd.DataFrame:
        """The trail table of a window, in the order of time."""
        name = self.relation(start, end, **models)
        frame = self._in_order(name).to_arrow_table().to_pandas().astype(dict(TRAIL.columns))
        return with_provenance(frame, self.provenance(start, end))

    def tuples(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        by: Sequence[str] = (),
        **models: Any,
    ) -> pd.DataFrame:
        """Distinct calls by day (`evidence.tuples.TUPLES`), with `by` added to the key."""
        name = self.relation(start, end, **models)
        frame = framed(self.connection.sql(tuples_sql(name, by)), by)
        return with_provenance(frame, self.provenance(start, end))

    def provenance(self, start: datetime | None = None, end: datetime | None = None) -> Provenance:
        """What these files can prove: that much happened, never that nothing else did."""
        notes = [about for part in self._parts for about in part.sources.values()]
        aside = sum(1 for one in notes if one.get("refused"))
        first, last = self._window()
        why = [ONLY_DELIVERED, *([f"{aside} file(s) could not be read"] if aside else [])]
        return Provenance(
            source=f"CloudTrail files ({len(notes) - aside} read)",
            window_start=start or first,
            window_end=end or last,
            completeness="floor",
            why="; ".join(why),
        )

    def _window(self) -> tuple[datetime | None, datetime | None]:
        found = self.connection.sql("SELECT min(event_time) AS first, max(event_time) AS last FROM parts")
        row = found.to_arrow_table().to_pylist()[0]
        return tuple(value and value.astimezone(UTC) for value in (row["first"], row["last"]))

    def export(
        self,
        path: Path,
        about: Mapping[bytes, bytes],
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> None:
        """Write the trail table of a window to one Parquet file, in the order of time; at once or not at all."""
        import pyarrow.parquet as pq

        name = self.relation(start, end)
        reader = self._in_order(name).to_arrow_reader()
        schema = reader.schema.with_metadata(dict(about))
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch.replace_schema_metadata(schema.metadata))


def _within(start: datetime | None, end: datetime | None) -> str:
    """The test of a window in SQL."""
    bounds = [("event_time >=", start), ("event_time <", end)]
    tests = [f"{test} TIMESTAMPTZ '{moment.isoformat()}'" for test, moment in bounds if moment]
    return " AND ".join(tests) or "true"


def _whole(parts: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Parts with the columns that older ones lack."""
    if "shared_event_id" in parts.columns:
        return parts
    return parts.project("*, CAST(NULL AS VARCHAR) AS shared_event_id")


def _note_repeated(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> bool:
    """A table of the ids that stand in several rows, each with how often; whether there are any.

    Equal ids have equal hashes, and hashes are small and soon sorted. Only ids whose hash is met again are compared.
    """
    import numpy as np
    import pandas as pd

    hashes = connection.sql(
        f"SELECT hash({column}) AS h FROM parts WHERE {column} IS NOT NULL"  # noqa: S608 - names of ours
    ).fetchnumpy()["h"]
    hashes.sort()
    met_again = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
    if not len(met_again):
        connection.execute(f"CREATE TABLE {table} ({column} VARCHAR, copies BIGINT)")
        return False
    connection.register("met_again", pd.DataFrame({"h": met_again}))
    connection.execute(
        f"CREATE TABLE {table} AS SELECT {column}, count(*) AS copies FROM parts "  # noqa: S608 - names of ours
        f"WHERE hash({column}) IN (SELECT h FROM met_again) GROUP BY {column} HAVING count(*) > 1"
    )
    connection.unregister("met_again")
    return bool(connection.execute(f"FROM {table} LIMIT 1").fetchall())
