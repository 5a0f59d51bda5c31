"""The workbench as an app: its notebook up to the widget, with parameters set, for Voila to serve."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import bedrock_guard._fast  # noqa: F401 - before papermill: see its docstring

# isort: split
import nbformat
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from bedrock_guard.errors import GuardError

TEMPLATES: Final = Path(__file__).parent / "app"
"""A folder for JUPYTER_PATH: it holds a template of Voila's that asks no address outside."""

DENIED: Final = ("@voila-dashboards/jupyterlab-preview", "jupyterlab-jupytext")
"""Extensions of JupyterLab that are of no use in a served page."""


def app_notebook(source: Path, folder: Path, parameters: Mapping[str, Any]) -> Path:
    """Write the app's notebook.

    Args:
        source: the workbench's notebook; what stands after its cell tagged `app` is left out.
        folder: where to write.
        parameters: values for its parameters cell.

    Raises:
        GuardError: it has no such cell.

    """
    found = load_notebook_node(str(source))
    last = next((n for n, cell in enumerate(found.cells) if "app" in cell.metadata.tags), None)
    if last is None:
        raise GuardError(f"{source.name} has no cell tagged app.")
    found.cells = found.cells[: last + 1]
    made = parameterize_notebook(found, dict(parameters))
    target = folder / "workbench.ipynb"
    nbformat.write(made, target)
    return target


def command(python: str, notebook: Path, port: int, theme: str, *, browser: bool) -> list[str]:
    """The command that serves it on this machine only.

    Raises:
        GuardError: Voila is not installed.

    """
    if importlib.util.find_spec("voila") is None:
        raise GuardError("Voila is not installed.", remedy='Install it: pip install "bedrock-guard[app]".')
    listed = ", ".join(f'"{name}"' for name in DENIED)
    return [
        *(python, "-m", "voila", str(notebook), "--Voila.ip=127.0.0.1", f"--port={port}"),
        *(f"--theme={theme}", "--template=guard", "--strip_sources=True", "--show_tracebacks=False"),
        f"--VoilaConfiguration.extension_denylist=[{listed}]",
        *(() if browser else ("--no-browser",)),
    ]
