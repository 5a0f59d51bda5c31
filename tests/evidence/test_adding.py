"""Shown cents add up, whatever the amounts, and none strays from its own."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_guard.evidence.adding import CENT, added, apart, cents, column, nearest
from bedrock_guard.evidence.grid import grid
from bedrock_guard.evidence.tables import dollars, total
from bedrock_guard.present.table import Shown

AMOUNTS = st.one_of(
    st.just(Decimal(0)), st.decimals("0.01", 5000, places=6), st.decimals(-5000, "-0.01", places=6)
)
ANY = st.decimals(-5000, 5000, places=6)
TABLES = st.integers(1, 5).flatmap(
    lambda wide: st.lists(st.lists(AMOUNTS, min_size=wide, max_size=wide), min_size=2, max_size=12)
)


def whole_cents(value: Decimal) -> Decimal:
    """What stands before the third digit; an amount under a cent is shown with four digits and is none."""
    return Decimal(0) if abs(value) < CENT else value


def read(text: str) -> Decimal:
    """What a reader with a pocket calculator types."""
    if text.startswith("just "):
        return Decimal(0)
    return Decimal(text.replace("$", "").replace(",", ""))


@given(st.lists(ANY, min_size=1, max_size=30))
def test_a_column_read_from_the_page_adds_up(values: list[Decimal]) -> None:
    shown = column(values)
    added_up = total(read(dollars(value)) for value in shown)
    assert abs(added_up - nearest(total(values))) <= CENT / 2 + Decimal("0.0001") * len(values)
    assert all(abs(now - exact) < CENT for now, exact in zip(shown, values, strict=True))


@given(st.lists(AMOUNTS, min_size=1, max_size=30))
def test_a_column_without_small_amounts_adds_up_exactly(values: list[Decimal]) -> None:
    assert total(column(values)) == total(values).quantize(CENT)


def test_a_zero_stays_zero_and_the_fewest_move() -> None:
    values = [Decimal(0), *[Decimal("1.004")] * 3, Decimal("0.0021")]
    assert [str(value) for value in column(values)] == ["0", "1.01", "1.00", "1.00", "0.0021"]
    already = [Decimal("1.10"), Decimal("2.20")]
    assert column(already) == already


def test_an_asked_sum_is_kept_to() -> None:
    assert cents({"a": Decimal("1.001"), "b": Decimal("2.002")}, Decimal("3.01")) == {
        "a": Decimal("1.00"),
        "b": Decimal("2.01"),
    }


@given(TABLES)
def test_a_grid_adds_up_across_and_down(rows: list[list[Decimal]]) -> None:
    names = [f"p{at}" for at in range(len(rows[0]))]
    columns = {"all": [total(row) for row in rows]} | {
        name: [row[at] for row in rows] for at, name in enumerate(names)
    }
    shown, sums = added(columns, {"all": names})
    every = total(columns["all"])
    assert dollars(sums["all"]) == dollars(column([every])[0]) or abs(every) < CENT
    near = {name: [whole_cents(value) for value in values] for name, values in shown.items()}
    for name in columns:
        assert total(near[name]) == whole_cents(sums[name])
    for at, row in enumerate(rows):
        assert total(near[name][at] for name in names) == near["all"][at]
        assert all(abs(near[name][at] - exact) < 2 * CENT for name, exact in zip(names, row, strict=True))
        assert all(near[name][at] == 0 for name, exact in zip(names, row, strict=True) if not exact)


@given(st.lists(st.lists(AMOUNTS, min_size=3, max_size=3), min_size=2, max_size=12))
def test_parts_of_a_part_add_up_too(rows: list[list[Decimal]]) -> None:
    before, volume, price = (list(values) for values in zip(*rows, strict=True))
    change = [total(pair) for pair in zip(volume, price, strict=True)]
    now = [total(pair) for pair in zip(before, change, strict=True)]
    columns = {"before": before, "now": now, "volume": volume, "price": price, "change": change}
    shown, sums = added(columns, {"now": ("before", "change"), "change": ("volume", "price")})
    for name, values in shown.items():
        assert total(map(whole_cents, values)) == whole_cents(sums[name])
    for at in range(len(rows)):
        cell = {name: whole_cents(values[at]) for name, values in shown.items()}
        assert cell["before"] + cell["change"] == cell["now"]
        assert cell["volume"] + cell["price"] == cell["change"]


def test_rows_that_are_alternatives_add_up_across_only() -> None:
    columns = {"all": [Decimal("2.008")] * 2, "a": [Decimal("1.004")] * 2, "b": [Decimal("1.004")] * 2}
    shown = apart(columns, {"all": ("a", "b")})
    assert [str(value) for value in shown["a"]] == ["1.01", "1.01"]
    assert [str(value) for value in shown["b"]] == ["1.00", "1.00"]


def test_a_part_that_is_unknown_leaves_the_sums_downwards() -> None:
    columns = {"all": [Decimal("1.004")] * 3, "a": [Decimal("1.004")] * 3}
    shown, sums = added(columns, {"all": ("a", "b")})
    assert total(shown["all"]) == sums["all"] == Decimal("3.01")


def test_a_whole_that_cannot_be_fitted_keeps_no_other_from_it() -> None:
    """One part is not there, one sum is no sum: the parts after them add up all the same."""
    two = [Decimal("2.008")] * 2
    columns = {"all": two, "a": [Decimal("1.004")] * 2, "b": [Decimal("1.004")] * 2, "c": two, "d": two}
    shown, _ = added(columns, {"c": ("gone",), "d": ("a",), "all": ("a", "b")})
    assert [a + b for a, b in zip(shown["a"], shown["b"], strict=True)] == shown["all"]
    assert shown["all"] == [Decimal("2.01"), Decimal("2.01")]


def test_the_row_that_loses_least_is_moved() -> None:
    assert grid([[Decimal("1.004")], [Decimal("1.0049")], [Decimal("1.001")]]) == [[100], [101], [100]]
    assert grid([[Decimal("1.0051")], [Decimal("1.008")], [Decimal("1.006")]]) == [[100], [101], [101]]


def test_sums_are_the_nearest_cents_where_that_goes() -> None:
    rows = [["3046.774", "0.001", "5084.9712"], ["15.774", "9.3541", "6.4203"], ["16.0251", "2.003", "4.004"]]
    exact = [[Decimal(text) for text in row] for row in rows]
    found = grid(exact)
    assert [sum(row) for row in found] == [round(total(row) * 100) for row in exact]
    assert [sum(row) for row in zip(*found, strict=True)] == [
        round(total(row) * 100) for row in zip(*exact, strict=True)
    ]


def test_zeros_that_leave_no_room_stay_zero() -> None:
    exact = [
        [Decimal(0), Decimal("0.522501")],
        [Decimal("0.042518"), Decimal(0)],
        [Decimal("-0.010019"), Decimal(0)],
    ]
    found = grid(exact)
    assert (found[0][0], found[1][1], found[2][1]) == (0, 0, 0)
    assert sum(map(sum, found)) == 56


def test_what_does_not_add_up_is_not_made_to_fit() -> None:
    columns = {"all": [Decimal("2.00"), Decimal("1.00")], "a": [Decimal("1.99"), Decimal("1.00")]}
    shown, sums = added(columns, {"all": ("a",)})
    assert shown == columns
    assert (sums["all"], sums["a"]) == (Decimal("3.00"), Decimal("2.99"))


@pytest.mark.parametrize("as_html", [True, False])
def test_a_table_shows_cents_that_add_up_and_keeps_its_frame(as_html: bool) -> None:
    frame = pd.DataFrame(
        {"model": ["a", "b", "c"], "kept": [Decimal("1.004")] * 3, "cost_usd": [Decimal("1.004")] * 3}
    )
    shown = Shown(frame, total=True, parts={"cost_usd": ("kept",)})
    text = shown.html() if as_html else shown.text()
    assert (text.count("$1.01"), text.count("$1.00"), text.count("$3.01")) == (2, 4, 2)
    assert list(shown.frame["kept"]) == [Decimal("1.004")] * 3


def test_a_table_of_many_accounts_adds_up_both_ways() -> None:
    chance = Random(3)
    rows = [[Decimal(chance.randrange(10**9)).scaleb(-5) for _ in range(12)] for _ in range(400)]
    columns = {f"part_{at}_usd": [row[at] for row in rows] for at in range(12)}
    columns["all_usd"] = [sum(row, Decimal(0)) for row in rows]
    parts = [name for name in columns if name != "all_usd"]
    shown, sums = added(columns, {"all_usd": parts})
    for at in range(400):
        assert sum(shown[name][at] for name in parts) == shown["all_usd"][at]
    assert sums == {name: sum(values) for name, values in shown.items()}
    assert (
        sum(sums[name] for name in parts) == sums["all_usd"] == nearest(sum(columns["all_usd"], Decimal(0)))
    )
