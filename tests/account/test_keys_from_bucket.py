"""The key commands over a trail in S3, whole: the demo company served over the loopback, its trail in a bucket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from loopback_s3 import put_files, s3_server
from typer.testing import CliRunner

from bedrock_guard.account.investigation import investigate
from bedrock_guard.account.session import Account
from bedrock_guard.account.situation import example_spec
from bedrock_guard.account.trail_places import Wanted, store_at
from bedrock_guard.cli import app
from bedrock_guard.demo import callers
from bedrock_guard.demo.company import Company, make_company
from bedrock_guard.demo.company.trail import write_trail
from bedrock_guard.demo.server import serve
from bedrock_guard.errors import GuardError

CALLS = 2_000


@pytest.fixture(scope="module")
def company() -> Company:
    return make_company(calls=CALLS)


@pytest.fixture(scope="module")
def trail(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("trail")
    write_trail(company, root)
    return root


@pytest.fixture(scope="module")
def bucket(trail: Path) -> Iterator[str]:
    with s3_server("trail") as served:
        put_files(served.client, "trail", trail)
        yield served.endpoint


@pytest.fixture
def account(bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """A session as on a real account: every request goes over the loopback, S3's to the bucket."""
    demo = Account.demo(calls=CALLS)
    backend = demo.demo_backend
    assert backend is not None
    with backend.state.transaction(write=True):
        caller = callers.register(backend.state, backend.state.meta("caller") or "", session="demo")
    with serve(backend) as running:
        for name, value in running.environment(caller).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", bucket)
        made = Account.connect(region="us-east-1", endpoints=["127.0.0.1"], clock=backend.state.clock)
        for place in ("session", "replayed"):
            monkeypatch.setattr(f"bedrock_guard.account.{place}.open_account", lambda *_: made)
        monkeypatch.setattr("bedrock_guard.account.session.SystemClock.now", lambda _: demo.now)
        yield made


def run(*words: object) -> tuple[str, str]:
    """Standard output and standard error of a command that succeeds."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(done.exception, GuardError):
        raise done.exception
    assert done.exit_code == 0, done.stderr
    return done.stdout, done.stderr


def test_keys_tell_of_a_bucket_what_they_tell_of_its_copy(account: Account, trail: Path) -> None:
    from_bucket, said = run("keys", "--calls", "s3://trail", "--days", 90)
    assert f"{len(list(trail.rglob('*.gz'))):,} new file(s) read" in said
    assert from_bucket == run("keys", "--calls", trail, "--days", 90)[0]
    assert "BedrockAPIKey-h7qz looks like a stolen key" in from_bucket
    assert "Data events (mantle inference, agents) are there as far as the trail selects them" in from_bucket
    assert "Data events (mantle inference, agents) were not read" not in from_bucket


def test_keys_of_a_bucket_count_the_calls_of_the_ground_truth(account: Account, company: Company) -> None:
    held, _ = store_at("s3://trail", Wanted(account.now - timedelta(days=90)), lambda: account)
    case = investigate(account, 90, store=str(held.folder))
    ours = [one for one in company.events if one["recipientAccountId"] == account.account_id]
    marked = [one for one in ours if "callWithBearerToken" in json.dumps(one)]
    assert len(marked) == case.calls["key_kind"].isin(["long_term", "short_term"]).sum() > 100
    inference = [one for one in marked if one["eventName"] == "CreateInference"]
    records = case.mantle[case.mantle["source"] == "records (inference)"]
    assert records["calls"].sum() == len(inference) > 0


def test_a_bucket_is_replayed_over_the_days_asked_and_no_more(
    account: Account, tmp_path: Path, company: Company
) -> None:
    spec = tmp_path / "guard.toml"
    spec.write_text(example_spec().dumps(), encoding="utf-8")
    said, told = run("replay", spec, "--calls", "s3://trail", "--days", 30)
    totals = json.loads(said.splitlines()[-1])
    since = account.now - timedelta(days=30)
    rows = [one for one in company.events if datetime.fromisoformat(one["eventTime"]) >= since]
    assert totals["calls"] == len(rows) == sum(n for name, n in totals.items() if name != "calls")
    assert "CloudTrail files" in told
