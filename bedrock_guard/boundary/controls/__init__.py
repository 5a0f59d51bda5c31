"""Every control, in the order of the spec: its facts for people and the rules it asks for."""

from __future__ import annotations

from bedrock_guard.boundary.controls import elsewhere, features, instances, keys, protection, targets
from bedrock_guard.boundary.controls.model import Control, Rule, Scope
from bedrock_guard.boundary.spec import Controls

__all__ = ["CONTROLS", "Control", "Rule", "Scope", "by_id"]

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
