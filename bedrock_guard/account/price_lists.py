"""The price lists of several Regions as one table, each asked once a day: in memory, or kept in a folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import pandas as pd

from bedrock_guard.account.cost_explorer import AnswerCache
from bedrock_guard.account.prices import read_price_list
from bedrock_guard.evidence.tables import PRICES, Provenance, money, provenance_of

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account
    from bedrock_guard.boundary.catalogue import Catalogue

FRESH_FOR: Final = timedelta(days=1)
"""AWS publishes new prices at any time; a day is soon enough for what a substitute would cost."""

_CACHES: Final[WeakKeyDictionary[Account, AnswerCache]] = WeakKeyDictionary()


def read_price_lists(
    account: Account, regions: Sequence[str], catalogue: Catalogue, *, keep: str | Path = ""
) -> pd.DataFrame:
    """The price lists of some Regions (PRICES); a complete one is not asked again within a day.

    Args:
        account: who asks; free of charge.
        regions: the Regions.
        catalogue: models by id and name.
        keep: a folder that keeps the lists, also for the next process; by default they are kept with the account.
    """
    cache = (
        AnswerCache(Path(keep), FRESH_FOR)
        if keep
        else _CACHES.setdefault(account, AnswerCache(None, FRESH_FOR))
    )
    rows: list[Mapping[str, Any]] = []
    said: list[Provenance] = []
    for region in regions:
        key = _key(account, region, catalogue)
        known = cache.get(key, account.now)
        if known:
            rows.extend({**row, "usd_per_unit": money(row["usd_per_unit"])} for row in known[1])
            said.append(Provenance("AWS Price List", asked_at=known[0]))
            continue
        frame = read_price_list(account, region, catalogue=catalogue)
        found = frame.to_dict("records")
        if provenance_of(frame).complete:
            cache.put(key, account.now, tuple(_plain(row) for row in found))
        rows.extend(found)  # type: ignore[arg-type]  # pandas types the keys of records as hashable
        said.append(provenance_of(frame))
    if not said:
        why = "no line of the bill names a Region to ask prices for"
        return PRICES.empty(Provenance("AWS Price List", completeness="unknown", why=why))
    return PRICES.frame(rows, Provenance.merged(said))


def _key(account: Account, region: str, catalogue: Catalogue) -> str:
    """Which models a price names hangs on the catalogue, so a new catalogue asks anew."""
    models = sorted((model.model_id, model.name) for model in catalogue.models)
    text = json.dumps(["price list", account.mode, region, models])
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row as JSON holds it: amounts and moments as text, unknown as null."""

    def plain(value: Any) -> Any:
        if value is None or pd.isna(value):
            return None
        if isinstance(value, pd.Timestamp):
            return value.isoformat()
        return (
            str(value) if isinstance(value, Decimal) else int(value) if hasattr(value, "__index__") else value
        )

    return {str(name): plain(value) for name, value in row.items()}
