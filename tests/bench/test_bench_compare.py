"""How long a comparison and a proof over every Bedrock action take. Nothing is asserted about time."""

from __future__ import annotations

import copy

import pytest

from bedrock_guard.iam.compare import PolicySet, Universe, compare_boundaries, prove_no_path

ROUNDS = 5
FULL = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
MODELS = [
    "arn:aws:bedrock:*::foundation-model/anthropic.claude-haiku-4-5*",
    "arn:aws:bedrock:*:*:inference-profile/us.anthropic.claude-haiku-4-5*",
    "arn:aws:bedrock:*::foundation-model/amazon.nova-*",
]


def deny(action, resource="*", **elements):
    return {"Effect": "Deny", "Action": action, **({"Resource": resource} if resource else {}), **elements}


def boundary(models):
    invoke = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
    throughput = ["bedrock:CreateProvisionedModelThroughput", "bedrock:UpdateProvisionedModelThroughput"]
    training = [
        "CreateModelCustomizationJob",
        "CreateCustomModel",
        "CreateModelImportJob",
        "CreateModelCopyJob",
    ]
    key = {"StringEquals": {"iam:ServiceSpecificCredentialServiceName": "bedrock.amazonaws.com"}}
    token = {"StringEquals": {"bedrock:bearerTokenType": ["LONG_TERM", "SHORT_TERM"]}}
    kinds = {"StringNotLike": {"ec2:InstanceType": ["t3.*", "t4g.*", "m7g.large"]}}
    statements = [
        FULL["Statement"],
        deny("iam:CreateServiceSpecificCredential", Condition=key),
        deny("bedrock:CallWithBearerToken", Condition=token),
        deny(invoke, None, NotResource=models),
        deny(throughput),
        deny([f"bedrock:{name}" for name in training]),
        deny("bedrock:CreateModelInvocationJob"),
        deny("ec2:RunInstances", "arn:aws:ec2:*:*:instance/*", Condition=kinds),
        deny("ec2:RunInstances", "arn:aws:ec2:*:*:volume/*", Condition={"Bool": {"ec2:Encrypted": "false"}}),
    ]
    return {"Version": "2012-10-17", "Statement": copy.deepcopy(statements)}


@pytest.fixture(scope="module")
def universe():
    return Universe.of("bedrock:*", "bedrock-mantle:*", "bedrock-agentcore:*")


def show(capsys, benchmark, name, what):
    with capsys.disabled():
        stats = getattr(benchmark.stats, "stats", None)
        print(
            f"\n{name:<42} {'not timed' if stats is None else f'{stats.median * 1e3:.1f} ms (median)'}  {what}"
        )


@pytest.mark.parametrize(
    ("name", "after", "wanted"),
    [
        ("one model removed", boundary(MODELS[:2]), 1),
        ("every Bedrock denial removed", FULL, 5),
        (
            "sixty models by whole name",
            boundary([*MODELS, *(f"{MODELS[0][:-2]}.{n:02}" for n in range(60))]),
            1,
        ),
    ],
)
def test_compare_two_boundaries(benchmark, capsys, universe, name, after, wanted):
    found = benchmark.pedantic(
        compare_boundaries, args=(boundary(MODELS), after, universe), rounds=ROUNDS, warmup_rounds=1
    )
    assert not found.incomplete
    assert len(found.differences) == wanted
    what = f"{found.actions} actions, {found.cells} cells, {len(found.differences)} differences"
    show(capsys, benchmark, f"compare, {name}", what)


def test_prove_that_no_key_can_be_used(benchmark, capsys):
    target = Universe(("bedrock:CallWithBearerToken",), context={"bedrock:bearerTokenType": "LONG_TERM"})
    policies = PolicySet.of(FULL, boundary=boundary(MODELS), scps=[[FULL], [FULL]])
    found = benchmark.pedantic(prove_no_path, args=(policies, target), rounds=ROUNDS, warmup_rounds=1)
    assert found.holds is True
    show(capsys, benchmark, "prove_no_path, long-term keys", f"{found.cells} cells, {len(found.stops)} stops")
