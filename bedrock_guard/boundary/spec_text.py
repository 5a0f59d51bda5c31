"""The text of a spec: from bytes to TOML, and its errors with key and line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bedrock_guard.boundary import names
from bedrock_guard.boundary.locate import line_of, value_at
from bedrock_guard.boundary.unfit import unfit
from bedrock_guard.errors import GuardError

MAX_SPEC_BYTES = 2_000_000
_LONGEST = 2_000
_KEY_AGE = "is no age of a key: write a whole number of days from 1 to 36,600, true to forbid keys, or false."


class SpecError(GuardError):
    """A spec that cannot be used. `key` is the dotted path and `line` the 1-based line, where they are known."""

    def __init__(
        self, what: str, *, why: str = "", remedy: str = "", key: str = "", line: int | None = None
    ) -> None:
        place = f"line {line}" if line else ""
        where = ", ".join(part for part in (names.clipped(key), place) if part)
        what, why, remedy = (names.clipped(text, _LONGEST) for text in (what, why, remedy))
        super().__init__(f"{where}: {what}" if where else what, why=why, remedy=remedy)
        self.key = key
        self.line = line


def read_text(path: str | Path) -> str:
    """The text of a spec's file.

    Raises:
        SpecError: no such file, or not UTF-8.
    """
    file = Path(path)
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise SpecError(
            f"Cannot read {file.name}.", why=error.strerror or "", remedy="Check the path."
        ) from error
    return _decode(raw)


def _decode(raw: bytes) -> str:
    if len(raw) > MAX_SPEC_BYTES:
        raise SpecError("The spec is too large.", why=f"{len(raw):,} bytes; at most {MAX_SPEC_BYTES:,}.")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SpecError(
            "The spec is not UTF-8.", why="It begins with a UTF-16 mark.", remedy="Save it as UTF-8."
        )
    try:
        return raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        why = f"Byte {error.start} is 0x{raw[error.start]:02x}; perhaps Latin-1."
        raise SpecError("The spec is not UTF-8.", why=why, remedy="Save it as UTF-8.") from error


def parse(text: str) -> dict[str, Any]:
    """The TOML text as data.

    Raises:
        SpecError: too large, or not TOML; names the line.
    """
    if len(text) > MAX_SPEC_BYTES:
        raise SpecError(
            "The spec is too large.", why=f"{len(text):,} characters; at most {MAX_SPEC_BYTES:,}."
        )
    if text.startswith("\ufeff"):
        raise SpecError(
            "The text begins with a byte order mark.", remedy="Read the file as UTF-8 with signature."
        )
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError("This is not TOML.", why=str(error), line=_line_in(str(error), text)) from error
    except (RecursionError, ValueError) as error:
        raise SpecError(
            "This is not TOML.", why=f"{type(error).__name__}: nested too deep or no number."
        ) from error


def _line_in(message: str, text: str) -> int | None:
    if "end of document" in message:
        return text.count("\n") + 1
    _, _, tail = message.partition("at line ")
    digits = tail.split(",")[0].split(")")[0].strip()
    return int(digits) if digits.isdecimal() else None


def first(error: ValidationError, text: str, data: Mapping[str, Any], controls: Iterable[str]) -> SpecError:
    """The first of pydantic's complaints, with its key, its line, and how many more there are.

    `controls` are named where a control is misspelt.
    """
    details = error.errors(include_url=False)
    found = details[0]
    path = _real_path(data, found["loc"])
    more = len({tuple(_real_path(data, d["loc"])) for d in details}) - 1
    known = ", ".join(controls) if "controls" in path and found["type"] == "extra_forbidden" else ""
    return SpecError(
        f"{_sentence(found)}{f' ({more} more.)' if more else ''}",
        remedy=f"The controls are: {known}." if known else "",
        key=".".join(str(step) for step in path),
        line=line_of(text, path),
    )


def _sentence(detail: Mapping[str, Any]) -> str:
    if detail["type"] == "extra_forbidden":
        return "No such key."
    if detail["type"] == "missing":
        return "This key is missing."
    if detail["type"] in ("date_type", "date_exact"):
        return f"{names.clipped(repr(detail['input']))} is no date: write it without quotes, as 2027-03-31."
    if detail["loc"][2:4] == ("controls", "api_key_creation"):
        return f"{names.clipped(repr(detail['input']))} {_KEY_AGE}"
    own = detail["type"] in {"value_error", "assertion_error"}
    message = str(detail["msg"]).removeprefix("Value error, ") if own else unfit(detail)
    return f"{message[:1].upper()}{message[1:]}."


def _real_path(data: Any, loc: Sequence[str | int]) -> list[str | int]:
    """The part of pydantic's location that exists in the file (it adds names of union members)."""
    path: list[str | int] = []
    for step in loc:
        here = value_at(data, path) if path else data
        exists = (isinstance(here, Mapping) and step in here) or (
            isinstance(here, list) and isinstance(step, int)
        )
        if exists or (isinstance(here, Mapping) and step == loc[-1]):
            path.append(step)
    return path
