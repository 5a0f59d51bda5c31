"""Tables for people: a frame in, escaped HTML out, in the colours of the page it stands in.

Whatever came from AWS is text here: it is escaped at the last step and control characters are shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import cached_property
from html import escape
from typing import Any, Literal

import pandas as pd

from bedrock_guard.evidence.adding import added, apart, column
from bedrock_guard.evidence.tables import Provenance, dollars
from bedrock_guard.evidence.words import visible
from bedrock_guard.present import terminal

NO_MATH = "tex2jax_ignore mathjax_ignore"
"""Class of HTML in which JupyterLab must not read the text between two dollar signs as a formula."""
_CELL = 300
_LABEL = 80
_ID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-|^[A-Z0-9]{16,}$")
_LONG = re.compile(r"[^\s]{29}")
"""A word that may be broken anywhere."""
_MIDDLE = re.compile(r"[^\s]{17}")
"""A word that a narrow page may break."""
_DAYS = re.compile(r"\d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d")
_WORD = re.compile(r"(\s+)")
_BESIDE = 60
"""A word of a command up to this length stays on one line."""
_FEW = 4
"""As many columns fit a phone or a mail beside each other, if none of them has long texts."""
_LONG_TEXT = 30
_WIDE = ' class="wide"'
_NUMBERS = ' class="numbers"'
_SMALL = ' class="under"'
Scrolls = Literal["numbers", "all", "none"]
_SCROLLED: Mapping[Scrolls, tuple[str, ...]] = {"numbers": (_NUMBERS,), "all": (_NUMBERS, _WIDE), "none": ()}
_NUMBER = ' class="number" style="text-align:right;vertical-align:top;white-space:nowrap"'
_NUMBER_HEAD = ' class="number" style="text-align:right;vertical-align:bottom"'
_TEXT = ' style="text-align:left;vertical-align:top"'
_WHOLE = ' style="text-align:left;vertical-align:top;white-space:nowrap"'
_CAPTION = ' style="text-align:left;width:max-content;max-width:48em"'
_PANE = ' style="container-type:inline-size"'
_PANE_CAPTION = f'{_CAPTION[:-1]};max-width:min(48em,100cqw)"'
"""A notebook's pane shows a wide table by scrolling: the words above it keep to the pane."""
_ROOM = ((80, 12), (40, 9), (22, 6))
"""Longer than so many characters -> least width in em."""
_LINE = 1_000
_LONGEST_WHOLE = 20
_NUMERAL = re.compile(r"(?:under )?-?[$]?\d{1,3}(?:,\d{3})*(?:\.\d+)?(?: %| points)?|unknown")


@dataclass(frozen=True)
class Shown:
    """A frame as a table with a caption; a notebook shows it as HTML, a terminal as text.

    Args:
        frame: what to show; Decimal columns are money in `currency`, integer columns counts.
        caption: one line above the table.
        headers: column -> the words to head it with (default: the column's name with blanks).
        total: whether a last row adds up the money and count columns.
        limit: rows shown at most; how many are hidden is said.
        currency: of the money columns.
        under: column -> the column that stands small beneath it on a page; a terminal shows both as columns.
        zone: in which moments are shown; a midnight in UTC is a day and stays one.
        longest: characters of a text that are shown.
        sums_first: whether the first row is the sum of the others.
        more: how it is counted, to be opened under the caption.
        parts: column -> the columns that add up to it in every row; what contains another stands before it.

    Cents are shown so that what is added up adds up; the frame keeps the exact amounts.
    """

    frame: pd.DataFrame
    caption: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    total: bool = False
    limit: int = 50
    currency: str = "USD"
    zone: tzinfo = UTC
    under: Mapping[str, str] = field(default_factory=dict)
    longest: int = _CELL
    parts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sums_first: bool = False
    more: str = ""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.html("all"), "text/plain": self.text()}

    def html(self, scrolls: Scrolls = "numbers") -> str:
        """The table as HTML; a table without rows is its caption alone.

        What scrolls on a narrow page is a region that has a name and is reached by key: in a report tables of numbers,
        since texts stack there; in a notebook every wide table; none in a page that scrolls itself.
        """
        if self.frame.empty and self.caption:
            return f'<p class="{NO_MATH}">{escape(plain(self.caption))}</p>'
        head = "".join(
            f"<th{_NUMBER_HEAD if c in self._right else self._wide(c)}>{self._over(c, self.header)}</th>"
            for c in self._beside()
        )
        body = "".join(self._row(row) for row in self._rows())
        foot = self._row(self._sums(), css=' class="total"') if self.total and len(self.frame) > 1 else ""
        words = escape(plain(self.caption, limit=_LINE) + self._hidden())
        named = self._region if self._class in _SCROLLED[scrolls] else ""
        pane, style = (_PANE, _PANE_CAPTION) if scrolls == "all" else ("", _CAPTION)
        caption = f"<caption{style}>{words}{self._folded}</caption>"
        return (
            f'<div class="scroll {NO_MATH}"{pane}{named}><table{self._class}>{caption}<thead><tr>{head}</tr></thead>'
            f"<tbody>{body}{foot}</tbody></table></div>"
        )

    def text(self, width: int | None = None) -> str:
        """The table as plain text.

        Args:
            width: columns of the terminal; a table that does not fit is shown row by row, one without rows as its
                caption. None is as wide as it needs, as a notebook's plain twin.
        """
        said = [plain(self.caption, limit=_LINE) + self._hidden(), plain(self.more, limit=_LINE)]
        if width is None:
            return "\n".join([said[0], *filter(None, said[1:]), self._twin()])
        lines = [terminal.paragraph(words, width) for words in said if words]
        if not self.frame.empty or not lines:
            lines.append(self._as_text(width))
        return "\n".join(lines)

    def _twin(self) -> str:
        heads = [self.header(c) for c in self._columns()]
        cells = [dict(zip(heads, row, strict=True)) for row in self._cells()]
        return pd.DataFrame(cells, columns=heads).to_string(index=False)

    def _cells(self) -> list[list[str]]:
        rows = [*self._rows(), *([self._sums()] if self.total and len(self.frame) > 1 else [])]
        return [[self._cell(c, v) for c, v in zip(self._columns(), row, strict=True)] for row in rows]

    def _as_text(self, width: int) -> str:
        columns, cells = self._columns(), self._cells()
        right = [place for place, c in enumerate(columns) if c in self._right]
        return terminal.table([plain(self.header(c)) for c in columns], cells, right, width)

    def header(self, column: str) -> str:
        """The words that head a column."""
        return self.headers.get(column, column.removesuffix("_usd").replace("_", " "))

    def _columns(self) -> list[str]:
        return [str(c) for c in self.frame.columns]

    def _beside(self) -> list[str]:
        """The columns that stand beside each other on a page."""
        below = set(self.under.values())
        return [c for c in self._columns() if c not in below]

    def _wide(self, column: str) -> str:
        """Room for a column of sentences: beside many columns a browser would give it a word's width."""
        longest = self._longest(column)
        room = next((em for length, em in _ROOM if longest > length), 0)
        return f' style="text-align:left;vertical-align:bottom{f";min-width:{room}em" if room else ""}"'

    def _over(self, column: str, words: Callable[[str], str]) -> str:
        """The words of a column, and small beneath them those of the column under it."""
        below = words(self.under[column]) if column in self.under else ""
        small = (
            f"<br><small{_SMALL}{self._label(self.under[column])}>{escape(below)}</small>" if below else ""
        )
        return f"{escape(words(column))}{small}"

    def _hidden(self) -> str:
        rest = len(self.frame) - self.limit
        return f" ({rest:,} more rows are not shown)" if rest > 0 else ""

    @property
    def _folded(self) -> str:
        """What explains the table, closed: a page is read for its numbers."""
        more = escape(plain(self.more, limit=_LINE))
        return f"<details><summary>How this is counted</summary>{more}</details>" if more else ""

    def _rows(self) -> Iterable[Sequence[Any]]:
        return self.in_cents.head(self.limit).itertuples(index=False, name=None)

    def _row(self, values: Sequence[Any], css: str = "") -> str:
        said = {c: self._cell(c, v) for c, v in zip(self._columns(), values, strict=True)}
        cells = "".join(
            f"<td{self._style(c, said)}{self._label(c)}>{self._over(c, said.__getitem__)}</td>"
            for c in self._beside()
        )
        return f"<tr{css}>{cells}</tr>"

    @cached_property
    def _class(self) -> str:
        """How a narrow page shows it: a wide table of texts row by row, one of numbers in smaller letters."""
        beside = self._beside()
        if len(beside) < _FEW or (len(beside) == _FEW and not any(map(self._is_long, beside))):
            return ""
        return _NUMBERS if self._right.issuperset(beside[1:]) else _WIDE

    @property
    def in_cents(self) -> pd.DataFrame:
        """The frame with its money as it is shown."""
        return self._rounded[0]

    @property
    def _region(self) -> str:
        """A table that a narrow page may have to scroll is reached by keyboard, and says what it is."""
        name = escape(plain(self.caption.partition(". ")[0].rstrip("."), limit=_LABEL)) or "table"
        return f' role="region" tabindex="0" aria-label="{name}"'

    def _is_long(self, column: str) -> bool:
        return self._longest(column) > _LONG_TEXT

    def _longest(self, column: str) -> int:
        return max(
            (len(self._cell(column, value)) for value in self.frame[column].head(self.limit)), default=0
        )

    def _label(self, column: str) -> str:
        """Where a narrow page puts the columns of a row beneath each other, each names itself."""
        return f' data-head="{escape(self.header(column))}"' if self._class == _WIDE else ""

    def _style(self, column: str, said: Mapping[str, str]) -> str:
        text = said[column]
        if column in self._right:
            return _NUMBER
        below = said.get(self.under.get(column, ""), "")
        return _WHOLE if _is_whole(text) and _is_whole(below) else _kind(text) + _TEXT

    def _is_number(self, column: str) -> bool:
        values = self.frame[column]
        if pd.api.types.is_bool_dtype(values):
            return False
        return pd.api.types.is_numeric_dtype(values) or any(isinstance(v, Decimal) for v in values)

    @cached_property
    def _right(self) -> frozenset[str]:
        """Columns that line up at the right: numbers, and shares and counts written as text."""
        return frozenset(c for c in self._columns() if self._is_number(c) or _reads_as_numbers(self.frame[c]))

    def _cell(self, column: str, value: Any) -> str:
        if isinstance(value, Decimal):
            return dollars(value, self.currency) if _is_money(column) else f"{value:,f}"
        return plain(value, self.zone, self.longest)

    def _sums(self) -> list[Any]:
        shown = self._rounded[1]
        sums: list[Any] = [
            shown[c] if c in shown else _sum(self.frame[c]) if self._is_number(c) else ""
            for c in self._columns()
        ]
        sums[0] = "total"
        return sums

    @cached_property
    def _rounded(self) -> tuple[pd.DataFrame, dict[str, Decimal]]:
        """The frame with its money in cents that add up, and the sums of those columns."""
        adds = self.total and len(self.frame) > 1
        if not adds and not self.parts and not self.sums_first:
            return self.frame, {}
        money = {c: list(self.frame[c]) for c in self._columns() if _is_money(c)}
        if self.sums_first:
            return self.frame.assign(**{c: _beneath_sum(values) for c, values in money.items()}), {}
        known = {c: values for c, values in money.items() if all(isinstance(v, Decimal) for v in values)}
        shown, sums = added(known, self.parts) if adds else (apart(known, self.parts), {})
        columns = {c: pd.Series(values, self.frame.index, "object") for c, values in shown.items()}
        return self.frame.assign(**columns), sums


def _beneath_sum(values: Sequence[Any]) -> list[Any]:
    """The values in cents that add up to the first, as far as they are all of it; what is no amount stays."""
    places = [at for at, value in enumerate(values) if at and isinstance(value, Decimal)]
    exact = [values[at] for at in places]
    if sum(exact, Decimal(0)) != values[0]:
        return list(values)
    shown = dict(zip(places, column(exact), strict=True))
    return [shown.get(at, value) for at, value in enumerate(values)]


def _reads_as_numbers(values: pd.Series[Any]) -> bool:
    texts = {value for value in values if isinstance(value, str) and value}
    return bool(texts) and all(_NUMERAL.fullmatch(text) for text in texts)


def _is_whole(text: str) -> bool:
    """Whether a line break would only hurt: dates, times, Regions, short ids."""
    return len(text) <= _LONGEST_WHOLE and (" " not in text or text.endswith((" UTC", " %")))


def _kind(text: str) -> str:
    """How a page may break the text of a cell that is not whole."""
    if _ID.search(text):
        return ' class="code"'
    if _DAYS.fullmatch(text):
        return ' class="days"'
    return ' class="long"' if _LONG.search(text) else ' class="middle"' if _MIDDLE.search(text) else ""


def _is_money(column: str) -> bool:
    return column.endswith(("cost", "_usd")) or column in {
        "kept",
        "refused",
        "stranded",
        "unknown",
        "outside",
    }


def plain(value: Any, zone: tzinfo = UTC, limit: int = _CELL) -> str:
    """Any value as one line of text: unknown is said, control characters are shown, text beyond `limit` is cut."""
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and pd.isna(value)):
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list, set, frozenset)):
        return ", ".join(plain(v) for v in value) or "none"
    if isinstance(value, datetime):
        return _moment(value, zone)
    if isinstance(value, int) or hasattr(value, "__index__"):
        return f"{int(value):,}"
    text = visible(str(value))
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text):,} characters)"


def _moment(value: datetime, zone: tzinfo) -> str:
    if not (value.hour or value.minute):
        return value.strftime("%Y-%m-%d")
    local = value.astimezone(zone) if value.tzinfo else value
    return f"{local:%Y-%m-%d %H:%M} {'UTC' if zone is UTC else local.tzname()}"


def _sum(values: pd.Series[Any]) -> Any:
    known = [v for v in values if v is not None and v is not pd.NA and not pd.isna(v)]
    if len(known) < len(values):
        return None
    return sum(known, Decimal(0)) if known and isinstance(known[0], Decimal) else sum(known)


def unbroken(text: str) -> str:
    """A command as HTML whose lines end between words only; control characters are shown by whoever calls."""
    words = (escape(word) for word in _WORD.split(text))
    return "".join(
        f'<span style="white-space:nowrap">{word}</span>' if "-" in word and len(word) <= _BESIDE else word
        for word in words
    )


def source_note(provenance: Provenance) -> str:
    """One sentence: what was read, for which days, with how many requests at what price, and how whole it is."""
    parts = [f"Source: {provenance.source}"]
    if provenance.window_start and provenance.window_end:
        last = provenance.window_end - timedelta(microseconds=1)
        parts.append(f"{provenance.window_start:%Y-%m-%d} to {last:%Y-%m-%d} (UTC)")
    if provenance.requests:
        noun = "request" if provenance.requests == 1 else "requests"
        parts.append(f"{provenance.requests:,} {noun}, {dollars(provenance.request_cost_usd)}")
    words = {"complete": "complete", "floor": "at least this much", "unknown": "completeness unknown"}
    parts.append(words[provenance.completeness] + (f" ({provenance.why})" if provenance.why else ""))
    return "; ".join(parts) + "."
