"""Lint of the Action element: names that do not exist, grants by exclusion, denials that block the fix."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from bedrock_guard.iam.globs import has_wildcard
from bedrock_guard.iam.lint_model import Finding, Rule, Scope, few, has_wildcard_service, user_guide

UNKNOWN_ACTION = Rule(
    "unknown-action",
    "error",
    "An action that does not exist is accepted by IAM and does nothing.",
    user_guide("access-analyzer-reference-policy-checks"),
)
UNKNOWN_SERVICE = Rule(
    "unknown-service",
    "error",
    "A service prefix that does not exist is accepted by IAM and does nothing.",
    user_guide("access-analyzer-reference-policy-checks"),
)
ALLOW_NOT_ACTION = Rule(
    "allow-not-action",
    "warning",
    "Allow with NotAction grants every action that is not listed, those of future services included.",
    user_guide("reference_policies_elements_notaction"),
)
BLOCKS_THE_FIX = Rule(
    "deny-blocks-the-fix",
    "warning",
    "Denying to stop or delete what bills by the hour keeps it running and billing.",
    user_guide("reference_policies_evaluation-logic"),
)
RULES = (UNKNOWN_ACTION, UNKNOWN_SERVICE, ALLOW_NOT_ACTION, BLOCKS_THE_FIX)

_ENDING = re.compile(
    r"(BatchDelete|BatchStop|Stop|Delete|Cancel|Terminate|End|Deregister|Release|Abort)(?=[A-Z*?]|$)"
)
# What goes on costing money until somebody ends it. Policies, trails, guardrails and boundaries are not here:
# denying their deletion is protection.
_BILLS = re.compile(
    r"(Throughput|Jobs?|(?<!Stack)Instances?|Endpoints?|Deployments?|Capacity|CapacityReservation|Reservations?|Clusters?|"
    r"Sessions?|Runtimes?|Models?|Workflows?|Executions?|Fleets?|Volumes?|Hosts?|Address|(?<!Vpn)(?<!Internet)(?<!Customer)Gateways?|Indexe?s?|"
    r"Notebooks?|Apps?|Domains?|SpotFleetRequests|SpotInstanceRequests|KnowledgeBases?|(?<!Cidr)Collections?)$"
)


def unknown_names(scope: Scope) -> Iterator[Finding]:
    """Find actions and services that the catalogue does not have."""
    statement = scope.statement
    for name, values in (("Action", statement.actions), ("NotAction", statement.not_actions)):
        for path, value in scope.element(name, values or ()):
            if has_wildcard_service(value) or "${" in value:
                continue
            service = scope.catalogue.service(value.partition(":")[0])
            if service is None:
                yield scope.finding(UNKNOWN_SERVICE, _no_service(value), path, value=value)
            elif not scope.catalogue.expand(value):
                names = [info.name for info in service.actions.values()]
                yield scope.finding(
                    UNKNOWN_ACTION, _no_action(value), path, value=value, remedy=_nearest(value, names)
                )


def _no_service(value: str) -> str:
    return f"No service has the prefix of {value}: this names nothing."


def _no_action(value: str) -> str:
    if has_wildcard(value):
        return f"No action matches {value}."
    return f"There is no action {value}; an API operation may be authorised under another action's name."


def _nearest(value: str, names: list[str]) -> str:
    near = difflib.get_close_matches(value.replace("*", ""), names, n=3, cutoff=0.75)
    return f"Did you mean {' or '.join(near)}?" if near else ""


def grants_by_exclusion(scope: Scope) -> Iterator[Finding]:
    """Find Allow with NotAction where that grants (a boundary and an SCP only bound)."""
    statement = scope.statement
    if (
        statement.effect == "Allow"
        and statement.not_actions
        and scope.document.kind in ("identity", "resource")
    ):
        path = f"$.Statement[{scope.index}].NotAction"
        yield scope.finding(
            ALLOW_NOT_ACTION,
            f"Everything but {few(statement.not_actions)} is granted.",
            path,
            remedy="List what is wanted in Action, or put the exclusion in a Deny.",
        )


def blocks_the_fix(scope: Scope) -> Iterator[Finding]:
    """Find a Deny on ending something that bills while it exists."""
    statement = scope.statement
    if statement.effect != "Deny":
        return
    for path, value in scope.element("Action", statement.actions or ()):
        ends = _ending_actions(scope, value)
        if ends:
            yield scope.finding(
                BLOCKS_THE_FIX,
                f"{few(ends)} cannot be called, so what already runs goes on billing.",
                path,
                value=value,
                remedy="Deny the Create and Start actions; leave the ones that end things allowed.",
            )


def _ending_actions(scope: Scope, pattern: str) -> list[str]:
    """Give the actions of `pattern` that end what bills; a whole service is taken as meant."""
    if has_wildcard_service(pattern) or not pattern.partition(":")[2].strip("*"):
        return []
    return [info.name for info in scope.catalogue.expand(pattern) if ends_billing(info.name)]


def ends_billing(action: str) -> bool:
    """Tell whether an action ends something that costs money while it exists.

    >>> ends_billing("bedrock:DeleteProvisionedModelThroughput"), ends_billing("iam:DeletePolicyVersion")
    (True, False)
    """
    name = action.partition(":")[2]
    return bool(_ENDING.match(name)) and bool(_BILLS.search(name))


CHECKS = (unknown_names, grants_by_exclusion, blocks_the_fix)
