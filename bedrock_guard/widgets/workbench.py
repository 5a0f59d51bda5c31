"""The workbench: choose on the left; on the right see, prove, try a call, take away, apply."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

import ipywidgets as w

from bedrock_guard.account.deployed import Deployed, read_deployed
from bedrock_guard.account.situation import Situation
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.tables import dollars
from bedrock_guard.evidence.what_if import WhatIf
from bedrock_guard.present import evidence
from bedrock_guard.present.callers import callers_hit
from bedrock_guard.present.charts import OUTCOMES
from bedrock_guard.present.table import Shown
from bedrock_guard.present.terms import explained
from bedrock_guard.widgets.apply_view import ApplyView
from bedrock_guard.widgets.applying import Applying
from bedrock_guard.widgets.choices import Choices
from bedrock_guard.widgets.choosing import Choosing
from bedrock_guard.widgets.parts import Pages, alert, row, status, tabbed
from bedrock_guard.widgets.proof_view import ProofView
from bedrock_guard.widgets.seeing import Seeing
from bedrock_guard.widgets.spec_file import SpecFile
from bedrock_guard.widgets.taking import Taking
from bedrock_guard.widgets.try_view import TryView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bedrock_guard.account.session import Account

_TONES: Final = {
    "would be kept": "kept",
    "would be refused": "refused",
    "stranded": "stranded",
    "unknown": "unknown",
}


class Workbench:
    """Widgets bound to `Choices`; show `workbench.widget` as a cell's last line.

    Args:
        situation: what was read of the account (`open_account(...).situation()`).
        spec: the spec to start from, or the path of its TOML file; by default the shipped example.
        profile: the profile to tune; by default the first.
        account: who may be asked what is deployed, and to whom a plan may be applied; None asks nobody.
        read_only: nothing can be applied, whoever the account's caller is.
        folder: where plans, journals, exports and the spec are written unless another place is named; empty: here.

    """

    def __init__(
        self,
        situation: Situation,
        spec: BoundarySpec | str | Path | None = None,
        *,
        profile: str | None = None,
        account: Account | None = None,
        read_only: bool = False,
        folder: str | Path = "",
    ) -> None:
        self.situation = situation
        self.choices = Choices(situation, _first(situation, spec), profile or None)
        deployed = _deployed(account, self.choices)
        self.head = Head(self.choices)  # first, so that it is told first
        self.choosing, self.seeing = Choosing(self.choices), Seeing(self.choices)
        self.proving = ProofView(self.choices, deployed)
        self.choosing.file.add(self.proving.line, row(self._to_changes()))
        here = Path(folder)
        if folder and not self.choices.file:
            self.choosing.file.path.value = str(here / "guard.toml")
        self.trying, self.taking = TryView(self.choices), Taking(self.choices, here / "policies")
        self.applying = Applying(self.choices, account, folder=here / "changes")
        self.applying.observe(lambda change: self.proving.compare_with(change["new"]), names="deployed")
        self.apply = ApplyView(self.applying, writes=not read_only)
        self.tabs = tabbed(
            {
                "See": self.seeing.widget,
                "Prove": self.proving.widget,
                "Try a call": self.trying.widget,
                "Take away": self.taking.widget,
                "Apply": self.apply.widget,
            }
        )
        self.tabs.add_class("bg-pane")
        draws = (
            self.seeing.pages.changed,
            lambda: None,  # a proof takes its time, and tells itself
            self.trying.follow,
            self.taking.follow,
            self.apply.opened,
        )
        self._pages = Pages(self.tabs, draws)
        self.choices.observe(lambda _: self._pages.changed(), names=["what_if", "problem"])
        panes = w.Box([self.choosing.widget, self.tabs])
        panes.add_class("bg-panes")
        self.widget = w.VBox([self.head.widget, panes])
        self.widget.add_class("bg-bench")

    def _to_changes(self) -> w.Button:
        button = w.Button(description="Show it in Prove")

        def go(_button: object) -> None:
            self.tabs.selected_index = self.tabs.titles.index("Prove")
            self.proving.show_changes()

        button.on_click(go)
        return button

    def _as_of(self, shown: Shown) -> Shown:
        """A cell's output stays as it is when the choice moves on; it says of which choice it is."""
        said = f"Of the choice when this cell ran, {_listed(self.choices.approved)}; run it again after a change."
        return replace(shown, caption=f"{said} {shown.caption}")

    def models(self) -> Shown:
        """Spend by model and outcome, for the choice as it is now."""
        return self._as_of(evidence.models(self.choices.consequences, self.situation))

    def callers(self) -> Shown:
        """Who would be refused, for the choice as it is now."""
        return self._as_of(callers_hit(self.choices.consequences, self.situation))

    def policies(self) -> Shown:
        """The documents and their sizes, for the choice as it is now."""
        return self._as_of(evidence.sizes(self.choices.consequences))


class Head:
    """What stays in view: the dollars of each outcome, whether they can be believed, undo, redo, the last step."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self._before: WhatIf | None = None
        self.cards, self.problem, self.said = w.HTML(), w.HTML(), w.HTML()
        self.undo, self.redo = w.Button(description="Undo"), w.Button(description="Redo")
        self.undo.on_click(lambda _: choices.undo())
        self.redo.on_click(lambda _: choices.redo())
        choices.observe(lambda _: self._follow(), names="what_if")
        choices.observe(lambda _: self._tell(), names=["problem", "said", "can_undo", "can_redo"])
        self._follow()
        steps = row(self.undo, self.redo, self.said)
        steps.add_class("bg-line")
        self.widget = w.VBox([self.cards, steps, self.problem])
        self.widget.add_class("bg-head")

    def _follow(self) -> None:
        found, before = self._choices.what_if, self._before
        if found is None:
            return
        self.cards.value = headline(found, self._choices.situation)
        self._before = found
        self._tell(evidence.change(before, found) if before else "")

    def _tell(self, moved: str = "") -> None:
        choices = self._choices
        self.undo.disabled, self.redo.disabled = not choices.can_undo, not choices.can_redo
        problem = alert(choices.problem) if choices.problem else ""
        self.problem.value = problem
        kept = " The figures are of the choice before." if choices.problem else ""
        self.said.value = status(f"{choices.said}{kept} {moved}".strip())


def headline(found: WhatIf, situation: Situation) -> str:
    """The dollars of each outcome, and the line that says whether they can be believed."""
    proof = situation.reconciliation
    read = f"{situation.line()} · read {situation.account.now:%Y-%m-%d %H:%M} UTC"
    said = " · ".join((read, *evidence.elsewhere(found, situation)))
    line = f"<p class='bg-proof mathjax_ignore'>{explained(escape(said))}</p>"
    if proof.withheld:
        return alert(GuardError("The headline is withheld.", why="; ".join(proof.withheld))) + line
    cards = "".join(
        f"<li style='--bg-tone:{_tone(words)}'><b>{dollars(cost)}</b><span>{explained(escape(words))}</span></li>"
        for words, cost in evidence.cards(found, situation).items()
    )
    return f"<ul class='bg-cards mathjax_ignore'>{cards}</ul>{line}"


def _tone(words: str) -> str:
    outcome = next((name for start, name in _TONES.items() if words.startswith(start)), "")
    return OUTCOMES[outcome][0] if outcome else "var(--jp-border-color1,#9aa5b1)"


def _listed(approved: Sequence[str]) -> str:
    return "1 model approved" if len(approved) == 1 else f"{len(approved)} models approved"


def _first(situation: Situation, spec: BoundarySpec | str | Path | None) -> BoundarySpec | SpecFile:
    if isinstance(spec, BoundarySpec):
        return spec
    return SpecFile.read(spec, situation.catalogue) if spec else situation.spec()


def _deployed(account: Account | None, choices: Choices) -> Deployed | None:
    return read_deployed(account, choices.profile) if account else None
