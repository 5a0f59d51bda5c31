"""Plan, apply through the gates, roll back: on the demo account, which enforces the operator's own policy."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from change_account import (
    BOUNDARY,
    LEGACY,
    ROOT,
    TARGETS,
    A,
    built,
    dump,
    journal_in,
    session_of,
    to_the_end,
    whole_wish,
)

from bedrock_guard.account.session import Account
from bedrock_guard.boundary.prompt_rules import PromptRules
from bedrock_guard.change.apply import apply, resume, rollback
from bedrock_guard.change.errors import ChangeError, PlanFileError
from bedrock_guard.change.plan import Plan, make_plan
from bedrock_guard.change.wish import Wish
from bedrock_guard.demo.dispatch import Backend
from bedrock_guard.present import change as show

WRITES = ("Create", "Put", "Delete", "Set", "Attach", "Detach", "Update", "Tag")


def writes(backend: Backend) -> list[str]:
    return [call for call in backend.calls if call.partition(":")[2].startswith(WRITES)]


def test_a_plan_writes_nothing_and_counts_everybody(backend: Backend, operator: Account) -> None:
    before = dump(backend.state.path)
    plan = make_plan(operator, whole_wish())
    assert dump(backend.state.path) == before
    assert writes(backend) == []
    assert plan.phrase == (
        f"apply {plan.id[:6]} to 3 principals in {A} and to 1 not named that use the policy"
        " and SCPs to 1 target and enforce a guardrail in us-east-1"
    )
    assert plan.bystanders == ("user/dev-002",)
    assert "by a policy that they have already: 1." in show.targets(plan).caption
    kinds = [step.do for step in plan.steps]
    assert kinds.index("soak") < kinds.index("flip") < kinds.index("attach_scp") < kinds.index("enforce")
    assert kinds.index("prune") < kinds.index("stage") < kinds.index("soak")
    (prune,) = (step for step in plan.steps if step.do == "prune")
    assert prune.version != plan.fingerprint["policy bedrock-guard-boundary"]["default"]


def test_the_plan_file_is_named_by_its_hash(operator: Account, tmp_path: Path) -> None:
    plan = make_plan(operator, whole_wish())
    path = plan.save(tmp_path)
    assert path.name == f"plan-{plan.id[:12]}.json"
    assert Plan.load(path) == plan
    path.write_text(path.read_text().replace('"limit": 25', '"limit": 26'))
    with pytest.raises(PlanFileError, match="edited"):
        Plan.load(path)


def test_nothing_is_written_without_the_phrase(backend: Backend, operator: Account, tmp_path: Path) -> None:
    plan = make_plan(operator, whole_wish())
    for typed in ("", "yes", plan.phrase.replace("3 principals", "2 principals"), plan.phrase[:-1]):
        with pytest.raises(ChangeError, match="not the phrase"):
            apply(plan, operator, tmp_path, phrase=typed)
    assert writes(backend) == []
    assert list(tmp_path.glob("*.jsonl")) == []


def test_apply_stops_at_its_gates_and_ends_as_planned(
    backend: Backend, operator: Account, tmp_path: Path
) -> None:
    plan = make_plan(operator, whole_wish())
    first = apply(plan, operator, tmp_path, phrase=plan.phrase)
    assert first.state == "waiting"
    iam = session_of(backend, f"{ROOT}:role/admin").client("iam")
    boundary = iam.get_role(RoleName="app-01")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
    assert boundary == f"{BOUNDARY}-canary"
    assert iam.get_policy(PolicyArn=BOUNDARY)["Policy"]["DefaultVersionId"] == "v3"
    with pytest.raises(ChangeError, match="not the phrase of the gate"):
        resume(journal_in(tmp_path), operator, phrase="continue")
    assert to_the_end(plan, operator, tmp_path).state == "done"
    for name in TARGETS:
        kind, _, who = name.partition("/")
        body = iam.get_user(UserName=who)["User"] if kind == "user" else iam.get_role(RoleName=who)["Role"]
        assert body["PermissionsBoundary"]["PermissionsBoundaryArn"] == BOUNDARY
    assert iam.get_policy(PolicyArn=BOUNDARY)["Policy"]["DefaultVersionId"] == "v6"
    bedrock = operator.client("bedrock")
    (enforced,) = bedrock.list_enforced_guardrails_configuration()["guardrailsConfig"]
    assert enforced["guardrailVersion"] == "2"


def test_rollback_gives_the_former_account_back(backend: Backend, operator: Account, tmp_path: Path) -> None:
    before = dump(backend.state.path)
    plan = make_plan(operator, whole_wish())
    to_the_end(plan, operator, tmp_path)
    assert dump(backend.state.path) != before
    outcome = rollback(journal_in(tmp_path), operator)
    assert outcome.state == "rolled_back"
    assert outcome.notes == ("The text of v1 of bedrock-guard-boundary is v7 now.",)
    assert dump(backend.state.path) == before
    iam = operator.client("iam")
    role = iam.get_role(RoleName="app-02")["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == LEGACY
    again = rollback(journal_in(tmp_path), operator)
    assert again.notes == outcome.notes
    with pytest.raises(ChangeError, match="rolled back"):
        resume(journal_in(tmp_path), operator)


def test_the_way_back_by_hand_is_a_script_that_a_shell_reads(operator: Account, tmp_path: Path) -> None:
    plan = make_plan(operator, whole_wish())
    path = plan.save(tmp_path)
    script = path.with_name(f"{plan.name}.rollback.sh")
    subprocess.run(["bash", "-n", str(script)], check=True)
    text = script.read_text()
    for line in (
        "aws iam put-role-permissions-boundary --role-name app-02 --permissions-boundary " + LEGACY,
        f"aws iam set-default-policy-version --policy-arn {BOUNDARY} --version-id v3",
        "aws bedrock put-enforced-guardrail-configuration",
        "aws organizations detach-policy",
    ):
        assert line in text
    review = path.with_suffix(".md").read_text()
    assert plan.phrase in review
    assert "## The way back, by hand" in review


def test_a_guardrail_that_looks_at_images_too_is_made_and_taken_back(
    backend: Backend, operator: Account, tmp_path: Path
) -> None:
    """Its filters hold lists of plain words; so does the guardrail that was there."""
    bedrock = session_of(backend, f"{ROOT}:role/admin").client("bedrock")
    (one,) = bedrock.list_guardrails()["guardrails"]
    strength = {"inputStrength": "LOW", "outputStrength": "LOW", "inputModalities": ["TEXT"]}
    bedrock.update_guardrail(
        guardrailIdentifier=one["id"], name="team-language", blockedInputMessaging="No.",
        blockedOutputsMessaging="No.", contentPolicyConfig={"filtersConfig": [{"type": "INSULTS", **strength}]},
    )  # fmt: skip
    operator.clock.sleep(120)
    former = dump(backend.state.path)
    topic = {"name": "Legal advice", "definition": "What to do in law.", "examples": ["Can I sue?", "May I?"]}
    asked = PromptRules.model_validate(
        {"name": "team-language", "explicit_language": "HIGH", "images": True, "denied_topics": [topic]}
    )
    plan = make_plan(operator, Wish(built(), guardrail=asked))
    (put,) = (step for step in plan.steps if step.do == "put_guardrail")
    assert "IMAGE" in str(put.request)
    assert to_the_end(plan, operator, tmp_path).state == "done"
    assert rollback(journal_in(tmp_path), operator).state == "rolled_back"
    assert dump(backend.state.path) == former
