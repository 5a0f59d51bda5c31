"""Lint of what happens to a request that lacks the condition's key: most policy bugs are here.

An absent key makes positive operators false and negated ones true:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

from collections.abc import Iterator

from bedrock_guard.iam.catalogue import ActionInfo, has_key
from bedrock_guard.iam.globs import arn_parts
from bedrock_guard.iam.lint_conditions import is_guarded, known_key, true_when_absent
from bedrock_guard.iam.lint_model import Finding, Rule, Scope, few, user_guide
from bedrock_guard.iam.lint_resources import VARIABLE, overlap
from bedrock_guard.iam.model import Condition

_OPERATORS = user_guide("reference_policies_elements_condition_operators")

FAILS_OPEN = Rule(
    "deny-fails-open",
    "warning",
    "A Deny with a positive operator does not apply to a request that lacks the key.",
    _OPERATORS,
)
KEY_NEVER_SUPPLIED = Rule(
    "key-never-supplied",
    "error",
    "None of the statement's actions supplies the key, so the condition has one fixed answer.",
    _OPERATORS,
)
KEY_SOMETIMES_SUPPLIED = Rule(
    "key-not-supplied-by-every-action",
    "warning",
    "Some of the statement's actions never supply the key, so the condition has one fixed answer for them.",
    _OPERATORS,
)
KEY_OF_ONE_RESOURCE = Rule(
    "key-of-another-resource",
    "warning",
    "An action with several resources is authorised once for each, and only some of these carry the key.",
    _OPERATORS,
)
RULES = (FAILS_OPEN, KEY_NEVER_SUPPLIED, KEY_SOMETIMES_SUPPLIED, KEY_OF_ONE_RESOURCE)

# "Always included in the request context":
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
_ALWAYS_PRESENT = frozenset(
    {
        "aws:currenttime",
        "aws:epochtime",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalisawsservice",
        "aws:principaltype",
        "aws:requestedregion",
        "aws:securetransport",
        "aws:userid",
        "aws:viaawsservice",
    }
)


def fails_open(scope: Scope) -> Iterator[Finding]:
    """Find a Deny that a request escapes by not carrying the key."""
    if scope.statement.effect != "Deny":
        return
    for condition in scope.statement.conditions:
        if condition.operator == "Null" or true_when_absent(condition) or is_guarded(scope, condition.key):
            continue
        if condition.key.lower() in _ALWAYS_PRESENT:
            continue
        yield scope.finding(
            FAILS_OPEN,
            f"A request without {condition.key} is not denied.",
            scope.condition_path(condition),
            value=condition.name,
            remedy=_closing(condition),
        )


def _closing(condition: Condition) -> str:
    if condition.qualifier:
        return f"If absence must be denied too, add a Deny with Null {condition.key} true."
    return (
        f"If absence must be denied too, use {condition.operator}IfExists; "
        f'if it must pass, say so with "Null": {{"{condition.key}": "false"}}.'
    )


def unsupplied(scope: Scope) -> Iterator[Finding]:
    """Find keys that some or all of the statement's actions never supply."""
    for condition in scope.statement.conditions:
        if known_key(scope, condition) is None or scope.statement.actions is None:
            continue
        if scope.listed_actions is None:
            yield from _on_every_action(scope, condition)
            continue
        without = [info for info in scope.listed_actions if not scope.catalogue.supplies(info, condition.key)]
        if without:
            everywhere = len(without) == len(scope.listed_actions)
            yield from _missing_for(scope, condition, [info.name for info in without], everywhere=everywhere)


def _on_every_action(scope: Scope, condition: Condition) -> Iterator[Finding]:
    if condition.key.lower().startswith("aws:"):
        return
    if (
        scope.statement.effect == "Deny"
        and true_when_absent(condition)
        and not is_guarded(scope, condition.key)
    ):
        service = condition.key.partition(":")[0]
        message = f"Every action that does not carry {condition.key} is denied, outside {service} too."
        yield scope.finding(
            KEY_SOMETIMES_SUPPLIED, message, scope.condition_path(condition), value=condition.key
        )


def _missing_for(
    scope: Scope, condition: Condition, names: list[str], *, everywhere: bool
) -> Iterator[Finding]:
    path = scope.condition_path(condition)
    result = true_when_absent(condition)
    if result and is_guarded(scope, condition.key):
        result = False
    if everywhere:
        answer = "always true" if result else "never true"
        message = f"{few(names)} never carries {condition.key}: the condition is {answer}."
        yield scope.finding(KEY_NEVER_SUPPLIED, message, path, value=condition.key)
    elif result == (scope.statement.effect == "Deny"):
        verb = "always denied" if result else "never allowed"
        message = f"{few(names)} never carries {condition.key} and is {verb} by this statement."
        yield scope.finding(KEY_SOMETIMES_SUPPLIED, message, path, value=condition.key)


def key_of_another_resource(scope: Scope) -> Iterator[Finding]:
    """Find a condition that is decided by the resources which do not carry its key."""
    statement = scope.statement
    if scope.listed_actions is None or not statement.resources:
        return
    for condition in statement.conditions:
        wrong = true_when_absent(condition) == (statement.effect == "Deny")
        if not wrong or is_guarded(scope, condition.key) or condition.operator == "Null":
            continue
        for info in scope.listed_actions:
            kinds = _kinds_without(scope, info, condition.key)
            if kinds:
                verb = "denied" if statement.effect == "Deny" else "not allowed"
                yield scope.finding(
                    KEY_OF_ONE_RESOURCE,
                    f"{info.name} is also authorised on {few(kinds)}, without {condition.key}: {verb} there.",
                    scope.condition_path(condition),
                    value=condition.key,
                    remedy="Name in Resource only the resources that carry the key.",
                )


def _kinds_without(scope: Scope, info: ActionInfo, key: str) -> list[str]:
    """Give the resource types that the statement reaches and that lack a key which others carry."""
    if has_key(info.own_keys, key) or not any(has_key(keys, key) for keys in info.resource_keys.values()):
        return []
    lacking = [kind for kind, keys in info.resource_keys.items() if not has_key(keys, key)]
    return [kind for kind in lacking if _reaches(scope, info, kind)]


def _reaches(scope: Scope, info: ActionInfo, kind: str) -> bool:
    arn = scope.catalogue.arn_pattern(info, kind)
    patterns = [VARIABLE.sub("*", pattern) for pattern in scope.statement.resources or ()]
    if arn is None:
        return any(not pattern.strip("*") for pattern in patterns)
    return any(
        not pattern.strip("*") or (_typed(arn, pattern) and overlap(arn, pattern)) for pattern in patterns
    )


def _typed(arn: str, pattern: str) -> bool:
    """Tell whether a pattern that fixes a resource type fixes this one."""
    word, wanted = (arn_parts(text)[5].split("/")[0] for text in (arn, pattern))
    return "*" in wanted or "*" in word or word == wanted


CHECKS = (fails_open, unsupplied, key_of_another_resource)
