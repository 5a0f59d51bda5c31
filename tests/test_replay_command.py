"""`bedrock-guard replay`: counts that add up, from an account and from a file alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from other_readers import write_parquet

from bedrock_guard.account.investigation import read_calls
from bedrock_guard.account.session import Account
from bedrock_guard.account.situation import example_spec
from bedrock_guard.boundary.builder import build
from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.boundary.controls import title_of
from bedrock_guard.evidence.cube import Cube
from bedrock_guard.evidence.replay import Reach
from bedrock_guard.evidence.tuples import TUPLES
from bedrock_guard.present.replay import by_caller, by_control

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
    assert title_of("approved_models") in of_account.stdout
    assert "CloudTrail" in of_account.stderr


def test_a_boundary_of_ones_own_is_replayed_by_statement(tmp_path: Path) -> None:
    read = read_calls(Account.demo(), 14).reading
    path = write_parquet(read, tmp_path / "calls.parquet")
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    office = {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    deny = {
        "Sid": "OfficeOnly",
        "Effect": "Deny",
        "Action": "bedrock:*",
        "Resource": "*",
        "Condition": office,
    }
    policy = tmp_path / "boundary.json"
    policy.write_text(json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]}))
    found = counted(run(str(policy), "--calls", str(path)))
    assert found["calls"] == len(read.frame)
    assert min(found["allowed"], found["refused"]) > 0
    outside = read.frame[read.frame["source_ip"].fillna("").str.startswith("203.0.113.")]
    worked = outside[outside["denied_by"].isna() & outside["service"].eq("bedrock.amazonaws.com")]
    assert found["refused"] >= len(worked) > 0
    assert found["depends"] > 0, "a service's name says nothing of aws:SourceIp"
    deny.pop("Condition")
    policy.write_text(json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]}))
    done = run(str(policy), "--calls", str(path))
    assert counted(done)["refused"] > 0
    assert "boundary: OfficeOnly" in done.stdout
    policy.write_text("{")
    assert run(str(policy), "--calls", str(path)).stderr.startswith("error:")


def test_a_spec_that_is_none_ends_in_plain_words(tmp_path: Path) -> None:
    path = tmp_path / "no.toml"
    path.write_text("x = 1", encoding="utf-8")
    done = run(str(path))
    assert done.returncode == 2
    assert done.stderr.startswith("error:")
    assert "Traceback" not in done.stderr


def test_depending_and_already_denied_calls_are_classes_of_their_own() -> None:
    seen = pd.Timestamp("2026-11-01T00:00Z")
    arn = "arn:aws:iam::000000000011:role/a"

    def row(model: str, number: int, **more: object) -> dict[str, object]:
        base = {
            "account_id": "000000000011",
            "principal": arn,
            "region": "us-east-1",
            "key_kind": "none",
            "service": "bedrock.amazonaws.com",
            "operation": "Converse",
            "parameters": json.dumps({"modelId": model}),
            "already_denied": False,
            "day": seen,
            "calls": number,
            "untold": number,
            "first_seen": seen,
            "last_seen": seen,
        }
        return base | more

    haiku = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
    rows = [
        row(haiku, 3),
        row("anthropic.claude-opus-4-8", 2),
        row(haiku, 5, key_kind="unknown"),
        row("anthropic.claude-opus-4-8", 7, already_denied=True),
        row(haiku, 2, key_kind="unknown", principal=None),
    ]
    judged = Cube.of(TUPLES.frame(rows), shipped()).judge(Reach(build(example_spec()), at=seen))
    assert judged.totals == {"calls": 19, "allowed": 3, "refused": 2, "depends": 7, "already_denied": 7}
    shown = by_control(judged).frame
    assert list(zip(shown["would_be"], shown["control"], shown["calls"], strict=True)) == [
        ("refused", title_of("approved_models"), 2),
        ("depends", title_of("long_term_key_use"), 7),
    ]
    assert list(shown["depends_on"]) == ["", "whether an API key was used"]
    assert set(by_caller(judged).frame["caller"]) == {"role a", "unknown"}
