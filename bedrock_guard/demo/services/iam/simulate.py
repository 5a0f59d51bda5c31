"""Policy simulation. The answers are those of the kit's own evaluator, not of AWS's simulator."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from bedrock_guard.demo.enforce import identity_documents, policy_text, scp_levels
from bedrock_guard.demo.service import Answer, Request, ServiceError
from bedrock_guard.demo.services.iam.common import SERVICE, listing, no_such, required
from bedrock_guard.demo.state import Body
from bedrock_guard.errors import GuardError
from bedrock_guard.iam.simulate import simulate_custom_policy

_GAP = "answered by the kit's own evaluator"
_VARIABLE = re.compile(r"\$\{([^}:]+:[^},]+)")
_PASSED_ON = (
    "ActionNames",
    "ResourceArns",
    "ResourcePolicy",
    "ResourceOwner",
    "CallerArn",
    "ResourceHandlingOption",
)


def _answer(request: Request, case: Body) -> Answer:
    asked = {name: value for name, value in case.items() if name not in ("MaxItems", "Marker")}
    try:
        results = simulate_custom_policy(**asked)["EvaluationResults"]
    except GuardError as error:
        raise ServiceError("InvalidInput", str(error)) from None
    return listing(request, "EvaluationResults", results)


@SERVICE.operation("SimulateCustomPolicy", gap=_GAP)
def simulate_custom(request: Request) -> Answer:
    """Policies given in the request."""
    return _answer(request, request.parameters)


@SERVICE.operation(
    "SimulatePrincipalPolicy", gap=f"{_GAP}; of PolicyExclusionList only boundary and SCP count"
)
def simulate_principal(request: Request) -> Answer:
    """A user, role or group as it is, with policies added, and with another boundary where one is given."""
    p = request.parameters
    kind, entity = _principal(request, p["PolicySourceArn"])
    excluded = {exclusion.get("PolicyType") for exclusion in p.get("PolicyExclusionList", ())}
    case: Body = {name: p[name] for name in _PASSED_ON if name in p}
    case["PolicyInputList"] = [
        *identity_documents(request.items, kind, entity),
        *p.get("PolicyInputList", ()),
    ]
    boundary = p.get("PermissionsBoundaryPolicyInputList")
    attached = entity.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    if boundary is None and attached and "permission-boundary" not in excluded:
        boundary = [policy_text(request.items, attached)]
    if boundary:
        case["PermissionsBoundaryPolicyInputList"] = boundary
    levels = () if "scp" in excluded else scp_levels(request.state, request.account)
    if levels:
        case["OrderedOrganizationPolicyInputList"] = [
            {"ServiceControlPolicyInputList": list(level)} for level in levels
        ]
    case["ContextEntries"] = [*p.get("ContextEntries", ()), *_own_keys(p, kind, entity)]
    return _answer(request, case)


def _principal(request: Request, arn: str) -> tuple[str, Body]:
    kind, _, path = arn.split(":", 5)[-1].partition("/")
    if kind not in {"user", "role", "group"}:
        raise ServiceError(
            "InvalidInput", f"Invalid Entity Arn: {arn} does not clearly define entity type and name."
        )
    entity = required(request, kind, path.rpartition("/")[2])
    if entity["Arn"] != arn:
        raise no_such(f"The {kind} with ARN {arn} cannot be found.")
    return kind, entity


def _own_keys(p: Body, kind: str, entity: Body) -> Iterator[Body]:
    """Keys that follow from the principal, unless the request gives them."""
    given = {entry.get("ContextKeyName", "").lower() for entry in p.get("ContextEntries", ())}
    keys = (
        {}
        if kind == "group"
        else {"aws:PrincipalArn": entity["Arn"], "aws:PrincipalAccount": entity["Arn"].split(":")[4]}
    )
    keys |= {f"aws:PrincipalTag/{tag['Key']}": tag["Value"] for tag in entity.get("Tags", ())}
    for name, value in keys.items():
        if name.lower() not in given:
            yield {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}


@SERVICE.operation("GetContextKeysForCustomPolicy")
def context_keys_for_custom(request: Request) -> Answer:
    """The condition keys and variables in the policies given."""
    return {"ContextKeyNames": _keys(request.parameters["PolicyInputList"])}


@SERVICE.operation("GetContextKeysForPrincipalPolicy")
def context_keys_for_principal(request: Request) -> Answer:
    """The condition keys and variables in the policies of a user, role or group, and in those given."""
    kind, entity = _principal(request, request.parameters["PolicySourceArn"])
    documents = [
        *identity_documents(request.items, kind, entity),
        *request.parameters.get("PolicyInputList", ()),
    ]
    return {"ContextKeyNames": _keys(documents)}


def _keys(documents: list[str]) -> list[str]:
    found: dict[str, None] = {}
    for text in documents:
        try:
            document: Any = json.loads(text)
        except (ValueError, RecursionError):
            raise ServiceError("InvalidInput", "Syntax errors in policy.") from None
        found |= dict.fromkeys(_condition_keys(document))
        found |= dict.fromkeys(_VARIABLE.findall(text))
    return list(found)


def _condition_keys(document: Any) -> Iterator[str]:
    statements = document.get("Statement", []) if isinstance(document, dict) else []
    for statement in statements if isinstance(statements, list) else [statements]:
        blocks = statement.get("Condition", {}) if isinstance(statement, dict) else {}
        for block in blocks.values() if isinstance(blocks, dict) else ():
            yield from (key for key in block if isinstance(block, dict))
