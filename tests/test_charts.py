from __future__ import annotations

import math
from decimal import Decimal
from itertools import combinations, pairwise
from pathlib import Path

import pandas as pd
import plotly.io as pio
import pytest

from bedrock_guard.present import charts, ink
from bedrock_guard.present.charts import (
    CONFIG,
    OUTCOMES,
    VERDICTS,
    daily,
    outcome_by_model,
    steps,
    template,
)


def table() -> pd.DataFrame:
    rows = [("dear", 5, 7, 0, 0), ("cheap", 1, 0, 0, 1)]
    frame = pd.DataFrame(rows, columns=["model", *OUTCOMES])
    return frame.assign(**{o: [Decimal(v) for v in frame[o]] for o in OUTCOMES})


def test_the_dearest_stands_on_top_and_bars_hold_the_tables_numbers() -> None:
    figure = outcome_by_model(table())
    assert list(figure.data[0].y) == ["cheap", "dear"]
    assert {bar.name: tuple(bar.x) for bar in figure.data}["refused"] == (None, 7.0)


def test_a_day_without_a_value_is_a_gap_not_a_zero() -> None:
    days = pd.to_datetime(["2026-11-01", "2026-11-02"], utc=True)
    frame = pd.DataFrame(
        {"day": [days[0], days[1], days[1]], "model": ["a", "a", "b"], "cost_usd": [Decimal(1)] * 3}
    )
    figure = daily(frame, by="model")
    assert {bar.name: tuple(bar.y) for bar in figure.data} == {"a": (1.0, 1.0), "b": (None, 1.0)}


def test_steps_are_drawn_as_given() -> None:
    frame = pd.DataFrame(
        {
            "step": ["before", "volume", "now"],
            "cost_usd": [Decimal(5), Decimal(-1), Decimal(4)],
            "measure": ["absolute", "relative", "total"],
        }
    )
    assert tuple(steps(frame).data[0].y) == (5.0, -1.0, 4.0)


def linear(colour: str) -> list[float]:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]


def relative_luminance(colour: str) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((relative_luminance(one), relative_luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


PAGES = ("#ffffff", "#111418", "#111111", "#212121")
"""White, the report's dark page, and JupyterLab's two dark grounds."""
DRAWN = {
    *ink.SERIES,
    *(colour for colour, _ in OUTCOMES.values()),
    *(colour for colour, _ in VERDICTS.values()),
}
SIGHTS = {
    "full": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "no green": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    "no blue": ((1.256, -0.077, -0.179), (-0.078, 0.931, 0.148), (0.005, 0.691, 0.304)),
}
"""What each sight makes of linear light; Machado, Oliveira and Fernandes 2009, at their strongest."""
OKLAB = (
    ((0.4122, 0.5363, 0.0514), (0.2119, 0.6807, 0.1074), (0.0883, 0.2817, 0.6300)),
    ((0.2105, 0.7936, -0.0041), (1.9780, -2.4286, 0.4506), (0.0259, 0.7828, -0.8087)),
)


def through(matrix, light):
    return [sum(share * part for share, part in zip(row, light, strict=True)) for row in matrix]


def apart(one: str, other: str, sight: str) -> float:
    """How far two colours lie from each other in OKLab as somebody with this sight sees them."""
    places = []
    for colour in (one, other):
        seen = [min(1, max(0, part)) for part in through(SIGHTS[sight], linear(colour))]
        places.append(through(OKLAB[1], [part ** (1 / 3) for part in through(OKLAB[0], seen)]))
    return math.dist(*places)


@pytest.mark.parametrize("page", PAGES)
def test_every_bar_and_line_stands_out_from_a_light_and_from_a_dark_page(page: str) -> None:
    assert {colour: contrast(colour, page) for colour in DRAWN if contrast(colour, page) < 3} == {}


@pytest.mark.parametrize("sight", SIGHTS)
def test_what_touches_in_a_chart_is_told_apart_by_every_sight(sight: str) -> None:
    outcomes = [colour for colour, _ in OUTCOMES.values()]
    touching = [*combinations(outcomes, 2), *pairwise(ink.SERIES)]
    assert [pair for pair in touching if apart(*pair, sight) < 0.09] == []
    named = [OUTCOMES[name][0] for name in ("refused", "stranded")]
    assert min(apart(one, other, "full") for one in named for other in ink.SERIES) > 0.1, (
        "red and yellow mean outcomes"
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_in_both_themes(theme: str) -> None:
    layout = template(theme).layout
    assert contrast(layout.font.color, layout.paper_bgcolor) > 7


def test_between_bars_that_touch_shows_the_page() -> None:
    for theme, page in (("light", "#ffffff"), ("dark", "#111418"), ("page", ink.GAP)):
        figure = outcome_by_model(table(), theme=theme)
        line = figure.layout.template.data.bar[0].marker.line
        assert (line.color, line.width) == (page, 2)
        assert all(bar.marker.line.width is None for bar in figure.data), "nothing takes the gap away"
    assert f"[style*='stroke: {ink.written(ink.GAP)}']" in ink.STYLE
    bench = Path(charts.__file__).parents[1] / "widgets/static/bench.css"
    assert f'[style*="stroke: {ink.written(ink.GAP)}"]' in bench.read_text()


@pytest.mark.parametrize("page", ["#ffffff", "#111111"])
def test_a_chart_on_a_page_is_clear_and_can_be_read_on_white_and_on_dark(page: str) -> None:
    layout = outcome_by_model(table()).layout.template.layout
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert contrast(layout.font.color, page) > 4.2


def test_a_long_name_is_broken_at_its_joints_and_never_in_an_entity() -> None:
    assert charts.label("user service/reporting-batch (long term)", 18) == (
        "user service/<br>reporting-batch<br>(long term)"
    )
    assert charts.label("<" * 5, 3) == "&lt;&lt;&lt;<br>&lt;&lt;"


def test_the_style_that_comes_with_a_chart_gives_its_ink_the_colour_of_the_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[object] = []
    monkeypatch.setattr("IPython.display.display", lambda *things, **_: shown.extend(things))
    outcome_by_model(table())._ipython_display_()
    style = shown[0].data  # the figure follows it
    assert f"text[style*='fill: {ink.written(ink.INK)}']{{fill:currentColor" in style
    assert f"path[style*='stroke: {ink.written(ink.GRID)}']{{stroke:currentColor" in style


def test_the_config_leaves_no_server_and_no_mode_bar() -> None:
    assert CONFIG["showSendToCloud"] is False
    assert CONFIG["plotlyServerURL"] == ""


def test_a_figure_that_a_notebook_shows_offers_no_upload() -> None:
    for name in ("plotly_mimetype", "jupyterlab", "notebook", "vscode", "iframe"):
        assert pio.renderers[name].config["showSendToCloud"] is False, name
    shown = pio.renderers["plotly_mimetype"].to_mimebundle(outcome_by_model(table()).to_dict())
    config = shown["application/vnd.plotly.v1+json"]["config"]
    assert config["showSendToCloud"] is False
    assert config["displayModeBar"] is False
