"""By what a boundary reaches a caller: on itself, through its permission set, by SCPs alone, or not at all.

A boundary and policies are set on users and roles. A role of Identity Center takes them from its permission set only:
https://docs.aws.amazon.com/singlesignon/latest/userguide/howtocmp.html
SCPs bind neither the management account nor service-linked roles:
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bedrock_guard.evidence.identity import permission_set
from bedrock_guard.evidence.what_if import short_name
from bedrock_guard.present.table import plain

if TYPE_CHECKING:
    from bedrock_guard.boundary.spec import Profile


def reach(arn: str, profile: Profile, management: str | None = None) -> str:
    """What must carry the policies for the answer to hold for this caller, in a sentence.

    Args:
        arn: a user, a role or a session; other texts are said to be unknown.
        profile: whose accounts, break-glass principals and documents count.
        management: the organization's management account, which no SCP binds.

    """
    account, tail = _parts(arn)
    kind, _, name = tail.partition("/")
    if not account:
        return "This is no ARN of a user, role or session: what reaches it is not known."
    if account not in profile.accounts:
        return "The caller's account is not among the profile's: nothing here binds it."
    if _principal(arn) in profile.break_glass:
        return "Never bound (break glass): the answer is what would be, were this caller bound after all."
    if name.startswith("aws-service-role/"):
        return "A service-linked role: only AWS changes it, and no boundary, deny policy or SCP binds it."
    scps = "scp" in profile.documents and account != management
    beside = " SCPs bind it where they are attached." if scps else ""
    if kind == "root":
        return f"The account's root user: no boundary can be set on it.{beside}"
    role = name.partition("/")[0] if kind == "assumed-role" else name.rpartition("/")[2]
    through = permission_set(role)
    if through:
        return (
            f"Reached through its permission set, {plain(through)}, in Identity Center: the boundary is set there, "
            f"as AWS refuses it on the role itself. The answer holds once it is.{beside}"
        )
    holder = f"role {role}" if kind == "assumed-role" else short_name(arn)
    return (
        f"Reached by the boundary on {plain(holder)} itself. The answer holds once a change has set it "
        f"(Apply, Who).{beside}"
    )


def _parts(arn: str) -> tuple[str, str]:
    """The account, and what is named in it; both empty for what is no such ARN."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[2] not in {"iam", "sts"}:
        return "", ""
    return parts[4], parts[5]


def _principal(arn: str) -> str:
    """The role of a session, as far as its ARN tells: a role's path is not in it."""
    head, mark, tail = arn.partition(":assumed-role/")
    return f"{head.replace(':sts:', ':iam:')}:role/{tail.partition('/')[0]}" if mark else arn
