"""Distinct calls by day with their counts: what every replay is made from, whichever engine counted them."""

from __future__ import annotations

from typing import Final

from bedrock_guard.evidence.tables import Table

KEY: Final = (
    "account_id",
    "principal",
    "client",
    "region",
    "key_kind",
    "service",
    "operation",
    "model_raw",
    "model",
    "route",
    "parameters",
)
"""The columns of a calls table that tell one call from another."""

_MOMENT: Final = "datetime64[us, UTC]"
TUPLES: Final = Table(
    "tuples",
    {
        **dict.fromkeys(KEY, "string"),
        "already_denied": "boolean",
        "day": _MOMENT,
        **dict.fromkeys(("calls", "input_tokens", "output_tokens", "untold"), "Int64"),
        **dict.fromkeys(("first_seen", "last_seen"), _MOMENT),
    },
)
"""One row a distinct call and day (midnight UTC): how often, tokens told (NA: none told them), `untold` calls that lack
one of the two counts."""
