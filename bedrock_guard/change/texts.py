"""Documents as text and as fingerprints: the same whatever the order of keys and the white space."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

Document = Mapping[str, Any]


def _object(text: str) -> str:
    if not isinstance(json.loads(text), dict):
        raise ValueError("A policy's text is a JSON object.")  # noqa: TRY004 - what pydantic takes for invalid
    return text


PolicyText = Annotated[str, AfterValidator(_object)]
"""The text of a policy in a plan: a JSON object, whoever wrote the plan."""


def canonical(value: Any) -> str:
    """JSON text that is equal for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(value: Any) -> str:
    """The fingerprint of a JSON value, or of JSON text: 32 hexadecimal digits.

    Example:
        >>> digest('{"b": 1, "a": 2}') == digest({"a": 2, "b": 1})
        True
    """
    return mark(json.loads(value) if isinstance(value, str) else value)


def mark(value: Any) -> str:
    """The same of a JSON value, in which a text is just a text."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:32]
