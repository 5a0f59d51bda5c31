"""The rules for prompts as a person edits them, and what follows: request, enforcement, gaps, a try, files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import ipywidgets as w

from bedrock_guard.account.session import Account
from bedrock_guard.boundary.guardrail import GAPS
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.words import visible
from bedrock_guard.widgets.elements import Skip
from bedrock_guard.widgets.parts import alert, status, tabbed
from bedrock_guard.widgets.prompt_choices import PromptChoices
from bedrock_guard.widgets.prompt_editors import HARM, editors
from bedrock_guard.widgets.prompt_parts import Export, Target, Trial
from bedrock_guard.widgets.prompt_words import (
    Told,
    counted,
    gaps,
    more,
)


class PromptBench:
    """Widgets bound to `PromptChoices`; show `bench.widget` as a cell's last line.

    Args:
        account: "demo", the name of an AWS profile, or an open account. Rules can be edited without any.
        spec: the spec to start from, or the path of its TOML file; by default the shipped example.
        profile: the profile that enforces the guardrail, where the spec has several.

    """

    def __init__(
        self,
        account: Account | str = "demo",
        spec: BoundarySpec | str | Path | None = None,
        profile: str | None = None,
    ) -> None:
        self.choices = PromptChoices(spec, profile)
        self._head = w.HTML()
        self._request, self._statement, self._enforced, self._toml = (w.HTML() for _ in range(4))
        self.target = Target(self.choices, account)
        self.trial = Trial(self.choices, self.target.account)
        self.export = Export(self.choices)
        left, right = w.VBox([editors(self.choices)]), w.VBox([self.target.widget, self._pages()])
        panes = w.Box([left, right])
        self.widget = w.VBox([Skip(sides=["The rules", "What follows from them"]), self._head, panes])
        for widget, name in (
            (left, "bg-pane"),
            (right, "bg-pane"),
            (panes, "bg-panes"),
            (self.widget, "bg-bench"),
        ):
            widget.add_class(name)
        panes.add_class("bg-even")
        self.choices.observe(self._rules_changed, names=["rules", "problems"])
        self.choices.observe(self._target_changed, names=["guardrail", "version"])
        self._rules_changed()
        self._target_changed()

    def request(self) -> Told:
        """The CreateGuardrail request of the rules as they are now."""
        note = "Parameters of CreateGuardrail. Nothing is sent from this page."
        return Told.of(self.choices.request, note)

    def statement(self) -> Told:
        """The policy statements that refuse a call without the guardrail."""
        return Told.of(self.choices.statements, f"By document of the boundary. {self._stand_in()}")

    def enforced(self) -> Told:
        """The account-level enforced configuration."""
        note = (
            "Parameters of PutEnforcedGuardrailConfiguration, once in each Region. A wrong ARN in it blocks all "
            f"inference in that Region, and every caller then needs bedrock:ApplyGuardrail. {self._stand_in()}"
        )
        return Told.of(self.choices.enforced, note)

    def gaps(self) -> Told:
        """What no guardrail closes."""
        return Told.of(
            lambda: "\n".join(f"• {gap}" for gap in GAPS), "What stays open whatever the rules say:"
        )

    def toml(self) -> Told:
        """The `[guardrail]` part of the spec."""
        return Told.of(self.choices.toml, "Replaces [guardrail] in the spec file.")

    def _stand_in(self) -> str:
        if self.choices.named:
            return "To keep it, set guardrail_required to this ARN in the profile's controls."
        return "Its ARN ends in /placeholder: no such guardrail exists. Name yours above once it is created."

    def _pages(self) -> w.Tab:
        pages: Mapping[str, w.Widget] = {
            "Request": self._request,
            "Enforcement": w.VBox(
                [
                    w.HTML("<b>Statement: refuse calls without it</b>"),
                    self._statement,
                    w.HTML("<b>Configuration: the account enforces it</b>"),
                    self._enforced,
                ]
            ),
            "Gaps": w.HTML(gaps()),
            "Try a prompt": self.trial.widget,
            "Take away": w.VBox([self.export.widget, self._toml]),
        }
        return tabbed(pages)

    def _rules_changed(self, _change: object = None) -> None:
        self._head.value = headline(self.choices)
        self._request.value = self.request().html()
        self._toml.value = self.toml().html()

    def _target_changed(self, _change: object = None) -> None:
        self._statement.value = self.statement().html()
        self._enforced.value = self.enforced().html()


def headline(choices: PromptChoices) -> str:
    """What the rules are, or what has to be put right, in one line that is read out."""
    if choices.problems:
        parts = [visible(error.what) for error in choices.problems.values()]
        return alert(GuardError("To put right:", why=" ".join(parts[:3]), remedy=more(len(parts) - 3)))
    rules = choices.valid
    strengths = [
        f"{word} {choices.strength(name).lower()}"
        for name, word in HARM.items()
        if choices.strength(name) != "NONE"
    ]
    parts = [*strengths, *counted(rules)]
    return status(f"Guardrail {rules.name}: {' · '.join(parts)}")
