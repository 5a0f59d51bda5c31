"""One boto3 session whose requests are answered by the demo account and by nothing else.

``before-send`` is a documented botocore event; a handler that returns a response takes the place of the network.
https://docs.aws.amazon.com/botocore/latest/topics/events.html
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.hooks import HierarchicalEmitter
from botocore.loaders import Loader, create_loader

from bedrock_guard.demo.callers import SECRET
from bedrock_guard.demo.clock import DemoClock
from bedrock_guard.demo.faults import NoAnswer
from bedrock_guard.demo.protocol import WireRequest

if TYPE_CHECKING:
    from bedrock_guard.demo.dispatch import Backend
    from bedrock_guard.demo.service import Caller

# botocore names events by service id; where that is not boto3's name of the service.
SERVICE_OF_ID = {"cost-explorer": "ce"}


def open_session(backend: Backend, caller: Caller, region: str, *, token: str = "") -> boto3.Session:
    """A boto3 session that acts as ``caller`` on the demo account.

    Nothing of the user's own set-up is read: no environment variable, no config or credentials file.
    """
    emitter = _DemoEmitter()
    emitter.clock = backend.state.clock
    core = botocore.session.Session(
        session_vars={name: _without_environment(name) for name in BOTOCORE_DEFAUT_SESSION_VARIABLES},
        event_hooks=emitter,
    )
    core.register_component("data_loader", _models())
    session = boto3.Session(
        aws_access_key_id=caller.access_key,
        aws_secret_access_key=SECRET,
        aws_session_token=token or None,
        region_name=region,
        botocore_session=core,
    )
    session.events.register_last("before-send.*", _Transport(backend), unique_id="bedrock-guard-demo")
    return session


@cache
def _models() -> Loader:
    """One loader for all demo sessions: reading a service model takes longer than answering a hundred calls."""
    return create_loader()


def _without_environment(name: str) -> tuple[Any, None, Any, Any]:
    in_file, _variable, default, convert = BOTOCORE_DEFAUT_SESSION_VARIABLES[name]
    fixed = {
        "config_file": os.devnull,
        "credentials_file": os.devnull,
        "ignore_configured_endpoint_urls": True,
    }
    return in_file, None, fixed.get(name, default), convert


class _DemoEmitter(HierarchicalEmitter):  # type: ignore[misc]  # botocore has no types
    """botocore waits between attempts for what ``needs-retry`` answers: here on the demo clock, in no time."""

    clock: DemoClock

    def emit(self, event_name: str, **kwargs: Any) -> list[tuple[Any, Any]]:
        responses: list[tuple[Any, Any]] = super().emit(event_name, **kwargs)
        if not event_name.startswith("needs-retry."):
            return responses
        wait = next((answer for _, answer in responses if answer is not None), None)
        if wait is None:
            return responses
        self.clock.sleep(wait)
        return [(None, 0)]


class _Transport:
    """Stands where the network was."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __call__(self, request: AWSPreparedRequest, event_name: str, **_more: Any) -> AWSResponse:
        _event, service_id, operation = event_name.split(".")
        wire = WireRequest(request.method, request.url, _headers(request), _body(request.body))
        try:
            answer = self._backend.answer(SERVICE_OF_ID.get(service_id, service_id), operation, wire)
        except NoAnswer as lost:
            error = ReadTimeoutError if lost.reason == "timeout" else ConnectionClosedError
            raise error(endpoint_url=request.url) from None
        return AWSResponse(request.url, answer.status, answer.headers, _Raw(answer.body))


def _headers(request: AWSPreparedRequest) -> dict[str, str]:
    return {k: v.decode() if isinstance(v, bytes) else str(v) for k, v in request.headers.items()}


def _body(body: Any) -> bytes:
    if body is None:
        return b""
    if hasattr(body, "read"):
        body = body.read()
    return body.encode() if isinstance(body, str) else bytes(body)


class _Raw:
    """The part of urllib3's response that botocore reads."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._content

    def read(self, *_: Any, **__: Any) -> bytes:
        content, self._content = self._content, b""
        return content
