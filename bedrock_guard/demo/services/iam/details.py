"""GetAccountAuthorizationDetails: everything at once, paged as one list."""

from __future__ import annotations

from bedrock_guard.demo.service import Answer, Request, page
from bedrock_guard.demo.services.iam.common import SERVICE, aws_managed, only, quoted
from bedrock_guard.demo.services.iam.policies import shown, usage_counts
from bedrock_guard.demo.state import Body

_USER = (
    "Path", "UserName", "UserId", "Arn", "CreateDate", "UserPolicyList", "GroupList", "AttachedManagedPolicies",
    "PermissionsBoundary", "Tags",
)  # fmt: skip
_GROUP = ("Path", "GroupName", "GroupId", "Arn", "CreateDate", "GroupPolicyList", "AttachedManagedPolicies")
_ROLE = (
    "Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument", "InstanceProfileList",
    "RolePolicyList", "AttachedManagedPolicies", "PermissionsBoundary", "Tags", "RoleLastUsed",
)  # fmt: skip
_POLICY = (
    "PolicyName", "PolicyId", "Arn", "Path", "DefaultVersionId", "IsAttachable", "Description", "CreateDate",
    "UpdateDate", "PolicyVersionList",
)  # fmt: skip
_LISTS = {
    "User": "UserDetailList",
    "Group": "GroupDetailList",
    "Role": "RoleDetailList",
    "LocalManagedPolicy": "Policies",
    "AWSManagedPolicy": "Policies",
}


@SERVICE.operation("GetAccountAuthorizationDetails")
def get_account_authorization_details(request: Request) -> Answer:
    """Users, groups, roles and policies; of AWS's policies those in use."""
    wanted = request.parameters.get("Filter") or list(_LISTS)
    rows = [row for row in _rows(request) if row[0] in wanted]
    part = page(rows, request, token_name="Marker", size_name="MaxItems")  # noqa: S106 - a member's name
    answer = part.answer("rows", truncated="IsTruncated")
    answer |= {name: [] for name in _LISTS.values()}
    for kind, body in answer.pop("rows"):
        answer[_LISTS[kind]].append(_encoded(body))
    return answer


def _rows(request: Request) -> list[tuple[str, Body]]:
    items = request.items
    counts = usage_counts(items)
    aws = [policy for arn in sorted({*counts[0], *counts[1]}) if (policy := aws_managed(arn)) is not None]
    return [
        *(("User", only(body, _USER)) for body in items.bodies("user")),
        *(("Group", only(body, _GROUP)) for body in items.bodies("group")),
        *(("Role", only({"InstanceProfileList": []} | body, _ROLE)) for body in items.bodies("role")),
        *(("LocalManagedPolicy", shown(body, _POLICY, counts)) for body in items.bodies("policy")),
        *(("AWSManagedPolicy", shown(body, _POLICY, counts)) for body in aws),
    ]


def _encoded(value: Body) -> Body:
    """Documents percent-encoded, wherever they are."""
    documents = {"PolicyDocument", "AssumeRolePolicyDocument", "Document"}
    coded: Body = {}
    for name, item in value.items():
        if name in documents:
            coded[name] = quoted(item)
        elif isinstance(item, list):
            coded[name] = [_encoded(part) if isinstance(part, dict) else part for part in item]
        else:
            coded[name] = item
    return coded
