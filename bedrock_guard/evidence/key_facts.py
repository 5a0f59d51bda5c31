"""What is known of an IAM user's credentials; None always means "could not be read", never "none"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal

Status = Literal["active", "inactive", "expired", "unreadable"]

SERVICES: Final = ("bedrock.amazonaws.com", "aws-external-anthropic.amazonaws.com")
"""Services whose service-specific credentials are API keys for models; others have such credentials too."""

PHANTOM_PREFIXES: Final = ("BedrockAPIKey-", "AeaApiKey-")
"""How the consoles name the users they make for a key. A name proves nothing about what the user may do."""


@dataclass(frozen=True, slots=True)
class Credential:
    """One service-specific credential. `expires` None means never, when `status` is readable.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_ServiceSpecificCredentialMetadata.html
    """

    user: str
    credential_id: str | None
    service: str | None
    status: Status
    alias: str | None = None
    created: datetime | None = None
    expires: datetime | None = None

    @property
    def is_model_key(self) -> bool:
        """Whether it is a key for Bedrock or Claude Platform on AWS; an unreadable row may be one."""
        return self.service in SERVICES or self.service is None

    @property
    def never_expires(self) -> bool | None:
        """None where the credential could not be read."""
        return None if self.status == "unreadable" else self.expires is None


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A user's access key, by its id and state."""

    key_id: str
    active: bool


@dataclass(frozen=True, slots=True)
class UserFacts:
    """Everything a user holds besides service-specific credentials. None is "could not be read".

    `unreadable` names the operations that failed, with AWS's error code.
    """

    name: str
    arn: str | None = None
    created: datetime | None = None
    boundary: str | None = None
    boundary_read: bool = False
    attached_policies: tuple[str, ...] | None = None
    inline_policies: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    group_policies: tuple[str, ...] | None = ()
    access_keys: tuple[AccessKey, ...] | None = None
    login_profile: bool | None = None
    mfa_devices: int | None = None
    ssh_keys: int | None = None
    certificates: int | None = None
    unreadable: tuple[str, ...] = ()

    @property
    def is_phantom(self) -> bool:
        """Whether the user is named as the consoles name the users they make for a key."""
        return self.name.startswith(PHANTOM_PREFIXES)

    def policies(self) -> list[str] | None:
        """The user's own policies by ARN or name, its groups and their policies; None when some are unreadable."""
        told = (self.attached_policies, self.inline_policies, self.groups, self.group_policies)
        if any(part is None for part in told):
            return None
        attached, inline, groups, of_groups = (part or () for part in told)
        own = [*attached, *(f"inline:{name}" for name in inline)]
        return [*own, *(f"group:{name}" for name in groups), *of_groups]

    def other_credentials(self) -> dict[str, Any]:
        """The user's other credentials by kind, for the keys table; None where unreadable."""
        kinds = asdict(self)
        names = ("access_keys", "login_profile", "mfa_devices", "ssh_keys", "certificates")
        return {name: kinds[name] for name in names}


def status_of(stated: str | None, expires: datetime | None, now: datetime) -> Status:
    """The state of a credential by what IAM states and by its date: IAM may still say Active after the date.

    Example:
        >>> from datetime import UTC, datetime
        >>> status_of("Active", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
        'expired'
    """
    if stated == "Expired" or (stated in ("Active", "Inactive") and expires is not None and expires <= now):
        return "expired"
    states: Mapping[str | None, Status] = {"Active": "active", "Inactive": "inactive"}
    return states.get(stated, "unreadable")
