"""A trail read once and asked often: the same rows and counts as reading it carefully every time."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from other_readers import read_folder
from trail_maker import make_trail
from tuple_maker import tuples_of

from bedrock_guard.account.trail import read_parquet
from bedrock_guard.account.trail_files import Limits
from bedrock_guard.account.trail_reader import TrailReader
from bedrock_guard.account.trail_store import TrailStore, delivery_day
from bedrock_guard.account.tuple_files import read_table, write_tuples
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.tables import provenance_of
from bedrock_guard.evidence.tuples import TUPLES

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 records in the true layout, three days, with twins in one file and in two days."""
    root = make_trail(tmp_path_factory.mktemp("trail"), 3000, days=3).root
    first, *_rest, last = sorted(root.rglob("*.json.gz"))
    twins = json.loads(gzip.decompress(first.read_bytes()))["Records"]
    records = json.loads(gzip.decompress(last.read_bytes()))["Records"]
    last.write_bytes(gzip.compress(json.dumps({"Records": [*records, *twins]}).encode()))
    return root


def ordered(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(["event_time", "event_id"], ignore_index=True)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_store_tells_what_reading_the_folder_tells(trail: Path, tmp_path: Path, workers: int) -> None:
    store = TrailStore(tmp_path)
    done = store.refresh(trail, workers=workers)
    careful = read_folder(trail)
    assert careful.left_out["duplicate"] > 0
    assert store.summary() == careful.summary
    assert done.files == careful.files.read
    pd.testing.assert_frame_equal(ordered(store.calls()), ordered(careful.frame))
    assert provenance_of(store.calls()).completeness == "floor"


def test_tuples_come_from_parts_as_they_come_from_calls(trail: Path, tmp_path: Path) -> None:
    store = TrailStore(tmp_path)
    store.refresh(trail)
    made, calls = store.tuples(), store.calls()
    pd.testing.assert_frame_equal(made, tuples_of(calls))
    assert list(made.columns) == list(TUPLES.columns)
    assert made["calls"].sum() == len(calls)
    assert made["input_tokens"].sum() == calls["input_tokens"].sum()
    assert made["untold"].sum() == int((calls["input_tokens"].isna() | calls["output_tokens"].isna()).sum())
    assert made.loc[made["already_denied"], "calls"].sum() == calls["denied_by"].notna().sum() > 0
    named = store.tuples(by=["source_ip"])
    assert named["source_ip"].nunique() == calls["source_ip"].nunique()
    assert named["calls"].sum() == len(calls)
    with pytest.raises(GuardError, match="not told apart by parameters; DROP"):
        store.tuples(by=["parameters; DROP"])


def test_a_window_is_half_open(trail: Path, tmp_path: Path) -> None:
    store = TrailStore(tmp_path)
    store.refresh(trail)
    start, end = datetime(2026, 10, 2, tzinfo=UTC), datetime(2026, 10, 3, tzinfo=UTC)
    whole = store.calls()
    inside = whole[(whole["event_time"] >= start) & (whole["event_time"] < end)]
    assert 0 < len(inside) < len(whole)
    assert list(store.calls(start, end)["event_id"]) == list(inside["event_id"])
    assert store.tuples(start, end)["calls"].sum() == len(inside)


def test_a_refresh_reads_only_what_is_new(trail: Path, tmp_path: Path) -> None:
    copy, store = tmp_path / "copy", TrailStore(tmp_path / "store")
    make_trail(copy, 1500, days=1, seed=1)
    first = store.refresh(copy)
    parts = {part.path: part.path.stat().st_mtime_ns for part in store.parts.parts()}
    assert store.refresh(copy) == type(first)(0, 0, {})
    make_trail(tmp_path / "more", 900, days=2, seed=2)
    added = [path for path in (tmp_path / "more").rglob("*.gz") if "/10/02/" in path.as_posix()]
    for path in added:
        target = copy / path.relative_to(tmp_path / "more")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    again = store.refresh(copy)
    assert (again.files, again.parts) == (len(added), 1)
    assert {path: path.stat().st_mtime_ns for path in parts} == parts
    assert store.summary() == read_folder(copy).summary
    store.refresh(copy / "AWSLogs")
    assert store.summary() == read_folder(copy).summary, "delivered files are known wherever they lie"


def test_a_file_is_set_aside_once_and_read_when_it_is_mended(tmp_path: Path) -> None:
    folder, store = tmp_path / "trail", TrailStore(tmp_path / "store")
    folder.mkdir()
    whole = gzip.compress(json.dumps({"Records": [event() for _ in range(50)]}).encode())
    (folder / "a.json.gz").write_bytes(whole[:-40])
    (folder / "b.txt").write_text("no trail")
    (folder / "out.json").symlink_to(tmp_path)
    refused = {
        "a.json.gz": "truncated gzip",
        "b.txt": "its name does not end in .json or .json.gz",
        "out.json": "a link out of the folder; links are not followed",
    }
    assert store.refresh(folder).set_aside == refused
    again = store.refresh(folder)
    assert (again.files, again.set_aside) == (0, refused)
    assert store.summary() == {"records": 0, "rows": 0, "left_out": {}}
    (folder / "a.json.gz").write_bytes(whole)
    assert "a.json.gz" not in store.refresh(folder).set_aside
    assert store.summary() == {"records": 50, "rows": 50, "left_out": {}}


def test_closed_days_are_merged_and_nothing_changes(trail: Path, tmp_path: Path) -> None:
    store = TrailStore(tmp_path)
    for path in sorted(trail.rglob("*.json.gz")):
        store.refresh(path)
    before, summary = store.calls(), store.summary()
    days = Counter(part.day for part in store.parts.parts())
    several = sum(count > 1 for count in days.values())
    assert several
    assert store.tidy(date(2026, 10, 3)) == 0, "the last two days stay open"
    assert store.tidy(date(2026, 10, 6)) == several
    assert Counter(part.day for part in store.parts.parts()) == dict.fromkeys(days, 1)
    pd.testing.assert_frame_equal(store.calls(), before)
    assert store.summary() == summary
    assert store.refresh(trail).files == 0


def test_the_exported_file_is_the_calls_file(trail: Path, tmp_path: Path) -> None:
    store = TrailStore(tmp_path / "store")
    store.refresh(trail)
    back = read_parquet(store.export(tmp_path / "calls.parquet"))
    careful = read_folder(trail)
    assert back.summary == careful.summary == store.summary()
    assert back.files.read == careful.files.read
    pd.testing.assert_frame_equal(ordered(back.frame), ordered(careful.frame))


def test_workers_start_without_pandas() -> None:
    code = "import sys, bedrock_guard.account.trail_worker; print('pandas' in sys.modules, 'boto3' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "False"]


def test_a_worker_that_ends_or_cannot_write_is_said(
    trail: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = tmp_path / "full"
    full.write_text("a file where the store should be")
    with pytest.raises(GuardError, match="could not keep what it read"):
        TrailStore(full).refresh(trail, workers=2)
    store = TrailStore(tmp_path / "store")
    monkeypatch.setattr("bedrock_guard.account.trail_workers.sys.executable", shutil.which("false"))
    with pytest.raises(GuardError, match="ended before its part was made"):
        store.refresh(trail, workers=2)
    monkeypatch.undo()
    (tmp_path / "json.py").write_text("raise SystemExit('a module of the working folder was taken')")
    monkeypatch.chdir(tmp_path)
    store.refresh(trail, workers=2)
    assert store.summary() == read_folder(trail).summary


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("AWSLogs/o-x/111122223333/CloudTrail/us-east-1/2026/10/01/a.json.gz", "2026-10-01"),
        ("111122223333_CloudTrail_us-east-1_20261002T0005Z_Ab12.json.gz", "2026-10-02"),
        ("2026/13/41/a.json.gz", "undated"),
        ("111122223333_CloudTrail_us-east-1_20269902T0005Z_Ab12.json", "undated"),
        ("dump.json", "undated"),
    ],
)
def test_the_day_of_delivery_is_in_the_name(name: str, day: str) -> None:
    assert delivery_day(name) == day


# The fast reader against the careful one --------------------------------------------------------------------------


NUMBER = iter(range(10**9))


def event(**members: Any) -> dict[str, Any]:
    return {
        "eventTime": "2026-10-01T08:00:00Z",
        "eventSource": "bedrock.amazonaws.com",
        "eventName": "InvokeModel",
        "eventID": f"made-{next(NUMBER)}",
        **members,
    }


TEXT = st.one_of(
    st.sampled_from(
        ["", " ", "AccessDenied", "true", "12", "é", "\ud800", "x" * 5000, "Bearer abcdefgh12345678"]
    ),
    st.text(max_size=12),
)
LEAF = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT
)
ANY = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
ROLE = "arn:aws:iam::111122223333:role/dev"
IDENTITY = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(
            ["AssumedRole", "IAMUser", "Root", "AWSService", "IdentityCenterUser", None, 7]
        ),
        "arn": st.sampled_from(["arn:aws:sts::111122223333:assumed-role/dev/ana", "", None, ["x"]]),
        "accountId": st.sampled_from(["111122223333", None]),
        "userName": TEXT,
        "principalId": st.sampled_from(["AROAEXAMPLE:ana", "x", None]),
        "accessKeyId": st.sampled_from(
            ["ASIAEXAMPLE123456", "AKIAEXAMPLE123456", "ACCAEXAMPLE123456", "", None]
        ),
        "invokedBy": st.sampled_from(["ec2.amazonaws.com", None]),
        "onBehalfOf": st.one_of(ANY, st.just({"userId": "u-1"})),
        "sessionContext": st.one_of(
            ANY,
            st.just({"sessionIssuer": {"arn": ROLE}, "attributes": {"mfaAuthenticated": "true"}}),
        ),
    },
)
MARK = st.sampled_from([True, False, "true", "yes", None, 1])
REQUEST = st.fixed_dictionaries(
    {},
    optional={
        "modelId": st.sampled_from(
            ["amazon.nova-pro-v1:0", "us.anthropic.claude-sonnet-4-6", "a b", 7, None]
        ),
        "model": TEXT,
        "callWithBearerToken": MARK,
        "bearerTokenType": st.sampled_from(["LONG_TERM", "SHORT_TERM", "ABSK", "?", None, 3]),
        "encrypted": MARK,
        "blockDeviceMapping": st.sampled_from(
            [{"items": [{"ebs": {"encrypted": True}}, {"ebs": {"encrypted": "false"}}]}, {"items": 7}, None]
        ),
        "instanceType": TEXT,
        "messages": ANY,
    },
)
RECORD = st.fixed_dictionaries(
    {
        "eventSource": st.sampled_from(
            [
                *("bedrock.amazonaws.com", "bedrock-mantle.amazonaws.com", "iam.amazonaws.com", "ec2.amazonaws.com"),
                *("sts.amazonaws.com", "kms.amazonaws.com", " bedrock.amazonaws.com ", "cloudtrail.amazonaws.com"),
                *("bedrock", None, 7),
            ]
        ),
        "eventName": st.sampled_from(
            [
                *("InvokeModel", "Converse", "RunInstances", "CreateVolume", "AssumeRole", "CreateAccessKey"),
                *("CreateInference", "CreateInferenceProfile", "PutEventSelectors", "Decrypt", None, ["x"]),
            ]
        ),
    },
    optional={
        "eventTime": st.sampled_from(["2026-10-01T08:00:00Z", "2026-10-01 08:00:00.123", "yesterday", None, 7]),
        "eventID": st.one_of(st.sampled_from(["e-1", "a" * 36, "A" * 36, "", None, 3]), st.uuids().map(str)),
        "requestID": st.one_of(st.uuids().map(str), TEXT, LEAF),
        "eventType": st.sampled_from(["AwsApiCall", "AwsServiceEvent", "AwsCloudTrailInsight", None]),
        "eventCategory": st.sampled_from(["Management", "Insight", "Data", None, ["x"]]),
        "userIdentity": st.one_of(IDENTITY, ANY),
        "requestParameters": st.one_of(REQUEST, ANY, st.just('{"modelId":"amazon.nova-pro-v1:0"}')),
        "additionalEventData": st.one_of(
            st.fixed_dictionaries(
                {},
                optional={
                    "inputTokens": LEAF,
                    "outputTokens": LEAF,
                    "callWithBearerToken": MARK,
                    "inferenceRegion": TEXT,
                },
            ),
            ANY,
        ),
        "responseElements": st.one_of(
            ANY,
            st.just({"encrypted": True, "volumeId": "vol-1", "credentials": {"accessKeyId": "ASIAEXAMPLE123456"}}),
        ),
        "errorCode": st.one_of(st.sampled_from(["AccessDenied", "ValidationException"]), LEAF),
        "errorMessage": st.one_of(
            st.just(
                "User: u is not authorized to perform: bedrock:InvokeModel on resource: * "
                "with an explicit deny in a permissions boundary"
            ),
            ANY,
        ),
        "userAgent": st.one_of(TEXT, ANY),
        "sourceIPAddress": st.one_of(st.just("10.0.0.1"), LEAF),
        "recipientAccountId": st.sampled_from(["111122223333", "", None, 111122223333]),
        "awsRegion": TEXT,
        "resources": st.one_of(ANY, st.just([{"ARN": ROLE}, {"ARN": 7}, "x"])),
        "readOnly": MARK,
        "sessionCredentialFromConsole": MARK,
        "vpcEndpointId": TEXT,
        "detail-type": LEAF,
        "CloudTrailEvent": st.one_of(LEAF, st.just(json.dumps(event(eventID="inner")))),
    },
)  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(RECORD, ANY), max_size=8))
def test_the_fast_reader_makes_the_rows_of_the_careful_one(records: list[Any]) -> None:
    data = json.dumps({"Records": records}).encode()
    fast, careful = TrailReader().read_bytes(data), TrailReader(fast=None).read_bytes(data)
    assert fast == careful
    assert careful.columns is not None
    rows = len(careful.columns.columns["event_id"])
    assert careful.records == len(records) == rows + careful.columns.left_out.total()


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(RECORD, min_size=1, max_size=4), min_size=2, max_size=4))
def test_what_earlier_files_held_changes_no_row(files: list[list[Any]]) -> None:
    fast, careful = TrailReader(), TrailReader(fast=None)
    for records in [*files, *files]:
        data = json.dumps({"Records": records}).encode()
        assert fast.read_bytes(data) == careful.read_bytes(data)


def test_the_same_request_is_read_anew_for_another_operation() -> None:
    asked = {"modelId": "amazon.nova-lite-v1:0", "name": "trail-1"}
    kinds = [("bedrock.amazonaws.com", "Converse"), ("cloudtrail.amazonaws.com", "StopLogging")]
    records = [event(eventSource=source, eventName=name, requestParameters=asked) for source, name in kinds]
    fast, read = Watched(), []
    reader = TrailReader(fast=fast)
    for each in ([records[0]], [records[1]], records):
        found = reader.read_bytes(json.dumps({"Records": each}).encode())
        assert found.columns
        read.append(list(found.columns.columns["parameters"]))
    assert fast.taken == 3
    assert read[0] == ['{"modelId":"amazon.nova-lite-v1:0"}']
    assert read[1] == ['{"name":"trail-1"}']
    assert read[2] == [*read[0], *read[1]]


OPTIONAL = (
    "errorCode",
    "errorMessage",
    "resources",
    "vpcEndpointId",
    "tlsDetails",
    "sharedEventID",
    "userAgent",
)
FORMS = st.lists(st.permutations(OPTIONAL).flatmap(lambda names: st.integers(0, 7).map(lambda n: names[:n])))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(FORMS, st.randoms(use_true_random=False))
def test_records_of_many_forms_are_read_alike(forms: list[list[str]], dice: random.Random) -> None:
    """Equally many members, but others, in any order: what the last record of a kind had says nothing of the next."""
    records = []
    for number, names in enumerate(forms):
        members = list(
            event(eventID=f"id-{number}", **{name: f"{name}-{number % 3}" for name in names}).items()
        )
        dice.shuffle(members)
        records.append(dict(members))
    data = json.dumps({"Records": records}).encode()
    fast = Watched()
    assert TrailReader(fast=fast).read_bytes(data) == TrailReader(fast=None).read_bytes(data)
    assert fast.taken == 1


def test_a_member_that_stands_twice_is_for_the_careful_reader() -> None:
    plain = json.dumps(event(userAgent="first"))
    twice = plain[:-1] + ',"userAgent":"last"}'
    lacking = twice.replace('"userAgent": "first", ', "").replace('"userAgent": "first"', '"x": 1')
    for records in ([twice], [plain, twice], [plain, lacking, twice]):
        data = f'{{"Records":[{",".join(records)}]}}'.encode()
        fast = Watched()
        found = TrailReader(fast=fast).read_bytes(data)
        assert found == TrailReader(fast=None).read_bytes(data)
        assert found.columns
        assert list(found.columns.columns["user_agent"])[-1] == "last"
        assert fast.taken == 0


def test_what_is_remembered_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every record another request, another caller, another operation and another form."""
    monkeypatch.setattr("bedrock_guard.account.trail_memory._MOST_TEXTS", 50)
    monkeypatch.setattr("bedrock_guard.account.trail_memory._MOST_FORMS", 20)
    fast = Watched().inner
    for turn in range(10):
        records = [
            event(
                eventName=f"Operation{turn}-{number}",
                eventID=f"{turn}-{number}",
                userIdentity={"type": "IAMUser", "userName": f"u{turn}-{number}"},
                requestParameters={"modelId": f"m.{turn}-{number}" + "x" * (3000 if number == 7 else 0)},
                **{f"member{turn}-{number}": 1},
            )
            for number in range(30)
        ]
        data = json.dumps({"Records": records}).encode()
        assert TrailReader(fast=fast).read_bytes(data) == TrailReader(fast=None).read_bytes(data)
    kept = fast._memory
    assert len(kept.verdicts) <= 20
    texts = [key for known in kept._read.values() for key in known]
    assert len(texts) <= 50 + 3 * 30
    assert max(len(str(text)) for text in texts) < 3000, "a long text is not kept"
    assert len(kept._forms) + len(kept._likely) <= 20 + 2 * 30


class Watched:
    """Counts what the fast reader took."""

    def __init__(self) -> None:
        from bedrock_guard.account.trail_fast import FastReader

        self.inner, self.taken = FastReader(), 0

    def read(self, data: bytes) -> Any:
        found = self.inner.read(data)
        self.taken += found is not None
        return found


def test_delivered_files_are_read_by_the_fast_reader(trail: Path) -> None:
    fast = Watched()
    reader = TrailReader(fast=fast)
    files = sorted(trail.rglob("*.gz"))
    slow = TrailReader(fast=None)
    assert all(reader.read(path) == slow.read(path) for path in files)
    assert fast.taken == len(files)


@pytest.mark.parametrize(
    "text",
    [
        '{"Records":[{"eventSource":"kms.amazonaws.com","eventName":"x"},]}',
        '{"Records":[{"eventSource":"kms.amazonaws.com","eventName":NaN}]}',
        '{"Records":[' + "9" * 5000 + "]}",
        '{"Records":[],"Records":[7]}',
        '{"Records":{"a":1}}',
        '{"records":[{"eventSource":"bedrock.amazonaws.com","eventName":"Converse"}]}',
        '{"Records":[' + "[" * 5000 + "]" * 5000 + "]}",
        '[{"Records":[]}]',
        '{"Records":null}',
        "",
    ],
)
def test_what_is_no_plain_delivery_is_for_the_careful_reader(text: str) -> None:
    fast = Watched()
    assert TrailReader(fast=fast).read_bytes(text.encode()) == TrailReader(fast=None).read_bytes(
        text.encode()
    )
    assert fast.taken == 0


def test_limits_hold_for_the_fast_reader_too() -> None:
    data = gzip.compress(json.dumps({"Records": [event(userAgent="x" * 3000)]}).encode())
    assert TrailReader(Limits(size=1000)).read_bytes(data).refused == "inflates to more than 0 MiB"
    assert TrailReader(Limits(line=1000)).read_bytes(data).refused == "a line longer than 0 MiB"


def test_a_file_of_tuples_from_before_failed_calls_were_counted_is_read(trail: Path, tmp_path: Path) -> None:
    store = TrailStore(tmp_path / "store")
    store.refresh(trail)
    path = write_tuples(store.tuples(), tmp_path / "tuples.parquet")
    pq.write_table(pq.read_table(path).drop(["failed"]), path)
    assert read_table(path)["failed"].sum() == 0
