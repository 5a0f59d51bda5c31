"""What to do about a leaked key: the commands filled in, in their order. Nothing here runs them.

Long-term and short-term keys end differently: https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-revoke.html
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

_DENIED: Final = ("bedrock:*", "bedrock-mantle:*")
_POLICY_NAME: Final = "leaked-key-deny"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it is for, and the command a person runs; no command where it is done by hand."""

    phase: str
    what: str
    command: str = ""
    reversible: bool = True


def long_term_runbook(
    user: str, credential_id: str, access_keys: tuple[str, ...] = (), *, password: bool | None = None
) -> tuple[Step, ...]:
    """Steps for a leaked long-term key, snapshots first, nothing deleted before it was contained.

    Args:
        user: whose key.
        credential_id: the key.
        access_keys: the user's access keys.
        password: whether the user has a console password; None when that is not known.

    Example:
        >>> long_term_runbook("ana", "ACCAEXAMPLE")[0].command
        'aws iam list-service-specific-credentials --user-name ana'
    """
    listing = [
        ("the credentials", "list-service-specific-credentials"),
        ("attached policies", "list-attached-user-policies"),
        ("inline policies", "list-user-policies"),
        ("groups", "list-groups-for-user"),
        ("access keys", "list-access-keys"),
    ]
    key = ("--service-specific-credential-id", credential_id)
    return (
        *(Step("snapshot", f"Keep {what} as they are.", _iam(verb, user)) for what, verb in listing),
        Step(
            "contain",
            "Switch the key off; it can be switched on again.",
            _iam("update-service-specific-credential", user, *key, "--status", "Inactive"),
        ),
        Step(
            "contain",
            "Deny both endpoints to the user, whatever other credentials it has.",
            _iam("put-user-policy", user, "--policy-name", _POLICY_NAME, "--policy-document", _deny()),
        ),
        *(_switch_off(user, access_key, "Switch off the user's access key.") for access_key in access_keys),
        *(() if password is False else (_no_password(user, password),)),
        *_SCOPE,
        Step(
            "eradicate",
            "Delete the key once everything above is kept and the scope is known.",
            _iam("delete-service-specific-credential", user, *key),
            reversible=False,
        ),
        *_PREVENT,
    )


def short_term_runbook(
    role: str | None = None, access_key: str | None = None, user: str | None = None, *, now: datetime
) -> tuple[Step, ...]:
    """Steps for a leaked short-term key: by the role whose session signed it, or by the access key that did.

    Roles of Identity Center take no inline policy: there the assignment is removed, or an SCP denies.
    """
    if access_key:
        why = "Switch off the access key that signed it; a condition on the token's time would not bind."
        return (_switch_off(user or "USER", access_key, why), *_SCOPE, *_PREVENT)
    if role and role.startswith("AWSReservedSSO_"):
        why = "Remove the Identity Center assignment, or deny by an SCP: this role takes no inline policy."
        return (Step("contain", why), *_SCOPE, *_PREVENT)
    before = {"DateLessThan": {"aws:TokenIssueTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}}
    words = ["aws", "iam", "put-role-policy", "--role-name", role or "ROLE", "--policy-name", _POLICY_NAME]
    command = shlex.join([*words, "--policy-document", _deny(before)])
    return (
        Step("contain", "Deny every session of the role that began before now.", command),
        *_SCOPE,
        *_PREVENT,
    )


def _no_password(user: str, known: bool | None) -> Step:  # noqa: FBT001 - three-valued, private
    what = "Remove the console password." if known else "Remove the console password, if there is one."
    return Step("contain", what, _iam("delete-login-profile", user), reversible=False)


def _switch_off(user: str, access_key: str, why: str) -> Step:
    return Step(
        "contain", why, _iam("update-access-key", user, "--access-key-id", access_key, "--status", "Inactive")
    )


_SCOPE: Final = (
    Step(
        "scope", "Read every Region's records: calls with keys, models, refusals, new programs and networks."
    ),
    Step("scope", "Look for further credentials, logging switched off, models opened, commitments."),
    Step("stop cost", "Stop jobs, provisioned throughput and endpoints that the intruder started."),
)
_PREVENT: Final = (
    Step("prevent", "Deny CallWithBearerToken on both endpoints to whoever does not need it."),
    Step(
        "prevent",
        "Record read events and mantle's data events, log invocations in every Region, set a cost alarm.",
    ),
)


def _iam(verb: str, user: str, *more: str) -> str:
    return shlex.join(["aws", "iam", verb, "--user-name", user, *more])


def _deny(condition: dict[str, dict[str, str]] | None = None) -> str:
    statement: dict[str, object] = {"Effect": "Deny", "Action": list(_DENIED), "Resource": "*"}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
