"""Laws that hold for any policies and requests, and agreement with a plain, slow reading of the documentation."""

from __future__ import annotations

import random
from itertools import product

import pytest
from decide_table import decide_table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odd_policies import Oddities, documents
from plain_reading import Caller
from plain_reading import verdict as plain_verdict

from bedrock_guard.iam.document import as_document, read
from bedrock_guard.iam.evaluator import Principal, compile_policies
from bedrock_guard.iam.program import UNKNOWN

A, B = "111122223333", "000000000011"
ACTIONS = ["s3:GetObject", "s3:PutObject", "ec2:RunInstances", "kms:Decrypt"]
RESOURCES = [
    "arn:aws:s3:::a/x",
    "arn:aws:s3:::b/ada/y",
    f"arn:aws:kms:us-east-1:{A}:key/k",
    f"arn:aws:sqs:us-east-1:{B}:q",
    "*",
]
CALLERS = [
    None,
    f"arn:aws:iam::{A}:user/ada",
    f"arn:aws:iam::{A}:role/R",
    f"arn:aws:sts::{A}:assumed-role/R/s",
    f"arn:aws:iam::{B}:user/eve",
    f"arn:aws:iam::{A}:root",
    f"arn:aws:iam::{A}:role/aws-service-role/x/AWSServiceRoleForX",
    Principal(f"arn:aws:iam::{A}:user/ada", in_management_account=True),
    "ec2.amazonaws.com",
]
OWNERS = [None, None, A, B]
KEYS = {
    "aws:one": [None, "a", "b", "A", ["a"], ["a", "b"], []],
    "aws:n": [None, "5", 7, "x"],
    "aws:flag": [None, True, "false"],
    "aws:UserName": [None, "ada", "a*"],
    "aws:SourceIp": [None, "10.1.2.3", "2001:db8::1"],
}

actions = st.sampled_from([*ACTIONS, "*", "s3:*", "S3:get*", "ec2:Run?nstances", "*:*"])
resources = st.sampled_from(
    [*RESOURCES, "arn:aws:s3:::*", "arn:aws:s3:::b/${aws:username}/*", "arn:aws:*:*:*:*"]
)
one_or_more = {"min_size": 1, "max_size": 3}
CONDITIONS = [
    {"StringEquals": {"aws:One": "a"}},
    {"StringNotEquals": {"aws:one": ["a", "c"]}},
    {"StringLikeIfExists": {"aws:one": "A*"}},
    {"StringEqualsIgnoreCase": {"aws:one": "A"}},
    {"ForAllValues:StringEquals": {"aws:one": ["a", "x"]}},
    {"ForAnyValue:StringLike": {"aws:one": ["b*", "q"]}},
    {"ForAnyValue:StringNotLike": {"aws:one": "a"}},
    {"Null": {"aws:one": "true"}},
    {"Null": {"aws:n": False}},
    {"NumericLessThan": {"aws:n": 6}},
    {"NumericNotEquals": {"aws:n": "7"}},
    {"Bool": {"aws:flag": "true"}},
    {"BoolIfExists": {"aws:flag": False}},
    {"StringEquals": {"aws:one": "${aws:username}"}},
    {"StringNotLike": {"aws:one": "${aws:username, 'b'}"}},
    {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "2001:db8::/32"]}},
    {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
]
conditions = st.lists(st.sampled_from(CONDITIONS), max_size=2).map(
    lambda found: {k: v for one in found for k, v in one.items()}
)
NAMES = [
    "*",
    A,
    f"arn:aws:iam::{A}:root",
    *[one for one in CALLERS if isinstance(one, str) and one.startswith("arn")],
]


@st.composite
def statements(draw, named=False):
    found = {"Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"]))}
    found[draw(st.sampled_from(["Action", "Action", "NotAction"]))] = draw(st.lists(actions, **one_or_more))
    found[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = draw(
        st.lists(resources, **one_or_more)
    )
    condition = draw(conditions)
    if condition:
        found["Condition"] = condition
    if named:
        who = st.lists(st.sampled_from(NAMES), min_size=1, max_size=2)
        spared = found["Effect"] == "Deny" and draw(st.booleans())
        found["NotPrincipal" if spared else "Principal"] = {"AWS": draw(who)}
    return found


def policies(named=False):
    versions = st.sampled_from(["2012-10-17", "2012-10-17", "2008-10-17"])
    return st.builds(
        lambda version, found: {"Version": version, "Statement": found},
        versions,
        st.lists(statements(named), min_size=1, max_size=3),
    )


sets = st.fixed_dictionaries(
    {
        "identity": st.lists(policies(), max_size=2),
        "boundary": st.none() | policies(),
        "scps": st.none() | st.lists(st.lists(policies(), max_size=2), min_size=1, max_size=2),
        "session": st.none() | policies(),
        "resource_policy": st.none() | policies(named=True),
    }
)
contexts = st.fixed_dictionaries({}, optional={key: st.sampled_from(values) for key, values in KEYS.items()})
requests = st.tuples(
    st.sampled_from(ACTIONS),
    st.sampled_from(RESOURCES),
    contexts,
    st.sampled_from(CALLERS),
    st.sampled_from(OWNERS),
)
LAWS = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def verdict(layers, request):
    return compile_policies(**layers).decide(*request).verdict


@LAWS
@given(sets, requests, statements(), st.sampled_from(["identity", "boundary", "session", "scps"]))
def test_adding_a_deny_never_allows_more(layers, request, extra, where):
    deny = {"Version": "2012-10-17", "Statement": [{**extra, "Effect": "Deny"}]}
    before = verdict(layers, request)
    more = dict(layers)
    if where == "identity":
        more["identity"] = [*layers["identity"], deny]
    elif layers[where] is None:
        return
    elif where == "scps":
        more["scps"] = [[*layers["scps"][0], deny], *layers["scps"][1:]]
    else:
        old = layers[where]
        if old["Version"] != "2012-10-17":
            return
        more[where] = {**old, "Statement": [*old["Statement"], *deny["Statement"]]}
    after = verdict(more, request)
    assert after in ("explicitDeny", before)


@LAWS
@given(sets, requests)
def test_a_boundary_never_grants(layers, request):
    if verdict(layers, request) == "allowed":
        assert verdict({**layers, "boundary": None}, request) == "allowed"
    alone = compile_policies([], boundary=layers["boundary"]).decide(*request[:3])
    assert alone.verdict != "allowed"


@LAWS
@given(sets, requests, st.randoms(use_true_random=False))
def test_order_never_matters(layers, request, rng: random.Random):
    def shuffled(document):
        return (
            None
            if document is None
            else {**document, "Statement": rng.sample(document["Statement"], len(document["Statement"]))}
        )

    other = {name: shuffled(layers[name]) for name in ("session", "resource_policy", "boundary")}
    other["identity"] = rng.sample([shuffled(one) for one in layers["identity"]], len(layers["identity"]))
    levels = layers["scps"]
    other["scps"] = levels and rng.sample(
        [[shuffled(one) for one in level[::-1]] for level in levels], len(levels)
    )
    assert verdict(layers, request) == verdict(other, request)


@LAWS
@given(policies(), requests)
def test_canonical_and_minified_forms_decide_alike(document, request):
    original = as_document(document, "identity")
    for text in (original.to_json(), original.minified()):
        again = read(text)
        assert again == original
        assert (
            again.minified() == as_document(again.to_dict(), "identity").minified()
            or text == original.to_json()
        )
        assert (
            compile_policies(again).decide(*request).verdict
            == compile_policies(original).decide(*request).verdict
        )
    assert read(original.minified()).minified() == original.minified()


@LAWS
@given(sets, st.lists(requests, min_size=1, max_size=6))
def test_the_columnar_program_decides_as_decide(layers, rows):
    evaluator = compile_policies(**layers)
    columns = {
        name: [row[place] for row in rows]
        for place, name in enumerate(("action", "resource", "", "principal", "resource_account"))
        if name
    }
    columns |= {key: [row[2].get(key) for row in rows] for key in KEYS}
    assert decide_table(evaluator.program, columns, len(rows)) == [
        evaluator.decide(*row).verdict for row in rows
    ]


def fillings(context, unknown):
    for values in product(*(KEYS[key] for key in unknown)):
        yield {**context, **dict(zip(unknown, values, strict=True))}


@settings(LAWS, max_examples=60)
@given(
    sets,
    requests,
    st.lists(st.sampled_from([key for key in KEYS if key != "aws:UserName"]), unique=True, max_size=2),
)
def test_depends_on_is_sound(layers, request, unknown):
    evaluator = compile_policies(**layers)
    action, resource, context, caller, owner = request
    answer = evaluator.depends_on(*request, unknown=unknown)
    known = {key: value for key, value in context.items() if key not in unknown}
    verdicts = {
        tuple(map(repr, filled.values())): evaluator.decide(action, resource, filled, caller, owner).verdict
        for filled in fillings(known, unknown)
    }
    assert set(verdicts.values()) <= answer.possible
    assert (answer.verdict is None) == bool(answer.keys)
    if answer.verdict is not None:
        assert set(verdicts.values()) == {answer.verdict}
    for key in set(unknown) - answer.keys:
        others = [one for one in unknown if one != key]
        for filled in fillings(known, others):
            found = {
                evaluator.decide(action, resource, {**filled, key: value}, caller, owner).verdict
                for value in KEYS[key]
            }
            assert len(found) == 1
    columns = {"action": [action], "resource": [resource], "principal": [caller], "resource_account": [owner]}
    columns |= {key: [context.get(key)] for key in KEYS} | {key: [UNKNOWN] for key in unknown}
    (cell,) = decide_table(evaluator.program, columns, 1)
    assert cell is None or cell == answer.verdict


# --- against the same rules read plainly ------------------------------------------------------------------------


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_decides_as_the_rules_read_plainly(first):
    for seed in range(first, first + 100):
        odd = Oddities(seed)
        layers = odd.layers()
        evaluator = compile_policies(**documents(layers))
        for _ in range(8):
            action, resource, context, arn, managing, owner = odd.request()
            caller = Principal(arn, in_management_account=True) if managing else arn
            wanted = plain_verdict(
                layers, action, resource, context, Caller(arn, in_management_account=managing), owner
            )
            decision = evaluator.decide(action, resource, context, caller, owner)
            assert decision.verdict == wanted, (seed, action, resource, context, arn, owner)
            assert evaluator.explain(action, resource, context, caller, owner).decision == decision
