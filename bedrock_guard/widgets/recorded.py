"""Recorded calls to begin a trial with: who called which model how, most frequent first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import pandas as pd

from bedrock_guard.account.situation import Situation
from bedrock_guard.evidence.what_if import short_name
from bedrock_guard.evidence.words import many
from bedrock_guard.present.table import plain
from bedrock_guard.widgets.trying import INVOKE

_MOST: Final = 40
_KEYS: Final = {
    "none": "no API key",
    "long_term": "long-term key",
    "short_term": "short-term key",
    "unknown": "key not known",
}
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
    """The most frequent ways in which models of the catalogue were called, each once, with how many calls failed."""
    calls = situation.calls
    seen = calls[calls["operation"].isin(INVOKE) & calls["model"].notna() & calls["model_raw"].notna()]
    bad = seen["error_code"].notna() if "error_code" in seen.columns else seen["already_denied"].fillna(False)
    number = seen["calls"] if "calls" in seen.columns else 1  # a store's row sums up calls that are alike
    counts = seen.assign(count=number).assign(failed=lambda made: made["count"] * bad.astype(bool))
    by = counts.groupby(list(_BY), dropna=False, observed=True)[["count", "failed"]].sum()
    ways: dict[tuple[str, Recorded], tuple[int, int]] = {}
    for *key, count, failed in by.reset_index().itertuples(index=False, name=None):
        named = {name: None if pd.isna(value) else str(value) for name, value in zip(_BY, key, strict=True)}
        one = _one(named, situation)
        if one:
            before = ways.get(one, (0, 0))
            ways[one] = before[0] + int(count), before[1] + int(failed)
    most = sorted(ways.items(), key=lambda way: (-way[1][0], way[0][0]))[:_MOST]
    return tuple(replace(one, words=f"{client} · {_calls(*n)} · {one.words}") for (client, one), n in most)


def _calls(count: int, failed: int) -> str:
    words = many(count, "call")
    if not failed:
        return words
    return (
        f"{words}, failed"
        if count == failed == 1
        else f"{words}, {'all' if failed == count else f'{failed:,}'} failed"
    )


def _one(named: dict[str, str | None], situation: Situation) -> tuple[str, Recorded] | None:
    """The program, and the way without it; two records that a person cannot tell apart are one way."""
    resolved = situation.catalogue.resolve(named["model_raw"] or "")
    if resolved is None or not named["principal"]:
        return None
    scope = resolved.profile_id.split(".", 1)[0] if resolved.profile_id else "in-region"
    region, kind = named["region"] or "us-east-1", named["key_kind"] or "unknown"
    words = (
        f"{short_name(named['principal'])} · {situation.name_of(resolved.model_id)} ({scope}, {region}) · "
        f"{named['operation']} · {_KEYS[kind]}"
    )
    way = Recorded(
        named["principal"],
        named["operation"] or "Converse",
        resolved.model_id,
        scope,
        region,
        kind,
        plain(words),
    )
    return plain(named["client"] or "unknown client"), way
