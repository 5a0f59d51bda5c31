"""What the analyst has chosen, and what follows from it. No widget here: a test or a parameter drives it alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import traitlets as t

from bedrock_guard.account.situation import Situation
from bedrock_guard.boundary.controls import title_of
from bedrock_guard.boundary.spec import BoundarySpec, Controls, ModelChoice, Profile
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.what_if import WhatIf
from bedrock_guard.present.spec_difference import differences
from bedrock_guard.widgets import control_values
from bedrock_guard.widgets.presets import Preset
from bedrock_guard.widgets.spec_file import SpecFile

_MOST_STEPS: Final = 200


class Choices(t.HasTraits):
    """The choices of one profile of a spec; `what_if` follows every change.

    Args:
        situation: what was read of the account.
        spec: the spec to start from, or a file of one.
        profile: the profile to tune; the first when none is named.

    Attributes:
        profile_name: the profile that is tuned.
        spec: as chosen now; it may be one that cannot be built, and then `problem` says why.
        what_if: the consequences of the last choice that could be built; None before there was one.
        problem: why the present choice cannot be built, or None.
        said: the last thing that was done, in words.
        can_undo, can_redo: whether there is a step to take back, or to do again.
        notes: what must be said about the preset that was used last: controls it took off, and for whom.
        file: the file that the choice was read from or saved to, or None.

    """

    profile_name = t.Unicode()
    spec = t.Instance(BoundarySpec)
    what_if = t.Instance(WhatIf, allow_none=True)
    problem = t.Instance(GuardError, allow_none=True)
    said = t.Unicode("Nothing changed yet.")
    can_undo = t.Bool(default_value=False)
    can_redo = t.Bool(default_value=False)
    file = t.Instance(SpecFile, allow_none=True)
    notes = t.Tuple()

    def __init__(
        self, situation: Situation, spec: BoundarySpec | SpecFile, profile: str | None = None
    ) -> None:
        super().__init__()
        self.situation = situation
        self.file = spec if isinstance(spec, SpecFile) else None
        first = spec.spec if isinstance(spec, SpecFile) else spec
        self.profile_name = first.only(profile)[0] if profile else next(iter(first.profile))
        self._past: list[BoundarySpec] = []
        self._future: list[BoundarySpec] = []
        self._models: dict[str, ModelChoice] = {}
        self._values: dict[str, Any] = {}
        self.start = first
        self._show(first, self.said)

    @property
    def profile(self) -> Profile:
        """The profile as chosen now."""
        return self.spec.profile[self.profile_name]

    @property
    def consequences(self) -> WhatIf:
        """What follows from the choice as it is now.

        Raises:
            GuardError: it cannot be built; says why.

        """
        if self.problem is not None:
            raise self.problem
        return cast("WhatIf", self.what_if)

    @property
    def usable(self) -> BoundarySpec:
        """The spec as chosen now, checked as a file would be; an exception from a control that is off is left out.

        Raises:
            SpecError: it is no spec; names the key.

        """
        controls = self.profile.controls
        if not self.approved and not self.approve_nothing:
            raise GuardError(
                "No model is approved.",
                why="An empty list would refuse every call to every model.",
                remedy="Tick a model, or the box “Approve no model at all” under the list.",
            )
        kept = tuple(
            entry
            for entry in self.spec.exceptions
            if entry.profile != self.profile_name
            or entry.control is None
            or getattr(controls, entry.control, True) is not False
        )
        return self.spec.model_copy(update={"exceptions": kept}).checked(self.situation.catalogue)

    @property
    def approved(self) -> tuple[str, ...]:
        """Ids of the approved models."""
        return tuple(model.id for model in self.profile.models)

    @approved.setter
    def approved(self, ids: Sequence[str]) -> None:
        before = {model.id: model for model in self.profile.models}
        self._models |= before
        models = tuple(self._choice(name) for name in dict.fromkeys(ids))
        self._change(_listed("Approved models", before, ids, self.situation.name_of), models=models)

    @property
    def routes(self) -> dict[str, tuple[str, ...]]:
        """Approved model -> its routes."""
        return {model.id: model.routes for model in self.profile.models}

    @routes.setter
    def routes(self, routes: Mapping[str, Sequence[str]]) -> None:
        models = tuple(
            model.model_copy(update={"routes": tuple(routes.get(model.id, model.routes))})
            for model in self.profile.models
        )
        self._change("Routes changed.", models=models)

    @property
    def approve_nothing(self) -> bool:
        """Whether an empty list of models is meant."""
        return self.profile.approve_nothing

    @approve_nothing.setter
    def approve_nothing(self, meant: bool) -> None:
        self._change("No model at all." if meant else "Some model is needed.", approve_nothing=meant)

    @property
    def instance_types(self) -> tuple[str, ...]:
        """EC2 types that may start; none when types are not limited."""
        value = self.profile.controls.instance_types
        return value if isinstance(value, tuple) else ()

    @instance_types.setter
    def instance_types(self, types: Sequence[str]) -> None:
        said = _listed("EC2 types", self.instance_types, types)
        self._control(said, instance_types=tuple(dict.fromkeys(types)) or True)

    @property
    def types_limited(self) -> bool:
        """Whether only some EC2 types may start."""
        return self.profile.controls.instance_types is not False

    @types_limited.setter
    def types_limited(self, limited: bool) -> None:
        if limited == self.types_limited:
            return
        if not limited:
            self._values["instance_types"] = self.profile.controls.instance_types
        said = "EC2 types are limited." if limited else "EC2 types are left to other policies."
        self._control(said, instance_types=limited and self._values.get("instance_types", True))

    @property
    def controls(self) -> tuple[str, ...]:
        """Ids of the controls that are on, EC2 types aside."""
        return control_values.on(self.profile.controls)

    @controls.setter
    def controls(self, ids: Sequence[str]) -> None:
        now, wanted = set(self.controls), set(ids)
        before = self.profile.controls
        self._values |= {name: getattr(before, name) for name in now - wanted}
        changed = {name: self._on_value(name) for name in wanted - now} | dict.fromkeys(now - wanted, False)
        if changed:
            self._control(_listed("Controls", self.controls, ids, title_of), **changed)

    def set_value(self, control: str, *, text: str = "", options: Sequence[str] = ()) -> None:
        """Set a control that is on by its text or its ticked options.

        Raises:
            GuardError: the text is no such value.

        """
        value = control_values.value_of(control, text=text, options=options)
        if getattr(self.profile.controls, control) != value:
            self._control(f"“{title_of(control)}” changed.", **{control: value})

    def use(self, preset: Preset) -> None:
        """Replace models, EC2 types and controls by a preset's; accounts and people stay."""
        made, notes = preset.make(self.situation, self.usable_or_start, self.profile_name)
        told = f" {len(notes)} points to know stand on the page Spec." if notes else ""
        self._step(made, f"{preset.name}: {preset.sentence}{told}")
        self.notes = notes

    @property
    def usable_or_start(self) -> BoundarySpec:
        """The choice as it is now, or the spec it started from where it is none."""
        return self.start if self.problem else self.usable

    def undo(self) -> None:
        """Take the last step back."""
        if self._past:
            self._future.append(self.spec)
            self.notes = ()
            self._show(self._past.pop(), "Taken back.")

    def redo(self) -> None:
        """Do the step again that was taken back last."""
        if self._future:
            self._past.append(self.spec)
            self.notes = ()
            self._show(self._future.pop(), "Done again.")

    def tune(self, profile: str) -> None:
        """Go on with another profile of the spec.

        Raises:
            SpecError: there is no such profile.

        """
        self.profile_name, _ = self.spec.only(profile)
        self._models.clear()
        self._values.clear()
        self.notes = ()
        self._show(self.spec, f"Profile {profile}.")

    def load(self, path: str | Path) -> None:
        """Read a spec from a file: the profile of the same name, or its first.

        Raises:
            SpecError: it cannot be used; names key and line.

        """
        read = SpecFile.read(path, self.situation.catalogue)
        names = tuple(read.spec.profile)
        self.file, self.start = read, read.spec
        self._past.clear()
        self._future.clear()
        self._models.clear()
        self._values.clear()
        chosen = self.profile_name if self.profile_name in names else names[0]
        self.spec = read.spec
        self.profile_name = chosen
        self.notes = ()
        self._show(read.spec, f"Loaded {read.path.name}, profile {chosen}.")

    def save(self, path: str | Path, *, replace: bool = False) -> None:
        """Write the choice to a file, the comments of the file that was loaded kept.

        Raises:
            GuardError: it cannot be built or written, the file is another, or it changed since it was read.

        """
        if self.problem:
            raise self.problem
        self.file = SpecFile.save(path, self.usable, self.file, self.situation.catalogue, replace=replace)
        self.said = f"Saved {self.file.path.name}."

    def changes(self) -> tuple[str, ...]:
        """What differs from the file, or from what the choice started with, in sentences."""
        before = self.file.spec if self.file else self.start
        return differences(before, self.spec, self.situation.name_of)

    def offered_types(self) -> tuple[str, ...]:
        """EC2 types to choose from: the spec's, those on the bill and those of the start."""
        _, start = self.start.only(self.profile_name)
        listed = start.controls.instance_types
        billed = self.situation.ec2_bill["instance_type"].dropna().unique()
        known = {*self.instance_types, *(listed if isinstance(listed, tuple) else ()), *map(str, billed)}
        return tuple(sorted(known - {"NoInstanceType"}))

    def _on_value(self, name: str) -> Any:
        remembered = self._values.get(name)
        if remembered:
            return remembered
        default = Controls.model_fields[name].default
        return default if default is not False else control_values.value_of(name)

    def _choice(self, model_id: str) -> ModelChoice:
        return self._models.get(model_id) or default_choice(self.situation, self.profile, model_id)

    def _control(self, said: str, **values: Any) -> None:
        self._change(said, controls=self.profile.controls.model_copy(update=values))

    def _change(self, said: str, **fields: Any) -> None:
        changed = self.profile.model_copy(update=fields)
        if changed != self.profile:
            profiles = {**self.spec.profile, self.profile_name: changed}
            self._step(self.spec.model_copy(update={"profile": profiles}), said)

    def _step(self, spec: BoundarySpec, said: str) -> None:
        self._past = [*self._past, self.spec][-_MOST_STEPS:]
        self._future.clear()
        self._show(spec, said)

    def _show(self, spec: BoundarySpec, said: str) -> None:
        """Take a spec, and compute what follows; `what_if` is told last, when all else is of the same choice."""
        self.spec = spec
        found, problem = self.what_if, None
        try:
            found = self.situation.what_if(self.usable, self.profile_name)
        except GuardError as error:
            problem = error
        self.said = said
        self.can_undo, self.can_redo = bool(self._past), bool(self._future)
        self.problem = problem
        self.what_if = found


def _listed(
    what: str,
    before: Sequence[str] | Mapping[str, Any],
    after: Sequence[str],
    name_of: Callable[[str], str] = str,
    most: int = 4,
) -> str:
    """What was added and what was taken out."""
    parts = []
    for word, names in (
        ("added", [name for name in after if name not in before]),
        ("took out", [name for name in before if name not in after]),
    ):
        told = [name_of(name) for name in names[:most]]
        rest = f" and {len(names) - most} more" if len(names) > most else ""
        parts += [f"{word} {', '.join(told)}{rest}"] if told else []
    return f"{what}: {'; '.join(parts) or 'as before'}."


def default_choice(situation: Situation, profile: Profile, model_id: str) -> ModelChoice:
    """How a model is approved when the analyst ticks it: by its geography, else in region, else worldwide."""
    routes = offered_routes(situation, profile, model_id)
    geographic = tuple(route for route in routes if route not in {"in-region", "global"})
    return ModelChoice(id=model_id, routes=geographic[:1] or routes[:1] or ("in-region",))


def offered_routes(situation: Situation, profile: Profile, model_id: str) -> tuple[str, ...]:
    """The routes by which a model can be called from the profile's regions, as the spec names them."""
    model = situation.catalogue.get(model_id)
    if model is None:
        return ()
    regions = set(profile.regions)
    near = [p.scope for p in model.profiles if p.scope != "global" and regions & set(p.destinations)]
    far = ["global"] if model.profile("global") else []
    return (*(["in-region"] if regions & set(model.in_region) else []), *near, *far)
