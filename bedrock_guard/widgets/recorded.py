"""Recorded calls to begin a trial with: who called which model how, most frequent first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pandas as pd

from bedrock_guard.account.situation import Situation
from bedrock_guard.evidence.what_if import short_name
from bedrock_guard.present.table import plain
from bedrock_guard.widgets.trying import INVOKE

_MOST: Final = 40
_BY: Final = ("principal", "client", "operation", "model", "model_raw", "region", "key_kind")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One way a model was called; `words` is a line for a list."""

    principal: str
    operation: str
    model: str
    route: str
    region: str
    key_kind: str
    words: str


def recorded(situation: Situation) -> tuple[Recorded, ...]:
    """The most frequent ways in which models of the catalogue were called."""
    calls = situation.calls
    seen = calls[calls["operation"].isin(INVOKE) & calls["model"].notna() & calls["model_raw"].notna()]
    counts = seen.groupby(list(_BY), dropna=False, observed=True).size().sort_values(ascending=False)
    found: list[Recorded] = []
    for *key, count in counts.head(_MOST * 2).reset_index(name="n").itertuples(index=False, name=None):
        named = {name: None if pd.isna(value) else str(value) for name, value in zip(_BY, key, strict=True)}
        one = _one(named, int(count), situation)
        found += [one] if one else []
    return tuple(found[:_MOST])


def _one(named: dict[str, str | None], count: int, situation: Situation) -> Recorded | None:
    resolved = situation.catalogue.resolve(named["model_raw"] or "")
    if resolved is None or not named["principal"]:
        return None
    scope = resolved.profile_id.split(".", 1)[0] if resolved.profile_id else "in-region"
    words = (
        f"{named['client'] or 'unknown client'} · {short_name(named['principal'])} · "
        f"{situation.name_of(resolved.model_id)} ({scope}) · {named['operation']} · {count:,} calls"
    )
    return Recorded(
        named["principal"],
        named["operation"] or "Converse",
        resolved.model_id,
        scope,
        named["region"] or "us-east-1",
        named["key_kind"] or "unknown",
        plain(words),
    )
