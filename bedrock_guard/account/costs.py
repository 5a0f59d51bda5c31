"""Cost Explorer -> the bill of Bedrock, with its control total.

What is asked, in this order (each a paid request, each page one more):

1. which services hold "Bedrock" in their name: never a list in code, a new model is a new service name;
2. the control total of those services, ungrouped;
3. charge types by service: credits, refunds, discounts and tax are lines of their own;
4. usage, by service and usage type, or per service by account and usage type.

Amounts are UnblendedCost, which adds up to the invoice; the window ends the day before yesterday.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal

import pandas as pd

from bedrock_guard.account.cost_explorer import (
    PRICE_USD,
    Amount,
    Answer,
    AnswerCache,
    CostExplorer,
    Window,
    amounts,
    control_total,
)
from bedrock_guard.account.cost_filters import by, every, within, without
from bedrock_guard.evidence.reconcile import ControlTotal
from bedrock_guard.evidence.spend import of_charge_type
from bedrock_guard.evidence.tables import BILL, Provenance, provenance_of, with_provenance
from bedrock_guard.evidence.usage_types import split

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account

PRODUCT_ATTRIBUTES_FROM: Final = date(2026, 9, 1)
"""First day with the native model dimension; a question that starts earlier fails.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_ProductAttributeValues.html
"""

HISTORY_MONTHS: Final = 13
"""Cost Explorer holds these months and the current one by day; a question that starts earlier fails, and is paid.

https://docs.aws.amazon.com/cost-management/latest/userguide/ce-api-best-practices.html
"""

Granularity = Literal["DAILY", "MONTHLY"]

METRICS: Final = ["UnblendedCost", "UsageQuantity"]
_NO_USAGE_TYPE: Final = frozenset({"NoUsageType", ""})


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """One kind of request: what it asks, how many at least, and their price."""

    what: str
    requests: int

    @property
    def cost_usd(self) -> Decimal:
        """What they cost at least, US dollars."""
        return self.requests * PRICE_USD


@dataclass(frozen=True, slots=True)
class RequestPlan:
    """What reading costs, said before it is done. Long answers have further pages, each one request more."""

    lines: tuple[PlannedRequest, ...]

    @property
    def requests(self) -> int:
        """At least this many."""
        return sum(line.requests for line in self.lines)

    @property
    def cost_usd(self) -> Decimal:
        """At least this much, US dollars."""
        return self.requests * PRICE_USD

    def __str__(self) -> str:
        listed = ", ".join(f"{line.what} {line.requests}" for line in self.lines)
        price = f"${self.cost_usd}: {listed}; every further page $0.01"
        return f"at least {self.requests} requests to Cost Explorer, {price}"


def history_from(now: datetime) -> date:
    """The first day that Cost Explorer holds by day.

    Example:
        >>> history_from(datetime(2026, 11, 20)).isoformat()
        '2025-10-01'
    """
    months = now.year * 12 + now.month - 1 - HISTORY_MONTHS
    return date(months // 12, months % 12 + 1, 1)


def plan_requests(
    window: Window, services: Sequence[str] | None = None, *, by_account: bool = True, native: bool = True
) -> RequestPlan:
    """How many requests `read_bill` and `read_native` make for a window, and their price. Asks nothing.

    Args:
        window: the days.
        services: the service names when they are known; with None, one is counted.
        by_account: one request per service instead of one for all.
        native: with the native model dimension, where the window reaches it.

    Example:
        >>> print(plan_requests(Window.month(2026, 10), ["Amazon Bedrock"]).cost_usd)
        0.05
    """
    usage = max(len(services), 1) if by_account and services is not None else 1
    lines = [
        PlannedRequest("service names", 1),
        PlannedRequest("control total", 1),
        PlannedRequest("charge types", 1),
        PlannedRequest("usage", usage),
    ]
    if native and window.since(PRODUCT_ATTRIBUTES_FROM):
        lines.append(PlannedRequest("native models", 1))
    return RequestPlan(tuple(lines))


@dataclass(frozen=True, slots=True)
class BillReading:
    """A bill and what it must add up to.

    Args:
        frame: BILL; `attrs["provenance"]` says how complete it is. `account_id` is NA when it was not asked by account.
        control: the control total of the same scope and window.
        services: the service names that make up the scope.
        window: the days.
    """

    frame: pd.DataFrame
    control: ControlTotal
    services: tuple[str, ...]
    window: Window

    @property
    def requests(self) -> int:
        """How many requests were made for it; none when everything came from the cache."""
        return self._asked.requests

    @property
    def cost_usd(self) -> Decimal:
        """What those requests cost, US dollars."""
        return self._asked.request_cost_usd

    @property
    def _asked(self) -> Provenance:
        return Provenance.merged([self.frame.attrs["provenance"], self.control.provenance])


def read_bill(
    account: Account,
    window: Window | None = None,
    *,
    by_account: bool = True,
    granularity: Granularity = "DAILY",
    cache: AnswerCache | None = None,
) -> BillReading:
    """The bill of Bedrock, day by day, and its control total.

    Never raises on what AWS answers: a refused or broken question leaves its part out, and the provenance says which
    part is missing and why. An empty answer is complete only when the control total was read too.

    Args:
        account: who asks.
        window: by default the last 28 whole days.
        by_account: lines per account (one request per service name) or for all accounts together (one request).
        granularity: MONTHLY for long histories: `day` is then the first day of the month within the window.
        cache: where answers are kept; by default in memory, with the account.
    """
    explorer = CostExplorer(account, cache)
    window = window or Window.last(explorer.now)
    if granularity == "DAILY" and window.start < history_from(explorer.now):
        said = window.provenance("Cost Explorer", explorer.now)
        return _nothing(
            Answer((), said.lowered("unknown", f"by day it holds {HISTORY_MONTHS} months and this one")),
            window,
        )
    named = explorer.values(window, "SERVICE", SearchString="Bedrock")
    services = tuple(sorted({str(row.get("Value")) for row in named.rows if row.get("Value")}))
    if not services:
        return _nothing(named, window)
    ask = _Question(explorer, window, granularity)
    scope = within("SERVICE", services)
    control = _control(ask.of(scope, quantity=False), named)
    charged = ask.of(scope, "SERVICE", "RECORD_TYPE", quantity=False)
    apart = [_line(found, found.keys[0], "", record_type=found.keys[1]) for found in _adjustments(charged)]
    labels = sorted({str(line["record_type"]) for line in apart})
    used = [without("RECORD_TYPE", labels)] if labels else []
    if by_account:
        answers, lines = _by_account(ask, services, used)
    else:
        answers = [ask.of(every(scope, *used), "SERVICE", "USAGE_TYPE")]
        lines = [_line(found, *found.keys) for found in amounts(answers[0].rows)]
    said = Provenance.merged([answer.provenance for answer in (named, charged, *answers)])
    return BillReading(BILL.frame([*lines, *apart], said), control, services, window)


def with_days(account: Account, months: BillReading, usage_types: Collection[str]) -> pd.DataFrame:
    """The bill that was read by month, with these usage types by day: one request per service that has them.

    Where the days cannot be read the months stay.
    """
    frame, said = months.frame, provenance_of(months.frame)
    chosen = frame["usage_type"].isin(list(usage_types))
    services = sorted(set(frame.loc[chosen, "service"]))
    apart = sorted(set(frame["record_type"]) - {"Usage"})
    used = [within("USAGE_TYPE", sorted(usage_types)), *([without("RECORD_TYPE", apart)] if apart else [])]
    ask = _Question(CostExplorer(account), months.window, "DAILY")
    answers, lines = _by_account(ask, services, used)
    read = [answer.provenance for answer in answers]
    if not all(proof.complete for proof in read):
        return frame
    days = pd.concat([frame[~chosen], BILL.frame(lines)], ignore_index=True)
    return with_provenance(days, Provenance.merged([said, *read]))


@dataclass(frozen=True, slots=True)
class _Question:
    """What all questions of one reading share."""

    explorer: CostExplorer
    window: Window
    granularity: Granularity

    def of(self, scope: Mapping[str, Any], *groups: str, quantity: bool = True) -> Answer:
        grouped = {"GroupBy": by(*groups)} if groups else {}
        metrics = METRICS if quantity else METRICS[:1]
        return self.explorer.usage(
            self.window, Granularity=self.granularity, Metrics=metrics, Filter=scope, **grouped
        )


def _by_account(
    ask: _Question, services: Sequence[str], used: Sequence[Mapping[str, Any]]
) -> tuple[list[Answer], list[Mapping[str, Any]]]:
    """One question per service: two groups are the most, and the service must be known to know the model."""
    answers = [
        ask.of(every(within("SERVICE", [name]), *used), "LINKED_ACCOUNT", "USAGE_TYPE") for name in services
    ]
    lines = [
        _line(found, name, found.keys[1], account_id=found.keys[0])
        for name, answer in zip(services, answers, strict=True)
        for found in amounts(answer.rows)
    ]
    return answers, lines


def _nothing(named: Answer, window: Window) -> BillReading:
    """No service name: no spend when the question was answered, else unknown."""
    amount = Decimal(0) if named.complete else None
    control = ControlTotal(amount, None, named.provenance if not named.complete else _free(named.provenance))
    return BillReading(BILL.empty(named.provenance), control, (), window)


def _free(provenance: Provenance) -> Provenance:
    return Provenance(provenance.source, provenance.window_start, provenance.window_end, provenance.asked_at)


def _control(answer: Answer, named: Answer) -> ControlTotal:
    """The sum of the ungrouped days: a floor where not every service name may be known."""
    found = control_total(amounts(answer.rows), answer.provenance)
    if named.complete:
        return found
    return replace(found, provenance=found.provenance.lowered("floor", named.provenance.why))


def _adjustments(charged: Answer) -> list[Amount]:
    """Groups of SERVICE x RECORD_TYPE that are no usage: asked here, left out of the usage question."""
    return [found for found in amounts(charged.rows) if of_charge_type(found.keys[1])]


@lru_cache(maxsize=4096)
def _midnight(day: date) -> pd.Timestamp:
    return pd.Timestamp(day, tz="UTC")


@lru_cache(maxsize=65_536)
def _region(usage_type: str) -> str | None:
    return split(usage_type).region


def _line(
    found: Amount, service: str, usage_type: str, *, record_type: str = "Usage", account_id: str | None = None
) -> Mapping[str, Any]:
    return {
        "day": _midnight(found.day),
        "account_id": account_id,
        "region": _region(usage_type),
        "service": service,
        "usage_type": "" if usage_type in _NO_USAGE_TYPE else usage_type,
        "record_type": record_type,
        "quantity": found.quantity,
        "unit": found.unit,
        "cost": found.cost,
        "currency": found.currency,
        "estimated": found.estimated,
    }
