"""Page tokens: opaque, bound to the operation and its parameters, never the same twice."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any

_TAG = 16


class ForeignTokenError(ValueError):
    """A token nobody here has made."""


class ChangedRequestError(ValueError):
    """A true token, presented with another operation or other parameters."""


class Tokens:
    """Makes and opens page tokens under one key.

    A token carries a nonce: botocore's paginator refuses a token that comes twice in a row.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def make(self, operation: str, parameters: Mapping[str, Any], offset: int) -> str:
        """A token for the page that starts at ``offset``."""
        body = json.dumps([operation, _digest(parameters), offset, secrets.token_hex(4)]).encode()
        return base64.urlsafe_b64encode(self._tag(body) + body).decode()

    def open(self, token: str, operation: str, parameters: Mapping[str, Any]) -> int:
        """The offset in ``token``.

        Raises:
            ForeignTokenError: nobody here has made it.
            ChangedRequestError: it belongs to another question.
        """
        try:
            blob = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise ForeignTokenError(token) from None
        tag, body = blob[:_TAG], blob[_TAG:]
        if not hmac.compare_digest(tag, self._tag(body)):
            raise ForeignTokenError(token)
        made_for, digest, offset, _nonce = json.loads(body)
        if made_for != operation or digest != _digest(parameters):
            raise ChangedRequestError(token)
        return int(offset)

    def _tag(self, body: bytes) -> bytes:
        return hmac.new(self._key, body, hashlib.sha256).digest()[:_TAG]


def _digest(parameters: Mapping[str, Any]) -> str:
    text = json.dumps(parameters, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
