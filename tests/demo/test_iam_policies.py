"""Managed policies and their versions: IAM's rules and quotas."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedrock_guard.account.session import Account


def document(marker: int = 0, effect: str = "Allow") -> str:
    statement = {"Sid": f"S{marker}", "Effect": effect, "Action": "s3:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def iam(account: Account) -> Any:
    return account.client("iam")


@pytest.fixture
def arn(iam: Any) -> str:
    return str(
        iam.create_policy(PolicyName="guard", Path="/bedrock-guard/", PolicyDocument=document())["Policy"][
            "Arn"
        ]
    )


def code(call: Any, **parameters: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_create_and_read_back(iam: Any, arn: str) -> None:
    assert arn == "arn:aws:iam::111122223333:policy/bedrock-guard/guard"
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (policy["DefaultVersionId"], policy["AttachmentCount"], policy["IsAttachable"]) == ("v1", 0, True)
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == json.loads(
        document()
    )


def test_the_name_is_unique_whatever_path_and_case(iam: Any, arn: str) -> None:
    assert code(iam.create_policy, PolicyName="GUARD", Path="/other/", PolicyDocument=document()) == (
        "EntityAlreadyExists",
        409,
    )


def test_five_versions_and_numbers_never_used_twice(iam: Any, arn: str) -> None:
    for number in range(2, 6):
        made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(number))["PolicyVersion"]
        assert (made["VersionId"], made["IsDefaultVersion"]) == (f"v{number}", False)
    assert code(iam.create_policy_version, PolicyArn=arn, PolicyDocument=document(6)) == (
        "LimitExceeded",
        409,
    )
    iam.delete_policy_version(PolicyArn=arn, VersionId="v5")
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(6), SetAsDefault=True)[
        "PolicyVersion"
    ]
    assert (made["VersionId"], made["IsDefaultVersion"]) == ("v6", True)
    listed = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [v["VersionId"] for v in listed] == ["v6", "v4", "v3", "v2", "v1"]
    assert [v["IsDefaultVersion"] for v in listed] == [True, False, False, False, False]


def test_the_default_is_protected_and_can_move(iam: Any, arn: str) -> None:
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(2))
    assert code(iam.delete_policy_version, PolicyArn=arn, VersionId="v1") == ("DeleteConflict", 409)
    assert code(iam.set_default_policy_version, PolicyArn=arn, VersionId="v9") == ("NoSuchEntity", 404)
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v2"
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    assert code(iam.get_policy_version, PolicyArn=arn, VersionId="v1") == ("NoSuchEntity", 404)


def test_delete_needs_one_version_and_nobody_attached(iam: Any, arn: str) -> None:
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(2))
    assert code(iam.delete_policy, PolicyArn=arn) == ("DeleteConflict", 409)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.attach_role_policy(RoleName="app-01", PolicyArn=arn)
    assert code(iam.delete_policy, PolicyArn=arn) == ("DeleteConflict", 409)
    iam.detach_role_policy(RoleName="app-01", PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
    assert code(iam.get_policy, PolicyArn=arn) == ("NoSuchEntity", 404)


@pytest.mark.parametrize(
    "text",
    [
        "{nope",
        '{"Version":"2012-10-17","Statement":[]}',
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}]}',
        '{"Version":"2012-10-18","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}',
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*"}]}',
        '{"Version":"2012-10-17","Statement":[{"Effect":"Permit","Action":"*","Resource":"*"}]}',
        '{"Version":"2012-10-17","Statement":[{"Sid":"a b","Effect":"Allow","Action":"*","Resource":"*"}]}',
    ],
)
def test_malformed_documents_are_refused(iam: Any, text: str) -> None:
    assert code(iam.create_policy, PolicyName="bad", PolicyDocument=text) == ("MalformedPolicyDocument", 400)
    assert code(iam.get_policy, PolicyArn="arn:aws:iam::111122223333:policy/bad")[0] == "NoSuchEntity"


def test_size_is_counted_without_white_space(iam: Any) -> None:
    def sized(characters: int) -> str:
        base = json.dumps(json.loads(document()), separators=(",", ":"))
        filler = characters - len(base)
        return base.replace('"s3:*"', '"s3:' + "a" * filler + '*"')

    iam.create_policy(PolicyName="full", PolicyDocument=sized(6144) + " " * 5000)
    assert code(iam.create_policy, PolicyName="over", PolicyDocument=sized(6145)) == ("LimitExceeded", 409)


def test_characters_above_latin_1_are_refused(iam: Any) -> None:
    text = document().replace("s3:*", "s3:Get\u0430*")
    assert code(iam.create_policy, PolicyName="cyrillic", PolicyDocument=text)[0] == "ValidationError"


def test_list_policies_filters(iam: Any, arn: str) -> None:
    iam.put_role_permissions_boundary(RoleName="app-01", PermissionsBoundary=arn)

    def names(**filters: Any) -> list[str]:
        return [policy["PolicyName"] for policy in iam.list_policies(**filters)["Policies"]]

    assert names(Scope="Local") == ["guard"]
    assert names(Scope="Local", PolicyUsageFilter="PermissionsBoundary") == ["guard"]
    assert names(Scope="Local", OnlyAttached=True) == []
    assert names(Scope="AWS", OnlyAttached=True) == ["AdministratorAccess"]
    assert names(Scope="Local", PathPrefix="/nowhere/") == []


def test_policies_of_aws_cannot_be_changed(iam: Any) -> None:
    aws = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert iam.get_policy(PolicyArn=aws)["Policy"]["AttachmentCount"] == 2
    assert code(iam.create_policy_version, PolicyArn=aws, PolicyDocument=document()) == ("AccessDenied", 403)


def test_an_unknown_marker_is_refused(iam: Any, arn: str) -> None:
    assert code(iam.list_policy_versions, PolicyArn=arn, Marker="100") == ("ValidationError", 400)
