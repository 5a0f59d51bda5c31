"""Permissions boundaries of users and roles."""

from __future__ import annotations

from bedrock_guard.demo.service import Request
from bedrock_guard.demo.services.iam.common import (
    SERVICE,
    boundary_member,
    no_such,
    refuse_protected,
    required,
)


def _put(request: Request, kind: str, name: str) -> None:
    entity = required(request, kind, name)
    if kind == "role":
        refuse_protected(entity)
    request.items.put(kind, name, entity | boundary_member(request))


def _delete(request: Request, kind: str, name: str) -> None:
    entity = required(request, kind, name)
    if kind == "role":
        refuse_protected(entity)
    if entity.pop("PermissionsBoundary", None) is None:
        raise no_such(f"The {kind} with name {name} does not have a permissions boundary.")
    request.items.put(kind, name, entity)


@SERVICE.operation("PutUserPermissionsBoundary")
def put_user(request: Request) -> None:
    """Set or replace the boundary of a user."""
    _put(request, "user", request.parameters["UserName"])


@SERVICE.operation("PutRolePermissionsBoundary")
def put_role(request: Request) -> None:
    """Set or replace the boundary of a role."""
    _put(request, "role", request.parameters["RoleName"])


@SERVICE.operation(
    "DeleteUserPermissionsBoundary", gap="the error for a boundary that is absent is not verified"
)
def delete_user(request: Request) -> None:
    """Take the boundary of a user away."""
    _delete(request, "user", request.parameters["UserName"])


@SERVICE.operation(
    "DeleteRolePermissionsBoundary", gap="the error for a boundary that is absent is not verified"
)
def delete_role(request: Request) -> None:
    """Take the boundary of a role away."""
    _delete(request, "role", request.parameters["RoleName"])
