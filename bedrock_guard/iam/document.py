"""Read a policy document strictly; write it canonically.

The one import for policy documents: the data model (`Document`, `Statement`, `Condition`) and `read`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from bedrock_guard.iam.model import (
    KINDS,
    Condition,
    Document,
    Effect,
    Kind,
    PolicyError,
    Principals,
    Qualifier,
    Statement,
)
from bedrock_guard.iam.reading import Reader

__all__ = [
    "ALLOW_ALL",
    "KINDS",
    "Condition",
    "Document",
    "Effect",
    "Kind",
    "PolicyError",
    "Principals",
    "Qualifier",
    "Statement",
    "as_document",
    "read",
]


ALLOW_ALL: Final[Mapping[str, Any]] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
"""Refuses nothing: the identity policy, or FullAWSAccess, beside which documents that only deny are judged."""


def read(text: str | bytes, kind: Kind = "identity", *, lenient: bool = False) -> Document:
    """Read one policy document, refusing whatever is not understood.

    Args:
        text: JSON text, or its UTF-8 bytes.
        kind: what the policy is; the rules on Principal, Resource and Sid depend on it.
        lenient: the text is what AWS itself returned: oddities that AWS stores become warnings. What
            cannot be evaluated is refused all the same.

    Raises:
        PolicyError: with the line and column of the first fault.

    Example:
        >>> document = read('{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}}')
        >>> document.statements[0].actions
        ('s3:*',)
    """
    if kind not in KINDS:
        raise PolicyError(f"{kind!r} is no kind of policy.", remedy=f"Use one of {', '.join(KINDS)}.")
    decoded = _decode(text) if isinstance(text, bytes) else text
    document = Reader(decoded, kind, lenient=lenient).document()
    object.__setattr__(document, "source", decoded)
    return document


def as_document(policy: Document | str | bytes | Mapping[str, Any], kind: Kind) -> Document:
    """A Document from what a caller may hold: a Document, JSON text, or parsed JSON.

    Raises:
        PolicyError: as `read`; for parsed JSON, line and column are those of its compact rendering.
    """
    if isinstance(policy, Document):
        return policy
    if isinstance(policy, str | bytes):
        return read(policy, kind)
    if not isinstance(policy, Mapping):
        raise PolicyError(
            f"A policy is a Document, JSON text or a mapping, not {type(policy).__name__}.",
        )
    try:
        rendered = json.dumps(policy, default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise PolicyError("The policy cannot be written as JSON.", why=str(error)) from error
    document = read(rendered, kind)
    object.__setattr__(document, "source", None)
    return document


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        raise PolicyError(
            "The policy is not UTF-8 text.",
            line=before.count("\n") + 1,
            column=len(before) - before.rfind("\n"),
        ) from error
