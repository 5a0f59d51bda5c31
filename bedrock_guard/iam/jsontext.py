"""JSON as IAM takes it, parsed with the place of every value.

Stricter than `json.loads`: no comment, trailing comma, second document, duplicate key, NaN, lone
surrogate or deep nesting passes (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html).
"""

from __future__ import annotations

import re
from json.decoder import JSONDecodeError, JSONDecoder
from typing import Literal, NoReturn

from bedrock_guard.iam.model import PolicyError

MAX_CHARACTERS = 131_072  # SimulateCustomPolicy's own limit for one policy (botocore, policyDocumentType)
MAX_STORED = 1_048_576  # what AWS itself stores is larger: AWSSupportServiceRolePolicy has more than 150,000
MAX_DEPTH = 12  # a policy nests five deep; beyond this nothing can be one

NodeKind = Literal["object", "array", "string", "number", "boolean", "null"]

_STRINGS = JSONDecoder(strict=True)
_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\xff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_WORD = re.compile(r"[A-Za-z0-9_.+-]+")
_WORDS: dict[str, tuple[NodeKind, str]] = {
    "true": ("boolean", "true"),
    "false": ("boolean", "false"),
    "null": ("null", "null"),
}


class Node:
    """One JSON value: its kind, its place (offsets in the text; `end` of objects only) and what it holds.

    `text` is the decoded string, the number as written, "true", "false" or "null"; `items` the
    elements of an array; `members` the (key, offset of the key, value) of an object.
    """

    __slots__ = ("at", "end", "items", "kind", "members", "text")

    def __init__(self, kind: NodeKind, at: int, text: str = "") -> None:
        self.kind: NodeKind = kind
        self.at = at
        self.end = at
        self.text = text
        self.items: list[Node] = []
        self.members: list[tuple[str, int, Node]] = []


def parse(text: str, *, any_character: bool = False) -> Node:
    """Parse one JSON text.

    Args:
        text: the whole document.
        any_character: what AWS itself returned: let characters and sizes pass that IAM does not take.

    Raises:
        PolicyError: with line and column, for everything that is not exactly one JSON value.
    """
    most = MAX_STORED if any_character else MAX_CHARACTERS
    if len(text) > most:
        raise PolicyError(
            f"The policy has {len(text):,} characters.",
            why=f"No IAM call takes more than {MAX_CHARACTERS:,}.",
            remedy="Split the policy.",
        )
    _check_characters(text, any_character=any_character)
    node, end = _value(text, _skip(text, 0), 1)
    end = _skip(text, end)
    if end < len(text):
        _fail_after_end(text, end)
    return node


def place(text: str, at: int) -> tuple[int, int]:
    r"""Line and column of an offset, both counted from 1.

    Example:
        >>> place("{\n  x", 4)
        (2, 3)
    """
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def fail(text: str, at: int, what: str, *, why: str = "", remedy: str = "") -> NoReturn:
    """Raise the PolicyError for one place of a text."""
    line, column = place(text, at)
    raise PolicyError(what, why=why, remedy=remedy, line=line, column=column)


def _check_characters(text: str, *, any_character: bool) -> None:
    found = (_SURROGATE if any_character else _FORBIDDEN).search(text)
    if found is None:
        return
    code = ord(found.group())
    if 0xD800 <= code <= 0xDFFF:
        fail(text, found.start(), "The policy holds a lone surrogate.", why="It is half a character.")
    fail(
        text,
        found.start(),
        f"The policy holds the character U+{code:04X}.",
        why="IAM stores only tab, line feed, carriage return and U+0020 to U+00FF.",
        remedy="Remove it, or write it as a JSON escape inside a string.",
    )


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()


def _value(text: str, at: int, depth: int) -> tuple[Node, int]:
    first = text[at : at + 1]
    if first == '"':
        return _string(text, at)
    if first in ("{", "["):
        if depth > MAX_DEPTH:
            fail(text, at, f"The policy nests deeper than {MAX_DEPTH} levels.")
        return _object(text, at, depth) if first == "{" else _array(text, at, depth)
    number = _NUMBER.match(text, at)
    word = _WORD.match(text, at)
    if number is not None and word is not None and number.end() == word.end():
        return Node("number", at, number.group()), number.end()
    if word is not None and word.group() in _WORDS:
        kind, written = _WORDS[word.group()]
        return Node(kind, at, written), word.end()
    return _fail_value(text, at)


def _string(text: str, at: int) -> tuple[Node, int]:
    try:
        decoded, end = _STRINGS.raw_decode(text, at)
    except JSONDecodeError as error:
        fail(text, error.pos, f"A string is not valid JSON: {error.msg.rstrip(' at')}.")
    if _SURROGATE.search(decoded):
        fail(text, at, "A string holds a lone surrogate.", why="It is half a character.")
    return Node("string", at, decoded), end


def _object(text: str, at: int, depth: int) -> tuple[Node, int]:
    node = Node("object", at)
    seen: set[str] = set()
    here = _skip(text, at + 1)
    if text[here : here + 1] == "}":
        node.end = here + 1
        return node, here + 1
    while True:
        if text[here : here + 1] != '"':
            _fail_member(text, here)
        key, end = _string(text, here)
        if key.text in seen:
            fail(text, here, f'"{key.text}" occurs twice in one element.', why="IAM refuses duplicate keys.")
        seen.add(key.text)
        colon = _skip(text, end)
        if text[colon : colon + 1] != ":":
            _fail_expected(text, colon, "a colon")
        value, end = _value(text, _skip(text, colon + 1), depth + 1)
        node.members.append((key.text, here, value))
        here, closed = _next(text, end, "}")
        if closed:
            node.end = here
            return node, here


def _array(text: str, at: int, depth: int) -> tuple[Node, int]:
    node = Node("array", at)
    here = _skip(text, at + 1)
    if text[here : here + 1] == "]":
        return node, here + 1
    while True:
        value, end = _value(text, here, depth + 1)
        node.items.append(value)
        here, closed = _next(text, end, "]")
        if closed:
            return node, here


def _next(text: str, end: int, closing: str) -> tuple[int, bool]:
    at = _skip(text, end)
    mark = text[at : at + 1]
    if mark == closing:
        return at + 1, True
    if mark != ",":
        _fail_expected(text, at, f"a comma or {closing}")
    after = _skip(text, at + 1)
    if text[after : after + 1] == closing:
        fail(
            text,
            at,
            "A comma stands before the end of a list or object.",
            remedy="Remove the trailing comma.",
        )
    return after, False


def _fail_expected(text: str, at: int, expected: str) -> NoReturn:
    if at >= len(text):
        fail(text, at, "The policy ends too early.", why=f"There should be {expected}.")
    if text[at] in "/#":
        fail(text, at, "A comment stands in the policy.", why="JSON has no comments.", remedy="Remove it.")
    fail(text, at, f"There should be {expected} here.")


def _fail_member(text: str, at: int) -> NoReturn:
    _fail_expected(text, at, "a name in double quotes")


def _fail_value(text: str, at: int) -> NoReturn:
    word = _WORD.match(text, at)
    written = "" if word is None else word.group()
    if written.lstrip("+-") in {"NaN", "Infinity"}:
        fail(text, at, f"{written} is no JSON number.")
    if written:
        fail(text, at, f"{written[:40]!r} is no JSON value.", remedy="Put text in double quotes.")
    _fail_expected(text, at, "a value")


def _fail_after_end(text: str, at: int) -> NoReturn:
    if text[at] in "{[":
        fail(text, at, "Two documents run together.", why="A policy is one JSON object.")
    _fail_expected(text, at, "nothing more")
