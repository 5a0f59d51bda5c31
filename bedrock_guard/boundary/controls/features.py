"""What Bedrock offers beside calling a model: capacity, training, jobs, knowledge bases, agents, guardrails."""

from __future__ import annotations

from bedrock_guard.boundary.controls.model import BATCH, INVOKE, Control, Rule, Scope, plain, prefixed
from bedrock_guard.boundary.controls.targets import ACTIONS

MODEL_ACCESS = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html"
GUARDRAIL_ID = "https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-permissions-id.html"
ENFORCED = "https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-enforcements.html"
KEY = "bedrock:GuardrailIdentifier"


def _capacity(scope: Scope) -> tuple[Rule, ...]:
    actions = prefixed("bedrock", "CreateProvisionedModelThroughput", "UpdateProvisionedModelThroughput")
    mantle = prefixed("bedrock-mantle", "CreateReservation", "UpdateReservation")
    return (Rule(actions if scope.profile.controls.mantle is True else (*actions, *mantle)),)


def _customization(scope: Scope) -> tuple[Rule, ...]:
    actions = prefixed(
        "bedrock",
        "CreateCustomModel",
        "CreateCustomModelDeployment",
        "CreateModelCopyJob",
        "CreateModelCustomizationJob",
        "CreateModelImportJob",
        "UpdateCustomModelDeployment",
    )
    mantle = prefixed(
        "bedrock-mantle", "AssociateCustomizedModel", "CreateCustomizedModel", "CreateFineTuningJob"
    )
    return (Rule(actions if scope.profile.controls.mantle is True else (*actions, *mantle)),)


def _logging(scope: Scope) -> tuple[Rule, ...]:
    actions = prefixed(
        "bedrock",
        "DeleteModelInvocationLoggingConfiguration",
        "PutAccountDataRetention",
        "PutModelInvocationLoggingConfiguration",
    )
    if scope.profile.controls.mantle is True:
        return (Rule(actions),)
    projects = Rule(prefixed("bedrock-mantle", "CreateProject", "UpdateProject"))
    return (
        Rule((*actions, "bedrock-mantle:PutAccountDataRetention")),
        projects.when("Null", "bedrock-mantle:DataRetentionMode", ("false",)),
    )


def _guarded(scope: Scope) -> tuple[Rule, ...]:
    """Deny inference without the guardrail. Embedding models take none, so they are left out where approved."""
    guardrail = scope.profile.controls.guardrail_required
    if guardrail is False:
        return ()
    guardrails = guardrail if isinstance(guardrail, tuple) else (guardrail,)
    kinds = (
        "custom-model-deployment/*",
        "imported-model/*",
        "marketplace/model-endpoint/*",
        "provisioned-model/*",
    )
    rule = Rule(
        INVOKE, resources=(*_guarded_models(scope), *(scope.arn("bedrock", "*", k, "*") for k in kinds))
    )
    return (rule.when("ArnNotLike", KEY, (f"{arn}:*" for arn in guardrails)),)


def _guarded_models(scope: Scope) -> tuple[str, ...]:
    models = [(choice, scope.catalogue.get(choice.id)) for choice in scope.choices]
    embeds = any(model and "EMBEDDING" in model.output_modalities for _, model in models)
    if not embeds or not scope.profile.controls.approved_models:
        return (scope.model_arn("*", "*"),)
    return tuple(
        scope.model_arn("*", choice.id)
        for choice, model in sorted(models, key=lambda pair: pair[0].id)
        if model is None or "EMBEDDING" not in model.output_modalities
    )


CONTROLS = (
    Control(
        id="model_access",
        word="Access",
        family="Model catalogue",
        title="No changes to model access.",
        why="The first call to a Marketplace model subscribes the account to it.",
        stops="Marketplace subscriptions, agreements and the payments asked for under them, foundation model "
        "agreements, entitlements, the use-case form.",
        leaves="Denying the subscription alone does not block the first calls, which run while it settles (AWS says up "
        "to 15 minutes): the list of approved models does. Leaving a subscription stays allowed.",
        source=(MODEL_ACCESS,),
        rules=plain(
            *prefixed(
                "aws-marketplace",
                "AcceptAgreementPaymentRequest",
                "AcceptAgreementRequest",
                "CreateAgreementRequest",
                "Subscribe",
            ),
            *prefixed(
                "bedrock",
                "CreateFoundationModelAgreement",
                "PutFoundationModelEntitlement",
                "PutUseCaseForModelAccess",
            ),
        ),
    ),
    Control(
        id="marketplace_endpoints",
        word="Endpoints",
        family="Model catalogue",
        title="No Marketplace endpoints.",
        why="Each is a SageMaker instance billed by the hour.",
        stops="Creating, registering and changing them; calling them, by the list of approved models.",
        leaves="Endpoints made in SageMaker itself: see `sagemaker`. Deleting stays allowed.",
        source=(ACTIONS,),
        rules=plain(
            *prefixed(
                "bedrock",
                "CreateMarketplaceModelEndpoint",
                "RegisterMarketplaceModelEndpoint",
                "UpdateMarketplaceModelEndpoint",
            )
        ),
    ),
    Control(
        id="provisioned_throughput",
        word="Capacity",
        family="Capacity and training",
        title="No provisioned throughput or reservations.",
        why="Capacity is billed by the hour whether it is used or not, and a commitment cannot be ended early.",
        stops="Buying and changing capacity on Bedrock and bedrock-mantle.",
        leaves="Deleting stays allowed on purpose: it ends the bill of capacity without a commitment.",
        source=(ACTIONS,),
        rules=_capacity,
    ),
    Control(
        id="customization",
        word="Training",
        family="Capacity and training",
        title="No fine-tuning, distillation, import, copy or deployment of models.",
        why="Training is billed by the token, storage by the month, and a custom model escapes the list of models.",
        stops="Customization jobs of every type (IAM has no key for the type), custom models and their deployments, "
        "import and copy, and their counterparts on bedrock-mantle.",
        leaves="Stopping and deleting stay allowed on purpose.",
        source=(ACTIONS,),
        rules=_customization,
    ),
    Control(
        id="batch_inference",
        word="Batch",
        family="Capacity and training",
        title="No batch inference.",
        why="A batch job's service role calls the model, and one file can hold a year of prompts.",
        stops="CreateModelInvocationJob.",
        leaves="Stopping stays allowed on purpose. StartAsyncInvoke is not batch: the list of models governs it. Where "
        "this is off, or lifted by an exception, jobs are still limited to the approved models.",
        source=(ACTIONS,),
        rules=plain(BATCH),
    ),
    Control(
        id="evaluation_jobs",
        word="Evals",
        family="Capacity and training",
        title="No evaluation or prompt-optimisation jobs.",
        why="They call models in bulk under a service role.",
        stops="Creating evaluation and advanced prompt-optimisation jobs.",
        leaves="Stopping and deleting stay allowed on purpose.",
        source=(ACTIONS,),
        rules=plain(
            *prefixed(
                "bedrock",
                "CreateAdvancedPromptOptimizationJob",
                "CreateEvaluationJob",
                "CreateModelEvaluationJob",
            )
        ),
    ),
    Control(
        id="knowledge_bases",
        word="Knowledge",
        family="Knowledge, agents, flows",
        title="No knowledge bases.",
        why="They call models under their own role and store vectors by the month.",
        stops="Building, filling and asking them; reranking; query generation.",
        leaves="Reading their settings and deleting them.",
        source=(ACTIONS,),
        rules=plain(
            *prefixed(
                "bedrock",
                "AgenticRetrieveStream",
                "AssociateThirdPartyKnowledgeBase",
                "CreateDataSource*",
                "CreateKnowledgeBase",
                "CreateRetrievalInstruction*",
                "GenerateQuery",
                "IngestKnowledgeBaseDocuments",
                "Rerank",
                "Retrieve*",
                "StartIngestionJob",
                "UpdateDataSource",
                "UpdateKnowledgeBase",
                "UpdateRetrievalInstruction",
            )
        ),
    ),
    Control(
        id="agents",
        word="Agents",
        family="Knowledge, agents, flows",
        title="No Bedrock agents, inline agents included.",
        why="An agent calls models under its service role, so the caller's own denies do not apply.",
        stops="Building, preparing and calling agents and inline agents, a colleague's included.",
        leaves="An agent that another service calls. The agent's role should carry the boundary too.",
        source=(ACTIONS, "https://github.com/hashicorp/terraform-provider-aws/issues/42324"),
        rules=plain(
            *prefixed(
                "bedrock",
                "AssociateAgent*",
                "CreateAgent*",
                "InvokeAgent",
                "InvokeInlineAgent",
                "PrepareAgent",
                "UpdateAgent*",
            )
        ),
    ),
    Control(
        id="flows",
        word="Flows",
        family="Knowledge, agents, flows",
        title="No flows.",
        why="A flow's prompt node calls any model under the flow's role.",
        stops="Building, preparing and running flows.",
        leaves="Stopping an execution stays allowed.",
        source=(ACTIONS,),
        rules=plain(
            *prefixed(
                "bedrock", "CreateFlow*", "InvokeFlow", "PrepareFlow", "StartFlowExecution", "UpdateFlow*"
            )
        ),
    ),
    Control(
        id="data_automation",
        word="DataAutomation",
        family="Knowledge, agents, flows",
        title="No data automation.",
        why="It reads documents, images and video with models of its own choice, billed by the page.",
        stops="Building projects and blueprints, and running them.",
        leaves="Reading and deleting.",
        source=(ACTIONS,),
        rules=plain(
            *prefixed(
                "bedrock",
                "CopyBlueprintStage",
                "CreateBlueprint*",
                "CreateDataAutomation*",
                "InvokeBlueprint*",
                "InvokeDataAutomation*",
                "UpdateBlueprint",
                "UpdateDataAutomation*",
            )
        ),
    ),
    Control(
        id="system_tools",
        word="Tools",
        family="Knowledge, agents, flows",
        title="No built-in tools.",
        why="They reach the web or build on the caller's behalf, billed by the call.",
        stops="InvokeTool, InvokeBuilder, and Bedrock's web search and fetch.",
        leaves="Tools that the caller's own code runs: Bedrock only names them in its answer.",
        source=(ACTIONS,),
        rules=plain("bedrock:InvokeBuilder", "bedrock:InvokeTool", "bedrock-websearch:*"),
    ),
    Control(
        id="prompt_management",
        word="Prompts",
        family="Guardrails and prompts",
        title="No changes to stored prompts.",
        why="A reviewed prompt should not be rewritten by those it guides.",
        stops="Creating, versioning, changing, deleting and optimising stored prompts.",
        leaves="Typing one's own prompt: InvokeModel has no key for prompts, so IAM cannot require a stored one. Keep "
        "InvokeModel from people and let a function's or a flow's role run the prompt where that is wanted.",
        source=(ACTIONS, "https://docs.aws.amazon.com/bedrock/latest/userguide/inference-prereq.html"),
        rules=plain(
            *prefixed(
                "bedrock",
                "CreatePrompt",
                "CreatePromptVersion",
                "DeletePrompt",
                "OptimizePrompt",
                "UpdatePrompt",
            )
        ),
    ),
    Control(
        id="guardrail_required",
        word="Guarded",
        family="Guardrails and prompts",
        title="Every call names the guardrail.",
        why="A guardrail that the caller may leave out guards nothing.",
        stops="Inference without the guardrail, with another, or with its DRAFT version; Responses and bedrock-mantle "
        "calls, which cannot carry one.",
        leaves="Which numbered version. A caller can wrap part of a prompt in input tags, and that part alone is "
        "checked: account-level enforcement with COMPREHENSIVE closes this. Agents and RetrieveAndGenerate make "
        "inner calls without a guardrail and fail under this rule. Embedding models take no guardrail and are "
        "left out where they are approved. Batch jobs do not carry the key: forbid them. Application profiles and "
        "routers are refused by the list of models.",
        source=(GUARDRAIL_ID, ENFORCED),
        rules=_guarded,
    ),
    Control(
        id="guardrail_tampering",
        word="Guardrails",
        family="Guardrails and prompts",
        title="No changes to guardrails, their enforcement or resource policies.",
        why="Who may edit the guardrail may switch it off; a resource policy shares a model with another account.",
        stops="Updating, deleting and versioning guardrails, the account's enforcement, resource policies, and the "
        "Automated Reasoning policies that a guardrail checks against, which a model builds from documents.",
        leaves="Making a new guardrail, which nothing requires. Changes by principals without this document.",
        source=(ENFORCED, ACTIONS),
        rules=plain(
            *prefixed(
                "bedrock",
                "CreateAutomatedReasoningPolicy*",
                "CreateGuardrailVersion",
                "DeleteEnforcedGuardrailConfiguration",
                "DeleteGuardrail",
                "DeleteResourcePolicy",
                "PutEnforcedGuardrailConfiguration",
                "PutResourcePolicy",
                "StartAutomatedReasoningPolicy*",
                "UpdateAutomatedReasoningPolicy*",
                "UpdateGuardrail",
            )
        ),
    ),
    Control(
        id="logging_tampering",
        word="Logging",
        family="Guardrails and prompts",
        title="No changes to invocation logging or data retention.",
        why="The invocation log is the evidence.",
        stops="Putting and deleting the logging configuration, changing data retention, on bedrock-mantle too: the "
        "account's and a project's.",
        leaves="The log's own bucket or log group: protect it where it lives.",
        source=(ACTIONS,),
        rules=_logging,
    ),
)
