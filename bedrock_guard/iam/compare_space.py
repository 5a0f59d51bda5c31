"""The space of requests of actions that the same statements are about: its axes, and each statement as a box."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from bedrock_guard.iam import automaton
from bedrock_guard.iam.compare_atoms import ABSENT, Atom, Axis, Shape
from bedrock_guard.iam.compare_axes import Test, key_axis, key_mask, resource_axis, resource_mask
from bedrock_guard.iam.compare_model import Placed, PolicySet, Request, Universe, Values
from bedrock_guard.iam.compare_regions import Box, Masks
from bedrock_guard.iam.compare_variables import Hole, hole, independent, stretches
from bedrock_guard.iam.globs import compile_glob
from bedrock_guard.iam.variables import Template, parse

RESOURCE = ""
_ASSIGNMENTS = 1_000


@dataclass(frozen=True, slots=True)
class Group:
    """Actions that the same statements are about, side by side."""

    actions: tuple[str, ...]
    sides: tuple[tuple[Placed, ...], ...]
    never: frozenset[str]

    @property
    def placed(self) -> tuple[Placed, ...]:
        """Every statement of every side, once."""
        return tuple(dict.fromkeys(placed for side in self.sides for placed in side))


@dataclass(frozen=True)
class Space:
    """The requests of one group, with a fixed value for each key that is used as a variable.

    `complete` is False where values may have been missed; `keys` are the context keys that matter.
    """

    group: Group
    axes: Mapping[str, Axis]
    names: Mapping[str, str]
    assigned: Mapping[str, Atom]
    boxes: tuple[tuple[Box, ...], ...]
    fixed: Mapping[str, Any]
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
        context: dict[str, Any] = dict(self.fixed)
        for name, atom in (*self.assigned.items(), *chosen.items()):
            if atom.value is not None:
                context[self.names[name]] = list(atom.value) if isinstance(atom.value, tuple) else atom.value
        return Request(self.group.actions[0], str(resource), context)

    def words(self, masks: Masks) -> tuple[Values, dict[str, Values]]:
        """Describe a region: its resources, and its condition keys as far as they matter."""
        resource = self.axes[RESOURCE]
        described = {self.names[name]: Values((atom.words,)) for name, atom in self.assigned.items()}
        described |= {self.names[name]: _words(self.axes[name], mask) for name, mask in masks.items() if name}
        if RESOURCE not in masks:
            return Values(("any",)), described
        return _words(resource, masks[RESOURCE]), described


def groups(policies: Sequence[PolicySet], universe: Universe) -> list[Group]:
    """Put together the actions that the same statements of every policy set are about."""
    placed = [policy.statements() for policy in policies]
    matchers = [[_action_test(one) for one in side] for side in placed]
    found: dict[tuple[object, ...], list[str]] = {}
    for action in universe.actions:
        lowered = action.lower()
        hit = tuple(tuple(test(lowered) for test in side) for side in matchers)
        asked = {
            condition.key.lower()
            for side, hits in zip(placed, hit, strict=True)
            for one, matched in zip(side, hits, strict=True)
            if matched
            for condition in one.statement.conditions
        }
        found.setdefault((hit, _never(action, asked, universe)), []).append(action)
    return [_group(actions, key, placed) for key, actions in found.items()]


def _group(actions: Sequence[str], key: tuple[Any, ...], placed: Sequence[Sequence[Placed]]) -> Group:
    hit, never = key
    sides = tuple(
        tuple(one for one, matched in zip(side, hits, strict=True) if matched)
        for side, hits in zip(placed, hit, strict=True)
    )
    return Group(tuple(actions), sides, never)


def _action_test(placed: Placed) -> Any:
    statement = placed.statement
    listed = statement.actions if statement.actions is not None else statement.not_actions
    tests = [compile_glob(pattern.lower()) for pattern in listed or ()]
    wanted = statement.actions is not None
    return lambda action: any(test(action) for test in tests) == wanted


def _never(action: str, asked: set[str], universe: Universe) -> frozenset[str]:
    if universe.catalogue is None:
        return frozenset()
    info = universe.catalogue.action(action)
    if info is None:
        return frozenset()
    catalogue = universe.catalogue
    return frozenset(key for key in asked if not catalogue.supplies(info, key))


def spaces(group: Group, universe: Universe, opaque: frozenset[str]) -> Iterator[Space]:
    """Give the spaces of a group: one, or one for each choice of values of the keys used as variables.

    Args:
        group: the actions and their statements.
        universe: what is fixed.
        opaque: names of layers whose statements must not be reasoned about, only decided.
    """
    builder = _Builder(group, universe, opaque)
    axes, proven = builder.variable_axes()
    chosen = [axis.atoms for axis in axes]
    count = 1
    for axis in axes:
        count *= len(axis.atoms)
    for number, atoms in enumerate(product(*chosen)):
        if number >= _ASSIGNMENTS:
            return
        assigned = {axis.name: atom for axis, atom in zip(axes, atoms, strict=True)}
        yield builder.space(assigned, complete=proven and count <= _ASSIGNMENTS)


class _Builder:
    """Builds the spaces of one group."""

    def __init__(self, group: Group, universe: Universe, opaque: frozenset[str]) -> None:
        self.group = group
        self.universe = universe
        self.opaque = opaque
        self.fixed = {key.lower(): value for key, value in universe.context.items()}
        self.never = group.never | {key.lower() for key in universe.absent}
        self.always = {key.lower() for key in universe.present}
        self.names = {
            condition.key.lower(): condition.key
            for placed in group.placed
            for condition in placed.statement.conditions
        }

    def free(self, key: str) -> bool:
        """Tell whether a key's value is open in this universe."""
        return key not in self.fixed and key not in self.never

    def tests(self) -> dict[str, list[Test]]:
        """Give the tests by the key that they are on."""
        found: dict[str, dict[Test, None]] = {}
        for placed in self.group.placed:
            for condition in placed.statement.conditions:
                test = Test(condition, placed.version)
                found.setdefault(test.key, {})[test] = None
        return {key: list(tests) for key, tests in found.items()}

    def resource_templates(self) -> list[Template]:
        """Give every pattern of Resource and NotResource, once."""
        return list(
            dict.fromkeys(
                parse(pattern, placed.version)
                for placed in self.group.placed
                for pattern in (*(placed.statement.resources or ()), *(placed.statement.not_resources or ()))
            )
        )

    def variable_axes(self) -> tuple[list[Axis], bool]:
        """Give an axis for each open key that is used as a variable, and whether trying its atoms is a proof."""
        tests = self.tests()
        places: list[tuple[str, bool, list[Template]]] = [(RESOURCE, True, self.resource_templates())]
        places += [
            (
                key,
                any(test.family == "arn" for test in on_key),
                [one for test in on_key for one in test.templates()],
            )
            for key, on_key in tests.items()
        ]
        used = {key for _, _, templates in places for one in templates for key in one.keys if self.free(key)}
        if not used:
            return [], True
        shapes: dict[str, list[Shape]] = {key: [] for key in used}
        proven = True
        for name, is_arn, templates in places:
            proven &= self._cut(shapes, name, templates, is_arn=is_arn, used=used)
        axes = []
        for key in sorted(used):
            self.names.setdefault(key, key)
            own = [test for test in tests.get(key, []) if not any(one.keys for one in test.templates())]
            axes.append(self._bounded(key_axis(key, own, self.fixed, shapes[key])))
        return axes, proven and all(axis.complete for axis in axes)

    def _cut(
        self,
        shapes: dict[str, list[Shape]],
        name: str,
        templates: list[Template],
        *,
        is_arn: bool,
        used: set[str],
    ) -> bool:
        """Add the stretches by which the patterns of one axis cut the variables they use."""
        open_ones = [one for one in templates if any(key in used for key in one.keys)]
        if not open_ones:
            return True
        plain = [one.expand(self.fixed) for one in templates if not any(key in used for key in one.keys)]
        chains = [_chain(text, is_arn=is_arn) for text in plain if text is not None]
        holes: list[Hole | None] = [hole(one, is_arn=is_arn) for one in open_ones]
        proven = independent(holes) and name not in used
        for key in used:
            pieces, every = stretches([one for one in holes if one and one.key == key], chains)
            shapes[key].extend(pieces)
            proven &= every
        return proven

    def _bounded(self, axis: Axis) -> Axis:
        if axis.name in self.always:
            return Axis(axis.name, tuple(atom for atom in axis.atoms if atom is not ABSENT), axis.complete)
        return axis

    def space(self, assigned: Mapping[str, Atom], *, complete: bool) -> Space:
        """Build the space for one choice of the variables' values."""
        facts = {**self.fixed, **{name: atom.value for name, atom in assigned.items()}}
        expanded = [text for one in self.resource_templates() if (text := one.expand(facts)) is not None]
        service = self.group.actions[0].partition(":")[0]
        axes = {RESOURCE: resource_axis(expanded, self.universe.resources, service)}
        for key, tests in self.tests().items():
            if self.free(key) and key not in assigned:
                axes[key] = self._bounded(key_axis(key, tests, facts))
        complete = complete and all(axis.complete for axis in axes.values())
        boxes = tuple(
            tuple(box for one in side if (box := self._box(one, axes, facts)) is not None)
            for side in self.group.sides
        )
        context = dict(self.universe.context)
        return Space(self.group, axes, self.names, assigned, boxes, context, complete)

    def _box(self, placed: Placed, axes: Mapping[str, Axis], facts: Mapping[str, Any]) -> Box | None:
        """Give where a statement applies, or None where it never does."""
        masks = {RESOURCE: self._resource_mask(placed, axes[RESOURCE], facts)}
        for condition in placed.statement.conditions:
            test = Test(condition, placed.version)
            axis = axes.get(test.key)
            if axis is None:
                if not test.truth()(facts):
                    return None
                continue
            masks[test.key] = masks.get(test.key, axis.full) & key_mask(axis, test, facts)
        if not all(masks.values()):
            return None
        named = tuple((name, mask) for name, mask in masks.items() if mask != axes[name].full)
        plain = placed.layer[0] not in self.opaque
        allows = placed.statement.effect == "Allow"
        return Box(placed.meaning, named, plain and not allows, placed.layer if plain and allows else None)

    def _resource_mask(self, placed: Placed, axis: Axis, facts: Mapping[str, Any]) -> int:
        statement = placed.statement
        if statement.resources is None and statement.not_resources is None:
            return axis.full
        listed = statement.resources if statement.resources is not None else statement.not_resources
        expanded = [parse(pattern, placed.version).expand(facts) for pattern in listed or ()]
        mask = resource_mask(axis, [text for text in expanded if text is not None])
        return mask if statement.resources is not None else axis.full & ~mask


def _chain(pattern: str, *, is_arn: bool) -> automaton.Chain:
    return automaton.resource(pattern) if is_arn else automaton.glob(pattern)


def _witness(axis: Axis, mask: int) -> Atom:
    chosen = axis.chosen(mask)
    return ABSENT if ABSENT in chosen else chosen[0]


def _words(axis: Axis, mask: int) -> Values:
    """Describe a set of atoms by what is in it or by what is not, whichever is shorter."""
    inside = axis.chosen(mask)
    outside = axis.chosen(axis.full & ~mask)
    if outside == [ABSENT]:
        return Values(("present",))
    excluding = len(outside) < len(inside)
    return Values(tuple(atom.words for atom in (outside if excluding else inside)), excluding)
