"""One step at a time: look, guard, journal the intent, write once, look again until two reads agree.

A write whose outcome is not known (no answer, or one that is not AWS's) is never repeated blindly: the engine waits
until a read can be believed, looks, and only then takes it as done or sends it again as a new intent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.parsers import ResponseParserError

from bedrock_guard.account.answers import NotAwsAnswer
from bedrock_guard.account.pages import code_of
from bedrock_guard.change.errors import ChangeError, HaltedError, MovedError
from bedrock_guard.change.look import Look
from bedrock_guard.change.marker import DropMarker, TakeMarker, held_by
from bedrock_guard.change.step import Facts, Step, Writer

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account
    from bedrock_guard.change.journal import Journal
    from bedrock_guard.change.steps_pause import Watch

SETTLE_S: Final = 20.0
"""How long after a write of unknown outcome a read is believed."""
VERIFY_S: Final = 90.0
"""How long a write that was answered is waited for."""
EQUAL_READS: Final = 2
_ATTEMPTS: Final = 6
_SLICE_S: Final = 5.0
_AGAIN: Final = frozenset({
    "Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "ConcurrentModification",
    "ConcurrentModificationException", "EntityTemporarilyUnmodifiable", "PolicyChangesInProgressException",
    "ConflictException",
})  # fmt: skip
"""Nothing was done, and the same may work a little later."""
_UNKNOWN: Final = frozenset({
    "ServiceFailure", "InternalFailure", "ServiceUnavailable", "InternalServerException", "ServiceException",
    "InternalError", "RequestTimeout", "500", "502", "503", "504",
})  # fmt: skip
_LOOK: Final = frozenset({
    "EntityAlreadyExists", "NoSuchEntity", "LimitExceeded", "DeleteConflict", "DuplicatePolicyException",
    "DuplicatePolicyAttachmentException", "PolicyNotAttachedException", "PolicyNotFoundException",
    "ResourceNotFoundException", "PolicyInUseException", "ResourceInUseException",
    "ConstraintViolationException", "ServiceQuotaExceededException",
})  # fmt: skip
"""Refused because of what is there: ours after a lost answer, or somebody else's. Looking tells."""

Answer = Literal["sent", "again", "look"]
Told = Literal["begun", "waiting", "done", "already so", "left alone"]


class CancelledError(ChangeError):
    """Stopped between two steps, as asked."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """How far a change is: which of how many steps, what it is, and what became of it."""

    number: int
    of: int
    step: Step
    state: Told
    note: str = ""


class Engine:
    """Runs steps for one journal.

    Args:
        session: the operator's session.
        journal: open for writing.
        owner: who runs this, on which machine.
        marker: ARN of the marker policy.
        on_step: told of every step.
        cancel: asked between steps.
    """

    def __init__(
        self,
        session: Account,
        journal: Journal,
        owner: str,
        marker: str,
        on_step: Callable[[StepReport], None] | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> None:
        self.journal = journal
        self.look = Look(session)
        self.look.since = journal.began
        self.clock = session.clock
        self._writer = Writer(session)
        self._on_step = on_step or (lambda _: None)
        self._cancel = cancel or (lambda: False)
        self._turn = TakeMarker(key="marker", arn=marker, run=journal.run, owner=owner)

    def note(self, kind: str, step: str = "", **data: Any) -> None:
        """One record in the journal, at the session's time."""
        self.journal.add(kind, step, at=self.clock.now(), **data)

    def take_turn(self, *, take_over: bool = False) -> None:
        """Put the marker up, or find it ours.

        Raises:
            ChangeError: another change is in progress.
        """
        said = self.look.description(self._turn.arn)
        if said == self._turn.description:
            return
        if said is not None and self.journal.has("intent", "marker"):
            self.clock.sleep(SETTLE_S)  # our own marker of before may not be seen yet
            said = self.look.description(self._turn.arn)
        if said is not None and said != self._turn.description:
            if not take_over:
                raise held_by(said)
            self.note("taken over", "marker", said=said)
            self._carry_out(DropMarker(key="marker.former", arn=self._turn.arn, said=said), turn=False)
        self._carry_out(self._turn, turn=False)

    def leave_turn(self) -> None:
        """Take the marker down if it is up and ours; another change's is let be."""
        if self.journal.has("intent", "marker"):
            self.clock.sleep(SETTLE_S)
            if self.look.description(self._turn.arn) == self._turn.description:
                self.end_turn()

    def end_turn(self) -> None:
        """Take the marker down."""
        said = self._turn.description
        self._carry_out(DropMarker(key="marker.drop", arn=self._turn.arn, said=said), turn=False)

    def run(self, step: Step, number: int, of: int) -> None:
        """Carry one step out, unless the journal says that it is over.

        Raises:
            CancelledError: `cancel` said so.
            MovedError: the account is not what the plan saw.
            HaltedError: it did not work.
        """
        if self.journal.settled(step.key):
            return
        if self._cancel():
            raise CancelledError("Stopped between two steps, as asked.", remedy="Resume, or roll back.")
        self.tell(number, of, step, "begun")
        mine = self._carry_out(step) if step.writes else self._ask(step)
        self.tell(number, of, step, "done" if mine else "already so", waited(self.journal, step.key))

    def tell(self, number: int, of: int, step: Step, state: Told, note: str = "") -> None:
        """Tell whoever watches."""
        self._on_step(StepReport(number, of, step, state, note))

    def undo(self, step: Step, number: int, of: int) -> str:
        """Carry one way back out if what it undoes was begun; what is not ours any more is left alone and told."""
        begun = any(self.journal.has("intent", key) for key in step.undoes)
        if not begun or self.journal.settled(step.key):
            return ""
        self.tell(number, of, step, "begun")
        try:
            mine = self._carry_out(step)
        except MovedError as error:
            note = f"Left alone: {step.words()}. {error.what}"
            self.note("skipped", step.key, why=error.what)
            self.tell(number, of, step, "left alone", note)
            return note
        self.tell(number, of, step, "done" if mine else "already so")
        last = self.journal.last(step.key)
        return str(last["data"].get("note", "")) if last else ""

    def fallen(self, steps: Iterable[Step]) -> tuple[str, ...]:
        """Which of these the account does not show, in words. Of those with one subject the last counts."""
        last = {step.subject: step for step in steps if step.writes}
        doubtful = [step for step in last.values() if not self._holds(step)]
        if doubtful:
            self.clock.sleep(SETTLE_S)  # a read may be older than the one that verified it
        return tuple(step.words() for step in doubtful if not self._holds(step))

    def _holds(self, step: Step) -> bool:
        try:
            return step.goal(self.look) is not None
        except MovedError:
            return False

    def _ask(self, step: Step) -> bool:
        """A step that only reads: until the answer is as it must be, within the bound of a verification."""
        waited, pause = 0.0, 0.5
        while (facts := self._goal(step)) is None:
            if waited >= VERIFY_S:
                step.guard(self.look)
                raise HaltedError(
                    f"It was not so after {VERIFY_S:.0f} s: {step.words()}.", remedy="Resume later."
                )
            self.clock.sleep(pause)
            waited += pause
            pause = min(pause * 2, 10)
        self.note("done", step.key, **facts)
        return True

    def _carry_out(self, step: Step, *, turn: bool = True) -> bool:
        """Reach the step's goal and journal it; whether a write of ours did it."""
        mine = self.journal.has("intent", step.key)
        last = self.journal.last(step.key)
        if last is not None and last["kind"] in {"intent", "answer"}:
            self.clock.sleep(SETTLE_S)
        said = ""
        for attempt in range(_ATTEMPTS):
            if self._goal(step) is not None or step.under_way(self.look):
                break
            self._check_turn(turn)
            step.guard(self.look)
            self.note("intent", step.key, attempt=attempt, words=step.words())
            mine = True
            answer, said = self._send(step)
            self.note("answer", step.key, answer=answer, **({"said": said} if said else {}))
            if answer == "sent":
                break
            self.clock.sleep(SETTLE_S if answer == "look" else min(2**attempt, 20))
        else:
            raise HaltedError(
                f"It did not work in {_ATTEMPTS} attempts: {step.words()}.",
                why=f"AWS said last: {said}",
                remedy="Resume later, or roll back.",
            )
        facts = self._verified(step)
        self.note("done", step.key, **facts)
        return mine

    def _check_turn(self, turn: bool) -> None:  # noqa: FBT001 - private
        """Nobody took the marker over meanwhile."""
        if turn and self.look.description(self._turn.arn) != self._turn.description:
            raise HaltedError(
                "The marker of this change is no longer ours.",
                why="Somebody took the change over, or removed the marker.",
                remedy="Nothing more was sent. See who holds it before you resume.",
            )

    def _goal(self, step: Step) -> Facts | None:
        """What the account shows. A step begun by us may show up late, so what seems moved is looked at again."""
        try:
            return step.goal(self.look)
        except MovedError:
            if not self.journal.has("intent", step.key):
                raise
            self.clock.sleep(SETTLE_S)
            return step.goal(self.look)

    def _send(self, step: Step) -> tuple[Answer, str]:
        """The write, once; and what was said where it did not simply work.

        Raises:
            ClientError: AWS refused it for a reason that waiting does not mend.
        """
        try:
            step.send(self._writer, self.look)
        except ClientError as error:
            code = code_of(error)
            if code in _AGAIN:
                return "again", str(error)[:300]
            if code in _UNKNOWN or code in _LOOK:
                return "look", str(error)[:300]
            self.note("answer", step.key, answer="refused", code=code)
            raise
        except (HTTPClientError, ResponseParserError, KeyError, NotAwsAnswer) as error:
            return "look", f"{type(error).__name__}: {error}"[:300]
        return "sent", ""

    def _verified(self, step: Step) -> Facts:
        """Two reads in a row that show the goal, within a bound."""
        waited, pause, equal = 0.0, 0.5, 0
        while True:
            facts = self._goal(step)
            equal = equal + 1 if facts is not None else 0
            if facts is not None and equal >= EQUAL_READS:
                return facts
            if waited >= VERIFY_S:
                raise HaltedError(
                    f"The account does not show it after {VERIFY_S:.0f} s: {step.words()}.",
                    why="AWS may be slow, or it was undone at once.",
                    remedy="Resume later: it looks before it writes again.",
                )
            self.clock.sleep(pause)
            waited += pause
            pause = min(pause * 2, 10)

    def wait(self, step: Watch, number: int, of: int) -> None:
        """Wait as long as a watch asks, telling every minute; `cancel` is asked in between.

        Whether the session's clock was moved on without waiting, as a demo's is, stands in the journal.
        """
        if self.journal.has("watched", step.key) or self.journal.settled(step.key):
            return
        began, whole, passed = time.monotonic(), step.minutes * 60.0, 0.0
        while passed < whole:
            if self._cancel():
                raise CancelledError("Stopped while waiting, as asked.", remedy="Resume, or roll back.")
            if not passed % 60:
                self.tell(number, of, step, "begun", f"{passed / 60:.0f} of {step.minutes} minutes are over.")
            self.clock.sleep(min(whole - passed, _SLICE_S))
            passed += _SLICE_S
        self.note("watched", step.key, minutes=step.minutes, jumped=time.monotonic() - began < whole / 2)


def waited(journal: Journal, key: str) -> str:
    """What became of the wait of a watch, in words; empty for other steps and for a watch without a wait."""
    found = next((r for r in journal.records if r["kind"] == "watched" and r["step"] == key), None)
    minutes = found["data"].get("minutes") if found else None
    if not found or not minutes:
        return ""
    if found["data"]["jumped"]:
        return (
            f"The account's clock was moved on {minutes} minutes at once, as a demo account's can be; "
            "with AWS this takes the time it says."
        )
    return f"{minutes} minutes were waited."


def halted(error: Exception) -> ChangeError:
    """Whatever stopped a run, as an error a person can act on."""
    if isinstance(error, ChangeError):
        return error
    if isinstance(error, ClientError):
        code = code_of(error)
        return HaltedError(
            f"AWS refused: {code}.",
            why=str(error)[:300],
            remedy="The journal says what is in place. Mend the cause, then resume; or roll back.",
        )
    if isinstance(error, BotoCoreError | NotAwsAnswer):
        return HaltedError(
            "AWS could not be reached, or did not answer.",
            why=str(error)[:300],
            remedy="The journal says what is in place. Resume when it answers again; or roll back.",
        )
    raise error
