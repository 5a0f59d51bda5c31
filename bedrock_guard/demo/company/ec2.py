"""The demo company's EC2: instances and volumes in EC2's shapes, and their lines on the bill."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from bedrock_guard.demo.company.bill import BillLine, bill_line
from bedrock_guard.demo.company.clock import NOW, ago, history_days, open_seconds, stamp
from bedrock_guard.demo.company.plan import Plan
from bedrock_guard.demo.company.prices import REGION_CODES

COMPUTE: Final = "Amazon Elastic Compute Cloud - Compute"
OTHER: Final = "EC2 - Other"
ON_DEMAND: Final = "On Demand Instances"
SPOT: Final = "Spot Instances"
RESERVED: Final = "Standard Reserved Instances"


@dataclass(frozen=True, slots=True)
class Fleet:
    """Instances of one type under one purchase option.

    Args:
        name: the Name tag.
        home: index of the account.
        region: where they run.
        instance_type: EC2 instance type.
        ids: instance ids.
        purchase: Cost Explorer's PURCHASE_TYPE value.
        hourly: USD per instance hour (for reserved ones the effective rate).
        age: days since launch.
        encrypted: whether the root volume is.
        gigabytes: size of the root volume.
        running: False for stopped ones (volumes still cost).
        architecture: x86_64 or arm64.
    """

    name: str
    home: int
    region: str
    instance_type: str
    ids: tuple[str, ...]
    purchase: str
    hourly: Decimal
    age: float
    encrypted: bool = True
    gigabytes: int = 100
    running: bool = True
    architecture: str = "x86_64"


FLEETS: Final[tuple[Fleet, ...]] = (
    Fleet("search-api", 0, "us-west-2", "m7i.large", ("i-0de00000000000011", "i-0de00000000000012"), ON_DEMAND,
          Decimal("0.1008"), 200),
    Fleet("product-core", 0, "us-east-1", "m7i.xlarge", ("i-0de00000000000021", "i-0de00000000000022"), RESERVED,
          Decimal("0.1332"), 260),
    Fleet("render-workers", 0, "us-east-1", "c7g.xlarge", ("i-0de00000000000031", "i-0de00000000000032"), SPOT,
          Decimal("0.0571"), 16, architecture="arm64"),
    Fleet("research-notebook", 1, "us-east-1", "g6.xlarge", ("i-0de00000000000041",), ON_DEMAND,
          Decimal("0.8048"), 41, encrypted=False, gigabytes=500),
    Fleet("research-training", 1, "us-east-1", "g6.12xlarge", ("i-0de00000000000051",), ON_DEMAND,
          Decimal("4.6016"), 24, gigabytes=2000),
    Fleet("bastion", 2, "us-east-1", "t3.micro", ("i-0de00000000000001",), ON_DEMAND,
          Decimal("0.0104"), 400, gigabytes=8, running=False),
)  # fmt: skip
"""Everything that runs on EC2."""

_VOLUME_MONTH: Final = Decimal("0.08")
_NAT_HOURLY: Final = Decimal("0.045")


def ec2_state(plan: Plan) -> dict[str, dict[str, dict[str, Any]]]:
    """Account -> Region -> instances, volumes and the encryption-by-default setting."""
    state: dict[str, dict[str, dict[str, Any]]] = {}
    for account in plan.accounts:
        for region in ("us-east-1", "us-west-2", "eu-west-1"):
            default = account == plan.account(0)
            state.setdefault(account, {})[region] = {
                "instances": [],
                "volumes": [],
                "encryption_by_default": default,
            }
    for fleet in FLEETS:
        place = state[plan.account(fleet.home)][fleet.region]
        for instance_id in fleet.ids:
            place["instances"].append(_instance(fleet, instance_id))
            place["volumes"].append(_volume(fleet, instance_id, plan.account(fleet.home)))
    return state


def volume_id(instance_id: str) -> str:
    """The id of an instance's root volume."""
    return f"vol-{instance_id[2:]}"


def _instance(fleet: Fleet, instance_id: str) -> dict[str, Any]:
    launched = ago(fleet.age)
    attached = {"AttachTime": stamp(launched), "DeleteOnTermination": True, "Status": "attached"}
    body: dict[str, Any] = {
        "InstanceId": instance_id,
        "ImageId": "ami-0de0000000000000a",
        "InstanceType": fleet.instance_type,
        "LaunchTime": stamp(launched),
        "Architecture": fleet.architecture,
        "State": {"Code": 16, "Name": "running"} if fleet.running else {"Code": 80, "Name": "stopped"},
        "Placement": {"AvailabilityZone": f"{fleet.region}a", "Tenancy": "default"},
        "BlockDeviceMappings": [
            {"DeviceName": "/dev/xvda", "Ebs": {**attached, "VolumeId": volume_id(instance_id)}}
        ],
        "Tags": [{"Key": "Name", "Value": fleet.name}],
    }
    return {**body, "InstanceLifecycle": "spot"} if fleet.purchase == SPOT else body


def _volume(fleet: Fleet, instance_id: str, account: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "VolumeId": volume_id(instance_id),
        "Size": fleet.gigabytes,
        "VolumeType": "gp3",
        "State": "in-use",
        "Encrypted": fleet.encrypted,
        "CreateTime": stamp(ago(fleet.age)),
        "AvailabilityZone": f"{fleet.region}a",
        "Attachments": [
            {
                "InstanceId": instance_id,
                "VolumeId": volume_id(instance_id),
                "Device": "/dev/xvda",
                "State": "attached",
            }
        ],
    }
    key = f"arn:aws:kms:{fleet.region}:{account}:key/0de00000-0000-4000-a000-000000000001"
    return {**body, "KmsKeyId": key} if fleet.encrypted else body


def ec2_lines(plan: Plan) -> Iterator[BillLine]:
    """Instance hours by type and purchase option, reservation fees, volumes and network address translation."""
    for day in history_days(plan.days):
        start, end = open_seconds(day, plan.days)
        hours = Decimal(round((end - start) / 3600))
        for fleet in FLEETS:
            launched = ago(fleet.age).date()
            if day > launched and hours:
                yield from _fleet_lines(plan, fleet, day.isoformat(), hours)
        yield bill_line(
            day.isoformat(),
            plan.account(0),
            "us-east-1",
            OTHER,
            "USE1-NatGateway-Hours",
            operation="NatGateway",
            quantity=hours * 2,
            unit="Hrs",
            cost=hours * 2 * _NAT_HOURLY,
        )
    yield from _reservation_fees(plan)


def _fleet_lines(plan: Plan, fleet: Fleet, day: str, hours: Decimal) -> Iterator[BillLine]:
    account, code = plan.account(fleet.home), REGION_CODES[fleet.region]
    size = Decimal(fleet.gigabytes * len(fleet.ids))
    yield bill_line(
        day,
        account,
        fleet.region,
        OTHER,
        f"{code}-EBS:VolumeUsage.gp3",
        operation="CreateVolume-Gp3",
        quantity=size * hours / 730,
        unit="GB-Mo",
        cost=size * hours / 730 * _VOLUME_MONTH,
    )
    if not fleet.running:
        return
    used = hours * len(fleet.ids)
    meter = "SpotUsage" if fleet.purchase == SPOT else "BoxUsage"
    reserved = fleet.purchase == RESERVED
    yield bill_line(
        day,
        account,
        fleet.region,
        COMPUTE,
        f"{code}-{meter}:{fleet.instance_type}",
        operation="RunInstances",
        record_type="DiscountedUsage" if reserved else "Usage",
        quantity=used,
        unit="Hrs",
        cost=Decimal(0) if reserved else used * fleet.hourly,
        amortized=used * fleet.hourly,
        instance_type=fleet.instance_type,
        purchase_type=fleet.purchase,
    )
    yield bill_line(
        day,
        account,
        fleet.region,
        COMPUTE,
        f"{code}-DataTransfer-Out-Bytes",
        operation="RunInstances",
        quantity=used / 4,
        unit="GB",
        cost=used / 4 * Decimal("0.09"),
        purchase_type=ON_DEMAND,
    )


def _reservation_fees(plan: Plan) -> Iterator[BillLine]:
    """The monthly fee of each reservation, on the first of the month; amortized it lies in the hours."""
    for day in history_days(plan.days):
        if day.day != 1:
            continue
        hours = _hours_of_month(day.year, day.month)
        for fleet in FLEETS:
            if fleet.purchase == RESERVED:
                yield bill_line(
                    day.isoformat(),
                    plan.account(fleet.home),
                    fleet.region,
                    COMPUTE,
                    f"{REGION_CODES[fleet.region]}-HeavyUsage:{fleet.instance_type}",
                    operation="RunInstances",
                    record_type="RIFee",
                    quantity=hours * len(fleet.ids),
                    unit="Hrs",
                    cost=hours * len(fleet.ids) * fleet.hourly,
                    amortized=Decimal(0),
                    instance_type=fleet.instance_type,
                    purchase_type=fleet.purchase,
                )


def _hours_of_month(year: int, month: int) -> Decimal:
    first = datetime(year, month, 1, tzinfo=NOW.tzinfo)
    after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=NOW.tzinfo)
    return Decimal((after - first).days * 24)
