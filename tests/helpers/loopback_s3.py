"""An S3 on the loopback (moto's server), for tests that read from a bucket or write to one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest

from bedrock_guard.account.session import Account


class Served(NamedTuple):
    """The server's address, and a client of it."""

    endpoint: str
    client: Any


@contextmanager
def s3_server(*buckets: str) -> Iterator[Served]:
    """A server with these buckets, empty."""
    moto = pytest.importorskip("moto.server", reason="moto's server is not installed: there is no S3 to ask")
    running = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    running.start()
    try:
        host, port = running.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        client: Any = boto3.client("s3", region_name="us-east-1", endpoint_url=endpoint, **keys)
        for name in buckets:
            client.create_bucket(Bucket=name)
        yield Served(endpoint, client)
    finally:
        running.stop()


def put_files(s3: Any, bucket: str, root: Path, prefix: str = "") -> list[str]:
    """Every compressed file below a folder, under its path in it; the keys."""
    keys = {prefix + path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*.gz"))}
    for key, path in keys.items():
        s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    return list(keys)


def connected(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Account:
    """An account whose S3 is the server."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return Account.connect(region="us-east-1", endpoints=["127.0.0.1"])
