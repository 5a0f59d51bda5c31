"""Parts made by several processes at once.

The workers are started as programs of their own and not by `multiprocessing`, which imports the caller's main module,
pandas and all, once more in each: that would cost more CPU than a worker saves.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

from bedrock_guard.account.trail_parts import Job, make_part
from bedrock_guard.account.trail_reader import fast_reader
from bedrock_guard.errors import GuardError

_PACKAGE: Final = Path(__file__).resolve().parents[2]
_START: Final = (
    "import sys; sys.path.append(sys.argv[1]); sys.modules['numpy'] = None; "
    "from bedrock_guard.account.trail_worker import serve; serve(sys.stdin.buffer, sys.stdout.buffer)"
)
"""The package is found as here, and nothing in the working folder is taken for a module (`-P`). Arrow does without
NumPy where there is none; importing it would take half of a worker's start.
"""

_HUGE_PAGES: Final = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""Files inflate to megabytes: with large pages the kernel hands them out at a tenth less CPU. Others ignore it."""


def made_parts(jobs: Sequence[Job], workers: int) -> Iterator[Mapping[str, Any]]:
    """What `make_part` notes of each job.

    Args:
        jobs: what is to be read.
        workers: worker processes; 0 reads in this one.

    Raises:
        GuardError: a worker ended, or could not keep its part. Parts made until then stay.
    """
    if workers < 1 or len(jobs) < 2:
        fast = fast_reader()
        for job in jobs:
            yield make_part(job, fast)
        return
    count = min(workers, len(jobs))
    idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
    with ExitStack() as started:
        for _ in range(count):
            idle.put(started.enter_context(_worker()))
        pool = started.enter_context(ThreadPoolExecutor(count))
        started.callback(pool.shutdown, wait=True, cancel_futures=True)
        yield from pool.map(lambda job: _ask(idle, job), jobs)


@contextmanager
def _worker() -> Iterator[subprocess.Popen[bytes]]:
    """A worker; it ends when its standard input does."""
    process = subprocess.Popen(  # noqa: S603 - this very Python, and a module of this package
        [sys.executable, "-P", "-c", _START, str(_PACKAGE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**_HUGE_PAGES, **os.environ},
    )
    try:
        yield process
    finally:
        with suppress(BrokenPipeError):
            process.communicate()


def _ask(idle: SimpleQueue[subprocess.Popen[bytes]], job: Job) -> Mapping[str, Any]:
    worker = idle.get()
    try:
        answer = _answer(worker, job)
    except (OSError, ValueError) as error:
        raise GuardError(
            "A worker process ended before its part was made.",
            why=f"exit status {worker.poll()}",
            remedy="Run it again: what was made is kept. With fewer workers it needs less memory.",
        ) from error
    finally:
        idle.put(worker)
    if "failed" in answer:
        raise GuardError("A worker process could not keep what it read.", why=answer["failed"])
    return answer


def _answer(worker: subprocess.Popen[bytes], job: Job) -> dict[str, Any]:
    assert worker.stdin
    assert worker.stdout
    pickle.dump(job, worker.stdin)
    worker.stdin.flush()
    answer: dict[str, Any] = json.loads(worker.stdout.readline())
    return answer
