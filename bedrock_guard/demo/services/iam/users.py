"""IAM users."""

from __future__ import annotations

from bedrock_guard.demo.service import Answer, Request, ServiceError
from bedrock_guard.demo.services.iam.common import (
    SERVICE,
    boundary_member,
    drop_tags,
    listing,
    merge_tags,
    named_user,
    new_entity,
    only,
    refuse_existing,
    required,
    under_path,
)

_LISTED = ("Path", "UserName", "UserId", "Arn", "CreateDate", "PasswordLastUsed")
_FULL = (*_LISTED, "PermissionsBoundary", "Tags")


@SERVICE.operation("ListUsers")
def list_users(request: Request) -> Answer:
    """Users in the order of their names, without boundaries and tags, as AWS documents it."""
    found = under_path(request, request.items.bodies("user"))
    return listing(request, "Users", [only(user, _LISTED) for user in found])


@SERVICE.operation("GetUser")
def get_user(request: Request) -> Answer:
    """One user with boundary and tags."""
    return {"User": only(required(request, "user", named_user(request)), _FULL)}


@SERVICE.operation("CreateUser")
def create_user(request: Request) -> Answer:
    """A new user."""
    p = request.parameters
    refuse_existing(request.items, "user", p["UserName"])
    user = new_entity(request, "user") | {"GroupList": []} | boundary_member(request)
    merge_tags(user, p.get("Tags", ()))
    request.items.put("user", p["UserName"], user)
    return {"User": only(user, _FULL) if user["Tags"] else only(user, (*_LISTED, "PermissionsBoundary"))}


@SERVICE.operation("UpdateUser", gap="access advisor and events keep the former name")
def update_user(request: Request) -> None:
    """A new name or path; the unique id stays."""
    p = request.parameters
    user = required(request, "user", p["UserName"])
    name = p.get("NewUserName", p["UserName"])
    if name.lower() != p["UserName"].lower():
        refuse_existing(request.items, "user", name)
    user |= {"UserName": name, "Path": p.get("NewPath", user["Path"])}
    user["Arn"] = f"arn:aws:iam::{request.account}:user{user['Path']}{name}"
    request.items.delete("user", p["UserName"])
    request.items.put("user", name, user)
    for kind in ("credential", "access_key"):
        for key, body in request.items.all(kind):
            if body["UserName"] == p["UserName"]:
                request.items.put(kind, key, body | {"UserName": name})


@SERVICE.operation("DeleteUser")
def delete_user(request: Request) -> None:
    """Only a user that has nothing left."""
    name = request.parameters["UserName"]
    user = required(request, "user", name)
    for member, what in (
        ("AttachedManagedPolicies", "detach all policies"),
        ("UserPolicyList", "delete policies"),
        ("GroupList", "remove users from group"),
    ):
        if user.get(member):
            raise ServiceError("DeleteConflict", f"Cannot delete entity, must {what} first.")
    for kind, what in (
        ("access_key", "delete access keys"),
        ("credential", "delete service specific credentials"),
    ):
        if any(body["UserName"] == name for body in request.items.bodies(kind)):
            raise ServiceError("DeleteConflict", f"Cannot delete entity, must {what} first.")
    request.items.delete("user", name)


@SERVICE.operation("ListUserTags")
def list_user_tags(request: Request) -> Answer:
    """Tags of a user."""
    return listing(request, "Tags", required(request, "user", request.parameters["UserName"]).get("Tags", []))


@SERVICE.operation("TagUser")
def tag_user(request: Request) -> None:
    """Add or replace tags."""
    user = required(request, "user", request.parameters["UserName"])
    merge_tags(user, request.parameters["Tags"])
    request.items.put("user", request.parameters["UserName"], user)


@SERVICE.operation("UntagUser")
def untag_user(request: Request) -> None:
    """Remove tags."""
    user = required(request, "user", request.parameters["UserName"])
    drop_tags(user, request.parameters["TagKeys"])
    request.items.put("user", request.parameters["UserName"], user)


@SERVICE.operation("GetLoginProfile")
def get_login_profile(request: Request) -> Answer:
    """When the console password was made, for a user that has one."""
    name = named_user(request)
    user = required(request, "user", name)
    profile = user.get("LoginProfile")
    if not profile:
        raise ServiceError("NoSuchEntity", f"Login Profile for User {name} cannot be found.")
    return {"LoginProfile": {"UserName": name, "CreateDate": user["CreateDate"], **profile}}


@SERVICE.operation("ListMFADevices")
def list_mfa_devices(request: Request) -> Answer:
    """The MFA devices of a user."""
    user = required(request, "user", named_user(request))
    return listing(request, "MFADevices", user.get("MFADevices", []))


@SERVICE.operation("ListSSHPublicKeys")
def list_ssh_public_keys(request: Request) -> Answer:
    """The CodeCommit keys of a user, without their bodies."""
    user = required(request, "user", named_user(request))
    return listing(request, "SSHPublicKeys", user.get("SSHPublicKeys", []))


@SERVICE.operation("ListSigningCertificates")
def list_signing_certificates(request: Request) -> Answer:
    """The X.509 certificates of a user."""
    user = required(request, "user", named_user(request))
    return listing(request, "Certificates", user.get("Certificates", []))
