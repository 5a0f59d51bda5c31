"""Records with the members and types that exporters, old trails and attackers write, each chosen by chance."""

from __future__ import annotations

import json
import random
from typing import Any

ACCOUNT = "111122223333"
OTHER = "000000000012"
_ROLE = f"arn:aws:iam::{ACCOUNT}:role/dev"
_SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/ana"
_PROFILE = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:application-inference-profile/abc123"
_COUNTS = (
    *(5, "12", 3.0, 0, -1, "many", None, 10**20, "5.0", "5.5", True, [1], {}, " 5", "+5", 2**53, 10**10),
    *(10**10 - 1, "9999999999", "12345678901", "٣", "5.000", "5.", 1e15, 1200.0, "007", 2**63 - 1),
)
_MARKS = (True, False, "true", "TRUE", "yes", None, 1, 0, "1")
_TYPES = ("LONG_TERM", "SHORT_TERM", "ABSK", "?", None, 3, "short_term", False)
_ANY = (None, True, 7, "7", 1.5, 10**20, "", "é", "\u202e", [], {}, ["x"], {"a": [[1]]}, "x" * 300)
_REFUSED = "is not authorized to perform: bedrock:InvokeModel on resource: *"

_IDENTITY: dict[str, tuple[Any, ...]] = {
    "type": (
        *("AssumedRole", "IAMUser", "Root", "AWSService", "IdentityCenterUser", "AWSAccount", "FederatedUser"),
        *("WebIdentityUser", "SAMLUser", "Directory", None, ""),
    ),
    "arn": (_SESSION, f"arn:aws:iam::{ACCOUNT}:user/bob", "", None, " arn:x "),
    "accountId": (ACCOUNT, OTHER, None, ""),
    "userName": ("bob", "bö b", None, ""),
    "principalId": ("AROAX:ana", "AIDAX", ":", None, ""),
    "accessKeyId": ("ASIAEXAMPLE123456", "AKIAEXAMPLE123456", "ACCAEXAMPLE123456", None, ""),
    "invokedBy": ("ec2.amazonaws.com", None, ""),
    "onBehalfOf": ({"userId": "u-1"}, {"userId": None, "z": 1}, None),
    "sessionContext": (
        {"sessionIssuer": {"arn": _ROLE}}, {"sessionIssuer": {"arn": ""}}, {"sessionIssuer": {}}, {}, None,
    ),
}  # fmt: skip
_REQUEST: dict[str, tuple[Any, ...]] = {
    "modelId": (
        *("amazon.nova-pro-v1:0", "us.anthropic.claude-sonnet-4-6 ", "a b", 7, None, _PROFILE, ["x"], {"a": 1}),
        "arn%3Aaws%3Abedrock%3Aus-east-1%3A%3Afoundation-model%2Famazon.nova-pro-v1%3A0",
    ),
    "model": ("anthropic.claude-opus-4-7", None, 7, ""),
    "callWithBearerToken": _MARKS,
    "bearerTokenType": _TYPES,
    "guardrailIdentifier": ("abc", 7, None, "x y"),
    "instanceType": ("p5.48xlarge", 7, None),
    "messages": _ANY,
}  # fmt: skip
_EXTRA: dict[str, tuple[Any, ...]] = {
    "inputTokens": _COUNTS,
    "outputTokens": _COUNTS,
    "callWithBearerToken": _MARKS,
    "bearerTokenType": _TYPES,
    "inferenceRegion": ("eu-west-1", None, 7),
}
_RECORD: dict[str, tuple[Any, ...]] = {
    "eventType": (*["AwsApiCall"] * 8, "AwsServiceEvent", "AwsCloudTrailInsight", None),
    "eventCategory": (*["Management"] * 8, "Data", "Insight", None),
    "errorCode": ("AccessDenied", "Client.UnauthorizedOperation", "ValidationException", None, None, None, ""),
    "errorMessage": (
        *(None, "", f"User: {_SESSION} {_REFUSED} with an explicit deny in a permissions boundary"),
        *(f"User: a b {_REFUSED} because no permissions boundary allows it", f" User: x {_REFUSED}"),
        "User: é ü is not authorized to perform: a:b with an explicit deny in a service control policy",
    ),
    "userAgent": ("Boto3/1.40.1", "claude-cli/2.0.31 (external, cli)", None, "", "é", "curl/8", " x "),
    "awsRegion": ("us-east-1", "eu-west-1", None, "", " us-east-1"),
    "recipientAccountId": (*[ACCOUNT] * 5, OTHER, None, ""),
    "vpcEndpointId": ("vpce-1", None, ""),
    "resources": _ANY,
}  # fmt: skip
_SOURCES = (
    *["bedrock.amazonaws.com"] * 8,
    *("bedrock-mantle.amazonaws.com", "aws-external-anthropic.amazonaws.com", "ec2.amazonaws.com"),
    *("iam.amazonaws.com", "kms.amazonaws.com", " bedrock.amazonaws.com", "bedrock", "bedrockish.amazonaws.com"),
    *("bedrock-agentcore.amazonaws.com", "ec2.amazonaws.com.cn", None),
)  # fmt: skip
_NAMES = (
    *("InvokeModel", "Converse", "ConverseStream", "RunInstances", "CreateVolume", "GetFoundationModel"),
    *("CreateInference", "CreateInferenceProfile", "InvokeAgent", "Xyz", "", None),
)


def odd_records(count: int, seed: int) -> list[dict[str, Any]]:
    """So many records, each with an id and an address of its own."""
    dice = random.Random(seed)
    return [_record(dice, number) for number in range(count)]


def _some(dice: random.Random, members: dict[str, tuple[Any, ...]], chance: float = 0.6) -> dict[str, Any]:
    return {name: dice.choice(values) for name, values in members.items() if dice.random() < chance}


def _record(dice: random.Random, number: int) -> dict[str, Any]:
    request, extra = _some(dice, _REQUEST, 0.5), _some(dice, _EXTRA)
    return {
        "eventSource": dice.choice(_SOURCES),
        "eventName": dice.choice(_NAMES),
        "eventTime": dice.choice(("2026-10-01T08:00:00Z", "2026-10-02T23:59:59Z", "2026-10-02T00:00:00Z")),
        "eventID": f"event-{number:08}",
        "sourceIPAddress": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}",
        "userIdentity": dice.choice([*[_some(dice, _IDENTITY)] * 9, None]),
        "requestParameters": dice.choice([*[request] * 9, json.dumps(request), None, "x", [], 7]),
        "additionalEventData": dice.choice([*[extra] * 9, json.dumps(extra), None, "{bad", [], 7]),
        **_some(dice, _RECORD, 0.8),
    }
