"""Why a plan with SCPs is not made: their targets and their texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bedrock_guard.boundary.packing import QUOTA
from bedrock_guard.change.errors import Refusal, too_long
from bedrock_guard.change.scene import TARGET
from bedrock_guard.iam.quotas import MAX_SCPS_PER_TARGET

if TYPE_CHECKING:
    from bedrock_guard.change.scene import Scene


def no_target(target: str) -> Refusal:
    """A target that is nowhere in the organisation."""
    return Refusal(
        "missing",
        f"{target} is no organizational unit or account of the organisation.",
        "It was removed, or the id is wrong.",
        "Correct the id, or leave it out.",
    )


def targets(scene: Scene) -> Iterator[Refusal]:
    """Where an SCP cannot be attached, or should not."""
    for target, names in scene.scps_on.items():
        if target == scene.management:
            yield Refusal(
                "management_account",
                f"{target} is the management account.",
                "No SCP binds it, so attaching one there proves nothing.",
                "Name a member account, or a unit.",
            )
        elif target.startswith("r-"):
            yield Refusal(
                "root",
                f"{target} is the organisation's root.",
                "An SCP there binds every member account at once.",
                "Attach it to one account, then to a unit; the root is not attached to directly by this kit.",
            )
        elif not TARGET.fullmatch(target) or names is None:
            yield no_target(target)
        elif len(set(names) | set(scene.scps)) > MAX_SCPS_PER_TARGET:
            yield Refusal(
                "quota",
                f"{target} would have {len(set(names) | set(scene.scps))} SCPs.",
                f"{MAX_SCPS_PER_TARGET} are the most.",
                "Detach one that it does not need, or name a target under it.",
            )


def texts(scene: Scene) -> Iterator[Refusal]:
    """SCPs that are somebody else's by now, or too long."""
    for name, there in scene.scp_there.items():
        if there is not None and not name.endswith(there[:8]):
            yield Refusal(
                "foreign_scp",
                f"The SCP {name} is there with another text.",
                "What it holds now is not this kit's to replace.",
                "Rename it.",
            )
    for name, text in scene.scps.items():
        if len(text) > QUOTA["scp"]:
            yield too_long(name, len(text), QUOTA["scp"])
