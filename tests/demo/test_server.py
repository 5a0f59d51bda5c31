"""The demo behind HTTP on the loopback: the same answers through a socket."""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError

from bedrock_guard.account.session import Account
from bedrock_guard.demo import callers
from bedrock_guard.demo import server as server_module
from bedrock_guard.demo.clock import RunningClock
from bedrock_guard.demo.faults import Fault
from bedrock_guard.demo.protocol import WireRequest, service_model
from bedrock_guard.demo.server import Server, serve, target_of

OpenAccount = Callable[..., Account]
_connect, _lookup = socket.socket.connect, socket.getaddrinfo


@pytest.fixture
def served(
    open_account: OpenAccount, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Account, Server, dict[str, str]]]:
    """A server, with sockets allowed to the loopback and nowhere else."""

    def connect(self: socket.socket, address: Any) -> None:
        assert address[0] == "127.0.0.1"
        _connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", _lookup)
    account = open_account()
    backend = account.demo_backend
    assert backend is not None
    caller = callers.register(backend.state, "arn:aws:iam::111122223333:user/admin")
    with serve(backend) as server:
        yield account, server, server.environment(caller)


def client_of(service: str, environment: dict[str, str], **config: Any) -> Any:
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        config=Config(signature_version="v4", **config),
    )


def test_each_protocol_through_a_socket(served: Any) -> None:
    _, _, environment = served
    users = client_of("iam", environment).get_paginator("list_users").paginate()
    assert sum(len(part["Users"]) for part in users) == 252
    assert len(client_of("organizations", environment).list_accounts()["Accounts"]) == 2
    assert client_of("ec2", environment).describe_regions()["Regions"]
    assert client_of("bedrock", environment).list_foundation_models()["modelSummaries"]
    assert "agentSummaries" in client_of("bedrock-agent", environment).list_agents()
    assert client_of("sts", environment).get_caller_identity()["Arn"].endswith(":user/admin")


def test_writes_are_seen_by_the_session_beside_it(served: Any) -> None:
    account, _, environment = served
    client_of("iam", environment).create_user(UserName="through-http")
    assert account.client("iam").get_user(UserName="through-http")


def test_errors_and_faults_reach_the_client(served: Any) -> None:
    account, _, environment = served
    once = client_of("iam", environment, retries={"total_max_attempts": 1})
    with pytest.raises(once.exceptions.NoSuchEntityException):
        once.get_user(UserName="nobody")
    account.demo_backend.faults.set(Fault("iam:ListUsers", "reset_before"))
    with pytest.raises(ConnectionClosedError):
        once.list_users()
    with pytest.raises(ClientError, match="NotInDemo"):
        once.list_saml_providers()


SIGNED = (
    b"Authorization: AWS4-HMAC-SHA256 Credential=%s/20261120/us-east-1/%s/aws4_request,"
    b" SignedHeaders=host, Signature=0\r\n"
)


def said_to(server: Server, raw: bytes) -> tuple[int, bytes]:
    """Status and body of the answer to exactly these bytes; 0 where the connection is closed without one."""
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=20) as beside:
        beside.sendall(raw)
        answer = http.client.HTTPResponse(beside)
        try:
            answer.begin()
        except (http.client.BadStatusLine, ConnectionError):
            return 0, b""
        return answer.status, answer.read()


HOSTILE = {
    "another host": (b"POST / HTTP/1.1\r\nHost: demo.example.com\r\nContent-Length: 0\r\n\r\n", 403),
    "a host that only begins like ours": (b"GET / HTTP/1.1\r\nHost: 127.0.0.1.example.com\r\n\r\n", 403),
    "our host as a user name": (b"GET / HTTP/1.1\r\nHost: localhost@example.com\r\n\r\n", 403),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 403),
    "a broken host": (b"GET / HTTP/1.1\r\nHost: [\r\n\r\n", 403),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: example.com\r\n\r\n", 403),
    "a web page": (b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://example.com\r\n\r\n", 403),
    "a page of ours": (b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n", 403),
    "a preflight": (b"OPTIONS / HTTP/1.1\r\nHost: localhost\r\n\r\n", 501),
    "chunks": (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
    "two lengths": (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n", 411),
    "a negative length": (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 411),
    "a length in other digits": (
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: \u00b2\r\n\r\n".encode("latin-1"), 411,
    ),
    "a huge body": (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n", 413),
    "a huge header": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", 431),
    "many headers": (
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X%d: x\r\n" % n for n in range(500)) + b"\r\n", 431,
    ),
    "a huge path": (b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 0),
    "a path that is none": (b"GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "nobody's signature": (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 501),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_requests_are_turned_away_and_the_server_lives(
    served: Any, case: str, capfd: pytest.CaptureFixture[str]
) -> None:
    _, server, environment = served
    raw, status = HOSTILE[case]
    got, body = said_to(server, raw)
    assert (got, b"Traceback" in body) == (status, False)
    assert client_of("sts", environment).get_caller_identity()["Account"] == "111122223333"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("service", "target", "body", "status"),
    [
        ("iam", "", b"Action=ListUsers&Version=2010-05-08&a=1&a.=2&a.b=3", 400),
        ("iam", "", b"Action=ListUsers&MaxItems=many", 400),
        ("iam", "", b"Action=TagUser&UserName=admin&Tags.member.1=x", 400),
        ("iam", "", b"Action=ListUsers&" + b"a." * 100_000 + b"=1", 200),
        ("iam", "", b"\xff\xfe\x00", 501),
        ("ce", "AWSInsightsIndexService.GetCostAndUsage", b"[" * 200_000, 400),
        ("ce", "AWSInsightsIndexService.GetCostAndUsage", b'{"TimePeriod": 7}', 400),
        ("ce", "AWSInsightsIndexService.GetCostAndUsage", b"null", 400),
        ("cloudtrail", "CloudTrail_20131101.LookupEvents", b'{"StartTime": "yesterday"}', 400),
        ("cloudtrail", "CloudTrail_20131101.LookupEvents", b'{"StartTime": 1e400}', 400),
        ("cloudtrail", "CloudTrail_20131101.LookupEvents", b'{"MaxResults": true}', 400),
        ("cloudtrail", "CloudTrail_20131101.Nonsense", b"{}", 501),
    ],
)
def test_bodies_that_no_client_would_send(
    served: Any, service: str, target: str, body: bytes, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    _, server, environment = served
    signed = SIGNED % (environment["AWS_ACCESS_KEY_ID"].encode(), service.encode())
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: %s\r\nContent-Length: %d\r\n"
    got, answer = said_to(server, head % (target.encode(), len(body)) + signed + b"\r\n" + body)
    assert (got, b"Traceback" in answer) == (status, False)
    assert capfd.readouterr().err == ""


def test_a_slow_client_holds_up_nobody_and_is_hung_up_on(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, server, environment = served
    monkeypatch.setattr(server_module._Handler, "timeout", 0.2)
    port = int(server.url.rpartition(":")[2])
    slow = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(10)]
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
    said = (b"", b"POST", head, head + b"Content-Length: 10\r\n\r\nhalf", b"\r\n")
    for number, connection in enumerate(slow):
        connection.sendall(said[number % len(said)])
    assert client_of("sts", environment).get_caller_identity()["Account"] == "111122223333"
    for connection in slow:
        assert connection.recv(1000) == b""
        connection.close()


def test_more_connections_than_it_takes_are_closed(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, server, environment = served
    port = int(server.url.rpartition(":")[2])
    held = [
        socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(server_module.CONNECTIONS)
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as one_more:
        assert one_more.recv(10) == b""
    for connection in held:
        connection.close()
    once = client_of("sts", environment, retries={"total_max_attempts": 1})
    for _ in range(1000):
        with contextlib.suppress(ConnectionClosedError, EndpointConnectionError, ClientError):
            assert once.get_caller_identity()["Account"] == "111122223333"
            return
    pytest.fail("the server did not come back")


def test_a_served_clock_runs() -> None:
    clock = RunningClock()
    first = clock.now()
    assert first < clock.now()
    clock.sleep(60)
    assert clock.now() - first >= timedelta(seconds=60)


def test_it_listens_on_the_loopback_only(served: Any) -> None:
    _, server, _ = served
    assert server._http.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("service", ["bedrock", "bedrock-agent"])
def test_every_path_of_a_rest_service_leads_to_its_operation(service: str) -> None:
    from botocore.serialize import create_serializer

    model = service_model(service)
    for name in model.operation_names:
        operation = model.operation_model(name)
        members = operation.input_shape.members if operation.input_shape else {}
        labels = {k: "x1" for k, m in members.items() if m.serialization.get("location") == "uri"}
        sent = create_serializer("rest-json", include_validation=False).serialize_to_request(
            labels, operation
        )
        headers = {
            "Authorization": "AWS4-HMAC-SHA256 Credential=K/20261120/us-east-1/bedrock/aws4_request, x"
        }
        wire = WireRequest(sent["method"], f"http://127.0.0.1{sent['url_path']}", headers, b"")
        assert target_of(wire) == (service, name)


def test_publishing(account: Account) -> None:
    sns = account.client("sns")
    arn = sns.create_topic(Name="reports")["TopicArn"]
    first, second = (sns.publish(TopicArn=arn, Message="m")["MessageId"] for _ in range(2))
    assert first != second
    assert sns.list_topics()["Topics"] == [{"TopicArn": arn}]
    with pytest.raises(sns.exceptions.NotFoundException):
        sns.publish(TopicArn=arn + "x", Message="m")
    said = {"Message": "m"}
    for wrong in ("x" * 101, "two\nlines", "costs \u00b7 keys"):
        with pytest.raises(ClientError, match="InvalidParameter"):
            sns.publish(TopicArn=arn, Subject=wrong, **said)
    for wrong in ("", "x" * 262_145):
        with pytest.raises(ClientError, match="InvalidParameter"):
            sns.publish(TopicArn=arn, Message=wrong)
