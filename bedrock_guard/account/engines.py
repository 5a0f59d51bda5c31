"""Where calls are counted when one machine is too small: DuckDB here, Athena, Spark or Trino where the records are.

Every engine is sent the same definition (`evidence.aggregate`) in its own dialect, and gives the same tuples. Where one
machine can hold the trail, the trail store is simpler and costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol

import pandas as pd

from bedrock_guard.account.answers import demanded
from bedrock_guard.account.pages import UnreadableError, ask
from bedrock_guard.account.trail_relation import spark_view
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.aggregate import MEASURES, RAW, Logs, definition, translated
from bedrock_guard.evidence.tables import Provenance, dollars, with_provenance
from bedrock_guard.evidence.tuples import from_raw

if TYPE_CHECKING:
    from bedrock_guard.account.keys import Caller
    from bedrock_guard.boundary.catalogue import Catalogue

USD_PER_TB: Final = Decimal(5)
"""Price of a terabyte scanned in us-east-1 and most Regions: https://aws.amazon.com/athena/pricing/"""

_TB: Final = Decimal(10**12)
_LEAST_BYTES: Final = 10_000_000
_FLOOR: Final = "counted from the files of the trail: what was never recorded is not there"


class Engine(Protocol):
    """Runs SQL in its dialect."""

    @property
    def dialect(self) -> str:
        """SQLGlot's name of the dialect."""
        ...

    @property
    def name(self) -> str:
        """What a person calls it."""
        ...

    def run(self, sql: str) -> pd.DataFrame:
        """The rows of a query."""
        ...


@dataclass(frozen=True)
class Spark:
    """A Spark session (extra `spark`), where `cloudtrail_logs` is a table, or a view made by `over`."""

    session: Any
    dialect: str = "spark"
    name: str = "Spark"

    @classmethod
    def over(cls, session: Any, folder: str) -> Spark:
        """A session that sees the files below `folder` (a path or s3a:// address) as `cloudtrail_logs`."""
        spark_view(session, folder)
        return cls(session)

    def run(self, sql: str) -> pd.DataFrame:
        """The rows of a query."""
        rows = self.session.sql(sql)
        return _frame([tuple(row) for row in rows.collect()], list(rows.columns))


@dataclass(frozen=True)
class Cursor:
    """Any connection of Python's DB-API: PyAthena's (extra `athena`) or the `trino` client's (extra `trino`)."""

    connection: Any
    dialect: str
    name: str

    def run(self, sql: str) -> pd.DataFrame:
        """The rows of a query."""
        cursor = self.connection.cursor()
        try:
            cursor.execute(sql)
            names = [column[0] for column in cursor.description]
            return _frame(cursor.fetchall(), names)
        finally:
            cursor.close()


def trino(**options: Any) -> Cursor:
    """A Trino cluster; `options` are those of `trino.dbapi.connect` (host, port, user, catalog, schema, auth).

    Raises:
        GuardError: the extra `trino` is not installed.
    """
    return Cursor(_extra("trino.dbapi", "trino").connect(**options), "trino", "Trino")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a query may cost at most, to be shown before it runs.

    Args:
        workgroup: the Athena workgroup.
        scan_limit: bytes after which the workgroup ends a query; None: it has no limit.
        usd_per_tb: price of a terabyte scanned, USD.
        output: where results are written, as the workgroup says; "" when the caller has to say.
    """

    workgroup: str
    scan_limit: int | None
    usd_per_tb: Decimal = USD_PER_TB
    output: str = ""

    @property
    def most_usd(self) -> Decimal | None:
        """The most that one query can cost, USD; None without a limit."""
        return None if self.scan_limit is None else cost_of(self.scan_limit, self.usd_per_tb)

    def __str__(self) -> str:
        price = f"${self.usd_per_tb} per terabyte scanned"
        if self.scan_limit is None:
            return f"workgroup {self.workgroup}: no scan limit, {price}: the cost has no bound"
        limit = f"{Decimal(self.scan_limit) / 10**9:,.1f} GB"
        return (
            f"workgroup {self.workgroup}: at most {limit} a query, {price}: at most {dollars(self.most_usd)}"
        )


def cost_of(scanned: int, usd_per_tb: Decimal = USD_PER_TB) -> Decimal:
    """What a query costs that scanned so many bytes, USD; 10 MB are the least that Athena counts."""
    return max(scanned, _LEAST_BYTES) * usd_per_tb / _TB


def athena_terms(account: Caller, workgroup: str = "primary", usd_per_tb: Decimal = USD_PER_TB) -> Terms:
    """The scan limit and price of a workgroup. Reads only, and costs nothing.

    Raises:
        GuardError: the workgroup cannot be read.
    """
    try:
        answer = ask(account.client("athena"), "get_work_group", WorkGroup=workgroup)
    except UnreadableError as error:
        raise GuardError(
            f"The Athena workgroup {workgroup} cannot be read.",
            why=error.what,
            remedy="Check its name, the Region and the credentials: athena:GetWorkGroup is needed.",
        ) from error
    config = demanded(answer, "WorkGroup").get("Configuration") or {}
    limit = config.get("BytesScannedCutoffPerQuery")
    output = (config.get("ResultConfiguration") or {}).get("OutputLocation") or ""
    return Terms(workgroup, int(limit) if limit else None, usd_per_tb, output)


@dataclass
class Athena:
    """The customer's own table, counted by Athena (extra `athena`).

    Args:
        account: whose Athena.
        terms: from `athena_terms`, shown to whoever pays.
        database: the table's database.
        region: the workgroup's Region.
        output: `s3://...` for results, where the workgroup sets none.
        unlimited: run also in a workgroup without a scan limit.
    """

    account: Caller
    terms: Terms
    database: str = "default"
    region: str | None = None
    output: str = ""
    unlimited: bool = False
    dialect: str = "athena"
    name: str = "Athena"
    scanned: int = field(default=0, init=False)
    queries: int = field(default=0, init=False)

    def run(self, sql: str) -> pd.DataFrame:
        """The rows of a query; `scanned` grows by the bytes it read.

        Raises:
            GuardError: the workgroup has no scan limit, PyAthena is not installed, or Athena refused the query.
        """
        if self.terms.scan_limit is None and not self.unlimited:
            raise GuardError(
                f"The workgroup {self.terms.workgroup} has no scan limit.",
                why="A query over a whole trail can read terabytes, and Athena bills what it reads.",
                remedy="Set a per-query limit on the workgroup, or pass unlimited=True.",
            )
        pyathena = _extra("pyathena", "athena")
        connection = pyathena.connect(
            session=_Session(self.account, self.region),
            region_name=self.region,
            work_group=self.terms.workgroup,
            schema_name=self.database,
            s3_staging_dir=self.output or self.terms.output or None,
        )
        cursor = connection.cursor()
        try:
            cursor.execute(sql)
            self.queries += 1
            self.scanned += int(cursor.data_scanned_in_bytes or 0)
            names = [column[0] for column in cursor.description]
            return _frame(cursor.fetchall(), names)
        except pyathena.error.Error as error:
            raise GuardError("Athena refused the query.", why=str(error)[:500]) from error
        finally:
            cursor.close()

    @property
    def cost_usd(self) -> Decimal:
        """What the queries so far cost, USD, by the bytes Athena said it read."""
        return cost_of(self.scanned, self.terms.usd_per_tb) if self.queries else Decimal(0)


@dataclass(frozen=True)
class _Session:
    """What PyAthena needs of a boto3 session, with the account's own checked and counted clients."""

    account: Caller
    region_name: str | None

    def client(self, service_name: str, region_name: str | None = None, **_config: Any) -> Any:
        """A client of the account."""
        return self.account.client(service_name, region_name or self.region_name)


def count(
    engine: Engine,
    logs: Logs | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    *,
    by: Sequence[str] = (),
    catalogue: Catalogue | None = None,
    kept: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Distinct calls by day (`evidence.tuples.TUPLES`), counted by an engine.

    Args:
        engine: where.
        logs: the relation that holds the records; by default `cloudtrail_logs` without partitions.
        start: first instant wanted (UTC, aware).
        end: first instant no longer wanted.
        by: columns added to the key: source_ip, vpc_endpoint.
        catalogue: models known; by default the shipped catalogue.
        kept: what opaque profile ARNs stand for.

    Raises:
        GuardError: the engine is not there or refused, or what it gave are no tuples.
    """
    where = logs or Logs()
    raw = engine.run(translated(definition(where, start, end, by), engine.dialect))
    missing = [name for name in (*RAW, *by, *MEASURES) if name not in raw.columns]
    if missing:
        raise GuardError(f"{engine.name} gave no tuples.", why=f"{', '.join(missing)} are missing.")
    frame = from_raw(raw, by=by, catalogue=catalogue, kept=kept)
    cost, queries = (engine.cost_usd, engine.queries) if isinstance(engine, Athena) else (Decimal(0), 0)
    proof = Provenance(
        source=f"{where.name}, counted by {engine.name}",
        window_start=start,
        window_end=end,
        requests=queries,
        request_cost_usd=cost,
        completeness="floor",
        why=_FLOOR,
    )
    return with_provenance(frame, proof)


def _frame(rows: Sequence[Sequence[Any]], names: Sequence[str]) -> pd.DataFrame:
    """Rows as they came: a count beside an unknown one stays a whole number."""
    return pd.DataFrame([tuple(row) for row in rows], columns=list(names), dtype="object")


def _extra(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise GuardError(
            f"{module.partition('.')[0]} is not installed.", remedy=f"pip install 'bedrock-guard[{extra}]'"
        ) from error
