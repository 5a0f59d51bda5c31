"""What lint works with: rules, findings, and where in a document a finding is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from bedrock_guard.iam.catalogue import ActionCatalogue, ActionInfo
from bedrock_guard.iam.model import Condition, Document, Statement

Severity = Literal["error", "warning", "note"]
_USER_GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
# Expanding these would read every service that AWS has.
_MANY_ACTIONS = 400


@dataclass(frozen=True, slots=True)
class Rule:
    """One mistake that a policy can hold.

    `error`: the statement does not do what it says. `warning`: it does, but probably not what was meant.
    `note`: worth knowing.
    """

    id: str
    severity: Severity
    sentence: str
    source: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a rule is broken.

    `path` is a JSONPath (RFC 9535) into the document; `statement` counts from 0 and is None for a fault of
    the whole document.
    """

    rule: Rule
    message: str
    path: str
    statement: int | None = None
    sid: str | None = None
    value: str = ""
    remedy: str = ""

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return self.rule.severity

    def __str__(self) -> str:
        """One line: severity, rule, place, message, remedy."""
        where = f"{self.path} ({self.sid})" if self.sid else self.path
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{self.severity} {self.rule.id} at {where}: {self.message}{remedy}"


@dataclass(frozen=True)
class Scope:
    """One statement with its place and the catalogue: what a statement's checks are given."""

    document: Document
    catalogue: ActionCatalogue
    index: int

    @cached_property
    def statement(self) -> Statement:
        """The statement that is looked at."""
        return self.document.statements[self.index]

    @cached_property
    def listed_actions(self) -> tuple[ActionInfo, ...] | None:
        """The actions that `Action` names, or None where they are too many to list or not listed at all."""
        patterns = self.statement.actions
        if patterns is None or any(has_wildcard_service(pattern) for pattern in patterns):
            return None
        found = {info.name: info for pattern in patterns for info in self.catalogue.expand(pattern)}
        return tuple(found.values()) if len(found) <= _MANY_ACTIONS else None

    def element(self, name: str, values: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Give (JSONPath, value) of each value of an element."""
        base = f"$.Statement[{self.index}].{name}"
        return iter(places(base, values))

    def condition_path(self, condition: Condition, value: int | None = None) -> str:
        """Give the JSONPath of a condition, or of one of its values."""
        base = f"$.Statement[{self.index}].Condition[{quoted(condition.name)}][{quoted(condition.key)}]"
        return base if value is None or len(condition.values) == 1 else f"{base}[{value}]"

    def finding(
        self, rule: Rule, message: str, path: str = "", *, value: str = "", remedy: str = ""
    ) -> Finding:
        """Make a finding in this statement."""
        place = path or f"$.Statement[{self.index}]"
        return Finding(rule, message, place, self.index, self.statement.sid, value, remedy)


Check = Callable[[Scope], Iterable[Finding]]


def user_guide(page: str) -> str:
    """Give the address of a page of the IAM User Guide."""
    return f"{_USER_GUIDE}{page}.html"


def places(base: str, values: Sequence[str]) -> list[tuple[str, str]]:
    """Pair each value with its JSONPath; a single value stands in the document without a list."""
    if len(values) == 1:
        return [(base, values[0])]
    return [(f"{base}[{position}]", value) for position, value in enumerate(values)]


def quoted(name: str) -> str:
    """Quote a member name for a JSONPath."""
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def has_wildcard_service(action: str) -> bool:
    """Tell whether an action pattern is not tied to one service."""
    prefix, colon, _ = action.partition(":")
    return not colon or "*" in prefix or "?" in prefix


def few(names: Iterable[str], limit: int = 5) -> str:
    """Join names for a sentence, the rest as a count."""
    listed = list(names)
    shown = ", ".join(listed[:limit])
    return shown if len(listed) <= limit else f"{shown} and {len(listed) - limit} more"
