"""Charts as SVG inside the page: one drawing for a wide page and for print, one for a phone, each in the page's ink.

The drawing is plotly's own in a Chromium. What comes back is taken apart and only the shapes and texts are kept: no
script, no link, no style that a page could be harmed by, and a third of the bytes. The page's style sheet gives text,
grid and gaps their colours, so that one drawing serves light, dark and paper.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape, unescape
from typing import Any, Final
from xml.etree import ElementTree as ET

import bedrock_guard._fast  # noqa: F401 - before plotly: see its docstring

# isort: split
import plotly.graph_objects as go

from bedrock_guard.present import ink
from bedrock_guard.present.charts import label, template

WIDE: Final = 680
"""Pixels of a wide drawing: its letters are readable from a page of 600 on."""
NARROW: Final = 350
"""Pixels of the narrow one: what a phone of 375 has beside its margins."""
_NARROW_LABEL: Final = 18
_LINE: Final = 17
"""Pixels from one line of a label to the next."""
_TITLE: Final = 40
"""Pixels that a title or a legend takes; on a page both are text of the page."""
_BREAK: Final = re.compile(r"<br ?/?>")
_SVG: Final = "{http://www.w3.org/2000/svg}"
_DRAWN: Final = frozenset(
    {"svg", "g", "defs", "clipPath", "pattern", "rect", "circle", "path", "text", "tspan"}
)
_SAID: Final = frozenset(
    "d x y cx cy r dy width height viewBox id transform clip-path fill opacity stroke stroke-width text-anchor "
    "patternUnits patternTransform style".split()
)
_STYLED: Final = frozenset(
    {"fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray", "opacity"}
)
_PLAIN: Final = frozenset({("fill-opacity", "1"), ("stroke-opacity", "1"), ("opacity", "1")})
_PAGE: Final[Mapping[str, str]] = {
    ink.written(ink.INK): "var(--ink)",
    ink.written(ink.GRID): "var(--line)",
    ink.written(ink.GAP): "var(--paper)",
}
_DECIMALS: Final = re.compile(r"(\d\.\d)\d+")
_OWN: Final = re.compile(r'id="(?:defs|topdefs)-(\w+)"')
_SWATCH: Final[Mapping[str, str]] = {
    "/": "slash",
    "-": "stripes",
    "x": "cross",
    ".": "dots",
    "": "plain",
}


@contextmanager
def drawing() -> Iterator[None]:
    """One Chromium for all charts of a page, and its chatter kept out of the report's own output."""
    import kaleido

    chatter = logging.getLogger("choreographer")
    level = chatter.level
    chatter.setLevel(logging.CRITICAL)
    kaleido.start_sync_server(silence_warnings=True)
    try:
        with warnings.catch_warnings():  # plotly hands kaleido options that a running server has already
            warnings.filterwarnings("ignore", message="The kopts argument is ignored")
            yield
    finally:
        kaleido.stop_sync_server(silence_warnings=True)
        chatter.setLevel(level)


def svgs(figure: Mapping[str, Any], number: int) -> str:
    """Both drawings of a figure; the style sheet shows the one that fits. Needs `drawing`."""
    said = title(figure, number)
    return "".join(
        _svg(drawn, f"c{number}{name[0]}", name, said)
        for name, drawn in (("wide", wide(figure)), ("narrow", narrow(figure)))
    )


def title(figure: Mapping[str, Any], number: int) -> str:
    """What a chart is of, as text."""
    found = figure.get("layout", {}).get("title", {}).get("text")
    return unescape(str(found or f"Figure {number}"))


def legend(figure: Mapping[str, Any]) -> str:
    """What its colours mean, as a list of the page; none where there is one colour only."""
    named = [one for one in figure["data"] if one.get("name") and one.get("showlegend") is not False]
    if len(named) < 2:
        return ""
    items = "".join(f"<li>{_swatch(one)}{escape(str(one['name']))}</li>" for one in named)
    return f'<ul class="legend">{items}</ul>'


def _swatch(trace: Mapping[str, Any]) -> str:
    marker = trace.get("marker", {})
    if marker.get("symbol"):
        return "<i>▼</i>"
    kind = _SWATCH.get(marker.get("pattern", {}).get("shape", ""), "plain") if marker else "line"
    colour = marker.get("color") or trace.get("line", {}).get("color") or ink.INK
    if trace.get("fillcolor"):
        kind, colour = "plain", trace["fillcolor"]
    return f'<i class="{kind}" style="--c:{escape(str(colour), quote=True)}"></i>'


def wide(figure: Mapping[str, Any]) -> go.Figure:
    """The figure without what the page says in words of its own, in colours that the style sheet knows."""
    drawn = go.Figure(figure["data"], figure["layout"])
    height = int(drawn.layout.height or 380) - _TITLE * (1 + bool(legend(figure)))
    margin = {"l": 0, "r": drawn.layout.margin.r or 24, "t": 10, "b": 0}
    drawn.update_layout(
        template=template("page"), title=None, showlegend=False, margin=margin, height=height, width=WIDE
    )
    return drawn


def narrow(figure: Mapping[str, Any]) -> go.Figure:
    """The same for a phone: names in short lines, few ticks, steps below each other."""
    drawn = wide(figure)
    drawn.update_layout(width=NARROW)
    drawn.update_xaxes(nticks=4, tickangle=0)
    for trace in drawn.data:
        if trace.type == "waterfall":
            _lay_down(drawn, trace)
        if trace.orientation == "h":
            trace.y = [label(unescape(_BREAK.sub(" ", name)), _NARROW_LABEL) for name in trace.y]
            lines = max((1 + name.count("<br>") for name in trace.y), default=1)
            # what stands beside each bar needs no scale under it
            said = bool(trace.texttemplate or trace.text)
            scale = {"nticks": 3, "showticklabels": not said}
            drawn.update_layout(height=36 + len(trace.y) * (_LINE * lines + 8), xaxis=scale)
    return drawn


def _lay_down(drawn: go.Figure, trace: Any) -> None:
    trace.update(x=trace.y, y=trace.x, orientation="h")
    widest = max(map(len, trace.text or ("",)))
    values = drawn.layout.yaxis.to_plotly_json() | {"tickangle": 0}
    steps = {"autorange": "reversed", "type": "category", "ticklabelstandoff": 6}
    drawn.update_layout(xaxis=values, margin={"r": 8 + 8 * widest})
    drawn.layout.yaxis = steps


def _svg(drawn: go.Figure, own: str, css: str, said: str) -> str:
    picture = drawn.to_image(format="svg", width=drawn.layout.width, height=drawn.layout.height).decode()
    random = _OWN.search(picture)
    picture = picture.replace(random[1], own) if random else picture
    root = _kept(ET.fromstring(picture))  # noqa: S314 - what a browser wrote has no entities
    if root is None:
        return ""
    root.attrib.update({"class": css, "role": "img", "aria-label": said})
    return ET.tostring(root, encoding="unicode")


def _kept(element: ET.Element) -> ET.Element | None:
    """The element with what is drawn in it; None where nothing is."""
    tag = element.tag.removeprefix(_SVG)
    if tag not in _DRAWN:
        return None
    children = [one for one in map(_kept, element) if one is not None]
    attributes = {name: value for name, value in element.attrib.items() if name in _SAID}
    style = _style(attributes.pop("style", ""))
    text = (element.text or "").strip() and element.text
    if (tag in {"g", "defs", "svg"} and not children) or (tag == "text" and not children and not text):
        return None
    if tag in {"rect", "path"} and _is_clear(style, attributes):
        return None
    made = ET.Element(tag, attributes | ({"style": style} if style else {}))
    for name in ("d", "transform", "x", "y", "width", "height", "patternTransform"):
        if name in made.attrib:
            made.attrib[name] = _DECIMALS.sub(r"\1", made.attrib[name])
    made.text = text
    made.extend(children)
    return made


def _is_clear(style: str, attributes: Mapping[str, str]) -> bool:
    """Whether a shape would not be seen, such as the paper under a clear chart or a path without a way."""
    clear = "fill-opacity:0" in style and "stroke" not in style
    return clear or not {"d", "width"} & set(attributes)


def _style(style: str) -> str:
    """The part of a style that says colours, in the page's ones where they are the page's."""
    found = dict(part.strip().split(": ", 1) for part in style.split(";") if ": " in part)
    kept = {name: _PAGE.get(value, value) for name, value in found.items() if name in _STYLED}
    if kept.get("stroke-width") == "0px":
        kept = {name: value for name, value in kept.items() if not name.startswith("stroke")}
    if kept.get("stroke") == "var(--line)":
        kept.pop("stroke-opacity", None)
    return ";".join(f"{name}:{value}" for name, value in kept.items() if (name, value) not in _PLAIN)
