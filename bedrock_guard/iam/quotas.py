"""How large a policy may be, counted as each target counts it.

Sources, read 2026-11-23: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html (IAM; white space
is not counted), https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html (SCP and RCP;
counted as sent). The SCP limit is the one in force since 2026-05-15; before it was 5,120.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bedrock_guard.errors import GuardError
from bedrock_guard.iam.model import Document


@dataclass(frozen=True, slots=True)
class Quota:
    """The largest size of one target, in characters, and whether white space counts."""

    target: str
    characters: int
    counts_white_space: bool
    source: str


_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
_ORGANIZATIONS = "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html"
_STS = "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"

QUOTAS: Mapping[str, Quota] = MappingProxyType(
    {
        quota.target: quota
        for quota in (
            Quota("managed", 6_144, False, _IAM),
            Quota("inline_user", 2_048, False, _IAM),
            Quota("inline_role", 10_240, False, _IAM),
            Quota("inline_group", 5_120, False, _IAM),
            Quota("trust", 2_048, False, _IAM),
            Quota("session", 2_048, True, _STS),
            Quota("scp", 10_240, True, _ORGANIZATIONS),
            Quota("rcp", 5_120, True, _ORGANIZATIONS),
        )
    }
)

MAX_MANAGED_POLICY_VERSIONS = 5
MAX_MANAGED_POLICIES_PER_PRINCIPAL = 10  # up to 20 on request
MAX_SCPS_PER_TARGET = 10


def quota(target: str) -> Quota:
    """The quota of a target.

    Raises:
        GuardError: for a target that is not in `QUOTAS`.
    """
    found = QUOTAS.get(target)
    if found is None:
        raise GuardError(f"{target!r} is no policy target.", remedy=f"Use one of {', '.join(QUOTAS)}.")
    return found


def counted(document: Document, target: str) -> int:
    """Characters of the document as the target counts them.

    White space inside a JSON string is counted everywhere: IAM's page does not say that it is free there.

    Example:
        >>> from bedrock_guard.iam.document import read
        >>> text = '{"Version": "2012-10-17", "Statement": []}'
        >>> document = read(text)
        >>> counted(document, "managed"), counted(document, "scp")
        (39, 42)
    """
    if quota(target).counts_white_space and document.source is not None:
        return len(document.source)
    return len(document.minified())


def room(document: Document, target: str) -> int:
    """Characters left under the quota; negative if the document is too large."""
    return quota(target).characters - counted(document, target)
