"""Cut the values of a key that patterns use as a policy variable, finely enough to try one value of each part.

A pattern `before${key}after` meets another pattern Q through what the variable's value does to Q: from which
places of Q to which places it leads. Values that do the same to every Q meet the same combinations of patterns. So
the values are cut by every stretch of Q that can stand between something `before` fits and something `after` fits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bedrock_guard.iam import automaton
from bedrock_guard.iam.automaton import Chain, Token, TooManyStatesError
from bedrock_guard.iam.compare_atoms import Shape
from bedrock_guard.iam.variables import Template, Variable

_MARK = chr(0xDFFF)
_STRETCHES = 64


@dataclass(frozen=True, slots=True)
class Hole:
    """A pattern with one variable in it: what stands before and after the variable."""

    key: str
    before: Chain
    after: Chain

    def widened(self) -> Chain:
        """Give the pattern that fits whatever value the variable takes."""
        return (*self.before, Token("run"), *self.after)


def hole(template: Template, *, is_arn: bool) -> Hole | None:
    """Give the hole of a pattern with one variable, or None where it has several."""
    variables = [piece for piece in template.pieces if isinstance(piece, Variable)]
    if len(variables) != 1:
        return None
    text = "".join(_MARK if isinstance(piece, Variable) else piece for piece in template.pieces)
    chain = automaton.resource(text) if is_arn else automaton.glob(text)
    at = next(position for position, token in enumerate(chain) if token.chars == _MARK)
    return Hole(variables[0].key, chain[:at], chain[at + 1 :])


def stretches(holes: Iterable[Hole], others: Sequence[Chain]) -> tuple[list[Shape], bool]:
    """Give the patterns by which to cut the variable's values, and whether these are all that matter."""
    found = dict.fromkeys(piece for one in holes for chain in others for piece in _pieces(one, chain))
    shapes = [Shape(chain, _text(chain, "?", "*"), _text(chain, "x", "example")) for chain in found]
    return shapes[:_STRETCHES], len(shapes) <= _STRETCHES


def independent(holes: Sequence[Hole | None]) -> bool:
    """Tell whether trying one value of each part is a proof, for the patterns of one axis that hold variables."""
    known = [one for one in holes if one is not None]
    if len(known) != len(holes):
        return False
    for position, first in enumerate(known):
        for second in known[position + 1 :]:
            same_start = first.key == second.key and first.before == second.before
            if not same_start and _meet(first, second):
                return False
    return True


def _meet(first: Hole, second: Hole) -> bool:
    try:
        return automaton.overlap(first.widened(), second.widened()) is not None
    except TooManyStatesError:
        return True


def _pieces(one: Hole, chain: Chain) -> Iterator[Chain]:
    starts = _reached(chain, one.before)
    ends = {len(chain) - place for place in _reached(chain[::-1], one.after[::-1])}
    for start in starts:
        for end in ends:
            if start <= end:
                yield chain[start:end]


def _reached(chain: Chain, prefix: Chain) -> set[int]:
    """Give the places of `chain` that some text which fits `prefix` leads to."""
    seen = {(0, 0)}
    stack = [(0, 0)]
    while stack:
        place, done = stack.pop()
        for after in _moves(chain, prefix, place, done):
            if after not in seen:
                seen.add(after)
                stack.append(after)
    return {place for place, done in seen if done == len(prefix)}


def _moves(chain: Chain, prefix: Chain, place: int, done: int) -> Iterator[tuple[int, int]]:
    ours = chain[place] if place < len(chain) else None
    theirs = prefix[done] if done < len(prefix) else None
    if ours is not None and _is_run(ours):
        yield place + 1, done
    if theirs is not None and _is_run(theirs):
        yield place, done + 1
    if ours is not None and theirs is not None and _share(ours, theirs):
        yield (place if _is_run(ours) else place + 1), (done if _is_run(theirs) else done + 1)


def _is_run(token: Token) -> bool:
    return token.kind in ("run", "run_in_part")


def _share(first: Token, second: Token) -> bool:
    """Tell whether one character can be taken by both."""
    if first.kind == "literal" and second.kind == "literal":
        return bool(set(first.chars) & set(second.chars))
    for literal, other in ((first, second), (second, first)):
        if literal.kind == "literal" and other.kind.endswith("_in_part"):
            return literal.chars != ":"
    return True


def _text(chain: Chain, one: str, run: str) -> str:
    """Write a stretch of a pattern with these texts for its wildcards."""
    texts = {"one": one, "one_in_part": one, "run": run, "run_in_part": run}
    return "".join(token.chars[0] if token.kind == "literal" else texts[token.kind] for token in chain)
