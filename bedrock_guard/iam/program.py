"""The compiled policies as a program over columns: to decide a table of requests, not one.

A statement applies where all of its tests hold; a test reads one column (the action, the resource, the
principal, one condition key), so that it need run only once for each distinct value. Only a test with
policy variables, or one that compares accounts, reads several columns. Answers are three-valued: a cell
may be `UNKNOWN`. Truth is held in masks, one bit or element a row: Python integers, or any arrays
with `&`, `|` and `^`, such as numpy's of type bool.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import reduce
from typing import Any

from bedrock_guard.iam.statements import Layer


class Unknown(Enum):
    """The value of a cell that is not known; a missing key is None instead."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown.UNKNOWN
Mask = Any


@dataclass(frozen=True, slots=True)
class Truth:
    """Three-valued truth of many rows: where it surely holds, and where it may hold."""

    sure: Mask
    maybe: Mask

    def __and__(self, other: Truth) -> Truth:
        return Truth(self.sure & other.sure, self.maybe & other.maybe)

    def __or__(self, other: Truth) -> Truth:
        return Truth(self.sure | other.sure, self.maybe | other.maybe)

    def negated(self, everything: Mask) -> Truth:
        """The opposite."""
        return Truth(everything ^ self.maybe, everything ^ self.sure)


@dataclass(frozen=True, slots=True, eq=False)
class Test:
    """A question to one row: `function` takes the value of each of `columns`, in order.

    Columns are "action", "resource", "principal", "resource_account", and condition keys in lower case.
    `token` is the question itself: no two tests of a program have the same.
    """

    __test__ = False  # keeps pytest from collecting it

    token: Hashable
    columns: tuple[str, ...]
    function: Callable[..., bool]

    def ask(self, *values: object) -> bool | None:
        """The answer for one row; None where a value is UNKNOWN."""
        return None if UNKNOWN in values else self.function(*values)


@dataclass(frozen=True, slots=True)
class ProgramStatement:
    """One statement: applies where all `tests` hold; `direct`, `user`, `role`, `account` say how it names the caller.

    The latter are for resource policies only, None elsewhere.
    """

    layer: Layer
    level: int | None
    document: int
    statement: int
    sid: str | None
    allows: bool
    tests: tuple[Test, ...]
    direct: Test | None = None
    user: Test | None = None
    role: Test | None = None
    account: Test | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """The tests on who asks, and for whose resource."""

    outsider: Test
    root: Test
    crossing: Test
    required: Test
    binds: Mapping[Layer, Test]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Masks of the rows with each verdict, of those that hang on unknown cells, and where each statement applies.

    `applies` is in the order of `Program.statements`; a statement of a resource policy applies to callers it names.
    """

    allowed: Mask
    implicit_deny: Mask
    explicit_deny: Mask
    depends: Mask
    applies: tuple[Truth, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """Policies as statements of tests, and the combination of their truths into verdicts.

    `tests` are all distinct tests, `columns` what they read. `levels` counts the gates of each layer; one that is
    absent takes no part.
    """

    statements: tuple[ProgramStatement, ...]
    situation: Situation
    levels: Mapping[Layer, int]
    tests: tuple[Test, ...]
    columns: frozenset[str]

    def verdicts(self, truth: Mapping[Test, Truth], everything: Mask) -> Verdicts:
        """Combine the truth of each test into verdicts.

        Args:
            truth: for each of `tests`, where it holds.
            everything: the mask of all rows.
        """
        return _Combination(self, truth, everything).verdicts()


class _Combination:
    """The rules of the evaluation logic over masks."""

    def __init__(self, program: Program, truth: Mapping[Test, Truth], everything: Mask) -> None:
        self._program = program
        self._truth = truth
        self._everything = everything
        self._always = Truth(everything, everything)
        self._never = self._always.negated(everything)
        self._applies = tuple(self._all(one.tests) for one in program.statements)
        self._named = tuple(self._naming(one) for one in program.statements)

    def verdicts(self) -> Verdicts:
        """The verdict masks."""
        denied = self._denied()
        not_denied = denied.negated(self._everything)
        granted = self._scps() & self._granted()
        allowed = not_denied & granted
        implicit = not_denied & granted.negated(self._everything)
        settled = allowed.sure | implicit.sure | denied.sure
        applies = tuple(one & named for one, named in zip(self._applies, self._named, strict=True))
        return Verdicts(allowed.sure, implicit.sure, denied.sure, self._everything ^ settled, applies)

    def _all(self, tests: Sequence[Test]) -> Truth:
        return reduce(lambda left, right: left & right, (self._truth[test] for test in tests), self._always)

    def _any(self, truths: Sequence[Truth]) -> Truth:
        return reduce(lambda left, right: left | right, truths, self._never)

    def _not(self, truth: Truth) -> Truth:
        return truth.negated(self._everything)

    def _naming(self, one: ProgramStatement) -> Truth:
        if one.layer != "resource":
            return self._always
        return self._any(
            [self._truth[test] for test in (one.direct, one.user, one.role, one.account) if test is not None]
        )

    def _binds(self, layer: Layer) -> Truth:
        test = self._program.situation.binds.get(layer)
        return self._always if test is None else self._truth[test]

    def _denied(self) -> Truth:
        return self._any(
            [
                self._applies[place] & self._named[place] & self._binds(one.layer)
                for place, one in enumerate(self._program.statements)
                if not one.allows
            ]
        )

    def _allows(self, layer: Layer, level: int | None = None) -> Truth:
        return self._any(
            [
                self._applies[place]
                for place, one in enumerate(self._program.statements)
                if one.allows and one.layer == layer and (level is None or one.level == level)
            ]
        )

    def _scps(self) -> Truth:
        unbound = self._not(self._binds("scp"))
        levels = range(self._program.levels.get("scp", 0))
        return reduce(
            lambda left, right: left & right,
            (self._allows("scp", level) | unbound for level in levels),
            self._always,
        )

    def _ceiling(self, layer: Layer) -> Truth:
        if layer not in self._program.levels:
            return self._always
        return self._allows(layer) | self._not(self._binds(layer))

    def _granted(self) -> Truth:
        who = self._program.situation
        outsider, crossing = self._truth[who.outsider], self._truth[who.crossing]
        session = self._ceiling("session")
        ceilings = self._ceiling("boundary") & session
        own = (self._allows("identity") | self._truth[who.root]) & ceilings
        direct, user, role, account = (self._names(how) for how in ("direct", "user", "role", "account"))
        named = direct | user | role | account
        by_resource = direct | (user & session) | (role & ceilings)
        without = self._not(self._truth[who.required])
        home = by_resource | (own & (named | without))
        abroad = own & named
        member = (crossing & abroad) | (self._not(crossing) & home)
        return (outsider & named) | (self._not(outsider) & member)

    def _names(self, how: str) -> Truth:
        found = []
        for place, one in enumerate(self._program.statements):
            test = getattr(one, how)
            if one.allows and test is not None:
                found.append(self._applies[place] & self._truth[test])
        return self._any(found)
