"""Where a service control policy can be attached, and which accounts it then binds.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html : asked from the management account
or a delegated administrator; each account tells the units it lies in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from bedrock_guard.account.answers import NotAwsAnswer
from bedrock_guard.account.card import management_account
from bedrock_guard.account.pages import UnreadableError, items
from bedrock_guard.evidence.words import many

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account

Kind = Literal["root", "unit", "account"]


@dataclass(frozen=True, slots=True)
class Target:
    """A root, unit or account. `accounts` are the member accounts that an SCP on it binds, by id."""

    id: str
    kind: Kind
    name: str
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Organization:
    """What could be read of an organisation.

    Args:
        targets: accounts and the units and roots above them; units without an account are not told.
        names: account id -> its name.
        management: the account that no SCP binds; None where it is not known.
        why: what could not be read; empty: all of it was.

    """

    targets: tuple[Target, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    management: str | None = None
    why: str = ""

    def covered(self, target: str) -> tuple[str, ...] | None:
        """The accounts that an SCP on a target binds; None where that is not known."""
        return next((one.accounts for one in self.targets if one.id == target), None)

    def covers(self, target: str) -> str:
        """The same in words.

        Example:
            >>> Organization().covers("ou-abcd-11111111")
            'ou-abcd-11111111: which accounts it covers is unknown'

        """
        found = self.covered(target)
        if found is None:
            return f"{target}: which accounts it covers is unknown{f' ({self.why})' if self.why else ''}"
        if not found:
            return f"{target} covers no account that an SCP binds"
        named = ", ".join(f"{one} {self.names.get(one, '')}".strip() for one in found[:10])
        more = f" and {len(found) - 10} more" if len(found) > 10 else ""
        return f"{target} covers {many(len(found), 'account')}: {named}{more}"


def read_organization(account: Account) -> Organization:
    """The accounts of the caller's organisation and the units above them. Never raises: what is not read is said."""
    management = management_account(account)
    try:
        rows = list(items(account.client("organizations"), "list_accounts", "Accounts", "NextToken"))
    except (UnreadableError, NotAwsAnswer) as error:
        return Organization(management=management, why=error.what)
    names = {str(row["Id"]): str(row.get("Name", "")) for row in rows}
    bound = tuple(sorted(set(names) - {management}))
    above: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for path in row.get("Paths", ()):
            for unit in str(path).split("/")[1:-1]:
                if unit != row["Id"]:
                    above[unit].add(str(row["Id"]))
    tree = [
        Target(name, "root" if name.startswith("r-") else "unit", "", tuple(sorted(held & set(bound))))
        for name, held in sorted(above.items())
    ]
    leaves = [
        Target(name, "account", names[name], (name,) if name in bound else ()) for name in sorted(names)
    ]
    return Organization((*tree, *leaves), names, management)
