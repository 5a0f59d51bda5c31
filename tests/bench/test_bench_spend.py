"""One million bill lines, classified and reconciled."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from bedrock_guard.evidence.spend import classify, classify_bill, reconcile
from bedrock_guard.evidence.tables import BILL, total

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
