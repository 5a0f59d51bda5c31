"""What the demo company pays for tokens, and how each model is spelt on its bill.

The rates are the public list prices of late 2026 as far as they are known, in USD per million tokens at
the `global.` rate; a regional call (bare id or geographic profile) costs 10 % more where `uplift` says so
(Claude 4.5 and later). They make a believable demo and are no price list: nothing but the demo reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

Kind = Literal["input", "output", "cache_read", "cache_write_5m", "cache_write_1h"]
Grammar = Literal["A", "C", "D"]

KINDS: Final[tuple[Kind, ...]] = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
AWS: Final = "Amazon Bedrock"
AWS_SERVICE: Final = "Amazon Bedrock Service"
AGENTCORE: Final = "Amazon Bedrock AgentCore"


@dataclass(frozen=True, slots=True)
class Tariff:
    """One model's rates and its spellings on the bill.

    Args:
        model_id: the Bedrock model id.
        label: the display name, as the `model` product attribute and Marketplace spell it.
        provider: the `provider` product attribute.
        grammar: which usage-type grammar its on-demand lines follow (A dashed, C Marketplace camel case,
            D Marketplace snake case).
        segment: the model's part of a grammar A usage type.
        service: SERVICE value of its grammar A lines.
        input, output: USD per million tokens at the global rate.
        uplift: True when a regional call costs 10 % more.
        attributed: False when its lines carry no `model` product attribute.
    """

    model_id: str
    label: str
    provider: str
    grammar: Grammar
    segment: str
    service: str
    input: Decimal
    output: Decimal
    uplift: bool = False
    attributed: bool = True

    @property
    def edition(self) -> str:
        """The SERVICE value of its Marketplace lines."""
        return f"{self.label} (Amazon Bedrock Edition)"

    def rate(self, kind: Kind, route: str, tier: str = "standard", context: str = "standard") -> Decimal:
        """USD per million tokens of `kind`.

        Cache reads cost a tenth of input, writes 1.25 (5 minutes) and 2 (1 hour) times; batch and flex half;
        long context doubles input and multiplies output by 1.5.
        """
        if context == "long":
            return self.rate(kind, route, tier) * (Decimal("1.5") if kind == "output" else 2)
        base = self.output if kind == "output" else self.input * _CACHE.get(kind, Decimal(1))
        scope = Decimal("1.1") if self.uplift and route != "global" else Decimal(1)
        return base * scope * _TIER[tier]


_CACHE: Final[dict[str, Decimal]] = {
    "cache_read": Decimal("0.1"),
    "cache_write_5m": Decimal("1.25"),
    "cache_write_1h": Decimal(2),
}
_TIER: Final = {
    "standard": Decimal(1),
    "batch": Decimal("0.5"),
    "flex": Decimal("0.5"),
    "priority": Decimal("1.75"),
}

HAIKU: Final = "anthropic.claude-haiku-4-5-20251001-v1:0"
SONNET: Final = "anthropic.claude-sonnet-4-5-20250929-v1:0"
OPUS: Final = "anthropic.claude-opus-4-8"
OLD_HAIKU: Final = "anthropic.claude-3-haiku-20240307-v1:0"
SONNET_37: Final = "anthropic.claude-3-7-sonnet-20250219-v1:0"
NOVA_LITE: Final = "amazon.nova-lite-v1:0"
NOVA_PRO: Final = "amazon.nova-pro-v1:0"
EMBED: Final = "amazon.titan-embed-text-v2:0"
LLAMA: Final = "meta.llama3-3-70b-instruct-v1:0"
DEEPSEEK: Final = "deepseek.r1-v1:0"
GPT_OSS: Final = "openai.gpt-oss-120b-1:0"


def _tariff(
    model_id: str, label: str, provider: str, grammar: Grammar, segment: str, rates: tuple[str, str]
) -> Tariff:
    modern = model_id in {HAIKU, SONNET, OPUS}
    return Tariff(
        model_id=model_id,
        label=label,
        provider=provider,
        grammar=grammar,
        segment=segment,
        service=AWS_SERVICE if provider == "Anthropic" else AWS,
        input=Decimal(rates[0]),
        output=Decimal(rates[1]),
        uplift=modern,
        attributed=model_id != OLD_HAIKU,
    )


TARIFFS: Final[dict[str, Tariff]] = {
    tariff.model_id: tariff
    for tariff in (
        _tariff(HAIKU, "Claude Haiku 4.5", "Anthropic", "C", "Claude4.5Haiku", ("1", "5")),
        _tariff(SONNET, "Claude Sonnet 4.5", "Anthropic", "A", "Claude4.5Sonnet", ("3", "15")),
        _tariff(OPUS, "Claude Opus 4.8", "Anthropic", "D", "Claude4.8Opus", ("5", "25")),
        _tariff(OLD_HAIKU, "Claude 3 Haiku", "Anthropic", "C", "Claude3Haiku", ("0.25", "1.25")),
        _tariff(SONNET_37, "Claude 3.7 Sonnet", "Anthropic", "C", "Claude3.7Sonnet", ("3", "15")),
        _tariff(NOVA_LITE, "Nova Lite", "Amazon", "A", "NovaLite", ("0.06", "0.24")),
        _tariff(NOVA_PRO, "Nova Pro", "Amazon", "A", "NovaPro", ("0.8", "3.2")),
        _tariff(EMBED, "Titan Text Embeddings V2", "Amazon", "A", "TitanEmbeddingV2-Text", ("0.02", "0")),
        _tariff(LLAMA, "Llama 3.3 70B Instruct", "Meta", "A", "Llama3-3-70B", ("0.72", "0.72")),
        _tariff(DEEPSEEK, "DeepSeek-R1", "DeepSeek", "A", "DeepSeekR1", ("1.35", "5.4")),
        _tariff(GPT_OSS, "gpt-oss-120b", "OpenAI", "A", "gpt-oss-120b", ("0.15", "0.6")),
    )
}
"""Every model of the demo company by its id."""

REGION_CODES: Final = {
    "us-east-1": "USE1",
    "us-east-2": "USE2",
    "us-west-2": "USW2",
    "eu-west-1": "EU",
    "eu-central-1": "EUC1",
}
"""AWS billing code of each region in use (https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-region-billing-codes.html)."""
