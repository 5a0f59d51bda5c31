"""What was done with keys: calls, models, tokens, dollars, clients, networks and Regions, per key user and per session.

Spend from CloudTrail is a floor: cache tokens are in no record, batch jobs and mantle are not in Event history, and
some calls carry no token counts at all. How many could not be counted stands beside every sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.evidence.tables import PRICES, Table, require

if TYPE_CHECKING:
    import pandas as pd

_TIME: Final = "datetime64[us, UTC]"
_COMMON: Final = {
    "first_seen": _TIME,
    "last_seen": _TIME,
    "calls": "Int64",
    "refused": "Int64",
    "failed": "Int64",
    "input_tokens": "Int64",
    "output_tokens": "Int64",
    "calls_without_tokens": "Int64",
    "usd_at_least": "object",
    "calls_without_price": "Int64",
    "models": "object",
    "clients": "object",
    "networks": "object",
    "regions": "object",
}
KEY_USE: Final = Table(
    "key use", {"account_id": "string", "principal": "string", "key_kind": "string", **_COMMON}
)
"""One row per principal and kind of key. `usd_at_least` is Decimal, None when nothing could be priced."""

KEY_SESSIONS: Final = Table(
    "key sessions",
    {
        "account_id": "string",
        "access_key_id": "string",
        "principal": "string",
        "session": "string",
        **_COMMON,
    },
)
"""One row per signing key of short-term keys: creating one leaves no event, only its use shows."""

INVOCATIONS: Final = frozenset(
    "InvokeModel InvokeModelWithResponseStream InvokeModelWithBidirectionalStream Converse ConverseStream "
    "CreateInference".split()
)
"""Operations that answer a prompt and should carry token counts."""

_BEARER: Final = ("long_term", "short_term", "unknown")


_NEEDED: Final = (
    "account_id principal session access_key_id key_kind event_time operation error_code denied_by input_tokens "
    "output_tokens model client source_ip region route"
).split()
"""Columns that a summary looks at; narrower groups are made in a fraction of the time."""


@dataclass(frozen=True, slots=True)
class Spend:
    """What calls cost at least, and how many could not be counted."""

    usd_at_least: Decimal | None
    calls_without_tokens: int
    calls_without_price: int


def key_use(calls: pd.DataFrame, prices: pd.DataFrame | None = None) -> pd.DataFrame:
    """Use of API keys by principal and kind of key, the most calls first.

    Args:
        calls: the trail table.
        prices: a price table; without one no dollars are given.
    """
    keyed = calls.loc[calls["key_kind"].isin(list(_BEARER)), list(_NEEDED)]
    listed = None if prices is None else _price_list(prices)
    groups = keyed.groupby(["account_id", "principal", "key_kind"], dropna=False, sort=False)
    rows = [dict(zip(("account_id", "principal", "key_kind"), names, strict=True)) | _summary(group, listed)
            for names, group in groups]  # fmt: skip
    return _ordered(KEY_USE, rows)


def short_term_sessions(calls: pd.DataFrame, prices: pd.DataFrame | None = None) -> pd.DataFrame:
    """Short-term keys by the key that signed them, the most calls first.

    Example:
        >>> from bedrock_guard.evidence.usage import TRAIL
        >>> len(short_term_sessions(TRAIL.empty()))
        0
    """
    keyed = calls.loc[calls["key_kind"] == "short_term", list(_NEEDED)]
    listed = None if prices is None else _price_list(prices)
    names = ["account_id", "access_key_id", "principal", "session"]
    groups = keyed.groupby(names, dropna=False, sort=False)
    rows = [dict(zip(names, found, strict=True)) | _summary(group, listed) for found, group in groups]
    return _ordered(KEY_SESSIONS, rows)


def use_by(calls: pd.DataFrame, by: Sequence[str], prices: pd.DataFrame | None = None) -> pd.DataFrame:
    """Use of whatever calls are given, one row per value of the columns `by`, the most calls first."""
    table = Table("use", dict.fromkeys(by, "string") | _COMMON)
    listed = None if prices is None else _price_list(prices)
    needed = list(dict.fromkeys([*by, *_NEEDED]))
    groups = calls[needed].groupby(list(by), dropna=False, sort=False)
    return _ordered(
        table, [dict(zip(by, found, strict=True)) | _summary(group, listed) for found, group in groups]
    )


def _ordered(table: Table, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    return table.frame(sorted(rows, key=lambda row: -int(row["calls"])))


def _summary(group: pd.DataFrame, listed: _Prices | None) -> dict[str, Any]:
    cost = _spend_floor(group, listed)
    counted = group["input_tokens"].notna() | group["output_tokens"].notna()
    return {
        "first_seen": group["event_time"].min(),
        "last_seen": group["event_time"].max(),
        "calls": len(group),
        "refused": int(group["denied_by"].notna().sum()),
        "failed": int((group["error_code"].notna() & group["denied_by"].isna()).sum()),
        "input_tokens": group["input_tokens"].sum() if counted.any() else None,
        "output_tokens": group["output_tokens"].sum() if counted.any() else None,
        "calls_without_tokens": cost.calls_without_tokens,
        "usd_at_least": cost.usd_at_least,
        "calls_without_price": cost.calls_without_price,
        "models": counts(group["model"]),
        "clients": counts(group["client"]),
        "networks": counts(group["source_ip"]),
        "regions": counts(group["region"]),
    }


def counts(column: pd.Series[Any]) -> dict[str, int]:
    """How often each known value occurs, the most frequent first."""
    return {str(value): int(number) for value, number in column.dropna().value_counts().items()}


def spend_floor(calls: pd.DataFrame, prices: pd.DataFrame | None) -> Spend:
    """What successful model calls cost at least at list price: input and output tokens, standard tier.

    Raises:
        MissingColumns: `prices` is no price table.
    """
    return _spend_floor(calls, None if prices is None else _price_list(prices))


def _spend_floor(calls: pd.DataFrame, listed: _Prices | None) -> Spend:
    made = calls[calls["operation"].isin(list(INVOCATIONS)) & calls["error_code"].isna()]
    counted = made[made["input_tokens"].notna() & made["output_tokens"].notna()]
    without_tokens = len(made) - len(counted)
    if listed is None:
        return Spend(None, without_tokens, len(counted))
    total, unpriced = Decimal(0), 0
    groups = counted.groupby(["model", "region", "route"], dropna=False)
    for (model, region, route), group in groups:
        sums = {kind: int(group[f"{kind}_tokens"].sum()) for kind in ("input", "output")}
        cost = [_price(listed, model, region, route, kind, tokens) for kind, tokens in sums.items()]
        if None in cost:
            unpriced += len(group)
        else:
            total += sum((amount for amount in cost if amount is not None), Decimal(0))
    return Spend(total if len(counted) > unpriced else None, without_tokens, unpriced)


_Prices = Mapping[tuple[str, str, str, str], tuple[Decimal, int]]


def _price_list(prices: pd.DataFrame) -> _Prices:
    require(prices, PRICES)
    usable = prices[
        prices["token_kind"].isin(["input", "output"])
        & prices["tier"].fillna("standard").eq("standard")
        & prices["context"].fillna("standard").eq("standard")
    ]
    names = ("model", "region", "token_kind", "route", "usd_per_unit", "unit_tokens")
    rows: list[tuple[Any, ...]] = list(zip(*(usable[name].tolist() for name in names), strict=True))
    return {
        (str(model), str(region), str(kind), _route(route)): (usd, int(unit))
        for model, region, kind, route, usd, unit in rows
        if isinstance(usd, Decimal) and isinstance(unit, int)
    }


def _route(value: Any) -> str:
    """The route as bills tell it: global, or regional for calls in the Region and within a geography."""
    return "global" if value == "global" else "regional"


def _price(listed: _Prices, model: Any, region: Any, route: Any, kind: str, tokens: int) -> Decimal | None:
    found = listed.get((str(model), str(region), kind, _route(route)))
    return found[0] * tokens / found[1] if found else None
