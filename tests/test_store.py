"""Parts appear whole, survive killed writers, and are read by other processes meanwhile."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedrock_guard.errors import GuardError
from bedrock_guard.store import UNDATED, Store

ROOT = Path(__file__).parent.parent


def table(*ids: str) -> pa.Table:
    return pa.table({"event_id": pa.array(ids, pa.string())})


def ids(store: Store) -> list[str]:
    return sorted(one for part in store.parts() for one in pq.read_table(part.path)["event_id"].to_pylist())


def test_the_same_sources_make_the_same_part_once(tmp_path: Path) -> None:
    store = Store(tmp_path, "calls")
    first = store.add("2026-10-01", table("a"), {"x": 1, "y": 2})
    made = first.stat().st_ino
    assert store.add("2026-10-01", table("a"), {"y": 2, "x": 1}) == first
    assert first.stat().st_ino == made
    assert store.sources() == {"x": 1, "y": 2}
    assert ids(store) == ["a"]


@pytest.mark.parametrize(
    ("day", "sources"), [("2026-10-01", {}), ("../../etc", {"x": 1}), ("2026/10/01", {"x": 1})]
)
def test_a_part_needs_a_day_and_sources(tmp_path: Path, day: str, sources: dict[str, int]) -> None:
    with pytest.raises(GuardError):
        Store(tmp_path, "calls").add(day, table("a"), sources)
    assert list(tmp_path.rglob("*")) == []


def test_merging_changes_no_row_and_keeps_the_old_parts_for_their_readers(tmp_path: Path) -> None:
    store = Store(tmp_path, "calls")
    for number in range(4):
        store.add("2026-10-01", table(f"event-{number}"), {f"file-{number}": number})
    store.add(UNDATED, table("other"), {"file-other": 9})
    before, sources = ids(store), store.sources()
    held = [str(part.path) for part in store.parts()]
    assert store.merge("2026-10-01")
    assert store.merge("2026-10-01") is None
    assert (ids(store), store.sources(), len(store.parts())) == (before, sources, 2)
    assert duckdb.read_parquet(held).count("*").fetchall() == [(5,)]
    assert store.sweep() == 0
    assert store.sweep(time.time() + 3700) == 4
    assert (ids(store), store.sources()) == (before, sources)


def test_a_merge_of_merged_parts_counts_each_row_once(tmp_path: Path) -> None:
    store = Store(tmp_path, "calls")
    for number in range(2):
        store.add("2026-10-01", table(f"event-{number}"), {f"file-{number}": number})
    store.merge("2026-10-01")
    store.add("2026-10-01", table("late"), {"file-late": 2})
    store.merge("2026-10-01")
    assert ids(store) == ["event-0", "event-1", "late"]
    store.sweep(time.time() + 3700)
    assert ids(store) == ["event-0", "event-1", "late"]
    assert len(store.parts()) == 1


def test_what_a_killed_writer_left_is_never_read_and_goes_after_a_day(tmp_path: Path) -> None:
    store = Store(tmp_path, "calls")
    part = store.add("2026-10-01", table("a"), {"x": 1})
    stray = part.with_name(".half.parquet.0.tmp")
    stray.write_bytes(b"PAR1 half a part")
    assert ids(store) == ["a"]
    assert store.sweep() == 0
    assert store.sweep(time.time() + 25 * 3600) == 1
    assert not stray.exists()


WRITER = """
import sys, pyarrow as pa
from pathlib import Path
from bedrock_guard.store import Store
store = Store(Path(sys.argv[1]), "calls")
print("ready", flush=True)
for number in range(400):
    rows = pa.table({"event_id": [f"{number}-{row}" for row in range(200)]})
    store.add(f"2026-10-{1 + number % 6:02}", rows, {f"file-{number}": number})
    if number % 100 == 99:
        for day in range(1, 7): store.merge(f"2026-10-{day:02}")
"""
READER = """
import sys, duckdb
from pathlib import Path
from bedrock_guard.store import Store
store, last, stop = Store(Path(sys.argv[1]), "calls"), 0, Path(sys.argv[2])
reads = 0
while not stop.exists() or not reads:
    parts = store.parts()
    if not parts: continue
    paths = [str(part.path) for part in parts]
    found = duckdb.read_parquet(paths).aggregate("count(*), count(DISTINCT event_id)")
    rows, distinct = found.fetchall()[0]
    assert rows == distinct, (rows, distinct)
    assert rows >= last and rows % 200 == 0, (rows, last)
    last, reads = rows, reads + 1
print(reads)
"""


def run(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe)


def test_twenty_five_killed_writers_lose_nothing_and_no_reader_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stop, dice, killed = tmp_path / "stop", random.Random(11), 0
    readers = [run(READER, str(tmp_path / "store"), str(stop)) for _ in range(2)]
    try:
        for _ in range(25):
            writer = run(WRITER, str(tmp_path / "store"))
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(dice.random() * 0.15)
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
            killed += writer.returncode == -signal.SIGKILL
        writer = run(WRITER, str(tmp_path / "store"))
        assert writer.communicate()[1] == b""
    finally:
        stop.touch()
        ends = [reader.communicate(timeout=60) for reader in readers]
    assert [error for _out, error in ends] == [b"", b""]
    store = Store(tmp_path / "store", "calls")
    assert ids(store) == sorted(f"{number}-{row}" for number in range(400) for row in range(200))
    assert store.sources() == {f"file-{number}": number for number in range(400)}
    stray = len(list((tmp_path / "store").rglob("*.tmp")))
    with capsys.disabled():
        reads = sum(int(out) for out, _error in ends)
        print(
            f"\n{killed} of 25 writers killed on the way, {stray} stray files, {reads} reads by two processes"
        )
