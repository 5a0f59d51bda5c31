"""A change killed at every API call, and failing at every API call: nothing is lost, whatever stops it.

The changes run in processes of their own (tests/helpers/kill_run.py). One is killed by SIGKILL before and after every
call of a plan with three targets, a pruned version, a flip, an SCP and an enforced guardrail; from each wreck one new
process resumes and another rolls back, and the whole account must then be equal to the planned, or the former one.

    pytest -k kill -s       prints the tables
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "helpers" / "kill_run.py"
WORKERS = 2
pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]
if not hasattr(os, "fork"):
    pytest.skip("SIGKILL and fork are POSIX's", allow_module_level=True)

Row = dict[str, Any]


def environment() -> dict[str, str]:
    paths = [str(ROOT), str(ROOT / "tests" / "helpers"), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """The recorded run. In memory where that is to be had: every row copies files and syncs a journal."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as name:
        command = [sys.executable, str(SCRIPT), "record", name]
        subprocess.run(command, check=True, env=environment(), timeout=600)
        yield Path(name)


def rows(mode: str, folder: Path) -> list[Row]:
    """Every row of a mode, worked by two processes."""
    started = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), mode, str(folder), str(part), str(WORKERS)],
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
        )
        for part in range(WORKERS)
    ]
    try:
        said = [process.communicate()[0] for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()
    assert [process.returncode for process in started] == [0] * WORKERS
    return [json.loads(line) for part in said for line in part.splitlines()]


def lost(found: list[Row]) -> list[Row]:
    return [row for row in found if not (row.get("resumed", True) and row["rolled"])]


def table(found: list[Row], *columns: str) -> str:
    counts = Counter(tuple(str(row.get(name)) for name in columns) for row in found)
    width = [max(len(c), *(len(key[n]) for key in counts)) for n, c in enumerate(columns)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(columns, width, strict=True)) + "  rows"]
    lines += [
        "  ".join(c.ljust(w) for c, w in zip(key, width, strict=True)) + f"  {count}"
        for key, count in sorted(counts.items())
    ]
    return "\n".join(lines)


def test_kill_before_and_after_every_call_then_resume_and_roll_back(folder: Path) -> None:
    facts = json.loads((folder / "facts.json").read_text())
    assert facts["planned"] != facts["former"]
    assert facts["returned"]
    found = rows("kill", folder)
    print(f"\n{table(found, 'side', 'call', 'left', 'resumed', 'rolled')}")
    (calls,) = {row["calls"] for row in found}
    assert len(found) == 2 * calls
    assert {(row["n"], row["side"]) for row in found} == {
        (n, side) for n in range(1, calls + 1) for side in ("before", "after")
    }
    assert all(row["killed"] for row in found)
    assert Counter(row["left"] for row in found)["half"] > calls
    assert lost(found) == []


def test_kill_around_every_write_with_reads_8_seconds_old(folder: Path) -> None:
    found = rows("lag", folder)
    print(f"\n{table(found, 'side', 'call', 'left', 'resumed', 'rolled')}")
    (writes,) = {row["calls"] for row in found}
    assert len(found) == 2 * writes >= 30
    assert all(row["killed"] for row in found)
    assert lost(found) == []


def test_kill_of_the_rollback_around_every_write_then_roll_back_again(folder: Path) -> None:
    found = rows("back", folder)
    print(f"\n{table(found, 'side', 'call', 'rolled')}")
    (writes,) = {row["writes"] for row in found}
    assert len(found) == 2 * writes >= 24
    assert all(row["killed"] for row in found)
    assert lost(found) == []


def test_kill_matrix_of_every_call_failing_in_every_way(folder: Path) -> None:
    """Each step from the state before it, so that a row is one step; every call of every step, every fault.

    A wreck that was rolled back before (the same account, the same journal) is not rolled back again.
    """
    found = rows("fault", folder)
    print(f"\n{table(found, 'kind', 'outcome', 'resumed', 'rolled', 'wreck')}")
    kinds = Counter(row["kind"] for row in found)
    assert len(kinds) == 8
    assert len(set(kinds.values())) == 1, "every kind at every call"
    assert lost(found) == []
    for kind in ("throttle", "lost_after"):
        assert {row["outcome"] for row in found if row["kind"] == kind} == {"absorbed"}
    assert {row["outcome"] for row in found if row["kind"] == "expired_token"} >= {"halted"}
