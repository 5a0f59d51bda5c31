"""What all of Cost Explorer shares: the lines, periods, dimensions, amounts and errors.

Rules: the `ce` model of botocore (https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/).
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final
from weakref import WeakKeyDictionary

from bedrock_guard.demo.service import Request, Service, ServiceError
from bedrock_guard.demo.state import State

SERVICE = Service(
    "ce",
    sections=("bill",),
    bad_token=ServiceError("InvalidNextTokenException", "The pagination token is invalid."),
    changed_token=ServiceError(
        "RequestChangedException", "Your request parameters changed between pages. Try again with the old parameters."
    ),
)  # fmt: skip

MONTHS_KEPT: Final = 13
PRODUCT_ATTRIBUTES_FROM: Final = "2026-09-01"
ATTRIBUTE_KEYS: Final = {
    "provider": "provider",
    "model": "model",
    "inferenceType": "inference_type",
    "feature": "feature",
}
"""Product attribute key -> member of a bill line."""

TAG_KEYS: Final = {"iamPrincipal/team": "team"}
"""Active cost allocation tag -> member of a bill line."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One bill line: its dimensions, tags and product attributes as text, its amounts as Decimal."""

    day: str
    account: str
    supported: bool
    dimensions: dict[str, str]
    attributes: dict[str, str]
    tags: dict[str, str]
    unblended: Decimal
    amortized: Decimal
    quantity: Decimal
    unit: str
    currency: str


_day = attrgetter("day")
_MEMBERS: Final = {
    "LINKED_ACCOUNT": "account_id",
    "SERVICE": "service",
    "USAGE_TYPE": "usage_type",
    "OPERATION": "operation",
    "REGION": "region",
    "RECORD_TYPE": "record_type",
    "INSTANCE_TYPE": "instance_type",
    "PURCHASE_TYPE": "purchase_type",
    "BILLING_ENTITY": "billing_entity",
}
_ABSENT: Final = {
    "USAGE_TYPE": "NoUsageType",
    "OPERATION": "NoOperation",
    "REGION": "NoRegion",
    "INSTANCE_TYPE": "NoInstanceType",
    "PURCHASE_TYPE": "NoPurchaseType",
}
_CONSTANT: Final = {
    "AZ": "NoAZ",
    "PLATFORM": "NoPlatform",
    "TENANCY": "NoTenancy",
    "INVOICING_ENTITY": "Amazon Web Services, Inc.",
    "LEGAL_ENTITY_NAME": "Amazon Web Services, Inc.",
}
FILTERABLE: Final = frozenset({*_MEMBERS, *_CONSTANT, "INSTANCE_TYPE_FAMILY", "PAYER_ACCOUNT"})

_KNOWN: WeakKeyDictionary[State, list[Line]] = WeakKeyDictionary()


def lines_of(request: Request, whole: Period) -> list[Line]:
    """The lines of a period that the caller's account sees: the management account all, a member its own.

    Lines are read from the state once per process: a bill does not change after it is loaded.
    """
    lines = _KNOWN.get(request.state)
    if lines is None:
        rows = request.state.rows("SELECT body FROM bill ORDER BY line")
        payer = request.state.meta("management") or ""
        bodies = json.loads(f"[{','.join(body for (body,) in rows)}]")  # one array is read far faster
        lines = sorted((_line(body, payer) for body in bodies), key=_day)
        _KNOWN[request.state] = lines
    lines = lines[bisect_left(lines, whole.start, key=_day) : bisect_left(lines, whole.end, key=_day)]
    if request.account == request.state.meta("management"):
        return lines
    return [line for line in lines if line.account == request.account]


def _line(body: dict[str, Any], payer: str) -> Line:
    dimensions = {name: str(body.get(member) or _ABSENT.get(name, "")) for name, member in _MEMBERS.items()}
    family = dimensions["INSTANCE_TYPE"].partition(".")[0]
    cost = Decimal(body["cost"])
    return Line(
        day=body["day"],
        account=body["account_id"],
        supported=is_supported(dimensions["SERVICE"]),
        dimensions={**_CONSTANT, **dimensions, "INSTANCE_TYPE_FAMILY": family, "PAYER_ACCOUNT": payer},
        attributes={key: str(body.get(member) or "") for key, member in ATTRIBUTE_KEYS.items()},
        tags={key: str(body.get(member) or "") for key, member in TAG_KEYS.items()},
        unblended=cost,
        amortized=Decimal(body.get("amortized", cost)),
        quantity=Decimal(body["quantity"] or 0),
        unit=body["unit"] or "",
        currency=body["currency"],
    )


def is_supported(service: str) -> bool:
    """Whether a SERVICE value is one that product attributes exist for: Amazon Bedrock, under any of its names."""
    return service.startswith("Amazon Bedrock") or service.endswith("(Amazon Bedrock Edition)")


def invalid(message: str) -> ServiceError:
    """Cost Explorer's answer to a request that makes no sense."""
    return ServiceError("ValidationException", message, 400)


def unavailable(message: str) -> ServiceError:
    """Cost Explorer's answer to a question it has no data for."""
    return ServiceError("DataUnavailableException", message)


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `start` (inclusive) to `end` (exclusive), as ISO text."""

    start: str
    end: str

    def shown(self) -> dict[str, str]:
        """As a DateInterval."""
        return {"Start": self.start, "End": self.end}


def asked_period(request: Request, *, future: bool = False) -> Period:
    """The request's TimePeriod, checked.

    Raises:
        ServiceError: not dates, start not before end, before the 13 months that are kept, or in the future.
    """
    interval = request.parameters["TimePeriod"]
    try:
        start, end = (date.fromisoformat(interval[name][:10]) for name in ("Start", "End"))
    except ValueError:
        raise invalid("Start or end date is not a valid date; use YYYY-MM-DD.") from None
    today = request.now.date()
    if start >= end:
        raise invalid("Start date (and hour) should be before end date (and hour)")
    if future:
        if start < today:
            raise invalid("Start date must be today or later")
        return Period(start.isoformat(), end.isoformat())
    if start < _first_of_month(today, -MONTHS_KEPT):
        raise invalid("You haven't enabled historical data beyond 14 months")
    if end > _first_of_month(today, 1):
        raise invalid("end date past the beginning of next month is not allowed")
    return Period(start.isoformat(), end.isoformat())


def _first_of_month(day: date, months: int) -> date:
    month = day.year * 12 + day.month - 1 + months
    return date(month // 12, month % 12 + 1, 1)


def periods(whole: Period, granularity: str) -> Iterator[Period]:
    """`whole` cut into days, or at the first of each month."""
    start, end = date.fromisoformat(whole.start), date.fromisoformat(whole.end)
    while start < end:
        after = start + timedelta(days=1) if granularity == "DAILY" else _first_of_month(start, 1)
        yield Period(start.isoformat(), min(after, end).isoformat())
        start = after


def amount(value: Decimal) -> str:
    """An amount as Cost Explorer writes it: plain decimals, at most ten, no trailing zeros."""
    text = format(value.quantize(Decimal("1e-10")), "f").rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text
