from __future__ import annotations

from decimal import Decimal

import pandas as pd
import plotly.io as pio
import pytest

from bedrock_guard.present import ink
from bedrock_guard.present.charts import (
    CONFIG,
    OUTCOMES,
    SERIES,
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


def relative_luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((relative_luminance(one), relative_luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_in_both_themes(theme: str) -> None:
    layout = template(theme).layout
    assert contrast(layout.font.color, layout.paper_bgcolor) > 7
    assert min(contrast(c, layout.paper_bgcolor) for c in SERIES) > 1.9
    assert not {OUTCOMES[name][0] for name in ("refused", "stranded")} & {*SERIES}, (
        "red and yellow mean outcomes"
    )


@pytest.mark.parametrize("page", ["#ffffff", "#111111"])
def test_a_chart_on_a_page_is_clear_and_can_be_read_on_white_and_on_dark(page: str) -> None:
    layout = outcome_by_model(table()).layout.template.layout
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert contrast(layout.font.color, page) > 4.2
    assert min(contrast(c, page) for c in SERIES) > 3


def test_the_style_that_comes_with_a_chart_gives_its_ink_the_colour_of_the_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[object] = []
    monkeypatch.setattr("IPython.display.display", lambda *things, **_: shown.extend(things))
    outcome_by_model(table())._ipython_display_()
    style = shown[0].data  # the figure follows it
    red, green, blue = (int(ink.INK[place : place + 2], 16) for place in (1, 3, 5))
    assert f"text[style*='fill: rgb({red}, {green}, {blue})']{{fill:currentColor" in style
    grid = ink.GRID.removeprefix("rgba(").rpartition(",")[0].replace(",", ", ")
    assert f"path[style*='stroke: rgb({grid})']{{stroke:currentColor" in style


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
