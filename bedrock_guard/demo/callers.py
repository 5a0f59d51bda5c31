"""Who signed a request: the demo's access keys.

A key of the demo begins with ``DEMO``, so that no secret scanner takes it for AWS's. Signatures are not
checked: there is no secret to protect, and a client without the right key id is refused all the same.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

from bedrock_guard.demo.protocol import WireRequest
from bedrock_guard.demo.service import Caller, ServiceError
from bedrock_guard.demo.state import Body, State, iso

SECRET = "demo-secret-that-opens-nothing"  # noqa: S105 - signs requests that never leave the process
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/")
_UNSIGNED = {"query": "MissingAuthenticationToken", "ec2": "AuthFailure"}
_UNKNOWN = {"query": "InvalidClientTokenId", "ec2": "AuthFailure"}


def register(
    state: State,
    principal: str,
    *,
    session: str = "",
    access_key: str = "",
    expires: datetime | None = None,
    token: str = "",
) -> Caller:
    """Give a user or role an access key in this state and say who it makes the caller.

    Args:
        state: within a write transaction.
        principal: ARN of a user or role of the demo, or ``arn:aws:iam::ACCOUNT:root``.
        session: name of the assumed-role session; needed for a role.
        access_key: a key id of one's own; by default one that follows from the principal.
        expires: end of a temporary key (UTC).
        token: the session token that must come with it.

    Raises:
        LookupError: there is no such user or role.
    """
    account, _, path = principal.partition(":iam::")[2].partition(":")
    kind, _, name = path.partition("/")
    if kind not in {"user", "role", "root"}:
        raise LookupError(f"{principal} is no ARN of a user or role.")
    name = name.rpartition("/")[2]
    entity = state.items("iam", account).get(kind, name) if kind != "root" else {}
    if entity is None or entity.get("Arn", principal) != principal:
        raise LookupError(f"The {kind} with name {name} cannot be found.")
    unique = str(entity.get("RoleId") or entity.get("UserId") or account)
    arn = principal
    if kind == "role":
        arn, unique = f"arn:aws:sts::{account}:assumed-role/{name}/{session}", f"{unique}:{session}"
    caller = Caller(arn, principal, account, unique, access_key or _key_for(principal, session))
    state.items("demo", "").load("caller", caller.access_key, _body(caller, expires, token))
    return caller


def identify(state: State, request: WireRequest, protocol: str, now: datetime) -> tuple[Caller, str]:
    """The caller and the Region a request was signed for. Raises the ServiceError of an unknown or expired key."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    found = _CREDENTIAL.search(headers.get("authorization", ""))
    if found is None:
        code = _UNSIGNED.get(protocol, "MissingAuthenticationTokenException")
        raise ServiceError(code, "Request is missing Authentication Token", 403)
    body = state.items("demo", "").get("caller", found.group(1))
    if body is None or body["Token"] != headers.get("x-amz-security-token", ""):
        code = _UNKNOWN.get(protocol, "UnrecognizedClientException")
        raise ServiceError(
            code, "The security token included in the request is invalid.", _denied_status(protocol)
        )
    if body["Expires"] and datetime.fromisoformat(body["Expires"]) <= now:
        code = "ExpiredToken" if protocol == "query" else "ExpiredTokenException"
        raise ServiceError(
            code, "The security token included in the request is expired", _denied_status(protocol)
        )
    caller = Caller(body["Arn"], body["Principal"], body["Account"], body["UserId"], found.group(1))
    return caller, found.group(2)


def _denied_status(protocol: str) -> int:
    return {"query": 403, "ec2": 401, "rest-json": 403}.get(protocol, 400)


def _key_for(principal: str, session: str) -> str:
    return "DEMO" + hashlib.sha256(f"{principal}|{session}".encode()).hexdigest()[:16].upper()


def _body(caller: Caller, expires: datetime | None, token: str) -> Body:
    return {
        "Arn": caller.arn,
        "Principal": caller.principal,
        "Account": caller.account,
        "UserId": caller.user_id,
        "Expires": iso(expires) if expires else "",
        "Token": token,
    }
