"""How a spec stands: each bypass closed, partly closed or beyond IAM; each piece of normal work going on.

Three arrangements are built and judged: the boundary with its deny policies alone, SCPs alone, and what the spec asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from bedrock_guard.boundary.builder import BuildError, Built, build
from bedrock_guard.boundary.catalogue import Catalogue, shipped
from bedrock_guard.boundary.controls import by_id, title_of, titles
from bedrock_guard.boundary.controls.targets import OTHER_TARGETS
from bedrock_guard.boundary.packing import Kind
from bedrock_guard.boundary.scenario_bypasses import bypasses
from bedrock_guard.boundary.scenario_work import normal_work
from bedrock_guard.boundary.scenarios import Bypass, Setting, Work
from bedrock_guard.boundary.spec import BoundarySpec, Placement
from bedrock_guard.boundary.verdict import ALL, CallVerdict, Judge

_Row = TypeVar("_Row")
_UNBOUND: Final[tuple[Kind, ...]] = ("boundary", "deny")
"""The documents that hold where no SCP binds."""
Arrangement = Literal["boundary", "scp", "together"]
State = Literal["closed", "partly", "not by IAM", "open", "not built"]
ARRANGEMENTS: tuple[Arrangement, ...] = ("boundary", "scp", "together")
HEADINGS: Mapping[Arrangement, str] = {
    "boundary": "boundary and identity-based policies, no SCP",
    "scp": "SCPs with every control, no boundary",
    "together": "as this spec asks",
}


@dataclass(frozen=True, slots=True)
class BypassRow:
    """A bypass under each arrangement. `deciding` names document, statement and control of the spec's own one.

    `unbound` is its state under the spec in the organization's management account, which no SCP binds; None where that
    is none of several accounts of the profile.
    """

    bypass: Bypass
    states: Mapping[Arrangement, State]
    deciding: tuple[str, ...]
    why: str
    unbound: State | None = None


@dataclass(frozen=True, slots=True)
class WorkRow:
    """A piece of work under each arrangement: `allowed`, `refused` or `depends`, and what decides against it."""

    work: Work
    outcomes: Mapping[Arrangement, str]
    deciding: str


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Every row, and why an arrangement could not be built; `management` is an account that no SCP binds, if any."""

    bypasses: tuple[BypassRow, ...]
    work: tuple[WorkRow, ...]
    not_built: Mapping[Arrangement, str]
    management: str = ""

    def count(self, state: State, arrangement: Arrangement = "together") -> int:
        """How many bypasses are in a state."""
        return sum(row.states[arrangement] == state for row in self.bypasses)

    def going_on(self, arrangement: Arrangement = "together") -> tuple[int, int]:
        """How many pieces of work are allowed, and how many there are."""
        return sum(row.outcomes[arrangement] == "allowed" for row in self.work), len(self.work)

    @property
    def wider(self) -> str:
        """Why SCPs alone close more than the spec's own documents, in a sentence; empty where they do not."""
        closed = [str(row.bypass.number) for row in self.bypasses if _only_by_scps(row)]
        if not closed:
            return ""
        return (
            f"SCPs that hold every control close number {', '.join(closed)} too: they bind every role of the account, "
            'not only the bounded ones. scp_holds = "everything" in the spec does both.'
        )


def _only_by_scps(row: BypassRow) -> bool:
    return row.states["scp"] == "closed" and row.states["together"] in {"open", "partly"}


def score(
    spec: BoundarySpec,
    catalogue: Catalogue | None = None,
    *,
    profile: str | None = None,
    management: str | None = None,
    tick: Callable[[], None] | None = None,
) -> Scorecard:
    """Judge every scenario for one profile under the three arrangements.

    `tick` is called before each; what it raises stops the work. No SCP binds `management`, the organization's
    management account: of a profile for it alone none is counted on, of one for several accounts it is told apart.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
    """
    known = catalogue or shipped()
    name, chosen = spec.only(profile)
    built, failed = arrangements(spec, known, name)
    alone = chosen.accounts == (management,)
    judges = {key: Judge(made, _UNBOUND if alone else ALL) for key, made in built.items()}
    apart = management in chosen.accounts and not alone and "together" in built
    unbound = Judge(built["together"], _UNBOUND) if apart else None
    at = Setting(chosen, known)
    moves = tuple(_bypass_row(move, judges, unbound, known, at) for move in _told(bypasses(at), tick))
    work = tuple(_work_row(piece, judges, known) for piece in _told(normal_work(at), tick))
    return Scorecard(moves, work, failed, management if management and management in chosen.accounts else "")


def _told(rows: Iterable[_Row], tick: Callable[[], None] | None) -> Iterator[_Row]:
    for row in rows:
        if tick:
            tick()
        yield row


def arrangements(
    spec: BoundarySpec, catalogue: Catalogue, profile: str
) -> tuple[dict[Arrangement, Built], dict[Arrangement, str]]:
    """What can be built, and for the rest why not."""
    _, chosen = spec.only(profile)
    kinds: dict[Arrangement, tuple[Placement, ...]] = {
        "boundary": ("boundary", "deny"),
        "scp": ("scp",),
        "together": chosen.documents,
    }
    built: dict[Arrangement, Built] = {}
    failed: dict[Arrangement, str] = {}
    for key, documents in kinds.items():
        changed = chosen.model_copy(update={"documents": documents})
        alone = spec.model_copy(update={"profile": {**spec.profile, profile: changed}})
        try:
            built[key] = build(alone, catalogue, profile=profile)
        except BuildError as error:
            failed[key] = str(error)
    return built, failed


def _bypass_row(
    move: Bypass,
    judges: Mapping[Arrangement, Judge],
    unbound: Judge | None,
    catalogue: Catalogue,
    at: Setting,
) -> BypassRow:
    states: dict[Arrangement, State] = {}
    deciding: tuple[str, ...] = ()
    free: State | None = None
    for key in ARRANGEMENTS:
        judge = judges.get(key)
        if judge is None:
            states[key] = "not built"
            continue
        verdicts = _verdicts(move, judge, catalogue)
        wide = key == "scp" or at.profile.scp_holds == "everything"
        states[key] = _state(move, verdicts, bound=wide and judge.holds("scp"))
        if key == "together":
            deciding = tuple(dict.fromkeys(_named(verdict) for verdict in verdicts))
            free = _state(move, _verdicts(move, unbound, catalogue), bound=False) if unbound else None
    return BypassRow(move, states, deciding, _why(move, states["together"], at), free)


def _verdicts(move: Bypass, judge: Judge, catalogue: Catalogue) -> list[CallVerdict]:
    return [judge.call(step.call, catalogue, bounded=step.bounded) for step in move.steps]


def _state(move: Bypass, verdicts: list[CallVerdict], *, bound: bool) -> State:
    """`bound`: SCPs hold every control, and so for every role of the account."""
    if not all(verdict.outcome == "refused" for verdict in verdicts):
        return "open"
    return "partly" if move.widely and not bound else move.closable


def _named(verdict: CallVerdict) -> str:
    found = verdict.deciding
    if found is None:
        return f"{verdict.call.name}: allowed"
    where = f"{found.document} {found.sid}{_by(found.control)}" if found.document else "no statement"
    hangs = f" depends on {', '.join(sorted(verdict.keys))}" if verdict.outcome == "depends" else ""
    return f"{verdict.call.name}: {where}{hangs}"


def _by(control: str | None) -> str:
    return f" ({title_of(control)})" if control else ""


def _why(move: Bypass, state: State, at: Setting) -> str:
    if state != "open":
        return move.rest
    named = {c for step in move.steps for c in step.controls}
    # Targets that no list can name are refused by the list of models, as long as there is one.
    named |= {"approved_models"} if named & set(OTHER_TARGETS) else set()
    off = sorted(c for c in named if not by_id(c).on(at.profile))
    return f"Switched off: {titles(off)}." if off else "The spec allows it."


def _work_row(piece: Work, judges: Mapping[Arrangement, Judge], catalogue: Catalogue) -> WorkRow:
    outcomes: dict[Arrangement, str] = {}
    deciding = ""
    for key in ARRANGEMENTS:
        judge = judges.get(key)
        if judge is None:
            outcomes[key] = "not built"
            continue
        verdict = judge.call(piece.call, catalogue, bounded=piece.bounded)
        outcomes[key] = verdict.outcome
        if verdict.outcome != "allowed":
            deciding = _named(verdict)
    return WorkRow(piece, outcomes, deciding)
