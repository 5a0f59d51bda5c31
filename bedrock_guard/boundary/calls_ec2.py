"""EC2 and Auto Scaling: one call is authorised once for each resource, and each carries its own keys.

Sources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html and
https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-launch-template-permissions.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bedrock_guard.boundary.call import Authorisation, Call, Value, listed, member
from bedrock_guard.boundary.catalogue import Catalogue

TYPE_KEY = "ec2:InstanceType"
NEW_TYPE_KEY = "ec2:Attribute/InstanceType"
ENCRYPTED_KEY = "ec2:Encrypted"
PINNED_KEY = "autoscaling:LaunchTemplateVersionSpecified"
GROUP_TYPES_KEY = "autoscaling:InstanceTypes"
OLD_LAUNCH_KEY = "autoscaling:LaunchConfigurationName"
# With no flag sent, the key's value (or its absence) under encryption by default is not documented.
UNTOLD: Mapping[str, tuple[Value | None, ...]] = {ENCRYPTED_KEY: (True, False, None)}


def _ec2(call: Call, resource: str, *, own: bool = True) -> str:
    return call.arn(resource, service="ec2", account=None if own else "")


def run_instances(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """Instance, volumes, image, network, key pair and launch template: a denial of any one stops the launch."""
    action = "ec2:RunInstances"
    kind = call.get("InstanceType")
    if kind:
        yield Authorisation(action, _ec2(call, "instance/*"), {TYPE_KEY: str(kind)})
    elif call.get("LaunchTemplate"):
        yield Authorisation(action, _ec2(call, "instance/*"), unknown=frozenset({TYPE_KEY}))
    else:
        yield Authorisation(action, _ec2(call, "instance/*"), {TYPE_KEY: "m1.small"})
    yield from _volumes(
        call, action, listed(call.get("BlockDeviceMappings") or call.get("blockDeviceMapping"))
    )
    if call.get("ImageId"):
        yield Authorisation(action, _ec2(call, f"image/{call.get('ImageId')}", own=False))
    yield Authorisation(action, _ec2(call, f"subnet/{call.get('SubnetId') or '*'}"))
    yield Authorisation(action, _ec2(call, "network-interface/*"))
    for group in listed(call.get("SecurityGroupIds")) or ("*",):
        yield Authorisation(action, _ec2(call, f"security-group/{group}"))
    if call.get("KeyName"):
        yield Authorisation(action, _ec2(call, f"key-pair/{call.get('KeyName')}"))
    template = call.get("LaunchTemplate", "LaunchTemplateId")
    if template:
        yield Authorisation(action, _ec2(call, f"launch-template/{template}"))
    if call.get("IamInstanceProfile"):
        yield _instance_role(call)


def _instance_role(call: Call) -> Authorisation:
    """The role behind an instance profile is passed; only `facts` can tell which it is."""
    role = call.facts.get("iam:InstanceProfileRole")
    context: dict[str, Value] = {"iam:PassedToService": "ec2.amazonaws.com"}
    if isinstance(role, str):
        return Authorisation("iam:PassRole", role, context)
    unknown = call.arn("role/*", service="iam", region="")
    return Authorisation("iam:PassRole", unknown, context, resource_known=False)


def instance_profile(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """Giving an instance another profile passes the role behind it."""
    yield Authorisation(f"ec2:{call.name}", _ec2(call, f"instance/{call.get('InstanceId') or '*'}"))
    yield _instance_role(call)


def _volumes(call: Call, action: str, mappings: Sequence[Any]) -> Iterator[Authorisation]:
    disks = [disk for disk in (member(mapping, "Ebs") for mapping in mappings) if isinstance(disk, Mapping)]
    for flag in [member(disk, "Encrypted") for disk in disks] or [None]:
        yield _volume(call, action, "volume/*", flag)


def _volume(call: Call, action: str, resource: str, flag: object) -> Authorisation:
    if flag is None:
        return Authorisation(action, _ec2(call, resource), either=UNTOLD)
    return Authorisation(action, _ec2(call, resource), {ENCRYPTED_KEY: bool(flag)})


def create_fleet(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """A fleet's types by its overrides; chosen by attributes, what the key then holds is not documented."""
    action = "ec2:CreateFleet"
    yield Authorisation(action, _ec2(call, "fleet/*"))
    configs = call.get("LaunchTemplateConfigs") or ()
    for kind in _fleet_types(configs):
        context: dict[str, Value] = {TYPE_KEY: str(kind)} if kind else {}
        unknown = frozenset[str]() if kind else frozenset({TYPE_KEY})
        yield Authorisation(action, _ec2(call, "instance/*"), context, unknown=unknown)
    yield Authorisation(action, _ec2(call, "volume/*"), either=UNTOLD)
    for config in configs:
        template = (config.get("LaunchTemplateSpecification") or {}).get("LaunchTemplateId")
        if template:
            yield Authorisation(action, _ec2(call, f"launch-template/{template}"))


def _fleet_types(configs: Sequence[Mapping[str, Any]]) -> list[str | None]:
    """The type of each override; None where it is chosen by attributes or by the template."""
    none: Sequence[Mapping[str, Any]] = ({},)
    overrides = (override for config in configs for override in config.get("Overrides") or none)
    return [override.get("InstanceType") for override in overrides] or [None]


def on_instances(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """Starting, stopping and so on: the key holds the type each instance has, which the call does not tell."""
    told = [member(item, "instanceId") for item in listed(call.get("instancesSet"))]
    for instance in listed(call.get("InstanceIds")) or told or ("*",):
        resource = _ec2(call, f"instance/{instance}")
        yield Authorisation(f"ec2:{call.name}", resource, unknown=frozenset({TYPE_KEY}))


def modify_instance(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """ModifyInstanceAttribute: the wished type has a key of its own, absent when another attribute is changed."""
    asked = call.get("InstanceType", "Value") or call.get("InstanceType")
    if str(call.get("Attribute") or "") == "instanceType":
        asked = asked or call.get("Value")
    context: dict[str, Value] = {NEW_TYPE_KEY: str(asked)} if asked else {}
    resource = _ec2(call, f"instance/{call.get('InstanceId')}")
    yield Authorisation("ec2:ModifyInstanceAttribute", resource, context, unknown=frozenset({TYPE_KEY}))


def create_volume(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """CreateVolume and CopyVolumes."""
    yield _volume(call, f"ec2:{call.name}", "volume/*", call.get("Encrypted"))


def attach_volume(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """AttachVolume: the volume's encryption is its own, not in the call."""
    unknown = frozenset({ENCRYPTED_KEY})
    yield Authorisation("ec2:AttachVolume", _ec2(call, f"volume/{call.get('VolumeId')}"), unknown=unknown)
    instance = _ec2(call, f"instance/{call.get('InstanceId')}")
    yield Authorisation("ec2:AttachVolume", instance, unknown=frozenset({TYPE_KEY}))


def copy_snapshot(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """CopySnapshot: the new snapshot carries the flag."""
    flag = call.get("Encrypted")
    resource = _ec2(call, "snapshot/*", own=False)
    if flag is None:
        yield Authorisation("ec2:CopySnapshot", resource, either=UNTOLD)
    else:
        yield Authorisation("ec2:CopySnapshot", resource, {ENCRYPTED_KEY: bool(flag)})


def replace_root(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """CreateReplaceRootVolumeTask: it carries no encryption key at all."""
    resource = _ec2(call, f"instance/{call.get('InstanceId')}")
    yield Authorisation("ec2:CreateReplaceRootVolumeTask", resource)
    yield Authorisation("ec2:CreateReplaceRootVolumeTask", _ec2(call, "volume/*"))


def spot(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """Spot requests have no instance among their resources, so no type can be tested."""
    kind = "spot-fleet-request/*" if call.name == "RequestSpotFleet" else "spot-instances-request/*"
    yield Authorisation(f"ec2:{call.name}", _ec2(call, kind))


def auto_scaling_group(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """The group, and the launch that Auto Scaling tries as the caller; later launches are its service-linked role's."""
    name = call.get("AutoScalingGroupName")
    group = call.arn(f"autoScalingGroup:*:autoScalingGroupName/{name}", service="autoscaling")
    mixed = call.get("MixedInstancesPolicy", "LaunchTemplate", "LaunchTemplateSpecification")
    template = call.get("LaunchTemplate") or mixed
    context: dict[str, Value] = {}
    if template:
        version = str(template.get("Version") or "$Default")
        context[PINNED_KEY] = version not in ("$Latest", "$Default")
    overrides = call.get("MixedInstancesPolicy", "LaunchTemplate", "Overrides") or ()
    if old := call.get("LaunchConfigurationName"):
        context[OLD_LAUNCH_KEY] = str(old)
    if types := tuple(str(entry["InstanceType"]) for entry in overrides if entry.get("InstanceType")):
        context[GROUP_TYPES_KEY] = types
    yield Authorisation(f"autoscaling:{call.name}", group, context)
    if template:
        yield Authorisation("ec2:RunInstances", _ec2(call, "instance/*"), unknown=frozenset({TYPE_KEY}))
        yield Authorisation("ec2:RunInstances", _ec2(call, "volume/*"), either=UNTOLD)
