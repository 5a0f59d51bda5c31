"""A classified bill as plain tables: by model and by caller."""

from __future__ import annotations

import pandas as pd

from bedrock_guard.evidence.spend_tables import spend_by
from bedrock_guard.evidence.tables import provenance_of
from bedrock_guard.evidence.token_counts import without_session
from bedrock_guard.evidence.what_if import short_name
from bedrock_guard.present.evidence import NOBODY
from bedrock_guard.present.spend import percent
from bedrock_guard.present.table import Shown, source_note


def by_model(bill: pd.DataFrame, words: str) -> Shown:
    """Usage by model id; usage without one is named by its bucket."""
    named = bill.assign(model=bill["model"].fillna("(" + bill["bucket"].str.replace("_", " ") + ")"))
    return _shown(spend_by(named, "model"), f"Usage by model, {words}.")


def by_caller(bill: pd.DataFrame) -> Shown:
    """Usage by caller of a bill with a column `principal`; lines without one are a row of their own."""
    arns = [without_session(None if pd.isna(arn) else str(arn))[0] for arn in bill["principal"]]
    sums = spend_by(bill.assign(caller=pd.array(arns, dtype="string")), "caller")
    sums["caller"] = [NOBODY if pd.isna(arn) else short_name(str(arn)) for arn in sums["caller"]]
    return _shown(sums, "Usage by caller, as the export names it.")


def source(frame: pd.DataFrame) -> str:
    """Where the lines came from, how many requests that took and what they cost."""
    return source_note(provenance_of(frame))


def _shown(sums: pd.DataFrame, caption: str) -> Shown:
    """One currency a row; money of several is never added."""
    currencies = list(sums["currency"].dropna().unique())
    table = sums.drop(columns="lines").assign(share=[percent(share) for share in sums["share"]])
    if len(currencies) > 1:
        costs = [f"{cost:f}" for cost in table["cost"]]
        return Shown(table.assign(cost=costs), caption, currency="")
    one = str(currencies[0]) if currencies else "USD"
    return Shown(table.drop(columns="currency"), caption, total=True, currency=one)
