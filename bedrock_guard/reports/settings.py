"""The parameters of each report, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bedrock_guard.errors import GuardError
from bedrock_guard.reports.figures import Severity
from bedrock_guard.reports.misfits import nearest, reasons, remedies


class BadParameters(GuardError):  # noqa: N818 - reads as what happened
    """A parameter is unknown to the report, or its value does not fit."""

    exit_status = 2


class Settings(BaseModel):
    """What every report takes; a notebook's parameters cell holds the same names and defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: str = Field("demo", min_length=1, description="demo, or the name of an AWS profile")
    region: str = Field("", description="Region of the session; empty takes the profile's")
    spec: str = Field("", description="path of the spec; empty takes the shipped example")
    calls: str = Field(
        "",
        description="folder of a trail store (bedrock-guard calls --store); empty asks CloudTrail's event history",
    )
    previous: str = Field("", description="folder of earlier runs; the runner sets it to the output folder")
    exception_days: int = Field(
        14, ge=0, le=365, description="an exception that ended, or ends within so many days"
    )
    commitment_days: int = Field(
        45, ge=0, le=730, description="a commitment that ends within so many days; 0 never speaks"
    )
    alarm_from: Severity = Field("low", description="lowest severity that makes the exit status 1")
    time_zone: str = Field(
        "UTC", description="the zone in which times are shown, such as Europe/Berlin; days stay UTC"
    )

    @field_validator("*")
    @classmethod
    def _only_what_is_seen(cls, value: Any) -> Any:
        if isinstance(value, str) and not value.isprintable():
            raise ValueError("has a sign in it that cannot be seen")
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        zones = available_timezones()
        if value not in zones:  # of CEST no other abbreviation is the nearest
            places = [zone for zone in zones if "/" in zone or zone.lower() == value.lower()]
            raise ValueError(f"is no time zone of the IANA list{nearest(value, places)}")
        return value

    @property
    def zone(self) -> tzinfo:
        """The zone of `time_zone`."""
        return ZoneInfo(self.time_zone)


class CostSettings(Settings):
    """Parameters of the cost report."""

    days: int = Field(28, ge=1, le=395, description="whole UTC days, ending two days before now")
    budget_usd: Decimal | None = Field(
        None, gt=0, description="a finding when the window's spend is above it"
    )
    growth_percent: Decimal | None = Field(
        Decimal(50), ge=0, description="a finding when spend grew more against the days before; None never"
    )
    unapproved_usd: Decimal | None = Field(
        Decimal(0), ge=0, description="a finding when more would be refused by the spec; None never"
    )
    unmapped_usd: Decimal | None = Field(
        Decimal(0), ge=0, description="a finding when more names no known model; None never"
    )
    coverage_floor_percent: Decimal = Field(
        Decimal(98), ge=0, le=100, description="below it the headline is withheld"
    )


class KeySettings(Settings):
    """Parameters of the key usage report."""

    days: int = Field(90, ge=1, le=90, description="days up to now; event history reaches no further than 90")
    key_age_days: int | None = Field(
        None,
        ge=1,
        le=36_600,
        description="age of a key's secret above which it is old; None takes the spec's [findings], else 90",
    )
    expiring_days: int | None = Field(
        None,
        ge=0,
        le=365,
        description="a key that ends within so many days; 0 never speaks; None takes the spec's [findings], else 14",
    )
    denied_calls: int | None = Field(
        None,
        ge=2,
        le=100_000,
        description="so many denied calls of one caller are a finding; None takes the spec's [findings], else 5",
    )
    denied_minutes: int | None = Field(
        None, ge=1, le=1440, description="within so many minutes; None takes the spec's [findings], else 60"
    )
    key: str = Field(
        "", description="the key whose page is shown; empty takes the one with the most findings"
    )


SETTINGS: Final[Mapping[str, type[Settings]]] = {"cost": CostSettings, "keys": KeySettings}


def settings_of(name: str) -> type[Settings]:
    """The parameters of a report.

    Raises:
        BadParameters: there is no such report.

    """
    if name not in SETTINGS:
        raise BadParameters(f"There is no report {name!r}.", remedy=f"Choose one of {', '.join(SETTINGS)}.")
    return SETTINGS[name]


def read_parameters(name: str, given: Mapping[str, Any], pairs: Sequence[str] = ()) -> dict[str, Any]:
    """Check `given` and the NAME=VALUE `pairs` (which win) against a report's own parameters.

    Returns:
        What papermill is handed: only what was given, as plain JSON values, paths made absolute.

    Raises:
        BadParameters: an unknown report or name, a value out of type or range, a spec that cannot be used, a profile
            that does not exist.

    """
    model = settings_of(name)
    values = dict(given) | dict(_pair(text) for text in pairs)
    try:
        checked = model.model_validate(values)
    except ValidationError as error:
        raise BadParameters(
            "A parameter does not fit.", why=reasons(error, model.model_fields), remedy=remedies(model, error)
        ) from error
    _check_spec(checked.spec)
    _check_account(checked.account)
    _check_store(checked.calls)
    _check_region(checked.region)
    _check_previous(checked.previous)
    found = checked.model_dump(mode="json", include=set(values))
    paths = {
        key: str(Path(found[key]).expanduser().resolve())
        for key in ("spec", "previous", "calls")
        if found.get(key)
    }
    return found | paths


def _check_spec(path: str) -> None:
    from bedrock_guard.account.investigation import thresholds_of

    if not path:
        return
    try:
        thresholds_of(Path(path).expanduser())
    except GuardError as error:
        raise BadParameters(
            f"The spec cannot be used: {error.what}",
            why=error.why,
            remedy=error.remedy or "Correct the file; `bedrock-guard build` reads it too.",
        ) from error


def _check_store(path: str) -> None:
    from bedrock_guard.account.stored_calls import opened

    if not path:
        return
    try:
        opened(Path(path).expanduser())
    except GuardError as error:
        raise BadParameters(error.what, why=error.why, remedy=error.remedy) from error


def _check_region(name: str) -> None:
    from botocore.exceptions import UnknownRegionError
    from botocore.session import Session

    if not name:
        return
    try:
        Session().get_partition_for_region(name)
    except UnknownRegionError as error:
        raise BadParameters(
            f"{name!r} is no Region of AWS.", remedy="Write for example us-east-1."
        ) from error


def _check_previous(path: str) -> None:
    if path and not Path(path).expanduser().is_dir():
        raise BadParameters(
            f"There is no folder {path} with earlier runs.",
            remedy="Leave `previous` out: earlier runs are taken from --out.",
        )


def _check_account(name: str) -> None:
    from bedrock_guard.account.session import unknown_profile

    if error := unknown_profile(name):
        raise BadParameters(error.what, why=error.why, remedy=error.remedy)


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise BadParameters(f"{text!r} is no NAME=VALUE.", remedy="Write for example --param days=28.")
    return name.strip(), None if value in {"None", "null"} else value
