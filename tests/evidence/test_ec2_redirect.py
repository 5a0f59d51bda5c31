"""Refused EC2 hours on the nearest allowed types: options apart, like with like, no number where none is known."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest

from bedrock_guard.evidence.ec2 import EC2_PRICES, INSTANCE_TYPES
from bedrock_guard.evidence.ec2_redirect import OUTCOMES, redirect_ec2, wanted_types
from bedrock_guard.evidence.tables import MissingColumns, total
from bedrock_guard.present import redirect as show

TYPES = INSTANCE_TYPES.frame(
    {"instance_type": name, "vcpus": vcpus, "memory_mib": memory, "architectures": (arch,), "gpus": gpus}
    for name, vcpus, memory, arch, gpus in [
        ("m7i.large", 2, 8192, "x86_64", 0),
        ("m7i.xlarge", 4, 16384, "x86_64", 0),
        ("m6i.large", 2, 8192, "x86_64", 0),
        ("c7g.large", 2, 4096, "arm64", 0),
        ("g6.xlarge", 4, 16384, "x86_64", 1),
    ]
)
PRICES = EC2_PRICES.frame(
    {"instance_type": name, "usd_per_hour": Decimal(usd)}
    for name, usd in [("m7i.large", "0.10"), ("m6i.large", "0.09"), ("c7g.large", "0.07")]
)
ALLOWED = ("m7i.large",)


def row(
    kind: str | None, option: str, hours: str | None, cost: str, outcome: str = "refused"
) -> dict[str, object]:
    return {
        "instance_type": kind,
        "purchase_option": option,
        "outcome": outcome,
        "hours": None if hours is None else Decimal(hours),
        "cost_usd": Decimal(cost),
    }


BILL = pd.DataFrame(
    [
        row("m6i.large", "On Demand Instances", "100", "8.50"),
        row("c7g.large", "On Demand Instances", "10", "0.70"),
        row("m6i.large", "Standard Reserved Instances", "50", "2.00"),
        row("m6i.large", "Savings Plans", "5", "0.30"),
        row("m6i.large", "Spot Instances", "20", "0.60"),
        row("g6.xlarge", "On Demand Instances", "1", "0.80"),
        row("m6i.large", "On Demand Instances", None, "0.05"),
        row("brand.new", "On Demand Instances", "1", "0.01"),
        row("m7i.large", "On Demand Instances", "1", "0.10", "allowed"),
        row(None, "On Demand Instances", None, "9.00", "unknown"),
    ]
)
FOUND = redirect_ec2(BILL, ALLOWED, TYPES, PRICES)


def test_every_refused_dollar_is_on_one_line_and_allowed_ones_are_on_none():
    assert FOUND.cost() == total(BILL.loc[BILL["outcome"] == "refused", "cost_usd"])
    assert total(FOUND.cost(name) for name in OUTCOMES) == FOUND.cost()
    assert "m7i.large" not in set(FOUND.table()["instance_type"])


def test_on_demand_is_compared_at_list_on_both_sides_and_not_with_the_bill():
    assert FOUND.at_list == (Decimal("9.00") + Decimal("0.70"), Decimal("10.00") + Decimal("1.00"))
    assert FOUND.change_at_list == Decimal("1.30")


def test_commitments_stay_paid_and_the_new_type_comes_on_top():
    assert FOUND.cost("committed") == Decimal("2.30")
    assert FOUND.on_top == Decimal("5.50")


def test_another_architecture_is_called_a_migration():
    lines = {(line.instance_type, line.outcome): line for line in FOUND.lines}
    assert lines["c7g.large", "priced"].migration is True
    assert "migration" in lines["c7g.large", "priced"].why
    assert lines["m6i.large", "priced"].migration is False


@pytest.mark.parametrize(
    ("outcome", "cost"),
    [("spot", "0.60"), ("no type fits", "0.81"), ("no hours", "0.05"), ("no price", "0")],
)
def test_without_a_number_there_is_a_reason(outcome, cost):
    lines = [line for line in FOUND.lines if line.outcome == outcome]
    assert FOUND.cost(outcome) == Decimal(cost)
    assert all(line.why for line in lines)


def test_a_price_that_the_list_lacks_is_unknown_and_not_zero():
    found = redirect_ec2(BILL, ALLOWED, TYPES, EC2_PRICES.empty())
    assert found.at_list is found.change_at_list is found.on_top is None
    assert found.cost("no price") == Decimal("9.20")


def test_a_commitment_that_no_type_can_follow_is_still_a_commitment():
    found = redirect_ec2(BILL, ("t3.micro",), TYPES, PRICES)
    assert found.cost("committed") == Decimal("2.30")
    assert found.on_top is None


def test_prices_are_asked_for_refused_types_and_their_nearest_only():
    assert wanted_types(BILL, ALLOWED, TYPES) == (
        "m6i.large",
        "c7g.large",
        "g6.xlarge",
        "brand.new",
        "m7i.large",
    )


def test_nothing_refused_is_nothing():
    found = redirect_ec2(BILL[BILL["outcome"] != "refused"], ALLOWED, TYPES, PRICES)
    assert (found.lines, found.cost(), found.at_list) == ((), 0, None)
    assert show.ec2_lines(found).caption == "Nothing is refused."


def test_another_table_is_refused():
    with pytest.raises(MissingColumns):
        redirect_ec2(BILL, ALLOWED, TYPES, TYPES)


def test_the_page_says_what_it_assumes_and_calls_nothing_a_saving():
    text = show.ec2(FOUND, "us-east-1").text()
    for words in (
        "may not be launched again",
        "list prices of us-east-1",
        "stays paid",
        "no number",
        "Assumed",
    ):
        assert words in text
    assert "saving" not in text.lower().replace("savings plan", "")
    assert "Spot" in show.ec2_lines(FOUND).text()
