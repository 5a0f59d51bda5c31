"""What is written through the demo shows in its own CloudTrail, some minutes later, as on AWS."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from bedrock_guard.demo.protocol import WireRequest
from bedrock_guard.demo.service import Request
from bedrock_guard.demo.state import EVENT_SQL, Body, event_row, iso

_GLOBAL = {"iam", "sts", "organizations", "ce"}
# Operations that write in the demo and count as reading in CloudTrail.
_READ_ONLY = ("AssumeRole", "Generate", "Get")
_SECRETS = ("password", "secret", "token")


def remember(request: Request, wire: WireRequest) -> None:
    """Add the event of a call that changed something. Within its transaction; failed calls leave no event."""
    number = request.state.next_number("event")
    seed = request.state.meta("seed") or ""
    agent = next((v for k, v in wire.headers.items() if k.lower() == "user-agent"), "")
    body: Body = {
        "eventVersion": "1.11",
        "userIdentity": _identity(request),
        "eventTime": iso(request.now.replace(microsecond=0)),
        "eventSource": f"{request.definition.name}.amazonaws.com",
        "eventName": request.operation,
        "awsRegion": "us-east-1" if request.definition.name in _GLOBAL else request.region,
        "sourceIPAddress": "192.0.2.10",
        "userAgent": agent[:1000],
        "requestParameters": _lower(request.parameters),
        "responseElements": None,
        "requestID": request.request_id,
        "eventID": str(uuid.UUID(hashlib.sha256(f"{seed}:{number}".encode()).hexdigest()[:32])),
        "readOnly": request.operation.startswith(_READ_ONLY),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": request.account,
        "eventCategory": "Management",
    }
    request.state.execute(EVENT_SQL, event_row(body))


def _identity(request: Request) -> Body:
    caller = request.caller
    body: Body = {
        "type": {"user": "IAMUser", "role": "AssumedRole"}.get(caller.kind, "Root"),
        "principalId": caller.user_id,
        "arn": caller.arn,
        "accountId": caller.account,
        "accessKeyId": caller.access_key,
    }
    if caller.kind == "user":
        body["userName"] = caller.name
    if caller.kind == "role":
        issuer = {
            "type": "Role",
            "principalId": caller.user_id.partition(":")[0],
            "arn": caller.principal,
            "accountId": caller.account,
            "userName": caller.name,
        }
        body["sessionContext"] = {"sessionIssuer": issuer}
    return body


def _lower(value: Any) -> Any:
    """CloudTrail writes member names with a small first letter, and hides what is secret."""
    if isinstance(value, dict):
        return {k[0].lower() + k[1:]: "HIDDEN" if _secret(k) else _lower(v) for k, v in value.items()}
    return [_lower(v) for v in value] if isinstance(value, list) else value


def _secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRETS)
