"""The bill lines that no model call explains: commitments, other Bedrock features, adjustments, what nobody knows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from bedrock_guard.demo.company.bill import BillLine, bill_line
from bedrock_guard.demo.company.clock import MODEL_DIMENSION_FROM, NOW, ago, dice, history_days, open_seconds
from bedrock_guard.demo.company.plan import Plan
from bedrock_guard.demo.company.prices import AGENTCORE, AWS, AWS_SERVICE, HAIKU, SONNET_37, TARIFFS

PROVISIONED_HOURLY: Final = Decimal("6.10")
RESERVED_HOURLY: Final = Decimal("0.0375")
RESERVED_THOUSAND_TPM: Final = 20
COMMITMENT_AT: Final = ago(86, 19)
TRAINING_DAY: Final = date(2026, 10, 6)
REFUND_DAY: Final = date(2026, 10, 14)
DISCOUNT: Final = Decimal("0.05")
VAT: Final = Decimal("0.20")
MONTHLY_CREDIT: Final = Decimal(-120)
REFUND: Final = Decimal("-83.17")
DISCOUNT_LABEL: Final = "Enterprise Discount Program Discount"

UNMAPPABLE: Final = (
    (date(2026, 10, 2), AWS, "USE1-Halcyon9-quanta-consumed", Decimal("41.60")),
    (date(2026, 11, 3), AWS_SERVICE, "USW2-XJ4-meter-0091", Decimal("17.25")),
)
"""Two lines whose usage type names no model and no feature: day, service, usage type, USD."""

_STEADY: Final = (
    # account, region, service, usage type, units a day, unit, USD a unit, product attributes
    (0, "eu-west-1", AWS, "EU-Guardrail-ContentPolicyUnitsConsumed", 21_000, "TextUnits", "0.00015", "Guardrails"),
    (0, "eu-west-1", AWS, "EU-Guardrail-SensitiveInformationPolicyPaidUnitsConsumed", 21_000, "TextUnits",
     "0.0001", "Guardrails"),
    (0, "eu-west-1", AWS, "EU-Guardrail-SensitiveInformationPolicyFreeUnitsConsumed", 4_000, "TextUnits", "0",
     "Guardrails"),
    (0, "us-east-1", AWS, "USE1-NovaCanvas-T2I-1024-Premium", 45, "Images", "0.06", "On-demand Inference"),
    (0, "us-east-1", AWS, "USE1-DataAutomation-Standard-ImagesProcessed", 310, "Images", "0.003",
     "Data Automation"),
    (1, "us-west-2", AWS, "USW2-Llama3-3-70B-Customization-Storage", "0.0329", "Model-Months", "1.95",
     "Custom Model"),
    (0, "us-east-1", AGENTCORE, "USE1-Runtime:Consumption-based:vCPU", 38, "vCPU-Hours", "0.0895", ""),
    (0, "us-east-1", AGENTCORE, "USE1-Runtime:Consumption-based:Memory", 96, "GB-Hours", "0.00945", ""),
    (0, "us-east-1", AGENTCORE, "USE1-Knowledge-Base:Consumption-based:Storage", 14, "GB-Days", "0.11", ""),
)  # fmt: skip


_WHOLE: Final = {"Images", "TextUnits"}


def commitment_lines(plan: Plan) -> Iterator[BillLine]:
    """Provisioned throughput and reserved capacity: hours, whether used or not."""
    for day in history_days(plan.days):
        hours = _hours(day, plan.days)
        if not hours or day <= COMMITMENT_AT.date():
            continue
        provisioned, reserved = TARIFFS[SONNET_37], TARIFFS[HAIKU]
        yield bill_line(
            day.isoformat(), plan.account(0), "us-west-2", provisioned.edition,
            "USW2-MP:USW2_ProvisionedThroughput_6MonthsCommit_ModelUnits_Usage-Units",
            operation="InvokeModelInference", quantity=hours, unit="Units", cost=hours * PROVISIONED_HOURLY,
            **_attributes(day, model=provisioned.label, provider="Anthropic", feature="Provisioned Throughput"),
        )  # fmt: skip
        yield bill_line(
            day.isoformat(), plan.account(0), "us-west-2", reserved.edition,
            "USW2-MP:USW2_Reserved_1Month_InputTPM_Geo-Units",
            operation="InvokeModelInference", quantity=hours * RESERVED_THOUSAND_TPM, unit="Units",
            cost=hours * RESERVED_THOUSAND_TPM * RESERVED_HOURLY,
            **_attributes(day, model=reserved.label, provider="Anthropic", feature="Reserved Tier"),
        )  # fmt: skip


def feature_lines(plan: Plan) -> Iterator[BillLine]:
    """Guardrails, images, data automation, AgentCore, the training run and its stored model."""
    rng = dice(plan.seed, "features")
    for day in history_days(plan.days):
        part = _hours(day, plan.days) / 24
        for home, region, service, usage_type, units, unit, price, feature in _STEADY:
            amount = Decimal(str(units)) * part * Decimal(str(round(rng.uniform(0.8, 1.2), 3)))
            quantity = amount.quantize(Decimal(1) if unit in _WHOLE else Decimal("1e-6"))
            if quantity and not ("Customization" in usage_type and day < TRAINING_DAY):
                yield bill_line(
                    day.isoformat(), plan.account(home), region, service, usage_type,
                    quantity=quantity, unit=unit, cost=quantity * Decimal(price),
                    operation="Usage", **_attributes(day, feature=feature),
                )  # fmt: skip
        if day == TRAINING_DAY:
            yield bill_line(
                day.isoformat(), plan.account(1), "us-west-2", AWS, "USW2-Llama3-3-70B-Customization-Training",
                quantity=Decimal(88_000), unit="1K tokens", cost=Decimal(88_000) * Decimal("0.00799"),
                operation="CreateModelCustomizationJob", **_attributes(day, feature="Custom Model"),
            )  # fmt: skip


def unmappable_lines(plan: Plan) -> Iterator[BillLine]:
    """The two lines that nobody can map; a shorter history has those of its days."""
    days = set(history_days(plan.days))
    for day, service, usage_type, cost in UNMAPPABLE:
        if day in days:
            yield bill_line(
                day.isoformat(), plan.account(0), "us-west-2" if usage_type[:4] == "USW2" else "us-east-1", service,
                usage_type, operation="Usage", quantity=Decimal(1_000), unit="N/A", cost=cost,
            )  # fmt: skip


def adjustment_lines(plan: Plan, usage: Iterable[BillLine]) -> Iterator[BillLine]:
    """Discount per day and service, VAT per month, a credit a month and one refund, all on AWS-billed Bedrock.

    Marketplace lines get neither discount nor tax.
    """
    daily: dict[tuple[str, str, str, str], Decimal] = defaultdict(Decimal)
    monthly: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for line in usage:
        if line["billing_entity"] == "AWS" and line["record_type"] == "Usage":
            daily[line["day"], line["account_id"], line["region"], line["service"]] += line["cost"]
            if line["region"] == "eu-west-1":
                monthly[line["day"][:7], line["account_id"]] += line["cost"]
    for (day, account, region, service), cost in sorted(daily.items()):
        if cost:
            yield bill_line(
                day, account, region, service, "", record_type=DISCOUNT_LABEL, cost=-cost * DISCOUNT
            )
    starts = _month_starts(plan)
    for (month, account), cost in sorted(monthly.items()):
        yield bill_line(starts[month], account, "eu-west-1", AWS, "", record_type="Tax", cost=cost * VAT)
    for day in starts.values():
        yield bill_line(
            day, plan.account(0), "us-west-2", AWS_SERVICE, "USW2-Claude4.5Sonnet-output-tokens", record_type="Credit",
            operation="InvokeModelInference", cost=MONTHLY_CREDIT,
        )  # fmt: skip
    if REFUND_DAY in history_days(plan.days):
        yield bill_line(
            REFUND_DAY.isoformat(), plan.account(0), "us-west-2", AWS_SERVICE, "USW2-Claude4.5Sonnet-input-tokens",
            record_type="Refund", operation="InvokeModelInference", cost=REFUND,
        )  # fmt: skip


def _month_starts(plan: Plan) -> dict[str, str]:
    """Month -> the first day of it that the history touches."""
    starts: dict[str, str] = {}
    for day in history_days(plan.days):
        starts.setdefault(day.isoformat()[:7], day.isoformat())
    return starts


def _hours(day: date, days: int) -> Decimal:
    start, end = open_seconds(day, days)
    whole = 24 if NOW.date() != day else NOW.hour
    return Decimal(min(whole, round((end - start) / 3600)))


def _attributes(day: date, **attributes: str) -> dict[str, Any]:
    return dict(attributes) if day >= MODEL_DIMENSION_FROM else {}


def other_lines(plan: Plan) -> Iterator[BillLine]:
    """What the accounts spend on other services, so that Bedrock is a part of a bill and not all of it."""
    rng = dice(plan.seed, "other")
    for day in history_days(plan.days):
        part = _hours(day, plan.days) / 24
        for home, service, usage_type, unit, cost in _OTHER:
            amount = Decimal(str(round(cost * rng.uniform(0.9, 1.1), 4))) * part
            yield bill_line(
                day.isoformat(), plan.account(home), "us-east-1", service, usage_type,
                operation="Usage", quantity=(amount * 10).quantize(Decimal("1e-6")), unit=unit, cost=amount,
            )  # fmt: skip


_OTHER: Final[Sequence[tuple[int, str, str, str, float]]] = (
    (0, "AWS CloudTrail", "USE1-DataEventsRecorded", "Events", 1.1),
    (0, "AWS Cost Explorer", "USE1-APIRequest", "Requests", 0.2),
    (0, "Amazon Simple Storage Service", "TimedStorage-ByteHrs", "GB-Mo", 14.0),
    (0, "AWS Lambda", "Lambda-GB-Second", "Lambda-GB-Second", 3.2),
    (1, "Amazon Simple Storage Service", "TimedStorage-ByteHrs", "GB-Mo", 22.0),
)
