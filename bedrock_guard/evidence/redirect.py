"""What the tokens of refused models would cost with a substitute: a range under labelled assumptions, never a saving.

Tokens are not portable: another tokenizer cuts the same text differently, answers are longer or shorter, and retries
differ. So every number comes as low, base and high by ratios that are assumptions. What has no price, or is not
offered where the line ran, gets no number and is listed with its dollars. The change from the regional to the global
price lane changes where data goes, so it stands apart and is in none of the other numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.impact import GOVERNED, GROUP, Impact
from bedrock_guard.evidence.prices import PriceBook, PriceKey
from bedrock_guard.evidence.redirected import CASES, DIGITS, OUTPUT, Ratios, Redirect, RedirectedLine
from bedrock_guard.evidence.tables import CLASSIFIED_BILL, money, require, total

if TYPE_CHECKING:
    from bedrock_guard.boundary.catalogue import Catalogue

_MILLION: Final = Decimal(1_000_000)
_INPUT: Final = "input"
_KINDS: Final = (_INPUT, OUTPUT, "cache_read", "cache_write_5m", "cache_write_30m", "cache_write_1h")
_KEYS: Final = ("bucket", "model", "region", "token_kind", "route", "tier", "context")

Shares = Mapping[tuple[str | None, ...], Decimal]
"""(bucket, account_id, region, model, route, tier) -> share that is refused, 0 to 1."""


def refused_shares(found: Impact) -> Shares:
    """What share of each group of an impact would be refused or stays as a refused commitment.

    An impact spreads dollars by calls and their tokens, not by kind of token, so the share is the same for every kind.
    A group whose cost adds up to 0 has no share and is left out.
    """
    wholes: dict[tuple[str | None, ...], list[Decimal]] = {}
    refused: dict[tuple[str | None, ...], list[Decimal]] = {}
    for row in found.lines.to_dict("records"):
        key = tuple(None if pd.isna(row[name]) else str(row[name]) for name in GROUP)
        wholes.setdefault(key, []).append(row["cost_usd"])
        if row["outcome"] in ("refused", "stranded"):
            refused.setdefault(key, []).append(row["cost_usd"])
    return {
        key: DIGITS.divide(total(refused.get(key, ())), total(pile))
        for key, pile in wholes.items()
        if total(pile)
    }


@dataclass(frozen=True, slots=True)
class _Pile:
    """One kind of line: its dollars, and its tokens when every line of it counts them."""

    cost: Decimal
    tokens: Decimal | None


def redirect(
    bill: pd.DataFrame,
    substitutes: Mapping[str, str | None],
    prices: PriceBook,
    catalogue: Catalogue,
    *,
    ratios: Ratios | None = None,
    shares: Shares | None = None,
) -> Redirect:
    """What the tokens of refused models would cost with their substitutes.

    Rules: same Region, lane, tier and context. A substitute for which no source knows any cache price bills cache
    tokens as plain input; one without any price of a tier bills the standard tier; both are said. A long-context line
    keeps its own rate. Nothing is priced where the catalogue does not offer the substitute by that lane.

    Args:
        bill: classified bill of one currency (US dollars).
        substitutes: refused model -> its substitute; None stops the work instead. Other models are left alone.
        prices: list prices (leave the bill's own out: paid and listed must not be mixed).
        catalogue: where models are offered.
        ratios: the assumptions; by default 0.8 / 1 / 1.4.
        shares: how much of each group is refused, from `refused_shares`; by default all of it.

    Raises:
        MissingColumns: the frame is no classified bill.
        GuardError: the bill is not in US dollars only, or a line has no amount.
    """
    asked = ratios or Ratios()
    piles = _piles(require(bill, CLASSIFIED_BILL), substitutes, shares)
    lines = [
        _line(key, pile, substitutes.get(str(key[1])), prices, catalogue, asked)
        for key, pile in piles.items()
    ]
    return Redirect(tuple(sorted(lines, key=lambda line: -abs(line.cost_usd))), asked)


def _piles(
    bill: pd.DataFrame, substitutes: Mapping[str, str | None], shares: Shares | None
) -> dict[tuple[str | None, ...], _Pile]:
    named = bill["model"].isin(list(substitutes))
    if shares is not None:
        named |= bill[
            "model"
        ].isna()  # capacity and custom models without a name: their share says whether they count
    chosen = bill[bill["bucket"].isin(GOVERNED) & named]
    if set(chosen["currency"].fillna("unknown")) - {"USD"}:
        raise GuardError(
            "The refused lines are not all in US dollars.",
            remedy="List prices are in US dollars: pass those lines.",
        )
    costs: dict[tuple[str | None, ...], list[Decimal]] = {}
    tokens: dict[tuple[str | None, ...], list[Decimal | None]] = {}
    for row in chosen[[*_KEYS, "account_id", "cost", "quantity", "unit_tokens"]].to_dict("records"):
        said = {name: None if pd.isna(row[name]) else str(row[name]) for name in (*_KEYS, "account_id")}
        share = Decimal(1) if shares is None else shares.get(tuple(said[name] for name in GROUP), Decimal(0))
        cost, key = money(row["cost"]), tuple(said[name] for name in _KEYS)
        if cost is None:
            raise GuardError("A refused line has no amount.", remedy="Reconcile the bill first.")
        if share:
            costs.setdefault(key, []).append(cost * share)
            tokens.setdefault(key, []).append(_tokens(row, share))
    return {key: _Pile(total(pile), _whole(tokens[key])) for key, pile in costs.items()}


def _tokens(row: Mapping[Any, Any], share: Decimal) -> Decimal | None:
    quantity = money(row["quantity"])
    return (
        None
        if quantity is None or pd.isna(row["unit_tokens"])
        else quantity * int(row["unit_tokens"]) * share
    )


def _whole(tokens: list[Decimal | None]) -> Decimal | None:
    known = [count for count in tokens if count is not None]
    return total(known) if len(known) == len(tokens) else None


def _line(
    key: tuple[str | None, ...],
    pile: _Pile,
    substitute: str | None,
    prices: PriceBook,
    catalogue: Catalogue,
    ratios: Ratios,
) -> RedirectedLine:
    bucket, model, region, kind, route, tier, context = key
    line = RedirectedLine(
        model, substitute, region, kind, route, tier, context, "stopped", pile.cost, pile.tokens
    )
    if bucket == "commitment":
        return replace(line, outcome="stranded", why="A commitment bills until its term ends.")
    if bucket == "customization":
        return replace(
            line, outcome="no tokens", why="Training, storage and custom models have no substitute by tokens."
        )
    if substitute is None:
        return replace(line, why="No substitute was chosen.")
    if pile.tokens is None or kind not in _KINDS:
        return replace(line, outcome="no tokens", why=f"{kind or 'This line'} is not counted in text tokens.")
    if region is None or route is None:
        return replace(line, outcome="unpriced", why="The line names no Region or no price lane.")
    if not _offered(catalogue, substitute, region, route):
        return replace(
            line, outcome="not offered", why=f"{substitute} is not offered in {region} by the {route} lane."
        )
    wanted = PriceKey(substitute, kind, region, route, tier or "standard", context or "standard")
    return _priced(line, wanted, pile.tokens, prices, catalogue, ratios)


def _priced(
    line: RedirectedLine,
    wanted: PriceKey,
    tokens: Decimal,
    prices: PriceBook,
    catalogue: Catalogue,
    ratios: Ratios,
) -> RedirectedLine:
    key, rules = _by_the_rules(wanted, prices)
    price = prices.price(key)
    if price.usd_per_million is None:
        what = ", ".join((key.token_kind, key.route, key.tier, f"{key.context} context", key.region))
        why = f"No source has a price of {what}."
        return replace(line, outcome="unpriced", why=" ".join((*rules, why)))
    each = price.usd_per_million
    low, base, high = (_dollars(tokens * ratios.of(wanted.token_kind, case), each) for case in CASES)
    own = prices.price(replace(wanted, model=str(line.model))).usd_per_million
    listed = None if own is None else _dollars(tokens, own)
    as_paid = DIGITS.divide(base * line.cost_usd, listed) if listed else None
    notes = [*rules, *([f"Another source says {price.disputed:f}."] if price.disputed is not None else [])]
    moved = _on_global(key, tokens * ratios.of(wanted.token_kind, "base"), prices, catalogue)
    return replace(
        line,
        outcome="priced",
        low_usd=low,
        base_usd=base,
        high_usd=high,
        list_usd=listed,
        base_as_paid_usd=as_paid,
        global_usd=None if moved is None else moved - base,
        why=" ".join(notes),
        source=f"{price.source} {price.detail}".strip(),
    )


def _by_the_rules(wanted: PriceKey, prices: PriceBook) -> tuple[PriceKey, list[str]]:
    """The key to price by, and the rules that changed it: only what no source knows of the model is replaced."""
    known = list(prices.keys(wanted.model))
    key, rules = wanted, []
    if wanted.token_kind.startswith("cache_") and not any(k.token_kind.startswith("cache_") for k in known):
        key = replace(key, token_kind=_INPUT)
        rules.append("No source knows a cache price of it: cache tokens are counted as plain input.")
    if not any(k.tier == wanted.tier for k in known):
        key = replace(key, tier="standard")
        rules.append(f"No source knows a {wanted.tier} price of it: the standard tier is counted.")
    return key, rules


def _on_global(key: PriceKey, tokens: Decimal, prices: PriceBook, catalogue: Catalogue) -> Decimal | None:
    """The same tokens on the global lane; None when they are there already, or that is not offered or unpriced."""
    if key.route == "global" or not _offered(catalogue, key.model, key.region, "global"):
        return None
    each = prices.price(replace(key, route="global")).usd_per_million
    return None if each is None else _dollars(tokens, each)


def _dollars(tokens: Decimal, usd_per_million: Decimal) -> Decimal:
    return tokens * usd_per_million / _MILLION


def _offered(catalogue: Catalogue, model_id: str, region: str, route: str) -> bool:
    """Whether the catalogue offers a model in a source Region by a price lane; regional covers geographic profiles."""
    model = catalogue.get(model_id)
    if model is None:
        return False
    scopes = {profile.scope for profile in model.profiles if region in profile.destinations}
    if route == "global":
        return "global" in scopes
    return bool(scopes - {"global"}) or (route == "regional" and region in model.in_region)
