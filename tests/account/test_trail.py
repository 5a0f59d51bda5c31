"""Folders of records, good and hostile; the table's own file; walks through Event history."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from other_readers import read_folder, write_parquet

from bedrock_guard.account.pacing import Pacer
from bedrock_guard.account.trail import read_parquet, whole_file
from bedrock_guard.account.trail_files import FileRefusedError, Limits, inflate, parse
from bedrock_guard.account.trail_lookup import look_up
from bedrock_guard.demo.clock import DemoClock
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.tables import provenance_of

ACCOUNT = "111122223333"
NUMBER = iter(range(10**9))


def record(operation: str = "InvokeModel", **members: Any) -> dict[str, Any]:
    return {
        "eventTime": "2026-10-01T08:00:00Z",
        "eventSource": "bedrock.amazonaws.com",
        "eventName": operation,
        "awsRegion": "eu-central-1",
        "eventID": f"made-{next(NUMBER)}",
        "recipientAccountId": ACCOUNT,
        "requestParameters": {"modelId": "amazon.nova-pro-v1:0"},
        **members,
    }


def some(count: int) -> list[dict[str, Any]]:
    return [record(eventID=f"event-{next(NUMBER)}") for _ in range(count)]


def document(records: list[Any]) -> bytes:
    return json.dumps({"Records": records}).encode()


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def adds_up(path: Path, **options: Any) -> Any:
    found = read_folder(path, **options)
    assert found.records == len(found.frame) + sum(found.left_out.values())
    return found


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    """An organisation trail's layout with its siblings, a dump, a list, lines, and one foreign file."""
    base = tmp_path / "AWSLogs" / "o-example" / ACCOUNT
    day = base / "CloudTrail" / "eu-central-1" / "2026" / "10" / "01"
    first = some(3)
    put(day / "a.json.gz", gzip.compress(document(first)))
    put(day / "b.json.gz", gzip.compress(document([first[0], *some(1)])))
    put(day / "c.json", json.dumps({"Records": some(1)}, indent=2).encode())
    put(day / "empty.json", b'{"Records": []}')
    put(base / "CloudTrail-Digest" / "d.json.gz", gzip.compress(b'{"digestStartTime": "x", "logFiles": []}'))
    insight = {
        "eventType": "AwsCloudTrailInsight",
        "eventCategory": "Insight",
        "eventTime": "2026-10-01T08:00:00Z",
    }
    put(base / "CloudTrail-Insight" / "i.json.gz", gzip.compress(document([insight])))
    rows = [{"EventId": "x", "CloudTrailEvent": json.dumps(item)} for item in some(2)]
    put(tmp_path / "lookup.json", json.dumps({"Events": rows, "NextToken": "t"}).encode())
    put(
        tmp_path / "pages.json",
        json.dumps([{"Events": [{"CloudTrailEvent": json.dumps(r)}]} for r in some(2)]).encode(),
    )
    put(
        tmp_path / "two-pages.json",
        b"\n".join(json.dumps({"Events": some(1)}, indent=1).encode() for _ in range(2)),
    )
    put(tmp_path / "list.json", json.dumps(some(2)).encode())
    put(tmp_path / "single.json", json.dumps(some(1)[0]).encode())
    put(tmp_path / "lines.jsonl", b"\n".join(json.dumps(item).encode() for item in some(2)) + b"\n")
    put(tmp_path / "bom.json", b"\xef\xbb\xbf" + document(some(1)))
    put(tmp_path / "members.json.gz", gzip.compress(document(some(1))[:30]) + gzip.compress(b"") + b"")
    put(tmp_path / "README.md", b"notes")
    return tmp_path


def test_every_form_is_read_and_adds_up(trail: Path) -> None:
    whole = document(some(1))
    put(trail / "members.json.gz", gzip.compress(whole[:40]) + gzip.compress(whole[40:]) + b"\0" * 8)
    found = adds_up(trail)
    assert len(found.frame) == 3 + 1 + 1 + 2 + 2 + 2 + 2 + 1 + 2 + 1 + 1
    assert dict(found.left_out) == {"digest": 1, "duplicate": 1, "insight": 1}
    assert dict(found.files.set_aside) == {"README.md": "its name does not end in .json or .json.gz"}
    assert found.files.read == 14
    assert set(found.frame["model"]) == {"amazon.nova-pro-v1:0"}
    assert json.loads(json.dumps(found.summary)) == {
        "records": found.records,
        "rows": len(found.frame),
        "left_out": {"digest": 1, "duplicate": 1, "insight": 1},
    }


def test_files_prove_a_floor_and_say_so(trail: Path) -> None:
    proof = provenance_of(adds_up(trail).frame)
    assert proof.completeness == "floor"
    assert "2 file(s) could not be read" in proof.why
    assert proof.window_start == datetime(2026, 10, 1, 8, tzinfo=UTC)


def bomb(size: int) -> bytes:
    return gzip.compress(b"[" + b" " * size + b"]")


def deep(levels: int = 200_000) -> bytes:
    return b'{"Records":' + b"[" * levels + b"]" * levels + b"}"


HOSTILE: dict[str, tuple[bytes, str]] = {
    "truncated.json.gz": (gzip.compress(document([{"x": os.urandom(999).hex()}]))[:-300], "truncated gzip"),
    "no-trailer.json.gz": (gzip.compress(document([]))[:-4], "truncated gzip"),
    "damaged.json.gz": (gzip.compress(document([]))[:-8] + b"\0" * 8, "damaged gzip"),
    "garbage-after.json.gz": (gzip.compress(document([])) + b"garbage", "damaged gzip"),
    "bomb.json.gz": (bomb(40_000_000), "inflates to more than 200 times its size"),
    "utf16.json": (document([]).decode().encode("utf-16"), "not UTF-8 text"),
    "latin1.json": ('{"Records":[{"x":"é"}]}'.encode("latin-1"), "not UTF-8 text"),
    "utf16-no-mark.json": (document([]).decode().encode("utf-16-le"), "not JSON (line 1)"),
    "deep.json": (deep(), "nested too deeply"),
    "nan.json": (b'{"Records":[{"eventName":NaN}]}', "NaN or Infinity, which JSON does not have"),
    "infinity.json": (b'{"Records":[-Infinity]}', "NaN or Infinity, which JSON does not have"),
    "digits.json": (b'{"Records":[' + b"9" * 10_000 + b"]}", "a number too long to read"),
    "half.json": (b'{"Records":[{"eventName":', "not JSON (line 1)"),
    "page.json": (b"<html>\n<body>Sign in</body></html>", "not JSON (line 1)"),
    "nothing.json": (b"", "empty"),
    "blank.json": (b"  \n ", "empty"),
    "line.json": (b'{"Records":["' + b"x" * 100_000_000 + b'"]}', "a line longer than 64 MiB"),
    "zeros.json": (b"\0" * 64, "not JSON (line 1)"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_set_aside_by_name_and_the_rest_is_read(tmp_path: Path, name: str) -> None:
    data, reason = HOSTILE[name]
    put(tmp_path / "deep" / name, data)
    put(tmp_path / "good.json", document(some(2)))
    found = adds_up(tmp_path)
    assert dict(found.files.set_aside) == {f"deep/{name}": reason}
    assert len(found.frame) == found.records == 2


def test_a_bomb_is_bounded_by_bytes_as_well() -> None:
    with pytest.raises(FileRefusedError, match="inflates to more than 1 MiB"):
        inflate(gzip.compress(os.urandom(2_000_000)), Limits(size=2**20))


def test_a_bomb_stops_early() -> None:
    compressor = zlib.compressobj(9, wbits=31)
    data = b"".join(compressor.compress(b"\0" * 2**20) for _ in range(512)) + compressor.flush()
    grown: list[int] = []
    original = zlib.decompressobj

    class Counting:
        def __init__(self, bits: int) -> None:
            self._inner = original(bits)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        def decompress(self, rest: bytes, most: int) -> bytes:
            piece = self._inner.decompress(rest, most)
            grown.append(len(piece))
            return piece

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bedrock_guard.account.trail_files.zlib.decompressobj", Counting)
        with pytest.raises(FileRefusedError, match="200 times"):
            inflate(data)
    assert sum(grown) < 128 * 2**20


def test_a_very_repetitive_trail_is_no_bomb(tmp_path: Path) -> None:
    line = json.dumps(record(eventID="same"))
    put(tmp_path / "same.json.gz", gzip.compress(f'{{"Records":[{",".join([line] * 20_000)}]}}'.encode()))
    assert dict(adds_up(tmp_path).left_out) == {"duplicate": 19_999}


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links on this system")
def test_links_are_never_followed(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside" / "secret.json", document(some(1)))
    folder = tmp_path / "folder"
    inside = put(folder / "a" / "good.json", document(some(1)))
    (folder / "a" / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "self.json").symlink_to("self.json")
    (folder / "out.json").symlink_to(outside)
    (folder / "out").symlink_to(outside.parent, target_is_directory=True)
    (folder / "again.json").symlink_to(inside)
    (folder / "gone.json").symlink_to(folder / "nothing.json")
    found = adds_up(folder)
    assert found.records == 1
    aside = dict(found.files.set_aside)
    assert set(aside) == {"a/loop", "self.json", "out.json", "out", "again.json", "gone.json"}
    assert "out of the folder" in aside["out.json"]
    assert "out of the folder" in aside["out"]
    assert "loop" in aside["a/loop"]
    assert "circle" in aside["self.json"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    assert dict(adds_up(tmp_path).files.set_aside) == {"pipe.json": "not a regular file"}


def test_a_broken_line_among_lines_is_one_unreadable_record(tmp_path: Path) -> None:
    good = [json.dumps(item) for item in some(3)]
    lines = [good[0], '{"eventName": "Inv', good[1], '{"a": NaN}', '{"d":' + "[" * 100_000, good[2]]
    put(tmp_path / "lines.jsonl", "\n".join(lines).encode())
    found = adds_up(tmp_path)
    assert (len(found.frame), dict(found.left_out)) == (3, {"unreadable": 3})
    put(tmp_path / "lines.jsonl", "\n".join(lines[1:]).encode())
    found = adds_up(tmp_path)
    assert (len(found.frame), dict(found.left_out)) == (2, {"unreadable": 3})


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("[]", 0),
        ('{"Records": null}', 0),
        ("7", 1),
        ('"text"', 1),
        ("[1, 2]", 2),
        ('{"Records": {}}', 1),
        ("{} {}", 2),
    ],
)
def test_odd_documents_count_what_they_hold(text: str, count: int) -> None:
    assert len(parse(text.encode())) == count


def test_a_window_keeps_what_is_inside_and_counts_the_rest(tmp_path: Path) -> None:
    hours = [record(eventID=f"w{hour}", eventTime=f"2026-10-01T{hour:02}:00:00Z") for hour in range(6)]
    put(tmp_path / "a.json", document(hours))
    start = datetime(2026, 10, 1, 1, tzinfo=UTC)
    found = adds_up(tmp_path, start=start, end=start + timedelta(hours=2))
    assert (len(found.frame), dict(found.left_out)) == (2, {"outside_window": 4})


def test_nothing_there_and_nothing_inside(tmp_path: Path) -> None:
    with pytest.raises(GuardError, match="no folder or file"):
        read_folder(tmp_path / "nowhere")
    found = adds_up(tmp_path)
    assert (found.records, len(found.frame)) == (0, 0)
    assert adds_up(put(tmp_path / "one.json", document(some(1)))).records == 1


def test_the_table_survives_its_file(trail: Path, tmp_path: Path) -> None:
    found = adds_up(trail)
    path = write_parquet(found, tmp_path / "out" / "calls.parquet")
    back = read_parquet(path)
    pd.testing.assert_frame_equal(back.frame, found.frame)
    assert back.summary == found.summary
    assert back.files == found.files
    assert provenance_of(back.frame) == provenance_of(found.frame)
    assert [p.name for p in path.parent.iterdir()] == ["calls.parquet"]


def test_a_failed_write_leaves_the_old_file(
    trail: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = adds_up(trail)
    path = write_parquet(found, tmp_path / "out" / "calls.parquet")
    before = path.read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    with pytest.raises(OSError, match="No space"):
        write_parquet(found, path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["calls.parquet"]


# Event history -----------------------------------------------------------------------------------------------------

START = datetime(2026, 10, 1, tzinfo=UTC)
END = datetime(2026, 11, 1, tzinfo=UTC)
BEDROCK = ("EventSource", "bedrock.amazonaws.com")
IAM = ("EventSource", "iam.amazonaws.com")


class Stubbed:
    """Real boto3 clients with prepared answers, one queue a Region."""

    partition = "aws"

    def __init__(self) -> None:
        self.clock = DemoClock()
        self.clients: dict[str, Any] = {}
        self.stubs: dict[str, Stubber] = {}

    def stub(self, region: str) -> Stubber:
        self.client("cloudtrail", region)
        return self.stubs[region]

    def client(self, service: str, region: str | None = None) -> Any:
        name = region or "us-east-1"
        if name not in self.clients:
            self.clients[name] = boto3.client(
                service,
                region_name=name,
                aws_access_key_id="testing",
                aws_secret_access_key="testing",
                config=Config(retries={"total_max_attempts": 1}),
            )
            self.stubs[name] = Stubber(self.clients[name])
            self.stubs[name].activate()
        return self.clients[name]


def page(records: list[Any], token: str | None = None) -> dict[str, Any]:
    events = [{"EventId": item["eventID"], "CloudTrailEvent": json.dumps(item)} for item in records]
    return {"Events": events} | ({"NextToken": token} if token else {})


def expected(attribute: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {
        "LookupAttributes": [{"AttributeKey": attribute[0], "AttributeValue": attribute[1]}],
        "StartTime": START,
        "EndTime": END,
        "MaxResults": 50,
        **more,
    }


@pytest.fixture
def account() -> Stubbed:
    return Stubbed()


def test_a_walk_asks_every_page_at_two_a_second(account: Stubbed) -> None:
    stub = account.stub("eu-central-1")
    stub.add_response("lookup_events", page(some(2), "t1"), expected(BEDROCK))
    stub.add_response("lookup_events", page([], "t2"), expected(BEDROCK, NextToken="t1"))
    stub.add_response("lookup_events", page(some(1)), expected(BEDROCK, NextToken="t2"))
    found = look_up(account, ["eu-central-1"], START, END, attributes=[BEDROCK])
    assert (found.walks[0].events, found.walks[0].pages, found.walks[0].completeness) == (3, 3, "complete")
    assert len(found.reading.frame) == 3
    assert (account.clock.now() - account.clock.start).total_seconds() == 1.0
    proof = provenance_of(found.reading.frame)
    assert (proof.requests, proof.completeness) == (3, "floor")
    assert "data events" in proof.why
    stub.assert_no_pending_responses()


def test_look_ups_of_one_region_share_its_two_requests_a_second(account: Stubbed) -> None:
    stub = account.stub("eu-central-1")
    for _ in range(2):
        stub.add_response("lookup_events", page(some(1)))
        look_up(account, ["eu-central-1"], START, END, attributes=[BEDROCK])
    assert (account.clock.now() - account.clock.start).total_seconds() == 0.5


def test_a_walk_that_stopped_says_how_far_back_it_came(account: Stubbed) -> None:
    newest_first = [{"EventTime": END - timedelta(hours=n), "CloudTrailEvent": "{}"} for n in range(1, 4)]
    account.stub("us-east-1").add_response("lookup_events", {"Events": newest_first, "NextToken": "t"})
    (walk,) = look_up(account, ["us-east-1"], START, END, attributes=[BEDROCK], most_events=3).walks
    assert walk.completeness == "floor"
    assert "none older than 2026-10-31 21:00 UTC" in walk.why


def test_iam_is_asked_in_the_global_region_only(account: Stubbed) -> None:
    account.stub("eu-central-1").add_response("lookup_events", page(some(1)), expected(BEDROCK))
    made = record("CreateUser", eventSource="iam.amazonaws.com", eventID="iam-1", requestParameters=None)
    account.stub("us-east-1").add_response("lookup_events", page([made]), expected(IAM))
    found = look_up(account, ["eu-central-1"], START, END, attributes=[BEDROCK, IAM])
    assert {(walk.region, walk.attribute) for walk in found.walks} == {
        ("eu-central-1", BEDROCK),
        ("us-east-1", IAM),
    }
    assert len(found.reading.frame) == 2


def test_the_same_event_from_two_walks_counts_once(account: Stubbed) -> None:
    twice = some(1)
    stub = account.stub("us-east-1")
    user = ("Username", "BedrockAPIKey-ab12")
    for _ in range(2):
        stub.add_response("lookup_events", page(twice))
    found = look_up(account, ["us-east-1"], START, END, attributes=[BEDROCK, user])
    assert (len(found.reading.frame), dict(found.reading.left_out)) == (1, {"duplicate": 1})


def test_a_repeated_token_ends_the_walk_as_a_floor(account: Stubbed) -> None:
    stub = account.stub("us-east-1")
    stub.add_response("lookup_events", page(some(1), "t"))
    stub.add_response("lookup_events", page(some(1), "t"))
    (walk,) = look_up(account, ["us-east-1"], START, END, attributes=[BEDROCK]).walks
    assert (walk.events, walk.completeness) == (2, "floor")
    assert "repeated a page token" in walk.why


def test_a_cap_is_at_least_so_many(account: Stubbed) -> None:
    account.stub("us-east-1").add_response("lookup_events", page(some(2), "t"))
    (walk,) = look_up(account, ["us-east-1"], START, END, attributes=[BEDROCK], most_events=2).walks
    assert (walk.events, walk.completeness) == (2, "floor")


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ThrottlingException", "InvalidNextTokenException"]
)
def test_a_failed_walk_is_unknown_and_never_zero(account: Stubbed, code: str) -> None:
    account.stub("us-east-1").add_client_error("lookup_events", code)
    found = look_up(account, ["us-east-1"], START, END, attributes=[BEDROCK])
    assert found.walks[0].completeness == "unknown"
    proof = provenance_of(found.reading.frame)
    assert proof.completeness == "unknown"
    assert code in proof.why


def test_an_error_after_some_pages_keeps_them_as_a_floor(account: Stubbed) -> None:
    stub = account.stub("us-east-1")
    stub.add_response("lookup_events", page(some(2), "t"))
    stub.add_client_error("lookup_events", "ThrottlingException")
    found = look_up(account, ["us-east-1"], START, END, attributes=[BEDROCK])
    assert (len(found.reading.frame), found.walks[0].completeness) == (2, "floor")


def test_an_answer_that_is_not_aws_is_no_empty_history(account: Stubbed) -> None:
    account.stub("us-east-1").add_response("lookup_events", {})
    (walk,) = look_up(account, ["us-east-1"], START, END, attributes=[BEDROCK]).walks
    assert walk.completeness == "unknown"


def test_a_window_older_than_the_history_says_so(account: Stubbed) -> None:
    account.stub("us-east-1").add_response("lookup_events", page([]))
    old = account.clock.now() - timedelta(days=200)
    found = look_up(account, ["us-east-1"], old, account.clock.now(), attributes=[BEDROCK])
    proof = provenance_of(found.reading.frame)
    assert "90 days" in proof.why
    assert proof.window_start == account.clock.start - timedelta(days=90)


@pytest.mark.parametrize(
    "call",
    [
        lambda account: look_up(
            account, ["us-east-1"], START, END, attributes=[("ErrorCode", "AccessDenied")]
        ),
        lambda account: look_up(account, ["us-east-1"], START, END, attributes=[]),
        lambda account: look_up(account, ["us-east-1"], END, START),
        lambda account: look_up(account, ["us-east-1"], START.replace(tzinfo=None), END),
    ],
)
def test_what_cannot_be_asked_is_refused(account: Stubbed, call: Callable[[Stubbed], Any]) -> None:
    with pytest.raises(GuardError):
        call(account)


def test_threads_share_one_pace() -> None:
    import threading

    clock = DemoClock()
    pacer = Pacer(2, clock)
    turns: list[datetime] = []
    original = clock.sleep
    lock = threading.Lock()

    def noted(seconds: float) -> None:
        with lock:
            turns.append(clock.start + timedelta(seconds=seconds))
        _ = original

    clock.sleep = noted  # type: ignore[method-assign]
    threads = [threading.Thread(target=pacer.wait) for _ in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((turn - clock.start).total_seconds() for turn in turns) == [0.5 * n for n in range(1, 9)]


# Two forms of the same file --------------------------------------------------------------------------------------


def compact(records: list[Any]) -> bytes:
    return json.dumps({"Records": records}, separators=(",", ":")).encode()


def delivered(source: str, name: str, **members: Any) -> dict[str, Any]:
    return {"eventVersion": "1.11", "eventID": f"d-{next(NUMBER)}", "eventTime": "2026-10-01T08:00:00Z"} | {
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        **members,
    }


NESTED = {"eventVersion": "1.0", "eventSource": "bedrock.amazonaws.com", "eventName": "InvokeModel"}
TRICKY: list[Any] = [
    delivered("kms", "Decrypt", requestParameters={"list": [{"a": 1}, NESTED, NESTED]}),
    delivered("kms", "Decrypt", requestParameters={"text": '},{"eventVersion":"1.11","eventSource":"x"'}),
    delivered(
        "kms", "Decrypt", requestParameters={"list": [{"a": 1}, {"eventVersion": "1.0"}, {"b": "}{]["}]}
    ),
    delivered("kms", "Decrypt", userAgent='"eventSource":"bedrock.amazonaws.com"'),
    delivered("kms", "Decrypt", userAgent="{{{"),
    delivered("bedrock", "InvokeModel", requestParameters={"list": [{"a": 1}, {"eventVersion": "1.0"}]}),
    delivered("bedrock", "InvokeModel", requestParameters={"eventSource": "kms.amazonaws.com"}),
    delivered("bedrock", "InvokeModel", eventType="AwsCloudTrailInsight"),
    delivered("ec2", "DescribeInstances", eventType="AwsServiceEvent"),
    {"eventVersion": "1.11"},
    {"eventVersion": "1.11", "eventSource": "kms.amazonaws.com"},
    {},
    {"x": {"y": 1}},
    {"eventTime": "2026-10-01T08:00:00Z", **NESTED},
    7,
    "text",
    None,
    ["x"],
]


@pytest.mark.parametrize("tricky", TRICKY, ids=range(len(TRICKY)))
def test_the_form_of_a_file_changes_nothing(tmp_path: Path, tricky: Any) -> None:
    ordinary = [
        delivered("kms", "Decrypt"),
        delivered("bedrock", "Converse"),
        delivered("ec2", "DescribeImages"),
    ]
    for place in range(len(ordinary) + 1):
        records = [*ordinary[:place], tricky, *ordinary[place:]]
        put(tmp_path / "file.json", compact(records))
        first = adds_up(tmp_path)
        put(tmp_path / "file.json", json.dumps({"Records": records}, indent=1).encode())
        second = adds_up(tmp_path)
        assert first.summary == second.summary
        pd.testing.assert_frame_equal(first.frame, second.frame)


def test_a_pipe_stays_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with whole_file(pipe) as target:
            target.write_bytes(b"rows")
        assert os.read(reader, 8) == b"rows"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
