"""What stands in a spec file: a team's profile, its approved models and controls, and the exceptions to them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

MAX_MODELS = 2_000
Placement = Literal["boundary", "deny", "scp"]
Modality = Literal["TEXT", "IMAGE", "VIDEO", "SPEECH", "EMBEDDING"]


class Frozen(BaseModel):
    """Part of a spec file: a key that is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ModelChoice(Frozen):
    """One approved model and the ways to it."""

    id: StrictStr
    """The catalogue id, with its date: `anthropic.claude-haiku-4-5-20251001-v1:0`."""
    routes: tuple[StrictStr, ...] = ("in-region",)
    """`in-region`, a geography (`us`, `eu`, `apac`, `au`, `jp`, `us-gov`), `geo` for every geography that the
    catalogue offers from the regions, or `global`."""
    regions: tuple[StrictStr, ...] | None = None
    """Source regions; the profile's own when absent."""
    unlisted: StrictBool = False
    """The catalogue does not know this model and that is meant."""
    destinations: tuple[StrictStr, ...] = ()
    """Of an unlisted model with a geographic route: the regions its profile may send to."""
    family: StrictBool = False
    """`id` ends in `*` and stands for all models it matches, those to come included."""
    monthly_usd: Annotated[StrictInt, Field(ge=1, le=100_000_000)] | None = None
    """A monthly budget for this model in US dollars, with an action that denies it to the targets when it is spent."""
    mantle: StrictBool = False
    """Approved on bedrock-mantle too (only where the control `mantle` is \"approved\")."""


KeyAge = StrictBool | Annotated[StrictInt, Field(ge=1, le=36_600)]
Names = StrictBool | tuple[StrictStr, ...]


class Controls(Frozen):
    """Every control; `true` forbids, `false` leaves it to other policies. Some take a value instead of `true`."""

    api_key_creation: KeyAge = True
    """Long-term API keys: `true` forbids creation and reset, a number is the highest age in days."""
    api_key_reactivation: StrictBool = True
    """Switching an old key on again. IAM cannot tell on from off, so switching off goes with it for all but
    `responders`."""
    long_term_key_use: StrictBool = True
    """Calling with a long-term API key."""
    short_term_key_use: StrictBool = True
    """Calling with a short-term API key."""
    approved_models: StrictBool = True
    """Only the approved models, by the approved routes, from the approved regions."""
    global_profiles: StrictBool = True
    """Worldwide routing, unless a model is approved for it."""
    application_profiles: StrictBool = True
    """Application inference profiles: new ones, and calls through any."""
    prompt_routers: StrictBool = True
    """Prompt routers: new ones, and calls through any."""
    service_tiers: StrictBool | tuple[Literal["default", "flex", "priority", "reserved"], ...] = True
    """Tiers that cost more; a list names the tiers that stay allowed (`true`: default and flex)."""
    mantle: StrictBool | Literal["approved"] = True
    """The bedrock-mantle endpoint; \"approved\" leaves inference with the models marked `mantle = true`."""
    system_tools: StrictBool = True
    """Built-in tools: InvokeTool, InvokeBuilder, web search."""
    model_access: StrictBool = True
    """Subscribing to models, agreements, entitlements, the use-case form."""
    marketplace_endpoints: StrictBool = True
    """Bedrock Marketplace endpoints, which are SageMaker instances by the hour."""
    provisioned_throughput: StrictBool = True
    """Buying or changing provisioned throughput and mantle reservations. Deleting stays allowed."""
    customization: StrictBool = True
    """Fine-tuning, continued pre-training, distillation, import, copy, deployments. Stopping stays allowed."""
    batch_inference: StrictBool = True
    """Batch jobs. Stopping stays allowed."""
    evaluation_jobs: StrictBool = True
    """Evaluation and prompt-optimisation jobs. Stopping stays allowed."""
    knowledge_bases: StrictBool = True
    """Building and asking knowledge bases, reranking, query generation."""
    agents: StrictBool = True
    """Building and calling agents, inline agents included."""
    flows: StrictBool = True
    """Building and calling flows."""
    agentcore: StrictBool = True
    """AgentCore: runtimes, gateways, harnesses, browsers, code interpreters."""
    data_automation: StrictBool = True
    """Data automation and blueprints."""
    guardrail_required: Literal[False] | StrictStr | tuple[StrictStr, ...] = False
    """The ARN of the guardrail that every call must name, without a version; a list where several regions are called
    from, since a guardrail serves its own region."""
    guardrail_tampering: StrictBool = True
    """Changing guardrails, their enforcement, or resource policies."""
    logging_tampering: StrictBool = True
    """Changing invocation logging or data retention."""
    prompt_management: StrictBool = True
    """Writing stored prompts."""
    claude_platform: StrictBool = True
    """Claude Platform on AWS."""
    sagemaker: StrictBool = True
    """SageMaker endpoints, notebooks and jobs as model hosts, and its bearer token."""
    amazon_q: StrictBool = True
    """Amazon Q, Kiro and CodeWhisperer as model services."""
    nova_act: StrictBool = True
    """Nova Act."""
    roles_anywhere: StrictBool = True
    """Administration of IAM Roles Anywhere."""
    identity_center: StrictBool = True
    """Administration of IAM Identity Center."""
    privileged_functions: Names = False
    """Lambda functions (ARNs, `*` allowed in region and name) whose code may not be changed; `true`: all."""
    boundary_protection: StrictBool = True
    """Removing the boundary, or editing it and the other documents of this spec."""
    bounded_principals: StrictBool = True
    """Users and roles are made, changed and given policies only under this boundary."""
    credentials_for_others: StrictBool = True
    """Access keys and console passwords for anyone but oneself."""
    bounded_roles: Names = ("bounded/*",)
    """PassRole and AssumeRole only into these roles; `true` allows none. A path (`bounded/*`), a name, or how names
    begin (`cdk-hnb659fds-*`, at least four characters), which also admits what gets such a name later."""
    delegation: StrictBool = True
    """Delegation requests and outbound identity federation."""
    leave_organization: StrictBool = True
    """Taking the account out of the organisation, and so out of its SCPs."""
    instance_types: Names = False
    """EC2 types that may start; `true` allows none."""
    encrypted_volumes: StrictBool = True
    """Every EBS volume encrypted, by every path."""
    default_encryption: StrictBool = True
    """EBS encryption by default stays on."""
    pinned_templates: StrictBool = True
    """Auto Scaling groups name a launch template's version."""


class Profile(Frozen):
    """What one team may do."""

    partition: Literal["aws", "aws-us-gov", "aws-cn"] = "aws"
    """The partition of the accounts."""
    accounts: tuple[StrictStr, ...]
    """Account ids: twelve digits, as text."""
    regions: tuple[StrictStr, ...]
    """Regions from which Bedrock may be called."""
    documents: tuple[Placement, ...] = ("boundary", "deny", "scp")
    """The kinds of document that may be made."""
    scp_holds: Literal["reach", "everything"] = "reach"
    """SCPs hold what a boundary cannot reach, or every control."""
    targets: tuple[StrictStr, ...] = ()
    """Users and roles that get the boundary, by ARN."""
    models: tuple[ModelChoice, ...] = Field(default=(), alias="model", max_length=100_000)
    """The approved models."""
    approve_nothing: StrictBool = False
    """No model is approved, and that is meant."""
    modalities: tuple[Modality, ...] = ()
    """Modalities that approved models may take or give; empty: any."""
    break_glass: tuple[StrictStr, ...] = ()
    """Principals, by exact ARN, that no SCP of this spec touches."""
    administrators: tuple[StrictStr, ...] = ()
    """Principals, by exact ARN, that the SCPs let administer IAM."""
    responders: tuple[StrictStr, ...] = ()
    """Principals, by exact ARN, that the SCPs let switch API keys on and off."""
    alert_email: StrictStr | None = None
    """Who hears of budgets."""
    policy_prefix: StrictStr = "bedrock-guard-"
    """How the names of all documents of this spec begin."""
    key_services: tuple[StrictStr, ...] = ("codecommit.amazonaws.com", "cassandra.amazonaws.com")
    """Services whose service-specific credentials stay allowed."""
    controls: Controls = Controls()

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    @property
    def boundary_name(self) -> str:
        """The name of the boundary's managed policy."""
        return f"{self.policy_prefix}boundary"

    @property
    def boundary_arns(self) -> tuple[str, ...]:
        """The boundary's ARN in each account."""
        return tuple(
            f"arn:{self.partition}:iam::{account}:policy/{self.boundary_name}" for account in self.accounts
        )


class SpecException(Frozen):
    """A control lifted, or a model approved, for some principals until a day."""

    profile: StrictStr
    control: StrictStr | None = None
    model: ModelChoice | None = None
    principals: tuple[StrictStr, ...] = ()
    """Exact ARNs; empty: everyone under the profile."""
    owner: StrictStr = Field(min_length=1, max_length=200)
    reason: StrictStr = Field(min_length=1, max_length=1_000)
    until: Annotated[date, Field(strict=True)]
    """The last day on which it holds; it ends with that day, UTC."""

    def expired(self, on: date) -> bool:
        """Whether the exception no longer holds on a day."""
        return on > self.until
