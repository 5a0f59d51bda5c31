"""The cost report: what Bedrock cost, whether it adds up, and what of it the boundary would refuse."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from html import escape
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from bedrock_guard.account.situation import Situation, open_account
from bedrock_guard.evidence.impact import OUTCOMES
from bedrock_guard.evidence.tables import Provenance, dollars, total
from bedrock_guard.evidence.what_if import WhatIf
from bedrock_guard.present import evidence
from bedrock_guard.present.charts import daily, outcome_by_model
from bedrock_guard.present.table import NO_MATH, Shown, plain, source_note
from bedrock_guard.reports.cost_findings import cost_findings
from bedrock_guard.reports.figures import Figure, Figures, Finding
from bedrock_guard.reports.settings import CostSettings

_SMALL: Final = 8
_DAILY: Final = 5


@dataclass(frozen=True)
class CostReport:
    """One run's evidence and what is shown of it; the notebook shows these attributes one by one.

    Args:
        settings: the checked parameters.
        situation: what was read.
        found: the consequences of the spec.

    """

    settings: CostSettings
    situation: Situation
    found: WhatIf

    @classmethod
    def make(cls, **parameters: Any) -> CostReport:
        """Read the account and compute.

        Raises:
            ValidationError: a parameter is unknown or does not fit.
            GuardError: the spec cannot be used, or no session could be made.

        """
        settings = CostSettings.model_validate(parameters)
        situation = open_account(settings.account).situation(settings.days)
        return cls(settings, situation, situation.what_if(situation.spec(settings.spec or None)))

    @property
    def headline(self) -> Html:
        """The cards at the top, or why they are withheld."""
        withheld = self.situation.reconciliation.withheld
        if withheld:
            return Html(
                f'<p class="withheld"><b>The headline is withheld.</b> {escape("; ".join(withheld))}</p>'
            )
        shown = evidence.cards(self.found, self.situation)
        cards = "".join(f"<li><b>{dollars(v)}</b><span>{escape(k)}</span></li>" for k, v in shown.items())
        note = f'<p class="note">{escape(self.situation.line())}</p>'
        return Html(f'<ul class="headline">{cards}</ul>{note}')

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What a person has to look at, gravest first."""
        return cost_findings(self.situation, self.found, self.settings)

    @property
    def findings_shown(self) -> Html:
        """The findings as a list."""
        if not self.findings:
            return Html("<p>Nothing in this window needs a look.</p>")
        return Html("".join(f'<p class="finding">{escape(plain(f.text))}</p>' for f in self.findings))

    @property
    def model_chart(self) -> go.Figure:
        """Spend by model and outcome, the small ones together."""
        return outcome_by_model(_small_together(evidence.by_model(self.found, self.situation)))

    @property
    def models(self) -> Shown:
        """The same numbers, every model."""
        return evidence.models(self.found, self.situation)

    @property
    def daily_chart(self) -> go.Figure:
        """Model spend a day."""
        return daily(self._days(), by="model", title="Model spend per day, USD")

    @property
    def kinds(self) -> Shown:
        """Model spend by token kind, price lane and tier."""
        lines = self._models()
        rows = [
            {"token_kind": kind, "price_lane": route, "tier": tier, "cost_usd": total(part["cost"])}
            for (kind, route, tier), part in lines.groupby(["token_kind", "route", "tier"], dropna=False)
        ]
        frame = pd.DataFrame(rows, columns=["token_kind", "price_lane", "tier", "cost_usd"])
        ordered = frame.sort_values("cost_usd", ascending=False, ignore_index=True)
        return Shown(
            ordered,
            "Global profiles bill a lower price lane than regional calls.",
            {"cost_usd": "cost"},
            total=True,
        )

    @property
    def callers(self) -> Shown:
        """Callers whose calls would have been refused."""
        return evidence.callers(self.found, self.situation, limit=20)

    @property
    def ec2(self) -> Shown:
        """EC2 spend by type, and whether the type may start again."""
        return evidence.ec2(self.found)

    @property
    def reconciliation(self) -> Shown:
        """Control total, buckets, difference."""
        return evidence.proof(self.situation.reconciliation)

    @property
    def sources(self) -> Html:
        """Where each table came from."""
        notes = [f"{name}: {source_note(p)}" for name, p in self.situation.provenances().items()]
        return Html("".join(f'<p class="note">{escape(note)}</p>' for note in notes))

    @cached_property
    def figures(self) -> Figures:
        """Every figure of the report, as data."""
        bill = self.situation.provenances()["bill"]
        held = not self.situation.reconciliation.withheld
        sums: dict[str, Decimal | None] = {o: self.found.impact.spend(o) for o in OUTCOMES}
        sums = {"total": self._usage(), **sums}
        figures = {name: _figure(value if held else None, bill) for name, value in sums.items()}
        figures["control_total"] = _figure(self.situation.reconciliation.control_total, bill)
        figures["difference"] = _figure(self.situation.reconciliation.difference, bill)
        return Figures(
            report="cost",
            account_id=self.situation.account.account_id,
            window_start=self.situation.start,
            window_end=self.situation.end,
            made_at=self.situation.account.now,
            figures=figures,
            findings=self.findings,
        )

    def _usage(self) -> Decimal | None:
        return self.situation.reconciliation.headline

    def _models(self) -> pd.DataFrame:
        return self.situation.bill[self.situation.bill["bucket"] == "model"]

    def _days(self) -> pd.DataFrame:
        lines = self._models()
        top = list(self.found.impact.by_model()["model"][:_DAILY])
        named = [self.situation.name_of(m) if m in top else "others" for m in lines["model"].astype("object")]
        rows = [
            {"day": day, "model": model, "cost_usd": total(part["cost"])}
            for (day, model), part in lines.groupby([lines["day"], pd.Series(named, index=lines.index)])
        ]
        return pd.DataFrame(rows, columns=["day", "model", "cost_usd"])


@dataclass(frozen=True, slots=True)
class Html:
    """A piece of the page, escaped where it was made."""

    text: str

    def _repr_html_(self) -> str:
        return f'<div class="{NO_MATH}">{self.text}</div>'

    def __repr__(self) -> str:
        return "Html"


def _figure(value: Decimal | None, source: Provenance) -> Figure:
    return Figure(
        value=None if value is None else f"{value:f}",
        unit="USD",
        source=source.source,
        completeness=source.completeness if value is not None else "unknown",
        why=source.why if value is not None else source.why or "withheld",
    )


def _small_together(table: pd.DataFrame) -> pd.DataFrame:
    if len(table) <= _SMALL + 1:
        return table
    rest = table.iloc[_SMALL:]
    sums: dict[str, object] = {name: total(rest[name]) for name in (*OUTCOMES, "cost_usd")}
    together = {"model": f"{len(rest)} others"} | sums
    return pd.concat([table.iloc[:_SMALL], pd.DataFrame([together], dtype="object")], ignore_index=True)
