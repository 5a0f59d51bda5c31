"""Users and roles of an account with their policies and boundaries, read in one go.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.account.answers import NotAwsAnswer, demanded
from bedrock_guard.account.keys import Caller
from bedrock_guard.account.pages import UnreadableError, answers
from bedrock_guard.evidence.moments import read_time
from bedrock_guard.evidence.tables import PRINCIPALS, Completeness, Provenance

if TYPE_CHECKING:
    import pandas as pd

DETAIL_LISTS: Final = {
    "user": "UserDetailList",
    "role": "RoleDetailList",
    "group": "GroupDetailList",
    "policy": "Policies",
}
DETAIL_FILTER: Final = ("User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy")

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PrincipalPolicies:
    """What a principal may do, as documents.

    Args:
        identity: policies by name: managed ones by ARN, inline ones as "inline:name", a group's as "group/name: ...".
        boundary_arn: the ARN of the permissions boundary; None without one.
        boundary: its document; None without one, or when it could not be read (see `missing`).
        trust: a role's trust policy.
        missing: ARNs of attached policies whose documents were not among those read.
    """

    identity: Mapping[str, Document]
    boundary_arn: str | None = None
    boundary: Document | None = None
    trust: Document | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Principals:
    """The principals table and, by ARN, the documents behind it."""

    table: pd.DataFrame
    policies: Mapping[str, PrincipalPolicies]


@dataclass(slots=True)
class _Details:
    users: list[Mapping[str, Any]] = field(default_factory=list)
    roles: list[Mapping[str, Any]] = field(default_factory=list)
    groups: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    completeness: Completeness = "complete"
    why: str = ""


def read_principals(account: Caller, calls: pd.DataFrame | None = None) -> Principals:
    """Every user and role, with boundary, policies and last activity.

    Args:
        account: whose.
        calls: the trail table; with it the last activity is the later of IAM's and the records'.

    Example:
        >>> from bedrock_guard.account.session import Account
        >>> read_principals(Account.demo()).table[["arn", "boundary_arn"]]   # doctest: +SKIP
    """
    details = _read(account.client("iam"))
    seen = _last_seen(calls)
    both = [("user", item) for item in details.users] + [("role", item) for item in details.roles]
    policies = {str(item["Arn"]): _policies(item, kind, details) for kind, item in both}
    rows = [_row(item, kind, policies[str(item["Arn"])], seen) for kind, item in both]
    proof = Provenance(
        source="IAM GetAccountAuthorizationDetails",
        asked_at=account.now,
        completeness=details.completeness,
        why=details.why,
    )
    return Principals(PRINCIPALS.frame(rows, proof), policies)


def _read(iam: Any) -> _Details:
    details = _Details()
    read = 0
    try:
        for answer in answers(iam, "get_account_authorization_details", Filter=list(DETAIL_FILTER)):
            _take(answer, details)
            read += 1
    except (UnreadableError, NotAwsAnswer) as error:
        details.completeness = "floor" if read else "unknown"
        details.why = error.what
    return details


def _take(answer: Mapping[str, Any], details: _Details) -> None:
    """One page; IAM sends every list on every page, empty ones too."""
    details.users += demanded(answer, DETAIL_LISTS["user"])
    details.roles += demanded(answer, DETAIL_LISTS["role"])
    details.groups |= {str(group["GroupName"]): group for group in answer.get(DETAIL_LISTS["group"], ())}
    for policy in answer.get(DETAIL_LISTS["policy"], ()):
        default = [v for v in policy.get("PolicyVersionList", ()) if v.get("IsDefaultVersion")]
        if default and isinstance(default[0].get("Document"), Mapping):
            details.documents[str(policy["Arn"])] = default[0]["Document"]


def _policies(item: Mapping[str, Any], kind: str, details: _Details) -> PrincipalPolicies:
    identity: dict[str, Document] = {}
    missing: list[str] = []
    _add(identity, missing, item, details.documents, f"{kind.capitalize()}PolicyList", "")
    for name in item.get("GroupList", ()):
        group = details.groups.get(name)
        if group is None:
            missing.append(f"group/{name}")
        else:
            _add(identity, missing, group, details.documents, "GroupPolicyList", f"group/{name}: ")
    boundary = (item.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    document = details.documents.get(boundary) if boundary else None
    if boundary and document is None:
        missing.append(boundary)
    return PrincipalPolicies(
        identity, boundary, document, item.get("AssumeRolePolicyDocument"), tuple(missing)
    )


def _add(
    identity: dict[str, Document],
    missing: list[str],
    holder: Mapping[str, Any],
    documents: Mapping[str, Document],
    inline: str,
    prefix: str,
) -> None:
    for policy in holder.get(inline, ()):
        identity[f"{prefix}inline:{policy['PolicyName']}"] = policy["PolicyDocument"]
    for attached in holder.get("AttachedManagedPolicies", ()):
        arn = str(attached["PolicyArn"])
        if arn in documents:
            identity[f"{prefix}{arn}"] = documents[arn]
        else:
            missing.append(arn)


def _last_seen(calls: pd.DataFrame | None) -> Mapping[str, datetime]:
    if calls is None or not len(calls):
        return {}
    latest = calls.dropna(subset=["principal"]).groupby("principal")["event_time"].max()
    return {str(principal): moment.to_pydatetime() for principal, moment in latest.items()}


def _row(
    item: Mapping[str, Any], kind: str, policies: PrincipalPolicies, seen: Mapping[str, datetime]
) -> dict[str, Any]:
    arn = str(item["Arn"])
    used = read_time((item.get("RoleLastUsed") or {}).get("LastUsedDate")) or read_time(
        item.get("PasswordLastUsed")
    )
    return {
        "arn": arn,
        "kind": kind,
        "boundary_arn": policies.boundary_arn,
        "attached_policies": [*policies.identity, *_unread(policies)],
        "last_activity": max(_known((used, seen.get(arn))), default=None),
    }


def _unread(policies: PrincipalPolicies) -> list[str]:
    return [arn for arn in policies.missing if arn != policies.boundary_arn]


def _known(moments: Iterable[datetime | None]) -> list[datetime]:
    return [moment for moment in moments if moment is not None]
