"""What a rule is made of: the evidence it looks at, the thresholds at which it speaks, and the findings it gives.

A rule is a function from `Evidence` and `Thresholds` to findings. Rules say what happened, not that somebody is guilty.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.parameters import is_bedrock
from bedrock_guard.evidence.phantoms import Phantom
from bedrock_guard.evidence.tables import Completeness, provenance_of

if TYPE_CHECKING:
    import pandas as pd

BEDROCK: Final = "bedrock.amazonaws.com"
Severity = Literal["high", "medium", "low"]
MOST_IDS: Final = 50
"""Event ids a finding lists; `evidence_count` says how many there are."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a rule speaks.

    Args:
        key_age_days: age of a key's secret above which it is old.
        endless_days: a key that ends later than after so many days never ends in practice; AWS takes up to 36,600.
        baseline_days: how long a principal must be known before something can be new for it.
        baseline_calls: how many calls must be known before something can be new.
        spread_regions: Regions called by one principal...
        spread_minutes: ...within so many minutes.
        burst_calls: model calls by one principal...
        burst_minutes: ...within so many minutes...
        burst_factor: ...and so many times its median for such a stretch.
        enumeration_calls: looks at models and profiles by one principal...
        enumeration_minutes: ...that precede a model call by no more than so many minutes.
        probe_calls: model calls that end in ValidationException within an hour.
        expiring_days: a key that ends within so many days; of a report's own, 0 never speaks.
        denied_calls: refused calls of one caller...
        denied_minutes: ...within so many minutes.

    """

    key_age_days: int = 90
    endless_days: int = 3650
    baseline_days: int = 7
    baseline_calls: int = 20
    spread_regions: int = 3
    spread_minutes: int = 30
    burst_calls: int = 100
    burst_minutes: int = 5
    burst_factor: int = 5
    enumeration_calls: int = 3
    enumeration_minutes: int = 60
    probe_calls: int = 3
    expiring_days: int = 14
    denied_calls: int = 5
    denied_minutes: int = 60

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Thresholds:
        """Thresholds from a spec file's table; what it does not name keeps its default.

        Raises:
            GuardError: a name that is none, or a value that is no whole number above 0.

        Example:
            >>> Thresholds.of({"key_age_days": 30}).key_age_days
            30
        """
        known = {item.name for item in fields(cls)}
        wrong = [n for n, v in given.items() if n not in known or type(v) is not int or v < 1]
        if wrong:
            raise GuardError(
                f"These thresholds cannot be used: {', '.join(sorted(wrong))}.",
                remedy=f"Whole numbers above 0 for {', '.join(sorted(known))}.",
            )
        return cls(**given)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rules look at.

    Args:
        calls: the trail table.
        now: the present moment (UTC).
        keys: the keys table (`evidence.keys.KEY_TABLE`); None when keys were not read.
        phantoms: the verdict on each phantom user.
    """

    calls: pd.DataFrame
    now: datetime
    keys: pd.DataFrame | None = None
    phantoms: tuple[Phantom, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that deserves a look.

    Args:
        rule: the rule's name.
        severity: high, medium or low.
        title: what happened, in one sentence.
        subject: whom or what it is about.
        account_id: where; None when unknown.
        first_seen: the earliest event of it (UTC).
        last_seen: the latest.
        evidence: event ids, the first `MOST_IDS`.
        evidence_count: how many events there are.
        completeness: complete, floor (there may be more) or unknown (it cannot be told).
        why: the reason for anything but complete.
        facts: further details, by name.
    """

    rule: str
    severity: Severity
    title: str
    subject: str
    account_id: str | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    evidence: tuple[str, ...] = ()
    evidence_count: int = 0
    completeness: Completeness = "complete"
    why: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


Rule = Callable[[Evidence, Thresholds], Iterable[Finding]]


def bedrock_calls(calls: pd.DataFrame) -> pd.DataFrame:
    """Calls on an endpoint of Bedrock, with the columns that rules and questions about use look at."""
    called = is_bedrock_call(calls)
    found = narrowed(calls) if called.all() else narrowed(calls)[called]
    found.attrs = calls.attrs
    return found


def narrowed(calls: pd.DataFrame) -> pd.DataFrame:
    """The columns that rules and questions about use look at; choosing rows of all columns takes twice as long."""
    found = calls[_OF_USE]
    found.attrs = calls.attrs
    return found


def is_bedrock_call(calls: pd.DataFrame) -> pd.Series[Any]:
    """Which calls went to an endpoint of Bedrock, as a mask of the rows."""
    named = [one for one in calls["service"].dropna().unique() if is_bedrock(str(one).partition(".")[0])]
    return calls["service"].isin(named)


_OF_USE: Final = (
    "event_id event_time key_kind account_id region inference_region principal session client source_ip vpc_endpoint "
    "service operation model model_raw error_code denied_by invoked_by"
).split()


def of_events(
    rule: str, severity: Severity, title: str, subject: str, events: pd.DataFrame, **more: Any
) -> Finding:
    """A finding made of events: their ids, times and account, and how complete the records are they came from."""
    proof = provenance_of(events)
    ordered = events[["event_time", "event_id", "account_id"]].sort_values("event_time", kind="stable")
    accounts = ordered["account_id"].dropna()
    return Finding(
        rule=rule,
        severity=severity,
        title=title,
        subject=subject,
        account_id=str(accounts.iloc[0]) if len(accounts) else None,
        first_seen=ordered["event_time"].iloc[0].to_pydatetime(),
        last_seen=ordered["event_time"].iloc[-1].to_pydatetime(),
        evidence=tuple(ordered["event_id"].iloc[:MOST_IDS].astype(str)),
        evidence_count=len(ordered),
        **{"completeness": proof.completeness, "why": proof.why, **more},
    )


def of_event(
    rule: str,
    severity: Severity,
    title: str,
    subject: str,
    calls: pd.DataFrame,
    event: pd.Series[Any],
    **facts: Any,
) -> Finding:
    """A finding of one event; `completeness` and `why` among the facts replace those of the records."""
    row = calls.loc[[event.name]]
    row.attrs = calls.attrs
    more = {name: facts.pop(name) for name in ("completeness", "why") if name in facts}
    return of_events(rule, severity, title, subject, row, facts=facts, **more)


def json_of(text: Any) -> dict[str, Any]:
    """The object in a JSON column's cell; empty for NA."""
    value = json.loads(text) if isinstance(text, str) else {}
    return value if isinstance(value, dict) else {}


def succeeded(calls: pd.DataFrame, *operations: str, source: str | None = None) -> pd.DataFrame:
    """Calls of these operations that went through, oldest first."""
    wanted = calls["operation"].isin(list(operations)) & calls["error_code"].isna()
    if source:
        wanted &= calls["service"].eq(source).fillna(value=False)
    found = calls[wanted].sort_values("event_time")
    found.attrs = calls.attrs
    return found
