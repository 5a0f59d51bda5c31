"""AWS's own example requests and answers, shipped inside botocore, pass the demo's checks and its wire protocols."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from botocore.awsrequest import prepare_request_dict
from botocore.loaders import Loader
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator

from bedrock_guard.demo.answers import checked_answer
from bedrock_guard.demo.checks import input_problems
from bedrock_guard.demo.protocol import WireRequest, service_model
from bedrock_guard.demo.protocols import protocol_of

SERVICES = ("iam", "sts", "organizations")


def examples(side: str) -> list[Any]:
    found = []
    for service in SERVICES:
        model = Loader().load_service_model(service, "examples-1")
        for operation, cases in model["examples"].items():
            for number, case in enumerate(cases):
                if case.get(side) is not None and (side == "input" or case[side]):
                    found.append(
                        pytest.param(service, operation, case[side], id=f"{service}-{operation}-{number}")
                    )
    return found


def as_wire(service: str, operation: str, parameters: dict[str, Any]) -> WireRequest:
    model = service_model(service)
    serialised = create_serializer(model.resolved_protocol).serialize_to_request(
        parameters, model.operation_model(operation)
    )
    prepare_request_dict(
        serialised, endpoint_url="https://demo.us-east-1.amazonaws.com", context={"is_presign_request": False}
    )
    from botocore.awsrequest import create_request_object

    request = create_request_object(serialised).prepare()
    body = request.body or b""
    return WireRequest(
        request.method, request.url, dict(request.headers), body.encode() if isinstance(body, str) else body
    )


def plain(value: Any) -> Any:
    """Times as aware datetimes whatever they were written as."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value.timestamp() if isinstance(value, datetime) else value


@pytest.mark.parametrize(("service", "operation", "parameters"), examples("input"))
def test_example_request(service: str, operation: str, parameters: dict[str, Any]) -> None:
    model = service_model(service).operation_model(operation)
    if model.input_shape is None:
        assert parameters == {}
        return
    decoded = protocol_of(service).decode(model, as_wire(service, operation, parameters))
    assert decoded == parameters
    assert input_problems(model.input_shape, decoded) == []


@pytest.mark.parametrize(("service", "operation", "answer"), examples("output"))
def test_example_answer(service: str, operation: str, answer: dict[str, Any]) -> None:
    model = service_model(service).operation_model(operation)
    typed = checked_answer(model, answer)
    wire = protocol_of(service).encode(model, typed, "request-1")
    parser = create_parser(service_model(service).resolved_protocol)
    headers = {k.lower(): v for k, v in wire.headers.items()}
    parsed = parser.parse(
        {"status_code": wire.status, "headers": headers, "body": wire.body}, model.output_shape
    )
    parsed.pop("ResponseMetadata")
    assert plain(parsed) == plain(typed)
    assert not ParamValidator().validate(parsed, model.output_shape).has_errors()


def test_there_are_as_many_as_botocore_ships() -> None:
    assert len(examples("input")) + len(examples("output")) >= 175
