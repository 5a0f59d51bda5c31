"""Charts: a table in, a plotly figure out. Nothing here computes a figure that its table does not hold.

Colours are those of `present.ink`; refused, stranded and unknown spend carries a pattern too.
plotly's upload button is off in every way of showing a figure: it would send spending data to a server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from html import escape
from textwrap import wrap
from typing import Any, Final, Literal

import bedrock_guard._fast  # noqa: F401 - before plotly: see its docstring

# isort: split
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio

from bedrock_guard.evidence.tables import dollars
from bedrock_guard.present import ink

Theme = Literal["light", "dark", "page"]
"""`page` is clear, in the ink of the page it stands in (`present.ink`); a report draws its charts light and dark."""

CONFIG: Final = {
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "displaylogo": False,
    "displayModeBar": False,
    "responsive": True,
}
"""What every figure is shown with: no upload button, no logo, no eleven Tab stops of a mode bar."""

OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    "kept": (ink.KEPT, ""),
    "refused": (ink.REFUSED, "/"),
    "stranded": (ink.STRANDED, "x"),
    "unknown": (ink.UNKNOWN, "."),
}
"""Outcome of a dollar -> its colour and its pattern."""
_DRAWN: Final = {**OUTCOMES, "outside": (ink.UNKNOWN, "-")}
"""The same with what no document reaches, which is drawn only where there is any."""

LABEL: Final = 36
"""Letters of a name that stand in one line beside a bar."""
_MARK: Final = "\N{ZERO WIDTH SPACE}"
_JOINT: Final = re.compile(r"(?<=[/_:])(?=\w)")
_LETTER: Final = 8
"""Pixels of a figure's letter, with some room."""
_DOLLARS: Final = {"tickprefix": "$", "separatethousands": True}
_INK: Final[Mapping[Theme, tuple[str, str, str]]] = {
    "light": ("#1f2933", "#ffffff", "#e4e7eb"),
    "dark": ("#e4e7eb", "#111418", "#323a44"),
    "page": (ink.INK, "rgba(0,0,0,0)", ink.GRID),
}
_GAP: Final[Mapping[Theme, str]] = {"light": "#ffffff", "dark": "#111418", "page": ink.GAP}


class Drawn(go.Figure):
    """A figure that brings its page's ink along when it is a cell's output."""

    def _ipython_display_(self) -> None:
        from IPython.display import HTML, display

        display(HTML(ink.STYLE))
        super()._ipython_display_()


def template(theme: Theme = "page") -> go.layout.Template:
    """The template of a theme: small, and the same with every version of plotly."""
    colour, paper, grid = _INK[theme]
    axis = {
        "gridcolor": grid,
        "zerolinecolor": grid,
        "linecolor": grid,
        "automargin": True,
        "title": {"standoff": 8},
    }
    gap = {"color": _GAP[theme], "width": 2}
    return go.layout.Template(
        data={"bar": [{"marker": {"line": gap}}]},
        layout={
            "font": {"family": "system-ui, -apple-system, Segoe UI, sans-serif", "size": 13, "color": colour},
            "paper_bgcolor": paper,
            "plot_bgcolor": paper,
            "colorway": list(ink.SERIES),
            "xaxis": axis,
            "yaxis": axis,
            "margin": {"l": 8, "r": 24, "t": 48, "b": 8},
            "legend": {"orientation": "h", "y": -0.18, "yanchor": "top", "x": 0, "traceorder": "normal"},
            "title": {
                "x": 0,
                "xanchor": "left",
                "font": {"size": 15},
                "y": 0.98,
                "yanchor": "top",
                "xref": "container",
                "pad": {"l": 8},
            },
            "hoverlabel": {"font": {"family": "system-ui, sans-serif"}},
        },
    )


def _quiet_renderers() -> None:
    """A figure that is a cell's output carries CONFIG too, in every front end."""
    for renderer in map(pio.renderers.__getitem__, pio.renderers):
        if hasattr(renderer, "config"):
            renderer.config = {**(renderer.config or {}), **CONFIG}


_quiet_renderers()


def _numbers(values: Sequence[Decimal | None]) -> list[float | None]:
    """Money becomes a float here and nowhere before: a chart has no cents to lose."""
    return [None if value is None else float(value) for value in values]


def _layout(title: str, theme: Theme, height: int, **more: Any) -> go.Layout:
    made = go.Layout(template=template(theme), title={"text": title}, height=height, **more)
    if not title:  # a widget's page has its own heading; the legend stands above, where the eye begins
        made.title = None
        made.margin = {"l": 8, "r": 16, "t": 30, "b": 8}
        made.legend = {"y": 1, "yanchor": "bottom", "orientation": "h", "x": 0, "traceorder": "normal"}
    return made


def outcome_by_model(
    table: pd.DataFrame, *, theme: Theme = "page", title: str = "Spend by model, USD"
) -> go.Figure:
    """Kept, refused, stranded and unknown dollars of each model, dearest on top.

    Args:
        table: one row a model; column `model` and a Decimal column for each outcome .
        theme: light, dark or page.
        title: the chart's title; empty where the page has a heading.
    """
    names, values = horizontal(table, "model")
    bars = [
        go.Bar(
            name=outcome,
            y=names,
            x=values[outcome],
            orientation="h",
            marker={"color": colour, "pattern": _pattern(pattern, colour)},
            hovertemplate="%{y}<br>" + outcome + " $%{x:,.2f}<extra></extra>",
        )
        for outcome, (colour, pattern) in _DRAWN.items()
        if outcome in table
    ]
    layout = _layout(
        title,
        theme,
        height=(130 if title else 70) + 26 * max(len(names), 3),
        barmode="stack",
        xaxis=_DOLLARS,
        yaxis={"title": None, "type": "category", "ticklabelstandoff": 6},
        bargap=0.35,
    )
    return Drawn(bars, layout)


def horizontal(table: pd.DataFrame, by: str) -> tuple[list[str], dict[str, list[float | None]]]:
    """A table's labels and outcomes as horizontal bars take them: the last row first, names as text, no bar for 0."""
    ordered = table.iloc[::-1]
    names = [escape(str(name), quote=False) for name in ordered[by]]
    return names, {
        outcome: _numbers([cost or None for cost in ordered[outcome]])
        for outcome in _DRAWN
        if outcome in table
    }


VERDICTS: Final[Mapping[str, tuple[str, str]]] = {
    "calls_allowed": OUTCOMES["kept"],
    "calls_refused": OUTCOMES["refused"],
    "calls_depends": OUTCOMES["unknown"],
    "calls_already_denied": (ink.UNKNOWN, ""),
}
"""Verdict of a day's calls -> its colour and its pattern."""


def outcome_by_day(table: pd.DataFrame, *, theme: Theme = "page", title: str = "Day by day") -> go.Figure:
    """Dollars per day by outcome above, calls per day by verdict below; `present.evidence.by_day`."""
    days, values = vertical(table, "day")
    dollars_ = [_day_bar(name, days, values[name], "y", "$%{y:,.2f}") for name in _DRAWN if name in table]
    calls = [_day_bar(name, days, values[name], "y2", "%{y:,} calls") for name in VERDICTS]
    layout = _layout(title, theme, 400, barmode="stack", bargap=0.15)
    layout.xaxis = {"anchor": "y2"}
    layout.yaxis = {
        "domain": [0.46, 1],
        "tickprefix": "$",
        "separatethousands": True,
        "title": {"text": "USD"},
    }
    layout.yaxis2 = {"domain": [0, 0.36], "title": {"text": "calls"}, "anchor": "x"}
    return Drawn([*dollars_, *calls], layout)


def _day_bar(name: str, days: list[str], values: list[float | None], axis: str, words: str) -> go.Bar:
    """One series of bars; below, only what the dollars do not have stands in the legend."""
    colour, pattern = {**_DRAWN, **VERDICTS}[name]
    said = {
        "calls_allowed": "allowed",
        "calls_depends": "not known",
        "calls_already_denied": "calls denied already",
    }
    shown = said.get(name, name.removeprefix("calls_"))
    return go.Bar(
        name=shown,
        meta=name,
        x=days,
        y=values,
        yaxis=axis,
        showlegend=axis == "y" or name == "calls_already_denied",
        marker={"color": colour, "pattern": _pattern(pattern, colour)},
        hovertemplate="%{x}<br>" + shown + " " + words + "<extra></extra>",
    )


def vertical(table: pd.DataFrame, by: str) -> tuple[list[str], dict[str, list[float | None]]]:
    """A table's days, and its dollars and calls as upright bars take them."""
    days = [pd.Timestamp(day).date().isoformat() for day in table[by]]
    spent = {outcome: _numbers(list(table[outcome])) for outcome in _DRAWN if outcome in table}
    calls: dict[str, list[float | None]] = {
        name: [float(count) for count in table[name]] for name in VERDICTS
    }
    return days, {**spent, **calls}


def _pattern(shape: str, colour: str) -> dict[str, Any]:
    return {
        "shape": shape,
        "bgcolor": colour,
        "fgcolor": "rgba(0,0,0,0.5)",
        "size": 8,
        "solidity": 0.2,
    }


def daily(
    table: pd.DataFrame, *, by: str, theme: Theme = "page", title: str = "Spend per day, USD"
) -> go.Figure:
    """Stacked bars per day, one colour a value of `by`; columns `day`, `by` and `cost_usd` (Decimal)."""
    wide = table.pivot_table(index="day", columns=by, values="cost_usd", aggfunc="sum", observed=True)
    order = sorted(wide.columns, key=lambda name: -sum(v for v in wide[name] if isinstance(v, Decimal)))
    days = [f"{day:%Y-%m-%d}" for day in wide.index]
    bars = [
        go.Bar(
            name=str(name),
            x=days,
            y=_numbers([v if isinstance(v, Decimal) else None for v in wide[name]]),
            marker={"color": _colour(str(name), n)},
            hovertemplate="%{x}<br>" + str(name) + " $%{y:,.2f}<extra></extra>",
        )
        for n, name in enumerate(order)
    ]
    return Drawn(bars, _layout(title, theme, 400, barmode="stack", yaxis=_DOLLARS, bargap=0.1))


def _colour(name: str, position: int) -> str:
    return OUTCOMES[name][0] if name in OUTCOMES else ink.SERIES[position % len(ink.SERIES)]


def steps(table: pd.DataFrame, *, theme: Theme = "page", title: str = "What changed, USD") -> go.Figure:
    """A waterfall from one total to the next.

    `table` has `step`, `cost_usd` and `measure` (absolute, relative or total).
    """
    bar = go.Waterfall(
        x=[str(step) for step in table["step"]],
        y=_numbers(list(table["cost_usd"])),
        measure=list(table["measure"]),
        increasing={"marker": {"color": ink.SERIES[1]}},
        decreasing={"marker": {"color": ink.SERIES[3]}},
        totals={"marker": {"color": ink.SERIES[0]}},
        connector={"line": {"color": ink.INK, "width": 1}},
        text=[dollars(value) for value in table["cost_usd"]],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{x}<br>%{text}<extra></extra>",
    )
    return Drawn([bar], _layout(title, theme, 320, showlegend=False, yaxis=_DOLLARS))


def bars(table: pd.DataFrame, *, by: str, theme: Theme = "page", title: str = "Spend, USD") -> go.Figure:
    """Horizontal bars, one a row, the first on top; columns `by` (text) and `cost_usd` (Decimal)."""
    ordered = table.iloc[::-1]
    names = [label(str(name), LABEL) for name in ordered[by]]
    widest = max((len(dollars(cost)) for cost in ordered["cost_usd"] if cost is not None), default=1)
    values = _numbers(list(ordered["cost_usd"]))
    bar = go.Bar(
        y=names,
        x=[value and abs(value) for value in values],
        base=[
            min(value or 0, 0) for value in values
        ],  # a refund ends at 0, and its label stands at the right too
        orientation="h",
        marker={"color": ink.SERIES[0]},
        text=["" if cost is None else dollars(cost) for cost in ordered["cost_usd"]],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}<br>%{text}<extra></extra>",
    )
    height = 90 + 30 * max(sum(1 + name.count("<br>") for name in names), 2)
    margin = {"l": 8, "r": 16 + _LETTER * widest, "t": 48, "b": 8}
    labels = {"type": "category", "ticklabelstandoff": 6}  # or plotly reads an account id as a number
    return Drawn(
        [bar], _layout(title, theme, height, xaxis=_DOLLARS, yaxis=labels, bargap=0.35, margin=margin)
    )


def label(name: str, width: int) -> str:
    """A name as plotly's text, in lines of at most so many letters; a long word is broken at its joints."""
    lines = (
        line.replace(_MARK + " ", "").rstrip(_MARK) for line in wrap(_JOINT.sub(_MARK + " ", name), width)
    )
    return "<br>".join(escape(line, quote=False) for line in lines)


def interval(table: pd.DataFrame, *, theme: Theme = "page", title: str = "Forecast, USD a day") -> go.Figure:
    """A forecast as a line in its interval; columns `day`, `mean`, `low` and `high` (Decimal or None)."""
    days = [pd.Timestamp(day).date().isoformat() for day in table["day"]]
    edges = [_numbers(list(table[name])) for name in ("low", "high")]
    edge = {"width": 1, "color": ink.SERIES[0], "dash": "dot"}
    low = go.Scatter(x=days, y=edges[0], line=edge, mode="lines", name="low", showlegend=False)
    high = go.Scatter(
        x=days,
        y=edges[1],
        line=edge,
        mode="lines",
        name="interval",
        fill="tonexty",
        fillcolor="rgba(42,134,216,0.2)",
    )
    mean = go.Scatter(
        x=days, y=_numbers(list(table["mean"])), mode="lines", name="mean", line={"color": ink.SERIES[0]}
    )
    axis = _DOLLARS | {"rangemode": "tozero"}
    return Drawn([low, high, mean], _layout(title, theme, 300, yaxis=axis))


def in_currency(figure: go.Figure, currency: str) -> go.Figure:
    """The figure, changed in place: another currency's name for USD in its title, and no dollar signs."""
    if currency == "USD":
        return figure
    figure.update_layout(title_text=str(figure.layout.title.text).replace("USD", currency))
    figure.update_xaxes(tickprefix="")
    figure.update_yaxes(tickprefix="")
    for trace in figure.data:
        said = {name: trace[name] for name in ("hovertemplate", "texttemplate") if trace[name]}
        trace.update({name: template.replace("$", "") for name, template in said.items()})
        if trace["text"] is not None:
            trace["text"] = [label.replace("$", "") for label in trace["text"]]
    return figure
