"""The columns of the trail table, read from many records at once, whichever parser holds them.

A trail repeats itself: the same callers, programs and requests, thousands of times. Column by column, each distinct
text is read once.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from bedrock_guard.evidence.clients import client_of
from bedrock_guard.evidence.denials import Denial, read_denial
from bedrock_guard.evidence.held_records import Kind, Records, shape_of
from bedrock_guard.evidence.hygiene import as_object, clean
from bedrock_guard.evidence.identity import Caller, key_kind, read_caller
from bedrock_guard.evidence.kinds import flag, identifier, number
from bedrock_guard.evidence.left_out import LeftOut
from bedrock_guard.evidence.model_ids import raw_model
from bedrock_guard.evidence.moments import read_times
from bedrock_guard.evidence.parameters import OUTCOMES, is_bedrock, kept_text
from bedrock_guard.evidence.repeated import Column, Repeated, distinct, fields_of

_HEX: Final = b"0123456789abcdef-"
_LONGEST_ID: Final = 36
_COUNT: Final = re.compile(r"[0-9]{1,10}(?:\.0+)?")
_LAUNCHES: Final = frozenset(("CreateVolume", "RunInstances", "RequestSpotInstances"))
_TOO_MANY: Final = 10**10
"""No call has that many tokens; what claims to is no count, and sums of counts stay below 64 bits."""
_Read = TypeVar("_Read")


class Columns(NamedTuple):
    """Columns of the trail table without `model` and `route`, equally long, and the records that make no row."""

    columns: dict[str, Column]
    left_out: Counter[str]


def read_columns(records: Records) -> Columns:
    """Read the records into columns."""
    times: list[Any] = read_times(records.column("eventTime"))
    categories, types = records.column("eventCategory"), records.column("eventType")
    left_out: Counter[str] = Counter()
    if None in times or _any_of(_NO_ROWS, categories) or _any_of(_NO_ROWS, types):
        reasons = [_reason(*one) for one in zip(categories, types, times, strict=True)]
        left_out.update(reason.value for reason in reasons if reason)
        kept = [place for place, reason in enumerate(reasons) if reason is None]
        records, times = records.only(kept), [times[place] for place in kept]
        categories = [categories[place] for place in kept]
    return Columns(_columns(records, times, categories), left_out)


_NO_ROWS: Final = ("Insight", "AwsCloudTrailInsight", "AwsServiceEvent")


def _any_of(names: Sequence[str], values: list[Any]) -> bool:
    return any(name in values for name in names)


def _reason(category: Any, kind: Any, moment: datetime | None) -> LeftOut | None:
    if category == "Insight" or kind == "AwsCloudTrailInsight":
        return LeftOut.INSIGHT
    if kind == "AwsServiceEvent":
        return LeftOut.SERVICE_EVENT
    return LeftOut.NO_TIME if moment is None else None


def _columns(records: Records, times: list[datetime], categories: list[Any]) -> dict[str, Column]:
    kinds = records.distinct_kinds
    asked = records.read_by_kind(_asked, "requestParameters")
    request = asked.fields(_Asked._fields)
    extras = records.each(_extra, "additionalEventData")
    inference_regions, inputs, outputs, _markers_of_each = fields_of(extras, len(_Extra._fields))
    callers = records.read(read_caller, "userIdentity")
    who = callers.fields(Caller._fields)
    agents = _texts(records.column("userAgent"))
    return {
        "event_id": _event_ids(records),
        "shared_event_id": _texts(records.column("sharedEventID")),
        "event_time": times,
        "account_id": _accounts(records, who["account_id"]),
        "region": _texts(records.column("awsRegion")),
        "principal": who["principal"],
        "session": who["session"],
        "access_key_id": who["access_key_id"],
        "key_kind": _key_kinds(asked, extras, callers),
        "client": agents.map(client_of),
        "user_agent": agents,
        "source_ip": _texts(records.column("sourceIPAddress")),
        "service": kinds.map(lambda kind: clean(kind[0])),
        "operation": kinds.map(lambda kind: clean(kind[1])),
        "model_raw": request["model"],
        "inference_region": inference_regions,
        "input_tokens": inputs,
        "output_tokens": outputs,
        "parameters": request["parameters"],
        "request_id": _ids(records.column("requestID")),
        "identity_type": who["kind"],
        "invoked_by": who["invoked_by"],
        "on_behalf_of": who["on_behalf_of"],
        "vpc_endpoint": _texts(records.column("vpcEndpointId")),
        "resources": records.read(_arns, "resources"),
        "category": _texts(categories),
        "read_only": _flags(records.column("readOnly")),
        "from_console": _flags(records.column("sessionCredentialFromConsole")),
        "mfa": who["mfa"],
        "encrypted": _encrypted(records),
        "outcome": _told(records, OUTCOMES, _outcome, "responseElements"),
        **_refusals(records),
    }


def _accounts(records: Records, of_callers: Repeated[str | None]) -> Column:
    accounts = _texts(records.column("recipientAccountId"))
    if None not in accounts.values:
        return accounts
    return [own or of_caller for own, of_caller in zip(accounts, of_callers, strict=True)]


def _texts(values: list[Any]) -> Repeated[str | None]:
    """Each distinct value cleaned once."""
    try:
        return distinct(values).map(clean)
    except TypeError:  # a list or an object where a text should be
        return Repeated(range(len(values)), [clean(value) for value in values])


_PLAIN_FLAGS: Final = {bool, type(None)}


def _flags(values: list[Any]) -> list[bool | None]:
    return values if set(map(type, values)) <= _PLAIN_FLAGS else [flag(value) for value in values]


def _ids(values: list[Any]) -> list[str | None]:
    """Ids: nothing to clean when all of them are short and of hex digits."""
    try:
        joined = "".join(values).encode()
    except (TypeError, UnicodeEncodeError):
        return [clean(value) for value in values]
    lengths = set(map(len, values))
    if lengths <= {_LONGEST_ID, _LONGEST_ID - 4} and not joined.translate(None, _HEX):
        return values
    return [clean(value) for value in values]


def _event_ids(records: Records) -> list[Any]:
    ids = _ids(records.column("eventID"))
    if all(ids):
        return ids
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


_MARKERS: Final = frozenset(("callWithBearerToken", "bearerTokenType"))


def _markers(place: Mapping[str, Any]) -> dict[str, Any] | None:
    return None if _MARKERS.isdisjoint(place) else {name: place[name] for name in _MARKERS if name in place}


def _key_kinds(
    asked: Repeated[_Asked], extras: Sequence[_Extra], callers: Repeated[Caller]
) -> list[str | None]:
    found: list[str | None] = ["none"] * len(asked)
    marked = [place for place, extra in enumerate(extras) if extra.markers]
    if any(one.markers for one in asked.values):
        marked += [place for place, one in enumerate(asked) if one.markers]
    for place in marked:
        request, extra = asked[place], extras[place]
        if request.bedrock:
            places = {"requestParameters": request.markers, "additionalEventData": extra.markers}
            found[place] = key_kind(places, callers[place])
    return found


def _told(
    records: Records, operations: Collection[str], function: Callable[[Any, Kind], _Read], name: str
) -> Repeated[_Read | None]:
    """What `function` reads from a member of the records of some operations; None for the others."""
    found = Repeated[_Read | None].constant(None, len(records))
    kinds = records.distinct_kinds
    wanted = {code for code, kind in enumerate(kinds.values) if kind[1] in operations}
    if not wanted:
        return found
    places = [place for place, code in enumerate(kinds.codes) if code in wanted]
    read = records.only(places).read_by_kind(function, name)
    for place, code in zip(places, read.codes, strict=True):
        found.codes[place] = code + 1
    return Repeated(found.codes, [None, *read.values])


def _outcome(value: Any, kind: Kind) -> str | None:
    return None if value is None else kept_text(_object(value), OUTCOMES[kind[1]])


def _refusals(records: Records) -> dict[str, Column]:
    codes = _texts([_code(value) for value in records.column("errorCode")])
    denials = Repeated[Denial | None].constant(None, len(records))
    if any(codes.values):
        messages = records.column("errorMessage")
        found: list[Denial | None] = [None]
        given = [place for place, code in enumerate(codes.codes) if codes.values[code]]
        for place in given:
            message = messages[place]
            if denial := read_denial(codes[place], message if isinstance(message, str) else None):
                denials.codes[place] = len(found)
                found.append(denial)
        denials = Repeated(denials.codes, found)
    return {
        "error_code": codes,
        "denied_by": denials.map(lambda one: one and one.layer),
        "denied_action": denials.map(lambda one: one and one.action),
        "denied_resource": denials.map(lambda one: one and one.resource),
        "denied_policy": denials.map(lambda one: one and one.policy),
        "denied_explicitly": denials.map(lambda one: one and one.explicit),
    }


def _code(value: Any) -> str | None:
    """An error code that is no text is of an error all the same."""
    return value if value is None or isinstance(value, str) else "unknown"


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
    if type(value) is int and 0 <= value < _TOO_MANY:
        return value
    if isinstance(value, str) and _COUNT.fullmatch(value):
        value = value.partition(".")[0]
    count = number(value)
    return count if count is not None and 0 <= count < _TOO_MANY else None


def _encrypted(records: Records) -> Column:
    """Whether every volume that a call makes is encrypted; None where the record does not say."""
    asked = _told(records, _LAUNCHES, _asked_encrypted, "requestParameters")
    if len(asked.values) == 1:
        return asked
    made = _told(records, ("CreateVolume",), _made_encrypted, "responseElements")
    return [second if first is None else first for first, second in zip(made, asked, strict=True)]


def _made_encrypted(value: Any, kind: Kind) -> bool | None:
    del kind
    return flag(_object(value).get("encrypted"))


def _asked_encrypted(value: Any, kind: Kind) -> bool | None:
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
