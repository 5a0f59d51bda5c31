"""What was asked of AWS, and what AWS charges for that."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from bedrock_guard.evidence.tables import dollars

# https://aws.amazon.com/aws-cost-management/aws-cost-explorer/pricing/ : each paginated request is one request.
PRICE_PER_REQUEST_USD = {"ce": Decimal("0.01")}


@dataclass(frozen=True, slots=True)
class RequestLine:
    """How often one operation was asked, attempts included, and what AWS charges for that at most."""

    service: str
    operation: str
    count: int
    cost_usd: Decimal


class RequestCounter:
    """Every request that left, by service and operation. Safe for several threads.

    Repeated attempts count as requests, so that the cost is never understated.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, service: str, operation: str) -> None:
        """One more request."""
        with self._lock:
            self._counts[service, operation] += 1

    def counts(self) -> Counter[tuple[str, str]]:
        """(service, operation) -> how many until now."""
        with self._lock:
            return self._counts.copy()

    def lines(self) -> tuple[RequestLine, ...]:
        """One line per service and operation, in alphabetical order."""
        counts = sorted(self.counts().items())
        free = Decimal(0)
        return tuple(RequestLine(s, o, n, n * PRICE_PER_REQUEST_USD.get(s, free)) for (s, o), n in counts)

    def total(self, service: str | None = None, operation: str | None = None) -> int:
        """How many requests, of one service or operation or in all."""
        asked = [line for line in self.lines() if service in {None, line.service}]
        return sum(line.count for line in asked if operation in {None, line.operation})

    @property
    def cost_usd(self) -> Decimal:
        """What all of them cost at most, in US dollars."""
        return sum((line.cost_usd for line in self.lines()), Decimal(0))


def asked_words(requests: int, paid: int, cost_usd: Decimal) -> str:
    """How many requests, in words.

    Example:
        >>> asked_words(194, 22, Decimal("0.22"))
        '194 requests, 22 of them to Cost Explorer: $0.22 at $0.01 each, the others are free'

    """
    price = PRICE_PER_REQUEST_USD["ce"]
    return (
        f"{requests:,} requests, {paid:,} of them to Cost Explorer: {dollars(cost_usd)} at ${price} each, "
        "the others are free"
    )
