"""The demo behind HTTP on the loopback: the same answers through a socket."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from bedrock_guard.account.session import Account
from bedrock_guard.demo import callers
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


def test_a_request_that_names_another_host_is_refused(served: Any) -> None:
    _, server, _ = served
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]))
    connection.request("POST", "/", body=b"Action=ListUsers", headers={"Host": "demo.example.com"})
    assert connection.getresponse().status == 403
    connection.close()


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
