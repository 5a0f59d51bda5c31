"""Where reports are kept: a folder or a bucket. Every run is a folder of its own; nothing is ever overwritten.

A run is whole or not there: a local one is made aside and moved in one step, in a bucket figures.json is put last, and
a run without it counts as none. So two runs at once, a rerun and a run after a missed night cannot hurt each other.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from bedrock_guard.errors import GuardError
from bedrock_guard.reports.figures import FILE
from bedrock_guard.reports.remedies import remedy_for
from bedrock_guard.reports.settings import BadParameters

if TYPE_CHECKING:
    import boto3
    from botocore.client import BaseClient

FAILED: Final = "failed"
_MAKING: Final = ".making-"
_STALE_S: Final = 24 * 3600
_MOST_EARLIER: Final = 60
_S3: Final = "s3://"
_BUCKET: Final = r"[a-zA-Z0-9._-]{1,255}"
_PLACE: Final = "Give --out a folder that is there or can be made, and can be written, or s3://BUCKET/PREFIX."
_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EIO}
_REMEDIES: Final = {
    "NoSuchBucket": "There is no such bucket: check the address given by --out.",
    "PermanentRedirect": "The bucket is in another Region: give the profile that Region.",
}
_TYPES: Final = {
    ".ipynb": "application/x-ipynb+json",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
}


class PlaceFailed(GuardError):  # noqa: N818 - reads as what happened
    """The output folder or bucket cannot be read or written; nothing half-written is left in it."""

    exit_status = 4


class Place(Protocol):
    """Where a run's files go, and where earlier runs are."""

    def making(self) -> AbstractContextManager[Path]:
        """A folder of one's own to make the files in; it is gone afterwards."""
        ...

    def publish(self, made: Path, name: str) -> str:
        """Put the finished files of `made` there under `name`; returns the run's address."""
        ...

    def keep_failed(self, notebook: Path, name: str) -> str:
        """Keep a partial notebook under failed/; returns its address."""
        ...

    def earlier(self, report: str, making: Path) -> Path:
        """A local folder that holds the figures.json of earlier runs of a report, one folder a run."""
        ...


def run_name(report: str) -> str:
    """The name of a run: report, moment, and a random end, so that no two are alike; names sort by time."""
    return f"{report}_{datetime.now(UTC):%Y%m%dT%H%M%SZ}_{secrets.token_hex(2)}"


def place_of(out: str, client: Callable[[], BaseClient]) -> Place:
    """The place of an address: `s3://BUCKET/PREFIX`, or the path of a folder.

    Args:
        out: the address.
        client: makes an S3 client, asked for only when the place is a bucket.

    Raises:
        BadParameters: a bucket's address without a bucket.

    """
    check_place(out)
    if not out.startswith(_S3):
        return Folder(Path(out).expanduser())
    bucket, _, prefix = out.removeprefix(_S3).partition("/")
    return Bucket(bucket, prefix.strip("/"), client())


def check_place(out: object) -> str:
    """The address as it can be one: of a folder that is there or may be made, or of a bucket's name.

    Raises:
        BadParameters: it is no text, or names no bucket, or a file stands where the folder would.

    """
    if not isinstance(out, str) or not out.strip() or not out.isprintable():
        raise BadParameters(f"The output folder (out) is {out!r}: that names none.", remedy=_PLACE)
    if out.startswith(_S3):
        bucket = out.removeprefix(_S3).partition("/")[0]
        if not re.fullmatch(_BUCKET, bucket):
            raise BadParameters(f"{out} names no bucket.", remedy="Write s3://BUCKET/PREFIX.")
        return out
    path = Path(out).expanduser()
    try:
        file = next((one for one in (path, *path.parents) if one.exists() and not one.is_dir()), None)
    except OSError as error:
        raise _no_place(path, error) from error
    if file:
        raise BadParameters(
            f"No report can be kept in {path}.", why=f"{file} is there and is no folder.", remedy=_PLACE
        )
    return out


def session_of(account: str) -> boto3.Session:
    """A boto3 session of a profile; of the demo, and of "default", by boto3's own choice."""
    import boto3

    return boto3.Session(profile_name=None if account in {"demo", "default"} else account)


@dataclass(frozen=True)
class Folder:
    """A folder of this machine."""

    path: Path

    @contextlib.contextmanager
    def making(self) -> Iterator[Path]:
        """A private folder inside it, so that moving a finished run is one rename."""
        check_place(str(self.path))
        own = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        made = self.path / f"{_MAKING}{secrets.token_hex(4)}"
        try:
            self._make(made)
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)
            for folder in own:
                with contextlib.suppress(OSError):  # one with a run in it stays
                    folder.rmdir()

    def _make(self, made: Path) -> None:
        try:
            made.mkdir(mode=0o700, parents=True)  # at once: another run may take an empty folder away
            self._sweep()
        except OSError as error:
            raise _no_place(self.path, error) from error

    def publish(self, made: Path, name: str) -> str:
        """Flush the files and move their folder in one step; `latest_REPORT` then points at it."""
        target = self.path / name
        try:
            for file in made.iterdir():
                with file.open("rb") as held:
                    os.fsync(held.fileno())
            made.rename(target)
        except OSError as error:
            raise _failed(self.path, error) from error
        self._point(name)
        return str(target)

    def keep_failed(self, notebook: Path, name: str) -> str:
        """Move the partial notebook to failed/NAME.ipynb."""
        kept = self.path / FAILED
        try:
            kept.mkdir(exist_ok=True)
            notebook.replace(kept / f"{name}.ipynb")
        except OSError as error:
            raise _failed(kept, error) from error
        return str(kept / f"{name}.ipynb")

    def earlier(self, report: str, making: Path) -> Path:
        """Itself: earlier runs are folders in it."""
        del report, making
        return self.path

    def _point(self, name: str) -> None:
        """A link of a stable name; a file system without links goes without."""
        link = self.path / f"latest_{name.partition('_')[0]}"
        aside = self.path / f"{_MAKING}link-{secrets.token_hex(4)}"
        with contextlib.suppress(OSError):
            aside.symlink_to(name, target_is_directory=True)
            aside.replace(link)

    def _sweep(self) -> None:
        """Remove what a killed run left behind, once it is a day old."""
        for left in self.path.glob(f"{_MAKING}*"):
            if left.is_dir() and not left.is_symlink() and time.time() - left.stat().st_mtime > _STALE_S:
                shutil.rmtree(left, ignore_errors=True)


@dataclass(frozen=True)
class Bucket:
    """A prefix of a bucket. Needs s3:PutObject, s3:GetObject and s3:ListBucket on it."""

    bucket: str
    prefix: str
    client: Any = field(repr=False)

    @contextlib.contextmanager
    def making(self) -> Iterator[Path]:
        """A private folder of this machine."""
        with tempfile.TemporaryDirectory(prefix="bedrock-guard-report-") as folder:
            yield Path(folder)

    def publish(self, made: Path, name: str) -> str:
        """Put every file, figures.json last."""
        for file in sorted(made.iterdir(), key=lambda file: (file.name == FILE, file.name)):
            self._put(file, f"{name}/{file.name}")
        return f"s3://{self.bucket}/{self._key(name)}"

    def keep_failed(self, notebook: Path, name: str) -> str:
        """Put the partial notebook under failed/."""
        self._put(notebook, f"{FAILED}/{name}.ipynb")
        return f"s3://{self.bucket}/{self._key(FAILED)}/{name}.ipynb"

    def earlier(self, report: str, making: Path) -> Path:
        """Copies of the newest runs' figures.json."""
        folder = making / "earlier"
        start = self._key(f"{report}_")
        with _s3_errors(self.bucket, "s3:ListBucket and s3:GetObject"):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=start)
            keys = sorted(
                item["Key"]
                for page in pages
                for item in page.get("Contents", ())
                if item["Key"].endswith(f"/{FILE}")
            )
            for key in keys[-_MOST_EARLIER:]:
                held = self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
                copy = folder / key.split("/")[-2] / FILE
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(held)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name

    def _put(self, file: Path, name: str) -> None:
        kind = _TYPES.get(file.suffix, "application/octet-stream")
        with _s3_errors(self.bucket, "s3:PutObject"):
            self.client.put_object(
                Bucket=self.bucket, Key=self._key(name), Body=file.read_bytes(), ContentType=kind
            )


@contextlib.contextmanager
def _s3_errors(bucket: str, needs: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown error")
        lacks = f"The caller needs {needs} on the bucket and its key; see docs/policies/report-delivery.json."
        raise PlaceFailed(
            f"The bucket {bucket} did not take part: {code}.",
            why="A run without figures.json is none; nothing counts as written.",
            remedy=_REMEDIES.get(code) or (lacks if "Denied" in code else remedy_for(str(error))),
        ) from error
    except BotoCoreError as error:
        raise PlaceFailed(
            f"The bucket {bucket} could not be reached.",
            why=f"{type(error).__name__}: {error}",
            remedy="Check credentials and network, then run again: every run is whole by itself.",
        ) from error


def _failed(path: Path, error: OSError) -> PlaceFailed:
    return PlaceFailed(
        f"Nothing could be written to {path}.",
        why=f"{error.strerror or error}",
        remedy="Make room, or give a folder that exists and can be written; then run again.",
    )


def _no_place(path: Path, error: OSError) -> GuardError:
    """Nothing ran yet: a folder that cannot be one is a wrong parameter, a full disk is not."""
    if error.errno in _FULL:
        return _failed(path, error)
    return BadParameters(f"No report can be kept in {path}.", why=f"{error.strerror}.", remedy=_PLACE)


def earlier_folders(path: Path, report: str) -> Sequence[Path]:
    """Folders of finished runs of a report, oldest first."""
    if not path.is_dir():
        return ()
    return sorted(found.parent for found in path.glob(f"{report}_*/{FILE}") if not found.parent.is_symlink())
