"""Users, roles, groups, policies and credentials of the demo company, in IAM's own shapes.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from bedrock_guard.demo.company import people, policies, prices, story
from bedrock_guard.demo.company.clock import ago, stamp
from bedrock_guard.demo.company.people import CALLERS, SSO_PATH, identifier, role_id, user_id
from bedrock_guard.demo.company.plan import Plan
from bedrock_guard.demo.company.refusals import DATA_BOUNDARY
from bedrock_guard.demo.company.workloads import WORKLOADS

Entity = dict[str, Any]
AWS_POLICY: Final = "arn:aws:iam::aws:policy/"
ANALYST: Final = "bedrock-analyst"
AUDIT: Final = "security-audit"
_FOUNDED: Final = ago(700)

_TRUSTED: Final = {
    "contract-review-service": "ecs-tasks.amazonaws.com",
    "search-api": "ec2.amazonaws.com",
    "support-assistant": "lambda.amazonaws.com",
    people.AGENT_ROLE: "bedrock.amazonaws.com",
    "invoice-extractor": "lambda.amazonaws.com",
    "policy-qa": "lambda.amazonaws.com",
    "data-pipeline": "bedrock.amazonaws.com",
    "search-batch": "bedrock.amazonaws.com",
    "terraform-deploy": "codebuild.amazonaws.com",
}


def company_iam(plan: Plan) -> dict[str, dict[str, Any]]:
    """Account -> users, roles, groups, policies, credentials, access_keys, last_accessed."""
    return {account: _account(plan, account) for account in plan.accounts}


def analyst_arn(plan: Plan) -> str:
    """The role as which the demo account is looked at."""
    return f"arn:aws:iam::{plan.accounts[0]}:role/{ANALYST}"


def _account(plan: Plan, account: str) -> dict[str, Any]:
    users = list(_users(plan, account))
    roles = list(_roles(plan, account))
    return {
        "users": users,
        "roles": roles,
        "groups": [_group(account)],
        "policies": list(_policies(plan, account)),
        "credentials": list(_credentials(plan, account)),
        "access_keys": list(_access_keys(plan, account)),
        "last_accessed": _last_accessed(plan, account, users, roles),
    }


def _entity(account: str, kind: str, name: str, path: str, created: datetime) -> Entity:
    unique = user_id(account, name) if kind == "User" else role_id(account, name)
    return {
        "Path": path,
        f"{kind}Name": name,
        f"{kind}Id": unique,
        "Arn": f"arn:aws:iam::{account}:{kind.lower()}{path}{name}",
        "CreateDate": stamp(created),
        "AttachedManagedPolicies": [],
        "Tags": [],
    }


def _attached(*arns: str) -> list[dict[str, str]]:
    return [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in arns]


def _inline(name: str, content: policies.Document) -> dict[str, Any]:
    return {"PolicyName": name, "PolicyDocument": content}


def _boundary(account: str) -> dict[str, str]:
    arn = f"arn:aws:iam::{account}:policy/{DATA_BOUNDARY}"
    return {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn}


def _users(plan: Plan, account: str) -> Iterable[Entity]:
    if account != plan.account(0):
        return
    user = _entity(account, "User", people.PHANTOM, "/", story.PHANTOM_BORN)
    yield {
        **user,
        "GroupList": [],
        "UserPolicyList": [],
        "AttachedManagedPolicies": _attached(story.LIMITED_ACCESS),
    }
    user = _entity(account, "User", people.REPORTING, "/service/", ago(420))
    yield {
        **user,
        "GroupList": ["batch-users"],
        "Tags": [{"Key": "team", "Value": "finance"}],
        "UserPolicyList": [_inline("models", policies.model_use(*policies.BEARER))],
    }
    user = _entity(account, "User", people.ETL, "/", ago(610))
    yield {
        **user,
        "GroupList": ["batch-users"],
        "PermissionsBoundary": _boundary(account),
        "UserPolicyList": [_inline("models", policies.model_use())],
    }
    user = _entity(account, "User", story.CONTRACTOR, "/external/", ago(160))
    yield {
        **user,
        "GroupList": [],
        "AttachedManagedPolicies": _attached(f"{AWS_POLICY}AmazonBedrockFullAccess"),
        "UserPolicyList": [],
        "PasswordLastUsed": stamp(ago(34)),
    }
    user = _entity(account, "User", story.PILOT, "/", ago(300))
    yield {**user, "GroupList": [], "AttachedManagedPolicies": _attached(story.LIMITED_ACCESS),
           "UserPolicyList": []}  # fmt: skip


def _group(account: str) -> Entity:
    return {
        "Path": "/",
        "GroupName": "batch-users",
        "GroupId": identifier("G", account, "batch-users"),
        "Arn": f"arn:aws:iam::{account}:group/batch-users",
        "CreateDate": stamp(_FOUNDED),
        "GroupPolicyList": [
            _inline("reports", policies.document(policies.allow("s3:GetObject", "s3:PutObject")))
        ],
        "AttachedManagedPolicies": [],
    }


def _roles(plan: Plan, account: str) -> Iterable[Entity]:
    names = {
        caller.name: caller
        for caller in CALLERS.values()
        if caller.form != "user" and plan.account(caller.home) == account
    }
    for name, caller in sorted(names.items()):
        yield _role(plan, account, name, f"/{caller.path}")
    audit = _entity(account, "Role", AUDIT, "/", _FOUNDED)
    yield {
        **audit,
        "AssumeRolePolicyDocument": policies.account_trust(plan.accounts[0]),
        "RolePolicyList": [],
        "AttachedManagedPolicies": _attached(f"{AWS_POLICY}ReadOnlyAccess", f"{AWS_POLICY}IAMReadOnlyAccess"),
    }
    if account == plan.account(1):
        loader = _entity(account, "Role", "data-loader", "/", ago(560))
        yield {
            **loader,
            "AssumeRolePolicyDocument": policies.service_trust("glue.amazonaws.com"),
            "RolePolicyList": [_inline("data", policies.document(policies.allow("s3:*", "glue:*")))],
            "PermissionsBoundary": _boundary(account),
        }
    if account == plan.accounts[0]:
        analyst = _entity(account, "Role", ANALYST, "/", ago(380))
        yield {
            **analyst,
            "AssumeRolePolicyDocument": policies.account_trust(account),
            "RolePolicyList": [_inline("governance", policies.analyst())],
            "Description": "Looks at Bedrock's cost and keys; manages the boundary.",
        }
        linked = _entity(
            account, "Role", "AWSServiceRoleForSupport", "/aws-service-role/support.amazonaws.com/", _FOUNDED
        )
        yield {**linked, "AssumeRolePolicyDocument": policies.service_trust("support.amazonaws.com"),
               "RolePolicyList": []}  # fmt: skip


def _role(plan: Plan, account: str, name: str, path: str) -> Entity:
    role = _entity(account, "Role", name, path, ago(330))
    role |= {
        "RolePolicyList": [],
        "AssumeRolePolicyDocument": _trust_of(name, account),
        "MaxSessionDuration": 3600,
    }
    used = last_use(plan, {caller.key for caller in CALLERS.values() if caller.name == name})
    if used is not None:
        role["RoleLastUsed"] = {"LastUsedDate": stamp(used), "Region": "us-east-1"}
    if name in (people.ADMINISTRATOR, people.BREAK_GLASS):
        role["AttachedManagedPolicies"] = _attached(f"{AWS_POLICY}AdministratorAccess")
    elif name == people.RESEARCHER:
        role["AttachedManagedPolicies"] = _attached(
            f"{AWS_POLICY}AmazonBedrockFullAccess", f"{AWS_POLICY}AmazonEC2FullAccess"
        )
        pipeline = f"arn:aws:iam::{account}:role/data-pipeline"
        passing = policies.allow("iam:PassRole", resource=pipeline)
        role["RolePolicyList"] = [_inline("AwsSSOInlinePolicy", policies.document(passing))]
    elif name == people.DEVELOPER:
        role["RolePolicyList"] = [
            _inline(
                "AwsSSOInlinePolicy", policies.model_use(*policies.MANTLE, *policies.BEARER, "bedrock:List*")
            )
        ]
    elif name == "terraform-deploy":
        role["AttachedManagedPolicies"] = _attached(f"{AWS_POLICY}PowerUserAccess")
    elif name == "invoice-extractor":
        role["RolePolicyList"] = [_inline("one-model", policies.one_model(prices.HAIKU))]
    else:
        arn = f"arn:aws:iam::{account}:policy/ModelUsers"
        role["AttachedManagedPolicies"] = _attached(arn)
    return role


def _trust_of(name: str, account: str) -> policies.Document:
    if name.startswith("AWSReservedSSO_"):
        return policies.sso_trust(account)
    if name == "github-ci":
        provider = f"arn:aws:iam::{account}:oidc-provider/token.actions.githubusercontent.com"
        return policies.trust({"Federated": provider}, "sts:AssumeRoleWithWebIdentity")
    if name in _TRUSTED:
        return policies.service_trust(_TRUSTED[name])
    return policies.account_trust(account)


def _policies(plan: Plan, account: str) -> Iterable[Entity]:
    old = policies.document(policies.allow("bedrock:*"))
    new = policies.model_use("bedrock:CreateModelInvocationJob", "bedrock:ApplyGuardrail", "iam:PassRole")
    yield _policy(account, "ModelUsers", (ago(500), old), (ago(210), new))
    if account in {plan.account(0), plan.account(1)}:
        yield _policy(account, DATA_BOUNDARY, (ago(590), policies.data_boundary()))


def _policy(account: str, name: str, *versions: tuple[datetime, policies.Document]) -> Entity:
    listed = [
        {"VersionId": f"v{number}", "IsDefaultVersion": number == len(versions), "CreateDate": stamp(at),
         "Document": content}
        for number, (at, content) in enumerate(versions, 1)
    ]  # fmt: skip
    return {
        "PolicyName": name,
        "PolicyId": identifier("P", account, name),
        "Arn": f"arn:aws:iam::{account}:policy/{name}",
        "Path": "/",
        "DefaultVersionId": f"v{len(versions)}",
        "IsAttachable": True,
        "CreateDate": stamp(versions[0][0]),
        "UpdateDate": stamp(versions[-1][0]),
        "PolicyVersionList": listed[::-1],
    }


def _credentials(plan: Plan, account: str) -> Iterable[Entity]:
    """Two usable Bedrock keys, one switched off, one expired, and a CodeCommit password that is none."""
    if account != plan.account(0):
        return
    born = story.PHANTOM_BORN + timedelta(seconds=2)
    yield _credential(story.PHANTOM_CREDENTIAL, people.PHANTOM, account, born, born + timedelta(days=365))
    yield _credential(story.REPORTING_CREDENTIAL, people.REPORTING, account, ago(401), None)
    off = _credential(story.CONTRACTOR_CREDENTIAL, story.CONTRACTOR, account, ago(150), ago(150 - 365))
    yield {**off, "Status": "Inactive"}
    gone = _credential(story.EXPIRED_CREDENTIAL, story.PILOT, account, ago(210), ago(120))
    yield {**gone, "Status": "Expired"}
    yield {
        "CreateDate": stamp(ago(598)),
        "ServiceName": "codecommit.amazonaws.com",
        "ServiceUserName": f"{people.ETL}-at-{account}",
        "ServiceSpecificCredentialId": story.CODECOMMIT_CREDENTIAL,
        "UserName": people.ETL,
        "Status": "Active",
    }


def _credential(name: str, user: str, account: str, created: datetime, expires: datetime | None) -> Entity:
    body = {
        "CreateDate": stamp(created),
        "ServiceName": "bedrock.amazonaws.com",
        "ServiceCredentialAlias": f"{user}-at-{account}",
        "ServiceSpecificCredentialId": name,
        "UserName": user,
        "Status": "Active",
    }
    return body if expires is None else {**body, "ExpirationDate": stamp(expires)}


def _access_keys(plan: Plan, account: str) -> Iterable[Entity]:
    if account != plan.account(0):
        return
    etl = people.access_key_of(CALLERS["etl"], account, "")
    used = last_use(plan, {"etl"}) or ago(400)
    yield {
        "UserName": people.ETL,
        "AccessKeyId": etl,
        "Status": "Active",
        "CreateDate": stamp(ago(610)),
        "LastUsed": {"LastUsedDate": stamp(used), "ServiceName": "bedrock", "Region": "us-east-1"},
    }
    yield {"UserName": story.CONTRACTOR, "AccessKeyId": identifier("K", account, story.CONTRACTOR),
           "Status": "Inactive", "CreateDate": stamp(ago(159)),
           "LastUsed": {"LastUsedDate": stamp(ago(66)), "ServiceName": "s3", "Region": "us-west-2"}}  # fmt: skip


def last_use(plan: Plan, callers: set[str]) -> datetime | None:
    """About when one of the callers last used a model: the end of its last active window; None is never."""
    keys = {workload.key for workload in WORKLOADS if workload.caller in callers}
    volumes = [volume for volume in plan.volumes if volume.workload.key in keys]
    if not volumes:
        return None
    last = max(volumes, key=lambda volume: (volume.day, volume.window[1]))
    midnight = datetime.combine(last.day, datetime.min.time(), ago().tzinfo)
    return midnight + timedelta(seconds=last.window[1] - 1)


def _last_accessed(
    plan: Plan, account: str, users: Iterable[Entity], roles: Iterable[Entity]
) -> dict[str, list[Entity]]:
    """Access advisor's rows: Bedrock and, for those who may, mantle; users that only had a key have a date too."""
    rows: dict[str, list[Entity]] = {}
    for entity in (*users, *roles):
        name = entity.get("UserName") or entity["RoleName"]
        keys = {
            caller.key
            for caller in CALLERS.values()
            if caller.name == name and plan.account(caller.home) == account
        }
        mantle = {key for key in keys if key.startswith("mantle")}
        rows[entity["Arn"]] = [
            _service("Amazon Bedrock", "bedrock", entity["Arn"], last_use(plan, keys - mantle)),
            _service("Amazon Bedrock Mantle", "bedrock-mantle", entity["Arn"], last_use(plan, mantle)),
        ]
    return rows


def _service(name: str, namespace: str, arn: str, used: datetime | None) -> Entity:
    row: Entity = {"ServiceName": name, "ServiceNamespace": namespace}
    if used is None:
        return row
    return {
        **row,
        "LastAuthenticated": stamp(used),
        "LastAuthenticatedEntity": arn,
        "LastAuthenticatedRegion": "us-east-1",
    }


def sso_roles(plan: Plan) -> list[str]:
    """ARNs of the Identity Center roles."""
    return sorted({c.arn(plan.account(c.home)) for c in CALLERS.values() if c.path == SSO_PATH})
