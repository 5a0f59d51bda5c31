"""Every control, in the order of the spec: its facts for people and the rules it asks for."""

from __future__ import annotations

from collections.abc import Iterable

from bedrock_guard.boundary.controls import elsewhere, features, instances, keys, protection, targets
from bedrock_guard.boundary.controls.model import Control, Rule, Scope
from bedrock_guard.boundary.spec import Controls

__all__ = ["CONTROLS", "Control", "Rule", "Scope", "by_id", "title_of", "titles"]

_FOUND: dict[str, Control] = {
    control.id: control
    for module in (keys, targets, features, elsewhere, protection, instances)
    for control in module.CONTROLS
}

CONTROLS: tuple[Control, ...] = tuple(_FOUND[name] for name in Controls.model_fields)


def by_id(control_id: str) -> Control:
    """The control of one id.

    Raises:
        KeyError: there is none.
    """
    return _FOUND[control_id]


def title_of(control_id: str) -> str:
    """A control's title as a sentence takes it, which is what a person reads; what is no control's id stays itself.

    Example:
        >>> title_of("batch_inference"), title_of("MyOwnStatement")
        ('No batch inference', 'MyOwnStatement')
    """
    found = _FOUND.get(control_id)
    return found.title.removesuffix(".") if found else control_id


def titles(control_ids: Iterable[str]) -> str:
    """The titles of several controls, in the order of the spec, with a semicolon between: they hold commas."""
    order = {name: place for place, name in enumerate(_FOUND)}
    return "; ".join(map(title_of, sorted(control_ids, key=lambda name: (order.get(name, len(order)), name))))
