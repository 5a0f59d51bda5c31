"""Columns of requests, coded once; their values grouped by how they answer a policy's tests.

A cell is a value, None (the key is absent), `UNKNOWN`, one of several values that a key may hold (`Either`), or a
resource that is known only as a pattern (`Open`). Values that answer every test of a column alike are of one class:
no policy that is made of these tests can tell them apart.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from typing import Any, Final, Generic, TypeVar, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bedrock_guard.iam.globs import arn_parts, compile_glob
from bedrock_guard.iam.program import UNKNOWN, Test
from bedrock_guard.iam.statements import fixed_patterns
from bedrock_guard.iam.values import address, network

Codes = NDArray[np.int64]
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_BLANK_AND_UNKNOWN: Final = np.array([3, 2], dtype=np.int64)  # beside 0 and 1: no further value, not known
_MOST_WAYS: Final = 30  # base 4 digits that fit 62 bits
_ADDRESS_TESTS: Final = {"IpAddress": False, "NotIpAddress": True}
_REMEMBERED: Final = 512
_ARN_PARTS: Final = 6


@dataclass(frozen=True, slots=True)
class Either:
    """A key that holds one of these values; None among them: it may be absent."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Open:
    """A resource of which only a pattern is known."""

    pattern: str


class Memory(Generic[K, V]):
    """The last answers to questions that are asked again and again."""

    def __init__(self, most: int = _REMEMBERED) -> None:
        self._known: OrderedDict[K, V] = OrderedDict()
        self._most = most

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The remembered answer, or a new one."""
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        found = self._known[key] = make()
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return found


class Column:
    """One or several columns read together: a code for each row, and the cells that each code means.

    A test is asked once for each distinct value. A cell that may hold several values is answered by all of them, in
    their order; one that may hold too many is a class of its own. Open resources are one class: which of their patterns
    are answered alike is no question of tests (`Side.alike`).
    """

    def __init__(self, codes: Codes, cells: Sequence[tuple[Any, ...]]) -> None:
        self.codes = codes
        self.cells = cells
        known: dict[Hashable, int] = {}
        self._values: list[tuple[Any, ...]] = []
        ways = [self._ways(one, known) for one in cells]
        width = max((len(each) for each in ways), default=1)
        apart = [() if each else _apart(one) for one, each in zip(cells, ways, strict=True)]
        self._own = coded(apart)[0]
        blank, unknown = len(self._values), len(self._values) + 1
        padded = [[unknown if way is None else way for way in each] for each in ways]
        self._at = np.array([each + [blank] * (width - len(each)) for each in padded], dtype=np.int64)
        self._answers: Memory[Hashable, Codes] = Memory()
        self._classes: Memory[tuple[Hashable, ...], Codes] = Memory(32)

    def _ways(self, cells: tuple[Any, ...], known: dict[Hashable, int]) -> list[int | None]:
        """The values that a cell may hold, by number; None is UNKNOWN. Nothing for a cell that stands for itself."""
        if any(cell.__class__ is Open for cell in cells):
            return []
        ways = list(product(*(cell.values if cell.__class__ is Either else (cell,) for cell in cells)))
        return [self._number(way, known) for way in ways] if len(ways) <= _MOST_WAYS else []

    def _number(self, way: tuple[Any, ...], known: dict[Hashable, int]) -> int | None:
        if UNKNOWN in way:
            return None
        number = known.setdefault(token_of(way), len(self._values))
        if number == len(self._values):
            self._values.append(way)
        return number

    def classes(self, tests: Sequence[Test]) -> Codes:
        """The class of each code, counted from 0, under tests that read just these columns."""
        return self._classes.get(tuple(test.token for test in tests), lambda: self._classed(tests))

    def _classed(self, tests: Sequence[Test]) -> Codes:
        return combined([self._own, *map(self._answered, tests)], len(self.cells))

    def _answered(self, test: Test) -> Codes:
        return self._answers.get(test.token, lambda: self._by_ways(test))

    def _by_ways(self, test: Test) -> Codes:
        answers = np.concatenate([self._ask(test, self._values), _BLANK_AND_UNKNOWN])[self._at]
        digits = 4 ** np.arange(self._at.shape[1], dtype=np.int64)
        return cast("Codes", answers @ digits)

    def _ask(self, test: Test, values: Sequence[tuple[Any, ...]]) -> Codes:
        ask = test.function
        return np.fromiter((ask(*value) for value in values), np.int64, len(values))


def _apart(cells: tuple[Any, ...]) -> tuple[Any, ...]:
    """What tells a cell that is not asked from others; the pattern of an open resource does not."""
    return tuple(Open if cell.__class__ is Open else cell for cell in cells)


class ResourceColumn(Column):
    """Resources: what fits a pattern is remembered, whatever list the pattern stands in.

    The parts of an ARN are matched apart, so that a pattern is asked about the distinct parts alone; see
    `globs.compile_resource`, which this agrees with.
    """

    def __init__(self, codes: Codes, cells: Sequence[tuple[Any, ...]]) -> None:
        super().__init__(codes, cells)
        self._fitting: Memory[str, NDArray[np.bool_]] = Memory(4096)

    @cached_property
    def parts(self) -> tuple[Codes, list[tuple[Codes, list[str]]]]:
        """The values that have all parts of an ARN, and for each part its code in them and the distinct parts."""
        split = [str(value).split(":", _ARN_PARTS - 1) for (value,) in self._values]
        whole = [place for place, parts in enumerate(split) if len(parts) == _ARN_PARTS]
        columns = zip(*(split[place] for place in whole), strict=True)
        found = [pd.factorize(np.array(column, dtype=object)) for column in columns]
        return np.array(whole, dtype=np.int64), [(codes, words.tolist()) for codes, words in found]

    def _ask(self, test: Test, values: Sequence[tuple[Any, ...]]) -> Codes:
        listed = _listed(test)
        if listed is None:
            return super()._ask(test, values)
        patterns, negated = listed
        found = np.zeros(len(values), dtype=bool)
        for pattern in patterns:
            found |= self._fitting.get(pattern, partial(self._fits, pattern))
        return cast("Codes", (found != negated).astype(np.int64))

    def _fits(self, pattern: str) -> NDArray[np.bool_]:
        found = np.full(len(self._values), not pattern.strip("*"))
        if not found.all():
            whole, columns = self.parts
            each = np.ones(len(whole), dtype=bool)
            for part, (codes, words) in zip(arn_parts(pattern), columns, strict=False):
                each &= np.fromiter(map(compile_glob(part), words), bool, len(words))[codes]
            found[whole] = each
        return found


def _listed(test: Test) -> tuple[list[str], bool] | None:
    """The patterns of a test on a resource alone, and whether it holds where none fits; None for another test."""
    token = test.token
    if not isinstance(token, tuple) or token[0] != "resource" or len(test.columns) != 1:
        return None
    resources, excepted, version = token[1:]
    # With a variable in it, a test reads the resource alone only where another of its patterns fits everything.
    return fixed_patterns(excepted if resources is None else resources, version), resources is None


class AddressColumn(Column):
    """Addresses, which can be many: those of version 4 are compared with a network as numbers."""

    def __init__(self, codes: Codes, cells: Sequence[tuple[Any, ...]]) -> None:
        super().__init__(codes, cells)
        self._numbers = np.array([_number(value[0]) for value in self._values], dtype=np.int64)
        self._others = np.flatnonzero(self._numbers < 0)

    def _ask(self, test: Test, values: Sequence[tuple[Any, ...]]) -> Codes:
        networks = _networks(test)
        if networks is None:
            return super()._ask(test, values)
        inside = np.zeros(len(values), dtype=bool)
        for first, last in networks:
            inside |= (self._numbers >= first) & (self._numbers <= last)
        found: Codes = (inside != _ADDRESS_TESTS[_operator(test)]).astype(np.int64)
        found[self._others] = super()._ask(test, [values[int(place)] for place in self._others])
        return found


def _operator(test: Test) -> str:
    token = test.token
    name = token[1] if isinstance(token, tuple) and token[0] == "condition" else ""
    return str(name).removesuffix("IfExists")


def _networks(test: Test) -> list[tuple[int, int]] | None:
    """The version 4 ranges of an address test; None where the test is another or holds variables."""
    if _operator(test) not in _ADDRESS_TESTS or len(test.columns) != 1:
        return None
    values = cast("tuple[Any, ...]", test.token)[3]
    if any("$" in value or "\\" in value for value in values):
        return None
    found = [network(value) for value in values]
    return [
        (int(one.network_address), int(one.broadcast_address))
        for one in found
        if one is not None and one.version == 4
    ]


def _number(value: object) -> int:
    found = address(value) if isinstance(value, str) else None
    return int(found) if found is not None and found.version == 4 else -1


def token_of(value: object) -> Hashable:
    """What tells two cells apart: True is not 1, and the order of several values counts."""
    if isinstance(value, list | tuple):
        return (tuple, *map(token_of, value))
    return (value.__class__, value) if isinstance(value, Hashable) else id(value)


def coded(cells: Iterable[Any]) -> tuple[Codes, list[Any]]:
    """A code for each cell, and the distinct cells in the order they were met."""
    known: dict[Hashable, int] = {}
    values: list[Any] = []
    codes: list[int] = []
    for cell in cells:
        code = known.setdefault(token_of(cell), len(values))
        if code == len(values):
            values.append(cell)
        codes.append(code)
    return np.array(codes, dtype=np.int64), values


def dense(keys: Codes) -> tuple[Codes, Codes]:
    """Keys as codes from 0 in the order they are met, and where each code is met first."""
    codes, uniques = pd.factorize(keys)
    first = np.empty(len(uniques), dtype=np.int64)
    first[codes[::-1]] = np.arange(len(keys) - 1, -1, -1, dtype=np.int64)
    return codes.astype(np.int64, copy=False), first


def combined(columns: Sequence[Codes], rows: int) -> Codes:
    """One code a row for the combination of several columns' codes."""
    found, size = np.zeros(rows, dtype=np.int64), 1
    for codes in columns:
        more = int(codes.max(initial=0)) + 1
        if more == 1:
            continue
        if size * more >= 1 << 62:
            found, first = dense(found)
            size = len(first)
        found = found * more + codes
        size *= more
    return dense(found)[0] if size > 1 else found
