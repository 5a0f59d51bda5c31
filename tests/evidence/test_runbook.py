"""The runbook, run by a shell in which `aws` only writes down what it was asked."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from bedrock_guard.evidence.key_facts import AccessKey, UserFacts
from bedrock_guard.evidence.runbook import Reach, Step, long_term_runbook, short_term_runbook
from bedrock_guard.evidence.runbook_commands import stopping

ACCOUNT = "111122223333"
IAM = f"arn:aws:iam::{ACCOUNT}"
NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)
REACH = Reach(ACCOUNT, ("eu-west-1", "us-east-1"))
PHANTOM = UserFacts(
    "BedrockAPIKey-ab12",
    arn=f"{IAM}:user/BedrockAPIKey-ab12",
    attached_policies=("arn:aws:iam::aws:policy/AmazonBedrockLimitedAccess",),
    inline_policies=("reports", "more of it"),
    groups=("batch users",),
    access_keys=(AccessKey("AKIAEXAMPLE1", active=True),),
    login_profile=True,
    mfa_devices=1,
    ssh_keys=0,
)
SHELL = """
aws() { { printf '%s\\0' "$@"; printf '\\n\\0'; } >> "$LOG"; echo 111122223333; }
sleep() { :; }
bedrock-guard() { :; }
"""
CLI_ONLY = {"region", "query", "output"}


def run(steps: Iterable[Step], folder: Path, *, undo: bool = False) -> list[list[str]]:
    """What the AWS CLI would be asked, word by word."""
    log = folder / "log"
    log.write_text("")
    commands = [line for step in steps for line in (step.commands, (step.undo,))[undo]]
    script = SHELL + "\n".join(commands)
    done = subprocess.run(
        ["bash", "-eu", "-c", script], cwd=folder, env={"LOG": str(log), "PATH": "/usr/bin:/bin"}, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "WRONG" not in done.stdout
    return [words.split("\0")[:-1] for words in log.read_text().split("\n\0")[:-1]]


@cache
def model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"))


def check(words: list[str]) -> tuple[str, dict[str, str]]:
    """The operation and its parameters; each is one of AWS's own, and none that is required is missing."""
    service, verb, *rest = words
    options = dict(zip((name.removeprefix("--") for name in rest[::2]), rest[1::2], strict=True))
    found = {name.lower(): name for name in model(service).operation_names}
    operation = model(service).operation_model(found[verb.replace("-", "")])
    members = {name.lower() for name in operation.input_shape.members} if operation.input_shape else set()
    given = {name.replace("-", "").lower() for name in options if name not in CLI_ONLY}
    assert given <= members, (verb, given - members)
    required = (
        {name.lower() for name in operation.input_shape.required_members} if operation.input_shape else set()
    )
    assert required <= given, (verb, required - given)
    return operation.name, options


def asked(steps: Iterable[Step], folder: Path, **more: Any) -> list[tuple[str, dict[str, str]]]:
    return [check(words) for words in run(steps, folder, **more)]


def test_every_command_is_one_that_aws_has_and_is_whole(tmp_path: Path) -> None:
    job = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:model-invocation-job/a1"
    stop = stopping("CreateModelInvocationJob", job, "us-east-1")
    reach = Reach(ACCOUNT, ("eu-west-1", "us-east-1"), (stop or "",))
    done = asked(long_term_runbook(PHANTOM, "ACCAEXAMPLE1", reach, others=("ACCAEXAMPLE2",)), tmp_path)
    names = [name for name, _ in done]
    assert ("StopModelInvocationJob", {"job-identifier": job, "region": "us-east-1"}) in done
    assert (
        names.index("GetUserPolicy")
        < names.index("UpdateServiceSpecificCredential")
        < names.index("LookupEvents")
    )
    assert {options["policy-name"] for name, options in done if name == "GetUserPolicy"} == {
        "reports",
        "more of it",
    }


def test_what_was_there_is_kept_in_files(tmp_path: Path) -> None:
    asked(long_term_runbook(PHANTOM, "ACCAEXAMPLE1", REACH), tmp_path)
    kept = {path.name for path in (tmp_path / "leaked-ACCAEXAMPLE1").iterdir()}
    assert {
        "credentials.json",
        "user.json",
        "access-keys.json",
        "inline-policy-2.json",
        "last-accessed.json",
    } <= kept
    assert {"records-eu-west-1.json", "records-us-east-1.json"} <= kept


def test_iam_lets_go_of_a_user_made_for_a_key_and_others_stay(tmp_path: Path) -> None:
    done = asked(long_term_runbook(PHANTOM, "ACCAEXAMPLE1", REACH, others=("ACCAEXAMPLE2",)), tmp_path)
    last = [name for name, _ in done][-9:]
    assert last[-1] == "DeleteUser"
    gone = {
        "DeleteServiceSpecificCredential",
        "DetachUserPolicy",
        "DeleteUserPolicy",
        "RemoveUserFromGroup",
        "DeleteAccessKey",
    }
    assert set(last[:-1]) == gone
    dropped = [options["policy-name"] for name, options in done if name == "DeleteUserPolicy"]
    assert dropped == ["reports", "more of it", "leaked-key-deny-ACCAEXAMPLE1"]
    words = next(s.what for s in long_term_runbook(PHANTOM, "A", REACH) if "made for the key alone" in s.what)
    assert "MFA devices, certificates (not readable)" in words
    assert "SSH" not in words
    ordinary = asked(long_term_runbook(UserFacts("ana"), "ACCAEXAMPLE1", REACH), tmp_path)
    assert not {"DeleteUser", "DetachUserPolicy"} & {name for name, _ in ordinary}


def test_nothing_is_deleted_before_it_is_kept_and_contained() -> None:
    steps = long_term_runbook(PHANTOM, "ACCAEXAMPLE1", REACH)
    phases = [step.phase for step in steps]
    order = ["decode", "check", "snapshot", "contain", "scope", "stop cost", "eradicate", "prevent"]
    assert list(dict.fromkeys(phases)) == order
    final = [step for step in steps if not step.reversible]
    assert {step.phase for step in final} == {"contain", "eradicate"}, "a password cannot be put back"


def test_what_contains_has_a_way_back(tmp_path: Path) -> None:
    steps = [s for s in long_term_runbook(PHANTOM, "ACCAEXAMPLE1", REACH) if s.phase == "contain" and s.undo]
    there, back = asked(steps, tmp_path), asked(steps, tmp_path, undo=True)
    assert [name for name, _ in back] == [
        "UpdateServiceSpecificCredential",
        "DeleteUserPolicy",
        "UpdateAccessKey",
    ]
    assert [options.get("status") for _, options in there] == ["Inactive", None, "Inactive"]
    assert [options.get("status") for _, options in back] == ["Active", None, "Active"]
    deny = json.loads(there[1][1]["policy-document"])["Statement"][0]
    assert (deny["Effect"], deny["Action"]) == ("Deny", ["bedrock:*", "bedrock-mantle:*"])


def test_a_claude_platform_key_is_denied_there_too() -> None:
    steps = long_term_runbook(PHANTOM, "A", REACH, service="aws-external-anthropic.amazonaws.com")
    assert any("aws-external-anthropic:*" in command for step in steps for command in step.commands)


@pytest.mark.parametrize("name", ["Bedrock'; rm -rf /", "$(reboot)", "a b", "-x", '"', "a`id`"])
def test_a_hostile_name_stays_one_word(name: str, tmp_path: Path) -> None:
    facts = UserFacts(name, arn=f"{IAM}:user/{name}", inline_policies=(name,))
    words = run(long_term_runbook(facts, "ACCAEXAMPLE1", REACH), tmp_path)
    about = [one for one in words if one[0] == "iam" and "--user-name" in one]
    assert len(about) > 8
    assert all(one[one.index("--user-name") + 1] == name for one in about)
    records = [one for one in words if one[1] == "lookup-events"]
    assert [one[3] for one in records] == [f"AttributeKey=Username,AttributeValue={name}"] * 2


@pytest.mark.parametrize(("password", "steps"), [(None, 1), (True, 1), (False, 0)])
def test_only_a_password_known_to_be_absent_needs_no_step(
    password: bool | None, steps: int, tmp_path: Path
) -> None:
    done = asked(long_term_runbook(UserFacts("ben", login_profile=password), "ACCAEXAMPLE1", REACH), tmp_path)
    assert [name for name, _ in done].count("DeleteLoginProfile") == steps


def test_unread_access_keys_are_looked_for() -> None:
    told = [step.what for step in long_term_runbook(UserFacts("ben"), "ACCAEXAMPLE1", REACH)]
    assert any("could not be read" in what for what in told)
    none = long_term_runbook(UserFacts("ben", access_keys=()), "ACCAEXAMPLE1", REACH)
    assert not any("access key" in step.what for step in none)


def test_every_region_it_called_is_asked(tmp_path: Path) -> None:
    done = asked(long_term_runbook(UserFacts("ana"), "A", REACH), tmp_path)
    for name in ("LookupEvents", "ListProvisionedModelThroughputs", "ListModelInvocationJobs", "ListAgents"):
        assert [options["region"] for found, options in done if found == name] == ["eu-west-1", "us-east-1"]
    one = asked(long_term_runbook(UserFacts("ana"), "A", Reach(ACCOUNT, ("eu-west-1",))), tmp_path)
    assert [options["region"] for found, options in one if found == "LookupEvents"] == ["eu-west-1"]


def test_a_key_that_was_seen_nowhere_is_looked_for_in_every_enabled_region(tmp_path: Path) -> None:
    done = asked(long_term_runbook(UserFacts("ana"), "A", Reach(ACCOUNT)), tmp_path)
    names = [name for name, _ in done]
    assert names.count("DescribeRegions") == names.count("LookupEvents") + 6
    assert {o["region"] for name, o in done if name == "LookupEvents"} == {"111122223333"}, (
        "what the shell's aws said"
    )


def test_another_account_is_noticed(tmp_path: Path) -> None:
    (check_step,) = (s for s in long_term_runbook(PHANTOM, "A", Reach("000000000011")) if s.phase == "check")
    script = SHELL + "\n".join(check_step.commands)
    env = {"LOG": str(tmp_path / "log"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, check=True)
    assert "WRONG ACCOUNT" in done.stdout


THEN = "2026-11-01T08:00:00Z"
SIGNERS = [
    (f"{IAM}:user/team/ben", "AKIAEXAMPLE1", ("UpdateAccessKey", "ben"), ""),
    (f"{IAM}:user/ben", "ASIAEXAMPLE1", ("PutUserPolicy", "ben"), THEN),
    (f"{IAM}:role/path/app", "ASIAEXAMPLE1", ("PutRolePolicy", "app"), THEN),
    (f"{IAM}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_01", "ASIAEXAMPLE1", ("CreatePolicy", None), THEN),
    (f"{IAM}:root", "AKIAEXAMPLE1", None, "root user"),
    ("arn:aws:sts::111122223333:federated-user/eve", "ASIAEXAMPLE1", None, "Find who signed it"),
    ("", "ASIAEXAMPLE1", None, "Find who signed it"),
]  # fmt: skip


@pytest.mark.parametrize(("signer", "key", "first", "words"), SIGNERS, ids=range(len(SIGNERS)))
def test_a_short_term_key_is_contained_by_who_signed_it(
    signer: str, key: str, first: tuple[str, str | None] | None, words: str, tmp_path: Path
) -> None:
    steps = short_term_runbook(signer, key, REACH, now=NOW)
    contain = [step for step in steps if step.phase == "contain"]
    done = asked(contain, tmp_path)
    attached = [("AttachPolicy", None)] if "AWSReservedSSO" in signer else []
    assert [(name, o.get("user-name") or o.get("role-name")) for name, o in done] == (
        [first, *attached] if first else []
    )
    assert words in contain[0].what + " ".join(contain[0].commands)
    records = [options for name, options in asked(steps, tmp_path) if name == "LookupEvents"]
    assert {one["lookup-attributes"] for one in records} == {f"AttributeKey=AccessKeyId,AttributeValue={key}"}
    if "AWSReservedSSO" in signer:
        assert done[1][1]["target-id"] == ACCOUNT
        back = [check(words) for words in run(contain, tmp_path, undo=True)]
        assert [(name, o.get("target-id")) for name, o in back] == [
            ("ListPolicies", None),
            ("DetachPolicy", ACCOUNT),
        ]
        assert signer in done[0][1]["content"]
