"""How much each model was called, and by how many: counted by the model that stands behind what a call names."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

COLUMNS = ("calls", "failed", "callers", "first")


def model_use(calls: pd.DataFrame, stands_for: Mapping[str, str] | None = None) -> pd.DataFrame:
    """One row a model, its id as the index.

    Args:
        calls: a calls table, or TUPLES.
        stands_for: what opaque ARNs stand for (provisioned models): ARN -> model id.

    Returns:
        calls (that worked), failed (that did not; of TUPLES those that were denied), callers
            (principals whose call worked), first (of those, UTC).

    Example:
        >>> frame = pd.DataFrame({"model": ["m", "m"], "principal": ["a", "b"], "error_code": [None, "Throttled"]})
        >>> frame["event_time"] = pd.Timestamp("2026-11-01", tz="UTC")
        >>> model_use(frame)[["calls", "failed", "callers"]].values.tolist()
        [[1, 1, 1]]

    """
    counted = "calls" in calls.columns
    known = pd.DataFrame(
        {
            "model": calls["model"].astype("string"),
            "principal": calls["principal"],
            "at": calls["first_seen" if counted else "event_time"],
            "number": calls["calls"].astype("int64") if counted else 1,
            "failed": calls["already_denied"].fillna(False) if counted else calls["error_code"].notna(),
        }
    )
    if stands_for:
        behind = calls["model_raw"].astype("string").map(dict(stands_for))
        known["model"] = known["model"].fillna(behind.astype("string"))
    known = known[known["model"].notna()]
    failed = known["failed"].astype(bool)
    found = (
        known[~failed]
        .groupby("model")
        .agg(calls=("number", "sum"), callers=("principal", "nunique"), first=("at", "min"))
    )
    lost = known[failed].groupby("model")["number"].sum().rename("failed")
    every = found.join(lost, how="outer")
    counts = every[["calls", "failed", "callers"]].fillna(0).astype("int64")
    return counts.assign(first=every["first"])[list(COLUMNS)]


def units_behind(units: pd.DataFrame | None) -> dict[str, str]:
    """ARN of provisioned throughput -> the id of its model (`account.resources.RESOURCES`)."""
    if units is None or units.empty:
        return {}
    named = units.dropna(subset=["arn", "model"])
    return {
        str(arn): str(model).rpartition("/")[2]
        for arn, model in zip(named["arn"], named["model"], strict=True)
    }
