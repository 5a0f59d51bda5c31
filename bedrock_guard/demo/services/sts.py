"""AWS STS: who am I, and temporary keys."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from bedrock_guard.demo import callers
from bedrock_guard.demo.service import Caller, Need, Request, Service, ServiceError
from bedrock_guard.demo.state import Body

SERVICE = Service("sts", bad_token=ServiceError("ValidationError", "Invalid token"))


@SERVICE.operation("GetCallerIdentity")
def get_caller_identity(request: Request) -> dict[str, Any]:
    """The caller; allowed to everybody."""
    caller = request.caller
    return {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}


@SERVICE.operation("GetAccessKeyInfo")
def get_access_key_info(request: Request) -> dict[str, Any]:
    """The account of a key of the demo."""
    body = request.items.at(service="demo", account="").get("caller", request.parameters["AccessKeyId"])
    if body is None:
        raise ServiceError("ValidationError", "Invalid AccessKeyId")
    return {"Account": body["Account"]}


def _assume_needs(request: Request) -> list[Need]:
    role = _role(request)
    keys = {"sts:RoleSessionName": request.parameters["RoleSessionName"]}
    if "ExternalId" in request.parameters:
        keys["sts:ExternalId"] = request.parameters["ExternalId"]
    trust = role["AssumeRolePolicyDocument"] if role else None
    return [Need("sts:AssumeRole", request.parameters["RoleArn"], keys, trust)]


def _role(request: Request) -> Body | None:
    arn = request.parameters["RoleArn"]
    account, path = arn.split(":", 5)[4:]
    role = request.items.at(service="iam", account=account).get("role", path.rpartition("/")[2])
    return role if role is not None and role["Arn"] == arn else None


@SERVICE.operation(
    "AssumeRole",
    needs=_assume_needs,
    gap="session policies and tags are ignored; trust policies count with enforce only",
)
def assume_role(request: Request) -> dict[str, Any]:
    """Temporary keys of a role of any account of the demo."""
    p = request.parameters
    role = _role(request)
    if role is None:
        asked = f"sts:AssumeRole on resource: {p['RoleArn']}"
        raise ServiceError(
            "AccessDenied", f"User: {request.caller.arn} is not authorized to perform: {asked}", 403
        )
    longest = int(role.get("MaxSessionDuration", 3600))
    seconds = int(p.get("DurationSeconds", 3600))
    if seconds > longest:
        sentence = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        raise ServiceError("ValidationError", sentence)
    caller, credentials = _issue(request, p["RoleArn"], p["RoleSessionName"], seconds)
    return {
        "Credentials": credentials,
        "AssumedRoleUser": {"AssumedRoleId": caller.user_id, "Arn": caller.arn},
    }


@SERVICE.operation("GetSessionToken", writes=True)
def get_session_token(request: Request) -> dict[str, Any]:
    """Temporary keys of the calling user."""
    if request.caller.kind == "role":
        raise ServiceError("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
    seconds = int(request.parameters.get("DurationSeconds", 43200))
    return {"Credentials": _issue(request, request.caller.principal, "", seconds)[1]}


def _issue(request: Request, principal: str, session: str, seconds: int) -> tuple[Caller, Body]:
    number = request.state.next_number("session")
    made = hashlib.sha256(f"{request.state.meta('seed')}:{principal}:{number}".encode()).hexdigest()
    expires = request.now + timedelta(seconds=seconds)
    token = f"demo-session-{made[16:48]}"
    caller = callers.register(
        request.state,
        principal,
        session=session,
        access_key=f"DEMO{made[:16].upper()}",
        expires=expires,
        token=token,
    )
    return caller, {
        "AccessKeyId": caller.access_key,
        "SecretAccessKey": callers.SECRET,
        "SessionToken": token,
        "Expiration": expires,
    }
