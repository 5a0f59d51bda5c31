"""Jobs: progress, a cancel that works, a start that takes over, errors that are told."""

from __future__ import annotations

import sys
import threading

from bedrock_guard.errors import GuardError
from bedrock_guard.widgets.jobs import Job


def test_a_job_gives_its_result_and_its_words() -> None:
    job, words = Job(), []
    job.observe(lambda change: words.append(change["new"]), names="message")

    def work(tick):
        tick("one")
        tick("two")
        return 42

    job.start(work)
    assert job.wait(10)
    assert (job.state, job.result) == ("done", 42)
    assert "one" in words
    assert "two" in words


def test_cancel_stops_between_steps() -> None:
    job, begun, go = Job(), threading.Event(), threading.Event()
    done = []

    def work(tick):
        begun.set()
        go.wait(10)
        tick("next")
        done.append(1)

    job.start(work)
    begun.wait(10)
    job.cancel()
    go.set()
    assert job.wait(10)
    assert job.state == "cancelled"
    assert not done


def test_cancel_stops_before_a_late_start() -> None:
    job, done = Job(), []
    job.start(lambda _tick: done.append(1), after=60)
    assert job.state == "waiting"
    job.cancel()
    assert job.wait(10)
    assert job.state == "cancelled"
    assert not done


def test_a_new_start_takes_over_and_the_old_tells_nothing_more() -> None:
    job, held, go = Job(), threading.Event(), threading.Event()

    def old(tick):
        held.set()
        go.wait(10)
        return "old"

    job.start(old)
    first = job._thread
    held.wait(10)
    job.start(lambda _tick: "new")
    assert job.wait(10)
    go.set()
    first.join(10)
    assert (job.state, job.result) == ("done", "new")


def test_an_error_is_told_and_nothing_of_its_inside() -> None:
    job = Job()

    def fails(_tick):
        raise GuardError("No.", why="because")

    job.start(fails)
    job.wait(10)
    assert job.state == "failed"
    assert str(job.problem).startswith("No.")

    def breaks(_tick):
        raise ZeroDivisionError("secret value")

    job.start(breaks)
    job.wait(10)
    assert job.state == "failed"
    assert "secret" not in str(job.problem)


def test_a_failed_job_can_be_started_again() -> None:
    job = Job()
    job.start(lambda _tick: 1 / 0)
    job.wait(10)
    job.start(lambda _tick: "fine")
    job.wait(10)
    assert (job.state, job.problem) == ("done", None)


def test_dropped_work_stops_without_a_word_and_can_still_be_called_off() -> None:
    job, held, go, done, words = Job(), threading.Event(), threading.Event(), [], []

    def work(tick):
        held.set()
        go.wait(10)
        done.append("step")
        tick("next")
        done.append("more")

    job.start(work)
    held.wait(10)
    thread = next(one for one in threading.enumerate() if one.daemon and one.name.endswith("(_run)"))
    job.observe(lambda change: words.append(change["new"]), names=["state", "message"])
    job.drop()
    go.set()
    thread.join(10)
    assert (done, words, job.state) == (["step"], [], "running")
    job.cancel()
    assert (job.state, job.busy) == ("cancelled", False)
    job.start(lambda _tick: 7)
    assert job.wait(10)
    assert job.result == 7


def test_a_job_hands_over_within_a_millisecond() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.005)
    try:
        job = Job()
        job.start(lambda _tick: sys.getswitchinterval())
        assert job.wait(10)
        assert job.result <= 0.001
    finally:
        sys.setswitchinterval(before)
