"""Every spelling of a bill line, against a table written by hand, and properties that hold for all strings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.evidence.bill_class import BUCKETS
from bedrock_guard.evidence.model_names import AliasError, Aliases, index_of, name_key, shipped_aliases
from bedrock_guard.evidence.spend import classify
from bedrock_guard.evidence.usage_types import REGIONS, split

FIELDS = ("bucket", "model", "token_kind", "route", "tier", "context", "unit_tokens")
EDITION = " (Amazon Bedrock Edition)"


def _table() -> list[tuple[str, str, tuple[object, ...]]]:
    rows = []
    for line in Path(__file__).with_name("spend_data").joinpath("lines.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            service, usage, *expected = (part.strip() for part in line.split("|"))
            values = [None if text == "-" else int(text) if text.isdigit() else text for text in expected]
            rows.append((service.replace(" edition", EDITION), usage, tuple(values)))
    return rows


TABLE = _table()
CACHE_LINES = [
    (service, usage) for service, usage, want in TABLE if want[2] and str(want[2]).startswith("cache_")
]


@pytest.mark.parametrize(("service", "usage", "expected"), TABLE, ids=[f"{row[0]}|{row[1]}" for row in TABLE])
def test_line(service, usage, expected):
    found = classify(service, usage)
    assert tuple(getattr(found, name) for name in FIELDS) == expected
    assert found.raw == (usage or service)


def test_only_a_line_that_is_not_understood_tells_its_operation():
    assert classify("Amazon Bedrock", "USE1-NovaLite-input-tokens", "InvokeModelInference").reason == ""
    unknown = classify("Amazon Bedrock", "USE1-Halcyon9-quanta-consumed", "InvokeModelInference")
    assert unknown.bucket == "unmapped"
    assert unknown.reason.endswith("Operation: InvokeModelInference.")


def test_the_table_covers_every_bucket_of_usage_and_every_kind():
    assert {row[2][0] for row in TABLE} == set(BUCKETS) - {"credit", "refund", "discount", "tax"}
    kinds = {
        "input",
        "output",
        "cache_read",
        "cache_write_5m",
        "cache_write_30m",
        "cache_write_1h",
        "cache_storage",
    }
    assert {row[2][2] for row in TABLE} >= kinds | {
        "image",
        "audio",
        "video",
        "embedding",
        "rerank",
        "search",
    }


@pytest.mark.parametrize("prefix", sorted(REGIONS))
def test_every_region_prefix(prefix):
    assert classify("Amazon Bedrock", f"{prefix}-NovaLite-input-tokens").region == REGIONS[prefix]
    sold = classify("Claude Opus 5" + EDITION, f"{prefix}-MP:{prefix}_input_tokens_standard-Units")
    assert (sold.region, sold.model) == (REGIONS[prefix], "anthropic.claude-opus-5")


def test_a_region_that_is_not_known_is_no_region_but_the_line_is_read():
    found = classify("Amazon Bedrock", "XYZ9-NovaLite-input-tokens")
    assert (found.region, found.model) == (None, "amazon.nova-lite-v1:0")


@pytest.mark.parametrize(
    ("record", "bucket"),
    [
        ("Usage", "model"),
        ("DiscountedUsage", "model"),
        ("SavingsPlanCoveredUsage", "model"),
        ("Savings Plan Covered Usage", "model"),
        ("Fee", "model"),
        ("Other out-of-cycle charges", "model"),
        ("", "model"),
        ("Tax", "tax"),
        ("Credit", "credit"),
        ("Refund", "refund"),
        ("EdpDiscount", "discount"),
        ("Enterprise Discount Program Discount", "discount"),
        ("Private Rate Card Discount", "discount"),
        ("PrivateRateDiscount", "discount"),
        ("BundledDiscount", "discount"),
        ("Distributor Discount", "discount"),
        ("SavingsPlanNegation", "discount"),
        ("SavingsPlanRecurringFee", "commitment"),
        ("SavingsPlanUpfrontFee", "commitment"),
        ("RIFee", "commitment"),
        ("Support fee", "non_model"),
        ("QuantumRebate", "unmapped"),
    ],
)
def test_charge_types(record, bucket):
    assert classify("Amazon Bedrock", "USE1-NovaLite-input-tokens", "", record).bucket == bucket


def test_a_credit_keeps_the_model_it_was_given_for_and_tax_has_none():
    credit = classify("Amazon Bedrock", "USE1-NovaLite-input-tokens", record_type="Credit")
    tax = classify("Amazon Bedrock", "USE1-NovaLite-input-tokens", record_type="Tax")
    assert (credit.model, tax.model) == ("amazon.nova-lite-v1:0", None)


def test_service_and_usage_type_that_disagree_are_not_believed():
    found = classify("Claude Opus 5" + EDITION, "USE1-anthropic.claude-opus-5-5-mantle-input-tokens-standard")
    assert (found.bucket, found.model) == ("unmapped", None)
    assert "different models" in found.reason


def test_an_unmapped_line_can_be_taught_by_pasting_its_line():
    service, usage = "Claude Opus 9.1" + EDITION, "USE1-MP:USE1_output_tokens_global_standard-Units"
    lost = classify(service, usage, "InvokeModelInference")
    assert lost.bucket == "unmapped"
    assert "InvokeModelInference" in lost.reason
    taught = Aliases.loads(
        "[names]\n" + lost.alias_line.replace("provider.model-id", "anthropic.claude-opus-9-1")
    )
    assert classify(service, usage, aliases=taught).model == "anthropic.claude-opus-9-1"


def test_an_embedded_id_that_nobody_knows_is_taught_as_it_stands():
    usage = "USE1-newvendor.big-1-mantle-input-tokens-standard"
    lost = classify("Amazon Bedrock", usage)
    taught = Aliases.loads("[names]\n" + lost.alias_line)
    assert classify("Amazon Bedrock", usage, aliases=taught).model == "newvendor.big-1"


def test_words_that_nobody_knows_are_taught_by_known_words():
    service, usage = "Claude Opus 5" + EDITION, "USE1-MP:USE1_InputTokenCount_Slowmo-Units"
    lost = classify(service, usage)
    said = lost.alias_line.replace("words of a usage type that is known", "InputTokenCount_Batch")
    found = classify(service, usage, aliases=Aliases.loads("[names]\n" + said))
    assert (found.bucket, found.token_kind, found.tier) == ("model", "input", "batch")


@pytest.mark.parametrize(
    "text",
    [
        "[names",
        "names = 3",
        '[names]\n"A" = 3',
        '[names]\n"A" = "provider.model-id"',
        '[names]\n"A" = "no such words"',
    ],
)
def test_an_alias_file_that_says_nothing_usable_is_refused(text):
    with pytest.raises(AliasError):
        Aliases.loads(text)


def test_aliases_of_ones_own_are_believed_first():
    mine = Aliases({"Nova Lite": "amazon.nova-pro-v1:0"})
    assert (
        classify("Amazon Bedrock", "USE1-NovaLite-input-tokens", aliases=mine).model == "amazon.nova-pro-v1:0"
    )


def test_no_two_names_of_the_alias_file_share_a_key_and_mean_different_models():
    meant: dict[str, set[str]] = {}
    for name, model in shipped_aliases().names.items():
        meant.setdefault(name_key(name), set()).add(model)
    assert {key: models for key, models in meant.items() if len(models) > 1} == {}


def test_every_id_of_the_catalogue_is_found_by_itself_and_by_its_mantle_id():
    index = index_of()
    for model in shipped().models:
        assert index.by_id(model.model_id) == model.model_id
        assert model.mantle_id is None or index.by_id(model.mantle_id) == model.model_id


def test_names_are_never_contained_in_one_another():
    """Every known model, its version moved on by one: the answer is that next model if it is listed, else none."""
    index, known = (
        index_of(),
        {model.model_id for model in shipped().models} | set(shipped_aliases().names.values()),
    )
    for model_id in known:
        for longer in (f"{model_id}-9", f"{model_id.split(':')[0]}-77", f"{model_id}.5"):
            assert index.by_id(longer) in (None, longer)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=20), st.text(max_size=30))
def test_no_string_crashes_it_and_none_is_given_a_model_without_a_name(service, usage, operation, record):
    found = classify(service, usage, operation, record)
    assert found.bucket in BUCKETS
    assert hash(found) == hash(classify(service, usage, operation, record))
    if found.bucket == "unmapped":
        assert found.model is None
        assert found.reason


WORDS = st.sampled_from(
    [
        "input",
        "output",
        "tokens",
        "token",
        "count",
        "cache",
        "read",
        "write",
        "1h",
        "5m",
        "30m",
        "global",
        "geo",
        "cross",
        "region",
        "batch",
        "flex",
        "priority",
        "standard",
        "mantle",
        "reserved",
        "1",
        "month",
        "custom",
        "model",
        "Customization",
        "Training",
        "ProvisionedThroughput",
        "ModelUnits",
        "T2I",
        "1024",
        "image",
        "x",
        "Foo",
        "InputTokenCount",
        "CacheReadInputTokenCount",
        "CacheWrite1hInputTokenCount",
        "Claude4.6Sonnet",
        "NovaLite",
        "long",
        "ctx",
        "context",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=9), st.sampled_from("-_"), st.booleans())
def test_a_line_with_cache_in_it_is_never_plain_input_or_output(parts, joint, sold):
    body = joint.join(parts)
    usage = f"USE1-MP:USE1_{body}-Units" if sold else f"USE1-{body}"
    found = classify("Claude Opus 5" + EDITION if sold else "Amazon Bedrock", usage)
    if "cache" in body.lower():
        assert found.token_kind not in ("input", "output", "embedding")


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(CACHE_LINES), st.one_of(WORDS, st.text(max_size=12)), st.sampled_from("-_"))
def test_a_suffix_never_turns_cache_into_input(line, suffix, joint):
    service, usage = line
    assert classify(service, f"{usage}{joint}{suffix}").token_kind not in ("input", "output", "embedding")
    body = usage.removesuffix("-Units")
    assert classify(service, f"{body}{joint}{suffix}-Units").token_kind not in (
        "input",
        "output",
        "embedding",
    )


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(TABLE), st.text(min_size=1, max_size=10))
def test_a_letter_more_never_names_another_model(row, extra):
    service, usage, expected = row
    found = classify(service, usage + extra)
    assert found.model in (None, expected[1])


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_an_alias_line_is_always_toml(name):
    line = classify(name + EDITION, "USE1-MP:USE1_input_tokens_standard-Units").alias_line
    if line:
        assert Aliases.loads("[names]\n" + line.replace("provider.model-id", "a.b")).names


def test_split_takes_marketplace_lines_apart():
    assert split("EU-MP:EU_InputTokenCount-Units").body == "InputTokenCount"
    assert split("USE2_OutputTokenCount_Global-Units").marketplace
    assert not split("USE1-NovaLite-input-tokens").marketplace


def test_a_class_is_a_value():
    found = classify("Amazon Bedrock", "USE1-NovaLite-input-tokens")
    with pytest.raises(AttributeError):
        found.model = "x"
    assert json.dumps([getattr(found, name) for name in FIELDS])
