"""Trails in S3: the organization's layout, the margin of a day, and what cannot be read."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from bedrock_guard.account.trail_files import Limits
from bedrock_guard.account.trail_places import Wanted, take_in
from bedrock_guard.account.trail_s3 import Scope, refresh_from_s3
from bedrock_guard.account.trail_store import TrailStore
from bedrock_guard.errors import GuardError

START = datetime(2026, 10, 2, tzinfo=UTC)
END = datetime(2026, 10, 4, tzinfo=UTC)
ROOT = "logs/AWSLogs/o-example123/111122223333"


class Bucket:
    """S3 as its API reference describes ListObjectsV2 and GetObject, two entries a page."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.refused: set[str] = set()
        self.listed: list[str] = []
        self.fetched: list[str] = []

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
                entries[key] = {"Key": key, "Size": len(self.objects[key]), "LastModified": START}
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
        self.fetched.append(asked["Key"])
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


def delivered(day: int) -> str:
    return f"111122223333_CloudTrail_us-east-1_202610{day:02}T1000Z_Abcdefgh12345678.json.gz"


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


def names(store: TrailStore) -> list[str]:
    return sorted(store.calls(START, END)["event_id"])


@pytest.fixture
def store(tmp_path: Path) -> TrailStore:
    return TrailStore(tmp_path / "store")


def test_an_organizations_trail_with_a_margin_of_a_day(bucket: Bucket, store: TrailStore) -> None:
    found = refresh_from_s3(store, Account(bucket), Scope("trail", "logs", START, END))
    assert names(store) == ["0.001", "0.5", "0.6", "0.7", "1.5", "1.999"]
    assert store.summary() == {"records": 8, "rows": 7, "left_out": {"duplicate": 1}}
    assert {name.split("/")[-2] for name in found.refreshed.set_aside} == {
        "CloudTrail-Digest",
        "CloudTrail-Insight",
    }
    assert not any("/09/" in prefix or "Config" in prefix.split("/")[-2:] for prefix in bucket.listed)
    assert found.requests > 10
    assert 0 < found.request_cost_usd < 1


def test_a_file_is_fetched_once_and_a_new_one_is_found(bucket: Bucket, store: TrailStore) -> None:
    scope = Scope("trail", "logs", START, END)
    first = refresh_from_s3(store, Account(bucket), scope)
    fetched = list(bucket.fetched)
    assert len(fetched) == len(set(fetched)) == first.refreshed.files == 6
    again = refresh_from_s3(store, Account(bucket), scope)
    assert (again.refreshed.files, bucket.fetched) == (0, fetched)
    bucket.objects[key(4, name=delivered(4))] = file(1.25)
    assert refresh_from_s3(store, Account(bucket), scope).refreshed.files == 1
    assert "1.25" in names(store)


@pytest.mark.parametrize(
    ("prefix", "more", "expected"),
    [
        ("logs/", {"regions": ["eu-west-1"]}, {"1.5"}),
        ("", {"accounts": ["000000000011"]}, {"0.7"}),
        (f"{ROOT}/CloudTrail/eu-west-1/", {}, {"1.5"}),
        ("elsewhere", {}, set()),
    ],
)
def test_a_part_of_it(
    bucket: Bucket, store: TrailStore, prefix: str, more: dict[str, Any], expected: set[str]
) -> None:
    refresh_from_s3(store, Account(bucket), Scope("trail", prefix, START, END, **more))
    assert (set(names(store)) if store.parts.parts() else set()) == expected


def test_what_cannot_be_read_is_set_aside_by_name(bucket: Bucket, store: TrailStore) -> None:
    bucket.objects[key(3, name="cut.json.gz")] = file(1)[:-9]
    bucket.objects[key(3, name="big.json")] = b" " * 2000
    bucket.refused = {key(2), f"{ROOT}/CloudTrail/eu-west-1/2026/10/03/"}
    found = refresh_from_s3(
        store, Account(bucket), Scope("trail", "logs", START, END), limits=Limits(size=1000)
    )
    aside = {
        name.rpartition("/")[2]: why
        for name, why in found.refreshed.set_aside.items()
        if "CloudTrail-" not in name
    }
    assert aside["cut.json.gz"] == "truncated gzip"
    assert aside["big.json"] == "too large"
    assert "AccessDenied" in aside["a.json.gz"]
    assert "AccessDenied" in aside[""]
    assert set(names(store)) == {"0.001", "0.5", "0.7", "1.999"}


def test_a_refused_bucket_is_no_empty_one(bucket: Bucket, store: TrailStore) -> None:
    bucket.refused = {"logs/"}
    with pytest.raises(GuardError, match="could not be listed") as caught:
        refresh_from_s3(store, Account(bucket), Scope("trail", "logs", START, END))
    assert "AccessDenied" in caught.value.why


def test_no_window(store: TrailStore) -> None:
    with pytest.raises(GuardError):
        refresh_from_s3(store, Account(Bucket({})), Scope("trail", "", END, START))


@pytest.mark.parametrize("address", ["s3://", "s3:///x", "s3://UPPER/x", "s3://-a"])
def test_what_is_no_address(address: str, store: TrailStore) -> None:
    with pytest.raises(GuardError, match="no place in S3"):
        take_in(address, store, Wanted(), lambda: pytest.fail("nobody is asked"))


def test_a_key_is_never_a_path(bucket: Bucket, store: TrailStore, tmp_path: Path) -> None:
    day, up = key(2, name=""), "../" * 12
    hostile = [
        f"{day}{name}.json" for name in (f"{up}{tmp_path}/out", "/tmp/x", "a\\b", "a.json/b", "n" * 300)
    ]
    bucket.objects |= {name: file(0.9) for name in (*hostile, f"{day}a.json")}
    found = refresh_from_s3(store, Account(bucket), Scope("trail", "logs", START, END))
    assert "0.9" in set(names(store))
    assert found.refreshed.files == 6 + len(hostile) + 1
    assert not list(tmp_path.rglob("out.json"))


def test_a_prefix_that_looks_like_a_sibling_is_read_and_its_faults_are_said(
    bucket: Bucket, store: TrailStore
) -> None:
    moved = "CloudTrail-archive/"
    bucket.objects = {name.replace("logs/", moved, 1): data for name, data in bucket.objects.items()}
    bucket.refused = {key(2).replace("logs/", moved, 1)}
    found = refresh_from_s3(store, Account(bucket), Scope("trail", "", START, END))
    assert "1.5" in set(names(store))
    assert list(found.problems) == list(bucket.refused)
