"""The demo's Price List, read raw and by the kit's own reader."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError

from bedrock_guard.account.prices import read_ec2_prices, read_price_list
from bedrock_guard.account.session import Account


@pytest.fixture(scope="module")
def demo() -> Iterator[Account]:
    account = Account.demo(days=2, calls=10)
    yield account
    assert account.demo_backend is not None
    account.demo_backend.state.close()


def test_products_page_and_are_json_texts(demo: Account) -> None:
    pages = list(
        demo.client("pricing")
        .get_paginator("get_products")
        .paginate(ServiceCode="AmazonBedrock", FormatVersion="aws_v1")
    )
    skus = [json.loads(text)["product"]["sku"] for part in pages for text in part["PriceList"]]
    assert len(pages) > 1
    assert len(skus) == len(set(skus))


def test_filters_and_unknown_codes(demo: Account) -> None:
    client = demo.client("pricing")
    asked = [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": "us-west-2"}]
    found = client.get_products(ServiceCode="AmazonBedrock", Filters=asked)["PriceList"]
    assert {json.loads(text)["product"]["attributes"]["regionCode"] for text in found} == {"us-west-2"}
    with pytest.raises(ClientError, match="NotFoundException"):
        client.get_products(ServiceCode="AmazonNothing")
    with pytest.raises(ClientError, match="InvalidNextTokenException"):
        client.get_products(ServiceCode="AmazonBedrock", NextToken="x")


def test_the_kits_reader_finds_the_companys_rates(demo: Account) -> None:
    frame = read_price_list(demo, "us-east-1")
    assert frame.attrs["provenance"].complete
    known = {
        (row.model, row.token_kind, row.route): Decimal(row.usd_per_unit) * 1_000_000 / int(row.unit_tokens)
        for row in frame.itertuples()
        if row.tier == "standard" and row.context == "standard"
    }
    haiku = "anthropic.claude-haiku-4-5-20251001-v1:0"
    assert known[haiku, "input", "global"] == Decimal(1)
    assert known[haiku, "output", "regional"] == Decimal("5.5")
    assert known["amazon.nova-lite-v1:0", "input", "regional"] == Decimal("0.06")


def test_ec2_prices(demo: Account) -> None:
    frame = read_ec2_prices(demo, "us-east-1", ["t3.micro", "g6.xlarge", "x9.huge"])
    assert dict(zip(frame["instance_type"], frame["usd_per_hour"], strict=True)) == {
        "t3.micro": Decimal("0.0104"),
        "g6.xlarge": Decimal("0.8048"),
    }
