"""The Price List read through a real client with stubbed answers."""

from __future__ import annotations

import json
from decimal import Decimal

import boto3
import pytest
from botocore.stub import Stubber

from bedrock_guard.account.costs import read_bill
from bedrock_guard.account.prices import BEDROCK_CODES, read_ec2_prices, read_price_list
from bedrock_guard.account.session import Account
from bedrock_guard.demo.clock import DemoClock
from bedrock_guard.evidence.prices import PriceBook, PriceKey, departures, from_bill, unpriced
from bedrock_guard.evidence.spend import classify_bill
from bedrock_guard.evidence.tables import PRICES

EDITION = "Claude Opus 5 (Amazon Bedrock Edition)"


def product(service: str, usage: str, price: str, unit: str, **attributes) -> str:
    attributes = {"servicename": service, "usagetype": usage, "regionCode": "us-west-2"} | attributes
    dimension = {"unit": unit, "pricePerUnit": {"USD": price}}
    term = {"effectiveDate": "2026-10-01T00:00:00Z", "priceDimensions": {"d": dimension}}
    return json.dumps(
        {"product": {"sku": "SKU1", "attributes": attributes}, "terms": {"OnDemand": {"t": term}}}
    )


@pytest.fixture
def stubbed():
    session = boto3.Session(
        aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1"
    )
    account = Account(session, "real", "us-east-1", DemoClock())
    with Stubber(account.client("pricing", "us-east-1")) as pricing:
        yield account, pricing


def answer(*products: str, token: str | None = None) -> dict:
    return {"PriceList": list(products), **({"NextToken": token} if token else {})}


def test_every_code_and_page_is_read_and_units_are_believed(stubbed):
    account, pricing = stubbed
    mp = "USW2-MP:USW2_"
    pages = [
        answer(product("Amazon Bedrock", "USW2-NovaLite-input-tokens", "0.00006", "1K tokens"), token="n"),
        answer(
            product("Amazon Bedrock", "USW2-xai.grok-4.3-mantle-input-tokens-standard", "1.25", "1M tokens"),
            product("Amazon Bedrock", "USW2-Guardrail-TopicPolicyUnitsConsumed", "0.00015", "TextUnit"),
            product("Amazon Bedrock", "USW2-Unheardof-input-tokens", "1", "1K tokens"),
        ),
        answer(),
        answer(
            product(EDITION, f"{mp}input_tokens_global_standard-Units", "5.0", "1M tokens"),
            product(EDITION, f"{mp}input_tokens_standard-Units", "5.5", "Units"),
            product(EDITION, f"{mp}cache_write_tokens_1h_standard-Units", "not given", "Units"),
        ),
        answer(),
    ]
    for page in pages:
        pricing.add_response("get_products", page)
    frame = read_price_list(account, "us-west-2")
    pricing.assert_no_pending_responses()
    book = PriceBook(price_list=frame, seed=frame.iloc[:0])
    prices = {
        ("amazon.nova-lite-v1:0", "regional"): "0.06",
        ("xai.grok-4.3", "regional"): "1.25",
        ("anthropic.claude-opus-5", "global"): "5",
        ("anthropic.claude-opus-5", "regional"): "5.5",
    }
    for (model, route), price in prices.items():
        found = book.price(PriceKey(model, "input", "us-west-2", route))
        assert (found.usd_per_million, found.source) == (Decimal(price), "price list")
    unknown = book.price(PriceKey("anthropic.claude-opus-5", "cache_write_1h", "us-west-2"))
    assert unknown.usd_per_million is None
    assert "2 products" in frame.attrs["provenance"].why
    assert frame.attrs["provenance"].complete


def test_a_code_that_fails_leaves_the_others_and_is_said(stubbed):
    account, pricing = stubbed
    pricing.add_client_error("get_products", "AccessDeniedException", "no")
    pricing.add_response("get_products", {})
    pricing.add_response("get_products", answer("not json"))
    pricing.add_response(
        "get_products", answer(product("x", "USW2-Runtime:Consumption-based:vCPU", "1", "h"), token="s")
    )
    pricing.add_response("get_products", answer(token="s"))
    frame = read_price_list(account, "us-west-2")
    said = frame.attrs["provenance"]
    assert (len(frame), said.completeness) == (0, "floor")
    assert all(code in said.why for code in BEDROCK_CODES)


def test_ec2_prices(stubbed):
    account, pricing = stubbed
    right = product("Amazon EC2", "BoxUsage:t3.micro", "0.0104", "Hrs", instanceType="t3.micro")
    free = product("Amazon EC2", "Dedicated", "0", "Hrs", instanceType="t3.micro")
    pricing.add_response("get_products", answer(right, free))
    pricing.add_response("get_products", answer())
    frame = read_ec2_prices(account, "us-east-1", ["t3.micro", "x9.huge"])
    assert frame[["instance_type", "usd_per_hour"]].to_numpy().tolist() == [["t3.micro", Decimal("0.0104")]]


def test_the_demo_price_list_agrees_with_the_demo_bill(tmp_path):
    account = Account.demo(tmp_path / "state.sqlite", days=40, calls=1_000)
    frame = classify_bill(read_bill(account).frame)
    for region in ("us-east-1", "us-west-2"):
        listed = PriceBook(price_list=read_price_list(account, region), seed=PRICES.empty())
        here = frame[frame["region"] == region]
        assert departures(here, listed).empty
        assert len(unpriced(here, listed)) < len(from_bill(here))
