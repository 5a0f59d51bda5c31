"""One JupyterLab for the whole session, and a copy of the notebooks to open in it."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from lab_browser import ROOT, Tab, chromium, lab, open_notebook, run_all, tab


@pytest.fixture(autouse=True)
def _needs_chromium() -> None:
    if chromium() is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")


@dataclass(frozen=True)
class Desk:
    """A running JupyterLab and the folder it shows."""

    base: str
    folder: Path

    def rest(self) -> None:
        """End all kernels, so that every test begins with a new one."""
        headers = {"Authorization": "token local"}
        asked = urllib.request.Request(f"{self.base}/api/sessions", headers=headers)
        for session in json.load(urllib.request.urlopen(asked)):
            address = f"{self.base}/api/sessions/{session['id']}"
            urllib.request.urlopen(urllib.request.Request(address, headers=headers, method="DELETE"))


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    if chromium() is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    folder = tmp_path_factory.mktemp("desk") / "notebooks"
    shutil.copytree(ROOT / "notebooks", folder)
    with lab(folder, folder.parent / "lab") as base:
        yield Desk(base, folder)


@pytest.fixture
def opened(desk: Desk) -> Iterator[object]:
    """Open a notebook of the desk and run it; the workbench is drawn when it comes back."""
    kept = []

    def run(
        name: str = "boundary_workbench.ipynb",
        *,
        width: int = 1500,
        height: int = 1000,
        first: str = "",
        awaited: str = ".js-plotly-plot .bars .point",
    ) -> Tab:
        desk.rest()
        held = tab(width=width, height=height)
        made = held.__enter__()
        kept.append(held)
        if first:
            made.page.add_init_script(first)
        open_notebook(made, desk.base, name)
        made.page.keyboard.press("Control+b")  # the side bar is of no use here
        run_all(made)
        made.page.locator(awaited).first.wait_for(timeout=240_000, state="attached")
        if made.page.locator(".bg-bench").count():
            made.page.locator(".bg-bench").first.evaluate("e => e.scrollIntoView({block: 'start'})")
        return made

    yield run
    for held in kept:
        held.__exit__(None, None, None)
