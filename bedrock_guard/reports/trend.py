"""Earlier runs of the same report and account: the trend of its figures, and what is new since the last of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import pandas as pd

from bedrock_guard.evidence.tables import dollars
from bedrock_guard.evidence.words import many
from bedrock_guard.present.note import Note
from bedrock_guard.present.spend import table_or_note
from bedrock_guard.present.table import Shown
from bedrock_guard.reports.figures import FILE, Figure, Figures, Finding, UnreadableFigures, read_figures
from bedrock_guard.reports.places import earlier_folders
from bedrock_guard.reports.pseudonyms import VARIABLE, Pseudonyms

MOST_RUNS: Final = 26
MOVED: Final = ("figure", "before", "now", "change")


@dataclass(frozen=True)
class Earlier:
    """Earlier runs, one a window, oldest first, and how many files could not be read.

    Args:
        runs: the newest run of each earlier window.
        unreadable: files that are no figures of this version.
        same: the newest run of the present window, which a rerun says its differences to.

    """

    runs: tuple[Figures, ...] = ()
    unreadable: int = 0
    same: Figures | None = None

    @property
    def last(self) -> Figures | None:
        """The run to compare with."""
        return self.runs[-1] if self.runs else None


def earlier_runs(folder: str, report: str, account_id: str, window: tuple[datetime, datetime]) -> Earlier:
    """Runs over as many days: those that ended on an earlier day, of which the trend is made, and the same window's.

    A rerun is no point of the trend of its own: it takes the place of what it reran.

    Args:
        folder: where runs are; empty gives none.
        report: "cost" or "keys".
        account_id: whose.
        window: start and end of the present window.

    """
    if not folder:
        return Earlier()
    found: dict[date, Figures] = {}
    same: Figures | None = None
    unreadable = 0
    mine = _marks(account_id)
    for path in earlier_folders(Path(folder), report):
        try:
            run = read_figures(path / FILE)
        except UnreadableFigures:
            unreadable += 1
            continue
        if (
            run.report != report
            or (run.account_id, run.pseudonyms) not in mine
            or not _comparable(run, window)
        ):
            continue
        if run.window_end.date() == window[1].date():
            same = run
        else:
            found[run.window_end.date()] = run  # folders are in order of time: a rerun replaces what it reran
    runs = tuple(found[end] for end in sorted(found)[-MOST_RUNS:])
    return Earlier(runs, unreadable, same)


def _comparable(run: Figures, window: tuple[datetime, datetime]) -> bool:
    start, end = window
    longer = (end - start) - (run.window_end - run.window_start)
    return run.window_end.date() <= end.date() and abs(longer) < timedelta(days=1)


def _marks(account_id: str) -> set[tuple[str, str]]:
    """How this account is named in figures that can be compared: plainly, and by one's own pseudonym key."""
    key = os.environ.get(VARIABLE, "")
    if not key:
        return {(account_id, "")}
    other = Pseudonyms(key.encode(), {})
    return {(account_id, ""), (other.text(account_id), other.mark)}


def with_news(
    findings: Sequence[Finding], last: Figures | None, names: Mapping[str, str]
) -> tuple[Finding, ...]:
    """The findings, each saying whether the last run had it."""
    if last is None:
        return tuple(findings)
    known = {finding.id for finding in last.findings}
    other = Pseudonyms(os.environ.get(VARIABLE, "").encode(), names) if last.pseudonyms else None
    return tuple(
        finding.model_copy(update={"new": (other.text(finding.id) if other else finding.id) not in known})
        for finding in findings
    )


def gone(findings: Sequence[Finding], last: Figures | None) -> tuple[Finding, ...]:
    """Findings of the last run that are no more; empty where its names cannot be compared."""
    if last is None or last.pseudonyms:
        return ()
    here = {finding.id for finding in findings}
    return tuple(finding for finding in last.findings if finding.id not in here)


def moved(now: Mapping[str, Figure], last: Figures | None) -> pd.DataFrame:
    """Figures that read otherwise than in the last run: figure, before, now, change; text, unknown said as unknown."""
    rows = []
    for name, figure in now.items():
        before = last.figures.get(name) if last else None
        if before is None or before.unit != figure.unit or said(before) == said(figure):
            continue
        gap = None if figure.number is None or before.number is None else figure.number - before.number
        rows.append((figure.label, said(before), said(figure), _by(gap, figure)))
    return pd.DataFrame(rows, columns=list(MOVED))


def _by(gap: Decimal | None, figure: Figure) -> str:
    """By how much; between two shares in points."""
    if gap is None:
        return "unknown"
    return f"{gap:,.1f} points" if figure.unit == "%" else said_as(gap, figure)


def said(figure: Figure) -> str:
    """A figure as a person reads it."""
    return "unknown" if figure.value is None else said_as(figure.number, figure)


def said_as(number: Decimal | None, figure: Figure) -> str:
    """A number in a figure's unit."""
    if number is None:
        return figure.value or "unknown"
    return (
        dollars(number)
        if figure.unit == "USD"
        else f"{number:,.1f} %"
        if figure.unit == "%"
        else f"{number:,f}"
    )


def news(figures: Mapping[str, Figure], findings: Sequence[Finding], earlier: Earlier) -> Shown | Note:
    """What changed since the last window, as a table, and whether a run of the present window said the same."""
    last = earlier.last
    files = many(earlier.unreadable, "earlier file")
    broken = f" {files} could not be read." if earlier.unreadable else ""
    again = _again(figures, findings, earlier.same) if earlier.same else ""
    if last is None and earlier.same is None:
        return Note((f"This is the first run kept here: nothing to compare with.{broken}",))
    if last is None:
        words = f"{again} No run of an earlier window is kept here.{broken}"
        return table_or_note(Shown(moved(figures, earlier.same), words))
    table = moved(figures, last)
    fresh = sum(finding.new is True for finding in findings)
    ended = [finding.text for finding in gone(findings, last)]
    words = (
        f"Since the run of {last.window_start:%Y-%m-%d} to {last.window_end - timedelta(microseconds=1):%Y-%m-%d}: "
        f"{many(fresh, 'finding is', 'findings are')} new, {many(len(ended), 'is', 'are')} gone, "
        f"{many(len(table), 'figure')} changed.{broken}"
    )
    words += f" Gone: {'; '.join(ended[:5])}" if ended else ""
    return table_or_note(Shown(table, f"{words} {again}".rstrip()))


def _again(figures: Mapping[str, Figure], findings: Sequence[Finding], same: Figures) -> str:
    """What a rerun says otherwise than the run before it; names that are pseudonyms there are not compared."""
    changed = list(moved(figures, same)["figure"])
    ended = ""
    if not same.pseudonyms:
        changed += [figure.label for name, figure in figures.items() if name not in same.figures]
        changed += [figure.label for name, figure in same.figures.items() if name not in figures]
        others = len({finding.id for finding in same.findings} ^ {finding.id for finding in findings})
        told = f"; {many(others, 'finding is', 'findings are')} new or gone"
        ended = told if others else "; no finding is new or gone"
    figured = f"{many(len(changed), 'figure')} changed: {', '.join(changed[:5])}"
    figured = figured if changed else "no figure changed"
    return f"Same window as the run of {same.made_at:%Y-%m-%d %H:%M} UTC: {figured}{ended}."


def series(name: str, now: Figures, earlier: Earlier) -> pd.DataFrame:
    """One figure over the runs: until (last day of the window), cost_usd (Decimal or None)."""
    rows = []
    for run in (*earlier.runs, now):
        figure = run.figures.get(name)
        until = (run.window_end - timedelta(microseconds=1)).date()
        rows.append((until, figure.number if figure else None))
    return pd.DataFrame(rows, columns=["until", "cost_usd"]).astype({"cost_usd": "object"})
