"""The query protocol (IAM, STS, SNS) and EC2's dialect of it: form fields in, XML out."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from bedrock_guard.demo.protocol import WireAnswer, WireRequest, iso_text, scalar_from_text
from bedrock_guard.demo.service import Answer, ServiceError

Tree = dict[str, Any]
_VALUE = ""
_PLAIN = re.compile(r"[^&<>\r]*\Z")


class Query:
    """``application/x-www-form-urlencoded`` requests, XML answers."""

    def decode(self, operation: OperationModel, request: WireRequest) -> Answer:
        """The input behind the form fields."""
        if operation.input_shape is None:
            return {}
        tree = _tree(parse_qsl(request.body.decode(), keep_blank_values=True))
        decoded: Answer = self._decode(operation.input_shape, tree)
        return decoded

    def encode(self, operation: OperationModel, answer: Answer, request_id: str) -> WireAnswer:
        """The answer as XML under ``<OperationResponse><OperationResult>``."""
        shape = operation.output_shape
        inner = "" if shape is None else _members(shape, answer)
        if shape is not None:
            wrapper = shape.serialization.get("resultWrapper", f"{operation.name}Result")
            inner = f"<{wrapper}>{inner}</{wrapper}>"
        space = operation.service_model.metadata.get("xmlNamespace", "")
        body = (
            f'<{operation.name}Response xmlns="{space}">{inner}'
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation.name}Response>"
        )
        return _xml(200, body, request_id)

    def encode_error(
        self, model: ServiceModel, error: ServiceError, status: int, request_id: str
    ) -> WireAnswer:
        """``<ErrorResponse>``."""
        fault = "Sender" if status < 500 else "Receiver"
        body = (
            f'<ErrorResponse xmlns="{model.metadata.get("xmlNamespace", "")}"><Error><Type>{fault}</Type>'
            f"<Code>{escape(error.code)}</Code><Message>{_text(error.message)}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return _xml(status, body, request_id)

    def _decode(self, shape: Shape, node: Tree) -> Any:
        if isinstance(shape, StructureShape):
            found = (
                (key, member, node.get(self._name(key, member))) for key, member in shape.members.items()
            )
            return {key: self._decode(member, sub) for key, member, sub in found if sub is not None}
        if isinstance(shape, ListShape):
            return [self._decode(shape.member, sub) for sub in self._numbered(shape, node)]
        if isinstance(shape, MapShape):
            return self._decode_map(shape, node)
        return scalar_from_text(shape, node.get(_VALUE, ""))

    def _name(self, key: str, member: Shape) -> str:
        if isinstance(member, ListShape) and member.serialization.get("flattened"):
            return str(member.member.serialization.get("name", member.serialization.get("name", key)))
        return str(member.serialization.get("name", key))

    def _numbered(self, shape: ListShape, node: Tree) -> list[Tree]:
        if not shape.serialization.get("flattened"):
            node = node.get(shape.member.serialization.get("name", "member"), {})
        return _in_order(node)

    def _decode_map(self, shape: MapShape, node: Tree) -> dict[str, Any]:
        entries = node if shape.serialization.get("flattened") else node.get("entry", {})
        key_name = shape.key.serialization.get("name", "key")
        value_name = shape.value.serialization.get("name", "value")
        return {e[key_name][_VALUE]: self._decode(shape.value, e[value_name]) for e in _in_order(entries)}


class Ec2Query(Query):
    """EC2: capitalised names, bare numbers in lists, no result wrapper."""

    def encode(self, operation: OperationModel, answer: Answer, request_id: str) -> WireAnswer:
        """The answer as XML directly under ``<OperationResponse>``."""
        inner = "" if operation.output_shape is None else _members(operation.output_shape, answer)
        space = f"http://ec2.amazonaws.com/doc/{operation.service_model.api_version}/"
        name = f"{operation.name}Response"
        body = f'<{name} xmlns="{space}"><requestId>{request_id}</requestId>{inner}</{name}>'
        return _xml(200, body, request_id)

    def encode_error(
        self, model: ServiceModel, error: ServiceError, status: int, request_id: str
    ) -> WireAnswer:
        """``<Response><Errors>``."""
        del model
        body = (
            f"<Response><Errors><Error><Code>{escape(error.code)}</Code><Message>{_text(error.message)}</Message>"
            f"</Error></Errors><RequestID>{request_id}</RequestID></Response>"
        )
        return _xml(status, body, request_id)

    def _name(self, key: str, member: Shape) -> str:
        written = member.serialization.get("queryName")
        if written:
            return str(written)
        name = member.serialization.get("name")
        return key if name is None else name[0].upper() + name[1:]

    def _numbered(self, shape: ListShape, node: Tree) -> list[Tree]:
        del shape
        return _in_order(node)


def _tree(fields: list[tuple[str, str]]) -> Tree:
    """``a.member.1=x`` -> ``{"a": {"member": {"1": {"": "x"}}}}``."""
    root: Tree = {}
    for name, value in fields:
        node = root
        for part in name.split("."):
            node = node.setdefault(part, {})
        node[_VALUE] = value
    return root


def _in_order(node: Tree) -> list[Tree]:
    return [node[n] for n in sorted((k for k in node if k.isdecimal()), key=int)]


def _members(shape: StructureShape, value: Answer) -> str:
    return _inside(shape, "")(value)


_Writer = Callable[[Any], str]


@cache
def _element(shape: Shape, tag: str) -> _Writer:
    """Writes a value of a shape as one element; made once for each shape and tag."""
    inside = _inside(shape, tag)
    if isinstance(shape, ListShape) and shape.serialization.get("flattened"):
        return inside
    start, end = f"<{tag}>", f"</{tag}>"
    return lambda value: f"{start}{inside(value)}{end}"


@cache
def _inside(shape: Shape, tag: str) -> _Writer:
    """Writes what stands between the tags. Members are looked up when it runs: a shape may contain itself."""
    if isinstance(shape, StructureShape):
        named = {
            key: (member, member.serialization.get("name", key)) for key, member in shape.members.items()
        }
        return lambda value: "".join(
            [_element(*named[key])(item) for key, item in value.items() if item is not None]
        )
    if isinstance(shape, ListShape):
        flat = shape.serialization.get("flattened")
        name = shape.member.serialization.get("name", tag if flat else "member")
        return lambda value: "".join(map(_element(shape.member, name), value))
    if isinstance(shape, MapShape):
        key, item = _element(shape.key, "key"), _element(shape.value, "value")
        return lambda value: "".join([f"<entry>{key(k)}{item(v)}</entry>" for k, v in value.items()])
    return _SCALARS.get(shape.type_name, lambda value: _text(str(value)))


_SCALARS: Final[dict[str, _Writer]] = {
    "timestamp": iso_text,
    "boolean": lambda value: "true" if value else "false",
    "blob": lambda value: base64.b64encode(value).decode(),
}


def _text(value: str) -> str:
    if _PLAIN.match(value):
        return value
    # A carriage return would be read back as a line feed unless it is written as a reference.
    return escape(value, {"\r": "&#13;"})


def _xml(status: int, body: str, request_id: str) -> WireAnswer:
    return WireAnswer(status, {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}, body.encode())
