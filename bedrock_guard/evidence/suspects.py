"""Which key looks stolen: several findings together about one caller, and the part of its calls that they are about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pandas as pd

from bedrock_guard.evidence.caller_names import short
from bedrock_guard.evidence.finding import Finding
from bedrock_guard.evidence.invocations import INVOCATIONS
from bedrock_guard.evidence.key_use import SUMMED_FROM, counts, use_by
from bedrock_guard.evidence.rules_use import networks_of
from bedrock_guard.evidence.tables import total
from bedrock_guard.evidence.words import listed, many

SIGNS: Final = {
    "new_network": "a new network",
    "new_client": "a new program",
    "region_spread": "several Regions at once",
    "enumeration_then_invocation": "models listed and then called",
    "access_probe": "calls that could only fail",
    "logging_off_refused": "an attempt to switch logging off",
    "phantom_credentials": "further credentials",
    "burst": "a burst of calls",
    "denied_burst": "a burst of refusals",
}
"""Rule -> what it says of a caller, in words."""
_ENOUGH: Final = 3


@dataclass(frozen=True, slots=True)
class Suspect:
    """A caller that shows the signs of a stolen key: what looks like theft, not who did it.

    Args:
        about: the caller's name.
        signs: what was found, in words.
        since: the first event of it (UTC).
        last: the last call of the part that is new for the caller; the last event of the signs where nothing is new.
        calls: how many calls are new for the caller (from a new network, with a new program).
        usd_at_least: what those cost at least; None when it cannot be told.
        networks: where they came from.
        clients: the programs they were made with.
        others: every other caller seen from those networks, with what it did, in words.
        unlogged: when invocation logging was off or weaker while the new calls went on, a sentence each.
    """

    about: str
    signs: tuple[str, ...]
    since: datetime | None
    last: datetime | None
    calls: int
    usd_at_least: Decimal | None
    networks: tuple[str, ...]
    clients: tuple[str, ...]
    others: tuple[str, ...] = ()
    unlogged: tuple[str, ...] = ()


def signs_of_theft(found: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Of pairs of a rule and whom it is about: whoever shows at least three different signs, with the signs.

    Example:
        >>> signs_of_theft([("new_network", "ana"), ("new_client", "ana"), ("burst", "ana"), ("burst", "ben")])
        {'ana': ['a new network', 'a new program', 'a burst of calls']}
    """
    signs: dict[str, dict[str, None]] = {}
    for rule, about in found:
        if rule in SIGNS:
            signs.setdefault(about, {})[SIGNS[rule]] = None
    return {about: list(own) for about, own in signs.items() if len(own) >= _ENOUGH}


def suspects(
    findings: Sequence[Finding], calls: pd.DataFrame, prices: pd.DataFrame | None = None
) -> tuple[Suspect, ...]:
    """Every caller that shows the signs of a stolen key, the earliest first.

    Args:
        findings: of the rules.
        calls: the trail table they were found in.
        prices: a price table; without one no dollars are given.
    """
    named = signs_of_theft((found.rule, short(found.subject)) for found in findings)
    made = [_suspect(about, signs, findings, calls, prices) for about, signs in named.items()]
    return tuple(sorted(made, key=lambda one: (one.since is None, one.since)))


def _suspect(
    about: str,
    signs: Sequence[str],
    findings: Sequence[Finding],
    calls: pd.DataFrame,
    prices: pd.DataFrame | None,
) -> Suspect:
    telling = [found for found in findings if found.rule in SIGNS and short(found.subject) == about]
    new = _new(about, telling, calls)
    costs = use_by(new, ["principal"], prices)["usd_at_least"].dropna()
    times = [found.first_seen for found in telling if found.first_seen]
    ends = [found.last_seen for found in telling if found.last_seen]
    networks = tuple(counts(networks_of(new["source_ip"])))
    return Suspect(
        about=about,
        signs=tuple(signs),
        since=min(times, default=None),
        last=new["event_time"].max().to_pydatetime() if len(new) else max(ends, default=None),
        calls=len(new),
        usd_at_least=total(costs) if len(costs) else None,
        networks=networks,
        clients=tuple(counts(new["client"])),
        others=others_from(networks, about, calls),
        unlogged=tuple(_unlogged(about, findings, new)),
    )


def _unlogged(about: str, findings: Sequence[Finding], made: pd.DataFrame) -> Iterator[str]:
    """Where and when invocation logging was off, or kept less, while model calls of `made` went on: what is lost.

    Calls are logged in the Region they were made in, and never afterwards:
    https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
    """
    asked = made[made["operation"].isin(list(INVOCATIONS)) & made["error_code"].isna()]
    gaps: dict[tuple[str, datetime | None], list[Finding]] = {}
    for found in findings:
        if found.rule == "invocation_logging_weakened" and found.first_seen:
            gaps.setdefault((found.subject, found.facts["set_again"]), []).append(found)
    for (region, back), lost in gaps.items():
        since = min(found.first_seen for found in lost if found.first_seen)
        inside = (asked["region"] == region) & (asked["event_time"] >= since)
        count = int((inside & (asked["event_time"] < back) if back else inside).sum())
        if not count:
            continue
        names = dict.fromkeys(name for found in lost for name in found.facts["lost"])
        off = "off" if "all of it" in names else f"weaker ({listed(names)})"
        until = f"to {back:%Y-%m-%d %H:%M} UTC" if back else "on, and is not set again in the records"
        yield (
            f"Model invocation logging was {off} in {region} from {since:%Y-%m-%d %H:%M} {until}, while {about} made "
            f"{many(count, 'model call')} of these: their prompts {'cannot' if off == 'off' else 'may not'} be read."
        )


def others_from(networks: Collection[str], about: str, calls: pd.DataFrame) -> tuple[str, ...]:
    """Every caller but one that was seen in some networks, with its session and what it did; first come, first told.

    Args:
        networks: as `networks_of` names them.
        about: the short name of the caller to leave out.
        calls: the trail table.
    """
    seen = calls[["event_time", "principal", "session", "operation", "source_ip", "invoked_by"]]
    seen = seen[seen["principal"].notna() & seen["invoked_by"].isna()]
    seen = seen[networks_of(seen["source_ip"]).isin(list(networks)).to_numpy()].sort_values("event_time")
    seen = seen[np.array([short(name) != about for name in seen["principal"]], dtype=bool)]
    found = []
    for (principal, session), own in seen.groupby(["principal", "session"], sort=False, dropna=False):
        name = " ".join([short(str(principal)), *([f"({session})"] if isinstance(session, str) else [])])
        did = listed(f"{operation} ({count})" for operation, count in counts(own["operation"]).items())
        found.append(f"{name}: {did}, the last at {own['event_time'].iloc[-1]:%Y-%m-%d %H:%M} UTC")
    return tuple(found)


def _new(about: str, findings: Sequence[Finding], calls: pd.DataFrame) -> pd.DataFrame:
    """The caller's calls from networks and with programs that were new for it."""
    values: dict[str, set[Any]] = {"new_network": set(), "new_client": set()}
    for found in findings:
        if found.rule in values:
            values[found.rule].add(found.facts.get("value"))
    calls = calls[list(SUMMED_FROM)]
    callers = [one for one in calls["principal"].dropna().unique() if short(one) == about]
    own = calls[calls["principal"].isin(callers)]
    networks = networks_of(own["source_ip"])
    return own[networks.isin(values["new_network"]) | own["client"].isin(values["new_client"])]
