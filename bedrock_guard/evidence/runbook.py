"""What to do about a leaked key: the commands filled in, in their order. Nothing here runs them.

Long-term and short-term keys end differently: https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-revoke.html
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
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


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a key was seen: the Regions it called, and whether its user was made for a key and for nothing else."""

    regions: tuple[str, ...] = ()
    phantom: bool = False


def long_term_runbook(
    user: str,
    credential_id: str,
    access_keys: tuple[str, ...] = (),
    *,
    password: bool | None = None,
    reach: Reach = Reach(),
) -> tuple[Step, ...]:
    """Steps for a leaked long-term key, snapshots first, nothing deleted before it was contained.

    Args:
        user: whose key.
        credential_id: the key.
        access_keys: the user's access keys.
        password: whether the user has a console password; None when that is not known.
        reach: where the key was seen.

    Example:
        >>> long_term_runbook("ana", "ACCAEXAMPLE")[1].command
        'aws iam list-service-specific-credentials --user-name ana'
    """
    listing = [
        ("the credentials", "list-service-specific-credentials"),
        ("the user, with its boundary", "get-user"),
        ("attached policies", "list-attached-user-policies"),
        ("inline policies", "list-user-policies"),
        ("groups", "list-groups-for-user"),
        ("access keys", "list-access-keys"),
    ]
    key = ("--service-specific-credential-id", credential_id)
    gone = Step(
        "eradicate",
        "Delete the user, once everything it held is gone: it was made for the key alone.",
        _iam("delete-user", user),
        reversible=False,
    )
    return (
        _DECODE,
        *(Step("snapshot", f"Keep {what} as they are.", _iam(verb, user)) for what, verb in listing),
        _events("Username", user, reach.regions),
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
        *_costs(reach.regions),
        Step(
            "eradicate",
            "Delete the key once everything above is kept and the scope is known.",
            _iam("delete-service-specific-credential", user, *key),
            reversible=False,
        ),
        *((gone,) if reach.phantom else ()),
        *_PREVENT,
    )


def short_term_runbook(
    signer: str, access_key: str, *, now: datetime, reach: Reach = Reach()
) -> tuple[Step, ...]:
    """Steps for leaked short-term keys, by who signed them with which access key.

    An access key of a user (AKIA) is switched off: no condition on a token's time binds it. A session (ASIA) cannot be,
    so every session of its role or user that began before now is denied. Roles of Identity Center take no inline
    policy: there the assignment is removed, or an SCP denies. The root user takes no policy at all.

    Args:
        signer: the ARN of the role, user or root whose credentials signed; empty when it is not known.
        access_key: the id of the access key in the token.
        now: the present moment (UTC).
        reach: where the keys were seen.
    """
    steps = (_DECODE, _events("AccessKeyId", access_key, reach.regions))
    return (*steps, *_contained(signer, access_key, now), *_SCOPE, *_costs(reach.regions), *_PREVENT)


def _contained(signer: str, access_key: str, now: datetime) -> tuple[Step, ...]:
    name = signer.rpartition("/")[2]
    if signer.endswith(":root"):
        what = (
            "Sign in as the root user, delete its access keys, change its password and check its MFA device."
        )
        return (Step("contain", f"{what} No policy of IAM binds it; an SCP binds it in a member account."),)
    if ":user/" in signer and not access_key.startswith("ASIA"):
        why = "Switch off the access key that signed it; a condition on the token's time would not bind."
        return (_switch_off(name, access_key, why),)
    if name.startswith("AWSReservedSSO_"):
        why = "Remove the Identity Center assignment, or deny by an SCP: this role takes no inline policy."
        return (Step("contain", why),)
    before = {"DateLessThan": {"aws:TokenIssueTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}}
    policy = ("--policy-name", _POLICY_NAME, "--policy-document", _deny(before))
    if ":user/" in signer:
        what = "Deny every session of the user that began before now, and switch off the access key that made it."
        return (Step("contain", what, _iam("put-user-policy", name, *policy)),)
    if ":role/" not in signer:
        return (Step("contain", "Find who signed it: the records name no role and no user."),)
    command = shlex.join(["aws", "iam", "put-role-policy", "--role-name", name, *policy])
    return (Step("contain", "Deny every session of the role that began before now.", command),)


def _events(attribute: str, value: str, regions: tuple[str, ...]) -> Step:
    """Keeping the records: event history holds 90 days and is asked Region by Region."""
    pair = shlex.quote(f"AttributeKey={attribute},AttributeValue={value}")
    what = "Keep the records of every Region it called; event history forgets after 90 days."
    return Step(
        "snapshot", what, _everywhere(f"cloudtrail lookup-events --lookup-attributes {pair}", regions)
    )


_RUNNING: Final = {
    "list-provisioned-model-throughputs": "provisioned throughput (a commitment ends on its date only)",
    "list-model-invocation-jobs": "batch jobs",
    "list-model-customization-jobs": "training jobs",
}


def _costs(regions: tuple[str, ...]) -> Iterator[Step]:
    for verb, what in _RUNNING.items():
        text = f"List {what}, and stop what the intruder started."
        yield Step("stop cost", text, _everywhere(f"bedrock {verb}", regions))


def _everywhere(command: str, regions: tuple[str, ...]) -> str:
    """An AWS CLI command (quoted already) in every Region a key called, or in one to be filled in."""
    if len(regions) == 1:
        return f"aws {command} --region {shlex.quote(regions[0])}"
    listed = shlex.join(regions or ("REGION",))
    return f'for region in {listed}; do aws {command} --region "$region"; done'


def _no_password(user: str, known: bool | None) -> Step:  # noqa: FBT001 - three-valued, private
    what = "Remove the console password." if known else "Remove the console password, if there is one."
    return Step("contain", what, _iam("delete-login-profile", user), reversible=False)


def _switch_off(user: str, access_key: str, why: str) -> Step:
    return Step(
        "contain", why, _iam("update-access-key", user, "--access-key-id", access_key, "--status", "Inactive")
    )


_DECODE: Final = Step(
    "decode",
    "Read the key offline: account, user or signing key, latest end. Paste it at the prompt, never as an argument.",
    "bedrock-guard decode",
)
_SCOPE: Final = (
    Step(
        "scope",
        "Read every Region's records: calls with keys, models, refusals, new programs and networks.",
        "bedrock-guard keys --days 90",
    ),
    Step("scope", "Look for further credentials, logging switched off, models opened, commitments."),
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
