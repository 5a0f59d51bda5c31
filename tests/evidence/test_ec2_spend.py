"""EC2 lines held to their control total, and the nearest allowed type."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest

from bedrock_guard.evidence.ec2 import INSTANCE_TYPES, Nearest, is_allowed, nearest_allowed, reconcile_ec2
from bedrock_guard.evidence.reconcile import ControlTotal
from bedrock_guard.evidence.tables import EC2_BILL, Provenance

X86, ARM = ("x86_64",), ("arm64",)
TYPES = INSTANCE_TYPES.frame(
    {"instance_type": name, "vcpus": vcpus, "memory_mib": memory, "architectures": arch, "gpus": gpus}
    for name, vcpus, memory, arch, gpus in [
        ("t3.micro", 2, 1024, ("i386", "x86_64"), 0),
        ("m7i.large", 2, 8192, X86, 0),
        ("m7i.xlarge", 4, 16384, X86, 0),
        ("m7g.large", 2, 8192, ARM, 0),
        ("g6.xlarge", 4, 16384, X86, 1),
        ("odd.large", None, None, None, None),
    ]
)


@pytest.mark.parametrize(
    ("used", "allowed", "nearest", "migration"),
    [
        ("m7i.large", ["m7i.*"], "m7i.large", False),
        ("m7i.large", ["t3.micro", "m7i.xlarge"], "m7i.xlarge", False),
        ("m7i.large", ["m7g.large", "m7i.xlarge"], "m7i.xlarge", False),
        ("m7i.large", ["m7g.*"], "m7g.large", True),
        ("g6.xlarge", ["m7i.*"], None, None),
        ("m7i.xlarge", ["g6.*"], "g6.xlarge", False),
        ("m7i.xlarge", ["t3.*"], None, None),
        ("odd.large", ["*"], None, None),
        ("unheard.of", ["*"], None, None),
    ],
)
def test_nearest(used, allowed, nearest, migration):
    assert nearest_allowed(used, allowed, TYPES) == Nearest(used, nearest, migration)


def test_patterns_are_case_sensitive_and_whole():
    assert not is_allowed("m7i.large", ["M7I.*"])
    assert not is_allowed("m7i.large-x", ["m7i.large"])


def bill(*costs, currency="USD"):
    return EC2_BILL.frame({"instance_type": "t3.micro", "cost": cost, "currency": currency} for cost in costs)


def control(amount, completeness="complete"):
    return ControlTotal(amount, "USD", Provenance("Cost Explorer", completeness=completeness, why="denied"))


def test_a_difference_is_exact():
    found = reconcile_ec2(bill(Decimal("1.1"), Decimal("2.2")), control(Decimal("3.29")))
    assert (found.difference, len(found.withheld)) == (Decimal("0.01"), 1)
    assert reconcile_ec2(bill(Decimal(3)), control(Decimal(3))).withheld == ()


def test_what_is_unknown_is_said():
    assert "denied" in reconcile_ec2(bill(Decimal(1)), control(None, "unknown")).withheld[0]
    assert "no amount" in reconcile_ec2(bill(None), control(Decimal(0))).withheld[0]
    mixed = pd.concat([bill(Decimal(1)), bill(Decimal(1), currency="EUR")])
    found = reconcile_ec2(mixed, control(Decimal(2)))
    assert (found.total, found.difference) == (None, None)
