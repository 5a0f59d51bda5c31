"""What a plan is refused for, with the reason; and that nothing is written when it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from change_account import (
    BOUNDARY,
    BREAK_GLASS,
    EVERYTHING,
    LEGACY,
    MEMBER,
    OPERATOR,
    OU,
    ROOT,
    A,
    ChangeCompany,
    allow,
    bounded,
    built,
    document,
    dump,
    inline,
    management_iam,
    organization,
    policy,
    role,
    session_of,
    user,
    whole_wish,
)

from bedrock_guard.account.session import Account
from bedrock_guard.change.errors import ChangeError, PlanRefusedError, Refusal
from bedrock_guard.change.lockout import _lost_to_scps
from bedrock_guard.change.look import Look
from bedrock_guard.change.plan import make_plan
from bedrock_guard.change.scene import _read_boundaries, look_at
from bedrock_guard.change.step import Right
from bedrock_guard.change.survey import Survey
from bedrock_guard.change.wish import Selection, Wish
from bedrock_guard.demo.dispatch import Backend

Opened = Callable[..., Backend]


def refused(account: Account, wish: Wish) -> dict[str, Refusal]:
    backend = account.demo_backend
    assert backend is not None
    before = dump(backend.state.path)
    with pytest.raises(PlanRefusedError) as caught:
        make_plan(account, wish)
    assert dump(backend.state.path) == before
    for one in caught.value.refusals:
        assert one.why.endswith((".", "more")) or one.kind == "permissions", one
        assert one.remedy.endswith("."), one
    return {refusal.kind: refusal for refusal in caught.value.refusals}


def company(**changes: Any) -> Callable[[], ChangeCompany]:
    """The company with other users, roles and policies, by the name of the list."""

    def make() -> ChangeCompany:
        iam = management_iam()
        for kind, bodies in changes.items():
            key = {"users": "UserName", "roles": "RoleName", "policies": "Arn", "groups": "GroupName"}[kind]
            names = {body[key] for body in bodies}
            iam[kind] = [body for body in iam[kind] if body[key] not in names] + bodies
        return ChangeCompany(iam={A: iam, MEMBER: {}})

    return make


def simple(*principals: str, **more: Any) -> Wish:
    return Wish(built(), Selection(principals), **more)


def test_the_operator_does_not_cut_the_branch_it_sits_on(operator: Account) -> None:
    found = refused(operator, simple("role/guard-operator"))
    assert set(found) == {"permissions", "self_lockout"}, "its own policy keeps it from bounding itself"
    assert "iam:PutRolePermissionsBoundary" in found["permissions"].why
    lacks = set(found["permissions"].why.split("; "))
    loses = set(found["self_lockout"].why.removeprefix("It would lose ").removesuffix(".").split("; "))
    assert loses
    assert not lacks & loses, "what it lacks it cannot lose"


def test_an_administrator_who_is_a_target_is_told_that_it_locks_itself_out(backend: Backend) -> None:
    admin = session_of(backend, f"{ROOT}:role/admin")
    found = refused(admin, simple("role/admin"))
    assert "iam:DeleteRolePermissionsBoundary" in found["self_lockout"].why
    assert "nobody could become it" in found["break_glass"].why, (
        "only the administrator can become break glass"
    )


def test_who_already_carries_the_policy_is_looked_at_too(opened: Opened) -> None:
    chief = role("admin", RolePolicyList=inline(EVERYTHING), PermissionsBoundary=bounded(BOUNDARY))
    account = session_of(opened(company(roles=[chief])), f"{ROOT}:role/admin")
    assert "self_lockout" in refused(account, simple("role/app-01"))


@pytest.mark.parametrize(
    ("arn", "words"),
    [
        (BREAK_GLASS, "selected"),
        (f"{ROOT}:role/nobody", "does not exist"),
        (f"{ROOT}:user/dev-001", "is bounded"),
    ],
)
def test_break_glass_stays_free(operator: Account, arn: str, words: str) -> None:
    found = refused(operator, simple("role/app-01", "role/break-glass", break_glass=(arn,)))
    assert "break_glass" in found
    with pytest.raises(PlanRefusedError) as caught:
        make_plan(operator, simple("role/app-01", "role/break-glass", break_glass=(arn,)))
    assert any(words in one.what for one in caught.value.refusals if one.kind == "break_glass")


def test_break_glass_must_be_named(operator: Account) -> None:
    wish = simple("role/app-01")
    nobody = replace(wish.built, profile=wish.built.profile.model_copy(update={"break_glass": ()}))
    assert "No break-glass" in refused(operator, replace(wish, built=nobody))["break_glass"].what


def test_roles_of_aws_are_left_to_aws(opened: Opened) -> None:
    roles = [
        role("AWSServiceRoleForSupport", Path="/aws-service-role/support.amazonaws.com/"),
        role("AWSReservedSSO_Dev_1f2e3d4c5b6a7089", Path="/aws-reserved/sso.amazonaws.com/"),
    ]
    account = session_of(opened(company(roles=roles)))
    names = [f"role/{one['RoleName']}" for one in roles]
    found = refused(account, simple(*names))
    assert {"service_linked", "identity_center"} <= set(found)
    offer = found["identity_center"].offer
    assert "put-permissions-boundary-to-permission-set" in offer
    assert "provision-permission-set" in offer
    assert "# permission set Dev: bedrock-guard-boundary must exist" in offer
    assert "-v name=Dev " in offer


@pytest.mark.parametrize(
    ("tags", "owner"),
    [
        ([{"Key": "aws:cloudformation:stack-name", "Value": "guards"}], "CloudFormation stack guards"),
        ([{"Key": "managed-by", "Value": "terraform"}], "Terraform"),
    ],
)
def test_what_another_tool_owns_is_patched_there(opened: Opened, tags: Any, owner: str) -> None:
    owned = policy(BOUNDARY, EVERYTHING, Tags=tags)
    account = session_of(opened(company(policies=[owned])))
    found = refused(account, simple("role/app-01"))
    assert owner in found["owned"].what
    assert found["owned"].offer.startswith("--- a/bedrock-guard-boundary.json")
    assert '+      "Effect": "Deny",' in found["owned"].offer


def test_a_foreign_boundary_needs_replace(operator: Account) -> None:
    found = refused(operator, simple("role/app-01", "role/app-02"))
    assert LEGACY in found["foreign_boundary"].what
    remedy = found["foreign_boundary"].remedy
    for way in (
        "untick it under Who",
        "“Replace boundaries that are not of this spec” under How",
        "--replace",
    ):
        assert way in remedy
    assert make_plan(operator, simple("role/app-01", "role/app-02", replace=True)).back


def test_a_boundary_that_is_also_a_permissions_policy(opened: Opened) -> None:
    granted = [{"PolicyName": "bedrock-guard-boundary", "PolicyArn": BOUNDARY}]
    account = session_of(opened(company(users=[user("dev-003", AttachedManagedPolicies=granted)])))
    assert "user/dev-003" in refused(account, simple("role/app-01"))["permissions_policy"].what


def test_a_boundary_that_only_denies(operator: Account) -> None:
    deny = document({"Effect": "Deny", "Action": "bedrock:CreateModelImportJob", "Resource": "*"})
    found = refused(operator, changed(deny))
    assert "deny_only" in found


def test_a_boundary_that_allows_nothing_anybody_does(operator: Account) -> None:
    found = refused(operator, changed(document(allow("chime:ListRooms"))))
    assert "role/app-01" in found["takes_everything"].what


def changed(content: dict[str, Any]) -> Wish:
    wish = simple("role/app-01")
    packed = tuple(
        replace(one, document=content) if one.kind == "boundary" else one for one in wish.built.packed
    )
    return replace(wish, built=replace(wish.built, packed=packed))


def test_over_quota(operator: Account) -> None:
    long = document(allow("*"), {"Sid": "A" * 6_100, "Effect": "Deny", "Action": "s3:*", "Resource": "*"})
    assert "6,144" in refused(operator, changed(long))["quota"].what


def test_ten_attached_policies_are_the_most(opened: Opened) -> None:
    many = [{"PolicyName": f"p{n}", "PolicyArn": f"{ROOT}:policy/p{n}"} for n in range(10)]
    policies = [policy(one["PolicyArn"], EVERYTHING) for one in many]
    crowded = role("app-03", RolePolicyList=inline(EVERYTHING), AttachedManagedPolicies=many)
    account = session_of(opened(company(roles=[crowded], policies=policies)))
    wish = simple("role/app-03")
    deny = replace(wish.built.packed[0], kind="deny", name="bedrock-guard-deny-1")
    wish = replace(wish, built=replace(wish.built, packed=(*wish.built.packed, deny)))
    assert "11 managed policies attached" in refused(account, wish)["quota"].what


def test_more_targets_than_the_limit(operator: Account) -> None:
    found = refused(operator, Wish(built(), Selection(paths=("/",), limit=4), replace=True))
    assert "7 are selected" in found["limit"].what
    assert "7 users and roles" in found["limit"].why


@pytest.mark.parametrize(
    ("target", "kind"), [(A, "management_account"), ("r-abcd", "root"), ("ou-abcd-99999999", "missing")]
)
def test_scps_never_begin_at_the_top(operator: Account, target: str, kind: str) -> None:
    assert kind in refused(operator, whole_wish(scp_targets=(target,)))


def test_ten_scps_are_the_most_of_a_target(opened: Opened) -> None:
    """The new one stands beside the old one for a while."""
    tree = organization()
    for number in range(8):
        other = deepcopy(tree["Policies"][0])
        other["PolicySummary"] |= {
            "Id": f"p-other{number:03d}",
            "Name": f"other-{number}",
            "AwsManaged": False,
        }
        tree["Policies"].append(other)
        tree["targets"][f"p-other{number:03d}"] = [OU]
    account = session_of(opened(lambda: ChangeCompany(organization=tree)))
    assert "11 SCPs" in refused(account, whole_wish())["quota"].what


def test_scps_are_exported_unless_asked_for(operator: Account) -> None:
    plan = make_plan(operator, whole_wish(attach_scps=False))
    assert not [step for step in plan.steps if "scp" in step.do]
    assert any("attach-policy --policy-id" in line and OU in line for line in plan.exports)


def test_the_wrong_account(operator: Account) -> None:
    wish = simple("role/app-01", f"arn:aws:iam::{MEMBER}:role/x")
    other = replace(wish.built, profile=wish.built.profile.model_copy(update={"accounts": (MEMBER,)}))
    found = refused(operator, replace(wish, built=other))
    assert {"account", "missing"} <= set(found)
    assert found["missing"].why == "It is of another account."


def test_a_name_that_is_gone_is_not_said_to_be_of_another_account(operator: Account) -> None:
    found = refused(operator, simple("role/app-01", f"{ROOT}:role/gone"))
    assert found["missing"].why == "It was deleted, or the name is wrong."


def test_the_wrong_partition(operator: Account) -> None:
    wish = simple("role/app-01")
    other = replace(wish.built, profile=wish.built.profile.model_copy(update={"partition": "aws-cn"}))
    assert "partition" in refused(operator, replace(wish, built=other))


def test_nobody_to_try_a_policy_in_use(operator: Account) -> None:
    assert set(refused(operator, simple())) == {"canary"}, "those who use it would be bound"


def test_groups_are_expanded_and_it_is_said(opened: Opened) -> None:
    group = {
        "Path": "/", "GroupName": "devs", "GroupId": "AGPADEMODEVSXXXXXXXXX", "Arn": f"{ROOT}:group/devs",
        "CreateDate": "2026-01-05T09:00:00Z", "GroupPolicyList": [], "AttachedManagedPolicies": [],
    }  # fmt: skip
    member = user("dev-009", GroupList=["devs"], UserPolicyList=inline(EVERYTHING))
    account = session_of(opened(company(users=[member], groups=[group])))
    plan = make_plan(account, Wish(built(), Selection(groups=("devs",))))
    assert [one.who for one in plan.people] == ["user/dev-009"]
    assert any("joins later" in risk for risk in plan.risks)
    assert "missing" in refused(account, Wish(built(), Selection(groups=("nobody",))))


def test_an_unfinished_change_is_finished_first(opened: Opened) -> None:
    left = policy(f"{BOUNDARY}-canary", EVERYTHING)
    account = session_of(opened(company(policies=[left])))
    assert "unfinished" in refused(account, simple("role/app-01"))


def test_names_with_a_path_and_unusual_characters(opened: Opened) -> None:
    odd = user("o=dd,+name@x", Path="/team/a.b/", UserPolicyList=inline(EVERYTHING))
    account = session_of(opened(company(users=[odd])))
    plan = make_plan(account, Wish(built(), Selection(paths=("/team/",))))
    assert plan.people[0].arn == f"{ROOT}:user/team/a.b/o=dd,+name@x"
    assert any("--user-name o=dd,+name@x" in line for line in plan.rollback_commands)


def test_a_hostile_name_never_reaches_the_way_back(backend: Backend, operator: Account) -> None:
    """Only SCPs named as ours are taken off, so no name of somebody else's is ever put into a shell line."""
    admin = session_of(backend, f"{ROOT}:role/admin").client("organizations")
    name = 'bedrock-guard-scp-1-$(touch owned)"; touch owned #'
    text = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"bedrock:InvokeModel","Resource":"*"}]}'
    made = admin.create_policy(Name=name, Description="", Content=text, Type="SERVICE_CONTROL_POLICY")
    admin.attach_policy(PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=OU)
    plan = make_plan(operator, whole_wish())
    assert not any("touch owned" in line for line in (*plan.commands, *plan.rollback_commands))
    assert any("bedrock-guard-scp-1-00000000" in line for line in plan.rollback_commands)


def test_deny_policies_without_a_boundary_are_probed_too(operator: Account) -> None:
    wish = simple("role/admin", "role/app-01")
    deny = replace(wish.built.packed[0], kind="deny", name="bedrock-guard-deny-1")
    content = document({"Effect": "Deny", "Action": "bedrock:CreateModelImportJob", "Resource": "*"})
    deny = replace(deny, document=content)
    plan = make_plan(operator, replace(wish, built=replace(wish.built, packed=(deny,))))
    (soak,) = (step for step in plan.steps if step.do == "soak")
    asked = {probe.action: probe.allow for probe in soak.probes}
    assert asked["s3:GetObject"]
    assert not asked["bedrock:CreateModelImportJob"]


def test_an_scp_is_asked_with_the_boundary_that_the_operator_would_put(operator: Account) -> None:
    unless_ours = {"StringNotEquals": {"iam:PermissionsBoundary": BOUNDARY}}
    body = {"Effect": "Deny", "Action": "iam:*Boundary", "Resource": "*", "Condition": unless_ours}
    scene = look_at(Look(operator), whole_wish())
    scene = replace(scene, scps={"one": json.dumps(document(body))}, account=MEMBER)
    who = f"{ROOT}:role/app-01"

    def put(boundary: str) -> Right:
        return Right("iam:PutRolePermissionsBoundary", who, (("iam:PermissionsBoundary", boundary),))

    assert _lost_to_scps(scene, OPERATOR, [put(BOUNDARY)]) == []
    assert _lost_to_scps(scene, OPERATOR, [put(f"{ROOT}:policy/other")]) == ["iam:PutRolePermissionsBoundary"]


def test_a_boundary_that_cannot_be_read_is_not_taken_as_none(
    operator: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Look(operator)
    survey = Survey.of(look)
    assert any(person.state.boundary for person in survey.people.values())
    survey.documents.clear()
    monkeypatch.setattr(look, "policy", lambda _: None)
    with pytest.raises(ChangeError, match="could not be read"):
        _read_boundaries(look, survey)
