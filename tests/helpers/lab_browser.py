"""A Chromium that reaches loopback only and remembers what it was refused, and a JupyterLab to point it at."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlparse

import pytest

ROOT = Path(__file__).parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOCAL = {"127.0.0.1", "localhost"}


def chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@dataclass
class Tab:
    page: object
    refused: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@contextlib.contextmanager
def tab(*, dark: bool = False, width: int = 1400, height: int = 1000, scripts: bool = True) -> Iterator[Tab]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=FLAGS, headless=True)
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
        )
        made = Tab(context.new_page())

        def gate(route) -> None:
            address = urlparse(route.request.url)
            if address.scheme in {"data", "blob", "file"} or address.hostname in LOCAL:
                route.continue_()
            else:
                made.refused.append(route.request.url)
                route.abort()

        context.route("**/*", gate)
        made.page.on("pageerror", lambda e: made.errors.append(str(e)[:300]))
        try:
            yield made
        finally:
            browser.close()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextlib.contextmanager
def lab(folder: Path, settings: Path, *, dark: bool = False) -> Iterator[str]:
    """JupyterLab on loopback for the length of the block; yields its base address. Stopped by its own pid."""
    settings.mkdir(parents=True, exist_ok=True)
    theme = "JupyterLab Dark" if dark else "JupyterLab Light"
    overrides = {
        "@jupyterlab/apputils-extension:notification": {"checkForUpdates": False, "fetchNews": "false"},
        "@jupyterlab/apputils-extension:themes": {"theme": theme},
    }
    (settings / "overrides.json").write_text(json.dumps(overrides))
    port = free_port()
    command = [
        *(
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--ip=127.0.0.1",
            f"--port={port}",
            "--allow-root",
        ),
        "--IdentityProvider.token=local",
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.app_settings_dir={settings}",
        f"--LabApp.workspaces_dir={settings / 'workspaces'}",
        "--KernelManager.transport=ipc",
    ]
    log = (settings / "lab.log").open("w")
    runtime = tempfile.mkdtemp(prefix="lab")  # short: a socket's path may hold about a hundred characters
    env = os.environ | {"JUPYTER_CONFIG_DIR": str(settings / "config"), "JUPYTER_RUNTIME_DIR": runtime}
    server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=env)
    try:
        base = f"http://127.0.0.1:{port}"
        _await(f"{base}/api", server, settings / "lab.log")
        yield base
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
        log.close()
        shutil.rmtree(runtime, ignore_errors=True)


def _await(url: str, server: subprocess.Popen, log: Path) -> None:
    for _ in range(600):
        if server.poll() is not None:
            pytest.fail(f"JupyterLab ended: {log.read_text()[-2000:]}")
        try:
            urllib.request.urlopen(url, timeout=2).read(1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("JupyterLab did not answer in a minute")


def open_notebook(made: Tab, base: str, name: str) -> None:
    """Open a notebook and wait until its kernel's channel speaks: Lab says idle before that."""
    heard: list[int] = []
    page = made.page
    page.on(
        "websocket",
        lambda ws: ws.on("framereceived", lambda _: heard.append(1)) if "/channels" in ws.url else None,
    )
    page.goto(f"{base}/lab/tree/{name}?token=local&reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=90_000)
    for _ in range(600):
        if heard:
            break
        page.wait_for_timeout(100)
    page.wait_for_timeout(500)


def run_all(made: Tab) -> None:
    """Run > Run All Cells, again where Lab dropped the request while connecting."""
    page = made.page
    for _ in range(4):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        page.wait_for_timeout(1500)
        if any(p.strip(" []:") for p in page.locator(".jp-CodeCell .jp-InputPrompt").all_inner_texts()):
            return
    pytest.fail("JupyterLab did not start the cells")
