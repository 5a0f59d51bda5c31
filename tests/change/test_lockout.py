"""No plan passes after which nobody could take the change back: proved by the calls, on the account that enforces."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from change_account import (
    APP,
    BOUNDARY,
    BREAK_GLASS,
    EVERYTHING,
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
    journal_in,
    management_iam,
    operator_document,
    policy,
    role,
    session_of,
    to_the_end,
    user,
    whole_wish,
)

from bedrock_guard.account.organization import Organization, Target
from bedrock_guard.account.session import Account
from bedrock_guard.boundary.builder import Built
from bedrock_guard.change.apply import apply, resume, rollback
from bedrock_guard.change.errors import ChangeError, MovedError, PlanFileError, PlanRefusedError, Refusal
from bedrock_guard.change.lockout import _lost_to_scps
from bedrock_guard.change.look import Look
from bedrock_guard.change.plan import Plan, make_plan
from bedrock_guard.change.scene import Scene, look_at
from bedrock_guard.change.step import Right
from bedrock_guard.change.steps_scp import AttachScp
from bedrock_guard.change.texts import digest
from bedrock_guard.change.wish import Selection, Wish
from bedrock_guard.demo.dispatch import Backend
from bedrock_guard.demo.faults import Fault

Opened = Callable[..., Backend]
DENY = f"{ROOT}:policy/bedrock-guard-deny-1"
HARMLESS = document({"Effect": "Deny", "Action": "bedrock:CreateModelImportJob", "Resource": "*"})
NO_IAM = document({"Effect": "Deny", "Action": "iam:*", "Resource": "*"})
ANA = f"{ROOT}:user/ana"


def attached(*arns: str) -> dict[str, Any]:
    held = [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in arns]
    return {"AttachedManagedPolicies": held}


def company(
    *, users: Any = (), roles: Any = (), policies: Any = (), groups: Any = ()
) -> Callable[[], ChangeCompany]:
    def make() -> ChangeCompany:
        iam = management_iam()
        names = {body["RoleName"] for body in roles}
        iam["roles"] = [one for one in iam["roles"] if one["RoleName"] not in names] + list(roles)
        iam["users"] += list(users)
        iam["policies"] += list(policies)
        iam["groups"] += list(groups)
        return ChangeCompany(iam={A: iam, MEMBER: {}})

    return make


def denying(content: dict[str, Any]) -> Built:
    """Documents with one deny policy and no boundary."""
    made = built()
    deny = replace(made.packed[0], kind="deny", name="bedrock-guard-deny-1", document=content)
    return replace(made, packed=(deny,))


def refused(session: Account, wish: Wish) -> dict[str, Refusal]:
    with pytest.raises(PlanRefusedError) as caught:
        make_plan(session, wish)
    return {one.kind: one for one in caught.value.refusals}


def trusting(*arns: str) -> dict[str, Any]:
    return document({"Effect": "Allow", "Principal": {"AWS": list(arns)}, "Action": "sts:AssumeRole"})


def group(name: str, arn: str) -> dict[str, Any]:
    return {
        "Path": "/", "GroupName": name, "GroupId": f"AGPADEMO{name.upper():X<13}"[:21], "CreateDate": "2026-01-05",
        "Arn": f"{ROOT}:group/{name}", "GroupPolicyList": [], **attached(arn),
    }  # fmt: skip


def test_a_policy_that_changes_under_a_group_of_the_operator_binds_the_operator(opened: Opened) -> None:
    ana = user("ana", UserPolicyList=inline(EVERYTHING), GroupList=["all"])
    made = company(users=[ana], policies=[policy(DENY, HARMLESS)], groups=[group("all", DENY)])
    wish = Wish(denying(NO_IAM), Selection(("role/app-01",)), watch_minutes=0)
    found = refused(session_of(opened(made), ANA), wish)
    assert "iam:DeletePolicyVersion" in found["self_lockout"].why


def test_members_of_a_group_are_counted_with_those_who_change(opened: Opened) -> None:
    ben = user("ben", UserPolicyList=inline(APP), GroupList=["all"])
    made = company(users=[ben], policies=[policy(DENY, HARMLESS)], groups=[group("all", DENY)])
    tighter = document({"Effect": "Deny", "Action": "bedrock:CreateModel*", "Resource": "*"})
    plan = make_plan(session_of(opened(made)), Wish(denying(tighter), Selection(("role/app-01",))))
    assert plan.bystanders == ("user/ben",)
    robbing = document({"Effect": "Deny", "Action": "*", "Resource": "*"})
    found = refused(session_of(opened(made)), Wish(denying(robbing), Selection(("role/app-02",))))
    assert "user/ben" in found["takes_everything"].what


def test_only_what_binds_the_operator_counts(opened: Opened, tmp_path: Path) -> None:
    """The operator has a deny policy that changes, and not the boundary that would lock it out."""
    boss = role("boss", RolePolicyList=inline(EVERYTHING), **attached(DENY))
    backend = opened(company(roles=[boss], policies=[policy(DENY, HARMLESS)]))
    made = built()
    both = replace(made, packed=(made.packed[0], *denying(document(*HARMLESS["Statement"], _more())).packed))
    session = session_of(backend, f"{ROOT}:role/boss")
    former = dump(backend.state.path)
    plan = make_plan(session, Wish(both, Selection(("role/app-01",)), watch_minutes=0))
    assert "role/boss" in plan.bystanders
    assert to_the_end(plan, session, tmp_path).state == "done"
    assert rollback(journal_in(tmp_path), session).words == "Back, but for the notes."
    assert dump(backend.state.path) == former


def _more() -> dict[str, Any]:
    return {"Effect": "Deny", "Action": "bedrock:CreateFlow", "Resource": "*"}


@pytest.mark.parametrize(
    ("free", "words"),
    [
        (role("break-glass", RolePolicyList=inline(APP)), "it lacks iam:"),
        (role("break-glass", RolePolicyList=inline(EVERYTHING), **attached(DENY)), "it would lose iam:"),
    ],
)
def test_a_break_glass_principal_that_could_not_take_it_back_is_none(
    opened: Opened, free: dict[str, Any], words: str
) -> None:
    backend = opened(company(roles=[free], policies=[policy(DENY, HARMLESS)]))
    admin = session_of(backend, f"{ROOT}:role/admin")
    wish = Wish(denying(NO_IAM), Selection(("role/app-01",)))
    found = refused(admin, wish)
    assert found.keys() == {"break_glass"}
    assert words in found["break_glass"].why
    second = make_plan(admin, replace(wish, break_glass=(f"{ROOT}:role/admin",)))
    assert second.break_glass == (BREAK_GLASS, f"{ROOT}:role/admin"), "one that can is enough"


def test_break_glass_takes_a_half_done_change_back(
    backend: Backend, operator: Account, tmp_path: Path
) -> None:
    """At a gate, and after a call that failed: with the operator gone."""
    former = dump(backend.state.path)
    plan = make_plan(operator, whole_wish())
    waiting = apply(plan, operator, tmp_path, phrase=plan.phrase)
    backend.faults.set(Fault("organizations:DetachPolicy", "access_denied", at=(1,)))
    with pytest.raises(ChangeError):
        while waiting.state == "waiting":
            waiting = resume(journal_in(tmp_path), operator, phrase=waiting.gate_phrase)
    backend.faults.set()
    free = session_of(backend, BREAK_GLASS)
    with pytest.raises(ChangeError, match="These credentials are"):
        resume(journal_in(tmp_path), free)
    assert rollback(journal_in(tmp_path), free).state == "rolled_back"
    assert dump(backend.state.path) == former


def becoming(*who: str) -> Callable[[], ChangeCompany]:
    """Users who do their work as the operator's role, which trusts nobody else."""
    people = [user(name, UserPolicyList=inline(document(allow("*")))) for name in ("ana", "ben")]
    chief = role(
        "guard-operator",
        RolePolicyList=inline(operator_document()),
        AssumeRolePolicyDocument=trusting(*(f"{ROOT}:user/{name}" for name in who)),
    )
    return company(users=people, roles=[chief])


def test_the_only_one_who_can_become_the_operator_is_not_shut_out_of_it(opened: Opened) -> None:
    """`bounded_roles` lets the bounded assume bounded roles only, and the operator's is none."""
    backend = opened(becoming("ana"))
    found = refused(session_of(backend), Wish(built(), Selection(("user/ana", "user/ben"))))
    assert found.keys() == {"self_lockout"}
    assert "sts:AssumeRole" in found["self_lockout"].why
    make_plan(session_of(backend), Wish(built(), Selection(("user/ben",))))


def test_who_loses_the_way_to_the_operator_is_told_while_another_has_it(
    opened: Opened, tmp_path: Path
) -> None:
    backend = opened(becoming("ana", "ben"))
    session = session_of(backend)
    plan = make_plan(session, Wish(built(), Selection(("user/ana",)), watch_minutes=0))
    assert "user/ana can no longer become role/guard-operator." in plan.risks
    assert to_the_end(plan, session, tmp_path).state == "done"
    asked = {"RoleArn": OPERATOR, "RoleSessionName": "back"}
    with pytest.raises(ClientError, match="explicit deny in a permissions boundary"):
        session_of(backend, ANA).client("sts").assume_role(**asked)
    assert session_of(backend, f"{ROOT}:user/ben").client("sts").assume_role(**asked)["Credentials"]


def test_a_role_that_others_may_become_is_not_shut(opened: Opened) -> None:
    """An identity provider's people are not this plan's to bind."""
    federated = document(
        {
            "Effect": "Allow",
            "Principal": {"Federated": f"{ROOT}:saml-provider/sso"},
            "Action": "sts:AssumeRoleWithSAML",
        },
        trusting(ANA)["Statement"][0],
    )
    chief = role(
        "guard-operator", RolePolicyList=inline(operator_document()), AssumeRolePolicyDocument=federated
    )
    made = company(users=[user("ana", UserPolicyList=inline(EVERYTHING))], roles=[chief])
    make_plan(session_of(opened(made)), Wish(built(), Selection(("user/ana",))))


def seen(session: Account, **more: Any) -> Scene:
    return look_at(Look(session), whole_wish(**more))


def test_an_scp_counts_only_where_it_binds_the_account(operator: Account) -> None:
    """The same SCP over a neighbour, over the account itself, over nobody knows whom, and in the management account."""
    scene = seen(operator)
    body = {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}
    scene = replace(scene, scps={"one": json.dumps(document(body))}, account=MEMBER)
    rights = [Right("iam:DeleteRolePermissionsBoundary", f"{ROOT}:role/app-01")]

    def over(*accounts: str) -> Organization:
        return Organization((Target(OU, "unit", "", accounts),), {}, A)

    def lost(found: Scene) -> list[str]:
        return _lost_to_scps(found, f"arn:aws:iam::{MEMBER}:role/admin", rights)

    assert lost(replace(scene, organization=over("000000000012"))) == []
    assert lost(replace(scene, organization=over(MEMBER))) == ["iam:DeleteRolePermissionsBoundary"]
    assert lost(replace(scene, organization=Organization())) == ["iam:DeleteRolePermissionsBoundary"]
    assert lost(replace(scene, organization=over(A), account=A)) == []


def test_an_account_that_came_under_the_target_since_stops_the_scp(
    backend: Backend, operator: Account, tmp_path: Path
) -> None:
    plan = make_plan(operator, whole_wish())
    backend.state.items("organizations", A).put("parent", A, {"Id": OU, "Type": "ORGANIZATIONAL_UNIT"})
    backend.state.items("organizations", A).put("parent", MEMBER, {"Id": "r-abcd", "Type": "ROOT"})
    with pytest.raises(MovedError, match=f"accounts under {OU}"):
        apply(plan, operator, tmp_path, phrase=plan.phrase)


def test_an_scp_is_not_attached_over_the_operator_that_the_plan_found_free(
    backend: Backend, operator: Account
) -> None:
    step = AttachScp(name="bedrock-guard-scp-1-1", target=OU, on=True, spares="000000000012")
    step.guard(Look(operator))
    with pytest.raises(MovedError, match=f"with account {MEMBER}"):
        step.model_copy(update={"spares": MEMBER}).guard(Look(operator))
    wanted = {right.action for right in step.rights()}
    assert {"organizations:ListAccounts", "organizations:DescribeOrganization"} <= wanted


def test_a_right_lost_since_the_plan_is_found_before_the_first_write(
    backend: Backend, operator: Account, tmp_path: Path
) -> None:
    plan = make_plan(operator, whole_wish())
    less = operator_document()
    less["Statement"][1]["Action"].remove("iam:SetDefaultPolicyVersion")
    iam = session_of(backend, f"{ROOT}:role/admin").client("iam")
    iam.put_role_policy(RoleName="guard-operator", PolicyName="own", PolicyDocument=json.dumps(less))
    before = dump(backend.state.path)
    with pytest.raises(ChangeError, match="It had them when the plan was made"):
        apply(plan, operator, tmp_path, phrase=plan.phrase)
    assert dump(backend.state.path) == before
    assert list(tmp_path.glob("*.jsonl")) == []


def test_a_boundary_put_on_the_operator_since_the_plan_stops_it(
    backend: Backend, operator: Account, tmp_path: Path
) -> None:
    plan = make_plan(operator, whole_wish())
    iam = session_of(backend, f"{ROOT}:role/admin").client("iam")
    iam.put_role_permissions_boundary(
        RoleName="guard-operator", PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess"
    )
    with pytest.raises(MovedError, match="role/guard-operator: boundary was absent"):
        apply(plan, operator, tmp_path, phrase=plan.phrase)


def test_a_change_that_wrote_nothing_yet_is_begun_only_on_what_the_plan_saw(
    backend: Backend, operator: Account, tmp_path: Path
) -> None:
    """Stopped before its first step: resume is its beginning, with validity and fingerprint as at apply."""
    plan = make_plan(operator, whole_wish(valid_hours=1))
    assert apply(plan, operator, tmp_path, phrase=plan.phrase, cancel=lambda: True).state == "cancelled"
    admin = session_of(backend, f"{ROOT}:role/admin")
    admin.client("iam").put_role_permissions_boundary(RoleName="app-02", PermissionsBoundary=BOUNDARY)
    with pytest.raises(MovedError, match="role/app-02"):
        resume(journal_in(tmp_path), operator)
    operator.clock.sleep(3_700)
    with pytest.raises(PlanFileError, match="valid until"):
        resume(journal_in(tmp_path), operator)
    assert (
        rollback(journal_in(tmp_path), operator).words
        == "Nothing was changed by this journal; see the notes."
    )


def test_the_canary_has_room_for_the_policy_that_it_tries(opened: Opened) -> None:
    """Nine and ours are ten; what it tries beside ours would be the eleventh."""
    nine = [f"{ROOT}:policy/p{n}" for n in range(9)]
    texts = [policy(arn, EVERYTHING) for arn in nine]
    full = role("app-03", RolePolicyList=inline(APP), **attached(DENY, *nine))
    other = role("app-04", RolePolicyList=inline(APP), **attached(DENY))
    backend = opened(company(roles=[full, other], policies=[*texts, policy(DENY, HARMLESS)]))
    wish = Wish(denying(document(*HARMLESS["Statement"], _more())), Selection(("role/app-03", "role/app-04")))
    assert "11 managed policies" in refused(session_of(backend), wish)["quota"].what
    make_plan(session_of(backend), replace(wish, canary="role/app-04"))


def test_a_plan_of_an_older_version_of_the_kit_is_gone_on_with_and_taken_back(
    backend: Backend, operator: Account, tmp_path: Path
) -> None:
    """It lacks members that came later; its hash is that of its own text."""
    former = dump(backend.state.path)
    made = json.loads(make_plan(operator, whole_wish()).save(tmp_path / "new").read_text())
    older = {key: value for key, value in made.items() if key not in ("break_glass", "exports", "plan_id")}
    for step in (*older["steps"], *older["back"]):
        step.pop("spares", None)
    place = tmp_path / "plan.json"
    place.write_text(json.dumps({"plan_id": _hash(older), **older}))
    plan = Plan.load(place)
    assert plan.id == _hash(older)
    assert apply(plan, operator, tmp_path, phrase=plan.phrase).state == "waiting"
    assert rollback(journal_in(tmp_path), operator).state == "rolled_back"
    assert dump(backend.state.path) == former


def _hash(body: Any) -> str:
    import hashlib

    from bedrock_guard.change.texts import canonical

    return hashlib.sha256(canonical(body).encode()).hexdigest()


def test_the_operator_named_for_others_is_asked_as_itself(opened: Opened) -> None:
    """An administrator plans for an operator whose own boundary forbids the way back."""
    ceiling = f"{ROOT}:policy/ceiling"
    narrow = policy(
        ceiling, document(allow("*"), {"Effect": "Deny", "Action": "iam:Delete*", "Resource": "*"})
    )
    chief = role(
        "guard-operator", RolePolicyList=inline(operator_document()), PermissionsBoundary=bounded(ceiling)
    )
    backend = opened(company(roles=[chief], policies=[narrow]))
    wish = Wish(built(), Selection(("role/app-01",)), operator=OPERATOR)
    found = refused(session_of(backend, f"{ROOT}:role/admin"), wish)
    assert "iam:DeletePolicy" in found["permissions"].why
    assert digest(narrow["PolicyVersionList"][0]["Document"])
