"""A synthetic organization trail in the true layout: a tenth of it Bedrock, the rest fifteen kinds of other events."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ACCOUNTS = [f"0000000000{n:02}" for n in range(11, 23)]
REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1")
MODELS = (
    "anthropic.claude-haiku-4-5-20251001-v1:0",
    "us.anthropic.claude-sonnet-4-6",
    "amazon.nova-pro-v1:0",
    "arn:aws:bedrock:us-east-1:000000000011:application-inference-profile/abc123def456",
)
OTHER = [
    ("kms", "Decrypt"), ("s3", "GetBucketAcl"), ("sts", "AssumeRole"), ("ec2", "DescribeInstances"),
    ("ec2", "DescribeVolumes"), ("logs", "CreateLogStream"), ("lambda", "ListFunctions"), ("ssm", "GetParameters"),
    ("ecr", "BatchGetImage"), ("autoscaling", "DescribeAutoScalingGroups"), ("monitoring", "DescribeAlarms"),
    ("dynamodb", "DescribeTable"), ("secretsmanager", "GetSecretValue"), ("rds", "DescribeDBInstances"),
    ("elasticloadbalancing", "DescribeTargetHealth"),
]  # fmt: skip
_BOTO: str = (
    "md/Botocore#1.40.1 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.12.4 cfg/retry-mode#standard"
)
AGENTS = (
    "claude-cli/2.0.31 (external, cli)",
    "aws-cli/2.32.3 md/awscrt#0.28.4 ua/2.1 os/linux",
    *(f"Boto3/1.{minor}.1 {_BOTO}" for minor in range(30, 44)),
)
SIZES = (1, 20, 300, 300, 1000, 2500, 6000)


@dataclass(frozen=True)
class Trail:
    """What was written: records in the files, files, and distinct event ids."""

    root: Path
    events: int
    files: int


def make_trail(root: Path, events: int, *, days: int = 1, seed: int = 7) -> Trail:
    """Write a trail of `events` records below `root`, spread over `days` delivery days."""
    dice = random.Random(seed)
    sessions = {account: [_identity(dice, account) for _ in range(400)] for account in ACCOUNTS}
    left, number = events, 0
    while left > 0:
        size = min(left, dice.choice(SIZES), max(1, events // 12))
        account, region, day = dice.choice(ACCOUNTS), dice.choice(REGIONS), 1 + number % days
        folder = root / f"AWSLogs/o-example/{account}/CloudTrail/{region}/2026/10/{day:02}"
        folder.mkdir(parents=True, exist_ok=True)
        records = [_record(dice, account, region, day, sessions[account]) for _ in range(size)]
        if dice.random() < 0.05:
            records[-1] = records[0]
        text = json.dumps({"Records": records}, separators=(",", ":")).encode()
        name = f"{account}_CloudTrail_{region}_202610{day:02}T{number % 24:02}00Z_{number:08}.json.gz"
        (folder / name).write_bytes(gzip.compress(text, 6, mtime=0))
        left, number = left - size, number + 1
    return Trail(root, events, number)


def _identity(dice: random.Random, account: str) -> dict[str, Any]:
    role, session = f"app-{dice.randrange(60)}", f"{dice.getrandbits(40):x}"
    return {
        "type": "AssumedRole",
        "principalId": f"AROA{dice.getrandbits(60):016X}:{session}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
        "accountId": account,
        "accessKeyId": f"ASIA{dice.getrandbits(64):016X}",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": f"AROA{dice.getrandbits(60):016X}",
                "arn": f"arn:aws:iam::{account}:role/{role}",
                "accountId": account,
                "userName": role,
            },
            "webIdFederationData": {},
            "attributes": {"creationDate": "2026-10-01T00:00:00Z", "mfaAuthenticated": "false"},
        },
    }


def _record(
    dice: random.Random, account: str, region: str, day: int, sessions: list[dict[str, Any]]
) -> dict[str, Any]:
    bedrock = dice.random() < 0.1
    source, name = ("bedrock", dice.choice(("InvokeModel", "Converse"))) if bedrock else dice.choice(OTHER)
    who, second = dice.choice(sessions), dice.randrange(86_400)
    return {
        "eventVersion": "1.11",
        "userIdentity": who,
        "eventTime": f"2026-10-{day:02}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z",
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": f"10.0.{dice.randrange(256)}.{dice.randrange(256)}",
        "userAgent": dice.choice(AGENTS),
        **_refusal(dice, who, bedrock),
        "requestParameters": _request(dice, account, source, name),
        "responseElements": None,
        "additionalEventData": _extra(dice) if bedrock else None,
        "requestID": _uuid(dice),
        "eventID": _uuid(dice),
        "readOnly": True,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": f"{source}.{region}.amazonaws.com",
        },
    }


def _uuid(dice: random.Random) -> str:
    text = f"{dice.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _refusal(dice: random.Random, who: dict[str, Any], bedrock: bool) -> dict[str, Any]:
    if not bedrock or dice.random() > 0.03:
        return {}
    return {
        "errorCode": "AccessDenied",
        "errorMessage": f"User: {who['arn']} is not authorized to perform: bedrock:InvokeModel on resource: "
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0 "
        "with an explicit deny in a permissions boundary",
    }


def _request(dice: random.Random, account: str, source: str, name: str) -> dict[str, Any]:
    if source == "bedrock":
        return {"modelId": dice.choice(MODELS)}
    if name == "AssumeRole":
        session = f"i-{dice.getrandbits(20):x}"
        return {
            "roleArn": f"arn:aws:iam::{account}:role/app-{dice.randrange(60)}",
            "roleSessionName": session,
        }
    values = [f"i-{dice.randrange(700) * 7919:017x}" for _ in range(dice.randrange(26))]
    return {"filterSet": {"items": [{"name": "tag:team", "valueSet": {"items": values}}]}, "maxResults": 100}


def _extra(dice: random.Random) -> dict[str, Any]:
    extra: dict[str, Any] = {"inputTokens": dice.randrange(9000), "outputTokens": dice.randrange(900)}
    if dice.random() < 0.2:
        extra["inferenceRegion"] = dice.choice(REGIONS)
    if dice.random() < 0.02:
        extra["callWithBearerToken"] = True
    return extra
