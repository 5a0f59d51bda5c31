"""Managed policies attached to users, roles and groups, and who uses a policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bedrock_guard.demo.service import Answer, Request, page
from bedrock_guard.demo.services.iam.common import (
    ENTITY_KINDS,
    SERVICE,
    listing,
    no_such,
    over_quota,
    refuse_protected,
    require_policy,
    required,
)
from bedrock_guard.demo.state import Body, Items
from bedrock_guard.iam.quotas import MAX_MANAGED_POLICIES_PER_PRINCIPAL


def _register(kind: str) -> None:
    title = kind.capitalize()
    name_of = f"{title}Name"

    def attach(request: Request) -> None:
        p = request.parameters
        entity = required(request, kind, p[name_of])
        if kind == "role":
            refuse_protected(entity)
        policy = require_policy(request, p["PolicyArn"])
        attached = entity.setdefault("AttachedManagedPolicies", [])
        if any(a["PolicyArn"] == p["PolicyArn"] for a in attached):
            return
        if len(attached) >= MAX_MANAGED_POLICIES_PER_PRINCIPAL:
            raise over_quota(f"PoliciesPer{title}", MAX_MANAGED_POLICIES_PER_PRINCIPAL)
        attached.append({"PolicyName": policy["PolicyName"], "PolicyArn": p["PolicyArn"]})
        request.items.put(kind, p[name_of], entity)

    def detach(request: Request) -> None:
        p = request.parameters
        entity = required(request, kind, p[name_of])
        if kind == "role":
            refuse_protected(entity)
        attached = entity.get("AttachedManagedPolicies", [])
        kept = [a for a in attached if a["PolicyArn"] != p["PolicyArn"]]
        if len(kept) == len(attached):
            raise no_such(f"Policy {p['PolicyArn']} was not found.")
        request.items.put(kind, p[name_of], entity | {"AttachedManagedPolicies": kept})

    def list_attached(request: Request) -> Answer:
        attached = required(request, kind, request.parameters[name_of]).get("AttachedManagedPolicies", [])
        prefix = request.parameters.get("PathPrefix", "/")
        found = [a for a in attached if a["PolicyArn"].partition(":policy")[2].startswith(prefix)]
        return listing(request, "AttachedPolicies", sorted(found, key=lambda a: str(a["PolicyName"])))

    handlers: dict[str, Callable[[Request], Answer | None]] = {
        f"Attach{title}Policy": attach,
        f"Detach{title}Policy": detach,
        f"ListAttached{title}Policies": list_attached,
    }
    for operation, handler in handlers.items():
        SERVICE.operation(operation)(handler)


def users_of(items: Items, arn: str, usage: str | None = None) -> Iterator[tuple[str, Body]]:
    """Who has a policy attached (``PermissionsPolicy``) or as boundary (``PermissionsBoundary``); both when None."""
    for kind in ENTITY_KINDS:
        for body in items.bodies(kind):
            attached = any(a["PolicyArn"] == arn for a in body.get("AttachedManagedPolicies", ()))
            bound = body.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn") == arn
            if (attached and usage != "PermissionsBoundary") or (bound and usage != "PermissionsPolicy"):
                yield kind, body


@SERVICE.operation("ListEntitiesForPolicy")
def list_entities_for_policy(request: Request) -> Answer:
    """Groups, users and roles that use a policy, in one paged list."""
    p = request.parameters
    require_policy(request, p["PolicyArn"])
    wanted, prefix = p.get("EntityFilter"), p.get("PathPrefix", "/")
    found = [
        (kind, body)
        for kind, body in users_of(request.items, p["PolicyArn"], p.get("PolicyUsageFilter"))
        if wanted in {None, kind.capitalize()} and str(body.get("Path", "/")).startswith(prefix)
    ]
    part = page(found, request, token_name="Marker", size_name="MaxItems")  # noqa: S106 - a member's name
    answer = part.answer("rows", truncated="IsTruncated")
    rows = answer.pop("rows")
    for kind in ENTITY_KINDS:
        name, unique = f"{kind.capitalize()}Name", f"{kind.capitalize()}Id"
        answer[f"Policy{kind.capitalize()}s"] = [
            {name: b[name], unique: b[unique]} for k, b in rows if k == kind
        ]
    return answer


for _kind in ENTITY_KINDS:
    _register(_kind)
