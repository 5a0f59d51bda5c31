"""Time as an argument: the demo's clock stands still until somebody sleeps on it."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

DEMO_NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Clock(Protocol):
    """What waits and what tells the time (UTC, zone-aware)."""

    def now(self) -> datetime:
        """The present moment."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The present moment in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Really wait."""
        time.sleep(seconds)


class DemoClock:
    """Starts at a fixed moment and moves only by ``sleep`` and ``advance``; neither takes real time.

    Example:
        >>> clock = DemoClock()
        >>> clock.sleep(90)
        >>> clock.now().isoformat()
        '2026-11-20T12:01:30+00:00'

    """

    def __init__(self, start: datetime = DEMO_NOW) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs a zone-aware start")
        self.start = start.astimezone(UTC)
        self._lock = threading.Lock()
        self._now = self.start

    def now(self) -> datetime:
        """The demo's present moment in UTC."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Move on by ``seconds`` at no cost."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move on by ``seconds``; a negative number is refused."""
        if seconds < 0:
            raise ValueError("a clock does not go back")
        with self._lock:
            self._now += timedelta(seconds=seconds)

    def catch_up(self, moment: datetime) -> None:
        """Never be earlier than what another process has already written."""
        with self._lock:
            self._now = max(self._now, moment)


class RunningClock(DemoClock):
    """A demo clock that also runs with the machine's, for clients that wait for real: those of a served account."""

    def __init__(self, start: datetime = DEMO_NOW) -> None:
        super().__init__(start)
        self._since = time.monotonic()

    def now(self) -> datetime:
        """The demo's present moment in UTC: later each time it is asked."""
        with self._lock:
            passed = time.monotonic()
            self._now += timedelta(seconds=passed - self._since)
            self._since = passed
            return self._now
