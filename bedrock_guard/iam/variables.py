"""Policy variables: `${key}`, `${key, 'default'}`, and the literal characters `${*}` `${?}` `${$}`.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
A substituted value is literal: a `*` in it is no wildcard. A multivalued key has no value as a variable
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bedrock_guard.iam.globs import escape
from bedrock_guard.iam.values import text

_VARIABLE = re.compile(r"\$\{(?:([*?$])|([^\s,{}'*?$][^,{}'*?$]*?)\s*(?:,\s*'([^']*)'\s*)?)\}")


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a pattern: its key in lower case, and its default, None if it has none."""

    key: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Template:
    """A pattern in pieces: literal pattern text and variables."""

    pieces: tuple[str | Variable, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the variables, in lower case."""
        return tuple(dict.fromkeys(piece.key for piece in self.pieces if isinstance(piece, Variable)))

    @property
    def fixed(self) -> str | None:
        """The whole pattern if it has no variables, else None. Literal characters are escaped."""
        if any(isinstance(piece, Variable) for piece in self.pieces):
            return None
        return "".join(piece for piece in self.pieces if isinstance(piece, str))

    def expand(self, facts: Mapping[str, Any]) -> str | None:
        """The pattern for one request (keys of `facts` in lower case); None if a variable has no value."""
        out: list[str] = []
        for piece in self.pieces:
            if isinstance(piece, str):
                out.append(piece)
                continue
            value = _value(facts.get(piece.key), piece.default)
            if value is None:
                return None
            out.append(escape(value))
        return "".join(out)


def parse(pattern: str, version: str) -> Template:
    """Find the variables of a pattern; a document of Version 2008-10-17 has none.

    Example:
        >>> parse("home/${aws:username}/*", "2012-10-17").expand({"aws:username": "ada"})
        'home/ada/*'
    """
    if version != "2012-10-17" or "${" not in pattern:
        return Template((pattern,))
    pieces: list[str | Variable] = []
    end = 0
    for found in _VARIABLE.finditer(pattern):
        pieces.append(pattern[end : found.start()])
        special, key, default = found.groups()
        pieces.append(escape(special) if special else Variable(key.lower(), default))
        end = found.end()
    pieces.append(pattern[end:])
    return Template(tuple(piece for piece in pieces if piece != ""))


def _value(value: object, default: str | None) -> str | None:
    if value is None or isinstance(value, list | tuple | set | frozenset):
        return default
    return text(value)  # type: ignore[arg-type]
