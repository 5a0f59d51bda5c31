"""The statements that matter to one action, in the order in which they are asked.

Order and combination: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bedrock_guard.iam.conditions import DISPUTES, OTHER, Facts, disputed
from bedrock_guard.iam.decision import RULE_SOURCES, Decision, Dispute, by_statement
from bedrock_guard.iam.facts import facts_reader
from bedrock_guard.iam.principals import (
    ACCOUNT,
    DIRECT,
    DOUBTFUL,
    ROLE,
    UNLISTED_PARENT,
    USER,
    NamedAs,
    Principal,
    from_outside,
)
from bedrock_guard.iam.situation import Regime
from bedrock_guard.iam.statements import LAYERS, CompiledStatement, Layer, OnResource

Core = Callable[[str, Facts], Decision]
Run = Callable[[str, Any], Decision]
Rule = tuple[OnResource, Decision]


@dataclass(frozen=True, slots=True)
class Gate:
    """A layer (or one level of it) that must allow.

    `settled` is the decision where a statement allows whatever the request holds, `refused` the one
    where nothing allows.
    """

    allows: tuple[Rule, ...]
    refused: Decision
    settled: Decision | None

    def passed(self, resource: str, facts: Facts) -> Decision | None:
        """The decision of the first statement that allows, None if none does."""
        if self.settled is not None:
            return self.settled
        for applies, decision in self.allows:
            if applies(resource, facts):
                return decision
        return None


@dataclass(frozen=True, slots=True)
class Named:
    """A statement of the resource policy: its predicate, how it names a caller, its decision."""

    applies: OnResource
    names: NamedAs
    decision: Decision

    def mask(self, resource: str, facts: Facts, caller: Principal | None, *, bounded: bool) -> int:
        """How the statement names the caller, 0 if it does not apply."""
        found = self.names(caller, bounded) if self.applies(resource, facts) else 0
        if found & DOUBTFUL and not disputed(facts, UNLISTED_PARENT, documented=True, other=False):
            return 0
        return found


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that can decide one action under one regime."""

    denies: tuple[Rule, ...]
    scps: tuple[Gate, ...]
    identity: Gate
    ceilings: tuple[Gate, ...]  # boundary, session policy
    resource_denies: tuple[Named, ...]
    resource_allows: tuple[Named, ...]
    bounded: bool
    keys: frozenset[str]

    def run(self) -> Run:
        """The decision for requests within one account and without a resource policy, specialised."""
        core = self.core()
        if not self.keys:
            return core  # no test looks at the facts, so the context can stand in for them
        facts_of = facts_reader(self.keys)

        def run(resource: str, context: Mapping[str, Any]) -> Decision:
            facts = facts_of(context)
            decision = core(resource, facts)
            return with_dispute(decision, core, resource, facts) if DISPUTES in facts else decision

        return run

    def core(self) -> Core:
        """As `run`, over facts, without regard to disputes."""
        denies, identity = self.denies, self.identity
        scps = tuple(gate for gate in self.scps if gate.settled is None)
        ceilings = tuple(gate for gate in self.ceilings if gate.settled is None)
        if identity.settled is not None and not scps and not ceilings:
            return _denies_only(denies, identity.settled)

        def core(resource: str, facts: Facts) -> Decision:
            for applies, decision in denies:
                if applies(resource, facts):
                    return decision
            for gate in scps:
                if gate.passed(resource, facts) is None:
                    return gate.refused
            allowed = identity.passed(resource, facts)
            if allowed is None:
                return identity.refused
            for gate in ceilings:
                if gate.passed(resource, facts) is None:
                    return gate.refused
            return allowed

        return core

    def with_resource_policy(self, caller: Principal | None, *, crossing: bool, required: bool) -> Core:
        """The decision where a resource policy takes part or the resource is another account's.

        Args:
            caller: who asks; None is someone that only "*" names.
            crossing: the resource belongs to another account than the caller.
            required: the resource policy must allow (a role's trust policy, a KMS key policy).
        """

        def core(resource: str, facts: Facts) -> Decision:
            denied = self._denied(resource, facts, caller)
            if denied is not None:
                return denied
            refused = next((gate.refused for gate in self.scps if gate.passed(resource, facts) is None), None)
            if refused is not None:
                return refused
            mask, granted = self._granted(resource, facts, caller)
            if crossing or required:
                return self._both(resource, facts, mask, granted, caller, crossing=crossing)
            return self._either(resource, facts, mask, granted)

        return core

    def _denied(self, resource: str, facts: Facts, caller: Principal | None) -> Decision | None:
        first = len(self.denies)
        for place, (applies, decision) in enumerate(self.denies):
            if decision.layer not in ("rcp", "scp"):
                first = place
                break
            if applies(resource, facts):
                return decision
        for named in self.resource_denies:
            if named.mask(resource, facts, caller, bounded=self.bounded):
                return named.decision
        return next((decision for applies, decision in self.denies[first:] if applies(resource, facts)), None)

    def _granted(self, resource: str, facts: Facts, caller: Principal | None) -> tuple[int, Decision | None]:
        """How the resource policy names the caller in what it allows, and the statement that names it best."""
        mask, best, granted = 0, 0, None
        for named in self.resource_allows:
            one = named.mask(resource, facts, caller, bounded=self.bounded)
            mask |= one
            strength = max((rank for rank, bit in enumerate(_WEAK_TO_STRONG, 1) if one & bit), default=0)
            if strength > best:
                best, granted = strength, named.decision
        return mask, granted

    def _own_side(self, resource: str, facts: Facts) -> Decision:
        for gate in (self.identity, *self.ceilings):
            if gate.passed(resource, facts) is None:
                return gate.refused
        return self.identity.passed(resource, facts) or self.identity.refused

    def _ceiling(self, resource: str, facts: Facts, layers: tuple[Layer, ...]) -> Decision | None:
        gates = (gate for gate in self.ceilings if gate.refused.layer in layers)
        return next((gate.refused for gate in gates if gate.passed(resource, facts) is None), None)

    def _either(self, resource: str, facts: Facts, mask: int, granted: Decision | None) -> Decision:
        if granted is not None and mask & DIRECT:
            return granted
        if granted is not None and mask & USER:
            return self._ceiling(resource, facts, ("session",)) or granted
        if granted is not None and mask & ROLE:
            return self._ceiling(resource, facts, ("boundary", "session")) or granted
        return self._own_side(resource, facts)

    def _both(
        self,
        resource: str,
        facts: Facts,
        mask: int,
        granted: Decision | None,
        caller: Principal | None,
        *,
        crossing: bool,
    ) -> Decision:
        if granted is None:
            own = self._own_side(resource, facts)
            return own if own.verdict != "allowed" and not from_outside(caller) else _RESOURCE_REFUSES
        if from_outside(caller):
            return granted
        if crossing:
            return self._own_side(resource, facts)
        return self._either(resource, facts, mask, granted)


_WEAK_TO_STRONG = (ACCOUNT, ROLE, USER, DIRECT)
_RESOURCE_REFUSES = Decision("implicitDeny", "resource")


def make_plan(statements: Sequence[CompiledStatement], levels: Mapping[Layer, int], regime: Regime) -> Plan:
    """The plan of one action.

    Args:
        statements: those that are about the action, in layer order.
        levels: how many gates each layer has (a boundary that is absent has none).
        regime: what binds the caller.
    """
    bound = [one for one in statements if regime.binds(one.layer)]
    plain = [one for one in bound if one.layer != "resource"]
    named = [one for one in bound if one.layer == "resource"]
    allowing = [one for one in plain if one.statement.effect == "Allow"]
    scps = tuple(
        _gate("scp", (one for one in allowing if one.layer == "scp" and one.level == level), level)
        for level in range(levels.get("scp", 0) if regime.scp else 0)
    )
    ceilings = tuple(
        _gate(layer, (one for one in allowing if one.layer == layer), None)
        for layer in ("boundary", "session")
        if levels.get(layer) and regime.binds(layer)
    )
    return Plan(
        denies=_denies(plain),
        scps=scps,
        identity=_ROOT if regime.everything else _gate("identity", _of("identity", allowing), None),
        ceilings=ceilings,
        resource_denies=_named(named, "Deny"),
        resource_allows=_named(named, "Allow"),
        bounded=bool(levels.get("boundary")) and regime.boundary,
        keys=frozenset().union(*(one.keys for one in bound)),
    )


_ROOT = Gate((), Decision("allowed"), Decision("allowed"))


def _of(layer: Layer, statements: Iterable[CompiledStatement]) -> Iterable[CompiledStatement]:
    return (one for one in statements if one.layer == layer)


def _denies(statements: Sequence[CompiledStatement]) -> tuple[Rule, ...]:
    denying = [one for one in statements if one.statement.effect == "Deny"]
    ordered = sorted(denying, key=lambda one: LAYERS.index(one.layer))
    return tuple((one.applies, by_statement(one)) for one in ordered)


def _named(statements: Sequence[CompiledStatement], effect: str) -> tuple[Named, ...]:
    return tuple(
        Named(one.applies, one.names, by_statement(one))
        for one in statements
        if one.statement.effect == effect
    )


def _gate(layer: Layer, allowing: Iterable[CompiledStatement], level: int | None) -> Gate:
    statements = list(allowing)
    settled = next((by_statement(one) for one in statements if one.always), None)
    rules = tuple((one.applies, by_statement(one)) for one in statements)
    return Gate(rules, Decision("implicitDeny", layer, level=level), settled)


def _denies_only(denies: tuple[Rule, ...], allowed: Decision) -> Core:
    if not denies:
        return lambda _resource, _facts: allowed
    if len(denies) == 1:
        applies_one, refused = denies[0]
        return lambda resource, facts: refused if applies_one(resource, facts) else allowed

    def core(resource: str, facts: Facts) -> Decision:
        for applies, decision in denies:
            if applies(resource, facts):
                return decision
        return allowed

    return core


def with_dispute(decision: Decision, core: Core, resource: str, facts: Facts) -> Decision:
    """The decision, marked if the other reading of a rule that was met gives another verdict."""
    for rule in sorted(facts[DISPUTES]):
        other = core(resource, {**facts, OTHER: rule, DISPUTES: set()}).verdict
        if other != decision.verdict:
            return replace(decision, disputed=Dispute(rule, other, RULE_SOURCES[rule]))
    return decision
