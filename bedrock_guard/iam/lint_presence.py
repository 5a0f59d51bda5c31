"""Lint of what happens to a request that lacks the condition's key: most policy bugs are here.

An absent key makes positive operators false and negated ones true, and a statement holds only where all of its
conditions do:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html

So an action that never carries a condition's key is

- never allowed by an Allow in which that condition is false of an absent key;
- always denied by a Deny in which every condition on a key that the action never carries is true of an absent key,
  unless it carries another key by which the statement exempts (a condition that is true of an absent key, on a key
  that AWS lists for the action). Such statements exempt each action by its own key, and are no mistake. Keys that
  every request carries (`aws:PrincipalArn`) exempt callers, not requests, and do not count.
"""

from __future__ import annotations

from collections.abc import Iterator

from bedrock_guard.iam.catalogue import ActionInfo, has_key
from bedrock_guard.iam.globs import arn_parts, compile_glob
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
    reached = _reached_actions(scope)
    for condition in scope.statement.conditions:
        if known_key(scope, condition) is None:
            continue
        if reached is None:
            yield from _on_every_action(scope, condition)
            continue
        without = [info for info in reached if not scope.catalogue.supplies(info, condition.key)]
        if without and len(without) == len(reached):
            yield _never_supplied(scope, condition, without)
        else:
            yield from _sometimes_supplied(scope, condition, without)


def _reached_actions(scope: Scope) -> tuple[ActionInfo, ...] | None:
    """The actions that the statement can apply to, or None where these are too many to list.

    A statement for every action applies only where its positive conditions can hold: to the service of such a key.
    """
    if scope.listed_actions is not None or scope.statement.actions is None:
        return scope.listed_actions
    services = (
        condition.key.partition(":")[0].lower()
        for condition in scope.statement.conditions
        if not true_when_absent(condition)
    )
    service = next((name for name in services if name != "aws" and scope.catalogue.service(name)), None)
    if service is None:
        return None
    fits = [compile_glob(pattern.lower()) for pattern in scope.statement.actions]
    every = scope.catalogue.expand(f"{service}:*")
    return tuple(info for info in every if any(fit(info.name.lower()) for fit in fits))


def _on_every_action(scope: Scope, condition: Condition) -> Iterator[Finding]:
    if condition.key.lower().startswith("aws:"):
        return
    if scope.statement.effect == "Deny" and true_when_absent(condition):
        service = condition.key.partition(":")[0]
        message = f"Every action that does not carry {condition.key} is denied, outside {service} too."
        yield scope.finding(
            KEY_SOMETIMES_SUPPLIED, message, scope.condition_path(condition), value=condition.key
        )


def _never_supplied(scope: Scope, condition: Condition, without: list[ActionInfo]) -> Finding:
    fixed = true_when_absent(condition) and not is_guarded(scope, condition.key)
    message = f"{few(info.name for info in without)} never carries {condition.key}: the condition is "
    answer = "always true." if fixed else "never true."
    return scope.finding(
        KEY_NEVER_SUPPLIED, message + answer, scope.condition_path(condition), value=condition.key
    )


def _sometimes_supplied(scope: Scope, condition: Condition, without: list[ActionInfo]) -> Iterator[Finding]:
    names = [info.name for info in without if absence_decides(scope, condition, info, info.keys)]
    if names:
        verb = "always denied" if scope.statement.effect == "Deny" else "never allowed"
        message = f"{few(names)} never carries {condition.key} and is {verb} by this statement."
        if scope.statement.effect == "Deny" and len(scope.statement.conditions) > 1:
            message = f"{message[:-1]}, where its other conditions hold."
        path = scope.condition_path(condition)
        yield scope.finding(KEY_SOMETIMES_SUPPLIED, message, path, value=condition.key)


def absence_decides(scope: Scope, condition: Condition, info: ActionInfo, keys: frozenset[str]) -> bool:
    """Tell whether an authorisation with just these keys of its own is denied, or not allowed, for lack of one.

    `keys` are those that AWS lists for the action, or for one of its resource types; the rule stands above.
    """
    if scope.statement.effect == "Allow":
        return not true_when_absent(condition)
    conditions = scope.statement.conditions
    listed = [other for other in conditions if has_key(keys, other.key)]
    absent = [other for other in conditions if other not in listed and not _is_elsewhere(scope, info, other)]
    return all(map(true_when_absent, absent)) and not any(map(true_when_absent, listed))


def _is_elsewhere(scope: Scope, info: ActionInfo, condition: Condition) -> bool:
    """Tell whether the key is one that requests carry whatever the action is."""
    return scope.catalogue.supplies(info, condition.key) and not has_key(info.keys, condition.key)


def key_of_another_resource(scope: Scope) -> Iterator[Finding]:
    """Find a condition that is decided by the resources which do not carry its key."""
    statement = scope.statement
    if scope.listed_actions is None or not statement.resources:
        return
    for condition in statement.conditions:
        if condition.operator == "Null":
            continue
        for info in scope.listed_actions:
            kinds = _kinds_without(scope, info, condition)
            if kinds:
                verb = "denied" if statement.effect == "Deny" else "not allowed"
                yield scope.finding(
                    KEY_OF_ONE_RESOURCE,
                    f"{info.name} is also authorised on {few(kinds)}, without {condition.key}: {verb} there.",
                    scope.condition_path(condition),
                    value=condition.key,
                    remedy="Name in Resource only the resources that carry the key.",
                )


def _kinds_without(scope: Scope, info: ActionInfo, condition: Condition) -> list[str]:
    """Give the resource types that the statement reaches and decides by lack of a key which others carry."""
    key = condition.key
    if has_key(info.own_keys, key) or not has_key(info.keys, key):
        return []
    return [
        kind
        for kind, keys in info.resource_keys.items()
        if not has_key(keys, key)
        and absence_decides(scope, condition, info, info.own_keys | keys)
        and _reaches(scope, info, kind)
    ]


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
