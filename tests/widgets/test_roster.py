"""Whom a change can be for: ticked from a list, taken from the evidence; and what the caller lacks for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from bedrock_guard.account.session import Account
from bedrock_guard.account.situation import Situation, example_spec
from bedrock_guard.errors import GuardError
from bedrock_guard.present import people as show
from bedrock_guard.widgets.apply_view import ApplyView
from bedrock_guard.widgets.applying import Applying
from bedrock_guard.widgets.choices import Choices

ROOT = "arn:aws:iam::111122223333"
PROFILE = example_spec().only()[1]
AUDIT = f"{ROOT}:role/security-audit"
ADMIN = f"{ROOT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_AdministratorAccess_0c1d2e3f4a5b6c7d"


@pytest.fixture
def opened(situation: Situation, tmp_path: Path) -> Callable[..., ApplyView]:
    def make(principal: str | None = None, **more: bool) -> ApplyView:
        applying = Applying(Choices(situation, example_spec()), Account.demo(principal=principal))
        applying.folder = str(tmp_path / "changes")
        view = ApplyView(applying, **more)
        view.opened()
        assert applying.roster.job.wait(120)
        return view

    return make


def plan(view: ApplyView) -> Applying:
    applying = view._applying
    view.plan.click()
    assert applying.job.wait(120)
    return applying


def test_everybody_is_listed_with_what_the_choice_refuses_them(opened: Callable[..., ApplyView]) -> None:
    view = opened()
    roster = view._applying.roster
    assert roster.people is not None
    rows = {row["id"]: row for row in view.who.list.rows}
    assert set(rows) == set(roster.people.table["arn"])
    lost = show.hits(view._applying.choices.what_if, view._applying.choices.situation)
    dear = rows[f"{ROOT}:role/contract-review-service"]
    assert f"{lost[dear['id']].calls:,} calls refused" in dear["facts"]
    assert (
        "1 call refused" in show.rows(roster.people, {dear["id"]: show.Hit(1, None)}, PROFILE, "")[0]["facts"]
    )
    assert dear["right"] == f"at least ${lost[dear['id']].refused_usd:,.2f} refused"
    badges = {row["id"].rpartition("/")[2]: row["badge"] for row in view.who.list.rows if row["badge"]}
    user = rows[f"{ROOT}:user/BedrockAPIKey-h7qz"]
    last = view._applying.choices.situation.window.end - timedelta(days=1)
    assert any(fact.endswith(f"(calls read to {last})") for fact in user["facts"]), (
        "a later use of a key is not seen"
    )
    assert not any("calls read to" in fact for fact in dear["facts"]), "IAM tells when a role was used"
    assert badges["break-glass-admin"] == "break-glass"
    assert badges["bedrock-analyst"] == "you"
    assert badges["AWSReservedSSO_BedrockDeveloper_1f2e3d4c5b6a7089"].startswith("Identity Center")
    before = dear["right"]
    view._applying.choices.approved = ("anthropic.claude-opus-4-8",)
    view.opened()
    after = next(row for row in view.who.list.rows if row["id"] == dear["id"])
    assert after["right"] != before, "the list follows the choice"


def test_callers_hit_are_ticked_but_those_who_must_stay_out(opened: Callable[..., ApplyView]) -> None:
    view = opened()
    view.who.hit.click()
    picked = view._applying.picked
    assert f"{ROOT}:role/contract-review-service" in picked
    assert all("aws-reserved" not in arn and "break-glass" not in arn for arn in picked)
    assert "Identity Center" in view.who.said.value
    assert f"{ROOT}:user/legacy-etl" not in picked, "a plan with a foreign boundary is refused"
    assert (
        "user legacy-etl (has the boundary DataTeamBoundary, not of this spec: tick “" in view.who.said.value
    )
    row = next(row for row in view.who.list.rows if row["id"] == f"{ROOT}:user/legacy-etl")
    assert row["badge"] == "boundary not of this spec"
    assert plan(view).refused is None
    view._applying.replace = True
    view.who.hit.click()
    assert f"{ROOT}:user/legacy-etl" in view._applying.picked
    view._applying.picked = picked
    assert view._applying.selection.principals == tuple(picked)
    view.who.none.click()
    assert view._applying.picked == []
    view.who.bounded.click()
    assert "No role of this account lies under bounded/*" in view.who.said.value


def test_a_caller_of_another_account_is_named_and_not_ticked(opened: Callable[..., ApplyView]) -> None:
    people = opened()._applying.roster.people
    assert people is not None
    lost = {"arn:aws:iam::000000000011:role/app": show.Hit(3, None), "<b>": show.Hit(1, None)}
    taken = show.from_hits(people, lost, PROFILE, "")
    assert taken.arns == ()
    assert taken.words.count("no user or role of this account") == 2


def test_bounded_roles_are_ticked_by_their_paths(opened: Callable[..., ApplyView]) -> None:
    people = opened()._applying.roster.people
    assert people is not None
    assert show.from_paths(people, ("search-*",), PROFILE, "").arns == (
        f"{ROOT}:role/search-api",
        f"{ROOT}:role/search-batch",
    )
    assert show.from_paths(people, (), PROFILE, "").arns == ()
    taken = show.from_paths(people, ("search-*", "break-glass-*"), PROFILE, f"{ROOT}:role/search-api")
    assert taken.arns == (f"{ROOT}:role/search-batch",)
    assert "1 of 3 roles" in taken.words
    assert "role break-glass-admin (break-glass)" in taken.words
    assert "role search-api (you)" in taken.words


def test_a_read_only_caller_sees_which_permission_is_missing(opened: Callable[..., ApplyView]) -> None:
    view = opened(AUDIT)
    assert "Apply is shut." in view.why.value
    assert "iam:PutRolePermissionsBoundary" in view.why.value
    view._applying.picked = [f"{ROOT}:role/support-assistant"]
    applying = plan(view)
    assert applying.refused is not None
    assert [one.kind for one in applying.refused.refusals] == ["permissions"]
    assert view.apply.disabled
    assert "Read-only here" in opened(writes=False).why.value
    assert opened().why.value == ""


def test_a_plan_for_another_operator_is_made_and_cannot_be_applied_here(
    opened: Callable[..., ApplyView],
) -> None:
    view = opened(AUDIT)
    view._applying.picked = [f"{ROOT}:role/support-assistant"]
    view._applying.operator = f"{ROOT}:role/bedrock-analyst"
    applying = plan(view)
    assert applying.plan is not None, applying.refused or applying.job.problem
    view.phrase.value = applying.plan.phrase
    assert view.apply.disabled
    assert "is for arn:aws:iam::111122223333:role/bedrock-analyst to apply" in view.why.value


def test_account_wide_parts_are_planned_shown_and_refused(opened: Callable[..., ApplyView]) -> None:
    view = opened(ADMIN)
    applying = view._applying
    applying.attach_scps = True
    view.plan.click()
    assert "No unit or account is named" in view.told.value
    applying.scp_targets = ["ou-demo-workload1"]
    assert "covers 2 accounts" in view.wide.told.value
    applying.enforce = True
    assert "every Bedrock call of your Region" in view.wide.told.value
    plan(view)
    assert applying.plan is not None, applying.refused or applying.job.problem
    assert "and SCPs to 1 target and enforce a guardrail in us-east-1" in applying.plan.phrase
    words = [line.words for line in applying.lines]
    assert any("to ou-demo-workload1" in one for one in words)
    assert any(one.startswith("enforce our version of guardrail") for one in words)
    assert "covers 2 accounts" in view.shown.value
    for target in ("111122223333", "r-demo", "ou-none-12345678"):
        applying.scp_targets = [target]
        assert plan(view).refused is not None, target
    applying.attach_scps, applying.enforce = False, False
    applying.picked, applying.scp_targets = [f"{ROOT}:role/policy-qa"], ["ou-demo-workload1"]
    plan(view)
    assert applying.plan is not None
    assert any("attach-policy" in line for line in applying.plan.exports)
    assert not any("SCP" in line.words for line in applying.lines)


def test_an_analyst_without_the_rights_sees_them_where_the_wish_is(opened: Callable[..., ApplyView]) -> None:
    view = opened()
    view._applying.scp_targets = ["ou-demo-workload1"]
    view._applying.attach_scps = True
    assert "organizations:AttachPolicy" in view.wide.told.value
    assert "lacks 4 permissions" in view.wide.told.value


def test_a_change_is_taken_up_after_a_restart(opened: Callable[..., ApplyView]) -> None:
    view = opened()
    applying = view._applying
    applying.picked = [f"{ROOT}:role/support-assistant", f"{ROOT}:role/policy-qa"]
    plan(view)
    assert applying.plan is not None
    applying.apply(applying.plan.phrase)
    assert applying.job.wait(120)
    again = Applying(Choices(applying.choices.situation, example_spec()), applying.account)
    fresh = ApplyView(again)
    fresh.take_up.click()
    assert "There is no journal" in fresh.told.value
    again.folder = applying.folder
    fresh.take_up.click()
    assert again.standing is not None
    assert again.standing.state == "waiting"
    assert "aria-current='step'" in fresh.steps.value
    fresh.phrase.value = again.standing.gate_phrase
    fresh.go_on.click()
    assert again.job.wait(120)
    assert again.outcome is not None
    assert again.outcome.state == "done"


def test_hostile_names_are_text(opened: Callable[..., ApplyView]) -> None:
    view = opened()
    people = view._applying.roster.people
    assert people is not None
    evil = f"{ROOT}:role/<img src=x onerror=alert(1)>\u202e\n"
    table = pd.concat([people.table, people.table.iloc[[0]].assign(arn=evil)])
    row = next(r for r in show.rows(type(people)(table, {}), {}, PROFILE, "") if "<img" in r["name"])
    assert "\n" not in row["name"]
    assert "\u202e" not in row["name"]
    view._applying.picked = [evil]
    assert "<img" not in view.who.told.value + view.told.value
    plan(view)
    assert "<img" not in view.told.value + view.shown.value


def test_a_tag_is_written_with_its_value(opened: Callable[..., ApplyView]) -> None:
    view = opened()
    view._applying.tags = "team"
    with pytest.raises(GuardError, match="KEY=VALUE"):
        _ = view._applying.selection
    view._applying.tags = "team=core, stage = prod"
    assert view._applying.selection.tags == (("team", "core"), ("stage ", " prod"))
