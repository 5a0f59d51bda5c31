"""From a company, which is plain data, into the state file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from bedrock_guard.demo.state import EVENT_SQL, Body, Items, State, event_row

_IAM_KEYS = {
    "users": ("user", "UserName"),
    "roles": ("role", "RoleName"),
    "groups": ("group", "GroupName"),
    "policies": ("policy", "Arn"),
    "credentials": ("credential", "ServiceSpecificCredentialId"),
    "access_keys": ("access_key", "AccessKeyId"),
}
_DOCUMENTS = {"PolicyDocument", "AssumeRolePolicyDocument", "Document", "Content"}
_BILL_COLUMNS = (
    "day", "account_id", "region", "service", "usage_type", "operation", "record_type", "quantity", "unit", "cost",
    "currency",
)  # fmt: skip


class Company(Protocol):
    """What the demo account is filled with. Documents are JSON text or dicts, times ISO text or datetimes."""

    @property
    def accounts(self) -> Sequence[Body]:
        """Accounts as in ListAccounts; the first is the management account."""
        ...

    @property
    def iam(self) -> Mapping[str, Mapping[str, Any]]:
        """Account id -> ``users``, ``roles``, ``groups``, ``policies``, ``credentials``, ``access_keys`` and more.

        Users, roles, groups and policies have the shapes of GetAccountAuthorizationDetails, and may carry the
        further members of GetUser and GetRole (PasswordLastUsed, Description, MaxSessionDuration, RoleLastUsed).
        Credentials are ServiceSpecificCredential without its secrets; access keys are AccessKeyMetadata and
        ``LastUsed``. ``last_accessed`` maps an ARN to its ServicesLastAccessed.
        """
        ...

    @property
    def organization(self) -> Mapping[str, Any]:
        """``Organization``, ``Roots``, ``OrganizationalUnits``, ``parents``, ``Policies``, ``targets``.

        ``parents`` maps a child's id to its parent's, ``targets`` a policy's id to the ids it is attached to;
        ``Policies`` hold PolicySummary and Content. Empty: no organisation.
        """
        ...

    @property
    def ec2(self) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        """Account id -> Region -> ``instances``, ``volumes`` (in EC2's shapes), ``encryption_by_default``."""
        ...

    @property
    def bedrock(self) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        """Account id -> Region -> kind -> items, as the handlers of Bedrock read them."""
        ...

    @property
    def budgets(self) -> Mapping[str, Sequence[Body]]:
        """Account id -> Budget without its times and what was spent."""
        ...

    @property
    def events(self) -> Iterable[Body]:
        """CloudTrail records sorted by time."""
        ...

    @property
    def bill(self) -> Iterable[Mapping[str, Any]]:
        """Lines with the columns of the ``bill`` table, and whatever else the handler wants."""
        ...

    @property
    def caller(self) -> str:
        """ARN of the user or role a session acts as when none is named."""
        ...


def load_section(state: State, company: Company, section: str) -> None:
    """Write one section (``core``, ``events``, ``bill``) of a company into the state."""
    if section == "events":
        state.insert_many(EVENT_SQL, (event_row(record) for record in company.events))
    elif section == "bill":
        marks = ",".join("?" * (len(_BILL_COLUMNS) + 1))
        columns = ", ".join(_BILL_COLUMNS).replace("account_id", "account")
        sql = f"INSERT INTO bill({columns}, body) VALUES ({marks})"  # noqa: S608 - fixed words; every value is bound
        state.insert_many(sql, map(_bill_row, company.bill))
    else:
        _load_core(state, company)


_LINE = json.JSONEncoder(default=str, separators=(",", ":"))


def _bill_row(line: Mapping[str, Any]) -> tuple[Any, ...]:
    values = [line.get(name) for name in _BILL_COLUMNS]
    return (
        *(None if v is None else str(v) for v in values),
        _LINE.encode(line),
    )


def _load_core(state: State, company: Company) -> None:
    management = company.accounts[0]["Id"]
    organizations = state.items("organizations", management)
    state.set_meta("management", management)
    state.set_meta("caller", company.caller)
    for account in company.accounts:
        _put(organizations, "account", account["Id"], account)
        _load_iam(state.items("iam", account["Id"]), company.iam.get(account["Id"], {}))
    _load_organization(organizations, company.organization)
    for account_id, budgets in company.budgets.items():
        for budget in budgets:
            _put(state.items("budgets", account_id), "budget", budget["BudgetName"], budget)
    for service, tree in (("ec2", company.ec2), ("bedrock", company.bedrock)):
        for account_id, regions in tree.items():
            for region, kinds in regions.items():
                _load_kinds(state.items(service, account_id, region), kinds)


def _load_iam(items: Items, content: Mapping[str, Any]) -> None:
    for name, (kind, key) in _IAM_KEYS.items():
        for body in content.get(name, ()):
            _put(items, kind, body[key], body)
    for arn, services in content.get("last_accessed", {}).items():
        _put(items, "last_accessed", arn, {"ServicesLastAccessed": services})


def _load_organization(items: Items, content: Mapping[str, Any]) -> None:
    if not content:
        return
    _put(items, "organization", "organization", content["Organization"])
    for root in content.get("Roots", ()):
        _put(items, "root", root["Id"], root)
    for unit in content.get("OrganizationalUnits", ()):
        _put(items, "ou", unit["Id"], unit)
    for child, parent in content.get("parents", {}).items():
        _put(items, "parent", child, {"Id": parent})
    for policy in content.get("Policies", ()):
        _put(items, "policy", policy["PolicySummary"]["Id"], policy)
    for policy_id, targets in content.get("targets", {}).items():
        for target in targets:
            _put(items, "attachment", f"{target}|{policy_id}", {"TargetId": target, "PolicyId": policy_id})


def _load_kinds(items: Items, kinds: Mapping[str, Any]) -> None:
    """A list becomes one item each under a running number that keeps its order; anything else one item."""
    for kind, content in kinds.items():
        if isinstance(content, list):
            for number, body in enumerate(content):
                _put(items, kind, f"{number:06d}", body)
        else:
            _put(items, kind, kind, content if isinstance(content, dict) else {"value": content})


def _put(items: Items, kind: str, key: str, body: Mapping[str, Any]) -> None:
    items.load(kind, key, _documents_as_text(dict(body)))


def _documents_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            k: json.dumps(v) if k in _DOCUMENTS and isinstance(v, dict) else _documents_as_text(v)
            for k, v in value.items()
        }
    return [_documents_as_text(v) for v in value] if isinstance(value, list) else value
