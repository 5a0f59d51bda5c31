"""`bedrock-guard replay`: counts that add up, from an account and from a file alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from bedrock_guard.account.investigation import read_calls
from bedrock_guard.account.session import Account
from bedrock_guard.account.situation import example_spec
from bedrock_guard.account.trail import write_parquet
from bedrock_guard.present.replay import by_caller, by_control, summed

MAIN = [sys.executable, "-c", "from bedrock_guard.cli import main; main()"]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"AWS_PROFILE": "not-there", "AWS_ENDPOINT_URL": "http://192.0.2.1"}
    return subprocess.run([*MAIN, "replay", *words], capture_output=True, text=True, env=env, check=False)


def counted(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "guard.toml"
    path.write_text(example_spec().dumps(), encoding="utf-8")
    return str(path)


def test_a_file_and_the_account_it_came_from_say_the_same(spec: str, tmp_path: Path) -> None:
    read = read_calls(Account.demo(), 14).reading
    path = write_parquet(read, tmp_path / "calls.parquet")
    of_file, of_account = run(spec, "--calls", str(path)), run(spec, "--days", "14")
    found = counted(of_account)
    assert counted(of_file) == found
    assert found["calls"] == len(read.frame)
    assert found["calls"] == sum(number for name, number in found.items() if name != "calls")
    assert min(found["refused"], found["allowed"], found["already_denied"]) > 0
    assert "approved_models" in of_account.stdout
    assert "CloudTrail" in of_account.stderr


def test_a_spec_that_is_none_ends_in_plain_words(tmp_path: Path) -> None:
    path = tmp_path / "no.toml"
    path.write_text("x = 1", encoding="utf-8")
    done = run(str(path))
    assert done.returncode == 2
    assert done.stderr.startswith("error:")
    assert "Traceback" not in done.stderr


def decided(**columns: object) -> pd.DataFrame:
    seen = pd.Timestamp("2026-11-01T00:00Z")
    base = {
        "account_id": "111122223333",
        "principal": "arn:aws:iam::111122223333:role/a",
        "client": "boto3",
        "model": "m",
        "already_denied": False,
        "calls": 2,
        "last_seen": seen,
        "verdict": "allowed",
        "control": pd.NA,
        "hangs_on": pd.NA,
    }
    return pd.DataFrame([base | columns])


def test_open_and_already_denied_calls_are_classes_of_their_own() -> None:
    parts = [
        decided(calls=3),
        decided(verdict="refused", control="approved_models"),
        decided(verdict="depends", control="approved_models", hangs_on="the resource", calls=5),
        decided(verdict="refused", control="approved_models", already_denied=True, calls=7),
        decided(verdict="depends", principal=pd.NA),
    ]
    rows = pd.concat(parts, ignore_index=True)
    assert summed(rows) == {"calls": 19, "allowed": 3, "refused": 2, "depends": 7, "already_denied": 7}
    shown = by_control(rows).frame
    assert list(zip(shown["would_be"], shown["control"], shown["calls"], strict=True)) == [
        ("refused", "approved_models", 2),
        ("open", "approved_models", 5),
        ("open", "unknown", 2),
    ]
    assert set(by_caller(rows).frame["caller"]) == {"role a", "unknown"}
