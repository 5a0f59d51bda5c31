"""The allow-list: which request parameters and which facts of a response are kept, per operation.

Everything that is not listed is dropped where records are read, so that prompts, tokens, signed addresses, policy
texts and the callers' own metadata never reach a table. Names are those of CloudTrail records (lower camel case for
JSON services, the query form for EC2). Sources: the API references of each service, and
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from bedrock_guard.evidence.allowed_bedrock import BEDROCK, COMMON
from bedrock_guard.evidence.allowed_other import (
    AUTOSCALING,
    CLOUDTRAIL,
    EC2,
    IAM,
    IAM_COMMON,
    LOGS,
    MARKETPLACE,
    ORGANIZATIONS,
    S3,
    SAGEMAKER,
    STS,
)
from bedrock_guard.evidence.allowed_outcomes import OUTCOMES
from bedrock_guard.evidence.kinds import Shape, keep

__all__ = ["COMMON", "OUTCOMES", "is_bedrock", "is_kept_service", "kept_text", "request_shape"]

_LONGEST: Final = 16_384
_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def request_shape(service: str, operation: str) -> Shape | None:
    """What is kept of an operation's request; None when such calls make no row.

    `service` is the event source without its domain, such as "iam" or "bedrock-mantle".
    """
    if is_bedrock(service):
        return {**COMMON, **BEDROCK.get(operation, {})}
    if service == "iam":
        return {**IAM_COMMON, **IAM.get(operation, {})}
    if service == "sts":
        return STS
    if service == "cloudtrail":
        return None if operation.startswith(("Get", "List", "Describe", "Lookup")) else CLOUDTRAIL
    if service == "organizations":
        return None if operation.startswith(("Get", "List", "Describe")) else ORGANIZATIONS
    if "marketplace" in service:
        return None if operation.startswith(("Get", "List", "Describe", "Search")) else MARKETPLACE
    return _BY_OPERATION.get(service, {}).get(operation)


_BY_OPERATION: Final[dict[str, dict[str, Shape]]] = {
    "autoscaling": AUTOSCALING,
    "ec2": EC2,
    "s3": S3,
    "logs": LOGS,
    "sagemaker": SAGEMAKER,
    "signin": {"ConsoleLogin": {}},
}


def is_bedrock(service: str) -> bool:
    """Whether a service (the event source without its domain) is of the Bedrock family.

    Example:
        >>> is_bedrock("bedrock-mantle"), is_bedrock("aws-external-anthropic"), is_bedrock("bedrocks")
        (True, True, False)
    """
    return service == "bedrock" or service.startswith("bedrock-") or service == "aws-external-anthropic"


def is_kept_service(service: str) -> bool:
    """Whether at least one operation of the service can make a row."""
    whole = ("iam", "sts", "cloudtrail", "organizations")
    return is_bedrock(service) or service in whole or service in _BY_OPERATION or "marketplace" in service


def kept_text(value: Any, shape: Shape) -> str | None:
    """The allowed part of a request or a response as compact JSON with sorted names; None when nothing is left.

    Example:
        >>> kept_text({"modelId": "a.b", "metadata": {"team": "x"}}, COMMON)
        '{"modelId":"a.b"}'
    """
    kept = keep(value, shape) if isinstance(value, dict) and shape else None
    if not kept:
        return None
    text = _flat(kept) if set(map(type, kept.values())) == {str} else _ENCODER.encode(kept)
    return text if len(text) <= _LONGEST else None


def _flat(kept: dict[str, str]) -> str:
    """What the encoder writes of an object of texts, in a third of its time: most requests are no more."""
    members = [
        f"{encode_basestring_ascii(name)}:{encode_basestring_ascii(kept[name])}" for name in sorted(kept)
    ]
    return f"{{{','.join(members)}}}"
