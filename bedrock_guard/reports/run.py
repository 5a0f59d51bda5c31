"""Run a report notebook with papermill: checked parameters in, three files out, or none of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import bedrock_guard._fast  # noqa: F401 - before papermill: see its docstring

# isort: split
import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from bedrock_guard.errors import GuardError
from bedrock_guard.reports.figures import MIME, Figures
from bedrock_guard.reports.page import Plots, page

NOTEBOOKS: Final = {"cost": "cost_report"}
_SOCKET_PATH: Final = 100
TITLES: Final = {"cost": "Bedrock cost report"}


class BadParameters(GuardError):  # noqa: N818 - reads as what happened
    """A parameter is unknown to the notebook, or its value does not fit."""


class ReportFailed(GuardError):  # noqa: N818 - reads as what happened
    """The notebook did not run to its end; `kept` is the folder with what it reached."""

    def __init__(self, what: str, *, why: str, kept: Path) -> None:
        super().__init__(
            what, why=why, remedy=f"Open {kept.name}/ in the output folder: the error stands on top."
        )
        self.kept = kept


@dataclass(frozen=True, slots=True)
class Report:
    """The three files of one run, and what they say."""

    notebook: Path
    html: Path
    figures_file: Path
    figures: Figures
    plots: Plots


def notebook_path(name: str) -> Path:
    """Where a shipped report notebook lies: beside the package in a checkout, inside it once installed."""
    here = Path(__file__).parent.parent
    candidates = (here.parent / "notebooks", here / "_notebooks")
    for folder in candidates:
        found = folder / "reports" / f"{NOTEBOOKS.get(name, name)}.ipynb"
        if found.is_file():
            return found
    raise GuardError(f"There is no report {name!r}.", remedy=f"Choose one of {', '.join(NOTEBOOKS)}.")


def browser() -> str | None:
    """The Chromium that draws charts as SVG, if there is one."""
    named = os.environ.get("BROWSER_PATH")
    if named and Path(named).is_file():
        return named
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def run(name: str, parameters: Mapping[str, Any], out: Path, *, plots: Plots | None = None) -> Report:
    """Run a report and write `NAME.ipynb`, `NAME.html` and `NAME.figures.json` into `out`, all or none.

    Args:
        name: "cost".
        parameters: values for the notebook's parameters cell; every name must be one of its own.
        out: the folder; it is made when it is not there.
        plots: "svg" or "script"; by default SVG where a Chromium is found.

    Raises:
        BadParameters: a name is unknown; nothing is left behind.
        ReportFailed: a cell failed; `out/failed/` keeps the partial notebook.

    """
    source = notebook_path(name)
    check_names(source, parameters)
    out.mkdir(parents=True, exist_ok=True)
    chosen: Plots = plots or ("svg" if browser() else "script")
    with tempfile.TemporaryDirectory(dir=out, prefix=".making-") as folder:
        executed = _execute(source, Path(folder) / "run.ipynb", parameters, out)
        figures = figures_of(executed)
        made = _write(
            Path(folder), source.stem, executed, figures, page(executed, title=TITLES[name], plots=chosen)
        )
        final = [Path(shutil.move(str(path), str(out / path.name))) for path in made]
    return Report(final[0], final[1], final[2], figures, chosen)


def transport() -> str:
    """How to reach a kernel: by files of this user, or by TCP where their path would be too long for a socket.

    ipykernel 7 warns of unencrypted TCP at every start, so files are the first choice.
    """
    from jupyter_core.paths import jupyter_runtime_dir

    name = "kernel-00000000-0000-0000-0000-000000000000.json-ipc-5"
    return (
        "ipc"
        if os.name == "posix" and len(os.fsencode(jupyter_runtime_dir())) + len(name) < _SOCKET_PATH
        else "tcp"
    )


def check_names(source: Path, parameters: Mapping[str, Any]) -> None:
    """Refuse a parameter that the notebook does not have; papermill itself only logs it.

    Raises:
        BadParameters: names the unknown ones and the known ones.

    """
    known = papermill.inspect_notebook(str(source))
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise BadParameters(
            f"The report has no parameter {', '.join(unknown)}.",
            remedy=f"Its parameters are {', '.join(known)}.",
        )


def figures_of(notebook: NotebookNode) -> Figures:
    """The figures that an executed notebook handed over.

    Raises:
        GuardError: it handed over none.

    """
    for cell in reversed(notebook.cells):
        for output in cell.get("outputs", []):
            held = output.get("data", {}).get(MIME)
            if held is not None:
                return Figures.model_validate(held)
    raise GuardError(
        "The notebook handed over no figures.", remedy="Its last cell must show `report.figures`."
    )


def _execute(source: Path, target: Path, parameters: Mapping[str, Any], out: Path) -> NotebookNode:
    try:
        executed: NotebookNode = papermill.execute_notebook(
            str(source),
            str(target),
            dict(parameters),
            progress_bar=False,
            store_widget_state=False,
            config=Config({"KernelManager": {"transport": transport()}}),
            cwd=str(out),
            execution_timeout=900,
            start_timeout=120,
        )
    except (PapermillExecutionError, CellTimeoutError, DeadKernelError) as error:
        kept = out / "failed"
        kept.mkdir(exist_ok=True)
        if target.is_file():
            shutil.move(str(target), str(kept / f"{source.stem}.ipynb"))
        why = f"{getattr(error, 'ename', type(error).__name__)}: {getattr(error, 'evalue', '')}".rstrip(": ")
        raise ReportFailed("The report did not run to its end.", why=why, kept=kept) from error
    return executed


def _write(folder: Path, stem: str, executed: NotebookNode, figures: Figures, html: str) -> list[Path]:
    notebook, text, data = (folder / f"{stem}{end}" for end in (".ipynb", ".html", ".figures.json"))
    executed.metadata.pop("widgets", None)
    nbformat.write(executed, notebook)
    text.write_text(html, encoding="utf-8")
    data.write_text(figures.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return [notebook, text, data]
