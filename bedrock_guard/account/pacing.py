"""Not asking faster than AWS allows, however many threads ask."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from bedrock_guard.demo.clock import Clock, SystemClock


class Pacer:
    """Gives out moments that are at least `1 / per_second` apart, to all threads together.

    LookupEvents allows two requests a second per account and Region, which cannot be raised:
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html

    Args:
        per_second: requests a second.
        clock: what tells the time and waits.

    Example:
        >>> from bedrock_guard.demo.clock import DemoClock
        >>> clock = DemoClock()
        >>> pacer = Pacer(2, clock)
        >>> for _ in range(5): pacer.wait()
        >>> (clock.now() - clock.start).total_seconds()
        2.0
    """

    def __init__(self, per_second: float, clock: Clock | None = None) -> None:
        self._gap = timedelta(seconds=1 / per_second)
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._next: datetime | None = None

    def wait(self) -> None:
        """Return when the next request may leave."""
        with self._lock:
            now = self._clock.now()
            turn = max(now, self._next) if self._next else now
            self._next = turn + self._gap
        if turn > now:
            self._clock.sleep((turn - now).total_seconds())
