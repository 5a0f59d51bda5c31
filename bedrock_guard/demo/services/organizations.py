"""AWS Organizations: accounts, the tree, and service control policies. Global; asked from the management account."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from bedrock_guard.demo.service import Answer, Handler, Need, Request, Service, ServiceError, page
from bedrock_guard.demo.state import Body, Items
from bedrock_guard.iam.document import PolicyError, read
from bedrock_guard.iam.quotas import MAX_SCPS_PER_TARGET

SCP = "SERVICE_CONTROL_POLICY"
CONTENT_QUOTA = 10_240
_TYPES = {"root": "ROOT", "ou": "ORGANIZATIONAL_UNIT", "account": "ACCOUNT"}
_ACCOUNT = ("Id", "Arn", "Email", "Name", "Status", "State", "JoinedMethod", "JoinedTimestamp")


def _needs(request: Request) -> list[Need]:
    """The action on the policy and on the target that the parameters name."""
    p, action = request.parameters, f"organizations:{request.operation}"
    keys = {"organizations:PolicyType": p["Filter"]} if "Filter" in p else {}
    arns: list[str] = []
    if "PolicyId" in p:
        policy = request.items.get("policy", p["PolicyId"])
        arns += [policy["PolicySummary"]["Arn"]] if policy else []
    if "TargetId" in p and request.operation in {"AttachPolicy", "DetachPolicy", "ListPoliciesForTarget"}:
        target = _node(request.items, p["TargetId"])
        arns += [target[1]["Arn"]] if target else []
    return [Need(action, arn, keys) for arn in arns or ["*"]]


SERVICE = Service(
    "organizations",
    bad_token=ServiceError(
        "InvalidInputException", "You provided a value that does not match the required pattern.",
        fields={"Reason": "INVALID_NEXT_TOKEN"},
    ),
    invalid_input="InvalidInputException",
    default_needs=_needs,
)  # fmt: skip


def _operation(name: str, *, members_too: bool = False, gap: str = "") -> Callable[[Handler], Handler]:
    """As SERVICE.operation, for the management account only unless members may ask too."""

    def register(handler: Handler) -> Handler:
        @wraps(handler)
        def guarded(request: Request) -> Answer | None:
            management = request.state.meta("management") or ""
            if request.items.at(account=management).get("organization", "organization") is None:
                raise ServiceError(
                    "AWSOrganizationsNotInUseException", "Your account is not a member of an organization."
                )
            if request.account != management and not members_too:
                raise ServiceError(
                    "AccessDeniedException", "You don't have permissions to access this resource."
                )
            return handler(request)

        SERVICE.operation(name, gap=gap)(guarded)
        return handler

    return register


def _listing(request: Request, name: str, rows: Sequence[Any]) -> Answer:
    return page(rows, request, default=20).answer(name)


def _node(items: Items, node_id: str) -> tuple[str, Body] | None:
    for kind in _TYPES:
        body = items.get(kind, node_id)
        if body is not None:
            return kind, body
    return None


def _target(request: Request) -> tuple[str, Body]:
    found = _node(request.items, request.parameters["TargetId"])
    if found is None:
        raise ServiceError("TargetNotFoundException", "You specified a target that doesn't exist.")
    return found


def _parent(request: Request, node_id: str) -> str | None:
    body = request.items.get("parent", node_id)
    return None if body is None else str(body["Id"])


def _shown_account(request: Request, body: Body) -> Body:
    path = [str(body["Id"])]
    while (above := _parent(request, path[-1])) is not None:
        path.append(above)
    organization = request.items.get("organization", "organization") or {}
    shown = {name: body[name] for name in _ACCOUNT if name in body}
    return (
        {"State": body["Status"]} | shown | {"Paths": ["/".join([organization["Id"], *reversed(path)]) + "/"]}
    )


@_operation("DescribeOrganization", members_too=True)
def describe_organization(request: Request) -> Answer:
    """The organisation; members may ask as well."""
    management = request.state.meta("management") or ""
    return {"Organization": request.items.at(account=management).get("organization", "organization")}


@_operation("ListRoots")
def list_roots(request: Request) -> Answer:
    """The one root and its policy types."""
    return _listing(request, "Roots", request.items.bodies("root"))


@_operation("ListAccounts")
def list_accounts(request: Request) -> Answer:
    """Every account."""
    return _listing(
        request, "Accounts", [_shown_account(request, body) for body in request.items.bodies("account")]
    )


@_operation("DescribeAccount")
def describe_account(request: Request) -> Answer:
    """One account."""
    body = request.items.get("account", request.parameters["AccountId"])
    if body is None:
        raise ServiceError("AccountNotFoundException", "You specified an account that doesn't exist.")
    return {"Account": _shown_account(request, body)}


def _children(request: Request, kind: str, parent: str) -> list[Body]:
    if _node(request.items, parent) is None:
        raise ServiceError("ParentNotFoundException", "You specified parent that doesn't exist.")
    return [body for key, body in request.items.all(kind) if _parent(request, key) == parent]


@_operation("ListAccountsForParent")
def list_accounts_for_parent(request: Request) -> Answer:
    """The accounts directly below a root or unit."""
    found = _children(request, "account", request.parameters["ParentId"])
    return _listing(request, "Accounts", [_shown_account(request, body) for body in found])


@_operation("ListOrganizationalUnitsForParent")
def list_units_for_parent(request: Request) -> Answer:
    """The units directly below a root or unit."""
    found = _children(request, "ou", request.parameters["ParentId"])
    return _listing(request, "OrganizationalUnits", [_unit(body) for body in found])


def _unit(body: Body) -> Body:
    return {name: body[name] for name in ("Id", "Arn", "Name")}


@_operation("DescribeOrganizationalUnit")
def describe_unit(request: Request) -> Answer:
    """One unit."""
    body = request.items.get("ou", request.parameters["OrganizationalUnitId"])
    if body is None:
        message = "You specified an organizational unit that doesn't exist."
        raise ServiceError("OrganizationalUnitNotFoundException", message)
    return {"OrganizationalUnit": _unit(body)}


@_operation("ListChildren")
def list_children(request: Request) -> Answer:
    """Ids below a root or unit, of one kind."""
    kind = "ou" if request.parameters["ChildType"] == "ORGANIZATIONAL_UNIT" else "account"
    found = _children(request, kind, request.parameters["ParentId"])
    return _listing(request, "Children", [{"Id": body["Id"], "Type": _TYPES[kind]} for body in found])


@_operation("ListParents")
def list_parents(request: Request) -> Answer:
    """The one parent of an account or unit."""
    parent = _parent(request, request.parameters["ChildId"])
    if parent is None:
        raise ServiceError("ChildNotFoundException", "You specified a child that doesn't exist.")
    kind = "root" if parent.startswith("r-") else "ou"
    return _listing(request, "Parents", [{"Id": parent, "Type": _TYPES[kind]}])


def _policy(request: Request) -> Body:
    body = request.items.get("policy", request.parameters["PolicyId"])
    if body is None:
        raise ServiceError("PolicyNotFoundException", "You specified a policy that doesn't exist.")
    return body


def _own_policy(request: Request) -> Body:
    body = _policy(request)
    if body["PolicySummary"].get("AwsManaged"):
        message = "You specified a policy that is managed by AWS and can't be modified."
        raise ServiceError("InvalidInputException", message, fields={"Reason": "IMMUTABLE_POLICY"})
    return body


def _attachments(request: Request) -> list[Body]:
    return request.items.bodies("attachment")


@_operation("ListPolicies")
def list_policies(request: Request) -> Answer:
    """Policies of one type, without their content."""
    summaries = [body["PolicySummary"] for body in request.items.bodies("policy")]
    return _listing(request, "Policies", [s for s in summaries if s["Type"] == request.parameters["Filter"]])


@_operation("DescribePolicy")
def describe_policy(request: Request) -> Answer:
    """One policy with its content."""
    return {"Policy": _policy(request)}


@_operation("ListTargetsForPolicy")
def list_targets_for_policy(request: Request) -> Answer:
    """Where a policy is attached."""
    policy_id = _policy(request)["PolicySummary"]["Id"]
    rows = []
    for attachment in _attachments(request):
        found = _node(request.items, attachment["TargetId"])
        if attachment["PolicyId"] == policy_id and found is not None:
            kind, body = found
            rows.append(
                {"TargetId": body["Id"], "Arn": body["Arn"], "Name": body["Name"], "Type": _TYPES[kind]}
            )
    return _listing(request, "Targets", rows)


@_operation("ListPoliciesForTarget")
def list_policies_for_target(request: Request) -> Answer:
    """What is attached to a root, unit or account itself."""
    _, body = _target(request)
    ids = {a["PolicyId"] for a in _attachments(request) if a["TargetId"] == body["Id"]}
    summaries = [policy["PolicySummary"] for key, policy in request.items.all("policy") if key in ids]
    return _listing(request, "Policies", [s for s in summaries if s["Type"] == request.parameters["Filter"]])


@_operation("CreatePolicy")
def create_policy(request: Request) -> Answer:
    """A new policy, attached nowhere."""
    p = request.parameters
    if any(body["PolicySummary"]["Name"] == p["Name"] for body in request.items.bodies("policy")):
        raise ServiceError("DuplicatePolicyException", "A policy with the same name already exists.")
    number = request.state.next_number("organizations-policy")
    digest = hashlib.sha256(f"{request.state.meta('seed')}:{number}".encode()).hexdigest()[:8]
    organization = request.items.get("organization", "organization") or {}
    kind = p["Type"].lower()
    summary: Body = {
        "Id": f"p-{digest}",
        "Arn": f"arn:aws:organizations::{request.account}:policy/{organization['Id']}/{kind}/p-{digest}",
        "Name": p["Name"],
        "Description": p["Description"],
        "Type": p["Type"],
        "AwsManaged": False,
    }
    policy = {"PolicySummary": summary, "Content": _checked(p["Content"], p["Type"])}
    request.items.put("policy", summary["Id"], policy)
    return {"Policy": policy}


@_operation("UpdatePolicy")
def update_policy(request: Request) -> Answer:
    """Replaced in place, at once, wherever it is attached."""
    p, body = request.parameters, _own_policy(request)
    summary = body["PolicySummary"] | {name: p[name] for name in ("Name", "Description") if name in p}
    content = _checked(p["Content"], summary["Type"]) if "Content" in p else body["Content"]
    policy = {"PolicySummary": summary, "Content": content}
    request.items.put("policy", summary["Id"], policy)
    return {"Policy": policy}


@_operation("DeletePolicy")
def delete_policy(request: Request) -> None:
    """Only one that is attached nowhere."""
    policy_id = _own_policy(request)["PolicySummary"]["Id"]
    if any(a["PolicyId"] == policy_id for a in _attachments(request)):
        message = (
            "The policy is attached to one or more entities. You must detach it before you can delete it."
        )
        raise ServiceError("PolicyInUseException", message)
    request.items.delete("policy", policy_id)


@_operation("AttachPolicy")
def attach_policy(request: Request) -> None:
    """At most ten SCPs on one target, and none while the type is disabled."""
    summary = _policy(request)["PolicySummary"]
    _, target = _target(request)
    held = _of_type(request, target["Id"], summary["Type"])
    _refuse_disabled(request, summary["Type"])
    if summary["Id"] in held:
        message = "The selected policy is already attached to the specified target."
        raise ServiceError("DuplicatePolicyAttachmentException", message)
    if len(held) >= MAX_SCPS_PER_TARGET:
        raise ServiceError(
            "ConstraintViolationException",
            "You have attached the maximum number of policies to this target.",
            fields={"Reason": "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"},
        )
    body = {"TargetId": target["Id"], "PolicyId": summary["Id"]}
    request.items.put("attachment", f"{target['Id']}|{summary['Id']}", body)


@_operation("DetachPolicy")
def detach_policy(request: Request) -> None:
    """Never the last SCP of a target."""
    summary = _policy(request)["PolicySummary"]
    _, target = _target(request)
    held = _of_type(request, target["Id"], summary["Type"])
    if summary["Id"] not in held:
        raise ServiceError("PolicyNotAttachedException", "The policy isn't attached to the specified target.")
    if len(held) == 1 and summary["Type"] == SCP:
        raise ServiceError(
            "ConstraintViolationException",
            "You cannot remove the last policy attached to the specified target. Attach another one first.",
            fields={"Reason": "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"},
        )
    request.items.delete("attachment", f"{target['Id']}|{summary['Id']}")


def _of_type(request: Request, target_id: str, kind: str) -> set[str]:
    types = {key: body["PolicySummary"]["Type"] for key, body in request.items.all("policy")}
    attached = (a["PolicyId"] for a in _attachments(request) if a["TargetId"] == target_id)
    return {policy_id for policy_id in attached if types[policy_id] == kind}


def _refuse_disabled(request: Request, kind: str) -> None:
    enabled = (t for root in request.items.bodies("root") for t in root.get("PolicyTypes", ()))
    if not any(t["Type"] == kind and t["Status"] == "ENABLED" for t in enabled):
        message = "This operation can be performed only for enabled policy types."
        raise ServiceError("PolicyTypeNotEnabledException", message)


def _checked(content: str, kind: str) -> str:
    """White space counts here: AWS saves a policy given through the API as it is."""
    if kind != SCP:
        raise ServiceError("UnsupportedAPIEndpointException", "The demo keeps service control policies only.")
    if len(content) > CONTENT_QUOTA:
        message = "You have exceeded the maximum size of a policy document."
        fields = {"Reason": "POLICY_CONTENT_LIMIT_EXCEEDED"}
        raise ServiceError("ConstraintViolationException", message, fields=fields)
    try:
        read(content, "scp")
    except PolicyError:
        message = "The provided policy document does not meet the requirements of the specified policy type."
        raise ServiceError("MalformedPolicyDocumentException", message) from None
    return content
