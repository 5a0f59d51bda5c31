"""Which unknown keys a verdict hangs on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bedrock_guard.iam.decision import VERDICTS, Verdict
from bedrock_guard.iam.program import UNKNOWN, Program, Test, Truth, Verdicts

_MOST_TESTS = 12  # 2 ** 12 combinations of open tests are tried exactly; beyond that every open key is named


@dataclass(frozen=True, slots=True)
class Dependence:
    """A verdict in three values.

    `verdict` is None where it hangs on unknown keys; `keys` are these, as the caller spelled them; `possible`
    are the verdicts that can come out. Tests on one key are taken as independent of each other, so a key may be
    named that never tips the verdict; a verdict that is given is certain.
    """

    verdict: Verdict | None
    keys: frozenset[str]
    possible: frozenset[Verdict]


def dependence(program: Program, row: Mapping[str, object], spelling: Mapping[str, str]) -> Dependence:
    """Decide one row, some cells of which are UNKNOWN.

    Args:
        program: the statements that are about the row's action.
        row: column -> value; an absent column is a missing key.
        spelling: how to name each unknown column.
    """
    answers = {test: test.ask(*(row.get(column) for column in test.columns)) for test in program.tests}
    open_tests = [test for test, answer in answers.items() if answer is None]
    if len(open_tests) > _MOST_TESTS:
        return _without_trial(program, answers, open_tests, row, spelling)
    rows = 1 << len(open_tests)
    everything = (1 << rows) - 1
    truth = {
        test: _constant(bool(answer), everything) for test, answer in answers.items() if answer is not None
    }
    truth.update({test: _column(place, rows) for place, test in enumerate(open_tests)})
    found = program.verdicts(truth, everything)
    tipping = [test for place, test in enumerate(open_tests) if _tips(found, place, rows)]
    masks = (found.allowed, found.implicit_deny, found.explicit_deny)
    possible = frozenset(verdict for verdict, mask in zip(VERDICTS, masks, strict=True) if mask)
    return _result(possible, tipping, row, spelling)


def _result(
    possible: frozenset[Verdict],
    tests: Sequence[Test],
    row: Mapping[str, object],
    spelling: Mapping[str, str],
) -> Dependence:
    if len(possible) == 1:
        return Dependence(next(iter(possible)), frozenset(), possible)
    columns = {column for test in tests for column in test.columns if row.get(column) is UNKNOWN}
    return Dependence(None, frozenset(spelling[column] for column in columns), possible)


def _constant(answer: bool, everything: int) -> Truth:  # noqa: FBT001 - the value itself
    mask = everything if answer else 0
    return Truth(mask, mask)


def _column(place: int, rows: int) -> Truth:
    """The bits of one test over all combinations: bit `place` of the row's number."""
    run = 1 << place
    block = ((1 << run) - 1) << run
    mask = sum(block << start for start in range(0, rows, 2 * run))
    return Truth(mask, mask)


def _tips(found: Verdicts, place: int, rows: int) -> bool:
    """Whether the other answer to one test changes the verdict in some combination."""
    run = 1 << place
    held = _column(place, rows).sure
    masks = (found.allowed, found.implicit_deny, found.explicit_deny)
    return any((mask & held) >> run != mask & (held >> run) for mask in masks)


def _without_trial(
    program: Program,
    answers: Mapping[Test, bool | None],
    open_tests: Sequence[Test],
    row: Mapping[str, object],
    spelling: Mapping[str, str],
) -> Dependence:
    truth = {test: Truth(int(answer is True), int(answer is not False)) for test, answer in answers.items()}
    found = program.verdicts(truth, 1)
    masks = (found.allowed, found.implicit_deny, found.explicit_deny)
    certain = frozenset(verdict for verdict, mask in zip(VERDICTS, masks, strict=True) if mask)
    return _result(certain or frozenset(VERDICTS), open_tests, row, spelling)
