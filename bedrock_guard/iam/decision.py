"""What a decision is: verdict, layer, document, statement; and what is disputed about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bedrock_guard.iam import conditions
from bedrock_guard.iam.principals import UNLISTED_PARENT
from bedrock_guard.iam.statements import CompiledStatement, Layer

Verdict = Literal["allowed", "implicitDeny", "explicitDeny"]
VERDICTS: tuple[Verdict, ...] = ("allowed", "implicitDeny", "explicitDeny")

_GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
_OPERATORS = f"{_GUIDE}reference_policies_elements_condition_operators.html"
_MULTIVALUED = f"{_GUIDE}reference_policies_condition-single-vs-multi-valued-context-keys.html"
RULE_SOURCES = {
    conditions.MULTIVALUED_WITHOUT_SET: _MULTIVALUED,
    conditions.ANY_VALUE_IF_EXISTS: _OPERATORS,
    conditions.ALL_VALUES_EMPTY_TEXT: _MULTIVALUED,
    conditions.ARN_NOT_ARN: _OPERATORS,
    conditions.BOOL_VARIABLE: f"{_GUIDE}reference_policies_variables.html",
    UNLISTED_PARENT: f"{_GUIDE}reference_policies_elements_notprincipal.html",
}


@dataclass(frozen=True, slots=True)
class Dispute:
    """A rule on which documentation and observation differ, and the verdict by the other reading."""

    rule: str
    verdict: Verdict
    source: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one request.

    `layer`, `document` (its place among the layer's documents, counted from 0 over all levels), `statement`
    (its place in that document) and `sid` name what decided; for an implicit deny `layer` is the first layer
    that allows nothing, and there is no statement. `level` counts SCP and RCP levels from the root, from 0.
    `disputed` is set where another reading of AWS's rules gives another verdict.
    """

    verdict: Verdict
    layer: Layer | None = None
    document: int | None = None
    statement: int | None = None
    sid: str | None = None
    level: int | None = None
    disputed: Dispute | None = None

    @property
    def allowed(self) -> bool:
        """Whether the request is allowed."""
        return self.verdict == "allowed"


def by_statement(compiled: CompiledStatement) -> Decision:
    """The decision that a statement makes when it applies."""
    verdict: Verdict = "allowed" if compiled.statement.effect == "Allow" else "explicitDeny"
    place = (compiled.layer, compiled.document, compiled.index, compiled.statement.sid, compiled.level)
    return Decision(verdict, *place)
