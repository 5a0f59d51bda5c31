"""Build the spaces of a group of actions: one, or one for each choice of values of the keys used as variables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from bedrock_guard.iam import automaton
from bedrock_guard.iam.automaton import Chain, Patterns
from bedrock_guard.iam.compare_atoms import ABSENT, Atom, Axis, Shape
from bedrock_guard.iam.compare_axes import Test, key_axis, key_mask, resource_axis, resource_mask
from bedrock_guard.iam.compare_model import Placed, Universe
from bedrock_guard.iam.compare_regions import Box
from bedrock_guard.iam.compare_space import RESOURCE, Cut, Group, OnRequest, Space
from bedrock_guard.iam.compare_variables import Hole, hole, independent, stretches
from bedrock_guard.iam.evaluator import account_of
from bedrock_guard.iam.globs import compile_resource, unescape
from bedrock_guard.iam.variables import Template, Variable, parse

_CHOICES = 1_000


@dataclass(frozen=True, slots=True)
class _Patterns:
    """The patterns of one axis, with their variables."""

    axis: str
    is_arn: bool
    templates: tuple[Template, ...]

    def using(self, keys: set[str]) -> list[Template]:
        """Give those with one of these keys as a variable."""
        return [one for one in self.templates if not keys.isdisjoint(one.keys)]

    def chain(self, pattern: str) -> Chain:
        """Give the steps of a pattern without variables."""
        return automaton.resource(pattern) if self.is_arn else automaton.glob(pattern)


def spaces(group: Group, universe: Universe, opaque: frozenset[str]) -> Iterator[Space]:
    """Give the spaces that together hold every request of a group's actions.

    Args:
        group: the actions and their statements.
        universe: what is fixed.
        opaque: names of layers whose statements must not be reasoned about, only decided.
    """
    builder = _Builder(group, universe, opaque)
    choices = [[(axis.name, atom) for atom in axis.atoms] for axis in builder.variables]
    tried = prod(len(axis.atoms) for axis in builder.variables)
    complete = builder.proven and tried <= _CHOICES
    for number, choice in enumerate(product(*choices)):
        if number < _CHOICES:
            yield builder.space(dict(choice), complete=complete)


class _Builder:
    """Builds the spaces of one group.

    `variables` are the axes of the open keys that patterns use as variables; `proven` says whether trying
    one value of each of their atoms is a proof.
    """

    def __init__(self, group: Group, universe: Universe, opaque: frozenset[str]) -> None:
        self.group = group
        self.universe = universe
        self.opaque = opaque
        self.fixed = {key.lower(): value for key, value in universe.context.items()}
        self.never = group.never | {key.lower() for key in universe.absent}
        self.always = {key.lower() for key in universe.present}
        self.names: dict[str, str] = {}
        self.tests: dict[str, list[Test]] = {}
        for placed in group.placed:
            for condition in placed.statement.conditions:
                test = Test(condition, placed.version)
                self.names.setdefault(test.key, condition.key)
                if test not in self.tests.setdefault(test.key, []):
                    self.tests[test.key].append(test)
        self.resources = _resource_templates(group)
        self.stretches: dict[str, list[Shape]] = {}
        self.variables, self.proven = self._variables()

    def free(self, key: str) -> bool:
        """Tell whether a key's value is open in this universe."""
        return key not in self.fixed and key not in self.never

    def space(self, assigned: Mapping[str, Atom], *, complete: bool) -> Space:
        """Build the space for one choice of the variables' values."""
        facts = {**self.fixed, **{name: atom.value for name, atom in assigned.items()}}
        axes = {RESOURCE: self._resource_axis(facts)}
        for key, tests in self.tests.items():
            if self.free(key) and key not in assigned:
                axes[key] = self._bounded(key_axis(key, tests, facts))
        cuts: dict[Placed, list[Cut] | None] = {
            one: self._cuts(one, axes, facts) for one in self.group.placed
        }
        owner = self._owner_cut(axes[RESOURCE])
        boxes = tuple(
            tuple([box for one in side if (box := self._box(one, cuts[one], axes))] + _owner_box(owner))
            for side in self.group.sides
        )
        every = [cut for found in cuts.values() for cut in found or ()] + owner
        alike = tuple(self._alike(name, atom) for name, atom in assigned.items())
        whole = complete and all(axis.complete for axis in axes.values())
        return Space(
            self.group, self.universe, axes, self.names, dict(assigned), alike, boxes, tuple(every), whole
        )

    def _resource_axis(self, facts: Mapping[str, Any]) -> Axis:
        expanded: dict[str, str] = {}
        for template in self.resources:
            pattern = template.expand(facts)
            if pattern is not None:
                expanded.setdefault(pattern, _shown(template))
        service = self.group.actions[0].partition(":")[0]
        return resource_axis(expanded, self.universe.resources, service, self._account())

    def _account(self) -> str | None:
        """Give the caller's account, where whose the resource is depends on its ARN."""
        caller = self.universe.caller
        return caller.account if caller is not None and self.universe.resource_account is None else None

    def _owner_cut(self, axis: Axis) -> list[Cut]:
        """Cut the resources that belong to another account than the caller's."""
        account = self._account()
        if account is None:
            return []

        def foreign(resource: str, _facts: Mapping[str, Any]) -> bool:
            return account_of(resource) not in (None, account)

        mask = sum(1 << place for place, atom in enumerate(axis.atoms) if foreign(str(atom.value), {}))
        return [Cut(RESOURCE, mask, foreign)]

    def _bounded(self, axis: Axis) -> Axis:
        if axis.name not in self.always:
            return axis
        return Axis(axis.name, tuple(atom for atom in axis.atoms if atom is not ABSENT), axis.complete)

    def _cuts(self, placed: Placed, axes: Mapping[str, Axis], facts: Mapping[str, Any]) -> list[Cut] | None:
        """Give what a statement asks of each axis, or None where it never applies."""
        cuts = _resource_cut(placed, axes[RESOURCE], facts)
        for key in dict.fromkeys(condition.key.lower() for condition in placed.statement.conditions):
            tests = [
                Test(condition, placed.version)
                for condition in placed.statement.conditions
                if condition.key.lower() == key
            ]
            axis = axes.get(key)
            if axis is not None:
                cuts.append(_key_cut(axis, tests, facts))
            elif not all(test.truth()(facts) for test in tests):
                return None
        return cuts

    def _box(self, placed: Placed, cuts: Sequence[Cut] | None, axes: Mapping[str, Axis]) -> Box | None:
        """Give where a statement applies, or None where it never does."""
        if cuts is None or not all(cut.mask for cut in cuts):
            return None
        masks = tuple((cut.axis, cut.mask) for cut in cuts if cut.mask != axes[cut.axis].full)
        plain = placed.layer[0] not in self.opaque
        allows = placed.statement.effect == "Allow"
        return Box(placed.meaning, masks, plain and not allows, placed.layer if plain and allows else None)

    def _variables(self) -> tuple[list[Axis], bool]:
        """Cut each open key that is used as a variable."""
        places = [_Patterns(RESOURCE, True, tuple(self.resources))]
        for key, tests in self.tests.items():
            is_arn = any(test.family == "arn" for test in tests)
            places.append(_Patterns(key, is_arn, tuple(one for test in tests for one in test.templates())))
        used = {key for place in places for one in place.templates for key in one.keys if self.free(key)}
        self.stretches = {key: [] for key in sorted(used)}
        proven = True
        for place in places:
            if place.using(used):
                proven &= self._cut_variables(place, used)
        axes = []
        for key, shapes in self.stretches.items():
            self.names.setdefault(key, key)
            own = [test for test in self.tests.get(key, ()) if not any(one.keys for one in test.templates())]
            axes.append(self._without_likes(self._bounded(key_axis(key, own, self.fixed, shapes))))
        return axes, proven and all(axis.complete for axis in axes)

    def _cut_variables(self, place: _Patterns, used: set[str]) -> bool:
        """Add the stretches by which an axis's other patterns cut the variables; tell whether that is a proof."""
        open_ones = place.using(used)
        plain = [one.expand(self.fixed) for one in place.templates if one not in open_ones]
        chains = [place.chain(text) for text in plain if text is not None]
        defaults = [one.expand(self.fixed) for one in open_ones]
        chains += [place.chain(text) for text in defaults if text is not None]
        holes: list[Hole | None] = [hole(one, is_arn=place.is_arn) for one in open_ones]
        proven = independent(holes) and place.axis not in used
        for key in used:
            pieces, every = stretches([one for one in holes if one and one.key == key], chains)
            self.stretches[key].extend(pieces)
            proven &= every
        return proven

    def _without_likes(self, axis: Axis) -> Axis:
        """Leave one atom of each part of a variable's values: its others meet the same patterns and tests."""
        part = self._part(axis.name)
        found: dict[object, list[Atom]] = {}
        for atom in axis.atoms:
            found.setdefault(part(atom.value), []).append(atom)
        alike = (Atom(atoms[0].value, " | ".join(one.words for one in atoms)) for atoms in found.values())
        return Axis(axis.name, tuple(alike), axis.complete)

    def _alike(self, name: str, atom: Atom) -> OnRequest:
        """Give the test whether a request's value of a variable is in the same part as the one tried."""
        part = self._part(name)
        wanted = part(atom.value)
        return lambda _resource, facts: part(facts.get(name)) == wanted

    def _part(self, name: str) -> Callable[[Any], object]:
        """Give what tells apart the values of a variable: the patterns that cut it, and the tests on it alone."""
        patterns = Patterns([shape.chain for shape in self.stretches[name]])
        own = [
            test.truth() for test in self.tests.get(name, ()) if not any(one.keys for one in test.templates())
        ]

        def part(value: Any) -> object:
            fits = patterns.fits(value) if isinstance(value, str) else None
            return value is None, fits, tuple(true({**self.fixed, name: value}) for true in own)

        return part


def _shown(template: Template) -> str:
    """Write a pattern as the document has it."""
    pieces = (
        f"${{{piece.key}}}" if isinstance(piece, Variable) else unescape(piece) for piece in template.pieces
    )
    return "".join(pieces)


def _resource_templates(group: Group) -> list[Template]:
    found = (
        parse(pattern, placed.version)
        for placed in group.placed
        for pattern in (*(placed.statement.resources or ()), *(placed.statement.not_resources or ()))
    )
    return list(dict.fromkeys(found))


def _resource_cut(placed: Placed, axis: Axis, facts: Mapping[str, Any]) -> list[Cut]:
    statement = placed.statement
    wanted = statement.resources is not None
    listed = statement.resources if wanted else statement.not_resources
    if listed is None:
        return []
    templates = [parse(pattern, placed.version) for pattern in listed]
    mask = resource_mask(axis, _expanded(templates, facts))
    fixed = [compile_resource(text) for one in templates if (text := one.fixed) is not None]
    varying = [one for one in templates if one.fixed is None]

    def holds(resource: str, actual: Mapping[str, Any]) -> bool:
        matched = any(test(resource) for test in fixed) or any(
            compile_resource(text)(resource) for text in _expanded(varying, actual)
        )
        return matched == wanted

    return [Cut(RESOURCE, mask if wanted else axis.full & ~mask, holds)]


def _expanded(templates: Iterable[Template], facts: Mapping[str, Any]) -> list[str]:
    return [text for one in templates if (text := one.expand(facts)) is not None]


def _key_cut(axis: Axis, tests: Sequence[Test], facts: Mapping[str, Any]) -> Cut:
    mask = axis.full
    for test in tests:
        mask &= key_mask(axis, test, facts)
    truths = [test.truth() for test in tests]
    return Cut(axis.name, mask, lambda _resource, actual: all(true(actual) for true in truths))


def _owner_box(owner: Sequence[Cut]) -> list[Box]:
    return [Box("resource of another account", ((cut.axis, cut.mask),)) for cut in owner if cut.mask]
