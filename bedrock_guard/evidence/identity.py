"""Who made a call: `userIdentity` of a record, read alike for every kind of caller.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html . No member is
certain to be there: records of AWS services can lack even `type`, those of roles have no `userName`, those of Identity
Center users no `arn`.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from bedrock_guard.evidence.hygiene import as_object, clean
from bedrock_guard.evidence.kinds import flag

_PERMISSION_SET = re.compile(r"AWSReservedSSO_(.+)_[0-9a-f]{16}")
_SESSION_ARN = re.compile(r"arn:[^:]*:sts::[^:]*:(?:assumed-role/[^/]+|federated-user)/(?P<session>.+)")


class Caller(NamedTuple):
    """Who called. Any part may be unknown (None).

    Args:
        principal: what stays the same between sessions: the session issuer's ARN, else the caller's own; for an AWS
            service its name, as policies write it ("ec2.amazonaws.com"); for an account or root its root ARN.
        session: the session's name, which for people is often their mail address; None without a session.
        access_key_id: the id of the key that signed.
        kind: `userIdentity.type` as recorded.
        account_id: the caller's account.
        invoked_by: the AWS service that called on the caller's behalf.
        on_behalf_of: the Identity Center user id behind the session.
        mfa: whether the session was opened with a second factor.
    """

    principal: str | None
    session: str | None
    access_key_id: str | None
    kind: str | None
    account_id: str | None
    invoked_by: str | None
    on_behalf_of: str | None
    mfa: bool | None


def permission_set(role: str) -> str | None:
    """The permission set behind a role that Identity Center made, by the role's name; None for any other role.

    Example:
        >>> permission_set("AWSReservedSSO_AdministratorAccess_0c1d2e3f4a5b6c7d"), permission_set("app")
        ('AdministratorAccess', None)
    """
    found = _PERMISSION_SET.fullmatch(role)
    return found[1] if found else None


def read_caller(identity: Any) -> Caller:
    """The caller that a record's `userIdentity` names.

    Example:
        >>> read_caller({"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/dev/ana",
        ...     "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/team/dev"}}}).principal
        'arn:aws:iam::111122223333:role/team/dev'
        >>> read_caller({"accountId": "111122223333", "invokedBy": "ec2.amazonaws.com"}).principal
        'ec2.amazonaws.com'
        >>> read_caller(None).principal is None
        True
    """
    who = as_object(identity)
    context = as_object(who.get("sessionContext"))
    issuer = as_object(context.get("sessionIssuer"))
    behalf = as_object(who.get("onBehalfOf"))
    arn = clean(who.get("arn"))
    kind = clean(who.get("type"))
    invoked_by = clean(who.get("invokedBy"))
    account = clean(who.get("accountId"))
    return Caller(
        principal=clean(issuer.get("arn")) or arn or _without_arn(who, kind, account, invoked_by),
        session=_session(arn, who, kind),
        access_key_id=clean(who.get("accessKeyId")),
        kind=kind,
        account_id=account,
        invoked_by=invoked_by,
        on_behalf_of=clean(behalf.get("userId")),
        mfa=flag(as_object(context.get("attributes")).get("mfaAuthenticated")),
    )


def _without_arn(
    who: dict[str, Any], kind: str | None, account: str | None, invoked_by: str | None
) -> str | None:
    if kind == "IdentityCenterUser":
        user = clean(as_object(who.get("onBehalfOf")).get("userId"))
        return f"arn:aws:identitystore:::user/{user}" if user else None
    if kind == "IAMUser" and account and (name := clean(who.get("userName"))):
        return f"arn:aws:iam::{account}:user/{name}"
    if kind in ("AWSAccount", "Root") and account:
        return f"arn:aws:iam::{account}:root"
    if kind in (None, "AWSService"):
        return invoked_by
    return clean(who.get("principalId"))


def _session(arn: str | None, who: dict[str, Any], kind: str | None) -> str | None:
    found = _SESSION_ARN.fullmatch(arn or "")
    if found:
        return found["session"]
    if kind in ("AssumedRole", "FederatedUser"):
        return clean((clean(who.get("principalId")) or "").partition(":")[2])
    return clean(who.get("userName")) if kind in ("WebIdentityUser", "SAMLUser") else None


def key_kind(record: dict[str, Any], caller: Caller) -> str:
    """Which kind of Bedrock API key made the call: none, long_term, short_term or unknown.

    The bearer marker stands in `additionalEventData` (bedrock-runtime) or in `requestParameters` (bedrock-mantle,
    Claude Platform), as true or "true". Without a stated type the identity decides as far as it can: a role's session
    holds no long-term key; a short-term key shows the access key that signed it, so a user's call without one was made
    with a long-term key, and one with AKIA... stays unknown: what a long-term key shows there is not documented.

    https://docs.aws.amazon.com/bedrock/latest/userguide/logging-cloudtrail-mantle.html
    """
    places = [as_object(record.get(name)) for name in ("additionalEventData", "requestParameters")]
    markers = [flag(place.get("callWithBearerToken")) for place in places]
    types = [str(place["bearerTokenType"]).upper() for place in places if place.get("bearerTokenType")]
    present = any(place.get("callWithBearerToken") is not None for place in places)
    if True not in markers:
        return "unknown" if present and False not in markers else "none"
    if any(kind in ("LONG_TERM", "ABSK", "LONG-TERM") for kind in types):
        return "long_term"
    if any(kind in ("SHORT_TERM", "SHORT-TERM", "BEDROCK-API-KEY") for kind in types):
        return "short_term"
    return _kind_of_identity(caller)


def _kind_of_identity(caller: Caller) -> str:
    key = caller.access_key_id or ""
    if caller.kind in ("AssumedRole", "FederatedUser", "Root", "WebIdentityUser", "SAMLUser"):
        return "short_term"
    if key.startswith("ASIA"):
        return "short_term"
    long_term = key.startswith("ACCA") or (caller.kind == "IAMUser" and not key)
    return "long_term" if long_term else "unknown"
