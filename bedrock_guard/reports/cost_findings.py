"""What of a cost report a person has to look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import pandas as pd

from bedrock_guard.boundary.controls import title_of
from bedrock_guard.evidence.caller_names import short
from bedrock_guard.evidence.spend_views import unusual_days
from bedrock_guard.evidence.tables import dollars, total
from bedrock_guard.evidence.what_if import WhatIf, share
from bedrock_guard.evidence.words import listed, many
from bedrock_guard.present.table import plain
from bedrock_guard.reports.figures import Finding, Severity
from bedrock_guard.reports.parts import ended_exceptions, gravest_first

if TYPE_CHECKING:
    from bedrock_guard.account.situation import Situation
    from bedrock_guard.account.spending import Spending
    from bedrock_guard.reports.settings import CostSettings

_NAMED: Final = 4
_LED: Final = 3
"""Suspicions that stand above everything where there are many."""
_WORTH_A_LOOK: Final = Decimal(100)
_KEYED: Final = ("long_term", "short_term")


def cost_findings(
    spending: Spending, situation: Situation, found: WhatIf, commitments: pd.DataFrame, settings: CostSettings
) -> tuple[Finding, ...]:
    """Everything that deserves a look, gravest first; nothing is said about what is not known."""
    proof = spending.now.proof
    before = None if spending.before.gaps else spending.before.proof.usage
    today, unit = situation.account.now.date(), spending.currency
    by_spec = (
        *refused_models(situation, found, settings.unapproved_usd, unit),
        *stranded(situation, found, unit),
    )
    return gravest_first(
        [
            *over_budget(proof.headline, settings.budget_usd, settings.days, unit),
            *growth(proof.headline, before, settings.growth_percent, unit),
            *coverage(proof.coverage, proof.coverage_floor),
            *(_weighed(one, own=bool(settings.spec)) for one in by_spec),
            *new_models(spending),
            *unusual(spending, situation.calls),
            *ending(commitments, today, settings.commitment_days),
            *ended_exceptions(found.spec, today, settings.exception_days),
            *unmapped(situation, settings.unmapped_usd, unit),
        ]
    )


def _weighed(found: Finding, *, own: bool) -> Finding:
    """What only the shipped example would do to dollars is no alarm: nobody chose it."""
    if own:
        return found
    return found.model_copy(update={"severity": "low", "text": f"By the example spec: {found.text}"})


def over_budget(used: Decimal | None, budget: Decimal | None, days: int, unit: str = "USD") -> list[Finding]:
    """The window's spend is above the budget. Nothing is said while either is unknown; no bill is held to a budget in
    another currency.

    Example:
        >>> [found.severity for found in over_budget(Decimal(12), Decimal(10), 28)]
        ['high']

    """
    if budget is None or used is None or used <= budget or unit != "USD":
        return []
    more = dollars(used - budget)
    text = f"Bedrock cost {dollars(used)} in {days} days: {more} over the budget of {dollars(budget)}."
    return [Finding(id="over_budget", severity="high", text=text)]


def growth_percent(used: Decimal | None, before: Decimal | None) -> Decimal | None:
    """Growth against the window before, percent with one decimal; None where it cannot be told."""
    return None if used is None or before is None else share(used - before, before)


def growth(
    used: Decimal | None, before: Decimal | None, limit: Decimal | None, unit: str = "USD"
) -> list[Finding]:
    """Spend grew by more than the limit against the window before.

    Example:
        >>> growth(Decimal(180), Decimal(100), Decimal(50))[0].text
        'Bedrock spend grew by 80.0 % against the window before: from $100.00 to $180.00.'

    """
    percent = growth_percent(used, before)
    if limit is None or percent is None or percent <= limit:
        return []
    moved = f"from {dollars(before, unit)} to {dollars(used, unit)}"
    text = f"Bedrock spend grew by {percent} % against the window before: {moved}."
    return [Finding(id="growth", severity="high", text=text)]


def coverage(named: Decimal | None, floor: Decimal) -> list[Finding]:
    """Too few model dollars have a model, so that sums by model mislead."""
    if named is None or named >= floor:
        return []
    text = f"Only {named * 100:.1f} % of model dollars have a model; the floor is {floor * 100:.1f} %."
    return [Finding(id="coverage", severity="high", text=text)]


def refused_models(
    situation: Situation, found: WhatIf, limit: Decimal | None, unit: str = "USD"
) -> list[Finding]:
    """Models with spend that would be refused; the small ones together; none while their sum is within the limit."""
    spent = _by_model(found, "refused")
    if limit is None or total(cost for _, cost in spent) <= limit:
        return []
    shown = [_refused_model(situation, found, model, cost, unit) for model, cost in spent[:_NAMED]]
    if len(spent) > _NAMED:
        rest = dollars(total(cost for _, cost in spent[_NAMED:]), unit)
        text = f"{many(len(spent) - _NAMED, 'more model')}: {rest} would be refused in all."
        shown.append(Finding(id="refused:others", severity="low", text=text))
    return shown


def stranded(situation: Situation, found: WhatIf, unit: str = "USD") -> list[Finding]:
    """Capacity that is paid until its term ends although calls to it would be refused."""
    return [
        Finding(
            id=f"stranded:{model}",
            severity="medium",
            text=f"{situation.name_of(model)}: {dollars(cost, unit)} of committed capacity goes on being paid "
            f"although calls to it would be refused{_refusing(found, model)}{_billed(situation, model)}.",
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
        since, cost = f"{part['day'].min():%Y-%m-%d}", dollars(total(part["cost"]), spending.currency)
        text = f"{spending.name_of(str(model))} is new: first billed on {since}, {cost}."
        found.append(Finding(id=f"new_model:{model}", severity="medium", text=text, evidence=(str(model),)))
    return found


def unusual(spending: Spending, calls: pd.DataFrame) -> list[Finding]:
    """Days on which a model cost unusually much, one finding a model; see `evidence.changes.AnomalyRule`.

    Dollars are what is beyond the usual. It is grave where callers with a Bedrock key called more than they usually
    do on those days: that is what a stolen key looks like.
    """
    if spending.now.gaps:
        return []
    days = unusual_days(None if spending.before.gaps else spending.lines_before, spending.lines)
    days = days.assign(name=days["model"].astype("object").where(days["model"].notna(), ""))
    return [_unusual(spending, calls, str(model), part) for model, part in days.groupby("name")]


def _unusual(spending: Spending, calls: pd.DataFrame, model: str, days: pd.DataFrame) -> Finding:
    when = _days(sorted(days["day"]))
    cost, more = total(days["cost"]), total(days["cost"]) - total(days["usual"])
    unit = spending.currency
    who = more_calls(calls, model, set(days["day"])) if model else ()
    keyed = any(with_key for _, _, with_key in who)
    named, counts = [name for name, _, _ in who], [_calls(n, with_key=key) for _, n, key in who]
    nobody = ", and no caller is seen to have called it more" if model else ""
    said = f", when {listed(named)} called it more than usual ({', '.join(counts)})" if named else nobody
    whose = ", all its callers together" if model else ""
    what = spending.name_of(model) if model else "Spend that names no model"
    text = (
        f"{what} cost {dollars(more, unit)} more than usual "
        f"{when}{whose}{said}. In all it was {dollars(cost, unit)}.{' See the key usage report.' if keyed else ''}"
    )
    grave = more >= _WORTH_A_LOOK
    severity: Severity = "high" if grave and keyed else "medium" if grave else "low"
    return Finding(
        id=f"unusual:{model or 'no model'}", severity=severity, text=text, evidence=(model,) if model else ()
    )


def suspicions(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Grave unusual spend with a key, as the sentence that a reader needs first."""
    grave = [f for f in findings if f.id.startswith("unusual:") and f.severity == "high"]
    told = "The theft alone: see the key usage report."
    first = [f"Perhaps a stolen key: {found.text.partition('. ')[0]}. {told}" for found in grave[:_LED]]
    more = [f"{len(grave) - _LED} more findings are of that kind."] if len(grave) > _LED else []
    return (*first, *more)


def _calls(number: int, *, with_key: bool) -> str:
    return f"{many(number, 'call')}{' with an API key' if with_key else ''}"


def _days(days: Sequence[pd.Timestamp]) -> str:
    """Days in words: a run as its ends."""
    said = [f"{day:%Y-%m-%d}" for day in days]
    if len(days) > 2 and days[-1] - days[0] == timedelta(days=len(days) - 1):
        return f"from {said[0]} to {said[-1]}"
    return f"on {', '.join(said)}"


def more_calls(calls: pd.DataFrame, model: str, days: set[pd.Timestamp]) -> tuple[tuple[str, int, bool], ...]:
    """Callers of a model on some days who called it at least twice as much as on their other days, most calls first.

    Args:
        calls: the trail table, or TUPLES with a count in `calls`.
        model: its id.
        days: midnights, UTC.

    Returns:
        (name, calls on those days, whether some were with a Bedrock key), at most three.

    """
    of_it = calls[(calls["model"] == model) & calls["principal"].notna()]
    counted = "calls" in of_it.columns
    when = of_it["day"] if counted else of_it["event_time"].dt.floor("D")
    table = pd.DataFrame(
        {
            "principal": of_it["principal"].astype(str),
            "n": of_it["calls"].astype(int) if counted else 1,
            "inside": when.isin(list(days)),
            "day": when,
            "keyed": of_it["key_kind"].isin(list(_KEYED)),
        }
    )
    others = max(table["day"].nunique() - len(days), 1)
    found = []
    for principal, part in table.groupby("principal"):
        own = part[part["inside"]]
        now, usual = int(own["n"].sum()), int(part["n"].sum() - own["n"].sum())
        if now * others >= 2 * usual * len(days) and now:
            found.append((short(principal), now, bool(own["keyed"].any())))
    return tuple(sorted(found, key=lambda one: -one[1])[:3])


def ending(commitments: pd.DataFrame, today: date, days: int) -> list[Finding]:
    """Commitments that end within so many days."""
    found = []
    for name, ends in zip(commitments["name"], commitments["ends"], strict=True):
        if pd.isna(ends) or not timedelta() <= ends.date() - today <= timedelta(days=days):
            continue
        text = f"The commitment {plain(name)} ends on {ends:%Y-%m-%d}: renew it, or plan to go without."
        found.append(Finding(id=f"commitment_ending:{name}", severity="medium", text=text))
    return found


def unmapped(situation: Situation, limit: Decimal | None, unit: str = "USD") -> list[Finding]:
    """Lines of the bill whose usage type names no known model."""
    lines = situation.reconciliation.unmapped
    cost = total(lines["cost"])
    if limit is None or lines.empty or cost <= limit:
        return []
    names = ", ".join(map(plain, lines["usage_type"].head(3)))
    text = f"{dollars(cost, unit)} is on usage types that name no known model: {names}."
    return [Finding(id="unmapped", severity="low", text=text, evidence=tuple(map(str, lines["usage_type"])))]


def _by_model(found: WhatIf, outcome: str) -> list[tuple[str, Decimal]]:
    table = found.impact.by_model()
    named: Iterable[tuple[str, Decimal]] = zip(table["model"].astype(str), table[outcome], strict=True)
    return sorted(((model, cost) for model, cost in named if cost > 0), key=lambda pair: -pair[1])


def _billed(situation: Situation, model: str) -> str:
    """From when to when the model is on the bill (UTC), where that is not the whole window."""
    days = situation.bill.loc[situation.bill["model"] == model, "day"]
    ends = (situation.start, situation.end - timedelta(days=1))
    if days.empty or (days.min(), days.max()) == ends:
        return ""
    return f", billed {' to '.join(dict.fromkeys(f'{day:%Y-%m-%d}' for day in (days.min(), days.max())))}"


def _refusing(found: WhatIf, model: str) -> str:
    """By which control the capacity of an approved model is stranded; nothing for one that is not approved."""
    if model not in {choice.id for choice in found.built.profile.models}:
        return ""
    own = found.refusing[(found.refusing["model"] == model) & (found.refusing["outcome"] == "stranded")]
    names = sorted(set(own["control"].dropna()))
    said = "; ".join(f"the control “{title_of(name)}”" for name in names)
    return f" (the model is approved; what refuses them is {said})" if said else ""


def _otherwise(found: WhatIf, model: str) -> str:
    """How an approved model is used where it would be refused."""
    lines = found.impact.lines
    own = lines[(lines["model"] == model) & (lines["outcome"] == "refused")]
    tiers = sorted(set(own["tier"].dropna()) - {"standard"})
    lanes = ["the global profile"] if (own["route"] == "global").all() else []
    ways = [f"{tier} inference" for tier in tiers] if len(tiers) == own["tier"].nunique() else []
    return (
        f"for {', '.join(ways or lanes)}"
        if ways or lanes
        else "by the route or in the Region it is called by"
    )


def _refused_model(situation: Situation, found: WhatIf, model: str, refused: Decimal, unit: str) -> Finding:
    listed = model in {choice.id for choice in found.built.profile.models}
    why = f"is approved, but not {_otherwise(found, model)}" if listed else "is not approved"
    part = share(refused, found.impact.governed)
    text = (
        f"{situation.name_of(model)} {why}: {dollars(refused, unit)} would be refused, {part} % of the spend on models"
        f"{_billed(situation, model)}."
    )
    severity: Severity = "medium" if refused >= _WORTH_A_LOOK else "low"
    return Finding(id=f"refused:{model}", severity=severity, text=text, evidence=(model,))
