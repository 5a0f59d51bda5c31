"""A change's plan, its refusals and its steps, for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import datetime
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Final

import pandas as pd

from bedrock_guard.boundary.controls import titles
from bedrock_guard.change import review
from bedrock_guard.change.drift import summary
from bedrock_guard.change.errors import PlanRefusedError, Refusal
from bedrock_guard.change.plan import Plan
from bedrock_guard.change.steps_principal import Soak
from bedrock_guard.evidence.what_if import short_name
from bedrock_guard.evidence.words import many, visible
from bedrock_guard.present.table import NO_MATH, Shown, plain

if TYPE_CHECKING:
    from bedrock_guard.change.plan_file import Effect, Seen

_MOST: Final = 100


def reasons(error: PlanRefusedError) -> str:
    """Why no plan is made, as HTML: each reason whole, with what to do, and what can be done instead to copy."""
    items = "".join(map(_reason, error.refusals))
    words = f"No plan, for {many(len(error.refusals), 'reason')}. Nothing was written."
    return f"<p>{escape(words)}</p><ol class='bg-reasons {NO_MATH}'>{items}</ol>"


def _reason(one: Refusal) -> str:
    parts = [f"<b>{escape(visible(one.what))}</b>", escape(visible(one.why))]
    if one.remedy:
        parts.append(f"<i>What to do:</i> {escape(visible(one.remedy))}")
    offer = f"<pre tabindex='0'>{escape(visible(one.offer, lines=True))}</pre>" if one.offer else ""
    return f"<li>{'<br>'.join(filter(None, parts))}{offer}</li>"


def steps(plan: Plan) -> Shown:
    """What will be done, in order."""
    rows = [{"step": number, "what": step.words()} for number, step in enumerate(plan.steps, start=1)]
    caption = f"{len(rows)} steps, from {plan.name}, valid until {plan.expires:%Y-%m-%d %H:%M} UTC."
    if not rows:
        caption = "Everything is as wished: there is nothing to do."
    return Shown(pd.DataFrame(rows, columns=["step", "what"]), caption, limit=_MOST)


def targets(plan: Plan) -> Shown:
    """Who is selected, and who else is hit."""
    first = next((step.who for step in plan.steps if isinstance(step, Soak)), None)
    touched = set(plan.targets)
    rows = [
        {"who": one.who, "boundary now": _name(one.boundary), "when": _when(one, first, touched)}
        for one in plan.people
    ]
    rows += [
        {"who": name, "boundary now": "ours", "when": "not selected; changes with the policy"}
        for name in plan.bystanders
    ]
    caption = (
        f"{plan.selected:,} of {plan.users + plan.roles:,} users and roles are selected, the canary first. "
        f"Not selected, and changing with them by a policy that they have already: {len(plan.bystanders):,}."
    )
    return Shown(pd.DataFrame(rows, columns=["who", "boundary now", "when"]), caption, limit=_MOST)


def _when(one: Seen, first: str | None, touched: AbstractSet[str]) -> str:
    if one.who == first:
        return "first, as the canary"
    return "after the canary" if one.arn in touched else "nothing to do"


def _name(policy: str | None) -> str:
    """A policy's name, without what every ARN has."""
    return policy.rpartition("/")[2] if policy else "none"


def effects(plan: Plan) -> Shown:
    """What changes against what is deployed, by those whose documents are alike."""
    rows = [
        {
            "who": one.who,
            "before": one.former,
            "kinds of request newly refused": _at_least(one.closes, one),
            "newly allowed": _at_least(one.opens, one),
        }
        for one in plan.effects
    ]
    columns = ["who", "before", "kinds of request newly refused", "newly allowed"]
    return Shown(pd.DataFrame(rows, columns=columns), "What changes against what is deployed.", limit=_MOST)


def _at_least(count: int, effect: Effect) -> str:
    if not effect.incomplete:
        return f"{count:,}"
    return f"{count:,} or more" if count else "none found"


def flips(plan: Plan) -> Shown:
    """The kinds of request whose answer changes, each with one that shows it; what opens first."""
    rows = [
        {"who": one.who, "request": flip.named, "now": flip.now, "after": flip.after, "example": flip.example}
        for one in plan.effects
        for flip in review.flips(one)
    ]
    columns = ["who", "request", "now", "after", "example"]
    several = len(plan.effects) > 1
    frame = pd.DataFrame(rows, columns=columns)[columns if several else columns[1:]]
    left = sum(one.left_out for one in plan.effects)
    more = f" {left:,} more are in no list; Prove shows how they were found." if left else ""
    caption = f"Requests that are answered otherwise, with an example under each.{more}"
    return Shown(frame, caption, limit=_MOST, under={"request": "example"})


def judges(plan: Plan) -> list[str]:
    """What other judges say of the documents, and which could not be asked."""
    return [
        f"{one.judge}: {f'asked {one.asked}, {len(one.differs)} differ' if one.available else 'not available'}"
        f"{f' ({one.note})' if one.note else ''}"
        for one in plan.opinions
    ]


def hits(plan: Plan, name_of: Callable[[str], str] = str) -> Shown:
    """Who of the selected was active in the window and would have been refused; `name_of` names a model's id."""
    found = plan.history
    if found is None:
        return Shown(pd.DataFrame(), "Nobody looked at past calls: who would have been refused is unknown.")
    rows = [
        {
            "who": short_name(one.principal),
            "refused": _money(one.refused_usd),
            "stranded": _money(one.stranded_usd) or "",
            "calls_refused": one.calls,
            "last_call": "" if one.last_call is None else f"{datetime.fromisoformat(one.last_call):%Y-%m-%d}",
            "models": tuple(map(name_of, one.models)),
            "controls": titles(one.controls),
        }
        for one in review.rows(found)[0]
    ]
    none = "" if rows else " Nobody whom the change touches would have been refused a call."
    caption = f"Who would have been refused, {found.window}: {review.history_words(found)}{none}"
    columns = ["who", "refused", "stranded", "calls_refused", "last_call", "models", "controls"]
    kept = [name for name in columns if name != "stranded" or any(row["stranded"] for row in rows)]
    headers = {"refused": "refused USD, at least", "stranded": "stranded USD", "controls": "refused by"}
    return Shown(pd.DataFrame(rows, columns=kept), caption, headers, limit=_MOST)


def _money(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def drift(frame: pd.DataFrame) -> Shown:
    """`change.drift` for people: what holds whom, against the choice; worst first."""
    rows = [
        {
            "who": short_name(row["principal"]),
            "state": row["state"],
            "what is found": row["detail"] or "every document as asked",
            "boundary now": _name(row["boundary_arn"]),
            "a request that shows it": _request(row["witness"]) if row["witness"] else "",
        }
        for row in frame.fillna("").to_dict("records")
    ]
    columns = ["who", "state", "what is found", "boundary now", "a request that shows it"]
    kept = columns if any(row[columns[-1]] for row in rows) else columns[:-1]
    return Shown(pd.DataFrame(rows, columns=kept), "What holds whom, the worst first.", limit=_MOST)


def drift_words(frame: pd.DataFrame) -> str:
    """How many targets are in each state, in one line."""
    return f"Against the choice as it is now: {', '.join(summary(frame)) or 'no target in this account'}"


def _request(witness: str) -> str:
    asked = json.loads(witness)
    context = "".join(f", {key}={plain(value)}" for key, value in asked["context"].items())
    return f"{asked['action']} on {asked['resource']}{context}"
