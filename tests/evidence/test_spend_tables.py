"""Sums for a page are exact, unknown is a row of its own, and nothing that would be run gets through."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd
import pytest

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.spend import classify_bill
from bedrock_guard.evidence.spend_tables import as_csv, as_markdown, cache_share, spend_by
from bedrock_guard.evidence.tables import BILL, total

SONNET = "Amazon Bedrock Service"


def bill(*lines, currency="USD"):
    rows = [
        {
            "day": datetime(2026, month, 1 + place, tzinfo=UTC),
            "account_id": "000000000011",
            "service": SONNET,
            "usage_type": usage,
            "record_type": record,
            "quantity": None if quantity is None else Decimal(quantity),
            "cost": Decimal(cost),
            "currency": currency,
        }
        for place, (usage, quantity, cost, month, record) in enumerate(lines)
    ]
    return classify_bill(BILL.frame(rows))


LINES = [
    ("USE1-Claude4.6Sonnet-input-tokens", 100, "0.33", 9, "Usage"),
    ("USE1-Claude4.6Sonnet-cache-read-input-token-count", 800, "0.264", 10, "Usage"),
    ("USE1-Claude4.6Sonnet-cache-write-input-token-count-1-hour", 100, "0.6", 10, "Usage"),
    ("USE1-Claude4.6Sonnet-output-tokens-cross-region-global", 10, "0.15", 10, "Usage"),
    ("USE1-Guardrail-TopicPolicyUnitsConsumed", 10, "0.1", 10, "Usage"),
    ("USE1-Claude4.6Sonnet-input-tokens", 0, "-5", 10, "Credit"),
]


def test_sums_are_exact_and_unknown_is_a_row():
    found = spend_by(bill(*LINES), "model")
    assert found[["model", "cost"]].astype("object").to_numpy().tolist()[0] == [
        "anthropic.claude-sonnet-4-6",
        Decimal("1.344"),
    ]
    assert found["model"].isna().sum() == 1
    assert abs(total(found["share"]) - 1) < Decimal("1E-9")
    assert spend_by(bill(*LINES), "model", buckets=("credit",))["cost"].tolist() == [Decimal(-5)]


def test_by_month_route_and_kind():
    by_month = spend_by(bill(*LINES), "month").set_index("month")["cost"]
    assert by_month[pd.Timestamp("2026-09-01", tz="UTC")] == Decimal("0.33")
    by_route = spend_by(bill(*LINES), "route").dropna(subset=["route"]).set_index("route")["cost"]
    assert by_route.to_dict() == {"regional": Decimal("1.194"), "global": Decimal("0.15")}
    assert len(spend_by(bill(*LINES), "token_kind", "day")) == 5


def test_currencies_stay_apart():
    both = pd.concat([bill(*LINES[:1]), bill(*LINES[:1], currency="EUR")])
    found = spend_by(both, "model")
    assert found["currency"].tolist() == ["USD", "EUR"]
    assert found["share"].tolist() == [1, 1]


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(GuardError, match="team"):
        spend_by(bill(*LINES), "team")


def test_the_cache_share_counts_tokens_of_either_unit():
    frame = bill(*LINES, ("USE1-Claude4.6Sonnet-input-tokens", None, "1", 10, "Usage"))
    row = cache_share(frame).iloc[0]
    assert (row["input"], row["cache_read"], row["cache_write"]) == (100_000, 800_000, 100_000)
    assert (row["share"], row["unmetered"]) == (Decimal("0.8"), 1)
    assert cache_share(bill()).empty


@pytest.mark.parametrize("text", ["=1+1", "+1", "-cmd", "@SUM(A1)", "\t=1", "\r=1"])
def test_formulas_become_text_and_numbers_stay_numbers(text):
    frame = pd.DataFrame({text: [text], "cost": [Decimal("-1.50")], "n": [-3]})
    head, row = csv.reader(io.StringIO(as_csv(frame), newline=""))
    assert head[0] == row[0] == "'" + text
    assert row[1:] == ["-1.50", "-3"]


def test_markdown_cells_cannot_leave_their_cell():
    text = as_markdown(
        pd.DataFrame({"a|b": ["x|y\n| z", "<script>", None], "n": [Decimal("0.10"), pd.NA, pd.NaT]})
    )
    assert len(text.splitlines()) == 5
    assert "<script>" not in text
    assert all(line.replace("\\|", "").count("|") == 3 for line in text.splitlines())
