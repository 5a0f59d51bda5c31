"""The workbench: choose on the left, see on the right what is kept and refused, take the policies away."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Final

import bedrock_guard._fast  # noqa: F401 - before plotly: see its docstring

# isort: split
import ipywidgets as w
import pandas as pd
import plotly.graph_objects as go

from bedrock_guard.account.situation import Situation
from bedrock_guard.boundary.controls import CONTROLS
from bedrock_guard.boundary.export import export, write
from bedrock_guard.boundary.packing import Packed
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.tables import dollars
from bedrock_guard.evidence.what_if import WhatIf
from bedrock_guard.present import evidence
from bedrock_guard.present.charts import CONFIG, OUTCOMES, Theme, outcome_by_model, template
from bedrock_guard.present.table import Shown, source_note
from bedrock_guard.widgets.choices import Choices, switches
from bedrock_guard.widgets.parts import Checklist, Item, alert, shows_errors, status

_CARD: Final = (
    "flex:1 1 7rem;list-style:none;padding:.45rem .7rem;line-height:1.35;border-radius:6px;"
    "border:1px solid var(--jp-border-color2,#d9dee4)"
)


class Workbench:
    """Widgets bound to `Choices`; show `workbench.widget` as a cell's last line.

    Args:
        situation: what was read of the account (`open_account(...).situation()`).
        spec: the spec to start from, or the path of its TOML file; by default the shipped example.
        profile: the profile to tune, where the spec has several.
        theme: colours of the chart.

    """

    def __init__(
        self,
        situation: Situation,
        spec: BoundarySpec | str | Path | None = None,
        *,
        profile: str | None = None,
        theme: Theme = "light",
    ) -> None:
        self.situation = situation
        self.choices = Choices(
            situation, spec if isinstance(spec, BoundarySpec) else situation.spec(spec), profile
        )
        self._head = w.HTML()
        self._chart = _figure(self._table(), theme)
        self._models, self._callers, self._calls, self._policy = (w.HTML() for _ in range(4))
        self._dark = w.Checkbox(description="Dark chart", value=theme == "dark", indent=False)
        self._dark.observe(lambda change: self._recolour("dark" if change["new"] else "light"), names="value")
        self._export = Export(self.choices)
        self.widget = w.VBox(
            [self._head, w.HBox([self._left(), self._right()], layout={"flex_flow": "row wrap"})]
        )
        self.choices.observe(self._refresh, names=["what_if", "problem"])
        self._refresh()

    def models(self) -> Shown:
        """Spend by model and outcome, for the choice as it is now."""
        return evidence.models(self.choices.consequences, self.situation)

    def callers(self) -> Shown:
        """Who would be refused, for the choice as it is now."""
        return evidence.callers(self.choices.consequences, self.situation)

    def policies(self) -> Shown:
        """The documents and their sizes, for the choice as it is now."""
        return evidence.sizes(self.choices.consequences)

    def _left(self) -> w.Widget:
        nothing = w.Checkbox(description="Approve no model at all, and I mean it", indent=False)
        nothing.observe(lambda change: setattr(self.choices, "approve_nothing", change["new"]), names="value")
        nothing.value = self.choices.approve_nothing
        models = checklist_of_models(self.choices)
        types = checklist_of_types(self.choices)
        controls = checklist_of_controls(self.choices)
        tabs = w.Tab(
            [w.VBox([models.widget, nothing]), types.widget, controls.widget],
            layout={"width": "27rem", "min_width": "18rem", "flex": "1 1 24rem"},
        )
        for position, title in enumerate(("Approved models", "EC2 types", "Controls")):
            tabs.set_title(position, title)
        return tabs

    def _right(self) -> w.Widget:
        notes = [status(f"{name}: {source_note(p)}") for name, p in self.situation.provenances().items()]
        proof = evidence.proof(self.situation.reconciliation)
        sources = w.HTML(proof.html() + "".join(notes))
        pages = {
            "Impact": w.VBox([self._dark, self._chart, self._models]),
            "Who is hit": w.VBox([self._callers, self._calls]),
            "Policies": w.VBox([self._export.widget, self._policy]),
            "Sources": sources,
        }
        tabs = w.Tab(list(pages.values()), layout={"min_width": "20rem", "flex": "3 1 34rem"})
        for position, title in enumerate(pages):
            tabs.set_title(position, title)
        return tabs

    def _recolour(self, theme: Theme) -> None:
        self._chart.layout.template = template(theme)

    def _table(self) -> pd.DataFrame:
        found = self.choices.what_if
        if found is None:
            return pd.DataFrame(columns=["model", *OUTCOMES])
        return evidence.by_model(found, self.situation)

    def _redraw(self) -> None:
        table = self._table().iloc[::-1]
        with self._chart.batch_update():
            for bar in self._chart.data:
                bar.y = [str(name) for name in table["model"]]
                bar.x = [float(cost) for cost in table[bar.name]]

    def _refresh(self, _change: object = None) -> None:
        found = self.choices.what_if
        problem = alert(self.choices.problem) if self.choices.problem else ""
        if found is None:
            self._head.value = problem
            return
        self._head.value = problem + headline(found, self.situation)
        self._redraw()
        self._models.value = evidence.models(found, self.situation).html()
        self._callers.value = evidence.callers(found, self.situation).html()
        self._calls.value = evidence.controls(found).html()
        self._policy.value = policies_html(found)


class Export:
    """A folder, a button, and a line that says what was written."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self.folder = w.Text("policies", description="Folder", layout={"width": "24rem"})
        self.button = w.Button(
            description="Export the policies", button_style="primary", layout={"width": "12rem"}
        )
        self.told = w.HTML(
            status("Nothing exported yet. Exporting writes files here; it changes nothing in AWS.")
        )
        self.button.on_click(shows_errors(self.told)(self._write))
        self.widget = w.VBox([w.HBox([self.folder, self.button]), self.told])

    def _write(self, _button: object) -> None:
        if self._choices.problem:
            raise self._choices.problem
        found = self._choices.what_if
        if found is not None:
            files = export(found.spec, found.built, "json", self._choices.situation.catalogue)
            written = write(files | {"guard.toml": found.spec.dumps()}, self.folder.value)
            names = ", ".join(path.name for path in written)
            self.told.value = status(f"Exported to {Path(self.folder.value).resolve()}: {names}.")


def checklist_of_models(choices: Choices) -> Checklist:
    """Every model of the catalogue, dearest first, with its spend and calls in the window."""
    situation = choices.situation
    rows = situation.model_rows()
    items = [Item(row.model_id, f"{row.name} ({row.provider}) · {row.words}") for row in rows]
    known = {item.value for item in items}
    items += [
        Item(model, f"{model} · not in the catalogue") for model in choices.approved if model not in known
    ]
    made = Checklist(items, search="name, provider or id")
    made.link(choices, "approved")
    return made


def checklist_of_types(choices: Choices) -> Checklist:
    """EC2 types of the spec and of the bill, with hours and spend."""
    words = choices.situation.type_words()
    items = [Item(name, f"{name} · {words.get(name, 'not on the bill')}") for name in choices.offered_types()]
    made = Checklist(items, search="instance type")
    made.link(choices, "instance_types")
    return made


def checklist_of_controls(choices: Choices) -> Checklist:
    """The on/off controls, each with its one plain sentence."""
    _, profile = choices.start.only(choices.profile_name)
    titles = {control.id: control.title for control in CONTROLS}
    made = Checklist([Item(name, titles.get(name, name)) for name in switches(profile)], search="control")
    made.link(choices, "controls")
    return made


def _figure(table: pd.DataFrame, theme: Theme) -> go.FigureWidget:
    drawn = go.FigureWidget(outcome_by_model(table, theme=theme))
    # There is no public way to configure a FigureWidget.
    drawn._config = {**drawn._config, **CONFIG}  # noqa: SLF001
    return drawn


def headline(found: WhatIf, situation: Situation) -> str:
    """The dollars of each outcome, and the line that says whether they can be believed."""
    proof = situation.reconciliation
    if proof.withheld:
        return alert(GuardError("The headline is withheld.", why="; ".join(proof.withheld))) + status(
            situation.line()
        )
    cards = "".join(
        f"<li style='{_CARD}'><b style='font-size:1.25rem'>{dollars(cost)}</b><br>{escape(words)}</li>"
        for words, cost in evidence.cards(found, situation).items()
    )
    listed = f"<ul style='display:flex;flex-wrap:wrap;gap:.6rem;margin:.3rem 0;padding:0'>{cards}</ul>"
    return listed + status(situation.line())


def policies_html(found: WhatIf) -> str:
    """Every document with its size against its quota."""
    return "".join(_document_html(packed, opened=n == 0) for n, packed in enumerate(found.built.packed))


def _document_html(packed: Packed, *, opened: bool) -> str:
    size = f"{evidence.KINDS[packed.kind]} · {packed.size:,} of {packed.quota:,} characters"
    text = json.dumps(packed.document, indent=1)
    return (
        f"<details {'open' if opened else ''}><summary><b>{escape(packed.name)}</b> · {size}"
        f"</summary><pre style='max-height:30rem;overflow:auto'>{escape(text)}</pre></details>"
    )
