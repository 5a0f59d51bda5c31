"""Find everything that two policy sets decide differently, and prove that nothing allows a request.

The requests of a universe are cut into finitely many cells that no statement tells apart: actions by the
statements that name them, resources by the patterns of these (as one automaton), each condition key by the tests on
it, absence included. One request of each cell is decided by `Evaluator.decide` itself; every difference that is
reported carries such a request, and nothing that differs is left out unless `incomplete` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bedrock_guard.errors import GuardError
from bedrock_guard.iam.compare_build import spaces
from bedrock_guard.iam.compare_model import PolicySet, Request, Universe, Values
from bedrock_guard.iam.compare_regions import Budget, Masks, OutOfCellsError, Region, explore, merge
from bedrock_guard.iam.compare_space import Group, Space, groups
from bedrock_guard.iam.decision import Decision, Verdict
from bedrock_guard.iam.document import ALLOW_ALL
from bedrock_guard.iam.evaluator import Evaluator, Policy
from bedrock_guard.iam.values import ContextValue

__all__ = [
    "Comparison",
    "Difference",
    "PolicySet",
    "Proof",
    "Request",
    "Stop",
    "Universe",
    "Values",
    "compare",
    "compare_boundaries",
    "prove_no_path",
]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Difference:
    """A class of requests that the two policy sets decide differently, all of it alike.

    `conditions` holds the keys that matter, by name; other keys may have any value or none. `witness` is
    one request of the class, for the first of `actions`; `before` and `after` are its two decisions.
    """

    actions: tuple[str, ...]
    resource: Values
    conditions: Mapping[str, Values]
    before: Decision
    after: Decision
    witness: Request
    _class: tuple[Space, Masks] = field(repr=False, compare=False)

    def covers(self, action: str, resource: str, context: Mapping[str, ContextValue]) -> bool:
        """Tell whether a request belongs to the class."""
        space, masks = self._class
        named = {name.lower() for name in self.actions}
        return action.lower() in named and space.covers(masks, resource, context)

    @property
    def opens(self) -> bool:
        """Tell whether these requests become allowed."""
        return self.after.allowed

    @property
    def closes(self) -> bool:
        """Tell whether these requests were allowed and no longer are."""
        return self.before.allowed

    def __str__(self) -> str:
        """One line: what changes for which requests."""
        where = "".join(f", {key}: {values}" for key, values in self.conditions.items())
        actions = ", ".join(self.actions)
        return f"{self.before.verdict} -> {self.after.verdict}: {actions} on {self.resource}{where}"

    def to_dict(self) -> dict[str, Any]:
        """The difference as JSON data."""
        return {
            "actions": list(self.actions),
            "resource": str(self.resource),
            "conditions": {key: str(values) for key, values in self.conditions.items()},
            "before": self.before.verdict,
            "after": self.after.verdict,
            "witness": _request_data(self.witness),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences; `incomplete` says that there may be more, and `keys` on which keys that hangs.

    `cells` counts the cells that were decided.
    """

    differences: tuple[Difference, ...]
    incomplete: bool
    keys: tuple[str, ...]
    cells: int
    actions: int

    @property
    def equal(self) -> bool | None:
        """True: nothing differs. False: something does. None: nothing was found, but not all was looked at."""
        if self.differences:
            return False
        return None if self.incomplete else True

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON data."""
        return {
            "differences": [difference.to_dict() for difference in self.differences],
            "incomplete": self.incomplete,
            "keys": list(self.keys),
            "cells": self.cells,
            "actions": self.actions,
        }


@dataclass(frozen=True, slots=True)
class Stop:
    """A class of requests that is refused, and what refuses it (see `Decision`)."""

    actions: tuple[str, ...]
    resource: Values
    conditions: Mapping[str, Values]
    decision: Decision
    example: Request

    def __str__(self) -> str:
        """One line: what is refused by what."""
        where = "".join(f", {key}: {values}" for key, values in self.conditions.items())
        decision = self.decision
        by = decision.sid or (
            f"statement {decision.statement}" if decision.statement is not None else "no Allow"
        )
        return f"{', '.join(self.actions)} on {self.resource}{where}: {decision.verdict} by {decision.layer} ({by})"


@dataclass(frozen=True, slots=True)
class Proof:
    """The answer to "is any of these requests allowed?".

    `holds`: True, none is, and `stops` says what refuses each class; False, `witness` is allowed; None, none
    was found but not all could be looked at (`keys` says what was too much).
    """

    holds: bool | None
    witness: Request | None
    decision: Decision | None
    stops: tuple[Stop, ...]
    keys: tuple[str, ...]
    cells: int


class WitnessError(GuardError):
    """A cell's request is not decided as its cell: a fault of this package."""


def compare(
    before: PolicySet, after: PolicySet, universe: Universe, *, tick: Callable[[], None] | None = None
) -> Comparison:
    """Give everything in the universe that the two policy sets decide differently.

    `tick` is called before each group of actions; what it raises stops the work.

    Raises:
        WitnessError: a fault of this package.

    Example:
        >>> old = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
        >>> new = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}
        >>> universe = Universe(("s3:GetObject", "s3:PutObject"))
        >>> print(*compare(PolicySet.of(old), PolicySet.of(new), universe).differences)
        allowed -> implicitDeny: s3:PutObject on any
    """
    work = _Work((before, after), universe)
    differences: list[Difference] = []
    for group in work.groups():
        if tick:
            tick()
        differences += work.differences(group)
    differences.sort(key=lambda one: (not one.opens, not one.closes, one.actions))
    return Comparison(
        tuple(differences), work.incomplete, tuple(work.keys), work.cells, len(universe.actions)
    )


def compare_boundaries(before: Policy, after: Policy, universe: Universe) -> Comparison:
    """Compare two permissions boundaries for a principal whose identity policy allows everything."""
    return compare(PolicySet.of(ALLOW_ALL, before), PolicySet.of(ALLOW_ALL, after), universe)


def prove_no_path(policies: PolicySet, target: Universe) -> Proof:
    """Answer whether any request of `target` is allowed.

    Example:
        >>> allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}
        >>> prove_no_path(PolicySet.of(allow), Universe(("s3:PutObject",))).holds
        True
    """
    work = _Work((policies,), target)
    stops: list[Stop] = []
    for group in work.groups():
        for stop in work.stops(group):
            if stop.decision.allowed:
                return Proof(False, stop.example, stop.decision, (), (), work.cells)
            stops.append(stop)
    return Proof(None if work.incomplete else True, None, None, tuple(stops), tuple(work.keys), work.cells)


class _Work:
    """One comparison or proof under way: the evaluators, the budget, and what was left out."""

    def __init__(self, policies: tuple[PolicySet, ...], universe: Universe) -> None:
        self.policies = policies
        self.universe = universe
        self.evaluators = tuple(policy.compile() for policy in policies)
        self.budget = Budget(universe.cells)
        self.incomplete = False
        self.keys: dict[str, None] = {}

    @property
    def cells(self) -> int:
        """How many cells were decided."""
        return self.universe.cells - self.budget.left

    def groups(self) -> list[Group]:
        """Give the groups of actions, each to be worked once."""
        return groups(self.policies, self.universe)

    def opaque(self) -> frozenset[str]:
        """Name the layers that bind only some principals or resources, and are therefore only decided."""
        asks = self.universe.caller
        if asks is None:
            return frozenset({"rcp", "resource"})
        if asks.kind in ("user", "role", "session") and not asks.is_service_linked_role:
            return frozenset({"rcp", "resource", "scp", "session"})
        return frozenset({"rcp", "resource", "scp", "session", "boundary", "identity"})

    def needed(self) -> frozenset[object]:
        """Name the layers without whose Allow nothing is allowed."""
        if any(policy.resource_policy is not None for policy in self.policies):
            return frozenset()
        opaque = self.opaque()
        return frozenset(layer for layer in self.policies[0].layers() if layer[0] not in opaque)

    def spaces(self, group: Group) -> Iterator[Space]:
        """Give the group's spaces; note what they leave out."""
        for space in spaces(group, self.universe, self.opaque()):
            if not space.complete:
                self.leave_out(space)
            yield space

    def leave_out(self, space: Space) -> None:
        """Note that a space was not wholly looked at."""
        self.incomplete = True
        self.keys.update(dict.fromkeys(space.keys or ("resource",)))

    def decide(self, evaluator: Evaluator, request: Request) -> Decision:
        """Decide one request."""
        return evaluator.decide(
            request.action,
            request.resource,
            request.context,
            principal=self.universe.principal,
            resource_account=self.universe.resource_account,
        )

    def regions(
        self, space: Space, decide: Callable[[Masks], Answer], **rules: Any
    ) -> Iterator[Region[Answer]]:
        """Give the regions of a space until the budget is spent."""
        try:
            yield from explore(space.masks, space.boxes, decide, self.budget, **rules)
        except OutOfCellsError:
            self.leave_out(space)

    def differences(self, group: Group) -> Iterator[Difference]:
        """Give the differences within one group."""
        comparable = self.policies[0].layers() == self.policies[1].layers()
        for space in self.spaces(group):

            def verdicts(masks: Masks, space: Space = space) -> tuple[Verdict, ...]:
                request = space.request(masks)
                return tuple(self.decide(evaluator, request).verdict for evaluator in self.evaluators)

            regions = self.regions(space, verdicts, comparable=comparable)
            found = [region for region in regions if len(set(region.verdict)) > 1]
            for region in merge(found, space.masks):
                yield self.difference(space, dict(region.masks), region.verdict)

    def difference(self, space: Space, masks: Masks, expected: tuple[Verdict, ...]) -> Difference:
        """Describe one class, and make sure that its witness is decided as the class is."""
        request = space.request(masks)
        before, after = (self.decide(evaluator, request) for evaluator in self.evaluators)
        if (before.verdict, after.verdict) != expected or before.verdict == after.verdict:
            raise WitnessError(f"The witness {request} does not show the difference {expected}.")
        resource, conditions = space.words(masks)
        return Difference(space.group.actions, resource, conditions, before, after, request, (space, masks))

    def stops(self, group: Group) -> Iterator[Stop]:
        """Give what refuses each class of one group; an allowed one comes alone."""
        for space in self.spaces(group):

            def decision(masks: Masks, space: Space = space) -> Decision:
                return self.decide(self.evaluators[0], space.request(masks))

            found = []
            for region in self.regions(space, decision, needed=self.needed()):
                if region.verdict.allowed:
                    yield self.stop(space, dict(region.masks), region.verdict)
                    return
                found.append(region)
            for region in merge(found, space.masks):
                yield self.stop(space, dict(region.masks), region.verdict)

    def stop(self, space: Space, masks: Masks, decision: Decision) -> Stop:
        """Describe one class."""
        resource, conditions = space.words(masks)
        return Stop(space.group.actions, resource, conditions, decision, space.request(masks))


def _request_data(request: Request) -> dict[str, Any]:
    return {"action": request.action, "resource": request.resource, "context": dict(request.context)}
