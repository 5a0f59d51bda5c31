"""Normal work that must go on under a boundary: what a team does all day, and what its platform team does for it."""

from __future__ import annotations

from bedrock_guard.boundary.calls import Value
from bedrock_guard.boundary.scenario_parts import BOUNDARY_KEY, SERVICE_KEY
from bedrock_guard.boundary.scenarios import Setting, Work, approved_ways

CODECOMMIT = "codecommit.amazonaws.com"


def normal_work(at: Setting) -> tuple[Work, ...]:
    """The pieces of work for a setting; approved models by each of their routes from each region among them."""
    return (
        *_inference(at),
        *_ending(at),
        *_reading(at),
        *_building(at),
        *_instances(at),
        *_people(at),
        *_others(at),
    )


def _inference(at: Setting) -> tuple[Work, ...]:
    found: list[Work] = []
    for way in approved_ways(at.profile, at.catalogue):
        place = f"{way.model_id} ({way.route}) from {way.region}"
        if way.embeds:
            call = at.call("bedrock-runtime", "InvokeModel", {"modelId": way.model_id}, region=way.region)
            found.append(Work(f"Embed with {place}", call))
            continue
        found += [
            Work(f"{operation} with {place}", at.converse(way.model_id, operation, region=way.region))
            for operation in ("Converse", "ConverseStream", "InvokeModel")
        ]
    if not found:
        return ()
    stream = at.converse(at.approved, "InvokeModelWithResponseStream")
    flex = at.converse(at.approved, parameters={"serviceTier": {"type": "flex"}})
    return (*found, Work("Stream through InvokeModel", stream), Work("Call in the flex tier", flex))


def _ending(at: Setting) -> tuple[Work, ...]:
    """What ends a bill must never be refused."""
    job = {"jobIdentifier": "abcdefgh1234"}
    return (
        Work("Stop a batch job", at.call("bedrock", "StopModelInvocationJob", job)),
        Work("Stop a training job", at.call("bedrock", "StopModelCustomizationJob", job)),
        Work("Stop an evaluation job", at.call("bedrock", "StopEvaluationJob", job)),
        Work(
            "Delete provisioned throughput",
            at.call("bedrock", "DeleteProvisionedModelThroughput", {"provisionedModelId": "abcdefgh1234"}),
        ),
        Work("Delete a custom model's deployment", at.call("bedrock", "DeleteCustomModelDeployment")),
        Work("Delete a Marketplace endpoint", at.call("bedrock", "DeleteMarketplaceModelEndpoint")),
        Work("Delete a mantle reservation", at.call("bedrock-mantle", "DeleteReservation")),
        Work("Cancel a mantle training job", at.call("bedrock-mantle", "CancelFineTuningJob")),
        Work("Delete an AgentCore runtime", at.call("bedrock-agentcore-control", "DeleteAgentRuntime")),
        Work("Stop an AgentCore session", at.call("bedrock-agentcore", "StopRuntimeSession")),
        Work("Cancel a Claude Platform batch", at.call("aws-external-anthropic", "CancelBatchInference")),
        Work("Delete a SageMaker endpoint", at.call("sagemaker", "DeleteEndpoint")),
        Work("Stop a notebook", at.call("sagemaker", "StopNotebookInstance")),
        Work("Leave a Marketplace subscription", at.call("aws-marketplace", "Unsubscribe")),
    )


def _reading(at: Setting) -> tuple[Work, ...]:
    return (
        Work("List models", at.call("bedrock", "ListFoundationModels")),
        Work("List inference profiles", at.call("bedrock", "ListInferenceProfiles")),
        Work(
            "Read an inference profile",
            at.call("bedrock", "GetInferenceProfile", {"inferenceProfileIdentifier": at.approved}),
        ),
        Work("Read a guardrail", at.call("bedrock", "GetGuardrail", {"guardrailIdentifier": "gr0example"})),
        Work("Read costs", at.call("ce", "GetCostAndUsage")),
        Work("Read metrics", at.call("cloudwatch", "GetMetricData")),
        Work("Ask who one is", at.call("sts", "GetCallerIdentity")),
        Work(
            "List API keys of all users", at.call("iam", "ListServiceSpecificCredentials", {"AllUsers": True})
        ),
    )


def _building(at: Setting) -> tuple[Work, ...]:
    role = {**at.new_bounded_role("app"), "PermissionsBoundary": at.boundary}
    bounded = {BOUNDARY_KEY: at.boundary}
    return (
        Work("Read an object", at.call("s3", "GetObject", {"Bucket": "team-data", "Key": "in.csv"})),
        Work("Write an object", at.call("s3", "PutObject", {"Bucket": "team-data", "Key": "out.csv"})),
        Work("Write a record", at.call("dynamodb", "PutItem", {"TableName": "orders"})),
        Work("Call a function", at.call("lambda", "Invoke", {"FunctionName": "orders"})),
        Work("Deploy a function's code", at.call("lambda", "UpdateFunctionCode", {"FunctionName": "orders"})),
        Work(
            "Create a function with a bounded role",
            at.call("lambda", "CreateFunction", {"FunctionName": "orders", "Role": at.bounded_role}),
        ),
        Work(
            "Deploy a stack with a bounded role",
            at.call("cloudformation", "CreateStack", {"StackName": "orders", "RoleARN": at.bounded_role}),
        ),
        Work("Create a role under the boundary", at.call("iam", "CreateRole", role)),
        Work(
            "Give a bounded role a policy",
            at.call("iam", "PutRolePolicy", {"RoleName": "app"}, facts=bounded),
        ),
        Work("Assume a bounded role", at.call("sts", "AssumeRole", {"RoleArn": at.bounded_role})),
    )


def _instances(at: Setting) -> tuple[Work, ...]:
    disk = [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True}}]
    small, one = at.small_type, {"InstanceIds": ["i-0123456789abcdef0"]}
    instance = {"InstanceId": "i-0123456789abcdef0"}
    launch = {"ImageId": "ami-0123456789abcdef0", "InstanceType": small, "BlockDeviceMappings": disk}
    template = {"LaunchTemplateId": "lt-0123456789abcdef0", "Version": "3"}
    known: dict[str, Value | None] = {"ec2:InstanceType": small, "ec2:Encrypted": True}
    return (
        Work("Launch an allowed type, encrypted", at.call("ec2", "RunInstances", launch)),
        Work(
            "Launch with a bounded instance role",
            at.call(
                "ec2",
                "RunInstances",
                {**launch, "IamInstanceProfile": {"Name": "worker"}},
                facts={"iam:InstanceProfileRole": at.bounded_role},
            ),
        ),
        Work(
            "Start an allowed instance",
            at.call("ec2", "StartInstances", one, facts={"ec2:InstanceType": small}),
        ),
        Work("Stop an instance of any type", at.call("ec2", "StopInstances", one)),
        Work("Terminate an instance of any type", at.call("ec2", "TerminateInstances", one)),
        Work(
            "Resize to an allowed type",
            at.call("ec2", "ModifyInstanceAttribute", {**instance, "InstanceType": {"Value": small}}),
        ),
        Work(
            "Change another attribute",
            at.call("ec2", "ModifyInstanceAttribute", {**instance, "DisableApiTermination": {"Value": True}}),
        ),
        Work("Create an encrypted volume", at.call("ec2", "CreateVolume", {"Encrypted": True})),
        Work(
            "Attach an encrypted volume",
            at.call(
                "ec2",
                "AttachVolume",
                {**instance, "VolumeId": "vol-0123456789abcdef0"},
                facts={"ec2:Encrypted": True},
            ),
        ),
        Work(
            "Scale a group",
            at.call(
                "autoscaling",
                "UpdateAutoScalingGroup",
                {"AutoScalingGroupName": "g", "DesiredCapacity": 4},
            ),
        ),
        Work("End a fleet", at.call("ec2", "DeleteFleets", {"FleetIds": ["fleet-0123"]})),
        Work("Switch encryption by default on", at.call("ec2", "EnableEbsEncryptionByDefault")),
        Work("Describe instances", at.call("ec2", "DescribeInstances")),
        Work(
            "Create a group with a pinned template",
            at.call(
                "autoscaling",
                "CreateAutoScalingGroup",
                {"AutoScalingGroupName": "g", "LaunchTemplate": template},
                facts=known,
            ),
        ),
    )


def _people(at: Setting) -> tuple[Work, ...]:
    alice = at.iam("user/staff/alice")
    credential = {"UserName": "alice", "ServiceSpecificCredentialId": "ACCAEXAMPLE"}
    codecommit = {SERVICE_KEY: CODECOMMIT}
    return (
        Work("Make an access key for oneself", at.call("iam", "CreateAccessKey", principal=alice)),
        Work(
            "Delete one's access key",
            at.call("iam", "DeleteAccessKey", {"UserName": "alice"}, principal=alice),
        ),
        Work(
            "Make a CodeCommit credential",
            at.call(
                "iam",
                "CreateServiceSpecificCredential",
                {"UserName": "alice", "ServiceName": CODECOMMIT},
                principal=alice,
            ),
        ),
        Work(
            "Rotate a CodeCommit credential",
            at.call("iam", "ResetServiceSpecificCredential", credential, principal=alice, facts=codecommit),
        ),
        Work(
            "Delete an API key",
            at.call(
                "iam",
                "DeleteServiceSpecificCredential",
                credential,
                facts={SERVICE_KEY: "bedrock.amazonaws.com"},
            ),
        ),
        Work("Disable a trust anchor", at.call("rolesanywhere", "DisableTrustAnchor")),
    )


def _others(at: Setting) -> tuple[Work, ...]:
    """Work of those who carry no boundary: only SCPs reach them."""
    profile = at.profile
    found = [
        Work(
            "A responder switches a key off",
            at.call(
                "iam",
                "UpdateServiceSpecificCredential",
                {"UserName": "bob", "ServiceSpecificCredentialId": "ACCAEXAMPLE", "Status": "Inactive"},
                principal=arn,
                facts={SERVICE_KEY: "bedrock.amazonaws.com"},
            ),
            bounded=False,
        )
        for arn in profile.responders[:1]
    ]
    for arn in profile.administrators[:1]:
        edit = at.call("iam", "CreatePolicyVersion", {"PolicyArn": at.boundary}, principal=arn)
        found.append(Work("An administrator updates the boundary", edit, bounded=False))
        fresh = at.call("iam", "CreateRole", {"RoleName": "AWSReserved"}, principal=arn)
        found.append(Work("An administrator makes a role", fresh, bounded=False))
    for arn in profile.break_glass[:1]:
        call = at.call("bedrock-runtime", "Converse", {"modelId": at.other}, principal=arn)
        found.append(Work("Break-glass calls another model", call, bounded=False))
    return tuple(found)
