"""What every check of a spec needs: the text for line numbers, the catalogue, notes; lists and regions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from bedrock_guard.boundary import names
from bedrock_guard.boundary.catalogue import Catalogue
from bedrock_guard.boundary.locate import line_of
from bedrock_guard.boundary.spec_text import SpecError

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Reader:
    """The text for line numbers, the catalogue, and the notes taken on the way."""

    text: str
    catalogue: Catalogue
    notes: list[str] = field(default_factory=list)

    def fault(self, path: Path, what: str, why: str = "", remedy: str = "") -> SpecError:
        """The error of a place, with its key and line."""
        key = ".".join(str(step) for step in path)
        return SpecError(what, why=why, remedy=remedy, key=key, line=line_of(self.text, path))


def regions(reader: Reader, path: Path, regions: Sequence[str], partition: str) -> None:
    """Some region, each of the partition and named once.

    Raises:
        SpecError: none, no region code, one of another partition, or one twice.
    """
    if not regions:
        raise reader.fault(
            path, "No region is named.", remedy="Name the regions from which Bedrock may be called."
        )
    for index, region in enumerate(regions):
        if not names.is_region(region):
            why = names.foreign(region) or names.syntax(region)
            raise reader.fault((*path, index), f"{region!r} is no region code.", why)
        if names.partition_of(region) != partition:
            why = f"{region} is in partition {names.partition_of(region)}, the profile says {partition}."
            raise reader.fault((*path, index), f"{region} is in another partition.", why)
    unique(reader, path, regions)


def each(reader: Reader, path: Path, values: Sequence[str], good: Callable[[str], bool], kind: str) -> None:
    """Each value good, and named once; `kind` says what it should be.

    Raises:
        SpecError: one is not, or stands twice.
    """
    for index, value in enumerate(values):
        if not good(value):
            why = names.foreign(value) or names.syntax(value)
            raise reader.fault((*path, index), f"{value!r} is not {kind}.", why)
    unique(reader, path, values)


def unique(reader: Reader, path: Path, values: Iterable[str]) -> None:
    """No value named twice.

    Raises:
        SpecError: one is.
    """
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            raise reader.fault((*path, index), f"{value!r} is named twice.")
        seen.add(value)
