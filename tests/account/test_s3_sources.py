"""Cost exports and invocation logs read where they are delivered, from an S3 server on loopback (moto)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from loopback_s3 import connected, s3_server

from bedrock_guard.account.exports import ExportReading, read_export
from bedrock_guard.account.exports_s3 import read_export_from
from bedrock_guard.account.invocation_logs import read_invocation_logs
from bedrock_guard.account.session import Account
from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.demo.company import make_company
from bedrock_guard.demo.company.exports import write_cur
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.spend import classify_bill, reconcile
from bedrock_guard.evidence.tables import provenance_of, total


@pytest.fixture(scope="module")
def cur(tmp_path_factory: Any) -> Path:
    folder: Path = tmp_path_factory.mktemp("cur")
    write_cur(make_company(calls=500), folder)
    return folder


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as served:
        yield served.endpoint


@pytest.fixture
def account(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Account:
    return connected(endpoint, monkeypatch)


@pytest.fixture
def bucket(endpoint: str, account: Account, request: pytest.FixtureRequest) -> Iterator[Any]:
    resource: Any = boto3.resource("s3", region_name="us-east-1", endpoint_url=endpoint)
    made = resource.create_bucket(Bucket="exports")
    yield made
    made.objects.all().delete()
    made.delete()


def record(tokens: int) -> bytes:
    """One line of an invocation log."""
    said = {
        "schemaType": "ModelInvocationLog",
        "timestamp": "2026-10-02T09:14:07Z",
        "accountId": "111122223333",
        "identity": {"arn": "arn:aws:sts::111122223333:assumed-role/App/s"},
        "region": "us-east-1",
        "requestId": f"r-{tokens}",
        "modelId": "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "input": {"inputBodyJson": {"prompt": "do not keep this"}, "inputTokenCount": tokens},
    }
    return json.dumps(said).encode() + b"\n"


def deliver(bucket: Any, folder: Path, *, execution: str = "") -> list[str]:
    """Put an export where AWS puts it; with an execution, in a folder of its own in every partition."""
    keys = []
    for file in sorted(p for p in folder.rglob("*.parquet")):
        partition = file.parent.relative_to(folder).as_posix()
        keys.append("/".join(filter(None, ["cur/bedrock/data", partition, execution, file.name])))
        bucket.upload_file(str(file), keys[-1])
    return keys


def same(one: ExportReading, other: ExportReading) -> bool:
    return one.control.amount == other.control.amount and total(one.frame["cost"]) == total(
        other.frame["cost"]
    )


def test_an_export_in_s3_is_the_export_of_a_folder(bucket: Any, account: Account, cur: Path) -> None:
    keys = deliver(bucket, cur)
    bucket.put_object(Key="cur/bedrock/metadata/x-Manifest.json", Body=b"{}")
    found = read_export_from(account, "s3://exports/cur/bedrock/")
    assert same(found, read_export(cur))
    said = provenance_of(found.frame)
    assert (found.files, said.requests, said.complete) == (len(keys), len(keys) + 1, True)
    assert 0 < said.request_cost_usd < Decimal("0.001")
    assert reconcile(classify_bill(found.frame), found.control).difference == 0


def test_a_month_alone_is_less(bucket: Any, account: Account, cur: Path) -> None:
    deliver(bucket, cur)
    found = read_export_from(account, "s3://exports/cur", months=["2026-10"])
    assert found.frame["day"].dt.strftime("%Y-%m").unique().tolist() == ["2026-10"]


def test_an_export_that_keeps_its_refreshes_is_counted_once(bucket: Any, account: Account, cur: Path) -> None:
    deliver(bucket, cur, execution="20261118T060000Z-0000")
    deliver(bucket, cur, execution="20261120T060000Z-0001")
    assert same(read_export_from(account, "s3://exports/cur"), read_export(cur))


def test_a_file_that_cannot_be_fetched_makes_the_bill_incomplete(
    bucket: Any, account: Account, cur: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = deliver(bucket, cur)[0]
    client: Any = account.client("s3")
    fetch = client.download_file

    def denied(bucket_name: str, key: str, path: str) -> None:
        if key == gone:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")
        fetch(bucket_name, key, path)

    monkeypatch.setattr(client, "download_file", denied)
    found = read_export_from(account, "s3://exports/cur")
    proof = reconcile(classify_bill(found.frame), found.control)
    assert proof.headline is None
    assert any(gone in why and "AccessDenied" in why for why in proof.withheld)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("exports/cur", "no place in S3"),
        ("s3://exports/nothing", "no cost export"),
        ("s3://not-there/cur", "NoSuchBucket"),
    ],
)
def test_nothing_there_is_said(bucket: Any, account: Account, address: str, words: str) -> None:
    with pytest.raises(GuardError, match=words):
        read_export_from(account, address)


LOG = "bedrock/AWSLogs/111122223333/BedrockModelInvocationLogs/us-east-1/2026/10/02/09/"


def test_invocation_logs_in_s3_give_counters_and_leave_bodies_where_they_are(
    bucket: Any, account: Account
) -> None:
    bucket.put_object(Key=LOG + "a.json.gz", Body=gzip.compress(record(35) + record(7)))
    bucket.put_object(Key=LOG + "data/b.json.gz", Body=gzip.compress(b'["a body"]'))
    bucket.put_object(Key=LOG + "c.json.gz", Body=gzip.compress(record(1))[:40])
    bucket.put_object(Key="bedrock/AWSLogs/111122223333/amazon-bedrock-logs-permission-check", Body=b"")
    found = read_invocation_logs(account, "s3://exports/bedrock", shipped())
    assert found.frame["input_tokens"].tolist() == [35, 7]
    assert found.set_aside == {LOG + "c.json.gz": "truncated gzip"}
    said = provenance_of(found.frame)
    assert (said.completeness, said.requests) == ("floor", 3)
    assert "truncated gzip" in said.why
