"""One line of the bill as a row of FOCUS 1.2 with AWS columns.

https://focus.finops.org/focus-specification/v1-2/. What AWS does with discounts and refunds is assumed: a discount
is an Adjustment here, a refund a Credit that corrects.
"""

from __future__ import annotations

from typing import Any, Final

from bedrock_guard.demo.company.cur import description, product_code, times
from bedrock_guard.demo.company.export_lines import ExportLine

FOCUS: Final[dict[str, str]] = {
    "BilledCost": "number",
    "BillingAccountId": "text",
    "BillingCurrency": "text",
    "BillingPeriodEnd": "time",
    "BillingPeriodStart": "time",
    "ChargeCategory": "text",
    "ChargeClass": "text",
    "ChargeDescription": "text",
    "ChargeFrequency": "text",
    "ChargePeriodEnd": "time",
    "ChargePeriodStart": "time",
    "ConsumedQuantity": "number",
    "ConsumedUnit": "text",
    "ContractedCost": "number",
    "EffectiveCost": "number",
    "InvoiceIssuerName": "text",
    "ListCost": "number",
    "PricingCategory": "text",
    "PricingQuantity": "number",
    "PricingUnit": "text",
    "ProviderName": "text",
    "PublisherName": "text",
    "RegionId": "text",
    "ResourceId": "text",
    "ServiceCategory": "text",
    "ServiceName": "text",
    "SkuMeter": "text",
    "SubAccountId": "text",
    "Tags": "map",
    "x_Operation": "text",
    "x_ServiceCode": "text",
}
"""Columns and their kinds (text, number, time, map). There is no `x_UsageType` in AWS's 1.2, and no caller."""

_CATEGORIES: Final = {
    "Usage": "Usage",
    "DiscountedUsage": "Usage",
    "RIFee": "Purchase",
    "Tax": "Tax",
    "Credit": "Credit",
    "Refund": "Credit",
}


def focus_row(one: ExportLine, payer: str) -> dict[str, Any]:
    """A row with every column of `FOCUS`; None is an empty cell."""
    line = one.line
    start, end, month, after = times(line)
    market = line["billing_entity"] == "AWS Marketplace"
    kind = line["record_type"]
    usage = _CATEGORIES.get(kind) == "Usage"
    return {
        "BilledCost": line["cost"],
        "BillingAccountId": payer,
        "BillingCurrency": line["currency"],
        "BillingPeriodEnd": after,
        "BillingPeriodStart": month,
        "ChargeCategory": _CATEGORIES.get(kind, "Adjustment"),
        "ChargeClass": "Correction" if kind == "Refund" else None,
        "ChargeDescription": description(line),
        "ChargeFrequency": "Usage-Based" if usage else "One-Time",
        "ChargePeriodEnd": end,
        "ChargePeriodStart": start,
        "ConsumedQuantity": line["quantity"] if usage else None,
        "ConsumedUnit": line["unit"] or None,
        "ContractedCost": line["cost"],
        "EffectiveCost": line["amortized"],
        "InvoiceIssuerName": "Amazon Web Services, Inc.",
        "ListCost": line["cost"],
        "PricingCategory": "Committed" if kind == "DiscountedUsage" else "Standard" if usage else None,
        "PricingQuantity": line["quantity"],
        "PricingUnit": line["unit"] or None,
        "ProviderName": "AWS",
        "PublisherName": _publisher(line["service"]) if market else "Amazon Web Services, Inc.",
        "RegionId": line["region"],
        "ResourceId": one.resource or None,
        "ServiceCategory": "AI and Machine Learning" if "Bedrock" in line["service"] else "Other",
        # Marketplace models come without a service name and code.
        "ServiceName": None if market else line["service"],
        "SkuMeter": line["usage_type"] or None,
        "SubAccountId": line["account_id"],
        "Tags": {"iamPrincipal/team": line["team"]} if line["team"] else {},
        "x_Operation": line["operation"] or None,
        "x_ServiceCode": None if market else product_code(line),
    }


def _publisher(service: str) -> str:
    return "Anthropic" if service.startswith("Claude") else "Amazon Web Services, Inc."
