"""The rules for prompts: the state, the boxes, what is shown, what leaves the page, and that a prompt does not."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import botocore.session
import ipywidgets as w
import nbformat
import pytest
from nbclient import NotebookClient

from bedrock_guard.account.prompts import PromptError, apply_guardrail, guardrails
from bedrock_guard.account.session import Account
from bedrock_guard.boundary.guardrail import GAPS
from bedrock_guard.boundary.prompt_rules import DeniedTopic, Pattern, PersonalData, PromptRules
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.errors import GuardError
from bedrock_guard.widgets.prompt_choices import PromptChoices
from bedrock_guard.widgets.prompt_editors import PERSONAL
from bedrock_guard.widgets.prompts import PromptBench

ARN = "arn:aws:bedrock:us-east-1:111122223333:guardrail/abc123"
HOSTILE = "<img src=x onerror=alert(1)>"
PROMPT = "please reveal Project Zeus, quoth xyzzy-4711"
NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "prompt_guardrail.ipynb"
FULL = PromptRules(
    name="g",
    explicit_language="HIGH",
    filters={"VIOLENCE": "LOW"},
    words=("project zeus",),
    denied_topics=(DeniedTopic(name="A", definition="b", examples=("c",)),),
    personal_data=(PersonalData(type="EMAIL"), PersonalData(type="PASSWORD", action="BLOCK")),
    patterns=(Pattern(name="ticket", pattern="ZEUS-[0-9]+"),),
    tier="STANDARD",
    cross_region="us.guardrail.v1:0",
)


def spec_with(rules: PromptRules | None) -> BoundarySpec:
    made = BoundarySpec.from_draft()
    return made.model_copy(update={"guardrail": rules})


@pytest.fixture(scope="module")
def demo() -> Account:
    return Account.demo(calls=200, days=10)


@pytest.fixture
def bench(demo: Account) -> PromptBench:
    return PromptBench(demo, spec_with(FULL))


def every(bench: PromptBench, kind: type) -> dict[str, Any]:
    """The bench's boxes by their words, as one finds them on the page."""
    found: dict[str, Any] = {}

    def walk(box: Any) -> None:
        if isinstance(box, kind):
            found[box.description] = box
        for child in getattr(box, "children", ()):
            walk(child)

    walk(bench.widget)
    return found


def page(bench: PromptBench) -> str:
    """All HTML on the page."""
    found: list[str] = []

    def walk(box: Any) -> None:
        if isinstance(box, w.HTML):
            found.append(box.value)
        for child in getattr(box, "children", ()):
            walk(child)

    walk(bench.widget)
    return "\n".join(found)


def test_the_table_goes_round_with_nothing_lost() -> None:
    choices = PromptChoices(spec_with(FULL))
    assert choices.rules == FULL
    part = spec_with(None).dumps() + "\n" + choices.toml()
    assert BoundarySpec.loads(part).guardrail == FULL


def test_one_filter_differs_and_comes_back() -> None:
    choices = PromptChoices(spec_with(PromptRules(name="g", explicit_language="HIGH")))
    choices.set_strength("HATE", "LOW")
    assert choices.table["filters"] == {"HATE": "LOW"}
    assert [f["inputStrength"] for f in choices.request()["contentPolicyConfig"]["filtersConfig"]].count(
        "LOW"
    ) == 1
    choices.set_strength("HATE", "HIGH")
    assert choices.table["filters"] == {}
    choices.set_strength("HATE", "NONE")
    choices.set_all_strengths("MEDIUM")
    assert {choices.strength(n) for n in ("HATE", "SEXUAL")} == {"MEDIUM"}


@pytest.mark.parametrize(
    ("fields", "key", "words"),
    [
        ({"words": ["x" * 101]}, "words", "longer than 100"),
        ({"words": [f"w{n}" for n in range(10_001)]}, "words", "10,000"),
        ({"name": ""}, "name", "is empty"),
        ({"name": "a b"}, "name", "refuses"),
        ({"blocked_input": ""}, "blocked_input", "is empty"),
        (
            {"denied_topics": [{"name": "a", "definition": ""}]},
            "denied_topics.0",
            "Denied topic 1, definition",
        ),
        (
            {"denied_topics": [{"name": "a", "definition": "b", "examples": ["x"] * 6}]},
            "denied_topics.0",
            "5",
        ),
        ({"tier": "STANDARD", "cross_region": None}, "rules", "cross_region"),
        ({"explicit_language": "NONE"}, "rules", "no rule"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_made(fields: dict[str, Any], key: str, words: str) -> None:
    choices = PromptChoices(spec_with(PromptRules(name="g", explicit_language="LOW")))
    choices.change(**fields)
    assert words in str(choices.problems[key])
    for make in (choices.request, choices.toml, choices.files):
        with pytest.raises(GuardError):
            make()


def test_a_spec_that_cannot_be_read_is_told_and_blocks_the_export(demo: Account, tmp_path: Path) -> None:
    bench = PromptBench(demo, tmp_path / "none.toml")
    assert "Cannot read none.toml" in bench._head.value
    for told in (bench.request(), bench.statement(), bench.toml()):
        assert told.problem is not None
    bench.export.folder.value = str(tmp_path / "out")
    bench.export.button.click()
    assert "role='alert'" in bench.export.told.value
    assert not (tmp_path / "out").exists()


def test_no_account_still_lets_one_edit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    bench = PromptBench("no-such-profile", spec_with(FULL))
    assert "role='alert'" in bench.target.told.value
    assert bench.request().problem is None
    assert "No account is open" in page(bench)


def test_the_boxes_lead_the_rules(bench: PromptBench) -> None:
    lists, ticks, areas = every(bench, w.Dropdown), every(bench, w.Checkbox), every(bench, w.Textarea)
    assert (lists["Sexual"].value, lists["Violence"].value, lists["All five filters"].value) == (
        "HIGH",
        "LOW",
        "",
    )
    lists["All five filters"].value = "MEDIUM"
    assert lists["Violence"].value == "MEDIUM"
    lists["Hate"].value = "NONE"
    assert lists["All five filters"].value == ""
    ticks["The filters look at images too"].value = True
    ticks["Block AWS's list of profane words"].value = True
    areas["Blocked words"].value = " zeus \n\nhera\nzeus\n"
    lists["Phone"].value = "BLOCK"
    lists["Email"].value = ""
    lists["Prompt attack"].value = "HIGH"
    rules = bench.choices.valid
    assert (rules.explicit_language, rules.filters) == ("MEDIUM", {"HATE": "NONE"})
    assert (rules.images, rules.profanity, rules.prompt_attack) == (True, True, "HIGH")
    assert rules.words == ("zeus", "hera")
    assert {(p.type, p.action) for p in rules.personal_data} == {("PASSWORD", "BLOCK"), ("PHONE", "BLOCK")}
    assert rules.patterns == FULL.patterns
    assert "hera" in bench._request.value
    assert "hera" in bench._toml.value


def test_every_control_has_a_name_and_each_name_is_used_once(bench: PromptBench) -> None:
    names: list[str] = []

    def walk(box: Any) -> None:
        if isinstance(box, (w.Dropdown, w.Checkbox, w.Text, w.Textarea, w.Button)):
            names.append(box.description)
        for child in getattr(box, "children", ()):
            walk(child)

    walk(bench.widget)
    assert all(names)
    assert len(names) == len(set(names))


def test_words_are_written_as_people_write_them(bench: PromptBench) -> None:
    lists = every(bench, w.Dropdown)
    assert {"AWS access key", "US social security number", "UK national health service number"} <= set(lists)
    lists["Prompt attack"].value = "HIGH"
    head = bench._head.value
    assert "sexual high" in head
    assert "violence low" in head
    assert "prompt attack high" in head
    lists["Violence"].value = "NONE"
    assert "violence" not in bench._head.value


def test_topics_come_and_go_with_their_own_error(bench: PromptBench) -> None:
    buttons = every(bench, w.Button)
    buttons["Add a topic"].click()
    assert len(bench.choices.valid.denied_topics) == 1, "an empty card is no topic"
    assert "Empty: not a topic yet." in page(bench)
    assert "Topic 2 added" in page(bench)
    boxes = every(bench, w.Text)
    boxes["Topic 2"].value = "Travel"
    assert "Topic 2 added" not in page(bench), "what was told of an empty card is over"
    assert "Denied topic 2, definition: is empty." in page(bench)
    assert "To put right:" in bench._head.value
    every(bench, w.Textarea)["Definition 2"].value = "Planning of private journeys."
    every(bench, w.Textarea)["Examples 2"].value = "Plan my trip\n"
    assert bench.choices.valid.denied_topics[1].examples == ("Plan my trip",)
    every(bench, w.Button)["Remove topic 1"].click()
    assert [topic.name for topic in bench.choices.valid.denied_topics] == ["Travel"]
    assert set(every(bench, w.Text)) >= {"Topic 1"}


def test_the_kinds_of_personal_data_are_those_of_the_service() -> None:
    service = botocore.session.get_session().get_service_model("bedrock")
    shape = service.operation_model("CreateGuardrail").input_shape.members["sensitiveInformationPolicyConfig"]
    assert list(PERSONAL) == sorted(shape.members["piiEntitiesConfig"].member.members["type"].enum)


def test_enforcement_follows_the_arn(bench: PromptBench) -> None:
    assert "/placeholder" in bench.statement().text
    assert "no such guardrail exists" in bench.statement().note
    every(bench, w.Text)["Guardrail ARN"].value = ARN
    every(bench, w.Text)["Version"].value = "3"
    held = bench.choices.statements()
    assert held
    for (statement,) in held.values():
        assert statement["Effect"] == "Deny"
        assert statement["Condition"]["ArnNotLike"] == {"bedrock:GuardrailIdentifier": f"{ARN}:*"}
    assert ARN in bench._statement.value
    inside = bench.choices.enforced()["guardrailInferenceConfig"]
    assert (inside["guardrailIdentifier"], inside["guardrailVersion"]) == (ARN, "3")
    every(bench, w.Text)["Version"].value = "DRAFT"
    assert "role='alert'" in bench._enforced.value
    assert "role='alert'" not in bench._statement.value
    every(bench, w.Text)["Guardrail ARN"].value = f"{ARN}:1"
    assert "role='alert'" in bench._statement.value


def test_the_gaps_are_on_the_page(bench: PromptBench) -> None:
    from html import escape

    assert all(escape(gap) in page(bench) for gap in GAPS)
    assert all(gap in bench.gaps().text for gap in GAPS)


def test_the_export_is_what_is_shown(bench: PromptBench, tmp_path: Path) -> None:
    bench.export.folder.value = str(tmp_path / "out")
    bench.export.button.click()
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["create-guardrail.json", "guardrail.toml"]
    assert "Enforcement is left out" in bench.export.told.value
    bench.choices.guardrail = ARN
    bench.export.button.click()
    files = {p.name: p.read_text() for p in (tmp_path / "out").iterdir()}
    assert len(files) == 4
    assert json.loads(files["create-guardrail.json"]) == bench.choices.request()
    assert ARN in files["enforced-configuration.json"]
    bench.export.folder.value = " "
    bench.export.button.click()
    assert "No folder is named" in bench.export.told.value


def test_hostile_text_is_text(demo: Account) -> None:
    rules = PromptRules(
        name="g",
        words=(HOSTILE, "a\u202eb", "\x1b[31m"),
        denied_topics=(DeniedTopic(name="a", definition=HOSTILE),),
        personal_data=(PersonalData(type="EMAIL"),),
    )
    bench = PromptBench(demo, spec_with(rules))
    bench.trial.box.value = f"see {HOSTILE}"
    bench.trial.button.click()
    every(bench, w.Text)["Guardrail ARN"].value = HOSTILE
    every(bench, w.Text)["Version"].value = HOSTILE
    every(bench, w.Textarea)["Blocked words"].value = HOSTILE * 9
    bench.export.folder.value = f"/dev/null/{HOSTILE}"
    bench.export.button.click()
    assert "<img" not in page(bench)
    assert "\u202e" not in page(bench)
    shown = [told.html() for told in (bench.request(), bench.statement(), bench.enforced(), bench.toml())]
    assert not any("<img" in text or "Traceback" in text for text in shown)


def test_the_demo_judges_words_alone_and_says_so(bench: PromptBench) -> None:
    assert "has no ApplyGuardrail" in page(bench)
    bench.trial.button.click()
    assert "Type a prompt" in bench.trial.told.value
    bench.trial.box.value = PROMPT
    bench.trial.button.click()
    assert "blocked by “project zeus”" in bench.trial.told.value
    assert "Not judged here" in bench.trial.told.value
    assert "explicit language" in bench.trial.told.value
    bench.trial.box.value = "a harmless text"
    assert "Not tried since the last change" in bench.trial.told.value
    bench.trial.button.click()
    assert "passes" in bench.trial.told.value
    every(bench, w.Textarea)["Blocked words"].value = "harmless"
    assert "Not tried since the last change" in bench.trial.told.value


def test_a_tried_prompt_is_in_its_box_and_nowhere_else(
    bench: PromptBench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bench.trial.box.value = PROMPT
    bench.trial.button.click()
    bench.export.folder.value = str(tmp_path)
    bench.export.button.click()
    models = w.Widget.get_manager_state()["state"]
    holding = [model for model in models.values() if "xyzzy" in json.dumps(model, default=str)]
    assert [model["model_name"] for model in holding] == ["TextareaModel"]
    assert "xyzzy" not in repr(bench.choices.trait_values())
    assert "xyzzy" not in caplog.text
    assert not any("xyzzy" in path.read_text() for path in tmp_path.iterdir())
    told = (bench.request(), bench.statement(), bench.enforced(), bench.gaps(), bench.toml())
    assert not any("xyzzy" in repr(t._repr_mimebundle_()) for t in told)
    bench.trial.clear.click()
    assert "xyzzy" not in json.dumps(w.Widget.get_manager_state(), default=str)


class Bedrock(BaseHTTPRequestHandler):
    """Answers as Bedrock's runtime does, and remembers what it was asked."""

    asked: list[tuple[str, dict[str, Any]]]
    answer: tuple[int, dict[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).asked.append((self.path, body))
        status, answer = type(self).answer
        text = json.dumps(answer).encode()
        self.send_response(status)
        if status != 200:
            self.send_header("x-amzn-errortype", answer["__type"])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self) -> None:
        listed = {"id": "abc123", "arn": ARN, "status": "READY", "name": HOSTILE, "version": "DRAFT"}
        times = {"createdAt": "2026-11-01T00:00:00Z", "updatedAt": "2026-11-01T00:00:00Z"}
        text = json.dumps({"guardrails": [listed | times]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


USAGE = {
    "topicPolicyUnits": 1,
    "contentPolicyUnits": 1,
    "wordPolicyUnits": 0,
    "sensitiveInformationPolicyUnits": 1,
    "sensitiveInformationPolicyFreeUnits": 0,
    "contextualGroundingPolicyUnits": 0,
}
BLOCKED = {
    "usage": USAGE,
    "action": "GUARDRAIL_INTERVENED",
    "outputs": [{"text": "please reveal xyzzy-4711 {EMAIL}"}],
    "assessments": [
        {
            "topicPolicy": {
                "topics": [{"name": HOSTILE, "type": "DENY", "action": "BLOCKED", "detected": True}]
            },
            "contentPolicy": {
                "filters": [
                    {"type": "HATE", "confidence": "LOW", "action": "NONE", "detected": True},
                    {"type": "SEXUAL", "confidence": "NONE", "action": "NONE", "detected": False},
                ]
            },
            "wordPolicy": {
                "customWords": [{"match": "xyzzy-4711", "action": "BLOCKED", "detected": True}],
                "managedWordLists": [],
            },
            "sensitiveInformationPolicy": {
                "piiEntities": [
                    {"match": "xyzzy-4711", "type": "EMAIL", "action": "ANONYMIZED", "detected": True}
                ],
                "regexes": [],
            },
        }
    ],
}


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    Bedrock.asked, Bedrock.answer = [], (200, BLOCKED)
    server = HTTPServer(("127.0.0.1", 0), Bedrock)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "example")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    yield Account.connect(region="us-east-1", endpoints=["127.0.0.1"])
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_real_account_judges_and_the_prompt_is_not_repeated(
    real: Account, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    rules = PromptRules(name="g", words=("project zeus",))
    bench = PromptBench(real, spec_with(rules))
    assert guardrails(real)[0].arn == ARN
    every(bench, w.Dropdown)["In the account"].value = ARN
    every(bench, w.Text)["Version"].value = "2"
    bench.trial.box.value = PROMPT
    bench.trial.button.click()
    [(path, body)] = Bedrock.asked
    assert path.endswith("/version/2/apply")
    assert "abc123" in path
    assert body == {"source": "INPUT", "content": [{"text": {"text": PROMPT}}]}
    told = bench.trial.told.value
    assert "the guardrail intervenes" in told
    assert "3 policy text units" in told
    for words in ("filter: HATE: detected only", "personal data: EMAIL: masked", "own words: blocked"):
        assert words in told
    assert "SEXUAL" not in told
    assert "xyzzy" not in told
    assert "<img" not in page(bench)
    assert "xyzzy" not in caplog.text
    assert "Project Zeus" not in caplog.text
    assert "ListGuardrails" in caplog.text, "the log was on"


@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException", "StrangeException"])
def test_a_refusal_is_told_by_its_code_alone(real: Account, code: str) -> None:
    Bedrock.answer = (400, {"__type": code, "message": f"Value '{PROMPT}' is not allowed"})
    with pytest.raises(PromptError) as caught:
        apply_guardrail(real, ARN, "1", PROMPT)
    assert code in str(caught.value)
    assert "xyzzy" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    bench = PromptBench(real, spec_with(FULL))
    bench.trial.box.value = PROMPT
    bench.trial.button.click()
    assert "No guardrail is named" in bench.trial.told.value
    bench.choices.guardrail = ARN
    bench.trial.button.click()
    assert code in bench.trial.told.value
    assert "blocked by “project zeus”" in bench.trial.told.value


def test_an_answer_that_is_not_awss_is_told(real: Account) -> None:
    Bedrock.answer = (200, {})
    bench = PromptBench(real, spec_with(FULL))
    bench.choices.guardrail = ARN
    bench.trial.box.value = PROMPT
    bench.trial.button.click()
    assert "The answer was not AWS&#x27;s" in bench.trial.told.value


@pytest.mark.slow
@pytest.mark.parametrize("parameters", ["", 'spec = "none.toml"', 'account = "no-such-profile"'])
def test_the_notebook_runs_and_never_ends_in_a_traceback(parameters: str, tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert cells[0].metadata.tags == ["parameters"]
    assert 5 <= len(cells) <= 12
    cells[0].source += f"\n{parameters}"
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert all(cell.outputs for cell in cells[1:])
    told = [cell.outputs[0]["data"]["text/plain"] for cell in cells[2:]]
    assert not any("Traceback" in text for text in told)
    assert ("Cannot read none.toml" in told[0]) is ("spec" in parameters)
