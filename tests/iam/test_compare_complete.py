"""compare() against brute force: on random policy sets, every random request is covered exactly as decide() says."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bedrock_guard.iam.compare import PolicySet, Universe, compare, prove_no_path
from bedrock_guard.iam.document import read

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
        [
            ("DateLessThan", "2026-01-01T00:00:00Z"),
            ("DateGreaterThan", "1767225600"),
            ("DateNotEquals", "2027-01-01"),
        ],
        ("2025-01-01T00:00:00Z", "1767225600", "2026-06-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    ),
    "ec2:Encrypted": ([("Bool", "false"), ("Bool", "true"), ("BoolIfExists", "true")], ("true", "false")),
    "aws:SourceIp": (
        [
            ("IpAddress", "10.0.0.0/8"),
            ("NotIpAddress", ["10.1.0.0/16", "2001:db8::/32"]),
            ("IpAddress", "0.0.0.0/0"),
        ],
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
        [
            ("StringEquals", "${aws:username}"),
            ("StringNotEquals", "a"),
            ("StringLike", "${aws:username, 'z'}*"),
        ],
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
def resource_policies(draw, named, effects=("Allow", "Deny")):
    found = draw(documents(effects))
    for statement in found["Statement"]:
        statement["Principal"] = draw(st.sampled_from(named))
    return found


def as_rcp(found):
    return read(json.dumps(found), "rcp", lenient=True)  # one of one's own names no action but by its service


@st.composite
def policy_sets(draw, shape):
    return PolicySet.of(
        draw(documents()),
        boundary=draw(documents()) if shape["boundary"] else None,
        scps=[[draw(documents())] for _ in range(shape["scps"])],
        rcps=[[draw(resource_policies(["*"], ("Deny",)).map(as_rcp))]] if shape["rcps"] else [],
        session=draw(documents()) if shape["session"] else None,
        resource_policy=draw(resource_policies(NAMED)) if shape["resource"] else None,
    )


@st.composite
def pairs(draw):
    """Give two policy sets that differ in one layer or in all."""
    shape = {name: draw(st.booleans()) for name in ("boundary", "session", "rcps", "resource")}
    shape["scps"] = draw(st.integers(0, 2))
    first, second = draw(policy_sets(shape)), draw(policy_sets(shape))
    if draw(st.booleans()):
        return first, second
    layer = draw(st.sampled_from(["identity", "boundary", "scps", "rcps", "session", "resource_policy"]))
    return first, replace(first, **{layer: getattr(second, layer)})


def requests(seed, count=60):
    """Give random requests: too many to draw one by one."""
    random = Random(seed)
    for _ in range(count):
        keys = random.sample(sorted(KEYS), random.randint(0, 5))
        yield (
            random.choice(ACTIONS),
            random.choice(RESOURCES),
            {key: random.choice(KEYS[key][1]) for key in keys},
        )


ADA = "arn:aws:iam::111122223333:user/ada"
SESSION = "arn:aws:sts::111122223333:assumed-role/R/s"
NAMED = (
    "*",
    {"AWS": ADA},
    {"AWS": SESSION},
    {"AWS": "111122223333"},
    {"AWS": "arn:aws:iam::111122223333:role/R"},
)
PRINCIPALS = (
    None,
    ADA,
    SESSION,
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
)
principals = st.sampled_from(PRINCIPALS)
seeds = st.integers(0, 10**9)
few = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


@few
@given(pairs(), seeds, principals)
def test_every_request_is_where_decide_puts_it(pair, seed, principal):
    before, after = pair
    result = compare(before, after, Universe(ACTIONS, principal=principal))
    old, new = before.compile(), after.compile()
    for request in requests(seed):
        verdicts = tuple(one.decide(*request, principal=principal).verdict for one in (old, new))
        covering = [found for found in result.differences if found.covers(*request)]
        assert len(covering) <= 1
        if covering:
            assert (covering[0].before.verdict, covering[0].after.verdict) == verdicts
        elif not result.incomplete:
            assert verdicts[0] == verdicts[1]


@few
@given(pairs(), principals)
def test_every_witness_flips_and_lies_in_its_own_class_only(pair, principal):
    before, after = pair
    result = compare(before, after, Universe(ACTIONS, principal=principal))
    old, new = before.compile(), after.compile()
    for found in result.differences[:100]:
        asked = (found.witness.action, found.witness.resource, found.witness.context)
        verdicts = tuple(one.decide(*asked, principal=principal).verdict for one in (old, new))
        assert verdicts == (found.before.verdict, found.after.verdict)
        assert verdicts[0] != verdicts[1]
        assert [other for other in result.differences if other.covers(*asked)] == [found]


@few
@given(pairs(), seeds, principals)
def test_a_proof_has_no_counterexample_and_a_witness_is_allowed(pair, seed, principal):
    policies = pair[0]
    proof = prove_no_path(policies, Universe(ACTIONS, principal=principal))
    decide = policies.compile().decide
    if proof.holds:
        assert proof.stops
        assert not any(decide(*request, principal=principal).allowed for request in requests(seed))
    if proof.witness:
        witness = proof.witness
        assert decide(witness.action, witness.resource, witness.context, principal=principal).allowed


@few
@given(pairs(), principals)
def test_a_policy_set_does_not_differ_from_itself(pair, principal):
    result = compare(pair[0], pair[0], Universe(ACTIONS, principal=principal))
    assert result.differences == ()
    assert result.cells == 0
