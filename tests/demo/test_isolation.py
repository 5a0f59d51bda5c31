"""The demo account reads nothing of the machine it runs on and reaches nothing outside it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from bedrock_guard.account.session import Account
from bedrock_guard.demo.errors import NotInDemo
from bedrock_guard.demo.hook import SERVICE_OF_ID
from bedrock_guard.demo.protocol import service_model
from bedrock_guard.demo.services import MODULES, find_service

OpenAccount = Any
STRAY = {
    "AWS_PROFILE": "missing",
    "AWS_DEFAULT_PROFILE": "missing",
    "AWS_CONFIG_FILE": "/nowhere/config",
    "AWS_ENDPOINT_URL": "http://192.0.2.1:4566",
    "AWS_ENDPOINT_URL_IAM": "http://192.0.2.1:4566",
    "AWS_ACCESS_KEY_ID": "someone",
    "AWS_SECRET_ACCESS_KEY": "else",
    "AWS_SESSION_TOKEN": "stray",
    "AWS_BEARER_TOKEN_BEDROCK": "stray",
    "AWS_DEFAULT_REGION": "nowhere-1",
    "AWS_REGION": "nowhere-1",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_CA_BUNDLE": "/nowhere/bundle.pem",
    "AWS_RETRY_MODE": "adaptive",
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_DATA_PATH": "/nowhere/models",
    "AWS_DEFAULTS_MODE": "auto",
    "HTTPS_PROXY": "http://192.0.2.1:3128",
}


@pytest.mark.parametrize("name", sorted(STRAY))
def test_a_stray_variable_does_not_matter(
    name: str, open_account: OpenAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, STRAY[name])
    account = open_account()
    assert account.account_id == "111122223333"
    assert account.client("iam").meta.endpoint_url == "https://iam.amazonaws.com"
    assert account.client("bedrock").meta.region_name == "us-east-1"


def test_all_stray_variables_together(open_account: OpenAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in STRAY.items():
        monkeypatch.setenv(name, value)
    account = open_account()
    assert len(account.client("iam").list_users()["Users"]) == 100
    assert account.client("ec2").describe_regions()["Regions"]


def test_a_config_file_of_the_user_does_not_matter(
    open_account: OpenAccount, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    aws = tmp_path / ".aws"
    aws.mkdir()
    (aws / "config").write_text(
        "[default]\nregion = nowhere-1\nendpoint_url = http://192.0.2.1\nretry_mode = legacy\n"
    )
    (aws / "credentials").write_text("[default]\naws_access_key_id = someone\naws_secret_access_key = else\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_account().account_id == "111122223333"


def ask_aws() -> None:
    from botocore.config import Config

    client = boto3.client(
        "sts",
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(EndpointConnectionError):
        client.get_caller_identity()


def test_the_guard_of_this_folder_notices_a_socket(sockets_tried: list[Any]) -> None:
    ask_aws()
    assert sockets_tried
    sockets_tried.clear()


def test_another_session_is_not_touched(account: Account, sockets_tried: list[Any]) -> None:
    """The hook is on one session: one opened beside it goes to the network."""
    assert account.account_id == "111122223333"
    assert sockets_tried == []
    ask_aws()
    assert sockets_tried
    sockets_tried.clear()


def test_an_operation_that_is_not_there_says_so_and_is_not_retried(account: Account) -> None:
    with pytest.raises(NotInDemo, match="iam:CreateSAMLProvider is not in the demo account"):
        account.client("iam").create_saml_provider(Name="x", SAMLMetadataDocument="x" * 1000)
    with pytest.raises(NotInDemo, match="lambda:ListFunctions"):
        account.client("lambda").list_functions()
    assert account.requests.total("lambda") == 1


def test_an_unknown_key_is_refused(account: Account) -> None:
    stranger = account._session.client("sts", aws_access_key_id="DEMOUNKNOWN", aws_secret_access_key="x")
    with pytest.raises(ClientError) as refused:
        stranger.get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "InvalidClientTokenId"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    other = account._session.client(
        "organizations", aws_access_key_id="DEMOUNKNOWN", aws_secret_access_key="x"
    )
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        other.list_roots()


def test_an_unsigned_request_is_refused(account: Account) -> None:
    from botocore import UNSIGNED
    from botocore.config import Config

    with pytest.raises(ClientError, match="MissingAuthenticationToken"):
        account._session.client("iam", config=Config(signature_version=UNSIGNED)).list_users()


@pytest.mark.parametrize("service", sorted(MODULES))
def test_event_names_lead_to_the_service(service: str) -> None:
    """botocore names events by service id; the hook must come back to boto3's name."""
    event_name = service_model(service).service_id.hyphenize()
    assert SERVICE_OF_ID.get(event_name, event_name) == service


@pytest.mark.parametrize("service", sorted(MODULES))
def test_every_operation_exists_in_botocore(service: str) -> None:
    definition = find_service(service)
    assert definition is not None
    assert definition.name == service
    unknown = set(definition.operations) - set(service_model(service).operation_names)
    assert unknown == set()


def test_key_ids_do_not_look_like_those_of_aws(account: Account) -> None:
    key = account.client("iam").create_access_key(UserName="dev-003")["AccessKey"]["AccessKeyId"]
    assert key.startswith("DEMO")
    assert account._session.get_credentials().access_key.startswith("DEMO")


def test_a_temporary_state_is_gone_when_the_process_ends(tmp_path: Path) -> None:
    program = (
        "from bedrock_guard.account.session import Account\n"
        "account = Account.demo(days=2, calls=10)\n"
        "print(account.demo_backend.state.path.parent)\n"
        "account.client('iam').list_users()\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip().startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
