"""EC2 through boto3 and its own wire protocol."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedrock_guard.account.session import Account

MANAGEMENT = "111122223333"


def code(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


@pytest.fixture
def ec2(account: Account) -> Any:
    items = account.demo_backend.state.items("ec2", MANAGEMENT, "us-east-1")
    for number in range(3):
        volume = f"vol-0de0000000000000{number}"
        instance = f"i-0de0000000000000{number}"
        items.load(
            "instances",
            f"{number:06d}",
            {
                "InstanceId": instance,
                "InstanceType": ("t3.micro", "p5.48xlarge", "m7i.large")[number],
                "State": {"Code": 16, "Name": "running"} if number else {"Code": 80, "Name": "stopped"},
                "LaunchTime": "2026-10-01T00:00:00Z",
                "Tags": [{"Key": "Name", "Value": f"web & <b>{number}</b>"}],
                "BlockDeviceMappings": [
                    {"DeviceName": "/dev/xvda", "Ebs": {"VolumeId": volume, "Status": "attached"}}
                ],
            },
        )
        items.load(
            "volumes",
            f"{number:06d}",
            {
                "VolumeId": volume,
                "Size": 8,
                "Encrypted": number != 1,
                "State": "in-use",
                "VolumeType": "gp3",
                "CreateTime": "2026-10-01T00:00:00Z",
                "Attachments": [{"InstanceId": instance, "VolumeId": volume, "State": "attached"}],
            },
        )
    items.load("encryption_by_default", "encryption_by_default", {"value": True})
    return account.client("ec2")


def test_types_page_and_have_figures(ec2: Any) -> None:
    pages = list(ec2.get_paginator("describe_instance_types").paginate())
    types = {t["InstanceType"]: t for part in pages for t in part["InstanceTypes"]}
    assert len(pages) > 2
    assert max(len(part["InstanceTypes"]) for part in pages) == 100
    assert types["p5.48xlarge"]["GpuInfo"]["Gpus"][0]["Count"] == 8
    assert (
        types["m7g.medium"]["VCpuInfo"]["DefaultVCpus"],
        types["m7g.medium"]["MemoryInfo"]["SizeInMiB"],
    ) == (1, 4096)
    assert types["m7g.medium"]["ProcessorInfo"]["SupportedArchitectures"] == ["arm64"]
    assert types["g4dn.xlarge"]["ProcessorInfo"]["SupportedArchitectures"] == ["x86_64"]
    assert types["r5.24xlarge"]["MemoryInfo"]["SizeInMiB"] == 768 * 1024


def test_types_by_name_and_filter(ec2: Any) -> None:
    found = ec2.describe_instance_types(InstanceTypes=["t3.micro", "m5.large"])["InstanceTypes"]
    assert [t["InstanceType"] for t in found] == ["m5.large", "t3.micro"]
    found = ec2.describe_instance_types(Filters=[{"Name": "instance-type", "Values": ["p5*", "p4d.*"]}])[
        "InstanceTypes"
    ]
    assert [t["InstanceType"] for t in found] == ["p4d.24xlarge", "p5.48xlarge", "p5en.48xlarge"]
    assert code(ec2.describe_instance_types, InstanceTypes=["x9.huge"]) == "InvalidInstanceType"
    assert (
        code(ec2.describe_instance_types, Filters=[{"Name": "no-such", "Values": ["x"]}])
        == "InvalidParameterValue"
    )


def test_instances_and_hostile_text_in_tags(ec2: Any) -> None:
    rows = [i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
    assert [i["InstanceType"] for i in rows] == ["t3.micro", "p5.48xlarge", "m7i.large"]
    assert rows[1]["Tags"][0]["Value"] == "web & <b>1</b>"
    assert rows[0]["LaunchTime"].isoformat() == "2026-10-01T00:00:00+00:00"
    running = ec2.describe_instances(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])
    assert len(running["Reservations"]) == 2
    tagged = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": ["*<b>2*"]}])["Reservations"]
    assert [r["Instances"][0]["InstanceType"] for r in tagged] == ["m7i.large"]
    assert code(ec2.describe_instances, InstanceIds=["i-0nothing"]) == "InvalidInstanceID.NotFound"


def test_instances_page(ec2: Any) -> None:
    first = ec2.describe_instances(MaxResults=2)
    rest = ec2.describe_instances(MaxResults=2, NextToken=first["NextToken"])
    assert (len(first["Reservations"]), len(rest["Reservations"]), "NextToken" in rest) == (2, 1, False)


def test_unencrypted_volumes(ec2: Any) -> None:
    found = ec2.describe_volumes(Filters=[{"Name": "encrypted", "Values": ["false"]}])["Volumes"]
    assert [v["Attachments"][0]["InstanceId"] for v in found] == ["i-0de00000000000001"]
    assert ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is True


def test_another_region_is_empty(ec2: Any, account: Account) -> None:
    other = account.client("ec2", "eu-west-1")
    assert other.describe_instances()["Reservations"] == []
    assert other.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False


def test_a_dry_run_is_a_dry_run(ec2: Any) -> None:
    launch = {"ImageId": "ami-0de00000000000001", "MinCount": 1, "MaxCount": 1}
    with pytest.raises(ClientError) as caught:
        ec2.run_instances(**launch, InstanceType="t3.micro", DryRun=True)
    assert caught.value.response["Error"]["Code"] == "DryRunOperation"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert code(ec2.run_instances, **launch, InstanceType="t3.micro") == "UnsupportedOperation"
    assert len(ec2.describe_instances()["Reservations"]) == 3
    assert code(ec2.describe_regions, DryRun=True) == "DryRunOperation"
