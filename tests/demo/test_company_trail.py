"""The demo history as CloudTrail files."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from bedrock_guard.demo.company import Company, make_company
from bedrock_guard.demo.company.trail import write_trail

NAME = re.compile(
    r"AWSLogs/o-demo000001/(?P<account>\d{12})/CloudTrail/(?P<region>[a-z]{2}-[a-z]+-\d)/(?P<day>\d{4}/\d\d/\d\d)/"
    r"(?P=account)_CloudTrail_(?P=region)_(?P<stamp>\d{8}T\d{4}Z)_[A-Za-z0-9]{16}\.json\.gz"
)


@pytest.fixture(scope="module")
def company() -> Company:
    return make_company(calls=2_000)


def records(folder: Path) -> list[tuple[re.Match[str], list[dict]]]:
    found = []
    for path in sorted(folder.rglob("*.gz")):
        match = NAME.fullmatch(path.relative_to(folder).as_posix())
        assert match, path
        found.append((match, json.loads(gzip.decompress(path.read_bytes()))["Records"]))
    return found


def test_every_record_lies_once_under_its_account_and_region(company, tmp_path):
    written = write_trail(company, tmp_path)
    files = records(tmp_path)
    ids = [record["eventID"] for _, batch in files for record in batch]
    assert written.files == len(files)
    assert written.records == len(ids)
    assert sorted(ids) == sorted(record["eventID"] for record in company.events)
    for match, batch in files:
        assert {record["recipientAccountId"] for record in batch} == {match["account"]}
        assert {record["awsRegion"] for record in batch} == {match["region"]}
        assert match["stamp"][:8] == match["day"].replace("/", "")


def test_a_late_record_lies_in_the_next_days_folder(company, tmp_path):
    write_trail(company, tmp_path)
    late = [
        (match["day"], record["eventTime"])
        for match, batch in records(tmp_path)
        for record in batch
        if record["eventTime"][:10].replace("-", "/") != match["day"]
    ]
    assert late
    assert all(when[11:16] >= "23:54" for _, when in late)


def test_records_of_a_file_are_not_in_order(company, tmp_path):
    write_trail(company, tmp_path)
    longest = max((batch for _, batch in records(tmp_path)), key=len)
    times = [record["eventTime"] for record in longest]
    assert times != sorted(times)


def test_the_same_history_gives_the_same_bytes(company, tmp_path):
    for name in ("a", "b"):
        write_trail(company, tmp_path / name)
    first, second = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.gz")}
        for name in ("a", "b")
    )
    assert first == second


def test_the_history_can_be_cut_into_more_calls(company, tmp_path):
    written = write_trail(company, tmp_path / "with a space", events=5_000)
    calls = [
        record
        for _, batch in records(tmp_path / "with a space")
        for record in batch
        if record["eventName"].startswith(("Converse", "InvokeModel")) and "errorCode" not in record
    ]
    assert len(calls) == 5_000
    assert written.records > 5_000
