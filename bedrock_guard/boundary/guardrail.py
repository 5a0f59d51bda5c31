"""From the spec's prompt rules to Bedrock's requests: the guardrail, its enforcement, and what stays open."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, get_args

from bedrock_guard.boundary.prompt_rules import HarmFilter, PromptRules
from bedrock_guard.errors import GuardError

GAPS = (
    "Topics can only be denied: there is no list of allowed prompts.",
    "A caller can wrap a part of the prompt in input tags, and only that part is checked; the answer is still checked.",
    "Account-level enforcement with COMPREHENSIVE checks the whole prompt whatever the caller tagged.",
    "Guardrails do not apply to the Responses API, and do not exist on bedrock-mantle.",
    "InvokeAgent and RetrieveAndGenerate make inner calls without it: a role that must name it fails there.",
    "Embedding models take no guardrail.",
    "Enforcement is set in each region; a wrong ARN in it blocks all inference there.",
    "Under enforcement every caller needs bedrock:ApplyGuardrail.",
    "The words of the profanity list are AWS's and are not published.",
)
"""What a guardrail does not do.

https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-permissions-id.html
https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-enforcements.html
"""


class GuardrailError(GuardError):
    """Prompt rules that make no guardrail."""


def create_request(rules: PromptRules) -> dict[str, Any]:
    """The parameters of CreateGuardrail.

    Raises:
        GuardrailError: no rule is set, or the STANDARD tier lacks its profile.

    Example:
        >>> create_request(PromptRules(name="g", profanity=True))["wordPolicyConfig"]
        {'managedWordListsConfig': [{'type': 'PROFANITY'}]}
    """
    if rules.tier == "STANDARD" and not rules.cross_region:
        raise GuardrailError(
            "The STANDARD tier needs cross_region.",
            remedy='Name the guardrail profile, such as "us.guardrail.v1:0".',
        )
    policies = {
        "contentPolicyConfig": _content(rules),
        "wordPolicyConfig": _words(rules),
        "topicPolicyConfig": _topics(rules),
        "sensitiveInformationPolicyConfig": _personal(rules),
    }
    found = {name: config for name, config in policies.items() if config}
    if not found:
        raise GuardrailError(
            "The guardrail has no rule.", remedy="Set explicit_language, profanity, words or topics."
        )
    request: dict[str, Any] = {
        "name": rules.name,
        "blockedInputMessaging": rules.blocked_input,
        "blockedOutputsMessaging": rules.blocked_output,
        **found,
    }
    if rules.cross_region:
        request["crossRegionConfig"] = {"guardrailProfileIdentifier": rules.cross_region}
    return request


def _content(rules: PromptRules) -> dict[str, Any]:
    filters: list[dict[str, Any]] = []
    for name in get_args(HarmFilter):
        strength = rules.filters.get(name, rules.explicit_language)
        if strength != "NONE":
            entry: dict[str, Any] = {"type": name, "inputStrength": strength, "outputStrength": strength}
            if rules.images:
                entry |= {"inputModalities": ["TEXT", "IMAGE"], "outputModalities": ["TEXT", "IMAGE"]}
            filters.append(entry)
    if rules.prompt_attack != "NONE":
        # An attack is in a prompt; AWS's examples set no strength for answers.
        filters.append(
            {"type": "PROMPT_ATTACK", "inputStrength": rules.prompt_attack, "outputStrength": "NONE"}
        )
    return _tiered({"filtersConfig": filters}, rules) if filters else {}


def _topics(rules: PromptRules) -> dict[str, Any]:
    topics = [
        {
            "name": topic.name,
            "definition": topic.definition,
            "type": "DENY",
            **({"examples": list(topic.examples)} if topic.examples else {}),
        }
        for topic in rules.denied_topics
    ]
    return _tiered({"topicsConfig": topics}, rules) if topics else {}


def _tiered(config: dict[str, Any], rules: PromptRules) -> dict[str, Any]:
    return {**config, "tierConfig": {"tierName": rules.tier}} if rules.tier == "STANDARD" else config


def _words(rules: PromptRules) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if rules.words:
        config["wordsConfig"] = [{"text": word} for word in rules.words]
    if rules.profanity:
        config["managedWordListsConfig"] = [{"type": "PROFANITY"}]
    return config


def _personal(rules: PromptRules) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if rules.personal_data:
        config["piiEntitiesConfig"] = [
            {"type": entry.type, "action": entry.action} for entry in rules.personal_data
        ]
    if rules.patterns:
        config["regexesConfig"] = [
            {"name": entry.name, "pattern": entry.pattern, "action": entry.action} for entry in rules.patterns
        ]
    return config


def enforcement_request(guardrail_arn: str, version: str, models: Sequence[str] = ("ALL",)) -> dict[str, Any]:
    """The parameters of PutEnforcedGuardrailConfiguration, to be sent in each region.

    COMPREHENSIVE checks the whole prompt whatever the caller tagged.

    Raises:
        GuardrailError: the version is not a number: a DRAFT cannot be enforced.
    """
    if not re.fullmatch(r"[1-9][0-9]{0,7}", version):
        raise GuardrailError(
            f"{version!r} is no version number.", remedy="Create a version of the guardrail first."
        )
    return {
        "guardrailInferenceConfig": {
            "guardrailIdentifier": guardrail_arn,
            "guardrailVersion": version,
            "selectiveContentGuarding": {"system": "COMPREHENSIVE", "messages": "COMPREHENSIVE"},
            "modelEnforcement": {"includedModels": list(models), "excludedModels": []},
        }
    }


def matched_words(rules: PromptRules, prompt: str) -> tuple[str, ...]:
    """The rules' own words that a prompt holds, whole words in any case.

    This is all that can be judged without Bedrock: topics, filters and the profanity list are AWS's.
    """
    plain = " ".join(prompt.casefold().split())
    return tuple(
        word
        for word in rules.words
        if re.search(rf"(?<!\w){re.escape(' '.join(word.casefold().split()))}(?!\w)", plain)
    )
