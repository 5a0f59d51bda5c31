"""What all of IAM shares: entities, names, identifiers, paging by Marker, what an operation needs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from bedrock_guard.demo.managed_policies import PREFIX, document_of
from bedrock_guard.demo.service import Answer, Need, Request, Service, ServiceError, page
from bedrock_guard.demo.state import Body, Items

PROTECTED_PATHS = ("/aws-service-role/", "/aws-reserved/")
ENTITY_KINDS = ("user", "role", "group")
_NAME = {"user": "UserName", "role": "RoleName", "group": "GroupName"}
_LISTED = {"ListUsers": "user", "ListRoles": "role", "ListGroups": "group"}
_PREFIX = {"user": "AIDA", "role": "AROA", "group": "AGPA", "policy": "ANPA"}


def needs(request: Request) -> list[Need]:
    """The action on the entity or policy that the parameters name, with IAM's own condition keys.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
    """
    p = request.parameters
    return [Need(f"iam:{request.operation}", _resource(request), _keys(request, p))]


def _resource(request: Request) -> str:
    p = request.parameters
    for kind in ENTITY_KINDS:
        if _NAME[kind] in p:
            return entity_arn(request, kind, p[_NAME[kind]], p.get("Path"))
    if "PolicyArn" in p:
        return str(p["PolicyArn"])
    if request.operation == "CreatePolicy":
        return policy_arn(request, p)
    if request.operation == "GetUser":
        return request.caller.principal
    if request.operation in _LISTED:
        return f"arn:aws:iam::{request.account}:{_LISTED[request.operation]}{p.get('PathPrefix', '/')}"
    return str(p.get("PolicySourceArn") or p.get("Arn") or "*")


def _keys(request: Request, p: Body) -> dict[str, Any]:
    keys: dict[str, Any] = _tags_in_place(request, p)
    boundary = p.get("PermissionsBoundary") or _boundary_in_place(request, p)
    if boundary:
        keys["iam:PermissionsBoundary"] = boundary
    if "PolicyArn" in p and any(_NAME[kind] in p for kind in ENTITY_KINDS):
        keys["iam:PolicyARN"] = p["PolicyArn"]
    if "ServiceName" in p:
        keys["iam:ServiceSpecificCredentialServiceName"] = p["ServiceName"]
    if "CredentialAgeDays" in p:
        keys["iam:ServiceSpecificCredentialAgeDays"] = p["CredentialAgeDays"]
    if "ServiceSpecificCredentialId" in p:
        found = request.items.get("credential", p["ServiceSpecificCredentialId"])
        keys |= {"iam:ServiceSpecificCredentialServiceName": found["ServiceName"]} if found else {}
    return keys


def _tags_in_place(request: Request, p: Body) -> dict[str, Any]:
    """The tags of the user, role or policy that the call is about, under both of their keys."""
    named = [(kind, p[_NAME[kind]]) for kind in ("user", "role") if _NAME[kind] in p]
    if not named and "PolicyArn" in p:
        named = [("policy", p["PolicyArn"])]
    tags = [tag for kind, key in named for tag in (request.items.get(kind, key) or {}).get("Tags", ())]
    return {f"{prefix}:ResourceTag/{tag['Key']}": tag["Value"] for tag in tags for prefix in ("aws", "iam")}


def _boundary_in_place(request: Request, p: Body) -> str | None:
    for kind in ("user", "role"):
        entity = request.items.get(kind, p[_NAME[kind]]) if _NAME[kind] in p else None
        if entity is not None:
            found = entity.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
            return None if found is None else str(found)
    return None


SERVICE = Service(
    "iam", bad_token=ServiceError("ValidationError", "Invalid Marker.", 400), default_needs=needs
)


def entity_arn(request: Request, kind: str, name: str, path: str | None = None) -> str:
    """The ARN of an entity; of one that is not there, with the path given."""
    found = request.items.get(kind, name)
    return str(found["Arn"]) if found else f"arn:aws:iam::{request.account}:{kind}{path or '/'}{name}"


def policy_arn(request: Request, p: Body) -> str:
    """The ARN that CreatePolicy makes."""
    return f"arn:aws:iam::{request.account}:policy{p.get('Path', '/')}{p['PolicyName']}"


def required(request: Request, kind: str, name: str) -> Body:
    """An entity, or IAM's NoSuchEntity."""
    found = request.items.get(kind, name)
    if found is None:
        raise no_such(f"The {kind} with name {name} cannot be found.")
    return found


def named_user(request: Request) -> str:
    """``UserName``, or the calling user where it is left out."""
    name = request.parameters.get("UserName")
    if name is None and request.caller.kind != "user":
        raise ServiceError(
            "ValidationError", "Must specify userName when calling with non-User credentials", 400
        )
    return str(name or request.caller.name)


def no_such(message: str) -> ServiceError:
    """404."""
    return ServiceError("NoSuchEntity", message)


def refuse_existing(items: Items, kind: str, name: str) -> None:
    """Names are unique without regard to case."""
    if any(key.lower() == name.lower() for key, _ in items.all(kind)):
        raise ServiceError("EntityAlreadyExists", f"{kind.capitalize()} with name {name} already exists.")


def refuse_protected(role: Body) -> None:
    """Service-linked roles and those of IAM Identity Center belong to AWS."""
    if str(role.get("Path", "/")).startswith(PROTECTED_PATHS):
        name = role.get("RoleName")
        raise ServiceError(
            "UnmodifiableEntity",
            f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS",
        )


def over_quota(what: str, most: int) -> ServiceError:
    """409."""
    return ServiceError("LimitExceeded", f"Cannot exceed quota for {what}: {most}")


def new_id(request: Request, kind: str) -> str:
    """A unique identifier of IAM's form, the same each time for one seed and one order of calls."""
    number = request.state.next_number("iam-id")
    digest = hashlib.sha256(f"{request.state.meta('seed')}:{kind}:{number}".encode()).digest()
    return _PREFIX.get(kind, "ACCA") + base64.b32encode(digest).decode()[:17]


def new_entity(request: Request, kind: str) -> Body:
    """What a new user, role or group begins with."""
    p = request.parameters
    name, path = p[_NAME[kind]], p.get("Path", "/")
    return {
        "Path": path,
        _NAME[kind]: name,
        f"{kind.capitalize()}Id": new_id(request, kind),
        "Arn": f"arn:aws:iam::{request.account}:{kind}{path}{name}",
        "CreateDate": request.now,
        f"{kind.capitalize()}PolicyList": [],
        "AttachedManagedPolicies": [],
    }


def listing(request: Request, name: str, items: Sequence[Any]) -> Answer:
    """One page by Marker and MaxItems."""
    found = page(items, request, token_name="Marker", size_name="MaxItems")  # noqa: S106 - a member's name
    return found.answer(name, truncated="IsTruncated")


def under_path(request: Request, bodies: Sequence[Body]) -> list[Body]:
    """Those below ``PathPrefix``."""
    prefix = request.parameters.get("PathPrefix", "/")
    return [body for body in bodies if str(body.get("Path", "/")).startswith(prefix)]


def only(body: Body, names: Sequence[str]) -> Body:
    """The members of ``body`` that an answer has."""
    return {name: body[name] for name in names if body.get(name) is not None}


@lru_cache(maxsize=4096)
def quoted(document: str) -> str:
    """A document as IAM answers it: percent-encoded."""
    return quote(document, safe="")


def merge_tags(body: Body, tags: Sequence[Body]) -> None:
    """Add or replace tags by key. At most 50."""
    kept = {tag["Key"]: tag["Value"] for tag in body.get("Tags", ())} | {
        tag["Key"]: tag["Value"] for tag in tags
    }
    if len(kept) > 50:
        raise over_quota("TagsPerResource", 50)
    body["Tags"] = [{"Key": k, "Value": v} for k, v in kept.items()]


def drop_tags(body: Body, keys: Sequence[str]) -> None:
    """Remove tags by key."""
    body["Tags"] = [tag for tag in body.get("Tags", ()) if tag["Key"] not in keys]


def boundary_member(request: Request) -> Body:
    """The PermissionsBoundary member of a new entity, from its parameters."""
    arn = request.parameters.get("PermissionsBoundary")
    if not arn:
        return {}
    require_policy(request, arn)
    return {
        "PermissionsBoundary": {
            "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
            "PermissionsBoundaryArn": arn,
        }
    }


def require_policy(request: Request, arn: str) -> Body:
    """A managed policy that can be attached in this account, AWS's own included."""
    found = request.items.get("policy", arn) or aws_managed(arn)
    if found is None:
        raise no_such(f"Policy {arn} does not exist or is not attachable.")
    return found


def aws_managed(arn: str) -> Body | None:
    """One of AWS's managed policies as an item."""
    document = document_of(arn)
    if document is None:
        return None
    made = "2025-06-03T00:00:00Z"
    version = {"Document": document, "VersionId": "v1", "IsDefaultVersion": True, "CreateDate": made}
    return {
        "PolicyName": arn.rpartition("/")[2],
        "PolicyId": "ANPA" + base64.b32encode(hashlib.sha256(arn.encode()).digest()).decode()[:17],
        "Arn": arn,
        "Path": arn.removeprefix(PREFIX[:-1]).rpartition("/")[0] + "/",
        "DefaultVersionId": "v1",
        "IsAttachable": True,
        "CreateDate": made,
        "UpdateDate": made,
        "PolicyVersionList": [version],
    }
