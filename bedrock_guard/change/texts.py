"""Documents as text and as fingerprints: the same whatever the order of keys and the white space."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]


def canonical(value: Any) -> str:
    """JSON text that is equal for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(value: Any) -> str:
    """The fingerprint of a JSON value, or of JSON text: 32 hexadecimal digits.

    Example:
        >>> digest('{"b": 1, "a": 2}') == digest({"a": 2, "b": 1})
        True
    """
    data = json.loads(value) if isinstance(value, str) else value
    return hashlib.sha256(canonical(data).encode()).hexdigest()[:32]
