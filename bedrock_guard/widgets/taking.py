"""Take away: the policy texts to copy, exports in every format, the scorecard for a pull request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import ipywidgets as w

from bedrock_guard.boundary.export import FORMATS, Format, export, write
from bedrock_guard.boundary.packing import Packed
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.what_if import WhatIf
from bedrock_guard.present import evidence
from bedrock_guard.widgets.choices import Choices
from bedrock_guard.widgets.elements import Documents
from bedrock_guard.widgets.jobs import Job, Tick
from bedrock_guard.widgets.parts import alert, row, scrolling, shows_errors, status

_WORDS: Final[dict[Format, str]] = {
    "json": "JSON: one file a document",
    "cloudformation": "CloudFormation",
    "terraform": "Terraform",
    "cli": "AWS CLI script",
    "markdown": "Scorecard for a pull request (Markdown)",
}


class Taking:
    """Texts to copy and files to write. Nothing here changes anything in AWS."""

    def __init__(self, choices: Choices, folder: str | Path = "policies") -> None:
        self._choices = choices
        self.documents = Documents()
        self.pull_request = Documents()
        self.form = w.Dropdown(description="Format", options=[(_WORDS[form], form) for form in FORMATS])
        self.folder = w.Text(str(folder), description="Folder", continuous_update=False)
        self.button = w.Button(description="Export the policies", button_style="primary")
        self.card = w.Button(description="Make the pull-request scorecard")
        self.job = Job()
        self.told = w.HTML(
            status("Nothing exported yet. Exporting writes files here and changes nothing in AWS.")
        )
        self.button.on_click(shows_errors(self.told)(self._write))
        self.card.on_click(shows_errors(self.told)(self._make_card))
        self.job.observe(lambda _: self._card(), names="state")
        choices.observe(lambda _: self._forget(), names="what_if")
        self.follow()
        self.widget = scrolling(
            row(self.form, self.folder, self.button),
            self.told,
            self.documents.within(),
            row(self.card),
            self.pull_request.within(),
        )

    def follow(self) -> None:
        """Show the texts of the choice."""
        found = self._choices.what_if
        self.documents.documents = [_document(packed) for packed in found.built.packed] if found else []

    def _forget(self) -> None:
        """The scorecard is of the choice before."""
        if self.pull_request.documents:
            self.pull_request.documents = []

    def _chosen(self) -> WhatIf:
        found = self._choices.consequences
        if found is None:
            raise GuardError(
                "There is nothing to take away yet.", remedy="Choose something that can be built."
            )
        return found

    def _write(self, _button: object) -> None:
        found = self._chosen()
        if not self.folder.value.strip():
            raise GuardError("No folder is named.", remedy="Name the folder to write into.")
        self.told.value = status("Writing.")
        files = export(found.spec, found.built, self.form.value, self._choices.situation.catalogue)
        written = write(
            files | {"guard.toml": found.spec.dumps()}, Path(self.folder.value.strip()).expanduser()
        )
        names = ", ".join(path.name for path in written)
        self.told.value = status(f"Exported to {written[0].parent.resolve()}: {names}.")

    def _make_card(self, _button: object) -> None:
        found, catalogue = self._chosen(), self._choices.situation.catalogue

        def work(tick: Tick) -> tuple[WhatIf, str]:
            tick("Making the scorecard.")
            return found, export(found.spec, found.built, "markdown", catalogue)["scorecard.md"]

        self.job.start(work)

    def _card(self) -> None:
        job = self.job
        if job.state == "running":
            self.told.value = status("Making the scorecard.")
        elif job.state == "failed" and job.problem:
            self.told.value = alert(job.problem)
        elif job.state == "done" and job.result[0] is self._choices.what_if:
            text = job.result[1]
            note = f"Markdown, {len(text):,} characters, for the choice as it is now"
            self.pull_request.documents = [{"name": "scorecard.md", "note": note, "text": text}]
            self.told.value = status("The scorecard is below; copy it into the pull request.")


def _document(packed: Packed) -> dict[str, Any]:
    """What is copied is what is counted; what is read is indented."""
    note = f"{evidence.KINDS[packed.kind]}, {packed.size:,} of {packed.quota:,} characters"
    compact = json.dumps(packed.document, separators=(",", ":"))
    return {
        "name": packed.name,
        "note": note,
        "text": compact if packed.kind == "scp" else json.dumps(packed.document, indent=2),
        "shown": json.dumps(packed.document, indent=1),
    }
