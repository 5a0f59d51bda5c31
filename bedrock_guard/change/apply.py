"""Apply a plan, go on with one, or roll it back: the three entrances through which AWS is written to.

Each keeps a journal (see `journal`), so that whatever stops it, another process can `resume` or `rollback`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_guard.account.answers import NotAwsAnswer
from bedrock_guard.change.engine import SETTLE_S, CancelledError, Engine, StepReport, halted
from bedrock_guard.change.errors import ChangeError, HaltedError, JournalError, MovedError, PlanFileError
from bedrock_guard.change.journal import Journal, begun_before
from bedrock_guard.change.look import Look
from bedrock_guard.change.marker import this_owner
from bedrock_guard.change.plan_file import Plan
from bedrock_guard.change.rights import lacking, operator_refusals, rights_of
from bedrock_guard.change.steps_pause import OPENED, Gate, Watch
from bedrock_guard.change.then import moved_since

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account

__all__ = ["Outcome", "StepReport", "apply", "resume", "rollback"]

OnStep = Callable[[StepReport], None]
Cancel = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a change stands after a run.

    Args:
        state: `waiting` at a gate, `done`, `cancelled` between steps, or `rolled_back`.
        journal: the journal's file; None where nothing had to be done.
        gate_phrase: what to type to go on, while it waits.
        notes: what of a change that is done no longer holds; what was left alone on the way back, and why.
    """

    state: Literal["waiting", "done", "cancelled", "rolled_back"]
    words: str
    journal: Path | None
    gate_phrase: str = ""
    notes: tuple[str, ...] = ()


def apply(
    plan: Plan,
    session: Account,
    folder: Path | str,
    *,
    phrase: str,
    on_step: OnStep | None = None,
    cancel: Cancel | None = None,
    owner: str = "",
) -> Outcome:
    """Carry a plan out up to its first gate, or to its end.

    Args:
        plan: as it was made or loaded.
        session: the operator's; it writes.
        folder: where the journal is kept; may be shared with another machine.
        phrase: what the operator typed; it must be the plan's.
        on_step: told of every step.
        cancel: asked between steps; True stops there.
        owner: who runs this, on which machine; by default told from the system.

    Raises:
        ChangeError: nothing was written (phrase, caller, validity, something moved, another change in progress).
        HaltedError: stopped in the middle; the journal says where.
    """
    look = Look(session)
    with _told():
        _check_phrase(plan, phrase)
        _check_caller(plan, look)
        if not plan.steps:
            return Outcome("done", "Nothing was to be done.", None)
        if (begun := begun_before(Path(folder), plan.id)) is not None:
            raise begun
        _check_fresh(plan, look)
    with Journal.create(
        Path(folder), plan.id, {"plan_id": plan.id, **plan.body}, session.clock.now()
    ) as journal:
        engine = Engine(session, journal, owner or this_owner(), plan.marker, on_step, cancel)
        return _forward(plan, engine, journal)


def resume(
    journal: Path | str,
    session: Account,
    *,
    phrase: str = "",
    take_over: bool = False,
    bear_denials: bool = False,
    on_step: OnStep | None = None,
    cancel: Cancel | None = None,
    owner: str = "",
) -> Outcome:
    """Go on with a change, in whatever process: finish what was begun, and pass the gate whose phrase is given.

    Args:
        journal: its journal.
        session: the operator's.
        phrase: of the gate at which it waits; empty: go on only up to the next gate.
        take_over: the marker was put up on another machine, and that one is dead.
        bear_denials: the new denials at which it stopped are meant.
        on_step: told of every step.
        cancel: asked between steps.
        owner: who runs this.

    Raises:
        ChangeError: it was rolled back, or another change is in progress.
        HaltedError: stopped again.
    """
    with Journal.open(Path(journal)) as opened:
        plan = _plan_of(opened)
        engine = Engine(session, opened, owner or this_owner(), plan.marker, on_step, cancel)
        with _told():
            _check_resumable(plan, engine.look, opened)
        gate = _gate_of(plan, opened, phrase) if phrase else None
        if opened.has("finished"):
            return Outcome("done", "It was finished before.", opened.path)
        with _told(engine):
            engine.take_turn(take_over=take_over)
        if gate is not None:
            engine.note("gate", gate.key, phrase=phrase.strip())
            engine.tell(plan.steps.index(gate) + 1, len(plan.steps), gate, "done", OPENED)
        if bear_denials:
            _bear_denials(plan, engine, opened)
        return _forward(plan, engine, opened)


def rollback(
    journal: Path | str,
    session: Account,
    *,
    take_over: bool = False,
    on_step: OnStep | None = None,
    owner: str = "",
) -> Outcome:
    """Take back what the change did, in reverse order, as far as it is still ours. May be run again until it ends.

    Args:
        journal: its journal.
        session: the operator's.
        take_over: the marker was put up on another machine, and that one is dead.
        on_step: told of every step.
        owner: who runs this.

    Raises:
        ChangeError: another change is in progress.
        HaltedError: stopped in the middle; roll back again.
    """
    with Journal.open(Path(journal)) as opened:
        plan = _plan_of(opened)
        with _told():
            _check_caller(plan, Look(session), back=True)
        engine = Engine(session, opened, owner or this_owner(), plan.marker, on_step)
        if opened.has("rolled back"):
            return Outcome("rolled_back", "It was rolled back before.", opened.path, notes=_notes(opened))
        with _told(engine):
            return _back(plan, engine, opened, take_over=take_over)


def _back(plan: Plan, engine: Engine, journal: Journal, *, take_over: bool) -> Outcome:
    begun = _begun(plan, journal)
    if not journal.has("rollback"):
        engine.note("rollback")
        if begun:
            engine.clock.sleep(SETTLE_S)
    if begun:
        told = (*_undone(plan, engine, take_over=take_over), *_not_ours(plan, engine))
        words = "Back, but for the notes." if told else "The former state is back."
    else:
        engine.leave_turn()
        told = tuple(_not_ours(plan, engine))
        words = "Nothing was changed by this journal; see the notes." if told else "Nothing had been changed."
    engine.note("rolled back", notes=told)
    return Outcome("rolled_back", words, journal.path, notes=told)


def _undone(plan: Plan, engine: Engine, *, take_over: bool) -> list[str]:
    """Take back every step, the last one first; what is said of those that were left alone."""
    engine.take_turn(take_over=take_over)
    notes = [engine.undo(step, number, len(plan.back)) for number, step in enumerate(plan.back, start=1)]
    engine.end_turn()
    return [note for note in notes if note]


def _not_ours(plan: Plan, engine: Engine) -> list[str]:
    """What is not as before although the journal has no write of it: somebody else's, or the journal was cut."""
    begun = {str(record["step"]) for record in engine.journal.records if record["kind"] == "intent"}
    untouched = engine.fallen(step for step in plan.back if not begun & set(step.undoes))
    return [f"Left alone, since the journal has no write of it: {words}." for words in untouched]


def _forward(plan: Plan, engine: Engine, journal: Journal) -> Outcome:
    with _told(engine):
        engine.take_turn()
        try:
            gate = _to_next_gate(plan, engine, journal)
        except CancelledError as stopped:
            engine.note("cancelled")
            return Outcome("cancelled", stopped.what, journal.path)
        if gate is not None:
            engine.note("waiting", gate.key)
            return Outcome("waiting", gate.asks(), journal.path, plan.gate_phrase(gate))
        notes = tuple(f"No longer so: {words}." for words in engine.fallen(plan.steps))
        engine.end_turn()
        engine.note("finished", notes=notes)
        if notes:
            words = (
                f"All {len(plan.steps)} steps were done, but somebody undid {len(notes)}; make a new plan."
            )
            return Outcome("done", words, journal.path, notes=notes)
        return Outcome("done", f"All {len(plan.steps)} steps are done and read back.", journal.path)


def _to_next_gate(plan: Plan, engine: Engine, journal: Journal) -> Gate | None:
    """Carry out what comes before the next gate that is shut; None: everything is done."""
    for number, step in enumerate(plan.steps, start=1):
        if isinstance(step, Gate):
            if not journal.has("gate", step.key):
                engine.tell(number, len(plan.steps), step, "waiting")
                return step
            continue
        if isinstance(step, Watch):
            engine.wait(step, number, len(plan.steps))
        engine.run(step, number, len(plan.steps))
    return None


@contextmanager
def _told(engine: Engine | None = None) -> Iterator[None]:
    """Whatever stops a run is told in the journal, as far as it can still be written, and in words."""
    try:
        yield
    except (ClientError, BotoCoreError, NotAwsAnswer, ChangeError) as error:
        stopped = halted(error)
        if engine is not None and not isinstance(stopped, JournalError):
            engine.note("halted", why=f"{stopped.what} {stopped.why}".strip()[:400])
        raise stopped from error


def _check_phrase(plan: Plan, phrase: str) -> None:
    if plan.steps and phrase.strip() != plan.phrase:
        raise ChangeError(
            "That is not the phrase of this plan; nothing was sent.",
            why="It names the plan and counts everyone who is hit.",
            remedy=f"Type exactly: {plan.phrase}",
        )


def _check_fresh(plan: Plan, look: Look) -> None:
    """What holds before the first write: the plan is valid, nothing moved, and the operator may still do it all."""
    if look.clock.now() > plan.expires:
        raise PlanFileError(
            f"The plan was valid until {plan.expires:%Y-%m-%d %H:%M} UTC.", remedy="Make a new one."
        )
    _check_unmoved(plan, look)
    rights = rights_of(plan.operator, (*plan.steps, *plan.back), plan.marker)
    lacks = tuple(operator_refusals(plan.operator, lacking(look, plan.operator, rights)))
    if lacks:
        first = lacks[0]
        raise ChangeError(
            f"{first.what} It had them when the plan was made.", why=first.why, remedy=first.remedy
        )


def _check_resumable(plan: Plan, look: Look, journal: Journal) -> None:
    _check_caller(plan, look)
    if journal.has("rollback"):
        raise ChangeError(
            "This change was rolled back, or is being.", remedy="Roll it back to its end; then plan anew."
        )
    if not journal.has("finished") and not _begun(plan, journal):
        _check_fresh(plan, look)


def _begun(plan: Plan, journal: Journal) -> bool:
    """Whether a write of a step may have been sent."""
    return any(journal.has("intent", step.key) for step in plan.steps)


def _check_unmoved(plan: Plan, look: Look) -> None:
    found = moved_since(plan, look)
    if not found:
        return
    remedy = "Make a new plan."
    if look.description(plan.marker) is not None:
        remedy = "A change is in progress, and may be why: resume it or roll it back first."
    raise MovedError(
        f"{len(found)} things moved since the plan was made: {'; '.join(found[:5])}.",
        why="The plan was decided on another state of the account.",
        remedy=f"Nothing was sent. {remedy}",
    )


def _check_caller(plan: Plan, look: Look, *, back: bool = False) -> None:
    account, caller = look.caller()
    if account != plan.account:
        raise ChangeError(
            f"These credentials are for account {account}.",
            why=f"The plan is for {plan.account}.",
            remedy=f"Use credentials of account {plan.account}.",
        )
    if caller == plan.operator or (back and caller in plan.break_glass):
        return
    others = "".join(f", or as {arn}" for arn in plan.break_glass)
    raise ChangeError(
        f"These credentials are {caller}.",
        why=f"The plan was proved for {plan.operator}: its permissions, and that it does not lock itself out.",
        remedy=f"Roll back as that one{others}. The plan's script (.rollback.sh) is for any administrator."
        if back
        else "Apply as that one, or make a plan for this one.",
    )


def _plan_of(journal: Journal) -> Plan:
    return Plan.of(journal.plan, f"The plan in {journal.path.name}")


def _gate_of(plan: Plan, journal: Journal, phrase: str) -> Gate:
    """The gate at which a change waits, if the phrase is its own."""
    waiting = next((s for s in plan.steps if isinstance(s, Gate) and not journal.has("gate", s.key)), None)
    if waiting is None:
        raise ChangeError("No gate is left to be opened.", remedy="Resume without a phrase.")
    if phrase.strip() != plan.gate_phrase(waiting):
        raise ChangeError(
            "That is not the phrase of the gate; nothing was sent.",
            remedy=f"Type exactly: {plan.gate_phrase(waiting)}",
        )
    if not journal.has("waiting", waiting.key):
        raise HaltedError(
            "The change has not come to this gate yet.", remedy="Resume without a phrase first."
        )
    return waiting


def _bear_denials(plan: Plan, engine: Engine, journal: Journal) -> None:
    """The wait that comes next counts as over, whatever was denied."""
    stopped = next((s for s in plan.steps if isinstance(s, Watch) and not journal.settled(s.key)), None)
    if stopped is None or not journal.has("watched", stopped.key):
        raise ChangeError("The change did not stop at denials.", remedy="Resume without bear_denials.")
    engine.note("done", stopped.key, borne=True)


def _notes(journal: Journal) -> tuple[str, ...]:
    found = next(r for r in reversed(journal.records) if r["kind"] == "rolled back")
    return tuple(found["data"]["notes"])
