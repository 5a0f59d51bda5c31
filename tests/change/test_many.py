"""A thousand targets: planned in few requests, shown as it goes, stopped between two steps, gone on with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from change_account import (
    APP,
    BOUNDARY,
    MEMBER,
    A,
    ChangeCompany,
    built,
    inline,
    management_iam,
    session_of,
    user,
)

from bedrock_guard.change.apply import StepReport, apply, resume
from bedrock_guard.change.opinions import opinions
from bedrock_guard.change.plan import Plan, make_plan
from bedrock_guard.change.status import status
from bedrock_guard.change.wish import Selection, Wish
from bedrock_guard.demo.dispatch import Backend

MANY = 1_000


def crowd() -> ChangeCompany:
    iam = management_iam()
    iam["policies"] = [one for one in iam["policies"] if one["Arn"] != BOUNDARY]
    iam["roles"] = [one for one in iam["roles"] if not one["RoleName"].startswith("app-")]
    iam["users"] = [user(f"many-{n:04d}", Path="/many/", UserPolicyList=inline(APP)) for n in range(MANY)]
    return ChangeCompany(iam={A: iam, MEMBER: {}})


@pytest.mark.timeout(900)
def test_a_thousand_targets(opened: Callable[..., Backend], tmp_path: Path) -> None:
    backend = opened(crowd)
    session = session_of(backend)
    wish = Wish(built(), Selection(paths=("/many/",), limit=MANY), waves=500, watch_minutes=1)
    plan = make_plan(session, wish)
    asked = Counter(backend.calls)
    assert sum(asked.values()) < 150, "not one request a target"
    assert plan.phrase == f"apply {plan.id[:6]} to 1,000 principals in {A}"
    assert Plan.load(plan.save(tmp_path)) == plan
    waiting = apply(plan, session, tmp_path, phrase=plan.phrase)
    seen: list[StepReport] = []

    def stop() -> bool:
        return sum(report.state == "done" and report.step.writes for report in seen) >= 200

    assert waiting.journal is not None
    stopped = resume(waiting.journal, session, phrase=waiting.gate_phrase, on_step=seen.append, cancel=stop)
    assert stopped.state == "cancelled"
    assert seen[-1].of == len(plan.steps) > MANY
    now = status(waiting.journal)
    assert now.state == "cancelled"
    assert 200 <= now.done < 210
    assert _bounded(backend) == 1 + 200
    assert resume(waiting.journal, session).state == "done"
    assert _bounded(backend) == MANY


def _bounded(backend: Backend) -> int:
    users = backend.state.items("iam", A).bodies("user")
    return sum("PermissionsBoundary" in one for one in users)


class _Other:
    """A simulator of another mind."""

    def __init__(self, look: Any, decision: str) -> None:
        self._look = look
        self._decision = decision

    def __getattr__(self, name: str) -> Any:
        return getattr(self._look, name)

    def ask(self, call: Any, *keys: str, **request: Any) -> Any:
        return {"EvaluationResults": [{"EvalDecision": self._decision}]}

    def pages(self, call: Any, key: str, token: str, **request: Any) -> Any:
        yield {"findingType": "WARNING", "issueCode": "SAMPLE", "findingDetails": "said by another judge"}


def test_a_second_opinion_that_differs_is_shown(opened: Callable[..., Backend]) -> None:
    """On the demo account it is labelled as none; an answer that differs is told case by case."""
    from bedrock_guard.change.effects import effects
    from bedrock_guard.change.look import Look
    from bedrock_guard.change.review import review
    from bedrock_guard.change.scene import look_at

    backend = opened(ChangeCompany)
    admin = session_of(backend, f"arn:aws:iam::{A}:role/admin")
    wish = Wish(built(), Selection(("role/app-01",)))
    plan = make_plan(admin, wish)
    said = {one.judge: one for one in plan.opinions}
    assert said["IAM SimulateCustomPolicy"].note == "same evaluator, no second opinion"
    assert said["IAM SimulateCustomPolicy"].asked > 5
    assert said["IAM SimulateCustomPolicy"].differs == ()
    assert not said["Access Analyzer ValidatePolicy"].available
    look = Look(admin)
    scene = look_at(look, wish)
    other = opinions(_Other(look, "allowed"), scene, effects(scene))  # type: ignore[arg-type]
    assert len(other[0].differs) == other[0].asked
    assert "we say explicitDeny, AWS says allowed" in other[0].differs[0]
    assert other[1].differs == ("bedrock-guard-boundary: WARNING SAMPLE: said by another judge",)
    assert "AWS says allowed" in review(plan.model_copy(update={"opinions": other}))
