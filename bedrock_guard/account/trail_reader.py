"""One trail file into rows: the fast reader where it can, the careful one for the rest, which names what it refuses.

Imports no pandas, so that worker processes start quickly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bedrock_guard.account.trail_files import FileRefusedError, Limits, bytes_of, check_lines, inflate, parse
from bedrock_guard.evidence.record_columns import Columns
from bedrock_guard.evidence.records import read_items

if TYPE_CHECKING:
    from bedrock_guard.account.trail_fast import FastReader


class Reader(Protocol):
    """Reads the inflated bytes of a delivered file; None when they are for the careful reader."""

    def read(self, data: bytes) -> tuple[int, Columns] | None:
        """How many records there are, and their columns."""
        ...


def fast_reader() -> FastReader | None:
    """The fast reader; None where simdjson is not installed."""
    try:
        from bedrock_guard.account.trail_fast import FastReader
    except ImportError:
        return None
    return FastReader()


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What became of one file: its records, or the reason why it was set aside."""

    records: int = 0
    columns: Columns | None = None
    refused: str = ""


@dataclass(slots=True)
class TrailReader:
    """Reads trail files, one after another.

    Args:
        limits: bounds of a file.
        fast: the fast reader; None reads everything carefully.
    """

    limits: Limits = field(default_factory=Limits)
    fast: Reader | None = field(default_factory=fast_reader)

    def read(self, path: Path) -> ReadFile:
        """Read a file of a folder."""
        try:
            return self.read_bytes(bytes_of(path, self.limits))
        except FileRefusedError as refusal:
            return ReadFile(refused=refusal.what)

    def read_bytes(self, data: bytes) -> ReadFile:
        """Read the bytes of a file, gzip or not."""
        try:
            inflated = inflate(data, self.limits)
            check_lines(inflated, self.limits)
            found = self.fast.read(inflated) if self.fast else None
            return ReadFile(*(found or read_items(parse(inflated, self.limits))))
        except FileRefusedError as refusal:
            return ReadFile(refused=refusal.what)
        except MemoryError:
            return ReadFile(refused="too large for the memory of this machine")
