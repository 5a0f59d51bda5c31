"""What is written through the demo shows in its own CloudTrail, some minutes later, as on AWS; so do refused calls."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime
from typing import Any

from bedrock_guard.demo.protocol import WireRequest
from bedrock_guard.demo.service import Answer, Request, ServiceError
from bedrock_guard.demo.state import EVENT_SQL, Body, event_row, iso

_GLOBAL = {"iam", "sts", "organizations", "ce"}
# Operations that write in the demo and count as reading in CloudTrail.
_READ_ONLY = ("AssumeRole", "Generate", "Get", "List", "Describe", "Lookup", "Simulate", "Check", "Validate")
_SECRETS = ("password", "secret", "token")
_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
# Data events, which a trail has only where they are selected and Event history never.
_DATA = {("sns", "Publish")}
# Of a guardrail CloudTrail tells who changed which, and not what it says.
_SHOWN_OF_GUARDRAIL = {"guardrailIdentifier", "kmsKeyId", "tags"}


def remember(
    request: Request, wire: WireRequest, answer: Answer | None = None, refused: ServiceError | None = None
) -> None:
    """Add the event of a call that changed something, or was refused. Within a write transaction."""
    if (request.definition.name, request.operation) in _DATA:
        return
    number = request.state.next_number("event")
    seed = request.state.meta("seed") or ""
    agent = next((v for k, v in wire.headers.items() if k.lower() == "user-agent"), "")
    body: Body = {
        "eventVersion": "1.11",
        "userIdentity": _identity(request),
        "eventTime": iso(request.now.replace(microsecond=0)),
        "eventSource": f"{request.definition.prefix}.amazonaws.com",
        "eventName": request.operation,
        "awsRegion": "us-east-1" if request.definition.name in _GLOBAL else request.region,
        "sourceIPAddress": "192.0.2.10",
        "userAgent": agent[:1000],
        **({"errorCode": refused.code, "errorMessage": refused.message} if refused else {}),
        # A denied IAM call shows no parameters.
        "requestParameters": None if refused and request.definition.name == "iam" else _parameters(request),
        "responseElements": _lower(answer, request.definition.name) if answer else None,
        "requestID": request.request_id,
        "eventID": str(uuid.UUID(hashlib.sha256(f"{seed}:{number}".encode()).hexdigest()[:32])),
        "readOnly": request.operation.startswith(_READ_ONLY),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": request.account,
        "eventCategory": "Management",
    }
    request.state.execute(EVENT_SQL, event_row(body))


def _parameters(request: Request) -> Any:
    shown = _lower(request.parameters)
    if request.operation in {"CreateGuardrail", "UpdateGuardrail"}:
        kept = {name: value for name, value in shown.items() if name in _SHOWN_OF_GUARDRAIL}
        return {**kept, "name": _HIDDEN}
    return shown


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


def _lower(value: Any, answered_by: str = "") -> Any:
    """CloudTrail writes member names with a small first letter, hides secrets asked with and omits those answered."""
    if isinstance(value, dict):
        return {
            name[0].lower() + name[1:]: "HIDDEN" if _secret(name) else _lower(item, answered_by)
            for name, item in value.items()
            if item is not None and not (answered_by and _secret(name))
        }
    if isinstance(value, list):
        return [_lower(item, answered_by) for item in value]
    if isinstance(value, datetime) and answered_by == "iam":
        return f"{value:%b} {value.day}, {value.year}, {value.hour % 12 or 12}:{value:%M:%S %p}"
    return value


def _secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRETS)
