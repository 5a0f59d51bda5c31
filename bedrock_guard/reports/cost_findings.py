"""What of a cost report a person has to look at."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from bedrock_guard.evidence.tables import dollars, total
from bedrock_guard.evidence.what_if import WhatIf, share
from bedrock_guard.present.table import plain
from bedrock_guard.reports.figures import Finding

if TYPE_CHECKING:
    from bedrock_guard.account.situation import Situation
    from bedrock_guard.reports.settings import CostSettings

_GRAVITY: Final = {"high": 0, "medium": 1, "low": 2}
_NAMED: Final = 4


def cost_findings(situation: Situation, found: WhatIf, settings: CostSettings) -> tuple[Finding, ...]:
    """Spend over budget, spend that the spec does not approve, stranded commitments, unmapped lines; gravest first."""
    everything = [
        *over_budget(situation.reconciliation.headline, settings.budget_usd, settings.days),
        *refused_models(situation, found),
        *stranded(situation, found),
        *unmapped(situation),
    ]
    return tuple(sorted(everything, key=lambda finding: _GRAVITY[finding.severity]))


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


def refused_models(situation: Situation, found: WhatIf) -> list[Finding]:
    """Models with spend that would be refused; the small ones together."""
    spent = _by_model(found, "refused")
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


def unmapped(situation: Situation) -> list[Finding]:
    """Lines of the bill whose usage type names no known model."""
    lines = situation.reconciliation.unmapped
    if lines.empty:
        return []
    names = ", ".join(map(plain, lines["usage_type"].head(3)))
    text = f"{dollars(total(lines['cost']))} on usage types that name no known model: {names}."
    return [Finding(id="unmapped", severity="low", text=text, evidence=tuple(map(str, lines["usage_type"])))]


def _by_model(found: WhatIf, outcome: str) -> list[tuple[str, Decimal]]:
    table = found.impact.by_model()
    named = zip(table["model"], table[outcome], strict=True)
    return sorted(((str(model), cost) for model, cost in named if cost > 0), key=lambda pair: -pair[1])


def _refused_model(situation: Situation, found: WhatIf, model: str, refused: Decimal) -> Finding:
    listed = model in {choice.id for choice in found.built.profile.models}
    why = "is approved, but not by the route, region or tier it is called by" if listed else "is not approved"
    part = share(refused, found.impact.governed)
    text = (
        f"{situation.name_of(model)} {why}: {dollars(refused)} would be refused, "
        f"{part} % of what the boundary decides on."
    )
    return Finding(id=f"refused:{model}", severity="medium", text=text, evidence=(model,))
