"""What differs between two specs, in sentences for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from bedrock_guard.boundary.controls import title_of
from bedrock_guard.boundary.spec import BoundarySpec, Controls, ModelChoice, Profile
from bedrock_guard.present.table import plain

Name = Callable[[str], str]
_DETAILS: Final = {
    "routes": "routes",
    "regions": "source Regions",
    "destinations": "destination Regions",
    "unlisted": "not in the catalogue (unlisted)",
    "family": "a family of models",
    "monthly_usd": "monthly budget in USD",
    "mantle": "on the mantle endpoint",
}
"""What a spec says of an approved model, in words."""


def differences(before: BoundarySpec, after: BoundarySpec, name_of: Name = str) -> tuple[str, ...]:
    """One sentence per difference, profile by profile; none where the two say the same.

    Args:
        before: what there was.
        after: what there is now.
        name_of: a model's id -> the name to show.

    """
    return tuple(_all(before, after, name_of))


def _all(before: BoundarySpec, after: BoundarySpec, name_of: Name) -> Iterator[str]:
    several = len({*before.profile, *after.profile}) > 1
    for name in sorted({*before.profile, *after.profile}):
        old, new = before.profile.get(name), after.profile.get(name)
        start = f"{name}: " if several else ""
        if old is None or new is None:
            yield f"Profile {name} is {'new' if old is None else 'gone'}."
        else:
            yield from (f"{start}{sentence}" for sentence in _profile(old, new, name_of))
    if before.exceptions != after.exceptions:
        yield f"Exceptions: {len(before.exceptions)} before, {len(after.exceptions)} now."
    if before.guardrail != after.guardrail:
        yield "The rules for prompts differ."


def _profile(old: Profile, new: Profile, name_of: Name) -> Iterator[str]:
    yield from _models(old, new, name_of)
    yield from _controls(old.controls, new.controls)
    for field in Profile.model_fields:
        if field not in {"models", "controls"} and getattr(old, field) != getattr(new, field):
            yield f"{field}: {_value(getattr(old, field))} became {_value(getattr(new, field))}."


def _models(old: Profile, new: Profile, name_of: Name) -> Iterator[str]:
    before = {model.id: model for model in old.models}
    after = {model.id: model for model in new.models}
    for name in after.keys() - before.keys():
        yield f"{name_of(name)} is approved now ({', '.join(after[name].routes)})."
    for name in before.keys() - after.keys():
        yield f"{name_of(name)} is no longer approved."
    for name in after.keys() & before.keys():
        if before[name] != after[name]:
            yield f"{name_of(name)}: {'; '.join(_details(before[name], after[name]))}."


def _details(old: ModelChoice, new: ModelChoice) -> Iterator[str]:
    """What differs of one approved model, each detail with what it was and what it is."""
    for field, word in _DETAILS.items():
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            own = "the profile's own" if field == "regions" else "nothing"
            yield f"{word} {_value(before, own)} became {_value(after, own)}"


def _controls(old: Controls, new: Controls) -> Iterator[str]:
    for name in Controls.model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield f"“{title_of(name)}”: {_value(before)} became {_value(after)}."


def _value(value: object, nothing: str = "nothing") -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return plain(value) if value not in ((), None) else nothing
