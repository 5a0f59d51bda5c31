"""The one family of errors: what happened, why, and what to do about it."""

from __future__ import annotations

from html import escape
from typing import Final

WHY: Final = " Why: "
"""What stands before the reason in an error's text."""
REMEDY: Final = " Do: "
"""What stands before the remedy in an error's text."""


class GuardError(Exception):
    """An error a person can act on.

    Args:
        what: one sentence saying what did not work.
        why: the reason, as far as it is known.
        remedy: what to do next.

    Example:
        >>> print(GuardError("No spec file.", why="guard.toml is not here.", remedy="Give its path."))
        No spec file. Why: guard.toml is not here. Do: Give its path.
    """

    def __init__(self, what: str, *, why: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        why = f"{WHY}{self.why}" if self.why else ""
        remedy = f"{REMEDY}{self.remedy}" if self.remedy else ""
        return f"{self.what}{why}{remedy}"

    def _repr_html_(self) -> str:
        rows = [("What", self.what), ("Why", self.why), ("Do", self.remedy)]
        cells = "".join(f"<dt><b>{name}</b></dt><dd>{escape(text)}</dd>" for name, text in rows if text)
        return f'<dl role="alert">{cells}</dl>'
