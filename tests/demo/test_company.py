"""The demo company against its own ground truth, its promises and what must never be in it."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from random import Random
from typing import Any

import pytest

from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.demo.company import Company, make_company
from bedrock_guard.demo.company.calls import split
from bedrock_guard.demo.company.clock import NOW, history_start
from bedrock_guard.demo.company.workloads import WORKLOADS
from bedrock_guard.errors import GuardError


@pytest.fixture(scope="module")
def company() -> Company:
    return make_company()


def digest(company: Company) -> str:
    parts = (company.events, company.bill, company.iam, company.ec2, company.bedrock, company.organization)
    return sha256(json.dumps(parts, default=str).encode()).hexdigest()


def model_calls(company: Company) -> list[dict[str, Any]]:
    names = {"Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream"}
    return [r for r in company.events if r["eventName"] in names and "errorCode" not in r]


def test_the_same_seed_makes_the_same_bytes_under_any_hash_seed():
    code = (
        "import json,hashlib;from bedrock_guard.demo.company import make_company;c=make_company(3,20,3,400);"
        "p=(c.events,c.bill,c.iam,c.ec2,c.bedrock,c.organization);"
        "print(hashlib.sha256(json.dumps(p,default=str).encode()).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": number},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for number in ("0", "1")
    }
    assert seen == {digest(make_company(3, 20, 3, 400))}
    assert seen != {digest(make_company(4, 20, 3, 400))}


@pytest.mark.parametrize(
    ("days", "accounts", "calls"),
    [(90, 3, 20_000), (90, 1, 777), (7, 2, 100), (1, 3, 5), (30, 6, 0), (120, 3, 40_000)],
)
def test_there_are_exactly_as_many_model_calls_as_asked_for(days, accounts, calls):
    company = make_company(days=days, accounts=accounts, calls=calls)
    assert len(company.accounts) == accounts
    assert len(model_calls(company)) == calls == company.truth["calls"]["recorded"]


@pytest.mark.parametrize(
    "wrong", [{"days": 0}, {"days": 401}, {"accounts": 0}, {"accounts": 81}, {"calls": -1}]
)
def test_an_impossible_size_is_refused(wrong):
    with pytest.raises(GuardError):
        make_company(**wrong)


def test_events_are_in_order_inside_the_window_and_unique(company):
    times = [record["eventTime"] for record in company.events]
    assert times == sorted(times)
    start = history_start(90)
    assert f"{start:%Y-%m-%dT%H:%M:%SZ}" < times[0]
    assert times[-1] <= f"{NOW - timedelta(minutes=15):%Y-%m-%dT%H:%M:%SZ}"
    assert len({record["eventID"] for record in company.events}) == len(times)


def test_nothing_in_it_could_be_real():
    company = make_company(calls=1_500)
    text = json.dumps(
        [company.events, company.bill, company.iam, company.ec2, company.bedrock, company.organization],
        default=str,
    )
    numbers = set(re.findall(r"(?<![\w.-])\d{12}(?![\w-])", text))
    assert numbers <= {"111122223333", *(f"{n:012d}" for n in range(11, 100))}
    assert not re.search(r"\b(AKIA|ASIA|ACCA|AIDA|AROA|ABSK)[A-Z0-9]{8,}", text)
    allowed = [
        ipaddress.ip_network(n)
        for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
    ]
    for record in company.events:
        address = record["sourceIPAddress"]
        if not address.endswith(".amazonaws.com"):
            assert any(ipaddress.ip_address(address) in network for network in allowed), address
    assert set(re.findall(r"@([a-z.]+)", text)) <= {"example.com"}


def test_every_model_is_in_the_catalogue_and_every_raw_id_resolves(company):
    catalogue, truth = shipped(), company.truth
    assert set(truth["tokens"]) <= {model.model_id for model in catalogue.models}
    raw = {r["requestParameters"]["modelId"] for r in model_calls(company)}
    own = {r for r in raw if "application-inference-profile" in r or "provisioned-model" in r}
    assert len(own) == 2
    assert all(catalogue.resolve(r) for r in raw - own)


def test_an_inference_region_is_one_the_profile_may_send_to(company):
    catalogue = shipped()
    seen = 0
    for record in model_calls(company):
        served = record.get("additionalEventData", {}).get("inferenceRegion")
        resolved = catalogue.resolve(record["requestParameters"]["modelId"])
        if served and resolved and resolved.route == "geo":
            profile = catalogue.profile(resolved.profile_id)
            assert served in profile.destinations[record["awsRegion"]]
            assert served != record["awsRegion"]
            seen += 1
    assert seen > 1000


def test_calls_tell_what_the_truth_tells(company):
    truth = company.truth["calls"]
    calls = model_calls(company)
    principals: Counter[str] = Counter()
    for record in calls:
        who = record["userIdentity"]
        issuer = who.get("sessionContext", {}).get("sessionIssuer", {})
        principals[issuer.get("arn") or who["arn"]] += 1
    assert dict(principals) == truth["by_principal"]
    assert dict(Counter(r["recipientAccountId"] for r in calls)) == truth["by_account"]
    bearer = sum(bool(r.get("additionalEventData", {}).get("callWithBearerToken")) for r in calls)
    assert bearer == truth["by_bearer"]["long"] + truth["by_bearer"]["short"]


def test_mantle_inference_is_a_data_event_with_its_marker_elsewhere(company):
    mantle = [r for r in company.events if r["eventName"] == "CreateInference"]
    assert len(mantle) == company.truth["calls"]["mantle_not_in_event_history"] > 500
    for record in mantle:
        assert record["eventCategory"] == "Data"
        assert record["managementEvent"] is False
        assert record["requestParameters"]["callWithBearerToken"] is True
        assert "additionalEventData" not in record
        assert "modelId" not in record["requestParameters"]


@pytest.mark.parametrize(("total", "parts"), [(0, 3), (1, 5), (10, 1), (1_000_003, 97), (7, 0)])
def test_a_split_adds_up(total, parts):
    amounts = split(total, parts, Random(5))
    assert len(amounts) == parts
    assert sum(amounts) == (total if parts else 0)
    assert min(amounts, default=0) >= 0


SPELLINGS = (  # written from the bill's side, not from the generator's tables
    (r"Claude Haiku 4\.5 \(", r"TokenCount", "anthropic.claude-haiku-4-5-20251001-v1:0"),
    (r"Claude Sonnet 4\.5 \(", r"TokenCount", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
    (r"Claude 3 Haiku \(", r"TokenCount", "anthropic.claude-3-haiku-20240307-v1:0"),
    (r"Claude Opus 4\.8 \(", r"_tokens_", "anthropic.claude-opus-4-8"),
    (r"Amazon Bedrock Service$", r"-Claude4\.5Sonnet-", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
    (r"Amazon Bedrock Service$", r"-anthropic\.claude-opus-4-8-mantle-", "anthropic.claude-opus-4-8"),
    (r"Amazon Bedrock$", r"-openai\.gpt-oss-120b-mantle-", "openai.gpt-oss-120b-1:0"),
    (r"Amazon Bedrock$", r"-NovaLite-", "amazon.nova-lite-v1:0"),
    (r"Amazon Bedrock$", r"-NovaPro-", "amazon.nova-pro-v1:0"),
    (r"Amazon Bedrock$", r"-TitanEmbeddingV2-Text-", "amazon.titan-embed-text-v2:0"),
    (r"Amazon Bedrock$", r"-Llama3-3-70B-(in|out)put", "meta.llama3-3-70b-instruct-v1:0"),
    (r"Amazon Bedrock$", r"-DeepSeekR1-", "deepseek.r1-v1:0"),
)


def model_of(line: dict[str, Any]) -> str | None:
    found = {
        model
        for service, usage, model in SPELLINGS
        if re.match(service, line["service"]) and re.search(usage, line["usage_type"])
    }
    assert len(found) <= 1
    return found.pop() if found else None


def test_the_bill_read_by_hand_gives_the_dollars_and_tokens_of_the_truth(company):
    dollars: dict[str, Decimal] = defaultdict(Decimal)
    tokens: dict[str, Decimal] = defaultdict(Decimal)
    for line in company.bill:
        model = model_of(line) if line["record_type"] == "Usage" else None
        if model:
            dollars[model] += line["cost"]
            tokens[model] += line["quantity"] * (1_000_000 if line["unit"] == "Units" else 1_000)
    truth = company.truth
    assert set(dollars) == set(truth["dollars"]["by_model"])
    for model, cost in truth["dollars"]["by_model"].items():
        assert abs(dollars[model] - cost) < Decimal("0.0001")
        assert tokens[model] == sum(truth["tokens"][model].values())


def test_tokens_in_cloudtrail_are_a_floor_of_those_on_the_bill(company):
    """Llama is called in one way only: what its records state, plus the few that state nothing, is what was billed."""
    model = "meta.llama3-3-70b-instruct-v1:0"
    records = [r for r in model_calls(company) if r["requestParameters"]["modelId"].endswith(model)]
    stated = [r["additionalEventData"] for r in records if "inputTokens" in r.get("additionalEventData", {})]
    billed = company.truth["tokens"][model]["input"]
    seen = sum(extra["inputTokens"] for extra in stated)
    assert 0 < len(records) - len(stated) < 0.08 * len(records)
    assert 0.9 * billed < seen < billed
    claude_code = [r for r in model_calls(company) if r["userAgent"].startswith("claude-cli")]
    told = sum(r.get("additionalEventData", {}).get("inputTokens", 0) for r in claude_code)
    assert told < 0.05 * company.truth["tokens"]["anthropic.claude-opus-4-8"]["cache_read"]


GRAMMARS = {
    "A": r"^[A-Z0-9]+-[A-Za-z0-9.-]+-(input|output)-tokens$",
    "A cache": r"-cache-(read|write)-input-token-count$",
    "A global": r"-input-tokens-cross-region-global$",
    "A flex": r"-input-tokens-flex$",
    "A long": r"-input-tokens-long-context$",
    "B": r"-mantle-cache-write-tokens-5m-global-standard$",
    "C": r"^([A-Z0-9]+)-MP:\1_CacheReadInputTokenCount-Units$",
    "C batch": r"_InputTokenCount_Batch-Units$",
    "C global": r"_OutputTokenCount_Global-Units$",
    "D": r"^([A-Z0-9]+)-MP:\1_cache_write_tokens_1h_standard-Units$",
    "E": r"_ProvisionedThroughput_6MonthsCommit_ModelUnits_Usage-Units$",
    "F": r"_Reserved_1Month_InputTPM_Geo-Units$",
    "G guardrail": r"-Guardrail-ContentPolicyUnitsConsumed$",
    "G training": r"-Customization-Training$",
    "G AgentCore": r"Runtime:Consumption-based:vCPU$",
}


@pytest.mark.parametrize("name", GRAMMARS)
def test_every_grammar_is_on_the_bill(company, name):
    assert any(re.search(GRAMMARS[name], line["usage_type"]) and line["cost"] > 0 for line in company.bill)


def test_one_model_is_billed_in_two_lanes_at_once(company):
    lanes = {
        line["service"]
        for line in company.bill
        if model_of(line) == "anthropic.claude-sonnet-4-5-20250929-v1:0"
    }
    assert lanes == {"Amazon Bedrock Service", "Claude Sonnet 4.5 (Amazon Bedrock Edition)"}


def test_regional_costs_a_tenth_more_than_global(company):
    rates: dict[str, set[Decimal]] = defaultdict(set)
    for line in company.bill:
        sonnet = re.search(r"Claude4\.5Sonnet-input-tokens(-cross-region-global)?$", line["usage_type"])
        if sonnet and line["record_type"] == "Usage":
            rates[line["usage_type"][-6:]].add(round(line["cost"] / line["quantity"], 9))
    assert rates == {"tokens": {Decimal("0.0033")}, "global": {Decimal("0.003")}}


def test_adjustments_credits_and_the_two_unmappable_lines(company):
    kinds = Counter(line["record_type"] for line in company.bill)
    assert set(kinds) == {
        "Usage", "Credit", "Refund", "Tax", "Enterprise Discount Program Discount", "DiscountedUsage", "RIFee"
    }  # fmt: skip
    aws = [
        line for line in company.bill
        if line["service"] in ("Amazon Bedrock", "Amazon Bedrock Service", "Amazon Bedrock AgentCore")
    ]  # fmt: skip
    gross = sum(line["cost"] for line in aws if line["record_type"] == "Usage")
    discount = sum(line["cost"] for line in aws if line["record_type"].endswith("Discount"))
    assert abs(discount + gross * Decimal("0.05")) < Decimal("0.0001")
    strange = {(line["service"], line["usage_type"]) for line in aws if line["unit"] == "N/A"}
    truth = company.truth["unmappable"]
    assert strange == {(row["service"], row["usage_type"]) for row in truth}
    assert len(truth) == 2


def test_product_attributes_begin_in_september_and_caller_tags_in_october(company):
    assert min(line["day"] for line in company.bill if line["model"]) == "2026-09-01"
    assert min(line["day"] for line in company.bill if line["team"]) == "2026-10-01"
    assert company.bill[0]["day"] == "2026-08-22"


def test_the_spend_is_believable(company):
    truth = company.truth["dollars"]
    month = sum(
        line["cost"] for line in company.bill
        if "Bedrock" in line["service"] and line["day"].startswith("2026-10")
    )  # fmt: skip
    assert 12_000 < month < 40_000
    ordered = sorted(truth["by_model"].values(), reverse=True)
    assert truth["dearest_model"] == "anthropic.claude-opus-4-8"
    assert ordered[0] > Decimal("1.3") * ordered[1]


def test_more_calls_leave_the_bill_where_it_is():
    few, many = (make_company(calls=n).truth["dollars"]["tokens"] for n in (20_000, 60_000))
    assert abs(few - many) < few / 100


def test_ec2_has_every_purchase_option_and_its_disks_elsewhere(company):
    compute = [line for line in company.bill if line["service"] == "Amazon Elastic Compute Cloud - Compute"]
    options = {line["purchase_type"] for line in compute}
    assert options == {"On Demand Instances", "Spot Instances", "Standard Reserved Instances"}
    assert any(not line["instance_type"] for line in compute)
    disks = [line for line in company.bill if "EBS:" in line["usage_type"]]
    assert {line["service"] for line in disks} == {"EC2 - Other"}
    october = [x for x in compute if x["instance_type"] == "m7i.xlarge" and x["day"].startswith("2026-10")]
    assert sum(x["cost"] for x in october) == sum(x["amortized"] for x in october) > 0
    volumes = [v for regions in company.ec2.values() for place in regions.values() for v in place["volumes"]]
    assert sum(not volume["Encrypted"] for volume in volumes) == 1


def test_a_launch_says_encrypted_or_not_or_nothing(company):
    launches = [r for r in company.events if r["eventName"] == "RunInstances"]
    said = set()
    for record in launches:
        items = record["requestParameters"]["blockDeviceMapping"].get("items")
        said.add(items[0]["ebs"]["encrypted"] if items else None)
    assert said == {True, False, None}
    refused = [r["errorMessage"] for r in launches if r.get("errorCode") == "Client.UnauthorizedOperation"]
    assert sorted(text.endswith("...") for text in refused) == [False, True]
    assert max(map(len, refused)) == 1026


def test_the_key_story(company):
    truth = company.truth
    chain = [
        r["eventName"] for r in company.events
        if r["eventSource"] == "iam.amazonaws.com"
        and (r["requestParameters"] or {}).get("userName") == truth["phantom_user"]
    ]  # fmt: skip
    assert chain == ["CreateUser", "AttachUserPolicy", "CreateServiceSpecificCredential"]
    rows = company.iam["111122223333"]["credentials"]
    bedrock = {
        row["ServiceSpecificCredentialId"]: row
        for row in rows
        if row["ServiceName"] == "bedrock.amazonaws.com"
    }
    assert set(bedrock) == {key["id"] for key in truth["keys"]}
    usable = [row for row in bedrock.values() if row["Status"] == "Active"]
    assert {row["UserName"]: "ExpirationDate" in row for row in usable} == {
        "BedrockAPIKey-h7qz": True,
        "reporting-batch": False,
    }
    made = [
        r
        for r in company.events
        if r["eventName"] == "CreateServiceSpecificCredential" and "errorCode" not in r
    ]
    assert {
        r["responseElements"]["serviceSpecificCredential"]["serviceSpecificCredentialId"] for r in made
    } == {key["id"] for key in truth["keys"] if key["creator_in_history"]}
    assert "secret" not in json.dumps(made).lower()


def test_the_intruder_looks_around_before_the_first_call(company):
    leak = company.truth["leak"]
    seen = [r for r in company.events if r["sourceIPAddress"] in leak["addresses"]]
    first_success = next(
        i for i, r in enumerate(seen) if r["eventName"].startswith("Invoke") and "errorCode" not in r
    )
    before = {r["eventName"] for r in seen[:first_success]}
    assert set(leak["enumeration"]) <= before
    assert any(r.get("errorCode") == "ValidationException" for r in seen[:first_success])
    paid = [r for r in seen if r["eventName"].startswith("Invoke") and "errorCode" not in r]
    assert len(paid) == leak["calls"] > 300
    assert {r["userIdentity"]["arn"] for r in seen} == {leak["principal"]}
    others = {
        r["sourceIPAddress"] for r in company.events if r["userIdentity"].get("arn") == leak["principal"]
    }
    assert others - set(leak["addresses"]) == {"192.0.2.11"}
    assert 500 < leak["dollars"] < 2_000


def test_denials_come_with_every_layer_and_without_a_message(company):
    denied = [r for r in company.events if str(r.get("errorCode", "")).startswith("AccessDenied")]
    texts = [r.get("errorMessage", "") for r in denied]
    for part in (
        "because no permissions boundary allows", "explicit deny in a permissions boundary:",
        "because no identity-based policy allows", "explicit deny in a service control policy:",
        "You don't have access to the model",
    ):  # fmt: skip
        assert any(part in text for text in texts), part
    assert texts.count("") == 3
    assert company.truth["denied"] == {"boundary": 10, "identity": 8, "scp": 4, "unknown": 3, "other": 2}
    keyless = [r for r in denied if r["eventSource"] == "iam.amazonaws.com"]
    assert [r["requestParameters"] for r in keyless] == [None]


def test_hostile_text_is_there_to_be_escaped(company):
    text = json.dumps(company.events)
    hostile = company.truth["hostile"]
    assert json.dumps(hostile["session"])[1:-1] in text
    for agent in hostile["user_agents"]:
        assert json.dumps(agent)[1:-1] in text


def test_identities_come_in_every_form(company):
    kinds = {r["userIdentity"].get("type") for r in company.events}
    assert kinds == {"AssumedRole", "IAMUser", "Root", "AWSService"}
    parts = [r["userIdentity"] for r in company.events]
    assert any("onBehalfOf" in who for who in parts)
    assert any(who.get("invokedBy") == "bedrock.amazonaws.com" for who in parts)
    contexts = [who.get("sessionContext", {}) for who in parts]
    assert any("webIdFederationData" in context for context in contexts)
    assert any(context.get("ec2RoleDelivery") == "2.0" for context in contexts)


def test_every_principal_that_calls_exists(company):
    known = {
        entity["Arn"]
        for content in company.iam.values()
        for kind in ("users", "roles")
        for entity in content[kind]
    }
    assert set(company.truth["calls"]["by_principal"]) <= known
    assert company.caller in known
    assert company.truth["foreign_boundary"] in {p["Arn"] for p in company.iam["111122223333"]["policies"]}


def test_one_account_holds_everything_when_there_is_only_one():
    company = make_company(accounts=1, calls=300)
    assert {r["recipientAccountId"] for r in company.events} == {"111122223333"}
    assert {line["account_id"] for line in company.bill} == {"111122223333"}
    names = [u["UserName"] for u in company.iam["111122223333"]["users"]]
    assert len(names) == len(set(names))


# Context windows and longest answers in thousands of tokens, as the providers' model cards have them.
WINDOWS = {
    "claude-opus-4-8": (1000, 128), "claude-sonnet-4-5": (200, 64), "claude-haiku-4-5": (200, 64),
    "claude-3-haiku": (200, 4.1), "claude-3-7-sonnet": (200, 64), "nova-lite": (300, 10), "nova-pro": (300, 10),
    "titan-embed": (8.2, 0), "llama3-3-70b": (128, 128), "deepseek.r1": (128, 128), "gpt-oss-120b": (128, 128),
}  # fmt: skip


def test_no_call_is_larger_than_its_model_can_take(company):
    """Input with what is cached; a long-context call is beyond 200,000 tokens and within a million."""
    for workload in WORKLOADS:
        if workload.endpoint == "batch":
            continue
        window, answer = next(v for name, v in WINDOWS.items() if name in workload.model)
        # A call is at most 1.7 times its workload's mean, see calls.split and plan's noise.
        new, out, read, short, long = (1.7 * amount for amount in workload.tokens)
        window = 1000 if workload.context == "long" else window
        assert new + read + short + long <= window, workload.key
        assert out <= answer, workload.key
    archive = [
        r["additionalEventData"]["inputTokens"]
        for r in model_calls(company)
        if r["userIdentity"]["arn"].find("contract-review") > 0
        and "sonnet" in r["requestParameters"]["modelId"]
        and "inputTokens" in (r.get("additionalEventData") or {})
    ]
    assert archive
    assert 200_000 < min(archive) <= max(archive) < 1_000_000


def test_no_month_of_a_service_is_negative(company):
    months = Counter()
    for line in company.bill:
        months[line["service"], line["day"][:7]] += line["cost"]
    assert not {place: cost for place, cost in months.items() if cost < 0}
