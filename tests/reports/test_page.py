from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from decimal import Decimal
from pathlib import Path

import nbformat
import pandas as pd
import plotly.graph_objects as go
import pytest
from lab_browser import tab

from bedrock_guard.present import charts, ink
from bedrock_guard.present.charts import outcome_by_model
from bedrock_guard.present.table import Shown
from bedrock_guard.reports import page as page_module
from bedrock_guard.reports.drawing import _SWATCH, _kept
from bedrock_guard.reports.figures import MIME
from bedrock_guard.reports.kept import PLOTLY, kept
from bedrock_guard.reports.page import PageWouldFetch, jointed, outside_addresses, page
from bedrock_guard.reports.parts import prose
from bedrock_guard.reports.run import browser

needs_browser = pytest.mark.skipif(
    browser() is None, reason="no Chromium on this machine: apt-get install chromium"
)


def cell(data: dict, *tags: str) -> nbformat.NotebookNode:
    output = nbformat.v4.new_output("execute_result", data=data, execution_count=1)
    made = nbformat.v4.new_code_cell("secret_looking_code = 1", outputs=[output], execution_count=1)
    made.metadata["tags"] = list(tags)
    return made


def notebook(*cells: nbformat.NotebookNode) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title\n\nWords."), *cells])


def figure() -> go.Figure:
    frame = pd.DataFrame(
        [("m </script><script>alert(1)</script>", *[Decimal(1)] * 4)],
        columns=["model", "kept", "refused", "stranded", "unknown"],
    )
    return outcome_by_model(frame)


def plot() -> dict:
    return {"application/vnd.plotly.v1+json": figure().to_plotly_json() | {"config": {}}}


def as_json(data: dict) -> dict:
    return {k: json.loads(go.Figure(v["data"], v["layout"]).to_json()) for k, v in data.items()}


def test_code_and_parameters_and_figures_stay_out() -> None:
    made = page(
        notebook(
            cell({"text/plain": "PARAMETERS"}, "parameters"),
            cell({"text/html": Shown(pd.DataFrame({"a": ["<b>"]}), "cap").html()}),
            cell({MIME: {"report": "x"}, "text/plain": "FIGURES"}, "figures"),
        ),
        title="A <title>",
        plots="script",
    )
    assert "secret_looking_code" not in made
    assert "PARAMETERS" not in made
    assert "FIGURES" not in made
    assert "&lt;b&gt;" in made
    assert "<title>A &lt;title&gt;</title>" in made
    assert "<script" not in made, "a page without charts needs no script"


def test_the_script_form_holds_plotly_once_and_no_name_breaks_out() -> None:
    made = page(notebook(cell(as_json(plot())), cell(as_json(plot()))), title="t", plots="script")
    assert made.count("<script data-plotly>") == 1
    assert "</script><script>alert(1)" not in made
    assert '"showSendToCloud":false' in made
    assert outside_addresses(made) == []


def test_a_chart_leaves_its_notebooks_ink_and_style_behind() -> None:
    dressed = notebook(cell({"text/html": ink.STYLE}), cell(as_json(plot())))
    made = page(dressed, title="t", plots="script")
    assert ink.INK in str(dressed)
    assert ink.STYLE not in made
    assert ink.INK not in made.partition("data-plotly")[0] + made.rpartition("figure-1-data")[2]
    assert ink.STYLE not in str(kept(dressed))


@needs_browser
def test_the_svg_form_has_no_script_at_all() -> None:
    made = page(notebook(cell(as_json(plot()))), title="t", plots="svg")
    assert "<script" not in made
    assert re.findall(r'class="(wide|narrow)" role="img" aria-label="Spend by model, USD"', made) == [
        "wide",
        "narrow",
    ]
    assert "<figcaption>Spend by model, USD</figcaption>" in made
    assert len(made) < 60_000


def long_names() -> list[go.Figure]:
    """Charts of every kind with names and amounts as long as a company's."""
    days = [*pd.date_range("2026-09-01", periods=60, tz="UTC")]
    models = [f"Claude Sonnet 4.{n} (long context)" for n in range(9)]
    outcomes = {
        name: [Decimal(10**n) for n in range(9)] for name in ("kept", "refused", "stranded", "unknown")
    }
    rows = [(day, model, Decimal(1000)) for day in days for model in models]
    callers = [
        "role aws-reserved/sso.amazonaws.com/AWSReservedSSO_BedrockDeveloper_1f2e3d4c",
        "x",
        "<b>y</b>",
    ]
    bill = [Decimal("1234567.89"), Decimal(1), Decimal("-23456.78")]
    steps = {"step": ["volume", "price", "not split"], "cost_usd": bill, "measure": ["relative"] * 3}
    ahead = {"day": days[:28], "mean": [Decimal(5)] * 28, "low": [Decimal(1)] * 28, "high": [Decimal(9)] * 28}
    return [
        outcome_by_model(pd.DataFrame({"model": models, **outcomes})),
        charts.daily(pd.DataFrame(rows, columns=["day", "model", "cost_usd"]), by="model"),
        charts.bars(pd.DataFrame({"caller": callers, "cost_usd": bill}), by="caller"),
        charts.steps(pd.DataFrame(steps)),
        charts.interval(pd.DataFrame(ahead)),
    ]


LETTERS = """() => [...document.querySelectorAll('figure')].map(figure => {
    const svg = [...figure.querySelectorAll('svg.main-svg, svg[role]')].find(e => e.getBoundingClientRect().width);
    const frame = svg.getBoundingClientRect();
    const lines = [...svg.querySelectorAll('text')].flatMap(t => t.children.length ? [...t.children] : [t])
        .map(t => [t.textContent, t.getBoundingClientRect()]).filter(([words]) => words.trim());
    const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4;
    return {
        size: Math.min(...[...svg.querySelectorAll('text')].map(t =>
            parseFloat(getComputedStyle(t).fontSize) * frame.width / (svg.viewBox.baseVal?.width || frame.width))),
        cut: lines.filter(([, at]) => at.left < frame.left - 1 || at.right > frame.right + 1
            || at.top < frame.top - 1 || at.bottom > frame.bottom + 1).map(([words]) => words),
        over: lines.flatMap(([a, at], n) => lines.slice(n + 1).filter(([, to]) => meet(at, to))
            .map(([b]) => a + ' / ' + b)),
        wide: figure.scrollWidth > figure.clientWidth,
        legend: [...figure.querySelectorAll('.legend li')].map(e => parseFloat(getComputedStyle(e).fontSize)),
    };
})"""


@needs_browser
@pytest.mark.parametrize("plots", ["svg", "script"])
def test_the_letters_of_every_chart_are_read_on_a_phone_in_a_mail_and_on_a_desk(
    plots: str, tmp_path: Path
) -> None:
    cells = [
        cell({PLOTLY: json.loads(one.to_json()) | {"config": {}}, "text/plain": ""}) for one in long_names()
    ]
    made = tmp_path / "report.html"
    made.write_text(page(notebook(*cells), title="t", plots=plots))
    for width in (375, 400, 601, 640, 1600):
        with tab(width=width, scripts=plots == "script") as shown:
            shown.page.goto(made.as_uri())
            shown.page.wait_for_timeout(500 if plots == "script" else 0)
            found = shown.page.evaluate(LETTERS)
            assert len(found) == len(cells)
            for chart in found:
                assert chart["size"] >= 11, (width, chart)
                assert (chart["cut"], chart["over"], chart["wide"]) == ([], [], False), width
                assert all(size >= 11 for size in chart["legend"])
            assert shown.errors == []


def test_of_a_drawing_only_shapes_and_texts_are_kept() -> None:
    hostile = """<svg xmlns="http://www.w3.org/2000/svg" onload="x()" width="9" viewBox="0 0 9 9"><style>a</style>
      <script>alert(1)</script><foreignObject><b>x</b></foreignObject><image href="https://evil.example/x.png"/>
      <a href="https://evil.example"><text>in a link</text></a><g><text onclick="x()" x="1.23456"
      style="fill: rgb(112, 123, 135); background: url(https://evil.example)">words &lt;b&gt;</text></g></svg>"""
    assert ET.tostring(_kept(ET.fromstring(hostile)), encoding="unicode") == (
        '<svg width="9" viewBox="0 0 9 9"><g><text x="1.2" style="fill:var(--ink)">words &lt;b&gt;</text></g></svg>'
    )


@pytest.mark.parametrize(
    "html",
    [
        '<img src="https://evil.example/x.png">',
        "<img src=//evil.example/x.png>",
        '<link rel=stylesheet href="http://evil.example/a.css">',
        "<style>body{background:url('https://evil.example/a')}</style>",
        '<script src="https://evil.example/a.js"></script>',
        '<iframe src="https://evil.example">',
    ],
)
def test_a_page_that_would_fetch_is_not_written(html: str) -> None:
    with pytest.raises(PageWouldFetch, match="evil"):
        page(notebook(cell({"text/html": html})), title="t", plots="script")


def test_a_link_to_click_is_no_fetch() -> None:
    assert outside_addresses('<a href="https://docs.aws.amazon.com/x">rule</a>') == []


def test_every_text_of_a_page_stands_out_on_screen_light_and_dark_and_on_paper() -> None:
    style = (Path(page_module.__file__).parent / "templates/guard_report/style.css").read_text()
    themes = [dict(re.findall(r"--(\w+): (#\w+)", one)) for one in re.findall(r":root \{([^}]*)\}", style)]
    assert len(themes) == 3
    for theme in themes:
        for text in ("ink", "soft", "alarm", "warn", "accent", "fine"):
            for ground in ("paper", "band"):
                assert contrast(whole(theme[text]), whole(theme[ground])) >= 4.5, (text, ground, theme)


def whole(colour: str) -> str:
    return colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:])


def contrast(one: str, other: str) -> float:
    """By WCAG 2.2."""
    lights = []
    for colour in (one, other):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        lights.append(0.2126 * red + 0.7152 * green + 0.0722 * blue)
    return (max(lights) + 0.05) / (min(lights) + 0.05)


NAME = "DeleteModelInvocationLoggingConfiguration"


def test_a_long_name_is_broken_between_its_parts_and_is_whole_when_copied() -> None:
    table = Shown(
        pd.DataFrame({"operations": [[NAME, "Converse"]], "who": ["AWSReservedSSO_<i>_1f2e3d4c5b6a7"]})
    )
    made = page(notebook(cell({"text/html": table.html()})), title="t", plots="script")
    assert "Delete<wbr>Model<wbr>Invocation<wbr>Logging<wbr>Configuration, Converse" in made
    assert "AWSReserved<wbr>SSO_<wbr>&lt;i&gt;_<wbr>1f2e3d4c5b6a7" in made
    assert NAME in made.replace("<wbr>", "")
    assert "<wbr>" not in table.html(), "names that pseudonyms replace are whole until then"
    plain = "<td class='abcDefGhiJklMnoPqrStuVwxYz'>camelCase $1,234.50</td><td>2026-11-01</td>"
    assert jointed(plain) == plain
    assert jointed("<p>mira.okafor@example.com in us-gov-west-1 on 2026-11-01</p>") == (
        '<p>mira.okafor<wbr>@example.com in <span class="day">us-gov-west-1</span> on '
        '<span class="day">2026-11-01</span></p>'
    )
    assert jointed("<p>of user BedrockAPIKey-h7qz</p>") == "<p>of user BedrockAPIKey-h7qz</p>"
    assert jointed("<pre>leaked-DEMOC0PHANTOMH7QZ001/keys.json</pre>") == (
        "<pre>leaked-DEMOC0PHANTOMH7QZ001/<wbr>keys.json</pre>"
    )


def test_a_table_that_can_only_scroll_is_a_region_with_a_name_that_keys_reach() -> None:
    rows = {"day": ["2026-11-01"], **{f"m{n}_cost": [Decimal(n)] for n in range(5)}}
    assert (
        'role="region" tabindex="0" aria-label="Day by &lt;day&gt;"'
        in Shown(pd.DataFrame(rows), "Day by <day>").html()
    )
    texts = Shown(pd.DataFrame({name: ["a b"] for name in "abcdef"}), "Texts")
    notebooks = texts._repr_mimebundle_()["text/html"]
    assert 'role="region" tabindex="0" aria-label="Texts"' in notebooks, "a notebook scrolls it"
    assert "tabindex" not in page(notebook(cell({"text/html": notebooks})), title="t", plots="script")
    few = dict(list(rows.items())[:4])
    assert "tabindex" not in Shown(pd.DataFrame(few), "Few").html()
    assert (
        "tabindex"
        not in Shown(
            pd.DataFrame({name: ["a b"] for name in "abcdef"}), "Texts stand below each other"
        ).html()
    )


def test_four_columns_stand_below_each_other_on_a_phone_when_one_holds_sentences() -> None:
    long = "a text of more than thirty letters"
    four = pd.DataFrame({"a": ["x"], "b": [long], "c": ["z"], "d": ["y"]})
    assert '<table class="wide">' in Shown(four).html()
    assert "<table>" in Shown(four.assign(b="short")).html()


def test_days_and_per_cent_stay_on_one_line() -> None:
    assert prose("4.9 % on 2026-11-09") == '4.9 % on <span class="day">2026-11-09</span>'
    made = page(notebook(cell({"text/html": "<p>4.9 % more</p>"})), title="t", plots="script")
    assert "<p>4.9\N{NO-BREAK SPACE}% more</p>" in made
    assert 'class="days"' in Shown(pd.DataFrame({"seen": ["2026-11-01 to 2026-11-09"]})).html()


@needs_browser
def test_the_words_above_a_table_keep_to_a_narrow_pane_of_a_notebook() -> None:
    numbers = {f"column_{n}": [f"a long value {n}"] for n in range(6)}
    shown = Shown(pd.DataFrame(numbers), "Of the choice when this cell ran, four models are approved. " * 3)
    with tab(width=500) as made:
        pane = "<div id='pane' style='width:370px;overflow:auto'>"
        made.page.set_content(f"{pane}{shown._repr_mimebundle_()['text/html']}</div>")
        box = made.page.locator("caption").bounding_box()
        edge = made.page.locator("#pane").bounding_box()
        assert box["x"] + box["width"] <= edge["x"] + edge["width"]
        assert box["width"] > 300, "as wide as the pane lets it"
        made.page.set_viewport_size({"width": 1600, "height": 900})
        made.page.locator("#pane").evaluate("pane => pane.style.width = '1500px'")
        assert made.page.locator("caption").bounding_box()["width"] <= 49 * 16


def test_every_pattern_of_our_charts_has_its_mark_in_the_legend() -> None:
    shapes = {shape for _, shape in (*charts._DRAWN.values(), *charts.VERDICTS.values())}
    assert shapes <= set(_SWATCH)
    css = (Path(page_module.__file__).parent / "templates" / "guard_report" / "style.css").read_text()
    assert all(f".legend i.{name} " in css for name in _SWATCH.values() if name != "plain")
