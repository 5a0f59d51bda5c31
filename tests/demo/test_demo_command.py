"""`bedrock-guard demo --history` and `--serve`, as a shell runs them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

MAIN = [sys.executable, "-c", "from bedrock_guard.cli import main; main()", "demo"]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MAIN, *words], capture_output=True, text=True, check=False)


def test_the_history_is_written_and_its_numbers_are_printed(tmp_path: Path) -> None:
    done = run("--history", str(tmp_path / "with a blank"), "--events", "300")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines[:3]] == [
        "CloudTrail files",
        "CUR 2.0 export",
        "FOCUS 1.2 export",
    ]
    found = [path for path in (tmp_path / "with a blank").rglob("*") if path.is_file()]
    assert sum(int(line.split(": ")[1].split()[0]) for line in lines[:3]) == len(found)


@pytest.mark.parametrize(
    "words",
    [
        ("--events", "5"), ("--port", "8000"), ("--state", "x"), ("--serve", "--history", "x"),
        ("--history", "x", "--events", "0"), ("--serve", "--port", "70000"), ("--serve", "--host", "0.0.0.0"),
    ],
)  # fmt: skip
def test_what_would_do_nothing_or_harm_is_refused(words: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_made_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    done = run("--history", str(tmp_path / "file" / "below"))
    assert done.returncode == 2
    assert "cannot be made" in done.stderr
    assert "Traceback" not in done.stderr


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    env = os.environ | {"TMPDIR": str(folder)}
    with subprocess.Popen([*MAIN, "--serve", *words], stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(9)]
        pairs = (line.removeprefix("export ").strip().split("=", 1) for line in lines if "export" in line)
        try:
            yield process, dict(pairs)
        finally:
            process.kill()


def test_served_until_it_is_ended_and_nothing_is_left(tmp_path: Path) -> None:
    with serving(tmp_path) as (process, environment):
        assert list(tmp_path.glob("bedrock-guard-demo-*"))
        url = urlsplit(environment["AWS_ENDPOINT_URL"])
        assert url.hostname == "127.0.0.1"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert not list(tmp_path.glob("bedrock-guard-demo-*"))


def test_a_port_that_is_taken_is_said_in_words(tmp_path: Path) -> None:
    with serving(tmp_path) as (_process, environment):
        port = environment["AWS_ENDPOINT_URL"].rpartition(":")[2]
        done = run("--serve", "--port", port)
    assert done.returncode == 2
    assert f"Port {port}" in done.stderr
    assert "Traceback" not in done.stderr
