"""What is blamed for a refusal is what must change; the preset that follows usage says what it gives up for whom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
import pytest

from bedrock_guard.account.situation import Situation, example_spec
from bedrock_guard.boundary.controls import title_of
from bedrock_guard.boundary.spec import BoundarySpec, ModelChoice, Profile
from bedrock_guard.evidence.cube import Cube
from bedrock_guard.evidence.lacking import lacking
from bedrock_guard.evidence.replay import Reach
from bedrock_guard.evidence.what_if import WhatIf, what_if
from bedrock_guard.present.lacking import refused_models
from bedrock_guard.widgets.choices import Choices
from bedrock_guard.widgets.choosing import FilePage
from bedrock_guard.widgets.presets import LEAST_CHANGE
from bedrock_guard.widgets.seeing import Seeing

SONNET = "anthropic.claude-3-7-sonnet-20250219-v1:0"
NOVA = "amazon.nova-lite-v1:0"
THIEF = "BedrockAPIKey-h7qz"


def refused(choices: Choices) -> dict[tuple[str, str], int]:
    """Control and principal -> calls that it would refuse."""
    hit = choices.consequences.judged.hits("control", "principal")
    hit = hit[hit["verdict"] == "refused"]
    return {
        (str(one["control"]), str(one["principal"]).rpartition("/")[2]): int(one["calls"])
        for one in hit.to_dict("records")
    }


def test_a_provisioned_unit_is_blamed_on_the_control_that_closes_it(choices: Choices) -> None:
    calls = refused(choices)["provisioned_throughput", "policy-qa"]
    choices.approved = (*choices.approved, SONNET)
    assert refused(choices)["provisioned_throughput", "policy-qa"] == calls, "no tick of a model helps"
    choices.controls = tuple(name for name in choices.controls if name != "provisioned_throughput")
    assert not [who for _, who in refused(choices) if who == "policy-qa"]


def test_each_control_that_is_blamed_lets_its_calls_go(choices: Choices) -> None:
    for control, who in [
        key for key in refused(choices) if key[0] not in ("approved_models", "instance_types")
    ]:
        choices.controls = tuple(name for name in choices.controls if name != control)
        assert (control, who) not in refused(choices)
        choices.undo()


def test_what_the_list_lacks_lets_its_calls_go_when_it_is_added(choices: Choices) -> None:
    start = lacking(choices.consequences)
    assert {part for row in start["lacks"] for part in row} == {"model", "route", "Region"}
    assert start["calls"].sum() == sum(
        calls for (control, _), calls in refused(choices).items() if control == "approved_models"
    )
    for row in start.to_dict("records"):
        after = choices.situation.what_if(added(choices.spec, choices.profile_name, row), None)
        same = [
            one
            for one in lacking(after).to_dict("records")
            if (one["model"], one["route"], one["region"]) == (row["model"], row["route"], row["region"])
        ]
        assert not same, row


def added(spec: BoundarySpec, name: str, row: dict[Any, Any]) -> BoundarySpec:
    """The spec with what a row lacks, and no more, added to its list."""
    profile = spec.profile[name]
    kept = [choice for choice in profile.models if choice.id != row["model"]]
    own = next((choice for choice in profile.models if choice.id == row["model"]), None)
    regions = (*((own.regions if own else None) or profile.regions), *only(row, "Region", row["region"]))
    routes = (*(own.routes if own else ()), *only(row, "route", row["route"]))
    made = ModelChoice(id=row["model"], routes=routes if own else (row["route"],), regions=regions)
    changed: Profile = profile.model_copy(update={"models": (*kept, made)})
    return spec.model_copy(update={"profile": {**spec.profile, name: changed}})


def only(row: dict[Any, Any], part: str, value: str) -> Iterable[str]:
    return (value,) if part in row["lacks"] else ()


def test_calls_from_a_region_that_is_not_approved_are_told_apart(choices: Choices) -> None:
    assert NOVA in choices.approved
    row = lacking(choices.consequences).set_index("model").loc[NOVA]
    assert (row["route"], row["region"], row["lacks"]) == ("eu", "eu-west-1", ("route", "Region"))
    seeing = Seeing(choices)
    seeing.widget.selected_index = 3
    page = seeing._texts["controls"].value
    assert "Add route eu, and add eu-west-1 to the model" in page
    assert "route, Region" in page


def test_an_id_that_no_catalogue_knows_is_said_to_need_an_entry(situation: Situation) -> None:
    calls = situation.calls.copy()
    lite = calls["model_raw"] == f"eu.{NOVA}"
    assert lite.any()
    calls.loc[lite, "model_raw"] = "nobody.knows-v1:0"
    calls.loc[lite, "parameters"] = '{"modelId":"nobody.knows-v1:0"}'
    calls.loc[lite, "model"] = None
    found = example_what_if(situation, calls)
    row = lacking(found).set_index("model").loc["nobody.knows-v1:0"]
    assert row["lacks"] == ()
    shown = refused_models(found, situation).frame.set_index("model")
    assert "unlisted = true" in str(shown.loc["nobody.knows-v1:0", "change"])


def example_what_if(situation: Situation, calls: pd.DataFrame) -> WhatIf:
    made = Cube.of(calls, situation.catalogue)
    return what_if(
        example_spec(),
        made,
        situation.billed,
        situation.rented,
        on=situation.account.now.date(),
    )


def test_the_cube_blames_what_the_judge_blames(choices: Choices) -> None:
    """Targets that every policy answers alike are still blamed on the control of each."""
    calls = choices.situation.calls
    one = calls[calls["model_raw"] == f"eu.{NOVA}"].head(5).copy()
    kinds = {
        "provisioned-model/abc": "provisioned_throughput",
        "custom-model-deployment/abc": "customization",
        "imported-model/abc": "customization",
        "application-inference-profile/abc": "application_profiles",
        "prompt-router/abc": "prompt_routers",
    }
    names = [f"arn:aws:bedrock:us-east-1:111122223333:{kind}" for kind in kinds]
    one["region"], one["model_raw"], one["model"] = "us-east-1", names, None
    one["parameters"] = [f'{{"modelId":"{name}"}}' for name in names]
    judged = Cube.of(one, choices.situation.catalogue).judge(Reach(choices.consequences.built))
    found = {
        str(row["model_raw"]).split(":", 5)[5]: row["control"] for row in judged.frame.to_dict("records")
    }
    assert found == kinds


@pytest.fixture
def least(choices: Choices) -> Choices:
    choices.use(LEAST_CHANGE)
    return choices


def noted(choices: Choices, about: str) -> str:
    return next(str(note) for note in choices.notes if about in note)


def test_what_was_called_passes_or_is_told(least: Choices) -> None:
    """Nothing is refused but what a note names: a key that looks stolen, break glass, what a high finding is about."""
    assert "policy-qa" not in {who for _, who in refused(least)}
    for control, who in refused(least):
        note = noted(
            least, "Still refused" if control == "approved_models" else f"Stays on: “{title_of(control)}”,"
        )
        assert who in note or "of Identity Center" in note


def test_a_control_goes_with_the_names_of_those_it_goes_for(least: Choices) -> None:
    off = {
        name
        for name in type(least.profile.controls).model_fields
        if f"Taken off: “{title_of(name)}”," in str(least.notes)
    }
    now = least.profile.controls
    assert "provisioned_throughput" in off
    assert all(getattr(now, name) is False for name in off)
    assert {"guardrail_required", "privileged_functions"} == {
        name for name in type(now).model_fields if getattr(now, name) is False and name not in off
    }
    told = noted(least, title_of("long_term_key_use"))
    assert "reporting-batch (" in told
    assert "signs of a stolen key" in told


def test_no_control_goes_for_break_glass_or_for_what_a_finding_is_about(least: Choices) -> None:
    assert least.profile.controls.logging_tampering is True
    told = noted(least, f"Stays on: “{title_of('logging_tampering')}”")
    assert "break-glass-admin (1 call; break glass, which is never bound)" in told
    assert "AdministratorAccess of Identity Center (1 call; an open high finding)" in told


def test_a_way_that_only_a_thief_took_is_not_approved(least: Choices) -> None:
    told = noted(least, "Still refused")
    assert THIEF in told
    assert "us-east-2" in told
    assert all("us-east-2" not in (choice.regions or ()) for choice in least.profile.models)


def test_the_page_says_it_until_it_is_taken_back(choices: Choices) -> None:
    page = FilePage(choices)
    assert page.notes.value == ""
    page.presets["Least change"].click()
    assert f"Taken off: “{title_of('provisioned_throughput')}”, for policy-qa" in page.notes.value
    choices.undo()
    assert page.notes.value == ""
