"""Organizations through boto3: the tree, SCPs and their rules."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedrock_guard.account.session import Account

SCP = "SERVICE_CONTROL_POLICY"
DENY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}]}
)


@pytest.fixture
def client(account: Account) -> Any:
    return account.client("organizations")


def code(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def make(client: Any, name: str, content: str = DENY) -> str:
    made = client.create_policy(Name=name, Description="", Type=SCP, Content=content)
    return str(made["Policy"]["PolicySummary"]["Id"])


def test_the_tree(client: Any) -> None:
    root = client.list_roots()["Roots"][0]["Id"]
    unit = client.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"][0]["Id"]
    assert [a["Id"] for a in client.list_accounts_for_parent(ParentId=unit)["Accounts"]] == ["000000000011"]
    assert client.list_parents(ChildId="000000000011")["Parents"] == [
        {"Id": unit, "Type": "ORGANIZATIONAL_UNIT"}
    ]
    assert client.list_parents(ChildId=unit)["Parents"] == [{"Id": root, "Type": "ROOT"}]
    assert client.list_children(ParentId=root, ChildType="ACCOUNT")["Children"] == [
        {"Id": "111122223333", "Type": "ACCOUNT"}
    ]
    account = client.describe_account(AccountId="000000000011")["Account"]
    assert account["Paths"] == [f"o-exampleorg1/{root}/{unit}/000000000011/"]
    assert client.describe_organization()["Organization"]["MasterAccountId"] == "111122223333"


def test_accounts_page(client: Any) -> None:
    pages = list(client.get_paginator("list_accounts").paginate(PaginationConfig={"PageSize": 1}))
    assert [a["Id"] for part in pages for a in part["Accounts"]] == ["000000000011", "111122223333"]


def test_an_scp_from_beginning_to_end(client: Any) -> None:
    policy = make(client, "guard")
    assert (
        code(client.create_policy, Name="guard", Description="", Type=SCP, Content=DENY)
        == "DuplicatePolicyException"
    )
    client.attach_policy(PolicyId=policy, TargetId="r-abcd")
    assert (
        code(client.attach_policy, PolicyId=policy, TargetId="r-abcd") == "DuplicatePolicyAttachmentException"
    )
    assert client.list_targets_for_policy(PolicyId=policy)["Targets"][0]["Type"] == "ROOT"
    attached = client.list_policies_for_target(TargetId="r-abcd", Filter=SCP)["Policies"]
    assert {p["Name"] for p in attached} == {"FullAWSAccess", "guard"}
    client.update_policy(PolicyId=policy, Name="guard-2")
    assert client.describe_policy(PolicyId=policy)["Policy"]["PolicySummary"]["Name"] == "guard-2"
    assert json.loads(client.describe_policy(PolicyId=policy)["Policy"]["Content"]) == json.loads(DENY)
    assert code(client.delete_policy, PolicyId=policy) == "PolicyInUseException"
    client.detach_policy(PolicyId=policy, TargetId="r-abcd")
    client.delete_policy(PolicyId=policy)
    assert code(client.describe_policy, PolicyId=policy) == "PolicyNotFoundException"


def test_the_last_scp_of_a_target_stays(client: Any) -> None:
    with pytest.raises(client.exceptions.ConstraintViolationException) as caught:
        client.detach_policy(PolicyId="p-FullAWSAccess", TargetId="000000000011")
    assert caught.value.response["Reason"] == "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"


def test_at_most_ten_on_one_target(client: Any) -> None:
    for number in range(9):
        client.attach_policy(PolicyId=make(client, f"p{number}"), TargetId="000000000011")
    with pytest.raises(client.exceptions.ConstraintViolationException) as caught:
        client.attach_policy(PolicyId=make(client, "one-more"), TargetId="000000000011")
    assert caught.value.response["Reason"] == "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"


@pytest.mark.parametrize("content", ["{nope", '{"Version":"2012-10-17","Statement":[{"Effect":"Deny"}]}'])
def test_malformed_content(client: Any, content: str) -> None:
    assert code(client.create_policy, Name="x", Description="", Type=SCP, Content=content) == (
        "MalformedPolicyDocumentException"
    )


def test_white_space_counts(client: Any) -> None:
    make(client, "fits", DENY + " " * (10_240 - len(DENY)))
    with pytest.raises(client.exceptions.ConstraintViolationException) as caught:
        make(client, "over", DENY + " " * (10_241 - len(DENY)))
    assert caught.value.response["Reason"] == "POLICY_CONTENT_LIMIT_EXCEEDED"


def test_a_policy_of_aws_is_immutable(client: Any) -> None:
    with pytest.raises(client.exceptions.InvalidInputException) as caught:
        client.update_policy(PolicyId="p-FullAWSAccess", Name="mine")
    assert caught.value.response["Reason"] == "IMMUTABLE_POLICY"


def test_members_see_the_organisation_and_nothing_else(account: Account) -> None:
    assert account.demo_backend is not None
    member = Account.on_demo(account.demo_backend, principal="arn:aws:iam::000000000011:role/worker")
    client = member.client("organizations")
    assert client.describe_organization()["Organization"]["Id"] == "o-exampleorg1"
    assert code(client.list_accounts) == "AccessDeniedException"


def test_what_is_not_there(client: Any) -> None:
    assert code(client.describe_account, AccountId="000000000099") == "AccountNotFoundException"
    assert code(client.list_accounts_for_parent, ParentId="ou-none-11111111") == "ParentNotFoundException"
    assert (
        code(client.attach_policy, PolicyId="p-FullAWSAccess", TargetId="000000000099")
        == "TargetNotFoundException"
    )
