"""Which layers bind a caller, and whether the resource is another account's.

Sources: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html (every principal of
member accounts, root included; neither the management account nor service-linked roles),
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html (no resource of the management
account, no service-linked role), https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
(users and roles).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from bedrock_guard.iam.principals import Principal, principal_of
from bedrock_guard.iam.statements import Layer


@dataclass(frozen=True, slots=True)
class Regime:
    """Which layers bind a caller. `everything` is the account root: it needs no identity policy."""

    identity: bool = True
    scp: bool = True
    rcp: bool = True
    boundary: bool = True
    session: bool = True
    everything: bool = False

    def binds(self, layer: Layer) -> bool:
        """Whether a layer's statements count for this caller."""
        return layer == "resource" or bool(getattr(self, layer))


MEMBER = Regime()


def caller_of(principal: str | Principal | None) -> Principal | None:
    """The principal that a caller of the evaluator means; None is an ordinary one of the resource's account."""
    return principal_of(principal) if isinstance(principal, str) else principal


@lru_cache(maxsize=8192)
def regime_of(caller: Principal | None, owner: str | None) -> Regime:
    """Which layers bind a caller that asks for a resource of account `owner`."""
    if caller is None:
        return MEMBER
    if caller.is_outsider:
        return Regime(identity=False, scp=False, boundary=False, session=False)
    linked = caller.is_service_linked_role
    root = caller.kind == "root"
    at_management = caller.in_management_account and owner == caller.account
    return Regime(
        identity=not root,
        scp=not (caller.in_management_account or linked),
        rcp=not (at_management or linked),
        boundary=not root,
        session=not root,
        everything=root,
    )


def crosses(caller: Principal | None, resource: str, resource_account: str | None) -> tuple[str | None, bool]:
    """The account that owns the resource, and whether the caller comes from another."""
    if caller is None or caller.is_outsider:
        return resource_account or account_of(resource), caller is not None
    owner = resource_account or account_of(resource) or caller.account
    return owner, owner != caller.account


def account_of(resource: str) -> str | None:
    """The 12-digit account in an ARN, None if it has none.

    Example:
        >>> account_of("arn:aws:sqs:us-east-1:111122223333:q"), account_of("arn:aws:s3:::b")
        ('111122223333', None)
    """
    parts = resource.split(":", 5)
    account = parts[4] if len(parts) == 6 and parts[0] == "arn" else ""
    return account if len(account) == 12 and account.isdigit() else None


def must_allow(action: str, *, trust: bool) -> bool:
    """Whether the resource policy must allow even within the account: a role's trust policy, a KMS key's policy.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
    """
    return trust or action.lower().startswith(
        ("kms:", "sts:assumerole", "sts:tagsession", "sts:setsourceidentity")
    )
