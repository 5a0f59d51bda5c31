"""Rules about use: something new for a caller, many Regions, many calls, looking around before calling."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from bedrock_guard.evidence.caller_names import short
from bedrock_guard.evidence.finding import (
    Evidence,
    Finding,
    Rule,
    Severity,
    Thresholds,
    bedrock_calls,
    of_events,
)
from bedrock_guard.evidence.invocations import INVOCATIONS
from bedrock_guard.evidence.tables import provenance_of
from bedrock_guard.evidence.words import many

if TYPE_CHECKING:
    import pandas as pd

ENUMERATIONS: Final = frozenset(
    "ListFoundationModels ListInferenceProfiles GetFoundationModel GetFoundationModelAvailability GetInferenceProfile "
    "ListFoundationModelAgreementOffers GetModelInvocationLoggingConfiguration ListModels GetUseCaseForModelAccess "
    "ListCustomModels ListProvisionedModelThroughputs ListImportedModels".split()
)
"""Calls that look at what could be used."""


def network_of(address: Any) -> str | None:
    """The network of an address: /24 of IPv4, /48 of IPv6; None for a service's name, "AWS Internal" and NA.

    Example:
        >>> network_of("203.0.113.66"), network_of("2001:db8:1:2::7"), network_of("autoscaling.amazonaws.com")
        ('203.0.113.0/24', '2001:db8:1::/48', None)
    """
    if not isinstance(address, str):
        return None
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    prefix = 24 if parsed.version == 4 else 48
    return str(ipaddress.ip_network(f"{address}/{prefix}", strict=False))


def networks_of(addresses: pd.Series[Any]) -> pd.Series[Any]:
    """The network of each address (see `network_of`) as a category, each address read once."""
    import pandas as pd

    held = addresses.astype("category").cat
    networks = pd.Categorical([network_of(address) for address in held.categories])
    return pd.Series(networks.take(held.codes.to_numpy(), allow_fill=True), index=addresses.index)


def new_client(evidence: Evidence, limits: Thresholds) -> Iterator[Finding]:
    """A principal known for a while called with a program it had not used before.

    A user agent is the caller's own text. True: 30 days of boto3, then aiohttp. False: the principal's first week.
    """
    yield from _first_seen(evidence, limits, evidence.calls["client"], "new_client", "with a new program")


def new_network(evidence: Evidence, limits: Thresholds) -> Iterator[Finding]:
    """A principal known for a while called from a network it had not used before.

    Without a table of places an address says nothing about distance. True: 30 days from one /24, then another. False:
    an address of the same /24, or a call that an AWS service made.
    """
    networks = networks_of(evidence.calls["source_ip"])
    yield from _first_seen(evidence, limits, networks, "new_network", "from a new network")


_OF_FIRST: Final = ["principal", "event_time", "event_id", "account_id", "key_kind"]


def _first_seen(
    evidence: Evidence, limits: Thresholds, values: pd.Series[Any], rule: str, how: str
) -> Iterator[Finding]:
    """Values that a principal showed for the first time after its baseline; one finding a principal and value."""
    calls = bedrock_calls(evidence.calls)
    own_doing = calls.loc[calls["invoked_by"].isna(), _OF_FIRST]
    known = _in_time(
        own_doing.assign(_value=values.loc[own_doing.index]).dropna(subset=["_value", "principal"])
    )
    for principal, own in known.groupby("principal", sort=False):
        places = own.reset_index(drop=True)
        known_since = places["event_time"].iloc[0] + timedelta(days=limits.baseline_days)
        shown = places.drop_duplicates("_value")
        for first, value in shown.loc[shown["event_time"] >= known_since, "_value"].items():
            if first < limits.baseline_calls:
                continue
            rows = places[places["_value"] == value]
            rows.attrs = calls.attrs
            severity: Severity = "high" if (rows["key_kind"] != "none").any() else "low"
            title = f"{short(principal)} called {how}: {str(value)[:80]}, {many(len(rows), 'call')}."
            facts = {"value": value, "before": sorted({str(v) for v in places["_value"].iloc[:first]})[:20]}
            yield of_events(rule, severity, title, str(principal), rows, facts=facts)


def region_spread(evidence: Evidence, limits: Thresholds) -> Iterator[Finding]:
    """One principal called several Regions within minutes.

    The Region is the one called: where a profile had the call answered is another matter and spreads by itself. True:
    us-east-1, us-west-2 and eu-west-1 called within 30 minutes. False: one Region called, four inference Regions.
    """
    calls = bedrock_calls(evidence.calls)
    calls = calls[calls["invoked_by"].isna() & calls["region"].notna()]
    for principal, own in _by_principal(calls):
        ends = _ends(own["event_time"], timedelta(minutes=limits.spread_minutes))
        wide = _different(own["region"], ends) >= limits.spread_regions
        if not wide.any():
            continue
        inside = own[_within(wide, ends)]
        found = sorted({str(region) for region in inside["region"]})
        inside.attrs = calls.attrs
        title = f"{short(principal)} called {len(found)} Regions within {limits.spread_minutes} minutes."
        severity: Severity = "high" if (inside["key_kind"] != "none").any() else "medium"
        yield of_events("region_spread", severity, title, str(principal), inside, facts={"regions": found})


def burst(evidence: Evidence, limits: Thresholds) -> Iterator[Finding]:
    """One principal made many model calls within minutes, far more than it usually does.

    What is usual is told by other days; a caller that came and went within a day has nothing usual. True: 300 calls in
    5 minutes by a caller whose busy stretches have 10, or by one never seen on another day. False: a service that
    always makes 300.
    """
    calls = evidence.calls
    begin = provenance_of(calls).window_start
    made = calls[calls["operation"].isin(list(INVOCATIONS)) & calls["invoked_by"].isna()]
    stretch = timedelta(minutes=limits.burst_minutes)
    for principal, own in _by_principal(made):
        if len(own) < limits.burst_calls:
            continue
        ends = _ends(own["event_time"], stretch)
        start = _longest(ends)
        usual = _usual(own, own["event_time"].iloc[start], stretch, begin, limits)
        most = int(ends[start]) - start
        if most < limits.burst_calls or most < limits.burst_factor * usual:
            continue
        inside = own.iloc[start : ends[start]]
        inside.attrs = calls.attrs
        title = f"{short(principal)} made {most} model calls within {limits.burst_minutes} minutes, usually {usual:g}."
        yield of_events(
            "burst", "medium", title, str(principal), inside, facts={"calls": most, "usual": usual}
        )


def _usual(
    own: pd.DataFrame, at: datetime, stretch: timedelta, begin: datetime | None, limits: Thresholds
) -> float:
    """A caller's median of calls in a busy stretch on other days; 0 for one that came and went within a day or two."""
    day = timedelta(days=1)
    others = own[~own["event_time"].between(at - day, at + day)]
    first = own["event_time"].iloc[0]
    if not len(others) and begin and first - begin >= timedelta(days=limits.baseline_days):
        return 0.0
    told = others if len(others) else own
    return float(told.groupby(told["event_time"].dt.floor(stretch)).size().median())


def enumeration_then_invocation(evidence: Evidence, limits: Thresholds) -> Iterator[Finding]:
    """A principal looked at what models there are, in several ways or Regions, and soon after called one.

    True: ListFoundationModels and ListInferenceProfiles in two Regions, then InvokeModel. False: one
    ListFoundationModels before a call, as many programs do at their start.
    """
    calls = bedrock_calls(evidence.calls)
    kinds = calls["operation"].isin(list(ENUMERATIONS | INVOCATIONS))
    for principal, own in _by_principal(calls[kinds & calls["invoked_by"].isna()]):
        looks = own[own["operation"].isin(list(ENUMERATIONS))]
        chain = _chain(own, looks, limits) if len(looks) >= limits.enumeration_calls else None
        if chain is None:
            continue
        chain.attrs = calls.attrs
        regions = sorted({str(region) for region in chain["region"].dropna()})
        title = f"{short(principal)} looked at models in {', '.join(regions)} and then called one."
        facts = {"operations": sorted(set(chain["operation"])), "regions": regions}
        yield of_events("enumeration_then_invocation", "high", title, str(principal), chain, facts=facts)


def _chain(own: pd.DataFrame, looks: pd.DataFrame, limits: Thresholds) -> pd.DataFrame | None:
    """The first stretch of looks that is varied enough, with the model call that follows it; None without one."""
    import pandas as pd

    ends = _ends(looks["event_time"], timedelta(minutes=limits.enumeration_minutes))
    invoked = own[own["operation"].isin(list(INVOCATIONS))]
    for start, end in enumerate(ends):
        stretch = looks.iloc[start:end]
        varied = stretch["region"].nunique() > 1 or stretch["operation"].nunique() > 1
        if len(stretch) < limits.enumeration_calls or not varied:
            continue
        last = stretch["event_time"].iloc[-1]
        after = invoked["event_time"].between(last, last + timedelta(minutes=limits.enumeration_minutes))
        if after.any():
            return pd.concat([stretch, invoked[after].iloc[:1]])
    return None


def access_probe(evidence: Evidence, limits: Thresholds) -> Iterator[Finding]:
    """A principal made model calls that are wrong on purpose: the error proves access and costs nothing.

    True: three InvokeModel with ValidationException within an hour, none before in that caller's records. False: one
    such error among a thousand good calls.
    """
    calls = bedrock_calls(evidence.calls)
    wrong = calls[calls["operation"].isin(list(INVOCATIONS)) & (calls["error_code"] == "ValidationException")]
    for principal, own in _by_principal(wrong):
        ends = _ends(own["event_time"], timedelta(hours=1))
        start = _longest(ends)
        inside = own.iloc[start : ends[start]]
        if len(inside) < limits.probe_calls:
            continue
        inside.attrs = calls.attrs
        title = f"{short(principal)} made {len(inside)} model calls within an hour that could only fail."
        facts = {"models": sorted({str(m) for m in inside["model_raw"].dropna()})}
        yield of_events("access_probe", "medium", title, str(principal), inside, facts=facts)


def _by_principal(calls: pd.DataFrame) -> Iterator[tuple[Any, pd.DataFrame]]:
    yield from _in_time(calls).groupby("principal", sort=False)


def _in_time(calls: pd.DataFrame) -> pd.DataFrame:
    """Oldest first; calls of one moment stay as they stand."""
    if calls["event_time"].is_monotonic_increasing:
        return calls
    return calls.sort_values("event_time", kind="stable")


_Places = NDArray[np.intp]


def _ends(times: pd.Series[Any], stretch: timedelta) -> _Places:
    """For each event (in order of time) the position after the last one that is no later than `stretch` after it."""
    moments = times.astype("int64").to_numpy()
    unit = {"us": 1_000_000, "ns": 1_000_000_000}[times.dt.unit]
    return moments.searchsorted(moments + int(stretch.total_seconds() * unit), side="right")


def _longest(ends: _Places) -> int:
    """Where the stretch with the most events begins."""
    return int((ends - np.arange(len(ends))).argmax())


def _different(values: pd.Series[Any], ends: _Places) -> _Places:
    """How many different values each stretch has; by running counts of each, for stretches overlap."""
    codes, found = values.factorize()[0], np.zeros(len(ends), dtype=np.intp)
    for code in range(int(codes.max(initial=-1)) + 1):
        before = np.concatenate([[0], (codes == code).cumsum()])
        found += before[ends] > before[:-1]
    return found


def _within(chosen: NDArray[np.bool_], ends: _Places) -> NDArray[np.bool_]:
    """Which events lie in one of the chosen stretches."""
    steps = np.zeros(len(ends) + 1, dtype=np.intp)
    np.add.at(steps, np.flatnonzero(chosen), 1)
    np.add.at(steps, ends[chosen], -1)
    return steps.cumsum()[:-1] > 0


RULES: Final[tuple[Rule, ...]] = (
    new_client,
    new_network,
    region_spread,
    burst,
    enumeration_then_invocation,
    access_probe,
)
