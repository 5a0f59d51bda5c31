"""What prompts and answers may say, as a part of the spec: the `[guardrail]` table."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr

Strength = Literal["NONE", "LOW", "MEDIUM", "HIGH"]
HarmFilter = Literal["SEXUAL", "VIOLENCE", "HATE", "INSULTS", "MISCONDUCT"]
Treatment = Literal["BLOCK", "ANONYMIZE"]

Word = Annotated[StrictStr, Field(min_length=1, max_length=100)]
Example = Annotated[StrictStr, Field(min_length=1, max_length=100)]
Message = Annotated[StrictStr, Field(min_length=1, max_length=500)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class DeniedTopic(_Frozen):
    """A topic that is refused. There is no list of allowed topics: Bedrock can only deny."""

    name: Annotated[StrictStr, Field(min_length=1, max_length=100, pattern=r"^[0-9a-zA-Z\-_ !?.]+$")]
    definition: Annotated[StrictStr, Field(min_length=1, max_length=200)]
    examples: Annotated[tuple[Example, ...], Field(max_length=5)] = ()


class PersonalData(_Frozen):
    """One kind of personal data and what happens to it."""

    type: Annotated[StrictStr, Field(min_length=1, max_length=64, pattern=r"^[A-Z_]+$")]
    """A type of Bedrock's list: EMAIL, PHONE, NAME, CREDIT_DEBIT_CARD_NUMBER, AWS_SECRET_KEY, ..."""
    action: Treatment = "ANONYMIZE"


class Pattern(_Frozen):
    """A regular expression and what happens to what it finds."""

    name: Annotated[StrictStr, Field(min_length=1, max_length=100)]
    pattern: Annotated[StrictStr, Field(min_length=1, max_length=500)]
    action: Treatment = "BLOCK"


class PromptRules(_Frozen):
    """The rules of one guardrail; limits are those of CreateGuardrail.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateGuardrail.html
    """

    name: Annotated[StrictStr, Field(min_length=1, max_length=50, pattern=r"^[0-9a-zA-Z\-_]+$")] = (
        "bedrock-guard"
    )
    explicit_language: Strength = "NONE"
    """The strength of all five harm filters."""
    filters: dict[HarmFilter, Strength] = Field(default_factory=dict)
    """Single filters, where they differ from `explicit_language`."""
    prompt_attack: Strength = "NONE"
    """Jailbreaks and injections; on input only."""
    images: StrictBool = False
    """The harm filters look at images too."""
    profanity: StrictBool = False
    """AWS's own list of profane words."""
    words: Annotated[tuple[Word, ...], Field(max_length=10_000)] = ()
    """Words and phrases that are blocked."""
    denied_topics: Annotated[tuple[DeniedTopic, ...], Field(max_length=30)] = ()
    personal_data: tuple[PersonalData, ...] = ()
    patterns: Annotated[tuple[Pattern, ...], Field(max_length=30)] = ()
    blocked_input: Message = "This request is blocked by policy."
    blocked_output: Message = "This answer is blocked by policy."
    tier: Literal["CLASSIC", "STANDARD"] = "CLASSIC"
    """STANDARD covers more languages and needs `cross_region`."""
    cross_region: StrictStr | None = None
    """The guardrail profile of the STANDARD tier, such as `us.guardrail.v1:0`."""
