"""What the scenarios share: names of services and keys, and how a step is written."""

from __future__ import annotations

from typing import Literal

from bedrock_guard.boundary.calls import Call
from bedrock_guard.boundary.scenarios import Setting, Step

BEDROCK, ANTHROPIC = "bedrock.amazonaws.com", "aws-external-anthropic.amazonaws.com"
SERVICE_KEY, BOUNDARY_KEY = "iam:ServiceSpecificCredentialServiceName", "iam:PermissionsBoundary"


def step(call: Call, *controls: str, bounded: bool | Literal["new"] = True) -> Step:
    """A step, with the controls that stop it."""
    return Step(call, controls, bounded)


def mantle_id(at: Setting) -> str:
    """The other model by its name on bedrock-mantle."""
    return at.other_model.mantle_id or at.other_model.model_id
