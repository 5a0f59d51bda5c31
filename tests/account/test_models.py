"""The account's own catalogue: as AWS lists it, whole or refused, and good to check and build a spec by."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedrock_guard.account.models import ModelsError, read_catalogue
from bedrock_guard.account.session import Account
from bedrock_guard.boundary.builder import build
from bedrock_guard.boundary.catalogue import GLOBAL_DESTINATION, shipped
from bedrock_guard.boundary.spec import BoundarySpec, SpecError

HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
REGIONS = ["us-east-1", "us-west-2", "eu-central-1"]


@pytest.fixture(scope="module")
def demo() -> Account:
    return Account.demo(calls=50, days=3)


def test_it_is_what_the_account_offers(demo: Account) -> None:
    """The demo answers from the shipped catalogue: read back, every route of these Regions must be there again."""
    read = read_catalogue(demo, REGIONS)
    for model in shipped().models:
        offered = [
            r for r in REGIONS if r in model.in_region or any(r in p.destinations for p in model.profiles)
        ]
        found = read.get(model.model_id)
        assert (found is not None) == bool(offered), model.model_id
        if found is None:
            continue
        assert found.in_region == tuple(r for r in REGIONS if r in model.in_region)
        assert (found.mantle_id, found.aliases, found.name) == (model.mantle_id, model.aliases, model.name)
        assert found.modalities == model.modalities
        for profile in model.profiles:
            expected = {r: profile.destinations[r] for r in REGIONS if r in profile.destinations}
            known = found.profile(profile.scope)
            assert (dict(known.destinations) if known else {}) == expected, profile.profile_id
    assert read.as_of == demo.now.date()
    assert read.profile(f"global.{HAIKU}").destinations["us-east-1"] == GLOBAL_DESTINATION  # type: ignore[union-attr]


def test_a_spec_is_checked_and_built_by_it(demo: Account) -> None:
    text = BoundarySpec.from_draft().dumps()
    read = read_catalogue(demo, ["us-east-1"])
    spec = BoundarySpec.loads(text, read)
    assert build(spec, read).texts == build(BoundarySpec.loads(text)).texts
    with pytest.raises(SpecError, match="not offered"):
        BoundarySpec.loads(text, read_catalogue(demo, ["eu-central-1"]))


class Stub:
    """An account whose lists are given."""

    now = datetime(2026, 11, 20, tzinfo=UTC)
    account_id = "111122223333"

    def __init__(self, models: Any, *pages: Any) -> None:
        self.models, self.pages = models, list(pages)

    def client(self, _service: str, _region: str | None = None) -> Any:
        return self

    def list_foundation_models(self) -> Any:
        if isinstance(self.models, Exception):
            raise self.models
        return {"modelSummaries": self.models} if isinstance(self.models, list) else self.models

    def list_inference_profiles(self, **request: Any) -> Any:
        return self.pages[min(int(request.get("nextToken", 0)), len(self.pages) - 1)]


def model(name: str, *how: str) -> dict[str, Any]:
    return {
        "modelId": name,
        "inferenceTypesSupported": list(how),
        "inputModalities": ["TEXT"],
        "modelName": "M",
    }


def profile(name: str, *places: str, status: str = "ACTIVE") -> dict[str, Any]:
    arns = [
        {"modelArn": f"arn:aws:bedrock:{place}::foundation-model/{name.partition('.')[2]}"}
        for place in places
    ]
    return {"inferenceProfileId": name, "models": arns, "status": status}


def test_pages_are_read_to_their_end_and_capacity_variants_left_out() -> None:
    account = Stub(
        [
            model("own.a", "INFERENCE_PROFILE"),
            model("own.b", "ON_DEMAND"),
            model("own.b:0:24k", "PROVISIONED"),
        ],
        {"inferenceProfileSummaries": [profile("us.own.a", "us-east-1", "us-west-2")], "nextToken": "1"},
        {
            "inferenceProfileSummaries": [
                profile("global.own.a", "us-east-1", ""),
                profile("eu.own.a", status="NEW"),
            ]
        },
    )
    read = read_catalogue(account, ["us-east-1"])  # type: ignore[arg-type]
    assert [m.model_id for m in read.models] == ["own.a", "own.b"]
    own = read.get("own.a")
    assert own
    assert own.in_region == ()
    assert {p.scope: dict(p.destinations) for p in own.profiles} == {
        "us": {"us-east-1": ("us-east-1", "us-west-2")},
        "global": {"us-east-1": GLOBAL_DESTINATION},
    }


DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "ListFoundationModels")


@pytest.mark.parametrize(
    ("models", "page", "says"),
    [
        (DENIED, {}, "AccessDeniedException"),
        ({}, {}, "not AWS"),
        ([], {}, "not AWS"),
        ([], {"inferenceProfileSummaries": [], "nextToken": "0"}, "repeated a page marker"),
    ],
    ids=["denied", "no-models-key", "no-profiles-key", "endless"],
)
def test_what_cannot_be_read_whole_is_refused(models: Any, page: Any, says: str) -> None:
    with pytest.raises(ModelsError, match=says) as caught:
        read_catalogue(Stub(models, page), ["us-east-1"])  # type: ignore[arg-type]
    assert "us-east-1" in caught.value.what
