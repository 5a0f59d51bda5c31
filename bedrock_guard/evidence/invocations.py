"""Calls that answer a prompt: their operations, and the tier they ask for in the words of the bill."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

INVOCATIONS: Final = frozenset(
    "InvokeModel InvokeModelWithResponseStream InvokeModelWithBidirectionalStream Converse ConverseStream "
    "CreateInference".split()
)
"""Operations that answer a prompt and should carry token counts."""

STANDARD: Final = "standard"
PROVISIONED: Final = "provisioned"
CUSTOM: Final = "custom"
_MARKS: Final = ("serviceTier", "service_tier", "performanceConfig")
_UNITS: Final = ":provisioned-model/"
_OWN: Final = (":custom-model-deployment/", ":custom-model/", ":imported-model/")
_BILLED: Final[Mapping[str, str]] = {"default": "standard", "optimized": "latency_optimized"}


def tier_of(parameters: str | None, model_raw: str | None) -> str:
    """The tier that a call's recorded parameters name: standard where they name none, as the API has it.

    `provisioned` and `custom` are what stands on the bill by the hour, or as a model of one's own.

    Args:
        parameters: JSON text of the kept request parameters.
        model_raw: what the call names its model.

    Example:
        >>> tier_of('{"serviceTier":{"type":"flex"}}', "amazon.nova-lite-v1:0"), tier_of(None, None)
        ('flex', 'standard')
    """
    named = model_raw or ""
    if _UNITS in named:
        return PROVISIONED
    if any(mark in named for mark in _OWN):
        return CUSTOM
    if not parameters or not any(mark in parameters for mark in _MARKS):
        return STANDARD
    asked = json.loads(parameters)
    places = ("serviceTier", "service_tier", "performanceConfigLatency", "performanceConfig")
    said = next((found for name in places if (found := _word(asked.get(name)))), STANDARD)
    return _BILLED.get(said, said)


def _word(value: Any) -> str:
    found = value.get("type") or value.get("latency") if isinstance(value, dict) else value
    return found if isinstance(found, str) else ""


def tiers(calls: pd.DataFrame) -> pd.Series[Any]:
    """The tier of each call (or tuple of calls), every distinct request read once."""
    codes: np.ndarray[Any, Any] = np.zeros(len(calls), dtype=np.int64)
    texts: list[list[str | None]] = []
    for name in ("parameters", "model_raw"):
        own, values = pd.factorize(calls[name], use_na_sentinel=False)
        texts.append([None if pd.isna(value) else str(value) for value in values])
        codes = codes * max(len(values), 1) + own
    rows, distinct = pd.factorize(codes)
    width = max(len(texts[1]), 1)
    found = [tier_of(texts[0][code // width], texts[1][code % width]) for code in distinct.tolist()]
    return pd.Series(pd.Categorical(found).take(rows), index=calls.index)
