"""The operator's policy: enough for every change, its checks and its way back; and nothing in it that is not needed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from change_account import (
    APP,
    BOUNDARY,
    MEMBER,
    A,
    ChangeCompany,
    built,
    document,
    dump,
    inline,
    journal_in,
    management_iam,
    operator_document,
    role,
    session_of,
    spec,
    to_the_end,
    user,
    whole_wish,
    with_guardrail,
)

from bedrock_guard.change.apply import rollback
from bedrock_guard.change.errors import ChangeError
from bedrock_guard.change.marker import TakeMarker
from bedrock_guard.change.plan import Plan, make_plan
from bedrock_guard.change.plan_file import AnyStep
from bedrock_guard.change.wish import Selection, Wish
from bedrock_guard.demo.dispatch import Backend

Opened = Callable[..., Backend]
WHOLE = operator_document()
ACTIONS = sorted({a for s in WHOLE["Statement"] if s["Effect"] == "Allow" for a in s["Action"]})


def first_company(operator: dict[str, Any]) -> Callable[[], ChangeCompany]:
    """Nothing of ours is there yet."""

    def make() -> ChangeCompany:
        iam = management_iam(operator)
        iam["policies"] = [one for one in iam["policies"] if one["Arn"] != BOUNDARY]
        iam["users"] = [user("dev-003", UserPolicyList=inline(APP))]
        iam["roles"] = [one for one in iam["roles"] if not one["RoleName"].startswith("app-")]
        iam["roles"].append(role("app-03", RolePolicyList=inline(APP)))
        return ChangeCompany(iam={A: iam, MEMBER: {}})

    return make


def first_wish() -> Wish:
    """A first installation with a deny policy beside the boundary, and a guardrail that is enforced."""
    made = built()
    deny = document({"Effect": "Deny", "Action": "bedrock:CreateModelImportJob", "Resource": "*"})
    beside = replace(made.packed[0], kind="deny", name="bedrock-guard-deny-1", document=deny)
    return Wish(
        replace(made, packed=(*made.packed, beside)),
        Selection(("role/app-03", "user/dev-003")),
        guardrail=spec().guardrail,
        enforce=True,
        watch_minutes=1,
    )


def update_company(operator: dict[str, Any]) -> Callable[[], ChangeCompany]:
    return lambda: ChangeCompany(iam={A: management_iam(operator), MEMBER: {}})


def planned(plan: Plan) -> set[str]:
    """What the plan asked the simulator about."""
    steps = (*plan.steps, *plan.back, TakeMarker(arn=plan.marker, run="", owner=""))
    base = {"iam:GetAccountAuthorizationDetails", "iam:GetRole"}
    return {right.action for step in steps for right in step.rights()} | base


@pytest.mark.parametrize("scenario", ["first", "update"])
def test_it_is_enough_and_nothing_is_asked_that_the_plan_did_not_prove(
    opened: Opened, tmp_path: Path, scenario: str
) -> None:
    backend = opened(first_company(WHOLE) if scenario == "first" else update_company(WHOLE))
    if scenario == "update":
        with_guardrail(backend)
    former = dump(backend.state.path)
    session = session_of(backend)
    plan = make_plan(session, first_wish() if scenario == "first" else whole_wish())
    backend.asked.clear()
    assert to_the_end(plan, session, tmp_path).state == "done"
    assert rollback(journal_in(tmp_path), session).state == "rolled_back"
    assert dump(backend.state.path) == former
    asked = {need.action for need in backend.asked} - {"sts:GetCallerIdentity"}
    assert asked <= planned(plan)


def test_every_action_in_it_is_needed_and_every_lack_is_found_before_the_first_write(opened: Opened) -> None:
    """One action is taken away at a time: at least one of the two changes is not planned, and says what it lacks."""
    rows = []
    for action in ACTIONS:
        cut = json.loads(json.dumps(WHOLE))
        for statement in cut["Statement"]:
            if statement["Effect"] == "Allow":
                statement["Action"] = [one for one in statement["Action"] if one != action]
        rows.append((action, [_lacks(opened, cut, action, name) for name in ("first", "update")]))
    print(
        "\n".join(
            f"{action:50} first: {one or 'not needed':40} update: {two or 'not needed'}"
            for action, (one, two) in rows
        )
    )
    assert [action for action, found in rows if not any(found)] == []
    assert len(rows) == len(ACTIONS) == 43


_OPEN: dict[str, tuple[Backend, Any]] = {}


def _lacks(opened: Opened, cut: dict[str, Any], action: str, scenario: str) -> str:
    """The refusal's kind, or nothing where the plan is made without the action."""
    if scenario not in _OPEN or _OPEN[scenario][0].state.path.parent.exists() is False:
        backend = opened(first_company(WHOLE) if scenario == "first" else update_company(WHOLE))
        if scenario == "update":
            with_guardrail(backend)
        _OPEN[scenario] = backend, dump(backend.state.path)
    backend, _ = _OPEN[scenario]
    items = backend.state.items("iam", A)
    body = items.get("role", "guard-operator")
    assert body is not None
    held = [{"PolicyName": "own", "PolicyDocument": json.dumps(cut)}]
    items.load("role", "guard-operator", body | {"RolePolicyList": held})
    before = dump(backend.state.path)
    try:
        make_plan(session_of(backend), first_wish() if scenario == "first" else whole_wish())
    except ChangeError as refused:
        error = refused
    else:
        return ""
    assert action.partition(":")[2] in str(error) or "could not be read" in str(error)
    assert dump(backend.state.path) == before
    return type(error).__name__


def test_the_two_changes_have_every_kind_of_step(opened: Opened) -> None:
    """So what is proved of the operator's policy is proved for all of them."""
    update = opened(update_company(WHOLE))
    with_guardrail(update)
    plans = (
        make_plan(session_of(opened(first_company(WHOLE))), first_wish()),
        make_plan(session_of(update), whole_wish()),
    )
    known = {kind.model_fields["do"].default for kind in get_args(get_args(AnyStep)[0])}
    assert {step.do for plan in plans for step in (*plan.steps, *plan.back)} == known
    assert len(known) == 20
