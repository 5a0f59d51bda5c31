"""A worker process: makes the parts it is asked for until nobody asks any more. It imports little, to start soon."""

from __future__ import annotations

import json
import pickle
import signal
from typing import BinaryIO

from bedrock_guard.account.trail_parts import Job, make_part
from bedrock_guard.account.trail_reader import fast_reader


def serve(jobs: BinaryIO, answers: BinaryIO) -> None:
    """Make a part for each job that is sent, until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it ends it
    fast = fast_reader()
    while True:
        try:
            job: Job = pickle.load(jobs)  # noqa: S301 - sent by the process that started this one
        except EOFError:
            return
        try:
            answer = make_part(job, fast)
        except OSError as error:
            answer = {"failed": str(error)}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()
