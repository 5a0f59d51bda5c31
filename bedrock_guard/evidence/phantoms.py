"""Users that a console made for a key: may one be called an orphan?

Only when everything that could make it useful is empty *and was readable*. One thing unread, and the answer is
"cannot say": a tool that calls an unreadable user an orphan invites its deletion.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from bedrock_guard.evidence.key_facts import Credential, UserFacts
from bedrock_guard.evidence.keys import LastUse
from bedrock_guard.evidence.tables import provenance_of

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["orphan", "in_use", "cannot_say"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be empty: True when it is, False when it is not, None when it could not be read."""

    what: str
    empty: bool | None
    found: str = ""


@dataclass(frozen=True, slots=True)
class Phantom:
    """A phantom user, the verdict and every check behind it."""

    user: str
    verdict: Verdict
    checks: tuple[Check, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """What is not empty or could not be read."""
        return tuple(f"{c.what}: {c.found or 'not readable'}" for c in self.checks if c.empty is not True)


_PARTS: Final = (
    ("access keys, inactive ones too", "access_keys"),
    ("groups", "groups"),
)
_COUNTS: Final = (
    ("MFA devices", "mfa_devices"),
    ("SSH keys", "ssh_keys"),
    ("signing certificates", "certificates"),
)


def phantom_users(
    users: Iterable[UserFacts],
    credentials: Sequence[Credential] | None,
    calls: pd.DataFrame | None,
    used: Mapping[str, LastUse] | None = None,
) -> tuple[Phantom, ...]:
    """The verdict on every user named as the consoles name the users they make for a key.

    Args:
        users: facts of users; those with other names are passed over.
        credentials: every service-specific credential of every service and state; None when it could not be listed.
        calls: the trail table; None when no records were read.
        used: IAM's access advisor by user name: the records read may hold Bedrock and IAM only, the advisor knows every
            service. None leaves this check out.
    """
    return tuple(_judge(user, credentials, calls, used) for user in users if user.is_phantom)


def _judge(
    user: UserFacts,
    credentials: Sequence[Credential] | None,
    calls: pd.DataFrame | None,
    used: Mapping[str, LastUse] | None,
) -> Phantom:
    advised = () if used is None else (_advised(used.get(user.name), calls),)
    checks = (_credentials(user, credentials), *_holdings(user), _activity(user, calls), *advised)
    if any(check.empty is False for check in checks):
        verdict: Verdict = "in_use"
    else:
        verdict = "cannot_say" if any(check.empty is None for check in checks) else "orphan"
    return Phantom(user.name, verdict, checks)


def _credentials(user: UserFacts, credentials: Sequence[Credential] | None) -> Check:
    what = "service-specific credentials of every service and state"
    if credentials is None:
        return Check(what, None)
    own = [credential for credential in credentials if credential.user == user.name]
    if any(credential.status == "unreadable" and credential.credential_id is None for credential in own):
        return Check(what, None)
    return Check(what, not own, ", ".join(f"{c.service} ({c.status})" for c in own))


def _holdings(user: UserFacts) -> Iterable[Check]:
    for what, name in _PARTS:
        held = getattr(user, name)
        found = [getattr(item, "key_id", item) for item in held or ()]
        yield Check(what, None if held is None else not held, ", ".join(found))
    login = user.login_profile
    yield Check("console password", None if login is None else not login, "has one" if login else "")
    for what, name in _COUNTS:
        count: int | None = getattr(user, name)
        yield Check(what, None if count is None else count == 0, f"{count}" if count else "")


def _activity(user: UserFacts, calls: pd.DataFrame | None) -> Check:
    """What the user itself did; what others did to the user is no activity of it."""
    what = "activity in the records"
    if calls is None or user.arn is None:
        return Check(what, None)
    own = calls[calls["principal"] == user.arn]
    if len(own):
        last = own["event_time"].max()
        return Check(what, empty=False, found=f"{len(own)} calls, the last at {last:%Y-%m-%d %H:%M} UTC")
    proof = provenance_of(calls)
    if proof.window_start is None or proof.completeness == "unknown":
        return Check(what, None)
    return Check(what, empty=True, found=f"none since {proof.window_start:%Y-%m-%d}")


def _advised(use: LastUse | None, calls: pd.DataFrame | None) -> Check:
    """Any service used within the days of the records, by IAM's access advisor."""
    what = "use of any service by access advisor"
    start = provenance_of(calls).window_start if calls is not None else None
    if use is None or use.services is None or start is None:
        return Check(what, None)
    late = [f"{name} {moment:%Y-%m-%d}" for name, moment in use.services if moment >= start]
    return Check(what, not late, ", ".join(late) or f"none since {start:%Y-%m-%d}")


def by_name(users: Iterable[UserFacts]) -> Mapping[str, UserFacts]:
    """Users by their name."""
    return {user.name: user for user in users}
