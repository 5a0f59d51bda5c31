"""The executed notebook as it is kept: what was read and said, without what the page and figures.json beside it hold.

Tables lose the looks that only the page's style sheet uses, and their twins in plain text; charts are named. What HTML
lets one leave out is left out: it reads the same in JupyterLab, to eyes and to screen readers.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import Any, Final

import nbformat
from nbformat import NotebookNode

from bedrock_guard.present import ink
from bedrock_guard.present.table import NO_MATH
from bedrock_guard.reports.figures import MIME

PLOTLY: Final = "application/vnd.plotly.v1+json"
_HTML: Final = "text/html"
_TEXT: Final = "text/plain"
_WHOLE_WORD: Final = re.compile(r'<span style="white-space:nowrap">([^<]*)</span>')
_COMMANDS: Final = re.compile(r"<pre[^>]*>([^<]*)<code[^>]*>(.*?)</code></pre>", re.DOTALL)
_WRAPPED: Final = "<code style='word-break:normal'>"
"""JupyterLab by itself breaks a line of commands anywhere."""
_LOOKS: Final = re.compile(
    r' (?:class|style|data-head)="[^"]*"| role="region" tabindex="0" aria-label="[^"]*"'
)
"""Where nothing scrolls, no region needs a name: the caption is the table's own."""
_BARE: Final = re.compile(r"<span>((?:(?!</?span).)*)</span>", re.DOTALL)
_IMPLIED: Final = re.compile(r"</(?:thead|tbody|tr|th|td|li)>|</p>(?=<(?:p|div|ul|ol)\b|</div>|$)")
"""End tags that HTML lets one leave out."""
_BETWEEN_TAGS: Final = re.compile(r"(?<=>)[^<>]+(?=<)")


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


def kept_text(notebook: NotebookNode) -> str:
    """The same as a file; nbformat's own writer spends a tenth of it on blanks."""
    small = kept(notebook)
    nbformat.validate(small)
    return json.dumps(small, ensure_ascii=False, separators=(",", ":")) + "\n"


def _small(data: dict[str, Any]) -> dict[str, Any]:
    if PLOTLY in data:
        return {_TEXT: f"Chart: {_title(data[PLOTLY])}; it is drawn in report.html."}
    if _HTML in data:
        return {_HTML: _plain_html(data[_HTML])}
    return {mime: value for mime, value in data.items() if mime != MIME}


def _plain_html(html: str) -> str:
    """The same words, tables and lists; a word that must not be broken stays one."""
    html = _COMMANDS.sub(rf"<pre>\1{_WRAPPED}\2</code></pre>", html)
    html = _WHOLE_WORD.sub(r"<nobr>\1</nobr>", html)
    html, left = _LOOKS.sub(_without_looks, html), 1
    while left:  # one may stand in another
        html, left = _BARE.subn(r"\1", html)
    return _BETWEEN_TAGS.sub(_unquoted, _IMPLIED.sub("", html))


def _without_looks(attribute: re.Match[str]) -> str:
    """Nothing, but what keeps JupyterLab from reading a formula between two dollar signs."""
    return f' class="{NO_MATH}"' if NO_MATH in attribute[0] else ""


def _unquoted(words: re.Match[str]) -> str:
    """Quotes need no escape outside a tag."""
    return words[0].replace("&#x27;", "'").replace("&quot;", '"')


def _title(figure: dict[str, Any]) -> str:
    return str(figure.get("layout", {}).get("title", {}).get("text") or "without a title")
