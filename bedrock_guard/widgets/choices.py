"""What the analyst has chosen, and what follows from it. No widget here: a test or a parameter drives it alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import traitlets as t
from ipywidgets.widgets.trait_types import TypedTuple

from bedrock_guard.account.situation import Situation
from bedrock_guard.boundary.spec import BoundarySpec, ModelChoice, Profile
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.what_if import WhatIf


class Choices(t.HasTraits):
    """The choices of one profile of a spec; `what_if` follows every change.

    Args:
        situation: what was read of the account.
        spec: the spec to start from.
        profile: the profile to tune; may be left out where the spec has one.

    Attributes:
        approved: catalogue ids of the approved models.
        instance_types: EC2 types that may start.
        controls: names of the on/off controls that are on.
        approve_nothing: an empty list of models is meant.
        what_if: the consequences of the last choice that could be built; None before there was one.
        problem: why the present choice cannot be built, or None.

    """

    approved = TypedTuple(t.Unicode())
    instance_types = TypedTuple(t.Unicode())
    controls = TypedTuple(t.Unicode())
    approve_nothing = t.Bool(default_value=False)
    what_if = t.Instance(WhatIf, allow_none=True)
    problem = t.Instance(GuardError, allow_none=True)

    def __init__(self, situation: Situation, spec: BoundarySpec, profile: str | None = None) -> None:
        super().__init__()
        self.situation = situation
        self.start = spec
        self.profile_name, chosen = spec.only(profile)
        self._first: dict[str, ModelChoice] = {model.id: model for model in chosen.models}
        with self.changing():
            self.approved = tuple(self._first)
            self.instance_types = _types(chosen)
            self.controls = tuple(name for name in switches(chosen) if getattr(chosen.controls, name) is True)
            self.approve_nothing = chosen.approve_nothing

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change several choices and compute once, at the end."""
        self.unobserve(self._follow, names=_CHOICES)
        try:
            yield
        finally:
            self.observe(self._follow, names=_CHOICES)
            self._follow()

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
    def spec(self) -> BoundarySpec:
        """The spec as chosen now; an exception from a control that is off now is left out, for it does nothing."""
        _, before = self.start.only(self.profile_name)
        switched = {name: name in self.controls for name in switches(before)}
        # No type at all: True allows none, False leaves types alone as the spec did.
        types = self.instance_types or before.controls.instance_types is not False
        update = {
            "models": tuple(self._choice(model) for model in self.approved),
            "controls": before.controls.model_copy(update=switched | {"instance_types": types}),
            "approve_nothing": self.approve_nothing,
        }
        profiles = {**self.start.profile, self.profile_name: before.model_copy(update=update)}
        exceptions = tuple(
            entry
            for entry in self.start.exceptions
            if entry.profile != self.profile_name or switched.get(entry.control or "", True)
        )
        changed = self.start.model_copy(update={"profile": profiles, "exceptions": exceptions})
        # Through the file's own text, so that a choice is checked exactly as the file would be.
        return BoundarySpec.loads(changed.dumps(), self.situation.catalogue)

    def offered_types(self) -> tuple[str, ...]:
        """EC2 types to choose from: the spec's and those on the bill."""
        billed = self.situation.ec2_bill["instance_type"].dropna().unique()
        return tuple(sorted({*self.instance_types, *map(str, billed)} - {"NoInstanceType"}))

    def _choice(self, model_id: str) -> ModelChoice:
        if model_id in self._first:
            return self._first[model_id]
        _, profile = self.start.only(self.profile_name)
        return default_choice(self.situation, profile, model_id)

    def _follow(self, _change: object = None) -> None:
        try:
            found = self.situation.what_if(self.spec, self.profile_name)
        except GuardError as error:
            self.problem = error
        else:
            self.problem = None
            self.what_if = found


_CHOICES = ["approved", "instance_types", "controls", "approve_nothing"]


def switches(profile: Profile) -> tuple[str, ...]:
    """The controls that are on or off, without a value."""
    values: dict[str, Any] = {
        name: getattr(profile.controls, name) for name in type(profile.controls).model_fields
    }
    return tuple(
        name for name, value in values.items() if isinstance(value, bool) and name != "instance_types"
    )


def _types(profile: Profile) -> tuple[str, ...]:
    value = profile.controls.instance_types
    return value if isinstance(value, tuple) else ()


def default_choice(situation: Situation, profile: Profile, model_id: str) -> ModelChoice:
    """How a model is approved when the analyst ticks it: by its geography, else in region, else worldwide."""
    model = situation.catalogue.get(model_id)
    if model is None:
        return ModelChoice(id=model_id)
    regions = set(profile.regions)
    offers: dict[str, Callable[[], bool]] = {
        "geo": lambda: any(p.scope != "global" and regions & set(p.destinations) for p in model.profiles),
        "in-region": lambda: bool(regions & set(model.in_region)),
        "global": lambda: any(p.scope == "global" and regions & set(p.destinations) for p in model.profiles),
    }
    routes = tuple(route for route, offered in offers.items() if offered())
    return ModelChoice(id=model_id, routes=routes[:1] or ("in-region",))
