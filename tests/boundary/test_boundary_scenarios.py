"""The fifty bypasses and the normal work: what AWS asks for each, written by hand, and what the documents answer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources

import pytest

from bedrock_guard.boundary.builder import build
from bedrock_guard.boundary.calls import Call, authorisations
from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.boundary.scenario_bypasses import bypasses
from bedrock_guard.boundary.scenario_work import normal_work
from bedrock_guard.boundary.scenarios import Setting, Step, full_spec
from bedrock_guard.boundary.scorecard import ARRANGEMENTS, Scorecard, score
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.boundary.verdict import CallVerdict, Judge

SPECS = {"full": full_spec(), "worldwide": full_spec(worldwide=True)}
SPEC = SPECS["full"]
AT = Setting(SPEC.only()[1], shipped())
WORLDWIDE = Setting(SPECS["worldwide"].only()[1], shipped())
MOVES = bypasses(AT)
WORK = normal_work(WORLDWIDE)

A = "111122223333"
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
OPUS = "anthropic.claude-opus-4-1-20250805-v1:0"
I, S = "bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"  # noqa: E741 - read beside the lists of actions
TOKEN = "bedrock:CallWithBearerToken *"
GUARD = f"bedrock:ApplyGuardrail arn:aws:bedrock:us-east-1:{A}:guardrail/gr0example"
GUARDS = {
    "us-east-1": GUARD,
    "us-west-2": f"bedrock:ApplyGuardrail arn:aws:bedrock:us-west-2:{A}:guardrail/gr1example",
}
PASS, LOOSE = (
    f"iam:PassRole arn:aws:iam::{A}:role/bounded/worker",
    f"iam:PassRole arn:aws:iam::{A}:role/llm-proxy",
)
US = ("us-east-1", "us-east-2", "us-west-2")
Asked = list[str]


def fm(action: str, region: str, model: str) -> str:
    return f"{action} arn:aws:bedrock:{region}::foundation-model/{model}"


def profile(action: str, region: str, name: str) -> str:
    return f"{action} arn:aws:bedrock:{region}:{A}:inference-profile/{name}"


def us(action: str, model: str, source: str = "us-east-1") -> Asked:
    """A US profile: itself in the source region, the model there and in the three destinations."""
    return [
        profile(action, source, f"us.{model}"),
        *(fm(action, region, model) for region in sorted({source, *US})),
    ]


def worldwide(action: str, model: str, source: str = "us-east-1") -> Asked:
    """A global profile: itself and the model in the source region, and the model's ARN without a region."""
    return [profile(action, source, f"global.{model}"), fm(action, source, model), fm(action, "", model)]


def own(action: str, resource: str) -> str:
    """A Bedrock resource of the account in us-east-1."""
    return f"{action} arn:aws:bedrock:us-east-1:{A}:{resource}"


def batch(model: str) -> Asked:
    """A batch job of a model named by its US profile."""
    action = "bedrock:CreateModelInvocationJob"
    return [
        own(action, "model-invocation-job/*"),
        fm(action, "us-east-1", model),
        f"{profile(action, 'us-east-1', f'us.{model}')} ~",
    ]


def role(action: str, name: str) -> str:
    return f"{action} arn:aws:iam::{A}:role/{name}"


def user(action: str, name: str) -> str:
    return f"{action} arn:aws:iam::{A}:user/{name}"


def policy(action: str, name: str) -> str:
    return f"{action} arn:aws:iam::{A}:policy/{name}"


def ec2(action: str, *resources: str) -> Asked:
    return [f"{action} arn:aws:ec2:us-east-1:{A}:{resource}" for resource in resources]


def launch(*more: str) -> Asked:
    asked = ec2(
        "ec2:RunInstances", "instance/*", "volume/*", "subnet/*", "network-interface/*", "security-group/*"
    )
    return [*asked, "ec2:RunInstances arn:aws:ec2:us-east-1::image/ami-0123456789abcdef0", *more]


MANTLE = f"bedrock-mantle:CreateInference arn:aws:bedrock-mantle:us-east-1:{A}:project/default"
GROUP = (
    f"autoscaling:CreateAutoScalingGroup arn:aws:autoscaling:us-east-1:{A}"
    ":autoScalingGroup:*:autoScalingGroupName/g"
)
LAMBDA = f"arn:aws:lambda:us-east-1:{A}:function:"

# For each move, for each of its steps: "action resource" of every authorisation. `?` is a resource that the call's
# parameters do not tell; a trailing ` ~` marks one that AWS may or may not ask for.
EXPECTED: dict[int, list[Asked]] = {
    1: [
        [user("iam:CreateServiceSpecificCredential", "ci-bot")],
        [user("iam:CreateServiceSpecificCredential", "ci-bot")],
        [*us(I, HAIKU), GUARD, TOKEN],
    ],
    2: [[*us(I, HAIKU), GUARD, TOKEN]],
    3: [[user("iam:ResetServiceSpecificCredential", "ci-bot")]],
    4: [[user("iam:UpdateServiceSpecificCredential", "ci-bot")]],
    5: [[*us(I, HAIKU), GUARD, TOKEN]],
    6: [[MANTLE], [MANTLE, "bedrock-mantle:CallWithBearerToken *"]],
    7: [
        ["aws-external-anthropic:CreateInference ?"],
        ["aws-external-anthropic:AssumeConsole ?"],
        ["sts:GetWebIdentityToken *"],
    ],
    8: [[*us(S, OPUS), *(f"{line} ~" for line in us(I, OPUS)), GUARD]],
    9: [[*us(I, OPUS), GUARD], [*us(S, OPUS), GUARD], [*us(I, OPUS), GUARD], [*us(S, OPUS), GUARD]],
    10: [[*us(S, OPUS), *(f"{line} ~" for line in us(I, OPUS)), GUARD]],
    11: [[fm(I, "us-east-1", "amazon.nova-reel-v1:1"), own(I, "async-invoke/*") + " ~"]],
    12: [[*batch(HAIKU), PASS], [*batch(OPUS), PASS]],
    13: [
        [*us(I, HAIKU, "us-east-2"), GUARD],
        [fm(I, "us-east-2", HAIKU), GUARD],
    ],
    14: [
        [profile(I, "us-east-1", f"global.{OPUS}"), fm(I, "us-east-1", OPUS), f"{I} ?", GUARD],
        [*worldwide(I, HAIKU), GUARD],
    ],
    15: [
        [profile(I, "eu-west-1", f"eu.{OPUS}"), fm(I, "eu-west-1", OPUS), f"{I} ?", GUARD],
        [profile(I, "ap-northeast-1", f"jp.{OPUS}"), fm(I, "ap-northeast-1", OPUS), f"{I} ?", GUARD],
    ],
    16: [
        [own("bedrock:CreateInferenceProfile", "application-inference-profile/*")],
        [own(I, "application-inference-profile/abcd1234"), f"{I} ?", GUARD],
    ],
    17: [
        [own("bedrock:CreatePromptRouter", "prompt-router/*")],
        [own(I, "default-prompt-router/anthropic.claude:1"), f"{I} ?", GUARD],
    ],
    18: [
        [
            profile(I, "us-east-1", "us.anthropic.claude-haiku-4-5-20251001-v1x:0"),
            fm(I, "us-east-1", "anthropic.claude-haiku-4-5-20251001-v1x:0"),
            f"{I} ?",
            GUARD,
        ]
    ],
    19: [[*us(I, HAIKU), GUARD], [*us(I, HAIKU), GUARD]],
    20: [
        ["bedrock:CreateProvisionedModelThroughput ?"],
        ["bedrock:UpdateProvisionedModelThroughput ?"],
        ["bedrock-mantle:CreateReservation ?"],
    ],
    21: [
        ["bedrock:CreateModelCustomizationJob ?", PASS],
        ["bedrock:CreateCustomModel ?", PASS],
        ["bedrock:CreateCustomModelDeployment ?"],
        [own(I, "custom-model-deployment/abcd1234"), GUARD],
        ["bedrock-mantle:CreateFineTuningJob ?"],
    ],
    22: [
        ["bedrock:CreateModelImportJob ?", PASS],
        ["bedrock:CreateModelCopyJob ?"],
        ["bedrock:PutResourcePolicy ?"],
    ],
    23: [
        ["bedrock:CreateMarketplaceModelEndpoint ?"],
        ["bedrock:RegisterMarketplaceModelEndpoint ?"],
        [own(I, "marketplace/model-endpoint/all-access"), GUARD],
    ],
    24: [
        ["sagemaker:DeployHubModel ?"],
        ["sagemaker:TrainHubModel ?"],
        ["sagemaker:SampleTrainingSession ?"],
        [f"sagemaker:CreateEndpoint arn:aws:sagemaker:us-east-1:{A}:endpoint/own-model"],
        ["sagemaker:CreateNotebookInstance ?"],
        [f"sagemaker:InvokeEndpoint arn:aws:sagemaker:us-east-1:{A}:endpoint/own-model"],
        [
            f"sagemaker:InvokeEndpoint arn:aws:sagemaker:us-east-1:{A}:endpoint/own-model",
            "sagemaker:CallWithBearerToken *",
        ],
    ],
    25: [["bedrock:CreateAgent ?", PASS], ["bedrock:CreateAgent ?", LOOSE], ["bedrock:PrepareAgent ?"]],
    26: [
        [own("bedrock:InvokeAgent", "agent-alias/AGENT12345/ALIAS12345")],
        [own("bedrock:InvokeFlow", "flow/FLOW123456/alias/ALIAS12345")],
    ],
    27: [["bedrock:InvokeInlineAgent ?"]],
    28: [
        ["bedrock:RetrieveAndGenerate ?"],
        ["bedrock:RetrieveAndGenerate *"],
        ["bedrock:AgenticRetrieveStream ?"],
        ["bedrock:GenerateQuery ?"],
        ["bedrock:Rerank *", fm(I, "us-east-1", "cohere.rerank-v3-5:0")],
    ],
    29: [
        ["bedrock:CreateFlow ?", PASS],
        ["bedrock:CreateEvaluationJob ?", PASS],
        ["bedrock:CreateAdvancedPromptOptimizationJob ?"],
        ["bedrock:OptimizePrompt ?"],
    ],
    30: [
        ["bedrock:InvokeDataAutomationAsync ?"],
        ["bedrock:InvokeBlueprintOptimizationAsync ?"],
        ["bedrock:InvokeBuilder ?"],
    ],
    31: [
        ["bedrock-agentcore:CreateAgentRuntime ?", PASS],
        ["bedrock-agentcore:InvokeAgentRuntime ?"],
        ["bedrock-agentcore:InvokeHarness ?"],
        ["bedrock-agentcore:CreateGatewayTarget ?"],
        ["bedrock-agentcore:StartCodeInterpreterSession ?"],
        ["bedrock-agentcore:StartBrowserSession ?"],
    ],
    32: [
        [f"lambda:CreateFunction {LAMBDA}proxy", LOOSE],
        ["states:CreateStateMachine ?", LOOSE],
        ["ecs:RegisterTaskDefinition ?", LOOSE],
        [f"lambda:UpdateFunctionCode {LAMBDA}admin-reports"],
    ],
    33: [
        [role("sts:AssumeRole", "llm-proxy")],
        ["sts:AssumeRole arn:aws:iam::000000000099:role/bounded/worker"],
        ["sts:AssumeRoot arn:aws:iam::000000000099:root"],
    ],
    34: [
        [user("iam:CreateUser", "BedrockAPIKey-0001")],
        [role("iam:CreateRole", "free")],
        [role("iam:CreateRole", "bounded/free")],
        [role("iam:CreateRole", "far")],
        batch(HAIKU),
        ["bedrock-agentcore:InvokeHarness ?"],
        [MANTLE],
        ["ec2:RequestSpotInstances arn:aws:ec2:us-east-1:111122223333:spot-instances-request/*"],
        us(I, HAIKU),
    ],
    35: [[role("iam:PutRolePermissionsBoundary", "dev")], [user("iam:PutUserPermissionsBoundary", "dev")]],
    36: [
        [role("iam:DeleteRolePermissionsBoundary", "dev")],
        [user("iam:DeleteUserPermissionsBoundary", "dev")],
        [policy("iam:CreatePolicy", "bedrock-guard-boundary")],
        [policy("iam:CreatePolicyVersion", "bedrock-guard-boundary")],
        [policy("iam:SetDefaultPolicyVersion", "bedrock-guard-boundary")],
        [role("iam:DetachRolePolicy", "dev")],
        [role("iam:PutRolePermissionsBoundary", "break-glass")],
        [role("iam:DeleteRole", "break-glass")],
    ],
    37: [
        [user("iam:AttachUserPolicy", "old-admin")],
        [user("iam:CreateAccessKey", "old-admin")],
        [user("iam:CreateLoginProfile", "old-admin")],
    ],
    38: [[own(I, "custom-model-deployment/shared99"), GUARD]],
    39: [
        ["iam:CreateDelegationRequest ?"],
        ["iam:EnableOutboundWebIdentityFederation ?"],
        ["iam:UpdateSAMLProvider ?"],
        ["iam:CreateOpenIDConnectProvider ?"],
        ["rolesanywhere:CreateTrustAnchor ?"],
        ["sso:CreatePermissionSet ?"],
        ["identitystore:CreateGroupMembership ?"],
    ],
    40: [
        [f"cloudformation:CreateStack arn:aws:cloudformation:us-east-1:{A}:stack/s/*", LOOSE],
        ["ssm:StartAutomationExecution ?", LOOSE],
    ],
    41: [],
    42: [
        ["organizations:LeaveOrganization *"],
        ["organizations:DetachPolicy ?"],
        ["organizations:MoveAccount ?"],
    ],
    43: [us(I, HAIKU), [*us(I, HAIKU), own(I, "project/default")], [MANTLE]],
    44: [
        [own("bedrock:UpdateGuardrail", "guardrail/gr0example")],
        [own("bedrock:DeleteGuardrail", "guardrail/gr0example")],
        ["bedrock:DeleteEnforcedGuardrailConfiguration ?"],
        ["bedrock:UpdateAutomatedReasoningPolicy ?"],
        [*us(I, HAIKU), GUARD],
    ],
    45: [
        ["bedrock:DeleteModelInvocationLoggingConfiguration ?"],
        ["bedrock:PutModelInvocationLoggingConfiguration ?"],
        ["bedrock:PutAccountDataRetention ?"],
        ["bedrock-mantle:PutAccountDataRetention ?"],
    ],
    46: [
        [*us(I, OPUS), GUARD],
        ["aws-marketplace:Subscribe *"],
        ["bedrock:CreateFoundationModelAgreement ?"],
    ],
    47: [
        ["q:SendMessage ?"],
        ["qdeveloper:StartAgentSession ?"],
        ["glue:StartCompletion ?"],
        ["codewhisperer:GenerateRecommendations ?"],
        ["quicksight:PredictQAResults ?"],
        ["nova-act:InvokeActStep ?"],
    ],
    48: [
        ec2("ec2:ModifyInstanceAttribute", "instance/i-0123456789abcdef0"),
        ec2("ec2:CreateFleet", "fleet/*", "instance/*", "volume/*"),
        ec2("ec2:RequestSpotInstances", "spot-instances-request/*"),
        ["ec2:ModifyFleet ?"],
        ["ec2:ModifyCapacityReservation ?"],
        ["savingsplans:CreateSavingsPlan ?"],
        [GROUP],
        ["autoscaling:CreateLaunchConfiguration ?"],
        ec2("ec2:StartInstances", "instance/i-0123456789abcdef0"),
        [GROUP, *ec2("ec2:RunInstances", "instance/*", "volume/*")],
        launch(),
        ec2("ec2:CreateReplaceRootVolumeTask", "instance/i-0123456789abcdef0", "volume/*"),
        ["ec2:DisableEbsEncryptionByDefault *"],
    ],
    49: [launch(), launch(LOOSE)],
    50: [[*us(I, OPUS), GUARD]],
}

WORK_EXPECTED: dict[str, Asked] = {
    f"Converse with us.{HAIKU} (us) from us-east-1": [*us(I, HAIKU), GUARD],
    f"ConverseStream with us.{HAIKU} (us) from us-east-1": [*us(S, HAIKU), GUARD],
    f"InvokeModel with us.{HAIKU} (us) from us-east-1": [*us(I, HAIKU), GUARD],
    f"Converse with us.{HAIKU} (us) from us-west-2": [*us(I, HAIKU, "us-west-2"), GUARDS["us-west-2"]],
    f"ConverseStream with us.{HAIKU} (us) from us-west-2": [*us(S, HAIKU, "us-west-2"), GUARDS["us-west-2"]],
    f"InvokeModel with us.{HAIKU} (us) from us-west-2": [*us(I, HAIKU, "us-west-2"), GUARDS["us-west-2"]],
    **{
        f"{operation} with amazon.nova-lite-v1:0 (in-region) from {region}": [
            fm(action, region, "amazon.nova-lite-v1:0"),
            GUARDS[region],
        ]
        for operation, action in (("Converse", I), ("ConverseStream", S), ("InvokeModel", I))
        for region in ("us-east-1", "us-west-2")
    },
    **{
        f"{operation} with us.amazon.nova-lite-v1:0 (us) from {region}": [
            *us(action, "amazon.nova-lite-v1:0", region),
            GUARDS[region],
        ]
        for operation, action in (("Converse", I), ("ConverseStream", S), ("InvokeModel", I))
        for region in ("us-east-1", "us-west-2")
    },
    **{
        f"{operation} with global.{HAIKU} (global) from {region}": [
            *worldwide(action, HAIKU, region),
            GUARDS[region],
        ]
        for operation, action in (("Converse", I), ("ConverseStream", S), ("InvokeModel", I))
        for region in ("us-east-1", "us-west-2")
    },
    "Embed with amazon.titan-embed-text-v2:0 (in-region) from us-east-1": [
        fm(I, "us-east-1", "amazon.titan-embed-text-v2:0")
    ],
    "Embed with amazon.titan-embed-text-v2:0 (in-region) from us-west-2": [
        fm(I, "us-west-2", "amazon.titan-embed-text-v2:0")
    ],
    "Stream through InvokeModel": [*us(S, HAIKU), *(f"{line} ~" for line in us(I, HAIKU)), GUARD],
    "Call in the flex tier": [*us(I, HAIKU), GUARD],
    "Stop a batch job": [own("bedrock:StopModelInvocationJob", "model-invocation-job/abcdefgh1234")],
    "Stop a training job": [own("bedrock:StopModelCustomizationJob", "model-customization-job/abcdefgh1234")],
    "Stop an evaluation job": ["bedrock:StopEvaluationJob ?"],
    "Delete provisioned throughput": [
        own("bedrock:DeleteProvisionedModelThroughput", "provisioned-model/abcdefgh1234")
    ],
    "Delete a custom model's deployment": ["bedrock:DeleteCustomModelDeployment ?"],
    "Delete a Marketplace endpoint": ["bedrock:DeleteMarketplaceModelEndpoint ?"],
    "Delete a mantle reservation": ["bedrock-mantle:DeleteReservation ?"],
    "Cancel a mantle training job": ["bedrock-mantle:CancelFineTuningJob ?"],
    "Delete an AgentCore runtime": ["bedrock-agentcore:DeleteAgentRuntime ?"],
    "Stop an AgentCore session": ["bedrock-agentcore:StopRuntimeSession ?"],
    "Cancel a Claude Platform batch": ["aws-external-anthropic:CancelBatchInference ?"],
    "Delete a SageMaker endpoint": ["sagemaker:DeleteEndpoint ?"],
    "Stop a notebook": ["sagemaker:StopNotebookInstance ?"],
    "Leave a Marketplace subscription": ["aws-marketplace:Unsubscribe ?"],
    "List models": ["bedrock:ListFoundationModels *"],
    "List inference profiles": ["bedrock:ListInferenceProfiles *"],
    "Read an inference profile": [own("bedrock:GetInferenceProfile", f"inference-profile/us.{HAIKU}")],
    "Read a guardrail": [own("bedrock:GetGuardrail", "guardrail/gr0example")],
    "Read costs": ["ce:GetCostAndUsage *"],
    "Read metrics": ["cloudwatch:GetMetricData *"],
    "Ask who one is": ["sts:GetCallerIdentity *"],
    "List API keys of all users": [user("iam:ListServiceSpecificCredentials", "*")],
    "Read an object": ["s3:GetObject arn:aws:s3:::team-data/in.csv"],
    "Write an object": ["s3:PutObject arn:aws:s3:::team-data/out.csv"],
    "Write a record": [f"dynamodb:PutItem arn:aws:dynamodb:us-east-1:{A}:table/orders"],
    "Call a function": [f"lambda:InvokeFunction {LAMBDA}orders"],
    "Deploy a function's code": [f"lambda:UpdateFunctionCode {LAMBDA}orders"],
    "Create a function with a bounded role": [f"lambda:CreateFunction {LAMBDA}orders", PASS],
    "Deploy a stack with a bounded role": [
        f"cloudformation:CreateStack arn:aws:cloudformation:us-east-1:{A}:stack/orders/*",
        PASS,
    ],
    "Create a role under the boundary": [role("iam:CreateRole", "bounded/app")],
    "Give a bounded role a policy": [role("iam:PutRolePolicy", "app")],
    "Assume a bounded role": [role("sts:AssumeRole", "bounded/worker")],
    "Launch an allowed type, encrypted": launch(),
    "Launch with a bounded instance role": launch(PASS),
    "Start an allowed instance": ec2("ec2:StartInstances", "instance/i-0123456789abcdef0"),
    "Stop an instance of any type": ec2("ec2:StopInstances", "instance/i-0123456789abcdef0"),
    "Terminate an instance of any type": ec2("ec2:TerminateInstances", "instance/i-0123456789abcdef0"),
    "Resize to an allowed type": ec2("ec2:ModifyInstanceAttribute", "instance/i-0123456789abcdef0"),
    "Change another attribute": ec2("ec2:ModifyInstanceAttribute", "instance/i-0123456789abcdef0"),
    "Create an encrypted volume": ec2("ec2:CreateVolume", "volume/*"),
    "Attach an encrypted volume": ec2(
        "ec2:AttachVolume", "volume/vol-0123456789abcdef0", "instance/i-0123456789abcdef0"
    ),
    "Scale a group": [GROUP.replace("CreateAutoScalingGroup", "UpdateAutoScalingGroup")],
    "End a fleet": ["ec2:DeleteFleets ?"],
    "Switch encryption by default on": ["ec2:EnableEbsEncryptionByDefault *"],
    "Describe instances": ["ec2:DescribeInstances *"],
    "Create a group with a pinned template": [GROUP, *ec2("ec2:RunInstances", "instance/*", "volume/*")],
    "Make an access key for oneself": [user("iam:CreateAccessKey", "staff/alice")],
    "Delete one's access key": [user("iam:DeleteAccessKey", "staff/alice")],
    "Make a CodeCommit credential": [user("iam:CreateServiceSpecificCredential", "staff/alice")],
    "Rotate a CodeCommit credential": [user("iam:ResetServiceSpecificCredential", "staff/alice")],
    "Delete an API key": [user("iam:DeleteServiceSpecificCredential", "alice")],
    "Disable a trust anchor": ["rolesanywhere:DisableTrustAnchor ?"],
    "A responder switches a key off": [user("iam:UpdateServiceSpecificCredential", "bob")],
    "An administrator updates the boundary": [policy("iam:CreatePolicyVersion", "bedrock-guard-boundary")],
    "An administrator makes a role": [role("iam:CreateRole", "AWSReserved")],
    "Break-glass calls another model": us(I, OPUS),
}


def asked(call: Call) -> Asked:
    found = []
    for one in authorisations(call):
        doubt = "" if one.certain else " ~"
        found.append(f"{one.action} {one.resource if one.resource_known else '?'}{doubt}")
    return sorted(found)


STEPS = [(move.number, place, step) for move in MOVES for place, step in enumerate(move.steps)]
IDS = [f"{number}-{place}-{step.call.name}" for number, place, step in STEPS]


def test_there_are_fifty_and_forty() -> None:
    assert [move.number for move in MOVES] == list(range(1, 51))
    assert len(WORK) >= 40
    assert len({piece.title for piece in WORK}) == len(WORK)
    assert set(EXPECTED) == {move.number for move in MOVES}
    assert set(WORK_EXPECTED) == {piece.title for piece in WORK}


@pytest.mark.parametrize(("number", "place", "step"), STEPS, ids=IDS)
def test_what_aws_asks_for_each_step(number: int, place: int, step: Step) -> None:
    assert len(EXPECTED[number]) == len(MOVES[number - 1].steps)
    assert asked(step.call) == sorted(EXPECTED[number][place])


@pytest.mark.parametrize("piece", WORK, ids=lambda piece: piece.title)
def test_what_aws_asks_for_each_piece_of_work(piece: object) -> None:
    assert asked(piece.call) == sorted(WORK_EXPECTED[piece.title])  # type: ignore[attr-defined]


@cache
def judge(name: str, *off: str) -> Judge:
    return Judge(build(SPECS[name].with_controls(**dict.fromkeys(off, False))))


@cache
def ceiling() -> Judge:
    off = dict.fromkeys(type(SPEC.only()[1].controls).model_fields, False)
    return Judge(build(SPEC.with_controls(**off)))


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize(("number", "place", "step"), STEPS, ids=IDS)
def test_each_bypass_is_allowed_bare_refused_full_and_flips(
    number: int, place: int, step: Step, name: str
) -> None:
    if name == "worldwide":
        step = bypasses(WORLDWIDE)[number - 1].steps[place]
    assert ceiling().call(step.call).outcome == "allowed"
    full = judge(name).call(step.call, bounded=step.bounded)
    assert full.outcome == "refused"
    assert full.control in step.controls
    assert full.sid is not None
    _assert_open(judge(name, *sorted(step.controls)).call(step.call, bounded=step.bounded), name)
    for control in step.controls:
        verdict = judge(name, control).call(step.call, bounded=step.bounded)
        if len(step.controls) == 1:
            _assert_open(verdict, name)
        else:
            assert verdict.outcome == "refused"
            assert verdict.control in set(step.controls) - {control}


def _assert_open(verdict: CallVerdict, name: str) -> None:
    """Allowed; what an application profile or a router stands for is not known, and the list of models holds on."""
    if verdict.outcome == "depends":
        assert "profile/" in (target := str(verdict.call.parameters["modelId"])) or "router/" in target
        assert verdict.control in ("approved_models", "global_profiles")
    else:
        assert verdict.outcome == "allowed"


@pytest.mark.parametrize("piece", WORK, ids=lambda piece: piece.title)
def test_each_piece_of_work_goes_on(piece: object) -> None:
    verdict = judge("worldwide").call(piece.call, bounded=piece.bounded)  # type: ignore[attr-defined]
    assert verdict.outcome == "allowed", (verdict.sid, verdict.keys)


@pytest.mark.parametrize("name", SPECS)
def test_the_scorecard_of_the_full_spec(name: str) -> None:
    card = score(SPECS[name])
    assert card.not_built == {}
    total = (
        len(WORK) if name == "worldwide" else len(WORK) - 6
    )  # Haiku worldwide: three ways from two regions
    for arrangement in ARRANGEMENTS:
        assert card.going_on(arrangement) == (total, total)
    assert {state: card.count(state) for state in ("closed", "partly", "not by IAM", "open")} == {
        "closed": 44, "partly": 5, "not by IAM": 1, "open": 0}  # fmt: skip
    partly = {row.bypass.number for row in card.bypasses if row.states["together"] == "partly"}
    assert partly == {32, 40, 42, 43, 48}
    alone = {row.bypass.number for row in card.bypasses if row.states["boundary"] == "open"}
    # An unbounded user's key, a new role without the deny policies, the organisation: only an SCP reaches them.
    assert alone == {1, 2, 34, 42}
    assert all(row.states["scp"] != "open" for row in card.bypasses)
    assert {row.bypass.number for row in card.bypasses if row.states["scp"] == "partly"} == {42, 43, 48}
    for row in card.bypasses:
        if row.states["together"] in ("partly", "not by IAM"):
            assert row.bypass.rest
            assert row.bypass.instead
        if row.bypass.steps:
            assert row.deciding
            assert all("allowed" not in text for text in row.deciding)


def test_scps_that_hold_everything_bind_stronger_roles_too() -> None:
    name, profile_ = SPEC.only()
    wide = profile_.model_copy(update={"scp_holds": "everything"})
    card = score(SPEC.model_copy(update={"profile": {name: wide}}))
    assert (card.count("closed"), card.count("partly")) == (46, 3)
    boundary = profile_.model_copy(update={"documents": ("boundary", "deny"), "scp_holds": "everything"})
    alone = score(SPEC.model_copy(update={"profile": {name: boundary}}))
    assert alone.count("partly") == 4


def test_a_control_that_is_off_shows_as_open_with_its_name() -> None:
    card = score(SPEC.with_controls(batch_inference=False))
    row = card.bypasses[11]
    assert row.states["together"] == "open"
    assert row.why == "Switched off: No batch inference."


def example_spec() -> BoundarySpec:
    text = resources.files("bedrock_guard.boundary").joinpath("data/example.toml").read_text("utf-8")
    return BoundarySpec.loads(text)


def test_what_an_scp_closes_is_not_said_of_the_management_account() -> None:
    """No SCP binds it: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html ."""
    spec = example_spec()
    name, profile = spec.only()
    management, *members = profile.accounts
    apart = score(spec, management=management)
    assert apart.management == management
    free = {row.bypass.number: row.unbound for row in apart.bypasses}
    assert free[1] == "open"
    assert apart.bypasses[0].states["together"] == "closed"
    assert all(row.unbound is None for row in score(spec).bypasses)
    assert score(spec, management="000000000099").management == ""

    def of(*accounts: str) -> Scorecard:
        changed = profile.model_copy(update={"accounts": accounts})
        return score(spec.model_copy(update={"profile": {name: changed}}), management=management)

    alone = of(management)
    assert {row.bypass.number: row.states["together"] for row in alone.bypasses}[1] == "open"
    assert not any("-scp-" in said for row in alone.bypasses for said in row.deciding)
    assert alone.count("closed", "scp") == 0
    assert of(*members).management == ""


def _specs() -> Iterator[BoundarySpec]:
    yield BoundarySpec.strict("111122223333", "us-east-1")
    yield BoundarySpec.from_draft()
    yield BoundarySpec.from_usage(
        [(f"eu.{HAIKU}", "eu-central-1"), ("amazon.nova-lite-v1:0", "eu-north-1")], A
    )
    gov = '[profile.g]\npartition = "aws-us-gov"\naccounts = ["111122223333"]\nregions = ["us-gov-west-1"]\n'
    yield BoundarySpec.loads(gov + '[[profile.g.model]]\nid = "amazon.nova-lite-v1:0"\n')
    cn = '[profile.c]\npartition = "aws-cn"\naccounts = ["111122223333"]\nregions = ["cn-north-1"]\n'
    yield BoundarySpec.loads(f"{cn}approve_nothing = true\n")


@pytest.mark.parametrize("spec", list(_specs()), ids=["strict", "draft", "usage", "gov", "cn"])
def test_the_scorecard_works_for_any_spec(spec: BoundarySpec) -> None:
    card = score(spec)
    assert card.not_built == {}
    done, total = card.going_on()
    off = {"guardrail_required", "privileged_functions", "instance_types"}
    assert {row.bypass.number for row in card.bypasses if row.states["together"] == "partly"} <= {
        32,
        40,
        42,
        43,
        48,
    }
    for row in card.bypasses:
        switches = {control for step in row.bypass.steps for control in step.controls}
        if row.states["together"] == "open":
            assert row.bypass.number != 34, "what is off is not asked of a new role"
            assert switches & off, (row.bypass.number, row.deciding)
    refused = [row.work.title for row in card.work if row.outcomes["together"] != "allowed"]
    _, profile_ = spec.only()
    blocked = set() if profile_.controls.instance_types is not True else {
        "Launch an allowed type, encrypted", "Launch with a bounded instance role", "Start an allowed instance",
        "Resize to an allowed type", "Create a group with a pinned template"}  # fmt: skip
    if profile_.controls.privileged_functions is True:
        blocked.add("Deploy a function's code")
    assert set(refused) <= blocked, (refused, done, total)
