"""Bill lines -> what each is for; and whether they add up.

`classify` reads one line, `classify_bill` a bill of any length (each distinct line once), `reconcile` proves the sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from bedrock_guard.evidence.bill_class import BUCKETS, BillClass, Bucket
from bedrock_guard.evidence.learnt import NOTHING, Learnt
from bedrock_guard.evidence.model_names import Aliases, Index, index_of
from bedrock_guard.evidence.reconcile import ControlTotal, Reconciliation, reconcile_with
from bedrock_guard.evidence.tables import BILL, provenance_of, require
from bedrock_guard.evidence.usage_lines import letters, read_usage

if TYPE_CHECKING:
    from bedrock_guard.boundary.catalogue import Catalogue

__all__ = [
    "BUCKETS",
    "BillClass",
    "ControlTotal",
    "Reconciliation",
    "classify",
    "classify_bill",
    "of_charge_type",
    "reconcile",
    "unit_prices",
]

_RECORD_BUCKETS: Final[Mapping[str, Bucket]] = {
    "tax": "tax",
    "credit": "credit",
    "credits": "credit",
    "refund": "refund",
    "refunds": "refund",
    "discount": "discount",
    "savingsplannegation": "discount",
    "savingsplansnegation": "discount",
    "savingsplanrecurringfee": "commitment",
    "savingsplanupfrontfee": "commitment",
    "savingsplansrecurringfee": "commitment",
    "savingsplansupfrontfee": "commitment",
    "rifee": "commitment",
    "recurring": "commitment",
    "upfront": "commitment",
    "recurringreservationfee": "commitment",
    "upfrontreservationfee": "commitment",
    "support": "non_model",
    "supportfee": "non_model",
}
_USAGE_RECORDS: Final = frozenset(
    {
        "usage",
        "discountedusage",
        "savingsplancoveredusage",
        "savingsplanscoveredusage",
        "flatratesubscription",
        "fee",
        "purchase",
    }
    | {"other", "otheroutofcyclecharges", "outofcyclecharge"}
)
"""https://docs.aws.amazon.com/cur/latest/userguide/Lineitem-columns.html (lineItem/LineItemType), FOCUS's
charge categories (https://focus.finops.org/focus-specification/v1-2/) and the wordings of Cost Explorer's RECORD_TYPE,
compared without case, blanks and dashes. What FOCUS calls an adjustment may be any of several, and stays unmapped."""


def classify(
    service: str,
    usage_type: str,
    operation: str = "",
    record_type: str = "Usage",
    *,
    catalogue: Catalogue | None = None,
    aliases: Aliases | None = None,
) -> BillClass:
    """What one line of the bill is for; never raises on a string, never guesses a model.

    Args:
        service: Cost Explorer's SERVICE, or CUR's product name or code.
        usage_type: as billed; a Marketplace model's name stands in `service` only.
        operation: as billed; AWS puts no model there, so it only helps to describe an unmapped line.
        record_type: Usage, Credit, Tax, ... in CUR's or Cost Explorer's wording.
        catalogue: models by id and name; the shipped one by default.
        aliases: further names, believed before the shipped alias file.

    Example:
        >>> found = classify("Claude Haiku 4.5 (Amazon Bedrock Edition)", "USE1-MP:USE1_CacheReadInputTokenCount-Units")
        >>> (found.bucket, found.model, found.token_kind, found.route, found.unit_tokens)
        ('model', 'anthropic.claude-haiku-4-5-20251001-v1:0', 'cache_read', 'regional', 1000000)
    """
    return _classify(service, usage_type, operation, record_type, index_of(catalogue, aliases))


def _classify(
    service: str, usage_type: str, operation: str, record_type: str, index: Index, learnt: Learnt = NOTHING
) -> BillClass:
    found = replace(read_usage(service, usage_type, index), raw=usage_type.strip() or service)
    bucket = of_charge_type(record_type)
    if bucket == "unmapped":
        bucket = learnt.charge_types.get(letters(record_type), bucket)
    if bucket == "unmapped":
        return replace(
            found, bucket=bucket, model=None, reason=f"The charge type {record_type!r} is not known."
        )
    if bucket in ("tax", "non_model"):
        return BillClass(bucket, region=found.region, raw=found.raw)
    if bucket:
        return replace(found, bucket=bucket, reason="", alias_line="")
    if found.bucket == "unmapped" and operation:
        return replace(found, reason=f"{found.reason} Operation: {operation}.")
    return found


def of_charge_type(record_type: str) -> Bucket | None:
    """The bucket that a charge type decides alone; None when the usage type does; unmapped when nobody knows it."""
    record = letters(record_type)
    if record in _RECORD_BUCKETS:
        return _RECORD_BUCKETS[record]
    if record.endswith("discount"):
        return "discount"
    if record.endswith(("credit", "credits")):
        return "credit"
    return None if record in _USAGE_RECORDS or not record else "unmapped"


MANTLE: Final = "-mantle-"
"""What usage types of the mantle endpoint hold."""


def on_mantle(bill: pd.DataFrame) -> pd.Series[bool]:
    """Lines of inference on the mantle endpoint, which their usage types name; who called they do not say."""
    return bill["usage_type"].fillna("").astype("string").str.contains(MANTLE, regex=False).astype(bool)


def classify_bill(
    frame: pd.DataFrame,
    catalogue: Catalogue | None = None,
    *,
    aliases: Aliases | None = None,
    learnt: Learnt = NOTHING,
) -> pd.DataFrame:
    """A bill with what each line is for; every distinct line is read once.

    Adds bucket, model, token_kind, route, tier, context and unit_tokens. Where `unit` says "1K tokens" or "1M tokens",
    it is believed before the usage type: AWS has changed the unit of some models. What was `learnt` of the account's
    units and charge types stands between the two, and the provenance says that it was used.

    Raises:
        MissingColumns: the frame is no bill.
    """
    require(frame, BILL)
    classes, places = _distinct_classes(frame, index_of(catalogue, aliases), learnt)
    result = frame.copy()
    for column in ("bucket", "model", "token_kind", "route", "tier", "context"):
        values = pd.array([getattr(found, column) for found in classes], dtype="string")
        result[column] = values.take(places) if len(places) else values
    result["unit_tokens"] = _unit_tokens(frame, classes, places, learnt)
    if learnt.words and "provenance" in frame.attrs:
        said = provenance_of(frame)
        result.attrs["provenance"] = replace(said, source=f"{said.source}; {learnt.words}")
    return result


_KEYS: Final = ("service", "usage_type", "operation", "record_type")


def _distinct_classes(
    frame: pd.DataFrame, index: Index, learnt: Learnt
) -> tuple[list[BillClass], np.ndarray[Any, Any]]:
    """The classes of the distinct lines, and for every row the place of its class."""
    code = np.zeros(len(frame), dtype=np.int64)
    for name in _KEYS:
        codes, levels = pd.factorize(frame[name], use_na_sentinel=False)
        code = pd.factorize(code * max(len(levels), 1) + codes)[0].astype(np.int64)
    first = np.flatnonzero(np.diff(np.maximum.accumulate(code), prepend=-1)) if len(code) else code
    rows = frame[list(_KEYS)].iloc[first].astype("object")
    lines = rows.where(rows.notna(), "").astype(str).itertuples(index=False, name=None)
    return [_classify(line[0], line[1], line[2], line[3], index, learnt) for line in lines], code


_UNITS: Final[Mapping[str, int]] = {
    "1ktokens": 1_000,
    "1000tokens": 1_000,
    "1mtokens": 1_000_000,
    "1000000tokens": 1_000_000,
    "millioninputtokens": 1_000_000,
    "millionoutputtokens": 1_000_000,
}


def _unit_tokens(
    frame: pd.DataFrame, classes: list[BillClass], places: np.ndarray[Any, Any], learnt: Learnt
) -> pd.Series[Any]:
    """Tokens per unit of every row: as its unit says, as was learnt of it, else as its usage type does; or none."""
    codes, levels = pd.factorize(frame["unit"], use_na_sentinel=False)
    units = [None if pd.isna(level) else letters(str(level)) for level in levels]
    width = max(len(units), 1)
    distinct, rows = np.unique(np.asarray(places, dtype=np.int64) * width + codes, return_inverse=True)
    read = [_unit_of(classes[pair // width], units[pair % width], learnt) for pair in distinct.tolist()]
    values = pd.array(read, dtype="Int64")
    return pd.Series(values.take(rows) if len(rows) else values, index=frame.index)


def _unit_of(found: BillClass, unit: str | None, learnt: Learnt) -> int | None:
    if unit is None:
        return found.unit_tokens
    return _UNITS.get(unit) or learnt.unit_tokens.get((unit, found.unit_tokens or 0)) or found.unit_tokens


_PRICE_DIGITS: Final = Context(prec=15)
"""A unit price is a quotient, so it is rounded somewhere: far below what any price list prints."""


def unit_prices(frame: pd.DataFrame) -> pd.Series[Any]:
    """What one unit cost on every line, in the line's currency: Decimal, None without a quantity or an amount."""
    divide = _PRICE_DIGITS.divide
    prices = [
        divide(cost, quantity) if type(quantity) is Decimal and type(cost) is Decimal and quantity else None
        for cost, quantity in zip(frame["cost"].tolist(), frame["quantity"].tolist(), strict=True)
    ]
    return pd.Series(prices, index=frame.index, dtype="object")


def reconcile(
    frame: pd.DataFrame,
    control_total: Decimal | ControlTotal | None,
    *,
    coverage_floor: Decimal = Decimal("0.98"),
    tolerance: Decimal = Decimal(0),
    catalogue: Catalogue | None = None,
    aliases: Aliases | None = None,
    learnt: Learnt = NOTHING,
) -> Reconciliation:
    """Whether a classified bill adds up to its control total, to the last digit.

    Every line must stand in the bucket that its own columns give it, so catalogue and aliases are those of
    `classify_bill`. The headline is withheld on any difference, on a line without a bucket, in another bucket or
    without an amount, on mixed currencies, on incomplete data, and below `coverage_floor`.

    Args:
        frame: what `classify_bill` gave.
        control_total: what was asked ungrouped for the same scope and window; None when it could not be asked.
        coverage_floor: share of model dollars that must be mapped to a model.
        tolerance: a difference up to this does not withhold the headline; it is shown all the same.
        catalogue: as for `classify_bill`.
        aliases: as for `classify_bill`.
        learnt: as for `classify_bill`; its rounding counts as tolerance.

    Raises:
        MissingColumns: the frame is no classified bill.
    """
    require(frame, BILL)
    classes, places = _distinct_classes(frame, index_of(catalogue, aliases), learnt)
    limits = (coverage_floor, max(tolerance, learnt.tolerance_usd))
    return reconcile_with(frame, classes, places, control_total, limits)
