"""Earlier runs: which of them count, what is new, what is gone, what moved."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from stub_report import END, finding, keep, made_figures

from bedrock_guard.present.table import Shown
from bedrock_guard.reports.figures import Figure, Figures
from bedrock_guard.reports.pseudonyms import VARIABLE, Pseudonyms
from bedrock_guard.reports.trend import Earlier, earlier_runs, gone, moved, news, series, with_news

WINDOW = (END - timedelta(days=28), END)
WEEK = timedelta(days=7)


def worth(value: str | None) -> dict[str, Figure]:
    completeness = "complete" if value is not None else "unknown"
    why = "" if value is not None else "withheld"
    return {
        "total": Figure(
            label="used", value=value, unit="USD", source="Bill", completeness=completeness, why=why
        )
    }  # type: ignore[arg-type]


def read(folder: Path) -> Earlier:
    return earlier_runs(str(folder), "cost", "111122223333", WINDOW)


def test_runs_of_earlier_days_count_once_a_day_the_newest(tmp_path: Path) -> None:
    keep(tmp_path, "cost_20261101T000000Z_aaaa", made_figures(window_end=END - 2 * WEEK, figures=worth("1")))
    keep(tmp_path, "cost_20261108T000000Z_aaaa", made_figures(window_end=END - WEEK, figures=worth("2")))
    keep(tmp_path, "cost_20261109T000000Z_bbbb", made_figures(window_end=END - WEEK, figures=worth("3")))
    keep(
        tmp_path, "cost_20261119T000000Z_aaaa", made_figures(figures=worth("4"))
    )  # the window itself: a rerun
    found = read(tmp_path)
    assert [run.figures["total"].value for run in found.runs] == ["1", "3"]
    assert found.same is not None
    assert found.same.figures["total"].value == "4"
    table = series("total", made_figures(figures=worth("9")), found)
    assert [str(value) for value in table["cost_usd"]] == ["1", "3", "9"]


@pytest.mark.parametrize(
    "other",
    [
        {"account_id": "000000000011"},
        {"report": "keys"},
        {"window_start": END - WEEK - timedelta(days=7)},
        {"pseudonyms": "12345678"},
    ],
)
def test_another_account_report_length_or_key_is_not_compared(other: dict, tmp_path: Path) -> None:
    keep(tmp_path, "cost_20261108T000000Z_aaaa", made_figures(window_end=END - WEEK, **other))
    assert read(tmp_path).runs == ()


def test_what_reads_alike_has_not_changed_and_shares_move_by_points() -> None:
    share = Figure(label="share", value="4.93", unit="%", source="Bill", completeness="complete")
    now, last = (
        worth(value) | {"share": share.model_copy(update={"value": part})}
        for value, part in (("0.02571", "4.93"), ("0.02576", "4.51"))
    )
    assert moved(now, made_figures(figures=last)).to_dict("records") == [
        {"figure": "share", "before": "4.5 %", "now": "4.9 %", "change": "0.4 points"}
    ]


def test_broken_files_are_counted_and_links_are_not_followed(tmp_path: Path) -> None:
    run = keep(tmp_path, "cost_20261108T000000Z_aaaa", made_figures(window_end=END - WEEK))
    (tmp_path / "latest_cost").symlink_to(run.name)
    (tmp_path / "cost_20261107T000000Z_link").symlink_to(run.name)
    bad = keep(tmp_path, "cost_20261106T000000Z_aaaa", made_figures())
    (bad / "figures.json").write_text("{", encoding="utf-8")
    found = read(tmp_path)
    assert (len(found.runs), found.unreadable) == (1, 1)
    assert "1 earlier file could not be read" in str(news(worth("1"), (), found))


def test_new_and_gone_findings_are_told(tmp_path: Path) -> None:
    last = made_figures(window_end=END - WEEK, findings=(finding("a"), finding("b", text="Old trouble.")))
    now = with_news((finding("a"), finding("c")), last, {})
    assert [f.new for f in now] == [False, True]
    assert [f.id for f in gone(now, last)] == ["b"]
    assert [f.new for f in with_news((finding("a"),), None, {})] == [None]
    shown = news(worth("12"), now, Earlier((last,)))
    assert "1 finding is new, 1 is gone" in shown.text()
    assert "Old trouble." in shown.text()


def test_a_rerun_says_what_changed_against_the_run_of_the_same_window(tmp_path: Path) -> None:
    keep(tmp_path, "cost_20261119T000000Z_aaaa", made_figures(figures=worth("4"), findings=(finding("a"),)))
    found = read(tmp_path)
    assert found.last is None
    same = news(worth("4"), (finding("a"),), found)
    assert "Same window as the run of" in str(same)
    assert "no figure changed; no finding is new or gone" in str(same)
    changed = news(worth("5"), (finding("b"),), found).text()
    assert "1 figure changed: used; 2 findings are new or gone" in changed
    assert "$4.00" in changed
    more = {**worth("4"), "ec2": worth("1")["total"]}
    assert "no figure changed" not in str(news(more, (), found))
    both = Earlier((made_figures(window_end=END - WEEK, figures=worth("1")),), same=found.same)
    assert "Same window as the run of" in news(worth("4"), (), both).text()


def test_a_figure_that_became_unknown_is_said_and_not_called_0() -> None:
    table = moved(worth(None), made_figures(figures=worth("5")))
    assert list(table.itertuples(index=False, name=None)) == [("used", "$5.00", "unknown", "unknown")]
    assert moved(worth("5"), made_figures(figures=worth("5"))).empty


def test_runs_under_ones_own_pseudonym_key_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "a key of one's own, long enough"
    monkeypatch.setenv(VARIABLE, key)
    other = Pseudonyms(key.encode(), {"zelda": "user"})
    run = made_figures(window_end=END - WEEK, findings=(finding("never:zelda"),))
    hidden = Figures.model_validate(
        run.model_dump(mode="json")
        | {"account_id": other.text(run.account_id), "pseudonyms": other.mark}
        | {"findings": other.value(run.model_dump(mode="json")["findings"])}
    )
    keep(tmp_path, "cost_20261108T000000Z_aaaa", hidden)
    found = read(tmp_path)
    assert len(found.runs) == 1
    assert [
        f.new
        for f in with_news((finding("never:zelda"), finding("never:link")), found.last, {"zelda": "user"})
    ] == [
        False,
        True,
    ]


def test_what_changed_lines_up_at_the_right() -> None:
    now = worth("12") | {
        "share": Figure(label="s", value="4.9", unit="%", source="Bill", completeness="complete")
    }
    then = {name: figure.model_copy(update={"value": "3.5"}) for name, figure in now.items()}
    shown = news(now, (), Earlier((made_figures(window_end=END - WEEK, figures=then),)))
    assert isinstance(shown, Shown)
    assert shown.html().count('<td class="number"') == 2 * 3
