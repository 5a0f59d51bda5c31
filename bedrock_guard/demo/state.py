"""Where the demo account lives: one SQLite file, shared by threads and processes.

Tables:

- ``items(service, kind, account, region, key, body)``: everything a service keeps, one JSON object each, in the
  member names of AWS's API; times as ISO 8601 text, policy documents as JSON text. ``region`` is ``""`` for
  what is global (IAM, Organizations). Handlers use ``Items``, not SQL.
- ``changes``: what each item was before each write, with the demo time: this is what a stale read is made of.
- ``events``: CloudTrail records. ``at`` and ``visible`` are whole seconds since 1970 UTC (an event shows in Event
  history only from ``visible`` on), ``read_only`` is ``"true"``/``"false"`` or NULL, ``category`` is ``Management``,
  ``Data``, ..., ``body`` is the record as JSON text.
- ``bill``: bill lines. ``day`` is ``YYYY-MM-DD``, ``quantity`` and ``cost`` are decimal text (NULL is unknown),
  ``body`` is the whole line as JSON.
- ``meta(key, value)``: the seed and size, which sections are loaded, the demo clock.

Sections (``core``, ``events``, ``bill``) are loaded from the company when first needed, inside a write
transaction, so that opening an account stays cheap and two processes never load twice.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bedrock_guard.demo.clock import DemoClock
from bedrock_guard.demo.errors import DemoStateError

SCHEMA_VERSION = "2"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items(
  service TEXT, kind TEXT, account TEXT, region TEXT, key TEXT, body TEXT NOT NULL,
  PRIMARY KEY(service, kind, account, region, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes(
  seq INTEGER PRIMARY KEY, at REAL NOT NULL,
  service TEXT, kind TEXT, account TEXT, region TEXT, key TEXT, before TEXT);
CREATE INDEX IF NOT EXISTS changes_by_item ON changes(service, kind, account, region, key, seq);
CREATE TABLE IF NOT EXISTS events(
  seq INTEGER PRIMARY KEY, event_id TEXT, at INTEGER NOT NULL, visible INTEGER NOT NULL, account TEXT, region TEXT,
  source TEXT, name TEXT, user_name TEXT, access_key TEXT, read_only TEXT, category TEXT, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS events_by_time ON events(account, region, at);
CREATE TABLE IF NOT EXISTS bill(
  line INTEGER PRIMARY KEY, day TEXT, account TEXT, region TEXT, service TEXT, usage_type TEXT, operation TEXT,
  record_type TEXT, quantity TEXT, unit TEXT, cost TEXT, currency TEXT, body TEXT);
CREATE INDEX IF NOT EXISTS bill_by_day ON bill(day);
"""

Body = dict[str, Any]
Loader = Callable[["State", str], None]


class State:
    """One open state file.

    Args:
        path: the SQLite file; made when absent.
        clock: the demo clock; it catches up with what another process has written.
        load: called as ``load(state, section)`` inside a write transaction for a section not there yet.

    Raises:
        DemoStateError: the file is not a demo state, or of another version.

    """

    def __init__(self, path: Path, clock: DemoClock, load: Loader) -> None:
        self.path = path
        self.clock = clock
        self._load = load
        self._lock = threading.RLock()
        self._loaded: set[str] = set()
        self._depth = 0
        try:
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            self._prepare()
        except sqlite3.OperationalError as error:
            raise DemoStateError(
                f"{path.name} cannot be opened as a demo state file.",
                why=str(error),
                remedy="Give a path in a folder that exists and can be written.",
            ) from error
        except sqlite3.DatabaseError as error:
            raise DemoStateError(
                f"{path.name} is not a demo state file.",
                why=str(error),
                remedy="Give another path, or a new one.",
            ) from error

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        if self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone() is None:
            self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        with self.transaction(write=True):
            if self.meta("schema") is None:
                self.set_meta("schema", SCHEMA_VERSION)
        if self.meta("schema") != SCHEMA_VERSION:
            raise DemoStateError(
                f"{self.path.name} was made by another version of the demo account.",
                remedy="Give a new path, or delete the file.",
            )

    def _catch_up(self) -> None:
        stored = self.meta("clock")
        if stored:
            self.clock.catch_up(datetime.fromisoformat(stored))

    def close(self) -> None:
        """Close the file; what was answered is already committed."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[None]:
        """One transaction; an exception rolls it back. A nested one is part of the outer one."""
        with self._lock:
            if self._depth:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            self._depth = 1
            try:
                self._catch_up()
                yield
                if write:
                    self.set_meta("clock", self.clock.now().isoformat())
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            else:
                self._db.execute("COMMIT")
            finally:
                self._depth = 0

    def ensure(self, section: str) -> None:
        """Load a section of the company unless it is there."""
        if section in self._loaded:
            return
        with self._lock:
            mark = f"loaded:{section}"
            if self.meta(mark) is None:
                with self.transaction(write=True):
                    if self.meta(mark) is None:
                        self._load(self, section)
                        self.set_meta(mark, "yes")
            self._loaded.add(section)

    def meta(self, key: str) -> str | None:
        """A stored fact about this file."""
        row = self.one("SELECT value FROM meta WHERE key = ?", (key,))
        return None if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        """Store a fact about this file."""
        self.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def one(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row of a query."""
        with self._lock:
            row: tuple[Any, ...] | None = self._db.execute(sql, values).fetchone()
            return row

    def execute(self, sql: str, values: Sequence[Any] = ()) -> None:
        """One statement that changes something."""
        with self._lock:
            self._db.execute(sql, values)

    def insert_many(self, sql: str, values: Iterator[Sequence[Any]]) -> None:
        """Many rows at once."""
        with self._lock:
            self._db.executemany(sql, values)

    def next_number(self, name: str) -> int:
        """1, 2, 3, ... per name and file: what made-up identifiers are derived from. Within a write transaction."""
        number = int(self.meta(f"number:{name}") or "0") + 1
        self.set_meta(f"number:{name}", str(number))
        return number

    def items(self, service: str, account: str, region: str = "", *, seconds_old: float = 0.0) -> Items:
        """The items of one service in one account and Region (``""``: global)."""
        return Items(self, service, account, region, seconds_old)


class Items:
    """One service's items in one account and Region: JSON objects by kind and key.

    With ``seconds_old`` reads show what was there so many demo seconds ago; writes are always on the present.
    """

    __slots__ = ("_old", "_state", "account", "region", "service")

    def __init__(self, state: State, service: str, account: str, region: str, seconds_old: float) -> None:
        self._state = state
        self.service = service
        self.account = account
        self.region = region
        self._old = seconds_old

    def at(
        self, *, service: str | None = None, account: str | None = None, region: str | None = None
    ) -> Items:
        """The same view elsewhere."""
        return Items(
            self._state,
            self.service if service is None else service,
            self.account if account is None else account,
            self.region if region is None else region,
            self._old,
        )

    def get(self, kind: str, key: str) -> Body | None:
        """One item, or None."""
        row = self._state.one(
            "SELECT body FROM items WHERE service=? AND kind=? AND account=? AND region=? AND key=?",
            self._where(kind, key),
        )
        text = None if row is None else row[0]
        if self._old:
            text = self._past(kind, key, text)
        return None if text is None else json.loads(text)

    def all(self, kind: str) -> list[tuple[str, Body]]:
        """Every item of a kind with its key, in the order of the keys."""
        found: dict[str, str] = dict(
            self._state.rows(
                "SELECT key, body FROM items WHERE service=? AND kind=? AND account=? AND region=? ORDER BY key",
                self._where(kind),
            )
        )
        if self._old:
            found = self._all_past(kind, found)
        # One array is read far faster than many objects.
        return list(zip(found, json.loads(f"[{','.join(found.values())}]"), strict=True))

    def bodies(self, kind: str) -> list[Body]:
        """Every item of a kind, in the order of the keys."""
        return [body for _, body in self.all(kind)]

    def put(self, kind: str, key: str, body: Body) -> None:
        """Write one item."""
        self._remember(kind, key)
        self.load(kind, key, body)

    def load(self, kind: str, key: str, body: Body) -> None:
        """Write one item as if it had always been there."""
        self._state.execute(
            "INSERT OR REPLACE INTO items VALUES (?,?,?,?,?,?)", (*self._where(kind, key), to_json(body))
        )

    def delete(self, kind: str, key: str) -> None:
        """Remove one item; one that is absent stays absent."""
        self._remember(kind, key)
        self._state.execute(
            "DELETE FROM items WHERE service=? AND kind=? AND account=? AND region=? AND key=?",
            self._where(kind, key),
        )

    def _where(self, kind: str, *key: str) -> tuple[str, ...]:
        return (self.service, kind, self.account, self.region, *key)

    def _remember(self, kind: str, key: str) -> None:
        self._state.execute(
            "INSERT INTO changes(at, service, kind, account, region, key, before) SELECT ?, ?, ?, ?, ?, ?,"
            " (SELECT body FROM items WHERE service=? AND kind=? AND account=? AND region=? AND key=?)",
            (self._state.clock.now().timestamp(), *self._where(kind, key), *self._where(kind, key)),
        )

    def _horizon(self) -> float:
        return self._state.clock.now().timestamp() - self._old

    def _past(self, kind: str, key: str, present: str | None) -> str | None:
        row = self._state.one(
            "SELECT before FROM changes WHERE service=? AND kind=? AND account=? AND region=? AND key=? AND at > ?"
            " ORDER BY seq LIMIT 1",
            (*self._where(kind, key), self._horizon()),
        )
        return present if row is None else row[0]

    def _all_past(self, kind: str, present: dict[str, str]) -> dict[str, str]:
        rows = self._state.rows(
            "SELECT key, before FROM changes WHERE service=? AND kind=? AND account=? AND region=? AND at > ?"
            " ORDER BY seq DESC",
            (*self._where(kind), self._horizon()),
        )
        past: dict[str, str | None] = {**present, **dict(rows)}  # the earliest change comes last and wins
        return {key: text for key, text in sorted(past.items()) if text is not None}


def to_json(body: Any) -> str:
    """Compact JSON; aware times as ISO 8601 with Z."""
    return _ENCODER.encode(body)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return iso(value)
    raise TypeError(f"{type(value).__name__} cannot be kept in the demo state")


_ENCODER = json.JSONEncoder(separators=(",", ":"), default=_plain)


def iso(moment: datetime) -> str:
    """``2026-11-20T12:00:00Z``, with a fraction only where there is one."""
    if moment.tzinfo is None:
        raise ValueError("a naive time has no place in the demo state")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


EVENT_SQL = (
    "INSERT INTO events(event_id, at, visible, account, region, source, name, user_name, access_key, read_only,"
    " category, body) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
)


def event_row(record: Body, delay_seconds: int = 300) -> tuple[Any, ...]:
    """One CloudTrail record as a row of ``events``; it shows ``delay_seconds`` after it happened."""
    who = record.get("userIdentity") or {}
    issuer = ((who.get("sessionContext") or {}).get("sessionIssuer")) or {}
    session = str(who.get("arn", "")).rpartition("/")[2] if who.get("type") == "AssumedRole" else None
    at = int(datetime.fromisoformat(record["eventTime"]).timestamp())
    read_only = record.get("readOnly")
    return (
        record.get("eventID"),
        at,
        at + delay_seconds,
        record.get("recipientAccountId") or who.get("accountId"),
        record.get("awsRegion"),
        record.get("eventSource"),
        record.get("eventName"),
        session
        or who.get("userName")
        or issuer.get("userName")
        or (who.get("type") == "Root" and "root")
        or None,
        who.get("accessKeyId"),
        None if read_only is None else str(read_only).lower(),
        record.get("eventCategory", "Management"),
        to_json(record),
    )
