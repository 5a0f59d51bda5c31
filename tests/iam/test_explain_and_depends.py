"""Explanations name what decided; three-valued answers name the keys they hang on."""

from __future__ import annotations

import numpy as np
import pytest
from decide_table import decide_table

from bedrock_guard.iam.document import PolicyError, as_document
from bedrock_guard.iam.evaluator import Principal, compile_policies
from bedrock_guard.iam.explain import RULES
from bedrock_guard.iam.program import UNKNOWN, Truth
from bedrock_guard.iam.values import RequestError

A = "111122223333"
USER = f"arn:aws:iam::{A}:user/ada"


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def statement(effect, action="*", resource="*", **elements):
    return {"Effect": effect, "Action": action, "Resource": resource, **elements}


FULL = policy(statement("Allow"))
BEARER = policy(
    statement("Allow"),
    {
        **statement("Deny", ["s3:*", "bedrock:Call*"], ["arn:aws:s3:::x", "*"]),
        "Sid": "NoKeys",
        "Condition": {
            "StringLike": {"bedrock:bearerTokenType": ["SHORT*", "LONG*"]},
            "Bool": {"aws:flag": True},
        },
    },
)


def test_an_explicit_deny_is_explained_to_the_pattern_key_and_value():
    evaluator = compile_policies(FULL, boundary=BEARER)
    told = evaluator.explain(
        "bedrock:CallWithBearerToken", "*", {"bedrock:BearerTokenType": "LONG_TERM", "aws:flag": "true"}
    )
    assert (told.decision.verdict, told.decision.layer, told.decision.sid) == (
        "explicitDeny",
        "boundary",
        "NoKeys",
    )
    assert (told.action_pattern, told.resource_pattern) == ("bedrock:Call*", "*")
    assert told.findings == (
        ("StringLike", "bedrock:bearerTokenType", ("LONG_TERM",), "LONG*", True),
        ("Bool", "aws:flag", ("true",), "true", True),
    )
    assert told.statement.sid == "NoKeys"
    assert told.source.endswith("access_policies_boundaries.html")
    assert "bedrock:bearerTokenType: LONG_TERM" in str(told)


def test_a_missing_key_and_a_negated_element_are_explained():
    deny = {
        "Effect": "Deny",
        "NotAction": "iam:*",
        "NotResource": "arn:aws:s3:::x",
        "Condition": {"StringNotEquals": {"aws:k": "a"}},
    }
    told = compile_policies([FULL, policy(deny)]).explain("s3:GetObject", "arn:aws:s3:::y", {})
    assert (told.decision.document, told.decision.statement) == (1, 0)
    assert (told.action_pattern, told.resource_pattern) == (None, None)
    assert told.findings == (("StringNotEquals", "aws:k", (), None, True),)
    assert "missing" in str(told)


def test_an_implicit_deny_names_the_near_misses():
    narrow = policy(
        statement("Allow", "s3:*", "arn:aws:s3:::x"),
        statement("Allow", "s3:*", Condition={"Bool": {"aws:flag": "true"}}),
        statement("Allow", "ec2:*"),
        statement("Deny", "s3:*", "arn:aws:s3:::x"),
    )
    told = compile_policies(FULL, boundary=narrow).explain(
        "s3:GetObject", "arn:aws:s3:::y", {"aws:flag": False}
    )
    assert (told.decision.layer, told.decision.statement) == ("boundary", None)
    assert [(one.statement, one.failed) for one in told.near] == [(0, "resource"), (1, "condition")], (
        "a Deny that did not fit is no near miss of an Allow"
    )
    assert told.near[1].finding.values == ("false",)


def test_every_outcome_has_its_rule_and_source():
    for rule, source in RULES.values():
        assert rule.endswith(".")
        assert source.startswith("https://docs.aws.amazon.com/")
    root = compile_policies([]).explain("s3:GetObject", "*", {}, f"arn:aws:iam::{A}:root")
    assert (root.decision.verdict, root.decision.layer) == ("allowed", None)
    scp = compile_policies(FULL, scps=[[FULL], [policy(statement("Allow", "s3:*", "arn:aws:s3:::q"))]])
    told = scp.explain("s3:GetObject", "*", {})
    assert (told.decision.level, told.near[0].failed) == (1, "resource")


def test_an_explanation_decides_as_decide():
    evaluator = compile_policies(FULL, boundary=BEARER, scps=[[FULL]])
    for action in ("s3:GetObject", "bedrock:CallWithBearerToken", "ec2:RunInstances"):
        for context in ({}, {"bedrock:BearerTokenType": "LONG_TERM", "AWS:FLAG": True}):
            assert evaluator.explain(action, "*", context).decision == evaluator.decide(action, "*", context)


SCP = policy(
    statement("Allow"), statement("Deny", Condition={"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}})
)
TWICE = policy(statement("Allow", Condition={"Bool": {"aws:one": "true"}}), statement("Allow", "s3:*"))


@pytest.mark.parametrize(
    ("layers", "context", "unknown", "verdict", "keys"),
    [
        ({"scps": [[SCP]]}, {}, {"aws:requestedregion"}, None, {"aws:requestedregion"}),
        ({"scps": [[SCP]]}, {"aws:RequestedRegion": "us-east-1"}, {"aws:two"}, "allowed", set()),
        (
            {"scps": [[SCP]]},
            {"aws:RequestedRegion": "us-east-1"},
            {"AWS:RequestedRegion"},
            None,
            {"AWS:RequestedRegion"},
        ),
        ({"scps": [[SCP]]}, {}, set(), "explicitDeny", set()),
        # an Allow that needs no key settles it
        ({"identity": TWICE}, {}, {"aws:one"}, "allowed", set()),
        # a certain Deny settles it
        ({"identity": [TWICE, policy(statement("Deny", "s3:*"))]}, {}, {"aws:one"}, "explicitDeny", set()),
        # a condition that is false already settles its statement
        (
            {
                "boundary": policy(
                    statement("Allow"),
                    statement("Deny", Condition={"Bool": {"aws:one": "true", "aws:two": "true"}}),
                )
            },
            {"aws:two": "false"},
            {"aws:one"},
            "allowed",
            set(),
        ),
        # variables hang on their keys
        (
            {"identity": policy(statement("Allow", "*", "arn:aws:s3:::${aws:username}"))},
            {},
            {"aws:username"},
            None,
            {"aws:username"},
        ),
        # two denies on the same open key, one of them never relevant to the action
        (
            {
                "boundary": policy(
                    statement("Allow"), statement("Deny", "ec2:*", Condition={"Null": {"aws:one": "true"}})
                )
            },
            {},
            {"aws:one"},
            "allowed",
            set(),
        ),
    ],
)
def test_depends_on(layers, context, unknown, verdict, keys):
    evaluator = compile_policies(**{"identity": FULL, **layers})
    answer = evaluator.depends_on("s3:GetObject", "arn:aws:s3:::x", context, unknown=unknown)
    assert (answer.verdict, answer.keys) == (verdict, frozenset(keys))
    assert len(answer.possible) == (1 if verdict else 2)


def test_depends_on_the_principal_of_a_resource_policy_and_service_control_policies():
    bucket = policy(
        statement("Allow", Principal={"AWS": USER}, Condition={"Bool": {"aws:SecureTransport": "true"}})
    )
    evaluator = compile_policies([], resource_policy=bucket, scps=[[SCP]])
    open_keys = {"aws:SecureTransport", "aws:RequestedRegion"}
    answer = evaluator.depends_on("s3:GetObject", "arn:aws:s3:::x", {}, USER, unknown=open_keys)
    assert (answer.verdict, answer.keys) == (None, frozenset(open_keys))
    assert answer.possible == {"allowed", "implicitDeny", "explicitDeny"}
    here = Principal(USER, in_management_account=True)
    answer = evaluator.depends_on("s3:GetObject", "arn:aws:s3:::x", {}, here, unknown=open_keys)
    assert answer.keys == {"aws:SecureTransport"}


def test_depends_on_many_open_keys():
    many = policy(*(statement("Allow", Condition={"Bool": {f"aws:k{place}": "true"}}) for place in range(40)))
    unknown = {f"aws:k{place}" for place in range(40)}
    evaluator = compile_policies(many)
    answer = evaluator.depends_on("s3:GetObject", "*", {}, unknown=unknown)
    assert (answer.verdict, answer.keys) == (None, frozenset(unknown))
    settled = compile_policies([many, FULL]).depends_on("s3:GetObject", "*", {}, unknown=unknown)
    assert (settled.verdict, settled.keys) == ("allowed", frozenset())


def test_the_program_runs_on_numpy_masks():
    evaluator = compile_policies(FULL, boundary=BEARER, scps=[[SCP]])
    program = evaluator.program
    columns = {
        "action": ["s3:GetObject", "s3:GetObject", "ec2:RunInstances", "s3:GetObject"],
        "resource": ["*"] * 4,
        "aws:requestedregion": ["us-east-1", "eu-west-1", UNKNOWN, "us-east-1"],
        "bedrock:bearertokentype": ["LONG_TERM", None, None, UNKNOWN],
        "aws:flag": ["true"] * 4,
    }
    truth = {}
    for test in program.tests:
        cells = zip(*(columns.get(name, [None] * 4) for name in test.columns), strict=True)
        answers = [test.ask(*row) for row in cells]
        truth[test] = Truth(
            np.array([one is True for one in answers]), np.array([one is not False for one in answers])
        )
    found = program.verdicts(truth, np.ones(4, dtype=bool))
    assert found.allowed.tolist() == [False, False, False, False]
    assert found.explicit_deny.tolist() == [True, True, False, False]
    assert found.depends.tolist() == [False, False, True, True]
    assert decide_table(program, columns, 4) == ["explicitDeny", "explicitDeny", None, None]
    deny = next(place for place, one in enumerate(program.statements) if one.sid == "NoKeys")
    assert found.applies[deny].sure.tolist() == [True, False, False, False]


def test_every_test_of_the_program_reads_one_column_unless_it_has_variables():
    evaluator = compile_policies(FULL, boundary=BEARER, scps=[[SCP]])
    for one in evaluator.program.statements:
        assert all(len(test.columns) == 1 for test in one.tests)
    shared = compile_policies([BEARER, BEARER]).program.tests
    assert len(shared) == len(compile_policies(BEARER).program.tests)


def test_impossible_requests_are_typed_errors():
    evaluator = compile_policies(policy(statement("Allow", Condition={"StringEquals": {"aws:k": "a"}})))
    for value in (object(), {"a": 1}, [object()]):
        with pytest.raises(RequestError):
            evaluator.decide("s3:GetObject", "*", {"aws:k": value})
    with pytest.raises(RequestError, match="names no principal"):
        evaluator.decide("s3:GetObject", "*", {}, "ada")
    with pytest.raises(RequestError, match="no kind"):
        Principal(USER, kind="group")  # type: ignore[arg-type]


def test_a_document_of_another_kind_is_refused_where_it_would_mean_something_else():
    with_principal = as_document(policy(statement("Allow", Principal="*")), "resource")
    without = as_document(FULL, "identity")
    for arguments in (
        {"identity": with_principal},
        {"identity": [], "boundary": with_principal},
        {"identity": [], "scps": [[with_principal]]},
    ):
        with pytest.raises(PolicyError, match="has a Principal"):
            compile_policies(**arguments)
    with pytest.raises(PolicyError, match="no Principal"):
        compile_policies([], resource_policy=without)
    assert (
        compile_policies(without, boundary=without, scps=[[without]]).decide("s3:GetObject", "*", {}).allowed
    )


def test_the_same_text_in_another_version_is_another_test():
    """Version 2008-10-17 has no variables, so its ${*} is text with a live wildcard."""
    element = statement("Allow", "s3:*", "arn:aws:s3:::b/${*}", Condition={"StringLike": {"aws:k": "${*}"}})
    old, new = ({"Version": version, "Statement": element} for version in ("2008-10-17", "2012-10-17"))
    evaluator = compile_policies(new, boundary=old)
    rows = [
        ("s3:Get", f"arn:aws:s3:::b/{name}", {"aws:k": key})
        for name in ("*", "${x}")
        for key in ("*", "${x}")
    ]
    columns = {
        "action": ["s3:Get"] * 4,
        "resource": [row[1] for row in rows],
        "aws:k": [row[2]["aws:k"] for row in rows],
    }
    assert decide_table(evaluator.program, columns, 4) == [evaluator.decide(*row).verdict for row in rows]
    assert compile_policies(new).decide(*rows[0]).allowed
    assert compile_policies(old).decide(*rows[3]).allowed
    assert not compile_policies(old).decide(*rows[0]).allowed


def test_an_empty_table_and_odd_cells():
    evaluator = compile_policies(policy(statement("Allow", Condition={"NumericEquals": {"aws:n": "1"}})))
    assert decide_table(evaluator.program, {"action": [], "resource": []}, 0) == []
    cells = [1, True, "1", 1.0, [1], None, UNKNOWN]
    columns = {"action": ["a:B"] * 7, "resource": ["*"] * 7, "AWS:N": cells}
    assert decide_table(evaluator.program, columns, 7) == [
        "allowed",
        "implicitDeny",
        "allowed",
        "allowed",
        "allowed",
        "implicitDeny",
        None,
    ]
