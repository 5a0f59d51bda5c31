"""The demo company's clock: everything it did ended at `NOW`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
"""The instant the demo account is looked at (UTC). No event, bill line or resource is later."""

MODEL_DIMENSION_FROM = date(2026, 9, 1)
"""First day with product attributes in Cost Explorer (botocore's `ce` model, ProductAttributeValues)."""

CALLER_TAG_FROM = date(2026, 10, 1)
"""First day on which the company's `iamPrincipal/team` cost allocation tag was active."""

SECONDS_A_DAY = 86_400


EARLIEST_MARGIN = timedelta(hours=4)
"""Nothing happened in the first hours, so that a slow walk through 90 days of Event history loses nothing."""

LATEST_MARGIN = timedelta(minutes=15)
"""Nothing happened just before `NOW`: CloudTrail shows an event some minutes after it."""


def history_start(days: int) -> datetime:
    """The first instant of a history of `days` days (UTC)."""
    return NOW - timedelta(days=days)


def history_days(days: int) -> list[date]:
    """Every UTC day that a history of `days` days touches; first and last are half days."""
    first = history_start(days).date()
    return [first + timedelta(days=offset) for offset in range(days + 1)]


def open_seconds(day: date, days: int) -> tuple[int, int]:
    """The part of `day` inside the history, as seconds of the day (start inclusive, end exclusive)."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    start = max(0, int((history_start(days) + EARLIEST_MARGIN - begin).total_seconds()))
    end = min(SECONDS_A_DAY, int((NOW - LATEST_MARGIN - begin).total_seconds()))
    return start, max(start, end)


def stamp(moment: datetime) -> str:
    """CloudTrail's spelling of a time: `2026-11-20T12:00:00Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(days: float = 0, hours: float = 0) -> datetime:
    """The instant so many days and hours before `NOW` (UTC)."""
    return NOW - timedelta(days=days, hours=hours)


def dice(*parts: object) -> Random:
    """A generator that depends on nothing but `parts`: the same company on every machine."""
    return Random(":".join(map(str, parts)))  # noqa: S311 - a demo's dice, no secret is made with them
