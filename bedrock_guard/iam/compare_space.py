"""The space of requests of actions that the same statements are about: its axes, and each statement as a box."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bedrock_guard.iam.compare_atoms import ABSENT, Atom, Axis
from bedrock_guard.iam.compare_model import Placed, PolicySet, Request, Universe, Values
from bedrock_guard.iam.compare_regions import Box, Masks
from bedrock_guard.iam.globs import compile_glob, compile_resource

RESOURCE = ""
OnRequest = Callable[[str, Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Group:
    """Actions that the same statements are about, side by side. `never` are keys that these never supply."""

    actions: tuple[str, ...]
    sides: tuple[tuple[Placed, ...], ...]
    never: frozenset[str]

    @property
    def placed(self) -> tuple[Placed, ...]:
        """Every statement of every side, once."""
        return tuple(dict.fromkeys(placed for side in self.sides for placed in side))


@dataclass(frozen=True, slots=True)
class Cut:
    """What one statement asks of one axis: as a set of atoms, and of a request (resource, facts by lower-case key)."""

    axis: str
    mask: int
    holds: OnRequest


@dataclass(frozen=True)
class Space:
    """The requests of one group, with a fixed value for each key that is used as a variable.

    `alike` tells of a request whether its variables' values are of the same part as the fixed ones;
    `complete` is False where values may have been missed.
    """

    group: Group
    universe: Universe
    axes: Mapping[str, Axis]
    names: Mapping[str, str]
    assigned: Mapping[str, Atom]
    alike: tuple[OnRequest, ...]
    boxes: tuple[tuple[Box, ...], ...]
    cuts: tuple[Cut, ...]
    complete: bool

    @property
    def masks(self) -> Masks:
        """Each axis with the set of its atoms."""
        return {name: axis.full for name, axis in self.axes.items()}

    @property
    def keys(self) -> tuple[str, ...]:
        """The context keys that the statements of the group ask for, as they are written."""
        return tuple(self.names[name] for name in (*self.axes, *self.assigned) if name != RESOURCE)

    def request(self, masks: Masks) -> Request:
        """Give one request of a region: nothing in the context that need not be there."""
        chosen = {name: _witness(axis, masks.get(name, axis.full)) for name, axis in self.axes.items()}
        resource = chosen.pop(RESOURCE).value
        context: dict[str, Any] = dict(self.universe.context)
        for name, atom in (*self.assigned.items(), *chosen.items()):
            if atom.value is not None:
                context[self.names[name]] = list(atom.value) if isinstance(atom.value, tuple) else atom.value
        return Request(self.group.actions[0], str(resource), context)

    def covers(self, masks: Masks, resource: str, context: Mapping[str, Any]) -> bool:
        """Tell whether a request of these actions lies in a region."""
        facts = {key.lower(): value for key, value in context.items()}
        if not self._admits(resource, facts):
            return False
        for name, mask in masks.items():
            inside = mask
            for cut in self.cuts:
                if cut.axis == name:
                    inside &= cut.mask if cut.holds(resource, facts) else ~cut.mask
            if not inside:
                return False
        return True

    def _admits(self, resource: str, facts: Mapping[str, Any]) -> bool:
        """Tell whether a request lies in the space at all."""
        universe = self.universe
        never = self.group.never | {key.lower() for key in universe.absent}
        if any(facts.get(key.lower()) != value for key, value in universe.context.items()):
            return False
        if any(facts.get(key.lower()) is None for key in universe.present) or not never.isdisjoint(facts):
            return False
        known = any(compile_resource(pattern)(resource) for pattern in universe.resources)
        return known and all(same(resource, facts) for same in self.alike)

    def words(self, masks: Masks) -> tuple[Values, dict[str, Values]]:
        """Describe a region: its resources, and its condition keys as far as they matter."""
        described = {self.names[name]: Values((atom.words,)) for name, atom in self.assigned.items()}
        described |= {self.names[name]: _words(self.axes[name], mask) for name, mask in masks.items() if name}
        if RESOURCE not in masks:
            return Values(("any",)), described
        return _words(self.axes[RESOURCE], masks[RESOURCE]), described


def groups(policies: Sequence[PolicySet], universe: Universe) -> list[Group]:
    """Put together the actions that the same statements of every policy set are about."""
    placed = [policy.statements() for policy in policies]
    matchers = [[_action_test(one) for one in side] for side in placed]
    found: dict[tuple[tuple[tuple[Placed, ...], ...], frozenset[str]], list[str]] = {}
    by_hits: dict[tuple[tuple[bool, ...], ...], tuple[tuple[Placed, ...], ...]] = {}
    for action in universe.actions:
        lowered = action.lower()
        hits = tuple(tuple(test(lowered) for test in side) for side in matchers)
        if hits not in by_hits:
            by_hits[hits] = tuple(_selected(side, chosen) for side, chosen in zip(placed, hits, strict=True))
        found.setdefault((by_hits[hits], _never(action, by_hits[hits], universe)), []).append(action)
    return [Group(tuple(actions), sides, never) for (sides, never), actions in found.items()]


def _selected(side: Sequence[Placed], hits: Sequence[bool]) -> tuple[Placed, ...]:
    return tuple(one for one, hit in zip(side, hits, strict=True) if hit)


def _action_test(placed: Placed) -> Callable[[str], bool]:
    statement = placed.statement
    listed = statement.actions if statement.actions is not None else statement.not_actions
    tests = [compile_glob(pattern.lower()) for pattern in listed or ()]
    wanted = statement.actions is not None
    return lambda action: any(test(action) for test in tests) == wanted


def _never(action: str, sides: Sequence[Sequence[Placed]], universe: Universe) -> frozenset[str]:
    """Give the keys asked for that the action does not supply, as far as the universe goes by a catalogue."""
    catalogue = universe.catalogue
    info = catalogue.action(action) if catalogue else None
    if catalogue is None or info is None:
        return frozenset()
    asked = {
        condition.key.lower() for side in sides for one in side for condition in one.statement.conditions
    }
    return frozenset(key for key in asked if not catalogue.supplies(info, key))


def _witness(axis: Axis, mask: int) -> Atom:
    chosen = axis.chosen(mask)
    return ABSENT if ABSENT in chosen else chosen[0]


def _words(axis: Axis, mask: int) -> Values:
    """Describe a set of atoms by what is in it or by what is not, whichever is shorter."""
    inside = axis.chosen(mask)
    outside = axis.chosen(axis.full & ~mask)
    if outside == [ABSENT]:
        return Values(("present",))
    excluding = 0 < len(outside) < len(inside) and not any(
        atom.words.startswith("anything") for atom in outside
    )
    return Values(tuple(atom.words for atom in (outside if excluding else inside)), excluding)
