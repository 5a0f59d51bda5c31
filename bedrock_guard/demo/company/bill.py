"""From the plan to the token lines of the bill, in the usage-type grammars that are live at once.

A dashed, B mantle with the model id inside, C Marketplace camel case, D Marketplace snake case; A and B are
metered per thousand tokens, C and D per million. Lines are as Cost Explorer aggregates them: one per day,
account, Region, service, usage type, operation and team.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.demo.company.clock import CALLER_TAG_FROM, MODEL_DIMENSION_FROM
from bedrock_guard.demo.company.people import CALLERS
from bedrock_guard.demo.company.plan import Plan, Volume
from bedrock_guard.demo.company.prices import KINDS, REGION_CODES, TARIFFS, Kind, Tariff
from bedrock_guard.demo.company.workloads import Workload

BillLine = dict[str, Any]
CENT_FRACTION: Final = Decimal("1e-10")
"""Cost Explorer gives amounts with ten decimals."""

MARKETPLACE_ACCOUNT: Final = 1
"""Claude Sonnet is billed through Marketplace in this account (an index) and by AWS in the others."""

_DASHED: Final[dict[Kind, str]] = {
    "input": "input-tokens",
    "output": "output-tokens",
    "cache_read": "cache-read-input-token-count",
    "cache_write_5m": "cache-write-input-token-count",
    "cache_write_1h": "cache-write-input-token-count-1-hour",
}
_MANTLE: Final[dict[Kind, str]] = {
    "input": "input-tokens",
    "output": "output-tokens",
    "cache_read": "cache-read-tokens",
    "cache_write_5m": "cache-write-tokens-5m",
    "cache_write_1h": "cache-write-tokens-1h",
}
_CAMEL: Final[dict[Kind, str]] = {
    "input": "InputTokenCount",
    "output": "OutputTokenCount",
    "cache_read": "CacheReadInputTokenCount",
    "cache_write_5m": "CacheWriteInputTokenCount",
    "cache_write_1h": "CacheWrite1hInputTokenCount",
}
_SNAKE: Final[dict[Kind, str]] = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write_5m": "cache_write_tokens",
    "cache_write_1h": "cache_write_tokens_1h",
}
_INFERENCE_TYPE: Final[dict[Kind, str]] = {
    "input": "Input tokens",
    "output": "Output tokens",
    "cache_read": "Prompt cache read input tokens",
    "cache_write_5m": "Prompt cache write input tokens",
    "cache_write_1h": "Prompt cache write input tokens",
}


class Spelling(NamedTuple):
    """How one kind of token of one workload is called on the bill, and what one unit of it is."""

    service: str
    usage_type: str
    unit: str
    unit_tokens: int


def spelling(workload: Workload, kind: Kind, *, marketplace: bool) -> Spelling:
    """The service and usage type of one kind of token; `marketplace` moves an AWS-billed Claude there.

    Example:
        >>> from bedrock_guard.demo.company.workloads import WORKLOADS
        >>> spelling(WORKLOADS[0], "cache_read", marketplace=False).usage_type
        'USE1-MP:USE1_cache_read_tokens_standard-Units'
    """
    tariff = TARIFFS[workload.model]
    code = REGION_CODES[workload.region]
    if workload.endpoint == "mantle":
        return Spelling(tariff.service, _mantle(code, workload, kind), "1K tokens", 1_000)
    if tariff.grammar == "D":
        return Spelling(tariff.edition, _snake(code, workload, kind), "Units", 1_000_000)
    if tariff.grammar == "C" or (marketplace and tariff.provider == "Anthropic"):
        return Spelling(tariff.edition, _camel(code, workload, kind), "Units", 1_000_000)
    return Spelling(tariff.service, _dashed(code, tariff, workload, kind), "1K tokens", 1_000)


def _dashed(code: str, tariff: Tariff, workload: Workload, kind: Kind) -> str:
    tier = f"-{workload.tier}" if workload.tier in ("flex", "priority") else ""
    context = "-long-context" if workload.context == "long" else ""
    scope = "-cross-region-global" if workload.route == "global" else ""
    batch = "-batch" if workload.tier == "batch" else ""
    return f"{code}-{tariff.segment}-{_DASHED[kind]}{tier}{context}{scope}{batch}"


def _mantle(code: str, workload: Workload, kind: Kind) -> str:
    model = shipped().get(workload.model)
    name = (model.mantle_id if model else None) or workload.model
    scope = "-global" if workload.route == "global" else ""
    return f"{code}-{name}-mantle-{_MANTLE[kind]}{scope}-{workload.tier}"


def _camel(code: str, workload: Workload, kind: Kind) -> str:
    scope = "_Global" if workload.route == "global" else ""
    batch = "_Batch" if workload.tier == "batch" else ""
    return f"{code}-MP:{code}_{_CAMEL[kind]}{scope}{batch}-Units"


def _snake(code: str, workload: Workload, kind: Kind) -> str:
    scope = "_global" if workload.route == "global" else ""
    return f"{code}-MP:{code}_{_SNAKE[kind]}{scope}_{workload.tier}-Units"


def bill_line(day: str, account: str, region: str, service: str, usage_type: str, **members: Any) -> BillLine:
    """One bill line with every member it can have; `members` sets what is not the default.

    Members: operation, record_type, quantity, unit, cost, amortized, currency, billing_entity, model, provider,
    inference_type, feature (product attributes; "" is absent), instance_type, purchase_type, team.
    """
    line: BillLine = {
        "day": day,
        "account_id": account,
        "region": region,
        "service": service,
        "usage_type": usage_type,
        "operation": "",
        "record_type": "Usage",
        "quantity": None,
        "unit": "",
        "cost": Decimal(0),
        "currency": "USD",
        "billing_entity": "AWS Marketplace" if service.endswith("Edition)") else "AWS",
        "model": "",
        "provider": "",
        "inference_type": "",
        "feature": "",
        "instance_type": "",
        "purchase_type": "",
        "team": "",
    }
    line.update(members)
    line["cost"] = Decimal(line["cost"]).quantize(CENT_FRACTION)
    line.setdefault("amortized", line["cost"])
    return line


class LineKey(NamedTuple):
    """What token lines are aggregated by."""

    day: str
    account: str
    region: str
    spelling: Spelling
    operation: str
    team: str


def token_lines(plan: Plan) -> Iterator[BillLine]:
    """Every token line of the plan, sorted by day. Purchased model units have no token lines."""
    tokens: dict[LineKey, int] = defaultdict(int)
    origin: dict[LineKey, tuple[Workload, Kind]] = {}
    for volume in plan.volumes:
        if volume.workload.endpoint == "provisioned":
            continue
        for kind in KINDS:
            if volume.of(kind):
                key = line_key(plan, volume, kind)
                tokens[key] += volume.of(kind)
                origin[key] = (volume.workload, kind)
    for key in sorted(tokens):
        yield _token_line(key, tokens[key], *origin[key])


def line_key(plan: Plan, volume: Volume, kind: Kind) -> LineKey:
    """The token line that one kind of token of a volume is on."""
    workload = volume.workload
    account = plan.account(CALLERS[workload.caller].home)
    lane = len(plan.accounts) > MARKETPLACE_ACCOUNT and account == plan.account(MARKETPLACE_ACCOUNT)
    streaming = "Stream" in workload.operation or workload.endpoint == "mantle"
    return LineKey(
        day=volume.day.isoformat(),
        account=account,
        region=workload.region,
        spelling=spelling(workload, kind, marketplace=lane),
        operation="InvokeModelStreamingInference" if streaming else "InvokeModelInference",
        team=workload.team if volume.day >= CALLER_TAG_FROM and workload.team[0] != "(" else "",
    )


def _token_line(key: LineKey, tokens: int, workload: Workload, kind: Kind) -> BillLine:
    tariff = TARIFFS[workload.model]
    rate = tariff.rate(kind, workload.route, workload.tier, workload.context)
    attributes = _attributes(tariff, workload, kind) if key.day >= MODEL_DIMENSION_FROM.isoformat() else {}
    return bill_line(
        key.day,
        key.account,
        key.region,
        key.spelling.service,
        key.spelling.usage_type,
        operation=key.operation,
        quantity=Decimal(tokens) / key.spelling.unit_tokens,
        unit=key.spelling.unit,
        cost=Decimal(tokens) * rate / 1_000_000,
        team=key.team,
        **attributes,
    )


def _attributes(tariff: Tariff, workload: Workload, kind: Kind) -> dict[str, str]:
    """Product attributes; a mantle line of an open-weight model names its raw id, an old model nothing."""
    if not tariff.attributed:
        return {}
    raw = workload.endpoint == "mantle" and tariff.provider == "OpenAI"
    return {
        "model": workload.model if raw else tariff.label,
        "provider": tariff.provider,
        "inference_type": _INFERENCE_TYPE[kind],
        "feature": "Batch Inference" if workload.tier == "batch" else "On-demand Inference",
    }
