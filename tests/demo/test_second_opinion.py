"""A second opinion on policy versions: moto's IAM and the demo's, asked the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedrock_guard.account.session import Account

moto = pytest.importorskip(
    "moto", reason="moto is not installed: the second opinion on policy versions is not asked"
)


def document(number: int) -> str:
    statement = {"Effect": "Allow", "Action": f"s3:Get{number}", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def said(call: Any, **parameters: Any) -> Any:
    """What a call brought: the parts that both must agree on."""
    try:
        answer = call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"]
    if "PolicyVersion" in answer:
        return answer["PolicyVersion"]["VersionId"], answer["PolicyVersion"]["IsDefaultVersion"]
    if "Versions" in answer:
        return sorted((v["VersionId"], v["IsDefaultVersion"]) for v in answer["Versions"])
    if "Policy" in answer:
        return answer["Policy"].get("DefaultVersionId"), answer["Policy"]["PolicyName"]
    return "done"


def history(iam: Any) -> Iterator[Any]:
    """Seven versions made, moved and deleted, with every refusal on the way."""
    yield said(iam.create_policy, PolicyName="p", PolicyDocument=document(0))
    arn = next(p["Arn"] for p in iam.list_policies(Scope="Local")["Policies"] if p["PolicyName"] == "p")
    yield said(iam.create_policy, PolicyName="p", PolicyDocument=document(0))
    for number in range(1, 6):
        yield said(
            iam.create_policy_version,
            PolicyArn=arn,
            PolicyDocument=document(number),
            SetAsDefault=number == 3,
        )
    yield said(iam.delete_policy_version, PolicyArn=arn, VersionId="v4")
    yield said(iam.delete_policy_version, PolicyArn=arn, VersionId="v2")
    yield said(iam.create_policy_version, PolicyArn=arn, PolicyDocument=document(9))
    yield said(iam.set_default_policy_version, PolicyArn=arn, VersionId="v1")
    yield said(iam.set_default_policy_version, PolicyArn=arn, VersionId="v2")
    yield said(iam.list_policy_versions, PolicyArn=arn)
    yield said(iam.get_policy, PolicyArn=arn)


def test_both_tell_the_same_history_of_versions(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3 = pytest.importorskip("boto3")
    ours = list(history(account.client("iam")))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with moto.mock_aws():
        theirs = list(history(boto3.client("iam", region_name="us-east-1")))
    assert ours == theirs
