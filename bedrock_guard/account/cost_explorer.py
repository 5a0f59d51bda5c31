"""Asking Cost Explorer: every page, each answer once, and failures that stay visible.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html. There is no paginator for
it in boto3; each page is a paid request; `End` is exclusive; `Total` is empty where there are groups.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from bedrock_guard.account.answers import NotAwsAnswer, demanded
from bedrock_guard.account.requests import PRICE_PER_REQUEST_USD
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.reconcile import ControlTotal
from bedrock_guard.evidence.tables import Provenance, money, total

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account

PRICE_USD: Final = PRICE_PER_REQUEST_USD["ce"]
REGION: Final = "us-east-1"
"""Cost Explorer of the commercial partition answers there, whatever Region the rest is in."""

FRESH_FOR: Final = timedelta(hours=8)
"""Cost Explorer refreshes its data up to three times a day."""

FAILURES: Final = (ClientError, BotoCoreError, ResponseParserError, NotAwsAnswer)
"""What a question may end in without ending the program: each is written into the answer's provenance."""

_MOST_PAGES: Final = 500


class CostError(GuardError):
    """A question to Cost Explorer that makes no sense."""


@dataclass(frozen=True, slots=True)
class Window:
    """Whole UTC days from `start` (included) to `end` (excluded).

    Example:
        >>> Window.last(datetime(2026, 11, 20, 12, tzinfo=UTC), 28)
        Window(start=datetime.date(2026, 10, 22), end=datetime.date(2026, 11, 19))
    """

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise CostError(
                f"The window {self.start} to {self.end} holds no day.", remedy="Its end is excluded."
            )

    @classmethod
    def last(cls, now: datetime, days: int = 28) -> Window:
        """The last `days` days that Cost Explorer has whole: up to and with the day before yesterday."""
        end = now.astimezone(UTC).date() - timedelta(days=1)
        return cls(end - timedelta(days=days), end)

    @classmethod
    def month(cls, year: int, month: int) -> Window:
        """A calendar month."""
        return cls(date(year, month, 1), date(year + month // 12, month % 12 + 1, 1))

    @property
    def days(self) -> int:
        """How many days it holds."""
        return (self.end - self.start).days

    def previous(self) -> Window:
        """The window of the same length that ends where this one starts."""
        return Window(self.start - timedelta(days=self.days), self.start)

    def since(self, day: date) -> Window | None:
        """The part of it from `day` on; None when nothing is left."""
        start = max(self.start, day)
        return Window(start, self.end) if start < self.end else None

    @property
    def interval(self) -> dict[str, str]:
        """As Cost Explorer's TimePeriod."""
        return {"Start": self.start.isoformat(), "End": self.end.isoformat()}

    def provenance(self, source: str, now: datetime) -> Provenance:
        """A provenance over this window that claims nothing yet."""
        midnight = datetime.min.time()
        start = datetime.combine(self.start, midnight, UTC)
        return Provenance(source, start, datetime.combine(self.end, midnight, UTC), now.astimezone(UTC))


@dataclass(frozen=True, slots=True)
class Answer:
    """All pages of one question: their rows, and how complete they are.

    Args:
        rows: the members of the answer's list (ResultsByTime, DimensionValues, ...), page after page.
        provenance: requests made for it (none when it came from the cache), completeness and why.
    """

    rows: tuple[Mapping[str, Any], ...]
    provenance: Provenance

    @property
    def complete(self) -> bool:
        """Whether every page was read."""
        return self.provenance.complete


class AnswerCache:
    """Complete answers, so that asking again costs nothing; in memory, and in `folder` when one is given.

    Files are readable by their owner only and hold what Cost Explorer answered (amounts, names of services, account
    ids), never a page token. An incomplete answer is not kept.

    Args:
        folder: made when it does not exist; None keeps answers in memory.
        fresh_for: an older answer is asked anew.
    """

    def __init__(self, folder: Path | None = None, fresh_for: timedelta = FRESH_FOR) -> None:
        self._folder, self._fresh_for = folder, fresh_for
        self._memory: dict[str, tuple[datetime, tuple[Mapping[str, Any], ...]]] = {}
        self._lock = threading.Lock()

    def get(self, key: str, now: datetime) -> tuple[datetime, tuple[Mapping[str, Any], ...]] | None:
        """When it was asked and the rows; None when it is not here, or too old."""
        with self._lock:
            found = self._memory.get(key) or self._read(key)
        return found if found and timedelta(0) <= now - found[0] <= self._fresh_for else None

    def put(self, key: str, now: datetime, rows: tuple[Mapping[str, Any], ...]) -> None:
        """Keep a complete answer."""
        with self._lock:
            self._memory[key] = (now, rows)
            if self._folder:
                self._write(self._folder, key, {"asked_at": now.isoformat(), "rows": rows})

    def _read(self, key: str) -> tuple[datetime, tuple[Mapping[str, Any], ...]] | None:
        if not self._folder:
            return None
        try:
            data = json.loads((self._folder / f"{key}.json").read_text("utf-8"))
            return datetime.fromisoformat(data["asked_at"]), tuple(data["rows"])
        except (OSError, ValueError, KeyError, TypeError):
            return None  # a file that is not there, cut or foreign is no answer: ask again

    @staticmethod
    def _write(folder: Path, key: str, data: Mapping[str, Any]) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=folder, suffix=".part", delete=False, encoding="utf-8") as file:
            json.dump(data, file)
        Path(file.name).replace(folder / f"{key}.json")


_CACHES: Final[WeakKeyDictionary[Account, AnswerCache]] = WeakKeyDictionary()


class CostExplorer:
    """Cost Explorer of one account: paid questions, each asked once.

    Args:
        account: whose credentials ask; a member account sees only itself.
        cache: by default one in memory per account object.
    """

    def __init__(self, account: Account, cache: AnswerCache | None = None) -> None:
        self._account = account
        self._cache = cache or _CACHES.setdefault(account, AnswerCache())

    @property
    def now(self) -> datetime:
        """The present moment of the account, UTC."""
        return self._account.now

    def usage(self, window: Window, **parameters: Any) -> Answer:
        """GetCostAndUsage: rows of ResultsByTime; a period that spans pages comes in several rows."""
        parameters = {"TimePeriod": window.interval, "Granularity": "DAILY", **parameters}
        return self._ask("get_cost_and_usage", "ResultsByTime", window, parameters)

    def values(self, window: Window, dimension: str, **parameters: Any) -> Answer:
        """GetDimensionValues: rows with Value."""
        parameters = {"TimePeriod": window.interval, "Dimension": dimension, **parameters}
        return self._ask("get_dimension_values", "DimensionValues", window, parameters)

    def tags(self, window: Window, **parameters: Any) -> Answer:
        """GetTags: rows with Value, one per tag key (or per value of `TagKey`)."""
        parameters = {"TimePeriod": window.interval, **parameters}
        return self._ask("get_tags", "Tags", window, parameters)

    def forecast(self, window: Window, **parameters: Any) -> Answer:
        """GetCostForecast: rows of ForecastResultsByTime."""
        parameters = {"TimePeriod": window.interval, **parameters}
        return self._ask("get_cost_forecast", "ForecastResultsByTime", window, parameters)

    def _ask(self, operation: str, member: str, window: Window, parameters: Mapping[str, Any]) -> Answer:
        claim = window.provenance("Cost Explorer", self.now)
        try:
            key = _key(self._account, operation, parameters)
        except FAILURES as error:
            return Answer((), claim.lowered("unknown", told(error)))
        known = self._cache.get(key, self.now)
        if known:
            return Answer(known[1], _counted(claim, 0, known[0]))
        before = self._account.requests.total("ce")
        walk = _Walk(getattr(self._account.client("ce", REGION), operation), member, parameters)
        rows = tuple(walk)
        asked = _counted(claim, self._account.requests.total("ce") - before, self.now)
        if walk.failure:
            return Answer(rows, asked.lowered("floor" if rows else "unknown", walk.failure))
        self._cache.put(key, self.now, rows)
        return Answer(rows, asked)


class _Walk:
    """Page after page until there is no token; `failure` says why it stopped short."""

    def __init__(
        self, call: Callable[..., Mapping[str, Any]], member: str, parameters: Mapping[str, Any]
    ) -> None:
        self._call, self._member, self._parameters = call, member, parameters
        self.failure = ""

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        seen: set[str] = set()
        token: str | None = None
        for _ in range(_MOST_PAGES):
            try:
                page = self._call(**self._parameters, **({"NextPageToken": token} if token else {}))
                rows = demanded(page, self._member)
            except FAILURES as error:
                self.failure = told(error)
                return
            yield from (row if isinstance(row, Mapping) else {"Value": row} for row in rows)
            token = page.get("NextPageToken")
            if not token:
                return
            if token in seen:
                self.failure = (
                    "Cost Explorer gave the same page token twice; what comes after it was not read"
                )
                return
            seen.add(token)
        self.failure = f"more than {_MOST_PAGES} pages; the rest was not read"


def _key(account: Account, operation: str, parameters: Mapping[str, Any]) -> str:
    text = json.dumps([account.mode, account.account_id, operation, parameters], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _counted(claim: Provenance, requests: int, asked_at: datetime) -> Provenance:
    return Provenance(
        claim.source, claim.window_start, claim.window_end, asked_at, requests, requests * PRICE_USD
    )


def told(error: Exception) -> str:
    """What went wrong, in one line without request ids."""
    if isinstance(error, ClientError):
        told = error.response.get("Error", {})
        return f"{error.operation_name}: {told.get('Code', 'unknown error')}: {told.get('Message', '')}"[:300]
    return str(getattr(error, "what", error))[:300]


@dataclass(frozen=True, slots=True)
class Amount:
    """One group (or the total) of one period.

    Args:
        day: first day of the period.
        keys: the group's keys; empty for a total.
        cost: None when the answer holds no number.
        currency: as billed.
        quantity: None when it was not asked, or counts several units together.
        unit: of the quantity.
        estimated: what Cost Explorer says of the period; None when it says nothing.
    """

    day: date
    keys: tuple[str, ...]
    cost: Decimal | None
    currency: str | None
    quantity: Decimal | None
    unit: str | None
    estimated: bool | None


def amounts(rows: Iterable[Mapping[str, Any]], metric: str = "UnblendedCost") -> Iterator[Amount]:
    """The groups of rows of ResultsByTime, or their totals where there are no groups."""
    for row in rows:
        day = date.fromisoformat(str(row.get("TimePeriod", {}).get("Start", ""))[:10])
        estimated = row.get("Estimated")
        groups = row.get("Groups") or ([{"Keys": [], "Metrics": row["Total"]}] if row.get("Total") else [])
        for group in groups:
            yield _amount(day, group, metric, estimated if isinstance(estimated, bool) else None)


def _amount(day: date, group: Mapping[str, Any], metric: str, estimated: bool | None) -> Amount:  # noqa: FBT001 - as told
    metrics = group.get("Metrics", {})
    cost, used = metrics.get(metric, {}), metrics.get("UsageQuantity", {})
    unit = used.get("Unit")
    mixed = unit is None or unit.upper() in ("N/A", "NA", "")
    return Amount(
        day=day,
        keys=tuple(str(key) for key in group.get("Keys", ())),
        cost=money(cost.get("Amount")),
        currency=cost.get("Unit"),
        quantity=None if mixed else money(used.get("Amount")),
        unit=None if mixed else unit,
        estimated=estimated,
    )


def control_total(found: Iterable[Amount], said: Provenance) -> ControlTotal:
    """The sum of ungrouped days; unknown when a day is missing, lacks its amount, or currencies differ."""
    days = list(found)
    costs = [day.cost for day in days]
    currencies = {day.currency for day in days}
    if not said.complete or len(currencies) != 1 or None in costs:
        why = "no control total in one currency came back" if said.complete else ""
        return ControlTotal(None, None, said.lowered("unknown", why))
    return ControlTotal(total(costs), currencies.pop(), said)
