"""Credentials, access keys, reports, access advisor and simulation through boto3."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedrock_guard.account.session import Account

BEDROCK = "bedrock.amazonaws.com"


@pytest.fixture
def iam(account: Account) -> Any:
    return account.client("iam")


def code(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def policy(effect: str, action: str, resource: str = "*", **condition: Any) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": resource}
    statement |= {"Condition": condition} if condition else {}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_credentials_of_one_and_of_all_users(iam: Any) -> None:
    one = iam.list_service_specific_credentials(UserName="dev-001")["ServiceSpecificCredentials"]
    assert [(c["Status"], "ExpirationDate" in c) for c in one] == [("Active", False)]
    everybody = iam.list_service_specific_credentials(AllUsers=True, ServiceName=BEDROCK)
    assert [c["UserName"] for c in everybody["ServiceSpecificCredentials"]] == ["dev-001", "dev-002"]
    assert code(iam.list_service_specific_credentials, AllUsers=True, UserName="dev-001") == "ValidationError"
    assert code(iam.list_service_specific_credentials, UserName="nobody") == "NoSuchEntity"


def test_credentials_page_by_marker(iam: Any) -> None:
    for number in range(5):
        iam.create_service_specific_credential(UserName=f"dev-{number + 10:03d}", ServiceName=BEDROCK)
    found, marker = [], None
    while True:
        more = {"Marker": marker} if marker else {}
        part = iam.list_service_specific_credentials(AllUsers=True, MaxItems=2, **more)
        found += part["ServiceSpecificCredentials"]
        assert part["IsTruncated"] == ("Marker" in part)
        marker = part.get("Marker")
        if marker is None:
            break
    assert len({c["ServiceSpecificCredentialId"] for c in found}) == len(found) == 7


def test_expiry_is_a_matter_of_the_clock(account: Account, iam: Any) -> None:
    expired = iam.list_service_specific_credentials(UserName="dev-002")["ServiceSpecificCredentials"][0]
    assert expired["Status"] == "Expired"
    made = iam.create_service_specific_credential(
        UserName="dev-003", ServiceName=BEDROCK, CredentialAgeDays=1
    )
    assert made["ServiceSpecificCredential"]["ExpirationDate"] == datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert (
        iam.list_service_specific_credentials(UserName="dev-003")["ServiceSpecificCredentials"][0]["Status"]
        == "Active"
    )
    account.clock.sleep(timedelta(days=1).total_seconds())
    assert (
        iam.list_service_specific_credentials(UserName="dev-003")["ServiceSpecificCredentials"][0]["Status"]
        == "Expired"
    )


def test_a_credential_from_beginning_to_end(account: Account, iam: Any) -> None:
    made = iam.create_service_specific_credential(UserName="dev-003", ServiceName=BEDROCK)[
        "ServiceSpecificCredential"
    ]
    key = {"UserName": "dev-003", "ServiceSpecificCredentialId": made["ServiceSpecificCredentialId"]}
    assert made["ServiceCredentialSecret"]
    stored = account.demo_backend.state.rows("SELECT body FROM items WHERE kind = 'credential'")
    assert not any(made["ServiceCredentialSecret"] in row[0] for row in stored)
    iam.update_service_specific_credential(**key, Status="Inactive")
    listed = iam.list_service_specific_credentials(UserName="dev-003")["ServiceSpecificCredentials"]
    assert [(c["Status"], "ServiceCredentialSecret" in c) for c in listed] == [("Inactive", False)]
    iam.create_service_specific_credential(UserName="dev-003", ServiceName=BEDROCK)
    assert (
        code(iam.create_service_specific_credential, UserName="dev-003", ServiceName=BEDROCK)
        == "LimitExceeded"
    )
    assert (
        code(iam.create_service_specific_credential, UserName="dev-003", ServiceName="x.example")
        == "NotSupportedService"
    )
    iam.delete_service_specific_credential(**key)
    assert code(iam.delete_service_specific_credential, **key) == "NoSuchEntity"


def test_a_credential_of_somebody_else_is_not_found(iam: Any) -> None:
    assert code(
        iam.delete_service_specific_credential, UserName="dev-005", ServiceSpecificCredentialId="ACCADEMO000000000001"
    ) == "NoSuchEntity"  # fmt: skip


def test_an_access_key_opens_the_demo_until_it_is_inactive(account: Account, iam: Any) -> None:
    key = iam.create_access_key(UserName="dev-003")["AccessKey"]
    session = account._session
    sts = session.client(
        "sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    assert sts.get_caller_identity()["Arn"] == "arn:aws:iam::111122223333:user/dev-003"
    used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
    assert used == {"ServiceName": "N/A", "Region": "N/A"}
    iam.update_access_key(UserName="dev-003", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert code(sts.get_caller_identity) == "InvalidClientTokenId"
    iam.create_access_key(UserName="dev-003")
    assert code(iam.create_access_key, UserName="dev-003") == "LimitExceeded"


def test_temporary_keys_expire_on_the_demo_clock(account: Account) -> None:
    sts = account.client("sts")
    role = "arn:aws:iam::000000000011:role/worker"
    made = sts.assume_role(RoleArn=role, RoleSessionName="me", DurationSeconds=900)["Credentials"]
    worker = account._session.client(
        "sts",
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
        aws_session_token=made["SessionToken"],
    )
    assert worker.get_caller_identity()["Account"] == "000000000011"
    without = account._session.client(
        "sts", aws_access_key_id=made["AccessKeyId"], aws_secret_access_key=made["SecretAccessKey"]
    )
    assert code(without.get_caller_identity) == "InvalidClientTokenId"
    account.clock.sleep(901)
    assert code(worker.get_caller_identity) == "ExpiredToken"
    assert (
        code(sts.assume_role, RoleArn=role, RoleSessionName="me", DurationSeconds=7200) == "ValidationError"
    )
    assert code(sts.assume_role, RoleArn=role + "x", RoleSessionName="me") == "AccessDenied"


def test_access_advisor_is_a_job(account: Account, iam: Any) -> None:
    arn = "arn:aws:iam::111122223333:user/dev-001"
    job = iam.generate_service_last_accessed_details(Arn=arn)["JobId"]
    first = iam.get_service_last_accessed_details(JobId=job)
    assert (first["JobStatus"], "JobCompletionDate" in first) == ("IN_PROGRESS", False)
    account.clock.sleep(2)
    done = iam.get_service_last_accessed_details(JobId=job)
    assert done["JobStatus"] == "COMPLETED"
    assert [s["ServiceNamespace"] for s in done["ServicesLastAccessed"]] == ["bedrock"]
    assert code(iam.generate_service_last_accessed_details, Arn=arn + "-none") == "NoSuchEntity"


def test_the_credential_report_has_to_be_made_first(account: Account, iam: Any) -> None:
    assert code(iam.get_credential_report) == "ReportNotPresent"
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert code(iam.get_credential_report) == "ReportInProgress"
    account.clock.sleep(2)
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    rows = list(csv.DictReader(io.StringIO(report["Content"].decode())))
    assert (len(rows), report["ReportFormat"]) == (253, "text/csv")
    assert (rows[0]["user"], rows[0]["password_enabled"]) == ("<root_account>", "not_supported")
    assert rows[1]["access_key_1_active"] == "false"
    account.clock.sleep(4 * 3600)
    assert code(iam.get_credential_report) == "ReportExpired"


def test_the_account_summary_counts(iam: Any) -> None:
    summary = iam.get_account_summary()["SummaryMap"]
    assert (summary["Users"], summary["Roles"], summary["VersionsPerPolicyQuota"]) == (252, 14, 5)


def test_simulate_custom_policy(iam: Any) -> None:
    answer = iam.simulate_custom_policy(
        PolicyInputList=[policy("Allow", "bedrock:*")],
        PermissionsBoundaryPolicyInputList=[policy("Allow", "bedrock:Get*")],
        ActionNames=["bedrock:InvokeModel", "bedrock:GetGuardrail"],
    )
    rows = {r["EvalActionName"]: r for r in answer["EvaluationResults"]}
    assert rows["bedrock:InvokeModel"]["EvalDecision"] == "implicitDeny"
    assert rows["bedrock:InvokeModel"]["PermissionsBoundaryDecisionDetail"] == {
        "AllowedByPermissionsBoundary": False
    }
    assert rows["bedrock:GetGuardrail"]["EvalDecision"] == "allowed"
    assert (
        code(iam.simulate_custom_policy, PolicyInputList=["{nope"], ActionNames=["s3:Get"]) == "InvalidInput"
    )


def test_simulations_page(iam: Any) -> None:
    actions = [f"bedrock:Action{n}" for n in range(7)]
    call = {"PolicyInputList": [policy("Allow", "*")], "ActionNames": actions}
    pages = list(
        iam.get_paginator("simulate_custom_policy").paginate(**call, PaginationConfig={"PageSize": 3})
    )
    assert [r["EvalActionName"] for part in pages for r in part["EvaluationResults"]] == actions
    assert len(pages) == 3


def test_simulate_a_principal_with_its_boundary_and_with_another(iam: Any) -> None:
    role = "arn:aws:iam::111122223333:role/app-01"

    def decision(**more: Any) -> str:
        call = {"PolicySourceArn": role, "ActionNames": ["bedrock:InvokeModel"], **more}
        return str(iam.simulate_principal_policy(**call)["EvaluationResults"][0]["EvalDecision"])

    assert decision() == "allowed"
    arn = iam.create_policy(PolicyName="b", PolicyDocument=policy("Deny", "bedrock:InvokeModel"))["Policy"][
        "Arn"
    ]
    iam.put_role_permissions_boundary(RoleName="app-01", PermissionsBoundary=arn)
    assert decision() == "explicitDeny"
    assert decision(PermissionsBoundaryPolicyInputList=[policy("Allow", "*")]) == "allowed"
    assert decision(PermissionsBoundaryPolicyInputList=[policy("Allow", "s3:*")]) == "implicitDeny"
    assert decision(PolicyExclusionList=[{"PolicyType": "permission-boundary"}]) == "allowed"
    assert (
        code(iam.simulate_principal_policy, PolicySourceArn=role + "x", ActionNames=["s3:Get"])
        == "NoSuchEntity"
    )


def test_simulation_sees_tags_and_keys_given(iam: Any) -> None:
    iam.put_user_policy(
        UserName="dev-001",
        PolicyName="p",
        PolicyDocument=policy(
            "Allow",
            "bedrock:*",
            StringEquals={"aws:PrincipalTag/team": "core", "aws:RequestedRegion": "us-east-1"},
        ),
    )
    call = {
        "PolicySourceArn": "arn:aws:iam::111122223333:user/dev-001",
        "ActionNames": ["bedrock:InvokeModel"],
    }
    missing = iam.simulate_principal_policy(**call)["EvaluationResults"][0]
    assert (missing["EvalDecision"], missing["MissingContextValues"]) == (
        "implicitDeny",
        ["aws:RequestedRegion"],
    )
    region = {
        "ContextKeyName": "aws:RequestedRegion",
        "ContextKeyValues": ["us-east-1"],
        "ContextKeyType": "string",
    }
    assert (
        iam.simulate_principal_policy(**call, ContextEntries=[region])["EvaluationResults"][0]["EvalDecision"]
        == "allowed"
    )
    keys = iam.get_context_keys_for_principal_policy(PolicySourceArn=call["PolicySourceArn"])[
        "ContextKeyNames"
    ]
    assert keys == ["aws:PrincipalTag/team", "aws:RequestedRegion"]
