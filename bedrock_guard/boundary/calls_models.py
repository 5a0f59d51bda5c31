"""Model invocation: what stands behind a `modelId`, and which ARNs AWS checks for it.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html,
.../global-cross-region-inference.html, .../inference-profiles-prereq.html, .../guardrails-permissions-id.html and the
operations table of https://docs.aws.amazon.com/service-authorization/latest/reference/list_bedrock.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from bedrock_guard.boundary.call import Authorisation, Call, Handler, Value
from bedrock_guard.boundary.catalogue import Catalogue, Resolved, scope_of

BATCH = "bedrock:CreateModelInvocationJob"
INVOKE = "bedrock:InvokeModel"
STREAM = "bedrock:InvokeModelWithResponseStream"
PROFILE_KEY = "bedrock:InferenceProfileArn"
TIER_KEY = "bedrock:ServiceTier"
GUARDRAIL_KEY = "bedrock:GuardrailIdentifier"
REGION_KEY = "aws:RequestedRegion"

_TARGET = re.compile(r"arn:aws[a-z-]*:bedrock:[a-z0-9-]*:[0-9]*:(?P<kind>[a-z-]+)/.+")
_ENDPOINT = re.compile(r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}:endpoint/.+")
_GUARDRAIL_ID = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True)
class _Extras:
    """Keys that the request adds to every model authorisation."""

    context: Mapping[str, Value] = field(default_factory=dict)
    either: Mapping[str, tuple[Value | None, ...]] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()


def invoke(*actions: str, doubtful: str | None = None) -> Handler:
    """The handler of an operation that invokes a model by `modelId`; `doubtful` may be asked for as well."""

    def handler(call: Call, catalogue: Catalogue) -> Iterator[Authorisation]:
        raw = str(call.get("modelId") or call.get("model") or "")
        for action in actions:
            yield from _targets(call, catalogue, action, raw)
        if doubtful:
            for found in _targets(call, catalogue, doubtful, raw):
                yield replace(found, certain=False)
        yield from _guardrail_use(call)

    return handler


def converse_like(call: Call, catalogue: Catalogue) -> Iterator[Authorisation]:
    """Chat Completions and Messages on bedrock-runtime: one action or the other, as the call streams or not."""
    yield from invoke(STREAM if call.get("stream") else INVOKE)(call, catalogue)


def responses(call: Call, catalogue: Catalogue) -> Iterator[Authorisation]:
    """The Responses API: the model, and the account's project, which carries the model as a key.

    https://docs.aws.amazon.com/bedrock/latest/userguide/bedrock-mantle.html
    """
    yield from converse_like(call, catalogue)
    action = STREAM if call.get("stream") else INVOKE
    project = call.arn(f"project/{call.get('project') or 'default'}", service="bedrock")
    yield Authorisation(action, project, unknown=frozenset({"bedrock:ModelArn", "bedrock:ProjectArn"}))


def async_invoke(call: Call, catalogue: Catalogue) -> Iterator[Authorisation]:
    """StartAsyncInvoke: InvokeModel on the model; whether the job's ARN is asked for too is not documented."""
    yield from invoke(INVOKE)(call, catalogue)
    yield Authorisation(INVOKE, call.arn("async-invoke/*", service="bedrock"), certain=False)


def batch(call: Call, catalogue: Catalogue) -> Iterator[Authorisation]:
    """CreateModelInvocationJob: the job and the model; whether AWS asks for a named profile is not documented.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_bedrock.html
    """
    yield Authorisation(BATCH, call.arn("model-invocation-job/*", service="bedrock"))
    raw = str(call.get("modelId") or "")
    found, target = catalogue.resolve(raw), _TARGET.fullmatch(raw)
    if target and target["kind"] not in ("foundation-model", "inference-profile"):
        yield Authorisation(BATCH, raw)
        return
    name = raw.rpartition("/")[2]
    model = found.model_id if found else scope_of(name)[1]
    yield replace(_model(call, BATCH, call.region, model or "*"), resource_known=bool(model))
    profile = found.profile_id if found else name if scope_of(name)[0] else None
    if profile:
        yield Authorisation(BATCH, call.arn(f"inference-profile/{profile}", service="bedrock"), certain=False)


def rerank(call: Call, catalogue: Catalogue) -> Iterator[Authorisation]:
    """Rerank, and the reranking model it names."""
    yield Authorisation("bedrock:Rerank", "*")
    inner = call.get(
        "rerankingConfiguration", "bedrockRerankingConfiguration", "modelConfiguration", "modelArn"
    )
    if inner:
        yield from _targets(call, catalogue, INVOKE, str(inner))


def mantle(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """Inference on bedrock-mantle: the project's ARN, the model as a key, absent where the call names none."""
    project = call.arn(f"project/{call.get('project') or 'default'}")
    context: dict[str, Value] = {"bedrock-mantle:Model": str(call.get("model"))} if call.get("model") else {}
    tier = call.get("service_tier")
    either: dict[str, tuple[Value | None, ...]] = {}
    if tier:
        context["bedrock-mantle:ServiceTier"] = str(tier)
    else:
        either["bedrock-mantle:ServiceTier"] = (None, "default")
    yield Authorisation(f"bedrock-mantle:{call.name}", project, context, either=either)


def _targets(call: Call, catalogue: Catalogue, action: str, raw: str) -> Iterator[Authorisation]:
    extras = _extras(call)
    if not raw:
        yield _extended(replace(_model(call, action, "*", "*"), resource_known=False), extras)
        return
    found = catalogue.resolve(raw)
    target = _TARGET.fullmatch(raw)
    if found:
        for entry in _catalogued(call, catalogue, action, raw, found):
            yield _extended(entry, extras)
    elif target:
        for entry in _by_arn(call, action, raw, target["kind"]):
            yield _extended(entry, extras)
    elif _ENDPOINT.fullmatch(raw):
        endpoint = call.arn("marketplace/model-endpoint/all-access", service="bedrock")
        yield _extended(Authorisation(action, endpoint), extras)
    else:
        for entry in _uncatalogued(call, action, raw):
            yield _extended(entry, extras)


def _extended(entry: Authorisation, extras: _Extras) -> Authorisation:
    either = {**entry.either, **extras.either}
    known = {key: value for key, value in extras.context.items() if key not in entry.unknown}
    return replace(
        entry, context={**known, **entry.context}, either=either, unknown=entry.unknown | extras.unknown
    )


def _model(call: Call, action: str, region: str, model: str, profile: str | None = None) -> Authorisation:
    context: dict[str, Value] = {PROFILE_KEY: profile} if profile else {}
    if region not in ("", "*"):
        context[REGION_KEY] = region
    resource = call.arn(f"foundation-model/{model}", service="bedrock", region=region, account="")
    # AWS's page gives two values of the key for worldwide routing, and a public report none at all.
    either: dict[str, tuple[Value | None, ...]] = (
        {} if region else {REGION_KEY: ("unspecified", "global", None)}
    )
    return Authorisation(action, resource, context, either=either)


def _profile(action: str, profile: str) -> Authorisation:
    """The profile's own authorisation. Whether it carries its own ARN as a key is not documented."""
    return Authorisation(action, profile, either={PROFILE_KEY: (None, profile)})


def _catalogued(
    call: Call, catalogue: Catalogue, action: str, raw: str, found: Resolved
) -> Iterator[Authorisation]:
    if found.profile_id is None:
        region = raw.split(":")[3] if raw.startswith("arn:") else call.region
        model = raw.partition("foundation-model/")[2] if raw.startswith("arn:") else found.model_id
        yield _model(call, action, region, model)
        return
    arn = (
        raw
        if raw.startswith("arn:")
        else call.arn(f"inference-profile/{found.profile_id}", service="bedrock")
    )
    yield _profile(action, arn)
    yield _model(call, action, call.region, found.model_id, arn)
    profile = catalogue.profile(found.profile_id)
    destinations = profile.destinations.get(call.region) if profile else None
    if destinations is None:
        # From here the profile is not offered, as far as the catalogue knows; where it would send is unknown.
        yield replace(_model(call, action, "*", found.model_id, arn), resource_known=False)
        return
    for region in destinations:
        yield _model(call, action, region, found.model_id, arn)


def _uncatalogued(call: Call, action: str, raw: str) -> Iterator[Authorisation]:
    """An id the catalogue does not hold: a geography's prefix still tells a profile."""
    scope, base = scope_of(raw)
    if scope is not None:
        arn = call.arn(f"inference-profile/{raw}", service="bedrock")
        yield _profile(action, arn)
        yield _model(call, action, call.region, base, arn)
        if scope == "global":
            yield _model(call, action, "", base, arn)
        else:
            yield replace(_model(call, action, "*", base, arn), resource_known=False)
    else:
        yield _model(call, action, call.region, raw)


def _by_arn(call: Call, action: str, raw: str, kind: str) -> Iterator[Authorisation]:
    if kind in ("foundation-model", "inference-profile"):
        yield from _uncatalogued_arn(call, action, raw, kind)
        return
    if kind == "prompt":
        yield Authorisation("bedrock:RenderPrompt", raw)
        yield replace(_model(call, action, call.region, "*"), resource_known=False)
        return
    yield Authorisation(action, raw, either={PROFILE_KEY: (None, raw)} if "profile" in kind else {})
    if kind == "application-inference-profile":
        behind = replace(_model(call, action, "*", "*"), resource_known=False)
        yield replace(behind, unknown=frozenset({PROFILE_KEY}))
    if kind in ("prompt-router", "default-prompt-router"):
        behind = replace(_model(call, action, "*", "*"), resource_known=False)
        yield replace(behind, context={"bedrock:PromptRouterArn": raw}, unknown=frozenset({PROFILE_KEY}))


def _uncatalogued_arn(call: Call, action: str, raw: str, kind: str) -> Iterator[Authorisation]:
    name = raw.partition(f"{kind}/")[2]
    if kind == "foundation-model":
        yield _model(call, action, raw.split(":")[3], name)
        return
    for entry in _uncatalogued(call, action, name):
        yield replace(entry, resource=raw) if "inference-profile/" in entry.resource else entry


def _extras(call: Call) -> _Extras:
    context: dict[str, Value] = {}
    either: dict[str, tuple[Value | None, ...]] = {}
    tier = call.get("serviceTier", "type") or call.get("serviceTier") or call.get("service_tier")
    if tier:
        context[TIER_KEY] = str(tier)
    else:
        # Whether the key is there when the caller names no tier is not documented; both pass the same tests.
        either[TIER_KEY] = (None, "default")
    guardrail = _guardrail(call)
    if guardrail:
        context[GUARDRAIL_KEY] = guardrail
    return _Extras(context, either)


def _guardrail(call: Call) -> str | None:
    """The key's value: the guardrail's ARN with a numeric version, bare for DRAFT."""
    name = call.get("guardrailIdentifier") or call.get("guardrailConfig", "guardrailIdentifier")
    version = call.get("guardrailVersion") or call.get("guardrailConfig", "guardrailVersion")
    if not name:
        return None
    arn = _guardrail_arn(call, str(name))
    return arn if str(version or "DRAFT") == "DRAFT" else f"{arn}:{version}"


def _guardrail_arn(call: Call, name: str) -> str:
    return call.arn(f"guardrail/{name}", service="bedrock") if _GUARDRAIL_ID.fullmatch(name) else name


def _guardrail_use(call: Call) -> Iterator[Authorisation]:
    name = call.get("guardrailIdentifier") or call.get("guardrailConfig", "guardrailIdentifier")
    if name:
        yield Authorisation("bedrock:ApplyGuardrail", _guardrail_arn(call, str(name)))
