"""Service-specific credentials of an account: every user's, every page, and what else those users hold.

Key users are found by their credentials, never by their names: a key can be made for any user.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from bedrock_guard.account.answers import NotAwsAnswer, demanded
from bedrock_guard.account.pages import RepeatedMarkerError, UnreadableError, ask, pages, unless_missing
from bedrock_guard.demo.clock import Clock
from bedrock_guard.evidence.key_facts import AccessKey, Credential, UserFacts, status_of
from bedrock_guard.evidence.keys import LastUse, keys_table, refine_key_kinds
from bedrock_guard.evidence.moments import read_time
from bedrock_guard.evidence.phantoms import Phantom, phantom_users
from bedrock_guard.evidence.tables import Completeness, Provenance

if TYPE_CHECKING:
    import pandas as pd
    from botocore.client import BaseClient

NAMESPACES: Final = ("bedrock", "bedrock-mantle", "aws-external-anthropic")
"""Services as access advisor names them."""

ADVISOR_WAIT: Final = timedelta(seconds=60)
_ADVISOR_STEP: Final = 1.0
_PROBLEMS: Final = (UnreadableError, NotAwsAnswer)

Found = TypeVar("Found")


class Caller(Protocol):
    """What gives boto3 clients and the time; an Account does."""

    @property
    def clock(self) -> Clock:
        """What tells the time and waits."""
        ...

    @property
    def now(self) -> datetime:
        """The present moment (UTC)."""
        ...

    @property
    def account_id(self) -> str:
        """The account of the caller."""
        ...

    def client(self, service: str, region: str | None = None) -> BaseClient:
        """A client for a service."""
        ...


@dataclass(frozen=True, slots=True)
class CredentialList:
    """Every service-specific credential of every service and state, and how complete that is."""

    credentials: tuple[Credential, ...]
    completeness: Completeness
    why: str = ""

    @property
    def whole(self) -> tuple[Credential, ...] | None:
        """The credentials, or None unless all of them were read."""
        return self.credentials if self.completeness == "complete" else None


@dataclass(frozen=True, slots=True)
class Keys:
    """Everything about an account's keys.

    Args:
        table: `evidence.keys.KEY_TABLE`, one row per model key.
        listing: every service-specific credential, other services' among them.
        users: facts of the users who hold model keys, and of phantom users.
        phantoms: the verdict on each phantom user.
        calls: the trail table that was given, with unknown key kinds settled where the lists settle them.
    """

    table: pd.DataFrame
    listing: CredentialList
    users: Mapping[str, UserFacts]
    phantoms: tuple[Phantom, ...]
    calls: pd.DataFrame | None


def read_keys(account: Caller, calls: pd.DataFrame | None = None, *, advisor: bool = True) -> Keys:
    """Read the keys of an account.

    Args:
        account: whose.
        calls: the trail table of the same account, for creators, resets, last use and activity.
        advisor: ask IAM's access advisor for the last use as well; one job per user.

    Example:
        >>> from bedrock_guard.account.session import Account
        >>> keys = read_keys(Account.demo())                                  # doctest: +SKIP
        >>> keys.table[["user", "status", "never_expires", "creator"]]        # doctest: +SKIP
    """
    iam: Any = account.client("iam")
    names, problem = _users(iam)
    listing = list_credentials(iam, account.now, names)
    owners = {c.user for c in listing.credentials if c.is_model_key}
    wanted = owners | {name for name in names if UserFacts(name).is_phantom}
    users = {name: read_user(iam, name) for name in sorted(wanted)}
    used = {name: last_accessed(account, facts) for name, facts in users.items()} if advisor else {}
    proof = Provenance(
        source="IAM ListServiceSpecificCredentials",
        asked_at=account.now,
        completeness=listing.completeness,
        why="; ".join(filter(None, (listing.why, problem))),
    )
    account_id = account.account_id
    own = None
    if calls is not None:
        own = refine_key_kinds(calls[calls["account_id"] == account_id], listing.whole, users)
        own.attrs = calls.attrs
    table = keys_table(listing.credentials, users, own, used, account_id=account_id, provenance=proof)
    phantoms = phantom_users(users.values(), listing.whole, own, used if advisor else None)
    return Keys(table, listing, users, phantoms, own)


def _users(iam: Any) -> tuple[tuple[str, ...], str]:
    """The names of all users, and why there may be more."""
    found: list[str] = []
    try:
        for user in pages(iam, "list_users", "Users"):
            found.append(str(user["UserName"]))  # noqa: PERF401 - what came before an error is kept
    except _PROBLEMS as error:
        return tuple(found), f"phantom users may be missing ({error.what})"
    return tuple(found), ""


def list_credentials(iam: Any, now: datetime, users: Iterable[str] = ()) -> CredentialList:
    """Every service-specific credential, by AllUsers; user by user where that is refused.

    A user whose credentials cannot be read gets a row with the status "unreadable".
    """
    rows: list[Credential] = []
    try:
        for row in pages(
            iam, "list_service_specific_credentials", "ServiceSpecificCredentials", AllUsers=True
        ):
            rows.append(_credential(row, now))  # noqa: PERF401 - what came before an error is kept
    except RepeatedMarkerError as error:
        return CredentialList(tuple(rows), "floor", error.what)
    except (UnreadableError, NotAwsAnswer) as error:
        return _one_by_one(iam, now, tuple(users), rows, error.what)
    return CredentialList(tuple(rows), "complete")


def _one_by_one(
    iam: Any, now: datetime, users: tuple[str, ...], met: list[Credential], refused: str
) -> CredentialList:
    rows = {(row.user, row.credential_id): row for row in met}
    unreadable = 0
    for user in users:
        try:
            listed = [
                _credential(item, now)
                for item in pages(
                    iam, "list_service_specific_credentials", "ServiceSpecificCredentials", UserName=user
                )
            ]
        except _PROBLEMS:
            unreadable += 1
            rows[user, None] = Credential(user, None, None, "unreadable")
        else:
            rows |= {(user, row.credential_id): row for row in listed}
    why = [f"all users at once was refused ({refused}), so each user was asked"]
    why += [f"{unreadable} of {len(users)} users could not be read"] if unreadable else []
    why += ["no user could be listed"] if not users else []
    known = any(row.status != "unreadable" for row in rows.values())
    completeness: Completeness = "floor" if known or (users and unreadable < len(users)) else "unknown"
    return CredentialList(tuple(rows.values()), completeness, "; ".join(why))


def _credential(row: Mapping[str, Any], now: datetime) -> Credential:
    expires = read_time(row.get("ExpirationDate"))
    return Credential(
        user=str(demanded(row, "UserName")),
        credential_id=row.get("ServiceSpecificCredentialId"),
        service=row.get("ServiceName"),
        status=status_of(row.get("Status"), expires, now),
        alias=row.get("ServiceCredentialAlias") or row.get("ServiceUserName"),
        created=read_time(row.get("CreateDate")),
        expires=expires,
    )


def read_user(iam: Any, name: str) -> UserFacts:
    """What a user holds; each part that cannot be read stays None and is named in `unreadable`."""
    problems: list[str] = []

    def part(read: Callable[[], Found]) -> Found | None:
        try:
            return read()
        except _PROBLEMS as error:
            problems.append(error.what)
            return None

    def listed(operation: str, key: str) -> tuple[Any, ...]:
        return tuple(pages(iam, operation, key, UserName=name))

    user = part(lambda: demanded(ask(iam, "get_user", UserName=name), "User")) or {}
    attached = part(lambda: listed("list_attached_user_policies", "AttachedPolicies"))
    inline = part(lambda: listed("list_user_policies", "PolicyNames"))
    groups = part(lambda: listed("list_groups_for_user", "Groups"))
    of_groups = part(lambda: _of_groups(iam, [str(group["GroupName"]) for group in groups or ()]))
    access = part(
        lambda: tuple(
            AccessKey(demanded(key, "AccessKeyId"), active=demanded(key, "Status") == "Active")
            for key in listed("list_access_keys", "AccessKeyMetadata")
        )
    )
    login = part(
        lambda: unless_missing(lambda: bool(ask(iam, "get_login_profile", UserName=name)), missing=False)
    )
    devices = part(lambda: len(listed("list_mfa_devices", "MFADevices")))
    ssh = part(lambda: len(listed("list_ssh_public_keys", "SSHPublicKeys")))
    certificates = part(lambda: len(listed("list_signing_certificates", "Certificates")))
    return UserFacts(
        name=name,
        arn=user.get("Arn"),
        created=read_time(user.get("CreateDate")),
        boundary=(user.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
        boundary_read=bool(user),
        attached_policies=None if attached is None else tuple(p["PolicyArn"] for p in attached),
        inline_policies=None if inline is None else tuple(inline),
        groups=None if groups is None else tuple(g["GroupName"] for g in groups),
        group_policies=None if groups is None else of_groups,
        access_keys=access,
        login_profile=login,
        mfa_devices=devices,
        ssh_keys=ssh,
        certificates=certificates,
        unreadable=tuple(problems),
    )


def _of_groups(iam: Any, groups: Iterable[str]) -> tuple[str, ...]:
    """The policies of groups, attached and inline, each with its group."""
    found: list[str] = []
    for name in groups:
        attached = pages(iam, "list_attached_group_policies", "AttachedPolicies", GroupName=name)
        found += [f"group:{name}:{policy['PolicyArn']}" for policy in attached]
        inline = pages(iam, "list_group_policies", "PolicyNames", GroupName=name)
        found += [f"group:{name}:inline:{policy}" for policy in inline]
    return tuple(found)


def last_accessed(account: Caller, user: UserFacts) -> LastUse:
    """When a user last used a service of the Bedrock family, by IAM's access advisor.

    Some four hours late, at least 400 days back, refused attempts count, and keys of one user are not told apart:
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateServiceLastAccessedDetails.html
    """
    if user.arn is None:
        return LastUse(None, "access advisor not read (the user could not be read)")
    iam: Any = account.client("iam")
    try:
        started = ask(
            iam, "generate_service_last_accessed_details", Arn=user.arn, Granularity="SERVICE_LEVEL"
        )
        services = _services(account, iam, demanded(started, "JobId"))
    except _PROBLEMS as error:
        return LastUse(None, f"access advisor not read ({error.what})")
    used = tuple(
        (str(service.get("ServiceNamespace")), moment)
        for service in services
        if (moment := read_time(service.get("LastAuthenticated")))
    )
    times = [moment for name, moment in used if name in NAMESPACES]
    source = "access advisor" if times else "access advisor has no use of Bedrock"
    return LastUse(max(times, default=None), source, used)


def _services(account: Caller, iam: Any, job: str) -> list[Mapping[str, Any]]:
    """The finished job's services, all pages.

    Raises:
        UnreadableError: the job failed or did not end in time.
    """
    waited = 0.0
    operation = "get_service_last_accessed_details"
    while True:
        answer = ask(iam, operation, JobId=job)
        state = demanded(answer, "JobStatus")
        if state == "COMPLETED":
            break
        if state == "FAILED" or waited >= ADVISOR_WAIT.total_seconds():
            raise UnreadableError(
                f"{operation}: {'job failed' if state == 'FAILED' else 'job did not end in time'}"
            )
        account.clock.sleep(_ADVISOR_STEP)
        waited += _ADVISOR_STEP
    services = list(demanded(answer, "ServicesLastAccessed"))
    markers: set[str] = set()
    while answer.get("IsTruncated") and (marker := answer.get("Marker")):
        if marker in markers:
            raise RepeatedMarkerError(f"{operation}: AWS repeated a page marker")
        markers.add(marker)
        answer = ask(iam, operation, JobId=job, Marker=marker)
        services += demanded(answer, "ServicesLastAccessed")
    return services
