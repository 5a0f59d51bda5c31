"""The commands over a trail where it is: in S3 or counted by Athena (both moto), and replayed from either."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pytest
from botocore.exceptions import ClientError
from loopback_s3 import connected, put_files, s3_server
from other_readers import DuckDB
from trail_maker import make_trail
from tuple_maker import tuples_of
from typer.testing import CliRunner

from bedrock_guard.account.engines import count
from bedrock_guard.account.permissions import TRAIL_BUCKET, trail_document
from bedrock_guard.account.session import Account
from bedrock_guard.account.situation import example_spec, look
from bedrock_guard.account.stored_calls import calls_at, key_calls_at
from bedrock_guard.account.trail import read_parquet
from bedrock_guard.account.trail_s3 import Scope, refresh_from_s3
from bedrock_guard.account.trail_store import TrailStore
from bedrock_guard.account.tuple_files import read_table, write_tuples
from bedrock_guard.boundary.builder import build
from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.cli import app
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.aggregate import MEASURES, Logs, definition, translated
from bedrock_guard.evidence.replay import Reach
from bedrock_guard.evidence.tables import provenance_of

START, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 4, tzinfo=UTC)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
DOCS = Path(__file__).parent.parent.parent / "docs/policies"


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_trail(tmp_path_factory.mktemp("trail"), 2000, days=3).root


@pytest.fixture(scope="module")
def endpoint(trail: Path) -> Iterator[str]:
    """An S3 that holds the trail below `logs/`, and what lies beside a trail."""
    with s3_server("trail") as served:
        for name in put_files(served.client, "trail", trail, "logs/"):
            digest = name.replace("/CloudTrail/", "/CloudTrail-Digest/")
            body = gzip.compress(b'{"digestStartTime": "x"}')
            served.client.put_object(Bucket="trail", Key=digest, Body=body)
        yield served.endpoint


@pytest.fixture
def account(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Account:
    """The account that every command opens: somebody who may read the bucket."""
    made = connected(endpoint, monkeypatch)
    for place in ("session", "replayed"):
        monkeypatch.setattr(f"bedrock_guard.account.{place}.open_account", lambda *_: made)
    return made


def run(*words: object) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a command."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(done.exception, GuardError):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def last(text: str) -> Any:
    return json.loads(text.splitlines()[-1])


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "guard.toml"
    path.write_text(example_spec().dumps(), encoding="utf-8")
    return path


DAYS = ("--since", "2026-10-01", "--until", "2026-10-03")


def test_a_bucket_reads_as_its_copy_does_and_is_fetched_once(
    account: Account, trail: Path, tmp_path: Path
) -> None:
    out, copy, kept = tmp_path / "calls.parquet", tmp_path / "copy.parquet", tmp_path / "store"
    _code, copied, _said = run("calls", trail, "--out", copy)
    code, first, said = run("calls", "s3://trail/logs", "--store", kept, "--out", out, *DAYS)
    assert code == 0
    assert last(first) == last(copied)
    pd.testing.assert_frame_equal(read_parquet(out).frame, read_parquet(copy).frame)
    assert "requests to S3, about $0.0" in said
    assert said.count("digest and insight files are no records") > 0
    _code, again, said = run("calls", "s3://trail/logs", "--store", kept, *DAYS)
    assert "0 new file(s) read" in said
    assert again == first


def test_an_analysis_takes_its_calls_from_a_bucket_a_copy_or_a_store(
    account: Account, trail: Path, tmp_path: Path
) -> None:
    run("calls", trail, "--store", tmp_path / "store")
    places = ("s3://trail/logs", trail, tmp_path / "store")
    first, *others = (calls_at(place, START, END, account) for place in places)
    assert len(first) > 100
    for other in others:
        pd.testing.assert_frame_equal(first, other, check_like=True)
    found = [key_calls_at(place, START, END, Account.demo()) for place in places[1:]]
    assert found[0][1] == found[1][1] != ()
    with pytest.raises(GuardError, match="no folder or file"):
        calls_at(tmp_path / "empty", START, END, account)


def test_only_the_days_accounts_and_regions_asked(account: Account, trail: Path, tmp_path: Path) -> None:
    one = ("--since", "2026-10-02", "--until", "2026-10-02")
    out = tmp_path / "calls.parquet"
    _code, said, _ = run("calls", "s3://trail/logs", "--out", out, *one, "--only", "us-east-1")
    counts, frame = last(said), read_parquet(out).frame
    assert counts["records"] == counts["rows"] + sum(counts["left_out"].values())
    assert set(frame["region"]) == {"us-east-1"}
    assert set(frame["event_time"].dt.strftime("%Y-%m-%d")) == {"2026-10-02"}
    number = next(trail.rglob("2026/10/02/*")).name[:12]
    _code, said, _ = run("calls", "s3://trail/logs", "--out", out, *one, "--only", number)
    assert set(read_parquet(out).frame["account_id"]) == {number}


def test_a_bucket_is_replayed_as_its_copy_is(
    account: Account, trail: Path, tmp_path: Path, spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bedrock_guard.account.session.SystemClock.now", lambda _: NOW)
    run("calls", trail, "--store", tmp_path / "store")
    code, kept, _ = run("replay", spec, "--calls", tmp_path / "store")
    assert code == 0
    assert last(kept)["calls"] > 0
    for place in (trail, "s3://trail/logs"):
        _code, here, _ = run("replay", spec, "--calls", place, "--days", 90)
        assert last(here) == last(kept)


def test_what_cannot_be_fetched_lowers_what_is_said(account: Account, tmp_path: Path) -> None:
    client = account.client("s3")
    client.meta.events.register("before-call.s3.GetObject", refuse)
    out = tmp_path / "calls.parquet"
    _code, said, aside = run("calls", "s3://trail/logs", "--out", out, *DAYS)
    assert last(said) == {"records": 0, "rows": 0, "left_out": {}}
    assert "set aside: logs/AWSLogs/" in aside
    assert "could not be read, such as logs/" in provenance_of(read_parquet(out).frame).why


def test_a_place_without_records_is_no_empty_history(account: Account, tmp_path: Path, spec: Path) -> None:
    for place in (tmp_path / "nothing", "s3://trail/elsewhere", "s3://trail/logs"):
        (tmp_path / "nothing").mkdir(exist_ok=True)
        with pytest.raises(GuardError, match="no files of a trail"):
            run("replay", spec, "--calls", place, "--days", 1)


def refuse(**_: Any) -> None:
    raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")


def test_reading_a_bucket_asks_what_its_document_holds(account: Account, tmp_path: Path) -> None:
    asked: set[str] = set()
    account.client("s3").meta.events.register("before-call.s3", lambda model, **_: asked.add(model.name))
    scope = Scope("trail", "logs", START, END)
    refresh_from_s3(TrailStore(tmp_path), account, scope)
    assert asked == {"ListObjectsV2", "GetObject"}, "which IAM knows as s3:ListBucket and s3:GetObject"
    held = json.loads((DOCS / "trail-reader.json").read_text(encoding="utf-8"))
    assert held == trail_document("EXAMPLE-TRAIL-BUCKET", "EXAMPLE-RESULTS-BUCKET")
    of_bucket = {action for one in held["Statement"][:2] for action in one["Action"]}
    assert of_bucket == {one.action for one in TRAIL_BUCKET} == {"s3:ListBucket", "s3:GetObject"}


# Athena -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def athena(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    pytest.importorskip("pyathena", reason="pyathena is not installed (extra athena): Athena cannot be asked")
    from moto import mock_aws

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        made = Account.connect(region="us-east-1")
        for place in ("session", "replayed"):
            monkeypatch.setattr(f"bedrock_guard.account.{place}.open_account", lambda *_: made)
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="results")
        client = boto3.client("athena", region_name="us-east-1")
        client.create_work_group(
            Name="guard",
            Configuration={
                "ResultConfiguration": {"OutputLocation": "s3://results/out/"},
                "BytesScannedCutoffPerQuery": 10**12,
            },
        )
        yield client


WORDS = ("--table", "security.logs", "--partition", "day", "--workgroup", "guard", *DAYS)


def test_athena_is_asked_only_with_yes_and_its_tuples_are_replayed(
    athena: Any, trail: Path, tmp_path: Path, spec: Path
) -> None:
    out = tmp_path / "tuples.parquet"
    code, sql, said = run("tuples", "--out", out, *WORDS)
    assert code == 3
    assert "FROM security.logs" in sql
    assert "\"day\" >= '2026/09/30'" in sql
    assert "at most 1,000.0 GB a query, $5 per terabyte scanned: at most $5.00" in said
    assert not out.exists()
    assert athena.list_query_executions(WorkGroup="guard")["QueryExecutionIds"] == []
    queue(DuckDB(trail).run(translated(definition(Logs(), START, END), "duckdb")))
    code, done, said = run("tuples", "--out", out, *WORDS, "--yes")
    assert code == 0
    assert "bytes read" in said
    counted = read_table(out)
    expected = count(DuckDB(trail), None, START, END)
    pd.testing.assert_frame_equal(counted, expected)
    assert last(done) == {"calls": int(expected["calls"].sum()), "tuples": len(expected)}
    assert provenance_of(counted).source == "security.logs, counted by Athena"
    code, replayed, _ = run("replay", spec, "--calls", out)
    assert code == 0
    assert last(replayed)["calls"] == last(done)["calls"]
    run("calls", trail, "--out", tmp_path / "calls.parquet")
    bedrock = read_parquet(tmp_path / "calls.parquet").frame["service"].str.startswith("bedrock").sum()
    assert last(replayed)["calls"] == bedrock


def test_a_workgroup_without_a_limit_runs_nothing(athena: Any, tmp_path: Path) -> None:
    words = ("tuples", "--out", tmp_path / "t.parquet", "--workgroup", "primary", "--yes")
    with pytest.raises(GuardError, match="no scan limit"):
        run(*words)
    assert athena.list_query_executions(WorkGroup="primary")["QueryExecutionIds"] == []


def test_the_tables_statement_is_printed_and_not_run() -> None:
    words = ("s3://logs/AWSLogs/o-example/", "--only", "111122223333", "--only", "us-east-1")
    code, text, _ = run("athena-table", *words, "--since", "2025-01-01", "--table", "logs")
    assert code == 0
    assert text.startswith("CREATE EXTERNAL TABLE logs")


def test_tuples_in_a_file_stand_for_the_calls_of_a_situation(tmp_path: Path) -> None:
    demo = Account.demo()
    seen = look(demo, 14)
    path = write_tuples(tuples_of(seen.calls), tmp_path / "tuples.parquet")
    counted = look(demo, 14, store=str(path))
    assert int(counted.calls["calls"].sum()) == len(seen.calls)
    assert counted.cube.judge(reach(demo)).totals == seen.cube.judge(reach(demo)).totals


def reach(account: Account) -> Reach:
    return Reach(build(example_spec(), shipped(), on=account.now.date()), None, account.now)


def queue(raw: pd.DataFrame) -> None:
    """Moto runs no SQL: what Athena would answer is given to it before."""
    from moto.athena.models import QueryResults, athena_backends

    texts = [[None if pd.isna(value) else str(value) for value in row] for row in raw.values.tolist()]
    data = [
        {"Data": [{} if value is None else {"VarCharValue": value} for value in row]}
        for row in [list(raw.columns), *texts]
    ]
    info = [
        {"CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": name, "Label": name}
        | {"Type": "bigint" if name in MEASURES[:4] else "varchar", "Precision": 0, "Scale": 0}
        | {"Nullable": "UNKNOWN", "CaseSensitive": True}
        for name in raw.columns
    ]
    athena_backends["123456789012"]["us-east-1"].query_results_queue.append(QueryResults(data, info))
