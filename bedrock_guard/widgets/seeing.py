"""The right side: what the choice keeps and refuses, by model, over time, by caller, by control, on EC2."""

from __future__ import annotations

import bedrock_guard._fast  # noqa: F401 - before plotly: see its docstring

# isort: split
from collections.abc import Callable, Mapping
from typing import Final

import ipywidgets as w
import pandas as pd
import plotly.graph_objects as go

from bedrock_guard.present import charts, evidence, resources
from bedrock_guard.present.callers import callers_hit
from bedrock_guard.present.lacking import refused_models
from bedrock_guard.present.table import source_note
from bedrock_guard.widgets.choices import Choices
from bedrock_guard.widgets.elements import Fit, Late, beside
from bedrock_guard.widgets.parts import Pages, later, scrolling, status, tabbed, table

_MOST_BARS: Final = 14
_IDLE: Final = 2.0
"""Seconds after which the page has settled, and may be sent what it will need later."""
_AFTER_CHART: Final = 0.1
"""Seconds that the browser gets to draw a chart before its table comes."""


class Seeing:
    """Tabs of consequences; the first has the main chart."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self.by_model = Chart(lambda: charts.outcome_by_model(self._rows(), title=""), along="x")
        self.by_day = Chart(lambda: charts.outcome_by_day(self._by_day(), title=""), along="y")
        self._texts = {name: w.HTML() for name in ("models", "days", "callers", "controls", "ec2")}
        pages = {
            "By model": scrolling(self.by_model.widget, self._texts["models"]),
            "Over time": scrolling(self.by_day.widget, self._texts["days"]),
            "Callers hit": scrolling(self._texts["callers"]),
            "By control": scrolling(self._texts["controls"]),
            "EC2": scrolling(self._texts["ec2"]),
            "Sources": scrolling(w.HTML(_sources(choices))),
        }
        self.widget = tabbed(pages, inner=True)
        draws = (self._models, self._days, self._callers, self._controls, self._ec2, lambda: None)
        self.pages = Pages(self.widget, draws)
        self.pages.draw()
        later(_IDLE, self._prepare)

    def _prepare(self) -> None:
        """What another page will need."""
        self.by_day.send()
        _ = self._choices.situation.counted.explained

    def _models(self) -> None:
        if self._choices.what_if is not None:
            self.by_model.follow(*charts.horizontal(self._rows(), "model"))
            later(_AFTER_CHART, self._model_tables)

    def _model_tables(self) -> None:
        found = self._choices.what_if
        if found is not None:
            tables = (evidence.models, evidence.users)
            shown = (table(made(found, self._choices.situation)) for made in tables)
            self._texts["models"].value = "".join(shown)

    def _days(self) -> None:
        if self._choices.what_if is not None:
            found = self._by_day()
            self.by_day.follow(*charts.vertical(found, "day"))
            self._texts["days"].value = table(evidence.days(found))

    def _callers(self) -> None:
        found = self._choices.what_if
        if found is not None:
            self._texts["callers"].value = table(callers_hit(found, self._choices.situation))

    def _controls(self) -> None:
        found = self._choices.what_if
        if found is not None:
            tables = (evidence.controls(found), refused_models(found, self._choices.situation))
            self._texts["controls"].value = "".join(map(table, tables))

    def _ec2(self) -> None:
        found = self._choices.what_if
        if found is not None:
            self._texts["ec2"].value = table(evidence.ec2(found))

    def _by_day(self) -> pd.DataFrame:
        found = self._choices.what_if
        return evidence.by_day(found, self._choices.situation) if found else evidence.NO_DAYS

    def _rows(self) -> pd.DataFrame:
        return evidence.chart_rows(self._choices.what_if, self._choices.situation, _MOST_BARS)


def _sources(choices: Choices) -> str:
    situation = choices.situation
    notes = [status(f"{name}: {source_note(found)}") for name, found in situation.provenances().items()]
    things = resources.standing(situation.resources, name_of=situation.name_of)
    exists = map(table, (resources.regions(situation.resources), things))
    return table(evidence.proof(situation.reconciliation)) + "".join((*notes, *exists))


class Figure(Late, go.FigureWidget):
    """A figure whose page learns of it when its bars are in it."""

    @classmethod
    def of(cls, drawn: go.Figure) -> Figure:
        """The figure, configured; there is no public way to configure a FigureWidget."""
        made = cls(drawn)
        made._config = {**made._config, **charts.CONFIG}
        return made


class Chart:
    """A figure that is made once, drawn when its page is first looked at, and then only given new numbers.

    Args:
        draw: makes the figure; drawn before its page is seen, it would not know how wide that is.
        along: the axis of the values, x or y.

    """

    def __init__(self, draw: Callable[[], go.Figure], *, along: str) -> None:
        self._draw, self._along = draw, along
        self.figure: Figure | None = None
        self.widget = w.Box()
        self.widget.add_class("bg-chart")

    def follow(self, labels: list[str], values: Mapping[str, list[float | None]]) -> None:
        """Take new numbers: the labels of one axis, and for each trace its values along the other.

        Other traces are another figure.
        """
        figure = self.prepare()
        if {trace.meta or trace.name for trace in figure.data} != set(values):
            self.figure, self.widget.children = None, ()
            figure = self.prepare()
        across = "y" if self._along == "x" else "x"
        with figure.batch_update():
            for trace in figure.data:
                new = values[trace.meta or trace.name]
                if list(trace[across]) != labels:
                    trace[across] = labels
                if list(trace[self._along]) != new:
                    trace[self._along] = new
        if not self.widget.children:
            self._show(figure)

    def _show(self, figure: Figure, lost: int = 0) -> None:
        """Show the figure, and where the page does not hear it, a new one."""
        fit = Fit(lost=lost)

        def ask(_change: object) -> None:
            figure.layout.meta = fit.answered

        def again(_change: object) -> None:
            self.figure = None
            self._show(self.prepare(), fit.lost)

        fit.observe(ask, names="answered")
        fit.observe(again, names="lost")
        fit.observe(lambda _: self.widget.set_trait("children", beside(fit, figure)), names="deaf")
        self.widget.children = [fit, figure]

    def send(self) -> None:
        """Send the browser what it takes to draw it, which is some megabytes, before its page is opened."""
        _ = self.prepare().model_id

    def prepare(self) -> Figure:
        """The figure."""
        if self.figure is None:
            self.figure = Figure.of(self._draw())
        return self.figure
