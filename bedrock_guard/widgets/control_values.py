"""A control's value as a person sets it: on or off, options that are ticked, or a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bedrock_guard.boundary.spec import Controls
from bedrock_guard.errors import GuardError

ELSEWHERE: Final = frozenset({"instance_types"})
"""Controls that are set on a page of their own."""

CHEAP_TIERS: Final = ("default", "flex")
OPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "service_tiers": {
        "default": "tier that a call without one runs in",
        "flex": "cheaper and slower",
        "priority": "dearer and quicker",
        "reserved": "capacity bought in advance",
    },
    "mantle": {"approved": "inference with models marked for it stays allowed"},
}
"""Control -> its options, and what each means."""

OPTION_LABELS: Final = {"service_tiers": "stay allowed", "mantle": "leave"}


@dataclass(frozen=True, slots=True)
class TextValue:
    """A control that takes a text: the words before its box, and in it while it is empty."""

    label: str
    hint: str


TEXTS: Final[Mapping[str, TextValue]] = {
    "api_key_creation": TextValue("highest age in days", "empty: no new key at all"),
    "guardrail_required": TextValue("guardrail", "its ARN without a version; one a region, with commas"),
    "privileged_functions": TextValue("functions", "ARNs with commas; empty: every function"),
    "bounded_roles": TextValue(
        "roles", "paths or names with commas: bounded/*, cdk-hnb659fds-*; empty: none at all"
    ),
}


def names(controls: Controls) -> tuple[str, ...]:
    """Every control that is set here, in the spec's order."""
    return tuple(name for name in type(controls).model_fields if name not in ELSEWHERE)


def on(controls: Controls) -> tuple[str, ...]:
    """The controls that are on."""
    return tuple(name for name in names(controls) if getattr(controls, name) is not False)


def text_of(value: Any) -> str:
    """The text that stands for a value."""
    if isinstance(value, tuple):
        return ", ".join(value)
    return "" if isinstance(value, bool) else str(value)


def options_of(name: str, value: Any) -> tuple[str, ...]:
    """The ticked options that stand for a value."""
    if name == "service_tiers":
        return value if isinstance(value, tuple) else CHEAP_TIERS
    return (value,) if value in OPTIONS[name] else ()


def value_of(name: str, *, text: str = "", options: Sequence[str] = ()) -> Any:
    """The value of a control that is on.

    Raises:
        GuardError: the text is no such value.

    Example:
        >>> value_of("api_key_creation", text="30"), value_of("service_tiers", options=["default", "flex"])
        (30, True)

    """
    if name in OPTIONS:
        chosen = tuple(option for option in OPTIONS[name] if option in options)
        if name == "service_tiers":
            return True if chosen == CHEAP_TIERS else chosen
        return chosen[0] if chosen else True
    if name not in TEXTS:
        return True
    if name == "api_key_creation":
        return _days(text.strip())
    listed = tuple(part.strip() for part in text.split(",") if part.strip())
    if name == "guardrail_required":
        return listed if len(listed) > 1 else text.strip()
    return listed or True


def _days(text: str) -> int | bool:
    if not text:
        return True
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= 36_600:
        raise GuardError(
            f"{text!r} is no age of a key.", remedy="Write days as a number from 1 to 36,600, or nothing."
        )
    return int(text)
