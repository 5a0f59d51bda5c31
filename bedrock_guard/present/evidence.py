"""Tables of evidence as both the workbench and the reports show them, with names in place of ids."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.evidence.caller_spend import by_caller
from bedrock_guard.evidence.impact import OUTCOMES
from bedrock_guard.evidence.tables import dollars, total
from bedrock_guard.evidence.what_if import WhatIf, short_name
from bedrock_guard.present.table import Shown, plain

if TYPE_CHECKING:
    from bedrock_guard.account.situation import Situation
    from bedrock_guard.evidence.reconcile import Reconciliation

KINDS: Final[Mapping[str, str]] = {
    "boundary": "permissions boundary",
    "deny": "policy to attach beside it",
    "scp": "service control policy",
}
_CENT: Final = Decimal("0.01")
NO_SAVING: Final = "Refused spend is not a saving: people may move to another model."


def cards(found: WhatIf, situation: Situation) -> dict[str, Decimal | None]:
    """The headline's words and dollars: what was used first, then the parts that add up to it."""
    used = situation.reconciliation.headline
    outside = None if used is None else used - found.impact.governed
    return {
        "used, before credits, refunds, discounts and tax": used,
        "would be kept": found.impact.spend("kept"),
        "would be refused": found.impact.spend("refused"),
        "stranded: paid although refused": found.impact.spend("stranded"),
        "unknown": found.impact.spend("unknown"),
        "not decided by the boundary": outside,
    }


def by_model(found: WhatIf, situation: Situation) -> pd.DataFrame:
    """`Impact.by_model` with the models' names."""
    table = found.impact.by_model()
    return table.assign(model=[situation.name_of(str(name)) for name in table["model"]])


def chart_rows(found: WhatIf | None, situation: Situation, most: int) -> pd.DataFrame:
    """`by_model` for a chart: the dearest models, and the rest as one row."""
    if found is None:
        return pd.DataFrame(columns=["model", *OUTCOMES])
    table = by_model(found, situation)
    if len(table) <= most:
        return table
    rest = table.iloc[most - 1 :]
    row = {
        "model": f"{len(rest)} more models",
        **{name: total(rest[name]) for name in [*OUTCOMES, "cost_usd"]},
    }
    return pd.concat([table.iloc[: most - 1], pd.DataFrame([row])], ignore_index=True)


def change(before: WhatIf, after: WhatIf) -> str:
    """What a change did to the dollars, in a sentence to be read out."""
    parts = []
    for outcome in OUTCOMES:
        moved = after.impact.spend(outcome) - before.impact.spend(outcome)
        if moved.quantize(_CENT):
            parts.append(f"{outcome} {'up' if moved > 0 else 'down'} {dollars(abs(moved))}")
    calls = after.count("refused") - before.count("refused")
    if calls:
        parts.append(f"refused calls {'up' if calls > 0 else 'down'} {abs(calls):,}")
    return (
        f"{', '.join(parts)[:1].upper()}{', '.join(parts)[1:]}." if parts else "No dollar and no call moves."
    )


def by_day(found: WhatIf | None) -> pd.DataFrame:
    """Calls per day (UTC) by verdict: day, allowed, refused, depends, already_denied."""
    columns = ["day", "allowed", "refused", "depends", "already_denied"]
    return pd.DataFrame(columns=columns) if found is None else found.judged.by_day[columns]


def days(found: WhatIf) -> Shown:
    """Calls per day."""
    caption = "Calls per day (UTC). Calls that were denied already are told apart."
    return Shown(
        by_day(found),
        caption,
        {"already_denied": "denied already", "depends": "hangs on an unknown"},
        limit=100,
    )


def models(found: WhatIf, situation: Situation) -> Shown:
    """Spend by model and outcome."""
    caption = f"Spend by model in the window, USD. {NO_SAVING}"
    return Shown(by_model(found, situation), caption, {"cost_usd": "all"}, total=True)


def users(found: WhatIf, situation: Situation) -> Shown:
    """Who spends most of each model."""
    spent = _users(found)
    table = found.impact.by_model()
    rows = [
        {
            "model": situation.name_of(str(name)),
            "cost_usd": cost,
            "used_by": spent.get(str(name), "no call seen here"),
        }
        for name, cost in zip(table["model"], table["cost_usd"], strict=True)
    ]
    caption = "Who uses each model, dearest first. Dollars are shared out by tokens, else by calls."
    frame = pd.DataFrame(rows, columns=["model", "cost_usd", "used_by"])
    return Shown(frame, caption, {"cost_usd": "all", "used_by": "most of it by"})


def _users(found: WhatIf, most: int = 3) -> dict[str, str]:
    """Model -> its callers with their dollars, dearest first."""
    spent = by_caller(found.judged, found.impact, ("model", "principal")).iloc[:-1]
    lines: dict[str, list[tuple[Decimal, str]]] = {}
    for row in spent.to_dict("records"):
        caller = plain(None) if pd.isna(row["principal"]) else short_name(str(row["principal"]))
        lines.setdefault(str(row["model"]), []).append((total(row[name] for name in OUTCOMES), caller))
    return {model: _most(sorted(users, reverse=True), most) for model, users in lines.items()}


def _most(users: list[tuple[Decimal, str]], most: int) -> str:
    said = [f"{caller} {dollars(cost)}" for cost, caller in users[:most]]
    return ", ".join(said) + (f" and {len(users) - most} more" if len(users) > most else "")


def callers(found: WhatIf, situation: Situation, limit: int = 50) -> Shown:
    """Callers of whom a call would be refused, with their dollars; what has no caller stands last."""
    spent = by_caller(found.judged, found.impact)
    hit = found.callers().merge(spent, on=["account_id", "principal", "client"], how="left")
    several = hit["account_id"].nunique() > 1
    rows = [
        {
            "caller": _caller(row["principal"], row["account_id"] if several else None),
            "client": row["client"],
            "refused": _known(row["refused"]),
            "calls_refused": f"{row['calls']:,}",
            "models": tuple(situation.name_of(model) for model in row["models"]),
            "controls": row["controls"],
            "last_call": row["last_call"],
        }
        for row in hit.to_dict("records")
    ]
    rows.sort(key=lambda row: (-(row["refused"] or 0), -int(str(row["calls_refused"]).replace(",", ""))))
    rest = spent.iloc[-1]
    blank = {"client": "", "calls_refused": "", "models": "", "controls": "", "last_call": ""}
    rows.append({"caller": "no call of it seen here", "refused": rest["refused"], **blank})
    columns = ["caller", "client", "refused", "calls_refused", "last_call", "models", "controls"]
    caption = (
        "Calls that worked in the window and would be refused. Dollars are shared out by tokens, or by calls where "
        "tokens are not told. No call is seen of other accounts, batch jobs and capacity."
    )
    frame = pd.DataFrame(rows, columns=columns)
    return Shown(frame, caption, {"refused": "refused USD"}, limit=limit)


def _known(value: Any) -> Decimal | None:
    """None for a caller whose calls name no billed model: what they cost is not known."""
    return None if pd.isna(value) else value


def _caller(principal: Any, account: Any) -> str:
    name = plain(None) if pd.isna(principal) else short_name(str(principal))
    return name if account is None or pd.isna(account) else f"{name} in {account}"


def controls(found: WhatIf) -> Shown:
    """Calls refused, by control."""
    return Shown(found.by_control(), "The same calls by the control that refuses them first.")


def ec2(found: WhatIf) -> Shown:
    """EC2 spend by type, and whether the type may start again."""
    headers = {"outcome": "launching it again", "cost_usd": "cost"}
    table = found.ec2.fillna({"instance_type": "no instance type"})
    return Shown(table, "EC2 compute, amortised. A boundary stops no running instance.", headers)


def proof(reconciliation: Reconciliation) -> Shown:
    """Control total, buckets and difference."""
    table = reconciliation.table()
    lines = ["" if pd.isna(count) else f"{count:,}" for count in table["lines"]]
    frame = table.assign(lines=lines).rename(columns={"amount": "amount_usd"})
    caption = (
        "Every line of the bill stands in exactly one bucket; together they must give the control total."
    )
    return Shown(frame, caption, currency=reconciliation.currency or "USD")


def sizes(found: WhatIf) -> Shown:
    """Every document with its size against its quota."""
    rows = [(p.name, KINDS[p.kind], p.size, p.quota) for p in found.built.packed]
    frame = pd.DataFrame(rows, columns=["document", "kind", "characters", "quota"])
    return Shown(frame, "Policy documents, in the characters that AWS counts.")
