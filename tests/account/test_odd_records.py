"""Whatever stands in the records, every way of reading them tells the same, and what they hold adds up."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from odd_records import ACCOUNT, OTHER, odd_records
from other_readers import DuckDB, read_folder, write_parquet

from bedrock_guard.account.engines import count
from bedrock_guard.account.investigation import investigate
from bedrock_guard.account.session import Account
from bedrock_guard.account.stored_calls import key_calls
from bedrock_guard.account.trail import read_parquet
from bedrock_guard.account.trail_reader import TrailReader
from bedrock_guard.account.trail_store import TrailStore
from bedrock_guard.evidence.moments import read_time
from bedrock_guard.evidence.tables import provenance_of
from bedrock_guard.present import keys as show

BY = ("source_ip",)
KEY = "arn:aws:kms:us-east-1:111122223333:key/abc"


def delivered(root: Path, records: list[Any], account: str = ACCOUNT, day: int = 2) -> Path:
    folder = root / f"AWSLogs/{account}/CloudTrail/us-east-1/2026/10/{day:02}"
    folder.mkdir(parents=True, exist_ok=True)
    number = len(list(folder.iterdir()))
    path = folder / f"{account}_CloudTrail_us-east-1_202610{day:02}T0005Z_{number:04}.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"Records": records}).encode()))
    return path


def stored(root: Path, folder: Path) -> TrailStore:
    store = TrailStore(folder)
    store.refresh(root)
    return store


def decided(tuples: pd.DataFrame) -> pd.DataFrame:
    known = tuples["service"].str.startswith(("bedrock", "ec2", "aws-external-anthropic"))
    return tuples[known].reset_index(drop=True)


@pytest.mark.parametrize("seed", range(4))
def test_every_reader_and_the_sql_tell_the_same(tmp_path: Path, seed: int) -> None:
    records = odd_records(1500, seed)
    path = delivered(tmp_path / "trail", records)
    fast, careful = TrailReader().read(path), TrailReader(fast=None).read(path)
    assert fast == careful
    store = stored(tmp_path / "trail", tmp_path / "store")
    told = store.summary()
    assert told["records"] == len(records) == told["rows"] + sum(told["left_out"].values())
    assert read_folder(tmp_path / "trail").summary == told
    by_row, by_sql = store.tuples(by=BY), count(DuckDB(tmp_path / "trail"), by=BY)
    assert len(by_sql) > 300
    pd.testing.assert_frame_equal(by_sql, decided(by_row))
    assert by_row["calls"].sum() == told["rows"]


def test_counts_that_no_call_can_have_are_unknown_and_never_break_a_sum(tmp_path: Path) -> None:
    extra = {"inputTokens": 2**63 - 1, "outputTokens": "9223372036854775807"}
    records = [invoked(number, additionalEventData=extra) for number in range(3)]
    delivered(tmp_path / "trail", records)
    tuples = stored(tmp_path / "trail", tmp_path / "store").tuples()
    assert tuples["untold"].sum() == 3
    assert tuples[["input_tokens", "output_tokens"]].isna().all(axis=None)


def test_calls_of_nobody_are_shown_and_answered(tmp_path: Path) -> None:
    marked = {"callWithBearerToken": True, "bearerTokenType": "SHORT_TERM"}
    nobodys = {"additionalEventData": marked, "userIdentity": None}
    users = {**nobodys, "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/ana"}}
    asked = [
        invoked(1, **nobodys),
        invoked(2, **users),
        invoked(3, userIdentity=None, eventName="CreateAgent"),
    ]
    delivered(tmp_path / "trail", asked)
    store = stored(tmp_path / "trail", tmp_path / "store")
    start, end = read_time("2026-10-01T00:00:00Z"), read_time("2026-10-04T00:00:00Z")
    assert start
    assert end
    calls, _ = key_calls(store.folder, start, end, ACCOUNT)
    case = replace(investigate(Account.demo(days=3, calls=200), days=3), calls=calls)
    assert list(show.sessions(case).frame["signing_keys"]) == [0, 0]
    assert "CreateAgent by an unknown caller" in case.answers[19].answer
    for view in (show.first, show.findings, show.used, show.mantle, show.told):
        assert view(case).text()


# One action, two accounts -------------------------------------------------------------------------------------------


def invoked(number: int, **members: Any) -> dict[str, Any]:
    return {
        "eventTime": "2026-10-02T08:00:00Z",
        "eventSource": "bedrock.amazonaws.com",
        "eventName": "InvokeModel",
        "eventID": f"{number:08}-0000-4000-a000-000000000001",
        "awsRegion": "us-east-1",
        "recipientAccountId": ACCOUNT,
        "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/ana", "accountId": ACCOUNT},
        "requestParameters": {"modelId": f"arn:aws:bedrock:us-east-1:{OTHER}:custom-model-deployment/abc"},
        "additionalEventData": {"inputTokens": 10, "outputTokens": 5, "callWithBearerToken": True},
        **members,
    }


def pair(number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The owner's record, which has the smaller id, is delivered first and sorts first; and the caller's."""
    shared = {"sharedEventID": f"{number:08}-0000-4000-b000-000000000001"}
    stranger = {"type": "AWSAccount", "accountId": ACCOUNT, "principalId": "AIDAEXAMPLE"}
    owners = invoked(2 * number, recipientAccountId=OTHER, userIdentity=stranger, **shared)
    return owners, invoked(2 * number + 1, **shared)


@pytest.fixture
def organization(tmp_path: Path) -> Path:
    """Four actions over two accounts, two in one, and an id shared by nobody; delivered on two days."""
    root = tmp_path / "trail"
    pairs = [pair(number) for number in range(4)]
    alone = [invoked(100), invoked(101), invoked(102, sharedEventID="00000000-0000-4000-c000-000000000001")]
    delivered(root, [owners for owners, _ in pairs], OTHER, day=2)
    delivered(root, [callers for _, callers in pairs] + alone, day=3)
    return root


def test_an_action_over_two_accounts_counts_once_where_its_caller_is(
    organization: Path, tmp_path: Path
) -> None:
    store = stored(organization, tmp_path / "store")
    expected = {"records": 11, "rows": 7, "left_out": {"twin": 4}}
    assert store.summary() == read_folder(organization).summary == expected
    for calls in (store.calls(), read_folder(organization).frame):
        assert set(calls["account_id"]) == {ACCOUNT}
        assert (len(calls), calls["input_tokens"].sum()) == (7, 70)
    tuples, counted = store.tuples(), count(DuckDB(organization))
    pd.testing.assert_frame_equal(counted, tuples)
    assert (tuples["calls"].sum(), tuples["output_tokens"].sum()) == (7, 35)
    start, end = read_time("2026-10-02T00:00:00Z"), read_time("2026-10-03T00:00:00Z")
    assert store.summary(start, end)["rows"] == 7
    delivered(organization, [invoked(100)], day=4)
    again = {"records": 12, "rows": 7, "left_out": {"duplicate": 1, "twin": 4}}
    assert stored(organization, tmp_path / "again").summary() == read_folder(organization).summary == again


def test_events_of_one_account_are_never_taken_for_one_action(organization: Path, tmp_path: Path) -> None:
    shared = {"sharedEventID": "00000000-0000-4000-b000-000000000001"}  # that of a pair
    nobodys = invoked(302, recipientAccountId=None, userIdentity=None, **shared)
    delivered(organization, [invoked(300, **shared), invoked(301, **shared), nobodys], day=3)
    store = stored(organization, tmp_path / "store")
    assert store.summary() == read_folder(organization).summary
    assert store.summary()["rows"] == 9
    pd.testing.assert_frame_equal(count(DuckDB(organization)), store.tuples())


def test_what_is_asked_of_one_account_keeps_its_own_record(organization: Path, tmp_path: Path) -> None:
    store = stored(organization, tmp_path / "store")
    start, end = read_time("2026-10-01T00:00:00Z"), read_time("2026-10-04T00:00:00Z")
    assert start
    assert end
    owners, _ = key_calls(store.folder, start, end, OTHER)
    callers, _ = key_calls(store.folder, start, end, ACCOUNT)
    assert (len(owners), len(callers)) == (4, 7)


def test_a_store_of_before_shared_ids_were_kept_is_read_and_merged(
    organization: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bedrock_guard.account import trail_store

    older = trail_store.SCHEMA.remove(trail_store.SCHEMA.get_field_index("shared_event_id"))
    first, second = sorted(organization.rglob("*.gz"))
    with monkeypatch.context() as patch:
        patch.setattr(trail_store, "SCHEMA", older)
        store = stored(first, tmp_path / "store")
    assert store.calls()["shared_event_id"].isna().all()
    store.refresh(second)
    assert store.summary()["rows"] == 11
    delivered(organization, [invoked(200)], OTHER, day=2)
    store.refresh(organization)
    assert store.tidy(read_time("2027-01-01T00:00:00Z").date()) == 1
    assert store.summary()["rows"] == 12


def test_a_file_of_calls_of_before_shared_ids_were_kept_is_read(organization: Path, tmp_path: Path) -> None:
    found = read_folder(organization)
    path = write_parquet(found, tmp_path / "calls.parquet")
    older = pd.read_parquet(path).drop(columns="shared_event_id")
    older.to_parquet(path)
    assert len(read_parquet(path).frame) == 7
    assert provenance_of(found.frame).completeness == "floor"
