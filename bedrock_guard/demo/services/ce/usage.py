"""GetCostAndUsage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final

from bedrock_guard.demo.service import Answer, Request, page
from bedrock_guard.demo.services.ce.common import (
    SERVICE,
    TAG_KEYS,
    Line,
    Period,
    amount,
    asked_period,
    invalid,
    lines_of,
    periods,
)
from bedrock_guard.demo.services.ce.filters import check_attributes, compiled, uses_attributes
from bedrock_guard.demo.services.ce.values import account_names

GROUPS_A_PAGE: Final = 2_000
METRICS: Final[dict[str, Callable[[Line], Decimal]]] = {
    "UnblendedCost": attrgetter("unblended"),
    "NetUnblendedCost": attrgetter("unblended"),
    "BlendedCost": attrgetter("unblended"),
    "AmortizedCost": attrgetter("amortized"),
    "NetAmortizedCost": attrgetter("amortized"),
    "UsageQuantity": attrgetter("quantity"),
    "NormalizedUsageAmount": lambda _line: Decimal(0),
}
GROUPABLE: Final = {
    "AZ", "INSTANCE_TYPE", "LEGAL_ENTITY_NAME", "INVOICING_ENTITY", "LINKED_ACCOUNT", "OPERATION", "PLATFORM",
    "PURCHASE_TYPE", "REGION", "SERVICE", "TENANCY", "RECORD_TYPE", "USAGE_TYPE",
}  # fmt: skip

Keys = tuple[str, ...]
Sum = dict[str, tuple[Decimal, str]]


@SERVICE.operation(
    "GetCostAndUsage",
    gap="HOURLY, cost categories and billing views hold nothing; net and blended equal unblended",
)
def get_cost_and_usage(request: Request) -> Answer:
    """Sums per period and group."""
    p = request.parameters
    whole = asked_period(request)
    metrics, groups = _metrics(p), _groups(p)
    if p["Granularity"] == "HOURLY":
        raise invalid("Hourly data granularity is not enabled for this account")
    test = compiled(p.get("Filter"))
    attributes = uses_attributes(p.get("Filter")) or any(g["Type"] == "PRODUCT_ATTRIBUTE" for g in groups)
    if attributes:
        check_attributes(p.get("Filter"), whole, service_required=False)
    lines = [line for line in lines_of(request, whole) if (line.supported or not attributes) and test(line)]
    months = list(periods(whole, p["Granularity"]))
    if not groups:
        return {"ResultsByTime": [_total(period, lines, metrics, request) for period in months]}
    return _grouped(request, months, lines, metrics, groups)


def _metrics(p: Mapping[str, Any]) -> list[str]:
    metrics = list(dict.fromkeys(p["Metrics"]))
    unknown = [name for name in metrics if name not in METRICS]
    if unknown or not metrics:
        raise invalid(f"Metrics must be from {', '.join(METRICS)}; got {', '.join(unknown) or 'none'}")
    return metrics


def _groups(p: Mapping[str, Any]) -> list[dict[str, str]]:
    groups = p.get("GroupBy") or []
    if len(groups) > 2:
        raise invalid("At most 2 groups are allowed in GroupBy")
    for group in groups:
        if "Type" not in group or not group.get("Key"):
            raise invalid("A group needs a Type and a Key")
        if group["Type"] == "DIMENSION" and group["Key"] not in GROUPABLE:
            raise invalid(f"Group Definition dimension {group['Key']} is invalid")
    return groups


def _key(group: Mapping[str, str]) -> Callable[[Line], str]:
    """What a line is grouped by."""
    kind, key = group["Type"], group["Key"]
    if kind == "DIMENSION":
        return lambda line: line.dimensions[key]
    if kind == "PRODUCT_ATTRIBUTE":
        return lambda line: f"{key}${line.attributes.get(key, '')}"
    return lambda line: f"{key}${line.tags.get(key, '') if key in TAG_KEYS else ''}"


def _keys(groups: list[dict[str, str]]) -> Callable[[Line], Keys]:
    first, *rest = map(_key, groups)
    if not rest:
        return lambda line: (first(line),)
    return lambda line: (first(line), rest[0](line))


def _sum(lines: Iterable[Line], metrics: list[str]) -> Sum:
    """Exact sums; a quantity over several units says N/A for its unit."""
    listed = list(lines)
    result: Sum = {}
    for name in metrics:
        if name in ("UsageQuantity", "NormalizedUsageAmount"):
            units = {line.unit for line in listed if line.quantity}
            unit = (units.pop() if len(units) == 1 else "N/A") or "N/A"
        else:
            unit = next((line.currency for line in listed), "USD")
        result[name] = (sum(map(METRICS[name], listed), Decimal(0)), unit)
    return result


def _shown(sums: Sum) -> Answer:
    return {name: {"Amount": amount(value), "Unit": unit} for name, (value, unit) in sums.items()}


def _within(lines: Iterable[Line], period: Period) -> list[Line]:
    return [line for line in lines if period.start <= line.day < period.end]


def _estimated(period: Period, request: Request) -> bool:
    """The current month is estimated until it is invoiced."""
    return period.end > f"{request.now:%Y-%m}-01"


def _total(period: Period, lines: list[Line], metrics: list[str], request: Request) -> Answer:
    return {
        "TimePeriod": period.shown(),
        "Total": _shown(_sum(_within(lines, period), metrics)),
        "Groups": [],
        "Estimated": _estimated(period, request),
    }


def _grouped(
    request: Request,
    months: list[Period],
    lines: list[Line],
    metrics: list[str],
    groups: list[dict[str, str]],
) -> Answer:
    """One page: rows of all periods in order, so that a page can begin in the middle of a period."""
    by_day: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_day[line.day].append(line)
    days, keys_of = sorted(by_day), _keys(groups)
    rows: list[tuple[Period, Keys | None, list[Line]]] = []
    for period in months:
        found: dict[Keys, list[Line]] = defaultdict(list)
        for day in days:
            if period.start <= day < period.end:
                for line in by_day[day]:
                    found[keys_of(line)].append(line)
        rows.extend((period, keys, found[keys]) for keys in sorted(found))
        if not found:
            rows.append((period, None, []))
    part = page(rows, request, token_name="NextPageToken", default=GROUPS_A_PAGE)  # noqa: S106 - a member's name
    answer: Answer = {
        "GroupDefinitions": groups,
        "ResultsByTime": _results(part.items, metrics, request),
        "DimensionValueAttributes": _attributes(request, part.items, groups),
    }
    return answer if part.token is None else {**answer, "NextPageToken": part.token}


def _results(
    rows: Iterable[tuple[Period, Keys | None, list[Line]]], metrics: list[str], request: Request
) -> list[Answer]:
    results: dict[Period, Answer] = {}
    for period, keys, lines in rows:
        result = results.get(period)
        if result is None:
            estimated = _estimated(period, request)
            result = {"TimePeriod": period.shown(), "Total": {}, "Groups": [], "Estimated": estimated}
            results[period] = result
        if keys is not None:
            result["Groups"].append({"Keys": list(keys), "Metrics": _shown(_sum(lines, metrics))})
    return list(results.values())


def _attributes(
    request: Request, rows: Iterable[tuple[Period, Keys | None, list[Line]]], groups: list[dict[str, str]]
) -> list[Answer]:
    """Names of the accounts among the keys."""
    places = [number for number, group in enumerate(groups) if group["Key"] == "LINKED_ACCOUNT"]
    seen = {keys[place] for _, keys, _ in rows if keys for place in places}
    names = account_names(request) if seen else {}
    return [
        {"Value": account, "Attributes": {"description": names.get(account, "")}} for account in sorted(seen)
    ]
