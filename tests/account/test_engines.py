"""One definition, several engines: the same tuples as reading every record."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pytest
import sqlglot
from other_readers import DuckDB
from sqlglot import exp
from trail_maker import make_trail

from bedrock_guard.account.engines import Athena, Cursor, Spark, athena_terms, count, trino
from bedrock_guard.account.trail_relation import table_ddl
from bedrock_guard.account.trail_store import TrailStore
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.aggregate import MEASURES, RAW, Logs, definition, translated
from bedrock_guard.evidence.tables import provenance_of
from bedrock_guard.evidence.tuples import TUPLES

START, END = datetime(2026, 10, 1, 6, tzinfo=UTC), datetime(2026, 10, 2, 18, tzinfo=UTC)
ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/dev"
DENIED = (
    "User: arn:aws:sts::111122223333:assumed-role/dev/{} is not authorized to perform: bedrock:InvokeModel"
)
NO_ACCESS = "You don't have access to the model with the specified model ID."
WHO: list[Any] = [
    {"type": "AssumedRole", "arn": f"{ROLE}/x", "sessionContext": {"sessionIssuer": {"arn": ROLE}}},
    {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/BedrockAPIKey-1", "userName": "BedrockAPIKey-1"},
    {"type": "IAMUser", "accountId": ACCOUNT, "userName": "no-arn", "accessKeyId": "ACCAEXAMPLE123456"},
    {"type": "Root", "accountId": ACCOUNT},
    {"type": "IdentityCenterUser", "onBehalfOf": {"userId": "u-1"}, "accountId": ACCOUNT},
    {
        "type": "AssumedRole",
        "principalId": "AROAEXAMPLE:ana",
        "accountId": ACCOUNT,
        "accessKeyId": "ASIAX1234567",
    },
    {"accountId": ACCOUNT, "invokedBy": "ec2.amazonaws.com"},
    {"type": "AWSService", "invokedBy": "bedrock.amazonaws.com"},
    None,
]
EXTRA: list[Any] = [
    None,
    {"callWithBearerToken": True, "inputTokens": 5, "outputTokens": 7},
    {"callWithBearerToken": "true", "inputTokens": "12", "outputTokens": 3.0},
    {"inputTokens": -1, "outputTokens": "many", "inferenceRegion": "eu-west-1"},
    {"inputTokens": 9},
]
ASKED: list[tuple[str, str, Any]] = [
    ("bedrock.amazonaws.com", "Converse", {"modelId": "us.anthropic.claude-sonnet-4-6", "prompt": "hidden"}),
    ("bedrock.amazonaws.com", "InvokeModel", None),
    ("bedrock.amazonaws.com", "GetFoundationModel", {"modelIdentifier": "amazon.nova-pro-v1:0"}),
    (
        "bedrock-mantle.amazonaws.com",
        "CreateInference",
        {"model": "x.y-1", "callWithBearerToken": True, "bearerTokenType": "SHORT_TERM"},
    ),
    ("ec2.amazonaws.com", "RunInstances", {"instanceType": "p5.48xlarge", "clientToken": "t"}),
    ("ec2.amazonaws.com", "DescribeInstances", {}),
    ("kms.amazonaws.com", "Decrypt", None),
]
REFUSED: list[dict[str, Any]] = [
    {},
    {"errorCode": "AccessDenied", "errorMessage": DENIED.format("ana")},
    {"errorCode": "AccessDenied", "errorMessage": DENIED.format("bob")},
    {"errorCode": "ValidationException", "errorMessage": NO_ACCESS},
    {"errorCode": "ThrottlingException"},
]  # fmt: skip


def odd_records() -> list[dict[str, Any]]:
    """Every caller, marker, request and refusal in turn."""
    records = []
    for number in range(630):
        source, name, request = ASKED[number % len(ASKED)]
        records.append(
            {
                "eventTime": f"2026-10-0{1 + number % 2}T{number % 24:02}:00:0{number % 10}Z",
                "eventSource": source,
                "eventName": name,
                "eventID": f"event-{number}",
                "awsRegion": "eu-central-1" if number % 2 else "us-east-1",
                "recipientAccountId": ACCOUNT if number % 3 else None,
                "userIdentity": WHO[number % len(WHO)],
                "requestParameters": request,
                "additionalEventData": EXTRA[number % len(EXTRA)],
                "userAgent": ["Boto3/1.40.1", "claude-cli/2.0.31 (external, cli)", None][number % 3],
                "sourceIPAddress": f"10.0.0.{number % 4}",
                "eventType": "AwsServiceEvent" if number % 50 == 49 else "AwsApiCall",
                **REFUSED[number // 5 % len(REFUSED)],
            }
        )
    return [*records, records[0], records[1]]


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_trail(tmp_path_factory.mktemp("trail"), 2000, days=2).root
    day = root / "AWSLogs" / ACCOUNT / "CloudTrail" / "us-east-1" / "2026" / "10" / "02"
    day.mkdir(parents=True)
    name = f"{ACCOUNT}_CloudTrail_us-east-1_20261002T0005Z_Odd.json.gz"
    (day / name).write_bytes(
        gzip.compress(json.dumps({"Records": odd_records()}, separators=(",", ":")).encode())
    )
    digest = root / "AWSLogs" / ACCOUNT / "CloudTrail-Digest" / "us-east-1"
    digest.mkdir(parents=True)
    (digest / "d.json.gz").write_bytes(gzip.compress(b'{"digestStartTime":"x"}'))
    return root


@pytest.fixture(scope="module")
def stored(trail: Path, tmp_path_factory: pytest.TempPathFactory) -> TrailStore:
    store = TrailStore(tmp_path_factory.mktemp("store"))
    store.refresh(trail)
    return store


def decided(tuples: pd.DataFrame) -> pd.DataFrame:
    """Those of the services that the definition counts."""
    known = tuples["service"].str.startswith(("bedrock", "ec2"))
    return tuples[known].reset_index(drop=True)


@pytest.mark.parametrize("window", [(None, None), (START, END)], ids=["all", "window"])
@pytest.mark.parametrize("by", [(), ("source_ip",), ("source_ip", "vpc_endpoint")], ids=len)
def test_counting_by_sql_gives_the_tuples_of_the_store(
    trail: Path, stored: TrailStore, window: tuple[Any, Any], by: tuple[str, ...]
) -> None:
    counted = count(DuckDB(trail), None, *window, by=by)
    pd.testing.assert_frame_equal(counted, decided(stored.tuples(*window, by=by)))
    assert set(TUPLES.columns) <= set(counted.columns)
    assert counted["key_kind"].nunique() >= 3
    assert counted["calls"].sum() > 400
    assert provenance_of(counted).completeness == "floor"


def test_opaque_models_are_resolved_by_what_is_kept(trail: Path) -> None:
    arn = "arn:aws:bedrock:us-east-1:000000000011:application-inference-profile/abc123def456"
    counted = count(DuckDB(trail), kept={arn: "us.anthropic.claude-sonnet-4-6"})
    assert set(counted.loc[counted["model_raw"] == arn, "model"]) == {"anthropic.claude-sonnet-4-6"}


def digest_of(raw: pd.DataFrame) -> str:
    rows = raw[[*RAW, *MEASURES]].astype("object")
    texts = sorted(
        json.dumps(list(row), default=str) for row in rows.where(rows.notna(), None).values.tolist()
    )
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    if find_spec("pyspark") is None:
        pytest.skip("pyspark is not installed (extra spark)")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    for name, value in (
        ("spark.driver.bindAddress", "127.0.0.1"),
        ("spark.driver.host", "127.0.0.1"),
        ("spark.sql.shuffle.partitions", "2"),
        ("spark.log.level", "ERROR"),
    ):
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


def test_spark_and_duckdb_give_equal_hashes(trail: Path, spark: Any) -> None:
    sql = definition(Logs(), START, END)
    engines = (DuckDB(trail), Spark.over(spark, str(trail)))
    digests = {engine.name: digest_of(engine.run(translated(sql, engine.dialect))) for engine in engines}
    assert len(set(digests.values())) == 1, digests
    pd.testing.assert_frame_equal(count(engines[0], None, START, END), count(engines[1], None, START, END))


# The text that is sent --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["athena", "trino", "duckdb", "spark"])
def test_every_dialect_takes_its_translation(dialect: str) -> None:
    text = translated(definition(Logs("db.logs", "timestamp"), START, END, ["source_ip"]), dialect)
    tree = sqlglot.parse_one(text, read=dialect)
    assert isinstance(tree, exp.Select)
    assert [one.alias_or_name for one in tree.selects] == [*RAW, "source_ip", *MEASURES]


def test_athena_reads_only_the_days_asked() -> None:
    text = translated(definition(Logs("db.logs", "timestamp"), START, END), "athena")
    assert "\"timestamp\" >= '2026/09/30'" in text
    assert "\"timestamp\" <= '2026/10/03'" in text
    assert "eventtime >= '2026-10-01T06:00:00Z'" in text
    assert "timestamp" not in definition(Logs(), START, END)


@pytest.mark.parametrize("name", ["logs; DROP TABLE x", "a.b.c.d", "", 'x"', "1x"])
def test_a_name_is_a_name(name: str) -> None:
    with pytest.raises(GuardError, match="no name"):
        Logs(name)


def test_only_known_columns_and_zoned_times() -> None:
    with pytest.raises(GuardError, match="not told apart"):
        definition(Logs(), by=["eventid"])
    with pytest.raises(GuardError, match="time zone"):
        definition(Logs(), datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused
    assert "onbehalfof" not in definition(Logs(on_behalf_of=False))


def test_the_table_of_an_organization_needs_no_loading() -> None:
    text = table_ddl(
        "s3://logs/AWSLogs/o-example/",
        [ACCOUNT, "123456789012"],
        ["us-east-1", "eu-west-1"],
        date(2025, 1, 1),
    )
    tree = sqlglot.parse_one(text, read="athena")
    assert isinstance(tree, exp.Create)
    columns = {column.name for column in tree.find_all(exp.ColumnDef)}
    asked = sqlglot.parse_one(definition(Logs(), START, END, ["source_ip", "vpc_endpoint"]), read="trino")
    inner = asked.find(exp.CTE)
    assert inner
    used = {one.parts[0].name for one in inner.find_all(exp.Column)}
    assert used <= columns | {"useridentity"}
    assert "'projection.account.values'='111122223333,123456789012'" in text.replace(" = ", "=")
    assert "${account}/CloudTrail/${region}/${day}'" in text


@pytest.mark.parametrize(
    ("location", "accounts", "regions"),
    [
        ("s3://logs/AWSLogs/' TBLPROPERTIES ('x", [ACCOUNT], ["us-east-1"]),
        ("s3://logs/elsewhere/", [ACCOUNT], ["us-east-1"]),
        ("s3://logs/AWSLogs/", ["1'"], ["us-east-1"]),
        ("s3://logs/AWSLogs/", [ACCOUNT], ["'"]),
        ("s3://logs/AWSLogs/", [], ["us-east-1"]),
    ],
)
def test_a_table_of_nothing_is_refused(location: str, accounts: list[str], regions: list[str]) -> None:
    with pytest.raises(GuardError, match="No trail lies"):
        table_ddl(location, accounts, regions, date(2025, 1, 1))


# Athena -----------------------------------------------------------------------------------------------------------


class Mocked:
    """An account whose Athena and S3 are moto's."""

    def client(self, service: str, region: str | None = None) -> Any:
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        return boto3.client(service, region_name=region or "us-east-1", **keys)


@pytest.fixture
def account() -> Iterator[Any]:
    for needed, extra in (("moto", "test"), ("pyathena", "test")):
        if find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed (extra {extra})")
    from moto import mock_aws

    with mock_aws():
        made = Mocked()
        made.client("s3").create_bucket(Bucket="results")
        yield made


def limited(account: Any, limit: int | None = 10**12) -> None:
    configuration: dict[str, Any] = {"ResultConfiguration": {"OutputLocation": "s3://results/out/"}}
    if limit:
        configuration["BytesScannedCutoffPerQuery"] = limit
    account.client("athena").create_work_group(Name="guard", Configuration=configuration)


def queue(raw: pd.DataFrame) -> None:
    """Moto runs no SQL: what Athena would answer is given to it before."""
    from moto.athena.models import QueryResults, athena_backends

    backend = athena_backends["123456789012"]["us-east-1"]
    texts = [[None if pd.isna(value) else str(value) for value in row] for row in raw.values.tolist()]
    rows = [list(raw.columns), *texts]
    data = [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in rows]
    kinds = ["bigint" if name in MEASURES[:4] else "varchar" for name in raw.columns]
    info = [
        {"CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": name, "Label": name, "Type": kind}
        | {"Precision": 0, "Scale": 0, "Nullable": "UNKNOWN", "CaseSensitive": True}
        for name, kind in zip(raw.columns, kinds, strict=True)
    ]
    backend.query_results_queue.append(QueryResults(data, info))


def test_athena_is_sent_the_definition_and_gives_the_tuples(account: Any, trail: Path) -> None:
    limited(account)
    terms = athena_terms(account, "guard")
    assert str(terms) == "workgroup guard: at most 1,000.0 GB a query, $5 per terabyte scanned: at most $5.00"
    logs = Logs("cloudtrail_logs", "day")
    queue(DuckDB(trail).run(translated(definition(Logs(), START, END), "duckdb")))
    engine = Athena(account, terms, database="security", region="us-east-1")
    counted = count(engine, logs, START, END)
    pd.testing.assert_frame_equal(counted, count(DuckDB(trail), None, START, END))
    client = account.client("athena")
    (query,) = client.list_query_executions(WorkGroup="guard")["QueryExecutionIds"]
    ran = client.get_query_execution(QueryExecutionId=query)["QueryExecution"]
    assert ran["Query"] == translated(definition(logs, START, END), "athena")
    assert ran["QueryExecutionContext"]["Database"] == "security"
    assert provenance_of(counted).request_cost_usd == engine.cost_usd >= Decimal("0.00005")


def test_no_query_runs_where_nothing_bounds_its_cost(account: Any) -> None:
    limited(account, None)
    terms = athena_terms(account, "guard")
    assert terms.most_usd is None
    assert "the cost has no bound" in str(terms)
    with pytest.raises(GuardError, match="no scan limit"):
        count(Athena(account, terms, region="us-east-1"))
    assert account.client("athena").list_query_executions(WorkGroup="guard")["QueryExecutionIds"] == []


def test_a_workgroup_that_cannot_be_read_is_no_workgroup_without_limit(account: Any) -> None:
    with pytest.raises(GuardError):
        athena_terms(account, "another")


class Rows:
    """A DB-API connection that gives rows, as the trino client's does."""

    def __init__(self, rows: list[tuple[Any, ...]], names: tuple[str, ...]) -> None:
        self.rows, self.description = rows, [(name, None) for name in names]
        self.sent: list[str] = []

    def cursor(self) -> Rows:
        return self

    def execute(self, sql: str) -> None:
        self.sent.append(sql)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.rows

    def close(self) -> None:
        self.sent.append("closed")


def test_any_dbapi_connection_will_do(trail: Path) -> None:
    raw = DuckDB(trail).run(translated(definition(Logs()), "duckdb"))
    connection = Rows(list(raw.itertuples(index=False, name=None)), tuple(raw.columns))
    counted = count(Cursor(connection, "trino", "Trino"))
    pd.testing.assert_frame_equal(counted, count(DuckDB(trail)))
    assert connection.sent == [translated(definition(Logs()), "trino"), "closed"]


def test_rows_of_another_shape_are_no_tuples() -> None:
    with pytest.raises(GuardError, match="gave no tuples"):
        count(Cursor(Rows([(1,)], ("x",)), "trino", "Trino"))


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "trino.dbapi", None)
    with pytest.raises(GuardError, match="trino is not installed"):
        trino(host="127.0.0.1")


def test_a_folder_without_deliveries_is_no_empty_trail(tmp_path: Path) -> None:
    with pytest.raises(GuardError, match="no delivered"):
        count(DuckDB(tmp_path))
