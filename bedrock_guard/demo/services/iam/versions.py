"""Versions of managed policies: at most five, numbers never used twice, the default protected."""

from __future__ import annotations

from bedrock_guard.demo.service import Answer, Request, ServiceError
from bedrock_guard.demo.services.iam.common import SERVICE, listing, no_such, only, quoted
from bedrock_guard.demo.services.iam.documents import checked_document
from bedrock_guard.demo.services.iam.policies import any_policy, own_policy
from bedrock_guard.demo.state import Body
from bedrock_guard.iam.quotas import MAX_MANAGED_POLICY_VERSIONS

_SHOWN = ("VersionId", "IsDefaultVersion", "CreateDate")


def _version(request: Request, policy: Body) -> Body:
    wanted = request.parameters["VersionId"]
    for version in policy["PolicyVersionList"]:
        if version["VersionId"] == wanted:
            found: Body = version
            return found
    raise no_such(f"Policy {policy['Arn']} version {wanted} does not exist or is not attachable.")


def _number(version: Body) -> int:
    return int(str(version["VersionId"]).lstrip("v").partition(".")[0])


@SERVICE.operation("ListPolicyVersions")
def list_policy_versions(request: Request) -> Answer:
    """The newest first, without documents."""
    versions = sorted(any_policy(request)["PolicyVersionList"], key=_number, reverse=True)
    return listing(request, "Versions", [only(version, _SHOWN) for version in versions])


@SERVICE.operation("GetPolicyVersion")
def get_policy_version(request: Request) -> Answer:
    """One version with its document, percent-encoded."""
    version = _version(request, any_policy(request))
    return {"PolicyVersion": only(version, _SHOWN) | {"Document": quoted(version["Document"])}}


@SERVICE.operation("CreatePolicyVersion")
def create_policy_version(request: Request) -> Answer:
    """One more version, as default or not."""
    policy = own_policy(request)
    document = checked_document(request.parameters["PolicyDocument"])
    versions = policy["PolicyVersionList"]
    if len(versions) >= MAX_MANAGED_POLICY_VERSIONS:
        raise ServiceError(
            "LimitExceeded",
            f"A managed policy can have up to {MAX_MANAGED_POLICY_VERSIONS} versions. Before you create a new version, "
            "you must delete an existing version.",
        )
    number = policy.get("NextVersion") or max(map(_number, versions)) + 1
    version: Body = {
        "Document": document,
        "VersionId": f"v{number}",
        "IsDefaultVersion": False,
        "CreateDate": request.now,
    }
    policy |= {"NextVersion": number + 1, "PolicyVersionList": [*versions, version]}
    if request.parameters.get("SetAsDefault"):
        _make_default(request, policy, version)
    request.items.put("policy", policy["Arn"], policy)
    return {"PolicyVersion": only(version, _SHOWN)}


@SERVICE.operation("SetDefaultPolicyVersion")
def set_default_policy_version(request: Request) -> None:
    """At once for everybody the policy is attached to."""
    policy = own_policy(request)
    _make_default(request, policy, _version(request, policy))
    request.items.put("policy", policy["Arn"], policy)


@SERVICE.operation("DeletePolicyVersion")
def delete_policy_version(request: Request) -> None:
    """Any but the default."""
    policy = own_policy(request)
    gone = _version(request, policy)
    if gone["IsDefaultVersion"]:
        raise ServiceError("DeleteConflict", "Cannot delete the default version of a policy.")
    highest = max(map(_number, policy["PolicyVersionList"]))
    policy["NextVersion"] = policy.get("NextVersion") or highest + 1
    policy["PolicyVersionList"] = [version for version in policy["PolicyVersionList"] if version is not gone]
    request.items.put("policy", policy["Arn"], policy)


def _make_default(request: Request, policy: Body, chosen: Body) -> None:
    for version in policy["PolicyVersionList"]:
        version["IsDefaultVersion"] = version is chosen
    policy |= {"DefaultVersionId": chosen["VersionId"], "UpdateDate": request.now}
