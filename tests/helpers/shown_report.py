"""A report notebook with the outputs that a report gives it, made in this process: no kernel, no papermill."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import nbformat
import plotly.graph_objects as go

from bedrock_guard.reports.account_report import AccountReport
from bedrock_guard.reports.kept import PLOTLY
from bedrock_guard.reports.run import notebook_path


def executed(report: AccountReport[Any]) -> nbformat.NotebookNode:
    book = nbformat.read(notebook_path(report.kind), nbformat.NO_CONVERT)
    for cell in book.cells:
        if cell.cell_type != "code" or "parameters" in cell.metadata.get("tags", ()):
            continue
        shown: list[Any] = []
        last = cell.source.splitlines()[-1]
        value = eval(last, {"report": report, "display": _collects(shown)})
        shown += [] if value is None else [value]
        cell.outputs = [nbformat.v4.new_output("display_data", bundle(one)) for one in shown]
    return book


def _collects(shown: list[Any]) -> Callable[..., None]:
    return lambda *given: shown.extend(given)


def bundle(shown: Any) -> dict[str, Any]:
    if isinstance(shown, go.Figure):
        return {PLOTLY: json.loads(shown.to_json())}
    if hasattr(shown, "_repr_mimebundle_"):
        return shown._repr_mimebundle_()
    return {"text/html": shown._repr_html_(), "text/plain": repr(shown)}
