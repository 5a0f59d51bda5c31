"""The workbench served as an app: read-only by default, and no address outside is asked for."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from lab_browser import ROOT, free_port, tab

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(importlib.util.find_spec("voila") is None, reason='no Voila: pip install ".[app]"'),
]
START = "import sys; from bedrock_guard.cli import main; sys.exit(main())"


def answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=2).read(1)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def test_the_app_opens_read_only_and_asks_nobody_outside(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", START, "app", f"--port={port}", "--no-browser"]
    env = os.environ | {"PYTHONPATH": str(ROOT), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    with (tmp_path / "app.log").open("w") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=env, start_new_session=True
        )
        try:
            with tab(width=1280) as made:
                page = made.page
                for _ in range(300):
                    if answers(f"http://127.0.0.1:{port}/static/x"):
                        break
                    page.wait_for_timeout(200)
                page.goto(f"http://127.0.0.1:{port}", timeout=180_000)
                page.locator(".bg-bench").first.wait_for(timeout=180_000)
                page.get_by_role("tab", name="Apply", exact=True).first.click()
                page.get_by_text("Read-only here").first.wait_for(timeout=30_000)
                page.get_by_role("tab", name="Steps", exact=True).click()
                assert page.get_by_role("button", name="Apply this plan").is_disabled()
                assert "open_account" not in page.content(), "the code is not shown"
                assert made.refused == []
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)
