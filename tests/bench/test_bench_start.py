"""How long it takes to begin: the import over the bare interpreter, and `--help`. Printed, not asserted."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import pytest

HELP = [
    "-c",
    "import sys; sys.argv = ['bedrock-guard', '--help']; from bedrock_guard.cli import main; main()",
]
CASES = {
    "bare interpreter": ["-c", "pass"],
    "import bedrock_guard": ["-c", "import bedrock_guard"],
    "bedrock-guard --help": HELP,
    "import bedrock_guard.iam.evaluator": ["-c", "import bedrock_guard.iam.evaluator"],
    "import bedrock_guard.widgets.workbench": ["-c", "import bedrock_guard.widgets.workbench"],
}


def seconds(words: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    return time.perf_counter() - start


def test_start(benchmark: pytest.FixtureRequest) -> None:
    times = {name: [seconds(words) for _ in range(7)] for name, words in CASES.items()}
    bare = statistics.median(times["bare interpreter"])
    print("\nmedian of 7, milliseconds (and over the bare interpreter)")
    for name, found in times.items():
        print(
            f"  {name:40} {statistics.median(found) * 1000:7.0f} {(statistics.median(found) - bare) * 1000:+7.0f}"
        )
    benchmark.pedantic(seconds, args=(CASES["import bedrock_guard"],), rounds=3)
