"""What commands say: errors, refusals, steps, outcomes, and the phrase that a person types."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from bedrock_guard.evidence.words import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bedrock_guard.change.apply import Outcome, StepReport
    from bedrock_guard.change.errors import PlanRefusedError
    from bedrock_guard.errors import GuardError
    from bedrock_guard.present.note import Note
    from bedrock_guard.present.runbook import Runbook
    from bedrock_guard.present.table import Shown

WAITING: Final = 3
"""Exit status of a change that waits at a gate, or was stopped between two steps."""


def plain(text: str) -> str:
    """Text that came from outside, as a terminal may show it."""
    return visible(text, lines=True)


def show(tables: Iterable[Shown | Note | Runbook]) -> None:
    """Tables and notes on standard output, as wide as the terminal."""
    from bedrock_guard.present.terminal import terminal_width

    width = terminal_width()
    print("\n\n".join(one.text(width) for one in tables))


def say_error(error: GuardError) -> None:
    """An error in three lines on standard error, never a traceback."""
    for label, text in (("error", error.what), ("why", error.why), ("do", error.remedy)):
        if text:
            print(f"{label + ':':7}{plain(text)}", file=sys.stderr)


def say_refusals(error: PlanRefusedError) -> None:
    """Why no plan is made, each refusal with what to do about it."""
    print("No plan is made:", file=sys.stderr)
    for number, refusal in enumerate(error.refusals, start=1):
        print(f"{number}. {plain(refusal.what)}", file=sys.stderr)
        for label, text in (("why", refusal.why), ("do", refusal.remedy)):
            if text:
                print(f"   {label}: {plain(text)}", file=sys.stderr)
        if refusal.offer:
            print(plain(refusal.offer), file=sys.stderr)


def typed(phrase: str) -> str:
    """What the person types. Without a terminal there is nobody to ask.

    Raises:
        BadParameter: standard input is no terminal.
    """
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"Give --phrase {phrase!r}: there is no terminal to type it on.")
    print(f"\nTo go on, type: {phrase}")
    return str(typer.prompt("phrase", default="", show_default=False))


def say_step(report: StepReport) -> None:
    """One step of a change: its place, what became of it, and what is to be known."""
    if report.state in ("begun", "waiting") and not report.note:
        return
    place, note = f"[{report.number:3}/{report.of}]", plain(report.note)
    if report.state in ("begun", "waiting"):
        print(f"{place} {note}", flush=True)
        return
    print(f"{place} {report.state}: {plain(report.step.words())}{f' ({note})' if note else ''}", flush=True)


def say_outcome(outcome: Outcome, account: str, state: Path | None) -> None:
    """Where a change stands and which command goes on from there.

    Raises:
        Exit: with status 3 where it waits or was stopped, 1 where something was left alone.
    """
    print(f"{outcome.state.replace('_', ' ')}: {plain(outcome.words)}")
    for note in outcome.notes:
        print(f"note: {plain(note)}")
    place = str(outcome.journal) if outcome.journal else ""
    if outcome.state == "waiting":
        print(f"go on:     {again('resume', place, account, state)}")
        print(f"           and type: {outcome.gate_phrase}")
    if outcome.state in ("waiting", "cancelled", "done") and place:
        print(f"take back: {again('rollback', place, account, state)}")
    if outcome.state in ("waiting", "cancelled"):
        raise typer.Exit(WAITING)
    if outcome.state == "done" and outcome.notes:
        raise typer.Exit(1)


def again(command: str, place: str, account: str, state: Path | None) -> str:
    """The command to copy that goes on with the same account."""
    where = ["--account", account, *(["--state", str(state)] if state else [])]
    return shlex.join(["bedrock-guard", command, place, *where])
