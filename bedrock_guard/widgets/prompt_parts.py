"""Beside the rules for prompts: which guardrail is meant, a box to try a prompt in, and the export."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import ipywidgets as w
import traitlets as t

from bedrock_guard.account.prompts import Existing, apply_guardrail, guardrails
from bedrock_guard.account.session import Account, open_account
from bedrock_guard.boundary import names
from bedrock_guard.boundary.export import write
from bedrock_guard.boundary.guardrail import matched_words
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.words import visible
from bedrock_guard.widgets.parts import alert, shows_errors, status
from bedrock_guard.widgets.prompt_choices import PromptChoices
from bedrock_guard.widgets.prompt_words import (
    judged,
    line,
    not_judged,
    words_verdict,
)


class Target:
    """Which guardrail in AWS is meant: the account's list, an ARN and a version."""

    def __init__(self, choices: PromptChoices, account: Account | str) -> None:
        self.account: Account | None = None
        self.told = w.HTML()
        style = {"description_width": "6.5rem"}
        self.arn = w.Text(
            choices.guardrail,
            description="Guardrail ARN",
            placeholder="empty: not created yet",
            layout={"width": "98%"},
            style=style,
        )
        self.version = w.Text(choices.version, description="Version", layout={"width": "13rem"}, style=style)
        t.link((self.arn, "value"), (choices, "guardrail"))
        t.link((self.version, "value"), (choices, "version"))
        rows = [self.told, self.arn, self.version]
        found = self._look(account)
        if found:
            rows.insert(1, self._picker(found, style))
        self.widget = w.VBox(rows)

    def _look(self, account: Account | str) -> tuple[Existing, ...]:
        try:
            self.account = open_account(account) if isinstance(account, str) else account
            found = guardrails(self.account)
        except GuardError as error:
            self.told.value = alert(error)
            return ()
        place = "Demo account" if self.account.mode == "demo" else "Account"
        count = f"{len(found):,} guardrails" if found else "no guardrail yet"
        self.told.value = status(f"{place}, {self.account.region}: {count}.")
        return tuple(row for row in found if names.guardrail(row.arn))

    def _picker(self, found: tuple[Existing, ...], style: Mapping[str, str]) -> w.Dropdown:
        options = [("none of them", "")]
        options += [(f"{visible(row.name)[:60]} ({row.arn.rpartition('/')[2]})", row.arn) for row in found]
        picker = w.Dropdown(
            options=options, description="In the account", layout={"width": "98%"}, style=style
        )
        picker.observe(lambda change: setattr(self.arn, "value", change["new"]), names="value")
        return picker


class Trial:
    """A box to type a prompt into, and what is said to it. The box alone holds the prompt."""

    def __init__(self, choices: PromptChoices, account: Account | None) -> None:
        self._choices = choices
        self._account = account
        self.real = account is not None and account.mode == "real"
        self.box = w.Textarea(
            description="Prompt",
            placeholder="a prompt to try",
            continuous_update=False,
            rows=5,
            layout={"width": "98%"},
        )
        self.button = w.Button(description="Try it", button_style="primary")
        self.clear = w.Button(description="Empty the box")
        self.told = w.HTML(status("Nothing tried yet."))
        self.button.on_click(shows_errors(self.told)(self._try))
        self.clear.on_click(lambda _: setattr(self.box, "value", ""))
        self.box.observe(self._stale, names="value")
        choices.observe(self._stale, names=["rules", "problems", "guardrail", "version"])
        note = w.HTML(line(self._note()))
        self.widget = w.VBox([note, self.box, w.HBox([self.button, self.clear]), self.told])

    def _note(self) -> str:
        kept = "What you type is kept in the box only: not in a file, not in a log."
        if self.real:
            return (
                "Try it sends the text to Amazon Bedrock (ApplyGuardrail, charged per 1,000 characters), where the "
                "version of the guardrail named above judges it: as it stands in the account, not as the rules are "
                f"edited here. Of the edited rules, only the words are judged, on this machine. {kept}"
            )
        where = "The demo account has no ApplyGuardrail" if self._account else "No account is open"
        return (
            f"{where}: only the word rules are judged here, on this machine: whole words, in any "
            f"case. Nothing is sent. {kept}"
        )

    def _stale(self, _change: object) -> None:
        self.told.value = status("Not tried since the last change.")

    def _try(self, _button: object) -> None:
        rules = self._choices.valid
        if not self.box.value.strip():
            raise GuardError("There is no text to try.", remedy="Type a prompt into the box.")
        words = words_verdict(rules, matched_words(rules, self.box.value))
        if not self.real or self._account is None:
            self.told.value = words + line(not_judged(rules))
            return
        self.told.value = words + status("Asking Bedrock …")
        try:
            found = apply_guardrail(
                self._account, self._choices.guardrail.strip(), self._choices.version.strip(), self.box.value
            )
        except GuardError as error:
            self.told.value = words + alert(error)
        else:
            self.told.value = words + judged(found)


class Export:
    """A folder, a button, and a line that says what was written."""

    def __init__(self, choices: PromptChoices) -> None:
        self._choices = choices
        self.folder = w.Text("guardrail", description="Folder", layout={"width": "24rem"})
        self.button = w.Button(
            description="Export the guardrail", button_style="primary", layout={"width": "12rem"}
        )
        self.told = w.HTML(
            status("Nothing exported yet. Exporting writes files here and changes nothing in AWS.")
        )
        self.button.on_click(shows_errors(self.told)(self._write))
        self.widget = w.VBox(
            [w.HBox([self.folder, self.button], layout={"flex_flow": "row wrap"}), self.told]
        )

    def _write(self, _button: object) -> None:
        if not self.folder.value.strip():
            raise GuardError("No folder is named.", remedy="Name the folder to write into.")
        written = write(self._choices.files(), Path(self.folder.value.strip()).expanduser())
        listed = ", ".join(path.name for path in written)
        rest = "" if self._choices.named else " Enforcement is left out until a guardrail is named."
        self.told.value = status(f"Exported to {written[0].parent.resolve()}: {listed}.{rest}")
