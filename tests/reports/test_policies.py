"""The shipped policy documents: each job runs with its own on the enforcing demo, and asks all of it and no more."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest

from bedrock_guard.account.doctor import examine
from bedrock_guard.account.permissions import Job, actions, document
from bedrock_guard.account.session import Account
from bedrock_guard.account.situation import example_spec
from bedrock_guard.change.operator_policy import operator_policy
from bedrock_guard.demo.dispatch import Backend
from bedrock_guard.iam.document import read
from bedrock_guard.reports.cost import CostReport
from bedrock_guard.reports.keys import KeyReport
from bedrock_guard.reports.settings import CostSettings, KeySettings
from bedrock_guard.reports.summary import summary

DOCS = Path(__file__).parent.parent.parent / "docs" / "policies"
FREE = {"sts:GetCallerIdentity"}


@lru_cache(maxsize=1)
def spec_with_targets() -> str:
    """A spec that names a role, so that the report compares what is deployed on it."""
    spec = example_spec()
    ((name, profile),) = spec.profile.items()
    named = profile.model_copy(update={"targets": ("arn:aws:iam::111122223333:role/search-api",)})
    path = Path(tempfile.mkdtemp()) / "guard.toml"
    path.write_text(spec.model_copy(update={"profile": {name: named}}).dumps(), encoding="utf-8")
    return str(path)


def cost(account: Account) -> None:
    report = CostReport.of(account, CostSettings(spec=spec_with_targets()))
    assert report.gaps == ()
    assert "drift:missing" in {finding.id for finding in report.findings}


def keys(account: Account) -> None:
    assert KeyReport.of(account, KeySettings()).gaps == ()


def reports(account: Account) -> None:
    cost(account)
    keys(account)


def analyst(account: Account) -> None:
    assert examine(account, keep=False).gaps == ()
    reports(account)


JOBS: dict[str, tuple[tuple[Job, ...], Callable[[Account], None]]] = {
    "report-runner": (("cost", "keys"), reports),
    "analyst": (("analyst",), analyst),
}


def held_by(policy: dict) -> set[str]:
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def job_account(policy: dict, **demo: int) -> tuple[Account, Backend]:
    """The enforcing demo as a role that holds this document and nothing else."""
    opened = Account.demo(enforce=True, **demo)
    backend = opened.demo_backend
    assert backend is not None
    root = Account.on_demo(backend, principal="arn:aws:iam::111122223333:root")
    iam = root.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    role = iam.create_role(RoleName="job", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="job", PolicyName="job", PolicyDocument=json.dumps(policy))
    backend.asked.clear()
    backend.calls.clear()
    return Account.on_demo(backend, principal=role), backend


@pytest.mark.parametrize("name", JOBS)
def test_a_job_asks_all_of_its_document_and_no_more(name: str) -> None:
    policy = json.loads((DOCS / f"{name}.json").read_text(encoding="utf-8"))
    account, backend = job_account(policy)
    JOBS[name][1](account)
    asked = {need.action for need in backend.asked} - FREE
    assert asked == held_by(policy)
    assert len(backend.calls) < (backend.calls.maxlen or 0), "every call is in the record"
    for sid, kind in (("ReadUsers", "user"), ("ReadGroups", "group")):
        (own,) = [s["Action"] for s in policy["Statement"] if s["Sid"] == sid]
        assert {n.resource.split(":")[5].split("/")[0] for n in backend.asked if n.action in own} == {kind}


@pytest.mark.parametrize("name", JOBS)
def test_the_documents_are_made_of_the_table_and_are_sound(name: str) -> None:
    text = (DOCS / f"{name}.json").read_text(encoding="utf-8")
    jobs = JOBS[name][0]
    assert json.loads(text) == document(jobs)
    assert held_by(json.loads(text)) == actions(jobs)
    read(text)
    assert not any("*" in action for action in held_by(json.loads(text)))
    verbs = {action.split(":")[1] for action in held_by(json.loads(text))}
    assert all(
        verb.startswith(("Get", "List", "Describe", "Lookup", "GenerateServiceLast")) for verb in verbs
    )


COST = (
    "bedrock:ListFlows", "ce:GetCostAndUsage", "ce:GetCostForecast", "ce:GetTags", "iam:GetRole",
    "organizations:DescribeOrganization", "pricing:GetProducts",
)  # fmt: skip
KEYS = (
    "bedrock:GetModelInvocationLoggingConfiguration", "bedrock:ListAgents", "cloudtrail:LookupEvents",
    "ec2:DescribeRegions", "iam:GetServiceLastAccessedDetails", "iam:ListGroupPolicies", "iam:ListMFADevices",
    "iam:ListServiceSpecificCredentials", "iam:ListUsers",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "action"), [*(("cost", one) for one in COST), *(("keys", one) for one in KEYS)]
)
def test_without_an_action_the_report_ends_with_3_and_says_what_is_missing_and_what_to_do(
    name: Job, action: str
) -> None:
    """One action at a time: whatever a report's document holds, it does without by saying so, never in silence."""
    policy = document((name,))
    for statement in policy["Statement"]:
        statement["Action"] = [one for one in statement["Action"] if one != action]
    account, _ = job_account(policy, calls=200)
    made: CostReport | KeyReport = (
        CostReport.of(account, CostSettings(days=7, spec=spec_with_targets()))
        if name == "cost"
        else KeyReport.of(account, KeySettings(days=30))
    )
    assert made.figures.exit_status == 3
    if action != "ec2:DescribeRegions":  # known Regions are asked instead, which the gap says
        assert any("AccessDenied" in gap for gap in made.gaps), made.gaps
        assert "`bedrock-guard doctor` names it" in summary(made.figures, markdown=False)
        assert "<b>Do:</b> The caller lacks a permission" in made.headline.text


def test_the_delivery_document_puts_and_publishes_only_where_it_says() -> None:
    policy = json.loads((DOCS / "report-delivery.json").read_text(encoding="utf-8"))
    assert held_by(policy) == {"s3:PutObject", "s3:GetObject", "s3:ListBucket", "sns:Publish"}
    assert all(statement["Resource"] != "*" for statement in policy["Statement"])
    read(json.dumps(policy))


def test_the_operators_document_is_the_least_that_is_proved_beside_the_changes() -> None:
    policy = json.loads((DOCS / "operator.json").read_text(encoding="utf-8"))
    own = [f"arn:aws:iam::111122223333:role/{name}" for name in ("break-glass-admin", "guard-operator")]
    assert policy == operator_policy("111122223333", protected=own, scps=True, guardrails=True)
    read(json.dumps(policy))


def test_the_page_names_every_action() -> None:
    page = (DOCS / "README.md").read_text(encoding="utf-8")
    assert [action for action in actions(("analyst",)) if f"`{action}`" not in page] == []
