"""How long a report takes over what no report can avoid, on a store of a million calls. Printed, not asserted.

The floor, in the same run, is plain papermill on an empty notebook with the imports of runner and kernel. Drawing
charts as SVG is timed apart, and so is what the demo account does in place of AWS, which on a real account is waiting.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
import pytest

from bedrock_guard.account.trail_store import TrailStore
from bedrock_guard.demo.company.make import make_company
from bedrock_guard.demo.company.trail import write_trail
from bedrock_guard.reports.run import browser

CALLS = int(os.environ.get("BEDROCK_GUARD_BENCH_CALLS", "1000000"))
ROUNDS = 3
MEASURED = """
import json, resource
of = [resource.getrusage(whom) for whom in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps([sum(one.ru_utime + one.ru_stime for one in of), *(one.ru_maxrss / 1024 for one in of)]))
"""
FLOOR = """
import bedrock_guard.reports.run, bedrock_guard.reports.page, papermill
papermill.execute_notebook({book!r}, {target!r}, progress_bar=False)
"""
IMPORTS = """
import boto3, duckdb, plotly.graph_objects, pyarrow.parquet
from bedrock_guard import CostReport, KeyReport
"""
REPORT = """
from bedrock_guard.reports.run import Options, run
made = run({name!r}, {{"calls": {store!r}}}, {out!r}, options=Options(plots={plots!r}))
assert made.figures.gaps == (), made.figures.gaps
"""
AWS = """
import json, time
from bedrock_guard import CostReport, KeyReport
from bedrock_guard.demo.dispatch import Backend
spent, answer = [], Backend.answer
def timed(*given):
    start = time.thread_time()  # several threads ask at once
    try:
        return answer(*given)
    finally:
        spent.append(time.thread_time() - start)
Backend.answer = timed
{report}.make(calls={store!r})
print(json.dumps(sum(spent)))
"""
TITLE = "reports on a store of calls, median of the rounds; x is times the floor; MB are peaks"
HEAD = f"{'':30}{'wall s':>8}{'x':>6}{'CPU s':>8}{'x':>6}{'runner':>9}{'kernel':>8}{'all at once':>13} MB"


@dataclass(frozen=True)
class Run:
    """Seconds and peak megabytes of a runner, its kernel, and of all their processes at one moment."""

    wall_s: float
    cpu_s: float
    runner_mb: float
    kernel_mb: float
    all_mb: float


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = os.environ.get("BEDROCK_GUARD_BENCH_STORE")
    if given:
        return Path(given)
    trail, folder = tmp_path_factory.mktemp("trail"), tmp_path_factory.mktemp("store")
    write_trail(make_company(), trail, events=CALLS)
    TrailStore(folder).refresh(trail)
    return folder


def measured(code: str) -> Run:
    """Run code in a process of its own; its children count from the moment that they have ended."""
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", code + MEASURED], stdout=subprocess.PIPE, text=True) as one:
        peak: list[float] = [0.0]
        watch = threading.Thread(target=_watch, args=(one.pid, peak))
        watch.start()
        said, _ = one.communicate(timeout=300)
        took = time.perf_counter() - start
        watch.join()
    assert one.returncode == 0
    cpu, runner, kernel = json.loads(said.splitlines()[-1])
    return Run(took, cpu, runner, kernel, peak[0])


def _watch(pid: int, peak: list[float]) -> None:
    """The most that a process and all below it hold at one moment; a page that several share counts for each."""
    try:
        top = psutil.Process(pid)
        while top.status() != psutil.STATUS_ZOMBIE:
            held = sum(one.memory_info().rss for one in [top, *top.children(recursive=True)])
            peak[0] = max(peak[0], held / 1024**2)
            time.sleep(0.1)
    except psutil.NoSuchProcess:
        return


def empty(path: Path) -> Path:
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(IMPORTS)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, path)
    return path


def middle(runs: Sequence[Run]) -> Run:
    values = ([getattr(run, name) for run in runs] for name in Run.__dataclass_fields__)
    wall, cpu, *peaks = values
    return Run(statistics.median(wall), statistics.median(cpu), *map(max, peaks))


def test_reports_over_the_floor(store: Path, tmp_path: Path, benchmark: pytest.FixtureRequest) -> None:
    book = empty(tmp_path / "empty.ipynb")
    floor_code = FLOOR.format(book=str(book), target=str(tmp_path / "done.ipynb"))
    codes = {"floor": floor_code}
    for name in ("cost", "keys"):
        codes[name] = REPORT.format(name=name, store=str(store), out=str(tmp_path / "out"), plots="script")
    taken: dict[str, list[Run]] = {name: [] for name in codes}
    for _ in range(ROUNDS):  # in turn, so that a busy machine is busy for all
        for name, code in codes.items():
            taken[name].append(measured(code))
    found = {name: middle(runs) for name, runs in taken.items()}
    floor = found["floor"]
    print(f"\n{TITLE}\n{HEAD}")
    for name, one in found.items():
        times = (
            f"{one.wall_s:8.2f}{one.wall_s / floor.wall_s:6.2f}{one.cpu_s:8.2f}{one.cpu_s / floor.cpu_s:6.2f}"
        )
        print(f"  {name:28}{times}{one.runner_mb:9.0f}{one.kernel_mb:8.0f}{one.all_mb:13.0f}")
    for name, report in (("cost", "CostReport"), ("keys", "KeyReport")):
        said = subprocess.run(
            [sys.executable, "-c", AWS.format(report=report, store=str(store))],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        spent = float(said.stdout.splitlines()[-1])
        less = (found[name].cpu_s - spent) / floor.cpu_s
        print(f"  {name}: {spent:.2f} s of CPU answer in place of AWS; {less:.2f} x without them")
    if browser():
        for name in ("cost", "keys"):
            drawn = measured(codes[name].replace("'script'", "'svg'"))
            print(
                f"  {name}: charts as SVG {drawn.wall_s - found[name].wall_s:+.2f} s, all at once {drawn.all_mb:.0f} MB"
            )
    else:
        print("  charts as SVG: not timed, no Chromium on this machine")
    benchmark.pedantic(measured, args=(floor_code,), rounds=1)
