"""Files that should hold CloudTrail records, opened as if each of them meant harm.

Nothing outside the folder is touched, no link is followed, nothing grows beyond its bounds, and a file that cannot be
read whole is refused with its reason, so that the rest can be read.
"""

from __future__ import annotations

import json
import os
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final, NoReturn

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.left_out import LeftOut


def _inflater() -> Any:
    """Igzip where it is installed: it inflates about three times as fast as zlib."""
    try:
        return import_module("isal.isal_zlib")
    except ImportError:
        return zlib


_GZIP: Final = _inflater()
_MIB: Final = 1024 * 1024
SUFFIXES: Final = (".json", ".json.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz", ".gz")
_GZIP_MAGIC: Final = b"\x1f\x8b"
_CHUNK: Final = 4 * _MIB
_BELIEVED: Final = 20


class FileRefusedError(GuardError):
    """A file was not read; `what` is the reason."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large things may grow.

    Args:
        size: bytes of a file after inflating.
        ratio: inflated bytes per compressed byte, once more than `ratio_from` bytes came out. CloudTrail files have
            about 9; deflate can reach 1,032.
        ratio_from: inflated bytes below which the ratio does not matter.
        line: bytes of one line. CloudTrail writes a whole file as one line, of a few megabytes.
    """

    size: int = 512 * _MIB
    ratio: int = 200
    ratio_from: int = 16 * _MIB
    line: int = 64 * _MIB


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the folder by its name inside it, or the reason why it is not to be opened.

    `stamp` tells versions of a file apart: its size and when it was changed.
    """

    name: str
    path: Path
    refused: str = ""
    size: int = 0
    changed: int = 0


def walk(root: Path) -> Iterator[Entry]:
    """Every file below `root` in the order of names; links and folders that cannot be listed come with a reason.

    Raises:
        GuardError: there is nothing at `root`.
    """
    if not root.exists():
        raise GuardError(f"There is no folder or file {root.name!r}.", remedy="Give the folder of the files.")
    base = root.resolve()
    if base.is_file():
        status = base.stat()
        yield Entry(_shown(base.name), base, "", status.st_size, status.st_mtime_ns)
        return
    if not base.is_dir():
        yield Entry(_shown(base.name), base, "not a regular file")
        return
    yield from _below(base, base, "")


def _below(base: Path, folder: Path, prefix: str) -> Iterator[Entry]:
    try:
        listed = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Entry(_shown(prefix.rstrip("/") or "."), folder, f"cannot be listed: {error.strerror}")
        return
    for found in listed:
        name = prefix + found.name
        if found.is_dir(follow_symlinks=False):
            yield from _below(base, Path(found.path), f"{name}/")
        else:
            yield _entry(base, found, _shown(name))


def _entry(base: Path, found: os.DirEntry[str], name: str) -> Entry:
    path = Path(found.path)
    if found.is_symlink():
        return Entry(name, path, _link_reason(base, path))
    if not found.is_file(follow_symlinks=False):
        return Entry(name, path, "not a regular file")
    if not found.name.lower().endswith(SUFFIXES):
        return Entry(name, path, "its name does not end in .json or .json.gz")
    try:
        status = found.stat(follow_symlinks=False)
    except OSError as error:
        return Entry(name, path, f"cannot be opened: {error.strerror}")
    return Entry(name, path, "", status.st_size, status.st_mtime_ns)


def _shown(name: str) -> str:
    return name if name.isascii() else name.encode("utf-8", "replace").decode("utf-8")


def _link_reason(base: Path, path: Path) -> str:
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return "a link that leads nowhere or in a circle; links are not followed"
    if not target.is_relative_to(base):
        return "a link out of the folder; links are not followed"
    if target.is_dir():
        return "a link to a folder of the same tree, which would make a loop; links are not followed"
    return "a link to another file of the folder; links are not followed"


def read_file(path: Path, limits: Limits = Limits()) -> list[Any]:
    """The records of one file, each as whatever JSON value stands in its place.

    A line that is no JSON among lines that are stands as `LeftOut.UNREADABLE`.

    Raises:
        FileRefusedError: the file cannot be read whole within the limits.
    """
    return parse(inflate(bytes_of(path, limits), limits), limits)


def bytes_of(path: Path, limits: Limits) -> bytes:
    """The bytes of a regular file; the open itself refuses a link put in its place meanwhile.

    Raises:
        FileRefusedError: no regular file, too large, or it cannot be opened.
    """
    flags = (
        os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FileRefusedError("not a regular file")
            if status.st_size > limits.size:
                raise FileRefusedError(f"larger than {limits.size // _MIB} MiB")
            return _whole(file, status.st_size, limits.size)
    except OSError as error:
        raise FileRefusedError(f"cannot be opened: {error.strerror}") from error


def _whole(file: IO[bytes], size: int, most: int) -> bytes:
    """All that a file holds, also when it grows meanwhile; never more than a byte too much."""
    data = file.read(size + 1)
    return data if len(data) <= size else data + file.read(max(0, most - size))


def inflate(data: bytes, limits: Limits = Limits()) -> bytes:
    """The bytes themselves, or what they inflate to when they are gzip (of one member or several).

    Raises:
        FileRefusedError: truncated, damaged, or growing beyond the limits.
    """
    if not data.startswith(_GZIP_MAGIC):
        return data
    parts: list[bytes] = []
    size, rest, step = 0, data, _first_step(data)
    while rest.strip(b"\0"):
        if not rest.startswith(_GZIP_MAGIC):
            raise FileRefusedError("damaged gzip")
        member = _GZIP.decompressobj(zlib.MAX_WBITS | 16)
        while not member.eof:
            piece = _step(member, rest, step)
            rest = member.unconsumed_tail
            size += len(piece)
            _check_growth(size, len(data), limits)
            parts.append(piece)
        rest = member.unused_data
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _first_step(data: bytes) -> int:
    """How much to inflate at once: what the file's end says it holds, where that is believable."""
    told = int.from_bytes(data[-4:], "little") + 1
    return told if _CHUNK < told <= _BELIEVED * len(data) else _CHUNK


def _step(member: Any, rest: bytes, most: int) -> bytes:
    try:
        piece: bytes = member.decompress(rest, most)
    except _GZIP.error as error:
        raise FileRefusedError("damaged gzip") from error
    if not piece and not member.eof and not member.unconsumed_tail:
        raise FileRefusedError("truncated gzip")
    return piece


def _check_growth(size: int, compressed: int, limits: Limits) -> None:
    if size > limits.size:
        raise FileRefusedError(f"inflates to more than {limits.size // _MIB} MiB")
    if size > limits.ratio_from and size > limits.ratio * compressed:
        raise FileRefusedError(f"inflates to more than {limits.ratio} times its size")


def parse(data: bytes, limits: Limits = Limits()) -> list[Any]:
    """The records in the text of a file: one document, or several one after another (as one a line).

    Raises:
        FileRefusedError: no UTF-8, no JSON, nested too deeply, NaN, or a line that is too long.
    """
    check_lines(data, limits)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileRefusedError("not UTF-8 text") from error
    if not text.strip():
        raise FileRefusedError("empty")
    try:
        return _expand(_DECODER.decode(text))
    except _ConstantError as error:
        raise FileRefusedError("NaN or Infinity, which JSON does not have") from error
    except RecursionError as error:
        raise FileRefusedError("nested too deeply") from error
    except json.JSONDecodeError as error:
        return _several(text, error)
    except ValueError as error:
        raise FileRefusedError("a number too long to read") from error


def check_lines(data: bytes, limits: Limits) -> None:
    """Refuse a line that is too long.

    Raises:
        FileRefusedError: there is one.
    """
    if len(data) > limits.line and _longest_line(data) > limits.line:
        raise FileRefusedError(f"a line longer than {limits.line // _MIB} MiB")


def _longest_line(data: bytes) -> int:
    longest = start = 0
    while (end := data.find(b"\n", start)) >= 0:
        longest, start = max(longest, end - start), end + 1
    return max(longest, len(data) - start)


class _ConstantError(ValueError):
    """NaN, Infinity or -Infinity stood where a number should."""


def _refuse_constant(name: str) -> NoReturn:
    raise _ConstantError(name)


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def _several(text: str, error: json.JSONDecodeError) -> list[Any]:
    """Documents one after another; a line that is none counts as one unreadable record."""
    if not error.msg.startswith("Extra data") and not _second_line_is_record(text):
        raise FileRefusedError(f"not JSON (line {error.lineno})") from error
    items: list[Any] = []
    position, end = 0, len(text)
    while position < end:
        if text[position].isspace():
            position += 1
            continue
        try:
            document, position = _DECODER.raw_decode(text, position)
            items.extend(_expand(document))
        except (ValueError, RecursionError):
            items.append(LeftOut.UNREADABLE)
            line_end = text.find("\n", position)
            position = end if line_end < 0 else line_end + 1
    return items


def _second_line_is_record(text: str) -> bool:
    lines = text.split("\n", 2)
    try:
        return len(lines) > 1 and isinstance(_DECODER.decode(lines[1]), dict)
    except (ValueError, RecursionError):
        return False


def _expand(document: Any) -> list[Any]:
    """The records that a document holds: `Records`, a page or dump of LookupEvents, a list of either, or itself."""
    if isinstance(document, list):
        return [record for item in document for record in (_held(item) if isinstance(item, dict) else [item])]
    return _held(document) if isinstance(document, dict) else [document]


def _held(document: dict[str, Any]) -> list[Any]:
    if "eventSource" in document or "CloudTrailEvent" in document:
        return [document]
    for name in ("Records", "records", "Events", "events"):
        if name in document and (isinstance(document[name], list) or document[name] is None):
            return document[name] or []
    return [document]
