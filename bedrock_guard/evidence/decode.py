"""What a Bedrock API key says about itself, read offline. Nothing is sent, and the secret is not kept.

Forms seen: a long-term key is `ABSK` and the base64 of `<user>[+N]-at-<account>:<secret>`; a short-term key is
`bedrock-api-key-` and the base64 of a signed address. Claude Platform on AWS uses `AEAA` and
`aws-external-anthropic-api-key-` alike. https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-how.html
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from urllib.parse import parse_qs

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.hygiene import fingerprint

_LONG: Final = {"ABSK": "bedrock", "AEAA": "claude_platform"}
_SHORT: Final = {"bedrock-api-key-": "bedrock", "aws-external-anthropic-api-key-": "claude_platform"}
_ALIAS: Final = re.compile(r"(?P<name>.+)-at-(?P<account>\d{12}):(?P<secret>.+)", re.DOTALL | re.ASCII)
_USER: Final = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_NUMBERED: Final = re.compile(r"(?P<user>.+)\+(?P<number>\d{1,2})", re.ASCII)
_CREDENTIAL: Final = re.compile(
    r"(?P<key>[A-Z0-9]{16,128})/(?P<day>\d{8})/(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)/(?P<service>[a-z-]+)/aws4_request",
    re.ASCII,
)
_LONGEST: Final = 16_384
_RUN: Final = 6
_MOST_FIELDS: Final = 50
_INSIDE: Final = re.compile(
    r"(?<![A-Za-z0-9+/_-])(?:" + "|".join((*_SHORT, *_LONG)) + r")[A-Za-z0-9+/_=-]{8,}"
)
"""A key among other text, such as a line of a program's settings or a header."""

_ACCOUNT_MASK: Final = 0x7FFFFFFFFF80
_KEY_ID: Final = re.compile(r"A[A-Z0-9]{3}[A-Z2-7]{16}")


class NotAKeyError(GuardError):
    """The text is no Bedrock API key; nothing of it is repeated."""


@dataclass(frozen=True, slots=True)
class DecodedKey:
    """What a key tells. None is "not in the key".

    Args:
        kind: long_term or short_term.
        service: bedrock or claude_platform.
        account_id: the account.
        user: the IAM user of a long-term key.
        key_number: which of the user's keys, where the alias has a number.
        signed_by: the id of the access key or session key that signed a short-term key.
        signer: whose key that is: a session's (ASIA), or a user's own access key (AKIA).
        region: where a short-term key is valid.
        issued: when a short-term key was signed (UTC).
        expires_at_latest: when a short-term key ends at the latest (UTC); it ends earlier when its session does.
        fingerprint: twelve hex digits of the key's SHA-256, to recognise it by.
        notes: what to know about the answer.
    """

    kind: Literal["long_term", "short_term"]
    service: str
    account_id: str | None
    user: str | None
    key_number: int | None
    signed_by: str | None
    signer: Literal["session", "access_key"] | None
    region: str | None
    issued: datetime | None
    expires_at_latest: datetime | None
    fingerprint: str
    notes: tuple[str, ...] = ()


def decode_key(text: str) -> DecodedKey:
    """What the key says.

    A key is found inside a line of settings or a header as well; a text with several keys is refused.

    Raises:
        NotAKeyError: the text has no form of such a key.

    Example:
        >>> import base64
        >>> inner = base64.b64encode(b"chat-at-work-at-111122223333:not-a-secret").decode().rstrip("=")
        >>> key = decode_key("ABSK" + inner)
        >>> key.user, key.account_id
        ('chat-at-work', '111122223333')
    """
    if len(text) > _LONGEST:
        raise _no_key("it is too long")
    key = _alone(text)
    for prefix, service in _SHORT.items():
        if key.startswith(prefix):
            return _short_term(key, _decoded(key.removeprefix(prefix)), service)
    for prefix, service in _LONG.items():
        if key.startswith(prefix):
            return _long_term(key, _decoded(key.removeprefix(prefix)), service)
    raise _no_key("it begins with none of the known prefixes")


def _alone(text: str) -> str:
    """The key without what stands around it: quotes, a setting's name, a header's; wrapped lines stay one key."""
    key = text.strip("\ufeff\u200b \t\r\n\"'`")
    if key.startswith((*_SHORT, *_LONG)) and len(_INSIDE.findall(key)) == 1:
        return key.rstrip(".,;")
    inside = set(_INSIDE.findall(key))
    if len(inside) > 1:
        raise _no_key("there are several keys in it")
    return inside.pop() if inside else key


def account_of_key_id(key_id: str) -> str | None:
    """The account in an AWS key id (AKIA..., ASIA..., ACCA...); None for ids of the old form, which hold none.

    Characters 5 to 20 are base32; bits 1 to 40 of them are the account. Ids made before about 2019 (with I or J as
    fifth character) have no account in them.

    Example:
        >>> account_of_key_id("AKIAIOSFODNN7EXAMPLE") is None
        True
    """
    if not _KEY_ID.fullmatch(key_id) or key_id[4] in "IJ":
        return None
    number = int.from_bytes(base64.b32decode(key_id[4:20])[:6], "big")
    account = (number & _ACCOUNT_MASK) >> 7
    return f"{account:012}" if 0 < account < 10**12 else None


def _no_key(why: str) -> NotAKeyError:
    return NotAKeyError(
        "This is not a Bedrock API key.",
        why=f"{why[0].upper()}{why[1:]}.",
        remedy="Pass the whole key on one line.",
    )


def _decoded(body: str) -> str:
    """Base64 with or without its padding, in either alphabet."""
    plain = re.sub(r"\s", "", body).rstrip("=").translate(str.maketrans("-_", "+/"))
    inner = _text(plain)
    if inner is None:
        raise _no_key("what follows its prefix is not base64 of text")
    return inner


def _text(plain: str) -> str | None:
    """The text in base64; None where there is none. Nothing is raised: such an error holds what it could not read."""
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).decode("utf-8")
    except ValueError:
        return None


def _print_of(key: str) -> str:
    return fingerprint(key.rstrip("="))


def _long_term(key: str, inner: str, service: str) -> DecodedKey:
    found = _ALIAS.fullmatch(inner)
    if not found or not _USER.fullmatch(found["name"]):
        raise _no_key("it does not hold a user and an account")
    if _overlap(found["name"], found["secret"]):
        raise _no_key("part of its secret stands in its user's name: it was pasted together")
    user, number, notes = found["name"], None, ["The partition of the account is not in the key."]
    numbered = _NUMBERED.fullmatch(user)
    if numbered:
        user, number = numbered["user"], int(numbered["number"])
        notes.append(f"It may also be the first key of a user named {found['name']}.")
    return DecodedKey(
        kind="long_term",
        service=service,
        account_id=found["account"],
        user=user,
        key_number=number,
        signed_by=None,
        signer=None,
        region=None,
        issued=None,
        expires_at_latest=None,
        fingerprint=_print_of(key),
        notes=(*notes, "Whether and when it expires is in IAM only."),
    )


def _overlap(name: str, secret: str) -> bool:
    """Whether a run of the secret stands in the name as well; no name has that by chance."""
    return any(name[at : at + _RUN] in secret for at in range(len(name) - _RUN + 1))


def _short_term(key: str, inner: str, service: str) -> DecodedKey:
    asked = inner.partition("?")[2]
    query = parse_qs(asked, keep_blank_values=True) if asked.count("&") < _MOST_FIELDS else {}
    credential = _CREDENTIAL.fullmatch(_one(query, "X-Amz-Credential"))
    if not credential or _one(query, "Action") != "CallWithBearerToken":
        raise _no_key("it does not hold a signed address for CallWithBearerToken")
    issued = _stamp(_one(query, "X-Amz-Date"))
    seconds = _one(query, "X-Amz-Expires")
    lasting = int(seconds) if re.fullmatch(r"\d{1,7}", seconds, re.ASCII) else None
    access_key = credential["key"].startswith("AKIA")
    return DecodedKey(
        kind="short_term",
        service=service,
        account_id=account_of_key_id(credential["key"]),
        user=None,
        key_number=None,
        signed_by=credential["key"],
        signer="access_key" if access_key else "session" if credential["key"].startswith("ASIA") else None,
        region=credential["region"],
        issued=issued,
        expires_at_latest=issued + timedelta(seconds=lasting) if issued and lasting is not None else None,
        fingerprint=_print_of(key),
        notes=_signer_notes(access_key=access_key),
    )


def _signer_notes(*, access_key: bool) -> tuple[str, ...]:
    if access_key:
        return (
            "Signed with a user's own access key: deactivate that key.",
            "A deny with a condition on aws:TokenIssueTime does not bind it.",
        )
    return ("It ends earlier than stated when the session that signed it ends.",)


def _one(query: dict[str, list[str]], name: str) -> str:
    values = query.get(name, [])
    return values[0] if len(values) == 1 else ""


def _stamp(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
