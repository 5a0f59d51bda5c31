"""GetCostForecast: the mean of the last four weeks, carried on."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from statistics import NormalDist, pstdev
from typing import Final

from bedrock_guard.demo.service import Answer, Request
from bedrock_guard.demo.services.ce.common import (
    SERVICE,
    Period,
    amount,
    asked_period,
    invalid,
    lines_of,
    periods,
    unavailable,
)
from bedrock_guard.demo.services.ce.filters import compiled, uses_attributes

BASE_DAYS: Final = 28
_DEFAULT_LEVEL: Final = 80
_METRICS: Final = {
    "BLENDED_COST": "unblended",
    "UNBLENDED_COST": "unblended",
    "NET_UNBLENDED_COST": "unblended",
    "AMORTIZED_COST": "amortized",
    "NET_AMORTIZED_COST": "amortized",
    "USAGE_QUANTITY": "quantity",
}


@SERVICE.operation("GetCostForecast", gap="a plain mean with a normal interval, not AWS's model")
def get_cost_forecast(request: Request) -> Answer:
    """What the coming days or months will cost, with a prediction interval."""
    p = request.parameters
    whole = asked_period(request, future=True)
    if uses_attributes(p.get("Filter")):
        raise invalid("Product attributes are not supported in a forecast")
    if p["Granularity"] == "HOURLY" or p["Metric"] not in _METRICS:
        raise invalid(f"{p['Metric']} cannot be forecast {p['Granularity'].lower()}")
    _check_reach(whole, p["Granularity"], request.now.date())
    daily = _daily(request)
    if not any(daily):
        raise unavailable("Insufficient amount of historical data to generate forecast")
    mean = sum(daily, Decimal(0)) / len(daily)
    level = int(p.get("PredictionIntervalLevel", _DEFAULT_LEVEL))
    width = Decimal(str(NormalDist().inv_cdf(0.5 + level / 200) * pstdev([float(v) for v in daily])))
    rows = [_row(period, mean, width) for period in periods(whole, p["Granularity"])]
    total = sum((Decimal(row["MeanValue"]) for row in rows), Decimal(0))
    unit = "N/A" if p["Metric"] == "USAGE_QUANTITY" else "USD"
    return {"Total": {"Amount": amount(total), "Unit": unit}, "ForecastResultsByTime": rows}


def _check_reach(whole: Period, granularity: str, today: date) -> None:
    reach = timedelta(days=93 if granularity == "DAILY" else 550)
    if date.fromisoformat(whole.end) > today + reach:
        raise invalid("The end date is too far in the future for this granularity")


def _daily(request: Request) -> list[Decimal]:
    """The sum of each of the last whole days, up to the day before yesterday."""
    p = request.parameters
    test, member = compiled(p.get("Filter")), _METRICS[p["Metric"]]
    last = request.now.date() - timedelta(days=1)
    sums = {(last - timedelta(days=n)).isoformat(): Decimal(0) for n in range(1, BASE_DAYS + 1)}
    for line in lines_of(request, Period(min(sums), last.isoformat())):
        if test(line):
            sums[line.day] += getattr(line, member)
    return list(sums.values())


def _row(period: Period, mean: Decimal, width: Decimal) -> Answer:
    days = (date.fromisoformat(period.end) - date.fromisoformat(period.start)).days
    spread = width * Decimal(days).sqrt()
    return {
        "TimePeriod": period.shown(),
        "MeanValue": amount(mean * days),
        "PredictionIntervalLowerBound": amount(max(Decimal(0), mean * days - spread)),
        "PredictionIntervalUpperBound": amount(mean * days + spread),
    }
