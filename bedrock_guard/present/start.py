"""The start page: what stands out in the account, and which notebook answers what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from bedrock_guard.evidence.caller_spend import by_caller
from bedrock_guard.evidence.impact import OUTCOMES
from bedrock_guard.evidence.tables import total
from bedrock_guard.evidence.what_if import short_name
from bedrock_guard.present import evidence
from bedrock_guard.present.keys import inventory
from bedrock_guard.present.table import Shown, plain

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account
    from bedrock_guard.account.situation import Situation
    from bedrock_guard.boundary.spec import BoundarySpec

_MOST: Final = 10


def money(situation: Situation) -> Shown:
    """The dearest models, each with who spends most of it."""
    found = situation.what_if(situation.spec())
    shown = evidence.users(found, situation)
    caption = "Spend by model in the window, USD, dearest first, and the callers that spend most of it."
    return Shown(shown.frame, caption, shown.headers, total=True)


def callers(situation: Situation) -> Shown:
    """The callers that spend most, each with its programs and the models it calls."""
    found = situation.what_if(situation.spec())
    spent = by_caller(found.judged, found.impact, ("principal", "client", "model")).iloc[:-1]
    rows: list[dict[str, object]] = []
    for name, part in spent.groupby("principal", dropna=False):
        cost = total(total(row[o] for o in OUTCOMES) for row in part.to_dict("records"))
        rows.append(
            {
                "caller": plain(None) if pd.isna(name) else short_name(str(name)),
                "cost_usd": cost,
                "clients": tuple(sorted({str(client) for client in part["client"].dropna()})),
                "models": tuple(sorted({situation.name_of(str(model)) for model in part["model"]})),
            }
        )
    frame = pd.DataFrame(rows, columns=["caller", "cost_usd", "clients", "models"])
    frame = frame.sort_values("cost_usd", key=lambda c: c.map(lambda v: -v), ignore_index=True)
    caption = (
        "Callers seen in the window. Dollars are shared out by tokens, or by calls where tokens are not told."
    )
    return Shown(frame, caption, limit=_MOST)


def boundary(situation: Situation, spec: BoundarySpec | None = None) -> Shown:
    """What the boundary of a spec, by default the shipped example, would do to the window's dollars."""
    chosen = spec or situation.spec()
    found = situation.what_if(chosen, next(iter(chosen.profile)))
    rows = [{"what": words, "cost_usd": cost} for words, cost in evidence.cards(found, situation).items()]
    refused = f"{found.count('refused'):,} calls that worked would be refused"
    models = ", ".join(situation.name_of(model.id) for model in found.built.profile.models) or "no model"
    caption = f"With {models} approved: {refused}. Refused spend is not a saving."
    return Shown(pd.DataFrame(rows, columns=["what", "cost_usd"]), caption, {"cost_usd": "USD"})


def keys(account: Account) -> Shown:
    """The long-term API keys there are."""
    return inventory(account.investigation())
