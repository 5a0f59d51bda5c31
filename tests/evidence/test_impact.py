"""Dollars spread over outcomes: every part adds up, and nothing unknown is counted as kept."""

from __future__ import annotations

import json
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.evidence.cube import Cube
from bedrock_guard.evidence.impact import OUTCOMES, Impact, Probe, Weights, impact
from bedrock_guard.evidence.replay import DocumentSide
from bedrock_guard.evidence.tuples import TUPLES
from bedrock_guard.iam.evaluator import compile_policies

DAY = pd.Timestamp("2026-11-01", tz="UTC")
BILL = ["bucket", "account_id", "region", "model", "route", "tier", "cost"]
MODEL = ("model", "111122223333", "us-east-1", "m", "regional", "standard")


def calls(*rows: tuple[str, str, int, int | None], denied: bool = False) -> list[dict[str, object]]:
    """(route, verdict, calls, tokens) of Converse calls to model m, as distinct calls."""
    return [
        {
            "account_id": "111122223333",
            "region": "us-east-1",
            "principal": f"caller {number}",
            "service": "bedrock.amazonaws.com",
            "operation": "Converse",
            "model": "m",
            "route": route,
            "parameters": json.dumps({"modelId": verdict}),
            "already_denied": denied,
            "day": DAY,
            "calls": n,
            "input_tokens": tokens,
            "output_tokens": 0,
            "untold": 0 if tokens is not None else n,
            "first_seen": DAY,
            "last_seen": DAY,
        }
        for number, (route, verdict, n, tokens) in enumerate(rows)
    ]


class Foretold:
    """Documents that give each call the verdict its model id asks for."""

    at = None
    whom = None
    evaluator = compile_policies(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "*", "Resource": "*"},
                {"Effect": "Deny", "Action": "*", "Resource": "arn:aws:bedrock:*::foundation-model/refused"},
                {
                    "Effect": "Deny",
                    "Action": "*",
                    "Resource": "arn:aws:bedrock:*::foundation-model/depends",
                    "Condition": {"StringEquals": {"aws:UserAgent": "x"}},
                },
            ],
        }
    )

    def side(self, account: str, principal: str) -> DocumentSide:
        return SIDE

    def asker(self, account: str, principal: str) -> str:
        return principal


SIDE = DocumentSide(Foretold.evaluator)


def weights(rows: list[dict[str, object]]) -> Weights:
    return Cube.of(TUPLES.frame(rows), shipped()).judge(Foretold()).weights


def bill(*rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame([(*row[:-1], Decimal(str(row[-1]))) for row in rows], columns=BILL)


def never(line: Probe) -> str:
    raise AssertionError(f"no probe was due for {line}")


def spends(found: Impact) -> dict[str, Decimal]:
    return {name: found.spend(name) for name in OUTCOMES if found.spend(name)}


def test_dollars_follow_tokens_where_every_call_has_them() -> None:
    decided = calls(("geo", "refused", 1, 900), ("in_region", "allowed", 9, 100))
    assert spends(impact(weights(decided), bill((*MODEL, "10")), never)) == {
        "refused": Decimal(9),
        "kept": Decimal(1),
    }


def test_dollars_of_an_account_without_documents_are_outside_whatever_was_called() -> None:
    decided = weights(calls(("geo", "refused", 1, 900), ("in_region", "allowed", 9, 100)))
    found = impact(decided, bill((*MODEL, "10")), never, ["000000000011"])
    assert found.spend("outside") == found.governed == 10
    assert spends(found) == {}
    assert found.outsiders == ("111122223333",)
    assert impact(decided, bill((*MODEL, "10")), never, ["111122223333"]).spend("outside") == 0


def test_dollars_follow_calls_where_a_token_count_is_missing() -> None:
    decided = calls(("geo", "refused", 1, None), ("geo", "allowed", 3, 100))
    assert spends(impact(weights(decided), bill((*MODEL, "8")), never)) == {
        "refused": Decimal(2),
        "kept": Decimal(6),
    }


def test_a_call_that_hangs_on_an_unknown_key_is_unknown_never_kept() -> None:
    decided = calls(("geo", "depends", 1, 10))
    assert spends(impact(weights(decided), bill((*MODEL, "8")), never)) == {"unknown": Decimal(8)}


def test_calls_that_were_denied_already_carry_no_dollars() -> None:
    decided = [*calls(("geo", "refused", 50, 0), denied=True), *calls(("geo", "allowed", 1, 5))]
    assert spends(impact(weights(decided), bill((*MODEL, "8")), never)) == {"kept": Decimal(8)}


def test_calls_that_failed_carry_no_dollars_and_do_not_make_tokens_untold() -> None:
    failed = [row | {"failed": row["calls"]} for row in calls(("geo", "refused", 50, 0))]
    told = calls(("geo", "refused", 1, 300), ("geo", "allowed", 9, 100))
    assert spends(impact(weights(failed + told), bill((*MODEL, "8")), never)) == {
        "refused": Decimal(6),
        "kept": Decimal(2),
    }
    untold = calls(("geo", "allowed", 1, None))
    assert spends(impact(weights(failed + untold), bill((*MODEL, "8")), never)) == {"kept": Decimal(8)}


def test_a_tiers_dollars_follow_the_calls_that_asked_for_it() -> None:
    flex = json.dumps({"modelId": "refused", "serviceTier": {"type": "flex"}})
    asked = [row | {"parameters": flex} for row in calls(("geo", "refused", 3, 100))]
    lines = bill((*MODEL, "8"), (*MODEL[:-1], "flex", "2"))
    assert spends(impact(weights(asked + calls(("geo", "allowed", 1, 900))), lines, never)) == {
        "refused": Decimal(2),
        "kept": Decimal(8),
    }


def test_calls_of_provisioned_units_carry_no_dollar_of_tokens() -> None:
    unit = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abc"
    units = [row | {"model_raw": unit} for row in calls(("geo", "refused", 3, 100))]
    found = impact(weights(units + calls(("geo", "allowed", 1, 5))), bill((*MODEL, "8")), never)
    assert spends(found) == {"kept": Decimal(8)}


def test_global_dollars_do_not_follow_regional_calls() -> None:
    decided = calls(("geo", "refused", 5, 100), ("global", "allowed", 5, 100))
    lines = bill((*MODEL, "8"), ("model", "111122223333", "us-east-1", "m", "global", "standard", "3"))
    assert spends(impact(weights(decided), lines, never)) == {"refused": Decimal(8), "kept": Decimal(3)}


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
        weights(calls()),
        bill((bucket, "000000000011", "us-east-1", "m", "regional", "standard", "7")),
        lambda _: verdict,
    )
    assert spends(found) == {outcome: Decimal(7)}
    assert list(found.lines["basis"]) == ["probe"]


def test_dollars_of_another_region_do_not_follow_these_calls() -> None:
    line = ("model", "111122223333", "eu-west-1", "m", "regional", "standard", "7")
    found = impact(
        weights(calls(("geo", "allowed", 5, 100))),
        bill(line),
        lambda probe: "refused" if probe.region else "unknown",
    )
    assert spends(found) == {"refused": Decimal(7)}


def test_batch_lines_follow_the_batch_control_not_the_calls() -> None:
    asked: list[Probe] = []
    line = ("model", "111122223333", "us-east-1", "m", "regional", "batch", "7")
    found = impact(
        weights(calls(("geo", "allowed", 5, 100))), bill(line), lambda probe: asked.append(probe) or "refused"
    )
    assert spends(found) == {"refused": Decimal(7)}
    assert asked[0].tier == "batch"


def test_what_no_boundary_decides_stands_outside() -> None:
    lines = bill(("tax", *[None] * 5, "2"), ("credit", *[None] * 5, "-5"), (*MODEL, "1"))
    found = impact(weights(calls(("geo", "allowed", 1, 1))), lines, never)
    assert dict(zip(found.outside["bucket"], found.outside["cost_usd"], strict=True)) == {
        "tax": Decimal(2),
        "credit": Decimal(-5),
    }
    assert found.governed == 1


verdicts = st.sampled_from(["refused", "allowed", "depends"])
money = st.decimals(min_value=-1000, max_value=100_000, places=10, allow_nan=False)


@given(
    st.lists(st.tuples(verdicts, st.integers(1, 10**15))),
    st.lists(money, min_size=1, max_size=6),
)
def test_parts_add_up_to_the_bill_exactly(seen: list[tuple[str, int]], costs: list[Decimal]) -> None:
    lane: dict[str, Decimal] = {}
    for verdict, weight in seen:
        lane[verdict] = lane.get(verdict, Decimal(0)) + weight
    held = {("111122223333", "us-east-1", "m", "regional"): lane} if lane else {}
    found = impact(held, bill(*[(*MODEL, cost) for cost in costs]), lambda _: "refused")
    assert found.governed == sum(costs)
    table = found.by_model()
    assert sum(table["cost_usd"]) == sum(costs)
