"""Users, roles, groups and boundaries through boto3, with IAM's own errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedrock_guard.account.session import Account

ACCOUNT = "111122223333"
ALLOW = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)


@pytest.fixture
def iam(account: Account) -> Any:
    return account.client("iam")


def refused(call: Any, **parameters: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error, meta = caught.value.response["Error"], caught.value.response["ResponseMetadata"]
    return error["Code"], meta["HTTPStatusCode"], error["Message"]


def test_users_really_page(iam: Any) -> None:
    pages = list(iam.get_paginator("list_users").paginate())
    names = [user["UserName"] for part in pages for user in part["Users"]]
    assert [len(part["Users"]) for part in pages] == [100, 100, 52]
    assert [part["IsTruncated"] for part in pages] == [True, True, False]
    assert "Marker" not in pages[-1]
    assert names == sorted(set(names))
    assert len(names) == 252


def test_list_users_leaves_out_boundary_and_tags(iam: Any) -> None:
    policy = iam.create_policy(PolicyName="b", PolicyDocument=ALLOW)["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="dev-001", PermissionsBoundary=policy)
    listed = next(u for u in iam.list_users()["Users"] if u["UserName"] == "dev-001")
    got = iam.get_user(UserName="dev-001")["User"]
    assert "PermissionsBoundary" not in listed
    assert "Tags" not in listed
    assert got["PermissionsBoundary"] == {
        "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
        "PermissionsBoundaryArn": policy,
    }
    assert got["Tags"] == [{"Key": "team", "Value": "core"}]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"UserName": "a<b"}, "Member must satisfy regular expression pattern"),
        ({"UserName": "x" * 129}, "Member must have length less than or equal to 128"),
    ],
)
def test_names_outside_the_model_are_refused_by_the_service(
    iam: Any, parameters: dict[str, str], message: str
) -> None:
    code, status, said = refused(iam.get_user, **parameters)
    assert (code, status) == ("ValidationError", 400)
    assert said.startswith("1 validation error detected: Value '")
    assert message in said


def test_enum_and_range_are_checked_by_the_service(iam: Any) -> None:
    code, _, said = refused(iam.list_policies, Scope="Everything")
    assert (code, "Member must satisfy enum value set" in said) == ("ValidationError", True)
    code, _, said = refused(iam.list_users, MaxItems=1001)
    assert "Member must have value less than or equal to 1000" in said


def test_what_is_not_there(iam: Any) -> None:
    assert refused(iam.get_user, UserName="nobody") == (
        "NoSuchEntity",
        404,
        "The user with name nobody cannot be found.",
    )
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="nothing")


def test_a_user_from_beginning_to_end(iam: Any) -> None:
    made = iam.create_user(UserName="new", Path="/team/", Tags=[{"Key": "a", "Value": "1"}])["User"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/team/new"
    assert refused(iam.create_user, UserName="NEW")[:2] == ("EntityAlreadyExists", 409)
    iam.put_user_policy(UserName="new", PolicyName="p", PolicyDocument=ALLOW)
    assert iam.list_user_policies(UserName="new")["PolicyNames"] == ["p"]
    assert iam.get_user_policy(UserName="new", PolicyName="p")["PolicyDocument"] == json.loads(ALLOW)
    assert refused(iam.delete_user, UserName="new")[:2] == ("DeleteConflict", 409)
    iam.delete_user_policy(UserName="new", PolicyName="p")
    iam.attach_user_policy(UserName="new", PolicyArn="arn:aws:iam::aws:policy/PowerUserAccess")
    assert refused(iam.delete_user, UserName="new")[0] == "DeleteConflict"
    iam.detach_user_policy(UserName="new", PolicyArn="arn:aws:iam::aws:policy/PowerUserAccess")
    iam.untag_user(UserName="new", TagKeys=["a"])
    assert iam.list_user_tags(UserName="new")["Tags"] == []
    iam.delete_user(UserName="new")
    assert refused(iam.get_user, UserName="new")[0] == "NoSuchEntity"


def test_unique_ids_are_new_for_a_user_made_again(iam: Any) -> None:
    first = iam.create_user(UserName="again")["User"]["UserId"]
    iam.delete_user(UserName="again")
    assert iam.create_user(UserName="again")["User"]["UserId"] != first


def test_a_boundary_must_exist(iam: Any) -> None:
    missing = f"arn:aws:iam::{ACCOUNT}:policy/missing"
    for call, key in (
        (iam.put_user_permissions_boundary, {"UserName": "dev-001"}),
        (iam.put_role_permissions_boundary, {"RoleName": "app-01"}),
    ):
        code, status, said = refused(call, PermissionsBoundary=missing, **key)
        assert (code, status) == ("NoSuchEntity", 404)
        assert missing in said
    assert refused(iam.create_user, UserName="bounded", PermissionsBoundary=missing)[0] == "NoSuchEntity"
    assert refused(iam.get_user, UserName="bounded")[0] == "NoSuchEntity"


def test_a_boundary_is_put_replaced_and_taken_away(iam: Any) -> None:
    first, second = (
        iam.create_policy(PolicyName=n, PolicyDocument=ALLOW)["Policy"]["Arn"] for n in ("one", "two")
    )
    iam.put_role_permissions_boundary(RoleName="app-01", PermissionsBoundary=first)
    iam.put_role_permissions_boundary(RoleName="app-01", PermissionsBoundary=second)
    assert iam.get_role(RoleName="app-01")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == second
    assert iam.get_policy(PolicyArn=first)["Policy"]["PermissionsBoundaryUsageCount"] == 0
    assert iam.get_policy(PolicyArn=second)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    assert refused(iam.delete_policy, PolicyArn=second)[:2] == ("DeleteConflict", 409)
    iam.delete_role_permissions_boundary(RoleName="app-01")
    assert "PermissionsBoundary" not in iam.get_role(RoleName="app-01")["Role"]
    assert refused(iam.delete_role_permissions_boundary, RoleName="app-01")[0] == "NoSuchEntity"


def test_roles_that_belong_to_aws_are_left_alone(iam: Any) -> None:
    policy = iam.create_policy(PolicyName="b", PolicyDocument=ALLOW)["Policy"]["Arn"]
    code, status, said = refused(
        iam.put_role_permissions_boundary, RoleName="AWSServiceRoleForSupport", PermissionsBoundary=policy
    )
    assert (code, status) == ("UnmodifiableEntity", 400)
    assert "protected role" in said


def test_list_entities_tells_boundary_and_permission_apart(iam: Any) -> None:
    policy = iam.create_policy(PolicyName="b", PolicyDocument=ALLOW)["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="app-01", PermissionsBoundary=policy)
    iam.attach_user_policy(UserName="dev-001", PolicyArn=policy)

    def names(**filters: str) -> tuple[list[str], list[str]]:
        found = iam.list_entities_for_policy(PolicyArn=policy, **filters)
        return [u["UserName"] for u in found["PolicyUsers"]], [r["RoleName"] for r in found["PolicyRoles"]]

    assert names() == (["dev-001"], ["app-01"])
    assert names(PolicyUsageFilter="PermissionsBoundary") == ([], ["app-01"])
    assert names(PolicyUsageFilter="PermissionsPolicy") == (["dev-001"], [])
    assert names(EntityFilter="Role") == ([], ["app-01"])


def test_list_entities_pages_over_all_kinds_together(iam: Any) -> None:
    policy = iam.create_policy(PolicyName="b", PolicyDocument=ALLOW)["Policy"]["Arn"]
    for number in range(5):
        iam.attach_user_policy(UserName=f"dev-{number:03d}", PolicyArn=policy)
        iam.attach_role_policy(RoleName=f"app-{number:02d}", PolicyArn=policy)
    pages = list(
        iam.get_paginator("list_entities_for_policy").paginate(
            PolicyArn=policy, PaginationConfig={"PageSize": 3}
        )
    )
    assert len(pages) == 4
    assert sum(len(p["PolicyUsers"]) for p in pages) == sum(len(p["PolicyRoles"]) for p in pages) == 5


def test_groups(iam: Any) -> None:
    iam.create_group(GroupName="team")
    for name in ("dev-001", "dev-002"):
        iam.add_user_to_group(GroupName="team", UserName=name)
    assert [u["UserName"] for u in iam.get_group(GroupName="team")["Users"]] == ["dev-001", "dev-002"]
    assert [g["GroupName"] for g in iam.list_groups_for_user(UserName="dev-001")["Groups"]] == ["team"]
    assert refused(iam.delete_group, GroupName="team")[0] == "DeleteConflict"
    for name in ("dev-001", "dev-002"):
        iam.remove_user_from_group(GroupName="team", UserName=name)
    iam.delete_group(GroupName="team")
    assert iam.list_groups()["Groups"] == []


def test_a_role_from_beginning_to_end(iam: Any) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    role = iam.create_role(
        RoleName="new", AssumeRolePolicyDocument=json.dumps(trust), MaxSessionDuration=7200
    )["Role"]
    assert role["AssumeRolePolicyDocument"] == trust
    assert iam.get_role(RoleName="new")["Role"]["MaxSessionDuration"] == 7200
    iam.update_role(RoleName="new", Description="changed")
    assert iam.get_role(RoleName="new")["Role"]["Description"] == "changed"
    assert (
        refused(iam.create_role, RoleName="x", AssumeRolePolicyDocument=ALLOW)[0] == "MalformedPolicyDocument"
    )
    iam.delete_role(RoleName="new")
    assert refused(iam.get_role, RoleName="new")[0] == "NoSuchEntity"


def test_at_most_ten_policies_are_attached(iam: Any) -> None:
    arns = [iam.create_policy(PolicyName=f"p{n}", PolicyDocument=ALLOW)["Policy"]["Arn"] for n in range(11)]
    for arn in arns[:10]:
        iam.attach_user_policy(UserName="dev-001", PolicyArn=arn)
    iam.attach_user_policy(UserName="dev-001", PolicyArn=arns[0])
    assert refused(iam.attach_user_policy, UserName="dev-001", PolicyArn=arns[10])[:2] == (
        "LimitExceeded",
        409,
    )
    assert len(iam.list_attached_user_policies(UserName="dev-001")["AttachedPolicies"]) == 10


def test_authorization_details_hold_everything_once(iam: Any) -> None:
    iam.create_policy(PolicyName="own", PolicyDocument=ALLOW)
    pages = list(
        iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 90})
    )
    names = [user["UserName"] for part in pages for user in part["UserDetailList"]]
    roles = [role for part in pages for role in part["RoleDetailList"]]
    policies = {policy["PolicyName"]: policy for part in pages for policy in part["Policies"]}
    assert len(pages) == 3
    assert len(names) == len(set(names)) == 252
    assert len(roles) == 14
    assert set(policies) == {"own", "AdministratorAccess"}
    assert policies["AdministratorAccess"]["AttachmentCount"] == 2
    assert policies["own"]["PolicyVersionList"][0]["Document"] == json.loads(ALLOW)
    app = next(role for role in roles if role["RoleName"] == "app-01")
    assert app["RolePolicyList"][0]["PolicyDocument"]["Statement"][0]["Action"] == ["bedrock:*"]
    only = iam.get_account_authorization_details(Filter=["LocalManagedPolicy"])
    assert [p["PolicyName"] for p in only["Policies"]] == ["own"]
    assert only["UserDetailList"] == []
