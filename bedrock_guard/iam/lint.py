"""Find the mistakes that a policy document can hold.

>>> from bedrock_guard.iam.model import Document, Statement
>>> deny = Statement(None, "Deny", actions=("s3:*",), resources=("*",))
>>> [finding.rule.id for finding in lint(Document("boundary", "2012-10-17", (deny,)))]
['deny-only-boundary']
"""

from __future__ import annotations

from collections.abc import Iterator

from bedrock_guard.iam import lint_actions, lint_conditions, lint_document, lint_presence, lint_resources
from bedrock_guard.iam.catalogue import ActionCatalogue
from bedrock_guard.iam.lint_model import Check, Finding, Rule, Scope, Severity
from bedrock_guard.iam.model import Document

__all__ = ["RULES", "Finding", "Rule", "Severity", "lint"]

_MODULES = (lint_document, lint_actions, lint_resources, lint_conditions, lint_presence)
_CHECKS: tuple[Check, ...] = (
    *lint_actions.CHECKS,
    *lint_resources.CHECKS,
    *lint_conditions.CHECKS,
    *lint_presence.CHECKS,
    *lint_document.STATEMENT_CHECKS,
)
RULES: dict[str, Rule] = {rule.id: rule for module in _MODULES for rule in module.RULES}
_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


def lint(document: Document, catalogue: ActionCatalogue | None = None) -> tuple[Finding, ...]:
    """Give every finding, errors first, then in the document's order.

    Args:
        document: as `document.read` gives it; what is looked for depends on its kind.
        catalogue: which actions and keys exist; None is `ActionCatalogue.shipped()`.
    """
    known = catalogue or ActionCatalogue.shipped()
    findings = [*lint_document.check(document), *_statement_findings(document, known)]
    return tuple(sorted(findings, key=lambda finding: _ORDER[finding.severity]))


def _statement_findings(document: Document, catalogue: ActionCatalogue) -> Iterator[Finding]:
    for index in range(len(document.statements)):
        scope = Scope(document, catalogue, index)
        for check in _CHECKS:
            yield from check(scope)
