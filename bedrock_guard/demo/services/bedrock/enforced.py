"""The account's enforced guardrail: one configuration a Region, which every inference call is held to.

https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-enforcements.html
"""

from __future__ import annotations

import hashlib
from typing import Final

from bedrock_guard.demo.service import Answer, Request, ServiceError
from bedrock_guard.demo.services.bedrock.common import SERVICE, here, items_here, not_found, page_of
from bedrock_guard.demo.services.bedrock.guardrails import find, version_of
from bedrock_guard.demo.state import Body

KIND: Final = "enforced_guardrail"
_DEFAULT: Final = {"system": "COMPREHENSIVE", "messages": "COMPREHENSIVE"}


@SERVICE.operation("ListEnforcedGuardrailsConfiguration")
def list_enforced_guardrails(request: Request) -> Answer:
    """The Region's configuration, if there is one."""
    return dict(page_of(request, here(request, KIND)).answer("guardrailsConfig"))


@SERVICE.operation(
    "PutEnforcedGuardrailConfiguration",
    gap="a second configuration without its configId is a ConflictException; AWS's answer is not verified",
)
def put_enforced_guardrail(request: Request) -> Answer:
    """Enforce a numbered version of a guardrail, new or in place of what the `configId` names."""
    p, wanted = request.parameters, request.parameters["guardrailInferenceConfig"]
    body = find(request, wanted["guardrailIdentifier"])
    shown = version_of(request, body, wanted["guardrailVersion"])
    if shown["status"] != "READY":
        raise ServiceError("ConflictException", "The guardrail version is not in the READY state.")
    before = _present(request, p.get("configId"))
    who, now = request.caller.arn, request.now
    config: Body = {
        "configId": before["configId"] if before else _new_id(request),
        "guardrailArn": body["guardrailArn"],
        "guardrailId": body["guardrailId"],
        "guardrailVersion": wanted["guardrailVersion"],
        "selectiveContentGuarding": {**_DEFAULT, **wanted.get("selectiveContentGuarding", {})},
        "modelEnforcement": wanted.get("modelEnforcement", {"includedModels": ["ALL"], "excludedModels": []}),
        "createdAt": before["createdAt"] if before else now,
        "createdBy": before["createdBy"] if before else who,
        "updatedAt": now,
        "updatedBy": who,
        "owner": "ACCOUNT",
    }
    items_here(request).put(KIND, config["configId"], config)
    return {"configId": config["configId"], "updatedAt": now, "updatedBy": who}


def _present(request: Request, config_id: str | None) -> Body | None:
    """The configuration that is to be replaced; None for a first one."""
    found = here(request, KIND)
    if config_id is None:
        if found:
            raise ServiceError("ConflictException", "The account already has an enforced guardrail here.")
        return None
    return _of_id(request, config_id)


def _of_id(request: Request, config_id: str) -> Body:
    for body in here(request, KIND):
        if body["configId"] == config_id:
            return body
    raise not_found(f"The enforced guardrail configuration {config_id}")


def _new_id(request: Request) -> str:
    number = request.state.next_number("enforced-guardrail")
    return hashlib.sha256(f"{request.state.meta('seed')}:enforced:{number}".encode()).hexdigest()[:12]


@SERVICE.operation("DeleteEnforcedGuardrailConfiguration")
def delete_enforced_guardrail(request: Request) -> None:
    """Calls of the Region are free of it at once."""
    config = _of_id(request, request.parameters["configId"])
    items = items_here(request)
    key = next(k for k, body in items.all(KIND) if body["configId"] == config["configId"])
    items.delete(KIND, key)
