"""A cost export (CUR 2.0 or FOCUS 1.2; Parquet, CSV or CSV.gz) -> the same bill, with the caller where it is exported.

Nothing is filtered by service code alone, which loses Marketplace models, nor by principal, which loses lines without
one. Amounts that Parquet holds as floating point are rounded to ten decimals line by line, then added exactly; of
others eighteen decimals are read. Lines that stand twice, and lines without a day, make the bill unknown, and say so.

https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html,
https://focus.finops.org/focus-specification/v1-2/
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

import duckdb
import pandas as pd

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.reconcile import ControlTotal
from bedrock_guard.evidence.tables import BILL, Provenance, Table, column, dollars, with_provenance
from bedrock_guard.evidence.usage_types import split
from bedrock_guard.evidence.words import many

Form = Literal["CUR 2.0", "FOCUS 1.2"]

CALLER_BILL: Final = Table("bill by caller", {**BILL.columns, "principal": "string", "resource_id": "string"})
"""BILL with the caller as exported (an IAM ARN; NA where the line has none) and the resource."""

SERVICES: Final[Mapping[str, str]] = {
    "AmazonBedrock": "Amazon Bedrock",
    "AmazonBedrockService": "Amazon Bedrock Service",
    "AmazonBedrockAgentCore": "Amazon Bedrock AgentCore",
    "AmazonBedrockFoundationModels": "Amazon Bedrock Foundation Models",
}
"""CUR's product codes and how Cost Explorer calls them."""

SUFFIXES: Final = (".parquet", ".csv.gz", ".csv")
_PERIOD: Final = re.compile(r"(?:^|/)billing_period=(?P<month>\d{4}-\d{2})(?:/|$)", re.IGNORECASE)
_EXECUTION: Final = re.compile(r"(?P<partition>.*/)(?P<execution>\d{8}T\d{6}Z-[^/]+)/[^/]+", re.DOTALL)
_EXACT, _ROUNDED = "DECIMAL(38, 18)", "DECIMAL(38, 10)"
_TIME: Final = "TIMESTAMPTZ"
_SETTINGS: Final = "SET TimeZone = 'UTC'; SET disabled_optimizers = 'statistics_propagation'"
"""A day is a UTC day whatever the machine's zone is. DuckDB 2.0 takes TRY_CAST of a Parquet column without nulls to
give none, and then counts amounts that are NaN as read."""


class ExportError(GuardError):
    """Files that are no cost export, or cannot be read."""


@dataclass(frozen=True, slots=True)
class ExportReading:
    """A bill out of an export.

    Args:
        frame: CALLER_BILL, one line per day and combination of its other columns.
        control: the ungrouped sum of the same lines, asked of the files a second time; None in several currencies.
        form: which export it is.
        files: how many files were read.
    """

    frame: pd.DataFrame
    control: ControlTotal
    form: Form
    files: int


def read_export(
    path: str | Path, *, now: datetime | None = None, months: Collection[str] = ()
) -> ExportReading:
    """The Bedrock lines of an export: a file, or every file under a folder.

    Args:
        path: the folder or file.
        now: when it is read; by default the machine's clock.
        months: only these billing periods ("2026-10"), by the names of their folders; by default all.

    Raises:
        ExportError: there is no such file, or its columns are those of no known export.
    """
    files = [name for name in _files(Path(path)) if in_months(name, months)]
    if not files:
        raise ExportError(f"There is nothing for {', '.join(months)} at {path}.", remedy="Name other months.")
    connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})
    try:
        connection.execute(_SETTINGS)
        lines = _relation(connection, files)
        form = _form(lines.columns)
        head = _Header.of(lines)
        sql = _cur(head) if form == "CUR 2.0" else _focus(head)
        lines.create_view("export")
        connection.execute(f"CREATE TEMP VIEW bill AS {sql}")
        found = connection.sql(_GROUPED).to_arrow_table().to_pandas()
        sums = connection.sql("SELECT currency, sum(cost) FROM bill GROUP BY currency").fetchall()
        wrong = connection.sql(_WRONG).fetchall()[0]
    except duckdb.Error as error:
        raise ExportError("The export cannot be read.", why=str(error).splitlines()[0][:300]) from error
    finally:
        connection.close()
    said = _doubted(Provenance(form, asked_at=now or datetime.now(UTC)), *wrong)
    return ExportReading(with_provenance(_frame(found), said), _control(sums, said), form, len(files))


def _files(path: Path) -> list[str]:
    found = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    named = latest(
        file.as_posix() for file in found if file.name.lower().endswith(SUFFIXES) and file.exists()
    )
    if not named:
        raise ExportError(
            f"There is no cost export at {path}.",
            why="No file there ends in .parquet, .csv or .csv.gz.",
            remedy="Name the folder that the data export writes to, downloaded.",
        )
    return named


def in_months(name: str, months: Collection[str]) -> bool:
    """Whether a file lies in the folder of one of these billing periods; every file where no month is asked for.

    Example:
        >>> in_months("cur/data/BILLING_PERIOD=2026-10/a.parquet", ["2026-10"]), in_months("a.csv", ["2026-10"])
        (True, False)
    """
    period = _PERIOD.search(name)
    return not months or (period is not None and period["month"] in months)


def latest(files: Iterable[str]) -> list[str]:
    """The files of the newest execution of every partition: an export that keeps its refreshes repeats every line.

    Example:
        >>> latest(["d/P=1/20261001T000000Z-a/1.csv", "d/P=1/20261002T000000Z-b/1.csv", "d/P=2/1.csv"])
        ['d/P=1/20261002T000000Z-b/1.csv', 'd/P=2/1.csv']
    """
    listed = [(name, _EXECUTION.fullmatch(name)) for name in files]
    newest: dict[str, str] = {}
    for _, found in listed:
        if found:
            newest[found["partition"]] = max(newest.get(found["partition"], ""), found["execution"])
    return [name for name, found in listed if not found or newest[found["partition"]] == found["execution"]]


def _relation(connection: duckdb.DuckDBPyConnection, files: Sequence[str]) -> duckdb.DuckDBPyRelation:
    kinds = {name.lower().endswith(".parquet") for name in files}
    if len(kinds) > 1:
        raise ExportError("Parquet and CSV files are mixed.", remedy="Name a folder that holds one export.")
    if kinds.pop():
        return connection.sql(
            "FROM read_parquet($files, union_by_name = true)", params={"files": list(files)}
        )
    reader = "FROM read_csv($files, header = true, all_varchar = true, union_by_name = true)"
    return connection.sql(reader, params={"files": list(files)})


def _form(columns: Sequence[str]) -> Form:
    have = {name.lower() for name in columns}
    forms: Mapping[Form, set[str]] = {
        "CUR 2.0": {"line_item_usage_type", "line_item_unblended_cost", "line_item_usage_start_date"},
        "FOCUS 1.2": {"billedcost", "chargeperiodstart", "servicename"},
    }
    found = [form for form, names in forms.items() if names <= have]
    if len(found) > 1:
        raise ExportError("A CUR 2.0 and a FOCUS 1.2 export lie there together.", remedy="Name one of them.")
    if found:
        return found[0]
    raise ExportError(
        "These files are neither a CUR 2.0 nor a FOCUS 1.2 export.",
        why="line_item_usage_type and line_item_unblended_cost, or BilledCost and ServiceName, are not there.",
    )


@dataclass(frozen=True, slots=True)
class _Header:
    """The columns of an export: their names by their lower-case form, and their types."""

    names: Mapping[str, str]
    types: Mapping[str, str]

    @classmethod
    def of(cls, lines: duckdb.DuckDBPyRelation) -> _Header:
        types = {name.lower(): str(kind) for name, kind in zip(lines.columns, lines.types, strict=True)}
        return cls({name.lower(): name for name in lines.columns}, types)

    def one(self, name: str, kind: str = "VARCHAR") -> str:
        """The column, or a NULL of that type where the export was made without it."""
        own = self.names.get(name.lower())
        return f"CAST(NULL AS {kind})" if own is None else f'TRY_CAST("{own}" AS {kind})'

    def money(self, name: str) -> str:
        """An amount; a floating point number has no more than ten decimals worth reading."""
        rounded = self.types.get(name.lower()) in ("DOUBLE", "FLOAT")
        return self.one(name, _ROUNDED if rounded else _EXACT)

    def unset(self, name: str) -> str:
        """Whether a column that there is stands empty."""
        return (
            f"nullif({self.one(name)}, '') IS NULL" if name.lower() in self.names else "CAST(NULL AS BOOLEAN)"
        )

    def product_name(self) -> str:
        """The name of a Marketplace product: a map in Parquet, JSON in CSV, a column of its own in old exports."""
        if self.types.get("product", "").startswith("MAP"):
            return "CAST(product['product_name'] AS VARCHAR)"
        if "product" in self.names:
            return "CASE WHEN json_valid(product) THEN json_extract_string(product, '$.product_name') END"
        return self.one("product_product_name")

    def identity(self) -> str:
        """What no two lines of a CUR have in common; NULL where the export was made without it."""
        if "identity_line_item_id" not in self.names:
            return "CAST(NULL AS VARCHAR)"
        parts = ("identity_line_item_id", "identity_time_interval", "bill_billing_period_start_date")
        said = ", ".join(f"coalesce({self.one(name)}, '')" for name in parts)
        return f"CASE WHEN {self.one(parts[0])} <> '' THEN concat_ws('|', {said}) END"


def _cur(head: _Header) -> str:
    one = head.one
    names = " ".join(f"WHEN '{code}' THEN '{name}'" for code, name in SERVICES.items())
    description = one("line_item_line_item_description")
    return f"""
        SELECT date_trunc('day', {one("line_item_usage_start_date", _TIME)}) AS day,
            {one("line_item_usage_account_id")} AS account_id,
            coalesce({one("product_region_code")}, {one("product_region")}) AS region,
            CASE {one("line_item_product_code")} {names} ELSE coalesce(name, {one("line_item_product_code")}) END
                AS service,
            {one("line_item_usage_type")} AS usage_type,
            {one("line_item_operation")} AS operation,
            {one("line_item_line_item_type")} AS record_type,
            {head.money("line_item_usage_amount")} AS quantity,
            CASE WHEN {description} ILIKE '%|%million%' THEN '1M tokens' ELSE {one("pricing_unit")} END AS unit,
            {head.money("line_item_unblended_cost")} AS cost,
            {one("line_item_currency_code")} AS currency,
            {head.unset("bill_invoice_id")} AS estimated,
            {one("line_item_iam_principal")} AS principal,
            {one("line_item_resource_id")} AS resource_id,
            {head.identity()} AS identity
        FROM (SELECT *, {head.product_name()} AS name FROM export)
        WHERE {one("line_item_product_code")} ILIKE '%bedrock%' OR name ILIKE '%bedrock%'
            OR ({one("bill_billing_entity")} = 'AWS Marketplace' AND {one("line_item_operation")} LIKE 'InvokeModel%')
    """  # noqa: S608 - column names of the file are looked up, never pasted from its contents


def _focus(head: _Header) -> str:
    one = head.one
    usage_type = f"coalesce({one('x_UsageType')}, {one('SkuMeter')}, '')"
    return f"""
        SELECT date_trunc('day', {one("ChargePeriodStart", _TIME)}) AS day,
            {one("SubAccountId")} AS account_id,
            {one("RegionId")} AS region,
            coalesce(nullif({one("ServiceName")}, ''), nullif({one("x_ServiceCode")}, ''), {one("PublisherName")})
                AS service,
            {usage_type} AS usage_type,
            {one("x_Operation")} AS operation,
            {one("ChargeCategory")} AS record_type,
            coalesce({head.money("PricingQuantity")}, {head.money("ConsumedQuantity")}) AS quantity,
            coalesce({one("PricingUnit")}, {one("ConsumedUnit")}) AS unit,
            {head.money("BilledCost")} AS cost,
            {one("BillingCurrency")} AS currency,
            {head.unset("InvoiceId")} AS estimated,
            CAST(NULL AS VARCHAR) AS principal,
            {one("ResourceId")} AS resource_id,
            CAST(NULL AS VARCHAR) AS identity
        FROM export
        WHERE {one("ServiceName")} ILIKE '%bedrock%' OR {one("x_ServiceCode")} ILIKE '%bedrock%'
            OR (coalesce({one("ServiceName")}, '') = '' AND {one("x_Operation")} LIKE 'InvokeModel%')
    """  # noqa: S608 - column names of the file are looked up, never pasted from its contents


_GROUPED: Final = """
    SELECT day, account_id, region, service, usage_type, operation, record_type, unit, currency, estimated, principal,
        resource_id, sum(quantity) AS quantity, sum(cost) AS cost,
        count(*) - count(cost) AS unread, count(*) - count(quantity) AS unmetered
    FROM bill GROUP BY ALL ORDER BY ALL
"""
_WRONG: Final = """
    SELECT (SELECT count(*) FROM bill WHERE day IS NULL),
        coalesce(sum(copies - 1), 0), coalesce(sum((copies - 1) * cost), 0)
    FROM (
        SELECT count(*) AS copies, cost FROM bill WHERE identity IS NOT NULL
        GROUP BY cost, identity, account_id, usage_type, record_type, principal, resource_id, quantity HAVING copies > 1
    )
"""
"""How many lines have no day; how many stand there again, and their dollars."""


def _doubted(said: Provenance, dayless: int, copies: int, cost: Decimal) -> Provenance:
    """What keeps the lines of an export from being a bill: a line's identity is its own.

    https://docs.aws.amazon.com/cur/latest/userguide/Lidentity-columns.html
    """
    if dayless:
        said = said.lowered("unknown", f"{many(dayless, 'line has', 'lines have')} no day that can be read")
    if copies:
        again = (
            f"{many(copies, 'line stands', 'lines stand')} there again ({dollars(cost)}), by their identity"
        )
        said = said.lowered("unknown", f"{again}; perhaps a billing period lies there twice")
    return said


def _frame(found: pd.DataFrame) -> pd.DataFrame:
    """The grouped rows in the types of CALLER_BILL; an amount that could not be read makes its line unknown."""
    data: dict[str, pd.Series[Any]] = {}
    for name, dtype in CALLER_BILL.columns.items():
        values = list(found[name]) if name in found else [None] * len(found)
        data[name] = column([None if pd.isna(value) else value for value in values], dtype)
    frame = pd.DataFrame(data)
    frame["cost"] = frame["cost"].where(found["unread"] == 0, None)
    frame["quantity"] = frame["quantity"].where(found["unmetered"] == 0, None)
    prefixes = [split(str(usage)).region for usage in frame["usage_type"].fillna("")]
    frame["region"] = frame["region"].fillna(pd.Series(prefixes, dtype="string"))
    return frame


def _control(sums: Sequence[tuple[str | None, Decimal | None]], said: Provenance) -> ControlTotal:
    if not sums:
        return ControlTotal(Decimal(0), None, said)
    if len(sums) > 1 or sums[0][1] is None:
        return ControlTotal(
            None, None, said.lowered("unknown", "the export holds several currencies, or no amount")
        )
    return ControlTotal(sums[0][1], sums[0][0], said)
