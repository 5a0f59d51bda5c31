"""Patterns: whole strings, Resource elements, ArnLike; witnesses of overlaps; no pattern is slow."""

from __future__ import annotations

import itertools
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_guard.iam import automaton
from bedrock_guard.iam.automaton import intersect, intersect_resources
from bedrock_guard.iam.globs import (
    arn_parts,
    compile_arn,
    compile_glob,
    compile_resource,
    escape,
    match,
    unescape,
)

ALPHABET = "ab:"
TEXTS = ["".join(chars) for size in range(6) for chars in itertools.product(ALPHABET, repeat=size)]
patterns = st.text(alphabet="ab:*?", max_size=6)


def by_regex(pattern: str, text: str) -> bool:
    expression = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


@given(patterns)
def test_a_glob_matches_as_the_obvious_definition(pattern):
    test = compile_glob(pattern)
    assert [text for text in TEXTS if test(text)] == [text for text in TEXTS if by_regex(pattern, text)]


@given(st.text(max_size=12), st.text(max_size=12))
def test_nothing_but_star_and_question_mark_is_special(pattern, text):
    assert match(pattern, text) == by_regex(pattern, text)
    assert match(escape(pattern), pattern)
    assert match(escape(pattern), text) == (pattern == text)
    assert unescape(escape(pattern)) == pattern


def test_a_newline_does_not_end_a_text():
    assert match("a*c", "a\n\nc")
    assert compile_resource("arn:aws:s3:::b/*")("arn:aws:s3:::b/x\ny")
    assert not match("a?c", "ac\n")


@pytest.mark.parametrize(
    ("pattern", "resource", "fits"),
    [
        ("*", "anything", True),
        ("*", "*", True),
        ("arn:aws:s3:::b/*", "*", False),
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
        ("arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1/2/test/3/object.jpg", True),
        ("arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b//test/object.jpg", True),
        ("arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1-test/object.jpg", False),
        ("arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/test/object.jpg", False),
        ("arn:aws:sns:*:111122223333:t", "arn:aws:sns:us-east-1:111122223333:t", True),
        ("arn:aws:sns:*:111122223333:t", "arn:aws:sns:us-east-1:x:111122223333:t", False),
        (
            "arn:aws:logs:*:*:log-group:*",
            "arn:aws:logs:us-east-1:111122223333:log-group:g:log-stream:s",
            True,
        ),
        ("arn:aws:demo:*::model/x", "arn:aws:demo:::model/x", True),
        ("arn:aws:demo:us-*::model/x", "arn:aws:demo:::model/x", False),
        ("arn:aws:s3:::b/KEY", "arn:aws:s3:::b/key", False),
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
        ("arn:aws:sqs", "arn:aws:sqs:us-east-1:111122223333:q", True),
        ("arn:aws:sqs", "arn:aws:sns:us-east-1:111122223333:q", False),
        ("arn:aws:sqs:us-?ast-1:*:q", "arn:aws:sqs:us-east-1:111122223333:q", True),
        ("arn:aws:sqs:us?east-1:*:q", "arn:aws:sqs:us:east-1:111122223333:q", False),
        (f"arn:aws:s3:::b/{escape('*')}", "arn:aws:s3:::b/*", True),
        (f"arn:aws:s3:::b/{escape('*')}", "arn:aws:s3:::b/k", False),
    ],
)
def test_a_resource_is_matched_part_by_part(pattern, resource, fits):
    assert compile_resource(pattern)(resource) is fits


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
        ("arn:aws:iam::*:role/*", "arn:aws:iam::111122223333:role/path/Admin", True),
        ("arn:aws:*:role/Admin", "arn:aws:iam::111122223333:role/Admin", False),
        ("arn:aws:iam::1111*:role/Admin", "arn:aws:iam::1111:2222:role/Admin", False),
        ("arn:aws:iam::111122223333:role/Admin", "arn:aws:iam::111122223333:role/admin", False),
        ("*", "not an arn", False),
    ],
)
def test_arn_like_is_matched_part_by_part(pattern, value, fits):
    assert compile_arn(pattern)(value) is fits


arn_patterns = st.lists(st.text(alphabet="ab*?", max_size=2), min_size=6, max_size=6).map(":".join)


@given(arn_patterns, st.lists(st.text(alphabet="ab", max_size=2), min_size=6, max_size=7).map(":".join))
def test_an_arn_is_matched_as_its_parts_are(pattern, value):
    parts = zip(arn_parts(pattern), value.split(":", 5), strict=True)
    wanted = all(by_regex(one, text) for one, text in parts) or not pattern.strip("*")
    assert compile_arn(pattern)(value) == wanted
    assert compile_resource(pattern)(value) == wanted


@given(patterns, patterns)
def test_an_overlap_has_a_witness_and_its_absence_is_true(first, second):
    shared = [text for text in TEXTS if by_regex(first, text) and by_regex(second, text)]
    witness = intersect(first, second)
    if witness is None:
        assert not shared
    else:
        assert by_regex(first, witness)
        assert by_regex(second, witness)
        assert not shared or len(witness) <= min(map(len, shared))


@given(st.lists(patterns, min_size=1, max_size=4))
def test_the_cells_of_several_patterns_are_all_combinations(several):
    cells = automaton.Patterns([automaton.glob(one) for one in several]).cells()
    assert len({cell.fits for cell in cells}) == len(cells)
    for cell in cells:
        assert cell.fits == tuple(by_regex(one, cell.text) for one in several)
    assert {tuple(by_regex(one, text) for one in several) for text in TEXTS} <= {cell.fits for cell in cells}


@given(st.lists(arn_patterns, min_size=1, max_size=3), st.text(alphabet="ab:", max_size=9))
def test_the_automaton_reads_resources_as_the_matcher_does(several, text):
    found = automaton.Patterns([automaton.resource(one) for one in several])
    assert found.fits(text) == tuple(compile_resource(one)(text) for one in several)
    for cell in found.cells():
        assert cell.fits == tuple(compile_resource(one)(cell.text) for one in several)


def test_resources_apart_share_no_text():
    assert intersect_resources("arn:aws:s3:::a", "arn:aws:s3:::b") is None


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("*a" * 200 + "b", "a" * 20_000),
        ("*a?" * 200 + "b", "a" * 20_000),
        ("a*" * 1_000 + "b", "a" * 20_000),
        ("*" * 5_000 + "b", "a" * 20_000),
        ("*" + "a" * 2_000 + "b", "a" * 20_000),
        ("*" + "a?" * 1_000 + "b", "a" * 20_000),
    ],
)
def test_no_pattern_backtracks(pattern, text):
    started = time.monotonic()
    assert not match(pattern, text)
    assert not compile_resource(f"arn:aws:s3:{pattern}:{pattern}:{pattern}")(
        f"arn:aws:s3:{text}:{text}:{text}"
    )
    # A backtracking matcher would take longer than the age of the universe; the margin is for a slow machine.
    assert time.monotonic() - started < 10


def test_too_many_overlaps_are_refused_rather_than_walked():
    wild = [automaton.glob(f"*{chr(97 + one)}{chr(98 + one)}*{chr(99 + one)}*") for one in range(20)]
    with pytest.raises(automaton.TooManyStatesError):
        automaton.Patterns(wild).cells()
