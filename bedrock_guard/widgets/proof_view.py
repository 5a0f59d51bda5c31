"""The proof of the present choice: stale at once on a change, done again in a thread, cancellable."""

from __future__ import annotations

from functools import partial
from typing import Final

import ipywidgets as w

from bedrock_guard.account.deployed import Deployed
from bedrock_guard.errors import GuardError
from bedrock_guard.present import proof as show
from bedrock_guard.widgets.choices import Choices
from bedrock_guard.widgets.jobs import Job
from bedrock_guard.widgets.parts import alert, row, scrolling, status, tabbed, table
from bedrock_guard.widgets.proving import Proof, prove

REST: Final = 0.6
"""Seconds without a change before a proof begins."""


class ProofView:
    """Scorecard, changes, mistakes and sizes; and `line`, what changes in one line, to be shown elsewhere too."""

    def __init__(self, choices: Choices, deployed: Deployed | None) -> None:
        self._choices = choices
        self.deployed = deployed
        self.job = Job()
        self.state, self.line = w.HTML(), w.HTML()
        self.again = w.Button(description="Prove again")
        self.stop = w.Button(description="Cancel the proof")
        self._pages = {name: w.HTML() for name in ("card", "changes", "mistakes", "sizes")}
        self.again.on_click(lambda _: self.start())
        self.stop.on_click(lambda _: self.job.cancel())
        choices.observe(lambda _: self.job.drop(), names="spec")
        choices.observe(lambda _: self.start(after=REST), names="what_if")
        choices.observe(lambda change: self._refuse(change["new"]), names="problem")
        self.job.observe(lambda _: self._tell(), names=["state", "message"])
        self.job.observe(lambda change: self._show(change["new"]), names="result")
        pages = {
            "Scorecard": scrolling(self._pages["card"]),
            "What changes": scrolling(self._pages["changes"]),
            "Lint": scrolling(self._pages["mistakes"]),
            "Sizes": scrolling(self._pages["sizes"]),
        }
        self.tabs = tabbed(pages, inner=True)
        steps = row(self.state, self.again, self.stop)
        steps.add_class("bg-line")
        self.widget = w.VBox([steps, self.tabs])
        self.start(after=REST)

    @property
    def proof(self) -> Proof | None:
        """The proof of the present choice; None while there is none."""
        found, now = self.job.result, self._choices.what_if
        fresh = found is not None and now is not None and not self._choices.problem
        return found if fresh and now and found.built is now.built else None

    def compare_with(self, deployed: Deployed | None) -> None:
        """Take what is deployed now, and prove again."""
        self.deployed = deployed
        self.start()

    def show_changes(self) -> None:
        """Open the page of what changes."""
        self.tabs.selected_index = self.tabs.titles.index("What changes")

    def start(self, after: float = 0.0) -> None:
        """Prove the present choice."""
        found = self._choices.what_if
        if found is None:
            return
        situation = self._choices.situation
        work = partial(
            prove,
            found.spec,
            found.built,
            situation.catalogue,
            self.deployed,
            situation.account.management,
        )
        self.job.start(work, after=after)
        self._tell()

    def _refuse(self, problem: GuardError | None) -> None:
        """Nothing is proved of a choice that cannot be built."""
        if problem:
            self.job.cancel()
        self._tell()

    def _tell(self) -> None:
        """Where the proof stands, in words."""
        job, fresh = self.job, self.proof
        self.stop.disabled, self.again.disabled = not job.busy, job.busy
        self.line.value = status(
            show.changes_words(fresh.comparison, _against(fresh.deployed))
            if fresh
            else f"Compared with what is deployed: {'being worked out.' if job.busy else 'not worked out.'}"
        )
        if self._choices.problem:
            self.state.value = f"<span class='bg-stale'>stale</span> {alert(self._choices.problem)}"
        elif job.state == "failed" and job.problem:
            self.state.value = alert(job.problem)
        elif fresh:
            self.state.value = status(f"Proved in {fresh.seconds:.1f} s, for the choice as it is now.")
        else:
            words = job.message or {
                "waiting": "Proving begins when you rest.",
                "cancelled": "Cancelled.",
            }.get(job.state, "")
            stale = "<span class='bg-stale'>stale</span> " if job.result is not None else ""
            self.state.value = f"{stale}{status(words)}"

    def _show(self, found: Proof) -> None:
        card = found.card
        told = show.management(card)
        self._pages["card"].value = (status(told) if told else "") + "".join(
            table(one) for one in (show.summary(card), show.work(card), *show.bypasses(card))
        )
        self._pages["changes"].value = table(show.changes(found.comparison, _against(found.deployed)))
        self._pages["mistakes"].value = table(show.mistakes(found.findings))
        self._pages["sizes"].value = table(show.sizes(found.sizes))
        self._tell()


def _against(deployed: Deployed | None) -> str:
    if deployed is None:
        return "having no boundary (no account was asked what is deployed)"
    if deployed.gaps:
        return f"what could be read of account {deployed.account_id} (unknown: {', '.join(deployed.gaps)})"
    if not deployed.documents:
        return f"account {deployed.account_id}, where none of these policies is deployed"
    return f"{', '.join(deployed.documents)} as deployed in account {deployed.account_id}"
