"""Lint of a document as a whole: what its kind cannot do, and its size."""

from __future__ import annotations

from collections.abc import Iterator

from bedrock_guard.iam.lint_model import Finding, Rule, Scope, user_guide
from bedrock_guard.iam.model import Document, Kind
from bedrock_guard.iam.quotas import counted, quota

DENY_ONLY_BOUNDARY = Rule(
    "deny-only-boundary",
    "error",
    "A permissions boundary or session policy without an Allow permits nothing at all.",
    user_guide("access_policies_boundaries"),
)
RCP_ALLOW = Rule(
    "rcp-allow",
    "error",
    "A resource control policy of one's own may hold only Deny; RCPFullAWSAccess is always attached.",
    "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html",
)
NOT_PRINCIPAL_DENY = Rule(
    "not-principal-deny",
    "warning",
    "NotPrincipal with Deny always denies a principal that has a permissions boundary.",
    user_guide("access_policies_boundaries"),
)
OVER_QUOTA = Rule(
    "over-quota",
    "error",
    "AWS refuses a document that is longer than its kind's quota.",
    user_guide("reference_iam-quotas"),
)
NEAR_QUOTA = Rule(
    "near-quota",
    "note",
    "Little room is left in the document.",
    user_guide("reference_iam-quotas"),
)
RULES = (DENY_ONLY_BOUNDARY, RCP_ALLOW, NOT_PRINCIPAL_DENY, OVER_QUOTA, NEAR_QUOTA)
_NEAR = 0.95


def check(document: Document) -> Iterator[Finding]:
    """Find what is wrong with the document as a whole."""
    yield from _deny_only(document)
    yield from _size(document)


def _deny_only(document: Document) -> Iterator[Finding]:
    effects = {statement.effect for statement in document.statements}
    if document.kind in ("boundary", "session") and "Allow" not in effects:
        kind = "boundary" if document.kind == "boundary" else "session policy"
        yield Finding(
            DENY_ONLY_BOUNDARY,
            f"This {kind} allows nothing, so whoever has it can do nothing.",
            "$.Statement",
            remedy='Add {"Effect": "Allow", "Action": "*", "Resource": "*"}: the Deny statements still win.',
        )


def _size(document: Document) -> Iterator[Finding]:
    target = _TARGETS.get(document.kind)
    if target is None:
        return
    size, limit = counted(document, target), quota(target).characters
    if size > limit:
        yield Finding(OVER_QUOTA, f"{size} characters; {target} takes {limit}.", "$", value=str(size))
    elif size > _NEAR * limit:
        yield Finding(NEAR_QUOTA, f"{size} of {limit} characters are used.", "$", value=str(size))


_TARGETS: dict[Kind, str] = {
    "identity": "managed",
    "boundary": "managed",
    "scp": "scp",
    "rcp": "rcp",
    "session": "session",
    "trust": "trust",
}


def rcp_allow(scope: Scope) -> Iterator[Finding]:
    """Find an Allow in a resource control policy."""
    if scope.document.kind == "rcp" and scope.statement.effect == "Allow":
        path = f"$.Statement[{scope.index}].Effect"
        yield scope.finding(RCP_ALLOW, "Organizations refuses this statement.", path, value="Allow")


def not_principal_deny(scope: Scope) -> Iterator[Finding]:
    """Find NotPrincipal with Deny."""
    if scope.statement.effect == "Deny" and scope.statement.not_principals is not None:
        path = f"$.Statement[{scope.index}].NotPrincipal"
        message = "The principals that it names are denied all the same if they have a boundary."
        remedy = "Use Principal * with ArnNotEquals on aws:PrincipalArn."
        yield scope.finding(NOT_PRINCIPAL_DENY, message, path, remedy=remedy)


STATEMENT_CHECKS = (rcp_allow, not_principal_deny)
