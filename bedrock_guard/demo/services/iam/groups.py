"""IAM groups and who is in them."""

from __future__ import annotations

from bedrock_guard.demo.service import Answer, Request, ServiceError
from bedrock_guard.demo.services.iam.common import (
    SERVICE,
    listing,
    new_entity,
    only,
    refuse_existing,
    required,
    under_path,
)

_SHOWN = ("Path", "GroupName", "GroupId", "Arn", "CreateDate")
_USER = ("Path", "UserName", "UserId", "Arn", "CreateDate", "PasswordLastUsed")


@SERVICE.operation("ListGroups")
def list_groups(request: Request) -> Answer:
    """Groups in the order of their names."""
    found = under_path(request, request.items.bodies("group"))
    return listing(request, "Groups", [only(group, _SHOWN) for group in found])


@SERVICE.operation("GetGroup")
def get_group(request: Request) -> Answer:
    """A group and its users."""
    name = request.parameters["GroupName"]
    group = required(request, "group", name)
    members = [user for user in request.items.bodies("user") if name in user.get("GroupList", ())]
    return {
        "Group": only(group, _SHOWN),
        **listing(request, "Users", [only(user, _USER) for user in members]),
    }


@SERVICE.operation("ListGroupsForUser")
def list_groups_for_user(request: Request) -> Answer:
    """The groups of a user."""
    user = required(request, "user", request.parameters["UserName"])
    groups = [request.items.get("group", name) for name in sorted(user.get("GroupList", ()))]
    return listing(request, "Groups", [only(group, _SHOWN) for group in groups if group])


@SERVICE.operation("CreateGroup")
def create_group(request: Request) -> Answer:
    """A new group."""
    name = request.parameters["GroupName"]
    refuse_existing(request.items, "group", name)
    group = new_entity(request, "group")
    request.items.put("group", name, group)
    return {"Group": only(group, _SHOWN)}


@SERVICE.operation("DeleteGroup")
def delete_group(request: Request) -> None:
    """Only a group that has nothing left."""
    name = request.parameters["GroupName"]
    group = required(request, "group", name)
    if group.get("AttachedManagedPolicies"):
        raise ServiceError("DeleteConflict", "Cannot delete entity, must detach all policies first.")
    if group.get("GroupPolicyList"):
        raise ServiceError("DeleteConflict", "Cannot delete entity, must delete policies first.")
    if any(name in user.get("GroupList", ()) for user in request.items.bodies("user")):
        raise ServiceError("DeleteConflict", "Cannot delete entity, must remove users from group first.")
    request.items.delete("group", name)


@SERVICE.operation("AddUserToGroup")
def add_user_to_group(request: Request) -> None:
    """Adding twice is no error."""
    p = request.parameters
    required(request, "group", p["GroupName"])
    user = required(request, "user", p["UserName"])
    user["GroupList"] = sorted({*user.get("GroupList", ()), p["GroupName"]})
    request.items.put("user", p["UserName"], user)


@SERVICE.operation("RemoveUserFromGroup")
def remove_user_from_group(request: Request) -> None:
    """Removing one who is not in it is no error."""
    p = request.parameters
    required(request, "group", p["GroupName"])
    user = required(request, "user", p["UserName"])
    user["GroupList"] = [name for name in user.get("GroupList", ()) if name != p["GroupName"]]
    request.items.put("user", p["UserName"], user)
