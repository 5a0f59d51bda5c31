"""Plan, apply, go on, roll back; verify at any time. The state behind the two-step Apply; all writing is `change`'s."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import traitlets as t

from bedrock_guard.account.deployed import Deployed, read_deployed
from bedrock_guard.change.apply import Outcome, StepReport, apply, resume, rollback
from bedrock_guard.change.drift import drift
from bedrock_guard.change.errors import JournalError, PlanRefusedError
from bedrock_guard.change.journal import SUFFIX
from bedrock_guard.change.plan import Plan, make_plan
from bedrock_guard.change.status import (
    State,
    Status,
    StepLine,
    find_journal,
    kept,
    status,
    steps_of,
    steps_planned,
)
from bedrock_guard.errors import GuardError
from bedrock_guard.widgets.choices import Choices
from bedrock_guard.widgets.jobs import Job, Tick
from bedrock_guard.widgets.roster import Roster
from bedrock_guard.widgets.wishing import Wishing, nobody_named

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account


class Applying(Wishing):
    """One change, from what is wished for to its end or its way back.

    Args:
        choices: what is to be applied.
        account: who plans and applies; None where no account is open.
        folder: where plans and journals are kept at first; by default `changes`, here.

    Attributes:
        folder: where plan and journal are kept.
        plan: the plan that is shown; None before there is one, and again after any change of what it was made for.
        kept: the plan's file.
        refused: why no plan was made.
        outcome: what the last run ended with.
        standing: where the change stands by its journal; None before one was begun or taken up.
        lines: the steps of the plan or of the change, each with what became of it.
        deployed: what of the profile's documents stands in the account, read after each run; None before.
        verified: `change.drift` of who is named against the choice; None before it was asked for, and after any change.

    """

    folder = t.Unicode("changes")
    plan = t.Instance(Plan, allow_none=True)
    kept = t.Instance(Path, allow_none=True)
    refused = t.Instance(PlanRefusedError, allow_none=True)
    outcome = t.Instance(Outcome, allow_none=True)
    standing = t.Instance(Status, allow_none=True)
    lines = t.Tuple()
    deployed = t.Instance(Deployed, allow_none=True)
    verified = t.Instance(pd.DataFrame, allow_none=True)

    def __init__(self, choices: Choices, account: Account | None, *, folder: str | Path = "changes") -> None:
        super().__init__()
        self.folder = str(folder)
        self.choices = choices
        self.account = account
        self.roster = Roster(choices, account)
        self.job, self.check = Job(), Job()
        self._cancel = threading.Event()
        self._journal: Path | None = None
        self._wished = 0
        self.picked = [arn for arn in choices.profile.targets if self._mine(arn)]
        choices.observe(self._forget, names=["spec", "what_if", "problem", "profile_name"])
        self.observe(self._forget, names=[*Wishing.class_own_traits()])

    def _mine(self, arn: str) -> bool:
        return self.account is not None and arn.split(":")[4:5] == [self.account.account_id]

    @property
    def closed(self) -> str:
        """Why nothing can be planned here; empty where it can."""
        if self.account is None:
            return "No account is open: give the workbench one (account=...) to plan a change."
        return "The choice cannot be built as it is." if self.choices.problem else ""

    @property
    def busy(self) -> bool:
        """Whether something is planned, changed or verified right now."""
        return self.job.busy or self.check.busy

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop, and a step is still in hand."""
        return self.job.busy and self._cancel.is_set()

    @property
    def journal(self) -> Path | None:
        """The journal of the change that was begun or taken up last; None before one was."""
        return self._journal if self._journal and self._journal.exists() else None

    @property
    def place(self) -> Path:
        """The folder of plan and journal."""
        return Path(self.folder.strip()).expanduser()

    @property
    def changes(self) -> tuple[tuple[str, State], ...]:
        """The changes that the folder tells of, each with where it stands."""
        return kept(self.place)

    @property
    def stopped(self) -> bool:
        """Whether a change stopped between two steps, and can be gone on with without a phrase."""
        found = self.standing
        return (
            self.journal is not None
            and found is not None
            and found.state in {"halted", "cancelled", "under way"}
        )

    def make(self) -> None:
        """Make a plan in a thread; reads only.

        Raises:
            GuardError: it cannot be begun; says why.

        """
        account, wish = self._open(), self.wish(self.choices.consequences)
        self.refused, self.plan, self.kept = None, None, None
        wished = self._wished

        def work(tick: Tick) -> Any:
            tick("Reading what is there, and proving the change.")
            try:
                plan = make_plan(account, wish, seen=self.choices.situation)
            except PlanRefusedError as error:
                return error
            tick("Keeping the plan.")
            if wished != self._wished:
                raise GuardError("What is wished for changed while it was planned.", remedy="Plan again.")
            self.kept = plan.save(self.place)
            return plan

        self._run(work, self._planned)

    def verify(self) -> None:
        """Read in a thread what holds those named, against the choice as it is now. Neither plan nor change is touched.

        Raises:
            GuardError: it cannot be begun; says why.

        """
        account, selection, built = self._open(), self.selection, self.choices.consequences.built
        if selection.empty:
            raise nobody_named()
        self.verified = None

        def work(tick: Tick) -> pd.DataFrame:
            tick("Reading who holds what.")
            found = drift(account, built, selection)
            tick("Read.")
            self.verified = found
            return found

        self.check.start(work)

    def apply(self, phrase: str) -> None:
        """Apply the plan in a thread, under its phrase.

        Raises:
            GuardError: there is no plan for the present choice.

        """
        account, plan = self._open(), self.plan
        if plan is None:
            raise GuardError("There is no plan for this choice.", remedy="Plan first.")
        before, self._journal = self._journal, self.place / f"change-{plan.id[:12]}{SUFFIX}"
        run = partial(apply, plan, account, self.place, phrase=phrase)

        def work(tick: Tick) -> Outcome:
            try:
                return self._changing(run, tick)
            finally:
                self._journal = (
                    self.journal or before
                )  # nothing was begun: the change before is still the last

        self._run(work, self._changed)

    def go_on(self, phrase: str = "", *, bear_denials: bool = False, take_over: bool = False) -> None:
        """Go on with the change that waits, stopped or was cancelled.

        Raises:
            GuardError: there is none.

        """
        run = partial(
            resume, self._begun(), self._open(), phrase=phrase, bear_denials=bear_denials, take_over=take_over
        )
        self._run(lambda tick: self._changing(run, tick), self._changed)

    def roll_back(self, *, take_over: bool = False) -> None:
        """Take the change back.

        Raises:
            GuardError: there is none.

        """
        run = partial(rollback, self._begun(), self._open(), take_over=take_over)
        self._run(
            lambda tick: self._telling(lambda: run(on_step=self._teller(tick, back=True))), self._changed
        )

    def take_up(self, name: str = "") -> None:
        """Find the change that a journal tells of: one begun before a restart, here or elsewhere.

        Args:
            name: the journal's file in the folder; empty: the one that is not over.

        Raises:
            GuardError: the folder holds none, or several that may be meant.

        """
        if self.busy:
            raise GuardError("One thing at a time.", remedy="Wait until what runs has ended, or cancel it.")
        found = find_journal(self.place / name if name else self.place)
        self.plan, self.refused, self.outcome = None, None, None
        self._journal = found
        self._stand()

    def cancel(self) -> None:
        """Stop between two steps; what is done stays, and is in the journal."""
        self._cancel.set()
        self.check.cancel()
        if self.job.busy:
            self.job.message = f"Stopping after the step in hand. {self.job.message}"

    def _open(self) -> Account:
        if self.closed or self.account is None:
            raise GuardError("Nothing can be planned here.", why=self.closed)
        if self.busy:
            raise GuardError("One thing at a time.", remedy="Wait until what runs has ended, or cancel it.")
        return self.account

    def _begun(self) -> Path:
        if self.journal is None:
            raise GuardError("No change was begun here.", remedy="Plan and apply first.")
        return self.journal

    def _run(self, work: Any, ended: Any) -> None:
        self._cancel.clear()
        self.verified = None

        def whole(tick: Tick) -> Any:
            result = work(tick)
            ended(result)
            return result

        self.job.start(whole)

    def _changing(self, run: Any, tick: Tick) -> Outcome:
        return self._telling(lambda: run(on_step=self._teller(tick), cancel=self._cancel.is_set))

    def _telling(self, run: Callable[[], Outcome]) -> Outcome:
        """Run; whatever comes of it, the journal then says where the change stands."""
        try:
            return run()
        finally:
            self._stand()

    def _stand(self) -> None:
        if self.journal is None:
            return
        try:
            self.lines, self.standing = steps_of(self.journal), status(self.journal)
        except JournalError:
            self.standing = None

    def _teller(self, tick: Tick, *, back: bool = False) -> Any:
        """Told of every step; on the way back the lines stay those of the change, and only the words tell."""

        def tell(report: StepReport) -> None:
            place = f"Step {report.number} of {report.of}{' of the way back' if back else ''}"
            note = f" {report.note}" if report.note else ""
            if not back:
                line = StepLine(report.number, report.step.words(), report.state, report.note)
                self.lines = (*self.lines[: report.number - 1], line, *self.lines[report.number :])
            stopping = "Stopping after the step in hand. " if self._cancel.is_set() else ""
            tick(f"{stopping}{place}, {report.state}: {report.step.words()}.{note}")

        return tell

    def _planned(self, result: Any) -> None:
        if isinstance(result, PlanRefusedError):
            self.refused, self.lines = result, ()
        else:
            self.lines, self.plan = steps_planned(result), result

    def _changed(self, result: Outcome) -> None:
        self.plan = None
        self.outcome = result
        if self.account:
            self.deployed = read_deployed(self.account, self.choices.profile)
        self.roster.read(again=True)

    def _forget(self, _change: object = None) -> None:
        """A plan is for one choice and one wish, and so is what was verified; any change of them ends both."""
        self.check.cancel()
        self._wished += 1
        planned = self.plan is not None
        self.plan, self.refused, self.verified = None, None, None
        if planned and not self.job.busy:
            self.lines = ()
            self._stand()
