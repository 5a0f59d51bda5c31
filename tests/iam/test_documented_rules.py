"""The documented rules of IAM evaluation, one case or a few each, with the page that states the rule.

Pages are under https://docs.aws.amazon.com/IAM/latest/UserGuide/ unless a whole URL is given.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from decide_table import decide_table

from bedrock_guard.iam.document import PolicyError, read
from bedrock_guard.iam.evaluator import Principal, compile_policies
from bedrock_guard.iam.quotas import QUOTAS

A, B = "111122223333", "000000000011"
USER = f"arn:aws:iam::{A}:user/ada"
ROLE = f"arn:aws:iam::{A}:role/Analyst"
SESSION = f"arn:aws:sts::{A}:assumed-role/Analyst/ada"
ROOT = f"arn:aws:iam::{A}:root"
OBJECT = "arn:aws:s3:::data/reports/q1"
ALLOWED, IMPLICIT, EXPLICIT = "allowed", "implicitDeny", "explicitDeny"

LOGIC = "reference_policies_evaluation-logic.html"
BOUNDARIES = "access_policies_boundaries.html"
SESSIONS = "access_policies.html#policies_session"
CROSS = "reference_policies_evaluation-logic-cross-account.html"
RESOURCE = "reference_policies_elements_resource.html"
OPERATORS = "reference_policies_elements_condition_operators.html"
SEVERAL = "reference_policies_multi-value-conditions.html"
MULTIVALUED = "reference_policies_condition-single-vs-multi-valued-context-keys.html"
VARIABLES = "reference_policies_variables.html"
ORGANIZATIONS = "https://docs.aws.amazon.com/organizations/latest/userguide/"


def statement(effect, action="*", resource="*", **elements):
    found = {"Effect": effect, "Action": action, "Resource": resource, **elements}
    return {name: value for name, value in found.items() if value is not None}


def policy(*statements, version="2012-10-17"):
    return {"Version": version, "Statement": list(statements)}


FULL = policy(statement("Allow"))


def denied_when(condition, context, action="s3:GetObject", resource=OBJECT, version="2012-10-17"):
    """The verdict where everything is allowed but for one Deny with this condition."""
    deny = policy(statement("Deny", Condition=condition), version=version)
    return compile_policies([FULL, deny]).decide(action, resource, context).verdict


def hits(condition, context, **request):
    return denied_when(condition, context, **request) == EXPLICIT


def bucket_policy(principal, effect="Allow", action="s3:*", **elements):
    return policy(statement(effect, action, "*", Principal=principal, **elements))


# --- layers -------------------------------------------------------------------------------------------------


def test_rule_01_a_boundary_grants_nothing():
    """BOUNDARIES, LOGIC."""
    evaluator = compile_policies(FULL, boundary=policy(statement("Deny", "ec2:*")))
    decision = evaluator.decide("s3:GetObject", OBJECT, {})
    assert (decision.verdict, decision.layer) == (IMPLICIT, "boundary")
    assert compile_policies([], boundary=FULL).decide("s3:GetObject", OBJECT, {}).verdict == IMPLICIT


@pytest.mark.parametrize("layer", ["identity", "boundary", "scps", "rcps", "session", "resource_policy"])
@pytest.mark.parametrize("deny_first", [True, False])
def test_rule_02_an_explicit_deny_anywhere_wins(layer, deny_first):
    """LOGIC."""
    named = layer in ("rcps", "resource_policy")
    deny = statement("Deny", "s3:*", **({"Principal": "*"} if named else {}))
    allow = statement("Allow", **({"Principal": "*"} if named else {}))
    document = policy(*([deny, allow] if deny_first else [allow, deny]))
    argument = [[document]] if layer in ("scps", "rcps") else document
    evaluator = compile_policies(**{"identity": FULL, layer: argument})
    decision = evaluator.decide("s3:GetObject", OBJECT, {}, USER)
    assert decision.verdict == EXPLICIT
    assert decision.layer == layer.removesuffix("s").removesuffix("_policy")
    assert decision.statement == (0 if deny_first else 1)


def test_rule_03_service_control_policies_must_allow_at_every_level():
    """orgs_manage_policies_scps_evaluation.html."""
    narrow = policy(statement("Allow", "ec2:*"))
    evaluator = compile_policies(FULL, scps=[[FULL], [narrow]])
    decision = evaluator.decide("s3:GetObject", OBJECT, {})
    assert (decision.verdict, decision.layer, decision.level) == (IMPLICIT, "scp", 1)
    assert evaluator.decide("ec2:RunInstances", "*", {}).verdict == ALLOWED
    assert compile_policies(FULL, scps=[[FULL], []]).decide("s3:GetObject", OBJECT, {}).verdict == IMPLICIT
    two_in_one = compile_policies(FULL, scps=[[narrow, FULL]])
    assert two_in_one.decide("s3:GetObject", OBJECT, {}).verdict == ALLOWED


@pytest.mark.parametrize(
    ("caller", "verdict"),
    [
        (USER, EXPLICIT),
        (SESSION, EXPLICIT),
        (ROOT, EXPLICIT),
        (Principal(USER, in_management_account=True), ALLOWED),
        (f"arn:aws:iam::{A}:role/AWSServiceRoleForX", EXPLICIT),
        (f"arn:aws:iam::{A}:role/team/AWSServiceRoleForX", EXPLICIT),
        (f"arn:aws:iam::{A}:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX", ALLOWED),
        (f"arn:aws:sts::{A}:assumed-role/AWSServiceRoleForX/s", ALLOWED),
    ],
)
def test_rule_04_whom_service_control_policies_bind(caller, verdict):
    """orgs_manage_policies_scps.html."""
    evaluator = compile_policies(FULL, scps=[[policy(statement("Allow"), statement("Deny", "s3:*"))]])
    assert evaluator.decide("s3:GetObject", OBJECT, {}, caller).verdict == verdict


def test_rule_05_service_control_policies_take_the_full_language():
    """https://aws.amazon.com/blogs/security/unlock-new-possibilities-aws-organizations-service-control-policy-now-supports-full-iam-language"""
    in_ohio = {"StringEquals": {"aws:RequestedRegion": "us-east-2"}}
    conditional = compile_policies(FULL, scps=[[policy(statement("Allow", Condition=in_ohio))]])
    assert (
        conditional.decide("s3:GetObject", OBJECT, {"aws:RequestedRegion": "us-east-1"}).verdict == IMPLICIT
    )
    assert conditional.decide("s3:GetObject", OBJECT, {"aws:RequestedRegion": "us-east-2"}).verdict == ALLOWED
    excluding = {"Effect": "Allow", "NotAction": "ec2:*", "NotResource": "arn:aws:s3:::secret/*"}
    evaluator = compile_policies(FULL, scps=[[policy(excluding, statement("Deny", "s3:*Bucket*"))]])
    assert evaluator.decide("s3:GetObject", OBJECT, {}).verdict == ALLOWED
    assert evaluator.decide("s3:GetObject", "arn:aws:s3:::secret/k", {}).verdict == IMPLICIT
    assert evaluator.decide("ec2:RunInstances", "*", {}).verdict == IMPLICIT
    assert evaluator.decide("s3:DeleteBucketPolicy", "arn:aws:s3:::data", {}).verdict == EXPLICIT


def test_rule_06_resource_control_policies_only_deny():
    """orgs_manage_policies_rcps.html."""
    rcp = policy(statement("Deny", "s3:*", Principal="*"))
    assert compile_policies(FULL, rcps=[[rcp]]).decide("s3:GetObject", OBJECT, {}).layer == "rcp"
    assert compile_policies(FULL, rcps=[[rcp]]).decide("ec2:RunInstances", "*", {}).verdict == ALLOWED
    assert compile_policies(FULL, rcps=[[]]).decide("s3:GetObject", OBJECT, {}).verdict == ALLOWED
    with pytest.raises(PolicyError, match="only Deny"):
        read(json.dumps(policy(statement("Allow", "s3:*", Principal="*"))), "rcp")
    assert read(json.dumps(policy(statement("Allow", Principal="*"))), "rcp").statements[0].effect == "Allow"
    for wide in ({"Action": "*"}, {"NotAction": "s3:*"}):  # orgs_manage_policies_rcps_syntax.html
        with pytest.raises(PolicyError, match="names the service"):
            read(json.dumps(policy({"Effect": "Deny", "Resource": "*", "Principal": "*", **wide})), "rcp")
    here = Principal(USER, in_management_account=True)
    assert compile_policies(FULL, rcps=[[rcp]]).decide("s3:GetObject", OBJECT, {}, here).verdict == ALLOWED
    linked = f"arn:aws:iam::{A}:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"
    assert compile_policies(FULL, rcps=[[rcp]]).decide("s3:GetObject", OBJECT, {}, linked).verdict == ALLOWED


def test_rule_07_a_session_policy_intersects():
    """LOGIC."""
    evaluator = compile_policies(FULL, session=policy(statement("Allow", "ec2:*")))
    decision = evaluator.decide("s3:GetObject", OBJECT, {}, SESSION)
    assert (decision.verdict, decision.layer) == (IMPLICIT, "session")
    assert evaluator.decide("ec2:RunInstances", "*", {}, SESSION).verdict == ALLOWED
    assert compile_policies([], session=FULL).decide("s3:GetObject", OBJECT, {}, SESSION).layer == "identity"


def test_rule_08_within_an_account_either_policy_suffices():
    """LOGIC."""
    by_resource = compile_policies([], resource_policy=bucket_policy({"AWS": USER}))
    decision = by_resource.decide("s3:GetObject", OBJECT, {}, USER)
    assert (decision.verdict, decision.layer) == (ALLOWED, "resource")
    someone_else = compile_policies(FULL, resource_policy=bucket_policy({"AWS": f"{USER}2"}))
    assert someone_else.decide("s3:GetObject", OBJECT, {}, USER).layer == "identity"


ONLY_EC2 = policy(statement("Allow", "ec2:*"))
DENY_S3 = policy(statement("Allow"), statement("Deny", "s3:*"))


@pytest.mark.parametrize(
    ("named", "caller", "boundary", "session", "verdict", "page"),
    [
        # 9: the user ARN is not stopped by implicit denies, but by explicit ones
        (USER, USER, ONLY_EC2, None, ALLOWED, BOUNDARIES),
        (USER, USER, DENY_S3, None, EXPLICIT, BOUNDARIES),
        # what it grants joins the user's own policies before the session is made, so the session policy limits it
        (USER, USER, None, ONLY_EC2, IMPLICIT, SESSIONS),
        (USER, USER, ONLY_EC2, FULL, ALLOWED, SESSIONS),
        # 10: the role ARN is stopped by implicit denies of boundary and session policy
        (ROLE, SESSION, None, None, ALLOWED, LOGIC),
        (ROLE, ROLE, ONLY_EC2, None, IMPLICIT, BOUNDARIES),
        (ROLE, SESSION, ONLY_EC2, None, IMPLICIT, BOUNDARIES),
        (ROLE, SESSION, None, ONLY_EC2, IMPLICIT, LOGIC),
        (ROLE, SESSION, FULL, FULL, ALLOWED, LOGIC),
        # 11: the session ARN is stopped by none of them
        (SESSION, SESSION, ONLY_EC2, None, ALLOWED, BOUNDARIES),
        (SESSION, SESSION, None, ONLY_EC2, ALLOWED, LOGIC),
        (SESSION, SESSION, ONLY_EC2, ONLY_EC2, ALLOWED, LOGIC),
        (SESSION, SESSION, DENY_S3, None, EXPLICIT, LOGIC),
        # a wildcard names the session itself
        ("*", SESSION, ONLY_EC2, ONLY_EC2, ALLOWED, LOGIC),
        # 12: the account and its root only delegate
        (ROOT, USER, None, None, IMPLICIT, LOGIC),
        (A, SESSION, None, None, IMPLICIT, LOGIC),
        (ROOT, ROOT, None, None, ALLOWED, LOGIC),
    ],
)
def test_rules_09_to_12_how_the_resource_policy_names_the_caller(
    named, caller, boundary, session, verdict, page
):
    evaluator = compile_policies(
        [], boundary=boundary, session=session, resource_policy=bucket_policy({"AWS": named})
    )
    assert evaluator.decide("s3:GetObject", OBJECT, {}, caller).verdict == verdict


def test_rule_12_delegation_with_an_identity_policy():
    """LOGIC."""
    evaluator = compile_policies(FULL, resource_policy=bucket_policy({"AWS": ROOT}))
    assert evaluator.decide("s3:GetObject", OBJECT, {}, USER).verdict == ALLOWED


@pytest.mark.parametrize(
    ("identity", "boundary", "named", "verdict"),
    [
        (FULL, None, None, IMPLICIT),
        ([], None, USER, IMPLICIT),
        (FULL, None, USER, ALLOWED),
        (FULL, None, ROOT, ALLOWED),
        (FULL, None, "*", ALLOWED),
        (FULL, ONLY_EC2, USER, IMPLICIT),
        (FULL, FULL, USER, ALLOWED),
    ],
)
def test_rule_13_across_accounts_both_sides_must_allow(identity, boundary, named, verdict):
    """CROSS."""
    policy_there = None if named is None else bucket_policy({"AWS": named})
    evaluator = compile_policies(identity, boundary=boundary, resource_policy=policy_there)
    assert evaluator.decide("s3:GetObject", OBJECT, {}, USER, B).verdict == verdict
    queue = f"arn:aws:sqs:us-east-1:{B}:q"
    if named is None:
        assert evaluator.decide("sqs:SendMessage", queue, {}, USER).verdict == IMPLICIT
        assert evaluator.decide("sqs:SendMessage", queue.replace(B, A), {}, USER).verdict == ALLOWED


def test_rule_14_not_principal_with_deny_hits_whoever_has_a_boundary():
    """BOUNDARIES."""
    deny = policy(
        {"Effect": "Deny", "NotPrincipal": {"AWS": [USER, ROOT]}, "Action": "s3:*", "Resource": "*"}
    )
    free = compile_policies(FULL, resource_policy=deny)
    assert free.decide("s3:GetObject", OBJECT, {}, USER).verdict == ALLOWED
    assert free.decide("s3:GetObject", OBJECT, {}, f"arn:aws:iam::{B}:user/eve").verdict == EXPLICIT
    bounded = compile_policies(FULL, boundary=FULL, resource_policy=deny)
    assert bounded.decide("s3:GetObject", OBJECT, {}, USER).verdict == EXPLICIT


@pytest.mark.parametrize(
    ("spared", "caller", "verdict", "other"),
    [
        ([USER, ROOT], USER, ALLOWED, None),
        ([USER, A], USER, ALLOWED, None),
        # the account spares nobody but its root user by itself
        ([USER, ROOT], f"{USER}2", EXPLICIT, None),
        ([ROOT], USER, EXPLICIT, None),
        ([ROOT], ROOT, ALLOWED, None),
        # a session needs to be listed itself, whoever lists its role
        ([SESSION, ROLE, ROOT], SESSION, ALLOWED, None),
        ([ROLE, ROOT], SESSION, EXPLICIT, None),
        ([ROLE, ROOT], ROLE, ALLOWED, None),
        # where only account or role are missing, the caller "might" be denied
        ([USER], USER, EXPLICIT, ALLOWED),
        ([SESSION, ROOT], SESSION, EXPLICIT, ALLOWED),
        ([SESSION, ROLE], SESSION, EXPLICIT, ALLOWED),
        ("*", SESSION, ALLOWED, None),
    ],
)
def test_not_principal_spares_whom_it_lists_by_every_name(spared, caller, verdict, other):
    """reference_policies_elements_notprincipal.html"""
    deny = {"Effect": "Deny", "NotPrincipal": {"AWS": spared}, "Action": "s3:*", "Resource": "*"}
    evaluator = compile_policies(FULL, resource_policy=policy(deny))
    decision = evaluator.decide("s3:GetObject", OBJECT, {}, caller)
    assert decision.verdict == verdict
    assert (decision.disputed and decision.disputed.verdict) == other
    columns = {"action": ["s3:GetObject"], "resource": [OBJECT], "principal": [caller]}
    assert decide_table(evaluator.program, columns, 1) == [verdict]


def test_not_principal_belongs_in_a_deny_of_a_resource_policy():
    """reference_policies_elements_notprincipal.html; documents that AWS has stored are evaluated all the same."""
    allow = {"Effect": "Allow", "NotPrincipal": {"AWS": USER}, "Action": "s3:*"}
    for kind, found in (("resource", allow), ("trust", {**allow, "Effect": "Deny"})):
        text = json.dumps(policy(found))
        with pytest.raises(PolicyError, match="NotPrincipal"):
            read(text, kind)
        assert read(text, kind, lenient=True).warnings
    stored = read(json.dumps(policy(allow)), "resource", lenient=True)
    evaluator = compile_policies([], boundary=FULL, resource_policy=stored)
    assert evaluator.decide("s3:GetObject", OBJECT, {}, USER).verdict == IMPLICIT
    assert evaluator.decide("s3:GetObject", OBJECT, {}, f"{USER}2").verdict == ALLOWED


@pytest.mark.parametrize(
    ("action", "named", "identity", "verdict"),
    [
        ("kms:Decrypt", f"{USER}2", FULL, IMPLICIT),
        ("kms:Decrypt", USER, [], ALLOWED),
        ("kms:Decrypt", ROOT, [], IMPLICIT),
        ("kms:Decrypt", ROOT, FULL, ALLOWED),
        ("sts:AssumeRole", f"{USER}2", FULL, IMPLICIT),
        ("sts:AssumeRole", USER, [], ALLOWED),
        ("sts:AssumeRole", ROOT, FULL, ALLOWED),
    ],
)
def test_key_policies_and_trust_policies_must_allow_even_at_home(action, named, identity, verdict):
    """LOGIC: role trust policies and KMS key policies are the exceptions to "either suffices"."""
    document = {"Effect": "Allow", "Principal": {"AWS": named}, "Action": action}
    evaluator = compile_policies(identity, resource_policy=policy(document))
    resource = f"arn:aws:kms:us-east-1:{A}:key/k" if action.startswith("kms") else ROLE
    assert evaluator.decide(action, resource, {}, USER).verdict == verdict
    columns = {"action": [action], "resource": [resource], "principal": [USER]}
    assert decide_table(evaluator.program, columns, 1) == [verdict]


@pytest.mark.parametrize(
    ("named", "caller", "verdict"),
    [
        ({"Service": "ec2.amazonaws.com"}, "ec2.amazonaws.com", ALLOWED),
        ({"Service": "ec2.amazonaws.com"}, "lambda.amazonaws.com", IMPLICIT),
        ({"Federated": "accounts.google.com"}, "accounts.google.com", ALLOWED),
        ({"AWS": A}, "ec2.amazonaws.com", IMPLICIT),
        ("*", "ec2.amazonaws.com", ALLOWED),
        ({"AWS": f"arn:aws:iam::{A}:role/team/deep/Analyst"}, SESSION, ALLOWED),
        ({"AWS": f"arn:aws:iam::{B}:role/Analyst"}, SESSION, IMPLICIT),
        ({"AWS": USER}, SESSION, IMPLICIT),
        ("*", Principal(None), ALLOWED),
        ({"AWS": A}, Principal(None), IMPLICIT),
    ],
)
def test_other_principals(named, caller, verdict):
    """reference_policies_elements_principal.html"""
    trust = policy({"Effect": "Allow", "Principal": named, "Action": "sts:AssumeRole"})
    evaluator = compile_policies([], resource_policy=trust)
    assert evaluator.decide("sts:AssumeRole", ROLE, {}, caller).verdict == verdict


# --- actions and resources ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "hit"),
    [
        ("S3:getobject", True),
        ("s3:Get*", True),
        ("s3:*Object", True),
        ("s3:Ge?Object", True),
        ("s3:get?bject", True),
        ("s3:Get", False),
        ("s3:GetObject?", False),
        ("ec2:*", False),
        ("*", True),
        ("*:*", True),
    ],
)
def test_rule_15_actions_ignore_case_and_take_wildcards(pattern, hit):
    """reference_policies_elements_action.html."""
    evaluator = compile_policies(policy(statement("Allow", pattern)))
    for action in ("s3:GetObject", "S3:GETOBJECT"):
        assert evaluator.decide(action, OBJECT, {}).allowed is hit


def test_rule_16_resources_respect_case():
    """RESOURCE."""
    evaluator = compile_policies(policy(statement("Allow", "s3:*", "arn:aws:s3:::data/KEY")))
    assert evaluator.decide("s3:GetObject", "arn:aws:s3:::data/KEY", {}).verdict == ALLOWED
    assert evaluator.decide("s3:GetObject", "arn:aws:s3:::data/key", {}).verdict == IMPLICIT
    users = compile_policies(policy(statement("Allow", "iam:*", USER)))
    assert users.decide("iam:GetUser", USER.replace("ada", "Ada"), {}).verdict == IMPLICIT


@pytest.mark.parametrize(
    ("pattern", "resource", "fits"),
    [
        ("arn:aws:s3:::data/*", "arn:aws:s3:::data/a/b:c", True),
        ("arn:aws:s3:::data/*", "arn:aws:s3:::data/", True),
        ("arn:aws:s3:::data/*", "arn:aws:s3:::data", False),
        ("arn:aws:s3:::data/?", "arn:aws:s3:::data/a", True),
        ("arn:aws:s3:::data/?", "arn:aws:s3:::data/", False),
        (f"arn:aws:sns:*:{A}:t", f"arn:aws:sns:us-east-1:{A}:t", True),
        (f"arn:aws:sns:*:{A}:t", f"arn:aws:sns:us-east-1:extra:{A}:t", False),
        ("arn:aws:lambda:*:*:function:f", f"arn:aws:lambda:us-east-1:{A}:function:f", True),
        ("arn:aws:lambda:*:*:function:f", f"arn:aws:lambda:us-east-1:{A}:function:f:1", False),
        ("arn:aws:lambda:*:*:function:*", f"arn:aws:lambda:us-east-1:{A}:function:f:1", True),
        ("arn:*:s3:::data", "arn:aws-cn:s3:::data", True),
        ("arn:aws:bedrock:*::foundation-model/m", "arn:aws:bedrock:::foundation-model/m", True),
        ("arn:aws:bedrock:*::foundation-model/m", f"arn:aws:bedrock:us-east-1:{A}:foundation-model/m", False),
        ("arn:aws:s3:::a+b(c)[d]", "arn:aws:s3:::a+b(c)[d]", True),
        ("arn:aws:s3:::a.c", "arn:aws:s3:::abc", False),
        ("arn:aws:s3:::k/*", "arn:aws:s3:::k/line\nbreak", True),
        ("*", "*", True),
        ("arn:aws:s3:::*", "*", False),
        ("arn:aws:sqs", f"arn:aws:sqs:us-east-1:{A}:q", True),
    ],
)
def test_rule_17_wildcards_stay_within_their_part(pattern, resource, fits):
    """RESOURCE."""
    assert (
        compile_policies(policy(statement("Allow", "*", pattern))).decide("x:Y", resource, {}).allowed is fits
    )


def test_rule_19_not_resource_is_everything_but_the_union():
    """reference_policies_elements_notresource.html."""
    models = [f"arn:aws:bedrock:*::foundation-model/{name}" for name in ("a*", "b*", "c*")]
    deny = {"Effect": "Deny", "Action": "bedrock:InvokeModel", "NotResource": models}
    evaluator = compile_policies([FULL, policy(deny)])
    prefix = "arn:aws:bedrock:us-east-1::foundation-model/"
    assert [
        evaluator.decide("bedrock:InvokeModel", prefix + name, {}).verdict
        for name in ("a1", "b1", "c1", "d1")
    ] == [
        ALLOWED,
        ALLOWED,
        ALLOWED,
        EXPLICIT,
    ]


def test_rule_20_deny_with_not_action_is_decided_for_each_resource():
    """reference_policies_elements_notaction.html."""
    deny = {"Effect": "Deny", "NotAction": ["iam:*", "s3:Get*"], "Resource": "arn:aws:s3:::data/*"}
    evaluator = compile_policies([FULL, policy(deny)])
    assert evaluator.decide("s3:PutObject", OBJECT, {}).verdict == EXPLICIT
    assert evaluator.decide("s3:GETobject", OBJECT, {}).verdict == ALLOWED
    assert evaluator.decide("iam:GetUser", USER, {}).verdict == ALLOWED
    assert (
        evaluator.decide("ec2:RunInstances", f"arn:aws:ec2:us-east-1:{A}:instance/i-1", {}).verdict == ALLOWED
    )


# --- conditions ---------------------------------------------------------------------------------------------

NEGATED = [
    ("StringNotEquals", "a"),
    ("StringNotEqualsIgnoreCase", "a"),
    ("StringNotLike", "a*"),
    ("ArnNotLike", "arn:aws:s3:::a"),
    ("ArnNotEquals", "arn:aws:s3:::a"),
    ("NotIpAddress", "203.0.113.0/24"),
    ("NumericNotEquals", "1"),
    ("DateNotEquals", "2026-01-01"),
]
POSITIVE = [
    ("StringEquals", "a"),
    ("StringEqualsIgnoreCase", "a"),
    ("StringLike", "*"),
    ("ArnLike", "arn:*:*:*:*:*"),
    ("ArnEquals", "arn:aws:s3:::a"),
    ("IpAddress", "0.0.0.0/0"),
    ("NumericEquals", "0"),
    ("NumericLessThan", "1"),
    ("NumericLessThanEquals", "1"),
    ("NumericGreaterThan", "-1"),
    ("NumericGreaterThanEquals", "-1"),
    ("DateEquals", "1970-01-01"),
    ("DateLessThan", "2100-01-01"),
    ("DateLessThanEquals", "2100-01-01"),
    ("DateGreaterThan", "1900-01-01"),
    ("DateGreaterThanEquals", "1900-01-01"),
    ("Bool", "false"),
    ("BinaryEquals", "AA=="),
]


@pytest.mark.parametrize(("operator", "value"), NEGATED)
@pytest.mark.parametrize("context", [{}, {"aws:k": None}, {"aws:k": []}])
def test_rule_21_a_missing_key_under_a_negated_operator(operator, value, context):
    """OPERATORS."""
    assert hits({operator: {"aws:k": value}}, context)
    assert hits({f"{operator}IfExists": {"aws:k": value}}, context)


@pytest.mark.parametrize(("operator", "value"), POSITIVE)
@pytest.mark.parametrize("context", [{}, {"aws:k": None}, {"aws:k": []}])
def test_rules_21_and_23_a_missing_key_under_a_positive_operator(operator, value, context):
    """OPERATORS."""
    assert not hits({operator: {"aws:k": value}}, context)
    assert hits({f"{operator}IfExists": {"aws:k": value}}, context)


def test_rule_21_example_of_the_instance_type():
    """OPERATORS."""
    only_small = {"StringNotLike": {"ec2:InstanceType": ["t3.*"]}}
    image = "arn:aws:ec2:us-east-1::image/ami-1"
    assert hits(only_small, {}, action="ec2:RunInstances", resource=image)
    assert not hits(only_small, {"ec2:InstanceType": "t3.micro"}, action="ec2:RunInstances")


@pytest.mark.parametrize(
    ("context", "hit"),
    [
        ({}, False),
        ({"ec2:Encrypted": "false"}, True),
        ({"ec2:Encrypted": False}, True),
        ({"ec2:Encrypted": "False"}, True),
        ({"ec2:Encrypted": "true"}, False),
        ({"ec2:Encrypted": True}, False),
        ({"ec2:Encrypted": "no"}, False),
        ({"ec2:Encrypted": ""}, False),
        ({"ec2:Encrypted": 0}, False),
    ],
)
def test_rule_22_bool(context, hit):
    """OPERATORS."""
    assert hits({"Bool": {"ec2:Encrypted": "false"}}, context) is hit
    assert hits({"Bool": {"ec2:Encrypted": False}}, context) is hit


def test_rule_23_if_exists_tests_a_present_key():
    """OPERATORS."""
    condition = {"StringEqualsIfExists": {"aws:k": "a"}}
    assert hits(condition, {})
    assert hits(condition, {"aws:k": "a"})
    assert not hits(condition, {"aws:k": "b"})
    for name in ("NullIfExists", "ForAllValues:Null", "ForAnyValue:NullIfExists"):
        with pytest.raises(PolicyError, match="no condition operator"):
            denied_when({name: {"aws:k": "true"}}, {})


@pytest.mark.parametrize(
    ("value", "context", "hit"),
    [
        ("true", {}, True),
        ("true", {"aws:k": None}, True),
        ("true", {"aws:k": []}, True),
        ("true", {"aws:k": "x"}, False),
        ("true", {"aws:k": ["x", "y"]}, False),
        ("false", {}, False),
        ("false", {"AWS:K": "x"}, True),
        ("false", {"aws:k": [None]}, False),
        (False, {"aws:k": False}, True),
        (["true", "false"], {}, True),
    ],
)
def test_rule_24_null(value, context, hit):
    """OPERATORS."""
    assert hits({"Null": {"aws:k": value}}, context) is hit


def test_rule_25_several_values_keys_and_operators():
    """SEVERAL."""
    either = {"StringEquals": {"aws:k": ["a", "b"]}}
    neither = {"StringNotEquals": {"aws:k": ["a", "b"]}}
    assert [hits(either, {"aws:k": value}) for value in "abc"] == [True, True, False]
    assert [hits(neither, {"aws:k": value}) for value in "abc"] == [False, False, True]
    two_keys = {"StringEquals": {"aws:k": "a", "aws:l": "b"}}
    assert hits(two_keys, {"aws:k": "a", "aws:l": "b"})
    assert not hits(two_keys, {"aws:k": "a", "aws:l": "x"})
    two_operators = {"StringEquals": {"aws:k": "a"}, "NumericLessThan": {"aws:n": 10}}
    assert hits(two_operators, {"aws:k": "a", "aws:n": 9})
    assert not hits(two_operators, {"aws:k": "a", "aws:n": 11})


@pytest.mark.parametrize(
    ("operator", "pattern", "value", "holds"),
    [
        ("StringEquals", "R*", "Red", False),
        ("StringEquals", "R*", "R*", True),
        ("StringEquals", "red", "Red", False),
        ("StringLike", "R*", "Red", True),
        ("StringLike", "R*", "red", False),
        ("StringLike", "R?d", "Red", True),
        ("StringLike", "R*", "R\n", True),
        ("StringLike", "a.c", "abc", False),
        ("StringEqualsIgnoreCase", "RED", "red", True),
        ("StringEqualsIgnoreCase", "R*", "red", False),
    ],
)
def test_rule_26_case_and_wildcards_of_string_operators(operator, pattern, value, holds):
    """OPERATORS."""
    negated = operator.replace("String", "StringNot")
    assert hits({operator: {"aws:k": pattern}}, {"aws:k": value}) is holds
    assert hits({negated: {"aws:k": pattern}}, {"aws:k": value}) is not holds


def test_rule_27_key_names_ignore_case():
    """reference_policies_elements_condition.html, VARIABLES."""
    assert hits({"StringEquals": {"aws:PrincipalTag/T": "x"}}, {"AWS:principalTAG/t": "x"})
    allow = policy(statement("Allow", "*", "arn:aws:s3:::b/${AWS:UserName}"))
    assert (
        compile_policies(allow).decide("s3:GetObject", "arn:aws:s3:::b/ada", {"aws:username": "ada"}).allowed
    )
    both = {"aws:PrincipalTag/T": "x", "aws:PrincipalTag/t": "y"}
    assert hits({"ForAnyValue:StringEquals": {"aws:principaltag/T": "x"}}, both)
    assert hits({"ForAnyValue:StringEquals": {"aws:principaltag/T": "y"}}, both)


ARN_EXAMPLE = "arn:aws:someservice:*:111122223333:finance/*"
ARN_VALUE = "arn:aws:someservice:us-east-2:123456789012:store/abc:111122223333:finance/document.txt"


@pytest.mark.parametrize("operator", ["ArnEquals", "ArnLike"])
@pytest.mark.parametrize(
    ("pattern", "value", "holds"),
    [
        (ARN_EXAMPLE, ARN_VALUE, False),
        (ARN_EXAMPLE, "arn:aws:someservice:us-east-2:111122223333:finance/document.txt", True),
        ("arn:aws:iam::*:role/A*", ROLE, True),
        ("arn:aws:iam::*:role/a*", ROLE, False),
        ("arn:aws:iam::11112222333?:role/*", ROLE, True),
        ("arn:aws:sns:*:*:t", "arn:aws:sns:us-east-1:111122223333:t:sub", False),
        ("arn:aws:sns:*:*:t*", "arn:aws:sns:us-east-1:111122223333:t:sub", True),
        ("*", ROLE, True),
        ("*", "not an arn", False),
    ],
)
def test_rule_28_arn_operators_match_part_by_part(operator, pattern, value, holds):
    """OPERATORS."""
    assert hits({operator: {"aws:k": pattern}}, {"aws:k": value}) is holds
    assert hits({operator.replace("Arn", "ArnNot"): {"aws:k": pattern}}, {"aws:k": value}) is not holds


def test_rule_28_string_like_crosses_colons():
    """OPERATORS."""
    assert hits({"StringLike": {"aws:k": ARN_EXAMPLE}}, {"aws:k": ARN_VALUE})


@pytest.mark.parametrize(
    ("operator", "bound", "value", "holds"),
    [
        ("DateLessThan", "1830297600", "2026-11-23T00:00:00Z", True),
        ("DateLessThan", "2026-11-24", "1795392000", True),
        ("DateLessThan", 1830297600, datetime(2026, 11, 23, tzinfo=UTC), True),
        ("DateGreaterThan", "2026-11-23T00:00:00Z", "2026-11-23T00:00:01Z", True),
        ("DateGreaterThanEquals", "2026-11-23T00:00:00Z", "2026-11-23T01:00:00+01:00", True),
        ("DateGreaterThan", "2026-11-23T00:00:00Z", "2026-11-23T01:00:00+01:00", False),
        ("DateEquals", "2026-11-23", "2026-11-23T00:00Z", True),
        ("DateEquals", "2026", "2026-01-01T00:00:00.000Z", True),
        ("DateEquals", "2028-01-01T00:00:00Z", 1830297600, True),
        ("DateLessThanEquals", "2026-11-23T00:00:00.5Z", "2026-11-23T00:00:00.6Z", False),
        ("DateNotEquals", "2026-11-23", "2026-11-24", True),
        ("DateLessThan", "2026-11-23", "no date", False),
    ],
)
def test_rule_29_dates(operator, bound, value, holds):
    """OPERATORS."""
    assert hits({operator: {"aws:CurrentTime": bound}}, {"aws:CurrentTime": value}) is holds


@pytest.mark.parametrize(
    ("operator", "bound", "value", "holds"),
    [
        ("NumericLessThan", 10, "9", True),
        ("NumericLessThan", "10", 9, True),
        ("NumericLessThan", 10, "10", False),
        ("NumericLessThanEquals", "10", "10.0", True),
        ("NumericEquals", "0.1", "0.10", True),
        ("NumericEquals", "0.3", 0.3, True),
        ("NumericEquals", "10000000000000000000000001", "10000000000000000000000000", False),
        ("NumericGreaterThan", "-1", "-0.5", True),
        ("NumericGreaterThanEquals", [5, 100], "7", True),
        ("NumericNotEquals", "1", "2", True),
        ("NumericNotEquals", ["1", "2"], "2", False),
        ("NumericEquals", "1", "one", False),
        ("NumericNotEquals", "1", "one", True),
    ],
)
def test_rule_30_numbers(operator, bound, value, holds):
    """OPERATORS, reference_policies_grammar.html."""
    assert hits({operator: {"s3:max-keys": bound}}, {"s3:max-keys": value}) is holds


@pytest.mark.parametrize(
    ("network", "address", "within"),
    [
        ("0.0.0.0/0", "203.0.113.7", True),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("::/0", "2001:db8::1", True),
        ("203.0.113.0/24", "203.0.113.255", True),
        ("203.0.113.0/24", "203.0.114.0", False),
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("203.0.113.7/24", "203.0.113.9", True),
        ("2001:DB8:1234:5678::/64", "2001:db8:1234:5678::9", True),
        ("2001:db8::1", "2001:0db8:0:0:0:0:0:1", True),
        (["203.0.113.0/24", "2001:db8::/32"], "2001:db8::1", True),
        ("203.0.113.0/24", "not an address", False),
        ("203.0.113.0/24", "::ffff:203.0.113.7", True),  # an IPv4 address in the form of IPv6 is IPv4 alone
        ("::/0", "::ffff:203.0.113.7", False),
    ],
)
def test_rule_31_addresses(network, address, within):
    """OPERATORS."""
    assert hits({"IpAddress": {"aws:SourceIp": network}}, {"aws:SourceIp": address}) is within
    assert hits({"NotIpAddress": {"aws:SourceIp": network}}, {"aws:SourceIp": address}) is not within


@pytest.mark.parametrize(
    ("value", "hit"),
    [
        (b"BinaryValueInBase64", True),
        ("QmluYXJ5VmFsdWVJbkJhc2U2NA==", True),
        (b"binaryvalueinbase64", False),
        ("", False),
    ],
)
def test_rule_32_binary(value, hit):
    """OPERATORS."""
    assert hits({"BinaryEquals": {"aws:k": "QmluYXJ5VmFsdWVJbkJhc2U2NA=="}}, {"aws:k": value}) is hit


@pytest.mark.parametrize(
    ("context", "all_hit", "any_hit"),
    [
        ({}, True, False),
        ({"aws:TagKeys": []}, True, False),
        ({"aws:TagKeys": ["a"]}, True, True),
        ({"aws:TagKeys": ["a", "b"]}, True, True),
        ({"aws:TagKeys": ["a", "c"]}, False, True),
        ({"aws:TagKeys": ["c"]}, False, False),
        ({"aws:TagKeys": "a"}, True, True),
    ],
)
def test_rules_33_and_34_set_operators(context, all_hit, any_hit):
    """MULTIVALUED."""
    for operator in ("StringEquals", "StringLike"):
        assert hits({f"ForAllValues:{operator}": {"aws:TagKeys": ["a", "b"]}}, context) is all_hit
        assert hits({f"ForAnyValue:{operator}": {"aws:TagKeys": ["a", "b"]}}, context) is any_hit


@pytest.mark.parametrize(
    ("values", "all_hit", "any_hit"),
    [(["a", "b"], False, False), (["a", "c"], False, True), (["c", "d"], True, True), ([], True, False)],
)
def test_rules_33_and_34_negated_set_operators(values, all_hit, any_hit):
    """SEVERAL."""
    context = {"aws:TagKeys": values}
    assert hits({"ForAllValues:StringNotEquals": {"aws:TagKeys": ["a", "b"]}}, context) is all_hit
    assert hits({"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["a", "b"]}}, context) is any_hit


def test_rule_35_a_multivalued_key_is_no_variable():
    """MULTIVALUED."""
    allow = policy(statement("Allow", "*", "arn:aws:s3:::b/${aws:TagKeys}"))
    assert (
        compile_policies(allow).decide("s3:GetObject", "arn:aws:s3:::b/a", {"aws:TagKeys": ["a"]}).verdict
        == IMPLICIT
    )
    assert hits({"StringNotEquals": {"aws:k": "${aws:TagKeys}"}}, {"aws:k": "a", "aws:TagKeys": ["a"]})


def test_rule_36_where_variables_count():
    """VARIABLES, OPERATORS."""
    own = statement("Allow", "*", "arn:aws:s3:::b/${aws:username}/*")
    mine, literal = "arn:aws:s3:::b/ada/k", "arn:aws:s3:::b/${aws:username}/k"
    context = {"aws:username": "ada"}
    new, old = compile_policies(policy(own)), compile_policies(policy(own, version="2008-10-17"))
    unversioned = compile_policies({"Statement": own})
    assert [one.decide("s3:GetObject", mine, context).allowed for one in (new, old, unversioned)] == [
        True,
        False,
        False,
    ]
    assert [one.decide("s3:GetObject", literal, context).allowed for one in (new, old, unversioned)] == [
        False,
        True,
        True,
    ]
    early = compile_policies(
        policy(statement("Allow", "*", "arn:aws:sqs:us-east-1:${aws:PrincipalAccount}:q"))
    )
    assert not early.decide("sqs:X", f"arn:aws:sqs:us-east-1:{A}:q", {"aws:PrincipalAccount": A}).allowed
    arn = {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::${aws:username}-*"}}
    assert hits(arn, {"aws:SourceArn": "arn:aws:s3:::ada-1", **context})
    with pytest.raises(PolicyError, match="integer or a decimal"):
        denied_when({"NumericEquals": {"aws:k": "${aws:username}"}}, context)


def test_rule_36_example_of_the_queue():
    """VARIABLES."""
    allow = policy(statement("Allow", "sqs:*", "arn:aws:sqs:us-east-2:*:${aws:username}-queue"))
    queue = f"arn:aws:sqs:us-east-2:{A}:ada-queue"
    assert compile_policies(allow).decide("sqs:SendMessage", queue, {"aws:username": "ada"}).allowed
    assert not compile_policies(allow).decide("sqs:SendMessage", queue, {"aws:username": "bob"}).allowed


def test_rule_37_a_variable_without_value():
    """VARIABLES."""
    context = {"aws:k": "x"}
    assert not hits({"StringEquals": {"aws:k": "${aws:PrincipalTag/t}"}}, context)
    assert not hits({"StringLike": {"aws:k": "*${aws:PrincipalTag/t}"}}, context)
    assert hits({"StringNotEquals": {"aws:k": "${aws:PrincipalTag/t}"}}, context)
    assert hits({"StringEquals": {"aws:k": ["${aws:PrincipalTag/t}", "x"]}}, context)
    assert hits({"StringEquals": {"aws:k": "${aws:PrincipalTag/t, 'x'}"}}, context)
    assert not hits(
        {"StringEquals": {"aws:k": "${aws:PrincipalTag/t, 'x'}"}}, {**context, "aws:PrincipalTag/t": "y"}
    )
    allow = policy(statement("Allow", "*", "arn:aws:s3:::b/${aws:PrincipalTag/team, 'common pool'}/*"))
    assert compile_policies(allow).decide("s3:GetObject", "arn:aws:s3:::b/common pool/k", {}).allowed
    deny = policy({"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::b/${aws:PrincipalTag/team}"})
    assert compile_policies([FULL, deny]).decide("s3:GetObject", "arn:aws:s3:::b/x", {}).verdict == EXPLICIT


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("b/${*}", "b/*", True),
        ("b/${*}", "b/x", False),
        ("b/${?}", "b/?", True),
        ("b/${?}", "b/x", False),
        ("b/${$}{a}", "b/${a}", True),
        ("b/${aws:username}", "b/x*", True),
        ("b/${aws:username}", "b/xyz", False),
        ("b/${aws:username}*", "b/x*yz", True),
    ],
)
def test_rule_38_literal_characters_and_values(pattern, name, fits):
    """VARIABLES."""
    context = {"aws:username": "x*", "aws:k": name}
    allow = compile_policies(policy(statement("Allow", "*", f"arn:aws:s3:::{pattern}")))
    assert allow.decide("s3:GetObject", f"arn:aws:s3:::{name}", context).allowed is fits
    assert hits({"StringLike": {"aws:k": pattern}}, context) is fits


def test_rule_39_a_key_exists_only_for_its_resource():
    """OPERATORS."""
    small = {"ec2:InstanceType": ["t3.*"]}
    instance = (f"arn:aws:ec2:us-east-1:{A}:instance/*", {"ec2:InstanceType": "t3.micro"})
    image = ("arn:aws:ec2:us-east-1::image/ami-1", {})
    strict = compile_policies(policy(statement("Allow", "ec2:RunInstances", Condition={"StringLike": small})))
    lax = compile_policies(
        policy(statement("Allow", "ec2:RunInstances", Condition={"StringLikeIfExists": small}))
    )
    assert [strict.decide("ec2:RunInstances", *one).verdict for one in (instance, image)] == [
        ALLOWED,
        IMPLICIT,
    ]
    assert [lax.decide("ec2:RunInstances", *one).verdict for one in (instance, image)] == [ALLOWED, ALLOWED]


def test_rule_40_sizes_and_duplicate_keys():
    """reference_iam-quotas.html, reference_policies_grammar.html."""
    sizes = {target: quota.characters for target, quota in QUOTAS.items()}
    assert sizes["managed"] == 6_144
    assert (sizes["inline_user"], sizes["inline_role"], sizes["inline_group"]) == (2_048, 10_240, 5_120)
    assert sizes["scp"] == 10_240
    with pytest.raises(PolicyError, match="twice") as caught:
        read('{"Statement": {"Effect": "Allow",\n "Effect": "Deny"}}')
    assert (caught.value.line, caught.value.column) == (2, 2)
