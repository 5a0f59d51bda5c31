"""Tags of guardrails; other resources of Bedrock carry none in the demo."""

from __future__ import annotations

from typing import Final

from bedrock_guard.demo.service import Answer, Request, ServiceError
from bedrock_guard.demo.services.bedrock.common import SERVICE, items_here, not_found
from bedrock_guard.demo.state import Body

PER_RESOURCE: Final = 50
_GAP: Final = "guardrails only"


def _tagged(request: Request) -> tuple[str, Body]:
    arn = request.parameters["resourceARN"]
    for key, body in items_here(request).all("guardrail"):
        if body["guardrailArn"] == arn:
            return key, body
    raise not_found(f"The resource {arn}")


def _keep(request: Request, key: str, body: Body, tags: dict[str, str]) -> None:
    if len(tags) > PER_RESOURCE:
        raise ServiceError("TooManyTagsException", "The resource has too many tags.")
    listed = [{"key": name, "value": value} for name, value in sorted(tags.items())]
    items_here(request).put("guardrail", key, {**body, "_tags": listed})


def _tags(rows: list[dict[str, str]]) -> dict[str, str]:
    return {row["key"]: row["value"] for row in rows}


@SERVICE.operation("TagResource", gap=_GAP)
def tag_resource(request: Request) -> None:
    """Add tags, or give new values to those that are there."""
    key, body = _tagged(request)
    _keep(request, key, body, _tags(body.get("_tags", [])) | _tags(request.parameters["tags"]))


@SERVICE.operation("UntagResource", gap=_GAP)
def untag_resource(request: Request) -> None:
    """Take tags away; one that is absent stays absent."""
    key, body = _tagged(request)
    gone = set(request.parameters["tagKeys"])
    _keep(request, key, body, {k: v for k, v in _tags(body.get("_tags", [])).items() if k not in gone})


@SERVICE.operation("ListTagsForResource", gap=_GAP)
def list_tags_for_resource(request: Request) -> Answer:
    """The tags of one resource."""
    return {"tags": _tagged(request)[1].get("_tags", [])}
