"""Amazon Bedrock's control plane in the demo account: the catalogue, profiles, and what the company has.

Foundation models and system-defined profiles follow from the shipped catalogue, for whatever Region is asked.
https://docs.aws.amazon.com/bedrock/latest/APIReference/welcome.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from bedrock_guard.boundary.catalogue import InferenceProfile, Model, shipped
from bedrock_guard.demo.service import Answer, Handler, Request, Service, ServiceError, page
from bedrock_guard.demo.state import Body

SERVICE = Service("bedrock", bad_token=ServiceError("ValidationException", "The provided token is invalid."))

_BEYOND: Final = {
    "ModelModality": ("VIDEO", "SPEECH"),
    "InferenceType": ("INFERENCE_PROFILE",),
}
"""What AWS answers and the service model does not have (https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html)."""

_SCOPE_NAMES: Final = {"us": "US", "eu": "EU", "apac": "APAC", "au": "AU", "jp": "JP", "us-gov": "US-GOV"}
_PROFILES_SINCE: Final = "2026-01-05T00:00:00Z"
_NO_STREAM: Final = {"EMBEDDING", "IMAGE", "VIDEO"}


def here(request: Request, kind: str) -> list[Body]:
    """The items of a kind in the account and Region of the request."""
    return request.items.at(service="bedrock", region=request.region).bodies(kind)


def not_found(what: str) -> ServiceError:
    """Bedrock's 404."""
    return ServiceError("ResourceNotFoundException", f"{what} could not be found.")


def offered(region: str) -> list[Model]:
    """The models that can be called from a Region, in-region or through a profile."""
    return [
        model
        for model in shipped().models
        if region in model.in_region or any(region in profile.destinations for profile in model.profiles)
    ]


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
    models = [_model(model, request.region) for model in offered(request.region)]
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


def _profile(model: Model, profile: InferenceProfile, request: Request) -> Body:
    """A system-defined profile as the Region shows it; a global one names its source and the region-less ARN."""
    region = request.region
    places = profile.destinations[region]
    if profile.route == "global":
        places = (region, *places)
    scope = "Global" if profile.route == "global" else _SCOPE_NAMES.get(profile.scope, profile.scope.upper())
    return {
        "inferenceProfileName": f"{scope} {model.provider} {model.name}"[:64],
        "description": f"Routes requests to {model.name} {'globally' if scope == 'Global' else 'in ' + scope}.",
        "inferenceProfileArn": f"arn:aws:bedrock:{region}:{request.account}:inference-profile/{profile.profile_id}",
        "inferenceProfileId": profile.profile_id,
        "models": [
            {"modelArn": f"arn:aws:bedrock:{place}::foundation-model/{model.model_id}"} for place in places
        ],
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
        "createdAt": _PROFILES_SINCE,
        "updatedAt": _PROFILES_SINCE,
    }


def _profiles(request: Request) -> list[Body]:
    system = [
        _profile(model, profile, request)
        for model in shipped().models
        for profile in model.profiles
        if request.region in profile.destinations
    ]
    return [*system, *here(request, "application_profile")]


@SERVICE.operation("ListInferenceProfiles")
def list_inference_profiles(request: Request) -> Answer:
    """System-defined profiles, unless application profiles are asked for: those are not in the default list."""
    wanted = request.parameters.get("typeEquals", "SYSTEM_DEFINED")
    rows = [profile for profile in _profiles(request) if profile["type"] == wanted]
    return dict(_page(request, rows).answer("inferenceProfileSummaries"))


@SERVICE.operation("GetInferenceProfile")
def get_inference_profile(request: Request) -> Answer:
    """One profile by its id or ARN."""
    asked = request.parameters["inferenceProfileIdentifier"]
    for profile in _profiles(request):
        if asked in (profile["inferenceProfileId"], profile["inferenceProfileArn"]):
            return dict(profile)
    raise not_found(f"The inference profile {asked}")


def _page(request: Request, rows: list[Body], default: int = 100) -> Any:
    return page(rows, request, token_name="nextToken", size_name="maxResults", default=default)  # noqa: S106 - a member's name


Test = Callable[[Body, Any], bool]


def _listing(kind: str, answer: str, time: str, name: str, filters: dict[str, Test] | None = None) -> Handler:
    """A handler that lists items of one kind, filtered by name, time, status and `filters`, newest first if asked."""
    tests: dict[str, Test] = {
        "nameContains": lambda row, value: value.lower() in row[name].lower(),
        "statusEquals": lambda row, value: row["status"] == value,
        "creationTimeAfter": lambda row, value: _at(row, time) > value,
        "creationTimeBefore": lambda row, value: _at(row, time) < value,
        "submitTimeAfter": lambda row, value: _at(row, time) > value,
        "submitTimeBefore": lambda row, value: _at(row, time) < value,
        **(filters or {}),
    }

    def handler(request: Request) -> Answer:
        p = request.parameters
        rows: Iterable[Body] = here(request, kind)
        for parameter, test in tests.items():
            if parameter in p:
                rows = [row for row in rows if test(row, p[parameter])]
        ordered = sorted(rows, key=lambda row: str(row[time]), reverse=p.get("sortOrder") != "Ascending")
        return dict(_page(request, ordered).answer(answer))

    return handler


def _at(row: Body, name: str) -> datetime:
    return datetime.fromisoformat(row[name])


_LISTINGS: Final[dict[str, Handler]] = {
    "ListProvisionedModelThroughputs": _listing(
        "provisioned_throughput", "provisionedModelSummaries", "creationTime", "provisionedModelName",
        {"modelArnEquals": lambda row, value: row["modelArn"] == value},
    ),
    "ListModelCustomizationJobs": _listing(
        "customization_job", "modelCustomizationJobSummaries", "creationTime", "jobName"
    ),
    "ListModelInvocationJobs": _listing("invocation_job", "invocationJobSummaries", "submitTime", "jobName"),
    "ListCustomModels": _listing(
        "custom_model", "modelSummaries", "creationTime", "modelName",
        {
            "baseModelArnEquals": lambda row, value: row["baseModelArn"] == value,
            "foundationModelArnEquals": lambda row, value: row["baseModelArn"] == value,
            "modelStatus": lambda row, value: row["modelStatus"] == value,
        },
    ),
    "ListImportedModels": _listing("imported_model", "modelSummaries", "creationTime", "modelName"),
    "ListCustomModelDeployments": _listing(
        "custom_model_deployment", "modelDeploymentSummaries", "createdAt", "customModelDeploymentName"
    ),
    "ListModelImportJobs": _listing(
        "import_job", "modelImportJobSummaries", "creationTime", "jobName"
    ),
    "ListModelCopyJobs": _listing(
        "copy_job", "modelCopyJobSummaries", "creationTime", "targetModelName",
        {
            "sourceAccountEquals": lambda row, value: row["sourceAccountId"] == value,
            "sourceModelArnEquals": lambda row, value: row["sourceModelArn"] == value,
            "targetModelNameContains": lambda row, value: value.lower() in row["targetModelName"].lower(),
        },
    ),
    "ListEvaluationJobs": _listing(
        "evaluation_job", "jobSummaries", "creationTime", "jobName",
        {"applicationTypeEquals": lambda row, value: row["applicationType"] == value},
    ),
    "ListPromptRouters": _listing(
        "prompt_router", "promptRouterSummaries", "createdAt", "promptRouterName",
        {"type": lambda row, value: row["type"] == value},
    ),
    "ListEnforcedGuardrailsConfiguration": _listing(
        "enforced_guardrail", "guardrailsConfig", "createdAt", "configId"
    ),
    "ListMarketplaceModelEndpoints": _listing(
        "marketplace_endpoint", "marketplaceModelEndpoints", "createdAt", "endpointArn"
    ),
}  # fmt: skip
for _name, _handler in _LISTINGS.items():
    SERVICE.operation(_name)(_handler)


@SERVICE.operation("GetProvisionedModelThroughput")
def get_provisioned_model_throughput(request: Request) -> Answer:
    """One purchased model by its name, id or ARN."""
    asked = request.parameters["provisionedModelId"]
    for row in here(request, "provisioned_throughput"):
        arn = row["provisionedModelArn"]
        if asked in (arn, row["provisionedModelName"], arn.rpartition("/")[2]):
            return row
    raise not_found(f"The provisioned model {asked}")


@SERVICE.operation("ListGuardrails")
def list_guardrails(request: Request) -> Answer:
    """The draft of every guardrail, or with guardrailIdentifier every version of one."""
    asked = request.parameters.get("guardrailIdentifier")
    rows = [
        _summary(body, version)
        for body in here(request, "guardrail")
        for version in (body.get("_versions", ["DRAFT"]) if asked else ["DRAFT"])
        if asked in (None, body["guardrailId"], body["guardrailArn"])
    ]
    if asked and not rows:
        raise not_found(f"The guardrail {asked}")
    return dict(_page(request, rows).answer("guardrails"))


def _summary(body: Body, version: str) -> Body:
    return {
        "id": body["guardrailId"],
        "arn": body["guardrailArn"],
        "status": body["status"],
        "name": body["name"],
        "description": body.get("description"),
        "version": version,
        "createdAt": body["createdAt"],
        "updatedAt": body["updatedAt"],
    }


@SERVICE.operation("GetGuardrail", gap="every version shows the same policies")
def get_guardrail(request: Request) -> Answer:
    """A guardrail's draft, or the version asked for."""
    asked = request.parameters["guardrailIdentifier"]
    version = request.parameters.get("guardrailVersion", "DRAFT")
    for body in here(request, "guardrail"):
        if asked in (body["guardrailId"], body["guardrailArn"]) and version in body.get(
            "_versions", ["DRAFT"]
        ):
            shown = {name: value for name, value in body.items() if not name.startswith("_")}
            return {**shown, "version": version}
    raise not_found(f"The guardrail {asked}, version {version}")


@SERVICE.operation("GetModelInvocationLoggingConfiguration")
def get_model_invocation_logging_configuration(request: Request) -> Answer:
    """The Region's configuration; an empty answer where logging is off."""
    rows = here(request, "logging")
    return {"loggingConfig": rows[0]["loggingConfig"]} if rows else {}
