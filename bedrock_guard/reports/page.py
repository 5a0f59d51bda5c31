"""An executed notebook as one HTML file that opens with no network and asks for none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from copy import deepcopy
from html import escape
from pathlib import Path
from typing import Any, Final, Literal

import bedrock_guard._fast  # noqa: F401 - before nbconvert: see its docstring

# isort: split
from nbconvert import HTMLExporter, TemplateExporter
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbconvert.preprocessors import TagRemovePreprocessor
from nbformat import NotebookNode
from traitlets.config import Config

from bedrock_guard.errors import GuardError
from bedrock_guard.present.charts import CONFIG, template
from bedrock_guard.reports.drawing import drawing, legend, narrow, svgs, title, wide
from bedrock_guard.reports.figures import MIME
from bedrock_guard.reports.kept import PLOTLY, without_style

Plots = Literal["svg", "script"]
_TEMPLATES: Final = Path(__file__).parent / "templates"
_PERCENT: Final = re.compile(r"(?<=\d) %")
"""A number and its sign stay on one line."""
_BETWEEN_TAGS: Final = re.compile(
    r"<(?P<kept>style|script)\b.*?</(?P=kept)|(?<=>)[^<>]{10,}(?=<)", re.IGNORECASE | re.DOTALL
)
_LONG_WORD: Final = re.compile(r"\S{20,}")
_JOINT: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[_/:])(?=[^_/:])|(?=@)")
"""Where a long name may be broken: before a capital, after a sign that joins, before the domain of an address."""
_WHOLE: Final = re.compile(r"\b\d{4}-\d\d-\d\d\b|\b[a-z]{2}(?:-[a-z]+)+-\d\b")
"""A day or a Region, which no line ends in."""
_STACKED: Final = re.compile(r' role="region" tabindex="0" aria-label="[^"]*"(?=><table class="wide")')
"""What lets keys scroll a table of texts in a notebook; on this page its texts stand below each other."""
_LEFT_OUT: Final = ("parameters", "injected-parameters", "app", "figures")
_HTML: Final = "text/html"
_FETCHED: Final = re.compile(
    r"""(?:<(?:script|img|iframe|link|source|object|embed)\b[^>]*?\b(?:src|href|srcset|data)\s*=\s*["']?|"""
    r"""url\(\s*["']?|@import\s+["']|import\(\s*["'])((?:https?:)?//[^"'\s)>]+)""",
    re.IGNORECASE,
)


class PageWouldFetch(GuardError):  # noqa: N818 - reads as what happened
    """The page would ask the network for something on opening; it is not written."""


def page(notebook: NotebookNode, *, title: str, plots: Plots) -> str:
    """The notebook's text and outputs as one HTML page, code and parameters left out.

    Args:
        notebook: an executed notebook; it is not changed.
        title: the page's title.
        plots: "svg" draws each chart now, for wide and for narrow pages (needs Chromium; the page then has no
            script at all); "script" puts plotly.js into the page once (5 MB).

    Raises:
        PageWouldFetch: the page holds an outside address that a browser would load.
        GuardError: plots is "svg" and no Chromium was found.

    """
    shown = deepcopy(notebook)
    shown.metadata.pop("widgets", None)
    with drawing() if plots == "svg" else nullcontext():
        count = _embed(shown, _as_svg if plots == "svg" else _as_script)
    resources = {
        "title": title,
        "style": (_TEMPLATES / "guard_report" / "style.css").read_text(encoding="utf-8"),
        "metadata": {"name": title},
    }
    text, _ = _exporter().from_notebook_node(shown, resources=resources)
    outside = outside_addresses(text)
    if outside:
        raise PageWouldFetch(
            "The report was not written.",
            why=f"It would fetch {', '.join(outside[:3])}.",
            remedy="Remove it.",
        )
    text = _PERCENT.sub("\N{NO-BREAK SPACE}%", text)
    if count and plots == "script":  # put in last: nbconvert parses the page, and plotly.js is 5 MB
        text = text.replace("</head>", f"{_plotly_js()}</head>", 1)
    return str(text)


def outside_addresses(text: str) -> list[str]:
    """Addresses that a browser would fetch by itself on opening the page."""
    without_plotly = re.sub(r"<script data-plotly>.*?</script>", "", text, flags=re.DOTALL)
    return sorted(set(_FETCHED.findall(without_plotly)))


class _Exporter(HTMLExporter):
    """nbconvert's, without its second reading of the page: that looks for what this template does not have."""

    def from_notebook_node(  # type: ignore[override]  # as HTMLExporter's own
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        self.register_filter("highlight_code", lambda source, **_: escape(source))
        shown = WidgetsDataTypeFilter(notebook_metadata=self._nb_metadata, parent=self, resources=resources)
        self.register_filter("filter_data_type", shown)
        made: tuple[str, dict[str, Any]] = TemplateExporter.from_notebook_node(
            self, nb, self._init_resources(resources), **kw
        )
        return made


def _exporter() -> HTMLExporter:
    config = Config()
    config.TagRemovePreprocessor.remove_cell_tags = _LEFT_OUT
    config.HTMLExporter.preprocessors = [TagRemovePreprocessor]
    return _Exporter(
        config=config,
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        extra_template_basedirs=[str(_TEMPLATES)],
        template_name="guard_report",
    )


def jointed(html: str) -> str:
    """The HTML with places where its long names may be broken, and days and Regions that are not.

    Pseudonyms must have been put in before: a name with such places in it is not found any more.

    Example:
        >>> jointed("<td>DeleteModelInvocationLogging</td>")
        '<td>Delete<wbr>Model<wbr>Invocation<wbr>Logging</td>'

    """

    def parts(word: re.Match[str]) -> str:
        return "<wbr>".join(_JOINT.split(word[0]))

    def lines(text: re.Match[str]) -> str:
        if text["kept"] or _WHOLE.fullmatch(text[0]):
            return text[0]
        return _WHOLE.sub(r'<span class="day">\g<0></span>', _LONG_WORD.sub(parts, text[0]))

    return _BETWEEN_TAGS.sub(lines, html)


def _embed(notebook: NotebookNode, draw: Callable[[Mapping[str, Any], int], str]) -> int:
    number = 0
    for cell in notebook.cells:
        without_style(cell)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(MIME, None)
            if _HTML in output.get("data", {}):
                output["data"][_HTML] = jointed(_STACKED.sub("", output["data"][_HTML]))
            figure = output.get("data", {}).get(PLOTLY)
            if figure is not None:
                number += 1
                output["data"] = {_HTML: draw(figure, number)}
    return number


def _framed(figure: Mapping[str, Any], number: int, drawn: str) -> str:
    caption = f"<figcaption>{escape(title(figure, number))}</figcaption>"
    return f"<figure>{caption}{legend(figure)}{drawn}</figure>"


def _as_svg(figure: Mapping[str, Any], number: int) -> str:
    return _framed(figure, number, svgs(figure, number))


def _as_script(figure: Mapping[str, Any], number: int) -> str:
    name = f"figure-{number}"
    said = escape(title(figure, number), quote=True)
    forms = {form.__name__: json.loads(form(figure).to_json()) for form in (wide, narrow)}
    light, dark = (template(theme).to_plotly_json() for theme in ("light", "dark"))
    held = _json_in_html(forms | {"light": light, "dark": dark})
    return _framed(
        figure,
        number,
        f'<div class="plot" id="{name}" role="img" aria-label="{said}"></div>'
        f'<script type="application/json" id="{name}-data">{held}</script>'
        f'<script>(() => {{ const held = JSON.parse(document.getElementById("{name}-data").textContent);'
        "const is = (asked) => matchMedia(asked).matches;"
        "const {data, layout} = is('(max-width: 600px)') ? held.narrow : held.wide;"
        "layout.template = is('(prefers-color-scheme: dark)') ? held.dark : held.light; delete layout.width;"
        f'Plotly.newPlot("{name}", data, layout, {_json_in_html(CONFIG)}); }})();</script>',
    )


def _json_in_html(value: object) -> str:
    return json.dumps(value, separators=(",", ":")).replace("</", "<\\/").replace("<!--", "<\\u0021--")


def _plotly_js() -> str:
    from plotly.offline import get_plotlyjs

    return f"<script data-plotly>{get_plotlyjs()}</script>"
