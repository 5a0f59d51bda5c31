"""The parameters of each report, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bedrock_guard.reports.run import BadParameters


class CostSettings(BaseModel):
    """Parameters of the cost report; the notebook's parameters cell holds the same names and defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: str = Field("demo", min_length=1, description="demo, or the name of an AWS profile")
    spec: str = Field("", description="path of the spec; empty takes the shipped example")
    days: int = Field(28, ge=1, le=395, description="whole UTC days, ending two days before now")
    budget_usd: Decimal | None = Field(
        None, gt=0, description="a finding when the window's spend is above it"
    )
    coverage_floor_percent: float = Field(98.0, ge=0, le=100, description="below it the headline is withheld")
    time_zone: str = Field("UTC", description="zone in which times are shown; days stay UTC")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("is no time zone of the IANA list")
        return value


SETTINGS: Final[Mapping[str, type[BaseModel]]] = {"cost": CostSettings}


def read_parameters(name: str, given: Mapping[str, Any], pairs: Sequence[str]) -> dict[str, Any]:
    """Check `given` and the NAME=VALUE `pairs` against a report's own parameters.

    Returns:
        What papermill is handed: only what was given, as plain JSON values.

    Raises:
        BadParameters: an unknown report or name, a value out of type or range.

    """
    model = SETTINGS.get(name)
    if model is None:
        raise BadParameters(f"There is no report {name!r}.", remedy=f"Choose one of {', '.join(SETTINGS)}.")
    values = dict(given) | dict(_pair(text) for text in pairs)
    try:
        checked = model.model_validate(values)
    except ValidationError as error:
        raise BadParameters("A parameter does not fit.", why=_reasons(error), remedy=_names(model)) from error
    return checked.model_dump(mode="json", include=set(values))


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise BadParameters(f"{text!r} is no NAME=VALUE.", remedy="Write for example --param days=28.")
    return name.strip(), value


def _reasons(error: ValidationError) -> str:
    found = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False)]
    return "; ".join(found[:3]) + (f" (and {len(found) - 3} more)" if len(found) > 3 else "")


def _names(model: type[BaseModel]) -> str:
    return "Parameters: " + "; ".join(f"{n} ({f.description})" for n, f in model.model_fields.items())
