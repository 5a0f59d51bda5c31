"""Money as it is shown: cents chosen so that what stands in a table adds up to what stands as its total.

Every amount keeps to the cent below or above it. What is under a cent, and is shown as none, is shown with four digits
instead: never as a false 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from bedrock_guard.evidence.grid import grid
from bedrock_guard.evidence.tables import total

CENT: Final = Decimal("0.01")
_NOISE: Final = Decimal("0.00001")
"""What a division may leave over."""
Amounts = Sequence[Decimal]


def cents(parts: Mapping[str, Decimal], whole: Decimal | None = None) -> dict[str, Decimal]:
    """Amounts in cents that add up to `whole`, by default to their own sum in cents.

    Example:
        >>> cents({"a": Decimal("1.004"), "b": Decimal("2.004"), "c": Decimal("3.004")})
        {'a': Decimal('1.01'), 'b': Decimal('2.00'), 'c': Decimal('3.00')}

    """
    return dict(zip(parts, column(list(parts.values()), whole), strict=True))


def column(exact: Amounts, whole: Decimal | None = None) -> list[Decimal]:
    """The same for amounts without names."""
    shown = [nearest(value) for value in exact]
    asked = nearest(total(exact)) if whole is None else whole
    missing = _missing(asked, shown)
    step = CENT if missing > 0 else -CENT
    free = sorted(
        (at for at, value in enumerate(exact) if abs(value) >= CENT),
        key=lambda at: abs(shown[at] + step - exact[at]),
    )
    for at in free[: abs(missing)]:
        shown[at] += step
    return shown


def added(
    columns: Mapping[str, Amounts], parts: Mapping[str, Sequence[str]]
) -> tuple[dict[str, list[Decimal]], dict[str, Decimal]]:
    """Every column in cents that add up downwards to its sum, and across to the column that it is a part of.

    Args:
        columns: the exact amounts by column.
        parts: column -> the columns that it is the sum of, what contains another first. Where one of them is not
            in `columns`, or they do not add up as they are, only sums downwards are kept: nothing is made to fit.

    """
    settled: dict[str, list[int]] = {}
    for whole, names in parts.items():
        if not {whole, *names} <= set(columns):
            continue
        exact = list(zip(*(columns[name] for name in names), strict=True))
        if any(abs(total(row) - amount) > _NOISE for row, amount in zip(exact, columns[whole], strict=True)):
            continue
        fitted = grid(exact, settled.get(whole))
        settled |= {name: [row[at] for row in fitted] for at, name in enumerate(names)}
        settled.setdefault(whole, [sum(row) for row in fitted])
    shown, sums = {}, {}
    for name, values in columns.items():
        cents_of = settled.get(name)
        shown[name] = column(values) if cents_of is None else [*map(_shown, cents_of, values)]
        every = total(values)
        sums[name] = nearest(every) if cents_of is None else _shown(sum(cents_of), every)
    return shown, sums


def apart(columns: Mapping[str, Amounts], parts: Mapping[str, Sequence[str]]) -> dict[str, list[Decimal]]:
    """The same for rows that are not added to each other: each adds up across."""
    rows = [
        added({name: [value] for name, value in zip(columns, row, strict=True)}, parts)[0]
        for row in zip(*columns.values(), strict=True)
    ]
    return {name: [row[name][0] for row in rows] for name in columns}


def _shown(count: int, exact: Decimal) -> Decimal:
    return exact if not count and abs(exact) < CENT else count * CENT


def nearest(value: Decimal) -> Decimal:
    """An amount in cents; under a cent it stays exact, so that nothing is shown as a false 0."""
    return value if abs(value) < CENT else value.quantize(CENT)


def _missing(whole: Decimal, parts: Iterable[Decimal]) -> int:
    """How many cents the parts lack."""
    return int(((whole - total(parts)) / CENT).to_integral_value())
