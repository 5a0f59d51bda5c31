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

_NESTED = 2


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
    time_zone: str = Field("UTC", description="zone in which times are shown; days stay UTC")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("is no time zone of the IANA list")
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
    expiring_days: int = Field(
        14, ge=0, le=365, description="a key that ends within so many days; 0 never speaks"
    )
    denied_calls: int = Field(5, ge=2, le=100_000, description="denied calls of one caller...")
    denied_minutes: int = Field(60, ge=1, le=1440, description="...within so many minutes")
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
            "A parameter does not fit.", why=reasons(error), remedy=_help(model, error)
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


def read_file(path: Path) -> dict[str, Any]:
    """Parameters of a YAML file: one mapping of names to plain values.

    Raises:
        BadParameters: it cannot be read, or is no such mapping.

    Example:
        days: 7
        budget_usd: 900

    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        _check_flat(path, text)
        held = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        first = str(error).splitlines()[0]
        raise BadParameters(
            f"{path} cannot be read.", why=first, remedy="Give a YAML file of NAME: VALUE lines."
        ) from error
    if held is None:
        return {}
    if not isinstance(held, dict) or not all(isinstance(key, str) for key in held):
        raise BadParameters(f"{path} is no list of parameters.", remedy="Write NAME: VALUE lines.")
    return {
        key: value if isinstance(value, (int, float, str, type(None))) else str(value)
        for key, value in held.items()
    }


def _check_flat(path: Path, text: str) -> None:
    """Names once each, with one value: no alias that grows, no nesting without end, no name that wins over itself."""
    import yaml

    depth, scalars = 0, list[str]()
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise BadParameters(f"{path} has an alias (*{event.anchor}).", remedy="Write NAME: VALUE lines.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _NESTED:
            raise BadParameters(f"{path} nests values in values.", remedy="Write NAME: VALUE lines.")
        if depth == 1 and isinstance(event, (yaml.ScalarEvent, yaml.CollectionEndEvent)):
            scalars.append(event.value if isinstance(event, yaml.ScalarEvent) else "")
    names = scalars[::2]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadParameters(f"{path} gives a name twice: {', '.join(twice)}.", remedy="Keep one of them.")


def _check_spec(path: str) -> None:
    from bedrock_guard.account.investigation import thresholds_of

    if not path:
        return
    try:
        thresholds_of(Path(path).expanduser())
    except GuardError as error:
        raise BadParameters(
            f"The spec cannot be used: {error.what}", why=error.why, remedy=error.remedy
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
    if name in {"demo", "default"}:
        return
    import boto3

    known = boto3.Session().available_profiles
    if name not in known:
        raise BadParameters(
            f"There is no AWS profile {name!r}.",
            why=f"The AWS configuration has {', '.join(known) or 'none'}.",
            remedy="Give demo, default (boto3's own choice, such as a role of the machine), or a profile.",
        )


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise BadParameters(f"{text!r} is no NAME=VALUE.", remedy="Write for example --param days=28.")
    return name.strip(), None if value in {"None", "null"} else value


def reasons(error: ValidationError) -> str:
    """Which values do not fit and why, the first three."""
    told = [
        f"{name}: is no parameter of it" if kind == "extra_forbidden" else f"{name}: {words}"
        for name, kind, words in _faults(error)
    ]
    return "; ".join(told[:3]) + (f" (and {len(told) - 3} more)" if len(told) > 3 else "")


def _faults(error: ValidationError) -> list[tuple[str, str, str]]:
    """Name, pydantic's kind of error, its words."""
    return [
        (".".join(map(str, e["loc"])), e["type"], e["msg"].removeprefix("Value error, "))
        for e in error.errors(include_url=False)
    ]


def _help(model: type[BaseModel], error: ValidationError) -> str:
    """What the parameters at fault are; every name where one is unknown."""
    faults = _faults(error)
    known = {name: field.description for name, field in model.model_fields.items()}
    told = [f"{name} is {known[name]}." for name, _, _ in faults if name in known]
    if any(kind == "extra_forbidden" for _, kind, _ in faults):
        told.append(f"Its parameters are {', '.join(known)}.")
    return " ".join(told)
