"""The trail table with its texts as categories: a hundred thousand calls name a few hundred callers, models and places.

Choosing, sorting and grouping rows then moves small numbers; a table of calls takes a fifth of the memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bedrock_guard.evidence.usage import TRAIL

if TYPE_CHECKING:
    import pandas as pd

REPEATED: Final = tuple(
    name for name, dtype in TRAIL.columns.items() if dtype == "string" and name != "event_id"
)
"""The texts of the trail table that many rows share; an event's id is its own."""


def packed(calls: pd.DataFrame) -> pd.DataFrame:
    """The same calls, repeated texts as categories in the order of the alphabet, so that groups come in that order.

    A text that no category has cannot be put in, and `value_counts` counts the absent ones: see `unpacked`.
    """
    found = calls.astype({name: "category" for name in REPEATED if calls[name].dtype != "category"})
    for name in REPEATED:
        texts = found[name].cat.categories
        if not texts.is_monotonic_increasing:
            found[name] = found[name].cat.reorder_categories(texts.sort_values())
    found.attrs = calls.attrs
    return found


def unpacked(calls: pd.DataFrame) -> pd.DataFrame:
    """The same calls in the dtypes of the trail table, for a look at few of them."""
    found = calls.astype({name: TRAIL.columns[name] for name in calls.columns if name in TRAIL.columns})
    found.attrs = calls.attrs
    return found
