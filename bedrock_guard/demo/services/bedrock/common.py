"""What all of Bedrock's control plane shares: items of a Region, pages, errors, what an operation needs."""

from __future__ import annotations

from typing import Any, Final

from bedrock_guard.demo.service import Need, Page, Request, Service, ServiceError, page
from bedrock_guard.demo.state import Body, Items

_IDENTIFIED: Final = {
    "guardrailIdentifier": "guardrail",
    "inferenceProfileIdentifier": "inference-profile",
    "provisionedModelId": "provisioned-model",
}
_ON_ANYTHING: Final = {"ListGuardrails"}


def needs(request: Request) -> list[Need]:
    """The action on the resource that the parameters name; a tag given on creation asks for TagResource too.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
    """
    own = Need(f"bedrock:{request.operation}", _resource(request))
    if request.operation == "CreateGuardrail" and request.parameters.get("tags"):
        return [own, Need("bedrock:TagResource", arn_of(request, "guardrail", "*"))]
    return [own]


def _resource(request: Request) -> str:
    p = request.parameters
    if "resourceARN" in p:
        return str(p["resourceARN"])
    if "modelIdentifier" in p and request.operation == "GetFoundationModel":
        return f"arn:aws:bedrock:{request.region}::foundation-model/{p['modelIdentifier'].rpartition('/')[2]}"
    for name, kind in _IDENTIFIED.items():
        if name in p and request.operation not in _ON_ANYTHING:
            return str(p[name]) if p[name].startswith("arn:") else arn_of(request, kind, p[name])
    return "*"


SERVICE = Service(
    "bedrock",
    bad_token=ServiceError("ValidationException", "The provided token is invalid."),
    default_needs=needs,
)


def arn_of(request: Request, kind: str, name: str) -> str:
    """The ARN of a resource of this account and Region."""
    return f"arn:aws:bedrock:{request.region}:{request.account}:{kind}/{name}"


def items_here(request: Request) -> Items:
    """Bedrock's items in the account and Region of the request."""
    return request.items.at(service="bedrock", region=request.region)


def here(request: Request, kind: str) -> list[Body]:
    """The items of a kind in the account and Region of the request."""
    return items_here(request).bodies(kind)


def not_found(what: str) -> ServiceError:
    """Bedrock's 404."""
    return ServiceError("ResourceNotFoundException", f"{what} could not be found.")


def page_of(request: Request, rows: list[Body], default: int = 100) -> Page[Any]:
    """The page of `rows` that a request asks for."""
    return page(rows, request, token_name="nextToken", size_name="maxResults", default=default)  # noqa: S106 - a member's name
