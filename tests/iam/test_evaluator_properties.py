"""Laws that hold for any policies and requests, and agreement with a plain, slow reading of the documentation."""

from __future__ import annotations

import random
import re
from itertools import product

from decide_table import decide_table
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

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
        found[draw(st.sampled_from(["Principal", "Principal", "NotPrincipal"]))] = {"AWS": draw(who)}
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


# --- a plain reading: no index, no compilation, regular expressions part by part -----------------------------


def glob(pattern, value, any_one="."):
    translated = "".join(
        {"*": f"{any_one}*", "?": any_one}.get(letter, re.escape(letter)) for letter in pattern
    )
    return re.fullmatch(translated, value, re.DOTALL) is not None


def arn_glob(pattern, value):
    if pattern == "*":
        return True
    patterns, parts = pattern.split(":", 5), value.split(":", 5)
    if len(parts) < 6:
        return False
    return all(glob(one, part) for one, part in zip(patterns, parts, strict=True))


def expanded(pattern, context, version):
    if version != "2012-10-17" or "${" not in pattern:
        return pattern
    value = next((value for key, value in context.items() if key.lower() == "aws:username"), None)
    default = re.search(r", '(.*?)'}", pattern)
    if value is None and default is None:
        return None
    literal = (value if value is not None else default.group(1)).replace("*", "\x01")
    return re.sub(r"\$\{.*?\}", lambda _: literal, pattern)


def plain(text):
    return text.replace("\x01", "*")


def holds(operator, key, wanted, context, version):
    name = operator.removesuffix("IfExists")
    qualifier, _, base = name.rpartition(":")
    raw = next((value for spelled, value in context.items() if spelled.lower() == key.lower()), None)
    values = [] if raw is None else raw if isinstance(raw, list) else [raw]
    values = [str(one).lower() if isinstance(one, bool) else str(one) for one in values]
    wanted = [
        str(one).lower() if isinstance(one, bool) else str(one)
        for one in (wanted if isinstance(wanted, list) else [wanted])
    ]
    if base == "Null":
        return ("true" if not values else "false") in wanted
    positive = base.replace("Not", "")

    def meets(value):
        for one in wanted:
            pattern = expanded(one, context, version) if positive.startswith("String") else one
            if pattern is not None and compares(positive, pattern, value):
                return True
        return False

    outcomes = [meets(value) != ("Not" in base) for value in values]
    if not values and (operator.endswith("IfExists")):
        return True
    if qualifier:
        return all(outcomes) if qualifier == "ForAllValues" else any(outcomes)
    if not values:
        return "Not" in base
    return outcomes[0] if len(values) == 1 else "Not" in base


def compares(operator, pattern, value):
    if operator == "StringEquals":
        return plain(pattern) == value
    if operator == "StringEqualsIgnoreCase":
        return plain(pattern).lower() == value.lower()
    if operator == "StringLike":
        return glob(
            pattern.replace("\x01", "\x02"), value.replace("*", "\x02") if "\x01" in pattern else value
        )
    if operator == "NumericLessThan":
        return value.isdigit() and int(value) < int(pattern)
    if operator == "NumericEquals":
        return value.isdigit() and int(value) == int(pattern)
    if operator == "Bool":
        return pattern == value
    first = {"10.0.0.0/8": "10.", "2001:db8::/32": "2001:db8:"}[pattern]
    return value.startswith(first)


def applies(statement, version, request):
    action, resource, context = request[:3]
    patterns = statement.get("Action") or statement["NotAction"]
    if any(glob(one.lower(), action.lower()) for one in patterns) != ("Action" in statement):
        return False
    found = [expanded(one, context, version) for one in statement.get("Resource") or statement["NotResource"]]
    if any(
        arn_glob(one.replace("\x01", "[*]") if "\x01" in one else one, resource) for one in found if one
    ) != ("Resource" in statement):
        return False
    return all(
        holds(operator, key, wanted, context, version)
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def naming(statement, caller, bounded):
    listed = statement.get("Principal", statement.get("NotPrincipal"))["AWS"]
    kinds = {how for one in listed for how in how_named(one, caller)}
    if "Principal" in statement:
        return kinds
    return {"direct"} if not kinds or (bounded and statement["Effect"] == "Deny") else set()


def how_named(one, caller):
    if one == "*":
        return {"direct"}
    if caller is None or "amazonaws" in caller:
        return set()
    account = caller.split(":")[4]
    if one in (account, f"arn:aws:iam::{account}:root"):
        return {"direct"} if caller.endswith(":root") else {"account"}
    if ":role/" in one and one == caller:
        return {"role"}
    if one == f"arn:aws:iam::{A}:role/R" and caller == f"arn:aws:sts::{A}:assumed-role/R/s":
        return {"role"}
    if one == caller:
        return {"user"} if ":user/" in caller else {"direct"}
    return set()


def plain_verdict(layers, request):
    action, resource, _, principal, owner = request
    management = isinstance(principal, Principal)
    caller = principal.arn if management else principal
    outsider = caller is not None and "amazonaws" in caller
    root = caller is not None and caller.endswith(":root")
    linked = caller is not None and "AWSServiceRole" in caller
    account = None if caller is None or outsider else caller.split(":")[4]
    in_arn = resource.split(":")[4] if resource.count(":") >= 5 else ""
    crossing = account is not None and (owner or in_arn or account) != account

    def of(documents, effect):
        return [
            one
            for document in documents
            for one in document["Statement"]
            if one["Effect"] == effect and applies(one, document["Version"], request)
        ]

    member = not (outsider or root)
    boundary = [layers["boundary"]] if layers["boundary"] and member else []
    session = [layers["session"]] if layers["session"] and member else []
    identity = layers["identity"] if member else []
    levels = layers["scps"] if layers["scps"] and not (outsider or management or linked) else []
    bucket = [layers["resource_policy"]] if layers["resource_policy"] else []
    denies = of([*boundary, *session, *identity, *(one for level in levels for one in level)], "Deny")
    if denies or any(naming(one, caller, bool(boundary)) for one in of(bucket, "Deny")):
        return "explicitDeny"
    if not all(of(level, "Allow") for level in levels):
        return "implicitDeny"
    named = {how for one in of(bucket, "Allow") for how in naming(one, caller, bool(boundary))}
    ceilings = all(of(one, "Allow") for one in (boundary, session) if one)
    own = ceilings and (root or bool(of(identity, "Allow")))
    federated = all(of(one, "Allow") for one in (session,) if one)
    by_name = "direct" in named or ("user" in named and federated) or ("role" in named and ceilings)
    if outsider:
        allowed = bool(named)
    elif crossing:
        allowed = own and bool(named)
    elif bucket and action.startswith("kms:"):
        allowed = by_name or ("account" in named and own)
    else:
        allowed = by_name or own
    return "allowed" if allowed else "implicitDeny"


NAMED = f"arn:aws:iam::{A}:user/ada"
FEDERATED = {
    "identity": [], "boundary": None, "scps": None,
    "session": {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::a/x"],
    }]},
    "resource_policy": {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::b/y"], "Principal": {"AWS": [NAMED]},
    }]},
}  # fmt: skip


@settings(LAWS, max_examples=400)
@example(FEDERATED, ("s3:GetObject", "arn:aws:s3:::b/y", {}, NAMED, None))
@given(sets, requests)
def test_decides_as_a_plain_reading_does(layers, request):
    if request[2].get("aws:UserName") == "a*":
        request = (*request[:2], {**request[2], "aws:UserName": "ada"}, *request[3:])
    assert verdict(layers, request) == plain_verdict(layers, request)
