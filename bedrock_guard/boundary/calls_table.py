"""Which handler answers for which operation, and the resources of the many that need no more than a name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bedrock_guard.boundary import calls_ec2, calls_iam, calls_models
from bedrock_guard.boundary.call import Authorisation, Call, Handler, prefix_of
from bedrock_guard.boundary.calls_models import INVOKE, STREAM
from bedrock_guard.boundary.catalogue import Catalogue

_SLOT = re.compile(r"\{(\w+)\}")

# (service, operation) -> (action, resource). `{Name}` is a parameter; a value that is an ARN stands for itself; a
# leading `:` means that the ARN has neither region nor account, `::` no region. Empty: the action takes only `*`.
_NAMED: Mapping[tuple[str, str], tuple[str, str]] = {
    ("s3", "GetObject"): ("s3:GetObject", ":{Bucket}/{Key}"),
    ("s3", "HeadObject"): ("s3:GetObject", ":{Bucket}/{Key}"),
    ("s3", "PutObject"): ("s3:PutObject", ":{Bucket}/{Key}"),
    ("s3", "DeleteObject"): ("s3:DeleteObject", ":{Bucket}/{Key}"),
    ("s3", "ListObjectsV2"): ("s3:ListBucket", ":{Bucket}"),
    ("s3", "ListBuckets"): ("s3:ListAllMyBuckets", ""),
    ("lambda", "Invoke"): ("lambda:InvokeFunction", "function:{FunctionName}"),
    ("lambda", "CreateFunction"): ("lambda:CreateFunction", "function:{FunctionName}"),
    ("lambda", "UpdateFunctionCode"): ("lambda:UpdateFunctionCode", "function:{FunctionName}"),
    ("lambda", "UpdateFunctionConfiguration"): (
        "lambda:UpdateFunctionConfiguration",
        "function:{FunctionName}",
    ),
    ("sagemaker-runtime", "InvokeEndpoint"): ("sagemaker:InvokeEndpoint", "endpoint/{EndpointName}"),
    ("sagemaker", "CreateEndpoint"): ("sagemaker:CreateEndpoint", "endpoint/{EndpointName}"),
    ("cloudformation", "CreateStack"): ("cloudformation:CreateStack", "stack/{StackName}/*"),
    ("dynamodb", "GetItem"): ("dynamodb:GetItem", "table/{TableName}"),
    ("dynamodb", "PutItem"): ("dynamodb:PutItem", "table/{TableName}"),
    ("bedrock-runtime", "ApplyGuardrail"): ("bedrock:ApplyGuardrail", "guardrail/{guardrailIdentifier}"),
    ("bedrock", "GetGuardrail"): ("bedrock:GetGuardrail", "guardrail/{guardrailIdentifier}"),
    ("bedrock", "UpdateGuardrail"): ("bedrock:UpdateGuardrail", "guardrail/{guardrailIdentifier}"),
    ("bedrock", "DeleteGuardrail"): ("bedrock:DeleteGuardrail", "guardrail/{guardrailIdentifier}"),
    ("bedrock", "GetFoundationModel"): ("bedrock:GetFoundationModel", "foundation-model/{modelIdentifier}"),
    ("bedrock", "GetInferenceProfile"): (
        "bedrock:GetInferenceProfile",
        "inference-profile/{inferenceProfileIdentifier}",
    ),
    ("bedrock", "CreateInferenceProfile"): (
        "bedrock:CreateInferenceProfile",
        "application-inference-profile/*",
    ),
    ("bedrock", "CreatePromptRouter"): ("bedrock:CreatePromptRouter", "prompt-router/*"),
    ("bedrock", "DeleteProvisionedModelThroughput"): (
        "bedrock:DeleteProvisionedModelThroughput",
        "provisioned-model/{provisionedModelId}",
    ),
    ("bedrock", "StopModelInvocationJob"): (
        "bedrock:StopModelInvocationJob",
        "model-invocation-job/{jobIdentifier}",
    ),
    ("bedrock", "StopModelCustomizationJob"): (
        "bedrock:StopModelCustomizationJob",
        "model-customization-job/{jobIdentifier}",
    ),
    ("bedrock-agent-runtime", "InvokeAgent"): ("bedrock:InvokeAgent", "agent-alias/{agentId}/{agentAliasId}"),
    ("bedrock-agent-runtime", "InvokeFlow"): (
        "bedrock:InvokeFlow",
        "flow/{flowIdentifier}/alias/{flowAliasIdentifier}",
    ),
    ("bedrock-agent-runtime", "Retrieve"): ("bedrock:Retrieve", "knowledge-base/{knowledgeBaseId}"),
    ("bedrock-agent-runtime", "RetrieveAndGenerateStream"): ("bedrock:RetrieveAndGenerate", ""),
    **{
        (service, operation): (f"{service}:{operation}", "")
        for service, operation in (
            ("aws-marketplace", "Subscribe"),
            ("bedrock", "ListFoundationModels"),
            ("bedrock", "ListInferenceProfiles"),
            ("ce", "GetCostAndUsage"),
            ("cloudwatch", "GetMetricData"),
            ("ec2", "DescribeInstances"),
            ("ec2", "DisableEbsEncryptionByDefault"),
            ("ec2", "EnableEbsEncryptionByDefault"),
            ("ec2", "RunScheduledInstances"),
            ("organizations", "LeaveOrganization"),
            ("sts", "GetCallerIdentity"),
        )
    },
}


def _named(action: str, template: str) -> Handler:
    def handler(call: Call, _: Catalogue) -> Iterator[Authorisation]:
        values = [call.get(name) for name in _SLOT.findall(template)]
        given = next((str(value) for value in values if str(value).startswith("arn:")), None)
        if given or not template:
            yield Authorisation(action, given or "*")
            return
        path = _SLOT.sub(lambda found: str(call.get(found[1]) or "*"), template.lstrip(":"))
        bare = template.startswith(":") or path.startswith("foundation-model/")
        region = "" if template.startswith(":") else None
        yield Authorisation(action, call.arn(path, region=region, account="" if bare else None))

    return handler


_IAM: Mapping[str, Handler] = {
    "CreatePolicy": calls_iam.create_policy,
    "CreateUser": calls_iam.create_principal,
    "CreateRole": calls_iam.create_principal,
    "PutUserPermissionsBoundary": calls_iam.put_boundary,
    "PutRolePermissionsBoundary": calls_iam.put_boundary,
    "CreateServiceSpecificCredential": calls_iam.service_credential,
    "ResetServiceSpecificCredential": calls_iam.service_credential,
    "UpdateServiceSpecificCredential": calls_iam.service_credential,
    "DeleteServiceSpecificCredential": calls_iam.service_credential,
    "ListServiceSpecificCredentials": calls_iam.list_credentials,
    **dict.fromkeys(
        (
            "AttachGroupPolicy", "AttachRolePolicy", "AttachUserPolicy", "DeleteRole", "DeleteRolePermissionsBoundary",
            "DeleteRolePolicy", "DeleteUserPermissionsBoundary", "DeleteUserPolicy", "DetachGroupPolicy",
            "DetachRolePolicy", "DetachUserPolicy", "PutGroupPolicy", "PutRolePolicy", "PutUserPolicy",
            "UpdateAssumeRolePolicy", "UpdateRole",
        ),
        calls_iam.on_principal,
    ),
    **dict.fromkeys(
        (
            "CreateAccessKey", "CreateLoginProfile", "DeleteAccessKey", "DeleteLoginProfile", "DeleteUser", "GetUser",
            "ListAccessKeys", "UpdateAccessKey", "UpdateLoginProfile", "UpdateUser",
        ),
        calls_iam.on_user,
    ),
    **dict.fromkeys(
        (
            "CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion", "GetPolicy", "GetPolicyVersion",
            "SetDefaultPolicyVersion",
        ),
        calls_iam.on_policy,
    ),
}  # fmt: skip

_EC2: Mapping[str, Handler] = {
    "RunInstances": calls_ec2.run_instances,
    "AssociateIamInstanceProfile": calls_ec2.instance_profile,
    "CreateFleet": calls_ec2.create_fleet,
    "ReplaceIamInstanceProfileAssociation": calls_ec2.instance_profile,
    "ModifyInstanceAttribute": calls_ec2.modify_instance,
    "CreateVolume": calls_ec2.create_volume,
    "CopyVolumes": calls_ec2.create_volume,
    "AttachVolume": calls_ec2.attach_volume,
    "CopySnapshot": calls_ec2.copy_snapshot,
    "CreateReplaceRootVolumeTask": calls_ec2.replace_root,
    "RequestSpotInstances": calls_ec2.spot,
    "RequestSpotFleet": calls_ec2.spot,
    **dict.fromkeys(
        ("RebootInstances", "StartInstances", "StopInstances", "TerminateInstances"), calls_ec2.on_instances
    ),
}

_MODELS: Mapping[str, Handler] = {
    "Converse": calls_models.invoke(INVOKE),
    "ConverseStream": calls_models.invoke(STREAM),
    "InvokeModel": calls_models.invoke(INVOKE),
    "InvokeModelWithBidirectionalStream": calls_models.invoke(INVOKE),
    # AWS's table lists both actions for this operation.
    "InvokeModelWithResponseStream": calls_models.invoke(STREAM, doubtful=INVOKE),
    "StartAsyncInvoke": calls_models.async_invoke,
    "ChatCompletions": calls_models.converse_like,
    "Messages": calls_models.converse_like,
    "Responses": calls_models.responses,
}

_BY_CLIENT: Mapping[tuple[str, str], Handler] = {
    **{key: _named(action, template) for key, (action, template) in _NAMED.items()},
    **{("iam", name): handler for name, handler in _IAM.items()},
    **{("ec2", name): handler for name, handler in _EC2.items()},
    **{("bedrock-runtime", name): handler for name, handler in _MODELS.items()},
    ("bedrock", "CreateModelInvocationJob"): calls_models.batch,
    ("bedrock-agent-runtime", "Rerank"): calls_models.rerank,
    ("bedrock-mantle", "CreateInference"): calls_models.mantle,
    ("bedrock-mantle", "CountTokens"): calls_models.mantle,
    ("sts", "AssumeRole"): calls_iam.assume_role,
    ("sts", "AssumeRoot"): calls_iam.assume_root,
    ("sts", "GetWebIdentityToken"): calls_iam.web_identity_token,
    ("autoscaling", "CreateAutoScalingGroup"): calls_ec2.auto_scaling_group,
    ("autoscaling", "UpdateAutoScalingGroup"): calls_ec2.auto_scaling_group,
}

# CloudTrail names no client, only the service behind it: an operation is found by its prefix as well.
HANDLERS: Mapping[tuple[str, str], Handler] = {
    **{(prefix_of(client), operation): handler for (client, operation), handler in _BY_CLIENT.items()},
    **_BY_CLIENT,
}
