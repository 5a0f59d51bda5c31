"""compare() and prove_no_path() on cases whose answer is known."""

from __future__ import annotations

import itertools
import json

import pytest

from bedrock_guard.iam.catalogue import ActionCatalogue, ActionInfo, KeyInfo, Service
from bedrock_guard.iam.compare import PolicySet, Universe, compare, compare_boundaries, prove_no_path

ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
GET = Universe(("s3:GetObject",))


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


ALL = document(ALLOW_ALL)


def denying(*conditions, **elements):
    statements = [
        {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*", "Condition": condition, **elements}
        for condition in conditions
    ]
    return document(ALLOW_ALL, *statements)


def classes(before, after, universe=GET):
    result = compare_boundaries(before, after, universe)
    assert not result.incomplete
    return {
        (
            one.before.verdict,
            one.after.verdict,
            str(one.resource),
            *(f"{k}: {v}" for k, v in one.conditions.items()),
        )
        for one in result.differences
    }


def test_a_resource_added_to_an_exemption_is_the_only_difference():
    before = document(ALLOW_ALL, {"Effect": "Deny", "Action": "s3:*", "NotResource": ["arn:aws:s3:::a"]})
    after = document(
        ALLOW_ALL, {"Effect": "Deny", "Action": "s3:*", "NotResource": ["arn:aws:s3:::a", "arn:aws:s3:::b*"]}
    )
    assert classes(before, after) == {("explicitDeny", "allowed", "arn:aws:s3:::b*")}
    assert classes(after, before) == {("allowed", "explicitDeny", "arn:aws:s3:::b*")}


def test_only_the_values_that_change_are_named():
    before = denying({"StringNotEquals": {"ec2:InstanceType": ["t3.micro", "t3.small"]}})
    after = denying({"StringNotEquals": {"ec2:InstanceType": ["t3.micro", "t3.large"]}})
    assert classes(before, after) == {
        ("allowed", "explicitDeny", "any", "ec2:InstanceType: t3.small"),
        ("explicitDeny", "allowed", "any", "ec2:InstanceType: t3.large"),
    }


def test_absence_is_a_class_of_its_own():
    before = denying({"StringEquals": {"demo:Tier": ["priority"]}})
    after = denying({"StringEqualsIfExists": {"demo:Tier": ["priority"]}})
    assert classes(before, after) == {("allowed", "explicitDeny", "any", "demo:Tier: absent")}


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ({"NumericLessThan": {"k:n": "10"}}, {"NumericLessThanEquals": {"k:n": "10"}}, "10"),
        ({"NumericLessThan": {"k:n": "10"}}, {"NumericLessThan": {"k:n": "20"}}, "10 | between 10 and 20"),
        ({"NumericGreaterThan": {"k:n": "10"}}, {"NumericNotEquals": {"k:n": "10"}}, "below 10 | absent"),
        (
            {"DateLessThan": {"k:d": "2026-01-01T00:00:00Z"}},
            {"DateLessThanEquals": {"k:d": "1767225600"}},
            "2026-01-01T00:00:00Z",
        ),
        (
            {"IpAddress": {"k:i": "10.0.0.0/8"}},
            {"IpAddress": {"k:i": ["10.0.0.0/9"]}},
            "10.0.0.0/8 except 10.0.0.0/9",
        ),
        ({"IpAddress": {"k:i": "10.0.0.0/8"}}, {"IpAddress": {"k:i": ["10.0.0.0/8", "::/0"]}}, "::/0"),
        ({"StringEquals": {"k:s": "a"}}, {"StringEqualsIgnoreCase": {"k:s": "a"}}, "a (in any case)"),
        ({"Bool": {"k:b": "true"}}, {"Null": {"k:b": "false"}}, "false"),
    ],
)
def test_each_kind_of_value_is_cut_where_the_tests_cut_it(before, after, changed):
    found = classes(denying(before), denying(after))
    assert {each[3].split(": ", 1)[1] for each in found} == {changed}


def test_set_operators_differ_on_mixed_lists_and_on_absence():
    found = classes(
        denying({"ForAnyValue:StringEquals": {"k:l": "a"}}),
        denying({"ForAllValues:StringEquals": {"k:l": "a"}}),
    )
    assert found == {
        ("explicitDeny", "allowed", "any", "k:l: [a, anything except a]"),
        ("allowed", "explicitDeny", "any", "k:l: absent"),
    }


def test_lists_that_only_together_tell_two_policies_apart():
    both = denying({"ForAnyValue:StringEquals": {"k:l": "a"}, "ForAnyValue:StringLike": {"k:l": "b"}})
    result = compare_boundaries(ALL, both, GET)
    (difference,) = result.differences
    assert set(difference.witness.context["k:l"]) >= {"a", "b"}


def test_a_variable_meets_another_pattern_only_for_some_values():
    home = {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::home/${aws:username}"}
    shared = {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::home/admin"}
    result = compare(PolicySet.of(document(home)), PolicySet.of(document(home, shared)), GET)
    assert not result.incomplete
    flips = {(one.before.verdict, one.after.verdict) for one in result.differences}
    assert flips == {("allowed", "explicitDeny"), ("implicitDeny", "explicitDeny")}
    opened = next(one for one in result.differences if one.closes)
    assert opened.witness.context == {"aws:username": "admin"}
    assert opened.covers("s3:GetObject", "arn:aws:s3:::home/admin", {"aws:UserName": "admin"})
    assert not opened.covers("s3:GetObject", "arn:aws:s3:::home/admin", {"aws:username": "ada"})


def test_a_variable_that_equals_another_key():
    own = {**ALLOW_ALL, "Condition": {"StringEquals": {"aws:ResourceTag/owner": "${aws:username}"}}}
    named = {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/owner": "root"}},
    }
    result = compare(PolicySet.of(document(own)), PolicySet.of(document(own, named)), GET)
    assert not result.incomplete
    closed = [one for one in result.differences if one.closes]
    assert [one.witness.context for one in closed] == [
        {"aws:username": "root", "aws:ResourceTag/owner": "root"}
    ]


def test_values_of_a_variable_that_do_the_same_are_one_class():
    own = {"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::b/${aws:username}"}
    lettered = {**own, "Condition": {"StringLike": {"aws:username": ["x", "?"]}}}
    result = compare_boundaries(document(ALLOW_ALL, own), document(ALLOW_ALL, lettered), GET)
    for name in ("x", "y", "xy"):
        request = ("s3:GetObject", "arn:aws:s3:::c", {"aws:username": name})
        covering = [one for one in result.differences if one.covers(*request)]
        assert [one.after.verdict for one in covering] == (["allowed"] if len(name) > 1 else [])
    shorter = {**own, "Condition": {"StringNotLike": {"aws:username": ["x", "?"]}}}
    result = compare_boundaries(document(ALLOW_ALL, own), document(ALLOW_ALL, shorter), GET)
    request = ("s3:GetObject", "arn:aws:s3:::c", {"aws:username": "x"})
    assert [one.conditions["aws:username"].words for one in result.differences if one.covers(*request)] == [
        ("x | ? except x",)
    ]


def test_two_variables_that_may_meet_are_not_called_a_proof():
    before = document(
        ALLOW_ALL, {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::${aws:username}/x"}
    )
    after = document(
        ALLOW_ALL, {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::x/${aws:username}"}
    )
    result = compare_boundaries(before, after, GET)
    assert result.incomplete
    assert result.keys == ("aws:username",)
    assert result.differences


def test_what_would_take_too_many_cells_is_said_to_be_incomplete():
    keys = [f"k:{number}" for number in range(9)]
    before = denying({"StringEquals": {key: ["a"] for key in keys}})
    after = document(
        ALLOW_ALL,
        *(
            {**ALLOW_ALL, "Effect": "Deny", "Condition": {"StringEquals": {one: "a", two: "b"}}}
            for one, two in itertools.combinations(keys, 2)
        ),
    )
    result = compare_boundaries(before, after, Universe(("s3:GetObject",), cells=50))
    assert result.incomplete
    assert set(result.keys) == set(keys)
    assert result.cells == 50
    assert result.equal is not True
    assert compare_boundaries(before, before, Universe(("s3:GetObject",), cells=0)).equal is True


def test_documents_that_say_the_same_otherwise_are_equal():
    before = denying({"StringEquals": {"demo:Tier": ["a", "b"]}})
    after = denying({"StringEquals": {"demo:tier": "b"}}, {"StringLike": {"DEMO:Tier": "a"}})
    result = compare_boundaries(before, after, GET)
    assert result.equal is True
    assert result.differences == ()


def test_an_scp_level_and_a_boundary_that_allow_the_same():
    some = document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    first = PolicySet.of(ALL, boundary=some)
    second = PolicySet.of(ALL, scps=[[ALL], [some]])
    assert compare(first, second, Universe(("s3:GetObject", "ec2:RunInstances"))).equal is True


def test_an_allow_of_one_layer_does_not_stand_for_another():
    some = document({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::a"})
    more = document({"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::a", "arn:aws:s3:::b"]})
    first = PolicySet.of(ALL, boundary=some, scps=[[ALL]])
    second = PolicySet.of(ALL, boundary=more, scps=[[ALL]])
    (difference,) = compare(first, second, GET).differences
    assert difference.opens
    assert str(difference.resource) == "arn:aws:s3:::b"


def test_a_resource_of_another_account_is_a_class_where_the_caller_is_known():
    ada = "arn:aws:iam::111122223333:user/ada"
    universe = Universe(("sqs:SendMessage",), principal=ada)
    nothing = document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    (difference,) = compare(PolicySet.of(nothing), PolicySet.of(ALL), universe).differences
    assert difference.opens
    assert difference.covers("sqs:SendMessage", "arn:aws:sqs:us-east-1:111122223333:q", {})
    assert not difference.covers("sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:q", {})


def test_keys_that_an_action_does_not_supply_are_left_out_by_a_catalogue():
    catalogue = ActionCatalogue.of(
        [
            Service(
                "s3",
                {"getobject": ActionInfo("s3:GetObject", "Read")},
                {},
                {"s3:x": KeyInfo("s3:x", "String")},
            )
        ]
    )
    after = denying({"StringEquals": {"s3:x": "a"}})
    assert compare_boundaries(ALL, after, GET).equal is False
    assert compare_boundaries(ALL, after, Universe(("s3:GetObject",), catalogue=catalogue)).equal is True


def test_what_is_fixed_stays_fixed():
    after = denying({"StringEquals": {"demo:Tier": "a"}})
    for fixed in ({"context": {"demo:tier": "b"}}, {"absent": frozenset({"demo:Tier"})}):
        assert compare_boundaries(ALL, after, Universe(("s3:GetObject",), **fixed)).equal is True
    (difference,) = compare_boundaries(
        ALL, after, Universe(("s3:GetObject",), context={"demo:Tier": "a"})
    ).differences
    assert difference.witness.context == {"demo:Tier": "a"}
    only = Universe(("s3:GetObject",), resources=("arn:aws:s3:::b/*",))
    (difference,) = compare_boundaries(ALL, after, only).differences
    assert difference.witness.resource.startswith("arn:aws:s3:::b/")


def test_actions_of_the_same_statements_are_one_difference():
    universe = Universe(("s3:GetObject", "s3:PutObject", "s3:DeleteObject"))
    after = document(ALLOW_ALL, {"Effect": "Deny", "Action": ["S3:Get*", "s3:putobject"], "Resource": "*"})
    (difference,) = compare_boundaries(ALL, after, universe).differences
    assert difference.actions == ("s3:GetObject", "s3:PutObject")


def test_a_comparison_is_json_data():
    result = compare_boundaries(ALL, denying({"StringEquals": {"demo:Tier": "a"}}), GET)
    assert json.loads(json.dumps(result.to_dict()))["differences"][0]["conditions"] == {"demo:Tier": "a"}


def test_a_proof_names_what_stops_each_class():
    ceiling = document(
        ALLOW_ALL,
        {**ALLOW_ALL, "Sid": "Tier", "Effect": "Deny", "Condition": {"StringNotEquals": {"demo:Tier": "a"}}},
        {**ALLOW_ALL, "Sid": "A", "Effect": "Deny", "Condition": {"StringEquals": {"demo:Tier": ["a", "b"]}}},
    )
    proof = prove_no_path(PolicySet.of(ALL, boundary=ceiling), GET)
    assert proof.holds is True
    assert {stop.decision.sid: str(stop.conditions["demo:Tier"]) for stop in proof.stops} == {
        "Tier": "any but a",
        "A": "a",
    }


def test_a_proof_that_fails_shows_the_request():
    proof = prove_no_path(PolicySet.of(ALL, boundary=denying({"StringEquals": {"demo:Tier": "a"}})), GET)
    assert proof.holds is False
    assert proof.witness is not None
    assert proof.witness.context == {}
    assert proof.decision is not None
    assert proof.decision.allowed


def test_a_layer_without_allow_stops_everything():
    proof = prove_no_path(PolicySet.of(ALL, scps=[[ALL], []]), GET)
    assert proof.holds is True
    (stop,) = proof.stops
    assert (stop.decision.layer, stop.decision.level, stop.decision.verdict) == ("scp", 1, "implicitDeny")


def test_a_proof_that_runs_out_of_cells_is_no_proof():
    ceiling = document(
        *({**ALLOW_ALL, "Effect": "Deny", "Condition": {"StringEquals": {f"k:{n}": "a"}}} for n in range(6)),
        {**ALLOW_ALL, "Condition": {"StringEquals": {"k:0": "a"}}},
    )
    assert prove_no_path(PolicySet.of(ALL, boundary=ceiling), GET).holds is True
    short = prove_no_path(PolicySet.of(ALL, boundary=ceiling), Universe(("s3:GetObject",), cells=0))
    assert short.holds is None
    assert "k:0" in short.keys
