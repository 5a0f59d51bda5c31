"""A small company to change: three targets, a policy with five versions, an SCP, a guardrail that is enforced."""

from __future__ import annotations

import json
import sqlite3
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bare_company import MADE, MEMBER, BareCompany
from bare_company import MANAGEMENT as A

from bedrock_guard.account.session import Account
from bedrock_guard.boundary.builder import Built, build
from bedrock_guard.boundary.prompt_rules import PromptRules
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.change.apply import Outcome, apply, resume
from bedrock_guard.change.operator_policy import operator_policy
from bedrock_guard.change.plan_file import Plan
from bedrock_guard.change.wish import Selection, Wish
from bedrock_guard.demo.clock import DemoClock
from bedrock_guard.demo.dispatch import Backend
from bedrock_guard.demo.opening import DEFAULT, open_backend
from bedrock_guard.demo.state import EVENT_SQL, event_row

OU = "ou-abcd-11111111"
ROOT = f"arn:aws:iam::{A}"
OPERATOR = f"{ROOT}:role/guard-operator"
BREAK_GLASS = f"{ROOT}:role/break-glass"
BOUNDARY = f"{ROOT}:policy/bedrock-guard-boundary"
LEGACY = f"{ROOT}:policy/legacy-boundary"
TARGETS = ("role/app-01", "role/app-02", "user/dev-001")
GUARDRAIL = "abcdefgh0001"

SPEC = f"""
version = 1
[profile.team]
accounts = ["{A}", "{MEMBER}"]
regions = ["us-east-1"]
documents = ["boundary", "scp"]
break_glass = ["{BREAK_GLASS}"]
[[profile.team.model]]
id = "amazon.nova-lite-v1:0"
routes = ["in-region"]
[profile.team.controls]
agents = false
flows = false
agentcore = false
data_automation = false
sagemaker = false
amazon_q = false
nova_act = false
claude_platform = false
instance_types = ["t3.micro"]
[guardrail]
name = "team-language"
explicit_language = "HIGH"
profanity = true
"""


def spec() -> BoundarySpec:
    return BoundarySpec.loads(SPEC)


def built() -> Built:
    return build(spec())


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(*actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*"}


EVERYTHING = document(allow("*"))
APP = document(allow("bedrock:*", "s3:GetObject", "logs:PutLogEvents", "ec2:DescribeInstances"))
_TRUST = document({"Effect": "Allow", "Principal": {"AWS": f"{ROOT}:root"}, "Action": "sts:AssumeRole"})


def user(name: str, **more: Any) -> dict[str, Any]:
    lists: dict[str, Any] = {"UserPolicyList": [], "AttachedManagedPolicies": [], "GroupList": [], "Tags": []}
    path = more.pop("Path", "/")
    return {
        "Path": path, "UserName": name, "UserId": f"AIDADEMO{name.upper():X<13}"[:21], "CreateDate": MADE,
        "Arn": f"{ROOT}:user{path}{name}", **lists, **more,
    }  # fmt: skip


def role(name: str, **more: Any) -> dict[str, Any]:
    lists: dict[str, Any] = {
        "RolePolicyList": [],
        "AttachedManagedPolicies": [],
        "Tags": [],
        "InstanceProfileList": [],
    }
    path = more.pop("Path", "/")
    return {
        "Path": path, "RoleName": name, "RoleId": f"AROADEMO{name.upper():X<13}"[:21], "CreateDate": MADE,
        "Arn": f"{ROOT}:role{path}{name}", "AssumeRolePolicyDocument": _TRUST, **lists, **more,
    }  # fmt: skip


def inline(content: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"PolicyName": "own", "PolicyDocument": content}]


def bounded(arn: str) -> dict[str, str]:
    return {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn}


def policy(arn: str, *texts: dict[str, Any], default: int = 0, **more: Any) -> dict[str, Any]:
    versions = [
        {
            "Document": text,
            "VersionId": f"v{n}",
            "IsDefaultVersion": n == default + 1,
            "CreateDate": MADE,
        }
        for n, text in enumerate(texts, start=1)
    ]
    name = arn.rpartition("/")[2]
    return {
        "PolicyName": name, "PolicyId": f"ANPADEMO{name.upper().replace('-', ''):X<13}"[:21], "Arn": arn, "Path": "/",
        "DefaultVersionId": f"v{default + 1}", "IsAttachable": True, "CreateDate": MADE, "UpdateDate": MADE,
        "PolicyVersionList": versions, "NextVersion": len(texts) + 1, **more,
    }  # fmt: skip


def old_versions() -> list[dict[str, Any]]:
    return [
        document(
            {"Sid": "Ceiling", **allow("*")},
            {
                "Sid": f"Older{n}",
                "Effect": "Deny",
                "Action": "bedrock:CreateModelImportJob",
                "Resource": "*",
            },
        )
        for n in range(1, 6)
    ]


def operator_document() -> dict[str, Any]:
    return operator_policy(A, protected=[BREAK_GLASS, OPERATOR], former=[LEGACY], scps=True, guardrails=True)


def management_iam(operator: dict[str, Any] | None = None) -> dict[str, Any]:
    app = inline(APP)
    return {
        "users": [
            user("dev-001", UserPolicyList=app, PermissionsBoundary=bounded(BOUNDARY)),
            user("dev-002", UserPolicyList=app, PermissionsBoundary=bounded(BOUNDARY)),
        ],
        "roles": [
            role("guard-operator", RolePolicyList=inline(operator or operator_document())),
            role("break-glass", RolePolicyList=inline(EVERYTHING)),
            role("admin", RolePolicyList=inline(EVERYTHING)),
            role("app-01", RolePolicyList=app, PermissionsBoundary=bounded(BOUNDARY)),
            role("app-02", RolePolicyList=app, PermissionsBoundary=bounded(LEGACY)),
        ],
        "policies": [
            policy(BOUNDARY, *old_versions(), default=2),
            policy(LEGACY, document(allow("*"))),
        ],
        "groups": [],
        "credentials": [],
        "access_keys": [],
    }


def organization() -> dict[str, Any]:
    arn = f"arn:aws:organizations::{A}"
    full = {
        "PolicySummary": {
            "Id": "p-FullAWSAccess", "Arn": "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess",
            "Name": "FullAWSAccess", "Description": "", "Type": "SERVICE_CONTROL_POLICY", "AwsManaged": True,
        },
        "Content": json.dumps(EVERYTHING),
    }  # fmt: skip
    enabled = [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}]
    old = deepcopy(full)
    old["PolicySummary"] |= {
        "Id": "p-oldscp01", "Arn": f"{arn}:policy/o-exampleorg1/service_control_policy/p-oldscp01",
        "Name": "bedrock-guard-scp-1-00000000", "AwsManaged": False,
    }  # fmt: skip
    return {
        "Organization": {
            "Id": "o-exampleorg1", "Arn": f"{arn}:organization/o-exampleorg1", "FeatureSet": "ALL",
            "MasterAccountId": A, "MasterAccountArn": f"{arn}:account/o-exampleorg1/{A}",
            "MasterAccountEmail": "root@example.com",
        },
        "Roots": [{"Id": "r-abcd", "Arn": f"{arn}:root/o-exampleorg1/r-abcd", "Name": "Root", "PolicyTypes": enabled}],
        "OrganizationalUnits": [
            {"Id": OU, "Arn": f"{arn}:ou/o-exampleorg1/{OU}", "Name": "Work", "ParentId": "r-abcd"}
        ],
        "parents": {A: "r-abcd", OU: "r-abcd", MEMBER: OU},
        "Policies": [full, old],
        "targets": {"p-FullAWSAccess": ["r-abcd", OU, MEMBER, A], "p-oldscp01": [OU]},
    }  # fmt: skip


@dataclass
class ChangeCompany(BareCompany):
    """What is changed in the tests. Give other users, roles and policies as `iam`."""

    iam: dict[str, Any] = field(default_factory=lambda: {A: management_iam(), MEMBER: {}})
    organization: dict[str, Any] = field(default_factory=organization)
    caller: str = OPERATOR


def open_company(
    path: Path, company: Any = ChangeCompany, *, enforce: bool = True, clock: DemoClock | None = None
) -> Backend:
    """The company in a file; enforcing by default."""
    return open_backend(path, DEFAULT, company=company, enforce=enforce, clock=clock)


def session_of(backend: Backend, principal: str = OPERATOR) -> Account:
    return Account.on_demo(backend, principal=principal)


def with_guardrail(backend: Backend) -> None:
    """Make the guardrail of before, a version of it, and enforce it."""
    account = session_of(backend, f"{ROOT}:role/admin")
    bedrock = account.client("bedrock")
    made = bedrock.create_guardrail(
        name="team-language",
        description="What the team may say",
        wordPolicyConfig={"managedWordListsConfig": [{"type": "PROFANITY"}]},
        blockedInputMessaging="No.",
        blockedOutputsMessaging="No.",
    )
    account.clock.sleep(10)
    version = bedrock.create_guardrail_version(guardrailIdentifier=made["guardrailId"], description="first")
    account.clock.sleep(10)
    bedrock.put_enforced_guardrail_configuration(
        guardrailInferenceConfig={
            "guardrailIdentifier": made["guardrailArn"],
            "guardrailVersion": version["version"],
            "modelEnforcement": {"includedModels": ["ALL"], "excludedModels": []},
        }
    )
    account.clock.sleep(120)


def whole_wish(**more: Any) -> Wish:
    """Three targets, a prune, a flip, an SCP instead of an older one, a guardrail that is enforced."""
    base = Wish(
        built(),
        Selection(TARGETS),
        canary="role/app-01",
        replace=True,
        watch_minutes=1,
        scp_targets=(OU,),
        attach_scps=True,
        guardrail=PromptRules.model_validate(spec().guardrail),
        enforce=True,
    )
    return replace(base, **more)


def denied(backend: Backend, role: str = "app-01") -> None:
    """A role is refused a call by its boundary, as CloudTrail writes it."""
    now = backend.state.clock.now()
    arn = f"arn:aws:sts::{A}:assumed-role/{role}/task"
    model = "meta.llama3-3-70b-instruct-v1:0"
    asked = f"bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/{model}"
    why = "with an explicit deny in a permissions boundary"
    unique = "AROADEMOAPP-01"
    issuer = {
        "type": "Role",
        "principalId": unique,
        "arn": f"{ROOT}:role/{role}",
        "accountId": A,
        "userName": role,
    }
    record = {
        "eventVersion": "1.11",
        "eventID": "00000000-0000-0000-0000-00000000d001",
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "bedrock.amazonaws.com",
        "eventName": "InvokeModel",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.10",
        "userAgent": "Boto3",
        "errorCode": "AccessDenied",
        "errorMessage": f"User: {arn} is not authorized to perform: {asked} {why}",
        "requestParameters": {"modelId": model},
        "responseElements": None,
        "userIdentity": {
            "type": "AssumedRole", "principalId": f"{unique}:task", "arn": arn, "accountId": A,
            "sessionContext": {"sessionIssuer": issuer},
        },
        "readOnly": True,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": A,
        "eventCategory": "Management",
    }  # fmt: skip
    backend.state.execute(EVENT_SQL, event_row(record, 0))


_MOVING = {
    "UpdateDate", "NextVersion", "createdAt", "updatedAt", "createdBy", "updatedBy", "_doing", "_ready", "_last",
}  # fmt: skip


def dump(path: Path) -> dict[str, Any]:
    """The whole account as data, read from its file: all of IAM, Organizations and Bedrock.

    Left out is what AWS counts up and never down: times of change, the next number of a version. A policy's versions
    are its texts with the default's id, since IAM gives a pruned text a new number when it comes back.
    """
    with sqlite3.connect(path) as database:
        rows = database.execute(
            "SELECT service, kind, account, region, key, body FROM items"
            " WHERE service IN ('iam', 'organizations', 'bedrock') AND kind <> 'request_token'"
        ).fetchall()
    database.close()
    found = {"/".join(row[:5]): json.loads(row[5]) for row in rows}
    return {key: _still(body) for key, body in sorted(found.items())}


def _still(body: Any) -> Any:
    if isinstance(body, list):
        return [_still(one) for one in body]
    if not isinstance(body, dict):
        return body
    kept = {key: _still(value) for key, value in body.items() if key not in _MOVING}
    if str(kept.get("CreateDate", "")) > MADE:
        del kept["CreateDate"]  # made during the change, some seconds sooner or later
    if str(body.get("PolicyName", "")).endswith("-change-marker"):
        return "the marker of a change in progress"
    if "PolicyVersionList" in kept:
        texts = [canonical(json.loads(v["Document"])) for v in kept["PolicyVersionList"]]
        kept["PolicyVersionList"] = sorted(texts)
        default = next(v for v in body["PolicyVersionList"] if v["IsDefaultVersion"])
        kept["default"] = [default["VersionId"], canonical(json.loads(default["Document"]))]
    return kept


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def to_the_end(plan: Plan, session: Account, folder: Path, **more: Any) -> Outcome:
    """Apply, or go on with, a change through all its gates, as a person who types every phrase."""
    found = sorted(folder.glob("*.jsonl"))
    whole = [path for path in found if path.read_bytes().count(b"\n")]
    outcome = (
        resume(whole[0], session, **more)
        if whole
        else apply(plan, session, folder, phrase=plan.phrase, **more)
    )
    while outcome.state == "waiting":
        assert outcome.journal is not None
        outcome = resume(outcome.journal, session, phrase=outcome.gate_phrase, **more)
    return outcome


def journal_in(folder: Path) -> Path:
    return next(iter(sorted(folder.glob("*.jsonl"))))
