"""AWS CloudTrail of the demo account: Event history and the organisation's trail.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bedrock_guard.demo.service import Answer, Request, Service, ServiceError, offset_of, page

SERVICE = Service(
    "cloudtrail",
    sections=("events",),
    bad_token=ServiceError("InvalidNextTokenException", "The NextToken value is invalid or expired."),
    changed_token=ServiceError(
        "InvalidNextTokenException", "The NextToken value does not match the parameters of the request."
    ),
)

HISTORY: Final = timedelta(days=90)
LOOKUPS_A_SECOND: Final = 2.0
TRAIL: Final = "tidewater-trail"
HOME: Final = "us-east-1"
TRAIL_SINCE: Final = datetime(2025, 1, 20, 9, 0, tzinfo=UTC)

_COLUMNS: Final = {
    "EventId": "event_id",
    "EventName": "name",
    "EventSource": "source",
    "Username": "user_name",
    "AccessKeyId": "access_key",
    "ReadOnly": "read_only",
}
_PARAMETERS: Final = {
    "userName": "AWS::IAM::User",
    "roleName": "AWS::IAM::Role",
    "policyArn": "AWS::IAM::Policy",
    "roleArn": "AWS::IAM::Role",
    "instanceId": "AWS::EC2::Instance",
    "imageId": "AWS::EC2::Ami",
    "accessKeyId": "AWS::IAM::AccessKey",
}
"""Request and response members that CloudTrail lists as a resource of the event, with its type."""

_WITH_RESOURCES: Final = frozenset({"iam.amazonaws.com", "sts.amazonaws.com", "ec2.amazonaws.com"})
_SHOWN: Final = "seq, at, event_id, name, source, user_name, access_key, read_only, body"


@SERVICE.operation(
    "LookupEvents",
    gap="no Insights events; resources only of IAM, STS, EC2",
    input_errors={
        "maxResults": "InvalidMaxResultsException",
        "lookupAttributes": "InvalidLookupAttributesException",
        "eventCategory": "InvalidEventCategoryException",
    },
)
def lookup_events(request: Request) -> Answer:
    """Management events of this account and Region, newest first, by at most one attribute."""
    request.limit(LOOKUPS_A_SECOND)
    p = request.parameters
    if p.get("EventCategory") == "insight":
        return {"Events": []}
    attribute = _attribute(p.get("LookupAttributes") or [])
    where, values = _window(request)
    if attribute is None or attribute[0] in _COLUMNS:
        return _by_column(request, where, values, attribute)
    return _by_resource(request, where, values, attribute)


def _attribute(asked: Sequence[dict[str, str]]) -> tuple[str, str] | None:
    if len(asked) > 1:
        raise ServiceError("InvalidLookupAttributesException", "You can only specify one lookup attribute.")
    if not asked:
        return None
    key, value = asked[0]["AttributeKey"], asked[0]["AttributeValue"]
    if key == "ReadOnly" and value not in ("true", "false"):
        raise ServiceError("InvalidLookupAttributesException", "ReadOnly must be true or false.")
    return key, value


def _window(request: Request) -> tuple[str, list[Any]]:
    """What is visible: this account and Region, management events, the last 90 days, the times asked for."""
    p = request.parameters
    start, end = p.get("StartTime"), p.get("EndTime")
    if start is not None and end is not None and start > end:
        raise ServiceError("InvalidTimeRangeException", "The start time must be before the end time.")
    first = int((request.now - HISTORY).timestamp())
    last = int(request.now.timestamp())
    first = max(first, int(start.timestamp())) if start is not None else first
    last = min(last, int(end.timestamp())) if end is not None else last
    where = "account = ? AND region = ? AND at BETWEEN ? AND ? AND visible <= ? AND category = 'Management'"
    return where, [request.account, request.region, first, last, int(request.now.timestamp())]


def _by_column(request: Request, where: str, values: list[Any], attribute: tuple[str, str] | None) -> Answer:
    if attribute is not None:
        where = f"{where} AND {_COLUMNS[attribute[0]]} = ?"
        values = [*values, attribute[1]]
    return _newest_first(request, where, values)


def _newest_first(request: Request, where: str, values: list[Any]) -> Answer:
    """One page. The token is the last event shown, not a count, so that a deep page is as quick as the first."""
    p = request.parameters
    asked = {name: value for name, value in p.items() if name not in ("NextToken", "MaxResults")}
    after = offset_of(request, p.get("NextToken"), asked)
    if after:
        at = request.state.rows("SELECT at FROM events WHERE seq = ?", (after,))[0][0]
        where, values = f"{where} AND at <= ? AND (at < ? OR seq < ?)", [*values, at, at, after]
    size = {"short": 16, "empty": 0}.get(request.paging, int(p.get("MaxResults", 50)))
    order = "ORDER BY at DESC, seq DESC LIMIT ?"
    sql = f"SELECT {_SHOWN} FROM events WHERE {where} {order}"  # noqa: S608 - fixed words; every value is bound
    rows = request.state.rows(sql, [*values, size + 1])
    answer: Answer = {"Events": [_row(row) for row in rows[:size]]}
    if len(rows) > size:
        last = rows[size - 1][0] if size else after
        answer["NextToken"] = request.tokens.make(request.question, asked, last)
    return answer


def _by_resource(request: Request, where: str, values: list[Any], attribute: tuple[str, str]) -> Answer:
    key, wanted = attribute
    sql = f"SELECT {_SHOWN} FROM events WHERE {where}"  # noqa: S608 - fixed words only
    if key == "ResourceName":
        sql, values = f"{sql} AND instr(body, ?) > 0", [*values, json.dumps(wanted)[1:-1]]
    else:
        sql = f"{sql} AND source <> 'bedrock.amazonaws.com'"
    rows = request.state.rows(f"{sql} ORDER BY at DESC, seq DESC", values)
    events = (_row(row) for row in rows)
    found = [event for event in events if any(item.get(key) == wanted for item in event["Resources"])]
    return page(found, request, default=50).answer("Events")


def _row(row: tuple[Any, ...]) -> Answer:
    """One event. Its record is read only where it can name resources: that is the dear part."""
    _seq, at, event_id, name, source, user_name, access_key, read_only, body = row
    event: Answer = {
        "EventId": event_id,
        "EventName": name,
        "EventTime": datetime.fromtimestamp(at, UTC),
        "EventSource": source,
        "Resources": list(_resources(json.loads(body))) if source in _WITH_RESOURCES else [],
        "CloudTrailEvent": body,
        "ReadOnly": read_only,
        "Username": user_name,
        "AccessKeyId": access_key,
    }
    return {member: value for member, value in event.items() if value is not None}


def _resources(record: dict[str, Any]) -> Iterable[dict[str, str]]:
    """The resources an event names, each once. Bedrock's model calls name none."""
    seen: set[tuple[str, str]] = set()
    for name, value in _leaves([record.get("requestParameters"), record.get("responseElements")]):
        kind = _PARAMETERS.get(name)
        if kind and (kind, value) not in seen:
            seen.add((kind, value))
            yield {"ResourceType": kind, "ResourceName": value}


def _leaves(value: Any, name: str = "") -> Iterable[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, name)
    elif isinstance(value, str):
        yield name, value


def _arn(request: Request) -> str:
    return f"arn:aws:cloudtrail:{HOME}:{request.state.meta('management')}:trail/{TRAIL}"


def _named(request: Request, name: str) -> str:
    """The trail's ARN when `name` means it: its ARN anywhere, its name in its own account and Region."""
    arn = _arn(request)
    at_home = request.region == HOME and request.account == request.state.meta("management")
    if name == arn or (name == TRAIL and at_home):
        return arn
    raise ServiceError("TrailNotFoundException", f"Unknown trail: {name} for the user: {request.account}")


@SERVICE.operation("DescribeTrails")
def describe_trails(request: Request) -> Answer:
    """The organisation's multi-Region trail; outside its home only when shadow trails are asked for."""
    p = request.parameters
    arn = _arn(request)
    names = p.get("trailNameList")
    if request.region != HOME and not p.get("includeShadowTrails", True):
        return {"trailList": []}
    if names and not {arn, TRAIL} & set(names):
        return {"trailList": []}
    trail = {
        "Name": TRAIL,
        "S3BucketName": "tidewater-trail-logs",
        "IncludeGlobalServiceEvents": True,
        "IsMultiRegionTrail": True,
        "HomeRegion": HOME,
        "TrailARN": arn,
        "LogFileValidationEnabled": True,
        "HasCustomEventSelectors": True,
        "HasInsightSelectors": False,
        "IsOrganizationTrail": True,
    }
    return {"trailList": [trail]}


@SERVICE.operation("ListTrails")
def list_trails(request: Request) -> Answer:
    """The one trail there is."""
    trails = [{"TrailARN": _arn(request), "Name": TRAIL, "HomeRegion": HOME}]
    return page(trails, request).answer("Trails")


@SERVICE.operation("GetTrailStatus")
def get_trail_status(request: Request) -> Answer:
    """It logs, and delivered some minutes ago."""
    _named(request, request.parameters["Name"])
    delivered = request.now - timedelta(minutes=4)
    return {
        "IsLogging": True,
        "LatestDeliveryTime": delivered,
        "StartLoggingTime": TRAIL_SINCE,
        "LatestDigestDeliveryTime": request.now - timedelta(minutes=50),
        "LatestDeliveryAttemptTime": delivered.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "LatestDeliveryAttemptSucceeded": delivered.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "TimeLoggingStarted": TRAIL_SINCE.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "TimeLoggingStopped": "",
    }


@SERVICE.operation("GetEventSelectors")
def get_event_selectors(request: Request) -> Answer:
    """All management events, and mantle's data events (which Event history never has)."""
    arn = _named(request, request.parameters["TrailName"])
    return {
        "TrailARN": arn,
        "AdvancedEventSelectors": [
            _selector("Management events", ("eventCategory", "Management")),
            _selector(
                "Mantle inference",
                ("eventCategory", "Data"),
                ("resources.type", "AWS::BedrockMantle::Project"),
            ),
        ],
    }


def _selector(name: str, *fields: tuple[str, str]) -> Answer:
    return {"Name": name, "FieldSelectors": [{"Field": field, "Equals": [value]} for field, value in fields]}
