"""What the tokens of refused models would cost with a substitute: a range under labelled assumptions, never a saving.

Tokens are not portable: another tokenizer cuts the same text differently, answers are longer or shorter, and retries
differ. So every number comes as low, base and high by ratios that are assumptions. What has no price, or is not
offered where the line ran, gets no number and is listed with its dollars. The change from the regional to the global
price lane changes where data goes, so it stands apart and is in none of the other numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Context, Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import pandas as pd

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.impact import GOVERNED, GROUP, Impact
from bedrock_guard.evidence.prices import PriceBook, PriceKey
from bedrock_guard.evidence.tables import CLASSIFIED_BILL, money, require, total

if TYPE_CHECKING:
    from bedrock_guard.boundary.catalogue import Catalogue

Outcome = Literal["priced", "unpriced", "not offered", "no tokens", "stopped", "stranded"]
"""priced: has a range; unpriced: no source knows a price; not offered: the substitute is not there by that lane;
no tokens: images, hours, custom models and what else tokens cannot move; stopped: no substitute chosen; stranded: a
commitment, which bills until its term ends whatever is used instead."""

OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
Case = Literal["low", "base", "high"]
CASES: Final[tuple[Case, ...]] = get_args(Case)

_DIGITS: Final = Context(prec=28)
_MILLION: Final = Decimal(1_000_000)
_KINDS: Final = ("input", "output", "cache_read", "cache_write_5m", "cache_write_30m", "cache_write_1h")
_INPUT, _OUTPUT = _KINDS[:2]
_KEYS: Final = ("bucket", "model", "region", "token_kind", "route", "tier", "context")


@dataclass(frozen=True, slots=True)
class Ratios:
    """Assumptions: tokens of the substitute for one token of the refused model.

    Args:
        token: low, base, high for input and cache tokens: the tokenizer.
        output: low, base, high for output tokens: tokenizer, length of answers, reasoning and retries together.

    Raises:
        GuardError: a ratio is not above 0, or they do not rise.
    """

    token: tuple[Decimal, Decimal, Decimal] = (Decimal("0.8"), Decimal(1), Decimal("1.4"))
    output: tuple[Decimal, Decimal, Decimal] = (Decimal("0.8"), Decimal(1), Decimal("1.4"))

    def __post_init__(self) -> None:
        for name, (low, base, high) in (("token", self.token), ("output", self.output)):
            if not 0 < low <= base <= high:
                raise GuardError(f"The {name} ratios are not 0 < low <= base <= high.")

    @classmethod
    def of_text(cls, token: Sequence[str], output: Sequence[str]) -> Ratios:
        """Ratios as a person writes them: low, base, high.

        Raises:
            GuardError: they are not three numbers above 0 that do not fall.
        """
        read = [tuple(money(text) for text in texts) for texts in (token, output)]
        if any(len(three) != len(CASES) or None in three for three in read):
            raise GuardError(
                "The ratios are not three numbers each.",
                remedy='Write low, base and high: ("0.8", "1", "1.4").',
            )
        (a, b, c), (d, e, f) = (tuple(n for n in three if n is not None) for three in read)
        return cls((a, b, c), (d, e, f))

    def of(self, kind: str, case: Case) -> Decimal:
        """The ratio of one kind of token."""
        return (self.output if kind == _OUTPUT else self.token)[CASES.index(case)]

    def __str__(self) -> str:
        token, output = (" / ".join(f"{ratio:f}" for ratio in ratios) for ratios in (self.token, self.output))
        return (
            f"Assumption: the substitute takes {token} (low / base / high) tokens for one input or cache token, and "
            f"{output} for one output token. Nothing was measured."
        )


@dataclass(frozen=True, slots=True)
class RedirectedLine:
    """One refused model, Region, kind, lane, tier and context with the chosen substitute; amounts in US dollars.

    Args:
        model: the refused model; None for capacity and custom models that name none.
        substitute: what is used instead; None when nothing was chosen.
        region: the source Region.
        token_kind: as billed.
        route: the price lane.
        tier: as billed.
        context: standard or long.
        outcome: whether there is a number, and if not why not.
        cost_usd: what the bill says, before credits and discounts on lines of their own.
        tokens: how many were billed; None where the line counts none.
        low_usd: at list price with the low ratio; None unless priced.
        base_usd: with the base ratio.
        high_usd: with the high ratio.
        list_usd: the refused model's own list price on the same tokens; None when no list has it.
        base_as_paid_usd: `base_usd` times paid by list of the refused model on this line; None without that ratio.
        global_usd: what the base case would change by on the global lane; None when that is not offered or unpriced.
        why: rules that were applied, or the reason for no number.
        source: where the substitute's price comes from.
    """

    model: str | None
    substitute: str | None
    region: str | None
    token_kind: str | None
    route: str | None
    tier: str | None
    context: str | None
    outcome: Outcome
    cost_usd: Decimal
    tokens: Decimal | None = None
    low_usd: Decimal | None = None
    base_usd: Decimal | None = None
    high_usd: Decimal | None = None
    list_usd: Decimal | None = None
    base_as_paid_usd: Decimal | None = None
    global_usd: Decimal | None = None
    why: str = ""
    source: str = ""


@dataclass(frozen=True)
class Redirect:
    """Refused lines with their substitutes. Every refused dollar is on exactly one line.

    Args:
        lines: one per model, Region, kind, lane, tier and context, dearest first.
        ratios: the assumptions.
    """

    lines: tuple[RedirectedLine, ...]
    ratios: Ratios = field(default_factory=Ratios)

    def cost(self, outcome: Outcome | None = None) -> Decimal:
        """Refused dollars of one outcome, or all."""
        return total(line.cost_usd for line in self.lines if outcome in (None, line.outcome))

    def spend(self, case: Case) -> Decimal | None:
        """What the priced lines would cost, US dollars; None when no line is priced."""
        known = [_of_case(line, case) for line in self._priced]
        return total(known) if known else None

    @property
    def priced_share(self) -> Decimal | None:
        """Share of the refused dollars that have a number; None when nothing is refused."""
        whole = self.cost()
        return _DIGITS.divide(self.cost("priced"), whole) if whole else None

    @property
    def at_list(self) -> tuple[Decimal, Decimal] | None:
        """Refused model and base case, both at list, on the lines where both lists know a price; None without any."""
        both = [(a.list_usd, a.base_usd) for a in self._priced if a.list_usd is not None]
        return (total(a for a, _ in both), total(b for _, b in both)) if both else None

    @property
    def as_paid(self) -> tuple[Decimal, Decimal] | None:
        """Refused model as billed and base case at the same lane's ratio of paid to list; None without any ratio."""
        both = [(a.cost_usd, a.base_as_paid_usd) for a in self._priced if a.base_as_paid_usd is not None]
        return (total(a for a, _ in both), total(b for _, b in both)) if both else None

    @property
    def regional_to_global(self) -> Decimal | None:
        """What moving the base case to the global lane would change, where that is offered and priced; else None.

        An effect of its own: it changes where data is processed, and is in no other number here.
        """
        known = [line.global_usd for line in self._priced if line.global_usd is not None]
        return total(known) if known else None

    def table(self) -> pd.DataFrame:
        """The lines as a table, dearest first; amounts are Decimal or None."""
        names = list(RedirectedLine.__dataclass_fields__)
        rows = [tuple(getattr(line, name) for name in names) for line in self.lines]
        return pd.DataFrame(rows, columns=names, dtype="object")

    def by_outcome(self) -> pd.DataFrame:
        """Refused dollars and the range per outcome: outcome, cost_usd, low_usd, base_usd, high_usd (or None)."""
        rows = [
            (name, self.cost(name), *(self.spend(case) if name == "priced" else None for case in CASES))
            for name in OUTCOMES
            if any(line.outcome == name for line in self.lines)
        ]
        columns = ["outcome", "cost_usd", *(f"{case}_usd" for case in CASES)]
        return pd.DataFrame(rows, columns=columns, dtype="object")

    @cached_property
    def _priced(self) -> tuple[RedirectedLine, ...]:
        return tuple(line for line in self.lines if line.outcome == "priced")


def _of_case(line: RedirectedLine, case: Case) -> Decimal | None:
    return {"low": line.low_usd, "base": line.base_usd, "high": line.high_usd}[case]


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
        key: _DIGITS.divide(total(refused.get(key, ())), total(pile))
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
    as_paid = _DIGITS.divide(base * line.cost_usd, listed) if listed else None
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
