"""Capacity that was bought: what Bedrock lists of it, with its end, beside what the bill says by model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.evidence.tables import dollars, provenance_of, total
from bedrock_guard.present.table import Shown

if TYPE_CHECKING:
    from bedrock_guard.account.spending import Spending

_TERMS: Final = {"OneMonth": "1 month", "SixMonths": "6 months"}
_COLUMNS: Final = ("model", "commitment", "term", "ends", "billed")
_MONTHS: Final = re.compile(r"_(\d+)Months?(?:_|-|$)")
_NO_LIST: Final = "in no list of Bedrock"
_NOT_WHOLE: Final = "unknown: the list is not whole"


def commitments_table(spending: Spending, listed: pd.DataFrame) -> Shown:
    """One row a unit that is listed, and one a model with commitments on the bill of which no unit is.

    Args:
        spending: its bill's commitment lines.
        listed: provisioned throughput (`account.resources.RESOURCES`), with provenance.

    """
    bill = spending.lines[spending.lines["bucket"] == "commitment"]
    billed = {
        None if pd.isna(model) else str(model): dollars(total(part["cost"]), spending.currency)
        for model, part in bill.groupby("model", dropna=False)
    }
    rows: list[tuple[str, ...]] = []
    for row in listed.to_dict("records"):
        model = str(row["model"]).rpartition("/")[2]
        ends = _ends(row)
        cost = billed.pop(model, "in the row of its model" if _named(rows, spending, model) else "nothing")
        rows.append((spending.name_of(model), str(row["name"]), _term(row), ends, cost))
    missing = _NO_LIST if provenance_of(listed).complete else _NOT_WHOLE
    rows += [
        ("no model" if model is None else spending.name_of(model), *_unlisted(bill, model, missing), cost)
        for model, cost in billed.items()
    ]
    proof = provenance_of(listed)
    words = "Commitments: paid by term or hour, used or not; billed in this window, all units of a model together."
    frame = pd.DataFrame(rows, columns=list(_COLUMNS))
    return Shown(frame, words if proof.complete else f"{words} The list is not whole: {proof.why}.")


def _unlisted(bill: pd.DataFrame, model: str | None, missing: str) -> tuple[str, str, str]:
    """What the bill itself says of capacity that no list has: `Reserved_1Month_InputTPM_Geo` is a tier and a term."""
    own = bill[bill["model"].isna() if model is None else bill["model"] == model]
    terms = sorted({found[1] for name in own["usage_type"] if (found := _MONTHS.search(str(name)))}, key=int)
    term = ", ".join(f"{count} month{'' if count == '1' else 's'}" for count in terms) or "unknown"
    tier = " (Reserved tier)" if len(own) and (own["tier"] == "reserved").all() else ""
    return f"{missing}{tier}", term, "unknown"


def _named(rows: list[tuple[str, ...]], spending: Spending, model: str) -> bool:
    return any(row[0] == spending.name_of(model) for row in rows)


def _ends(row: Any) -> str:
    if pd.isna(row["ends"]):
        return "no end" if pd.isna(row["commitment"]) else "unknown"
    return f"{row['ends']:%Y-%m-%d}"


def _term(row: Any) -> str:
    term = (
        "no term"
        if pd.isna(row["commitment"])
        else _TERMS.get(str(row["commitment"]), str(row["commitment"]))
    )
    units = "" if pd.isna(row["units"]) else f", {row['units']} unit{'' if row['units'] == 1 else 's'}"
    return f"{term}{units}"
