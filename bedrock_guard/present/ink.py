"""Colours of charts: those of what is told, and those of the page a chart stands in.

Every colour of a bar or line stands 3:1 or more against white and against a dark page, and is told from what lies
beside it by people who cannot tell red from green or blue from yellow. Four colours that all stand so against both
pages cannot stand 3:1 against each other too: between two bars that touch shows the page.

No grey of a text passes 4.5:1 on white and on a dark page at once, and plotly takes no colour that follows the page. So
a style beside the chart gives the page's colours to whatever is drawn in these greys, and to nothing else.
"""

from __future__ import annotations

from typing import Final

KEPT: Final = "#2a86d8"
REFUSED: Final = "#c2401c"
STRANDED: Final = "#c28a00"
UNKNOWN: Final = "#7f8389"
SERIES: Final = (
    KEPT,
    "#8f7223",
    "#cf62b0",
    "#3f8f3a",
    "#8d55ab",
    "#6f9a7f",
    "#b455c9",
    "#1f786b",
    "#9c83d6",
)
"""Colours of models, callers and days, in the order in which they touch: none is of a refused or stranded dollar."""

INK: Final = "#707b87"
"""Of text: 4.3:1 on white as on JupyterLab's dark page, which is what is left where the style is not taken."""
GRID: Final = "rgba(128,138,148,0.25)"
GAP: Final = "#7f7f7e"
"""Of the line round a bar, which lies outside it and is the page's colour where the style is taken."""


def written(colour: str) -> str:
    """A colour as it stands in the style of what plotly has drawn.

    Example:
        >>> written("#707b87"), written("rgba(128,138,148,0.25)")
        ('rgb(112, 123, 135)', 'rgb(128, 138, 148)')

    """
    if colour.startswith("#"):
        parts = [str(int(colour[at : at + 2], 16)) for at in (1, 3, 5)]
    else:
        parts = colour.partition("(")[2].split(",")[:3]
    return f"rgb({', '.join(parts)})"


STYLE: Final = (
    f"<style>.js-plotly-plot text[style*='fill: {written(INK)}']{{fill:currentColor!important}}"
    f".js-plotly-plot path[style*='stroke: {written(GRID)}']{{stroke:currentColor!important;"
    "stroke-opacity:.18!important}"
    f".js-plotly-plot path[style*='stroke: {written(GAP)}']"
    "{stroke:var(--jp-layout-color0,var(--vscode-editor-background,#fff))!important;paint-order:stroke}</style>"
)
