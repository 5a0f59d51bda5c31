"""The executed notebook as it is kept: what was read and said, in so many bytes at most, however large the account.

Tables lose the looks that only the page's style sheet uses, and their twins in plain text; charts are named. What HTML
and nbformat let one leave out is left out. What is still too long is shortened: the longest tables and steps first, by
whole rows, the first and the sum kept. The headline and what could not be read are never shortened, and findings only
where nothing else is left; report.html and figures.json beside it hold everything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from html import escape
from itertools import groupby, repeat
from typing import Any, Final

import nbformat
from nbformat import NotebookNode

from bedrock_guard.present import ink
from bedrock_guard.present.table import NO_MATH
from bedrock_guard.reports.figures import MIME, NAMES_MIME
from bedrock_guard.reports.shortened import SUMS, Rows, fitted, parts

MOST_BYTES: Final = 25_000
"""Of the file: a year of nights of both reports is then 18 MB, which a repository or a bucket keeps easily."""
PLOTLY: Final = "application/vnd.plotly.v1+json"
_HTML: Final = "text/html"
_KEPT: Final = "text/markdown"
"""Markdown that is one block of HTML: in JupyterLab its tables have texts at the left, and it is never trusted."""
_COMMANDS: Final = re.compile(r"<pre[^>]*>([^<]*)<code[^>]*>(.*?)</code></pre>", re.DOTALL)
_WRAPPED: Final = "<pre style='word-break:normal'>"
"""JupyterLab by itself breaks a line of commands anywhere."""
_PLACED: Final = (
    ('<tr class="total"><td', SUMS),
    (' class="number"', " align=right"),
    ("<thead>", "<thead align=left>"),
)
"""Looks that are kept: the row of sums, numbers at the right, heads above their columns."""
_MARKS: Final = str.maketrans({"$": "&#36;", "\\": "&#92;", "\n": "&#10;"})
"""What Markdown would read as a formula, or as the end of the block."""
_LOOKS: Final = re.compile(r' (?:class|style|data-head|role|tabindex|aria-label)="[^"]*"')
"""JupyterLab takes roles and names of regions away by itself; where nothing scrolls, none is needed."""
_BARE: Final = re.compile(
    r"<(span|small)>((?:(?!</?\1\b).)*)</\1>|<(div)>(?=<(?:p|ol|ul|pre|table)\b)((?:(?!</?div\b).)*)</div>",
    re.DOTALL,
)
_IMPLIED: Final = re.compile(r"</(?:thead|tbody|tr|th|td|li)>|</p>(?=<(?:p|ul|ol|pre|table|div)\b|</div>|$)")
"""End tags that HTML lets one leave out."""
_WORDS: Final = re.compile(r"(?:^|(?<=>))[^<>]+(?=<|$)")


def kept_text(notebook: NotebookNode) -> str:
    """The executed notebook as a file to keep; the notebook itself is not changed."""
    small = kept(notebook)
    nbformat.validate(small)
    return _written(small)


def kept(notebook: NotebookNode) -> NotebookNode:
    """A copy without what the page beside it holds, its rows shortened so that the file keeps to `MOST_BYTES`."""
    small = _plain(notebook)
    pages = [
        one.data for cell in small.cells for one in cell.get("outputs", ()) if _KEPT in one.get("data", {})
    ]
    held = [list(parts(page[_KEPT])) for page in pages]
    _put(pages, held, repeat(""))
    room = MOST_BYTES - len(_written(small).encode())
    _put(pages, held, iter(fitted([part for page in held for part in page if isinstance(part, Rows)], room)))
    return small


def _put(pages: Iterable[NotebookNode], held: Iterable[Sequence[str | Rows]], rows: Iterator[str]) -> None:
    """The pages, from their texts and what is shown of the rows between them."""
    for page, cut in zip(pages, held, strict=True):
        page[_KEPT] = "".join(next(rows) if isinstance(part, Rows) else part for part in cut)


def _written(notebook: NotebookNode) -> str:
    """As a file; nbformat's own writer spends a tenth of it on blanks."""
    return json.dumps(notebook, ensure_ascii=False, separators=(",", ":")) + "\n"


def _plain(notebook: NotebookNode) -> NotebookNode:
    """The words of its outputs, those of a cell together, and of its metadata what papermill needs to run it again."""
    small = deepcopy(notebook)
    held = small.metadata
    small.metadata = NotebookNode(
        {name: held[name] for name in ("kernelspec", "language_info") if name in held}
    )
    if "language_info" in held:
        small.metadata.language_info = NotebookNode({"name": held.language_info.name})
    for cell in small.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = NotebookNode({"tags": tags} if tags else {})
        without_style(cell)
        if "outputs" in cell:
            cell.outputs = list(_together(cell.outputs))
    return small


def without_style(cell: NotebookNode) -> None:
    """Take the style away that a chart brings along for a notebook's page; a report has its own."""
    if "outputs" in cell:
        cell.outputs = [one for one in cell.outputs if one.get("data", {}).get(_HTML) != ink.STYLE]


def _together(outputs: Iterable[NotebookNode]) -> Iterator[NotebookNode]:
    """Outputs with the pages of ours that follow each other as one."""
    for ours, run in groupby(outputs, lambda one: _ours(one.get("data", {}))):
        if ours:
            html = "".join(_html(one["data"]) for one in run)
            data = {_KEPT: f"<div class='{NO_MATH}'>{html}</div>".translate(_MARKS)}
            yield nbformat.v4.new_output("display_data", data)
            continue
        for one in run:
            if "data" in one:
                for handed_over in (MIME, NAMES_MIME):
                    one["data"].pop(handed_over, None)
            yield one


def _ours(data: dict[str, Any]) -> bool:
    return PLOTLY in data or NO_MATH in data.get(_HTML, "")


def _html(data: dict[str, Any]) -> str:
    if PLOTLY in data:
        return f"<p>Chart: {escape(_title(data[PLOTLY]), quote=False)}; it is drawn in report.html."
    return _plain_html(data[_HTML])


def _plain_html(html: str) -> str:
    """The same words, tables and lists."""
    html = _COMMANDS.sub(rf"{_WRAPPED}\1\2</pre>", html)
    for looks, plain in _PLACED:
        html = html.replace(looks, plain)
    html, left = _LOOKS.sub("", html), 1
    while left:  # one may stand in another
        html, left = _BARE.subn(lambda bare: bare[2] or bare[4] or "", html)
    return _WORDS.sub(_unquoted, _IMPLIED.sub("", html))


def _unquoted(words: re.Match[str]) -> str:
    """Quotes need no escape outside a tag."""
    return words[0].replace("&#x27;", "'").replace("&quot;", '"')


def _title(figure: dict[str, Any]) -> str:
    return str(figure.get("layout", {}).get("title", {}).get("text") or "without a title")
