"""The two-step Apply: Plan shows and refuses; Apply is open for that plan only, under its typed phrase."""

from __future__ import annotations

from html import escape
from typing import Final

import ipywidgets as w

from bedrock_guard.change.errors import PlanRefusedError
from bedrock_guard.change.status import Status, StepLine
from bedrock_guard.errors import GuardError
from bedrock_guard.present import change as show
from bedrock_guard.present.table import NO_MATH, plain
from bedrock_guard.present.terms import explained
from bedrock_guard.widgets.apply_forms import HowForm, WhoForm, WideForm
from bedrock_guard.widgets.applying import Applying
from bedrock_guard.widgets.elements import Documents
from bedrock_guard.widgets.parts import alert, bullets, row, shows_errors, status, tabbed, table

_BACK: Final = "roll back"
_UNFINISHED: Final = ("the one that is not over", "")
_SHOWN: Final = 150
_PAGES: Final = ("Who", "How", "Account-wide", "Plan", "Steps", "Verified")
_ENDED: Final = {"done": "Done.", "rolled back": "Rolled back.", "cancelled": "Cancelled."}


class ApplyView:
    """The wish, Plan, Verify and Cancel; then the plan, its steps, their phrases and the way back."""

    def __init__(self, applying: Applying, *, writes: bool = True) -> None:
        self._applying, self._writes = applying, writes
        self.who, self.how, self.wide = WhoForm(applying), HowForm(applying), WideForm(applying)
        self.plan = w.Button(description="Plan", button_style="primary")
        self.verify = w.Button(description="Verify")
        self.cancel = w.Button(description="Cancel between steps")
        self.phrase = w.Text(description="Phrase", placeholder="type it here", continuous_update=True)
        self.phrase.layout.width = "27rem"
        self.apply = w.Button(description="Apply this plan", button_style="danger")
        self.go_on = w.Button(description="Go on")
        self.word = w.Text(description="To undo", placeholder=f"type: {_BACK}", continuous_update=True)
        self.back = w.Button(description="Roll back")
        self.bear = w.Checkbox(description="New denials are meant: go on all the same", indent=False)
        self.take_over = w.Checkbox(
            description="The machine that began it is gone: take it over", indent=False
        )
        self.journals = w.Dropdown(description="Kept", options=[_UNFINISHED])
        self.take_up = w.Button(description="Take up this change")
        self.to_type = Documents()
        self.told, self.why, self.found, self.table, self.shown, self.steps = (w.HTML() for _ in range(6))
        self.tabs = tabbed(dict(zip(_PAGES, self._pages(), strict=True)), inner=True)
        self._bind()
        self.widget = w.VBox(
            [
                w.HTML(
                    "<p>First a plan, which only reads. Then Apply, for that plan alone, under a phrase that you "
                    "type. Every step is written to a journal before it is done, read back after, and can be "
                    "rolled back.</p>"
                ),
                row(self.plan, self.verify, self.cancel),
                self.told,
                self.why,
                self.found,
                self.tabs,
            ]
        )
        self.follow()

    def _pages(self) -> tuple[w.Widget, ...]:
        steps = w.VBox(
            [
                self.to_type.within(),
                row(self.phrase, self.apply, self.go_on),
                row(self.word, self.back),
                row(self.journals, self.take_up),
                row(self.bear, self.take_over),
                self.steps,
            ]
        )
        pages = [w.VBox([self.shown]), steps, w.VBox([self.table])]
        for page in pages:
            page.add_class("bg-flow")
        return self.who.widget, self.how.widget, self.wide.widget, *pages

    def _bind(self) -> None:
        applying, guarded = self._applying, shows_errors(self.told)
        self.plan.on_click(guarded(lambda _button: applying.make()))
        self.verify.on_click(guarded(lambda _button: applying.verify()))
        self.apply.on_click(guarded(lambda _button: self._apply()))
        self.go_on.on_click(guarded(lambda _button: self._go_on()))
        self.back.on_click(guarded(lambda _button: self._roll_back()))
        self.take_up.on_click(guarded(lambda _button: applying.take_up(self.journals.value)))
        for name in ("standing", "folder"):
            applying.observe(lambda _: self._list_kept(), names=name)
        self.cancel.on_click(guarded(lambda _button: applying.cancel()))
        for name in ("plan", "refused", "outcome", "lines", "standing", "verified"):
            applying.observe(lambda _: self.follow(), names=name)
        applying.observe(lambda change: self._turn("Plan", change["new"]), names=["plan", "refused"])
        applying.observe(lambda change: self._turn("Steps", change["new"]), names="standing")
        applying.observe(lambda change: self._turn("Verified", change["new"]), names="verified")
        for job in (applying.job, applying.check):
            job.observe(lambda _: self.follow(), names=["state", "message"])
        applying.roster.observe(lambda _: self.follow(), names=["lacking", "unasked", "caller"])
        for box in (self.phrase, self.word, self.bear, self.take_over):
            box.observe(lambda _: self._open(), names="value")

    def _turn(self, page: str, shown: object) -> None:
        """Turn to the page on which something new stands."""
        if shown is not None:
            self.tabs.selected_index = _PAGES.index(page)

    @property
    def _typed(self) -> str:
        return " ".join(self.phrase.value.split())

    def _apply(self) -> None:
        self._applying.apply(self._typed)
        self.phrase.value = ""

    def _go_on(self) -> None:
        found = self._applying.standing
        waits = found is not None and found.state == "waiting"
        self._applying.go_on(
            self._typed if waits else "", bear_denials=self.bear.value, take_over=self.take_over.value
        )
        self.phrase.value, self.bear.value = "", False

    def _roll_back(self) -> None:
        self._applying.roll_back(take_over=self.take_over.value)
        self.word.value = ""

    def _list_kept(self) -> None:
        """The changes of the folder, to take up another one."""
        found = [(f"{name}: {state}", name) for name, state in self._applying.changes]
        if tuple(self.journals.options) != (_UNFINISHED, *found):
            self.journals.options = [_UNFINISHED, *found]

    def opened(self) -> None:
        """The page is looked at: list whom a change can be for, and show where things stand."""
        self._applying.roster.read()
        self._list_kept()
        self.who.follow()
        self.follow()

    def follow(self) -> None:
        """Show where things stand, and open what may be done next."""
        applying = self._applying
        self.told.value = self._words()
        self.found.value = self._verified()
        frame = applying.verified
        self.table.value = status("Nothing verified yet.") if frame is None else table(show.drift(frame))
        if applying.refused:
            self.shown.value = show.reasons(applying.refused)
        elif applying.plan:
            self.shown.value = _plan(applying)
        elif not applying.job.busy:
            self.shown.value = _no_plan(applying)
        self.steps.value = _steps(applying.lines, applying.standing)
        self.to_type.documents = _to_type(applying)
        self._open()

    def _words(self) -> str:
        applying, job = self._applying, self._applying.job
        if applying.closed:
            return status(applying.closed)
        if job.busy:
            return status(job.message or "Begun.")
        if job.state == "failed" and job.problem:
            return alert(job.problem)
        if applying.refused:
            return alert(_refusal(applying.refused))
        if applying.plan:
            number, plan = len(applying.plan.steps), applying.plan
            if not number:
                return status(f"Plan {plan.name}: everything is as wished, there is nothing to do.")
            return status(
                f"Plan {plan.name}, {number} steps. Read it; to apply it, type under Steps:", plan.phrase
            )
        if applying.outcome or applying.standing:
            return self._ended()
        return status("Nothing planned. Tick who gets the boundary, then Plan.")

    def _ended(self) -> str:
        """Where the change stands; what the last run said of it, where there was one."""
        outcome, standing = self._applying.outcome, self._applying.standing
        if outcome is not None:
            first = "" if outcome.state == "waiting" else _ENDED[outcome.state.replace("_", " ")]
            notes = f" Notes: {'; '.join(outcome.notes)}" if outcome.notes else ""
            gate = " To go on, type:" if outcome.gate_phrase else ""
            return status(f"{first} {outcome.words}{notes}{gate}".strip(), outcome.gate_phrase)
        return status(" ".join(standing.lines)) if standing else ""

    def _verified(self) -> str:
        frame, check = self._applying.verified, self._applying.check
        if check.busy:
            return status(check.message or "Begun.")
        if check.state == "failed" and check.problem:
            return alert(check.problem)
        if frame is None:
            return ""
        standing = self._applying.standing
        back = standing is not None and standing.state == "rolled back" and self._applying.plan is None
        as_before = "The change was taken back, and this is as it was before. " if back else ""
        return status(f"Verified. {as_before}{show.drift_words(frame)}.")

    def _shut(self) -> str:
        """Why nothing can be applied here, whatever is typed; empty where it can."""
        applying, roster = self._applying, self._applying.roster
        if not self._writes:
            return f"Read-only here: a plan can be made and kept as a file, and nothing can be applied. {roster.may}"
        plan = applying.plan
        if plan is not None and roster.caller and plan.operator != roster.caller:
            return f"This plan is for {plan.operator} to apply; you are {roster.caller}. Hand its file on."
        return roster.may

    def _open(self) -> None:
        """A button is open only when what it does is allowed now; why Apply is shut is said."""
        applying, busy, typed = self._applying, self._applying.busy, self._typed
        plan, standing, shut = applying.plan, applying.standing, self._shut()
        foreign = plan is not None and applying.roster.caller not in {"", plan.operator}
        self.why.value = status(f"Apply is shut. {shut}") if shut and not applying.closed else ""
        self.plan.disabled = self.verify.disabled = self.take_up.disabled = busy or bool(applying.closed)
        self.cancel.disabled = not busy or applying.stopping
        ready = plan is not None and bool(plan.steps) and typed == plan.phrase
        self.apply.disabled = not self._writes or busy or foreign or not ready
        waiting = standing is not None and standing.state == "waiting" and typed == standing.gate_phrase
        self.go_on.disabled = not self._writes or busy or not (waiting or applying.stopped)
        undo = applying.journal is not None and self.word.value.strip() == _BACK
        gone = standing is not None and standing.state == "rolled back"
        self.back.disabled = not self._writes or busy or not undo or gone
        halted = standing is not None and standing.state in {"halted", "under way", "rolling back"}
        for box in (self.bear, self.take_over):
            box.layout.display = "" if halted else "none"


def _refusal(error: PlanRefusedError) -> GuardError:
    """The first reason in short; the others, each with what to do, stand under Plan."""
    return GuardError(error.what, remedy="Each reason, and what to do about it, stands under Plan.")


def _no_plan(applying: Applying) -> str:
    if applying.standing is not None:
        return status("This plan was begun; its steps and what became of them stand under Steps.")
    return status("No plan yet. A plan says who is hit, what changes for them, each step, and the way back.")


def _plan(applying: Applying) -> str:
    plan = applying.plan
    if plan is None:
        return ""
    name_of = applying.choices.situation.name_of
    kept = (
        status(
            f"Kept as {applying.kept}; beside it the review for a pull request (.md) and the way back as a script "
            f"(.sh). Valid until {plan.expires:%Y-%m-%d %H:%M} UTC."
        )
        if applying.kept
        else ""
    )
    parts = [
        table(show.hits(plan, name_of)),
        table(show.targets(plan)),
        *(
            [
                table(show.effects(plan)),
                _folded(
                    "Which requests are answered otherwise, with an example each", table(show.flips(plan))
                ),
            ]
            if plan.effects
            else []
        ),
        explained(bullets("To know before:", plan.risks)),
        explained(bullets("Other judges of the same documents:", show.judges(plan))),
    ]
    copied = [
        _lines("Not done by this plan: commands for whoever may", plan.exports),
        _lines("The way back as AWS CLI lines", plan.rollback_commands),
    ]
    return "".join((kept, *parts, *copied))


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{body}</details>"


def _lines(title: str, lines: tuple[str, ...]) -> str:
    return _folded(title, f"<pre tabindex='0'>{escape(chr(10).join(lines))}</pre>") if lines else ""


def _to_type(applying: Applying) -> list[dict[str, object]]:
    """The phrase that opens what may be done next, to copy; empty where none does."""
    plan, standing = applying.plan, applying.standing
    if plan is not None and plan.steps:
        note, phrase = "To apply this plan, type", plan.phrase
    elif standing is not None and standing.gate_phrase:
        note, phrase = "To go on after the gate, type", standing.gate_phrase
    else:
        return []
    return [{"name": "phrase", "note": note, "text": phrase, "inline": True}]


def _over(lines: tuple[StepLine, ...], standing: Status | None) -> str:
    """How far the change is; on its way back, how much of it was taken back."""
    of = f"{len(lines):,} steps"
    if standing is None or standing.state not in {"rolled back", "rolling back"}:
        return f"{sum(line.state in {'done', 'already so'} for line in lines):,} of {of} are over."
    undone = f"{sum(line.state == 'taken back' for line in lines):,} of {of} are taken back"
    if standing.state == "rolling back":
        return f"{undone} so far."
    alone = sum(line.state == "left alone" for line in lines)
    begun = sum(line.state not in {"taken back", "left alone", "to come"} for line in lines)
    never = sum(line.state == "to come" for line in lines)
    parts = (
        f"; {alone:,} left alone, for the account is no longer as they left it" if alone else "",
        f"; {begun:,} had changed nothing" if begun else "",
        f"; {never:,} were not begun" if never else "",
    )
    return f"{undone}{''.join(parts)}."


def _steps(lines: tuple[StepLine, ...], standing: Status | None) -> str:
    """Every step with what became of it; of a long change those around the step in hand, the others counted."""
    if not lines:
        return status("No steps yet: they come with the plan.")
    here = next((n for n, line in enumerate(lines) if line.state in {"begun", "waiting", "to come"}), 0)
    first = max(0, min(here - _SHOWN // 2, len(lines) - _SHOWN))
    shown = lines[first : first + _SHOWN]
    items = "".join(_step(line) for line in shown)
    left = len(lines) - len(shown)
    rest = f" {left:,} steps before and after these are not listed." if left else ""
    caption = f"<p>{_over(lines, standing)}{rest}</p>"
    items = explained(items)
    return f"{caption}<ol class='bg-steps {NO_MATH}' start='{first + 1}'>{items}</ol>"


def _step(line: StepLine) -> str:
    here = " aria-current='step'" if line.state in {"begun", "waiting"} else ""
    note = f" <span class='bg-quiet'>{escape(plain(line.note))}</span>" if line.note else ""
    kind = line.state.replace(" ", "-")
    return f"<li class='bg-step-{kind}'{here}><b>{line.state}</b> {escape(plain(line.words))}{note}</li>"
