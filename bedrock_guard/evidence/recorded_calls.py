"""A row of the calls table back into the API call it records: CloudTrail's names into boto3's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from bedrock_guard.boundary.calls import Call, KeyKind

_RUNTIME: Final = frozenset(
    "ApplyGuardrail Converse ConverseStream InvokeModel InvokeModelWithBidirectionalStream "
    "InvokeModelWithResponseStream StartAsyncInvoke".split()
)
_AGENT_RUNTIME: Final = frozenset(
    "InvokeAgent InvokeFlow InvokeInlineAgent Retrieve RetrieveAndGenerate RetrieveAndGenerateStream Rerank".split()
)
_KEY_KINDS: Final[Mapping[str | None, KeyKind]] = {
    "none": "none",
    "long_term": "long_term",
    "short_term": "short_term",
}
_CAPITALISED: Final = frozenset({"autoscaling", "ec2", "iam", "organizations", "sts"})


def call_of(row: Mapping[str, str | None]) -> Call:
    """The call that a row records; `row` holds the columns of `replay.KEY` as text or None.

    CloudTrail writes request parameters with a lower first letter (IAM, EC2: boto3 writes it large), EC2 lists as
    `{"items": [...]}`, and files every plane of Bedrock under one event source.
    """
    service = service_of(row["service"] or "", row["operation"] or "")
    return Call(
        service=service,
        operation=row["operation"] or "",
        parameters=boto3_parameters(service, json.loads(row["parameters"]) if row["parameters"] else {}),
        region=row["region"] or "us-east-1",
        account=row["account_id"] or "",
        principal=row["principal"] or "",
        key_kind=_KEY_KINDS.get(row["key_kind"], "unknown"),
    )


def service_of(source: str, operation: str) -> str:
    """The boto3 client of an event source's operation.

    Example:
        >>> service_of("bedrock.amazonaws.com", "Converse"), service_of("iam.amazonaws.com", "CreateUser")
        ('bedrock-runtime', 'iam')

    """
    service = source.partition(".")[0]
    if service == "bedrock" and operation in _RUNTIME:
        return "bedrock-runtime"
    return "bedrock-agent-runtime" if service == "bedrock" and operation in _AGENT_RUNTIME else service


def boto3_parameters(service: str, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Recorded parameters under boto3's names.

    Example:
        >>> boto3_parameters("ec2", {"blockDeviceMapping": {"items": [{"ebs": {"encrypted": True}}]}})
        {'BlockDeviceMappings': [{'Ebs': {'Encrypted': True}}]}

    """
    if service not in _CAPITALISED:
        return dict(recorded)
    renamed = {"blockDeviceMapping": "blockDeviceMappings"}
    return {_large(renamed.get(name, name)): _capitalised(value) for name, value in recorded.items()}


def _capitalised(value: Any) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {"items"}:
            return _capitalised(value["items"])
        return {_large(name): _capitalised(member) for name, member in value.items()}
    return [_capitalised(member) for member in value] if isinstance(value, list) else value


def _large(name: str) -> str:
    return name[:1].upper() + name[1:]
