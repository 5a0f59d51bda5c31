"""Make the demo company: one call, the same bytes for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from heapq import merge
from typing import Any

from bedrock_guard.demo.company.bill import BillLine, token_lines
from bedrock_guard.demo.company.calls import call_records
from bedrock_guard.demo.company.charges import (
    adjustment_lines,
    commitment_lines,
    feature_lines,
    other_lines,
    unmappable_lines,
)
from bedrock_guard.demo.company.ec2 import ec2_lines, ec2_state
from bedrock_guard.demo.company.iam import analyst_arn, company_iam
from bedrock_guard.demo.company.organization import account_list, organization
from bedrock_guard.demo.company.plan import Plan, make_plan
from bedrock_guard.demo.company.records import Record
from bedrock_guard.demo.company.resources import Places, bedrock_state, budgets
from bedrock_guard.demo.company.story import story_records
from bedrock_guard.demo.company.truth import tell
from bedrock_guard.errors import GuardError


@dataclass(frozen=True)
class Company:
    """A company made from a plan; every part is worked out when first asked for.

    Example:
        >>> company = make_company(calls=500)
        >>> [account["Id"] for account in company.accounts]
        ['111122223333', '000000000011', '000000000012']
    """

    plan: Plan

    @cached_property
    def accounts(self) -> list[dict[str, Any]]:
        """Accounts as in ListAccounts, the management account first."""
        return account_list(self.plan)

    @cached_property
    def organization(self) -> dict[str, Any]:
        """Organisation, roots, units, parents, policies and their targets."""
        return organization(self.plan)

    @cached_property
    def iam(self) -> dict[str, dict[str, Any]]:
        """Account -> users, roles, groups, policies, credentials, access_keys, last_accessed."""
        return company_iam(self.plan)

    @cached_property
    def ec2(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Account -> Region -> instances, volumes, encryption_by_default."""
        return ec2_state(self.plan)

    @cached_property
    def bedrock(self) -> Places:
        """Account -> Region -> kind -> items in Bedrock's shapes."""
        return bedrock_state(self.plan)

    @cached_property
    def budgets(self) -> dict[str, list[dict[str, Any]]]:
        """Account -> budgets. The payer's filters on one service name, and so misses Marketplace models."""
        return budgets(self.plan)

    @property
    def caller(self) -> str:
        """ARN of the role as which the account is looked at."""
        return analyst_arn(self.plan)

    @cached_property
    def events(self) -> list[Record]:
        """CloudTrail records sorted by time, data events of the mantle endpoint among them."""
        return list(stream_events(self.plan))

    @cached_property
    def bill(self) -> list[BillLine]:
        """Bill lines sorted by day: Bedrock in all its lanes, EC2, and a few other services."""
        return list(bill_lines(self.plan))

    @cached_property
    def truth(self) -> dict[str, Any]:
        """What is true of the company, see `truth.tell`."""
        return tell(self.plan)


def make_company(seed: int = 7, days: int = 90, accounts: int = 3, calls: int = 20_000) -> Company:
    """A company with `days` days of history before 2026-11-20T12:00Z.

    Args:
        seed: the same seed makes the same bytes, on every machine.
        days: length of the history, at least 1.
        accounts: number of accounts, 1 to 80; the first is the management account.
        calls: model calls in Event history, exactly. Beyond 222 a day calls get smaller and the bill stays.

    Raises:
        GuardError: a number is out of range.
    """
    if not (1 <= days <= 400 and 1 <= accounts <= 80 and calls >= 0):
        raise GuardError(
            f"No company of {days} days, {accounts} accounts and {calls} calls can be made.",
            remedy="Ask for 1 to 400 days, 1 to 80 accounts and no negative number of calls.",
        )
    return Company(make_plan(seed, days, accounts, calls))


def stream_events(plan: Plan) -> Iterator[Record]:
    """Every CloudTrail record in order of time; one day of calls in memory at once."""
    return merge(call_records(plan), story_records(plan), key=_moment)


def _moment(record: Record) -> tuple[str, str]:
    return record["eventTime"], record["eventID"]


def bill_lines(plan: Plan) -> Iterator[BillLine]:
    """Every bill line, sorted."""
    bedrock = [*token_lines(plan), *commitment_lines(plan), *feature_lines(plan), *unmappable_lines(plan)]
    lines = [*bedrock, *adjustment_lines(plan, bedrock), *ec2_lines(plan), *other_lines(plan)]
    lines.sort(key=_place)
    return iter(lines)


def _place(line: BillLine) -> tuple[str, ...]:
    return tuple(
        str(line[name])
        for name in (
            "day",
            "account_id",
            "service",
            "region",
            "usage_type",
            "operation",
            "record_type",
            "team",
        )
    )
