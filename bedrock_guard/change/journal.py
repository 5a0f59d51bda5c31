"""What was intended, sent and seen, on disk before and after every write: enough to go on or to undo elsewhere.

One JSON object a line, chained by hashes, synced before it counts. A torn last line (the machine died while writing it)
is dropped; any other damage stops. One writer: a lock on this machine, and a marker in the account (see `marker`)
across machines.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final, Self

from bedrock_guard.change.errors import JournalError
from bedrock_guard.change.texts import canonical

Record = dict[str, Any]
SUFFIX: Final = ".journal.jsonl"
_OUTCOMES: Final = frozenset({"done", "skipped"})


class Journal:
    """One open journal. Make one with `Journal.create` or `Journal.open`; close it, or use it in a `with` statement."""

    def __init__(
        self, path: Path, records: list[Record], file: IO[bytes] | None, lock: IO[bytes] | None
    ) -> None:
        self.path = path
        self.records = records
        self._file = file
        self._lock = lock

    @classmethod
    def create(cls, folder: Path, plan_id: str, plan: Mapping[str, Any], at: datetime) -> Self:
        """A new journal for a plan.

        Raises:
            JournalError: the plan has one already here, another process holds it, or it cannot be written.
        """
        path = _path(folder, plan_id)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(path, error) from error
        with ExitStack() as held:
            lock = held.enter_context(_locked(path))
            file = held.enter_context(_new(path))
            journal = cls(path, [], file, lock)
            journal.add("start", at=at, run=secrets.token_hex(8), plan=dict(plan))
            _sync_folder(folder)
            held.pop_all()
        return journal

    @classmethod
    def open(cls, path: Path) -> Self:
        """A journal that is there, to be written on.

        Raises:
            JournalError: no such file, damage, or another process holds it.
        """
        with ExitStack() as held:
            lock = held.enter_context(_locked(path))
            records, good = _read(path)
            try:
                with path.open("r+b") as torn:
                    torn.truncate(good)
                file = held.enter_context(path.open("ab", buffering=0))
            except OSError as error:
                raise _unwritable(path, error) from error
            held.pop_all()
        return cls(path, records, file, lock)

    @classmethod
    def look(cls, path: Path) -> Self:
        """A journal only to be read; nobody is kept from writing.

        Raises:
            JournalError: no such file, or damage.
        """
        return cls(path, _read(path)[0], None, None)

    def add(self, kind: str, step: str = "", *, at: datetime, **data: Any) -> Record:
        """Append one record; when this returns, it is on the disk.

        Raises:
            JournalError: it could not be written.
        """
        if self._file is None:
            raise JournalError("This journal was opened to be read only.")
        record = {
            "seq": len(self.records) + 1,
            "at": at.isoformat(),
            "kind": kind,
            "step": step,
            "data": data,
            "prev": self.records[-1]["hash"] if self.records else "",
        }
        record["hash"] = _hash(record)
        line = canonical(record).encode() + b"\n"
        try:
            written = self._file.write(line)
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _unwritable(self.path, error) from error
        if written != len(line):
            raise _unwritable(self.path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        self.records.append(record)
        return record

    @property
    def run(self) -> str:
        """What tells this run from others of the same plan."""
        return str(self._start["run"])

    @property
    def plan(self) -> Record:
        """The plan, as JSON data."""
        return dict(self._start["plan"])

    @property
    def began(self) -> datetime:
        """When the change began."""
        return datetime.fromisoformat(str(self.records[0]["at"]))

    @property
    def _start(self) -> Record:
        return dict(self.records[0]["data"])

    def has(self, kind: str, step: str | None = None) -> bool:
        """Whether there is such a record."""
        return any(r["kind"] == kind and step in (None, r["step"]) for r in self.records)

    def last(self, step: str) -> Record | None:
        """The latest of what happened to a step."""
        kinds = {"intent", "answer", *_OUTCOMES}
        return next((r for r in reversed(self.records) if r["step"] == step and r["kind"] in kinds), None)

    def settled(self, step: str) -> bool:
        """Whether the step is over: done and seen, or left alone for a reason."""
        last = self.last(step)
        return last is not None and last["kind"] in _OUTCOMES

    def close(self) -> None:
        """Let go of the file and its lock."""
        for file in (self._file, self._lock):
            if file is not None:
                file.close()
        self._file = self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def begun_before(folder: Path, plan_id: str) -> JournalError | None:
    """The error of a plan that has a journal here already."""
    path = _path(folder, plan_id)
    try:
        whole = b"\n" in path.read_bytes()
    except OSError:
        return None
    return _begun(path) if whole else None


def _path(folder: Path, plan_id: str) -> Path:
    return folder / f"change-{plan_id[:12]}{SUFFIX}"


def _begun(path: Path) -> JournalError:
    kinds = {str(record["kind"]) for record in _read(path)[0]}
    if "rolled back" in kinds:
        remedy = "It was rolled back. Make a new plan."
    elif "finished" in kinds:
        remedy = "It is done; roll it back, or make a new plan."
    else:
        remedy = "Use resume, rollback or status."
    return JournalError(f"{path.name} is there already: this plan was begun.", remedy=remedy)


def _new(path: Path) -> IO[bytes]:
    """A new file, for the owner only. One without a whole record was left by a machine that died before it began."""
    try:
        if path.exists() and b"\n" not in path.read_bytes():
            path.unlink()
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    except FileExistsError as error:
        raise _begun(path) from error
    except OSError as error:
        raise _unwritable(path, error) from error
    return os.fdopen(handle, "wb", buffering=0)


def _hash(record: Mapping[str, Any]) -> str:
    body = {key: value for key, value in record.items() if key != "hash"}
    return hashlib.sha256(canonical(body).encode()).hexdigest()


def _read(path: Path) -> tuple[list[Record], int]:
    """The records, and how many bytes of the file are whole lines."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise JournalError(
            f"There is no journal {path.name}.", why=error.strerror or "", remedy="Check the path."
        ) from error
    records: list[Record] = []
    good = 0
    for line in raw.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        records.append(_checked(line, records, path))
        good += len(line)
    if not records:
        raise JournalError(
            f"{path.name} holds no record.",
            why="Nothing was begun, or the records were lost.",
            remedy="Apply again. If that says that something moved, use the plan's rollback commands by hand.",
        )
    return records, good


def _checked(line: bytes, before: list[Record], path: Path) -> Record:
    try:
        record: Record = json.loads(line)
        whole = record["hash"] == _hash(record)
    except (ValueError, KeyError, TypeError):
        whole = False
    if (
        not whole
        or record["prev"] != (before[-1]["hash"] if before else "")
        or record["seq"] != len(before) + 1
    ):
        raise JournalError(
            f"{path.name} is damaged at record {len(before) + 1}.",
            why="A line was changed, lost or added: what is in place cannot be told from it.",
            remedy="Take the undamaged copy. Without one, use the plan's rollback commands by hand.",
        )
    return record


def _unwritable(path: Path, error: OSError) -> JournalError:
    return JournalError(
        f"{path.name} cannot be written.",
        why=error.strerror or str(error),
        remedy="Nothing was sent without a record. Make room or choose another folder, then resume.",
    )


def _locked(path: Path) -> IO[bytes]:
    """The lock beside a journal, which the system frees when a process dies."""
    try:
        lock = path.with_name(f"{path.name}.lock").open("ab")
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        _lock(lock)
    except OSError as error:
        lock.close()
        raise JournalError(
            f"Another process holds {path.name}.", remedy="Wait for it, or end it and resume."
        ) from error
    return lock


def _lock(file: IO[bytes]) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sync_folder(folder: Path) -> None:
    """So that the new file's name is on the disk too; Windows cannot and need not."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
