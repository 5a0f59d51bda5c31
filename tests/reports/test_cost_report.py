"""The cost report: run whole through papermill on the demo account, and its parts with numbers bent on purpose."""

from __future__ import annotations

import dataclasses
import json
from decimal import Decimal
from pathlib import Path

import papermill
import pytest

from bedrock_guard.account.session import Account
from bedrock_guard.account.situation import Situation, example_spec
from bedrock_guard.evidence.spend import classify_bill, reconcile
from bedrock_guard.evidence.tables import BILL
from bedrock_guard.reports.cost import CostReport
from bedrock_guard.reports.cost_findings import over_budget
from bedrock_guard.reports.figures import Figures
from bedrock_guard.reports.run import BadParameters, ReportFailed, notebook_path, run
from bedrock_guard.reports.settings import SETTINGS, CostSettings, read_parameters


@pytest.fixture(scope="module")
def situation() -> Situation:
    return Account.demo().situation(days=14)


def made(situation: Situation, **settings: object) -> CostReport:
    return CostReport(CostSettings(**settings), situation, situation.what_if(example_spec()))


def test_the_cards_add_up_to_what_was_used(situation: Situation) -> None:
    from bedrock_guard.present.evidence import cards

    used, *parts = cards(made(situation).found, situation).values()
    assert used is not None
    assert sum(part for part in parts if part is not None) == used


def test_figures_hold_what_is_shown_and_their_source(situation: Situation) -> None:
    figures = made(situation).figures
    assert figures.complete
    assert figures.exit_status == 1
    assert Decimal(figures.figures["difference"].value or "nan") == 0
    assert figures.figures["total"].source == "Cost Explorer"
    assert Figures.model_validate_json(figures.model_dump_json()) == figures


def test_a_dropped_line_withholds_the_headline_and_ends_with_3(situation: Situation) -> None:
    bill = situation.bill.iloc[1:]
    bill.attrs = situation.bill.attrs
    proof = reconcile(bill, situation.reconciliation.control_total)
    bent = dataclasses.replace(situation, bill=bill, reconciliation=proof)
    report = made(bent)
    assert proof.difference == -situation.bill["cost"].iloc[0]
    assert "withheld" in report.headline._repr_html_()
    assert report.figures.figures["total"].value is None
    assert report.figures.exit_status == 3


def test_a_budget_is_a_finding_only_when_it_is_passed() -> None:
    assert over_budget(Decimal(10), Decimal(10), 28) == []
    assert over_budget(None, Decimal(10), 28) == []
    assert "$2.00 over" in over_budget(Decimal(12), Decimal(10), 28)[0].text


def test_settings_and_the_notebooks_parameters_are_the_same() -> None:
    known = papermill.inspect_notebook(str(notebook_path("cost")))
    assert set(known) == set(SETTINGS["cost"].model_fields)
    for name, found in known.items():
        default = SETTINGS["cost"].model_fields[name].default
        assert found["default"].replace("'", '"') == json.dumps(default).replace("null", "None")


def test_parameters_are_checked_before_anything_runs() -> None:
    assert read_parameters("cost", {"account": "demo"}, ["days=7", "budget_usd=100.5"]) == {
        "account": "demo",
        "days": 7,
        "budget_usd": "100.5",
    }
    with pytest.raises(BadParameters, match="dayz"):
        read_parameters("cost", {}, ["dayz=7"])
    with pytest.raises(BadParameters, match="no report"):
        read_parameters("costs", {}, [])


@pytest.mark.slow
def test_a_run_writes_three_files_that_agree(tmp_path: Path) -> None:
    report = run("cost", {"account": "demo", "days": 14}, tmp_path / "o u t", plots="script")
    assert sorted(p.name for p in (tmp_path / "o u t").iterdir()) == [
        "cost_report.figures.json",
        "cost_report.html",
        "cost_report.ipynb",
    ]
    text = report.html.read_text(encoding="utf-8")
    total = Decimal(report.figures.figures["total"].value or "nan")
    assert f"${total:,.2f}" in text
    assert "import CostReport" not in text
    assert json.loads(report.figures_file.read_text())["figures"]["total"]["value"] == f"{total:f}"
    assert report.notebook.stat().st_size < 400_000
    assert "<script" in text


@pytest.mark.slow
def test_a_failed_run_leaves_only_failed(tmp_path: Path) -> None:
    with pytest.raises(ReportFailed) as caught:
        run("cost", {"account": "demo", "spec": "/nowhere/guard.toml"}, tmp_path / "out", plots="script")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["failed"]
    assert "guard.toml" in str(caught.value)


def test_the_bill_is_read_once_and_classified_alike(situation: Situation) -> None:
    again = classify_bill(situation.bill[list(BILL.columns)], situation.catalogue)
    assert list(again["model"].fillna("")) == list(situation.bill["model"].fillna(""))
