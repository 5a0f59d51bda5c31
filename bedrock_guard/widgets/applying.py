"""Plan, apply, go on, roll back; verify at any time. The state behind the two-step Apply; all writing is `change`'s."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import traitlets as t

from bedrock_guard.account.deployed import Deployed, read_deployed
from bedrock_guard.change.apply import Outcome, StepReport, apply, resume, rollback
from bedrock_guard.change.drift import drift
from bedrock_guard.change.errors import PlanRefusedError
from bedrock_guard.change.journal import SUFFIX
from bedrock_guard.change.plan import Plan, make_plan
from bedrock_guard.change.wish import Selection, Wish
from bedrock_guard.errors import GuardError
from bedrock_guard.widgets.choices import Choices
from bedrock_guard.widgets.jobs import Job, Tick

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account


class Applying(t.HasTraits):
    """One change, from its plan to its end or its way back.

    Args:
        choices: what is to be applied.
        account: who plans and applies; None where no account is open.

    Attributes:
        targets: ARNs, `user/NAME` or `role/NAME`, one a line or with commas.
        paths, groups: IAM paths and groups, with commas.
        canary: who goes first; empty: the first target.
        limit: more targets than this are refused.
        replace: a boundary that is not ours may be replaced.
        guardrail: the spec's prompt rules become a guardrail with a version, too.
        folder: where plan and journal are kept.
        plan: the plan that is shown; None before there is one, and again after any change of what it was made for.
        refused: why no plan was made.
        outcome: where the change stands after the last run.
        deployed: what of the profile's documents stands in the account, read after each run; None before.
        steps: the steps that were told, in words.
        verified: `change.drift` of who is named against the choice; None before it was asked for, and after any change.

    """

    targets = t.Unicode()
    paths = t.Unicode()
    groups = t.Unicode()
    canary = t.Unicode()
    limit = t.Int(25)
    replace = t.Bool(default_value=False)
    guardrail = t.Bool(default_value=False)
    folder = t.Unicode("changes")
    plan = t.Instance(Plan, allow_none=True)
    refused = t.Instance(PlanRefusedError, allow_none=True)
    outcome = t.Instance(Outcome, allow_none=True)
    steps = t.Tuple()
    deployed = t.Instance(Deployed, allow_none=True)
    verified = t.Instance(pd.DataFrame, allow_none=True)

    def __init__(self, choices: Choices, account: Account | None) -> None:
        super().__init__()
        self._choices = choices
        self.account = account
        self.job, self.check = Job(), Job()
        self._cancel = threading.Event()
        self._journal: Path | None = None
        self.targets = "\n".join(choices.profile.targets)
        choices.observe(self._forget, names=["spec", "what_if", "problem", "profile_name"])
        wishes = ["targets", "paths", "groups", "canary", "limit", "replace", "guardrail"]
        self.observe(self._forget, names=wishes)

    @property
    def closed(self) -> str:
        """Why nothing can be planned here; empty where it can."""
        if self.account is None:
            return "No account is open: give the workbench one (account=...) to plan a change."
        return "The choice cannot be built as it is." if self._choices.problem else ""

    @property
    def busy(self) -> bool:
        """Whether something is planned, changed or verified right now."""
        return self.job.busy or self.check.busy

    @property
    def selection(self) -> Selection:
        """Who is named.

        Raises:
            GuardError: nobody is.

        """
        found = Selection(
            principals=_listed(self.targets),
            paths=_listed(self.paths),
            groups=_listed(self.groups),
            limit=self.limit,
        )
        if found.empty:
            raise GuardError("Nobody is named.", remedy="Name users or roles, a path, or a group.")
        return found

    @property
    def journal(self) -> Path | None:
        """The journal of the change that was begun last; None before one was."""
        return self._journal if self._journal and self._journal.exists() else None

    @property
    def stopped(self) -> bool:
        """Whether a change was begun here and stopped between two steps."""
        cancelled = self.outcome is not None and self.outcome.state == "cancelled"
        return self.journal is not None and (self.job.state == "failed" or cancelled)

    def wish(self) -> Wish:
        """What is to be planned.

        Raises:
            GuardError: nobody is named, or the choice cannot be built.

        """
        found = self._choices.consequences
        rules = found.spec.guardrail if self.guardrail else None
        canary = self.canary.strip() or None
        return Wish(found.built, self.selection, canary=canary, replace=self.replace, guardrail=rules)

    def make(self) -> None:
        """Make a plan in a thread; reads only.

        Raises:
            GuardError: it cannot be begun; says why.

        """
        account, wish = self._open(), self.wish()
        self.refused, self.plan = None, None

        def work(tick: Tick) -> Any:
            tick("Reading what is there, and proving the change.")
            try:
                plan = make_plan(account, wish, seen=self._choices.situation)
            except PlanRefusedError as error:
                return error
            tick("Keeping the plan.")
            plan.save(self.folder)
            return plan

        self._run(work, self._planned)

    def verify(self) -> None:
        """Read in a thread what holds those named, against the choice as it is now. Neither plan nor change is touched.

        Raises:
            GuardError: it cannot be begun; says why.

        """
        account, selection, built = self._open(), self.selection, self._choices.consequences.built
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
        self.steps = ()
        self._journal = Path(self.folder) / f"change-{plan.id[:12]}{SUFFIX}"
        run = partial(apply, plan, account, self.folder, phrase=phrase)
        self._run(lambda tick: self._changing(run, tick), self._changed)

    def go_on(self, phrase: str = "") -> None:
        """Go on with the change that waits or was cancelled.

        Raises:
            GuardError: there is none.

        """
        run = partial(resume, self._begun(), self._open(), phrase=phrase)
        self._run(lambda tick: self._changing(run, tick), self._changed)

    def roll_back(self) -> None:
        """Take the change back.

        Raises:
            GuardError: there is none.

        """
        run = partial(rollback, self._begun(), self._open())
        self.steps = ()
        self._run(lambda tick: run(on_step=self._teller(tick)), self._changed)

    def cancel(self) -> None:
        """Stop between two steps; what is done stays, and is in the journal."""
        self._cancel.set()
        self.check.cancel()

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
        found: Outcome = run(on_step=self._teller(tick), cancel=self._cancel.is_set)
        return found

    def _teller(self, tick: Tick) -> Any:
        def tell(report: StepReport) -> None:
            start = f"{report.number} of {report.of}: "
            note = f" {report.note}" if report.note else ""
            words = f"{start}{report.step.words()} ({report.state}){note}"
            before = tuple(line for line in self.steps if not line.startswith(start))
            self.steps = (*before, words)
            tick(words)

        return tell

    def _planned(self, result: Any) -> None:
        if isinstance(result, PlanRefusedError):
            self.refused = result
        else:
            self.plan = result

    def _changed(self, result: Outcome) -> None:
        self.plan = None
        self.outcome = result
        if self.account:
            self.deployed = read_deployed(self.account, self._choices.profile)

    def _forget(self, _change: object = None) -> None:
        """A plan is for one choice and one wish, and so is what was verified; any change of them ends both."""
        self.check.cancel()
        self.plan, self.refused, self.verified = None, None, None


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("\n", ",").split(",") if part.strip())
