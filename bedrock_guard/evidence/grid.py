"""A grid of amounts in whole cents whose sums across and down are in whole cents too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Cell = tuple[int, int]
_Step = tuple[int, int, int]
"""Row, column, and whether a cent comes or goes."""
_Held = list[list[Fraction]]
_Array = NDArray[Any]


def grid(exact: Sequence[Sequence[Decimal]], rows: Sequence[int] | None = None) -> list[list[int]]:
    """Amounts in cents, so that each row and each column adds up to its own sum in cents, and all to the sum of all.

    Every amount and sum is rounded to the nearest cent where that goes, and what loses least is moved. Where zeros
    leave no room for it, sums too keep only to the cent above or below them.

    Args:
        exact: the amounts, row by row.
        rows: what each row must add up to, in cents, where that is settled.

    """
    held = [[Fraction(value) * 100 for value in row] for row in exact]
    every = round(sum(map(sum, held), Fraction())) if rows is None else sum(rows)
    across = _line([sum(row, Fraction()) for row in held], every) if rows is None else list(rows)
    down = _line([sum(values, Fraction()) for values in zip(*held, strict=True)], every)
    return _nearest(held, across, down) or _kept_to(held, every, rows)


def _line(exact: Sequence[Fraction], whole: int) -> list[int]:
    """The nearest whole numbers that add up to `whole`."""
    shown = [round(value) for value in exact]
    step = 1 if whole > sum(shown) else -1
    order = sorted(
        (at for at, value in enumerate(exact) if value), key=lambda at: abs(shown[at] + step - exact[at])
    )
    for at in order[: abs(whole - sum(shown))]:
        shown[at] += step
    return shown


def _nearest(held: _Held, across: Sequence[int], down: Sequence[int]) -> list[list[int]] | None:
    """The nearest cents, moved until they add up to `across` and `down`; None where that does not come to an end."""
    true = np.array(held, dtype=float)
    shown = np.array([[round(value) for value in row] for row in held])
    over, under = across - shown.sum(axis=1), down - shown.sum(axis=0)
    while steps := _least(_lost(shown, true, 1), _lost(shown, true, -1), over, under):
        for row, at, sign in steps:
            shown[row, at] += sign
            over[row] -= sign
            under[at] -= sign
    return None if over.any() or under.any() else shown.tolist()


def _lost(shown: _Array, true: _Array, sign: int) -> _Array:
    """What a cent more or less at each place loses; a zero is never moved."""
    return np.where(true != 0, np.abs(shown + sign - true) - np.abs(shown - true), np.inf)


def _least(up: _Array, low: _Array, over: _Array, under: _Array) -> list[_Step]:
    """The cheapest way nearer: a cent comes or goes where both sums want it, or moves along one; else none."""
    more, less = np.where(over > 0, 0, np.inf)[:, None], np.where(over < 0, 0, np.inf)[:, None]
    plus, minus = np.where(under > 0, 0, np.inf), np.where(under < 0, 0, np.inf)
    ways: list[tuple[float, list[_Step]]] = []
    for lost, sign in ((up + more + plus, 1), (low + less + minus, -1)):
        row, at = divmod(int(lost.argmin()), lost.shape[1])
        ways.append((lost[row, at], [(row, at, sign)]))
    came, went = up + more, low + less
    at = int((came.min(axis=0) + went.min(axis=0)).argmin())
    row, other = int(came[:, at].argmin()), int(went[:, at].argmin())
    ways.append((came[row, at] + went[other, at], [(row, at, 1), (other, at, -1)]))
    came, went = up + plus, low + minus
    row = int((came.min(axis=1) + went.min(axis=1)).argmin())
    at, beside = int(came[row].argmin()), int(went[row].argmin())
    ways.append((came[row, at] + went[row, beside], [(row, at, 1), (row, beside, -1)]))
    cost, steps = min(ways, key=lambda way: way[0])
    return steps if cost < np.inf else []


def _kept_to(held: _Held, every: int, rows: Sequence[int] | None) -> list[list[int]]:
    """Controlled rounding (Cox, 1987), which always comes to an end.

    Beside each row and beneath each column stands what takes its sum to none; then cents are moved around rings of
    amounts that are not whole yet, which changes no sum, until all are.
    """
    held = [list(row) for row in held]
    for row_of, asked in zip(held, rows or (), strict=rows is not None):
        most = max(range(len(row_of)), key=lambda place: abs(row_of[place]))
        row_of[most] += asked - sum(row_of)
    if rows is None:
        row, at = max(_cells(held), key=lambda cell: abs(held[cell[0]][cell[1]]))
        held[row][at] += every - sum(map(sum, held), Fraction())
    held = [[*row_of, -sum(row_of, Fraction())] for row_of in held]
    held.append([-sum(values, Fraction()) for values in zip(*held, strict=True)])
    _make_whole(held)
    return [[int(value) for value in row_of[:-1]] for row_of in held[:-1]]


def _cells(held: Sequence[Sequence[Fraction]]) -> list[_Cell]:
    return [(row, at) for row, values in enumerate(held) for at in range(len(values))]


def _make_whole(held: list[list[Fraction]]) -> None:
    broken = {(row, at) for row, at in _cells(held) if held[row][at].denominator > 1}
    across: dict[int, set[int]] = {row: {at for one, at in broken if one == row} for row, _ in broken}
    down: dict[int, set[int]] = {at: {row for row, one in broken if one == at} for _, at in broken}
    while across:
        ring = _ring(across, down)
        signs = [1 if place % 2 else -1 for place in range(len(ring))]
        step = min((_room(held, ring, signs, way) * way for way in (1, -1)), key=abs)
        for (row, at), sign in zip(ring, signs, strict=True):
            held[row][at] += sign * step
            if held[row][at].denominator == 1:
                _drop(across, row, at)
                _drop(down, at, row)


def _room(held: list[list[Fraction]], ring: Sequence[_Cell], signs: Sequence[int], way: int) -> Fraction:
    """How far the amounts of a ring can move that way until the first of them is whole."""
    values = [held[row][at] * sign * way for (row, at), sign in zip(ring, signs, strict=True)]
    return min(floor(value) + 1 - value for value in values)


def _ring(across: Mapping[int, set[int]], down: Mapping[int, set[int]]) -> list[_Cell]:
    """Cells that are not whole, in turn one beside and one beneath the last, that come back to the first."""
    row, came = min(across), -1
    trail: list[_Cell] = []
    rows, columns = {row: 0}, dict[int, int]()
    while True:
        at = min(across[row] - {came})
        trail.append((row, at))
        if at in columns:
            return trail[columns[at] :]
        columns[at] = len(trail)
        row, came = min(down[at] - {row}), at
        trail.append((row, at))
        if row in rows:
            return trail[rows[row] :]
        rows[row] = len(trail)


def _drop(held: dict[int, set[int]], one: int, other: int) -> None:
    held[one].discard(other)
    if not held[one]:
        del held[one]
