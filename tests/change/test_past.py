"""Who a plan says would have been hit: the same dollars as every other page, and only in accounts that are touched."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from decimal import Decimal

import pandas as pd
import pytest

from bedrock_guard.account.session import Account
from bedrock_guard.account.situation import Situation, example_spec
from bedrock_guard.change.plan import Plan, make_plan
from bedrock_guard.change.plan_file import History, Hit
from bedrock_guard.change.review import history_words, review, rows, usd
from bedrock_guard.change.steps_principal import Soak
from bedrock_guard.change.wish import Selection, Wish
from bedrock_guard.evidence.caller_spend import by_caller
from bedrock_guard.evidence.tables import dollars, total

ADMIN = (
    "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/"
    "AWSReservedSSO_AdministratorAccess_0c1d2e3f4a5b6c7d"
)
MEMBERS = ("000000000011", "000000000012")


@pytest.fixture(scope="module")
def account() -> Account:
    return Account.demo()


@pytest.fixture(scope="module")
def seen(account: Account) -> Situation:
    return account.situation(28)


def planned(account: Account, seen: Situation, *who: str, **more: object) -> Plan:
    built = seen.what_if(example_spec()).built
    return make_plan(account, replace(Wish(built, Selection(who)), **more), seen=seen)


@pytest.mark.parametrize(
    "who",
    [
        ("role/contract-review-service",),
        ("role/policy-qa", "role/support-assistant", "user/BedrockAPIKey-h7qz", "role/search-batch"),
    ],
)
def test_a_caller_loses_the_same_dollars_as_on_every_other_page(
    account: Account, seen: Situation, who: tuple[str, ...]
) -> None:
    plan = planned(account, seen, *who)
    found = seen.what_if(example_spec())
    spent = by_caller(found.judged, found.impact, seen.counted)
    assert plan.history is not None
    hits = {hit.principal: hit for hit in plan.history.hits}
    assert {name.rpartition("/")[2] for name in hits} == {name.rpartition("/")[2] for name in who}
    for name, hit in hits.items():
        mine = spent[spent["principal"] == name]
        assert Decimal(hit.refused_usd or "0") == total(mine["refused"])
        assert Decimal(hit.stranded_usd or "0") == total(mine["stranded"])
    assert Decimal(plan.history.refused_usd or "0") == total(
        Decimal(hit.refused_usd or "0") for hit in hits.values()
    )


def test_the_bill_is_that_of_those_touched_of_others_and_of_nobody_known(
    account: Account, seen: Situation
) -> None:
    found = seen.what_if(example_spec())
    spent = by_caller(found.judged, found.impact, seen.counted)
    batch = spent[spent["principal"].str.endswith("role/search-batch").fillna(False)]
    hit = [found.impact.spend(name) for name in ("refused", "stranded", "unknown")]
    rest = total(spent.iloc[-1][["refused", "stranded", "unknown"]])
    sums, nobody, floors, others = set(), set(), set(), []
    for second in ("role/search-api", "role/search-batch"):
        told = planned(account, seen, "role/policy-qa", second).history
        assert told is not None
        parts = (told.refused_usd, told.stranded_usd, told.depends_usd, told.others_usd, told.unseen_usd)
        sums.add(total(Decimal(part or "NaN") for part in (*parts, told.elsewhere_usd)))
        nobody.add(told.unseen_usd)
        others.append(Decimal(told.others_usd or "NaN"))
        words = history_words(told)
        assert f"{usd(told.unseen_usd)} has no caller known" in words
        least = "at least " if Decimal(told.refused_usd or "NaN") else ""
        assert words.startswith(f"{least}{usd(told.refused_usd)} of those touched would have been refused")
        floors.add(least)
        assert f"at least {usd(told.others_usd)} that the same documents would hit is other callers'" in words
        assert words.endswith(f" Together {dollars(sum(hit))}, as under Callers hit.")
        assert (
            f"is of 2 accounts of the profile ({', '.join(MEMBERS)}) that this change does not reach" in words
        )
    assert floors == {"", "at least "}, "nothing is no floor"
    assert sums == {sum(hit)}, "whoever is selected, all adds up to what the whole choice takes"
    assert nobody == {str(rest - Decimal(told.elsewhere_usd or "NaN"))}, (
        "what has no caller is that of Callers hit, but for the accounts that the change does not reach"
    )
    assert others[0] - others[1] == total(batch["refused"]) > 0


def test_a_commitment_stands_with_its_sole_caller_and_its_model(account: Account, seen: Situation) -> None:
    plan = planned(account, seen, "role/policy-qa")
    assert plan.history is not None
    (hit,) = plan.history.hits
    assert Decimal(hit.stranded_usd or "0") == Decimal("4099.20")
    assert hit.models == ("anthropic.claude-3-7-sonnet-20250219-v1:0",)


@pytest.mark.parametrize("target", [*MEMBERS, "ou-demo-workload1"])
def test_an_scp_hits_callers_of_the_accounts_that_its_target_covers(
    account: Account, seen: Situation, target: str
) -> None:
    calls = seen.calls.copy()
    calls.attrs = dict(seen.calls.attrs)
    for number, member in enumerate(MEMBERS):
        rows = calls.index[(calls["operation"] == "ConverseStream") & calls["error_code"].isna()]
        rows = rows[number * 20 : number * 20 + 20]
        calls.loc[rows, "account_id"] = member
        calls.loc[rows, "principal"] = f"arn:aws:iam::{member}:role/app"
    there = replace(seen, calls=calls)
    assert account.demo_backend is not None
    admin = Account.on_demo(account.demo_backend, principal=ADMIN)
    spec = example_spec()
    profile = spec.profile["analysts"].model_copy(update={"scp_holds": "everything"})
    built = there.what_if(spec.model_copy(update={"profile": {"analysts": profile}})).built
    plan = make_plan(admin, Wish(built, scp_targets=(target,), attach_scps=True), seen=there)
    assert plan.history is not None
    hit = {one.principal.split(":")[4] for one in plan.history.hits}
    assert hit == ({target} if target in MEMBERS else set(MEMBERS))
    assert any(risk.startswith(f"{target} covers ") for risk in plan.risks)


def test_whom_the_choice_hits_least_goes_first(account: Account, seen: Situation) -> None:
    dear, least, silent = "role/contract-review-service", "role/search-batch", "role/security-audit"
    plan = planned(account, seen, dear, least)
    first = next(step for step in plan.steps if isinstance(step, Soak))
    assert first.who == least, "the first of the selected is the dearest"
    assert plan.history is not None
    calls = {hit.principal.rpartition(":")[2]: hit.calls for hit in plan.history.hits}
    assert 0 < calls[least] < calls[dear]
    said = [risk for risk in plan.risks if "it will stop there" in risk]
    assert [risk.startswith(f"The canary {least} made {calls[least]} calls") for risk in said] == [True]
    told = planned(account, seen, dear, least, canary=dear).risks
    assert any(f"The canary {dear} made {calls[dear]:,} calls" in risk for risk in told)
    assert f"{dear} goes first, as the canary: it was named." in told
    assert any(f"{least} has {calls[least]:,}: name it as the canary" in risk for risk in told)
    assert "None of those selected has fewer. Move its work first." in said[0]
    why = "of those selected it has the fewest calls in the window that would be refused"
    assert f"{least} goes first, as the canary: {why} ({calls[least]:,})." in plan.risks
    gentle = planned(account, seen, dear, silent).risks
    assert not any("it will stop there" in risk for risk in gentle)
    assert f"{silent} goes first, as the canary: {why} (0)." in gentle
    alone = planned(account, seen, dear).risks
    assert not any("goes first" in risk for risk in alone)


def test_the_review_says_whose_key_looks_stolen_and_how_a_permission_set_is_bound(
    account: Account, seen: Situation
) -> None:
    plan = planned(account, seen, "role/policy-qa", "role/search-batch")
    text = review(plan)
    assert "user BedrockAPIKey-h7qz shows the signs of a stolen key (a new network, a new program, " in text
    assert "switch its key off first" in text
    assert plan.history is not None
    others = {hit.principal.rpartition("/")[2]: hit for hit in plan.history.others}
    developer = "AWSReservedSSO_BedrockDeveloper_1f2e3d4c5b6a7089"
    assert {"BedrockAPIKey-h7qz", "legacy-etl", developer} <= set(others)
    assert not {"policy-qa", "search-batch", "break-glass-admin"} & set(others)
    assert total(Decimal(hit.refused_usd or 0) for hit in others.values()) <= Decimal(
        plan.history.others_usd or 0
    )
    commands = [line for line in plan.exports if "sso-admin" in line]
    assert all(line in text for line in commands)
    assert any("-v name=BedrockDeveloper " in line for line in commands)
    for policy in plan.texts:
        kind = (
            "attach-customer-managed-policy-reference-to"
            if "deny" in policy
            else "put-permissions-boundary-to"
        )
        assert any(f"{kind}-permission-set" in line and policy in line for line in commands), policy
    subprocess.run(["bash", "-n"], input="\n".join(plan.exports), text=True, check=True)


def test_an_account_that_is_reached_and_not_read_stands_apart(account: Account, seen: Situation) -> None:
    assert account.demo_backend is not None
    admin = Account.on_demo(account.demo_backend, principal=ADMIN)
    spec = example_spec()
    profile = spec.profile["analysts"].model_copy(update={"scp_holds": "everything"})
    built = seen.what_if(spec.model_copy(update={"profile": {"analysts": profile}})).built
    told = make_plan(admin, Wish(built, scp_targets=MEMBERS, attach_scps=True), seen=seen).history
    assert told is not None
    away = total(seen.what_if(spec).impact.of_accounts(seen.unread, name) for name in ("refused", "unknown"))
    assert Decimal(told.unread_usd or 0) == away > 0
    assert told.elsewhere_usd == "0" or "000000000011" not in told.elsewhere
    words = history_words(told)
    assert f"{usd(told.unread_usd)} is of accounts {' and '.join(MEMBERS)}: calls not read" in words
    assert told.unseen_usd is not None


def test_the_window_is_written_as_on_every_other_page(account: Account, seen: Situation) -> None:
    told = planned(account, seen, "role/policy-qa").history
    assert told is not None
    assert told.window in seen.line()


def _row(name: str, refused: str, stranded: str = "0") -> Hit:
    return Hit(principal=name, calls=1, last_call=None, controls=(), models=(), refused_usd=refused,
               stranded_usd=stranded)  # fmt: skip


def test_the_cents_of_the_lists_add_up_to_those_of_the_sentence() -> None:
    found = History(
        window="w", hits=(_row("a", "0.664"), _row("b", "1.004", "2.004"), _row("c", "3.004", "1.004")),
        refused_usd="4.672", stranded_usd="3.008", depends_usd="0", unseen_usd="0", others_usd="5.012",
        others=(_row("d", "1.004", "2.004"), _row("e", "2.004")), choice_usd="12.692",
    )  # fmt: skip
    words = history_words(found)
    mine, others = rows(found)
    said = [Decimal(one) for one in re.findall(r"\$([0-9.]+\d)", words)]
    assert sum(said[:-1]) == said[-1], words
    assert total(Decimal(one.refused_usd or "NaN") for one in mine) == said[0]
    assert total(Decimal(one.stranded_usd or "NaN") for one in mine) == said[1]
    both = [Decimal(value or "NaN") for one in others for value in (one.refused_usd, one.stranded_usd)]
    assert f"at least ${total(both)} that the same documents would hit" in words
    less = found.model_copy(update={"others_usd": "9"})
    assert [one.refused_usd for one in rows(less)[1]] == ["1.00", "2.00"], (
        "what does not add up is not made to"
    )


def test_nobody_is_hit_by_what_changes_for_others(account: Account, seen: Situation) -> None:
    plan = planned(account, seen, "role/security-audit")
    assert plan.history is not None
    assert plan.history.hits == ()
    assert pd.to_numeric(plan.history.refused_usd) == 0
