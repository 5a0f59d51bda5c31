"""Rules about keys and the users that consoles make for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.evidence.caller_names import short, who
from bedrock_guard.evidence.denials import LAYER_WORDS
from bedrock_guard.evidence.finding import (
    Evidence,
    Finding,
    Rule,
    Severity,
    Thresholds,
    is_bedrock_call,
    json_of,
    of_event,
    of_events,
    succeeded,
)
from bedrock_guard.evidence.key_facts import PHANTOM_PREFIXES, SERVICES
from bedrock_guard.evidence.keys import credential_events
from bedrock_guard.evidence.tables import provenance_of

if TYPE_CHECKING:
    import pandas as pd

IAM: Final = "iam.amazonaws.com"
_CREATE: Final = "CreateServiceSpecificCredential"
_LIMITED: Final = ("policy/AmazonBedrockLimitedAccess",)


def key_created(evidence: Evidence, limits: Thresholds) -> Iterator[Finding]:
    """A long-term key for models was created; grave when no end was asked for, or one in a hundred years.

    True: CreateServiceSpecificCredential for bedrock.amazonaws.com succeeded. False: the same for CodeCommit.
    """
    for _index, event in succeeded(evidence.calls, _CREATE, source=IAM).iterrows():
        asked = json_of(event["parameters"])
        made = json_of(event["outcome"]).get("serviceSpecificCredential", {})
        service = asked.get("serviceName") or made.get("serviceName")
        if service not in SERVICES:
            continue
        days, until = asked.get("credentialAgeDays"), made.get("expirationDate")
        user = asked.get("userName") or made.get("userName") or "unknown"
        endless = (days is None and until is None) or (days is not None and days > limits.endless_days)
        yield of_event(
            "key_created",
            "high" if endless else "medium",
            f"{who(event)} created a key {_term(days, until, limits)} for {user}.",
            user,
            evidence.calls,
            event,
            service=service,
            days=days,
            credential_id=made.get("serviceSpecificCredentialId"),
        )


def _term(days: int | None, until: Any, limits: Thresholds) -> str:
    """How long a key lives: the days that were asked for, else the end that IAM answered."""
    if days is None:
        return "that never expires" if until is None else f"until {until}"
    forever = ", in practice for ever," if days > limits.endless_days else ""
    return f"for {days:,} days{forever}"


def key_creation_refused(evidence: Evidence, _: Thresholds) -> Iterator[Finding]:
    """Somebody tried to create a key and was refused.

    A refused IAM call has no parameters, so the target is read from the message. True: a denied
    CreateServiceSpecificCredential. False: one that failed because the user has two keys already.
    """
    calls = evidence.calls
    tried = calls[(calls["service"] == IAM) & (calls["operation"] == _CREATE) & calls["denied_by"].notna()]
    for _index, event in tried.iterrows():
        target = event["denied_resource"] if isinstance(event["denied_resource"], str) else "unknown"
        yield of_event(
            "key_creation_refused",
            "medium",
            f"{who(event)} tried to create a key and was refused by {LAYER_WORDS[str(event['denied_by'])]}.",
            target,
            calls,
            event,
            denied_by=event["denied_by"],
        )


def key_changed(evidence: Evidence, _: Thresholds) -> Iterator[Finding]:
    """A key got a new secret, or was switched on again.

    True: ResetServiceSpecificCredential, or Update with the status Active. False: Update with Inactive, or Delete.
    """
    for _index, event in credential_events(evidence.calls).iterrows():
        operation, status = str(event["operation"]), json_of(event["parameters"]).get("status")
        if operation == "ResetServiceSpecificCredential":
            done = "gave a key a new secret"
        elif operation == "UpdateServiceSpecificCredential" and status == "Active":
            done = "switched a key on"
        else:
            continue
        subject = (
            event["target_user"] if isinstance(event["target_user"], str) else str(event["credential_id"])
        )
        yield of_event(
            "key_changed",
            "medium",
            f"{who(event)} {done}: {event['credential_id']}.",
            subject,
            evidence.calls,
            event,
        )


def key_never_expires(evidence: Evidence, limits: Thresholds) -> Iterator[Finding]:
    """A key that can be used has no end, or one so late that it is none.

    True: an active key without ExpirationDate, or with one in a hundred years. False: an inactive one, or one whose
    state could not be read.
    """
    for row in _active(evidence):
        end = row["expires"]
        if row["never_expires"] is True:
            title = f"The key of {row['user']} never expires."
        elif end is not None and end - evidence.now > timedelta(days=limits.endless_days):
            title = f"The key of {row['user']} ends on {end:%Y-%m-%d} only: in practice it never expires."
        else:
            continue
        yield _of_key("key_never_expires", "high", title, row, evidence)


def key_over_age(evidence: Evidence, limits: Thresholds) -> Iterator[Finding]:
    """A usable key's secret is older than the threshold; a reset makes a secret young again.

    True: created 91 days ago, threshold 90. False: created a year ago, reset yesterday.
    """
    for row in _active(evidence):
        since = row["secret_since"]
        if since is None:
            continue
        age = (evidence.now - since).days
        if age > limits.key_age_days:
            title = f"The secret of {row['user']}'s key is {age} days old."
            yield _of_key("key_over_age", "medium", title, row, evidence, {"age_days": age})


def keys_unreadable(evidence: Evidence, _: Thresholds) -> Iterator[Finding]:
    """Keys may exist that could not be listed.

    True: a user whose credentials were refused. False: a user without credentials.
    """
    if evidence.keys is None:
        return
    for row in _rows(evidence.keys[evidence.keys["status"] == "unreadable"]):
        title = f"The keys of {row['user']} could not be read: whether there are any is not known."
        yield _of_key("keys_unreadable", "medium", title, row, evidence)


def phantom_credentials(evidence: Evidence, _: Thresholds) -> Iterator[Finding]:
    """A user made for a key was given something else: an access key, a password, a group or a further policy.

    No console workflow does that. True: CreateAccessKey on BedrockAPIKey-ab12, also when refused. False:
    AttachUserPolicy of AmazonBedrockLimitedAccess, which the console does.
    """
    for event, done, what, target in credentials_added(evidence.calls):
        if not target.startswith(PHANTOM_PREFIXES):
            continue
        asked = json_of(event["parameters"])
        yield of_event(
            "phantom_credentials",
            "high" if done == "added" else "medium",
            f"{who(event)} {done} {what} to {target}, a user made for a key.",
            target,
            evidence.calls,
            event,
            operation=event["operation"],
            policy=asked.get("policyArn") or asked.get("policyName"),
        )


def credentials_added(
    calls: pd.DataFrame, users: Iterable[str] | None = None
) -> Iterator[tuple[pd.Series[Any], str, str, str]]:
    """What was added to users beside keys for models, oldest first: event, "added" or "tried to add", what, the user.

    The policy that the console gives to a key's user is no addition. `users` None means all.
    """
    wanted = None if users is None else set(users)
    events = calls[(calls["service"] == IAM) & calls["operation"].isin(list(_ADDED))]
    for _index, event in events.sort_values("event_time").iterrows():
        asked, target = json_of(event["parameters"]), _target(event)
        if str(asked.get("policyArn", "")).endswith(_LIMITED) or (
            wanted is not None and target not in wanted
        ):
            continue
        if event["operation"] == _CREATE and asked.get("serviceName") in (None, *SERVICES):
            continue
        done = "tried to add" if isinstance(event["error_code"], str) else "added"
        yield event, done, _ADDED[str(event["operation"])], target


def _target(event: pd.Series[Any]) -> str:
    """The user that an IAM call is about: as asked, answered or refused; else whoever made a call that went through.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html : UserName defaults to the caller.
    """
    answered = [
        value.get("userName") for value in json_of(event["outcome"]).values() if isinstance(value, dict)
    ]
    refused = event["denied_resource"] if isinstance(event["denied_resource"], str) else ""
    named = [
        json_of(event["parameters"]).get("userName"),
        *answered,
        refused.rpartition("/")[2].rpartition(" ")[2],
    ]
    caller = str(event["principal"])
    own = short(caller) if ":user/" in caller and not isinstance(event["error_code"], str) else ""
    return next((str(name) for name in named if name), own)


_ADDED: Final = {
    "CreateAccessKey": "an access key",
    "CreateLoginProfile": "a console password",
    "UpdateLoginProfile": "a new console password",
    "AttachUserPolicy": "a policy",
    "PutUserPolicy": "an inline policy",
    "AddUserToGroup": "a group",
    "UploadSSHPublicKey": "an SSH key",
    "UploadSigningCertificate": "a signing certificate",
    "CreateServiceSpecificCredential": "a credential of another service",
}


def phantom_elsewhere(evidence: Evidence, _: Thresholds) -> Iterator[Finding]:
    """A user made for a key called a service that its key cannot reach: it must hold another credential.

    True: BedrockAPIKey-ab12 calls sts:GetCallerIdentity. False: it calls Bedrock.
    """
    calls = evidence.calls
    phantoms = {p for p in calls["principal"].dropna().unique() if short(p).startswith(PHANTOM_PREFIXES)}
    outside = calls[calls["principal"].isin(list(phantoms)) & ~is_bedrock_call(calls)]
    for principal, events in outside.groupby("principal"):
        services = ", ".join(sorted({str(source).partition(".")[0] for source in events["service"]}))
        events.attrs = calls.attrs
        title = f"{short(principal)}, a user made for a key, called {services}."
        yield of_events("phantom_elsewhere", "high", title, short(principal), events)


def phantom_orphans(evidence: Evidence, _: Thresholds) -> Iterator[Finding]:
    """A user made for a key has nothing left; the word is used only when everything was readable and empty.

    True: every check of `evidence.phantoms` is empty. False: one of them could not be read.
    """
    for phantom in evidence.phantoms:
        if phantom.verdict == "orphan":
            yield Finding(
                rule="phantom_orphans",
                severity="low",
                title=f"{phantom.user} is an orphan: every credential is gone and nothing was called.",
                subject=phantom.user,
                facts={check.what: check.found for check in phantom.checks},
            )


def _active(evidence: Evidence) -> Iterator[dict[str, Any]]:
    if evidence.keys is not None:
        yield from _rows(evidence.keys[evidence.keys["status"] == "active"])


def _rows(keys: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Rows with None for whatever is NA."""
    for record in keys.to_dict("records"):
        yield {str(name): None if _is_na(value) else value for name, value in record.items()}


def _is_na(value: Any) -> bool:
    import pandas as pd

    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _of_key(
    rule: str,
    severity: Severity,
    title: str,
    row: dict[str, Any],
    evidence: Evidence,
    facts: dict[str, Any] | None = None,
) -> Finding:
    proof = provenance_of(evidence.keys) if evidence.keys is not None else None
    event = row.get("creator_event")
    return Finding(
        rule=rule,
        severity=severity,
        title=title,
        subject=str(row["user"]),
        account_id=row.get("account_id"),
        first_seen=row.get("created"),
        last_seen=row.get("last_used"),
        evidence=(event,) if event else (),
        evidence_count=1 if event else 0,
        completeness=proof.completeness if proof else "unknown",
        why=proof.why if proof else "",
        facts={"credential_id": row.get("credential_id"), "creator": row.get("creator"), **(facts or {})},
    )


RULES: Final[tuple[Rule, ...]] = (
    key_created,
    key_creation_refused,
    key_changed,
    key_never_expires,
    key_over_age,
    keys_unreadable,
    phantom_credentials,
    phantom_elsewhere,
    phantom_orphans,
)
