from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd
import pytest

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.tables import Provenance
from bedrock_guard.present.table import Shown, plain, source_note

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m\u202e"


def test_an_error_says_what_why_and_what_to_do_and_escapes_it() -> None:
    error = GuardError(f"No {HOSTILE}.", why="a & b", remedy="c")
    assert str(error).endswith("Why: a & b Do: c")
    assert "<img" not in error._repr_html_()
    assert "a &amp; b" in error._repr_html_()


def test_hostile_text_is_shown_as_text() -> None:
    shown = Shown(pd.DataFrame({"user": [HOSTILE], "cost_usd": [Decimal("1.5")]}), HOSTILE)
    for text in (shown.html(), shown.text()):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "<img" not in shown.html()
    assert "&lt;img src=x" in shown.html()
    assert "$1.50" in shown.html()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unknown"),
        (pd.NA, "unknown"),
        (pd.NaT, "unknown"),
        (float("nan"), "unknown"),
        (False, "no"),
        (0, "0"),
        (12_345, "12,345"),
        ((), "none"),
        (("a", None), "a, unknown"),
        (datetime(2026, 11, 2, 13, 5, tzinfo=UTC), "2026-11-02 13:05 UTC"),
    ],
)
def test_unknown_is_said_and_zero_is_zero(value: object, text: str) -> None:
    assert plain(value) == text


def test_a_total_over_an_unknown_amount_is_unknown() -> None:
    frame = pd.DataFrame({"model": ["a", "b"], "cost_usd": pd.Series([Decimal(1), None], dtype="object")})
    assert '<tr class="total">' in Shown(frame, total=True).html()
    assert Shown(frame, total=True).text().splitlines()[-1].split() == ["total", "unknown"]
    known = frame.assign(cost_usd=[Decimal("1.10"), Decimal("2.20")])
    assert Shown(known, total=True).text().splitlines()[-1].split() == ["total", "$3.30"]


def test_rows_beyond_the_limit_are_counted_and_long_cells_cut() -> None:
    frame = pd.DataFrame({"name": ["x" * 5000] * 60})
    text = Shown(frame).html()
    assert "(10 more rows are not shown)" in text
    assert "(5,000 characters)" in text
    assert len(text) < 60 * 500


def test_a_source_note_says_window_price_and_gaps() -> None:
    start, end = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    note = source_note(
        Provenance("Cost Explorer", start, end, None, 3, Decimal("0.03"), "floor", "one page was refused")
    )
    assert "; 2026-10-01 to 2026-10-31 (UTC); " in note, "as on every page, both ends included"
    noon = source_note(Provenance("CloudTrail", start, end.replace(hour=12)))
    assert "; 2026-10-01 to 2026-11-01 (UTC); " in noon, "a day that was begun was read"
    assert "3 requests, $0.03" in note
    assert "at least this much (one page was refused)" in note


def test_a_narrow_page_can_put_the_columns_of_a_wide_table_of_texts_beneath_each_other() -> None:
    texts = pd.DataFrame([("a", "b", "c", "d", "e<f")], columns=["one", "two", "three", "four", "<five>"])
    page = Shown(texts).html()
    assert '<table class="wide">' in page
    assert 'data-head="&lt;five&gt;">e&lt;f</td>' in page
    numbers = texts.assign(two=1, three=2, four=3, **{"<five>": 4})
    assert '<table class="numbers">' in Shown(numbers).html()
    assert "<table>" in Shown(texts[["one", "two"]]).html()
    assert "data-head" not in Shown(numbers).html() + Shown(texts[["one", "two"]]).html()
