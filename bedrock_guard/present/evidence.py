"""Tables of evidence as both the workbench and the reports show them, with names in place of ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.boundary.controls import title_of
from bedrock_guard.evidence.adding import CENT, cents, column, nearest
from bedrock_guard.evidence.bill_class import BUCKETS
from bedrock_guard.evidence.impact import ALL, OUTCOMES, OUTSIDE
from bedrock_guard.evidence.judged import CLASSES
from bedrock_guard.evidence.tables import dollars, total
from bedrock_guard.evidence.what_if import WhatIf
from bedrock_guard.evidence.words import accounts_words, together
from bedrock_guard.present.table import Shown

if TYPE_CHECKING:
    from bedrock_guard.account.situation import Situation
    from bedrock_guard.evidence.reconcile import Reconciliation

KINDS: Final[Mapping[str, str]] = {
    "boundary": "permissions boundary",
    "deny": "identity-based policy",
    "scp": "service control policy",
}
NOBODY: Final = "no caller known"
EXPLAINED: Final = (
    "A caller's dollars are its own tokens at what the bill paid for them, and batch jobs and commitments that it has "
    "alone: it spent at least so much. The rest of an account whose calls were read stands under 'no caller known': "
    "batch jobs and commitments that several share or nobody was seen to use, cache, images, the mantle endpoint. Of "
    "other accounts no caller can be known."
)
"""How callers' dollars are counted, for `Shown.more`."""
PARTS: Final[Mapping[str, str]] = {
    "control total": "the bill (control total)",
    "model": "calls to models",
    "commitment": "commitments",
    "customization": "customized models",
    "non_model": "features without a model",
    "unmapped": "names no known model",
    "credit": "credits",
    "refund": "refunds",
    "discount": "discounts",
    "sum of the buckets": "sum of the parts",
}
"""What the parts of the proof are called before a person."""
BEYOND: Final = "outside the spec's accounts"
"""What dollars of accounts that the spec does not name are called."""
SEVERAL: Final = "several"
NO_SAVING: Final = "Refused spend is not a saving: people may move to another model."


def cards(found: WhatIf, situation: Situation) -> dict[str, Decimal | None]:
    """The headline's words and dollars: what was used first, then the parts that add up to it, to the cent."""
    used = situation.reconciliation.headline
    others = None if used is None else used - found.impact.governed
    beyond = found.impact.spend(OUTSIDE)
    parts = {
        "would be kept": found.impact.spend("kept"),
        "would be refused": found.impact.spend("refused"),
        "stranded: paid although refused": found.impact.spend("stranded"),
        "unknown": found.impact.spend("unknown"),
        **({BEYOND: beyond} if beyond else {}),
    }
    named, rest = "used, before credits, refunds, discounts and tax", "not decided by the boundary"
    if used is None or others is None:
        return {named: None, **parts, rest: None}
    return {named: nearest(used), **cents({**parts, rest: others})}


def across(table: pd.DataFrame) -> dict[str, list[str]]:
    """The dollars of a row, and the columns that add up to them."""
    return {"cost_usd": [name for name in ALL if name in table]}


def elsewhere(found: WhatIf, situation: Situation) -> tuple[str, ...]:
    """Sentences on the dollars of other accounts: those the spec does not name, and those whose calls were not read."""
    return tuple(filter(None, (_beyond(found), _unread(found, situation))))


def _beyond(found: WhatIf) -> str:
    accounts = found.impact.outsiders
    if not accounts:
        return ""
    cost = dollars(found.impact.spend(OUTSIDE))
    return f"{cost} of {accounts_words(accounts)} is {BEYOND}: the boundary does not reach it."


def _unread(found: WhatIf, situation: Situation) -> str:
    unread = tuple(name for name in situation.unread if name not in found.impact.outsiders)
    costs = {name: found.impact.of_accounts(unread, name) for name in OUTCOMES}
    parts = [f"{dollars(cost)} of {name}" for name, cost in costs.items() if cost]
    if not parts:
        return ""
    are = "is" if len(parts) == 1 else "are"
    return (
        f"No call of {accounts_words(unread)} was read: {together(parts)} there {are} judged by the model "
        "alone. Such a call by a key, another route or an application profile may be refused."
    )


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
        **{name: total(rest[name]) for name in [*found.impact.outcomes, "cost_usd"]},
    }
    return pd.concat([table.iloc[: most - 1], pd.DataFrame([row])], ignore_index=True)


def change(before: WhatIf, after: WhatIf) -> str:
    """What a change did to the dollars, in a sentence to be read out."""
    parts = []
    for outcome in ALL:
        moved = after.impact.spend(outcome) - before.impact.spend(outcome)
        if moved.quantize(CENT):
            parts.append(f"{outcome} {'up' if moved > 0 else 'down'} {dollars(abs(moved))}")
    calls = after.count("refused") - before.count("refused")
    if calls:
        parts.append(f"refused calls {'up' if calls > 0 else 'down'} {abs(calls):,}")
    return (
        f"{', '.join(parts)[:1].upper()}{', '.join(parts)[1:]}." if parts else "No dollar and no call moves."
    )


NO_DAYS: Final = pd.DataFrame(columns=["day", *OUTCOMES, *(f"calls_{name}" for name in CLASSES)])


def by_day(found: WhatIf, situation: Situation) -> pd.DataFrame:
    """One row a day (UTC): the dollars of each outcome, and the calls of each verdict as `calls_...`."""
    spent = situation.daily.spread(found.impact).set_index("day")
    calls = found.judged.by_day.set_index("day").add_prefix("calls_")
    days = spent.index.union(calls.index)
    none: Any = Decimal(0)
    table = spent.reindex(days, fill_value=none).join(calls.reindex(days, fill_value=0))
    return table.rename_axis("day").reset_index()


def days(table: pd.DataFrame) -> Shown:
    """`by_day` for people."""
    caption = (
        "Dollars and calls per day (UTC). A model's dollars of a day are split as those of the whole window are: "
        "the bill does not say which call a dollar paid for."
    )
    headers = {
        **{str(name): f"{name} USD" for name in ALL},
        "calls_depends": "calls not known",
        "calls_already_denied": "calls denied already",
    }
    under = {"kept": "calls_allowed", "refused": "calls_refused", "unknown": "calls_depends"}
    columns = [
        "day",
        "kept",
        "calls_allowed",
        "refused",
        "calls_refused",
        "stranded",
        "unknown",
        "calls_depends",
        *([OUTSIDE] if OUTSIDE in table else []),
    ]
    frame = table[[*columns, "calls_already_denied"]]
    return Shown(frame, caption, headers, total=True, limit=100, under=under)


def whole_first(table: pd.DataFrame) -> pd.DataFrame:
    """The table with what its outcomes add up to before them: what a narrow page cuts off is the least of it."""
    first = [str(table.columns[0]), "cost_usd"]
    return table[[*first, *(name for name in table.columns if name not in first)]]


def models(found: WhatIf, situation: Situation) -> Shown:
    """Spend by model and outcome."""
    caption = (
        f"Spend by model in the window, USD. {NO_SAVING} Stranded is paid until its term ends all the same. "
        f"{' '.join(elsewhere(found, situation))}"
    ).strip()
    table = whole_first(by_model(found, situation))
    return Shown(table, caption, {"cost_usd": "all"}, total=True, parts=across(table))


def users(found: WhatIf, situation: Situation, more: Sequence[tuple[str, Decimal, str]] = ()) -> Shown:
    """Who uses each model, as far as calls explain its dollars, and what no call explains; then `more` such rows."""
    table = found.impact.by_model()
    costs = [*table["cost_usd"], *(cost for _, cost, _ in more)]
    away = _unread_by_model(found, situation)
    rows = [
        {
            "model": situation.name_of(str(name)),
            "cost_usd": cost,
            "used_by": _most(
                situation.users.get(str(name), ()),
                cost,
                shown,
                away.get(str(name), Decimal(0)),
                situation.unread,
            ),
        }
        for name, cost, shown in zip(table["model"], table["cost_usd"], column(costs), strict=False)
    ]
    caption = "Who uses each model, dearest first. A caller used at least so much of it."
    columns = ["model", "cost_usd", "used_by"]
    rows += [dict(zip(columns, row, strict=True)) for row in more]
    frame = pd.DataFrame(rows, columns=columns)
    headers = {"cost_usd": "all", "used_by": "of it by (a caller: at least)"}
    return Shown(frame, caption, headers, total=True, more=EXPLAINED)


def unread_words(accounts: Sequence[str]) -> str:
    """What stands in the place of a caller for accounts none of whose calls was read."""
    return f"{accounts_words(accounts)}: calls not read"


def _unread_by_model(found: WhatIf, situation: Situation) -> dict[str, Decimal]:
    lines = found.impact.lines
    away = lines[lines["account_id"].isin(situation.unread)]
    return {str(model): total(part["cost_usd"]) for model, part in away.groupby("model")}


def _most(
    order: Sequence[tuple[str, Decimal]],
    whole: Decimal,
    shown_as: Decimal,
    away: Decimal,
    unread: Sequence[str],
    most: int = 3,
) -> str:
    """The dearest callers, the others, accounts not read, and what no call explains; together the whole.

    No shares: a caller's dollars are a floor, and so far from the truth may a share of them be.
    """
    told = dict(order[:most])
    if len(order) > most:
        told[f"{len(order) - most} more"] = total(cost for _, cost in order[most:])
    if away:
        told[unread_words(unread)] = away
    rest = whole - total(told.values())
    exact = {**told, NOBODY: rest} if rest else told
    shown = cents(exact, shown_as) if whole >= 1 else exact
    return ", ".join(f"{name} {dollars(shown[name])}" for name in exact)


def controls(found: WhatIf) -> Shown:
    """Dollars and calls refused, by control."""
    spent = found.refusing.assign(control=found.refusing["control"].fillna(SEVERAL))
    sums = {
        name: {str(control): total(own["cost_usd"]) for control, own in part.groupby("control")}
        for name, part in spent.groupby("outcome")
    }
    called = {str(row["control"]): row for row in found.by_control().to_dict("records")}
    names = dict.fromkeys([*called, *(control for parts in sums.values() for control in parts)])
    rows = [_controlled(name, sums, called.get(name)) for name in names]
    rows.sort(key=lambda row: -(row["refused"] + row["stranded"]))
    columns = ["control", "refused", "stranded", "calls", "last_call", "callers"]
    caption = (
        "Dollars, and calls that worked, that would be refused, each counted once, under the control that refuses it "
        "first. Dollars of which no call was seen stand under what refuses a typical call of their line."
    )
    headers = {"refused": "refused USD", "stranded": "stranded USD"}
    frame = pd.DataFrame(rows, columns=columns)
    return Shown(frame, caption, headers, total=True, under={"calls": "last_call"})


def _controlled(
    name: str, sums: Mapping[Any, Mapping[str, Decimal]], hit: Mapping[Any, Any] | None
) -> dict[str, Any]:
    spent = {outcome: sums.get(outcome, {}).get(name, Decimal(0)) for outcome in ("refused", "stranded")}
    called = (
        {"calls": f"{hit['calls']:,}", "callers": f"{hit['callers']:,}", "last_call": hit["last_call"]}
        if hit
        else {}
    )
    title = "several controls, by the way it is called" if name == SEVERAL else title_of(name)
    return {
        "control": title,
        "calls": "",
        "callers": "",
        "last_call": "",
        **spent,
        **called,
    }


def ec2(found: WhatIf) -> Shown:
    """EC2 spend by type, and whether the type may start again."""
    headers = {"outcome": "launching it again", "cost_usd": "cost"}
    table = found.ec2.fillna({"instance_type": "no instance type"})
    again = table[table["outcome"] == "refused"]
    hours, cost = total(again["hours"].dropna()), total(again["cost_usd"])
    caption = (
        f"EC2 compute of the window, amortised. {hours:,.0f} hours for {dollars(cost)} ran on types that could not be "
        "launched again. What runs goes on: a boundary stops no running instance."
    )
    return Shown(table, caption, headers, under={"instance_type": "purchase_option"})


def proof(reconciliation: Reconciliation) -> Shown:
    """Control total, buckets and difference."""
    table = reconciliation.table()
    lines = ["" if pd.isna(count) else f"{count:,}" for count in table["lines"]]
    named = [PARTS.get(str(name), str(name)) for name in table["what"]]
    parts = table["what"].isin(BUCKETS) & table["amount"].notna()
    shown = table["amount"].where(
        ~parts, pd.Series(column(list(table["amount"][parts])), table.index[parts], "object")
    )
    frame = table.assign(what=named, amount=shown, lines=lines).rename(columns={"amount": "amount_usd"})
    caption = (
        "Every line of the bill stands in exactly one part; together they must give the control total, which Cost "
        "Explorer was asked for by itself. In every table cents are rounded so that what is shown adds up: the same "
        "amount may differ by a cent from one table to another."
    )
    return Shown(frame, caption, currency=reconciliation.currency or "USD")


def sizes(found: WhatIf) -> Shown:
    """Every document with its size against its quota."""
    rows = [(p.name, KINDS[p.kind], p.size, p.quota) for p in found.built.packed]
    frame = pd.DataFrame(rows, columns=["document", "kind", "characters", "quota"])
    return Shown(frame, "Policy documents, in the characters that AWS counts.")
