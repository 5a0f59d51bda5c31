"""Rules about records: invocation logging, trails and the stores of logs, switched off or made weaker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.evidence.caller_names import who
from bedrock_guard.evidence.finding import (
    BEDROCK,
    Evidence,
    Finding,
    Rule,
    Severity,
    Thresholds,
    json_of,
    of_event,
    succeeded,
)

if TYPE_CHECKING:
    import pandas as pd

TRAILS: Final = "cloudtrail.amazonaws.com"
_DELIVERIES: Final = ("text", "image", "embedding", "video", "audio")


def invocation_logging_weakened(evidence: Evidence, _: Thresholds) -> Iterator[Finding]:
    """Model invocation logging was switched off or lost a part, per account and Region.

    Values are compared with those of the Put before; without one only what the request itself switches off counts.
    True: Delete; a Put without the S3 destination that the last Put had, or with another bucket. False: the same
    configuration put again.
    """
    calls = evidence.calls
    put, delete = "PutModelInvocationLoggingConfiguration", "DeleteModelInvocationLoggingConfiguration"
    events = succeeded(calls, put, delete, source=BEDROCK)
    for _place, own in events.groupby(["account_id", "region"], dropna=False):
        before: dict[str, Any] | None = None
        puts = own.loc[own["operation"] == put, "event_time"]
        for _index, event in own.iterrows():
            if event["operation"] == delete:
                lost, before = ["all of it"], {}
            else:
                now = _logging(event)
                lost = _lost(before, now)
                before = now
            if lost:
                later = puts[puts > event["event_time"]]
                back = later.iloc[0].to_pydatetime() if len(later) else None
                facts = {"lost": lost, "set_again": back}
                place, title = str(event["region"]), _lost_title(event, lost, back)
                yield of_event("invocation_logging_weakened", "high", title, place, calls, event, **facts)


def _lost_title(event: pd.Series[Any], lost: Sequence[str], back: datetime | None) -> str:
    """Who took what off, where, and how long it was gone."""
    since = f"{event['event_time']:%Y-%m-%d %H:%M}"
    until = f"from {since} to {back:%Y-%m-%d %H:%M} UTC" if back else "not set again in the records"
    return (
        f"{who(event)} switched off or moved model invocation logging in {event['region']}: "
        f"{', '.join(lost)}; {until}."
    )


_SWITCHES_OFF: Final = (
    "DeleteModelInvocationLoggingConfiguration",
    "StopLogging",
    "DeleteTrail",
    "DeleteEventDataStore",
)


def logging_off_refused(evidence: Evidence, _: Thresholds) -> Iterator[Finding]:
    """Somebody tried to switch records or logs off and was refused; grave when it was tried with a key.

    True: DeleteModelInvocationLoggingConfiguration with a key, refused. False: the same when it went through (see
    `invocation_logging_weakened`), or a refused Put, which may be a change for the better.
    """
    calls = evidence.calls
    tried = calls[calls["operation"].isin(list(_SWITCHES_OFF)) & calls["denied_by"].notna()]
    for _index, event in tried.sort_values("event_time").iterrows():
        title = f"{who(event)} tried to switch logging off in {event['region']} and was refused: {event['operation']}."
        severity: Severity = "medium" if event["key_kind"] == "none" else "high"
        yield of_event("logging_off_refused", severity, title, str(event["principal"]), calls, event)


def _logging(event: Mapping[str, Any] | pd.Series[Any]) -> dict[str, Any]:
    """What is logged and where, by name; None for a flag that the request leaves to its default (on)."""
    config = json_of(event["parameters"]).get("loggingConfig", {})
    flags = {f"{kind} data": config.get(f"{kind}DataDeliveryEnabled", True) for kind in _DELIVERIES}
    s3, cloud = config.get("s3Config"), config.get("cloudWatchConfig")
    places = {
        "delivery to S3": s3 and (s3.get("bucketName") or True),
        "delivery to CloudWatch": cloud and (cloud.get("logGroupName") or True),
    }
    return {**flags, **places}


def _lost(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> list[str]:
    """What is logged no more, or elsewhere: a new place may be one that nobody of ours can read."""
    if before is None:
        return [name for name, on in now.items() if on is False]
    gone = [name for name, on in before.items() if on and not now.get(name)]
    moved = [
        f"{name} moved from {old} to {now[name]}"
        for name, old in before.items()
        if isinstance(old, str) and isinstance(now.get(name), str) and now[name] != old
    ]
    return [*gone, *moved]


def trail_weakened(evidence: Evidence, _: Thresholds) -> Iterator[Finding]:
    """A trail records less than before, or nothing.

    InvokeModel and Converse are read-only management events, so write-only selectors lose every one of them. Buckets
    and kinds of data events are compared with those of the trail's last record that had any. True: StopLogging;
    PutEventSelectors with WriteOnly; UpdateTrail to another bucket. False: PutEventSelectors with All and management
    events, and the data events it had.
    """
    calls = evidence.calls
    operations = (*_STOPS, "CreateTrail", "UpdateTrail", "PutEventSelectors")
    known: dict[tuple[str, str], dict[str, Any]] = {}
    for _index, event in succeeded(calls, *operations, source=TRAILS).iterrows():
        asked = json_of(event["parameters"])
        trail = str(
            asked.get("name") or asked.get("trailName") or asked.get("eventDataStore") or "unknown trail"
        )
        before = known.setdefault((str(event["account_id"]), trail.rpartition("/")[2]), {})
        lost = [*_trail_losses(str(event["operation"]), asked), *_compared(before, asked)]
        if lost:
            title = f"{who(event)} weakened the trail {trail.rpartition('/')[2]}: {', '.join(lost)}."
            yield of_event("trail_weakened", "high", title, trail, calls, event, lost=lost)


_STOPS: Final = {
    "StopLogging": "it records nothing any more",
    "StopEventDataStoreIngestion": "it records nothing any more",
    "DeleteTrail": "it was deleted",
    "DeleteEventDataStore": "it was deleted",
}

_TRAIL_FLAGS: Final = {
    "isMultiRegionTrail": "one Region only",
    "includeGlobalServiceEvents": "no events of IAM",
    "isOrganizationTrail": "one account only",
    "enableLogFileValidation": "no validation of files",
}


def _trail_losses(operation: str, asked: Mapping[str, Any]) -> list[str]:
    if operation in _STOPS:
        return [_STOPS[operation]]
    if operation in ("CreateTrail", "UpdateTrail"):
        return [loss for name, loss in _TRAIL_FLAGS.items() if asked.get(name) is False]
    return [*_basic_losses(asked), *_advanced_losses(asked)]


def _compared(before: dict[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """What a request changes for the worse against what was known of the trail; `before` takes up what it says."""
    losses = []
    bucket = asked.get("s3BucketName")
    if bucket and before.get("bucket") not in (None, bucket):
        losses.append(f"its files go to {bucket} and no more to {before['bucket']}")
    if bucket:
        before["bucket"] = bucket
    if "eventSelectors" in asked or "advancedEventSelectors" in asked:
        kinds = _data_events(asked)
        gone = sorted(kind for kind in before.get("kinds", ()) if kind not in kinds)
        losses += [f"no more data events of {kind}" for kind in gone if "Bedrock" in kind]
        before["kinds"] = kinds
    return losses


def _data_events(asked: Mapping[str, Any]) -> set[str]:
    """The resource types of data events that selectors record."""
    basic = {r.get("type") for s in asked.get("eventSelectors") or () for r in s.get("dataResources") or ()}
    fields = [f for s in asked.get("advancedEventSelectors") or () for f in s.get("fieldSelectors") or ()]
    advanced = {v for f in fields if f.get("field") == "resources.type" for v in f.get("equals") or ()}
    return {str(kind) for kind in basic | advanced if kind}


def _basic_losses(asked: Mapping[str, Any]) -> list[str]:
    """What a trail's basic selectors leave out; several selectors together record what any of them does."""
    selectors = asked.get("eventSelectors") or []
    if not selectors:
        return []
    management = [s for s in selectors if s.get("includeManagementEvents") is not False]
    kinds = {s.get("readWriteType", "All") for s in management}
    losses = [] if management else ["no management events"]
    if management and not kinds & {"All", "ReadOnly"}:
        losses.append("no read events, and model calls are read events")
    if management and not kinds & {"All", "WriteOnly"}:
        losses.append("no write events")
    left_out = sorted({source for s in management for source in s.get("excludeManagementEventSources") or ()})
    return losses + [
        f"nothing of {source}" for source in left_out if source.startswith(("bedrock", "iam", "sts"))
    ]


def _advanced_losses(asked: Mapping[str, Any]) -> list[str]:
    selectors = asked.get("advancedEventSelectors") or []
    if not selectors:
        return []
    fields = [{f.get("field"): f for f in s.get("fieldSelectors") or ()} for s in selectors]
    management = [f for f in fields if "Management" in (f.get("eventCategory", {}).get("equals") or ())]
    if not management:
        return ["no management events"]
    read_too = any("true" in (f.get("readOnly", {}).get("equals") or ("true",)) for f in management)
    losses = [] if read_too else ["no read events, and model calls are read events"]
    return losses + [
        f"nothing of {name}" for name in _NEEDED if not any(_recorded(name, fields) for fields in management)
    ]


_NEEDED: Final = {
    "bedrock.amazonaws.com": "eventSource",
    "bedrock-mantle.amazonaws.com": "eventSource",
    "iam.amazonaws.com": "eventSource",
    "InvokeModel": "eventName",
    "Converse": "eventName",
}
"""What the questions about keys are answered from, and the field by which a selector can leave it out."""


def _recorded(name: str, fields: Mapping[str, Any]) -> bool:
    """Whether a selector's own test of the field lets a value pass; several operators all have to.

    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html
    """
    tested = fields.get(_NEEDED[name], {})
    tests: dict[str, Callable[[str], bool]] = {
        "equals": lambda value: name == value,
        "startsWith": name.startswith,
        "endsWith": name.endswith,
    }
    for operator, holds in tests.items():
        negated = tested.get(f"not{operator[0].upper()}{operator[1:]}") or ()
        if any(holds(value) for value in negated):
            return False
        wanted = tested.get(operator) or ()
        if wanted and not any(holds(value) for value in wanted):
            return False
    return True


_STORE_CHANGES: Final = (
    "DeleteBucket",
    "DeleteBucketPolicy",
    "PutBucketPolicy",
    "PutBucketLifecycle",
    "PutBucketLifecycleConfiguration",
    "DeleteLogGroup",
    "DeleteLogStream",
    "PutRetentionPolicy",
    "DeleteSubscriptionFilter",
)

_FLOWS: Final = "DeleteFlowLogs"


def log_store_weakened(evidence: Evidence, _: Thresholds) -> Iterator[Finding]:
    """Where logs are kept was deleted, or given a shorter life; or flow logs were deleted.

    Only buckets and log groups that the records name as a place of logs count. True: PutBucketLifecycle on the bucket
    of a trail. False: the same on another bucket.
    """
    calls = evidence.calls
    places = _log_places(calls)
    for _index, event in succeeded(calls, *_STORE_CHANGES).iterrows():
        asked = json_of(event["parameters"])
        place = asked.get("bucketName") or asked.get("logGroupName")
        if place in places:
            title = f"{who(event)} called {event['operation']} on {place}, where logs are kept."
            yield of_event("log_store_weakened", "high", title, str(place), calls, event)
    for _index, event in succeeded(calls, _FLOWS).iterrows():
        title = f"{who(event)} deleted flow logs of the network in {event['region']}."
        yield of_event("log_store_weakened", "medium", title, str(event["region"]), calls, event)


def _log_places(calls: pd.DataFrame) -> set[str]:
    """Buckets and log groups that trails and invocation logging were set up with, as far as the records show."""
    makers = calls[
        calls["operation"].isin(["CreateTrail", "UpdateTrail", "PutModelInvocationLoggingConfiguration"])
    ]
    places: set[str] = set()
    for text in makers["parameters"].dropna():
        asked = json_of(text)
        config = asked.get("loggingConfig", {})
        cloud = config.get("cloudWatchConfig", {})
        group = str(asked.get("cloudWatchLogsLogGroupArn") or "")
        found = (
            asked.get("s3BucketName"),
            config.get("s3Config", {}).get("bucketName"),
            cloud.get("logGroupName"),
            cloud.get("largeDataDeliveryS3Config", {}).get("bucketName"),
            group.partition(":log-group:")[2].partition(":")[0],
        )
        places |= {str(place) for place in found if place}
    return places


RULES: Final[tuple[Rule, ...]] = (
    invocation_logging_weakened,
    logging_off_refused,
    trail_weakened,
    log_store_weakened,
)
