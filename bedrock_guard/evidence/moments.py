"""Times as AWS writes them in records, read as UTC."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_IAM_DATE = re.compile(
    r"(?P<month>[A-Za-z]{3})[a-z]{0,6}\s+(?P<day>\d{1,2}),\s*(?P<year>\d{4}),?\s+"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})\s*(?P<half>[AaPp][Mm])"
)
_LONGEST = 64


def read_time(value: object) -> datetime | None:
    r"""A moment in UTC out of any form AWS or an exporter writes; None when it cannot be read.

    Reads ISO 8601 with any number of fractional digits (a missing zone means UTC, as CloudTrail writes nothing
    else), and IAM's `Aug 1, 2024 1:33:28 PM` with or without the comma after the year and with any kind of blank,
    U+202F among them, before AM or PM.

    Example:
        >>> read_time("Aug 31, 2025, 6:30:38\u202fPM").isoformat()
        '2025-08-31T18:30:38+00:00'
        >>> read_time("2025-01-21 17:49:47.000000000").isoformat()
        '2025-01-21T17:49:47+00:00'
        >>> read_time("yesterday") is None
        True
    """
    if isinstance(value, datetime):
        return _utc(value)
    if not isinstance(value, str) or not 8 <= len(value) <= _LONGEST:
        return None
    text = value.strip()
    try:
        return _utc(datetime.fromisoformat(text))
    except ValueError:
        return _iam_date(text)


def read_times(values: Sequence[object]) -> list[datetime | None]:
    """Many moments, as `read_time` reads them one by one; quicker where all are written as CloudTrail does."""
    try:
        found = [datetime.fromisoformat(value) for value in values]  # type: ignore[arg-type]
        plain = not values or max(map(len, values)) <= _LONGEST  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return [read_time(value) for value in values]
    if plain and all(moment.tzinfo is UTC for moment in found):
        return list(found)
    return [read_time(value) for value in values]


def _utc(moment: datetime) -> datetime | None:
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None


def _iam_date(text: str) -> datetime | None:
    found = _IAM_DATE.fullmatch(text)
    if not found or found["month"].lower() not in _MONTHS:
        return None
    hour = int(found["hour"]) % 12 + (12 if found["half"].lower() == "pm" else 0)
    if not 1 <= int(found["hour"]) <= 12:
        return None
    month = _MONTHS.index(found["month"].lower()) + 1
    try:
        return datetime(
            int(found["year"]),
            month,
            int(found["day"]),
            hour,
            int(found["minute"]),
            int(found["second"]),
            tzinfo=UTC,
        )
    except ValueError:
        return None
