"""The moves that go round Bedrock itself: roles, guardrails, other services, instances."""

from __future__ import annotations

from bedrock_guard.boundary.calls import Call, Value
from bedrock_guard.boundary.controls import by_id
from bedrock_guard.boundary.scenario_parts import BOUNDARY_KEY, mantle_id, step
from bedrock_guard.boundary.scenarios import Bypass, Setting


def roles(at: Setting) -> tuple[Bypass, ...]:
    """Other principals: their roles, their keys, their services."""
    function = {"FunctionName": "proxy", "Role": at.loose_role}
    weak = at.iam("policy/weaker")
    document = at.iam(f"policy/{at.profile.policy_prefix}deny-1")
    automation = {"Parameters": {"AutomationAssumeRole": [at.loose_role]}}
    shared = at.call("bedrock", "CreateCustomModel").arn("custom-model-deployment/shared99")
    return (
        Bypass(
            32,
            "A Lambda, ECS or Step Functions role with Bedrock rights",
            (
                step(at.call("lambda", "CreateFunction", function), "bounded_roles"),
                step(
                    at.call("stepfunctions", "CreateStateMachine", {"roleArn": at.loose_role}),
                    "bounded_roles",
                ),
                step(
                    at.call("ecs", "RegisterTaskDefinition", {"taskRoleArn": at.loose_role}), "bounded_roles"
                ),
                step(
                    at.call("lambda", "UpdateFunctionCode", {"FunctionName": "admin-reports"}),
                    "privileged_functions",
                ),
            ),
            rest="Compute that runs already under such a role: Session Manager or ECS Exec into it, a build's own "
            'specification. Bound where SCPs hold every control (scp_holds = "everything").',
            instead="AWS Organizations: SCPs; IAM Access Analyzer: roles that may call Bedrock",
            widely=True,
        ),
        Bypass(
            33,
            "Another role, another account",
            (
                step(at.call("sts", "AssumeRole", {"RoleArn": at.loose_role}), "bounded_roles"),
                step(
                    at.call(
                        "sts", "AssumeRole", {"RoleArn": at.bounded_role.replace(at.account, "000000000099")}
                    ),
                    "bounded_roles",
                ),
                step(at.call("sts", "AssumeRoot", {"TargetPrincipal": "000000000099"}), "bounded_roles"),
            ),
        ),
        Bypass(
            34,
            "A new user or role without the boundary, or without the identity-based policies beside it",
            (
                step(at.call("iam", "CreateUser", {"UserName": "BedrockAPIKey-0001"}), "bounded_principals"),
                step(
                    at.call("iam", "CreateRole", {"RoleName": "free"}), "bounded_principals", "bounded_roles"
                ),
                step(
                    at.call("iam", "CreateRole", at.new_bounded_role("free")),
                    "bounded_principals",
                ),
                step(
                    at.call("iam", "CreateRole", {"RoleName": "far", "PermissionsBoundary": at.boundary}),
                    "bounded_roles",
                ),
                *(
                    step(call, control, bounded="new")
                    for call, control in _from_new_role(at)
                    if by_id(control).on(at.profile)
                ),
            ),
            rest="Without SCPs a role made under the boundary does not carry the identity-based policies.",
        ),
        Bypass(
            35,
            "A weaker boundary instead",
            (
                step(
                    at.call(
                        "iam", "PutRolePermissionsBoundary", {"RoleName": "dev", "PermissionsBoundary": weak}
                    ),
                    "bounded_principals",
                ),
                step(
                    at.call(
                        "iam", "PutUserPermissionsBoundary", {"UserName": "dev", "PermissionsBoundary": weak}
                    ),
                    "bounded_principals",
                ),
            ),
        ),
        Bypass(
            36,
            "Remove the boundary, edit it, detach its identity-based policies, lock out who could undo it",
            (
                step(
                    at.call("iam", "DeleteRolePermissionsBoundary", {"RoleName": "dev"}),
                    "boundary_protection",
                ),
                step(
                    at.call("iam", "DeleteUserPermissionsBoundary", {"UserName": "dev"}),
                    "boundary_protection",
                ),
                step(
                    at.call("iam", "CreatePolicy", {"PolicyName": at.profile.boundary_name}),
                    "boundary_protection",
                ),
                step(
                    at.call("iam", "CreatePolicyVersion", {"PolicyArn": at.boundary}), "boundary_protection"
                ),
                step(
                    at.call("iam", "SetDefaultPolicyVersion", {"PolicyArn": at.boundary}),
                    "boundary_protection",
                ),
                step(
                    at.call("iam", "DetachRolePolicy", {"RoleName": "dev", "PolicyArn": document}),
                    "boundary_protection",
                ),
                *(step(call, "boundary_protection") for call in _lock_out(at)),
            ),
        ),
        Bypass(
            37,
            "Rights, keys or a password for an unbounded user",
            (
                step(
                    at.call(
                        "iam",
                        "AttachUserPolicy",
                        {"UserName": "old-admin", "PolicyArn": at.iam("policy/x")},
                        facts={BOUNDARY_KEY: None},
                    ),
                    "bounded_principals",
                ),
                step(at.call("iam", "CreateAccessKey", {"UserName": "old-admin"}), "credentials_for_others"),
                step(
                    at.call("iam", "CreateLoginProfile", {"UserName": "old-admin"}), "credentials_for_others"
                ),
            ),
            rest="A group's policies and members, and a new version of a managed policy, can still give it rights: no "
            "key tells there who has them. They serve whoever holds that user already.",
        ),
        Bypass(
            38,
            "A resource policy that names the user",
            (step(at.converse(shared), "customization"),),
            rest="Explicit denials hold against it; an omission from the ceiling would not.",
        ),
        Bypass(
            39,
            "Delegation, Roles Anywhere, Identity Center",
            (
                step(at.call("iam", "CreateDelegationRequest"), "delegation"),
                step(at.call("iam", "EnableOutboundWebIdentityFederation"), "delegation"),
                step(at.call("iam", "UpdateSAMLProvider"), "delegation"),
                step(at.call("iam", "CreateOpenIDConnectProvider"), "delegation"),
                step(at.call("rolesanywhere", "CreateTrustAnchor"), "roles_anywhere"),
                step(at.call("sso-admin", "CreatePermissionSet"), "identity_center"),
                step(at.call("identitystore", "CreateGroupMembership"), "identity_center"),
            ),
        ),
        Bypass(
            40,
            "CloudFormation or Systems Manager with a stronger role",
            (
                step(
                    at.call("cloudformation", "CreateStack", {"StackName": "s", "RoleARN": at.loose_role}),
                    "bounded_roles",
                ),
                step(at.call("ssm", "StartAutomationExecution", automation), "bounded_roles"),
            ),
            rest="A stack keeps the role it was made with, and a Service Catalog product has its own. Bound where SCPs "
            'hold every control (scp_holds = "everything").',
            instead="AWS Organizations: SCPs",
            widely=True,
        ),
        Bypass(
            41,
            "A service-linked role",
            (),
            closable="not by IAM",
            rest="A service-linked role carries no boundary and no SCP reaches it; deny the call that makes the "
            "service use it.",
            instead="AWS Config and the service's own settings",
        ),
        Bypass(
            42,
            "Leave the organisation, or work in its management account",
            (
                step(at.call("organizations", "LeaveOrganization"), "leave_organization", bounded=False),
                step(at.call("organizations", "DetachPolicy"), "boundary_protection"),
                step(at.call("organizations", "MoveAccount"), "boundary_protection"),
            ),
            closable="partly",
            rest="SCPs do not reach the management account: run no workloads in it, and give its people the boundary.",
            instead="AWS Organizations: delegated administration",
        ),
    )


def _lock_out(at: Setting) -> tuple[Call, ...]:
    """Calls that leave the first break-glass role without its rights."""
    role = next((arn.rpartition("/")[2] for arn in at.profile.break_glass if ":role/" in arn), None)
    if role is None:
        return ()
    bounded = {"RoleName": role, "PermissionsBoundary": at.boundary}
    return (
        at.call("iam", "PutRolePermissionsBoundary", bounded),
        at.call("iam", "DeleteRole", {"RoleName": role}),
    )


def _from_new_role(at: Setting) -> tuple[tuple[Call, str], ...]:
    """Calls of a role that the developer made under the boundary."""
    fresh = at.bounded_role.replace("worker", "fresh")
    bare = {"modelId": at.approved}
    return (
        (at.call("bedrock", "CreateModelInvocationJob", bare, principal=fresh), "batch_inference"),
        (at.call("bedrock-agentcore", "InvokeHarness", principal=fresh), "agentcore"),
        (at.call("bedrock-mantle", "CreateInference", {"model": mantle_id(at)}, principal=fresh), "mantle"),
        (at.call("ec2", "RequestSpotInstances", principal=fresh), "instance_types"),
        (at.call("bedrock-runtime", "Converse", bare, principal=fresh), "guardrail_required"),
    )


def guardrails(at: Setting) -> tuple[Bypass, ...]:
    """Round the guardrail and the log."""
    bare = at.call("bedrock-runtime", "Converse", {"modelId": at.approved})
    draft = {
        "guardrailConfig": {"guardrailIdentifier": at.guardrail or "gr0example", "guardrailVersion": "DRAFT"}
    }
    named = {"guardrailIdentifier": at.guardrail or "gr0example"}
    return (
        Bypass(
            43,
            "No guardrail, the Responses API, or mantle",
            (
                step(bare, "guardrail_required"),
                step(
                    at.call("bedrock-runtime", "Responses", {"model": at.approved}),
                    "approved_models",
                    "guardrail_required",
                ),
                step(at.call("bedrock-mantle", "CreateInference", {"model": mantle_id(at)}), "mantle"),
            ),
            closable="partly",
            rest="A caller may wrap a part of the prompt in input tags, and only that part is checked.",
            instead="Bedrock's account-level enforced guardrail, COMPREHENSIVE",
        ),
        Bypass(
            44,
            "Edit or delete the guardrail, or use its draft",
            (
                step(at.call("bedrock", "UpdateGuardrail", named), "guardrail_tampering"),
                step(at.call("bedrock", "DeleteGuardrail", named), "guardrail_tampering"),
                step(at.call("bedrock", "DeleteEnforcedGuardrailConfiguration"), "guardrail_tampering"),
                step(at.call("bedrock", "UpdateAutomatedReasoningPolicy"), "guardrail_tampering"),
                step(
                    at.call("bedrock-runtime", "Converse", {"modelId": at.approved, **draft}),
                    "guardrail_required",
                ),
            ),
        ),
        Bypass(
            45,
            "Switch off invocation logging or set data retention",
            (
                step(at.call("bedrock", "DeleteModelInvocationLoggingConfiguration"), "logging_tampering"),
                step(at.call("bedrock", "PutModelInvocationLoggingConfiguration"), "logging_tampering"),
                step(at.call("bedrock", "PutAccountDataRetention"), "logging_tampering"),
                step(
                    at.call("bedrock-mantle", "PutAccountDataRetention"),
                    "mantle",
                    "logging_tampering",
                ),
            ),
        ),
    )


def elsewhere(at: Setting) -> tuple[Bypass, ...]:
    """Other services, and EC2."""
    big, small = at.big_type, at.small_type
    template = {"LaunchTemplateId": "lt-0123456789abcdef0", "Version": "$Latest"}
    old = {"AutoScalingGroupName": "g", "LaunchConfigurationName": "gpu"}
    fleet = {"LaunchTemplateConfigs": [{"Overrides": [{"InstanceType": big}]}]}
    disk = [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True}}]
    plain = [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": False}}]
    gpu = {"InstanceType": big, "ImageId": "ami-0123456789abcdef0", "BlockDeviceMappings": disk}
    borrowed = {**gpu, "InstanceType": small, "IamInstanceProfile": {"Name": "llm-proxy"}}
    known: dict[str, Value | None] = {"ec2:InstanceType": small, "ec2:Encrypted": True}
    resize = {"InstanceId": "i-0123456789abcdef0", "InstanceType": {"Value": big}}
    types = "instance_types"
    return (
        Bypass(
            46,
            "Subscribe to a new dear model by calling it",
            (
                step(at.converse(at.other), "approved_models"),
                step(at.call("aws-marketplace", "Subscribe"), "model_access"),
                step(at.call("bedrock", "CreateFoundationModelAgreement"), "model_access"),
            ),
        ),
        Bypass(
            47,
            "Q, Kiro, CodeWhisperer, QuickSight or Nova Act as the model",
            (
                step(at.call("q", "SendMessage"), "amazon_q"),
                step(at.call("qdeveloper", "StartAgentSession"), "amazon_q"),
                step(at.call("glue", "StartCompletion"), "amazon_q"),
                step(at.call("codewhisperer", "GenerateRecommendations"), "amazon_q"),
                step(at.call("quicksight", "PredictQAResults"), "amazon_q"),
                step(at.call("nova-act", "InvokeActStep"), "nova_act"),
            ),
            rest="A personal Builder ID signs in without IAM.",
            instead="Network egress rules",
        ),
        Bypass(
            48,
            "Start small and resize; fleet, spot, Auto Scaling; an unencrypted disk",
            (
                step(at.call("ec2", "ModifyInstanceAttribute", resize), types),
                step(at.call("ec2", "CreateFleet", fleet, facts={"ec2:Encrypted": True}), types),
                step(at.call("ec2", "RequestSpotInstances"), types),
                step(at.call("ec2", "ModifyFleet", {"FleetId": "fleet-0123"}), types),
                step(at.call("ec2", "ModifyCapacityReservation", {"InstanceCount": 8}), types),
                step(at.call("savingsplans", "CreateSavingsPlan"), types),
                step(at.call("autoscaling", "CreateAutoScalingGroup", old), types),
                step(at.call("autoscaling", "CreateLaunchConfiguration", {"InstanceType": big}), types),
                step(
                    at.call(
                        "ec2",
                        "StartInstances",
                        {"InstanceIds": ["i-0123456789abcdef0"]},
                        facts={"ec2:InstanceType": big},
                    ),
                    types,
                ),
                step(
                    at.call(
                        "autoscaling",
                        "CreateAutoScalingGroup",
                        {"AutoScalingGroupName": "g", "LaunchTemplate": template},
                        facts=known,
                    ),
                    "pinned_templates",
                ),
                step(
                    at.call(
                        "ec2", "RunInstances", {**gpu, "InstanceType": small, "BlockDeviceMappings": plain}
                    ),
                    "encrypted_volumes",
                ),
                step(
                    at.call("ec2", "CreateReplaceRootVolumeTask", {"InstanceId": "i-0123456789abcdef0"}),
                    "encrypted_volumes",
                ),
                step(at.call("ec2", "DisableEbsEncryptionByDefault"), "default_encryption"),
            ),
            closable="partly",
            rest="AWS says that types chosen by attributes in launch templates cannot be prevented completely. "
            "Services that launch under their own roles (EMR, Batch, EKS) are not asked for the type.",
            instead="AWS Config rules on instance types; Service Quotas by instance family",
        ),
        Bypass(
            49,
            "An EC2 GPU box with its own model, or an instance role with Bedrock rights",
            (
                step(at.call("ec2", "RunInstances", gpu), types),
                step(
                    at.call(
                        "ec2", "RunInstances", borrowed, facts={"iam:InstanceProfileRole": at.loose_role}
                    ),
                    "bounded_roles",
                ),
            ),
        ),
        Bypass(
            50,
            "Tag oneself or a resource past a condition",
            (step(at.converse(at.other, facts={"aws:PrincipalTag/approved": "true"}), "approved_models"),),
            rest="No denial of this kit hangs on a tag.",
        ),
    )
