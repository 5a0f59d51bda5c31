"""May the caller do this? Identity policies, permissions boundary and SCPs, decided by the kit's own evaluator.

Messages are worded as AWS words them:
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from bedrock_guard.demo.managed_policies import document_of
from bedrock_guard.demo.service import Caller, Need, Request, ServiceError
from bedrock_guard.demo.state import Body, Items, State
from bedrock_guard.iam.document import read
from bedrock_guard.iam.evaluator import Decision, Evaluator, compile_policies

_FREE = {"sts:GetCallerIdentity", "sts:GetSessionToken", "sts:GetAccessKeyInfo"}
_LAYER_WORDS = {
    "identity": ("an", "identity-based policy"),
    "boundary": ("a", "permissions boundary"),
    "scp": ("a", "service control policy"),
    "rcp": ("a", "resource control policy"),
    "session": ("a", "session policy"),
    "resource": ("a", "resource-based policy"),
}
_PARTS = {"user": "UserPolicyList", "role": "RolePolicyList", "group": "GroupPolicyList"}

Texts = tuple[str, ...]


class RefusedError(ServiceError):
    """The caller may not: the service's access-denied error."""


def authorise(request: Request, asked: Callable[[Need], object] = lambda _need: None) -> None:
    """Let the request through, or refuse it for the first need that is not met.

    Args:
        request: who wants what.
        asked: told of every need that was decided.

    Raises:
        RefusedError: with the layer that decided, as AWS words it.
    """
    for need in request.definition.needs(request):
        if need.action in _FREE:
            continue
        asked(need)
        evaluator = evaluator_for(request.state, request.caller, need.trust)
        context = {**_context(request), **need.context}
        decision = evaluator.decide(need.action, need.resource, context, principal=request.caller.principal)
        if not decision.allowed:
            raise _denied(request, need, decision)


def evaluator_for(state: State, caller: Caller, trust: str | None = None) -> Evaluator:
    """The evaluator of everything that binds a principal of the demo, with a role's trust policy where one counts."""
    iam = state.items("iam", caller.account)
    levels = scp_levels(state, caller.account)
    if caller.kind == "root":
        return _compiled((_EVERYTHING,), None, levels, trust)
    entity = iam.get(caller.kind, caller.name) or {}
    boundary = entity.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    texts = tuple(identity_documents(iam, caller.kind, entity))
    return _compiled(texts, policy_text(iam, boundary) if boundary else None, levels, trust)


def identity_documents(iam: Items, kind: str, entity: Body) -> Iterable[str]:
    """The documents of a user or role: inline, attached, and those of a user's groups."""
    for inline in entity.get(_PARTS[kind], ()):
        yield inline["PolicyDocument"]
    for attached in entity.get("AttachedManagedPolicies", ()):
        yield policy_text(iam, attached["PolicyArn"])
    for name in entity.get("GroupList", ()):
        yield from identity_documents(iam, "group", iam.get("group", name) or {})


def policy_text(iam: Items, arn: str) -> str:
    """The default version of a managed policy. A policy that is gone grants nothing."""
    shipped = document_of(arn)
    if shipped is not None:
        return shipped
    policy = iam.get("policy", arn) or {"PolicyVersionList": []}
    return next((v["Document"] for v in policy["PolicyVersionList"] if v["IsDefaultVersion"]), _NOTHING)


def scp_levels(state: State, account: str) -> tuple[Texts, ...]:
    """The SCPs over an account, from the root down; none for the management account, which they do not bind."""
    management = state.meta("management") or ""
    items = state.items("organizations", management)
    if account == management or items.get("organization", "organization") is None:
        return ()
    path = [account]
    while (parent := items.get("parent", path[-1])) is not None:
        path.append(parent["Id"])
    attached: dict[str, list[str]] = {}
    for body in items.bodies("attachment"):
        attached.setdefault(body["TargetId"], []).append(body["PolicyId"])
    policies = dict(items.all("policy"))
    return tuple(
        tuple(
            policies[p]["Content"]
            for p in attached.get(target, ())
            if policies[p]["PolicySummary"].get("Type", "SERVICE_CONTROL_POLICY") == "SERVICE_CONTROL_POLICY"
        )
        for target in reversed(path)
    )


_EVERYTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
_NOTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"none:None","Resource":"*"}]}'


@lru_cache(maxsize=64)
def _compiled(
    identity: Texts, boundary: str | None, levels: tuple[Texts, ...], trust: str | None
) -> Evaluator:
    # Lenient: what is stored was accepted once.
    return compile_policies(
        [read(text, lenient=True) for text in identity],
        boundary=None if boundary is None else read(boundary, "boundary", lenient=True),
        scps=[[read(text, "scp", lenient=True) for text in level] for level in levels],
        resource_policy=None if trust is None else read(trust, "trust", lenient=True),
    )


def _context(request: Request) -> dict[str, Any]:
    caller = request.caller
    entity = request.state.items("iam", caller.account).get(caller.kind, caller.name) or {}
    context: dict[str, Any] = {
        "aws:PrincipalArn": caller.principal,
        "aws:PrincipalAccount": caller.account,
        "aws:PrincipalType": {"user": "User", "role": "AssumedRole"}.get(caller.kind, "Account"),
        "aws:userid": caller.user_id,
        "aws:RequestedRegion": request.region,
        "aws:CurrentTime": request.now,
        "aws:EpochTime": int(request.now.timestamp()),
        "aws:SecureTransport": True,
        "aws:SourceIp": "192.0.2.10",
        "aws:ViaAWSService": False,
        "aws:PrincipalIsAWSService": False,
    }
    if caller.kind == "user":
        context["aws:username"] = caller.name
    for tag in entity.get("Tags", ()):
        context[f"aws:PrincipalTag/{tag['Key']}"] = tag["Value"]
    return context | _tag_keys(request.parameters)


def _tag_keys(parameters: dict[str, Any]) -> dict[str, Any]:
    """The tags in a request: Bedrock writes small letters where IAM writes capitals."""
    tags = parameters.get("Tags") or parameters.get("tags")
    if isinstance(tags, list):
        pairs = {tag.get("Key") or tag["key"]: tag.get("Value", tag.get("value")) for tag in tags}
        asked = {f"aws:RequestTag/{name}": value for name, value in pairs.items()}
        return {"aws:TagKeys": list(pairs), **asked}
    gone = parameters.get("TagKeys") or parameters.get("tagKeys")
    return {"aws:TagKeys": gone} if isinstance(gone, list) else {}


def _denied(request: Request, need: Need, decision: Decision) -> RefusedError:
    article, layer = _LAYER_WORDS.get(decision.layer or "identity", _LAYER_WORDS["identity"])
    if decision.verdict == "explicitDeny":
        why = f"with an explicit deny in {article} {layer}{_named(request, decision)}"
    else:
        why = f"because no {layer} allows the {need.action} action"
    asked = f"{need.action} on resource: {_said(need)}"
    sentence = f"User: {request.caller.arn} is not authorized to perform: {asked} {why}"
    service = request.definition.name
    if service == "ec2":
        start = "You are not authorized to perform this operation."
        return RefusedError("UnauthorizedOperation", f"{start} {sentence}", 403)
    if service == "organizations":
        return RefusedError("AccessDeniedException", "You don't have permissions to access this resource.")
    if service in {"iam", "sts", "sns"}:
        return RefusedError("AccessDenied", sentence, 403)
    return RefusedError("AccessDeniedException", sentence)


def _said(need: Need) -> str:
    """IAM names what is there by kind and name, a policy by its ARN, and what is to be made by what it will be."""
    kind, _, path = need.resource.split(":", 5)[-1].partition("/")
    name = path.rpartition("/")[2]
    if not need.action.startswith("iam:") or need.action in {"iam:CreateUser", "iam:CreateRole"} or not name:
        return need.resource
    if kind == "policy":
        return f"policy {name if need.action == 'iam:CreatePolicy' else need.resource}"
    return f"{kind} {name}" if kind in _PARTS else need.resource


def _named(request: Request, decision: Decision) -> str:
    """The ARN of the boundary that denied; which of several policies did is not told."""
    caller = request.caller
    entity = request.state.items("iam", caller.account).get(caller.kind, caller.name) or {}
    arn = entity.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return f": {arn}" if decision.layer == "boundary" and arn else ""
