"""What was done with keys: calls, models, tokens, dollars, clients, networks and Regions, per key user and per session.

Spend from CloudTrail is a floor: cache tokens are in no record, batch jobs and mantle are not in Event history, and
some calls carry no token counts at all. How many could not be counted stands beside every sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.evidence.invocations import INVOCATIONS, STANDARD, tiers
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

KEYED: Final = ("long_term", "short_term", "unknown")
"""The kinds of key that a call with a Bedrock API key can have; of which kind is not always told."""


_TOLD_APART: Final = (
    "account_id principal session access_key_id key_kind operation error_code denied_by model client source_ip region "
    "route"
).split()
_SIGNER: Final = ("account_id", "access_key_id", "principal", "session")
_UNTOLD: Final = {"no_input": "input_tokens", "no_output": "output_tokens"}
SUMMED_FROM: Final = ("event_time", *_UNTOLD.values(), *_TOLD_APART, "parameters", "model_raw")
"""The columns of calls that use is told from."""


@dataclass(frozen=True, slots=True)
class Spend:
    """What calls cost at least, and how many could not be counted."""

    usd_at_least: Decimal | None
    calls_without_tokens: int
    calls_without_price: int


def summed(calls: pd.DataFrame) -> pd.DataFrame:
    """Calls that are alike as one row: what tells them apart, their number, times and tokens.

    Every summary below takes the trail table or this; whoever makes several of one table sums once.
    """
    if "calls" in calls.columns:
        return calls
    narrow = calls[["event_time", *_UNTOLD.values(), *_TOLD_APART]]
    narrow = narrow.astype(dict.fromkeys(_TOLD_APART, "category")).assign(tier=tiers(calls))
    narrow = narrow.assign(**{flag: narrow[tokens].isna() for flag, tokens in _UNTOLD.items()})
    alike = narrow.groupby(
        [*_TOLD_APART, "tier", *_UNTOLD], dropna=False, sort=False, observed=True, as_index=False
    )
    return alike.agg(
        first_seen=("event_time", "min"),
        last_seen=("event_time", "max"),
        calls=("event_time", "size"),
        input_tokens=("input_tokens", "sum"),
        output_tokens=("output_tokens", "sum"),
    )


def key_use(calls: pd.DataFrame, prices: pd.DataFrame | None = None) -> pd.DataFrame:
    """Use of API keys by principal and kind of key, the most calls first.

    Args:
        calls: the trail table, or `summed` of it.
        prices: a price table; without one no dollars are given.
    """
    told = summed(calls)
    keyed = told[told["key_kind"].isin(list(KEYED))]
    return _used(KEY_USE, keyed, ["account_id", "principal", "key_kind"], prices)


def short_term_sessions(calls: pd.DataFrame, prices: pd.DataFrame | None = None) -> pd.DataFrame:
    """Short-term keys by the key that signed them, the most calls first.

    Example:
        >>> from bedrock_guard.evidence.usage import TRAIL
        >>> len(short_term_sessions(TRAIL.empty()))
        0
    """
    told = summed(calls)
    keyed = told[told["key_kind"] == "short_term"]
    return _used(KEY_SESSIONS, keyed, _SIGNER, prices)


def signers(calls: pd.DataFrame) -> pd.DataFrame:
    """The keys that signed short-term keys, each with who used them and how many `calls`, the most calls first."""
    told = summed(calls)
    keyed = told[told["key_kind"] == "short_term"]
    alike = keyed.groupby(list(_SIGNER), dropna=False, sort=False, observed=True, as_index=False)
    found = alike.agg(calls=("calls", "sum"))
    return found.sort_values("calls", ascending=False, kind="stable", ignore_index=True)


def use_by(calls: pd.DataFrame, by: Sequence[str], prices: pd.DataFrame | None = None) -> pd.DataFrame:
    """Use of whatever calls are given, one row per value of the columns `by`, the most calls first."""
    table = Table("use", dict.fromkeys(by, "string") | _COMMON)
    return _used(table, summed(calls), by, prices)


def _used(table: Table, told: pd.DataFrame, by: Sequence[str], prices: pd.DataFrame | None) -> pd.DataFrame:
    """One row per value of the columns `by`. Every figure is summed over all groups at once: there may be hundreds."""
    listed = None if prices is None else _price_list(prices)
    names = told[list(by)].drop_duplicates()
    told = told.assign(group=told.groupby(list(by), dropna=False, sort=False, observed=True).ngroup())
    parts = [_sums(told), *(_frequencies(told, *pair) for pair in _COUNTED.items())]
    costs = _spend_floors(told, len(names), listed)
    rows = [
        dict(zip(by, found, strict=True))
        | {name: value for part in parts for name, value in part[number].items()}
        | asdict(costs[number])
        for number, found in enumerate(names.itertuples(index=False, name=None))
    ]
    return table.frame(sorted(rows, key=lambda row: -int(row["calls"])))


def _sums(told: pd.DataFrame) -> list[dict[str, Any]]:
    """Times, calls and tokens of each `group`, in the order of their numbers."""
    refused = told["denied_by"].notna()
    flags = told.assign(
        refused=told["calls"].where(refused, 0),
        failed=told["calls"].where(told["error_code"].notna() & ~refused, 0),
        counted=~(told["no_input"] & told["no_output"]),
    )
    found = flags.groupby("group").agg(
        first_seen=("first_seen", "min"),
        last_seen=("last_seen", "max"),
        calls=("calls", "sum"),
        refused=("refused", "sum"),
        failed=("failed", "sum"),
        counted=("counted", "any"),
        input_tokens=("input_tokens", "sum"),
        output_tokens=("output_tokens", "sum"),
    )
    unknown = {"input_tokens": None, "output_tokens": None}
    rows: list[dict[str, Any]] = [
        {str(name): value for name, value in row.items()} for row in found.to_dict("records")
    ]
    return [row if row.pop("counted") else row | unknown for row in rows]


_COUNTED: Final = {"models": "model", "clients": "client", "networks": "source_ip", "regions": "region"}


def _frequencies(told: pd.DataFrame, name: str, column: str) -> list[dict[str, dict[str, int]]]:
    """How often each known value of a column occurs in each `group`, the most frequent first, then the first seen."""
    found: list[dict[str, dict[str, int]]] = [{name: {}} for _ in range(told["group"].nunique())]
    sizes = told.groupby(["group", column], sort=False, observed=True)["calls"].sum()
    pairs: list[tuple[int, str]] = sizes.index.tolist()
    for (number, value), many in sorted(zip(pairs, sizes.tolist(), strict=True), key=lambda one: -one[1]):
        found[number][name][str(value)] = int(many)
    return found


def counts(column: pd.Series[Any]) -> dict[str, int]:
    """How often each known value occurs, the most frequent first."""
    return {
        str(value): int(number) for value, number in column.dropna().astype("string").value_counts().items()
    }


def _spend_floors(told: pd.DataFrame, groups: int, listed: _Prices | None) -> list[Spend]:
    """What the calls of each `group` cost at least, in the order of their numbers."""
    made = told[told["operation"].isin(list(INVOCATIONS)) & told["error_code"].isna()]
    known = ~(made["no_input"] | made["no_output"])
    open_calls = _per_group(made[~known], groups)
    counted = _per_group(made[known], groups)
    if listed is None:
        return [Spend(None, *both) for both in zip(open_calls, counted, strict=True)]
    dollars, unpriced = [Decimal(0)] * groups, [0] * groups
    for number, cost, calls_of_it in _costs(made[known], listed):
        if cost is None:
            unpriced[number] += calls_of_it
        else:
            dollars[number] += cost
    return [
        Spend(dollars[number] if counted[number] > unpriced[number] else None, open_calls[number], unpriced[number])
        for number in range(groups)
    ]  # fmt: skip


def _per_group(told: pd.DataFrame, groups: int) -> list[int]:
    found = told.groupby("group")["calls"].sum()
    return [int(found.get(number, 0)) for number in range(groups)]


def _costs(counted: pd.DataFrame, listed: _Prices) -> Iterator[tuple[int, Decimal | None, int]]:
    """Per `group`, model, Region, route and tier: the group, its dollars (None without a price) and its calls."""
    by = ["group", "model", "region", "route", "tier"]
    found = counted.groupby(by, dropna=False, observed=True)[["input_tokens", "output_tokens", "calls"]].sum()
    for (number, model, region, route, tier), *tokens, many in found.itertuples(name=None):
        pairs = zip(("input", "output"), tokens, strict=True)
        cost = [_price(listed, (model, region, _route(route), tier), kind, int(sold)) for kind, sold in pairs]
        known = [amount for amount in cost if amount is not None]
        yield number, sum(known, Decimal(0)) if len(known) == len(cost) else None, int(many)


_Prices = Mapping[tuple[str, ...], tuple[Decimal, int]]
"""(model, region, route, tier, kind) -> dollars a unit, and its tokens."""


def _price_list(prices: pd.DataFrame) -> _Prices:
    """The prices, of several for the same the lowest: it is a floor."""
    require(prices, PRICES)
    usable = prices[
        prices["token_kind"].isin(["input", "output"]) & prices["context"].fillna("standard").eq("standard")
    ]
    names = ("model", "region", "route", "tier", "token_kind", "usd_per_unit", "unit_tokens")
    rows: list[tuple[Any, ...]] = list(zip(*(usable[name].tolist() for name in names), strict=True))
    found: dict[tuple[str, ...], tuple[Decimal, int]] = {}
    for model, region, route, tier, kind, usd, unit in rows:
        if not (isinstance(usd, Decimal) and isinstance(unit, int)):
            continue
        key = (str(model), str(region), _route(route), tier if isinstance(tier, str) else STANDARD, str(kind))
        known = found.get(key)
        if known is None or usd / unit < known[0] / known[1]:
            found[key] = usd, unit
    return found


def _route(value: Any) -> str:
    """The route as bills tell it: global, or regional for calls in the Region and within a geography."""
    return "global" if str(value) == "global" else "regional"  # it may be NA


def _price(listed: _Prices, place: tuple[Any, ...], kind: str, tokens: int) -> Decimal | None:
    found = listed.get((*map(str, place), kind))
    return found[0] * tokens / found[1] if found else None
