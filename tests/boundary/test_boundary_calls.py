"""A call into its authorisations: the worked examples of AWS's pages, written out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from bedrock_guard.boundary.calls import Authorisation, Call, authorisations

HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
ACCOUNT = "111122223333"
PROFILE = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/us.{HAIKU}"
INVOKE, STREAM = "bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"
BEARER = "bedrock:CallWithBearerToken"


def model(region: str, name: str = HAIKU) -> str:
    return f"arn:aws:bedrock:{region}::foundation-model/{name}"


def asked(
    service: str, operation: str, parameters: Mapping[str, Any] | None = None, **rest: Any
) -> list[Authorisation]:
    return list(authorisations(Call(service, operation, parameters or {}, **rest)))


def pairs(found: list[Authorisation]) -> list[tuple[str, str]]:
    return [(one.action, one.resource) for one in found]


def key(found: list[Authorisation], name: str) -> list[object]:
    return [one.context.get(name) for one in found]


@pytest.mark.parametrize(
    ("operation", "action"),
    [("Converse", INVOKE), ("converse", INVOKE), ("InvokeModel", INVOKE), ("converse_stream", STREAM)],
)
def test_a_geographic_profile_is_four_authorisations(operation: str, action: str) -> None:
    found = asked("bedrock-runtime", operation, {"modelId": f"us.{HAIKU}"})
    assert pairs(found) == [
        (action, PROFILE),
        (action, model("us-east-1")),
        (action, model("us-east-2")),
        (action, model("us-west-2")),
    ]
    assert key(found, "bedrock:InferenceProfileArn") == [None, PROFILE, PROFILE, PROFILE]
    assert found[0].either["bedrock:InferenceProfileArn"] == (
        None,
        PROFILE,
    )  # not documented for the profile itself
    assert key(found, "aws:RequestedRegion") == ["us-east-1", "us-east-1", "us-east-2", "us-west-2"]


def test_other_sources_add_their_own_region() -> None:
    west = asked("bedrock-runtime", "Converse", {"modelId": f"us.{HAIKU}"}, region="us-west-1")
    assert [one.resource for one in west[1:]] == [
        model(r) for r in ("us-west-1", "us-east-1", "us-east-2", "us-west-2")
    ]
    canada = asked("bedrock-runtime", "Converse", {"modelId": f"us.{HAIKU}"}, region="ca-central-1")
    assert model("ca-central-1") in [one.resource for one in canada]
    assert len(canada) == 5


def test_a_global_profile_is_three_and_its_region_is_open() -> None:
    profile = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/global.{HAIKU}"
    found = asked("bedrock-runtime", "Converse", {"modelId": f"global.{HAIKU}"})
    assert pairs(found) == [(INVOKE, profile), (INVOKE, model("us-east-1")), (INVOKE, model(""))]
    assert found[2].either["aws:RequestedRegion"] == ("unspecified", "global", None)
    assert "aws:RequestedRegion" not in found[2].context


def test_a_direct_call_has_no_profile_key() -> None:
    found = asked(
        "bedrock-runtime", "InvokeModel", {"modelId": "amazon.titan-embed-text-v2:0"}, region="eu-west-1"
    )
    assert pairs(found) == [(INVOKE, model("eu-west-1", "amazon.titan-embed-text-v2:0"))]
    assert "bedrock:InferenceProfileArn" not in found[0].context
    assert "bedrock:InferenceProfileArn" not in found[0].either


def test_streaming_through_invoke_may_ask_for_both_actions() -> None:
    found = asked("bedrock-runtime", "InvokeModelWithResponseStream", {"modelId": model("us-east-1")})
    assert [(one.action, one.certain) for one in found] == [(STREAM, True), (INVOKE, False)]


def test_a_profile_that_is_not_offered_from_here_leaves_its_destinations_open() -> None:
    for raw, region in (
        (f"us.{HAIKU}", "sa-east-1"),
        (f"apac.{HAIKU}", "us-east-1"),
        ("us.own.model-1", "us-east-1"),
    ):
        found = asked("bedrock-runtime", "Converse", {"modelId": raw}, region=region)
        assert [one.resource_known for one in found] == [True, True, False]


def test_what_stands_behind_other_targets_is_open() -> None:
    for kind in ("application-inference-profile", "prompt-router", "default-prompt-router"):
        arn = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:{kind}/abc"
        found = asked("bedrock-runtime", "Converse", {"modelId": arn})
        assert found[0].resource == arn
        assert not found[1].resource_known
    for kind in ("provisioned-model", "custom-model-deployment", "imported-model"):
        arn = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:{kind}/abc"
        assert pairs(asked("bedrock-runtime", "Converse", {"modelId": arn})) == [(INVOKE, arn)]
    endpoint = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/own"
    everything = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:marketplace/model-endpoint/all-access"
    assert pairs(asked("bedrock-runtime", "Converse", {"modelId": endpoint})) == [(INVOKE, everything)]


def test_a_guardrail_is_a_key_and_an_authorisation_of_its_own() -> None:
    arn = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:guardrail/gr0"
    nova = "amazon.nova-lite-v1:0"
    for named in ("gr0", arn):
        config = {"guardrailConfig": {"guardrailIdentifier": named, "guardrailVersion": "3"}}
        found = asked("bedrock-runtime", "Converse", {"modelId": nova, **config})
        assert pairs(found) == [(INVOKE, model("us-east-1", nova)), ("bedrock:ApplyGuardrail", arn)]
        assert key(found, "bedrock:GuardrailIdentifier") == [f"{arn}:3", None]
    draft = {"guardrailIdentifier": "gr0", "guardrailVersion": "DRAFT"}
    assert (
        key(
            asked("bedrock-runtime", "InvokeModel", {"modelId": nova, **draft}), "bedrock:GuardrailIdentifier"
        )[0]
        == arn
    )


def test_the_tier_is_open_only_while_it_is_not_named() -> None:
    quiet = asked("bedrock-runtime", "Converse", {"modelId": "amazon.nova-lite-v1:0"})[0]
    assert quiet.either["bedrock:ServiceTier"] == (None, "default")
    for operation, value in (("Converse", {"type": "priority"}), ("InvokeModel", "priority")):
        found = asked(
            "bedrock-runtime", operation, {"modelId": "amazon.nova-lite-v1:0", "serviceTier": value}
        )[0]
        assert found.context["bedrock:ServiceTier"] == "priority"
        assert "bedrock:ServiceTier" not in found.either


@pytest.mark.parametrize(
    ("service", "prefix"),
    [
        ("bedrock-runtime", "bedrock"),
        ("bedrock", "bedrock"),
        ("bedrock-mantle", "bedrock-mantle"),
        ("aws-external-anthropic", "aws-external-anthropic"),
        ("sagemaker-runtime", "sagemaker"),
    ],
)
def test_each_endpoint_has_its_own_key_use(service: str, prefix: str) -> None:
    operation = "Converse" if service == "bedrock-runtime" else "CreateInference"
    for kind, value in (("long_term", "LONG_TERM"), ("short_term", "SHORT_TERM")):
        last = asked(service, operation, {"modelId": HAIKU, "model": HAIKU}, key_kind=kind)[-1]
        assert (last.action, last.resource) == (f"{prefix}:CallWithBearerToken", "*")
        assert last.context[f"{prefix}:BearerTokenType"] == value
    unknown = asked(service, operation, {"modelId": HAIKU, "model": HAIKU}, key_kind="unknown")[-1]
    assert not unknown.certain
    assert unknown.either[f"{prefix}:BearerTokenType"] == ("LONG_TERM", "SHORT_TERM")
    assert all("Bearer" not in one.action for one in asked(service, operation, {"modelId": HAIKU}))


def test_mantle_is_asked_on_the_project_with_the_model_as_key() -> None:
    project = f"arn:aws:bedrock-mantle:us-east-1:{ACCOUNT}:project/default"
    found = asked("bedrock-mantle", "CreateInference", {"model": "anthropic.claude-haiku-4-5"})[0]
    assert (found.action, found.resource) == ("bedrock-mantle:CreateInference", project)
    assert found.context["bedrock-mantle:Model"] == "anthropic.claude-haiku-4-5"
    assert "bedrock-mantle:Model" not in asked("bedrock-mantle", "CreateInference", {})[0].context


def test_the_responses_api_also_asks_on_the_project() -> None:
    found = asked("bedrock-runtime", "Responses", {"model": "openai.gpt-oss-120b-1:0"})
    assert pairs(found) == [
        (INVOKE, model("us-east-1", "openai.gpt-oss-120b-1:0")),
        (INVOKE, f"arn:aws:bedrock:us-east-1:{ACCOUNT}:project/default"),
    ]


def test_run_instances_is_asked_for_each_resource() -> None:
    disk = [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True}}, {"DeviceName": "/dev/xvdb", "Ebs": {}}]
    found = asked(
        "ec2",
        "RunInstances",
        {"InstanceType": "t3.micro", "ImageId": "ami-1", "SubnetId": "subnet-1", "SecurityGroupIds": ["sg-1"],
         "KeyName": "k", "BlockDeviceMappings": disk},
    )  # fmt: skip
    own = f"arn:aws:ec2:us-east-1:{ACCOUNT}"
    assert [one.resource for one in found] == [
        f"{own}:instance/*",
        f"{own}:volume/*",
        f"{own}:volume/*",
        "arn:aws:ec2:us-east-1::image/ami-1",
        f"{own}:subnet/subnet-1",
        f"{own}:network-interface/*",
        f"{own}:security-group/sg-1",
        f"{own}:key-pair/k",
    ]
    assert {one.action for one in found} == {"ec2:RunInstances"}
    assert key(found, "ec2:InstanceType") == ["t3.micro", *[None] * 7]
    assert key(found, "ec2:Encrypted") == [None, True, *[None] * 6]
    assert found[2].either["ec2:Encrypted"] == (True, False, None)  # no flag: not documented


def test_resizing_names_the_wished_type_apart_from_the_current_one() -> None:
    resize = asked(
        "ec2", "ModifyInstanceAttribute", {"InstanceId": "i-1", "InstanceType": {"Value": "p5.48xlarge"}}
    )[0]
    assert resize.context["ec2:Attribute/InstanceType"] == "p5.48xlarge"
    assert "ec2:InstanceType" in resize.unknown
    other = asked("ec2", "ModifyInstanceAttribute", {"InstanceId": "i-1", "DisableApiStop": {"Value": True}})[
        0
    ]
    assert "ec2:Attribute/InstanceType" not in other.context
    assert "ec2:Attribute/InstanceType" not in other.unknown


def test_a_fleet_by_attributes_leaves_the_type_open() -> None:
    configs = [{"Overrides": [{"InstanceType": "t3.micro"}, {"InstanceRequirements": {}}]}]
    found = [
        one
        for one in asked("ec2", "CreateFleet", {"LaunchTemplateConfigs": configs})
        if "instance/" in one.resource
    ]
    assert [one.context.get("ec2:InstanceType") for one in found] == ["t3.micro", None]
    assert ["ec2:InstanceType" in one.unknown for one in found] == [False, True]


def test_auto_scaling_tries_the_launch_as_the_caller() -> None:
    for version, pinned in (("$Latest", False), ("$Default", False), ("7", True), (None, False)):
        template = {"LaunchTemplateId": "lt-1", **({"Version": version} if version else {})}
        found = asked(
            "autoscaling", "CreateAutoScalingGroup", {"AutoScalingGroupName": "g", "LaunchTemplate": template}
        )
        assert found[0].context["autoscaling:LaunchTemplateVersionSpecified"] is pinned
        assert "ec2:RunInstances" in [one.action for one in found]


def test_service_credentials() -> None:
    bob = f"arn:aws:iam::{ACCOUNT}:user/bob"
    create = {"UserName": "bob", "ServiceName": "bedrock.amazonaws.com"}
    forever = asked("iam", "CreateServiceSpecificCredential", create)[0]
    assert (forever.action, forever.resource) == ("iam:CreateServiceSpecificCredential", bob)
    assert "iam:ServiceSpecificCredentialAgeDays" not in forever.context
    aged = asked("iam", "CreateServiceSpecificCredential", {**create, "CredentialAgeDays": 30})[0]
    assert aged.context["iam:ServiceSpecificCredentialAgeDays"] == 30
    update = asked("iam", "UpdateServiceSpecificCredential", {"UserName": "bob", "Status": "Active"})[0]
    assert "iam:ServiceSpecificCredentialServiceName" in update.unknown
    facts = {"iam:ServiceSpecificCredentialServiceName": "codecommit.amazonaws.com"}
    told = asked("iam", "UpdateServiceSpecificCredential", {"UserName": "bob"}, facts=facts)[0]
    assert told.context["iam:ServiceSpecificCredentialServiceName"] == "codecommit.amazonaws.com"


def test_boundaries_on_principals() -> None:
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/b"
    made = asked(
        "iam", "CreateRole", {"RoleName": "r", "Path": "/bounded/", "PermissionsBoundary": boundary}
    )[0]
    assert made.resource == f"arn:aws:iam::{ACCOUNT}:role/bounded/r"
    assert made.context["iam:PermissionsBoundary"] == boundary
    free = asked("iam", "CreateUser", {"UserName": "u"})[0]
    assert "iam:PermissionsBoundary" not in free.context
    assert "iam:PermissionsBoundary" not in free.unknown
    grant = asked("iam", "AttachRolePolicy", {"RoleName": "r", "PolicyArn": "arn:aws:iam::aws:policy/X"})[0]
    assert "iam:PermissionsBoundary" in grant.unknown
    absent = asked("iam", "AttachRolePolicy", {"RoleName": "r"}, facts={"iam:PermissionsBoundary": None})[0]
    assert "iam:PermissionsBoundary" not in absent.unknown
    assert "iam:PermissionsBoundary" not in absent.context


def test_roles_among_the_parameters_are_passed() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/app"
    for service, operation, parameters, target in (
        ("bedrock", "CreateModelInvocationJob", {"roleArn": role}, "bedrock.amazonaws.com"),
        ("bedrock-agent", "CreateAgent", {"agentResourceRoleArn": role}, "bedrock.amazonaws.com"),
        ("lambda", "CreateFunction", {"FunctionName": "f", "Role": role}, "lambda.amazonaws.com"),
        (
            "cloudformation",
            "CreateStack",
            {"StackName": "s", "RoleARN": role},
            "cloudformation.amazonaws.com",
        ),
    ):
        passed = asked(service, operation, parameters)[-1]
        assert (passed.action, passed.resource) == ("iam:PassRole", role)
        assert passed.context["iam:PassedToService"] == target
    assert pairs(asked("sts", "AssumeRole", {"RoleArn": role})) == [("sts:AssumeRole", role)]
    launched = asked(
        "ec2", "RunInstances", {"InstanceType": "t3.micro", "IamInstanceProfile": {"Name": "p"}}
    )[-1]
    assert (launched.action, launched.resource_known) == ("iam:PassRole", False)
    for operation in ("AssociateIamInstanceProfile", "ReplaceIamInstanceProfileAssociation"):
        given = {"InstanceId": "i-1", "IamInstanceProfile": {"Name": "p"}}
        told = asked("ec2", operation, given, facts={"iam:InstanceProfileRole": role})
        assert pairs(told) == [
            (f"ec2:{operation}", f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/i-1"),
            ("iam:PassRole", role),
        ]


def test_operations_without_an_action_of_their_own() -> None:
    knowledge = asked("bedrock-agent-runtime", "RetrieveAndGenerateStream")[0]
    assert knowledge.action == "bedrock:RetrieveAndGenerate"
    assert asked("s3", "ListBuckets")[0].action == "s3:ListAllMyBuckets"
    assert asked("lambda", "Invoke", {"FunctionName": "f"})[0].action == "lambda:InvokeFunction"
    assert pairs(asked("s3", "GetObject", {"Bucket": "b", "Key": "a/c"})) == [
        ("s3:GetObject", "arn:aws:s3:::b/a/c")
    ]
    begun = asked("bedrock-runtime", "StartAsyncInvoke", {"modelId": "amazon.nova-reel-v1:1"})
    assert pairs(begun)[0] == (INVOKE, model("us-east-1", "amazon.nova-reel-v1:1"))


def test_an_unmodelled_call_says_that_its_resource_is_open() -> None:
    found = asked("kinesis", "PutRecord", {"StreamName": "s"})[0]
    assert (found.action, found.resource_known) == ("kinesis:PutRecord", False)


@pytest.mark.parametrize(
    ("principal", "arn", "username"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/staff/alice", f"arn:aws:iam::{ACCOUNT}:user/staff/alice", "alice"),
        (f"arn:aws:iam::{ACCOUNT}:role/dev", f"arn:aws:iam::{ACCOUNT}:role/dev", None),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/me", f"arn:aws:iam::{ACCOUNT}:role/dev", None),
    ],
)
def test_the_principal_keys(principal: str, arn: str, username: str | None) -> None:
    found = asked("sts", "GetCallerIdentity", principal=principal)[0]
    assert found.context["aws:PrincipalArn"] == arn
    assert found.context.get("aws:username") == username


def test_global_services_are_asked_in_their_home_region() -> None:
    found = asked("iam", "CreateUser", {"UserName": "u"}, region="eu-west-1")[0]
    assert found.context["aws:RequestedRegion"] == "us-east-1"
    assert found.resource == f"arn:aws:iam::{ACCOUNT}:user/u"


def test_time_is_open_unless_it_is_given() -> None:
    assert "aws:CurrentTime" in asked("sts", "GetCallerIdentity")[0].unknown
    when = datetime(2026, 11, 20, 12, tzinfo=UTC)
    told = asked("sts", "GetCallerIdentity", time=when)[0]
    assert told.context["aws:CurrentTime"] == when
    assert "aws:CurrentTime" not in told.unknown


def test_other_partitions() -> None:
    found = asked(
        "bedrock-runtime", "Converse", {"modelId": "amazon.nova-lite-v1:0"}, region="us-gov-west-1"
    )[0]
    assert found.resource == "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-lite-v1:0"


def test_cloudtrail_spells_the_same_call_otherwise() -> None:
    bedrock, create = "bedrock.amazonaws.com", "CreateServiceSpecificCredential"
    alias = {"agentId": "A", "agentAliasId": "B"}
    role = "arn:aws:iam::111122223333:role/x"
    same = [
        (("iam", create, {"UserName": "b", "ServiceName": bedrock}),
         ("iam.amazonaws.com", create, {"userName": "b", "serviceName": bedrock})),
        (("bedrock-runtime", "Converse", {"modelId": HAIKU}), (bedrock, "Converse", {"modelId": HAIKU})),
        (("bedrock-agent-runtime", "InvokeAgent", alias), (bedrock, "InvokeAgent", alias)),
        (("ec2", "RunInstances", {"InstanceType": "t3.micro", "BlockDeviceMappings": [{"Ebs": {"Encrypted": True}}]}),
         ("ec2.amazonaws.com", "RunInstances",
          {"instanceType": "t3.micro", "blockDeviceMapping": {"items": [{"ebs": {"encrypted": True}}]}})),
        (("ec2", "StartInstances", {"InstanceIds": ["i-1"]}),
         ("ec2.amazonaws.com", "StartInstances", {"instancesSet": {"items": [{"instanceId": "i-1"}]}})),
        (("sts", "AssumeRole", {"RoleArn": role}), ("sts.amazonaws.com", "AssumeRole", {"roleArn": role})),
    ]  # fmt: skip
    for boto, trail in same:
        assert asked(*boto) == asked(*trail)


def test_a_call_without_its_model_leaves_the_target_open() -> None:
    found = asked("bedrock-runtime", "Converse", {})
    assert [one.resource_known for one in found] == [False]


def test_a_principal_that_is_named_is_not_a_role_that_is_passed() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/app"
    assert all(
        one.action != "iam:PassRole" for one in asked("kms", "CreateGrant", {"GranteePrincipal": role})
    )
