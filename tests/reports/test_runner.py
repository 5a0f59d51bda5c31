"""The runner with notebooks that misbehave: exit status, message, and no half-written file."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from stub_report import finding, made_figures, stub
from typer.testing import CliRunner

from bedrock_guard.cli import app
from bedrock_guard.errors import GuardError
from bedrock_guard.reports.places import Folder, PlaceFailed
from bedrock_guard.reports.remedies import remedy_for
from bedrock_guard.reports.run import BadParameters, Options, Report, ReportFailed, run

FILES = ["figures.json", "report.html", "report.ipynb", "summary.md"]


def made(tmp_path: Path, *cells: str, figures: object = None, **options: object) -> Report:
    book = stub(tmp_path / "book.ipynb", made_figures() if figures is None else figures, *cells)  # type: ignore[arg-type]
    return run("cost", {}, tmp_path / "o u t", options=Options(plots="script", notebook=book, **options))  # type: ignore[arg-type]


def left(tmp_path: Path) -> list[str]:
    out = tmp_path / "o u t"
    return sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()) if out.exists() else []


def test_a_run_is_a_folder_of_its_own_and_a_rerun_overwrites_nothing(tmp_path: Path) -> None:
    first, second = made(tmp_path), made(tmp_path)
    assert first.address != second.address
    for report in (first, second):
        assert sorted(p.name for p in Path(report.address).iterdir()) == FILES
    assert (tmp_path / "o u t" / "latest_cost").resolve() == Path(second.address)
    assert [p for p in left(tmp_path) if ".making" in p] == []


def test_two_runs_at_once_both_arrive(tmp_path: Path) -> None:
    book = stub(tmp_path / "book.ipynb", made_figures(), "import time\ntime.sleep(1)")
    code = (
        "from pathlib import Path\nfrom bedrock_guard.reports.run import Options, run\n"
        f"run('cost', {{}}, {str(tmp_path / 'out')!r}, "
        f"options=Options(plots='script', notebook=Path({str(book)!r})))"
    )
    both = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [one.wait(timeout=120) for one in both] == [0, 0]
    runs = list((tmp_path / "out").glob("cost_*"))
    assert len(runs) == 2
    for made in runs:
        assert sorted(p.name for p in made.iterdir()) == FILES


def test_the_executed_notebook_holds_no_path_of_this_machine_and_no_handed_over_names(tmp_path: Path) -> None:
    book = stub(tmp_path / "book.ipynb", made_figures(), names={"zelda": "user"})
    report = run("cost", {"days": 7}, tmp_path / "out", options=Options(plots="script", notebook=book))
    text = report.notebook.read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    assert all("zelda" not in json.dumps(cell.get("outputs", [])) for cell in json.loads(text)["cells"])
    (given,) = [cell for cell in json.loads(text)["cells"] if "injected-parameters" in str(cell["metadata"])]
    assert "".join(given["source"]) == "# Parameters\ndays = 7"


def test_a_cell_that_raises_leaves_only_failed_with_the_error_on_top(tmp_path: Path) -> None:
    with pytest.raises(ReportFailed, match="clock is off") as caught:
        made(tmp_path, "print('reached')", "raise ValueError('Signature expired: 20261119T000000Z')")
    (kept,) = left(tmp_path)
    assert kept.startswith("failed/cost_")
    assert caught.value.exit_status == 4
    cells = nbformat.read(tmp_path / "o u t" / kept, 4).cells
    assert cells[0].source.startswith("# The report failed")
    assert "Signature expired" in cells[0].source
    assert any("reached" in json.dumps(cell.get("outputs", [])) for cell in cells)
    assert not any("papermill-error-cell-tag" in cell.metadata.get("tags", []) for cell in cells)


def test_what_nobody_foresaw_is_a_failed_run_and_no_finding(tmp_path: Path) -> None:
    chart = {"application/vnd.plotly.v1+json": {"data": [{"type": "bar", "nonsense": 1}], "layout": {}}}
    cell = f"from IPython.display import display\ndisplay({chart!r}, raw=True)"
    with pytest.raises(ReportFailed, match=r"nobody foresaw[\s\S]*ValueError") as failed:
        made(tmp_path, cell)
    assert failed.value.exit_status == 4
    assert left(tmp_path) == []


def test_a_secret_in_an_error_is_not_kept(tmp_path: Path) -> None:
    secret = "ABSK" + "q" * 40
    with pytest.raises(ReportFailed) as caught:
        made(tmp_path, "raise ValueError('key ' + 'ABSK' + 'q' * 40)")
    (kept,) = left(tmp_path)
    text = (tmp_path / "o u t" / kept).read_text(encoding="utf-8")
    assert secret not in str(caught.value)
    assert secret not in text


def test_a_killed_kernel_is_a_failed_run(tmp_path: Path) -> None:
    with pytest.raises(ReportFailed, match="kernel died"):
        made(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert [p.startswith("failed/") for p in left(tmp_path)] == [True]


def test_a_cell_that_takes_too_long_is_a_failed_run(tmp_path: Path) -> None:
    with pytest.raises(ReportFailed, match="longer than 2 seconds"):
        made(tmp_path, "import time\ntime.sleep(60)", cell_timeout=2)
    assert [p.startswith("failed/") for p in left(tmp_path)] == [True]


def test_a_notebook_without_figures_is_a_failed_run_and_writes_nothing(tmp_path: Path) -> None:
    book = stub(tmp_path / "book.ipynb", None, "1 + 1")
    with pytest.raises(GuardError, match="no figures"):
        run("cost", {}, tmp_path / "out", options=Options(plots="script", notebook=book))
    assert [p for p in (tmp_path / "out").rglob("*") if p.is_file()] == []


@contextmanager
def files_up_to(most: int) -> Iterator[None]:
    """No file may grow beyond so many bytes: what a full disk does, with an errno of its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_while_the_run_is_made_leaves_nothing(tmp_path: Path) -> None:
    with files_up_to(200_000), pytest.raises(GuardError, match="room") as caught:
        made(tmp_path, "print('x' * 400_000)")
    assert getattr(caught.value, "exit_status", None) == 4
    assert left(tmp_path) == []


def test_a_full_disk_while_the_page_is_written_leaves_nothing(tmp_path: Path) -> None:
    cell = "import plotly.graph_objects as go\ngo.Figure(go.Bar(x=[1], y=[2]))"
    with files_up_to(1_000_000), pytest.raises(PlaceFailed, match="room"):
        made(tmp_path, cell)  # the script form's page is 5 MB
    assert left(tmp_path) == []


def test_an_output_folder_that_goes_away_is_a_failed_run(tmp_path: Path) -> None:
    out = tmp_path / "o u t"
    with pytest.raises(GuardError) as caught:
        made(tmp_path, f"import shutil\nshutil.rmtree({str(out)!r})")
    assert getattr(caught.value, "exit_status", None) == 4
    assert caught.value.remedy
    assert not out.exists()


def test_an_output_folder_that_is_a_file_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "o u t").write_text("mine")
    with pytest.raises(BadParameters, match="No report can be kept in"):
        made(tmp_path)
    assert (tmp_path / "o u t").read_text() == "mine"


def test_an_unknown_parameter_leaves_nothing(tmp_path: Path) -> None:
    book = stub(tmp_path / "book.ipynb", made_figures())
    with pytest.raises(BadParameters, match="dayz"):
        run("cost", {"dayz": 1}, tmp_path / "out", options=Options(notebook=book))
    assert not (tmp_path / "out").exists()


def test_what_a_killed_run_left_is_swept_after_a_day(tmp_path: Path) -> None:
    import os

    old, new = tmp_path / ".making-old", tmp_path / ".making-new"
    old.mkdir()
    new.mkdir()
    os.utime(old, (0, 0))
    with Folder(tmp_path).making():
        pass
    assert not old.exists()
    assert new.exists()


@pytest.mark.parametrize(
    ("gaps", "findings", "alarm_from", "status"),
    [
        ((), (), "low", 0),
        ((), (finding(),), "low", 1),
        ((), (finding(severity="low"),), "high", 0),
        (("a Region was refused",), (finding(),), "low", 3),
        (("a Region was refused",), (), "low", 3),
    ],
)
def test_incomplete_outweighs_findings(gaps: tuple, findings: tuple, alarm_from: str, status: int) -> None:
    assert made_figures(gaps=gaps, findings=findings, alarm_from=alarm_from).exit_status == status


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("ClientError: ... (ExpiredTokenException)", "sign in"),
        ("ClientError: (RequestTimeTooSkewed)", "clock"),
        ("EndpointConnectionError: Could not connect", "could not be reached"),
        ("ClientError: An error occurred (AccessDeniedException)", "doctor"),
        ("OSError: [Errno 28] No space left on device", "room"),
        ("ZeroDivisionError: division by zero", "run again"),
    ],
)
def test_each_known_error_says_what_to_do(words: str, remedy: str) -> None:
    assert remedy in remedy_for(words)


@pytest.mark.parametrize(
    ("words", "why", "remedy"),
    [
        (["--param", "dayz=3"], "dayz: is no parameter of it", "Its parameters are account, region"),
        (
            ["--param", "days=0"],
            "days: '0' is below 1",
            "days: whole UTC days, ending two days before now; from 1 to 395; by default 28.",
        ),
        (["--param", "time_zone=Mars"], "'Mars' is no time zone", "time_zone: the zone in which"),
        (["--param", "region=mars-1"], "'mars-1' is no Region of AWS", "us-east-1"),
        (["--param", "previous=/nowhere"], "There is no folder /nowhere", "Leave `previous` out"),
        (["--account", "nobodys"], "There is no AWS profile 'nobodys'", "default"),
        (["--topic", "reports"], "is no ARN of an SNS topic", "arn:aws:sns:"),
        (["--hook", "/no/such/program --x"], "The hook names no program", "whole path"),
        (["--out", "s3:///x"], "names no bucket", "s3://BUCKET/PREFIX"),
    ],
)
def test_bad_parameters_end_with_2_in_words_and_leave_nothing(
    words: list[str], why: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    told = CliRunner().invoke(app, ["report", "cost", *words])
    assert told.exit_code == 2, told.output
    assert why in told.output
    assert remedy in told.output
    assert list(tmp_path.iterdir()) == []


def test_an_errors_own_remedy_is_said_and_not_run_again(tmp_path: Path) -> None:
    cell = "from bedrock_guard.errors import GuardError\nraise GuardError('No key has it.', remedy='Take one of A, B.')"
    with pytest.raises(ReportFailed) as caught:
        made(tmp_path, cell)
    assert caught.value.remedy.startswith("Take one of A, B. What it reached is in ")
    assert "Do:" not in caught.value.why
