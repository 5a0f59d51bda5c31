"""The grammar of Bedrock usage types: what a string says beside the name of its model.

Four spellings of token lines are live at once, plus capacity, customization, media and features:

- `USE1-Claude4.6Sonnet-cache-read-input-token-count-cross-region-global`: name first, then words with dashes, per 1K;
- `USW2-anthropic.claude-opus-4-8-mantle-input-tokens-global-standard`: the model id, "mantle", then words, per 1K;
- `USE1-MP:USE1_CacheWrite1hInputTokenCount_Global-Units`: AWS Marketplace, words in camel case, per 1M;
- `USW2-MP:USW2_cache_write_tokens_1h_global_standard-Units`: AWS Marketplace, words with underscores, per 1M.

A string is read word by word and must be used up: one word that is not in the vocabulary, and nothing is claimed.
Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-understanding-cur-data.html, the AWS Price List
(service codes AmazonBedrock, AmazonBedrockService, AmazonBedrockFoundationModels, AmazonBedrockAgentCore) and the
classification rules of AWS's CUDOS dashboard
(https://github.com/aws-solutions-library-samples/cloud-intelligence-dashboards-framework).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bedrock_guard.boundary.billing import REGIONS

Facts = dict[str, str]
"""What words said: slot -> value. Slots: direction, cache, ttl, modality, measure, route, tier, context, custom,
capacity, work, endpoint."""


VOCABULARY: Final[Mapping[tuple[str, ...], tuple[str, str]]] = {
    ("input",): ("direction", "input"),
    ("prompt",): ("direction", "input"),
    ("output",): ("direction", "output"),
    ("response",): ("direction", "output"),
    ("completion",): ("direction", "output"),
    ("created",): ("direction", "output"),
    ("cache", "read"): ("cache", "read"),
    ("cache", "reads"): ("cache", "read"),
    ("cache", "write"): ("cache", "write"),
    ("cache", "writes"): ("cache", "write"),
    ("cacheread",): ("cache", "read"),
    ("cachewrite",): ("cache", "write"),
    ("cached",): ("cache", "read"),
    ("cache", "storage"): ("cache", "storage"),
    ("text",): ("text", "text"),
    ("speech",): ("modality", "audio"),
    ("speech", "understanding"): ("modality", "audio"),
    ("audio",): ("modality", "audio"),
    ("image",): ("modality", "image"),
    ("images",): ("modality", "image"),
    ("document", "image"): ("modality", "image"),
    ("document", "images"): ("modality", "image"),
    ("t2i",): ("modality", "image"),
    ("i2i",): ("modality", "image"),
    ("video",): ("modality", "video"),
    ("videos",): ("modality", "video"),
    ("t2v",): ("modality", "video"),
    ("i2v",): ("modality", "video"),
    ("v2v",): ("modality", "video"),
    ("lowfps",): ("modality", "video"),
    ("medfps",): ("modality", "video"),
    ("highfps",): ("modality", "video"),
    ("embedding",): ("modality", "embedding"),
    ("embeddings",): ("modality", "embedding"),
    ("search", "unit"): ("modality", "rerank"),
    ("search", "units"): ("modality", "rerank"),
    ("searchunit",): ("modality", "rerank"),
    ("searchunits",): ("modality", "rerank"),
    ("nova", "grounding"): ("modality", "search"),
    ("grounding",): ("modality", "search"),
    ("web", "search"): ("modality", "search"),
    ("token",): ("measure", "tokens"),
    ("tokens",): ("measure", "tokens"),
    ("token", "count"): ("measure", "tokens"),
    ("token", "per", "minute"): ("measure", "rate"),
    ("tokens", "per", "minute"): ("measure", "rate"),
    ("tpm",): ("measure", "rate"),
    ("tokens", "1", "k"): ("measure", "tokens"),
    ("count",): ("measure", "pieces"),
    ("second",): ("measure", "pieces"),
    ("seconds",): ("measure", "pieces"),
    ("minutes",): ("measure", "pieces"),
    ("minute",): ("measure", "pieces"),
    ("request",): ("measure", "pieces"),
    ("requests",): ("measure", "pieces"),
    ("million",): ("scale", "million"),
    ("global",): ("route", "global"),
    ("cross", "region", "global"): ("route", "global"),
    ("geo",): ("route", "geo"),
    ("cross", "region", "geo"): ("route", "geo"),
    ("cross", "region"): ("route", "geo"),
    ("regional",): ("route", "regional"),
    ("standard",): ("tier", "standard"),
    ("batch",): ("tier", "batch"),
    ("flex",): ("tier", "flex"),
    ("priority",): ("tier", "priority"),
    ("fast",): ("tier", "fast"),
    ("latency", "optimized"): ("tier", "latency_optimized"),
    ("latency", "optimised"): ("tier", "latency_optimized"),
    ("latencyoptimized",): ("tier", "latency_optimized"),
    ("long", "context"): ("context", "long"),
    ("long", "ctx"): ("context", "long"),
    ("longctx",): ("context", "long"),
    ("lctx",): ("context", "long"),
    ("l", "ctx"): ("context", "long"),
    ("mantle",): ("endpoint", "mantle"),
    ("custom", "model"): ("custom", "model"),
    ("custom",): ("custom", "model"),
    ("reserved",): ("capacity", "reserved"),
    ("provisioned", "throughput"): ("capacity", "provisioned"),
    ("provisionedthroughput",): ("capacity", "provisioned"),
    ("customization",): ("customization", "customization"),
    ("model", "customization"): ("customization", "customization"),
    ("customization", "training"): ("customization", "customization"),
    ("customization", "storage"): ("work", "storage"),
    ("rft", "training"): ("customization", "customization"),
    ("model", "storage"): ("work", "storage"),
    ("custom", "model", "storage"): ("work", "storage"),
}
"""Phrase -> the slot it fills and the value. The longest phrase at a place is read."""

_CAPACITY_NOISE: Final = frozenset(
    {
        "no",
        "commit",
        "commitment",
        "commits",
        "month",
        "months",
        "model",
        "unit",
        "units",
        "usage",
        "hour",
        "hours",
    }
    | {"custom", "per", "inference", "on", "demand", "mu", "1", "3", "6", "12"}
)
_MEDIA_NOISE: Final = frozenset(
    {
        "512",
        "1024",
        "2048",
        "4096",
        "premium",
        "hd",
        "sd",
        "fhd",
        "res",
        "540",
        "720",
        "1080",
        "p",
        "s",
        "5",
        "6",
        "9",
    }
    | {"medium", "short", "units"}
)
_LONGEST: Final = max(map(len, VOCABULARY))
_TTL: Final = re.compile(r"(?P<number>\d+)(?P<unit>m|h|min|hour|minute|minutes)")
_TTLS: Final[Mapping[str, str]] = {"5m": "5m", "30m": "30m", "60m": "1h", "1h": "1h"}

_PREFIX: Final = re.compile(r"(?P<code>[A-Z]{2,3}[A-Z]?\d{0,2})(?=[-_])")
_MARKETPLACE: Final = re.compile(r"(?:MP:)?(?P<code>[A-Z]{2,4}\d{0,2})_(?P<body>.+)", re.DOTALL)
_WORDS: Final = re.compile(r"[TIV]2[IV](?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^A-Za-z\d]+")
_SEPARATED: Final = re.compile(r"[^-_\s]+")


@dataclass(frozen=True, slots=True)
class Split:
    """A usage type taken apart: its Region, whether it is a Marketplace line, and the rest."""

    region: str | None
    marketplace: bool
    body: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a body: the text before the words (a model's name, or nothing) and what the words say."""

    head: str
    facts: Facts


def split(usage_type: str) -> Split:
    """Cut off the region prefix, `MP:` and `-Units`.

    Example:
        >>> split("APS7-MP:APS7_Reserved_1Month_InputTPM_Geo-Units").body
        'Reserved_1Month_InputTPM_Geo'
    """
    text = usage_type.strip()
    found = _PREFIX.match(text)
    code = found["code"] if found and (found["code"] in REGIONS or found["code"][-1].isdigit()) else None
    rest = text[len(code) + 1 :] if code and text[len(code)] == "-" else text
    sold = _MARKETPLACE.fullmatch(rest)
    marketplace = bool(sold and (rest.startswith("MP:") or sold["code"] in REGIONS))
    if sold and marketplace:
        code, rest = code or sold["code"], sold["body"]
    body = re.sub(r"-Units$", "", rest) if marketplace else rest
    return Split(REGIONS.get(code or ""), marketplace, body)


def words(text: str) -> list[str]:
    """Lower-case words of one segment: camel case and digits come apart.

    Example:
        >>> words("CacheWrite1hInputTokenCount")
        ['cache', 'write', '1', 'h', 'input', 'token', 'count']
    """
    return [found.lower() for found in _WORDS.findall(text)]


def understand(parts: Sequence[str]) -> Facts | None:
    """What a sequence of words says, or None when a word is unknown or two contradict each other."""
    facts: Facts = {}
    for phrase, slot, value in _phrases(parts):
        if not slot:
            facts["noise"] = f"{facts.get('noise', '')} {phrase}"
            continue
        if slot == "?" or facts.get(slot, value) != value:
            return None
        facts[slot] = value
    return facts if _plausible(facts) else None


def _phrases(parts: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    place = 0
    while place < len(parts):
        size, slot, value = _at(parts, place)
        yield " ".join(parts[place : place + size]), slot, value
        place += size


def _at(parts: Sequence[str], place: int) -> tuple[int, str, str]:
    for size in range(min(_LONGEST, len(parts) - place), 0, -1):
        found = VOCABULARY.get(tuple(parts[place : place + size]))
        if found:
            return size, *found
    time = _TTL.fullmatch("".join(parts[place : place + 2]))
    if time and f"{time['number']}{time['unit'][0]}" in _TTLS:
        return 2, "ttl", _TTLS[f"{time['number']}{time['unit'][0]}"]
    if parts[place] in _CAPACITY_NOISE or parts[place] in _MEDIA_NOISE:
        return 1, "", ""
    return 1, "?", ""


def _plausible(facts: Facts) -> bool:
    noise = set(facts.get("noise", "").split())
    capacity = "capacity" in facts or "work" in facts or "customization" in facts
    media = facts.get("modality") in ("image", "video", "audio")
    if noise - (_CAPACITY_NOISE if capacity else frozenset()) - (_MEDIA_NOISE if media else frozenset()):
        return False
    if "ttl" in facts and facts.get("cache") != "write":
        return False
    return any(
        slot in facts for slot in ("direction", "cache", "modality", "capacity", "customization", "work")
    )


def readings(body: str, *, marketplace: bool) -> Iterator[Reading]:
    """Every way to read a body, the longest run of words first.

    A Marketplace body is read whole: its model stands in SERVICE.
    """
    segments = [(found.start(), found.group()) for found in _SEPARATED.finditer(body)]
    for place, (start, _) in enumerate(segments):
        facts = understand([word for _, text in segments[place:] for word in words(text)])
        head = body[:start].rstrip("-_ ")
        if facts is not None and not any(word.startswith("cache") for word in words(head)):
            yield Reading(head, facts)
        if marketplace:
            return
