from __future__ import annotations

import json

import pytest

from bedrock_guard.boundary.calls import authorisations
from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.evidence.recorded_calls import boto3_parameters, call_of, service_of

HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"


def row(**given: object) -> dict[str, str | None]:
    base: dict[str, str | None] = {
        "service": "bedrock.amazonaws.com",
        "operation": "Converse",
        "region": "us-east-1",
        "account_id": "111122223333",
        "principal": "arn:aws:iam::111122223333:role/app",
        "key_kind": "none",
        "parameters": None,
    }
    return base | {k: v if v is None or isinstance(v, str) else json.dumps(v) for k, v in given.items()}


@pytest.mark.parametrize(
    ("source", "operation", "client"),
    [
        ("bedrock.amazonaws.com", "InvokeModel", "bedrock-runtime"),
        ("bedrock.amazonaws.com", "CreateModelInvocationJob", "bedrock"),
        ("bedrock.amazonaws.com", "InvokeAgent", "bedrock-agent-runtime"),
        ("bedrock-mantle.amazonaws.com", "CreateInference", "bedrock-mantle"),
        ("ec2.amazonaws.com", "RunInstances", "ec2"),
    ],
)
def test_one_event_source_is_several_clients(source: str, operation: str, client: str) -> None:
    assert service_of(source, operation) == client


def test_a_recorded_converse_asks_for_the_profile_and_every_destination() -> None:
    asked = authorisations(call_of(row(parameters={"modelId": HAIKU})), shipped())
    assert [one.resource.rpartition("::")[0] or one.resource for one in asked] == [
        f"arn:aws:bedrock:us-east-1:111122223333:inference-profile/{HAIKU}",
        "arn:aws:bedrock:us-east-1",
        "arn:aws:bedrock:us-east-2",
        "arn:aws:bedrock:us-west-2",
    ]


def test_a_marker_of_an_api_key_is_asked_too_and_an_unknown_one_stays_unknown() -> None:
    known = authorisations(call_of(row(parameters={"modelId": HAIKU}, key_kind="long_term")), shipped())
    assert ("bedrock:CallWithBearerToken", True) in {(one.action, one.certain) for one in known}
    open_ = authorisations(call_of(row(parameters={"modelId": HAIKU}, key_kind=None)), shipped())
    assert ("bedrock:CallWithBearerToken", False) in {(one.action, one.certain) for one in open_}


def test_ec2_lists_and_names_become_boto3s() -> None:
    recorded = {
        "instanceType": "p5.48xlarge",
        "blockDeviceMapping": {"items": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": False}}]},
    }
    assert boto3_parameters("ec2", recorded) == {
        "InstanceType": "p5.48xlarge",
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": False}}],
    }
    assert boto3_parameters("bedrock-runtime", {"modelId": "m"}) == {"modelId": "m"}
