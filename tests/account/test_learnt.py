"""What doctor finds out about one account's bill changes how every other command reads that bill."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bedrock_guard.account.doctor import examine
from bedrock_guard.account.facts import (
    CHARGES,
    ROUNDING,
    UNITS,
    VARIABLE,
    Fact,
    Facts,
    learnt,
    load_facts,
    path_of,
    save_facts,
)
from bedrock_guard.account.session import Account
from bedrock_guard.account.spending import Spending, read_spending
from bedrock_guard.cli import app
from bedrock_guard.demo.company import make_company
from bedrock_guard.demo.company.exports import write_cur
from bedrock_guard.evidence.learnt import NOTHING, ROUNDING_USD
from bedrock_guard.evidence.prices import departures
from bedrock_guard.evidence.spend import of_charge_type
from bedrock_guard.evidence.tables import provenance_of, total
from bedrock_guard.reports.cost import CostReport
from bedrock_guard.reports.settings import CostSettings

REBATE, DISCOUNT = "Sustainability Rebate", "Enterprise Discount Program Discount"


@pytest.fixture(autouse=True)
def _own_facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))


def odd(change: Callable[[dict[str, Any]], None], asked: Callable[[Any], None] = lambda _: None) -> Account:
    """The demo account, but Cost Explorer's answers are changed before boto3 hands them on."""
    account = Account.demo()
    events = account._session.events
    events.register("after-call.cost-explorer.GetCostAndUsage", lambda parsed, **_: change(parsed))
    events.register("provide-client-params.cost-explorer.GetCostAndUsage", lambda params, **_: asked(params))
    return account


def groups(parsed: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [group for period in parsed.get("ResultsByTime", ()) for group in period.get("Groups", ())]


def in_millions(parsed: dict[str, Any]) -> None:
    """AWS's own lines counted in millions of tokens, under a unit that says nothing."""
    for group in groups(parsed):
        used = group["Metrics"].get("UsageQuantity", {})
        if used.get("Unit") == "1K tokens":
            used |= {"Amount": f"{Decimal(used['Amount']) / 1000:f}", "Unit": "Tokens"}


def tokens(found: Spending) -> Decimal:
    lines = found.lines[
        found.lines["unit"].isin(["Tokens", "1K tokens"]) & found.lines["unit_tokens"].notna()
    ]
    return total(q * int(n) for q, n in zip(lines["quantity"], lines["unit_tokens"], strict=True))


def test_a_unit_that_says_nothing_is_read_by_what_was_paid_for_it() -> None:
    usual, account = tokens(read_spending(Account.demo())), odd(in_millions)
    before = read_spending(account)
    assert tokens(before) * 1000 == usual, "as the usage type says it would be"
    assert len(departures(before.lines, before.price_book))
    examine(account)
    known = learnt(account)
    assert known.unit_tokens == {("tokens", 1_000): 1_000_000}
    after = read_spending(account)
    assert tokens(after) == usual
    assert not len(departures(after.lines, after.price_book))
    assert "units as doctor found them on 2026-11-20" in provenance_of(after.lines).source
    assert "as doctor found" not in provenance_of(before.lines).source


def rename(old: str, new: str) -> Callable[[Any], None]:
    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            value.update({key: walk(held) for key, held in value.items()})
        elif isinstance(value, list):
            value[:] = [walk(held) for held in value]
        return new if value == old else value

    return lambda value: walk(value) and None


def test_a_charge_type_of_no_document_that_takes_money_off_is_a_discount() -> None:
    assert of_charge_type(REBATE) == "unmapped"
    account = odd(rename(DISCOUNT, REBATE), rename(REBATE, DISCOUNT))
    before = read_spending(account).now.proof
    assert before.buckets["discount"] == 0
    assert before.buckets["unmapped"] < 0
    found = examine(account).facts
    assert found.of(CHARGES) == f"{REBATE} - discount"
    after = read_spending(account).now.proof
    usual = read_spending(Account.demo()).now.proof
    assert (after.buckets, after.headline) == (usual.buckets, usual.headline)


def test_spend_reads_an_export_by_the_same_facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "facts"))
    write_cur(make_company(days=20, calls=60), tmp_path / "cur", form="csv.gz")
    for file in (tmp_path / "cur").rglob("*.csv.gz"):
        text = gzip.decompress(file.read_bytes())
        assert b"EdpDiscount" in text
        file.write_bytes(gzip.compress(text.replace(b"EdpDiscount", REBATE.encode())))

    def said() -> str:
        done = CliRunner().invoke(app, ["spend", "--export", str(tmp_path / "cur"), "--month", "2026-11"])
        return done.output

    assert re.search(r"discounts +0 ", said()), "of a charge type that no document names"
    fact = Fact(id=CHARGES, question="?", answer="", data={"sustainabilityrebate": "discount"})
    save_facts("111122223333", Facts(found_at=Account.demo().now, facts=(fact,)))
    assert not re.search(r"discounts +0 ", said())
    assert "charge types as doctor found them" in said()


def rounded(parsed: dict[str, Any]) -> None:
    lines = (group["Metrics"] for group in groups(parsed))
    first = next(
        (line["UnblendedCost"] for line in lines if len(line) == 2 and "UnblendedCost" in line), None
    )
    if first:
        first["Amount"] = f"{Decimal(first['Amount']) + Decimal('0.0000000003'):f}"


def test_rounding_withholds_the_headline_until_doctor_has_seen_that_it_is_rounding() -> None:
    account = odd(rounded)
    before = CostReport.of(account, CostSettings(days=7))
    assert "bedrock-guard doctor finds out" in before.headline.text
    assert before.figures.exit_status == 3
    assert examine(account).facts.of(ROUNDING) == "but for less than a cent"
    after = CostReport.of(account, CostSettings(days=7))
    assert after.situation.reconciliation.withheld == ()
    assert after.situation.reconciliation.difference, "it is shown all the same"
    assert "rounding as doctor found" in after.sources.text
    assert after.figures.exit_status == 1


def test_a_difference_of_a_cent_is_no_rounding() -> None:
    def wrong(parsed: dict[str, Any]) -> None:
        for group in groups(parsed)[:1]:
            cost = group["Metrics"]["UnblendedCost"]
            cost["Amount"] = f"{Decimal(cost['Amount']) + Decimal('0.01'):f}"

    account = odd(wrong)
    assert examine(account).facts.of(ROUNDING) == "no"
    assert learnt(account).tolerance_usd == 0


def test_where_all_is_as_documented_nothing_is_learnt_and_a_broken_file_teaches_nothing() -> None:
    account = Account.demo()
    found = examine(account).facts
    assert found.of(UNITS) == "1K tokens: 1,000; Units: 1,000,000"
    assert learnt(account).words == ""
    assert all(not fact.data for fact in found.facts)
    file = path_of(account.account_id)
    text = file.read_text("utf-8")
    for data in (
        '{"tolerance_usd": "much"}',
        '{"tolerance_usd": "NaN"}',
        '{"tokens/1000": "-7"}',
        '{"rebate": "free"}',
    ):
        file.write_text(text.replace('"data": {}', f'"data": {data}'), "utf-8")
        assert load_facts(account.account_id) is not None
        assert learnt(account) == NOTHING
    save_facts(account.account_id, rounded_by("1000"))
    assert learnt(account).tolerance_usd == ROUNDING_USD, "no file makes a real difference vanish"


def rounded_by(tolerance: str) -> Facts:
    fact = Fact(id=ROUNDING, question="?", answer="but for", data={"tolerance_usd": tolerance})
    return Facts(found_at=Account.demo().now, facts=(fact,))
