"""The spec's file: read, compared, and written back with the comments people put into it."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from bedrock_guard.boundary.catalogue import Catalogue
from bedrock_guard.boundary.export import write
from bedrock_guard.boundary.spec import BoundarySpec, SpecError
from bedrock_guard.errors import GuardError


@dataclass(frozen=True)
class SpecFile:
    """A file as it was last read or written: its path, its text, and the spec in it."""

    path: Path
    text: str
    spec: BoundarySpec

    @classmethod
    def read(cls, path: str | Path, catalogue: Catalogue) -> SpecFile:
        """Read a file.

        Raises:
            SpecError: it cannot be used; names key and line.

        """
        if not str(path).strip():
            raise GuardError("No file is named.", remedy="Write the path of a guard.toml.")
        file = Path(str(path).strip()).expanduser()
        spec = BoundarySpec.load(file, catalogue)
        return cls(file, _text(file), spec)

    @classmethod
    def save(
        cls,
        path: str | Path,
        spec: BoundarySpec,
        known: SpecFile | None,
        catalogue: Catalogue,
        *,
        replace: bool = False,
    ) -> SpecFile:
        """Write a spec, and what a person wrote around it; `replace` overwrites a file that is not `known`.

        Raises:
            GuardError: the file is there and is not the one that was read, or it cannot be written.

        """
        if not str(path).strip():
            raise GuardError("No file is named.", remedy="Write the path to save to.")
        file = Path(str(path).strip()).expanduser()
        if file.exists() and not replace:
            _same(file, known)
        text = with_comments(known.text, spec, catalogue) if known else spec.dumps()
        write({file.name: text}, file.parent)
        return cls(file, text, spec)


def _same(file: Path, known: SpecFile | None) -> None:
    if known is None or known.path.resolve() != file.resolve():
        raise GuardError(
            f"{file.name} exists and was not loaded here.", remedy="Load it, tick replace, or name another."
        )
    if _text(file) != known.text:
        raise GuardError(
            f"{file.name} was changed by someone since it was read.",
            remedy="Save under another name and compare, or tick replace.",
        )


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"Cannot read {file.name}.", why=str(error), remedy="Check the path.") from error


def with_comments(text: str, spec: BoundarySpec, catalogue: Catalogue) -> str:
    """The spec's text with the comments and order of `text`; plain where the two cannot be brought together."""
    plain = spec.dumps()
    try:
        document = tomlkit.parse(text)
        _bring(document, tomlkit.parse(plain).unwrap())
        merged = tomlkit.dumps(document)
        same = BoundarySpec.loads(merged, catalogue) == BoundarySpec.loads(plain, catalogue)
    except (TOMLKitError, GuardError, ValueError, TypeError, KeyError):
        return plain
    return merged if same else plain


def _bring(old: MutableMapping[str, Any], new: dict[str, Any]) -> None:
    """Make `old` say what `new` says, touching only what differs."""
    for key in [key for key in old if key not in new]:
        # What is written out though it is the default stays; loading tells whether it still says the same.
        if isinstance(old[key], MutableMapping | list):
            del old[key]
    for key, value in new.items():
        here = old.get(key)
        if isinstance(here, MutableMapping) and isinstance(value, dict):
            _bring(here, value)
        elif isinstance(here, list) and value and isinstance(value[0], dict) and len(here) == len(value):
            for entry, wanted in zip(here, value, strict=True):
                _bring(entry, wanted)
        elif here is None or _plain(here) != value:
            old[key] = value


def _plain(value: Any) -> Any:
    return value.unwrap() if hasattr(value, "unwrap") else value
