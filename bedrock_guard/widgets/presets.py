"""Choices to begin with: everything closed, the first draft's wishes, or what was used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bedrock_guard.account.least_change import least_change
from bedrock_guard.account.situation import Situation
from bedrock_guard.boundary.spec import BoundarySpec, Profile
from bedrock_guard.present.least_change import notes

Chosen = tuple[Profile, tuple[str, ...]]
"""A choice, and what must be said about it: controls it takes off and for whom, what stays refused."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A named choice of models, EC2 types and controls, made for a profile; its accounts and people stay."""

    name: str
    sentence: str
    chosen: Callable[[Situation, BoundarySpec, str], Chosen]

    def make(
        self, situation: Situation, spec: BoundarySpec, profile: str
    ) -> tuple[BoundarySpec, tuple[str, ...]]:
        """The spec with the profile's models, EC2 types and controls replaced, and what must be said about it."""
        found, notes = self.chosen(situation, spec, profile)
        return _with(spec, profile, found), notes


def _with(spec: BoundarySpec, profile: str, found: Profile) -> BoundarySpec:
    taken = {name: getattr(found, name) for name in ("models", "approve_nothing", "controls")}
    changed = spec.profile[profile].model_copy(update=taken)
    return spec.model_copy(update={"profile": {**spec.profile, profile: changed}})


def _strict(_: Situation, spec: BoundarySpec, profile: str) -> Chosen:
    now = spec.profile[profile]
    return BoundarySpec.strict(now.accounts[0], *now.regions, partition=now.partition).only()[1], ()


def _draft(_: Situation, spec: BoundarySpec, profile: str) -> Chosen:
    now = spec.profile[profile]
    return BoundarySpec.from_draft(now.accounts[0], *now.regions).only()[1], ()


def _least_change(situation: Situation, spec: BoundarySpec, profile: str) -> Chosen:
    found = least_change(situation, spec, profile, lambda choice: _with(spec, profile, choice))
    return found.profile, notes(found, situation)


STRICT: Final = Preset("Strict", "no model, no EC2 type, every control on.", _strict)
DRAFT: Final = Preset(
    "First draft", "Claude Haiku 4.5 through your Regions' geography, small EC2 types.", _draft
)
LEAST_CHANGE: Final = Preset(
    "Least change",
    "approves what was called in the window, and takes off the controls that its callers ran into.",
    _least_change,
)
PRESETS: Final = (STRICT, DRAFT, LEAST_CHANGE)
