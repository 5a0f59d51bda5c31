"""Bedrock's control plane of the demo account, read only through boto3."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedrock_guard.account.session import Account
from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.demo.company import make_company

CALLS = 1_500
OPUS = "anthropic.claude-opus-4-8"
NOVA = "amazon.nova-pro-v1:0"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Account:
    return Account.demo(state=tmp_path_factory.mktemp("bedrock") / "state.sqlite", calls=CALLS)


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return make_company(calls=CALLS).truth


def member(account: Account, number: str, region: str = "us-east-1") -> Any:
    who = f"arn:aws:iam::{number}:role/security-audit"
    return Account.on_demo(account.demo_backend, principal=who).client("bedrock", region)


def code_of(call: Any, **asked: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**asked)
    return str(caught.value.response["Error"]["Code"])


@pytest.mark.parametrize("region", ["us-east-1", "us-west-2", "eu-west-1", "ap-south-1"])
def test_models_and_profiles_are_those_of_the_catalogue(account, region):
    bedrock = account.client("bedrock", region)
    profiles = bedrock.get_paginator("list_inference_profiles").paginate(PaginationConfig={"PageSize": 7})
    found = {p["inferenceProfileId"]: p for page in profiles for p in page["inferenceProfileSummaries"]}
    expected = {
        p.profile_id: (m, p) for m in shipped().models for p in m.profiles if region in p.destinations
    }
    assert set(found) == set(expected)
    for profile_id, (model, profile) in expected.items():
        arns = [row["modelArn"] for row in found[profile_id]["models"]]
        places = [region, ""] if profile.scope == "global" else list(profile.destinations[region])
        assert arns == [f"arn:aws:bedrock:{place}::foundation-model/{model.model_id}" for place in places]
    models = {m["modelId"]: m for m in bedrock.list_foundation_models()["modelSummaries"]}
    in_region = {m.model_id for m in shipped().models if region in m.in_region}
    assert in_region == {name for name, m in models.items() if "ON_DEMAND" in m["inferenceTypesSupported"]}
    assert {m.model_id for m, _ in expected.values()} | in_region == set(models)


def test_models_are_filtered_and_read_one_by_one(account):
    bedrock = account.client("bedrock")
    on_demand = bedrock.list_foundation_models(byInferenceType="ON_DEMAND")["modelSummaries"]
    assert OPUS not in {m["modelId"] for m in on_demand}
    assert NOVA in {m["modelId"] for m in on_demand}
    makers = bedrock.list_foundation_models(byProvider="anthropic")["modelSummaries"]
    assert {m["providerName"] for m in makers} == {"Anthropic"}
    vectors = bedrock.list_foundation_models(byOutputModality="EMBEDDING")["modelSummaries"]
    assert all("embed" in m["modelId"] for m in vectors)
    assert (
        bedrock.get_foundation_model(modelIdentifier=OPUS)["modelDetails"]["modelName"] == "Claude Opus 4.8"
    )
    assert code_of(bedrock.get_foundation_model, modelIdentifier="anthropic.claude-none-1") == (
        "ResourceNotFoundException"
    )


def test_an_application_profile_is_listed_only_when_asked_for(account, truth):
    own = truth["application_profile"]
    bedrock = member(account, own["account"])
    assert not [
        p
        for p in bedrock.list_inference_profiles()["inferenceProfileSummaries"]
        if p["type"] != "SYSTEM_DEFINED"
    ]
    listed = bedrock.list_inference_profiles(typeEquals="APPLICATION")["inferenceProfileSummaries"]
    assert [p["inferenceProfileId"] for p in listed] == [own["id"]]
    read = bedrock.get_inference_profile(inferenceProfileIdentifier=listed[0]["inferenceProfileArn"])
    assert all(row["modelArn"].endswith(own["model"]) for row in read["models"])
    here = account.client("bedrock")
    assert (
        code_of(here.get_inference_profile, inferenceProfileIdentifier=own["id"])
        == "ResourceNotFoundException"
    )


def test_the_commitment_has_its_end(account, truth):
    bedrock = account.client("bedrock", "us-west-2")
    (unit,) = bedrock.list_provisioned_model_throughputs()["provisionedModelSummaries"]
    assert unit["commitmentExpirationTime"] == truth["commitment"]["ends"]
    assert unit["creationTime"] == truth["commitment"]["since"]
    for name in (unit["provisionedModelName"], unit["provisionedModelArn"], truth["commitment"]["id"]):
        assert (
            bedrock.get_provisioned_model_throughput(provisionedModelId=name)["commitmentDuration"]
            == "SixMonths"
        )
    assert not bedrock.list_provisioned_model_throughputs(nameContains="other")["provisionedModelSummaries"]
    assert not account.client("bedrock").list_provisioned_model_throughputs()["provisionedModelSummaries"]


def test_the_guardrail_and_its_versions(account):
    bedrock = account.client("bedrock", "eu-west-1")
    (draft,) = bedrock.list_guardrails()["guardrails"]
    assert draft["version"] == "DRAFT"
    versions = bedrock.list_guardrails(guardrailIdentifier=draft["id"])["guardrails"]
    assert [row["version"] for row in versions] == ["DRAFT", "1", "2"]
    read = bedrock.get_guardrail(guardrailIdentifier=draft["arn"], guardrailVersion="2")
    assert read["version"] == "2"
    assert {f["type"] for f in read["contentPolicy"]["filters"]} > {"VIOLENCE", "PROMPT_ATTACK"}
    assert code_of(bedrock.get_guardrail, guardrailIdentifier=draft["id"], guardrailVersion="9") == (
        "ResourceNotFoundException"
    )
    assert account.client("bedrock").list_guardrails()["guardrails"] == []


def test_jobs_and_custom_models(account):
    research = member(account, "000000000011", "us-west-2")
    (job,) = research.list_model_customization_jobs(statusEquals="Completed")[
        "modelCustomizationJobSummaries"
    ]
    (model,) = research.list_custom_models()["modelSummaries"]
    assert job["customModelArn"] == model["modelArn"]
    batch = member(account, "000000000011")
    newest = batch.list_model_invocation_jobs()["invocationJobSummaries"]
    assert [j["submitTime"] for j in newest] == sorted((j["submitTime"] for j in newest), reverse=True)
    assert len(newest) == 26
    later = batch.list_model_invocation_jobs(submitTimeAfter=newest[3]["submitTime"])[
        "invocationJobSummaries"
    ]
    assert later == newest[:3]
    short = batch.list_model_invocation_jobs(maxResults=10)
    assert len(short["invocationJobSummaries"]) == 10
    assert short["nextToken"]
    for name in ("list_imported_models", "list_custom_model_deployments", "list_marketplace_model_endpoints"):
        assert list(getattr(batch, name)().values())[-1] == []


def test_logging_is_on_in_some_regions_only(account):
    on = account.client("bedrock").get_model_invocation_logging_configuration()
    assert on["loggingConfig"]["textDataDeliveryEnabled"] is True
    assert (
        "loggingConfig"
        not in account.client("bedrock", "eu-west-1").get_model_invocation_logging_configuration()
    )


def test_the_keys_of_the_truth_are_read_through_iam(account, truth):
    rows = account.client("iam").list_service_specific_credentials(AllUsers=True)[
        "ServiceSpecificCredentials"
    ]
    found = {
        row["ServiceSpecificCredentialId"]: row["Status"].lower()
        for row in rows
        if row["ServiceName"] == "bedrock.amazonaws.com"
    }
    assert found == {key["id"]: key["status"] for key in truth["keys"]}
    details = account.client("iam").get_account_authorization_details(Filter=["User"])["UserDetailList"]
    bound = [u["UserName"] for u in details if "PermissionsBoundary" in u]
    assert bound == ["legacy-etl"]
