"""The journal: what damage it bears, what it refuses, and what it says."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from change_account import BOUNDARY, dump, journal_in, to_the_end, whole_wish

from bedrock_guard.account.session import Account
from bedrock_guard.change import journal as journals
from bedrock_guard.change.apply import apply, resume, rollback
from bedrock_guard.change.errors import HaltedError, JournalError
from bedrock_guard.change.journal import Journal
from bedrock_guard.change.plan import make_plan
from bedrock_guard.change.status import find_journal, status
from bedrock_guard.demo.dispatch import Backend
from bedrock_guard.demo.faults import Fault

WRITES = ("Create", "Put", "Delete", "Set", "Attach", "Detach", "Update")


@pytest.fixture
def waiting(operator: Account, tmp_path: Path) -> Path:
    """A change at its first gate."""
    plan = make_plan(operator, whole_wish())
    apply(plan, operator, tmp_path, phrase=plan.phrase)
    return journal_in(tmp_path)


def test_the_intent_is_on_the_disk_before_the_call(
    backend: Backend, operator: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each write the last synced record is the intent of that very step."""
    plan = make_plan(operator, whole_wish())
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (real(handle), synced.append(handle))[0])
    seen: list[tuple[str, str]] = []
    answer = backend.answer

    def watched(service: str, operation: str, wire: Any) -> Any:
        if operation.startswith(WRITES):
            last = json.loads(journal_in(tmp_path).read_bytes().splitlines()[-1])
            seen.append((operation, last["kind"]))
            assert len(synced) >= last["seq"]
        return answer(service, operation, wire)

    monkeypatch.setattr(backend, "answer", watched)
    to_the_end(plan, operator, tmp_path)
    assert len(seen) >= 15
    assert {kind for _, kind in seen} == {"intent"}


def test_nobody_else_may_read_it(waiting: Path) -> None:
    assert waiting.stat().st_mode & 0o077 == 0


def test_a_torn_last_line_is_dropped(operator: Account, waiting: Path, tmp_path: Path) -> None:
    whole = waiting.read_bytes()
    waiting.write_bytes(whole + b'{"seq": 99, "at": "20')
    assert status(waiting).state == "waiting"
    outcome = resume(waiting, operator, phrase=status(waiting).gate_phrase)
    assert outcome.state == "waiting"
    assert rollback(waiting, operator).state == "rolled_back"


@pytest.mark.parametrize("damage", ["lost line", "changed value", "changed hash", "no json", "swapped"])
def test_other_damage_stops(backend: Backend, operator: Account, waiting: Path, damage: str) -> None:
    lines = waiting.read_bytes().splitlines(keepends=True)
    if damage == "lost line":
        del lines[3]
    elif damage == "changed value":
        lines[2] = lines[2].replace(b'"kind":"', b'"kind":"x')
    elif damage == "changed hash":
        lines[2] = lines[2].replace(b'"hash":"', b'"hash":"0')
    elif damage == "no json":
        lines[4] = b"garbage\n"
    else:
        lines[2], lines[3] = lines[3], lines[2]
    waiting.write_bytes(b"".join(lines))
    before = dump(backend.state.path)
    for use in (
        lambda: resume(waiting, operator),
        lambda: rollback(waiting, operator),
        lambda: status(waiting),
    ):
        with pytest.raises(JournalError, match="damaged at record"):
            use()
    assert dump(backend.state.path) == before


@pytest.mark.parametrize("kept", [1, 4, 30])
def test_rollback_by_a_journal_that_lost_its_end_says_what_is_still_there(
    backend: Backend, operator: Account, tmp_path: Path, kept: int
) -> None:
    """Whole lines lost at the end, as in an old copy, cannot be seen in the journal: the account is looked at."""
    plan = make_plan(operator, whole_wish())
    to_the_end(plan, operator, tmp_path)
    path = journal_in(tmp_path)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:kept]))
    outcome = rollback(path, operator)
    role = operator.client("iam").get_role(RoleName="app-02")["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == BOUNDARY
    assert outcome.words in (
        "Nothing was changed by this journal; see the notes.",
        "Back, but for the notes.",
    )
    assert any("the journal has no write of it: give role/app-02" in note for note in outcome.notes)


@pytest.mark.parametrize("record", range(2, 14))
def test_a_full_disk_stops_before_the_call(
    backend: Backend, operator: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record: int
) -> None:
    """Whatever record finds the disk full: no call goes out without its intent, and there is a way back."""
    former = dump(backend.state.path)
    plan = make_plan(operator, whole_wish())
    monkeypatch.setattr(Journal, "add", _full_from(record))
    with pytest.raises(JournalError, match="cannot be written"):
        apply(plan, operator, tmp_path, phrase=plan.phrase)
    monkeypatch.undo()
    lines = [
        json.loads(line) for line in journal_in(tmp_path).read_bytes().splitlines() if line.endswith(b"}")
    ]
    intended = [one["step"] for one in lines if one["kind"] == "intent"]
    assert len(lines) == record - 1
    assert _written(backend) <= len(intended)
    assert rollback(journal_in(tmp_path), operator).state == "rolled_back"
    assert dump(backend.state.path) == former


def _full_from(record: int) -> Any:
    real = Journal.add

    def add(self: Journal, kind: str, step: str = "", *, at: datetime, **data: Any) -> Any:
        if len(self.records) + 1 == record:
            half = b'{"seq":'
            assert self._file is not None
            self._file.write(half)
            raise journals._unwritable(self.path, OSError(28, "No space left on device"))
        return real(self, kind, step, at=at, **data)

    return add


def _written(backend: Backend) -> int:
    return sum(call.partition(":")[2].startswith(WRITES) for call in backend.calls)


def test_a_folder_that_cannot_be_written(operator: Account, backend: Backend, tmp_path: Path) -> None:
    plan = make_plan(operator, whole_wish())
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(JournalError, match="cannot be written"):
        apply(plan, operator, file, phrase=plan.phrase)
    assert _written(backend) == 0


def test_death_before_the_first_record_is_no_beginning(operator: Account, tmp_path: Path) -> None:
    plan = make_plan(operator, whole_wish())
    (tmp_path / f"change-{plan.id[:12]}.journal.jsonl").write_bytes(b'{"seq":1')
    assert apply(plan, operator, tmp_path, phrase=plan.phrase).state == "waiting"


def test_status_says_in_words_where_a_change_stands(
    backend: Backend, operator: Account, tmp_path: Path
) -> None:
    plan = make_plan(operator, whole_wish())
    backend.faults.set(Fault("iam:CreatePolicyVersion", "access_denied"))
    with pytest.raises(HaltedError, match="AccessDenied"):
        apply(plan, operator, tmp_path, phrase=plan.phrase)
    halted = status(tmp_path)
    assert (halted.state, halted.done, halted.of) == ("halted", 1, 18)
    assert "AWS refused: AccessDenied." in str(halted)
    assert "Not known to be done: stage the new text" in str(halted)
    backend.faults.set()
    waiting = resume(journal_in(tmp_path), operator)
    assert status(tmp_path).gate_phrase == waiting.gate_phrase == f"continue {plan.id[:6]} to 3 more"
    to_the_end(plan, operator, tmp_path)
    assert status(tmp_path).words == "It is done."
    rollback(journal_in(tmp_path), operator)
    assert status(tmp_path).lines[-1] == "Note: The text of v1 of bedrock-guard-boundary is v7 now."


def test_a_folder_of_several_journals_asks_which(operator: Account, tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no journal"):
        find_journal(tmp_path)
    for number in ("1", "2"):
        Journal.create(tmp_path, number * 12, {}, datetime(2026, 1, 1, tzinfo=UTC)).close()
    with pytest.raises(JournalError):
        find_journal(tmp_path)


def test_nothing_secret_is_in_it(operator: Account, waiting: Path) -> None:
    text = waiting.read_text()
    assert "demo-secret" not in text
    assert "Authorization" not in text
