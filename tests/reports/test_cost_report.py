"""The cost report: run whole through papermill on the demo account, and its parts with numbers bent on purpose."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from html import unescape
from pathlib import Path

import pandas as pd
import papermill
import pytest

from bedrock_guard.account.session import Account
from bedrock_guard.account.situation import example_spec
from bedrock_guard.boundary.controls import title_of
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.demo.company.make import make_company
from bedrock_guard.demo.faults import Fault
from bedrock_guard.evidence.caller_spend import by_caller
from bedrock_guard.evidence.impact import GOVERNED
from bedrock_guard.evidence.spend import classify_bill, reconcile
from bedrock_guard.evidence.spend_views import forecast_days, unusual_days
from bedrock_guard.evidence.tables import BILL, dollars, total
from bedrock_guard.evidence.what_if import share
from bedrock_guard.present.evidence import by_day, cards
from bedrock_guard.reports.cost import CostReport
from bedrock_guard.reports.cost_findings import ending, growth, more_calls, over_budget
from bedrock_guard.reports.figures import Figures
from bedrock_guard.reports.kept import MOST_BYTES
from bedrock_guard.reports.parameter_file import read_file
from bedrock_guard.reports.parts import ended_exceptions
from bedrock_guard.reports.run import Options, ReportFailed, notebook_path, run
from bedrock_guard.reports.settings import SETTINGS, BadParameters, CostSettings, read_parameters
from bedrock_guard.reports.summary import LINES, summary


@pytest.fixture(scope="module")
def report() -> CostReport:
    return CostReport.of(Account.demo(), CostSettings(days=14))


def bent(report: CostReport, **settings: object) -> CostReport:
    return dataclasses.replace(report, settings=CostSettings(days=14, **settings))


def test_the_cards_add_up_to_what_was_used(report: CostReport) -> None:
    used, *parts = cards(report.found, report.situation).values()
    assert used is not None
    assert sum(part for part in parts if part is not None) == used


def test_figures_hold_what_is_shown_and_their_source(report: CostReport) -> None:
    figures = report.figures
    assert figures.gaps == ()
    assert figures.exit_status == 1
    assert figures.figures["difference"].number == 0
    assert figures.sources[figures.figures["total"].source].name == "Cost Explorer"
    assert Figures.model_validate_json(figures.json_text()) == figures
    models = [f.number for name, f in figures.figures.items() if name.startswith("model:")]
    outcomes = [figures.figures[name].number for name in ("kept", "refused", "stranded", "unknown")]
    assert sum(models) == sum(outcomes)  # type: ignore[arg-type]


def test_dollars_of_accounts_whose_calls_were_not_read_are_told_apart(report: CostReport) -> None:
    unread = ("000000000011", "000000000012")
    assert report.situation.unread == report.situation.accounts == unread
    lines = report.found.impact.lines
    for outcome in ("kept", "refused"):
        own = lines[lines["account_id"].isin(unread) & (lines["outcome"] == outcome)]
        cost = sum(own["cost_usd"])
        assert cost > 0
        assert report.figures.figures[f"{outcome}_calls_unread"].number == cost
        for words in (report.lead[-1], report.models.caption):
            assert f"{dollars(cost)} of {outcome}" in words
            assert "judged by the model alone" in words
    assert "accounts 111122223333, 000000000011 and 000000000012" in report.lead[0]
    assert "accounts 000000000011 and 000000000012 on its bill" in report.situation.line()


ONE_ACCOUNT = """
version = 1
[profile.team]
accounts = ["111122223333"]
regions = ["us-east-1"]
break_glass = ["arn:aws:iam::111122223333:role/break-glass-admin"]
[[profile.team.model]]
id = "amazon.nova-lite-v1:0"
routes = ["in-region", "us"]
"""


def test_dollars_of_accounts_that_the_spec_does_not_name_are_outside_and_not_kept(report: CostReport) -> None:
    found = report.situation.what_if(BoundarySpec.loads(ONE_ACCOUNT))
    one = dataclasses.replace(bent(report, spec="guard.toml"), found=found)
    away = report.situation.bill[report.situation.bill["account_id"].isin(["000000000011", "000000000012"])]
    cost = sum(away.loc[away["bucket"].isin(GOVERNED), "cost"])
    assert cost > 0
    figures = one.figures.figures
    parts = ("kept", "refused", "stranded", "unknown", "outside")
    assert figures["outside"].number == cost
    assert figures["outside"].label == "outside the spec's accounts"
    assert figures["kept_calls_unread"].number == 0
    assert sum(figures[name].number for name in parts) == found.impact.governed  # type: ignore[misc]
    shown = cards(found, report.situation)
    used, *others = shown.values()
    assert abs(shown["outside the spec's accounts"] - cost) < Decimal("0.01")
    assert sum(part for part in others if part is not None) == used
    told = f"{dollars(cost)} of accounts 000000000011 and 000000000012 is outside the spec's accounts"
    for words in (one.lead[-1], one.models.caption):
        assert told in words
        assert "judged by the model alone" not in words
    assert sum(one.models.frame["outside"]) == cost
    kept, refused = found.impact.by_account().set_index("account_id").loc["000000000011", ["kept", "refused"]]
    assert (kept, refused) == (0, 0)
    own = share(found.impact.spend("refused"), found.impact.governed - cost)
    assert f"of all accounts, {own} % of what the boundary decides on in the spec's)" in one.lead[2]
    drawn = {bar.name: sum(x or 0 for x in bar.x) for bar in one.model_chart.data}
    assert drawn["outside"] == pytest.approx(float(cost))
    assert total(by_day(found, report.situation)["outside"]) == pytest.approx(cost)
    spent = by_caller(found.judged, found.impact, report.situation.counted)
    assert all(total(spent[name]) == found.impact.spend(name) for name in found.impact.outcomes)


def test_the_page_says_whose_verdict_it_shows_and_when_it_was_read(report: CostReport) -> None:
    page = report.headline.text
    assert "<span>would be refused by the example spec</span>" in page
    assert "read 2026-11-20 12:00 UTC: the window ends with the day before yesterday" in page
    assert "by the example spec</span>" not in bent(report, spec="guard.toml").headline.text


def test_an_account_with_a_call_counts_as_read(report: CostReport) -> None:
    calls = report.situation.calls.copy()
    calls.loc[calls.index[0], "account_id"] = "000000000012"
    assert dataclasses.replace(report.situation, calls=calls).unread == ("000000000011",)


def test_reserved_capacity_of_an_approved_model_says_what_strands_it(report: CostReport) -> None:
    (found,) = [f for f in report.findings if f.id.startswith("stranded:anthropic.claude-haiku")]
    assert f"the control “{title_of('service_tiers')}”" in found.text
    (other,) = [f for f in report.findings if f.id.startswith("stranded:anthropic.claude-3-7")]
    assert "the model is approved" not in other.text
    rows = report.commitments.frame.set_index("model")
    assert list(rows.loc["Claude Haiku 4.5", ["commitment", "term"]]) == [
        "in no list of Bedrock (Reserved tier)",
        "1 month",
    ]


def test_the_forecast_says_which_days_it_is_for(report: CostReport) -> None:
    label = report.numbers["forecast"].label
    assert label == f"Cost Explorer's forecast for {forecast_days(report.spending.forecast)}"
    assert f"{label}: $" in summary(report.figures)


def test_callers_dollars_are_said_to_be_floors(report: CostReport) -> None:
    for shown in (report.users, report.callers):
        assert " at least so much" in shown.caption
        assert "it spent at least so much" in shown.more
        assert any("at least" in head for head in shown.headers.values())


def test_a_dropped_line_withholds_the_headline_and_ends_with_3(report: CostReport) -> None:
    lines = report.situation.bill.iloc[1:]
    lines.attrs = report.situation.bill.attrs
    proof = reconcile(lines, report.spending.now.control)
    assert proof.difference == -report.situation.bill["cost"].iloc[0]
    situation = dataclasses.replace(report.situation, bill=lines, reconciliation=proof)
    spending = dataclasses.replace(report.spending, now=dataclasses.replace(report.spending.now, proof=proof))
    broken = dataclasses.replace(report, situation=situation, spending=spending)
    assert "withheld" in broken.headline.text
    assert broken.figures.figures["total"].value is None
    assert broken.figures.exit_status == 3


def test_a_budget_is_a_finding_only_when_it_is_passed() -> None:
    assert over_budget(Decimal(10), Decimal(10), 28) == []
    assert over_budget(None, Decimal(10), 28) == []
    assert "$2.00 over" in over_budget(Decimal(12), Decimal(10), 28)[0].text


def test_growth_is_silent_where_it_is_not_known() -> None:
    assert growth(Decimal(10), None, Decimal(0)) == []
    assert growth(None, Decimal(10), Decimal(0)) == []
    assert growth(Decimal(10), Decimal(0), Decimal(0)) == []
    assert growth(Decimal(15), Decimal(10), Decimal(50)) == []
    assert growth(Decimal(16), Decimal(10), None) == []
    assert growth(Decimal(16), Decimal(10), Decimal(50))[0].id == "growth"


def test_every_threshold_speaks_and_can_be_silenced(report: CostReport) -> None:
    ids = {f.id.partition(":")[0] for f in report.findings}
    assert {"refused", "stranded"} <= ids
    unchosen = [f for f in report.findings if f.id.startswith(("refused:", "stranded:"))]
    assert {f.severity for f in unchosen} == {"low"}, "nobody chose the example spec"
    assert all(f.text.startswith("By the example spec: ") for f in unchosen)
    chosen = bent(report, spec="guard.toml").findings
    assert "medium" in {f.severity for f in chosen if f.id.startswith("refused:")}
    assert not any("By the example spec" in f.text for f in chosen)
    quiet = bent(report, unapproved_usd=10**9, unmapped_usd=10**9, growth_percent=None)
    assert {f.id.partition(":")[0] for f in quiet.findings} <= {"stranded", "new_model", "unusual"}
    assert "over_budget" in {f.id for f in bent(report, budget_usd=1).findings}


def test_a_theft_is_the_first_finding_with_its_caller_and_what_is_beyond_the_usual(
    report: CostReport,
) -> None:
    first = report.findings[0]
    assert (first.severity, first.id) == ("high", "unusual:anthropic.claude-opus-4-8")
    assert "BedrockAPIKey-h7qz" in first.text
    assert "See the key usage report" in first.text
    days = unusual_days(report.spending.lines_before, report.spending.lines)
    told = [f for f in report.findings if f.id.startswith("unusual:")]
    assert "from 2026-11-09 to 2026-11-12" in first.text
    assert {str(name) for name in days["model"]} == {f.evidence[0] if f.evidence else "<NA>" for f in told}
    opus = days[days["model"] == "anthropic.claude-opus-4-8"]
    assert dollars(opus["cost"].sum() - opus["usual"].sum()) in first.text
    nobody = more_calls(report.situation.calls, "no.such-model", set(opus["day"]))
    assert nobody == ()


def test_the_first_lines_say_what_is_wrong_by_the_ground_truth(report: CostReport) -> None:
    leak = make_company().truth["leak"]
    spent, stolen, refused, unread = report.lead
    assert spent.startswith(
        f"Bedrock cost {dollars(report.situation.reconciliation.headline)} in 14 days in accounts "
    )
    assert stolen.startswith("Perhaps a stolen key: Claude Opus 4.8 cost $")
    assert leak["user"] in stolen
    assert ", all its callers together, " in stolen
    assert stolen.endswith(" The theft alone: see the key usage report.")
    assert f"{leak['first_seen']:%Y-%m-%d}" in stolen
    assert "The example spec (none of your own was given) would refuse" in refused
    assert unread.startswith("No call of accounts 000000000011 and 000000000012 was read: ")
    top = unescape(re.sub(r"</?span[^>]*>", "", report.headline.text))
    assert all(line in top for line in report.lead)
    lines = summary(report.figures, markdown=False).splitlines()
    assert lines[1:5] == list(report.lead)
    assert len(lines) <= LINES
    assert not any(stolen.removeprefix("Perhaps a stolen key: ") in line for line in lines[5:]), "said once"


def test_an_approved_model_that_is_refused_says_how_it_is_used(report: CostReport) -> None:
    (haiku,) = [f for f in report.findings if f.id == "refused:anthropic.claude-haiku-4-5-20251001-v1:0"]
    assert "is approved, but not for batch inference: $" in haiku.text


def test_commitments_stand_beside_what_was_billed(report: CostReport) -> None:
    rows = report.commitments.frame.set_index("model")
    assert list(rows.loc["Claude 3.7 Sonnet"]) == [
        "policy-qa-unit",
        "6 months, 1 unit",
        "2027-02-25",
        "$2,049.60",
    ]
    assert rows.loc["Claude Haiku 4.5", "billed"] == "$252.00"
    assert rows.loc["Claude Haiku 4.5", "ends"] == "unknown"


def test_what_exists_is_there_region_by_region(report: CostReport) -> None:
    places, things = report.exists
    assert set(places.frame["region"]) >= {"us-east-1", "us-west-2", "eu-west-1"}
    assert {"policy-qa-unit", "support-guardrail", "support-agent"} <= set(things.frame["name"])


def test_counted_calls_name_the_same_callers(report: CostReport) -> None:
    calls = report.situation.calls
    days = set(unusual_days(report.spending.lines_before, report.spending.lines)["day"])
    counted = calls.assign(day=calls["event_time"].dt.floor("D"), calls=1)
    model = "anthropic.claude-opus-4-8"
    assert more_calls(counted, model, days) == more_calls(calls, model, days) != ()


def test_requests_are_counted_once_and_the_same_everywhere(report: CostReport) -> None:
    asked = report.situation.account.asked
    assert asked in report.headline.text
    assert asked in report.sources.text
    assert sum(int(s.requests) for s in report.figures.sources.values()) <= report.situation.account.requests


def test_a_commitment_speaks_before_its_end_and_not_after() -> None:
    ends = datetime(2027, 2, 25, tzinfo=UTC)
    table = pd.DataFrame({"name": ["unit", "endless"], "ends": [ends, pd.NaT]})
    assert [f.id for f in ending(table, date(2027, 2, 1), 45)] == ["commitment_ending:unit"]
    assert ending(table, date(2027, 2, 26), 45) == []
    assert ending(table, date(2026, 12, 1), 45) == []


def test_an_exception_is_told_when_it_ends_and_after() -> None:
    spec = example_spec()
    until = spec.exceptions[0].until
    assert ended_exceptions(spec, until.replace(year=until.year - 1), 14) == []
    assert [f.severity for f in ended_exceptions(spec, until, 14)] == ["low"]
    after = date.fromordinal(until.toordinal() + 1)
    assert [f.severity for f in ended_exceptions(spec, after, 14)] == ["medium"]


def test_the_coverage_floor_is_the_settings() -> None:
    strict = CostReport.of(Account.demo(), CostSettings(days=28, coverage_floor_percent=100))
    assert strict.figures.exit_status == 3
    assert strict.figures.figures["total"].value is None
    assert strict.findings[0].id == "coverage"


def test_a_new_model_is_told_by_the_window_before(report: CostReport) -> None:
    model = str(report.spending.lines["model"].dropna().iloc[0])
    before = report.spending.before
    without = before.lines[before.lines["model"] != model]
    without.attrs = before.lines.attrs
    bare = dataclasses.replace(report.spending, before=dataclasses.replace(before, lines=without))
    assert f"new_model:{model}" in {f.id for f in dataclasses.replace(report, spending=bare).findings}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("cloudtrail:LookupEvents", "access_denied"), "LookupEvents answered AccessDenied"),
        (Fault("ce:*", "access_denied"), "AccessDenied"),
        (Fault("bedrock:ListProvisionedModelThroughputs", "access_denied"), "provisioned throughput (list_"),
        (Fault("bedrock-agent:ListFlows", "access_denied", at=(1,)), "1 of 18 lists could not be read"),
        (Fault("ce:GetCostAndUsage", "html200"), "AWS"),
        (Fault("*", "expired_token", at=tuple(range(3, 5000))), "ExpiredToken"),
        (Fault("cloudtrail:LookupEvents", "reset_before"), "LookupEvents failed"),
    ],
)
def test_what_could_not_be_read_is_a_gap_with_status_3_and_never_a_0(fault: Fault, said: str) -> None:
    found = CostReport.of(Account.demo(faults=[fault]), CostSettings(days=7))
    assert found.figures.exit_status == 3
    assert any(said in gap for gap in found.gaps), found.gaps
    assert "Incomplete" in found.headline.text
    if fault.pattern.startswith(("ce", "*")):
        assert found.figures.figures["total"].value is None
        assert found.figures.figures["refused"].value is None


def defaults(name: str) -> dict[str, object]:
    book = json.loads(notebook_path(name).read_text(encoding="utf-8"))
    (cell,) = [c for c in book["cells"] if "parameters" in c["metadata"].get("tags", ())]
    body = ast.parse("".join(cell["source"])).body
    return {a.targets[0].id: ast.literal_eval(a.value) for a in body if isinstance(a, ast.Assign)}  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["cost", "keys"])
def test_settings_and_the_notebooks_parameters_are_the_same(name: str) -> None:
    assert set(papermill.inspect_notebook(str(notebook_path(name)))) == set(SETTINGS[name].model_fields)
    fields = SETTINGS[name].model_fields
    assert {key: field.default for key, field in fields.items()} == defaults(name)


def test_parameters_are_checked_before_anything_runs(tmp_path: Path) -> None:
    assert read_parameters(
        "cost", {"account": "demo"}, ["days=7", "budget_usd=100.5", "growth_percent=None"]
    ) == {
        "account": "demo",
        "days": 7,
        "budget_usd": "100.5",
        "growth_percent": None,
    }
    for bad, said in (
        (["dayz=7"], "dayz"),
        (["days=0"], "days"),
        (["spec=/nowhere/guard.toml"], "spec"),
        (["account=no-such-profile"], "no AWS profile"),
        (["time_zone=Mars/Base"], "time_zone"),
        (["alarm_from=loud"], "alarm_from"),
    ):
        with pytest.raises(BadParameters, match=said):
            read_parameters("cost", {}, bad)
    with pytest.raises(BadParameters, match="no report"):
        read_parameters("costs", {}, [])


def test_a_file_of_parameters_is_read_and_the_command_line_wins(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("days: 7\nbudget_usd: 900\nspec: ''\n", encoding="utf-8")
    assert read_parameters("cost", read_file(file), ["days=9"]) == {
        "days": 9,
        "budget_usd": "900",
        "spec": "",
    }
    for text in ("- 1\n", "days: [\n", "!!python/object/apply:os.system [x]\n"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(BadParameters):
            read_file(file)


def test_times_are_shown_in_the_zone_and_days_stay_utc(report: CostReport) -> None:
    text = bent(report, time_zone="Asia/Tokyo").callers.html()
    assert " JST" in text
    assert " UTC" in report.callers.html()


@pytest.mark.slow
def test_a_run_writes_files_that_agree(tmp_path: Path) -> None:
    made = run("cost", {"account": "demo", "days": 14}, tmp_path / "o u t", options=Options(plots="script"))
    text = made.html.read_text(encoding="utf-8")
    total = made.figures.figures["total"].number
    assert f"${total:,.2f}" in text
    assert f"${total:,.2f}" in made.summary
    assert "import CostReport" not in text
    assert json.loads(made.figures_file.read_text())["figures"]["total"]["value"] == f"{total:f}"
    kept = made.notebook.read_text(encoding="utf-8")
    assert len(kept.encode()) <= MOST_BYTES
    assert "Chart: Spend" in kept
    cells = set(re.findall(r">([$]?[\d,.]+)</td>", text))
    assert f"${total:,.2f}" in cells
    assert set(re.findall(r"<td>([$][\d,.]+)", kept)) <= cells
    assert len(made.summary.splitlines()) <= 10


@pytest.mark.slow
def test_a_failed_run_leaves_only_failed(tmp_path: Path) -> None:
    with pytest.raises(ReportFailed) as caught:
        run("cost", {"spec": "/nowhere/guard.toml"}, tmp_path / "out", options=Options(plots="script"))
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["failed"]
    assert "guard.toml" in str(caught.value)


def test_the_bill_is_read_once_and_classified_alike(report: CostReport) -> None:
    situation = report.situation
    again = classify_bill(situation.bill[list(BILL.columns)], situation.catalogue)
    assert list(again["model"].fillna("")) == list(situation.bill["model"].fillna(""))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("days: 10\ndays: 20\n", "gives a name twice: days"),
        ("a: &a x\nb: *a\n", "has an alias"),
        ("a: &a [x, x]\nb: &b [*a, *a]\ndays: *b\n", "nests values"),
        (f"days: {'[' * 20_000}", "nests values"),
    ],
)
def test_a_file_that_is_no_plain_list_of_parameters_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "given.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadParameters, match=said):
        read_file(file)
