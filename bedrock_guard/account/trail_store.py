"""A trail kept locally: read once into Parquet parts, then asked in a moment, however often.

Files are known by their name, so a refresh reads only what is new and a new day costs only that day. What was read
stays, also when the files are gone. `model` and `route` are read anew at every look, since the catalogue grows.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.account.trail import Files, about_bytes, whole_file
from bedrock_guard.account.trail_files import Entry, Limits, walk
from bedrock_guard.account.trail_parts import Job, added
from bedrock_guard.account.trail_view import SCHEMA, TrailView
from bedrock_guard.account.trail_workers import made_parts
from bedrock_guard.evidence.left_out import LeftOut
from bedrock_guard.store import UNDATED, Store

if TYPE_CHECKING:
    import pandas as pd

    from bedrock_guard.boundary.catalogue import Catalogue

_TABLE: Final = "trail"
_PART_BYTES: Final = 32 * 1024 * 1024
_DELIVERED: Final = re.compile(
    r"(?:.*/)?(\d{12}_CloudTrail_[a-z0-9-]+_(\d{4})(\d\d)(\d\d)T\d{4}Z_[A-Za-z0-9]+\.json(?:\.gz)?)"
)
_IN_PATH: Final = re.compile(r"(?:.*/)?(\d{4})/(\d\d)/(\d\d)/[^/]+")


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did: files read anew, parts made, and files set aside by name with the reason."""

    files: int = 0
    parts: int = 0
    set_aside: Mapping[str, str] = field(default_factory=dict)


class TrailStore:
    """CloudTrail records kept in a folder.

    Args:
        folder: the store; made by the first refresh. Several processes may read and refresh it at once.

    Example:
        >>> import tempfile
        >>> from bedrock_guard.account.session import Account
        >>> TrailStore(Path(tempfile.mkdtemp())).summary()
        {'records': 0, 'rows': 0, 'left_out': {}}
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.parts = Store(self.folder, _TABLE)

    def refresh(self, path: Path | str, *, workers: int = 0, limits: Limits | None = None) -> Refreshed:
        """Read the files below `path` that the store does not know yet.

        Args:
            path: a folder such as a copy of the trail's bucket, or one file.
            workers: worker processes; 0 reads in this process.
            limits: bounds of a file.

        Raises:
            GuardError: there is nothing at `path`.
            OSError: the store cannot be written.
        """
        return self.take(walk(Path(path)), workers=workers, limits=limits)

    def take(self, entries: Iterable[Entry], *, workers: int = 0, limits: Limits | None = None) -> Refreshed:
        """Read those of some files that the store does not know yet, wherever they come from."""
        known = self.known()
        set_aside: dict[str, str] = {}
        new: list[tuple[str, Entry]] = []
        for entry in entries:
            key = source_key(entry)
            if entry.refused:
                set_aside[entry.name] = entry.refused
            elif key not in known:
                new.append((key, entry))
            elif known[key].get("refused"):
                set_aside[entry.name] = known[key]["refused"]
        jobs = self._jobs(new, limits or Limits())
        for notes in made_parts(jobs, workers):
            set_aside |= {one["name"]: one["refused"] for one in notes.values() if one.get("refused")}
        return Refreshed(len(new), len(jobs), dict(sorted(set_aside.items())))

    def known(self) -> Mapping[str, Any]:
        """What the store has read, by `source_key`, with what was noted of it."""
        return self.parts.sources()

    def _jobs(self, new: Sequence[tuple[str, Entry]], limits: Limits) -> list[Job]:
        by_day: dict[str, list[tuple[str, Entry]]] = defaultdict(list)
        for key, entry in new:
            by_day[delivery_day(entry.name)].append((key, entry))
        return [
            Job(self.folder, _TABLE, SCHEMA, day, piece, limits)
            for day in sorted(by_day)
            for piece in _pieces(by_day[day])
        ]

    def tidy(self, today: date) -> int:
        """Merge the parts of days that are over, and delete what no reader needs: how many days were merged.

        Deliveries of a day can arrive late, so the last two days stay as they are.
        """
        closed = (today - timedelta(days=2)).isoformat()
        days = Counter(part.day for part in self.parts.parts())
        merged = [self.parts.merge(day) for day, count in days.items() if count > 1 and day < closed]
        self.parts.sweep()
        return len(merged)

    def view(self) -> TrailView:
        """The store as it is now, to be asked; later refreshes do not change it."""
        return TrailView(self.parts.parts())

    def summary(self, start: datetime | None = None, end: datetime | None = None) -> dict[str, Any]:
        """`{"records": n, "rows": n, "left_out": {reason: n}}` of everything in the store, which add up.

        Rows are those of the window; the others are left out as `outside_window`.
        """
        records, rows, left_out = added(self.known())
        view = self.view()
        distinct = view.count() if rows else 0
        inside = view.count(start, end) if rows and (start or end) else distinct
        twins = view.twins() if rows else 0
        left_out += Counter({LeftOut.DUPLICATE.value: rows - distinct - twins, LeftOut.TWIN.value: twins})
        left_out += Counter({LeftOut.OUTSIDE_WINDOW.value: distinct - inside})
        return {"records": records, "rows": inside, "left_out": dict(sorted(left_out.items()))}

    def set_aside(self) -> dict[str, str]:
        """The files that could not be read, by name, with the reason."""
        notes = self.parts.sources().values()
        return {one["name"]: one["refused"] for one in notes if one.get("refused")}

    def export(
        self,
        path: Path | str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        lost: str = "",
    ) -> Path:
        """Write the trail table of a window to one Parquet file, for `account.trail.read_parquet`.

        Args:
            path: the file.
            start: first instant wanted (UTC).
            end: first instant no longer wanted.
            lost: what could not be read and is not known to the store, such as prefixes that could not be listed.
        """
        view, own = self.view(), self.set_aside()
        proof = view.provenance(start, end)
        if lost:
            proof = proof.lowered("floor", lost)
        files = Files(len(self.known()) - len(own), own)
        about = about_bytes(self.summary(start, end), files, proof)
        with whole_file(Path(path)) as temporary:
            view.export(temporary, about, start, end)
        return Path(path)

    def calls(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        catalogue: Catalogue | None = None,
        kept: Mapping[str, str] | None = None,
    ) -> pd.DataFrame:
        """The trail table (`evidence.usage.TRAIL`) of a window, each event once. UTC; `end` is no longer in it."""
        return self.view().calls(start, end, catalogue=catalogue, kept=kept)

    def tuples(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        by: Sequence[str] = (),
        catalogue: Catalogue | None = None,
        kept: Mapping[str, str] | None = None,
    ) -> pd.DataFrame:
        """Distinct calls by day with their counts (`evidence.tuples.TUPLES`), which replay is made from."""
        return self.view().tuples(start, end, by=by, catalogue=catalogue, kept=kept)


def delivery_day(name: str) -> str:
    """The day of delivery that a file's name or folder tells, else "undated".

    Example:
        >>> delivery_day("AWSLogs/111122223333/CloudTrail/us-east-1/2026/10/01/a.json.gz"), delivery_day("dump.json")
        ('2026-10-01', 'undated')
    """
    found = _DELIVERED.fullmatch(name)
    dated = found.groups()[1:] if found else _day_in(name)
    try:
        year, month, day = map(int, dated)
        return date(year, month, day).isoformat()
    except ValueError:
        return UNDATED


def _day_in(name: str) -> tuple[str, ...]:
    found = _IN_PATH.fullmatch(name)
    return found.groups() if found else ()


def source_key(entry: Entry) -> str:
    """What the store knows a file by. CloudTrail never gives a name twice; any other file is known by its version."""
    found = _DELIVERED.fullmatch(entry.name)
    return f"{found[1]}:{entry.size}" if found else f"{entry.name}:{entry.size}:{entry.changed}"


def _pieces(files: Sequence[tuple[str, Entry]]) -> Iterator[list[tuple[str, Entry]]]:
    """Files in pieces that each make one part."""
    piece: list[tuple[str, Entry]] = []
    size = 0
    for key, entry in files:
        if piece and size + entry.size > _PART_BYTES:
            yield piece
            piece, size = [], 0
        piece.append((key, entry))
        size += entry.size
    if piece:
        yield piece
