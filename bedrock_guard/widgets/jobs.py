"""Long work in a thread, with progress in words and a cancel that works."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

import traitlets as t

from bedrock_guard.errors import GuardError

_LOG = logging.getLogger(__name__)

_TURN: Final = 0.001
"""Seconds that a thread computes before it lets another have its turn, once there has been a job."""

Tick = Callable[[str], None]
"""Called between steps with what is done next; it raises where the work is to stop."""


class Stopped(Exception):  # noqa: N818 - reads as what happened
    """The work was cancelled, or started anew, between two steps."""


class Job(t.HasTraits):
    """One piece of work at a time; starting it again gives up what runs.

    Attributes:
        state: idle, waiting (for `after`), running, done, cancelled or failed.
        message: what is being done, in words.
        result: what the last work that ended well gave.
        problem: why the last work failed.

    """

    state = t.Enum(["idle", "waiting", "running", "done", "cancelled", "failed"], "idle")
    message = t.Unicode("")
    result = t.Any(None)
    problem = t.Instance(GuardError, allow_none=True)

    def __init__(self) -> None:
        super().__init__()
        self._stop = threading.Event()
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether work waits or runs."""
        return self.state in {"waiting", "running"}

    def start(self, work: Callable[[Tick], Any], *, after: float = 0.0) -> None:
        """Do `work(tick)` in a thread, `after` seconds from now."""
        with self._lock:
            self._stop.set()
            self._stop = stop = threading.Event()
            self.problem = None
            self.state = "waiting" if after else "running"
            self.message = ""
            thread = threading.Thread(target=self._run, args=(work, stop, after), daemon=True)
            self._thread = thread
        thread.start()

    def cancel(self) -> None:
        """Stop at the next step."""
        with self._lock:
            if self.busy and self._thread is None:
                self.state = "cancelled"
            elif self.busy:
                self._stop.set()
                self.message = "Stopping at the next step."

    def drop(self) -> None:
        """Give up what runs without a word, because it is out of date: `start` or `cancel` follows.

        Until it stops, it takes turns with everything else that Python does here.
        """
        with self._lock:
            self._stop.set()
            self._stop, self._thread = threading.Event(), None

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the work to end; whether it has."""
        if self._thread:
            self._thread.join(seconds)
        return not (self._thread and self._thread.is_alive())

    def _run(self, work: Callable[[Tick], Any], stop: threading.Event, after: float) -> None:
        def tick(words: str) -> None:
            if stop.is_set():
                raise Stopped
            self._tell(stop, state="running", message=words)

        # A person's click must not wait five milliseconds, Python's own measure, each time this thread has its turn.
        sys.setswitchinterval(min(sys.getswitchinterval(), _TURN))
        try:
            stop.wait(after)
            tick("")
            result = work(tick)
        except Stopped:
            self._tell(stop, state="cancelled", message="Cancelled.")
        except GuardError as error:
            self._tell(stop, problem=error, state="failed", message="")
        except Exception:  # noqa: BLE001 - a thread's error is seen nowhere; the page must say something
            _LOG.exception("a job of the workbench failed")
            told = GuardError("This could not be finished.", remedy="The notebook's log has the details.")
            self._tell(stop, problem=told, state="failed", message="")
        else:
            self._tell(stop, result=result, state="done", message="")

    def _tell(self, stop: threading.Event, **traits: Any) -> None:
        """Set traits, unless a later start has taken over."""
        with self._lock:
            if stop is self._stop:
                for name, value in traits.items():
                    setattr(self, name, value)
