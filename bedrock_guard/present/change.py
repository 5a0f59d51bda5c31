"""A change's plan, its refusals and its steps, for people."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

import pandas as pd

from bedrock_guard.change.drift import summary
from bedrock_guard.change.errors import PlanRefusedError
from bedrock_guard.change.plan import Plan
from bedrock_guard.present.table import Shown, plain

_MOST: Final = 100


def reasons(error: PlanRefusedError) -> Shown:
    """Why no plan is made, each with what to do."""
    rows = [
        {"what": one.what, "why": one.why, "what to do": one.remedy, "instead": one.offer}
        for one in error.refusals
    ]
    return Shown(pd.DataFrame(rows), f"No plan, for {len(rows)} reasons. Nothing was written.", limit=_MOST)


def steps(plan: Plan) -> Shown:
    """What will be done, in order."""
    rows = [{"step": number, "what": step.words()} for number, step in enumerate(plan.steps, start=1)]
    caption = f"{len(rows)} steps, from {plan.name}, valid until {plan.expires:%Y-%m-%d %H:%M} UTC."
    if not rows:
        caption = "Everything is as wished: there is nothing to do."
    return Shown(pd.DataFrame(rows, columns=["step", "what"]), caption, limit=_MOST)


def targets(plan: Plan) -> Shown:
    """Who is selected, and who else is hit."""
    rows = [{"who": one.who, "boundary now": one.boundary or "none", "selected": True} for one in plan.people]
    rows += [{"who": name, "boundary now": "ours", "selected": False} for name in plan.bystanders]
    caption = (
        f"Selected: {plan.selection}. {plan.selected} of {plan.users} users and {plan.roles} roles; "
        f"not selected and hit all the same: {len(plan.bystanders)}."
    )
    return Shown(pd.DataFrame(rows, columns=["who", "boundary now", "selected"]), caption, limit=_MOST)


def effects(plan: Plan) -> Shown:
    """What changes against what is deployed, by those whose documents are alike."""
    rows = [
        {
            "who": one.who,
            "before": one.former,
            "classes refused now": one.closes,
            "classes allowed now": one.opens,
            "more there may be": one.incomplete,
        }
        for one in plan.effects
    ]
    columns = ["who", "before", "classes refused now", "classes allowed now", "more there may be"]
    return Shown(pd.DataFrame(rows, columns=columns), "What changes against what is deployed.", limit=_MOST)


def hits(plan: Plan) -> Shown:
    """Who of the selected was active in the window and would have been refused."""
    found = plan.history
    if found is None:
        return Shown(pd.DataFrame(), "Nobody looked at past calls: who would have been refused is unknown.")
    rows = [
        {
            "who": one.principal,
            "calls refused": one.calls,
            "last call": datetime.fromisoformat(one.last_call),
            "models": one.models,
            "controls": one.controls,
        }
        for one in found.hits
    ]
    caption = (
        f"Of the calls of {found.window}, the change would have refused these."
        if rows
        else f"Of the calls of {found.window}, the change would have refused none."
    )
    columns = ["who", "calls refused", "last call", "models", "controls"]
    return Shown(pd.DataFrame(rows, columns=columns), caption, limit=_MOST)


def drift(frame: pd.DataFrame) -> Shown:
    """`change.drift` for people: what holds whom, against the choice; worst first."""
    rows = [
        {
            "who": row["principal"],
            "state": row["state"],
            "what is found": row["detail"] or "every document as asked",
            "boundary now": row["boundary_arn"] or "none",
            "a request that shows it": _request(row["witness"]) if row["witness"] else "",
        }
        for row in frame.fillna("").to_dict("records")
    ]
    columns = ["who", "state", "what is found", "boundary now", "a request that shows it"]
    return Shown(pd.DataFrame(rows, columns=columns), "What holds whom, the worst first.", limit=_MOST)


def drift_words(frame: pd.DataFrame) -> str:
    """How many targets are in each state, in one line."""
    return f"Against the choice as it is now: {', '.join(summary(frame)) or 'no target in this account'}"


def _request(witness: str) -> str:
    asked = json.loads(witness)
    context = "".join(f", {key}={plain(value)}" for key, value in asked["context"].items())
    return f"{asked['action']} on {asked['resource']}{context}"
