"""The small company, copied from one that is made once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from change_account import open_company, with_guardrail

from bedrock_guard.account.session import Account
from bedrock_guard.demo.dispatch import Backend


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the company with its guardrail."""
    path = tmp_path_factory.mktemp("made") / "account.sqlite"
    backend = open_company(path)
    backend.state.ensure("events")
    with_guardrail(backend)
    backend.state.close()
    return path


@pytest.fixture
def backend(made: Path, tmp_path: Path) -> Iterator[Backend]:
    """A copy of it, enforcing."""
    shutil.copy(made, tmp_path / "account.sqlite")
    opened = open_company(tmp_path / "account.sqlite")
    yield opened
    opened.state.close()


@pytest.fixture
def operator(backend: Backend) -> Account:
    return Account.on_demo(backend)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Backend]]:
    """Opens a company of the test's own."""
    found: list[Backend] = []

    def _open(company: Any, **more: Any) -> Backend:
        found.append(open_company(tmp_path / f"own{len(found)}.sqlite", company, **more))
        return found[-1]

    yield _open
    for one in found:
        one.state.close()
