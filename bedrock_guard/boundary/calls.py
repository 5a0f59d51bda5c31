"""One API call into every authorisation that AWS makes for it, with the context keys each of them really carries.

A call passes only if all its authorisations pass. What AWS's documentation leaves open is not guessed: a key of
unknown value is in `unknown`, a key with several possible values in `either` (None: absent), an authorisation that may
or may not be made has `certain=False`, one whose resource cannot be told from the parameters `resource_known=False`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from bedrock_guard.boundary.call import Authorisation, Call, Context, KeyKind, Value
from bedrock_guard.boundary.calls_table import HANDLERS
from bedrock_guard.boundary.catalogue import Catalogue, shipped

__all__ = ["ALWAYS_UNKNOWN", "Authorisation", "Call", "Context", "KeyKind", "Value", "authorisations"]

ALWAYS_UNKNOWN = frozenset({"aws:CurrentTime", "aws:SourceIp", "aws:UserAgent", "aws:MultiFactorAuthPresent"})

_GLOBAL_SERVICES = frozenset({"iam", "sts", "organizations", "ce", "budgets", "account", "aws-marketplace"})
_TOKEN_PREFIX = {
    "bedrock": "bedrock",
    "bedrock-runtime": "bedrock",
    "bedrock-mantle": "bedrock-mantle",
    "aws-external-anthropic": "aws-external-anthropic",
    "sagemaker-runtime": "sagemaker",
}
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/.+")


def authorisations(call: Call, catalogue: Catalogue | None = None) -> tuple[Authorisation, ...]:
    """Every authorisation of a call, the principal's and the request's global keys included.

    Example:
        >>> haiku = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
        >>> for found in authorisations(Call("bedrock-runtime", "Converse", {"modelId": haiku})):
        ...     print(found.resource)
        arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0
        arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0
        arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0
        arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0
    """
    handler = HANDLERS.get((call.client, call.name)) or HANDLERS.get((call.prefix, call.name)) or anything
    found = [*handler(call, catalogue or shipped()), *_passed_roles(call), *_bearer(call)]
    return _distinct(_with_globals(call, entry) for entry in found)


def _distinct(found: Iterator[Authorisation]) -> tuple[Authorisation, ...]:
    kept: list[Authorisation] = []
    for entry in found:
        if entry not in kept:
            kept.append(entry)
    return tuple(kept)


def anything(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """A call that is not modelled: the action of the same name, its resource only if a parameter is an ARN of it."""
    start = f"arn:{call.partition}:{call.prefix}:"
    own = [v for v in call.parameters.values() if isinstance(v, str) and v.startswith(start)]
    resource = own[0] if len(own) == 1 else "*"
    yield Authorisation(f"{call.prefix}:{call.name}", resource, resource_known=bool(own))


def _passed_roles(call: Call) -> Iterator[Authorisation]:
    """Roles among the parameters are passed, except where the call is about the role itself."""
    if call.prefix in ("iam", "sts"):
        return
    service = "bedrock.amazonaws.com" if call.prefix == "bedrock" else f"{call.prefix}.amazonaws.com"
    for arn in sorted(set(_roles(call.parameters))):
        yield Authorisation("iam:PassRole", arn, {"iam:PassedToService": service})


def _roles(value: Any, name: str = "") -> Iterator[str]:
    """Role ARNs under names that speak of a role; a grantee or a principal is named, not passed."""
    if isinstance(value, str):
        if "role" in name.lower() and _ROLE.fullmatch(value):
            yield value
    elif isinstance(value, Mapping):
        for key, held in value.items():
            yield from _roles(held, str(key))
    elif isinstance(value, list | tuple):
        for held in value:
            yield from _roles(held, name)


def _bearer(call: Call) -> Iterator[Authorisation]:
    """A call with an API key is authorised to use the key too; each endpoint has its own prefix and key."""
    prefix = _TOKEN_PREFIX.get(call.client)
    if call.key_kind == "none" or prefix is None:
        return
    action, key = f"{prefix}:CallWithBearerToken", f"{prefix}:BearerTokenType"
    if call.key_kind == "unknown":
        yield Authorisation(action, "*", either={key: ("LONG_TERM", "SHORT_TERM")}, certain=False)
    else:
        yield Authorisation(action, "*", {key: call.key_kind.upper()})


def _with_globals(call: Call, entry: Authorisation) -> Authorisation:
    """Add the keys every request carries, and fill in what the facts say of open keys."""
    context: dict[str, Value] = {**_identity(call), **entry.context}
    context.setdefault("aws:RequestedRegion", _region(call, entry))
    unknown = set(entry.unknown) | ALWAYS_UNKNOWN
    if call.time:
        context["aws:CurrentTime"] = call.time
        unknown.discard("aws:CurrentTime")
    either = dict(entry.either)
    for key, value in call.facts.items():
        if key in unknown or key in either:
            unknown.discard(key)
            either.pop(key, None)
            if value is not None:
                context[key] = value
    for key in either:
        context.pop(key, None)
    return replace(entry, context=context, unknown=frozenset(unknown), either=either)


def _region(call: Call, entry: Authorisation) -> str:
    service = entry.action.partition(":")[0]
    if service not in _GLOBAL_SERVICES:
        return call.region
    return {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}[call.partition]


def _identity(call: Call) -> dict[str, Value]:
    """The keys that say who calls. A session's aws:PrincipalArn is its role's ARN; the role's path is not in it."""
    kind, _, name = call.principal.rpartition(":")[2].partition("/")
    context: dict[str, Value] = {"aws:PrincipalAccount": call.account, "aws:PrincipalIsAWSService": False}
    if kind == "assumed-role":
        role = name.partition("/")[0]
        return {**context, "aws:PrincipalArn": call.arn(f"role/{role}", service="iam", region="")}
    if kind == "user":
        context["aws:username"] = name.rpartition("/")[2]
    return {**context, "aws:PrincipalArn": call.principal}
