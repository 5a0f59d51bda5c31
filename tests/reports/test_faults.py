"""The whole command under real faults: what it says, how it ends, and what it leaves behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).parent / "bedrock-guard"
FILES = {"figures.json", "report.html", "report.ipynb", "summary.md"}


class Command:
    """`bedrock-guard report` in a process group of its own, with faults on the wire below boto3."""

    def __init__(
        self,
        folder: Path,
        *words: str,
        faults: str = "",
        env: dict[str, str] | None = None,
        most_kb: int = 0,
        out: str = "",
    ) -> None:
        self.out = folder / "out"
        (folder / "site").mkdir(exist_ok=True)
        patch = (
            "from bedrock_guard.account.session import Account\n"
            "from bedrock_guard.demo.faults import Fault\n"
            f"demo = Account.demo\nAccount.demo = lambda **more: demo(calls=400, faults=[{faults}], **more)\n"
        )
        (folder / "site" / "sitecustomize.py").write_text(patch if faults else "")
        path = os.pathsep.join([str(folder / "site"), str(ROOT)])
        limit = ["/bin/bash", "-c", f'ulimit -f {most_kb}; exec "$0" "$@"'] if most_kb else []
        self.process = subprocess.Popen(
            [*limit, str(PROGRAM), "report", *words, "--out", out or str(self.out), "--plots", "script"],
            env=os.environ | {"PYTHONPATH": path, "BEDROCK_GUARD_FACTS": str(folder / "facts")} | (env or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def kernel(self) -> int:
        """The process that runs the notebook, once it is there."""
        for _ in range(600):
            for found in Path("/proc").glob("[0-9]*/stat"):
                try:
                    parent = int(found.read_text().rpartition(")")[2].split()[1])
                    words = found.with_name("cmdline").read_bytes()
                except OSError:
                    continue
                if parent == self.process.pid and b"ipykernel" in words:
                    return int(found.parent.name)
            time.sleep(0.05)
        raise AssertionError("no kernel came up")

    def end(self) -> tuple[int, str, list[str]]:
        """Exit status, what it said, and the files that are left."""
        said = "".join(self.process.communicate(timeout=300))
        left = sorted(p.relative_to(self.out).as_posix() for p in self.out.rglob("*") if p.is_file())
        return self.process.returncode, said, left


def only_failed(left: list[str]) -> bool:
    return len(left) == 1 and left[0].startswith("failed/")


def three_lines(said: str) -> bool:
    return [line.partition(":")[0] for line in said.splitlines()] == ["error", "why", "do"]


def names(left: list[str]) -> set[str]:
    return {file.rpartition("/")[2] for file in left}


@pytest.mark.parametrize(
    ("name", "faults", "words"),
    [
        ("cost", "Fault('*', 'clock_skew', seconds=-1800)", "This machine's clock is 30 minutes slow"),
        ("keys", "Fault('*', 'clock_skew', seconds=5400)", "This machine's clock is 90 minutes fast"),
        ("cost", "Fault('*', 'reset_before')", "AWS could not be reached: check network, proxy"),
        ("keys", "Fault('*', 'slow', seconds=600)", "AWS could not be reached: check network, proxy"),
        ("keys", "Fault('*', 'access_denied')", "`bedrock-guard doctor` names it"),
        ("cost", "Fault('sts:*', 'access_denied')", "`bedrock-guard doctor` names it"),
    ],
)
def test_an_account_that_cannot_be_asked_at_all_is_a_failed_run(
    name: str, faults: str, words: str, tmp_path: Path
) -> None:
    status, said, left = Command(tmp_path, name, faults=faults).end()
    assert status == 4, said
    assert words in said
    assert "Traceback" not in said
    assert only_failed(left), left
    assert words in (tmp_path / "out" / left[0]).read_text()


@pytest.mark.parametrize(
    ("name", "faults", "words"),
    [
        ("keys", "Fault('cloudtrail:LookupEvents', 'access_denied', at=tuple(range(1, 40, 2)))", "Calls: "),
        ("cost", "Fault('ce:*', 'slow', seconds=600)", "Incomplete: "),
        ("cost", "Fault('cloudtrail:*', 'clock_skew', seconds=-3600)", "InvalidSignatureException"),
        ("cost", "Fault('cloudtrail:LookupEvents', 'access_denied', at=tuple(range(1, 40, 2)))", "Calls: "),
        (
            "keys",
            "Fault('bedrock-agent:ListFlows', 'access_denied', at=(1,))",
            "1 of 18 lists could not be read",
        ),
    ],
)
def test_what_is_missing_in_part_is_a_run_that_says_so_and_ends_with_3(
    name: str, faults: str, words: str, tmp_path: Path
) -> None:
    status, said, left = Command(tmp_path, name, faults=faults).end()
    assert status == 3, said
    assert words in said
    assert "Do: " in said, "a gap says what to do about it"
    assert names(left) == FILES


def test_a_key_that_does_not_exist_ends_with_2_and_leaves_nothing(tmp_path: Path) -> None:
    command = Command(tmp_path, "keys", "--param", "key=ACCANOBODYSKEY000001", faults=" ")
    status, said, left = command.end()
    assert status == 2, said
    assert "No key of account 111122223333 has the id ACCANOBODYSKEY000001." in said
    assert "do:    Take one of" in said
    assert left == []
    assert not command.out.exists()


def kill_kernel(command: Command) -> None:
    os.kill(command.kernel(), signal.SIGKILL)


def take_folder_away(command: Command) -> None:
    command.kernel()
    shutil.rmtree(command.out)


@pytest.mark.parametrize("name", ["cost", "keys"])
@pytest.mark.parametrize(
    ("fault", "words"),
    [(kill_kernel, "The kernel died"), (take_folder_away, "give a folder that")],
    ids=["kernel killed", "output folder gone"],
)
def test_what_is_taken_away_in_the_middle_is_a_failed_run(
    fault: Callable[[Command], None], words: str, name: str, tmp_path: Path
) -> None:
    command = Command(tmp_path, name, faults=" ")
    fault(command)
    status, said, left = command.end()
    assert status == 4, said
    assert words in said
    assert three_lines(said), said
    assert left == [] or only_failed(left)


def test_a_killed_command_leaves_no_run_and_the_next_one_is_whole(tmp_path: Path) -> None:
    command = Command(tmp_path, "cost")
    command.kernel()
    os.killpg(command.process.pid, signal.SIGKILL)
    _, _, left = command.end()
    assert not [file for file in left if file.startswith("cost_")]
    status, _, left = Command(tmp_path, "cost", "--param", "days=3").end()
    assert status == 1
    assert names([file for file in left if file.startswith("cost_")]) == FILES


def test_a_command_that_is_told_to_end_takes_away_what_it_began(tmp_path: Path) -> None:
    """A service manager, or a CI job that is cancelled, sends SIGTERM."""
    command = Command(tmp_path, "cost")
    command.kernel()
    command.process.send_signal(signal.SIGTERM)
    status, _, left = command.end()
    assert (status, left) == (128 + signal.SIGTERM, [])
    assert not command.out.exists(), "neither the folder that was made for it nor a partial notebook"


@pytest.mark.parametrize("name", ["cost", "keys"])
def test_a_time_out_says_what_to_do(name: str, tmp_path: Path) -> None:
    status, said, left = Command(tmp_path, name, "--timeout", "1").end()
    assert status == 4
    assert "Give more time (--timeout), or take fewer days." in said
    assert three_lines(said), "what a scheduler mails is ours alone"
    assert only_failed(left)


def test_a_network_that_is_not_there_is_said(tmp_path: Path) -> None:
    """A real session, whose proxy is a closed port of this machine: nothing leaves it."""
    (tmp_path / "config").write_text("[profile lost]\nregion = us-east-1\n")
    (tmp_path / "keys").write_text("[lost]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = none\n")
    env = {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "keys"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    status, said, left = Command(tmp_path, "keys", "--account", "lost", env=env).end()
    assert status == 4, said
    assert "AWS could not be reached: check network, proxy and VPC endpoints." in said
    assert only_failed(left)


class Denying(BaseHTTPRequestHandler):
    """S3 that lists, and refuses to keep anything; or refuses all."""

    allowed: tuple[str, ...] = ()

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fine = self.command in self.allowed
        body = (
            b"<ListBucketResult/>"
            if fine
            else b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
        )
        self.send_response(200 if fine else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = answer  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


@pytest.mark.parametrize(
    ("name", "allowed", "needs"),
    [("keys", (), "s3:ListBucket"), ("cost", ("GET",), "s3:PutObject"), ("keys", ("GET",), "s3:PutObject")],
)
def test_a_bucket_that_refuses_is_a_failed_run_that_names_the_permission(
    name: str, allowed: tuple[str, ...], needs: str, tmp_path: Path
) -> None:
    handler = type("Handler", (Denying,), {"allowed": allowed})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        env = {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{server.server_port}",
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        status, said, left = Command(tmp_path, name, faults=" ", env=env, out="s3://reports/x").end()
        server.shutdown()
    assert status == 4, said
    assert f"The caller needs {needs}" in said
    assert "Traceback" not in said
    assert left == []


@pytest.mark.parametrize("name", ["cost", "keys"])
def test_a_full_disk_is_said_and_leaves_nothing_half_written(name: str, tmp_path: Path) -> None:
    """No file may grow to the size of a page with plotly.js: what a full disk does, with an errno of its own."""
    command = Command(tmp_path, name, "--param", "days=3", faults=" ", most_kb=4_000)
    status, said, left = command.end()
    assert status == 4, said
    assert "Make room" in said
    assert left == [] or only_failed(left)
