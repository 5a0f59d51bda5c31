"""AWS Price List: what the demo company's models and a few instance types cost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Final

from bedrock_guard.demo.company.bill import Spelling, spelling
from bedrock_guard.demo.company.prices import AWS_SERVICE, KINDS, REGION_CODES, TARIFFS
from bedrock_guard.demo.company.workloads import WORKLOADS, Workload
from bedrock_guard.demo.service import Answer, Request, Service, ServiceError, page

SERVICE = Service(
    "pricing",
    bad_token=ServiceError("InvalidNextTokenException", "The pagination token is invalid."),
    invalid_input="InvalidParameterException",
)

IN_FORCE: Final = "2026-11-01T00:00:00Z"
_MARKETPLACE_CODE: Final = "AmazonBedrockFoundationModels"
_CODES: Final = (
    "AmazonBedrock",
    "AmazonBedrockAgentCore",
    _MARKETPLACE_CODE,
    "AmazonBedrockService",
    "AmazonEC2",
)
_PREFIXES: Final = ("", "global")
# Linux, on demand, us-east-1, US dollars an hour; the demo has one price for all Regions.
# https://aws.amazon.com/ec2/pricing/on-demand/
_HOURLY: Final = {
    "t3.micro": "0.0104", "t3.small": "0.0208", "t3.medium": "0.0416", "t3.large": "0.0832", "m5.large": "0.096",
    "m7i.large": "0.1008", "m7i.xlarge": "0.2016", "c7g.xlarge": "0.145", "g4dn.xlarge": "0.526",
    "g5.xlarge": "1.006", "g6.xlarge": "0.8048", "g6.12xlarge": "4.6016",
}  # fmt: skip


@SERVICE.operation(
    "GetProducts", gap="the company's models and a dozen instance types; TERM_MATCH filters only"
)
def get_products(request: Request) -> Answer:
    """Products of one code as JSON texts, filtered by attributes."""
    code = request.parameters["ServiceCode"]
    if code not in _CODES:
        raise ServiceError("NotFoundException", f"The requested service code {code} was not found.")
    wanted = {
        f["Field"]: f["Value"] for f in request.parameters.get("Filters", ()) if f["Type"] == "TERM_MATCH"
    }
    found = [text for attributes, text in _products()[code] if _fits(attributes, wanted)]
    answer = page(found, request).answer("PriceList")
    return {"FormatVersion": "aws_v1"} | answer


@SERVICE.operation("DescribeServices")
def describe_services(request: Request) -> Answer:
    """The codes there are, with the attributes of their products."""
    code = request.parameters.get("ServiceCode")
    if code is not None and code not in _CODES:
        raise ServiceError("NotFoundException", f"The requested service code {code} was not found.")
    rows = [
        {
            "ServiceCode": name,
            "AttributeNames": sorted({key for attributes, _ in _products()[name] for key in attributes}),
        }
        for name in _CODES
        if code in {None, name}
    ]
    return {"FormatVersion": "aws_v1"} | page(rows, request).answer("Services")


def _fits(attributes: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(attributes.get(field, "").lower() == value.lower() for field, value in wanted.items())


@cache
def _products() -> Mapping[str, tuple[tuple[Mapping[str, str], str], ...]]:
    """Code -> (attributes, product text), in the order of their services and usage types."""
    found: dict[str, dict[str, tuple[Mapping[str, str], str]]] = {code: {} for code in _CODES}
    for workload in _variants():
        for kind in KINDS:
            spelt = spelling(workload, kind, marketplace=False)
            rate = TARIFFS[workload.model].rate(kind, workload.route, workload.tier, workload.context)
            price = rate * spelt.unit_tokens / 1_000_000
            found[_code_of(spelt)][f"{spelt.service} {spelt.usage_type}"] = _token_product(
                workload, spelt, price
            )
    for region in REGION_CODES:
        for name, hourly in _HOURLY.items():
            found["AmazonEC2"][f"{region}:{name}"] = _instance_product(region, name, Decimal(hourly))
    return {code: tuple(products[key] for key in sorted(products)) for code, products in found.items()}


def _variants() -> Iterator[Workload]:
    """Every workload in every Region, at the regional and at the global rate."""
    for workload in WORKLOADS:
        for region in REGION_CODES:
            for prefix in _PREFIXES:
                yield replace(workload, region=region, prefix=prefix)


def _code_of(spelt: Spelling) -> str:
    if spelt.service.endswith("Edition)"):
        return _MARKETPLACE_CODE
    return "AmazonBedrockService" if spelt.service == AWS_SERVICE else "AmazonBedrock"


def _token_product(workload: Workload, spelt: Spelling, price: Decimal) -> tuple[Mapping[str, str], str]:
    attributes = {
        "servicecode": _code_of(spelt),
        "servicename": spelt.service,
        "usagetype": spelt.usage_type,
        "regionCode": workload.region,
        "locationType": "AWS Region",
        "model": TARIFFS[workload.model].label,
        "provider": TARIFFS[workload.model].provider,
    }
    unit = "1K tokens" if spelt.unit_tokens == 1_000 else "1M tokens"
    return attributes, _text(attributes, unit, price)


def _instance_product(region: str, name: str, price: Decimal) -> tuple[Mapping[str, str], str]:
    attributes = {
        "servicecode": "AmazonEC2",
        "servicename": "Amazon Elastic Compute Cloud",
        "usagetype": f"BoxUsage:{name}",
        "regionCode": region,
        "instanceType": name,
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
        "marketoption": "OnDemand",
    }
    return attributes, _text(attributes, "Hrs", price)


def _text(attributes: Mapping[str, str], unit: str, price: Decimal) -> str:
    sku = (
        hashlib.sha256(f"{attributes['regionCode']}{attributes['usagetype']}".encode())
        .hexdigest()[:16]
        .upper()
    )
    term = f"{sku}.JRTCKXETXF"
    dimension = {
        "unit": unit,
        "beginRange": "0",
        "endRange": "Inf",
        "pricePerUnit": {"USD": f"{price.normalize():f}"},
    }
    terms = {
        term: {"sku": sku, "effectiveDate": IN_FORCE, "priceDimensions": {f"{term}.6YS6EN2CT7": dimension}}
    }
    product = {
        "product": {"productFamily": "", "sku": sku, "attributes": attributes},
        "serviceCode": attributes["servicecode"],
        "terms": {"OnDemand": terms},
        "publicationDate": IN_FORCE,
    }
    return json.dumps(product)
