"""The policy of whoever applies plans: no more than the steps, their ways back and their checks need.

Keep it on a role of its own, with a session of an hour and MFA. It can loosen what it has tightened: where two persons
are wanted, give CreatePolicyVersion and SetDefaultPolicyVersion to different roles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

LOOK: Final = (
    "iam:GetAccountAuthorizationDetails", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole", "iam:GetUser",
    "iam:ListAttachedRolePolicies", "iam:ListAttachedUserPolicies", "iam:ListEntitiesForPolicy",
    "iam:ListPolicyVersions", "iam:SimulatePrincipalPolicy", "cloudtrail:LookupEvents",
)  # fmt: skip
OWN: Final = (
    "iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion",
    "iam:SetDefaultPolicyVersion",
)  # fmt: skip
BOUND: Final = (
    "iam:DeleteRolePermissionsBoundary", "iam:DeleteUserPermissionsBoundary", "iam:PutRolePermissionsBoundary",
    "iam:PutUserPermissionsBoundary",
)  # fmt: skip
ATTACH: Final = (
    "iam:AttachRolePolicy", "iam:AttachUserPolicy", "iam:DetachRolePolicy", "iam:DetachUserPolicy",
)  # fmt: skip
ORGANIZATIONS: Final = (
    "organizations:AttachPolicy", "organizations:CreatePolicy", "organizations:DeletePolicy",
    "organizations:DescribeOrganization", "organizations:DescribePolicy", "organizations:DetachPolicy",
    "organizations:ListAccounts", "organizations:ListPolicies", "organizations:ListPoliciesForTarget",
    "organizations:ListTargetsForPolicy",
)  # fmt: skip
GUARDRAILS: Final = (
    "bedrock:CreateGuardrail", "bedrock:CreateGuardrailVersion", "bedrock:DeleteEnforcedGuardrailConfiguration",
    "bedrock:DeleteGuardrail", "bedrock:GetGuardrail", "bedrock:ListEnforcedGuardrailsConfiguration",
    "bedrock:ListGuardrails", "bedrock:PutEnforcedGuardrailConfiguration", "bedrock:UpdateGuardrail",
)  # fmt: skip


def operator_policy(
    account: str,
    *,
    prefix: str = "bedrock-guard-",
    partition: str = "aws",
    protected: Sequence[str] = (),
    former: Sequence[str] = (),
    scps: bool = False,
    guardrails: bool = False,
) -> dict[str, Any]:
    """The operator's policy for one account.

    Args:
        account: the account.
        prefix: how the names of the spec's policies begin.
        partition: of the account.
        protected: ARNs whose boundary it may never touch: break-glass principals, and the operator itself.
        former: boundaries that are not ours and may be replaced; the way back must be able to put them back.
        scps: with what SCPs need, in the management account.
        guardrails: with what the guardrail and its enforcement need.

    Example:
        >>> [s["Sid"] for s in operator_policy("111122223333")["Statement"]]
        ['Look', 'OwnPolicies', 'Boundaries', 'DenyPolicies']
    """
    root = f"arn:{partition}:iam::{account}"
    people = [f"{root}:user/*", f"{root}:role/*"]
    own, denies = f"{root}:policy/{prefix}*", f"{root}:policy/{prefix}deny-*"
    statements = [
        _statement("Look", LOOK),
        _statement("OwnPolicies", OWN, own),
        _statement("Boundaries", BOUND, people, {"iam:PermissionsBoundary": [own, *former]}),
        _statement("DenyPolicies", ATTACH, people, {"iam:PolicyARN": denies}),
    ]
    if scps:
        statements.append(_statement("Scps", ORGANIZATIONS))
    if guardrails:
        statements.append(_statement("Guardrails", GUARDRAILS))
    if protected:
        statements.append(_statement("NeverThese", [*BOUND, *ATTACH], [*protected]) | {"Effect": "Deny"})
    return {"Version": "2012-10-17", "Statement": statements}


def _statement(sid: str, actions: Sequence[str], where: Any = "*", like: Any = None) -> dict[str, Any]:
    made = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": where}
    return made | ({"Condition": {"ArnLike": like}} if like else {})
