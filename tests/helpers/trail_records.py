"""Records of one account as small as the rules and questions need them, read by the product's own reader."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pandas as pd
from other_readers import normalise

from bedrock_guard.evidence.tables import Provenance
from bedrock_guard.evidence.usage import to_frame

ACCOUNT = "111122223333"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
NUMBER = count()
MODEL = "anthropic.claude-haiku-4-5-20251001-v1:0"


def user(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/{name}", "userName": name, **more}


def event(
    name: str, at: datetime, source: str = "bedrock", who: str = "ana", **members: Any
) -> dict[str, Any]:
    return {
        "eventID": f"e{next(NUMBER)}",
        "eventTime": at.isoformat(),
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.7",
        "userAgent": "Boto3/1.40.0",
        "userIdentity": user(who, accessKeyId="AKIAEXAMPLE1"),
        "recipientAccountId": ACCOUNT,
        "eventType": "AwsApiCall",
        **members,
    }


def invoke(at: datetime, who: str = "ana", **members: Any) -> dict[str, Any]:
    return event("InvokeModel", at, who=who, **{"requestParameters": {"modelId": MODEL}, **members})


def frame(records: list[dict[str, Any]]) -> pd.DataFrame:
    proof = Provenance(
        "test records",
        window_start=NOW - timedelta(days=90),
        window_end=NOW,
        completeness="floor",
        why="a test",
    )
    batch = normalise(records, set())
    assert len(batch.rows) == len(records), dict(batch.left_out)
    return to_frame(batch.rows, provenance=proof)


def day(number: float, minutes: float = 0) -> datetime:
    return NOW - timedelta(days=60 - number) + timedelta(minutes=minutes)
