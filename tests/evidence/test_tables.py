"""Tables keep their types, unknown stays unknown, money stays exact."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd
import pytest

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence import tables
from bedrock_guard.evidence.tables import (
    BILL,
    CALLS,
    MissingColumns,
    Provenance,
    dollars,
    money,
    require,
    total,
)

EVERY = [table for table in vars(tables).values() if isinstance(table, tables.Table)]


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.name)
def test_an_empty_table_has_every_column_in_its_type(table):
    frame = require(table.empty(), table)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == dict(table.columns)
    assert (table.frame([]).dtypes == frame.dtypes).all()
    assert (table.frame([{}]).dtypes == frame.dtypes).all()


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.name)
def test_a_row_that_says_nothing_is_unknown_everywhere(table):
    assert table.frame([{}]).isna().all(axis=None)


def test_times_become_utc():
    frame = BILL.frame(
        [{"day": "2026-11-01T02:00:00+02:00"}, {"day": datetime(2026, 11, 2, tzinfo=UTC)}, {"day": None}]
    )
    assert frame["day"].iloc[0] == pd.Timestamp("2026-11-01", tz="UTC")
    assert frame["day"].isna().tolist() == [False, False, True]


def test_missing_columns_are_named():
    with pytest.raises(MissingColumns) as caught:
        require(pd.DataFrame({"event_id": []}), CALLS)
    assert "event_time" in caught.value.missing
    assert caught.value.got == ("event_id",)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1.10", Decimal("1.10")), (" 2 ", Decimal(2)), (3, Decimal(3)), ("-1E-9", Decimal("-1E-9"))]
    + [(value, None) for value in (None, pd.NA, float("nan"), "NaN", "Infinity", "", "n/a", "1,5")],
)
def test_money(value, expected):
    assert money(value) == expected


def test_money_refuses_a_float():
    with pytest.raises(GuardError, match="float"):
        money(0.1)


def test_a_total_is_exact_beyond_the_default_precision_and_never_a_guess():
    assert total([Decimal(10) ** 30, Decimal("1E-12"), -(Decimal(10) ** 30)]) == Decimal("1E-12")
    with pytest.raises(GuardError):
        total([Decimal(1), None])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "$0.00"),
        ("-1234.5", "-$1,234.50"),
        ("0.0021", "$0.0021"),
        ("-0.00004", "just under $0"),
        ("0.00001", "just over $0"),
        ("0.01", "$0.01"),
    ],
)
def test_dollars(value, text):
    assert dollars(Decimal(value)) == text


def test_dollars_of_another_currency_and_of_nothing():
    assert (dollars(Decimal(3), "EUR"), dollars(None)) == ("3.00 EUR", "unknown")


def test_provenance_never_gets_better_and_keeps_every_reason():
    part = Provenance("a", requests=2, request_cost_usd=Decimal("0.02"))
    worse = part.lowered("floor", "page 2 denied").lowered("complete", "seen again")
    assert (worse.completeness, worse.why) == ("floor", "page 2 denied; seen again")
    whole = Provenance.merged([part, worse])
    assert (whole.completeness, whole.requests, whole.request_cost_usd) == ("floor", 4, Decimal("0.04"))
    assert Provenance.merged([]).completeness == "unknown"


def test_a_provenance_needs_time_zones():
    with pytest.raises(GuardError):
        Provenance("a", asked_at=datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake under test
