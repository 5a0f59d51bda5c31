"""The shipped catalogue: exact where the model card was read, honest where not, and every form of a modelId."""

from __future__ import annotations

import json

import pytest

from bedrock_guard.boundary.catalogue import (
    GLOBAL_DESTINATION,
    Catalogue,
    CatalogueError,
    from_json,
    plain,
    shipped,
)

HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
US = ("us-east-1", "us-east-2", "us-west-2")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return shipped()


def test_the_worked_example_is_exact(catalogue: Catalogue) -> None:
    haiku = catalogue.get(HAIKU)
    assert haiku is not None
    assert haiku.in_region == ()
    assert sorted(p.scope for p in haiku.profiles) == ["au", "eu", "global", "jp", "us"]
    us = haiku.profile("us")
    assert us is not None
    assert us.profile_id == f"us.{HAIKU}"
    assert dict(us.destinations) == {
        "us-east-1": US,
        "us-east-2": US,
        "us-west-2": US,
        "us-west-1": ("us-east-1", "us-east-2", "us-west-1", "us-west-2"),
        "ca-central-1": ("ca-central-1", *US),
    }
    assert haiku.mantle_id == "anthropic.claude-haiku-4-5"
    assert haiku.evidence.startswith("documented")


@pytest.mark.parametrize(
    ("raw", "model", "route", "profile", "listed"),
    [
        (HAIKU, HAIKU, "in_region", None, True),
        (f"us.{HAIKU}", HAIKU, "geo", f"us.{HAIKU}", True),
        (f"global.{HAIKU}", HAIKU, "global", f"global.{HAIKU}", True),
        (
            f"arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.{HAIKU}",
            HAIKU,
            "geo",
            f"us.{HAIKU}",
            True,
        ),
        (f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}", HAIKU, "in_region", None, True),
        (f"arn:aws:bedrock:::foundation-model/{HAIKU}", HAIKU, "in_region", None, True),
        ("anthropic.claude-haiku-4-5", HAIKU, "in_region", None, True),
        (f"apac.{HAIKU}", HAIKU, "geo", f"apac.{HAIKU}", False),
        ("amazon.nova-lite-v1:0:300k", "amazon.nova-lite-v1:0", "in_region", None, True),
    ],
)
def test_every_form_of_a_model_id(
    catalogue: Catalogue, raw: str, model: str, route: str, profile: str | None, listed: bool
) -> None:
    found = catalogue.resolve(raw)
    assert found is not None
    assert (found.model_id, found.route, found.profile_id, found.listed) == (model, route, profile, listed)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "anthropic.claude-haiku-9",
        "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc",
        "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abc",
        "arn:aws:bedrock:us-east-1:111122223333:prompt-router/abc",
        f"xx.{HAIKU}",
        f" {HAIKU}",
        HAIKU.upper(),
        f"{HAIKU}\n",
    ],
)
def test_what_is_no_listed_model_resolves_to_none(catalogue: Catalogue, raw: str) -> None:
    assert catalogue.resolve(raw) is None


@pytest.mark.parametrize(
    ("display", "model"),
    [
        ("Claude Haiku 4.5 (Amazon Bedrock Edition)", HAIKU),
        ("Claude 4.5 Haiku", HAIKU),
        ("Claude4.5Haiku", HAIKU),
        ("Claude4.6Sonnet", "anthropic.claude-sonnet-4-6"),
        ("Claude Sonnet 4.6", "anthropic.claude-sonnet-4-6"),
        ("Claude4Sonnet", "anthropic.claude-sonnet-4-20250514-v1:0"),
        ("Claude3-5Haiku", "anthropic.claude-3-5-haiku-20241022-v1:0"),
        ("NovaLite", "amazon.nova-lite-v1:0"),
        ("Nova2.0Lite", "amazon.nova-2-lite-v1:0"),
        ("GPT-OSS-120B", "openai.gpt-oss-120b-1:0"),
        ("Llama4-Maverick-17B", "meta.llama4-maverick-17b-instruct-v1:0"),
        ("Cohere Embed 4 Model (Amazon Bedrock Edition)", "cohere.embed-v4:0"),
    ],
)
def test_display_names_of_bills(catalogue: Catalogue, display: str, model: str) -> None:
    found = catalogue.by_name(display)
    assert found is not None
    assert found.model_id == model


def test_a_later_version_is_not_an_earlier_one(catalogue: Catalogue) -> None:
    names = {
        catalogue.by_name(text).model_id
        for text in ("Claude 4 Sonnet", "Claude 4.5 Sonnet", "Claude 4.6 Sonnet")
    }
    assert len(names) == 3
    assert catalogue.by_name("Claude 4.7 Sonnet") is None


def test_the_file_is_whole(catalogue: Catalogue) -> None:
    ids = [model.model_id for model in catalogue.models]
    assert len(set(ids)) == len(ids) >= 35
    owners: dict[str, str] = {}
    for model in catalogue.models:
        assert model.lifecycle in ("ACTIVE", "LEGACY")
        assert model.evidence.split(":")[0].split(" ")[0] in ("documented", "partly", "assumed")
        assert model.in_region or model.profiles
        for alias in {plain(text) for text in (*model.aliases, model.name)}:
            assert owners.setdefault(alias, model.model_id) == model.model_id, alias
        for profile in model.profiles:
            for source, destinations in profile.destinations.items():
                assert destinations
                assert (destinations == GLOBAL_DESTINATION) == (profile.scope == "global")
                if profile.scope != "global":
                    assert source in destinations, (profile.profile_id, source)


def test_what_was_read_and_what_not_is_counted(catalogue: Catalogue) -> None:
    """Evidence only grows: an entry that was read must not fall back to an assumption."""
    kinds = [model.evidence.split(":")[0].split(" ")[0] for model in catalogue.models]
    assert (kinds.count("documented"), kinds.count("partly"), kinds.count("assumed")) == (28, 25, 7)
    for model in catalogue.models:
        if model.profiles and model.evidence.startswith("documented"):
            # the regional availability page does not tell destinations
            assert "model card, regions and destinations read in full" in model.evidence, model.model_id
    micro = catalogue.get("amazon.nova-micro-v1:0")
    assert micro
    assert "us-west-1" not in micro.profile("us").destinations  # type: ignore[union-attr]
    for name, sources in (("opus-4-8", 2), ("opus-4-6-v1", 3)):
        australia = catalogue.profile(f"au.anthropic.claude-{name}")
        assert australia
        assert len(australia.destinations) == sources
    assert catalogue.profile("jp.anthropic.claude-sonnet-5") is None
    assert catalogue.profile("eu.anthropic.claude-fable-5") is None
    gov = catalogue.profile("us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0")
    assert gov
    assert set(gov.destinations) == {"us-gov-east-1", "us-gov-west-1"}


def test_near_names(catalogue: Catalogue) -> None:
    assert HAIKU in catalogue.near("anthropic.claude-haiku-4-5-20251001")


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"as_of": "2026-13-01"}', "{" * 50])
def test_a_broken_file_is_refused(text: str) -> None:
    with pytest.raises(CatalogueError):
        from_json(text)


def test_a_catalogue_of_ones_own(catalogue: Catalogue) -> None:
    entry = {
        "model_id": "own.model-1", "provider": "Own", "name": "Model 1", "input": ["TEXT"], "output": ["TEXT"],
        "in_region": ["us-east-1"], "profiles": {}, "lifecycle": "ACTIVE", "mantle_id": None, "aliases": [],
        "evidence": "documented",
    }  # fmt: skip
    text = json.dumps({"as_of": "2026-11-20", "source": "account", "destinations": {}, "models": [entry]})
    own = from_json(text)
    assert own.resolve("own.model-1") is not None
    assert catalogue.resolve("own.model-1") is None
