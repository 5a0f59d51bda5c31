"""Everything a page of spend shows, read once for one window: the bill and its proof, the window before, and more.

What could not be read is a table whose provenance says why: nothing is silently 0, and nothing here raises on what
AWS answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd

from bedrock_guard.account.cost_explorer import FAILURES, AnswerCache, Window
from bedrock_guard.account.costs import (
    PRODUCT_ATTRIBUTES_FROM,
    PlannedRequest,
    RequestPlan,
    history_from,
    read_bill,
)
from bedrock_guard.account.facts import learnt
from bedrock_guard.account.instances import read_ec2_bill
from bedrock_guard.account.native_costs import read_by_tag, read_forecast, read_native
from bedrock_guard.account.price_lists import read_price_lists
from bedrock_guard.account.requests import PRICE_PER_REQUEST_USD
from bedrock_guard.boundary.catalogue import Catalogue, shipped
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.ec2 import Ec2Proof, reconcile_ec2
from bedrock_guard.evidence.learnt import NOTHING, Learnt
from bedrock_guard.evidence.prices import PriceBook
from bedrock_guard.evidence.reconcile import ControlTotal, Reconciliation
from bedrock_guard.evidence.spend import classify_bill, reconcile
from bedrock_guard.evidence.spend_views import addable, main_currency
from bedrock_guard.evidence.tables import Provenance, provenance_of

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account

_SHARED: Final = AnswerCache()
"""Answers to real accounts, for the life of the process: opening an account again asks nothing twice."""


_BOTH: Final = 2


@dataclass(frozen=True)
class ProvenBill:
    """A classified bill of one window and whether it adds up.

    Args:
        lines: the classified bill, every currency.
        control: what it must add up to.
        proof: whether it does.
        window: the days.
    """

    lines: pd.DataFrame
    control: ControlTotal
    proof: Reconciliation
    window: Window

    @property
    def gaps(self) -> tuple[str, ...]:
        """Why its sums cannot be compared with another window's; empty when they can. Unmapped lines do not matter."""
        said = provenance_of(self.lines)
        reasons = [] if said.complete else [f"The bill is not complete: {said.why}."]
        if self.proof.difference is None:
            reasons.append(f"The control total is unknown: {self.control.provenance.why or 'not asked'}.")
        elif abs(self.proof.difference) > self.proof.tolerance:
            reasons.append("The lines do not add up to the control total.")
        return tuple(reasons)


@dataclass(frozen=True)
class Spending:
    """What was spent in a window, and all that a page of spend shows beside it.

    Args:
        who: whose bill: "demo account 111122223333".
        catalogue: models by id and name.
        now: the bill of the window.
        before: the bill of the window of the same length before it, for all accounts together.
        native: Cost Explorer's own model dimension (NATIVE).
        tagged: spend per caller tag (TAGGED).
        forecast: Cost Explorer's own (FORECAST).
        prices: list prices of the Regions on the bill (PRICES).
        ec2: EC2_BILL of the window.
        ec2_control: what it must add up to.
        asked: (service, operation) -> requests made for this value; none when everything came from the cache.
        learnt: what `doctor` found out about this account's bill, by which it was read.
    """

    who: str
    catalogue: Catalogue
    now: ProvenBill
    before: ProvenBill
    native: pd.DataFrame
    tagged: pd.DataFrame
    forecast: pd.DataFrame
    prices: pd.DataFrame
    ec2: pd.DataFrame
    ec2_control: ControlTotal
    asked: Mapping[tuple[str, str], int] = field(default_factory=dict)
    learnt: Learnt = NOTHING

    @property
    def window(self) -> Window:
        """The days."""
        return self.now.window

    @property
    def currency(self) -> str:
        """The currency that the tables are in: that of most lines. Others stand in `now.proof.by_currency` only."""
        return main_currency(self.now.lines) or self.now.proof.currency or "USD"

    @cached_property
    def lines(self) -> pd.DataFrame:
        """The classified lines of the window in `currency`, those with an amount."""
        return addable(self.now.lines, self.currency)

    @cached_property
    def lines_before(self) -> pd.DataFrame:
        """The classified lines of the window before, in `currency`, those with an amount."""
        return addable(self.before.lines, self.currency)

    @cached_property
    def ec2_proof(self) -> Ec2Proof:
        """Whether EC2 adds up to its own control total."""
        return reconcile_ec2(self.ec2, self.ec2_control, self.learnt.tolerance_usd)

    @property
    def requests(self) -> int:
        """How many requests were made for this value."""
        return sum(self.asked.values())

    @property
    def cost_usd(self) -> Decimal:
        """What those requests cost at most, US dollars."""
        free = Decimal(0)
        return sum((n * PRICE_PER_REQUEST_USD.get(s, free) for (s, _), n in self.asked.items()), free)

    @cached_property
    def price_book(self) -> PriceBook:
        """List prices, and the shipped seed where the list has none."""
        return PriceBook(price_list=self.prices)

    def name_of(self, model_id: str) -> str:
        """The name of a model, or its id where no name is known or two models share it."""
        return self.catalogue.name_of(model_id)

    def provenances(self) -> dict[str, Provenance]:
        """Table -> where it came from and how whole it is."""
        return {
            "Bill": provenance_of(self.now.lines),
            "Control total": self.now.control.provenance,
            "Bill of the window before": provenance_of(self.before.lines),
            "Control total of the window before": self.before.control.provenance,
            "Models as Cost Explorer names them": provenance_of(self.native),
            "Caller tags": provenance_of(self.tagged),
            "Forecast": provenance_of(self.forecast),
            "List prices": provenance_of(self.prices),
            "EC2": provenance_of(self.ec2),
            "EC2 control total": self.ec2_control.provenance,
        }


def plan_spending(account: Account, days: int = 28) -> RequestPlan:
    """The requests that `read_spending` makes at least, and their price. Asks nothing.

    Every service name beyond the first is one request more (a model sold through AWS Marketplace is a service name of
    its own), and so is every further page. List prices are free.
    """
    window = Window.last(account.now, days)
    both = 1 + (window.previous().start >= history_from(account.now))
    lines = [
        PlannedRequest("service names", both),
        PlannedRequest("control totals", both),
        PlannedRequest("charge types", both),
        PlannedRequest("usage by account, for each service name", 1),
        *([PlannedRequest("usage of the window before", 1)] if both == _BOTH else []),
        PlannedRequest("caller tags", 2),
        PlannedRequest("forecast", 1),
        PlannedRequest("EC2", 3),
    ]
    if window.since(PRODUCT_ATTRIBUTES_FROM):
        lines.append(PlannedRequest("native models", 1))
    return RequestPlan(tuple(lines))


def read_spending(account: Account, days: int = 28, *, keep: str | Path = "") -> Spending:
    """Read all of it for the last whole days up to the day before yesterday. Asked again, it asks AWS nothing.

    Never raises on what AWS answers: each table's provenance says what it lacks and why.

    Args:
        account: who is asked; reads only.
        days: length of the window.
        keep: a folder that keeps Cost Explorer's answers for eight hours, also for the next process; by default they
            are kept in memory, for the account object of the demo and for the process of a real account.

    Raises:
        CostError: the window holds no day.
        GuardError: the folder cannot be used.
    """
    before = account.requests.counts()
    window, catalogue, cache = Window.last(account.now, days), shipped(), _cache(account, keep)
    known = learnt(account)
    reading = read_bill(account, window, cache=cache)
    earlier = read_bill(account, window.previous(), by_account=False, cache=cache)
    lines = classify_bill(reading.frame, catalogue, learnt=known)
    lines_before = classify_bill(earlier.frame, catalogue, learnt=known)
    ec2 = read_ec2_bill(account, window, cache=cache)
    return Spending(
        who=_who(account),
        catalogue=catalogue,
        now=_proven(lines, reading.control, catalogue, window, known),
        before=_proven(lines_before, earlier.control, catalogue, earlier.window, known),
        native=read_native(account, reading, cache=cache),
        tagged=read_by_tag(account, reading, cache=cache),
        forecast=read_forecast(account, reading.services, cache=cache),
        prices=read_price_lists(account, _regions(lines), catalogue, keep=keep),
        ec2=ec2.frame,
        ec2_control=ec2.control,
        asked=dict(account.requests.counts() - before),
        learnt=known,
    )


def _proven(
    lines: pd.DataFrame, control: ControlTotal, catalogue: Catalogue, window: Window, known: Learnt
) -> ProvenBill:
    return ProvenBill(lines, control, reconcile(lines, control, catalogue=catalogue, learnt=known), window)


def _cache(account: Account, keep: str | Path) -> AnswerCache | None:
    if not keep:
        return _SHARED if account.mode == "real" else None
    try:
        Path(keep).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise GuardError(
            f"The folder {keep} cannot be used.", why=str(error.strerror), remedy="Name another."
        ) from error
    return AnswerCache(Path(keep))


def _who(account: Account) -> str:
    kind = "demo account" if account.mode == "demo" else "account"
    try:
        return f"{kind} {account.account_id}"
    except FAILURES:
        return f"{kind} (its number could not be asked)"


def _regions(lines: pd.DataFrame) -> tuple[str, ...]:
    named = lines.loc[lines["bucket"] == "model", "region"].dropna().unique()
    return tuple(sorted(str(name) for name in named))
