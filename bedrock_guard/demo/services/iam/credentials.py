"""Service-specific credentials: long-term API keys of Bedrock, CodeCommit, Keyspaces, CloudWatch.

A secret is answered once and not kept.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bedrock_guard.demo.service import Answer, Request, ServiceError
from bedrock_guard.demo.services.iam.common import (
    SERVICE,
    listing,
    named_user,
    new_id,
    no_such,
    only,
    over_quota,
    required,
)
from bedrock_guard.demo.state import Body

PER_USER_AND_SERVICE = 2
_SERVICES = {
    "bedrock.amazonaws.com",
    "cassandra.amazonaws.com",
    "codecommit.amazonaws.com",
    "logs.amazonaws.com",
}
_SHOWN = (
    "UserName", "Status", "ServiceUserName", "ServiceCredentialAlias", "CreateDate", "ExpirationDate",
    "ServiceSpecificCredentialId", "ServiceName",
)  # fmt: skip


def _status(body: Body, now: datetime) -> Body:
    """Expiry is a matter of the clock, not of a write."""
    end = body.get("ExpirationDate")
    return body | {"Status": "Expired"} if end and datetime.fromisoformat(end) <= now else body


@SERVICE.operation("ListServiceSpecificCredentials")
def list_credentials(request: Request) -> Answer:
    """The credentials of a user, or with AllUsers of everybody."""
    p = request.parameters
    if p.get("AllUsers") and p.get("UserName"):
        message = "UserName and AllUsers cannot both be specified."
        raise ServiceError("ValidationError", message, 400)
    name = None if p.get("AllUsers") else named_user(request)
    if name is not None:
        required(request, "user", name)
    rows = [
        only(_status(body, request.now), _SHOWN)
        for body in request.items.bodies("credential")
        if name in {None, body["UserName"]} and p.get("ServiceName") in {None, body["ServiceName"]}
    ]
    return listing(request, "ServiceSpecificCredentials", rows)


@SERVICE.operation("CreateServiceSpecificCredential")
def create_credential(request: Request) -> Answer:
    """At most two per user and service."""
    p = request.parameters
    required(request, "user", p["UserName"])
    if p["ServiceName"] not in _SERVICES:
        raise ServiceError("NotSupportedService", f"No such service {p['ServiceName']}")
    held = [
        body
        for body in request.items.bodies("credential")
        if body["UserName"] == p["UserName"] and body["ServiceName"] == p["ServiceName"]
    ]
    if len(held) >= PER_USER_AND_SERVICE:
        raise over_quota("ServiceSpecificCredentialsPerUser", PER_USER_AND_SERVICE)
    body: Body = {
        "CreateDate": request.now,
        "ServiceName": p["ServiceName"],
        "ServiceSpecificCredentialId": new_id(request, "credential"),
        "UserName": p["UserName"],
        "Status": "Active",
        **_name_of_key(request, p["ServiceName"], p["UserName"]),
    }
    if "CredentialAgeDays" in p:
        body["ExpirationDate"] = request.now + timedelta(days=p["CredentialAgeDays"])
    request.items.put("credential", body["ServiceSpecificCredentialId"], body)
    return {"ServiceSpecificCredential": body | _secret(p["ServiceName"])}


def _name_of_key(request: Request, service: str, user: str) -> Body:
    alias = f"{user}-at-{request.account}"
    if service == "bedrock.amazonaws.com":
        return {"ServiceCredentialAlias": alias}
    return {"ServiceUserName": alias}


def _secret(service: str) -> Body:
    member = "ServiceCredentialSecret" if service == "bedrock.amazonaws.com" else "ServicePassword"
    return {member: "demo-secret-shown-once"}


def _own(request: Request) -> Body:
    p = request.parameters
    found = request.items.get("credential", p["ServiceSpecificCredentialId"])
    if found is None or found["UserName"] != named_user(request):
        raise no_such(f"The Service Specific Credential {p['ServiceSpecificCredentialId']} cannot be found.")
    return found


@SERVICE.operation(
    "UpdateServiceSpecificCredential", gap="Status=Expired is refused; what AWS answers is not known"
)
def update_credential(request: Request) -> None:
    """Active or Inactive."""
    found = _own(request)
    if request.parameters["Status"] == "Expired":
        raise ServiceError("ValidationError", "The status Expired cannot be set.", 400)
    request.items.put(
        "credential", found["ServiceSpecificCredentialId"], found | only(request.parameters, ("Status",))
    )


@SERVICE.operation("ResetServiceSpecificCredential")
def reset_credential(request: Request) -> Answer:
    """A new secret for the same credential."""
    found = _own(request)
    return {
        "ServiceSpecificCredential": only(_status(found, request.now), _SHOWN) | _secret(found["ServiceName"])
    }


@SERVICE.operation("DeleteServiceSpecificCredential")
def delete_credential(request: Request) -> None:
    """For good."""
    request.items.delete("credential", _own(request)["ServiceSpecificCredentialId"])
