"""Find every part of a space of requests where two sets of statements are decided differently.

The space is a product of axes. A statement is a box: for each axis, the set of atoms on which it applies (an
integer, bit by bit; an axis that is not named does not matter to it). A region is a box too. Regions are split
along the statements that are still open until the verdict is settled, so that a key is looked at only where it
can still matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Masks = Mapping[str, int]
Verdict = TypeVar("Verdict")


@dataclass(frozen=True, slots=True)
class Box:
    """Where one statement applies.

    `identity` is equal for statements that mean the same in the same layer. `denies`: where the box holds, the
    verdict is an explicit denial whatever else holds. `grants`: the layer that is satisfied where the box holds,
    or None.
    """

    identity: object
    masks: tuple[tuple[str, int], ...]
    denies: bool = False
    grants: object = None


@dataclass(frozen=True, slots=True)
class Region(Generic[Verdict]):
    """A part of the space with one verdict everywhere; axes that are not named are whole."""

    masks: tuple[tuple[str, int], ...]
    verdict: Verdict


class OutOfCellsError(Exception):
    """The bound on cells was reached."""


@dataclass(slots=True)
class Budget:
    """How many cells may still be decided."""

    left: int

    def spend(self) -> None:
        """Take one cell.

        Raises:
            OutOfCellsError: none is left.
        """
        if self.left <= 0:
            raise OutOfCellsError
        self.left -= 1


@dataclass(frozen=True, slots=True)
class Side:
    """One policy set within a region: the boxes that hold everywhere in it, and those still open."""

    held: tuple[Box, ...]
    open: tuple[Box, ...]

    @property
    def denied(self) -> bool:
        """Tell whether an explicit denial is certain."""
        return any(box.denies for box in self.held)

    def satisfied(self) -> set[object]:
        """Give the layers that are certain to allow."""
        return {box.grants for box in self.held if box.grants is not None}

    def hopeless(self, needed: frozenset[object]) -> bool:
        """Tell whether one of the needed layers cannot allow any more."""
        return not needed <= {box.grants for box in (*self.held, *self.open)}

    def remaining(self) -> frozenset[object]:
        """Give what the verdict still depends on, in a form that is equal where the verdicts must be."""
        if self.denied:
            return frozenset(["denied"])
        satisfied = self.satisfied()
        boxes = (box for box in (*self.held, *self.open) if box.grants is None or box.grants not in satisfied)
        return frozenset([*(("satisfied", layer) for layer in satisfied), *(box.identity for box in boxes)])

    def within(self, masks: Masks) -> Side:
        """Sort the open boxes by what they are in a smaller region; leave out what cannot matter any more."""
        held = list(self.held)
        still: list[Box] = []
        for box in self.open:
            cuts = [(masks[axis] & mask, masks[axis]) for axis, mask in box.masks]
            if all(cut for cut, _ in cuts):
                (still if any(cut != whole for cut, whole in cuts) else held).append(box)
        if any(box.denies for box in held):
            return Side(tuple(held), ())
        satisfied = {box.grants for box in held} - {None}
        return Side(tuple(held), tuple(box for box in still if box.grants not in satisfied))


def explore(
    axes: Masks,
    sides: Sequence[Sequence[Box]],
    decide: Callable[[Masks], Verdict],
    budget: Budget,
    *,
    comparable: bool = False,
    needed: frozenset[object] = frozenset(),
) -> Iterator[Region[Verdict]]:
    """Give regions that together are the whole space, each with one verdict.

    Args:
        axes: each axis with the set of all its atoms.
        sides: the statements of one or two policy sets.
        decide: gives the verdict of one region from any request in it.
        budget: how many regions may be decided.
        comparable: leave out regions in which both sides depend on equal statements (they cannot differ).
        needed: layers without which nothing is allowed. If given, a region where one of them cannot allow is not
            split further, although implicit and explicit denial may both occur in it.

    Raises:
        OutOfCellsError: the budget is spent; the regions given until then are right but not all.
    """
    start = tuple(Side((), tuple(boxes)).within(axes) for boxes in sides)
    stack = [(dict(axes), start)]
    while stack:
        masks, state = stack.pop()
        if comparable and state[0].remaining() == state[1].remaining():
            continue
        box = None if state[0].hopeless(needed) else _next_box(state)
        if box is None:
            budget.spend()
            named = tuple((axis, mask) for axis, mask in masks.items() if mask != axes[axis])
            yield Region(named, decide(masks))
            continue
        axis = next(axis for axis, mask in box.masks if masks[axis] & mask != masks[axis])
        for part in _parts(masks[axis], axis, state):
            smaller = {**masks, axis: part}
            stack.append((smaller, tuple(side.within(smaller) for side in state)))


def _next_box(state: Sequence[Side]) -> Box | None:
    """Choose the statement to split along: first what one side has alone, then what settles most."""
    remaining = [side.remaining() for side in state]
    common = frozenset.intersection(*remaining) if len(remaining) > 1 else frozenset()
    candidates = [box for side in state for box in side.open]
    return min(candidates, key=lambda box: (box.identity in common, not box.denies), default=None)


def _parts(whole: int, axis: str, state: Sequence[Side]) -> list[int]:
    """Cut a set of atoms by the statements that are still open on that axis."""
    parts = [whole]
    cuts = {mask for side in state for box in side.open for name, mask in box.masks if name == axis}
    for cut in cuts:
        parts = [piece for part in parts for piece in (part & cut, part & ~cut) if piece]
    return parts


def merge(regions: Sequence[Region[Verdict]], axes: Masks) -> list[Region[Verdict]]:
    """Join regions of one verdict that differ along one axis only, until none is left to join."""
    joined = {(region.masks, region.verdict) for region in regions}
    before = -1
    while len(joined) != before:
        before = len(joined)
        for axis in axes:
            joined = _join(joined, axis, axes[axis])
    return [Region(masks, verdict) for masks, verdict in joined]


def _join(
    regions: set[tuple[tuple[tuple[str, int], ...], Verdict]], axis: str, full: int
) -> set[tuple[tuple[tuple[str, int], ...], Verdict]]:
    together: dict[tuple[tuple[tuple[str, int], ...], Verdict], int] = {}
    for masks, verdict in regions:
        rest = tuple(sorted(pair for pair in masks if pair[0] != axis))
        key = (rest, verdict)
        together[key] = together.get(key, 0) | dict(masks).get(axis, full)
    return {
        (tuple(sorted((*rest, (axis, mask)))) if mask != full else rest, verdict)
        for (rest, verdict), mask in together.items()
    }
