"""Callers hit: whose calls would be refused, and for how many dollars at least."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd

from bedrock_guard.boundary.controls import titles
from bedrock_guard.evidence.adding import cents
from bedrock_guard.evidence.caller_spend import by_caller
from bedrock_guard.evidence.tables import dollars, total
from bedrock_guard.evidence.what_if import WhatIf, short_name
from bedrock_guard.present.evidence import EXPLAINED, NOBODY, unread_words
from bedrock_guard.present.table import Shown, plain

if TYPE_CHECKING:
    from bedrock_guard.account.situation import Situation


def callers_hit(found: WhatIf, situation: Situation, limit: int = 50) -> Shown:
    """Callers of whom a call would be refused, each once, with the dollars that calls explain.

    The sum stands first, then accounts whose calls were not read, then what has no caller known, then the callers by
    what they lose: refused and stranded together.
    """
    spent = by_caller(found.judged, found.impact, situation.counted)
    hit = _hit(found, spent.iloc[:-1])
    several, owned = hit["account_id"].nunique() > 1, _owned(situation)
    glass = found.built.profile.break_glass
    merged = sorted(
        map(_merged, _by_principal(hit)), key=lambda one: (-_lost(one), -one["calls"], str(one["principal"]))
    )
    rows = [
        {
            "caller": _caller(one["principal"], one["account_id"] if several else None, glass),
            "client": one["programs"],
            "refused": one["refused"],
            "stranded": one["stranded"] or "",
            "calls_refused": f"{one['calls']:,}" if one["calls"] else "",
            "models": _models(one, owned, situation),
            "controls": titles(one["controls"]),
            "last_call": "" if pd.isna(one["last_call"]) else one["last_call"],
        }
        for one in merged[: limit - 3]
    ]
    blank = {"client": "", "calls_refused": "", "models": "", "controls": "", "last_call": ""}
    whole = found.impact.spend("stranded")
    last = [
        {"caller": whose, "refused": refused, "stranded": stranded or "", **blank}
        for whose, refused, stranded in _nobodys(found, situation, spent.iloc[-1])
    ]
    every = {"caller": "all", "refused": found.impact.spend("refused"), "stranded": whole or "", **blank}
    columns = ["caller", "client", "refused", "stranded", "calls_refused", "last_call", "models", "controls"]
    frame = pd.DataFrame([every, *last, *rows], columns=[c for c in columns if c != "stranded" or whole])
    unseen = len(merged) - len(rows)
    more = f" {unseen:,} more callers are not shown." if unseen else ""
    lost = "refused and stranded together, " if whole else ""
    caption = (
        f"Callers whose calls worked and would be refused: {lost}dearest first.{more} "
        "A caller's dollars are at least so much; all rows add up to the first."
    )
    headers = {
        "refused": "refused USD (a caller's: at least)",
        "stranded": "stranded USD",
        "client": "program",
        "controls": "refused by",
    }
    under = {"caller": "client", "calls_refused": "last_call", "models": "controls"}
    return Shown(frame, caption, headers, limit=limit, under=under, sums_first=True, more=EXPLAINED)


def _nobodys(
    found: WhatIf, situation: Situation, rest: pd.Series[Any]
) -> Iterator[tuple[str, Decimal, Decimal]]:
    """Who stands for dollars without a caller, refused and stranded: accounts not read, and nobody known."""
    away = {name: found.impact.of_accounts(situation.unread, name) for name in ("refused", "stranded")}
    if any(away.values()):
        yield unread_words(situation.unread), away["refused"], away["stranded"]
    yield NOBODY, rest["refused"] - away["refused"], rest["stranded"] - away["stranded"]


def _by_principal(hit: pd.DataFrame) -> Iterable[list[Mapping[Any, Any]]]:
    """The rows of each caller; a list of records, since there may be thousands of callers."""
    found: dict[tuple[str, ...], list[Mapping[Any, Any]]] = {}
    for row in hit.to_dict("records"):
        found.setdefault((str(row["account_id"]), str(row["principal"])), []).append(row)
    return found.values()


def _merged(part: Sequence[Mapping[Any, Any]]) -> dict[str, Any]:
    """A caller's programs as one row; dollars are None where none of its calls name a billed model."""
    rows = sorted(part, key=lambda row: -_lost(row))
    last = [row["last_call"] for row in rows if not pd.isna(row["last_call"])]
    return {
        "account_id": rows[0]["account_id"],
        "principal": rows[0]["principal"],
        "programs": _programs(rows),
        "refused": _sum(row["refused"] for row in rows),
        "stranded": _sum(row["stranded"] for row in rows),
        "calls": sum(int(row["calls"]) for row in rows if not pd.isna(row["calls"])),
        "models": _union(row["models"] for row in rows),
        "controls": _union(row["controls"] for row in rows),
        "last_call": max(last, default=None),
    }


def _programs(rows: Sequence[Mapping[Any, Any]]) -> str:
    """The programs of a caller, each with what it loses where there are several."""
    if len(rows) == 1:
        return plain(rows[0]["client"])
    costs = {str(at): _sum((row["refused"], row["stranded"])) for at, row in enumerate(rows)}
    shown = cents({at: cost for at, cost in costs.items() if cost is not None})
    said = [dollars(shown[at]) if at in shown else "(cost unknown)" for at in costs]
    return ", ".join(f"{plain(row['client'])} {cost}" for row, cost in zip(rows, said, strict=True))


def _lost(row: Mapping[Any, Any]) -> Decimal:
    """What is refused and what is stranded together, what is not known left out."""
    return _sum((row["refused"], row["stranded"])) or Decimal(0)


def _sum(values: Iterable[Any]) -> Decimal | None:
    """The known ones together; None where none is known."""
    known = [value for value in values if not pd.isna(value)]
    return total(known) if known else None


def _union(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple(sorted({str(name) for names in values if isinstance(names, tuple) for name in names}))


def _hit(found: WhatIf, spent: pd.DataFrame) -> pd.DataFrame:
    """Callers with refused calls, and those whose batch jobs or commitments alone are hit."""
    dear = [bool(row["refused"] or row["stranded"]) for row in spent.to_dict("records")]
    who = ["account_id", "principal", "client"]
    calls = found.callers()
    whole = calls.merge(spent, on=who, how="left")
    missed = spent.loc[dear].merge(calls[who], on=who, how="left", indicator=True)
    missed = missed[missed["_merge"] == "left_only"]
    return pd.concat([whole, missed.reindex(columns=whole.columns)]) if len(missed) else whole


def _owned(situation: Situation) -> dict[tuple[str, str], set[str]]:
    """Caller -> the models whose batch jobs and commitments it has alone."""
    found: dict[tuple[str, str], set[str]] = {}
    for (account, _region, model, _tier), (principal, _client) in situation.owners.items():
        found.setdefault((account, principal), set()).add(model)
    return found


def _models(row: Mapping[str, Any], owned: Mapping[Any, set[str]], situation: Situation) -> tuple[str, ...]:
    names = {*row["models"], *owned.get((row["account_id"], row["principal"]), ())}
    return tuple(sorted({situation.name_of(str(name)) for name in names}))


def _caller(principal: Any, account: Any, break_glass: Sequence[str]) -> str:
    name = plain(None) if pd.isna(principal) else short_name(str(principal))
    where = "" if account is None or pd.isna(account) else f" in {account}"
    never = "" if pd.isna(principal) or principal not in break_glass else ": never bound (break glass)"
    return f"{name}{never}{where}"
