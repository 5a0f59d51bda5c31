"""Trails in S3: the organization's layout, the margin of a day, and what cannot be read."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from bedrock_guard.account.trail_files import Limits
from bedrock_guard.account.trail_s3 import Scope, read_s3
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.tables import provenance_of

START = datetime(2026, 10, 2, tzinfo=UTC)
END = datetime(2026, 10, 4, tzinfo=UTC)
ROOT = "logs/AWSLogs/o-example123/111122223333"


class Bucket:
    """S3 as its API reference describes ListObjectsV2 and GetObject, two entries a page."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.refused: set[str] = set()
        self.listed: list[str] = []

    def list_objects_v2(self, **asked: Any) -> dict[str, Any]:
        prefix, delimiter = asked["Prefix"], asked.get("Delimiter")
        self.listed.append(prefix)
        if prefix in self.refused:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "ListObjectsV2")
        entries: dict[str, dict[str, Any]] = {}
        for key in sorted(k for k in self.objects if k.startswith(prefix)):
            rest = key.removeprefix(prefix)
            if delimiter and delimiter in rest:
                folder = prefix + rest.split(delimiter)[0] + delimiter
                entries[folder] = {"Prefix": folder}
            else:
                entries[key] = {"Key": key, "Size": len(self.objects[key])}
        start = int(asked.get("ContinuationToken", 0))
        page = list(entries.values())[start : start + 2]
        more = start + 2 < len(entries)
        answer: dict[str, Any] = {"KeyCount": len(page), "IsTruncated": more}
        answer["Contents"] = [entry for entry in page if "Key" in entry]
        answer["CommonPrefixes"] = [entry for entry in page if "Prefix" in entry]
        return answer | ({"NextContinuationToken": str(start + 2)} if more else {})

    def get_object(self, **asked: Any) -> dict[str, Any]:
        if asked["Key"] in self.refused:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[asked["Key"]])}


class Account:
    now = datetime(2026, 11, 1, tzinfo=UTC)

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket

    def client(self, service: str, region: str | None = None) -> Any:
        assert service == "s3"
        return self.bucket


def test_the_fake_has_the_real_clients_members() -> None:
    model = boto3.client("s3", region_name="us-east-1").meta.service_model
    listing = model.operation_model("ListObjectsV2")
    assert {"Prefix", "Delimiter", "ContinuationToken", "Bucket"} <= set(listing.input_shape.members)
    assert {"KeyCount", "Contents", "CommonPrefixes", "IsTruncated", "NextContinuationToken"} <= set(
        listing.output_shape.members
    )


def file(*days: float) -> bytes:
    records = [
        {
            "eventVersion": "1.11",
            "eventID": f"{day}",
            "eventTime": (START + timedelta(days=day)).isoformat(),
            "eventSource": "bedrock.amazonaws.com",
            "eventName": "Converse",
        }
        for day in days
    ]
    return gzip.compress(json.dumps({"Records": records}).encode())


def key(day: int, region: str = "us-east-1", name: str = "a.json.gz") -> str:
    return f"{ROOT}/CloudTrail/{region}/2026/10/{day:02}/{name}"


@pytest.fixture
def bucket() -> Bucket:
    return Bucket(
        {
            key(1): file(0.001),
            key(2): file(0.5, 0.6),
            key(2, name="b.json.gz"): file(0.5),
            key(3, "eu-west-1"): file(1.5),
            key(5): file(1.999, 2.001),
            key(9): file(1.7),
            f"{ROOT}/CloudTrail-Digest/us-east-1/2026/10/02/d.json.gz": gzip.compress(b"{}"),
            f"{ROOT}/CloudTrail-Insight/us-east-1/2026/10/02/i.json.gz": gzip.compress(b"{}"),
            f"{ROOT}/Config/us-east-1/2026/10/02/c.json.gz": gzip.compress(b"{}"),
            ROOT.replace("111122223333", "000000000011") + "/CloudTrail/us-east-1/2026/10/02/m.json.gz": file(
                0.7
            ),
        }
    )


def test_an_organizations_trail_with_a_margin_of_a_day(bucket: Bucket) -> None:
    found = read_s3(Account(bucket), Scope("trail", "logs", START, END))
    assert sorted(found.frame["event_id"]) == ["0.001", "0.5", "0.6", "0.7", "1.5", "1.999"]
    assert dict(found.left_out) == {"duplicate": 1, "outside_window": 1}
    assert found.records == len(found.frame) + 2
    assert {name.split("/")[-2] for name in found.files.set_aside} == {
        "CloudTrail-Digest",
        "CloudTrail-Insight",
    }
    assert not any("/09/" in prefix or "Config" in prefix.split("/")[-2:] for prefix in bucket.listed)
    proof = provenance_of(found.frame)
    assert proof.requests > 10
    assert 0 < proof.request_cost_usd < 1
    assert proof.completeness == "floor"


@pytest.mark.parametrize(
    ("prefix", "more", "expected"),
    [
        ("logs/", {"regions": ["eu-west-1"]}, {"1.5"}),
        ("", {"accounts": ["000000000011"]}, {"0.7"}),
        (f"{ROOT}/CloudTrail/eu-west-1/", {}, {"1.5"}),
        ("elsewhere", {}, set()),
    ],
)
def test_a_part_of_it(bucket: Bucket, prefix: str, more: dict[str, Any], expected: set[str]) -> None:
    found = read_s3(Account(bucket), Scope("trail", prefix, START, END, **more))
    assert set(found.frame["event_id"]) == expected


def test_what_cannot_be_read_is_set_aside_by_name(bucket: Bucket) -> None:
    bucket.objects[key(3, name="cut.json.gz")] = file(1)[:-9]
    bucket.objects[key(3, name="big.json")] = b" " * 2000
    bucket.refused = {key(2), f"{ROOT}/CloudTrail/eu-west-1/2026/10/03/"}
    found = read_s3(Account(bucket), Scope("trail", "logs", START, END), limits=Limits(size=1000))
    aside = {
        name.rpartition("/")[2]: why
        for name, why in found.files.set_aside.items()
        if "CloudTrail-" not in name
    }
    assert aside["cut.json.gz"] == "truncated gzip"
    assert aside["big.json"] == "too large"
    assert "AccessDenied" in aside["a.json.gz"]
    assert "AccessDenied" in aside[""]
    assert set(found.frame["event_id"]) == {"0.001", "0.5", "0.7", "1.999"}
    assert "could not be read" in provenance_of(found.frame).why


def test_a_refused_bucket_is_unknown(bucket: Bucket) -> None:
    bucket.refused = {"logs/"}
    found = read_s3(Account(bucket), Scope("trail", "logs", START, END))
    assert provenance_of(found.frame).completeness == "unknown"


def test_no_window() -> None:
    with pytest.raises(GuardError):
        read_s3(Account(Bucket({})), Scope("trail", "", END, START))
