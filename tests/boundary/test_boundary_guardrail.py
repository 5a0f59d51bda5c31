"""Prompt rules into requests, checked against botocore's own service model: members, enums, lengths, patterns."""

from __future__ import annotations

import re
from typing import Any

import botocore.session
import pytest

from bedrock_guard.boundary.guardrail import (
    GuardrailError,
    create_request,
    enforcement_request,
    matched_words,
)
from bedrock_guard.boundary.prompt_rules import DeniedTopic, Pattern, PersonalData, PromptRules
from bedrock_guard.boundary.spec import BoundarySpec, SpecError

FULL = PromptRules(
    name="team-guardrail",
    explicit_language="HIGH",
    filters={"VIOLENCE": "LOW", "HATE": "NONE"},
    prompt_attack="HIGH",
    images=True,
    profanity=True,
    words=("project zeus", "zeus*"),
    denied_topics=(
        DeniedTopic(
            name="NonWork", definition="Requests unrelated to the company's work.", examples=("Plan my trip",)
        ),
    ),
    personal_data=(PersonalData(type="EMAIL"), PersonalData(type="AWS_SECRET_KEY", action="BLOCK")),
    patterns=(Pattern(name="ticket", pattern="ZEUS-[0-9]+"),),
    tier="STANDARD",
    cross_region="us.guardrail.v1:0",
)


def model(operation: str) -> Any:
    return botocore.session.get_session().get_service_model("bedrock").operation_model(operation).input_shape


def problems(shape: Any, value: Any, path: str = "") -> list[str]:
    """What botocore's model says against a value; botocore itself checks no enums, patterns or longest lengths."""
    found: list[str] = []
    if shape.type_name == "structure":
        found += [f"{path}.{name} is missing" for name in shape.required_members if name not in value]
        found += [f"{path}.{name} is unknown" for name in value if name not in shape.members]
        for name, member in value.items():
            if name in shape.members:
                found += problems(shape.members[name], member, f"{path}.{name}")
    elif shape.type_name == "list":
        limits = shape.metadata
        if not limits.get("min", 0) <= len(value) <= limits.get("max", 10**9):
            found.append(f"{path} has {len(value)} items")
        for index, member in enumerate(value):
            found += problems(shape.member, member, f"{path}[{index}]")
    elif shape.type_name == "string":
        found += _text(shape, value, path)
    return found


def _text(shape: Any, value: str, path: str) -> list[str]:
    limits = shape.metadata
    found = []
    if not isinstance(value, str) or not limits.get("min", 0) <= len(value) <= limits.get("max", 10**9):
        found.append(f"{path} has a wrong length")
    if limits.get("enum") and value not in limits["enum"]:
        found.append(f"{path}: {value} is none of {limits['enum']}")
    if limits.get("pattern") and not re.fullmatch(limits["pattern"], value):
        found.append(f"{path}: {value} does not match")
    return found


def test_the_whole_request_is_valid() -> None:
    request = create_request(FULL)
    assert problems(model("CreateGuardrail"), request) == []
    filters = {f["type"]: f for f in request["contentPolicyConfig"]["filtersConfig"]}
    assert set(filters) == {"SEXUAL", "VIOLENCE", "INSULTS", "MISCONDUCT", "PROMPT_ATTACK"}
    assert filters["VIOLENCE"]["inputStrength"] == "LOW"
    assert filters["SEXUAL"]["inputModalities"] == ["TEXT", "IMAGE"]
    assert "inputModalities" not in filters["PROMPT_ATTACK"]
    assert filters["PROMPT_ATTACK"]["outputStrength"] == "NONE"
    assert request["topicPolicyConfig"]["topicsConfig"][0]["type"] == "DENY"


def test_the_checker_finds_faults() -> None:
    bad = {**create_request(FULL), "name": "a b", "extra": 1}
    del bad["blockedInputMessaging"]
    bad["contentPolicyConfig"] = {
        "filtersConfig": [{"type": "SPAM", "inputStrength": "HIGH", "outputStrength": "HIGH"}]
    }
    assert len(problems(model("CreateGuardrail"), bad)) == 4


@pytest.mark.parametrize(
    "rules",
    [
        PromptRules(explicit_language="LOW"),
        PromptRules(profanity=True),
        PromptRules(words=("x",)),
        PromptRules(prompt_attack="MEDIUM"),
        PromptRules(denied_topics=(DeniedTopic(name="a", definition="b"),)),
        PromptRules(personal_data=(PersonalData(type="PHONE"),)),
        PromptRules(patterns=(Pattern(name="p", pattern="x+"),)),
    ],
)
def test_each_rule_alone_is_a_valid_request(rules: PromptRules) -> None:
    assert problems(model("CreateGuardrail"), create_request(rules)) == []


def test_every_harm_filter_of_the_model_is_covered() -> None:
    enum = (
        model("CreateGuardrail")
        .members["contentPolicyConfig"]
        .members["filtersConfig"]
        .member.members["type"]
        .enum
    )
    request = create_request(PromptRules(explicit_language="HIGH", prompt_attack="HIGH"))
    assert {f["type"] for f in request["contentPolicyConfig"]["filtersConfig"]} == set(enum)


def test_rules_that_make_no_guardrail() -> None:
    with pytest.raises(GuardrailError, match="no rule"):
        create_request(PromptRules())
    with pytest.raises(GuardrailError, match="cross_region"):
        create_request(PromptRules(profanity=True, tier="STANDARD"))


def test_enforcement_for_the_account() -> None:
    arn = "arn:aws:bedrock:us-east-1:111122223333:guardrail/gr0example"
    request = enforcement_request(arn, "3")
    assert problems(model("PutEnforcedGuardrailConfiguration"), request) == []
    guarding = request["guardrailInferenceConfig"]["selectiveContentGuarding"]
    assert set(guarding.values()) == {"COMPREHENSIVE"}
    for version in ("DRAFT", "0", "", "1a", "\u0661"):
        with pytest.raises(GuardrailError):
            enforcement_request(arn, version)


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("tell me about Project  Zeus now", ("project zeus",)),
        ("projects zeus", ()),
        ("zeus* it", ("zeus*",)),
        ("Ask zeus", ()),
        ("", ()),
    ],
)
def test_own_words_are_judged_whole_and_in_any_case(prompt: str, found: tuple[str, ...]) -> None:
    assert matched_words(FULL, prompt) == found


def test_a_fault_in_the_file_has_its_key_and_line() -> None:
    text = (
        '[profile.a]\naccounts = ["111122223333"]\nregions = ["us-east-1"]\napprove_nothing = true\n'
        '[guardrail]\nname = "g"\n[[guardrail.denied_topics]]\nname = "t"\ndefinition = ""\n'
    )
    with pytest.raises(SpecError) as caught:
        BoundarySpec.loads(text)
    assert caught.value.line == 9
    assert caught.value.key == "guardrail.denied_topics.0.definition"
    spec = BoundarySpec.loads(text.replace('definition = ""', 'definition = "x"'))
    assert BoundarySpec.loads(spec.dumps()) == spec
