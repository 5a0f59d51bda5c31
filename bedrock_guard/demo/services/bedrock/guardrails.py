"""Guardrails: a draft that can be changed, and numbered versions that cannot.

https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-versions.html
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from functools import wraps
from typing import Final

from bedrock_guard.demo.service import Answer, Handler, Request, ServiceError
from bedrock_guard.demo.services.bedrock.common import SERVICE, arn_of, here, items_here, not_found, page_of
from bedrock_guard.demo.state import Body

DRAFT: Final = "DRAFT"
PER_REGION: Final = 100
VERSIONS: Final = 20
SETTLES_IN: Final = timedelta(seconds=2)
"""How long a guardrail is CREATING, UPDATING or VERSIONING on the demo clock; AWS names no time."""

_SETTLING: Final = (
    f"not ready for {SETTLES_IN.seconds} demo seconds; AWS names neither the time nor the error"
)
_POLICIES: Final = {
    # request: (answer, members that have another name in the answer)
    "topicPolicyConfig": ("topicPolicy", {"topicsConfig": "topics"}),
    "contentPolicyConfig": ("contentPolicy", {"filtersConfig": "filters"}),
    "wordPolicyConfig": ("wordPolicy", {"wordsConfig": "words", "managedWordListsConfig": "managedWordLists"}),
    "sensitiveInformationPolicyConfig": (
        "sensitiveInformationPolicy", {"piiEntitiesConfig": "piiEntities", "regexesConfig": "regexes"},
    ),
    "contextualGroundingPolicyConfig": ("contextualGroundingPolicy", {"filtersConfig": "filters"}),
    "automatedReasoningPolicyConfig": ("automatedReasoningPolicy", {}),
}  # fmt: skip
_KEPT: Final = ("guardrailId", "guardrailArn", "createdAt", "_versions", "_last", "_tags")
_PLAIN: Final[tuple[str, ...]] = ("name", "description", "blockedInputMessaging", "blockedOutputsMessaging")


def find(request: Request, asked: str) -> Body:
    """The guardrail of that id or ARN in this Region, or Bedrock's 404."""
    for body in here(request, "guardrail"):
        if asked in (body["guardrailId"], body["guardrailArn"]):
            return body
    raise not_found(f"The guardrail {asked}")


def version_of(request: Request, body: Body, version: str) -> Body:
    """One version of a guardrail as GetGuardrail shows it."""
    shown = body if version == DRAFT else body.get("_versions", {}).get(version)
    if shown is None:
        raise not_found(f"The guardrail {body['guardrailId']}, version {version}")
    public = {name: value for name, value in shown.items() if not name.startswith("_")}
    return {**public, "version": version, "status": _status(request, shown)}


def _status(request: Request, body: Body) -> str:
    ready = body.get("_ready")
    settled = ready is None or datetime.fromisoformat(ready) <= request.now
    return "READY" if settled else str(body["_doing"])


def _keep(request: Request, body: Body) -> None:
    items = items_here(request)
    key = next((k for k, b in items.all("guardrail") if b["guardrailId"] == body["guardrailId"]), None)
    items.put("guardrail", key or body["guardrailId"], body)


def _once(handler: Handler) -> Handler:
    """A request repeated with its clientRequestToken gets the first answer again and does nothing."""

    @wraps(handler)
    def guarded(request: Request) -> Answer | None:
        token = request.parameters.get("clientRequestToken")
        if token is None:
            return handler(request)
        asked = json.dumps([request.operation, request.parameters], sort_keys=True, default=str)
        digest = hashlib.sha256(asked.encode()).hexdigest()
        kept = items_here(request).get("request_token", token)
        if kept is not None:
            if kept["Asked"] != digest:
                raise ServiceError(
                    "ConflictException", "The client request token was used with other parameters."
                )
            return dict(kept["Answer"])
        answer = handler(request)
        items_here(request).put("request_token", token, {"Asked": digest, "Answer": answer})
        return answer

    return guarded


def _policies(request: Request) -> Body:
    """The policies of a request in the names of the answer."""
    p = request.parameters
    found: Body = {}
    for name, (answered, renamed) in _POLICIES.items():
        if name in p:
            body = {renamed.get(k, k): v for k, v in p[name].items() if k != "tierConfig"}
            found[answered] = {**body, "tier": p[name]["tierConfig"]} if "tierConfig" in p[name] else body
    if not found:
        raise ServiceError("ValidationException", "A guardrail needs at least one policy.")
    if "crossRegionConfig" in p:
        profile = p["crossRegionConfig"]["guardrailProfileIdentifier"].rpartition("/")[2]
        found["crossRegionDetails"] = {
            "guardrailProfileId": profile,
            "guardrailProfileArn": arn_of(request, "guardrail-profile", profile),
        }
    return found


def _refuse_name(request: Request, own: str = "") -> None:
    name = request.parameters["name"]
    if any(b["name"] == name and b["guardrailId"] != own for b in here(request, "guardrail")):
        raise ServiceError("ConflictException", "Another guardrail in your account already has this name.")


def _settled(request: Request, body: Body) -> Body:
    """Only what is at rest can be changed."""
    if _status(request, body) != "READY":
        raise ServiceError(
            "ConflictException", f"The guardrail {body['guardrailId']} is not in the READY state."
        )
    return body


def _doing(request: Request, what: str) -> Body:
    return {"_doing": what, "_ready": request.now + SETTLES_IN}


@SERVICE.operation("CreateGuardrail", gap=_SETTLING)
@_once
def create_guardrail(request: Request) -> Answer:
    """A guardrail with a draft and no version."""
    _refuse_name(request)
    if len(here(request, "guardrail")) >= PER_REGION:
        raise ServiceError("ServiceQuotaExceededException", "You have reached the quota of guardrails.")
    number = request.state.next_number("guardrail")
    digest = hashlib.sha256(f"{request.state.meta('seed')}:guardrail:{number}".encode()).hexdigest()[:12]
    now = request.now
    body: Body = {
        **{name: request.parameters[name] for name in _PLAIN if name in request.parameters},
        "guardrailId": digest,
        "guardrailArn": arn_of(request, "guardrail", digest),
        **_policies(request),
        "createdAt": now,
        "updatedAt": now,
        **_doing(request, "CREATING"),
        "_versions": {},
        "_tags": request.parameters.get("tags", []),
    }
    _keep(request, body)
    return {"guardrailId": digest, "guardrailArn": body["guardrailArn"], "version": DRAFT, "createdAt": now}


@SERVICE.operation("UpdateGuardrail", gap=_SETTLING)
def update_guardrail(request: Request) -> Answer:
    """The draft is replaced whole: a policy left out is gone."""
    body = _settled(request, find(request, request.parameters["guardrailIdentifier"]))
    _refuse_name(request, body["guardrailId"])
    kept: Body = {name: body[name] for name in _KEPT if name in body}
    plain: Body = {name: request.parameters[name] for name in _PLAIN if name in request.parameters}
    changed: Body = {**kept, **plain, **_policies(request), **_doing(request, "UPDATING")}
    changed["updatedAt"] = request.now
    _keep(request, changed)
    return {
        "guardrailId": body["guardrailId"],
        "guardrailArn": body["guardrailArn"],
        "version": DRAFT,
        "updatedAt": request.now,
    }


@SERVICE.operation("CreateGuardrailVersion", gap=_SETTLING)
@_once
def create_guardrail_version(request: Request) -> Answer:
    """The draft as it is, under the next number; a number is never used twice."""
    body = _settled(request, find(request, request.parameters["guardrailIdentifier"]))
    versions = dict(body.get("_versions", {}))
    if len(versions) >= VERSIONS:
        raise ServiceError(
            "ServiceQuotaExceededException", "You have reached the quota of guardrail versions."
        )
    last = max((*map(int, versions), int(body.get("_last", 0))), default=0)
    number = str(last + 1)
    frozen = {name: value for name, value in body.items() if not name.startswith("_")}
    if "description" in request.parameters:
        frozen["description"] = request.parameters["description"]
    frozen |= {"createdAt": request.now, "updatedAt": request.now, **_doing(request, "VERSIONING")}
    _keep(request, {**body, "_versions": {**versions, number: frozen}, "_last": last + 1})
    return {"guardrailId": body["guardrailId"], "version": number}


@SERVICE.operation("DeleteGuardrail")
def delete_guardrail(request: Request) -> None:
    """One version, or the guardrail whole; nothing that an enforced configuration uses."""
    p = request.parameters
    body = find(request, p["guardrailIdentifier"])
    version = p.get("guardrailVersion")
    for config in here(request, "enforced_guardrail"):
        if config["guardrailId"] == body["guardrailId"] and version in (None, config["guardrailVersion"]):
            raise ServiceError(
                "ResourceInUseException", "The guardrail is used by an enforced guardrail configuration."
            )
    items = items_here(request)
    if version is None:
        key = next(k for k, b in items.all("guardrail") if b["guardrailId"] == body["guardrailId"])
        return items.delete("guardrail", key)
    version_of(request, body, version)
    left = {number: one for number, one in body["_versions"].items() if number != version}
    last = max(int(body.get("_last", 0)), *map(int, body["_versions"]))
    return _keep(request, {**body, "_versions": left, "_last": last})


@SERVICE.operation("ListGuardrails")
def list_guardrails(request: Request) -> Answer:
    """The draft of every guardrail, or with guardrailIdentifier every version of one."""
    asked = request.parameters.get("guardrailIdentifier")
    if asked is None:
        rows = [_summary(version_of(request, body, DRAFT)) for body in here(request, "guardrail")]
    else:
        body = find(request, asked)
        numbers = [DRAFT, *sorted(body.get("_versions", {}), key=int)]
        rows = [_summary(version_of(request, body, number)) for number in numbers]
    return dict(page_of(request, rows).answer("guardrails"))


def _summary(body: Body) -> Body:
    same = ("status", "name", "description", "version", "createdAt", "updatedAt", "crossRegionDetails")
    shown = {name: body[name] for name in same if body.get(name) is not None}
    return {"id": body["guardrailId"], "arn": body["guardrailArn"], **shown}


@SERVICE.operation("GetGuardrail")
def get_guardrail(request: Request) -> Answer:
    """A guardrail's draft, or the version asked for."""
    p = request.parameters
    return version_of(request, find(request, p["guardrailIdentifier"]), p.get("guardrailVersion", DRAFT))
