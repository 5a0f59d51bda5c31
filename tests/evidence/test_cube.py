"""The cube against its oracle: every call judged alone by the evaluator, on random calls and policies."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bedrock_guard.account.situation import example_spec
from bedrock_guard.boundary.builder import build
from bedrock_guard.boundary.calls import Authorisation, Call, authorisations
from bedrock_guard.boundary.calls_table import HANDLERS
from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.boundary.spec import BoundarySpec, ModelChoice
from bedrock_guard.boundary.verdict import AuthorisationVerdict, Side
from bedrock_guard.evidence.cube import Cube
from bedrock_guard.evidence.cube_asked import known_address
from bedrock_guard.evidence.cube_cells import AddressColumn, ResourceColumn
from bedrock_guard.evidence.impact import INVOCATIONS, LANE
from bedrock_guard.evidence.invocations import tier_of
from bedrock_guard.evidence.probes import Heard
from bedrock_guard.evidence.recorded_calls import call_of
from bedrock_guard.evidence.replay import Documents, Reach
from bedrock_guard.evidence.tables import CALLS, MissingColumns, Provenance, provenance_of
from bedrock_guard.evidence.tuples import KEY, TUPLES
from bedrock_guard.iam.document import ALLOW_ALL, PolicyError
from bedrock_guard.iam.evaluator import Evaluator, compile_policies
from bedrock_guard.iam.operators import OPERATORS
from bedrock_guard.iam.program import UNKNOWN

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ACCOUNTS = ("111122223333", "000000000011", "000000000012", "123456789012")
REGIONS = ("us-east-1", "us-west-2", "eu-central-1", "us-gov-west-1", None)
CATALOGUE = shipped()
MODELS = [
    *[m.model_id for m in CATALOGUE.models[:8]],
    *[p.profile_id for m in CATALOGUE.models[:12] for p in m.profiles][:14],
    "us.nobody.knows-this-v1:0",
    "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdefghijkl",
    "arn:aws:bedrock:us-east-1:111122223333:prompt-router/abc",
    "arn:aws:bedrock:us-east-1:111122223333:prompt/abc",
    "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abc",
]
ADDRESSES = ("8.8.8.8", "8.8.4.4", "9.9.9.9", "10.0.0.7", "2001:4860:4860::8888", "ec2.amazonaws.com", None)
PARAMETERS: Mapping[str, Sequence[Any]] = {
    "userName": ["ada", "grace", "BedrockAPIKey-ab12"],
    "roleName": ["developer"],
    "policyArn": ["arn:aws:iam::aws:policy/AdministratorAccess"],
    "permissionsBoundary": ["arn:aws:iam::111122223333:policy/guard-boundary"],
    "serviceName": ["bedrock.amazonaws.com", "codecommit.amazonaws.com"],
    "credentialAgeDays": [30, 36600],
    "instanceType": ["t3.micro", "p5.48xlarge", "m7g.large"],
    "encrypted": [True, False],
    "roleArn": ["arn:aws:iam::111122223333:role/agent"],
    "service_tier": ["priority", "default"],
    "guardrailIdentifier": ["gr1", "arn:aws:bedrock:us-east-1:111122223333:guardrail/gr2"],
    "stream": [True, False],
}
BEDROCK = [name for client, name in HANDLERS if client in ("bedrock-runtime", "bedrock")]
OTHERS = sorted(HANDLERS)


def principal(dice: random.Random, account: str) -> str | None:
    kind = dice.choice(
        ("role/app", "role/admin", "role/path/deep", "user/ada", "user/team/grace", "user/BedrockAPIKey-ab12")
    )
    made = f"arn:aws:iam::{account}:{kind}"
    return dice.choice([made] * 8 + [f"arn:aws:sts::{account}:assumed-role/app/session", None])


def one_call(dice: random.Random, number: int) -> dict[str, Any]:
    account = dice.choice(ACCOUNTS)
    if dice.random() < 0.6:
        client, operation = "bedrock", dice.choice(BEDROCK)
    else:
        client, operation = dice.choice(OTHERS)
    parameters = {name: dice.choice(values) for name, values in PARAMETERS.items() if dice.random() < 0.3}
    if dice.random() < 0.8:
        parameters["model" if client == "bedrock-mantle" else "modelId"] = dice.choice(MODELS)
    told = dice.random() < 0.7
    denied = dice.choice([None] * 9 + ["scp"])
    return {
        "event_id": str(number),
        "event_time": NOON - timedelta(hours=dice.randrange(24 * 30)),
        "account_id": dice.choice([account] * 9 + [None]),
        "region": dice.choice(REGIONS),
        "principal": principal(dice, account),
        "client": dice.choice(("boto3", "aws-cli", None)),
        "key_kind": dice.choice(("none", "none", "long_term", "short_term", "unknown", None)),
        "service": f"{client}.amazonaws.com",
        "operation": operation,
        "model_raw": parameters.get("modelId"),
        "model": dice.choice(("m1", "m2", None)),
        "route": dice.choice(("geo", "in_region", "global", None)),
        "parameters": json.dumps(parameters, sort_keys=True) if parameters else None,
        "source_ip": dice.choice(ADDRESSES),
        "input_tokens": dice.randrange(1000) if told else None,
        "output_tokens": dice.randrange(1000) if dice.random() < 0.9 else None,
        "denied_by": denied,
        "error_code": "AccessDenied" if denied else dice.choice([None] * 9 + ["ThrottlingException"]),
    }


def history(seed: int, calls: int) -> pd.DataFrame:
    dice = random.Random(seed)
    rows = [one_call(dice, number) for number in range(calls * 2 // 3)]
    rows += [{**dice.choice(rows), "event_id": f"again-{n}"} for n in range(calls - len(rows))]
    return CALLS.frame(rows, Provenance("random"))


def asked(row: Mapping[str, Any], at: datetime | None, *, addressed: bool) -> Call:
    call = call_of({name: None if pd.isna(row[name]) else str(row[name]) for name in KEY})
    address = known_address(None if pd.isna(row["source_ip"]) else row["source_ip"]) if addressed else UNKNOWN
    return replace(call, time=at, facts={} if address is UNKNOWN else {"aws:SourceIp": address})


# --- a build: what Reach judges call by call


def specs(dice: random.Random, count: int) -> list[BoundarySpec]:
    """Specs as an analyst changes them: other models, accounts, targets, kinds of document, controls off."""
    start = example_spec()
    name, profile = start.only(None)
    found = []
    for _ in range(count):
        models = dice.sample([m for m in CATALOGUE.models if m.in_region or m.profiles], dice.randrange(1, 5))
        routes = ("in-region", "geo", "global")
        choices = tuple(
            ModelChoice(id=m.model_id, routes=tuple(dice.sample(routes, dice.randrange(1, 3))))
            for m in models
        )
        off = dice.sample(
            ["batch_inference", "prompt_routers", "mantle", "long_term_key_use"], dice.randrange(3)
        )
        update = {
            "models": choices,
            "accounts": tuple(sorted(dice.sample(ACCOUNTS, dice.randrange(1, 4)))),
            "targets": tuple(f"arn:aws:iam::{a}:role/app" for a in ACCOUNTS[: dice.randrange(3)]),
            "documents": dice.choice((("boundary", "deny", "scp"), ("scp",), ("boundary", "deny", "scp"))),
            "break_glass": tuple(f"arn:aws:iam::{a}:role/admin" for a in ACCOUNTS[: dice.randrange(2)]),
            "controls": profile.controls.model_copy(update=dict.fromkeys(off, False)),
        }
        changed = profile.model_copy(update=update)
        found.append(start.model_copy(update={"profile": {name: changed}}))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_a_build_judges_the_cube_as_one_call_after_another(seed: int) -> None:
    frame = history(seed, 350)
    made = Cube.of(frame, CATALOGUE)
    met = set()
    for number, spec in enumerate(specs(random.Random(seed), 4)):
        at = NOON if number % 2 else None
        reach = Reach(build(spec, CATALOGUE, on=NOON.date()), ACCOUNTS[0] if number > 1 else None, at)
        judged = made.judge(reach).frame
        for row in judged.to_dict("records"):
            alone = reach.judge(asked({**row, "source_ip": None}, at, addressed=False), CATALOGUE)
            expected = ("allowed", None, None, None)
            if alone is not None:
                hangs = ", ".join(sorted(alone.keys)) or None
                expected = (alone.outcome, alone.control, alone.sid, hangs)
            got = tuple(
                None if pd.isna(row[n]) else row[n] for n in ("verdict", "control", "sid", "hangs_on")
            )
            assert got == expected, row
            met.add(expected[0])
    assert met == {"allowed", "refused", "depends"}


@pytest.mark.parametrize("seed", range(3))
def test_typical_calls_are_answered_as_the_judge_answers_them_whatever_was_heard_before(seed: int) -> None:
    dice, heard, met = random.Random(seed), Heard(), set()
    launch = {"InstanceType": "p5.48xlarge", "BlockDeviceMappings": [{"Ebs": {"Encrypted": False}}]}
    calls = [
        Call(*what, region, account, f"arn:aws:iam::{account}:role/probe")
        for account, region in product(ACCOUNTS, ("us-east-1", "eu-central-1"))
        for what in (
            *(("bedrock-runtime", "Converse", {"modelId": model}) for model in MODELS[::4]),
            ("bedrock", "CreateModelInvocationJob", {"modelId": MODELS[0]}),
            ("ec2", "RunInstances", launch),
            ("ec2", "DescribeInstances", {}),
        )
    ]
    for number, spec in enumerate(specs(dice, 6)):
        managing = dice.choice((None, ACCOUNTS[0]))
        reach = Reach(build(spec, CATALOGUE, on=NOON.date()), managing, NOON if number % 2 else None)
        for call in calls:
            alone = reach.judge(call, CATALOGUE, bounded=True)
            assert heard.ask(reach, CATALOGUE, call) == (alone.outcome if alone else "allowed")
            met.add(alone.outcome if alone else None)
    assert {"allowed", "refused", None} <= met


def test_patterns_that_no_rule_tells_apart_are_asked_once_until_an_edit_tells_them_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Profiles called from where they are not offered: the model behind may be in any Region."""
    spec = example_spec()
    name, profile = spec.only(None)
    profile = profile.model_copy(update={"accounts": ACCOUNTS})
    offered = [
        m.model_id for m in CATALOGUE.models if any(p.profile_id.startswith("us.") for p in m.profiles)
    ]
    ids = offered[:8]
    template = history(0, 20).iloc[0].to_dict()
    profiles = [f"us.{one}" for one in ids]
    rows = [
        {
            **template,
            "event_id": str(n),
            "account_id": ACCOUNTS[0],
            "region": "eu-west-1",
            "principal": f"arn:aws:iam::{ACCOUNTS[0]}:role/app",
            "service": "bedrock.amazonaws.com",
            "operation": "InvokeModel",
            "key_kind": "none",
            "parameters": json.dumps({"modelId": one}),
        }
        for n, one in enumerate(profiles)
    ]
    made = Cube.of(CALLS.frame(rows, Provenance("open")), CATALOGUE)
    opened: list[str] = []
    whole = Side.judge

    def counted(side: Side, entry: Authorisation) -> AuthorisationVerdict:
        if not entry.resource_known:
            opened.append(entry.resource)
        return whole(side, entry)

    def asks(models: Sequence[str]) -> list[str]:
        choices = tuple(ModelChoice(id=one, routes=("in-region", "geo")) for one in models)
        changed = profile.model_copy(update={"models": choices})
        reach = Reach(build(spec.model_copy(update={"profile": {name: changed}}), CATALOGUE), at=NOON)
        with monkeypatch.context() as patch:
            patch.setattr(Side, "judge", counted)
            opened.clear()
            judged = made.judge(reach).frame
        for row in judged.to_dict("records"):
            alone = reach.judge(asked({**row, "source_ip": None}, NOON, addressed=False), CATALOGUE)
            assert alone is not None
            assert (row["verdict"], row["control"]) == (alone.outcome, alone.control)
        return [pattern.partition("foundation-model/")[2] for pattern in opened]

    assert asks(ids[:1]) == [ids[0], ids[1]]  # the approved one, and one for the seven others
    assert asks(ids[:4]) == [ids[0], ids[4]]  # three of these have gone over
    assert asks(ids[:1]) == []  # as before


# --- any policies: what Evaluator.decide and depends_on say, call by call


VALUES: Mapping[str, Sequence[str]] = {
    "string": ["us-east-1", "LONG_TERM", "ada", "${aws:username}", "*east*", "priority", "t3.micro"],
    "numeric": ["30", "36600", "31.5"],
    "date": ["2026-11-20T12:00:00Z", "2026-11-19", "1830297600"],
    "boolean": ["true", "false"],
    "binary": ["YWRh"],
    "ip": ["8.8.0.0/16", "8.8.4.4", "2001:4860::/32", "0.0.0.0/0", "10.0.0.0/8"],
    "arn": [
        "arn:aws:iam::*:role/admin", "arn:aws:iam::111122223333:*", "arn:aws:bedrock:*:*:inference-profile/us.*",
        "arn:aws:iam::*:user/${aws:username}",
    ],
    "null": ["true", "false"],
}  # fmt: skip
KEYS_OF: Mapping[str, Sequence[str]] = {
    "numeric": ["iam:ServiceSpecificCredentialAgeDays", "aws:SourceIp"],
    "date": ["aws:CurrentTime", "aws:username"],
    "boolean": ["ec2:Encrypted", "aws:MultiFactorAuthPresent", "aws:PrincipalIsAWSService"],
    "ip": ["aws:SourceIp", "aws:username"],
    "arn": ["aws:PrincipalArn", "bedrock:InferenceProfileArn", "AWS:principalarn"],
}
ANY_KEY = [
    "aws:RequestedRegion", "bedrock:BearerTokenType", "bedrock:ServiceTier", "aws:username", "aws:PrincipalArn",
    "aws:SourceIp", "aws:PrincipalAccount", "bedrock:InferenceProfileArn", "ec2:InstanceType", "aws:UserAgent",
    "iam:ServiceSpecificCredentialServiceName", "aws:CurrentTime", "ec2:Encrypted", "nobody:knows",
]  # fmt: skip
ACTIONS = [
    "bedrock:*",
    "bedrock:Invoke*",
    "bedrock:InvokeModel",
    "iam:*",
    "ec2:*",
    "*",
    "bedrock-mantle:*",
    "sts:*",
]
RESOURCES = [
    "*", "arn:aws:bedrock:*::foundation-model/*", "arn:aws:bedrock:*::foundation-model/anthropic.*",
    "arn:aws:bedrock:us-east-1:*",
    "arn:aws:bedrock:*:*:inference-profile/us.*", "arn:aws:iam::*:user/${aws:username}", "arn:aws:ec2:*:*:instance/*",
    "arn:aws:bedrock:*:${aws:PrincipalAccount}:application-inference-profile/*",
]  # fmt: skip


def condition(dice: random.Random) -> dict[str, Any]:
    operator = dice.choice(sorted(OPERATORS))
    family = OPERATORS[operator][0]
    keys = [*KEYS_OF.get(family, ()), *dice.sample(ANY_KEY, 2)]
    values = dice.sample(VALUES[family], min(len(VALUES[family]), dice.randrange(1, 3)))
    if operator != "Null":
        operator = (
            dice.choice(("", "", "", "ForAllValues:", "ForAnyValue:"))
            + operator
            + dice.choice(("", "", "IfExists"))
        )
    else:
        values = values[:1]
    return {operator: {dice.choice(keys): values}}


def statement(dice: random.Random, effect: str) -> dict[str, Any]:
    made: dict[str, Any] = {"Effect": effect}
    made[dice.choice(("Action", "Action", "NotAction"))] = dice.sample(ACTIONS, dice.randrange(1, 3))
    made[dice.choice(("Resource", "Resource", "NotResource"))] = dice.sample(RESOURCES, dice.randrange(1, 3))
    for _ in range(dice.randrange(3)):
        made.setdefault("Condition", {}).update(condition(dice))
    return made


def policy(dice: random.Random, *, wide: bool) -> dict[str, Any]:
    first = {"Effect": "Allow", "Action": "*", "Resource": "*"} if wide else statement(dice, "Allow")
    others = [statement(dice, dice.choice(("Deny", "Deny", "Allow"))) for _ in range(dice.randrange(1, 4))]
    return {"Version": "2012-10-17", "Statement": [first, *others]}


def documents(dice: random.Random, before: Documents | None) -> Documents:
    """New policies, or the last ones with one document changed, as an edit does."""
    if before is not None and dice.random() < 0.5:
        return replace(before, boundary=policy(dice, wide=dice.random() < 0.7))
    return Documents(
        boundary=policy(dice, wide=dice.random() < 0.7) if dice.random() < 0.8 else None,
        identity=(policy(dice, wide=True), policy(dice, wide=dice.random() < 0.5)),
        scps=[[policy(dice, wide=True)] for _ in range(dice.randrange(3))],
        management=dice.choice((None, ACCOUNTS[0])),
        at=dice.choice((None, NOON)),
    )


def oracle(evaluator: Evaluator, call: Call) -> str:
    """The outcome of one call from `depends_on` and `decide` alone, trying every value that an open key may have."""
    outcomes = []
    for entry in authorisations(call, CATALOGUE):
        passes = set()
        for values in product(*entry.either.values()):
            chosen = {k: v for k, v in zip(entry.either, values, strict=True) if v is not None}
            passes.add(passes_one(evaluator, entry, {**entry.context, **chosen}))
        sole = passes.pop() if len(passes) == 1 else None
        outcomes.append("depends" if sole is None else "allowed" if sole else "refused")
        if outcomes[-1] == "refused" and not entry.certain:
            outcomes[-1] = "depends"
    return next((o for o in ("refused", "depends") if o in outcomes), "allowed")


def passes_one(evaluator: Evaluator, entry: Authorisation, context: Mapping[str, Any]) -> bool | None:
    """Whether one authorisation passes; None where that hangs on a key or on a resource that is not known."""
    found = evaluator.depends_on(entry.action, entry.resource, context, unknown=entry.unknown).verdict
    about = evaluator.about(entry.action)
    if found is None or entry.resource_known or all(one.resource.always for one in about):
        return None if found is None else found == "allowed"
    by = evaluator.decide(entry.action, entry.resource, context)
    blunt = [one for one in about if one.resource.always and one.statement.effect == "Deny"]
    places = {(one.layer, one.document, one.index) for one in blunt}
    return False if found == "explicitDeny" and (by.layer, by.document, by.statement) in places else None


@pytest.mark.parametrize("seed", range(6))
def test_any_policies_judge_the_cube_as_the_evaluator_does_call_by_call(seed: int) -> None:
    dice = random.Random(f"policies {seed}")
    frame = history(seed + 100, 220)
    made = Cube.of(frame, CATALOGUE)
    held = None
    for _ in range(8):
        held = documents(dice, held)
        member = compile_policies(list(held.identity), held.boundary, list(held.scps) or None)
        managing = compile_policies(list(held.identity), held.boundary)
        judged = made.judge(held)
        addressed = "source_ip" in judged.cube.rows.columns
        tested = "aws:sourceip" in member.program.columns | managing.program.columns
        assert addressed == tested, "the address is in the key only where a policy tests it"
        for row in judged.frame.to_dict("records"):
            call = asked({"source_ip": None, **row}, held.at, addressed=addressed)
            evaluator = managing if call.account == held.management else member
            assert row["verdict"] == oracle(evaluator, call), row
        assert judged.totals["calls"] == len(frame)


def test_every_class_is_met_and_counts_are_those_of_the_frame() -> None:
    frame = history(7, 600)
    reach = Reach(build(example_spec(), CATALOGUE, on=NOON.date()), at=NOON)
    judged = Cube.of(frame, CATALOGUE).judge(reach)
    rows = judged.frame
    denied = rows["already_denied"]
    classes = rows["verdict"].where(~denied, "already_denied")
    expected = rows["calls"].groupby(classes).sum().to_dict()
    assert dict(judged.totals) == {"calls": len(frame), **expected}
    assert min(expected.values()) > 0
    assert len(expected) == 4
    assert provenance_of(frame).source == judged.cube.provenance.source


def test_the_daily_series_is_that_of_calls_judged_one_by_one() -> None:
    frame = history(8, 500)
    made = Cube.of(frame, CATALOGUE)
    judged = made.judge(Reach(build(example_spec(), CATALOGUE, on=NOON.date()), at=NOON))
    keys = [*KEY, "already_denied"]
    told = judged.frame.set_index(
        [judged.frame[k].astype("object").where(judged.frame[k].notna(), None) for k in keys]
    )
    expected: dict[Any, dict[str, int]] = {}
    for row in frame.assign(already_denied=frame["denied_by"].notna()).to_dict("records"):
        place = tuple(None if pd.isna(row[k]) else row[k] for k in keys)
        verdict = "already_denied" if row["already_denied"] else told.at[place, "verdict"]
        day = expected.setdefault(row["event_time"].floor("D"), {})
        day[verdict] = day.get(verdict, 0) + 1
    got = {
        row.pop("day"): {name: n for name, n in row.items() if n} for row in judged.by_day.to_dict("records")
    }
    assert got == expected
    assert judged.by_day["day"].is_monotonic_increasing


def test_tables_by_model_and_caller_add_up_to_the_totals() -> None:
    frame = history(9, 500)
    judged = Cube.of(frame, CATALOGUE).judge(Reach(build(example_spec(), CATALOGUE, on=NOON.date()), at=NOON))
    names = ["allowed", "refused", "depends", "already_denied"]
    for table in (judged.by_model, judged.by_caller, judged.by_day):
        assert table[names].sum().to_dict() == {name: judged.totals[name] for name in names}
    rows = judged.frame
    for model, told, untold in zip(
        *(judged.by_model[n] for n in ("model", "tokens_refused", "untold_refused")), strict=True
    ):
        own = rows[(rows["verdict"] == "refused") & ~rows["already_denied"]]
        own = own[own["model"].isna() if pd.isna(model) else (own["model"] == model).fillna(False)]
        assert (told, untold) == (own["told_tokens"].sum(), own["untold"].sum())


def test_hits_are_those_of_the_frame_grouped_by_hand() -> None:
    frame = history(10, 500)
    judged = Cube.of(frame, CATALOGUE).judge(Reach(build(example_spec(), CATALOGUE, on=NOON.date()), at=NOON))
    rows = judged.frame
    rows = rows[~rows["already_denied"] & (rows["verdict"] != "allowed")]
    hits = judged.hits("account_id", "client")
    assert len(hits) == rows.groupby(["verdict", "account_id", "client"], dropna=False).ngroups > 4
    for hit in hits.to_dict("records"):
        part = rows[rows["verdict"] == hit["verdict"]]
        for name in ("account_id", "client"):
            part = part[part[name].isna() if pd.isna(hit[name]) else (part[name] == hit[name]).fillna(False)]
        words = {n: tuple(sorted(part[n].dropna().unique())) for n in ("model", "control", "hangs_on")}
        assert hit["calls"] == part["calls"].sum()
        assert hit["callers"] == part["principal"].nunique()
        assert (hit["models"], hit["controls"], hit["hangs_on"]) == (
            words["model"],
            words["control"],
            words["hangs_on"],
        )
        assert hit["last_call"] == part["last_seen"].max()
    assert hits["calls"].sum() == judged.totals["refused"] + judged.totals["depends"]


def text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def test_weights_are_tokens_where_every_call_tells_them_else_calls() -> None:
    frame = history(13, 900).assign(region=lambda each: each["region"].fillna("us-east-1"))
    judged = Cube.of(frame, CATALOGUE).judge(Reach(build(example_spec(), CATALOGUE, on=NOON.date()), at=NOON))
    rows = judged.frame
    rows = rows[rows["operation"].isin(INVOCATIONS) & ~rows["already_denied"] & rows["model"].notna()]
    rows = rows.assign(worked=rows["calls"] - rows["failed"])
    tier = [tier_of(*map(text, pair)) for pair in zip(rows["parameters"], rows["model_raw"], strict=True)]
    keys = [
        rows["account_id"],
        rows["region"],
        rows["model"],
        rows["route"].map(LANE).fillna("unknown"),
        tier,
    ]
    expected = {}
    by_tokens = 0
    for key, part in rows.groupby(keys):
        whole = part["untold"].sum() == 0 and part["told_tokens"].sum() > 0
        by_tokens += whole
        sums = part.groupby("verdict")["told_tokens" if whole else "worked"].sum()
        expected[key] = {verdict: int(n) for verdict, n in sums.items() if n}
    assert {key: {v: int(n) for v, n in each.items()} for key, each in judged.weights.items()} == expected
    assert 0 < by_tokens < len(expected)


def test_counted_tuples_give_the_cube_that_their_calls_give() -> None:
    frame = history(11, 400)
    direct = Cube.of(frame, CATALOGUE)
    worked = frame["error_code"].isna()
    work = frame.assign(
        already_denied=frame["denied_by"].notna(),
        day=frame["event_time"].dt.floor("D"),
        untold=(worked & (frame["input_tokens"].isna() | frame["output_tokens"].isna())).astype("int64"),
        failed=(~worked & frame["denied_by"].isna()).astype("int64"),
    )
    keys = [*KEY, "already_denied", "day"]
    counted = (
        work.groupby(keys, dropna=False)
        .agg(
            calls=("event_id", "size"),
            input_tokens=("input_tokens", lambda each: each.sum(min_count=1)),
            output_tokens=("output_tokens", lambda each: each.sum(min_count=1)),
            untold=("untold", "sum"),
            failed=("failed", "sum"),
            first_seen=("event_time", "min"),
            last_seen=("event_time", "max"),
        )
        .reset_index()
    )
    told = Cube.of(counted, CATALOGUE)
    order = [*KEY, "already_denied"]
    columns = [*order, "calls", "tokens", "untold", "failed", "first_seen", "last_seen"]
    one, other = (made.rows[columns].sort_values(order, ignore_index=True) for made in (direct, told))
    pd.testing.assert_frame_equal(one, other, check_dtype=False)
    reach = Reach(build(example_spec(), CATALOGUE, on=NOON.date()), at=NOON)
    pd.testing.assert_frame_equal(direct.judge(reach).by_day, told.judge(reach).by_day)


def test_tuples_that_lack_a_column_are_refused() -> None:
    with pytest.raises(MissingColumns, match="untold"):
        Cube.of(TUPLES.empty().drop(columns="untold"), CATALOGUE)


def test_a_key_that_lacks_a_layer_is_not_taken_for_one_that_has_it() -> None:
    """A boundary that says nothing of an action refuses it: what was remembered without one does not hold."""
    made = Cube.of(history(12, 60), CATALOGUE)
    wide = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    narrow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    assert made.judge(Documents(identity=(wide,))).totals["allowed"] > 0
    judged = made.judge(Documents(boundary=narrow, identity=(wide,)))
    assert judged.totals["refused"] == judged.totals["calls"] - judged.totals["already_denied"]


def test_a_cube_of_nothing_is_judged() -> None:
    judged = Cube.of(CALLS.empty(), CATALOGUE).judge(Reach(build(example_spec(), CATALOGUE), at=NOON))
    assert set(judged.totals.values()) == {0}
    assert judged.by_day.empty
    assert judged.by_caller.empty
    assert judged.by_control.empty
    assert judged.frame.empty
    assert dict(judged.weights) == {}


@pytest.mark.parametrize(
    "network", ["8.8.0.0/16", "2001:4860::/32", "::ffff:8.8.8.8/128", "nonsense", "0.0.0.0/0"]
)
@pytest.mark.parametrize(
    "operator", ["IpAddress", "NotIpAddress", "IpAddressIfExists", "ForAnyValue:IpAddress"]
)
def test_addresses_compared_as_numbers_answer_as_the_evaluator(network: str, operator: str) -> None:
    texts = [
        "8.8.8.8",
        "8.9.0.0",
        "2001:4860:4860::8888",
        "::ffff:8.8.8.8",
        "8.8.8.8%eth0",
        "08.8.8.8",
        "x",
        "",
        None,
    ]
    deny = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {operator: {"aws:SourceIp": network}},
        },
    }
    try:
        evaluator = compile_policies([ALLOW_ALL, deny])
    except PolicyError:
        return
    column = AddressColumn(np.arange(len(texts)), [(text,) for text in texts])
    tests = [test for test in evaluator.program.tests if test.columns == ("aws:sourceip",)]
    classes = column.classes(tests)
    alone = [
        evaluator.decide("bedrock:InvokeModel", "*", {} if t is None else {"aws:SourceIp": t}).verdict
        for t in texts
    ]
    for one, other in product(range(len(texts)), repeat=2):
        assert (classes[one] == classes[other]) == (alone[one] == alone[other])


NAMED = (
    *(
        "*",
        "",
        "arn",
        "arn:aws:s3",
        "arn:aws:s3:::bucket",
        "arn:aws:s3:::bucket/a:b:c",
        "arn:aws:s3:::buck*t",
    ),
    *(
        "arn:aws:bedrock:us-east-1::foundation-model/x.y-v1:0",
        "arn:aws:bedrock:us-east-2::foundation-model/x.y-v1:0",
    ),
    *("arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.x.y-v1:0", "arn:aws:bedrock::::::"),
    *(
        "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/x",
        "ARN:aws:s3:::bucket",
        "arn:aws:s3:::bucket\n",
    ),
)


def a_pattern(dice: random.Random) -> str:
    """A pattern near one of `NAMED`: parts of it replaced, cut short, with wildcards meant and not."""

    def part(text: str) -> str:
        cut = dice.randrange(len(text) + 1)
        made = (
            text,
            text,
            "*",
            f"{text[:cut]}*",
            f"*{text[cut:]}",
            f"{text[:cut]}?{text[cut + 1 :]}",
            "us-*",
        )
        return dice.choice((*made, text.replace("*", "${*}"), text.replace("*", "?")))

    parts = dice.choice([one for one in NAMED if one.startswith("arn") and one.count(":") > 4]).split(":", 5)
    made = [parts[0], *map(part, parts[1:])]
    if dice.random() < 0.1:
        return "*"
    return ":".join(made[: dice.choice((6, 6, 6, 6, 4))])


@pytest.mark.parametrize("seed", range(8))
def test_resources_taken_apart_answer_as_the_evaluator(seed: int) -> None:
    dice, told_apart = random.Random(seed), 0
    column = ResourceColumn(np.arange(len(NAMED)), [(text,) for text in NAMED])
    for element, version in product(("Resource", "NotResource"), ("2012-10-17", "2008-10-17")):
        for _ in range(40):
            patterns = [a_pattern(dice) for _ in range(dice.randrange(1, 4))]
            statement = {"Effect": "Deny", "Action": "*", element: patterns}
            evaluator = compile_policies([ALLOW_ALL, {"Version": version, "Statement": statement}])
            tests = [test for test in evaluator.program.tests if test.columns == ("resource",)]
            classes = column.classes(tests)
            alone = [evaluator.decide("bedrock:InvokeModel", text, {}).verdict for text in NAMED]
            told_apart += len(set(alone)) > 1
            for one, other in product(range(len(NAMED)), repeat=2):
                assert (classes[one] == classes[other]) == (alone[one] == alone[other]), patterns
    assert told_apart > 60


def test_only_addresses_of_the_open_internet_are_known() -> None:
    known = [
        known_address(text) is not UNKNOWN for text in (*ADDRESSES, "100.64.0.1", "AWS Internal", "fd00::1")
    ]
    assert known == [True, True, True, False, True, False, False, False, False, False]
