"""Who refused a call, read out of the error code and message of its CloudTrail record.

The message forms are those of
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html . CloudTrail keeps at most 1 KB of a
message, some denials of Bedrock have none, and old EC2 ones hold only an encoded blob: then the layer is "unknown".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from bedrock_guard.evidence.hygiene import clean

UNKNOWN: Final = "unknown"
"""The layer of a call that was refused without saying by whom."""

DENIAL_CODES: Final = frozenset({
    "AccessDenied", "AccessDeniedException", "Client.UnauthorizedOperation", "UnauthorizedOperation",
    "UnauthorizedException", "UnauthorizedAccess", "Client.UnauthorizedAccess", "NotAuthorized",
    "NotAuthorizedException", "AuthorizationError", "AuthorizationErrorException", "VpceAccessDenied",
    "AccessDeniedFault", "403",
})  # fmt: skip
"""Error codes that mean "refused". A ValidationException is none: it proves access."""

_LAYERS: Final = {
    "identity-based policy": "identity",
    "permissions boundary": "boundary",
    "service control policy": "scp",
    "resource control policy": "rcp",
    "session policy": "session",
    "resource-based policy": "resource",
    "vpc endpoint policy": "vpc_endpoint",
    "role trust policy": "trust",
}
_LAYER: Final = "|".join(re.escape(name) for name in _LAYERS)
_HEAD: Final = re.compile(
    r"is not authorized to perform: (?P<action>[A-Za-z0-9-]+:[A-Za-z0-9*]+)(?P<rest>.*)", re.DOTALL
)
_TAIL: Final = re.compile(
    r"(?:because (?:no|the) (?P<implicit>" + _LAYER + r") (?:allows|does not allow) (?:the )?\S+(?: action)?"
    r"|with an explicit deny in (?:an? |the )?(?P<explicit>"
    + _LAYER
    + r")(?::\s*(?P<policy>arn:\S*[^\s.,]))?)"
    r"\.?\Z",
    re.IGNORECASE,
)
_REASON: Final = re.compile(r" (?:because|with an)\b.*\Z")
"""A clause that names no layer known here, or was cut off where CloudTrail ends a message."""
_CUT_FROM: Final = 1_000
_RESOURCE: Final = re.compile(r"on resource:? (?P<resource>.*)", re.DOTALL)
_ENCODED: Final = re.compile(r"[.\s]*Encoded authorization failure message:.*\Z", re.DOTALL)
_LONGEST: Final = 8192

_MODEL_ACCESS: Final = (
    "you don't have access to the model with the specified model id",
    "model use case details have not been submitted",
    "access to this model is not available for",
    "model access is denied",
)
_LEGACY_MODEL: Final = "marked by provider as legacy"


LAYER_WORDS: Final = {
    "identity": "an identity-based policy",
    "boundary": "a permissions boundary",
    "scp": "a service control policy",
    "rcp": "a resource control policy",
    "session": "a session policy",
    "resource": "a resource-based policy",
    "vpc_endpoint": "a VPC endpoint policy",
    "trust": "a role's trust policy",
    "model_access": "missing access to the model",
    "legacy_model": "the model's age (legacy)",
    UNKNOWN: "a layer that the record does not name",
}
"""Each layer for a sentence."""


@dataclass(frozen=True, slots=True)
class Denial:
    """A refusal: the layer that refused, and what is said of the action, the resource and the policy.

    `layer` is identity, boundary, scp, rcp, session, resource, vpc_endpoint, trust, model_access, legacy_model or
    "unknown". `explicit` is None when the message does not tell an explicit deny from a missing allow.
    """

    layer: str
    action: str | None = None
    resource: str | None = None
    policy: str | None = None
    explicit: bool | None = None


@lru_cache(maxsize=16_384)
def read_denial(error_code: str | None, message: str | None) -> Denial | None:
    """The denial that an error stands for, or None when the call was not refused.

    Example:
        >>> read_denial("AccessDenied", "User: arn:aws:iam::111122223333:user/u is not authorized to perform: "
        ...     "bedrock:InvokeModel on resource: * with an explicit deny in a permissions boundary").layer
        'boundary'
        >>> read_denial("ValidationException", "max_tokens: range: 1..4096") is None
        True
    """
    if not error_code:
        return None
    text = " ".join((message or "")[:_LONGEST].split())
    lowered = text.lower()
    if _LEGACY_MODEL in lowered:
        return Denial("legacy_model")
    if any(phrase in lowered for phrase in _MODEL_ACCESS):
        return Denial("model_access")
    if error_code == "VpceAccessDenied":
        return _read(text, default="vpc_endpoint")
    return _read(text, default=UNKNOWN) if error_code in DENIAL_CODES else None


def _read(text: str, default: str) -> Denial:
    found = _HEAD.search(_ENCODED.sub("", text))
    if not found:
        return Denial(default)
    rest = found["rest"].strip()
    tail = _last_tail(rest)
    if tail is None:
        return _without_layer(default, found["action"], f" {rest}", whole=len(text) < _CUT_FROM)
    resource = _resource(rest[: tail.start()])
    if tail["implicit"]:
        return Denial(_LAYERS[tail["implicit"].lower()], found["action"], resource, None, explicit=False)
    policy = clean(tail["policy"])
    return Denial(_LAYERS[tail["explicit"].lower()], found["action"], resource, policy, explicit=True)


def _without_layer(layer: str, action: str, rest: str, *, whole: bool) -> Denial:
    """A denial whose clause names no layer, or none that is whole: then an ARN ends at its first blank."""
    reason = _REASON.search(rest)
    resource = _resource(_REASON.sub("", rest)) if reason or whole else None
    if resource and resource.startswith("arn:"):
        resource = resource.partition(" ")[0]
    explicit = True if reason and "explicit deny" in reason[0] else None
    return Denial(layer, action, resource, None, explicit)


def _last_tail(rest: str) -> re.Match[str] | None:
    """The clause that ends the message: a resource's own name may hold the same words, so the last one counts."""
    starts = [found.start() for found in re.finditer(r"\b(?:because|with an explicit)\b", rest)]
    return next((tail for start in reversed(starts) if (tail := _TAIL.match(rest, start))), None)


def _resource(text: str) -> str | None:
    """What stands after "on resource:", None when it is missing or was cut off."""
    found = _RESOURCE.search(text)
    if not found:
        return None
    resource = found["resource"].strip()
    if resource.endswith("..."):
        return None
    arn = resource.find("arn:")
    return clean(resource[arn:] if arn > 0 else resource, 2048)
