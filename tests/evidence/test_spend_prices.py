"""Prices say where they come from; unknown is unknown; what was paid is held against what is listed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.model_names import shipped_aliases
from bedrock_guard.evidence.prices import (
    UNKNOWN,
    PriceBook,
    PriceKey,
    departures,
    from_bill,
    read_prices,
    shipped_seed,
    unpriced,
)
from bedrock_guard.evidence.spend import classify_bill
from bedrock_guard.evidence.tables import BILL, PRICES

HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
KEY = PriceKey(HAIKU, "input", "us-west-2")
EDITION = "Claude Haiku 4.5 (Amazon Bedrock Edition)"


def table(price, *, day="2026-10-01", source="x", unit=1_000_000, **over):
    row = {
        "model": HAIKU,
        "region": "us-west-2",
        "token_kind": "input",
        "route": "regional",
        "tier": "standard",
    }
    row |= {
        "context": "standard",
        "unit_tokens": unit,
        "usd_per_unit": Decimal(price),
        "source": source,
        "as_of": day,
    }
    return PRICES.frame([row | over])


def bill(*lines):
    rows = [
        {
            "day": datetime(2026, 10, 1, tzinfo=UTC),
            "region": "us-west-2",
            "service": service,
            "usage_type": usage,
            "record_type": "Usage",
            "quantity": None if quantity is None else Decimal(quantity),
            "cost": Decimal(cost),
            "currency": "USD",
        }
        for service, usage, quantity, cost in lines
    ]
    return classify_bill(BILL.frame(rows))


INPUT = "USW2-MP:USW2_InputTokenCount-Units"


def test_the_order_is_bill_override_price_list_seed_unknown():
    tables = {"bill": table("1"), "overrides": table("2"), "price_list": table("3"), "seed": table("4")}
    sources = []
    while tables:
        found = PriceBook(**{"seed": PRICES.empty(), **tables}).price(KEY)
        sources.append((found.source, found.usd_per_million))
        tables.pop(next(iter(tables)))
    assert sources == [("bill", 1), ("override", 2), ("price list", 3), ("seed", 4)]
    assert PriceBook(seed=PRICES.empty()).price(KEY) == UNKNOWN


def test_units_are_brought_to_a_million_tokens():
    assert PriceBook(table("0.0011", unit=1_000)).price(KEY).usd_per_million == Decimal("1.1")
    assert PriceBook(table("0.04", unit=None, token_kind="image")).price(
        PriceKey(HAIKU, "image", "us-west-2")
    ).usd_per_million == Decimal("0.04")


def test_a_price_carries_its_date_and_what_disputes_it():
    import pandas as pd

    both = pd.concat([table("0.11", source="a"), table("0.22", source="b"), table("9", day="2025-01-01")])
    found = PriceBook(price_list=both).price(KEY)
    assert {found.usd_per_million, found.disputed} == {Decimal("0.11"), Decimal("0.22")}
    assert "2026-10-01" in found.detail


def test_a_geographic_route_bills_the_regional_price_and_global_its_own():
    book = PriceBook()
    regional, geo = (
        book.price(PriceKey(HAIKU, "input", "eu-west-1", route)) for route in ("regional", "geo")
    )
    assert regional == geo
    assert book.price(PriceKey(HAIKU, "input", "eu-west-1", "global")).usd_per_million == Decimal("1.00")
    assert regional.usd_per_million == Decimal("1.10")


def test_govcloud_has_no_price_from_a_row_for_all_regions():
    assert PriceBook().price(PriceKey(HAIKU, "input", "us-gov-west-1")) == UNKNOWN


@pytest.mark.parametrize("change", ["tier", "context", "token_kind", "model"])
def test_a_price_of_something_else_is_no_price(change):
    other = {"tier": "batch", "context": "long", "token_kind": "image", "model": HAIKU + "x"}[change]
    import dataclasses

    assert PriceBook().price(dataclasses.replace(KEY, **{change: other})) == UNKNOWN


def test_every_row_of_the_seed_is_dated_sourced_and_of_a_known_model():
    seed = shipped_seed()
    known = {model.model_id for model in shipped().models} | set(shipped_aliases().names.values())
    assert set(seed["model"]) <= known
    assert seed[["source", "as_of", "unit_tokens"]].notna().all(axis=None)
    assert all(price > 0 for price in seed["usd_per_unit"])
    keys = seed[["model", "region", "token_kind", "route", "tier", "context"]]
    assert not keys.duplicated().any()


def test_what_was_paid_is_cost_over_quantity_and_needs_both():
    paid = from_bill(bill((EDITION, INPUT, 4, "4.40"), (EDITION, INPUT, 1, "1.10")))
    assert paid["usd_per_unit"].tolist() == [Decimal("1.1")]
    assert from_bill(bill((EDITION, INPUT, None, 1))).empty
    assert from_bill(bill((EDITION, INPUT, 0, 0), (EDITION, INPUT.replace("Input", "Output"), 1, -1))).empty


def test_a_price_paid_more_than_one_percent_off_the_list_is_shown():
    lines = (EDITION, INPUT, 100, "111.2"), (EDITION, INPUT.replace("Input", "Output"), 100, "553")
    found = departures(bill(*lines), PriceBook())
    assert found[["token_kind", "paid", "listed"]].to_numpy().tolist() == [
        ["input", Decimal("1.112"), Decimal("1.10")]
    ]
    assert Decimal("0.010") < found["off"][0] < Decimal("0.011")
    assert "seed" in found["source"][0]


def test_a_thousandfold_error_of_units_is_seen():
    usage = "USW2-Claude4.5Haiku-input-tokens"
    assert departures(bill(("Amazon Bedrock Service", usage, 1, "1.10")), PriceBook())["off"][0] == 999


def test_what_no_source_prices_is_listed():
    assert unpriced(bill((EDITION, INPUT.replace("-Units", "_Batch-Units"), 1, 1)), PriceBook())[
        "tier"
    ].tolist() == ["batch"]


def test_a_price_table_survives_editing_to_the_last_digit():
    text = table("0.00000110").to_csv(index=False)
    assert read_prices(text)["usd_per_unit"].tolist() == [Decimal("0.00000110")]


@pytest.mark.parametrize(
    "text",
    [
        "model,token_kind\nx,input\n",
        "model,token_kind,unit_tokens,usd_per_unit\nx,input,1000,free\n",
        'model,token_kind,unit_tokens,usd_per_unit\nx,input,1000,"1,5"\n',
        "model,token_kind,unit_tokens,usd_per_unit\nx,input,1k,1\n",
        "model,token_kind,unit_tokens,usd_per_unit\nx,input,1000,-1\n",
    ],
)
def test_a_price_that_cannot_be_read_is_refused(text):
    with pytest.raises(GuardError):
        read_prices(text)
