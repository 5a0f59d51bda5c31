"""From compiled statements to the columnar program."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache

from bedrock_guard.iam.arns import OnText
from bedrock_guard.iam.conditions import CompiledCondition, Facts
from bedrock_guard.iam.model import Statement
from bedrock_guard.iam.principals import ACCOUNT, DIRECT, ROLE, USER, Principal, from_outside
from bedrock_guard.iam.program import Program, ProgramStatement, Situation, Test
from bedrock_guard.iam.situation import Regime, caller_of, crosses, must_allow, regime_of
from bedrock_guard.iam.statements import CompiledStatement, Layer, ResourceTest, compiled_parts

Caller = str | Principal | None
Shared = Callable[[Test], Test]  # the one test of a program that asks the same question


def lower_statements(
    statements: Sequence[CompiledStatement], levels: Mapping[Layer, int], *, trust: bool
) -> Program:
    """The program of compiled statements.

    Args:
        statements: as compiled, in any order.
        levels: how many gates each layer has.
        trust: the resource policy is a role's trust policy, which must allow.
    """
    bounded = bool(levels.get("boundary"))
    pool: dict[Hashable, Test] = {}

    def shared(test: Test) -> Test:
        return pool.setdefault(test.token, test)

    lowered = tuple(_statement(one, shared, bounded=bounded) for one in statements)
    situation = _situation(shared, has_policy="resource" in levels, trust=trust)
    tests = tuple(pool.values())
    columns = frozenset(column for test in tests for column in test.columns)
    return Program(lowered, situation, levels, tests, columns)


def _statement(one: CompiledStatement, shared: Shared, *, bounded: bool) -> ProgramStatement:
    place = (
        one.layer,
        one.level,
        one.document,
        one.index,
        one.statement.sid,
        one.statement.effect == "Allow",
    )
    kept = tuple(map(shared, _tests(one.statement, one.version)))
    if one.layer != "resource":
        return ProgramStatement(*place, kept)
    naming = (shared(_naming(one, bit, bounded=bounded)) for bit in (DIRECT, USER, ROLE, ACCOUNT))
    return ProgramStatement(*place, kept, *naming)


@lru_cache(maxsize=4096)
def _tests(statement: Statement, version: str) -> tuple[Test, ...]:
    """What a statement tests wherever it stands, remembered: an edit leaves most statements as they were."""
    action, resource, conditions, *_ = compiled_parts(statement, version)
    return (
        *_action_tests(statement, action),
        *_resource_tests(statement, version, resource),
        *(_condition_test(each, version) for each in conditions),
    )


def _action_tests(statement: Statement, fits: OnText) -> tuple[Test, ...]:
    if statement.actions is not None and "*" in statement.actions:
        return ()
    token = ("action", statement.actions, statement.not_actions)
    return (Test(token, ("action",), lambda action: fits(action.lower())),)


def _resource_tests(statement: Statement, version: str, resource: ResourceTest) -> tuple[Test, ...]:
    if resource.always:
        return ()
    keys, test = resource.keys, resource.test
    token = ("resource", statement.resources, statement.not_resources, version)

    def ask(name: str, *values: object) -> bool:
        return test(name, dict(zip(keys, values, strict=True)))

    return (Test(token, ("resource", *keys), ask),)


def _condition_test(compiled: CompiledCondition, version: str) -> Test:
    condition, keys, test = compiled.condition, compiled.keys, compiled.test
    token = ("condition", condition.name, keys[0], condition.values, version)

    def ask(*values: object) -> bool:
        facts: Facts = dict(zip(keys, values, strict=True))
        return test(facts)

    return Test(token, keys, ask)


def _naming(one: CompiledStatement, bit: int, *, bounded: bool) -> Test:
    names = one.names

    def ask(principal: Caller) -> bool:
        caller = caller_of(principal)
        has_boundary = bounded and regime_of(caller, None).boundary
        return bool(names(caller, has_boundary) & bit)

    return Test(("naming", one.document, one.index, bit), ("principal",), ask)


def _situation(shared: Shared, *, has_policy: bool, trust: bool) -> Situation:
    who = ("principal", "resource", "resource_account")

    def required(action: str) -> bool:
        return has_policy and must_allow(action, trust=trust)

    return Situation(
        outsider=shared(Test("outsider", ("principal",), lambda one: from_outside(caller_of(one)))),
        root=shared(Test("root", ("principal",), lambda one: regime_of(caller_of(one), None).everything)),
        crossing=shared(
            Test("crossing", who, lambda one, name, owner: crosses(caller_of(one), name, owner)[1])
        ),
        required=shared(Test("required", ("action",), required)),
        binds={layer: shared(_binding(layer)) for layer in _LAYERS},
    )


_LAYERS: tuple[Layer, ...] = ("identity", "boundary", "scp", "rcp", "session")


def _binding(layer: Layer) -> Test:
    def ask(principal: Caller, resource: str, owner: str | None) -> bool:
        caller = caller_of(principal)
        regime: Regime = regime_of(caller, crosses(caller, resource, owner)[0])
        return regime.binds(layer)

    if layer == "rcp":
        return Test(("binds", layer), ("principal", "resource", "resource_account"), ask)

    def reads(caller: Caller) -> bool:
        return regime_of(caller_of(caller), None).binds(layer)

    return Test(("binds", layer), ("principal",), reads)
