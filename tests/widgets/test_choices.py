"""The workbench's state, driven without a browser on the demo account."""

from __future__ import annotations

from pathlib import Path

import pytest

from bedrock_guard.account.situation import Situation, example_spec
from bedrock_guard.boundary.spec import BoundarySpec, ModelChoice, SpecError
from bedrock_guard.errors import GuardError
from bedrock_guard.present.spec_difference import differences
from bedrock_guard.widgets import control_values
from bedrock_guard.widgets.choices import Choices, offered_routes
from bedrock_guard.widgets.presets import DRAFT, PRESETS, STRICT, Preset

OPUS = "anthropic.claude-opus-4-8"
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
NOVA = "amazon.nova-lite-v1:0"


def test_it_starts_as_the_spec_says(choices: Choices) -> None:
    assert HAIKU in choices.approved
    assert OPUS not in choices.approved
    assert set(choices.instance_types) == {"t3.micro", "t3.small", "t3.medium", "m7i.large"}
    assert choices.problem is None
    assert choices.usable == example_spec()
    assert choices.changes() == ()
    assert not choices.can_undo


def test_approving_a_model_keeps_its_dollars_and_loses_none(choices: Choices) -> None:
    before = choices.consequences.impact
    choices.approved = (*choices.approved, OPUS)
    after = choices.consequences.impact
    assert after.spend("refused") < before.spend("refused")
    assert after.spend("kept") > before.spend("kept")
    assert after.governed == before.governed
    assert choices.routes[OPUS] == ("us",)


def test_a_route_of_a_model_is_chosen_and_comes_back_with_the_model(choices: Choices) -> None:
    assert offered_routes(choices.situation, choices.profile, HAIKU) == ("us", "global")
    choices.routes = choices.routes | {HAIKU: ("us", "global")}
    assert choices.routes[HAIKU] == ("us", "global")
    choices.approved = tuple(name for name in choices.approved if name != HAIKU)
    choices.approved = (*choices.approved, HAIKU)
    assert choices.routes[HAIKU] == ("us", "global")


def test_no_route_at_all_is_said(choices: Choices) -> None:
    choices.routes = choices.routes | {HAIKU: ()}
    assert choices.problem is not None
    assert HAIKU in str(choices.problem) or "route" in str(choices.problem)


def test_no_model_at_all_needs_a_word(choices: Choices) -> None:
    before = choices.what_if
    choices.approved = ()
    assert isinstance(choices.problem, GuardError)
    assert choices.what_if is before, "the last choice that could be built stays in view"
    with pytest.raises(GuardError):
        _ = choices.consequences
    choices.approve_nothing = True
    assert choices.problem is None
    assert choices.consequences.impact.spend("kept") == 0


def test_an_ec2_type_may_start_once_it_is_chosen(choices: Choices) -> None:
    def outcome() -> str:
        ec2 = choices.consequences.ec2
        return str(ec2.loc[ec2["instance_type"] == "m7i.xlarge", "outcome"].iloc[0])

    assert outcome() == "refused"
    choices.instance_types = (*choices.instance_types, "m7i.xlarge")
    assert outcome() == "allowed"


def test_types_left_alone_come_back_as_they_were(choices: Choices) -> None:
    before = choices.instance_types
    choices.types_limited = False
    assert choices.profile.controls.instance_types is False
    choices.types_limited = True
    assert choices.instance_types == before


def test_no_ec2_type_means_none_may_start(choices: Choices) -> None:
    choices.instance_types = ()
    ec2 = choices.consequences.ec2
    named = ec2[ec2["instance_type"].notna()]
    assert set(named["outcome"]) == {"refused"}


def test_a_control_switched_off_stops_refusing(choices: Choices) -> None:
    def refusing() -> set[str]:
        return set(choices.consequences.by_control()["control"])

    assert "batch_inference" in refusing()
    choices.controls = tuple(name for name in choices.controls if name != "batch_inference")
    assert "batch_inference" not in refusing()
    assert choices.spec.exceptions, "its exception waits for the control to come back"
    assert not choices.usable.exceptions
    choices.undo()
    assert choices.usable.exceptions


def test_a_control_switched_on_again_has_its_value(choices: Choices) -> None:
    tiers = choices.profile.controls.service_tiers
    choices.controls = tuple(name for name in choices.controls if name != "service_tiers")
    assert choices.profile.controls.service_tiers is False
    choices.controls = (*choices.controls, "service_tiers")
    assert choices.profile.controls.service_tiers == tiers


@pytest.mark.parametrize("text", ["soon", "0", "-3", "1e3", "99999", "９", "1.5"])
def test_an_age_that_is_none_is_refused_and_changes_nothing(choices: Choices, text: str) -> None:
    before = choices.spec
    with pytest.raises(GuardError):
        choices.set_value("api_key_creation", text=text)
    assert choices.spec is before


def test_values_go_to_text_and_back() -> None:
    cases = {
        "api_key_creation": (True, 30),
        "bounded_roles": (True, ("bounded/*", "team/*")),
        "privileged_functions": (True, ("arn:aws:lambda:*:111122223333:function:deploy",)),
        "service_tiers": (True, ("default",), ("default", "flex", "priority")),
        "mantle": (True, "approved"),
        "agents": (True,),
    }
    for name, values in cases.items():
        for value in values:
            text = control_values.text_of(value) if name in control_values.TEXTS else ""
            options = control_values.options_of(name, value) if name in control_values.OPTIONS else ()
            assert control_values.value_of(name, text=text, options=options) == value, name


def test_a_guardrail_without_its_arn_is_said_where_it_is_chosen(choices: Choices) -> None:
    choices.controls = (*choices.controls, "guardrail_required")
    assert "guardrail" in str(choices.problem)


def test_steps_go_back_and_forth(choices: Choices) -> None:
    first = choices.spec
    choices.approved = (HAIKU,)
    second = choices.spec
    choices.instance_types = ("t3.micro",)
    choices.undo()
    assert choices.spec == second
    choices.undo()
    assert choices.spec == first
    assert not choices.can_undo
    choices.undo()
    assert choices.spec == first
    choices.redo()
    assert choices.spec == second
    assert choices.can_redo
    choices.approved = (HAIKU, OPUS)
    assert not choices.can_redo, "a new step ends what was taken back"


def test_a_change_that_changes_nothing_is_no_step(choices: Choices) -> None:
    choices.approved = choices.approved
    choices.controls = choices.controls
    choices.instance_types = choices.instance_types
    assert not choices.can_undo


def test_every_preset_can_be_built_and_keeps_accounts_and_people(choices: Choices) -> None:
    people = choices.profile.accounts, choices.profile.administrators, choices.profile.break_glass
    for preset in PRESETS:
        choices.use(preset)
        assert choices.problem is None, preset.name
        assert (
            choices.profile.accounts,
            choices.profile.administrators,
            choices.profile.break_glass,
        ) == people


@pytest.mark.parametrize("preset", [STRICT, DRAFT], ids=lambda one: one.name)
@pytest.mark.parametrize(
    ("regions", "routes"),
    [(("us-west-2",), ("us",)), (("eu-central-1",), ("eu",)), (("eu-west-1", "us-east-1"), ("us", "eu"))],
)
def test_a_preset_is_made_for_any_regions_and_one_account(
    choices: Choices, preset: Preset, regions: tuple[str, ...], routes: tuple[str, ...]
) -> None:
    spec = BoundarySpec.strict("000000000012", *regions)
    made, notes = preset.make(choices.situation, spec, "default")
    now = made.profile["default"]
    assert (now.accounts, now.regions, notes) == (("000000000012",), regions, ())
    assert [(model.id, model.routes) for model in now.models] == (
        [] if preset is STRICT else [(HAIKU, routes)]
    )
    assert now.controls.instance_types == (
        True if preset is STRICT else ("t3.micro", "t3.small", "t3.medium")
    )


def test_strict_refuses_every_model(choices: Choices) -> None:
    choices.use(STRICT)
    assert choices.approved == ()
    assert choices.consequences.impact.spend("kept") == 0


def test_the_draft_is_haiku_alone(choices: Choices) -> None:
    choices.use(DRAFT)
    assert choices.approved == (HAIKU,)


def test_what_differs_is_said_in_sentences(choices: Choices) -> None:
    choices.approved = (*choices.approved, OPUS)
    choices.controls = tuple(name for name in choices.controls if name != "agents")
    assert set(choices.changes()) == {
        "Claude Opus 4.8 is approved now (us).",
        "“No Bedrock agents, inline agents included”: on became off.",
    }


def test_a_difference_of_a_model_says_which_detail_differs() -> None:
    first = ModelChoice(id="amazon.titan-embed-text-v2:0")
    other = {
        "routes": ("us",),
        "regions": ("us-east-1", "us-west-2"),
        "destinations": ("us-east-2",),
        "unlisted": True,
        "family": True,
        "monthly_usd": 200,
        "mantle": True,
    }
    assert set(other) == set(ModelChoice.model_fields) - {"id"}, "every detail has its words"
    spec = example_spec()
    name, profile = spec.only()

    def told(**details: object) -> str:
        was, now = (
            profile.model_copy(update={"models": (one,)}) for one in (first, first.model_copy(update=details))
        )
        before, after = (spec.model_copy(update={"profile": {name: one}}) for one in (was, now))
        [sentence] = differences(before, after, lambda _: "Titan")
        return sentence

    assert (
        told(regions=other["regions"])
        == "Titan: source Regions the profile's own became us-east-1, us-west-2."
    )
    assert told(monthly_usd=200, mantle=True) == (
        "Titan: monthly budget in USD nothing became 200; on the mantle endpoint off became on."
    )
    for field, value in other.items():
        assert told(**{field: value}).count(" became ") == 1


def written(folder: Path, text: str | None = None) -> Path:
    path = folder / "guard.toml"
    path.write_text(text or example_text(), "utf-8")
    return path


def example_text() -> str:
    from importlib import resources

    return resources.files("bedrock_guard.boundary").joinpath("data/example.toml").read_text("utf-8")


def test_a_file_keeps_its_comments_through_a_change(choices: Choices, tmp_path: Path) -> None:
    path = written(tmp_path)
    choices.load(path)
    choices.approved = (*choices.approved, OPUS)
    choices.instance_types = ("t3.micro",)
    choices.save(path)
    text = path.read_text("utf-8")
    assert "# SCPs hold what a boundary on one principal cannot reach" in text
    assert "# What prompts may say" in text
    assert BoundarySpec.loads(text) == choices.usable
    assert choices.changes() == ()


def test_a_file_that_changed_meanwhile_is_not_overwritten(choices: Choices, tmp_path: Path) -> None:
    path = written(tmp_path)
    choices.load(path)
    path.write_text(example_text() + "\n# a colleague was here\n", "utf-8")
    choices.approved = (HAIKU,)
    with pytest.raises(GuardError, match="changed by someone"):
        choices.save(path)
    assert "colleague" in path.read_text("utf-8")
    choices.save(path, replace=True)
    assert BoundarySpec.load(path) == choices.usable


def test_a_file_that_was_not_loaded_is_not_overwritten(choices: Choices, tmp_path: Path) -> None:
    path = written(tmp_path, "# mine\n")
    with pytest.raises(GuardError, match="not loaded here"):
        choices.save(path)
    assert path.read_text("utf-8") == "# mine\n"


def test_what_cannot_be_built_is_not_saved(choices: Choices, tmp_path: Path) -> None:
    choices.approved = ()
    with pytest.raises(GuardError):
        choices.save(tmp_path / "new.toml")
    assert not (tmp_path / "new.toml").exists()


@pytest.mark.parametrize("text", ["", "version = 2", "[profile.x]\naccounts = 1", "\x00", "not toml ["])
def test_a_bad_file_is_said_and_leaves_the_choice(choices: Choices, tmp_path: Path, text: str) -> None:
    before = choices.spec
    path = tmp_path / "bad.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(SpecError):
        choices.load(path)
    assert choices.spec is before


def test_a_missing_file_and_no_name_are_said(choices: Choices, tmp_path: Path) -> None:
    with pytest.raises(GuardError):
        choices.load(tmp_path / "none.toml")
    with pytest.raises(GuardError):
        choices.load("  ")
    with pytest.raises(GuardError):
        choices.save(" ")


def test_another_profile_is_tuned_and_the_first_is_left(situation: Situation) -> None:
    spec = example_spec()
    both = spec.model_copy(update={"profile": {**spec.profile, "second": spec.profile["analysts"]}})
    choices = Choices(situation, both)
    choices.tune("second")
    choices.approved = (HAIKU,)
    assert choices.spec.profile["analysts"] == spec.profile["analysts"]
    assert choices.changes()
    assert all(line.startswith("second: ") for line in choices.changes())
    with pytest.raises(SpecError):
        choices.tune("third")
