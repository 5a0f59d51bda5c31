"""Where a change stands, in words, from its journal alone: no credentials, no request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bedrock_guard.change.engine import waited
from bedrock_guard.change.errors import JournalError
from bedrock_guard.change.journal import SUFFIX, Journal
from bedrock_guard.change.plan_file import Plan
from bedrock_guard.change.step import Step
from bedrock_guard.change.steps_pause import OPENED, Gate

State = Literal["under way", "waiting", "halted", "cancelled", "done", "rolling back", "rolled back"]
StepState = Literal[
    "to come", "begun", "waiting", "done", "already so", "not known", "taken back", "left alone"
]
_WORDS: dict[State, str] = {
    "under way": "It is under way, or its process was killed.",
    "waiting": "It waits for a person.",
    "halted": "It stopped in the middle.",
    "cancelled": "It was stopped between two steps, as asked.",
    "done": "It is done.",
    "rolling back": "It is being rolled back, or that was interrupted: roll back again.",
    "rolled back": "It was rolled back.",
}


@dataclass(frozen=True, slots=True)
class Status:
    """Where a change stands.

    Args:
        state: one word for it.
        words: one sentence for it.
        done: how many steps are over, of `of`.
        gate_phrase: what to type, while it waits.
        lines: the same in more lines: what is done, what is not known, what to do.
    """

    state: State
    words: str
    done: int
    of: int
    gate_phrase: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step of a change and what became of it; `note` says more."""

    number: int
    words: str
    state: StepState = "to come"
    note: str = ""


def steps_planned(plan: Plan) -> tuple[StepLine, ...]:
    """The steps of a plan before anything is done."""
    return tuple(StepLine(number, step.words()) for number, step in enumerate(plan.steps, start=1))


def steps_of(place: Path | str) -> tuple[StepLine, ...]:
    """Every step of a change, gates and watches too, with what its journal says became of it.

    Raises:
        JournalError: no journal, or a damaged one.
    """
    journal = Journal.look(find_journal(place))
    plan = Plan.of(journal.plan)
    back = {key: step for step in plan.back for key in step.undoes}
    return tuple(
        StepLine(number, step.words(), *_became(journal, step, back.get(step.key)))
        for number, step in enumerate(plan.steps, start=1)
    )


def _became(journal: Journal, step: Step, back: Step | None) -> tuple[StepState, str]:
    undone = journal.last(back.key) if back and journal.has("intent", step.key) else None
    if undone is not None and undone["kind"] == "done":
        return "taken back", str(undone["data"].get("note", ""))
    if undone is not None and undone["kind"] == "skipped":
        return "left alone", str(undone["data"].get("why", ""))
    if isinstance(step, Gate):
        if journal.has("gate", step.key):
            return "done", OPENED
        return ("waiting" if journal.has("waiting", step.key) else "to come"), ""
    last = journal.last(step.key)
    if last is None:
        return "to come", ""
    if last["kind"] != "done":
        return "not known", "It was begun; whether AWS did it is found out by reading."
    mine = journal.has("intent", step.key) or not step.writes
    borne = "New denials were borne." if last["data"].get("borne") else waited(journal, step.key)
    return ("done" if mine else "already so"), borne


def find_journal(place: Path | str) -> Path:
    """A journal by its path, or the one in a folder; of several, the one that is not over.

    Raises:
        JournalError: there is none, or more than one may be meant.
    """
    path = Path(place)
    if path.is_file():
        return path
    found = sorted(path.glob(f"*{SUFFIX}"))
    unfinished = [one for one in found if _state(Journal.look(one)) not in ("done", "rolled back")]
    if len(unfinished or found) == 1:
        return (unfinished or found)[0]
    if not found:
        raise JournalError(
            f"There is no journal at {path.name}.", remedy="Give the folder that apply was given."
        )
    raise JournalError(
        f"There are {len(found)} journals in {path.name}.",
        remedy=f"Name one: {', '.join(p.name for p in found)}.",
    )


def kept(folder: Path | str) -> tuple[tuple[str, State], ...]:
    """The changes whose journals lie in a folder, by file name, each with where it stands; no damaged ones."""
    found = []
    for path in sorted(Path(folder).glob(f"*{SUFFIX}")):
        try:
            found.append((path.name, _state(Journal.look(path))))
        except JournalError:
            continue
    return tuple(found)


def status(place: Path | str) -> Status:
    """Read a journal.

    Raises:
        JournalError: no journal, or a damaged one.
    """
    journal = Journal.look(find_journal(place))
    plan = Plan.of(journal.plan)
    state = _state(journal)
    gate = _gate(plan, journal) if state == "waiting" else None
    done = sum(_over(journal, step) for step in plan.steps)
    phrase = plan.gate_phrase(gate) if gate else ""
    lines = tuple(_lines(plan, journal, state, done, phrase))
    return Status(state, _WORDS[state], done, len(plan.steps), phrase, lines)


def _state(journal: Journal) -> State:
    if journal.has("rolled back"):
        return "rolled back"
    if journal.has("rollback"):
        return "rolling back"
    if journal.has("finished"):
        return "done"
    last = journal.records[-1]["kind"]
    states: dict[str, State] = {"waiting": "waiting", "halted": "halted", "cancelled": "cancelled"}
    return states.get(last, "under way")


def _gate(plan: Plan, journal: Journal) -> Gate | None:
    return next((s for s in plan.steps if isinstance(s, Gate) and not journal.has("gate", s.key)), None)


def _over(journal: Journal, step: Step) -> bool:
    return journal.has("gate", step.key) if isinstance(step, Gate) else journal.settled(step.key)


def _lines(plan: Plan, journal: Journal, state: State, done: int, phrase: str) -> Iterator[str]:
    yield f"Plan {plan.id[:12]} in account {plan.account}, begun {journal.began:%Y-%m-%d %H:%M} UTC."
    back = state in ("rolled back", "rolling back")
    yield _WORDS[state] if back else f"{_WORDS[state]} {done} of {len(plan.steps)} steps are over."
    last = journal.records[-1]
    if state == "halted":
        yield f"Why: {last['data'].get('why', 'unknown')}"
    for step in plan.steps:
        record = journal.last(step.key)
        if record is not None and record["kind"] in ("intent", "answer"):
            yield f"Not known to be done: {step.words()}."
    if state not in ("rolled back", "rolling back", "done"):
        upcoming = next((step for step in plan.steps if not _over(journal, step)), None)
        if upcoming is not None:
            yield f"Next: {upcoming.words()}."
    if phrase:
        yield f"To go on, look at the canary's work, then resume and type: {phrase}"
    elif state in ("halted", "cancelled", "under way"):
        yield "Resume goes on from here; rollback takes back what was done."
    if state in ("rolled back", "done"):
        yield from (f"Note: {note}" for note in last["data"].get("notes", ()))
