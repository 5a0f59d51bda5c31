"""The demo account behind HTTP on this machine's loopback, for the AWS CLI, Terraform and other SDKs.

Example::

    with serve(backend) as server:
        print(server.environment(caller))     # what the AWS CLI needs: endpoint, keys, Region

Listens on 127.0.0.1 only and answers only requests that name a loopback host, so that no web page can reach it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from bedrock_guard.demo.callers import SECRET
from bedrock_guard.demo.dispatch import Backend
from bedrock_guard.demo.errors import NotInDemo
from bedrock_guard.demo.faults import NoAnswer
from bedrock_guard.demo.protocol import WireAnswer, WireRequest, service_model
from bedrock_guard.demo.service import Caller
from bedrock_guard.demo.services import MODULES

LARGEST_BODY = 4 * 1024 * 1024
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_SCOPE = re.compile(r"Credential=[^/,\s]+/\d{8}/[^/]+/([^/]+)/aws4_request")
_LABEL = re.compile(r"\\\{\w+(\\\+)?\\\}")


class Server:
    """A running server. Leaving the ``with`` block stops it."""

    def __init__(self, backend: Backend, port: int) -> None:
        handler = type("_Handler", (_Handler,), {"backend": backend})
        self._http = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._thread = threading.Thread(
            target=self._http.serve_forever, name="bedrock-guard-demo", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def environment(self, caller: Caller, region: str = "us-east-1") -> dict[str, str]:
        """The environment variables that point an AWS tool here, as ``caller``."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": caller.access_key,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def serve(backend: Backend, port: int = 0) -> Server:
    """A server for ``backend``; port 0 takes a free one."""
    return Server(backend, port)


def target_of(wire: WireRequest) -> tuple[str, str]:
    """The service and operation a signed request is for.

    Raises:
        NotInDemo: no service of the demo goes by that signing name, or no operation fits the path.
    """
    headers = {name.lower(): value for name, value in wire.headers.items()}
    scope = _SCOPE.search(headers.get("authorization", ""))
    signed_for = scope.group(1) if scope else ""
    for service in _signed_as().get(signed_for, ()):
        operation = _operation(service, wire, headers)
        if operation is not None:
            return service, operation
    raise NotInDemo(signed_for or "unsigned", urlsplit(wire.url).path)


def _operation(service: str, wire: WireRequest, headers: dict[str, str]) -> str | None:
    protocol = service_model(service).resolved_protocol
    if protocol in {"query", "ec2"}:
        return parse_qs(wire.body.decode("utf-8", "replace")).get("Action", [None])[0]
    if protocol == "json":
        return headers.get("x-amz-target", "").rpartition(".")[2] or None
    path = urlsplit(wire.url).path
    fitting = (
        name for name, method, pattern in _paths(service) if method == wire.method and pattern.fullmatch(path)
    )
    return next(fitting, None)


@cache
def _signed_as() -> dict[str, tuple[str, ...]]:
    """Signing name -> services of the demo."""
    found: dict[str, tuple[str, ...]] = {}
    for service in sorted(MODULES):
        name = service_model(service).signing_name
        found[name] = (*found.get(name, ()), service)
    return found


@cache
def _paths(service: str) -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    """Operation, method and path of a REST service; fixed paths before those with labels."""
    return tuple(sorted(_path_rows(service), key=lambda row: row[2].pattern.count("[^/]+")))


def _path_rows(service: str) -> Iterator[tuple[str, str, re.Pattern[str]]]:
    model = service_model(service)
    for name in model.operation_names:
        http = model.operation_model(name).http
        template = re.escape(http["requestUri"].partition("?")[0])
        pattern = _LABEL.sub(lambda label: ".+" if label.group(1) else "[^/]+", template)
        yield name, http["method"], re.compile(pattern.rstrip("/") + "/?")


class _Handler(BaseHTTPRequestHandler):
    backend: ClassVar[Backend]
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        host = urlsplit(f"//{self.headers.get('Host', '')}").hostname
        length = self.headers.get("Content-Length", "0")
        self.close_connection = host not in _LOOPBACK or not length.isdecimal() or int(length) > LARGEST_BODY
        if host not in _LOOPBACK:
            return self._send(WireAnswer(403, {}, b"This server answers requests to a loopback host only."))
        if self.close_connection:
            return self._send(WireAnswer(413, {}, b"The request is too large."))
        wire = WireRequest(self.command, self.path, dict(self.headers.items()), self.rfile.read(int(length)))
        try:
            service, operation = target_of(wire)
            return self._send(self.backend.answer(service, operation, wire))
        except NotInDemo as missing:
            error = f"<Error><Code>NotInDemo</Code><Message>{escape(missing.what)}</Message></Error>"
            body = f"<ErrorResponse>{error}</ErrorResponse>".encode()
            return self._send(WireAnswer(501, {"x-amzn-ErrorType": "NotInDemo"}, body))
        except NoAnswer:
            self.close_connection = True

    def _send(self, answer: WireAnswer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        """Say nothing: requests carry keys."""
