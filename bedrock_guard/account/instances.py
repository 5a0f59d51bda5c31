"""EC2 spend by instance type and purchase option, with its own control total; and what instance types are.

Only `Amazon Elastic Compute Cloud - Compute`: volumes, NAT gateways and transfer stand in `EC2 - Other` and do not
follow a change of instance type. Amounts are AmortizedCost, so that hours under a reservation or Savings Plan carry
their share of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.account.answers import NotAwsAnswer, demanded
from bedrock_guard.account.cost_explorer import (
    FAILURES,
    Amount,
    AnswerCache,
    CostExplorer,
    Window,
    amounts,
    control_total,
    told,
)
from bedrock_guard.account.cost_filters import by, every, within, without
from bedrock_guard.evidence.ec2 import INSTANCE_TYPES
from bedrock_guard.evidence.reconcile import ControlTotal
from bedrock_guard.evidence.spend import of_charge_type
from bedrock_guard.evidence.tables import EC2_BILL, Provenance

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account

SERVICE: Final = "Amazon Elastic Compute Cloud - Compute"
METRIC: Final = "AmortizedCost"
_HOURS: Final = frozenset({"hrs", "hours", "hour"})
_ABSENT: Final = frozenset({"NoInstanceType", "NoPurchaseType", ""})


@dataclass(frozen=True, slots=True)
class Ec2Reading:
    """EC2 spend and what it must add up to.

    Args:
        frame: EC2_BILL. `instance_type` NA is EC2 spend that has none (data transfer, load balancers); it is kept.
        control: the control total of the same scope and window.
        window: the days.
    """

    frame: pd.DataFrame
    control: ControlTotal
    window: Window


def read_ec2_bill(
    account: Account,
    window: Window | None = None,
    *,
    accounts: Sequence[str] = (),
    cache: AnswerCache | None = None,
) -> Ec2Reading:
    """EC2 spend by day, instance type and purchase option; usage only, without credits and tax.

    Args:
        account: who asks.
        window: by default the last 28 whole days.
        accounts: one request for each, so that lines carry their account; by default one for all, `account_id` NA.
        cache: where answers are kept; by default in memory, with the account.
    """
    explorer = CostExplorer(account, cache)
    window = window or Window.last(explorer.now)
    scope = within("SERVICE", [SERVICE])
    charged = explorer.usage(window, Metrics=[METRIC], Filter=scope, GroupBy=by("RECORD_TYPE"))
    apart = sorted(
        {found.keys[0] for found in amounts(charged.rows, METRIC) if of_charge_type(found.keys[0])}
    )
    usage = [scope, without("RECORD_TYPE", apart)] if apart else [scope]
    control = explorer.usage(window, Metrics=[METRIC], Filter=every(*usage))
    lines: list[Mapping[str, Any]] = []
    said = [charged.provenance]
    for one in accounts or (None,):
        inside = [*usage, within("LINKED_ACCOUNT", [one])] if one else usage
        part = explorer.usage(
            window,
            Metrics=[METRIC, "UsageQuantity"],
            Filter=every(*inside),
            GroupBy=by("INSTANCE_TYPE", "PURCHASE_TYPE"),
        )
        said.append(part.provenance)
        lines += [_line(found, one) for found in amounts(part.rows, METRIC)]
    frame = EC2_BILL.frame(lines, Provenance.merged(said))
    return Ec2Reading(frame, control_total(amounts(control.rows, METRIC), control.provenance), window)


def _line(found: Amount, account_id: str | None) -> Mapping[str, Any]:
    kind, option = (None if key in _ABSENT else key for key in found.keys)
    return {
        "day": pd.Timestamp(found.day, tz="UTC"),
        "account_id": account_id,
        "instance_type": kind,
        "purchase_option": option,
        "hours": found.quantity if found.unit and found.unit.lower() in _HOURS else None,
        "cost": found.cost,
        "currency": found.currency,
        "estimated": found.estimated,
    }


def read_instance_types(
    account: Account, names: Sequence[str] = (), *, region: str | None = None
) -> pd.DataFrame:
    """What instance types of a Region are (`evidence.ec2.INSTANCE_TYPES`): vCPU, memory, GPUs. Free of charge.

    Args:
        account: who asks.
        names: only these types; by default all of the Region.
        region: by default the account's.
    """
    where = region or account.region
    now = account.now.astimezone(UTC)
    said = Provenance(f"EC2 DescribeInstanceTypes in {where}", asked_at=now)
    rows: list[Mapping[str, Any]] = []
    before = account.requests.total("ec2")
    try:
        rows.extend(_type(row, where) for row in _pages(account, where, names))
    except FAILURES as error:
        said = said.lowered("floor" if rows else "unknown", told(error))
    said = _with_requests(said, account.requests.total("ec2") - before, now)
    return INSTANCE_TYPES.frame(rows, said)


def _with_requests(said: Provenance, requests: int, now: datetime) -> Provenance:
    return Provenance(said.source, None, None, now, requests, completeness=said.completeness, why=said.why)


def _pages(account: Account, region: str, names: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    call = account.client("ec2", region).describe_instance_types
    asked: dict[str, Any] = {"InstanceTypes": list(names)} if names else {"MaxResults": 100}
    seen: set[str] = set()
    while True:
        page = call(**asked)
        yield from demanded(page, "InstanceTypes")
        token = page.get("NextToken")
        if not token:
            return
        if token in seen:
            raise NotAwsAnswer("EC2 gave the same page token twice; what comes after it was not read")
        seen.add(token)
        asked["NextToken"] = token


def _type(row: Mapping[str, Any], region: str) -> Mapping[str, Any]:
    gpus = [gpu.get("Count") for gpu in row.get("GpuInfo", {}).get("Gpus", [])]
    return {
        "instance_type": row.get("InstanceType"),
        "region": region,
        "vcpus": row.get("VCpuInfo", {}).get("DefaultVCpus"),
        "memory_mib": row.get("MemoryInfo", {}).get("SizeInMiB"),
        "architectures": tuple(row.get("ProcessorInfo", {}).get("SupportedArchitectures", ())),
        "gpus": None if None in gpus else sum(gpus),
    }
