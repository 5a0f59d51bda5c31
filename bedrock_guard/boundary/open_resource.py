"""Judging an authorisation whose resource is only known as a pattern: rule by rule, for all it stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, Literal

from bedrock_guard.boundary.calls import Authorisation, Value
from bedrock_guard.boundary.controls.model import Rule
from bedrock_guard.iam.evaluator import Evaluator, compile_policies
from bedrock_guard.iam.globs import arn_parts, compile_glob, has_wildcard, intersect, match, unescape

Answer = Literal["allowed", "refused", "depends"]
RESOURCE = "the resource"

EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "Everything", "Effect": "Allow", "Action": "*", "Resource": "*"}],
}


class OpenRule:
    """One deny rule, asked about resources that are not known."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    @cached_property
    def _conditions(self) -> Evaluator:
        """The rule on every resource: what is left to ask are its conditions."""
        body: dict[str, Any] = {"Effect": "Deny", "Action": list(self.rule.actions), "Resource": "*"}
        if self.rule.conditions:
            tests = self.rule.conditions.items()
            body["Condition"] = {
                op: {key: list(values) for key, values in keys.items()} for op, keys in tests
            }
        return compile_policies([EVERYTHING, {"Version": "2012-10-17", "Statement": [body]}])

    def ask(
        self, entry: Authorisation, contexts: Sequence[Mapping[str, Value]]
    ) -> tuple[Answer, frozenset[str]]:
        """Whether the rule denies, and what the answer hangs on."""
        reach = self._reach(entry.resource)
        if reach == "none" or not acts(self.rule, entry.action):
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

    def _reach(self, pattern: str) -> Literal["all", "some", "none"]:
        """Of the resources that the pattern stands for, how many the rule is about."""
        if self.rule.not_resources:
            if any(match(own, pattern) for own in self.rule.not_resources):
                return "none"
            meets = any(meet(own, pattern) for own in self.rule.not_resources)
            return "some" if meets else "all"
        if any(match(own, pattern) for own in self.rule.resources):
            return "all"
        meets = any(meet(own, pattern) for own in self.rule.resources)
        return "some" if meets else "none"


def acts(rule: Rule, action: str) -> bool:
    """Whether the rule names the action."""
    return _named(rule.actions, action)


@lru_cache(maxsize=16_384)
def _named(actions: tuple[str, ...], action: str) -> bool:
    return any(match(pattern.lower(), action.lower()) for pattern in actions)


def meet(first: str, second: str) -> bool:
    """Whether some resource fits both patterns of a Resource element; the parts of an ARN are matched apart.

    Example:
        >>> meet("arn:aws:s3:::a*", "arn:aws:s3:::*b"), meet("arn:aws:s3:::a*", "arn:aws:s3:::b*")
        (True, False)
    """
    if not first.strip("*") or not second.strip("*"):
        return True
    return all(map(_parts_meet, arn_parts(first), arn_parts(second)))


@lru_cache(maxsize=65_536)
def _parts_meet(first: str, second: str) -> bool:
    if not has_wildcard(first):
        return compile_glob(second)(unescape(first))
    if not has_wildcard(second):
        return compile_glob(first)(unescape(second))
    return intersect(first, second) is not None
