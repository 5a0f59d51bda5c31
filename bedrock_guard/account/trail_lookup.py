"""CloudTrail's Event history (LookupEvents) to the trail table: no trail and no bucket needed.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events-cli.html : 90 days, management events
only, one attribute a walk, one Region a walk, 50 events a page, two requests a second per account and Region. Events of
IAM and STS's global endpoint are in one Region only. Mantle inference and agent calls are data events: never here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol
from weakref import WeakKeyDictionary

from bedrock_guard.account.answers import demanded
from bedrock_guard.account.pacing import Pacer
from bedrock_guard.account.trail import Collector, Files, Reading
from bedrock_guard.demo.clock import Clock
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.moments import read_time
from bedrock_guard.evidence.tables import Completeness, Provenance, with_provenance

if TYPE_CHECKING:
    from botocore.client import BaseClient

    from bedrock_guard.boundary.catalogue import Catalogue

HISTORY: Final = timedelta(days=90)
REQUESTS_A_SECOND: Final = 2.0
PAGE: Final = 50
MOST_EVENTS: Final = 200_000
"""Events after which a walk stops by default: about 35 minutes of asking."""

ATTRIBUTES: Final = frozenset(
    (
        "AccessKeyId",
        "EventId",
        "EventName",
        "EventSource",
        "ReadOnly",
        "ResourceName",
        "ResourceType",
        "Username",
    )
)
GLOBAL_REGIONS: Final = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}
"""Where the events of IAM are, by partition."""

_PACERS: Final[WeakKeyDictionary[Any, Pacer]] = WeakKeyDictionary()
_PACERS_LOCK: Final = Lock()

Attribute = tuple[str, str]
DEFAULT_ATTRIBUTES: Final[tuple[Attribute, ...]] = (
    ("EventSource", "bedrock.amazonaws.com"),
    ("EventSource", "bedrock-mantle.amazonaws.com"),
    ("EventSource", "bedrock-agentcore.amazonaws.com"),
    ("EventSource", "aws-external-anthropic.amazonaws.com"),
    ("EventSource", "cloudtrail.amazonaws.com"),
    ("EventName", "RunInstances"),
    ("EventName", "CreateVolume"),
    ("EventSource", "iam.amazonaws.com"),
)
_GLOBAL_SOURCES: Final = frozenset(("iam.amazonaws.com", "organizations.amazonaws.com"))
_DATA_EVENTS: Final = (
    "Event history holds management events only: mantle inference, agents, knowledge bases and guardrail checks are "
    "data events and never in it"
)


_BACK_TO: Final = "Event history goes back 90 days"
_LATE: Final = "events of the last minutes may not have arrived"
_LIMITS: Final = (_DATA_EVENTS, _BACK_TO, _LATE)


class Clients(Protocol):
    """What gives boto3 clients, the time and the partition; an Account does."""

    @property
    def clock(self) -> Clock:
        """What tells the time and waits."""
        ...

    @property
    def partition(self) -> str:
        """aws, aws-us-gov or aws-cn."""
        ...

    def client(self, service: str, region: str | None = None) -> BaseClient:
        """A client for a service in a Region."""
        ...


@dataclass(frozen=True, slots=True)
class Walk:
    """One attribute in one Region, and how far the walk came.

    Args:
        region: the Region asked.
        attribute: the one attribute asked for.
        events: events met.
        pages: requests answered.
        completeness: complete; floor when it stopped early; unknown when nothing could be asked.
        why: the reason for anything but complete.
    """

    region: str
    attribute: Attribute
    events: int = 0
    pages: int = 0
    completeness: Completeness = "complete"
    why: str = ""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A Reading and the walks it came from."""

    reading: Reading
    walks: tuple[Walk, ...]


@dataclass(slots=True)
class _Walker:
    client: Any
    region: str
    attribute: Attribute
    start: datetime
    end: datetime
    pacer: Pacer
    most: int
    items: list[Any] = field(default_factory=list)
    pages: int = 0

    def run(self) -> Walk:
        """Ask page after page; an error ends the walk and says so, and what came before it is kept."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            why = self._pages()
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "unknown error")
            why = f"{self.region}: LookupEvents answered {code}"
        except (BotoCoreError, GuardError) as error:
            why = f"{self.region}: LookupEvents failed: {type(error).__name__}"
        completeness: Completeness = "complete" if not why else "floor" if self.pages else "unknown"
        return Walk(self.region, self.attribute, len(self.items), self.pages, completeness, why)

    def _pages(self) -> str:
        request: dict[str, Any] = {
            "LookupAttributes": [{"AttributeKey": self.attribute[0], "AttributeValue": self.attribute[1]}],
            "StartTime": self.start,
            "EndTime": self.end,
            "MaxResults": PAGE,
        }
        tokens: set[str] = set()
        while True:
            self.pacer.wait()
            answer = self.client.lookup_events(**request)
            self.items.extend(demanded(answer, "Events"))
            self.pages += 1
            token = answer.get("NextToken")
            if not token:
                return ""
            if token in tokens:
                return f"{self.region}: AWS repeated a page token, so the walk ended"
            if len(self.items) >= self.most:
                return self._stopped(answer["Events"])
            tokens.add(token)
            request["NextToken"] = token

    def _stopped(self, last: Sequence[Mapping[str, Any]]) -> str:
        """Events come newest first, so what is missing is older than the last one."""
        moments = [moment for event in last if (moment := read_time(event.get("EventTime")))]
        since = f", none older than {min(moments):%Y-%m-%d %H:%M} UTC" if moments else ""
        return f"{self.region}: stopped after {len(self.items)} events of {self.attribute[1]}{since}"


def pacer_of(client: Any, clock: Clock) -> Pacer:
    """The one pacer of a client: look-ups that run at the same time share the Region's two requests a second."""
    with _PACERS_LOCK:
        return _PACERS.setdefault(client, Pacer(REQUESTS_A_SECOND, clock))


def look_up(
    account: Clients,
    regions: Iterable[str],
    start: datetime,
    end: datetime,
    *,
    attributes: Sequence[Attribute] = DEFAULT_ATTRIBUTES,
    most_events: int = MOST_EVENTS,
    catalogue: Catalogue | None = None,
    kept: Mapping[str, str] | None = None,
) -> Lookup:
    """Walk Event history: every attribute in every Region, IAM's only in the partition's global Region.

    Regions are asked side by side; within a Region the walks share two requests a second.

    Args:
        account: whose history.
        regions: Regions to ask; the partition's global Region is asked for IAM's events even when it is not named.
        start: first instant (UTC, aware).
        end: first instant no longer wanted.
        attributes: pairs such as ("Username", "BedrockAPIKey-ab12"); each is a walk of its own.
        most_events: events after which one walk stops; what it found is then "at least".
        catalogue: models known; by default the shipped catalogue.
        kept: what opaque profile ARNs stand for.

    Raises:
        GuardError: an attribute that LookupEvents does not have, or a window that is none.
    """
    _check(attributes, start, end)
    asked = account.clock.now()
    plan = _plan(regions, attributes, GLOBAL_REGIONS.get(account.partition, "us-east-1"))
    walkers = [
        _Walker(client, region, attribute, start, end, pacer, most_events)
        for region, wanted in plan.items()
        for client in [account.client("cloudtrail", region)]
        for pacer in [pacer_of(client, account.clock)]
        for attribute in wanted
    ]
    with ThreadPoolExecutor(max_workers=max(1, min(16, len(plan)))) as pool:
        walks = tuple(pool.map(_Walker.run, walkers))
    collector = Collector(start, end)
    for walker in walkers:
        collector.add(walker.items)
    reading = collector.reading(Files(), catalogue=catalogue, kept=kept)
    with_provenance(reading.frame, _provenance(walks, start, end, asked))
    return Lookup(reading, walks)


def gaps(proof: Provenance) -> tuple[str, ...]:
    """Reasons in a look-up's provenance that are no limit of Event history itself: Regions refused, walks cut short.

    Example:
        >>> why = f"us-east-1: LookupEvents answered X; {_DATA_EVENTS}"
        >>> gaps(Provenance("CloudTrail", completeness="floor", why=why))
        ('us-east-1: LookupEvents answered X',)

    """
    return tuple(why for why in proof.why.split("; ") if why and not why.startswith(_LIMITS))


def _check(attributes: Sequence[Attribute], start: datetime, end: datetime) -> None:
    wrong = sorted({name for name, _ in attributes} - ATTRIBUTES)
    if wrong or not attributes:
        raise GuardError(
            f"LookupEvents has no attribute {', '.join(wrong) or '(none given)'}.",
            remedy=f"Use one of {', '.join(sorted(ATTRIBUTES))}.",
        )
    if start.tzinfo is None or end.tzinfo is None or start >= end:
        raise GuardError(
            "This is no window of time.", remedy="Give a start before the end, both with a time zone."
        )


def _plan(
    regions: Iterable[str], attributes: Sequence[Attribute], global_region: str
) -> dict[str, list[Attribute]]:
    """Which attributes to ask for in which Region."""
    everywhere = [attribute for attribute in attributes if attribute[1] not in _GLOBAL_SOURCES]
    plan = {region: list(everywhere) for region in dict.fromkeys(regions)}
    for attribute in attributes:
        if attribute[1] in _GLOBAL_SOURCES:
            plan.setdefault(global_region, []).append(attribute)
    return {region: wanted for region, wanted in plan.items() if wanted}


def _provenance(walks: Sequence[Walk], start: datetime, end: datetime, asked: datetime) -> Provenance:
    reasons = [walk.why for walk in walks if walk.why]
    oldest = asked - HISTORY
    if start < oldest:
        reasons.append(f"{_BACK_TO}, to {oldest:%Y-%m-%d}")
    if asked < end:
        reasons.append(_LATE)
    nothing = all(walk.completeness == "unknown" for walk in walks)
    return Provenance(
        source=f"CloudTrail Event history of {', '.join(dict.fromkeys(walk.region for walk in walks))}",
        window_start=max(start, oldest),
        window_end=min(end, asked),
        asked_at=asked,
        requests=sum(walk.pages for walk in walks),
        completeness="unknown" if nothing else "floor",
        why="; ".join([*reasons, _DATA_EVENTS]),
    )
