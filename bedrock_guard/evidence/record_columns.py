"""The columns of the trail table, read from many records at once, whichever parser holds them.

A trail repeats itself: the same callers, programs and requests, thousands of times. Column by column, each distinct
text is read once.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

from bedrock_guard.evidence.clients import client_of
from bedrock_guard.evidence.denials import read_denial
from bedrock_guard.evidence.hygiene import as_object, clean
from bedrock_guard.evidence.identity import Caller, key_kind, read_caller
from bedrock_guard.evidence.kinds import Shape, flag, identifier, number
from bedrock_guard.evidence.left_out import LeftOut
from bedrock_guard.evidence.model_ids import raw_model
from bedrock_guard.evidence.moments import read_time
from bedrock_guard.evidence.parameters import OUTCOMES, is_bedrock, is_kept_service, kept_text, request_shape

_AWS_DOMAIN: Final = ".amazonaws.com"
_HEX: Final = b"0123456789abcdef-"
_LONGEST_ID: Final = 36
_LAUNCHES: Final = frozenset(("CreateVolume", "RunInstances", "RequestSpotInstances"))
_MOST_REMEMBERED: Final = 20_000
_Read = TypeVar("_Read")

Kind = tuple[str, str]
"""`eventSource` and `eventName` of a record."""


class Records:
    """Records whose operation is kept (`shape_of`), in the order they were met: dicts, or what a subclass holds."""

    def __init__(self, records: Sequence[Any]) -> None:
        self.records = records

    def column(self, name: str) -> list[Any]:
        """A member of each record; None where a record has none."""
        return [record.get(name) for record in self.records]

    def read(self, function: Callable[[Any], _Read], name: str) -> list[_Read]:
        """What `function` reads from that member of each record."""
        return [function(value) for value in self.column(name)]

    def read_by_kind(
        self, function: Callable[[Any, Kind], _Read], name: str, kinds: Sequence[Kind]
    ) -> list[_Read]:
        """The same, where it depends on the kind of the record as well."""
        return [function(value, kind) for value, kind in zip(self.column(name), kinds, strict=True)]

    def whole(self, place: int) -> dict[str, Any]:
        """One record as a dict."""
        return dict(self.records[place])

    def only(self, places: Sequence[int]) -> Records:
        """The records at these places."""
        return Records([self.records[place] for place in places])


class Columns(NamedTuple):
    """Columns of the trail table without `model` and `route`, equally long, and the records that make no row."""

    columns: dict[str, list[Any]]
    left_out: Counter[str]


@lru_cache(maxsize=8192)
def shape_of(source: str, operation: str) -> Shape | LeftOut:
    """What is kept of the requests of an operation, or the reason why its calls are never rows."""
    service = source.strip().removesuffix(".cn").removesuffix(_AWS_DOMAIN)
    if service == source.strip() or not is_kept_service(service):
        return LeftOut.OTHER_SERVICE
    shape = request_shape(service, operation)
    return LeftOut.OTHER_OPERATION if shape is None else shape


def read_columns(records: Records) -> Columns:
    """Read the records into columns."""
    times = [read_time(value) for value in records.column("eventTime")]
    reasons = [
        _reason(category, kind, moment)
        for category, kind, moment in zip(
            records.column("eventCategory"), records.column("eventType"), times, strict=True
        )
    ]
    left_out = Counter(reason.value for reason in reasons if reason)
    if left_out:
        kept = [place for place, reason in enumerate(reasons) if reason is None]
        records, times = records.only(kept), [times[place] for place in kept]
    return Columns(_columns(records, times), left_out)


def _reason(category: Any, kind: Any, moment: datetime | None) -> LeftOut | None:
    if category == "Insight" or kind == "AwsCloudTrailInsight":
        return LeftOut.INSIGHT
    if kind == "AwsServiceEvent":
        return LeftOut.SERVICE_EVENT
    return LeftOut.NO_TIME if moment is None else None


def _columns(records: Records, times: list[datetime | None]) -> dict[str, list[Any]]:
    sources, operations = records.column("eventSource"), records.column("eventName")
    kinds: list[Kind] = list(zip(sources, operations, strict=True))
    asked = records.read_by_kind(_asked, "requestParameters", kinds)
    extras = records.read(_extra, "additionalEventData")
    callers = records.read(read_caller, "userIdentity")
    agents = _texts(records.column("userAgent"))
    accounts = _texts(records.column("recipientAccountId"))
    return {
        "event_id": _event_ids(records),
        "event_time": times,
        "account_id": [own or who.account_id for own, who in zip(accounts, callers, strict=True)],
        "region": _texts(records.column("awsRegion")),
        "principal": [who.principal for who in callers],
        "session": [who.session for who in callers],
        "access_key_id": [who.access_key_id for who in callers],
        "key_kind": [_key_kind(*one) for one in zip(asked, extras, callers, strict=True)],
        "client": [client_of(agent) for agent in agents],
        "user_agent": agents,
        "source_ip": _texts(records.column("sourceIPAddress")),
        "service": _texts(sources),
        "operation": _texts(operations),
        "model_raw": [one.model for one in asked],
        "inference_region": [one.inference_region for one in extras],
        "input_tokens": [one.input_tokens for one in extras],
        "output_tokens": [one.output_tokens for one in extras],
        "parameters": [one.parameters for one in asked],
        "request_id": _ids(records.column("requestID")),
        "identity_type": [who.kind for who in callers],
        "invoked_by": [who.invoked_by for who in callers],
        "on_behalf_of": [who.on_behalf_of for who in callers],
        "vpc_endpoint": _texts(records.column("vpcEndpointId")),
        "resources": records.read(_arns, "resources"),
        "category": _texts(records.column("eventCategory")),
        "read_only": [flag(value) for value in records.column("readOnly")],
        "from_console": [flag(value) for value in records.column("sessionCredentialFromConsole")],
        "mfa": [who.mfa for who in callers],
        "encrypted": _encrypted(records, kinds),
        "outcome": _outcomes(records, kinds),
        **_refusals(records),
    }


class _Texts(dict[Any, str | None]):
    """Each distinct value cleaned once; bounded."""

    def __missing__(self, value: Any) -> str | None:
        if len(self) > _MOST_REMEMBERED:
            self.clear()
        found = self[value] = clean(value)
        return found


_KNOWN: Final = _Texts()


def _texts(values: list[Any]) -> list[str | None]:
    try:
        return [_KNOWN[value] for value in values]
    except TypeError:  # a list or an object where a text should be
        return [clean(value) for value in values]


def _ids(values: list[Any]) -> list[str | None]:
    """Ids: nothing to clean when all of them are short and of hex digits."""
    try:
        joined = "".join(values).encode()
    except (TypeError, UnicodeEncodeError):
        return [clean(value) for value in values]
    lengths = {len(value) for value in values}
    if lengths <= {_LONGEST_ID, _LONGEST_ID - 4} and not joined.translate(None, _HEX):
        return values
    return [clean(value) for value in values]


def _event_ids(records: Records) -> list[str]:
    ids = _ids(records.column("eventID"))
    return [one or made_id(records.whole(place)) for place, one in enumerate(ids)]


def made_id(record: Mapping[str, Any]) -> str:
    """The event id of a record that has none, made from its content."""
    text = json.dumps(record, sort_keys=True, default=str)
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


class _Asked(NamedTuple):
    """What is read of `requestParameters`."""

    parameters: str | None
    model: str | None
    bedrock: bool
    markers: Mapping[str, Any] | None


class _Extra(NamedTuple):
    """What is read of `additionalEventData`."""

    inference_region: str | None
    input_tokens: int | None
    output_tokens: int | None
    markers: Mapping[str, Any] | None


def _asked(value: Any, kind: Kind) -> _Asked:
    request, shape = _object(value), shape_of(*kind)
    parameters = None if isinstance(shape, LeftOut) else kept_text(request, shape)
    bedrock = is_bedrock(kind[0].strip().partition(".")[0])
    return _Asked(parameters, raw_model(request) if bedrock else None, bedrock, _markers(request))


def _extra(value: Any) -> _Extra:
    if value is None:
        return _NOTHING
    extra = _object(value)
    return _Extra(
        clean(extra.get("inferenceRegion")),
        _tokens(extra.get("inputTokens")),
        _tokens(extra.get("outputTokens")),
        _markers(extra),
    )


_NOTHING: Final = _Extra(None, None, None, None)


def _markers(place: Mapping[str, Any]) -> dict[str, Any] | None:
    names = [name for name in ("callWithBearerToken", "bearerTokenType") if name in place]
    return {name: place[name] for name in names} if names else None


def _key_kind(asked: _Asked, extra: _Extra, caller: Caller) -> str:
    if not asked.bedrock or not (asked.markers or extra.markers):
        return "none"
    return key_kind({"requestParameters": asked.markers, "additionalEventData": extra.markers}, caller)


def _outcomes(records: Records, kinds: Sequence[Kind]) -> list[str | None]:
    if not any(operation in OUTCOMES for _source, operation in set(kinds)):
        return [None] * len(kinds)
    return records.read_by_kind(_outcome, "responseElements", kinds)


def _outcome(value: Any, kind: Kind) -> str | None:
    return kept_text(_object(value), OUTCOMES[kind[1]]) if value is not None and kind[1] in OUTCOMES else None


def _refusals(records: Records) -> dict[str, list[Any]]:
    codes = _texts(records.column("errorCode"))
    denials = [
        read_denial(code, message if isinstance(message, str) else None) if code else None
        for code, message in zip(codes, records.column("errorMessage"), strict=True)
    ]
    return {
        "error_code": codes,
        "denied_by": [one and one.layer for one in denials],
        "denied_action": [one and one.action for one in denials],
        "denied_resource": [one and one.resource for one in denials],
        "denied_policy": [one and one.policy for one in denials],
        "denied_explicitly": [one and one.explicit for one in denials],
    }


def _object(value: Any) -> dict[str, Any]:
    """A member that should be an object; some exports hold it as JSON text."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return as_object(value)


def _arns(resources: Any) -> str | None:
    """The ARNs among a record's resources; CloudTrail writes the member as ARN."""
    items = resources if isinstance(resources, list) else []
    arns = [arn for item in items[:20] if isinstance(item, dict) and (arn := identifier(item.get("ARN")))]
    return json.dumps(arns) if arns else None


def _tokens(value: Any) -> int | None:
    count = number(value)
    return count if count is not None and count >= 0 else None


def _encrypted(records: Records, kinds: Sequence[Kind]) -> list[bool | None]:
    """Whether every volume that a call makes is encrypted; None where the record does not say."""
    if not any(operation in _LAUNCHES for _source, operation in set(kinds)):
        return [None] * len(kinds)
    made = records.read_by_kind(_made_encrypted, "responseElements", kinds)
    asked = records.read_by_kind(_asked_encrypted, "requestParameters", kinds)
    return [second if first is None else first for first, second in zip(made, asked, strict=True)]


def _made_encrypted(value: Any, kind: Kind) -> bool | None:
    return flag(_object(value).get("encrypted")) if kind[1] == "CreateVolume" else None


def _asked_encrypted(value: Any, kind: Kind) -> bool | None:
    if kind[1] not in _LAUNCHES:
        return None
    request = _object(value)
    if kind[1] == "CreateVolume":
        return flag(request.get("encrypted"))
    items = as_object(request.get("blockDeviceMapping")).get("items")
    listed = [as_object(item).get("ebs") for item in items] if isinstance(items, list) else []
    volumes = [as_object(volume) for volume in listed if volume]
    stated = [flag(volume.get("encrypted")) for volume in volumes]
    if False in stated:
        return False
    return True if stated and None not in stated else None
