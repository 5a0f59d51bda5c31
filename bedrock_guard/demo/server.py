"""The demo account behind HTTP on this machine's loopback, for the AWS CLI, Terraform and other SDKs.

Example::

    with serve(backend) as server:
        print(server.environment(caller))     # what the AWS CLI needs: endpoint, keys, Region

Listens on 127.0.0.1 only and answers only requests that name a loopback host, so that no web page can reach it.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from bedrock_guard.demo.callers import SECRET
from bedrock_guard.demo.dispatch import Backend
from bedrock_guard.demo.errors import DemoDefectError, NotInDemo
from bedrock_guard.demo.faults import NoAnswer
from bedrock_guard.demo.protocol import WireAnswer, WireRequest, service_model
from bedrock_guard.demo.service import Caller
from bedrock_guard.demo.services import MODULES
from bedrock_guard.errors import GuardError

LARGEST_BODY = 4 * 1024 * 1024
IDLE_S = 20
"""How long a connection may say nothing."""
CONNECTIONS = 64
"""How many connections are open at once; one more is closed unheard."""
_SCOPE = re.compile(r"Credential=[^/,\s]+/\d{8}/[^/]+/([^/]+)/aws4_request")
_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?", re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,9}")
_LOG = logging.getLogger(__name__)
_LABEL = re.compile(r"\\\{\w+(\\\+)?\\\}")


class Server:
    """A running server. Leaving the ``with`` block stops it."""

    def __init__(self, backend: Backend, port: int) -> None:
        handler = type("_Handler", (_Handler,), {"backend": backend})
        try:
            self._http = _Http(port, handler)
        except OSError as error:
            raise GuardError(
                f"Port {port} of this machine's loopback cannot be opened.",
                why=str(error),
                remedy="Give another port, or 0 for a free one.",
            ) from error
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.05,), name="bedrock-guard-demo", daemon=True
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
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        }


def serve(backend: Backend, port: int = 0) -> Server:
    """A server for ``backend``; port 0 takes a free one.

    Raises:
        GuardError: the port is taken, or not this user's to open.
    """
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


class _RefusedError(Exception):
    """A request that is turned away before it is looked at."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    backend: ClassVar[Backend]
    protocol_version = "HTTP/1.1"
    server_version = "bedrock-guard-demo"
    sys_version = ""
    timeout = IDLE_S

    def _answer(self) -> None:
        try:
            wire = WireRequest(self.command, self.path, dict(self.headers.items()), self._body())
            self._send(self._answered(wire))
        except _RefusedError as refused:
            self.close_connection = True  # what is left of the request is not read
            self._send(WireAnswer(refused.status, {}, str(refused).encode()))
        except NoAnswer:
            self.close_connection = True

    def _body(self) -> bytes:
        _refuse_foreign(self.headers.get_all("Host") or [], self.headers.get("Origin"))
        lengths = self.headers.get_all("Content-Length") or ["0"]
        if self.headers.get("Transfer-Encoding") or len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
            raise _RefusedError(411, "The request has to say its length, once.")
        if int(lengths[0]) > LARGEST_BODY:
            raise _RefusedError(413, "The request is too large.")
        body = self.rfile.read(int(lengths[0]))
        if len(body) < int(lengths[0]):
            raise _RefusedError(400, "The request is shorter than it says.")
        return body

    def _answered(self, wire: WireRequest) -> WireAnswer:
        try:
            urlsplit(wire.url)
        except ValueError:
            raise _RefusedError(400, "The request's path cannot be read.") from None
        try:
            return self.backend.answer(*target_of(wire), wire)
        except NotInDemo as missing:
            return _failure(501, "NotInDemo", missing.what)
        except DemoDefectError as defect:
            return _failure(500, "DemoDefect", f"{defect.what} {defect.why}")

    def _send(self, answer: WireAnswer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        """Say nothing: requests carry keys."""


def _refuse_foreign(hosts: Sequence[str], origin: str | None) -> None:
    """Whoever reached the server by another name, or from a web page, is turned away."""
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        raise _RefusedError(403, "This server answers requests to a loopback host only.")
    if origin is not None:
        raise _RefusedError(403, "This server answers no web page.")


def _failure(status: int, code: str, message: str) -> WireAnswer:
    error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    body = f"<ErrorResponse>{error}</ErrorResponse>".encode()
    return WireAnswer(status, {"x-amzn-ErrorType": code, "Content-Type": "text/xml"}, body)


class _Http(ThreadingHTTPServer):
    """One thread a connection and no more than `CONNECTIONS`; a client that breaks off is nobody's error."""

    daemon_threads = True
    request_queue_size = 2 * CONNECTIONS

    def __init__(self, port: int, handler: type[_Handler]) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self._free = threading.BoundedSemaphore(CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        del request, client_address
        if not isinstance(sys.exception(), ConnectionError):
            _LOG.exception("The demo server could not answer a request.")
