"""What is deployed against what the spec asks, as findings: only where the spec's profile names its targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.caller_names import short
from bedrock_guard.present.note import Note
from bedrock_guard.present.table import Shown
from bedrock_guard.reports.figures import Finding, Severity

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account
    from bedrock_guard.boundary.builder import Built

_SAID: Final[dict[str, tuple[Severity, str]]] = {
    "missing": ("high", "lack what the spec asks"),
    "weaker": ("high", "are held by a weaker boundary than the spec asks"),
    "foreign": ("medium", "have another boundary than the spec asks"),
    "stronger": ("low", "are held by a stronger boundary than the spec asks"),
    "removed": ("low", "are named in the spec and do not exist"),
}
_NAMED: Final = 3


@dataclass(frozen=True)
class Deployed:
    """The rows of `change.drift.drift`; None when the profile names no targets, or they could not be read (`why`)."""

    rows: pd.DataFrame | None
    why: str = ""

    @property
    def findings(self) -> list[Finding]:
        """One finding a state that is not as asked."""
        if self.rows is None:
            return []
        return [found for state in _SAID if (found := self._finding(state))]

    def _finding(self, state: str) -> Finding | None:
        assert self.rows is not None
        own = self.rows[self.rows["state"] == state]
        if own.empty:
            return None
        severity, words = _SAID[state]
        names = [short(name) for name in own["principal"]]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        detail = str(own["detail"].iloc[0])
        text = (
            f"{len(names)} of {len(self.rows)} targets {words}: {', '.join(names[:_NAMED])}{more} ({detail})."
        )
        return Finding(
            id=f"drift:{state}", severity=severity, text=text, evidence=tuple(own["principal"].head(5))
        )

    def shown(self) -> Shown | Note:
        """Every target with its state, worst first."""
        if self.rows is None:
            why = f" It could not be read: {self.why}." if self.why else ""
            return Note(
                (f"The spec's profile names no targets that could be compared with what is deployed.{why}",)
            )
        frame = self.rows[["principal", "state", "detail"]].assign(
            principal=[short(name) for name in self.rows["principal"]]
        )
        return Shown(frame, "Users and roles that the spec names, and what is deployed on them.")


def read_deployed(account: Account, built: Built) -> Deployed:
    """Compare, where there is something to compare with."""
    if not built.profile.targets:
        return Deployed(None)
    from bedrock_guard.change.drift import drift

    try:
        return Deployed(drift(account, built))
    except GuardError as error:
        return Deployed(None, f"{error.what} {error.why}".strip())
