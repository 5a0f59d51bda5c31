"""Programs by their user agents, and text made fit to be kept."""

from __future__ import annotations

import tracemalloc

import pytest

from bedrock_guard.evidence.clients import client_of
from bedrock_guard.evidence.hygiene import clean

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


def test_long_texts_are_not_remembered() -> None:
    """Neither their length nor what is secret in them stays in memory."""
    tracemalloc.start()
    try:
        for number in range(40):
            clean(f"{number} {'x' * 500_000}")
        assert tracemalloc.get_traced_memory()[0] < 2_000_000
    finally:
        tracemalloc.stop()
