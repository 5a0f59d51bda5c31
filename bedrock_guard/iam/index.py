"""Which statements are about an action: a bit per statement, found by exact name, by service, or by test."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from bedrock_guard.iam import globs
from bedrock_guard.iam.arns import OnText
from bedrock_guard.iam.statements import CompiledStatement, action_predicate


class ActionIndex:
    """Finds the statements about an action without testing each."""

    __slots__ = ("_always", "_by_service", "_exact", "_others")

    def __init__(self, statements: Sequence[CompiledStatement]) -> None:
        self._always = 0
        self._exact: dict[str, int] = {}
        self._by_service: dict[str, list[tuple[OnText, int]]] = {}
        self._others: list[tuple[OnText, int]] = []
        for place, compiled in enumerate(statements):
            patterns = compiled.statement.actions
            if patterns is None:
                self._others.append((compiled.action, 1 << place))
                continue
            for pattern in patterns:
                self._add(pattern.lower(), 1 << place)

    def _add(self, pattern: str, bit: int) -> None:
        service, colon, _ = pattern.partition(":")
        if not pattern.strip("*"):
            self._always |= bit
        elif not globs.has_wildcard(pattern):
            self._exact[pattern] = self._exact.get(pattern, 0) | bit
        elif colon and not globs.has_wildcard(service):
            self._by_service.setdefault(service, []).append((_fits(pattern), bit))
        else:
            self._others.append((_fits(pattern), bit))

    def mask(self, action: str) -> int:
        """The bits of the statements that are about an action, given in lower case."""
        mask = self._always | self._exact.get(action, 0)
        for fits, bit in self._by_service.get(action.partition(":")[0], ()):
            if fits(action):
                mask |= bit
        for fits, bit in self._others:
            if fits(action):
                mask |= bit
        return mask


@lru_cache(maxsize=4096)
def _fits(pattern: str) -> OnText:
    """The test of one pattern, remembered: most policies name the same actions."""
    return action_predicate([pattern])
