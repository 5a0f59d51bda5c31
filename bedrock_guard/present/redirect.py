"""What replacing refused work would cost, as a page of its own: ranges under stated assumptions, never a saving."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.evidence.tables import dollars, total
from bedrock_guard.present.note import Note
from bedrock_guard.present.table import Shown, plain, source_note

if TYPE_CHECKING:
    from bedrock_guard.account.replacements import Replacements
    from bedrock_guard.evidence.ec2_redirect import Ec2Outcome, Ec2Redirect
    from bedrock_guard.evidence.redirected import Redirect

Names = Callable[[str], str]
"""Model id -> its name."""

_MODEL_WORDS: Final = {
    "priced": "has a substitute and a price",
    "unpriced": "no source knows a price",
    "not offered": "the substitute is not offered there",
    "no tokens": "tokens cannot move: images, training, custom models",
    "stopped": "no substitute chosen: the work stops",
    "stranded": "commitment: paid until its term ends, used or not",
}
_EC2_WORDS: Final = {
    "priced": "on demand, both types at list",
    "committed": "reserved or covered: stays paid",
    "spot": "Spot: no list price exists",
    "no type fits": "no allowed type fits",
    "no price": "the list lacks a price",
    "no hours": "counts no hours",
}


_WITHOUT_NUMBER: Final[tuple[Ec2Outcome, ...]] = ("spot", "no type fits", "no price", "no hours")


def unapproved(found: Replacements, name_of: Names) -> Note:
    """Whether the chosen substitutes would be refused as well."""
    if not found.unapproved:
        return Note(("Every chosen substitute is approved by this spec.",))
    named = ", ".join(name_of(name) for name in found.unapproved)
    return Note((f"Not approved by this spec either, so calls to it would be refused: {named}.",))


def summary(found: Redirect) -> Note:
    """Refused dollars and the range they would become, with everything that was assumed."""
    refused, priced = dollars(found.cost()), dollars(found.cost("priced"))
    low, base, high = (found.spend(case) for case in ("low", "base", "high"))
    lines = [
        f"{refused} of the window's spend would be refused or stranded; {priced} of it has a priced substitute."
    ]
    if base is not None:
        lines.append(
            f"Those {priced} would become {dollars(base)} at list price, between {dollars(low)} and {dollars(high)}."
        )
    else:
        lines.append(
            "No substitute was chosen, or none has a price: what the work would cost elsewhere is unknown."
        )
    lines += _comparisons(found)
    lines += [
        str(found.ratios),
        "This is no saving: quality, retries and the work of moving are in no number here.",
    ]
    return Note(tuple(lines), "headline")


def _cents(pair: tuple[Decimal | None, Decimal | None]) -> tuple[Decimal | None, ...]:
    return tuple(None if amount is None else round(amount, 2) for amount in pair)


def _comparisons(found: Redirect) -> list[str]:
    """The same with both sides at one price basis; a basis that gives the amounts above is named without them."""
    above = (found.cost("priced"), found.spend("base"))
    bases = {
        "at list price, where both are listed": found.at_list,
        "at this account's own ratio of bill to list": found.as_paid,
    }
    same = [words for words, pair in bases.items() if pair and _cents(pair) == _cents(above)]
    lines = [f"The amounts are the same with both sides {' and '.join(same)}."] if same else []
    lines += [
        f"Both sides {words}: {dollars(pair[0])} now, {dollars(pair[1])} then."
        for words, pair in bases.items()
        if pair and words not in same
    ]
    if not found.as_paid:
        lines.append("This account's own ratio of bill to list could not be observed.")
    moved = found.regional_to_global
    if moved is not None:
        lines.append(
            f"Apart from all that, and in no number above: sending it through global profiles would change the base by "
            f"{dollars(moved)}, and where the data is processed."
        )
    return lines


def outcomes(found: Redirect) -> Shown:
    """Refused dollars by what can be said of them; every refused dollar is in one row."""
    table = found.by_outcome()
    words = [_MODEL_WORDS.get(str(name), str(name)) for name in table["outcome"]]
    frame = table.assign(outcome=words)
    headers = {
        "outcome": "refused spend that ...",
        "cost_usd": "now",
        "low_usd": "low",
        "base_usd": "base",
        "high_usd": "high",
    }
    return _shown(frame, "Every refused dollar, by what is known of a replacement.", headers)


def lines(found: Redirect, name_of: Names, limit: int = 30) -> Shown:
    """Model, Region, kind, lane and tier with the substitute, the range, the price's source and the rules applied."""
    table = found.table()
    frame = pd.DataFrame(
        {
            "model": ["no model" if name is None else name_of(str(name)) for name in table["model"]],
            "instead": ["" if name is None else name_of(str(name)) for name in table["substitute"]],
            "what": [_what(row) for row in table.to_dict("records")],
            "now_usd": table["cost_usd"],
            "low_usd": table["low_usd"],
            "base_usd": table["base_usd"],
            "high_usd": table["high_usd"],
            "price_from": table["source"],
            "why": table["why"],
        }
    )
    headers = {"price_from": "price from", "why": "rules applied, or why no number"}
    return _shown(frame, "The same, line by line, dearest first.", headers, limit)


def _what(row: Mapping[Any, Any]) -> str:
    said = (row["region"], row["token_kind"], row["route"], row["tier"], row["context"])
    words = [str(part).replace("_", " ") for part in said if part not in (None, "standard")]
    return ", ".join(words) or "no kind"


def stranded(found: Replacements, name_of: Names) -> Shown | Note:
    """Refused commitments: what they cost, until when, and what that adds up to from now on."""
    table = found.stranded
    if table.empty:
        return Note(("No commitment is refused.",))
    frame = pd.DataFrame(
        {
            "model": ["no model" if name is None else name_of(str(name)) for name in table["model"]],
            "region": ["unknown" if name is None else name for name in table["region"]],
            "tier": table["tier"],
            "now_usd": table["cost_usd"],
            "until": ["unknown" if pd.isna(day) else f"{day:%Y-%m-%d}" for day in table["until"]],
            "until_usd": table["until_usd"],
            "why": table["why"],
        }
    )
    headers = {"now_usd": "in the window", "until_usd": "from now until then", "why": "why unknown"}
    words = "Commitments on refused models are paid until their term ends, used or not; at this window's daily mean."
    return _shown(frame, words, headers)


def ec2(found: Ec2Redirect, region: str) -> Note:
    """What refused EC2 hours would cost on the nearest allowed types, purchase options apart."""
    spend = dollars(found.cost())
    head = [f"{spend} of EC2 spend is on types that may not be launched again; running ones go on."]
    both = found.at_list
    if both:
        old, new, change = dollars(both[0]), dollars(both[1]), dollars(found.change_at_list)
        head.append(
            f"On demand, at the list prices of {region}: {old} on the types used, {new} on the nearest allowed types, "
            f"a change of {change}."
        )
    if found.cost("committed"):
        stays, top = dollars(found.cost("committed")), dollars(found.on_top)
        head.append(
            f"Reserved and covered hours: {stays} stays paid until its term ends; new types on top: {top}."
        )
    rest = total(found.cost(name) for name in _WITHOUT_NUMBER)
    if rest:
        head.append(f"For {dollars(rest)} there is no number: see the reasons.")
    head.append(
        "Assumed: the smallest allowed type with the same vCPU, memory and GPUs or more; speed is not compared."
    )
    return Note(tuple(head))


def ec2_lines(found: Ec2Redirect) -> Shown:
    """Type and purchase option with the nearest allowed type and both list prices."""
    table = found.table()
    frame = pd.DataFrame(
        {
            "instance_type": table["instance_type"],
            "purchase_option": ["none" if name is None else name for name in table["purchase_option"]],
            "nearest": ["none" if name is None else name for name in table["nearest"]],
            "hours": ["unknown" if hours is None else f"{hours:,.0f}" for hours in table["hours"]],
            "now_usd": table["cost_usd"],
            "list_usd": table["list_usd"],
            "nearest_usd": table["nearest_usd"],
            "outcome": [_EC2_WORDS.get(str(name), str(name)) for name in table["outcome"]],
            "why": table["why"],
        }
    )
    headers = {
        "nearest": "nearest allowed",
        "now_usd": "now, amortised",
        "list_usd": "now, at list",
        "nearest_usd": "nearest, at list",
        "outcome": "what it is",
    }
    return _shown(frame, "EC2 spend on refused types, by purchase option.", headers)


def assumptions(found: Replacements) -> Note:
    """Where every price came from."""
    said = [f"{name}. {source_note(one)}" for name, one in found.sources.items()]
    if found.overrides is not None:
        said.insert(0, f"{len(found.overrides)} prices of your own were believed before every list.")
    said.append(f"EC2 is compared in {plain(found.region)}: the EC2 bill names no Region.")
    return Note(tuple(said))


def _shown(frame: pd.DataFrame, caption: str, headers: dict[str, str], limit: int = 50) -> Shown:
    return Shown(
        frame, caption if len(frame) else "Nothing is refused.", headers, total=_adds_up(frame), limit=limit
    )


def _adds_up(frame: pd.DataFrame) -> bool:
    """Whether a total row says something: some money column is known in every row."""
    money: Sequence[str] = [name for name in frame.columns if str(name).endswith("_usd")]
    return len(frame) > 1 and any(frame[name].notna().all() for name in money)
