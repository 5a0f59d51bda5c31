"""The server's half of AWS's wire protocols, driven by botocore's service models."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

from bedrock_guard.demo.service import Answer, ServiceError


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A signed request as it would leave the machine."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


class WireProtocol(Protocol):
    """Decodes requests and encodes answers of one wire protocol."""

    def decode(self, operation: OperationModel, request: WireRequest) -> Answer:
        """The operation's input."""
        ...

    def encode(self, operation: OperationModel, answer: Answer, request_id: str) -> WireAnswer:
        """A success."""
        ...

    def encode_error(
        self, model: ServiceModel, error: ServiceError, status: int, request_id: str
    ) -> WireAnswer:
        """A failure."""
        ...


@cache
def service_model(service: str) -> ServiceModel:
    """Botocore's model of a service, by boto3's name of it. Loaded once per process."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def error_status(model: ServiceModel, error: ServiceError) -> int:
    """The status of an error: its own, that of the modelled exception, or 400."""
    if error.status is not None:
        return error.status
    return _modelled_statuses(model.service_name).get(error.code, 400)


@cache
def _modelled_statuses(service: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for shape in service_model(service).error_shapes:
        status = shape.metadata.get("error", {}).get("httpStatusCode")
        if status:
            found[shape.error_code] = status
    return found


def to_time(value: Any) -> datetime:
    """An aware datetime from a datetime, ISO text or seconds since 1970."""
    if isinstance(value, datetime) and value.tzinfo is UTC:
        return value
    if isinstance(value, (int, float)):
        return datetime.fromtimestamp(value, UTC)
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def scalar_from_text(shape: Shape, text: str) -> Any:
    """A value that travelled as text."""
    kind = shape.type_name
    if kind in {"integer", "long"}:
        return int(text)
    if kind in {"float", "double"}:
        return float(text)
    if kind == "boolean":
        return text.strip().lower() == "true"
    if kind == "timestamp":
        return to_time(text)
    return base64.b64decode(text) if kind == "blob" else text


def iso_text(value: Any) -> str:
    """``2026-11-20T12:00:00Z``, with milliseconds where there are some."""
    moment = to_time(value)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds").replace(
        "+00:00", "Z"
    )
