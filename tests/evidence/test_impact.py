"""Dollars spread over outcomes: every part adds up, and nothing unknown is counted as kept."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_guard.evidence.impact import OUTCOMES, Impact, Probe, impact

DECIDED = [
    "account_id",
    "region",
    "model",
    "route",
    "operation",
    "verdict",
    "calls",
    "tokens",
    "already_denied",
]
BILL = ["bucket", "account_id", "region", "model", "route", "tier", "cost"]
MODEL = ("model", "111122223333", "us-east-1", "m", "regional", "standard")


def calls(*rows: tuple[str, str, int, int | None], denied: bool = False) -> pd.DataFrame:
    """(route, verdict, calls, tokens) of Converse calls to model m."""
    made = [
        ("111122223333", "us-east-1", "m", route, "Converse", verdict, n, tokens, denied)
        for route, verdict, n, tokens in rows
    ]
    frame = pd.DataFrame(made, columns=DECIDED)
    return frame.astype({"calls": "int64", "tokens": "Int64", "already_denied": bool})


def bill(*rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame([(*row[:-1], Decimal(str(row[-1]))) for row in rows], columns=BILL)


def never(line: Probe) -> str:
    raise AssertionError(f"no probe was due for {line}")


def spends(found: Impact) -> dict[str, Decimal]:
    return {name: found.spend(name) for name in OUTCOMES if found.spend(name)}


def test_dollars_follow_tokens_where_every_call_has_them() -> None:
    decided = calls(("geo", "refused", 1, 900), ("in_region", "allowed", 9, 100))
    assert spends(impact(decided, bill((*MODEL, "10")), never)) == {"refused": Decimal(9), "kept": Decimal(1)}


def test_dollars_follow_calls_where_a_token_count_is_missing() -> None:
    decided = calls(("geo", "refused", 1, None), ("geo", "allowed", 3, 100))
    assert spends(impact(decided, bill((*MODEL, "8")), never)) == {"refused": Decimal(2), "kept": Decimal(6)}


def test_a_call_that_hangs_on_an_unknown_key_is_unknown_never_kept() -> None:
    decided = calls(("geo", "depends", 1, 10))
    assert spends(impact(decided, bill((*MODEL, "8")), never)) == {"unknown": Decimal(8)}


def test_calls_that_were_denied_already_carry_no_dollars() -> None:
    decided = pd.concat([calls(("geo", "refused", 50, 0), denied=True), calls(("geo", "allowed", 1, 5))])
    assert spends(impact(decided, bill((*MODEL, "8")), never)) == {"kept": Decimal(8)}


def test_global_dollars_do_not_follow_regional_calls() -> None:
    decided = calls(("geo", "refused", 5, 100), ("global", "allowed", 5, 100))
    lines = bill((*MODEL, "8"), ("model", "111122223333", "us-east-1", "m", "global", "standard", "3"))
    assert spends(impact(decided, lines, never)) == {"refused": Decimal(8), "kept": Decimal(3)}


@pytest.mark.parametrize(
    ("bucket", "verdict", "outcome"),
    [
        ("model", "refused", "refused"),
        ("model", "allowed", "kept"),
        ("model", "depends", "unknown"),
        ("model", "unknown", "unknown"),
        ("commitment", "refused", "stranded"),
        ("commitment", "allowed", "kept"),
        ("customization", "refused", "refused"),
    ],
)
def test_a_line_without_calls_follows_the_probe(bucket: str, verdict: str, outcome: str) -> None:
    found = impact(
        calls(),
        bill((bucket, "000000000011", "us-east-1", "m", "regional", "standard", "7")),
        lambda _: verdict,
    )
    assert spends(found) == {outcome: Decimal(7)}
    assert list(found.lines["basis"]) == ["probe"]


def test_dollars_of_another_region_do_not_follow_these_calls() -> None:
    line = ("model", "111122223333", "eu-west-1", "m", "regional", "standard", "7")
    found = impact(
        calls(("geo", "allowed", 5, 100)), bill(line), lambda probe: "refused" if probe.region else "unknown"
    )
    assert spends(found) == {"refused": Decimal(7)}


def test_batch_lines_follow_the_batch_control_not_the_calls() -> None:
    asked: list[Probe] = []
    line = ("model", "111122223333", "us-east-1", "m", "regional", "batch", "7")
    found = impact(
        calls(("geo", "allowed", 5, 100)), bill(line), lambda probe: asked.append(probe) or "refused"
    )
    assert spends(found) == {"refused": Decimal(7)}
    assert asked[0].tier == "batch"


def test_what_no_boundary_decides_stands_outside() -> None:
    lines = bill(("tax", *[None] * 5, "2"), ("credit", *[None] * 5, "-5"), (*MODEL, "1"))
    found = impact(calls(("geo", "allowed", 1, 1)), lines, never)
    assert dict(zip(found.outside["bucket"], found.outside["cost_usd"], strict=True)) == {
        "tax": Decimal(2),
        "credit": Decimal(-5),
    }
    assert found.governed == 1


verdicts = st.sampled_from(["refused", "allowed", "depends"])
money = st.decimals(min_value=-1000, max_value=100_000, places=10, allow_nan=False)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["refused", "allowed", "depends"]), st.integers(1, 10**6), st.integers(0, 10**9)
        )
    ),
    st.lists(money, min_size=1, max_size=6),
)
def test_parts_add_up_to_the_bill_exactly(seen: list[tuple[str, int, int]], costs: list[Decimal]) -> None:
    decided = calls(*[("geo", *row) for row in seen])
    found = impact(decided, bill(*[(*MODEL, cost) for cost in costs]), lambda _: "refused")
    assert found.governed == sum(costs)
    table = found.by_model()
    assert sum(table["cost_usd"]) == sum(costs)
