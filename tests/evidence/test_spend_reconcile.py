"""A bill adds up, or says by how much not; nothing is summed that must not be."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.bill_class import BUCKETS
from bedrock_guard.evidence.spend import ControlTotal, classify_bill, reconcile, unit_prices
from bedrock_guard.evidence.tables import BILL, MissingColumns, Provenance, total

DAY = datetime(2026, 10, 3, tzinfo=UTC)
EDITION = " (Amazon Bedrock Edition)"
LINES = [
    ("Amazon Bedrock", "USE1-NovaLite-input-tokens", "Usage", "1.10"),
    ("Amazon Bedrock", "USE1-NovaLite-output-tokens", "Usage", "4.40"),
    ("Claude Opus 5" + EDITION, "USE1-MP:USE1_input_tokens_standard-Units", "Usage", "55.5555555"),
    (
        "Claude Haiku 4.5" + EDITION,
        "USE1-MP:USE1_ProvisionedThroughput_NoCommit_ModelUnits_Usage-Units",
        "Usage",
        "20",
    ),
    ("Amazon Bedrock", "USE1-NovaPro-Customization-Training", "Usage", "3.33"),
    ("Amazon Bedrock", "USE1-Guardrail-TopicPolicyUnitsConsumed", "Usage", "0.0000015"),
    ("Amazon Bedrock", "USE1-Whatisit-input-tokens", "Usage", "0.01"),
    ("Amazon Bedrock", "USE1-NovaLite-input-tokens", "Credit", "-0.50"),
    ("Amazon Bedrock", "USE1-NovaLite-input-tokens", "Refund", "-0.25"),
    ("Amazon Bedrock", "USE1-NovaLite-input-tokens", "EdpDiscount", "-0.11"),
    ("Amazon Bedrock", "", "Tax", "12.13"),
]


def bill(lines=LINES, *, currency="USD", provenance=None, **over):
    rows = [
        {
            "day": DAY,
            "account_id": "000000000011",
            "region": "us-east-1",
            "service": service,
            "usage_type": usage,
            "operation": "InvokeModelInference",
            "record_type": record,
            "quantity": Decimal(2),
            "cost": Decimal(cost),
            "currency": currency,
            "estimated": False,
            **over,
        }
        for service, usage, record, cost in lines
    ]
    return BILL.frame(rows, provenance)


TOTAL = sum((Decimal(line[3]) for line in LINES), Decimal(0))


def test_a_bill_that_adds_up():
    found = reconcile(classify_bill(bill()), TOTAL)
    assert found.difference == 0
    assert found.difference == 0
    assert found.withheld == ()
    assert found.headline == total(Decimal(line[3]) for line in LINES[:7])
    assert {name: found.lines[name] for name in BUCKETS} == {
        "model": 3,
        "commitment": 1,
        "customization": 1,
        "non_model": 1,
        "unmapped": 1,
        "credit": 1,
        "refund": 1,
        "discount": 1,
        "tax": 1,
    }
    assert total(found.buckets.values()) == TOTAL == found.total
    assert found.estimated is False


def test_the_table_of_the_proof_carries_every_bucket_and_the_difference():
    table = reconcile(classify_bill(bill()), TOTAL).table()
    assert table["what"].tolist() == ["control total", *BUCKETS, "sum of the buckets", "difference"]
    assert table["amount"].iloc[-1] == 0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda frame: pd.concat([frame, frame.iloc[[2]]]), Decimal("55.5555555")),
        (lambda frame: frame.drop(index=1), Decimal("-4.40")),
        (
            lambda frame: pd.concat([frame, classify_bill(bill([(*LINES[0][:3], "0.000000000000000001")]))]),
            Decimal("1E-18"),
        ),
        (lambda frame: frame.drop(index=7), Decimal("0.50")),
    ],
    ids=["duplicated", "dropped", "added", "credit dropped"],
)
def test_a_line_more_or_less_shows_exactly_and_withholds_the_headline(change, expected):
    found = reconcile(change(classify_bill(bill())), TOTAL)
    assert found.difference == expected
    assert found.headline is None
    assert "control total" in found.withheld[0]


def test_a_line_moved_to_another_bucket_is_found_although_the_sum_stays():
    frame = classify_bill(bill())
    frame.loc[2, "bucket"] = "non_model"
    found = reconcile(frame, TOTAL)
    assert (found.difference, found.misplaced, found.headline) == (0, Decimal("55.5555555"), None)


def test_a_line_in_no_bucket_is_missing_from_the_sum():
    frame = classify_bill(bill())
    frame.loc[1, "bucket"] = pd.NA
    frame.loc[3, "bucket"] = "savings"
    found = reconcile(frame, TOTAL)
    assert found.difference == Decimal("-24.40")
    assert any("2 lines are in no bucket" in why for why in found.withheld)


def test_currencies_are_never_added():
    frame = pd.concat([bill(), bill(currency="EUR")], ignore_index=True)
    found = reconcile(classify_bill(frame), TOTAL * 2)
    assert found.by_currency == {"USD": TOTAL, "EUR": TOTAL}
    assert (found.total, found.difference, found.headline, dict(found.buckets)) == (None, None, None, {})


def test_a_control_total_in_another_currency_proves_nothing():
    control = ControlTotal(TOTAL, "EUR", Provenance("Cost Explorer"))
    found = reconcile(classify_bill(bill()), control)
    assert (found.difference, found.headline) == (None, None)


@pytest.mark.parametrize("unknown", [None, float("nan"), "NaN", "", "n/a", Decimal("NaN")])
def test_an_amount_that_cannot_be_read_withholds_the_headline(unknown):
    frame = classify_bill(bill())
    frame["cost"] = pd.Series([unknown, *frame["cost"].tolist()[1:]], dtype="object")
    found = reconcile(frame, TOTAL)
    assert found.headline is None
    assert found.difference == -Decimal(LINES[0][3])
    assert any("1 lines have no amount" in why for why in found.withheld)


def test_floats_are_refused():
    frame = classify_bill(bill())
    frame["cost"] = frame["cost"].map(float)
    with pytest.raises(GuardError):
        reconcile(frame, TOTAL)


def test_under_the_floor_of_coverage_the_headline_goes():
    lines = [*LINES[:2], ("Amazon Bedrock", "USE1-Whatisit-input-tokens", "Usage", "1")]
    frame = classify_bill(bill(lines))
    found = reconcile(frame, Decimal("6.5"))
    assert found.coverage == Decimal("5.5") / Decimal("6.5")
    assert (found.difference, found.headline) == (0, None)
    assert reconcile(frame, Decimal("6.5"), coverage_floor=Decimal("0.8")).headline == Decimal("6.5")


def test_coverage_counts_dollars_either_way():
    """A negative unmapped line must not lift the coverage."""
    lines = [LINES[0], ("Amazon Bedrock", "USE1-Whatisit-input-tokens", "Usage", "-1.10")]
    assert reconcile(classify_bill(bill(lines)), Decimal(0)).coverage == Decimal("0.5")


def test_incomplete_data_withholds_the_headline_and_says_why():
    floor = Provenance("Cost Explorer", completeness="floor", why="AccessDenied on page 2")
    found = reconcile(classify_bill(bill(provenance=floor)), TOTAL)
    assert found.headline is None
    assert "AccessDenied on page 2" in found.withheld[0]
    lost = ControlTotal(None, None, Provenance("Cost Explorer", completeness="unknown", why="throttled"))
    again = reconcile(classify_bill(bill()), lost)
    assert (again.difference, again.headline) == (None, None)
    assert "throttled" in again.withheld[0]
    assert reconcile(classify_bill(bill()), None).headline is None


def test_a_tolerance_shows_the_difference_and_lets_the_headline_stand():
    frame = classify_bill(bill())
    found = reconcile(frame, TOTAL - Decimal("1E-9"), tolerance=Decimal("0.005"))
    assert (found.difference, found.headline is None) == (Decimal("1E-9"), False)
    assert reconcile(frame, TOTAL - Decimal("0.006"), tolerance=Decimal("0.005")).headline is None


def test_an_empty_bill_is_not_zero_unless_the_control_total_says_so():
    empty = classify_bill(BILL.empty())
    assert reconcile(empty, Decimal(0)).headline == 0
    assert reconcile(empty, Decimal("3.5")).difference == Decimal("-3.5")
    assert reconcile(empty, None).headline is None


def test_estimated_is_shown_and_unknown_stays_unknown():
    assert reconcile(classify_bill(bill(estimated=True)), TOTAL).estimated is True
    assert reconcile(classify_bill(bill(estimated=None)), TOTAL).estimated is None


def test_the_unmapped_list_is_complete_down_to_a_cent_and_can_be_pasted():
    found = reconcile(classify_bill(bill()), TOTAL).unmapped
    assert found[["service", "usage_type", "cost", "lines"]].to_numpy().tolist() == [
        ["Amazon Bedrock", "USE1-Whatisit-input-tokens", Decimal("0.01"), 1]
    ]
    assert found["alias_line"].tolist() == ['"Whatisit" = "provider.model-id"']


def test_each_distinct_line_is_read_alike_wherever_it_stands():
    frame = pd.concat([bill(), bill()[::-1]], ignore_index=True)
    found = classify_bill(frame)
    again = found.groupby(["service", "usage_type", "record_type"])["bucket"].nunique()
    assert again.eq(1).all()
    assert found["bucket"].tolist()[: len(LINES)] == found["bucket"].tolist()[::-1][: len(LINES)]


def test_unknown_columns_are_unknown_and_not_text():
    frame = bill()
    frame["usage_type"] = pd.array([pd.NA] * len(frame), dtype="string")
    assert set(classify_bill(frame)["bucket"][:7]) == {"unmapped", "model"}
    assert classify_bill(frame)["model"].isna().sum() == len(frame) - 2


def test_the_unit_of_the_line_is_believed_before_its_spelling():
    frame = bill(LINES[:3])
    frame["unit"] = pd.array(["1M tokens", "N/A", pd.NA], dtype="string")
    assert classify_bill(frame)["unit_tokens"].tolist() == [1_000_000, 1_000, 1_000_000]


def test_unit_prices_need_a_quantity():
    frame = bill(LINES[:3])
    frame["quantity"] = pd.Series([Decimal(4), Decimal(0), None], dtype="object")
    assert unit_prices(frame).tolist() == [Decimal("0.275"), None, None]


def test_a_frame_without_its_columns_is_named():
    with pytest.raises(MissingColumns, match="usage_type"):
        classify_bill(bill().drop(columns="usage_type"))
    with pytest.raises(MissingColumns, match="bucket"):
        reconcile(bill(), TOTAL)


AMOUNT = st.decimals(-(10**9), 10**9, places=12, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(LINES), AMOUNT), max_size=40), AMOUNT)
def test_every_line_stands_in_one_bucket_and_the_difference_is_exact(drawn, off):
    lines = [(*line[:3], str(cost)) for line, cost in drawn]
    whole = total(cost for _, cost in drawn)
    found = reconcile(classify_bill(bill(lines)), whole - off, coverage_floor=Decimal(0))
    assert sum(found.lines.values()) == len(lines)
    if lines:
        assert (found.total, found.difference) == (whole, off)
        assert (found.headline is None) == bool(off)
