"""Tables of spend for a page: sums by any columns, the share of cached tokens, and text a spreadsheet cannot run."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from decimal import Context, Decimal
from typing import Any, Final

import pandas as pd

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.bill_class import Bucket
from bedrock_guard.evidence.reconcile import USAGE_BUCKETS, known_amounts, piles_of
from bedrock_guard.evidence.tables import CLASSIFIED_BILL, money, require, total

_SHARE: Final = Context(prec=12)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def spend_by(frame: pd.DataFrame, *columns: str, buckets: Sequence[Bucket] = USAGE_BUCKETS) -> pd.DataFrame:
    """Exact sums per combination of columns and currency, largest first; unknown is a value of its own.

    Columns: those asked, currency, cost (Decimal), share (of its currency; Decimal, None where the sum is 0), lines.
    Lines without a readable amount count in `lines` and add nothing: `reconcile` says how many there are.

    Args:
        frame: a classified bill, or one with further columns (principal, tag_value).
        columns: day, month, model, token_kind, route, tier, account_id, ... `month` is the first day of the month.
        buckets: usage by default, without credits, refunds, discounts and tax.

    Raises:
        MissingColumns: the frame is no classified bill.
        GuardError: there is no such column.
    """
    usage = require(frame, CLASSIFIED_BILL)[frame["bucket"].isin(buckets)]
    if "month" in columns:
        first = pd.to_datetime(usage["day"].dt.strftime("%Y-%m-01"), utc=True)
        usage = usage.assign(month=first)
    unknown = [name for name in columns if name not in usage.columns]
    if unknown:
        raise GuardError(
            f"The bill has no column {', '.join(unknown)}.", remedy=f"It has {', '.join(frame.columns)}."
        )
    keys = [*columns, "currency"]
    costs, _ = known_amounts(usage["cost"])
    found = piles_of([usage[name] for name in keys], costs)
    rows: list[dict[str, Any]] = [
        {**dict(zip(keys, parts, strict=True)), "cost": total(pile), "lines": len(pile)}
        for parts, pile in found.items()
    ]
    wholes = {name: total(row["cost"] for row in rows if row["currency"] == name) for name in _names(rows)}
    for row in rows:
        whole = wholes[row["currency"]]
        row["share"] = _SHARE.divide(row["cost"], whole) if whole else None
    rows.sort(key=lambda row: -abs(row["cost"]))
    result = pd.DataFrame(rows, columns=[*keys, "cost", "share", "lines"])
    return result.astype({"cost": "object", "share": "object", "lines": "Int64"})


def _names(rows: Sequence[dict[str, Any]]) -> dict[Any, None]:
    return dict.fromkeys(row["currency"] for row in rows)


def cache_share(frame: pd.DataFrame) -> pd.DataFrame:
    """Per model: input tokens sent, read from and written to the cache, and the share that was read from it.

    Columns: model, input, cache_read, cache_write (tokens, Decimal), share (cache_read of the three; None without
    tokens). Lines without a quantity in tokens are left out, and their number stands in `unmetered`.

    Raises:
        MissingColumns: the frame is no classified bill.
    """
    require(frame, CLASSIFIED_BILL)
    kinds = {"input": "input", "cache_read": "cache_read"}
    lines = frame[(frame["bucket"] == "model") & frame["model"].notna()]
    sums: dict[str, dict[str, Decimal]] = {}
    unmetered: dict[str, int] = {}
    for model, kind, quantity, tokens in zip(
        lines["model"], lines["token_kind"].fillna(""), lines["quantity"], lines["unit_tokens"], strict=True
    ):
        slot = "cache_write" if str(kind).startswith("cache_write") else kinds.get(str(kind))
        if slot is None:
            continue
        read = money(quantity)
        known = sums.setdefault(str(model), dict.fromkeys(("input", "cache_read", "cache_write"), Decimal(0)))
        if read is None or pd.isna(tokens):
            unmetered[str(model)] = unmetered.get(str(model), 0) + 1
        else:
            known[slot] += read * int(tokens)
    rows = [
        {"model": model, **known, "share": _share(known), "unmetered": unmetered.get(model, 0)}
        for model, known in sums.items()
    ]
    rows.sort(key=lambda row: -sum(sums[str(row["model"])].values()))
    return pd.DataFrame(
        rows, columns=["model", "input", "cache_read", "cache_write", "share", "unmetered"], dtype="object"
    )


def _share(tokens: dict[str, Decimal]) -> Decimal | None:
    whole = total(tokens.values())
    return _SHARE.divide(tokens["cache_read"], whole) if whole else None


def as_csv(frame: pd.DataFrame) -> str:
    """A table as CSV. Amounts are written in full; text that a spreadsheet would run gets a quote in front.

    Example:
        >>> as_csv(pd.DataFrame({"name": ["=1+1"], "cost": [Decimal("-0.10")]})).splitlines()
        ['name,cost', "'=1+1,-0.10"]
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_cell(str(name)) for name in frame.columns])
    writer.writerows([_cell(value) for value in row] for row in frame.itertuples(index=False, name=None))
    return out.getvalue()


def as_markdown(frame: pd.DataFrame) -> str:
    """A table as Markdown; bars, backslashes, angle brackets and line ends of the cells cannot leave their cell."""
    rows = [[_plain(name) for name in frame.columns], ["---"] * len(frame.columns)]
    rows += [[_plain(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cell(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    text = _said(value)
    return f"'{text}" if text.startswith(_FORMULA) and isinstance(value, str) else text


def _said(value: object) -> str:
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and pd.isna(value)):
        return ""
    return f"{value:%Y-%m-%d}" if isinstance(value, pd.Timestamp) else str(value)


def _plain(value: object) -> str:
    text = format(value, "f") if isinstance(value, Decimal) else _said(value)
    for old, new in (("\\", "\\\\"), ("|", "\\|"), ("<", "&lt;"), (">", "&gt;"), ("`", "\\`")):
        text = text.replace(old, new)
    return " ".join(text.split())
