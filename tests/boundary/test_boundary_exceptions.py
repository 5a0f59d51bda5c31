"""Exceptions: for whom, until when, and that nobody else gains by them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import product

import pytest

from bedrock_guard.boundary.builder import Built, build
from bedrock_guard.boundary.calls import Call
from bedrock_guard.boundary.controls.lifting import lifted
from bedrock_guard.boundary.controls.model import Rule
from bedrock_guard.boundary.spec import BoundarySpec, SpecError, SpecException
from bedrock_guard.boundary.verdict import refused
from bedrock_guard.iam.evaluator import compile_policies

HAIKU, OPUS = "anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-opus-4-6-v1"
NOVA = "amazon.nova-lite-v1:0"
HEAD = '[profile.team]\naccounts = ["111122223333"]\nregions = ["us-east-1"]\n'
MODEL = f'[[profile.team.model]]\nid = "{HAIKU}"\nroutes = ["us"]\n'
ROLE = "arn:aws:iam::111122223333:role/"
TODAY = date(2026, 11, 23)
DAYS = {"early": date(2026, 12, 1), "late": date(2026, 12, 31), "over": date(2027, 1, 1)}


def entry(what: str, until: str, *roles: str) -> str:
    names = ", ".join(f'"{ROLE}{role}"' for role in roles)
    return (
        f'[[exception]]\nprofile = "team"\nowner = "o"\nreason = "r"\nuntil = {until}\n'
        f"principals = [{names}]\n{what}\n"
    )


def made(*parts: str) -> Built:
    return build(BoundarySpec.loads("".join(parts)), on=TODAY)


def converse(model: str, role: str, day: date = TODAY) -> Call:
    when = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return Call("bedrock-runtime", "Converse", {"modelId": model}, principal=f"{ROLE}{role}", time=when)


def outcome(built: Built, call: Call) -> str:
    return refused(built, call).outcome


def exception(until: date, *roles: str) -> SpecException:
    principals = tuple(f"{ROLE}{role}" for role in roles)
    return SpecException(
        profile="team", control="agents", owner="o", reason="r", until=until, principals=principals
    )


EARLY, LATE = DAYS["early"], DAYS["late"]
MIXES = [
    [exception(EARLY, "a")],
    [exception(EARLY, "a"), exception(LATE, "a")],
    [exception(EARLY, "a", "b"), exception(LATE, "b", "c")],
    [exception(EARLY)],
    [exception(EARLY), exception(LATE, "a")],
    [exception(LATE), exception(EARLY, "a")],
    [exception(EARLY), exception(LATE), exception(LATE, "a")],
]


@pytest.mark.parametrize("mix", MIXES, ids=[str(number) for number in range(len(MIXES))])
@pytest.mark.parametrize(
    "rule",
    [
        Rule(("x:Do",)),
        Rule(("x:Do",)).when("ArnNotEquals", "aws:PrincipalArn", (f"{ROLE}c",)),
        Rule(("x:Do",)).when("DateGreaterThan", "aws:CurrentTime", ("2026-12-15T00:00:00Z",)),
        Rule(("x:Do",)).when("ArnEquals", "aws:PrincipalArn", (f"{ROLE}a",)),
    ],
    ids=["plain", "others", "timed", "named"],
)
def test_a_lifted_rule_denies_who_has_no_exception_today(mix: list[SpecException], rule: Rule) -> None:
    """Against the plain reading: denied as the rule says, unless an exception of today covers the principal."""

    def denied(rules: list[Rule], role: str, moment: datetime) -> bool:
        bodies = [
            {"Effect": "Deny", "Action": list(r.actions), "Resource": "*", **_condition(r)} for r in rules
        ]
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        found = compile_policies([{"Version": "2012-10-17", "Statement": [everything, *bodies]}])
        context = {"aws:PrincipalArn": f"{ROLE}{role}", "aws:CurrentTime": moment}
        return found.decide("x:Do", "*", context).verdict == "explicitDeny"

    for role, day in product("abcd", (TODAY, EARLY, date(2026, 12, 20), LATE, DAYS["over"])):
        moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        covered = any(
            day <= one.until and (not one.principals or f"{ROLE}{role}" in one.principals) for one in mix
        )
        wanted = denied([rule], role, moment) and not covered
        assert denied(lifted(rule, mix), role, moment) == wanted, (role, day)


def _condition(rule: Rule) -> dict[str, object]:
    if not rule.conditions:
        return {}
    return {
        "Condition": {op: {key: list(v) for key, v in tests.items()} for op, tests in rule.conditions.items()}
    }


def test_two_exceptions_of_a_control_each_count() -> None:
    control = 'control = "batch_inference"'
    built = made(
        HEAD,
        MODEL,
        entry(control, "2026-12-01", "a", "b"),
        entry(control, "2026-12-31", "b"),
    )
    job = {"modelId": HAIKU, "roleArn": f"{ROLE}bounded/x"}
    expected = {
        ("a", "early"): "allowed", ("a", "late"): "refused", ("a", "over"): "refused",
        ("b", "early"): "allowed", ("b", "late"): "allowed", ("b", "over"): "refused",
        ("c", "early"): "refused",
    }  # fmt: skip
    for (role, day), wanted in expected.items():
        when = datetime(*DAYS[day].timetuple()[:3], 12, tzinfo=UTC)
        call = Call("bedrock", "CreateModelInvocationJob", job, principal=f"{ROLE}{role}", time=when)
        assert outcome(built, call) == wanted, (role, day)


def test_two_exceptions_for_a_model_each_count() -> None:
    model = f'model = {{ id = "{OPUS}", routes = ["us"] }}'
    built = made(HEAD, MODEL, entry(model, "2026-12-01", "a"), entry(model, "2026-12-31", "b"))
    opus = f"us.{OPUS}"
    assert outcome(built, converse(opus, "a", DAYS["early"])) == "allowed"
    assert outcome(built, converse(opus, "b", DAYS["early"])) == "allowed"
    assert outcome(built, converse(opus, "c", DAYS["early"])) == "refused"
    assert outcome(built, converse(opus, "a", DAYS["late"])) == "refused"
    assert outcome(built, converse(opus, "b", DAYS["late"])) == "allowed"
    assert outcome(built, converse(opus, "b", DAYS["over"])) == "refused"


def test_a_direct_route_for_one_stays_closed_to_the_others() -> None:
    """The model's ARN is open to all as a profile's source; the direct call needs a lift of its own."""
    us = f'[[profile.team.model]]\nid = "{NOVA}"\nroutes = ["us"]\n'
    built = made(HEAD, us, entry(f'model = {{ id = "{NOVA}" }}', "2026-12-31", "lab"))
    assert outcome(built, converse(NOVA, "lab")) == "allowed"
    assert outcome(built, converse(NOVA, "lab", DAYS["over"])) == "refused"
    assert outcome(built, converse(NOVA, "other")) == "refused"
    for role in ("lab", "other"):
        assert outcome(built, converse(f"us.{NOVA}", role)) == "allowed"


def test_two_routes_of_a_model_for_two_principals_do_not_mix() -> None:
    built = made(
        HEAD,
        MODEL,
        entry(f'model = {{ id = "{NOVA}", routes = ["us"] }}', "2026-12-31", "geo"),
        entry(f'model = {{ id = "{NOVA}" }}', "2026-12-31", "direct"),
    )
    assert outcome(built, converse(NOVA, "direct")) == "allowed"
    assert outcome(built, converse(f"us.{NOVA}", "geo")) == "allowed"
    assert outcome(built, converse(NOVA, "geo")) == "refused"
    assert outcome(built, converse(f"us.{NOVA}", "direct")) == "refused"
    assert outcome(built, converse(NOVA, "nobody")) == "refused"


def test_a_model_on_mantle_for_some_until_a_day() -> None:
    approved = MODEL + 'mantle = true\n[profile.team.controls]\nmantle = "approved"\n'
    model = f'model = {{ id = "{OPUS}", routes = ["us"], mantle = true }}'
    built = made(HEAD, approved, entry(model, "2026-12-31", "lab"))

    def infer(name: str, role: str, day: date = TODAY) -> str:
        when = datetime(day.year, day.month, day.day, tzinfo=UTC)
        parameters = {"model": name} if name else {}
        call = Call("bedrock-mantle", "CreateInference", parameters, principal=f"{ROLE}{role}", time=when)
        return outcome(built, call)

    assert infer("anthropic.claude-opus-4-6", "lab") == "allowed"
    assert infer("anthropic.claude-opus-4-6", "other") == "refused"
    assert infer("anthropic.claude-opus-4-6", "lab", DAYS["over"]) == "refused"
    assert infer("anthropic.claude-haiku-4-5", "other") == "allowed"
    assert infer("", "lab") == "refused"


def fault(*parts: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        BoundarySpec.loads("".join(parts))
    return caught.value


@pytest.mark.parametrize(
    ("what", "says", "key"),
    [
        (f'model = {{ id = "{HAIKU}", routes = ["us"] }}', "approved anyway", "exception.0.model"),
        (f'model = {{ id = "us.{HAIKU}" }}', "approved anyway", "exception.0.model"),
        (f'model = {{ id = "{OPUS}", routes = ["us"], mantle = true }}', "forbidden to every model",
         "exception.0.model.mantle"),
    ],
)  # fmt: skip
def test_an_exception_admits_something(what: str, says: str, key: str) -> None:
    found = fault(HEAD, MODEL, entry(what, "2026-12-31", "lab"))
    assert says in str(found)
    assert found.key == key
    assert found.line is not None


def test_an_exception_for_a_member_of_a_family_says_so() -> None:
    family = '[[profile.team.model]]\nid = "anthropic.claude-haiku-4-5-*"\nroutes = ["us"]\nfamily = true\n'
    what = f'model = {{ id = "{HAIKU}", routes = ["global"] }}'
    assert "by the family" in str(fault(HEAD, family, entry(what, "2026-12-31", "lab")))


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("until", '"2026-12-31"', "no date: write it without quotes"),
        ("until", "2026-12-31T00:00:00Z", "no date"),
        ("until", "20261231", "no date"),
        ("owner", '"o\\u001b[31m"', "U+001B"),
        ("reason", '"r\\u202e"', "U+202E"),
        ("reason", f'"{"x" * 1001}"', "longer than 1000 characters"),
        ("owner", f'"{"x" * 201}"', "longer than 200 characters"),
    ],
)
def test_what_people_wrote_is_checked(key: str, value: str, says: str) -> None:
    text = entry('control = "agents"', "2026-12-31", "lab")
    lines = [f"{key} = {value}" if line.startswith(f"{key} =") else line for line in text.split("\n")]
    found = fault(HEAD, MODEL, "\n".join(lines))
    assert says in str(found)
    assert found.key.endswith(key)
    assert len(str(found)) < 3_000


def test_line_breaks_may_stand_in_a_reason() -> None:
    text = entry('control = "agents"', "2026-12-31", "lab").replace('"r"', '"one\\ntwo"')
    assert BoundarySpec.loads(HEAD + MODEL + text).exceptions[0].reason == "one\ntwo"
