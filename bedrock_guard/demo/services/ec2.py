"""Amazon EC2: types, instances, volumes, encryption by default, and the dry run of RunInstances."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from bedrock_guard.demo.service import Answer, Need, Request, Service, ServiceError, page
from bedrock_guard.demo.services.ec2_types import instance_types
from bedrock_guard.demo.state import Body
from bedrock_guard.iam.globs import match

SERVICE = Service(
    "ec2",
    bad_token=ServiceError("InvalidParameterValue", "Invalid value for the NextToken parameter.", 400),
    checks_enums=False,
)
REGIONS = (
    "ap-northeast-1", "ap-south-1", "ap-southeast-2", "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1",
    "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
)  # fmt: skip
_FIRST_PAGE = 1000

Filters = dict[str, Callable[[Body], Iterable[Any]]]
_TYPE_FILTERS: Filters = {
    "instance-type": lambda b: [b["InstanceType"]],
    "current-generation": lambda b: [b["CurrentGeneration"]],
    "processor-info.supported-architecture": lambda b: b["ProcessorInfo"]["SupportedArchitectures"],
    "vcpu-info.default-vcpus": lambda b: [b["VCpuInfo"]["DefaultVCpus"]],
    "memory-info.size-in-mib": lambda b: [b["MemoryInfo"]["SizeInMiB"]],
    "bare-metal": lambda b: [b["BareMetal"]],
    "burstable-performance-supported": lambda b: [b["BurstablePerformanceSupported"]],
    "supported-usage-class": lambda b: b["SupportedUsageClasses"],
}
_INSTANCE_FILTERS: Filters = {
    "instance-state-name": lambda b: [b["State"]["Name"]],
    "instance-type": lambda b: [b["InstanceType"]],
    "instance-id": lambda b: [b["InstanceId"]],
    "tag-key": lambda b: [tag["Key"] for tag in b.get("Tags", ())],
}
_VOLUME_FILTERS: Filters = {
    "encrypted": lambda b: [b["Encrypted"]],
    "status": lambda b: [b["State"]],
    "volume-id": lambda b: [b["VolumeId"]],
    "volume-type": lambda b: [b["VolumeType"]],
    "attachment.instance-id": lambda b: [a["InstanceId"] for a in b.get("Attachments", ())],
    "tag-key": lambda b: [tag["Key"] for tag in b.get("Tags", ())],
}


@cache
def _types() -> tuple[Body, ...]:
    return tuple(sorted(instance_types(), key=lambda body: str(body["InstanceType"])))


def _matching(rows: Sequence[Body], filters: Sequence[Body], known: Filters) -> list[Body]:
    """EC2's filters: all of them, any value of each, wildcards in values."""
    found = list(rows)
    for wanted in filters:
        name, patterns = wanted.get("Name", "null"), wanted.get("Values", [])
        if name not in known and not name.startswith("tag:"):
            raise ServiceError("InvalidParameterValue", f"The filter '{name}' is invalid")
        found = [
            row for row in found if any(match(p, v) for p in patterns for v in _values(row, name, known))
        ]
    return found


def _values(row: Body, name: str, known: Filters) -> list[str]:
    if name.startswith("tag:"):
        return [tag["Value"] for tag in row.get("Tags", ()) if tag["Key"] == name[4:]]
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in known[name](row)]


def _dry_run(request: Request) -> None:
    if request.parameters.get("DryRun"):
        message = "Request would have succeeded, but DryRun flag is set."
        raise ServiceError("DryRunOperation", message, 412)


@SERVICE.operation(
    "DescribeInstanceTypes",
    gap="regular sizes of the M, C, R and T families and the common accelerated types; the members that choosers use",
)
def describe_instance_types(request: Request) -> Answer:
    """Types by name or filter, 100 a page."""
    _dry_run(request)
    names = request.parameters.get("InstanceTypes")
    known = {body["InstanceType"]: body for body in _types()}
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        message = f"The following supplied instance types do not exist: [{', '.join(unknown)}]"
        raise ServiceError("InvalidInstanceType", message)
    rows = [known[name] for name in sorted(set(names))] if names else list(_types())
    found = _matching(rows, request.parameters.get("Filters", ()), _TYPE_FILTERS)
    return page(found, request).answer("InstanceTypes")


@SERVICE.operation("DescribeInstances")
def describe_instances(request: Request) -> Answer:
    """Instances of this account and Region, each in a reservation of its own."""
    _dry_run(request)
    rows = _named(
        request, "instances", "InstanceId", "InstanceIds", "InvalidInstanceID.NotFound", "instance ID"
    )
    found = _matching(rows, request.parameters.get("Filters", ()), _INSTANCE_FILTERS)
    part = page(found, request, default=_FIRST_PAGE)
    answer = part.answer("Reservations")
    answer["Reservations"] = [
        {
            "ReservationId": f"r-{body['InstanceId'].removeprefix('i-')}",
            "OwnerId": request.account,
            "Groups": [],
            "Instances": [body],
        }
        for body in part.items
    ]
    return answer


@SERVICE.operation("DescribeVolumes")
def describe_volumes(request: Request) -> Answer:
    """Volumes of this account and Region."""
    _dry_run(request)
    rows = _named(request, "volumes", "VolumeId", "VolumeIds", "InvalidVolume.NotFound", "volume")
    found = _matching(rows, request.parameters.get("Filters", ()), _VOLUME_FILTERS)
    return page(found, request, default=_FIRST_PAGE).answer("Volumes")


def _named(request: Request, kind: str, key: str, member: str, code: str, what: str) -> list[Body]:
    rows = request.items.at(region=request.region).bodies(kind)
    wanted = request.parameters.get(member)
    if not wanted:
        return rows
    missing = sorted(set(wanted) - {row[key] for row in rows})
    if missing:
        raise ServiceError(code, f"The {what} '{', '.join(missing)}' does not exist")
    return [row for row in rows if row[key] in wanted]


@SERVICE.operation("GetEbsEncryptionByDefault")
def get_ebs_encryption_by_default(request: Request) -> Answer:
    """Whether new volumes are encrypted in this Region."""
    _dry_run(request)
    body = request.items.at(region=request.region).get("encryption_by_default", "encryption_by_default")
    return {"EbsEncryptionByDefault": bool(body and body["value"])}


@SERVICE.operation("DescribeRegions", gap="the Regions that are on by default, without a few")
def describe_regions(request: Request) -> Answer:
    """Regions enabled for the account."""
    _dry_run(request)
    rows = [
        {"RegionName": name, "Endpoint": f"ec2.{name}.amazonaws.com", "OptInStatus": "opt-in-not-required"}
        for name in REGIONS
        if name in request.parameters.get("RegionNames", REGIONS)
    ]
    return {
        "Regions": _matching(
            rows, request.parameters.get("Filters", ()), {"region-name": lambda b: [b["RegionName"]]}
        )
    }


def _launch_needs(request: Request) -> list[Need]:
    """What RunInstances asks for: the instance, and each thing it is made from.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
    """
    p = request.parameters
    base = f"arn:aws:ec2:{request.region}:{request.account}"
    instance = {"ec2:InstanceType": p.get("InstanceType", "m1.small"), "ec2:Region": request.region}
    tokens = p.get("MetadataOptions", {}).get("HttpTokens")
    if tokens:
        instance["ec2:MetadataHttpTokens"] = tokens
    market = p.get("InstanceMarketOptions", {}).get("MarketType")
    instance["ec2:InstanceMarketType"] = market or "on-demand"
    needs = {
        f"{base}:instance/*": instance,
        f"{base}:volume/*": _volume_keys(request) | {"ec2:Region": request.region},
        f"{base}:network-interface/*": {"ec2:Region": request.region},
        f"arn:aws:ec2:{request.region}::image/{p.get('ImageId', '*')}": {"ec2:Region": request.region},
        f"{base}:subnet/{p.get('SubnetId', '*')}": {"ec2:Region": request.region},
    }
    for group in p.get("SecurityGroupIds", ("*",)):
        needs[f"{base}:security-group/{group}"] = {"ec2:Region": request.region}
    if "KeyName" in p:
        needs[f"{base}:key-pair/{p['KeyName']}"] = {"ec2:Region": request.region}
    return [Need("ec2:RunInstances", arn, keys) for arn, keys in needs.items()]


def _volume_keys(request: Request) -> dict[str, Any]:
    disks = [m["Ebs"] for m in request.parameters.get("BlockDeviceMappings", ()) if "Ebs" in m]
    disk = disks[0] if disks else {}
    names = {"Encrypted": "ec2:Encrypted", "VolumeSize": "ec2:VolumeSize", "VolumeType": "ec2:VolumeType"}
    return {key: disk[name] for name, key in names.items() if name in disk}


@SERVICE.operation(
    "RunInstances", writes=False, needs=_launch_needs, gap="dry run only: the demo starts nothing"
)
def run_instances(request: Request) -> Answer:
    """DryRunOperation when the caller may and the type exists."""
    kind = request.parameters.get("InstanceType", "m1.small")
    if kind not in {body["InstanceType"] for body in _types()}:
        raise ServiceError("InvalidParameterValue", f"Invalid value '{kind}' for InstanceType.")
    _dry_run(request)
    raise ServiceError("UnsupportedOperation", "The demo starts no instances; use DryRun=True.")
