"""A model's dollars by caller: the bill spread over the tokens that calls were seen to take, the rest unattributed.

The bill is the truth and stays whole: what callers get and what is left over add up to it exactly. A dollar is
attributed only by tokens of its own day, account, Region, model, price lane, tier and kind, priced at what the bill
paid for them; tokens that no call was seen to take keep their dollars unattributed. Kinds that no source counts
(images, lines without a model) are unattributed as a whole, with the reason; so are batch jobs and commitments, unless
one caller alone was seen behind all of the account, Region and model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cached_property
from typing import Any, Final

import pandas as pd

from bedrock_guard.evidence.impact import GOVERNED
from bedrock_guard.evidence.invocations import STANDARD
from bedrock_guard.evidence.reconcile import USAGE_BUCKETS
from bedrock_guard.evidence.tables import CLASSIFIED_BILL, money, require, total
from bedrock_guard.evidence.token_counts import TOKENS

LINES: Final = (
    "day",
    "account_id",
    "region",
    "model",
    "route",
    "context",
    "tier",
    "kind",
    "principal",
    "source",
    "client",
    "tokens",
    "cost",
    "why",
)
_SLOTS: Final[Mapping[str, str]] = {
    "input": "input_tokens",
    "embedding": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write_5m": "cache_write_tokens",
    "cache_write_30m": "cache_write_tokens",
    "cache_write_1h": "cache_write_tokens",
}
"""Kind of the bill -> counter of a call; no source tells a cache write's lifetime."""

_LANES: Final[Mapping[str, str]] = {"in_region": "regional", "geo": "regional", "global": "global"}
_PLACES: Final = Decimal("0.0000000001")
_DIGITS: Final = Context(prec=40)
_NO_CALL: Final = "no call was seen that took these tokens"
_NO_COUNTER: Final[Mapping[str, str]] = {
    "commitment": "a commitment is paid by the hour, whoever calls",
    "customization": "training, storage and custom models: no source counts them by caller",
    "non_model": "guardrails, agents and other features: no source counts them by caller",
    "unmapped": "the line names no model",
}

_BATCH: Final = "batch jobs: no call counts their tokens"
_UNITS: Final = "provisioned throughput: paid by the hour, and several callers share it or none was seen"
_OWNED: Final[Mapping[str, tuple[str, str]]] = {
    _BATCH: ("batch", "batch jobs it created"),
    _UNITS: ("provisioned", "provisioned models it alone called"),
}
"""Reason -> tier and source, where dollars without counted tokens have a sole caller."""

_LONG: Final = 200_000
"""A request of more input tokens is billed at the long-context price, where its model has one.
https://aws.amazon.com/bedrock/pricing/
"""

Key = tuple[str | None, ...]
"""day, account_id, region, model, lane, context, tier, counter."""

Who = tuple[str | None, ...]
"""principal, source, client; the last None where it is not told."""

Owners = Mapping[tuple[str, str, str, str], tuple[str, str | None]]
"""(account_id, region, model, tier) -> the principal and program that alone were seen behind it."""


@dataclass(frozen=True, eq=False)
class Attribution:
    """The usage of a bill by caller.

    Args:
        lines: LINES; one row per key and caller, `principal` NA is what is unattributed, `why` says why.
        currency: of `cost`.
        excess: tokens that calls were seen to take beyond those billed, by counter: a sign of a bill that is not yet
            whole, or of calls in free or committed capacity. They move no dollar.
    """

    lines: pd.DataFrame
    currency: str | None
    excess: Mapping[str, int]

    @property
    def whole(self) -> Decimal:
        """All usage of the bill."""
        return total(self.lines["cost"])

    @property
    def attributed(self) -> Decimal:
        """What callers were named for."""
        return total(self.lines.loc[self.lines["principal"].notna(), "cost"])

    @property
    def share(self) -> Decimal | None:
        """`attributed` of `whole`; None when nothing was used."""
        return _share(self.attributed, self.whole)

    @cached_property
    def explained(self) -> Mapping[tuple[str | None, ...], float]:
        """(account_id, region, model, lane, tier, principal, client) -> dollars of calls."""
        names = ["account_id", "region", "model", "route", "tier", "principal", "client"]
        lines = self.lines.loc[self.lines["tokens"].notna(), [*names, "cost"]].astype("object")
        found: dict[tuple[str | None, ...], Decimal] = defaultdict(Decimal)
        for *key, cost in lines.where(lines.notna(), None).itertuples(index=False, name=None):
            found[tuple(key)] += cost
        return {key: float(cost) for key, cost in found.items()}

    @cached_property
    def owned(self) -> Mapping[tuple[str, ...], tuple[str, str | None]]:
        """(account_id, region, model, tier) -> the caller and program that alone were seen behind it."""
        mine = self.lines[self.lines["kind"].isin(["batch", "provisioned"])]
        columns = mine[["account_id", "region", "model", "kind", "principal", "client"]]
        return {
            tuple(key): (who, None if pd.isna(client) else client)
            for *key, who, client in columns.itertuples(index=False, name=None)
        }

    def by_caller(self) -> pd.DataFrame:
        """One row a caller and source, dearest first, the unattributed last: principal, source, cost, share, tokens."""
        rows = self._sums("principal", "source")
        rows.sort(key=lambda row: (row["principal"] is None, -row["cost"]))
        return pd.DataFrame(rows, columns=["principal", "source", "cost", "share", "tokens"], dtype="object")

    def by_model(self) -> pd.DataFrame:
        """One row a model, dearest first: model, cost, attributed, unattributed, share (of the cost), why."""
        rows = []
        for model, part in self.lines.groupby(self.lines["model"].astype("object").fillna("")):
            cost = total(part["cost"])
            named = total(part.loc[part["principal"].notna(), "cost"])
            why = tuple(
                dict.fromkeys(str(word) for word in part.loc[part["principal"].isna(), "why"] if word)
            )
            share = _share(named, cost)
            rows.append((model or None, cost, named, cost - named, share, why))
        rows.sort(key=lambda row: -abs(row[1]))
        return pd.DataFrame(
            rows, columns=["model", "cost", "attributed", "unattributed", "share", "why"], dtype="object"
        )

    def _sums(self, *columns: str) -> list[dict[str, Any]]:
        rows = []
        for key, part in self.lines.groupby(list(columns), dropna=False):
            names: tuple[Any, ...] = key
            said = {c: None if pd.isna(n) else str(n) for c, n in zip(columns, names, strict=True)}
            tokens = [int(count) for count in part["tokens"] if not pd.isna(count)]
            cost = total(part["cost"])
            counted = sum(tokens) if tokens else None
            rows.append({**said, "cost": cost, "share": _share(cost, self.whole), "tokens": counted})
        return rows


@dataclass(slots=True)
class _Pile:
    """Dollars of one key; its tokens while every line of it counts them."""

    cost: list[Decimal]
    tokens: list[Decimal | None]


def unread_accounts(bill: pd.DataFrame, calls: pd.DataFrame) -> tuple[str, ...]:
    """Accounts with spend on models none of whose calls is in a table of calls, or of their tokens.

    Args:
        bill: a classified bill.
        calls: any table with `account_id`.
    """
    billed = bill.loc[bill["bucket"].isin(GOVERNED), "account_id"].dropna()
    seen = set(map(str, calls["account_id"].dropna().unique()))
    return tuple(sorted(set(map(str, billed.unique())) - seen))


def attribute(
    bill: pd.DataFrame, tokens: pd.DataFrame, *, by_day: bool = True, owners: Owners | None = None
) -> Attribution:
    """Spread the usage of a bill over the callers whose tokens were counted.

    Args:
        bill: a classified bill of one currency, every line with an amount; credits, refunds, discounts and tax are
            left out.
        tokens: TOKENS, every call once (see `token_counts.joined`); `client`, and `calls` of a row, where it has them.
            A tier that is not told is taken for standard.
        by_day: match within the UTC day; False for a bill of whole months. Accounts and Regions are matched where the
            bill has any; a line without its own then has no caller.
        owners: who has batch jobs and commitments, see `sole_callers`.

    Raises:
        MissingColumns: one of the frames is another table.
        GuardError: a line has no amount.
    """
    require(bill, CLASSIFIED_BILL)
    require(tokens, TOKENS)
    usage = bill[bill["bucket"].isin(USAGE_BUCKETS)]
    fixed = [name for name in ("account_id", "region") if usage[name].notna().any()]
    long = set(usage.loc[usage["context"] == "long", "model"].dropna())
    seen = _seen(tokens, fixed, long, by_day=by_day)
    rows: list[Mapping[str, Any]] = []
    excess: dict[str, int] = {}
    for key, pile in _piles(usage, fixed, by_day=by_day).items():
        callers = seen.get(key, {}) if key[-1] in _SLOTS.values() else {}
        over = sum(callers.values()) - int(_whole(pile) or 0) if callers else 0
        if over > 0:
            excess[str(key[-1])] = excess.get(str(key[-1]), 0) + over
        rows.extend(_spread(key, pile, callers, owners or {}))
    frame = pd.DataFrame(rows, columns=[*LINES], dtype="object")
    currencies = usage["currency"].dropna().unique()
    return Attribution(frame, str(currencies[0]) if len(currencies) == 1 else None, excess)


def _piles(usage: pd.DataFrame, fixed: list[str], *, by_day: bool) -> dict[Key, _Pile]:
    found: dict[Key, _Pile] = {}
    for row in usage.to_dict("records"):
        slot = _slot(row)
        key = (
            f"{row['day']:%Y-%m-%d}" if by_day and not pd.isna(row["day"]) else None,
            *(_text(row[name]) if name in fixed else None for name in ("account_id", "region")),
            _text(row["model"]),
            _text(row["route"]),
            "long" if _text(row["context"]) == "long" else "standard",
            _text(row["tier"]) or STANDARD,
            slot,
        )
        pile = found.setdefault(key, _Pile([], []))
        pile.cost.append(row["cost"])
        quantity, each = money(row["quantity"]), row["unit_tokens"]
        pile.tokens.append(None if quantity is None or pd.isna(each) else quantity * int(each))
    return found


def _slot(row: Mapping[Any, Any]) -> str:
    """The counter of a call that a line is spread by, or why it is spread by none."""
    bucket, kind, tier = str(row["bucket"]), _text(row["token_kind"]), _text(row["tier"])
    if bucket == "commitment" and tier == "provisioned":
        return _UNITS
    if bucket != "model":
        return _NO_COUNTER[bucket]
    if tier == "batch":
        return _BATCH
    return _SLOTS.get(kind or "", f"{kind or 'a line without a kind'}: no source counts it by caller")


def _seen(
    tokens: pd.DataFrame, fixed: list[str], long: set[str], *, by_day: bool
) -> dict[Key, dict[Who, int]]:
    """Tokens per key, caller, source and program."""
    known = tokens[tokens["model"].notna() & tokens["principal"].notna() & tokens["route"].isin(list(_LANES))]
    known = known.reset_index(drop=True)
    nothing = pd.Series(None, index=known.index, dtype="object")
    mean = known["input_tokens"].fillna(0) / known.get("calls", 1)
    table = pd.DataFrame(
        {
            "day": known["event_time"].dt.strftime("%Y-%m-%d").astype("object") if by_day else nothing,
            **{n: known[n] if n in fixed else nothing for n in ("account_id", "region")},
            "model": known["model"],
            "lane": known["route"].map(dict(_LANES)),
            "context": ((mean > _LONG) & known["model"].isin(long)).map({True: "long", False: "standard"}),
            "tier": known["tier"].fillna(STANDARD),
            "principal": known["principal"],
            "source": known["source"],
            "client": known.get("client", nothing),
        }
    )
    counters = list(dict.fromkeys(_SLOTS.values()))
    grouped = pd.concat([table, known[counters]], axis=1).groupby(list(table), dropna=False)
    sums = grouped[counters].sum(min_count=1)
    found: dict[Key, dict[Who, int]] = {}
    for names, counts in zip(sums.index, sums.itertuples(index=False, name=None), strict=True):
        *place, principal, source, client = (_text(name) for name in names)
        for counter, count in zip(counters, counts, strict=True):
            if not pd.isna(count) and count:
                found.setdefault((*place, counter), {})[principal, source, client] = int(count)
    return found


def _spread(key: Key, pile: _Pile, callers: Mapping[Who, int], owners: Owners) -> Iterator[Mapping[str, Any]]:
    cost, billed, slot = total(pile.cost), _whole(pile), str(key[-1])
    base = dict(zip(LINES, key[:-1], strict=False)) | {"kind": slot.removesuffix("_tokens").replace("_", " ")}
    if slot not in _SLOTS.values():
        tier, source = _OWNED.get(slot, ("", ""))
        owner = owners.get((str(key[1]), str(key[2]), str(key[3]), tier))
        told = dict(zip(("principal", "client", "source"), (*owner, source), strict=True)) if owner else {}
        yield {**base, "kind": tier if owner else None, "cost": cost, **told, "why": "" if owner else slot}
        return
    taken = sum(callers.values())
    if billed is None or billed <= 0 or not taken:
        why = "the bill counts no tokens here" if billed is None or billed <= 0 else _NO_CALL
        yield {**base, "cost": cost, "why": why}
        return
    shares = _shares(cost, billed, callers)
    for who, part in shares.items():
        yield {
            **base,
            **dict(zip(("principal", "source", "client"), who, strict=True)),
            "tokens": callers[who],
            "cost": part,
            "why": "",
        }
    rest = cost - total(shares.values())
    if rest:
        yield {**base, "cost": rest, "why": _NO_CALL}


def _shares(cost: Decimal, billed: Decimal, callers: Mapping[Who, int]) -> dict[Who, Decimal]:
    """Each caller's part, to ten decimals; where all billed tokens were seen, the dearest takes what rounding left."""
    taken = Decimal(sum(callers.values()))
    whole = max(billed, taken)
    parts = {who: _DIGITS.divide(cost * count, whole).quantize(_PLACES) for who, count in callers.items()}
    if taken >= billed:
        dearest = max(callers, key=lambda who: (callers[who], *map(str, who)))
        parts[dearest] += cost - total(parts.values())
    return parts


def _whole(pile: _Pile) -> Decimal | None:
    known = [count for count in pile.tokens if count is not None]
    return total(known) if len(known) == len(pile.tokens) else None


def _share(part: Decimal, whole: Decimal) -> Decimal | None:
    return _DIGITS.divide(part, whole) if part and whole else Decimal(0) if whole else None


def _text(value: Any) -> str | None:
    return None if value is None or pd.isna(value) else str(value)
