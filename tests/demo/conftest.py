"""A small company of the tests' own, and accounts opened on it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from bare_company import MADE, MANAGEMENT, MEMBER, BareCompany

from bedrock_guard.account.session import Account
from bedrock_guard.demo.opening import DEFAULT, open_backend


def allow(*actions: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def trust(account: str) -> dict[str, Any]:
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}],
    }


def user(account: str, name: str, **more: Any) -> dict[str, Any]:
    base = {"Path": "/", "UserName": name, "UserId": f"AIDADEMO{name.upper():X<13}"[:21], "CreateDate": MADE}
    lists = {"UserPolicyList": [], "AttachedManagedPolicies": [], "GroupList": [], "Tags": []}
    return base | {"Arn": f"arn:aws:iam::{account}:user/{name}"} | lists | more


def role(account: str, name: str, path: str = "/", **more: Any) -> dict[str, Any]:
    base = {"Path": path, "RoleName": name, "RoleId": f"AROADEMO{name.upper():X<13}"[:21], "CreateDate": MADE}
    lists = {"RolePolicyList": [], "AttachedManagedPolicies": [], "Tags": [], "InstanceProfileList": []}
    arn = {"Arn": f"arn:aws:iam::{account}:role{path}{name}", "AssumeRolePolicyDocument": trust(account)}
    return base | arn | lists | more


def attached(name: str) -> list[dict[str, str]]:
    return [{"PolicyName": name, "PolicyArn": f"arn:aws:iam::aws:policy/{name}"}]


def inline(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"PolicyName": "own", "PolicyDocument": document}]


def management_iam() -> dict[str, Any]:
    a = MANAGEMENT
    names = [f"dev-{i:03d}" for i in range(250)]
    return {
        "users": [
            user(a, "admin", AttachedManagedPolicies=attached("AdministratorAccess")),
            user(a, "reader", UserPolicyList=inline(allow("iam:Get*", "iam:List*"))),
            *(user(a, name, Tags=[{"Key": "team", "Value": "core"}]) for name in names),
        ],
        "roles": [
            role(a, "analyst", AttachedManagedPolicies=attached("AdministratorAccess")),
            role(a, "AWSServiceRoleForSupport", "/aws-service-role/support.amazonaws.com/"),
            *(role(a, f"app-{i:02d}", RolePolicyList=inline(allow("bedrock:*"))) for i in range(12)),
        ],
        "groups": [],
        "policies": [],
        "credentials": [
            {
                "UserName": "dev-001",
                "Status": "Active",
                "ServiceCredentialAlias": "dev-001-at-111122223333",
                "CreateDate": MADE,
                "ServiceSpecificCredentialId": "ACCADEMO000000000001",
                "ServiceName": "bedrock.amazonaws.com",
            },
            {
                "UserName": "dev-002",
                "Status": "Active",
                "ServiceCredentialAlias": "dev-002-at-111122223333",
                "CreateDate": MADE,
                "ExpirationDate": "2026-06-01T00:00:00Z",
                "ServiceSpecificCredentialId": "ACCADEMO000000000002",
                "ServiceName": "bedrock.amazonaws.com",
            },
        ],
        "access_keys": [],
        "last_accessed": {
            f"arn:aws:iam::{a}:user/dev-001": [
                {"ServiceName": "Amazon Bedrock", "ServiceNamespace": "bedrock", "LastAuthenticated": MADE}
            ]
        },
    }


def organization() -> dict[str, Any]:
    arn = f"arn:aws:organizations::{MANAGEMENT}"
    full = {
        "PolicySummary": {
            "Id": "p-FullAWSAccess",
            "Arn": "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess",
            "Name": "FullAWSAccess",
            "Type": "SERVICE_CONTROL_POLICY",
            "AwsManaged": True,
        },
        "Content": allow("*"),
    }
    return {
        "Organization": {
            "Id": "o-exampleorg1",
            "Arn": f"{arn}:organization/o-exampleorg1",
            "FeatureSet": "ALL",
            "MasterAccountId": MANAGEMENT,
            "MasterAccountArn": f"{arn}:account/o-exampleorg1/{MANAGEMENT}",
            "MasterAccountEmail": "root@example.com",
        },
        "Roots": [
            {
                "Id": "r-abcd",
                "Arn": f"{arn}:root/o-exampleorg1/r-abcd",
                "Name": "Root",
                "PolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}],
            }
        ],
        "OrganizationalUnits": [
            {
                "Id": "ou-abcd-11111111",
                "Arn": f"{arn}:ou/o-exampleorg1/ou-abcd-11111111",
                "Name": "Work",
                "ParentId": "r-abcd",
            }
        ],
        "parents": {MANAGEMENT: "r-abcd", "ou-abcd-11111111": "r-abcd", MEMBER: "ou-abcd-11111111"},
        "Policies": [full],
        "targets": {"p-FullAWSAccess": ["r-abcd", "ou-abcd-11111111", MEMBER, MANAGEMENT]},
    }


@dataclass
class SmallCompany(BareCompany):
    """Two accounts, 252 users, 14 roles."""

    iam: dict[str, Any] = field(
        default_factory=lambda: {
            MANAGEMENT: management_iam(),
            MEMBER: {
                "roles": [role(MEMBER, "worker", AttachedManagedPolicies=attached("AdministratorAccess"))]
            },
        }
    )
    organization: dict[str, Any] = field(default_factory=organization)


OpenAccount = Callable[..., Account]


@pytest.fixture(autouse=True)
def sockets_tried(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Any attempt to look up a host or open a connection fails, and fails the test even if it was swallowed."""
    tried: list[Any] = []

    def refuse(*args: Any, **_: Any) -> None:
        tried.append(args)
        raise OSError("no sockets in these tests")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield tried
    assert tried == []


@pytest.fixture
def open_account(tmp_path: Path) -> Iterator[OpenAccount]:
    """Opens the small company; each call without a path has a new state."""
    opened: list[Any] = []

    def _open(principal: str | None = None, path: Path | None = None, **more: Any) -> Account:
        path = path or tmp_path / f"{len(opened)}.sqlite"
        backend = open_backend(path, DEFAULT, company=SmallCompany, **more)
        opened.append(backend)
        return Account.on_demo(backend, principal=principal)

    yield _open
    for backend in opened:
        backend.state.close()


@pytest.fixture
def account(open_account: OpenAccount) -> Account:
    """The small company, its analyst an administrator."""
    return open_account()
