"""The workbench as a person uses it, in JupyterLab and the system's Chromium."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from lab_browser import ROOT, lab, open_notebook, run_all, tab

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copied = tmp_path / "notebooks"
    shutil.copytree(ROOT / "notebooks", copied)
    return copied


BARS = "d => JSON.stringify(d.data.map(t => [t.name, Array.from(t.x)]))"


def bars(page) -> str:
    return page.locator(".js-plotly-plot").first.evaluate(BARS)


def heading(page) -> str:
    return page.locator(".jp-OutputArea-output .widget-html").first.inner_text()


def test_choose_see_and_export(folder: Path, tmp_path: Path) -> None:
    with lab(folder, tmp_path / "lab") as base, tab(width=1500, height=1150) as made:
        page = made.page
        open_notebook(made, base, "boundary_workbench.ipynb")
        run_all(made)
        opus = page.get_by_label(re.compile(r"^Claude Opus 4\.8 "))
        opus.wait_for(timeout=180_000)
        page.locator(".js-plotly-plot .bars .point").first.wait_for(timeout=60_000)
        before, told = bars(page), heading(page)
        picture = Path(os.environ.get("WORKBENCH_PICTURE", tmp_path / "workbench.png"))  # README's is made so
        page.locator(".jp-OutputArea-output .widget-vbox").first.scroll_into_view_if_needed()
        page.wait_for_timeout(800)
        page.screenshot(path=str(picture))

        opus.check()
        page.wait_for_function(
            f"old => (({BARS})(document.querySelector('.js-plotly-plot'))) !== old",
            arg=before,
            timeout=30_000,
        )
        page.wait_for_timeout(500)
        now = dict(json.loads(bars(page)))
        assert sum(now["refused"]) < sum(dict(json.loads(before))["refused"])
        assert heading(page) != told
        refused = page.locator("tr", has_text="Claude Opus 4.8").first.inner_text().split("\t")[2]
        assert refused.strip() != "$11,327.09"

        page.get_by_role("tab", name="Policies").click()
        page.get_by_role("textbox", name="Folder").fill(str(tmp_path / "taken"))
        page.get_by_role("button", name="Export the policies").click()
        page.get_by_text("Exported to").wait_for(timeout=30_000)
        assert "opus-4-8" in (tmp_path / "taken" / "boundary.json").read_text()
        assert "opus-4-8" in (tmp_path / "taken" / "guard.toml").read_text()
        assert made.refused == []
        assert page.locator("[data-title*='Share'], [data-title*='cloud']").count() == 0


def test_a_choice_that_cannot_be_built_says_so_where_one_looks(folder: Path, tmp_path: Path) -> None:
    with lab(folder, tmp_path / "lab", dark=True) as base, tab(dark=True, width=1280) as made:
        page = made.page
        open_notebook(made, base, "boundary_workbench.ipynb")
        run_all(made)
        first = page.get_by_label(re.compile(r"^Claude Haiku 4\.5 "))
        first.wait_for(timeout=180_000)
        for name in ("Claude Haiku 4.5", "Nova Lite", "Nova Pro", "Titan Text Embeddings V2"):
            page.get_by_label(re.compile(rf"^{re.escape(name)} \(")).uncheck()
        page.get_by_role("alert").first.wait_for(timeout=30_000)
        assert "Traceback" not in page.content()
        first.check()
        page.wait_for_function("() => !document.querySelector('.widget-html [role=alert]')", timeout=30_000)
        assert made.refused == []
