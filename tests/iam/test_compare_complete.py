"""compare() against brute force: on random policy sets, every random request is covered exactly as decide() says."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bedrock_guard.iam.compare import PolicySet, Universe, compare, prove_no_path

ACTIONS = ("s3:GetObject", "s3:PutObject", "ec2:RunInstances")
ACTION_PATTERNS = ("*", "s3:*", "S3:get*", "s3:PutObject", "ec2:Run?nstances", "ec2:*")
RESOURCE_PATTERNS = (
    "*",
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b/a*",
    "arn:aws:s3:::*/a",
    "arn:aws:s3:::b/a",
    "arn:aws:s3:::b/?",
    "arn:aws:s3:::b/${aws:username}",
    "arn:aws:ec2:*:*:instance/*",
    "arn:aws:ec2:us-*:*:instance/i",
    "arn:aws:ec2:*:111122223333:*",
    "arn:aws:ec2",
)
RESOURCES = (
    "*",
    "arn:aws:s3:::b/a",
    "arn:aws:s3:::b/ab",
    "arn:aws:s3:::b/z",
    "arn:aws:s3:::c/a",
    "arn:aws:s3:::a/a",
    "arn:aws:s3:::b/*",
    "arn:aws:ec2:us-east-1:111122223333:instance/i",
    "arn:aws:ec2:eu-west-1:123456789012:instance/i",
    "arn:aws:ec2:eu-west-1:111122223333:instance/i-1",
    "arn:aws:ec2:us-east-1::image/i",
)
KEYS = {
    "aws:username": (
        [("StringEquals", v) for v in ("a", "z", "ab")] + [("StringLike", "a*"), ("StringNotLike", "*b")],
        ("a", "ab", "z", "b", "q"),
    ),
    "ec2:InstanceType": (
        [
            ("StringLike", "t3.*"),
            ("StringNotLike", ["t3.micro", "m5.*"]),
            ("StringEqualsIfExists", "t3.micro"),
            ("StringNotEqualsIgnoreCase", "T3.MICRO"),
            ("Null", "true"),
            ("Null", "false"),
        ],
        ("t3.micro", "T3.micro", "t3.nano", "m5.large", "x"),
    ),
    "s3:max-keys": (
        [
            ("NumericLessThan", "10"),
            ("NumericGreaterThanEqualsIfExists", "30"),
            ("NumericNotEquals", ["10", "20.5"]),
            ("NumericEquals", "1e1"),
        ],
        ("9", "10", "10.0", "20.5", "30", "31", "-4"),
    ),
    "aws:CurrentTime": (
        [("DateLessThan", "2026-01-01T00:00:00Z"), ("DateGreaterThan", "1767225600"), ("DateNotEquals", "2027-01-01")],
        ("2025-01-01T00:00:00Z", "1767225600", "2026-06-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    ),
    "ec2:Encrypted": ([("Bool", "false"), ("Bool", "true"), ("BoolIfExists", "true")], ("true", "false")),
    "aws:SourceIp": (
        [("IpAddress", "10.0.0.0/8"), ("NotIpAddress", ["10.1.0.0/16", "2001:db8::/32"]), ("IpAddress", "0.0.0.0/0")],
        ("10.2.3.4", "10.1.2.3", "192.0.2.1", "2001:db8::1", "2001:db9::1"),
    ),
    "aws:PrincipalArn": (
        [
            ("ArnLike", "arn:aws:iam::*:role/Admin*"),
            ("ArnNotLike", "arn:aws:iam::111122223333:*"),
            ("StringLike", "*:role/*"),
            ("ArnNotEqualsIfExists", "arn:aws:iam::111122223333:role/Admin"),
        ],
        (
            "arn:aws:iam::111122223333:role/Admin",
            "arn:aws:iam::123456789012:role/Admin2",
            "arn:aws:iam::111122223333:user/a",
        ),
    ),
    "aws:TagKeys": (
        [
            ("ForAnyValue:StringEquals", ["team", "cost"]),
            ("ForAllValues:StringLike", "t*"),
            ("ForAnyValue:StringNotEquals", "team"),
            ("ForAllValues:StringNotLike", ["*x"]),
        ],
        (["team"], ["team", "cost"], ["tx"], ["other"], ["team", "tx", "other"]),
    ),
    "aws:ResourceTag/owner": (
        [("StringEquals", "${aws:username}"), ("StringNotEquals", "a"), ("StringLike", "${aws:username, 'z'}*")],
        ("a", "ab", "z", "q", "qq"),
    ),
}


@st.composite
def statements(draw, effects=("Allow", "Deny")):
    out = {"Effect": draw(st.sampled_from(effects))}
    out[draw(st.sampled_from(["Action", "Action", "NotAction"]))] = draw(
        st.lists(st.sampled_from(ACTION_PATTERNS), min_size=1, max_size=2, unique=True)
    )
    out[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = draw(
        st.lists(st.sampled_from(RESOURCE_PATTERNS), min_size=1, max_size=3, unique=True)
    )
    condition: dict = {}
    for key in draw(st.lists(st.sampled_from(sorted(KEYS)), max_size=2, unique=True)):
        operator, value = draw(st.sampled_from(KEYS[key][0]))
        condition.setdefault(operator, {})[key] = value
    if condition:
        out["Condition"] = condition
    return out


def documents(effects=("Allow", "Deny")):
    return st.lists(statements(effects), min_size=1, max_size=2).map(
        lambda found: {"Version": "2012-10-17", "Statement": found}
    )


@st.composite
def policy_sets(draw, shape):
    return PolicySet.of(
        draw(documents()),
        boundary=draw(documents()) if shape["boundary"] else None,
        scps=[[draw(documents())] for _ in range(shape["scps"])],
        session=draw(documents()) if shape["session"] else None,
    )


@st.composite
def pairs(draw):
    shape = {"boundary": draw(st.booleans()), "scps": draw(st.integers(0, 2)), "session": draw(st.booleans())}
    first = draw(policy_sets(shape))
    if draw(st.booleans()):
        return first, draw(policy_sets(shape))
    changed = draw(policy_sets({"boundary": False, "scps": 0, "session": False}))
    return first, PolicySet(changed.identity, first.boundary, first.scps, first.rcps, first.session)


@st.composite
def requests(draw):
    context = {}
    for key in draw(st.lists(st.sampled_from(sorted(KEYS)), max_size=5, unique=True)):
        context[key] = draw(st.sampled_from(KEYS[key][1]))
    return draw(st.sampled_from(ACTIONS)), draw(st.sampled_from(RESOURCES)), context


PRINCIPALS = (
    None,
    "arn:aws:iam::111122223333:user/ada",
    "arn:aws:sts::111122223333:assumed-role/R/s",
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(pairs(), st.lists(requests(), min_size=30, max_size=40), st.sampled_from(PRINCIPALS))
def test_every_request_is_where_decide_puts_it(pair, asked, principal):
    before, after = pair
    result = compare(before, after, Universe(ACTIONS, principal=principal))
    old, new = before.compile(), after.compile()
    for request in asked:
        verdicts = tuple(one.decide(*request, principal=principal).verdict for one in (old, new))
        covering = [found for found in result.differences if found.covers(*request)]
        assert len(covering) <= 1
        if covering:
            assert (covering[0].before.verdict, covering[0].after.verdict) == verdicts
        elif not result.incomplete:
            assert verdicts[0] == verdicts[1]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(pairs())
def test_every_witness_flips_and_lies_in_its_own_class_only(pair):
    before, after = pair
    result = compare(before, after, Universe(ACTIONS))
    old, new = before.compile(), after.compile()
    for found in result.differences:
        asked = (found.witness.action, found.witness.resource, found.witness.context)
        verdicts = (old.decide(*asked).verdict, new.decide(*asked).verdict)
        assert verdicts == (found.before.verdict, found.after.verdict)
        assert verdicts[0] != verdicts[1]
        assert [other for other in result.differences if other.covers(*asked)] == [found]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(pairs(), st.lists(requests(), min_size=30, max_size=40))
def test_a_proof_has_no_counterexample_and_a_witness_is_allowed(pair, asked):
    policies = pair[0]
    proof = prove_no_path(policies, Universe(ACTIONS))
    decide = policies.compile().decide
    if proof.holds:
        assert not any(decide(*request).allowed for request in asked)
        assert proof.stops
    if proof.witness:
        assert decide(proof.witness.action, proof.witness.resource, proof.witness.context).allowed


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(pairs())
def test_a_policy_set_does_not_differ_from_itself(pair):
    result = compare(pair[0], pair[0], Universe(ACTIONS))
    assert result.differences == ()
    assert result.cells == 0
