"""Text that came from outside, made safe to keep: bounded, well-formed, and without anything secret in it."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Any

LONGEST_TEXT = 4096
"""Characters kept of any text; AWS itself cuts user agents and messages at 1 KB."""

_SECRET = re.compile(
    r"ABSK[A-Za-z0-9+/=]{16,}"
    r"|AEAA[A-Za-z0-9+/=_-]{24,}"
    r"|(?:bedrock|aws-external-anthropic)-api-key-[A-Za-z0-9+/=_-]{8,}"
    r"|(?:https?://)?[^\s\"'<>]*[?&]X-Amz-[A-Za-z-]+=[^\s\"'<>]*"
    r"|X-Amz-(?:Signature|Security-Token|Credential)=[^\s&\"'<>]+"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"
    r"|\bsk-[A-Za-z0-9_-]{16,}"
    r"|(?i:\bbearer\s+)[A-Za-z0-9+/=._~-]{8,}"
    r"|(?<![A-Za-z0-9+/=])(?:IQoJ|FwoG|FQoG)[A-Za-z0-9+/=]{40,}"
)
"""Forms that nothing but a credential has."""

_LIKELY = re.compile(
    r"(?i:\b(?:password|passwd|secret|token|api[_-]?key)\s*[=:]\s*)[^\s,;&\"']{6,}"
    r"|(?<![A-Za-z0-9+/])(?=[A-Za-z0-9+/]*[A-Z])(?=[A-Za-z0-9+/]*[a-z])(?=[A-Za-z0-9+/]*\d)"
    r"[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=.-])"
)
"""Forms of a password or a secret access key, which an ARN's path can have by chance."""


def fingerprint(secret: str) -> str:
    """The first twelve hex digits of a secret's SHA-256: enough to recognise it, useless to use it.

    Example:
        >>> fingerprint("ABSKexample")
        'db49b8028629'
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()[:12]


_HINTS = ("ABSK", "AEAA", "api-key-", "X-Amz-", "eyJ", "sk-", "earer", "EARER", "IQoJ", "FwoG", "FQoG")
_LONG_RUN = re.compile(r"[A-Za-z0-9+/]{40}")
_SHORTEST = 12


def has_secret(text: str) -> bool:
    """Whether the text holds an API key, a token, a signed address or a secret access key, by its form."""
    if len(text) < _SHORTEST:
        return False
    for hint in _HINTS:
        if hint in text and _SECRET.search(text):
            return True
    if text.startswith("arn:") or not ("=" in text or ":" in text or _LONG_RUN.search(text)):
        return False
    return _LIKELY.search(text) is not None


def without_secrets(text: str) -> str:
    """The text with whatever has the form of a credential replaced by its fingerprint.

    Example:
        >>> without_secrets("curl/8 Bearer abcdefgh12345678")
        'curl/8 [removed 53ea9f969f06]'
    """
    if not has_secret(text):
        return text
    plain = _SECRET.sub(_removed, text)
    return plain if text.startswith("arn:") else _LIKELY.sub(_removed, plain)


def _removed(found: re.Match[str]) -> str:
    return f"[removed {fingerprint(found[0])}]"


@lru_cache(maxsize=65_536)
def _clean(value: str, longest: int) -> str | None:
    text = value.strip()[:longest]
    if not text:
        return None
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        text = text.encode("utf-8", "replace").decode("utf-8")
    return without_secrets(text)


def clean(value: Any, longest: int = LONGEST_TEXT) -> str | None:
    """A text fit to be kept, or None for what is not text or is empty.

    Surrounding blanks go, the length is bounded, lone surrogates (which no Parquet file can hold) become U+FFFD
    and secrets become fingerprints. Nothing else changes: hostile text stays as it is, to be escaped where shown.
    """
    if not isinstance(value, str):
        return None
    if len(value) <= _LONGEST_ID and _ID.fullmatch(value):
        return value
    return (_clean if len(value) <= _LONGEST_KEPT else _clean.__wrapped__)(value, longest)


_LONGEST_KEPT = 512
"""What is longer is not remembered: it seldom comes twice, and the memory would hold hundreds of MB of it."""
_LONGEST_ID = 36
_ID = re.compile(r"[0-9a-f.:-]+|A(?:KIA|SIA|CCA|IDA|ROA)[A-Z0-9]{12,17}")
"""A request id, an address or a key id: nothing to look for in them."""


def as_object(value: Any) -> dict[str, Any]:
    """A JSON object, or an empty one for null, text, lists and whatever else stands in its place."""
    return value if isinstance(value, dict) else {}
