"""Instance types that the demo's EC2 offers: sizes by family, accelerators where there are some.

Figures from https://aws.amazon.com/ec2/instance-types/ ; prices are not here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bedrock_guard.demo.state import Body

_VCPUS = {
    "nano": 2, "micro": 2, "small": 2, "medium": 2, "large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16,
    "8xlarge": 32, "12xlarge": 48, "16xlarge": 64, "24xlarge": 96, "48xlarge": 192,
}  # fmt: skip
_BURST_GIB = {"nano": 0.5, "micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32}
_COMMON = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge")
# GiB of memory for each vCPU.
_FAMILIES = {
    "m5": 4, "m6i": 4, "m6g": 4, "m7i": 4, "m7g": 4, "c5": 2, "c6i": 2, "c6g": 2, "c7i": 2, "c7g": 2,
    "r5": 8, "r6i": 8, "r6g": 8, "r7i": 8, "r7g": 8,
}  # fmt: skip
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
    """Every type in the shape of DescribeInstanceTypes."""
    for family in _BURSTABLE:
        for size, gib in _BURST_GIB.items():
            yield _plain(f"{family}.{size}", _VCPUS[size], gib) | {
                "BurstablePerformanceSupported": True
            }
    for family, ratio in _FAMILIES.items():
        for size in _COMMON:
            if not (family.endswith("g") and size == "24xlarge"):
                yield _plain(f"{family}.{size}", _VCPUS[size], _VCPUS[size] * ratio)
    for name, kind in _ACCELERATED.items():
        yield _plain(name, kind.vcpus, kind.memory_gib) | _devices(kind)


def _plain(name: str, vcpus: int, memory_gib: float) -> Body:
    family = name.partition(".")[0]
    arm = family.endswith("g")
    old = family in {"m5", "c5", "r5", "p3", "g4dn"}
    return {
        "InstanceType": name,
        "CurrentGeneration": family != "p3",
        "FreeTierEligible": name in {"t3.micro", "t4g.micro"},
        "SupportedUsageClasses": ["on-demand", "spot"],
        "BareMetal": False,
        "Hypervisor": "xen" if family == "p3" else "nitro",
        "ProcessorInfo": {"SupportedArchitectures": ["arm64" if arm else "x86_64"]},
        "VCpuInfo": {"DefaultVCpus": vcpus, "DefaultCores": vcpus if arm else max(1, vcpus // 2)},
        "MemoryInfo": {"SizeInMiB": int(memory_gib * 1024)},
        "InstanceStorageSupported": family in {"g4dn", "g5", "g6", "g6e", "p4d", "p4de", "p5", "p5en"},
        "EbsInfo": {"EbsOptimizedSupport": "default", "EncryptionSupport": "supported"},
        "BurstablePerformanceSupported": False,
        "NitroEnclavesSupport": "unsupported" if old or family in _BURSTABLE else "supported",
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
