"""Each lint rule finds its mistake, says where it is, and leaves the corrected form alone."""

from __future__ import annotations

import json
from itertools import product

import pytest

from bedrock_guard.iam.catalogue import ActionCatalogue, ActionInfo, KeyInfo, ResourceType, Service
from bedrock_guard.iam.document import PolicyError, read
from bedrock_guard.iam.evaluator import compile_policies
from bedrock_guard.iam.lint import RULES, lint
from bedrock_guard.iam.lint_actions import ends_billing

ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
CATALOGUE = ActionCatalogue.of(
    [
        Service(
            "demo",
            {
                "invokemodel": ActionInfo(
                    "demo:InvokeModel",
                    "Read",
                    frozenset({"demo:tier"}),
                    {"model": frozenset(), "profile": frozenset()},
                ),
                "runthings": ActionInfo(
                    "demo:RunThings",
                    "Write",
                    frozenset(),
                    {"thing": frozenset({"demo:thingtype"}), "image": frozenset({"demo:owner"})},
                ),
                "listthings": ActionInfo("demo:ListThings", "List"),
                "rentthing": ActionInfo("demo:RentThing", "Write", frozenset({"demo:lease"})),
                "tagthing": ActionInfo(
                    "demo:TagThing", "Write", frozenset({"aws:tagkeys"}), {"thing": frozenset({"demo:size"})}
                ),
                "createjob": ActionInfo("demo:CreateJob", "Write", frozenset(), {"job": frozenset()}),
                "stopjob": ActionInfo("demo:StopJob", "Write", frozenset(), {"job": frozenset()}),
                "deletepolicy": ActionInfo(
                    "demo:DeletePolicy", "Write", frozenset(), {"policy": frozenset()}
                ),
            },
            {
                "model": ResourceType("model", "arn:${Partition}:demo:${Region}::model/${Id}"),
                "profile": ResourceType(
                    "profile", "arn:${Partition}:demo:${Region}:${Account}:profile/${Id}"
                ),
                "thing": ResourceType("thing", "arn:${Partition}:demo:${Region}:${Account}:thing/${Id}"),
                "image": ResourceType("image", "arn:${Partition}:demo:${Region}::image/${Id}"),
                "job": ResourceType("job", "arn:${Partition}:demo:${Region}:${Account}:job/${Id}"),
                "policy": ResourceType("policy", "arn:${Partition}:demo::${Account}:policy/${Id}"),
            },
            {
                "demo:tier": KeyInfo("demo:Tier", "String"),
                "demo:thingtype": KeyInfo("demo:ThingType", "String"),
                "demo:size": KeyInfo("demo:Size", "Numeric"),
                "demo:owner": KeyInfo("demo:Owner", "String"),
                "demo:lease": KeyInfo("demo:Lease", "String"),
            },
        ),
        Service("plain", {}, {"bucket": ResourceType("bucket", "arn:${Partition}:plain:::${Name}")}, {}),
    ]
)


def deny(**elements):
    return {"Effect": "Deny", "Action": "demo:InvokeModel", "Resource": "*", **elements}


def allow(**elements):
    return {"Effect": "Allow", "Action": "demo:InvokeModel", "Resource": "*", **elements}


def denying_all_but(*arns):
    return {"Effect": "Deny", "Action": "demo:InvokeModel", "NotResource": list(arns)}


def findings(*statements, kind="boundary", version="2012-10-17"):
    text = json.dumps({"Version": version, "Statement": list(statements)})
    return lint(read(text, kind, lenient=True), CATALOGUE)


def ids(*statements, **rest):
    return {finding.rule.id for finding in findings(*statements, **rest)}


WRONG_AND_RIGHT = [
    ("unknown-action", deny(Action="demo:Converse"), deny()),
    ("unknown-action", deny(Action="demo:Convers*"), deny(Action="demo:Inv*")),
    ("unknown-service", deny(Action="nosuch:Thing"), deny(Action="*")),
    ("unknown-key", deny(Condition={"StringLikeIfExists": {"demo:ModelAccess": "x"}}), deny()),
    (
        "deny-fails-open",
        deny(Condition={"StringEquals": {"demo:Tier": "priority"}}),
        deny(Condition={"StringEqualsIfExists": {"demo:Tier": "priority"}}),
    ),
    (
        "deny-fails-open",
        deny(Condition={"StringEquals": {"demo:Tier": "priority"}}),
        deny(Condition={"StringEquals": {"demo:Tier": "priority"}, "Null": {"demo:tier": "false"}}),
    ),
    (
        "deny-fails-open",
        deny(Condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}}),
        deny(Condition={"Bool": {"aws:SecureTransport": "false"}}),
    ),
    (
        "wildcard-region-in-not-resource",
        denying_all_but("arn:aws:demo:*::model/m-1"),
        denying_all_but("arn:aws:demo:us-east-1::model/m-1", "arn:aws:demo:us-*::model/m-1"),
    ),
    (
        "wildcard-region-in-not-resource",
        denying_all_but("arn:aws:demo:*:*:profile/p"),
        denying_all_but("arn:aws:plain:*::b"),
    ),
    (
        "growing-wildcard",
        denying_all_but("arn:aws:demo:us-east-1::model/model-4*"),
        denying_all_but(
            "arn:aws:demo:us-east-1::model/model-4-20260101", "arn:aws:demo:us-east-1:*:profile/*"
        ),
    ),
    (
        "growing-wildcard",
        allow(Resource="arn:aws:demo:us-east-1::model/model-4*"),
        deny(Resource="arn:aws:demo:us-east-1::model/model-4*"),
    ),
    (
        "growing-wildcard-in-condition",
        deny(Condition={"StringNotLike": {"demo:Tier": "gpt-4*"}}),
        deny(Condition={"StringNotLike": {"demo:Tier": "gpt-4-turbo"}}),
    ),
    (
        "wildcard-in-resource-type",
        deny(Resource="arn:aws:demo:*:*:*/maker.*"),
        deny(Resource=["arn:aws:demo:*:*:model/maker.*", "arn:aws:plain:::*/key", "arn:aws:demo:*:*:*"]),
    ),
    (
        "wildcard-in-service-part",
        deny(Resource="arn:aws:de*:us-east-1::model/m"),
        deny(Resource="arn:*:demo:us-east-1::model/m"),
    ),
    ("incomplete-arn", deny(Resource="arn:aws:demo"), deny(Resource="arn:aws:demo:*:*:*")),
    (
        "resource-never-matches",
        deny(Resource="arn:aws:plain:::b"),
        deny(Resource="arn:aws:demo:*:*:profile/*"),
    ),
    (
        "resource-never-matches",
        deny(Action=["demo:ListThings", "demo:TagThing"], Resource="arn:aws:demo:*:*:thing/*"),
        deny(Action="demo:*", Resource="arn:aws:demo:*:*:thing/*"),
    ),
    (
        "set-operator-on-single-valued-key",
        deny(Condition={"ForAnyValue:StringEquals": {"demo:Tier": "x"}}),
        deny(Condition={"StringEquals": {"demo:Tier": "x"}}),
    ),
    (
        "multivalued-key-without-set-operator",
        deny(Action="demo:TagThing", Condition={"StringEquals": {"aws:TagKeys": "x"}}),
        deny(Action="demo:TagThing", Condition={"ForAnyValue:StringEquals": {"aws:TagKeys": "x"}}),
    ),
    (
        "allow-for-all-values",
        allow(Action="demo:TagThing", Condition={"ForAllValues:StringEquals": {"aws:TagKeys": "x"}}),
        allow(
            Action="demo:TagThing",
            Condition={"ForAllValues:StringEquals": {"aws:TagKeys": "x"}, "Null": {"aws:TagKeys": "false"}},
        ),
    ),
    (
        "disputed-form",
        deny(Action="demo:TagThing", Condition={"ForAnyValue:StringEqualsIfExists": {"aws:TagKeys": "x"}}),
        deny(Action="demo:TagThing", Condition={"ForAnyValue:StringEquals": {"aws:TagKeys": "x"}}),
    ),
    (
        "disputed-form",
        deny(Condition={"Bool": {"aws:SecureTransport": "${aws:ViaAWSService}"}}),
        deny(Condition={"Bool": {"aws:SecureTransport": "false"}}),
    ),
    (
        "operator-does-not-fit-key",
        deny(Condition={"NumericLessThan": {"demo:Tier": "3"}}),
        deny(Action="demo:TagThing", Condition={"NumericLessThan": {"demo:Size": "3"}}),
    ),
    (
        "wildcard-in-exact-operator",
        deny(Condition={"StringNotEquals": {"demo:Tier": "pri*"}}),
        deny(Condition={"StringNotLike": {"demo:Tier": "pri*"}}),
    ),
    (
        "multivalued-variable",
        deny(Condition={"StringNotEquals": {"demo:Tier": "${aws:TagKeys}"}}),
        deny(Condition={"StringNotEquals": {"demo:Tier": "${aws:username}"}}),
    ),
    (
        "variable-before-fifth-colon",
        deny(Resource="arn:aws:demo:${aws:RequestedRegion}::model/m"),
        deny(Resource="arn:aws:demo:us-east-1::model/${aws:username}"),
    ),
    (
        "key-never-supplied",
        deny(Condition={"StringNotEquals": {"demo:ThingType": "small"}}),
        deny(Condition={"StringNotEquals": {"demo:Tier": "small"}}),
    ),
    (
        "key-not-supplied-by-every-action",
        deny(
            Action=["demo:InvokeModel", "demo:ListThings"], Condition={"StringNotEquals": {"demo:Tier": "x"}}
        ),
        deny(Condition={"StringNotEquals": {"demo:Tier": "x"}}),
    ),
    (
        "key-not-supplied-by-every-action",
        deny(Action="*", Condition={"StringNotEquals": {"demo:Tier": "x"}}),
        deny(Action="*", Condition={"StringNotEquals": {"demo:Tier": "x"}, "Null": {"demo:Tier": "false"}}),
    ),
    (
        "key-of-another-resource",
        deny(Action="demo:RunThings", Condition={"StringNotLike": {"demo:ThingType": "small"}}),
        deny(
            Action="demo:RunThings",
            Resource="arn:aws:demo:*:*:thing/*",
            Condition={"StringNotLike": {"demo:ThingType": "small"}},
        ),
    ),
    (
        "deny-blocks-the-fix",
        deny(Action="demo:StopJob"),
        deny(Action=["demo:CreateJob", "demo:DeletePolicy"]),
    ),
    ("deny-blocks-the-fix", deny(Action="demo:*Job"), deny(Action="demo:*")),
]


@pytest.mark.parametrize(("rule", "wrong", "right"), WRONG_AND_RIGHT)
def test_a_rule_finds_the_mistake_and_not_its_correction(rule, wrong, right):
    assert rule in ids(ALLOW_ALL, wrong)
    assert rule not in ids(ALLOW_ALL, right)


BOTH = ("demo:InvokeModel", "demo:RentThing")
KEYS_OF = {"demo:InvokeModel": {"demo:Tier"}, "demo:RentThing": {"demo:Lease"}, "demo:ListThings": set()}


def unsupplied(actions, conditions, effect="Deny", **elements):
    """The messages about keys that not every action carries."""
    statement = {
        "Effect": effect,
        "Action": list(actions),
        "Resource": "*",
        "Condition": conditions,
        **elements,
    }
    found = findings(ALLOW_ALL, statement)
    return [one.message for one in found if one.rule.id == "key-not-supplied-by-every-action"]


UNLESS = {"StringNotEquals": {"demo:Tier": "x", "demo:Lease": "y"}}


@pytest.mark.parametrize(
    "conditions",
    [
        UNLESS,
        {"StringNotEquals": {"demo:Tier": "x"}, "StringNotLike": {"demo:Lease": "y*"}},
        {"StringNotEquals": {"demo:Tier": "x"}, "StringEqualsIfExists": {"demo:Lease": "dear"}},
        {**UNLESS, "ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/glass"}},
    ],
)
def test_a_deny_that_exempts_each_action_by_its_own_key_is_no_mistake(conditions):
    assert unsupplied(BOTH, conditions) == []
    assert denied_whatever_it_carries(BOTH, conditions) == []


@pytest.mark.parametrize(
    ("actions", "conditions", "denied"),
    [
        ((*BOTH, "demo:ListThings"), UNLESS, ["demo:ListThings"]),
        (BOTH, {"StringNotEquals": {"demo:Tier": "x"}}, ["demo:RentThing"]),
        (
            BOTH,
            {
                "StringNotEquals": {"demo:Tier": "x"},
                "ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/glass"},
            },
            ["demo:RentThing"],
        ),
        (
            BOTH,
            {"StringNotEquals": {"demo:Tier": "x"}, "StringEquals": {"demo:Lease": "dear"}},
            ["demo:RentThing"],
        ),
    ],
)
def test_a_deny_without_a_way_out_for_an_action_is_found(actions, conditions, denied):
    """A condition on who calls is no way out, nor is one that says which requests are meant."""
    assert denied_whatever_it_carries(actions, conditions) == denied
    messages = unsupplied(actions, conditions)
    assert messages
    for name in actions:
        assert all((name in message) == (name in denied) for message in messages)


@pytest.mark.parametrize(
    "conditions",
    [
        {"StringEquals": {"demo:Lease": "dear"}, "StringNotEquals": {"demo:Tier": "x"}},
        {"Null": {"demo:Lease": "false"}, "StringNotEquals": {"demo:Tier": "x"}},
        {"StringNotEquals": {"demo:Tier": "x"}, "Null": {"demo:Tier": "false"}},
    ],
)
def test_a_deny_that_never_applies_to_an_action_does_not_deny_it(conditions):
    assert "demo:ListThings" not in denied_whatever_it_carries(["demo:ListThings"], conditions)
    assert not any("ListThings" in one for one in unsupplied([*BOTH, "demo:ListThings"], conditions))


def denied_whatever_it_carries(actions, conditions):
    """What the evaluator says: which actions some caller may never call, whatever their own keys say.

    A value stands for each condition's own and for another; keys of the statement's scope are as it asks.
    """
    statement = {"Effect": "Deny", "Action": list(actions), "Resource": "*", "Condition": conditions}
    judge = compile_policies([json.dumps({"Version": "2012-10-17", "Statement": [ALLOW_ALL, statement]})])
    scope = conditions.get("StringEquals", {})
    refused = []
    for name in actions:
        free = sorted(KEYS_OF[name] - scope.keys())
        held = {key: value for key, value in scope.items() if key in KEYS_OF[name]}
        choices = [
            dict(zip(free, values, strict=True)) for values in product(("x", "y", "dear"), repeat=len(free))
        ]
        asked = [
            judge.decide(
                name, "*", {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/team", **held, **one}
            )
            for one in choices
        ]
        if all(one.verdict == "explicitDeny" for one in asked):
            refused.append(name)
    return refused


FORMS = {
    "none": {},
    "unless": {"StringNotEquals": "x"},
    "only": {"StringEquals": "x"},
    "or absent": {"StringEqualsIfExists": "x"},
    "absent": {"Null": "true"},
    "present": {"Null": "false"},
    "present unless": {"Null": "false", "StringNotEquals": "x"},
}


@pytest.mark.parametrize(
    ("tier", "lease"), [pair for pair in product(FORMS, repeat=2) if pair != ("none", "none")]
)
def test_every_pair_of_conditions_is_judged_as_the_evaluator_does(tier, lease):
    """An action is named where it lacks a key, is denied, and is denied whatever its own key says within the scope."""
    conditions = {}
    for key, form in (("demo:Tier", tier), ("demo:Lease", lease)):
        for operator, value in FORMS[form].items():
            conditions.setdefault(operator, {})[key] = value
    actions = [*BOTH, "demo:ListThings"]
    statement = {"Effect": "Deny", "Action": actions, "Resource": "*", "Condition": conditions}
    judge = compile_policies([json.dumps({"Version": "2012-10-17", "Statement": [ALLOW_ALL, statement]})])
    named = {name for message in unsupplied(actions, conditions) for name in actions if name in message}
    for name in actions:
        own = next(iter(KEYS_OF[name]), None)
        form = {"demo:Tier": tier, "demo:Lease": lease}.get(own, "none")
        asked = [{}] if own is None else [{}, {own: "x"}, {own: "y"}]
        scope = [one for one in asked if _within(form, one.get(own))]
        denied = [judge.decide(name, "*", one).verdict == "explicitDeny" for one in scope]
        lacks = any(key != own for keys in conditions.values() for key in keys)
        assert (name in named) == (lacks and bool(denied) and all(denied)), (name, conditions)


def _within(form, value):
    """Whether a request is one that the conditions on its own key are about; a way out is no such limit."""
    limits = {"only": value == "x", "present": value is not None, "present unless": value is not None}
    return limits.get(form, True)


def test_an_allow_needs_every_condition_and_so_every_key():
    (first, second) = unsupplied(BOTH, {"StringEquals": {"demo:Tier": "x", "demo:Lease": "y"}}, "Allow")
    assert "demo:RentThing never carries demo:Tier and is never allowed" in first
    assert "demo:InvokeModel never carries demo:Lease and is never allowed" in second


def test_a_deny_of_every_action_is_of_the_service_of_its_positive_key():
    dear = {"StringEquals": {"demo:Lease": "dear"}, "StringNotEquals": {"demo:Tier": "x"}}
    (message,) = unsupplied("*", dear)
    assert "demo:RentThing never carries demo:Tier" in message
    assert unsupplied(["*:Invoke*"], dear) == []
    (message,) = unsupplied("*", {"StringNotEquals": {"demo:Tier": "x"}})
    assert "outside demo too" in message


def test_a_deny_of_all_but_some_actions_reaches_those_that_lack_the_key():
    statement = {"Effect": "Deny", "NotAction": "demo:ListThings", "Resource": "*"}
    wrong = {**statement, "Condition": {"StringNotEquals": {"demo:Tier": "x"}}}
    assert "key-not-supplied-by-every-action" in ids(ALLOW_ALL, wrong)
    right = {**statement, "Condition": {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}}
    assert "key-not-supplied-by-every-action" not in ids(ALLOW_ALL, right)


def test_one_resource_of_several_may_have_a_way_out_of_its_own():
    alone = deny(Action="demo:RunThings", Condition={"StringNotEquals": {"demo:ThingType": "small"}})
    both = {"StringNotEquals": {"demo:ThingType": "small", "demo:Owner": "me"}}
    assert "key-of-another-resource" in ids(ALLOW_ALL, alone)
    assert "key-of-another-resource" not in ids(ALLOW_ALL, deny(Action="demo:RunThings", Condition=both))


@pytest.mark.parametrize(
    ("rule", "wrong", "right", "kind"),
    [
        (
            "allow-not-action",
            {"Effect": "Allow", "NotAction": "demo:*", "Resource": "*"},
            ALLOW_ALL,
            "identity",
        ),
        ("allow-not-resource", {**ALLOW_ALL, "NotResource": "arn:aws:demo:*:*:job/j"}, ALLOW_ALL, "identity"),
        ("deny-only-boundary", deny(), ALLOW_ALL, "boundary"),
        ("deny-only-boundary", deny(), ALLOW_ALL, "session"),
    ],
)
def test_a_rule_of_one_kind_of_document(rule, wrong, right, kind):
    if "NotResource" in wrong:
        wrong = {key: value for key, value in wrong.items() if key != "Resource"}
    assert rule in ids(wrong, kind=kind)
    assert rule not in ids(right, kind=kind)


def test_a_deny_only_scp_is_in_order():
    assert "deny-only-boundary" not in ids(deny(), kind="scp")


def test_a_resource_policy_that_denies_all_but_one_principal():
    wrong = {**deny(), "NotPrincipal": {"AWS": "arn:aws:iam::111122223333:user/ada"}}
    right = {**deny(), "Principal": "*"}
    assert "not-principal-deny" in ids(wrong, kind="resource")
    assert "not-principal-deny" not in ids(right, kind="resource")


def test_a_variable_in_an_old_document():
    statement = deny(Resource="arn:aws:demo:us-east-1::model/${aws:username}")
    assert "variable-in-old-version" in ids(ALLOW_ALL, statement, version="2008-10-17")
    assert "variable-in-old-version" not in ids(ALLOW_ALL, statement)


def test_size_against_the_quota_of_the_kind():
    arns = [f"arn:aws:demo:us-east-1::model/{number:060}" for number in range(75)]
    over = deny(Resource=arns)
    assert "over-quota" in ids(ALLOW_ALL, over)
    assert "over-quota" not in ids(ALLOW_ALL, over, kind="scp")
    assert "near-quota" in ids(ALLOW_ALL, deny(Resource=arns[:64]))


def test_a_finding_says_where_it_is():
    statement = {**deny(Action=["demo:InvokeModel", "demo:Nope"]), "Sid": "Models"}
    found = next(one for one in findings(ALLOW_ALL, statement) if one.rule.id == "unknown-action")
    assert (found.statement, found.sid, found.path) == (1, "Models", "$.Statement[1].Action[1]")
    assert found.value == "demo:Nope"
    condition = deny(Condition={"StringEquals": {"demo:Tier": ["a", "b"]}})
    found = next(one for one in findings(ALLOW_ALL, condition) if one.rule.id == "deny-fails-open")
    assert found.path == "$.Statement[1].Condition['StringEquals']['demo:Tier']"


def test_errors_come_first():
    order = [one.severity for one in findings(deny(Condition={"StringEquals": {"demo:Nope": "x"}}))]
    assert order == sorted(order, key=["error", "warning", "note"].index)
    assert "error" in order
    assert "warning" in order


def test_every_rule_has_a_plain_sentence_and_a_source():
    for rule in RULES.values():
        assert rule.sentence.endswith(".")
        assert rule.source.startswith("https://docs.aws.amazon.com/")


def test_the_shipped_catalogue_knows_bedrock():
    text = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                ALLOW_ALL,
                {"Effect": "Deny", "Action": ["bedrock:Converse", "bedrock:InvokeModel"], "Resource": "*"},
                {
                    "Effect": "Deny",
                    "Action": "bedrock:CallWithBearerToken",
                    "Resource": "*",
                    "Condition": {"StringEqualsIfExists": {"BEDROCK:bearerTokenType": "LONG_TERM"}},
                },
            ],
        }
    )
    assert [(one.rule.id, one.value) for one in lint(read(text, "boundary"))] == [
        ("unknown-action", "bedrock:Converse")
    ]


def test_what_the_strict_reader_refuses_is_found_in_what_was_read_leniently():
    assert "not-an-arn" in ids(ALLOW_ALL, deny(Resource="bucket"))
    assert "rcp-allow" in ids({**ALLOW_ALL, "Principal": "*"}, kind="rcp")


@pytest.mark.parametrize(
    ("action", "resource", "condition"),
    [
        (
            "kms:Decrypt",
            "*",
            {"ArnLike": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::prompts/*"}},
        ),
        ("s3:GetObject", "arn:aws:s3:::prompts/*", {"StringEquals": {"s3:ExistingObjectTag/team": "a"}}),
        ("secretsmanager:GetSecretValue", "*", {"StringEquals": {"secretsmanager:ResourceTag/team": "a"}}),
        ("codebuild:CreateProject", "*", {"Bool": {"codebuild:secondarySources/x.insecureSsl": "false"}}),
        ("bedrock:InvokeModel", "*", {"ArnLike": {"ec2:SourceInstanceARN": "arn:aws:ec2:*:*:instance/i-1"}}),
        (
            "aws-marketplace:Subscribe",
            "*",
            {"ForAnyValue:StringEquals": {"aws-marketplace:ProductId": ["prod-1"]}},
        ),
        ("s3:ListAllMyBuckets", "arn:aws:s3:::*", {}),
    ],
)
def test_forms_that_aws_itself_writes_raise_no_alarm(action, resource, condition):
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition}
    document = {"Version": "2012-10-17", "Statement": statement}
    assert lint(read(json.dumps(document)), ActionCatalogue.shipped()) == ()


@pytest.mark.parametrize(
    "key", ["kms:EncryptionContext", "s3:ExistingObjectTags", "codebuild:secondarySources/x.ssl"]
)
def test_a_key_beside_a_family_does_not_exist(key):
    assert ActionCatalogue.shipped().key(key) is None


def test_ending_what_costs_nothing_is_no_blocked_fix():
    free = ["ec2:DeleteVpnGateway", "ec2:DeleteInternetGateway", "route53:DeleteCidrCollection"]
    assert not any(map(ends_billing, [*free, "cloudformation:DeleteStackInstances"]))
    assert all(map(ends_billing, ["ec2:DeleteNatGateway", "ec2:TerminateInstances", "aoss:DeleteCollection"]))


def test_a_document_of_aws_may_be_larger_than_any_call_takes():
    statement = {
        "Effect": "Allow",
        "Action": [f"s3:Get{number:060}" for number in range(2_000)],
        "Resource": "*",
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": statement})
    with pytest.raises(PolicyError, match="No IAM call takes"):
        read(text)
    assert len(read(text, lenient=True).statements[0].actions) == 2_000
