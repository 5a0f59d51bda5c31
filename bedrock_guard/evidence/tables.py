"""The tables that evidence is made of: their columns, their types, and where they came from.

Every table is a pandas DataFrame. Times are zone-aware UTC, money is `Decimal` in an object column,
and a value that is not known is NA (or None in an object column), never 0, "" or False.
Where a table came from stands in `frame.attrs["provenance"]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Context, Decimal, localcontext
from typing import Any, Final, Literal, cast

import pandas as pd

from bedrock_guard.errors import GuardError

Completeness = Literal["complete", "floor", "unknown"]
"""complete: all there is; floor: at least this much; unknown: nothing can be said of what is missing."""

_WORST_FIRST: Final = ("unknown", "floor", "complete")
_EXACT: Final = Context(prec=120)
_TINY: Final = Decimal("0.00005")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a table came from and how far it can be believed.

    Args:
        source: what was read, for a person ("Cost Explorer", "CUR 2.0 export").
        window_start: first instant covered, UTC; None when the source has no window.
        window_end: first instant no longer covered, UTC.
        asked_at: when it was read, UTC.
        requests: how many requests were made for it.
        request_cost_usd: what those requests cost, USD.
        completeness: complete, floor (at least this much) or unknown.
        why: the reason for anything but complete.

    """

    source: str
    window_start: datetime | None = None
    window_end: datetime | None = None
    asked_at: datetime | None = None
    requests: int = 0
    request_cost_usd: Decimal = Decimal(0)
    completeness: Completeness = "complete"
    why: str = ""

    def __post_init__(self) -> None:
        for moment in (self.window_start, self.window_end, self.asked_at):
            if moment is not None and moment.tzinfo is None:
                raise GuardError("A provenance time has no time zone.", remedy="Give times in UTC.")
        if self.completeness not in _WORST_FIRST:
            raise GuardError(
                f"{self.completeness!r} is no completeness.", remedy="Use complete, floor, unknown."
            )

    def __deepcopy__(self, _memo: object) -> Provenance:
        """Itself: it cannot change, and pandas copies `attrs` at every step."""
        return self

    @property
    def complete(self) -> bool:
        """True only when nothing is known to be missing."""
        return self.completeness == "complete"

    def lowered(self, completeness: Completeness, why: str) -> Provenance:
        """The same provenance, never better than `completeness`, with the reason added."""
        worst = min(self.completeness, completeness, key=_WORST_FIRST.index)
        return replace(self, completeness=worst, why="; ".join(dict.fromkeys(filter(None, (self.why, why)))))

    @staticmethod
    def merged(parts: Iterable[Provenance]) -> Provenance:
        """One provenance for a table made from several: widest window, all requests, worst completeness."""
        found = list(parts)
        if not found:
            return Provenance("nothing", completeness="unknown", why="no source was read")
        starts = [part.window_start for part in found if part.window_start]
        ends = [part.window_end for part in found if part.window_end]
        asked = [part.asked_at for part in found if part.asked_at]
        return Provenance(
            source=" + ".join(dict.fromkeys(part.source for part in found)),
            window_start=min(starts, default=None),
            window_end=max(ends, default=None),
            asked_at=max(asked, default=None),
            requests=sum(part.requests for part in found),
            request_cost_usd=sum((part.request_cost_usd for part in found), Decimal(0)),
            completeness=min((part.completeness for part in found), key=_WORST_FIRST.index),
            why="; ".join(dict.fromkeys(part.why for part in found if part.why)),
        )


class MissingColumns(GuardError):  # noqa: N818 - reads as what happened; part of the public face
    """A table lacks columns that a function needs; `missing` and `got` name them."""

    def __init__(self, table: str, missing: Sequence[str], got: Sequence[str]) -> None:
        super().__init__(
            f"The {table} table lacks {', '.join(missing)}.",
            why=f"It has {', '.join(got) or 'no columns'}.",
            remedy=f"Pass a table made by the reader of {table}, or add the columns (unknown values as NA).",
        )
        self.missing = tuple(missing)
        self.got = tuple(got)


@dataclass(frozen=True, slots=True)
class Table:
    """A table's name and its columns with their pandas dtypes ("object" holds Decimal, list or dict)."""

    name: str
    columns: Mapping[str, str]

    def empty(self, provenance: Provenance | None = None) -> pd.DataFrame:
        """A frame without rows, with every column in its dtype."""
        frame = pd.DataFrame({name: pd.Series([], dtype=dtype) for name, dtype in self.columns.items()})
        return with_provenance(frame, provenance) if provenance else frame

    def frame(self, rows: Iterable[Mapping[str, Any]], provenance: Provenance | None = None) -> pd.DataFrame:
        """A frame of `rows` (mappings; a missing key is unknown), every column in its dtype."""
        listed = list(rows)
        data = {
            name: column([row.get(name) for row in listed], dtype) for name, dtype in self.columns.items()
        }
        frame = pd.DataFrame(data)
        return with_provenance(frame, provenance) if provenance else frame


def column(values: Sequence[Any], dtype: str) -> pd.Series[Any]:
    """A series of `values` in `dtype`, None and NaN becoming that dtype's own unknown."""
    if dtype == "object":
        return pd.Series(list(values), dtype="object")
    if dtype.startswith("datetime64"):
        moments = pd.to_datetime(pd.Series(list(values), dtype="object"), utc=True, format="ISO8601")
        return cast("pd.Series[Any]", moments.dt.as_unit("us"))
    return pd.Series(list(values), dtype=dtype)


_TEXT: Final = "string"
_TIME: Final = "datetime64[us, UTC]"
_FLAG: Final = "boolean"
_COUNT: Final = "Int64"
_ANY: Final = "object"


def _texts(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, _TEXT)


BILL: Final = Table(
    "bill",
    {
        "day": _TIME,
        **_texts("account_id", "region", "service", "usage_type", "operation", "record_type"),
        "quantity": _ANY,
        "unit": _TEXT,
        "cost": _ANY,
        "currency": _TEXT,
        "estimated": _FLAG,
    },
)
"""One line of the bill per day (midnight UTC). `quantity` is Decimal or None, `cost` is Decimal."""

CLASSIFIED_BILL: Final = Table(
    "classified bill",
    {
        **BILL.columns,
        **_texts("bucket", "model", "token_kind", "route", "tier", "context"),
        "unit_tokens": _COUNT,
    },
)
"""BILL and what `evidence.spend.classify_bill` reads out of each line."""

EC2_BILL: Final = Table(
    "EC2 bill",
    {
        "day": _TIME,
        **_texts("account_id", "region", "instance_type", "purchase_option"),
        "hours": _ANY,
        "cost": _ANY,
        "currency": _TEXT,
        "estimated": _FLAG,
    },
)
"""EC2 instance spend by type and purchase option; `hours` is Decimal or None."""

CALLS: Final = Table(
    "calls",
    {
        "event_id": _TEXT,
        "event_time": _TIME,
        **_texts(
            "account_id",
            "region",
            "principal",
            "session",
            "access_key_id",
            "key_kind",
            "client",
            "user_agent",
        ),
        **_texts("source_ip", "service", "operation", "model_raw", "model", "route", "inference_region"),
        "input_tokens": _COUNT,
        "output_tokens": _COUNT,
        **_texts(
            "error_code", "denied_by", "denied_action", "denied_resource", "denied_policy", "parameters"
        ),
    },
)
"""One API call per row. `parameters` is JSON text of the allow-listed request parameters."""

KEYS: Final = Table(
    "keys",
    {
        **_texts("user", "credential_id", "alias", "service", "status"),
        "created": _TIME,
        "expires": _TIME,
        **_texts("creator", "creator_completeness"),
        "last_used": _TIME,
        "last_used_source": _TEXT,
        "policies": _ANY,
        "boundary": _TEXT,
        "other_credentials": _ANY,
    },
)
"""One service-specific credential per row; `expires` NA means it never expires when `status` is readable."""

PRINCIPALS: Final = Table(
    "principals",
    {
        **_texts("arn", "kind", "boundary_arn"),
        "attached_policies": _ANY,
        "last_activity": _TIME,
    },
)

PRICES: Final = Table(
    "prices",
    {
        **_texts("model", "region", "token_kind", "route", "tier", "context"),
        "unit_tokens": _COUNT,
        "usd_per_unit": _ANY,
        **_texts("usage_type", "sku", "source"),
        "as_of": _TIME,
        "note": _TEXT,
    },
)
"""Prices, one per model, region, kind, route, tier and context; `usd_per_unit` is Decimal or None."""


def require(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """The frame itself, when it has every column of `table`.

    Raises:
        MissingColumns: columns are missing.

    Example:
        >>> require(BILL.empty(), BILL).empty
        True

    """
    missing = [name for name in table.columns if name not in frame.columns]
    if missing:
        raise MissingColumns(table.name, missing, [str(name) for name in frame.columns])
    return frame


def with_provenance(frame: pd.DataFrame, provenance: Provenance) -> pd.DataFrame:
    """The frame, carrying `provenance`; the frame given is changed in nothing but its attrs."""
    frame.attrs["provenance"] = provenance
    return frame


def provenance_of(frame: pd.DataFrame) -> Provenance:
    """The frame's provenance; one that says "unknown" when the frame carries none."""
    found = frame.attrs.get("provenance")
    if isinstance(found, Provenance):
        return found
    return Provenance("unstated", completeness="unknown", why="the table does not say where it came from")


def money(value: object) -> Decimal | None:
    """A finite Decimal of text, int or Decimal; None for whatever is no finite number.

    None, NA, NaN, infinities and "" are unknown. A float is refused: it has lost cents already.

    Raises:
        GuardError: value is a float other than NaN.

    Example:
        >>> money("1.10"), money("NaN"), money("n/a")
        (Decimal('1.10'), None, None)

    """
    if type(value) is Decimal:
        return value if value.is_finite() else None
    if value is None or value is pd.NA:
        return None
    if isinstance(value, float):
        if pd.isna(value):
            return None
        raise GuardError("Money came as a float.", why="Floats lose cents.", remedy="Pass text or Decimal.")
    try:
        number = Decimal(str(value).strip())
    except ArithmeticError:
        return None
    return number if number.is_finite() else None


def total(values: Iterable[Decimal | None]) -> Decimal:
    """The exact sum of known amounts (120 digits; the default context would round at 28).

    Raises:
        GuardError: an amount is unknown or a float, so the sum would be a guess.
    """
    with localcontext(_EXACT):
        try:
            return sum(cast("Iterable[Decimal]", values), Decimal(0))
        except TypeError as error:
            raise GuardError(
                "An amount is no Decimal.", why=str(error), remedy="Set it apart first."
            ) from error


def dollars(value: Decimal | None, currency: str = "USD") -> str:
    """An amount for a person: two decimals, four when it is under a cent, "unknown" for None; never a false 0.

    What is too small for four is said in words.

    Example:
        >>> dollars(Decimal("1234.5")), dollars(Decimal("0.0021")), dollars(Decimal("-0.00001")), dollars(None)
        ('$1,234.50', '$0.0021', 'just under $0', 'unknown')

    """
    if value is None:
        return "unknown"
    if value and abs(value) < _TINY:
        return f"just {'over' if value > 0 else 'under'} {'$0' if currency == 'USD' else f'0 {currency}'}"
    digits = 4 if value and abs(value) < Decimal("0.01") else 2
    sign = "-" if value < 0 else ""
    text = f"{abs(value):,.{digits}f}"
    return f"{sign}${text}" if currency == "USD" else f"{sign}{text} {currency}"
