"""`demo`: the main job on the embedded account; `lab`: the notebooks in JupyterLab."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()


@commands.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where the report and the policies are written.")] = Path("out"),
) -> None:
    """Build the example boundary, simulate it on the demo account, and write the report and the policies."""
    from bedrock_guard import Account
    from bedrock_guard.boundary.builder import build
    from bedrock_guard.boundary.catalogue import shipped
    from bedrock_guard.boundary.export import write_json
    from bedrock_guard.boundary.spec import BoundarySpec
    from bedrock_guard.reports.run import run

    spec = BoundarySpec.example()
    built = build(spec, shipped())
    policies = write_json(built, out / "policies")
    print(f"demo account {Account.demo().account_id}: 90 days of one invented company, nothing real")
    report = run("cost", {"account": "demo"}, out / "report")
    for name, figure in report.figures.figures.items():
        if name in {"total", "kept", "refused", "stranded", "unknown"}:
            print(f"  {name:10} {figure.unit} {figure.value}")
    print(f"  findings   {len(report.figures.findings)} (a finding is no failure of the demo)")
    print("\nwritten:")
    for path in (report.html, report.figures_file, report.notebook, *policies):
        print(f"  {path}")
    print("\nOpen the report in a browser. For the workbench: make lab")


@commands.command()
def lab(
    port: Annotated[int, typer.Option(help="Port on this machine only; 0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Open the notebooks in JupyterLab, on this machine only, with news and update checks off."""
    from bedrock_guard.reports.run import notebook_path

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
        "--LabApp.default_url=/lab/tree/boundary_workbench.ipynb",
        "--KernelManager.transport=ipc",
    ]
    raise typer.Exit(subprocess.call(command if browser else [*command, "--no-browser"]))
