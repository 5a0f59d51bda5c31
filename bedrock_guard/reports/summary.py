"""Ten lines, Markdown for a chat or plain for a terminal: what it cost, who holds keys, what is wrong or unknown."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Final

from bedrock_guard.evidence.tables import dollars
from bedrock_guard.evidence.words import many, visible
from bedrock_guard.present.terminal import COMMAND
from bedrock_guard.reports.figures import Figure, Figures
from bedrock_guard.reports.remedies import remedies_for

LINES: Final = 10
_TITLES: Final = {"cost": "Bedrock cost", "keys": "Bedrock keys"}
_FIRST: Final = {
    "cost": ("total", "control_total", "difference", "forecast"),
    "keys": ("calls_with_keys", "denied"),
}
_MARKS: Final = {"high": "🔴", "medium": "🟠", "low": "🔵"}
_LONGEST: Final = 260
_REPLACED: Final = " (names are replaced here: put in the true ones)"


def summary(figures: Figures, *, markdown: bool = True) -> str:
    """At most ten lines; text that came from AWS cannot format, mention or link anything, nor steer a terminal.

    Args:
        figures: what a report says.
        markdown: for a chat; otherwise plain text, in which names stand as AWS gives them.

    Example:
        >>> summary.__doc__.splitlines()[0][:17]
        'At most ten lines'

    """
    safe = _safe if markdown else _line
    bold = "**" if markdown else ""
    last = figures.window_end - timedelta(microseconds=1)
    days = f"{figures.window_start:%Y-%m-%d} to {last:%Y-%m-%d} (UTC)"
    lines = [
        f"{bold}{_TITLES.get(figures.report, figures.report)}{bold}, account {figures.account_id}, {days}",
        *(
            f"{safe(line)}{_REPLACED if figures.pseudonyms and COMMAND in line else ''}"
            for line in figures.lead
        ),
        " · ".join(_figure(figures.figures[name]) for name in _shown(figures)) or "No figure is known.",
    ]
    if figures.gaps:
        more = f" (and {len(figures.gaps) - 1} more)" if len(figures.gaps) > 1 else ""
        lines.append(f"⚠ Incomplete: {safe(figures.gaps[0])}{more}")
        lines += [f"Do: {safe(remedy)}" for remedy in remedies_for(figures.gaps)[:1]]
    new = sum(finding.new is True for finding in figures.findings)
    told = f", {new} new since the last run" if figures.compared_with else ""
    rest = [
        f for f in figures.findings if not any(f.text.partition(". ")[0] in line for line in figures.lead)
    ]
    above = len(figures.findings) - len(rest)
    first = f"; {above} of them above" if above else ""
    lines.append(f"{many(len(figures.findings), 'finding')}{told}{first}")
    room = LINES - len(lines)
    room -= len(rest) > room
    lines += [f"{_MARKS[f.severity]} {safe(f.text)}{' (new)' if f.new else ''}" for f in rest[:room]]
    if len(rest) > room:
        lines.append(f"… and {len(rest) - room} more in the report.")
    return "\n".join(lines[:LINES]) + "\n"


def _shown(figures: Figures) -> list[str]:
    return [name for name in _FIRST.get(figures.report, ()) if name in figures.figures]


def _figure(figure: Figure) -> str:
    number = figure.number
    if number is None:
        return f"{figure.label}: unknown"
    value = (
        dollars(number)
        if figure.unit == "USD"
        else f"{number:+.1f} %"
        if figure.unit == "%"
        else _count(number)
    )
    floor = "at least " if figure.completeness == "floor" else ""
    return f"{figure.label}: {floor}{value}"


def _count(number: Decimal) -> str:
    return f"{number:,f}"


def _line(text: str) -> str:
    """One line without control characters, cut where it is long."""
    line = visible(" ".join(text.split()))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _safe(text: str) -> str:
    """One line in which Markdown, chat mentions and links mean nothing."""
    return (
        re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", _line(text))
        .replace("@", "@\u200b")
        .replace("://", ":\u200b//")
    )
