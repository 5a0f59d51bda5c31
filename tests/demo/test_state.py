"""One file for several sessions and processes: committed before the answer, rolled back on an error."""

from __future__ import annotations

import json
import multiprocessing
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedrock_guard.account.session import Account
from bedrock_guard.demo import service as service_module
from bedrock_guard.demo.clock import DemoClock
from bedrock_guard.demo.errors import DemoDefectError, DemoStateError
from bedrock_guard.demo.opening import Size, open_backend
from bedrock_guard.demo.services import find_service
from bedrock_guard.demo.state import State, event_row

OpenAccount = Callable[..., Account]


def test_two_sessions_see_each_others_writes_at_once(open_account: OpenAccount, tmp_path: Path) -> None:
    path = tmp_path / "shared.sqlite"
    first, second = open_account(path=path), open_account(path=path)
    first.client("iam").create_user(UserName="shared")
    assert second.client("iam").get_user(UserName="shared")["User"]["UserName"] == "shared"


def test_a_write_is_on_disk_when_the_answer_is_there(open_account: OpenAccount, tmp_path: Path) -> None:
    path = tmp_path / "shared.sqlite"
    open_account(path=path).client("iam").create_user(UserName="shared")
    with sqlite3.connect(path) as beside:
        found = beside.execute("SELECT body FROM items WHERE kind = 'user' AND key = 'shared'").fetchone()
    assert json.loads(found[0])["UserName"] == "shared"


def test_the_clock_goes_on_where_another_session_left_it(open_account: OpenAccount, tmp_path: Path) -> None:
    path = tmp_path / "shared.sqlite"
    first = open_account(path=path)
    first.clock.sleep(500)
    first.client("iam").create_user(UserName="shared")
    assert open_account(path=path).clock.now() == first.clock.now()


def _add_users(path: Path, name: str, count: int) -> None:
    backend = open_backend(path, Size())
    iam = Account.on_demo(backend).client("iam")
    for number in range(count):
        iam.create_user(UserName=f"{name}-{number}")
        iam.tag_user(UserName="dev-shared", Tags=[{"Key": f"{name}-{number}", "Value": "x"}])


def test_four_processes_write_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "shared.sqlite"
    backend = open_backend(path, Size(days=2, calls=10))
    iam = Account.on_demo(backend).client("iam")
    iam.create_user(UserName="dev-shared")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_add_users, args=(path, f"worker{n}", 8)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    names = {u["UserName"] for part in iam.get_paginator("list_users").paginate() for u in part["Users"]}
    assert {f"worker{n}-{k}" for n in range(4) for k in range(8)} <= names
    assert len(iam.list_user_tags(UserName="dev-shared")["Tags"]) == 32
    ids = [u["UserId"] for part in iam.get_paginator("list_users").paginate() for u in part["Users"]]
    assert len(ids) == len(set(ids))


def test_a_refused_write_leaves_nothing(account: Account) -> None:
    iam = account.client("iam")
    before = account.demo_backend.state.rows("SELECT * FROM items ORDER BY 1, 2, 3, 4, 5")
    with pytest.raises(ClientError):
        iam.create_user(UserName="x", PermissionsBoundary="arn:aws:iam::111122223333:policy/missing")
    assert account.demo_backend.state.rows("SELECT * FROM items ORDER BY 1, 2, 3, 4, 5") == before


def test_an_answer_that_aws_could_not_give_is_a_defect_and_is_rolled_back(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = find_service("iam")
    assert definition is not None

    def answers(value: Any) -> None:
        def handler(request: service_module.Request) -> Any:
            request.items.put("user", "ghost", {"UserName": "ghost"})
            return value

        wrong = service_module.Operation("CreateUser", handler, writes=True, needs=None, gap="")
        monkeypatch.setitem(definition.operations, "CreateUser", wrong)

    for value in ({"Unknown": 1}, {"User": {"Path": "/"}}, {"User": "text"}):
        answers(value)
        with pytest.raises(DemoDefectError, match="CreateUser"):
            account.client("iam").create_user(UserName="ghost")
        assert account.demo_backend.state.items("iam", "111122223333").get("user", "ghost") is None


def test_an_enum_is_checked_in_answers(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    definition = find_service("iam")
    assert definition is not None
    wrong = service_module.Operation(
        "GenerateCredentialReport", lambda _: {"State": "SOON"}, writes=True, needs=None, gap=""
    )
    monkeypatch.setitem(definition.operations, "GenerateCredentialReport", wrong)
    with pytest.raises(DemoDefectError, match="SOON"):
        account.client("iam").generate_credential_report()


def test_the_size_of_a_file_is_kept_and_another_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "small.sqlite"
    open_backend(path, Size(days=2, calls=10, accounts=1)).state.close()
    again = open_backend(path, Size())
    assert again.state.meta("days") == "2"
    assert again.state.meta("seed") == "7"
    again.state.close()
    with pytest.raises(DemoStateError, match="days=2, not 90"):
        open_backend(path, Size(days=90))


def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "text.sqlite"
    path.write_text("this is no database, and it is longer than a header of SQLite needs to be" * 20)
    before = path.read_bytes()
    with pytest.raises(DemoStateError, match="is not a demo state file"):
        open_backend(path, Size())
    assert path.read_bytes() == before


def test_sections_are_loaded_once_and_only_when_needed(tmp_path: Path) -> None:
    loaded: list[str] = []
    state = State(tmp_path / "s.sqlite", DemoClock(), lambda _, section: loaded.append(section))
    for _ in range(2):
        state.ensure("events")
    other = State(tmp_path / "s.sqlite", DemoClock(), lambda _, section: loaded.append(section))
    other.ensure("events")
    assert loaded == ["events"]
    state.close()
    other.close()


def test_the_same_calls_make_the_same_state(open_account: OpenAccount) -> None:
    def play() -> list[tuple[Any, ...]]:
        account = open_account()
        iam = account.client("iam")
        iam.create_user(UserName="new")
        iam.create_service_specific_credential(
            UserName="new", ServiceName="bedrock.amazonaws.com", CredentialAgeDays=7
        )
        iam.create_access_key(UserName="new")
        return list(account.demo_backend.state.rows("SELECT * FROM items ORDER BY 1, 2, 3, 4, 5"))

    assert play() == play()


def test_a_write_shows_in_its_own_trail_after_five_minutes(account: Account) -> None:
    account.client("iam").create_user(UserName="new")
    rows = account.demo_backend.state.rows("SELECT name, at, visible, user_name, read_only, body FROM events")
    (name, at, visible, who, read_only, body) = rows[-1]
    assert (name, who, read_only, visible - at) == ("CreateUser", "demo", "false", 300)
    record = json.loads(body)
    assert record["requestParameters"] == {"userName": "new"}
    assert record["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] == "analyst"
    assert record["eventTime"] == "2026-11-20T12:00:00Z"


def test_reads_and_refused_writes_leave_no_event(account: Account) -> None:
    account.client("iam").list_users()
    with pytest.raises(ClientError):
        account.client("iam").delete_user(UserName="nobody")
    assert account.demo_backend.state.rows("SELECT count(*) FROM events") == [(0,)]


def test_event_row_reads_a_record_of_each_kind_of_identity() -> None:
    base = {
        "eventTime": "2026-11-01T00:00:00Z",
        "eventID": "e",
        "eventName": "N",
        "eventSource": "s",
        "readOnly": True,
    }
    user = event_row({**base, "userIdentity": {"type": "IAMUser", "userName": "u", "accountId": "a"}})
    role = event_row(
        {**base, "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/r/me"}}
    )
    root = event_row({**base, "userIdentity": {"type": "Root"}})
    nobody = event_row(base)
    assert [row[7] for row in (user, role, root, nobody)] == ["u", "me", "root", None]
    assert (user[9], user[10]) == ("true", "Management")
    assert event_row({**base, "readOnly": None})[9] is None
