"""Who spent it: a window's bill by caller, from a cost export that names callers, and from the tokens of seen calls.

The export is AWS's own answer and needs the option "Include caller identity (IAM principal) allocation data"; counting
tokens works without it, and reaches as far as calls tell their tokens.
https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pandas as pd

from bedrock_guard.account.exports_s3 import read_export_at
from bedrock_guard.account.facts import learnt
from bedrock_guard.account.invocation_logs import read_invocation_logs
from bedrock_guard.account.resources import NAMING, kept_profiles, read_resources
from bedrock_guard.account.s3 import is_address
from bedrock_guard.account.sole_callers import read_sole_callers
from bedrock_guard.account.stored_calls import calls_at
from bedrock_guard.account.trail_lookup import look_up
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.attribution import Attribution, attribute, unread_accounts
from bedrock_guard.evidence.spend import classify_bill
from bedrock_guard.evidence.tables import Provenance, money, provenance_of, total, with_provenance
from bedrock_guard.evidence.token_counts import joined, of_calls, of_seen

if TYPE_CHECKING:
    from bedrock_guard.account.cost_explorer import Window
    from bedrock_guard.account.session import Account
    from bedrock_guard.account.spending import Spending


@dataclass(frozen=True)
class CallerSpend:
    """A window's usage by caller.

    Args:
        counted: the bill spread over seen calls; None when no source of tokens was read.
        tokens: where the counts came from.
        exported: the export's lines of the window, classified, with `principal` and `resource_id`; None without one.
        control: what Cost Explorer says of the same days, credits and tax included.
        asked: (service, operation) -> requests made for this value.
        unread: accounts with spend on models none of whose calls was read.
    """

    counted: Attribution | None
    tokens: Provenance
    exported: pd.DataFrame | None
    control: Decimal | None = None
    asked: Mapping[tuple[str, str], int] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

    @property
    def exported_total(self) -> Decimal | None:
        """All lines of the export in the window; None without one, in several currencies, or with an unread amount."""
        if self.exported is None or self.exported["currency"].nunique() > 1:
            return None
        amounts = [money(value) for value in self.exported["cost"]]
        return None if None in amounts else total(amounts)

    @property
    def difference(self) -> Decimal | None:
        """The export less Cost Explorer; None when one of them is unknown."""
        whole = self.exported_total
        return None if whole is None or self.control is None else whole - self.control


def read_caller_spend(
    account: Account,
    found: Spending,
    *,
    history: bool = True,
    logs: str = "",
    export: str = "",
    calls: str = "",
) -> CallerSpend:
    """Spread a window's bill over its callers. Reads only; CloudTrail's event history is free, two requests a second.

    Args:
        account: who is asked.
        found: the window's spend.
        history: read CloudTrail's event history of the window's Regions; it reaches 90 days back.
        logs: a folder or `s3://bucket/prefix` with model invocation logs.
        export: a folder or `s3://bucket/prefix` with a CUR 2.0 (or FOCUS) export.
        calls: a trail store, a file of the command `tuples`, files of a trail, or `s3://bucket/prefix`, whose calls are
            taken instead of event history; they are counts, which cannot be joined with logs.

    Raises:
        GuardError: there is nothing to read at `logs`, `export` or `calls`, or both `logs` and `calls` are given.
    """
    if calls and logs:
        raise GuardError(
            "Counts of calls and invocation logs cannot be read together.",
            why="A store's calls are summed up: which of them a log holds too is not known.",
            remedy="Give either calls or logs.",
        )
    before = account.requests.counts()
    seen = _seen(account, found, calls, history=history)
    tokens = _logged(account, found, logs) if logs else None
    tokens = of_seen(seen) if calls and seen is not None else joined(tokens, _of_history(seen))
    gaps = found.now.gaps
    known = (logs or seen is not None) and not gaps
    owners = None if seen is None else read_sole_callers(account, seen)
    counted = attribute(found.lines, tokens, owners=owners) if known else None
    said = provenance_of(tokens)
    said = said.lowered("unknown", f"the bill is not whole: {' '.join(gaps)}") if gaps else said
    exported = _exported(account, found, export) if export else None
    asked = dict(account.requests.counts() - before)
    unread = unread_accounts(found.lines, tokens if seen is None else seen)
    return CallerSpend(counted, said, exported, found.now.proof.control_total, asked, unread)


def _logged(account: Account, found: Spending, place: str) -> pd.DataFrame:
    """The log's counters in the window; application profiles are known by the account's own lists, which are free."""
    listed = read_resources(account, _regions(account, found), NAMING)
    kept = kept_profiles(listed, found.catalogue)
    return _within(read_invocation_logs(account, place, found.catalogue, kept=kept).frame, found.window)


def _of_history(seen: pd.DataFrame | None) -> pd.DataFrame | None:
    return None if seen is None else of_calls(seen)


def _seen(account: Account, found: Spending, place: str, *, history: bool) -> pd.DataFrame | None:
    """The calls of the window: of a place, of event history, or none."""
    start, end = _instants(found.window)
    if place:
        return calls_at(place, start, end, account)
    if not history:
        return None
    start = max(start, account.now - timedelta(days=90))
    return look_up(account, _regions(account, found), start, end, catalogue=found.catalogue).reading.frame


def _regions(account: Account, found: Spending) -> tuple[str, ...]:
    billed = {str(name) for name in found.now.lines["region"].dropna().unique() if "-" in str(name)}
    return tuple(sorted(billed | {account.region}))


def _within(tokens: pd.DataFrame, window: Window) -> pd.DataFrame:
    start, end = _instants(window)
    kept: pd.DataFrame = tokens[(tokens["event_time"] >= start) & (tokens["event_time"] < end)]
    return with_provenance(kept.reset_index(drop=True), provenance_of(tokens))


def _exported(account: Account, found: Spending, place: str) -> pd.DataFrame:
    reading = read_export_at(account, place, months=_months(found.window) if is_address(place) else ())
    start, end = _instants(found.window)
    days = reading.frame["day"]
    kept: pd.DataFrame = reading.frame[(days >= start) & (days < end)].reset_index(drop=True)
    lines = classify_bill(kept, found.catalogue, learnt=learnt(account))
    return with_provenance(lines, provenance_of(reading.frame))


def _months(window: Window) -> tuple[str, ...]:
    days = (window.start + timedelta(days=n) for n in range(window.days))
    return tuple(dict.fromkeys(f"{day:%Y-%m}" for day in days))


def _instants(window: Window) -> tuple[datetime, datetime]:
    def midnight(day: date) -> datetime:
        return datetime.combine(day, time(), UTC)

    return midnight(window.start), midnight(window.end)
