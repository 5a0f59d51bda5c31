"""Decide requests: policies in, compiled once; decisions out.

Layers and their order: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html,
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bedrock_guard.iam.conditions import DISPUTES
from bedrock_guard.iam.decision import Decision, Dispute, Verdict
from bedrock_guard.iam.document import as_document
from bedrock_guard.iam.index import ActionIndex
from bedrock_guard.iam.model import Document, Kind, PolicyError
from bedrock_guard.iam.facts import lowered
from bedrock_guard.iam.plan import Core, Plan, Regime, Run, make_plan, with_dispute
from bedrock_guard.iam.principals import Principal, principal_of
from bedrock_guard.iam.statements import CompiledStatement, Layer, compile_statement

__all__ = ["Decision", "Dispute", "Evaluator", "Policy", "Principal", "Verdict", "compile_policies"]

Policy = Document | str | bytes | Mapping[str, Any]
Levels = Sequence[Policy | Sequence[Policy]]

_MEMBER = Regime()
_MOST_ACTIONS = 65_536  # remembered per regime; an action is a name, so there are few


class Evaluator:
    """Policies compiled for deciding many requests. Make one with `compile_policies`; safe to share between threads."""

    def __init__(self, documents: Mapping[Layer, Sequence[Sequence[Document]]]) -> None:
        self._levels: dict[Layer, int] = {layer: len(levels) for layer, levels in documents.items()}
        self.documents: Mapping[Layer, tuple[Document, ...]] = MappingProxyType(
            {layer: tuple(one for level in levels for one in level) for layer, levels in documents.items()}
        )
        self.statements: tuple[CompiledStatement, ...] = tuple(_statements(documents))
        self._index = ActionIndex(self.statements)
        self._by_mask: dict[tuple[int, Regime], tuple[Plan, Run]] = {}
        self._runs: dict[Regime, dict[str, Run]] = {_MEMBER: {}}
        self._member_runs = self._runs[_MEMBER]
        self._has_resource_policy = "resource" in documents

    def decide(
        self,
        action: str,
        resource: str,
        context: Mapping[str, Any],
        principal: str | Principal | None = None,
        resource_account: str | None = None,
    ) -> Decision:
        """Decide one request.

        Args:
            action: "service:Name", in any case.
            resource: the ARN asked for, or "*" where the action has no resource.
            context: condition keys (in any case) to their values: text, boolean, number, zone-aware datetime,
                bytes, or a list of these. A key that is absent, None or an empty list is missing. Nothing is
                added to it.
            principal: who asks: an ARN, an account ID, a service name or a `Principal`. None is an ordinary
                principal of the resource's own account, whom a resource policy names only as "*".
            resource_account: the account that owns the resource; by default the one in its ARN, else the caller's.

        Raises:
            RequestError: for a context value of an impossible type or a principal that names no one.

        Example:
            >>> allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
            >>> compile_policies([allow]).decide("s3:GetObject", "arn:aws:s3:::b/k", {}).verdict
            'allowed'
        """
        if principal is None and not self._has_resource_policy:
            run = self._member_runs.get(action)
            if run is None:
                run = self._run(action, _MEMBER)
            return run(resource, context)
        caller = principal_of(principal) if isinstance(principal, str) else principal
        regime, crossing = self._situation(caller, resource, resource_account)
        if not (self._has_resource_policy or crossing):
            run = self._runs.setdefault(regime, {}).get(action)
            if run is None:
                run = self._run(action, regime)
            return run(resource, context)
        facts = lowered(context)
        core = self._core(action, regime, caller, crossing=crossing)
        decision = core(resource, facts)
        return with_dispute(decision, core, resource, facts) if DISPUTES in facts else decision

    def plan(self, action: str, regime: Regime = _MEMBER) -> Plan:
        """The statements about one action as the evaluator asks them."""
        return self._planned(action, regime)[0]

    def _run(self, action: str, regime: Regime) -> Run:
        runs = self._runs.setdefault(regime, {})
        if len(runs) >= _MOST_ACTIONS:
            runs.clear()
        run = runs[action] = self._planned(action, regime)[1]
        return run

    def _planned(self, action: str, regime: Regime) -> tuple[Plan, Run]:
        mask = self._index.mask(action.lower())
        found = self._by_mask.get((mask, regime))
        if found is None:
            statements = [one for place, one in enumerate(self.statements) if mask >> place & 1]
            plan = make_plan(statements, self._levels, regime)
            found = self._by_mask[mask, regime] = (plan, plan.run())
        return found

    def _core(self, action: str, regime: Regime, caller: Principal | None, *, crossing: bool) -> Core:
        plan = self._planned(action, regime)[0]
        if not self._has_resource_policy and not crossing:
            return plan.core()
        return plan.with_resource_policy(caller, crossing=crossing, required=self._policy_must_allow(action))

    def _policy_must_allow(self, action: str) -> bool:
        """A role's trust policy and a KMS key policy must allow, even within the account."""
        documents = self.documents.get("resource", ())
        return any(one.kind == "trust" for one in documents) or (bool(documents) and action.lower().startswith("kms:"))

    def _situation(
        self, caller: Principal | None, resource: str, resource_account: str | None
    ) -> tuple[Regime, bool]:
        if caller is None:
            return _MEMBER, False
        if caller.is_outsider:
            return _OUTSIDER, True
        owner = resource_account or account_of(resource) or caller.account
        return regime_of(caller, owner), owner != caller.account


_OUTSIDER = Regime(scp=False, boundary=False, session=False)


def regime_of(caller: Principal, owner: str | None) -> Regime:
    """Which layers bind a caller of an account asking for a resource of account `owner`.

    SCPs bind every principal of member accounts, root included, but not service-linked roles
    (https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html); RCPs bind no
    resource of the management account and no service-linked role
    (https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html).
    """
    linked = caller.is_service_linked_role
    root = caller.kind == "root"
    at_management = caller.in_management_account and owner == caller.account
    return Regime(
        scp=not (caller.in_management_account or linked),
        rcp=not (at_management or linked),
        boundary=not root,
        session=not root,
        everything=root,
    )


def account_of(resource: str) -> str | None:
    """The 12-digit account in an ARN, None if it has none.

    Example:
        >>> account_of("arn:aws:sqs:us-east-1:111122223333:q"), account_of("arn:aws:s3:::b")
        ('111122223333', None)
    """
    parts = resource.split(":", 5)
    account = parts[4] if len(parts) == 6 and parts[0] == "arn" else ""
    return account if len(account) == 12 and account.isdigit() else None


def _statements(documents: Mapping[Layer, Sequence[Sequence[Document]]]) -> Iterable[CompiledStatement]:
    for layer, levels in documents.items():
        position = 0
        for number, level in enumerate(levels):
            at = number if layer in ("scp", "rcp") else None
            for document in level:
                for index in range(len(document.statements)):
                    yield compile_statement(layer, at, position, document, index)
                position += 1


def compile_policies(
    identity: Policy | Sequence[Policy],
    boundary: Policy | Sequence[Policy] | None = None,
    scps: Levels | None = None,
    rcps: Levels | None = None,
    session: Policy | Sequence[Policy] | None = None,
    resource_policy: Policy | None = None,
) -> Evaluator:
    """Compile policies once, to decide many requests.

    Every policy may be a `Document`, JSON text, or parsed JSON.

    Args:
        identity: the policies attached to the principal and its groups.
        boundary: its permissions boundary; None is none.
        scps: levels of service control policies, root first, account last; None or [] is no organisation.
            Every level must allow, so an empty level blocks everything.
        rcps: levels of resource control policies of the resource's account. RCPFullAWSAccess is taken as attached.
        session: the policies passed when the session was made; None or [] is none.
        resource_policy: the policy of the resource, or the trust policy of a role (a Document of kind "trust").

    Raises:
        PolicyError: for a document that is not understood.

    Example:
        >>> deny = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}}
        >>> allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
        >>> compile_policies(allow, boundary=deny).decide("s3:GetObject", "arn:aws:s3:::b/k", {}).layer
        'boundary'
    """
    documents: dict[Layer, Sequence[Sequence[Document]]] = {"identity": [_documents(identity, "identity")]}
    ceiling = _documents(boundary, "boundary")
    if len(ceiling) > 1:
        raise PolicyError(f"{len(ceiling)} permissions boundaries were given.", why="A principal has at most one.")
    passed = _documents(session, "session")
    control = [_documents(level, "scp") for level in scps or ()]
    resource_control = [_documents(level, "rcp") for level in rcps or ()]
    for layer, levels in (
        ("scp", control),
        ("rcp", resource_control),
        ("boundary", [ceiling] if ceiling else []),
        ("session", [passed] if passed else []),
        ("resource", [] if resource_policy is None else [_documents(resource_policy, "resource")]),
    ):
        if levels:
            documents[layer] = levels
    return Evaluator(documents)


def _documents(policies: Policy | Sequence[Policy] | None, kind: Kind) -> list[Document]:
    if policies is None:
        return []
    if isinstance(policies, Document | str | bytes | Mapping):
        return [as_document(policies, kind)]
    return [as_document(one, kind) for one in policies]
