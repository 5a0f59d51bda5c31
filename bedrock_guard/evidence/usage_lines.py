"""A usage line -> model, kind, route, tier: exactly, or `unmapped` with a line to paste."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from bedrock_guard.evidence.bill_class import BillClass
from bedrock_guard.evidence.model_names import EDITION, FILL_IN, FILL_IN_WORDS, Index
from bedrock_guard.evidence.usage_types import Facts, Split, readings, split, understand, words

_FEATURES: Final[tuple[tuple[str, str], ...]] = (
    ("consumptionbased", "agentcore"),
    ("agentcore", "agentcore"),
    ("guardrail", "guardrail"),
    ("automatedreasoning", "guardrail"),
    ("dataautomation", "data_automation"),
    ("bedrockflows", "flows"),
    ("invokeflow", "flows"),
    ("flownode", "flows"),
    ("knowledgebase", "knowledge_base"),
    ("structuredretrieve", "knowledge_base"),
    ("generatesql", "knowledge_base"),
    ("generatequery", "knowledge_base"),
    ("retrieveandgenerate", "knowledge_base"),
    ("evaluation", "evaluation"),
    ("optimizeprompt", "prompt_optimization"),
    ("promptoptimization", "prompt_optimization"),
    ("promptrout", "prompt_routing"),
    ("websearch", "web_search"),
    ("novaact", "nova_act"),
    ("codeinterpret", "agentcore"),
    ("apirequest", "cost_explorer"),
    ("claudeconsumptionunit", "claude_platform"),
)
"""What AWS's CUDOS dashboard looks for in usage types to set features of Bedrock apart from models."""


def read_usage(service: str, usage_type: str, index: Index) -> BillClass:
    """What a usage line is for, from its service and usage type alone."""
    parts = split(usage_type)
    parts = replace(parts, body=index.body(parts.body))
    feature = _feature(service, usage_type)
    if feature:
        return BillClass("non_model", region=parts.region, feature=feature)
    sold = index.by_name(service) if EDITION.lower() in service.lower() else None
    named = parts.body.removesuffix("-Units")
    if sold and "-" not in named:  # a rate card's name of the line, without the Region
        parts = replace(parts, marketplace=True, body=named)
    if not parts.body:
        return BillClass("model", sold) if sold else _nothing(service, parts)
    token_line = _token_line(parts, sold, index)
    found = (
        token_line if token_line and token_line.bucket != "unmapped" else _media_or_name(parts, sold, index)
    )
    found = found or _by_rule(parts, sold, index) or token_line
    if found is None:
        line = f"{_quoted(parts.body)} = {_quoted(FILL_IN_WORDS)}"
        return BillClass(
            "unmapped",
            region=parts.region,
            reason="The usage type has words that are not known.",
            alias_line=line,
        )
    if found.bucket == "unmapped":
        return replace(found, alias_line=_alias_line(service, found.alias_line))
    return found


def letters(text: str) -> str:
    """The letters and digits of a text, lower case."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _feature(service: str, usage_type: str) -> str | None:
    text = letters(usage_type)
    named = letters(service)
    if "agentcore" in named:
        return "knowledge_base" if text.startswith("knowledgebase") else "agentcore"
    if "claudeplatform" in named:
        return "claude_platform"
    return next((feature for mark, feature in _FEATURES if mark in text), None)


def _token_line(parts: Split, sold: str | None, index: Index) -> BillClass | None:
    """The first reading whose model is known; else the first reading, unmapped; None when nothing can be read."""
    first: BillClass | None = None
    for reading in readings(parts.body, marketplace=parts.marketplace):
        named = index.find(reading.head) if reading.head else None
        if reading.head and (named is None or (sold and named != sold)):
            first = first or _nameless(reading.head, reading.facts, parts, conflict=bool(named))
            continue
        model = named or sold
        found = _from_facts(reading.facts, model, parts)
        if model or found.bucket in ("commitment", "customization"):
            return found
        if reading.facts.get("modality") == "search":
            return _grounding(parts)
        first = first or replace(found, bucket="unmapped", reason="The line names no model.")
    return first


def _grounding(parts: Split) -> BillClass:
    """A grounding request whose line names no model: a feature like any other."""
    return BillClass("non_model", region=parts.region, feature="web_search")


def _nameless(head: str, facts: Facts, parts: Split, *, conflict: bool) -> BillClass:
    """A reading whose model is not known: still a commitment or customization where the words say so."""
    found = _from_facts(facts, None, parts)
    if found.bucket in ("commitment", "customization"):
        return found
    if facts.get("modality") == "search":
        return _grounding(parts)
    reason = (
        "Service and usage type name different models." if conflict else f"The model {head!r} is not known."
    )
    return replace(found, bucket="unmapped", reason=reason, alias_line="" if conflict else head)


def _from_facts(facts: Facts, model: str | None, parts: Split) -> BillClass:
    if facts.get("capacity") == "provisioned":
        return BillClass("commitment", model, tier="provisioned", region=parts.region)
    if "work" in facts:
        return BillClass("customization", model, "storage", region=parts.region, feature="storage")
    if "customization" in facts:
        unit = _unit(facts, "training", parts) if facts.get("measure") == "tokens" else None
        return BillClass(
            "customization", model, "training", unit_tokens=unit, region=parts.region, feature="training"
        )
    kind = _kind(facts, model)
    route = facts.get("route", "regional")
    context = facts.get("context", "standard")
    if facts.get("capacity") == "reserved" or facts.get("measure") == "rate":
        return BillClass("commitment", model, kind, route, "reserved", context, region=parts.region)
    return BillClass(
        "customization" if "custom" in facts else "model",
        model,
        kind,
        route,
        tier=facts.get("tier", "standard"),
        context=context,
        unit_tokens=_unit(facts, kind, parts),
        region=parts.region,
        direction=facts.get("direction") if kind in ("image", "audio", "video") else None,
        feature="custom_model" if "custom" in facts else None,
    )


def _kind(facts: Facts, model: str | None) -> str | None:
    cache = facts.get("cache")
    if cache == "write":
        return f"cache_write_{facts.get('ttl', '5m')}"
    if cache:
        return f"cache_{cache}"
    if "modality" in facts:
        return facts["modality"]
    direction = facts.get("direction")
    if direction == "input" and model and "embed" in model:
        return "embedding"
    if facts.get("measure") == "pieces" and model and _only_kind(model) == "video":
        return "video"
    return direction


def _unit(facts: Facts, kind: str | None, parts: Split) -> int | None:
    """Marketplace lines count millions of tokens, AWS's own lines thousands; pieces, hours and searches neither.

    Sources: AWS Price List units; CUDOS, "unit is 1M or Units".
    """
    if kind in ("rerank", "search", "cache_storage"):
        return None
    if facts.get("measure") == "pieces":
        return None
    if kind in ("image", "audio", "video") and facts.get("measure") != "tokens":
        return None
    return 1_000_000 if parts.marketplace else 1_000


def _media_or_name(parts: Split, sold: str | None, index: Index) -> BillClass | None:
    """Marketplace bodies that hold a model's name: `created_image_stable_image_core`, `Cohere_Embed_V4`."""
    if not parts.marketplace:
        return None
    segments = parts.body.split("_")
    for cut in range(len(segments)):
        named = index.by_name("_".join(segments[cut:]))
        if not named or (sold and named != sold):
            continue
        facts = understand([word for text in segments[:cut] for word in words(text)]) if cut else {}
        if cut and facts is None:
            continue
        found = _from_facts(facts or {}, named, parts)
        kind = found.token_kind or _only_kind(named)
        return replace(found, token_kind=kind) if kind else None
    return None


def _only_kind(model: str) -> str | None:
    marks = {"embed": "embedding", "rerank": "rerank", "nova-reel": "video", "luma.ray": "video"}
    return next((kind for mark, kind in marks.items() if mark in model), None)


_RULES: Final[tuple[tuple[str, BillClass], ...]] = (
    ("custommodelimportstorage", BillClass("customization", None, "storage", feature="import_storage")),
    ("custommodelimport", BillClass("customization", feature="import_inference")),
    ("customizationstorage", BillClass("customization", None, "storage", feature="storage")),
    ("custommodelstorage", BillClass("customization", None, "storage", feature="storage")),
    ("customization", BillClass("customization", None, "training", feature="training")),
    ("finetun", BillClass("customization", None, "training", feature="training")),
    ("distillation", BillClass("customization", None, "training", feature="training")),
    ("rfttraining", BillClass("customization", None, "training", feature="training")),
    ("custommodel", BillClass("customization", feature="custom_model")),
    ("provisionedthroughput", BillClass("commitment", tier="provisioned")),
    ("modelunits", BillClass("commitment", tier="provisioned")),
)
"""Lines that are no inference whatever else they say; the marks are CUDOS's."""


def _by_rule(parts: Split, sold: str | None, index: Index) -> BillClass | None:
    text = letters(parts.body)
    found = next((known for mark, known in _RULES if mark in text), None)
    if found is None:
        return None
    return replace(found, model=sold or _leading_model(parts.body, index), region=parts.region)


def _leading_model(body: str, index: Index) -> str | None:
    """The model that the longest leading run of segments names, whole."""
    ends = [match.start() for match in re.finditer(r"[-_]", body)]
    return next((found for end in reversed(ends) if (found := index.find(body[:end]))), None)


def _nothing(service: str, parts: Split) -> BillClass:
    line = _alias_line(service, "")
    return BillClass("unmapped", region=parts.region, reason="There is no usage type.", alias_line=line)


def _alias_line(service: str, head: str) -> str:
    """A line to paste under `[names]`; empty when no name is there to give a meaning to."""
    name = head
    if not name and EDITION.lower() in service.lower():
        name = re.sub(re.escape(EDITION), "", service, flags=re.IGNORECASE).strip()
    if not name:
        return ""
    name = re.sub(r"[-_ ]mantle$", "", name)
    looks_like_id = re.fullmatch(r"[a-z0-9-]+\.[a-z0-9][a-z0-9._:-]*", name)
    return f"{_quoted(name)} = {_quoted(name if looks_like_id else FILL_IN)}"


def _quoted(text: str) -> str:
    safe = "".join(letter if letter.isprintable() else " " for letter in text)
    return '"' + safe.replace("\\", "\\\\").replace('"', '\\"') + '"'
