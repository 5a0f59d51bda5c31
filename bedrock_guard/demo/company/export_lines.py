"""The bill a level deeper than Cost Explorer shows it: each token line split by caller and resource.

Exports name the caller from the day the company switched "include caller identity" on, and not before:
https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2-line-item.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from bedrock_guard.demo.company.bill import CENT_FRACTION, BillLine, LineKey, line_key
from bedrock_guard.demo.company.calls import resource_arn
from bedrock_guard.demo.company.clock import CALLER_TAG_FROM
from bedrock_guard.demo.company.make import Company
from bedrock_guard.demo.company.people import CALLERS, Caller
from bedrock_guard.demo.company.plan import Plan, Volume
from bedrock_guard.demo.company.prices import KINDS

CALLER_FROM: Final = CALLER_TAG_FROM
"""First day on which the company's exports name the caller and the resource."""


class ExportLine(NamedTuple):
    """A bill line, or the part of one that belongs to one caller and resource ("" is absent)."""

    line: BillLine
    principal: str
    resource: str


_Place = tuple[str, ...]
_Shares = dict[tuple[str, str], Decimal]


def export_lines(company: Company) -> Iterator[ExportLine]:
    """Every line of the bill, split by caller and resource; the parts of a line add up to it exactly."""
    shares = _shares(company.plan)
    for line in company.bill:
        parts = shares.get(_place_of(line)) if line["record_type"] == "Usage" else None
        yield from _split(line, parts) if parts else (ExportLine(line, "", ""),)


def _split(line: BillLine, parts: Mapping[tuple[str, str], Decimal]) -> Iterator[ExportLine]:
    whole = sum(parts.values(), Decimal(0))
    left_cost, left_quantity = line["cost"], line["quantity"]
    last = max(parts)
    for (principal, resource), tokens in sorted(parts.items()):
        cost, quantity = left_cost, left_quantity
        if (principal, resource) != last:
            cost = (line["cost"] * tokens / whole).quantize(CENT_FRACTION)
            quantity = (line["quantity"] * tokens / whole).quantize(CENT_FRACTION)
        left_cost, left_quantity = left_cost - cost, left_quantity - quantity
        part = {**line, "cost": cost, "amortized": cost, "quantity": quantity}
        yield ExportLine(part, principal, resource)


def _shares(plan: Plan) -> dict[_Place, _Shares]:
    """Token line -> tokens by caller and resource, for the days on which the exports name them."""
    found: dict[_Place, _Shares] = defaultdict(lambda: defaultdict(Decimal))
    for volume in plan.volumes:
        if volume.workload.endpoint == "provisioned" or volume.day < CALLER_FROM:
            continue
        callers = principals(plan, volume)
        resource = _resource(plan, volume)
        for kind in KINDS:
            if volume.of(kind):
                shares = found[_place(line_key(plan, volume, kind))]
                for principal in callers:
                    shares[principal, resource] += Decimal(volume.of(kind)) / len(callers)
    return found


def _place(key: LineKey) -> _Place:
    return (
        key.day, key.account, key.region, key.spelling.service, key.spelling.usage_type, key.operation, key.team,
    )  # fmt: skip


def _place_of(line: BillLine) -> _Place:
    return tuple(
        str(line[name])
        for name in ("day", "account_id", "region", "service", "usage_type", "operation", "team")
    )


def principals(plan: Plan, volume: Volume) -> list[str]:
    """The callers of a volume as an export names them: a user's ARN, or one of each session of a role."""
    caller: Caller = CALLERS[volume.workload.caller]
    account = plan.account(caller.home)
    if caller.form == "user":
        return [caller.arn(account)]
    sessions = caller.sessions or (caller.name,)
    return [f"arn:aws:sts::{account}:assumed-role/{caller.name}/{session}" for session in sessions]


def _resource(plan: Plan, volume: Volume) -> str:
    workload = volume.workload
    account = plan.account(CALLERS[workload.caller].home)
    if workload.endpoint == "mantle":
        return f"arn:aws:bedrock-mantle:{workload.region}:{account}:project/default"
    if workload.via:
        return resource_arn(workload, account)
    if workload.prefix:
        return f"arn:aws:bedrock:{workload.region}:{account}:inference-profile/{workload.model_raw}"
    return f"arn:aws:bedrock:{workload.region}::foundation-model/{workload.model}"
