"""What somebody else does between the plan and its application, or in the middle of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from change_account import (
    BOUNDARY,
    LEGACY,
    MEMBER,
    OU,
    ROOT,
    denied,
    document,
    dump,
    journal_in,
    session_of,
    to_the_end,
    whole_wish,
)

from bedrock_guard.account.session import Account
from bedrock_guard.change.apply import StepReport, apply, resume, rollback
from bedrock_guard.change.errors import ChangeError, HaltedError, JournalError, MovedError, PlanFileError
from bedrock_guard.change.journal import Journal
from bedrock_guard.change.look import Look
from bedrock_guard.change.plan import Plan, make_plan
from bedrock_guard.change.status import status
from bedrock_guard.demo.dispatch import Backend
from bedrock_guard.demo.faults import Fault

Act = Callable[[Account], Any]


def other_default(admin: Account) -> None:
    admin.client("iam").set_default_policy_version(PolicyArn=BOUNDARY, VersionId="v2")


def other_version(admin: Account) -> None:
    iam = admin.client("iam")
    iam.delete_policy_version(PolicyArn=BOUNDARY, VersionId="v2")
    iam.create_policy_version(
        PolicyArn=BOUNDARY,
        PolicyDocument=json_of(document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})),
    )


def json_of(value: Any) -> str:
    import json

    return json.dumps(value)


def other_boundary(admin: Account) -> None:
    admin.client("iam").put_role_permissions_boundary(
        RoleName="app-02", PermissionsBoundary="arn:aws:iam::aws:policy/PowerUserAccess"
    )


def recreated(admin: Account) -> None:
    iam = admin.client("iam")
    iam.delete_role_policy(RoleName="app-02", PolicyName="own")
    iam.delete_role_permissions_boundary(RoleName="app-02")
    iam.delete_role(RoleName="app-02")
    trust = json_of(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": f"{ROOT}:root"}, "Action": "sts:AssumeRole"}
            ],
        }
    )
    iam.create_role(RoleName="app-02", AssumeRolePolicyDocument=trust, PermissionsBoundary=LEGACY)


def deleted(admin: Account) -> None:
    iam = admin.client("iam")
    iam.delete_role_policy(RoleName="app-02", PolicyName="own")
    iam.delete_role_permissions_boundary(RoleName="app-02")
    iam.delete_role(RoleName="app-02")


def joined(admin: Account) -> None:
    admin.client("iam").put_role_permissions_boundary(RoleName="break-glass", PermissionsBoundary=BOUNDARY)


def attached(admin: Account) -> None:
    admin.client("iam").attach_role_policy(
        RoleName="app-02", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess"
    )


def scp_detached(admin: Account) -> None:
    admin.client("organizations").detach_policy(PolicyId="p-oldscp01", TargetId=OU)


def draft_changed(admin: Account) -> None:
    bedrock = admin.client("bedrock")
    (one,) = bedrock.list_guardrails()["guardrails"]
    words = {"managedWordListsConfig": [{"type": "PROFANITY"}]}
    said = {"blockedInputMessaging": "Other.", "blockedOutputsMessaging": "No."}
    bedrock.update_guardrail(
        guardrailIdentifier=one["id"], name="team-language", wordPolicyConfig=words, **said
    )
    admin.clock.sleep(10)


def enforcement_ended(admin: Account) -> None:
    bedrock = admin.client("bedrock")
    (one,) = bedrock.list_enforced_guardrails_configuration()["guardrailsConfig"]
    bedrock.delete_enforced_guardrail_configuration(configId=one["configId"])


ACTS = [
    other_default, other_version, other_boundary, recreated, deleted, joined, attached, scp_detached, draft_changed,
    enforcement_ended,
]  # fmt: skip


@pytest.fixture
def admin(backend: Backend) -> Account:
    return session_of(backend, f"{ROOT}:role/admin")


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_what_moved_between_plan_and_apply_is_said_and_nothing_is_sent(
    backend: Backend, operator: Account, admin: Account, tmp_path: Path, act: Act
) -> None:
    plan = make_plan(operator, whole_wish())
    act(admin)
    moved = dump(backend.state.path)
    with pytest.raises(MovedError) as caught:
        apply(plan, operator, tmp_path, phrase=plan.phrase)
    assert "moved since the plan was made" in caught.value.what
    assert "plan" in caught.value.remedy
    assert dump(backend.state.path) == moved
    assert list(tmp_path.glob("*.jsonl")) == []


@pytest.mark.parametrize(
    "act", [other_default, other_boundary, recreated, deleted, joined], ids=lambda act: act.__name__
)
def test_what_moves_at_the_gate_stops_and_is_not_overwritten(
    backend: Backend, operator: Account, admin: Account, tmp_path: Path, act: Act
) -> None:
    plan = make_plan(operator, whole_wish())
    first = apply(plan, operator, tmp_path, phrase=plan.phrase)
    act(admin)
    iam = admin.client("iam")
    with pytest.raises(MovedError) as caught:
        to_the_end(plan, operator, tmp_path)
    assert "moved" in caught.value.what
    default = iam.get_policy(PolicyArn=BOUNDARY)["Policy"]["DefaultVersionId"]
    assert first.gate_phrase
    outcome = rollback(journal_in(tmp_path), operator)
    app_01 = iam.get_role(RoleName="app-01")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
    assert app_01 == BOUNDARY
    if act is other_default:
        assert default == iam.get_policy(PolicyArn=BOUNDARY)["Policy"]["DefaultVersionId"] == "v2"
    if act is other_boundary:
        role = iam.get_role(RoleName="app-02")["Role"]
        assert role["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith("PowerUserAccess")
    assert outcome.state == "rolled_back"


def no_rescuer(admin: Account) -> None:
    iam = admin.client("iam")
    for name in iam.list_role_policies(RoleName="break-glass")["PolicyNames"]:
        iam.delete_role_policy(RoleName="break-glass", PolicyName=name)
    for held in iam.list_attached_role_policies(RoleName="break-glass")["AttachedPolicies"]:
        iam.detach_role_policy(RoleName="break-glass", PolicyArn=held["PolicyArn"])
    iam.delete_role(RoleName="break-glass")


def bound_rescuer(admin: Account) -> None:
    admin.client("iam").put_role_permissions_boundary(RoleName="break-glass", PermissionsBoundary=LEGACY)


@pytest.mark.parametrize("act", [no_rescuer, bound_rescuer], ids=lambda act: act.__name__)
def test_a_break_glass_principal_lost_since_the_plan_stops_it(
    operator: Account, admin: Account, tmp_path: Path, act: Act
) -> None:
    plan = make_plan(operator, whole_wish())
    act(admin)
    with pytest.raises(MovedError, match="role/break-glass"):
        apply(plan, operator, tmp_path, phrase=plan.phrase)


def test_done_is_not_said_of_what_somebody_undid_meanwhile(
    operator: Account, admin: Account, tmp_path: Path
) -> None:
    plan = make_plan(operator, whole_wish())

    def undo(report: StepReport) -> None:
        if report.state == "done" and report.step.words().startswith("give role/app-02"):
            admin.client("iam").delete_role_permissions_boundary(RoleName="app-02")

    outcome = to_the_end(plan, operator, tmp_path, on_step=undo)
    assert outcome.state == "done"
    assert outcome.words == f"All {len(plan.steps)} steps were done, but somebody undid 1; make a new plan."
    (note,) = outcome.notes
    assert note.startswith("No longer so: give role/app-02 the boundary")
    assert status(tmp_path).lines[-1] == f"Note: {note}"


def test_a_plan_that_was_begun_is_gone_on_with_not_planned_anew(operator: Account, tmp_path: Path) -> None:
    """What moved then is what it did itself."""
    plan = make_plan(operator, whole_wish())
    apply(plan, operator, tmp_path, phrase=plan.phrase)
    for remedy in ("Use resume, rollback or status.", "It was rolled back. Make a new plan."):
        with pytest.raises(JournalError, match="this plan was begun") as caught:
            apply(plan, operator, tmp_path, phrase=plan.phrase)
        assert caught.value.remedy == remedy
        rollback(journal_in(tmp_path), operator)


def test_a_lost_journal_leaves_a_way_back_by_hand(
    backend: Backend, operator: Account, admin: Account, tmp_path: Path
) -> None:
    """The marker would keep every later change out: the script of the plan takes it down too."""
    plan = make_plan(operator, whole_wish())
    apply(plan, operator, tmp_path, phrase=plan.phrase)
    journal_in(tmp_path).unlink()
    assert plan.rollback_commands[-1] == f"aws iam delete-policy --policy-arn {plan.marker}"
    admin.client("iam").delete_policy(PolicyArn=plan.marker)


def test_a_rollback_is_for_the_operator_and_says_who_else_can(
    operator: Account, admin: Account, tmp_path: Path
) -> None:
    plan = make_plan(operator, whole_wish())
    apply(plan, operator, tmp_path, phrase=plan.phrase)
    with pytest.raises(ChangeError) as caught:
        rollback(journal_in(tmp_path), admin)
    assert ".rollback.sh" in caught.value.remedy


def test_another_plan_under_the_name_of_one_is_refused(operator: Account, tmp_path: Path) -> None:
    """As when a plan is edited after its review and its hash made anew."""
    plan = make_plan(operator, whole_wish())
    other = plan.model_copy(update={"selection": "edited"})
    reviewed = plan.save(tmp_path / "one")
    shutil.copy(other.save(tmp_path / "two"), reviewed)
    with pytest.raises(PlanFileError, match="holds another plan"):
        Plan.load(reviewed)


def test_the_phrase_counts_whom_the_steps_touch_whatever_the_plan_says_of_people(operator: Account) -> None:
    """As in a plan that somebody wrote anew, hash and all."""
    plan = make_plan(operator, whole_wish())
    (step,) = (one for one in plan.steps if one.do == "put_boundary" and one.name == "app-02")
    more = step.model_copy(update={"name": "admin", "arn": f"{ROOT}:role/admin", "key": "999.put_boundary"})
    other = plan.model_copy(update={"steps": (*plan.steps, more)})
    assert "to 4 principals" in other.phrase


def test_rollback_leaves_alone_what_is_not_ours_any_more(
    backend: Backend, operator: Account, admin: Account, tmp_path: Path
) -> None:
    plan = make_plan(operator, whole_wish())
    to_the_end(plan, operator, tmp_path)
    other_boundary(admin)
    enforcement_ended(admin)
    outcome = rollback(journal_in(tmp_path), operator)
    assert outcome.words == "Back, but for the notes."
    told = "\n".join(outcome.notes)
    assert "boundary of role/app-02 moved" in told
    assert "enforced guardrail of us-east-1 moved" in told
    role = admin.client("iam").get_role(RoleName="app-02")["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith("PowerUserAccess")
    assert admin.client("bedrock").list_enforced_guardrails_configuration()["guardrailsConfig"] == []


def _default(admin: Account) -> Any:
    return admin.client("iam").get_policy(PolicyArn=BOUNDARY)["Policy"]["DefaultVersionId"]


def _versions(admin: Account) -> set[str]:
    rows = admin.client("iam").list_policy_versions(PolicyArn=BOUNDARY)["Versions"]
    return {row["VersionId"] for row in rows}


def _app_02(admin: Account) -> dict[str, Any] | None:
    iam = admin.client("iam")
    try:
        held = iam.list_attached_role_policies(RoleName="app-02")["AttachedPolicies"]
        body = iam.get_role(RoleName="app-02")["Role"]
    except iam.exceptions.NoSuchEntityException:
        return None
    return {"id": body["RoleId"], "boundary": body.get("PermissionsBoundary"), "attached": held}


def _draft(admin: Account) -> Any:
    (one,) = admin.client("bedrock").list_guardrails()["guardrails"]
    return admin.client("bedrock").get_guardrail(guardrailIdentifier=one["id"])["blockedInputMessaging"]


FOREIGN: list[tuple[Act, Act]] = [
    (other_default, _default), (recreated, _app_02), (deleted, _app_02), (draft_changed, _draft),
    (other_version, lambda admin: "v7" in _versions(admin)),
    (attached, lambda admin: (_app_02(admin) or {})["attached"]),
]  # fmt: skip


@pytest.mark.parametrize(("act", "now"), FOREIGN, ids=lambda one: one.__name__.strip("_"))
def test_what_somebody_did_after_the_change_is_never_taken_back_with_it(
    operator: Account, admin: Account, tmp_path: Path, act: Act, now: Act
) -> None:
    plan = make_plan(operator, whole_wish())
    to_the_end(plan, operator, tmp_path)
    act(admin)
    theirs = now(admin)
    outcome = rollback(journal_in(tmp_path), operator)
    assert outcome.state == "rolled_back"
    assert now(admin) == theirs
    if act in (other_default, recreated, deleted, draft_changed):
        assert any("moved" in note for note in outcome.notes)
    assert status(tmp_path).state == "rolled back"
    assert "v6" not in _versions(admin), "ours is gone"
    admin.client("organizations").describe_policy(PolicyId="p-oldscp01")


def test_a_clock_that_is_wrong_stops_it_and_once_right_it_goes_on(
    backend: Backend, operator: Account, tmp_path: Path
) -> None:
    plan = make_plan(operator, whole_wish())
    backend.faults.set(Fault("iam:PutRolePermissionsBoundary", "clock_skew", seconds=3_600))
    with pytest.raises(HaltedError, match="SignatureDoesNotMatch"):
        apply(plan, operator, tmp_path, phrase=plan.phrase)
    assert status(tmp_path).state == "halted"
    backend.faults.set()
    assert to_the_end(plan, operator, tmp_path).state == "done"


def test_what_aws_said_is_told_when_a_write_never_works(
    backend: Backend, operator: Account, tmp_path: Path
) -> None:
    plan = make_plan(operator, whole_wish())
    backend.faults.set(Fault("iam:CreatePolicyVersion", "throttle"))
    with pytest.raises(HaltedError, match="6 attempts: stage the new text") as caught:
        apply(plan, operator, tmp_path, phrase=plan.phrase)
    assert "Throttling" in caught.value.why
    said = [
        r["data"].get("said", "") for r in Journal.look(journal_in(tmp_path)).records if r["kind"] == "answer"
    ]
    assert sum("Rate exceeded" in text for text in said) == 6
    assert any(line.startswith("Why: ") and "Throttling" in line for line in status(tmp_path).lines)
    backend.faults.set()
    assert to_the_end(plan, operator, tmp_path).state == "done"


def test_two_applies_at_once(backend: Backend, operator: Account, tmp_path: Path) -> None:
    """The second one is on another machine: it has another folder, and only the account to tell it."""
    plan = make_plan(operator, whole_wish())
    apply(plan, operator, tmp_path / "one", phrase=plan.phrase, owner="ana@one")
    with pytest.raises(MovedError) as caught:
        apply(plan, operator, tmp_path / "two", phrase=plan.phrase, owner="ben@two")
    assert "A change is in progress" in caught.value.remedy


def test_the_marker_keeps_a_second_machine_out_until_it_takes_over(
    backend: Backend, operator: Account, tmp_path: Path
) -> None:
    plan = make_plan(operator, whole_wish())
    waiting = apply(plan, operator, tmp_path / "one", phrase=plan.phrase, owner="ana@one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    copy = journal_in(tmp_path / "two")
    with pytest.raises(ChangeError, match="in progress, by ana@one"):
        resume(copy, operator, phrase=waiting.gate_phrase, owner="ben@two")
    second = resume(copy, operator, owner="ben@two", take_over=True)
    assert second.state == "waiting"
    assert second.gate_phrase == waiting.gate_phrase, "a gate is not opened by a run that is kept out"
    with pytest.raises(ChangeError, match="in progress, by ben@two"):
        resume(journal_in(tmp_path / "one"), operator, phrase=waiting.gate_phrase, owner="ana@one")
    assert rollback(copy, operator, owner="ben@two").state == "rolled_back"


def test_a_run_whose_marker_was_taken_over_stops_before_its_next_write(
    backend: Backend, operator: Account, admin: Account, tmp_path: Path
) -> None:
    plan = make_plan(operator, whole_wish())
    backend.faults.set(
        Fault(
            "iam:CreatePolicyVersion",
            "other_admin",
            at=(1,),
            act=lambda _: admin.client("iam").delete_policy(PolicyArn=plan.marker),
        )
    )
    with pytest.raises(HaltedError, match="marker of this change is no longer ours"):
        apply(plan, operator, tmp_path, phrase=plan.phrase)
    versions = admin.client("iam").list_policy_versions(PolicyArn=BOUNDARY)["Versions"]
    assert [v["VersionId"] for v in versions] == ["v6", "v5", "v4", "v3", "v2"]
    role = admin.client("iam").get_role(RoleName="app-01")["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == BOUNDARY


def test_the_same_journal_is_written_by_one_process(operator: Account, tmp_path: Path) -> None:
    plan = make_plan(operator, whole_wish())
    apply(plan, operator, tmp_path, phrase=plan.phrase)
    with Journal.open(journal_in(tmp_path)), pytest.raises(JournalError, match="Another process holds"):
        resume(journal_in(tmp_path), operator)
    with pytest.raises(ChangeError):
        apply(plan, operator, tmp_path, phrase=plan.phrase)


def test_new_denials_stop_the_waves(backend: Backend, operator: Account, tmp_path: Path) -> None:
    plan = make_plan(operator, whole_wish())
    waiting = apply(plan, operator, tmp_path, phrase=plan.phrase)
    denied(backend)
    with pytest.raises(HaltedError, match="1 new denial since the change began"):
        resume(journal_in(tmp_path), operator, phrase=waiting.gate_phrase)
    with pytest.raises(HaltedError, match="1 new denial "):
        resume(journal_in(tmp_path), operator)
    borne = resume(journal_in(tmp_path), operator, bear_denials=True)
    assert borne.state == "waiting"


def test_a_plan_past_its_validity(operator: Account, tmp_path: Path) -> None:
    plan = make_plan(operator, whole_wish(valid_hours=1))
    operator.clock.sleep(3_700)
    with pytest.raises(PlanFileError, match="valid until"):
        apply(plan, operator, tmp_path, phrase=plan.phrase)


def test_a_plan_for_another_operator(
    backend: Backend, operator: Account, admin: Account, tmp_path: Path
) -> None:
    plan = make_plan(operator, whole_wish())
    with pytest.raises(ChangeError, match="These credentials are"):
        apply(plan, admin, tmp_path, phrase=plan.phrase)
    made_for = make_plan(admin, whole_wish(operator=operator_arn()))
    assert apply(made_for, operator, tmp_path, phrase=made_for.phrase).state == "waiting"


def test_a_plan_and_a_journal_of_another_account(backend: Backend, operator: Account, tmp_path: Path) -> None:
    """Refused in every command, before anything else is asked; the account stays as it is."""
    plan = make_plan(operator, whole_wish())
    apply(plan, operator, tmp_path / "begun", phrase=plan.phrase)
    elsewhere = session_of(backend, f"arn:aws:iam::{MEMBER}:root")
    before = dump(backend.state.path)
    calls = [
        lambda: apply(plan, elsewhere, tmp_path / "new", phrase=plan.phrase),
        lambda: resume(journal_in(tmp_path / "begun"), elsewhere),
        lambda: rollback(journal_in(tmp_path / "begun"), elsewhere),
    ]
    for call in calls:
        with pytest.raises(ChangeError, match=f"for account {MEMBER}") as caught:
            call()
        assert caught.value.remedy
    assert dump(backend.state.path) == before
    assert not (tmp_path / "new").exists()


def operator_arn() -> str:
    return f"{ROOT}:role/guard-operator"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("v1", "v2", 1),
        lambda text: text[:-30],
        lambda _: "[]",
        lambda _: "{",
        lambda _: "",
    ],
)
def test_an_edited_plan_is_no_plan(operator: Account, tmp_path: Path, change: Callable[[str], str]) -> None:
    path = make_plan(operator, whole_wish()).save(tmp_path)
    path.write_text(change(path.read_text()))
    with pytest.raises(PlanFileError):
        Plan.load(path)


def test_a_plan_written_anew_with_a_text_that_is_no_policy(operator: Account, tmp_path: Path) -> None:
    """Its hash fits; what it would create does not."""
    plan = make_plan(operator, whole_wish())
    steps = tuple(one.model_copy(update={"text": "x"}) if hasattr(one, "text") else one for one in plan.steps)
    path = plan.model_copy(update={"steps": steps}).save(tmp_path)
    with pytest.raises(PlanFileError, match="is no plan"):
        Plan.load(path)


def test_stopped_between_two_steps_and_gone_on_with(operator: Account, tmp_path: Path) -> None:
    plan = make_plan(operator, whole_wish())
    seen: list[int] = []
    outcome = apply(
        plan,
        operator,
        tmp_path,
        phrase=plan.phrase,
        on_step=lambda r: seen.append(r.number),
        cancel=lambda: len(seen) >= 4,
    )
    assert outcome.state == "cancelled"
    assert to_the_end(plan, operator, tmp_path).state == "done"


def test_two_machines_that_begin_at_the_same_moment(
    backend: Backend, operator: Account, admin: Account, tmp_path: Path
) -> None:
    """Both found the account as planned; CreatePolicy of the marker lets one through."""
    plan = make_plan(operator, whole_wish())
    before = dump(backend.state.path)

    def other(_: Any) -> None:
        said = "bedrock-guard change in progress; run=0123456789abcdef; owner=ana@one"
        text = json_of(document({"Effect": "Deny", "Action": "iam:GetPolicy", "Resource": "*"}))
        name = plan.marker.rpartition("/")[2]
        admin.client("iam").create_policy(PolicyName=name, PolicyDocument=text, Description=said)

    backend.faults.set(Fault("iam:CreatePolicy", "other_admin", at=(1,), act=other))
    with pytest.raises(ChangeError, match="in progress, by ana@one"):
        apply(plan, operator, tmp_path, phrase=plan.phrase, owner="ben@two")
    backend.faults.set()
    assert rollback(journal_in(tmp_path), operator, owner="ben@two").words == "Nothing had been changed."
    assert admin.client("iam").get_policy(PolicyArn=plan.marker)["Policy"]["Description"].endswith("ana@one")
    admin.client("iam").delete_policy(PolicyArn=plan.marker)
    assert dump(backend.state.path) == before


def test_a_list_of_users_that_repeats_its_marker_is_given_up(
    operator: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    iam = operator.client("iam")
    real = iam.list_entities_for_policy

    def repeating(**asked: Any) -> dict[str, Any]:
        asked.pop("Marker", None)
        return {**real(**asked), "IsTruncated": True, "Marker": "again"}

    monkeypatch.setattr(iam, "list_entities_for_policy", repeating)
    with pytest.raises(ChangeError, match="repeated"):
        Look(operator).uses(BOUNDARY)
