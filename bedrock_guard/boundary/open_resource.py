"""Judging an authorisation whose resource is only known as a pattern: rule by rule, for all it stands for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, Literal

from bedrock_guard.boundary.calls import Authorisation, Value
from bedrock_guard.boundary.controls.model import Rule
from bedrock_guard.iam.automaton import intersect
from bedrock_guard.iam.document import ALLOW_ALL
from bedrock_guard.iam.evaluator import Evaluator, compile_policies
from bedrock_guard.iam.globs import arn_parts, compile_glob, has_wildcard, match, unescape

Answer = Literal["allowed", "refused", "depends"]
Reached = Literal["all", "some", "none"]
_REST: Mapping[Reached, Reached] = {"all": "none", "some": "some", "none": "all"}
RESOURCE = "the resource"


class OpenRule:
    """One deny rule, asked about resources that are not known."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    @cached_property
    def _conditions(self) -> Evaluator:
        """What is left to ask of a rule that is about the action and the resource: its conditions."""
        return _only_when(json.dumps(self.rule.conditions, default=dict))

    def ask(
        self, entry: Authorisation, contexts: Sequence[Mapping[str, Value]]
    ) -> tuple[Answer, frozenset[str]]:
        """Whether the rule denies, and what the answer hangs on."""
        if not acts(self.rule, entry.action):
            return "allowed", frozenset()
        reach = self.reach(entry.resource)
        if reach == "none":
            return "allowed", frozenset()
        unknown = entry.unknown
        found = [
            self._conditions.depends_on(entry.action, "*", context, unknown=unknown) for context in contexts
        ]
        verdicts = {answer.verdict for answer in found}
        if verdicts == {"allowed"}:
            return "allowed", frozenset()
        keys = frozenset(key for answer in found for key in answer.keys)
        if verdicts == {"explicitDeny"}:
            return ("refused", keys) if reach == "all" else ("depends", frozenset({RESOURCE}))
        tested = {key.lower() for tests in self.rule.conditions.values() for key in tests}
        keys |= {key for key in entry.either if key.lower() in tested}
        return "depends", keys if reach == "all" else keys | {RESOURCE}

    def reach(self, pattern: str) -> Reached:
        """Of the resources that the pattern stands for, how many the rule is about."""
        return _reach(self.rule.resources, self.rule.not_resources, pattern)


@lru_cache(maxsize=1_024)
def _only_when(conditions: str) -> Evaluator:
    """A denial of everything under conditions (JSON); kept, because an edit leaves most conditions as they were."""
    body: dict[str, Any] = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    if held := json.loads(conditions):
        body["Condition"] = held
    return compile_policies([ALLOW_ALL, {"Version": "2012-10-17", "Statement": [body]}])


@lru_cache(maxsize=65_536)
def _reach(resources: tuple[str, ...], not_resources: tuple[str, ...], pattern: str) -> Reached:
    if not_resources:
        return _REST[_reach(not_resources, (), pattern)]
    if any(_covers(own, pattern) for own in resources):
        return "all"
    return "some" if any(_meets(own, pattern) for own in resources) else "none"


def acts(rule: Rule, action: str) -> bool:
    """Whether the rule names the action."""
    return _named(rule.actions, action)


@lru_cache(maxsize=16_384)
def _named(actions: tuple[str, ...], action: str) -> bool:
    return any(match(pattern.lower(), action.lower()) for pattern in actions)


@lru_cache(maxsize=65_536)
def _covers(own: str, pattern: str) -> bool:
    return match(own, pattern)


def meet(first: str, second: str) -> bool:
    """Whether some resource fits both patterns of a Resource element; the parts of an ARN are matched apart.

    Example:
        >>> meet("arn:aws:s3:::a*", "arn:aws:s3:::*b"), meet("arn:aws:s3:::a*", "arn:aws:s3:::b*")
        (True, False)
    """
    if not first.strip("*") or not second.strip("*"):
        return True
    return all(map(_parts_meet, arn_parts(first), arn_parts(second)))


_meets = lru_cache(maxsize=65_536)(meet)


@lru_cache(maxsize=65_536)
def _parts_meet(first: str, second: str) -> bool:
    if not has_wildcard(first):
        return compile_glob(second)(unescape(first))
    if not has_wildcard(second):
        return compile_glob(first)(unescape(second))
    return intersect(first, second) is not None
