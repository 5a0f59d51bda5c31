"""The parameters of SimulateCustomPolicy, checked and typed.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bedrock_guard.iam import values
from bedrock_guard.iam.principals import principal_of
from bedrock_guard.iam.situation import account_of
from bedrock_guard.iam.values import RequestError

_PARAMETERS = frozenset(
    {
        "PolicyInputList",
        "PermissionsBoundaryPolicyInputList",
        "OrderedOrganizationPolicyInputList",
        "ActionNames",
        "ResourceArns",
        "ResourcePolicy",
        "ResourceOwner",
        "CallerArn",
        "ContextEntries",
        "ResourceHandlingOption",
        "MaxItems",
        "Marker",
        "SessionPolicyInputList",
        "OrderedResourceControlPolicyInputList",
    }
)
_MOST_LEVELS = 7
_MOST_ITEMS = 1_000
_LONGEST_ARN = 2_048
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ACTION = re.compile(r"[A-Za-z0-9_-]+:[A-Za-z0-9_.-]+")
_ACCOUNT = re.compile(r"[0-9]{12}")

_CHECKS: Mapping[str, Callable[[str], object]] = {
    "string": lambda value: value,
    "numeric": values.number,
    "boolean": lambda value: value if value.lower() in ("true", "false") else None,
    "ip": values.network,
    "binary": values.binary,
    "date": values.instant,
}


@dataclass(frozen=True, slots=True)
class SimulationRequest:
    """One request, its policies still JSON text."""

    identity: tuple[str, ...]
    boundary: tuple[str, ...]
    scps: tuple[tuple[str, ...], ...]
    rcps: tuple[tuple[str, ...], ...]
    session: tuple[str, ...]
    resource_policy: str | None
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    owner: str | None
    caller: str | None
    context: Mapping[str, Any]
    most: int | None
    start: int


def parse_request(request: Mapping[str, Any]) -> SimulationRequest:
    """Check the parameters of one call.

    Raises:
        RequestError: naming the parameter that is missing, unknown or wrong.
    """
    for name in request:
        if name not in _PARAMETERS:
            raise RequestError(f"{name!r} is no parameter of SimulateCustomPolicy.")
    given = {name: value for name, value in request.items() if value is not None}
    for name in ("PolicyInputList", "ActionNames"):
        if name not in given:
            raise RequestError(f"The request has no {name}.")
    caller, resource_policy = _optional(given, "CallerArn"), _optional(given, "ResourcePolicy")
    if resource_policy is not None and caller is None:
        raise RequestError(
            "The request has a ResourcePolicy and no CallerArn.",
            why="The policy's Principal needs one to be held against.",
        )
    if caller is not None:
        principal_of(caller)
    boundary = _texts(given, "PermissionsBoundaryPolicyInputList")
    if len(boundary) > 1:
        raise RequestError("PermissionsBoundaryPolicyInputList holds more than one policy.")
    return SimulationRequest(
        identity=_texts(given, "PolicyInputList"),
        boundary=boundary,
        scps=_levels(given, "OrderedOrganizationPolicyInputList", "ServiceControlPolicyInputList"),
        rcps=_levels(given, "OrderedResourceControlPolicyInputList", "ResourceControlPolicyInputList"),
        session=_texts(given, "SessionPolicyInputList"),
        resource_policy=resource_policy,
        actions=_actions(given),
        resources=_resources(given),
        owner=_owner(given),
        caller=caller,
        context=_context(given.get("ContextEntries", ())),
        most=_whole(given, "MaxItems"),
        start=_start(given),
    )


def _texts(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = given.get(name, ())
    if (
        isinstance(found, str)
        or not isinstance(found, Sequence)
        or not all(isinstance(one, str) for one in found)
    ):
        raise RequestError(f"{name} is not a list of texts.")
    for one in found:
        _whole_characters(one, name)
    return tuple(found)


def _whole_characters(text: str, name: str) -> None:
    if _SURROGATE.search(text):
        raise RequestError(f"{name} holds a lone surrogate.", why="It is half a character.")


def _optional(given: Mapping[str, Any], name: str) -> str | None:
    found = given.get(name)
    if found is not None and not isinstance(found, str):
        raise RequestError(f"{name} is not a text.")
    _whole_characters(found or "", name)
    return found


def _levels(given: Mapping[str, Any], name: str, member: str) -> tuple[tuple[str, ...], ...]:
    found = given.get(name, ())
    if isinstance(found, str) or not isinstance(found, Sequence):
        raise RequestError(f"{name} is not a list of levels.")
    if len(found) > _MOST_LEVELS:
        raise RequestError(f"{name} has more than {_MOST_LEVELS} levels.")
    for level in found:
        if not isinstance(level, Mapping) or set(level) - {member}:
            raise RequestError(f"A level of {name} is not an object with {member} alone.")
    return tuple(_texts(level, member) for level in found)


def _actions(given: Mapping[str, Any]) -> tuple[str, ...]:
    actions = _texts(given, "ActionNames")
    for action in actions:
        if not _ACTION.fullmatch(action):
            raise RequestError(
                f"{action[:60]!r} in ActionNames is no action.",
                why='It needs "service:Name", without wildcards.',
            )
    return actions


def _resources(given: Mapping[str, Any]) -> tuple[str, ...]:
    resources = _texts(given, "ResourceArns")
    if not all(1 <= len(one) <= _LONGEST_ARN for one in resources):
        raise RequestError(f"A resource of ResourceArns is empty or longer than {_LONGEST_ARN:,} characters.")
    return resources or ("*",)


def _owner(given: Mapping[str, Any]) -> str | None:
    owner = _optional(given, "ResourceOwner")
    if owner is None:
        return None
    account = owner if _ACCOUNT.fullmatch(owner) else account_of(owner)
    if account is None:
        raise RequestError(
            f"ResourceOwner {owner[:80]!r} names no account.", remedy="arn:aws:iam::ACCOUNT:root."
        )
    return account


def _whole(given: Mapping[str, Any], name: str) -> int | None:
    found = given.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int) or not 1 <= found <= _MOST_ITEMS:
        raise RequestError(f"{name} is not a whole number from 1 to {_MOST_ITEMS:,}.")
    return found


def _start(given: Mapping[str, Any]) -> int:
    marker = _optional(given, "Marker")
    if marker is None:
        return 0
    if not (marker.isascii() and marker.isdigit() and len(marker) < 10):
        raise RequestError("Marker is not one that a response held.")
    return int(marker)


def _context(entries: object) -> Mapping[str, Any]:
    if isinstance(entries, str) or not isinstance(entries, Sequence):
        raise RequestError("ContextEntries is not a list.")
    found: dict[str, Any] = {}
    for entry in entries:
        name, value = _entry(entry)
        if name in found:
            raise RequestError(f"ContextEntries holds {name[:60]!r} twice.")
        found[name] = value
    return found


def _entry(entry: object) -> tuple[str, Any]:
    if not isinstance(entry, Mapping) or set(entry) - {
        "ContextKeyName",
        "ContextKeyValues",
        "ContextKeyType",
    }:
        raise RequestError("An entry of ContextEntries has other members than name, values and type.")
    name, kind = _optional(entry, "ContextKeyName"), _optional(entry, "ContextKeyType") or "string"
    if not name:
        raise RequestError("An entry of ContextEntries has no ContextKeyName.")
    given = _texts(entry, "ContextKeyValues")
    base = kind.removesuffix("List")
    check = _CHECKS.get(base)
    if check is None:
        raise RequestError(f"{kind[:40]!r} is no ContextKeyType.")
    for value in given:
        if check(value) is None:
            raise RequestError(f"A value of {name[:60]!r} is not of type {base}.")
    if base != kind:
        return name, list(given)
    if len(given) > 1:
        raise RequestError(
            f"{name[:60]!r} has several values.", remedy=f"Its ContextKeyType is then {kind}List."
        )
    return name, given[0] if given else None
