"""How long the demo company takes; printed, not asserted."""

from __future__ import annotations

from pathlib import Path

from bedrock_guard.demo.company import make_company
from bedrock_guard.demo.company.trail import write_trail


def test_make_the_default_company(benchmark):
    company = benchmark.pedantic(lambda: len(make_company().events), rounds=3)
    assert company > 20_000


def test_bill_of_the_default_company(benchmark):
    lines = benchmark.pedantic(lambda: len(make_company().bill), rounds=3)
    assert lines > 5_000


def test_write_100_000_calls_as_files(benchmark, tmp_path: Path):
    written = benchmark.pedantic(lambda: write_trail(make_company(), tmp_path, events=100_000), rounds=1)
    assert written.records > 100_000
