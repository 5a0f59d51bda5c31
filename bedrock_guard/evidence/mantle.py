"""What can be known of the mantle endpoint: its callers from the records, its dollars from the bill."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import pandas as pd

from bedrock_guard.evidence.invocations import INVOCATIONS
from bedrock_guard.evidence.spend import on_mantle
from bedrock_guard.evidence.tables import Table, total

MANTLE_USE: Final = Table(
    "mantle use",
    {
        "source": "string",
        "account_id": "string",
        "region": "string",
        "who": "string",
        "model": "string",
        "key_kind": "string",
        "calls": "Int64",
        "cost_usd": "object",
        "last_seen": "datetime64[us, UTC]",
    },
)
"""The mantle endpoint: control-plane calls by caller (from the records), inference dollars by model (from the bill)."""


def mantle_use(calls: pd.DataFrame, bill: pd.DataFrame) -> pd.DataFrame:
    """Callers of its control plane and, where data events were recorded, of its inference; then its bill (MANTLE_USE).

    Args:
        calls: a trail table.
        bill: a classified bill.
    """
    return MANTLE_USE.frame([*_called(calls), *_billed(bill)])


def _called(calls: pd.DataFrame) -> list[dict[str, Any]]:
    """Who called the mantle endpoint: its control plane, and inference where data events were recorded."""
    seen = calls[calls["service"].str.startswith("bedrock-mantle.").fillna(value=False).astype(bool)]
    seen = seen.assign(inference=seen["operation"].isin(list(INVOCATIONS)))
    names = ["inference", "account_id", "region", "principal", "session", "key_kind", "model"]
    return [
        {
            "source": f"records ({'inference' if inference else 'control plane'})",
            "account_id": account_id,
            "region": region,
            "who": session if isinstance(session, str) else principal,
            "model": model if isinstance(model, str) else None,
            "key_kind": kind,
            "calls": len(part),
            "last_seen": part["event_time"].max(),
        }
        for (inference, account_id, region, principal, session, kind, model), part in seen.groupby(
            names, dropna=False, observed=True
        )
    ]


def _billed(bill: pd.DataFrame) -> list[dict[str, Any]]:
    """Inference on the mantle endpoint: its usage types say so, who called they do not say."""
    lines = bill[on_mantle(bill)]
    return [
        {
            "source": "bill (inference)",
            "account_id": account_id,
            "region": region,
            "model": model,
            "cost_usd": _usd(part),
            "last_seen": _day(part["day"].max()),
        }
        for (account_id, region, model), part in lines.groupby(
            ["account_id", "region", "model"], dropna=False
        )
    ]


def _usd(lines: pd.DataFrame) -> Decimal | None:
    """Their sum; unknown with a line that has no amount, or is in another currency."""
    known = lines["cost"].notna().all() and (lines["currency"] == "USD").all()
    return total(lines["cost"]) if known else None


def _day(moment: Any) -> datetime:
    return pd.Timestamp(moment).to_pydatetime()
