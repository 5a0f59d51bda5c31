"""The two-step Apply: Plan shows and refuses; Apply is open for that plan only, under its typed phrase."""

from __future__ import annotations

from html import escape
from typing import Final

import ipywidgets as w
import traitlets as t

from bedrock_guard.present import change as show
from bedrock_guard.widgets.applying import Applying
from bedrock_guard.widgets.parts import alert, bullets, row, scrolling, shows_errors, status

_BACK: Final = "roll back"


class ApplyView:
    """Who, Plan, Verify, the plan, its phrase, Apply, Cancel, Go on, Roll back, and where things stand in words."""

    def __init__(self, applying: Applying, *, writes: bool = True) -> None:
        self._applying, self._writes = applying, writes
        self.fields = _fields()
        for name, field in self.fields.items():
            t.link((applying, name), (field, "value"))
        self.plan = w.Button(description="Plan", button_style="primary")
        self.verify = w.Button(description="Verify")
        self.cancel = w.Button(description="Cancel between steps")
        self.phrase = w.Text(
            description="Phrase", placeholder="type the plan's phrase", continuous_update=True
        )
        self.apply = w.Button(description="Apply this plan", button_style="danger")
        self.go_on = w.Button(description="Go on")
        self.word = w.Text(description="To undo", placeholder=f"type: {_BACK}", continuous_update=True)
        self.back = w.Button(description="Roll back")
        self.told, self.found, self.shown, self.progress = w.HTML(), w.HTML(), w.HTML(), w.HTML()
        self._bind()
        form = w.Box(list(self.fields.values()))
        form.add_class("bg-form")
        self.widget = scrolling(
            w.HTML(
                "<p>First a plan, which only reads. Then Apply, for that plan alone, under a phrase that you type. "
                "Every step is written to a journal before it is done, read back after, and can be rolled back. "
                "Verify only reads, whenever you like: what holds each of them now, against the choice.</p>"
            ),
            form,
            row(self.plan, self.verify, self.cancel),
            self.told,
            self.found,
            self.shown,
            row(self.phrase, self.apply, self.go_on),
            row(self.word, self.back),
            self.progress,
        )
        self.follow()

    def _bind(self) -> None:
        applying, guarded = self._applying, shows_errors(self.told)
        self.plan.on_click(guarded(lambda _button: applying.make()))
        self.verify.on_click(guarded(lambda _button: applying.verify()))
        self.apply.on_click(guarded(lambda _button: applying.apply(self.phrase.value.strip())))
        self.go_on.on_click(guarded(lambda _button: applying.go_on(self.phrase.value.strip())))
        self.back.on_click(guarded(lambda _button: applying.roll_back()))
        self.cancel.on_click(guarded(lambda _button: applying.cancel()))
        applying.observe(lambda _: self.follow(), names=["plan", "refused", "outcome", "steps"])
        for job in (applying.job, applying.check):
            job.observe(lambda _: self.follow(), names=["state", "message"])
        applying.observe(lambda _: self.follow(), names="verified")
        for box in (self.phrase, self.word):
            box.observe(lambda _: self._open(), names="value")

    def follow(self) -> None:
        """Show where things stand, and open what may be done next."""
        applying, job = self._applying, self._applying.job
        self.told.value = self._words()
        self.found.value = self._verified()
        if applying.refused:
            self.shown.value = show.reasons(applying.refused).html()
        elif applying.plan:
            self.shown.value = _plan(applying)
        elif not job.busy:
            self.shown.value = ""
        self.progress.value = bullets("Steps:", applying.steps, most=200) if applying.steps else ""
        self._open()

    def _words(self) -> str:
        applying, job = self._applying, self._applying.job
        if applying.closed:
            return status(applying.closed)
        if not self._writes and not (job.busy or applying.plan or applying.refused):
            return status(
                "Read-only here: a plan can be made and kept as a file, and nothing can be applied."
            )
        if job.busy:
            return status(job.message or "Begun.")
        if job.state == "failed" and job.problem:
            return alert(job.problem)
        if applying.refused:
            return alert(applying.refused)
        if applying.plan:
            return status(
                f"Plan {applying.plan.name}. Read it; below it, to apply it, type: {applying.plan.phrase}"
            )
        if applying.outcome:
            found = applying.outcome
            gate = f" To go on, type: {found.gate_phrase}" if found.gate_phrase else ""
            notes = f" Left alone: {'; '.join(found.notes)}" if found.notes else ""
            return status(f"{found.state.replace('_', ' ').capitalize()}. {found.words}{gate}{notes}")
        return status("Nothing planned. Name who gets the boundary, then Plan.")

    def _verified(self) -> str:
        frame, check = self._applying.verified, self._applying.check
        if check.busy:
            return status(check.message or "Begun.")
        if check.state == "failed" and check.problem:
            return alert(check.problem)
        if frame is None:
            return ""
        return status(f"Verified. {show.drift_words(frame)}.") + show.drift(frame).html()

    def _open(self) -> None:
        """A button is open only when what it does is allowed now."""
        applying, busy = self._applying, self._applying.busy
        typed = " ".join(self.phrase.value.split())
        plan, outcome = applying.plan, applying.outcome
        self.plan.disabled = self.verify.disabled = busy or bool(applying.closed)
        self.cancel.disabled = not busy
        self.apply.disabled = (
            not self._writes or busy or plan is None or not plan.steps or typed != plan.phrase
        )
        waiting = outcome is not None and outcome.state == "waiting" and typed == outcome.gate_phrase
        self.go_on.disabled = not self._writes or busy or not (waiting or applying.stopped)
        undo = applying.journal is not None and self.word.value.strip() == _BACK
        gone = outcome is not None and outcome.state == "rolled_back"
        self.back.disabled = not self._writes or busy or not undo or gone


def _fields() -> dict[str, w.Widget]:
    lazily = {"continuous_update": False}
    return {
        "targets": w.Textarea(
            description="Who", placeholder="role/NAME or user/NAME or ARNs, one a line", rows=3, **lazily
        ),
        "paths": w.Text(description="IAM path", placeholder="such as /team/", **lazily),
        "groups": w.Text(description="Groups", placeholder="their members of now", **lazily),
        "canary": w.Text(description="First", placeholder="the canary; empty: the first", **lazily),
        "limit": w.BoundedIntText(description="At most", min=1, max=10_000),
        "folder": w.Text(description="Folder", **lazily),
        "replace": w.Checkbox(description="Replace boundaries that are not ours", indent=False),
        "guardrail": w.Checkbox(description="Make the guardrail too", indent=False),
    }


def _plan(applying: Applying) -> str:
    plan = applying.plan
    if plan is None:
        return ""
    tables = [show.targets(plan), show.effects(plan), show.hits(plan), show.steps(plan)]
    back = "\n".join(plan.rollback_commands)
    script = (
        f"<details><summary>The way back as AWS CLI lines</summary><pre>{escape(back)}</pre></details>"
        if back
        else ""
    )
    return "".join(one.html() for one in tables) + bullets("To know before:", plan.risks) + script
