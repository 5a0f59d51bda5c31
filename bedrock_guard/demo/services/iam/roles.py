"""IAM roles."""

from __future__ import annotations

from bedrock_guard.demo.service import Answer, Request, ServiceError
from bedrock_guard.demo.services.iam.common import (
    SERVICE,
    boundary_member,
    drop_tags,
    listing,
    merge_tags,
    new_entity,
    only,
    quoted,
    refuse_existing,
    refuse_protected,
    required,
    under_path,
)
from bedrock_guard.demo.services.iam.documents import checked_document

_LISTED = ("Path", "RoleName", "RoleId", "Arn", "CreateDate", "Description", "MaxSessionDuration")
_FULL = (*_LISTED, "PermissionsBoundary", "Tags", "RoleLastUsed")


def _shown(role: Answer, names: tuple[str, ...]) -> Answer:
    return only({"MaxSessionDuration": 3600} | role, names) | {
        "AssumeRolePolicyDocument": quoted(role["AssumeRolePolicyDocument"])
    }


@SERVICE.operation("ListRoles")
def list_roles(request: Request) -> Answer:
    """Roles in the order of their names, without boundaries, tags and last use, as AWS documents it."""
    found = under_path(request, request.items.bodies("role"))
    return listing(request, "Roles", [_shown(role, _LISTED) for role in found])


@SERVICE.operation("GetRole")
def get_role(request: Request) -> Answer:
    """One role with boundary, tags and last use."""
    return {
        "Role": _shown(
            {"RoleLastUsed": {}} | required(request, "role", request.parameters["RoleName"]), _FULL
        )
    }


@SERVICE.operation("CreateRole")
def create_role(request: Request) -> Answer:
    """A new role."""
    p = request.parameters
    refuse_existing(request.items, "role", p["RoleName"])
    role = (
        new_entity(request, "role")
        | boundary_member(request)
        | only(p, ("Description", "MaxSessionDuration"))
    )
    role["AssumeRolePolicyDocument"] = checked_document(p["AssumeRolePolicyDocument"], "trust", 2048)
    role["InstanceProfileList"] = []
    merge_tags(role, p.get("Tags", ()))
    request.items.put("role", p["RoleName"], role)
    return {"Role": _shown(role, (*_LISTED, "PermissionsBoundary", "Tags"))}


@SERVICE.operation("UpdateRole")
def update_role(request: Request) -> Answer:
    """Description and longest session."""
    role = _own(request)
    role |= only(request.parameters, ("Description", "MaxSessionDuration"))
    request.items.put("role", role["RoleName"], role)
    return {}


@SERVICE.operation("UpdateAssumeRolePolicy")
def update_assume_role_policy(request: Request) -> None:
    """Another trust policy."""
    role = _own(request)
    role["AssumeRolePolicyDocument"] = checked_document(request.parameters["PolicyDocument"], "trust", 2048)
    request.items.put("role", role["RoleName"], role)


@SERVICE.operation("DeleteRole")
def delete_role(request: Request) -> None:
    """Only a role that has nothing left."""
    role = _own(request)
    if role.get("AttachedManagedPolicies"):
        raise ServiceError("DeleteConflict", "Cannot delete entity, must detach all policies first.")
    if role.get("RolePolicyList"):
        raise ServiceError("DeleteConflict", "Cannot delete entity, must delete policies first.")
    request.items.delete("role", role["RoleName"])


@SERVICE.operation("ListRoleTags")
def list_role_tags(request: Request) -> Answer:
    """Tags of a role."""
    return listing(request, "Tags", required(request, "role", request.parameters["RoleName"]).get("Tags", []))


@SERVICE.operation("TagRole")
def tag_role(request: Request) -> None:
    """Add or replace tags."""
    role = _own(request)
    merge_tags(role, request.parameters["Tags"])
    request.items.put("role", role["RoleName"], role)


@SERVICE.operation("UntagRole")
def untag_role(request: Request) -> None:
    """Remove tags."""
    role = _own(request)
    drop_tags(role, request.parameters["TagKeys"])
    request.items.put("role", role["RoleName"], role)


def _own(request: Request) -> Answer:
    role = required(request, "role", request.parameters["RoleName"])
    refuse_protected(role)
    return role
