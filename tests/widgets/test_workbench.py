"""The views, without a browser: they show what the state holds, and hostile text is text."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import ipywidgets
import pandas as pd
import pytest

from bedrock_guard.account.session import Account
from bedrock_guard.account.situation import Situation, example_spec
from bedrock_guard.boundary.builder import build
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.caller_spend import by_caller
from bedrock_guard.evidence.tables import dollars, total
from bedrock_guard.present import charts, evidence
from bedrock_guard.widgets.elements import PickList
from bedrock_guard.widgets.parts import shows_errors
from bedrock_guard.widgets.seeing import Chart, Figure
from bedrock_guard.widgets.trying import Trying, ask
from bedrock_guard.widgets.workbench import Workbench, headline

OPUS = "anthropic.claude-opus-4-8"
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def bench(situation: Situation) -> Workbench:
    return Workbench(situation)


def test_a_handler_shows_its_error_and_no_traceback() -> None:
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


def test_a_tick_in_the_list_is_a_choice_and_the_chart_follows(bench: Workbench) -> None:
    def refused() -> float:
        return sum(cost or 0 for cost in bench.seeing.by_model.figure.data[1].x)

    before, head = refused(), bench.head.cards.value
    bench.choosing.models.picked = [*bench.choosing.models.picked, OPUS]
    assert OPUS in bench.choices.approved
    assert refused() < before
    assert bench.head.cards.value != head
    assert "Kept up" in bench.head.said.value
    bench.head.undo.click()
    assert OPUS not in bench.choosing.models.picked
    assert bench.head.cards.value == head


def test_routes_controls_types_and_texts_are_choices(bench: Workbench) -> None:
    listed = bench.choosing
    listed.models.options = {**listed.models.options, HAIKU: ["us", "global"]}
    assert bench.choices.routes[HAIKU] == ("us", "global")
    listed.controls.picked = [name for name in listed.controls.picked if name != "agents"]
    assert bench.choices.profile.controls.agents is False
    listed.controls.texts = {**listed.controls.texts, "api_key_creation": "30"}
    assert bench.choices.profile.controls.api_key_creation == 30
    listed.types.picked = ["t3.micro"]
    assert bench.choices.instance_types == ("t3.micro",)
    listed.limited.value = False
    assert bench.choices.profile.controls.instance_types is False


def test_sources_tell_what_exists_in_each_region(bench: Workbench) -> None:
    tabs = bench.seeing.widget
    texts = [one.value for one in _all_html(tabs.children[list(tabs.titles).index("Sources")])]
    page = "".join(texts)
    for said in ("policy-qa-unit", "support-guardrail", "18 of 18", "2027-02-25 17:00 UTC"):
        assert said in page


def _all_html(widget: ipywidgets.Widget) -> list[ipywidgets.HTML]:
    if isinstance(widget, ipywidgets.HTML):
        return [widget]
    return [one for child in getattr(widget, "children", ()) for one in _all_html(child)]


def test_a_bad_text_is_said_beside_the_list(bench: Workbench) -> None:
    listed = bench.choosing
    listed.controls.texts = {**listed.controls.texts, "api_key_creation": "<b>soon</b>"}
    assert "role='alert'" in listed.told.value
    assert "<b>soon" not in listed.told.value


def test_a_choice_that_cannot_be_built_keeps_the_figures_and_says_so(bench: Workbench) -> None:
    head = bench.head.cards.value
    bench.choosing.models.picked = []
    assert "role='alert'" in bench.head.problem.value
    assert bench.head.cards.value == head
    assert "of the choice before" in bench.head.said.value
    assert not bench.proving.job.busy
    bench.choosing.nothing.value = True
    assert bench.head.problem.value == ""
    assert bench.proving.job.busy


def test_the_day_chart_is_sent_before_its_page_is_opened(bench: Workbench) -> None:
    """It takes some megabytes: sent when it is opened, the page would stand empty for a second and more."""
    assert bench.seeing.widget.selected_index == 0
    figure = bench.seeing.by_day.figure
    assert figure is not None
    assert figure.comm is not None


def test_the_page_learns_of_an_element_with_all_that_it_holds(bench: Workbench) -> None:
    figure = Figure.of(bench.seeing.by_model.figure)
    ticks = PickList("letters", [], search="letter")
    assert figure.comm is None
    ticks.picked = ["a"]
    assert ticks.comm is None, "what is told before would be an update, which a busy page loses"
    ipywidgets.Box([figure, ticks])
    assert figure.comm is not None
    assert ticks.comm is not None
    assert len(figure.get_state()["_widget_data"]) == 4
    assert bench.choosing.models.comm is not None


def test_a_cell_below_says_of_which_choice_it_is(bench: Workbench) -> None:
    before = [made().caption for made in (bench.models, bench.callers, bench.policies)]
    bench.choices.approved = (*bench.choices.approved, OPUS)
    after = [made().caption for made in (bench.models, bench.callers, bench.policies)]
    for count, captions in ((4, before), (5, after)):
        said = f"Of the choice when this cell ran, {count} models approved; run it again after a change. "
        assert all(caption.startswith(said) for caption in captions)


def test_no_way_of_showing_offers_to_upload(bench: Workbench) -> None:
    bench.seeing.widget.selected_index = 1
    for chart in (bench.seeing.by_model, bench.seeing.by_day):
        assert chart.figure._config["showSendToCloud"] is False


def test_a_chart_whose_outcomes_change_is_drawn_anew() -> None:
    rows = pd.DataFrame({"model": ["m"], **{name: [Decimal(1)] for name in charts.OUTCOMES}})
    wider = rows.assign(outside=[Decimal(2)])
    shown = rows
    chart = Chart(lambda: charts.outcome_by_model(shown), along="x")
    for shown in (rows, wider, rows):
        chart.follow(*charts.horizontal(shown, "model"))
        drawn = {bar.name: sum(bar.x) for bar in chart.figure.data}
        assert drawn == {name: shown[name][0] for name in shown.columns if name != "model"}
        assert chart.widget.children[-1] is chart.figure


def test_the_headline_tells_dollars_outside_apart(situation: Situation) -> None:
    spec = example_spec()
    ((name, one),) = spec.profile.items()
    only = spec.model_copy(update={"profile": {name: one.model_copy(update={"accounts": ("111122223333",)})}})
    found = situation.what_if(only)
    shown, cost = headline(found, situation), dollars(found.impact.spend("outside"))
    assert f"{cost} of accounts 000000000011 and 000000000012 is outside" in shown
    assert "judged by the model alone" not in shown


def test_the_days_add_up_to_the_headline_and_to_the_calls(bench: Workbench) -> None:
    found = bench.choices.what_if
    days = evidence.by_day(found, bench.situation)
    for outcome in ("kept", "refused", "stranded", "unknown"):
        assert abs(total(days[outcome]) - found.impact.spend(outcome)) < Decimal("0.000001")
    assert days["calls_refused"].sum() == found.count("refused")
    bench.seeing.widget.selected_index = 1
    drawn = {trace.meta: sum(trace.y) for trace in bench.seeing.by_day.figure.data}
    assert drawn["refused"] == pytest.approx(float(found.impact.spend("refused")))
    assert drawn["calls_refused"] == found.count("refused")


def test_every_model_is_listed_with_what_is_known(bench: Workbench) -> None:
    rows = {row["id"]: row for row in bench.choosing.models.rows}
    assert len(rows) >= len(bench.situation.catalogue.models)
    opus = rows[OPUS]
    assert {option["id"] for option in opus["options"]} == {"us", "global"}
    assert any("per M tokens" in fact for fact in opus["facts"])
    assert any("callers" in fact for fact in opus["facts"])


def test_every_control_has_its_sentence_its_cost_and_its_page(bench: Workbench) -> None:
    rows = bench.choosing.controls.rows
    assert len(rows) == 42
    for row in rows:
        assert row["name"]
        assert row["lines"][0].startswith("Off by mistake: ")
        assert row["lines"][1].startswith("On by mistake, it refuses: ")
        assert any(text.startswith("https://") for _, text in row["page"])


def test_a_hostile_model_name_is_text(bench: Workbench) -> None:
    bench.choices.approved = (*bench.choices.approved, HOSTILE)
    assert bench.choices.problem is not None
    shown = bench.head.problem.value + bench.head.said.value + bench.choosing.file.differs.value
    assert "<img" not in shown


def test_dollars_by_caller_add_up_to_the_impact(situation: Situation) -> None:
    found = situation.what_if(example_spec())
    table = by_caller(found.judged, found.impact, situation.counted)
    for outcome in ("kept", "refused", "stranded", "unknown"):
        assert total(table[outcome]) == found.impact.spend(outcome)
    assert table["principal"].isna().sum() == 1
    named = table[table["principal"].notna()]
    assert all(cost >= 0 for name in ("kept", "refused", "stranded", "unknown") for cost in table[name])
    assert total(named["refused"]) > Decimal(0)


def test_the_proof_is_of_the_present_choice_and_stale_at_once(bench: Workbench) -> None:
    view = bench.proving
    view.start()
    assert view.job.wait(120)
    assert view.proof is not None
    assert view.proof.card.count("closed") > 30
    assert "Proved in" in view.state.value
    card = view.widget.children[1].children[0].children[0].value
    assert card.index("111122223333 is the management account") < card.index("<table"), "no SCP binds it"
    assert ">in 111122223333</th>" in card, "the table says it for that account"
    bench.choices.approved = (HAIKU,)
    assert view.proof is None
    assert "stale" in view.state.value
    view.stop.click()
    assert view.job.wait(60)
    assert view.job.state == "cancelled"
    assert "Cancelled" in view.state.value
    view.again.click()
    assert view.job.wait(120)
    assert view.proof is not None
    assert view.proof.built is bench.choices.what_if.built


def test_what_is_deployed_is_compared_with(situation: Situation, account: Account) -> None:
    bench = Workbench(situation, account=account)
    bench.proving.start()
    assert bench.proving.job.wait(120)
    assert bench.proving.deployed is not None
    assert bench.proving.deployed.documents == {}
    assert "none of these policies is deployed" in bench.proving._pages["changes"].value
    line = bench.proving.line
    assert line in bench.choosing.file.widget.children
    assert "none of these policies is deployed: " in line.value
    assert "kinds of request that pass today would be refused" in line.value
    bench.choosing.file.widget.children[-1].children[0].click()
    assert bench.tabs.titles[bench.tabs.selected_index] == "Prove"
    assert bench.proving.tabs.titles[bench.proving.tabs.selected_index] == "What changes"
    bench.choices.approved = (HAIKU,)
    assert "being worked out" in line.value, "never of the choice before"
    bench.proving.job.cancel()


def tried(**fields: object) -> Trying:
    made = Trying(caller="arn:aws:iam::111122223333:role/developer", model=HAIKU, route="us")
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_a_call_is_tried_and_told_why(situation: Situation) -> None:
    built = build(example_spec(), situation.catalogue)

    def outcome(**fields: object) -> str:
        return str(ask(tried(**fields), built, situation.catalogue).verdict.outcome)

    assert outcome() == "allowed"
    assert outcome(model=OPUS) == "refused"
    assert outcome(route="global") == "refused"
    assert outcome(key_kind="long_term") == "refused"
    assert outcome(operation="RunInstances", instance_type="g6.12xlarge") == "refused"
    assert outcome(operation="RunInstances", encrypted=False) == "refused"
    assert outcome(operation="RunInstances") in {"allowed", "depends"}
    assert outcome(tier="priority") == "refused"
    given = ask(tried(model=OPUS), built, situation.catalogue)
    assert "Only the approved models" in given.sentence
    table = given.table().frame
    assert len(table) == 4
    assert set(table["layer"]) <= {"permissions boundary", "identity-based policy", "service control policy"}
    assert table["statement"].str.contains("Deny").all()


def test_a_trial_begins_with_a_recorded_call(bench: Workbench) -> None:
    view = bench.trying
    claude = next(n for words, n in view.begin.options if words.startswith("claude-code"))
    view.begin.value = claude
    assert "AWSReservedSSO_BedrockDeveloper" in view.trying.caller
    assert "Refused" in view.answer.value
    assert "role='status'" in view.answer.value
    view.trying.caller = HOSTILE
    assert "<img" not in view.answer.value


def test_recorded_calls_stand_once_each_and_say_which_failed(bench: Workbench) -> None:
    words = [words for words, _ in bench.trying.begin.options]
    assert len(set(words)) == len(words)
    assert not any(" 1 calls" in one for one in words)
    assert any("· 1 call, failed · role search-api · Claude 3.7 Sonnet" in one for one in words)
    assert any("failed · user legacy-etl · Llama 3.3" in one for one in words)


def test_a_trial_says_by_what_the_boundary_reaches_the_caller(bench: Workbench) -> None:
    view = bench.trying
    account = "arn:aws:iam::111122223333"
    sso = "AWSReservedSSO_BedrockDeveloper_1f2e3d4c5b6a7089"
    expected = {
        f"{account}:role/aws-reserved/sso.amazonaws.com/{sso}": "its permission set, BedrockDeveloper",
        f"arn:aws:sts::111122223333:assumed-role/{sso}/ana": "its permission set, BedrockDeveloper",
        f"{account}:role/policy-qa": "on role policy-qa itself",
        "arn:aws:sts::111122223333:assumed-role/policy-qa/s": "on role policy-qa itself",
        f"{account}:role/break-glass-admin": "Never bound (break glass)",
        "arn:aws:sts::111122223333:assumed-role/break-glass-admin/s": "Never bound (break glass)",
        f"{account}:role/aws-service-role/x.amazonaws.com/X": "A service-linked role",
        f"{account}:root": "no boundary can be set on it",
        "arn:aws:iam::000000000099:role/x": "nothing here binds it",
        "nobody": "what reaches it is not known",
    }
    for caller, words in expected.items():
        view.trying.caller = caller
        assert words in view.answer.value, caller


def test_policies_are_there_to_copy_and_to_export(bench: Workbench, tmp_path: Path) -> None:
    view = bench.taking
    names = [one["name"] for one in view.documents.documents]
    assert names[0] == "bedrock-guard-boundary"
    view.folder.value = str(tmp_path / "out")
    for form in ("json", "cloudformation", "terraform", "cli", "markdown"):
        view.form.value = form
        view.button.click()
        assert "Exported to" in view.told.value, form
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"boundary.json", "guard.toml", "scorecard.md", "apply.sh"} <= made
    view.folder.value = " "
    view.button.click()
    assert "role='alert'" in view.told.value


def test_the_pull_request_card_is_of_the_present_choice(bench: Workbench) -> None:
    view = bench.taking
    view.card.click()
    assert view.job.wait(120)
    assert view.pull_request.documents[0]["text"].startswith("# bedrock-guard: analysts")
    bench.choices.approved = (HAIKU,)
    assert view.pull_request.documents == []
