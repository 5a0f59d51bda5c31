"""Cost Explorer's own view: the native model dimension, caller tags, and its forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.account.cost_explorer import AnswerCache, CostExplorer, Window, amounts
from bedrock_guard.account.cost_filters import by, within, without
from bedrock_guard.account.costs import PRODUCT_ATTRIBUTES_FROM, BillReading
from bedrock_guard.evidence.native import FORECAST, NATIVE, TAGGED
from bedrock_guard.evidence.tables import Provenance, money

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account

CALLER_TAGS: Final = "iamPrincipal/"
"""How tags of IAM users and roles are called in Cost Explorer once activated; a plain key is a resource tag.

https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/iam-principal-cost-allocation.html
"""


def read_native(account: Account, bill: BillReading, *, cache: AnswerCache | None = None) -> pd.DataFrame:
    """Spend by Cost Explorer's `model` and `inferenceType`, from 2026-09-01 on, without credits, discounts and tax.

    No SERVICE filter is sent: AWS advises against it, so that no service name is missed. A window that ends before
    2026-09-01 asks nothing and is of unknown completeness.

    Args:
        account: who asks.
        bill: the bill it will be compared with; its window and its charge types are taken.
        cache: where answers are kept; by default in memory, with the account.
    """
    explorer = CostExplorer(account, cache)
    window = bill.window.since(PRODUCT_ATTRIBUTES_FROM)
    if window is None:
        why = f"Cost Explorer knows models from {PRODUCT_ATTRIBUTES_FROM} on"
        return NATIVE.empty(bill.window.provenance("Cost Explorer", explorer.now).lowered("unknown", why))
    answer = explorer.usage(
        window,
        Metrics=["UnblendedCost"],
        GroupBy=[{"Type": "PRODUCT_ATTRIBUTE", "Key": key} for key in ("model", "inferenceType")],
        **_only_usage(bill),
    )
    rows = [
        {
            "day": pd.Timestamp(found.day, tz="UTC"),
            "model_raw": _value(found.keys[0]),
            "inference_type": _value(found.keys[1]),
            "cost": found.cost,
            "currency": found.currency,
            "estimated": found.estimated,
        }
        for found in amounts(answer.rows)
    ]
    return NATIVE.frame(rows, answer.provenance)


def _only_usage(bill: BillReading) -> dict[str, Any]:
    apart = sorted(set(bill.frame["record_type"].dropna()) - {"Usage"})
    return {"Filter": without("RECORD_TYPE", apart)} if apart else {}


def _value(key: str) -> str | None:
    """`model$Claude Sonnet 5` -> Claude Sonnet 5; `model$` is a line without the attribute."""
    return key.partition("$")[2] or None


def read_by_tag(
    account: Account, bill: BillReading, key: str | None = None, *, cache: AnswerCache | None = None
) -> pd.DataFrame:
    """Spend per value of an active caller tag and service; untagged spend is kept, its `tag_value` NA.

    Args:
        account: who asks.
        bill: its window and services are the scope.
        key: the tag, `iamPrincipal/team`; by default the first active one, found by one more request.
        cache: where answers are kept; by default in memory, with the account.
    """
    explorer = CostExplorer(account, cache)
    parts: list[Provenance] = []
    if key is None:
        found_keys = explorer.tags(bill.window)
        parts.append(found_keys.provenance)
        active = sorted(
            str(row["Value"]) for row in found_keys.rows if str(row["Value"]).startswith(CALLER_TAGS)
        )
        if not active or not bill.services:
            why = f"no tag {CALLER_TAGS}... is active for cost allocation"
            return TAGGED.empty(found_keys.provenance.lowered("unknown", why))
        key = active[0]
    answer = explorer.usage(
        bill.window,
        Metrics=["UnblendedCost"],
        Filter=within("SERVICE", bill.services),
        GroupBy=[{"Type": "TAG", "Key": key}, *by("SERVICE")],
    )
    rows = [
        {
            "day": pd.Timestamp(found.day, tz="UTC"),
            "tag_key": key,
            "tag_value": _value(found.keys[0]),
            "service": found.keys[1],
            "cost": found.cost,
            "currency": found.currency,
            "estimated": found.estimated,
        }
        for found in amounts(answer.rows)
    ]
    return TAGGED.frame(rows, Provenance.merged([*parts, answer.provenance]))


@dataclass(frozen=True, slots=True)
class Horizon:
    """What to forecast: days from tomorrow on, and how wide the interval is (percent of outcomes inside)."""

    days: int = 28
    level: int = 80


def read_forecast(
    account: Account,
    services: Sequence[str],
    horizon: Horizon | None = None,
    *,
    cache: AnswerCache | None = None,
) -> pd.DataFrame:
    """Cost Explorer's own forecast, with its own interval; one request.

    Args:
        account: who asks.
        services: SERVICE values; a forecast cannot be filtered by model.
        horizon: by default 28 days from tomorrow, 80 %.
        cache: where answers are kept; by default in memory, with the account.
    """
    explorer, asked = CostExplorer(account, cache), horizon or Horizon()
    start = explorer.now.date() + timedelta(days=1)
    window = Window(start, start + timedelta(days=asked.days))
    if not services:
        why = "there is no service to forecast"
        return FORECAST.empty(window.provenance("Cost Explorer", explorer.now).lowered("unknown", why))
    answer = explorer.forecast(
        window,
        Metric="UNBLENDED_COST",
        Granularity="DAILY",
        PredictionIntervalLevel=asked.level,
        Filter=within("SERVICE", services),
    )
    rows = [
        {
            "day": pd.Timestamp(date.fromisoformat(str(row["TimePeriod"]["Start"])[:10]), tz="UTC"),
            "mean": money(row.get("MeanValue")),
            "low": money(row.get("PredictionIntervalLowerBound")),
            "high": money(row.get("PredictionIntervalUpperBound")),
            "level": asked.level,
        }
        for row in answer.rows
    ]
    return FORECAST.frame(rows, answer.provenance)
