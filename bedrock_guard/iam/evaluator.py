"""Decide requests: policies in, compiled once; decisions out.

Layers and their order: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html,
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from bedrock_guard.iam.conditions import DISPUTES
from bedrock_guard.iam.decision import Decision, Dispute, Verdict
from bedrock_guard.iam.dependence import Dependence, dependence
from bedrock_guard.iam.document import as_document
from bedrock_guard.iam.explain import Explanation, explain_decision
from bedrock_guard.iam.facts import lowered
from bedrock_guard.iam.index import ActionIndex
from bedrock_guard.iam.lowering import lower_statements
from bedrock_guard.iam.model import Document, Kind, PolicyError
from bedrock_guard.iam.plan import Core, Plan, Run, make_plan, with_dispute
from bedrock_guard.iam.principals import Principal
from bedrock_guard.iam.program import UNKNOWN, Program
from bedrock_guard.iam.situation import MEMBER, Regime, account_of, caller_of, crosses, must_allow, regime_of
from bedrock_guard.iam.statements import CompiledStatement, Layer, compile_statement

__all__ = [
    "Decision",
    "Dependence",
    "Dispute",
    "Evaluator",
    "Explanation",
    "Policy",
    "Principal",
    "Verdict",
    "account_of",
    "compile_policies",
]

Policy = Document | str | bytes | Mapping[str, Any]
Levels = Sequence[Policy | Sequence[Policy]]

_MOST_CALLERS = 65_536
_MOST_ACTIONS = 65_536  # remembered per regime; an action is a name, so there are few


@dataclass(frozen=True, slots=True)
class _Caller:
    """A caller as this evaluator sees it: its home regime, and the runs of it where accounts do not matter."""

    principal: Principal | None
    account: str | None
    home: Regime
    runs: dict[str, Run] | None


class Evaluator:
    """Policies compiled for deciding many requests. Make one with `compile_policies`; safe to share between threads."""

    def __init__(self, documents: Mapping[Layer, Sequence[Sequence[Document]]]) -> None:
        self._levels: dict[Layer, int] = {layer: len(levels) for layer, levels in documents.items()}
        self.documents: Mapping[Layer, tuple[Document, ...]] = MappingProxyType(
            {layer: tuple(one for level in levels for one in level) for layer, levels in documents.items()}
        )
        self.statements: tuple[CompiledStatement, ...] = tuple(_statements(documents))
        self._by_place: dict[tuple[Layer | None, int | None, int | None], CompiledStatement] = {
            (one.layer, one.document, one.index): one for one in self.statements
        }
        self._index = ActionIndex(self.statements)
        self._by_mask: dict[tuple[int, Regime], tuple[Plan, Run]] = {}
        self._runs: dict[Regime, dict[str, Run]] = {MEMBER: {}}
        self._member_runs = self._runs[MEMBER]
        self._callers: dict[str | Principal | None, _Caller] = {}
        self._programs: dict[int, Program] = {}
        self._has_resource_policy = "resource" in documents
        self._trust = any(one.kind == "trust" for one in self.documents.get("resource", ()))

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
                run = self._run(action, MEMBER)
            return run(resource, context)
        caller = self._callers.get(principal) or self._caller(principal)
        owner = resource_account or account_of(resource)
        if caller.runs is not None and (owner is None or owner == caller.account):
            run = caller.runs.get(action)
            if run is None:
                run = self._run(action, caller.home)
            return run(resource, context)
        facts = lowered(context)
        core = self._core(action, resource, caller.principal, resource_account)
        decision = core(resource, facts)
        return with_dispute(decision, core, resource, facts) if DISPUTES in facts else decision

    def depends_on(
        self,
        action: str,
        resource: str,
        context: Mapping[str, Any],
        principal: str | Principal | None = None,
        resource_account: str | None = None,
        *,
        unknown: Collection[str],
    ) -> Dependence:
        """Decide a request of which some condition keys are not known, neither their presence nor their value.

        Args:
            action: as for `decide`.
            resource: as for `decide`.
            context: as for `decide`.
            principal: as for `decide`.
            resource_account: as for `decide`.
            unknown: condition keys, in any case; they win over `context`.

        Returns:
            The verdict if it is the same whatever the unknown keys hold, else the keys it hangs on, those of
            SCPs and RCPs included.

        Example:
            >>> condition = {"Bool": {"aws:x": "true"}}
            >>> statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
            >>> evaluator = compile_policies({"Version": "2012-10-17", "Statement": statement})
            >>> sorted(evaluator.depends_on("s3:GetObject", "*", {}, unknown={"aws:X"}).keys)
            ['aws:X']
        """
        spelling = {key.lower(): key for key in unknown}
        program = self._program(self._index.mask(action.lower()))
        if spelling.keys().isdisjoint(program.columns):
            verdict = self.decide(action, resource, context, principal, resource_account).verdict
            return Dependence(verdict, frozenset(), frozenset((verdict,)))
        row: dict[str, object] = {
            **lowered(context),
            **dict.fromkeys(spelling, UNKNOWN),
            "action": action,
            "resource": resource,
            "principal": principal,
            "resource_account": resource_account,
        }
        return dependence(program, row, spelling)

    def explain(
        self,
        action: str,
        resource: str,
        context: Mapping[str, Any],
        principal: str | Principal | None = None,
        resource_account: str | None = None,
    ) -> Explanation:
        """Decide one request and say why: the statement, pattern, key and value that decided, and the rule's source.

        Arguments and errors are those of `decide`.

        Example:
            >>> deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
            >>> evaluator = compile_policies({"Version": "2012-10-17", "Statement": deny})
            >>> evaluator.explain("s3:GetObject", "*", {}).rule
            'An explicit Deny in an identity-based policy wins over every Allow.'
        """
        decision = self.decide(action, resource, context, principal, resource_account)
        compiled = self._by_place.get((decision.layer, decision.document, decision.statement))
        if compiled is not None:
            facts = lowered(context) if compiled.key_order else {}
            return explain_decision(decision, compiled, action, resource, facts, ())
        near = [
            one
            for one in (self.about(action) if decision.layer else ())
            if one.layer == decision.layer and one.level == decision.level and one.statement.effect == "Allow"
        ]
        return explain_decision(decision, None, action, resource, lowered(context), near)

    def about(self, action: str) -> list[CompiledStatement]:
        """Every statement of every layer that is about an action."""
        return self._chosen(self._index.mask(action.lower()))

    @cached_property
    def program(self) -> Program:
        """The compiled policies as tests on columns, to decide a table of requests."""
        return lower_statements(self.statements, self._levels, trust=self._trust)

    @property
    def layers(self) -> tuple[tuple[Layer, int], ...]:
        """The layers that take part, and how many levels each has: a layer that allows nothing refuses."""
        return tuple(self._levels.items())

    def plan(self, action: str, regime: Regime = MEMBER) -> Plan:
        """The statements about one action as the evaluator asks them."""
        return self._planned(action, regime)[0]

    def _chosen(self, mask: int) -> list[CompiledStatement]:
        return [one for place, one in enumerate(self.statements) if mask >> place & 1]

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
            statements = self._chosen(mask)
            plan = make_plan(statements, self._levels, regime)
            found = self._by_mask[mask, regime] = (plan, plan.run())
        return found

    def _core(
        self, action: str, resource: str, caller: Principal | None, resource_account: str | None
    ) -> Core:
        owner, crossing = crosses(caller, resource, resource_account)
        plan = self._planned(action, regime_of(caller, owner))[0]
        if not self._has_resource_policy and not crossing:
            return plan.core()
        required = self._has_resource_policy and must_allow(action, trust=self._trust)
        return plan.with_resource_policy(caller, crossing=crossing, required=required)

    def _caller(self, principal: str | Principal | None) -> _Caller:
        found = caller_of(principal)
        account = None if found is None else found.account
        home = regime_of(found, account)
        simple = not self._has_resource_policy and (found is None or not found.is_outsider)
        caller = _Caller(found, account, home, self._runs.setdefault(home, {}) if simple else None)
        if len(self._callers) >= _MOST_CALLERS:
            self._callers.clear()
        self._callers[principal] = caller
        return caller

    def _program(self, mask: int) -> Program:
        found = self._programs.get(mask)
        if found is None:
            found = self._programs[mask] = lower_statements(
                self._chosen(mask), self._levels, trust=self._trust
            )
        return found


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
            A KMS key and a role have one always, which must allow: None takes it as leaving the decision to the
            identity policies of the account.

    Raises:
        PolicyError: for a document that is not understood.

    Example:
        >>> deny = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}}
        >>> allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
        >>> compile_policies(allow, boundary=deny).decide("s3:GetObject", "arn:aws:s3:::b/k", {}).layer
        'boundary'
    """
    ceiling = _documents(boundary, "boundary")
    if len(ceiling) > 1:
        raise PolicyError(
            f"{len(ceiling)} permissions boundaries were given.", why="A principal has at most one."
        )
    passed = _documents(session, "session")
    layers: dict[Layer, Sequence[Sequence[Document]]] = {
        "identity": [_documents(identity, "identity")],
        "scp": [_documents(level, "scp") for level in scps or ()],
        "rcp": [_documents(level, "rcp") for level in rcps or ()],
        "boundary": [ceiling] if ceiling else [],
        "session": [passed] if passed else [],
        "resource": [] if resource_policy is None else [_documents(resource_policy, "resource")],
    }
    return Evaluator({layer: levels for layer, levels in layers.items() if levels})


def _documents(policies: Policy | Sequence[Policy] | None, kind: Kind) -> list[Document]:
    if policies is None:
        return []
    if isinstance(policies, Document | str | bytes | Mapping):
        policies = [policies]
    documents = [as_document(one, kind) for one in policies]
    for document in documents:
        _check_principals(document, kind)
    return documents


def _check_principals(document: Document, kind: Kind) -> None:
    """Refuse a Document that was read as another kind and means something else here."""
    for statement in document.statements:
        named = statement.principals is not None or statement.not_principals is not None
        if kind == "resource" and not named:
            raise PolicyError(
                "A statement of the resource policy has no Principal.", why="It would mean everyone."
            )
        if kind not in ("resource", "rcp") and named:
            raise PolicyError(
                f"A statement of a policy used as {kind} has a Principal.", why="It is attached to one."
            )
