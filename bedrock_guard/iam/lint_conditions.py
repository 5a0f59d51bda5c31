"""Lint of conditions: keys that are not there, operators that do not fit, values that cannot match."""

from __future__ import annotations

from collections.abc import Iterator

from bedrock_guard.iam.catalogue import KeyInfo, has_key
from bedrock_guard.iam.globs import has_wildcard
from bedrock_guard.iam.lint_model import Finding, Rule, Scope, user_guide
from bedrock_guard.iam.lint_resources import VARIABLE
from bedrock_guard.iam.model import Condition

_OPERATORS = user_guide("reference_policies_elements_condition_operators")
_MULTIVALUED = user_guide("reference_policies_condition-single-vs-multi-valued-context-keys")
_VARIABLES = user_guide("reference_policies_variables")

UNKNOWN_KEY = Rule(
    "unknown-key",
    "error",
    "A condition key that does not exist is never in a request.",
    user_guide("reference_policies_actions-resources-contextkeys"),
)
SET_ON_SINGLE = Rule(
    "set-operator-on-single-valued-key",
    "warning",
    "ForAllValues and ForAnyValue are for multivalued keys; an absent key makes ForAllValues true.",
    _MULTIVALUED,
)
SINGLE_ON_SET = Rule(
    "multivalued-key-without-set-operator",
    "error",
    "A multivalued key needs ForAllValues or ForAnyValue; without one the result is not defined.",
    _MULTIVALUED,
)
ALLOW_FOR_ALL = Rule(
    "allow-for-all-values",
    "warning",
    "ForAllValues is true where the key is absent, so such an Allow also covers requests without the key.",
    _MULTIVALUED,
)
DISPUTED = Rule(
    "disputed-form",
    "warning",
    "AWS's documentation and what has been observed differ, or the documentation contradicts itself.",
    _OPERATORS,
)
OPERATOR_TYPE = Rule(
    "operator-does-not-fit-key",
    "warning",
    "An operator of another type than the key's compares text that may never be of that type.",
    _OPERATORS,
)
LITERAL_WILDCARD = Rule(
    "wildcard-in-exact-operator",
    "warning",
    "StringEquals and its relatives take `*` and `?` literally; StringLike takes them as wildcards.",
    _OPERATORS,
)
VARIABLE_MULTIVALUED = Rule(
    "multivalued-variable",
    "error",
    "A multivalued key cannot be a policy variable: it has no value.",
    _VARIABLES,
)
VARIABLE_NOT_REPLACED = Rule(
    "variable-not-replaced",
    "error",
    "A policy variable is replaced only in String and ARN conditions of a document of Version 2012-10-17.",
    _VARIABLES,
)
NULL_VALUE = Rule(
    "null-value", "error", "Null takes true (absent) or false (present), nothing else.", _OPERATORS
)
GROWING_VALUE = Rule(
    "growing-wildcard-in-condition",
    "warning",
    "A wildcard inside a name also admits what gets such a name later.",
    _OPERATORS,
)
RULES = (
    UNKNOWN_KEY,
    SET_ON_SINGLE,
    SINGLE_ON_SET,
    ALLOW_FOR_ALL,
    DISPUTED,
    OPERATOR_TYPE,
    LITERAL_WILDCARD,
    VARIABLE_MULTIVALUED,
    VARIABLE_NOT_REPLACED,
    NULL_VALUE,
    GROWING_VALUE,
)
# An ARN key is a text too: the String operators are documented to work on it.
_FITS = {
    "String": ("String",),
    "Arn": ("ARN",),
    "Numeric": ("Numeric", "Date"),
    "Date": ("Date",),
    "Bool": ("Bool",),
    "IpAddress": ("IPAddress",),
    "NotIpAddress": ("IPAddress",),
    "Binary": ("Binary",),
}
_EXACT = ("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase")


def is_negated(condition: Condition) -> bool:
    """Tell whether the operator is true of what does not match (and so of an absent key)."""
    return "Not" in condition.operator


def true_when_absent(condition: Condition) -> bool:
    """Tell what the condition is for a request without the key.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    if condition.operator == "Null":
        return any(value.lower() == "true" for value in condition.values)
    if condition.qualifier:
        return condition.qualifier == "ForAllValues" or condition.if_exists
    return condition.if_exists or is_negated(condition)


def known_key(scope: Scope, condition: Condition) -> KeyInfo | None:
    """Give the catalogue's entry of a key; services may also list keys of other prefixes for their actions."""
    found = scope.catalogue.key(condition.key)
    if found or scope.listed_actions is None:
        return found
    prefixes = {info.name.partition(":")[0] for info in scope.listed_actions}
    services = [scope.catalogue.service(prefix) for prefix in prefixes]
    lowered = condition.key.lower()
    return next((service.keys[lowered] for service in services if service and lowered in service.keys), None)


def unknown_keys(scope: Scope) -> Iterator[Finding]:
    """Find keys that neither AWS nor a service of the statement documents."""
    for condition in scope.statement.conditions:
        prefix = condition.key.partition(":")[0].lower()
        # Keys of identity providers carry the provider's own name and are not listed anywhere.
        if "." in prefix or "/" in prefix or prefix == "saml" or known_key(scope, condition):
            continue
        if any(has_key(info.keys, condition.key) for info in scope.listed_actions or ()):
            continue
        effect = "always true" if true_when_absent(condition) else "never true"
        yield scope.finding(
            UNKNOWN_KEY,
            f"There is no key {condition.key}; the condition is {effect}.",
            scope.condition_path(condition),
            value=condition.key,
        )


def set_operators(scope: Scope) -> Iterator[Finding]:
    """Find set operators on single-valued keys, and multivalued keys without one."""
    for condition in scope.statement.conditions:
        info = known_key(scope, condition)
        path = scope.condition_path(condition)
        if info is None or condition.operator == "Null":
            continue
        if condition.qualifier and not info.multivalued:
            message = f"{info.name} holds one value; {condition.qualifier} is not for it."
            remedy = f"Use {condition.operator}."
            yield scope.finding(SET_ON_SINGLE, message, path, value=condition.name, remedy=remedy)
        if info.multivalued and not condition.qualifier:
            message = f"{info.name} holds several values; {condition.operator} alone is not defined for it."
            yield scope.finding(SINGLE_ON_SET, message, path, value=condition.name)


def allow_for_all(scope: Scope) -> Iterator[Finding]:
    """Find an Allow with ForAllValues that nothing guards against the absent key."""
    if scope.statement.effect != "Allow":
        return
    for condition in scope.statement.conditions:
        if condition.qualifier == "ForAllValues" and not is_guarded(scope, condition.key):
            remedy = f'Add "Null": {{"{condition.key}": "false"}}.'
            message = f"Requests without {condition.key} are allowed too."
            yield scope.finding(ALLOW_FOR_ALL, message, scope.condition_path(condition), remedy=remedy)


def is_guarded(scope: Scope, key: str) -> bool:
    """Tell whether the statement also demands that the key be present."""
    return any(
        other.operator == "Null"
        and other.key.lower() == key.lower()
        and [value.lower() for value in other.values] == ["false"]
        for other in scope.statement.conditions
    )


def disputed_forms(scope: Scope) -> Iterator[Finding]:
    """Find forms that AWS documents in two ways or that behave otherwise than documented."""
    for condition in scope.statement.conditions:
        reason = disputed_reason(condition)
        if reason:
            yield scope.finding(
                DISPUTED,
                reason,
                scope.condition_path(condition),
                value=condition.name,
                remedy="Write it otherwise.",
            )


def disputed_reason(condition: Condition) -> str:
    """Say what is disputed about a condition, or nothing."""
    if condition.qualifier == "ForAnyValue" and condition.if_exists:
        return "Whether ForAnyValue with IfExists is true for an absent key is reported both ways."
    if condition.qualifier == "ForAllValues" and "" in condition.values:
        return "Whether ForAllValues is true for a key whose only value is empty is documented no longer."
    if condition.operator == "Bool" and any(VARIABLE.search(value) for value in condition.values):
        return "One page allows policy variables in Bool, another does not."
    return ""


def operator_types(scope: Scope) -> Iterator[Finding]:
    """Find operators of another type than the key's."""
    for condition in scope.statement.conditions:
        info = known_key(scope, condition)
        if info is None or condition.operator == "Null":
            continue
        family = next(name for name in _FITS if condition.operator.startswith(name))
        is_text = family == "String" and info.type == "ARN"
        may_be_arn = family == "Arn" and info.is_family  # the value of a tag or of an encryption context
        if info.type not in _FITS[family] and not (is_text or may_be_arn):
            message = f"{info.name} is of type {info.type}; {condition.operator} compares {family} values."
            yield scope.finding(OPERATOR_TYPE, message, scope.condition_path(condition), value=condition.name)


def values(scope: Scope) -> Iterator[Finding]:
    """Find values that the operator takes otherwise than they look."""
    for condition in scope.statement.conditions:
        for position, value in enumerate(condition.values):
            path = scope.condition_path(condition, position)
            plain = VARIABLE.sub("", value)
            if condition.operator in _EXACT and has_wildcard(plain) and value != "*":
                remedy = f"Use {condition.operator.removesuffix('IgnoreCase').replace('Equals', 'Like')}."
                message = f"{value} is compared as it stands."
                yield scope.finding(LITERAL_WILDCARD, message, path, value=value, remedy=remedy)
            if condition.operator == "Null" and value.lower() not in ("true", "false"):
                yield scope.finding(NULL_VALUE, f"{value!r} is neither true nor false.", path, value=value)


def variables(scope: Scope) -> Iterator[Finding]:
    """Find policy variables in values that IAM does not replace, or that never have a value."""
    for condition in scope.statement.conditions:
        for position, value in enumerate(condition.values):
            names = [match.group()[2:-1].split(",")[0].strip() for match in VARIABLE.finditer(value)]
            names = [name for name in names if name not in ("*", "?", "$")]
            path = scope.condition_path(condition, position)
            if names and not _takes_variables(scope, condition):
                yield scope.finding(VARIABLE_NOT_REPLACED, f"{value} is taken literally.", path, value=value)
            for name in names:
                info = scope.catalogue.key(name)
                if info and info.multivalued:
                    message = f"{name} holds several values, so ${{{name}}} has none."
                    yield scope.finding(VARIABLE_MULTIVALUED, message, path, value=value)


def _takes_variables(scope: Scope, condition: Condition) -> bool:
    if scope.document.version != "2012-10-17":
        return False
    return condition.operator.startswith(("String", "Arn", "Bool"))


def growing_values(scope: Scope) -> Iterator[Finding]:
    """Find a wildcard inside a name in a condition that says what is approved."""
    allow = scope.statement.effect == "Allow"
    for condition in scope.statement.conditions:
        approves = is_negated(condition) != allow
        if not approves or condition.operator not in ("StringLike", "StringNotLike"):
            continue
        for position, value in enumerate(condition.values):
            plain = VARIABLE.sub("", value)
            # Two wildcards are a search, one at the end of a longer name is a version left open.
            if plain.endswith("*") and plain.count("*") == 1 and any(char.isdigit() for char in plain):
                path = scope.condition_path(condition, position)
                message = f"{value} admits every present and future name of that form."
                yield scope.finding(GROWING_VALUE, message, path, value=value, remedy="Write whole names.")


CHECKS = (
    unknown_keys,
    set_operators,
    allow_for_all,
    disputed_forms,
    operator_types,
    values,
    variables,
    growing_values,
)
