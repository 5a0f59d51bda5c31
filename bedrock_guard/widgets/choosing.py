"""The left side: profile, models, EC2 types, controls, and the spec's file; bound to `Choices` both ways."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import ipywidgets as w

from bedrock_guard.boundary.spec import Controls
from bedrock_guard.present import choosing
from bedrock_guard.present.terms import TERMS
from bedrock_guard.widgets import control_values
from bedrock_guard.widgets.choices import Choices, offered_routes
from bedrock_guard.widgets.elements import PickList, Skip
from bedrock_guard.widgets.parts import bullets, row, scrolling, shows_errors, status, tabbed
from bedrock_guard.widgets.presets import PRESETS

_TEXTS: Final = {name: (text.label, text.hint) for name, text in control_values.TEXTS.items()}


class Choosing:
    """Tabs of what there is to choose."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self._quiet = False
        self.told = w.HTML()
        self.models = PickList(
            "models",
            self._model_rows(),
            search="name, provider or id",
            orders=choosing.MODEL_ORDERS,
            columns=choosing.MODEL_COLUMNS,
            note=f"Route: {TERMS['route'][:1].lower()}{TERMS['route'][1:]}",
        )
        self.types = PickList("EC2 types", self._type_rows(), search="type", orders=choosing.TYPE_ORDERS)
        self.controls = _control_list()
        self.nothing = w.Checkbox(description="Approve no model at all, and I mean it", indent=False)
        self.limited = w.Checkbox(description="Only the ticked EC2 types may start", indent=False)
        self.file = FilePage(choices)
        self._listen()
        self._follow()
        pages = {
            "Models": w.VBox([self.models.within(), self.nothing]),
            "EC2 types": w.VBox([self.limited, self.types.within()]),
            "Controls": self.controls.within(),
            "Spec": self.file.widget,
        }
        self.widget = w.VBox([Skip(), tabbed(pages), self.told])
        self.widget.add_class("bg-pane")

    def _listen(self) -> None:
        self.models.observe(self._set(self._approve), names="picked")
        self.models.observe(self._set(self._route), names="options")
        self.types.observe(self._set(self._limit_types), names="picked")
        self.controls.observe(self._set(self._switch), names="picked")
        self.controls.observe(self._set(self._adjust), names=["options", "texts"])
        self.nothing.observe(self._set(self._mean_nothing), names="value")
        self.limited.observe(self._set(self._limit), names="value")
        self._choices.observe(lambda _: self._follow(), names="spec")
        self._choices.observe(lambda _: self._list_again(), names="profile_name")

    def _set(self, change: Callable[[Any], None]) -> Callable[..., None]:
        """A handler of what a person did; what the state itself set here comes back as nothing to do."""

        @wraps(change)
        def handler(event: Any) -> None:
            if not self._quiet:
                self.told.value = ""
                shows_errors(self.told)(change)(event["new"])

        return handler

    def _approve(self, picked: list[str]) -> None:
        self._choices.approved = picked

    def _route(self, routes: dict[str, list[str]]) -> None:
        self._choices.routes = routes

    def _limit_types(self, picked: list[str]) -> None:
        self._choices.instance_types = picked

    def _switch(self, picked: list[str]) -> None:
        self._choices.controls = picked

    def _adjust(self, _new: object) -> None:
        for name in self._choices.controls:
            text, options = self.controls.texts.get(name, ""), self.controls.options.get(name, ())
            if name in control_values.TEXTS or name in control_values.OPTIONS:
                self._choices.set_value(name, text=text, options=options)

    def _mean_nothing(self, meant: bool) -> None:  # noqa: FBT001 - what the box holds
        self._choices.approve_nothing = meant

    def _limit(self, limited: bool) -> None:  # noqa: FBT001 - what the box holds
        self._choices.types_limited = limited

    def _model_rows(self) -> list[dict[str, Any]]:
        choices = self._choices
        names = [model.model_id for model in choices.situation.catalogue.models]
        routes = {name: offered_routes(choices.situation, choices.profile, name) for name in names}
        region = choices.profile.regions[0]
        return choosing.model_rows(choices.situation, region, routes, choices.approved)

    def _type_rows(self) -> list[dict[str, Any]]:
        return choosing.type_rows(self._choices.situation, self._choices.offered_types())

    def _list_again(self) -> None:
        self.models.rows = self._model_rows()
        self.types.rows = self._type_rows()

    def _follow(self) -> None:
        """Show the state. Equal values send nothing, so that the page's own tick does not come back."""
        choices, controls = self._choices, self._choices.profile.controls
        self._quiet = True
        try:
            self._list_unknown()
            self.models.options = {name: list(routes) for name, routes in choices.routes.items()}
            self.models.picked = _merged(self.models.picked, choices.approved)
            self.types.picked = _merged(self.types.picked, choices.instance_types)
            self.controls.picked = _merged(self.controls.picked, choices.controls)
            self.controls.options = {
                name: list(control_values.options_of(name, getattr(controls, name)))
                for name in control_values.OPTIONS
            }
            self.controls.texts = {
                name: control_values.text_of(getattr(controls, name)) for name in control_values.TEXTS
            }
            self.nothing.value = choices.approve_nothing
            self.limited.value = choices.types_limited
        finally:
            self._quiet = False

    def _list_unknown(self) -> None:
        """List what is chosen and not yet listed: a preset or a file may bring it."""
        if set(self._choices.approved) - {row["id"] for row in self.models.rows}:
            self.models.rows = self._model_rows()
        if set(self._choices.instance_types) - {row["id"] for row in self.types.rows}:
            self.types.rows = self._type_rows()


def _merged(before: list[str], now: tuple[str, ...]) -> list[str]:
    """The new choice in the old order, so that an equal set is an equal list."""
    kept = [name for name in before if name in set(now)]
    return [*kept, *(name for name in now if name not in set(before))]


def _control_list() -> PickList:
    names = control_values.names(Controls())
    rows = choosing.control_rows(names, control_values.OPTIONS, control_values.OPTION_LABELS, _TEXTS)
    return PickList("controls", rows, search="control", orders=(("", "by family"), ("name", "by name")))


class FilePage:
    """Presets, the profile, the file, undo and redo, and what differs."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self.told = w.HTML(status("Nothing loaded or saved yet."))
        self.profile = w.Dropdown(description="Profile", options=list(choices.spec.profile))
        self.presets = {one.name: w.Button(description=one.name) for one in PRESETS}
        self.path = w.Text(
            str(choices.file.path) if choices.file else "guard.toml",
            description="File",
            continuous_update=False,
        )
        self.load, self.save = w.Button(description="Load"), w.Button(description="Save")
        self.replace = w.Checkbox(description="replace a file that is there", indent=False)
        self.differs, self.notes = w.HTML(), w.HTML()
        self._listen()
        self._follow()
        presets = [row(self.presets[one.name], w.HTML(f"<p>{one.sentence}</p>")) for one in PRESETS]
        for line in presets:
            line.add_class("bg-line")
        self.widget = scrolling(
            self.profile,
            w.HTML("<h3>Begin with</h3>"),
            *presets,
            self.notes,
            w.HTML("<h3>The spec's file</h3>"),
            row(self.path, self.load, self.save, self.replace),
            self.told,
            w.HTML("<h3>What differs</h3>"),
            self.differs,
        )

    def add(self, *widgets: w.Widget) -> None:
        """Show more below what differs from the file."""
        self.widget.children = (*self.widget.children, *widgets)

    def _listen(self) -> None:
        guarded = shows_errors(self.told)
        self.load.on_click(guarded(self._load))
        self.save.on_click(guarded(self._save))
        for one in PRESETS:
            self.presets[one.name].on_click(guarded(lambda _button, one=one: self._choices.use(one)))
        self._choices.observe(lambda _: self._note(), names="notes")
        self.profile.observe(guarded(self._tune), names="value")
        self._choices.observe(lambda _: self._follow(), names=["what_if", "problem", "file", "said", "spec"])

    def _note(self) -> None:
        notes = self._choices.notes
        self.notes.value = bullets("What this preset changed, and for whom:", notes) if notes else ""

    def _tune(self, event: Any) -> None:
        if event["new"] and event["new"] != self._choices.profile_name:
            self._choices.tune(event["new"])

    def _load(self, _button: object) -> None:
        self._choices.load(self.path.value)
        self.told.value = status(self._choices.said)

    def _save(self, _button: object) -> None:
        self._choices.save(self.path.value, replace=self.replace.value)
        self.told.value = status(self._choices.said)

    def _follow(self) -> None:
        choices = self._choices
        names = tuple(choices.spec.profile)
        if tuple(self.profile.options) != names:
            self.profile.options = names
        self.profile.value = choices.profile_name
        against = choices.file.path.name if choices.file else "the spec it began with"
        changes = choices.changes()
        self.differs.value = bullets(
            f"Differs from {against} in {len(changes)} points:" if changes else f"Same as {against}.", changes
        )
