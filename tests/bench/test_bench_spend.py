"""A million bill lines classified and reconciled; thirteen months of forty accounts opened and shown."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from bedrock_guard.account.session import Account
from bedrock_guard.evidence.attribution import attribute
from bedrock_guard.evidence.spend import classify, classify_bill, reconcile
from bedrock_guard.evidence.spend_tables import spend_by
from bedrock_guard.evidence.spend_views import by_day
from bedrock_guard.evidence.tables import BILL, total
from bedrock_guard.evidence.token_counts import TOKENS
from bedrock_guard.present import spend, spend_checks

ROWS = 1_000_000
MODELS = ["NovaLite", "NovaPro", "NovaMicro", "Llama3-3-70B", "gpt-oss-120b", "Claude4.6Sonnet", "Qwen3-32B"]
TAILS = [
    "input-tokens",
    "output-tokens",
    "cache-read-input-token-count",
    "input-tokens-batch",
    "input-tokens-flex",
]
REGIONS = ["USE1", "USW2", "EUC1", "APN1", "EU"]


def a_bill(rows: int) -> tuple[pd.DataFrame, Decimal]:
    rng = np.random.default_rng(7)
    usage = [f"{region}-{model}-{tail}" for region in REGIONS for model in MODELS for tail in TAILS]
    costs = [Decimal(cents).scaleb(-8) for cents in rng.integers(1, 10**10, rows).tolist()]
    frame = BILL.empty().reindex(range(rows))
    frame["usage_type"] = pd.array(usage, dtype="string").take(rng.integers(0, len(usage), rows))
    for name, text in (
        ("service", "Amazon Bedrock"),
        ("operation", "InvokeModelInference"),
        ("currency", "USD"),
    ):
        frame[name] = pd.array([text], dtype="string").take(np.zeros(rows, dtype=int))
    frame["record_type"] = pd.array(["Usage"], dtype="string").take(np.zeros(rows, dtype=int))
    frame["cost"] = pd.Series(costs, dtype="object")
    return frame, total(costs)


@pytest.mark.slow
def test_a_million_lines(benchmark):
    frame, whole = a_bill(ROWS)
    classify("Amazon Bedrock", "USE1-NovaLite-input-tokens")

    def run():
        return reconcile(classify_bill(frame), whole)

    found = benchmark.pedantic(run, rounds=3, warmup_rounds=0)
    assert found.difference == 0
    assert sum(found.lines.values()) == ROWS


def test_one_line(benchmark):
    service, usage = (
        "Claude Opus 5 (Amazon Bedrock Edition)",
        "USE1-MP:USE1_cache_write_tokens_1h_global_standard-Units",
    )
    assert benchmark(classify, service, usage).token_kind == "cache_write_1h"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Thirteen months of the demo, asked once; the folder holds Cost Explorer's answers and the price lists.

    The company has forty accounts, three of which spend, day by day: about as many lines as forty by month.
    """
    folder = tmp_path_factory.mktemp("history")
    Account.demo(folder / "demo.sqlite", days=400, accounts=40).spending(395, keep=folder / "keep")
    return folder


@pytest.mark.slow
def test_thirteen_months_open(benchmark, kept):
    """From the kept answers to a proven bill, as another session does it: nothing is asked of Cost Explorer."""

    def run():
        return Account.demo(kept / "demo.sqlite").spending(395, keep=kept / "keep")

    found = benchmark.pedantic(run, rounds=3, warmup_rounds=1)
    assert found.now.proof.difference == 0
    assert len(found.lines) > 13 * 40 * 35
    assert not any(service in ("ce", "pricing") for service, _ in found.asked)


@pytest.mark.slow
def test_thirteen_months_shown(benchmark, kept):
    """Every chart and table of the notebook over them."""
    found = Account.demo(kept / "demo.sqlite").spending(395, keep=kept / "keep")
    views = [
        spend.headline,
        spend.proof,
        spend.models,
        spend.time_chart,
        spend.time_table,
        spend.kinds,
        spend.cache,
    ]
    views += [
        spend.routes,
        spend.accounts_chart,
        spend.accounts,
        spend.tags,
        spend.change_chart,
        spend.change,
    ]
    views += [spend_checks.unusual, spend_checks.forecast, spend_checks.unmapped, spend_checks.prices]
    views += [spend_checks.without_price, spend_checks.native, spend_checks.ec2]

    def run():
        return [view(found)._repr_mimebundle_() for view in views]

    assert len(benchmark.pedantic(run, rounds=3, warmup_rounds=1)) == len(views)


@pytest.mark.slow
def test_forty_accounts_day_by_day(benchmark):
    """Half a million lines, 395 days of 40 accounts with 35 usage types each: classified, proven and summed."""
    days, accounts, kinds = 395, 40, 35
    rows = days * accounts * kinds
    frame, whole = a_bill(rows)
    frame["day"] = pd.date_range("2025-10-01", periods=days, tz="UTC").repeat(accounts * kinds).as_unit("us")
    frame["account_id"] = pd.array([f"{n:012}" for n in range(accounts)], dtype="string").take(
        np.tile(np.repeat(np.arange(accounts), kinds), days)
    )

    def run():
        lines = classify_bill(frame)
        proof = reconcile(lines, whole)
        return proof, by_day(lines), [spend_by(lines, name) for name in ("model", "token_kind", "account_id")]

    proof, _, tables = benchmark.pedantic(run, rounds=2, warmup_rounds=1)
    assert proof.difference == 0
    assert len(tables[2]) == accounts


def test_attribution_of_two_hundred_thousand_calls(benchmark):
    """A day's bill of forty models and regions spread over 200,000 calls of 500 callers."""
    rng = np.random.default_rng(7)
    frame, _ = a_bill(2_000)
    frame["day"], frame["account_id"], frame["region"] = (
        pd.Timestamp("2026-10-02", tz="UTC"),
        "111122223333",
        "us-east-1",
    )
    frame["quantity"] = pd.Series([Decimal(1000)] * len(frame), dtype="object")
    bill = classify_bill(frame)
    models = list(bill["model"].dropna().unique())
    calls = 200_000
    tokens = TOKENS.empty().reindex(range(calls))
    tokens["event_time"] = pd.Timestamp("2026-10-02T10:00:00", tz="UTC")
    for name, values in (
        ("account_id", ["111122223333"]),
        ("region", ["us-east-1"]),
        ("route", ["geo", "in_region", "global"]),
        ("source", ["log"]),
        ("model", models),
        ("principal", [f"arn:aws:iam::111122223333:role/r{n}" for n in range(500)]),
    ):
        tokens[name] = pd.array(values, dtype="string").take(rng.integers(0, len(values), calls))
    for name in ("input_tokens", "output_tokens"):
        tokens[name] = pd.array(rng.integers(1, 9_000, calls), dtype="Int64")
    found = benchmark.pedantic(attribute, (bill, tokens), rounds=3, warmup_rounds=1)
    assert total(found.lines["cost"]) == total(frame["cost"])
