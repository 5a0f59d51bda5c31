"""Answer a checked SimulateCustomPolicy request in AWS's shape.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from bedrock_guard.iam import jsontext
from bedrock_guard.iam.conditions import texts
from bedrock_guard.iam.decision import Decision
from bedrock_guard.iam.evaluator import Evaluator, compile_policies
from bedrock_guard.iam.facts import lowered
from bedrock_guard.iam.principals import Principal, principal_of
from bedrock_guard.iam.simulation_request import SimulationRequest
from bedrock_guard.iam.situation import MEMBER, Regime, account_of, crosses, regime_of
from bedrock_guard.iam.statements import CompiledStatement, Layer

_SEVERITY = ("allowed", "implicitDeny", "explicitDeny")
_SOURCES: Mapping[str, str] = {
    "identity": "PolicyInputList",
    "boundary": "PermissionsBoundaryPolicyInputList",
    "session": "SessionPolicyInputList",
    "resource": "ResourcePolicy",
}


class Simulation:
    """One request under answer."""

    def __init__(self, request: SimulationRequest) -> None:
        self._request = request
        self._evaluator = _compiled(
            request.identity,
            request.boundary,
            request.scps,
            request.rcps,
            request.session,
            request.resource_policy,
        )
        self._caller: Principal | None = None if request.caller is None else principal_of(request.caller)
        self._facts = lowered(request.context)

    def response(self) -> dict[str, Any]:
        """The whole response."""
        request = self._request
        end = len(request.actions) if request.most is None else request.start + request.most
        answer: dict[str, Any] = {
            "EvaluationResults": [self._result(action) for action in request.actions[request.start : end]],
            "IsTruncated": end < len(request.actions),
        }
        if answer["IsTruncated"]:
            answer["Marker"] = str(end)
        return answer

    def _result(self, action: str) -> dict[str, Any]:
        each = [self._on_resource(action, resource) for resource in self._request.resources]
        worst = max((one["EvalResourceDecision"] for one in each), key=_SEVERITY.index)
        contributing = [one for one in each if one["EvalResourceDecision"] == worst]
        result: dict[str, Any] = {
            "EvalActionName": action,
            "EvalResourceName": each[0]["EvalResourceName"] if len(each) == 1 else "*",
            "EvalDecision": worst,
            "MatchedStatements": _union(one["MatchedStatements"] for one in contributing),
            "MissingContextValues": _union(one["MissingContextValues"] for one in each),
        }
        self._add_details(result, action, each)
        if self._request.resources != ("*",):
            result["ResourceSpecificResults"] = each
        return result

    def _add_details(self, result: dict[str, Any], action: str, each: Sequence[Mapping[str, Any]]) -> None:
        if self._request.scps:
            allowed = all(self._organization_allows(action, resource) for resource in self._request.resources)
            result["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": allowed}
        if self._request.boundary:
            name = "PermissionsBoundaryDecisionDetail"
            allowed = all(one[name]["AllowedByPermissionsBoundary"] for one in each)
            result[name] = {"AllowedByPermissionsBoundary": allowed}
        summaries = [one["EvalDecisionDetails"] for one in each if "EvalDecisionDetails" in one]
        if self._request.resources != ("*",) or summaries:
            result["EvalDecisionDetails"] = {
                side: max((one[side] for one in summaries), key=_SEVERITY.index)
                for side in (summaries or [{}])[0]
            }

    def _on_resource(self, action: str, resource: str) -> dict[str, Any]:
        request = self._request
        owner = account_of(resource) or request.owner
        decision = self._evaluator.decide(action, resource, request.context, self._caller, owner)
        applying = self._applying(action, resource, owner)
        result: dict[str, Any] = {
            "EvalResourceName": resource,
            "EvalResourceDecision": decision.verdict,
            "MatchedStatements": [self._reference(one) for one in _deciding(decision, applying)],
            "MissingContextValues": self._missing(action, resource, owner),
        }
        if crosses(self._caller, resource, owner)[1]:
            result["EvalDecisionDetails"] = self._sides(applying)
        if request.boundary:
            allowed = (
                not self._regime(resource, owner).boundary or _verdict(applying, "boundary") == "allowed"
            )
            result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": allowed}
        return result

    def _regime(self, resource: str, owner: str | None) -> Regime:
        return (
            MEMBER
            if self._caller is None
            else regime_of(self._caller, crosses(self._caller, resource, owner)[0])
        )

    def _applying(self, action: str, resource: str, owner: str | None) -> list[CompiledStatement]:
        """The statements that apply, of the layers that bind the caller, and name it."""
        regime = self._regime(resource, owner)
        bounded = bool(self._request.boundary) and regime.boundary
        return [
            one
            for one in self._evaluator.about(action)
            if regime.binds(one.layer)
            and one.applies(resource, dict(self._facts))
            and (one.layer != "resource" or one.names(self._caller, bounded))
        ]

    def _missing(self, action: str, resource: str, owner: str | None) -> list[str]:
        """The keys that conditions and variables of the statements on this action and resource read and lack."""
        regime = self._regime(resource, owner)
        found: dict[str, str] = {}
        for one in self._evaluator.about(action):
            relevant = one.resource.keys or one.resource.test(resource, dict(self._facts))
            if not relevant or not regime.binds(one.layer):
                continue
            written = {condition.keys[0]: condition.condition.key for condition in one.conditions}
            for key in one.key_order:
                if not texts(self._facts.get(key)):
                    found.setdefault(key, written.get(key, key))
        return list(found.values())

    def _organization_allows(self, action: str, resource: str) -> bool:
        owner = account_of(resource) or self._request.owner
        if not self._regime(resource, owner).scp:
            return True
        applying = [one for one in self._applying(action, resource, owner) if one.layer == "scp"]
        levels = {one.level for one in applying if one.statement.effect == "Allow"}
        denied = any(one.statement.effect == "Deny" for one in applying)
        return not denied and levels == set(range(len(self._request.scps)))

    def _sides(self, applying: Sequence[CompiledStatement]) -> dict[str, str]:
        return {
            "IdentityPolicy": _verdict(applying, "identity"),
            "ResourcePolicy": _verdict(applying, "resource"),
        }

    def _reference(self, one: CompiledStatement) -> dict[str, Any]:
        name = _SOURCES[one.layer]
        source = self._evaluator.documents[one.layer][one.document].source or ""
        start, end = _spans(source)[one.index]
        return {
            "SourcePolicyId": name if one.layer == "resource" else f"{name}.{one.document + 1}",
            "SourcePolicyType": "resource" if one.layer == "resource" else "none",
            "StartPosition": {"Line": start[0], "Column": start[1]},
            "EndPosition": {"Line": end[0], "Column": end[1]},
        }


@lru_cache(maxsize=64)
def _compiled(
    identity: tuple[str, ...],
    boundary: tuple[str, ...],
    scps: tuple[tuple[str, ...], ...],
    rcps: tuple[tuple[str, ...], ...],
    session: tuple[str, ...],
    resource_policy: str | None,
) -> Evaluator:
    """The evaluator of one set of policies: a batch asks many questions of few sets."""
    return compile_policies(identity, boundary, scps, rcps, session, resource_policy)


@lru_cache(maxsize=256)
def _spans(text: str) -> tuple[tuple[tuple[int, int], tuple[int, int]], ...]:
    """Line and column where each statement of a document begins, and of the place after its end."""
    root = jsontext.parse(text)
    found = next(value for name, _, value in root.members if name == "Statement")
    nodes = found.items if found.kind == "array" else [found]
    return tuple((jsontext.place(text, node.at), jsontext.place(text, node.end)) for node in nodes)


def _deciding(decision: Decision, applying: Sequence[CompiledStatement]) -> list[CompiledStatement]:
    """The statements that made the decision; AWS leaves those of service control policies out."""
    effect = {"allowed": "Allow", "explicitDeny": "Deny"}.get(decision.verdict)
    return [one for one in applying if one.statement.effect == effect and one.layer in _SOURCES]


def _verdict(applying: Sequence[CompiledStatement], layer: Layer) -> str:
    effects = {one.statement.effect for one in applying if one.layer == layer}
    if "Deny" in effects:
        return "explicitDeny"
    return "allowed" if "Allow" in effects else "implicitDeny"


def _union(lists: Iterable[Sequence[Any]]) -> list[Any]:
    found: list[Any] = []
    for one in lists:
        found.extend(value for value in one if value not in found)
    return found
