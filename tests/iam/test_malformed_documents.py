"""Whatever is fed in, only the package's own typed errors come out, and nothing hangs."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bedrock_guard.errors import GuardError
from bedrock_guard.iam.document import KINDS, read
from bedrock_guard.iam.evaluator import compile_policies
from bedrock_guard.iam.simulate import run_cases, simulate_custom_policy

GOOD = json.dumps(
    {
        "Version": "2012-10-17",
        "Id": "x",
        "Statement": [
            {
                "Sid": "A1",
                "Effect": "Allow",
                "Action": ["s3:Get*", "ec2:*"],
                "NotResource": "arn:aws:s3:::a/${aws:username}",
                "Condition": {
                    "ForAnyValue:StringLikeIfExists": {"aws:TagKeys": ["a", "b*"]},
                    "IpAddress": {"aws:SourceIp": "10.0.0.0/8"},
                    "NumericLessThan": {"s3:max-keys": 10},
                    "Bool": {"aws:SecureTransport": False},
                    "DateLessThan": {"aws:CurrentTime": "2026-11-23T00:00:00Z"},
                },
            }
        ],
    }
)
CONTEXT = {
    "aws:TagKeys": ["a"],
    "aws:SourceIp": "10.1.1.1",
    "s3:max-keys": 3,
    "aws:SecureTransport": False,
    "aws:CurrentTime": "2026-11-01",
    "aws:username": "ada",
}
_NAMES = st.sampled_from(
    [
        "Version",
        "Statement",
        "Effect",
        "Action",
        "Resource",
        "Principal",
        "Condition",
        "StringEquals",
        "Null",
        "aws:k",
        "AWS",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_NAMES | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
QUIET = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def try_everything(text):
    for kind in KINDS:
        for lenient in (False, True):
            with suppress(GuardError):
                document = read(text, kind, lenient=lenient)
                compile_policies(document).decide("s3:GetObject", "arn:aws:s3:::a/k", CONTEXT)
                assert read(document.to_json(), kind, lenient=True) == document


@QUIET
@given(st.text(max_size=200) | st.binary(max_size=200))
@example("\ud800")
@example(b"\xff\xfe")
@example(
    '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NumericEquals":{"a:b":1e99999}}}}'
)
def test_any_text(text):
    try_everything(text)


@QUIET
@given(JSON)
def test_any_json(data):
    try_everything(json.dumps(data))


@QUIET
@given(st.data())
def test_a_good_document_damaged(data):
    text = GOOD
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        until = min(len(text), at + data.draw(st.integers(0, 12)))
        insert = data.draw(
            st.sampled_from(
                ["", '"', "{", "}", "[", "]", ",", ":", "*", "${", "null", "1e999", "\\u0000", "é"]
            )
        )
        text = text[:at] + insert + text[until:]
    try_everything(text)


@QUIET
@given(
    st.dictionaries(
        st.sampled_from(["PolicyInputList", "ActionNames", "ContextEntries", "CallerArn", "MaxItems", "X"]),
        JSON,
    )
)
def test_any_simulation_request(request):
    with suppress(GuardError):
        simulate_custom_policy(**{"PolicyInputList": [GOOD], "ActionNames": ["s3:GetObject"], **request})


@QUIET
@given(st.lists(st.text(max_size=60) | JSON.map(json.dumps), max_size=5))
def test_any_batch(lines):
    answers = list(run_cases(lines))
    assert len(answers) == len(lines)
    for answer, good in answers:
        assert ("Error" in json.loads(answer)) is not good
        assert "\n" not in answer


HARD = "*a" * 40 + "b"


@pytest.mark.parametrize(
    "policy",
    [
        {"Effect": "Deny", "Action": "s3:" + HARD, "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "Resource": "arn:aws:s3:::" + HARD},
        {"Effect": "Deny", "Action": "*", "Resource": "arn:aws:s3:::" + HARD + "?" + HARD},
        {"Effect": "Deny", "Action": "*", "Resource": "arn:*a*a*a*b:*a*a*b:*:*:" + HARD},
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringLike": {"aws:k": HARD}}},
        {
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"ArnLike": {"aws:k": "arn:aws:s3:::" + HARD}},
        },
    ],
)
def test_no_pattern_hangs(policy):
    evaluator = compile_policies({"Version": "2012-10-17", "Statement": policy})
    long = "a" * 20_000
    started = time.process_time()
    evaluator.decide("s3:" + long, "arn:aws:s3:::" + long, {"aws:k": "arn:aws:s3:::" + long})
    assert time.process_time() - started < 2.0


def test_deep_and_long_documents_are_refused_quickly():
    started = time.process_time()
    for text in (
        "[" * 100_000,
        '{"a":' * 100_000,
        '"' + "x" * 1_000_000,
        "{" + '"a":1,' * 10_000,
        "-" * 100_000,
        " " * 130_000,
    ):
        with pytest.raises(GuardError):
            read(text)
    assert time.process_time() - started < 5.0
