"""The documents: worked examples, quotas, determinism, placement, exceptions, and packing that changes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bedrock_guard.boundary.builder import BuildError, Built, build, room
from bedrock_guard.boundary.calls import Call
from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.boundary.controls import CONTROLS, title_of
from bedrock_guard.boundary.packing import LIMIT, QUOTA
from bedrock_guard.boundary.scenarios import full_spec
from bedrock_guard.boundary.scorecard import score
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.boundary.verdict import Judge, refused
from bedrock_guard.iam.evaluator import compile_policies

HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
HEAD = '[profile.team]\naccounts = ["111122223333"]\nregions = ["us-east-1"]\n'
MODEL = f'[[profile.team.model]]\nid = "{HAIKU}"\nroutes = ["us"]\n'
INVOKE = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]


def converse(model: str, region: str = "us-east-1", operation: str = "Converse", **rest: object) -> Call:
    return Call("bedrock-runtime", operation, {"modelId": model}, region=region, **rest)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def draft() -> Built:
    return build(BoundarySpec.from_draft())


def test_the_worked_example_statement_by_statement(draft: Built) -> None:
    assert draft.boundary is not None
    statements = {s["Sid"]: s for s in draft.boundary["Statement"]}
    assert statements["Ceiling"] == {"Sid": "Ceiling", "Effect": "Allow", "Action": "*", "Resource": "*"}
    assert statements["DenyModels"] == {
        "Sid": "DenyModels",
        "Effect": "Deny",
        "Action": INVOKE,
        "NotResource": [
            f"arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.{HAIKU}",
            f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}",
            f"arn:aws:bedrock:us-east-2::foundation-model/{HAIKU}",
            f"arn:aws:bedrock:us-west-2::foundation-model/{HAIKU}",
        ],
    }
    through = statements["DenyModels2"]
    assert through["Resource"] == f"arn:aws:bedrock:*::foundation-model/{HAIKU}"
    assert through["Condition"] == {
        "ArnNotLike": {
            "bedrock:InferenceProfileArn": f"arn:aws:bedrock:*:111122223333:inference-profile/us.{HAIKU}"
        }
    }


@pytest.mark.parametrize(
    ("model", "region", "outcome"),
    [
        (f"us.{HAIKU}", "us-east-1", "allowed"),
        (f"arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.{HAIKU}", "us-east-1", "allowed"),
        (HAIKU, "us-east-1", "refused"),
        (HAIKU, "us-west-2", "refused"),
        (f"global.{HAIKU}", "us-east-1", "refused"),
        (f"eu.{HAIKU}", "eu-west-1", "refused"),
        (f"jp.{HAIKU}", "ap-northeast-1", "refused"),
        (f"us.{HAIKU}", "us-west-2", "refused"),
        (f"us.{HAIKU}", "ca-central-1", "refused"),
        ("us.anthropic.claude-opus-4-6-v1", "us-east-1", "refused"),
        ("arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/x", "us-east-1", "refused"),
        ("arn:aws:bedrock:us-east-1:111122223333:default-prompt-router/x", "us-east-1", "refused"),
        ("arn:aws:bedrock:us-east-1:111122223333:provisioned-model/x", "us-east-1", "refused"),
        (f"us.{HAIKU.replace('20251001', '20261001')}", "us-east-1", "refused"),
    ],
)
@pytest.mark.parametrize(
    "operation", ["Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream"]
)
def test_the_worked_example_call_by_call(
    draft: Built, model: str, region: str, operation: str, outcome: str
) -> None:
    verdict = refused(draft, converse(model, region, operation))
    assert verdict.outcome == outcome
    if outcome == "refused":
        own = {
            "application-inference": "application_profiles",
            "default-prompt-router": "prompt_routers",
            "provisioned-model": "provisioned_throughput",
        }
        blamed = next((control for kind, control in own.items() if f":{kind}" in model), None)
        assert verdict.control in ((blamed,) if blamed else ("approved_models", "global_profiles"))
        assert verdict.sid is not None
    else:
        assert len(verdict.authorisations) in (4, 8)
        assert {one.outcome for one in verdict.authorisations} == {"allowed"}


@pytest.mark.parametrize("name", ["draft", "strict", "full", "example"])
def test_documents_are_well_formed_and_in_their_quota(name: str) -> None:
    built = build(SPECS[name]())
    assert built.boundary is not None
    assert built.boundary["Statement"][0]["Effect"] == "Allow"
    assert len(built.denies) <= 3
    assert len(built.scps) <= 5
    for packed in built.packed:
        text = built.texts[packed.name]
        assert json.loads(text) == packed.document
        assert not re.search(r"\s", text)
        assert len(text) <= QUOTA[packed.kind] == packed.quota
        assert text.isascii()
        sids = [s["Sid"] for s in packed.document["Statement"]]
        assert len(set(sids)) == len(sids)
        assert all(re.fullmatch(r"[A-Za-z0-9]+", sid) for sid in sids)
        for statement in packed.document["Statement"]:
            assert statement.get("Resource", ["x"]) != []
            assert statement.get("NotResource", ["x"]) != []
            assert statement["Action"]
            if statement["Sid"] != "Ceiling":
                assert statement["Effect"] == "Deny"
                words = [c.word for c in CONTROLS if c.id in built.controls_of(packed.name, statement["Sid"])]
                assert words
                assert all(word in statement["Sid"] for word in words)


def test_the_same_spec_gives_the_same_bytes() -> None:
    for make in SPECS.values():
        first, second = build(make()), build(BoundarySpec.loads(make().dumps()))
        assert first.texts == second.texts
        assert first.placement == second.placement


def test_every_control_that_is_on_is_placed_with_a_reason() -> None:
    for make in SPECS.values():
        spec = make()
        built = build(spec)
        _, profile = spec.only()
        placed = {one.control for one in built.placement}
        on = {c.id for c in CONTROLS if c.on(profile)}
        assert placed >= on
        assert placed <= on
        assert all(one.why for one in built.placement)


def test_what_a_boundary_cannot_reach_stands_in_an_scp() -> None:
    built = build(full_spec())
    denied = {one.control for one in built.placement if "deny" in one.document}
    in_scp = {one.control: one.why for one in built.placement if "scp" in one.document}
    reaching = {"api_key_creation", "long_term_key_use", "short_term_key_use", "leave_organization"}
    assert set(in_scp) == reaching | denied
    for control, why in in_scp.items():
        assert ("cannot reach" in why) == (control in reaching)
        assert ("carries no identity-based policy" in why) == (control not in reaching)


FRESH = "arn:aws:iam::111122223333:role/bounded/fresh"


def test_a_role_made_under_the_boundary_is_bound_by_all_of_it() -> None:
    built = build(full_spec())
    judge = Judge(built)
    for call in (
        Call("bedrock", "CreateModelInvocationJob", principal=FRESH),
        Call("bedrock-agentcore", "InvokeHarness", principal=FRESH),
        Call("ec2", "RequestSpotInstances", principal=FRESH),
    ):
        assert judge.call(call, bounded="new").outcome == "refused"
        alone = Judge(built, ("boundary", "deny")).call(call, bounded="new")
        verdict = judge.call(replace(call, principal="arn:aws:iam::111122223333:role/other"), bounded="new")
        assert alone.outcome == verdict.outcome  # the SCP is about the bounded paths only
    for call in (
        Call("s3", "ListBuckets", principal=FRESH),
        Call("bedrock", "StopModelInvocationJob", principal=FRESH),
    ):
        assert judge.call(call, bounded="new").outcome == "allowed"


@pytest.mark.parametrize(
    ("documents", "roles", "told"),
    [
        (("boundary", "deny"), ("bounded/*",), True),
        (("boundary", "deny"), True, False),
        (("boundary", "deny", "scp"), ("bounded/*",), False),
    ],
)
def test_without_scps_it_is_said_what_a_new_role_escapes(
    documents: tuple[str, ...], roles: object, told: bool
) -> None:
    spec = full_spec().with_controls(bounded_roles=roles)
    name, profile = spec.only()
    built = build(
        spec.model_copy(update={"profile": {name: profile.model_copy(update={"documents": documents})}})
    )
    found = [sentence for sentence in built.findings if "carries the boundary alone" in sentence]
    assert bool(found) == told
    if told:
        for control in {one.control for one in built.placement if "deny" in one.document}:
            assert title_of(control) in found[0]


def test_exceptions_and_break_glass_hold_for_roles_of_the_bounded_paths() -> None:
    principal = "arn:aws:iam::111122223333:role/bounded/batch"
    text = (HEAD + MODEL + EXCEPTION).replace("role/batch", "role/bounded/batch")
    built = build(BoundarySpec.loads(text), on=date(2026, 11, 23))
    when = datetime(2026, 12, 1, tzinfo=UTC)
    job = {"modelId": f"us.{HAIKU}"}
    call = Call("bedrock", "CreateModelInvocationJob", job, principal=principal, time=when)
    assert Judge(built).call(call, bounded="new").outcome == "allowed"
    assert Judge(built).call(replace(call, principal=FRESH), bounded="new").outcome == "refused"
    assert (
        Judge(built).call(replace(call, time=when + timedelta(days=40)), bounded="new").outcome == "refused"
    )


def test_a_session_is_its_role_whatever_the_path() -> None:
    """aws:PrincipalArn of a session has the role's path; the session's own ARN has not."""
    text = HEAD + 'responders = ["arn:aws:iam::111122223333:role/security/responder"]\n' + MODEL
    name, profile = BoundarySpec.loads(text).only()
    wide = profile.model_copy(update={"scp_holds": "everything"})
    built = build(BoundarySpec(profile={name: wide}))
    update = {"UserName": "bob", "ServiceSpecificCredentialId": "ACCAEXAMPLE", "Status": "Inactive"}
    for principal, outcome in (
        ("arn:aws:sts::111122223333:assumed-role/responder/me", "allowed"),
        ("arn:aws:iam::111122223333:role/security/responder", "allowed"),
        ("arn:aws:sts::111122223333:assumed-role/other/me", "refused"),
        ("arn:aws:sts::000000000099:assumed-role/responder/me", "refused"),
    ):
        facts = {"iam:ServiceSpecificCredentialServiceName": "bedrock.amazonaws.com"}
        call = Call("iam", "UpdateServiceSpecificCredential", update, principal=principal, facts=facts)
        assert Judge(built).call(call, bounded=False).outcome == outcome, principal


def test_other_models_stay_at_home_where_one_may_go_worldwide() -> None:
    """The control stands beside the list of models and holds without it."""
    spec = full_spec(worldwide=True).with_controls(approved_models=False, guardrail_required=False)
    judge = Judge(build(spec))
    assert judge.call(converse(f"global.{HAIKU}")).outcome == "allowed"
    for other in ("global.anthropic.claude-sonnet-4-6", "global.own.model-1"):
        verdict = judge.call(converse(other))
        assert (verdict.outcome, verdict.control) == ("refused", "global_profiles")
    assert judge.call(converse("us.anthropic.claude-sonnet-4-6")).outcome == "allowed"


def test_a_list_that_cannot_fit_is_refused_with_sizes() -> None:
    models = "".join(
        f'[[profile.team.model]]\nid = "own.a-model-with-a-rather-long-name-{n:04}-v1:0"\nunlisted = true\n'
        for n in range(200)
    )
    with pytest.raises(BuildError) as caught:
        build(BoundarySpec.loads(HEAD + models))
    assert caught.value.sizes["approved_models"] > 10_240
    assert title_of("approved_models") in str(caught.value)
    assert "10,240" in str(caught.value)


def test_a_long_list_moves_to_an_scp_and_says_so() -> None:
    models = "".join(
        f'[[profile.team.model]]\nid = "own.a-model-{n:04}-v1:0"\nunlisted = true\n' for n in range(100)
    )
    spec = BoundarySpec.loads(HEAD + models)
    built = build(spec)
    places = {one.document: one.why for one in built.placement if one.control == "approved_models"}
    assert set(places) == {"bedrock-guard-scp-1"}
    assert "too long" in places["bedrock-guard-scp-1"]
    assert refused(built, converse("own.a-model-0099-v1:0")).outcome == "allowed"
    assert refused(built, converse("own.a-model-0100-v1:0")).control == "approved_models"
    only = spec.profile["team"].model_copy(update={"documents": ("boundary", "deny")})
    with pytest.raises(BuildError):
        build(spec.model_copy(update={"profile": {"team": only}}))


def test_room_tells_the_largest_list() -> None:
    found = room(BoundarySpec.from_draft())
    assert found.models >= 5
    assert found.next_model is not None
    none = room(BoundarySpec.strict("111122223333", "us-east-1"))
    assert none.models >= found.models


def test_never_a_deny_only_boundary() -> None:
    spec = BoundarySpec.from_draft()
    off = {c.id: False for c in CONTROLS}
    built = build(spec.with_controls(**off))
    assert built.boundary == {"Version": "2012-10-17", "Statement": [
        {"Sid": "Ceiling", "Effect": "Allow", "Action": "*", "Resource": "*"}]}  # fmt: skip
    assert built.denies == built.scps == ()


def test_keys_capped_by_age() -> None:
    built = build(BoundarySpec.from_draft().with_controls(api_key_creation=90))
    create = {"UserName": "bob", "ServiceName": "bedrock.amazonaws.com"}
    for days, outcome in (
        (1, "allowed"),
        (90, "allowed"),
        (91, "refused"),
        (36_600, "refused"),
        (None, "refused"),
    ):
        parameters = create if days is None else {**create, "CredentialAgeDays": days}
        verdict = refused(built, Call("iam", "CreateServiceSpecificCredential", parameters))
        assert verdict.outcome == outcome, days
    claude = {**create, "ServiceName": "aws-external-anthropic.amazonaws.com"}
    assert (
        refused(built, Call("iam", "CreateServiceSpecificCredential", claude)).control == "api_key_creation"
    )
    other = {**create, "ServiceName": "codecommit.amazonaws.com"}
    assert refused(built, Call("iam", "CreateServiceSpecificCredential", other)).outcome == "allowed"


@pytest.mark.parametrize(
    ("long_off", "short_off", "refuses"),
    [
        (False, False, set()),
        (True, False, {"long_term"}),
        (False, True, {"short_term"}),
        (True, True, {"long_term", "short_term"}),
    ],
)
def test_key_use_by_kind(long_off: bool, short_off: bool, refuses: set[str]) -> None:
    built = build(
        BoundarySpec.from_draft().with_controls(long_term_key_use=long_off, short_term_key_use=short_off)
    )
    for kind in ("long_term", "short_term", "none"):
        outcome = refused(built, converse(f"us.{HAIKU}", key_kind=kind)).outcome
        assert outcome == ("refused" if kind in refuses else "allowed"), kind
    unknown = refused(built, converse(f"us.{HAIKU}", key_kind="unknown"))
    assert unknown.outcome == ("depends" if refuses else "allowed")


def test_mantle_with_approved_models_only() -> None:
    text = HEAD + MODEL + 'mantle = true\n[profile.team.controls]\nmantle = "approved"\n'
    built = build(BoundarySpec.loads(text))
    good = Call("bedrock-mantle", "CreateInference", {"model": "anthropic.claude-haiku-4-5"})
    assert refused(built, good).outcome == "allowed"
    for parameters in ({"model": "anthropic.claude-opus-4-6"}, {}):
        assert refused(built, Call("bedrock-mantle", "CreateInference", parameters)).control == "mantle"
    assert refused(built, Call("bedrock-mantle", "CreateReservation")).control == "provisioned_throughput"
    assert refused(built, Call("bedrock-mantle", "CreateFineTuningJob")).control == "customization"
    assert refused(built, Call("bedrock-mantle", "DeleteReservation")).outcome == "allowed"


def test_global_route_approved_for_one_model() -> None:
    text = HEAD + f'[[profile.team.model]]\nid = "{HAIKU}"\nroutes = ["global"]\n'
    built = build(BoundarySpec.loads(text))
    assert refused(built, converse(f"global.{HAIKU}")).outcome == "allowed"
    for other in (f"us.{HAIKU}", HAIKU, "global.anthropic.claude-opus-4-6-v1"):
        assert refused(built, converse(other)).outcome == "refused"
    assert refused(built, converse(f"global.{HAIKU}", "us-west-2")).outcome == "refused"


def test_a_destination_is_not_a_source() -> None:
    """Nova Lite in-region in us-east-1 and through us.: us-west-2 is a destination only."""
    text = HEAD + '[[profile.team.model]]\nid = "amazon.nova-lite-v1:0"\nroutes = ["in-region", "us"]\n'
    built = build(BoundarySpec.loads(text))
    assert refused(built, converse("amazon.nova-lite-v1:0")).outcome == "allowed"
    assert refused(built, converse("us.amazon.nova-lite-v1:0")).outcome == "allowed"
    assert refused(built, converse("amazon.nova-lite-v1:0", "us-west-2")).outcome == "refused"
    assert refused(built, converse("amazon.nova-lite-v1:0", "us-east-2")).outcome == "refused"


def test_an_unguarded_embedding_passes_where_a_guardrail_is_required() -> None:
    built = build(full_spec())
    titan = converse("amazon.titan-embed-text-v2:0", operation="InvokeModel")
    assert refused(built, titan).outcome == "allowed"
    bare = refused(built, converse(f"us.{HAIKU}"))
    assert bare.control == "guardrail_required"
    other = {"guardrailConfig": {"guardrailIdentifier": "gr1other", "guardrailVersion": "1"}}
    call = Call("bedrock-runtime", "Converse", {"modelId": f"us.{HAIKU}", **other})
    assert refused(built, call).control == "guardrail_required"


EXCEPTION = (
    '[[exception]]\nprofile = "team"\ncontrol = "batch_inference"\nowner = "o"\nreason = "r"\nuntil = 2026-12-31\n'
    'principals = ["arn:aws:iam::111122223333:role/batch"]\n'
)


def test_an_exception_lifts_a_control_for_its_principals_until_its_day() -> None:
    built = build(BoundarySpec.loads(HEAD + MODEL + EXCEPTION), on=date(2026, 11, 23))
    before, after = datetime(2026, 12, 31, 23, 59, 58, tzinfo=UTC), datetime(2027, 1, 1, 0, 0, 1, tzinfo=UTC)
    batch, other = "arn:aws:iam::111122223333:role/batch", "arn:aws:iam::111122223333:role/other"
    job = {"modelId": HAIKU, "roleArn": "arn:aws:iam::111122223333:role/bounded/x"}

    def outcome(principal: str, when: datetime | None) -> str:
        call = Call("bedrock", "CreateModelInvocationJob", job, principal=principal, time=when)
        return refused(built, call).outcome

    assert outcome(batch, before) == "allowed"
    assert outcome(batch, after) == "refused"  # it closes by itself
    assert outcome(batch, None) == "depends"
    assert outcome(other, before) == outcome(other, after) == outcome(other, None) == "refused"
    session = "arn:aws:sts::111122223333:assumed-role/batch/run-1"
    assert outcome(session, before) == "allowed"


def test_an_expired_exception_is_a_finding_and_no_longer_applies() -> None:
    spec = BoundarySpec.loads(HEAD + MODEL + EXCEPTION)
    last, next_day = build(spec, on=date(2026, 12, 31)), build(spec, on=date(2027, 1, 1))
    assert not [sentence for sentence in last.findings if "No batch inference" in sentence]
    assert "for No batch inference ended on 2026-12-31" in next_day.findings[0]
    plain = build(BoundarySpec.loads(HEAD + MODEL), on=date(2027, 1, 1))
    assert next_day.texts == plain.texts


def test_a_model_approved_for_some_until_a_day() -> None:
    opus = "us.anthropic.claude-opus-4-6-v1"
    entry = (
        '[[exception]]\nprofile = "team"\nowner = "o"\nreason = "r"\nuntil = 2026-12-31\n'
        'principals = ["arn:aws:iam::111122223333:role/lab"]\n'
        'model = { id = "anthropic.claude-opus-4-6-v1", routes = ["us"] }\n'
    )
    built = build(BoundarySpec.loads(HEAD + MODEL + entry), on=date(2026, 11, 23))
    when = datetime(2026, 12, 1, tzinfo=UTC)
    lab, other = "arn:aws:iam::111122223333:role/lab", "arn:aws:iam::111122223333:role/other"
    assert refused(built, converse(opus, principal=lab, time=when)).outcome == "allowed"
    assert refused(built, converse(opus, principal=other, time=when)).outcome == "refused"
    assert refused(built, converse(opus, principal=lab, time=when + timedelta(days=40))).outcome == "refused"
    assert (
        refused(built, converse("anthropic.claude-opus-4-6-v1", principal=lab, time=when)).outcome
        == "refused"
    )
    assert refused(built, converse(f"us.{HAIKU}", principal=other, time=when)).outcome == "allowed"


def test_several_accounts_and_other_partitions() -> None:
    text = (HEAD + MODEL).replace('["111122223333"]', '["111122223333", "000000000011"]')
    built = build(BoundarySpec.loads(text))
    for account in ("111122223333", "000000000011"):
        call = converse(f"us.{HAIKU}", account=account, principal=f"arn:aws:iam::{account}:role/dev")
        assert refused(built, call).outcome == "allowed"
    stranger = {"RoleArn": "arn:aws:iam::000000000099:role/bounded/x"}
    assert refused(built, Call("sts", "AssumeRole", stranger)).outcome == "refused"
    gov = (
        '[profile.team]\npartition = "aws-us-gov"\naccounts = ["111122223333"]\nregions = ["us-gov-west-1"]\n'
    )
    gov += '[[profile.team.model]]\nid = "amazon.nova-lite-v1:0"\n'
    documents = "".join(build(BoundarySpec.loads(gov)).texts.values())
    assert "arn:aws:" not in documents
    assert "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-lite-v1:0" in documents


def test_targets_decide_who_is_bounded() -> None:
    text = HEAD + 'targets = ["arn:aws:iam::111122223333:role/team/dev"]\n' + MODEL
    built = build(BoundarySpec.loads(text))
    other = "us.anthropic.claude-opus-4-6-v1"
    inside = converse(other, principal="arn:aws:sts::111122223333:assumed-role/dev/me")
    outside = converse(other, principal="arn:aws:iam::111122223333:role/someone")
    assert refused(built, inside).outcome == "refused"
    assert refused(built, outside).outcome == "allowed"
    keyed = converse(f"us.{HAIKU}", principal="arn:aws:iam::111122223333:user/old", key_kind="long_term")
    assert refused(built, keyed).control == "long_term_key_use"  # the SCP reaches it


def test_explicit_denials_hold_against_a_resource_policy() -> None:
    built = build(BoundarySpec.from_draft())
    user = "arn:aws:iam::111122223333:user/dev"
    bucket = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": user}, "Action": "bedrock:InvokeModel", "Resource": "*"}
        ],
    }
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    evaluator = compile_policies([everything], boundary=built.boundary, resource_policy=bucket)
    target = "arn:aws:bedrock:us-east-1:111122223333:custom-model-deployment/shared"
    decision = evaluator.decide("bedrock:InvokeModel", target, {"aws:PrincipalArn": user}, principal=user)
    assert decision.verdict == "explicitDeny"


def test_a_target_that_the_call_does_not_tell_is_not_guessed(draft: Built) -> None:
    for parameters in ({}, {"modelId": "arn:aws:bedrock:us-east-1:111122223333:prompt/ABCDEFGHIJ:1"}):
        verdict = refused(draft, Call("bedrock-runtime", "Converse", parameters))
        assert (verdict.outcome, verdict.control) == ("depends", "approved_models")
        assert verdict.keys == {"the resource"}
    open_profiles = build(BoundarySpec.from_draft().with_controls(application_profiles=False))
    own = converse("arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc")
    assert refused(open_profiles, own).outcome == "depends"
    assert refused(draft, own).outcome == "refused"


def test_a_judge_of_one_kind_of_document() -> None:
    built = build(full_spec())
    call = converse("us.anthropic.claude-opus-4-6-v1")
    assert Judge(built, ("scp",)).call(call).outcome == "allowed"
    assert Judge(built, ("boundary", "deny")).call(call).outcome == "refused"
    assert Judge(built, ()).call(call).outcome == "allowed"


def _example() -> BoundarySpec:
    from importlib import resources

    return BoundarySpec.loads(
        resources.files("bedrock_guard.boundary").joinpath("data", "example.toml").read_text("utf-8")
    )


SPECS = {
    "draft": BoundarySpec.from_draft,
    "strict": lambda: BoundarySpec.strict("111122223333", "us-east-1"),
    "full": full_spec,
    "example": _example,
}


def test_limits_are_those_of_the_issue() -> None:
    assert dict(LIMIT) == {"boundary": 1, "deny": 3, "scp": 5}
    assert dict(QUOTA) == {"boundary": 6_144, "deny": 6_144, "scp": 10_240}
    assert shipped().as_of.year == 2026


def test_models_that_answer_asynchronously_keep_their_job() -> None:
    """Whether StartAsyncInvoke asks for the job's ARN too is not documented; either way an approved one must run."""
    for name, outcome in (
        ("amazon.nova-reel-v1:1", "allowed"),
        ("amazon.nova-2-multimodal-embeddings-v1:0", "allowed"),
        ("amazon.titan-embed-text-v2:0", "depends"),
    ):
        built = build(BoundarySpec.loads(HEAD + f'[[profile.team.model]]\nid = "{name}"\n'))
        call = Call("bedrock-runtime", "StartAsyncInvoke", {"modelId": name})
        assert refused(built, call).outcome == outcome, name


@pytest.mark.parametrize("kinds", [True, ("t3.micro", "m5.large"), ("t3.*",)])
@pytest.mark.parametrize("operation", ["CreateAutoScalingGroup", "UpdateAutoScalingGroup"])
def test_a_scaling_group_mixes_in_no_other_type(operation: str, kinds: object) -> None:
    built = build(BoundarySpec.from_draft().with_controls(instance_types=kinds))
    small = {"ec2:InstanceType": "t3.micro", "ec2:Encrypted": True}
    template = {"LaunchTemplateId": "lt-0123456789abcdef0", "Version": "3"}

    def denied_by(*types: str) -> str | None:
        mixed = {
            "LaunchTemplateSpecification": template,
            "Overrides": [{"InstanceType": name} for name in types],
        }
        group = {"AutoScalingGroupName": "g", "MixedInstancesPolicy": {"LaunchTemplate": mixed}}
        return refused(built, Call("autoscaling", operation, group, facts=small)).control

    assert denied_by("t3.micro", "p5.48xlarge") == "instance_types"
    if kinds is not True:
        assert denied_by("t3.micro") is None
        assert denied_by() is None
    lowered = Call("autoscaling", "UpdateAutoScalingGroup", {"AutoScalingGroupName": "g", "MinSize": 0})
    assert refused(built, lowered).control is None


@pytest.mark.parametrize(
    "operation",
    [
        "DeletePermissionsBoundaryFromPermissionSet",
        "DetachCustomerManagedPolicyReferenceFromPermissionSet",
    ],
)
def test_a_permission_set_keeps_its_boundary_and_deny_policies(draft: Built, operation: str) -> None:
    assert refused(draft, Call("sso-admin", operation)).control == "identity_center"


@pytest.mark.parametrize(
    ("service", "operation", "control"),
    [
        ("sagemaker", "UpdateCluster", "sagemaker"),
        ("sagemaker", "BatchAddClusterNodes", "sagemaker"),
        ("sagemaker", "RetryPipelineExecution", "sagemaker"),
        ("sagemaker", "StartInferenceExperiment", "sagemaker"),
        ("bedrock-agentcore", "GetResourceApiKey", "agentcore"),
        ("bedrock-agentcore", "GetResourceOauth2Token", "agentcore"),
        ("bedrock-agentcore", "GetWorkloadAccessTokenForUserId", "agentcore"),
        ("bedrock-agentcore", "GetResourcePolicy", None),
    ],
)
def test_growing_hosts_and_taking_stored_keys(
    draft: Built, service: str, operation: str, control: str | None
) -> None:
    assert refused(draft, Call(service, operation)).control == control


ROLES = "arn:aws:iam::111122223333:role/"


@pytest.mark.parametrize(
    ("role", "outcome"),
    [
        ("cdk-hnb659fds-deploy-role-111122223333-us-east-1", "allowed"),
        ("cdk-hnb659fds-", "allowed"),
        ("cdk-hnb659fd", "refused"),
        ("my-cdk-hnb659fds-deploy-role", "refused"),
        ("other/cdk-hnb659fds-deploy-role", "refused"),
    ],
)
def test_roles_named_by_how_they_begin(role: str, outcome: str) -> None:
    spec = BoundarySpec.loads(full_spec().with_controls(bounded_roles=("cdk-hnb659fds-*",)).dumps())
    built = build(spec)
    for call in (
        Call("sts", "AssumeRole", {"RoleArn": f"{ROLES}{role}"}),
        Call("lambda", "CreateFunction", {"Role": f"{ROLES}{role}"}),
    ):
        found = refused(built, call)
        assert (found.outcome, found.control) == (outcome, None if outcome == "allowed" else "bounded_roles")
    stranger = Call(
        "sts", "AssumeRole", {"RoleArn": f"{ROLES}{role}".replace("111122223333", "000000000099")}
    )
    assert refused(built, stranger).outcome == "refused"


def test_a_role_made_by_such_a_name_carries_the_boundary_or_is_not_made() -> None:
    built = build(full_spec().with_controls(bounded_roles=("cdk-hnb659fds-*",)))
    name = {"RoleName": "cdk-hnb659fds-mine"}
    assert refused(built, Call("iam", "CreateRole", name)).control == "bounded_principals"
    bounded = {**name, "PermissionsBoundary": built.profile.boundary_arns[0]}
    assert refused(built, Call("iam", "CreateRole", bounded)).outcome == "allowed"
    following = [s for d in built.scps for s in d["Statement"] if "ArnLike" in s.get("Condition", {})]
    named = {arn for s in following for arn in _listed(s["Condition"]["ArnLike"].get("aws:PrincipalArn", ()))}
    assert f"{ROLES}cdk-hnb659fds-*" in named


def _listed(values: str | Iterable[str]) -> list[str]:
    return [values] if isinstance(values, str) else list(values)


def test_by_names_the_scorecard_is_the_same_as_by_a_path() -> None:
    cards = [score(full_spec().with_controls(bounded_roles=roles)) for roles in (("bounded/*",), ("team-*",))]
    by_path, by_name = (
        {row.bypass.number: row.states["together"] for row in card.bypasses} for card in cards
    )
    assert by_name == by_path
    assert cards[0].going_on("together") == cards[1].going_on("together")


def test_usual_roles_that_are_not_bounded_are_named_with_what_to_add() -> None:
    def told(roles: object) -> str:
        findings = build(BoundarySpec.from_draft().with_controls(bounded_roles=roles)).findings
        return " ".join(sentence for sentence in findings if "bounded_roles names none" in sentence)

    place = "111122223333-us-east-1"
    assert f"cdk-hnb659fds-cfn-exec-role-{place}" in told(("bounded/*",))
    some = told((f"cdk-hnb659fds-deploy-role-{place}", "ecsTaskExecutionRole"))
    assert "service-role/*" in some
    assert "cdk-" not in some
    assert "ecsTask" not in some
    assert told((f"cdk-hnb659fds-deploy-role-{place}", "ecsTaskExecutionRole", "service-role/*")) == ""
    assert told(("cdk-hnb659fds-*", "ecsTask*", "service-role/*")) == ""
    assert told(True) == told(False) == ""


LOCKED_OUT = (
    "AttachRolePolicy", "DeleteRole", "DeleteRolePolicy", "DetachRolePolicy", "PutRolePermissionsBoundary",
    "PutRolePolicy", "UpdateAssumeRolePolicy", "AttachUserPolicy", "DeleteUser", "DeleteUserPolicy",
    "DetachUserPolicy", "PutUserPermissionsBoundary", "PutUserPolicy", "UpdateUser",
)  # fmt: skip


@pytest.mark.parametrize("operation", LOCKED_OUT)
def test_nobody_locks_out_who_can_always_undo(operation: str) -> None:
    kind = "RoleName" if "Role" in operation else "UserName"
    arns = [f"arn:aws:iam::111122223333:{name}" for name in ("role/glass", "user/glass", "root")]
    alone = BoundarySpec.loads(HEAD + f"break_glass = {json.dumps(arns)}\n" + MODEL)
    built = build(alone.with_controls(bounded_principals=False))

    def outcome(name: str) -> tuple[str, str | None]:
        parameters = {kind: name, "PermissionsBoundary": built.profile.boundary_arns[0]}
        found = refused(built, Call("iam", operation, parameters))
        return found.outcome, found.control

    assert outcome("glass") == ("refused", "boundary_protection")
    assert outcome("glasses")[0] == "allowed"


def test_the_root_user_is_no_resource_to_protect() -> None:
    root = 'break_glass = ["arn:aws:iam::111122223333:root"]\n'
    assert ":root" not in str(build(BoundarySpec.loads(HEAD + root + MODEL)).boundary)


def test_in_scps_break_glass_and_administrators_may_still_change_it() -> None:
    spec = full_spec()
    name, profile = spec.only()
    held = profile.model_copy(update={"scp_holds": "everything"})
    built = build(spec.model_copy(update={"profile": {name: held}}))
    statements = [s for document in built.scps for s in document["Statement"]]
    (found,) = (s for s in statements if "iam:DeleteRole" in s["Action"])
    exempt = {*profile.break_glass, *profile.administrators}
    assert set(found["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]) == exempt


def _asked(spec: BoundarySpec, action: str, resource: str = "*", **context: str) -> str:
    side = Judge(build(spec)).side("anyone", bounded=True)
    return side.evaluator.decide(action, resource, context).verdict


@pytest.mark.parametrize("on", [True, False])
def test_a_built_in_tool_may_be_called_where_tools_are_not_forbidden(on: bool) -> None:
    """InvokeModel is asked for the tool as well as for the model that uses it."""
    spec = full_spec().with_controls(system_tools=on, guardrail_required=False)
    tool = "arn:aws:bedrock::111122223333:system-tool/nova_grounding"
    assert _asked(spec, "bedrock:InvokeModel", tool) == ("explicitDeny" if on else "allowed")


@pytest.mark.parametrize("mantle", [True, "approved", False])
@pytest.mark.parametrize(
    ("operation", "context"),
    [
        ("PutAccountDataRetention", {}),
        ("UpdateProject", {"bedrock-mantle:DataRetentionMode": "provider_data_share"}),
    ],
)
def test_data_retention_stays_on_mantle_too(mantle: object, operation: str, context: dict[str, str]) -> None:
    spec = full_spec().with_controls(mantle=mantle)
    assert _asked(spec, f"bedrock-mantle:{operation}", **context) == "explicitDeny"


def test_a_project_of_mantle_may_be_renamed_where_mantle_is_open() -> None:
    assert _asked(full_spec().with_controls(mantle=False), "bedrock-mantle:UpdateProject") == "allowed"


def test_nobody_under_the_boundary_takes_its_place_or_its_scps() -> None:
    spec = full_spec()
    policy = "arn:aws:iam::111122223333:policy/"
    assert _asked(spec, "iam:CreatePolicy", f"{policy}bedrock-guard-boundary") == "explicitDeny"
    assert _asked(spec, "iam:CreatePolicy", f"{policy}team-orders") == "allowed"
    assert _asked(spec, "organizations:DetachPolicy") == "explicitDeny"
    assert _asked(spec, "organizations:DescribePolicy") == "allowed"


def test_a_group_takes_no_old_launch_configuration() -> None:
    named = {"autoscaling:LaunchConfigurationName": "gpu"}
    for operation in ("CreateAutoScalingGroup", "UpdateAutoScalingGroup"):
        assert _asked(full_spec(), f"autoscaling:{operation}", **named) == "explicitDeny"
        assert _asked(full_spec(), f"autoscaling:{operation}") == "allowed"


def test_an_unencrypted_volume_does_not_come_back_from_the_recycle_bin() -> None:
    volume = "arn:aws:ec2:us-east-1:111122223333:volume/vol-0123456789abcdef0"
    answers = {
        flag: _asked(full_spec(), "ec2:RestoreVolumeFromRecycleBin", volume, **{"ec2:Encrypted": flag})
        for flag in ("true", "false")
    }
    assert answers == {"true": "allowed", "false": "explicitDeny"}


ARCHIVE = "arn:aws:iam::111122223333:role/archive"
LIFTED = f"""[[exception]]
profile = "team"
control = "batch_inference"
principals = ["{ARCHIVE}"]
owner = "data"
reason = "One archive."
until = 2099-12-31
"""


@pytest.mark.parametrize("off", [True, False])
def test_batch_jobs_that_are_allowed_are_of_approved_models(off: bool) -> None:
    controls = "[profile.team.controls]\nbatch_inference = false\n" if off else ""
    spec = BoundarySpec.loads(HEAD + MODEL + controls + ("" if off else LIFTED))
    judge = Judge(build(spec))

    def outcome(model: str, principal: str) -> tuple[str, str | None]:
        job, when = {"modelId": model}, datetime(2026, 11, 23, tzinfo=UTC)
        call = Call("bedrock", "CreateModelInvocationJob", job, principal=principal, time=when)
        found = judge.call(call)
        return found.outcome, found.deciding.control if found.deciding else None

    assert outcome(f"us.{HAIKU}", ARCHIVE) == ("allowed", None)
    assert outcome(HAIKU, ARCHIVE) == ("allowed", None)
    assert outcome("us.anthropic.claude-opus-4-6-v1", ARCHIVE) == ("refused", "approved_models")
    custom = "arn:aws:bedrock:us-east-1:111122223333:custom-model/x/abcdefgh1234"
    assert outcome(custom, ARCHIVE)[0] == "refused"
    other = outcome(f"us.{HAIKU}", "arn:aws:iam::111122223333:role/other")
    assert other == (("allowed", None) if off else ("refused", "batch_inference"))


def test_where_nothing_is_approved_no_batch_job_passes() -> None:
    spec = BoundarySpec.strict("111122223333", controls={"batch_inference": False})
    job = Call("bedrock", "CreateModelInvocationJob", {"modelId": HAIKU})
    assert Judge(build(spec)).call(job).outcome == "refused"


def test_a_model_approved_for_some_is_no_batch_model_of_others() -> None:
    opus = '{ id = "anthropic.claude-opus-4-1-20250805-v1:0", routes = ["us"] }'
    timed = (
        f'model = {opus}\nprincipals = ["{ARCHIVE}"]\nuntil = 2099-12-31\nowner = "x"\nreason = "Trial."\n'
    )
    controls = "[profile.team.controls]\nbatch_inference = false\n"
    text = f'{HEAD}{MODEL}{controls}[[exception]]\nprofile = "team"\n{timed}'
    judge = Judge(build(BoundarySpec.loads(text)))
    job = {"modelId": "us.anthropic.claude-opus-4-1-20250805-v1:0"}
    when = datetime(2026, 11, 23, tzinfo=UTC)
    for principal, wanted in ((ARCHIVE, "allowed"), ("arn:aws:iam::111122223333:role/other", "refused")):
        call = Call("bedrock", "CreateModelInvocationJob", job, principal=principal, time=when)
        assert judge.call(call).outcome == wanted
