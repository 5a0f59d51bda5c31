"""What the demo company does with models: one row per team, caller, model and route.

`share` is the workload's part of all recorded model calls; token figures are per call, in thousands.
A workload on the mantle endpoint or in a batch job leaves no model call in Event history, only a bill.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from bedrock_guard.demo.company import prices

Endpoint = Literal["runtime", "mantle", "batch", "provisioned"]
Rhythm = Literal["office", "always", "night"]


@dataclass(frozen=True, slots=True)
class Workload:
    """One steady use of one model.

    Args:
        key: its name, unique.
        team: who pays.
        caller: key of `people.CALLERS`.
        model: model id.
        prefix: "" for a bare id, else the profile's scope ("us", "eu", "global").
        region: the region called.
        operation: the API operation recorded in CloudTrail.
        share: relative number of calls.
        tokens: thousands of tokens per call: input, output, cache read, cache write 5 m, cache write 1 h.
        endpoint: runtime, mantle, batch (a job) or provisioned (a purchased model unit).
        rhythm: when it happens.
        growth: volume at the end of 90 days relative to the beginning.
        active: days before the end between which it happens, as (from, to); None is always.
        tier: service tier on the bill.
        context: "long" for calls billed at the long-context rate.
        via: "" or the resource named instead of the model: an application profile or provisioned model id.
        guardrail: True when its calls carry the guardrail.
    """

    key: str
    team: str
    caller: str
    model: str
    prefix: str
    region: str
    operation: str
    share: float
    tokens: tuple[float, float, float, float, float]
    endpoint: Endpoint = "runtime"
    rhythm: Rhythm = "office"
    growth: float = 1.0
    active: tuple[float, float] | None = None
    tier: str = "standard"
    context: str = "standard"
    via: str = ""
    guardrail: bool = False

    @property
    def route(self) -> str:
        """in_region, geo or global."""
        return {"": "in_region", "global": "global"}.get(self.prefix, "geo")

    @property
    def model_raw(self) -> str:
        """The modelId a caller sends, where it is not a resource of the account."""
        return f"{self.prefix}.{self.model}" if self.prefix else self.model


APPLICATION_PROFILE: Final = "t1de0app4inv"
PROVISIONED_MODEL: Final = "pqa7unit0001"
STREAM: Final = "ConverseStream"
RAW_STREAM: Final = "InvokeModelWithResponseStream"

WORKLOADS: Final[tuple[Workload, ...]] = (
    Workload("contract-review", "contracts", "contract-review", prices.OPUS, "us", "us-east-1",
             STREAM, 32, (190, 9, 210, 30, 0), rhythm="always", growth=1.5),
    Workload("claude-code-opus", "platform", "theo", prices.OPUS, "us", "us-west-2",
             RAW_STREAM, 7, (3, 3, 140, 0, 12)),
    Workload("claude-code-sonnet", "platform", "theo", prices.SONNET, "us", "us-west-2",
             RAW_STREAM, 9, (2, 3, 95, 9, 0)),
    Workload("claude-code-sam", "platform", "sam", prices.SONNET, "us", "us-west-2",
             RAW_STREAM, 6, (2, 4, 88, 8, 0), growth=1.8),
    Workload("research-sonnet", "research", "research", prices.SONNET, "global", "us-east-1",
             "Converse", 10, (90, 10, 0, 0, 0)),
    Workload("research-llama", "research", "research", prices.LLAMA, "us", "us-east-1",
             "Converse", 2, (60, 6, 0, 0, 0)),
    Workload("research-deepseek", "research", "research", prices.DEEPSEEK, "us", "us-west-2",
             "InvokeModel", 1.5, (40, 12, 0, 0, 0), active=(60, 5)),
    Workload("contract-archive", "contracts", "contract-review", prices.SONNET, "us", "us-east-1",
             "Converse", 2, (500, 9, 0, 0, 0), context="long", active=(45, 0)),
    Workload("search-answers", "search", "search", prices.HAIKU, "us", "us-west-2",
             "Converse", 12, (70, 3, 40, 4, 0), rhythm="always", growth=1.2),
    Workload("search-embed", "search", "search", prices.EMBED, "", "us-west-2",
             "InvokeModel", 5, (4.8, 0, 0, 0, 0), rhythm="always"),
    Workload("support-guarded", "support", "support", prices.NOVA_LITE, "eu", "eu-west-1",
             "Converse", 4, (30, 2, 0, 0, 0), rhythm="always", guardrail=True),
    Workload("support-unguarded", "support", "support", prices.NOVA_LITE, "eu", "eu-west-1",
             "Converse", 1.5, (30, 2, 0, 0, 0), rhythm="always", active=(30, 0)),
    Workload("support-agent", "support", "agent", prices.NOVA_PRO, "us", "us-east-1",
             "InvokeModelWithResponseStream", 3, (60, 3, 0, 0, 0), rhythm="always"),
    Workload("invoices", "finance", "invoices", prices.HAIKU, "us", "us-east-1",
             "Converse", 3, (90, 5, 0, 0, 0), rhythm="night", active=(80, 0), via=APPLICATION_PROFILE),
    Workload("ci-review", "platform", "ci", prices.SONNET, "us", "us-west-2",
             "Converse", 3, (60, 5, 40, 12, 0)),
    Workload("key-reporting", "finance", "reporting-key", prices.NOVA_PRO, "", "us-east-1",
             "Converse", 2, (60, 3, 0, 0, 0), rhythm="night"),
    Workload("key-phantom", "research", "phantom-key", prices.SONNET, "us", "us-east-1",
             "Converse", 1.2, (40, 6, 0, 0, 0), active=(61, 0)),
    Workload("key-leaked", "(unknown)", "intruder", prices.OPUS, "us", "us-east-1",
             "InvokeModelWithResponseStream", 2.2, (190, 9, 0, 0, 0), rhythm="always", active=(11, 8)),
    Workload("key-leaked-west", "(unknown)", "intruder", prices.OPUS, "us", "us-east-2",
             "InvokeModel", 0.8, (150, 8, 0, 0, 0), rhythm="always", active=(10, 8)),
    Workload("short-key", "platform", "priya", prices.SONNET, "global", "us-west-2",
             "Converse", 2, (45, 7, 30, 8, 0)),
    Workload("legacy-etl", "finance", "etl", prices.OLD_HAIKU, "", "us-east-1",
             "InvokeModel", 2, (30, 2, 0, 0, 0), rhythm="night", growth=0.6),
    Workload("policy-qa", "support", "policy-qa", prices.SONNET_37, "", "us-west-2",
             "Converse", 1.6, (20, 2, 0, 0, 0), endpoint="provisioned", active=(86, 0), via=PROVISIONED_MODEL),
    Workload("mantle-opus", "platform", "mantle", prices.OPUS, "global", "us-west-2",
             "CreateInference", 8, (60, 8, 400, 30, 0), endpoint="mantle", growth=1.4),
    Workload("mantle-oss", "research", "mantle-research", prices.GPT_OSS, "", "us-east-1",
             "CreateInference", 4, (60, 6, 0, 0, 0), endpoint="mantle"),
    Workload("batch-tagging", "research", "pipeline", prices.SONNET, "us", "us-east-1",
             "CreateModelInvocationJob", 1, (110_000, 12_000, 0, 0, 0), endpoint="batch", tier="batch"),
    Workload("batch-haiku", "search", "pipeline-search", prices.HAIKU, "us", "us-west-2",
             "CreateModelInvocationJob", 1, (150_000, 13_000, 0, 0, 0), endpoint="batch", tier="batch"),
    Workload("flex-summaries", "support", "support", prices.NOVA_LITE, "us", "us-east-1",
             "Converse", 1, (120, 3, 0, 0, 0), tier="flex", rhythm="night"),
)  # fmt: skip
"""Everything the company does with models."""
