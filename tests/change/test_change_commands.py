"""The commands, as a newcomer types them: on the demo account, kept in a file between commands."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bedrock_guard.cli import main
from bedrock_guard.demo.dispatch import Backend

SPEC = """
version = 1
[profile.team]
accounts = ["111122223333"]
regions = ["us-east-1"]
break_glass = ["arn:aws:iam::111122223333:role/break-glass-admin"]
[[profile.team.model]]
id = "amazon.nova-lite-v1:0"
routes = ["in-region", "us"]
"""
WRITES = ("Create", "Put", "Delete", "Set", "Attach", "Detach", "Update")
CODE = "from bedrock_guard.cli import main; main()"


def run(folder: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", CODE, *words], cwd=folder, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "guard.toml").write_text(SPEC)
    return tmp_path


DEMO = ("--account", "demo", "--state", "demo.sqlite")
TARGETS = ("--target", "role/policy-qa", "--target", "role/search-api")


def test_plan_apply_verify_and_roll_back(folder: Path) -> None:
    status, said = run(folder, "plan", "guard.toml", *DEMO, *TARGETS, "--days", "7")
    assert status == 0, said
    assert "role/policy-qa" in said.partition("## Who was active")[2]
    assert "allowed now, denied after: `" in said
    assert "for example `bedrock:CallWithBearerToken on arn:aws:bedrock:" in said
    (plan,) = (folder / "change").glob("plan-*.json")
    phrase = next(line.strip() for line in said.splitlines() if line.startswith("    apply "))
    assert run(folder, "apply", str(plan), *DEMO)[0] == 2, "nobody typed the phrase"
    status, said = run(folder, "apply", str(plan), "--account", "demo", "--phrase", phrase)
    assert status == 2
    assert "--state FILE" in said
    status, said = run(folder, "apply", str(plan), *DEMO, "--phrase", "apply")
    assert status == 2
    assert "not the phrase" in said
    status, said = run(folder, "apply", str(plan), *DEMO, "--phrase", phrase)
    assert status == 3, said
    gate = said.partition("and type: ")[2].splitlines()[0]
    status, said = run(folder, "status", "change")
    assert status == 0
    assert f"resume and type: {gate}" in said
    status, said = run(folder, "drift", "guard.toml", *DEMO, *TARGETS)
    assert status == 1
    assert said.splitlines()[-1] == "1 missing, 1 as asked"
    status, said = run(folder, "resume", "change", *DEMO, "--phrase", gate)
    assert status == 0, said
    assert run(folder, "drift", "guard.toml", *DEMO, *TARGETS)[0] == 0
    status, said = run(folder, "rollback", "change", *DEMO)
    assert status == 0
    assert "The former state is back." in said
    assert run(folder, "drift", "guard.toml", *DEMO, *TARGETS)[1].splitlines()[-1] == "2 missing"


def test_a_refusal_names_every_reason(folder: Path) -> None:
    who = ("--target", "user/legacy-etl", "--target", "role/break-glass-admin", "--target", "role/nobody")
    status, said = run(folder, "plan", "guard.toml", *DEMO, *who, "--days", "0")
    assert status == 2
    for words in (
        "is nobody in account",
        "a boundary that is not of this spec",
        "is selected; it must stay free",
    ):
        assert words in said
    assert not (folder / "change").exists()


def test_the_lockout_of_one_target_is_told_beside_what_is_wrong_with_the_others(folder: Path) -> None:
    who = (
        "--target",
        "role/break-glass-admin",
        "--target",
        "role/bedrock-analyst",
        "--target",
        "user/legacy-etl",
    )
    _, said = run(folder, "plan", "guard.toml", *DEMO, *who, "--days", "0")
    assert "role/break-glass-admin is selected; it must stay free" in said
    assert "user/legacy-etl has a boundary that is not of this spec" in said
    assert (
        "After the change arn:aws:iam::111122223333:role/bedrock-analyst could no longer go on with it"
        in said
    )
    assert re.findall(r"^(\d)\. ", said, re.MULTILINE) == ["1", "2", "3"], "each once"


def test_a_plan_for_nobody_is_not_made_and_none_is_left_behind(folder: Path) -> None:
    status, said = run(folder, "plan", "guard.toml", *DEMO, "--days", "0")
    assert status == 2
    assert "The plan would bind nobody." in said
    assert "--target" in said
    assert "--attach-scps" in said
    assert not (folder / "change").exists()
    elsewhere = SPEC.replace("break_glass", 'targets = ["arn:aws:iam::123456789012:role/app"]\nbreak_glass')
    both = elsewhere.replace('["111122223333"]', '["111122223333", "123456789012"]')
    (folder / "guard.toml").write_text(both)
    status, said = run(folder, "plan", "guard.toml", *DEMO, "--days", "0")
    assert status == 2
    assert "targets are of other accounts: arn:aws:iam::123456789012:role/app" in said


def test_commands_for_scps_alone_put_no_policy_in_the_account(folder: Path) -> None:
    status, said = run(folder, "plan", "guard.toml", *DEMO, "--days", "0", "--scp-target", "123456789012")
    assert status == 0, said
    assert "its commands are for whoever may run them" in said
    assert "create policy" not in said
    assert "To apply it" not in said
    (written,) = (folder / "change").glob("*.md")
    assert "attach-policy --policy-id" in written.read_text()


def test_without_a_state_the_next_command_works_all_the_same(folder: Path) -> None:
    status, said = run(folder, "plan", "guard.toml", "--account", "demo", *TARGETS, "--days", "0")
    assert status == 0, said
    phrase = next(line.strip() for line in said.splitlines() if line.startswith("    apply "))
    following = shlex.split(said.partition("next:")[2].splitlines()[0])
    assert "with --state one like it is kept" in said
    status, said = run(folder, *following[1:], "--phrase", phrase)
    assert status == 3, said
    assert "waits for a person" in said


def test_the_operator_policy_is_printed(folder: Path) -> None:
    status, said = run(folder, "plan", "guard.toml", "--operator-policy", "--guardrail", *DEMO)
    assert status == 0
    assert '"iam:PermissionsBoundary"' in said
    assert '"bedrock:CreateGuardrailVersion"' in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan", "guard.toml", *TARGETS, "--break-glass", "x"), "x is no user or role of account"),
        (("plan", "guard.toml", *TARGETS, "--guardrail"), "asks for no guardrail"),
        (("plan", "guard.toml", *TARGETS, "--enforce"), "the spec asks for none"),
        (("plan", "guard.toml", *TARGETS, "--attach-scps"), "no target is named"),
        (("plan", "guard.toml", *TARGETS, "--attach-scps", "--scp-target", "junk"), "no organizational unit"),
        (("plan", "guard.toml", *TARGETS, "--scp-target", "junk"), "no organizational unit"),
        (("plan", "guard.toml", "--path", "team"), "path team selects nobody"),
        (("plan", "guard.toml", "--tag", "team=none"), "tag team=none selects nobody"),
        (("plan", "guard.toml", "--target", ""), "A target without a name is nobody"),
        (("plan", "guard.toml", *TARGETS, "--out", "guard.toml"), "cannot be written to guard.toml"),
        (("apply", "nope.json"), "There is no plan nope.json"),
        (("apply", "guard.toml"), "guard.toml is not JSON"),
        (("resume", "nope"), "There is no journal at nope"),
        (("rollback", "guard.toml"), "guard.toml is damaged"),
        (("status", "nope"), "There is no journal at nope"),
    ],
)
def test_bad_input_is_told_with_what_to_do_and_nothing_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...], said: str,
) -> None:  # fmt: skip
    """Each in this process, on a demo account kept in a file that must stay as it is."""
    monkeypatch.chdir(folder)
    account = () if words[0] == "status" else DEMO
    days = ("--days", "0") if words[0] == "plan" else ()
    monkeypatch.setattr(sys, "argv", ["bedrock-guard", *words, *account, *days])
    asked: list[str] = []
    monkeypatch.setattr(Backend, "answer", _counting(Backend.answer, asked))
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    told = capsys.readouterr().err
    assert said in told
    assert re.search(r"^ *do: +\S", told, re.MULTILINE)
    assert "Traceback" not in told
    assert [call for call in asked if call.startswith(WRITES)] == []


def _counting(answer: Callable[..., Any], asked: list[str]) -> Callable[..., Any]:
    def counted(self: Backend, service: str, operation: str, *rest: Any) -> Any:
        asked.append(operation)
        return answer(self, service, operation, *rest)

    return counted
