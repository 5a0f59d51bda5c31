"""How a caller is called in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from bedrock_guard.evidence.identity import permission_set

OF_IDENTITY_CENTER: Final = " of Identity Center"


def short(principal: Any) -> str:
    """A principal's name without its ARN and path; a role of Identity Center by its permission set."""
    name = str(principal).rpartition("/")[2] or str(principal)
    known = permission_set(name)
    return f"{known}{OF_IDENTITY_CENTER}" if known else name


def who(event: Mapping[str, Any] | pd.Series[Any]) -> str:
    """The caller for a title: the principal's name, and the session's where there is one; people by their session.

    Example:
        >>> role = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0c1d2e3f4a5b6c7d"
        >>> who({"principal": role, "session": "ana@example.com"})
        'ana@example.com (Dev of Identity Center)'
    """
    principal, session = event["principal"], event["session"]
    if pd.isna(principal):
        return "an unknown caller"
    name = short(principal)
    if pd.isna(session):
        return name
    return f"{session} ({name})" if name.endswith(OF_IDENTITY_CENTER) else f"{name} ({session})"
