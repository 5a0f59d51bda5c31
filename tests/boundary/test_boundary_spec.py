"""The spec file: what it says, and each bad input with its own error, key and line."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bedrock_guard.boundary.builder import build
from bedrock_guard.boundary.calls import Call
from bedrock_guard.boundary.locate import line_of
from bedrock_guard.boundary.spec import BoundarySpec, Controls, SpecError, source_regions
from bedrock_guard.boundary.starting_points import UsedRoute
from bedrock_guard.boundary.verdict import refused

HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
DATED = 'owner = "o"\nreason = "r"\nuntil = 2027-01-01\n'
HEAD = '[profile.team]\naccounts = ["111122223333"]\nregions = ["us-east-1"]\n'
MODEL = f'[[profile.team.model]]\nid = "{HAIKU}"\nroutes = ["us"]\n'


def error(text: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        BoundarySpec.loads(text)
    return caught.value


def test_a_good_file_and_back() -> None:
    spec = BoundarySpec.loads(HEAD + MODEL)
    assert spec.profile["team"].models[0].id == HAIKU
    assert BoundarySpec.loads(spec.dumps()) == spec


def test_the_shipped_example_is_good() -> None:
    from importlib import resources

    text = resources.files("bedrock_guard.boundary").joinpath("data", "example.toml").read_text("utf-8")
    spec = BoundarySpec.loads(text)
    assert spec.notes == ()
    assert BoundarySpec.loads(spec.dumps()) == spec
    assert build(spec).boundary is not None


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", None, "profile"),
        ("[profile]\n", None, "no [profile.NAME]"),
        ("a = [\n", 2, "not TOML"),
        ("[profile.team]\n[profile.team]\n", 2, "not TOML"),
        (HEAD + 'accounts = ["111122223333"]\n', 4, "not TOML"),
        (HEAD + MODEL + "[profile.team.controls]\nbatch = true\n", 8, "No such key"),
        (HEAD + MODEL + "[profile.team.controls]\nmantle = 1\n", 8, "mantle"),
        (HEAD + MODEL + "[profile.team.controls]\napi_key_creation = 0\n", 8, "api_key_creation"),
        (HEAD + MODEL + "[profile.team.controls]\napi_key_creation = 40000\n", 8, "api_key_creation"),
        (HEAD + MODEL + '[profile.team.controls]\nservice_tiers = ["cheap"]\n', 8, "service_tiers"),
        (HEAD, 1, "No model is approved"),
        (HEAD + "model = []\n", 4, "approve_nothing = true"),
        (HEAD + "approve_nothing = true\n" + MODEL, 4, "models are approved"),
        (HEAD + '[[profile.team.model]]\nid = "*"\n', 5, "restricts nothing"),
        (HEAD + '[[profile.team.model]]\nid = "*"\nfamily = true\n', 5, "restricts nothing"),
        (HEAD + '[[profile.team.model]]\nid = "anthropic.*"\nfamily = true\n', 5, "too wide"),
        (HEAD + '[[profile.team.model]]\nid = "anthropic.claude-sonnet-4*"\n', 5, "grows"),
        (HEAD + '[[profile.team.model]]\nid = "anthropic.claude-haiku-4-5"\nfamily = true\n', 5, "does not end in"),
        (HEAD + '[[profile.team.model]]\nid = "anthropic.claude-haiku-4-6-20251001-v1:0"\n', 5,
         f"Did you mean {HAIKU}"),
        (HEAD + f'[[profile.team.model]]\nid = "{HAIKU.upper()}"\n', 5, f"Did you mean {HAIKU}"),
        (HEAD + f'[[profile.team.model]]\nid = "{HAIKU}"\n', 4, "not offered by route 'in-region'"),
        (HEAD + f'[[profile.team.model]]\nid = "{HAIKU}"\nroutes = ["us", "eu"]\n', 6, "not offered by route 'eu'"),
        (HEAD + f'[[profile.team.model]]\nid = "{HAIKU}"\nroutes = ["moon"]\n', 6, "no route"),
        (HEAD + f'[[profile.team.model]]\nid = "{HAIKU}"\nroutes = []\n', 6, "No route"),
        (HEAD + f'[[profile.team.model]]\nid = "{HAIKU}"\nroutes = ["us"]\nregions = ["sa-east-1"]\n', 6, "sa-east-1"),
        (HEAD + MODEL + MODEL, None, "named twice"),
        (HEAD.replace("111122223333", "11112222333"), 2, "no account id"),
        (HEAD.replace('"111122223333"', "111122223333"), 2, "quotes"),
        (HEAD.replace("111122223333", "11112222333\u00b2") + MODEL, 2, "U+00B2"),
        (HEAD.replace('["111122223333"]', "[]") + MODEL, 2, "No account"),
        (HEAD.replace("us-east-1", "us-gov-west-1") + MODEL, 3, "another partition"),
        (HEAD.replace("us-east-1", "mars-1") + MODEL, 3, "no region code"),
        (HEAD + 'partition = "aws-eusc"\n' + MODEL, 4, "partition"),
        (HEAD + 'break_glass = ["arn:aws:iam::000000000099:role/x"]\n' + MODEL, 4, "another account"),
        (HEAD + 'break_glass = ["arn:aws-cn:iam::111122223333:role/x"]\n' + MODEL, 4, "another partition"),
        (HEAD + 'break_glass = ["arn:aws:iam::111122223333:role/*"]\n' + MODEL, 4, "no exact principal"),
        (HEAD + 'modalities = ["TEXT"]\n' + MODEL, 6, "IMAGE"),
        (HEAD + MODEL + "[profile.team.controls]\nmantle = \"approved\"\n", 8, "mantle = true"),
        (HEAD + MODEL + "mantle = true\n", 7, "forbidden to every model"),
        (HEAD + MODEL + '[profile.team.controls]\nagents = false\n[[exception]]\nprofile = "team"\ncontrol = "agents"\n'
         + DATED, 11, "off anyway"),
        (HEAD + MODEL + '[[exception]]\nprofile = "team"\n' + DATED, 7, "either"),
        (HEAD + MODEL + '[[exception]]\nprofile = "team"\ncontrol = "x"\n' + DATED,
         9, "No control 'x'"),
        (HEAD + MODEL + '[[exception]]\nprofile = "tea"\ncontrol = "agents"\n' + DATED,
         8, "No profile"),
        (HEAD + MODEL + '[[exception]]\nprofile = "team"\ncontrol = "agents"\nowner = ""\nreason = "r"\n'
         "until = 2027-01-01\n",
         10, "Is empty"),
        (HEAD + MODEL + '[[exception]]\nprofile = "team"\ncontrol = "agents"\nowner = "o"\nreason = "r"\n', None,
         "missing"),
    ],
)  # fmt: skip
def test_each_bad_input_has_its_own_error(text: str, line: int | None, says: str) -> None:
    found = error(text)
    assert says in str(found)
    if line is not None:
        assert found.line == line
    assert "\n" not in str(found)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("\u0430nthropic.claude-haiku-4-5-20251001-v1:0", "U+0430"),
        ("\uff41nthropic.claude-haiku-4-5-20251001-v1:0", "U+FF41"),
        (f"{HAIKU}\u200b", "U+200B"),
        (f"\u202e{HAIKU}", "U+202E"),
        (f"{HAIKU} ", "U+0020"),
        (f"{HAIKU}\\n", "U+000A"),
        (f"{HAIKU}\\u0000", "U+0000"),
        (f"{HAIKU}\\u001b", "U+001B"),
        (f'{HAIKU}\\"', "cannot stand"),
        (f"{HAIKU}'", "cannot stand"),
        (f"{HAIKU}\\\\", "cannot stand"),
        ("${aws:PrincipalTag/x}", "policy variable"),
        (f"{HAIKU}?", "wildcards"),
        (f"{HAIKU}%2F", "%"),
        ("", "restricts nothing"),
    ],
)
@pytest.mark.parametrize("unlisted", [False, True])
def test_no_id_smuggles_syntax_into_a_policy(name: str, says: str, unlisted: bool) -> None:
    text = (
        HEAD + f'[[profile.team.model]]\nid = "{name}"\nroutes = ["us"]\nunlisted = {str(unlisted).lower()}\n'
    )
    found = error(text)
    assert says in str(found)
    assert found.line == 5


def test_the_same_checks_guard_other_names() -> None:
    for key, value in (
        ("policy_prefix", '"a/b*"'),
        ("targets", '["arn:aws:iam::111122223333:role/${aws:username}"]'),
        ("key_services", '["codecommit.amazonaws.com", "*"]'),
    ):
        assert error(HEAD + f"{key} = {value}\n" + MODEL).line == 4
    for key, value in (
        ("instance_types", '["*"]'),
        ("instance_types", '["t3.micro", "t3.mic\\"ro"]'),
        ("instance_types", "[]"),
        ("privileged_functions", "[]"),
        ("bounded_roles", '["*"]'),
        ("bounded_roles", '["cdk*"]'),
        ("bounded_roles", '["app*-role"]'),
        ("bounded_roles", '["a/*/b"]'),
        ("bounded_roles", '["a/${aws:username}"]'),
        ("privileged_functions", '["arn:aws:lambda:us-east-1:000000000099:function:x"]'),
        ("guardrail_required", '"arn:aws:bedrock:us-east-1:111122223333:guardrail/*"'),
        ("guardrail_required", "true"),
    ):
        assert error(HEAD + MODEL + f"[profile.team.controls]\n{key} = {value}\n").line == 8


def test_ten_thousand_models_are_counted_not_truncated() -> None:
    models = "".join(
        f'[[profile.team.model]]\nid = "own.model-{n}"\nunlisted = true\n' for n in range(10_000)
    )
    start = time.perf_counter()
    found = error(HEAD + models)
    assert "10,000 models" in str(found)
    assert "cannot be split" in str(found)
    assert time.perf_counter() - start < 30


def test_an_unlisted_model_is_allowed_when_it_is_meant() -> None:
    text = HEAD + '[[profile.team.model]]\nid = "own.model-1:0"\nunlisted = true\n'
    spec = BoundarySpec.loads(text)
    assert "foundation-model/own.model-1:0" in "".join(build(spec).texts.values())
    with_geo = text + 'routes = ["us"]\n'
    assert "destinations" in str(error(with_geo))
    BoundarySpec.loads(with_geo + 'destinations = ["us-east-1", "us-west-2"]\n')


def test_another_form_of_an_id_is_read_and_said() -> None:
    for raw in (f"us.{HAIKU}", f"arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.{HAIKU}"):
        spec = BoundarySpec.loads(HEAD + f'[[profile.team.model]]\nid = "{raw}"\n')
        choice = spec.profile["team"].models[0]
        assert (choice.id, choice.routes) == (HAIKU, ("us",))
        assert raw in spec.notes[0]
        assert HAIKU in spec.notes[0]


def test_a_family_names_what_it_admits() -> None:
    text = (
        HEAD + '[[profile.team.model]]\nid = "anthropic.claude-haiku-4-5-*"\nroutes = ["us"]\nfamily = true\n'
    )
    spec = BoundarySpec.loads(text)
    assert HAIKU in spec.notes[0]
    built = build(spec)
    assert (
        refused(built, Call("bedrock-runtime", "Converse", {"modelId": f"us.{HAIKU}"})).outcome == "allowed"
    )


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"\xff\xfe[\x00", "UTF-16"),
        (b'a = "\xe9"', "Byte 5"),
        (b"x" * 2_000_001, "too large"),
    ],
)
def test_bytes_that_are_no_spec(tmp_path: Path, raw: bytes, says: str) -> None:
    path = tmp_path / "guard.toml"
    path.write_bytes(raw)
    with pytest.raises(SpecError, match=says):
        BoundarySpec.load(path)


def test_a_byte_order_mark_in_a_file_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "guard.toml"
    path.write_bytes(b"\xef\xbb\xbf" + (HEAD + MODEL).encode())
    assert BoundarySpec.load(path).profile["team"].accounts == ("111122223333",)
    with pytest.raises(SpecError):
        BoundarySpec.load(tmp_path / "missing.toml")


def test_deep_nesting_is_an_error_not_a_crash() -> None:
    assert "TOML" in str(error("a = " + "[" * 100_000))


def test_strict_forbids_everything() -> None:
    spec = BoundarySpec.strict("111122223333", "us-east-1")
    built = build(spec)
    call = Call("bedrock-runtime", "Converse", {"modelId": f"us.{HAIKU}"})
    assert refused(built, call).control == "approved_models"
    controls = spec.profile["default"].controls
    off = [name for name in Controls.model_fields if getattr(controls, name) is False]
    assert off == ["guardrail_required"]  # it needs the ARN of a guardrail


def test_strict_with_a_wrong_account() -> None:
    with pytest.raises(SpecError, match="no account id"):
        BoundarySpec.strict("1111", "us-east-1")


def test_from_draft_lets_the_approved_call_through() -> None:
    built = build(BoundarySpec.from_draft())
    allowed = Call("bedrock-runtime", "Converse", {"modelId": f"us.{HAIKU}"})
    assert refused(built, allowed).outcome == "allowed"
    assert refused(built, Call("bedrock", "StopModelInvocationJob")).outcome == "allowed"


def test_from_usage_refuses_nothing_that_was_used() -> None:
    used = [
        UsedRoute(f"us.{HAIKU}", "us-east-1"),
        UsedRoute(f"eu.{HAIKU}", "eu-west-1"),
        ("amazon.titan-embed-text-v2:0", "us-west-2"),
        UsedRoute("own.unknown-1", "us-east-1"),
    ]
    spec = BoundarySpec.from_usage(used, "111122223333")
    assert "own.unknown-1" in spec.notes[0]
    built = build(spec)
    for model, region in ((f"us.{HAIKU}", "us-east-1"), (f"eu.{HAIKU}", "eu-west-1")):
        call = Call("bedrock-runtime", "Converse", {"modelId": model}, region=region)
        assert refused(built, call).outcome == "allowed"
    titan = Call(
        "bedrock-runtime", "InvokeModel", {"modelId": "amazon.titan-embed-text-v2:0"}, region="us-west-2"
    )
    assert refused(built, titan).outcome == "allowed"
    for model, region in (
        (f"us.{HAIKU}", "eu-west-1"),
        (f"us.{HAIKU}", "us-west-2"),
        (f"global.{HAIKU}", "us-east-1"),
    ):
        call = Call("bedrock-runtime", "Converse", {"modelId": model}, region=region)
        assert refused(built, call).outcome == "refused"


def test_json_schema_names_every_control() -> None:
    schema = BoundarySpec.json_schema()
    assert set(schema["$defs"]["Controls"]["properties"]) == set(Controls.model_fields)
    assert all("description" in entry for entry in schema["$defs"]["Controls"]["properties"].values())


@pytest.mark.parametrize("value", ["true", "1.0", "2", '"1"'])
def test_the_version_is_the_number_one(value: str) -> None:
    assert error(f"version = {value}\n{HEAD}{MODEL}").line == 1


CONTROLS = "[profile.team.controls]\n"
GUARDRAIL = "arn:aws:bedrock:{}:111122223333:guardrail/gr0"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (CONTROLS + "service_tiers = []\n", 8, "true"),
        (CONTROLS + "guardrail_required = []\n", 8, "empty"),
        (CONTROLS + f'guardrail_required = ["{GUARDRAIL.format("eu-west-1")}"]\n', 8, "called from eu-west-1"),
        (CONTROLS + f'guardrail_required = "{GUARDRAIL.format("eu-west-1")}"\n', 8, "called from eu-west-1"),
        (CONTROLS + f'guardrail_required = ["{GUARDRAIL.format("us-east-1")}:1"]\n', 8, "without a version"),
        (CONTROLS + 'guardrail_required = ["arn:aws-cn:bedrock:us-east-1:111122223333:guardrail/g"]\n', 8,
         "another partition"),
        (CONTROLS + f'guardrail_required = ["{GUARDRAIL.format("us-east-1")}", "{GUARDRAIL.format("us-east-1")}"]\n',
         8, "named twice"),
        (CONTROLS + f'bounded_roles = ["{"x/" * 300}*"]\n', 8, "role path"),
        ('[[profile.team.model]]\nid = "anthropic.claude-haiku-4-5-*"\nfamily = true\nroutes = ["us"]\n', 5,
         "by the family"),
    ],
)  # fmt: skip
def test_settings_that_would_refuse_everything_or_nothing(text: str, line: int, says: str) -> None:
    found = error(HEAD + MODEL + text)
    assert says in str(found)
    assert found.line == line


@pytest.mark.parametrize("service", ["bedrock.amazonaws.com", "aws-external-anthropic.amazonaws.com"])
def test_a_model_service_is_no_exempt_key_service(service: str) -> None:
    line = f'key_services = ["codecommit.amazonaws.com", "{service}"]\n'
    assert "highest age in days" in str(error(HEAD + line + MODEL))
    off = CONTROLS + "api_key_creation = false\napi_key_reactivation = false\n"
    assert BoundarySpec.loads(HEAD + line + MODEL + off)


def test_no_exempt_key_service_forbids_every_credential() -> None:
    built = build(BoundarySpec.loads(HEAD + "key_services = []\n" + MODEL))
    text = "".join(built.texts.values())
    assert "iam:ServiceSpecificCredentialServiceName" not in text
    for service in ("codecommit.amazonaws.com", "bedrock.amazonaws.com"):
        create = {"UserName": "b", "ServiceName": service}
        assert refused(built, Call("iam", "CreateServiceSpecificCredential", create)).outcome == "refused"


def test_a_tier_that_a_call_does_not_name_is_the_default_one() -> None:
    call = Call("bedrock-runtime", "Converse", {"modelId": f"us.{HAIKU}"})
    flex = Call("bedrock-runtime", "Converse", {"modelId": f"us.{HAIKU}", "serviceTier": {"type": "flex"}})
    without = build(BoundarySpec.from_draft().with_controls(service_tiers=("flex",)))
    assert (refused(without, call).outcome, refused(without, flex).outcome) == ("refused", "allowed")
    with_it = build(BoundarySpec.from_draft().with_controls(service_tiers=("default",)))
    assert (refused(with_it, call).outcome, refused(with_it, flex).outcome) == ("allowed", "refused")


def test_a_guardrail_for_each_region() -> None:
    text = HEAD.replace('"us-east-1"', '"us-east-1", "us-west-2"') + MODEL + CONTROLS
    both = ", ".join(f'"{GUARDRAIL.format(region)}"' for region in ("us-east-1", "us-west-2"))
    built = build(BoundarySpec.loads(f"{text}guardrail_required = [{both}]\n"))
    for region, outcome in (("us-east-1", "allowed"), ("us-west-2", "allowed"), ("eu-west-1", "refused")):
        named = {"guardrailIdentifier": GUARDRAIL.format(region), "guardrailVersion": "1"}
        source = region if region.startswith("us") else "us-east-1"
        parameters = {"modelId": f"us.{HAIKU}", "guardrailConfig": named}
        call = Call("bedrock-runtime", "Converse", parameters, region=source)
        assert refused(built, call).outcome == outcome, region
    one = BoundarySpec.loads(f'{text}guardrail_required = "{GUARDRAIL.format("us-east-1")}"\n')
    assert "us-west-2" in one.notes[0]
    assert BoundarySpec.loads(f"{text}guardrail_required = [{both}]\n").notes == ()


def test_a_family_is_held_to_the_modalities() -> None:
    head = HEAD + 'modalities = ["TEXT"]\n'
    family = '[[profile.team.model]]\nid = "{}*"\nroutes = ["us"]\nfamily = true\n'
    assert "IMAGE" in str(error(head + family.format("anthropic.claude-haiku-4-5-")))
    notes = BoundarySpec.loads(head + family.format("own.future-")).notes
    assert "`modalities` cannot hold it back" in notes[0]
    unlisted = '[[profile.team.model]]\nid = "own.model-1:0"\nunlisted = true\n'
    assert "`modalities` cannot hold it back" in BoundarySpec.loads(head + unlisted).notes[0]


def test_a_long_or_hostile_text_is_clipped_in_the_message() -> None:
    found = error(HEAD + f'[[profile.team.model]]\nid = "{"a" * 1_000_000}*"\n')
    assert len(str(found)) < 7_000
    assert "1,000,0" in str(found)
    key = error(HEAD + '"\\u001b[31mred" = 1\n' + MODEL)
    assert "\x1b" not in str(key)
    assert "x1b" in str(key)
    number = error(HEAD + MODEL + f"[profile.team.controls]\nbounded_roles = [{'9' * 4000}]\n")
    assert len(str(number)) < 7_000


def test_the_line_of_a_table_that_has_no_header_of_its_own() -> None:
    text = "[profile.a.controls]\nmantle = true\n"
    assert error(text).line == 1
    assert line_of("x = 1\n" + text, ("profile", "a", "models")) == 2
    assert line_of(text, ("b",)) is None


def test_the_regions_to_ask_an_account_for() -> None:
    text = (
        HEAD
        + MODEL
        + 'regions = ["eu-west-1"]\n'
        + (
            f'[[exception]]\nprofile = "team"\n{DATED}model = {{ id = "x.y", regions = ["ap-south-1", "mars"] }}\n'
        )
    )
    assert source_regions(text) == ("ap-south-1", "eu-west-1", "us-east-1")
    with pytest.raises(SpecError, match="not TOML"):
        source_regions("a = [")
    with pytest.raises(SpecError, match="missing"):
        source_regions("")


TEAM_B = (HEAD + MODEL).replace("profile.team", "profile.other")


def test_two_profiles_of_an_account_keep_apart() -> None:
    found = error(HEAD + MODEL + TEAM_B)
    assert "would both write bedrock-guard-boundary in account 111122223333" in str(found)
    assert found.key == "profile.other.policy_prefix"
    own = TEAM_B.replace("regions =", 'policy_prefix = "other-"\nregions =')
    spec = BoundarySpec.loads(HEAD + MODEL + own)
    for name in ("team", "other"):
        built = build(spec, profile=name)
        for document in ("policy/other-boundary", "policy/bedrock-guard-boundary"):
            edit = {"PolicyArn": f"arn:aws:iam::111122223333:{document}"}
            assert refused(built, Call("iam", "CreatePolicyVersion", edit)).control == "boundary_protection"
    elsewhere = TEAM_B.replace("111122223333", "000000000011")
    assert BoundarySpec.loads(HEAD + MODEL + elsewhere)
    target = 'targets = ["arn:aws:iam::111122223333:role/dev"]\nregions ='
    both = (HEAD + MODEL + own).replace("regions =", target)
    assert "is a target of team already" in str(error(both))


@pytest.mark.parametrize(
    ("key", "arn", "says"),
    [
        ("break_glass", "arn:aws:sts::111122223333:assumed-role/break-glass/me", "name the role"),
        ("targets", "arn:aws:sts::111122223333:assumed-role/dev/me", "name the role"),
        ("targets", "arn:aws:iam::111122223333:root", "no boundary"),
        ("responders", "arn:aws:iam::111122223333:group/x", "no exact principal"),
        ("break_glass", "arn:aws:iam::111122223333:role/bounded/x", "lies under bounded_roles"),
        ("administrators", "arn:aws:iam::111122223333:role/bounded/deep/x", "lies under bounded_roles"),
        ("responders", "arn:aws:iam::111122223333:role/bounded/x", "lies under bounded_roles"),
    ],
)
def test_principals_are_what_the_condition_keys_hold(key: str, arn: str, says: str) -> None:
    found = error(HEAD + f'{key} = ["{arn}"]\n' + MODEL)
    assert says in str(found)
    assert found.line == 4


def test_who_is_exempt_has_no_name_that_everyone_may_assume() -> None:
    def text(name: str) -> str:
        exempt = f'administrators = ["arn:aws:iam::111122223333:role/{name}"]\n'
        return HEAD + exempt + MODEL + CONTROLS + 'bounded_roles = ["team-*"]\n'

    assert "lies under bounded_roles" in str(error(text("team-lead")))
    assert BoundarySpec.loads(text("lead-team-x"))


def test_break_glass_is_no_target() -> None:
    arn = '["arn:aws:iam::111122223333:role/free"]'
    assert "is a target" in str(error(HEAD + f"targets = {arn}\nbreak_glass = {arn}\n" + MODEL))


def test_an_exempt_role_beside_the_bounded_path_is_fine() -> None:
    assert BoundarySpec.loads(HEAD + 'break_glass = ["arn:aws:iam::111122223333:role/boundedly"]\n' + MODEL)


@pytest.mark.parametrize("age", ["0", "-1", "30.5", "36601", '"30"'])
def test_a_bad_age_of_keys_is_told_what_it_may_be(age: str) -> None:
    found = error(HEAD + MODEL + f"[profile.team.controls]\napi_key_creation = {age}\n")
    assert "a whole number of days from 1 to 36,600" in str(found)
    assert age.strip('"') in str(found)
    assert found.line == 8


def test_lifting_the_boundary_for_everyone_is_noted() -> None:
    entry = '[[exception]]\nprofile = "team"\ncontrol = "boundary_protection"\n' + DATED
    (note,) = BoundarySpec.loads(HEAD + MODEL + entry).notes
    assert "until 2027-01-01 everyone under the boundary may take it off" in note
    named = entry + 'principals = ["arn:aws:iam::111122223333:role/x"]\n'
    assert BoundarySpec.loads(HEAD + MODEL + named).notes == ()


def test_an_instance_type_of_no_known_size_is_noted() -> None:
    types = '["t3.micro", "m7i.metal-24xl", "u7i-12tb.224xlarge", "zz9.plural", "m7i.*", "mac2.metal"]'
    (note,) = BoundarySpec.loads(HEAD + MODEL + f"[profile.team.controls]\ninstance_types = {types}\n").notes
    assert "zz9.plural" in note
