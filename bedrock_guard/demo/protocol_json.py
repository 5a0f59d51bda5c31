"""The JSON protocols: ``json`` (CloudTrail, Cost Explorer, Organizations) and ``rest-json`` (Bedrock)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from bedrock_guard.demo.protocol import WireAnswer, WireRequest, iso_text, scalar_from_text, to_time
from bedrock_guard.demo.service import Answer, ServiceError

_LABEL = re.compile(r"\{(\w+)(\+?)\}")


class Json:
    """Everything in the body, the operation in ``X-Amz-Target``."""

    def decode(self, operation: OperationModel, request: WireRequest) -> Answer:
        """The input in the body. Raises ServiceError for a body that is no JSON object."""
        if operation.input_shape is None:
            return {}
        decoded: Answer = _decode(operation.input_shape, _object(request.body))
        return decoded

    def encode(self, operation: OperationModel, answer: Answer, request_id: str) -> WireAnswer:
        """The answer as one JSON object."""
        shape = operation.output_shape
        content = {} if shape is None else _encode(shape, answer)
        return _json(200, content, request_id, "application/x-amz-json-1.1")

    def encode_error(
        self, model: ServiceModel, error: ServiceError, status: int, request_id: str
    ) -> WireAnswer:
        """``__type`` and ``message``, with the modelled exception's further members."""
        del model
        content = {"__type": error.code, "message": error.message, "Message": error.message, **error.fields}
        return _json(status, content, request_id, "application/x-amz-json-1.1")


class RestJson:
    """Members in the path, the query string, the headers and the body."""

    def decode(self, operation: OperationModel, request: WireRequest) -> Answer:
        """The input from wherever the model puts it."""
        shape = operation.input_shape
        if shape is None:
            return {}
        url = urlsplit(request.url)
        query = parse_qs(url.query, keep_blank_values=True)
        labels = _labels(operation.http["requestUri"], url.path)
        headers = {name.lower(): value for name, value in request.headers.items()}
        found = self._body(shape, request.body)
        for key, member in shape.members.items():
            name = member.serialization.get("name", key)
            place = member.serialization.get("location")
            if place == "uri" and name in labels:
                found[key] = scalar_from_text(member, labels[name])
            elif place == "querystring" and name in query:
                found[key] = _from_query(member, query[name])
            elif place == "header" and name.lower() in headers:
                found[key] = scalar_from_text(member, headers[name.lower()])
        return found

    def _body(self, shape: StructureShape, body: bytes) -> Answer:
        payload = shape.serialization.get("payload")
        if payload is None:
            decoded: Answer = _decode(shape, _object(body))
            return decoded
        member = shape.members[payload]
        return (
            {payload: body if member.type_name == "blob" else _decode(member, _object(body))} if body else {}
        )

    def encode(self, operation: OperationModel, answer: Answer, request_id: str) -> WireAnswer:
        """The answer as JSON; members that travel in headers are put there."""
        shape = operation.output_shape
        status = int(operation.http.get("responseCode", 200))
        if shape is None:
            return _json(status, {}, request_id, "application/json")
        in_headers = {k: m for k, m in shape.members.items() if m.serialization.get("location") == "header"}
        wire = _json(
            status,
            _encode(shape, {k: v for k, v in answer.items() if k not in in_headers}),
            request_id,
            "application/json",
        )
        for key, member in in_headers.items():
            if answer.get(key) is not None:
                wire.headers[member.serialization.get("name", key)] = str(answer[key])
        return wire

    def encode_error(
        self, model: ServiceModel, error: ServiceError, status: int, request_id: str
    ) -> WireAnswer:
        """The code travels in ``x-amzn-ErrorType``."""
        del model
        wire = _json(status, {"message": error.message, **error.fields}, request_id, "application/json")
        wire.headers["x-amzn-ErrorType"] = error.code
        return wire


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        raise ServiceError("SerializationException", "The request body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise ServiceError("SerializationException", "Start of structure or map found where not expected.")
    return value


def _labels(template: str, path: str) -> dict[str, str]:
    parts = _LABEL.split(template.partition("?")[0])
    pattern = "".join(
        re.escape(part) if i % 3 == 0 else f"(?P<{part}>{'.+' if parts[i + 1] else '[^/]+'})"
        for i, part in enumerate(parts)
        if i % 3 != 2
    )
    match = re.fullmatch(pattern, path)
    return {} if match is None else {name: unquote(value) for name, value in match.groupdict().items()}


def _from_query(shape: Shape, values: list[str]) -> Any:
    if isinstance(shape, ListShape):
        return [scalar_from_text(shape.member, value) for value in values]
    return scalar_from_text(shape, values[0])


_JSON_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, str),
    "blob": (str,),
    "list": (list,),
    "map": (dict,),
    "structure": (dict,),
}


def _decode(shape: Shape, value: Any) -> Any:
    """A value of a request. Raises TypeError for one that is not of its shape's type, as a client would not send it."""
    if value is None:
        return None
    if isinstance(shape, StructureShape) and shape.is_document_type:
        return value
    types = _JSON_TYPES[shape.type_name]
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise TypeError(f"{type(value).__name__} is no {shape.type_name}")
    return _decode_inside(shape, value)


def _decode_inside(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        names = {m.serialization.get("name", k): (k, m) for k, m in shape.members.items()}
        return {
            names[n][0]: _decode(names[n][1], v) for n, v in value.items() if n in names and v is not None
        }
    if isinstance(shape, ListShape):
        return [_decode(shape.member, v) for v in value]
    if isinstance(shape, MapShape):
        return {k: _decode(shape.value, v) for k, v in value.items()}
    if shape.type_name == "timestamp":
        return to_time(value)
    return base64.b64decode(value) if shape.type_name == "blob" else value


_Encoder = Callable[[Any], Any]


def _encode(shape: Shape, value: Any) -> Any:
    encoder = _encoder(shape)
    return value if encoder is None else encoder(value)


@cache
def _encoder(shape: Shape) -> _Encoder | None:
    """How a shape is written, worked out once; None where a value travels as it is, as most do."""
    return _Encoders().of(shape)


class _Encoders:
    """Makes the encoders below one shape; a shape that contains itself finds its own when it runs."""

    def __init__(self) -> None:
        self._known: dict[str, _Encoder | None] = {}

    def of(self, shape: Shape) -> _Encoder | None:
        if shape.name not in self._known:
            self._known[shape.name] = partial(self._later, shape.name)
            self._known[shape.name] = self._make(shape)
        return self._known[shape.name]

    def _later(self, name: str, value: Any) -> Any:
        encoder = self._known[name]
        return value if encoder is None else encoder(value)

    def _make(self, shape: Shape) -> _Encoder | None:
        if isinstance(shape, StructureShape):
            return self._structure(shape)
        if isinstance(shape, ListShape):
            return _each_item(self.of(shape.member))
        if isinstance(shape, MapShape):
            return _each_value(self.of(shape.value))
        if shape.type_name == "timestamp":
            iso = shape.serialization.get("timestampFormat") == "iso8601"
            return iso_text if iso else lambda value: to_time(value).timestamp()
        return (lambda value: base64.b64encode(value).decode()) if shape.type_name == "blob" else None

    def _structure(self, shape: StructureShape) -> _Encoder | None:
        if shape.is_document_type:
            return None
        encoders = {key: found for key, member in shape.members.items() if (found := self.of(member))}
        names = {key: member.serialization.get("name", key) for key, member in shape.members.items()}
        renamed = {key: name for key, name in names.items() if key != name}

        def structure(value: dict[str, Any]) -> dict[str, Any]:
            wire = dict(value)
            for key, encode in encoders.items():
                if wire.get(key) is not None:
                    wire[key] = encode(wire[key])
            return {renamed.get(key, key): item for key, item in wire.items()} if renamed else wire

        return structure if encoders or renamed else None


def _each_item(encode: _Encoder | None) -> _Encoder | None:
    return None if encode is None else lambda value: [encode(item) for item in value]


def _each_value(encode: _Encoder | None) -> _Encoder | None:
    return None if encode is None else lambda value: {key: encode(item) for key, item in value.items()}


def _json(status: int, content: Any, request_id: str, content_type: str) -> WireAnswer:
    headers = {"Content-Type": content_type, "x-amzn-RequestId": request_id}
    return WireAnswer(status, headers, json.dumps(content, default=float).encode())
