"""The executed notebook as it is kept: small for every account, whole in what matters, honest about what it leaves."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from itertools import product
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from shown_report import executed
from stub_report import made_figures, stub

from bedrock_guard.account.facts import CHARGES, Fact, Facts
from bedrock_guard.account.session import Account
from bedrock_guard.evidence.runbook import Step
from bedrock_guard.evidence.tables import Provenance
from bedrock_guard.present import ink
from bedrock_guard.present.runbook import Runbook
from bedrock_guard.present.table import NO_MATH, Shown
from bedrock_guard.reports.account_report import AccountReport
from bedrock_guard.reports.cost import CostReport
from bedrock_guard.reports.figures import MIME, NAMES_MIME
from bedrock_guard.reports.kept import MOST_BYTES, PLOTLY, kept, kept_text
from bedrock_guard.reports.keys import KeyReport
from bedrock_guard.reports.parts import Html, findings_list, sources_list, verdict
from bedrock_guard.reports.run import Options, run
from bedrock_guard.reports.settings import CostSettings, KeySettings
from bedrock_guard.reports.shortened import SUMS, Rows, fitted, in_file, parts

LEFT = re.compile(r"… ([\d,]+) more (row|step|finding)s? stands? in report\.html")
HIDDEN = re.compile(r"\(([\d,]+) more rows are not shown\)")


def many_keys() -> Account:
    """The demo account with 160 users more who hold endless keys, half of them made by the console."""
    account = Account.demo()
    iam = account.client("iam")
    for number in range(160):
        name = (
            f"BedrockAPIKey-{number:04}" if number % 2 else f"team-{number:03}-{'that-rotates-nothing-' * 2}"
        )
        iam.create_user(UserName=name)
        iam.create_service_specific_credential(UserName=name, ServiceName="bedrock.amazonaws.com")
    return account


def many_meters() -> Account:
    """The demo account, whose bill has eighty usage types more in every answer: it adds up no longer."""
    account = Account.demo()
    names = [f"USW2-XJ4-meter-{number:04}" for number in range(80)]

    def more(parsed: dict[str, Any], **_: Any) -> None:
        for period in parsed["ResultsByTime"]:
            for like in [one for one in period["Groups"] if one["Keys"][-1].startswith("USW2-XJ4")]:
                period["Groups"] += [like | {"Keys": [*like["Keys"][:-1], name]} for name in names]

    account._session.events.register("after-call.cost-explorer.GetCostAndUsage", more)
    return account


MADE: dict[str, Callable[[], AccountReport[Any]]] = {
    "cost": lambda: CostReport.of(Account.demo(), CostSettings()),
    "keys": lambda: KeyReport.of(Account.demo(), KeySettings()),
    "cost, many meters": lambda: CostReport.of(many_meters(), CostSettings(days=89)),
    "keys, many users": lambda: KeyReport.of(many_keys(), KeySettings()),
}


@pytest.fixture(scope="module", params=MADE)
def report(request: pytest.FixtureRequest) -> AccountReport[Any]:
    return MADE[request.param]()


def words(html: str) -> list[str]:
    """What a reader sees, word by word; between elements of a line stands what the HTML has there."""
    inline = re.sub(r"</?(?:span|b|code|i)\b[^>]*>", "", html)
    return unescape(re.sub(r"<[^>]*>", " ", inline)).split()


def pages(book: nbformat.NotebookNode) -> str:
    return "".join(
        output["data"].get("text/markdown", "") for cell in book.cells for output in cell.get("outputs", ())
    )


@pytest.mark.slow
def test_it_keeps_to_its_size_and_is_whole_in_what_matters(report: AccountReport[Any]) -> None:
    book = executed(report)
    text = kept_text(book)
    assert MOST_BYTES - 600 < len(text.encode()) <= MOST_BYTES == 25_000, "full, as far as rows go"
    small = nbformat.reads(text, nbformat.NO_CONVERT)
    assert [cell.source for cell in small.cells] == [cell.source for cell in book.cells]
    said = " ".join(words(pages(small)))
    assert " ".join(words(report.headline.text)) in said
    assert all(" ".join(words(gap)) in said for gap in report.gaps)
    assert bool(report.gaps) == (report.settings.days == 89), "of the bill that adds up no longer"
    findings = [" ".join(words(item)) for item in report.findings_shown.text.split("<li")[1:]]
    findings = [one.partition(">")[2].strip() for one in findings]
    whole = "… " not in pages(small) or not re.search(r"more findings? stand", pages(small))
    assert whole == (len(findings) < 100), "only where nothing else is left are findings shortened"
    shown = [one for one in findings if one in said]
    assert shown == findings[: len(shown)]
    assert whole or len(shown) > 100
    assert len(shown) + (0 if whole else int(re.search(r"… (\d+) more findings", said)[1])) == len(findings)


@pytest.mark.slow
def test_what_is_left_out_is_counted_and_sums_stay(
    report: AccountReport[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    book = executed(report)
    small = pages(kept(book))
    monkeypatch.setattr("bedrock_guard.reports.kept.MOST_BYTES", 10_000_000)
    whole = kept(book)
    held = [one for one in parts(pages(whole)) if isinstance(one, Rows)]
    assert len(held) > 12
    left = 0
    for one in held:
        count = next(n for n in range(len(one.rows), -1, -1) if one.first(n) in small)
        told = LEFT.search(one.first(count))
        assert len(one.rows) == count + (int(told[1]) if told else 0)
        left += count < len(one.rows)
        if SUMS in one.end:
            assert one.end in small, "the sum of all stays"
        hidden = HIDDEN.search(one.head)
        assert not hidden or hidden[0] in small, "what no page shows is said as before"
    assert left == len(LEFT.findall(small)) > 0
    assert len(set(re.findall(r"<caption>([^<]*)", small))) == len(re.findall("<caption>", pages(whole)))


@pytest.mark.slow
def test_the_step_that_stops_the_key_is_kept(report: AccountReport[Any]) -> None:
    if not isinstance(report, KeyReport) or len(report.findings) > 100:
        return
    small = pages(kept(executed(report)))
    first = next(step for step in report.page.runbook if step.phase == "contain")
    assert f"<li><b>contain</b>: {first.what}" in small
    assert first.commands[0] in unescape(small)


def table(rows: int, *, total: bool = False, words: str = "Many") -> Rows:
    (_, made, _) = parts(
        f"<table><caption>{words}<thead><tr><th>a<th>b<tbody>"
        + "".join(f"<tr><td>row {n} é<td>{n}" for n in range(rows))
        + (f"{SUMS}>total<td>9" if total else "")
        + "</table>"
    )
    assert isinstance(made, Rows)
    assert len(made.rows) == rows
    return made


@pytest.mark.parametrize(
    ("rows", "total", "room"), list(product((0, 1, 2, 50), (False, True), (0, 150, 400, 3000)))
)
def test_rows_fit_their_room_as_far_as_heads_and_sums_let_them(rows: int, total: bool, room: int) -> None:
    held = [table(rows, total=total), table(3, words="Few")]
    shown = fitted(held, room)
    least = sum(min(in_file(one.first(n)) for n in range(len(one.rows) + 1)) for one in held)
    assert sum(map(in_file, shown)) <= max(room, least + 100)
    if sum(map(in_file, shown)) > room:
        assert all("more row" in text for text, one in zip(shown, held, strict=True) if one.rows)
    for text, one in zip(shown, held, strict=True):
        left = LEFT.search(text)
        assert text.count("é<td>") + text.count("<td>row") // 99 + int(left[1] if left else 0) == len(
            one.rows
        )
        assert text.endswith(f"{SUMS}>total<td>9</table>" if one.end.startswith("<tr>") else "</table>")


def test_the_longest_are_shortened_first_and_findings_last() -> None:
    listed = "".join(f"<li>finding {n}" for n in range(30))
    (_, findings, _) = parts(f"<ul>{listed}</ul>")
    assert isinstance(findings, Rows)
    long, short = table(50), table(4)
    room = in_file(findings.first(30)) + 700
    said, few, many = fitted([findings, short, long], room)
    assert (said, few) == (findings.first(30), short.first(4))
    assert "more rows stand in report.html" in many
    said, few, many = fitted([findings, short, long], in_file(findings.first(30)))
    assert "… 4 more rows stand" in few
    assert "… 50 more rows stand" in many
    left = re.search(r"</ul><p>… (\d+) more findings stand in report\.html\.$", said)
    assert left
    assert said.count("<li>") + int(left[1]) == 30 > int(left[1])


def test_hostile_text_is_never_cut_in_two() -> None:
    name = "</table><tr><td>x<li>&</ol>"
    frame = pd.DataFrame({"who": [f"{name} {n}" for n in range(50)], "cost_usd": range(50)})
    book = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(
                "x",
                outputs=[
                    nbformat.v4.new_output(
                        "display_data", Shown(frame.copy(), f"{name} {n}")._repr_mimebundle_()
                    )
                    for n in range(20)
                ],
            )
        ]
    )
    small = pages(kept(book))
    held = [one for one in parts(small) if isinstance(one, Rows)]
    assert len(held) == 20 == small.count("</table>")
    shown = sum(row.startswith("<tr><td>&lt;/table&gt;&lt;tr&gt;") for one in held for row in one.rows)
    assert shown + sum(int(left[0]) for left in LEFT.findall(small)) == 20 * 50
    assert len(kept_text(book).encode()) <= MOST_BYTES


def test_a_foreign_page_stays_as_it_is() -> None:
    html = (
        "<p>a<table><tr><td><table><tbody><tr><td>x</table></table><div>b</div><div>c</div><img alt='&quot;'>"
    )
    book = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(
                "x",
                outputs=[
                    nbformat.v4.new_output("display_data", {"text/html": html}),
                    nbformat.v4.new_output("stream", text="printed"),
                ],
            )
        ]
    )
    (one,) = kept(book).cells
    assert one.outputs[0]["data"]["text/html"] == html.replace("</td>", "")
    assert one.outputs[1]["text"] == "printed"


@pytest.mark.slow
def test_a_kept_notebook_runs_again(tmp_path: Path) -> None:
    book = stub(tmp_path / "book.ipynb", made_figures(), "print(days)")
    first = run("cost", {"days": 7}, tmp_path / "out", options=Options(notebook=book, plots="script"))
    again = run(
        "cost", {"days": 9}, tmp_path / "out", options=Options(notebook=first.notebook, plots="script")
    )
    kept_again = nbformat.read(again.notebook, nbformat.NO_CONVERT)
    assert [one["text"] for cell in kept_again.cells for one in cell.get("outputs", ()) if "text" in one] == [
        "9\n"
    ]
    assert again.figures == first.figures
    assert set(kept_again.metadata) == {"kernelspec", "language_info"}


def proof(source: str, completeness: str = "complete", requests: int = 2) -> Provenance:
    return Provenance(
        source, completeness=completeness, requests=requests, why="" if completeness == "complete" else "w"
    )


def test_sources_stand_once_and_first_what_is_not_whole() -> None:
    proofs = {
        "Bill": proof("Cost Explorer"),
        "Total": proof("Cost Explorer"),
        "Calls": proof("CloudTrail", "floor"),
    }
    (made,) = [
        one
        for one in parts(kept_html(sources_list(proofs, ["Said <b>."])._repr_html_()))
        if isinstance(one, Rows)
    ]
    assert made.rows == (
        "<tr><td>Calls<td>CloudTrail<td><td align=right>2<td>at least this much: w",
        "<tr><td>Bill, Total<td>Cost Explorer<td><td align=right>4<td>complete",
    )


def test_of_doctors_facts_only_what_changes_a_reading_is_told() -> None:
    found = datetime(2026, 11, 20, tzinfo=UTC)
    dull = Fact(id="states", question="Which states do keys have?", answer="Active")
    said = sources_list({}, (), Facts(found_at=found, facts=(dull,))).text
    assert "bedrock-guard doctor looked at this account on 2026-11-20: nothing it found changes" in said
    assert "Which states" not in said
    told = Fact(
        id=CHARGES, question="Which charges are in no document?", answer="Rebate", data={"Rebate": "discount"}
    )
    said = sources_list({}, (), Facts(found_at=found, facts=(dull, told))).text
    assert "numbers are read by what it found: Which charges are in no document? Rebate." in said
    assert "doctor" not in sources_list({}).text


def kept_html(html: str) -> str:
    output = nbformat.v4.new_output("display_data", {"text/html": html})
    return pages(kept(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[output])])))


def test_it_reads_like_what_was_shown() -> None:
    lead = ("It cost $1, $2 too.", "Stop it with: aws iam delete-user --user-name 'a b'")
    key = Step("contain", "Switch it off.", ("aws iam update-user --user-name x",), "aws iam undo-it")
    for shown in (verdict((), ("A gap's words",), lead), Runbook("If it leaked", (key,)), findings_list(())):
        html = shown._repr_html_() if isinstance(shown, Html) else shown.html()
        held = kept_html(html)
        assert set(re.findall("style=(.[^ >]*)", held)) <= {"'word-break:normal'"}
        assert held.count(NO_MATH) == html.count(NO_MATH) == 1
        assert words(held) == words(html)
        assert "<span" not in held
        assert not set("$\\\n") & set(held), "Markdown would read a formula, or the end of the block"


def test_outputs_of_a_cell_are_one_page_without_looks_and_charts_are_named() -> None:
    frame = pd.DataFrame({"who": ["a<b", "c"], "cost_usd": [1, 2]})
    shown = Shown(frame, "Two, $1 to $2", total=True)
    cell = nbformat.v4.new_code_cell(metadata={"tags": ["x"], "papermill": {"duration": 1.0}})
    chart = {"data": [], "layout": {"title": {"text": "Spend <by> day"}}}
    data = [
        {"text/html": ink.STYLE},
        {PLOTLY: chart},
        shown._repr_mimebundle_(),
        {MIME: {"figures": {}}, NAMES_MIME: {"zelda": "user"}, "text/plain": "1 figure"},
    ]
    cell.outputs = [nbformat.v4.new_output("display_data", one) for one in data]
    book = nbformat.v4.new_notebook(cells=[cell])
    before = nbformat.writes(book)
    (small,) = kept(book).cells
    assert nbformat.writes(book) == before
    assert small.metadata == {"tags": ["x"]}
    page, line = small.outputs
    assert line["data"] == {"text/plain": "1 figure"}
    html = page["data"]["text/markdown"]
    assert html.startswith(
        f"<div class='{NO_MATH}'><p>Chart: Spend &lt;by&gt; day; it is drawn in report.html."
        "<table><caption>Two, &#36;1 to &#36;2"
    )
    assert html.endswith(
        "<tr><td>a&lt;b<td align=right>1<tr><td>c<td align=right>2<tr><th align=left>total<td align=right>3"
        "</table></div>"
    )
    assert html.count(NO_MATH) == 1, "JupyterLab would read what stands between two dollar signs as a formula"
    nbformat.validate(kept(book))
