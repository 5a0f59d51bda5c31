"""The cost report: what Bedrock cost, whether it adds up, what changed, and what of it the boundary would refuse."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pandas as pd

from bedrock_guard.account.card import AccountCard
from bedrock_guard.account.costs import history_from
from bedrock_guard.account.situation import Situation, look_beside
from bedrock_guard.account.spending import Spending, read_spending
from bedrock_guard.account.stored_calls import gaps as call_gaps
from bedrock_guard.evidence.caller_names import short
from bedrock_guard.evidence.impact import OUTCOMES, OUTSIDE, Outcome
from bedrock_guard.evidence.spend import reconcile
from bedrock_guard.evidence.spend_views import forecast_days, forecast_total
from bedrock_guard.evidence.tables import Provenance, dollars, provenance_of, total
from bedrock_guard.evidence.what_if import WhatIf, share
from bedrock_guard.evidence.words import accounts_words
from bedrock_guard.present import evidence, spend, spend_checks
from bedrock_guard.present import resources as show_resources
from bedrock_guard.present.callers import callers_hit
from bedrock_guard.present.charts import bars, outcome_by_model
from bedrock_guard.present.note import Note
from bedrock_guard.present.table import Shown
from bedrock_guard.reports.account_report import AccountReport
from bedrock_guard.reports.commitments import commitments_table
from bedrock_guard.reports.cost_findings import cost_findings, growth_percent, suspicions
from bedrock_guard.reports.deployed import Deployed, read_deployed
from bedrock_guard.reports.figures import Figure, Finding
from bedrock_guard.reports.names import names_of_calls, names_of_resources, names_of_spec, names_of_spending
from bedrock_guard.reports.parts import (
    Html,
    figure,
    gravest_first,
    in_zone,
    unread,
    verdict,
)
from bedrock_guard.reports.remedies import failed
from bedrock_guard.reports.settings import CostSettings
from bedrock_guard.reports.trend import Earlier, earlier_runs, series, with_news

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from bedrock_guard.account.session import Account

_SMALL: Final = 8
_APART: Final = frozenset({"Calls", "Commitments"})
"""Tables whose gaps are told by what should have been in them."""
_BEFORE: Final = frozenset({"Bill of the window before", "Control total of the window before"})
_BESIDE: Final = ("Caller tags", "Models as Cost Explorer names them", "Forecast", "List prices")
"""What an account may have none of: only an error makes it a gap."""
_COMMITTED: Final = "provisioned_throughput"
_LAST_WHOLE: Final = "the window ends with the day before yesterday, the last that Cost Explorer has whole"
_LABELS: Final = {
    "kept": "would be kept",
    "refused": "would be refused",
    "stranded": "stranded",
    "unknown": "outcome unknown",
}


@dataclass(frozen=True)
class CostReport(AccountReport[CostSettings]):
    """One run's evidence and what is shown of it; the notebook shows these attributes one by one.

    Args:
        settings: the checked parameters.
        spending: the bill, the window before, forecast, prices.
        situation: the same bill with calls and models.
        found: the consequences of the spec.
        deployed: what is deployed on the spec's targets.
        earlier: earlier runs.

    """

    kind: ClassVar[str] = "cost"

    settings: CostSettings
    spending: Spending
    situation: Situation
    found: WhatIf
    deployed: Deployed
    earlier: Earlier

    @classmethod
    def of(cls, account: Account, settings: CostSettings) -> CostReport:
        """The report of an open account."""
        spending = _floored(read_spending(account, settings.days), settings)
        situation = look_beside(account, spending, store=settings.calls)
        found = situation.what_if(situation.spec(settings.spec or None))
        deployed = read_deployed(account, found.built)
        window = (situation.start, situation.end)
        earlier = earlier_runs(settings.previous, "cost", situation.account.account_id, window)
        card = situation.account
        asked = AccountCard.of(account, card.management, card.unasked)  # with what was read since
        return cls(settings, spending, replace(situation, account=asked), found, deployed, earlier)

    @property
    def card(self) -> AccountCard:
        """Who was asked, and what asking cost."""
        return self.situation.account

    @property
    def window(self) -> tuple[datetime, datetime]:
        """The window of the bill."""
        return self.situation.start, self.situation.end

    @property
    def headline(self) -> Html:
        """The verdict and the cards at the top, or why they are withheld."""
        top = verdict(self.findings, self.gaps, self.lead).text
        withheld = self.situation.reconciliation.withheld
        read = f"read {self.card.now:%Y-%m-%d %H:%M} UTC: {_LAST_WHOLE}"
        note = f'<p class="note">{escape(f"{self.situation.line()} · {read}")}</p>'
        if withheld:
            return Html(
                f'{top}<p class="withheld"><b>The headline is withheld.</b> {escape("; ".join(withheld))}</p>{note}'
            )
        shown = evidence.cards(self.found, self.situation)
        cards = "".join(
            f"<li><b>{escape(dollars(value, self.spending.currency))}</b> "
            f"<span>{escape(name + self._by(name))}</span></li>"
            for name, value in shown.items()
            if value is None or value or name.startswith("used")
        )
        return Html(f'{top}<ul class="headline">{cards}</ul>{note}')

    def _by(self, name: str) -> str:
        """Whose verdict a card shows, where nobody chose it."""
        decided = name.startswith(("would be", "stranded"))
        return " by the example spec" if decided and not self.settings.spec else ""

    @property
    def lead(self) -> tuple[str, ...]:
        """What was spent, what looks like theft, what would be refused; only theft while the headline is withheld."""
        used, suspected = self.situation.reconciliation.headline, suspicions(self.findings)
        if used is None:
            return suspected
        days, unit = self.settings.days, self.spending.currency
        others = self.situation.accounts
        whose = f" in {accounts_words([self.card.account_id, *others])}" if others else ""
        spent = (
            f"Bedrock cost {dollars(used, unit)} in {days} days{whose}, {self._moved} the {days} days before."
        )
        return (spent, *suspected, self._refused(used), *evidence.elsewhere(self.found, self.situation))

    @property
    def _moved(self) -> str:
        grown = self.numbers["change_percent"].number
        if grown is None:
            return "which cannot be compared with"
        return f"{abs(grown)} % {'more' if grown > 0 else 'less'} than in" if grown else "as much as in"

    def _refused(self, used: Decimal) -> str:
        unit, spend = self.spending.currency, self.found.impact.spend
        part, wasted = share(spend("refused"), used), spend("stranded")
        beyond = spend(OUTSIDE)
        own = share(spend("refused"), self.found.impact.governed - beyond) if beyond else None
        within = (
            "" if own is None else f" of all accounts, {own} % of what the boundary decides on in the spec's"
        )
        of_it = "" if part is None else f" ({part} %{within})"
        whose = "Your spec" if self.settings.spec else "The example spec (none of your own was given)"
        unused = f", and {dollars(wasted, unit)} of commitments would be paid although nobody could use them"
        return (
            f"{whose} would refuse {dollars(spend('refused'), unit)} of it{of_it}{unused if wasted else ''}."
        )

    @cached_property
    def gaps(self) -> tuple[str, ...]:
        """What should have been read and was not."""
        proofs = self.provenances()
        apart = _APART if self._has_before else _APART | _BEFORE
        told = [
            f"{name}: {proof.why}"
            for name, proof in proofs.items()
            if not proof.complete and name not in apart
        ]
        told += [f"Calls: {why}" for why in call_gaps(proofs["Calls"])]
        told += unread(self.situation.resources)
        optional = self.spending.provenances()
        told += [f"{name}: {optional[name].why}" for name in _BESIDE if failed(optional[name].why)]
        told += [f"Organization: {self.card.unasked}"] if self.card.unasked else []
        told += [f"Deployed boundary: {self.deployed.why}"] if self.deployed.why else []
        unit = self.spending.currency
        if self.settings.budget_usd is not None and unit != "USD":
            told.append(f"Budget: it is in USD and the bill in {unit}, so nothing was held to it")
        return tuple(dict.fromkeys([*self.situation.reconciliation.withheld, *told]))

    @property
    def _has_before(self) -> bool:
        """Whether Cost Explorer reaches back to the window before: what it does not hold is no gap."""
        return self.spending.before.window.start >= history_from(self.card.now)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What a person has to look at, gravest first."""
        found = cost_findings(self.spending, self.situation, self.found, self.units, self.settings)
        found = gravest_first([*self.deployed.findings, *found])
        return with_news(found, self.earlier.last, self.names)

    @property
    def trend_chart(self) -> go.Figure | Note:
        """Usage of this window and of earlier runs."""
        table = series("total", self.figures, self.earlier)
        if len(table) < 2:
            return Note(
                ("The trend begins with the second window kept in the same place; a rerun adds no point.",)
            )
        labels = [
            f"{day}" + (" unknown" if cost is None else "") for day, cost in table.itertuples(index=False)
        ]
        return bars(
            table.assign(until=labels), by="until", title=f"Usage in {self.settings.days} days up to, USD"
        )

    @property
    def model_chart(self) -> go.Figure:
        """Spend by model and outcome, the small ones together."""
        return outcome_by_model(_small_together(evidence.by_model(self.found, self.situation)))

    @property
    def models(self) -> Shown:
        """The same numbers, every model."""
        return evidence.models(self.found, self.situation)

    @property
    def callers(self) -> Shown:
        """Callers whose calls would have been refused."""
        return in_zone(callers_hit(self.found, self.situation, limit=20), self.settings.zone)

    @property
    def users(self) -> Shown:
        """Who uses each model, as far as calls tell."""
        return evidence.users(self.found, self.situation)

    @cached_property
    def units(self) -> pd.DataFrame:
        """Provisioned throughput, with what is known of its lists."""
        return self.situation.resources.of(_COMMITTED)

    @property
    def exists(self) -> tuple[Shown, Shown]:
        """What exists in Bedrock: Region by Region with what could be read, and thing by thing."""
        held, zone = self.situation.resources, self.settings.zone
        things = show_resources.standing(held, name_of=self.situation.name_of)
        return in_zone(show_resources.regions(held), zone), in_zone(things, zone)

    @property
    def commitments(self) -> Shown:
        """Capacity that was bought: what it is, when it ends, what was billed for it."""
        return commitments_table(self.spending, self.units)

    @property
    def ec2(self) -> Shown:
        """EC2 spend by type, and whether the type may start again."""
        return evidence.ec2(self.found)

    def show(self, name: str) -> Any:
        """One of the pages of spend by its name, such as "kinds" or "change_chart"."""
        page = spend if hasattr(spend, name) else spend_checks
        return in_zone(getattr(page, name)(self.spending), self.settings.zone)

    @property
    def reconciliation(self) -> Shown:
        """Control total, buckets, difference."""
        return evidence.proof(self.situation.reconciliation)

    def provenances(self) -> dict[str, Provenance]:
        """Table -> where it came from."""
        held = self.spending.provenances()
        for optional in _BESIDE:
            held.pop(optional, None)
        calls = provenance_of(self.situation.calls)
        return {**held, "Calls": calls, "Commitments": provenance_of(self.units)}

    @property
    def behind(self) -> dict[str, Provenance]:
        """Provenance of every table that a figure names; the forecast's own source is no table of the page."""
        return {**self.provenances(), "Forecast": provenance_of(self.spending.forecast)}

    @cached_property
    def numbers(self) -> dict[str, Figure]:
        """Every figure by its name."""
        bill = provenance_of(self.spending.now.lines)
        proof, withheld = self.situation.reconciliation, "; ".join(self.situation.reconciliation.withheld)
        unit = self.spending.currency
        sums: dict[str, tuple[str, Decimal | None]] = {
            "total": ("used", proof.headline),
            **{o: (_LABELS[o], None if withheld else self.found.impact.spend(o)) for o in OUTCOMES},
            OUTSIDE: (evidence.BEYOND, None if withheld else self.found.impact.spend(OUTSIDE)),
            **{f"{o}_calls_unread": self._unread(o) for o in OUTCOMES},
        }
        held = {k: figure(label, value, unit, "Bill", bill, withheld) for k, (label, value) in sums.items()}
        before = self.spending.before
        earlier = None if before.gaps else before.proof.usage
        why = "; ".join(before.gaps) or withheld
        past = provenance_of(before.lines)
        grown = growth_percent(proof.headline, earlier)
        held["before"] = figure(
            "used in the window before", earlier, unit, "Bill of the window before", past, why
        )
        held["change_percent"] = figure(
            "against the window before",
            grown,
            "%",
            "Bill of the window before",
            past,
            why or "nothing was spent before",
        )
        control = self.spending.now.control.provenance
        after = "bill after credits, refunds, discounts and tax"
        held["control_total"] = figure(
            after,
            proof.control_total,
            unit,
            "Control total",
            control,
        )
        held["difference"] = figure(
            "difference to the bill", proof.difference, unit, "Control total", control
        )
        held["coverage_percent"] = figure(
            "model dollars with a model",
            None if proof.coverage is None else (proof.coverage * 100).quantize(Decimal("0.01")),
            "%", "Bill", bill, "no model dollars",
        )  # fmt: skip
        held["unmapped"] = figure("names no model", total(proof.unmapped["cost"]), unit, "Bill", bill)
        return held | self._others(unit, bill, withheld)

    def _unread(self, outcome: Outcome) -> tuple[str, Decimal | None]:
        """How much of an outcome is of accounts none of whose calls was read, so judged by the model alone."""
        spent = self.found.impact.of_accounts(self.situation.unread, outcome)
        label = f"{_LABELS[outcome]}, in accounts whose calls were not read"
        return label, None if self.situation.reconciliation.withheld else spent

    def _others(self, unit: str, bill: Provenance, withheld: str) -> dict[str, Figure]:
        """EC2, the forecast, and what each model cost."""
        ec2, asked = self.spending.ec2_proof, self.spending.ec2_control.provenance
        said = provenance_of(self.spending.forecast)
        ahead = forecast_total(self.spending.forecast) if len(self.spending.forecast) else None
        days = forecast_days(self.spending.forecast)
        expected = f"Cost Explorer's forecast{days and f' for {days}'}"
        held = {
            "ec2": figure("EC2 compute", ec2.control_total, unit, "EC2 control total", asked),
            "ec2_difference": figure("EC2 difference", ec2.difference, unit, "EC2", provenance_of(self.spending.ec2)),
            "forecast": figure(expected, ahead, unit, "Forecast", said, said.why or "none given"),
        }  # fmt: skip
        for row in self.found.impact.by_model().to_dict("records"):
            value = None if withheld else row["cost_usd"]
            held[f"model:{row['model']}"] = figure(
                self.situation.name_of(str(row["model"])), value, unit, "Bill", bill, withheld
            )
        return held

    @property
    def own_names(self) -> dict[str, str]:
        """Names in what was read -> their kind."""
        held = names_of_calls(self.situation.calls) | names_of_spending(self.spending)
        held |= names_of_spec(self.found.spec)
        rows = self.deployed.rows
        held |= {} if rows is None else {short(name): "principal" for name in rows["principal"]}
        return held | names_of_resources(self.situation.resources)


def _floored(spending: Spending, settings: CostSettings) -> Spending:
    """The spending, proven by the coverage floor of the settings."""
    now = spending.now
    floor = settings.coverage_floor_percent / 100
    proof = reconcile(
        now.lines, now.control, catalogue=spending.catalogue, coverage_floor=floor, learnt=spending.learnt
    )
    return replace(spending, now=replace(now, proof=proof))


def _small_together(table: pd.DataFrame) -> pd.DataFrame:
    if len(table) <= _SMALL + 1:
        return table
    rest = table.iloc[_SMALL:]
    sums: dict[str, object] = {name: total(rest[name]) for name in table.columns if name != "model"}
    together = {"model": f"{len(rest)} others"} | sums
    return pd.concat([table.iloc[:_SMALL], pd.DataFrame([together], dtype="object")], ignore_index=True)
