"""Instance types that the demo's EC2 offers: sizes by family, accelerators where there are some.

Figures from https://aws.amazon.com/ec2/instance-types/ ; prices are not here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bedrock_guard.demo.protocol import service_model
from bedrock_guard.demo.state import Body

_GIB_PER_VCPU = {"m": 4, "c": 2, "r": 8}
_REGULAR = re.compile(r"([mcr])([5-9])([a-z]*(?:-flex)?)\.(medium|large|(\d*)xlarge)")
_ODD_MEMORY = {"c5n"}
_BURST_GIB = {"nano": 0.5, "micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32}
_BURST_VCPUS = {"xlarge": 4, "2xlarge": 8}
_ARM = re.compile(r"[cmrt]\d+g")
_BURSTABLE = ("t3", "t3a", "t4g")


@dataclass(frozen=True, slots=True)
class Accelerated:
    """One type with accelerators: how many, which, and the memory of each in GiB."""

    vcpus: int
    memory_gib: int
    count: int
    name: str
    each_gib: int
    maker: str = "NVIDIA"


_ACCELERATED = {
    "g4dn.xlarge": Accelerated(4, 16, 1, "T4", 16),
    "g4dn.2xlarge": Accelerated(8, 32, 1, "T4", 16),
    "g4dn.12xlarge": Accelerated(48, 192, 4, "T4", 16),
    "g5.xlarge": Accelerated(4, 16, 1, "A10G", 24),
    "g5.2xlarge": Accelerated(8, 32, 1, "A10G", 24),
    "g5.12xlarge": Accelerated(48, 192, 4, "A10G", 24),
    "g5.48xlarge": Accelerated(192, 768, 8, "A10G", 24),
    "g6.xlarge": Accelerated(4, 16, 1, "L4", 24),
    "g6.2xlarge": Accelerated(8, 32, 1, "L4", 24),
    "g6.12xlarge": Accelerated(48, 192, 4, "L4", 24),
    "g6e.xlarge": Accelerated(4, 32, 1, "L40S", 48),
    "g6e.12xlarge": Accelerated(48, 384, 4, "L40S", 48),
    "p3.2xlarge": Accelerated(8, 61, 1, "V100", 16),
    "p3.16xlarge": Accelerated(64, 488, 8, "V100", 16),
    "p4d.24xlarge": Accelerated(96, 1152, 8, "A100", 40),
    "p4de.24xlarge": Accelerated(96, 1152, 8, "A100", 80),
    "p5.48xlarge": Accelerated(192, 2048, 8, "H100", 80),
    "p5en.48xlarge": Accelerated(192, 2048, 8, "H200", 141),
    "inf2.xlarge": Accelerated(4, 16, 1, "Inferentia2", 32, "AWS"),
    "inf2.48xlarge": Accelerated(192, 384, 12, "Inferentia2", 32, "AWS"),
    "trn1.2xlarge": Accelerated(8, 32, 1, "Trainium", 32, "AWS"),
    "trn1.32xlarge": Accelerated(128, 512, 16, "Trainium", 32, "AWS"),
}


def instance_types() -> Iterator[Body]:
    """Every type in the shape of DescribeInstanceTypes: names from botocore's enum, figures by family and size."""
    for family in _BURSTABLE:
        for size, gib in _BURST_GIB.items():
            plain = _plain(f"{family}.{size}", _BURST_VCPUS.get(size, 2), gib)
            yield plain | {"BurstablePerformanceSupported": True}
    for name in service_model("ec2").shape_for("InstanceType").enum:
        found = _REGULAR.fullmatch(name)
        if found is not None and name.partition(".")[0] not in _ODD_MEMORY:
            vcpus = _vcpus(found.group(4), found.group(5))
            yield _plain(name, vcpus, vcpus * _GIB_PER_VCPU[found.group(1)])
    for name, kind in _ACCELERATED.items():
        yield _plain(name, kind.vcpus, kind.memory_gib) | _devices(kind)


def _vcpus(size: str, times: str | None) -> int:
    return {"medium": 1, "large": 2}.get(size) or 4 * int(times or 1)


def _plain(name: str, vcpus: int, memory_gib: float) -> Body:
    family = name.partition(".")[0]
    arm = _ARM.match(family) is not None
    return {
        "InstanceType": name,
        "CurrentGeneration": family != "p3",
        "FreeTierEligible": name in {"t3.micro", "t4g.micro"},
        "SupportedUsageClasses": ["on-demand", "spot"],
        "BareMetal": False,
        "Hypervisor": "xen" if family == "p3" else "nitro",
        "ProcessorInfo": {"SupportedArchitectures": ["arm64" if arm else "x86_64"]},
        "VCpuInfo": {"DefaultVCpus": vcpus},
        "MemoryInfo": {"SizeInMiB": int(memory_gib * 1024)},
        "EbsInfo": {"EbsOptimizedSupport": "default", "EncryptionSupport": "supported"},
        "BurstablePerformanceSupported": False,
    }


def _devices(kind: Accelerated) -> Body:
    total = kind.count * kind.each_gib * 1024
    device = {
        "Name": kind.name,
        "Manufacturer": kind.maker,
        "Count": kind.count,
        "MemoryInfo": {"SizeInMiB": kind.each_gib * 1024},
    }
    if kind.maker == "NVIDIA":
        return {"GpuInfo": {"Gpus": [device], "TotalGpuMemoryInMiB": total}}
    return {"InferenceAcceleratorInfo": {"Accelerators": [device], "TotalInferenceMemoryInMiB": total}}
