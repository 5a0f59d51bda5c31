"""The AWS Price List through its query API: free of charge, list prices only, incomplete and late for new models.

https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.account.answers import NotAwsAnswer, demanded
from bedrock_guard.account.cost_explorer import FAILURES, told
from bedrock_guard.evidence.ec2 import EC2_PRICES
from bedrock_guard.evidence.spend import classify
from bedrock_guard.evidence.tables import PRICES, Provenance, money

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account
    from bedrock_guard.boundary.catalogue import Catalogue
    from bedrock_guard.evidence.bill_class import BillClass

ENDPOINT: Final = "us-east-1"
"""The query API answers in us-east-1, eu-central-1 and ap-south-1, for all Regions."""

BEDROCK_CODES: Final = (
    "AmazonBedrock",
    "AmazonBedrockService",
    "AmazonBedrockFoundationModels",
    "AmazonBedrockAgentCore",
)
"""One alone is never enough: current Claude stands in AmazonBedrockFoundationModels only."""

_EC2_FILTERS: Final[Mapping[str, str]] = {
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
}
_TOKENS: Final[Mapping[str, int]] = {
    "1k tokens": 1_000,
    "1000 tokens": 1_000,
    "1m tokens": 1_000_000,
    "units": 1_000_000,
}


def read_price_list(
    account: Account,
    region: str,
    *,
    codes: Sequence[str] = BEDROCK_CODES,
    catalogue: Catalogue | None = None,
) -> pd.DataFrame:
    """List prices of models in one Region: PRICES, US dollars, each row with sku and the date it is in force from.

    Rows whose usage type names no known model are left out; provenance counts them. A code that fails leaves a table
    of completeness "floor" with the reason; unknown stays unknown.

    Args:
        account: who asks (`pricing:GetProducts`).
        region: the Region whose prices are wanted.
        codes: the service codes to read.
        catalogue: models by id and name; the shipped one by default.
    """
    said = Provenance("AWS Price List", asked_at=account.now.astimezone(UTC))
    before = account.requests.total("pricing")
    rows: list[Mapping[str, Any]] = []
    lost = 0
    for code in codes:
        try:
            for product in _products(account, code, {"regionCode": region}):
                found = _bedrock_rows(product, code, catalogue)
                rows.extend(found)
                lost += not found
        except FAILURES as error:
            said = said.lowered("floor", f"{code}: {told(error)}")
    said = replace(said, requests=account.requests.total("pricing") - before)
    why = f"{lost} products are no model, or name none that is known" if lost else ""
    said = replace(said, why="; ".join(filter(None, (said.why, why))))
    return PRICES.frame(rows, said)


def read_ec2_prices(account: Account, region: str, instance_types: Sequence[str]) -> pd.DataFrame:
    """On-demand prices (`evidence.ec2.EC2_PRICES`): Linux, shared tenancy, US dollars an hour; no row without a price.

    Args:
        account: who asks.
        region: where the instances run.
        instance_types: one question each.
    """
    said = Provenance("AWS Price List, AmazonEC2", asked_at=account.now.astimezone(UTC))
    before = account.requests.total("pricing")
    rows: list[Mapping[str, Any]] = []
    for name in instance_types:
        try:
            for product in _products(
                account, "AmazonEC2", {**_EC2_FILTERS, "regionCode": region, "instanceType": name}
            ):
                rows.extend(_ec2_rows(product, name, region))
        except FAILURES as error:
            said = said.lowered("floor", f"{name}: {told(error)}")
    return EC2_PRICES.frame(rows, replace(said, requests=account.requests.total("pricing") - before))


def _products(account: Account, code: str, filters: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    call = account.client("pricing", ENDPOINT).get_products
    asked = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in filters.items()]
    yield from _pages(
        call, {"ServiceCode": code, "Filters": asked, "FormatVersion": "aws_v1", "MaxResults": 100}
    )


def _pages(
    call: Callable[..., Mapping[str, Any]], parameters: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    seen: set[str] = set()
    token: str | None = None
    while True:
        page = call(**parameters, **({"NextToken": token} if token else {}))
        for text in demanded(page, "PriceList"):
            yield _product(text)
        token = page.get("NextToken")
        if not token:
            return
        if token in seen:
            raise NotAwsAnswer(
                "The Price List gave the same page token twice; what comes after it was not read"
            )
        seen.add(token)


def _product(text: object) -> Mapping[str, Any]:
    try:
        product = json.loads(str(text))
    except ValueError as error:
        raise NotAwsAnswer("A product of the Price List is not JSON", why=str(error)) from error
    return product if isinstance(product, dict) else {}


def _attributes(product: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = product.get("product", {})
    attributes = inner.get("attributes", {}) if isinstance(inner, dict) else {}
    return attributes if isinstance(attributes, dict) else {}


def _dimensions(product: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """On-demand terms and their price dimensions."""
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term.get("priceDimensions", {}).values():
            yield term, dimension


def _bedrock_rows(
    product: Mapping[str, Any], code: str, catalogue: Catalogue | None
) -> list[Mapping[str, Any]]:
    attributes = _attributes(product)
    usage_type = str(attributes.get("usagetype", ""))
    found = classify(str(attributes.get("servicename") or code), usage_type, catalogue=catalogue)
    if found.bucket != "model" or not usage_type:
        return []
    base = {
        "model": found.model,
        "region": attributes.get("regionCode"),
        "token_kind": found.token_kind,
        "route": found.route,
        "tier": found.tier,
        "context": found.context,
        "usage_type": usage_type,
        "sku": product.get("product", {}).get("sku"),
        "source": code,
    }
    return [
        {
            **base,
            "unit_tokens": _unit(found, str(dimension.get("unit", ""))),
            "usd_per_unit": money(dimension.get("pricePerUnit", {}).get("USD")),
            "as_of": term.get("effectiveDate"),
            "note": None,
        }
        for term, dimension in _dimensions(product)
    ]


def _unit(found: BillClass, unit: str) -> int | None:
    """Tokens per unit as the price says it; none where the line counts no tokens."""
    return None if found.unit_tokens is None else _TOKENS.get(unit.lower(), found.unit_tokens)


def _ec2_rows(product: Mapping[str, Any], name: str, region: str) -> Iterator[Mapping[str, Any]]:
    if _attributes(product).get("instanceType") != name:
        return
    for term, dimension in _dimensions(product):
        price = money(dimension.get("pricePerUnit", {}).get("USD"))
        if price:
            yield {
                "instance_type": name,
                "region": region,
                "usd_per_hour": price,
                "source": "AWS Price List",
                "as_of": term.get("effectiveDate"),
            }
