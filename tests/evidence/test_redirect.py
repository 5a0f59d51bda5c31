"""Redirected spend: a range with labelled assumptions, every dollar on one line, no number where none is known."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_guard.boundary.catalogue import Catalogue, InferenceProfile, Model
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.impact import GROUP, Impact
from bedrock_guard.evidence.prices import PriceBook
from bedrock_guard.evidence.redirect import redirect, refused_shares
from bedrock_guard.evidence.redirected import OUTCOMES, Ratios, Redirect
from bedrock_guard.evidence.tables import CLASSIFIED_BILL, PRICES, total

EAST, WEST = "us-east-1", "us-west-2"


def model(name: str, *, regions: tuple[str, ...] = (EAST,), scopes: tuple[str, ...] = ()) -> Model:
    profiles = tuple(InferenceProfile(f"{scope}.{name}", scope, {EAST: (EAST,)}) for scope in scopes)
    return Model(name, "A", name, ("TEXT",), ("TEXT",), regions, profiles, "ACTIVE", None, ())


CATALOGUE = Catalogue(
    date(2026, 11, 1),
    "test",
    (
        model("a.old"),
        model("a.new", scopes=("us", "global")),
        model("a.plain"),
        model("a.far", regions=(WEST,)),
    ),
)


def price(name: str, kind: str, usd: str, **more: str) -> dict[str, Any]:
    return {
        "model": name,
        "token_kind": kind,
        "usd_per_unit": Decimal(usd),
        "unit_tokens": 1_000_000,
        "region": EAST,
        "route": "regional",
        "tier": "standard",
        "context": "standard",
        "source": "list",
        **more,
    }


LIST = [
    price("a.old", "input", "10"),
    price("a.old", "output", "50"),
    price("a.new", "input", "2"),
    price("a.new", "output", "8"),
    price("a.new", "cache_read", "0.2"),
    price("a.new", "input", "1.8", route="global"),
    price("a.new", "input", "1", tier="batch"),
    price("a.plain", "input", "3"),
]
BOOK = PriceBook(price_list=PRICES.frame(LIST), seed=PRICES.empty())


def line(
    kind: str | None = "input", cost: str = "10", quantity: str | None = "1", **more: Any
) -> dict[str, Any]:
    return {
        "day": "2026-11-01",
        "account_id": "000000000011",
        "region": EAST,
        "service": "s",
        "usage_type": "u",
        "record_type": "Usage",
        "quantity": None if quantity is None else Decimal(quantity),
        "unit": "Units",
        "cost": Decimal(cost),
        "currency": "USD",
        "bucket": "model",
        "model": "a.old",
        "token_kind": kind,
        "route": "regional",
        "tier": "standard",
        "context": "standard",
        "unit_tokens": 1_000_000,
        **more,
    }


def to(substitute: str | None, *lines: dict[str, Any], **more: Any) -> Redirect:
    return redirect(CLASSIFIED_BILL.frame(lines), {"a.old": substitute}, BOOK, CATALOGUE, **more)


def test_the_range_is_tokens_times_ratio_times_list_price() -> None:
    found = to("a.new", line("input", "10"), line("output", "100", "2"))
    assert found.cost() == 110
    assert (found.spend("low"), found.spend("base"), found.spend("high")) == (
        Decimal("14.4"),
        Decimal(18),
        Decimal("25.2"),
    )
    assert found.cost("priced") == found.cost()


def test_input_and_output_have_ratios_of_their_own_and_both_are_called_assumptions() -> None:
    ratios = Ratios((Decimal(1), Decimal(1), Decimal(1)), (Decimal(2), Decimal(3), Decimal(4)))
    found = to("a.new", line("input"), line("output"), ratios=ratios)
    assert (found.spend("low"), found.spend("base"), found.spend("high")) == (18, 26, 34)
    assert "Assumption" in str(found.ratios)
    assert "2 / 3 / 4" in str(found.ratios)


@pytest.mark.parametrize("token", [("0", "1", "2"), ("2", "1", "3"), ("1", "2", "1")])
def test_ratios_that_make_no_range_are_refused(token: tuple[str, str, str]) -> None:
    low, base, high = map(Decimal, token)
    with pytest.raises(GuardError, match="token ratios"):
        Ratios(token=(low, base, high))


def test_a_missing_price_is_listed_with_its_dollars_and_never_zero() -> None:
    found = to("a.new", line("cache_write_1h", "7"), line("input", "10"))
    assert found.cost("unpriced") == 7
    assert found.spend("base") == 2
    unpriced = next(one for one in found.lines if one.outcome == "unpriced")
    assert unpriced.base_usd is None
    assert "cache_write_1h" in unpriced.why
    assert to("a.new", line("cache_write_1h", "7")).spend("base") is None


def test_cache_tokens_become_plain_input_only_where_no_cache_price_is_known_at_all() -> None:
    plain = to("a.plain", line("cache_read", "7", "10")).lines[0]
    assert plain.base_usd == 30
    assert "plain input" in plain.why
    assert to("a.new", line("cache_read", "7", "10")).spend("base") == 2


def test_a_tier_nobody_knows_becomes_standard_and_says_so() -> None:
    flex = to("a.new", line("input", "7", tier="flex")).lines[0]
    assert (flex.base_usd, flex.tier) == (2, "flex")
    assert "flex" in flex.why
    assert to("a.new", line("input", tier="batch")).spend("base") == 1
    assert to("a.new", line("output", tier="batch")).lines[0].outcome == "unpriced"


def test_a_long_context_keeps_its_own_rate_or_none() -> None:
    assert to("a.new", line("input", context="long")).lines[0].outcome == "unpriced"


@pytest.mark.parametrize(
    ("substitute", "more", "outcome"),
    [
        ("a.far", {}, "not offered"),
        ("a.nobody", {}, "not offered"),
        ("a.plain", {"route": "global"}, "not offered"),
        ("a.new", {"region": WEST}, "not offered"),
        ("a.new", {"region": None}, "unpriced"),
        ("a.new", {"route": None}, "unpriced"),
        ("a.new", {"token_kind": "image", "unit_tokens": None}, "no tokens"),
        ("a.new", {"quantity": None}, "no tokens"),
        ("a.new", {"bucket": "commitment"}, "stranded"),
        (None, {}, "stopped"),
        (None, {"bucket": "commitment"}, "stranded"),
    ],
)
def test_no_number_where_there_is_none(substitute: str | None, more: dict[str, Any], outcome: str) -> None:
    found = to(substitute, line() | more)
    assert [one.outcome for one in found.lines] == [outcome]
    assert found.cost() == 10
    assert found.spend("base") is None
    assert found.cost("priced") == 0
    assert found.lines[0].why


def test_the_global_lane_is_an_effect_of_its_own() -> None:
    found = to("a.new", line("input"), line("output"))
    assert found.spend("base") == 10
    assert found.regional_to_global == Decimal("-0.2")
    assert to("a.plain", line("input")).regional_to_global is None
    assert to("a.new", line("input", route="global")).regional_to_global is None


def test_list_against_list_and_paid_against_the_same_ratio() -> None:
    found = to("a.new", line("input", "8"), line("cache_read", "1"))
    assert found.at_list == (10, 2)
    assert found.as_paid == (8, Decimal("1.6"))
    assert to("a.new", line("cache_read", "1")).as_paid is None


def test_other_models_credits_and_discounts_are_left_alone() -> None:
    found = to("a.new", line(model="a.other"), line(bucket="discount", cost="-3"), line(bucket="unmapped"))
    assert found.lines == ()
    assert found.cost() == 0
    assert (found.spend("base"), found.at_list) == (None, None)


def test_other_currencies_and_unknown_amounts_are_refused() -> None:
    with pytest.raises(GuardError, match="US dollars"):
        to("a.new", line(currency="EUR"))
    with pytest.raises(GuardError, match="no amount"):
        to("a.new", line() | {"cost": None})


def test_a_partly_refused_group_is_redirected_by_its_share() -> None:
    rows = [("refused", "3"), ("kept", "1")]
    group = ("model", "000000000011", EAST, "a.old", "regional", "standard")
    lines = pd.DataFrame(
        [{**dict(zip(GROUP, group, strict=True)), "outcome": o, "cost_usd": Decimal(c)} for o, c in rows]
    )
    shares = refused_shares(Impact(lines, pd.DataFrame()))
    assert shares == {group: Decimal("0.75")}
    found = to("a.new", line("input", "8"), line("input", "8", account_id="000000000012"), shares=shares)
    assert found.cost() == 6
    assert found.spend("base") == Decimal("1.5")


LINES = st.builds(
    line,
    st.sampled_from(["input", "output", "cache_read", "cache_write_5m", "image", None]),
    st.decimals(-100, 100, places=4).map(str),
    st.one_of(st.none(), st.decimals(0, 100, places=4).map(str)),
    region=st.sampled_from([EAST, WEST, None]),
    route=st.sampled_from(["regional", "global", "geo", None]),
    tier=st.sampled_from(["standard", "batch", "flex", None]),
    context=st.sampled_from(["standard", "long", None]),
    bucket=st.sampled_from(["model", "commitment"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(LINES, max_size=8), st.sampled_from(["a.new", "a.plain", "a.far", None]))
def test_every_dollar_is_on_one_line_and_the_range_rises(
    lines: list[dict[str, Any]], substitute: str | None
) -> None:
    found = to(substitute, *lines)
    assert found.cost() == total(one["cost"] for one in lines)
    assert sum((found.cost(name) for name in OUTCOMES), Decimal(0)) == found.cost()
    assert total(found.by_outcome()["cost_usd"]) == found.cost()
    for one in found.lines:
        amounts = (one.low_usd, one.base_usd, one.high_usd)
        if one.outcome == "priced":
            assert None not in amounts
            assert list(amounts) == sorted(amounts)
        else:
            assert amounts == (None, None, None)
            assert one.why
