"""What there is to choose from, as rows of a list: models, EC2 types, controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.boundary.controls import CONTROLS, Control
from bedrock_guard.evidence.impact import GOVERNED
from bedrock_guard.evidence.prices import PriceBook, PriceKey, from_bill
from bedrock_guard.evidence.tables import dollars, total
from bedrock_guard.evidence.words import many
from bedrock_guard.present.table import plain

if TYPE_CHECKING:
    from bedrock_guard.account.situation import ModelRow, Situation
    from bedrock_guard.boundary.catalogue import Model

NEW_AFTER: Final = timedelta(days=7)
"""A model first called this long after the window's start counts as new in it."""

MODEL_ORDERS: Final = (
    ("spend", "dearest first"),
    ("calls", "most called first"),
    ("callers", "most callers first"),
    ("first", "newest first"),
    ("price", "highest price first"),
    ("name", "by name"),
)
MODEL_COLUMNS: Final = (
    *(
        "provider",
        "modalities",
        "in, per M tokens",
        "out, per M tokens",
        "calls",
        "callers",
        "spend",
        "new since",
    ),
)
"""What a wide list shows of a model beside its name and its routes."""

TYPE_ORDERS: Final = (("spend", "dearest first"), ("hours", "most hours first"), ("name", "by name"))
_STANDS: Final = {
    "principal": "In the boundary, or in an identity-based policy attached beside it when the boundary is full.",
    "account": "In the boundary and in an SCP: a boundary on one principal cannot reach it.",
}


def model_rows(
    situation: Situation, region: str, routes: Mapping[str, Sequence[str]], extra: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Every model of the catalogue and of the bill, dearest first.

    Args:
        situation: the evidence.
        region: where prices are looked up.
        routes: model -> the routes that are offered.
        extra: models that are neither in the catalogue nor on the bill, to be listed last.

    """
    used = {str(name): dict(row) for name, row in situation.used.iterrows()}
    billed = _billed(situation.bill)
    book = PriceBook(bill=from_bill(situation.bill))
    found = [
        _model(
            row,
            situation,
            used.get(row.model_id, {}),
            billed.get(row.model_id),
            _prices(book, row.model_id, region),
            routes,
        )
        for row in situation.model_rows()
    ]
    known = {row["id"] for row in found}
    unlisted = [name for name in extra if name not in known]
    return [*found, *(_bare(name) for name in unlisted)]


def _bare(name: str) -> dict[str, Any]:
    blank = dict.fromkeys((key for key, _ in MODEL_ORDERS), None)
    return {
        "id": name,
        "name": plain(name),
        "facts": ["not in the catalogue", "not used"],
        "cells": ["not in the catalogue", "unknown", "unknown", "unknown", "0", "0", "$0.00", ""],
        "sort": {**blank, "name": name},
    }


def _billed(bill: pd.DataFrame) -> dict[str, datetime]:
    """Model -> the first day it cost anything."""
    paid = bill[bill["model"].notna() & bill["bucket"].isin(GOVERNED) & (bill["cost"] > 0)]
    return {str(name): day for name, day in paid.groupby("model", observed=True)["day"].min().items()}


def _prices(book: PriceBook, model: str, region: str) -> tuple[Decimal | None, Decimal | None]:
    asked = [book.price(PriceKey(model, kind, region)).usd_per_million for kind in ("input", "output")]
    return asked[0], asked[1]


def _model(
    row: ModelRow,
    situation: Situation,
    use: Mapping[str, Any],
    billed: datetime | None,
    prices: tuple[Decimal | None, Decimal | None],
    routes: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    model = situation.catalogue.get(row.model_id)
    callers, first = use.get("callers", 0), use.get("first")
    first = None if pd.isna(first) else first
    began = min((moment for moment in (first, billed) if moment is not None), default=None)
    new = first is not None and began is not None and began - situation.start > NEW_AFTER
    since = f"{began:%Y-%m-%d}" if new and began else ""
    modalities, used = _modalities(model), _used(row.calls, callers, use.get("failed", 0))
    money = ["unknown" if price is None else _price(price) for price in prices]
    counts = [f"{row.calls:,}", f"{callers:,}"]
    return {
        "id": row.model_id,
        "name": plain(row.name),
        "right": dollars(row.cost_usd) if row.cost_usd else "no spend",
        "badge": f"new since {since}" if since else "",
        "facts": [row.provider, *modalities, *_priced(prices), *used],
        "cells": [row.provider, ", ".join(modalities), *money, *counts, dollars(row.cost_usd), since],
        "options": [{"id": route, "label": route} for route in routes.get(row.model_id, ())],
        "options_label": "routes",
        "sort": {
            "spend": float(row.cost_usd),
            "calls": row.calls,
            "callers": callers,
            "first": first.timestamp() if first else None,
            "price": float(prices[1]) if prices[1] is not None else None,
            "name": row.name,
        },
    }


def _used(calls: int, callers: int, failed: int) -> list[str]:
    if calls:
        return [many(calls, "call"), many(callers, "caller")]
    return [f"{many(failed, 'call')}, none worked" if failed else "no call seen"]


def _modalities(model: Model | None) -> list[str]:
    if model is None:
        return []
    taken, given = (", ".join(names).lower() for names in (model.input_modalities, model.output_modalities))
    old = [] if model.lifecycle.upper() == "ACTIVE" else [model.lifecycle.lower()]
    return [f"{taken} → {given}", *old]


def _priced(prices: tuple[Decimal | None, Decimal | None]) -> list[str]:
    taken, given = ("unknown" if price is None else _price(price) for price in prices)
    if prices == (None, None):
        return ["price unknown"]
    return [f"{taken} in, {given} out per M tokens"]


def _price(value: Decimal) -> str:
    """At least two decimals, and no more than it has."""
    text = f"{value.normalize():f}"
    return f"${value:.2f}" if len(text.partition(".")[2]) < 2 else f"${text}"


def type_rows(situation: Situation, offered: Sequence[str]) -> list[dict[str, Any]]:
    """EC2 types of the spec and of the bill, dearest first, with hours and spend."""
    billed = {str(name): part for name, part in situation.ec2_bill.groupby("instance_type")}
    rows = [_type(name, billed.get(name)) for name in offered]
    return sorted(rows, key=lambda row: (-(row["sort"]["spend"] or 0), row["name"]))


def _type(name: str, part: pd.DataFrame | None) -> dict[str, Any]:
    if part is None:
        blank = {"spend": None, "hours": None, "name": name}
        return {
            "id": name,
            "name": plain(name),
            "right": "no spend",
            "facts": ["not on the bill"],
            "sort": blank,
        }
    hours = total(part["hours"]) if part["hours"].notna().all() else None
    cost = total(part["cost"])
    said = "hours unknown" if hours is None else f"{hours:,.0f} hours"
    options = sorted({str(option) for option in part["purchase_option"].dropna()})
    return {
        "id": name,
        "name": plain(name),
        "right": dollars(cost),
        "facts": [said, *options],
        "sort": {"spend": float(cost), "hours": None if hours is None else float(hours), "name": name},
    }


def control_rows(
    names: Sequence[str],
    options: Mapping[str, Mapping[str, str]],
    labels: Mapping[str, str],
    texts: Mapping[str, tuple[str, str]],
) -> list[dict[str, Any]]:
    """Controls by family, each with its sentence, what being wrong costs, and its page.

    Args:
        names: the controls.
        options: control -> option -> what it means.
        labels: control -> the words before its options.
        texts: control -> the words before its text, and in it while empty.

    """
    found = [control for control in CONTROLS if control.id in names]
    families = list(dict.fromkeys(control.family for control in found))
    found.sort(key=lambda control: families.index(control.family))
    return [
        _control(one, options.get(one.id, {}), labels.get(one.id, ""), texts.get(one.id)) for one in found
    ]


def _control(
    control: Control, options: Mapping[str, str], label: str, text: tuple[str, str] | None
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": control.id,
        "name": control.title.removesuffix("."),
        "group": control.family,
        "facts": [],
        "lines": [f"Off by mistake: {control.why}", f"On by mistake, it refuses: {_first(control.stops)}"],
        "options": [{"id": name, "label": name, "why": why} for name, why in options.items()],
        "options_label": label,
        "page_title": f"Page of “{control.title.removesuffix('.')}”",
        "page": [
            ["What it stops", _plainly(control.stops)],
            ["What it does not stop", _plainly(control.leaves)],
            ["Where it stands", f"{_STANDS[control.reach]} {control.reach_why}".strip()],
            *(["Source", source] for source in control.source),
        ],
        "sort": {"name": control.title},
    }
    if text:
        row["text"] = {"label": text[0], "hint": text[1]}
    return row


def _plainly(sentences: str) -> str:
    """A list shows text as it is: the marks of Markdown would stand in it."""
    return sentences.replace("`", "")


def _first(sentences: str) -> str:
    """The first sentence, with a small first letter where it is no name."""
    first = _plainly(sentences).partition(". ")[0].rstrip(".") + "."
    start = first.split(" ", 1)[0]
    return first if any(c.isupper() for c in start[1:]) else first[:1].lower() + first[1:]
