"""The ink of charts that stand clear on a page: grey where nothing else is known, and the page's own where it is.

No grey passes 4.5:1 on white and on a dark page at once, and plotly takes no colour that follows the page. So a style
beside the chart gives the page's colour to whatever is drawn in these greys, and to nothing else.
"""

from __future__ import annotations

from typing import Final

INK: Final = "#707b87"
"""Of text: 4.3:1 on white as on JupyterLab's dark page, which is what is left where the style is not taken."""
GRID: Final = "rgba(128,138,148,0.25)"
STYLE: Final = (
    "<style>.js-plotly-plot text[style*='fill: rgb(112, 123, 135)']{fill:currentColor!important}"
    ".js-plotly-plot path[style*='stroke: rgb(128, 138, 148)']{stroke:currentColor!important;"
    "stroke-opacity:.18!important}</style>"
)
