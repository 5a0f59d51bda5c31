"""With enforce=True every call is decided by identity policy, boundary and SCPs, in AWS's words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedrock_guard.account.session import Account

OpenAccount = Callable[..., Account]
MANAGEMENT, MEMBER = "111122223333", "000000000011"


def policy(effect: str = "Allow", action: Any = "*", resource: Any = "*", **condition: Any) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": resource}
    statement |= {"Condition": condition} if condition else {}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def both(*documents: str) -> str:
    statements = [s for d in documents for s in json.loads(d)["Statement"]]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture
def admin(open_account: OpenAccount) -> Account:
    return open_account(enforce=True)


def acting_as(admin: Account, principal: str) -> Account:
    assert admin.demo_backend is not None
    return Account.on_demo(admin.demo_backend, principal=f"arn:aws:iam::{principal}")


def denial(call: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    assert error["Code"] in {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
    return str(error["Message"])


def test_no_policy_allows_it(admin: Account) -> None:
    reader = acting_as(admin, f"{MANAGEMENT}:user/reader")
    assert reader.client("iam").get_user(UserName="dev-001")
    assert denial(reader.client("iam").create_user, UserName="x") == (
        "User: arn:aws:iam::111122223333:user/reader is not authorized to perform: iam:CreateUser on resource: "
        "arn:aws:iam::111122223333:user/x because no identity-based policy allows the iam:CreateUser action"
    )


def test_a_user_without_any_policy_may_only_ask_who_it_is(admin: Account) -> None:
    nobody = acting_as(admin, f"{MANAGEMENT}:user/dev-001")
    assert nobody.caller_arn == "arn:aws:iam::111122223333:user/dev-001"
    denial(nobody.client("iam").list_users)


def test_explicit_deny_in_an_identity_policy(admin: Account) -> None:
    document = both(policy(), policy("Deny", "iam:DeleteUser", "arn:aws:iam::*:user/dev-002"))
    admin.client("iam").put_user_policy(UserName="dev-001", PolicyName="p", PolicyDocument=document)
    user = acting_as(admin, f"{MANAGEMENT}:user/dev-001").client("iam")
    assert denial(user.delete_user, UserName="dev-002").endswith(
        "with an explicit deny in an identity-based policy"
    )
    user.delete_user(UserName="dev-003")


def test_a_boundary_that_does_not_list_the_service(admin: Account) -> None:
    iam = admin.client("iam")
    arn = iam.create_policy(PolicyName="b", PolicyDocument=policy(action="bedrock:*"))["Policy"]["Arn"]
    iam.put_user_policy(UserName="dev-001", PolicyName="p", PolicyDocument=policy())
    user = acting_as(admin, f"{MANAGEMENT}:user/dev-001").client("iam")
    assert user.list_users()["Users"]
    iam.put_user_permissions_boundary(UserName="dev-001", PermissionsBoundary=arn)
    assert denial(user.list_users).endswith("because no permissions boundary allows the iam:ListUsers action")


def test_a_new_default_version_binds_at_once(admin: Account) -> None:
    iam = admin.client("iam")
    arn = iam.create_policy(PolicyName="b", PolicyDocument=policy())["Policy"]["Arn"]
    iam.put_user_policy(UserName="dev-001", PolicyName="p", PolicyDocument=policy())
    iam.put_user_permissions_boundary(UserName="dev-001", PermissionsBoundary=arn)
    user = acting_as(admin, f"{MANAGEMENT}:user/dev-001").client("iam")
    assert user.list_users()["Users"]
    deny = both(policy(), policy("Deny", "iam:*"))
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=deny)
    assert user.list_users()["Users"]
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    said = denial(user.list_users)
    assert said.endswith(f"with an explicit deny in a permissions boundary: {arn}")
    assert f"iam:ListUsers on resource: arn:aws:iam::{MANAGEMENT}:user/ with" in said
    iam.delete_user_permissions_boundary(UserName="dev-001")
    assert user.list_users()["Users"]


def test_an_scp_binds_members_and_not_the_management_account(admin: Account) -> None:
    organizations = admin.client("organizations")
    made = organizations.create_policy(
        Name="no-types", Description="d", Type="SERVICE_CONTROL_POLICY", Content=policy("Deny", "ec2:*")
    )["Policy"]["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=made, TargetId="r-abcd")
    assert admin.client("ec2").describe_instance_types()["InstanceTypes"]
    worker = acting_as(admin, f"{MEMBER}:role/worker").client("ec2")
    message = denial(worker.describe_instance_types)
    assert message.startswith(
        "You are not authorized to perform this operation. User: arn:aws:sts::000000000011:assumed-role/"
    )
    assert message.endswith("with an explicit deny in a service control policy")
    organizations.detach_policy(PolicyId=made, TargetId="r-abcd")
    assert worker.describe_instance_types()["InstanceTypes"]


def test_an_scp_level_that_allows_nothing(admin: Account) -> None:
    organizations = admin.client("organizations")
    made = organizations.create_policy(
        Name="only-iam", Description="d", Type="SERVICE_CONTROL_POLICY", Content=policy(action="iam:*")
    )["Policy"]["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=made, TargetId=MEMBER)
    organizations.detach_policy(PolicyId="p-FullAWSAccess", TargetId=MEMBER)
    worker = acting_as(admin, f"{MEMBER}:role/worker")
    assert worker.client("iam").list_roles()["Roles"]
    message = denial(worker.client("ec2").describe_instances)
    assert "because no service control policy allows the ec2:DescribeInstances action" in message


def test_groups_count(admin: Account) -> None:
    iam = admin.client("iam")
    iam.create_group(GroupName="readers")
    iam.put_group_policy(GroupName="readers", PolicyName="p", PolicyDocument=policy(action="iam:List*"))
    user = acting_as(admin, f"{MANAGEMENT}:user/dev-001").client("iam")
    denial(user.list_users)
    iam.add_user_to_group(GroupName="readers", UserName="dev-001")
    assert user.list_users()["Users"]


def test_the_boundary_key_of_the_request_decides(admin: Account) -> None:
    """The operator's policy: attach and take away our policies only."""
    iam = admin.client("iam")
    ours = iam.create_policy(PolicyName="ours", Path="/bedrock-guard/", PolicyDocument=policy())["Policy"][
        "Arn"
    ]
    theirs = iam.create_policy(PolicyName="theirs", PolicyDocument=policy())["Policy"]["Arn"]
    allowed = policy(
        action=["iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary"],
        ArnLike={"iam:PermissionsBoundary": "arn:aws:iam::111122223333:policy/bedrock-guard/*"},
    )
    iam.put_user_policy(UserName="dev-001", PolicyName="p", PolicyDocument=allowed)
    operator = acting_as(admin, f"{MANAGEMENT}:user/dev-001").client("iam")
    operator.put_role_permissions_boundary(RoleName="app-01", PermissionsBoundary=ours)
    denial(operator.put_role_permissions_boundary, RoleName="app-02", PermissionsBoundary=theirs)
    iam.put_role_permissions_boundary(RoleName="app-02", PermissionsBoundary=theirs)
    denial(operator.delete_role_permissions_boundary, RoleName="app-02")
    operator.delete_role_permissions_boundary(RoleName="app-01")
    assert "PermissionsBoundary" in iam.get_role(RoleName="app-02")["Role"]


def test_a_dry_run_tells_what_a_boundary_refuses(admin: Account) -> None:
    iam = admin.client("iam")
    document = both(policy(), policy("Deny", "ec2:RunInstances", "arn:aws:ec2:*:*:instance/*",
                                     StringLike={"ec2:InstanceType": "p5.*"}))  # fmt: skip
    arn = iam.create_policy(PolicyName="b", PolicyDocument=document)["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="app-01", PermissionsBoundary=arn)
    iam.put_role_policy(RoleName="app-01", PolicyName="own", PolicyDocument=policy())
    ec2 = acting_as(admin, f"{MANAGEMENT}:role/app-01").client("ec2")

    def launch(kind: str) -> str:
        with pytest.raises(ClientError) as caught:
            ec2.run_instances(
                ImageId="ami-0de00000000000001", InstanceType=kind, MinCount=1, MaxCount=1, DryRun=True
            )
        return str(caught.value.response["Error"]["Code"])

    assert launch("p5.48xlarge") == "UnauthorizedOperation"
    assert launch("t3.micro") == "DryRunOperation"


def test_a_role_is_assumed_when_policy_and_trust_agree(admin: Account) -> None:
    sts = admin.client("sts")
    made = sts.assume_role(RoleArn=f"arn:aws:iam::{MANAGEMENT}:role/app-01", RoleSessionName="me")
    assert made["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{MANAGEMENT}:assumed-role/app-01/me"
    assert "sts:AssumeRole" in denial(
        sts.assume_role, RoleArn=f"arn:aws:iam::{MEMBER}:role/worker", RoleSessionName="me"
    )
    reader = acting_as(admin, f"{MANAGEMENT}:user/reader").client("sts")
    denial(reader.assume_role, RoleArn=f"arn:aws:iam::{MANAGEMENT}:role/app-01", RoleSessionName="me")


def test_organizations_words_a_denial_in_its_own_way(admin: Account) -> None:
    reader = acting_as(admin, f"{MANAGEMENT}:user/reader")
    assert (
        denial(reader.client("organizations").list_accounts)
        == "You don't have permissions to access this resource."
    )


def test_nothing_is_decided_without_enforce(open_account: OpenAccount) -> None:
    account = open_account(principal=f"arn:aws:iam::{MANAGEMENT}:user/dev-001")
    assert account.client("iam").list_users()["Users"]


def test_a_refused_call_is_in_cloudtrail_and_leaves_nothing_else(open_account: OpenAccount) -> None:
    account = open_account(principal="arn:aws:iam::111122223333:user/reader", enforce=True)
    with pytest.raises(ClientError, match="not authorized"):
        account.client("iam").create_user(UserName="x")
    backend = account.demo_backend
    backend.enforce = False
    account.clock.sleep(600)
    (event,) = Account.on_demo(backend).client("cloudtrail").lookup_events()["Events"]
    record = json.loads(event["CloudTrailEvent"])
    assert (event["EventName"], record["errorCode"], record["requestParameters"]) == (
        "CreateUser", "AccessDenied", None,
    )  # fmt: skip
    assert "because no identity-based policy allows the iam:CreateUser action" in record["errorMessage"]
    assert not backend.state.rows("SELECT 1 FROM items WHERE kind = 'user' AND key = 'x'")


def test_a_tag_of_the_target_can_be_asked_for(open_account: OpenAccount) -> None:
    only_core = policy(action="iam:TagUser", StringEquals={"aws:ResourceTag/team": "core"})
    account = open_account()
    iam = account.client("iam")
    iam.put_user_policy(UserName="reader", PolicyName="tags", PolicyDocument=only_core)
    account.demo_backend.enforce = True
    reader = acting_as(account, f"{MANAGEMENT}:user/reader").client("iam")
    reader.tag_user(UserName="dev-001", Tags=[{"Key": "a", "Value": "b"}])
    with pytest.raises(ClientError, match="not authorized"):
        reader.tag_user(UserName="admin", Tags=[{"Key": "a", "Value": "b"}])


@pytest.mark.parametrize(
    ("operation", "asked", "resource"),
    [
        ("create_user", {"UserName": "x"}, f"arn:aws:iam::{MANAGEMENT}:user/x"),
        ("tag_user", {"UserName": "admin", "Tags": []}, "user admin"),
        ("delete_role", {"RoleName": "app-01"}, "role app-01"),
        ("create_policy", {"PolicyName": "p", "PolicyDocument": policy()}, "policy p"),
        (
            "set_default_policy_version",
            {"PolicyArn": f"arn:aws:iam::{MANAGEMENT}:policy/p", "VersionId": "v2"},
            f"policy arn:aws:iam::{MANAGEMENT}:policy/p",
        ),
    ],
)
def test_iam_names_what_was_asked_for_as_aws_does(
    admin: Account, operation: str, asked: dict[str, Any], resource: str
) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html."""
    iam = acting_as(admin, f"{MANAGEMENT}:user/reader").client("iam")
    assert f" on resource: {resource} because no identity-based policy" in denial(
        getattr(iam, operation), **asked
    )
