"""How a question to Cost Explorer says its scope and its groups.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Expression.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Filter = Mapping[str, Any]


def within(dimension: str, values: Sequence[str]) -> Filter:
    """Lines with one of these values."""
    return {"Dimensions": {"Key": dimension, "Values": list(values)}}


def without(dimension: str, values: Sequence[str]) -> Filter:
    """Lines with none of these values."""
    return {"Not": within(dimension, values)}


def every(*filters: Filter) -> Filter:
    """Lines that all of these take.

    Example:
        >>> every(within("REGION", ["us-east-1"]))
        {'Dimensions': {'Key': 'REGION', 'Values': ['us-east-1']}}
    """
    return filters[0] if len(filters) == 1 else {"And": list(filters)}


def by(*dimensions: str) -> list[dict[str, str]]:
    """Groups, two at the most."""
    return [{"Type": "DIMENSION", "Key": name} for name in dimensions]
