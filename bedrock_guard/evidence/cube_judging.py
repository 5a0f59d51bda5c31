"""Judging the distinct calls of a cube: requests that answer every test of a policy alike are judged once.

The answers themselves come from the documents' own judge, one representative request at a time, so that the columns
decide nothing: they only say which requests cannot be told apart. What was asked of an action is remembered as long
as no statement about that action changes.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from bedrock_guard.boundary.calls import Authorisation, Value
from bedrock_guard.boundary.verdict import AuthorisationVerdict, Outcome
from bedrock_guard.evidence.cube_asked import (
    ADDRESS,
    CALLER_KEYS,
    CONSTANT_KEYS,
    PRINCIPAL,
    Asked,
    Caller,
    Callers,
)
from bedrock_guard.evidence.cube_cells import Codes, Memory, coded, combined, dense
from bedrock_guard.iam.evaluator import Evaluator
from bedrock_guard.iam.program import UNKNOWN, ProgramStatement, Test

OUTCOMES: Final[tuple[Outcome, ...]] = ("allowed", "refused", "depends")
ALLOWED, REFUSED, DEPENDS = range(3)

_SPELLED: Final = {PRINCIPAL: "aws:PrincipalArn", "aws:username": "aws:username", ADDRESS: "aws:SourceIp"}
_NOW: Final = "aws:CurrentTime"
_FAR: Final = np.iinfo(np.int64).max


class Side(Protocol):
    """Documents in force together (`boundary.verdict.Side`, `replay.DocumentSide`)."""

    @property
    def evaluator(self) -> Evaluator:
        """The documents, compiled."""

    def judge(self, entry: Authorisation) -> AuthorisationVerdict:
        """The answer to one authorisation."""

    def about(self, action: str) -> Hashable:
        """Equal for two sides that answer alike whatever is asked about an action."""

    def alike(self, action: str, patterns: Sequence[str]) -> Sequence[Hashable]:
        """For each resource that is only a pattern what the answer depends on: equal where it is answered alike."""


class Reaching(Protocol):
    """Says which documents hold for whom; `at` is the moment they are asked about (UTC), None when it is not known."""

    @property
    def at(self) -> datetime | None:
        """The moment that aws:CurrentTime holds."""

    @property
    def whom(self) -> Hashable:
        """Equal for two that put the same callers under the same documents and see them under the same names."""

    def side(self, account: str, principal: str) -> Side | None:
        """The documents that hold for a caller; None where none does."""

    def asker(self, account: str, principal: str) -> str:
        """The caller as the documents' tests see it: the role of a session, where they know it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an authorisation was answered, without what was asked."""

    outcome: int
    layer: str | None
    sid: str | None
    control: str | None
    keys: frozenset[str]


class Answers:
    """Distinct answers by number."""

    def __init__(self) -> None:
        self.known: list[Answer] = []
        self._codes: dict[Answer, int] = {}

    def code(self, found: AuthorisationVerdict) -> int:
        """The number of an answer."""
        answer = Answer(
            OUTCOMES.index(found.outcome), found.layer, found.sid, found.control, frozenset(found.keys)
        )
        code = self._codes.setdefault(answer, len(self.known))
        if code == len(self.known):
            self.known.append(answer)
        return code

    @property
    def outcomes(self) -> NDArray[np.uint8]:
        """The outcome of each answer."""
        return np.array([answer.outcome for answer in self.known], dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class Layout:
    """Which calls must be asked: every distinct call under every side and class of callers that made it.

    `pair` says for each tuple which of these it is; `shape`, `side` and `sample` (a tuple of it) describe each.
    """

    pair: Codes
    shape: Codes
    side: Codes
    sample: Codes
    caller_class: Codes
    asked: Asked
    callers: Callers

    @cached_property
    def judged(self) -> Codes:
        """The pairs that some document reaches and that ask for anything."""
        return np.flatnonzero((self.side >= 0) & (self.asked.counts[self.shape] > 0))

    @cached_property
    def counts(self) -> Codes:
        """How many authorisations each judged pair has."""
        return self.asked.counts[self.shape[self.judged]]

    @cached_property
    def starts(self) -> Codes:
        """The first row of each judged pair."""
        return np.concatenate(([0], np.cumsum(self.counts)))[:-1].astype(np.int64)

    @cached_property
    def row_pair(self) -> Codes:
        """The pair of each row."""
        return np.repeat(self.judged, self.counts)

    @cached_property
    def row_entry(self) -> Codes:
        """The authorisation of each row, by its place in `asked`."""
        within = np.arange(int(self.counts.sum()), dtype=np.int64) - np.repeat(self.starts, self.counts)
        return self.asked.starts[self.shape[self.row_pair]] + within

    @cached_property
    def groups(self) -> list[tuple[int, str, Codes]]:
        """Side, action and the rows of each: what is judged together."""
        actions = len(self.asked.actions)
        keys = self.side[self.row_pair] * actions + self.asked.action_codes[self.row_entry]
        order = np.argsort(keys, kind="stable")
        edges = np.flatnonzero(np.diff(keys[order], prepend=-1))
        parts = np.split(order, edges[1:]) if len(edges) else []
        first = [int(keys[part[0]]) for part in parts]
        return [
            (key // actions, str(self.asked.actions[key % actions]), part)
            for key, part in zip(first, parts, strict=True)
        ]

    @cached_property
    def certain(self) -> NDArray[np.bool_]:
        """Whether each row's authorisation is surely made."""
        return cast("NDArray[np.bool_]", self.asked.certain[self.row_entry])


@dataclass(frozen=True, eq=False)
class Found:
    """The outcome of each pair, the answer that decides it (-1: none), and the answer to each row."""

    layout: Layout
    outcome: NDArray[np.uint8]
    deciding: Codes
    answers: Codes


@dataclass(frozen=True, eq=False)
class Division:
    """Callers apart by the documents that hold for them.

    `side` says for each caller which documents, -1 for none; `samples` has a caller for whom each of them hold;
    `callers` are the callers as the documents see them.
    """

    side: Codes
    samples: tuple[Caller, ...]
    callers: Callers


Held = tuple[list[Side], Division]


class Judging:
    """Judges the calls of a cube again and again, and remembers what an edit left alone."""

    def __init__(self, asked: Asked, shapes: Codes, callers: Callers) -> None:
        self.answers = Answers()
        self.asked = asked
        self._shapes = shapes
        self._callers = callers
        self._asking: Memory[tuple[str, ...], Callers] = Memory(4)
        self._divisions: Memory[Hashable, Division] = Memory(8)
        self._layouts: Memory[Hashable, Layout] = Memory(4)
        self._heard: dict[tuple[int, str], Memory[Hashable, Codes]] = {}
        self._tests: Memory[Hashable, tuple[Test, ...]] = Memory(4096)

    def ready(self) -> None:
        """Lay out the columns now, not at the first judgement."""
        _ = self._callers.columns
        self.asked.ready()

    def judge(self, reach: Reaching, held: Held | None = None) -> Found:
        """The outcome of every pair under some documents; `held` says which hold for whom, if that is known."""
        sides, division = held or self.held(reach)
        layout = self._layout(sides, division)
        answers = np.zeros(len(layout.row_entry), dtype=np.int64)
        for side, action, rows in layout.groups:
            answers[rows] = self._group(layout, sides[side], side, action, rows, reach.at)
        return self._overall(layout, answers)

    def held(self, reach: Reaching) -> Held:
        """The documents that hold for somebody, and for whom each of them do."""
        division = self._divisions.get(reach.whom, lambda: self._divided(reach))
        sides = (reach.side(one.account, one.principal) for one in division.samples)
        return [side for side in sides if side is not None], division

    def _divided(self, reach: Reaching) -> Division:
        known = self._callers.callers
        found = [reach.side(one.account, one.principal) for one in known]
        samples = {id(side): one for side, one in zip(found, known, strict=True) if side is not None}
        places = {key: place for place, key in enumerate(samples)}
        of_caller = np.array([places.get(id(side), -1) for side in found], dtype=np.int64)
        return Division(of_caller, tuple(samples.values()), self._askers(reach))

    def _askers(self, reach: Reaching) -> Callers:
        """The callers as the documents see them."""
        known = self._callers.callers
        names = tuple(reach.asker(one.account, one.principal) for one in known)
        if all(name == one.principal for name, one in zip(names, known, strict=True)):
            return self._callers
        return self._asking.get(names, lambda: self._callers.renamed(names))

    def _layout(self, sides: Sequence[Side], division: Division) -> Layout:
        tests = tuple(
            dict.fromkeys(
                (test.columns, test.token) for side in sides for test in _about_callers(side.evaluator)
            )
        )
        return self._layouts.get((division, tests), lambda: self._laid_out(sides, division))

    def _laid_out(self, sides: Sequence[Side], division: Division) -> Layout:
        tuples, callers = len(self._shapes), division.callers
        tests = [test for side in sides for test in _about_callers(side.evaluator)]
        classes = _caller_classes(callers, tests, tuples)
        side = division.side[self._callers.codes]
        pair, sample = dense(combined([self._shapes, side + 1, classes], tuples))
        return Layout(pair, self._shapes[sample], side[sample], sample, classes[sample], self.asked, callers)

    def _group(
        self, layout: Layout, side: Side, number: int, action: str, rows: Codes, at: datetime | None
    ) -> Codes:
        key = (layout, side.about(action), at)
        memory = self._heard.setdefault((number, action), Memory(8))
        return memory.get(key, lambda: self._ask(layout, side, action, rows, at))

    def _ask(self, layout: Layout, side: Side, action: str, rows: Codes, at: datetime | None) -> Codes:
        entries, pairs = layout.row_entry[rows], layout.row_pair[rows]
        parts = [self._open_classes(side, action, self.asked.open_codes[entries])]
        parts.append(self.asked.target_codes[entries])
        alone: dict[tuple[str, ...], list[Test]] = {}
        by_caller = False
        for test in _tests_about(side.evaluator, action):
            names = tuple(n for n in test.columns if n not in CALLER_KEYS and n not in CONSTANT_KEYS)
            by_caller = by_caller or not CALLER_KEYS.isdisjoint(test.columns)
            if names == test.columns:
                alone.setdefault(names, []).append(test)
            elif names:
                parts.append(self.asked.column(names).codes[entries])
        for names, tests in alone.items():
            column = self.asked.column(names)
            parts.append(column.classes(tests)[column.codes[entries]])
        if by_caller:
            parts.append(layout.caller_class[pairs])
        pattern, first = dense(combined(parts, len(rows)))
        samples = [
            _represented(
                self.asked.entry(int(entries[row])),
                layout.callers.keys_of(int(layout.sample[pairs[row]])),
                at,
            )
            for row in first
        ]
        found = [self.answers.code(side.judge(entry)) for entry in samples]
        return np.array(found, dtype=np.int64)[pattern]

    def _open_classes(self, side: Side, action: str, codes: Codes) -> Codes:
        """The class of each authorisation's pattern; 0 where the resource is known."""
        met = np.flatnonzero(np.bincount(codes, minlength=1)[1:])
        classes = np.zeros(len(self.asked.patterns) + 1, dtype=np.int64)
        classes[met + 1] = coded(side.alike(action, [self.asked.patterns[n] for n in met]))[0] + 1
        return classes[codes]

    def _overall(self, layout: Layout, answers: Codes) -> Found:
        """Refused if one certain authorisation is, allowed if all are allowed; as `boundary.verdict` says it."""
        outcome = np.zeros(len(layout.shape), dtype=np.uint8)
        deciding = np.full(len(layout.shape), -1, dtype=np.int64)
        if not len(answers):
            return Found(layout, outcome, deciding, answers)
        each = self.answers.outcomes[answers]
        places = np.arange(len(answers), dtype=np.int64)
        refused = np.minimum.reduceat(
            np.where((each == REFUSED) & layout.certain, places, _FAR), layout.starts
        )
        hanging = np.minimum.reduceat(np.where(each != ALLOWED, places, _FAR), layout.starts)
        place = np.where(refused != _FAR, refused, hanging)
        told = place != _FAR
        outcome[layout.judged] = np.where(refused != _FAR, REFUSED, np.where(told, DEPENDS, ALLOWED))
        deciding[layout.judged[told]] = answers[place[told]]
        return Found(layout, outcome, deciding, answers)


def _statements_about(evaluator: Evaluator, action: str) -> list[ProgramStatement]:
    chosen = {id(one) for one in evaluator.about(action)}
    both = zip(evaluator.statements, evaluator.program.statements, strict=True)
    return [lowered for compiled, lowered in both if id(compiled) in chosen]


def _tests_about(evaluator: Evaluator, action: str) -> list[Test]:
    """The distinct tests of the statements about an action, those on the action itself left out."""
    tests = (test for one in _statements_about(evaluator, action) for test in one.tests)
    return list(dict.fromkeys(test for test in tests if test.columns != ("action",)))


def _about_callers(evaluator: Evaluator) -> list[Test]:
    """The distinct tests that read who calls."""
    tests = (test for one in evaluator.program.statements for test in one.tests)
    return [test for test in dict.fromkeys(tests) if not CALLER_KEYS.isdisjoint(test.columns)]


def _caller_classes(callers: Callers, tests: Sequence[Test], tuples: int) -> Codes:
    """A class for each tuple: callers of one class answer every test about callers alike."""
    alone: dict[str, list[Test]] = {}
    apart: set[str] = set()
    for test in tests:
        if len(test.columns) == 1:
            alone.setdefault(test.columns[0], []).append(test)
        else:
            apart.update(CALLER_KEYS.intersection(test.columns))
    columns = callers.columns
    parts = [columns[name].codes for name in sorted(apart)]
    parts += [
        columns[name].classes(each)[columns[name].codes] for name, each in alone.items() if name not in apart
    ]
    return combined(parts, tuples)


def _represented(entry: Authorisation, caller: Mapping[str, Any], at: datetime | None) -> Authorisation:
    """The authorisation as a caller asks it."""
    context: dict[str, Value] = {
        key: value for key, value in entry.context.items() if key.lower() not in CALLER_KEYS
    }
    unknown = set(entry.unknown)
    told: dict[str, Any] = {_SPELLED[name]: value for name, value in caller.items()}
    for name, value in {**told, **({_NOW: at} if at else {})}.items():
        if value is UNKNOWN:
            unknown.add(name)
            continue
        unknown.discard(name)
        if value is not None:
            context[name] = value
    return replace(entry, context=context, unknown=frozenset(unknown))
