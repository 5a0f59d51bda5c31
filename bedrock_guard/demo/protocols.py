"""Which wire protocol a service speaks."""

from __future__ import annotations

from functools import cache
from typing import Final

from bedrock_guard.demo.protocol import WireProtocol, service_model
from bedrock_guard.demo.protocol_json import Json, RestJson
from bedrock_guard.demo.protocol_query import Ec2Query, Query

_SPOKEN: Final[dict[str, type[WireProtocol]]] = {
    "query": Query,
    "ec2": Ec2Query,
    "json": Json,
    "rest-json": RestJson,
}


@cache
def protocol_of(service: str) -> WireProtocol:
    """The wire protocol of a service, by boto3's name of it.

    Raises:
        LookupError: the demo does not speak it.
    """
    name = service_model(service).resolved_protocol
    if name not in _SPOKEN:
        raise LookupError(f"the demo does not speak {name}")
    return _SPOKEN[name]()
