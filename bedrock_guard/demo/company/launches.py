"""EC2 launches of the demo company as CloudTrail records: encrypted, not encrypted, not stated, refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

from bedrock_guard.demo.company.clock import ago
from bedrock_guard.demo.company.ec2 import FLEETS, ON_DEMAND, SPOT, Fleet
from bedrock_guard.demo.company.people import CALLERS
from bedrock_guard.demo.company.plan import Plan
from bedrock_guard.demo.company.records import Record, denied, event

EC2 = "ec2.amazonaws.com"


def launches(plan: Plan, rng: Random) -> Iterator[Record]:
    """RunInstances for what was launched in the history, and two refusals."""
    for fleet in FLEETS:
        if fleet.age < plan.days:
            yield _launched(plan, rng, fleet)
    yield _refused(plan, rng, 23.5, "p5.48xlarge", 400)
    yield _refused(plan, rng, 10.2, "g6e.48xlarge", 3_000)


def _launched(plan: Plan, rng: Random, fleet: Fleet) -> Record:
    caller = CALLERS["research" if fleet.home == 1 else "product-admin"]
    parameters = _parameters(fleet.instance_type, len(fleet.ids), _device(fleet))
    if fleet.purchase == SPOT:
        parameters["instanceMarketOptions"] = {"marketType": "spot"}
    items = [
        {"instanceId": name, "instanceType": fleet.instance_type, "imageId": "ami-0de0000000000000a",
         "blockDeviceMapping": {}, "instanceState": {"code": 0, "name": "pending"}}
        for name in fleet.ids
    ]  # fmt: skip
    return event(
        rng, caller, plan.account(fleet.home), ago(fleet.age) + timedelta(seconds=2), EC2, "RunInstances",
        fleet.region, requestParameters=parameters, responseElements={"instancesSet": {"items": items}},
    )  # fmt: skip


def _device(fleet: Fleet) -> Record:
    """The request's block devices; {} where the image decides, so that CloudTrail cannot say."""
    if fleet.purchase != ON_DEMAND:
        return {}
    disk = {
        "volumeSize": fleet.gigabytes,
        "volumeType": "gp3",
        "deleteOnTermination": True,
        "encrypted": fleet.encrypted,
    }
    return {"items": [{"deviceName": "/dev/xvda", "ebs": disk}]}


def _parameters(instance_type: str, count: int, devices: Record) -> dict[str, Any]:
    image = {"imageId": "ami-0de0000000000000a", "minCount": count, "maxCount": count}
    return {"instanceType": instance_type, "instancesSet": {"items": [image]}, "blockDeviceMapping": devices}


def _refused(plan: Plan, rng: Random, days: float, instance_type: str, encoded: int) -> Record:
    """EC2 hides the reason in an encoded message; CloudTrail cuts a long one at 1 KB."""
    caller = CALLERS["research"]
    account = plan.account(caller.home)
    text = (
        "You are not authorized to perform this operation. "
        f"User: arn:aws:sts::{account}:assumed-role/{caller.name}/{caller.sessions[0]} is not authorized to perform: "
        f"ec2:RunInstances on resource: arn:aws:ec2:us-east-1:{account}:instance/* "
        "with an explicit deny in a service control policy. Encoded authorization failure message: "
        + "".join(rng.choices("ABCDEFGHabcdefgh0123456789_-", k=encoded))
    )
    cut = text if len(text) <= 1026 else f"{text[:1023]}..."
    return event(
        rng, caller, account, ago(days), EC2, "RunInstances", requestParameters=_parameters(instance_type, 1, {}),
        **denied(cut, "Client.UnauthorizedOperation"),
    )  # fmt: skip
