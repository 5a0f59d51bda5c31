"""What a report says, as data: every figure with its provenance, and the findings."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

MIME: Final = "application/vnd.bedrock-guard.figures+json"
"""The output by which a notebook hands its figures to the runner."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(_Value):
    """One number or text that the report shows. `value` is None when it is not known; `why` then says why."""

    value: str | None
    unit: str
    source: str
    completeness: Literal["complete", "floor", "unknown"]
    why: str = ""


class Finding(_Value):
    """Something a person has to look at."""

    id: str
    severity: Literal["high", "medium", "low"]
    text: str
    evidence: tuple[str, ...] = ()


class Figures(_Value):
    """Everything a report shows, and whether it is whole."""

    report: str
    schema_version: Literal[1] = 1
    account_id: str
    window_start: datetime
    window_end: datetime
    made_at: datetime
    figures: dict[str, Figure]
    findings: tuple[Finding, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every figure is complete."""
        return all(figure.completeness == "complete" for figure in self.figures.values())

    @property
    def exit_status(self) -> int:
        """0 fine, 1 findings, 3 incomplete data."""
        if not self.complete:
            return 3
        return 1 if self.findings else 0

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        known = sum(figure.value is not None for figure in self.figures.values())
        text = f"{known} of {len(self.figures)} figures known, {len(self.findings)} findings"
        return {MIME: self.model_dump(mode="json"), "text/plain": text}
