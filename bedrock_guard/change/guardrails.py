"""Guardrails as Bedrock answers them and as it takes them, and what of them counts when two are compared.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetGuardrail.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_UpdateGuardrail.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.change.texts import digest, mark

if TYPE_CHECKING:
    from bedrock_guard.change.look import Look

Request = dict[str, Any]
# Member of GetGuardrail -> member of Create/UpdateGuardrail, with the lists inside renamed alike.
_POLICIES: Final = {
    "contentPolicy": ("contentPolicyConfig", {"filters": "filtersConfig"}),
    "topicPolicy": ("topicPolicyConfig", {"topics": "topicsConfig"}),
    "wordPolicy": (
        "wordPolicyConfig", {"words": "wordsConfig", "managedWordLists": "managedWordListsConfig"},
    ),
    "sensitiveInformationPolicy": (
        "sensitiveInformationPolicyConfig", {"piiEntities": "piiEntitiesConfig", "regexes": "regexesConfig"},
    ),
    "contextualGroundingPolicy": ("contextualGroundingPolicyConfig", {"filters": "filtersConfig"}),
}  # fmt: skip
_PLAIN: Final = ("name", "description", "blockedInputMessaging", "blockedOutputsMessaging")
_UNSAID: Final = {
    "inputAction": "BLOCK",
    "outputAction": "BLOCK",
    "inputEnabled": True,
    "outputEnabled": True,
}
_UNSAID_TIER: Final = "CLASSIC"


@dataclass(frozen=True, slots=True)
class GuardrailState:
    """One guardrail: its draft as the request that would make it, and its versions by description."""

    guardrail_id: str
    arn: str
    status: str
    request: Request
    versions: Mapping[str, str]
    """Number -> description."""


@dataclass(frozen=True, slots=True)
class Enforced:
    """The account's enforced guardrail in one Region. `config` is what PutEnforcedGuardrailConfiguration takes."""

    config_id: str
    config: Request


def read_guardrail(look: Look, region: str, name: str) -> GuardrailState | None:
    """A guardrail by its name; None without one."""
    client = look.session.client("bedrock", region)
    known = look.guardrail_ids.get((region, name))
    if known is None:
        rows = look.pages(client.list_guardrails, "guardrails", "nextToken")
        known = next((str(row["id"]) for row in rows if row["name"] == name), None)
    if known is None:
        return None
    asked = {"guardrailIdentifier": known}
    body = look.or_none(client.get_guardrail, "guardrailId", "name", **asked)
    if body is None:
        look.guardrail_ids.pop((region, name), None)
        return None
    look.guardrail_ids[region, name] = known
    versions = {
        str(row["version"]): str(row.get("description", ""))
        for row in look.pages(client.list_guardrails, "guardrails", "nextToken", **asked)
        if row["version"] != "DRAFT"
    }
    return GuardrailState(
        str(body["guardrailId"]), str(body["guardrailArn"]), str(body["status"]), as_request(body), versions
    )


def read_enforced(look: Look, region: str) -> Enforced | None:
    """What the account enforces in a Region; None without it."""
    client = look.session.client("bedrock", region)
    call = client.list_enforced_guardrails_configuration
    for row in look.pages(call, "guardrailsConfig", "nextToken"):
        config = {
            "guardrailIdentifier": row.get("guardrailArn") or row.get("guardrailId"),
            "guardrailVersion": row.get("guardrailVersion"),
            "selectiveContentGuarding": row.get("selectiveContentGuarding"),
            "modelEnforcement": row.get("modelEnforcement"),
        }
        return Enforced(str(row["configId"]), {key: value for key, value in config.items() if value})
    return None


def as_request(body: Mapping[str, Any]) -> Request:
    """A guardrail as Bedrock shows it, as the request that would make it."""
    made: Request = {name: body[name] for name in _PLAIN if body.get(name)}
    for shown, (taken, lists) in _POLICIES.items():
        policy = body.get(shown) or {}
        config: Request = {
            to: [dict(row) for row in policy[name]] for name, to in lists.items() if policy.get(name)
        }
        tier = (policy.get("tier") or {}).get("tierName")
        if config and tier and tier != _UNSAID_TIER:
            config["tierConfig"] = {"tierName": tier}
        if config:
            made[taken] = config
    profile = (body.get("crossRegionDetails") or {}).get("guardrailProfileId")
    if profile:
        made["crossRegionConfig"] = {"guardrailProfileIdentifier": profile}
    if body.get("kmsKeyArn"):
        made["kmsKeyId"] = body["kmsKeyArn"]
    return made


def guardrail_digest(request: Mapping[str, Any]) -> str:
    """The fingerprint of what a guardrail does: order, defaults and what Bedrock leaves out do not count."""
    return digest(_plain(request))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {k: _plain(v) for k, v in value.items() if _UNSAID.get(k) != v and k != "description"}
        if kept.get("tierConfig") == {"tierName": _UNSAID_TIER}:
            del kept["tierConfig"]
        if "filters" not in kept and "type" in kept:
            kept = {k: v for k, v in kept.items() if not (k.endswith("Modalities") and v == ["TEXT"])}
        return kept
    if isinstance(value, list | tuple):
        return sorted((_plain(v) for v in value), key=mark)
    return value
