"""`demo`: the main job on the embedded account; `lab`: the notebooks in JupyterLab."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()


@commands.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where the report and the policies are written.")] = Path("out"),
    serve: Annotated[
        bool, typer.Option(help="Serve the demo account on loopback instead, for the AWS CLI.")
    ] = False,
    state: Annotated[Path | None, typer.Option(help="With --serve: the file that keeps the account.")] = None,
    port: Annotated[int, typer.Option(help="With --serve: 0 takes a free one.", min=0, max=65_535)] = 0,
    history: Annotated[
        Path | None,
        typer.Option(
            help="Write the history as files into this folder instead: CloudTrail, CUR 2.0, FOCUS 1.2."
        ),
    ] = None,
    events: Annotated[
        int | None,
        typer.Option(help="With --history: how many model calls; a million take half a minute.", min=1),
    ] = None,
) -> None:
    """Build the example boundary, simulate it on the demo account, and write the report and the policies."""
    _refuse_alone(serve=serve, state=state, port=port, history=history, events=events)
    if serve:
        _serve(state, port)
        return
    if history is not None:
        _write_history(history, events)
        return
    from bedrock_guard.account.situation import example_spec
    from bedrock_guard.boundary.builder import build
    from bedrock_guard.boundary.export import export, write
    from bedrock_guard.reports.run import run

    print("The demo account: 90 days of one invented company. Nothing is real, nothing leaves this machine.")
    spec = example_spec()
    built = build(spec)
    policies = write(export(spec, built, "json") | export(spec, built, "markdown"), out / "policies")
    report = run("cost", {"account": "demo"}, out / "report")
    print(f"\n{report.text}\nA finding is no failure of the demo.")
    print(
        "used: what the usage cost before credits, refunds, discounts and tax; findings and shares are of it."
    )
    print(
        "bill: the control total, Cost Explorer's own sum; the lines read add up to it but for the difference."
    )
    print("\nwritten:")
    for path in (report.html, report.figures_file, report.notebook, *policies):
        print(f"  {path}")
    print("\nOpen the report in a browser. For the workbench: make lab")


def _refuse_alone(
    *, serve: bool, state: Path | None, port: int, history: Path | None, events: int | None
) -> None:
    """An option that would do nothing is a mistake of whoever gave it."""
    if serve and history is not None:
        raise typer.BadParameter("Give --serve or --history, not both.")
    if not serve and (state is not None or port):
        raise typer.BadParameter("--state and --port belong to --serve.")
    if history is None and events is not None:
        raise typer.BadParameter("--events belongs to --history.")


def _write_history(folder: Path, events: int | None) -> None:
    from bedrock_guard.demo.company.exports import write_files
    from bedrock_guard.demo.company.make import make_company
    from bedrock_guard.errors import GuardError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GuardError(
            f"{folder} cannot be made.", why=str(error), remedy="Give a folder that can be written."
        ) from error
    begun = time.perf_counter()
    written = write_files(make_company(), folder, events=events)
    print(f"{written}\nin {time.perf_counter() - begun:.1f} s, below {folder}")


def _serve(state: Path | None, port: int) -> None:
    from bedrock_guard.demo import callers
    from bedrock_guard.demo.clock import RunningClock
    from bedrock_guard.demo.opening import Size, open_backend
    from bedrock_guard.demo.server import serve

    backend = open_backend(state, Size(), clock=RunningClock())
    with backend.state.transaction(write=True):
        caller = callers.register(backend.state, backend.state.meta("caller") or "", session="served")
    with serve(backend, port) as server:
        print("# The demo account, on this machine only, until Ctrl-C. Paste into another shell:")
        print(
            "unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN AWS_SECURITY_TOKEN AWS_BEARER_TOKEN_BEDROCK"
        )
        for name, value in server.environment(caller).items():
            print(f"export {name}={value}")
        sys.stdout.flush()
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that a temporary account is removed
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


@commands.command()
def lab(
    port: Annotated[int, typer.Option(help="Port on this machine only; 0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    allow_root: Annotated[
        bool, typer.Option("--allow-root", help="Start as root too, as in a container of one's own.")
    ] = False,
) -> None:
    """Open the notebooks in JupyterLab, on this machine only, with news and update checks off."""
    from bedrock_guard.errors import GuardError
    from bedrock_guard.reports.execution import transport
    from bedrock_guard.reports.run import notebook_path

    if _is_root() and not allow_root:
        raise GuardError(
            "JupyterLab was not started.",
            why="this is root, and whoever reaches a notebook may do all that root may",
            remedy="start it as another user, or, in a container of your own, with --allow-root "
            "(make lab LAB=--allow-root)",
        )
    notebooks = notebook_path("cost").parent.parent
    settings = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bedrock-guard" / "lab"
    settings.mkdir(parents=True, exist_ok=True)
    quiet = {"checkForUpdates": False, "fetchNews": "false"}
    overrides = {"@jupyterlab/apputils-extension:notification": quiet}
    (settings / "overrides.json").write_text(json.dumps(overrides), encoding="utf-8")
    command = [
        *(sys.executable, "-m", "jupyterlab", "--ip=127.0.0.1", f"--port={port}"),
        f"--ServerApp.root_dir={notebooks}",
        f"--LabApp.app_settings_dir={settings}",
        "--LabApp.default_url=/lab/tree/start.ipynb",
        f"--KernelManager.transport={transport()}",
        *(["--allow-root"] if allow_root else []),
    ]
    raise typer.Exit(subprocess.call(command if browser else [*command, "--no-browser"]))


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


@commands.command()
def app(
    account: Annotated[str, typer.Option(help='"demo", or the name of an AWS profile.')] = "demo",
    spec: Annotated[str, typer.Option(help="A spec to start from; empty: the shipped example.")] = "",
    days: Annotated[int, typer.Option(help="Length of the window in days.")] = 28,
    theme: Annotated[str, typer.Option(help="light or dark.")] = "light",
    write: Annotated[
        bool, typer.Option("--write", help="Let the app apply a plan, as the account's caller may.")
    ] = False,
    port: Annotated[int, typer.Option(help="Port on this machine only.")] = 8866,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Serve the workbench as an app with Voila, on this machine only; read-only unless --write."""
    from bedrock_guard.reports.run import notebook_path
    from bedrock_guard.widgets.served import TEMPLATES, app_notebook, command

    chosen = str(Path(spec).resolve()) if spec else ""
    source = notebook_path("cost").parent.parent / "boundary_workbench.ipynb"
    parameters = {"account": account, "spec": chosen, "days": days, "read_only": not write}
    parameters["folder"] = str(Path.cwd())  # what is written must outlive the app
    with tempfile.TemporaryDirectory(prefix="guard-app-") as folder:
        served = command(
            sys.executable, app_notebook(source, Path(folder), parameters), port, theme, browser=browser
        )
        paths = [str(TEMPLATES), *filter(None, [os.environ.get("JUPYTER_PATH")])]
        env = os.environ | {"JUPYTER_PATH": os.pathsep.join(paths)}
        raise typer.Exit(subprocess.call(served, env=env))
