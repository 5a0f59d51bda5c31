"""What an IAM policy is, as data: a document of statements, a statement of elements and conditions.

Element names are AWS's own (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html).
`bedrock_guard.iam.document` is the public face of this module.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bedrock_guard.errors import GuardError

Kind = Literal["identity", "boundary", "scp", "rcp", "resource", "session", "trust"]
Effect = Literal["Allow", "Deny"]
Qualifier = Literal["", "ForAllValues", "ForAnyValue"]
Principals = Mapping[str, tuple[str, ...]]

KINDS: tuple[Kind, ...] = ("identity", "boundary", "scp", "rcp", "resource", "session", "trust")
VERSIONS = ("2012-10-17", "2008-10-17")
_JSON_SPACE = re.compile(r"[ \t\n\r]+")
_NOT_STORED = re.compile(r"[^\t\n\r\x20-\xff]")
DEFAULT_VERSION = "2008-10-17"  # what IAM assumes of a policy without Version


class PolicyError(GuardError):
    """A policy document that was refused, with the place of the fault.

    `line` and `column` count from 1; both are None where the fault is not at one place of a text.
    """

    def __init__(
        self,
        what: str,
        *,
        why: str = "",
        remedy: str = "",
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        place = f" (line {line}, column {column})" if line is not None else ""
        super().__init__(f"{what}{place}", why=why, remedy=remedy)
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Condition:
    """One (operator, key) entry of a Condition element.

    `operator` is the base name in AWS's spelling; `values` holds JSON numbers and booleans as IAM
    renders them ("10", "true").
    """

    operator: str
    key: str
    values: tuple[str, ...]
    if_exists: bool = False
    qualifier: Qualifier = ""

    @property
    def name(self) -> str:
        """The operator as a document spells it, e.g. "ForAnyValue:StringLikeIfExists"."""
        if not (self.qualifier or self.if_exists):
            return self.operator
        prefix = f"{self.qualifier}:" if self.qualifier else ""
        return f"{prefix}{self.operator}{'IfExists' if self.if_exists else ''}"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. Of each pair (Action, NotAction; Resource, NotResource; …) at most one is not None.

    `principals` maps the type ("AWS", "Service", "Federated", "CanonicalUser") to its values; the bare
    `"Principal": "*"` is `{"*": ("*",)}`. `resources` and `not_resources` are both None where a
    trust policy leaves them out.
    """

    sid: str | None
    effect: Effect
    actions: tuple[str, ...] | None = None
    not_actions: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = None
    not_resources: tuple[str, ...] | None = None
    principals: Principals | None = field(default=None, hash=False)
    not_principals: Principals | None = field(default=None, hash=False)
    conditions: tuple[Condition, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The statement as JSON data, elements in AWS's order, one value as a string."""
        out: dict[str, Any] = {} if self.sid is None else {"Sid": self.sid}
        out["Effect"] = self.effect
        for name, principals in (("Principal", self.principals), ("NotPrincipal", self.not_principals)):
            if principals is not None:
                out[name] = _principals_to_json(principals)
        for name, values in (
            ("Action", self.actions),
            ("NotAction", self.not_actions),
            ("Resource", self.resources),
            ("NotResource", self.not_resources),
        ):
            if values is not None:
                out[name] = _one_or_list(values)
        if self.conditions:
            out["Condition"] = _conditions_to_json(self.conditions)
        return out


@dataclass(frozen=True, slots=True)
class Document:
    """One policy document. `warnings` says what a lenient reading let pass.

    `source` is the text it was read from (None for one built in code, and for a changed copy).
    """

    kind: Kind
    version: str
    statements: tuple[Statement, ...]
    id: str | None = None
    warnings: tuple[str, ...] = field(default=(), compare=False)
    source: str | None = field(default=None, init=False, compare=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The document as JSON data in canonical form."""
        out: dict[str, Any] = {"Version": self.version}
        if self.id is not None:
            out["Id"] = self.id
        out["Statement"] = [statement.to_dict() for statement in self.statements]
        return out

    def to_json(self) -> str:
        """Canonical JSON, two spaces of indentation: elements in AWS's order, Version written out.

        Raises:
            PolicyError: for a document built in code that names one operator and key twice.

        Example:
            >>> statement = Statement(None, "Allow", actions=("*",), resources=("*",))
            >>> Document("identity", "2012-10-17", (statement,)).minified()
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
        """
        return _escape(json.dumps(self.to_dict(), indent=2, ensure_ascii=False))

    def minified(self) -> str:
        """The text it was read from without insignificant white space; canonical JSON if built in code."""
        if self.source is None:
            return _escape(json.dumps(self.to_dict(), separators=(",", ":"), ensure_ascii=False))
        return strip_white_space(self.source)


def strip_white_space(text: str) -> str:
    """JSON text without the white space outside its strings.

    Example:
        >>> strip_white_space('{ "a b" : [ 1 ] }')
        '{"a b":[1]}'
    """
    pieces = text.split('"')
    out: list[str] = []
    in_string = False
    for index, piece in enumerate(pieces):
        if in_string:
            out.append(piece)
            backslashes = len(piece) - len(piece.rstrip("\\"))
            in_string = backslashes % 2 == 1
        else:
            out.append(_JSON_SPACE.sub("", piece))
            in_string = True
        if index < len(pieces) - 1:
            out.append('"')
    return "".join(out)


def _escape(text: str) -> str:
    """Write characters that IAM does not store as JSON escapes."""
    return _NOT_STORED.sub(lambda found: json.dumps(found.group())[1:-1], text)


def _one_or_list(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _principals_to_json(principals: Principals) -> str | dict[str, str | list[str]]:
    if tuple(principals) == ("*",):
        return "*"
    return {kind: _one_or_list(values) for kind, values in principals.items()}


def _conditions_to_json(conditions: tuple[Condition, ...]) -> dict[str, dict[str, str | list[str]]]:
    out: dict[str, dict[str, str | list[str]]] = {}
    for condition in conditions:
        keys = out.setdefault(condition.name, {})
        if condition.key in keys:
            raise PolicyError(f"{condition.name} names {condition.key} twice, which JSON cannot hold.")
        keys[condition.key] = _one_or_list(condition.values)
    return out
