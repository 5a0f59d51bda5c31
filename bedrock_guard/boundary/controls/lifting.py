"""A deny rule that does not hold for some, until a day: what an exception makes of it.

IAM ANDs conditions within a statement and ORs statements, so "denied unless an exception holds" becomes one rule for
those whom no exception names and one for each day on which some of the named lose theirs. It closes by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from bedrock_guard.boundary.controls.model import Rule
from bedrock_guard.boundary.spec import SpecException

PRINCIPAL = "aws:PrincipalArn"
NOW = "aws:CurrentTime"


def lifted(rule: Rule, exceptions: Sequence[SpecException]) -> list[Rule]:
    """The rule, lifted for each exception's principals (everyone, where it names none) until its day.

    Where several exceptions name a principal the latest day counts.
    """
    if not exceptions:
        return [rule]
    everyone = max((entry.until for entry in exceptions if not entry.principals), default=None)
    last = _last_days(exceptions, everyone)
    base = rule if everyone is None else _after(rule, everyone)
    rules = [base.when("ArnNotEquals", PRINCIPAL, last) if last else base]
    for day in sorted(set(last.values())):
        named = _only(_after(rule, day), (arn for arn, until in last.items() if until == day))
        rules += [named] if named else []
    return rules


def _last_days(exceptions: Sequence[SpecException], everyone: date | None) -> dict[str, date]:
    """The last day of each named principal; none for those whom everyone's exception outlasts."""
    last: dict[str, date] = {}
    for entry in exceptions:
        for arn in entry.principals:
            last[arn] = max(entry.until, last.get(arn, entry.until))
    return {arn: day for arn, day in last.items() if everyone is None or day > everyone}


def _after(rule: Rule, day: date) -> Rule:
    """The rule from the end of a day; a later day that it has already stays."""
    tested = rule.conditions.get("DateGreaterThan", {})
    latest = max((*tested.get(NOW, ()), f"{day}T23:59:59Z"))
    return replace(rule, conditions={**rule.conditions, "DateGreaterThan": {**tested, NOW: (latest,)}})


def _only(rule: Rule, principals: Iterable[str]) -> Rule | None:
    """The rule for these principals; None when it already holds for others only."""
    tested = rule.conditions.get("ArnEquals", {})
    named = set(principals) & set(tested[PRINCIPAL]) if PRINCIPAL in tested else set(principals)
    if not named:
        return None
    changed = {**tested, PRINCIPAL: tuple(sorted(named))}
    return replace(rule, conditions={**rule.conditions, "ArnEquals": changed})
