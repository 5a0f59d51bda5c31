"""The condition operators: one entry of a Condition element becomes one predicate over the request's facts.

Sources: operators and missing keys
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html, several values
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_multi-value-conditions.html, set operators
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bedrock_guard.iam.matchers import Match, any_of, dynamic, fixed
from bedrock_guard.iam.model import Condition
from bedrock_guard.iam.operators import OPERATORS, VARIABLE_FAMILIES
from bedrock_guard.iam.values import text
from bedrock_guard.iam.variables import Template, parse

Facts = dict[str, Any]  # condition keys in lower case -> context values, plus the two marks below
Predicate = Callable[[Facts], bool]

DISPUTES = "\x00disputes"  # the disputed rules that were met on the way
OTHER = "\x00other"  # the disputed rule whose other reading is wanted

MULTIVALUED_WITHOUT_SET = "a key with several values under an operator without ForAllValues or ForAnyValue"
ANY_VALUE_IF_EXISTS = "ForAnyValue:…IfExists on a missing key"
ALL_VALUES_EMPTY_TEXT = "ForAllValues on a single empty value"
ARN_NOT_ARN = "ArnNotLike or ArnNotEquals on a value that is no ARN"
BOOL_VARIABLE = "a policy variable under Bool"


@dataclass(frozen=True, slots=True)
class CompiledCondition:
    """One condition ready to test.

    `keys` are the lower-case keys it reads: its own first, then those of variables. `test` takes facts
    and answers; `operand` names the policy value that a context value met, None if none.
    """

    condition: Condition
    keys: tuple[str, ...]
    test: Predicate
    operand: Callable[[Facts], str | None]


def disputed(facts: Facts, rule: str, *, documented: bool, other: bool) -> bool:
    """Note that a disputed rule was met; answer by the documentation unless the other reading is asked for."""
    facts.setdefault(DISPUTES, set()).add(rule)
    return other if facts.get(OTHER) == rule else documented


def texts(value: object) -> tuple[str, ...]:
    """The values of a context key as texts: () for a missing, null or empty one.

    Example:
        >>> texts(None), texts(True), texts(["a", "b"])
        ((), ('true',), ('a', 'b'))
    """
    if value is None:
        return ()
    if value.__class__ is str:
        return (value,)
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(text(each) for each in value if each is not None)
    return (text(value),)  # type: ignore[arg-type]


def compile_condition(condition: Condition, version: str) -> CompiledCondition:
    """Compile one condition of a document of the given Version."""
    key = condition.key.lower()
    if condition.operator == "Null":
        return CompiledCondition(condition, (key,), _null(key, condition), lambda _: None)
    family, negated = OPERATORS[condition.operator]
    with_variables = family in VARIABLE_FAMILIES
    templates = [
        parse(value, version) if with_variables else Template((value,)) for value in condition.values
    ]
    variables = tuple(dict.fromkeys(name for template in templates for name in template.keys if name != key))
    match = _match(condition.operator, templates)
    test = _plain(key, condition, match, negated=negated)
    if condition.qualifier == "ForAllValues":
        test = _for_all(key, match, negated=negated)
    elif condition.qualifier == "ForAnyValue":
        test = _for_any(key, match, negated=negated, if_exists=condition.if_exists)
    elif family == "arn" and negated:
        test = _arn_negated(key, test)
    if family == "boolean" and variables:
        test = _bool_with_variable(key, test)
    return CompiledCondition(condition, (key, *variables), test, _operand(key, condition, templates))


def _match(operator: str, templates: list[Template]) -> Match:
    if all(template.fixed is not None for template in templates):
        predicate = any_of(operator, [template.fixed or "" for template in templates])
        return fixed(predicate)
    return dynamic(operator, templates)


def _plain(key: str, condition: Condition, match: Match, *, negated: bool) -> Predicate:
    missing = condition.if_exists or negated
    fast = match.fixed
    slow = _several(key, match, missing=missing, negated=negated)
    if fast is None:
        return slow
    if negated:

        def negative(facts: Facts) -> bool:
            value = facts.get(key)
            if value.__class__ is str:
                return not fast(value)
            return missing if value is None else slow(facts)

        return negative

    def positive(facts: Facts) -> bool:
        value = facts.get(key)
        if value.__class__ is str:
            return fast(value)
        return missing if value is None else slow(facts)

    return positive


def _several(key: str, match: Match, *, missing: bool, negated: bool) -> Predicate:
    def test(facts: Facts) -> bool:
        values = texts(facts.get(key))
        if not values:
            return missing
        met = [match(value, facts) for value in values]
        if len(values) == 1:
            return met[0] != negated
        return disputed(facts, MULTIVALUED_WITHOUT_SET, documented=negated, other=any(met) != negated)

    return test


def _for_all(key: str, match: Match, *, negated: bool) -> Predicate:
    def test(facts: Facts) -> bool:
        values = texts(facts.get(key))
        met = all(match(value, facts) != negated for value in values)
        if values == ("",) and not met:
            return disputed(facts, ALL_VALUES_EMPTY_TEXT, documented=False, other=True)
        return met

    return test


def _for_any(key: str, match: Match, *, negated: bool, if_exists: bool) -> Predicate:
    def test(facts: Facts) -> bool:
        values = texts(facts.get(key))
        if not values and if_exists:
            return disputed(facts, ANY_VALUE_IF_EXISTS, documented=True, other=False)
        return any(match(value, facts) != negated for value in values)

    return test


def _arn_negated(key: str, test: Predicate) -> Predicate:
    def checked(facts: Facts) -> bool:
        met = test(facts)
        values = texts(facts.get(key))
        if met and len(values) == 1 and not is_arn(values[0]):
            return disputed(facts, ARN_NOT_ARN, documented=True, other=False)
        return met

    return checked


def _bool_with_variable(key: str, test: Predicate) -> Predicate:
    def checked(facts: Facts) -> bool:
        if not texts(facts.get(key)):
            return test(facts)
        return disputed(facts, BOOL_VARIABLE, documented=test(facts), other=False)

    return checked


def is_arn(value: str) -> bool:
    """Whether a text has the six parts of an ARN."""
    return value.startswith("arn:") and value.count(":") >= 5


def _null(key: str, condition: Condition) -> Predicate:
    wanted = {value.lower() for value in condition.values}
    if_absent, if_present = "true" in wanted, "false" in wanted

    def test(facts: Facts) -> bool:
        value = facts.get(key)
        if value.__class__ is str:
            return if_present
        return if_present if texts(value) else if_absent

    return test


def _operand(key: str, condition: Condition, templates: list[Template]) -> Callable[[Facts], str | None]:
    singles: list[tuple[str, Match]] = []

    def which(facts: Facts) -> str | None:
        if not singles:
            pairs = zip(condition.values, templates, strict=True)
            singles.extend((written, _match(condition.operator, [template])) for written, template in pairs)
        for value in texts(facts.get(key)):
            for written, match in singles:
                if match(value, facts):
                    return written
        return None

    return which
