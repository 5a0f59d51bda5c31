"""Why a request is decided as it is: the statement, and the pattern, key and value that decided.

Each rule is in `RULES`, with the page of AWS's documentation that states it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bedrock_guard.iam import globs
from bedrock_guard.iam.conditions import CompiledCondition, Facts, texts
from bedrock_guard.iam.decision import Decision, Verdict
from bedrock_guard.iam.model import Statement
from bedrock_guard.iam.statements import CompiledStatement, Layer

_GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
_LOGIC = f"{_GUIDE}reference_policies_evaluation-logic.html"
_BOUNDARIES = f"{_GUIDE}access_policies_boundaries.html"
_CROSS = f"{_GUIDE}reference_policies_evaluation-logic-cross-account.html"
_SCP = "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html"
_RCP = "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html"

# (verdict, layer) -> the rule in one sentence, and the page that states it
RULES: Mapping[tuple[Verdict, Layer | None], tuple[str, str]] = {
    ("allowed", "identity"): ("An identity-based policy allows it, and no layer denies it.", _LOGIC),
    ("allowed", "resource"): (
        "The resource policy names the caller and allows it, and no layer denies it.",
        _LOGIC,
    ),
    ("allowed", None): ("The account root needs no identity-based policy, and no layer denies it.", _LOGIC),
    ("explicitDeny", "identity"): (
        "An explicit Deny in an identity-based policy wins over every Allow.",
        _LOGIC,
    ),
    ("explicitDeny", "boundary"): (
        "An explicit Deny in the permissions boundary wins over every Allow.",
        _BOUNDARIES,
    ),
    ("explicitDeny", "session"): ("An explicit Deny in the session policy wins over every Allow.", _LOGIC),
    ("explicitDeny", "resource"): ("An explicit Deny in the resource policy wins over every Allow.", _LOGIC),
    ("explicitDeny", "scp"): ("An explicit Deny in a service control policy wins over every Allow.", _SCP),
    ("explicitDeny", "rcp"): ("An explicit Deny in a resource control policy wins over every Allow.", _RCP),
    ("implicitDeny", "identity"): ("No identity-based policy allows it; a boundary grants nothing.", _LOGIC),
    ("implicitDeny", "boundary"): ("The permissions boundary does not allow it.", _BOUNDARIES),
    ("implicitDeny", "session"): ("The session policy does not allow it.", _LOGIC),
    ("implicitDeny", "scp"): ("Every level of service control policies must allow; this one does not.", _SCP),
    ("implicitDeny", "resource"): ("The resource policy must allow it too, and does not.", _CROSS),
}


class Finding(NamedTuple):
    """One condition as it was tested.

    `values` are the context's ({} missing is ()), `operand` the policy value that one of them met, `met` the answer.
    """

    operator: str
    key: str
    values: tuple[str, ...]
    operand: str | None
    met: bool


class NearMiss(NamedTuple):
    """A statement that is about the action but did not apply: its place, and what did not fit."""

    layer: Layer
    document: int
    statement: int
    sid: str | None
    failed: str  # "resource", "principal" or "condition"
    finding: Finding | None


class Explanation(NamedTuple):
    """A decision with what led to it.

    `action_pattern` and `resource_pattern` are the policy's patterns that the request fits; None where an element
    of the Not… kind applied because none fits, and for an implicit deny. `near` names, for an implicit deny,
    the statements of the refusing layer that are about the action.
    """

    decision: Decision
    statement: Statement | None
    action_pattern: str | None
    resource_pattern: str | None
    findings: tuple[Finding, ...]
    near: tuple[NearMiss, ...]
    rule: str
    source: str

    def __str__(self) -> str:
        decision = self.decision
        place = "" if decision.layer is None else f" by {decision.layer}"
        if decision.statement is not None:
            place += f" document {decision.document}, statement {decision.sid or decision.statement}"
        tested = "".join(
            f" {one.operator} {one.key}: {', '.join(one.values) or 'missing'}." for one in self.findings
        )
        return f"{decision.verdict}{place}. {self.rule}{tested}"


def explain_decision(
    decision: Decision,
    compiled: CompiledStatement | None,
    action: str,
    resource: str,
    facts: Facts,
    near: Sequence[CompiledStatement],
) -> Explanation:
    """Put together what led to a decision.

    Args:
        decision: as decided.
        compiled: the statement that decided, if one did.
        action: as asked for.
        resource: as asked for.
        facts: the context with its keys in lower case.
        near: the statements to look at for near misses.
    """
    rule, source = RULES[decision.verdict, decision.layer]
    if compiled is None:
        missed = tuple(_near_miss(one, resource, facts) for one in near)
        return Explanation(decision, None, None, None, (), missed, rule, source)
    return Explanation(
        decision,
        compiled.statement,
        action_pattern(compiled.statement, action),
        compiled.resource.pattern_for(resource, facts),
        findings(compiled, facts),
        (),
        rule,
        source,
    )


def action_pattern(statement: Statement, action: str) -> str | None:
    """The pattern of Action that an action fits; None for NotAction."""
    patterns = statement.actions or ()
    if len(patterns) == 1:
        return patterns[0]
    lower = action.lower()
    return next((pattern for pattern in patterns if _fits(pattern.lower(), lower)), None)


def _fits(pattern: str, action: str) -> bool:
    return pattern == action or (globs.has_wildcard(pattern) and globs.match(pattern, action))


def findings(compiled: CompiledStatement, facts: Facts) -> tuple[Finding, ...]:
    """How each condition of a statement was answered."""
    return tuple([_finding(one, facts) for one in compiled.conditions])


def _finding(one: CompiledCondition, facts: Facts) -> Finding:
    condition = one.condition
    return Finding(
        condition.name, condition.key, texts(facts.get(one.keys[0])), one.operand(facts), one.test(facts)
    )


def _near_miss(one: CompiledStatement, resource: str, facts: Facts) -> NearMiss:
    place = (one.layer, one.document, one.index, one.statement.sid)
    if not one.resource.test(resource, facts):
        return NearMiss(*place, "resource", None)
    failed = next((finding for finding in findings(one, facts) if not finding.met), None)
    return NearMiss(*place, "principal" if failed is None else "condition", failed)
