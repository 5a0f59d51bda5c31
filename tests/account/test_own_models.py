"""Calls through an application profile that was made before the records begin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from bedrock_guard.account.replayed import recorded
from bedrock_guard.account.session import Account
from bedrock_guard.account.situation import look
from bedrock_guard.account.trail_store import TrailStore
from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.cli import app
from bedrock_guard.demo.company import make_company
from bedrock_guard.demo.company.trail import write_trail
from bedrock_guard.evidence.model_ids import fill_models, unnamed
from bedrock_guard.evidence.replay import Documents

SIZE: dict[str, int] = {"days": 20, "calls": 3_000, "accounts": 1}
HAIKU = {"anthropic.claude-haiku-4-5-20251001-v1:0"}


@pytest.fixture(scope="module")
def account() -> Account:
    return Account.demo(**SIZE)


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("trail")
    write_trail(make_company(**SIZE), root)
    return root


@pytest.fixture(scope="module")
def store(trail: Path, tmp_path_factory: pytest.TempPathFactory) -> TrailStore:
    kept = TrailStore(tmp_path_factory.mktemp("store"))
    kept.refresh(trail)
    return kept


def behind(calls: pd.DataFrame) -> set[Any]:
    return set(
        calls.loc[calls["model_raw"].fillna("").str.contains("application-inference-profile"), "model"]
    )


def test_an_accounts_lists_tell_what_its_records_do_not(
    account: Account, store: TrailStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert behind(store.tuples()) == {pd.NA}
    for calls in (look(account).calls, look(account, store=str(store.folder)).calls):
        assert behind(calls) == HAIKU
        units = calls[calls["model_raw"].fillna("").str.contains("provisioned-model")]
        assert units["model"].isna().all(), "what a unit serves is not paid by the token"
    for place in ("session", "replayed"):
        monkeypatch.setattr(f"bedrock_guard.account.{place}.open_account", lambda *_: account)
    assert behind(recorded("demo", "", 20).table(Documents())) == HAIKU


def test_without_an_account_they_are_unknown_and_counted(
    trail: Path, store: TrailStore, tmp_path: Path
) -> None:
    tuples = store.tuples()
    count = int(tuples.loc[tuples["model"].isna() & tuples["model_raw"].notna(), "calls"].sum())
    assert count == unnamed(tuples) == unnamed(store.calls()) == store.view().unnamed() > 0
    said = f"{count:,} calls name a model that neither the catalogue nor a record here knows"
    spec = tmp_path / "boundary.json"
    spec.write_text(
        '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
    )
    for words in (
        ["calls", trail, "--out", tmp_path / "c.parquet"],
        ["replay", spec, "--calls", store.folder],
    ):
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exit_code == 0
        assert said in done.stderr


def test_what_is_known_already_stays_as_it_is(store: TrailStore) -> None:
    before = store.tuples()
    assert fill_models(before, shipped(), {}) is before
    names = before["model_raw"].dropna().unique()
    filled = fill_models(before, shipped(), dict.fromkeys(names, "amazon.nova-pro-v1:0"))
    had = before["model"].notna()
    pd.testing.assert_frame_equal(filled[had], before[had])
    assert set(filled.loc[~had & before["model_raw"].notna(), "model"]) == {"amazon.nova-pro-v1:0"}
    assert (filled.dtypes == before.dtypes).all()
    assert filled.attrs == before.attrs
