"""Other ways to a model: other endpoints, other services, other principals' rights."""

from __future__ import annotations

from bedrock_guard.boundary.controls.lifting import lifted
from bedrock_guard.boundary.controls.model import Control, Rule, Scope, plain, prefixed
from bedrock_guard.boundary.spec import ModelChoice, SpecException

ENDPOINTS = "https://docs.aws.amazon.com/bedrock/latest/userguide/endpoints.html"
MANTLE = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_bedrock-mantle.html"
AGENTCORE = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_bedrock-agentcore.html"
CLAUDE = "https://platform.claude.com/docs/en/build-with-claude/claude-platform-on-aws"
REFERENCE = (
    "https://docs.aws.amazon.com/service-authorization/latest/reference/"
    "reference_policies_actions-resources-contextkeys.html"
)
STAYS = "Reading, cancelling, stopping and deleting stay allowed on purpose."

# Every verb of the service but Get, List, Delete, Stop, Tag and Untag; of Get, what hands out a key or a token.
_AGENTCORE_VERBS = (
    "Add*", "Allow*", "Authorize*", "BatchC*", "BatchP*", "BatchU*", "Complete*", "Connect*", "Create*", "Evaluate*",
    "Gateway*", "GetResourceA*", "GetResourceO*", "GetResourcePay*", "GetWorkloadAccessToken*", "Ingest*", "Invoke*",
    "Manage*", "Partially*", "Pass*", "Process*", "Put*", "R*", "Save*", "Search*", "Set*", "Start*", "Submit*",
    "Synchronize*", "Update*",
)  # fmt: skip
_CLAUDE_VERBS = (
    "Assume*", "Call*", "Count*", "Create*", "Process*", "Register*", "Rotate*", "Run*", "Unpause*", "Update*",
)  # fmt: skip


def _mantle(scope: Scope) -> tuple[Rule, ...]:
    if scope.profile.controls.mantle is True:
        return (
            Rule(prefixed("bedrock-mantle", "Associate*", "Call*", "Count*", "Create*", "Put*", "Update*")),
        )
    inference = Rule(prefixed("bedrock-mantle", "CountTokens", "CreateInference"))
    ids = _mantle_ids(scope)
    limited = inference.when("StringNotEquals", "bedrock-mantle:Model", ids) if ids else inference
    around = prefixed(
        "bedrock-mantle", "CreateFile", "CreateProject", "PutAccountDataRetention", "UpdateProject"
    )
    return limited, Rule(around), *_mantle_timed(scope, inference)


def _mantle_timed(scope: Scope, inference: Rule) -> list[Rule]:
    """A model approved on mantle for some principals, until a day, is denied to the others and after it."""
    held = {_mantle_id(scope, choice) for choice in scope.profile.models if choice.mantle}
    admitted: dict[str, list[SpecException]] = {}
    for entry in scope.model_exceptions:
        if entry.model and entry.model.mantle and _mantle_id(scope, entry.model) not in held:
            admitted.setdefault(_mantle_id(scope, entry.model), []).append(entry)
    return [
        rule
        for name in sorted(admitted)
        for rule in lifted(inference.when("StringEquals", "bedrock-mantle:Model", (name,)), admitted[name])
    ]


def _mantle_ids(scope: Scope) -> tuple[str, ...]:
    return tuple(sorted({_mantle_id(scope, choice) for choice in scope.choices if choice.mantle}))


def _mantle_id(scope: Scope, choice: ModelChoice) -> str:
    """Ids on bedrock-mantle differ from those on bedrock-runtime; an unlisted model is taken to have the same."""
    model = scope.catalogue.get(choice.id)
    return (model.mantle_id if model else None) or choice.id


def _functions(scope: Scope) -> tuple[Rule, ...]:
    actions = prefixed("lambda", "UpdateFunctionCode", "UpdateFunctionConfiguration")
    named = scope.profile.controls.privileged_functions
    return (Rule(actions, resources=tuple(sorted(named))),) if isinstance(named, tuple) else (Rule(actions),)


CONTROLS = (
    Control(
        id="mantle",
        word="Mantle",
        family="Other model services",
        title="No bedrock-mantle, or only approved models on it.",
        why="The same models stand behind a second endpoint with its own action names, where guardrails and inference "
        "profiles do not exist. AWS recommends bedrock-runtime for new work.",
        stops='Inference, keys, files, projects, training and reservations on bedrock-mantle. With "approved": '
        "inference with a model that is not listed, or that the call does not name.",
        leaves=STAYS,
        source=(ENDPOINTS, MANTLE),
        rules=_mantle,
    ),
    Control(
        id="agentcore",
        word="AgentCore",
        family="Other model services",
        title="No AgentCore.",
        why="Runtimes, harnesses and gateways call models of any provider under a passed role.",
        stops="Every AgentCore action but reading, tagging, stopping and deleting; taking a key or a token out of "
        "its vault.",
        leaves=f"{STAYS} What runs already goes on under its own role.",
        source=(AGENTCORE,),
        rules=plain(*prefixed("bedrock-agentcore", *_AGENTCORE_VERBS)),
    ),
    Control(
        id="claude_platform",
        word="ClaudePlatform",
        family="Other model services",
        title="No Claude Platform on AWS.",
        why="The same models, billed through Marketplace, behind an endpoint that Bedrock's policies do not govern.",
        stops="Inference, batches, agents, keys and the console of Claude Platform.",
        leaves=f"{STAYS} The OIDC token route is closed by `delegation`. A subscription bought outside AWS.",
        source=(CLAUDE, "https://docs.aws.amazon.com/claude-platform/latest/userguide/authentication.html"),
        rules=plain(*prefixed("aws-external-anthropic", *_CLAUDE_VERBS)),
    ),
    Control(
        id="sagemaker",
        word="SageMaker",
        family="Other model services",
        title="No SageMaker as a model host.",
        why="JumpStart and Marketplace models run on its endpoints, and a notebook is a GPU by the hour.",
        stops="Creating anything, deploying and training models of a hub, sampling from a training session, starting "
        "notebooks, growing clusters, extending training plans, changing and calling endpoints, its bearer token.",
        leaves="Stopping and deleting stay allowed on purpose. Switch this off for teams that train their own models.",
        source=(REFERENCE,),
        rules=plain(
            *prefixed(
                "sagemaker",
                "BatchAddClusterNodes",
                "CallWithBearerToken",
                "Create*",
                "DeployHubModel",
                "Execute*",
                "ExtendTrainingPlan",
                "InvokeEndpoint*",
                "RetryPipelineExecution",
                "Sample*",
                "StartInferenceExperiment",
                "StartNotebookInstance",
                "StartPipelineExecution",
                "StartSession",
                "TrainHubModel",
                "UpdateCluster",
                "UpdateEndpoint*",
                "UpdateInferenceComponent*",
            )
        ),
    ),
    Control(
        id="amazon_q",
        word="AmazonQ",
        family="Other model services",
        title="No Amazon Q, Kiro, CodeWhisperer or generative QuickSight.",
        why="They are chat models with their own bills.",
        stops="Conversations, generation, code transformation, apps, new and larger subscriptions; Q in Glue and in "
        "SageMaker.",
        leaves="Signing in with a personal Builder ID, which no IAM policy sees: block it on the network. AWS's task "
        "agents with bills of their own (DevOps Agent, Security Agent, FinOps Agent, Transform) and Q in Connect.",
        source=(REFERENCE,),
        rules=plain(
            *prefixed("codewhisperer", "Create*", "Generate*"),
            "glue:StartCompletion",
            *prefixed("q", "Create*", "Generate*", "Send*", "Start*", "Use*"),
            *prefixed("qapps", "Create*", "Predict*", "Start*"),
            *prefixed("qbusiness", "Chat*", "Create*", "Search*", "Start*", "UpdateSubscription"),
            *prefixed("qdeveloper", "Start*", "Transform*"),
            *prefixed(
                "quicksight",
                "CreateAgent",
                "CreateFlow",
                "CreateTopic*",
                "PredictQAResults",
                "StartAutomationJob",
                "UpdateAgent",
                "UpdateFlow",
            ),
            "sagemaker-data-science-assistant:SendConversation",
            *prefixed("user-subscriptions", "Confirm*", "Create*", "Set*", "Update*"),
        ),
    ),
    Control(
        id="nova_act",
        word="NovaAct",
        family="Other model services",
        title="No Nova Act.",
        why="A browsing agent billed by the hour.",
        stops="Creating and running its workflows and sessions.",
        leaves=STAYS,
        source=(REFERENCE,),
        rules=plain(*prefixed("nova-act", "Create*", "Invoke*", "Update*")),
    ),
    Control(
        id="roles_anywhere",
        word="RolesAnywhere",
        family="Other principals",
        title="No administration of IAM Roles Anywhere.",
        why="A certificate of one's own making becomes a role that carries no boundary.",
        stops="Creating, changing and enabling trust anchors and profiles.",
        leaves="Anchors that exist already. Disabling and deleting stay allowed.",
        source=(REFERENCE,),
        rules=plain(*prefixed("rolesanywhere", "Create*", "Enable*", "Import*", "Put*", "Update*")),
    ),
    Control(
        id="identity_center",
        word="IdentityCenter",
        family="Other principals",
        title="No administration of IAM Identity Center.",
        why="A permission set or a group membership of one's own making is a way round the boundary.",
        stops="Permission sets, assignments, users, groups and memberships; taking the boundary or an "
        "identity-based policy of the spec off a "
        "permission set.",
        leaves="Administration from the management account by others.",
        source=(REFERENCE,),
        rules=plain(
            *prefixed("identitystore", "Create*", "Update*"),
            *prefixed(
                "sso",
                "Add*",
                "Associate*",
                "Attach*",
                "Create*",
                "DeletePermissionsBoundary*",
                "Detach*",
                "Import*",
                "Provision*",
                "Put*",
                "Start*",
                "Update*",
            ),
            *prefixed("sso-directory", "Add*", "Create*", "Enable*", "Import*", "Update*"),
        ),
    ),
    Control(
        id="privileged_functions",
        word="Functions",
        family="Other principals",
        title="The code of privileged functions cannot be changed.",
        why="Whoever changes a function's code uses the function's role.",
        stops="UpdateFunctionCode and UpdateFunctionConfiguration (layers, handler) on the named functions, or on all.",
        leaves="Functions that are not named. Code that a pipeline deploys under its own role.",
        source=(REFERENCE,),
        rules=_functions,
    ),
)
