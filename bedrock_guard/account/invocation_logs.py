"""Model invocation logs, from a folder or from the bucket Bedrock delivers them to -> token counts by caller.

    <prefix>/AWSLogs/<account>/BedrockModelInvocationLogs/<region>/YYYY/MM/DD/HH/<name>.json.gz

Each file is opened as if it meant harm, parsed in memory, and only counters, ids and times leave it: bodies hold
prompts and are never kept. Files under `data/` hold bodies alone and are not opened.
https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.account.answers import demanded
from bedrock_guard.account.cost_explorer import FAILURES, told
from bedrock_guard.account.s3 import is_address, list_keys, s3_place, s3_price
from bedrock_guard.account.trail_files import FileRefusedError, Limits, inflate, parse, read_file, walk
from bedrock_guard.evidence.tables import Provenance, with_provenance
from bedrock_guard.evidence.token_counts import TOKENS, of_logs

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account
    from bedrock_guard.boundary.catalogue import Catalogue

SUFFIXES: Final = (".json.gz", ".json", ".jsonl", ".jsonl.gz", ".gz")
_NO_RECORDS: Final = ("/data/", "amazon-bedrock-logs-permission-check")
"""Bodies too large for a record, and the file that a bucket was tested with."""

_LIMITS: Final = Limits()
_NOT_THERE: Final = "logs do not hold bedrock-mantle calls, nor Regions and times without logging"


@dataclass(frozen=True, slots=True)
class LogReading:
    """Token counts out of invocation logs.

    Args:
        frame: TOKENS.
        files: how many files were read.
        foreign: records that are no invocation log.
        set_aside: file -> why it was not read.
    """

    frame: pd.DataFrame
    files: int
    foreign: int
    set_aside: Mapping[str, str]


def read_invocation_logs(
    account: Account, place: str, catalogue: Catalogue, *, kept: Mapping[str, str] | None = None
) -> LogReading:
    """Counters of every log record of a place. A file that cannot be read is set aside, and the reading is a floor.

    Args:
        account: whose credentials read a bucket; a folder needs none.
        place: a folder or file, or `s3://bucket/prefix`, at best of one Region and month.
        catalogue: the models known.
        kept: what opaque names stand for: application inference profile ARN -> model or profile id.

    Raises:
        GuardError: there is nothing at the place, or it may not be listed.
    """
    found = _Files(account.client("s3"), place) if is_address(place) else _Folder(place)
    frames: list[pd.DataFrame] = []
    foreign = 0
    for records in found.read():
        frame, others = of_logs(records, catalogue, kept)
        frames.append(frame)
        foreign += others
    whole = pd.concat(frames, ignore_index=True) if frames else TOKENS.empty()
    said = _said(place, found, account.now, foreign)
    return LogReading(with_provenance(whole, said), len(frames), foreign, found.set_aside)


class _Folder:
    """Files on this machine."""

    def __init__(self, place: str) -> None:
        self.place, self.set_aside, self.requests = place, dict[str, str](), (0, 0)

    def read(self) -> Iterator[list[Any]]:
        for entry in walk(Path(self.place)):
            if any(mark in f"/{entry.name}" for mark in _NO_RECORDS):
                continue
            if entry.refused:
                self.set_aside[entry.name] = entry.refused
                continue
            try:
                yield read_file(entry.path, _LIMITS)
            except FileRefusedError as error:
                self.set_aside[entry.name] = error.what


class _Files:
    """Files of a bucket."""

    def __init__(self, client: Any, place: str) -> None:
        self._client, (self._bucket, self._prefix) = client, s3_place(place)
        self.set_aside, self.requests = dict[str, str](), (0, 0)

    def read(self) -> Iterator[list[Any]]:
        sizes, lists = list_keys(self._client, self._bucket, self._prefix)
        keys = [
            key
            for key in sizes
            if key.lower().endswith(SUFFIXES) and not any(mark in f"/{key}" for mark in _NO_RECORDS)
        ]
        self.requests = (lists, len(keys))
        with ThreadPoolExecutor(max_workers=8) as pool:
            for key, found in pool.map(self._one, keys):
                if isinstance(found, str):
                    self.set_aside[key] = found
                else:
                    yield found

    def _one(self, key: str) -> tuple[str, list[Any] | str]:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            data = demanded(answer, "Body").read(_LIMITS.size + 1)
            if len(data) > _LIMITS.size:
                return key, "too large"
            return key, parse(inflate(data, _LIMITS), _LIMITS)
        except FileRefusedError as error:
            return key, error.what
        except FAILURES as error:
            return key, told(error)


def _said(place: str, found: _Folder | _Files, now: datetime, foreign: int) -> Provenance:
    why = [_NOT_THERE]
    if found.set_aside:
        name, reason = next(iter(found.set_aside.items()))
        why.append(f"{len(found.set_aside)} files were not read, such as {name}: {reason}")
    if foreign:
        why.append(f"{foreign} records are no invocation log")
    lists, gets = found.requests
    return Provenance(
        source=f"Model invocation logs of {place if is_address(place) else 'a folder'}",
        asked_at=now,
        requests=lists + gets,
        request_cost_usd=s3_price(lists, gets),
        completeness="floor",
        why="; ".join(why),
    )
