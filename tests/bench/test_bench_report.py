"""How long a report takes over what no report can avoid, on a store of a million calls. Printed, not asserted.

The floor is papermill on an empty notebook, with the imports of runner and kernel, in the same run. SVG is timed apart.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from bedrock_guard.account.trail_store import TrailStore
from bedrock_guard.demo.company.make import make_company
from bedrock_guard.demo.company.trail import write_trail

CALLS = int(os.environ.get("BEDROCK_GUARD_BENCH_CALLS", "1000000"))
ROUNDS = 3
MEASURED = (
    "\nimport json, resource\n"
    "whom = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)\n"
    "print(json.dumps([resource.getrusage(one).ru_maxrss / 1024 for one in whom]))"
)
FLOOR = """
import bedrock_guard.reports.run, bedrock_guard.reports.page
from pathlib import Path
from bedrock_guard.reports.execution import execute
execute(Path({book!r}), Path({target!r}), {{}}, cell_timeout=100)
"""
REPORT = """
from bedrock_guard.reports.run import Options, run
made = run({name!r}, {{"calls": {store!r}}}, {out!r}, options=Options(plots={plots!r}))
assert made.figures.gaps == (), made.figures.gaps
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = os.environ.get("BEDROCK_GUARD_BENCH_STORE")
    if given:
        return Path(given)
    trail, folder = tmp_path_factory.mktemp("trail"), tmp_path_factory.mktemp("store")
    write_trail(make_company(), trail, events=CALLS)
    TrailStore(folder).refresh(trail)
    return folder


def measured(code: str) -> tuple[float, float, float]:
    """Seconds, and the peak memory of the runner and of its kernel in MB."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code + MEASURED], check=True, capture_output=True, text=True)
    took = time.perf_counter() - start
    own, kernel = json.loads(done.stdout.splitlines()[-1])
    return took, own, kernel


def empty(path: Path) -> Path:
    imports = "from bedrock_guard import CostReport, KeyReport"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(imports)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, path)
    return path


def test_reports_over_the_floor(store: Path, tmp_path: Path, benchmark: pytest.FixtureRequest) -> None:
    book = empty(tmp_path / "empty.ipynb")
    floor_code = FLOOR.format(book=str(book), target=str(tmp_path / "done.ipynb"))
    codes = {"floor: empty notebook and imports": floor_code}
    for name in ("cost", "keys"):
        for plots in ("script", "svg"):
            code = REPORT.format(name=name, store=str(store), out=str(tmp_path / "out"), plots=plots)
            codes[f"{name}, {plots}"] = code
    taken = {name: [measured(code) for _ in range(ROUNDS)] for name, code in codes.items()}
    floor = statistics.median(took for took, _, _ in taken["floor: empty notebook and imports"])
    print(
        f"\nreports on a store of calls, median of {ROUNDS}: seconds, times the floor, peak MB of runner and kernel"
    )
    for name, found in taken.items():
        took = statistics.median(one[0] for one in found)
        own, kernel = max(one[1] for one in found), max(one[2] for one in found)
        print(f"  {name:36} {took:6.2f} s {took / floor:5.2f} x {own:6.0f} {kernel:6.0f}")
    benchmark.pedantic(measured, args=(floor_code,), rounds=1)
