"""What is deployed against what is asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from change_account import BOUNDARY, ROOT, A, document, session_of, to_the_end, whole_wish

from bedrock_guard.account.session import Account
from bedrock_guard.change.drift import drift
from bedrock_guard.change.plan import make_plan
from bedrock_guard.change.wish import Selection, Wish
from bedrock_guard.demo.dispatch import Backend
from bedrock_guard.evidence.tables import provenance_of
from bedrock_guard.iam.evaluator import compile_policies

TARGETS = ("role/app-01", "user/dev-001")


def simple() -> Wish:
    return whole_wish(guardrail=None, enforce=False, attach_scps=False)


@pytest.fixture
def applied(operator: Account, tmp_path: Path) -> Wish:
    wish = simple()
    to_the_end(make_plan(operator, wish), operator, tmp_path)
    return wish


def states(account: Account, wish: Wish, *names: str) -> dict[str, str]:
    frame = drift(account, wish.built, Selection(names))
    return dict(zip(frame["principal"], frame["state"], strict=True))


def test_after_an_apply_all_is_as_asked(operator: Account, applied: Wish) -> None:
    found = drift(operator, applied.built, applied.selection)
    assert list(found["state"]) == ["as asked"] * 3
    assert set(found["account_id"]) == {A}
    assert provenance_of(found).source == "IAM GetAccountAuthorizationDetails"


def test_each_kind_of_drift(backend: Backend, operator: Account, applied: Wish) -> None:
    iam = session_of(backend, f"{ROOT}:role/admin").client("iam")
    iam.delete_role_permissions_boundary(RoleName="app-01")
    other = "arn:aws:iam::aws:policy/PowerUserAccess"
    iam.put_role_permissions_boundary(RoleName="app-02", PermissionsBoundary=other)
    names = ("role/app-01", "role/app-02", "user/dev-001", "role/gone")
    assert states(operator, applied, *names) == {
        f"{ROOT}:role/app-01": "missing",
        f"{ROOT}:role/app-02": "foreign",
        f"{ROOT}:user/dev-001": "as asked",
        "role/gone": "removed",
    }


def test_weaker_carries_a_request_that_really_slips_through(
    backend: Backend, operator: Account, applied: Wish
) -> None:
    boundary = next(one.document for one in applied.built.packed if one.kind == "boundary")
    looser = {**boundary, "Statement": boundary["Statement"][:3]}
    put(backend, looser)
    frame = drift(operator, applied.built, Selection(("user/dev-001",)))
    assert list(frame["state"]) == ["weaker"]
    witness = json.loads(frame["witness"][0])
    asked = (witness["action"], witness["resource"], witness["context"])
    everything = document({"Effect": "Allow", "Action": "*", "Resource": "*"})
    assert compile_policies([everything], boundary=looser).decide(*asked).allowed
    assert not compile_policies([everything], boundary=boundary).decide(*asked).allowed


def test_stronger_and_another_text_that_decides_alike(
    backend: Backend, operator: Account, applied: Wish
) -> None:
    boundary = next(one.document for one in applied.built.packed if one.kind == "boundary")
    no_keys = {"Sid": "More", "Effect": "Deny", "Action": "bedrock:GetGuardrail", "Resource": "*"}
    put(backend, {**boundary, "Statement": [*boundary["Statement"], no_keys]})
    assert states(operator, applied, "user/dev-001") == {f"{ROOT}:user/dev-001": "stronger"}
    put(backend, {**boundary, "Statement": list(reversed(boundary["Statement"]))})
    assert states(operator, applied, "user/dev-001") == {f"{ROOT}:user/dev-001": "as asked"}


def put(backend: Backend, content: dict[str, object]) -> None:
    iam = session_of(backend, f"{ROOT}:role/admin").client("iam")
    versions = iam.list_policy_versions(PolicyArn=BOUNDARY)["Versions"]
    oldest = next(v["VersionId"] for v in reversed(versions) if not v["IsDefaultVersion"])
    iam.delete_policy_version(PolicyArn=BOUNDARY, VersionId=oldest)
    iam.create_policy_version(PolicyArn=BOUNDARY, PolicyDocument=json.dumps(content), SetAsDefault=True)


def test_the_targets_of_the_spec_are_the_default(operator: Account, applied: Wish) -> None:
    profile = applied.built.profile.model_copy(update={"targets": (f"{ROOT}:role/app-01",)})
    frame = drift(operator, replace(applied.built, profile=profile))
    assert list(frame["principal"]) == [f"{ROOT}:role/app-01"]
