"""The lists of Bedrock: which operation names each kind of resource, and which of its members become columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Listing:
    """One list of Bedrock: what is asked, and which members become which columns."""

    service: str
    operation: str
    key: str
    kind: str
    columns: Mapping[str, str]
    request: Mapping[str, Any]


def _listing(
    kind: str, operation: str, key: str, columns: str, *, service: str = "bedrock", **request: Any
) -> Listing:
    """A list; `columns` are pairs "our column=AWS's member"."""
    pairs = (pair.partition("=") for pair in columns.split())
    named = {ours: theirs for ours, _sign, theirs in pairs}
    return Listing(service, operation, key, kind, named, request)


_DATES: Final = "created=createdAt updated=updatedAt"
_JOB_DATES: Final = "created=creationTime updated=lastModifiedTime ends=endTime"
LISTINGS: Final = (
    _listing(
        "provisioned_throughput",
        "list_provisioned_model_throughputs",
        "provisionedModelSummaries",
        "arn=provisionedModelArn name=provisionedModelName status=status model=modelArn created=creationTime "
        "updated=lastModifiedTime ends=commitmentExpirationTime commitment=commitmentDuration units=modelUnits",
    ),
    _listing(
        "batch_job",
        "list_model_invocation_jobs",
        "invocationJobSummaries",
        "arn=jobArn name=jobName status=status model=modelId created=submitTime updated=lastModifiedTime ends=endTime",
    ),
    _listing(
        "customization_job",
        "list_model_customization_jobs",
        "modelCustomizationJobSummaries",
        f"arn=jobArn name=jobName status=status model=baseModelArn {_JOB_DATES}",
    ),
    _listing(
        "import_job",
        "list_model_import_jobs",
        "modelImportJobSummaries",
        f"arn=jobArn name=jobName status=status model=importedModelArn {_JOB_DATES}",
    ),
    _listing(
        "copy_job",
        "list_model_copy_jobs",
        "modelCopyJobSummaries",
        "arn=jobArn name=targetModelName status=status model=sourceModelArn created=creationTime",
    ),
    _listing(
        "evaluation_job",
        "list_evaluation_jobs",
        "jobSummaries",
        "arn=jobArn name=jobName status=status created=creationTime",
    ),
    _listing(
        "custom_model",
        "list_custom_models",
        "modelSummaries",
        "arn=modelArn name=modelName status=modelStatus model=baseModelArn created=creationTime",
    ),
    _listing(
        "imported_model",
        "list_imported_models",
        "modelSummaries",
        "arn=modelArn name=modelName created=creationTime",
    ),
    _listing(
        "custom_model_deployment",
        "list_custom_model_deployments",
        "modelDeploymentSummaries",
        "arn=customModelDeploymentArn name=customModelDeploymentName status=status model=modelArn created=createdAt "
        "updated=lastUpdatedAt",
    ),
    _listing(
        "marketplace_endpoint",
        "list_marketplace_model_endpoints",
        "marketplaceModelEndpoints",
        f"arn=endpointArn status=status model=modelSourceIdentifier {_DATES}",
    ),
    _listing(
        "application_profile",
        "list_inference_profiles",
        "inferenceProfileSummaries",
        f"arn=inferenceProfileArn name=inferenceProfileName status=status {_DATES}",
        typeEquals="APPLICATION",
    ),
    _listing(
        "prompt_router",
        "list_prompt_routers",
        "promptRouterSummaries",
        f"arn=promptRouterArn name=promptRouterName status=status {_DATES}",
        type="custom",
    ),
    _listing(
        "guardrail",
        "list_guardrails",
        "guardrails",
        f"arn=arn name=name status=status version=version {_DATES}",
    ),
    _listing(
        "enforced_guardrail",
        "list_enforced_guardrails_configuration",
        "guardrailsConfig",
        f"arn=guardrailArn name=configId guardrail=guardrailId version=guardrailVersion {_DATES}",
    ),
    _listing(
        "agent",
        "list_agents",
        "agentSummaries",
        "arn=agentId name=agentName status=agentStatus version=latestAgentVersion updated=updatedAt",
        service="bedrock-agent",
    ),
    _listing(
        "knowledge_base",
        "list_knowledge_bases",
        "knowledgeBaseSummaries",
        "arn=knowledgeBaseId name=name status=status updated=updatedAt",
        service="bedrock-agent",
    ),
    _listing(
        "flow",
        "list_flows",
        "flowSummaries",
        f"arn=arn name=name status=status version=version {_DATES}",
        service="bedrock-agent",
    ),
    _listing(
        "prompt",
        "list_prompts",
        "promptSummaries",
        f"arn=arn name=name version=version {_DATES}",
        service="bedrock-agent",
    ),
)
