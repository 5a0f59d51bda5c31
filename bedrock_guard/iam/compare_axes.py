"""Build the axes of a comparison: what a resource, and each condition key, can be as far as the statements ask.

A key that is tested by ARN operators is taken to hold ARNs, by Bool true or false, by numeric, date or IP
operators a value of that type: what a service would send. Any key may be absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bedrock_guard.iam import automaton
from bedrock_guard.iam.automaton import Chain, TooManyStatesError
from bedrock_guard.iam.compare_atoms import (
    ABSENT,
    Atom,
    Axis,
    Shape,
    address_atoms,
    instant_atoms,
    list_atoms,
    number_atoms,
    text_atoms,
)
from bedrock_guard.iam.conditions import compile_condition
from bedrock_guard.iam.globs import arn_parts, compile_resource, has_wildcard, unescape
from bedrock_guard.iam.model import Condition
from bedrock_guard.iam.operators import OPERATORS, VARIABLE_FAMILIES
from bedrock_guard.iam.values import instant, number
from bedrock_guard.iam.variables import Template, parse

Facts = Mapping[str, Any]
_ARN_SHAPE = automaton.arn("arn:?*:?*:*:*:?*")
_ANY_TEXT = automaton.glob("?*")
_EXAMPLES = ("arn", "aws", "example", "us-east-1", "111122223333")
_TWELVE_DIGITS = (automaton.Token("literal", "0123456789"),) * 12
_TEXT_FAMILIES = frozenset({"string", "arn", "boolean"})


@dataclass(frozen=True, slots=True)
class Test:
    """One condition of a document of the given Version."""

    condition: Condition
    version: str

    @property
    def key(self) -> str:
        """The key that is tested, in lower case."""
        return self.condition.key.lower()

    @property
    def family(self) -> str:
        """The operator's family."""
        return OPERATORS[self.condition.operator][0]

    def templates(self) -> list[Template]:
        """Give the values with their policy variables."""
        if self.family not in VARIABLE_FAMILIES:
            return [Template((value,)) for value in self.condition.values]
        return [parse(value, self.version) for value in self.condition.values]

    def truth(self) -> Callable[[Facts], bool]:
        """Give the evaluator's own answer to this test, from facts with lower-case keys."""
        compiled = compile_condition(self.condition, self.version)
        return lambda facts: compiled.test(dict(facts))


def resource_axis(
    patterns: Mapping[str, str], within: Sequence[str], service: str, account: str | None = None
) -> Axis:
    """Cut resources by `Resource` patterns (variables replaced).

    Args:
        patterns: elements of Resource and NotResource, variables replaced; each with its text for people.
        within: only resources that one of these matches; `*` alone is every ARN, and `*` itself, the resource of
            an action that has none.
        service: whose ARNs to show as examples.
        account: if given, also cut by whether a resource is that account's or another's.
    """
    others = [f"arn:aws:{service}:us-east-1:111122223333:example", *map(_arn_example, within), "*"]
    shapes = [_resource_shape(pattern, text, others[0]) for pattern, text in patterns.items()]
    bounds = [chain for pattern in within for chain in _resource_bound(pattern)]
    if account is not None:
        shapes += [
            _owner_shape(account, automaton.literal(account)),
            _owner_shape("any account", _TWELVE_DIGITS),
        ]
    return _text_axis("", shapes, bounds, others)


def resource_mask(axis: Axis, patterns: Iterable[str]) -> int:
    """Give the atoms of a resource axis that one of the patterns matches."""
    tests = [compile_resource(pattern) for pattern in patterns]
    return _mask(axis.atoms, lambda atom: any(test(str(atom.value)) for test in tests))


def key_axis(name: str, tests: Sequence[Test], facts: Facts, more: Sequence[Shape] = ()) -> Axis:
    """Cut the values of one condition key by the tests on it.

    Args:
        name: the key, lower-case.
        tests: every test on it.
        facts: the values that variables in the tests take.
        more: further patterns to cut by (for a key that is used as a variable).
    """
    families = {test.family for test in tests} - {"null"}
    singles = _single_axis(name, families, tests, facts, more)
    atoms, complete = list(singles.atoms), singles.complete
    if any(test.condition.qualifier for test in tests):
        truths = [test.truth() for test in tests if test.condition.operator != "Null"]
        rows = [tuple(true({**facts, name: (atom.value,)}) for true in truths) for atom in atoms]
        atoms, all_lists = list_atoms(atoms, rows)
        complete = complete and all_lists
    return Axis(name, (*atoms, ABSENT), complete)


def key_mask(axis: Axis, test: Test, facts: Facts) -> int:
    """Give the atoms of a key's axis for which the test is true."""
    true = test.truth()
    return _mask(axis.atoms, lambda atom: true({**facts, axis.name: atom.value}))


def _mask(atoms: Sequence[Atom], holds: Callable[[Atom], bool]) -> int:
    return sum(1 << position for position, atom in enumerate(atoms) if holds(atom))


def _single_axis(
    name: str, families: set[str], tests: Sequence[Test], facts: Facts, more: Sequence[Shape]
) -> Axis:
    if not families and not more:
        return Axis(name, (Atom("example", "present"),))
    if families == {"boolean"} and not more:
        return Axis(name, (Atom("true", "true"), Atom("false", "false")))
    if families <= _TEXT_FAMILIES:
        return _key_text_axis(name, families, tests, facts, more)
    parts = [_typed_atoms(family, tests) for family in sorted(families - _TEXT_FAMILIES)]
    if len(parts) == 1 and families.isdisjoint(_TEXT_FAMILIES) and not more:
        return Axis(name, tuple(parts[0]))
    # Values of several types: each type is cut by itself, what falls between them is not proven complete.
    texts = _key_text_axis(name, families & _TEXT_FAMILIES, tests, facts, more)
    found = {atom.value: atom for part in (*parts, texts.atoms) for atom in part}
    return Axis(name, tuple(found.values()), complete=False)


def _typed_atoms(family: str, tests: Sequence[Test]) -> list[Atom]:
    values = [value for test in tests if test.family == family for value in test.condition.values]
    if family == "numeric":
        return number_atoms(found for value in values if (found := number(value)) is not None)
    if family == "date":
        return instant_atoms(found for value in values if (found := instant(value)) is not None)
    if family == "ip":
        return address_atoms(values)
    return [*(Atom(value, value) for value in dict.fromkeys(values)), Atom("b3RoZXI=", "other bytes")]


def _key_text_axis(
    name: str, families: set[str], tests: Sequence[Test], facts: Facts, more: Sequence[Shape]
) -> Axis:
    shapes = {shape.chain: shape for test in tests for shape in test_shapes(test, facts)}
    for shape in more:
        shapes.setdefault(shape.chain, shape)
    if "arn" in families:
        others = (
            "arn:aws:iam::111122223333:role/other",
            "arn:aws:bedrock:us-east-1:111122223333:other/other",
        )
        return _text_axis(name, list(shapes.values()), [_ARN_SHAPE], others)
    holds_empty = any("" in test.condition.values for test in tests)
    bounds = [] if holds_empty else [_ANY_TEXT]
    return _text_axis(name, list(shapes.values()), bounds, ("other", "example", "x"))


def test_shapes(test: Test, facts: Facts) -> list[Shape]:
    """Give the patterns of a test on texts, variables replaced; one without value matches nothing."""
    if test.family not in _TEXT_FAMILIES:
        return []
    expanded = [
        (template.expand(facts), text)
        for template, text in zip(test.templates(), test.condition.values, strict=True)
    ]
    return [_value_shape(test, pattern, text) for pattern, text in expanded if pattern is not None]


def _value_shape(test: Test, pattern: str, text: str) -> Shape:
    operator = test.condition.operator
    plain = unescape(pattern)
    if test.family == "arn":
        return Shape(automaton.arn(pattern), text, _arn_example(pattern), exact=not has_wildcard(pattern))
    if "Like" in operator:
        return Shape(automaton.glob(pattern), text, _example(pattern), exact=not has_wildcard(pattern))
    if operator.endswith("IgnoreCase"):
        return Shape(automaton.literal(plain, ignore_case=True), f"{text} (in any case)", plain, exact=True)
    return Shape(automaton.literal(plain, ignore_case=test.family == "boolean"), text, plain, exact=True)


def _resource_shape(pattern: str, text: str, any_example: str) -> Shape:
    example = _arn_example(pattern) if pattern.strip("*") else any_example
    return Shape(automaton.resource(pattern), text, example, exact=not has_wildcard(pattern))


def _owner_shape(words: str, account: Chain) -> Shape:
    """Give the pattern of ARNs whose fifth part is the account."""
    colon = automaton.Token("literal", ":")
    before = (*automaton.literal("arn"), colon, *(automaton.Token("run_in_part"), colon) * 3)
    return Shape((*before, *account, colon, automaton.Token("run")), f"resources of {words}", "")


def _resource_bound(pattern: str) -> list[Chain]:
    if not pattern.strip("*"):
        return [_ARN_SHAPE, automaton.literal("*")]
    return [automaton.resource(pattern)]


def _text_axis(name: str, shapes: Sequence[Shape], bounds: Sequence[Chain], others: Sequence[str]) -> Axis:
    try:
        return Axis(name, tuple(text_atoms(shapes, bounds, others)))
    except TooManyStatesError:
        examples = dict.fromkeys((*(shape.example for shape in shapes), *others))
        return Axis(name, tuple(Atom(text, text) for text in examples), complete=False)


def _arn_example(pattern: str) -> str:
    """Fill the wildcards of an ARN pattern so that it looks like one that AWS would send."""
    *head, last = arn_parts(pattern)
    filled = [part.replace("*", word).replace("?", "x") for part, word in zip(head, _EXAMPLES, strict=True)]
    return unescape(":".join((*filled, _example(last))))


def _example(pattern: str) -> str:
    return unescape(pattern.replace("*", "example").replace("?", "x"))
