"""One line of the bill as a row of CUR 2.0.

https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from bedrock_guard.demo.company.bill import BillLine
from bedrock_guard.demo.company.charges import DISCOUNT_LABEL
from bedrock_guard.demo.company.ec2 import COMPUTE, OTHER
from bedrock_guard.demo.company.export_lines import ExportLine

CUR: Final[dict[str, str]] = {
    "identity_line_item_id": "text",
    "identity_time_interval": "text",
    "bill_bill_type": "text",
    "bill_billing_entity": "text",
    "bill_billing_period_start_date": "time",
    "bill_billing_period_end_date": "time",
    "bill_payer_account_id": "text",
    "line_item_usage_account_id": "text",
    "line_item_usage_start_date": "time",
    "line_item_usage_end_date": "time",
    "line_item_line_item_type": "text",
    "line_item_line_item_description": "text",
    "line_item_legal_entity": "text",
    "line_item_product_code": "text",
    "line_item_usage_type": "text",
    "line_item_operation": "text",
    "line_item_resource_id": "text",
    "line_item_iam_principal": "text",
    "line_item_usage_amount": "number",
    "line_item_unblended_cost": "number",
    "line_item_currency_code": "text",
    "pricing_unit": "text",
    "pricing_term": "text",
    "pricing_purchase_option": "text",
    "product": "map",
    "product_instance_type": "text",
    "product_region_code": "text",
    "product_servicecode": "text",
    "reservation_effective_cost": "number",
    "tags": "map",
}
"""Columns and their kinds (text, number, time, map), of the hundred and more that an export can select."""

_CODES: Final = {
    "Amazon Bedrock": "AmazonBedrock",
    "Amazon Bedrock Service": "AmazonBedrockService",
    "Amazon Bedrock AgentCore": "AmazonBedrockAgentCore",
    COMPUTE: "AmazonEC2",
    OTHER: "AmazonEC2",
    "Amazon Simple Storage Service": "AmazonS3",
    "AWS Lambda": "AWSLambda",
    "AWS CloudTrail": "AWSCloudTrail",
    "AWS Cost Explorer": "AWSCostExplorer",
}
_TYPES: Final = {DISCOUNT_LABEL: "EdpDiscount"}
_METERS: Final = (
    # a part of the usage type (lower case), and the real unit of a Marketplace line, which only its text names
    ("cache", "Million Cache Tokens"),
    ("output", "Million Output Tokens"),
    ("inputtpm", "Thousand Input Tokens Per Minute Hours"),
    ("provisionedthroughput", "Model Unit Hours"),
    ("input", "Million Input Tokens"),
)


def cur_row(one: ExportLine, payer: str) -> dict[str, Any]:
    """A row with every column of `CUR`; None is an empty cell."""
    line = one.line
    start, end, month, after = times(line)
    market = line["billing_entity"] == "AWS Marketplace"
    reserved = line["record_type"] == "DiscountedUsage"
    return {
        "identity_line_item_id": identifier(one),
        "identity_time_interval": f"{start:%Y-%m-%dT%H:%M:%SZ}/{end:%Y-%m-%dT%H:%M:%SZ}",
        "bill_bill_type": "Refund" if line["record_type"] == "Refund" else "Anniversary",
        "bill_billing_entity": line["billing_entity"],
        "bill_billing_period_start_date": month,
        "bill_billing_period_end_date": after,
        "bill_payer_account_id": payer,
        "line_item_usage_account_id": line["account_id"],
        "line_item_usage_start_date": start,
        "line_item_usage_end_date": end,
        "line_item_line_item_type": _TYPES.get(line["record_type"], line["record_type"]),
        "line_item_line_item_description": description(line),
        "line_item_legal_entity": "Example Marketplace Seller" if market else "Amazon Web Services, Inc.",
        "line_item_product_code": product_code(line),
        "line_item_usage_type": line["usage_type"],
        "line_item_operation": line["operation"],
        "line_item_resource_id": one.resource,
        "line_item_iam_principal": one.principal or None,
        "line_item_usage_amount": line["quantity"],
        "line_item_unblended_cost": line["cost"],
        "line_item_currency_code": line["currency"],
        "pricing_unit": line["unit"],
        "pricing_term": "Reserved" if reserved else "OnDemand" if line["record_type"] == "Usage" else "",
        "pricing_purchase_option": "All Upfront" if line["record_type"] == "RIFee" else "",
        "product": {"product_name": line["service"]},
        "product_instance_type": line["instance_type"],
        "product_region_code": line["region"],
        "product_servicecode": product_code(line),
        "reservation_effective_cost": line["amortized"] if reserved else None,
        "tags": {"iamPrincipal/team": line["team"]} if line["team"] else {},
    }


def times(line: BillLine) -> tuple[datetime, datetime, datetime, datetime]:
    """Start and end of the line's day and of its month (UTC, ends exclusive)."""
    start = datetime.strptime(line["day"], "%Y-%m-%d").replace(tzinfo=UTC)
    month = start.replace(day=1)
    after = (month + timedelta(days=32)).replace(day=1)
    return start, start + timedelta(days=1), month, after


def identifier(one: ExportLine) -> str:
    """A made-up id of the line, the same for the same line."""
    names = (
        "day",
        "account_id",
        "region",
        "service",
        "usage_type",
        "operation",
        "record_type",
        "team",
        "cost",
    )
    text = "|".join([*(str(one.line[name]) for name in names), one.principal, one.resource])
    return sha256(text.encode()).hexdigest()[:52]


def product_code(line: BillLine) -> str:
    """AWS's code of the service; an opaque one for a Marketplace product, as on a real bill."""
    found = _CODES.get(line["service"])
    return found or sha256(line["service"].encode()).hexdigest()[:25]


def description(line: BillLine) -> str:
    """What the line is for. On a Marketplace line its third field is the real unit."""
    if line["billing_entity"] == "AWS Marketplace":
        low = line["usage_type"].lower()
        meter = next((unit for part, unit in _METERS if part in low), "Units")
        return f"AWS Marketplace software usage|{line['region']}|{meter}"
    return f"{line['service']} {line['record_type']} {line['usage_type']}".strip()
