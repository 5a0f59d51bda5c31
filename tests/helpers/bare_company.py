"""What every company of the tests has: two accounts of one organization, and nothing in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MANAGEMENT = "111122223333"
MEMBER = "000000000011"
MADE = "2026-01-05T09:00:00Z"


def accounts() -> list[dict[str, Any]]:
    """As Organizations lists them."""
    return [
        {
            "Id": account, "Arn": f"arn:aws:organizations::{MANAGEMENT}:account/o-exampleorg1/{account}",
            "Email": f"{name}@example.com", "Name": name, "Status": "ACTIVE", "State": "ACTIVE",
            "JoinedMethod": "CREATED", "JoinedTimestamp": MADE,
        }
        for account, name in ((MANAGEMENT, "management"), (MEMBER, "work"))
    ]  # fmt: skip


@dataclass
class BareCompany:
    """To be filled: give users and roles as `iam`, units and policies as `organization`."""

    accounts: list[dict[str, Any]] = field(default_factory=accounts)
    iam: dict[str, Any] = field(default_factory=dict)
    organization: dict[str, Any] = field(default_factory=dict)
    ec2: dict[str, Any] = field(default_factory=dict)
    bedrock: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    bill: list[dict[str, Any]] = field(default_factory=list)
    budgets: dict[str, Any] = field(default_factory=dict)
    truth: None = None
    caller: str = f"arn:aws:iam::{MANAGEMENT}:role/analyst"
