"""The workbench's state, driven without a browser on the demo account."""

from __future__ import annotations

import pytest
import traitlets

from bedrock_guard.account.session import Account
from bedrock_guard.account.situation import Situation, example_spec
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.errors import GuardError
from bedrock_guard.widgets.choices import Choices
from bedrock_guard.widgets.parts import Checklist, Item, shows_errors
from bedrock_guard.widgets.workbench import Workbench

OPUS = "anthropic.claude-opus-4-8"
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"


@pytest.fixture(scope="module")
def situation() -> Situation:
    return Account.demo().situation(days=14)


@pytest.fixture
def choices(situation: Situation) -> Choices:
    return Choices(situation, example_spec())


def test_it_starts_as_the_spec_says(choices: Choices) -> None:
    assert HAIKU in choices.approved
    assert OPUS not in choices.approved
    assert set(choices.instance_types) == {"t3.micro", "t3.small", "t3.medium", "m7i.large"}
    assert choices.problem is None
    assert choices.spec == example_spec()


def test_approving_a_model_keeps_its_dollars_and_loses_none(choices: Choices) -> None:
    before = choices.consequences.impact
    choices.approved = (*choices.approved, OPUS)
    after = choices.consequences.impact
    assert after.spend("refused") < before.spend("refused")
    assert after.spend("kept") > before.spend("kept")
    assert after.governed == before.governed
    _, profile = choices.spec.only(choices.profile_name)
    assert {model.id: model.routes for model in profile.models}[OPUS] == ("geo",)


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


def test_several_changes_are_computed_once(choices: Choices) -> None:
    seen: list[object] = []
    choices.observe(seen.append, names="what_if")
    with choices.changing():
        choices.approved = (HAIKU,)
        choices.instance_types = ("t3.micro",)
    assert len(seen) == 1


def test_the_exported_spec_is_the_choice(choices: Choices, tmp_path: object) -> None:
    choices.approved = (HAIKU, OPUS)
    read = BoundarySpec.loads(choices.spec.dumps())
    assert read == choices.spec


class Picks(traitlets.HasTraits):
    chosen = traitlets.Any(())


def test_a_checklist_follows_and_leads_and_keeps_what_it_does_not_list() -> None:
    picks = Picks(chosen=("b", "elsewhere"))
    made = Checklist([Item("a", "first <b>"), Item("b", "second")], search="x")
    made.link(picks, "chosen")
    assert [box.value for box in made.boxes.values()] == [False, True]
    made.boxes["a"].value = True
    assert set(picks.chosen) == {"a", "b", "elsewhere"}
    picks.chosen = ("a",)
    assert [box.value for box in made.boxes.values()] == [True, False]
    made.search.value = "SECOND"
    assert [box.layout.display for box in made.boxes.values()] == ["none", None]
    assert "1 of 2" in made.found.value


def test_a_handler_shows_its_error_and_no_traceback() -> None:
    import ipywidgets

    place = ipywidgets.HTML()

    @shows_errors(place)
    def fails(kind: type[Exception]) -> None:
        raise kind("<secret> at line 7")

    fails(GuardError)
    assert "&lt;secret&gt;" in place.value
    assert "role='alert'" in place.value
    fails(ZeroDivisionError)
    assert "secret" not in place.value
    assert "Traceback" not in place.value


def test_the_view_shows_what_the_state_holds(situation: Situation) -> None:
    bench = Workbench(situation)
    before = bench._chart.data[1].x
    bench.choices.approved = (*bench.choices.approved, OPUS)
    assert sum(bench._chart.data[1].x) < sum(before)
    assert bench._chart._config["showSendToCloud"] is False
    bench.choices.approved = ()
    assert "role='alert'" in bench._head.value


def test_a_hostile_model_name_is_text(situation: Situation) -> None:
    bench = Workbench(situation)
    hostile = "<img src=x onerror=alert(1)>"
    bench.choices.approved = (*bench.choices.approved, hostile)
    assert bench.choices.problem is not None
    assert "<img" not in bench._head.value
