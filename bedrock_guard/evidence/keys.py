"""The keys table: what IAM lists, what the trail adds (creator, resets, last use), what cannot be known.

A service-specific credential has no last-used field and no creator; both are put together here, each with its source.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.evidence.key_facts import Credential, UserFacts
from bedrock_guard.evidence.model_ids import at
from bedrock_guard.evidence.tables import KEYS, Provenance, Table, column, provenance_of

if TYPE_CHECKING:
    import pandas as pd

KEY_TABLE: Final = Table(
    "keys",
    {
        **KEYS.columns,
        "account_id": "string",
        "user_arn": "string",
        "never_expires": "boolean",
        "secret_since": "datetime64[us, UTC]",
        "resets": "Int64",
        "creator_event": "string",
    },
)
"""KEYS and: `never_expires` (NA where unreadable), `secret_since` (a reset gives a new secret under the old id),
`resets` seen in the records, and the event id that proves the creator."""

_SOURCE: Final = "iam.amazonaws.com"
_CREATED: Final = ("serviceSpecificCredential", "serviceSpecificCredentialId")


@dataclass(frozen=True, slots=True)
class LastUse:
    """When something was last used and by which source; `at` None with a source means "not within its reach".

    `services` holds every service that the source has a use of, with its date; None when the source was not read.
    """

    at: datetime | None
    source: str
    services: tuple[tuple[str, datetime], ...] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Creator:
    """Who created a credential, as far as the records tell; `completeness` is "known" or says why it is not."""

    who: str | None
    completeness: str
    event_id: str | None = None


def keys_table(
    credentials: Iterable[Credential],
    users: Mapping[str, UserFacts],
    calls: pd.DataFrame | None,
    advisor: Mapping[str, LastUse],
    *,
    account_id: str | None,
    provenance: Provenance,
) -> pd.DataFrame:
    """One row per key for Bedrock or Claude Platform, unreadable rows among them.

    Args:
        credentials: what IAM lists, of any service; others than model keys are left out.
        users: facts of the users by name.
        calls: the trail table, or None when no records were read.
        advisor: last use by user name, from IAM's access advisor.
        account_id: the account of the credentials.
        provenance: of the listing.
    """
    found = list(credentials)
    changes = None if calls is None else _of_iam(calls)
    shared = {c.user: sum(o.user == c.user and o.is_model_key for o in found) for c in found}
    rows = [
        _row(
            credential,
            users.get(credential.user),
            (calls, changes),
            advisor,
            shared[credential.user],
            account_id,
        )
        for credential in found
        if credential.is_model_key
    ]
    return KEY_TABLE.frame(rows, provenance)


def _row(
    credential: Credential,
    user: UserFacts | None,
    records: tuple[pd.DataFrame | None, pd.DataFrame | None],
    advisor: Mapping[str, LastUse],
    keys_of_user: int,
    account_id: str | None,
) -> dict[str, Any]:
    calls, of_iam = records
    creator = creator_of(credential, of_iam)
    changes = changes_of(credential, of_iam)
    resets = (
        changes[changes["operation"] == "ResetServiceSpecificCredential"] if changes is not None else None
    )
    use = last_use(credential.user, calls, advisor.get(credential.user), keys_of_user, account_id)
    arn = user.arn if user else None
    return {
        "user": credential.user,
        "credential_id": credential.credential_id,
        "alias": credential.alias,
        "service": credential.service,
        "status": credential.status,
        "created": credential.created,
        "expires": credential.expires,
        "creator": creator.who,
        "creator_completeness": creator.completeness,
        "last_used": use.at,
        "last_used_source": use.source,
        "policies": user.policies() if user else None,
        "boundary": user.boundary if user else None,
        "other_credentials": user.other_credentials() if user else None,
        "account_id": account_id,
        "user_arn": arn,
        "never_expires": credential.never_expires,
        "secret_since": resets["event_time"].max()
        if resets is not None and len(resets)
        else credential.created,
        "resets": None if resets is None else len(resets),
        "creator_event": creator.event_id,
    }


def _of_iam(calls: pd.DataFrame) -> pd.DataFrame:
    """The records of IAM among all: few rows, looked through for every key."""
    found = calls[(calls["service"] == _SOURCE).fillna(False)]
    found.attrs = calls.attrs
    return found


def changes_of(credential: Credential, calls: pd.DataFrame | None) -> pd.DataFrame | None:
    """The successful Create, Update, Reset and Delete records of one credential, oldest first; None without records.

    The user may be missing from a request (it defaults to the caller), so records are found by the credential's id.
    """
    if calls is None:
        return None
    if credential.credential_id is None:
        return calls.iloc[:0]
    events = credential_events(calls)
    return events[events["credential_id"] == credential.credential_id]


def credential_events(calls: pd.DataFrame) -> pd.DataFrame:
    """Successful changes of service-specific credentials, oldest first, with `credential_id` and `target_user`."""
    wanted = (
        (calls["service"] == _SOURCE) & calls["operation"].isin(list(_CHANGES)) & calls["error_code"].isna()
    )
    events = calls[wanted.fillna(False)].sort_values("event_time")
    parts = [_named(*pair) for pair in zip(events["parameters"], events["outcome"], strict=True)]
    return events.assign(
        credential_id=column([part[0] for part in parts], "string").to_numpy(),
        target_user=column([part[1] for part in parts], "string").to_numpy(),
    )


_CHANGES: Final = {f"{verb}ServiceSpecificCredential" for verb in ("Create", "Update", "Reset", "Delete")}


def _named(parameters: Any, outcome: Any) -> tuple[str | None, str | None]:
    request = json.loads(parameters) if isinstance(parameters, str) else {}
    response = json.loads(outcome) if isinstance(outcome, str) else {}
    credential = request.get("serviceSpecificCredentialId") or at(response, _CREATED)
    user = request.get("userName") or at(response, ("serviceSpecificCredential", "userName"))
    return _text(credential), _text(user)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def creator_of(credential: Credential, calls: pd.DataFrame | None) -> Creator:
    """Who created the credential; "unknown" says whether the records could have told."""
    if calls is None:
        return Creator(None, "unknown (no records were read)")
    changes = changes_of(credential, calls)
    created = (
        changes[changes["operation"] == "CreateServiceSpecificCredential"] if changes is not None else None
    )
    if created is not None and len(created):
        event = created.iloc[0]
        return Creator(_who(event), "known", str(event["event_id"]))
    start = provenance_of(calls).window_start
    if credential.created is None or start is None:
        return Creator(None, "unknown (the records do not say)")
    if credential.created < start:
        return Creator(None, f"unknown (older than the records, which begin {start:%Y-%m-%d})")
    return Creator(None, "unknown (not among the records read; those of IAM are in one Region, us-east-1)")


def _who(event: Mapping[str, Any] | pd.Series[Any]) -> str | None:
    """Principal, and the session's name where there is one: for people that is who they are."""
    import pandas as pd

    principal, session = event["principal"], event["session"]
    if pd.isna(principal):
        return None
    return str(principal) if pd.isna(session) else f"{principal} as {session}"


def last_use(
    user: str,
    calls: pd.DataFrame | None,
    advised: LastUse | None,
    keys_of_user: int = 1,
    account_id: str | None = None,
) -> LastUse:
    """The latest use of a user's keys that any source knows, the source named. A refused call counts as use.

    Neither source tells two keys of one user apart; the source then says so.
    """
    seen = None if calls is None else _last_seen(user, calls, account_id)
    shared = f", shared by {keys_of_user} keys of this user" if keys_of_user > 1 else ""
    advised_at = advised.at if advised else None
    if seen and (advised_at is None or seen >= advised_at):
        return LastUse(seen, f"CloudTrail{shared}")
    if advised_at:
        in_trail = f"; with a key in CloudTrail last at {seen:%Y-%m-%d %H:%M} UTC" if seen else ""
        return LastUse(advised_at, f"access advisor (any use of Bedrock by the user){shared}{in_trail}")
    return LastUse(None, _never(calls, advised))


def _last_seen(user: str, calls: pd.DataFrame, account_id: str | None) -> datetime | None:
    made = calls_with_key_of(user, calls[["event_time", "principal", "key_kind"]], account_id)
    return made["event_time"].max().to_pydatetime() if len(made) else None


def _never(calls: pd.DataFrame | None, advised: LastUse | None) -> str:
    if calls is None and advised is None:
        return "unknown (no source could be read)"
    parts = []
    if calls is not None:
        start = provenance_of(calls).window_start
        parts.append(f"not in the records{f' since {start:%Y-%m-%d}' if start else ''}")
    parts.append(advised.source if advised else "access advisor not read")
    return "none seen: " + ", ".join(parts)


def calls_with_key_of(user: str, calls: pd.DataFrame, account_id: str | None = None) -> pd.DataFrame:
    """Calls made with one of the user's keys: by name, whatever the path of the user."""
    parts = (":user/", f":{account_id}:" if account_id else "")
    named = [
        arn
        for arn in map(str, calls["principal"].dropna().unique())
        if arn.endswith(f"/{user}") and all(part in arn for part in parts)
    ]
    return calls[calls["key_kind"].isin(["long_term", "unknown"]) & calls["principal"].isin(named)]


def refine_key_kinds(
    calls: pd.DataFrame, credentials: Sequence[Credential] | None, users: Mapping[str, UserFacts]
) -> pd.DataFrame:
    """The trail table with `key_kind` "unknown" settled where IAM's lists can settle it.

    A call by a user with an access key id that IAM lists as the user's own was made with a short-term key signed by
    it; so was one by a user who has no service-specific credential and had none in IAM's records: a key that is gone by
    now may have made the call. `credentials` None means they could not be read.
    """
    open_rows = calls[calls["key_kind"] == "unknown"]
    if not len(open_rows):
        return calls
    kinds = calls["key_kind"].astype("string")
    owners = None if credentials is None else _owners(credentials, calls)
    for index, principal, key_id in zip(
        open_rows.index, open_rows["principal"], open_rows["access_key_id"], strict=True
    ):
        name = str(principal).rpartition("/")[2]
        facts = users.get(name)
        listed = {key.key_id for key in (facts.access_keys or ())} if facts else set()
        without_keys = owners is not None and name not in owners and ":user/" in str(principal)
        if key_id in listed or without_keys:
            kinds.loc[index] = "short_term"
    packed = calls["key_kind"].dtype == "category"
    changed = calls.assign(key_kind=kinds.astype("category") if packed else kinds)
    changed.attrs = calls.attrs
    return changed


def _owners(credentials: Iterable[Credential], calls: pd.DataFrame) -> frozenset[str] | None:
    """Users who have a model key or had one in the records; None where the records cannot tell of former ones."""
    events = credential_events(calls)
    if not (calls["service"] == _SOURCE).any() or events["target_user"].isna().any():
        return None
    now = {credential.user for credential in credentials if credential.is_model_key}
    return frozenset(now | set(events["target_user"].astype(str)))
