"""Run a columnar program in plain Python: each column coded once, each test asked once for each distinct value."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from bedrock_guard.iam.decision import VERDICTS, Verdict
from bedrock_guard.iam.program import Program, Test, Truth

Coded = tuple[list[int], list[tuple[object, ...]]]  # the code of each row, and the cells that each code means


def decide_table(
    program: Program, columns: Mapping[str, Sequence[object]], rows: int
) -> list[Verdict | None]:
    """Decide a table in plain Python.

    Args:
        program: the policies, `evaluator.program`.
        columns: "action" and "resource", perhaps "principal" and "resource_account", and condition keys in
            any case; an absent column is a missing key. Cells: a value, None (missing) or `UNKNOWN`.
        rows: how many rows each column has.

    Returns:
        A verdict for each row, None where it hangs on an UNKNOWN cell.
    """
    lower = {name.lower(): values for name, values in columns.items()}
    coded: dict[tuple[str, ...], Coded] = {}
    truth: dict[Test, Truth] = {}
    for test in program.tests:
        if test.columns not in coded:
            coded[test.columns] = _code(test.columns, lower, rows)
        truth[test] = _truth(test, *coded[test.columns])
    found = program.verdicts(truth, (1 << rows) - 1)
    masks = (found.allowed, found.implicit_deny, found.explicit_deny)
    bits = [format(mask, f"0{rows}b")[::-1] for mask in masks]
    return [
        next((verdict for verdict, bit in zip(VERDICTS, row, strict=True) if bit == "1"), None)
        for row in zip(*bits, strict=True)
    ][:rows]


def _code(names: tuple[str, ...], columns: Mapping[str, Sequence[object]], rows: int) -> Coded:
    nothing: Sequence[object] = (None,) * rows
    codes: list[int] = []
    known: dict[Hashable, int] = {}
    values: list[tuple[object, ...]] = []
    for cells in zip(*(columns.get(name, nothing) for name in names), strict=True):
        token = tuple(
            [(cell.__class__, cell) if cell.__class__ in _PLAIN else _token(cell) for cell in cells]
        )
        code = known.setdefault(token, len(values))
        if code == len(values):
            values.append(cells)
        codes.append(code)
    return codes, values


_PLAIN = frozenset({str, bool, int, type(None)})


def _token(value: object) -> Hashable:
    if isinstance(value, list | tuple | set | frozenset):
        return (list, *map(_token, value))
    return (type(value), value) if isinstance(value, Hashable) else id(value)


def _truth(test: Test, codes: Sequence[int], values: Sequence[tuple[object, ...]]) -> Truth:
    answers = [test.ask(*cells) for cells in values]
    sure = _mask(["1" if answer else "0" for answer in answers], codes)
    maybe = (
        sure if None not in answers else _mask(["0" if answer is False else "1" for answer in answers], codes)
    )
    return Truth(sure, maybe)


def _mask(bits: Sequence[str], codes: Sequence[int]) -> int:
    return int("0" + "".join([bits[code] for code in reversed(codes)]), 2)
