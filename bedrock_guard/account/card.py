"""Who was asked, and what asking cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from bedrock_guard.account.pages import UnreadableError, ask
from bedrock_guard.account.requests import asked_words

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account


@dataclass(frozen=True, slots=True)
class AccountCard:
    """Who was asked, and what asking cost, Cost Explorer's `paid` requests.

    `management` is the organisation's management account, None if there is none or it is unknown, `unasked` why then.
    """

    mode: str
    account_id: str
    caller_arn: str
    now: datetime
    requests: int
    cost_usd: Decimal
    management: str | None = None
    paid: int = 0
    unasked: str = ""

    @classmethod
    def of(cls, account: Account, management: str | None = None, unasked: str = "") -> AccountCard:
        """The card as it is now; requests that follow are not on it."""
        count = account.requests
        return cls(
            account.mode,
            account.account_id,
            account.caller_arn,
            account.now,
            count.total(),
            count.cost_usd,
            management,
            count.total("ce"),
            unasked,
        )

    @property
    def asked(self) -> str:
        """How many requests were made, how many of them cost something, and how much at most."""
        return asked_words(self.requests, self.paid, self.cost_usd)


def management_account(account: Account) -> str | None:
    """The management account of the caller's organisation; None without one, or where it may not be asked."""
    return management(account)[0]


def management(account: Account) -> tuple[str | None, str]:
    """The management account, and why it is unknown where there may be one."""
    try:
        answer = ask(account.client("organizations"), "describe_organization")
    except UnreadableError as error:
        return None, "" if error.what.endswith("AWSOrganizationsNotInUseException") else error.what
    found = answer.get("Organization", {}).get("MasterAccountId")
    return found if isinstance(found, str) else None, ""
