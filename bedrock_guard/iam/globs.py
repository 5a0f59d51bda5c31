"""Match IAM patterns: `*` is any run of characters, `?` is one, everything else is itself.

Three readings of the same pattern text exist, and IAM uses all of them:

* `compile_glob`: the whole string at once (actions, `StringLike`).
  https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
* `compile_resource`: a `Resource` element. The parts of an ARN between colons are matched apart, so
  that a wildcard never reaches over one of the first five colons; the sixth part may hold colons.
  https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
* `compile_arn`: `ArnLike` and `ArnEquals`. As above, and the value has to be an ARN.

All compiled predicates are case-sensitive (lower both sides for actions) and cost time linear in the
text for a given pattern: no pattern makes them backtrack.

A character that a pattern must take literally although it is `*` or `?` (a substituted policy
variable, `${*}`) goes through `escape`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Predicate = Callable[[str], bool]

# Lone surrogates cannot occur in decodable text, so they are free to stand for "this very character".
_ESCAPED = {"*": chr(0xDC2A), "?": chr(0xDC3F)}
_ESCAPE = str.maketrans(_ESCAPED)
_UNESCAPE = str.maketrans({mark: char for char, mark in _ESCAPED.items()})


def escape(text: str) -> str:
    """Give back `text` as a pattern that matches only `text`.

    >>> match("team-" + escape("*"), "team-*"), match("team-" + escape("*"), "team-a")
    (True, False)
    """
    return text.translate(_ESCAPE)


def unescape(pattern: str) -> str:
    """Show a pattern as a person would write it, escaped characters as themselves."""
    return pattern.translate(_UNESCAPE)


def has_wildcard(pattern: str) -> bool:
    """Tell whether `pattern` holds a live `*` or `?`."""
    return "*" in pattern or "?" in pattern


def match(pattern: str, text: str) -> bool:
    """Tell whether the whole of `text` fits `pattern`, case-sensitively.

    >>> match("s3:Get*", "s3:GetObject"), match("a?c", "abbc")
    (True, False)
    """
    return compile_glob(pattern)(text)


def compile_glob(pattern: str) -> Predicate:
    """Compile a pattern over the whole string (`*` crosses every character, colons included)."""
    if not has_wildcard(pattern):
        return unescape(pattern).__eq__
    if "?" in pattern:
        return _from_regex(_glob_regex(pattern, "."))
    head, *middle, tail = (unescape(piece) for piece in pattern.split("*"))
    return _pieces(head, [piece for piece in middle if piece], tail)


def compile_resource(pattern: str) -> Predicate:
    """Compile one element of `Resource` or `NotResource`.

    `*` alone is every resource, ARN or not. An ARN with fewer than six parts is completed with
    wildcards, as IAM does.

    >>> compile_resource("arn:aws:sns:*:111122223333:t")("arn:aws:sns:us-east-1:x:111122223333:t")
    False
    """
    if not pattern.strip("*"):
        return _always
    return _compile_parts(arn_parts(pattern))


def compile_arn(pattern: str) -> Predicate:
    """Compile a value of `ArnLike` / `ArnEquals`; a text that is not an ARN never fits.

    >>> compile_arn("arn:aws:iam::*:role/Admin")("arn:aws:iam::111122223333:role/Admin")
    True
    """
    return _compile_parts(arn_parts(pattern))


def arn_parts(pattern: str) -> tuple[str, str, str, str, str, str]:
    """Split an ARN pattern into its six parts, missing ones filled with `*`.

    >>> arn_parts("arn:aws:sqs")
    ('arn', 'aws', 'sqs', '*', '*', '*')
    """
    parts = pattern.split(":", 5)
    partition, service, region, account, resource = (*parts[1:], *("*",) * (6 - len(parts)))
    return parts[0], partition, service, region, account, resource


def _compile_parts(parts: tuple[str, str, str, str, str, str]) -> Predicate:
    *head, last = parts
    if not any(has_wildcard(part) for part in head):
        return _after_prefix(unescape(":".join(head)) + ":", last)
    heads = "".join(f"(?>{_glob_regex(part, '[^:]')}:)" for part in head)
    return _from_regex(heads + _glob_regex(last, "."))


def _after_prefix(prefix: str, last: str) -> Predicate:
    if "?" not in last:
        return compile_glob(escape(prefix) + last)
    return _from_regex(re.escape(prefix) + _glob_regex(last, "."))


def _glob_regex(pattern: str, any_one: str) -> str:
    """Translate to a regular expression that never backtracks: the leftmost fit of each piece is final."""
    head, *rest = (_piece_regex(piece, any_one) for piece in re.split(r"\*+", pattern))
    if not rest:
        return head
    *middle, tail = rest
    return head + "".join(f"(?>{any_one}*?{piece})" for piece in middle) + f"{any_one}*{tail}"


def _piece_regex(piece: str, any_one: str) -> str:
    return any_one.join(re.escape(unescape(literal)) for literal in piece.split("?"))


def _from_regex(expression: str) -> Predicate:
    fullmatch = re.compile(expression, re.DOTALL).fullmatch
    return lambda text: fullmatch(text) is not None


def _pieces(head: str, middle: list[str], tail: str) -> Predicate:
    if not middle:
        return _ends(head, tail)
    shortest = len(head) + len(tail)

    def predicate(text: str) -> bool:
        if len(text) < shortest or not text.startswith(head) or not text.endswith(tail):
            return False
        at, end = len(head), len(text) - len(tail)
        for piece in middle:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True

    return predicate


def _ends(head: str, tail: str) -> Predicate:
    if not head and not tail:
        return _always
    if not tail:
        return lambda text: text.startswith(head)
    if not head:
        return lambda text: text.endswith(tail)
    shortest = len(head) + len(tail)
    return lambda text: len(text) >= shortest and text.startswith(head) and text.endswith(tail)


def _always(_text: str) -> bool:
    return True
