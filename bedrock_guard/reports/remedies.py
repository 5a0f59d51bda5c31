"""What to do about an error that AWS, the network or the machine gave, by its words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

AGAIN: Final = "Nothing of this run counts; run again."
_CLOCK: Final = (
    r"RequestTimeTooSkewed|Signature expired|Signature not yet current|RequestExpired|RequestInTheFuture"
)
_UNREACHED: Final = (
    r"EndpointConnectionError|ConnectTimeout|ReadTimeout|ConnectionClosed|ProxyConnection|SSLError|NameResolution|"
    r"[Tt]imeout on endpoint|Could not connect to the endpoint|Connection was closed|Failed to connect to proxy"
)
_REMEDIES: Final = (
    (r"ExpiredToken|token included in the request is expired|TokenRefreshRequired|UnauthorizedSSOToken",
     "The credentials ended: sign in again, or give the schedule a role of its own."),
    (r"InvalidClientTokenId|UnrecognizedClient|AuthFailure|SignatureDoesNotMatch|InvalidSignatureException",
     "AWS does not know this key, or it has another secret: check the profile."),
    (r"NoCredentials|PartialCredentials|CredentialRetrieval|ProfileNotFound|SessionError",
     "No credentials: check the profile, or the role of the machine."),
    (_UNREACHED,
     "AWS could not be reached: check network, proxy and VPC endpoints."),
    (r"AccessDenied|UnauthorizedOperation|not authorized",
     "The caller lacks a permission: `bedrock-guard doctor` names it; docs/policies has the whole list."),
    (r"Throttl|TooManyRequests|RequestLimitExceeded",
     "AWS had too many requests of this account: run again, at another hour than other jobs."),
    (r"NotAwsAnswer|answer was not AWS", "Something between here and AWS answered: check the proxy."),
    (r"No space left|disk is full|disk I/O error|File too large",
     "Make room on the disk, also where temporary files are."),
    (r"MemoryError", "The machine has too little memory for this window: take fewer days."),
)  # fmt: skip
_ERROR: Final = re.compile(r"\b[A-Z]\w*(?:Exception|Error|Denied|Timeout|Failure)\b")
_NONE_YET: Final = frozenset({"DataUnavailableException"})
"""How Cost Explorer says that it has no data of that kind."""
_SIGNED: Final = re.compile(r"Signature \D+(\d{8}T\d{6}Z)\D+\d{8}T\d{6}Z \((\d{8}T\d{6}Z) [-+]")


def remedy_for(error: str) -> str:
    """What to do about an error, by its words.

    Example:
        >>> remedy_for("ClientError: ... (RequestTimeTooSkewed) ...")[:26]
        "This machine's clock is of"

    """
    if re.search(_CLOCK, error):
        off = _off(error)
        return f"This machine's clock is {off}, so AWS refuses its signatures: set it (timedatectl set-ntp true)."
    return next((remedy for words, remedy in _REMEDIES if re.search(words, error)), AGAIN)


def remedies_for(gaps: Iterable[str]) -> tuple[str, ...]:
    """What to do about what could not be read, each remedy once; nothing about reasons that are no error's words.

    Example:
        >>> remedies_for(["Calls: AccessDeniedException", "Keys: AccessDenied", "the bill does not add up"])
        ('The caller lacks a permission: `bedrock-guard doctor` names it; docs/policies has the whole list.',)

    """
    found = (remedy_for(gap) for gap in gaps)
    return tuple(dict.fromkeys(remedy for remedy in found if remedy != AGAIN))


def failed(why: str) -> bool:
    """Whether a reason names an error, and not only what a source does not have.

    Example:
        >>> failed("GetTags: AccessDeniedException: ..."), failed("no tag is active for cost allocation")
        (True, False)

    """
    return any(name not in _NONE_YET for name in _ERROR.findall(why))


def _off(error: str) -> str:
    """By how much, where the message holds both times.

    Example:
        >>> _off("Signature expired: 20261120T113000Z is now earlier than 20261120T115500Z (20261120T120000Z - 5 min)")
        '30 minutes slow'

    """
    found = _SIGNED.search(error)
    if found is None:
        return "off"
    mine, theirs = (datetime.strptime(text, "%Y%m%dT%H%M%S%z") for text in found.groups())
    minutes = round((mine - theirs).total_seconds() / 60)
    return f"{abs(minutes):,} minutes {'fast' if minutes > 0 else 'slow'}"
