"""Reading a delivered CloudTrail file without parsing the records that make no row.

Most records of a trail are of other services, and parsing them is most of the work. A delivered file is compact, and
each of its records begins with `eventVersion`, so the text can be cut between records. A cut inside a record leaves
pieces with open brackets, and a record that begins otherwise stays glued to the one before it: such pieces are parsed,
fail, and then the whole file is parsed instead.
"""

from __future__ import annotations

import json
from typing import Any, Final

from bedrock_guard.evidence.usage import LeftOut, reason_of

_OPEN: Final = '{"Records":['
_FIRST: Final = '{"eventVersion":"'
_CLOSE: Final = "]}"
_CUT: Final = "}," + _FIRST
_SOURCE: Final = '"eventSource":"'
_NAME: Final = '"eventName":"'
_ALWAYS_PARSED: Final = (
    "NaN",
    "Infinity",
    "AwsCloudTrailInsight",
    '"eventCategory":"Insight"',
    "CloudTrailEvent",
)


def skim(text: str, decoder: json.JSONDecoder) -> list[Any] | None:
    """The records of a delivered file, those that can be no row as their reason; None when the text has another form.

    Example:
        >>> record = '{"eventVersion":"1.11","eventSource":"kms.amazonaws.com","eventName":"Decrypt"}'
        >>> skim('{"Records":[' + record + "," + record + "]}", json.JSONDecoder())
        [<LeftOut.OTHER_SERVICE: 'other_service'>, <LeftOut.OTHER_SERVICE: 'other_service'>]
    """
    text = text.rstrip()
    if not text.startswith(_OPEN + _FIRST) or not text.endswith("}" + _CLOSE):
        return None
    if any(word in text for word in _ALWAYS_PARSED):
        return None
    pieces = text[len(_OPEN) + len(_FIRST) : -len(_CLOSE) - 1].split(_CUT)
    items: list[Any] = []
    for piece in pieces:
        reason = _reason(piece)
        try:
            items.append(decoder.decode(f"{_FIRST}{piece}}}") if reason is None else reason)
        except ValueError:
            return None
    return items


def _reason(piece: str) -> LeftOut | None:
    """Why the record is no row, when its text alone decides that."""
    source, name = _only(piece, _SOURCE), _only(piece, _NAME)
    if source is None or name is None or "},{" in piece or '"eventVersion"' in piece:
        return None
    whole = piece.count("{") == piece.count("}") and piece.count("[") == piece.count("]")
    return reason_of(source, name) if whole else None


def _only(piece: str, member: str) -> str | None:
    """The text of a member that occurs once and holds no escapes; None otherwise."""
    start = piece.find(member) + len(member)
    if start < len(member) or piece.find(member, start) >= 0:
        return None
    value = piece[start : piece.find('"', start)]
    return None if "\\" in value else value
