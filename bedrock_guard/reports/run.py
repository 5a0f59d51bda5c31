"""Run a report notebook with papermill: checked parameters in, a whole run out, or nothing but failed/."""

from __future__ import annotations

import os
import shutil
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import bedrock_guard._fast  # noqa: F401 - before papermill: see its docstring

# isort: split
import nbformat
import papermill
from nbformat import NotebookNode
from pydantic import ValidationError

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.hygiene import without_secrets
from bedrock_guard.reports.execution import CellFailed, execute
from bedrock_guard.reports.figures import FILE, MIME, NAMES_MIME, Figures
from bedrock_guard.reports.kept import kept_text
from bedrock_guard.reports.misfits import nearest, reasons
from bedrock_guard.reports.page import Plots, page
from bedrock_guard.reports.places import Place, PlaceFailed, place_of, run_name, session_of
from bedrock_guard.reports.pseudonyms import Pseudonyms, chosen_key
from bedrock_guard.reports.settings import BadParameters, settings_of
from bedrock_guard.reports.summary import summary

if TYPE_CHECKING:
    from botocore.client import BaseClient

NOTEBOOKS: Final = {"cost": "cost_report", "keys": "key_usage_report"}
TITLES: Final = {"cost": "Bedrock cost report", "keys": "Bedrock key usage report"}
CELL_TIMEOUT_S: Final = 900


class ReportFailed(GuardError):  # noqa: N818 - reads as what happened
    """The notebook did not run to its end; `kept` is the address of what it reached."""

    exit_status = 4

    def __init__(self, what: str, *, why: str, remedy: str, kept: str) -> None:
        super().__init__(what, why=why, remedy=remedy)
        self.kept = kept


@dataclass(frozen=True, slots=True)
class Report:
    """One finished run: its address, what it says, and the summary for a chat."""

    address: str
    figures: Figures
    summary: str
    plots: Plots

    @property
    def text(self) -> str:
        """The summary for a terminal: plain text, no Markdown."""
        return summary(self.figures, markdown=False)

    @property
    def html(self) -> Path:
        """The page; of a run in a bucket the path is an address only."""
        return Path(self.address) / "report.html"

    @property
    def notebook(self) -> Path:
        """The executed notebook."""
        return Path(self.address) / "report.ipynb"

    @property
    def figures_file(self) -> Path:
        """The figures as data."""
        return Path(self.address) / FILE


@dataclass(frozen=True, slots=True)
class Options:
    """How a report is made, apart from what it is about.

    Args:
        plots: "svg" or "script"; None takes SVG where a Chromium is found.
        pseudonymise: whether names, ARNs and addresses are replaced.
        cell_timeout: seconds after which a cell counts as failed.
        notebook: another notebook than the shipped one, that hands over figures alike.

    """

    plots: Plots | None = None
    pseudonymise: bool = False
    cell_timeout: int = CELL_TIMEOUT_S
    notebook: Path | None = None


def notebook_path(name: str) -> Path:
    """Where a shipped report notebook lies: beside the package in a checkout, inside it once installed."""
    here = Path(__file__).parent.parent
    for folder in (here.parent / "notebooks", here / "_notebooks"):
        found = folder / "reports" / f"{NOTEBOOKS.get(name, name)}.ipynb"
        if found.is_file():
            return found
    raise BadParameters(f"There is no report {name!r}.", remedy=f"Choose one of {', '.join(NOTEBOOKS)}.")


def browser() -> str | None:
    """The Chromium that draws charts as SVG, if there is one."""
    named = os.environ.get("BROWSER_PATH")
    if named and Path(named).is_file():
        return named
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def run(
    name: str,
    parameters: Mapping[str, Any],
    out: str | Path | Place,
    *,
    options: Options = Options(),
    s3: Callable[[], BaseClient] | None = None,
) -> Report:
    """Run a report; a folder of its own with `report.ipynb`, `report.html`, `figures.json`, `summary.md` comes out.

    Args:
        name: "cost" or "keys".
        parameters: values for the notebook's parameters cell; every name must be one of its own.
        out: a folder, `s3://BUCKET/PREFIX`, or a place.
        options: how it is made.
        s3: makes an S3 client when `out` is a bucket; by default as the report's profile.

    Raises:
        BadParameters: a name is unknown, or a value names what does not exist; nothing is left behind.
        ReportFailed: a cell failed, timed out, or the kernel died; failed/ keeps the partial notebook.
        PlaceFailed: the output place cannot be read or written; nothing half-written is left.

    """
    settings_of(name)
    source = options.notebook or notebook_path(name)
    check_names(source, parameters)
    account = str(parameters.get("account", "demo"))
    make = s3 or (lambda: session_of(account).client("s3"))
    place = place_of(str(out), make) if isinstance(out, (str, Path)) else out
    kind = run_name(name)
    with _foreseen(name, options), place.making() as making:
        given = {"previous": str(place.earlier(name, making)), **parameters}
        executed = _execute(name, source, given, place, making, options, kind)
        return _finish(name, executed, place, making / "run", options, kind)


@contextmanager
def _foreseen(name: str, options: Options) -> Iterator[None]:
    """Whatever else goes wrong is a failed run: Python's own exit status 1 would read as findings."""
    try:
        yield
    except GuardError:
        raise
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(at.filename).name}, line {at.lineno}"
        raise ReportFailed(
            f"The {TITLES[name]} failed in a way that nobody foresaw.",
            why=_told(f"{type(error).__name__}: {error} ({where})", options),
            remedy="Tell its makers this line and what `bedrock-guard --version` says. Nothing was left behind.",
            kept="",
        ) from error


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
            why="".join(nearest(name, known).removeprefix("; ").capitalize() for name in unknown[:1]),
            remedy=f"Its parameters are {', '.join(known)}.",
        )


def figures_of(notebook: NotebookNode) -> Figures:
    """The figures that an executed notebook handed over, checked against their schema.

    Raises:
        GuardError: it handed over none, or such as do not fit.

    """
    held = _handed_over(notebook, MIME)
    if held is None:
        raise GuardError(
            "The notebook handed over no figures.", remedy="Its last cell must show `report.figures`."
        )
    try:
        return Figures.model_validate(held)
    except ValidationError as error:
        raise GuardError("The figures do not fit their schema.", why=reasons(error)) from error


def _execute(
    name: str,
    source: Path,
    given: Mapping[str, Any],
    place: Place,
    making: Path,
    options: Options,
    kind: str,
) -> NotebookNode:
    target = making / "partial.ipynb"
    try:
        return execute(source, target, given, cell_timeout=options.cell_timeout)
    except CellFailed as error:
        kept = _keep(target, place, kind, error, options)
        raise ReportFailed(
            f"The {TITLES[name]} did not run to its end.",
            why=_told(f"{error.what} {error.why}".strip(), options),
            remedy=f"{error.remedy} What it reached is in {kept}; the error stands on top.",
            kept=kept,
        ) from error
    except OSError as error:
        raise PlaceFailed(
            "The run could not be written while it was made.",
            why=f"{error.strerror or error}",
            remedy="Make room, or give a folder that stays; then run again. Nothing was left behind.",
        ) from error


def _keep(target: Path, place: Place, kind: str, error: CellFailed, options: Options) -> str:
    """What was reached, the error on top; without its outputs where names must not be seen."""
    found = nbformat.read(target, nbformat.NO_CONVERT) if target.is_file() else nbformat.v4.new_notebook()
    _tidy(found)
    said = _told(f"# The report failed\n\n{error.what}\n\n{error.why}\n\n{error.remedy}", options)
    if options.pseudonymise:
        found.cells = [
            cell for cell in found.cells if "injected-parameters" not in cell.metadata.get("tags", ())
        ]
        for cell in found.cells:
            cell.outputs = [] if cell.cell_type == "code" else cell.get("outputs", [])
    found.cells = [nbformat.v4.new_markdown_cell(said), *(c for c in found.cells if not _papermill_error(c))]
    try:
        nbformat.write(found, target)
    except OSError as full:
        raise PlaceFailed(
            f"The report failed, and what it reached could not be kept. {error.what}",
            why=f"{full.strerror or full}",
            remedy=error.remedy or "Make room, then run again.",
        ) from error
    return place.keep_failed(target, kind)


def _told(text: str, options: Options) -> str:
    """An error's text as it may be kept, printed and sent on."""
    safe = without_secrets(text)
    return Pseudonyms(chosen_key(), {}).text(safe) if options.pseudonymise else safe


def _papermill_error(cell: NotebookNode) -> bool:
    return "papermill-error-cell-tag" in cell.metadata.get("tags", ())


def _finish(
    name: str, executed: NotebookNode, place: Place, made: Path, options: Options, kind: str
) -> Report:
    figures = figures_of(executed)
    names = _handed_over(executed, NAMES_MIME) or {}
    _tidy(executed)
    if options.pseudonymise:
        figures = _pseudonymise(executed, figures, names)
    chosen: Plots = options.plots or ("svg" if browser() else "script")
    texts = {
        "report.html": page(executed, title=TITLES[name], plots=chosen),
        "report.ipynb": kept_text(executed),
        "summary.md": summary(figures),
        FILE: figures.json_text(),
    }
    try:
        made.mkdir()
        for file, text in texts.items():
            (made / file).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise PlaceFailed(
            "The files could not be written.",
            why=str(error.strerror or error),
            remedy="Make room, then run again.",
        ) from error
    return Report(place.publish(made, kind), figures, texts["summary.md"], chosen)


def _pseudonymise(executed: NotebookNode, figures: Figures, names: Mapping[str, str]) -> Figures:
    other = Pseudonyms(chosen_key(), names)
    other.notebook(executed)
    plain = figures.model_dump(mode="json")
    told = {
        key: other.value(plain[key])
        for key in ("account_id", "figures", "sources", "findings", "gaps", "lead")
    }
    return Figures.model_validate(plain | told | {"pseudonyms": other.mark})


def _handed_over(notebook: NotebookNode, mime: str) -> Any:
    """The last output of this type."""
    for cell in reversed(notebook.cells):
        for output in cell.get("outputs", []):
            if mime in output.get("data", {}):
                return output["data"][mime]
    return None


def _tidy(notebook: NotebookNode) -> None:
    """Take out what is no part of a report: names for pseudonyms, widget state, paths of this machine, secrets."""
    notebook.metadata.pop("widgets", None)
    told = notebook.metadata.get("papermill", {})
    for path in ("input_path", "output_path"):
        told.pop(path, None)
    told.get("parameters", {}).pop("previous", None)
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", ()):
            lines = [line for line in cell.source.splitlines() if not line.startswith("previous =")]
            cell.source = "\n".join(lines)
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop(NAMES_MIME, None)
            _without_secrets(output)


def _without_secrets(output: NotebookNode) -> None:
    """What looks like a credential is replaced in printed text and errors; tables hold what readers cleaned already."""
    for kind in ("text", "evalue"):
        if isinstance(output.get(kind), str):
            output[kind] = without_secrets(output[kind])
    if "traceback" in output:
        output["traceback"] = [without_secrets(line) for line in output["traceback"]]
