"""The command line as a person meets it: exit statuses, plain errors, nothing left half done."""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bedrock_guard.account.situation import example_spec
from bedrock_guard.cli import app as commands
from bedrock_guard.errors import GuardError

MAIN = [sys.executable, "-c", "from bedrock_guard.cli import main; main()"]
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}


def run(*words: str, stdin: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"COLUMNS": "100", "AWS_PROFILE": "not-there", "AWS_ENDPOINT_URL": "http://192.0.2.1"}
    return subprocess.run(
        [*MAIN, *words], capture_output=True, text=True, input=stdin, cwd=cwd, env=env, check=False
    )


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "guard.toml"
    path.write_text(example_spec().dumps(), encoding="utf-8")
    return path


def test_the_version_is_printed_without_a_command() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("bedrock-guard 0.")


@pytest.mark.parametrize(
    ("command", "words"), [("keys", "[findings]"), ("athena-table", "[o-organization/]")]
)
def test_help_keeps_its_brackets(command: str, words: str) -> None:
    assert words in run(command, "--help").stdout


def test_help_names_every_command() -> None:
    text = run("--help").stdout
    for name in (
        "demo",
        "lab",
        "build",
        "export",
        "scorecard",
        "simulate",
        "lint",
        "calls",
        "tuples",
        "athena-table",
        "replay",
        "keys",
        "decode",
        "report",
        "doctor",
    ):
        assert f" {name} " in text


def test_the_lab_is_not_started_as_root_without_saying_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that would start it is taken down instead of run."""
    started: list[list[str]] = []

    def call(command: list[str]) -> int:
        started.append(command)
        return 0

    monkeypatch.setattr("subprocess.call", call)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    plain = CliRunner().invoke(commands, ["lab", "--no-browser"])
    assert isinstance(plain.exception, GuardError)
    assert not started
    meant = CliRunner().invoke(commands, ["lab", "--no-browser", "--allow-root"])
    assert meant.exit_code == 0
    assert started[0][-2:] == ["--allow-root", "--no-browser"]
    assert "--ip=127.0.0.1" in started[0]


def test_an_error_is_three_plain_lines_and_no_traceback(tmp_path: Path) -> None:
    done = run("build", str(tmp_path / "no\x1b[31mthing.toml"))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr


def test_build_writes_documents_within_their_quota_twice_the_same(spec: Path, tmp_path: Path) -> None:
    first, second = (
        run("build", str(spec), "--out", str(tmp_path / "a")),
        run("build", str(spec), "--out", str(tmp_path / "b")),
    )
    assert first.returncode == second.returncode == 0, first.stderr
    assert "fits without an SCP" in first.stdout
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert {"boundary.json", "scorecard.md"} <= set(names)
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    boundary = json.loads((tmp_path / "a" / "boundary.json").read_text())
    assert any(one["Effect"] == "Allow" for one in boundary["Statement"]), "a boundary carries its ceiling"
    assert len(json.dumps(boundary, separators=(",", ":"))) <= 6144


@pytest.mark.parametrize("form", ["json", "cloudformation", "terraform", "cli", "markdown"])
def test_export_writes_each_form(spec: Path, tmp_path: Path, form: str) -> None:
    done = run("export", str(spec), "--format", form, "--out", str(tmp_path / form))
    assert done.returncode == 0, done.stderr
    assert any((tmp_path / form).iterdir())


def test_build_by_the_accounts_own_models(spec: Path, tmp_path: Path) -> None:
    done = run("build", str(spec), "--out", str(tmp_path / "a"), "--account", "demo")
    assert done.returncode == 0, done.stderr
    assert "Read from account" in (tmp_path / "a" / "scorecard.md").read_text()
    run("build", str(spec), "--out", str(tmp_path / "b"))
    assert "Compiled" in (tmp_path / "b" / "scorecard.md").read_text()
    for path in (tmp_path / "a").glob("*.json"):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), (
            "the demo offers what is shipped"
        )


def test_an_unknown_form_or_a_broken_spec_writes_nothing(spec: Path, tmp_path: Path) -> None:
    assert run("export", str(spec), "--format", "yaml", "--out", str(tmp_path / "x")).returncode == 2
    spec.write_text("version = 1\n[profile.a]\naccounts = [111122223333]\n", encoding="utf-8")
    done = run("build", str(spec), "--out", str(tmp_path / "x"))
    assert done.returncode == 2
    assert "line" in done.stderr
    assert not (tmp_path / "x").exists()


def test_simulate_answers_every_line_in_order_and_ends_with_2_for_a_bad_one(tmp_path: Path) -> None:
    def case(action: str) -> str:
        return json.dumps({"PolicyInputList": [json.dumps(ALLOW)], "ActionNames": [action]})

    cases = tmp_path / "cases.jsonl"
    cases.write_text(
        "\n".join([case("s3:GetObject"), "{broken", case("s3:PutObject")]) + "\n", encoding="utf-8"
    )
    done = run("simulate", "--cases", str(cases))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 2
    assert [a.get("EvaluationResults", [{}])[0].get("EvalDecision") for a in answers] == [
        "allowed",
        None,
        "implicitDeny",
    ]
    assert "Error" in answers[1]
    assert run("simulate", "--cases", "-", stdin=case("s3:GetObject") + "\n").returncode == 0


def test_lint_finds_a_deny_only_boundary(tmp_path: Path) -> None:
    path = tmp_path / "boundary.json"
    deny = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "bedrock:*", "Resource": "*"}],
    }
    path.write_text(json.dumps(deny), encoding="utf-8")
    done = run("lint", str(path))
    assert done.returncode == 1
    assert "boundary" in done.stdout
    assert run("lint", str(path), "--kind", "scp").returncode == 0
    path.write_text('{"Version": "2012-10-17", // note\n}', encoding="utf-8")
    assert run("lint", str(path)).returncode == 2


def test_lint_of_a_spec_says_why_each_finding_is_meant(spec: Path) -> None:
    done = run("lint", str(spec))
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines
    assert all(" Meant: " in line for line in lines)
    assert any("bedrock-guard-scp-1" in line for line in lines)


def test_lint_takes_a_built_document_for_what_it_is(spec: Path, tmp_path: Path) -> None:
    assert run("build", str(spec), "--out", str(tmp_path / "policies")).returncode == 0
    made = sorted((tmp_path / "policies").glob("[bds]*-*.json"))
    assert {path.name[:4] for path in made} == {"deny", "scp-"}
    done = run("lint", *map(str, made))
    assert (done.returncode, done.stderr) == (0, "")
    assert ": error " not in done.stdout
    assert run("lint", "--kind", "boundary", str(made[0])).returncode == 1


def test_calls_counts_every_record(tmp_path: Path) -> None:
    folder = tmp_path / "trail"
    folder.mkdir()
    base = {
        "eventVersion": "1.11",
        "awsRegion": "us-east-1",
        "eventTime": "2026-11-02T10:00:00Z",
        "eventType": "AwsApiCall",
    }
    call = base | {
        "eventID": "1",
        "eventSource": "bedrock.amazonaws.com",
        "eventName": "Converse",
        "requestParameters": {
            "modelId": "amazon.nova-lite-v1:0",
            "messages": [{"content": "PLANTED PROMPT"}],
        },
    }
    other = base | {"eventID": "2", "eventSource": "kms.amazonaws.com", "eventName": "Decrypt"}
    (folder / "a.json").write_text(json.dumps({"Records": [call, call, other]}))
    (folder / "b.json.gz").write_bytes(
        gzip.compress(json.dumps({"Records": [call | {"eventID": "3"}]}).encode())
    )
    (folder / "c.json.gz").write_bytes(gzip.compress(b'{"Records": []}')[:-6])
    done = run("calls", str(folder), "--out", str(tmp_path / "calls.parquet"))
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["records"] == 4
    assert last["rows"] == 2
    assert last["records"] == last["rows"] + sum(last["left_out"].values())
    assert "c.json.gz" in done.stderr
    assert b"PLANTED" not in (tmp_path / "calls.parquet").read_bytes()


def test_decode_never_shows_the_secret() -> None:
    secret = "s" * 40
    key = "ABSK" + base64.b64encode(f"team+ml-at-111122223333:{secret}".encode()).decode()
    done = run("decode", stdin=key)
    assert done.returncode == 0
    assert "111122223333" in done.stdout
    assert secret not in done.stdout + done.stderr
    bad = run("decode", stdin="hunter2")
    assert bad.returncode == 2
    assert "hunter2" not in bad.stdout + bad.stderr


@pytest.mark.parametrize(
    "pair", ["dayz=3", "days=0", "days=many", "time_zone=Mars/Base", "budget_usd=-1", "nonsense"]
)
def test_a_bad_parameter_ends_with_2_and_leaves_nothing(pair: str, tmp_path: Path) -> None:
    done = run("report", "cost", "--out", str(tmp_path / "out"), "--param", pair)
    assert done.returncode == 2, done.stderr
    assert not (tmp_path / "out").exists()


def test_a_cost_export_is_summed_by_model_and_caller_and_proven(tmp_path: Path) -> None:
    from bedrock_guard.demo.company import make_company
    from bedrock_guard.demo.company.exports import write_cur

    write_cur(make_company(days=20, calls=60), tmp_path)
    done = run("spend", "--export", str(tmp_path), "--month", "2026-11")
    assert done.returncode == 0
    for words in ("Usage by model, CUR 2.0, 1 files.", "role contract-review-service", "no caller known"):
        assert words in done.stdout
    assert done.stdout.rstrip().endswith("$0.00")
    assert run("spend", "--export", str(tmp_path), "--month", "2031-01").returncode == 2
