"""An API call and the authorisations that AWS makes for it, as values; `calls` goes from one to the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from bedrock_guard.boundary.catalogue import Catalogue
from bedrock_guard.boundary.names import partition_of

KeyKind = Literal["none", "long_term", "short_term", "unknown"]
Value = str | bool | int | float | datetime | tuple[str, ...]
Context = Mapping[str, Value]

_PREFIXES = {
    "bedrock-agent": "bedrock",
    "bedrock-agent-runtime": "bedrock",
    "bedrock-agentcore-control": "bedrock-agentcore",
    "bedrock-data-automation": "bedrock",
    "bedrock-data-automation-runtime": "bedrock",
    "bedrock-runtime": "bedrock",
    "marketplace-agreement": "aws-marketplace",
    "monitoring": "cloudwatch",
    "sagemaker-runtime": "sagemaker",
    "sso-admin": "sso",
    "stepfunctions": "states",
}


@dataclass(frozen=True, slots=True)
class Call:
    """An API call: a service, an operation (`Converse` or `converse`) and its parameters.

    `service` is a boto3 client's name or an event source of CloudTrail (`bedrock.amazonaws.com`); parameters may be
    spelled as boto3 does or as CloudTrail does (`UserName`, `userName`).

    `facts` are context keys known from elsewhere, such as the current type of an instance; they fill keys that the
    parameters leave open, and None says that the key is known to be absent. `time` is zone-aware, UTC.
    """

    service: str
    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    region: str = "us-east-1"
    account: str = "111122223333"
    principal: str = "arn:aws:iam::111122223333:role/developer"
    key_kind: KeyKind = "none"
    facts: Mapping[str, Value | None] = field(default_factory=dict)
    time: datetime | None = None

    @property
    def name(self) -> str:
        """The operation in AWS's spelling."""
        if "_" in self.operation or self.operation[:1].islower():
            return "".join(part[:1].upper() + part[1:] for part in self.operation.split("_"))
        return self.operation

    @property
    def client(self) -> str:
        """The service without `.amazonaws.com`."""
        return self.service.removesuffix(".amazonaws.com")

    @property
    def prefix(self) -> str:
        """The service's prefix in action names."""
        return prefix_of(self.client)

    @property
    def partition(self) -> str:
        """The partition of the region."""
        return partition_of(self.region)

    def arn(
        self, resource: str, *, service: str = "", region: str | None = None, account: str | None = None
    ) -> str:
        """An ARN of the call's partition, by default of its service, region and account."""
        place = self.region if region is None else region
        owner = self.account if account is None else account
        return f"arn:{self.partition}:{service or self.prefix}:{place}:{owner}:{resource}"

    def get(self, *path: str) -> Any:
        """A parameter, or a member of one; None where it is not given."""
        value: Any = self.parameters
        for step in path:
            value = member(value, step)
        return value


def prefix_of(client: str) -> str:
    """The prefix of a boto3 client's actions."""
    return _PREFIXES.get(client, client)


def member(value: Any, name: str) -> Any:
    """A member of a mapping, in any case; None where there is none."""
    if not isinstance(value, Mapping):
        return None
    if name in value:
        return value[name]
    return next((held for key, held in value.items() if str(key).lower() == name.lower()), None)


def listed(value: Any) -> list[Any]:
    """A list as boto3 writes it, or as CloudTrail does for EC2: `{"items": [...]}`."""
    found = member(value, "items") if isinstance(value, Mapping) else value
    return list(found) if isinstance(found, list | tuple) else []


@dataclass(frozen=True, slots=True)
class Authorisation:
    """One question AWS asks: may the principal do this action on this resource under these keys?"""

    action: str
    resource: str
    context: Context = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()
    either: Mapping[str, tuple[Value | None, ...]] = field(default_factory=dict)
    certain: bool = True
    resource_known: bool = True


Handler = Callable[[Call, Catalogue], Iterator[Authorisation]]
