"""The executed notebook as it is kept: what was read and said, without what the page and figures.json beside it hold.

Tables lose the looks that only the page's style sheet uses, and their twins in plain text; charts are named.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any, Final

from nbformat import NotebookNode

from bedrock_guard.present import ink
from bedrock_guard.reports.figures import MIME

PLOTLY: Final = "application/vnd.plotly.v1+json"
_HTML: Final = "text/html"
_TEXT: Final = "text/plain"
_DRESSED: Final = re.compile(r"<(table|caption|tr|th|td)\s[^>]*>")
_IMPLIED: Final = re.compile(r"</(?:thead|tbody|tr|th|td)>")
"""End tags that HTML lets one leave out."""


def kept(notebook: NotebookNode) -> NotebookNode:
    """A copy of an executed notebook, small enough to be kept every night."""
    small = deepcopy(notebook)
    for cell in small.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = NotebookNode({"tags": tags} if tags else {})
        without_style(cell)
        for output in cell.get("outputs", ()):
            if "data" in output:
                output["data"] = NotebookNode(_small(output["data"]))
    return small


def without_style(cell: NotebookNode) -> None:
    """Take the style away that a chart brings along for a notebook's page; a report has its own."""
    if "outputs" in cell:
        cell.outputs = [one for one in cell.outputs if one.get("data", {}).get(_HTML) != ink.STYLE]


def _small(data: dict[str, Any]) -> dict[str, Any]:
    if PLOTLY in data:
        return {_TEXT: f"Chart: {_title(data[PLOTLY])}; it is drawn in report.html."}
    if _HTML in data:
        return {_HTML: _IMPLIED.sub("", _DRESSED.sub(r"<\1>", data[_HTML]))}
    return {mime: value for mime, value in data.items() if mime != MIME}


def _title(figure: dict[str, Any]) -> str:
    return str(figure.get("layout", {}).get("title", {}).get("text") or "without a title")
