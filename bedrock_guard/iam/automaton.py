"""Which texts tell a set of IAM patterns apart: one witness for every combination that can occur.

All patterns run at once as one nondeterministic automaton whose state is a single integer, one bit for
each position of each pattern (the bit-parallel form of Thompson's simulation). Walking its reachable states
breadth first meets every combination of "fits / does not fit" that any text can have, with a shortest text
for each. At a state only the characters that some live position names are told apart; all others behave
alike, so one stands for them.

>>> [cell.text for cell in Patterns([glob("s3:*"), glob("*:Get*")]).cells() if cell.fits == (True, True)]
['s3:Get']
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from bedrock_guard.errors import GuardError
from bedrock_guard.iam.globs import arn_parts, unescape

Kind = Literal["literal", "one", "one_in_part", "run", "run_in_part"]
_FILLERS = "xyzwvutsrqponmlkjihgfedcbaXYZWVUTSRQPONMLKJIHGFEDCBA0123456789-_./~"
STATE_LIMIT = 50_000


class TooManyStatesError(GuardError):
    """The patterns overlap in more ways than the stated bound."""


@dataclass(frozen=True, slots=True)
class Token:
    """One step of a pattern: a literal (any of `chars`), one character, or a run of characters."""

    kind: Kind
    chars: str = ""


Chain = tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of fits: `text` is a shortest text having it, `fits` in the order of the patterns."""

    text: str
    fits: tuple[bool, ...]


def glob(pattern: str, *, ignore_case: bool = False) -> Chain:
    """Give the steps of a pattern over the whole string."""
    return _tokens(pattern, "one", "run", ignore_case=ignore_case)


def literal(text: str, *, ignore_case: bool = False) -> Chain:
    """Give the steps of a text that stands for itself, `*` and `?` included."""
    return tuple(_char(char, ignore_case=ignore_case) for char in text)


def resource(pattern: str) -> Chain:
    """Give the steps of a `Resource` element (see `globs.compile_resource`)."""
    return arn(pattern) if pattern.strip("*") else (Token("run"),)


def arn(pattern: str) -> Chain:
    """Give the steps of an `ArnLike` value (see `globs.compile_arn`)."""
    *head, last = arn_parts(pattern)
    colon = Token("literal", ":")
    steps = [token for part in head for token in (*_tokens(part, "one_in_part", "run_in_part"), colon)]
    return (*steps, *_tokens(last, "one", "run"))


def _tokens(pattern: str, one: Kind, run: Kind, *, ignore_case: bool = False) -> Chain:
    tokens: list[Token] = []
    for char in pattern:
        if char == "*":
            if not tokens or tokens[-1].kind != run:
                tokens.append(Token(run))
        elif char == "?":
            tokens.append(Token(one))
        else:
            tokens.append(_char(unescape(char), ignore_case=ignore_case))
    return tuple(tokens)


def _char(char: str, *, ignore_case: bool) -> Token:
    cases = {char, char.lower(), char.upper()} if ignore_case else {char}
    return Token("literal", "".join(sorted(case for case in cases if len(case) == 1)))


class Patterns:
    """Several patterns as one automaton.

    `within` patterns bound the texts considered: a text counts only if it fits at least one of them.

    Raises:
        TooManyStatesError: from `cells`, where more than `limit` states would have to be visited.
    """

    def __init__(self, chains: Sequence[Chain], *, within: Sequence[Chain] = ()) -> None:
        self._literals: dict[str, int] = {}
        self._masks: dict[Kind, int] = dict.fromkeys(("one", "one_in_part", "run", "run_in_part"), 0)
        self._start = 0
        self._finals: list[int] = []
        self._offset = 0
        for chain in chains:
            self._add(chain)
        self._count = len(self._finals)
        self._bound_bits = self._offset
        for chain in within:
            self._add(chain)
        self._bounds = self._finals[self._count :]
        self._runs = self._masks["run"] | self._masks["run_in_part"]
        self._in_part = self._masks["one_in_part"] | self._masks["run_in_part"]

    def cells(self, limit: int = STATE_LIMIT) -> tuple[Cell, ...]:
        """Give every combination of fits that some text has, shortest witness first.

        Raises:
            TooManyStatesError: more than `limit` states.
        """
        first = self._close(self._start)
        came_from: dict[int, tuple[int, str]] = {first: (first, "")}
        queue = [first]
        found: dict[tuple[bool, ...], int] = {}
        for state in queue:
            if self._is_inside(state):
                found.setdefault(self._fits(state), state)
            for char in self._telling(state):
                after = self.step(state, char)
                if after in came_from or not self._is_alive(after):
                    continue
                came_from[after] = (state, char)
                queue.append(after)
            if len(queue) > limit:
                raise TooManyStatesError(
                    "The patterns overlap in too many ways to list.",
                    why=f"More than {limit} automaton states are needed.",
                    remedy="Use fewer wildcards in the middle of patterns, or compare fewer statements.",
                )
        return tuple(Cell(_spell(state, came_from), fits) for fits, state in found.items())

    def fits(self, text: str) -> tuple[bool, ...] | None:
        """Tell which patterns `text` fits, or None where it is outside the bounds."""
        state = self._close(self._start)
        for char in text:
            state = self.step(state, char)
        return self._fits(state) if self._is_inside(state) else None

    def step(self, state: int, char: str) -> int:
        """Give the state after one more character."""
        masks = self._masks
        moved = state & (self._literals.get(char, 0) | masks["one"])
        stays = state & masks["run"]
        if char != ":":
            moved |= state & masks["one_in_part"]
            stays |= state & masks["run_in_part"]
        return self._close(moved << 1 | stays)

    def _add(self, chain: Chain) -> None:
        self._start |= 1 << self._offset
        for token in chain:
            bit = 1 << self._offset
            if token.kind == "literal":
                for char in token.chars:
                    self._literals[char] = self._literals.get(char, 0) | bit
            else:
                self._masks[token.kind] |= bit
            self._offset += 1
        self._finals.append(1 << self._offset)
        self._offset += 1

    def _close(self, state: int) -> int:
        """A run may be empty. Two runs never stand side by side, so one pass is enough."""
        return state | (state & self._runs) << 1

    def _telling(self, state: int) -> Iterable[str]:
        chars = [char for char, mask in self._literals.items() if state & mask]
        if state & self._in_part and ":" not in chars:
            chars.append(":")
        yield from chars
        named = set(chars)
        yield next((char for char in _FILLERS if char not in named), "\u00a4")

    def _is_inside(self, state: int) -> bool:
        return not self._bounds or any(state & final for final in self._bounds)

    def _is_alive(self, state: int) -> bool:
        return not self._bounds or bool(state >> self._bound_bits)

    def _fits(self, state: int) -> tuple[bool, ...]:
        return tuple(bool(state & final) for final in self._finals[: self._count])


def _spell(state: int, came_from: dict[int, tuple[int, str]]) -> str:
    chars: list[str] = []
    while True:
        before, char = came_from[state]
        if not char:
            return "".join(reversed(chars))
        chars.append(char)
        state = before


def overlap(first: Chain, second: Chain) -> str | None:
    """Give a shortest text that fits both patterns, or None where there is none."""
    cells = Patterns([first], within=[second]).cells()
    return next((cell.text for cell in cells if cell.fits[0]), None)


def intersect(first: str, second: str) -> str | None:
    """Give a shortest text that fits both patterns as whole strings, or None where there is none.

    >>> intersect("a*c", "ab*"), intersect("a*", "b*")
    ('abc', None)
    """
    return overlap(glob(first), glob(second))


def intersect_resources(first: str, second: str) -> str | None:
    """Give a shortest text that fits both `Resource` elements, or None where there is none.

    >>> intersect_resources("arn:aws:s3:::a*", "arn:aws:s3:::*b")
    'arn:aws:s3:::ab'
    """
    return overlap(resource(first), resource(second))
