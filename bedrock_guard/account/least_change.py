"""The choice that refuses least of what was called, and whose calls cost which control its place in it.

What is to be said of it stands in `present.least_change`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd

from bedrock_guard.account.suspicion import call_findings, tells_each_call, thieves
from bedrock_guard.boundary.spec import BoundarySpec, Controls, Profile
from bedrock_guard.boundary.starting_points import UsedRoute
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.invocations import INVOCATIONS

if TYPE_CHECKING:
    from bedrock_guard.account.situation import Situation
    from bedrock_guard.evidence.what_if import WhatIf

_CALL: Final = ["principal", "client", "operation"]
_BY_ROUTE: Final = INVOCATIONS - {"CreateInference"} | {"StartAsyncInvoke"}
"""Operations whose model id names a route; other endpoints and the control plane know none."""


@dataclass(frozen=True, slots=True)
class Apart:
    """Calls for whose sake no control is taken off.

    `glass` are break-glass principals, `thieves` those that show the signs of a stolen key; `told` has the principal,
    program and operation of what open high findings are about.
    """

    glass: frozenset[str]
    thieves: frozenset[str]
    told: frozenset[tuple[str, ...]]

    @classmethod
    def of(cls, situation: Situation, spec: BoundarySpec, profile: Profile) -> Apart:
        """Of the calls that were read, by the rules that need no more than them."""
        found = call_findings(situation, spec.findings)
        told: set[tuple[str, ...]] = set()
        if high := {event for one in found if one.severity == "high" for event in one.evidence}:
            about = situation.calls.loc[situation.calls["event_id"].isin(high), _CALL].dropna()
            told = {tuple(map(str, row)) for row in about.itertuples(index=False)}
        return cls(frozenset(profile.break_glass), frozenset(thieves(found)), frozenset(told))

    def why(self, call: tuple[str, ...]) -> str:
        """Why nothing is opened for a principal's program and operation; empty where it may be."""
        if call[0] in self.glass:
            return "break glass, which is never bound"
        if call[0] in self.thieves:
            return "shows the signs of a stolen key"
        return "an open high finding" if call in self.told else ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A caller that a control hits: how many calls, and why nothing is opened for it, if so."""

    who: str
    calls: int
    why: str


Hits = Mapping[str, Sequence[Hit]]
"""Control -> the callers whose calls it would refuse, those for whom it may go first."""


@dataclass(frozen=True, slots=True)
class LeastChange:
    """A choice, and what it gives up for whom.

    Args:
        profile: the choice.
        off: the controls that are taken off, in the order in which their calls were met.
        kept: those that stay on though calls run into them.
        left: what the choice does to the calls that were read.
        apart: for whose sake nothing was opened.
        whole: whether findings could be looked for; not where calls were read as counts.
    """

    profile: Profile
    off: Hits
    kept: Hits
    left: WhatIf
    apart: Apart
    whole: bool


def least_change(
    situation: Situation,
    spec: BoundarySpec,
    profile: str,
    placed: Callable[[Profile], BoundarySpec],
) -> LeastChange:
    """The routes that were called, the types on the bill, and no control that would have refused a call.

    A control stays on where only break-glass principals, stolen keys and what open high findings are about run into
    it.

    Args:
        situation: what was read of the account.
        spec: its thresholds say what a finding is.
        profile: the profile that is made anew.
        placed: the spec with a profile's choice in it.
    """
    now = spec.profile[profile]
    apart = Apart.of(situation, spec, now)
    used = _start(situation, now, apart)
    taken: dict[str, Sequence[Hit]] = {}
    for _ in Controls.model_fields:
        found = situation.what_if(placed(used), profile)
        hits = _hits(found, apart)
        off = {name: who for name, who in sorted(hits.items()) if not all(one.why for one in who)}
        if not off:
            return LeastChange(used, taken, hits, found, apart, tells_each_call(situation))
        taken |= off
        changed = used.controls.model_copy(update=dict.fromkeys(off, False))
        used = used.model_copy(update={"controls": changed})
    raise GuardError("No choice was found that refuses nothing.", remedy="Tick models and controls by hand.")


def _start(situation: Situation, now: Profile, apart: Apart) -> Profile:
    types = sorted({str(name) for name in situation.ec2_bill["instance_type"].dropna() if "." in str(name)})
    controls = Controls(instance_types=tuple(types) or True)
    routes = _used(situation, apart)
    return BoundarySpec.from_usage(routes, now.accounts[0], situation.catalogue, controls=controls).only()[1]


def _used(situation: Situation, apart: Apart) -> list[UsedRoute]:
    """The routes of calls that worked, those left out that only thieves took."""
    rows = situation.cube.rows
    worked = rows[
        ~rows["already_denied"].astype(bool)
        & rows["model"].notna()
        & rows["operation"].isin(_BY_ROUTE)
        & ~rows["principal"].isin(apart.thieves)
    ]
    pairs = worked[["model_raw", "region"]].dropna().drop_duplicates()
    return [UsedRoute(str(model), str(region)) for model, region in pairs.itertuples(index=False)]


def _hits(found: WhatIf, apart: Apart) -> Hits:
    """Those of every control but the list of models."""
    hit = found.judged.hits("control", *_CALL)
    hit = hit[(hit["verdict"] == "refused") & hit["control"].notna() & (hit["control"] != "approved_models")]
    parts: dict[str, dict[str, list[tuple[int, str]]]] = {}
    for control, count, *call in hit[["control", "calls", *_CALL]].itertuples(index=False):
        if getattr(found.built.profile.controls, str(control), False) is not False:
            asked = tuple("" if pd.isna(part) else str(part) for part in call)
            each = parts.setdefault(str(control), {}).setdefault(asked[0], [])
            each.append((int(count), apart.why(asked)))
    return {control: _callers(who) for control, who in parts.items()}


def _callers(who: Mapping[str, Sequence[tuple[int, str]]]) -> list[Hit]:
    """One caller each; nothing is opened for it only if that holds for all its calls."""
    hits = [
        Hit(name, sum(count for count, _ in each), each[0][1] if all(why for _, why in each) else "")
        for name, each in who.items()
    ]
    return sorted(hits, key=lambda one: (bool(one.why), -one.calls, one.who))
