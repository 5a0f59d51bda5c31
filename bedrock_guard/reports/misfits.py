"""What does not fit a schema, and what would, in words: no library's own."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from bedrock_guard.boundary.unfit import unfit
from bedrock_guard.evidence.words import listed

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

_TOLD: Final = 3
_UNKNOWN: Final = "extra_forbidden"


def reasons(error: ValidationError, known: Collection[str] = ()) -> str:
    """Which values do not fit and why, the first three; `known` names are what an unknown one may have meant."""
    told = [f"{_name(fault)}: {_why(fault, known)}" for fault in error.errors(include_url=False)]
    return "; ".join(told[:_TOLD]) + (f" (and {len(told) - _TOLD} more)" if len(told) > _TOLD else "")


def remedies(model: type[BaseModel], error: ValidationError) -> str:
    """What the parameters at fault are, with their limits; every name where one is unknown."""
    faults, fields = error.errors(include_url=False), model.model_fields
    at_fault = dict.fromkeys(_name(fault) for fault in faults)
    told = [f"{name}: {_described(fields[name])}." for name in at_fault if name in fields]
    if any(fault["type"] == _UNKNOWN for fault in faults):
        told.append(f"Its parameters are {listed(fields)}.")
    return " ".join(told)


def nearest(name: str, known: Iterable[str]) -> str:
    """A question after the name most like it, whatever its capitals; nothing where none is.

    Example:
        >>> nearest("dayz", ["days", "region"]), nearest("utc", ["UTC"]), nearest("x", ["days"])
        ('; did you mean days?', '; did you mean UTC?', '')

    """
    by_small = {one.lower(): one for one in known}
    found = get_close_matches(name.lower(), by_small, n=1, cutoff=0.7)
    return f"; did you mean {by_small[found[0]]}?" if found else ""


def _name(fault: ErrorDetails) -> str:
    return ".".join(map(str, fault["loc"])) or "it"


def _why(fault: ErrorDetails, known: Collection[str]) -> str:
    if fault["type"] == _UNKNOWN:
        return f"is no parameter of it{nearest(_name(fault), known)}"
    return unfit(fault)


def _described(field: FieldInfo) -> str:
    held = {
        name: getattr(rule, name)
        for rule in field.metadata
        for name in ("ge", "gt", "le")
        if hasattr(rule, name)
    }
    low = f"from {held['ge']}" if "ge" in held else f"above {held['gt']}" if "gt" in held else ""
    limits = " ".join(filter(None, (low, f"to {held['le']}" if "le" in held else "")))
    default = "" if field.default == "" else f"by default {field.default}"
    return "; ".join(filter(None, (field.description, limits, default)))
