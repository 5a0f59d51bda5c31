"""Lint of Resource and NotResource: wildcards that mean more or less than they seem to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from bedrock_guard.iam.automaton import TooManyStatesError, intersect_resources
from bedrock_guard.iam.catalogue import ActionInfo
from bedrock_guard.iam.globs import arn_parts, has_wildcard
from bedrock_guard.iam.lint_model import Finding, Rule, Scope, few, user_guide

_RESOURCE = user_guide("reference_policies_elements_resource")
_ARNS = user_guide("reference-arns")

NOT_AN_ARN = Rule(
    "not-an-arn", "error", "A resource is an ARN or `*`; anything else matches nothing.", _RESOURCE
)
INCOMPLETE_ARN = Rule(
    "incomplete-arn",
    "warning",
    "IAM fills the missing parts of an ARN with wildcards, and refuses such an ARN in a session policy.",
    _ARNS,
)
WILDCARD_SERVICE = Rule(
    "wildcard-in-service-part", "error", "The service part of an ARN takes no wildcard.", _RESOURCE
)
WILDCARD_TYPE = Rule(
    "wildcard-in-resource-type", "error", "The resource-type word of an ARN takes no wildcard.", _ARNS
)
WILDCARD_REGION = Rule(
    "wildcard-region-in-not-resource",
    "warning",
    "A wildcard may match nothing, so a wildcard region also exempts the region-less ARN of global routing.",
    "https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html",
)
GROWING_WILDCARD = Rule(
    "growing-wildcard",
    "warning",
    "A wildcard inside a name also admits what gets such a name later.",
    _RESOURCE,
)
ALLOW_NOT_RESOURCE = Rule(
    "allow-not-resource",
    "warning",
    "Allow with NotResource grants every resource that is not listed.",
    user_guide("reference_policies_elements_notresource"),
)
RESOURCE_NEVER_MATCHES = Rule(
    "resource-never-matches",
    "error",
    "An action is authorised only on its own resource types (on `*` if it has none); on others the statement is idle.",
    "https://docs.aws.amazon.com/service-authorization/latest/reference/"
    "reference_policies_actions-resources-contextkeys.html",
)
EARLY_VARIABLE = Rule(
    "variable-before-fifth-colon",
    "error",
    "A policy variable is replaced only after the fifth colon of an ARN.",
    user_guide("reference_policies_variables"),
)
OLD_VERSION_VARIABLE = Rule(
    "variable-in-old-version",
    "error",
    "Policy variables need Version 2012-10-17; in an older document they are plain text.",
    user_guide("reference_policies_variables"),
)
RULES = (
    NOT_AN_ARN,
    INCOMPLETE_ARN,
    WILDCARD_SERVICE,
    WILDCARD_TYPE,
    WILDCARD_REGION,
    GROWING_WILDCARD,
    ALLOW_NOT_RESOURCE,
    RESOURCE_NEVER_MATCHES,
    EARLY_VARIABLE,
    OLD_VERSION_VARIABLE,
)
VARIABLE = re.compile(r"\$\{[^{}]*\}")


def resource_values(scope: Scope) -> Iterator[tuple[str, str, str]]:
    """Give (element, JSONPath, value) of every resource pattern of the statement."""
    statement = scope.statement
    for name, values in (("Resource", statement.resources), ("NotResource", statement.not_resources)):
        for path, value in scope.element(name, values or ()):
            yield name, path, value


def malformed(scope: Scope) -> Iterator[Finding]:
    """Find ARNs that are none, that are cut short, or that hold a wildcard where none is allowed."""
    for _, path, value in resource_values(scope):
        if not value.strip("*"):
            continue
        if not value.startswith("arn:"):
            yield scope.finding(NOT_AN_ARN, f"{value} is not an ARN.", path, value=value)
            continue
        if value.count(":") < 5:
            filled = ":".join(arn_parts(value))
            yield scope.finding(INCOMPLETE_ARN, f"IAM reads this as {filled}.", path, value=value)
        if has_wildcard(arn_parts(value)[2]) and value.count(":") >= 2:
            yield scope.finding(WILDCARD_SERVICE, f"Name the service in {value}.", path, value=value)


def wildcard_in_type(scope: Scope) -> Iterator[Finding]:
    """Find a wildcard in the word that names the resource type."""
    for _, path, value in resource_values(scope):
        if value.count(":") < 5 or not value.startswith("arn:"):
            continue
        _, _, service, _, _, last = arn_parts(value)
        word = re.split(r"[/:]", VARIABLE.sub("x", last), maxsplit=1)[0]
        if last.strip("*") and has_wildcard(word) and _always_typed(scope, service):
            message = f"The type word {word!r} holds a wildcard."
            yield scope.finding(
                WILDCARD_TYPE, message, path, value=value, remedy="Write one ARN for each type."
            )


def _always_typed(scope: Scope, service: str) -> bool:
    """Tell whether every ARN of the service begins its last part with a fixed word."""
    known = scope.catalogue.service(service)
    arns = [kind.arn for kind in known.resource_types.values()] if known else []
    return bool(arns) and not any(arn_parts(_filled(arn))[5].startswith("*") for arn in arns)


def _filled(arn: str) -> str:
    return VARIABLE.sub("*", arn)


def wildcard_region(scope: Scope) -> Iterator[Finding]:
    """Find a Deny whose NotResource exempts any region, the empty one included."""
    if scope.statement.effect != "Deny":
        return
    for name, path, value in resource_values(scope):
        if name != "NotResource" or not value.startswith("arn:") or value.count(":") < 5:
            continue
        parts = arn_parts(value)
        if parts[3] and not parts[3].strip("*") and _is_regional(scope, value):
            yield scope.finding(
                WILDCARD_REGION,
                _exempted(parts),
                path,
                value=value,
                remedy="List the regions that are wanted.",
            )


def _exempted(parts: Sequence[str]) -> str:
    shown = ":".join((*parts[:3], "", *parts[4:]))
    if parts[4]:
        return f"This exempts every region, and {shown} without one."
    return f"This exempts {shown} too, the ARN that worldwide routing is authorised on."


def _is_regional(scope: Scope, value: str) -> bool:
    known = scope.catalogue.service(arn_parts(value)[2])
    arns = [kind.arn for kind in known.resource_types.values()] if known else []
    return not arns or any("${Region}" in arn and overlap(value, _filled(arn)) for arn in arns)


def growing_wildcard(scope: Scope) -> Iterator[Finding]:
    """Find a wildcard inside a name, where the statement approves what it matches."""
    approving = "Resource" if scope.statement.effect == "Allow" else "NotResource"
    for name, path, value in resource_values(scope):
        if name == approving and value.startswith("arn:") and value.count(":") >= 5:
            grown = growing_part(arn_parts(value)[5])
            if grown:
                yield scope.finding(
                    GROWING_WILDCARD,
                    f"{grown} admits every present and future name of that form.",
                    path,
                    value=value,
                    remedy="Write whole names, with their version.",
                )


def growing_part(text: str) -> str | None:
    """Give the path segment that mixes a name and a wildcard, or None.

    >>> growing_part("foundation-model/demo.model-4*"), growing_part("user/team/*")
    ('demo.model-4*', None)
    """
    for segment in re.split(r"[/:]", VARIABLE.sub("", text)):
        if has_wildcard(segment) and segment.strip("*?"):
            return segment
    return None


def grants_all_but(scope: Scope) -> Iterator[Finding]:
    """Find Allow with NotResource where that grants."""
    statement = scope.statement
    if statement.effect == "Allow" and statement.not_resources and scope.document.kind == "identity":
        message = f"Every resource but {few(statement.not_resources)} is granted."
        yield scope.finding(ALLOW_NOT_RESOURCE, message, f"$.Statement[{scope.index}].NotResource")


def idle_on_resource(scope: Scope) -> Iterator[Finding]:
    """Find actions that are never authorised on any of the statement's resources."""
    patterns = scope.statement.resources
    if not patterns or scope.listed_actions is None or any(not pattern.strip("*") for pattern in patterns):
        return
    shown = tuple(VARIABLE.sub("*", pattern) for pattern in patterns)
    idle = [info for info in scope.listed_actions if not _may_match(scope, info, shown)]
    if idle and (len(idle) == len(scope.listed_actions) or _names_one_by_one(scope, idle)):
        yield scope.finding(
            RESOURCE_NEVER_MATCHES,
            f"{few(info.name for info in idle)}: never authorised on {few(patterns, 2)}.",
            f"$.Statement[{scope.index}].Resource",
            remedy=_idle_remedy(idle),
        )


# Not listed with the action, yet in AWS's own examples:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
_ALSO_ON = {"s3:ListAllMyBuckets": ("arn:aws:s3:::*",)}


def _names_one_by_one(scope: Scope, idle: list[ActionInfo]) -> bool:
    written = {action.lower() for action in scope.statement.actions or ()}
    return any(info.name.lower() in written for info in idle)


def _idle_remedy(idle: list[ActionInfo]) -> str:
    if any(not info.resource_types for info in idle):
        return "An action without resource types is matched only by Resource `*`."
    return "Check the resource types of these actions."


def _may_match(scope: Scope, info: ActionInfo, patterns: tuple[str, ...]) -> bool:
    arns = [scope.catalogue.arn_pattern(info, kind) for kind in info.resource_types]
    arns += _ALSO_ON.get(info.name, ())
    # A resource type whose ARN is not known may be anything.
    return any(arn is None or any(overlap(arn, pattern) for pattern in patterns) for arn in arns)


@lru_cache(maxsize=4096)
def overlap(first: str, second: str) -> bool:
    """Tell whether a resource can fit both patterns; True where that is too much to find out.

    Remembered: the actions of a statement share their resource types.
    """
    try:
        return intersect_resources(first, second) is not None
    except TooManyStatesError:
        return True


def misplaced_variables(scope: Scope) -> Iterator[Finding]:
    """Find policy variables that IAM leaves as plain text."""
    for _, path, value in resource_values(scope):
        if not VARIABLE.search(value):
            continue
        if scope.document.version != "2012-10-17":
            yield scope.finding(
                OLD_VERSION_VARIABLE, f"{value} is taken literally.", path, value=value, remedy=_NEWER
            )
        elif any("${" in part for part in value.split(":", 5)[:5]):
            yield scope.finding(EARLY_VARIABLE, f"{value} is taken literally.", path, value=value)


_NEWER = 'Set "Version": "2012-10-17".'
CHECKS = (
    malformed,
    wildcard_in_type,
    wildcard_region,
    growing_wildcard,
    grants_all_but,
    idle_on_resource,
    misplaced_variables,
)
