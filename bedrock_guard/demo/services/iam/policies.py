"""Managed policies."""

from __future__ import annotations

from collections import Counter

from bedrock_guard.demo.managed_policies import DOCUMENTS
from bedrock_guard.demo.service import Answer, Request, ServiceError
from bedrock_guard.demo.services.iam.common import (
    ENTITY_KINDS,
    SERVICE,
    aws_managed,
    drop_tags,
    listing,
    merge_tags,
    new_id,
    no_such,
    only,
    policy_arn,
    require_policy,
    under_path,
)
from bedrock_guard.demo.services.iam.documents import checked_document
from bedrock_guard.demo.state import Body, Items

_LISTED = (
    "PolicyName",
    "PolicyId",
    "Arn",
    "Path",
    "DefaultVersionId",
    "IsAttachable",
    "CreateDate",
    "UpdateDate",
)
_FULL = (*_LISTED, "Description", "Tags")


def own_policy(request: Request) -> Body:
    """A customer managed policy that may be changed, or IAM's error."""
    arn = request.parameters["PolicyArn"]
    found = request.items.get("policy", arn)
    if found is None:
        if aws_managed(arn) is not None:
            message = f"Policy {arn} is an AWS managed policy and cannot be changed."
            raise ServiceError("AccessDenied", message, 403)
        raise no_such(f"Policy {arn} was not found.")
    return found


def any_policy(request: Request) -> Body:
    """A policy of this account or of AWS."""
    arn = request.parameters["PolicyArn"]
    found = request.items.get("policy", arn) or aws_managed(arn)
    if found is None:
        raise no_such(f"Policy {arn} was not found.")
    return found


def usage_counts(items: Items) -> tuple[Counter[str], Counter[str]]:
    """How often each policy is attached, and how often it is a boundary."""
    attached: Counter[str] = Counter()
    bounding: Counter[str] = Counter()
    for kind in ENTITY_KINDS:
        for body in items.bodies(kind):
            attached.update(a["PolicyArn"] for a in body.get("AttachedManagedPolicies", ()))
            if "PermissionsBoundary" in body:
                bounding[body["PermissionsBoundary"]["PermissionsBoundaryArn"]] += 1
    return attached, bounding


def shown(policy: Body, names: tuple[str, ...], counts: tuple[Counter[str], Counter[str]]) -> Body:
    """A policy as it is answered, with its use counted."""
    attached, bounding = counts
    numbers = {
        "AttachmentCount": attached[policy["Arn"]],
        "PermissionsBoundaryUsageCount": bounding[policy["Arn"]],
    }
    return only({"IsAttachable": True} | policy, names) | numbers


@SERVICE.operation("ListPolicies")
def list_policies(request: Request) -> Answer:
    """Policies of this account, of AWS, or both; without descriptions and tags."""
    p = request.parameters
    scope = p.get("Scope", "All")
    found = request.items.bodies("policy") if scope != "AWS" else []
    if scope != "Local":
        found = found + [policy for arn in sorted(DOCUMENTS) if (policy := aws_managed(arn)) is not None]
    counts = usage_counts(request.items)
    rows = [shown(policy, _LISTED, counts) for policy in under_path(request, found)]
    usage = p.get("PolicyUsageFilter")
    if p.get("OnlyAttached") or usage is not None:
        member = "PermissionsBoundaryUsageCount" if usage == "PermissionsBoundary" else "AttachmentCount"
        rows = [row for row in rows if row[member]]
    return listing(request, "Policies", rows)


@SERVICE.operation("GetPolicy")
def get_policy(request: Request) -> Answer:
    """One policy."""
    return {"Policy": shown(any_policy(request), _FULL, usage_counts(request.items))}


@SERVICE.operation("CreatePolicy")
def create_policy(request: Request) -> Answer:
    """A new policy with its version v1. The name is unique in the account, whatever the path."""
    p = request.parameters
    if any(body["PolicyName"].lower() == p["PolicyName"].lower() for body in request.items.bodies("policy")):
        message = f"A policy called {p['PolicyName']} already exists. Duplicate names are not allowed."
        raise ServiceError("EntityAlreadyExists", message)
    document = checked_document(p["PolicyDocument"])
    version = {"Document": document, "VersionId": "v1", "IsDefaultVersion": True, "CreateDate": request.now}
    policy: Body = {
        "PolicyName": p["PolicyName"],
        "PolicyId": new_id(request, "policy"),
        "Arn": policy_arn(request, p),
        "Path": p.get("Path", "/"),
        "DefaultVersionId": "v1",
        "IsAttachable": True,
        "CreateDate": request.now,
        "UpdateDate": request.now,
        "PolicyVersionList": [version],
        "NextVersion": 2,
        **only(p, ("Description",)),
    }
    merge_tags(policy, p.get("Tags", ()))
    request.items.put("policy", policy["Arn"], policy)
    names = _FULL if policy["Tags"] else _LISTED
    return {
        "Policy": shown(policy, tuple(n for n in names if n != "Description"), usage_counts(request.items))
    }


@SERVICE.operation("DeletePolicy")
def delete_policy(request: Request) -> None:
    """Only one that nobody uses and that has one version left."""
    policy = own_policy(request)
    attached, bounding = usage_counts(request.items)
    if attached[policy["Arn"]] or bounding[policy["Arn"]]:
        raise ServiceError("DeleteConflict", "Cannot delete a policy attached to entities.")
    if len(policy["PolicyVersionList"]) > 1:
        raise ServiceError(
            "DeleteConflict",
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions."
            " The default version is deleted with the policy.",
        )
    request.items.delete("policy", policy["Arn"])


@SERVICE.operation("ListPolicyTags")
def list_policy_tags(request: Request) -> Answer:
    """Tags of a policy."""
    return listing(request, "Tags", require_policy(request, request.parameters["PolicyArn"]).get("Tags", []))


@SERVICE.operation("TagPolicy")
def tag_policy(request: Request) -> None:
    """Add or replace tags."""
    policy = own_policy(request)
    merge_tags(policy, request.parameters["Tags"])
    request.items.put("policy", policy["Arn"], policy)


@SERVICE.operation("UntagPolicy")
def untag_policy(request: Request) -> None:
    """Remove tags."""
    policy = own_policy(request)
    drop_tags(policy, request.parameters["TagKeys"])
    request.items.put("policy", policy["Arn"], policy)
