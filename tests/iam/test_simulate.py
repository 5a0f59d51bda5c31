"""The local SimulateCustomPolicy takes and gives what botocore's service model says."""

from __future__ import annotations

import json

import botocore.session
import pytest
from botocore.validate import ParamValidator

from bedrock_guard.errors import GuardError
from bedrock_guard.iam.simulate import run_cases, simulate_custom_policy

A, B = "111122223333", "000000000011"
USER = f"arn:aws:iam::{A}:user/ada"
SESSION = f"arn:aws:sts::{A}:assumed-role/R/ada"
OPERATION = botocore.session.get_session().get_service_model("iam").operation_model("SimulateCustomPolicy")


def statement(effect, action="*", resource="*", **elements):
    return {"Effect": effect, "Action": action, "Resource": resource, **elements}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


FULL = policy(statement("Allow"))
GET = policy(statement("Allow", "s3:Get*"))


def fits(data, shape):
    report = ParamValidator().validate(data, shape)
    assert not report.has_errors(), report.generate_report()


def simulate(**request):
    """Simulate what is valid by AWS's own model on both sides."""
    fits(request, OPERATION.input_shape)
    answer = simulate_custom_policy(**request)
    fits(answer, OPERATION.output_shape)
    assert json.loads(json.dumps(answer)) == answer
    return answer


def test_one_action_on_everything():
    text = (
        '{"Version":"2012-10-17",\n "Statement":[\n  {"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}'
    )
    (result,) = simulate(
        PolicyInputList=[FULL.replace("Allow", "Deny").replace('"*", "Res', '"ec2:*", "Res'), text],
        ActionNames=["s3:GetObject"],
    )["EvaluationResults"]
    assert result == {
        "EvalActionName": "s3:GetObject",
        "EvalResourceName": "*",
        "EvalDecision": "allowed",
        "MatchedStatements": [
            {
                "SourcePolicyId": "PolicyInputList.2",
                "SourcePolicyType": "none",
                "StartPosition": {"Line": 3, "Column": 3},
                "EndPosition": {"Line": 3, "Column": 55},
            }
        ],
        "MissingContextValues": [],
    }


def test_the_resource_names_the_result_where_one_is_asked():
    """As in responses of AWS; for a list the names are those of ResourceSpecificResults."""
    arn, other = "arn:aws:s3:::b/k", "arn:aws:s3:::b/l"
    for asked, name in (([arn], arn), ([arn, other], "*"), (["*"], "*"), ([], "*")):
        answer = simulate(PolicyInputList=[GET], ActionNames=["s3:GetObject"], ResourceArns=asked)
        (result,) = answer["EvaluationResults"]
        assert result["EvalResourceName"] == name
        specific = [one["EvalResourceName"] for one in result.get("ResourceSpecificResults", [])]
        assert specific == [one for one in asked if one != "*"]
        assert all("EvalDecisionDetails" not in one for one in result.get("ResourceSpecificResults", []))


def test_the_most_restrictive_resource_decides():
    deny = policy(statement("Allow"), statement("Deny", "s3:*", "arn:aws:s3:::secret/*"))
    answer = simulate(
        PolicyInputList=[deny],
        ActionNames=["s3:GetObject", "ec2:RunInstances"],
        ResourceArns=["arn:aws:s3:::open/k", "arn:aws:s3:::secret/k"],
    )
    first, second = answer["EvaluationResults"]
    assert (first["EvalDecision"], second["EvalDecision"]) == ("explicitDeny", "allowed")
    assert [one["EvalResourceDecision"] for one in first["ResourceSpecificResults"]] == [
        "allowed",
        "explicitDeny",
    ]
    assert [one["EvalResourceName"] for one in first["ResourceSpecificResults"]] == [
        "arn:aws:s3:::open/k",
        "arn:aws:s3:::secret/k",
    ]
    assert len(first["MatchedStatements"]) == 1
    assert first["MatchedStatements"] == first["ResourceSpecificResults"][1]["MatchedStatements"]


@pytest.mark.parametrize(
    ("boundary", "levels", "decision", "by_boundary", "by_organization"),
    [
        (GET, [[FULL]], "allowed", True, True),
        (policy(statement("Allow", "ec2:*")), [[FULL], [FULL]], "implicitDeny", False, True),
        (policy(statement("Allow"), statement("Deny", "s3:*")), [[FULL]], "explicitDeny", False, True),
        (FULL, [[FULL], [policy(statement("Allow", "ec2:*"))]], "implicitDeny", True, False),
        (FULL, [[FULL], []], "implicitDeny", True, False),
        (FULL, [[FULL, policy(statement("Deny", "s3:*"))]], "explicitDeny", True, False),
    ],
)
def test_boundary_and_organization_details(boundary, levels, decision, by_boundary, by_organization):
    answer = simulate(
        PolicyInputList=[FULL],
        PermissionsBoundaryPolicyInputList=[boundary],
        OrderedOrganizationPolicyInputList=[{"ServiceControlPolicyInputList": level} for level in levels],
        ActionNames=["s3:GetObject"],
        ResourceArns=["arn:aws:s3:::b/k"],
    )
    (result,) = answer["EvaluationResults"]
    assert result["EvalDecision"] == decision
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": by_boundary}
    assert result["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": by_organization}
    assert (
        result["ResourceSpecificResults"][0]["PermissionsBoundaryDecisionDetail"][
            "AllowedByPermissionsBoundary"
        ]
        is by_boundary
    )


def test_missing_context_values_are_those_of_the_statements_in_question():
    conditional = policy(
        statement(
            "Allow",
            "s3:*",
            "arn:aws:s3:::b/*",
            Condition={"StringEquals": {"aws:PrincipalTag/Team": "${aws:username}"}},
        ),
        statement("Deny", "ec2:*", Condition={"Null": {"ec2:Region": "true"}}),
        statement("Deny", "s3:*", "arn:aws:s3:::c/*", Condition={"Bool": {"aws:SecureTransport": "false"}}),
    )
    scp = policy(statement("Allow", Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}}))
    answer = simulate(
        PolicyInputList=[conditional],
        OrderedOrganizationPolicyInputList=[{"ServiceControlPolicyInputList": [scp]}],
        ActionNames=["s3:GetObject"],
        ResourceArns=["arn:aws:s3:::b/k"],
        ContextEntries=[
            {"ContextKeyName": "AWS:username", "ContextKeyValues": ["ada"], "ContextKeyType": "string"}
        ],
    )
    (result,) = answer["EvaluationResults"]
    assert result["MissingContextValues"] == ["aws:PrincipalTag/Team", "aws:RequestedRegion"]


@pytest.mark.parametrize(
    ("kind", "values", "condition", "hit"),
    [
        ("string", ["a"], {"StringEquals": {"aws:key": "a"}}, True),
        ("stringList", ["a", "b"], {"ForAllValues:StringEquals": {"aws:key": ["a", "b"]}}, True),
        ("numeric", ["9.5"], {"NumericLessThan": {"aws:key": 10}}, True),
        ("numericList", ["9", "11"], {"ForAnyValue:NumericGreaterThan": {"aws:key": 10}}, True),
        ("boolean", ["true"], {"Bool": {"aws:key": True}}, True),
        ("ip", ["10.0.0.1"], {"IpAddress": {"aws:key": "10.0.0.0/8"}}, True),
        ("binary", ["QQ=="], {"BinaryEquals": {"aws:key": "QQ=="}}, True),
        ("date", ["2026-11-23T00:00:00Z"], {"DateGreaterThan": {"aws:key": "0"}}, True),
        ("dateList", [], {"Null": {"aws:key": "true"}}, True),
        ("string", [], {"Null": {"aws:key": "true"}}, True),
    ],
)
def test_context_types(kind, values, condition, hit):
    entry = {"ContextKeyName": "aws:key", "ContextKeyValues": values, "ContextKeyType": kind}
    answer = simulate(
        PolicyInputList=[policy(statement("Allow", Condition=condition))],
        ActionNames=["s3:GetObject"],
        ContextEntries=[entry],
    )
    assert (answer["EvaluationResults"][0]["EvalDecision"] == "allowed") is hit


def test_a_resource_policy_and_another_account():
    bucket = policy(statement("Allow", Principal={"AWS": USER}))
    same = simulate(
        PolicyInputList=[],
        ResourcePolicy=bucket,
        CallerArn=USER,
        ActionNames=["s3:GetObject"],
        ResourceArns=["arn:aws:s3:::b/k"],
    )["EvaluationResults"][0]
    assert same["EvalDecision"] == "allowed"
    assert same["MatchedStatements"][0]["SourcePolicyId"] == "ResourcePolicy"
    assert same["MatchedStatements"][0]["SourcePolicyType"] == "resource"
    assert same["EvalDecisionDetails"] == {}
    other = simulate(
        PolicyInputList=[],
        ResourcePolicy=bucket,
        CallerArn=USER,
        ResourceOwner=f"arn:aws:iam::{B}:root",
        ActionNames=["s3:GetObject"],
        ResourceArns=["arn:aws:s3:::b/k"],
    )["EvaluationResults"][0]
    assert other["EvalDecision"] == "implicitDeny"
    assert other["EvalDecisionDetails"] == {"IdentityPolicy": "implicitDeny", "ResourcePolicy": "allowed"}


def test_trust_policies_are_evaluated():
    """AWS's own simulator leaves them out (aws-cli issue 10314)."""
    role = f"arn:aws:iam::{A}:role/R"
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Principal": {"AWS": USER}, "Action": "sts:AssumeRole"},
        }
    )
    request = {
        "PolicyInputList": [FULL],
        "ResourcePolicy": trust,
        "ActionNames": ["sts:AssumeRole"],
        "ResourceArns": [role],
    }
    assert simulate(**request, CallerArn=USER)["EvaluationResults"][0]["EvalDecision"] == "allowed"
    assert simulate(**request, CallerArn=f"{USER}2")["EvaluationResults"][0]["EvalDecision"] == "implicitDeny"


def test_the_extensions():
    request = {"PolicyInputList": [FULL], "ActionNames": ["s3:GetObject"], "CallerArn": SESSION}
    narrow = simulate_custom_policy(**request, SessionPolicyInputList=[policy(statement("Allow", "ec2:*"))])
    assert narrow["EvaluationResults"][0]["EvalDecision"] == "implicitDeny"
    rcp = policy(statement("Deny", "s3:*", Principal="*"))
    refused = simulate_custom_policy(
        **request, OrderedResourceControlPolicyInputList=[{"ResourceControlPolicyInputList": [rcp]}]
    )
    assert refused["EvaluationResults"][0]["EvalDecision"] == "explicitDeny"
    fits(refused, OPERATION.output_shape)


def test_pages():
    actions = [f"s3:Action{number}" for number in range(5)]
    request = {"PolicyInputList": [FULL], "ActionNames": actions, "MaxItems": 2}
    first = simulate(**request)
    assert (len(first["EvaluationResults"]), first["IsTruncated"]) == (2, True)
    last = simulate(**request, Marker=simulate(**request, Marker=first["Marker"])["Marker"])
    assert [one["EvalActionName"] for one in last["EvaluationResults"]] == actions[4:]
    assert last["IsTruncated"] is False
    assert "Marker" not in last
    assert len(simulate(PolicyInputList=[FULL], ActionNames=actions * 50)["EvaluationResults"]) == 250


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"PolicyInputList": None}, "no PolicyInputList"),
        ({"ActionNames": None}, "no ActionNames"),
        ({"Actions": []}, "no parameter"),
        ({"PolicyInputList": FULL}, "not a list of texts"),
        ({"PolicyInputList": [{}]}, "not a list of texts"),
        ({"PolicyInputList": ["{"]}, "line 1, column 2"),
        ({"ActionNames": ["s3:Get*"]}, "no action"),
        ({"ActionNames": ["GetObject"]}, "no action"),
        ({"ResourcePolicy": policy(statement("Allow", Principal="*"))}, "no CallerArn"),
        ({"CallerArn": "ada"}, "names no principal"),
        ({"CallerArn": f"arn:aws:iam::{A}:group/g"}, "names no principal"),
        ({"PermissionsBoundaryPolicyInputList": [FULL, FULL]}, "more than one"),
        ({"OrderedOrganizationPolicyInputList": [{}] * 8}, "more than 7"),
        ({"OrderedOrganizationPolicyInputList": [[FULL]]}, "not an object"),
        ({"OrderedOrganizationPolicyInputList": [{"Policies": []}]}, "not an object"),
        ({"ResourceOwner": "me"}, "names no account"),
        ({"MaxItems": 0}, "whole number"),
        ({"MaxItems": True}, "whole number"),
        ({"Marker": "x"}, "Marker"),
        ({"ContextEntries": [{"ContextKeyName": "aws:k"}] * 2}, "twice"),
        ({"ContextEntries": [{"ContextKeyValues": ["a"]}]}, "no ContextKeyName"),
        ({"ContextEntries": [{"ContextKeyName": "aws:k", "ContextKeyValues": ["a", "b"]}]}, "several values"),
        ({"ContextEntries": [{"ContextKeyName": "aws:k", "ContextKeyType": "float"}]}, "no ContextKeyType"),
        (
            {
                "ContextEntries": [
                    {"ContextKeyName": "aws:k", "ContextKeyType": "numeric", "ContextKeyValues": ["x"]}
                ]
            },
            "not of type",
        ),
        ({"ContextEntries": {"aws:k": "a"}}, "not a list|other members"),
        ({"ResourceArns": [""]}, "empty or longer"),
        ({"ResourceArns": ["arn:aws:s3:::" + "b" * 2_048]}, "empty or longer"),
        ({"ResourceArns": ["arn:aws:s3:::b/\ud800"]}, "lone surrogate"),
        ({"CallerArn": f"arn:aws:iam::{A}:user/\udc2a"}, "lone surrogate"),
    ],
)
def test_what_cannot_be_simulated(change, message):
    request = {"PolicyInputList": [FULL], "ActionNames": ["s3:GetObject"], **change}
    with pytest.raises(GuardError, match=message):
        simulate_custom_policy(**request)


def test_a_batch_answers_line_by_line():
    good = json.dumps({"PolicyInputList": [GET], "ActionNames": ["s3:GetObject"]})
    lines = [
        good + "\n",
        "not json\n",
        "",
        '{"PolicyInputList": [], "PolicyInputList": [], "ActionNames": []}',
        f'{{"MaxItems": {"9" * 5_000}}}',
        good,
    ]
    answers = list(run_cases(lines))
    assert [flag for _, flag in answers] == [True, False, False, False, False, True]
    assert (
        json.loads(answers[0][0]) == json.loads(answers[5][0]) == simulate_custom_policy(**json.loads(good))
    )
    assert json.loads(answers[1][0])["Error"]["Code"] == "RequestError"
    bad_policy = json.dumps({"PolicyInputList": ['{"Version": 1}'], "ActionNames": ["a:B"]})
    ((answer, flag),) = run_cases([bad_policy])
    assert (json.loads(answer)["Error"]["Code"], flag) == ("PolicyError", False)
