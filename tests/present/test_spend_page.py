"""What the page of spend shows: every view of hostile, empty and foreign data; exports that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bedrock_guard.account.session import Account
from bedrock_guard.account.spending import Spending
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.changes import Change, explain_change
from bedrock_guard.evidence.native import FORECAST, TAGGED
from bedrock_guard.evidence.spend import reconcile
from bedrock_guard.evidence.spend_views import (
    by_day,
    by_tag,
    change_steps,
    day_by_day,
    ec2_by_type,
    forecast_days,
    forecast_runs,
    forecast_total,
    main_currency,
)
from bedrock_guard.evidence.tables import EC2_BILL, total
from bedrock_guard.present import charts, spend, spend_checks
from bedrock_guard.present.note import Note
from bedrock_guard.present.table import Shown

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "spend_by_model.ipynb"
HOSTILE = '=HYPERLINK("x")<img src=x onerror=alert(1)>'


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Spending:
    path = tmp_path_factory.mktemp("demo") / "state.sqlite"
    return Account.demo(path, days=60, calls=2_000).spending(14)


def d(text: str) -> Decimal:
    return Decimal(text)


# evidence


def test_days_hold_every_dollar_and_others_come_last(found: Spending) -> None:
    table = by_day(found.lines, top=2)
    assert total(table["cost_usd"]) == found.now.proof.usage
    wide = day_by_day(table)
    assert list(wide.columns)[:2] == ["day", "all"]
    assert list(wide.columns)[-1] == "(others)"
    assert len(wide) == found.window.days
    assert [total(row[2:]) for row in wide.itertuples(index=False)] == list(wide["all"])


def test_steps_add_up_and_show_what_could_not_be_split_only_when_there_is_any() -> None:
    change = Change("", d("10"), d("17"), d("4"), d("2"), d("1"), d("0"))
    table = change_steps(change)
    assert list(table["step"]) == ["volume", "price", "mix", "change"]
    assert total(table["cost_usd"][:-1]) == table["cost_usd"].iloc[-1] == 7
    assert list(change_steps(replace(change, mix=d("0"), unsplit=d("1")))["step"])[3] == "not split"


def test_a_tag_keeps_the_untagged_and_unknown_amounts_add_nothing() -> None:
    rows = [("a", d("2")), (None, d("3")), ("a", d("-0.5"))]
    frame = TAGGED.frame([{"tag_key": "k", "tag_value": v, "cost": c, "currency": "USD"} for v, c in rows])
    assert by_tag(frame).to_numpy().tolist() == [["k", None, d("3")], ["k", "a", d("1.5")]]
    assert by_tag(frame, "EUR").empty


def test_ec2_hours_are_unknown_when_one_line_has_none() -> None:
    rows = [
        {"instance_type": "m7i.large", "hours": h, "cost": d("1"), "currency": "USD"} for h in (d("2"), None)
    ]
    table = ec2_by_type(EC2_BILL.frame(rows))
    assert table[["hours", "cost"]].to_numpy().tolist() == [[None, d("2")]]


def test_a_forecast_folds_equal_days_and_an_unknown_mean_has_no_sum() -> None:
    days = pd.date_range("2026-12-01", periods=3, tz="UTC")
    rows = [
        {"day": day, "mean": m, "low": d("1"), "high": d("9"), "level": 80}
        for day, m in zip(days, [d("5"), d("5"), None], strict=True)
    ]
    frame = FORECAST.frame(rows)
    assert list(forecast_runs(frame)["days"]) == [2, 1]
    assert forecast_total(frame) is None
    assert forecast_total(frame[:2]) == 10
    assert forecast_total(FORECAST.empty()) is None
    assert forecast_days(frame) == "2026-12-01 to 2026-12-03"
    assert forecast_days(FORECAST.empty()) == ""


def test_a_forecast_says_which_days_it_is_for(found: Spending) -> None:
    days = forecast_days(found.forecast)
    drawn, table = spend_checks.forecast_chart(found), spend_checks.forecast(found)
    assert not isinstance(drawn, Note)
    assert days in str(drawn.layout.title.text)
    assert isinstance(table, Shown)
    assert f" from {days}, {len(found.forecast)} days, " in table.caption


def test_the_currency_of_most_lines_and_none_without_lines(found: Spending) -> None:
    assert main_currency(found.now.lines) == "USD"
    assert main_currency(found.now.lines[:0]) is None


# charts


def test_account_ids_are_text_to_a_chart() -> None:
    table = pd.DataFrame({"account": ["000000000011", "000000000012"], "cost_usd": [d("2"), d("1")]})
    figure = charts.bars(table, by="account")
    assert figure.layout.yaxis.type == "category"
    assert list(figure.data[0].y) == ["000000000012", "000000000011"]


def test_names_are_no_markup_to_a_chart() -> None:
    table = pd.DataFrame({"tag": ["<a href='x'>b</a>"], "cost_usd": [d("1")]})
    assert "<" not in charts.bars(table, by="tag").data[0].y[0]


def test_another_currency_shows_no_dollar_sign() -> None:
    table = pd.DataFrame({"step": ["volume"], "cost_usd": [d("1")], "measure": ["relative"]})
    bars = pd.DataFrame({"tag": ["a"], "cost_usd": [d("1")]})
    for figure in (charts.steps(table), charts.bars(bars, by="tag")):
        text = charts.in_currency(figure, "EUR").to_json()
        assert "USD" not in json.dumps(json.loads(text)["layout"]["title"])
        assert "$" not in text
    assert "$" in charts.in_currency(charts.bars(bars, by="tag"), "USD").to_json()


def test_a_chart_holds_the_numbers_of_its_table(found: Spending) -> None:
    for drawn, shown in (
        (spend.kinds_chart(found), spend.kinds(found)),
        (spend.routes_chart(found), spend.routes(found)),
        (spend.accounts_chart(found), spend.accounts(found)),
        (spend.tags_chart(found), spend.tags(found)),
    ):
        assert isinstance(shown, Shown)
        assert not isinstance(drawn, Note)
        assert list(drawn.data[0].x)[::-1] == [float(cost) for cost in shown.in_cents["cost"]]
        assert {f">{said}</td>" in shown.html() for said in drawn.data[0].text} == {True}


def test_the_steps_drawn_are_the_sums_of_the_table_below(found: Spending) -> None:
    drawn, shown = spend.change_chart(found), spend.change(found)
    assert isinstance(shown, Shown)
    assert not isinstance(drawn, Note)
    steps = dict(zip(drawn.data[0].x, drawn.data[0].y, strict=True))
    for name in ("volume", "price", "mix", "change"):
        assert steps[name] == float(total(shown.frame[f"{name}_cost"]))
    whole = explain_change(found.lines_before, found.lines)[0]
    assert total(shown.frame["change_cost"]) == whole.change


# words


def test_the_headline_says_the_proof(found: Spending) -> None:
    text = spend.headline(found).text()
    assert "difference $0.00" in text
    assert "requests of Cost Explorer" in text
    assert "UTC" in text


def test_hostile_names_stay_text_everywhere(found: Spending) -> None:
    tagged = found.tagged.copy()
    tagged["tag_value"] = HOSTILE
    lines = found.now.lines.copy()
    lines.loc[lines["bucket"] == "unmapped", ["service", "usage_type"]] = HOSTILE
    lines["account_id"] = HOSTILE
    bad = replace(found, tagged=tagged, now=replace(found.now, lines=lines), who=HOSTILE)
    for view in (spend.tags, spend.accounts, spend.headline, spend_checks.unmapped, spend_checks.alias_lines):
        assert "<img" not in view(bad).html()
    assert "<img" not in spend.accounts_chart(bad).to_json()


def test_notes_show_control_characters_and_never_cut_what_is_copied() -> None:
    assert Note(("a\x1b[31mb",)).text() == "a\\x1b[31mb"
    long = "x" * 2_000
    assert Note((long,), "copy").text() == long
    assert "<b>" not in Note(("<b>",), "headline").html().replace("<b style", "")


def test_shares_are_said_and_never_rounded_to_nothing() -> None:
    assert [spend.percent(v) for v in (None, d("0"), d("0.0001"), d("0.5"))] == [
        "unknown",
        "0.0 %",
        "under 0.1 %",
        "50.0 %",
    ]


def test_nothing_spent_and_nothing_read_are_told_apart(found: Spending) -> None:
    none = found.now.lines[:0]
    for control, words in ((d("0"), "Nothing was spent"), (found.now.control, "Unknown"), (None, "Unknown")):
        now = replace(found.now, lines=none, proof=reconcile(none, control))
        drawn = spend.time_chart(replace(found, now=now))
        assert isinstance(drawn, Note)
        assert words in drawn.text()


# export


def test_the_export_is_exact_and_no_spreadsheet_runs_it(found: Spending, tmp_path: Path) -> None:
    lines = found.now.lines.copy()
    lines.loc[lines["model"].notna(), "model"] = "=cmd|calc"
    bad = replace(found, now=replace(found.now, lines=lines))
    assert "spend_by_model.csv" in spend.save(bad, str(tmp_path / "new" / "out")).text()
    text = (tmp_path / "new" / "out" / "spend_by_model.csv").read_text("utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["model_id"][:1] for row in rows} == {"'", ""}
    assert total(Decimal(row["cost"]) for row in rows) == found.now.proof.usage
    markdown = (tmp_path / "new" / "out" / "spend_by_model.md").read_text("utf-8")
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in markdown.splitlines()}) == 1


def test_without_a_folder_the_markdown_is_shown_and_nothing_is_written(found: Spending) -> None:
    assert spend.save(found, "").text().startswith("| model |")


def test_a_folder_that_cannot_be_written_is_said(found: Spending, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GuardError, match="could be written"):
        spend.save(found, str(tmp_path / "file" / "out"))


# the notebook


def cells() -> list[Any]:
    return list(json.loads(NOTEBOOK.read_text("utf-8"))["cells"])


def test_the_notebook_is_short_and_computes_nothing() -> None:
    code = ["".join(c["source"]) for c in cells() if c["cell_type"] == "code"]
    assert 5 <= len(code) <= 13
    assert not re.search(
        r"\b(def|class|lambda|for|sum|groupby|import pandas)\b", re.sub(r"#.*", "", "\n".join(code))
    )
    intro = "".join(cells()[0]["source"]).split("\n\n", 1)[1]
    assert len(re.findall(r"\.(?=\s|$)", intro)) == 3


def test_papermill_runs_it_with_other_parameters(tmp_path: Path) -> None:
    kernel = [
        sys.executable,
        "-m",
        "papermill",
        str(NOTEBOOK),
        str(tmp_path / "done.ipynb"),
        "--no-progress-bar",
    ]
    asked = ["-p", "days", "7", "-p", "out", str(tmp_path / "out")]
    done = subprocess.run([*kernel, *asked], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    text = (tmp_path / "done.ipynb").read_text("utf-8")
    assert "difference $0.00" in text
    assert (tmp_path / "out" / "spend_by_model.csv").is_file()
    assert '"output_type": "error"' not in text
