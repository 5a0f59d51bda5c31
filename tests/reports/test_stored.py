"""Reports on a store of calls say what reports on event history say, and refuse a folder that is none."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import nbformat
import papermill as pm
import pytest
from typer.testing import CliRunner

from bedrock_guard.account.session import Account
from bedrock_guard.account.trail_store import TrailStore
from bedrock_guard.cli import app
from bedrock_guard.demo.company.make import make_company
from bedrock_guard.demo.company.trail import write_trail
from bedrock_guard.errors import GuardError
from bedrock_guard.present.callers import callers_hit
from bedrock_guard.reports.cost import CostReport
from bedrock_guard.reports.keys import KeyReport
from bedrock_guard.reports.settings import BadParameters, CostSettings, KeySettings, read_parameters
from bedrock_guard.widgets.recorded import recorded

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    trail, folder = tmp_path_factory.mktemp("trail"), tmp_path_factory.mktemp("store")
    write_trail(make_company(), trail)
    TrailStore(folder).refresh(trail)
    return folder


def test_the_cost_report_says_the_same(store: Path) -> None:
    asked = CostReport.of(Account.demo(), CostSettings(days=14))
    stored = CostReport.of(Account.demo(), CostSettings(days=14, calls=str(store)))
    assert stored.gaps == ()
    same = {name: figure.value for name, figure in asked.figures.figures.items()}
    assert same.keys() == stored.figures.figures.keys()
    for name in ("total", "difference", "control_total", "coverage_percent"):
        assert stored.figures.figures[name].value == same[name]
    tables = [callers_hit(one.found, one.situation, limit=1_000).frame for one in (asked, stored)]
    named = [{str(name).partition(" in ")[0] for name in table["caller"]} for table in tables]
    nobody = ("no caller", "accounts 000000000011 and 000000000012: calls not read")
    assert {name for name in named[0] if not name.startswith(nobody)} <= named[1]


def test_notebooks_take_their_calls_from_a_store_when_papermill_says_so(store: Path, tmp_path: Path) -> None:
    for name, most in (("boundary_workbench", 3), ("list_impact", 4), ("spend_by_model", 9)):
        held = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
        code = [cell for cell in held.cells if cell.cell_type == "code"]
        held.cells = code[:most]
        nbformat.write(held, tmp_path / f"{name}.ipynb")
        pm.execute_notebook(
            tmp_path / f"{name}.ipynb",
            tmp_path / f"{name}-run.ipynb",
            parameters={"calls": str(store)},
            progress_bar=False,
            store_widget_state=False,
        )
        said = str(nbformat.read(tmp_path / f"{name}-run.ipynb", as_version=4))
        if name == "spend_by_model":
            [cost] = set(re.findall(r"\$([\d,.]+) of \$14,265\.41 has a caller", said))
            assert Decimal(cost.replace(",", "")) > 11_000, "the store has the calls of other accounts too"
            assert "calls not read" not in said
        else:
            assert "7,924 calls read" in said


def test_a_recorded_way_counts_the_calls_of_a_store_not_its_rows(store: Path) -> None:
    asked, stored = Account.demo().situation(14), Account.demo().situation(14, calls=store)
    assert recorded(asked)[0].words == recorded(stored)[0].words


def test_counts_and_logs_are_not_read_together(store: Path) -> None:
    account = Account.demo()
    with pytest.raises(GuardError, match="cannot be read together"):
        account.caller_spend(account.spending(14), logs="s3://logs/x", calls=store)


def test_the_key_report_finds_the_leak(store: Path) -> None:
    stored = KeyReport.of(Account.demo(), KeySettings(calls=str(store)))
    assert stored.gaps == ()
    leak = make_company().truth["leak"]
    assert f"{leak['user']} looks like a stolen key" in stored.headline.text
    assert "without a key are left out" in stored.figures.sources["Calls"].why
    asked = KeyReport.of(Account.demo(), KeySettings())
    uses = [
        {n: f.value for n, f in one.figures.figures.items() if n.endswith(":long_term")}
        for one in (asked, stored)
    ]
    assert uses[0] == uses[1]
    keyed = [int(one.figures.figures["calls_with_keys"].value or 0) for one in (asked, stored)]
    assert keyed[0] < keyed[1]  # files hold mantle's data events, which Event history does not


def test_the_command_reads_keys_beyond_event_history_from_a_store(store: Path) -> None:
    run = CliRunner().invoke(app, ["keys", "--calls", str(store), "--days", "400"])
    assert run.exit_code == 0, run.output
    assert f"{make_company().truth['leak']['user']} looks like a stolen key" in run.output
    assert "records (inference)" in run.output
    refused = CliRunner().invoke(app, ["keys", "--days", "91"])
    assert refused.exit_code == 2
    assert "--calls" in refused.output


@pytest.mark.parametrize("folder", ["/nowhere", "."])
def test_a_folder_without_a_store_is_a_bad_parameter(folder: str, tmp_path: Path) -> None:
    path = folder if folder.startswith("/") else str(tmp_path)
    with pytest.raises(BadParameters, match="no store of calls"):
        read_parameters("keys", {"calls": path})
