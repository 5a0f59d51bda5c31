"""What an analyst looks at: the calls, the bill and the models of an account, read once for one window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from html import escape
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.account.card import AccountCard, management
from bedrock_guard.account.cost_explorer import Window
from bedrock_guard.account.costs import read_bill
from bedrock_guard.account.facts import learnt
from bedrock_guard.account.instances import read_ec2_bill
from bedrock_guard.account.resources import Resources, kept_profiles, read_resources
from bedrock_guard.account.sole_callers import unit_regions
from bedrock_guard.account.stored_calls import calls_at
from bedrock_guard.account.trail_lookup import look_up
from bedrock_guard.boundary.catalogue import Catalogue, shipped
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.evidence.attribution import Attribution, Owners, attribute, unread_accounts
from bedrock_guard.evidence.impact import GOVERNED, Billed
from bedrock_guard.evidence.impact_days import DailyBill
from bedrock_guard.evidence.model_ids import fill_models
from bedrock_guard.evidence.model_use import model_use, units_behind
from bedrock_guard.evidence.probes import Heard, Rented
from bedrock_guard.evidence.reconcile import Reconciliation
from bedrock_guard.evidence.replay import Cube, cube
from bedrock_guard.evidence.sole_callers import sole_callers
from bedrock_guard.evidence.spend import classify_bill, reconcile
from bedrock_guard.evidence.spend_views import addable
from bedrock_guard.evidence.tables import Provenance, dollars, provenance_of, total
from bedrock_guard.evidence.token_counts import of_seen
from bedrock_guard.evidence.what_if import WhatIf, short_name, what_if
from bedrock_guard.evidence.words import accounts_words

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account
    from bedrock_guard.account.spending import Spending

HISTORY: Final = timedelta(days=90)
"""How far CloudTrail's event history reaches.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html
"""


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model to choose: what it is, what it cost in the window, and how many calls of it worked."""

    model_id: str
    name: str
    provider: str
    cost_usd: Decimal
    calls: int


@dataclass(frozen=True)
class Situation:
    """The evidence of one account and window.

    Args:
        account: who was asked: mode, account id, caller, the present moment.
        catalogue: models and routes.
        calls: CALLS and more (see `evidence.usage.TRAIL`).
        bill: the classified bill, as far as its amounts can be added (`spend_views.addable`).
        reconciliation: whether the bill adds up.
        ec2_bill: EC2 spend by type and purchase option.
        ec2_control: what the EC2 lines must add up to; None when it could not be asked.
        window: the days.
        resources: what exists in Bedrock in the Regions on the bill.
        owners: who alone was seen behind batch jobs and commitments.
        stands_for: ARN of a provisioned model -> its model.

    """

    account: AccountCard
    catalogue: Catalogue
    calls: pd.DataFrame
    bill: pd.DataFrame
    reconciliation: Reconciliation
    ec2_bill: pd.DataFrame
    ec2_control: Decimal | None
    window: Window
    resources: Resources
    owners: Owners = field(default_factory=dict)
    stands_for: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def cube(self) -> Cube:
        """The calls, ready to be replayed."""
        return cube(self.calls, self.catalogue)

    @cached_property
    def billed(self) -> Billed:
        """The bill, ready to be spread."""
        return Billed.of(self.bill)

    @cached_property
    def daily(self) -> DailyBill:
        """The bill by day, ready to be spread."""
        return DailyBill.of(self.bill)

    @cached_property
    def rented(self) -> Rented:
        """The EC2 bill, ready to be asked about."""
        return Rented.of(self.ec2_bill)

    @cached_property
    def _heard(self) -> Heard:
        return Heard()

    @cached_property
    def counted(self) -> Attribution:
        """The bill by caller, as far as the tokens of seen calls and batch jobs tell; it adds up to all usage."""
        return attribute(self.bill, of_seen(self.calls), owners=self.owners)

    @cached_property
    def used(self) -> pd.DataFrame:
        """Calls and callers of each model, by the model behind what a call names: `evidence.model_use`."""
        return model_use(self.calls, self.stands_for)

    @cached_property
    def users(self) -> dict[str, list[tuple[str, Decimal]]]:
        """Model -> the short names of its callers with the dollars that their calls explain, dearest first."""
        lines = self.counted.lines
        known = lines[lines["principal"].notna() & lines["model"].notna()]
        costs: dict[str, dict[str, list[Decimal]]] = {}
        for model, principal, cost in zip(known["model"], known["principal"], known["cost"], strict=True):
            costs.setdefault(str(model), {}).setdefault(short_name(str(principal)), []).append(cost)
        sums = {model: {who: total(each) for who, each in found.items()} for model, found in costs.items()}
        return {
            model: sorted(found.items(), key=lambda user: (-user[1], user[0]))
            for model, found in sums.items()
        }

    @cached_property
    def accounts(self) -> tuple[str, ...]:
        """The other accounts on the bill."""
        billed = set(map(str, self.bill["account_id"].dropna().unique()))
        return tuple(sorted(billed - {self.account.account_id}))

    @cached_property
    def unread(self) -> tuple[str, ...]:
        """Accounts with spend on models of which no call was read: what a boundary refuses is told by models alone."""
        return unread_accounts(self.bill, self.calls)

    @property
    def start(self) -> datetime:
        """The window's first instant, UTC."""
        return datetime.combine(self.window.start, time(), UTC)

    @property
    def end(self) -> datetime:
        """The first instant no longer in the window, UTC."""
        return datetime.combine(self.window.end, time(), UTC)

    def what_if(self, spec: BoundarySpec, profile: str | None = None) -> WhatIf:
        """The consequences of a spec, exceptions counted as of the account's present day.

        Raises:
            GuardError: the spec cannot be built.

        """
        today = self.account.now.date()
        return what_if(
            spec,
            self.cube,
            self.billed,
            self.rented,
            profile=profile,
            on=today,
            management=self.account.management,
            heard=self._heard,
        )

    def spec(self, path: str | Path | None = None) -> BoundarySpec:
        """The spec of a file, or the shipped example.

        Raises:
            SpecError: the file cannot be used.

        """
        return BoundarySpec.load(path, self.catalogue) if path else example_spec()

    def model_rows(self) -> list[ModelRow]:
        """Every model of the catalogue and on the bill, dearest first."""
        spend = self._spend()
        calls = self.used["calls"]
        known = {model.model_id: model for model in self.catalogue.models}
        rows = [
            ModelRow(
                name,
                known[name].name if name in known else name,
                known[name].provider if name in known else "not in the catalogue",
                spend.get(name, Decimal(0)),
                int(calls.get(name, 0)),
            )
            for name in {*known, *spend, *map(str, calls.index)}
        ]
        return sorted(rows, key=lambda row: (-row.cost_usd, -row.calls, row.name, row.model_id))

    def name_of(self, model_id: str) -> str:
        """The name of a model, or its id where no name is known or two models share it."""
        return self.catalogue.name_of(model_id)

    def provenances(self) -> dict[str, Provenance]:
        """Table -> where it came from."""
        return {
            "bill": provenance_of(self.bill),
            "EC2 bill": provenance_of(self.ec2_bill),
            "calls": provenance_of(self.calls),
        }

    def line(self) -> str:
        """One line: whether the bill adds up, coverage, window, freshness, requests and their price."""
        found = self.reconciliation
        parts = [
            f"{'Demo account' if self.account.mode == 'demo' else 'Account'} {self.account.account_id}{self._with}",
            f"{self.window.start} to {self.window.end - timedelta(days=1)} (UTC)",
            "bill after credits, refunds, discounts and tax (control total) "
            + dollars(found.control_total, found.currency or "USD"),
            f"difference {dollars(found.difference, found.currency or 'USD')}",
            f"{_percent(found.coverage)} of model dollars named",
            f"{_count(self.calls):,} calls read",
            self.account.asked,
        ]
        return " · ".join(parts)

    @property
    def _with(self) -> str:
        return f" and {accounts_words(self.accounts)} on its bill" if self.accounts else ""

    def _spend(self) -> dict[str, Decimal]:
        named = self.bill[self.bill["model"].notna() & self.bill["bucket"].isin(GOVERNED)]
        return {str(name): total(part["cost"]) for name, part in named.groupby("model")}

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {
            "text/plain": self.line(),
            "text/html": f"<p role='status' class='mathjax_ignore'>{escape(self.line())}</p>",
        }


def example_spec() -> BoundarySpec:
    """The spec that ships with the package: four models and four instance types approved, every control on."""
    return BoundarySpec.loads(
        resources.files("bedrock_guard.boundary").joinpath("data/example.toml").read_text("utf-8")
    )


def look(
    account: Account, days: int = 28, regions: Sequence[str] | None = None, *, store: str = ""
) -> Situation:
    """Read what an analyst needs, for the last whole days up to the day before yesterday.

    Asks Cost Explorer (about ten requests at $0.01) and CloudTrail's event history (free, two requests a second).

    Args:
        account: who is asked; reads only.
        days: length of the window; calls are read as far as event history reaches, 90 days.
        regions: Regions whose calls are read; by default those on the bill.
        store: where to take the calls from instead: a trail store, a file of the command `tuples`, files of a trail,
            or `s3://bucket/prefix`.

    """
    catalogue = shipped()
    window = Window.last(account.now, days)
    reading = read_bill(account, window)
    known = learnt(account)
    bill = classify_bill(reading.frame, catalogue, learnt=known)
    ec2 = read_ec2_bill(account, window)
    proof = reconcile(bill, reading.control, catalogue=catalogue, learnt=known)
    return _situation(account, window, bill, proof, (ec2.frame, ec2.control.amount), regions, store)


def look_beside(
    account: Account, spending: Spending, regions: Sequence[str] | None = None, *, store: str = ""
) -> Situation:
    """The same for the window of a spending that was read already: its bill is taken, and only calls are asked.

    Args:
        account: who is asked; reads only.
        spending: as `spending.read_spending` gives it.
        regions: Regions whose calls are read; by default those on the bill.
        store: where to take the calls from instead, as in `look`; the table of calls is then TUPLES.

    """
    ec2 = (spending.ec2, spending.ec2_control.amount)
    return _situation(account, spending.window, spending.lines, spending.now.proof, ec2, regions, store)


def _situation(
    account: Account,
    window: Window,
    bill: pd.DataFrame,
    proof: Reconciliation,
    ec2: tuple[pd.DataFrame, Decimal | None],
    regions: Sequence[str] | None,
    store: str = "",
) -> Situation:
    catalogue = shipped()
    start, end = (datetime.combine(day, time(), UTC) for day in (window.start, window.end))
    asked = tuple(regions or _regions(bill, account))
    if store:
        calls = calls_at(store, start, end, account)
    else:
        start = max(start, account.now - HISTORY)
        calls = look_up(account, asked, start, end, catalogue=catalogue).reading.frame
    held = read_resources(account, dict.fromkeys((*asked, *_regions(bill, account), *unit_regions(calls))))
    calls = fill_models(calls, catalogue, kept_profiles(held, catalogue, {"application_profile"}))
    units = held.of("provisioned_throughput")
    owners = sole_callers(calls, units)
    card = AccountCard.of(account, *management(account))
    known = units_behind(units)
    return Situation(card, catalogue, calls, addable(bill), proof, *ec2, window, held, owners, known)


def _count(calls: pd.DataFrame) -> int:
    return int(calls["calls"].sum()) if "calls" in calls.columns else len(calls)


def _regions(bill: pd.DataFrame, account: Account) -> tuple[str, ...]:
    billed = {str(name) for name in bill["region"].dropna().unique() if "-" in str(name)}
    return tuple(sorted(billed | {account.region}))


def _percent(value: Decimal | None) -> str:
    return "unknown share" if value is None else f"{value * 100:.1f} %"
