"""Volume, price and mix add up exactly; unusual days are those a person would call unusual."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.changes import AnomalyRule, anomalies, explain_change
from bedrock_guard.evidence.spend import classify_bill
from bedrock_guard.evidence.tables import BILL, total

START = datetime(2026, 9, 7, tzinfo=UTC)
NOVA_IN, NOVA_OUT = "USE1-NovaLite-input-tokens", "USE1-NovaLite-output-tokens"
LLAMA, GLOBAL = "USE1-Llama3-3-70B-input-tokens", "USE1-Nova2.0Lite-input-tokens-cross-region-global"
REGIONAL = "USE1-Nova2.0Lite-input-tokens"


def bill(*lines, currency="USD"):
    """Lines of (usage type, quantity, cost) or (usage type, quantity, cost, days after the first)."""
    rows = [
        {
            "day": START + timedelta(days=line[3] if len(line) > 3 else 0),
            "service": "Amazon Bedrock",
            "usage_type": line[0],
            "record_type": "Usage",
            "quantity": None if line[1] is None else Decimal(line[1]),
            "cost": Decimal(line[2]),
            "currency": currency,
        }
        for line in lines
    ]
    return classify_bill(BILL.frame(rows))


def parts(change):
    return (change.volume, change.price, change.mix, change.unsplit)


def test_twice_as_much_at_the_same_price_is_all_volume():
    whole = explain_change(
        bill((NOVA_IN, 10, 5), (NOVA_OUT, 4, 8)), bill((NOVA_IN, 20, 10), (NOVA_OUT, 8, 16))
    )[0]
    assert parts(whole) == (13, 0, 0, 0)


def test_the_same_at_another_price_is_all_price():
    whole = explain_change(bill((NOVA_IN, 10, 5)), bill((NOVA_IN, 10, "5.5")))[0]
    assert parts(whole) == (0, Decimal("0.5"), 0, 0)


def test_the_same_tokens_on_a_dearer_model_are_all_mix():
    whole = explain_change(
        bill((NOVA_IN, 10, 1), (LLAMA, 10, 7)), bill((NOVA_IN, 5, "0.5"), (LLAMA, 15, "10.5"))
    )[0]
    assert parts(whole) == (0, 0, 3, 0)


def test_going_from_regional_to_global_is_mix_and_never_price():
    whole = explain_change(bill((REGIONAL, 10, "3.30")), bill((GLOBAL, 10, "3.00")))[0]
    assert parts(whole) == (0, 0, Decimal("-0.30"), 0)


def test_a_unit_that_changes_from_thousands_to_millions_changes_nothing():
    before, after = bill((NOVA_IN, 1000, 6)), bill((NOVA_IN, 1, 6))
    before["unit"], after["unit"] = "1K tokens", "1M tokens"
    whole = explain_change(
        classify_bill(before[list(BILL.columns)]), classify_bill(after[list(BILL.columns)])
    )[0]
    assert parts(whole) == (0, 0, 0, 0)


def test_hours_and_tokens_are_not_one_volume():
    hours = "USE1-Nova-ProvisionedThroughput"
    whole = explain_change(bill((NOVA_IN, 10, 5), (hours, 24, 48)), bill((NOVA_IN, 10, 5), (hours, 12, 24)))[
        0
    ]
    assert parts(whole) == (-24, 0, 0, 0)


def test_lines_without_a_quantity_stand_apart():
    whole = explain_change(bill((NOVA_IN, None, 5)), bill((NOVA_IN, 10, 9)))[0]
    assert parts(whole) == (0, 0, 0, 4)


def test_all_from_nothing_is_volume():
    assert parts(explain_change(bill(), bill((NOVA_IN, 10, 5)))[0]) == (5, 0, 0, 0)
    assert parts(explain_change(bill((NOVA_IN, 10, 5)), bill())[0]) == (-5, 0, 0, 0)


def test_credits_and_tax_are_no_usage():
    frame = bill((NOVA_IN, 10, 5))
    frame["bucket"] = "credit"
    assert explain_change(bill(), frame)[0].change == 0


def test_currencies_are_not_mixed():
    with pytest.raises(GuardError, match="currencies"):
        explain_change(bill((NOVA_IN, 1, 1)), bill((NOVA_IN, 1, 1), currency="EUR"))
    with pytest.raises(GuardError, match="currencies"):
        anomalies(pd.concat([bill((NOVA_IN, 1, 1)), bill((NOVA_IN, 1, 1), currency="EUR")]))


QUANTITY = st.one_of(st.none(), st.decimals(0, 10**6, places=3))
LINE = st.tuples(
    st.sampled_from(
        [NOVA_IN, NOVA_OUT, LLAMA, GLOBAL, REGIONAL, "USE1-NovaCanvas-T2I-1024-Premium", "USE1-X-y"]
    ),
    QUANTITY,
    st.decimals(-(10**6), 10**6, places=8),
)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(LINE, max_size=12),
    st.lists(LINE, max_size=12),
    st.sampled_from([None, "model", "route", "region"]),
)
def test_the_bars_always_add_up_exactly(before, after, by):
    found = explain_change(bill(*before), bill(*after), by=by)
    for change in found:
        assert total(parts(change)) == change.change == change.current - change.previous
    assert found[0].change == total(line[2] for line in after) - total(line[2] for line in before)
    if by:
        assert total(change.change for change in found[1:]) == found[0].change
        assert total(change.volume for change in found[1:]) == found[0].volume


def days(costs, usage=NOVA_IN):
    return bill(*[(usage, 1, cost, place) for place, cost in enumerate(costs)])


def test_one_day_out_of_line_is_found_with_its_reason():
    found = anomalies(days([100] * 20 + [400, 100, 100]))
    assert found[["model", "cost", "usual"]].to_numpy().tolist() == [
        ["amazon.nova-lite-v1:0", Decimal(400), Decimal(100)]
    ]
    assert found["day"].tolist() == [pd.Timestamp(START) + pd.Timedelta(days=20)]
    assert "$400.00" in found["why"][0]


@pytest.mark.parametrize(
    "costs",
    [
        [100] * 30,
        [100 + 3 * (place % 5) for place in range(30)],
        [400 if place % 7 == 0 else 100 for place in range(35)][8:],
        [1] * 20 + [8],
        [100] * 20 + [0],
        [100] * 5 + [4000],
    ],
    ids=["flat", "noise", "every Monday", "a few dollars", "a quiet day", "too little history"],
)
def test_usual_days_are_left_alone(costs):
    assert anomalies(days(costs))[
        lambda frame: frame["day"] > pd.Timestamp(START) + pd.Timedelta(days=13)
    ].empty


def test_what_always_goes_up_and_down_must_go_up_further():
    """Half the days 40, half 160: 4 x 1.4826 x 60 above the median of 100 is 455.82."""
    noisy, rule = [40, 160] * 14, AnomalyRule(least=28)
    assert anomalies(days([*noisy, 455]), rule=rule).empty
    (limit,) = anomalies(days([*noisy, 456]), rule=rule)["limit"]
    assert limit == Decimal("455.824")


def test_days_without_a_line_count_as_nothing_spent():
    frame = bill((NOVA_IN, 1, 0, 0), (NOVA_IN, 1, 90, 20))
    assert anomalies(frame)["cost"].tolist() == [Decimal(90)]


def test_an_empty_bill_has_no_anomalies_and_the_rule_can_be_read():
    assert anomalies(bill()).empty
    assert "median" in str(AnomalyRule())
