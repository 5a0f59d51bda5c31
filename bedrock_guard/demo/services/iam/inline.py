"""Inline policies of users, roles and groups: the same four operations for each."""

from __future__ import annotations

from collections.abc import Callable

from bedrock_guard.demo.service import Answer, Request
from bedrock_guard.demo.services.iam.common import (
    SERVICE,
    listing,
    no_such,
    over_quota,
    quoted,
    refuse_protected,
    required,
)
from bedrock_guard.demo.services.iam.documents import INLINE_SIZES, checked_document, size
from bedrock_guard.demo.state import Body


def _register(kind: str) -> None:
    title = kind.capitalize()
    name_of, member = f"{title}Name", f"{title}PolicyList"

    def entity(request: Request, *, writing: bool) -> Body:
        found = required(request, kind, request.parameters[name_of])
        if writing and kind == "role":
            refuse_protected(found)
        return found

    def list_policies(request: Request) -> Answer:
        names = sorted(p["PolicyName"] for p in entity(request, writing=False).get(member, ()))
        return listing(request, "PolicyNames", names)

    def get_policy(request: Request) -> Answer:
        name = request.parameters["PolicyName"]
        document = _find(entity(request, writing=False).get(member, []), kind, name)["PolicyDocument"]
        return {name_of: request.parameters[name_of], "PolicyName": name, "PolicyDocument": quoted(document)}

    def put_policy(request: Request) -> None:
        p = request.parameters
        found = entity(request, writing=True)
        rest = [policy for policy in found.get(member, ()) if policy["PolicyName"] != p["PolicyName"]]
        document = checked_document(p["PolicyDocument"])
        if size(document) + sum(size(policy["PolicyDocument"]) for policy in rest) > INLINE_SIZES[kind]:
            raise over_quota(f"maximum policy size of {INLINE_SIZES[kind]} bytes", INLINE_SIZES[kind])
        found[member] = [*rest, {"PolicyName": p["PolicyName"], "PolicyDocument": document}]
        request.items.put(kind, p[name_of], found)

    def delete_policy(request: Request) -> None:
        found = entity(request, writing=True)
        gone = _find(found.get(member, []), kind, request.parameters["PolicyName"])
        found[member] = [policy for policy in found[member] if policy is not gone]
        request.items.put(kind, request.parameters[name_of], found)

    handlers: dict[str, Callable[[Request], Answer | None]] = {
        f"List{title}Policies": list_policies,
        f"Get{title}Policy": get_policy,
        f"Put{title}Policy": put_policy,
        f"Delete{title}Policy": delete_policy,
    }
    for operation, handler in handlers.items():
        SERVICE.operation(operation)(handler)


def _find(policies: list[Body], kind: str, name: str) -> Body:
    for policy in policies:
        if policy["PolicyName"] == name:
            return policy
    raise no_such(f"The {kind} policy with name {name} cannot be found.")


for _kind in ("user", "role", "group"):
    _register(_kind)
