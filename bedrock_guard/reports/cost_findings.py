"""What of a cost report a person has to look at."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import pandas as pd

from bedrock_guard.evidence.spend_views import unusual_days
from bedrock_guard.evidence.tables import dollars, total
from bedrock_guard.evidence.what_if import WhatIf, share
from bedrock_guard.present.table import plain
from bedrock_guard.reports.figures import Finding, Severity
from bedrock_guard.reports.parts import ended_exceptions, gravest_first

if TYPE_CHECKING:
    from bedrock_guard.account.situation import Situation
    from bedrock_guard.account.spending import Spending
    from bedrock_guard.reports.settings import CostSettings

_NAMED: Final = 4
_WORTH_A_LOOK: Final = Decimal(100)


def cost_findings(
    spending: Spending, situation: Situation, found: WhatIf, commitments: pd.DataFrame, settings: CostSettings
) -> tuple[Finding, ...]:
    """Everything that deserves a look, gravest first; nothing is said about what is not known."""
    proof = spending.now.proof
    before = None if spending.before.gaps else spending.before.proof.usage
    today = situation.account.now.date()
    return gravest_first(
        [
            *over_budget(proof.headline, settings.budget_usd, settings.days),
            *growth(proof.headline, before, settings.growth_percent),
            *coverage(proof.coverage, proof.coverage_floor),
            *refused_models(situation, found, settings.unapproved_usd),
            *stranded(situation, found),
            *new_models(spending),
            *unusual(spending),
            *ending(commitments, today, settings.commitment_days),
            *ended_exceptions(found.spec, today, settings.exception_days),
            *unmapped(situation, settings.unmapped_usd),
        ]
    )


def over_budget(used: Decimal | None, budget: Decimal | None, days: int) -> list[Finding]:
    """The window's spend is above the budget. Nothing is said while either is unknown.

    Example:
        >>> [found.severity for found in over_budget(Decimal(12), Decimal(10), 28)]
        ['high']

    """
    if budget is None or used is None or used <= budget:
        return []
    more = dollars(used - budget)
    text = f"Bedrock cost {dollars(used)} in {days} days: {more} over the budget of {dollars(budget)}."
    return [Finding(id="over_budget", severity="high", text=text)]


def growth_percent(used: Decimal | None, before: Decimal | None) -> Decimal | None:
    """Growth against the window before, percent with one decimal; None where it cannot be told."""
    return None if used is None or before is None else share(used - before, before)


def growth(used: Decimal | None, before: Decimal | None, limit: Decimal | None) -> list[Finding]:
    """Spend grew by more than the limit against the window before.

    Example:
        >>> growth(Decimal(180), Decimal(100), Decimal(50))[0].text
        'Bedrock spend grew by 80.0 % against the window before: from $100.00 to $180.00.'

    """
    percent = growth_percent(used, before)
    if limit is None or percent is None or percent <= limit:
        return []
    text = f"Bedrock spend grew by {percent} % against the window before: from {dollars(before)} to {dollars(used)}."
    return [Finding(id="growth", severity="high", text=text)]


def coverage(named: Decimal | None, floor: Decimal) -> list[Finding]:
    """Too few model dollars have a model, so that sums by model mislead."""
    if named is None or named >= floor:
        return []
    text = f"Only {named * 100:.1f} % of model dollars have a model; the floor is {floor * 100:.1f} %."
    return [Finding(id="coverage", severity="high", text=text)]


def refused_models(situation: Situation, found: WhatIf, limit: Decimal | None) -> list[Finding]:
    """Models with spend that would be refused; the small ones together; none while their sum is within the limit."""
    spent = _by_model(found, "refused")
    if limit is None or total(cost for _, cost in spent) <= limit:
        return []
    shown = [_refused_model(situation, found, model, cost) for model, cost in spent[:_NAMED]]
    if len(spent) > _NAMED:
        rest = dollars(total(cost for _, cost in spent[_NAMED:]))
        text = f"{len(spent) - _NAMED} more models: {rest} would be refused in all."
        shown.append(Finding(id="refused:others", severity="low", text=text))
    return shown


def stranded(situation: Situation, found: WhatIf) -> list[Finding]:
    """Capacity that is paid until its term ends although calls to it would be refused."""
    return [
        Finding(
            id=f"stranded:{model}",
            severity="medium",
            text=f"{situation.name_of(model)}: {dollars(cost)} of committed capacity goes on being paid "
            "although calls to it would be refused.",
            evidence=(model,),
        )
        for model, cost in _by_model(found, "stranded")
    ]


def new_models(spending: Spending) -> list[Finding]:
    """Models with spend now and none in the window before; nothing is said when that window is not whole."""
    if spending.before.gaps or spending.lines_before.empty:
        return []
    known = set(spending.lines_before["model"].dropna())
    lines = spending.lines[spending.lines["model"].notna() & ~spending.lines["model"].isin(list(known))]
    found = []
    for model, part in lines.groupby("model"):
        since, cost = f"{part['day'].min():%Y-%m-%d}", dollars(total(part["cost"]))
        text = f"{spending.name_of(str(model))} is new: first billed on {since}, {cost}."
        found.append(Finding(id=f"new_model:{model}", severity="medium", text=text, evidence=(str(model),)))
    return found


def unusual(spending: Spending) -> list[Finding]:
    """Days on which a model cost unusually much, one finding a model; see `evidence.changes.AnomalyRule`."""
    if spending.now.gaps:
        return []
    days = unusual_days(None if spending.before.gaps else spending.lines_before, spending.lines)
    found = []
    for model, part in days[days["model"].notna()].groupby("model"):
        which = ", ".join(f"{day:%Y-%m-%d}" for day in sorted(part["day"])[:_NAMED])
        more = f" and {len(part) - _NAMED} more" if len(part) > _NAMED else ""
        text = f"{spending.name_of(str(model))} cost unusually much on {which}{more}: {dollars(total(part['cost']))}."
        severity: Severity = "medium" if total(part["cost"]) >= _WORTH_A_LOOK else "low"
        found.append(Finding(id=f"unusual:{model}", severity=severity, text=text, evidence=(str(model),)))
    return found


def ending(commitments: pd.DataFrame, today: date, days: int) -> list[Finding]:
    """Commitments that end within so many days."""
    found = []
    for name, ends in zip(commitments["name"], commitments["ends"], strict=True):
        if pd.isna(ends) or not timedelta() <= ends.date() - today <= timedelta(days=days):
            continue
        text = f"The commitment {plain(name)} ends on {ends:%Y-%m-%d}: renew it, or plan to go without."
        found.append(Finding(id=f"commitment_ending:{name}", severity="medium", text=text))
    return found


def unmapped(situation: Situation, limit: Decimal | None) -> list[Finding]:
    """Lines of the bill whose usage type names no known model."""
    lines = situation.reconciliation.unmapped
    cost = total(lines["cost"])
    if limit is None or lines.empty or cost <= limit:
        return []
    names = ", ".join(map(plain, lines["usage_type"].head(3)))
    text = f"{dollars(cost)} on usage types that name no known model: {names}."
    return [Finding(id="unmapped", severity="low", text=text, evidence=tuple(map(str, lines["usage_type"])))]


def _by_model(found: WhatIf, outcome: str) -> list[tuple[str, Decimal]]:
    table = found.impact.by_model()
    named: Iterable[tuple[str, Decimal]] = zip(table["model"].astype(str), table[outcome], strict=True)
    return sorted(((model, cost) for model, cost in named if cost > 0), key=lambda pair: -pair[1])


def _refused_model(situation: Situation, found: WhatIf, model: str, refused: Decimal) -> Finding:
    listed = model in {choice.id for choice in found.built.profile.models}
    why = "is approved, but not by the route, region or tier it is called by" if listed else "is not approved"
    part = share(refused, found.impact.governed)
    text = (
        f"{situation.name_of(model)} {why}: {dollars(refused)} would be refused, "
        f"{part} % of what the boundary decides on."
    )
    return Finding(id=f"refused:{model}", severity="medium", text=text, evidence=(model,))
