"""GetDimensionValues, GetTags, ListCostAllocationTags: what can be filtered by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bedrock_guard.demo.service import Answer, Request, page
from bedrock_guard.demo.services.ce.common import (
    ATTRIBUTE_KEYS,
    FILTERABLE,
    SERVICE,
    TAG_KEYS,
    Line,
    asked_period,
    invalid,
    lines_of,
)
from bedrock_guard.demo.services.ce.filters import check_attributes, compiled, uses_attributes

LARGEST_PAGE = 1_000


def account_names(request: Request) -> dict[str, str]:
    """Account id -> name, as the management account knows them."""
    management = request.state.meta("management") or ""
    accounts = request.items.at(service="organizations", account=management).bodies("account")
    return {body["Id"]: body.get("Name", "") for body in accounts}


def _selected(request: Request, *, attribute: bool = False) -> Iterable[Line]:
    p = request.parameters
    whole = asked_period(request)
    if attribute or uses_attributes(p.get("Filter")):
        check_attributes(p.get("Filter"), whole, service_required=uses_attributes(p.get("Filter")))
    test = compiled(p.get("Filter"))
    return (line for line in lines_of(request, whole) if test(line))


@SERVICE.operation("GetDimensionValues", gap="RESERVATIONS and SAVINGS_PLANS contexts hold nothing")
def get_dimension_values(request: Request) -> Answer:
    """The values of a dimension in a period that contain SearchString, without regard to case."""
    p = request.parameters
    dimension = p["Dimension"]
    if p.get("DimensionKey") and dimension != "PRODUCT_ATTRIBUTE":
        raise invalid("DimensionKey can only be specified when Dimension is PRODUCT_ATTRIBUTE")
    if p.get("Context", "COST_AND_USAGE") != "COST_AND_USAGE":
        found: set[str] = set()
    elif dimension == "PRODUCT_ATTRIBUTE":
        found = _attribute_values(request)
    elif dimension in FILTERABLE:
        found = {line.dimensions[dimension] for line in _selected(request)}
    else:
        raise invalid(f"Dimension {dimension} is not supported in this operation")
    names = account_names(request) if dimension == "LINKED_ACCOUNT" else {}
    searched = p.get("SearchString", "").lower()
    values = sorted(v for v in found if searched in v.lower() or searched in names.get(v, "").lower())
    rows = [{"Value": v, "Attributes": {"description": names[v]} if v in names else {}} for v in values]
    return _answer(request, "DimensionValues", rows)


def _attribute_values(request: Request) -> set[str]:
    key = request.parameters.get("DimensionKey") or ""
    lines = [line for line in _selected(request, attribute=True) if line.supported]
    if not key:
        if request.parameters.get("SortBy"):
            raise invalid("DimensionKey is required with SortBy")
        return {name for name in ATTRIBUTE_KEYS if any(line.attributes[name] for line in lines)}
    return {line.attributes.get(key, "") for line in lines}


@SERVICE.operation("GetTags")
def get_tags(request: Request) -> Answer:
    """The active tag keys, or with TagKey the values of one; "" stands for lines without it."""
    p = request.parameters
    lines = list(_selected(request))
    key = p.get("TagKey") or ""
    if key:
        found = {line.tags.get(key, "") for line in lines} if key in TAG_KEYS else {""}
    else:
        found = {name for name in TAG_KEYS if any(line.tags[name] for line in lines)}
    searched = p.get("SearchString", "").lower()
    return _answer(request, "Tags", sorted(value for value in found if searched in value.lower()))


@SERVICE.operation("ListCostAllocationTags")
def list_cost_allocation_tags(request: Request) -> Answer:
    """The tags of the company, with their status."""
    p = request.parameters
    rows = [{"TagKey": key, "Type": "UserDefined", "Status": "Active"} for key in sorted(TAG_KEYS)]
    kept = [
        row
        for row in rows
        if p.get("Status", row["Status"]) == row["Status"]
        and p.get("Type", row["Type"]) == row["Type"]
        and (not p.get("TagKeys") or row["TagKey"] in p["TagKeys"])
    ]
    return page(kept, request).answer("CostAllocationTags")


def _answer(request: Request, name: str, rows: list[Any]) -> Answer:
    """A page; MaxResults counts only together with SortBy."""
    p = request.parameters
    if p.get("MaxResults", 1) > LARGEST_PAGE:
        raise invalid(f"MaxResults has an upper limit of {LARGEST_PAGE}")
    size = "MaxResults" if p.get("SortBy") else "-"
    if any(order.get("SortOrder") == "DESCENDING" for order in p.get("SortBy") or ()):
        rows.reverse()
    part = page(rows, request, token_name="NextPageToken", size_name=size, default=LARGEST_PAGE)  # noqa: S106 - a member's name
    return {**part.answer(name), "ReturnSize": len(part.items), "TotalSize": len(rows)}
