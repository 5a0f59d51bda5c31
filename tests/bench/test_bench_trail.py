"""What reading a trail into the store costs, beside inflating it and beside others: printed, not asserted.

BENCH_EVENTS sets the size (1,000,000 by default); BENCH_TEN=1 reads ten times as much as well.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
from trail_maker import Trail, make_trail

from bedrock_guard.account.trail_store import TrailStore

EVENTS = int(os.environ.get("BENCH_EVENTS", "1000000"))
REFRESH = """
import json, resource, sys, time
from bedrock_guard.account.trail_store import TrailStore
def cpu():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
if __name__ == "__main__":
    store, before, began = TrailStore(sys.argv[2]), cpu(), time.perf_counter()
    done = store.refresh(sys.argv[1], workers=int(sys.argv[3]))
    wall, worker = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    own = next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(json.dumps({"cpu": cpu() - before, "wall": wall, "peak_mb": own, "worker_mb": worker}))
"""
ISAL = """
import sys
from pathlib import Path
from isal import isal_zlib
print(sum(len(isal_zlib.decompress(path.read_bytes(), 31)) for path in Path(sys.argv[1]).rglob("*.gz")))
"""
SCRAPER = """
import sys
from pathlib import Path
import trailscraper.cloudtrail as ct
files = [str(path) for path in Path(sys.argv[1]).rglob("*.gz")]
print(sum(1 for name in files for one in ct.LogFile(name).records() if one.event_source == "bedrock.amazonaws.com"))
"""
FILES = "find {0} -name '*.gz' -print0 | xargs -0"


@dataclass(frozen=True)
class Cost:
    """CPU and wall seconds of a command and all it started."""

    cpu: float
    wall: float
    out: str


def measured(*command: str) -> Cost:
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        out = process.stdout.read()
        _pid, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - began, out)


def shell(text: str) -> Cost:
    return measured("bash", "-c", text)


def python(code: str, *arguments: object) -> Cost:
    return measured(sys.executable, "-c", code, *map(str, arguments))


def refreshed(script: Path, trail: Path, store: Path, workers: int = 0) -> tuple[Cost, dict[str, float]]:
    shutil.rmtree(store, ignore_errors=True)
    cost = measured(sys.executable, str(script), str(trail), str(store), str(workers))
    return cost, json.loads(cost.out.splitlines()[-1])


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Trail:
    return make_trail(tmp_path_factory.mktemp("trail"), EVENTS, days=3)


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("script") / "refresh.py"
    path.write_text(REFRESH)
    return path


def test_ingest_beside_the_floors_and_peers(
    trail: Trail, script: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    floor = shell(f"{FILES.format(trail.root)} zcat | wc -c")
    raw = int(floor.out)
    own, inside = refreshed(script, trail.root, tmp_path / "store")
    apart, inside_apart = refreshed(script, trail.root, tmp_path / "apart", workers=1)
    fast, inside_fast = refreshed(script, trail.root, tmp_path / "fast", workers=2)
    again = shell(f"{FILES.format(trail.root)} zcat | wc -c")
    zcat = (floor.cpu + again.cpu) / 2
    isal = python(ISAL, trail.root) if find_spec("isal") else None
    select = """'.Records[] | select(.eventSource == "bedrock.amazonaws.com") | .eventID'"""
    jq = shell(f"{FILES.format(trail.root)} zcat | jq -c {select} | wc -l") if shutil.which("jq") else None
    scraper = python(SCRAPER, trail.root) if find_spec("trailscraper") else None
    summary = TrailStore(tmp_path / "store").summary()
    assert summary == TrailStore(tmp_path / "fast").summary() == TrailStore(tmp_path / "apart").summary()
    assert summary["records"] == EVENTS == summary["rows"] + sum(summary["left_out"].values())
    lines = [
        ("zcat | wc -c (mean of before and after)", floor, zcat),
        ("isal inflate alone, one process", isal, None),
        ("store, in process: refresh", own, inside["cpu"]),
        ("store, in process: with start and imports", own, None),
        ("store, 1 worker: refresh", apart, inside_apart["cpu"]),
        ("store, 1 worker: with start and imports", apart, None),
        ("store, 2 workers: refresh", fast, inside_fast["cpu"]),
        ("store, 2 workers: with start and imports", fast, None),
        ("zcat | jq select Bedrock", jq, None),
        ("trailscraper, reads only", scraper, None),
    ]
    with capsys.disabled():
        print(
            f"\n{EVENTS:,} events, {trail.files:,} files, {raw / 1e6:,.0f} MB raw, {summary['rows']:,} rows"
        )
        for name, cost, cpu in lines:
            if cost is None:
                print(f"{name:45} not installed")
                continue
            used = cost.cpu if cpu is None else cpu
            print(f"{name:45} {used:7.2f} s CPU  {used / zcat:5.2f} x zcat")
        print(f"peak {inside['peak_mb']:,.0f} MB in process; {inside_fast['worker_mb']:,.0f} MB a worker")


def test_ten_times_as_much_costs_ten_times_as_much(
    trail: Trail, script: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same bytes ten times under other names and days: twins for whoever counts, new files for the reader."""
    if not os.environ.get("BENCH_TEN"):
        pytest.skip("BENCH_TEN is not set")
    ten = tmp_path / "ten"
    for path in trail.root.rglob("*.gz"):
        for copy in range(10):
            name = path.name.replace("_20261", f"_2027{copy}").replace("Z_", f"Z_{copy}")
            target = ten / path.relative_to(trail.root).parent / str(copy) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)
    _one, inside_one = refreshed(script, trail.root, tmp_path / "one")
    _many, inside = refreshed(script, ten, tmp_path / "store")
    _fast, inside_fast = refreshed(script, ten, tmp_path / "fast", workers=2)
    with capsys.disabled():
        print(
            f"\n{EVENTS * 10:,} events: {inside['cpu']:.1f} s CPU, {inside['cpu'] / inside_one['cpu']:.2f} times "
            f"that of {EVENTS:,}; peak {inside['peak_mb']:,} MB (one: {inside_one['peak_mb']:,}); 2 workers "
            f"{inside_fast['cpu']:.1f} s CPU, {inside_fast['wall']:.1f} s wall, {inside_fast['worker_mb']:,} MB each"
        )


def test_refreshing_a_known_trail_and_a_new_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """10,000 small files that are known, then a day more."""
    folder = tmp_path / "trail/AWSLogs/111122223333/CloudTrail/us-east-1/2026/10"
    text = json.dumps({"Records": [{"eventSource": "kms.amazonaws.com", "eventName": "Decrypt"}]})
    for number in range(10_500):
        day = 1 + number // 500
        path = folder / f"{day:02}/111122223333_CloudTrail_us-east-1_202610{day:02}T0005Z_{number:08}.json"
        if day <= 20 or number % 500 == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    later = folder / "21"
    hidden = tmp_path / "later"
    later.rename(hidden)
    first = timed(tmp_path)
    nothing = timed(tmp_path)
    hidden.rename(later)
    day = timed(tmp_path)
    with capsys.disabled():
        print(
            f"\n10,000 files first {first:.2f} s; again, nothing new {nothing:.2f} s; a day more {day:.2f} s"
        )


def timed(tmp_path: Path) -> float:
    began = time.perf_counter()
    TrailStore(tmp_path / "store").refresh(tmp_path / "trail")
    return time.perf_counter() - began


def test_tuples_from_parts(trail: Trail, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The relation that replay is made from."""
    store = TrailStore(tmp_path)
    store.refresh(trail.root)
    began = time.perf_counter()
    made = store.tuples()
    wall = time.perf_counter() - began
    with capsys.disabled():
        print(f"\n{int(made['calls'].sum()):,} calls to {len(made):,} tuples in {wall:.2f} s")
