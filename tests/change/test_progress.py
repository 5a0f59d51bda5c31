"""Where a change stands, step by step: gates and watches too, from its journal alone; and which plan is the newest."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from change_account import journal_in, to_the_end, whole_wish

from bedrock_guard.account.session import Account
from bedrock_guard.change.apply import StepReport, apply, resume, rollback
from bedrock_guard.change.errors import HaltedError, PlanFileError
from bedrock_guard.change.plan import Plan, make_plan
from bedrock_guard.change.plan_file import find_plan
from bedrock_guard.change.status import steps_of, steps_planned
from bedrock_guard.change.steps_pause import Gate, Watch
from bedrock_guard.demo.dispatch import Backend
from bedrock_guard.demo.faults import Fault


def states(folder: Path) -> Counter[str]:
    return Counter(line.state for line in steps_of(journal_in(folder)))


def test_every_step_is_told_the_gates_and_the_watch_too(operator: Account, tmp_path: Path) -> None:
    plan = make_plan(operator, whole_wish())
    seen: list[StepReport] = []
    waiting = apply(plan, operator, tmp_path, phrase=plan.phrase, on_step=seen.append)
    assert waiting.journal is not None
    assert seen[-1].state == "waiting"
    assert isinstance(seen[-1].step, Gate)
    assert waiting.words.startswith("It waits for a person: the canary role/app-01")
    lines = steps_of(waiting.journal)
    at = seen[-1].number - 1
    assert lines[at].state == "waiting"
    assert {line.state for line in lines[:at]} == {"done"}
    assert {line.state for line in lines[at + 1 :]} == {"to come"}
    assert [line.words for line in lines] == [line.words for line in steps_planned(plan)]

    seen.clear()
    second = resume(waiting.journal, operator, phrase=waiting.gate_phrase, on_step=seen.append)
    assert seen[0].state == "done"
    assert seen[0].step == plan.steps[at]
    watched = [one for one in seen if isinstance(one.step, Watch)]
    assert [one.state for one in watched] == ["begun", "begun", "done"]
    assert watched[0].note == "0 of 1 minutes are over."
    assert "moved on 1 minutes at once" in watched[-1].note
    assert next(line for line in steps_of(second.journal or "") if line.note).note.startswith(
        "A person typed"
    )
    assert to_the_end(plan, operator, tmp_path).state == "done"
    assert set(states(tmp_path)) == {"done"}


def test_what_was_taken_back_is_told_by_its_step(operator: Account, tmp_path: Path) -> None:
    plan = make_plan(operator, whole_wish())
    assert to_the_end(plan, operator, tmp_path).state == "done"
    assert rollback(journal_in(tmp_path), operator).state == "rolled_back"
    lines = steps_of(journal_in(tmp_path))
    kept = {line.words for line in lines if line.state != "taken back"}
    undone = {key for step in plan.back for key in step.undoes}
    assert kept == {step.words() for step in plan.steps if step.key not in undone}
    assert states(tmp_path)["taken back"] == len(undone)


def test_a_step_whose_answer_never_came_is_not_known(
    backend: Backend, operator: Account, tmp_path: Path
) -> None:
    plan = make_plan(operator, whole_wish())
    backend.faults.set(Fault("iam:PutRolePermissionsBoundary", "access_denied"))
    with pytest.raises(HaltedError):
        apply(plan, operator, tmp_path, phrase=plan.phrase)
    found = states(tmp_path)
    assert found["not known"] == 1
    assert found["to come"] > 5


@pytest.fixture
def several(operator: Account, tmp_path: Path) -> Callable[..., Path]:
    def save(made: str, **more: Any) -> Path:
        plan = make_plan(operator, whole_wish(**more))
        body = plan.model_copy(update={"made": plan.made.replace(hour=int(made))})
        return Plan.model_validate(body.body).save(tmp_path)

    return save


def test_of_several_plans_the_newest_is_found(several: Callable[..., Path], tmp_path: Path) -> None:
    newest = several("11", watch_minutes=2)
    older = several("09")
    assert find_plan(tmp_path) == newest
    assert find_plan(older) == older
    (tmp_path / "plan-000000000000.json").write_text("[]")
    assert find_plan(tmp_path) == newest
    data = json.loads(newest.read_text()) | {"limit": 99}
    newest.write_text(json.dumps(data))
    with pytest.raises(PlanFileError, match="edited"):
        Plan.load(find_plan(tmp_path))


def test_a_folder_without_a_plan_says_so(tmp_path: Path) -> None:
    with pytest.raises(PlanFileError, match="no plan in"):
        find_plan(tmp_path)
