"""The shipped schedules: each file is checked by the tool that reads it, and its command is run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from bedrock_guard.account.permissions import actions
from bedrock_guard.cli import app
from bedrock_guard.reports.parameter_file import read_file
from bedrock_guard.reports.settings import read_parameters

SCHEDULES = Path(__file__).parent.parent.parent / "docs" / "schedules"
PROGRAM = Path(sys.executable).parent / "bedrock-guard"


class Loose(yaml.SafeLoader):
    """CloudFormation's short forms as plain values."""


Loose.add_multi_constructor("!", lambda loader, tag, node: {tag: getattr(node, "value", None)})


def parsed(words: list[str]) -> dict[str, Any]:
    """The options as the real command line reads them."""
    command = typer.main.get_command(app).commands["report"]  # type: ignore[attr-defined]
    return dict(command.make_context("report", list(words), resilient_parsing=False).params)


def stub(folder: Path, statuses: dict[str, int]) -> dict[str, str]:
    """A bedrock-guard that records its arguments, leaves a summary and ends as it is told."""
    program = folder / "bin" / "bedrock-guard"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        f"open({str(folder / 'asked')!r}, 'a').write(json.dumps(sys.argv[1:]) + '\\n')\n"
        "run = f'out/latest_{sys.argv[2]}'\nos.makedirs(run, exist_ok=True)\n"
        "open(run + '/summary.md', 'w').write('ten lines')\n"
        f"sys.exit({statuses!r}[sys.argv[2]])\n"
    )
    program.chmod(0o755)
    return os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}"}


def asked(folder: Path) -> list[list[str]]:
    return [json.loads(line) for line in (folder / "asked").read_text().splitlines()]


@pytest.mark.parametrize("name", ["cost", "keys"])
def test_the_parameter_files_are_a_reports_own(name: str) -> None:
    given = read_file(SCHEDULES / f"{name}.yaml")
    assert given.pop("out")
    assert read_parameters(name, given)


def cron_commands() -> list[str]:
    lines = [line for line in (SCHEDULES / "cron.txt").read_text().splitlines() if line[:1].isdigit()]
    return [line.split(None, 5)[5] for line in lines]


def set_up(folder: Path, name: str) -> None:
    """The shipped parameters, but of the demo account."""
    text = (SCHEDULES / f"{name}.yaml").read_text()
    assert text.count("account: default") == 1
    (folder / f"{name}.yaml").write_text(text.replace("account: default", "account: demo"))


def bare(folder: Path) -> dict[str, str]:
    """What cron and systemd leave of an environment; where the project is imported from, for a checkout's tests."""
    kept = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    return kept | {"HOME": str(folder), "PATH": f"{PROGRAM.parent}:/usr/bin:/bin", "LOGNAME": "report"}


@pytest.mark.slow
def test_crons_line_runs_the_report_in_an_empty_environment_and_its_status_is_the_reports(
    tmp_path: Path,
) -> None:
    commands = cron_commands()
    assert [command.split("report ")[1].split()[0] for command in commands] == ["cost", "keys"]
    assert not any("%" in command for command in commands), "cron ends a line there"
    set_up(tmp_path, "keys")
    here = commands[1].replace("/var/lib/bedrock-guard", str(tmp_path)) + " --plots script"
    done = subprocess.run(
        ["/bin/sh", "-c", here], check=False, capture_output=True, text=True, env=bare(tmp_path)
    )
    assert done.returncode == 1, done.stderr
    assert "Bedrock keys" in done.stdout
    assert (tmp_path / "reports" / "latest_keys" / "report.html").is_file()


@pytest.mark.slow
def test_systemds_command_runs_the_report_with_nothing_but_its_own_environment(tmp_path: Path) -> None:
    unit = (SCHEDULES / "bedrock-guard-cost.service").read_text().splitlines()
    given = [line.partition("=")[2] for line in unit if line.startswith("Environment=")]
    (start,) = [line.partition("=")[2] for line in unit if line.startswith("ExecStart=")]
    places = {
        "/opt/bedrock-guard/.venv/bin/bedrock-guard": PROGRAM,
        "/etc/bedrock-guard": tmp_path,
        "/var/lib/bedrock-guard": tmp_path / "state",
        "/var/cache/bedrock-guard": tmp_path / "cache",
    }
    set_up(tmp_path, "cost")
    (tmp_path / "state").mkdir()

    def here(text: str) -> str:
        for shipped, own in places.items():
            text = text.replace(shipped, str(own))
        return text

    own = dict(here(line).split("=", 1) for line in given)
    done = subprocess.run(
        [*here(start).split(), "--plots", "script"],
        check=False, capture_output=True, text=True, cwd=tmp_path / "state", env=bare(tmp_path) | own,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "SuccessExitStatus=1" in unit
    assert (tmp_path / "state" / "reports" / "latest_cost" / "report.html").is_file()
    assert not [p for p in tmp_path.iterdir() if p.name not in {"cost.yaml", "state", "cache"}]


def test_the_scripts_are_sound() -> None:
    lint = shutil.which("shellcheck")
    if not lint:
        pytest.skip("no shellcheck on this machine: apt-get install shellcheck")
    flow = yaml.safe_load((SCHEDULES / "github-actions.yml").read_text())
    steps = [
        step["run"].replace("${{ matrix.report }}", "cost")
        for step in flow["jobs"]["report"]["steps"]
        if "run" in step
    ]
    scripts = [("sh", one) for one in cron_commands()] + [("bash", one) for one in steps]
    scripts += [("bash", script_of("codebuild")[0][2]), ("sh", script_of("ecs")[0][2])]
    for shell, script in scripts:
        done = subprocess.run(
            [lint, "-s", shell, "-"], input=script, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze on this machine")
    for name in ("bedrock-guard-cost.service", "bedrock-guard-cost.timer"):
        text = (
            (SCHEDULES / name).read_text().replace("/opt/bedrock-guard/.venv/bin/bedrock-guard", str(PROGRAM))
        )
        (tmp_path / name).write_text(text)
    found = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run(["systemd-analyze", "verify", *found], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    start = next(
        line
        for line in (SCHEDULES / "bedrock-guard-cost.service").read_text().splitlines()
        if "ExecStart=" in line
    )
    assert parsed(start.split()[2:])["name"] == "cost"


@pytest.mark.parametrize(("status", "ends"), [(0, 0), (1, 0), (3, 1), (4, 1)])
def test_github_lets_findings_pass_and_nothing_else(status: int, ends: int, tmp_path: Path) -> None:
    flow = yaml.safe_load((SCHEDULES / "github-actions.yml").read_text())
    assert flow["permissions"] == {"id-token": "write", "contents": "read"}
    (step,) = [s for s in flow["jobs"]["report"]["steps"] if s.get("name")]
    script = step["run"].replace("${{ matrix.report }}", "cost")
    env = stub(tmp_path, {"cost": status}) | {"GITHUB_STEP_SUMMARY": str(tmp_path / "shown")}
    done = subprocess.run(["bash", "-e", "-c", script], check=False, cwd=tmp_path, env=env)
    assert done.returncode == ends
    assert (tmp_path / "shown").read_text() == "ten lines"
    (words,) = asked(tmp_path)
    assert parsed(words[1:])["pseudonymise"] is True


def script_of(form: str) -> list[list[str]]:
    """The words that a template's runner starts, one list a command."""
    runner = template(form)["Runner"]["Properties"]
    if form == "codebuild":
        spec = yaml.safe_load(runner["Source"]["BuildSpec"])
        return [["bash", "-c", command] for command in spec["phases"]["build"]["commands"]]
    (container,) = runner["ContainerDefinitions"]
    return [[*container["EntryPoint"], *container["Command"]]]


def template(form: str) -> dict[str, Any]:
    held = yaml.load((SCHEDULES / f"{form}.yaml").read_text(), Loader=Loose)
    return dict(held["Resources"])


def statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    return [s for p in role["Properties"]["Policies"] for s in p["PolicyDocument"]["Statement"]]


@pytest.mark.parametrize("form", ["codebuild", "ecs"])
@pytest.mark.parametrize(("cost", "keys", "ends"), [(0, 0, 0), (1, 0, 0), (0, 3, 1), (4, 0, 1)])
def test_the_runner_runs_both_and_fails_on_the_worst(
    form: str, cost: int, keys: int, ends: int, tmp_path: Path
) -> None:
    env = stub(tmp_path, {"cost": cost, "keys": keys}) | {
        "OUT": "s3://b/p",
        "TOPIC": "arn:aws:sns:us-east-1:111122223333:t",
    }
    for command in script_of(form):
        done = subprocess.run(command, check=False, cwd=tmp_path, env=env)
    assert done.returncode == ends
    assert [words[1] for words in asked(tmp_path)] == ["cost", "keys"]
    assert {parsed(words[1:])["out"] for words in asked(tmp_path)} == {"s3://b/p"}


@pytest.mark.parametrize(("form", "role"), [("codebuild", "RunnerRole"), ("ecs", "TaskRole")])
def test_the_template_passes_cfn_lint_and_holds_the_runners_document(form: str, role: str) -> None:
    lint = Path(sys.executable).parent / "cfn-lint"
    done = subprocess.run(
        [str(lint), str(SCHEDULES / f"{form}.yaml")], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    read, deliver = template(form)[role]["Properties"]["Policies"]
    held = {one for s in read["PolicyDocument"]["Statement"] for one in s["Action"]}
    assert held == actions(("cost", "keys"))
    assert all(statement["Resource"] != "*" for statement in deliver["PolicyDocument"]["Statement"])


def test_what_starts_the_task_may_run_that_task_in_that_cluster_and_hand_it_its_two_roles_only() -> None:
    held = template("ecs")
    run, hand = statements(held["StarterRole"])
    assert (run["Action"], run["Resource"]) == ("ecs:RunTask", {"Ref": "Runner"})
    assert run["Condition"] == {"ArnEquals": {"ecs:cluster": {"GetAtt": "Cluster.Arn"}}}
    assert hand["Action"] == "iam:PassRole"
    assert hand["Resource"] == [{"GetAtt": "TaskRole.Arn"}, {"GetAtt": "StartRole.Arn"}]
    assert hand["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    wide = [s["Action"] for s in statements(held["StartRole"]) if s["Resource"] == "*"]
    assert wide == ["ecr:GetAuthorizationToken"], "no other action of it goes without a resource"


def test_the_task_is_no_root_and_writes_to_its_scratch_volume_only() -> None:
    (container,) = template("ecs")["Runner"]["Properties"]["ContainerDefinitions"]
    assert container["User"] == "1000"
    assert container["ReadonlyRootFilesystem"] is True
    own = {entry["Name"]: entry["Value"] for entry in container["Environment"]}
    scratch = container["MountPoints"][0]["ContainerPath"]
    assert own["HOME"] == own["TMPDIR"] == scratch
    assert f'VOLUME ["{scratch}"]\nUSER 1000' in (SCHEDULES / "Dockerfile").read_text()
