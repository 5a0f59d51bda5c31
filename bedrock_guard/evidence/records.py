"""What was delivered into records: bare ones, rows of LookupEvents, EventBridge events, and what is none."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from bedrock_guard.evidence.held_records import Records, shape_of
from bedrock_guard.evidence.left_out import LeftOut
from bedrock_guard.evidence.record_columns import Columns, read_columns


def read_items(items: Iterable[Any]) -> tuple[int, Columns]:
    """How many items there are, and their columns; each item is a row or is counted in `left_out`."""
    found = [sort_record(item) for item in items]
    left_out = Counter(reason.value for reason in found if isinstance(reason, LeftOut))
    records = [record for record in found if not isinstance(record, LeftOut)]
    kinds = [(record["eventSource"], record["eventName"]) for record in records]
    made = read_columns(Records(records, kinds))
    return len(found), Columns(made.columns, made.left_out + left_out)


def sort_record(item: Any) -> dict[str, Any] | LeftOut:
    """The record inside what was delivered when calls of its operation make rows, or the reason why it makes none."""
    record = unwrap(item)
    if isinstance(record, LeftOut):
        return record
    source, operation = record.get("eventSource"), record.get("eventName")
    if not isinstance(source, str) or not isinstance(operation, str):
        return _foreign(record)
    shape = shape_of(source, operation)
    return shape if isinstance(shape, LeftOut) else record


def unwrap(item: Any) -> dict[str, Any] | LeftOut:
    """The record inside what was delivered: itself, a row of LookupEvents, or an EventBridge event."""
    if isinstance(item, LeftOut):
        return item
    if not isinstance(item, dict):
        return LeftOut.NOT_AN_OBJECT
    if isinstance(item.get("eventSource"), str) and isinstance(item.get("eventName"), str):
        return item
    inner = item.get("CloudTrailEvent", item.get("detail") if "detail-type" in item else None)
    if inner is None:
        return item
    if isinstance(inner, str):
        try:
            inner = json.loads(inner)
        except (ValueError, RecursionError):
            return LeftOut.UNREADABLE
    return inner if isinstance(inner, dict) else LeftOut.UNREADABLE


def _foreign(record: Mapping[str, Any]) -> LeftOut:
    if record.get("eventType") == "AwsCloudTrailInsight" or record.get("eventCategory") == "Insight":
        return LeftOut.INSIGHT
    if "digestStartTime" in record or "digestS3Object" in record:
        return LeftOut.DIGEST
    if record.get("schemaType") == "ModelInvocationLog":
        return LeftOut.INVOCATION_LOG
    known = isinstance(record.get("eventSource"), str) or isinstance(record.get("eventName"), str)
    return LeftOut.INCOMPLETE if known else LeftOut.NOT_CLOUDTRAIL
