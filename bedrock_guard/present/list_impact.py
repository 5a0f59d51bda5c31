"""What a changed list would have done to the bill, as a page: every number with what it claims and what it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import pandas as pd

from bedrock_guard.account.cost_explorer import Window
from bedrock_guard.account.costs import PlannedRequest, RequestPlan, plan_requests
from bedrock_guard.account.replacements import Replacements, read_replacements
from bedrock_guard.evidence.impact import per_30_days
from bedrock_guard.evidence.prices import read_prices_file
from bedrock_guard.evidence.redirected import Ratios
from bedrock_guard.evidence.tables import dollars, total
from bedrock_guard.evidence.what_if import by_profile, share
from bedrock_guard.present import charts, evidence
from bedrock_guard.present.note import Note
from bedrock_guard.present.spend import ROUTES
from bedrock_guard.present.table import Shown

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from bedrock_guard.account.session import Account
    from bedrock_guard.account.situation import Situation
    from bedrock_guard.boundary.spec import BoundarySpec
    from bedrock_guard.evidence.what_if import WhatIf

_EC2_REQUESTS: Final = 3
_LEAST_DAYS: Final = 28
_APART: Final = ("credit", "refund", "discount")


_CLAIMS: Final = (
    "It says: of what was used in the window, this much would have been denied by these policies, and who called.",
    "It does not say that the bill would fall by that much: people move to other models, or retry.",
    "It does not look ahead: no growth, no new model and no season is in it.",
    "Commitments are paid until their term ends; refusing their model wastes them.",
    "A policy binds sessions and API keys at their next call; running EC2 instances and batch jobs go on.",
    "It knows this spec and no other policy: what others deny is left out only where CloudTrail shows the denial.",
)


def plan(account: Account, days: int) -> Note:
    """What reading will cost, before anything is asked."""
    known = plan_requests(Window.last(account.now, days), native=False)
    lines = RequestPlan((*known.lines, PlannedRequest("EC2", _EC2_REQUESTS)))
    return Note(
        (
            f"Reading asks {lines}.",
            "Every service name beyond the first is one request more.",
            "CloudTrail's event history (two requests a second), list prices and instance types are free.",
        )
    )


def headline(found: WhatIf, situation: Situation) -> Note:
    """What would have been refused, of what, and on what that rests."""
    used = situation.reconciliation.headline
    if used is None:
        return Note(("The headline is withheld.", *situation.reconciliation.withheld), "headline")
    refused, window = found.impact.spend("refused"), situation.window
    days = f"{window.start} to {window.end - timedelta(days=1)} (UTC)"
    seen = found.impact.follows_calls("refused")
    unseen = found.impact.spend("refused") - seen
    basis = (
        f"{dollars(seen)} of it follows calls that were seen in CloudTrail; {dollars(unseen)} stands on bill lines of "
        "which no call was seen, and follows one typical call of each."
    )
    lines = [
        f"{dollars(refused)} of {dollars(used)} would have been refused ({_percent(refused, used)})",
        f"Had these policies been in force from {days}. Before credits, refunds, discounts and tax.",
        basis,
        f"At this window's daily mean, refused spend is {dollars(per_30_days(refused, window.days))} per 30 days.",
        evidence.NO_SAVING,
    ]
    lines += evidence.elsewhere(found, situation)
    if window.days < _LEAST_DAYS:
        lines.append("Under 28 days say little about a month.")
    return Note(tuple(lines), "headline")


def replace(
    account: Account,
    situation: Situation,
    found: WhatIf,
    substitutes: Mapping[str, str | None],
    tokens: Sequence[str],
    answers: Sequence[str],
    prices: str = "",
) -> Replacements:
    """Price the refused work with the ratios and prices as a person wrote them.

    Raises:
        GuardError: ratios are not three rising numbers above 0, or the price file cannot be used.
    """
    own = read_prices_file(prices) if prices else None
    ratios = Ratios.of_text(tokens, answers)
    return read_replacements(account, situation, found, substitutes, ratios=ratios, overrides=own)


def parts(found: WhatIf, situation: Situation) -> Shown:
    """What was used, and the parts that add up to it; every dollar is in exactly one."""
    rows = [(name, value) for name, value in evidence.cards(found, situation).items()]
    notes = {
        "would be kept": "the same calls stay allowed",
        "would be refused": "the calls behind it would be denied",
        "stranded: paid although refused": "commitments: paid until their term ends, though the calls would be denied",
        evidence.BEYOND: "accounts that the spec does not name: no document reaches them",
        "unknown": "hangs on a condition key whose value nobody recorded",
        "not decided by the boundary": "guardrails, agents, unmapped lines and more",
    }
    frame = pd.DataFrame(rows, columns=["part", "cost_usd"])
    frame["what_it_is"] = [notes.get(name, "the bill of the window") for name in frame["part"]]
    return Shown(frame, "Used is the sum of the parts below it.", {"what_it_is": "what it is"})


def apart(situation: Situation) -> Note:
    """Credits, refunds and discounts: what is really paid changes by another amount than usage."""
    lines = situation.bill[situation.bill["bucket"].isin(_APART)]
    amount = total(lines["cost"]) if lines["cost"].notna().all() else None
    words = (
        f"Credits, refunds and discounts of the window: {dollars(amount)}. They are in no number above, and how much "
        "of them would go with refused usage is not known: the cash bill changes by another amount than usage."
    )
    return Note((words,))


def chart(found: WhatIf, situation: Situation) -> go.Figure:
    """Spend by model and outcome."""
    return charts.outcome_by_model(evidence.by_model(found, situation))


def routes(found: WhatIf) -> Shown:
    """Spend by price lane and outcome."""
    table = found.impact.by_route().rename(columns={"route": "lane"})
    table["lane"] = [
        ROUTES.get(str(name), "no price lane" if name == "not named" else str(name)) for name in table["lane"]
    ]
    return Shown(
        evidence.whole_first(table),
        "By price lane. Regional holds geographic profiles too.",
        {"cost_usd": "all"},
        total=True,
        parts=evidence.across(table),
    )


def accounts(found: WhatIf) -> Shown:
    """Spend by account and outcome."""
    headers = {"account_id": "account", "cost_usd": "all"}
    table = evidence.whole_first(found.impact.by_account())
    return Shown(table, "By account.", headers, total=True, parts=evidence.across(table))


def profiles(spec: BoundarySpec, situation: Situation) -> Shown | Note:
    """The same window under every profile of the spec."""
    names = tuple(spec.profile)
    if len(names) < 2:
        return Note(("The spec has one profile, so there is nothing to compare.",))
    table = by_profile(lambda name: situation.what_if(spec, name), names)
    words = "The whole window under each profile of the spec; the rows are alternatives and are not added."
    return Shown(evidence.whole_first(table), words, {"cost_usd": "all"}, parts=evidence.across(table))


def claims() -> Note:
    """What this page says, and what it does not."""
    return Note(_CLAIMS)


def _percent(part: Decimal, whole: Decimal) -> str:
    found = share(part, whole)
    return "share unknown" if found is None else f"{found} %"
