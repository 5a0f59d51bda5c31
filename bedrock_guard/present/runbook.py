"""A runbook as text and as a list with its commands; showing it runs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from bedrock_guard.evidence.runbook import Step
from bedrock_guard.evidence.words import visible
from bedrock_guard.present.table import NO_MATH, plain, unbroken
from bedrock_guard.present.terminal import paragraph

if TYPE_CHECKING:
    from bedrock_guard.account.key_page import KeyPage


@dataclass(frozen=True)
class Runbook:
    """Steps with their commands, to read and to copy; showing it runs nothing. A page has a heading above it."""

    title: str
    steps: tuple[Step, ...]

    def text(self, width: int | None = None) -> str:
        """The runbook as plain text, its words broken to fit `width` columns; a command stays one line."""
        lines = [f"If it leaked: {self.title}"]
        for number, step in enumerate(self.steps, start=1):
            lines.append(paragraph(f"{number:2} {step.phase}: {visible(step.what)}{_warned(step)}", width, 3))
            lines += [f"   $ {visible(command)}" for command in step.commands]
            lines += [f"   undo: {visible(step.undo)}"] if step.undo else []
        return "\n".join(lines)

    def html(self) -> str:
        """The runbook as a list, the commands of each step in a block of their own."""
        items = "".join(
            f"<li><b>{escape(step.phase)}</b>: {escape(plain(step.what) + _warned(step))}{_block(step)}</li>"
            for step in self.steps
        )
        return f'<div class="{NO_MATH}"><p>{escape(plain(self.title))}</p><ol>{items}</ol></div>'

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": self.text()}


def _warned(step: Step) -> str:
    return "" if step.reversible else " This cannot be undone."


def _block(step: Step) -> str:
    """The commands as one block to copy, and the way back in another."""
    return _pre("\n".join(map(visible, step.commands))) + (
        _pre(visible(step.undo), "undo: ") if step.undo else ""
    )


def _pre(text: str, before: str = "") -> str:
    wrap = "white-space:pre-wrap;word-break:normal;overflow-wrap:break-word"
    style = f"{wrap};font-family:monospace;margin:0.2em 0 0.4em 1em"
    return f'<pre style="{style}">{before}<code style="{wrap}">{unbroken(text)}</code></pre>' if text else ""


def runbook(page: KeyPage) -> Runbook:
    """What to do if this key leaked, with the commands filled in. Nothing is run."""
    if not page.key:
        return Runbook(f"{page.title} There is nothing to do.", ())
    contain = next((n for n, step in enumerate(page.runbook, start=1) if step.phase == "contain"), None)
    first = f" If it is being used now, take step {contain} first: it stops the caller." if contain else ""
    title = f"{page.title} in account {page.account_id}. Nothing here has been run.{first}"
    return Runbook(title, page.runbook)
