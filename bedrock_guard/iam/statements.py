"""One statement, compiled: which actions it is about, and a predicate over resource and facts.

Sources: Resource https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html, Action
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from bedrock_guard.iam import globs
from bedrock_guard.iam.arns import OnText, any_glob, any_resource
from bedrock_guard.iam.conditions import CompiledCondition, Facts, compile_condition
from bedrock_guard.iam.model import Document, Statement
from bedrock_guard.iam.principals import NamedAs, compile_principals
from bedrock_guard.iam.variables import Template, parse

Layer = Literal["identity", "boundary", "scp", "rcp", "session", "resource"]
OnResource = Callable[[str, Facts], bool]
LAYERS: tuple[Layer, ...] = (
    "rcp",
    "scp",
    "resource",
    "identity",
    "boundary",
    "session",
)  # the documented order


@dataclass(frozen=True, slots=True)
class ResourceTest:
    """The Resource or NotResource element.

    `keys` are the lower-case keys of its variables; `always` says that every resource passes;
    `pattern_for` names, for a resource that passes, the pattern of Resource that it fits; `plain` is the test
    over the resource alone, None where variables take part.
    """

    test: OnResource
    plain: OnText | None
    keys: tuple[str, ...]
    always: bool
    negated: bool
    pattern_for: Callable[[str, Facts], str | None]


@dataclass(frozen=True, slots=True)
class CompiledStatement:
    """A statement in its place: layer, level (SCP and RCP only), document in the layer, index in the document.

    `version` is the document's: it says whether `${…}` is a variable.
    """

    layer: Layer
    level: int | None
    document: int
    index: int
    version: str
    statement: Statement
    action: OnText
    resource: ResourceTest
    conditions: tuple[CompiledCondition, ...]
    names: NamedAs
    applies: OnResource
    key_order: tuple[str, ...]

    @property
    def keys(self) -> frozenset[str]:
        """Every lower-case key that it reads."""
        return frozenset(self.key_order)

    @property
    def always(self) -> bool:
        """Whether it applies to every resource and context of its actions."""
        return self.resource.always and not self.conditions


def compile_statement(
    layer: Layer, level: int | None, position: int, document: Document, index: int
) -> CompiledStatement:
    """Compile one statement of a document."""
    statement = document.statements[index]
    parts = compiled_parts(statement, document.version)
    # What names callers is not in a statement's hash, nor in what makes two of them equal parts.
    names = compile_principals(statement)
    return CompiledStatement(
        layer, level, position, index, document.version, statement, *parts[:3], names, *parts[3:]
    )


Parts = tuple[OnText, ResourceTest, tuple[CompiledCondition, ...], OnResource, tuple[str, ...]]


@lru_cache(maxsize=4096)
def compiled_parts(statement: Statement, version: str) -> Parts:
    """What does not depend on a statement's place, remembered: an edit leaves most statements as they were."""
    resource = _resource(statement, version)
    conditions = tuple(compile_condition(each, version) for each in statement.conditions)
    read = (*resource.keys, *(key for each in conditions for key in each.keys))
    return (
        _action(statement),
        resource,
        conditions,
        _applies(resource, conditions),
        tuple(dict.fromkeys(read)),
    )


def action_predicate(patterns: Sequence[str]) -> OnText:
    """Whether an action in lower case fits one of the patterns; an empty list fits nothing."""
    return any_glob([pattern.lower() for pattern in patterns])


def _action(statement: Statement) -> OnText:
    if statement.actions is not None:
        return action_predicate(statement.actions)
    excepted = action_predicate(statement.not_actions or ())
    return lambda action: not excepted(action)


def _resource(statement: Statement, version: str) -> ResourceTest:
    if statement.resources is not None:
        patterns, negated = statement.resources, False
    elif statement.not_resources is not None:
        patterns, negated = statement.not_resources, True
    else:
        return ResourceTest(_always, None, (), True, False, _no_pattern)
    templates = _templates(patterns, version)
    everything = any(not pattern.strip("*") for pattern in patterns)
    keys = tuple(dict.fromkeys(key for template in templates for key in template.keys))
    test, plain = _resource_test(templates, negated=negated)
    return ResourceTest(
        test,
        plain,
        () if everything else keys,
        everything and not negated,
        negated,
        _no_pattern if negated else _pattern_for(patterns, templates),
    )


def fixed_patterns(patterns: Sequence[str], version: str) -> list[str]:
    """The patterns of a Resource element that hold no variable, as `globs` reads them."""
    fixed = (template.fixed for template in _templates(patterns, version))
    return [pattern for pattern in fixed if pattern is not None]


def _templates(patterns: Sequence[str], version: str) -> list[Template]:
    return [_template(pattern, version) for pattern in patterns]


def _template(pattern: str, version: str) -> Template:
    """Variables count only after the fifth colon."""
    parts = pattern.split(":", 5)
    if len(parts) < 6:
        return Template((pattern,))
    return Template((":".join(parts[:5]) + ":", *parse(parts[5], version).pieces))


def _resource_test(templates: Sequence[Template], *, negated: bool) -> tuple[OnResource, OnText | None]:
    fixed = [template.fixed for template in templates]
    predicate = any_resource([pattern for pattern in fixed if pattern is not None])
    varying = [template for template, pattern in zip(templates, fixed, strict=True) if pattern is None]
    if not varying:
        if negated:
            return lambda resource, _: not predicate(resource), lambda resource: not predicate(resource)
        return lambda resource, _: predicate(resource), predicate

    def test(resource: str, facts: Facts) -> bool:
        return (predicate(resource) or _fits_one(varying, resource, facts)) != negated

    return test, None


def _fits_one(templates: Sequence[Template], resource: str, facts: Mapping[str, Any]) -> bool:
    patterns = (template.expand(facts) for template in templates)
    return any(globs.compile_resource(pattern)(resource) for pattern in patterns if pattern is not None)


def _pattern_for(
    patterns: Sequence[str], templates: Sequence[Template]
) -> Callable[[str, Facts], str | None]:
    if len(patterns) == 1:
        (only,) = patterns
        return lambda _resource, _facts: only
    fixed: list[OnText | None] = []

    def which(resource: str, facts: Facts) -> str | None:
        if not fixed:
            fixed.extend(
                None if one.fixed is None else globs.compile_resource(one.fixed) for one in templates
            )
        for pattern, template, predicate in zip(patterns, templates, fixed, strict=True):
            fits = _fits_one([template], resource, facts) if predicate is None else predicate(resource)
            if fits:
                return pattern
        return None

    return which


def _always(_resource: str, _facts: Facts) -> bool:
    return True


def _no_pattern(_resource: str, _facts: Facts) -> str | None:
    return None


def _applies(resource: ResourceTest, conditions: Sequence[CompiledCondition]) -> OnResource:
    tests = tuple(condition.test for condition in conditions)
    on_resource = resource.test
    if not tests:
        return _always if resource.always else on_resource
    if len(tests) == 1:
        (only,) = tests
        if resource.always:
            return lambda _resource, facts: only(facts)
        plain = resource.plain
        if plain is not None:
            return lambda name, facts: only(facts) and plain(name)
        return lambda name, facts: only(facts) and on_resource(name, facts)

    def applies(name: str, facts: Facts) -> bool:
        for test in tests:  # conditions first: they mostly cost less than patterns of ARNs
            if not test(facts):
                return False
        return on_resource(name, facts)

    return applies
