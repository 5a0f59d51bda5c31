"""Access keys of users. Ids begin with DEMO."""

from __future__ import annotations

import hashlib

from bedrock_guard.demo import callers
from bedrock_guard.demo.service import Answer, Request
from bedrock_guard.demo.services.iam.common import (
    SERVICE,
    listing,
    named_user,
    no_such,
    only,
    over_quota,
    required,
)
from bedrock_guard.demo.state import Body

PER_USER = 2
_SHOWN = ("UserName", "AccessKeyId", "Status", "CreateDate")


def _of(request: Request, name: str) -> list[Body]:
    return [body for body in request.items.bodies("access_key") if body["UserName"] == name]


@SERVICE.operation("ListAccessKeys")
def list_access_keys(request: Request) -> Answer:
    """The keys of a user, without secrets."""
    name = named_user(request)
    required(request, "user", name)
    return listing(request, "AccessKeyMetadata", [only(key, _SHOWN) for key in _of(request, name)])


@SERVICE.operation("GetAccessKeyLastUsed")
def get_access_key_last_used(request: Request) -> Answer:
    """When, for which service and where a key was last used; N/A for one that never was."""
    key = request.items.get("access_key", request.parameters["AccessKeyId"])
    if key is None:
        raise no_such(f"The Access Key with id {request.parameters['AccessKeyId']} cannot be found.")
    used = key.get("LastUsed") or {}
    return {"UserName": key["UserName"], "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"} | used}


@SERVICE.operation("CreateAccessKey")
def create_access_key(request: Request) -> Answer:
    """A key that really opens the demo as that user."""
    name = named_user(request)
    user = required(request, "user", name)
    if len(_of(request, name)) >= PER_USER:
        raise over_quota("AccessKeysPerUser", PER_USER)
    number = request.state.next_number("access-key")
    key_id = (
        "DEMO"
        + hashlib.sha256(f"{request.state.meta('seed')}:{name}:{number}".encode()).hexdigest()[:16].upper()
    )
    key: Body = {"UserName": name, "AccessKeyId": key_id, "Status": "Active", "CreateDate": request.now}
    request.items.put("access_key", key_id, key)
    callers.register(request.state, user["Arn"], access_key=key_id)
    return {"AccessKey": key | {"SecretAccessKey": callers.SECRET}}


def _own(request: Request) -> Body:
    key = request.items.get("access_key", request.parameters["AccessKeyId"])
    if key is None or key["UserName"] != named_user(request):
        raise no_such(f"The Access Key with id {request.parameters['AccessKeyId']} cannot be found.")
    return key


@SERVICE.operation("UpdateAccessKey")
def update_access_key(request: Request) -> None:
    """Active or Inactive; an inactive key no longer opens the demo."""
    key = _own(request) | only(request.parameters, ("Status",))
    request.items.put("access_key", key["AccessKeyId"], key)
    known = request.items.at(service="demo", account="")
    if key["Status"] == "Active":
        user = required(request, "user", key["UserName"])
        callers.register(request.state, user["Arn"], access_key=key["AccessKeyId"])
    else:
        known.delete("caller", key["AccessKeyId"])


@SERVICE.operation("DeleteAccessKey")
def delete_access_key(request: Request) -> None:
    """For good."""
    key = _own(request)
    request.items.delete("access_key", key["AccessKeyId"])
    request.items.at(service="demo", account="").delete("caller", key["AccessKeyId"])
