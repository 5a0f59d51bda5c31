"""Every answer of Try a call: the layer, the reason, the documents it rests on, and calls that cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from bedrock_guard.account.situation import Situation, example_spec
from bedrock_guard.boundary.builder import Built, build
from bedrock_guard.present.reach import reach
from bedrock_guard.widgets import trying
from bedrock_guard.widgets.recorded import recorded
from bedrock_guard.widgets.trying import Answer, Trying, ask
from bedrock_guard.widgets.workbench import Workbench

HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
OPUS = "anthropic.claude-opus-4-8"
MANAGEMENT, MEMBER = "111122223333", "000000000011"
SSO = "AWSReservedSSO_BedrockDeveloper_1f2e3d4c5b6a7089"
ROLE = f"arn:aws:iam::{MANAGEMENT}:role/policy-qa"
USER = f"arn:aws:iam::{MANAGEMENT}:user/ci/key-1"
PERMISSION_SET = f"arn:aws:iam::{MANAGEMENT}:role/aws-reserved/sso.amazonaws.com/{SSO}"
CALLERS = (
    ROLE,
    USER,
    PERMISSION_SET,
    f"arn:aws:sts::{MANAGEMENT}:assumed-role/{SSO}/ana",
    f"arn:aws:iam::{MANAGEMENT}:role/break-glass-admin",
    f"arn:aws:iam::{MANAGEMENT}:role/aws-service-role/x.amazonaws.com/X",
    f"arn:aws:iam::{MANAGEMENT}:root",
    f"arn:aws:iam::{MEMBER}:role/app",
    f"arn:aws:iam::{MEMBER}:root",
    "arn:aws:iam::000000000099:role/foreign",
    "nobody",
)
LAYERS = ("permissions boundary", "identity-based policy", "service control policy")
KIND = {"permissions boundary": "boundary", "identity-based policy": "deny", "service control policy": "scp"}


@pytest.fixture(scope="module")
def built(situation: Situation) -> Built:
    spec = example_spec()
    name, profile = spec.only()
    both = profile.model_copy(update={"accounts": (MANAGEMENT, MEMBER)})
    return build(spec.model_copy(update={"profile": {name: both}}), situation.catalogue)


def answered(built: Built, situation: Situation, **fields: object) -> Answer:
    return ask(_filled(fields), built, situation.catalogue, MANAGEMENT)


def _filled(fields: dict[str, object]) -> Trying:
    made = Trying(caller=ROLE, model=HAIKU, route="us")
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def every_form() -> Iterator[dict[str, object]]:
    """Every combination of an operation's fields; an operation and its stream are asked for alike."""
    keys, models = list(trying.KEY_KINDS.values()), (HAIKU, OPUS, "amazon.nova-pro-v1:0")
    for operation in trying.OPERATIONS:
        if operation in {"ConverseStream", "InvokeModelWithResponseStream"}:
            continue
        own: dict[str, tuple[object, ...]] = {"caller": CALLERS, "operation": (operation,)}
        if operation == trying.LAUNCH:
            own |= {"instance_type": ("t3.micro", "g6.12xlarge", "?"), "encrypted": (True, False, None)}
        elif trying.OPERATIONS[operation] != "iam":
            own |= {"key_kind": tuple(keys), "model": models, "route": ("in-region", "us", "global")}
        if operation in trying.INVOKE:
            own |= {"guardrail": ("", "gr12345678:1"), "tier": ("priority",)}
        yield from (dict(zip(own, values, strict=True)) for values in product(*own.values()))


def test_the_reason_names_the_layer_and_the_document_of_the_decision(
    built: Built, situation: Situation
) -> None:
    kinds = {packed.name: packed.kind for packed in built.packed}
    seen = set()
    for fields in every_form():
        given = answered(built, situation, **fields)
        rested = {packed.name for packed in given.documents}
        for row in given.table().frame.to_dict("records"):
            named = [layer for layer in LAYERS if layer in row["why"]]
            assert named == ([row["layer"]] if row["layer"] else []), (fields, row)
            document = row["statement"].partition(" ")[0]
            assert kinds.get(document) == KIND.get(row["layer"]), (fields, row)
            assert not document or document in rested, (fields, row)
            seen.add((row["verdict"], row["layer"]))
    assert {("refused", layer) for layer in LAYERS} <= seen


def holder(built: Built, control: str) -> str:
    """The identity-based policy in which a control stands."""
    (name,) = (one.document for one in built.placement if one.control == control and "-deny-" in one.document)
    return name


def test_a_key_on_an_approved_model_is_refused_by_the_identity_based_policy(
    built: Built, situation: Situation
) -> None:
    given = answered(built, situation, key_kind="short_term")
    [row] = given.table().frame.query("verdict == 'refused'").to_dict("records")
    assert row["layer"] == "identity-based policy"
    name = holder(built, "short_term_key_use")
    assert row["statement"].startswith(f"{name} Deny")
    assert "An explicit Deny in an identity-based policy wins" in row["why"]
    assert [packed.name for packed in given.documents] == [name]


def test_what_decides_a_call_stands_first(built: Built, situation: Situation) -> None:
    last = 0
    for fields in ({"key_kind": "short_term"}, {"key_kind": "unknown"}, {"model": OPUS, "route": "us"}):
        given = answered(built, situation, **fields)
        rows = given.table().frame.to_dict("records")
        deciding = given.verdict.deciding
        assert deciding is not None
        last = max(last, given.verdict.authorisations.index(deciding))
        assert rows[0]["authorisation"] == deciding.authorisation.action
        assert rows[0]["verdict"] == deciding.outcome
        order = [("refused", "depends", "allowed").index(row["verdict"]) for row in rows]
        assert order == sorted(order)
    assert last > 0, "AWS asks for it after others"


def reached(built: Built, situation: Situation, **fields: object) -> str:
    given = answered(built, situation, **fields)
    caller = str(fields.get("caller", ROLE))
    return reach(caller, built.profile, MANAGEMENT, given.documents, carried=given.carried)


def test_the_sentence_names_every_document_that_the_answer_rests_on(
    built: Built, situation: Situation
) -> None:
    boundary, deny = (
        "bedrock-guard-boundary (permissions boundary)",
        f"{holder(built, 'short_term_key_use')} (identity-based policy)",
    )
    keyed = reached(built, situation, caller=PERMISSION_SET, key_kind="short_term")
    assert f"rests on {deny}, and holds once that is set in its permission set, BedrockDeveloper" in keyed
    assert boundary not in keyed
    both = reached(built, situation, model=OPUS, key_kind="short_term")
    assert f"rests on {boundary} and {deny}, and holds once both are set on role policy-qa itself" in both
    passes = reached(built, situation)
    assert all(packed.name in passes for packed in built.packed if packed.kind != "scp")
    assert "SCP" not in passes
    member = reached(built, situation, caller=f"arn:aws:iam::{MEMBER}:role/app", key_kind="short_term")
    assert "(SCP), and holds once that is attached to the account or above it" in member


def test_what_no_document_binds_is_not_answered_as_refused(built: Built, situation: Situation) -> None:
    linked = f"arn:aws:iam::{MANAGEMENT}:role/aws-service-role/x.amazonaws.com/X"
    for caller in (linked, f"arn:aws:iam::{MANAGEMENT}:root", "arn:aws:iam::000000000099:role/foreign"):
        assert answered(built, situation, caller=caller, model=OPUS).verdict.outcome == "allowed", caller
    member = answered(built, situation, caller=f"arn:aws:iam::{MEMBER}:root", model=OPUS)
    assert {packed.kind for packed in member.documents} == {"scp"}


def test_a_caller_beside_the_targets_is_said_to_carry_nothing(built: Built, situation: Situation) -> None:
    spec = example_spec()
    name, profile = spec.only()
    some = profile.model_copy(update={"targets": (USER,)})
    aimed = build(spec.model_copy(update={"profile": {name: some}}), situation.catalogue)
    words = reached(aimed, situation, model=OPUS)
    assert words == (
        "The spec does not name this caller among its targets: neither the boundary nor an "
        "identity-based policy of it is set on this caller."
    )
    assert "set on user ci/key-1 itself" in reached(aimed, situation, caller=USER, model=OPUS)


def test_a_long_term_key_is_a_users(situation: Situation) -> None:
    view = Workbench(situation).trying
    labels = [label for label, _ in view.fields["key_kind"].options]
    assert "long-term API key: IAM users only" in labels
    assert "short-term API key: any user or role" in labels
    view.trying.operation, view.trying.key_kind = "Converse", "long_term"
    for caller, who in (
        (ROLE, "role policy-qa"),
        (PERMISSION_SET, "BedrockDeveloper of Identity Center"),
        (CALLERS[3], f"role {SSO}"),
    ):
        view.trying.caller = caller
        assert f"belongs to an IAM user, and {who}" in view.answer.value
        assert "<table" not in view.answer.value
    view.trying.caller = USER
    assert "Refused" in view.answer.value
    view.trying.caller, view.trying.key_kind = ROLE, "short_term"
    assert "Refused" in view.answer.value
    view.trying.operation, view.trying.key_kind = "RunInstances", "long_term"
    assert "There is no such call" not in view.answer.value


def test_no_recorded_call_is_said_to_be_impossible(situation: Situation) -> None:
    for one in recorded(situation):
        made = Trying(caller=one.principal, operation=one.operation, model=one.model, key_kind=one.key_kind)
        assert made.impossible == "", one.words
