"""The fifty moves by which an insider goes round a Bedrock boundary, each with the control that stops it."""

from __future__ import annotations

from typing import Any

from bedrock_guard.boundary.calls import Call, Value
from bedrock_guard.boundary.scenarios import Bypass, Setting, Step

BEDROCK, ANTHROPIC = "bedrock.amazonaws.com", "aws-external-anthropic.amazonaws.com"
SERVICE_KEY, BOUNDARY_KEY = "iam:ServiceSpecificCredentialServiceName", "iam:PermissionsBoundary"


def bypasses(at: Setting) -> tuple[Bypass, ...]:
    """The moves in their usual order, for a setting."""
    return (*_keys(at), *_models(at), *_features(at), *_roles(at), *_guardrails(at), *_elsewhere(at))


def _step(call: Call, *controls: str, bounded: bool = True) -> Step:
    return Step(call, controls, bounded)


def _keys(at: Setting) -> tuple[Bypass, ...]:
    service_user, create = at.iam("user/ci-bot"), "CreateServiceSpecificCredential"
    bedrock = {SERVICE_KEY: BEDROCK}
    credential = {"UserName": "ci-bot", "ServiceSpecificCredentialId": "ACCAEXAMPLE"}
    used = at.converse(at.approved, principal=service_user, key_kind="long_term")
    signed = at.call("bedrock-mantle", "CreateInference", {"model": _mantle_id(at)})
    keyed = at.call("bedrock-mantle", "CreateInference", {"model": _mantle_id(at)}, key_kind="long_term")
    anthropic = "aws-external-anthropic"
    return (
        Bypass(
            1,
            "A long-term key on an existing user, used from outside",
            (
                _step(
                    at.call("iam", create, {"UserName": "ci-bot", "ServiceName": BEDROCK}), "api_key_creation"
                ),
                _step(
                    at.call("iam", create, {"UserName": "ci-bot", "ServiceName": ANTHROPIC}),
                    "api_key_creation",
                ),
                _step(used, "long_term_key_use", bounded=False),
            ),
        ),
        Bypass(2, "A key made before the boundary", (_step(used, "long_term_key_use", bounded=False),)),
        Bypass(
            3,
            "Reset an old key to learn a new secret",
            (
                _step(
                    at.call("iam", "ResetServiceSpecificCredential", credential, facts=bedrock),
                    "api_key_creation",
                ),
            ),
        ),
        Bypass(
            4,
            "Switch a disabled key on again",
            (
                _step(
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
            (_step(at.converse(at.approved, key_kind="short_term"), "short_term_key_use"),),
            rest="The token can be made, unseen; it cannot be used.",
            instead="Revoke the session by aws:TokenIssueTime",
        ),
        Bypass(
            6,
            "The mantle endpoint, signed or with a key",
            (_step(signed, "mantle"), _step(keyed, "mantle", "long_term_key_use")),
        ),
        Bypass(
            7,
            "Claude Platform on AWS, its console and its OIDC token route",
            (
                _step(at.call(anthropic, "CreateInference", {"model": "claude-opus-4-6"}), "claude_platform"),
                _step(at.call(anthropic, "AssumeConsole"), "claude_platform"),
                _step(
                    at.call("sts", "GetWebIdentityToken", {"Audience": ["https://example.com"]}), "delegation"
                ),
            ),
        ),
    )


def _mantle_id(at: Setting) -> str:
    return at.other_model.mantle_id or at.other_model.model_id


def _models(at: Setting) -> tuple[Bypass, ...]:
    models, other, approved = "approved_models", at.other, at.approved
    base = (
        approved.split(".", 1)[1]
        if approved.split(".", 1)[0] in ("us", "eu", "apac", "au", "jp")
        else approved
    )
    aip = at.call("bedrock", "CreateInferenceProfile").arn("application-inference-profile/abcd1234")
    router = at.call("bedrock", "CreatePromptRouter").arn("default-prompt-router/anthropic.claude:1")
    runtime = "bedrock-runtime"
    chat = {"model": other, **at.guarded("InvokeModel")}
    return (
        Bypass(
            8,
            "Claude Code or Codex with signed requests and no key",
            (_step(at.converse(other, "InvokeModelWithResponseStream"), models),),
        ),
        Bypass(
            9,
            "Converse, Chat Completions or Messages instead of InvokeModel",
            (
                _step(at.converse(other), models),
                _step(at.converse(other, "ConverseStream"), models),
                _step(at.call(runtime, "ChatCompletions", chat), models),
                _step(at.call(runtime, "Messages", {**chat, "stream": True}), models),
            ),
        ),
        Bypass(
            10,
            "Streaming, where only InvokeModel is denied",
            (_step(at.converse(other, "InvokeModelWithResponseStream"), models),),
        ),
        Bypass(
            11,
            "StartAsyncInvoke for video and images",
            (
                _step(
                    at.call(runtime, "StartAsyncInvoke", {"modelId": _async_model(at)}),
                    models,
                    "guardrail_required",
                ),
            ),
        ),
        Bypass(12, "A batch job", (_step(_job(at, "CreateModelInvocationJob"), "batch_inference"),)),
        Bypass(
            13,
            "The same model from another region",
            (
                _step(at.converse(approved, region=_elsewhere_in(at)), models),
                _step(at.converse(base, region=_elsewhere_in(at)), models),
            ),
        ),
        Bypass(
            14,
            "A global profile",
            (_step(at.converse(f"global.{at.other_model.model_id}"), models, "global_profiles"),),
        ),
        Bypass(
            15,
            "Another geography's profile",
            (
                _step(at.converse(f"eu.{at.other_model.model_id}", region="eu-west-1"), models),
                _step(at.converse(f"jp.{at.other_model.model_id}", region="ap-northeast-1"), models),
            ),
        ),
        Bypass(
            16,
            "An application profile around a dear model",
            (
                _step(_profile_of(at, other), "application_profiles"),
                _step(at.converse(aip), models),
            ),
        ),
        Bypass(
            17,
            "A prompt router that picks the model",
            (
                _step(
                    at.call("bedrock", "CreatePromptRouter", {"promptRouterName": "r", "models": []}),
                    "prompt_routers",
                ),
                _step(at.converse(router), models),
            ),
        ),
        Bypass(
            18,
            "A later model of an approved name",
            (_step(at.converse(f"{approved.removesuffix(':0')}x:0"), models),),
            rest="A `family` in the spec admits later models by name; the spec says so where it is flagged.",
        ),
        Bypass(
            19,
            "The priority tier",
            (
                _step(
                    at.converse(approved, parameters={"serviceTier": {"type": "priority"}}), "service_tiers"
                ),
                _step(
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
                _step(
                    at.call("bedrock", "CreateProvisionedModelThroughput", {"modelUnits": 1}),
                    "provisioned_throughput",
                ),
                _step(at.call("bedrock", "UpdateProvisionedModelThroughput"), "provisioned_throughput"),
                _step(at.call("bedrock-mantle", "CreateReservation"), "mantle", "provisioned_throughput"),
            ),
        ),
        Bypass(
            21,
            "A custom model and its deployment",
            (
                _step(
                    _job(at, "CreateModelCustomizationJob", customizationType="DISTILLATION"), "customization"
                ),
                _step(_job(at, "CreateCustomModel"), "customization"),
                _step(at.call("bedrock", "CreateCustomModelDeployment"), "customization"),
                _step(at.converse(deployment), "approved_models"),
                _step(at.call("bedrock-mantle", "CreateFineTuningJob"), "mantle", "customization"),
            ),
        ),
        Bypass(
            22,
            "Import own weights, copy or share a model",
            (
                _step(_job(at, "CreateModelImportJob"), "customization"),
                _step(at.call("bedrock", "CreateModelCopyJob"), "customization"),
                _step(at.call("bedrock", "PutResourcePolicy"), "guardrail_tampering"),
            ),
        ),
        Bypass(
            23,
            "A Marketplace endpoint",
            (
                _step(at.call("bedrock", "CreateMarketplaceModelEndpoint"), "marketplace_endpoints"),
                _step(at.call("bedrock", "RegisterMarketplaceModelEndpoint"), "marketplace_endpoints"),
                _step(at.converse(endpoint), "approved_models"),
            ),
        ),
        Bypass(
            24,
            "SageMaker: JumpStart, an endpoint, a GPU notebook, its bearer token",
            (
                _step(at.call("sagemaker", "CreateEndpoint", {"EndpointName": "own-model"}), "sagemaker"),
                _step(at.call("sagemaker", "CreateNotebookInstance"), "sagemaker"),
                _step(
                    at.call("sagemaker-runtime", "InvokeEndpoint", {"EndpointName": "own-model"}), "sagemaker"
                ),
                _step(
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
                _step(at.call(agent, "CreateAgent", {"agentResourceRoleArn": at.bounded_role}), agents),
                _step(
                    at.call(agent, "CreateAgent", {"agentResourceRoleArn": at.loose_role}),
                    agents,
                    "bounded_roles",
                ),
                _step(at.call(agent, "PrepareAgent"), agents),
            ),
        ),
        Bypass(
            26,
            "A colleague's agent or flow",
            (
                _step(at.call(runtime, "InvokeAgent", alias), agents),
                _step(at.call(runtime, "InvokeFlow", flow), "flows"),
            ),
        ),
        Bypass(27, "An inline agent", (_step(at.call(runtime, "InvokeInlineAgent"), agents),)),
        Bypass(
            28,
            "A knowledge base, reranking, query generation",
            (
                _step(at.call(runtime, "RetrieveAndGenerate"), "knowledge_bases"),
                _step(at.call(runtime, "RetrieveAndGenerateStream"), "knowledge_bases"),
                _step(at.call(runtime, "AgenticRetrieveStream"), "knowledge_bases"),
                _step(at.call(runtime, "GenerateQuery"), "knowledge_bases"),
                _step(
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
                _step(at.call(agent, "CreateFlow", {"executionRoleArn": at.bounded_role}), "flows"),
                _step(_job(at, "CreateEvaluationJob"), "evaluation_jobs"),
                _step(at.call("bedrock", "CreateAdvancedPromptOptimizationJob"), "evaluation_jobs"),
                _step(at.call(runtime, "OptimizePrompt"), "prompt_management"),
            ),
        ),
        Bypass(
            30,
            "Data automation, blueprints, the builder",
            (
                _step(at.call(automation, "InvokeDataAutomationAsync"), "data_automation"),
                _step(
                    at.call("bedrock-data-automation", "InvokeBlueprintOptimizationAsync"), "data_automation"
                ),
                _step(at.call("bedrock", "InvokeBuilder"), "system_tools"),
            ),
        ),
        Bypass(
            31,
            "AgentCore: runtime, harness, gateway, code interpreter, browser",
            (
                _step(at.call(control, "CreateAgentRuntime", {"roleArn": at.bounded_role}), "agentcore"),
                _step(at.call(core, "InvokeAgentRuntime"), "agentcore"),
                _step(at.call(core, "InvokeHarness"), "agentcore"),
                _step(at.call(control, "CreateGatewayTarget"), "agentcore"),
                _step(at.call(core, "StartCodeInterpreterSession"), "agentcore"),
                _step(at.call(core, "StartBrowserSession"), "agentcore"),
            ),
        ),
    )


def _roles(at: Setting) -> tuple[Bypass, ...]:
    function = {"FunctionName": "proxy", "Role": at.loose_role}
    weak = at.iam("policy/weaker")
    document = at.iam(f"policy/{at.profile.policy_prefix}deny-1")
    automation = {"Parameters": {"AutomationAssumeRole": [at.loose_role]}}
    shared = at.call("bedrock", "CreateCustomModel").arn("custom-model-deployment/shared99")
    return (
        Bypass(
            32,
            "A Lambda, ECS or Step Functions role with Bedrock rights",
            (
                _step(at.call("lambda", "CreateFunction", function), "bounded_roles"),
                _step(
                    at.call("stepfunctions", "CreateStateMachine", {"roleArn": at.loose_role}),
                    "bounded_roles",
                ),
                _step(
                    at.call("ecs", "RegisterTaskDefinition", {"taskRoleArn": at.loose_role}), "bounded_roles"
                ),
                _step(
                    at.call("lambda", "UpdateFunctionCode", {"FunctionName": "admin-reports"}),
                    "privileged_functions",
                ),
            ),
        ),
        Bypass(
            33,
            "Another role, another account",
            (
                _step(at.call("sts", "AssumeRole", {"RoleArn": at.loose_role}), "bounded_roles"),
                _step(
                    at.call("sts", "AssumeRole", {"RoleArn": at.iam("role/bounded/worker", "000000000099")}),
                    "bounded_roles",
                ),
            ),
        ),
        Bypass(
            34,
            "A new user or role without the boundary",
            (
                _step(at.call("iam", "CreateUser", {"UserName": "BedrockAPIKey-0001"}), "bounded_principals"),
                _step(at.call("iam", "CreateRole", {"RoleName": "free"}), "bounded_principals"),
            ),
        ),
        Bypass(
            35,
            "A weaker boundary instead",
            (
                _step(
                    at.call(
                        "iam", "PutRolePermissionsBoundary", {"RoleName": "dev", "PermissionsBoundary": weak}
                    ),
                    "bounded_principals",
                ),
                _step(
                    at.call(
                        "iam", "PutUserPermissionsBoundary", {"UserName": "dev", "PermissionsBoundary": weak}
                    ),
                    "bounded_principals",
                ),
            ),
        ),
        Bypass(
            36,
            "Remove the boundary, edit it, detach its deny policies",
            (
                _step(
                    at.call("iam", "DeleteRolePermissionsBoundary", {"RoleName": "dev"}),
                    "boundary_protection",
                ),
                _step(
                    at.call("iam", "DeleteUserPermissionsBoundary", {"UserName": "dev"}),
                    "boundary_protection",
                ),
                _step(
                    at.call("iam", "CreatePolicyVersion", {"PolicyArn": at.boundary}), "boundary_protection"
                ),
                _step(
                    at.call("iam", "SetDefaultPolicyVersion", {"PolicyArn": at.boundary}),
                    "boundary_protection",
                ),
                _step(
                    at.call("iam", "DetachRolePolicy", {"RoleName": "dev", "PolicyArn": document}),
                    "boundary_protection",
                ),
            ),
        ),
        Bypass(
            37,
            "Rights, keys or a password for an unbounded user",
            (
                _step(
                    at.call(
                        "iam",
                        "AttachUserPolicy",
                        {"UserName": "old-admin", "PolicyArn": at.iam("policy/x")},
                        facts={BOUNDARY_KEY: None},
                    ),
                    "bounded_principals",
                ),
                _step(at.call("iam", "CreateAccessKey", {"UserName": "old-admin"}), "credentials_for_others"),
                _step(
                    at.call("iam", "CreateLoginProfile", {"UserName": "old-admin"}), "credentials_for_others"
                ),
            ),
        ),
        Bypass(
            38,
            "A resource policy that names the user",
            (_step(at.converse(shared), "approved_models"),),
            rest="Explicit denials hold against it; an omission from the ceiling would not.",
        ),
        Bypass(
            39,
            "Delegation, Roles Anywhere, Identity Center",
            (
                _step(at.call("iam", "CreateDelegationRequest"), "delegation"),
                _step(at.call("iam", "EnableOutboundWebIdentityFederation"), "delegation"),
                _step(at.call("rolesanywhere", "CreateTrustAnchor"), "roles_anywhere"),
                _step(at.call("sso-admin", "CreatePermissionSet"), "identity_center"),
                _step(at.call("identitystore", "CreateGroupMembership"), "identity_center"),
            ),
        ),
        Bypass(
            40,
            "CloudFormation or Systems Manager with a stronger role",
            (
                _step(
                    at.call("cloudformation", "CreateStack", {"StackName": "s", "RoleARN": at.loose_role}),
                    "bounded_roles",
                ),
                _step(at.call("ssm", "StartAutomationExecution", automation), "bounded_roles"),
            ),
        ),
        Bypass(
            41,
            "A service-linked role",
            (),
            closable="not by IAM",
            rest="A service-linked role carries no boundary and no SCP reaches it; deny the call that makes the "
            "service use it.",
            instead="AWS Config and the service's own settings",
        ),
        Bypass(
            42,
            "Leave the organisation, or work in its management account",
            (_step(at.call("organizations", "LeaveOrganization"), "leave_organization", bounded=False),),
            closable="partly",
            rest="SCPs do not reach the management account: run no workloads in it, and give its people the boundary.",
            instead="AWS Organizations: delegated administration",
        ),
    )


def _guardrails(at: Setting) -> tuple[Bypass, ...]:
    bare = at.call("bedrock-runtime", "Converse", {"modelId": at.approved})
    draft = {
        "guardrailConfig": {"guardrailIdentifier": at.guardrail or "gr0example", "guardrailVersion": "DRAFT"}
    }
    named = {"guardrailIdentifier": at.guardrail or "gr0example"}
    return (
        Bypass(
            43,
            "No guardrail, the Responses API, or mantle",
            (
                _step(bare, "guardrail_required"),
                _step(
                    at.call("bedrock-runtime", "Responses", {"model": at.approved}),
                    "approved_models",
                    "guardrail_required",
                ),
                _step(at.call("bedrock-mantle", "CreateInference", {"model": _mantle_id(at)}), "mantle"),
            ),
            closable="partly",
            rest="A caller may wrap a part of the prompt in input tags, and only that part is checked.",
            instead="Bedrock's account-level enforced guardrail, COMPREHENSIVE",
        ),
        Bypass(
            44,
            "Edit or delete the guardrail, or use its draft",
            (
                _step(at.call("bedrock", "UpdateGuardrail", named), "guardrail_tampering"),
                _step(at.call("bedrock", "DeleteGuardrail", named), "guardrail_tampering"),
                _step(at.call("bedrock", "DeleteEnforcedGuardrailConfiguration"), "guardrail_tampering"),
                _step(
                    at.call("bedrock-runtime", "Converse", {"modelId": at.approved, **draft}),
                    "guardrail_required",
                ),
            ),
        ),
        Bypass(
            45,
            "Switch off invocation logging or set data retention",
            (
                _step(at.call("bedrock", "DeleteModelInvocationLoggingConfiguration"), "logging_tampering"),
                _step(at.call("bedrock", "PutModelInvocationLoggingConfiguration"), "logging_tampering"),
                _step(at.call("bedrock", "PutAccountDataRetention"), "logging_tampering"),
                _step(at.call("bedrock-mantle", "PutAccountDataRetention"), "mantle"),
            ),
        ),
    )


def _elsewhere(at: Setting) -> tuple[Bypass, ...]:
    big, small = at.big_type, at.small_type
    template = {"LaunchTemplateId": "lt-0123456789abcdef0", "Version": "$Latest"}
    fleet = {"LaunchTemplateConfigs": [{"Overrides": [{"InstanceType": big}]}]}
    disk = [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True}}]
    plain = [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": False}}]
    gpu = {"InstanceType": big, "ImageId": "ami-0123456789abcdef0", "BlockDeviceMappings": disk}
    borrowed = {**gpu, "InstanceType": small, "IamInstanceProfile": {"Name": "llm-proxy"}}
    known: dict[str, Value | None] = {"ec2:InstanceType": small, "ec2:Encrypted": True}
    resize = {"InstanceId": "i-0123456789abcdef0", "InstanceType": {"Value": big}}
    types = "instance_types"
    return (
        Bypass(
            46,
            "Subscribe to a new dear model by calling it",
            (
                _step(at.converse(at.other), "approved_models"),
                _step(at.call("aws-marketplace", "Subscribe"), "model_access"),
                _step(at.call("bedrock", "CreateFoundationModelAgreement"), "model_access"),
            ),
        ),
        Bypass(
            47,
            "Q, Kiro, CodeWhisperer, QuickSight or Nova Act as the model",
            (
                _step(at.call("q", "SendMessage"), "amazon_q"),
                _step(at.call("codewhisperer", "GenerateRecommendations"), "amazon_q"),
                _step(at.call("quicksight", "PredictQAResults"), "amazon_q"),
                _step(at.call("nova-act", "InvokeActStep"), "nova_act"),
            ),
            rest="A personal Builder ID signs in without IAM.",
            instead="Network egress rules",
        ),
        Bypass(
            48,
            "Start small and resize; fleet, spot, Auto Scaling; an unencrypted disk",
            (
                _step(at.call("ec2", "ModifyInstanceAttribute", resize), types),
                _step(at.call("ec2", "CreateFleet", fleet, facts={"ec2:Encrypted": True}), types),
                _step(at.call("ec2", "RequestSpotInstances"), types),
                _step(
                    at.call(
                        "ec2",
                        "StartInstances",
                        {"InstanceIds": ["i-0123456789abcdef0"]},
                        facts={"ec2:InstanceType": big},
                    ),
                    types,
                ),
                _step(
                    at.call(
                        "autoscaling",
                        "CreateAutoScalingGroup",
                        {"AutoScalingGroupName": "g", "LaunchTemplate": template},
                        facts=known,
                    ),
                    "pinned_templates",
                ),
                _step(
                    at.call(
                        "ec2", "RunInstances", {**gpu, "InstanceType": small, "BlockDeviceMappings": plain}
                    ),
                    "encrypted_volumes",
                ),
                _step(
                    at.call("ec2", "CreateReplaceRootVolumeTask", {"InstanceId": "i-0123456789abcdef0"}),
                    "encrypted_volumes",
                ),
                _step(at.call("ec2", "DisableEbsEncryptionByDefault"), "default_encryption"),
            ),
            closable="partly",
            rest="AWS says that types chosen by attributes in launch templates cannot be prevented completely.",
            instead="AWS Config rules on instance types; Service Quotas by instance family",
        ),
        Bypass(
            49,
            "An EC2 GPU box with its own model, or an instance role with Bedrock rights",
            (
                _step(at.call("ec2", "RunInstances", gpu), types),
                _step(
                    at.call(
                        "ec2", "RunInstances", borrowed, facts={"iam:InstanceProfileRole": at.loose_role}
                    ),
                    "bounded_roles",
                ),
            ),
        ),
        Bypass(
            50,
            "Tag oneself or a resource past a condition",
            (_step(at.converse(at.other, facts={"aws:PrincipalTag/approved": "true"}), "approved_models"),),
            rest="No denial of this kit hangs on a tag.",
        ),
    )
