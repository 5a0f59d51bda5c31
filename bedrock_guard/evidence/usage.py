"""CloudTrail records to the calls table, alike for every source they come from.

A record becomes one row or is counted under one reason why not, so that records = rows + left out, always. Rows are
made of calls to services of the Bedrock family, IAM and STS, of changes to trails and to organization policies, of EC2
launches and volumes, and of the few calls of other services that the findings need (`parameters.request_shape`).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.evidence.clients import client_of
from bedrock_guard.evidence.denials import read_denial
from bedrock_guard.evidence.hygiene import as_object, clean
from bedrock_guard.evidence.identity import key_kind, read_caller
from bedrock_guard.evidence.kinds import Shape, flag, identifier, number
from bedrock_guard.evidence.model_ids import raw_model, resolve_models
from bedrock_guard.evidence.moments import read_time
from bedrock_guard.evidence.parameters import OUTCOMES, is_bedrock, is_kept_service, kept_text, request_shape
from bedrock_guard.evidence.tables import CALLS, Provenance, Table

if TYPE_CHECKING:
    import pandas as pd

    from bedrock_guard.boundary.catalogue import Catalogue

TRAIL: Final = Table(
    "trail",
    {
        **CALLS.columns,
        "request_id": "string",
        "identity_type": "string",
        "invoked_by": "string",
        "on_behalf_of": "string",
        "vpc_endpoint": "string",
        "resources": "string",
        "category": "string",
        "read_only": "boolean",
        "from_console": "boolean",
        "mfa": "boolean",
        "denied_explicitly": "boolean",
        "encrypted": "boolean",
        "outcome": "string",
    },
)
"""CALLS and what the findings need besides.

`outcome` is JSON text of the allow-listed facts of the response, `resources` of the ARNs that the record names.
`encrypted` answers for EC2 launches and new volumes: true, false, or NA where the record does not state it.
`denied_explicitly` is false for a missing allow. `denied_by` is NA for a call that was not refused and "unknown" for
one refused without saying by whom.
"""

_AWS_DOMAIN: Final = ".amazonaws.com"


class LeftOut(StrEnum):
    """Why a record is no row."""

    NOT_AN_OBJECT = "not_an_object"
    NOT_CLOUDTRAIL = "not_cloudtrail"
    INCOMPLETE = "incomplete"
    UNREADABLE = "unreadable"
    NO_TIME = "no_time"
    OTHER_SERVICE = "other_service"
    OTHER_OPERATION = "other_operation"
    SERVICE_EVENT = "service_event"
    DUPLICATE = "duplicate"
    OUTSIDE_WINDOW = "outside_window"
    DIGEST = "digest"
    INSIGHT = "insight"
    INVOCATION_LOG = "model_invocation_log"


@dataclass(slots=True)
class Batch:
    """Rows made so far and the count of every record that is none."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    records: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def normalise(items: Iterable[Any], seen: set[str], into: Batch | None = None) -> Batch:
    """Read records, leaving out event ids that are in `seen`; `seen` grows by the ids of the rows made.

    Example:
        >>> batch = normalise([{"eventSource": "kms.amazonaws.com", "eventName": "Decrypt"}, 7], set())
        >>> batch.records, dict(batch.left_out)
        (2, {'other_service': 1, 'not_an_object': 1})
    """
    batch = into or Batch()
    for item in items:
        batch.records += 1
        found = item if isinstance(item, LeftOut) else read_record(item)
        if isinstance(found, LeftOut):
            batch.left_out[str(found)] += 1
        elif found["event_id"] in seen:
            batch.left_out[LeftOut.DUPLICATE.value] += 1
        else:
            seen.add(found["event_id"])
            batch.rows.append(found)
    return batch


def to_frame(
    rows: Iterable[Mapping[str, Any]],
    *,
    catalogue: Catalogue | None = None,
    kept: Mapping[str, str] | None = None,
    provenance: Provenance | None = None,
) -> pd.DataFrame:
    """The trail table of rows, with their models resolved by `catalogue` (by default the shipped one) and `kept`."""
    from bedrock_guard.boundary.catalogue import shipped

    return resolve_models(TRAIL.frame(rows, provenance), catalogue or shipped(), kept)


def read_record(item: Any) -> dict[str, Any] | LeftOut:
    """One record as a row of the trail table (`model` and `route` still open), or the reason why it is none.

    A record without an event id gets one made from its content ("sha256:..."), so that evidence can name it.
    """
    record = unwrap(item)
    if isinstance(record, LeftOut):
        return record
    if record.get("eventType") == "AwsCloudTrailInsight" or record.get("eventCategory") == "Insight":
        return LeftOut.INSIGHT
    source, operation = record.get("eventSource"), record.get("eventName")
    if not isinstance(source, str) or not isinstance(operation, str):
        return _foreign(record)
    shape = _shape_of(source, operation)
    if isinstance(shape, LeftOut):
        return shape
    if record.get("eventType") == "AwsServiceEvent":
        return LeftOut.SERVICE_EVENT
    moment = read_time(record.get("eventTime"))
    if moment is None:
        return LeftOut.NO_TIME
    return _row(record, source, operation, shape) | {"event_time": moment}


def unwrap(item: Any) -> dict[str, Any] | LeftOut:
    """The record inside what was delivered: itself, a row of LookupEvents, or an EventBridge event."""
    if isinstance(item, LeftOut):
        return item
    if not isinstance(item, dict):
        return LeftOut.NOT_AN_OBJECT
    inner = item.get("CloudTrailEvent", item.get("detail") if "detail-type" in item else None)
    if inner is None:
        return item
    if isinstance(inner, str):
        try:
            inner = json.loads(inner)
        except (ValueError, RecursionError):
            return LeftOut.UNREADABLE
    return inner if isinstance(inner, dict) else LeftOut.UNREADABLE


def reason_of(source: str, operation: str) -> LeftOut | None:
    """Why calls of this operation are never rows; None when they can be."""
    shape = _shape_of(source, operation)
    return shape if isinstance(shape, LeftOut) else None


def _foreign(record: Mapping[str, Any]) -> LeftOut:
    if "digestStartTime" in record or "digestS3Object" in record:
        return LeftOut.DIGEST
    if record.get("schemaType") == "ModelInvocationLog":
        return LeftOut.INVOCATION_LOG
    known = isinstance(record.get("eventSource"), str) or isinstance(record.get("eventName"), str)
    return LeftOut.INCOMPLETE if known else LeftOut.NOT_CLOUDTRAIL


@lru_cache(maxsize=8192)
def _shape_of(source: str, operation: str) -> Shape | LeftOut:
    service = source.strip().removesuffix(".cn").removesuffix(_AWS_DOMAIN)
    if service == source.strip() or not is_kept_service(service):
        return LeftOut.OTHER_SERVICE
    shape = request_shape(service, operation)
    return LeftOut.OTHER_OPERATION if shape is None else shape


def _row(record: dict[str, Any], source: str, operation: str, shape: Shape) -> dict[str, Any]:
    request = _object(record.get("requestParameters"))
    extra = _object(record.get("additionalEventData"))
    response = _object(record.get("responseElements"))
    caller = read_caller(record.get("userIdentity"))
    agent = clean(record.get("userAgent"))
    bedrock = is_bedrock(source.partition(".")[0])
    markers = {"requestParameters": request, "additionalEventData": extra}
    return {
        "event_id": clean(record.get("eventID")) or _made_id(record),
        "account_id": clean(record.get("recipientAccountId")) or caller.account_id,
        "region": clean(record.get("awsRegion")),
        "principal": caller.principal,
        "session": caller.session,
        "access_key_id": caller.access_key_id,
        "key_kind": key_kind(markers, caller) if bedrock else "none",
        "client": client_of(agent),
        "user_agent": agent,
        "source_ip": clean(record.get("sourceIPAddress")),
        "service": source.strip(),
        "operation": clean(operation),
        "model_raw": raw_model(request) if bedrock else None,
        "inference_region": clean(extra.get("inferenceRegion")),
        "input_tokens": _tokens(extra.get("inputTokens")),
        "output_tokens": _tokens(extra.get("outputTokens")),
        "parameters": kept_text(request, shape),
        "request_id": clean(record.get("requestID")),
        "identity_type": caller.kind,
        "invoked_by": caller.invoked_by,
        "on_behalf_of": caller.on_behalf_of,
        "vpc_endpoint": clean(record.get("vpcEndpointId")),
        "resources": _arns(record.get("resources")),
        "category": clean(record.get("eventCategory")),
        "read_only": flag(record.get("readOnly")),
        "from_console": flag(record.get("sessionCredentialFromConsole")),
        "mfa": caller.mfa,
        "encrypted": _encrypted(operation, request, response),
        "outcome": kept_text(response, OUTCOMES.get(operation, {})),
        **_refusal(record),
    }


def _refusal(record: Mapping[str, Any]) -> dict[str, Any]:
    code = clean(record.get("errorCode"))
    message = record.get("errorMessage")
    denial = read_denial(code, message if isinstance(message, str) else None)
    if denial is None:
        return {"error_code": code}
    return {
        "error_code": code,
        "denied_by": denial.layer,
        "denied_action": denial.action,
        "denied_resource": denial.resource,
        "denied_policy": denial.policy,
        "denied_explicitly": denial.explicit,
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


def _encrypted(operation: str, request: Mapping[str, Any], response: Mapping[str, Any]) -> bool | None:
    """Whether every volume that the call makes is encrypted; None where the record does not say."""
    if operation == "CreateVolume":
        made = flag(response.get("encrypted"))
        return made if made is not None else flag(request.get("encrypted"))
    if operation not in ("RunInstances", "RequestSpotInstances"):
        return None
    items = as_object(request.get("blockDeviceMapping")).get("items")
    volumes = [
        as_object(item.get("ebs")) for item in items or [] if isinstance(item, dict) and item.get("ebs")
    ]
    stated = [flag(volume.get("encrypted")) for volume in volumes]
    if False in stated:
        return False
    return True if stated and None not in stated else None


def _made_id(record: Mapping[str, Any]) -> str:
    text = json.dumps(record, sort_keys=True, default=str)
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
