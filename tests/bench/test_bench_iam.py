"""How fast the evaluator decides: 10,000 fresh, varied requests a round, one process.

Printed beside each rate is a hash of the verdicts, so that a fast wrong answer shows. Nothing is asserted about time.
Other evaluators decide beside it where they are installed, each in a process of its own (two are AGPL): set
BEDROCK_GUARD_PEERS_PYTHON to an interpreter that has moto and principalmapper, BEDROCK_GUARD_PEERS_NODE to a
folder whose node_modules has @cloud-copilot/iam-simulate.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from bedrock_guard.iam.evaluator import compile_policies
from bedrock_guard.iam.statements import compiled_parts

REQUESTS = 10_000
ROUNDS = 5
A = "111122223333"
HERE = Path(__file__).parent / "peers"
PEERS = {
    "moto": "moto_decides.py",
    "PMapper": "pmapper_decides.py",
    "iam-simulate": "iam_simulate_decides.mjs",
}
PEER_ROUNDS = 3
PEERS_PYTHON = "BEDROCK_GUARD_PEERS_PYTHON"  # an interpreter that has moto and principalmapper; else this one
NODE_FOLDER = "BEDROCK_GUARD_PEERS_NODE"  # a folder where `npm install @cloud-copilot/iam-simulate` was run


def statement(effect, action, resource="*", **elements):
    found = {"Effect": effect, "Action": action, "Resource": resource, **elements}
    return {name: value for name, value in found.items() if value is not None}


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


FULL = policy(statement("Allow", "*"))
BOUNDARY = policy(
    statement("Allow", "*"),
    statement(
        "Deny",
        "iam:CreateServiceSpecificCredential",
        Condition={"StringEquals": {"iam:ServiceSpecificCredentialServiceName": "bedrock.amazonaws.com"}},
    ),
    statement(
        "Deny",
        "bedrock:CallWithBearerToken",
        Condition={"StringEquals": {"bedrock:bearerTokenType": ["LONG_TERM", "SHORT_TERM"]}},
    ),
    statement(
        "Deny",
        ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
        None,
        NotResource=[
            "arn:aws:bedrock:*::foundation-model/anthropic.claude-haiku-4-5*",
            "arn:aws:bedrock:*:*:inference-profile/us.anthropic.claude-haiku-4-5*",
            "arn:aws:bedrock:*::foundation-model/amazon.nova-*",
        ],
    ),
    statement(
        "Deny", ["bedrock:CreateProvisionedModelThroughput", "bedrock:UpdateProvisionedModelThroughput"]
    ),
    statement(
        "Deny",
        [
            "bedrock:CreateModelCustomizationJob",
            "bedrock:CreateCustomModel",
            "bedrock:CreateModelImportJob",
            "bedrock:CreateModelCopyJob",
        ],
    ),
    statement("Deny", "bedrock:CreateModelInvocationJob"),
    statement(
        "Deny",
        "ec2:RunInstances",
        "arn:aws:ec2:*:*:instance/*",
        Condition={"StringNotLike": {"ec2:InstanceType": ["t3.*", "t4g.*", "m7g.large"]}},
    ),
    statement(
        "Deny", "ec2:RunInstances", "arn:aws:ec2:*:*:volume/*", Condition={"Bool": {"ec2:Encrypted": "false"}}
    ),
)
MODELS = ["anthropic.claude-haiku-4-5", "anthropic.claude-opus-4-8", "amazon.nova-pro", "meta.llama3"]
COSTLY = [
    "CreateProvisionedModelThroughput",
    "CreateModelCustomizationJob",
    "CreateModelInvocationJob",
    "InvokeAgent",
]
OTHERS = [
    "s3:GetObject",
    "s3:PutObject",
    "sqs:SendMessage",
    "logs:PutLogEvents",
    "dynamodb:Query",
    "ecr:BatchGetImage",
]


def one_request(rng, number):
    region = rng.choice(["us-east-1", "us-west-2", "eu-west-1"])
    user = f"arn:aws:iam::{A}:user/u{rng.randrange(500)}"
    context = {
        "aws:RequestedRegion": region,
        "aws:PrincipalArn": user,
        "aws:SourceIp": f"203.0.113.{number % 256}",
    }
    kind = rng.randrange(8)
    if kind < 3:
        model = f"{rng.choice(MODELS)}-{number}"
        action = rng.choice(["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"])
        profile = f"arn:aws:bedrock:{region}:{A}:inference-profile/us.{model}"
        return action, rng.choice([f"arn:aws:bedrock:{region}::foundation-model/{model}", profile]), context
    if kind == 3:
        size = rng.choice(["t3.micro", "m7g.large", "p5.48xlarge", "t4g.small"])
        return (
            "ec2:RunInstances",
            f"arn:aws:ec2:{region}:{A}:instance/i-{number}",
            {**context, "ec2:InstanceType": size},
        )
    if kind == 4:
        sealed = {**context, "ec2:Encrypted": rng.choice(["true", "false"])}
        return "ec2:RunInstances", f"arn:aws:ec2:{region}:{A}:volume/vol-{number}", sealed
    if kind == 5:
        bearer = {**context, "bedrock:BearerTokenType": rng.choice(["LONG_TERM", "SHORT_TERM"])}
        return "bedrock:CallWithBearerToken", "*", bearer
    if kind == 6:
        service = rng.choice(["bedrock.amazonaws.com", "codecommit.amazonaws.com"])
        return (
            "iam:CreateServiceSpecificCredential",
            user,
            {**context, "iam:ServiceSpecificCredentialServiceName": service},
        )
    if rng.random() < 0.3:
        return f"bedrock:{rng.choice(COSTLY)}", f"arn:aws:bedrock:{region}:{A}:job/{number}", context
    return rng.choice(OTHERS), f"arn:aws:s3:::bucket-{number % 97}/key-{number}", context


def fresh_requests(seed):
    rng = random.Random(seed)
    return [one_request(rng, number) for number in range(REQUESTS)]


@pytest.fixture(scope="module")
def evaluator():
    return compile_policies([FULL], BOUNDARY, [[FULL]] * 5)


def timed(benchmark, capsys, name, call):
    """Time `call` over fresh requests each round; print the rate and a hash of the verdicts."""
    rounds = iter(range(1_000))
    digests = []

    def fresh():
        return (fresh_requests(next(rounds)),), {}

    def decide_all(requests):
        return [call(*request) for request in requests]

    def run(requests):
        found = decide_all(requests)
        digests.append(found)
        return found

    benchmark.pedantic(run, setup=fresh, rounds=ROUNDS, warmup_rounds=1)
    verdicts = [getattr(one, "decision", one).verdict for found in digests for one in found]
    digest = hashlib.sha256("".join(verdicts).encode()).hexdigest()[:12]
    counts = {verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts))}
    assert len(counts) > 1
    with capsys.disabled():
        stats = getattr(benchmark.stats, "stats", None)
        rate = "not timed"
        if stats is not None:
            rate = f"{REQUESTS / stats.median:>11,.0f}/s median, {REQUESTS / stats.min:>11,.0f}/s best"
        print(f"\n{name:<28} {rate}  verdicts {digest} {counts}")


def test_decide_compiled(benchmark, capsys, evaluator):
    timed(benchmark, capsys, "decide, compiled", evaluator.decide)


def test_decide_with_a_principal(benchmark, capsys, evaluator):
    def call(action, resource, context):
        return evaluator.decide(action, resource, context, context["aws:PrincipalArn"])

    timed(benchmark, capsys, "decide, with a principal", call)


def test_explain(benchmark, capsys, evaluator):
    timed(benchmark, capsys, "explain", evaluator.explain)


def test_compile(benchmark, capsys):
    """Boundary, identity policy and five levels of service control policies, from parsed JSON; nothing remembered."""

    def forget():
        compiled_parts.cache_clear()
        return ([FULL], BOUNDARY, [[FULL]] * 5), {}

    found = benchmark.pedantic(compile_policies, setup=forget, rounds=20, warmup_rounds=2, iterations=1)
    assert (
        found.decide("bedrock:CallWithBearerToken", "*", {"bedrock:bearerTokenType": "LONG_TERM"}).layer
        == "boundary"
    )
    with capsys.disabled():
        stats = getattr(benchmark.stats, "stats", None)
        print(
            f"\n{'compile':<28} {'not timed' if stats is None else f'{stats.median * 1e3:.2f} ms (median)'}"
        )


@pytest.mark.parametrize("peer", PEERS)
def test_beside_a_peer(peer, benchmark, capsys, evaluator):
    """Both decide the same requests in this run, the peer in a process of its own."""
    rounds = [fresh_requests(1_000 + number) for number in range(PEER_ROUNDS)]
    task = {"identity": [FULL], "boundary": BOUNDARY, "scps": [[FULL]] * 5, "rounds": rounds}
    theirs = answer_of(peer, task, capsys)
    ours = []

    def run(requests):
        found = [evaluator.decide(*request) for request in requests]
        ours.append([one.verdict for one in found])

    each = iter([rounds[0], *rounds])
    benchmark.pedantic(run, setup=lambda: ((next(each),), {}), rounds=PEER_ROUNDS, warmup_rounds=1)
    verdicts = ours[-PEER_ROUNDS:]
    same = sum(
        agree(mine, other) for mine, other in zip(flat(verdicts), flat(theirs["verdicts"]), strict=True)
    )
    rate = REQUESTS / statistics.median(theirs["seconds"])
    stats = getattr(benchmark.stats, "stats", None)
    own = "ours not timed"
    if stats is not None:
        mine = REQUESTS / stats.median
        own = f"ours {mine:>9,.0f}/s = {mine / rate:>5.1f} x"
    with capsys.disabled():
        total = REQUESTS * PEER_ROUNDS
        print(f"\n{theirs['name']:<28} {rate:>11,.0f}/s median  {own}  same verdict {same:,} of {total:,}")


def answer_of(peer, task, capsys):
    """What a peer decided and how long each round took; skips, saying why, where it is not installed."""
    script = HERE / PEERS[peer]
    if script.suffix == ".mjs":
        node, folder = shutil.which("node"), os.environ.get(NODE_FOLDER)
        reason = "" if node else "there is no node here"
        reason = reason or ("" if folder else f"{NODE_FOLDER} names no folder with its node_modules")
        command = [node, script, folder]
    else:
        reason, command = "", [os.environ.get(PEERS_PYTHON) or sys.executable, script]
    if not reason:
        done = subprocess.run(command, input=json.dumps(task), capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return json.loads(done.stdout)
        reason = (done.stderr.strip().splitlines() or ["it failed"])[-1]
    with capsys.disabled():
        print(f"\n{peer:<28} not compared: {reason}")
    return pytest.skip(f"{peer}: {reason}")


def agree(mine, other):
    return mine == other or (other == "denied" and mine != "allowed")


def flat(rounds):
    return [verdict for one in rounds for verdict in one]
