"""The records that make rows: which operations are kept, and many records at once, whichever parser holds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any, Final, TypeVar

from bedrock_guard.evidence.kinds import Shape
from bedrock_guard.evidence.left_out import LeftOut
from bedrock_guard.evidence.parameters import is_kept_service, request_shape
from bedrock_guard.evidence.repeated import Repeated, distinct

_AWS_DOMAIN: Final = ".amazonaws.com"
_Read = TypeVar("_Read")

Kind = tuple[str, str]
"""`eventSource` and `eventName` of a record."""


class Records:
    """Records whose operation is kept (`shape_of`), in the order they were met: dicts, or what a subclass holds.

    Args:
        records: the records.
        kinds: the kind of each.
    """

    def __init__(self, records: Sequence[Any], kinds: Sequence[Kind]) -> None:
        self.records, self.kinds = records, kinds

    def __len__(self) -> int:
        return len(self.records)

    @cached_property
    def distinct_kinds(self) -> Repeated[Kind]:
        """The kind of each record."""
        return distinct(self.kinds)

    def column(self, name: str) -> list[Any]:
        """A member of each record; None where a record has none."""
        return [record.get(name) for record in self.records]

    def each(self, function: Callable[[Any], _Read], name: str) -> list[_Read]:
        """What `function` reads from that member of each record."""
        return [function(value) for value in self.column(name)]

    def read(self, function: Callable[[Any], _Read], name: str) -> Repeated[_Read]:
        """The same, for a member that many records have alike."""
        return Repeated(range(len(self)), self.each(function, name))

    def read_by_kind(self, function: Callable[[Any, Kind], _Read], name: str) -> Repeated[_Read]:
        """The same, where it depends on the kind of the record as well."""
        found = [function(value, kind) for value, kind in zip(self.column(name), self.kinds, strict=True)]
        return Repeated(range(len(self)), found)

    def whole(self, place: int) -> dict[str, Any]:
        """One record as a dict."""
        return dict(self.records[place])

    def only(self, places: Sequence[int]) -> Records:
        """The records at these places."""
        return Records([self.records[place] for place in places], [self.kinds[place] for place in places])


MEMBERS: Final = (
    "eventTime", "eventCategory", "eventType", "requestParameters", "additionalEventData", "userIdentity",
    "userAgent", "eventID", "recipientAccountId", "awsRegion", "sourceIPAddress", "requestID", "vpcEndpointId",
    "resources", "readOnly", "sessionCredentialFromConsole", "errorCode",
)  # fmt: skip
"""The members that are read of every record, in the order in which `read_columns` asks for them."""


@lru_cache(maxsize=8192)
def shape_of(source: str, operation: str) -> Shape | LeftOut:
    """What is kept of the requests of an operation, or the reason why its calls are never rows."""
    service = source.strip().removesuffix(".cn").removesuffix(_AWS_DOMAIN)
    if service == source.strip() or not is_kept_service(service):
        return LeftOut.OTHER_SERVICE
    shape = request_shape(service, operation)
    return LeftOut.OTHER_OPERATION if shape is None else shape
