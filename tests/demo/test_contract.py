"""The table of what the demo answers."""

from __future__ import annotations

from pathlib import Path

from bedrock_guard.demo import page
from bedrock_guard.demo.contract import as_markdown, rows


def test_every_operation_is_in_the_table_once() -> None:
    found = [(row.service, row.operation) for row in rows()]
    assert len(found) == len(set(found)) > 120
    table = as_markdown()
    assert all(f"| {operation} |" in table for _, operation in found)
    assert "| **sts** | 4 of 11 |" in table


def test_what_reads_and_what_writes() -> None:
    kinds = {(row.service, row.operation): row.writes for row in rows()}
    assert kinds["iam", "CreatePolicyVersion"]
    assert kinds["iam", "SetDefaultPolicyVersion"]
    assert not kinds["iam", "SimulatePrincipalPolicy"]
    assert not kinds["cloudtrail", "LookupEvents"]
    assert not kinds["ec2", "RunInstances"]


def test_the_simulator_says_whose_answers_it_gives() -> None:
    gaps = {row.operation: row.gap for row in rows()}
    assert "the kit's own evaluator" in gaps["SimulateCustomPolicy"]
    assert "the kit's own evaluator" in gaps["SimulatePrincipalPolicy"]


def test_the_docs_are_what_the_code_says() -> None:
    """Write them anew with: python -m bedrock_guard.demo.page docs/demo.md."""
    docs = Path(__file__).parents[2] / "docs" / "demo.md"
    assert docs.read_text(encoding="utf-8") == page.as_markdown()


def test_a_gap_is_named_where_there_is_one() -> None:
    states = {(row.service, row.operation): row.state for row in rows()}
    assert states["iam", "SimulateCustomPolicy"] == "gap"
    assert states["accessanalyzer", "ValidatePolicy"] == "refused"
    assert states["sts", "GetCallerIdentity"] == "faithful"
