"""EC2: which instances may start, and that every volume is encrypted."""

from __future__ import annotations

from bedrock_guard.boundary.controls.model import Accepted, Control, Rule, Scope, plain, prefixed

EC2 = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html"
ASG = (
    "https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-launch-template-permissions.html"
)
GROUPS = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_autoscaling.html"
CT2 = "https://docs.aws.amazon.com/controltower/latest/controlreference/ct-ec2-pv-2.html"
CT6 = "https://docs.aws.amazon.com/controltower/latest/controlreference/ct-ec2-pv-6.html"
EXAMPLES = "https://github.com/aws-samples/service-control-policy-examples"
NEW_TYPE = "ec2:Attribute/InstanceType"
GROUP_TYPES = "autoscaling:InstanceTypes"
OLD_LAUNCH = "autoscaling:LaunchConfigurationName"
VERSION_SAID = "autoscaling:LaunchTemplateVersionSpecified"


def _types(scope: Scope) -> tuple[Rule, ...]:
    allowed = scope.profile.controls.instance_types
    anywhere = (scope.arn("ec2", "*", "instance/*", "*"),)
    launch = Rule(prefixed("ec2", "CreateFleet", "RunInstances", "StartInstances"), resources=anywhere)
    # Without the Null guard a negated operator would deny every other attribute change too.
    resize = Rule(("ec2:ModifyInstanceAttribute",), resources=anywhere).when("Null", NEW_TYPE, ("false",))
    # Auto Scaling tries the template's own type as the caller; the types that override it are in this key only.
    groups = grouped = Rule(prefixed("autoscaling", "CreateAutoScalingGroup", "UpdateAutoScalingGroup"))
    if isinstance(allowed, tuple):
        operator = "StringNotLike" if any("*" in name for name in allowed) else "StringNotEquals"
        launch = launch.when(operator, "ec2:InstanceType", allowed)
        resize = resize.when(operator, NEW_TYPE, allowed)
        groups = groups.when(f"ForAnyValue:{operator}", GROUP_TYPES, allowed)
    else:
        groups = groups.when("Null", GROUP_TYPES, ("false",))
    typeless = prefixed(
        "ec2",
        "AcceptCapacityReservationBillingOwnership",
        "AcceptReservedInstancesExchangeQuote",
        "AllocateHosts",
        "CreateCapacityReservation",
        "CreateCapacityReservationBySplitting",
        "CreateCapacityReservationFleet",
        "ImportInstance",
        "ModifyCapacityReservation*",
        "ModifyFleet",
        "ModifySpotFleetRequest",
        "Purchase*",
        "RequestSpotFleet",
        "RequestSpotInstances",
        "RunScheduledInstances",
    )
    # A launch configuration that exists already launches its own type, and nobody is asked for it.
    old = grouped.when("Null", OLD_LAUNCH, ("false",))
    bought = ("autoscaling:CreateLaunchConfiguration", *typeless, "savingsplans:CreateSavingsPlan")
    return launch, resize, groups, Rule(bought), old


def _encrypted(scope: Scope) -> tuple[Rule, ...]:
    volumes = prefixed(
        "ec2",
        "AttachVolume",
        "CopyVolumes",
        "CreateFleet",
        "CreateVolume",
        "ImportInstance",
        "ImportVolume",
        "RestoreVolumeFromRecycleBin",
        "RunInstances",
    )
    unencrypted = Rule(volumes, resources=(scope.arn("ec2", "*", "volume/*", "*"),))
    snapshots = Rule(("ec2:CopySnapshot",), resources=(scope.arn("ec2", "*", "snapshot/*", ""),))
    return (
        unencrypted.when("Bool", "ec2:Encrypted", ("false",)),
        snapshots.when("Bool", "ec2:Encrypted", ("false",)),
        Rule(("ec2:CreateReplaceRootVolumeTask",)),
    )


CONTROLS = (
    Control(
        id="instance_types",
        word="Instances",
        family="EC2",
        title="Only the approved instance types.",
        why="One GPU instance costs more than a team's month, and runs a model of its own.",
        stops="Launching, fleet launches and starting of other types; resizing to them; scaling groups that mix them "
        "in; the paths on which the type cannot be tested: spot requests, changed fleets, launch configurations "
        "(which AWS has replaced by launch templates) and groups that use one, scheduled and imported instances, "
        "purchases, Savings Plans, hosts, capacity reservations.",
        leaves="Deleting fleets, cancelling capacity reservations and lowering a group's size stay allowed. A group "
        "made from an instance (InstanceId): whether AWS names its launch configuration then is not verified. Auto "
        "Scaling checks the caller at creation only and launches with a service-linked role: a later version of a "
        "`$Latest` template is not checked again (see `pinned_templates`). StartInstanceRefresh with a "
        "DesiredConfiguration of other types: whether AWS sends `autoscaling:InstanceTypes` with it is not verified. "
        "AWS says that types chosen by attributes cannot be prevented completely. Services that launch with their own "
        "roles: EMR, Batch, EKS, Beanstalk, SageMaker and others; `bounded_roles` limits what they are given.",
        source=(EC2, ASG, GROUPS, CT6, EXAMPLES),
        rules=_types,
        accepted=(
            Accepted(
                "deny-fails-open",
                GROUP_TYPES,
                "The key holds the types that override the launch template's own; a group without overrides has none, "
                "and its template's type is tested as the caller's own launch.",
            ),
            Accepted(
                "set-operator-on-single-valued-key",
                GROUP_TYPES,
                "AWS lists the key as one value, and a group can mix several types; of one value the operator says the "
                "same.",
            ),
            *(
                Accepted(
                    "growing-wildcard-in-condition",
                    key,
                    "The spec approves these types by a pattern, later sizes of the family included.",
                )
                for key in ("ec2:InstanceType", NEW_TYPE, GROUP_TYPES)
            ),
        ),
    ),
    Control(
        id="encrypted_volumes",
        word="Encrypted",
        family="EC2",
        title="Every EBS volume is encrypted.",
        why="An unencrypted volume can be read by whoever shares its snapshot.",
        stops="Launching, creating, copying, attaching, restoring and importing volumes that are said to be "
        "unencrypted; copying snapshots so; replacing a root volume, for which no key exists.",
        leaves="A request that carries no ec2:Encrypted key passes: the test is for `false`. How the key reads while "
        "encryption by default is on and no flag is sent is not documented: try a dry run before you rely on it. "
        "Existing volumes. Services that make volumes under their own roles (Backup, ECS, EKS, Elastic Disaster "
        "Recovery): `default_encryption` is for them.",
        source=(EC2, CT2, EXAMPLES),
        rules=_encrypted,
        accepted=(
            Accepted(
                "deny-fails-open",
                "ec2:Encrypted",
                "Whether AWS sends the key when a request says nothing of encryption is not documented, and denying "
                "its absence could refuse every plain launch. `default_encryption` is for such requests.",
            ),
        ),
    ),
    Control(
        id="default_encryption",
        word="DefaultEncryption",
        family="EC2",
        title="Encryption by default stays as it is.",
        why="It makes every new volume encrypted, whatever the image says.",
        stops="Switching it off, and changing its key.",
        leaves="It must be switched on first, in each region.",
        source=("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/AMIEncryption.html", EC2),
        rules=plain(
            *prefixed(
                "ec2", "DisableEbsEncryptionByDefault", "ModifyEbsDefaultKmsKeyId", "ResetEbsDefaultKmsKeyId"
            )
        ),
    ),
    Control(
        id="pinned_templates",
        word="Templates",
        family="EC2",
        title="Auto Scaling groups name a version of their launch template.",
        why="With `$Latest` or `$Default` a later version launches unchecked.",
        stops="Creating and updating groups without a version.",
        leaves="Groups that exist already.",
        source=(ASG,),
        rules=lambda _: (
            Rule(prefixed("autoscaling", "CreateAutoScalingGroup", "UpdateAutoScalingGroup")).when(
                "Bool", VERSION_SAID, ("false",)
            ),
        ),
        accepted=(
            Accepted(
                "deny-fails-open",
                VERSION_SAID,
                "A request that names no launch template, such as a change of size, has no version to name.",
            ),
        ),
    ),
)
