"""What the company has in Bedrock: commitments, jobs, custom models, endpoints, routers, logging."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from bedrock_guard.demo.service import Answer, Handler, Request
from bedrock_guard.demo.services.bedrock.common import SERVICE, here, not_found, page_of
from bedrock_guard.demo.state import Body

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
        return dict(page_of(request, ordered).answer(answer))

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


@SERVICE.operation("GetModelInvocationLoggingConfiguration")
def get_model_invocation_logging_configuration(request: Request) -> Answer:
    """The Region's configuration; an empty answer where logging is off."""
    rows = here(request, "logging")
    return {"loggingConfig": rows[0]["loggingConfig"]} if rows else {}
