"""One key's page: whose it is, what was done with it and from where, in order of time, and what to do if it leaked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import pandas as pd

from bedrock_guard.evidence.caller_names import who
from bedrock_guard.evidence.denials import LAYER_WORDS
from bedrock_guard.evidence.finding import Finding, json_of
from bedrock_guard.evidence.key_facts import UserFacts
from bedrock_guard.evidence.key_use import key_use, summed, use_by
from bedrock_guard.evidence.keys import calls_with_key_of, credential_events
from bedrock_guard.evidence.rules_use import networks_of
from bedrock_guard.evidence.runbook import Reach, Step, long_term_runbook, short_term_runbook
from bedrock_guard.evidence.runbook_commands import stopping
from bedrock_guard.evidence.tables import Table, provenance_of

if TYPE_CHECKING:
    from bedrock_guard.account.keys import Keys

EVENTS: Final = Table(
    "timeline",
    {
        "at": "datetime64[us, UTC]",
        "what": "string",
        "who": "string",
        "source_ip": "string",
        "event_id": "string",
    },
)
"""What happened to a key and with it, oldest first; what was derived and is no single event has no event id."""

_MOST_REFUSALS: Final = 20
_IAM: Final = "iam.amazonaws.com"
_ALREADY: Final = frozenset({"logging_off_refused", "phantom_credentials"})
"""Rules about single calls that stand in a timeline by themselves; so do those about keys."""


@dataclass(frozen=True)
class KeyPage:
    """One key.

    Args:
        key: its id, or the access key id that signed short-term keys; empty on the page of an account without keys.
        kind: long_term or short_term; none on an empty page.
        user: the user, or the principal and session of short-term keys; on an empty page why it is empty, if known.
        calls: the calls made with it; several keys of one user cannot be told apart (see `notes`).
        use: one row of KEY_USE; no row when it was not used.
        models: its use by model.
        places: its use by network and client.
        events: EVENTS.
        findings: those about it, gravest first.
        runbook: what to do if it leaked; nothing here runs it.
        notes: what to know about this page.
        row: its row of the keys table; None for short-term keys, which no list holds.
        now: the moment the page is of (UTC).

    """

    key: str
    kind: Literal["long_term", "short_term", "none"]
    account_id: str
    user: str
    calls: pd.DataFrame
    use: pd.DataFrame
    models: pd.DataFrame
    places: pd.DataFrame
    events: pd.DataFrame
    findings: tuple[Finding, ...]
    runbook: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    row: pd.Series[Any] | None = None
    now: datetime | None = None

    @property
    def title(self) -> str:
        """The key in words."""
        words = {"long_term": "Long-term key", "short_term": "Short-term keys signed by"}
        return (
            f"{words[self.kind]} {self.key} of {self.user}"
            if self.kind in words
            else self.user or f"Account {self.account_id} has no long-term key that could be read."
        )


def no_page(account_id: str) -> KeyPage:
    """The page of an account without keys."""
    empty = pd.DataFrame()
    return KeyPage("", "none", account_id, "", empty, empty, empty, empty, EVENTS.empty(), (), ())


def weight_of_key(row: pd.Series[Any], calls: pd.DataFrame, findings: Sequence[Finding]) -> tuple[int, int]:
    """How many findings and calls the page of a long-term key has, without making the page."""
    looked_at = calls[["principal", "key_kind"]]
    made = calls_with_key_of(str(row["user"]), looked_at, str(row["account_id"]))
    return len(_findings_about(row, findings)), len(made)


def page_of_key(
    row: pd.Series[Any],
    keys: Keys,
    calls: pd.DataFrame,
    findings: Sequence[Finding],
    prices: pd.DataFrame | None,
    *,
    told: pd.DataFrame,
    account: str = "default",
) -> KeyPage:
    """The page of a long-term key.

    `row` is its row of the keys table, `told` the calls summed, `account` the account as a command names it.
    """
    user, key, account_id = str(row["user"]), str(row["credential_id"]), str(row["account_id"])
    made = calls_with_key_of(user, calls, account_id)
    made.attrs = calls.attrs
    own = _findings_about(row, findings)
    events = [*_of_iam(row, calls), *_of_use(made), *_of_findings(own), *_of_list(row)]
    held = [one.credential_id for one in keys.listing.credentials if one.user == user]
    steps = long_term_runbook(
        keys.users.get(user) or UserFacts(user),
        key,
        _reach(account_id, made, account),
        service=None if pd.isna(row["service"]) else row["service"],
        others=tuple(one for one in held if one not in {key, None}),
    )
    alike, notes = calls_with_key_of(user, told, account_id), _unsure(user, keys)
    page = _page(key, "long_term", account_id, user, made, alike, prices, events, own, steps, notes)
    return replace(page, row=row, now=provenance_of(keys.table).asked_at)


def _unsure(user: str, keys: Keys) -> tuple[str, ...]:
    """What of a user's keys cannot be told apart, or could not be read."""
    shared = int((keys.table["user"] == user).sum())
    several = f"{user} has {shared} keys; which of them made a call is in no record."
    facts = keys.users.get(user)
    unread = f"Whether {user} has access keys could not be read."
    return (
        *([several] if shared > 1 else []),
        *([unread] if facts is None or facts.access_keys is None else []),
    )


def page_of_session(
    key: str,
    made: pd.DataFrame,
    findings: Sequence[Finding],
    prices: pd.DataFrame | None,
    now: datetime,
    *,
    account: str = "default",
) -> KeyPage:
    """The page of short-term keys that one signing key made; `made` are their calls, one at least."""
    first = made.iloc[0]
    arn = "" if pd.isna(first["principal"]) else str(first["principal"])
    account_id = str(first["account_id"])
    steps = short_term_runbook(arn, key, _reach(account_id, made, account), now=now)
    own = tuple(found for found in findings if set(found.evidence) & set(made["event_id"]))
    notes = ("Making a short-term key leaves no event; only its use shows.",)
    events = [*_of_use(made), *_of_findings(own)]
    return _page(
        key, "short_term", account_id, who(first), made, summed(made), prices, events, own, steps, notes
    )


def _page(  # noqa: PLR0913, PLR0917 - the parts of a page, put together in one place
    key: str,
    kind: Literal["long_term", "short_term"],
    account_id: str,
    user: str,
    made: pd.DataFrame,
    told: pd.DataFrame,
    prices: pd.DataFrame | None,
    events: Iterable[Mapping[str, Any]],
    findings: tuple[Finding, ...],
    steps: tuple[Step, ...],
    notes: tuple[str, ...],
) -> KeyPage:
    placed = told.assign(network=networks_of(told["source_ip"]))
    named = told[told["model"].notna()]
    return KeyPage(
        key=key,
        kind=kind,
        account_id=account_id,
        user=user,
        calls=made,
        use=key_use(told, prices),
        models=use_by(named, ["model"], prices),
        places=use_by(placed, ["network", "client"], prices),
        events=EVENTS.frame(sorted(events, key=lambda event: pd.Timestamp(event["at"]))),
        findings=findings,
        runbook=steps,
        notes=notes,
    )


def _reach(account_id: str, made: pd.DataFrame, account: str) -> Reach:
    regions = tuple(sorted({str(region) for region in made["region"].dropna()}))
    return Reach(account_id, regions, tuple(_stops(made)), account)


def _stops(made: pd.DataFrame) -> Iterator[str]:
    """The commands that stop what these calls started, where the answer named it."""
    answered = made[made["outcome"].notna() & made["error_code"].isna()]
    columns = (answered[name] for name in ("operation", "region", "outcome"))
    for operation, region, outcome in zip(*columns, strict=True):
        arns = [value for name, value in json_of(outcome).items() if name.lower().endswith("arn")]
        command = stopping(str(operation), str(arns[0]), str(region)) if arns else None
        if command:
            yield command


def _findings_about(row: pd.Series[Any], findings: Iterable[Finding]) -> tuple[Finding, ...]:
    names = str(row["user"]), row["user_arn"], str(row["credential_id"])
    return tuple(found for found in findings if _about(found, *names))


def _about(finding: Finding, user: str, arn: Any, key: str) -> bool:
    """Whether a finding is about this key, or about its user and about no other key."""
    named = finding.facts.get("credential_id")
    return named == key or (named is None and finding.subject in {user, str(arn), key})


def _of_iam(row: pd.Series[Any], calls: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """What others did to the user or to the key, refused attempts too."""
    user, key = str(row["user"]), str(row["credential_id"])
    changes = credential_events(calls)
    by_id = set(changes.loc[changes["credential_id"] == key, "event_id"])
    other = set(changes.loc[changes["credential_id"].notna() & (changes["credential_id"] != key), "event_id"])
    iam = calls[(calls["service"] == _IAM) & ~calls["event_id"].isin(list(other))]
    for _, event in iam.iterrows():
        asked = json_of(event["parameters"])
        refused = str(event["denied_resource"]).endswith((f":user/{user}", f"/{user}"))
        if event["event_id"] in by_id or asked.get("userName") == user or refused:
            went = "" if pd.isna(event["error_code"]) else f" ({event['error_code']})"
            status = f" to {asked['status']}" if isinstance(asked.get("status"), str) else ""
            yield _event(event, f"{event['operation']}{status}{went}")


def _of_use(made: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """First and last call, and refused calls up to a number."""
    if not len(made):
        return
    ordered = made.sort_values("event_time")
    yield _event(ordered.iloc[0], f"first call with it in these days: {ordered.iloc[0]['operation']}")
    if len(ordered) > 1:
        yield _event(ordered.iloc[-1], f"last call with it: {ordered.iloc[-1]['operation']}")
    refused = ordered[ordered["denied_by"].notna()]
    for _, event in refused.head(_MOST_REFUSALS).iterrows():
        yield _event(event, f"refused: {event['operation']} by {LAYER_WORDS[str(event['denied_by'])]}")


def _of_findings(findings: Iterable[Finding]) -> Iterator[dict[str, Any]]:
    for found in findings:
        if found.evidence and found.rule not in _ALREADY and not found.rule.startswith("key_"):
            yield {"at": found.first_seen, "what": found.title, "event_id": found.evidence[0]}


def _of_list(row: pd.Series[Any]) -> Iterator[dict[str, Any]]:
    """What IAM's list says and no record does."""
    if pd.isna(row["creator_event"]) and pd.notna(row["created"]):
        yield {"at": row["created"], "what": "created (IAM's list; no record of these days says by whom)"}
    if pd.notna(row["expires"]):
        yield {"at": row["expires"], "what": "expires"}


def _event(event: pd.Series[Any], what: str) -> dict[str, Any]:
    return {
        "at": event["event_time"],
        "what": what,
        "who": who(event) if pd.isna(event["session"]) else event["session"],
        "source_ip": event["source_ip"],
        "event_id": event["event_id"],
    }
