"""Plan, apply, go on, cancel and roll back from the workbench's state, on a demo account of its own."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest
from change_account import denied

from bedrock_guard.account.deployed import read_deployed
from bedrock_guard.account.session import Account
from bedrock_guard.account.situation import Situation, example_spec
from bedrock_guard.errors import GuardError
from bedrock_guard.present import change as show
from bedrock_guard.widgets.apply_view import ApplyView
from bedrock_guard.widgets.applying import Applying
from bedrock_guard.widgets.choices import Choices

HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
WHO = "role/support-assistant, role/contract-review-service"


@pytest.fixture
def applying(situation: Situation, tmp_path: Path) -> Applying:
    made = Applying(Choices(situation, example_spec()), Account.demo())
    made.folder = str(tmp_path / "changes")
    return made


def planned(applying: Applying) -> Applying:
    applying.targets = WHO
    applying.make()
    assert applying.job.wait(120)
    assert applying.plan is not None, applying.refused or applying.job.problem
    return applying


def test_a_change_goes_its_whole_way_and_back(applying: Applying) -> None:
    view = ApplyView(planned(applying))
    hits = show.hits(applying.plan, applying.choices.situation.name_of).html()
    assert re.search(r">\d{4}-\d\d-\d\d<", hits), "who was hit, with the last call as people read it"
    assert hits.partition("<tbody>")[2] in view.shown.value
    assert view.apply.disabled
    assert f"<code class='bg-phrase'>{html.escape(applying.plan.phrase)}</code>" in view.told.value
    assert [one["text"] for one in view.to_type.documents] == [applying.plan.phrase], "to copy"
    view.phrase.value = applying.plan.phrase
    assert not view.apply.disabled
    view.apply.click()
    assert applying.job.wait(120)
    assert applying.outcome.state == "waiting"
    assert applying.plan is None, "a plan is applied once"
    view.verify.click()
    assert applying.check.wait(120)
    assert sorted(applying.verified["state"]) == ["as asked", "missing"], (
        "the canary has it, the other not yet"
    )
    assert "1 missing, 1 as asked" in view.found.value
    assert [one["text"] for one in view.to_type.documents] == [applying.outcome.gate_phrase]
    view.phrase.value = applying.outcome.gate_phrase
    assert not view.go_on.disabled, "verifying leaves the change where it was"
    view.go_on.click()
    assert applying.job.wait(120)
    assert applying.outcome.state == "done"
    assert applying.deployed.documents["bedrock-guard-boundary"]
    assert view.found.value == "", "what was verified before a change is not of now"
    assert view.back.disabled
    view.word.value = "roll back"
    view.back.click()
    assert applying.job.wait(120)
    assert applying.outcome.state == "rolled_back"
    assert applying.deployed.documents == {}
    assert view.word.value == "", "what was typed is used up"
    view.verify.click()
    assert applying.check.wait(120)
    assert "this is as it was before. Against the choice as it is now: 2 missing" in view.found.value
    assert view.to_type.documents == []
    back = sum(line.state == "taken back" for line in applying.lines)
    assert back > 0
    assert (
        f"{back} of {len(applying.lines)} steps are taken back; {len(applying.lines) - back} had changed nothing."
        in view.steps.value
    )
    assert "are over" not in view.steps.value


def states(applying: Applying) -> dict[str, str]:
    applying.verify()
    assert applying.check.wait(120)
    frame = applying.verified
    return {
        who.rpartition("/")[2]: state for who, state in zip(frame["principal"], frame["state"], strict=True)
    }


def test_verify_says_of_each_target_what_holds_it(applying: Applying) -> None:
    view = ApplyView(applying, writes=False)
    view.verify.click()
    assert "Nobody is named" in view.told.value
    planned(applying)
    iam = applying.account.client("iam")
    built = applying.choices.consequences.built
    names = {
        packed.name: iam.create_policy(PolicyName=packed.name, PolicyDocument=json.dumps(packed.document))
        for packed in built.packed
        if packed.kind != "scp"
    }
    arns = {name: made["Policy"]["Arn"] for name, made in names.items()}
    other = iam.create_policy(PolicyName="not-ours", PolicyDocument=json.dumps(built.boundary))["Policy"][
        "Arn"
    ]
    boundary = arns.pop("bedrock-guard-boundary")
    iam.put_role_permissions_boundary(RoleName="support-assistant", PermissionsBoundary=boundary)
    for arn in arns.values():
        iam.attach_role_policy(RoleName="support-assistant", PolicyArn=arn)
    iam.put_role_permissions_boundary(RoleName="contract-review-service", PermissionsBoundary=other)
    assert states(applying) == {"support-assistant": "as asked", "contract-review-service": "foreign"}
    assert applying.plan is not None, "reading ends no plan"
    assert "not-ours" in view.table.value

    applying.choices.approved = (HAIKU,)
    assert applying.verified is None
    assert view.found.value == ""
    assert states(applying)["support-assistant"] == "weaker"
    assert "bedrock:" in view.table.value, "the witness is shown"


def test_any_change_of_choice_or_wish_ends_the_plan(applying: Applying) -> None:
    planned(applying)
    applying.choices.approved = (HAIKU,)
    assert applying.plan is None
    planned(applying)
    applying.replace = True
    assert applying.plan is None
    with pytest.raises(GuardError, match="no plan"):
        applying.apply("apply anything")


def test_another_phrase_writes_nothing(applying: Applying) -> None:
    planned(applying).apply("apply 000000 to 2 principals in 111122223333")
    assert applying.job.wait(120)
    assert applying.job.state == "failed"
    assert applying.journal is None
    assert read_deployed(applying.account, applying.choices.profile).documents == {}


def test_cancel_stops_between_steps_and_what_was_done_can_be_taken_back(applying: Applying) -> None:
    view = ApplyView(planned(applying))
    seen: list[list[str]] = []

    def stop(change: dict) -> None:
        seen.append([line.state for line in change["new"]])
        if "done" in seen[-1]:
            applying.cancel()

    applying.observe(stop, names="lines")
    applying.apply(applying.plan.phrase)
    assert applying.job.wait(120)
    assert applying.stopped
    assert "Cancelled." in view.told.value
    assert not view.go_on.disabled
    assert seen[-1].count("done") == 1
    assert set(seen[-1][1:]) == {"to come"}
    applying.roll_back()
    assert applying.job.wait(120)
    assert applying.outcome.state == "rolled_back"
    assert read_deployed(applying.account, applying.choices.profile).documents == {}


def test_reasons_against_a_plan_are_all_shown(applying: Applying) -> None:
    view = ApplyView(applying)
    view.plan.click()
    assert "Nobody is named" in view.told.value
    applying.targets = "role/break-glass-admin\nrole/<img src=x onerror=alert(1)>"
    view.plan.click()
    applying.job.wait(120)
    assert "role='alert'" in view.told.value
    assert "<img" not in view.told.value + view.shown.value
    assert view.shown.value.count("<li>") == len(applying.refused.refusals) >= 2
    assert all(html.escape(one.what) in view.shown.value for one in applying.refused.refusals)


def test_read_only_and_without_an_account_nothing_can_be_applied(
    applying: Applying, situation: Situation
) -> None:
    view = ApplyView(planned(applying), writes=False)
    view.phrase.value = applying.plan.phrase
    assert view.apply.disabled
    alone = ApplyView(Applying(Choices(situation, example_spec()), None))
    assert alone.plan.disabled
    assert "No account is open" in alone.told.value


def test_a_wish_that_changed_while_it_was_planned_gives_no_plan(applying: Applying) -> None:
    applying.targets = WHO
    seen: list[str] = []

    def change(event: dict) -> None:
        if event["new"].startswith("Reading") and not seen:
            seen.append(event["new"])
            applying.limit = 7

    applying.job.observe(change, names="message")
    applying.make()
    assert applying.job.wait(120)
    assert applying.plan is None
    assert applying.job.problem is not None
    assert "changed while it was planned" in applying.job.problem.what
    assert not Path(applying.folder).exists(), "nothing was kept"


def test_a_plan_that_is_refused_at_its_phrase_leaves_the_change_before_in_hand(applying: Applying) -> None:
    planned(applying).apply(applying.plan.phrase)
    assert applying.job.wait(120)
    first = applying.journal
    assert first is not None
    applying.targets = "role/policy-qa"
    assert {line.state for line in applying.lines} >= {"waiting", "done"}
    applying.roster.job.wait(120)
    applying.targets = WHO
    view = ApplyView(applying)
    view.opened()
    assert [value for _, value in view.journals.options] == ["", first.name]
    assert view.journals.options[1][0].endswith(": waiting")
    applying.make()
    assert applying.job.wait(120)
    assert applying.plan is not None
    assert {line.state for line in applying.lines} == {"to come"}
    applying.apply("apply 000000 to nobody")
    assert applying.job.wait(120)
    assert applying.journal == first
    applying.targets = "role/policy-qa"
    assert "waiting" in {line.state for line in applying.lines}, "of the change that was begun"
    applying.roll_back()
    assert applying.job.wait(120)
    assert applying.standing.state == "rolled back"


def test_another_change_of_the_folder_is_taken_up_by_its_name(applying: Applying) -> None:
    for _ in range(2):
        planned(applying).apply(applying.plan.phrase)
        assert applying.job.wait(120)
        applying.roll_back()
        assert applying.job.wait(120)
        applying.account.clock.sleep(60)
    names = [name for name, _ in applying.changes]
    assert len(names) == 2
    with pytest.raises(GuardError, match="2 journals"):
        applying.take_up()
    applying.take_up(names[0])
    assert applying.journal.name == names[0]
    assert applying.standing.state == "rolled back"


def test_new_denials_stop_it_and_are_borne_only_when_that_is_said(applying: Applying) -> None:
    view = ApplyView(planned(applying))
    applying.apply(applying.plan.phrase)
    assert applying.job.wait(120)
    assert view.bear.layout.display == "none"
    denied(applying.account.demo_backend, "support-assistant")
    view.phrase.value = applying.outcome.gate_phrase
    view.go_on.click()
    assert applying.job.wait(120)
    assert "1 new denial since the change began" in view.told.value
    assert applying.standing.state == "halted"
    assert view.bear.layout.display == ""
    assert not view.go_on.disabled
    view.go_on.click()
    assert applying.job.wait(120)
    assert applying.standing.state == "halted", "not borne unless it is said"
    view.bear.value = True
    view.go_on.click()
    assert applying.job.wait(120)
    assert applying.standing.state == "done"
    assert any(line.note == "New denials were borne." for line in applying.lines)
    assert not view.bear.value, "said once, for this one"
