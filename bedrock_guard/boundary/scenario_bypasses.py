"""The fifty moves by which an insider goes round a Bedrock boundary, each with the control that stops it."""

from __future__ import annotations

from typing import Any

from bedrock_guard.boundary.calls import Call
from bedrock_guard.boundary.catalogue import scope_of
from bedrock_guard.boundary.scenario_around import elsewhere, guardrails, roles
from bedrock_guard.boundary.scenario_parts import ANTHROPIC, BEDROCK, SERVICE_KEY, mantle_id, step
from bedrock_guard.boundary.scenarios import Bypass, Setting


def bypasses(at: Setting) -> tuple[Bypass, ...]:
    """The moves in their usual order, for a setting."""
    return (*_keys(at), *_models(at), *_features(at), *roles(at), *guardrails(at), *elsewhere(at))


def _keys(at: Setting) -> tuple[Bypass, ...]:
    service_user, create = at.iam("user/ci-bot"), "CreateServiceSpecificCredential"
    bedrock = {SERVICE_KEY: BEDROCK}
    credential = {"UserName": "ci-bot", "ServiceSpecificCredentialId": "ACCAEXAMPLE"}
    used = at.converse(at.approved, principal=service_user, key_kind="long_term")
    signed = at.call("bedrock-mantle", "CreateInference", {"model": mantle_id(at)})
    keyed = at.call("bedrock-mantle", "CreateInference", {"model": mantle_id(at)}, key_kind="long_term")
    anthropic = "aws-external-anthropic"
    return (
        Bypass(
            1,
            "A long-term key on an existing user, used from outside",
            (
                step(
                    at.call("iam", create, {"UserName": "ci-bot", "ServiceName": BEDROCK}), "api_key_creation"
                ),
                step(
                    at.call("iam", create, {"UserName": "ci-bot", "ServiceName": ANTHROPIC}),
                    "api_key_creation",
                ),
                step(used, "long_term_key_use", bounded=False),
            ),
        ),
        Bypass(2, "A key made before the boundary", (step(used, "long_term_key_use", bounded=False),)),
        Bypass(
            3,
            "Reset an old key to learn a new secret",
            (
                step(
                    at.call("iam", "ResetServiceSpecificCredential", credential, facts=bedrock),
                    "api_key_creation",
                ),
            ),
        ),
        Bypass(
            4,
            "Switch a disabled key on again",
            (
                step(
                    at.call(
                        "iam",
                        "UpdateServiceSpecificCredential",
                        {**credential, "Status": "Active"},
                        facts=bedrock,
                    ),
                    "api_key_reactivation",
                ),
            ),
        ),
        Bypass(
            5,
            "A short-term token made offline and shared",
            (step(at.converse(at.approved, key_kind="short_term"), "short_term_key_use"),),
            rest="The token can be made, unseen; it cannot be used.",
            instead="Revoke the session by aws:TokenIssueTime",
        ),
        Bypass(
            6,
            "The mantle endpoint, signed or with a key",
            (step(signed, "mantle"), step(keyed, "mantle", "long_term_key_use")),
        ),
        Bypass(
            7,
            "Claude Platform on AWS, its console and its OIDC token route",
            (
                step(at.call(anthropic, "CreateInference", {"model": "claude-opus-4-6"}), "claude_platform"),
                step(at.call(anthropic, "AssumeConsole"), "claude_platform"),
                step(
                    at.call("sts", "GetWebIdentityToken", {"Audience": ["https://example.com"]}), "delegation"
                ),
            ),
        ),
    )


def _models(at: Setting) -> tuple[Bypass, ...]:
    models, other, approved = "approved_models", at.other, at.approved
    base = scope_of(approved)[1]
    aip = at.call("bedrock", "CreateInferenceProfile").arn("application-inference-profile/abcd1234")
    router = at.call("bedrock", "CreatePromptRouter").arn("default-prompt-router/anthropic.claude:1")
    runtime = "bedrock-runtime"
    chat = {"model": other, **at.guarded("InvokeModel")}
    return (
        Bypass(
            8,
            "Claude Code or Codex with signed requests and no key",
            (step(at.converse(other, "InvokeModelWithResponseStream"), models),),
        ),
        Bypass(
            9,
            "Converse, Chat Completions or Messages instead of InvokeModel",
            (
                step(at.converse(other), models),
                step(at.converse(other, "ConverseStream"), models),
                step(at.call(runtime, "ChatCompletions", chat), models),
                step(at.call(runtime, "Messages", {**chat, "stream": True}), models),
            ),
        ),
        Bypass(
            10,
            "Streaming, where only InvokeModel is denied",
            (step(at.converse(other, "InvokeModelWithResponseStream"), models),),
        ),
        Bypass(
            11,
            "StartAsyncInvoke for video and images",
            (
                step(
                    at.call(runtime, "StartAsyncInvoke", {"modelId": _async_model(at)}),
                    models,
                    "guardrail_required",
                ),
            ),
        ),
        Bypass(
            12,
            "A batch job",
            (
                step(_job(at, "CreateModelInvocationJob", modelId=approved), "batch_inference"),
                step(_job(at, "CreateModelInvocationJob", modelId=other), "batch_inference", models),
            ),
        ),
        Bypass(
            13,
            "The same model from another region",
            (
                step(at.converse(approved, region=_elsewhere_in(at)), models),
                step(at.converse(base, region=_elsewhere_in(at)), models),
            ),
        ),
        Bypass(
            14,
            "A global profile",
            (
                step(at.converse(f"global.{at.other_model.model_id}"), models, "global_profiles"),
                step(at.converse(at.not_worldwide), models, "global_profiles"),
            ),
        ),
        Bypass(
            15,
            "Another geography's profile",
            (
                step(at.converse(f"eu.{at.other_model.model_id}", region="eu-west-1"), models),
                step(at.converse(f"jp.{at.other_model.model_id}", region="ap-northeast-1"), models),
            ),
        ),
        Bypass(
            16,
            "An application profile around a dear model",
            (
                step(_profile_of(at, other), "application_profiles"),
                step(at.converse(aip), "application_profiles"),
            ),
        ),
        Bypass(
            17,
            "A prompt router that picks the model",
            (
                step(
                    at.call("bedrock", "CreatePromptRouter", {"promptRouterName": "r", "models": []}),
                    "prompt_routers",
                ),
                step(at.converse(router), "prompt_routers"),
            ),
        ),
        Bypass(
            18,
            "A later model of an approved name",
            (step(at.converse(f"{approved.removesuffix(':0')}x:0"), models),),
            rest="A `family` in the spec admits later models by name; the spec says so where it is flagged.",
        ),
        Bypass(
            19,
            "The priority tier",
            (
                step(
                    at.converse(approved, parameters={"serviceTier": {"type": "priority"}}), "service_tiers"
                ),
                step(
                    at.converse(approved, "InvokeModel", parameters={"serviceTier": "reserved"}),
                    "service_tiers",
                ),
            ),
        ),
    )


def _async_model(at: Setting) -> str:
    """A model for video that is not approved."""
    taken = {choice.id for choice in at.profile.models}
    found = (
        m.model_id for m in at.catalogue.models if "VIDEO" in m.output_modalities and m.model_id not in taken
    )
    return next(found, "amazon.nova-reel-v1:9")


def _elsewhere_in(at: Setting) -> str:
    """A region from which nothing is approved."""
    used = {region for choice in at.profile.models for region in choice.regions or at.regions} | set(
        at.regions
    )
    return next(
        region for region in ("us-east-2", "us-west-2", "eu-west-1", "sa-east-1") if region not in used
    )


def _profile_of(at: Setting, model: str) -> Call:
    source = at.call("bedrock", "CreateInferenceProfile").arn(f"inference-profile/{model}")
    parameters = {"inferenceProfileName": "team", "modelSource": {"copyFrom": source}}
    return at.call("bedrock", "CreateInferenceProfile", parameters)


def _job(at: Setting, operation: str, **parameters: Any) -> Call:
    """A job under a role that may be passed, so that only the job itself is in question."""
    return at.call("bedrock", operation, {"roleArn": at.bounded_role, **parameters})


def _features(at: Setting) -> tuple[Bypass, ...]:
    deployment = at.call("bedrock", "CreateCustomModel").arn("custom-model-deployment/abcd1234")
    endpoint = f"arn:{at.profile.partition}:sagemaker:{at.region}:{at.account}:endpoint/own-model"
    runtime, agent, agents = "bedrock-agent-runtime", "bedrock-agent", "agents"
    alias = {"agentId": "AGENT12345", "agentAliasId": "ALIAS12345"}
    flow = {"flowIdentifier": "FLOW123456", "flowAliasIdentifier": "ALIAS12345"}
    reranker = {
        "modelArn": f"arn:{at.profile.partition}:bedrock:{at.region}::foundation-model/cohere.rerank-v3-5:0"
    }
    ranking = {"rerankingConfiguration": {"bedrockRerankingConfiguration": {"modelConfiguration": reranker}}}
    automation = "bedrock-data-automation-runtime"
    core, control = "bedrock-agentcore", "bedrock-agentcore-control"
    return (
        Bypass(
            20,
            "Provisioned throughput, or a mantle reservation",
            (
                step(
                    at.call("bedrock", "CreateProvisionedModelThroughput", {"modelUnits": 1}),
                    "provisioned_throughput",
                ),
                step(at.call("bedrock", "UpdateProvisionedModelThroughput"), "provisioned_throughput"),
                step(at.call("bedrock-mantle", "CreateReservation"), "mantle", "provisioned_throughput"),
            ),
        ),
        Bypass(
            21,
            "A custom model and its deployment",
            (
                step(
                    _job(at, "CreateModelCustomizationJob", customizationType="DISTILLATION"), "customization"
                ),
                step(_job(at, "CreateCustomModel"), "customization"),
                step(at.call("bedrock", "CreateCustomModelDeployment"), "customization"),
                step(at.converse(deployment), "customization"),
                step(at.call("bedrock-mantle", "CreateFineTuningJob"), "mantle", "customization"),
            ),
        ),
        Bypass(
            22,
            "Import own weights, copy or share a model",
            (
                step(_job(at, "CreateModelImportJob"), "customization"),
                step(at.call("bedrock", "CreateModelCopyJob"), "customization"),
                step(at.call("bedrock", "PutResourcePolicy"), "guardrail_tampering"),
            ),
        ),
        Bypass(
            23,
            "A Marketplace endpoint",
            (
                step(at.call("bedrock", "CreateMarketplaceModelEndpoint"), "marketplace_endpoints"),
                step(at.call("bedrock", "RegisterMarketplaceModelEndpoint"), "marketplace_endpoints"),
                step(at.converse(endpoint), "marketplace_endpoints"),
            ),
        ),
        Bypass(
            24,
            "SageMaker: JumpStart, a hub's models, an endpoint, a GPU notebook, its bearer token",
            (
                step(at.call("sagemaker", "DeployHubModel"), "sagemaker"),
                step(at.call("sagemaker", "TrainHubModel"), "sagemaker"),
                step(at.call("sagemaker", "SampleTrainingSession"), "sagemaker"),
                step(at.call("sagemaker", "CreateEndpoint", {"EndpointName": "own-model"}), "sagemaker"),
                step(at.call("sagemaker", "CreateNotebookInstance"), "sagemaker"),
                step(
                    at.call("sagemaker-runtime", "InvokeEndpoint", {"EndpointName": "own-model"}), "sagemaker"
                ),
                step(
                    at.call(
                        "sagemaker-runtime",
                        "InvokeEndpoint",
                        {"EndpointName": "own-model"},
                        key_kind="long_term",
                    ),
                    "sagemaker",
                    "long_term_key_use",
                ),
            ),
        ),
        Bypass(
            25,
            "An agent whose service role may call any model",
            (
                step(at.call(agent, "CreateAgent", {"agentResourceRoleArn": at.bounded_role}), agents),
                step(
                    at.call(agent, "CreateAgent", {"agentResourceRoleArn": at.loose_role}),
                    agents,
                    "bounded_roles",
                ),
                step(at.call(agent, "PrepareAgent"), agents),
            ),
        ),
        Bypass(
            26,
            "A colleague's agent or flow",
            (
                step(at.call(runtime, "InvokeAgent", alias), agents),
                step(at.call(runtime, "InvokeFlow", flow), "flows"),
            ),
        ),
        Bypass(27, "An inline agent", (step(at.call(runtime, "InvokeInlineAgent"), agents),)),
        Bypass(
            28,
            "A knowledge base, reranking, query generation",
            (
                step(at.call(runtime, "RetrieveAndGenerate"), "knowledge_bases"),
                step(at.call(runtime, "RetrieveAndGenerateStream"), "knowledge_bases"),
                step(at.call(runtime, "AgenticRetrieveStream"), "knowledge_bases"),
                step(at.call(runtime, "GenerateQuery"), "knowledge_bases"),
                step(
                    at.call(runtime, "Rerank", ranking),
                    "knowledge_bases",
                    "approved_models",
                    "guardrail_required",
                ),
            ),
        ),
        Bypass(
            29,
            "A flow's prompt node, an evaluation job, prompt optimisation",
            (
                step(at.call(agent, "CreateFlow", {"executionRoleArn": at.bounded_role}), "flows"),
                step(_job(at, "CreateEvaluationJob"), "evaluation_jobs"),
                step(at.call("bedrock", "CreateAdvancedPromptOptimizationJob"), "evaluation_jobs"),
                step(at.call(runtime, "OptimizePrompt"), "prompt_management"),
            ),
        ),
        Bypass(
            30,
            "Data automation, blueprints, the builder",
            (
                step(at.call(automation, "InvokeDataAutomationAsync"), "data_automation"),
                step(
                    at.call("bedrock-data-automation", "InvokeBlueprintOptimizationAsync"), "data_automation"
                ),
                step(at.call("bedrock", "InvokeBuilder"), "system_tools"),
            ),
        ),
        Bypass(
            31,
            "AgentCore: runtime, harness, gateway, code interpreter, browser",
            (
                step(at.call(control, "CreateAgentRuntime", {"roleArn": at.bounded_role}), "agentcore"),
                step(at.call(core, "InvokeAgentRuntime"), "agentcore"),
                step(at.call(core, "InvokeHarness"), "agentcore"),
                step(at.call(control, "CreateGatewayTarget"), "agentcore"),
                step(at.call(core, "StartCodeInterpreterSession"), "agentcore"),
                step(at.call(core, "StartBrowserSession"), "agentcore"),
            ),
        ),
    )
