"""What a report says, as data: every figure with its provenance, the findings, and what could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.tables import Completeness, Provenance

MIME: Final = "application/vnd.bedrock-guard.figures+json"
"""The output by which a notebook hands its figures to the runner."""
NAMES_MIME: Final = "application/vnd.bedrock-guard.names+json"
"""The output by which it hands over the names that pseudonyms replace; the runner takes it out of the notebook."""

Severity = Literal["high", "medium", "low"]
GRAVITY: Final[Mapping[str, int]] = {"high": 0, "medium": 1, "low": 2}
FILE: Final = "figures.json"


class UnreadableFigures(GuardError):  # noqa: N818 - says what they are
    """A figures.json that is none, or of another version."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Value):
    """Where figures come from: what was read, for which window, when, at what price, and how whole it is."""

    name: str
    window_start: datetime | None = None
    window_end: datetime | None = None
    asked_at: datetime | None = None
    requests: int = 0
    request_cost_usd: str = "0"
    completeness: Completeness = "complete"
    why: str = ""

    @classmethod
    def of(cls, proof: Provenance) -> Self:
        """The provenance of a table as data."""
        return cls(
            name=proof.source,
            window_start=proof.window_start,
            window_end=proof.window_end,
            asked_at=proof.asked_at,
            requests=proof.requests,
            request_cost_usd=f"{proof.request_cost_usd:f}",
            completeness=proof.completeness,
            why=proof.why,
        )


class Figure(_Value):
    """One number or text that the report shows. `value` is None when it is not known; `why` then says why."""

    label: str
    value: str | None
    unit: str
    source: str
    completeness: Completeness
    why: str = ""

    @model_validator(mode="after")
    def _unknown_says_why(self) -> Self:
        if self.value is None and (self.completeness != "unknown" or not self.why):
            raise ValueError("a figure without a value is unknown and says why")
        return self

    @property
    def number(self) -> Decimal | None:
        """The value as a number; None where it is none or not known."""
        try:
            found = Decimal(self.value) if self.value is not None else None
        except ArithmeticError:
            return None
        return found if found is not None and found.is_finite() else None


class Finding(_Value):
    """Something a person has to look at, `about` somebody. `new` is None where no earlier run can tell."""

    id: str
    severity: Severity
    text: str
    about: str = ""
    evidence: tuple[str, ...] = ()
    completeness: Completeness = "complete"
    new: bool | None = None


class Figures(_Value):
    """Everything a report shows, and whether it is whole.

    `gaps` are what should have been read and was not: with one of them the run ends with status 3. A figure that is
    "at least" by the nature of its source is no gap. `lead` is what it comes to, a sentence each; `pseudonyms` marks
    the key that names were replaced with.
    """

    report: str
    schema_version: Literal[2] = 2
    account_id: str
    window_start: datetime
    window_end: datetime
    made_at: datetime
    time_zone: str = "UTC"
    sources: dict[str, Source]
    figures: dict[str, Figure]
    findings: tuple[Finding, ...] = ()
    gaps: tuple[str, ...] = ()
    lead: tuple[str, ...] = ()
    compared_with: datetime | None = None
    alarm_from: Annotated[Severity, Field(description="lowest severity that makes the status 1")] = "low"
    pseudonyms: str = ""

    @model_validator(mode="after")
    def _sources_are_named(self) -> Self:
        stray = sorted({figure.source for figure in self.figures.values()} - set(self.sources))
        if stray:
            raise ValueError(f"figures name sources that are not listed: {', '.join(stray)}")
        return self

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """The findings that count for the exit status."""
        return tuple(f for f in self.findings if GRAVITY[f.severity] <= GRAVITY[self.alarm_from])

    @property
    def exit_status(self) -> int:
        """0 fine, 1 findings, 3 incomplete data; incomplete outweighs findings."""
        if self.gaps:
            return 3
        return 1 if self.alarms else 0

    def json_text(self) -> str:
        """The file's text."""
        return self.model_dump_json(indent=1) + "\n"

    def line(self) -> str:
        """One line of text."""
        known = sum(figure.value is not None for figure in self.figures.values())
        return f"{known} of {len(self.figures)} figures known, {len(self.findings)} findings, {len(self.gaps)} gaps"


class HandedOver:
    """What a report's last cell shows: its figures, and beside them the names that pseudonyms replace."""

    def __init__(self, figures: Figures, names: Mapping[str, str]) -> None:
        self.figures = figures
        self.names = dict(names)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        data = self.figures.model_dump(mode="json")
        return {MIME: data, NAMES_MIME: self.names, "text/plain": self.figures.line()}


def sources_of(proofs: Mapping[str, Provenance]) -> dict[str, Source]:
    """Provenances by table as data."""
    return {name: Source.of(proof) for name, proof in proofs.items()}


def read_figures(path: Path) -> Figures:
    """A figures.json, validated.

    Raises:
        UnreadableFigures: it is missing, no JSON, or does not fit the schema.

    """
    try:
        return Figures.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise UnreadableFigures(
            f"{path.parent.name}/{path.name} cannot be read.", why=first, remedy="Move it away."
        ) from error


def schema() -> dict[str, Any]:
    """The JSON Schema of figures.json, for other programs."""
    return Figures.model_json_schema() | {"$schema": "https://json-schema.org/draft/2020-12/schema"}
