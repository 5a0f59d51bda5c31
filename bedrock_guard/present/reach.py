"""What binds a caller: documents on itself or in its permission set, SCPs alone, or nothing; and what keys it can have.

A boundary and policies are set on users and roles. A role of Identity Center takes them from its permission set only:
https://docs.aws.amazon.com/singlesignon/latest/userguide/howtocmp.html
SCPs bind neither the management account nor service-linked roles:
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
A long-term key is a service-specific credential of an IAM user; a short-term key carries the session that made it:
https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-how.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from bedrock_guard.evidence.identity import permission_set
from bedrock_guard.evidence.what_if import short_name
from bedrock_guard.present.table import plain

if TYPE_CHECKING:
    from bedrock_guard.boundary.packing import Kind, Packed
    from bedrock_guard.boundary.spec import Profile

_AS: Final = {"boundary": "permissions boundary", "deny": "identity-based policy", "scp": "SCP"}


def binding(arn: str, profile: Profile, management: str | None = None) -> tuple[Kind, ...]:
    """The kinds of document that can bind a caller; a text that is no ARN is taken for a role of the account.

    Args:
        arn: a user, a role or a session.
        profile: whose accounts count.
        management: the organization's management account, which no SCP binds.

    """
    account, tail = _parts(arn)
    if account and (account not in profile.accounts or _service_linked(tail)):
        return ()
    above: tuple[Kind, ...] = ("scp",) if not account or account != management else ()
    return above if tail == "root" else ("boundary", "deny", *above)


def no_such_key(arn: str) -> str:
    """Why this caller can have no long-term API key, in a sentence; empty for a user and for a text that is no ARN."""
    _, tail = _parts(arn)
    if not tail or tail.startswith("user/"):
        return ""
    return (
        f"There is no such call: a long-term API key belongs to an IAM user, and {_holder(arn)} is none. "
        "A short-term key can be any user's or role's; choose that, no key, or a user as the caller."
    )


def reach(
    arn: str,
    profile: Profile,
    management: str | None = None,
    documents: Sequence[Packed] = (),
    *,
    carried: bool = True,
) -> str:
    """What must be set or attached for the answer to hold for this caller, in a sentence.

    Args:
        arn: a user, a role or a session; other texts are said to be unknown.
        profile: whose accounts, break-glass principals and documents count.
        management: the organization's management account, which no SCP binds.
        documents: those that the answer rests on; each is named.
        carried: whether the spec lets the caller carry a boundary and deny policies.

    """
    account, tail = _parts(arn)
    if not account:
        return "This is no ARN of a user, role or session: what reaches it is not known."
    if account not in profile.accounts:
        return "The caller's account is not among the profile's: nothing here binds it."
    if _principal(arn) in profile.break_glass:
        return "Never bound (break glass): the answer is what would be, were this caller bound after all."
    if _service_linked(tail):
        return "A service-linked role: only AWS changes it, and no document of the spec binds it."
    own = [one for one in documents if one.kind != "scp"] if tail != "root" else []
    above = [one for one in documents if one.kind == "scp" and account != management]
    first = ""
    if tail == "root":
        first = "The account's root user: no boundary can be set on it, and no policy attached to it."
    elif not carried:
        first = (
            "The spec does not name this caller among its targets: neither the boundary nor an identity-based policy "
            "of it is set on this caller."
        )
    return (
        " ".join(filter(None, (first, _own(arn, own), _above(above, own))))
        or "Nothing here binds this caller."
    )


def _own(arn: str, documents: Sequence[Packed]) -> str:
    if not documents:
        return ""
    it = "both are" if len(documents) == 2 else "all are" if len(documents) > 2 else "that is"
    through = permission_set(_role(arn))
    where = (
        f"{it} set in its permission set, {plain(through)}, in Identity Center, since AWS refuses it on the role itself"
        if through
        else f"{it} set on {_holder(arn)} itself (Apply, Who)"
    )
    return f"The answer rests on {_named(documents)}, and holds once {where}."


def _above(documents: Sequence[Packed], own: Sequence[Packed]) -> str:
    if not documents:
        return ""
    too = " too" if own else ""
    it = "that is" if len(documents) == 1 else "they are"
    return f"The answer rests{too} on {_named(documents)}, and holds once {it} attached to the account or above it."


def _named(documents: Iterable[Packed]) -> str:
    *most, last = (f"{plain(one.name)} ({_AS[one.kind]})" for one in documents)
    return f"{', '.join(most)} and {last}" if most else last


def _holder(arn: str) -> str:
    _, tail = _parts(arn)
    return plain(f"role {_role(arn)}" if tail.startswith("assumed-role/") else short_name(arn))


def _role(arn: str) -> str:
    """The name of a user or a role, of a session's role too."""
    kind, _, name = _parts(arn)[1].partition("/")
    return name.partition("/")[0] if kind == "assumed-role" else name.rpartition("/")[2]


def _service_linked(tail: str) -> bool:
    return tail.partition("/")[2].startswith("aws-service-role/")


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
