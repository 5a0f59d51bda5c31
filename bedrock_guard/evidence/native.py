"""Cost Explorer's native model dimension held against the usage types, line by line of the same days."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.evidence.model_names import Aliases, index_of
from bedrock_guard.evidence.reconcile import USAGE_BUCKETS
from bedrock_guard.evidence.tables import CLASSIFIED_BILL, Table, require, total

if TYPE_CHECKING:
    from bedrock_guard.boundary.catalogue import Catalogue

NATIVE: Final = Table(
    "native models",
    {
        "day": "datetime64[us, UTC]",
        "model_raw": "string",
        "inference_type": "string",
        "cost": "object",
        "currency": "string",
        "estimated": "boolean",
    },
)
"""Cost Explorer's `model` x `inferenceType`; `model_raw` NA is spend that carries no model attribute."""

TAGGED: Final = Table(
    "spend by tag",
    {
        "day": "datetime64[us, UTC]",
        "tag_key": "string",
        "tag_value": "string",
        "service": "string",
        "cost": "object",
        "currency": "string",
        "estimated": "boolean",
    },
)
"""Spend per value of a caller tag; `tag_value` NA is spend without it."""

FORECAST: Final = Table(
    "forecast",
    {"day": "datetime64[us, UTC]", "mean": "object", "low": "object", "high": "object", "level": "Int64"},
)
"""Cost Explorer's forecast; `low` and `high` hold `level` percent of outcomes by its own reckoning."""


def compare_native(
    classified: pd.DataFrame,
    native: pd.DataFrame,
    *,
    catalogue: Catalogue | None = None,
    aliases: Aliases | None = None,
) -> pd.DataFrame:
    """Dollars per model, read out of the usage types and as Cost Explorer says, on the days both cover.

    Columns: model, parsed, native, difference (parsed - native), native_names. The row without a model holds, on the
    left, usage that is for no model and unmapped lines, on the right spend without a model attribute; Cost Explorer
    gives some old models no attribute, so the two ways need not agree model by model, but their sums must.

    Raises:
        MissingColumns: one of the frames is another table.
    """
    require(classified, CLASSIFIED_BILL)
    require(native, NATIVE)
    index = index_of(catalogue, aliases)
    first = native["day"].min()
    usage = classified[classified["bucket"].isin(USAGE_BUCKETS) & (classified["day"] >= first)]
    left = _sums(usage["model"], usage["cost"])
    names = {raw: index.find(raw) or raw for raw in native["model_raw"].dropna().unique()}
    right = _sums(native["model_raw"].map(names), native["cost"])
    rows = [
        {
            "model": model or None,
            "parsed": left.get(model, Decimal(0)),
            "native": right.get(model, Decimal(0)),
            "difference": left.get(model, Decimal(0)) - right.get(model, Decimal(0)) or Decimal(0),
            "native_names": ", ".join(sorted(raw for raw, found in names.items() if found == model)),
        }
        for model in sorted(
            {*left, *right}, key=lambda name: -abs(left.get(name, right.get(name, Decimal(0))))
        )
    ]
    return pd.DataFrame(
        rows, columns=["model", "parsed", "native", "difference", "native_names"], dtype="object"
    )


def _sums(keys: pd.Series[Any], costs: pd.Series[Any]) -> dict[str, Decimal]:
    piles: dict[str, list[Decimal]] = {}
    for key, cost in zip(keys.astype("object"), costs, strict=True):
        if cost is not None:
            piles.setdefault("" if pd.isna(key) else str(key), []).append(cost)
    return {key: total(pile) for key, pile in piles.items()}
