"""What reading a folder costs, beside inflating it: printed, not asserted."""

from __future__ import annotations

import gzip
import json
import random
import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bedrock_guard.account.trail import read_folder

EVENTS = 100_000
ACCOUNTS = [f"0000000000{n:02}" for n in range(11, 23)]
REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1")
MODELS = (
    "anthropic.claude-haiku-4-5-20251001-v1:0",
    "us.anthropic.claude-sonnet-4-6",
    "amazon.nova-pro-v1:0",
)
OTHER = [
    ("kms", "Decrypt"), ("s3", "GetBucketAcl"), ("sts", "AssumeRole"), ("ec2", "DescribeInstances"),
    ("ec2", "DescribeVolumes"), ("logs", "CreateLogStream"), ("lambda", "ListFunctions"), ("ssm", "GetParameters"),
    ("ecr", "BatchGetImage"), ("autoscaling", "DescribeAutoScalingGroups"), ("monitoring", "DescribeAlarms"),
    ("dynamodb", "DescribeTable"), ("secretsmanager", "GetSecretValue"), ("rds", "DescribeDBInstances"),
    ("elasticloadbalancing", "DescribeTargetHealth"),
]  # fmt: skip
AGENT = "Boto3/1.40.1 md/Botocore#1.40.1 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.12.4 cfg/retry-mode#standard"


def _record(dice: random.Random, account: str, region: str, second: int) -> dict[str, Any]:
    bedrock = dice.random() < 0.1
    source, name = ("bedrock", dice.choice(("InvokeModel", "Converse"))) if bedrock else dice.choice(OTHER)
    role = f"app-{dice.randrange(60)}"
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"AROA{dice.getrandbits(60):016X}:{role}",
            "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{dice.getrandbits(40):x}",
            "accountId": account,
            "accessKeyId": f"ASIA{dice.getrandbits(64):016X}",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "arn": f"arn:aws:iam::{account}:role/{role}",
                    "accountId": account,
                    "userName": role,
                },
                "attributes": {"creationDate": "2026-10-01T00:00:00Z", "mfaAuthenticated": "false"},
            },
        },
        "eventTime": f"2026-10-01T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z",
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": f"10.0.{dice.randrange(256)}.{dice.randrange(256)}",
        "userAgent": AGENT,
        "requestParameters": {"modelId": dice.choice(MODELS)}
        if bedrock
        else {"filter": ["x"] * dice.randrange(8)},
        "responseElements": None,
        "additionalEventData": {"inputTokens": dice.randrange(9000), "outputTokens": 40} if bedrock else None,
        "requestID": f"{dice.getrandbits(128):032x}",
        "eventID": f"{dice.getrandbits(128):032x}",
        "readOnly": True,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "clientProvidedHostHeader": f"{source}.{region}.amazonaws.com",
        },
    }


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("trail")
    dice = random.Random(7)
    left, number = EVENTS, 0
    while left > 0:
        size = min(left, dice.choice((1, 20, 300, 1000, 6000)))
        account, region = dice.choice(ACCOUNTS), dice.choice(REGIONS)
        folder = root / f"AWSLogs/o-example/{account}/CloudTrail/{region}/2026/10/01"
        folder.mkdir(parents=True, exist_ok=True)
        records = [_record(dice, account, region, dice.randrange(86_400)) for _ in range(size)]
        text = json.dumps({"Records": records}, separators=(",", ":")).encode()
        (folder / f"{account}_CloudTrail_{region}_{number}.json.gz").write_bytes(gzip.compress(text, 6))
        left, number = left - size, number + 1
    return root


def _cpu() -> Iterator[float]:
    """CPU seconds of this process and its children since the last look."""
    before = 0.0
    while True:
        own, children = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        now = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
        yield now - before
        before = now


def test_read_folder_beside_zcat(trail: Path, benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    cpu = _cpu()
    next(cpu)
    inflate = f"find {trail} -name '*.gz' -print0 | xargs -0 zcat | wc -c"
    subprocess.run(inflate, shell=True, check=True, capture_output=True)
    floor = next(cpu)
    started = time.perf_counter()
    found = benchmark.pedantic(read_folder, args=(trail,), rounds=1, iterations=1)
    wall, used = time.perf_counter() - started, next(cpu)
    assert found.records == EVENTS == len(found.frame) + sum(found.left_out.values())
    with capsys.disabled():
        print(
            f"\nread_folder: {EVENTS:,} events, {len(found.frame):,} rows, {found.files.read:,} files: "
            f"{wall:.2f} s wall, {used:.2f} s CPU; zcat | wc -c: {floor:.2f} s CPU; ratio {used / floor:.2f}; "
            f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB"
        )
