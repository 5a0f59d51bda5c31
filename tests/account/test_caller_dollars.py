"""A caller's dollars are one truth: held against the demo company's own, read through boto3 only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from html import escape
from typing import Any

import pandas as pd
import pytest
from tuple_maker import tuples_of

from bedrock_guard.account.session import Account
from bedrock_guard.account.situation import Situation, look
from bedrock_guard.boundary.controls import CONTROLS, title_of, titles
from bedrock_guard.demo.company.make import make_company
from bedrock_guard.demo.company.truth import cost_of
from bedrock_guard.evidence.caller_spend import by_caller
from bedrock_guard.evidence.model_use import model_use
from bedrock_guard.evidence.sole_callers import sole_callers
from bedrock_guard.evidence.spend import on_mantle
from bedrock_guard.evidence.tables import dollars, total
from bedrock_guard.evidence.token_counts import of_seen
from bedrock_guard.present import choosing, evidence, spend_callers, start
from bedrock_guard.present.callers import callers_hit
from bedrock_guard.present.lacking import refused_models
from bedrock_guard.present.table import Shown

USER = "arn:aws:iam::111122223333:user/BedrockAPIKey-h7qz"
QA = "arn:aws:iam::111122223333:role/policy-qa"
BATCH = "arn:aws:iam::111122223333:role/search-batch"
CLAUDE_37 = "anthropic.claude-3-7-sonnet-20250219-v1:0"
UNIT = "arn:aws:bedrock:us-west-2:111122223333:provisioned-model/pqa7unit0001"
UNREAD = "accounts 000000000011 and 000000000012: calls not read"
UNTOLD = Decimal("0.04")
"""Share of a caller's dollars that calls whose record tells no tokens may be."""

OUTCOMES = ("kept", "refused", "stranded", "unknown")


@pytest.fixture(scope="module")
def situation() -> Situation:
    return look(Account.demo())


@pytest.fixture(scope="module")
def spent(situation: Situation) -> Mapping[tuple[str, Any], Decimal]:
    found = situation.what_if(situation.spec())
    rows = by_caller(found.judged, found.impact, situation.counted).iloc[:-1].to_dict("records")
    return {(row["principal"], row["client"]): total(row[name] for name in OUTCOMES) for row in rows}


@pytest.fixture(scope="module")
def truth(situation: Situation) -> Mapping[str, Decimal]:
    """Workload -> dollars in the window, by the generator."""
    found: dict[str, Decimal] = {}
    for volume in make_company().plan.volumes:
        if situation.window.start <= volume.day < situation.window.end:
            key = volume.workload.key
            found[key] = found.get(key, Decimal(0)) + cost_of(volume)
    return found


def test_every_refused_dollar_stands_under_one_control(situation: Situation) -> None:
    found = situation.what_if(situation.spec())
    table = evidence.controls(found).frame.set_index("control")
    for outcome in ("refused", "stranded"):
        assert total(table[outcome]) == found.impact.spend(outcome)
    lines = found.impact.lines
    batch = total(lines.loc[(lines["tier"] == "batch") & (lines["outcome"] == "refused"), "cost_usd"])
    assert table.loc[title_of("batch_inference"), "refused"] == batch > 0
    assert table.loc[title_of("service_tiers"), "stranded"] > 0
    seen = found.judged.by_control
    seen = seen[seen["verdict"] == "refused"].set_index("control")["calls"]
    assert {title_of(str(name)): f"{count:,}" for name, count in seen.items()} == {
        name: calls for name, calls in table["calls"].items() if calls
    }


def test_a_caller_has_its_own_dollars_and_never_more(
    spent: Mapping[tuple[str, Any], Decimal], truth: Mapping[str, Decimal]
) -> None:
    leak = truth["key-leaked"] + truth["key-leaked-west"]
    assert (1 - UNTOLD) * leak <= spent[USER, "aiohttp"] <= leak
    own = truth["key-phantom"]
    assert (1 - UNTOLD) * own <= spent[USER, "httpx"] <= own


def test_batch_jobs_go_to_the_one_who_created_them(
    spent: Mapping[tuple[str, Any], Decimal], truth: Mapping[str, Decimal]
) -> None:
    assert abs(spent[BATCH, "boto3"] - truth["batch-haiku"]) < Decimal("0.01")


def test_a_commitment_goes_to_the_one_who_alone_calls_it(situation: Situation) -> None:
    found = situation.what_if(situation.spec())
    table = by_caller(found.judged, found.impact, situation.counted)
    cost = total(situation.bill.loc[situation.bill["model"] == CLAUDE_37, "cost"])
    assert cost > 4000
    assert table.loc[table["principal"] == QA, "stranded"].tolist() == [cost]
    shown = callers_hit(found, situation).frame
    row = shown[shown["caller"] == "role policy-qa"].to_dict("records")[0]
    assert (row["stranded"], row["models"]) == (cost, ("Claude 3.7 Sonnet",))


def test_a_shared_or_idle_commitment_has_no_caller(situation: Situation) -> None:
    calls = situation.calls
    units = pd.DataFrame(
        {"account_id": ["111122223333"], "region": ["us-west-2"], "arn": [UNIT], "model": [CLAUDE_37]}
    ).assign(status="InService")
    key = ("111122223333", "us-west-2", CLAUDE_37, "provisioned")
    assert sole_callers(calls, units)[key] == (QA, "boto3")
    one = calls[calls["model_raw"] == UNIT].head(1).assign(principal=USER)
    assert key not in sole_callers(pd.concat([calls, one]), units)
    idle = pd.concat([units, units.assign(arn=f"{UNIT}2")])
    assert key not in sole_callers(calls, idle)


def test_every_page_shows_the_same_dollars_and_the_whole_bill(situation: Situation) -> None:
    found = situation.what_if(situation.spec())
    whole = situation.reconciliation.headline
    callers = start.callers(situation).frame
    assert total(callers["cost_usd"]) == total(start.money(situation).frame["cost_usd"]) == whole
    here = total(callers.loc[callers["caller"] == "user BedrockAPIKey-h7qz", "cost_usd"])
    shown = callers_hit(found, situation).frame
    hit = total(shown.loc[shown["caller"] == "user BedrockAPIKey-h7qz", "refused"])
    assert abs(here - hit) < Decimal("0.0001")
    whole_row, *rows = shown["refused"].tolist()
    assert total(cost for cost in rows if cost is not None) == whole_row == found.impact.spend("refused")
    used = "; ".join(evidence.users(found, situation).frame["used_by"])
    assert "role policy-qa $4,099.20" in used
    assert f"{UNREAD} $2,468.10, no caller known $63.30" in used


def test_no_page_says_a_share_of_what_is_only_a_floor(situation: Situation) -> None:
    """Identity Center's callers spent 10 % of a model by the tags, and 0.6 % by what their calls explain."""
    found = situation.what_if(situation.spec())
    spending = (account := Account.demo()).spending(28)
    who = account.caller_spend(spending)
    pages = (
        evidence.users(found, situation),
        start.money(situation),
        start.callers(situation),
        callers_hit(found, situation),
        spend_callers.counted(who, spending),
    )
    for page in pages:
        assert " %" not in page.text()
        assert "a caller's: at least" in page.text() or "a caller: at least" in page.text()


def test_a_bill_of_one_account_tells_of_no_others(situation: Situation) -> None:
    bill = situation.bill[situation.bill["account_id"] == "111122223333"]
    alone = replace(situation, bill=bill)
    found = alone.what_if(alone.spec())
    pages = (
        evidence.users(found, alone),
        evidence.models(found, alone),
        start.money(alone),
        start.callers(alone),
        callers_hit(found, alone),
    )
    for page in pages:
        assert "not read" not in page.text()
        assert "No call of" not in page.text()


def test_accounts_whose_calls_were_not_read_stand_apart_the_same_everywhere(situation: Situation) -> None:
    found = situation.what_if(situation.spec())
    away = {name: found.impact.of_accounts(situation.unread, name) for name in OUTCOMES}
    hit = callers_hit(found, situation).frame.set_index("caller")
    assert hit.loc[UNREAD, "refused"] == away["refused"] > 0
    rest = by_caller(found.judged, found.impact, situation.counted).iloc[-1]
    assert hit.loc["no caller known", "refused"] == rest["refused"] - away["refused"] > 0
    here = start.callers(situation).frame.set_index("caller")
    assert here.loc[UNREAD, "cost_usd"] == sum(away.values())
    spending = (account := Account.demo()).spending(28)
    page = spend_callers.counted(account.caller_spend(spending), spending)
    assert isinstance(page, Shown)
    table = page.frame.set_index("caller")["cost"]
    assert table[UNREAD] == sum(away.values())
    known = here.index.str.startswith("no caller known")
    assert table["no caller known"] == total(here.loc[known, "cost_usd"])
    assert total(table) == situation.reconciliation.headline


def test_a_program_whose_dollars_no_call_tells_is_named(situation: Situation) -> None:
    page = start.callers(situation)
    rows = page.frame.set_index("caller")["clients"]
    assert rows["BedrockDeveloper of Identity Center"] == ("claude-code", "httpx", "codex (cost unknown)")
    mantle = total(situation.bill.loc[on_mantle(situation.bill), "cost"])
    assert mantle > 400
    assert f"{dollars(mantle)} went through the mantle endpoint" in page.caption
    assert "seen calling that endpoint: BedrockDeveloper of Identity Center with codex." in page.caption


def test_controls_are_called_by_their_titles(situation: Situation) -> None:
    """An id is for a file: a page says what a control forbids."""
    found = situation.what_if(situation.spec())
    pages = (callers_hit(found, situation), evidence.controls(found), refused_models(found, situation))
    said = " ".join(page.text() for page in pages)
    assert [control.id for control in CONTROLS if "_" in control.id and control.id in said] == []
    assert title_of("long_term_key_use") in said
    assert titles(["long_term_key_use", "mine"]) == "No calls with long-term API keys; mine"


def test_a_caption_is_short_and_its_explanation_opens(situation: Situation) -> None:
    page = callers_hit(situation.what_if(situation.spec()), situation)
    assert len(page.caption) < 200, "two lines"
    assert (
        f"<details><summary>How this is counted</summary>{escape(page.more)}</details></caption>"
        in page.html()
    )
    assert page.more in page.text(), "a terminal opens nothing"


def test_callers_hit_stand_once_each_dearest_first_under_their_sum(situation: Situation) -> None:
    found = situation.what_if(situation.spec())
    table = callers_hit(found, situation)
    shown = table.frame
    assert shown["caller"].is_unique
    assert shown["caller"].tolist()[:4] == ["all", UNREAD, "no caller known", "role policy-qa"]
    every, *rows = shown.to_dict("records")
    assert total(row["stranded"] for row in rows if row["stranded"]) == every["stranded"]
    lost = [total(filter(None, (row["refused"], row["stranded"] or None))) for row in rows[2:]]
    assert lost == sorted(lost, reverse=True)
    assert "stranded" not in table.under.values(), "a column of the same weight as refused"
    by_name = {row["caller"]: row for row in rows}
    thief = by_name["user BedrockAPIKey-h7qz"]
    assert (thief["client"], thief["calls_refused"]) == ("aiohttp $695.74, httpx $17.24", "679")
    sso = by_name["BedrockDeveloper of Identity Center"]
    assert sso["client"].endswith(", codex (cost unknown)")
    assert "role break-glass-admin: never bound (break glass)" in by_name


def test_counted_tuples_give_the_dollars_of_calls(situation: Situation) -> None:
    counted = tuples_of(situation.calls)
    assert sole_callers(counted) == sole_callers(situation.calls)
    names = ["principal", "client", "model"]
    one, other = (of_seen(frame).groupby(names)["input_tokens"].sum() for frame in (situation.calls, counted))
    assert one.index.equals(other.index)
    assert (one - other).abs().max() == 0


def test_calls_of_a_provisioned_model_count_for_the_model_behind_it(situation: Situation) -> None:
    raw = situation.calls["model_raw"].astype("string")
    named = situation.calls[raw.str.contains("provisioned-model").fillna(value=False)]
    assert len(named) == 97
    assert named["model"].isna().all()
    rows = {row["id"]: row for row in choosing.model_rows(situation, "us-east-1", {})}
    assert "97 calls" in rows[CLAUDE_37]["facts"]
    assert "1 caller" in rows[CLAUDE_37]["facts"]
    counted = model_use(tuples_of(situation.calls), situation.stands_for)
    assert (counted["calls"] + counted["failed"]).equals(situation.used["calls"] + situation.used["failed"])


def test_a_model_that_was_paid_for_all_along_is_not_new(situation: Situation) -> None:
    rows = {row["id"]: row for row in choosing.model_rows(situation, "us-east-1", {})}
    assert rows[CLAUDE_37]["badge"] == ""
    assert rows["anthropic.claude-opus-4-8"]["badge"] == ""
