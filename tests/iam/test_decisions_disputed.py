"""Where documentation and observation differ: the documentation is followed, and the other verdict is named."""

from __future__ import annotations

import pytest

from bedrock_guard.iam import conditions
from bedrock_guard.iam.evaluator import compile_policies


def evaluator(condition, effect="Deny"):
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    statement = {**allow, "Effect": effect, "Condition": condition}
    statements = [statement] if effect == "Allow" else [allow, statement]
    return compile_policies({"Version": "2012-10-17", "Statement": statements})


@pytest.mark.parametrize(
    ("condition", "context", "rule", "verdict", "other"),
    [
        (
            {"ForAnyValue:StringEqualsIfExists": {"aws:k": "a"}},
            {},
            conditions.ANY_VALUE_IF_EXISTS,
            "explicitDeny",
            "allowed",
        ),
        (
            {"StringEquals": {"aws:k": "a"}},
            {"aws:k": ["a", "b"]},
            conditions.MULTIVALUED_WITHOUT_SET,
            "allowed",
            "explicitDeny",
        ),
        (
            {"StringNotEquals": {"aws:k": "a"}},
            {"aws:k": ["a", "b"]},
            conditions.MULTIVALUED_WITHOUT_SET,
            "explicitDeny",
            "allowed",
        ),
        (
            {"ArnNotLike": {"aws:k": "arn:aws:s3:::b"}},
            {"aws:k": "no arn"},
            conditions.ARN_NOT_ARN,
            "explicitDeny",
            "allowed",
        ),
        (
            {"ForAllValues:StringEquals": {"aws:k": "a"}},
            {"aws:k": [""]},
            conditions.ALL_VALUES_EMPTY_TEXT,
            "allowed",
            "explicitDeny",
        ),
        (
            {"Bool": {"aws:k": "${aws:l}"}},
            {"aws:k": "true", "aws:l": "true"},
            conditions.BOOL_VARIABLE,
            "explicitDeny",
            "allowed",
        ),
    ],
)
def test_a_disputed_form_names_the_other_verdict(condition, context, rule, verdict, other):
    decision = evaluator(condition).decide("s3:GetObject", "*", context)
    assert decision.verdict == verdict
    assert (decision.disputed.rule, decision.disputed.verdict) == (rule, other)
    assert decision.disputed.source.startswith("https://docs.aws.amazon.com/")


@pytest.mark.parametrize(
    ("condition", "context"),
    [
        ({"ForAnyValue:StringEqualsIfExists": {"aws:k": "a"}}, {"aws:k": "a"}),
        ({"StringEquals": {"aws:k": "a"}}, {"aws:k": ["a"]}),
        ({"StringEquals": {"aws:k": "a"}}, {"aws:k": ["b", "c"]}),
        ({"ArnNotLike": {"aws:k": "arn:aws:s3:::b"}}, {"aws:k": "arn:aws:s3:::c"}),
        ({"ArnNotLike": {"aws:k": "arn:aws:s3:::b"}}, {}),
        ({"ForAllValues:StringEquals": {"aws:k": ""}}, {"aws:k": [""]}),
        ({"Bool": {"aws:k": "${aws:l}"}}, {}),
    ],
)
def test_no_dispute_where_both_readings_agree(condition, context):
    assert evaluator(condition).decide("s3:GetObject", "*", context).disputed is None


def test_no_dispute_where_another_statement_settles_it():
    statement = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    disputed = {**statement, "Condition": {"ForAnyValue:StringEqualsIfExists": {"aws:k": "a"}}}
    both = compile_policies({"Version": "2012-10-17", "Statement": [disputed, statement]})
    decision = both.decide("s3:GetObject", "*", {})
    assert (decision.verdict, decision.disputed) == ("explicitDeny", None)


def test_an_allow_can_be_disputed_too():
    decision = evaluator({"ForAnyValue:StringEqualsIfExists": {"aws:k": "a"}}, "Allow").decide(
        "s3:GetObject", "*", {}
    )
    assert (decision.verdict, decision.disputed.verdict) == ("allowed", "implicitDeny")
