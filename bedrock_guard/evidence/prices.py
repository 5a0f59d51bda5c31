"""Unit prices, each with where it comes from: the bill, your override, the price list, the shipped seed, or unknown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal

import pandas as pd

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.tables import CLASSIFIED_BILL, PRICES, Provenance, money, require, total

Source = Literal["bill", "override", "price list", "seed", "unknown"]
ORDER: Final[tuple[Source, ...]] = ("bill", "override", "price list", "seed")
"""Believed in this order: what was paid before what is listed."""

ANY_REGION: Final = "*"
"""A region of a price row: the price holds where no other row says otherwise."""

_MILLION: Final = Decimal(1_000_000)
_DIGITS: Final = Context(prec=15)


@dataclass(frozen=True, slots=True)
class PriceKey:
    """What a price is of.

    Args:
        model: model id.
        token_kind: input, output, cache_read, ...
        region: the source Region, which sets the price of a cross-region call too.
        route: regional or global (a geographic profile bills the regional price).
        tier: standard, batch, flex, priority, latency_optimized.
        context: standard or long.
    """

    model: str
    token_kind: str
    region: str
    route: str = "regional"
    tier: str = "standard"
    context: str = "standard"


@dataclass(frozen=True, slots=True)
class Price:
    """A unit price and its origin; `usd_per_million` is None when nobody knows it, never 0 for that.

    Args:
        usd_per_million: US dollars per million tokens; per piece, hour or search where the line counts no tokens.
        source: which of the sources said it.
        detail: date and place of the source, to print beside the number.
        disputed: what another source of the same rank says; None when nothing disagrees.
    """

    usd_per_million: Decimal | None
    source: Source
    detail: str
    disputed: Decimal | None = None


UNKNOWN: Final = Price(None, "unknown", "no source has this price")


class PriceBook:
    """Prices by key, the first source that knows one wins.

    Args:
        bill: prices as paid (`from_bill`).
        overrides: yours, in the form of PRICES.
        price_list: what `account.prices` read.
        seed: by default the shipped one; an empty frame leaves it out.

    Raises:
        MissingColumns: one of the frames is no price table.

    Example:
        >>> book = PriceBook()
        >>> book.price(PriceKey("amazon.nova-lite-v1:0", "input", "us-east-1")).usd_per_million
        Decimal('0.06')
    """

    def __init__(
        self,
        bill: pd.DataFrame | None = None,
        overrides: pd.DataFrame | None = None,
        price_list: pd.DataFrame | None = None,
        seed: pd.DataFrame | None = None,
    ) -> None:
        frames: dict[Source, pd.DataFrame | None] = {
            "bill": bill,
            "override": overrides,
            "price list": price_list,
            "seed": shipped_seed() if seed is None else seed,
        }
        self._tables = {
            source: _by_key(require(frame, PRICES)) for source, frame in frames.items() if frame is not None
        }

    def price(self, key: PriceKey) -> Price:
        """The price of a key, or UNKNOWN. A geographic route is priced as regional."""
        asked = PriceKey(key.model, key.token_kind, key.region, _priced_as(key.route), key.tier, key.context)
        for source in ORDER:
            for region in (asked.region, *_anywhere(asked.region)):
                wanted = PriceKey(
                    asked.model, asked.token_kind, region, asked.route, asked.tier, asked.context
                )
                found = self._tables.get(source, {}).get(wanted)
                if found:
                    return _price(source, found)
        return UNKNOWN

    def keys(self, model: str) -> Iterator[PriceKey]:
        """Every key of one model that some source knows."""
        for table in self._tables.values():
            yield from (key for key in table if key.model == model)


def _anywhere(region: str) -> tuple[str, ...]:
    """GovCloud and China have prices of their own; a price for all Regions is none for them."""
    return () if region.startswith(("us-gov-", "cn-")) else (ANY_REGION,)


def _priced_as(route: str) -> str:
    return "global" if route == "global" else "regional"


def _by_key(frame: pd.DataFrame) -> dict[PriceKey, list[Mapping[Any, Any]]]:
    table: dict[PriceKey, list[Mapping[Any, Any]]] = {}
    rows: list[dict[Any, Any]] = frame.to_dict("records")
    for row in rows:
        if money(row["usd_per_unit"]) is None or pd.isna(row["model"]) or pd.isna(row["token_kind"]):
            continue
        names = [row[name] for name in ("model", "token_kind", "region", "route", "tier", "context")]
        defaults = ("", "", ANY_REGION, "regional", "standard", "standard")
        key = PriceKey(
            *(default if pd.isna(name) else str(name) for name, default in zip(names, defaults, strict=True))
        )
        table.setdefault(key, []).append(row)
    return table


def _price(source: Source, rows: list[Mapping[Any, Any]]) -> Price:
    """The newest row; another price of the same day is a dispute, and shown."""
    newest = sorted(
        rows, key=lambda row: pd.Timestamp.min if pd.isna(row["as_of"]) else row["as_of"].tz_localize(None)
    )
    row = newest[-1]
    others = {per_million(other) for other in newest if _same_day(other, row)} - {per_million(row)}
    day = "" if pd.isna(row["as_of"]) else f"{row['as_of']:%Y-%m-%d}"
    said = "" if pd.isna(row["source"]) else str(row["source"])
    detail = ", ".join(part for part in (day, said) if part)
    return Price(per_million(row), source, detail, min(filter(None, others), default=None))


def _same_day(first: Mapping[Any, Any], second: Mapping[Any, Any]) -> bool:
    return (pd.isna(first["as_of"]) and pd.isna(second["as_of"])) or bool(first["as_of"] == second["as_of"])


def per_million(row: Mapping[Any, Any]) -> Decimal | None:
    """A price row's price per million tokens; per unit where the unit is not tokens."""
    price = money(row["usd_per_unit"])
    if price is None or pd.isna(row["unit_tokens"]):
        return price
    return price * (_MILLION / int(row["unit_tokens"]))


@cache
def shipped_seed() -> pd.DataFrame:
    """The seed for offline use: few models, each row dated and sourced. The frame is shared: copy before changing."""
    return read_prices(resources.files(__package__).joinpath("prices_seed.csv").read_text("utf-8"))


def read_prices(text: str) -> pd.DataFrame:
    """A price table from CSV, as it is kept for editing: the columns of PRICES; usd_per_unit as text with a dot.

    Raises:
        GuardError: a column is missing, or a price is no number.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [
        name
        for name in ("model", "token_kind", "unit_tokens", "usd_per_unit")
        if name not in (reader.fieldnames or ())
    ]
    if missing:
        raise GuardError(
            f"The price table lacks {', '.join(missing)}.", remedy="Write a header line with these columns."
        )
    rows = [_price_row(number, row) for number, row in enumerate(reader, 2)]
    return PRICES.frame(rows, Provenance("price table"))


def read_prices_file(path: str | Path) -> pd.DataFrame:
    """A price table from a CSV file; see `read_prices`.

    Raises:
        GuardError: the file cannot be read, or is no price table.
    """
    try:
        return read_prices(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise GuardError(f"The price file {path} cannot be read.", why=str(error)) from error


def _price_row(number: int, row: Mapping[str, str]) -> Mapping[str, object]:
    price, tokens = money(row["usd_per_unit"]), row["unit_tokens"].strip()
    if price is None or price < 0 or (tokens and not tokens.isdigit()):
        raise GuardError(
            f"Line {number} of the price table has no usable price.",
            why=f"It says {row['usd_per_unit']!r} per {tokens!r}.",
            remedy="Write US dollars with a dot, and 1000 or 1000000 tokens per unit, or nothing.",
        )
    read = {name: (text or "").strip() or None for name, text in row.items() if name in PRICES.columns}
    return {**read, "usd_per_unit": price, "unit_tokens": int(tokens) if tokens else None}


def from_bill(classified: pd.DataFrame) -> pd.DataFrame:
    """What was paid: one PRICES row per model, region, kind, route, tier, context and unit, dollars over quantity.

    Before credits, discounts and tax, which stand on lines of their own. Negative and zero totals give no price.

    Raises:
        MissingColumns: the frame is no classified bill.
    """
    require(classified, CLASSIFIED_BILL)
    lines = classified[(classified["bucket"] == "model") & (classified["currency"] == "USD")]
    names = ["model", "region", "token_kind", "route", "tier", "context", "unit_tokens", "usage_type"]
    rows = []
    for key, group in lines.groupby(names, dropna=False):
        costs, quantities = (
            [money(value) for value in group["cost"]],
            [money(value) for value in group["quantity"]],
        )
        if None in costs or None in quantities or total(quantities) <= 0 or total(costs) <= 0:
            continue
        parts: tuple[Any, ...] = key
        row = dict(zip(names, (None if pd.isna(part) else part for part in parts), strict=True))
        price = _DIGITS.divide(total(costs), total(quantities))
        source = f"bill of {group['day'].min():%Y-%m-%d} to {group['day'].max():%Y-%m-%d}"
        rows.append({**row, "usd_per_unit": price, "source": source, "as_of": group["day"].max()})
    return PRICES.frame(rows)


def departures(
    classified: pd.DataFrame, listed: PriceBook, *, tolerance: Decimal = Decimal("0.01")
) -> pd.DataFrame:
    """Lines whose implied unit price differs from the list price by more than `tolerance` (a share of the list price).

    Columns: model, region, token_kind, route, tier, context, usage_type, paid, listed (US dollars per million tokens),
    off (share), source. Lines without a list price are not here: see `unpriced`.

    Raises:
        MissingColumns: the frame is no classified bill.
    """
    rows = [
        row for row in _compared(classified, listed) if row["off"] is not None and abs(row["off"]) > tolerance
    ]
    rows.sort(key=lambda row: -abs(row["off"]))
    return pd.DataFrame(rows, columns=[*_COMPARED], dtype="object")


def unpriced(classified: pd.DataFrame, listed: PriceBook) -> pd.DataFrame:
    """Lines for which no source but the bill has a price; the columns of `departures`.

    Raises:
        MissingColumns: the frame is no classified bill.
    """
    rows = [row for row in _compared(classified, listed) if row["listed"] is None]
    return pd.DataFrame(rows, columns=[*_COMPARED], dtype="object")


def paid_and_listed(classified: pd.DataFrame, listed: PriceBook) -> list[tuple[Decimal, Decimal]]:
    """Kinds of line with both prices, US dollars per million tokens: as paid, and of the list.

    Raises:
        MissingColumns: the frame is no classified bill.
    """
    rows = _compared(classified, listed)
    return [(row["paid"], row["listed"]) for row in rows if row["paid"] and row["listed"]]


_NAMES: Final = ("model", "region", "token_kind", "route", "tier", "context", "usage_type")
_COMPARED: Final = (*_NAMES, "paid", "listed", "off", "source")


def _compared(classified: pd.DataFrame, listed: PriceBook) -> Iterable[dict[str, Any]]:
    rows: list[dict[Any, Any]] = from_bill(classified).to_dict("records")
    for row in rows:
        names = {name: None if pd.isna(row[name]) else row[name] for name in _NAMES}
        if names["token_kind"] is None or names["region"] is None:
            continue
        key = PriceKey(
            *(str(names[name]) for name in ("model", "token_kind", "region", "route", "tier", "context"))
        )
        price, paid = listed.price(key), per_million(row)
        want = price.usd_per_million
        off = None if not want or paid is None else _DIGITS.divide(paid - want, want)
        yield {
            **names,
            "paid": paid,
            "listed": want,
            "off": off,
            "source": f"{price.source} {price.detail}".strip(),
        }
