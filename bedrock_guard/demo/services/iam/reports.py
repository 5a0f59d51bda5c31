"""Access advisor, the credential report, the account's summary and alias."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from typing import Any

from bedrock_guard.demo.service import Answer, Request, ServiceError, page
from bedrock_guard.demo.services.iam.common import SERVICE, listing, no_such, only
from bedrock_guard.demo.state import Body

JOB_TAKES = timedelta(seconds=2)
REPORT_LIVES = timedelta(hours=4)
_REPORT_COLUMNS = [
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    "access_key_1_active",
    "access_key_1_last_rotated",
    "access_key_1_last_used_date",
    "access_key_1_last_used_region",
    "access_key_1_last_used_service",
    "access_key_2_active",
    "access_key_2_last_rotated",
    "access_key_2_last_used_date",
    "access_key_2_last_used_region",
    "access_key_2_last_used_service",
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
]
_SWITCHES = ("access_key_1_active", "access_key_2_active", "cert_1_active", "cert_2_active")


@SERVICE.operation("GenerateServiceLastAccessedDetails")
def generate_service_last_accessed_details(request: Request) -> Answer:
    """Start a job about a user, role, group or policy; it takes two demo seconds."""
    p = request.parameters
    kind, _, path = p["Arn"].split(":", 5)[-1].partition("/")
    if kind not in {"user", "role", "group", "policy"} or not p["Arn"].startswith("arn:"):
        raise ServiceError("InvalidInput", f"Invalid ARN: {p['Arn']}")
    name = p["Arn"] if kind == "policy" else path.rpartition("/")[2]
    if request.items.get(kind, name) is None:
        raise no_such(f"ARN {p['Arn']} does not exist.")
    number = request.state.next_number("advisor-job")
    job_id = f"00000000-0000-4000-8000-{number:012d}"
    job = {"Arn": p["Arn"], "JobType": p.get("Granularity", "SERVICE_LEVEL"), "JobCreationDate": request.now}
    request.items.put("advisor_job", job_id, job)
    return {"JobId": job_id}


@SERVICE.operation(
    "GetServiceLastAccessedDetails", may_lack=("JobCompletionDate",), gap="tells of Bedrock's services only"
)
def get_service_last_accessed_details(request: Request) -> Answer:
    """The services a principal's policies allow, each with its last use."""
    job = request.items.get("advisor_job", request.parameters["JobId"])
    if job is None:
        raise no_such(f"JobId {request.parameters['JobId']} cannot be found.")
    done = datetime.fromisoformat(job["JobCreationDate"]) + JOB_TAKES
    common = only(job, ("JobType", "JobCreationDate"))
    if request.now < done:
        return common | {"JobStatus": "IN_PROGRESS", "ServicesLastAccessed": [], "IsTruncated": False}
    stored = request.items.get("last_accessed", job["Arn"]) or {"ServicesLastAccessed": []}
    rows = [_at_level(row, job["JobType"]) for row in stored["ServicesLastAccessed"]]
    part = page(rows, request, token_name="Marker", size_name="MaxItems")  # noqa: S106 - a member's name
    found = part.answer("ServicesLastAccessed", truncated="IsTruncated")
    return common | found | {"JobStatus": "COMPLETED", "JobCompletionDate": done}


def _at_level(row: Body, level: str) -> Body:
    shown = {"TotalAuthenticatedEntities": 1 if row.get("LastAuthenticated") else 0} | row
    if level == "SERVICE_LEVEL":
        shown.pop("TrackedActionsLastAccessed", None)
    return shown


@SERVICE.operation("GenerateCredentialReport")
def generate_credential_report(request: Request) -> Answer:
    """Start the report; it takes two demo seconds and is kept four hours."""
    report = request.items.get("credential_report", "report")
    if report is not None:
        age = request.now - datetime.fromisoformat(report["Started"])
        if age < JOB_TAKES:
            return {"State": "INPROGRESS"}
        if age < REPORT_LIVES:
            return {"State": "COMPLETE"}
    request.items.put("credential_report", "report", {"Started": request.now})
    return {"State": "STARTED", "Description": "No report exists. Starting a new report generation task"}


@SERVICE.operation("GetCredentialReport")
def get_credential_report(request: Request) -> Answer:
    """The report as CSV."""
    report = request.items.get("credential_report", "report")
    if report is None:
        raise ServiceError("ReportNotPresent", "No credential report present.")
    age = request.now - datetime.fromisoformat(report["Started"])
    if age < JOB_TAKES:
        raise ServiceError("ReportInProgress", "Credential report generation is in progress.")
    if age >= REPORT_LIVES:
        raise ServiceError("ReportExpired", "The credential report has expired.")
    text = io.StringIO()
    writer = csv.DictWriter(text, _REPORT_COLUMNS, restval="N/A", lineterminator="\n")
    writer.writeheader()
    writer.writerow(_root_row(request))
    keys = request.items.bodies("access_key")
    for user in request.items.bodies("user"):
        writer.writerow(_report_row(user, [key for key in keys if key["UserName"] == user["UserName"]]))
    return {
        "Content": text.getvalue().encode(),
        "ReportFormat": "text/csv",
        "GeneratedTime": report["Started"],
    }


def _root_row(request: Request) -> dict[str, Any]:
    """Every report begins with the root user, whose password rules do not apply to."""
    account = request.items.at(service="organizations", account=request.state.meta("management") or "")
    joined = (account.get("account", request.account) or {}).get("JoinedTimestamp", "N/A")
    passwords = ("password_enabled", "password_last_changed", "password_next_rotation")
    return {
        "user": "<root_account>",
        "arn": f"arn:aws:iam::{request.account}:root",
        "user_creation_time": joined,
        **dict.fromkeys(passwords, "not_supported"),
        "password_last_used": "no_information",
        "mfa_active": "true",
        **dict.fromkeys(_SWITCHES, "false"),
    }


def _report_row(user: Body, keys: list[Body]) -> dict[str, Any]:
    console = "LoginProfile" in user or "PasswordLastUsed" in user
    row: dict[str, Any] = {
        "user": user["UserName"],
        "arn": user["Arn"],
        "user_creation_time": user["CreateDate"],
        "password_enabled": _word(told=console),
        "password_last_used": user.get("PasswordLastUsed", "no_information") if console else "N/A",
        "mfa_active": _word(told=bool(user.get("MFADevices"))),
        **dict.fromkeys(_SWITCHES, "false"),
    }
    for number, key in enumerate(keys[:2], 1):
        used = key.get("LastUsed") or {}
        row |= {
            f"access_key_{number}_active": _word(told=key["Status"] == "Active"),
            f"access_key_{number}_last_rotated": key["CreateDate"],
            f"access_key_{number}_last_used_date": used.get("LastUsedDate", "N/A"),
            f"access_key_{number}_last_used_region": used.get("Region", "N/A"),
            f"access_key_{number}_last_used_service": used.get("ServiceName", "N/A"),
        }
    return row


def _word(*, told: bool) -> str:
    return "true" if told else "false"


@SERVICE.operation("GetAccountSummary", gap="only counts and quotas that the demo keeps")
def get_account_summary(request: Request) -> Answer:
    """Counts and quotas."""
    items = request.items
    users = items.bodies("user")
    summary = {
        "Users": len(users),
        "Roles": len(items.bodies("role")),
        "Groups": len(items.bodies("group")),
        "Policies": len(items.bodies("policy")),
        "MFADevicesInUse": sum(bool(user.get("MFADevices")) for user in users),
        "AccessKeysPerUserQuota": 2,
        "AttachedPoliciesPerUserQuota": 10,
        "PolicySizeQuota": 6144,
        "VersionsPerPolicyQuota": 5,
    }
    return {"SummaryMap": summary}


@SERVICE.operation("ListAccountAliases")
def list_account_aliases(request: Request) -> Answer:
    """The account's alias, where it has one."""
    return listing(
        request, "AccountAliases", [body["AccountAlias"] for body in request.items.bodies("alias")]
    )
