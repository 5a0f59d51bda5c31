"""Refused lines with what their tokens would cost on substitutes: the assumptions, one line, all of them.

Every number comes as low, base and high by ratios that are assumptions; what has no number is listed with its dollars.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from functools import cached_property
from typing import Final, Literal, get_args

import pandas as pd

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.tables import money, total

Outcome = Literal["priced", "unpriced", "not offered", "no tokens", "stopped", "stranded"]
"""priced: has a range; unpriced: no source knows a price; not offered: the substitute is not there by that lane;
no tokens: images, hours, custom models and what else tokens cannot move; stopped: no substitute chosen; stranded: a
commitment, which bills until its term ends whatever is used instead."""

OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
Case = Literal["low", "base", "high"]
CASES: Final[tuple[Case, ...]] = get_args(Case)

DIGITS: Final = Context(prec=28)
OUTPUT: Final = "output"


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
        return (self.output if kind == OUTPUT else self.token)[CASES.index(case)]

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
