"""Choices to begin with: everything closed, the first draft's wishes, or what was used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bedrock_guard.account.situation import Situation
from bedrock_guard.boundary.spec import BoundarySpec, Controls, Profile
from bedrock_guard.boundary.starting_points import UsedRoute
from bedrock_guard.errors import GuardError

_MOST_ROUNDS: Final = 4
_BY_ROUTE: Final = (
    *("Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream"),
    *("InvokeModelWithBidirectionalStream", "StartAsyncInvoke"),
)
"""Operations whose model id names a route; other endpoints and the control plane know none."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A named choice of models, EC2 types and controls, made for a profile; its accounts and people stay."""

    name: str
    sentence: str
    chosen: Callable[[Situation, BoundarySpec, str], Profile]

    def make(self, situation: Situation, spec: BoundarySpec, profile: str) -> BoundarySpec:
        """The spec with the profile's models, EC2 types and controls replaced."""
        found = self.chosen(situation, spec, profile)
        return _with(spec, profile, found)


def _with(spec: BoundarySpec, profile: str, found: Profile) -> BoundarySpec:
    taken = {name: getattr(found, name) for name in ("models", "approve_nothing", "controls")}
    changed = spec.profile[profile].model_copy(update=taken)
    return spec.model_copy(update={"profile": {**spec.profile, profile: changed}})


def _strict(_: Situation, spec: BoundarySpec, profile: str) -> Profile:
    now = spec.profile[profile]
    return BoundarySpec.strict(now.accounts[0], *now.regions, partition=now.partition).only()[1]


def _draft(_: Situation, spec: BoundarySpec, profile: str) -> Profile:
    now = spec.profile[profile]
    return BoundarySpec.from_draft(now.accounts[0], now.regions[0]).only()[1]


def _least_change(situation: Situation, spec: BoundarySpec, profile: str) -> Profile:
    """The routes that were called, the types on the bill, and no control that would have refused a call.

    The list of models stays: calls through what it cannot name go on being refused, and are shown so.
    """
    now = spec.profile[profile]
    types = sorted({str(name) for name in situation.ec2_bill["instance_type"].dropna() if "." in str(name)})
    controls = Controls(instance_types=tuple(types) or True)
    used = BoundarySpec.from_usage(
        _used(situation), now.accounts[0], situation.catalogue, controls=controls
    ).only()[1]
    for _ in range(_MOST_ROUNDS):
        found = situation.what_if(_with(spec, profile, used), profile)
        hit = [str(name) for name in found.by_control()["control"] if name != "approved_models"]
        off = dict.fromkeys((name for name in hit if getattr(used.controls, name, False) is not False), False)
        if not off:
            return used
        used = used.model_copy(update={"controls": used.controls.model_copy(update=off)})
    raise GuardError("No choice was found that refuses nothing.", remedy="Tick models and controls by hand.")


def _used(situation: Situation) -> list[UsedRoute]:
    calls = situation.calls
    worked = calls[
        calls["denied_by"].isna()
        & calls["error_code"].isna()
        & calls["model"].notna()
        & calls["operation"].isin(_BY_ROUTE)
    ]
    pairs = worked[["model_raw", "region"]].dropna().drop_duplicates()
    return [UsedRoute(str(model), str(region)) for model, region in pairs.itertuples(index=False)]


STRICT: Final = Preset("Strict", "no model, no EC2 type, every control on.", _strict)
DRAFT: Final = Preset("First draft", "Claude Haiku 4.5 through the US profile, small EC2 types.", _draft)
LEAST_CHANGE: Final = Preset(
    "Least change",
    "approves what was called in the window, and drops the controls it ran into.",
    _least_change,
)
PRESETS: Final = (STRICT, DRAFT, LEAST_CHANGE)
