"""Points that no document settles, answered from one account's own records and bill.

An answer holds AWS's vocabulary only (units, charge types, product and member names): never a number of an account,
an ARN or a name that somebody gave.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.account.doctor_probes import events_of
from bedrock_guard.account.facts import CHARGES, ROUNDING, UNITS, Fact
from bedrock_guard.evidence.learning import charge_of, rounding_of, units_of
from bedrock_guard.evidence.learnt import ROUNDING_USD
from bedrock_guard.evidence.native import compare_native
from bedrock_guard.evidence.prices import PriceBook
from bedrock_guard.evidence.spend import of_charge_type
from bedrock_guard.evidence.tables import money, provenance_of, total
from bedrock_guard.evidence.usage_lines import letters

if TYPE_CHECKING:
    import pandas as pd

    from bedrock_guard.boundary.catalogue import Catalogue

_WORDS: Final = re.compile(r"[A-Za-z0-9 ()/._%+-]{1,70}")
_NUMBER: Final = re.compile(r"\d{9,}")
_INVOKED: Final = frozenset({"InvokeModel", "InvokeModelWithResponseStream", "Converse", "ConverseStream"})
_NO_CALLS: Final = "no such record in the page that was read"
_MOST: Final = 12


@dataclass(frozen=True, slots=True)
class BilledMaterial:
    """A classified bill, Cost Explorer's own model dimension, list prices, and the control total."""

    lines: pd.DataFrame
    native: pd.DataFrame
    listed: PriceBook
    control: Decimal | None


@dataclass(frozen=True, slots=True)
class Material:
    """What the questions are asked of; None where it could not be read.

    Args:
        records: records of Bedrock from Event history.
        charges: the answer of Cost Explorer by charge type.
        credentials: ListServiceSpecificCredentials' rows.
        bill: the bill of 28 days and what it is held against.
        catalogue: the models.

    """

    records: tuple[Mapping[str, Any], ...] | None
    charges: Mapping[str, Any] | None
    credentials: tuple[Mapping[str, Any], ...] | None
    bill: BilledMaterial | None
    catalogue: Catalogue


def find_facts(material: Material) -> tuple[Fact, ...]:
    """Every question, answered or with the reason why not."""
    return (*_of_bill(material), *_of_records(material), *_of_keys(material))


def safe(values: Iterable[object]) -> str:
    """AWS's words as a list; whatever could be somebody's own is left out and counted.

    Example:
        >>> safe(["Usage", "Tax", "arn:aws:iam::111122223333:user/ana"])
        'Tax, Usage (and 1 that is no word of AWS)'

    """
    texts = sorted({str(value) for value in values})
    words = [
        text for text in texts if _WORDS.fullmatch(text) and not _NUMBER.search(text) and "@" not in text
    ]
    left = len(texts) - len(words)
    more = [f"{len(words) - _MOST} more"] if len(words) > _MOST else []
    odd = f" (and {left} that {'is' if left == 1 else 'are'} no word of AWS)" if left else ""
    return (", ".join([*words[:_MOST], *more]) or "none") + odd


def _of_bill(material: Material) -> Iterable[Fact]:
    question = "Which charge types does Cost Explorer name?"
    charges = charges_of(material.charges or {})
    yield _fact(
        "record_types",
        question,
        safe(charges) if charges else None,
        len(charges),
        "Cost Explorer was not read",
    )
    yield unknown_charges(charges)
    bill = None if material.bill is None else material.bill.lines
    for name, asked, column in (
        ("units", "Which units do Bedrock's lines have?", "unit"),
        ("services", "Under which service names is Bedrock billed?", "service"),
    ):
        values = [] if bill is None else list(bill[column].dropna().unique())
        yield _fact(name, asked, safe(values) if values else None, len(values), "the bill holds no line")
    yield unit_tokens(material.bill)
    yield rounding(material.bill)
    yield _claude_lane(bill)
    yield _native(material)


def charges_of(answer: Mapping[str, Any]) -> dict[str, list[Decimal | None]]:
    """Charge type -> the amounts that a GetCostAndUsage by charge type gives it."""
    found: dict[str, list[Decimal | None]] = {}
    for period in answer.get("ResultsByTime", ()):
        for group in period.get("Groups", ()):
            for metric in group.get("Metrics", {}).values() if group.get("Keys") else ():
                found.setdefault(str(group["Keys"][0]), []).append(money(metric.get("Amount")))
    return found


def unknown_charges(charges: Mapping[str, list[Decimal | None]]) -> Fact:
    """Charge types that no document names, and what their sign says of them."""
    asked = "Which charge types are in no document, and what are they?"
    odd = {name: charge_of(costs) for name, costs in charges.items() if of_charge_type(name) == "unmapped"}
    told = [f"{safe([name])} - {bucket or 'not known'}" for name, bucket in sorted(odd.items())]
    data = {letters(name): bucket for name, bucket in odd.items() if bucket}
    answer = (", ".join(told) or "none") if charges else None
    return _fact(CHARGES, asked, answer, len(odd), "Cost Explorer was not read", data)


def unit_tokens(bill: BilledMaterial | None) -> Fact:
    """How many tokens each unit counts by what was paid; as data, where that is not what its usage type says."""
    asked = "How many tokens does one unit count, by what was paid against the list price?"
    found = {} if bill is None else units_of(bill.lines, bill.listed)
    said = {} if bill is None else {letters(str(u)): str(u) for u in bill.lines["unit"].dropna().unique()}
    told = [
        f"{safe([said[unit]])}: {'not told by prices' if tokens is None else f'{tokens:,}'}"
        + ("" if tokens in (None, assumed) else f" and not {assumed:,}")
        for (unit, assumed), tokens in sorted(found.items())
    ]
    data = {
        f"{unit}/{assumed}": str(tokens)
        for (unit, assumed), tokens in found.items()
        if tokens not in (None, assumed)
    }
    return _fact(
        UNITS, asked, "; ".join(told) or None, len(found), "no line has a unit and a list price", data
    )


def rounding(bill: BilledMaterial | None) -> Fact:
    """Whether the lines add up to their control total to the last digit, or but for rounding."""
    asked = "Do the lines add up to the control total?"
    gap = None if bill is None else rounding_of(bill.lines["cost"], bill.control)
    if gap is None:
        return _fact(ROUNDING, asked, None, 0, "one of the two is not known")
    rounded = 0 < gap < ROUNDING_USD
    answer = "to the last digit" if not gap else "but for less than a cent" if rounded else "no"
    return _fact(ROUNDING, asked, answer, 1, data={"tolerance_usd": str(ROUNDING_USD)} if rounded else None)


def _claude_lane(bill: pd.DataFrame | None) -> Fact:
    question = "Which price lanes do Claude's lines take?"
    if bill is None or bill.empty:
        return _fact("claude_lane", question, None, 0, "the bill holds no line")
    lines = bill[bill["model"].fillna("").str.startswith("anthropic.") & (bill["bucket"] == "model")]
    if lines.empty:
        return _fact("claude_lane", question, None, 0, "no line of Claude in 28 days")
    places = ["AWS Marketplace" if "Edition" in str(s) else str(s) for s in lines["service"].fillna("")]
    lanes = {
        f"{place} - {lane}" for place, lane in zip(places, lines["route"].fillna("no lane"), strict=True)
    }
    return _fact("claude_lane", question, safe(lanes), len(lines))


def _native(material: Material) -> Fact:
    question = "Does Cost Explorer's own model dimension cover the models read from usage types?"
    if material.bill is None or material.bill.native.empty:
        why = provenance_of(material.bill.native).why if material.bill else "not read"
        return _fact("native_model", question, None, 0, _anonymous(why) or "it gave no row")
    native, bill = material.bill.native, material.bill.lines
    table = compare_native(bill, native, catalogue=material.catalogue)
    whole = total(value for value in table["parsed"] if value is not None)
    named = table[table["model"].notna()]
    same = total(value for value in named["native"] if value is not None)
    share = f"{same * 100 / whole:.1f} %" if whole else "no share"
    market = bill["service"].fillna("").str.contains("Edition", regex=False).any()
    lines = "Marketplace lines among them" if market else "no Marketplace lines to judge by"
    return _fact("native_model", question, f"it names {share} of the dollars; {lines}", len(native))


def _of_records(material: Material) -> Iterable[Fact]:
    records = material.records or ()
    calls = [r for r in records if r.get("eventName") in _INVOKED]
    yield from _of_tokens(calls)
    yield from _of_call_keys(calls)
    denied = [r for r in records if str(r.get("errorCode", "")).startswith("AccessDenied")]
    said = Counter("with a message" if r.get("errorMessage") else "without" for r in denied)
    told = ", ".join(f"{count} {name}" for name, count in sorted(said.items()))
    yield _fact("denial_messages", "Do refused calls carry a message?", told or None, len(denied), _NO_CALLS)


def _of_tokens(calls: Sequence[Mapping[str, Any]]) -> Iterable[Fact]:
    worked = [r for r in calls if not r.get("errorCode")]
    with_tokens = Counter(str(r["eventName"]) for r in worked if "inputTokens" in _extra(r))
    of_them = Counter(str(r["eventName"]) for r in worked)
    tokens = ", ".join(f"{name} {with_tokens[name]} of {count}" for name, count in sorted(of_them.items()))
    yield _fact("trail_tokens", "Do records carry token counts?", tokens or None, len(worked), _NO_CALLS)
    keys = {key for r in calls for key in _extra(r)}
    cache = sorted(key for key in keys if "ache" in key)
    found = (safe(cache) if cache else "no") if worked else None
    yield _fact("cache_tokens", "Do records carry cache token counts?", found, len(worked), _NO_CALLS)
    members = safe(keys) if calls else None
    yield _fact("extra_members", "Which members has additionalEventData?", members, len(calls), _NO_CALLS)
    said = {True: "yes", False: "no", None: "not told"}
    reads = safe({said.get(r.get("readOnly"), "neither true nor false") for r in calls}) if calls else None
    yield _fact("read_only", "Is an invocation recorded as readOnly?", reads, len(calls), _NO_CALLS)


def _of_call_keys(calls: Sequence[Mapping[str, Any]]) -> Iterable[Fact]:
    marked = [r for r in calls if "callWithBearerToken" in _extra(r)]
    marks = sorted({json.dumps(_extra(r)["callWithBearerToken"]) for r in marked})
    shown = f"callWithBearerToken is {' or '.join(marks)}" if marks else None
    question = "How does a record show that a call was made with a Bedrock API key?"
    yield _fact("bearer_marker", question, shown, len(marked), _NO_CALLS)
    long_term = [_identity(r) for r in marked if _identity(r).get("type") == "IAMUser"]
    ids = {"present" if caller.get("accessKeyId") else "absent" for caller in long_term}
    question = "Does a long-term key's record hold accessKeyId?"
    yield _fact("long_term_key_id", question, safe(ids) if ids else None, len(long_term), _NO_CALLS)


def _of_keys(material: Material) -> Iterable[Fact]:
    rows = material.credentials or ()
    states = {str(row.get("Status")) for row in rows}
    yield _fact(
        "key_states",
        "Which states do keys have?",
        safe(states) if rows else None,
        len(rows),
        "no key was listed",
    )


def _extra(record: Mapping[str, Any]) -> Mapping[str, Any]:
    found = record.get("additionalEventData")
    return found if isinstance(found, Mapping) else {}


def _identity(record: Mapping[str, Any]) -> Mapping[str, Any]:
    found = record.get("userIdentity")
    return found if isinstance(found, Mapping) else {}


def _fact(
    name: str,
    question: str,
    answer: str | None,
    seen: int,
    why: str = "",
    data: Mapping[str, str] | None = None,
) -> Fact:
    reason = "" if answer is not None else why
    return Fact(id=name, question=question, answer=answer, seen=seen, why=reason, data=dict(data or {}))


def _anonymous(text: str) -> str:
    return text if _WORDS.fullmatch(text) and not _NUMBER.search(text) else "it could not be read"


def records_of(answers: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The records of some LookupEvents answers."""
    return tuple(record for answer in answers for record in events_of(answer))
