"""Tables of evidence as both the workbench and the reports show them, with names in place of ids."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import pandas as pd

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


def models(found: WhatIf, situation: Situation) -> Shown:
    """Spend by model and outcome."""
    caption = f"Spend by model in the window, USD. {NO_SAVING}"
    return Shown(by_model(found, situation), caption, {"cost_usd": "all"}, total=True)


def callers(found: WhatIf, situation: Situation, limit: int = 50) -> Shown:
    """Callers of whom a call would be refused."""
    table = found.callers()
    called = [tuple(situation.name_of(model) for model in row) for row in table["models"]]
    short = [plain(name) if pd.isna(name) else short_name(str(name)) for name in table["principal"]]
    named = table.assign(principal=short, models=pd.Series(called, dtype="object"))
    caption = "Calls that worked in the window and would be refused, by caller and client."
    return Shown(named, caption, {"account_id": "account", "principal": "caller"}, limit=limit)


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
