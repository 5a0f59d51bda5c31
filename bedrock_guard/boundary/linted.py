"""What lint says of the documents that were built, and why the builder means what it finds.

A reason stands with the control whose statement is found fault with (`Control.accepted`). It is shown beside the
finding; a finding without one shows all the same, and so does one in a statement that another control shares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from bedrock_guard.boundary.builder import Built
from bedrock_guard.boundary.controls import by_id
from bedrock_guard.boundary.controls.model import Accepted
from bedrock_guard.boundary.packing import POLICY_KINDS, Packed, minified
from bedrock_guard.iam.document import read
from bedrock_guard.iam.lint import Finding, lint
from bedrock_guard.iam.lint_model import quoted

_FULL: Final = Accepted(
    "near-quota", "", "A document is filled before another is opened; how full each is stands with the sizes."
)


@dataclass(frozen=True, slots=True)
class Noted:
    """A finding of lint in one built document, and why it is meant; `accepted` is empty where nobody said so."""

    document: str
    finding: Finding
    accepted: str

    def __str__(self) -> str:
        """One line."""
        because = f" Meant: {self.accepted}" if self.accepted else ""
        return f"{self.document}: {self.finding}{because}"


def linted(built: Built, tick: Callable[[], None] | None = None) -> tuple[Noted, ...]:
    """Every finding, document by document, errors first; `tick` is called before each, and may stop it by raising.

    Example:
        >>> from bedrock_guard.boundary.builder import build
        >>> from bedrock_guard.boundary.scenarios import full_spec
        >>> [noted.finding.rule.id for noted in linted(build(full_spec())) if not noted.accepted]
        []
    """
    found: list[Noted] = []
    for packed in built.packed:
        if tick:
            tick()
        findings = lint(read(minified(packed.document), POLICY_KINDS[packed.kind]))
        found += [Noted(packed.name, finding, _why(packed, finding)) for finding in findings]
    return tuple(found)


def _why(packed: Packed, finding: Finding) -> str:
    """The reasons of every control in the statement; nothing where one of them gives none."""
    if finding.sid is None:
        return _FULL.why if finding.rule.id == _FULL.rule else ""
    found = [_reason(by_id(name).accepted, finding) for name in packed.controls.get(finding.sid, ())]
    return " ".join(dict.fromkeys(found)) if all(found) else ""


def _reason(accepted: Iterable[Accepted], finding: Finding) -> str:
    return next((one.why for one in accepted if _is_about(one, finding)), "")


def _is_about(one: Accepted, finding: Finding) -> bool:
    here = (f".{one.place}", f"[{quoted(one.place)}]")
    return (
        one.rule == finding.rule.id
        and any(place in finding.path for place in here)
        and fnmatchcase(finding.value, one.value)
    )
