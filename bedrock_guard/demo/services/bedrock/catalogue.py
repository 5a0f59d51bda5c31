"""Foundation models and inference profiles, which follow from the shipped catalogue for whatever Region is asked."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final

from bedrock_guard.boundary.catalogue import InferenceProfile, Model, shipped
from bedrock_guard.demo.service import Answer, Request
from bedrock_guard.demo.services.bedrock.common import SERVICE, here, not_found, page_of
from bedrock_guard.demo.state import Body

_BEYOND: Final = {
    "ModelModality": ("VIDEO", "SPEECH"),
    "InferenceType": ("INFERENCE_PROFILE",),
}
"""What AWS answers and the service model does not have (https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html)."""

_SCOPE_NAMES: Final = {"us": "US", "eu": "EU", "apac": "APAC", "au": "AU", "jp": "JP", "us-gov": "US-GOV"}
_PROFILES_SINCE: Final = "2026-01-05T00:00:00Z"
_NO_STREAM: Final = {"EMBEDDING", "IMAGE", "VIDEO"}


@cache
def offered(region: str) -> tuple[Model, ...]:
    """The models that can be called from a Region, in-region or through a profile."""
    return tuple(
        model
        for model in shipped().models
        if region in model.in_region or any(region in profile.destinations for profile in model.profiles)
    )


@cache
def _models(region: str) -> tuple[Body, ...]:
    return tuple(_model(model, region) for model in offered(region))


def _model(model: Model, region: str) -> Body:
    how = ["ON_DEMAND"] if region in model.in_region else []
    if any(region in profile.destinations for profile in model.profiles):
        how.append("INFERENCE_PROFILE")
    return {
        "modelArn": f"arn:aws:bedrock:{region}::foundation-model/{model.model_id}",
        "modelId": model.model_id,
        "modelName": model.name,
        "providerName": model.provider,
        "inputModalities": list(model.input_modalities),
        "outputModalities": list(model.output_modalities),
        "responseStreamingSupported": not _NO_STREAM & set(model.output_modalities),
        "customizationsSupported": [],
        "inferenceTypesSupported": how,
        "modelLifecycle": {"status": model.lifecycle},
    }


@SERVICE.operation(
    "ListFoundationModels",
    gap="no provisioned-only variants of a model",
    beyond=_BEYOND,
)
def list_foundation_models(request: Request) -> Answer:
    """All models of the Region in one answer; it has no pages."""
    p = request.parameters
    models = list(_models(request.region))
    wanted = (
        ("byProvider", lambda m, v: m["providerName"].lower() == v.lower()),
        ("byOutputModality", lambda m, v: v in m["outputModalities"]),
        ("byInferenceType", lambda m, v: v in m["inferenceTypesSupported"]),
        ("byCustomizationType", lambda m, v: v in m["customizationsSupported"]),
    )
    for name, test in wanted:
        if name in p:
            models = [model for model in models if test(model, p[name])]
    return {"modelSummaries": models}


@SERVICE.operation("GetFoundationModel", beyond=_BEYOND)
def get_foundation_model(request: Request) -> Answer:
    """One model of the Region by its id or ARN."""
    asked = request.parameters["modelIdentifier"]
    model = shipped().get(asked.rpartition("/")[2])
    if model is None or model not in offered(request.region):
        raise not_found(f"The model {asked}")
    return {"modelDetails": _model(model, request.region)}


def _profile(model: Model, profile: InferenceProfile, region: str, account: str) -> Body:
    """A system-defined profile as the Region shows it; a global one names its source and the region-less ARN."""
    places = profile.destinations[region]
    if profile.route == "global":
        places = (region, *places)
    scope = "Global" if profile.route == "global" else _SCOPE_NAMES.get(profile.scope, profile.scope.upper())
    return {
        "inferenceProfileName": f"{scope} {model.provider} {model.name}"[:64],
        "description": f"Routes requests to {model.name} {'globally' if scope == 'Global' else 'in ' + scope}.",
        "inferenceProfileArn": f"arn:aws:bedrock:{region}:{account}:inference-profile/{profile.profile_id}",
        "inferenceProfileId": profile.profile_id,
        "models": [
            {"modelArn": f"arn:aws:bedrock:{place}::foundation-model/{model.model_id}"} for place in places
        ],
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
        "createdAt": _PROFILES_SINCE,
        "updatedAt": _PROFILES_SINCE,
    }


@lru_cache(maxsize=64)
def _system_profiles(region: str, account: str) -> tuple[Body, ...]:
    return tuple(
        _profile(model, profile, region, account)
        for model in shipped().models
        for profile in model.profiles
        if region in profile.destinations
    )


def _profiles(request: Request) -> list[Body]:
    return [*_system_profiles(request.region, request.account), *here(request, "application_profile")]


@SERVICE.operation("ListInferenceProfiles")
def list_inference_profiles(request: Request) -> Answer:
    """System-defined profiles, unless application profiles are asked for: those are not in the default list."""
    wanted = request.parameters.get("typeEquals", "SYSTEM_DEFINED")
    rows = [profile for profile in _profiles(request) if profile["type"] == wanted]
    return dict(page_of(request, rows).answer("inferenceProfileSummaries"))


@SERVICE.operation("GetInferenceProfile")
def get_inference_profile(request: Request) -> Answer:
    """One profile by its id or ARN."""
    asked = request.parameters["inferenceProfileIdentifier"]
    for profile in _profiles(request):
        if asked in (profile["inferenceProfileId"], profile["inferenceProfileArn"]):
            return dict(profile)
    raise not_found(f"The inference profile {asked}")
