"""Programs by their user agents, and the runbook's commands."""

from __future__ import annotations

import json
import shlex
import subprocess
from datetime import UTC, datetime

import pytest

from bedrock_guard.evidence.clients import client_of
from bedrock_guard.evidence.hygiene import clean
from bedrock_guard.evidence.runbook import Reach, long_term_runbook, short_term_runbook

AGENTS = [
    ("claude-cli/2.0.31 (external, cli)", "claude-code"),
    ("Boto3/1.40 md/Botocore#1.40 app/claude-code", "claude-code"),
    ("codex_cli_rs/0.40.0 (Mac OS 15.5; arm64) iTerm.app/3.5", "codex"),
    ("Boto3/1.29.7 md/Botocore#1.32.7 ua/2.0 os/windows#10 Botocore/1.32.7", "boto3"),
    ("[Boto3/1.29.7 md/Botocore#1.32.7]", "boto3"),
    ("Botocore/1.32.7", "botocore"),
    ("aws-cli/2.32.3 md/awscrt#0.28.4 md/command#bedrock.list-custom-models", "aws-cli"),
    ("aws-sdk-go-v2/1.32.3 os/linux lang/go#1.23.1", "aws-sdk-go"),
    ("aws-sdk-js/3.700.0 ua/2.1 os/linux", "aws-sdk-js"),
    ("aws-sdk-java/2.29 md/io#sync", "aws-sdk-java"),
    ("OpenAI/Python 1.50.0", "openai"),
    ("AsyncOpenAI/Python 1.50.0", "openai"),
    ("AnthropicBedrock/Python 0.40.0", "anthropic"),
    ("AsyncAnthropic/Python 0.40.0", "anthropic"),
    ("APN/1.0 HashiCorp/1.0 Terraform/1.1.2 (+https://www.terraform.io) aws-sdk-go/1.44", "terraform"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36", "browser"),
    ("console.ec2.amazonaws.com", "console"),
    ("signin.amazonaws.com", "console"),
    ("autoscaling.amazonaws.com", "aws-service"),
    ("AWS Internal", "aws-service"),
    ("Python/3.11 aiohttp/3.9.5", "aiohttp"),
    ("python-httpx/0.28.1", "httpx"),
    ("python-requests/2.32", "python-requests"),
    ("python-urllib3/2.0.7", "urllib3"),
    ("axios/1.6.1", "axios"),
    ("curl/8.5.0", "curl"),
    ("Mozilla/5.0 (claude-code/1.0)", "browser"),
    ("stratus-red-team_c8ff220a", "other"),
    ("=cmd|' /C calc'!A0", "other"),
    ("x" * 100_000, "other"),
    ("(" * 20_000, "other"),
    ("  ", None),
    ("", None),
    (None, None),
]


@pytest.mark.parametrize(("agent", "client"), AGENTS, ids=range(len(AGENTS)))
def test_the_program_of_a_user_agent(agent: str | None, client: str | None) -> None:
    assert client_of(agent) == client


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (" x ", "x"),
        ("", None),
        (None, None),
        (7, None),
        ("a\ud800b", "a?b"),
        ("é", "é"),
        ("y" * 9000, "y" * 4096),
    ],
)
def test_text_is_bounded_and_well_formed(value: object, kept: str | None) -> None:
    assert clean(value) == kept


def test_a_long_term_runbook_keeps_and_contains_before_it_deletes() -> None:
    steps = long_term_runbook("Bedrock'; rm -rf /", "ACCAEXAMPLE1", ("AKIAEXAMPLE1",))
    phases = [step.phase for step in steps]
    assert phases.index("snapshot") < phases.index("contain") < phases.index("eradicate")
    for step in steps:
        words = shlex.split(step.command)
        about = words[:2] == ["aws", "iam"] or "lookup-events" in words
        assert not about or any(word.endswith("Bedrock'; rm -rf /") for word in words)
    assert [step.reversible for step in steps if "--status" in step.command] == [True, True]
    deny = next(shlex.split(step.command)[-1] for step in steps if "put-user-policy" in step.command)
    assert json.loads(deny)["Statement"][0]["Action"] == ["bedrock:*", "bedrock-mantle:*"]


@pytest.mark.parametrize(("password", "steps"), [(None, 1), (True, 1), (False, 0)])
def test_only_a_password_known_to_be_absent_needs_no_step(password: bool | None, steps: int) -> None:
    told = long_term_runbook("ben", "ACCAEXAMPLE1", password=password)
    assert sum("delete-login-profile" in step.command for step in told) == steps


def test_a_user_made_for_a_key_goes_last_and_others_stay() -> None:
    phantom = long_term_runbook("BedrockAPIKey-ab12", "ACCAEXAMPLE1", reach=Reach(phantom=True))
    commands = [step.command for step in phantom]
    deleted = next(n for n, command in enumerate(commands) if "delete-user " in command)
    assert deleted > next(n for n, c in enumerate(commands) if "delete-service-specific-credential" in c)
    assert not any("delete-user " in step.command for step in long_term_runbook("ana", "ACCAEXAMPLE1"))


def test_records_are_kept_and_costs_looked_for_in_every_region_the_key_called() -> None:
    steps = long_term_runbook("an a", "ACCAEXAMPLE1", reach=Reach(("eu-west-1", "us-east-1")))
    for verb in ("lookup-events", "list-provisioned-model-throughputs", "list-model-invocation-jobs"):
        (command,) = [step.command for step in steps if verb in step.command]
        told = command.replace("aws ", "printf '%s\\n' ")
        said = subprocess.run(["sh", "-c", told], capture_output=True, text=True, check=True).stdout.split(
            "\n"
        )
        assert [word for word in said if word in ("eu-west-1", "us-east-1")] == ["eu-west-1", "us-east-1"]
        assert verb != "lookup-events" or said.count("AttributeKey=Username,AttributeValue=an a") == 2
    (one,) = [
        s.command for s in long_term_runbook("ana", "A", reach=Reach(("eu-west-1",))) if "lookup" in s.command
    ]
    assert one.endswith("--region eu-west-1")
    assert steps[0].phase == "decode"


IAM = "arn:aws:iam::111122223333"
THEN = "2026-11-01T08:00:00Z"
SIGNERS = [
    (f"{IAM}:user/team/ben", "AKIAEXAMPLE1", "update-access-key --user-name ben", ""),
    (f"{IAM}:user/ben", "ASIAEXAMPLE1", "put-user-policy --user-name ben", THEN),
    (f"{IAM}:role/path/app", "ASIAEXAMPLE1", "put-role-policy --role-name app", THEN),
    (f"{IAM}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_01", "ASIAEXAMPLE1", None, "SCP"),
    (f"{IAM}:root", "AKIAEXAMPLE1", None, "root user"),
    ("arn:aws:sts::111122223333:federated-user/eve", "ASIAEXAMPLE1", None, "Find who signed it"),
    ("", "ASIAEXAMPLE1", None, "Find who signed it"),
]  # fmt: skip


@pytest.mark.parametrize(("signer", "key", "command", "words"), SIGNERS, ids=range(len(SIGNERS)))
def test_a_short_term_key_is_contained_by_who_signed_it(
    signer: str, key: str, command: str | None, words: str
) -> None:
    steps = short_term_runbook(signer, key, now=datetime(2026, 11, 1, 8, tzinfo=UTC))
    contain = next(step for step in steps if step.phase == "contain")
    assert (command or "") in contain.command
    assert bool(command) == bool(contain.command)
    assert words in contain.command + contain.what
    assert any(f"AttributeKey=AccessKeyId,AttributeValue={key}" in step.command for step in steps)
