"""The command line in a terminal: no line wider than it, nothing lost, text at the left and numbers at the right."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal

import pandas as pd
import pytest
from typer.testing import CliRunner

from bedrock_guard.account.doctor import ABOUT_REQUESTS
from bedrock_guard.account.situation import example_spec
from bedrock_guard.cli import app, told
from bedrock_guard.present import doctor as doctor_page
from bedrock_guard.present.note import Note
from bedrock_guard.present.table import Shown, plain
from bedrock_guard.present.terminal import COMMAND, FILE, columns_of, paragraph, wrapped

Printer = Callable[[int | None], str]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Printer]]:
    """What each command shows, as something that can be printed at any width."""
    spec = tmp_path_factory.mktemp("spec") / "guard.toml"
    spec.write_text(example_spec().dumps(), encoding="utf-8")
    told_by: dict[str, list[Printer]] = {}
    with pytest.MonkeyPatch.context() as patch:
        shown: list[Printer] = []
        patch.setattr(told, "show", lambda tables: shown.extend(one.text for one in tables))
        real = doctor_page.text

        def look(found: object, _: int) -> str:
            shown.append(lambda width: real(found, width))  # type: ignore[arg-type]
            return ""

        patch.setattr(doctor_page, "text", look)
        for words in (["keys"], ["spend"], ["replay", str(spec)], ["doctor", "--no-keep"]):
            done = CliRunner().invoke(app, words)
            assert done.exit_code in {0, 3}, done.output
            told_by[words[0]] = list(shown)
            shown.clear()
    return told_by


def squashed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("width", [80, 120, 160])
@pytest.mark.parametrize("command", ["keys", "spend", "replay", "doctor"])
def test_no_line_is_wider_than_the_terminal_and_no_word_is_lost(
    printed: dict[str, list[Printer]], command: str, width: int
) -> None:
    assert printed[command]
    for printer in printed[command]:
        lines = printer(width).splitlines()
        assert [one for one in lines if columns_of(one) > width and COMMAND not in one] == []
        table = getattr(printer, "__self__", None)
        if not isinstance(table, Shown):
            assert squashed(printer(width)) == squashed(printer(None))
            continue
        text = squashed(printer(width))
        for values in table.in_cents.head(table.limit).itertuples(index=False, name=None):
            for column, value in zip(table.frame.columns, values, strict=True):
                if not isinstance(value, Decimal):
                    assert squashed(plain(value, limit=table.longest)) in text, column


def test_numbers_end_at_one_place_and_texts_begin_at_one() -> None:
    rows = {
        "model": ["a", "a longer name"],
        "calls": [7, 12_345],
        "cost_usd": [Decimal("1.5"), Decimal(1000)],
    }
    text = Shown(pd.DataFrame(rows), "Costs.", total=True).text(80)
    assert text.splitlines() == [
        "Costs.",
        "model           calls       cost",
        "a                   7      $1.50",
        "a longer name  12,345  $1,000.00",
        "total          12,352  $1,001.50",
    ]


def test_a_table_that_does_not_fit_is_shown_row_by_row() -> None:
    rows = {
        "who": ["role a", "role b"],
        "why": ["one two three four five six seven eight nine", ""],
        "calls": [1, 2],
    }
    assert Shown(pd.DataFrame(rows), "Calls.").text(40).splitlines() == [
        "Calls.",
        "who    role a",
        "why    one two three four five six seven",
        "       eight nine",
        "calls  1",
        "",
        "who    role b",
        "calls  2",
    ]


@pytest.mark.parametrize("width", [40, 57, 300])
def test_foreign_text_neither_steers_the_terminal_nor_breaks_its_width(width: int) -> None:
    hostile = ["東京" * 40, "a\x1b[2J\r\nb\t\u202egnp", "x" * 250, "e\u0301" * 90, "[bold red]no markup[/]"]
    frame = pd.DataFrame({"who": hostile, "\x1b[31mhead": ["y" * 90] * 5, "calls": range(5)})
    text = Shown(frame, "名前 " * 60, more="z" * 200).text(width)
    lines = text.splitlines()
    assert max(map(columns_of, lines)) <= width
    assert all(one.isprintable() or one == "\n" for one in text)
    for value in hostile:
        assert squashed(plain(value)) in squashed(text)


def test_wide_characters_take_two_columns_beside_each_other() -> None:
    text = Shown(pd.DataFrame({"who": ["東京", "ab"], "calls": [1, 22]})).text(80)
    assert text.splitlines() == ["who   calls", "東京      1", "ab       22"]


def test_a_command_stays_one_line_and_the_words_around_it_do_not() -> None:
    command = "Stop it first with: aws iam delete-access-key --user-name " + "u" * 60
    assert Note((command, "one two " * 20), "copy").text(40).splitlines()[0] == command
    assert paragraph("    one two three", 13, 2).splitlines() == ["    one two", "      three"]
    assert wrapped("", 5) == [""]


def test_a_table_without_rows_is_its_caption() -> None:
    assert Shown(pd.DataFrame({"a": []}), "Nothing was seen.").text(80) == "Nothing was seen."
    assert Shown(pd.DataFrame({"a": []})).text(80) == "a"


@pytest.mark.parametrize("columns", ["90", None])
def test_the_command_takes_the_terminals_width_and_a_fixed_one_into_a_pipe(columns: str | None) -> None:
    env = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    env |= {"COLUMNS": columns} if columns else {}
    main = [sys.executable, "-c", "from bedrock_guard.cli import main; main()", "spend"]
    done = subprocess.run(main, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    longest = max(map(len, done.stdout.splitlines()))
    assert 80 < longest <= int(columns or FILE)


def test_the_help_of_doctor_leaves_the_number_of_requests_to_the_command_that_knows_it() -> None:
    help_of, said = (
        CliRunner().invoke(app, ["doctor", *words]).output
        for words in (["--help"], ["--no-bill", "--no-keep"])
    )
    assert "announced" in help_of
    assert not re.search(r"(ten|\d) +requests", help_of)
    assert f"about {ABOUT_REQUESTS[1]} requests" in said
