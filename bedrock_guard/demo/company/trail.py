"""The demo history as CloudTrail files, in the layout CloudTrail itself writes to S3.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from bedrock_guard.demo.company.clock import dice
from bedrock_guard.demo.company.make import Company, stream_events
from bedrock_guard.demo.company.organization import ORGANIZATION
from bedrock_guard.demo.company.plan import make_plan

RECORDS_PER_FILE: Final = 5_000
_DELIVERY: Final = timedelta(minutes=6)
_UNIQUE: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True)
class Written:
    """What `write_trail` wrote: files, records in them, bytes on disk (compressed)."""

    files: int
    records: int
    size: int


def write_trail(
    company: Company, folder: Path | str, events: int | None = None, *, per_file: int = RECORDS_PER_FILE
) -> Written:
    """Write the company's history as gzipped CloudTrail files below `folder`.

    Files lie at `AWSLogs/<org>/<account>/CloudTrail/<region>/YYYY/MM/DD/` under the day of delivery, which is
    minutes after the events: one of 23:58 lies in the next day's folder. Records in a file are not in order.
    Data events of the mantle endpoint are among them, as the company's trail selects them.

    Args:
        company: whose history.
        folder: made when absent; existing files of the same name are replaced.
        events: number of model calls of the history; by default those of the company. The same plan is then cut
            into so many calls, a day at a time, so that millions need no more memory than one day's.
        per_file: the most records of one file; a small number makes many small files, as a real trail has.

    Returns:
        What was written.
    """
    plan = company.plan
    if events is None:
        source: Iterable[dict[str, Any]] = company.events
    else:
        source = stream_events(make_plan(plan.seed, plan.days, len(plan.accounts), events))
    root = Path(folder)
    files = records = size = 0
    for name, batch in _batches(source, plan.seed, per_file):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # mtime 0: the same history gives the same bytes.
        path.write_bytes(gzip.compress(_body(batch), compresslevel=3, mtime=0))
        files, records, size = files + 1, records + len(batch), size + path.stat().st_size
    return Written(files, records, size)


def _body(batch: list[dict[str, Any]]) -> bytes:
    return json.dumps({"Records": batch}, separators=(",", ":")).encode()


def _batches(
    source: Iterable[dict[str, Any]], seed: int, per_file: int
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """File names and their records, shuffled, a delivery day at a time."""
    for day, records in groupby(source, key=lambda record: _delivered(record)[:8]):
        rng = dice(seed, "trail", day)
        piles: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for record in records:
            piles.setdefault((record["recipientAccountId"], record["awsRegion"]), []).append(record)
        for (account, region), pile in sorted(piles.items()):
            for start in range(0, len(pile), per_file):
                batch = pile[start : start + per_file]
                at = _delivered(batch[-1])
                rng.shuffle(batch)
                unique = "".join(rng.choices(_UNIQUE, k=16))
                where = (
                    f"AWSLogs/{ORGANIZATION}/{account}/CloudTrail/{region}/{day[:4]}/{day[4:6]}/{day[6:8]}"
                )
                yield f"{where}/{account}_CloudTrail_{region}_{at}_{unique}.json.gz", batch


def _delivered(record: dict[str, Any]) -> str:
    return _delivery(record["eventTime"][:16])


@lru_cache(maxsize=4096)
def _delivery(minute: str) -> str:
    return (datetime.fromisoformat(minute) + _DELIVERY).strftime("%Y%m%dT%H%MZ")
