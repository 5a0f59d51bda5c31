"""Lines of text for a notebook: a headline, a remark, or lines to copy. Escaped at the last step."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any, Final, Literal

from bedrock_guard.evidence.words import visible
from bedrock_guard.present.table import NO_MATH, plain, unbroken
from bedrock_guard.present.terminal import COMMAND, paragraph

_LINE: Final = 2000
_FEW: Final = 8
"""Lines to copy that are shown at once; more are folded away."""


@dataclass(frozen=True, slots=True)
class Note:
    """Text as a notebook and a terminal show it.

    Args:
        lines: one paragraph each, or one line each when they are to be copied.
        kind: headline (the first line large), remark, or copy.
    """

    lines: tuple[str, ...]
    kind: Literal["headline", "remark", "copy"] = "remark"

    def text(self, width: int | None = None) -> str:
        """The lines as plain text, broken between words to fit `width` columns; a line with a command stays whole."""
        return "\n".join(paragraph(line, width) for line in self._said())

    def html(self) -> str:
        """The lines as HTML."""
        said = [unbroken(line) if COMMAND in line else escape(line) for line in self._said()]
        if self.kind == "copy":
            lines = f'<pre class="{NO_MATH}">{chr(10).join(said)}</pre>'
            return (
                lines
                if len(said) <= _FEW
                else f"<details><summary>{len(said)} lines to copy</summary>{lines}</details>"
            )
        if self.kind == "headline" and said:
            said[0] = f'<b style="font-size:1.25em">{said[0]}</b>'
        body = "".join(f"<p>{line}</p>" for line in said)
        css = NO_MATH if self.kind == "headline" else f"note {NO_MATH}"
        return f'<div role="status" class="{css}">{body}</div>'

    def _said(self) -> list[str]:
        """Control characters shown; lines to copy are never cut."""
        if self.kind != "copy":
            return [plain(line, limit=_LINE) for line in self.lines]
        return [visible(line) for line in self.lines]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": self.text()}
